"""Python SDK of the bandex exchange: sign blocks, trade, follow markets.

Prices, quantities and amounts are decimal texts (or ``decimal.Decimal``), never floats; times are integer
microseconds since 1970; ids and keys are lower-case hex.
"""

from __future__ import annotations

from ._core import (
    Keypair,
    LocalBook,
    Markets,
    Signer,
    block_id,
    check_receipt,
    checksum_levels,
    decode_block,
    encode_block,
    preimage,
    sign_block,
    sign_login,
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

__all__ = [
    "BadProof",
    "BandexError",
    "BookBroken",
    "ConnectionFailed",
    "InvalidInput",
    "Keypair",
    "LaneBroken",
    "LocalBook",
    "Markets",
    "Refused",
    "Rejected",
    "Signer",
    "UnknownOutcome",
    "block_id",
    "check_receipt",
    "checksum_levels",
    "decode_block",
    "encode_block",
    "preimage",
    "sign_block",
    "sign_login",
    "verify_block",
]
