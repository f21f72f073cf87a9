//! The node: a queue, the sequencer, a journal; and what may be told of it only once it is committed.

use crate::broken::{Broken, Invariant};
use crate::chain::Told;
use crate::network::{Answer, Letter, Network, News, Reader, Reply};
use crate::tell::{answer, concerning};
use bandex_engine::{Engine, Outcome};
use bandex_journal::{AppendError, Journal, JournalReader, MemoryJournal, MemoryStore};
use bandex_sequencer::{Applied, Ends, Known, Making, Observation, Replay, Sealed, Sequencer, Submitted};
use bandex_tradechain::body::Change;
use bandex_tradechain::{Disconnected, Keypair, Record, Scores, Verified};
use bandex_types::{AccountId, BlockId, Hash, PublicKey, Timestamp};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// The result of a future that never waits, as the memory store's never do.
pub(crate) fn at_once<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => unreachable!("the memory store never waits"),
    }
}

/// The keys that a node runs with.
#[derive(Debug, Clone)]
pub(crate) struct Keys {
    pub node: Keypair,
    pub operator: Keypair,
}

/// What waits for the writer.
#[derive(Debug)]
pub(crate) enum Input {
    Block(usize, Rc<Verified>),
    Configure(Vec<Change>),
    /// The scores of an epoch that has ended.
    Scores(Scores),
    /// What a Bitcoin node knows.
    Observation(Observation),
}

/// Who waits for a batch, and for what of it.
#[derive(Debug)]
pub(crate) enum Waiting {
    Index(usize),
    Known(Answer),
    /// It was sequenced long ago: the receipt is made from journal and projections.
    Record(u64),
}

/// A batch that the disk works on.
#[derive(Debug)]
pub(crate) struct Pending {
    sealed: Sealed,
    asked: Vec<(usize, BlockId, Waiting)>,
}

/// A committed batch, for whoever follows the journal.
pub(crate) type Committed = Vec<(Record, Applied)>;

/// A private channel.
#[derive(Debug)]
struct Session {
    connection: u64,
    key: PublicKey,
    account: AccountId,
    number: u64,
    /// The last record that was looked at for it.
    at: u64,
}

/// Outcomes by seq, written behind the journal; they outlive the node.
#[derive(Debug, Default)]
pub(crate) struct Projections(Vec<Vec<u8>>);

impl Projections {
    pub fn checkpoint(&self) -> u64 {
        self.0.len() as u64
    }

    pub fn outcome(&self, seq: u64) -> Option<&Vec<u8>> {
        self.0.get(usize::try_from(seq.checked_sub(1)?).ok()?)
    }

    fn apply(&mut self, seq: u64, outcome: &[u8]) {
        if seq == self.checkpoint().saturating_add(1) {
            self.0.push(outcome.to_vec());
        }
    }
}

/// Where an engine stood when its node died.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stood {
    pub seq: u64,
    pub record_hash: Hash,
    pub digest: Hash,
}

/// A running node.
#[derive(Debug)]
pub(crate) struct Node {
    pub sequencer: Sequencer,
    journal: MemoryJournal,
    pub queue: VecDeque<Input>,
    pub pending: Option<Pending>,
    /// Everything published, from record 1.
    told: Vec<Rc<Outcome>>,
    unprojected: Vec<(u64, Vec<u8>)>,
    sessions: BTreeMap<(usize, Reader), Session>,
    /// The payments on the Bitcoin chain that it has told the engine of, and the last fee rate.
    pub told_payments: BTreeSet<Told>,
    pub told_rate: Option<u64>,
    presence: Presence,
}

/// Who has no connection, and since when.
#[derive(Debug, Default)]
struct Presence {
    /// When the last connection of a key ended.
    left: BTreeMap<PublicKey, Timestamp>,
    /// Keys of which the engine was told that they are gone.
    told: BTreeSet<PublicKey>,
    /// The node's clock at its first batch: who has had no connection since counts as gone from there on.
    began: Option<Timestamp>,
    /// The node's clock at its last batch.
    clock: Timestamp,
}

impl Presence {
    fn leaves(&mut self, key: PublicKey, now: Timestamp) {
        self.left.insert(key, now);
        self.told.remove(&key);
    }

    /// The keys that ask for it and have no connection.
    fn gone(
        &mut self,
        engine: &Engine,
        sessions: &BTreeMap<(usize, Reader), Session>,
        now: Timestamp,
    ) -> Vec<Disconnected> {
        self.clock = now;
        let began = *self.began.get_or_insert(now);
        let is_gone = |key: &PublicKey| {
            !self.told.contains(key) && sessions.values().all(|session| session.key != *key)
        };
        let asks = engine.guards().filter(|state| state.on_disconnect_us.is_some());
        let gone = asks.filter(|state| is_gone(&state.key));
        gone.map(|state| {
            let since = self.left.get(&state.key).copied().unwrap_or(began);
            Disconnected { key: state.key, since }
        })
        .collect()
    }
}

