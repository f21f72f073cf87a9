"""Orders whose answer is lost: placed once or not at all, and never told as something they are not."""

from __future__ import annotations

import asyncio
import inspect
import itertools
import json
import signal
import threading
import time
from typing import Any

import ccxt
import ccxt.async_support
import pytest
from bandex.ccxt.errors import failure
from proxy import Proxy, between
from venue import Venue

SYMBOL = "BWT/BTC"
_names = itertools.count(1)


def made_of(exchange: Any, *given: Any) -> Any:
    """What ``create_order`` of either class gives."""

    async def wait() -> Any:
        try:
            return await exchange.create_order(*given)
        finally:
            await exchange.close()

    return asyncio.run(wait()) if inspect.iscoroutinefunction(exchange.create_order) else exchange.create_order(*given)


def place(kind: Any, venue: Venue, proxy: Proxy, name: str, expiry: int = 10_000) -> Any:
    """An order through the connection that loses things."""
    config = venue.config("alice", expiry=expiry)
    return made_of(
        kind({**config, "hostname": proxy.hostname}), SYMBOL, "limit", "buy", 1, 1e-7, {"clientOrderId": name}
    )


def named(venue: Venue, name: str) -> list[dict[str, Any]]:
    """The orders of that name, in whatever state."""
    return ccxt.bandex(venue.config("alice")).fetch_orders(SYMBOL, None, 100, {"clientOrderId": name})


def lane_seq(order_id: str) -> int:
    return int(order_id.split(":")[1])


KINDS = [ccxt.bandex, ccxt.async_support.bandex]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("lost", ["request", "reply", "refused"])
def test_what_is_lost_once_is_sent_again_byte_for_byte(venue: Venue, kind: Any, lost: str) -> None:
    name = f"lost {next(_names)}"
    with between(venue.hostname) as proxy:
        proxy.plan = [lost, lost]
        order = place(kind, venue, proxy, name)
        blocks = [json.loads(body)["payload"] for body in proxy.posted]
    assert len(blocks) == 3 and len(set(blocks)) == 1
    assert [found["id"] for found in named(venue, name)] == [order["id"]]


@pytest.mark.parametrize("kind", KINDS)
def test_an_order_nobody_knows_of_is_found_out_before_the_next(venue: Venue, kind: Any) -> None:
    name, later = f"lost {next(_names)}", f"lost {next(_names)}"
    with between(venue.hostname) as proxy:
        proxy.then = "reply"
        with pytest.raises(ccxt.RequestTimeout) as unknown:
            place(kind, venue, proxy, name, expiry=500)
        assert unknown.value.problem["outcome"] == "unknown"
        proxy.then = None
        after = place(kind, venue, proxy, later)
    (found,) = named(venue, name)
    assert (found["id"], found["status"]) == (unknown.value.order, "open")
    assert lane_seq(after["id"]) == lane_seq(found["id"]) + 1


def test_an_order_that_never_arrived_has_no_effect_later(venue: Venue) -> None:
    name, later = f"lost {next(_names)}", f"lost {next(_names)}"
    with between(venue.hostname) as proxy:
        proxy.then = "request"
        with pytest.raises(ccxt.RequestTimeout) as unknown:
            place(ccxt.bandex, venue, proxy, name, expiry=500)
        proxy.then = None
        after = place(ccxt.bandex, venue, proxy, later)
        blocks = [json.loads(body)["payload"] for body in proxy.posted]
    assert named(venue, name) == []
    # Its place in the lane is taken by the same bytes, refused as expired; nothing else was ever signed for it.
    assert lane_seq(after["id"]) == lane_seq(unknown.value.order) + 1
    assert len(set(blocks)) == 2


def test_an_order_that_was_turned_away_has_no_effect_later(venue: Venue) -> None:
    name, later = f"lost {next(_names)}", f"lost {next(_names)}"
    with between(venue.hostname) as proxy:
        proxy.then = "refused"
        with pytest.raises(ccxt.RateLimitExceeded):
            place(ccxt.bandex, venue, proxy, name, expiry=500)
        proxy.then = None
        place(ccxt.bandex, venue, proxy, later)
        blocks = [json.loads(body)["payload"] for body in proxy.posted]
    assert named(venue, name) == []
    assert [order["status"] for order in named(venue, later)] == ["open"]
    assert len(set(blocks)) == 2


