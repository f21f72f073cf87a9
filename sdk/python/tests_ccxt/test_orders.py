"""The life of an order through ccxt's three classes, against what the exchange itself says."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import Any

import ccxt
import ccxt.async_support
import ccxt.pro
import pytest
from venue import PATIENCE, Venue

SYMBOL = "BWT/BTC"
CLASSES: dict[str, Any] = {"sync": ccxt.bandex, "async": ccxt.async_support.bandex, "pro": ccxt.pro.bandex}


async def call(exchange: Any, method: str, *given: Any, **named: Any) -> Any:
    """A method of any of the classes."""
    bound = getattr(exchange, method)
    if isinstance(exchange, ccxt.async_support.Exchange):
        return await bound(*given, **named)
    return await asyncio.to_thread(bound, *given, **named)


async def seen(watch: Callable[..., Awaitable[Any]], fits: Callable[[Any], bool]) -> Any:
    """The first item a watch method tells that fits."""
    async with asyncio.timeout(PATIENCE):
        while True:
            for item in await watch(SYMBOL):
                if fits(item):
                    return item


def same(order: dict[str, Any], raw: dict[str, Any]) -> None:
    """A ccxt order says what the exchange's own page says."""
    assert order["id"] == raw["order"]
    assert order["clientOrderId"] == raw.get("client_id")
    assert order["side"] == raw["side"]
    assert order["price"] == float(raw["price"])
    assert order["amount"] == float(raw["quantity"])
    assert order["filled"] == float(raw["filled"])
    assert order["status"] == {"open": "open", "filled": "closed", "cancelled": "canceled"}[raw["status"]]
    assert order["timestamp"] == raw["placed_us"] // 1000
    assert order["lastUpdateTimestamp"] == raw["time_us"] // 1000


async def round_trip(venue: Venue, kind: str) -> None:
    alice, bob = CLASSES[kind](venue.config("alice")), ccxt.async_support.bandex(venue.config("bob"))
    watcher = alice if kind == "pro" else ccxt.pro.bandex(venue.config("alice"))
    try:
        await live(alice, bob, watcher, kind)
    finally:
        for exchange in {id(each): each for each in (alice, bob, watcher) if hasattr(each, "close")}.values():
            closed = exchange.close()
            if inspect.isawaitable(closed):
                await closed


