"""Signed reading of private pages, by RFC 9421."""

from __future__ import annotations

import secrets
from typing import Any

from bandex import _core

__all__ = ["signed_headers"]


def signed_headers(
    keypair: Any, node: str, method: str, authority: str, path: str, query: str, now_us: int
) -> dict[str, str]:
    """The headers that sign a request without a body, for this node and this once."""
    nonce = secrets.token_hex(16)
    return dict(_core.http_signature(keypair, node, nonce, method, authority, path, query or None, now_us=now_us))
