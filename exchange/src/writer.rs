//! The one writer: sequences, applies, journals. Whatever waits goes into the next transaction.

use crate::batcher::{Batcher, Ends};
use crate::clock;
use crate::exchange::stopped;
use crate::identity::Identity;
use crate::publication::{Applied, AppliedBlock, LevelChange, Publication, touched_levels};
use bandex_engine::{Engine, KeyStatus, Refusal, Standing};
use bandex_journal::{AppendError, Journal, JournalReader};
use bandex_tradechain::body::{Change, Configure};
use bandex_tradechain::{Block, Body, Command, Decoded, ForkProof, Genesis, Head, SignedBlock, Verified};
use bandex_types::{MarketId, Price, PublicKey, Side, Timestamp};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};

/// What reaches the writer's queue.
pub(crate) enum Input {
    /// A verified block of anybody.
    Block(Box<Verified>, oneshot::Sender<Answer>),
    /// Decisions to be signed with the operator's key.
    Configure(Vec<Change>, oneshot::Sender<Answer>),
}

/// What the writer answers.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    /// Sequenced and durable: the record at this index of the publication.
    Committed(Arc<Publication>, usize),
    /// Sequenced and durable before, as this record.
    Duplicate { record: u64 },
    /// Another block has its place; both are kept as proof.
    Fork { record: u64 },
    /// Something before it is missing.
    Gap(Head),
    /// It cannot be sequenced.
    Refused(Refusal),
    /// The journal did not say whether it took it: the same bytes must be sent again.
    Unknown,
}

/// Why the writer stopped for good.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WriterError {
    #[error(transparent)]
    Journal(#[from] AppendError),
}

/// What waits for the commit of the batch being made.
enum Waiting {
    /// The record at this index of the batch.
    Index(usize),
    /// An answer that is already known, but must not overtake the batch.
    Known(Answer),
}

/// The writer's state.
pub(crate) struct Writer {
    pub identity: Identity,
    pub engine: Engine,
    pub ends: Ends,
    pub journal: Box<dyn Journal>,
    pub reader: Arc<dyn JournalReader>,
    pub publications: mpsc::Sender<Arc<Publication>>,
    pub batch_max: usize,
    /// Keys whose forks after their end are already on record.
    pub fork_evidence: BTreeSet<PublicKey>,
}

/// A batch being made.
struct Making<'a> {
    batcher: Batcher<'a>,
    applied: Vec<Applied>,
    touched: BTreeSet<(MarketId, Side, Price)>,
    now: Timestamp,
}

impl Making<'_> {
    fn apply(&mut self, engine: &mut Engine, decoded: &Decoded) -> usize {
        let rules = engine.rules();
        let outcome = engine.apply(self.now, decoded);
        let (seq, time) = (engine.seq(), engine.time());
        touched_levels(&outcome, &mut self.touched);
        let outcome_bytes = self.batcher.push(seq, time, rules, decoded, &outcome);
        let leaf = self.batcher.record(seq).map(bandex_tradechain::Record::leaf);
        let block = AppliedBlock::of(decoded, &outcome);
        let leaf = leaf.expect("the record was just pushed");
        self.applied.push(Applied { seq, time, leaf, block, outcome, outcome_bytes });
        self.applied.len() - 1
    }
}

impl Writer {
    /// Works until it is told to stop and has journalled what waits.
    ///
    /// # Errors
    /// The journal failed; everything that waited was answered with [`Answer::Unknown`], and the engine is ahead of
    /// the journal: throw it away and replay.
    pub async fn run(
        &mut self,
        queue: &mut mpsc::Receiver<Input>,
        mut stopping: watch::Receiver<bool>,
    ) -> Result<(), WriterError> {
        let mut inputs = Vec::with_capacity(self.batch_max);
        loop {
            // Only waiting is ever cut short here: a batch, once begun, is brought to its end.
            tokio::select! {
                count = queue.recv_many(&mut inputs, self.batch_max) => {
                    if count == 0 {
                        return Ok(());
                    }
                }
                () = until(self.engine.next_deadline()) => {}
                () = stopped(&mut stopping), if !queue.is_closed() => queue.close(),
            }
            self.batch(inputs.drain(..)).await?;
        }
    }