async def live(alice: Any, bob: Any, watcher: Any, kind: str) -> None:
    name = f"round trip {kind}"
    orders = asyncio.create_task(seen(watcher.watch_orders, lambda order: order["clientOrderId"] == name))
    trades = asyncio.create_task(seen(watcher.watch_my_trades, lambda trade: True))

    made = await call(
        alice, "create_order", SYMBOL, "limit", "sell", 3, 3e-7, {"clientOrderId": name, "postOnly": True}
    )
    assert (made["status"], made["filled"], made["remaining"]) == ("open", 0, 3)
    assert (await orders)["id"] == made["id"]

    async def page() -> dict[str, Any]:
        return await call(alice, "private_get_orders_order", {"order": made["id"]})

    same(await call(alice, "fetch_order", made["id"]), await page())
    by_name = await call(alice, "fetch_order", None, SYMBOL, {"clientOrderId": name})
    assert by_name["id"] == made["id"]

    edited = await call(alice, "edit_order", made["id"], SYMBOL, "limit", "sell", 2, 3.1e-7)
    assert (edited["id"], edited["amount"], edited["price"]) == (made["id"], 2, 3.1e-7)
    assert edited["timestamp"] == made["timestamp"] < edited["lastUpdateTimestamp"]
    same(await call(alice, "fetch_order", made["id"]), await page())

    taken = await bob.create_order(SYMBOL, "limit", "buy", 0.5, 3.2e-7, {"timeInForce": "IOC"})
    # It got a better price than its limit, which the answer does not tell.
    assert (taken["status"], taken["filled"], taken["cost"], taken["average"]) == ("closed", 0.5, None, None)
    (closed,) = [order for order in await bob.fetch_closed_orders(SYMBOL) if order["id"] == taken["id"]]
    assert (closed["filled"], closed["cost"], closed["average"], closed["price"]) == (0.5, None, None, 3.2e-7)
    assert (await bob.fetch_order(taken["id"]))["average"] == 3.1e-7
    part = await seen(watcher.watch_orders, lambda order: order["id"] == made["id"] and order["filled"] > 0)
    assert (part["filled"], part["remaining"], part["status"]) == (0.5, 1.5, "open")
    assert (part["timestamp"], part["cost"]) == (made["timestamp"], None)

    fill = await trades
    assert (fill["order"], fill["amount"], fill["price"], fill["takerOrMaker"]) == (made["id"], 0.5, 3.1e-7, "maker")
    listed = await call(alice, "fetch_my_trades", SYMBOL, None, 1)
    assert [trade["id"] for trade in listed] == [fill["id"]]
    of_order = await call(alice, "fetch_order_trades", made["id"], SYMBOL)
    assert [trade["amount"] for trade in of_order] == [0.5]
    (raw,) = (await call(alice, "private_get_fills", {"order": made["id"]}))["fills"]
    assert (listed[0]["id"], listed[0]["order"], listed[0]["timestamp"]) == (
        str(raw["number"]),
        raw["order"],
        raw["time_us"] // 1000,
    )
    whole = await call(alice, "fetch_order", made["id"])
    same(whole, await page())
    assert (whole["average"], whole["cost"]) == (3.1e-7, pytest.approx(0.5 * 3.1e-7))

    balance = await call(alice, "fetch_balance")
    said = {each["asset"]: each for each in (await call(alice, "private_get_balances"))["balances"]}
    assert balance["BWT"]["total"] == float(said["BWT"]["balance"])
    assert balance["BWT"]["used"] == float(said["BWT"]["locked"])
    assert balance["BWT"]["free"] == pytest.approx(balance["BWT"]["total"] - balance["BWT"]["used"])

    still = await call(alice, "fetch_open_orders", SYMBOL)
    assert made["id"] in [order["id"] for order in still]
    gone = await call(alice, "cancel_order", made["id"], SYMBOL)
    assert (gone["id"], gone["status"]) == (made["id"], "canceled")
    last = await seen(watcher.watch_orders, lambda order: order["id"] == made["id"] and order["status"] != "open")
    assert (last["status"], last["filled"], last["timestamp"]) == ("canceled", 0.5, made["timestamp"])
    same(await call(alice, "fetch_order", made["id"]), await page())
    assert made["id"] not in [order["id"] for order in await call(alice, "fetch_open_orders", SYMBOL)]
    assert made["id"] in [order["id"] for order in await call(alice, "fetch_canceled_orders", SYMBOL)]
    with pytest.raises(ccxt.OrderNotFound):
        await call(alice, "cancel_order", made["id"], SYMBOL)


@pytest.mark.parametrize("kind", CLASSES)
def test_an_order_lives_as_the_exchange_says(venue: Venue, kind: str) -> None:
    asyncio.run(round_trip(venue, kind))


def test_orders_over_the_socket(venue: Venue) -> None:
    async def run() -> None:
        alice = ccxt.pro.bandex(venue.config("alice"))
        try:
            made = await alice.create_order_ws(SYMBOL, "limit", "buy", 1, 1e-7)
            edited = await alice.edit_order_ws(made["id"], SYMBOL, "limit", "buy", 2, 1e-7)
            assert (edited["id"], edited["amount"]) == (made["id"], 2)
            many = await asyncio.gather(*(alice.create_order_ws(SYMBOL, "limit", "buy", 1, 1e-7) for _ in range(20)))
            assert len({order["id"] for order in many}) == 20
            await alice.cancel_order_ws(made["id"], SYMBOL)
            await alice.cancel_all_orders_ws(SYMBOL)
            assert await alice.fetch_open_orders(SYMBOL) == []
        finally:
            await alice.close()

    asyncio.run(run())


