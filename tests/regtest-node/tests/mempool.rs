//! What the mempool takes and refuses, and in which words.

mod support;

use bitcoin::absolute::LockTime;
use bitcoin::consensus::encode::serialize_hex;
use bitcoin::transaction::Version;
use bitcoin::{Amount, OutPoint, ScriptBuf, Sequence, Transaction, TxOut, Witness};
use serde_json::json;
use support::key::{coin, unsigned};
use support::{Daemon, Key, is_bitcoind};

const MINE: u8 = 1;
const OTHER: u8 = 2;

fn keys() -> (Key, Key) {
    (Key::new(MINE), Key::new(OTHER))
}

#[test]
fn each_kind_of_refusal_has_cores_words() {
    let daemon = Daemon::start();
    let (mine, other) = keys();
    let coins = daemon.fund(&mine, 3);
    let (first, value) = (&coins[0], coins[0].1.value.to_sat());
    let immature = {
        let block = daemon.block(&daemon.mine(1, &mine)[0]);
        coin(&block.txdata[0], 0)
    };
    let change = |alter: &dyn Fn(&mut Transaction)| {
        let mut transaction = unsigned(&coins[..1], vec![other.output(value - 1_000)]);
        alter(&mut transaction);
        mine.sign(transaction, &coins[..1])
    };
    let check = |transaction: &Transaction, code: i64, message: &str| {
        let refusal = daemon.send(transaction).expect_err(message);
        assert_eq!((refusal.status, refusal.code), (500, code), "{message}: {}", refusal.message);
        assert!(refusal.message.starts_with(message), "{} does not begin with {message}", refusal.message);
        assert_eq!(daemon.mempool(), []);
    };
    let nowhere =
        (OutPoint::new(bitcoin::Txid::from_raw_hash(bitcoin::hashes::Hash::all_zeros()), 7), first.1.clone());
    check(&mine.pay(&nowhere, &other, 1_000), -25, "bad-txns-inputs-missingorspent");
    check(&mine.pay(first, &other, 50), -26, "min relay fee not met, 50 < 110");
    check(
        &mine.spend(&coins[..1], vec![other.output(value + 1)]),
        -26,
        "bad-txns-in-belowout, value in (50.00) < value out (50.00000001)",
    );
    check(
        &mine.pay(&immature, &other, 1_000),
        -26,
        "bad-txns-premature-spend-of-coinbase, tried to spend coinbase at depth 1",
    );
    check(&mine.spend(&coins[..1], vec![other.output(293), other.output(value - 2_000)]), -26, "dust");
    check(&change(&|one| one.version = Version(4)), -26, "version");
    let locked = |one: &mut Transaction| {
        one.lock_time = LockTime::from_consensus(200);
        one.input[0].sequence = Sequence::ENABLE_LOCKTIME_NO_RBF;
    };
    check(&change(&locked), -26, "non-final");
    check(&change(&|one| one.input[0].sequence = Sequence::from_height(200)), -26, "non-BIP68-final");
    check(
        &change(&|one| one.output[0].script_pubkey = ScriptBuf::from_hex("51").expect("a script")),
        -26,
        "scriptpubkey",
    );
    check(&change(&|one| one.output.clear()), -26, "bad-txns-vout-empty");
    check(
        &change(&|one| one.output[0].value = Amount::from_sat(22_000_000 * 100_000_000)),
        -26,
        "bad-txns-vout-toolarge",
    );
    let twice = mine.sign(
        unsigned(&[first.clone(), first.clone()], vec![other.output(value)]),
        &[first.clone(), first.clone()],
    );
    check(&twice, -26, "bad-txns-inputs-duplicate");
    let small = TxOut { value: Amount::ZERO, script_pubkey: ScriptBuf::from_hex("6a").expect("a script") };
    // 64 bytes without the witness would need a shorter input than there is; this has 61.
    check(&mine.spend(&coins[..1], vec![small]), -26, "tx-size-small");
}

#[test]
fn a_wrong_signature_is_refused_by_the_kernel() {
    let daemon = Daemon::start();
    for (mine, stranger) in [(Key::new(1), Key::new(3)), (Key::taproot(1), Key::taproot(3))] {
        let coins = daemon.fund(&mine, 1);
        let forged = stranger.pay(&coins[0], &stranger, 1_000);
        let (code, message) = daemon.refusal("sendrawtransaction", json!([serialize_hex(&forged)]));
        assert_eq!(code, -26);
        // Core 30 names the same refusal of a standard transaction another way.
        let words =
            if is_bitcoind() { "script-verify-flag-failed" } else { "mandatory-script-verify-flag-failed" };
        assert!(message.contains(words), "{message}");
        let mut unsigned = mine.pay(&coins[0], &stranger, 1_000);
        unsigned.input[0].witness = Witness::new();
        assert_eq!(daemon.refusal("sendrawtransaction", json!([serialize_hex(&unsigned)])).0, -26);
        daemon.sent(&mine.pay(&coins[0], &stranger, 1_000));
    }
}

