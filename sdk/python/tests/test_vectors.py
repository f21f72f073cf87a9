"""The golden vectors of tests/vectors: Python must make the very same bytes, ids and signatures as the node."""

from __future__ import annotations

import json
import os
import urllib.parse
from pathlib import Path
from typing import Any

import pytest

import bandex

VECTORS = Path(__file__).resolve().parents[3] / "tests" / "vectors"


def cases() -> list[Any]:
    """Every case that is a signed block by one key."""
    found = []
    for path in sorted(VECTORS.glob("*.json")):
        for case in json.loads(path.read_text())["cases"]:
            if {"fields", "payload", "id", "secret_seed", "signature"} <= case.keys() and "body" in case["fields"]:
                found.append(pytest.param(case, id=f"{path.stem}-{case['name']}"))
    return found


def test_the_vectors_are_there() -> None:
    assert len(cases()) >= 35


@pytest.mark.parametrize("case", cases())
def test_a_block_has_the_same_bytes_id_and_signature(case: dict[str, Any]) -> None:
    payload = bytes.fromhex(case["payload"])
    assert bandex.encode_block(case["fields"]) == payload
    assert bandex.encode_block(json.dumps(case["fields"])) == payload
    assert bandex.decode_block(payload) == case["fields"]
    assert bandex.block_id(payload) == case["id"]
    keypair = bandex.Keypair.from_seed(case["secret_seed"])
    signed = bandex.sign_block(keypair, payload)
    assert signed == {"payload": case["payload"], "signature": case["signature"], "block_id": case["id"]}
    assert keypair.public == case["fields"]["author"]


def read(name: str) -> list[dict[str, Any]]:
    """The cases of one file."""
    found: list[dict[str, Any]] = json.loads((VECTORS / name).read_text())["cases"]
    return found


def test_logins_have_the_same_signature() -> None:
    for case in read("login.json"):
        keypair = bandex.Keypair.from_seed(case["secret_seed"])
        made = bandex.sign_login(keypair, case["network"], case["by"], case["nonce"])
        assert made == {"key": case["key"], "nonce": case["nonce"], "signature": case["signature"]}


def request_headers(case: dict[str, Any]) -> dict[str, str]:
    url, body = urllib.parse.urlsplit(case["url"]), case["body"]
    headers = bandex.http_signature(
        bandex.Keypair.from_seed(case["secret_seed"]),
        case["node"],
        case["nonce"],
        case["method"],
        url.netloc,
        url.path,
        url.query or None,
        body=None if body is None else body.encode(),
        now_us=case["created_s"] * 1_000_000,
    )
    return dict(headers)


def test_requests_are_signed_for_one_node() -> None:
    """With BANDEX_UPDATE_VECTORS set the signatures are written anew."""
    held = json.loads((VECTORS / "request.json").read_text())
    made = {**held, "cases": [{**case, "headers": request_headers(case)} for case in held["cases"]]}
    if os.environ.get("BANDEX_UPDATE_VECTORS"):
        (VECTORS / "request.json").write_text(json.dumps(made, indent=2) + "\n")
    assert made == json.loads((VECTORS / "request.json").read_text())


def test_refused_blocks_are_refused_by_the_same_code() -> None:
    for case in read("refused.json"):
        signed = {"payload": case["payload"], "signature": case["signature"]}
        with pytest.raises(bandex.BadProof) as refused:
            bandex.verify_block(signed, case["network"])
        assert refused.value.code == case["code"], case["name"]


def test_receipts_prove_what_they_should_and_nothing_else() -> None:
    codes = set()
    for case in read("receipt.json"):
        signed = {"payload": case["block_payload"], "signature": case["block_signature"]}
        leaf = {**case["leaf"], "time_us": int(case["leaf"]["time"])}
        leaf.pop("time")
        batch = {"payload": case["batch_payload"], "signature": case["batch_signature"]}
        receipt = {"batch": batch, "leaf": leaf, "path": case["path"], "outcome": case["outcome"]}
        codes.add(case["code"])
        if case["code"] is None:
            assert bandex.check_receipt(receipt, signed, case["node"], case["network"]) is receipt
            continue
        with pytest.raises(bandex.BadProof) as refused:
            bandex.check_receipt(receipt, signed, case["node"], case["network"])
        assert refused.value.code == case["code"], case["name"]
    assert len(codes) > 3
