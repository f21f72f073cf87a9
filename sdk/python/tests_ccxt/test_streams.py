"""Channels through ccxt.pro: what they tell is what the exchange's pages say, over breaks too."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import ccxt
import ccxt.pro
import pytest
from venue import PATIENCE, Venue

SYMBOL = "BWT/BTC"


async def until(watch: Callable[[], Awaitable[Any]], fits: Callable[[Any], bool]) -> Any:
    """The first news that fit."""
    async with asyncio.timeout(PATIENCE):
        while True:
            news = await watch()
            if fits(news):
                return news


async def trade(seller: Any, buyer: Any, price: float) -> Any:
    """One whole token changes hands; gives the buyer's order."""
    await seller.create_order(SYMBOL, "limit", "sell", 1, price)
    return await buyer.create_order(SYMBOL, "limit", "buy", 1, price)


def tried(venue: Venue, test: Callable[[Any, Any], Awaitable[None]]) -> None:
    """Runs a test with both accounts, and takes its orders off."""

    async def run() -> None:
        alice, bob = (ccxt.pro.bandex(venue.config(name)) for name in ("alice", "bob"))
        try:
            await test(alice, bob)
        finally:
            for exchange in (alice, bob):
                await exchange.cancel_all_orders()
                await exchange.close()

    asyncio.run(run())


def levels(book: Any) -> Any:
    return [[level[:2] for level in book[side]] for side in ("bids", "asks")]


@pytest.mark.parametrize("limit", [None, 3, 10, 50])
def test_a_followed_book_is_the_exchanges(venue: Venue, limit: int | None) -> None:
    async def test(alice: Any, bob: Any) -> None:
        await alice.watch_order_book(SYMBOL, limit)
        seq = 0
        for step in range(1, 31):
            order = await alice.create_order(SYMBOL, "limit", "sell", step, 3e-7 + step * 1e-10)
            await bob.create_order(SYMBOL, "limit", "buy", step, 3e-7 - step * 1e-10)
            if step % 3 == 0:
                await alice.cancel_order(order["id"], SYMBOL)
            seq = order["info"]["seq"]
        last = await trade(alice, bob, 2.95e-7 + 50e-10)
        seq = last["info"]["seq"]
        book = await until(lambda: alice.watch_order_book(SYMBOL, limit), lambda book: book["nonce"] >= seq)
        page = await alice.fetch_order_book(SYMBOL, limit)
        assert page["nonce"] == book["nonce"]
        assert levels(book) == levels(page)
        assert book["bids"] and book["asks"]

    tried(venue, test)


@pytest.mark.parametrize("breaks", ["texts", "seq"])
def test_a_book_that_is_not_the_exchanges_is_noticed(venue: Venue, breaks: str) -> None:
    async def test(alice: Any, bob: Any) -> None:
        await alice.create_order(SYMBOL, "limit", "sell", 1, 3e-7)
        await alice.watch_order_book(SYMBOL)
        subscription = alice.clients[alice.socket_url()].subscriptions["book:BWT-BTC"]
        if breaks == "texts":
            subscription["texts"]["asks"][3e-7] = "0.0000003:2"
        else:
            subscription["seq"] -= 1
        await alice.create_order(SYMBOL, "limit", "sell", 1, 3.1e-7)
        with pytest.raises(ccxt.ChecksumError if breaks == "texts" else ccxt.InvalidNonce):
            await until(lambda: alice.watch_order_book(SYMBOL), lambda book: len(book["asks"]) == 2)
        book = await alice.watch_order_book(SYMBOL)
        assert levels(book) == levels(await alice.fetch_order_book(SYMBOL))

    tried(venue, test)


def test_what_happened_while_the_line_was_cut_is_told(venue: Venue) -> None:
    async def test(alice: Any, bob: Any) -> None:
        async def watch() -> Any:
            return await alice.watch_my_trades(SYMBOL)

        waiting = asyncio.create_task(watch())
        first = await trade(alice, bob, 3e-7)
        assert [each["price"] for each in await waiting] == [3e-7]
        await alice.clients[alice.socket_url()].connection.close()
        missed = await trade(alice, bob, 3.1e-7)
        news = asyncio.create_task(until_connected(watch))
        told = await asyncio.wait_for(news, PATIENCE)
        assert [each["price"] for each in told] == [3.1e-7], (first, missed)

    async def until_connected(watch: Callable[[], Awaitable[Any]]) -> Any:
        while True:
            try:
                return await watch()
            except ccxt.NetworkError:
                continue

    tried(venue, test)


