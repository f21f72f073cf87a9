"""``ccxt.pro.bandex``: channels of the WebSocket as ccxt's ``watch`` methods.

Every subscription is a chain of pushes; a push that does not follow the one before, or a book whose checksum is not
the exchange's, ends the subscription with an error, and the next call begins anew. Private channels go on where they
ended, over lost connections and refusals, so no own fill is missed; only where the exchange does not know that place do
they begin anew. A subscription that was refused for now is asked for again.
"""

from __future__ import annotations

import asyncio
import itertools
import zlib
from typing import Any

from ccxt.async_support.base.ws.cache import ArrayCache, ArrayCacheBySymbolById, ArrayCacheByTimestamp
from ccxt.async_support.base.ws.future import Future
from ccxt.base.errors import BadResponse, ChecksumError, InvalidNonce, RequestTimeout, UnsubscribeError

from bandex import _core

from .awaiting import bandex as Awaiting
from .describe import STREAMS
from .errors import failure
from .steps import arun
from .trading import Trading

__all__ = ["bandex"]

#: How deep a followed book may be, beside the whole of it.
_DEPTHS = (10, 50, 500)
#: How long to wait before a subscription is asked for again, in milliseconds, if the exchange does not say.
_AGAIN_MS = 200
#: How many levels of each side a checksum is over.
_CHECKED = 10


def _name(topic: dict[str, Any]) -> str:
    """A topic's name, the same from what was asked for and from a push."""
    depth = topic.get("depth")
    words = (topic["channel"], topic.get("market"), None if depth == "full" else depth, topic.get("interval"))
    return ":".join(str(word) for word in words if word is not None)


