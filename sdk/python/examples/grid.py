"""A grid: limit orders on evenly spaced lines, buys below the price and sells above it. Whenever one is filled, its
opposite goes to the line beside it, so that every way back earns the distance between two lines.

Orders carry the number of their line as the client id, by which the program finds them again after a restart, its own
or the exchange's.
"""

from __future__ import annotations

import argparse
import asyncio
from typing import Any

from common import arguments, end, follow, note, open_desk, race, report, stop

import bandex

CANCEL_AFTER_US = 300_000_000
"""The time that the exchange waits for a sign of life before it cancels the grid."""
SIGN_S = 60.0
"""How often a sign of life is given."""
BLOCK = 50
"""The most orders in one block."""

Line = tuple[int, str]
"""The number of a line, from the lowest, and the side of an order on it."""


class Grid:
    """The lines, lowest first and in ticks, and what to do on them."""

    def __init__(self, given: argparse.Namespace, rest: bandex.Rest, trader: bandex.Trader) -> None:
        self.given = given
        self.rest = rest
        self.trader = trader
        self.markets = trader.markets
        self.market: str = given.market
        low, high = (self.markets.ticks(self.market, price) for price in (given.low, given.high))
        steps = given.lines - 1
        if steps < 1 or high - low < steps:
            raise SystemExit("the lines need a tick between them: --low is below --high, and not by little")
        self.lines = [low + (high - low) * line // steps for line in range(given.lines)]
        self.account = bandex.LocalAccount()
        self.taken: dict[int, str] = {}
        self.news: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    def take(self, push: dict[str, Any]) -> None:
        """Takes in a push; orders that changed are looked at in their turn."""
        self.account.apply(push)
        if push["channel"] == "orders":
            self.news.put_nowait(push)

    async def place(self, orders: list[Line]) -> None:
        """Puts orders on the lines, each for itself. A line whose order would trade at once stays empty."""
        free = [order for order in orders if order[0] not in self.taken]
        for begin in range(0, len(free), BLOCK):
            some = free[begin : begin + BLOCK]
            try:
                reply = await self.trader.orders([self.operation(*order) for order in some])
            except bandex.Refused as error:
                note("grid", error)
                continue
            for (line, side), outcome in zip(some, reply["operations"], strict=True):
                if outcome["ok"]:
                    self.taken[line] = side
                else:
                    note("grid", f"line {line}: {outcome['detail']}")

    def operation(self, line: int, side: str) -> dict[str, Any]:
        """The order on a line."""
        price = self.markets.price(self.market, self.lines[line])
        terms = {"price": price, "quantity": self.given.quantity, "post_only": "refuse"}
        return {"op": "place", "market": self.market, "side": side, "client_id": f"grid-{line}", **terms}

    def after(self, orders: list[dict[str, Any]]) -> list[Line]:
        """What orders that changed ask for: the opposite of what was filled, one line further."""
        following: list[Line] = []
        for order in orders:
            name = order.get("client_id") or ""
            if order["market"] != self.market or not name.startswith("grid-"):
                continue
            line, side = int(name.removeprefix("grid-")), str(order["side"])
            if order["status"] in ("open", "sleeping"):
                self.taken[line] = side
                continue
            self.taken.pop(line, None)
            beside = line + 1 if side == "buy" else line - 1
            if order["status"] == "filled" and 0 <= beside < len(self.lines):
                following.append((beside, "sell" if side == "buy" else "buy"))
        return following

    async def all_around(self) -> list[Line]:
        """Buys below the price and sells above it, on every line but the nearest. The price is the last trade's, else
        the middle of the lines.
        """
        last = (await self.rest.market(self.market)).get("last_price")
        price = self.markets.ticks(self.market, last) if last else self.lines[len(self.lines) // 2]
        nearest = min(range(len(self.lines)), key=lambda line: abs(self.lines[line] - price))
        sides = [(line, "buy" if ticks < price else "sell") for line, ticks in enumerate(self.lines)]
        return [order for order in sides if order[0] != nearest]

    async def work(self) -> None:
        """Answers what happens to the orders."""
        while True:
            push = await self.news.get()
            whole = push["kind"] == "snapshot"
            if whole:
                self.taken.clear()
            orders = self.after(push["data"])
            if whole:
                # What was filled while nobody looked is not known any more: the empty lines are laid anew.
                orders += await self.all_around()
            await self.place(orders)

    async def give_signs(self) -> None:
        """Says again and again that the program is there."""
        while True:
            await self.trader.guard(CANCEL_AFTER_US)
            await asyncio.sleep(SIGN_S)


async def run(given: argparse.Namespace) -> None:
    desk = await open_desk(given)
    grid = Grid(given, desk.rest, desk.trader)
    channels = [await desk.client.subscribe("fills", resume_from=0)]
    channels += [await desk.client.subscribe(name) for name in ("orders", "balances", "limits")]
    following = asyncio.gather(*(follow(pushes, grid.take) for pushes in channels))
    working = asyncio.gather(grid.work(), grid.give_signs())
    await race(asyncio.create_task(end(given)), working, following)
    await stop(working)
    await desk.trader.guard(0)
    await stop(following)
    account = grid.account
    held = {"orders": account.orders, "fills": account.fills, "balances": account.balances}
    report(given, {"account": desk.trader.account, "market": given.market, **held})


if __name__ == "__main__":
    parser = arguments(__doc__)
    parser.add_argument("--low", required=True, help="the lowest line")
    parser.add_argument("--high", required=True, help="the highest line")
    parser.add_argument("--lines", type=int, default=10, help="how many lines (%(default)s)")
    parser.add_argument("--quantity", default="1", help="the size of each order, in base (%(default)s)")
    asyncio.run(run(parser.parse_args()))
