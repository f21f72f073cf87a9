//! A batch being made: what is next is applied, everything else is answered without a place in the journal.

use crate::Sequencer;
use crate::applied::{Applied, AppliedBlock, LevelChange, MarketChange, Subject, Touched};
use crate::links::{Chain, Signed};
use bandex_engine::{KeyStatus, Refusal, Standing};
use bandex_tradechain::body::{Change, Configure};
use bandex_tradechain::{
    Batch, Block, Body, Command, Decoded, Disconnected, ForkProof, Head, Headers, Payment, Record, Scores,
    Verified,
};
use bandex_types::{BlockId, Hash, Timestamp};

/// A batch being made.
#[derive(Debug)]
pub struct Making<'a> {
    sequencer: &'a mut Sequencer,
    now: Timestamp,
    chain: Chain,
    applied: Vec<Applied>,
    touched: Touched,
}

/// A batch ready to be journalled, with everything that may be told once it is.
#[derive(Debug)]
pub struct Sealed {
    /// What the journal takes.
    pub batch: Batch,
    /// The leaves' hashes, for paths.
    pub leaves: Vec<Hash>,
    /// What came of each record.
    pub applied: Vec<Applied>,
    /// The levels of books that changed.
    pub levels: Vec<LevelChange>,
    /// The markets whose book or state the batch touched.
    pub markets: Vec<MarketChange>,
}

/// What a Bitcoin node knows of the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Observation {
    /// Headers, and what fees are like.
    Headers(Headers),
    /// A transaction that pays a deal, with its proof.
    Payment(Payment),
}

/// What became of a block.
#[derive(Debug)]
#[must_use]
pub enum Submitted {
    /// It is, or repeats, the record at this index of the batch.
    Index(usize),
    /// Its answer is known, but must not overtake the batch.
    Known(Known),
    /// It contradicts a block that an earlier batch holds: read that record from the journal, and hand both to
    /// [`Making::fork`].
    Contradicts {
        /// The record of the first block.
        record: u64,
        /// The block that was submitted.
        second: Box<Verified>,
    },
}

/// An answer to a block that gets no place in the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known {
    /// It was sequenced before, as this record.
    Duplicate {
        /// The record's seq.
        record: u64,
    },
    /// Another block has its place; both are kept as proof.
    Fork {
        /// The record of the first block.
        record: u64,
    },
    /// Something before it is missing.
    Gap(Head),
    /// It cannot be sequenced.
    Refused(Refusal),
}

impl<'a> Making<'a> {
    pub(crate) fn new(sequencer: &'a mut Sequencer, now: Timestamp) -> Self {
        Self { sequencer, now, chain: Chain::default(), applied: Vec::new(), touched: Touched::default() }
    }

    /// Whether nothing was applied yet.
    pub fn is_empty(&self) -> bool {
        self.chain.is_empty()
    }

    /// Takes a block as it comes: sequences it if it is next.
    pub fn submit(&mut self, verified: Verified) -> Submitted {
        let engine = &self.sequencer.engine;
        match engine.standing(verified.block(), verified.id(), self.now) {
            Standing::Next => Submitted::Index(self.apply(&Decoded::from(verified))),
            Standing::Duplicate { record } => {
                // One of this very batch is answered like its twin, once that is durable.
                let twin = self.applied.iter().position(|applied| applied.seq == record);
                twin.map_or(Submitted::Known(Known::Duplicate { record }), Submitted::Index)
            }
            Standing::Fork { record } => self.contradiction(record, verified),
            Standing::Gap(head) => Submitted::Known(Known::Gap(head)),
            Standing::Refused(refusal) => Submitted::Known(Known::Refused(refusal)),
        }
    }

    fn contradiction(&mut self, record: u64, second: Verified) -> Submitted {
        if self.is_on_record(&second) {
            return Submitted::Known(Known::Fork { record });
        }
        match self.chain.record(record).cloned() {
            None => Submitted::Contradicts { record, second: Box::new(second) },
            Some(first) => {
                // What was sequenced as a block reads as one again.
                let known = self.fork(&first, second).unwrap_or(Known::Fork { record });
                Submitted::Known(known)
            }
        }
    }

    /// Whether a fork by this block's author need not be put on record: it is there once from when the key was
    /// active, and once more as evidence if the key had ended before.
    fn is_on_record(&self, second: &Verified) -> bool {
        let key = second.block().author;
        let engine = &self.sequencer.engine;
        match engine.key(&key) {
            Some(state) if state.is_active(self.now.max(engine.time())) => false,
            Some(state) if state.status != KeyStatus::Forked => engine.fork_record(&key).is_some(),
            _ => true,
        }
    }

