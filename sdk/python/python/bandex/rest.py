"""REST for asyncio: what everybody may ask, and what belongs to an account."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, TypeVar

from ._core import Keypair, Markets
from ._core import Rest as CoreRest
from .errors import BandexError
from .types import Json, SignedBlock

__all__ = ["AccountRest", "Rest"]

Answer = TypeVar("Answer")

MARGIN_US = 60_000_000
"""A session that ends within this time is renewed before it is used."""


class Rest:
    """The public part of an exchange's REST interface. Answers are dicts, as docs/api.md has them."""

    def __init__(self, url: str) -> None:
        """For an exchange at ``url``, such as ``http://localhost:8420``."""
        self.url = url
        self._core = CoreRest(url)

    @property
    def core(self) -> CoreRest:
        """What the package is built on."""
        return self._core

    @property
    def socket_url(self) -> str:
        """Where the exchange's WebSocket is."""
        return self._core.socket_url

    async def get(self, path: str, **query: Any) -> Any:
        """Any page by its path, such as ``/v1/time``; fields of the query that are None are left out."""
        return await self._core.get(path, query)

    async def fetch(self, path: str) -> str:
        """A page with its query as text, for those that are no JSON."""
        return await self._core.fetch(path)

    async def post(self, path: str, body: Mapping[str, Any], **query: Any) -> Any:
        """What a POST of ``body`` to a path answers."""
        return await self._core.post(path, body, query)

    async def pages(self, path: str, items: str, **query: Any) -> AsyncIterator[Any]:
        """Every item of a list, page after page: ``items`` is the field that holds them, such as ``"orders"``."""
        cursor: str | None = None
        while True:
            page = await self.get(path, **query, cursor=cursor)
            for item in page[items]:
                yield item
            cursor = page.get("next_cursor")
            if cursor is None:
                return

    async def markets(self) -> Markets:
        """All that is listed, ready to turn decimals into steps."""
        return await self._core.markets()

    async def time(self) -> Any:
        """The node's clock."""
        return await self.get("/v1/time")

    async def status(self) -> Any:
        """What the exchange and its markets are doing."""
        return await self.get("/v1/status")

    async def market(self, market: str) -> Any:
        """One market: its state, its rules, the last price."""
        return await self.get(f"/v1/markets/{market}")

    async def book(self, market: str, depth: int | None = None, *, orders: bool | None = None) -> Any:
        """A book, ``depth`` levels a side; with ``orders`` that many single orders."""
        return await self.get(f"/v1/book/{market}", depth=depth, orders=orders)

    async def trades(self, market: str, *, cursor: str | None = None, limit: int | None = None) -> Any:
        """A page of trades, newest first."""
        return await self.get(f"/v1/trades/{market}", cursor=cursor, limit=limit)

    async def tickers(self) -> Any:
        """The last 24 hours of every market."""
        return await self.get("/v1/tickers")

    async def ticker(self, market: str) -> Any:
        """The last 24 hours of a market."""
        return await self.get(f"/v1/tickers/{market}")

    async def candles(self, market: str, interval: str, **query: Any) -> Any:
        """A page of candles, newest first: each ``interval`` long (1m, 5m, 15m, 1h, 4h or 1d)."""
        return await self.get(f"/v1/markets/{market}/candles", interval=interval, **query)

    async def auctions(self, market: str, **query: Any) -> Any:
        """A page of the market's auctions that ended, newest first."""
        return await self.get(f"/v1/markets/{market}/auctions", **query)

    async def forks(self, **query: Any) -> Any:
        """A page of the proofs that keys signed one place twice, newest first."""
        return await self.get("/v1/forks", **query)

    async def defaults(self, **query: Any) -> Any:
        """A page of the deals that were not honoured, newest first."""
        return await self.get("/v1/defaults", **query)

    async def trust(self) -> Any:
        """How limits follow, who the seeds and registrars are, the last epoch."""
        return await self.get("/v1/trust")

    async def reputation(self, account: str, *, seen_from: str | None = None) -> Any:
        """An account's score at the end of the last epoch; with ``seen_from`` as that account's own circle sees it."""
        return await self.get(f"/v1/reputation/{account}", **{"from": seen_from})

    async def standing(self, account: str) -> Any:
        """What the node says of an account's standing, signed."""
        return await self.get(f"/v1/standing/{account}")

    async def block(self, block_id: str) -> Any:
        """A block as the node keeps it."""
        return await self.get(f"/v1/blocks/{block_id}")

    async def lane(self, key: str, **query: Any) -> Any:
        """A part of a lane, oldest first, and its head."""
        return await self.get(f"/v1/lanes/{key}", **query)

    async def limits(self, account: str) -> Any:
        """How much others may let an account owe, and why."""
        return await self.get(f"/v1/limits/{account}")

    async def submit(self, signed: Mapping[str, Any] | SignedBlock, *, receipt: bool = True) -> Any:
        """Submits a signed block. After ``ConnectionFailed`` it may have been sequenced: send the same again."""
        body = {"payload": signed["payload"], "signature": signed["signature"]}
        return await self.post("/v1/blocks", body, receipt=receipt)

    async def validate(self, signed: Mapping[str, Any] | SignedBlock) -> Any:
        """What ``submit`` would answer now; nothing is sequenced."""
        body = {"payload": signed["payload"], "signature": signed["signature"]}
        return await self.post("/v1/blocks/validate", body)

    async def prepare(
        self,
        key: str,
        *,
        body: Json | None = None,
        orders: list[Any] | None = None,
        **fields: Any,
    ) -> Any:
        """Has the node build a block of ``key`` from a body or from orders in decimals. Sign it with
        ``Signer.sign_prepared`` or ``Trader.sign_prepared``, which compare it first.
        """
        given = {"key": key, "body": body, "orders": orders, **fields}
        return await self.post(
            "/v1/blocks/prepare", {name: value for name, value in given.items() if value is not None}
        )

    async def login(self, keypair: Keypair, markets: Markets | None = None) -> AccountRest:
        """Logs in with a key of an account; gives the interface as that account sees it."""
        account = AccountRest(self.url, keypair, markets or await self.markets())
        await account.renew()
        return account

    async def signed(self, keypair: Keypair, markets: Markets | None = None) -> AccountRest:
        """As ``login``, but without a session that ends or a token that somebody could steal: each request is signed
        with the key (RFC 9421).
        """
        account = AccountRest(self.url, keypair, markets or await self.markets(), has_session=False)
        await account.renew()
        return account