class Refused(ccxt.pro.bandex):
    """A client whose subscriptions are refused as a test says, as an exchange under load does."""

    refusals: list[dict[str, Any]]
    asked: list[dict[str, Any]]

    def client(self, url: str) -> Any:
        client = super().client(url)
        if client.send.__name__ != "send_or_refuse":
            client.send = self.refusing(client, client.send)
        return client

    def refusing(self, client: Any, send: Any) -> Any:
        async def send_or_refuse(request: dict[str, Any]) -> None:
            if request["method"] != "subscribe":
                return await send(request)
            self.asked.append(request["params"])
            if not self.refusals:
                return await send(request)
            problem = {"detail": "", "outcome": "rejected", **self.refusals.pop(0)}
            self.handle_message(client, {"req_id": request["req_id"], "ok": False, "error": problem})

        return send_or_refuse


FOR_NOW = {"code": "overloaded", "retryable": True, "retry_after_ms": 20, "status": 503}
FOR_GOOD = {"code": "too_many_subscriptions", "retryable": False, "status": 429}
UNKNOWN_PLACE = {"code": "beyond_head", "retryable": False, "status": 409}


@pytest.mark.parametrize(
    ("refusals", "raised", "resumes"),
    [
        ([FOR_NOW, FOR_NOW], None, [True, True, True]),
        ([FOR_GOOD], ccxt.RateLimitExceeded, [True, True]),
        ([FOR_NOW, FOR_GOOD], ccxt.RateLimitExceeded, [True, True, True]),
        ([UNKNOWN_PLACE], ccxt.BadRequest, [True, False]),
    ],
)
def test_a_refused_subscription_goes_on_from_its_place(
    venue: Venue, refusals: list[dict[str, Any]], raised: Any, resumes: list[bool]
) -> None:
    async def run() -> None:
        alice, bob = Refused(venue.config("alice")), ccxt.pro.bandex(venue.config("bob"))
        alice.refusals, alice.asked = [], []
        try:
            waiting = asyncio.create_task(alice.watch_my_trades(SYMBOL))
            await trade(alice, bob, 3e-7)
            assert [each["price"] for each in await waiting] == [3e-7]
            await alice.clients[alice.socket_url()].connection.close()
            missed = await trade(alice, bob, 3.1e-7)
            alice.refusals, alice.asked = list(refusals), []
            errors = []
            while True:
                try:
                    # Where it begins anew the missed trade is history.
                    told = await asyncio.wait_for(alice.watch_my_trades(SYMBOL), 10 if all(resumes) else 0.5)
                except ccxt.NetworkError as error:
                    errors += [error] if isinstance(error, ccxt.RateLimitExceeded) else []
                except (ccxt.BadRequest, TimeoutError) as error:
                    errors.append(error)
                    if isinstance(error, TimeoutError):
                        break
                else:
                    assert [each["price"] for each in told] == [3.1e-7], missed
                    break
            assert ["resume_from" in params for params in alice.asked] == resumes
            wanted = [] if raised is None else [raised]
            assert [type(error) for error in errors if not isinstance(error, TimeoutError)] == wanted
            assert any(isinstance(error, TimeoutError) for error in errors) == (not all(resumes))
        finally:
            for exchange in (alice, bob):
                await exchange.cancel_all_orders()
                await exchange.close()

    asyncio.run(run())


