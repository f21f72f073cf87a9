"""``ccxt.bandex``: every method blocks until it is answered."""

from __future__ import annotations

from ccxt.base.exchange import Exchange

from .describe import add_endpoints
from .steps import blocking
from .trading import Trading

__all__ = ["bandex"]


@add_endpoints
@blocking
class bandex(Trading, Exchange):
    """The exchange for programs without an event loop."""
