//! The state of the one writer: the engine, the ends of its chains, and the keys that sign for the node.

use crate::{Ends, Making, Sealed};
use bandex_engine::Engine;
use bandex_tradechain::body::{Change, MAX_CHANGES};
use bandex_tradechain::{Command, Decoded, Genesis, Head, Keypair};
use bandex_types::Timestamp;

/// Sequences and applies, batch by batch.
#[derive(Debug)]
pub struct Sequencer {
    pub(crate) engine: Engine,
    pub(crate) ends: Ends,
    /// Signs batch blocks.
    pub(crate) node: Keypair,
    /// Signs configure blocks.
    pub(crate) operator: Keypair,
}

impl Sequencer {
    /// Goes on from an engine and the ends of the journal that made it, as [`Replay`](crate::Replay) gives them.
    pub fn new(engine: Engine, ends: Ends, node: Keypair, operator: Keypair) -> Self {
        Self { engine, ends, node, operator }
    }

    /// The first batch of a new journal: genesis, the newest rules, and the operator's first decisions.
    pub fn begin(&mut self, genesis: Genesis, changes: &[Change], now: Timestamp) -> Sealed {
        self.ends.node = Head { seq: 0, id: genesis.id() };
        let mut making = self.batch(now);
        let decoded = Decoded::new(Command::Genesis(genesis)).expect("a genesis holds no block to read");
        making.apply(&decoded);
        making.upgrade();
        for some in changes.chunks(MAX_CHANGES) {
            making.configure(some.to_vec());
        }
        making.seal().expect("the batch holds the genesis")
    }

    /// Opens a batch, all of whose records have the time `now`, or that of the last record if that is later.
    pub fn batch(&mut self, now: Timestamp) -> Making<'_> {
        Making::new(self, now)
    }

    /// The state machine, to read it.
    pub const fn engine(&self) -> &Engine {
        &self.engine
    }

    /// What the next batch continues.
    pub const fn ends(&self) -> Ends {
        self.ends
    }
}
