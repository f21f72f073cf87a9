//! The exchange that a replay drives: the engine alone, or a server.

use super::lane::{Lane, test_genesis, test_key};
use anyhow::{Context, Result};
use bandex_engine::{CommandResult, Engine, OperationResult, Outcome, Refusal};
use bandex_tradechain::body::{Change, Configure, MAX_CHANGES};
use bandex_tradechain::{Command, Decoded, Genesis, SignedBlock, verify};
use bandex_types::Timestamp;

/// An exchange that takes signed blocks.
pub trait Venue {
    /// Its root of trust.
    fn genesis(&self) -> &Genesis;

    /// The work that it asks of a `register` block, in zero bits.
    fn register_work_bits(&self) -> u8;

    /// Lets the operator decide, at `time` as in [`Venue::submit`]. What is listed already may stay as it is.
    ///
    /// # Errors
    /// A change was refused.
    async fn configure(&mut self, time: Timestamp, changes: Vec<Change>) -> Result<()>;

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
    operator: Lane,
}

impl EngineVenue {
    /// A new exchange that begins at `time`.
    ///
    /// # Errors
    /// The genesis was refused.
    pub fn new(time: Timestamp) -> Result<Self> {
        let genesis = test_genesis();
        let mut engine = Engine::new();
        let begin = Decoded::new(Command::Genesis(genesis.clone()))?;
        check_done(engine.apply(time, &begin).result).context("genesis")?;
        if let Some(upgrade) = engine.due_upgrade() {
            check_done(engine.apply(time, &Decoded::new(upgrade)?).result).context("upgrade")?;
        }
        let operator = Lane::operator(test_key("operator", 0), &genesis);
        Ok(Self { engine, genesis, operator })
    }
}

/// Refuses what an operator's decision must not come to.
fn check_done(result: CommandResult) -> Result<(), Refusal> {
    let refused = match result {
        CommandResult::Refused(refusal) => Some(refusal),
        CommandResult::Done(operations) => operations.into_iter().find_map(|operation| match operation {
            OperationResult::Refused(refusal) if refusal != Refusal::AlreadyListed => Some(refusal),
            _ => None,
        }),
    };
    refused.map_or(Ok(()), Err)
}

impl Venue for EngineVenue {
    fn genesis(&self) -> &Genesis {
        &self.genesis
    }

    fn register_work_bits(&self) -> u8 {
        self.engine.parameters().register_work_bits
    }

    async fn configure(&mut self, time: Timestamp, changes: Vec<Change>) -> Result<()> {
        for changes in changes.chunks(MAX_CHANGES) {
            let block = self.operator.sign(time, Configure { changes: changes.to_vec() });
            for outcome in self.submit(time, block).await? {
                check_done(outcome.result)?;
            }
        }
        Ok(())
    }

    async fn submit(&mut self, time: Timestamp, block: SignedBlock) -> Result<Vec<Outcome>> {
        let verified = verify(block, self.genesis.network)?;
        Ok(vec![self.engine.apply(time, &Decoded::from(verified))])
    }

    async fn finish(&mut self) -> Result<Vec<Outcome>> {
        Ok(Vec::new())
    }
}
