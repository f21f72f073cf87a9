"""Signed blocks on their way: sent until their fate is known, one at a time, and never two for one place."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

from ccxt.base.errors import AccountSuspended, BadResponse, BaseError, InvalidOrder, NetworkError, RequestTimeout

from bandex import _core

from .describe import MOST_OPERATIONS
from .errors import ACCEPTED, problem_of
from .lane import Lane, Sent, lane_of
from .steps import Steps
from .venue import Venue

__all__ = ["Send", "Submitting"]

#: Sends a signed block and gives the reply: over REST, or over the WebSocket.
Send = Callable[[dict[str, Any]], Any]

#: How long to wait before the same bytes are sent again, in milliseconds, if the exchange does not say.
_AGAIN_MS = 200


class Submitting(Venue):
    """Blocks."""

    def _rest(self: Any, wire: dict[str, Any]) -> Any:
        return self.publicPostBlocks(wire)

    def _lane(self: Any) -> Lane:
        listings = self._listings
        return lane_of(self.keypair(), listings.node, listings.network)

    def _send(self: Any, operations: list[dict[str, Any]], send: Send | None = None) -> Steps[tuple[Any, Any]]:
        """Puts operations into the next block of the lane and sends it until its fate is known. Gives the reply."""
        if not 0 < len(operations) <= MOST_OPERATIONS:
            raise InvalidOrder(f"{self.id} a block holds 1 to {MOST_OPERATIONS} operations")
        yield from self._load()
        lane, send = self._lane(), send or self._rest
        yield from self._enter(lane)
        try:
            if lane.broken is not None:
                raise AccountSuspended(f"{self.id} {lane.broken}")
            if lane.pending is not None:
                yield from self._clear(lane, lane.pending, send)
            head = lane.head(self.options["laneAge"] / 1000)
            if head is None:
                head = yield from self._find_head(lane)
            now = self.now_us()
            sent = lane.sign(head, self._listings, operations, now, now + self.options["expiry"] * 1000)
            return (yield from self._deliver(lane, sent, send))
        finally:
            lane.lock.release()

    def _enter(self: Any, lane: Lane) -> Steps[None]:
        """Waits until no other block of this lane is on its way."""
        end = time.monotonic() + self.timeout / 1000
        while not lane.lock.acquire(blocking=False):
            if time.monotonic() > end:
                raise NetworkError(f"{self.id} an earlier order is still on its way; this one was not sent")
            yield partial(self.sleep, 1)

    def _find_head(self: Any, lane: Lane) -> Steps[tuple[int, str]]:
        page = yield partial(self.publicGetLanesKey, {"key": lane.keypair.public, "limit": 1})
        return lane.learn(page["head_seq"], page["head_id"])

    def _clear(self: Any, lane: Lane, sent: Sent, send: Send) -> Steps[None]:
        """Finds out what became of the block before: the same bytes have the same answer, or a place in the lane."""
        if (yield from self._find_head(lane)) != (sent.block["seq"], sent.block["block_id"]):
            # Whoever sent it left without an answer, was told that it has no effect, or gave up; the order may have
            # been given again since. So it may take its place only when it cannot have an effect any more, by the
            # clock that judges it.
            while (left := sent.expiry_us - (yield self.publicGetTime)["time_us"]) >= 0:
                yield partial(self.sleep, left // 1000 + 1)
        try:
            yield from self._deliver(lane, sent, send)
        except BaseError as error:
            if problem_of(error).get("outcome") not in ACCEPTED:
                raise

    def _deliver(self: Any, lane: Lane, sent: Sent, send: Send) -> Steps[Any]:
        """Sends a block, again and again while nobody knows what became of it or the exchange asks for that."""
        end = time.monotonic() + self.options["expiry"] / 1000
        while True:
            try:
                reply = yield partial(send, {**sent.wire, "receipt": self.options["receipts"]})
            except BaseError as error:
                wait = self._judge(lane, sent, error, end)
                yield partial(self.sleep, wait)
            else:
                lane.settle(sent)
                return self._checked(reply, sent)

    def _judge(self: Any, lane: Lane, sent: Sent, error: BaseError, end: float) -> int:
        """After how many milliseconds to send the same bytes again; or raises what the error means."""
        problem = problem_of(error)
        code, outcome = problem.get("code"), problem.get("outcome")
        if outcome in ACCEPTED:
            lane.settle(sent)
            raise error
        if code == "gap":
            # The exchange does not have the block before, so it can never take this one; its end is asked for anew.
            lane.pending = None
            lane.forget()
            raise error
        if code == "fork":
            lane.broken = (
                "this key signed two blocks for one place in its lane: its account is frozen until the root key heals"
            )
            raise error
        if outcome == "rejected" and not problem.get("retryable"):
            # The node can never take these bytes, so they prove no fork with what is signed in their place.
            lane.pending = None
            lane.forget()
            raise error
        # That these bytes were turned away now says nothing about an earlier time whose answer was lost.
        sent.doubted = sent.doubted or outcome != "rejected"
        given_up = time.monotonic() >= end or not (problem or isinstance(error, NetworkError))
        if given_up:
            raise self._unknown(sent, error) if sent.doubted else error
        return int(problem.get("retry_after_ms") or _AGAIN_MS)

    def _unknown(self: Any, sent: Sent, error: BaseError) -> BaseError:
        """Nobody knows yet: the next call finds out first, and the order has its name already."""
        name = f"{sent.block['key']}:{sent.block['seq']}:0"
        unknown = RequestTimeout(
            f"{self.id} nobody knows whether block {sent.block['block_id']} was sequenced; its order would be {name}"
        )
        unknown.problem = dict(problem_of(error)) or {"outcome": "unknown"}  # type: ignore[attr-defined]
        unknown.order = name  # type: ignore[attr-defined]
        unknown.__cause__ = error
        return unknown

    def _checked(self: Any, reply: dict[str, Any], sent: Sent) -> dict[str, Any]:
        """The reply, if it is about this block and the node signed for it."""
        if self.options["receipts"]:
            try:
                lane = self._lane()
                _core.check_receipt(reply, sent.wire, lane.node, lane.network)
            except Exception as error:
                raise BadResponse(f"{self.id} the receipt does not prove what it should: {error}") from error
        return reply
