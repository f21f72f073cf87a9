"""What the exchange has, in ccxt's words."""

from __future__ import annotations

import re
from typing import Any

from ccxt.base.decimal_to_precision import TICK_SIZE
from ccxt.base.types import Entry

__all__ = ["API", "DESCRIPTION", "MOST_OPERATIONS", "STREAMS", "add_endpoints"]

#: How many operations a block may hold.
MOST_OPERATIONS = 100
#: How many items a page may hold.
_PAGE = 1000

#: Pages by who may read them, and what one request weighs in the exchange's buckets.
API: dict[str, dict[str, dict[str, float]]] = {
    "public": {
        "get": {
            "time": 1,
            "status": 1,
            "markets": 1,
            "markets/{market}": 1,
            "markets/{market}/auctions": 2,
            "markets/{market}/candles": 2,
            "book/{market}": 1,
            "tickers": 2,
            "tickers/{market}": 1,
            "trades/{market}": 2,
            "blocks/{id}": 1,
            "lanes/{key}": 2,
            "trust": 1,
            "limits/{account}": 1,
            "standing/{account}": 1,
            "reputation/{account}": 1,
            "forks": 2,
            "defaults": 2,
            "bitcoin": 1,
            "rate-limits": 1,
        },
        "post": {"blocks": 1, "blocks/validate": 10, "blocks/prepare": 1},
    },
    "private": {
        "get": {
            "orders": 2,
            "orders/{order}": 1,
            "fills": 2,
            "balances": 1,
            "protections": 1,
            "deals": 2,
            "deals/{deal}": 1,
            "deals/{deal}/tranches": 1,
            "deals/{deal}/payments": 1,
            "deals/{deal}/evidence": 1,
            "grants": 1,
        },
    },
}

_SUPPORTED = """
    CORS cancelAllOrders cancelOrder cancelOrderWithClientOrderId cancelOrders createLimitBuyOrder
    createLimitOrder createLimitSellOrder createMarketBuyOrder createMarketBuyOrderWithCost createMarketOrder
    createMarketSellOrder createOrder createOrders createPostOnlyOrder createStopLimitOrder createStopLossOrder
    createStopMarketOrder createStopOrder createTakeProfitOrder createTriggerOrder editOrder fetchBalance
    fetchBidsAsks fetchCanceledAndClosedOrders fetchCanceledOrders fetchClosedOrders fetchL2OrderBook
    fetchL3OrderBook fetchMarkets fetchMyTrades fetchOHLCV fetchOpenOrders fetchOrder fetchOrderBook
    fetchOrderBooks fetchOrderTrades fetchOrders fetchStatus fetchTicker fetchTickers fetchTime fetchTrades
    fetchTradingFee fetchTradingFees sandbox spot
"""
#: What the exchange with live channels has beside that.
STREAMS = """
    cancelAllOrdersWs cancelOrderWs createOrderWs editOrderWs unWatchBidsAsks unWatchMyTrades unWatchOHLCV
    unWatchOrderBook unWatchOrders unWatchTicker unWatchTickers unWatchTrades watchBalance watchBidsAsks
    watchMyTrades watchOHLCV watchOHLCVForSymbols watchOrderBook watchOrderBookForSymbols watchOrders watchTicker
    watchTickers watchTrades watchTradesForSymbols ws
"""
# Coins are never held here: what is traded is settled from wallet to wallet. ccxt's fetchCurrencies is about deposits
# and withdrawals, so it counts as not supported, though the method answers with what is listed.
_NOT_SUPPORTED = """
    createReduceOnlyOrder createTrailingAmountOrder createTrailingPercentOrder deposit fetchAccounts fetchCurrencies
    fetchDepositAddress fetchDeposits fetchDepositsWithdrawals fetchFundingRate fetchLedger fetchPositions
    fetchTransactions fetchTransfers fetchWithdrawals future margin option signIn swap transfer withdraw
"""

_LISTED = {
    "marginMode": False,
    "limit": _PAGE,
    "daysBack": None,
    "untilDays": None,
    "trigger": True,
    "trailing": False,
    "symbolRequired": False,
}

