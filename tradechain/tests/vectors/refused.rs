//! Blocks that the verifier refuses before they are sequenced, each with its code.

use crate::blocks::*;
use crate::files::{Hex, RefusedCase};
use bandex_tradechain::body::*;
use bandex_tradechain::{
    Block, Body, DecodeError, Domain, Kind, MAX_PAYLOAD_BYTES, ReceiptError, VerifyError, verify,
};
use bandex_types::*;
use std::collections::BTreeSet;

/// Offset of the option byte of the expiry; without one, of the kind's number right behind it.
const EXPIRY_AT: usize = 85;

fn signed(name: &str, code: &str, payload: Vec<u8>, seed: u8) -> RefusedCase {
    let signature = pair(seed).sign(Domain::Block, &payload);
    RefusedCase { name: name.into(), network: NETWORK, payload: Hex(payload), signature, code: code.into() }
}

/// A whole block by the root key that breaks one rule.
fn unsound(name: &str, code: &str, body: impl Into<Body>) -> RefusedCase {
    signed(name, code, block(ROOT, 2, register().id(), body).encode(), ROOT)
}

pub fn cases() -> Vec<RefusedCase> {
    [signatures(), author_keys(), bytes(), headers(), new_keys(), bodies(), texts()].concat()
}

fn signatures() -> Vec<RefusedCase> {
    let payload = first_order().encode();
    let good = signed("", "bad_signature", payload.clone(), SESSION);
    let with = |name: &str, signature| RefusedCase { name: name.into(), signature, ..good.clone() };
    let mut altered = payload.clone();
    altered[60] ^= 1;
    // S + L for the group order L is a second spelling of S, which strict verification refuses.
    let mut malleable = *good.signature.as_bytes();
    let order = hex::decode("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010").expect("hex");
    let mut carry = 0;
    for (byte, add) in malleable[32..].iter_mut().zip(order) {
        let sum = u16::from(*byte) + u16::from(add) + carry;
        (*byte, carry) = (sum.to_le_bytes()[0], sum >> 8);
    }
    vec![
        with("signed_by_another_key", pair(ROOT).sign(Domain::Block, &payload)),
        with("signed_as_a_batch", pair(SESSION).sign(Domain::Batch, &payload)),
        with("signed_as_a_login", pair(SESSION).sign(Domain::Login, &payload)),
        with("signature_of_zeros", SignatureBytes::new([0; 64])),
        with("signature_with_s_plus_l", SignatureBytes::new(malleable)),
        RefusedCase { name: "altered_after_signing".into(), payload: Hex(altered), ..good.clone() },
    ]
}

fn author_keys() -> Vec<RefusedCase> {
    let with = |name: &str, code: &str, author: &str| {
        let author = author.parse().expect("hex of a key");
        signed(name, code, Block { author, ..first_order() }.encode(), SESSION)
    };
    // Points of order 1, 2 and 4, of which 1 also with the meaningless sign bit; then p, p + 1 and p + 3,
    // second spellings; then a number that is no point's.
    let zeros = "0".repeat(62);
    let f = |low: &str| format!("{low}{}7f", "f".repeat(60));
    vec![
        with("author_of_order_1", "weak_key", &format!("01{zeros}")),
        with("author_of_order_1_with_sign", "weak_key", &format!("01{}80", "0".repeat(60))),
        with("author_of_order_2", "weak_key", &f("ec")),
        with("author_of_order_4", "weak_key", &format!("00{zeros}")),
        with("author_p", "key_not_canonical", &f("ed")),
        with("author_p_plus_1", "key_not_canonical", &f("ee")),
        with("author_p_plus_3", "key_not_canonical", &f("f0")),
        with("author_no_point", "key_not_canonical", &format!("02{zeros}")),
    ]
}

