"""Reading: everything that needs no signed block. See ``steps`` for why methods are generators."""

from __future__ import annotations

import time
import urllib.parse
from collections.abc import Callable
from functools import partial
from typing import Any

from ccxt.base.errors import ArgumentsRequired, AuthenticationError, BadRequest, ExchangeError, OrderNotFound

from bandex import _core

from .describe import DESCRIPTION
from .errors import failure, is_problem
from .parse import Parse
from .signing import signed_headers
from .steps import Steps, step

__all__ = ["Venue"]

_LARGEST_PAGE = 1000
_USUAL_PAGE = 100


class Venue(Parse):
    """Requests and lists, for ccxt's blocking and awaiting exchanges alike."""

    _listings: Any = None
    _keypair: Any = None

    def describe(self: Any) -> dict[str, Any]:
        return self.deep_extend(super().describe(), DESCRIPTION)  # type: ignore[misc]

    # Requests.

    def rest_url(self: Any) -> str:
        return self.implode_hostname(self.urls["api"]["rest"]).rstrip("/")

    def sign(
        self: Any,
        path: str,
        api: Any = "public",
        method: str = "GET",
        params: Any = {},
        headers: Any = None,
        body: Any = None,
    ) -> dict[str, Any]:
        """The request as it is sent; private pages are signed by RFC 9421, which gives nobody a token to steal."""
        kind = api[0] if isinstance(api, list) else api
        request_path = "/v1/" + self.implode_params(path, params)
        rest = self.omit(params, self.extract_params(path))
        query = ""
        headers = dict(headers or {})
        if method == "GET":
            query = self.urlencode(rest) if rest else ""
        else:
            body = self.json(rest)
            headers["Content-Type"] = "application/json"
        url = self.rest_url() + request_path + (f"?{query}" if query else "")
        if kind == "private":
            authority = urllib.parse.urlsplit(url).netloc.lower()
            node = self.options["node"] or (self._listings and self._listings.node)
            if node is None:
                raise ExchangeError(f"{self.id} call load_markets() first: a signature says for which node it is")
            headers.update(signed_headers(self.keypair(), node, method, authority, request_path, query, self.now_us()))
        return {"url": url, "method": method, "body": body, "headers": headers}

    def handle_errors(
        self: Any,
        status: int,
        reason: str,
        url: str,
        method: str,
        headers: Any,
        body: str,
        response: Any,
        request_headers: Any,
        request_body: Any,
    ) -> Any:
        if status < 400 or not is_problem(response):
            return None
        about_orders = "/v1/orders/" in url
        raise failure(self.id, response, about_orders)

    def keypair(self: Any) -> Any:
        """The key that signs, read once from ``secret``."""
        self.check_required_credentials()
        if self._keypair is None or self._keypair.seed() != self.secret.strip().lower():
            try:
                pair = _core.Keypair.from_seed(self.secret)
            except ValueError as error:
                raise AuthenticationError(f"{self.id} {error}") from error
            if self.apiKey and self.apiKey.strip().lower() != pair.public:
                raise AuthenticationError(f"{self.id} apiKey is not the public key of secret")
            self._keypair = pair
        return self._keypair

    def nonce(self: Any) -> int:
        return self.milliseconds() - self.options["timeDifference"]

    def now_us(self: Any) -> int:
        """The exchange's time as far as it is known, in microseconds."""
        return time.time_ns() // 1000 - self.options["timeDifference"] * 1000

    def _load(self: Any) -> Steps[Any]:
        """Markets, and with them what the core needs to make blocks."""
        yield self.load_markets
        if self._listings is None:
            self._keep_listings((yield self.publicGetMarkets))
        return self._listings

    def _keep_listings(self: Any, answer: dict[str, Any]) -> None:
        node = answer["node"]
        for name, said in (("node", node["key"]), ("network", node["network"])):
            known = self.options.get(name)
            if known is not None and str(known).lower() != str(said):
                raise ExchangeError(f"{self.id} is {said}, not {known}, by {name}: this is another exchange")
        self._listings = _core.Markets(answer)

    def _pages(
        self: Any,
        method: Any,
        request: dict[str, Any],
        items: str,
        limit: Any,
        back_to: Any = None,
        fits: Callable[[Any], bool] | None = None,
    ) -> Steps[list[Any]]:
        """Items of a list that fit, newest first: as many as asked for, or back to a time in microseconds. Raises if
        more pages would have to be read than ``options.pages`` allows, since a part would pass for the whole."""
        wanted = limit or _USUAL_PAGE
        size = min(wanted, _LARGEST_PAGE) if back_to is None and fits is None else _LARGEST_PAGE
        request = {**request, "limit": size}
        found: list[Any] = []
        for _ in range(self.options["pages"]):
            page = yield partial(method, request)
            found.extend(item for item in page[items] if fits is None or fits(item))
            oldest = page[items][-1] if page[items] else {}
            if back_to is None:
                done = len(found) >= wanted
            else:
                done = oldest.get("time_us", oldest.get("start_us", 0)) < back_to
            if done or page.get("next_cursor") is None:
                return found
            request = {**request, "cursor": page["next_cursor"]}
        raise BadRequest(
            f"{self.id} there are more {items} than {self.options['pages']} pages of {size}: ask for fewer by a later "
            "since or a smaller limit, or set options['pages'] higher"
        )

    @staticmethod
    def _back_to(since: Any) -> Any:
        return None if since is None else since * 1000

    # The exchange.

    @step
    def fetch_time(self: Any, params: Any = {}) -> Steps[Any]:
        answer = yield partial(self.publicGetTime, params)
        return answer["time_us"] // 1000

    @step
    def load_time_difference(self: Any, params: Any = {}) -> Steps[Any]:
        before = self.milliseconds()
        answer = yield partial(self.publicGetTime, params)
        self.options["timeDifference"] = (before + self.milliseconds()) // 2 - answer["time_us"] // 1000
        return self.options["timeDifference"]

    @step
    def fetch_status(self: Any, params: Any = {}) -> Steps[Any]:
        answer = yield partial(self.publicGetStatus, params)
        running = answer["state"] == "running"
        return {
            "status": "ok" if running else "shutdown",
            "updated": answer["time_us"] // 1000,
            "eta": None,
            "url": None,
            "info": answer,
        }

    @step
    def fetch_markets(self: Any, params: Any = {}) -> Steps[Any]:
        if self.options["adjustForTimeDifference"]:
            yield from Venue.load_time_difference(self)
        answer = yield partial(self.publicGetMarkets, params)
        self._keep_listings(answer)
        return [self.parse_market(market) for market in answer["markets"]]

    @step
    def fetch_currencies(self: Any, params: Any = {}) -> Steps[Any]:
        answer = yield partial(self.publicGetMarkets, params)
        assets = [self.parse_asset(asset) for asset in answer["assets"]]
        return {asset["code"]: asset for asset in assets}

    @step
    def fetch_trading_fees(self: Any, params: Any = {}) -> Steps[Any]:
        answer = yield partial(self.publicGetMarkets, params)
        markets = [self.parse_market(market) for market in answer["markets"]]
        fees = {}
        for market in markets:
            fee = {name: market[name] for name in ("symbol", "maker", "taker", "percentage", "tierBased")}
            fees[market["symbol"]] = {"info": market["info"]["fees"], **fee}
        return fees

    @step
    def fetch_trading_fee(self: Any, symbol: str, params: Any = {}) -> Steps[Any]:
        fees = yield from Venue.fetch_trading_fees(self, params)
        return fees[symbol]

    # Market data.

    @step
    def fetch_ticker(self: Any, symbol: str, params: Any = {}) -> Steps[Any]:
        yield self.load_markets
        market = self.market(symbol)
        answer = yield partial(self.publicGetTickersMarket, {"market": market["id"], **params})
        return self.parse_ticker(answer, market)

    @step
    def fetch_tickers(self: Any, symbols: Any = None, params: Any = {}) -> Steps[Any]:
        yield self.load_markets
        wanted = self.market_symbols(symbols)
        answer = yield partial(self.publicGetTickers, params)
        tickers = [self.parse_ticker(ticker) for ticker in answer["tickers"]]
        return {ticker["symbol"]: ticker for ticker in tickers if wanted is None or ticker["symbol"] in wanted}

    @step
    def fetch_bids_asks(self: Any, symbols: Any = None, params: Any = {}) -> Steps[Any]:
        tickers = yield from Venue.fetch_tickers(self, symbols, params)
        now = self.milliseconds()
        return {symbol: self.parse_best(ticker["info"], now) for symbol, ticker in tickers.items()}

    @step
    def fetch_order_book(self: Any, symbol: str, limit: Any = None, params: Any = {}) -> Steps[Any]:
        yield self.load_markets
        market = self.market(symbol)
        request = {"market": market["id"], **({} if limit is None else {"depth": min(limit, 1000)})}
        answer = yield partial(self.publicGetBookMarket, {**request, **params})
        return self.parse_book(answer, market["symbol"])

    @step
    def fetch_order_books(self: Any, symbols: Any = None, limit: Any = None, params: Any = {}) -> Steps[Any]:
        yield self.load_markets
        books = {}
        for symbol in self.market_symbols(symbols) or self.symbols:
            books[symbol] = yield from Venue.fetch_order_book(self, symbol, limit, params)
        return books

    @step
    def fetch_l3_order_book(self: Any, symbol: str, limit: Any = None, params: Any = {}) -> Steps[Any]:
        """Every order of the book, in the order in which they trade: price, quantity, and the order's reference."""
        yield self.load_markets
        market = self.market(symbol)
        request = {"market": market["id"], "orders": "true", **({} if limit is None else {"depth": min(limit, 1000)})}
        book = yield partial(self.publicGetBookMarket, {**request, **params})
        result = self.parse_book({**book, "bids": [], "asks": []}, market["symbol"])
        for side in ("bids", "asks"):
            number = self.parse_number
            result[side] = [[number(o["price"]), number(o["quantity"]), o["order"]] for o in book[side]]
        return result

    @step
    def fetch_trades(self: Any, symbol: str, since: Any = None, limit: Any = None, params: Any = {}) -> Steps[Any]:
        yield self.load_markets
        market = self.market(symbol)
        request = {"market": market["id"], **params}
        trades = yield from self._pages(self.publicGetTradesMarket, request, "trades", limit, self._back_to(since))
        return self.parse_trade_list(trades, market, since, limit)

    @step
    def fetch_ohlcv(
        self: Any,
        symbol: str,
        timeframe: str = "1m",
        since: Any = None,
        limit: Any = None,
        params: Any = {},
    ) -> Steps[Any]:
        """Candles; an interval without a trade has none."""
        yield self.load_markets
        market = self.market(symbol)
        interval = self.timeframes.get(timeframe)
        if interval is None:
            raise BadRequest(f"{self.id} has no timeframe {timeframe}; it has {', '.join(self.timeframes)}")
        request = {"market": market["id"], "interval": interval, **params}
        method = self.publicGetMarketsMarketCandles
        candles = yield from self._pages(method, request, "candles", limit, self._back_to(since))
        return self.parse_ohlcvs(candles[::-1], market, timeframe, since, limit, since is None)

    # The account.

    @step
    def fetch_balance(self: Any, params: Any = {}) -> Steps[Any]:
        yield from self._load()
        answer = yield partial(self.privateGetBalances, params)
        return self.parse_balance(answer)

    @step
    def fetch_order(self: Any, id: Any, symbol: Any = None, params: Any = {}) -> Steps[Any]:
        """One order with its fills, by its reference or by ``clientOrderId`` in ``params``."""
        yield from self._load()
        client_id = self.safe_string_2(params, "clientOrderId", "clOrdId")
        params = self.omit(params, ["clientOrderId", "clOrdId"])
        if client_id is None:
            if not id:
                raise ArgumentsRequired(f"{self.id} fetchOrder() needs an id or a clientOrderId")
            order = yield partial(self.privateGetOrdersOrder, {"order": id, **params})
        else:
            request = {"client_id": client_id, "state": "all", "limit": 1, **self._of(symbol)}
            page = yield partial(self.privateGetOrders, {**request, **params})
            if not page["orders"]:
                raise OrderNotFound(f"{self.id} no order has the client order id {client_id}")
            order = page["orders"][0]
        fills: list[Any] = []
        if order["filled"] != "0":
            request = {"order": order["order"]}
            fills = yield from self._pages(self.privateGetFills, request, "fills", None, 0)
        return self._with_fills(self.parse_order(order), fills)

    def _with_fills(self: Any, order: dict[str, Any], fills: list[Any]) -> dict[str, Any]:
        """Cost, average and fee as they were, where the order alone knows but its limit."""
        if not fills:
            return order
        trades = self.parse_trade_list(fills, None, None, None)
        known = {**order, "trades": trades, "cost": None, "average": None, "fee": None, "fees": None}
        return self.safe_order({**known, "lastTradeTimestamp": trades[-1]["timestamp"]})

    def _of(self: Any, symbol: Any) -> dict[str, Any]:
        return {} if symbol is None else {"market": self.market(symbol)["id"]}

    def _orders(
        self: Any,
        state: str,
        symbol: Any,
        since: Any,
        limit: Any,
        params: Any,
        fits: Callable[[Any], bool] | None = None,
    ) -> Steps[list[dict[str, Any]]]:
        yield from self._load()
        market = None if symbol is None else self.market(symbol)
        client_id = self.safe_string_2(params, "clientOrderId", "clOrdId")
        request = {"state": state, **self._of(symbol), **self.omit(params, ["clientOrderId", "clOrdId"])}
        if client_id is not None:
            request["client_id"] = client_id
        # Orders are listed by when they were placed and change after that, so `since` needs all of them; so does a
        # program that asks what it has open.
        every = since is not None or (state == "open" and limit is None)
        back_to = 0 if every else None
        orders = yield from self._pages(self.privateGetOrders, request, "orders", limit, back_to, fits)
        return self.parse_order_list(orders, market, since, limit)

    @step
    def fetch_orders(
        self: Any, symbol: Any = None, since: Any = None, limit: Any = None, params: Any = {}
    ) -> Steps[Any]:
        return (yield from self._orders("all", symbol, since, limit, params))

    @step
    def fetch_open_orders(
        self: Any, symbol: Any = None, since: Any = None, limit: Any = None, params: Any = {}
    ) -> Steps[Any]:
        return (yield from self._orders("open", symbol, since, limit, params))

    @step
    def fetch_canceled_and_closed_orders(
        self: Any, symbol: Any = None, since: Any = None, limit: Any = None, params: Any = {}
    ) -> Steps[Any]:
        return (yield from self._orders("closed", symbol, since, limit, params))

    @step
    def fetch_closed_orders(
        self: Any, symbol: Any = None, since: Any = None, limit: Any = None, params: Any = {}
    ) -> Steps[Any]:
        return (
            yield from self._orders("closed", symbol, since, limit, params, lambda order: order["status"] == "filled")
        )

    @step
    def fetch_canceled_orders(
        self: Any, symbol: Any = None, since: Any = None, limit: Any = None, params: Any = {}
    ) -> Steps[Any]:
        return (
            yield from self._orders(
                "closed", symbol, since, limit, params, lambda order: order["status"] == "cancelled"
            )
        )

    @step
    def fetch_my_trades(
        self: Any, symbol: Any = None, since: Any = None, limit: Any = None, params: Any = {}
    ) -> Steps[Any]:
        yield from self._load()
        market = None if symbol is None else self.market(symbol)
        request = {**self._of(symbol), **params}
        fills = yield from self._pages(self.privateGetFills, request, "fills", limit, self._back_to(since))
        return self.parse_trade_list(fills, market, since, limit)

    @step
    def fetch_order_trades(
        self: Any, id: str, symbol: Any = None, since: Any = None, limit: Any = None, params: Any = {}
    ) -> Steps[Any]:
        return (yield from Venue.fetch_my_trades(self, symbol, since, limit, {"order": id, **params}))