#[test]
fn a_transaction_of_less_than_65_bytes_is_refused() {
    let daemon = Daemon::start();
    let (mine, _) = keys();
    let coins = daemon.fund(&mine, 1);
    let check = |data: &str, taken: bool| {
        let script = ScriptBuf::from_hex(data).expect("a script");
        let output = TxOut { value: Amount::ZERO, script_pubkey: script };
        let transaction = mine.spend(&coins, vec![output]);
        // All of it would be the fee, which the caller must allow.
        let answer = daemon.ask("testmempoolaccept", json!([[serialize_hex(&transaction)], 0]));
        assert_eq!(answer[0]["allowed"], taken, "{} bytes: {answer}", transaction.base_size());
    };
    check("6a020102", false);
    check("6a03010203", true);
}

#[test]
fn a_coin_is_mature_after_a_hundred_blocks() {
    let daemon = Daemon::start();
    let (mine, other) = keys();
    let block = daemon.block(&daemon.mine(1, &mine)[0]);
    let spend = mine.pay(&coin(&block.txdata[0], 0), &other, 1_000);
    daemon.mine(98, &other);
    let refusal = daemon.send(&spend).expect_err("immature");
    assert_eq!(refusal.message, "bad-txns-premature-spend-of-coinbase, tried to spend coinbase at depth 99");
    daemon.mine(1, &other);
    daemon.sent(&spend);
    daemon.mine(1, &other);
    assert_eq!(daemon.mempool(), []);
}

#[test]
fn a_replacement_pays_more_and_for_its_own_relay() {
    let daemon = Daemon::start();
    let (mine, other) = keys();
    let coins = daemon.fund(&mine, 1);
    let first = mine.pay(&coins[0], &other, 10_000);
    let vsize = u64::try_from(first.vsize()).expect("a size");
    daemon.sent(&first);
    let child = other.pay(&coin(&first, 0), &mine, 5_000);
    daemon.sent(&child);
    let check = |fee: u64, message: &str| {
        let refusal = daemon.send(&mine.pay(&coins[0], &mine, fee)).expect_err(message);
        assert_eq!(refusal.code, -26, "{}", refusal.message);
        assert!(refusal.message.starts_with(message), "{}", refusal.message);
        assert_eq!(daemon.mempool().len(), 2);
    };
    check(9_000, "insufficient fee, rejecting replacement ");
    check(10_000, "insufficient fee, rejecting replacement ");
    check(14_999, "insufficient fee, rejecting replacement ");
    check(15_000 + vsize - 1, "insufficient fee, rejecting replacement ");
    let txid = daemon.sent(&mine.pay(&coins[0], &mine, 15_000 + vsize));
    assert_eq!(daemon.mempool(), [txid]);
}

#[test]
fn a_transaction_that_does_not_signal_is_replaced_too() {
    let daemon = Daemon::start();
    let (mine, other) = keys();
    let coins = daemon.fund(&mine, 1);
    let mut first = unsigned(&coins, vec![other.output(coins[0].1.value.to_sat() - 1_000)]);
    first.input[0].sequence = Sequence::MAX;
    daemon.sent(&mine.sign(first, &coins));
    let txid = daemon.sent(&mine.pay(&coins[0], &mine, 5_000));
    assert_eq!(daemon.mempool(), [txid]);
}

#[test]
fn a_replacement_may_not_spend_what_it_replaces() {
    let daemon = Daemon::start();
    let (mine, other) = keys();
    let coins = daemon.fund(&mine, 1);
    let first = mine.pay(&coins[0], &mine, 1_000);
    daemon.sent(&first);
    let both = [coins[0].clone(), coin(&first, 0)];
    let refusal =
        daemon.send(&mine.spend(&both, vec![other.output(1_000_000)])).expect_err("a conflict with itself");
    // The fee would be above what is allowed, but the conflict is found first.
    assert!(refusal.message.starts_with("bad-txns-spends-conflicting-tx"), "{}", refusal.message);
}

#[test]
fn a_replacement_may_not_bring_a_new_unconfirmed_parent() {
    if is_bitcoind() {
        return; // Core gave the rule up after 30.
    }
    let daemon = Daemon::start();
    let (mine, other) = keys();
    let coins = daemon.fund(&mine, 2);
    daemon.sent(&mine.pay(&coins[0], &other, 1_000));
    let parent = mine.pay(&coins[1], &mine, 1_000);
    daemon.sent(&parent);
    let both = mine.spend(&[coins[0].clone(), coin(&parent, 0)], vec![other.output(9_999_000_000)]);
    let refusal = daemon.send(&both).expect_err("a new parent");
    let details = format!("replacement {} adds unconfirmed input, idx 1", both.compute_txid());
    assert_eq!((refusal.code, refusal.message), (-26, format!("replacement-adds-unconfirmed, {details}")));
    assert_eq!(daemon.mempool().len(), 2);
}

