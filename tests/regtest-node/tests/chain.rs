//! What a node tells of its chain, and what it keeps of it over a restart.

mod support;

use bitcoin::consensus::encode::{deserialize_hex, serialize_hex};
use bitcoin::{MerkleBlock, Txid};
use serde_json::json;
use std::time::{SystemTime, UNIX_EPOCH};
use support::key::coin;
use support::{Daemon, Key, is_bitcoind};

const GENESIS: &str = "0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206";

#[test]
fn a_fresh_chain_has_its_genesis_block_alone() {
    let daemon = Daemon::start();
    assert_eq!((daemon.height(), daemon.tip()), (0, GENESIS.to_owned()));
    let info = daemon.ask("getblockchaininfo", json!([]));
    assert_eq!(
        (&info["chain"], &info["blocks"], &info["pruned"]),
        (&json!("regtest"), &json!(0), &json!(false))
    );
    let header = daemon.ask("getblockheader", json!([GENESIS]));
    assert_eq!((header.get("previousblockhash"), header.get("nextblockhash")), (None, None));
    assert_eq!(header["chainwork"], format!("{:064x}", 2));
    let coinbase = "4a5e1e4baab89f3a32518a88c31bc87f618f76673e2cc77ab2127b7afdeda33b";
    let refusal = daemon.refusal("getrawtransaction", json!([coinbase]));
    let message =
        "The genesis block coinbase is not considered an ordinary transaction and cannot be retrieved";
    assert_eq!(refusal, (-5, message.to_owned()));
    assert_eq!(daemon.ask("gettxout", json!([coinbase, 0])), json!(null));
}

#[test]
fn blocks_are_found_by_height_and_hash() {
    let daemon = Daemon::start();
    let hashes = daemon.mine(3, &Key::new(1));
    assert_eq!(daemon.ask("getblockhash", json!([2])), json!(hashes[1]));
    let header = daemon.ask("getblockheader", json!([hashes[1]]));
    assert_eq!((&header["height"], &header["confirmations"]), (&json!(2), &json!(2)));
    assert_eq!(
        (&header["previousblockhash"], &header["nextblockhash"]),
        (&json!(hashes[0]), &json!(hashes[2]))
    );
    let raw = daemon.ask("getblockheader", json!([hashes[1], false]));
    let raw: bitcoin::block::Header = deserialize_hex(raw.as_str().expect("hex")).expect("a header");
    assert_eq!(raw.block_hash().to_string(), hashes[1]);
    let block = daemon.block(&hashes[1]);
    let coinbase = block.txdata[0].compute_txid().to_string();
    let verbose = daemon.ask("getblock", json!([hashes[1]]));
    assert_eq!(verbose["tx"], json!([coinbase]));
    assert_eq!(verbose["size"], block.total_size());
    assert_eq!(verbose["weight"], block.weight().to_wu());
    assert_eq!(daemon.ask("getblock", json!([hashes[1], 2]))["tx"][0]["txid"], json!(coinbase));

    let none = "11".repeat(32);
    let check = |method: &str, params, code: i64, message: &str| {
        assert_eq!(daemon.refusal(method, params), (code, message.to_owned()), "{method}");
    };
    check("getblockhash", json!([4]), -8, "Block height out of range");
    check("getblockhash", json!([-1]), -8, "Block height out of range");
    check("getblockheader", json!([none]), -5, "Block not found");
    check("getblock", json!([none, 0]), -5, "Block not found");
    check("getblock", json!(["12"]), -8, "blockhash must be of length 64 (not 2, for '12')");
    let odd = "xy".repeat(32);
    check("getblock", json!([odd]), -8, &format!("blockhash must be hexadecimal string (not '{odd}')"));
}

#[test]
fn transactions_are_found_in_the_mempool_in_blocks_or_not() {
    let daemon = Daemon::start();
    let (mine, other) = (Key::new(1), Key::taproot(2));
    let coins = daemon.fund(&mine, 1);
    let payment = mine.pay(&coins[0], &other, 1_000);
    let txid = daemon.sent(&payment);
    assert_eq!(daemon.ask("getrawtransaction", json!([txid])), json!(serialize_hex(&payment)));
    let waiting = daemon.ask("gettxout", json!([txid, 0]));
    assert_eq!((&waiting["confirmations"], &waiting["coinbase"]), (&json!(0), &json!(false)));
    let spent = coins[0].0;
    assert_eq!(daemon.ask("gettxout", json!([spent.txid, 0])), json!(null));
    assert_ne!(daemon.ask("gettxout", json!([spent.txid, 0, false])), json!(null));
    let block = daemon.mine(2, &mine).remove(0);
    let verbose = daemon.ask("getrawtransaction", json!([txid, 2]));
    assert_eq!(verbose["fee"].to_string(), "0.00001000");
    assert_eq!(verbose["vin"][0]["prevout"]["generated"], true);
    assert_eq!(verbose["vout"][0]["value"].to_string(), "49.99999000");
    assert_eq!(verbose["vout"][0]["scriptPubKey"]["address"], json!(other.address().to_string()));
    assert_eq!((&verbose["blockhash"], &verbose["confirmations"]), (&json!(block), &json!(2)));
    let named = daemon.ask("getrawtransaction", json!([txid, true, block]));
    assert_eq!(named["in_active_chain"], true);
    assert_eq!(daemon.ask("gettxout", json!([txid, 0]))["value"].to_string(), "49.99999000");

    let none = "11".repeat(32);
    let check = |params, code: i64, message: &str| {
        assert_eq!(daemon.refusal("getrawtransaction", params), (code, message.to_owned()));
    };
    let wallet = "Use gettransaction for wallet transactions.";
    check(json!([none]), -5, &format!("No such mempool or blockchain transaction. {wallet}"));
    check(json!([txid, 1, none]), -5, "Block hash not found");
    let message = format!("No such transaction found in the provided block. {wallet}");
    check(json!([none, 1, block]), -5, &message);
}