/// How an append ended that was not good.
pub(crate) enum Died {
    Fenced,
    Failed,
    Unknown,
}

impl Node {
    /// Opens the store and replays it; gives what it holds. `stood` is where nodes before it died: replay must pass
    /// there in the same state.
    pub fn open(
        store: &MemoryStore,
        keys: &Keys,
        projections: &mut Projections,
        stood: &[Stood],
    ) -> Result<(Self, Committed), Broken> {
        let damaged = |what: String| Broken::new(Invariant::Replay, what);
        let journal = store.open();
        if store.torn_records() > 0 {
            return Err(Broken::new(Invariant::Torn, "records lie behind the last batch block"));
        }
        let (engine, ends, committed) = replay(store, stood)?;
        let mut told = Vec::with_capacity(committed.len());
        for (_, applied) in &committed {
            projections.apply(applied.seq, &applied.outcome_bytes);
            told.push(Rc::new(applied.outcome.clone()));
        }
        if projections.checkpoint() > engine.seq() {
            let what = format!("{} records are projected of {}", projections.checkpoint(), engine.seq());
            return Err(Broken::new(Invariant::Published, what));
        }
        if engine.genesis().is_some_and(|genesis| genesis.node != keys.node.public()) {
            return Err(damaged("the journal is another node's".to_owned()));
        }
        let sequencer = Sequencer::new(engine, ends, keys.node.clone(), keys.operator.clone());
        let node = Self {
            sequencer,
            journal,
            queue: VecDeque::new(),
            pending: None,
            told,
            unprojected: Vec::new(),
            sessions: BTreeMap::new(),
            told_payments: BTreeSet::new(),
            told_rate: None,
            presence: Presence::default(),
        };
        Ok((node, committed))
    }

    /// Where its engine stands.
    pub fn stands(&self) -> Stood {
        let engine = self.sequencer.engine();
        Stood { seq: engine.seq(), record_hash: self.sequencer.ends().record_hash, digest: engine.digest() }
    }

    /// Begins an empty journal.
    pub fn begin(&mut self, sealed: Sealed) {
        self.pending = Some(Pending { sealed, asked: Vec::new() });
    }

    /// Makes a batch of what waits. False: there is none, and what could be answered was.
    pub fn make_batch(
        &mut self,
        now: Timestamp,
        batch_max: usize,
        projections: &Projections,
        network: &mut Network,
    ) -> bool {
        let reader = self.journal.reader();
        let count = self.queue.len().min(batch_max.max(1));
        let mut asked = Vec::new();
        let gone = self.presence.gone(self.sequencer.engine(), &self.sessions, now);
        let mut making = self.sequencer.batch(now);
        for input in self.queue.drain(..count) {
            match input {
                Input::Block(client, verified) => {
                    let id = verified.id();
                    let waiting = submit(&mut making, reader.as_ref(), Verified::clone(&verified));
                    asked.push((client, id, waiting));
                }
                Input::Configure(changes) => {
                    making.configure(changes);
                }
                Input::Scores(scores) => making.scores(scores),
                Input::Observation(observation) => {
                    making.observe(observation);
                }
            }
        }
        for gone in gone {
            if making.disconnected(gone).is_some() {
                self.presence.told.insert(gone.key);
            }
        }
        making.tick_if_due();
        match making.seal() {
            Some(sealed) => {
                self.pending = Some(Pending { sealed, asked });
                true
            }
            None => {
                for (client, id, waiting) in asked {
                    let answer = answer(waiting, None, reader.as_ref(), projections);
                    network.send(Letter::ToClient(client, Reply::Answer { id, answer }));
                }
                false
            }
        }
    }

    /// Has the journal take the batch that waits; then, and only then, lets answers and news go.
    pub fn commit(
        &mut self,
        projections: &mut Projections,
        network: &mut Network,
    ) -> Result<Committed, Died> {
        let Some(Pending { sealed, asked }) = self.pending.take() else { return Ok(Vec::new()) };
        if let Err(error) = at_once(self.journal.append(&sealed.batch)) {
            for (client, id, _) in asked {
                network.send(Letter::ToClient(client, Reply::Answer { id, answer: Answer::Later }));
            }
            return Err(match error {
                AppendError::Fenced => Died::Fenced,
                AppendError::Failed(_) => Died::Failed,
                AppendError::Unknown(_) => Died::Unknown,
            });
        }
        self.project(projections);
        let reader = self.journal.reader();
        for (client, id, waiting) in asked {
            let answer = answer(waiting, Some(&sealed), reader.as_ref(), projections);
            network.send(Letter::ToClient(client, Reply::Answer { id, answer }));
        }
        for applied in &sealed.applied {
            self.told.push(Rc::new(applied.outcome.clone()));
            self.unprojected.push((applied.seq, applied.outcome_bytes.clone()));
        }
        self.publish(network);
        Ok(sealed.batch.records.into_iter().zip(sealed.applied).collect())
    }

