"""An account's life against a real exchange: register, log in, place, fill, settle, cancel."""

from __future__ import annotations

import asyncio
import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from conftest import Exchange
from kit import MARKET, Party, run, until

import bandex


def test_orders_are_placed_amended_and_cancelled(exchange: Exchange) -> None:
    async def story() -> None:
        party = await Party.join(exchange, gigabytes=10)
        account = await party.login()
        assert account.account == party.trader.account
        placed = await party.trader.place(MARKET, "sell", price="0.0000009", quantity="2", client_id="mine")
        assert placed["status"] == "open"
        assert placed["order"] == f"{party.keypair.public}:2:0"
        order = await account.order(placed["order"])
        assert (order["price"], order["quantity"], order["client_id"]) == ("0.0000009", "2", "mine")
        balances = {balance["asset"]: balance for balance in (await account.balances())["balances"]}
        assert balances["BWT"]["locked"] == "2"
        await party.trader.amend(MARKET, placed["order"], price="0.00000091", quantity="1")
        assert (await account.order(placed["order"]))["price"] == "0.00000091"
        await party.trader.cancel(market=MARKET, client_id="mine")
        assert (await account.order(placed["order"]))["status"] == "cancelled"
        with pytest.raises(bandex.Refused) as refused:
            await party.trader.cancel(placed["order"])
        assert refused.value.code == "unknown_order"
        quotes = await party.trader.quote(MARKET, asks=[("0.0000009", "1"), ("0.00000092", 1)])
        assert (await account.order(quotes[1]))["price"] == "0.00000092"
        await party.trader.cancel_all(MARKET)
        assert (await account.order(quotes[0]))["status"] == "cancelled"
        assert party.trader.pending == 0

    run(story())


def test_blocks_under_way_are_answered_in_order(exchange: Exchange) -> None:
    async def story() -> None:
        party = await Party.join(exchange, gigabytes=10)
        terms = {"op": "place", "market": MARKET, "side": "sell", "price": "0.0000009", "quantity": "0.1"}
        under_way = [await party.trader.submit_orders([terms]) for _ in range(20)]
        last = await party.trader.submit_orders([{"op": "cancel", "order": one.order(0)} for one in under_way])
        for one in under_way:
            assert (await one.reply())["operations"][0]["status"] == "open"
        assert [answer["ok"] for answer in (await last.reply())["operations"]] == [True] * 20
        with pytest.raises(bandex.InvalidInput, match="asked for before"):
            await last.reply()

    run(story())


def test_a_deal_is_made_and_settled(exchange: Exchange) -> None:
    async def story() -> None:
        seller, buyer = await Party.join(exchange, gigabytes=10), await Party.join(exchange)
        await seller.client.login(seller.keypair)
        fills = await seller.client.subscribe("fills")
        await seller.trader.place(MARKET, "sell", price="0.0000004", quantity="0.1")
        bought = await buyer.trader.place(MARKET, "buy", price="0.0000004", quantity="0.1", time_in_force="ioc")
        assert bought["status"] == "filled"
        async for push in fills:
            if push["data"]:
                break
        fill = push["data"][0]
        assert (fill["price"], fill["quantity"], fill["role"]) == ("0.0000004", "0.1", "maker")
        sides = {party.trader.account: party for party in (seller, buyer)}
        account = await buyer.login()

        async def step() -> str:
            """Whoever is due pays, whoever was paid acknowledges."""
            deal = await account.deal(fill["deal"])
            if due := deal.get("due"):
                payer = sides[due["account"]]
                await payer.trader.pay(deal["deal"], due["tranche"], due["cumulative_units"])
            elif paid := deal.get("in_flight"):
                payee = buyer if paid["party"] == "seller" else seller
                await payee.trader.acknowledge(paid["proposal"])
            return str(deal["state"])

        assert await until(step, lambda state: state != "open") == "settled"
        balances = {balance["asset"]: balance for balance in (await account.balances())["balances"]}
        assert balances["BWT"]["free"] == "0.1"

    run(story())


def test_a_session_key_does_what_it_may(exchange: Exchange) -> None:
    async def story() -> None:
        party = await Party.join(exchange, gigabytes=1)
        session = bandex.Keypair.generate()
        await party.trader.grant(session, ["orders"], markets=[MARKET])
        trader = await bandex.Trader.open(party.client, party.rest, session, None)
        assert trader.account == party.trader.account
        await trader.place(MARKET, "sell", price="0.0000009", quantity="0.1")
        with pytest.raises(bandex.Refused) as refused:
            await trader.bond("0.1")
        assert refused.value.code == "out_of_scope"
        await party.trader.revoke(session.public)

    run(story())


def test_tokens_move(exchange: Exchange) -> None:
    async def story() -> None:
        giver, taker = await Party.join(exchange, gigabytes=2), await Party.join(exchange)
        await giver.trader.transfer(taker.trader.account, "BWT", "0.5", note="thanks")
        balances = (await (await taker.login()).balances())["balances"]
        assert next(balance for balance in balances if balance["asset"] == "BWT")["free"] == "0.5"

    run(story())


