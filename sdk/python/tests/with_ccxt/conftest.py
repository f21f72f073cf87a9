"""The exchange that the tests of this folder talk to."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from venue import Venue, running

pytest.importorskip("ccxt")

from bandex.ccxt import register  # noqa: E402 - ccxt may be missing

register()


@pytest.fixture(scope="session")
def venue() -> Iterator[Venue]:
    with running() as venue:
        yield venue
