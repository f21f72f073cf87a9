"""One key at work: signs, stores, sends, and sends again until answered."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from typing import Any

from ._core import Client, Keypair, Markets, Submitted
from ._core import Trader as CoreTrader
from .errors import Refused
from .rest import Rest
from .types import Json, Number, OwnBlock

__all__ = ["Trader"]

Level = tuple[Number, Number]
"""Price and quantity."""


class Trader:
    """One key's lane on a connection that others may share.

    Every block is stored before it is sent. What the exchange did not sequence is sent again byte for byte, in order,
    until it is answered or the lane is found broken; callers see only the final answer. Several may be under way: use
    ``submit`` or ``submit_orders`` and ask for the reply later.
    """

    def __init__(self, core: CoreTrader) -> None:
        """Use ``Trader.open`` or ``Trader.register``."""
        self._core = core

    @classmethod
    async def open(
        cls,
        client: Client,
        rest: Rest,
        keypair: Keypair,
        lane: str | PathLike[str] | None,
        *,
        markets: Markets | None = None,
    ) -> Trader:
        """Takes up a lane where it was left. ``lane`` is the file that keeps what was signed; None keeps it in memory,
        and then nothing may be under way when the program ends.
        """
        listed = markets or await rest.markets()
        return cls(await CoreTrader.open(client, rest.core, listed, keypair, lane, False))

    @classmethod
    async def register(
        cls,
        client: Client,
        rest: Rest,
        keypair: Keypair,
        lane: str | PathLike[str] | None,
        *,
        markets: Markets | None = None,
    ) -> Trader:
        """As ``open``, and makes an account with the key as its root if the exchange does not know it."""
        listed = markets or await rest.markets()
        return cls(await CoreTrader.open(client, rest.core, listed, keypair, lane, True))

    @property
    def account(self) -> str:
        """The account, hex."""
        return self._core.account

    @property
    def key(self) -> str:
        """The key, hex."""
        return self._core.key

    @property
    def markets(self) -> Markets:
        """The listings it was opened with."""
        return self._core.markets

    @property
    def pending(self) -> int:
        """How many blocks wait for their answer."""
        return self._core.pending

    @property
    def head(self) -> tuple[int, str]:
        """The end of the lane, everything signed included: its seq and the id of its last block."""
        return self._core.head

    def own_order(self, order: str) -> dict[str, Any] | None:
        """An order of this lane as it was signed: ``market``, ``side``, and its ``versions`` (price, quantity), the
        last being what it was amended to.
        """
        return self._core.own_order(order)

    def own_pay(self, deal: str) -> dict[str, Any] | None:
        """The last payment that this lane signed in a deal."""
        return self._core.own_pay(deal)

    async def submit(self, body: Json, *, expiry_us: int | None = None) -> Submitted:
        """Signs any body in its JSON form (docs/tradechain.md), stores and sends it; gives the block under way."""
        return await self._core.submit(body, expiry_us)

    async def submit_orders(self, operations: Sequence[Json], *, expiry_us: int | None = None) -> Submitted:
        """As ``submit``, for one to a hundred operations in decimals, as ``POST /v1/blocks/prepare`` takes them."""
        return await self._core.orders(operations, expiry_us)

    async def sign_prepared(self, asked: Json, prepared: Json) -> OwnBlock:
        """Signs what ``Rest.prepare`` answered, if it is to the last byte what was ``asked``, and stores it as the next
        block of this lane. It is for the caller to post; if nobody does, it goes out with the next block.
        """
        return await self._core.sign_prepared(asked, prepared)

    async def _say(self, kind: str, **fields: Any) -> dict[str, Any]:
        """Submits a body and waits for its answer."""
        submitted = await self.submit({"kind": kind, **fields})
        return await submitted.reply()

    async def orders(self, operations: Sequence[Json]) -> dict[str, Any]:
        """One to a hundred operations in one block, each answered by itself under ``operations``."""
        return await (await self.submit_orders(operations)).reply()

    async def _one(self, op: str, **fields: Any) -> dict[str, Any]:
        """One operation: its own answer, with ``order``, ``block_id``, ``seq``, ``time_us`` and ``receipt``."""
        given = {name: value for name, value in fields.items() if value is not None}
        submitted = await self.submit_orders([{"op": op, **given}])
        reply = await submitted.reply()
        answer = reply["operations"][0]
        if not answer["ok"]:
            raise Refused(answer.get("detail", "the operation was refused"), answer.get("code", "refused"), answer)
        return {"order": submitted.order(0), **answer, **{k: v for k, v in reply.items() if k != "operations"}}

    async def place(self, market: str, side: str, **terms: Any) -> dict[str, Any]:
        """Places an order: ``price``, ``quantity``, and if wanted ``order_type`` (limit, market), ``quote_quantity``,
        ``time_in_force`` (gtc, ioc, fok, gtd), ``expires_us``, ``post_only`` (True, "slide"), ``self_trade``,
        ``display``, ``minimum``, ``trigger``, ``own_cap``, ``client_id``. Gives its reference as ``order``, and where
        it stands as ``status``.
        """
        return await self._one("place", market=market, side=side, **terms)

    async def cancel(
        self, order: str | None = None, *, market: str | None = None, client_id: str | None = None
    ) -> dict[str, Any]:
        """Cancels an order by its reference, or by market and client id."""
        return await self._one("cancel", order=order, market=market, client_id=client_id)

    async def cancel_all(self, market: str | None = None, side: str | None = None) -> dict[str, Any]:
        """Cancels every open order of the account that market and side do not leave out."""
        return await self._one("cancel_all", market=market, side=side)

    async def amend(self, market: str, order: str, *, price: Number, quantity: Number) -> dict[str, Any]:
        """Changes price and total quantity (fills included) of an order, which keeps its reference."""
        return await self._one("amend", market=market, order=order, price=price, quantity=quantity)

    async def quote(
        self, market: str, bids: Sequence[Level] = (), asks: Sequence[Level] = (), *, slide: bool = False
    ) -> list[str]:
        """Replaces all quotes of the account on a market, or changes nothing; none pulls them. Gives the references
        of the new ones, bids first.
        """
        levels = {"bids": [list(level) for level in bids], "asks": [list(level) for level in asks]}
        answer = await self._one("quote", market=market, slide=slide, **levels)
        key, seq, first = str(answer["order"]).split(":")
        return [f"{key}:{seq}:{int(first) + number}" for number in range(len(bids) + len(asks))]

    async def protect(
        self, market: str, quantity: Number | None = None, window_us: int | None = None
    ) -> dict[str, Any]:
        """Pulls the account's quotes when more than ``quantity`` is filled within ``window_us``; without both, ends
        that. Setting it again lets quotes in that were pulled.
        """
        return await self._one("protect", market=market, quantity=quantity, window_us=window_us)

    async def guard(self, cancel_after_us: int, on_disconnect_us: int | None = None) -> dict[str, Any]:
        """Has the exchange cancel this key's orders when ``cancel_after_us`` has passed without another guard (0: no
        timer), and, unless None, when no connection logged in with the key has been there for ``on_disconnect_us``.
        """
        return await self._say("guard", cancel_after_us=cancel_after_us, on_disconnect_us=on_disconnect_us)

    async def pay(self, deal: str, tranche: int, cumulative_units: int | str, reference: str = "") -> dict[str, Any]:
        """Pays a tranche of a deal: the numbers are those under ``due`` of the deal."""
        units = str(cumulative_units)
        return await self._say("pay", deal=deal, tranche=tranche, cumulative=units, reference=reference)

    async def acknowledge(self, proposal: str) -> dict[str, Any]:
        """Countersigns a payment, a bandwidth record or another proposal, by its block's id."""
        return await self._say("acknowledge", proposal=proposal)

    async def receive(self, deal: str, script: str) -> dict[str, Any]:
        """Says where the account wants to be paid in a deal on the Bitcoin chain: an output script, hex."""
        return await self._say("receive", deal=deal, script=script)

    async def transfer(self, to: str, asset: str, amount: Number, note: str = "") -> dict[str, Any]:
        """Moves tokens to another account."""
        units = str(self.markets.units(asset, amount))
        return await self._say("transfer", to=to, asset=self.markets.asset_id(asset), amount=units, note=note)

    async def bond(self, amount: Number) -> dict[str, Any]:
        """Puts BWT at stake: it raises the limit, and goes to the victim if the account defaults."""
        return await self._say("bond", amount=str(self.markets.units("BWT", amount)))

    async def unbond(self, amount: Number) -> dict[str, Any]:
        """Asks for bonded BWT back."""
        return await self._say("unbond", amount=str(self.markets.units("BWT", amount)))

    async def fee(self, amount: Number) -> dict[str, Any]:
        """Pays BWT to the exchange: for admission, or to let the limit grow."""
        return await self._say("fee", amount=str(self.markets.units("BWT", amount)))

    async def resolve(self, deal: str, deliver_units: int | str) -> dict[str, Any]:
        """Proposes to end a deal that went wrong; the counterparty acknowledges it."""
        return await self._say("resolve", deal=deal, deliver=str(deliver_units))

    async def write_off(self, deal: str) -> dict[str, Any]:
        """Gives up what the counterparty of a deal owes."""
        return await self._say("write_off", deal=deal)

    async def cure(self, deal: str, reference: str = "") -> dict[str, Any]:
        """Pays what is still owed after a default."""
        return await self._say("cure", deal=deal, reference=reference)

    async def claim(self, bits: int) -> dict[str, Any]:
        """Asks for the first grant of tokens, with a proof of work of so many bits."""
        return await self._core.claim(bits)

    async def grant(
        self,
        session: Keypair,
        scopes: Sequence[str],
        *,
        markets: Sequence[str] = (),
        largest_notional: int | None = None,
        expires_us: int | None = None,
    ) -> dict[str, Any]:
        """Admits a session key; only the root key may. ``scopes`` are some of orders, settle and tokens; no market
        named means all.
        """
        numbers = sorted(self.markets.market_id(market) for market in markets)
        terms = {"largest_notional": largest_notional, "expires_us": expires_us}
        return await self._core.grant(session, {"scopes": list(scopes), "markets": numbers, **terms})

    async def revoke(self, key: str) -> dict[str, Any]:
        """Ends a session key; only the root key may."""
        return await self._say("revoke", key=key)

    async def heal(self, key: str, keep: str) -> dict[str, Any]:
        """Thaws the account after session key ``key`` forked; only the root key may."""
        return await self._say("heal", key=key, keep=keep)

    async def rotate(self, next: Keypair) -> dict[str, Any]:
        """Replaces the root key, after which this lane has ended."""
        return await self._core.rotate(next)

    async def resume(self) -> None:
        """Tries again what a broken lane has pending, once the cause is mended."""
        await self._core.resume()
