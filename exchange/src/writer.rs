//! The one writer's loop: what waits goes to the sequencer, a sealed batch to the journal, and only then anything to
//! anybody. Whatever waits goes into the next transaction.

use crate::bitcoin::Known;
use crate::clock;
use crate::edge::Metrics;
use crate::exchange::stopped;
use crate::presence::Presence;
use crate::publication::Publication;
use crate::scorer::LastEpoch;
use bandex_engine::{Event, Refusal};
use bandex_journal::{AppendError, Journal};
use bandex_sequencer::{Known as Answered, Making, Observation, Sealed, Sequencer, Submitted};
use bandex_tradechain::body::Change;
use bandex_tradechain::{Disconnected, Genesis, Head, Record, Scores, Verified};
use bandex_types::{Hash, Timestamp};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot, watch};

/// What reaches the writer's queue.
pub(crate) enum Input {
    /// A verified block of anybody.
    Block(Box<Verified>, oneshot::Sender<Answer>),
    /// The scores of an epoch that ended.
    Scores(Scores),
    /// What a Bitcoin node knows of the chain.
    Observed(Observation, oneshot::Sender<Answer>),
    /// A key that asks for it has had no connection for as long as it allows.
    Gone(Disconnected, oneshot::Sender<Answer>),
    /// Decisions to be signed with the operator's key.
    Configure(Vec<Change>, oneshot::Sender<Answer>),
    /// The digest of the engine's state, once all before it is durable.
    Digest(oneshot::Sender<StateDigest>),
}

/// What the engine's whole state hashes to after a durable record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StateDigest {
    pub seq: u64,
    pub digest: Hash,
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
    pub sequencer: Sequencer,
    pub journal: Box<dyn Journal>,
    pub publications: mpsc::Sender<Arc<Publication>>,
    pub batch_max: usize,
    /// The last epoch of the trust graph, for whoever works out its scores.
    pub epochs: watch::Sender<Option<LastEpoch>>,
    /// What the engine has of the Bitcoin chain, for whoever follows it.
    pub bitcoin: Arc<Known>,
    pub metrics: Arc<Metrics>,
    /// The kinds of what the batch being made holds, for the metrics.
    pub kinds: Vec<&'static str>,
    /// Whose orders go when it is not connected.
    pub presence: Arc<Presence>,
}

/// Those who wait for a batch, and for what of it.
type Asked = Vec<(Waiting, oneshot::Sender<Answer>)>;

