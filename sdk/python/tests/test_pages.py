"""Every page that the package names is one that the exchange serves, by the exchange's own document."""

from __future__ import annotations

import inspect
import re

from conftest import Exchange
from kit import run

import bandex
from bandex import rest


def test_every_page_is_served(exchange: Exchange) -> None:
    document = run(bandex.Rest(exchange.url).get("/openapi.json"))
    served = {re.sub(r"{\w+}", "{}", path) for path in document["paths"]}
    named = set(re.findall(r'f?"(/v1/[^"?]*)"', inspect.getsource(rest)))
    assert len(named) > 30
    assert {re.sub(r"{\w+}", "{}", path) for path in named} - served == set()
