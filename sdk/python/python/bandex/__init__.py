"""Python SDK of the bandex exchange: sign blocks, trade, follow markets.

Prices, quantities and amounts are decimal texts (or ``decimal.Decimal``), never floats; times are integer
microseconds since 1970; ids and keys are lower-case hex.
"""

from __future__ import annotations

from ._core import (
    Client,
    Keypair,
    LocalAccount,
    LocalBook,
    LocalOrders,
    Markets,
    Signer,
    Submitted,
    Subscription,
    block_id,
    check_receipt,
    checksum_levels,
    checksum_orders,
    decode_block,
    encode_block,
    http_signature,
    preimage,
    sign_block,
    sign_login,
    stored_order,
    verify_block,
)
from .errors import (
    BadProof,
    BandexError,
    BookBroken,
    ConnectionFailed,
    InvalidInput,
    LaneBroken,
    Refused,
    Rejected,
    UnknownOutcome,
)
from .feed import BookFeed
from .rest import AccountRest, Rest
from .trader import Trader

__all__ = [
    "AccountRest",
    "BadProof",
    "BandexError",
    "BookBroken",
    "BookFeed",
    "Client",
    "ConnectionFailed",
    "InvalidInput",
    "Keypair",
    "LaneBroken",
    "LocalAccount",
    "LocalBook",
    "LocalOrders",
    "Markets",
    "Refused",
    "Rejected",
    "Rest",
    "Signer",
    "Submitted",
    "Subscription",
    "Trader",
    "UnknownOutcome",
    "block_id",
    "check_receipt",
    "checksum_levels",
    "checksum_orders",
    "decode_block",
    "encode_block",
    "http_signature",
    "preimage",
    "sign_block",
    "sign_login",
    "stored_order",
    "verify_block",
]
