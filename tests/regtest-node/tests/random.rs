//! A random story of payments, double spends, blocks and reorganisations, told to this node and to a real bitcoind:
//! after each step both have the same tip, the same mempool, and gave the same answer.
//!
//! Built only with the feature `bitcoind`, since it needs one to compare with; see the README.

mod support;

use bitcoin::consensus::encode::serialize_hex;
use bitcoin::{OutPoint, TxOut};
use serde_json::{Value, json};
use support::key::coin;
use support::{Daemon, Key, is_bitcoind};

/// A linear congruential generator (Knuth's constants): the same story for the same seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("31 bits") % bound
    }
}

struct Story {
    own: Daemon,
    core: Daemon,
    dice: Dice,
    coins: Vec<(OutPoint, TxOut)>,
    invalid: Vec<Value>,
    told: Vec<&'static str>,
}

impl Story {
    fn new(seed: u64) -> Self {
        assert!(is_bitcoind(), "BANDEX_TEST_BITCOIND is to name a bitcoind");
        let (own, core) = (Daemon::own(), Daemon::start());
        let coins = own.fund(&Key::new(1), 4);
        let story = Self { own, core, dice: Dice(seed), coins, invalid: Vec::new(), told: Vec::new() };
        for height in 1..=story.own.height() {
            let hash = story.own.ask("getblockhash", json!([height]));
            story.share(hash.as_str().expect("a hash"));
        }
        story
    }

    fn share(&self, hash: &str) {
        let block = self.own.ask("getblock", json!([hash, 0]));
        assert_eq!(self.core.ask("submitblock", json!([block])), json!(null));
    }

    fn both(&self, method: &str, params: Value) -> bool {
        // Later versions name another of several reasons not to replace, and say more of some refusals.
        const OF_REPLACEMENT: [&str; 5] = [
            "bad-txns-spends-conflicting-tx",
            "insufficient fee",
            "replacement-adds-unconfirmed",
            "replacement-failed",
            "too many potential replacements",
        ];
        let answer = |daemon: &Daemon| {
            daemon.call(method, params.clone()).map_err(|error| {
                let reason = error.message.split(',').next().unwrap_or_default().to_owned();
                let replacement = OF_REPLACEMENT.contains(&reason.as_str());
                (error.code, if replacement { "replacement".to_owned() } else { reason })
            })
        };
        let (own, core) = (answer(&self.own), answer(&self.core));
        assert_eq!(own, core, "{method} {params} after {:?}", self.told);
        own.is_ok()
    }

    fn pay(&mut self) {
        let key = Key::new(1);
        let count = 1 + self.dice.below(2);
        let mut inputs: Vec<(OutPoint, TxOut)> = Vec::new();
        for _ in 0..count {
            let one = self.coins[self.dice.below(self.coins.len())].clone();
            if inputs.iter().all(|(outpoint, _)| *outpoint != one.0) {
                inputs.push(one);
            }
        }
        let value: u64 = inputs.iter().map(|(_, output)| output.value.to_sat()).sum();
        // Fees so far apart that versions with other rules for replacing agree on what pays more.
        let fee = [50, 2_000, 60_000, 2_000_000][self.dice.below(4)];
        let half = (value - fee) / 2;
        let transaction = key.spend(&inputs, vec![key.output(half), key.output(value - fee - half)]);
        self.told.push("pay");
        // Two rules of 29 that later versions gave up.
        let answer = self.own.ask("testmempoolaccept", json!([[serialize_hex(&transaction)], 0]))[0].clone();
        if answer["reject-reason"] == "replacement-adds-unconfirmed"
            || answer["reject-reason"] == "too-long-mempool-chain"
        {
            return;
        }
        if self.both("sendrawtransaction", json!([serialize_hex(&transaction), 0])) {
            self.coins.extend([coin(&transaction, 0), coin(&transaction, 1)]);
        }
    }

    fn step(&mut self) {
        match self.dice.below(10) {
            0 | 1 => {
                self.told.push("mine");
                let hash = self.own.mine(1, &Key::new(9)).remove(0);
                self.share(&hash);
            }
            2 => {
                self.told.push("invalidate");
                let depth = u64::try_from(self.dice.below(3)).expect("small");
                let hash = self.own.ask("getblockhash", json!([self.own.height() - depth]));
                self.both("invalidateblock", json!([hash]));
                self.invalid.push(hash);
            }
            3 => {
                self.told.push("reconsider");
                if !self.invalid.is_empty() {
                    let hash = self.invalid.remove(self.dice.below(self.invalid.len()));
                    self.both("reconsiderblock", json!([hash]));
                }
            }
            _ => self.pay(),
        }
        assert_eq!(self.own.tip(), self.core.tip(), "{:?}", self.told);
        assert_eq!(self.own.mempool(), self.core.mempool(), "{:?}", self.told);
    }
}

#[test]
fn both_nodes_tell_the_same_story() {
    for seed in 1..=4 {
        let mut story = Story::new(seed);
        for _ in 0..80 {
            story.step();
        }
        assert!(story.told.iter().filter(|one| **one == "invalidate").count() > 2, "{:?}", story.told);
    }
}
