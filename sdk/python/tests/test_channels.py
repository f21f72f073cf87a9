"""Channels over connections that break, and the local book against the exchange's."""

from __future__ import annotations

import signal
import zlib
from typing import Any

import pytest
from conftest import Exchange
from kit import MARKET, Party, run, until

import bandex


def shown(levels: list[dict[str, Any]]) -> list[tuple[str, str, int]]:
    return [(level["price"], level["quantity"], level["orders"]) for level in levels]


def test_a_local_book_is_the_exchanges(fresh: Exchange) -> None:
    async def story() -> None:
        party = await Party.join(fresh, gigabytes=100)
        pushes = await party.client.subscribe("book", MARKET)
        book = bandex.LocalBook(party.trader.markets, MARKET)
        assert not book.is_live
        for number in range(1, 21):
            await party.trader.place(MARKET, "sell", price=f"0.00000{40 + number:02}", quantity="1")
            await party.trader.place(MARKET, "buy", price=f"0.00000{40 - number:02}", quantity="0.1")
        await party.trader.cancel_all(MARKET, "buy")
        last = await party.trader.place(MARKET, "buy", price="0.0000001", quantity="0.3")
        while book.seq is None or book.seq < last["seq"]:
            book.apply(await anext(aiter(pushes)))
        theirs = await party.rest.book(MARKET)
        assert (book.bids, book.asks) == (shown(theirs["bids"]), shown(theirs["asks"]))
        assert (book.state, book.is_live, len(book.asks)) == ("trading", True, 20)
        best = theirs["bids"][:10] + theirs["asks"][:10]
        text = ":".join(f"{level['price']}:{level['quantity']}" for level in best)
        assert bandex.checksum_levels(theirs["bids"], theirs["asks"]) == zlib.crc32(text.encode())
        assert bandex.checksum_levels([], []) == 0
        if "checksum" in theirs:
            assert theirs["checksum"] == zlib.crc32(text.encode())
        # A push that does not follow empties the book.
        with pytest.raises(bandex.BookBroken) as broken:
            late = {"channel": "book", "market": MARKET, "kind": "update", "prev_seq": 1, "seq": 2, "data": {}}
            book.apply(late)
        assert (broken.value.code, book.is_live, book.bids) == ("gap", False, [])

    run(story())


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_channels_and_blocks_go_on_after_a_restart(fresh: Exchange, how: signal.Signals) -> None:
    async def story() -> None:
        party = await Party.join(fresh, gigabytes=10)
        await party.client.login(party.keypair)
        pushes = await party.client.subscribe("orders")
        assert (await anext(aiter(pushes)))["kind"] == "snapshot"
        seen: list[str] = []
        placed = [await party.trader.place(MARKET, "sell", price="0.0000009", quantity="0.1")]
        fresh.stop(how)
        # Signed and stored while nobody is there; sent when somebody is.
        terms = {"op": "place", "market": MARKET, "side": "sell", "price": "0.0000009", "quantity": "0.1"}
        under_way = await party.trader.submit_orders([terms])
        assert party.trader.pending == 1
        fresh.start()
        assert (await under_way.reply())["operations"][0]["status"] == "open"
        placed.append({"order": under_way.order(0)})
        while len(seen) < 2:
            push = await anext(aiter(pushes))
            assert push["kind"] == "update", "nothing was missed, so nothing begins anew"
            seen.extend(order["order"] for order in push["data"])
        assert seen == [one["order"] for one in placed]
        account = await party.login()
        orders = await until(account.orders, lambda page: len(page["orders"]) == 2)
        assert {order["order"] for order in orders["orders"]} == set(seen)

    run(story())


def test_books_keep_themselves_whole(fresh: Exchange) -> None:
    async def story() -> None:
        party = await Party.join(fresh, gigabytes=100)
        markets = party.trader.markets
        best = await bandex.BookFeed.levels(party.client, markets, MARKET, 10)
        orders = await bandex.BookFeed.orders(party.client, markets, MARKET)
        named: list[tuple[str, str, str]] = []
        for number in range(15):
            price = markets.price(MARKET, markets.ticks(MARKET, f"0.00000{40 + number:02}"))
            named.append(((await party.trader.place(MARKET, "sell", price=price, quantity="1"))["order"], price, "1"))
        last = await party.trader.place(MARKET, "sell", price="0.0000041", quantity="2")
        async for levels in best:
            if levels.seq is not None and levels.seq >= last["seq"]:
                break
        async for resting in orders:
            if resting.seq is not None and resting.seq >= last["seq"]:
                break
        theirs = await party.rest.book(MARKET, 10)
        assert (levels.asks, levels.checksum) == (shown(theirs["asks"]), theirs["checksum"])
        # Behind the other at its price.
        named.insert(2, (last["order"], "0.0000041", "2"))
        assert (resting.asks, resting.bids) == (named, [])
        asks = [dict(zip(("order", "price", "quantity"), order, strict=True)) for order in named]
        assert bandex.checksum_orders([], asks) == resting.checksum
        assert (best.faults, orders.faults) == (0, 0)
        # One who does not believe what it has asks anew.
        orders.pushes.refresh()
        while (await anext(aiter(orders.pushes)))["kind"] != "snapshot":
            pass

    run(story())


def test_an_account_adds_up_what_its_channels_tell(fresh: Exchange) -> None:
    async def story() -> None:
        party = await Party.join(fresh, gigabytes=10)
        await party.client.login(party.keypair)
        account = bandex.LocalAccount()
        channels = [await party.client.subscribe(name) for name in ("orders", "balances", "limits")]
        channels.append(await party.client.subscribe("fills", resume_from=0))
        placed = await party.trader.place(MARKET, "sell", price="0.0000009", quantity="1")
        for pushes in channels[:2]:
            while True:
                push = await anext(aiter(pushes))
                account.apply(push)
                if push["seq"] >= placed["seq"]:
                    break
        account.apply(await anext(aiter(channels[2])))
        assert [order["order"] for order in account.orders] == [placed["order"]]
        tokens = next(balance for balance in account.balances if balance["asset"] == "BWT")
        assert (tokens["balance"], tokens["locked"]) == ("10", "1")
        assert account.limits is not None and account.fills == [] and account.fill_count == 0

    run(story())


def test_a_feed_that_was_led_astray_begins_anew(fresh: Exchange) -> None:
    async def story() -> None:
        party = await Party.join(fresh, gigabytes=10)
        book = bandex.LocalBook(party.trader.markets, MARKET)
        pushes = await party.client.subscribe("book", MARKET)
        first = await anext(aiter(pushes))
        # It believes to stand where it does not.
        book.apply({**first, "seq": first["seq"] + 1_000})
        feed = bandex.BookFeed(pushes, book)
        last = await party.trader.place(MARKET, "sell", price="0.0000009", quantity="1")
        async for whole in feed:
            if whole.seq is not None and last["seq"] <= whole.seq < first["seq"] + 1_000:
                break
        assert (feed.faults, book.asks) == (1, [("0.0000009", "1", 1)])

    run(story())