def test_a_signer_alone_is_enough(exchange: Exchange) -> None:
    """Whoever has sockets of their own signs with a Signer and posts the bytes."""

    async def story() -> None:
        rest = bandex.Rest(exchange.url)
        markets, keypair = await rest.markets(), bandex.Keypair.generate()
        signer = bandex.Signer(keypair, markets.network)
        registered = signer.register(markets.node, markets.register_work_bits)
        reply = await rest.submit(registered)
        bandex.check_receipt(reply, registered, markets.node, markets.network)
        order = signer.orders(
            markets, [{"op": "place", "market": MARKET, "side": "buy", "price": "0.0000001", "quantity": "0.1"}]
        )
        assert (await rest.submit(order))["operations"][0]["status"] == "open"
        lane = await rest.lane(keypair.public)
        assert (lane["head_seq"], lane["head_id"]) == signer.head
        # A block that leaves a gap is turned away, and says where the lane stands.
        signer.sign({"kind": "revoke", "key": keypair.public})
        with pytest.raises(bandex.Rejected) as gap:
            await rest.submit(signer.sign({"kind": "revoke", "key": keypair.public}))
        assert gap.value.code == "gap"
        signer.reset(gap.value.details["head_seq"], gap.value.details["head_id"])
        cancel = signer.orders(markets, [{"op": "cancel_all"}])
        assert (await rest.submit(cancel))["operations"][0]["ok"]

    run(story())


def test_a_lane_goes_on_from_its_file(exchange: Exchange, tmp_path: Path) -> None:
    async def story() -> None:
        lane = tmp_path / "lane"
        party = await Party.join(exchange, lane, gigabytes=1)
        with pytest.raises(bandex.LaneBroken) as in_use:
            await bandex.Trader.open(party.client, party.rest, party.keypair, lane)
        assert in_use.value.code == "lane_in_use"
        await party.trader.place(MARKET, "sell", price="0.0000009", quantity="0.1")
        head, client, keypair = party.trader.head, party.client, party.keypair
        rest = party.rest
        del party

        async def again() -> bandex.Trader | None:
            try:
                return await bandex.Trader.open(client, rest, keypair, lane)
            except bandex.LaneBroken:
                return None

        trader = await until(again, lambda trader: trader is not None)
        assert trader is not None and trader.head == head
        await trader.cancel_all()

    run(story())


def test_a_block_that_the_node_prepared_is_compared_before_it_is_signed(exchange: Exchange) -> None:
    async def story() -> None:
        party = await Party.join(exchange, gigabytes=1)
        rest, keypair, markets = party.rest, party.keypair, party.trader.markets
        terms = {"op": "place", "market": MARKET, "side": "sell", "price": "0.0000009", "quantity": "0.1"}
        prepared = await rest.prepare(keypair.public, orders=[{**terms, "post_only": "refuse"}])
        payload = bytes.fromhex(prepared["payload"])
        block = bandex.decode_block(payload)
        assert block == prepared["block"]
        assert block["body"]["operations"] == [markets.operation({**terms, "post_only": True})]
        assert (block["author"], block["previous"]) == (keypair.public, party.trader.head[1])
        assert bandex.preimage(payload).hex() == prepared["preimage"]
        assert bandex.block_id(payload) == prepared["block_id"]
        signed = bandex.sign_block(keypair, payload)
        rehearsed = await rest.validate(signed)
        assert rehearsed["dry_run"] is True and rehearsed["operations"][0]["ok"]
        reply = await rest.submit(signed)
        assert reply["operations"] == rehearsed["operations"]
        bandex.check_receipt(reply, signed, markets.node, markets.network)
        with pytest.raises(bandex.Rejected) as refused:
            await rest.prepare(keypair.public, orders=[terms, {**terms, "price": "0.00000000000001"}])
        assert refused.value.problem is not None and refused.value.problem["op_index"] == 1
        # The trader's own signer has not seen this block: the lane is found out to have gone on without it.
        with pytest.raises(bandex.LaneBroken) as broken:
            await party.trader.cancel_all()
        assert broken.value.code == "fork"

    run(story())