#[test]
fn a_proof_shows_that_a_transaction_is_in_a_block() {
    let daemon = Daemon::start();
    let (mine, other) = (Key::new(1), Key::new(2));
    let coins = daemon.fund(&mine, 3);
    let txids: Vec<Txid> = coins.iter().map(|one| daemon.sent(&mine.pay(one, &other, 1_000))).collect();
    let refusal = daemon.refusal("gettxoutproof", json!([[txids[0]]]));
    assert_eq!(refusal, (-5, "Transaction not yet in block".to_owned()));
    let block = daemon.mine(1, &mine).remove(0);
    let proof = daemon.ask("gettxoutproof", json!([[txids[1]]]));
    assert_eq!(proof, daemon.ask("gettxoutproof", json!([[txids[1]], block])));
    let parsed: MerkleBlock = deserialize_hex(proof.as_str().expect("hex")).expect("a proof");
    let (mut matches, mut indexes) = (Vec::new(), Vec::new());
    parsed.extract_matches(&mut matches, &mut indexes).expect("a right proof");
    assert_eq!(matches, [txids[1]]);
    assert_eq!(daemon.ask("verifytxoutproof", json!([proof])), json!([txids[1]]));
    daemon.ask("invalidateblock", json!([block]));
    let refusal = daemon.refusal("verifytxoutproof", json!([proof]));
    assert_eq!(refusal, (-5, "Block not found in chain".to_owned()));
    let refusal = daemon.refusal("gettxoutproof", json!([[txids[0], "11".repeat(32)], block]));
    assert_eq!(refusal, (-5, "Not all transactions found in specified or retrieved block".to_owned()));
}

#[test]
fn a_restart_keeps_the_chain_and_what_was_declared() {
    let daemon = Daemon::start();
    let (mine, other) = (Key::new(1), Key::new(2));
    let coins = daemon.fund(&mine, 2);
    let payment = mine.pay(&coins[0], &other, 1_000);
    daemon.sent(&payment);
    let hashes = daemon.mine(3, &mine);
    daemon.ask("invalidateblock", json!([hashes[2]]));
    let waiting = mine.pay(&coins[1], &other, 1_000);
    let child = other.pay(&coin(&waiting, 0), &mine, 1_000);
    let mut both = [daemon.sent(&waiting), daemon.sent(&child)];
    both.sort_unstable();
    let (height, tip) = (daemon.height(), daemon.tip());

    let daemon = daemon.restart();
    assert_eq!((daemon.height(), daemon.tip()), (height, tip));
    let start = std::time::Instant::now();
    while daemon.ask("getmempoolinfo", json!([]))["loaded"] != true {
        assert!(start.elapsed().as_secs() < 30, "the mempool is not loaded");
    }
    assert_eq!(daemon.mempool(), both);
    assert_eq!(daemon.ask("gettxout", json!([payment.compute_txid(), 0]))["confirmations"], 2);
    daemon.ask("reconsiderblock", json!([hashes[2]]));
    assert_eq!(daemon.tip(), hashes[2]);
}

#[test]
fn a_kill_loses_the_mempool_and_no_block() {
    if is_bitcoind() {
        return; // Core writes its index only now and then, and would fetch the blocks from its peers again.
    }
    let daemon = Daemon::start();
    let (mine, other) = (Key::new(1), Key::new(2));
    let coins = daemon.fund(&mine, 1);
    let tip = daemon.mine(1, &mine).remove(0);
    daemon.sent(&mine.pay(&coins[0], &other, 1_000));
    let daemon = daemon.kill_and_restart();
    assert_eq!((daemon.tip(), daemon.mempool()), (tip, vec![]));
    daemon.mine(1, &mine);
}

#[test]
fn a_node_may_lose_its_mempool_at_an_orderly_end_too() {
    let daemon = Daemon::with(&["--persist-mempool", "false"]);
    let (mine, other) = (Key::new(1), Key::new(2));
    let coins = daemon.fund(&mine, 1);
    daemon.sent(&mine.pay(&coins[0], &other, 1_000));
    assert_eq!(daemon.restart().mempool(), []);
}

