//! The header chain: every branch that is worth keeping, and which of them has the most work.

use crate::Network;
use crate::NetworkRules;
pub use crate::rules::HeaderError;
use crate::rules::{Before, check, check_work};
use bitcoin::block::Header;
use bitcoin::consensus::{deserialize, serialize};
use bitcoin::hashes::Hash as _;
use bitcoin::{BlockHash, Target, Work};
use borsh::{BorshDeserialize, BorshSerialize};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read, Write};

/// How many bytes a header has.
pub const HEADER_BYTES: usize = 80;

/// How many blocks a reorganisation may undo. A branch that leaves the active chain further below its tip is dropped.
pub const REORGANISATION_MAX: u32 = 2016;

/// A block by its place and its hash (in internal byte order).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub struct BlockAt {
    /// How many blocks are below it.
    pub height: u32,
    /// Its hash.
    pub hash: [u8; 32],
}

/// How new headers changed the active chain.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Extended {
    /// The blocks that are on it now and were not before, from the lowest up.
    pub connected: Vec<BlockAt>,
    /// The blocks that are not on it any more, from the old tip down.
    pub disconnected: Vec<BlockAt>,
}

/// The headers of a Bitcoin network from a first one on, the one trusted without question.
///
/// Each has been checked: link, proof of work, difficulty, time. The branch with the most work is active; of two
/// that have as much the one that was there first. Begin at a height that is a multiple of 2016, and every
/// difficulty is known exactly; after another height the first change of it is bounded by a factor of four only. The
/// times of the first eleven after a height above 0 are not checked, because the median they have to pass is not known.
/// Not checked: that a header is not from the future, which would take a clock, and signet's signatures, which are
/// not in the headers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Headers {
    network: Network,
    /// The height of the first of `active`.
    begin: u32,
    /// Never empty.
    active: Vec<Known>,
    heights: BTreeMap<[u8; 32], u32>,
    side: BTreeMap<[u8; 32], Known>,
}

/// A header that has been checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Known {
    header: Header,
    hash: [u8; 32],
    height: u32,
    /// The work of its branch from the first header on. With that of each header under 2^225 of a chain of at most
    /// 2^32 it cannot overflow: a header with more would be the work of centuries.
    work: Work,
}

impl Known {
    fn parent(&self) -> [u8; 32] {
        self.header.prev_blockhash.to_byte_array()
    }

    fn at(&self) -> BlockAt {
        BlockAt { height: self.height, hash: self.hash }
    }
}

impl Headers {
    /// A chain that begins with this header at this height. It counts as true: whoever chooses it answers for it.
    ///
    /// # Errors
    /// The header does not show the work that it claims, or is said to be the network's first and is not.
    pub fn begin(network: Network, height: u32, header: [u8; HEADER_BYTES]) -> Result<Self, HeaderError> {
        let hash = hash_of(&header);
        if height == 0 && hash != network.genesis_hash() {
            return Err(HeaderError::Genesis { network, found: hash });
        }
        let header = read(&header);
        check_work(network, &header)?;
        let first = Known { header, hash, height, work: Target::from_compact(header.bits).to_work() };
        let heights = BTreeMap::from([(hash, height)]);
        Ok(Self { network, begin: height, active: vec![first], heights, side: BTreeMap::new() })
    }

    /// Takes headers that link one to the next, the first of them to any header known.
    ///
    /// All of them are taken or none. One that is known already changes nothing.
    ///
    /// # Errors
    /// The first follows an unknown header, or one further below the tip than a reorganisation may reach; a later one
    /// does not follow the one before it; or one breaks a rule of the network.
    pub fn extend(&mut self, headers: &[[u8; HEADER_BYTES]]) -> Result<Extended, HeaderError> {
        let Some(branch) = self.judge(headers)? else { return Ok(Extended::default()) };
        // From here it succeeds.
        let best = self.tip_known().map(|tip| tip.work);
        let end = branch.last().map(|last| (last.hash, last.work));
        self.side.extend(branch.into_iter().map(|known| (known.hash, known)));
        let Some((hash, _)) = end.filter(|(_, work)| best.is_none_or(|best| *work > best)) else {
            return Ok(Extended::default());
        };
        let extended = self.switch(hash);
        self.prune();
        Ok(extended)
    }

    /// Whether these headers would be taken and would give a branch with more work than the active one. Changes nothing.
    ///
    /// # Errors
    /// As [`Headers::extend`].
    pub fn would_lead(&self, headers: &[[u8; HEADER_BYTES]]) -> Result<bool, HeaderError> {
        let end = self.judge(headers)?.and_then(|branch| branch.last().map(|last| last.work));
        Ok(end.is_some_and(|work| self.tip_known().is_none_or(|tip| work > tip.work)))
    }

    /// The network.
    pub const fn network(&self) -> Network {
        self.network
    }

