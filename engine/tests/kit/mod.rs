//! A small world for tests: an engine, keys made from their names, and a journal that is replayed when the world ends.
//!
//! Every command goes the way it goes in the server: signed, verified, judged by `standing`, applied at a sequenced
//! time. After each of them [`Watch`] checks from outside what must always be true.

#![allow(dead_code, reason = "each test binary uses its part of the kit")]

pub mod acts;
mod books;
pub mod chain;
mod deals;
pub mod ends;
mod guards;
pub mod trust;
mod watch;

pub use watch::Watch;

use bandex_engine::{
    CommandResult, Engine, Event, FIRST_RULES, OperationResult, Outcome, RULES_VERSION, Refusal, Standing,
};
use bandex_tradechain::body::leading_zero_bits;
use bandex_tradechain::{Block, Body, Command, Decoded, Genesis, Keypair, SignedBlock, verify};
use bandex_types::{AccountId, Amount, AssetId, BlockId, Hash, MarketId, PublicKey, Timestamp};
use std::collections::BTreeMap;

/// The network of all blocks here.
pub const NETWORK: u32 = 1_000;
/// When every world begins, in microseconds.
pub const START: u64 = 1_777_000_000_000_000;
/// A second in microseconds.
pub const SECOND: u64 = 1_000_000;
/// How far below zero the issuance account may go.
pub const CAP: u64 = 1_000_000_000;
/// BWT for BTC: the base on the ledger, the quote outside.
pub const BWT_BTC: MarketId = MarketId::new(1);
/// BTC for BWT: the base outside, the quote on the ledger.
pub const BTC_BWT: MarketId = MarketId::new(2);
/// Two assets outside.
pub const EUR_BTC: MarketId = MarketId::new(3);
/// A third asset.
pub const EUR: AssetId = AssetId::new(2);

/// One applied command and what it gave.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The sequenced time.
    pub time: Timestamp,
    /// The command's bytes.
    pub command: Vec<u8>,
    /// The digest of its outcome.
    pub outcome: Hash,
    /// The digest of the engine after it.
    pub state: Hash,
}

/// An engine with everybody's keys.
pub struct World {
    /// What is tested.
    pub engine: Engine,
    /// What must always be true of it.
    pub watch: Watch,
    /// The Bitcoin chain that some deals are paid on.
    pub chain: chain::Chain,
    now: Timestamp,
    journal: Vec<Entry>,
    sent: BTreeMap<PublicKey, Vec<SignedBlock>>,
}

/// The key that a name stands for.
pub fn pair(name: &str) -> Keypair {
    let mut seed = [b'.'; 32];
    for (to, from) in seed.iter_mut().zip(name.bytes()) {
        *to = from;
    }
    Keypair::from_seed(&seed)
}

/// The public half of the key that a name stands for.
pub fn key(name: &str) -> PublicKey {
    pair(name).public()
}

/// The codes of a command's refusals, operation by operation; `done` for what took effect.
pub fn codes(outcome: &Outcome) -> Vec<&'static str> {
    match &outcome.result {
        CommandResult::Refused(refusal) => vec![refusal.code()],
        CommandResult::Done(operations) if operations.is_empty() => vec!["done"],
        CommandResult::Done(operations) => operations
            .iter()
            .map(|operation| match operation {
                OperationResult::Done => "done",
                OperationResult::Refused(refusal) => refusal.code(),
            })
            .collect(),
    }
}

/// `done`, or the code of the first refusal.
pub fn code(outcome: &Outcome) -> &'static str {
    codes(outcome).into_iter().find(|code| *code != "done").unwrap_or("done")
}

/// The first refusal.
pub fn refusal(outcome: &Outcome) -> Option<&Refusal> {
    match &outcome.result {
        CommandResult::Refused(refusal) => Some(refusal),
        CommandResult::Done(operations) => operations.iter().find_map(|operation| match operation {
            OperationResult::Refused(refusal) => Some(refusal),
            OperationResult::Done => None,
        }),
    }
}

/// How many records a replaying engine lives before it is put away as bytes and restored.
const RESTORED_EVERY: usize = 7;

/// Applies a journal to a new engine, restored from its own snapshot now and then, and checks that it gives the same
/// outcomes and states at every seq.
pub fn replay(journal: &[Entry]) -> Engine {
    let mut engine = Engine::new();
    for (index, entry) in journal.iter().enumerate() {
        if index % RESTORED_EVERY == RESTORED_EVERY - 1 {
            engine = Engine::restore(&engine.snapshot()).expect("an engine's own snapshot restores");
        }
        let decoded = Decoded::from_bytes(&entry.command).expect("the journal holds commands");
        let outcome = engine.apply(entry.time, &decoded);
        assert_eq!(outcome.digest(), entry.outcome, "the outcome of record {}", index + 1);
        assert_eq!(engine.digest(), entry.state, "the state after record {}", index + 1);
    }
    engine
}

impl World {
    /// A world after its genesis, without assets or markets, under the newest rules.
    pub fn bare() -> Self {
        Self::bare_under(RULES_VERSION)
    }

    /// The same under other rules.
    pub fn bare_under(rules: u32) -> Self {
        let now = Timestamp::from_micros(START);
        let mut world = Self {
            engine: Engine::new(),
            watch: Watch::default(),
            chain: chain::Chain::default(),
            now,
            journal: Vec::new(),
            sent: BTreeMap::new(),
        };
        let genesis = Genesis::new(NETWORK, key("node"), key("operator"), Amount::new(CAP));
        assert_eq!(code(&world.apply(Command::Genesis(genesis))), "done");
        if rules > FIRST_RULES {
            assert_eq!(code(&world.apply(Command::Upgrade { rules })), "done");
        }
        assert_eq!(world.engine.rules(), rules);
        world
    }