class AccountRest(Rest):
    """An exchange's REST interface as an account sees it. A session is renewed by itself: before it ends, and when the
    exchange does not know it, as after a restart.
    """

    def __init__(self, url: str, keypair: Keypair, markets: Markets, *, has_session: bool = True) -> None:
        """Use ``Rest.login`` or ``Rest.signed``."""
        super().__init__(url)
        self._keypair = keypair
        self._markets = markets
        self._has_session = has_session
        self._renewal = asyncio.Lock()

    async def renew(self) -> None:
        """Logs in anew."""
        rest = CoreRest(self.url)
        enter = rest.login if self._has_session else rest.signed
        self._core = await enter(self._keypair, self._markets)

    async def _renew_once(self, known: CoreRest) -> None:
        """Logs in anew unless somebody has done so since ``known`` was used."""
        async with self._renewal:
            if self._core is known:
                await self.renew()

    async def _asked(self, ask: Callable[[CoreRest], Awaitable[Answer]]) -> Answer:
        """What the exchange answers this account; it is asked again if it has forgotten the session."""
        if self._core.expires_within(MARGIN_US):
            await self._renew_once(self._core)
        core = self._core
        try:
            return await ask(core)
        except BandexError as error:
            if error.code != "not_logged_in" or not self._has_session:
                raise
        await self._renew_once(core)
        return await ask(self._core)

    @property
    def account(self) -> str:
        """Whose, hex."""
        return self._core.account or ""

    async def get(self, path: str, **query: Any) -> Any:
        """Any page by its path, as this account."""
        return await self._asked(lambda core: core.get(path, query))

    async def fetch(self, path: str) -> str:
        """A page with its query as text, as this account."""
        return await self._asked(lambda core: core.fetch(path))

    async def orders(self, **query: Any) -> Any:
        """A page of the account's orders: ``state``, ``market``, ``client_id``, ``cursor``, ``limit``."""
        return await self.get("/v1/orders", **query)

    async def order(self, order: str) -> Any:
        """One order."""
        return await self.get(f"/v1/orders/{order}")

    async def fills(self, **query: Any) -> Any:
        """A page of the account's fills: ``market``, ``order``, ``cursor``, ``limit``."""
        return await self.get("/v1/fills", **query)

    async def balances(self) -> Any:
        """What the account has, and how far others let it go."""
        return await self.get("/v1/balances")

    async def deals(self, **query: Any) -> Any:
        """A page of the account's deals: ``due_by``, ``closed``, ``cursor``, ``limit``."""
        return await self.get("/v1/deals", **query)

    async def deal(self, deal: str) -> Any:
        """One deal."""
        return await self.get(f"/v1/deals/{deal}")

    async def tranches(self, deal: str) -> Any:
        """The tranches of a deal."""
        return await self.get(f"/v1/deals/{deal}/tranches")

    async def evidence(self, deal: str) -> Any:
        """All that a third party needs to judge a deal."""
        return await self.get(f"/v1/deals/{deal}/evidence")

    async def export(self, what: str, *, from_seq: int | None = None) -> str:
        """Everything of the account as CSV, oldest first: orders, fills, deals, tranches, balances or blocks."""
        return await self.fetch(f"/v1/export/{what}" + ("" if from_seq is None else f"?from_seq={from_seq}"))

    async def protections(self) -> Any:
        """The protections of the account's quotes."""
        return await self.get("/v1/protections")

    async def grants(self) -> Any:
        """The account's keys and what each may do."""
        return await self.get("/v1/grants")

    async def rate_limits(self) -> Any:
        """How much may be asked, and how much is left."""
        return await self.get("/v1/rate-limits")
