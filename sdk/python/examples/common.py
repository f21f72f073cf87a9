"""What the example programs share: arguments, a connection that is logged in, and how they end."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bandex

LOOK_S = 0.1
"""How often the end is looked for."""


@dataclass
class Desk:
    """A trader at an exchange."""

    rest: bandex.Rest
    markets: bandex.Markets
    client: bandex.Client
    trader: bandex.Trader
    keypair: bandex.Keypair


def arguments(about: str, *, with_key: bool = True) -> argparse.ArgumentParser:
    """The arguments of all examples."""
    parser = argparse.ArgumentParser(description=about)
    url = os.environ.get("BANDEX_URL", "http://127.0.0.1:8420")
    parser.add_argument("--url", default=url, help="the exchange (%(default)s)")
    parser.add_argument("--market", default="BWT-BTC", help="the market (%(default)s)")
    parser.add_argument("--for", dest="seconds", type=int, help="end after so many seconds")
    parser.add_argument("--until-file", type=Path, metavar="FILE", help="end once this file exists")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where to write the final state as JSON")
    if with_key:
        key = os.environ.get("BANDEX_KEY", "bandex.key")
        parser.add_argument("--key", type=Path, default=key, help="the key file, as `bandex key new` writes it")
    return parser


async def open_desk(given: argparse.Namespace) -> Desk:
    """Connects and logs in with the key; the account is made if the exchange does not know the key. What is signed is
    kept in KEY.lane beside the key, and what was pending when the program last ended is sent again first.
    """
    keypair, rest = bandex.Keypair.load(given.key), bandex.Rest(given.url)
    markets = await rest.markets()
    client = await bandex.Client.connect(rest.socket_url)
    trader = await bandex.Trader.register(client, rest, keypair, f"{given.key}.lane", markets=markets)
    await client.login(keypair)
    return Desk(rest, markets, client, trader, keypair)


async def end(given: argparse.Namespace) -> None:
    """Waits for the end: the time, the file, or a signal."""
    told = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    began = time.monotonic()
    while not told.is_set():
        is_late = given.seconds is not None and time.monotonic() - began >= given.seconds
        if is_late or (given.until_file and given.until_file.exists()):
            return
        await asyncio.sleep(LOOK_S)


async def race(*work: asyncio.Future[Any]) -> None:
    """Waits until one of them ends, and raises what it raised. The others go on."""
    done, _ = await asyncio.wait(work, return_when=asyncio.FIRST_COMPLETED)
    for one in done:
        one.result()


async def stop(*work: asyncio.Future[Any]) -> None:
    """Ends them, and waits for their end."""
    for one in work:
        one.cancel()
    await asyncio.gather(*work, return_exceptions=True)


async def follow(pushes: bandex.Subscription, take: Callable[[dict[str, Any]], None]) -> None:
    """Takes in what comes on a channel, which must not end."""
    async for push in pushes:
        take(push)
    raise RuntimeError("the exchange ended a channel")


def levels(side: list[tuple[str, str, int]]) -> list[dict[str, Any]]:
    """One side of a book as the final state has it."""
    return [{"price": price, "quantity": quantity, "orders": orders} for price, quantity, orders in side]


def report(given: argparse.Namespace, state: dict[str, Any]) -> None:
    """Writes what the program came to."""
    text = json.dumps(state, indent=2, sort_keys=True)
    if given.json:
        given.json.write_text(text)
    else:
        print(text)


def note(program: str, words: object) -> None:
    """Says something to whoever watches."""
    print(f"{program}: {words}", file=sys.stderr)