    /// The first header's height.
    pub const fn begins_at(&self) -> u32 {
        self.begin
    }

    /// The last block of the active chain: its height and its hash.
    pub fn tip(&self) -> (u32, [u8; 32]) {
        self.tip_known().map_or((self.begin, [0; 32]), |tip| (tip.height, tip.hash))
    }

    /// The work of the active chain from its first header on, as a big-endian number.
    pub fn work(&self) -> [u8; 32] {
        self.tip_known().map_or([0; 32], |tip| tip.work.to_be_bytes())
    }

    /// The height of a block of the active chain. `None` for one of a side branch.
    pub fn height_of(&self, hash: &[u8; 32]) -> Option<u32> {
        self.heights.get(hash).copied()
    }

    /// The hash of the active chain's block at a height.
    pub fn hash_at(&self, height: u32) -> Option<[u8; 32]> {
        self.active_at(height).map(|known| known.hash)
    }

    /// The header of the active chain's block at a height.
    pub fn header_at(&self, height: u32) -> Option<[u8; HEADER_BYTES]> {
        self.active_at(height).map(|known| bytes_of(&known.header))
    }

    /// Whether a header is known, on the active chain or on a side branch that is still kept.
    pub fn contains(&self, hash: &[u8; 32]) -> bool {
        self.known(hash).is_some()
    }

    /// The Merkle root of a known block's transactions.
    pub fn merkle_root(&self, hash: &[u8; 32]) -> Option<[u8; 32]> {
        self.known(hash).map(|known| known.header.merkle_root.to_byte_array())
    }

    /// The time that a known block names, in seconds since 1970. It may be an hour or two off.
    pub fn time_of(&self, hash: &[u8; 32]) -> Option<u32> {
        self.known(hash).map(|known| known.header.time)
    }

    fn tip_known(&self) -> Option<&Known> {
        self.active.last()
    }

    fn active_at(&self, height: u32) -> Option<&Known> {
        let index = usize::try_from(height.checked_sub(self.begin)?).ok()?;
        self.active.get(index)
    }

    fn known(&self, hash: &[u8; 32]) -> Option<&Known> {
        match self.heights.get(hash) {
            Some(height) => self.active_at(*height),
            None => self.side.get(hash),
        }
    }

    /// The height of the highest active block among a known header and those before it: its own height if it is active,
    /// else that of the block where its branch leaves the active chain. `None` if it is not known.
    pub fn fork_height(&self, hash: &[u8; 32]) -> Option<u32> {
        let mut hash = *hash;
        loop {
            if let Some(height) = self.heights.get(&hash) {
                return Some(*height);
            }
            hash = self.side.get(&hash)?.parent();
        }
    }

    /// Checks the headers and gives those of them that are new. `None` if none is.
    fn judge(&self, headers: &[[u8; HEADER_BYTES]]) -> Result<Option<Vec<Known>>, HeaderError> {
        let mut last: Option<[u8; 32]> = None;
        let mut branch: Option<Branch<'_>> = None;
        for (at, bytes) in headers.iter().enumerate() {
            let (header, hash) = (read(bytes), hash_of(bytes));
            let parent = header.prev_blockhash.to_byte_array();
            if last.is_some_and(|last| last != parent) {
                return Err(HeaderError::Unlinked { at });
            }
            last = Some(hash);
            match &mut branch {
                Some(branch) => branch.push(header, hash)?,
                None if self.contains(&hash) => {}
                None => {
                    let mut begun = self.branch_on(at, parent)?;
                    begun.push(header, hash)?;
                    branch = Some(begun);
                }
            }
        }
        Ok(branch.map(|branch| branch.new))
    }

    fn branch_on(&self, at: usize, parent: [u8; 32]) -> Result<Branch<'_>, HeaderError> {
        let Some(base) = self.known(&parent) else { return Err(HeaderError::Unknown { at, parent }) };
        let fork = self.fork_height(&parent).unwrap_or(self.begin);
        let depth = self.tip().0.saturating_sub(fork);
        if depth > REORGANISATION_MAX {
            return Err(HeaderError::TooDeep { at, depth });
        }
        Ok(Branch { headers: self, base, new: Vec::new() })
    }

    /// Makes the branch that ends in a header of `side` the active one.
    fn switch(&mut self, to: [u8; 32]) -> Extended {
        let mut rising = Vec::new();
        let mut hash = to;
        while let Some(known) = self.side.remove(&hash) {
            hash = known.parent();
            rising.push(known);
        }
        let fork = self.heights.get(&hash).copied().unwrap_or(self.begin);
        let mut extended = Extended::default();
        while let Some(known) = self.active.pop_if(|known| known.height > fork) {
            self.heights.remove(&known.hash);
            extended.disconnected.push(known.at());
            self.side.insert(known.hash, known);
        }
        for known in rising.into_iter().rev() {
            self.heights.insert(known.hash, known.height);
            extended.connected.push(known.at());
            self.active.push(known);
        }
        extended
    }

    /// Drops the side branches that leave the active chain too far below its tip.
    fn prune(&mut self) {
        let floor = self.tip().0.saturating_sub(REORGANISATION_MAX);
        let rising: BTreeSet<BlockAt> = self.side.values().map(Known::at).collect();
        for block in rising {
            let Some(parent) = self.side.get(&block.hash).map(Known::parent) else { continue };
            let forks_above = self.heights.get(&parent).is_some_and(|fork| *fork >= floor);
            if !forks_above && !self.side.contains_key(&parent) {
                self.side.remove(&block.hash);
            }
        }
    }
}