def test_news_outlive_whoever_waited_for_them(venue: Venue) -> None:
    async def test(alice: Any, bob: Any) -> None:
        waiting = asyncio.create_task(alice.watch_my_trades(SYMBOL))
        await trade(alice, bob, 3e-7)
        await waiting
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(alice.watch_my_trades(SYMBOL), 0.05)
        followed = asyncio.create_task(bob.watch_my_trades(SYMBOL))
        await trade(alice, bob, 3.1e-7)
        await followed
        # Whatever is asked later on this connection is answered later.
        await alice.watch_bids_asks([SYMBOL])
        told = await asyncio.wait_for(alice.watch_my_trades(SYMBOL), 10)
        assert [each["price"] for each in told] == [3.1e-7]

    tried(venue, test)


def test_tickers_candles_and_trades_say_what_their_pages_say(venue: Venue) -> None:
    async def test(alice: Any, bob: Any) -> None:
        await trade(alice, bob, 2.9e-7)
        await asyncio.gather(alice.watch_ticker(SYMBOL), alice.watch_ohlcv(SYMBOL), alice.watch_trades(SYMBOL))
        await bob.create_order(SYMBOL, "limit", "buy", 2, 1e-7)
        await trade(alice, bob, 3.2e-7)
        ticker = await until(lambda: alice.watch_ticker(SYMBOL), lambda ticker: ticker["last"] == 3.2e-7)
        page = await alice.fetch_ticker(SYMBOL)
        assert {name: ticker[name] for name in ("last", "high", "low", "open", "baseVolume", "bid")} == {
            name: page[name] for name in ("last", "high", "low", "open", "baseVolume", "bid")
        }
        candles = await until(lambda: alice.watch_ohlcv(SYMBOL), lambda candles: candles[-1][4] == 3.2e-7)
        assert candles[-1] == (await alice.fetch_ohlcv(SYMBOL, "1m", None, 1))[-1]
        trades = await until(lambda: alice.watch_trades(SYMBOL), lambda trades: trades[-1]["price"] == 3.2e-7)
        last = (await alice.fetch_trades(SYMBOL, None, 1))[-1]
        assert (trades[-1]["id"], trades[-1]["timestamp"]) == (last["id"], last["timestamp"])
        best = await alice.watch_bids_asks([SYMBOL])
        assert best[SYMBOL]["bid"] == 1e-7
        tickers = await alice.fetch_tickers()
        assert set(tickers) == set(alice.symbols) and tickers[SYMBOL]["last"] == 3.2e-7

    tried(venue, test)


def test_balances_are_told_as_their_page_says(venue: Venue) -> None:
    async def test(alice: Any, bob: Any) -> None:
        await alice.watch_balance()
        before = (await alice.fetch_balance())["BWT"]["used"]
        await alice.create_order(SYMBOL, "limit", "sell", 7, 5e-7)
        told = await until(alice.watch_balance, lambda balance: balance["BWT"]["used"] == before + 7)
        page = await alice.fetch_balance()
        assert told["BWT"] == page["BWT"]

    tried(venue, test)


def test_what_is_not_followed_any_more_is_silent(venue: Venue) -> None:
    async def test(alice: Any, bob: Any) -> None:
        await alice.create_order(SYMBOL, "limit", "sell", 1, 3e-7)
        await alice.watch_order_book(SYMBOL)
        waiting = asyncio.ensure_future(alice.watch_order_book(SYMBOL))
        await asyncio.sleep(0)
        await alice.un_watch_order_book(SYMBOL)
        with pytest.raises(ccxt.UnsubscribeError):
            await waiting
        assert "book:BWT-BTC" not in alice.clients[alice.socket_url()].subscriptions
        # And it can be followed again.
        assert levels(await alice.watch_order_book(SYMBOL)) == [[], [[3e-7, 1.0]]]

    tried(venue, test)


def test_every_order_of_the_book_is_shown(venue: Venue) -> None:
    async def test(alice: Any, bob: Any) -> None:
        made = [await alice.create_order(SYMBOL, "limit", "sell", size, 3e-7) for size in (3, 1, 2)]
        book = await bob.fetch_l3_order_book(SYMBOL)
        assert [order[:3] for order in book["asks"]] == [[3e-7, order["amount"], order["id"]] for order in made]
        assert levels(await bob.fetch_l2_order_book(SYMBOL)) == [[], [[3e-7, 6.0]]]

    tried(venue, test)
