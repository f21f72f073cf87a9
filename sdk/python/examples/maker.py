"""A market maker: quotes both sides around the last price, and knows at every moment what it has.

It keeps the book, its orders, fills and balances by the channels alone, over lost connections and restarts of the
exchange and of itself. The exchange cancels its quotes if it falls silent: a guard, wound up again and again, says so.
At the end it takes the guard away, leaves its quotes, and prints what it holds.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from typing import Any

from common import arguments, end, follow, levels, note, open_desk, race, report, stop

import bandex

LOOK_S = 0.1
"""How often it looks whether to quote anew."""
RENEW_S = 2.0
"""How often it quotes anew though nothing has changed, so that what others took is there again."""
CANCEL_AFTER_US = 30_000_000
"""Its quotes are cancelled if it is not heard of for so long ..."""
ON_DISCONNECT_US = 15_000_000
"""... or so long after its last connection, which must have logged in, broke."""
WIND_S = 5.0
"""How often the guard is wound up."""
QUIET_S = 2.0
"""How long nothing may be pushed before the end counts as reached."""


class Maker:
    """Everything the maker knows. Prices are in ticks, quantities in lots."""

    def __init__(self, given: argparse.Namespace, trader: bandex.Trader, feed: bandex.BookFeed[bandex.LocalBook]):
        self.given = given
        self.trader = trader
        self.markets = trader.markets
        self.market: str = given.market
        self.feed = feed
        self.account = bandex.LocalAccount()
        self.first_price = self.markets.ticks(self.market, given.price) if given.price else None
        self.last_price: int | None = None
        self.quoted: tuple[int, float] | None = None
        self.fills_then = 0
        self.wound: float | None = None
        self.heard = time.monotonic()
        self.beats = 0

    def hear(self) -> None:
        """Something other than a sign of life came."""
        self.heard, self.beats = time.monotonic(), 0

    async def follow_book(self) -> None:
        """The feed keeps the book; each change is heard."""
        async for _ in self.feed:
            self.hear()
        raise RuntimeError("the exchange ended the book")

    def take(self, push: dict[str, Any]) -> None:
        """Takes in a push of another channel."""
        if push["channel"] == "heartbeat":
            self.beats += 1
            return
        if push["channel"] == "trades":
            if push["data"]:
                self.last_price = self.markets.ticks(self.market, push["data"][-1]["price"])
        else:
            self.account.apply(push)
        self.hear()

    def around(self) -> int | None:
        """The price to quote around: the last trade's, else the middle of the book, else what the arguments say."""
        book = self.feed.book
        if self.last_price is not None:
            return self.last_price
        if book.bids and book.asks:
            best = [self.markets.ticks(self.market, side[0][0]) for side in (book.bids, book.asks)]
            return sum(best) // 2
        return self.first_price

    def step(self, around: int) -> int:
        """How far apart quotes around a price are."""
        return max(1, around * int(self.given.spread_ppm) // 1_000_000)

    def is_stale(self, around: int) -> bool:
        """Whether the price has moved, somebody has taken a quote, or it was long ago."""
        if self.quoted is None or self.account.fill_count > self.fills_then:
            return True
        before, when = self.quoted
        return abs(before - around) > self.step(around) // 4 or time.monotonic() - when > RENEW_S

    async def quote(self) -> None:
        """Quotes anew if need be. Quotes that would trade slide away from the market."""
        around = self.around()
        if around is None or not self.is_stale(around):
            return
        self.quoted, self.fills_then = (around, time.monotonic()), self.account.fill_count
        step, size = self.step(around), self.given.quantity
        away = [step * level for level in range(1, self.given.levels + 1)]
        bids = [(self.markets.price(self.market, around - ticks), size) for ticks in away if ticks < around]
        asks = [(self.markets.price(self.market, around + ticks), size) for ticks in away]
        try:
            await self.trader.quote(self.market, bids, asks, slide=True)
        except bandex.Refused as error:
            # No reason to end: the next quotes may be taken.
            note("maker", error)

    async def wind(self) -> None:
        """Winds the guard up if it is time: before there are quotes, and again and again."""
        if self.wound is None or time.monotonic() - self.wound > WIND_S:
            self.wound = time.monotonic()
            await self.trader.guard(CANCEL_AFTER_US, ON_DISCONNECT_US)

    async def work(self) -> None:
        """Quotes; one block is under way at a time, and while there is no connection it waits."""
        while True:
            await self.wind()
            await self.quote()
            await asyncio.sleep(LOOK_S)

    async def settle_down(self) -> None:
        """Waits until all that was on its way is heard. Signs of life say that the connection is there and that nothing
        else came through it.
        """
        while self.trader.pending or self.beats < 2 or time.monotonic() - self.heard < QUIET_S:
            await asyncio.sleep(LOOK_S)

    def report(self) -> dict[str, Any]:
        """What it holds."""
        book = self.feed.book
        return {
            "seq": max(self.account.seq, book.seq or 0),
            "account": self.trader.account,
            "market": self.market,
            "book": {"bids": levels(book.bids), "asks": levels(book.asks)},
            "orders": self.account.orders,
            "fills": self.account.fills,
            "balances": self.account.balances,
            "faults": self.feed.faults,
        }


async def run(given: argparse.Namespace) -> None:
    desk = await open_desk(given)
    feed = await bandex.BookFeed.levels(desk.client, desk.markets, given.market)
    maker = Maker(given, desk.trader, feed)
    # All fills ever: what happened while the maker was away as well.
    channels = [await desk.client.subscribe("fills", resume_from=0)]
    channels += [await desk.client.subscribe(name) for name in ("orders", "balances", "limits", "heartbeat")]
    channels.append(await desk.client.subscribe("trades", given.market))
    following = asyncio.gather(maker.follow_book(), *(follow(pushes, maker.take) for pushes in channels))
    working, ending = asyncio.create_task(maker.work()), asyncio.create_task(end(given))
    await race(ending, working, following)
    # From here nothing new is signed; the quotes stay, and all that is on its way is heard.
    await stop(working)
    await race(asyncio.create_task(maker.trader.guard(0)), following)
    await race(asyncio.create_task(maker.settle_down()), following)
    await stop(following)
    report(given, maker.report())


if __name__ == "__main__":
    parser = arguments(__doc__)
    parser.add_argument("--levels", type=int, default=3, help="quotes a side (%(default)s)")
    parser.add_argument("--quantity", default="1", help="the size of each quote, in base (%(default)s)")
    spread = "how far each quote is from the next, in parts per million (%(default)s)"
    parser.add_argument("--spread-ppm", type=int, default=500, help=spread)
    parser.add_argument("--price", help="the price to quote around while nobody has traded")
    asyncio.run(run(parser.parse_args()))
