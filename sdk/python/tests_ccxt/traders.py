"""Two accounts that trade with each other, so that every list has entries and every channel has news."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from typing import Any

from venue import PATIENCE, Venue

__all__ = ["trading"]

SYMBOLS = ("BWT/BTC", "BWU/BTC")
#: The price around which they trade, and the distance between two trades: the last price stays near the best ones.
MIDDLE, STEP = 3e-7, 1e-10
#: How long a round's pause is, in seconds: each makes a trade, and orders that come and go.
PAUSE = 0.2


async def _begin(alice: Any, bob: Any, symbol: str) -> None:
    """A book with levels on both sides, and orders of Alice's that ended in each way."""
    for far in range(2, 8):
        for trader, side, sign in ((alice, "sell", 1), (bob, "buy", -1)):
            await trader.create_order(symbol, "limit", side, 1 + far, MIDDLE + sign * 10 * far * STEP)
    ended = await alice.create_order(
        symbol, "limit", "sell", 1, MIDDLE + 90 * STEP, {"clientOrderId": f"ended {symbol}"}
    )
    await alice.cancel_order(ended["id"], symbol)
    await alice.create_order(symbol, "limit", "sell", 1, MIDDLE / 2, {"stopLossPrice": MIDDLE / 2})


async def _round(alice: Any, bob: Any, symbol: str, number: int) -> None:
    """One trade at the middle of the book, with what is left of the resting order cancelled."""
    side, other = ("sell", "buy") if number % 2 else ("buy", "sell")
    price = MIDDLE + (number % 7 - 3) * STEP
    resting = await alice.create_order(symbol, "limit", side, 2, price, {"postOnly": True})
    taker = await bob.create_order(symbol, "limit", other, 1, price, {"timeInForce": "IOC"})
    if taker["filled"] != 1:
        raise RuntimeError(f"the trade did not happen: {taker}")
    await alice.cancel_order(resting["id"], symbol)


async def _trade(venue: Venue, began: threading.Event, end: threading.Event) -> None:
    import ccxt.async_support as ccxt

    alice, bob = (ccxt.bandex(venue.config(name)) for name in ("alice", "bob"))
    try:
        for symbol in SYMBOLS:
            await _begin(alice, bob, symbol)
        number = 0
        while not end.is_set():
            for symbol in SYMBOLS:
                await _round(alice, bob, symbol, number)
            number += 1
            if number > 10:
                began.set()
            await asyncio.sleep(PAUSE)
    finally:
        await alice.close()
        await bob.close()


@contextlib.contextmanager
def trading(venue: Venue) -> Iterator[None]:
    """They trade as long as the block lasts. What goes wrong for them is raised at its end."""
    began, end = threading.Event(), threading.Event()
    wrong: list[BaseException] = []

    def run() -> None:
        try:
            asyncio.run(_trade(venue, began, end))
        except BaseException as error:  # told to whoever waits
            wrong.append(error)
            began.set()

    thread = threading.Thread(target=run, name="traders")
    thread.start()
    try:
        if not began.wait(PATIENCE):
            raise RuntimeError("the traders did not begin")
        if not wrong:
            yield
    finally:
        end.set()
        thread.join(PATIENCE)
        if wrong:
            raise RuntimeError("the traders failed") from wrong[0]
