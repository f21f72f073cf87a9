"""What cannot be used is refused before anything is signed, in words and with a code."""

from __future__ import annotations

import asyncio
import os
import pickle
import stat
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from conftest import Exchange
from kit import MARKET, run

import bandex


@pytest.fixture(scope="module")
def markets(exchange: Exchange) -> bandex.Markets:
    async def ask() -> bandex.Markets:
        return await bandex.Rest(exchange.url).markets()

    return run(ask())


def place(**terms: Any) -> dict[str, Any]:
    usual = {"op": "place", "market": MARKET, "side": "buy", "price": "0.0000004", "quantity": "1"}
    return {name: value for name, value in {**usual, **terms}.items() if value is not None}


@pytest.mark.parametrize(
    ("operation", "code", "words"),
    [
        (place(price="0.00000000000001"), "bad_order", "price: .*multiple"),
        (place(price="1e-7"), "bad_order", "price: .*decimal"),
        (place(price=-1), "bad_shape", "decimal number"),
        (place(price=0.0000004), "bad_input", "float"),
        (place(quantity=None), "bad_order", "needs a quantity"),
        (place(quantity="0"), "bad_order", "above 0"),
        (place(price=None), "bad_order", "needs a limit"),
        (place(market="BWT-XXX"), "bad_input", "BWT-XXX"),
        (place(side="up"), "bad_shape", "side|up"),
        (place(typo="1"), "bad_shape", "typo"),
        (place(time_in_force="gtd"), "bad_order", "GTD"),
        (place(time_in_force="ioc", expires_us=1_777_689_383_201_000), "bad_order", "GTD"),
        (place(order_type="market", time_in_force="gtc"), "bad_order", "IOC or FOK"),
        (place(post_only=True, time_in_force="ioc"), "bad_order", "post-only"),
        ({"op": "cancel"}, "bad_input", "cancel names"),
        ({"op": "cancel", "client_id": "x"}, "bad_input", "cancel names"),
        ({"op": "cancel", "order": "x:1:0"}, "bad_shape", "64 hex digits"),
        ({"op": "protect", "market": MARKET, "quantity": "1"}, "bad_input", "window_us"),
        ({"op": "dance"}, "bad_shape", "dance"),
        ("{", "bad_shape", "EOF"),
        ({"op": 1.5}, "bad_input", "float"),
        ({"op": object()}, "bad_input", "no JSON form"),
        ({1: 2}, "bad_input", "keys of a dict"),
        ([1], "bad_shape", "invalid|expected|missing"),
    ],
)
def test_bad_operations(markets: bandex.Markets, operation: Any, code: str, words: str) -> None:
    with pytest.raises(bandex.InvalidInput, match=words) as refused:
        markets.operation(operation)
    assert refused.value.code == code
    assert isinstance(refused.value, ValueError)


def test_operations_in_decimals_become_the_integers_of_a_block(markets: bandex.Markets) -> None:
    made = markets.operation(place(price=Decimal("4E-7"), quantity=2, post_only="slide", client_id="a"))
    assert made == {
        "operation": "place",
        "market": 1,
        "side": "buy",
        "order_type": "limit",
        "price": str(markets.ticks(MARKET, "0.0000004")),
        "quantity": str(markets.lots(MARKET, 2)),
        "quote_quantity": None,
        "time_in_force": "gtc",
        "expires": None,
        "post_only": "slide",
        "self_trade": "cancel_oldest",
        "display": None,
        "minimum": None,
        "trigger": None,
        "own_cap": None,
        "least_score": None,
        "client_id": "a",
    }
    stop = place(order_type="market", trigger={"kind": "stop_loss", "price": "0.0000003"}, side="sell", price=None)
    made = markets.operation(stop)
    assert (made["price"], made["time_in_force"], made["trigger"]["kind"]) == ("0", "ioc", "stop_loss")
    assert markets.price(MARKET, markets.ticks(MARKET, "0.00000041")) == "0.00000041"
    assert markets.quantity(MARKET, markets.lots(MARKET, "1.5")) == "1.5"
    assert markets.amount("BTC", markets.units("BTC", Decimal("0.00000004"))) == "0.00000004"
    assert (markets.asset_id("BWT"), markets.assets_of(MARKET)) == (0, ("BWT", "BTC"))