class bandex(Awaiting):
    """The exchange with its live channels."""

    def __init__(self, config: Any = {}) -> None:
        self._numbers = itertools.count(1)
        #: What each request that is not answered yet is about: a topic's name, or the name of its own answer.
        self._asked: dict[int, str] = {}
        #: Where private channels are, to go on from there.
        self._reached: dict[str, int] = {}
        #: When each open order was placed.
        self._placed_us: dict[str, int] = {}
        #: News that came while nobody waited for them: the next call has them at once.
        self._untold: dict[str, Any] = {}
        super().__init__(config)

    def describe(self) -> Any:
        return self.deep_extend(super().describe(), {"has": {name: True for name in STREAMS.split()}})

    # Connection.

    def socket_url(self) -> str:
        return "ws" + self.rest_url().removeprefix("http") + "/v1/ws"

    async def _ask(self, method: str, params: Any) -> Any:
        """One request and its answer."""
        number = next(self._numbers)
        name = self._asked[number] = f"reply:{number}"
        request = {"method": method, "params": params, "req_id": number}
        try:
            return await asyncio.wait_for(self.watch(self.socket_url(), name, request, name), self.timeout / 1000)
        except TimeoutError as error:
            raise RequestTimeout(f"{self.id} {method} was not answered in time") from error
        finally:
            self._asked.pop(number, None)
            client = self.clients.get(self.socket_url())
            if client is not None:
                client.subscriptions.pop(name, None)
                client.futures.pop(name, None)

    async def _log_in(self) -> None:
        listings = await arun(self._load())
        challenge = await self._ask("challenge", {})
        login = _core.sign_login(self.keypair(), listings.network, listings.node, challenge["nonce"])
        await self._ask("login", login)

    async def authenticate(self, params: Any = {}) -> None:
        """Logs this connection in, once however many ask for it."""
        client = self.client(self.socket_url())
        login = client.subscriptions.get("login")
        if login is None:
            login = client.subscriptions["login"] = asyncio.ensure_future(self._log_in())
        try:
            await asyncio.shield(login)
        except BaseException:
            if login.done() and client.subscriptions.get("login") is login:
                del client.subscriptions["login"]
            raise

    def _follow(self, topic: dict[str, Any], about: str | None = None) -> Future:
        """The next news of a topic, or of one thing in it; subscribes if that was not done on this connection."""
        name, url = _name(topic), self.socket_url()
        wanted = name if about is None else f"{name}|{about}"
        if wanted in self._untold:
            told = Future()
            told.resolve(self._untold.pop(wanted))
            return told
        client = self.client(url)
        self._waiting(client, wanted)
        if name in client.subscriptions:
            return self.watch(url, wanted, None, name)
        request = self._subscribe(name, topic)
        return self.watch(url, wanted, request, name, {"topic": topic, "seq": self._reached.get(name)})

    def _subscribe(self, name: str, topic: dict[str, Any]) -> dict[str, Any]:
        """The request for a topic, from where it ended if that is known."""
        number = next(self._numbers)
        self._asked[number] = name
        reached = self._reached.get(name)
        params = topic if reached is None else {**topic, "resume_from": reached}
        return {"method": "subscribe", "params": params, "req_id": number}

    async def _subscribe_again(self, client: Any, name: str, subscription: dict[str, Any], wait_ms: int) -> None:
        """Asks once more for what was refused for now, if it is still wanted on this connection."""
        await asyncio.sleep(wait_ms / 1000)
        if client.subscriptions.get(name) is not subscription:
            return
        try:
            await client.send(self._subscribe(name, subscription["topic"]))
        except Exception as error:  # as ccxt does where it sends
            client.on_error(error)

    @staticmethod
    def _waiting(client: Any, name: str) -> bool:
        """Whether somebody waits under a name. ccxt keeps what was cancelled, or refused at once, which nobody waits
        for any more."""
        future = client.futures.get(name)
        if future is not None and future.done():
            del client.futures[name]
            return False
        return future is not None

    def _tell(self, client: Any, value: Any, name: str) -> None:
        """Wakes whoever waits, or the next to ask: between two calls nothing is lost."""
        if self._waiting(client, name):
            client.resolve(value, name)
        else:
            self._untold[name] = value

    async def _unfollow(self, topic: dict[str, Any]) -> None:
        name = _name(topic)
        client = self.client(self.socket_url())
        if client.subscriptions.pop(name, None) is not None:
            await self._ask("unsubscribe", topic)
        self._reached.pop(name, None)
        self._fail(client, name, UnsubscribeError(f"{self.id} {name} is not followed any more"), False)

    def _fail(self, client: Any, name: str, error: Exception, to_next: bool = True) -> None:
        """Tells whoever waits for a topic, or else the next to ask, and has the call after that subscribe again."""
        client.subscriptions.pop(name, None)
        # What happened to the account stays true, and is not told again; the rest begins anew.
        if name not in self._reached:
            for untold in [key for key in self._untold if key == name or key.startswith(name + "|")]:
                del self._untold[untold]
        keys = [key for key in client.futures if key == name or key.startswith(name + "|")]
        waiting = [key for key in keys if self._waiting(client, key)]
        for key in waiting or ([name] if to_next else []):
            client.reject(error, key)

    # What arrives.

    def handle_message(self, client: Any, message: Any) -> None:
        if "req_id" in message:
            self._handle_reply(client, message)
            return
        handler = self._HANDLERS.get(message.get("channel"))
        if handler is None:
            # The node's greeting and its notice that it stops: the connection's end is told by its end.
            return
        name = _name(message)
        subscription = client.subscriptions.get(name)
        if subscription is None:
            return
        first = message["kind"] == "snapshot"
        if not first and subscription["seq"] not in (None, message["prev_seq"]):
            missed = f"{self.id} {name} went on from {message['prev_seq']}, not from {subscription['seq']}"
            self._fail(client, name, InvalidNonce(missed))
            return
        subscription["seq"] = message["seq"]
        try:
            handler(self, client, name, subscription, message)
        except Exception as error:  # an error here would end the whole connection without a word
            wrong = BadResponse(f"{self.id} a push of {name} cannot be read: {error!r}")
            wrong.__cause__ = error
            self._fail(client, name, wrong)

    def _handle_reply(self, client: Any, message: dict[str, Any]) -> None:
        name = self._asked.pop(message["req_id"], None)
        if name is None:
            return
        asked_for_reply = name.startswith("reply:")
        if message["ok"]:
            if asked_for_reply:
                client.resolve(message["result"], name)
            return
        problem = message["error"]
        if asked_for_reply:
            client.reject(failure(self.id, problem), name)
            return
        subscription = client.subscriptions.get(name)
        if subscription is not None and problem.get("retryable"):
            wait_ms = int(problem.get("retry_after_ms") or _AGAIN_MS)
            asyncio.ensure_future(self._subscribe_again(client, name, subscription, wait_ms))
            return
        if problem.get("code") == "beyond_head":
            # A record that this node does not have is nothing to go on from. After any other refusal it still is.
            self._reached.pop(name, None)
        if problem.get("code") == "not_logged_in":
            client.subscriptions.pop("login", None)
        self._fail(client, name, failure(self.id, problem))

    # Books.

    @staticmethod
    def _book_topic(market: Any, limit: Any) -> dict[str, Any]:
        topic = {"channel": "book", "market": market["id"]}
        depth = next((depth for depth in _DEPTHS if limit is not None and limit <= depth), None)
        return topic if depth is None else {**topic, "depth": depth}

    async def watch_order_book(self, symbol: str, limit: Any = None, params: Any = {}) -> Any:
        return await self.watch_order_book_for_symbols([symbol], limit, params)

    async def watch_order_book_for_symbols(self, symbols: list[str], limit: Any = None, params: Any = {}) -> Any:
        await self.load_markets()
        topics = [self._book_topic(self.market(symbol), limit) for symbol in symbols]
        book = await Future.race([self._follow(topic) for topic in topics])
        if limit is None:
            return book
        return {**book, "bids": book["bids"][:limit], "asks": book["asks"][:limit]}

    async def un_watch_order_book(self, symbol: str, params: Any = {}) -> Any:
        await self.load_markets()
        await self._unfollow(self._book_topic(self.market(symbol), self.safe_integer(params, "limit")))
        self.orderbooks.pop(self.market(symbol)["symbol"], None)

    def _handle_book(self, client: Any, name: str, subscription: Any, message: Any) -> None:
        data, symbol = message["data"], self.safe_symbol(message["market"])
        if message["kind"] == "snapshot":
            subscription["book"] = self.order_book({"symbol": symbol})
            subscription["texts"] = {"bids": {}, "asks": {}}
        book = subscription["book"]
        for side, texts in subscription["texts"].items():
            for level in data[side]:
                price, quantity = float(level["price"]), float(level["quantity"])
                book[side].store(price, quantity)
                # Sums are over the texts, which floats do not give back.
                if quantity:
                    texts[price] = f"{level['price']}:{level['quantity']}"
                else:
                    texts.pop(price, None)
        book["nonce"], book["symbol"], book["timestamp"] = message["seq"], symbol, self.milliseconds()
        book["datetime"] = self.iso8601(book["timestamp"])
        if not self._sums_up(subscription, data):
            self._fail(client, name, ChecksumError(f"{self.id} the book of {symbol} is not the exchange's any more"))
            return
        self.orderbooks[symbol] = book
        self._tell(client, book, name)

    def _sums_up(self, subscription: Any, data: Any) -> bool:
        said = data.get("checksum")
        if said is None or not self.handle_option("watchOrderBook", "checksum", True):
            return True
        best = [
            texts[level[0]]
            for side, texts in subscription["texts"].items()
            for level in subscription["book"][side][:_CHECKED]
        ]
        return zlib.crc32(":".join(best).encode()) == said

    # Tickers and best prices.

    async def _watch_many(self, channel: str, symbols: Any) -> Any:
        await self.load_markets()
        markets = [self.market(symbol) for symbol in symbols or self.symbols]
        return await Future.race([self._follow({"channel": channel, "market": market["id"]}) for market in markets])

    async def _unwatch_many(self, channel: str, symbols: Any) -> None:
        await self.load_markets()
        for symbol in symbols or self.symbols:
            await self._unfollow({"channel": channel, "market": self.market(symbol)["id"]})

    async def watch_ticker(self, symbol: str, params: Any = {}) -> Any:
        return await self._watch_many("ticker", [symbol])

    async def watch_tickers(self, symbols: Any = None, params: Any = {}) -> Any:
        ticker = await self._watch_many("ticker", symbols)
        return {ticker["symbol"]: ticker} if self.newUpdates else self.filter_by_array(self.tickers, "symbol", symbols)

    async def watch_bids_asks(self, symbols: Any = None, params: Any = {}) -> Any:
        ticker = await self._watch_many("bbo", symbols)
        return {ticker["symbol"]: ticker} if self.newUpdates else self.filter_by_array(self.bidsasks, "symbol", symbols)

    async def un_watch_ticker(self, symbol: str, params: Any = {}) -> Any:
        await self._unwatch_many("ticker", [symbol])

    async def un_watch_tickers(self, symbols: Any = None, params: Any = {}) -> Any:
        await self._unwatch_many("ticker", symbols)

    async def un_watch_bids_asks(self, symbols: Any = None, params: Any = {}) -> Any:
        await self._unwatch_many("bbo", symbols)

    def _handle_ticker(self, client: Any, name: str, subscription: Any, message: Any) -> None:
        ticker = self.parse_ticker(message["data"])
        self.tickers[ticker["symbol"]] = ticker
        self._tell(client, ticker, name)

    def _handle_bbo(self, client: Any, name: str, subscription: Any, message: Any) -> None:
        ticker = self.parse_best(message["data"], self.milliseconds())
        self.bidsasks[ticker["symbol"]] = ticker
        self._tell(client, ticker, name)

    # Trades.

    async def watch_trades(self, symbol: str, since: Any = None, limit: Any = None, params: Any = {}) -> Any:
        return await self.watch_trades_for_symbols([symbol], since, limit, params)

    async def watch_trades_for_symbols(
        self, symbols: Any, since: Any = None, limit: Any = None, params: Any = {}
    ) -> Any:
        symbol, trades = await self._watch_many("trades", symbols)
        if self.newUpdates:
            limit = trades.getLimit(symbol, limit)
        return self.filter_by_since_limit(trades, since, limit, "timestamp", True)

    async def un_watch_trades(self, symbol: str, params: Any = {}) -> Any:
        await self._unwatch_many("trades", [symbol])
        self.trades.pop(self.market(symbol)["symbol"], None)

    def _handle_trades(self, client: Any, name: str, subscription: Any, message: Any) -> None:
        symbol = self.safe_symbol(message["market"])
        cache = self.trades.setdefault(symbol, ArrayCache(self.options["tradesLimit"]))
        last = int(cache[-1]["id"]) if len(cache) else 0
        # A snapshot after a break repeats trades that were told.
        news = [trade for trade in message["data"] if trade["number"] > last]
        for trade in news:
            cache.append(self.parse_trade(trade))
        if news:
            self._tell(client, (symbol, cache), name)

    # Candles.

    async def watch_ohlcv(
        self, symbol: str, timeframe: str = "1m", since: Any = None, limit: Any = None, params: Any = {}
    ) -> Any:
        symbol, timeframe, candles = await self._candles([[symbol, timeframe]])
        if self.newUpdates:
            limit = candles.getLimit(symbol, limit)
        return self.filter_by_since_limit(candles, since, limit, 0, True)

    async def watch_ohlcv_for_symbols(
        self, symbolsAndTimeframes: Any, since: Any = None, limit: Any = None, params: Any = {}
    ) -> Any:
        symbol, timeframe, candles = await self._candles(symbolsAndTimeframes)
        if self.newUpdates:
            limit = candles.getLimit(symbol, limit)
        found = self.filter_by_since_limit(candles, since, limit, 0, True)
        return self.create_ohlcv_object(symbol, timeframe, found)

    async def _candles(self, wanted: Any) -> Any:
        await self.load_markets()
        return await Future.race([self._follow(self._candle_topic(*pair)) for pair in wanted])

    def _candle_topic(self, symbol: str, timeframe: str) -> dict[str, Any]:
        return {"channel": "candles", "market": self.market(symbol)["id"], "interval": self.timeframes[timeframe]}

    async def un_watch_ohlcv(self, symbol: str, timeframe: str = "1m", params: Any = {}) -> Any:
        await self.load_markets()
        await self._unfollow(self._candle_topic(symbol, timeframe))
        self.ohlcvs.get(self.market(symbol)["symbol"], {}).pop(timeframe, None)

    def _handle_candles(self, client: Any, name: str, subscription: Any, message: Any) -> None:
        symbol, timeframe = self.safe_symbol(message["market"]), message["interval"]
        caches = self.ohlcvs.setdefault(symbol, {})
        cache = caches.setdefault(timeframe, ArrayCacheByTimestamp(self.options["OHLCVLimit"]))
        for candle in message["data"]:
            cache.append(self.parse_ohlcv(candle))
        if message["data"]:
            self._tell(client, (symbol, timeframe, cache), name)

    # The account.

    async def _private(self, channel: str, symbol: Any = None) -> Any:
        await self.load_markets()
        await self.authenticate()
        return await self._follow({"channel": channel}, None if symbol is None else self.symbol(symbol))

    async def watch_balance(self, params: Any = {}) -> Any:
        return await self._private("balances")

    def _handle_balances(self, client: Any, name: str, subscription: Any, message: Any) -> None:
        changed = self.parse_balance({"balances": message["data"]})
        codes = [self.safe_currency_code(balance["asset"]) for balance in message["data"]]
        self.balance.update({code: changed[code] for code in codes}, info=message)
        self.balance = self.safe_balance(self.balance)
        self._reached[name] = message["seq"]
        self._tell(client, self.balance, name)

    async def watch_orders(self, symbol: Any = None, since: Any = None, limit: Any = None, params: Any = {}) -> Any:
        return self._news_of(await self._private("orders", symbol), symbol, since, limit)

    async def watch_my_trades(self, symbol: Any = None, since: Any = None, limit: Any = None, params: Any = {}) -> Any:
        return self._news_of(await self._private("fills", symbol), symbol, since, limit)

    def _news_of(self, cache: Any, symbol: Any, since: Any, limit: Any) -> Any:
        symbol = None if symbol is None else self.symbol(symbol)
        if self.newUpdates:
            limit = cache.getLimit(symbol, limit)
        return self.filter_by_symbol_since_limit(cache, symbol, since, limit, True)

    async def un_watch_orders(self, symbol: Any = None, params: Any = {}) -> Any:
        await self._unfollow({"channel": "orders"})
        self.orders = None

    async def un_watch_my_trades(self, symbol: Any = None, params: Any = {}) -> Any:
        await self._unfollow({"channel": "fills"})
        self.myTrades = None

    def _handle_orders(self, client: Any, name: str, subscription: Any, message: Any) -> None:
        if self.orders is None:
            self.orders = ArrayCacheBySymbolById(self.options["ordersLimit"])
        orders = [self.parse_order(self._with_placing(order)) for order in message["data"]]
        self._handle_own(client, name, message, self.orders, sorted(orders, key=lambda order: order["timestamp"]))

    def _with_placing(self, order: dict[str, Any]) -> dict[str, Any]:
        """An order with the time of its placing. The snapshot has it of all that were open; what else is told of was
        placed in the record that first tells of it."""
        name = order["order"]
        placed = order.get("placed_us") or self._placed_us.get(name, order["time_us"])
        if order["status"] in ("open", "sleeping"):
            self._placed_us[name] = placed
        else:
            self._placed_us.pop(name, None)
        return {**order, "placed_us": placed}

    def _handle_fills(self, client: Any, name: str, subscription: Any, message: Any) -> None:
        if self.myTrades is None:
            self.myTrades = ArrayCacheBySymbolById(self.options["tradesLimit"])
        self._handle_own(client, name, message, self.myTrades, [self.parse_trade(fill) for fill in message["data"]])

    def _handle_own(self, client: Any, name: str, message: Any, cache: Any, items: list[Any]) -> None:
        for item in items:
            cache.append(item)
        self._reached[name] = message["seq"]
        for symbol in {item["symbol"] for item in items}:
            self._tell(client, cache, f"{name}|{symbol}")
        if items:
            self._tell(client, cache, name)

    # Order entry.

    async def _submit(self, wire: Any) -> Any:
        return await self._ask("submit", wire)

    async def create_order_ws(
        self, symbol: str, type: str, side: str, amount: Any, price: Any = None, params: Any = {}
    ) -> Any:
        return await arun(Trading.create_order(self, symbol, type, side, amount, price, params, _send=self._submit))

    async def edit_order_ws(
        self, id: str, symbol: str, type: Any, side: Any, amount: Any = None, price: Any = None, params: Any = {}
    ) -> Any:
        return await arun(Trading.edit_order(self, id, symbol, type, side, amount, price, params, _send=self._submit))

    async def cancel_order_ws(self, id: Any, symbol: Any = None, params: Any = {}) -> Any:
        return await arun(Trading.cancel_order(self, id, symbol, params, _send=self._submit))

    async def cancel_all_orders_ws(self, symbol: Any = None, params: Any = {}) -> Any:
        return await arun(Trading.cancel_all_orders(self, symbol, params, _send=self._submit))

    _HANDLERS = {
        "book": _handle_book,
        "ticker": _handle_ticker,
        "bbo": _handle_bbo,
        "trades": _handle_trades,
        "candles": _handle_candles,
        "balances": _handle_balances,
        "orders": _handle_orders,
        "fills": _handle_fills,
    }