def test_an_order_whose_caller_left_is_not_placed_by_the_next_call(venue: Venue) -> None:
    name, again = f"lost {next(_names)}", f"lost {next(_names)}"

    async def run(proxy: Proxy) -> Any:
        alice = ccxt.async_support.bandex({**venue.config("alice", expiry=3_000), "hostname": proxy.hostname})
        terms = (SYMBOL, "limit", "buy", 1, 1e-7)
        try:
            await alice.load_markets()
            proxy.then = "dead"
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(alice.create_order(*terms, {"clientOrderId": name}), 0.5)
            proxy.then = None
            return await alice.create_order(*terms, {"clientOrderId": again})
        finally:
            await alice.close()

    with between(venue.hostname) as proxy:
        made = asyncio.run(run(proxy))
        blocks = [json.loads(body)["payload"] for body in proxy.posted]
    assert named(venue, name) == []
    assert [order["id"] for order in named(venue, again)] == [made["id"]]
    # The first has its place in the lane with the same bytes.
    assert (len(blocks), len(set(blocks))) == (3, 2)


def test_an_order_that_its_caller_left_behind_in_the_lane_is_found_at_once(venue: Venue) -> None:
    name = f"lost {next(_names)}"

    async def run(proxy: Proxy) -> float:
        alice = ccxt.async_support.bandex({**venue.config("alice", expiry=60_000), "hostname": proxy.hostname})
        try:
            await alice.load_markets()
            proxy.then = "reply"
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(
                    alice.create_order(SYMBOL, "limit", "buy", 1, 1e-7, {"clientOrderId": name}), 0.5
                )
            proxy.then = None
            began = time.monotonic()
            await alice.cancel_order(None, SYMBOL, {"clientOrderId": name})
            return time.monotonic() - began
        finally:
            await alice.close()

    with between(venue.hostname) as proxy:
        took = asyncio.run(run(proxy))
    assert [order["status"] for order in named(venue, name)] == ["canceled"]
    assert took < 30, "its time is not waited for"


@pytest.mark.parametrize("kind", KINDS)
def test_an_order_that_somebody_else_kept_out_is_not_placed_by_the_next_call(venue: Venue, kind: Any) -> None:
    name, again = f"lost {next(_names)}", f"lost {next(_names)}"
    with between(venue.hostname) as proxy:
        proxy.plan = ["gate"]
        with pytest.raises(ccxt.RequestTimeout) as unknown:
            place(kind, venue, proxy, name, expiry=2_000)
        assert isinstance(unknown.value.__cause__, ccxt.AuthenticationError)
        place(kind, venue, proxy, again)
    assert named(venue, name) == []
    assert [order["status"] for order in named(venue, again)] == ["open"]


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, SystemExit])
def test_an_interrupted_program_can_still_clean_up(venue: Venue, interrupt: type[BaseException]) -> None:
    name = f"lost {next(_names)}"

    def stop(number: int, frame: Any) -> None:
        raise interrupt

    before = signal.signal(signal.SIGINT, stop)
    main = threading.main_thread().ident
    try:
        with between(venue.hostname) as proxy:
            alice = ccxt.bandex({**venue.config("alice", expiry=1_000), "hostname": proxy.hostname})
            alice.load_markets()
            proxy.plan, proxy.swallowed = ["dead"], lambda: signal.pthread_kill(main, signal.SIGINT)
            # What is caught holds on to the frames it came through.
            with pytest.raises(interrupt) as caught:
                alice.create_order(SYMBOL, "limit", "buy", 1, 1e-7, {"clientOrderId": name})
            alice.cancel_all_orders()
            assert caught.value.__traceback__ is not None
    finally:
        signal.signal(signal.SIGINT, before)
    assert named(venue, name) == []


def test_a_refusal_does_not_answer_for_the_time_before(venue: Venue) -> None:
    name = f"lost {next(_names)}"
    with between(venue.hostname) as proxy:
        proxy.plan, proxy.then = ["reply"], "refused"
        with pytest.raises(ccxt.RequestTimeout) as unknown:
            place(ccxt.bandex, venue, proxy, name, expiry=500)
    assert [order["id"] for order in named(venue, name)] == [unknown.value.order]


def test_a_lane_is_asked_for_again_when_another_program_signed(venue: Venue) -> None:
    alice = ccxt.bandex(venue.config("alice", laneAge=0))
    first, second = (alice.create_order(SYMBOL, "limit", "buy", 1, 1e-7) for _ in range(2))
    assert lane_seq(second["id"]) == lane_seq(first["id"]) + 1
    alice.cancel_all_orders()


@pytest.mark.parametrize("code", ["overloaded", "insufficient_free", "internal", "unknown_order", "no_such_code"])
@pytest.mark.parametrize("status", [400, 422, 500, 503])
def test_an_unknown_outcome_never_reads_as_not_placed(code: str, status: int) -> None:
    error = failure("bandex", {"code": code, "detail": "", "status": status, "outcome": "unknown"})
    assert type(error) is ccxt.RequestTimeout
