//! Reorganisations: which chain is active, and what becomes of the transactions.

mod support;

use bandex_regtest_node::commit_and_solve;
use bitcoin::consensus::encode::serialize_hex;
use bitcoin::{Block, BlockHash};
use serde_json::{Value, json};
use support::key::coin;
use support::{Daemon, Key};

fn statuses(daemon: &Daemon) -> Vec<(u64, String, u64, String)> {
    let tips = daemon.ask("getchaintips", json!([]));
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let number = |value: &Value| value.as_u64().expect("a number");
    let mut tips: Vec<_> = tips
        .as_array()
        .expect("tips")
        .iter()
        .map(|tip| {
            (number(&tip["height"]), text(&tip["status"]), number(&tip["branchlen"]), text(&tip["hash"]))
        })
        .collect();
    tips.sort();
    tips
}

#[test]
fn an_invalid_tip_gives_way_to_its_parent_and_comes_back() {
    let daemon = Daemon::start();
    let mine = Key::new(1);
    let hashes = daemon.mine(5, &mine);
    daemon.ask("invalidateblock", json!([hashes[3]]));
    assert_eq!((daemon.height(), daemon.tip()), (3, hashes[2].clone()));
    let want =
        [(3, "active".to_owned(), 0, hashes[2].clone()), (5, "invalid".to_owned(), 2, hashes[4].clone())];
    assert_eq!(statuses(&daemon), want);
    assert_eq!(daemon.ask("getblockheader", json!([hashes[4]]))["confirmations"], -1);
    assert_eq!(daemon.ask("getblockchaininfo", json!([]))["headers"], 3);
    let other = daemon.mine(1, &Key::new(2)).remove(0);
    daemon.ask("reconsiderblock", json!([hashes[4]]));
    assert_eq!((daemon.height(), daemon.tip()), (5, hashes[4].clone()));
    let want = [(4, "valid-fork".to_owned(), 1, other), (5, "active".to_owned(), 0, hashes[4].clone())];
    assert_eq!(statuses(&daemon), want);
    let refusal = daemon.refusal("invalidateblock", json!(["11".repeat(32)]));
    assert_eq!(refusal, (-5, "Block not found".to_owned()));
}

#[test]
fn of_equal_branches_the_first_seen_is_active() {
    let daemon = Daemon::start();
    let mine = Key::new(1);
    let first = daemon.mine(2, &mine);
    daemon.ask("invalidateblock", json!([first[1]]));
    let second = daemon.mine(1, &Key::new(2)).remove(0);
    daemon.ask("reconsiderblock", json!([first[1]]));
    assert_eq!(daemon.tip(), first[1]);
    daemon.ask("invalidateblock", json!([first[1]]));
    assert_eq!(daemon.tip(), second);
}

#[test]
fn a_payment_returns_to_the_mempool_and_is_mined_again() {
    let daemon = Daemon::start();
    let (mine, other) = (Key::new(1), Key::new(2));
    let coins = daemon.fund(&mine, 1);
    let payment = mine.pay(&coins[0], &other, 1_000);
    let txid = daemon.sent(&payment);
    let child = other.pay(&coin(&payment, 0), &mine, 1_000);
    let block = daemon.mine(1, &mine).remove(0);
    let child_txid = daemon.sent(&child);
    let look = |verbose: bool| daemon.ask("getrawtransaction", json!([txid, verbose]));
    assert_eq!(look(true)["confirmations"], 1);
    assert_eq!(look(true)["blockhash"], block);
    assert_eq!(daemon.ask("gettxout", json!([txid, 0, false]))["confirmations"], 1);

    daemon.ask("invalidateblock", json!([block]));
    let mut both = [txid, child_txid];
    both.sort_unstable();
    assert_eq!(daemon.mempool(), both);
    assert_eq!(daemon.ask("getmempoolentry", json!([child_txid]))["depends"], json!([txid.to_string()]));
    assert_eq!(look(true).get("confirmations"), None);
    assert_eq!(daemon.ask("gettxout", json!([txid, 0, false])), json!(null));

    let again = daemon.mine(1, &mine).remove(0);
    assert_ne!(again, block);
    assert_eq!(look(true)["blockhash"], again);
    assert_eq!(daemon.mempool(), []);
}

