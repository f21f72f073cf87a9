//! The exchange that a replay drives: the engine alone, or a server.

use anyhow::{Context, Result};
use bandex_engine::{CommandResult, Engine, Outcome};
use bandex_tradechain::{Command, Decoded, Genesis, SignedBlock, verify};
use bandex_types::Timestamp;

/// An exchange that takes signed blocks.
pub trait Venue {
    /// Its root of trust.
    fn genesis(&self) -> &Genesis;

    /// Hands in one block, which reached the venue of the file at `time`. Gives the outcomes that became known, each
    /// once, in the order in which their blocks were handed in; one that pipelines may give them later.
    ///
    /// # Errors
    /// The exchange did not take the block into its order, so the blocks behind it cannot follow.
    async fn submit(&mut self, time: Timestamp, block: SignedBlock) -> Result<Vec<Outcome>>;

    /// Waits for the outcomes that are still missing.
    ///
    /// # Errors
    /// The exchange stopped answering.
    async fn finish(&mut self) -> Result<Vec<Outcome>>;
}

/// The engine in this process: verify and apply, nothing stored.
#[derive(Debug)]
pub struct EngineVenue {
    engine: Engine,
    genesis: Genesis,
}

impl EngineVenue {
    /// A new exchange that begins at `time`.
    ///
    /// # Errors
    /// The genesis was refused.
    pub fn new(genesis: Genesis, time: Timestamp) -> Result<Self> {
        let mut engine = Engine::new();
        let begin = Decoded::new(Command::Genesis(genesis.clone()))?;
        match engine.apply(time, &begin).result {
            CommandResult::Done(_) => Ok(Self { engine, genesis }),
            CommandResult::Refused(refusal) => Err(refusal).context("genesis"),
        }
    }
}

impl Venue for EngineVenue {
    fn genesis(&self) -> &Genesis {
        &self.genesis
    }

    async fn submit(&mut self, time: Timestamp, block: SignedBlock) -> Result<Vec<Outcome>> {
        let verified = verify(block, self.genesis.network)?;
        Ok(vec![self.engine.apply(time, &Decoded::from(verified))])
    }

    async fn finish(&mut self) -> Result<Vec<Outcome>> {
        Ok(Vec::new())
    }
}
