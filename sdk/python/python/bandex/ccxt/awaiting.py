"""``ccxt.async_support.bandex``: every method is a coroutine."""

from __future__ import annotations

from ccxt.async_support.base.exchange import Exchange

from .describe import add_endpoints
from .steps import awaiting
from .trading import Trading

__all__ = ["bandex"]


@add_endpoints
@awaiting
class bandex(Trading, Exchange):
    """The exchange for programs with an event loop. Close it when it is not needed any more."""