/// New headers on top of a known one.
struct Branch<'a> {
    headers: &'a Headers,
    base: &'a Known,
    new: Vec<Known>,
}

impl Branch<'_> {
    fn push(&mut self, header: Header, hash: [u8; 32]) -> Result<(), HeaderError> {
        let parent = self.new.last().unwrap_or(self.base);
        let work = parent.work;
        let height = parent.height.checked_add(1).ok_or(HeaderError::Height)?;
        check(self.headers.network, &*self, height, &header)?;
        let work = work + Target::from_compact(header.bits).to_work();
        self.new.push(Known { header, hash, height, work });
        Ok(())
    }
}

impl Before for Branch<'_> {
    fn at(&self, height: u32) -> Option<&Header> {
        if let Some(above) = height.checked_sub(self.base.height).and_then(|above| above.checked_sub(1)) {
            return self.new.get(usize::try_from(above).ok()?).map(|known| &known.header);
        }
        let mut known = self.base;
        while known.height > height {
            if self.headers.heights.contains_key(&known.hash) {
                return self.headers.active_at(height).map(|known| &known.header);
            }
            known = self.headers.known(&known.parent())?;
        }
        Some(&known.header)
    }
}

/// The network, the first height, the active headers from the lowest up, then those of side branches by height and
/// hash. The rest follows.
impl BorshSerialize for Headers {
    fn serialize<W: Write>(&self, out: &mut W) -> io::Result<()> {
        self.network.serialize(out)?;
        self.begin.serialize(out)?;
        let active: Vec<[u8; HEADER_BYTES]> =
            self.active.iter().map(|known| bytes_of(&known.header)).collect();
        active.serialize(out)?;
        let mut side: Vec<&Known> = self.side.values().collect();
        side.sort_unstable_by_key(|known| known.at());
        side.iter().map(|known| bytes_of(&known.header)).collect::<Vec<_>>().serialize(out)
    }
}

/// Checks every header again.
impl BorshDeserialize for Headers {
    fn deserialize_reader<R: Read>(reader: &mut R) -> io::Result<Self> {
        let wrong = |error: String| io::Error::new(io::ErrorKind::InvalidData, error);
        let network = Network::deserialize_reader(reader)?;
        let begin = u32::deserialize_reader(reader)?;
        let active = Vec::<[u8; HEADER_BYTES]>::deserialize_reader(reader)?;
        let side = Vec::<[u8; HEADER_BYTES]>::deserialize_reader(reader)?;
        let Some((first, rest)) = active.split_first() else {
            return Err(wrong("a header chain without headers".to_owned()));
        };
        let mut headers = Self::begin(network, begin, *first).map_err(|error| wrong(error.to_string()))?;
        headers.extend(rest).map_err(|error| wrong(error.to_string()))?;
        let tip = headers.tip();
        let mut below = BlockAt { height: 0, hash: [0; 32] };
        for header in &side {
            headers.extend(&[*header]).map_err(|error| wrong(error.to_string()))?;
            let at = headers.side.get(&hash_of(header)).map(Known::at);
            let Some(at) = at.filter(|at| *at > below && headers.tip() == tip) else {
                return Err(wrong("a side branch is active, known or out of its place".to_owned()));
            };
            below = at;
        }
        Ok(headers)
    }
}

/// The hash of a header, in internal byte order.
pub fn hash_of(header: &[u8; HEADER_BYTES]) -> [u8; 32] {
    BlockHash::hash(header).to_byte_array()
}

/// The hash of the header that a header follows, in internal byte order.
pub fn parent_of(header: &[u8; HEADER_BYTES]) -> [u8; 32] {
    read(header).prev_blockhash.to_byte_array()
}

/// The bytes of a header.
pub(crate) fn bytes_of(header: &Header) -> [u8; HEADER_BYTES] {
    let mut bytes = [0; HEADER_BYTES];
    for (byte, of) in bytes.iter_mut().zip(serialize(header)) {
        *byte = of;
    }
    bytes
}

fn read(bytes: &[u8; HEADER_BYTES]) -> Header {
    deserialize(bytes).expect("any 80 bytes are a header")
}

#[cfg(test)]
mod tests;
