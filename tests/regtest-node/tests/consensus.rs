//! Blocks that break a rule are refused by the kernel, whoever hands them in, and the chain stays where it was.

mod support;

use bandex_regtest_node::commit_and_solve;
use bitcoin::block::Version;
use bitcoin::consensus::encode::serialize_hex;
use bitcoin::hashes::Hash as _;
use bitcoin::{Amount, Block, OutPoint, Transaction, TxMerkleNode, TxOut, Witness};
use serde_json::json;
use support::key::coin;
use support::{Daemon, Key};

/// A block on the tip with the transactions given, changed and solved again, not handed in.
fn made(daemon: &Daemon, transactions: &[Transaction], change: impl FnOnce(&mut Block)) -> Block {
    let address = Key::new(9).address().to_string();
    // An empty block, since a node may refuse to make one that is wrong.
    let template = daemon.ask("generateblock", json!([address, [], false]))["hex"].clone();
    let hex = template.as_str().expect("hex");
    let mut block: Block = bitcoin::consensus::encode::deserialize_hex(hex).expect("a block");
    block.txdata.extend_from_slice(transactions);
    change(&mut block);
    commit_and_solve(&mut block);
    block
}

fn solve(block: &mut Block) {
    while !block.header.target().is_met_by(block.header.block_hash()) {
        block.header.nonce = block.header.nonce.wrapping_add(1);
    }
}

fn check_refused(daemon: &Daemon, block: &Block, reason: &str) {
    let tip = daemon.tip();
    let answer = daemon.ask("submitblock", json!([serialize_hex(block)]));
    assert!(answer.as_str().is_some_and(|answer| answer.starts_with(reason)), "{answer} is not {reason}");
    assert_eq!(daemon.tip(), tip);
}

#[test]
fn a_good_block_is_taken_and_known_from_then_on() {
    let daemon = Daemon::start();
    let mine = Key::new(1);
    let coins = daemon.fund(&mine, 1);
    let block = made(&daemon, &[mine.pay(&coins[0], &mine, 1_000)], |_| {});
    assert_eq!(daemon.ask("submitblock", json!([serialize_hex(&block)])), json!(null));
    assert_eq!(daemon.tip(), block.block_hash().to_string());
    assert_eq!(daemon.ask("submitblock", json!([serialize_hex(&block)])), json!("duplicate"));
    let refusal = daemon.refusal("submitblock", json!(["00"]));
    assert_eq!(refusal, (-22, "Block decode failed".to_owned()));
}

#[test]
fn transactions_that_break_a_rule_make_a_block_invalid() {
    let daemon = Daemon::start();
    let (mine, stranger) = (Key::new(1), Key::new(2));
    let coins = daemon.fund(&mine, 2);
    let value = coins[0].1.value.to_sat();
    let check = |transactions: &[Transaction], reason: &str| {
        let block = made(&daemon, transactions, |_| {});
        check_refused(&daemon, &block, reason);
        let again = daemon.ask("submitblock", json!([serialize_hex(&block)]));
        assert!(
            again.as_str().is_some_and(|again| again.starts_with("duplicate") || again == reason),
            "{again}"
        );
    };
    let good = mine.pay(&coins[0], &stranger, 1_000);
    let mut unsigned = good.clone();
    unsigned.input[0].witness = Witness::new();
    check(&[stranger.pay(&coins[0], &stranger, 1_000)], "block-script-verify-flag-failed");
    check(&[unsigned], "block-script-verify-flag-failed");
    check(&[mine.spend(&coins[..1], vec![stranger.output(value + 1)])], "bad-txns-in-belowout");
    let twice = mine.pay(&coins[0], &mine, 2_000);
    check(&[good.clone(), twice], "bad-txns-inputs-missingorspent");
    let nowhere = (OutPoint::new(bitcoin::Txid::all_zeros(), 3), coins[0].1.clone());
    check(&[mine.pay(&nowhere, &stranger, 1_000)], "bad-txns-inputs-missingorspent");
    let child = stranger.pay(&coin(&good, 0), &mine, 1_000);
    check(&[child.clone(), good.clone()], "bad-txns-inputs-missingorspent");
    let immature = coin(&daemon.block(&daemon.tip()).txdata[0], 0);
    check(&[Key::new(250).pay(&immature, &mine, 1_000)], "bad-txns-premature-spend-of-coinbase");
    let block = made(&daemon, &[good, child], |_| {});
    assert_eq!(daemon.ask("submitblock", json!([serialize_hex(&block)])), json!(null));
}

#[test]
fn a_block_that_breaks_a_rule_of_its_own_is_refused() {
    let daemon = Daemon::start();
    daemon.mine(3, &Key::new(1));
    let more = |block: &mut Block| block.txdata[0].output[0].value += Amount::from_sat(1);
    check_refused(&daemon, &made(&daemon, &[], more), "bad-cb-amount");
    check_refused(&daemon, &made(&daemon, &[], |block| block.header.time = 1_300_000_000), "time-too-old");
    check_refused(&daemon, &made(&daemon, &[], |block| block.header.time += 3 * 60 * 60), "time-too-new");
    check_refused(&daemon, &made(&daemon, &[], |block| block.header.version = Version::ONE), "bad-version");
    let orphan = |block: &mut Block| block.header.prev_blockhash = bitcoin::BlockHash::all_zeros();
    check_refused(&daemon, &made(&daemon, &[], orphan), "prev-blk-not-found");
    let mut block = made(&daemon, &[], |_| {});
    block.header.merkle_root = TxMerkleNode::all_zeros();
    solve(&mut block);
    check_refused(&daemon, &block, "bad-txnmrklroot");
    let mut block = made(&daemon, &[], |_| {});
    while block.header.target().is_met_by(block.header.block_hash()) {
        block.header.nonce += 1;
    }
    check_refused(&daemon, &block, "high-hash");
    let mut block = made(&daemon, &[], |_| {});
    let last = block.txdata[0].output.last_mut().expect("a commitment");
    let mut script = last.script_pubkey.to_bytes();
    *script.last_mut().expect("a byte") ^= 1;
    *last = TxOut { value: Amount::ZERO, script_pubkey: script.into() };
    block.header.merkle_root = block.compute_merkle_root().expect("a root");
    solve(&mut block);
    check_refused(&daemon, &block, "bad-witness-merkle-match");
}

#[test]
fn a_block_made_of_a_bad_transaction_is_refused_to_its_maker() {
    let daemon = Daemon::start();
    let (mine, stranger) = (Key::new(1), Key::new(2));
    let coins = daemon.fund(&mine, 1);
    let address = mine.address().to_string();
    let forged = serialize_hex(&stranger.pay(&coins[0], &stranger, 1_000));
    let (code, message) = daemon.refusal("generateblock", json!([address, [forged]]));
    assert_eq!(code, -25);
    assert!(message.starts_with("TestBlockValidity failed: block-script-verify-flag-failed"), "{message}");
    let none = "11".repeat(32);
    let refusal = daemon.refusal("generateblock", json!([address, [none]]));
    assert_eq!(refusal, (-5, format!("Transaction {none} not in mempool.")));
    daemon.mine(1, &mine);
}
