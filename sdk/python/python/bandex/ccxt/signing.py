"""Signed reading of private pages, by RFC 9421."""

from __future__ import annotations

from typing import Any

import bandex

__all__ = ["http_signature"]


def http_signature(
    keypair: Any, method: str, authority: str, path: str, query: str, body: str | None, created: int,
) -> dict[str, str]:
    """The headers that sign a request; ``created`` is in seconds."""
    raise NotImplementedError
