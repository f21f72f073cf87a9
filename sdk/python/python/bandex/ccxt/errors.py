"""The exchange's problem documents as ccxt's exceptions.

What decides is first what became of the request: while nobody knows, it is a ``RequestTimeout``, which a program takes
for what it is, never something that reads as "not placed". Every exception carries the document as ``problem``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ccxt.base import errors as ccxt_errors

__all__ = ["ACCEPTED", "failure", "is_problem", "problem_of"]

#: Outcomes of a block that was sequenced and stands in its lane, whatever came of it.
ACCEPTED = ("accepted", "refused")

_BY_CODE: dict[str, type[ccxt_errors.BaseError]] = {
    code: error
    for error, codes in {
        ccxt_errors.AccountSuspended: "account_frozen key_forked key_revoked fork lane_broken",
        ccxt_errors.AuthenticationError: (
            "not_logged_in login_failed bad_http_signature unknown_key grant_expired bad_signature wrong_network "
            "key_not_canonical weak_key"
        ),
        ccxt_errors.BadRequest: "bad_request bad_cursor beyond_head method_not_allowed",
        ccxt_errors.BadSymbol: "unknown_market",
        ccxt_errors.DuplicateOrderId: "duplicate_client_id",
        ccxt_errors.ExchangeNotAvailable: "overloaded behind timed_out store_unreadable internal no_bitcoin",
        ccxt_errors.InsufficientFunds: (
            "insufficient_free bids_above_bound limit_reached limit_exhausted below_tranche insufficient_bond"
        ),
        ccxt_errors.InvalidNonce: "gap expired time_unit expiry_unit clock_skew",
        ccxt_errors.InvalidOrder: (
            "zero_quantity too_large bad_terms bad_date bad_quotes not_served trigger_reached too_many_orders "
            "body_too_large malformed not_canonical bad_body unknown_kind wrong_version"
        ),
        ccxt_errors.MarketClosed: "market_closed not_in_auction",
        ccxt_errors.OnMaintenance: "stopping",
        ccxt_errors.OperationRejected: "protection_tripped no_epoch not_scored",
        ccxt_errors.OrderImmediatelyFillable: "post_only_would_trade would_trade",
        ccxt_errors.OrderNotFillable: "fok_unfilled minimum_unfilled",
        ccxt_errors.OrderNotFound: "unknown_order not_your_order",
        ccxt_errors.PermissionDenied: (
            "not_admitted not_yours out_of_scope root_only not_operator not_the_operator market_not_granted "
            "above_grant bad_origin"
        ),
        ccxt_errors.RateLimitExceeded: "rate_limited too_many_subscriptions too_many_connections",
    }.items()
    for code in codes.split()
}


def is_problem(answer: Any) -> bool:
    """Whether this is a problem document, or an operation that was refused."""
    return isinstance(answer, Mapping) and isinstance(answer.get("code"), str) and "detail" in answer


def problem_of(error: BaseException) -> Mapping[str, Any]:
    """The document an exception carries; empty if it has none."""
    return getattr(error, "problem", None) or {}


def _kind(problem: Mapping[str, Any], about_orders: bool) -> type[ccxt_errors.BaseError]:
    code = str(problem.get("code"))
    if problem.get("outcome") == "unknown" or code == "unknown_outcome":
        return ccxt_errors.RequestTimeout
    if code == "not_found":
        return ccxt_errors.OrderNotFound if about_orders else ccxt_errors.BadRequest
    status = problem.get("status") or 0
    by_status = ccxt_errors.ExchangeNotAvailable if status >= 500 else ccxt_errors.ExchangeError
    return _BY_CODE.get(code, by_status)


def failure(name: str, problem: Mapping[str, Any], about_orders: bool = False) -> ccxt_errors.BaseError:
    """The exception for a problem document; ``name`` is the exchange's id."""
    error = _kind(problem, about_orders)(f"{name} {json.dumps(problem)}")
    error.problem = dict(problem)  # type: ignore[attr-defined]
    return error
