//! Every answer reads into the types of `corepc-types` for Core 29, with no field missing and none too many.
#![allow(clippy::panic, reason = "what goes wrong here fails a test")]

mod support;

use bitcoin::consensus::encode::serialize_hex;
use corepc_types::v29;
use serde::Deserialize as _;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use support::key::coin;
use support::plain::Plain;
use support::{Daemon, Key, is_bitcoind};

/// Asks, reads the answer as `T`, and gives it back.
fn check<T: DeserializeOwned>(daemon: &Daemon, method: &str, params: Value) -> T {
    let answer = daemon.ask(method, params);
    T::deserialize(Plain(&answer)).unwrap_or_else(|error| panic!("{method}: {error} in {answer}"))
}

#[test]
fn answers_read_into_the_types_of_core_29() {
    if is_bitcoind() {
        return; // A later version has more fields, which these types do not take.
    }
    let daemon = Daemon::start();
    let (mine, other) = (Key::new(1), Key::taproot(2));
    let coins = daemon.fund(&mine, 3);
    let confirmed = mine.pay(&coins[0], &other, 1_000);
    let confirmed_txid = daemon.sent(&confirmed);
    let block = daemon.mine(1, &mine).remove(0);
    let stale = daemon.mine(1, &mine).remove(0);
    daemon.ask("invalidateblock", json!([stale]));
    let parent = mine.pay(&coins[1], &other, 1_000);
    let child = other.pay(&coin(&parent, 0), &mine, 1_000);
    let (parent, child) = (daemon.sent(&parent), daemon.sent(&child));
    let candidate = serialize_hex(&mine.pay(&coins[2], &other, 1_000));

    let info: v29::GetBlockchainInfo = check(&daemon, "getblockchaininfo", json!([]));
    info.into_model().expect("a model");
    let network: v29::GetNetworkInfo = check(&daemon, "getnetworkinfo", json!([]));
    network.into_model().expect("a model");
    let header: v29::GetBlockHeaderVerbose = check(&daemon, "getblockheader", json!([block]));
    header.into_model().expect("a model");
    let _: v29::GetBlockHeader = check(&daemon, "getblockheader", json!([block, false]));
    let _: v29::GetBlockVerboseZero = check(&daemon, "getblock", json!([block, 0]));
    let one: v29::GetBlockVerboseOne = check(&daemon, "getblock", json!([block, 1]));
    one.into_model().expect("a model");
    let two: v29::GetBlockVerboseTwo = check(&daemon, "getblock", json!([block, 2]));
    two.into_model().expect("a model");
    let three: v29::GetBlockVerboseThree = check(&daemon, "getblock", json!([block, 3]));
    three.into_model().expect("a model");
    let tips: v29::GetChainTips = check(&daemon, "getchaintips", json!([]));
    assert_eq!(tips.0.len(), 2);
    let _: v29::GetDifficulty = check(&daemon, "getdifficulty", json!([]));
    let out: v29::GetTxOut = check(&daemon, "gettxout", json!([confirmed_txid, 0]));
    out.into_model().expect("a model");
    let raw: v29::GetRawTransactionVerbose = check(&daemon, "getrawtransaction", json!([confirmed_txid, 1]));
    raw.into_model().expect("a model");
    let raw: v29::GetRawTransactionVerbose = check(&daemon, "getrawtransaction", json!([child, 1]));
    raw.into_model().expect("a model");
    let mut with_prevout = daemon.ask("getrawtransaction", json!([confirmed_txid, 2]));
    // The types have no room for the fee, which Core gives here.
    with_prevout.as_object_mut().expect("an object").remove("fee").expect("a fee");
    v29::GetRawTransactionVerboseWithPrevout::deserialize(Plain(&with_prevout)).expect("a transaction");
    let decoded: v29::DecodeRawTransaction = check(&daemon, "decoderawtransaction", json!([candidate]));
    decoded.into_model().expect("a model");
    let _: v29::GetRawMempool = check(&daemon, "getrawmempool", json!([]));
    let pool: v29::GetRawMempoolVerbose = check(&daemon, "getrawmempool", json!([true]));
    assert_eq!(pool.0.len(), 2);
    let _: v29::GetRawMempoolSequence = check(&daemon, "getrawmempool", json!([false, true]));
    let entry: v29::GetMempoolEntry = check(&daemon, "getmempoolentry", json!([child]));
    entry.into_model().expect("a model");
    let _: v29::GetMempoolAncestors = check(&daemon, "getmempoolancestors", json!([child]));
    let _: v29::GetMempoolAncestorsVerbose = check(&daemon, "getmempoolancestors", json!([child, true]));
    let _: v29::GetMempoolDescendants = check(&daemon, "getmempooldescendants", json!([parent]));
    let _: v29::GetMempoolDescendantsVerbose = check(&daemon, "getmempooldescendants", json!([parent, true]));
    let pool: v29::GetMempoolInfo = check(&daemon, "getmempoolinfo", json!([]));
    pool.into_model().expect("a model");
    let accept: v29::TestMempoolAccept = check(&daemon, "testmempoolaccept", json!([[candidate]]));
    assert!(accept.into_model().expect("a model").results[0].allowed);
    let accept: v29::TestMempoolAccept =
        check(&daemon, "testmempoolaccept", json!([[serialize_hex(&confirmed)]]));
    assert!(!accept.into_model().expect("a model").results[0].allowed);
    let _: v29::SendRawTransaction = check(&daemon, "sendrawtransaction", json!([candidate]));
    let estimate: v29::EstimateSmartFee = check(&daemon, "estimatesmartfee", json!([6]));
    assert!(estimate.into_model().expect("a model").fee_rate.is_none());
    daemon.ask("setestimate", json!(["0.00020000"]));
    let estimate: v29::EstimateSmartFee = check(&daemon, "estimatesmartfee", json!([6]));
    let rate = estimate.into_model().expect("a model").fee_rate.expect("a rate");
    assert_eq!(rate.to_sat_per_kwu(), 20_000 / 4);
    let mining: v29::GetMiningInfo = check(&daemon, "getmininginfo", json!([]));
    mining.into_model().expect("a model");
    let index: v29::GetIndexInfo = check(&daemon, "getindexinfo", json!([]));
    assert_eq!(index.0.len(), 1);
    let address = mine.address().to_string();
    let _: v29::GenerateToAddress = check(&daemon, "generatetoaddress", json!([1, address]));
    let _: v29::GenerateBlock = check(&daemon, "generateblock", json!([address, []]));
    let _: v29::GetBestBlockHash = check(&daemon, "getbestblockhash", json!([]));
    let _: v29::GetBlockCount = check(&daemon, "getblockcount", json!([]));
    let _: v29::GetBlockHash = check(&daemon, "getblockhash", json!([1]));
    let proof = daemon.ask("gettxoutproof", json!([[confirmed_txid]]));
    let _: v29::VerifyTxOutProof = check(&daemon, "verifytxoutproof", json!([proof]));
}
