"""Settles an account's deals by itself: pays and acknowledges tranches, and checks first.

Run it beside a maker with a session key of its own (`bandex key grant --scope settle`), and show it the maker's lane
with --orders: a deal over an order that is in none of the lanes it knows is not paid. Payments outside the exchange are
signed only: moving the money is left to whoever takes this as a beginning. The agent in Rust (`bandex agent`) checks
more: it works out the whole course of every deal by itself.
"""

from __future__ import annotations

import argparse
import asyncio
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

from common import arguments, end, follow, note, open_desk, race, report, stop

import bandex


class Declined(Exception):
    """A step that the account does not take, and why."""


class Settler:
    """Takes the step that a deal waits for, one after the other."""

    def __init__(self, given: argparse.Namespace, trader: bandex.Trader) -> None:
        self.given = given
        self.trader = trader
        self.events: Counter[str] = Counter()
        self.waiting: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    def take(self, push: dict[str, Any]) -> None:
        """Deals that changed are looked at in their turn."""
        for deal in push["data"]:
            self.waiting.put_nowait(deal)

    async def work(self) -> None:
        """Looks at one deal after the other. An old picture of a deal does no harm: what it asks for is refused."""
        while True:
            deal = await self.waiting.get()
            try:
                await self.step(deal)
            except Declined as why:
                self.events["declined"] += 1
                note("settle", f"{deal['deal']}: {why}")
            except bandex.Refused as error:
                self.events["failed"] += 1
                note("settle", f"{deal['deal']}: {error}")

    async def step(self, deal: dict[str, Any]) -> None:
        """Pays what this account owes, or acknowledges what it was paid."""
        if deal["state"] == "settled":
            self.events["settled"] += 1
        if deal["state"] != "open":
            return
        side = "seller" if deal["seller"] == self.trader.account else "buyer"
        due, in_flight = deal.get("due"), deal.get("in_flight")
        if in_flight and in_flight["party"] != side:
            await self.check_order(deal, side)
            await self.trader.acknowledge(in_flight["proposal"])
            self.events["acknowledged"] += 1
        elif due and due["party"] == side and not in_flight:
            await self.check_order(deal, side)
            self.check_exposure(deal, due, side)
            self.check_progress(deal, due)
            await self.trader.pay(deal["deal"], due["tranche"], due["cumulative_units"])
            self.events["paid"] += 1

    async def check_order(self, deal: dict[str, Any], side: str) -> None:
        """The deal must come from an order of ours, on its terms."""
        is_taker = (deal["taker_side"] == "buy") == (side == "buyer")
        name = deal["taker"] if is_taker else deal["maker"]
        order = await self.own_order(name)
        if order is None:
            raise Declined(f"order {name} was never signed here")
        if (order["market"], order["side"]) != (deal["market"], "buy" if side == "buyer" else "sell"):
            raise Declined(f"order {name} is for another market or the other side")
        price = Decimal(deal["quote_total"]) / Decimal(deal["base_total"])
        limits = [Decimal(version["price"]) for version in order["versions"]]
        # The payee's legs are rounded up to whole units, which may show in the price of a small deal.
        unit = Decimal(self.trader.markets.amount(self.quote_asset(deal), 1)) / Decimal(deal["base_total"])
        if side == "buyer" and price > max(limits) + unit or side == "seller" and price < min(limits) - unit:
            raise Declined(f"order {name} does not allow the price of {price}")

    def quote_asset(self, deal: dict[str, Any]) -> str:
        return self.trader.markets.assets_of(deal["market"])[1]

    async def own_order(self, name: str) -> dict[str, Any] | None:
        """An order as it was signed, by this key or in one of the lanes that were named."""
        own = self.trader.own_order(name)
        for lane in self.given.orders:
            own = own or await bandex.stored_order(lane, name, self.trader.markets)
        return own

    def check_exposure(self, deal: dict[str, Any], due: dict[str, Any], side: str) -> None:
        """The counterparty shall not owe more than was said, in quote, after the payment."""
        if self.given.largest_exposure is None:
            return
        ahead = Decimal(deal["quote_sent"]) - Decimal(deal["base_sent_value"])
        worth = Decimal(due["amount"])
        if side == "seller":
            ahead, worth = -ahead, worth * Decimal(deal["quote_total"]) / Decimal(deal["base_total"])
        if ahead + worth > Decimal(self.given.largest_exposure):
            raise Declined(f"the counterparty would owe {ahead + worth}")

    def check_progress(self, deal: dict[str, Any], due: dict[str, Any]) -> None:
        """What was signed before is not paid again."""
        before = self.trader.own_pay(deal["deal"])
        if before and int(before["tranche"]) >= due["tranche"]:
            raise Declined(f"tranche {due['tranche']} was paid before")


async def run(given: argparse.Namespace) -> None:
    desk = await open_desk(given)
    settler = Settler(given, desk.trader)
    following = asyncio.create_task(follow(await desk.client.subscribe("deals"), settler.take))
    working = asyncio.create_task(settler.work())
    await race(asyncio.create_task(end(given)), working, following)
    await stop(working, following)
    state = {"account": desk.trader.account, "market": given.market, "events": dict(settler.events)}
    report(given, state)


if __name__ == "__main__":
    parser = arguments(__doc__)
    lanes = "the lane file of a key that places the account's orders; may be given several times"
    parser.add_argument("--orders", type=Path, action="append", default=[], metavar="FILE", help=lanes)
    exposure = "the most that a counterparty may owe in one deal, in the quote of the market"
    parser.add_argument("--largest-exposure", metavar="AMOUNT", help=exposure)
    asyncio.run(run(parser.parse_args()))
