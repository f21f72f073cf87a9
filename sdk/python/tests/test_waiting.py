"""Whoever stops waiting takes nothing along: pushes and replies are there for the next to ask."""

from __future__ import annotations

import asyncio
import json
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from conftest import Exchange
from kit import MARKET, Party, run

import bandex

TERMS = {"op": "place", "market": MARKET, "side": "sell", "price": "0.0000009", "quantity": "0.1"}


def post(exchange: Exchange, signed: dict[str, Any]) -> dict[str, Any]:
    """Submits a block while the loop stands still."""
    body = json.dumps({"payload": signed["payload"], "signature": signed["signature"]}).encode()
    headers = {"Content-Type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(f"{exchange.url}/v1/blocks", body, headers), timeout=30) as said:
        answer: dict[str, Any] = json.load(said)
    return answer


def test_a_push_outlives_whoever_waited_for_it(exchange: Exchange) -> None:
    async def story() -> None:
        party = await Party.join(exchange, gigabytes=10)
        await party.client.login(party.keypair)
        pushes = await party.client.subscribe("orders")
        assert (await anext(pushes))["kind"] == "snapshot"
        markets = party.trader.markets
        signer = bandex.Signer(party.keypair, markets.network, *party.trader.head)
        placed = []
        for _ in range(30):
            waiting = asyncio.ensure_future(anext(pushes))
            await asyncio.sleep(0)
            # The push comes while the loop stands still, and whoever waited for it leaves before he sees it.
            reply = post(exchange, dict(signer.orders(markets, [TERMS])))
            placed.append(reply["operations"][0]["order"])
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
        seen: list[str] = []
        while len(seen) < len(placed):
            seen.extend(order["order"] for order in (await asyncio.wait_for(anext(pushes), 10))["data"])
        assert seen == placed

    run(story())


def test_several_who_wait_have_a_push_each(exchange: Exchange) -> None:
    async def story() -> None:
        party = await Party.join(exchange, gigabytes=10)
        await party.client.login(party.keypair)
        pushes = await party.client.subscribe("orders")
        await anext(pushes)
        waiting = [asyncio.ensure_future(anext(pushes)) for _ in range(3)]
        placed = [(await party.trader.place(MARKET, "sell", price="0.0000009", quantity="0.1"))["order"] for _ in "abc"]
        told = await asyncio.gather(*waiting)
        assert sorted(order["order"] for push in told for order in push["data"]) == sorted(placed)

    run(story())


def test_a_reply_can_be_asked_for_again_by_the_impatient(fresh: Exchange) -> None:
    async def story() -> None:
        party = await Party.join(fresh, gigabytes=1)
        fresh.stop()
        under_way = await party.trader.submit_orders([TERMS])
        for _ in range(2):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(under_way.reply(), 0.05)
        fresh.start()
        assert (await under_way.reply())["operations"][0]["status"] == "open"
        with pytest.raises(bandex.InvalidInput, match="asked for before"):
            await under_way.reply()

    run(story())


def test_a_feed_goes_on_for_the_impatient(exchange: Exchange) -> None:
    async def story() -> None:
        party = await Party.join(exchange, gigabytes=1)
        feed = aiter(await bandex.BookFeed.orders(party.client, party.trader.markets, MARKET))
        before = await anext(feed)
        with pytest.raises(TimeoutError):
            while True:
                await asyncio.wait_for(anext(feed), 0.2)
        placed = await party.trader.place(MARKET, "sell", price="0.0000009", quantity="0.1")
        while before.seq is None or before.seq < placed["seq"]:
            before = await anext(feed)
        assert placed["order"] in [order for order, _, _ in before.asks]

    run(story())


def test_another_process_reads_what_a_lane_signed(exchange: Exchange, tmp_path: Path) -> None:
    async def story() -> None:
        party = await Party.join(exchange, tmp_path / "lane", gigabytes=1)
        markets = party.trader.markets
        placed = await party.trader.place(MARKET, "sell", price="0.0000009", quantity="0.1")
        own = party.trader.own_order(placed["order"])
        assert own is not None and own["versions"] == [{"price": "0.0000009", "quantity": "0.1"}]
        assert await bandex.stored_order(tmp_path / "lane", placed["order"], markets) == own
        assert await bandex.stored_order(tmp_path / "lane", f"{party.keypair.public}:999:0", markets) is None

    run(story())