DESCRIPTION: dict[str, Any] = {
    "id": "bandex",
    "name": "bandex",
    "countries": [],
    "version": "v1",
    "dex": True,
    "pro": True,
    "certified": False,
    # An address may make 1,000 requests of weight 1 a second for as long as it likes.
    "rateLimit": 1,
    "hostname": "localhost:8420",
    "has": {
        **{name: True for name in _SUPPORTED.split()},
        **{name: False for name in _NOT_SUPPORTED.split()},
    },
    "timeframes": {"1m": "1m", "5m": "5m", "15m": "15m", "1h": "1h", "4h": "4h", "1d": "1d"},
    "urls": {
        # A sandbox is an exchange of one's own, on loopback and without TLS.
        "api": {"rest": "https://{hostname}"},
        "test": {"rest": "http://{hostname}"},
        "www": "https://github.com/bandex/bandex",
        "doc": ["https://github.com/bandex/bandex/tree/main/docs"],
    },
    "api": {
        kind: {method: {path: {"cost": cost} for path, cost in paths.items()} for method, paths in methods.items()}
        for kind, methods in API.items()
    },
    "requiredCredentials": {"apiKey": False, "secret": True},
    "precisionMode": TICK_SIZE,
    "fees": {"trading": {"feeSide": "base", "tierBased": False, "percentage": True, "maker": 0.0, "taker": 0.0}},
    "features": {
        "spot": {
            "sandbox": True,
            "createOrder": {
                "marginMode": False,
                "triggerPrice": True,
                "triggerPriceType": {"last": True, "mark": False, "index": False},
                "triggerDirection": False,
                "stopLossPrice": True,
                "takeProfitPrice": True,
                "attachedStopLossTakeProfit": None,
                "timeInForce": {"GTC": True, "IOC": True, "FOK": True, "PO": True, "GTD": True},
                "hedged": False,
                "trailing": False,
                "leverage": False,
                "marketBuyByCost": True,
                "marketBuyRequiresPrice": False,
                "selfTradePrevention": {
                    "EXPIRE_MAKER": True,
                    "EXPIRE_TAKER": True,
                    "EXPIRE_BOTH": True,
                    "NONE": False,
                },
                "iceberg": True,
            },
            "createOrders": {"max": MOST_OPERATIONS},
            "fetchMyTrades": {
                "marginMode": False,
                "limit": _PAGE,
                "daysBack": None,
                "untilDays": None,
                "symbolRequired": False,
            },
            "fetchOrder": {"marginMode": False, "trigger": True, "trailing": False, "symbolRequired": False},
            "fetchOpenOrders": {
                "marginMode": False,
                "limit": _PAGE,
                "trigger": True,
                "trailing": False,
                "symbolRequired": False,
            },
            "fetchOrders": _LISTED,
            "fetchClosedOrders": {**_LISTED, "daysBackCanceled": None},
            "fetchOHLCV": {"limit": _PAGE},
        },
    },
    "options": {
        # The node's key and the network that are known from elsewhere; what the exchange says is compared with them.
        "node": None,
        "network": None,
        # After how long an order that was not sequenced has no effect any more, in milliseconds.
        "expiry": 10_000,
        # After how long without an order the end of the lane is asked for again, in milliseconds.
        "laneAge": 1_000,
        # Whether the node's signed receipt of every block is asked for and checked.
        "receipts": True,
        # How much worse than the best price of the other side a market order without a price may trade: the share
        # that becomes its protection.
        "slippage": "0.05",
        # At most so many pages are read for one call; what needs more is refused.
        "pages": 100,
        "adjustForTimeDifference": False,
        "timeDifference": 0,
        "tradesLimit": 1000,
        "ordersLimit": 1000,
        "OHLCVLimit": 1000,
        "watchOrderBook": {"checksum": True},
    },
    "commonCurrencies": {},
}


def add_endpoints(exchange: type) -> type:
    """Gives a class ccxt's implicit methods, such as ``publicGetTickersMarket``, in both spellings."""
    for kind, methods in API.items():
        for method, paths in methods.items():
            for path, cost in paths.items():
                words = [kind, method, *re.findall(r"[a-z0-9]+", path)]
                entry = Entry(path, [kind], method.upper(), {"cost": cost})
                setattr(exchange, "_".join(words), entry)
                setattr(exchange, words[0] + "".join(word.capitalize() for word in words[1:]), entry)
    return exchange