#[test]
fn a_double_spend_in_the_other_branch_ends_a_payment() {
    let daemon = Daemon::start();
    let (mine, other) = (Key::new(1), Key::new(2));
    let coins = daemon.fund(&mine, 1);
    let payment = mine.pay(&coins[0], &other, 1_000);
    let txid = daemon.sent(&payment);
    let block = daemon.mine(1, &mine).remove(0);
    daemon.sent(&other.pay(&coin(&payment, 0), &other, 1_000));
    daemon.ask("invalidateblock", json!([block]));
    let theft = mine.pay(&coins[0], &mine, 5_000);
    let address = mine.address().to_string();
    daemon.ask("generateblock", json!([address, [serialize_hex(&theft)]]));
    assert_eq!(daemon.mempool(), [], "neither the payment nor what spent it can stay");
    // The first branch is as long again, and was seen first.
    daemon.ask("reconsiderblock", json!([block]));
    assert_eq!(daemon.tip(), block);
    assert_eq!(daemon.ask("getrawtransaction", json!([txid, true]))["confirmations"], 1);
    daemon.ask("invalidateblock", json!([block]));
    daemon.mine(1, &mine);
    daemon.ask("reconsiderblock", json!([block]));
    assert_eq!(daemon.ask("gettxout", json!([txid, 0])), json!(null));
    assert_eq!(daemon.send(&payment).expect_err("spent").message, "bad-txns-inputs-missingorspent");
    // As with Core's index, what was once in a block is found there still, with no confirmation.
    let lost = daemon.ask("getrawtransaction", json!([txid, true]));
    assert_eq!((&lost["confirmations"], &lost["blockhash"]), (&json!(0), &json!(block)));
}

#[test]
fn a_block_mined_again_at_once_is_another_block() {
    if support::is_bitcoind() {
        return; // Core would make the invalid block again, and refuse it.
    }
    let daemon = Daemon::start();
    let first = daemon.mine(1, &Key::new(1)).remove(0);
    daemon.ask("invalidateblock", json!([first]));
    assert_ne!(daemon.mine(1, &Key::new(1)).remove(0), first);
}

/// A block on `parent` at `height`, made by somebody else.
fn on(daemon: &Daemon, parent: &Block, height: i64) -> Block {
    let address = Key::new(9).address().to_string();
    let hex = daemon.ask("generateblock", json!([address, [], false]))["hex"].clone();
    let mut block: Block =
        bitcoin::consensus::encode::deserialize_hex(hex.as_str().expect("hex")).expect("a block");
    block.header.prev_blockhash = parent.block_hash();
    block.header.time = parent.header.time + 1;
    block.txdata[0].input[0].script_sig =
        bitcoin::script::Builder::new().push_int(height).push_slice([7; 4]).into_script();
    // Core 30 and later let a coinbase lock itself to its height.
    block.txdata[0].lock_time = bitcoin::absolute::LockTime::ZERO;
    commit_and_solve(&mut block);
    block
}