#[test]
fn a_pruned_node_has_headers_and_no_blocks() {
    let daemon = Daemon::with(&["--prune"]);
    let key = Key::new(1);
    let refusal = daemon.refusal("pruneblockchain", json!([1]));
    assert_eq!(refusal, (-1, "Blockchain is too short for pruning.".to_owned()));
    daemon.mine(1_000, &key);
    let refusal = daemon.refusal("pruneblockchain", json!([1_001]));
    assert_eq!(refusal, (-8, "Blockchain is shorter than the attempted prune height.".to_owned()));
    let last = daemon.ask("pruneblockchain", json!([900])).as_u64().expect("a height");
    // Core prunes whole files, so that it keeps some more than it must.
    assert!((1..=712).contains(&last) && (is_bitcoind() || last == 712), "{last}");
    let check = |daemon: &Daemon| {
        let info = daemon.ask("getblockchaininfo", json!([]));
        assert_eq!((&info["pruned"], &info["pruneheight"]), (&json!(true), &json!(last + 1)));
        let hash = |height: u64| daemon.ask("getblockhash", json!([height]));
        let refusal = daemon.refusal("getblock", json!([hash(last), 0]));
        assert_eq!(refusal, (-1, "Block not available (pruned data)".to_owned()));
        daemon.ask("getblockheader", json!([hash(last)]));
        daemon.ask("getblock", json!([hash(last + 1), 2]));
        let coinbase = daemon.block(hash(last + 1).as_str().expect("a hash")).txdata[0].compute_txid();
        let (code, message) = daemon.refusal("getrawtransaction", json!([coinbase]));
        assert_eq!(code, -5);
        assert!(
            message.starts_with("No such mempool transaction. Use -txindex or provide a block hash"),
            "{message}"
        );
        daemon.ask("getrawtransaction", json!([coinbase, 1, hash(last + 1)]));
    };
    check(&daemon);
    assert_eq!(daemon.ask("getindexinfo", json!([])), json!({}));
    check(&daemon.restart());
}

#[test]
fn a_node_that_does_not_prune_says_so() {
    let daemon = Daemon::start();
    let refusal = daemon.refusal("pruneblockchain", json!([1]));
    assert_eq!(refusal, (-1, "Cannot prune blocks because node is not in prune mode.".to_owned()));
    let index = &daemon.ask("getindexinfo", json!([]))["txindex"];
    assert_eq!((&index["synced"], &index["best_block_height"]), (&json!(true), &json!(0)));
}

#[test]
fn nodes_of_other_networks_have_other_chains() {
    let check = |network: &str, genesis: &str| {
        let daemon = Daemon::with(&["--network", network]);
        assert_eq!(daemon.ask("getblockchaininfo", json!([]))["chain"], json!(network));
        assert_eq!(daemon.ask("getblockhash", json!([0])), json!(genesis));
        if !is_bitcoind() {
            let address = bitcoin::Address::p2wpkh(
                &bitcoin::CompressedPublicKey::from_slice(&[2; 33]).expect("a key"),
                bitcoin::KnownHrp::Testnets,
            );
            if network != "main" {
                let refusal = daemon.refusal("generatetoaddress", json!([1, address.to_string()]));
                assert_eq!(refusal, (-1, "only regtest can be mined".to_owned()));
            }
        }
    };
    check("main", "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f");
    check("signet", "00000008819873e925422c1ff0f99f7cc9bbb232af63a077a480a3633bee1ef6");
    check("testnet4", "00000000da84f2bafbbc53dee25a72ae507ff4914b867c565be350b0da8bf043");
}

#[test]
fn the_clock_of_mining_can_be_set() {
    let daemon = Daemon::start();
    let key = Key::new(1);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a time").as_secs();
    let time = now - 86_400 * 30;
    daemon.ask("setmocktime", json!([time]));
    let hash = daemon.mine(1, &key).remove(0);
    assert_eq!(daemon.ask("getblockheader", json!([hash]))["time"], time);
    assert_eq!(daemon.ask("getblockchaininfo", json!([]))["initialblockdownload"], false);
    daemon.ask("setmocktime", json!([0]));
    let hash = daemon.mine(1, &key).remove(0);
    assert!(daemon.ask("getblockheader", json!([hash]))["time"].as_u64().expect("a time") >= now);
}

#[test]
fn money_is_made_as_the_rules_of_regtest_say() {
    let daemon = Daemon::start();
    let hashes = daemon.mine(151, &Key::new(1));
    let sat = |hash: &str| daemon.block(hash).txdata[0].output[0].value.to_sat();
    assert_eq!(
        (sat(&hashes[148]), sat(&hashes[149]), sat(&hashes[150])),
        (5_000_000_000, 2_500_000_000, 2_500_000_000)
    );
    let descriptor = format!("addr({})", Key::new(2).address());
    daemon.ask("generatetodescriptor", json!([1, descriptor]));
    let refusal = daemon.refusal("generatetoaddress", json!([1, "nonsense"]));
    assert_eq!(refusal, (-5, "Error: Invalid address".to_owned()));
}