impl Writer {
    /// Works until it is told to stop and has journalled what waits.
    ///
    /// # Errors
    /// The journal failed; everything that waited was answered with [`Answer::Unknown`], and the sequencer is ahead of
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
                () = until(self.sequencer.engine().next_deadline()) => {}
                () = stopped(&mut stopping), if !queue.is_closed() => queue.close(),
            }
            self.batch(inputs.drain(..)).await?;
        }
    }

    /// Begins a new journal.
    ///
    /// # Errors
    /// As [`Writer::run`].
    pub async fn begin(&mut self, genesis: Genesis, changes: &[Change]) -> Result<(), WriterError> {
        let sealed = self.sequencer.begin(genesis, changes, clock::now());
        self.commit(sealed, Vec::new()).await
    }

    /// Brings the rules of a journal that was begun by an older program up to the newest.
    ///
    /// # Errors
    /// As [`Writer::run`].
    pub async fn upgrade(&mut self) -> Result<(), WriterError> {
        let mut making = self.sequencer.batch(clock::now());
        making.upgrade();
        match making.seal() {
            Some(sealed) => self.commit(sealed, Vec::new()).await,
            None => Ok(()),
        }
    }

    /// Shows the last epoch that ended, as far as it is durable.
    pub fn show_epoch(&self) {
        self.epochs.send_replace(LastEpoch::of(self.sequencer.engine()));
    }

    async fn batch(&mut self, inputs: impl Iterator<Item = Input>) -> Result<(), WriterError> {
        let mut making = self.sequencer.batch(clock::now());
        let (mut asked, mut digests) = (Vec::new(), Vec::new());
        for input in inputs {
            match input {
                Input::Block(verified, reply) => {
                    let kind = verified.block().body.kind().name();
                    let waiting = block(&mut making, self.journal.as_mut(), *verified).await;
                    self.kinds.extend(matches!(waiting, Waiting::Index(_)).then_some(kind));
                    asked.push((waiting, reply));
                }
                Input::Configure(changes, reply) => {
                    self.kinds.push("configure");
                    asked.push((Waiting::Index(making.configure(changes)), reply));
                }
                Input::Observed(observation, reply) => {
                    self.kinds.push("bitcoin");
                    asked.push((Waiting::Index(making.observe(observation)), reply));
                }
                Input::Gone(gone, reply) => {
                    let unsaid = Waiting::Known(Answer::Unknown);
                    let waiting =
                        disconnected(&mut making, &self.presence, gone).map_or(unsaid, Waiting::Index);
                    self.kinds.extend(matches!(waiting, Waiting::Index(_)).then_some("disconnected"));
                    asked.push((waiting, reply));
                }
                Input::Scores(scores) => {
                    self.kinds.push("scores");
                    making.scores(scores);
                }
                Input::Digest(reply) => digests.push(reply),
            }
        }
        making.tick_if_due();
        match making.seal() {
            Some(sealed) => self.commit(sealed, asked).await?,
            None => answer(asked, |_| Answer::Unknown),
        }
        let engine = self.sequencer.engine();
        for reply in digests {
            let _ = reply.send(StateDigest { seq: engine.seq(), digest: engine.digest() });
        }
        Ok(())
    }

    /// Makes the batch durable, then lets the answers and the publication go.
    async fn commit(&mut self, sealed: Sealed, asked: Asked) -> Result<(), WriterError> {
        let begun = Instant::now();
        match self.journal.append(&sealed.batch).await {
            Ok(proof) => {
                self.metrics.committed(sealed.applied.len(), &self.kinds, begun.elapsed());
                self.kinds.clear();
                if sealed.applied.iter().flat_map(|applied| &applied.outcome.events).any(is_of_epochs) {
                    self.show_epoch();
                }
                self.bitcoin.commit(self.sequencer.engine(), &sealed.applied);
                self.presence.commit(&sealed.applied);
                let publication = Publication::new(proof, sealed);
                answer(asked, |index| Answer::Committed(Arc::clone(&publication), index));
                // A publisher that is gone means that the server is stopping; what is durable stays durable.
                let _ = self.publications.send(publication).await;
                Ok(())
            }
            Err(error) => {
                tracing::error!(%error, "the journal did not take a batch");
                // Answers that were known may have been about blocks of this very batch.
                for (_, reply) in asked {
                    let _ = reply.send(Answer::Unknown);
                }
                Err(error.into())
            }
        }
    }
}

/// Has the orders of a key cancelled that is gone, unless it has come back while this waited for its turn. Gives the
/// index in the batch.
pub(crate) fn disconnected(
    making: &mut Making<'_>,
    presence: &Presence,
    gone: Disconnected,
) -> Option<usize> {
    if presence.is_absent(&gone) { making.disconnected(gone) } else { None }
}

/// Whether an epoch ended, or was scored.
const fn is_of_epochs(event: &Event) -> bool {
    matches!(event, Event::Epoch { .. } | Event::Scored { .. })
}

/// Submits a block, and reads from the journal what a fork contradicts.
async fn block(making: &mut Making<'_>, journal: &mut dyn Journal, verified: Verified) -> Waiting {
    let known = match making.submit(verified) {
        Submitted::Index(index) => return Waiting::Index(index),
        Submitted::Known(known) => Some(known),
        Submitted::Contradicts { record, second } => match read(journal, record).await {
            Some(first) => making.fork(&first, *second),
            None => None,
        },
    };
    // A fork whose first block cannot be read now is not on record: the sender must come again.
    Waiting::Known(known.map_or(Answer::Unknown, Answer::from))
}

async fn read(journal: &mut dyn Journal, seq: u64) -> Option<Record> {
    match journal.record(seq).await {
        Ok(record) => record,
        Err(error) => {
            tracing::error!(%error, seq, "the first block of a fork cannot be read");
            None
        }
    }
}

impl From<Answered> for Answer {
    fn from(known: Answered) -> Self {
        match known {
            Answered::Duplicate { record } => Self::Duplicate { record },
            Answered::Fork { record } => Self::Fork { record },
            Answered::Gap(head) => Self::Gap(head),
            Answered::Refused(refusal) => Self::Refused(refusal),
        }
    }
}

fn answer(asked: Asked, committed: impl Fn(usize) -> Answer) {
    for (waiting, reply) in asked {
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
