"""Trading: orders in ccxt's words as operations of signed blocks."""

from __future__ import annotations

from functools import partial
from typing import Any

from ccxt.base.errors import ArgumentsRequired, BaseError, InvalidOrder
from ccxt.base.precise import Precise

from .errors import failure
from .steps import Steps, step
from .submitting import Send, Submitting

__all__ = ["Trading"]

_SELF_TRADE = {
    "EXPIRE_MAKER": "cancel_oldest",
    "EXPIRE_TAKER": "cancel_newest",
    "EXPIRE_BOTH": "cancel_both",
    "DECREMENT": "decrement",
}
_IN_FORCE = {"GTC": "gtc", "IOC": "ioc", "FOK": "fok", "GTD": "gtd", "PO": "gtc"}
_RISING, _FALLING = ("ascending", "above", "up"), ("descending", "below", "down")


class Trading(Submitting):
    """Orders in ccxt's words."""

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

    def _place(
        self: Any, symbol: str, type: str, side: str, amount: Any, price: Any, params: dict[str, Any]
    ) -> Steps[dict[str, Any]]:
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
            "op": "place",
            "market": market["id"],
            "side": side,
            "order_type": type,
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
            order["placed_us"] = reply["time_us"]
            order["terms"] = {
                name: operation.get(name) or ordinary
                for name, ordinary in (
                    ("order_type", "limit"),
                    ("time_in_force", "gtc"),
                    ("post_only", "off"),
                    ("trigger", None),
                )
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
        self: Any,
        symbol: str,
        type: str,
        side: str,
        amount: Any,
        price: Any = None,
        params: Any = {},
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
        self: Any,
        id: str,
        symbol: str,
        type: Any = None,
        side: Any = None,
        amount: Any = None,
        price: Any = None,
        params: Any = {},
        _send: Send | None = None,
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
        placed = self._placed(
            {**operation, "side": now["side"], "client_id": now.get("client_id")}, {"order": id, **answer}, reply
        )
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

    def _cancelled(
        self: Any, operation: dict[str, Any], answer: dict[str, Any], reply: dict[str, Any]
    ) -> dict[str, Any]:
        market = operation.get("market")
        return self.safe_order(
            {
                "id": operation.get("order") or answer.get("order"),
                "clientOrderId": operation.get("client_id"),
                "symbol": None if market is None else self.safe_symbol(market),
                "status": "canceled",
                "lastUpdateTimestamp": reply["time_us"] // 1000,
                "info": answer,
            }
        )

    @step
    def cancel_order(self: Any, id: Any, symbol: Any = None, params: Any = {}, _send: Send | None = None) -> Steps[Any]:
        yield from self._load()
        operation = self._cancel(id, symbol, params)
        answer, reply = yield from self._one(operation, _send)
        return self._cancelled({**self._of(symbol), **operation}, answer, reply)

    @step
    def cancel_order_with_client_order_id(
        self: Any, clientOrderId: str, symbol: Any = None, params: Any = {}
    ) -> Steps[Any]:
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
        return [
            self._cancelled({**of, **operation}, answer, reply)
            for operation, answer in zip(operations, reply["operations"], strict=True)
        ]

    @step
    def cancel_all_orders(self: Any, symbol: Any = None, params: Any = {}, _send: Send | None = None) -> Steps[Any]:
        yield from self._load()
        operation = {"op": "cancel_all", **self._of(symbol)}
        answer, reply = yield from self._one(operation, _send)
        return [self._cancelled(operation, answer, reply)]