#[test]
fn a_replacement_puts_out_a_hundred_at_most() {
    if is_bitcoind() {
        return; // Later versions count clusters.
    }
    let daemon = Daemon::start();
    let (mine, other) = keys();
    let coins = daemon.fund(&mine, 5);
    for coin in &coins {
        let parts = vec![mine.output(coin.1.value.to_sat() / 21); 20];
        let parent = mine.spend(std::slice::from_ref(coin), parts);
        daemon.ask("sendrawtransaction", json!([serialize_hex(&parent), 0]));
        for vout in 0..20 {
            daemon.sent(&mine.pay(&support::key::coin(&parent, vout), &other, 1_000));
        }
    }
    let check = |count: usize, taken: bool| {
        let transaction = mine.spend(&coins[..count], vec![other.output(1_000_000)]);
        let answer = daemon.ask("testmempoolaccept", json!([[serialize_hex(&transaction)], 0]))[0].clone();
        assert_eq!(answer["allowed"], taken, "{answer}");
        if !taken {
            assert_eq!(answer["reject-reason"], "too many potential replacements");
        }
    };
    check(4, true);
    check(5, false);
}

#[test]
fn chains_of_unconfirmed_transactions_end_at_twenty_five() {
    let daemon = Daemon::start();
    let (mine, _) = keys();
    let mut last = daemon.fund(&mine, 1).remove(0);
    for _ in 0..25 {
        let transaction = mine.pay(&last, &mine, 1_000);
        daemon.sent(&transaction);
        last = coin(&transaction, 0);
    }
    if !is_bitcoind() {
        let refusal = daemon.send(&mine.pay(&last, &mine, 1_000)).expect_err("too long");
        let message = "too-long-mempool-chain, too many unconfirmed ancestors [limit: 25]";
        assert_eq!((refusal.code, refusal.message.as_str()), (-26, message));
    }
    daemon.mine(1, &mine);
    assert_eq!(daemon.mempool(), [], "the whole chain fits one block, parents first");
}

#[test]
fn a_block_puts_conflicts_and_their_children_out() {
    let daemon = Daemon::start();
    let (mine, other) = keys();
    let coins = daemon.fund(&mine, 1);
    let first = mine.pay(&coins[0], &other, 1_000);
    daemon.sent(&first);
    daemon.sent(&other.pay(&coin(&first, 0), &mine, 1_000));
    let rival = mine.pay(&coins[0], &mine, 700);
    daemon.ask("generateblock", json!([other.address().to_string(), [serialize_hex(&rival)]]));
    assert_eq!(daemon.mempool(), []);
    assert_eq!(daemon.send(&first).expect_err("spent").message, "bad-txns-inputs-missingorspent");
}

#[test]
fn what_is_sent_twice_or_confirmed_is_said_so() {
    let daemon = Daemon::start();
    let (mine, other) = keys();
    let coins = daemon.fund(&mine, 1);
    let first = mine.pay(&coins[0], &other, 1_000);
    assert_eq!(daemon.sent(&first), daemon.sent(&first));
    let answer = daemon.ask("testmempoolaccept", json!([[serialize_hex(&first)]]));
    assert_eq!(answer[0]["reject-reason"], "txn-already-in-mempool");
    daemon.mine(1, &other);
    let refusal = daemon.send(&first).expect_err("confirmed");
    assert_eq!((refusal.code, refusal.message.as_str()), (-27, "Transaction outputs already in utxo set"));
    let answer = daemon.ask("testmempoolaccept", json!([[serialize_hex(&first)]]));
    assert_eq!(answer[0]["reject-reason"], "txn-already-known");
    let second = other.pay(&coin(&first, 0), &mine, 1_000);
    daemon.sent(&second);
    daemon.mine(1, &other);
    assert_eq!(daemon.send(&first).expect_err("long spent").code, -25);
}

#[test]
fn callers_are_kept_from_paying_or_burning_too_much() {
    let daemon = Daemon::start();
    let (mine, other) = keys();
    let coins = daemon.fund(&mine, 1);
    let dear = mine.pay(&coins[0], &other, 100_000_000);
    let refusal = daemon.send(&dear).expect_err("too dear");
    let message = "Fee exceeds maximum configured by user (e.g. -maxtxfee, maxfeerate)";
    assert_eq!((refusal.code, refusal.message.as_str()), (-25, message));
    let answer = daemon.ask("testmempoolaccept", json!([[serialize_hex(&dear)]]));
    assert_eq!(answer[0]["reject-reason"], "max-fee-exceeded");
    let burn = TxOut {
        value: Amount::from_sat(1_000),
        script_pubkey: ScriptBuf::from_hex("6a0401020304").expect("a script"),
    };
    let value = coins[0].1.value.to_sat();
    let burning = serialize_hex(&mine.spend(&coins, vec![burn, other.output(value - 2_000)]));
    let refusal = daemon.refusal("sendrawtransaction", json!([burning]));
    assert_eq!(
        refusal,
        (-25, "Unspendable output exceeds maximum configured by user (maxburnamount)".to_owned())
    );
    daemon.ask("sendrawtransaction", json!([burning, 0.1, "0.00001000"]));
}