def test_the_ways_to_place_an_order(venue: Venue) -> None:
    alice, bob = ccxt.bandex(venue.config("alice")), ccxt.bandex(venue.config("bob"))
    alice.create_order(SYMBOL, "limit", "sell", 5, 3e-7)
    stop = alice.create_order(SYMBOL, "limit", "sell", 1, 1e-7, {"stopLossPrice": 2e-7})
    assert alice.fetch_order(stop["id"])["stopLossPrice"] == 2e-7
    with pytest.raises(ccxt.OrderImmediatelyFillable):
        bob.create_order(SYMBOL, "limit", "buy", 1, 3e-7, {"postOnly": True})
    with pytest.raises(ccxt.OrderNotFillable):
        bob.create_order(SYMBOL, "limit", "buy", 6, 3e-7, {"timeInForce": "FOK"})
    bought = bob.create_order(SYMBOL, "market", "buy", 1)
    # The price in the order is its protection, 5 % beyond what it paid.
    assert (bought["status"], bought["price"], bought["cost"]) == ("closed", None, None)
    paid = bob.fetch_order(bought["id"])
    assert (paid["price"], paid["average"], paid["cost"]) == (3e-7, 3e-7, 3e-7)
    assert bob.create_market_buy_order_with_cost(SYMBOL, 3e-7)["filled"] == 1
    made = alice.create_orders(
        [
            {"symbol": SYMBOL, "type": "limit", "side": "sell", "amount": 1, "price": 4e-7},
            {"symbol": SYMBOL, "type": "limit", "side": "sell", "amount": 10**9, "price": 4e-7},
        ]
    )
    assert [order["status"] for order in made] == ["open", "rejected"]
    assert made[1]["info"]["code"] == "insufficient_free"
    alice.cancel_orders([made[0]["id"], stop["id"]], SYMBOL)
    alice.cancel_all_orders()
    assert alice.fetch_open_orders() == []


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        (lambda alice: alice.create_order(SYMBOL, "limit", "sell", 10**9, 3e-7), ccxt.InsufficientFunds),
        (lambda alice: alice.create_order("BWT/ETH", "limit", "sell", 1, 3e-7), ccxt.BadSymbol),
        (lambda alice: alice.create_order(SYMBOL, "limit", "sell", 1, None), ccxt.ArgumentsRequired),
        (lambda alice: alice.create_order(SYMBOL, "limit", "sell", 1, 3e-7, {"timeInForce": "DAY"}), ccxt.InvalidOrder),
        (lambda alice: alice.fetch_order(f"{alice.keypair().public}:999999:0"), ccxt.OrderNotFound),
        (lambda alice: alice.cancel_order(f"{alice.keypair().public}:999999:0"), ccxt.OrderNotFound),
        (lambda alice: alice.fetch_ohlcv(SYMBOL, "7m"), ccxt.BadRequest),
    ],
)
def test_what_is_wrong_is_named(venue: Venue, wrong: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        wrong(ccxt.bandex(venue.config("alice")))


def test_a_list_that_is_too_long_is_refused_and_not_cut(venue: Venue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bandex.ccxt.venue._LARGEST_PAGE", 2)
    alice = ccxt.bandex(venue.config("alice"))
    alice.cancel_all_orders()
    since = alice.fetch_time()
    made = [alice.create_order(SYMBOL, "limit", "buy", 1, 1e-7)["id"] for _ in range(5)]
    alice.options["pages"] = 2
    for ask in (
        lambda: alice.fetch_open_orders(SYMBOL),
        lambda: alice.fetch_orders(SYMBOL, since),
        lambda: alice.fetch_closed_orders(SYMBOL, None, 5),
    ):
        with pytest.raises(ccxt.BadRequest, match="pages"):
            ask()
    assert [order["id"] for order in alice.fetch_orders(SYMBOL, None, 4)] == made[1:]
    alice.options["pages"] = 3
    assert [order["id"] for order in alice.fetch_open_orders(SYMBOL)] == made
    alice.cancel_all_orders()


def test_another_exchange_than_the_known_one_is_not_believed(venue: Venue) -> None:
    with pytest.raises(ccxt.ExchangeError, match="another exchange"):
        ccxt.bandex(venue.config("alice", node="00" * 32)).load_markets()
    with pytest.raises(ccxt.AuthenticationError):
        ccxt.bandex({**venue.config("alice"), "apiKey": "00" * 32}).fetch_balance()
