//! This node and a real bitcoind on the very same chain give the same answers, field by field and digit by digit.
//!
//! Built only with the feature `bitcoind`, since it needs one to compare with; see the README.

mod support;

use bitcoin::consensus::encode::serialize_hex;
use bitcoin::{Amount, ScriptBuf, Transaction, TxOut};
use serde_json::{Value, json};
use support::key::coin;
use support::{Daemon, Key, is_bitcoind};

/// Fields that versions after 29 added, and those that tell of the node and not of the chain.
const ONLY_NEWER: [&str; 6] =
    ["coinbase_tx", "chunkweight", "chunk", "blockmintxfee", "currentblockweight", "currentblocktx"];
const OF_THE_NODE: [&str; 7] = [
    "time",
    "size_on_disk",
    "networkhashps",
    "warnings",
    "bip125-replaceable",
    "verificationprogress",
    "difficulty",
];

struct Pair {
    own: Daemon,
    core: Daemon,
}

impl Pair {
    fn start() -> Self {
        assert!(is_bitcoind(), "BANDEX_TEST_BITCOIND is to name a bitcoind");
        Self { own: Daemon::own(), core: Daemon::start() }
    }

    /// Mines here and hands the blocks over.
    fn mine(&self, count: u32, key: &Key) -> Vec<String> {
        let hashes = self.own.mine(count, key);
        for hash in &hashes {
            self.share(hash);
        }
        hashes
    }

    fn share(&self, hash: &str) {
        let block = self.own.ask("getblock", json!([hash, 0]));
        assert_eq!(self.core.ask("submitblock", json!([block])), json!(null));
    }

    fn send(&self, transaction: &Transaction) {
        assert_eq!(self.own.sent(transaction), self.core.sent(transaction));
    }

    fn check(&self, method: &str, params: Value) {
        let answer = |daemon: &Daemon| match daemon.call(method, params.clone()) {
            Ok(mut answer) => {
                strip(&mut answer);
                Ok(answer)
            }
            Err(refusal) => Err(refusal),
        };
        let (own, core) = (answer(&self.own), answer(&self.core));
        assert_eq!(own, core, "{method} {params}");
        if let (Ok(own), Ok(core)) = (own, core) {
            // Equal values may still be written with other digits.
            assert_eq!(own.to_string().len(), core.to_string().len(), "{own}\n{core}");
        }
    }
}

fn strip(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(strip),
        Value::Object(fields) => {
            for field in ONLY_NEWER.iter().chain(&OF_THE_NODE) {
                fields.remove(*field);
            }
            fields.values_mut().for_each(strip);
            fields.sort_keys();
        }
        _ => {}
    }
}

/// Scripts of every kind, standard or not.
fn scripts() -> Vec<ScriptBuf> {
    let key = "02aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    let good = "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";
    let hash = "11".repeat(20);
    let long = "11".repeat(32);
    [
        format!("76a914{hash}88ac"),
        format!("a914{hash}87"),
        format!("0014{hash}"),
        format!("0020{long}"),
        format!("5120{}", &good[2..]),
        format!("21{good}ac"),
        format!("5121{good}51ae"),
        format!("5221{good}21{good}52ae"),
        format!("5121{key}51ae"),
        "6a".to_owned(),
        "6a0411223344".to_owned(),
        "6a51".to_owned(),
        "6a76".to_owned(),
        "51024e73".to_owned(),
        format!("5220{long}"),
        format!("6014{hash}"),
        "51".to_owned(),
        "0151".to_owned(),
        "02e80387".to_owned(),
        "04ffffff7fb175b27551".to_owned(),
        "05ffffffffff".to_owned(),
        "4f00ad8b60".to_owned(),
        "4c".to_owned(),
        format!("21{good}21{good}"),
    ]
    .iter()
    .map(|hex| ScriptBuf::from_hex(hex).expect("a script"))
    .collect()
}

