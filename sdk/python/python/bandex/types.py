"""Names for what goes in and comes out."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, TypedDict

__all__ = ["Depth", "Json", "Number", "OwnBlock", "SignedBlock", "SignedLogin"]

Number = str | int | Decimal
"""A decimal number: text, ``decimal.Decimal`` or an integer; never a float."""

Depth = int | str
"""How many levels of each side of a book: 10, 50, 500 or "full"."""

Json = Mapping[str, Any] | str
"""A dict in a form of the exchange, or the JSON text of one."""


class SignedBlock(TypedDict):
    """A signed block as ``POST /v1/blocks`` takes it, with its id."""

    payload: str
    signature: str
    block_id: str


class OwnBlock(SignedBlock):
    """A block just signed: what was signed, whose lane it is in, and its place there."""

    preimage: str
    key: str
    seq: int


class SignedLogin(TypedDict):
    """The body of a login."""

    key: str
    nonce: str
    signature: str