    /// Begins a new journal.
    ///
    /// # Errors
    /// As [`Writer::run`].
    pub async fn begin(&mut self, genesis: Genesis, changes: Vec<Change>) -> Result<(), WriterError> {
        self.ends.node = Head { seq: 0, id: genesis.id() };
        let network = genesis.network;
        let node = self.identity.node.clone();
        let mut making = Self::making(&node, network, self.ends);
        let decoded = Decoded::new(Command::Genesis(genesis)).expect("a genesis holds no block to read");
        making.apply(&mut self.engine, &decoded);
        for some in changes.chunks(bandex_tradechain::body::MAX_CHANGES) {
            self.configure(&mut making, some.to_vec());
        }
        self.commit(making, Vec::new()).await
    }

    fn making<'a>(node: &'a bandex_tradechain::Keypair, network: u32, ends: Ends) -> Making<'a> {
        Making {
            batcher: Batcher::new(node, network, ends),
            applied: Vec::new(),
            touched: BTreeSet::new(),
            now: clock::now(),
        }
    }

    async fn batch(&mut self, inputs: impl Iterator<Item = Input>) -> Result<(), WriterError> {
        let node = self.identity.node.clone();
        let network = self.engine.genesis().map_or(0, |genesis| genesis.network);
        let mut making = Self::making(&node, network, self.ends);
        let mut waiting = Vec::new();
        for input in inputs {
            match input {
                Input::Block(verified, reply) => {
                    let answer = self.block(&mut making, *verified).await;
                    waiting.push((answer, reply));
                }
                Input::Configure(changes, reply) => {
                    waiting.push((Waiting::Index(self.configure(&mut making, changes)), reply));
                }
            }
        }
        let due = self.engine.next_deadline().is_some_and(|deadline| deadline <= making.now);
        if due && making.batcher.is_empty() {
            let tick = Decoded::new(Command::Tick).expect("a tick holds no block to read");
            making.apply(&mut self.engine, &tick);
        }
        self.commit(making, waiting).await
    }

    async fn block(&mut self, making: &mut Making<'_>, verified: Verified) -> Waiting {
        match self.engine.standing(verified.block(), verified.id(), making.now) {
            Standing::Next => Waiting::Index(making.apply(&mut self.engine, &Decoded::from(verified))),
            Standing::Duplicate { record } => {
                // One of this very batch is answered like its twin, once that is durable.
                let twin = making.applied.iter().position(|applied| applied.seq == record);
                twin.map_or(Waiting::Known(Answer::Duplicate { record }), Waiting::Index)
            }
            Standing::Fork { record } => {
                let on_record = self.fork(making, record, verified).await;
                Waiting::Known(if on_record { Answer::Fork { record } } else { Answer::Unknown })
            }
            Standing::Gap(head) => Waiting::Known(Answer::Gap(head)),
            Standing::Refused(refusal) => Waiting::Known(Answer::Refused(refusal)),
        }
    }

    /// Puts a fork on record: once while the key is active, and once more as evidence if it had ended before. False if
    /// the first block cannot be read now.
    async fn fork(&mut self, making: &mut Making<'_>, record: u64, second: Verified) -> bool {
        let key = second.block().author;
        let known = match self.engine.key(&key) {
            Some(state) if state.is_active(making.now.max(self.engine.time())) => false,
            Some(state) if state.status != KeyStatus::Forked => self.fork_evidence.contains(&key),
            _ => true,
        };
        if known {
            return true;
        }
        let Some(first) = sequenced(self.reader.as_ref(), making, record).await else { return false };
        self.fork_evidence.insert(key);
        let proof = ForkProof { first, second: second.into_parts().0 };
        let decoded = Decoded::new(Command::Fork(proof)).expect("a fork proof holds no block to read");
        making.apply(&mut self.engine, &decoded);
        true
    }

    /// Signs and applies a configure block of the operator.
    fn configure(&mut self, making: &mut Making<'_>, changes: Vec<Change>) -> usize {
        let operator = &self.identity.operator;
        let author = operator.public();
        let head = self.engine.head(&author).unwrap_or(Head { seq: 0, id: bandex_types::BlockId::ZERO });
        let block = Block {
            network: self.engine.genesis().map_or(0, |genesis| genesis.network),
            author,
            seq: head.seq + 1,
            previous: head.id,
            time: making.now,
            expiry: None,
            body: Body::Configure(Configure { changes }),
        };
        let decoded =
            Decoded::new(Command::Block(block.sign(operator))).expect("the block was encoded just now");
        making.apply(&mut self.engine, &decoded)
    }

    /// Makes the batch durable, then lets the answers and the publication go.
    async fn commit(
        &mut self,
        making: Making<'_>,
        waiting: Vec<(Waiting, oneshot::Sender<Answer>)>,
    ) -> Result<(), WriterError> {
        let Making { batcher, applied, touched, now } = making;
        let Some(sealed) = batcher.seal(now) else {
            answer(waiting, |_| Answer::Unknown);
            return Ok(());
        };
        match self.journal.append(&sealed.batch).await {
            Ok(proof) => {
                self.ends = sealed.ends;
                let levels = self.levels(touched);
                let publication = Publication::new(proof, applied, sealed.batch.block, sealed.leaves, levels);
                answer(waiting, |index| Answer::Committed(Arc::clone(&publication), index));
                // A publisher that is gone means that the server is stopping; what is durable stays durable.
                let _ = self.publications.send(publication).await;
                Ok(())
            }
            Err(error) => {
                tracing::error!(%error, "the journal did not take a batch");
                // Answers that were known may have been about blocks of this very batch.
                for (_, reply) in waiting {
                    let _ = reply.send(Answer::Unknown);
                }
                Err(error.into())
            }
        }
    }

    fn levels(&self, touched: BTreeSet<(MarketId, Side, Price)>) -> Vec<LevelChange> {
        touched
            .into_iter()
            .map(|(market, side, price)| {
                let level = self.engine.level(market, side, price);
                LevelChange { market, side, price, level }
            })
            .collect()
    }
}

