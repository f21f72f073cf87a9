"""bandex for programs that know exchanges through ccxt.

``register()`` puts the class ``bandex`` into ``ccxt``, ``ccxt.async_support`` and ``ccxt.pro``; nothing of ccxt is
changed beyond these names. Needs the package ccxt (``pip install ccxt``)::

    import ccxt
    import bandex.ccxt

    bandex.ccxt.register()
    exchange = ccxt.bandex({"hostname": "exchange.example", "secret": SEED_HEX})

``secret`` is the seed of an Ed25519 key that the account admitted, best a session key of its own for every program:
a lane goes one way, and two programs that sign in one lane make a fork, which freezes the account. ``apiKey``, if it
is given, is the public key and is compared with the secret.
"""

from __future__ import annotations

import importlib
from typing import Any

from . import awaiting, blocking, streaming

__all__ = ["register"]

#: Which class each of ccxt's packages gets.
_PLACES: dict[str, Any] = {
    "ccxt": blocking.bandex,
    "ccxt.async_support": awaiting.bandex,
    "ccxt.pro": streaming.bandex,
}


def register() -> None:
    """Makes ``ccxt.bandex``, ``ccxt.async_support.bandex`` and ``ccxt.pro.bandex``. Doing it twice changes nothing."""
    for name, exchange in _PLACES.items():
        package = importlib.import_module(name)
        setattr(package, exchange.__name__, exchange)
        names: list[str] = package.exchanges
        if exchange.__name__ not in names:
            names.append(exchange.__name__)