    /// The node dies while the disk works on a batch, which may be written all the same.
    pub fn die(&mut self, written: bool) {
        if let Some(pending) = self.pending.take().filter(|_| written) {
            // Nobody hears what came of it.
            let _ = at_once(self.journal.append(&pending.sealed.batch));
        }
    }

    /// Writes behind what was published before.
    pub fn project(&mut self, projections: &mut Projections) {
        for (seq, outcome) in self.unprojected.drain(..) {
            projections.apply(seq, &outcome);
        }
    }

    /// Opens a private channel; an older request that comes late changes nothing.
    pub fn follow(
        &mut self,
        client: usize,
        reader: Reader,
        connection: u64,
        key: &PublicKey,
        from: u64,
        network: &mut Network,
    ) {
        let engine = self.sequencer.engine();
        let Some(state) = engine.key(key).filter(|state| state.may_read(engine.time())) else { return };
        let newer = |session: &Session| session.connection >= connection;
        if self.sessions.get(&(client, reader)).is_some_and(newer) {
            return;
        }
        let session = Session { connection, key: *key, account: state.account, number: 0, at: from };
        let before = self.sessions.insert((client, reader), session);
        if let Some(before) = before {
            self.presence.leaves(before.key, self.presence.clock);
        }
        self.publish(network);
    }

    /// The connections of a client end.
    pub fn hang_up(&mut self, client: usize, now: Timestamp) {
        for reader in [Reader::Trader, Reader::Agent] {
            if let Some(session) = self.sessions.remove(&(client, reader)) {
                self.presence.leaves(session.key, now);
            }
        }
    }

    /// Tells every private channel what it has not been told.
    fn publish(&mut self, network: &mut Network) {
        for ((client, reader), session) in &mut self.sessions {
            let from = usize::try_from(session.at).unwrap_or(usize::MAX);
            for outcome in self.told.iter().skip(from) {
                session.at = session.at.saturating_add(1);
                let events = concerning(outcome, &session.account);
                if events.is_empty() {
                    continue;
                }
                session.number = session.number.saturating_add(1);
                let news = News {
                    reader: *reader,
                    connection: session.connection,
                    number: session.number,
                    record: session.at,
                    events: Rc::new(events),
                };
                network.send(Letter::ToClient(*client, Reply::News(news)));
            }
        }
    }
}

/// Replays a store from its first record. Half-way the engine is put away and restored, as a start from a snapshot
/// does, so that everything after is judged by the restored one.
pub(crate) fn replay(store: &MemoryStore, stood: &[Stood]) -> Result<(Engine, Ends, Committed), Broken> {
    let damaged = |what: String| Broken::new(Invariant::Replay, what);
    let reader = store.reader();
    let records = at_once(reader.records(1, usize::MAX)).map_err(|error| damaged(error.to_string()))?;
    let mut replay = Replay::new();
    let mut committed = Vec::with_capacity(records.len());
    let half_way = records.len() / 2;
    for (index, record) in records.into_iter().enumerate() {
        if index == half_way {
            let engine = Engine::restore(&replay.engine().snapshot());
            let engine = engine.map_err(|error| damaged(error.to_string()))?;
            replay = Replay::after(engine, replay.record_hash());
        }
        let applied = replay.again(&record).map_err(|error| damaged(error.to_string()))?;
        let hash = record.hash();
        for then in stood.iter().filter(|then| then.seq == record.seq && then.record_hash == hash) {
            if then.digest != replay.engine().digest() {
                let what = format!("at record {} the state is another than it was", record.seq);
                return Err(Broken::new(Invariant::Digest, what));
            }
        }
        committed.push((record, applied));
    }
    let last = at_once(reader.batch_of(replay.engine().seq())).map_err(|error| damaged(error.to_string()))?;
    let finished = replay.finish(last.as_ref().map(|batch| &batch.block));
    let (engine, ends) = finished.map_err(|error| damaged(error.to_string()))?;
    Ok((engine, ends, committed))
}

fn submit(making: &mut Making<'_>, reader: &dyn JournalReader, verified: Verified) -> Waiting {
    let author = verified.block().author;
    let known = match making.submit(verified) {
        Submitted::Index(index) => return Waiting::Index(index),
        Submitted::Known(known) => Some(known),
        Submitted::Contradicts { record, second } => {
            let first =
                at_once(reader.records(record, 1)).ok().and_then(|records| records.into_iter().next());
            first.and_then(|first| making.fork(&first, *second))
        }
    };
    match known {
        None => Waiting::Known(Answer::Later),
        Some(Known::Duplicate { record }) => Waiting::Record(record),
        Some(Known::Fork { .. }) => Waiting::Known(Answer::Fork),
        Some(Known::Gap(head)) => Waiting::Known(Answer::Gap(author, head)),
        Some(Known::Refused(refusal)) => Waiting::Known(Answer::Refused(refusal)),
    }
}