    /// The commands so far.
    pub fn journal(&self) -> &[Entry] {
        &self.journal
    }

    /// The blocks that a key signed and the engine took, in order.
    pub fn sent(&self, name: &str) -> &[SignedBlock] {
        self.sent.get(&key(name)).map_or(&[], Vec::as_slice)
    }

    /// The sequenced time of the next command.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Lets time pass. Nothing happens before the next command.
    pub fn wait(&mut self, micros: u64) {
        self.now = self.now.plus(micros);
    }

    /// Lets time pass and sequences a tick.
    pub fn tick(&mut self, micros: u64) -> Outcome {
        self.wait(micros);
        self.apply(Command::Tick)
    }

    /// Applies a command as it is, and checks what must always be true.
    pub fn apply(&mut self, command: Command) -> Outcome {
        self.apply_decoded(Decoded::new(command).expect("the command can be read"))
    }

    fn apply_decoded(&mut self, decoded: Decoded) -> Outcome {
        // Whatever is next, a copy says beforehand what comes of it.
        let foretold = self.engine.stand_in().apply(self.now, &decoded);
        let outcome = self.engine.apply(self.now, &decoded);
        let forks = matches!(decoded.command(), Command::Fork(_));
        assert!(forks || foretold == outcome, "{foretold:?} was foretold, and {outcome:?} came");
        self.journal.push(Entry {
            time: self.now,
            command: decoded.command().encode(),
            outcome: outcome.digest(),
            state: self.engine.digest(),
        });
        assert_eq!(self.engine.seq(), u64::try_from(self.journal.len()).expect("it fits"));
        self.watch.see(&self.engine, &decoded, &outcome);
        outcome
    }

    /// Applies a block the way the writer does: verified, next in its lane before, a duplicate of its record after.
    pub fn apply_block(&mut self, signed: SignedBlock) -> Outcome {
        let verified = verify(signed, NETWORK).expect("the block verifies");
        let (block, id) = (verified.block().clone(), verified.id());
        assert_eq!(self.engine.standing(&block, id, self.engine.time()), Standing::Next, "{block:?}");
        self.sent.entry(block.author).or_default().push(verified.signed().clone());
        let outcome = self.apply_decoded(Decoded::from(verified));
        if self.engine.head(&block.author).is_some_and(|head| head.id == id) {
            let record = self.engine.seq();
            assert_eq!(
                self.engine.standing(&block, id, self.engine.time()),
                Standing::Duplicate { record },
                "{block:?}"
            );
        }
        outcome
    }

    /// Applies a block without asking how it stands, as only a dishonest journal would hold it.
    pub fn force(&mut self, signed: SignedBlock) -> Outcome {
        self.apply(Command::Block(signed))
    }

    /// How a block stands now.
    pub fn standing(&self, signed: &SignedBlock) -> Standing {
        let verified = verify(signed.clone(), NETWORK).expect("the block verifies");
        self.engine.standing(verified.block(), verified.id(), self.engine.time())
    }

    /// The next block of a key's lane.
    pub fn next_block(&self, name: &str, body: impl Into<Body>) -> Block {
        let head = self.engine.head(&key(name));
        let (seq, previous) = head.map_or((0, BlockId::ZERO), |head| (head.seq, head.id));
        Block {
            network: NETWORK,
            author: key(name),
            seq: seq + 1,
            previous,
            time: self.now,
            expiry: None,
            body: body.into(),
        }
    }

    /// Signs what `body` says as the next block of a key's lane.
    pub fn sign(&self, name: &str, body: impl Into<Body>) -> SignedBlock {
        self.next_block(name, body).sign(&pair(name))
    }

    /// Signs and applies the next block of a key's lane.
    pub fn send(&mut self, name: &str, body: impl Into<Body>) -> Outcome {
        let signed = self.sign(name, body);
        self.apply_block(signed)
    }

    /// The account that a key belongs to.
    pub fn account(&self, name: &str) -> AccountId {
        self.engine.key(&key(name)).expect("the key has an account").account
    }

    /// A register block whose id has enough zero bits, or too few.
    pub fn registration(&self, name: &str, enough: bool) -> SignedBlock {
        let bits = u32::from(self.engine.parameters().register_work_bits);
        let home = key("node");
        (0..)
            .map(|nonce| self.next_block(name, bandex_tradechain::body::Register { home, nonce }))
            .find(|block| (leading_zero_bits(&block.id()) >= bits) == enough)
            .expect("some nonce serves")
            .sign(&pair(name))
    }
}

/// Only the events of one kind.
macro_rules! only {
    ($name:ident, $variant:ident, $type:ty) => {
        /// The events of this kind in an outcome.
        pub fn $name(outcome: &Outcome) -> Vec<$type> {
            let pick = |event: &Event| match event {
                Event::$variant(what) => Some(what.clone().into()),
                _ => None,
            };
            outcome.events.iter().filter_map(pick).collect()
        }
    };
}
only!(trades, Trade, bandex_engine::Trade);
only!(order_states, Order, bandex_engine::OrderState);
only!(tranches, Tranche, bandex_engine::Tranche);
only!(defaults, Default, bandex_engine::DefaultNotice);
only!(proposals, Proposal, bandex_engine::ProposalState);
only!(slashes, Slash, bandex_engine::Slash);
only!(nettings, Netted, bandex_engine::Netted);
only!(payments, Payment, bandex_engine::PaymentState);

impl Drop for World {
    /// A second engine must come to the same outcomes and the same states, at every seq.
    fn drop(&mut self) {
        if !std::thread::panicking() {
            replay(&self.journal);
        }
    }
}