fn bytes() -> Vec<RefusedCase> {
    let good = first_order().encode();
    let with = |name: &str, code: &str, change: &dyn Fn(&mut Vec<u8>)| {
        let mut payload = good.clone();
        change(&mut payload);
        signed(name, code, payload, SESSION)
    };
    let set = |at: usize, value: u8| move |payload: &mut Vec<u8>| payload[at] = value;
    // Behind the kind: u32 count, then of the first operation its number, market, side, type, price, lots, option.
    let body = EXPIRY_AT + 3;
    let count_of_all = |payload: &mut Vec<u8>| payload[body..body + 4].fill(0xff);
    vec![
        with("empty", "malformed", &|payload| payload.clear()),
        with("shorter_than_a_header", "malformed", &|payload| payload.truncate(36)),
        with("no_more_than_the_author", "malformed", &|payload| payload.truncate(37)),
        with("truncated_by_one_byte", "malformed", &|payload| payload.truncate(payload.len() - 1)),
        with("one_trailing_byte", "malformed", &|payload| payload.push(0)),
        with("version_0", "wrong_version", &set(0, 0)),
        with("version_2", "wrong_version", &set(0, 2)),
        with("kind_0", "unknown_kind", &set(EXPIRY_AT + 1, 0)),
        with("kind_25", "unknown_kind", &set(EXPIRY_AT + 1, 25)),
        with("kind_261", "unknown_kind", &set(EXPIRY_AT + 2, 1)),
        with("expiry_option_byte_2", "malformed", &set(EXPIRY_AT, 2)),
        with("operation_7", "malformed", &set(body + 4, 7)),
        with("side_2", "malformed", &set(body + 9, 2)),
        with("inner_option_byte_255", "malformed", &set(body + 27, 255)),
        with("count_of_4294967295_operations", "malformed", &count_of_all),
        with_bool_byte_2(),
    ]
}

/// Around the largest payload that is read; not in the file, which they would make ten times as large.
fn large() -> Vec<RefusedCase> {
    let zeros = |length| {
        let mut payload = first_order().encode();
        payload.resize(length, 0);
        payload
    };
    vec![
        signed("one_byte_too_large", "too_large", zeros(MAX_PAYLOAD_BYTES + 1), SESSION),
        signed("too_large_before_any_signature", "too_large", zeros(MAX_PAYLOAD_BYTES + 1), ROOT),
        signed("as_large_as_is_read", "malformed", zeros(MAX_PAYLOAD_BYTES), SESSION),
    ]
}

/// A `set_frozen` change whose truth value is the byte 2.
fn with_bool_byte_2() -> RefusedCase {
    let account = AccountId::from(register().id());
    let changes = vec![Change::SetFrozen { account, frozen: true }];
    let mut payload = block(OPERATOR, 1, genesis().id(), Configure { changes }).encode();
    let last = payload.len() - 1;
    payload[last] = 2;
    signed("bool_byte_2", "malformed", payload, OPERATOR)
}

fn headers() -> Vec<RefusedCase> {
    let with = |name: &str, code: &str, change: &dyn Fn(&mut Block)| {
        let mut block = first_order();
        change(&mut block);
        signed(name, code, block.encode(), SESSION)
    };
    let now = TIME.as_micros();
    let at = Timestamp::from_micros;
    vec![
        with("another_network", "wrong_network", &|block| block.network += 1),
        with("seq_0", "bad_body", &|block| block.seq = 0),
        with("time_in_seconds", "time_unit", &|block| block.time = at(now / 1_000_000)),
        with("time_in_milliseconds", "time_unit", &|block| block.time = at(now / 1_000)),
        with("time_in_nanoseconds", "time_unit", &|block| block.time = at(now * 1_000)),
        with("expiry_0", "expiry_unit", &|block| block.expiry = Some(at(0))),
        with("expiry_in_seconds", "expiry_unit", &|block| block.expiry = Some(at(now / 1_000_000))),
        with("expiry_in_milliseconds", "expiry_unit", &|block| block.expiry = Some(at(now / 1_000))),
        with("expiry_in_nanoseconds", "expiry_unit", &|block| block.expiry = Some(at(now * 1_000))),
    ]
}

