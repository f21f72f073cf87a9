//! All deals in the order in which they were opened, found by id.

use crate::accounts::AccountIndex;
use crate::deals::DealEntry;
use bandex_types::DealId;
use borsh::{BorshDeserialize, BorshSerialize};
use std::collections::BTreeMap;
use std::io::{self, Read, Write};

/// The place of a deal among all; deals are never removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub(crate) struct DealIndex(u32);

impl DealIndex {
    /// How many deals were opened before it.
    pub fn get(self) -> u32 {
        self.0
    }
}

fn pair(one: AccountIndex, other: AccountIndex) -> (AccountIndex, AccountIndex) {
    (one.min(other), one.max(other))
}

/// All deals.
///
/// Beside them lies an open-addressed table from ids to places, at most half full (Knuth, The Art of Computer
/// Programming, volume 3, section 6.4, algorithm D: double hashing). Ids are hashes already, so where the search begins
/// and how far it steps are read from them. Both together are so many bits that nobody can afford to search for orders
/// whose deals are slow to find.
#[derive(Debug, Clone, Default)]
pub(crate) struct Deals {
    all: Vec<(DealId, DealEntry)>,
    /// Places counted from 1; 0 is empty. The length is 0 or a power of two.
    table: Vec<u32>,
    /// The deals that reserve something, oldest first, by the lower and the higher of the two accounts.
    open: BTreeMap<(AccountIndex, AccountIndex), Vec<DealIndex>>,
    /// How many there were before the command that is being applied.
    before: u32,
}

/// The least length of a table.
const LEAST: usize = 64;

impl Deals {
    /// Adds a deal whose id must be new.
    pub fn insert(&mut self, id: DealId, entry: DealEntry) -> DealIndex {
        if self.table.len() < 2 * (self.all.len() + 1) {
            self.grow();
        }
        let index = DealIndex(u32::try_from(self.all.len()).expect("fewer than 2^32 deals"));
        self.all.push((id, entry));
        self.enter(&id, index);
        index
    }

    fn grow(&mut self) {
        self.table = vec![0; (self.table.len() * 2).max(LEAST)];
        for at in 0..self.all.len() {
            let index = DealIndex(u32::try_from(at).expect("fewer than 2^32 deals"));
            let id = self.all.get(at).map(|(id, _)| *id);
            id.inspect(|id| self.enter(id, index));
        }
    }

    fn enter(&mut self, id: &DealId, index: DealIndex) {
        for at in self.probes(id) {
            if let Some(free) = self.table.get_mut(at).filter(|place| **place == 0) {
                *free = index.0 + 1;
                return;
            }
        }
    }

    /// Where an id may be in the table, in the order of the search. An odd step visits all of a power of two.
    fn probes(&self, id: &DealId) -> impl Iterator<Item = usize> + use<> {
        let word = |from: usize| {
            let bytes = id.as_bytes().iter().skip(from).take(4);
            bytes.fold(0_u32, |word, byte| word << 8 | u32::from(*byte))
        };
        let mask = self.table.len().wrapping_sub(1);
        // A table of fewer than 2^32 places needs no more bits than these.
        let (start, step) = (word(0) as usize, word(4) as usize | 1);
        (0..=mask).map(move |turn| start.wrapping_add(turn.wrapping_mul(step)) & mask)
    }

    pub fn find(&self, id: &DealId) -> Option<DealIndex> {
        if self.table.is_empty() {
            return None;
        }
        for at in self.probes(id) {
            let index = DealIndex(self.table.get(at)?.checked_sub(1)?);
            if self.id(index) == *id {
                return Some(index);
            }
        }
        None
    }

    pub fn get(&self, id: &DealId) -> Option<&DealEntry> {
        self.find(id).map(|index| self.at(index))
    }

    pub fn id(&self, index: DealIndex) -> DealId {
        self.all.get(index.0 as usize).expect("deals are never removed").0
    }

    pub fn at(&self, index: DealIndex) -> &DealEntry {
        &self.all.get(index.0 as usize).expect("deals are never removed").1
    }

    pub fn at_mut(&mut self, index: DealIndex) -> &mut DealEntry {
        &mut self.all.get_mut(index.0 as usize).expect("deals are never removed").1
    }

    /// The deals between two accounts that reserve something, open ones and disputed ones, oldest first.
    pub fn open_between(&self, one: AccountIndex, other: AccountIndex) -> &[DealIndex] {
        self.open.get(&pair(one, other)).map_or(&[], Vec::as_slice)
    }

    /// A deal has begun to reserve something. It is newer than all others that do.
    pub fn note_open(&mut self, index: DealIndex) {
        let entry = self.at(index);
        self.open.entry(pair(entry.seller, entry.buyer)).or_default().push(index);
    }

    /// It does no more.
    pub fn note_closed(&mut self, index: DealIndex) {
        let entry = self.at(index);
        let pair = pair(entry.seller, entry.buyer);
        let Some(list) = self.open.get_mut(&pair) else { return };
        // Indices ascend with time.
        if let Ok(at) = list.binary_search(&index) {
            list.remove(at);
        }
        if list.is_empty() {
            self.open.remove(&pair);
        }
    }

    /// What the open deals between two accounts let one of them owe the other, in the unit of account.
    pub fn owed(&self, debtor: AccountIndex, creditor: AccountIndex) -> u128 {
        let between = self.open_between(debtor, creditor).iter().map(|index| self.at(*index));
        between
            .filter_map(|entry| entry.party(debtor).map(|party| u128::from(entry.reserved(party).get())))
            .sum()
    }

    /// A command is about to be applied.
    pub fn begin(&mut self) {
        self.before = self.count();
    }

    /// Whether a deal was opened by the command that is being applied.
    pub fn is_new(&self, index: DealIndex) -> bool {
        index.0 >= self.before
    }

    /// How many there are.
    pub fn count(&self) -> u32 {
        u32::try_from(self.all.len()).expect("fewer than 2^32 deals")
    }

    /// All of them, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = (&DealId, &DealEntry)> {
        self.all.iter().map(|(id, entry)| (id, entry))
    }
}

impl BorshSerialize for Deals {
    fn serialize<W: Write>(&self, out: &mut W) -> io::Result<()> {
        self.all.serialize(out)
    }
}

impl BorshDeserialize for Deals {
    fn deserialize_reader<R: Read>(from: &mut R) -> io::Result<Self> {
        let mut deals = Self::default();
        for (id, entry) in Vec::<(DealId, DealEntry)>::deserialize_reader(from)? {
            if deals.find(&id).is_some() {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "a deal twice"));
            }
            let listed = entry.listed;
            let index = deals.insert(id, entry);
            if listed {
                deals.note_open(index);
            }
        }
        Ok(deals)
    }
}
