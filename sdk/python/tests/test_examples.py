"""The example programs, run as a user runs them, and what they say they hold against what the exchange says."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from conftest import Exchange
from kit import MARKET, Party, run, until

import bandex

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"


class Running:
    """An example that runs."""

    def __init__(self, process: asyncio.subprocess.Process, out: Path) -> None:
        self.process = process
        self.out = out

    async def end(self) -> dict[str, Any]:
        """Tells it to end, and gives its final state."""
        self.process.send_signal(signal.SIGTERM)
        assert await self.process.wait() == 0
        state: dict[str, Any] = json.loads(self.out.read_text())
        return state


@asynccontextmanager
async def example(name: str, out: Path, *given: object) -> AsyncIterator[Running]:
    """Starts an example, which is ended with the test whatever happens."""
    command = [sys.executable, str(EXAMPLES / f"{name}.py"), "--json", str(out), *map(str, given)]
    process = await asyncio.create_subprocess_exec(*command, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
    try:
        yield Running(process, out)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def shown(fill: dict[str, Any]) -> dict[str, Any]:
    """A fill as both sides tell it: receipts come with the channel, fees with the page."""
    return {name: value for name, value in fill.items() if name not in ("receipt", "fee")}


def plain(balance: dict[str, Any]) -> dict[str, Any]:
    """A balance without what only the page tells."""
    return {name: value for name, value in balance.items() if name != "locks"}


async def everything(pages: AsyncIterator[Any]) -> list[Any]:
    return [item async for item in pages]


def test_a_maker_knows_what_it_has(fresh: Exchange, tmp_path: Path) -> None:
    async def story() -> None:
        maker, taker = await Party.join(fresh, tmp_path / "maker.key.lane", gigabytes=100), await Party.join(fresh)
        maker.keypair.save(tmp_path / "maker.key")
        taker.keypair.save(tmp_path / "taker.key")
        session = bandex.Keypair.generate()
        session.save(tmp_path / "session.key")
        await maker.trader.grant(session, ["settle"])
        account, server = await maker.login(), ["--url", fresh.url]
        # The lane is the program's from here on.
        lane, maker.trader = tmp_path / "maker.key.lane", taker.trader
        quotes = ["--price", "0.0000004", "--quantity", "0.2", "--key", tmp_path / "maker.key", *server]
        settling = ["--key", tmp_path / "session.key", "--orders", lane, *server]
        tape = ["--file", tmp_path / "tape", *server]
        async with (
            example("recorder", tmp_path / "recorded.json", *tape) as recorder,
            example("maker", tmp_path / "maker.json", *quotes) as making,
            example("settle", tmp_path / "settled.json", *settling) as settler,
        ):
            await until(account.orders, lambda page: len(page["orders"]) == 6)
            deals: list[str] = []
            for _ in range(3):
                terms = {"price": "0.0000005", "quantity": "0.1", "time_in_force": "ioc"}
                bought = await taker.trader.place(MARKET, "buy", **terms)
                assert bought["status"] == "filled"
                page = await until(account.fills, lambda page: len(page["fills"]) > len(deals))
                deals.append(page["fills"][0]["deal"])
                await until(account.orders, lambda page: len(page["orders"]) == 6)

            async def acknowledged() -> int:
                """The taker's side of the deals: pays and acknowledges."""
                theirs = await everything((await taker.login()).pages("/v1/deals", "deals", closed=True))
                for deal in theirs:
                    due, paid = deal.get("due"), deal.get("in_flight")
                    if due and due["party"] == "buyer" and not paid:
                        await taker.trader.pay(deal["deal"], due["tranche"], due["cumulative_units"])
                    elif paid and paid["party"] == "seller":
                        await taker.trader.acknowledge(paid["proposal"])
                return sum(deal["state"] == "settled" for deal in theirs)

            await until(acknowledged, lambda settled: settled == 3)
            held = await making.end()
            book = await account.book(MARKET, depth=50)
            assert (held["book"], held["faults"]) == ({"bids": book["bids"], "asks": book["asks"]}, 0)
            theirs = sorted(await everything(account.pages("/v1/orders", "orders")), key=lambda one: str(one["order"]))
            assert held["orders"] == theirs
            fills = sorted(await everything(account.pages("/v1/fills", "fills")), key=lambda one: int(one["number"]))
            assert [shown(fill) for fill in held["fills"]] == [shown(fill) for fill in fills]
            assert len(fills) == 3
            balances = [plain(balance) for balance in (await account.balances())["balances"]]
            assert held["balances"] == sorted(balances, key=lambda one: str(one["asset"]))
            events = (await settler.end())["events"]
            assert events["settled"] == 3 and "declined" not in events, events
            recorded = await recorder.end()
        assert (recorded["faults"], recorded["book"]) == (0, held["book"])
        assert recorded["pushes"]["trades"] >= 3 and recorded["checksum"] == book["checksum"]
        async with example("recorder", tmp_path / "replayed.json", *tape, "--replay") as again:
            assert await again.process.wait() == 0
        assert json.loads((tmp_path / "replayed.json").read_text()) == recorded

    run(story())


def test_a_grid_answers_fills_and_finds_its_orders_again(fresh: Exchange, tmp_path: Path) -> None:
    async def story() -> None:
        owner, taker = await Party.join(fresh, gigabytes=100), await Party.join(fresh, gigabytes=1)
        owner.keypair.save(tmp_path / "grid.key")
        account = await owner.login()
        lines = ["--low", "0.0000003", "--high", "0.0000006", "--lines", 4, "--quantity", "0.1"]
        given = [*lines, "--url", fresh.url, "--key", tmp_path / "grid.key"]

        async def grid() -> dict[str, str]:
            return {order["client_id"]: order["side"] for order in (await account.orders())["orders"]}

        async with example("grid", tmp_path / "grid.json", *given) as running:
            whole = {"grid-0": "buy", "grid-1": "buy", "grid-3": "sell"}
            assert await until(grid, lambda orders: len(orders) == 3) == whole
            await taker.trader.place(MARKET, "buy", price="0.0000006", quantity="0.1", time_in_force="ioc")
            turned = {"grid-0": "buy", "grid-1": "buy", "grid-2": "buy"}
            assert await until(grid, lambda orders: "grid-2" in orders) == turned
            await running.end()
        # While nobody looks, a buy is filled: its line is now the one nearest to the price.
        await taker.trader.place(MARKET, "sell", price="0.0000005", quantity="0.1", time_in_force="ioc")
        async with example("grid", tmp_path / "grid.json", *given) as running:
            assert await until(grid, lambda orders: len(orders) == 3) == whole
            held = await running.end()
        page = (await account.orders())["orders"]
        assert sorted(order["order"] for order in held["orders"]) == sorted(order["order"] for order in page)
        assert len({order["client_id"] for order in page}) == len(page)
        assert [fill["price"] for fill in held["fills"]] == ["0.0000006", "0.0000005"]

    run(story())