fn new_keys() -> Vec<RefusedCase> {
    let possession = possession(ROOT, SESSION);
    let admit = |key: PublicKey, possession| Grant {
        key,
        scopes: Scopes::ALL,
        markets: Vec::new(),
        largest_notional: None,
        expires: None,
        possession,
    };
    let point = |text: String| text.parse::<PublicKey>().expect("hex of a key");
    let weak = point(format!("01{}", "0".repeat(62)));
    let second_spelling = point(format!("f0{}7f", "f".repeat(60)));
    let statement = possession_statement(NETWORK, &key(ROOT), &key(SESSION));
    let elsewhere =
        pair(SESSION).sign(Domain::Possession, &possession_statement(NETWORK + 1, &key(ROOT), &key(SESSION)));
    let swapped =
        pair(SESSION).sign(Domain::Possession, &possession_statement(NETWORK, &key(SESSION), &key(ROOT)));
    let with = |name: &str, signature| unsound(name, "new_key_bad_signature", admit(key(SESSION), signature));
    vec![
        with("possession_signed_by_the_root_key", pair(ROOT).sign(Domain::Possession, &statement)),
        with("possession_for_another_root", crate::blocks::possession(PEER, SESSION)),
        with("possession_for_another_network", elsewhere),
        with("possession_with_keys_swapped", swapped),
        with("possession_signed_as_a_block", pair(SESSION).sign(Domain::Block, &statement)),
        unsound("possession_of_another_key", "new_key_bad_signature", admit(key(PEER), possession)),
        unsound("granted_key_is_weak", "new_key_weak", admit(weak, possession)),
        unsound("granted_key_not_canonical", "new_key_not_canonical", admit(second_spelling, possession)),
        unsound("rotated_key_is_weak", "new_key_weak", Rotate { key: weak, possession }),
        unsound(
            "rotated_key_not_canonical",
            "new_key_not_canonical",
            Rotate { key: second_spelling, possession },
        ),
        unsound(
            "rotate_to_a_key_that_did_not_sign",
            "new_key_bad_signature",
            Rotate { key: key(NEW_ROOT), possession },
        ),
    ]
}

fn granted(change: impl Fn(&mut Grant)) -> Grant {
    let Body::Grant(mut grant) = grant().body else { unreachable!("a grant is a grant") };
    change(&mut grant);
    grant
}

fn placed(change: impl Fn(&mut Place)) -> Orders {
    let mut place = Place::limit(MarketId::new(1), Side::Buy, Price::new(1), Quantity::new(1));
    change(&mut place);
    Orders { operations: vec![Operation::Place(Box::new(place))] }
}

fn quotes(count: usize) -> Operation {
    let quote = Quote { side: Side::Buy, price: Price::new(1), quantity: Quantity::new(1) };
    Operation::Quote(Quotes { market: MarketId::new(1), slide: false, quotes: vec![quote; count] })
}

fn protected(window_us: u64) -> Orders {
    let protection = Some(Protection { quantity: Quantity::new(1), window_us });
    Orders { operations: vec![Operation::Protect { market: MarketId::new(1), protection }] }
}

