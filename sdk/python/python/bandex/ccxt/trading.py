"""Trading: signed blocks of operations on orders, sent until their fate is known."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

from ccxt.base.errors import ArgumentsRequired, BaseError, InvalidNonce, InvalidOrder, NetworkError, RequestTimeout
from ccxt.base.errors import AccountSuspended, BadResponse
from ccxt.base.precise import Precise

from bandex import _core

from .describe import MOST_OPERATIONS
from .errors import ACCEPTED, failure, problem_of
from .lane import Lane, Sent, lane_of
from .steps import Steps, step
from .venue import Venue

__all__ = ["Trading"]

#: Sends a signed block and gives the reply: over REST, or over the WebSocket.
Send = Callable[[dict[str, Any]], Any]

_SELF_TRADE = {
    "EXPIRE_MAKER": "cancel_oldest", "EXPIRE_TAKER": "cancel_newest", "EXPIRE_BOTH": "cancel_both",
    "DECREMENT": "decrement",
}
_IN_FORCE = {"GTC": "gtc", "IOC": "ioc", "FOK": "fok", "GTD": "gtd", "PO": "gtc"}
_RISING, _FALLING = ("ascending", "above", "up"), ("descending", "below", "down")
#: How long to wait before the same bytes are sent again, in milliseconds, if the exchange does not say.
_AGAIN_MS = 200


class Trading(Venue):
    """Orders."""

    # Blocks.

    def now_us(self: Any) -> int:
        return time.time_ns() // 1000 - self.options["timeDifference"] * 1000

    def _rest(self: Any, wire: dict[str, Any]) -> Any:
        return self.publicPostBlocks(wire)

    def _lane(self: Any) -> Lane:
        listings = self._listings
        return lane_of(self.keypair(), listings.node, listings.network)

    def _send(self: Any, operations: list[dict[str, Any]], send: Send | None = None) -> Steps[tuple[Any, Any]]:
        """Puts operations into the next block of the lane and sends it until its fate is known. Gives the reply."""
        if not 0 < len(operations) <= MOST_OPERATIONS:
            raise InvalidOrder(f"{self.id} a block holds 1 to {MOST_OPERATIONS} operations")
        yield from self._load()
        lane, send = self._lane(), send or self._rest
        yield from self._enter(lane)
        try:
            if lane.broken is not None:
                raise AccountSuspended(f"{self.id} {lane.broken}")
            if lane.pending is not None:
                yield from self._clear(lane, lane.pending, send)
            head = lane.head(self.options["laneAge"] / 1000)
            if head is None:
                head = yield from self._find_head(lane)
            now = self.now_us()
            sent = lane.sign(head, self._listings, operations, now, now + self.options["expiry"] * 1000)
            return (yield from self._deliver(lane, sent, send))
        finally:
            lane.lock.release()

    def _enter(self: Any, lane: Lane) -> Steps[None]:
        """Waits until no other block of this lane is on its way."""
        end = time.monotonic() + self.timeout / 1000
        while not lane.lock.acquire(blocking=False):
            if time.monotonic() > end:
                raise NetworkError(f"{self.id} an earlier order is still on its way; this one was not sent")
            yield partial(self.sleep, 1)

    def _find_head(self: Any, lane: Lane) -> Steps[tuple[int, str]]:
        page = yield partial(self.publicGetLanesKey, {"key": lane.keypair.public, "limit": 1})
        return lane.learn(page["head_seq"], page["head_id"])

    def _clear(self: Any, lane: Lane, sent: Sent, send: Send) -> Steps[None]:
        """Finds out what became of the block before: the same bytes have the same answer, or a place in the lane."""
        if sent.rejected:
            # Whoever sent it was told that it has no effect: it may take its place only when it cannot have one.
            over = sent.expiry_us // 1000 + 1 - self.now_us() // 1000
            if over > 0:
                yield partial(self.sleep, over)
        try:
            yield from self._deliver(lane, sent, send)
        except BaseError as error:
            if lane.pending is not None:
                raise
            if problem_of(error).get("outcome") not in ACCEPTED:
                raise

    def _deliver(self: Any, lane: Lane, sent: Sent, send: Send) -> Steps[Any]:
        """Sends a block, again and again while nobody knows what became of it or the exchange asks for that."""
        end = time.monotonic() + self.options["expiry"] / 1000
        while True:
            try:
                reply = yield partial(send, {**sent.wire, "receipt": self.options["receipts"]})
            except BaseError as error:
                wait = self._judge(lane, sent, error, end)
                yield partial(self.sleep, wait)
            else:
                lane.settle(sent)
                return self._checked(reply, sent)

    def _judge(self: Any, lane: Lane, sent: Sent, error: BaseError, end: float) -> int:
        """After how many milliseconds to send the same bytes again; or raises what the error means."""
        problem = problem_of(error)
        code, outcome = problem.get("code"), problem.get("outcome")
        if outcome in ACCEPTED:
            lane.settle(sent)
            raise error
        if code == "gap":
            return self._gap(lane, sent, error)
        if code == "fork":
            lane.broken = "this key signed two blocks for one place in its lane: its account is frozen until the root key heals"
            raise error
        sent.rejected = outcome == "rejected"
        if sent.rejected and not problem.get("retryable"):
            # The node can never take these bytes, so they prove no fork with what is signed in their place.
            lane.pending = None
            lane.forget()
            raise error
        if not problem and not isinstance(error, NetworkError):
            raise self._unknown(sent, error)
        if time.monotonic() >= end:
            raise error if sent.rejected else self._unknown(sent, error)
        return int(problem.get("retry_after_ms") or _AGAIN_MS)

    def _gap(self: Any, lane: Lane, sent: Sent, error: BaseError) -> int:
        """The lane's end at the exchange is not the one that this block follows. It was not sequenced."""
        details = problem_of(error).get("details") or {}
        lane.forget()
        if details.get("head_seq", 0) >= sent.block["seq"]:
            raise error
        # Something before it is missing there: the exchange lost its end, or told an end that was not its own.
        lane.pending = None
        raise error

    def _unknown(self: Any, sent: Sent, error: BaseError) -> BaseError:
        """Nobody knows yet: the next call finds out first, and the order has its name already."""
        name = f"{sent.block['key']}:{sent.block['seq']}:0"
        unknown = RequestTimeout(f"{self.id} nobody knows yet whether block {sent.block['block_id']} was sequenced; its first order would be {name}")
        unknown.problem = dict(problem_of(error)) or {"outcome": "unknown"}  # type: ignore[attr-defined]
        unknown.order = name  # type: ignore[attr-defined]
        unknown.__cause__ = error
        return unknown

    def _checked(self: Any, reply: dict[str, Any], sent: Sent) -> dict[str, Any]:
        """The reply, if it is about this block and the node signed for it."""
        if self.options["receipts"]:
            try:
                lane = self._lane()
                _core.check_receipt(reply, sent.wire, lane.node, lane.network)
            except Exception as error:
                raise BadResponse(f"{self.id} the receipt does not prove what it should: {error}") from error
        return reply

    # Orders from ccxt's words.

    def _trigger(self: Any, side: str, params: dict[str, Any]) -> dict[str, Any] | None:
        loss = self.safe_string(params, "stopLossPrice")
        profit = self.safe_string(params, "takeProfitPrice")
        price = self.safe_string_2(params, "triggerPrice", "stopPrice")
        if sum(value is not None for value in (loss, profit, price)) > 1:
            raise InvalidOrder(f"{self.id} an order has one trigger")
        if profit is not None:
            return {"kind": "take_profit", "price": profit}
        if loss is not None or price is None:
            return None if loss is None else {"kind": "stop_loss", "price": loss}
        # A buy stop and a sell profit wake when the price rises to them; the others when it falls.
        direction = self.safe_string(params, "triggerDirection", "ascending" if side == "buy" else "descending")
        if direction not in _RISING + _FALLING:
            raise InvalidOrder(f"{self.id} triggerDirection is ascending or descending")
        return {"kind": "stop_loss" if (direction in _RISING) == (side == "buy") else "take_profit", "price": price}

    def _protection(self: Any, market: Any, side: str, params: dict[str, Any]) -> Steps[str]:
        """The price that a market order without one trades no worse than."""
        book = yield partial(self.publicGetBookMarket, {"market": market["id"], "depth": 1})
        other = book["asks"] if side == "buy" else book["bids"]
        if not other:
            raise InvalidOrder(f"{self.id} there is nothing to trade with; give a price as the protection")
        share = self.safe_string(params, "slippage", self.options["slippage"])
        factor = Precise.string_add("1", share) if side == "buy" else Precise.string_sub("1", share)
        return Precise.string_mul(other[0]["price"], factor)

    def _price(self: Any, symbol: str, price: Any) -> str:
        return self.price_to_precision(symbol, price)

    def _place(self: Any, symbol: str, type: str, side: str, amount: Any, price: Any, params: dict[str, Any]) -> Steps[dict[str, Any]]:
        """The operation for an order."""
        market = self.market(symbol)
        if type not in ("limit", "market") or side not in ("buy", "sell"):
            raise InvalidOrder(f"{self.id} an order is limit or market, buy or sell")
        trigger = self._trigger(side, params)
        cost = self.safe_string(params, "cost")
        in_force = self.safe_string_upper(params, "timeInForce")
        if in_force is not None and in_force not in _IN_FORCE:
            raise InvalidOrder(f"{self.id} timeInForce is one of {', '.join(_IN_FORCE)}")
        post_only = params.get("postOnly", in_force == "PO")
        if type == "market" and price is None:
            if trigger is not None:
                raise ArgumentsRequired(f"{self.id} a market order that sleeps needs a price as its protection")
            price = yield from self._protection(market, side, params)
        if price is None:
            raise ArgumentsRequired(f"{self.id} a limit order needs a price")
        operation: dict[str, Any] = {
            "op": "place", "market": market["id"], "side": side, "order_type": type,
            "price": self._price(symbol, price),
            "time_in_force": _IN_FORCE[in_force or ("IOC" if type == "market" else "GTC")],
        }
        if cost is not None:
            operation["quote_quantity"] = cost
        else:
            operation["quantity"] = self.amount_to_precision(symbol, amount)
        if post_only:
            operation["post_only"] = "slide" if post_only == "slide" else "refuse"
        if trigger is not None:
            operation["trigger"] = {"kind": trigger["kind"], "price": self._price(symbol, trigger["price"])}
        self._options_of(operation, symbol, params)
        return operation

    def _options_of(self: Any, operation: dict[str, Any], symbol: str, params: dict[str, Any]) -> None:
        """The rest of what an order may say."""
        client_id = self.safe_string_2(params, "clientOrderId", "clOrdId")
        if client_id is not None:
            operation["client_id"] = client_id
        prevention = self.safe_string_upper(params, "selfTradePrevention")
        if prevention is not None:
            if prevention not in _SELF_TRADE:
                raise InvalidOrder(f"{self.id} selfTradePrevention is one of {', '.join(_SELF_TRADE)}")
            operation["self_trade"] = _SELF_TRADE[prevention]
        until = self.safe_integer_2(params, "expires", "until")
        if until is not None:
            operation.update(time_in_force="gtd", expires_us=until * 1000)
        for given, meant in (("icebergAmount", "display"), ("display", "display"), ("minimum", "minimum")):
            if params.get(given) is not None:
                operation[meant] = self.amount_to_precision(symbol, params[given])
        for name in ("own_cap", "least_score"):
            if params.get(name) is not None:
                operation[name] = params[name]

    def _placed(self: Any, operation: dict[str, Any], answer: dict[str, Any], reply: dict[str, Any]) -> dict[str, Any]:
        """ccxt's order for an operation that took effect."""
        order = {
            "order": answer["order"],
            "market": operation["market"],
            "side": operation.get("side"),
            "price": answer.get("price", operation.get("price")),
            "quantity": operation.get("quantity"),
            "filled": answer.get("filled"),
            "status": answer.get("status"),
            "client_id": operation.get("client_id"),
            "time_us": reply["time_us"],
        }
        if operation["op"] == "place":
            order["terms"] = {
                name: operation.get(name) or ordinary
                for name, ordinary in (("order_type", "limit"), ("time_in_force", "gtc"), ("post_only", "off"), ("trigger", None))
            }
        return {**self.parse_order(order), "info": {**answer, "block_id": reply["block_id"], "seq": reply["seq"]}}

    def _refused(self: Any, answer: dict[str, Any], reply: dict[str, Any]) -> BaseError:
        return failure(self.id, {**answer, "block_id": reply["block_id"], "seq": reply["seq"], "outcome": "accepted"})

    def _one(self: Any, operation: dict[str, Any], send: Send | None) -> Steps[tuple[Any, Any]]:
        """The answer to a single operation, and the reply it stood in."""
        reply = yield from self._send([operation], send)
        answer = reply["operations"][0]
        if not answer["ok"]:
            raise self._refused(answer, reply)
        return answer, reply

    # Placing.

    @step
    def create_order(
        self: Any, symbol: str, type: str, side: str, amount: Any, price: Any = None, params: Any = {},
        _send: Send | None = None,
    ) -> Steps[Any]:
        yield from self._load()
        operation = yield from self._place(symbol, type, side, amount, price, params)
        answer, reply = yield from self._one(operation, _send)
        return self._placed(operation, answer, reply)

    @step
    def create_orders(self: Any, orders: Any, params: Any = {}) -> Steps[Any]:
        """Up to a hundred orders in one signed block. Each is judged alone: one that was refused has the status
        ``rejected`` and says why in ``info``."""
        yield from self._load()
        operations = []
        for order in orders:
            terms = {**params, **(order.get("params") or {})}
            given = (order["symbol"], order["type"], order["side"], order.get("amount"), order.get("price"))
            operations.append((yield from self._place(*given, terms)))
        reply = yield from self._send(operations)
        made = []
        for operation, answer in zip(operations, reply["operations"], strict=True):
            if answer["ok"]:
                made.append(self._placed(operation, answer, reply))
            else:
                market = self.safe_market(operation["market"])
                lost = {"symbol": market["symbol"], "side": operation["side"], "status": "rejected", "info": answer}
                made.append(self.safe_order({**lost, "clientOrderId": operation.get("client_id")}, market))
        return made

    @step
    def create_market_buy_order_with_cost(self: Any, symbol: str, cost: Any, params: Any = {}) -> Steps[Any]:
        terms = {**params, "cost": self.number_to_string(cost)}
        return (yield from Trading.create_order(self, symbol, "market", "buy", None, None, terms))

    @step
    def edit_order(
        self: Any, id: str, symbol: str, type: Any = None, side: Any = None, amount: Any = None, price: Any = None,
        params: Any = {}, _send: Send | None = None,
    ) -> Steps[Any]:
        """Another price or quantity under the same reference; what is not given stays. Only a smaller quantity at the
        same price keeps the order's place."""
        yield from self._load()
        now = yield partial(self.privateGetOrdersOrder, {"order": id})
        price = now["price"] if price is None else self._price(symbol, price)
        quantity = now["quantity"] if amount is None else self.amount_to_precision(symbol, amount)
        market = self.market(symbol)["id"]
        operation = {"op": "amend", "market": market, "order": id, "price": price, "quantity": quantity}
        answer, reply = yield from self._one(operation, _send)
        placed = self._placed({**operation, "side": now["side"], "client_id": now.get("client_id")}, {"order": id, **answer}, reply)
        kept = self.parse_order({**now, "time_us": reply["time_us"]})
        said = {name: value for name, value in placed.items() if value is not None}
        return {**kept, **said, "type": kept["type"], "timeInForce": kept["timeInForce"], "postOnly": kept["postOnly"]}

    # Cancelling.

    def _cancel(self: Any, id: Any, symbol: Any, params: dict[str, Any]) -> dict[str, Any]:
        client_id = self.safe_string_2(params, "clientOrderId", "clOrdId")
        if client_id is None:
            return {"op": "cancel", "order": id}
        if symbol is None:
            raise ArgumentsRequired(f"{self.id} cancelling by clientOrderId needs a symbol")
        return {"op": "cancel", "market": self.market(symbol)["id"], "client_id": client_id}

    def _cancelled(self: Any, operation: dict[str, Any], answer: dict[str, Any], reply: dict[str, Any]) -> dict[str, Any]:
        timestamp = reply["time_us"] // 1000
        market = operation.get("market")
        return self.safe_order({
            "id": operation.get("order") or answer.get("order"),
            "clientOrderId": operation.get("client_id"),
            "symbol": None if market is None else self.safe_symbol(market),
            "status": "canceled",
            "timestamp": timestamp,
            "datetime": self.iso8601(timestamp),
            "info": answer,
        })

    @step
    def cancel_order(self: Any, id: Any, symbol: Any = None, params: Any = {}, _send: Send | None = None) -> Steps[Any]:
        yield from self._load()
        operation = self._cancel(id, symbol, params)
        answer, reply = yield from self._one(operation, _send)
        return self._cancelled({**self._of(symbol), **operation}, answer, reply)

    @step
    def cancel_order_with_client_order_id(self: Any, clientOrderId: str, symbol: Any = None, params: Any = {}) -> Steps[Any]:
        return (yield from Trading.cancel_order(self, None, symbol, {**params, "clientOrderId": clientOrderId}))

    @step
    def cancel_orders(self: Any, ids: Any, symbol: Any = None, params: Any = {}) -> Steps[Any]:
        """Up to a hundred cancels in one signed block; raises for the first that was refused, after all were tried."""
        yield from self._load()
        operations = [self._cancel(id, symbol, {}) for id in ids]
        reply = yield from self._send(operations)
        for answer in reply["operations"]:
            if not answer["ok"]:
                raise self._refused(answer, reply)
        of = self._of(symbol)
        return [self._cancelled({**of, **operation}, answer, reply) for operation, answer in zip(operations, reply["operations"], strict=True)]

    @step
    def cancel_all_orders(self: Any, symbol: Any = None, params: Any = {}, _send: Send | None = None) -> Steps[Any]:
        yield from self._load()
        operation = {"op": "cancel_all", **self._of(symbol)}
        answer, reply = yield from self._one(operation, _send)
        return [self._cancelled(operation, answer, reply)]
