"""The exchange's answers in ccxt's structures. Texts stay texts until ccxt makes numbers of them."""

from __future__ import annotations

from typing import Any

__all__ = ["Parse"]

_ORDER_STATUS = {"open": "open", "sleeping": "open", "filled": "closed", "cancelled": "canceled"}


def milliseconds(time_us: int | None) -> int | None:
    """Microseconds of the exchange as ccxt's milliseconds."""
    return None if time_us is None else time_us // 1000


class Parse:
    """What the exchange object is made of beside its requests: readers of answers, without any waiting."""

    def parse_market(self: Any, market: dict[str, Any]) -> dict[str, Any]:
        base, quote = self.safe_currency_code(market["base"]), self.safe_currency_code(market["quote"])
        fees, limits = market["fees"], market.get("limits") or {}
        number = self.parse_number
        return self.safe_market_structure(
            {
                "id": market["symbol"],
                "numericId": market["id"],
                "symbol": f"{base}/{quote}",
                "base": base,
                "quote": quote,
                "baseId": market["base"],
                "quoteId": market["quote"],
                "type": "spot",
                "spot": True,
                "margin": False,
                "active": market["state"] in ("trading", "auction"),
                "maker": fees["maker_ppm"] / 1_000_000,
                "taker": fees["taker_ppm"] / 1_000_000,
                "percentage": True,
                "tierBased": False,
                "feeSide": "base",
                "precision": {"amount": number(market["lot"]), "price": number(market["tick"])},
                "limits": {
                    "leverage": {"min": None, "max": None},
                    "amount": {
                        "min": number(limits.get("least_quantity", market["lot"])),
                        "max": number(limits.get("largest_quantity")),
                    },
                    "price": {
                        "min": number(limits.get("least_price", market["tick"])),
                        "max": number(limits.get("largest_price")),
                    },
                    "cost": {"min": None, "max": None},
                },
                "created": None,
                "info": market,
            }
        )

    def parse_asset(self: Any, asset: dict[str, Any]) -> dict[str, Any]:
        return self.safe_currency_structure(
            {
                "id": asset["symbol"],
                "numericId": asset["id"],
                "code": self.safe_currency_code(asset["symbol"]),
                "name": asset["symbol"],
                "type": "crypto",
                "active": True,
                # Nothing is held for anybody, so there is nothing to deposit or withdraw.
                "deposit": False,
                "withdraw": False,
                "precision": self.parse_number(self.parse_precision(str(asset["decimals"]))),
                "info": asset,
            }
        )

    def parse_ticker(self: Any, ticker: dict[str, Any], market: Any = None) -> dict[str, Any]:
        timestamp = milliseconds(ticker.get("time_us"))
        return self.safe_ticker(
            {
                "symbol": self.safe_symbol(ticker["market"], market),
                "timestamp": timestamp,
                "datetime": self.iso8601(timestamp),
                "bid": self.safe_string(ticker, "bid"),
                "bidVolume": self.safe_string(ticker, "bid_quantity"),
                "ask": self.safe_string(ticker, "ask"),
                "askVolume": self.safe_string(ticker, "ask_quantity"),
                "open": self.safe_string(ticker, "open"),
                "high": self.safe_string(ticker, "high"),
                "low": self.safe_string(ticker, "low"),
                "close": self.safe_string(ticker, "last"),
                "last": self.safe_string(ticker, "last"),
                "baseVolume": self.safe_string(ticker, "volume"),
                "quoteVolume": self.safe_string(ticker, "quote_volume"),
                "info": ticker,
            },
            market,
        )

    def parse_best(self: Any, book: dict[str, Any], timestamp: int) -> dict[str, Any]:
        """A ticker of the best prices alone, from a book or a push of the channel bbo."""
        return self.safe_ticker(
            {
                "symbol": self.safe_symbol(book["market"]),
                "timestamp": timestamp,
                "datetime": self.iso8601(timestamp),
                "bid": self.safe_string(book, "bid"),
                "bidVolume": self.safe_string(book, "bid_quantity"),
                "ask": self.safe_string(book, "ask"),
                "askVolume": self.safe_string(book, "ask_quantity"),
                "info": book,
            }
        )

    def parse_trade(self: Any, trade: dict[str, Any], market: Any = None) -> dict[str, Any]:
        """A trade of everybody's list, or a fill of the account's own."""
        timestamp, own = milliseconds(trade["time_us"]), "order" in trade
        fee = None
        if trade.get("fee") is not None:
            # Fees are taken out of the tokens that are delivered, which is the base.
            currency = self.safe_market(trade["market"], market)["base"]
            fee = {"cost": trade["fee"], "currency": currency}
        return self.safe_trade(
            {
                "id": str(trade["number"]),
                "order": trade.get("order"),
                "timestamp": timestamp,
                "datetime": self.iso8601(timestamp),
                "symbol": self.safe_symbol(trade["market"], market),
                "type": None,
                "side": trade["side"] if own else trade["taker_side"],
                "takerOrMaker": trade["role"] if own else None,
                "price": trade["price"],
                "amount": trade["quantity"],
                "cost": None,
                "fee": fee,
                "info": trade,
            },
            market,
        )

    def parse_trade_list(self: Any, trades: Any, market: Any, since: Any, limit: Any) -> list[dict[str, Any]]:
        """Trades in the order in which they happened: their numbers keep it where their milliseconds do not."""
        ordered = sorted(trades, key=lambda trade: (trade["time_us"], trade["number"]))
        parsed = [self.parse_trade(trade, market) for trade in ordered]
        symbol = market["symbol"] if market else None
        return self.filter_by_symbol_since_limit(parsed, symbol, since, limit, since is None)

    def parse_ohlcv(self: Any, ohlcv: dict[str, Any], market: Any = None) -> list[Any]:
        number = self.safe_number
        prices = [number(ohlcv, name) for name in ("open", "high", "low", "close", "volume")]
        return [milliseconds(ohlcv["start_us"]), *prices]

    def parse_order(self: Any, order: dict[str, Any], market: Any = None) -> dict[str, Any]:
        """An order as it now is. What it cost only its fills say, since a taker gets the prices of those it trades with;
        and a market order has no price, only a protection, which stands in ``info``."""
        terms = order.get("terms") or {}
        timestamp = milliseconds(order.get("placed_us"))
        trigger = terms.get("trigger") or {}
        stop, price = trigger.get("price"), order.get("price")
        kind = terms.get("order_type", "limit")
        post_only = terms.get("post_only", "off") != "off"
        in_force = terms.get("time_in_force", "gtc").upper()
        parsed = self.safe_order(
            {
                "id": order["order"],
                "clientOrderId": order.get("client_id"),
                "timestamp": timestamp,
                "datetime": self.iso8601(timestamp),
                "lastUpdateTimestamp": milliseconds(order.get("time_us")),
                "lastTradeTimestamp": None,
                "symbol": self.safe_symbol(order.get("market"), market),
                "type": kind,
                "timeInForce": "PO" if post_only else in_force,
                "postOnly": post_only,
                "reduceOnly": None,
                "side": order.get("side"),
                "price": None if kind == "market" else price,
                "triggerPrice": stop,
                "stopLossPrice": stop if trigger.get("kind") == "stop_loss" else None,
                "takeProfitPrice": stop if trigger.get("kind") == "take_profit" else None,
                "amount": order.get("quantity"),
                "filled": order.get("filled"),
                "remaining": None,
                "cost": None,
                "average": None,
                "trades": None,
                "fee": None,
                "status": _ORDER_STATUS.get(order.get("status", ""), order.get("status")),
                "info": order,
            },
            market,
        )
        # ccxt would make up a cost from the limit.
        return {**parsed, "cost": None, "average": None} if parsed["filled"] else parsed

    def parse_order_list(self: Any, orders: Any, market: Any, since: Any, limit: Any) -> list[dict[str, Any]]:
        parsed = sorted((self.parse_order(order, market) for order in orders), key=lambda order: order["timestamp"])
        symbol = market["symbol"] if market else None
        return self.filter_by_symbol_since_limit(parsed, symbol, since, limit, since is None)

    def parse_balance(self: Any, response: dict[str, Any]) -> dict[str, Any]:
        result: dict[str, Any] = {"info": response, "timestamp": None, "datetime": None}
        for balance in response["balances"]:
            # What is free is told too, with the credit line in it, which is not the account's own.
            code = self.safe_currency_code(balance["asset"])
            result[code] = {"total": balance["balance"], "used": balance["locked"]}
        return self.safe_balance(result)

    def parse_book(self: Any, book: dict[str, Any], symbol: str) -> dict[str, Any]:
        """A book. It has no time but its place in the journal, so its time is when it arrived."""
        result = self.parse_order_book(book, symbol, self.milliseconds(), "bids", "asks", "price", "quantity")
        result["nonce"] = book["seq"]
        return result
