"""A recorder: writes every push of a market's public channels to a file, and can make the book of it again.

Nothing is dropped: if the file is slow, the exchange waits. Every book is held against the exchange's checksum, while it
is recorded and again when it is replayed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections import Counter
from pathlib import Path
from typing import IO, Any

from common import arguments, end, follow, levels, note, race, report, stop

import bandex

PUBLIC: list[tuple[str, bool, dict[str, Any]]] = [
    ("book", True, {}),
    ("book", True, {"depth": 10}),
    ("book_orders", True, {}),
    ("bbo", True, {}),
    ("trades", True, {}),
    ("ticker", True, {}),
    ("candles", True, {"interval": "1m"}),
    ("auction", True, {}),
    ("markets", False, {}),
    ("status", False, {}),
    ("heartbeat", False, {}),
]
"""Everything public about a market: the channel, whether it is of one market, and its parameters."""


class Tally:
    """What the pushes of a market add up to."""

    def __init__(self, markets: bandex.Markets, market: str) -> None:
        self.market = market
        self.book = bandex.LocalBook(markets, market)
        self.orders = bandex.LocalOrders(markets, market)
        self.counts: Counter[str] = Counter()
        self.faults = 0
        self.seq = 0

    def take(self, push: dict[str, Any]) -> bool:
        """Counts a push, and applies it to the book it is about; false if it does not fit the book."""
        self.counts[push["channel"]] += 1
        self.seq = max(self.seq, push["seq"])
        book: bandex.LocalBook | bandex.LocalOrders
        if push["channel"] == "book" and push.get("depth", "full") == "full":
            book = self.book
        elif push["channel"] == "book_orders":
            book = self.orders
        else:
            return True
        # What comes between a fault and the snapshot that mends it finds an empty book.
        was_live = book.is_live
        try:
            book.apply(push)
        except bandex.BookBroken as error:
            if was_live or error.code != "no_snapshot":
                note("recorder", f"record {push['seq']}: {error}")
                self.faults += 1
                return False
        return True

    def report(self) -> dict[str, Any]:
        """What it came to."""
        return {
            "seq": self.seq,
            "market": self.market,
            "pushes": dict(self.counts),
            "faults": self.faults,
            "checksum": self.book.checksum,
            "book": {"bids": levels(self.book.bids), "asks": levels(self.book.asks)},
            "resting_orders": len(self.orders.bids) + len(self.orders.asks),
        }


async def record(given: argparse.Namespace, tally: Tally, file: IO[str]) -> None:
    """Records until the end."""
    client = await bandex.Client.connect(bandex.Rest(given.url).socket_url, on_full="wait")
    following = []
    for channel, of_market, parameters in PUBLIC:
        pushes = await client.subscribe(channel, given.market if of_market else None, **parameters)

        def take(push: dict[str, Any], pushes: bandex.Subscription = pushes) -> None:
            file.write(json.dumps(push, separators=(",", ":")) + "\n")
            if not tally.take(push):
                pushes.refresh()

        following.append(follow(pushes, take))
    all_of_them = asyncio.gather(*following)
    await race(asyncio.create_task(end(given)), all_of_them)
    await stop(all_of_them)


async def run(given: argparse.Namespace) -> None:
    tally = Tally(await bandex.Rest(given.url).markets(), given.market)
    if given.replay:
        with given.file.open() as file:
            for line in file:
                tally.take(json.loads(line))
    else:
        with given.file.open("w") as file:
            await record(given, tally, file)
    report(given, tally.report())


if __name__ == "__main__":
    parser = arguments(__doc__, with_key=False)
    parser.add_argument("--file", type=Path, default=Path("recorded.jsonl"), help="one push a line (%(default)s)")
    parser.add_argument("--replay", action="store_true", help="read the file, and make the books of it again")
    asyncio.run(run(parser.parse_args()))