def test_a_prepared_block_is_signed_only_if_it_is_what_was_asked(exchange: Exchange) -> None:
    async def story() -> None:
        party = await Party.join(exchange, gigabytes=1)
        rest, keypair, markets = party.rest, party.keypair, party.trader.markets
        terms = {"op": "place", "market": MARKET, "side": "sell", "price": "0.0000009", "quantity": "0.1"}
        asked: dict[str, Any] = {"orders": [terms], "expiry_us": (await rest.time())["time_us"] + 60_000_000}
        prepared = await rest.prepare(keypair.public, **asked)
        signer = bandex.Signer(keypair, markets.network, *party.trader.head)
        for other in (
            {**asked, "orders": [{**terms, "quantity": "0.2"}]},
            {**asked, "expiry_us": asked["expiry_us"] + 1},
            {"orders": asked["orders"]},
        ):
            with pytest.raises(bandex.BadProof, match="another block") as differs:
                signer.sign_prepared(markets, other, prepared)
            assert differs.value.code == "other_block"
        elsewhere = bandex.Signer(keypair, markets.network + 1, *party.trader.head)
        with pytest.raises(bandex.BadProof, match="network"):
            elsewhere.sign_prepared(markets, asked, prepared)
        with pytest.raises(bandex.InvalidInput):
            signer.sign_prepared(markets, {**asked, "key": bandex.Keypair.generate().public}, prepared)
        assert signer.head == party.trader.head
        placed = await rest.submit(signer.sign_prepared(markets, asked, prepared))
        order = placed["operations"][0]["order"]
        # The same words amend for REST and for the signer.
        change = {"op": "amend", "market": MARKET, "order": order, "price": "0.00000091", "quantity": "0.1"}
        asked = {"orders": [change]}
        prepared = await rest.prepare(keypair.public, **asked)
        assert prepared["block"]["body"]["operations"] == [markets.operation(change)]
        assert (await rest.submit(signer.sign_prepared(markets, asked, prepared)))["operations"][0]["ok"]
        with pytest.raises(bandex.Rejected, match="there is no market"):
            await rest.prepare(keypair.public, orders=[{**change, "market": "BWT-XXX"}])

    run(story())


def test_a_trader_signs_what_was_prepared_for_its_lane(exchange: Exchange) -> None:
    async def story() -> None:
        party = await Party.join(exchange, gigabytes=1)
        asked: dict[str, Any] = {"orders": [{"op": "cancel_all"}]}
        prepared = await party.rest.prepare(party.keypair.public, **asked)
        with pytest.raises(bandex.BadProof):
            await party.trader.sign_prepared({"orders": [{"op": "cancel_all", "side": "buy"}]}, prepared)
        signed = await party.trader.sign_prepared(asked, prepared)
        assert (signed["seq"], signed["block_id"]) == party.trader.head
        assert (await party.rest.submit(signed))["operations"][0]["ok"]
        # It is in the lane: the next one follows it.
        assert (await party.trader.cancel_all())["seq"] > 0

    run(story())


def test_a_guard_cancels_what_its_key_left(exchange: Exchange) -> None:
    async def story() -> None:
        party = await Party.join(exchange, gigabytes=1)
        account = await party.login()
        placed = await party.trader.place(MARKET, "sell", price="0.0000009", quantity="0.1")
        await party.trader.guard(1_000_000)
        assert (await account.order(placed["order"]))["status"] == "open"

        async def order() -> dict[str, Any]:
            found: dict[str, Any] = await account.order(placed["order"])
            return found

        assert (await until(order, lambda order: order["status"] != "open"))["reason"] == "timer"
        with pytest.raises(bandex.InvalidInput, match="one second"):
            await party.trader.guard(5)

    run(story())


def test_an_account_is_read_over_a_restart_of_the_exchange(fresh: Exchange) -> None:
    async def story() -> None:
        party = await Party.join(fresh, gigabytes=1)
        account, signed = await party.login(), await party.rest.signed(party.keypair)
        assert account.account == signed.account == party.trader.account
        await party.trader.place(MARKET, "sell", price="0.0000009", quantity="0.1")
        before = await account.export("orders")
        fresh.stop()
        fresh.start()
        # The exchange keeps no sessions; many pages at once are one login.
        pages = await asyncio.gather(*(account.orders() for _ in range(10)), signed.orders())
        assert [len(page["orders"]) for page in pages] == [1] * 11
        fresh.stop()
        fresh.start()
        assert await account.export("orders") == before == await signed.export("orders")
        assert [page async for page in account.pages("/v1/orders", "orders")] == pages[0]["orders"]
        with pytest.raises(bandex.Rejected) as unknown:
            await party.rest.signed(bandex.Keypair.generate())
        assert unknown.value.code == "unknown_key"
        with pytest.raises(bandex.Rejected) as public:
            await party.rest.get("/v1/orders")
        assert public.value.code == "not_logged_in"

    run(story())


def test_a_signed_request_reads_without_a_session(exchange: Exchange) -> None:
    async def story() -> None:
        party = await Party.join(exchange, gigabytes=3)
        signed = ("GET", exchange.url.removeprefix("http://"), "/v1/fills", "limit=5")
        given = (party.keypair, party.trader.markets.node, "once")
        headers = dict(bandex.http_signature(*given, *signed))
        request = urllib.request.Request(f"{exchange.url}/v1/fills?limit=5", headers=headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            assert json.load(answer)["fills"] == []
        with pytest.raises(urllib.error.HTTPError) as replayed:
            urllib.request.urlopen(request, timeout=30)
        with replayed.value as answer:
            assert (answer.status, json.load(answer)["code"]) == (401, "bad_http_signature")
        with_body = dict(bandex.http_signature(*given, *signed, body=b'{"hello": "world"}\n'))
        # RFC 9530, appendix B.1.
        assert with_body["Content-Digest"] == "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:"
        assert '"content-digest"' in with_body["Signature-Input"]
        with pytest.raises(bandex.InvalidInput):
            bandex.http_signature(party.keypair, given[1], 'quo"te', *signed)

    run(story())
