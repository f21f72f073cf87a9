//! The witness: a second engine that replays the journal from its first record and holds it against all that was said.

use super::client::{Diary, Told};
use super::world::World;
use bandex_api::StateDigest;
use bandex_engine::CommandResult;
use bandex_journal::JournalReader;
use bandex_sequencer::{Applied, Replay};
use bandex_tradechain::{Decoded, Leaf, Record};
use bandex_types::{BlockId, PublicKey};
use std::collections::BTreeMap;

/// How many records are read at a time.
const CHUNK: usize = 4_096;

/// A block that was sent.
#[derive(Debug, Default)]
struct Fate {
    entry: Option<Entry>,
    acknowledged: bool,
}

/// What the journal holds of a block.
#[derive(Debug)]
struct Entry {
    leaf: Leaf,
    refusal: Option<&'static str>,
}

/// What is known of one journal.
#[derive(Debug)]
pub struct Witness {
    replay: Replay,
    operator: PublicKey,
    fates: BTreeMap<BlockId, Fate>,
    /// Acknowledged and not yet held against the journal.
    told: Vec<Told>,
    heads: BTreeMap<PublicKey, (u64, BlockId)>,
}

impl Witness {
    /// Of a journal whose operator has this key.
    pub fn new(operator: PublicKey) -> Self {
        Self {
            replay: Replay::new(),
            operator,
            fates: BTreeMap::new(),
            told: Vec::new(),
            heads: BTreeMap::new(),
        }
    }

    /// How many records were replayed.
    pub const fn seq(&self) -> u64 {
        self.replay.engine().seq()
    }

    /// Takes down what a client has to tell.
    ///
    /// # Panics
    /// A block was made or answered twice.
    pub fn hear(&mut self, diary: Diary) {
        for id in diary.made {
            assert!(self.fates.insert(id, Fate::default()).is_none(), "block {id} is made once");
        }
        for told in diary.told {
            let fate = self.fates.get_mut(&told.id).expect("a block that was made");
            assert!(!fate.acknowledged, "block {} is answered once", told.id);
            fate.acknowledged = true;
            self.told.push(told);
        }
    }

    /// Whether the journal holds a block.
    pub fn holds(&self, id: &BlockId) -> bool {
        self.fates.get(id).is_some_and(|fate| fate.entry.is_some())
    }

    /// Replays what the journal has got since the last time, and holds what was acknowledged against it.
    ///
    /// # Panics
    /// Something was lost, applied twice, changed or invented.
    pub async fn catch_up(&mut self, reader: &dyn JournalReader, world: &mut World) {
        loop {
            let records = reader.records(self.replay.next_seq(), CHUNK).await.unwrap();
            if records.is_empty() {
                break;
            }
            for record in &records {
                let applied = self.replay.again(record).unwrap();
                self.enter(record, &applied);
                world.observe(record.seq, &applied.outcome);
            }
        }
        for told in std::mem::take(&mut self.told) {
            self.judge(&told);
        }
        let ledger = self.replay.engine().ledger();
        assert_eq!(ledger.sum(), 0, "the balances of all accounts sum to zero");
        assert!(self.replay.engine().locks_add_up(), "what is locked is what the locks add up to");
    }

    /// Enters the block of a record, if it holds one.
    fn enter(&mut self, record: &Record, applied: &Applied) {
        let decoded = Decoded::from_bytes(&record.command).unwrap();
        let Some((block, id)) = decoded.block() else { return };
        let before = self.heads.insert(block.author, (block.seq, *id));
        let (seq, previous) = before.unwrap_or((0, block.previous));
        assert_eq!((block.seq, block.previous), (seq + 1, previous), "record {} breaks its lane", record.seq);
        if block.author == self.operator {
            return;
        }
        let fate = self.fates.get_mut(id);
        let fate = fate.unwrap_or_else(|| panic!("record {} holds a block that nobody sent", record.seq));
        let refusal = match &applied.outcome.result {
            CommandResult::Refused(refusal) => Some(refusal.code()),
            _ => None,
        };
        let first = fate.entry.replace(Entry { leaf: record.leaf(), refusal });
        assert!(first.is_none(), "block {id} was applied twice: {first:?}, and as record {}", record.seq);
    }

    /// Holds what was acknowledged against the journal.
    fn judge(&self, told: &Told) {
        let entry = self.fates.get(&told.id).and_then(|fate| fate.entry.as_ref());
        let entry = entry.unwrap_or_else(|| {
            panic!("acknowledged and lost: block {}, record {} of {}", told.id, told.seq, self.seq())
        });
        let said = (told.seq, told.refusal.as_deref());
        assert_eq!(said, (entry.leaf.seq, entry.refusal), "block {} was answered otherwise", told.id);
        if let Some(leaf) = &told.leaf {
            assert_eq!(leaf, &entry.leaf, "record {} is not what its receipt proves", told.seq);
        }
    }

    /// Checks that every block that was made is in the journal and acknowledged.
    ///
    /// # Panics
    /// One is not.
    pub fn all_answered(&self) {
        for (id, fate) in &self.fates {
            assert!(fate.acknowledged && fate.entry.is_some(), "block {id}: {fate:?}");
        }
    }

    /// Compares the live state with the replayed one, which must be as far.
    ///
    /// # Panics
    /// They differ.
    pub fn compare(&self, live: &StateDigest) {
        let engine = self.replay.engine();
        let replayed = StateDigest { seq: engine.seq(), digest: engine.digest().to_string() };
        assert_eq!(*live, replayed, "the live state is not what a clean replay gives");
    }
}
