"""Every page that the package names is one that the exchange serves, by the exchange's own document."""

from __future__ import annotations

import inspect
import json
import re
from pathlib import Path

from bandex import rest

OPENAPI = Path(__file__).resolve().parents[3] / "openapi" / "openapi.json"


def test_every_page_is_served() -> None:
    served = {re.sub(r"{\w+}", "{}", path) for path in json.loads(OPENAPI.read_text())["paths"]}
    named = set(re.findall(r'f?"(/v1/[^"?]*)"', inspect.getsource(rest)))
    assert len(named) > 30
    assert {re.sub(r"{\w+}", "{}", path) for path in named} - served == set()