/// The block of a record, in the batch being made or in the journal.
async fn sequenced(reader: &dyn JournalReader, making: &Making<'_>, seq: u64) -> Option<SignedBlock> {
    let bytes = match making.batcher.record(seq) {
        Some(record) => record.command.clone(),
        None => match reader.records(seq, 1).await {
            Ok(records) => records.into_iter().next()?.command,
            Err(error) => {
                tracing::error!(%error, seq, "the first block of a fork cannot be read");
                return None;
            }
        },
    };
    match Decoded::from_bytes(&bytes).ok()?.command() {
        Command::Block(signed) => Some(signed.clone()),
        _ => None,
    }
}

fn answer(waiting: Vec<(Waiting, oneshot::Sender<Answer>)>, committed: impl Fn(usize) -> Answer) {
    for (waiting, reply) in waiting {
        let answer = match waiting {
            Waiting::Index(index) => committed(index),
            Waiting::Known(answer) => answer,
        };
        // Whoever hung up can ask again by the block's id.
        let _ = reply.send(answer);
    }
}

/// Waits until something is due by itself; forever if nothing is.
async fn until(deadline: Option<Timestamp>) {
    match deadline {
        Some(deadline) => tokio::time::sleep(Duration::from_micros(deadline.since(clock::now()))).await,
        None => std::future::pending().await,
    }
}