#[test]
fn an_entry_tells_its_family_and_fees() {
    let daemon = Daemon::start();
    let (mine, other) = keys();
    let coins = daemon.fund(&mine, 1);
    let parent = mine.pay(&coins[0], &other, 1_000);
    let child = other.pay(&coin(&parent, 0), &mine, 2_000);
    let (parent, child) = (daemon.sent(&parent).to_string(), daemon.sent(&child).to_string());
    let of_parent = daemon.ask("getmempoolentry", json!([parent]));
    assert_eq!(of_parent["fees"]["base"].to_string(), "0.00001000");
    assert_eq!(of_parent["fees"]["descendant"].to_string(), "0.00003000");
    assert_eq!((&of_parent["descendantcount"], &of_parent["ancestorcount"]), (&json!(2), &json!(1)));
    assert_eq!((&of_parent["spentby"], &of_parent["depends"]), (&json!([child]), &json!([])));
    daemon.ask("prioritisetransaction", json!([child, 0, 500]));
    let of_child = daemon.ask("getmempoolentry", json!([child]));
    assert_eq!(of_child["fees"]["modified"].to_string(), "0.00002500");
    assert_eq!(of_child["fees"]["ancestor"].to_string(), "0.00003500");
    assert_eq!(of_child["depends"], json!([parent]));
    assert_eq!(daemon.ask("getmempoolancestors", json!([child])), json!([parent]));
    assert_eq!(daemon.ask("getmempooldescendants", json!([parent])), json!([child]));
    assert_eq!(daemon.ask("getmempoolinfo", json!([]))["total_fee"].to_string(), "0.00003000");
    let refusal = daemon.refusal("getmempoolentry", json!(["00".repeat(32)]));
    assert_eq!(refusal, (-5, "Transaction not in mempool".to_owned()));
}

#[test]
fn a_fee_spike_shuts_the_cheap_out() {
    if is_bitcoind() {
        return; // The calls that make one are this node's own.
    }
    let daemon = Daemon::start();
    let (mine, other) = keys();
    let coins = daemon.fund(&mine, 2);
    daemon.sent(&mine.pay(&coins[0], &other, 1_000));
    let errors = daemon.ask("estimatesmartfee", json!([6]))["errors"].clone();
    assert_eq!(errors, json!(["Insufficient data or no feerate found"]));
    daemon.ask("setestimate", json!(["0.00050000", 2]));
    daemon.ask("setestimate", json!(["0.00020000", 6]));
    let rate = |target: u32| daemon.ask("estimatesmartfee", json!([target]))["feerate"].to_string();
    assert_eq!(
        (rate(2), rate(5), rate(6), rate(100)),
        ("0.00050000".into(), "0.00050000".into(), "0.00020000".into(), "0.00020000".into())
    );
    daemon.ask("setmempoolminfee", json!(["0.00100000"]));
    assert_eq!(daemon.mempool(), [], "what pays less is put out");
    assert_eq!(rate(100), "0.00100000");
    let refusal = daemon.send(&mine.pay(&coins[1], &other, 10_000)).expect_err("cheap");
    assert_eq!((refusal.code, refusal.message.as_str()), (-26, "mempool min fee not met, 10000 < 11000"));
    daemon.sent(&mine.pay(&coins[1], &other, 11_000));
    assert_eq!(daemon.ask("getmempoolinfo", json!([]))["mempoolminfee"].to_string(), "0.00100000");
}

#[test]
fn the_best_payers_are_mined_first_with_their_parents() {
    let daemon = Daemon::start();
    let (mine, other) = keys();
    let coins = daemon.fund(&mine, 2);
    let poor = mine.pay(&coins[0], &other, 200);
    let middling = mine.pay(&coins[1], &other, 2_000);
    let rich = other.pay(&coin(&poor, 0), &mine, 20_000);
    let ids = [daemon.sent(&poor), daemon.sent(&middling), daemon.sent(&rich)];
    let block = daemon.block(&daemon.mine(1, &other)[0]);
    let mined: Vec<_> = block.txdata.iter().skip(1).map(Transaction::compute_txid).collect();
    assert_eq!(mined, [ids[0], ids[2], ids[1]]);
}
