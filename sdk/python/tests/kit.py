"""What the tests share: traders with accounts, and waiting with an end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

from conftest import Exchange

import bandex

T = TypeVar("T")

MARKET = "BWT-BTC"
DEADLINE_S = 60.0
GIGABYTE = 1_000_000_000


def run(work: Coroutine[Any, Any, T]) -> T:
    """Runs a test's coroutine, which must end."""

    async def bounded() -> T:
        return await asyncio.wait_for(work, DEADLINE_S)

    return asyncio.run(bounded())


async def until(ask: Callable[[], Awaitable[T]], holds: Callable[[T], bool]) -> T:
    """Asks again until the answer holds; the test's own deadline ends it."""
    while True:
        answer = await ask()
        if holds(answer):
            return answer
        await asyncio.sleep(0.02)


class Party:
    """An account with all it needs."""

    def __init__(self, keypair: bandex.Keypair, rest: bandex.Rest, client: bandex.Client, trader: bandex.Trader):
        self.keypair = keypair
        self.rest = rest
        self.client = client
        self.trader = trader

    @classmethod
    async def join(cls, exchange: Exchange, lane: Path | None = None, gigabytes: int = 0) -> Party:
        """A new account, with tokens if wanted."""
        keypair, rest = bandex.Keypair.generate(), bandex.Rest(exchange.url)
        client = await bandex.Client.connect(rest.socket_url, first_wait_ms=10, longest_wait_ms=100)
        trader = await bandex.Trader.register(client, rest, keypair, lane)
        if gigabytes:
            exchange.issue(trader.account, gigabytes * GIGABYTE)
        return cls(keypair, rest, client, trader)

    async def login(self) -> bandex.AccountRest:
        """What the account may ask."""
        return await self.rest.login(self.keypair)