fn bodies() -> Vec<RefusedCase> {
    let seconds = Some(Timestamp::from_micros(TIME.as_micros() / 1_000_000));
    let markets = |numbers: &[u32]| numbers.iter().copied().map(MarketId::new).collect::<Vec<_>>();
    let second = Register { home: key(NODE), nonce: 1 };
    let continued = block(PEER, 2, BlockId::ZERO, second.clone());
    let pointing = block(PEER, 1, BlockId::new([1; 32]), second);
    let cancel = Operation::Cancel { order: OrderRef { key: key(ROOT), seq: 1, op: 0 } };
    let many_quotes = Orders { operations: vec![quotes(100), quotes(100), quotes(56), cancel.clone()] };
    let change = Change::SetFrozen { account: AccountId::new([1; 32]), frozen: true };
    let peer = AccountId::new([0xbb; 32]);
    let nothing = Bandwidth {
        counterparty: peer,
        sent_bytes: 0,
        received_bytes: 0,
        payer: Payer::Author,
        tokens: Amount::ZERO,
    };
    let transfer = Transfer { to: peer, asset: AssetId::BWT, amount: Amount::ZERO, note: String::new() };
    let batch = Block { author: key(ROOT), ..blocks_of(Kind::Batch) };
    let guard = |cancel_after_us, on_disconnect_us| Guard { cancel_after_us, on_disconnect_us };
    vec![
        signed("register_with_seq_2", "bad_body", continued.encode(), PEER),
        signed("register_with_a_predecessor", "bad_body", pointing.encode(), PEER),
        unsound("grant_of_nothing", "bad_body", granted(|grant| grant.scopes = Scopes::from_bits(0))),
        unsound("grant_of_unknown_scope", "bad_body", granted(|grant| grant.scopes = Scopes::from_bits(9))),
        unsound("grant_markets_descend", "bad_body", granted(|grant| grant.markets = markets(&[2, 1]))),
        unsound("grant_market_twice", "bad_body", granted(|grant| grant.markets = markets(&[1, 1]))),
        unsound("grant_expires_in_seconds", "expiry_unit", granted(|grant| grant.expires = seconds)),
        unsound("no_operation", "bad_body", Orders { operations: Vec::new() }),
        unsound("101_operations", "bad_body", Orders { operations: vec![cancel; 101] }),
        unsound("101_quotes", "bad_body", Orders { operations: vec![quotes(101)] }),
        unsound("257_orders_quotes_included", "bad_body", many_quotes),
        unsound("a_protection_without_window", "bad_body", protected(0)),
        unsound("order_expires_in_seconds", "expiry_unit", placed(|place| place.expires = seconds)),
        unsound("transfer_of_nothing", "bad_body", transfer),
        unsound("bandwidth_of_nothing", "bad_body", nothing),
        unsound("no_change", "bad_body", Configure { changes: Vec::new() }),
        unsound("guard_of_less_than_a_second", "bad_body", guard(999_999, None)),
        unsound("guard_of_more_than_a_day", "bad_body", guard(86_400_000_001, None)),
        unsound("grace_of_more_than_a_day", "bad_body", guard(0, Some(86_400_000_001))),
        unsound("101_changes", "bad_body", Configure { changes: vec![change; 101] }),
        signed("a_batch_sent_as_a_block", "node_only", batch.encode(), ROOT),
    ]
}

/// Texts of a wrong length, or with control characters.
fn texts() -> Vec<RefusedCase> {
    let client = |client_id: &str| placed(|place| place.client_id = Some(client_id.to_owned()));
    let cancel = |client_id: String| Orders {
        operations: vec![Operation::CancelClient { market: MarketId::new(1), client_id }],
    };
    let pay = |reference| Pay { deal: deal_id(), tranche: 1, cumulative: Amount::new(1), reference };
    let transfer =
        |note| Transfer { to: AccountId::new([0xbb; 32]), asset: AssetId::BWT, amount: Amount::new(1), note };
    let mut not_utf8 = block(ROOT, 2, register().id(), transfer("x".to_owned())).encode();
    let last = not_utf8.len() - 1;
    not_utf8[last] = 0xff;
    vec![
        unsound("client_id_empty", "bad_body", client("")),
        unsound("client_id_of_65_bytes", "bad_body", client(&"x".repeat(65))),
        unsound("client_id_of_33_two_byte_letters", "bad_body", client(&"ü".repeat(33))),
        unsound("client_id_with_a_zero_byte", "bad_body", client("a\0b")),
        unsound("cancelled_client_id_empty", "bad_body", cancel(String::new())),
        unsound("cancelled_client_id_with_a_line_break", "bad_body", cancel("a\nb".to_owned())),
        unsound("reference_of_257_bytes", "bad_body", pay("x".repeat(257))),
        unsound("reference_with_an_escape", "bad_body", pay("\u{1b}[2J".to_owned())),
        unsound("note_of_65_bytes", "bad_body", transfer("x".repeat(65))),
        unsound("note_with_a_c1_control", "bad_body", transfer("\u{85}".to_owned())),
        signed("note_not_utf8", "malformed", not_utf8, ROOT),
    ]
}