#[test]
fn a_longer_branch_from_elsewhere_takes_over() {
    let daemon = Daemon::start();
    let (mine, other) = (Key::new(1), Key::new(2));
    let coins = daemon.fund(&mine, 1);
    let base = daemon.block(&daemon.tip());
    let height = i64::try_from(daemon.height()).expect("a height");
    let payment = mine.pay(&coins[0], &other, 1_000);
    let txid = daemon.sent(&payment);
    let ours = daemon.mine(1, &mine).remove(0);
    let first = on(&daemon, &base, height + 1);
    let second = on(&daemon, &first, height + 2);
    assert_eq!(daemon.ask("submitblock", json!([serialize_hex(&first)])), json!("inconclusive"));
    assert_eq!(daemon.tip(), ours);
    let want = |status: &str, hash: BlockHash| {
        let hash = hash.to_string();
        assert!(statuses(&daemon).iter().any(|tip| tip.1 == status && tip.3 == hash), "{status} {hash}");
    };
    // Core tells a branch never checked from one only heard of; either way it is not active.
    want("valid-headers", first.block_hash());
    assert_eq!(daemon.ask("submitblock", json!([serialize_hex(&second)])), json!(null));
    assert_eq!(daemon.tip(), second.block_hash().to_string());
    want("valid-fork", ours.parse().expect("a hash"));
    assert_eq!(daemon.mempool(), [txid]);
}

#[test]
fn coins_of_a_lost_coinbase_leave_the_mempool() {
    let daemon = Daemon::start();
    let (mine, other) = (Key::new(1), Key::new(2));
    let coins = daemon.fund(&mine, 2);
    let txid = daemon.sent(&mine.pay(&coins[1], &other, 1_000));
    let hash = |height: u64| daemon.ask("getblockhash", json!([height]));
    let (last, before) = (hash(102), hash(101));
    daemon.ask("invalidateblock", json!([last]));
    assert_eq!(daemon.mempool(), [txid], "of height 2, so that the block of height 102 may spend it");
    daemon.ask("invalidateblock", json!([before]));
    assert_eq!(daemon.mempool(), [], "its coinbase is immature again");
}

#[test]
fn only_the_last_ten_blocks_give_their_transactions_back() {
    let daemon = Daemon::start();
    let (mine, other) = (Key::new(1), Key::new(2));
    let coins = daemon.fund(&mine, 2);
    daemon.mine(30, &other);
    let deep = daemon.sent(&mine.pay(&coins[0], &other, 1_000));
    let first = daemon.mine(1, &other).remove(0);
    let shallow = daemon.sent(&mine.pay(&coins[1], &other, 1_000));
    daemon.mine(10, &other);
    daemon.ask("invalidateblock", json!([first]));
    let mempool = daemon.mempool();
    assert!(mempool.contains(&shallow) && !mempool.contains(&deep), "{mempool:?}");
}

#[test]
fn a_branch_on_an_invalid_block_stays_invalid() {
    let daemon = Daemon::start();
    let mine = Key::new(1);
    let hashes = daemon.mine(3, &mine);
    let tip = daemon.block(&hashes[2]);
    let block = on(&daemon, &tip, 4);
    daemon.ask("invalidateblock", json!([hashes[1]]));
    let answer = daemon.ask("submitblock", json!([serialize_hex(&block)]));
    assert_eq!(answer, json!("bad-prevblk"));
    assert_eq!(daemon.height(), 1);
}

#[test]
fn a_branch_reconsidered_is_as_it_was() {
    let daemon = Daemon::start();
    let hashes = daemon.mine(4, &Key::new(1));
    let second = on(&daemon, &daemon.block(&hashes[0]), 2);
    let third = on(&daemon, &second, 3);
    for block in [&second, &third] {
        assert_eq!(daemon.ask("submitblock", json!([serialize_hex(block)])), json!("inconclusive"));
    }
    let status = || statuses(&daemon).into_iter().find(|tip| tip.0 == 3).map(|tip| (tip.1, tip.2));
    let before = status();
    assert_eq!(before, Some(("valid-headers".to_owned(), 2)));
    daemon.ask("invalidateblock", json!([second.block_hash()]));
    assert_eq!(status(), Some(("invalid".to_owned(), 2)));
    daemon.ask("reconsiderblock", json!([second.block_hash()]));
    assert_eq!(status(), before);
    assert_eq!(daemon.tip(), hashes[3]);
}