def test_what_no_node_would_sequence_is_not_signed(markets: bandex.Markets) -> None:
    signer = bandex.Signer(bandex.Keypair.generate(), markets.network, 5, "11" * 32)
    before = signer.head
    attempts: list[tuple[Callable[[], object], str]] = [
        (lambda: signer.orders(markets, []), "bad_body"),
        (lambda: signer.orders(markets, [place()] * 101), "bad_body"),
        (lambda: signer.orders(markets, [place(), place(price="x")]), "bad_order"),
        (lambda: signer.sign({"kind": "dance"}), "bad_shape"),
        (lambda: signer.sign({"kind": "revoke", "key": "00"}), "bad_shape"),
        (lambda: signer.sign({"kind": "claim", "nonce": 0}), "bad_body"),
        (lambda: signer.sign({"kind": "revoke", "key": "00" * 32}, now_us=1_777_689_383), "time_unit"),
        (lambda: signer.register("11" * 32, 1), "lane_begun"),
        (lambda: signer.grant(bandex.Keypair.generate(), {"scopes": ["all"]}), "bad_input"),
        (lambda: signer.grant(bandex.Keypair.generate(), {"scopes": []}), "bad_body"),
    ]
    for make, code in attempts:
        with pytest.raises(bandex.InvalidInput) as refused:
            make()
        assert refused.value.code == code
    assert signer.head == before
    with pytest.raises(bandex.InvalidInput, match="operation 1: price"):
        signer.orders(markets, [place(), place(price="x")])
    with pytest.raises(bandex.InvalidInput, match="say which"):
        bandex.Signer(bandex.Keypair.generate(), markets.network, 5)


def test_keys_and_their_files(tmp_path: Path) -> None:
    keypair = bandex.Keypair.generate()
    path = tmp_path / "a.key"
    keypair.save(path)
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert bandex.Keypair.load(path).public == keypair.public
    assert keypair.seed() not in repr(keypair) and keypair.public in repr(keypair)
    with pytest.raises(FileExistsError):
        keypair.save(path)
    with pytest.raises(FileNotFoundError):
        bandex.Keypair.load(tmp_path / "b.key")
    with pytest.raises(bandex.InvalidInput, match="64 hex digits"):
        bandex.Keypair.from_seed("00")
    with pytest.raises(bandex.InvalidInput, match="block, login or possession"):
        keypair.sign("cheque", b"")
    assert len(keypair.sign("block", b"text")) == 128


def test_blocks_that_are_none() -> None:
    with pytest.raises(bandex.InvalidInput) as refused:
        bandex.decode_block(b"\x02")
    assert refused.value.code == "wrong_version"
    with pytest.raises(bandex.InvalidInput) as refused:
        bandex.encode_block({"network": 1})
    assert refused.value.code == "bad_shape"
    other = bandex.Keypair.generate()
    payload = bandex.encode_block(
        {
            "network": 1,
            "author": bandex.Keypair.generate().public,
            "seq": 1,
            "previous": "00" * 32,
            "time": "1777689383201000",
            "expiry": None,
            "body": {"kind": "bond", "amount": "5"},
        }
    )
    with pytest.raises(bandex.InvalidInput, match="not of"):
        bandex.sign_block(other, payload)


def test_errors_can_be_sent_to_other_processes() -> None:
    error = bandex.Rejected("gap: x", "gap", {"details": {"head_seq": 5}, "retryable": True, "retry_after_ms": 9})
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.code, again.details) == ("gap: x", "gap", {"head_seq": 5})
    assert (again.retryable, again.retry_after_ms) == (True, 9)


def test_nobody_answers(exchange: Exchange) -> None:
    async def story() -> None:
        with pytest.raises(bandex.ConnectionFailed) as failed:
            await bandex.Rest("http://127.0.0.1:1").markets()
        assert failed.value.code == "unreachable"
        with pytest.raises(ConnectionError):
            await bandex.Client.connect("ws://127.0.0.1:1")
        with pytest.raises(bandex.InvalidInput, match="colour"):
            await bandex.Client.connect("ws://127.0.0.1:1", colour="red")  # type: ignore[call-arg]
        rest = bandex.Rest(exchange.url)
        with pytest.raises(bandex.Rejected) as unknown:
            await rest.market("BWT-XXX")
        assert unknown.value.code == "not_found"
        assert unknown.value.problem is not None and unknown.value.problem["status"] == 404
        with pytest.raises(bandex.Rejected) as unknown:
            await rest.login(bandex.Keypair.generate())
        assert unknown.value.code == "login_failed"
        client = await bandex.Client.connect(rest.socket_url)
        with pytest.raises(bandex.InvalidInput, match="weather"):
            await client.subscribe("weather")
        with pytest.raises(bandex.Rejected):
            await client.subscribe("book", "BWT-XXX")
        with pytest.raises(bandex.Rejected):
            await client.subscribe("fills")
        with pytest.raises(bandex.Rejected) as unknown:
            await bandex.Trader.open(client, rest, bandex.Keypair.generate(), None)
        assert unknown.value.code == "unknown_key"
        # A wait that is given up leaves nothing behind.
        trades = await client.subscribe("book", MARKET)
        await anext(aiter(trades))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await anext(aiter(trades))

    run(story())