    /// Puts a fork on record, with the record of the first block as [`Submitted::Contradicts`] asked for it. `None` if
    /// that record holds no block: the fork is not on record then.
    pub fn fork(&mut self, first: &Record, second: Verified) -> Option<Known> {
        let answer = Known::Fork { record: first.seq };
        if self.is_on_record(&second) {
            return Some(answer);
        }
        let Ok(decoded) = Decoded::from_bytes(&first.command) else { return None };
        let Command::Block(first) = decoded.command() else { return None };
        // From here it goes on record.
        let proof = ForkProof { first: first.clone(), second: second.into_parts().0 };
        let decoded = Decoded::new(Command::Fork(proof)).expect("a fork proof holds no block to read");
        self.apply(&decoded);
        Some(answer)
    }

    /// Signs and applies a configure block of the operator; gives its index in the batch.
    pub fn configure(&mut self, changes: Vec<Change>) -> usize {
        let Sequencer { operator, engine, .. } = &*self.sequencer;
        let author = operator.public();
        let head = engine.head(&author).unwrap_or(Head { seq: 0, id: BlockId::ZERO });
        let block = Block {
            network: self.network(),
            author,
            seq: head.seq + 1,
            previous: head.id,
            time: self.now,
            expiry: None,
            body: Body::Configure(Configure { changes }),
        };
        let decoded =
            Decoded::new(Command::Block(block.sign(operator))).expect("the block was encoded just now");
        self.apply(&decoded)
    }

    /// Brings the rules up to the newest that this program applies, if they are older.
    pub fn upgrade(&mut self) {
        if let Some(command) = self.sequencer.engine.due_upgrade() {
            let decoded = Decoded::new(command).expect("an upgrade holds no block to read");
            self.apply(&decoded);
        }
    }

    /// Takes in the scores of an epoch, if they still are due: an epoch may have ended since, whose scores come then.
    pub fn scores(&mut self, scores: Scores) {
        self.tick_if_due();
        let due = self.sequencer.engine.checkpoint();
        if due.is_some_and(|due| (due.epoch, due.key) == (scores.epoch, scores.checkpoint)) {
            let decoded = Decoded::new(Command::Scores(scores)).expect("scores hold no block to read");
            self.apply(&decoded);
        }
    }

    /// Takes in what a Bitcoin node knows of the chain; gives its index in the batch.
    pub fn observe(&mut self, observation: Observation) -> usize {
        let command = match observation {
            Observation::Headers(headers) => Command::Headers(headers),
            Observation::Payment(payment) => Command::Payment(payment),
        };
        let decoded = Decoded::new(command).expect("what is seen of a chain holds no block to read");
        self.apply(&decoded)
    }

    /// Has the orders of a key cancelled whose connections have ended, if its guard still asks for that and its grace is
    /// over: the key may have changed its mind since. Gives the index in the batch.
    pub fn disconnected(&mut self, gone: Disconnected) -> Option<usize> {
        self.sequencer.engine.check_disconnected(&gone, self.now).ok()?;
        let decoded =
            Decoded::new(Command::Disconnected(gone)).expect("a disconnection holds no block to read");
        Some(self.apply(&decoded))
    }

    /// Lets time pass by a tick, if something is due by itself and no record of this batch carried the time.
    pub fn tick_if_due(&mut self) {
        let due = self.sequencer.engine.next_deadline().is_some_and(|deadline| deadline <= self.now);
        if due && self.is_empty() {
            let tick = Decoded::new(Command::Tick).expect("a tick holds no block to read");
            self.apply(&tick);
        }
    }

    /// Links and signs the batch; `None` if nothing was applied. From here the sequencer is ahead of the journal until
    /// the batch is committed.
    pub fn seal(self) -> Option<Sealed> {
        let network = self.network();
        let Self { sequencer, now, chain, applied, touched } = self;
        let Signed { batch, leaves } = chain.sign(&mut sequencer.ends, &sequencer.node, network, now)?;
        let (levels, markets) = (touched.levels(&sequencer.engine), touched.markets(&sequencer.engine));
        Some(Sealed { batch, leaves, applied, levels, markets })
    }

    fn network(&self) -> u32 {
        self.sequencer.engine.genesis().map_or(0, |genesis| genesis.network)
    }

    /// Applies a command and adds its record; gives the index in the batch.
    pub(crate) fn apply(&mut self, decoded: &Decoded) -> usize {
        let Sequencer { engine, ends, .. } = &mut *self.sequencer;
        let rules = engine.rules();
        let operations = decoded.block().map_or_else(Vec::new, |(block, _)| Subject::all(block));
        let outcome = engine.apply(self.now, decoded);
        self.touched.take(&outcome, engine.left_levels());
        let (record, outcome_bytes) = self.chain.push(ends, engine, rules, decoded, &outcome);
        let (seq, time, leaf) = (record.seq, record.time, record.leaf());
        let block = AppliedBlock::of(decoded, &outcome);
        let index = self.applied.len();
        self.applied.push(Applied { seq, time, leaf, block, operations, outcome, outcome_bytes });
        index
    }
}