fn blocks_of(kind: Kind) -> Block {
    crate::blocks::cases(kind).remove(0).2
}

#[test]
fn each_is_refused_for_the_reason_it_was_made_for() {
    for case in [cases(), large()].concat() {
        let signed = bandex_tradechain::SignedBlock { payload: case.payload.0, signature: case.signature };
        assert_eq!(
            verify(signed, case.network).map_err(|error| error.code()),
            Err(&*case.code),
            "{}",
            case.name
        );
    }
}

#[test]
fn every_code_has_a_case_and_a_meaning_and_no_two_are_alike() {
    let listed: Vec<&str> =
        DecodeError::CODES.iter().chain(VerifyError::CODES).map(|(code, _)| *code).collect();
    let given: BTreeSet<String> = [cases(), large()].concat().into_iter().map(|case| case.code).collect();
    for code in &given {
        assert!(listed.contains(&code.as_str()), "{code} is not listed");
    }
    // Of all bytes that decode the encoding is the only one, so this code is a guard that nothing reaches.
    for code in listed.iter().filter(|code| **code != "not_canonical") {
        assert!(given.contains(*code), "{code} has no case");
    }
    assert_eq!(listed.iter().collect::<BTreeSet<_>>().len(), listed.len());
    assert!(DecodeError::CODES.iter().chain(VerifyError::CODES).all(|(_, meaning)| !meaning.is_empty()));
}

#[test]
fn the_decoder_alone_reads_no_more_than_the_largest_payload() {
    for case in large() {
        assert_eq!(
            Block::decode(&case.payload.0).map_err(|error| error.code()),
            Err(&*case.code),
            "{}",
            case.name
        );
    }
}

/// The limits themselves are within.
#[test]
fn the_edge_of_what_is_allowed_verifies() {
    let text = "x".repeat(64);
    let place = placed(|place| place.client_id = Some(text.clone()));
    let full = Orders { operations: vec![place.operations[0].clone(); 100] };
    let pay = Pay { deal: deal_id(), tranche: 1, cumulative: Amount::new(1), reference: "x".repeat(256) };
    let one_way = Bandwidth {
        counterparty: AccountId::new([0xbb; 32]),
        sent_bytes: 0,
        received_bytes: 1,
        payer: Payer::Author,
        tokens: Amount::ZERO,
    };
    let other_way = Bandwidth { sent_bytes: 1, received_bytes: 0, ..one_way.clone() };
    for body in [Body::from(full), Body::from(pay), Body::from(one_way), Body::from(other_way)] {
        let signed = block(ROOT, u64::MAX, register().id(), body).sign(&pair(ROOT));
        assert!(verify(signed, NETWORK).is_ok());
    }
}

#[test]
fn the_document_names_every_kind_and_code() {
    let document =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/tradechain.md")).unwrap();
    let codes = DecodeError::CODES.iter().chain(VerifyError::CODES).chain(ReceiptError::CODES);
    for (code, _) in codes {
        assert!(document.contains(&format!("`{code}`")), "docs/tradechain.md does not name {code}");
    }
    for kind in Kind::ALL {
        let (number, name) = (kind.number(), kind.name());
        assert!(
            document.contains(&format!("{number} {name}")),
            "docs/tradechain.md has no paragraph {number} {name}"
        );
    }
}
