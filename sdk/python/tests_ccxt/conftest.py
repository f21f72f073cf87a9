"""The exchange that the tests of this folder talk to."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from bandex.ccxt import register
from venue import Venue, running

register()


@pytest.fixture(scope="session")
def venue() -> Iterator[Venue]:
    with running() as venue:
        yield venue