#[test]
fn blocks_transactions_and_scripts_look_the_same() {
    let pair = Pair::start();
    let (mine, other) = (Key::new(1), Key::taproot(2));
    let coins: Vec<_> =
        pair.mine(3, &mine).iter().map(|hash| coin(&pair.own.block(hash).txdata[0], 0)).collect();
    pair.mine(100, &Key::new(9));
    let value = coins[0].1.value.to_sat();
    let mut outputs: Vec<TxOut> = scripts()
        .into_iter()
        .map(|script_pubkey| TxOut { value: Amount::from_sat(12_345), script_pubkey })
        .collect();
    let paid: u64 = outputs.iter().map(|output| output.value.to_sat()).sum();
    outputs.push(other.output(value - paid - 3_210));
    let odd = mine.spend(&coins[..1], outputs);
    let last = u32::try_from(odd.output.len() - 1).expect("an index");
    let child = other.pay(&coin(&odd, last), &mine, 1);
    let address = mine.address().to_string();
    let made = pair.own.ask("generateblock", json!([address, [serialize_hex(&odd), serialize_hex(&child)]]));
    let block = made["hash"].as_str().expect("a hash").to_owned();
    pair.share(&block);

    for verbosity in 0..=3 {
        pair.check("getblock", json!([block, verbosity]));
    }
    let genesis = pair.own.ask("getblockhash", json!([0]));
    for hash in [json!(block), genesis] {
        pair.check("getblockheader", json!([hash]));
        pair.check("getblockheader", json!([hash, false]));
        pair.check("getblock", json!([hash, 2]));
    }
    for transaction in [&odd, &child] {
        let txid = transaction.compute_txid();
        for verbosity in 0..=2 {
            pair.check("getrawtransaction", json!([txid, verbosity]));
            pair.check("getrawtransaction", json!([txid, verbosity, block]));
        }
        pair.check("decoderawtransaction", json!([serialize_hex(transaction)]));
        for vout in 0..=u32::try_from(transaction.output.len()).expect("a count") {
            pair.check("gettxout", json!([txid, vout]));
        }
        pair.check("gettxoutproof", json!([[txid]]));
        pair.check("gettxoutproof", json!([[txid], block]));
        let proof = pair.own.ask("gettxoutproof", json!([[txid]]));
        pair.check("verifytxoutproof", json!([proof]));
    }
    pair.check("getblockchaininfo", json!([]));
    pair.check("getmininginfo", json!([]));
    pair.check("getindexinfo", json!([]));
    pair.check("getchaintips", json!([]));
}

#[test]
fn the_mempool_and_its_refusals_are_the_same() {
    let pair = Pair::start();
    let (mine, other) = (Key::new(1), Key::taproot(2));
    let coins: Vec<_> =
        pair.mine(30, &mine).iter().map(|hash| coin(&pair.own.block(hash).txdata[0], 0)).collect();
    pair.mine(100, &Key::new(9));
    for (index, script) in scripts().into_iter().enumerate() {
        let one = &coins[index..=index];
        let value = one[0].1.value.to_sat();
        // A later version lets through some scripts with data that 29 does not.
        let data = script.is_op_return();
        let output = TxOut { value: Amount::from_sat(if data { 0 } else { 10_000 }), script_pubkey: script };
        let transaction = mine.spend(one, vec![output, other.output(value - 11_000)]);
        pair.check("testmempoolaccept", json!([[serialize_hex(&transaction)]]));
        let bare = mine.spend(
            one,
            vec![
                TxOut { value: Amount::from_sat(300), ..transaction.output[0].clone() },
                transaction.output[1].clone(),
            ],
        );
        pair.check("testmempoolaccept", json!([[serialize_hex(&bare)]]));
    }
    let first = mine.pay(&coins[25], &other, 1_000);
    let second = other.pay(&coin(&first, 0), &mine, 2_500);
    let third = mine.spend(
        &[coin(&second, 0), coins[26].clone()],
        vec![other.output(1_000_000), other.output(coins[26].1.value.to_sat())],
    );
    let rivals = [
        mine.pay(&coins[25], &mine, 1_100),
        mine.pay(&coins[25], &mine, 3_000),
        mine.pay(&coins[25], &mine, 900_000),
    ];
    pair.check("testmempoolaccept", json!([[serialize_hex(&first), serialize_hex(&second)]]));
    pair.check("testmempoolaccept", json!([[serialize_hex(&second)]]));
    pair.send(&first);
    pair.send(&second);
    for txid in [first.compute_txid(), second.compute_txid()] {
        pair.check("getmempoolentry", json!([txid]));
        pair.check("getrawtransaction", json!([txid, 2]));
        pair.check("gettxout", json!([txid, 0]));
        pair.check("gettxout", json!([txid, 0, false]));
    }
    pair.check("getrawmempool", json!([true]));
    pair.check("testmempoolaccept", json!([[serialize_hex(&third)], 0]));
    for rival in &rivals {
        pair.check("testmempoolaccept", json!([[serialize_hex(rival)], 0]));
    }
    pair.check("testmempoolaccept", json!([[serialize_hex(&third)], 1]));
    pair.check("testmempoolaccept", json!([[serialize_hex(&third)], "0.99999999"]));
    pair.check("testmempoolaccept", json!([[]]));
    pair.check("testmempoolaccept", json!([["00"]]));
    pair.check("sendrawtransaction", json!(["00"]));
    pair.check("sendrawtransaction", json!([5]));
    pair.check("estimatesmartfee", json!([6]));
    pair.check("estimatesmartfee", json!([1]));
    pair.check("estimatesmartfee", json!([2_000]));
    pair.check("estimatesmartfee", json!([6, "sure"]));
}
