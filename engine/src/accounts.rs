//! Accounts, their keys, and the lanes of those keys.

use crate::guard::LaneGuard;
use crate::outcome::{AccountState, FreezeReason, KeyState, KeyStatus, LimitParts};
use crate::trust::Stake;
use bandex_tradechain::Head;
use bandex_tradechain::body::{Grant, Scopes};
use bandex_types::{AccountId, Amount, BlockId, PublicKey, Timestamp};
use borsh::{BorshDeserialize, BorshSerialize};
use std::collections::{BTreeMap, BTreeSet};

/// Position of an account in the order of registration; 0 is the issuance account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub struct AccountIndex(u32);

impl AccountIndex {
    /// The issuance account.
    pub const ISSUANCE: Self = Self(0);

    /// Wraps a position.
    pub const fn new(position: u32) -> Self {
        Self(position)
    }

    /// The position.
    pub const fn get(self) -> u32 {
        self.0
    }

    pub(crate) const fn at(self) -> usize {
        // Lossless: the targets this builds for have pointers of at least 32 bits.
        self.0 as usize
    }
}

/// What the engine knows of an account.
#[derive(Debug, Clone, BorshSerialize, BorshDeserialize)]
pub(crate) struct Account {
    pub id: AccountId,
    /// Why it may not order; the worst reason first.
    pub frozen: BTreeSet<FreezeReason>,
    /// Set by the operator; otherwise the parameters' dust.
    pub limit: Option<Amount>,
    /// What its open deals reserve of the limit.
    pub reserved: u128,
    /// What its open bids on quote legs that nobody locked come to, sleeping ones included, in the unit of account.
    pub open_bids: u128,
    /// What it has bought and not yet paid for, on such legs, in the unit of account.
    pub unsettled: u128,
    pub stake: Stake,
    /// What its limit is made of, unless the operator set it: follows from the stake, and is worked out anew whenever
    /// that or the terms change.
    #[borsh(skip)]
    pub parts: LimitParts,
    /// Whether it is admitted; follows likewise.
    #[borsh(skip)]
    pub admitted: bool,
}

/// Position of a lane in the order in which keys were admitted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub(crate) struct LaneIndex(u32);

impl LaneIndex {
    pub fn at(self) -> usize {
        // Lossless: the targets this builds for have pointers of at least 32 bits.
        self.0 as usize
    }
}

/// One key's lane.
#[derive(Debug, Clone, BorshSerialize, BorshDeserialize)]
pub(crate) struct Lane {
    pub key: PublicKey,
    pub account: AccountIndex,
    pub role: Role,
    pub status: KeyStatus,
    pub head: Head,
    /// Of each sequenced block its id and record, in order of seq from 1: what answers a block sent twice.
    pub blocks: Vec<(BlockId, u64)>,
    /// The record of the first proof that the key forked.
    pub fork: Option<u64>,
    /// What becomes of its orders when its program falls silent.
    pub guard: Option<LaneGuard>,
}

/// What a key is to its account.
#[derive(Debug, Clone, BorshSerialize, BorshDeserialize)]
pub(crate) enum Role {
    Root,
    Session(Grant),
    Operator,
}

/// All accounts and lanes.
#[derive(Debug, Clone, Default, BorshSerialize, BorshDeserialize)]
pub(crate) struct Accounts {
    all: Vec<Account>,
    index: BTreeMap<AccountId, AccountIndex>,
    lanes: Vec<Lane>,
    by_key: BTreeMap<PublicKey, LaneIndex>,
}

impl Accounts {
    /// Adds an account.
    pub fn add(&mut self, id: AccountId) -> AccountIndex {
        let next = u32::try_from(self.all.len()).expect("fewer than 2^32 accounts");
        self.all.push(Account {
            id,
            frozen: BTreeSet::new(),
            limit: None,
            reserved: 0,
            open_bids: 0,
            unsettled: 0,
            stake: Stake::default(),
            parts: LimitParts::default(),
            admitted: false,
        });
        self.index.insert(id, AccountIndex(next));
        AccountIndex(next)
    }

    /// Adds a lane whose first block will point at `made_by`.
    pub fn add_lane(&mut self, key: PublicKey, account: AccountIndex, role: Role, made_by: BlockId) {
        let head = Head { seq: 0, id: made_by };
        let status = KeyStatus::Active;
        let next = u32::try_from(self.lanes.len()).expect("fewer than 2^32 keys");
        let (blocks, fork, guard) = (Vec::new(), None, None);
        self.lanes.push(Lane { key, account, role, status, head, blocks, fork, guard });
        self.by_key.insert(key, LaneIndex(next));
    }

    /// A copy whose lanes have forgotten all blocks but their heads: those answer what is repeated, and are most of what
    /// a long journal leaves in memory.
    pub fn without_history(&self) -> Self {
        let forget = |lane: &Lane| Lane {
            key: lane.key,
            account: lane.account,
            role: lane.role.clone(),
            status: lane.status,
            head: lane.head,
            blocks: Vec::new(),
            fork: lane.fork,
            guard: lane.guard,
        };
        Self {
            all: self.all.clone(),
            index: self.index.clone(),
            lanes: self.lanes.iter().map(forget).collect(),
            by_key: self.by_key.clone(),
        }
    }

    pub fn find(&self, id: &AccountId) -> Option<AccountIndex> {
        self.index.get(id).copied()
    }

    pub fn get(&self, index: AccountIndex) -> &Account {
        self.all.get(index.at()).expect("indices are handed out by add")
    }

    /// The account in a place that may be empty.
    pub fn at(&self, index: AccountIndex) -> Option<&Account> {
        self.all.get(index.at())
    }

    pub fn get_mut(&mut self, index: AccountIndex) -> &mut Account {
        self.all.get_mut(index.at()).expect("indices are handed out by add")
    }

    /// The accounts whose limit is the parameters' dust.
    pub fn without_limit(&self) -> impl Iterator<Item = AccountIndex> {
        (0..)
            .map(AccountIndex)
            .zip(&self.all)
            .filter(|(_, account)| account.limit.is_none())
            .map(|(index, _)| index)
    }

    pub fn find_lane(&self, key: &PublicKey) -> Option<LaneIndex> {
        self.by_key.get(key).copied()
    }

    pub fn lane(&self, key: &PublicKey) -> Option<&Lane> {
        self.find_lane(key).map(|index| self.lane_at(index))
    }

    pub fn lane_mut(&mut self, key: &PublicKey) -> Option<&mut Lane> {
        self.find_lane(key).map(|index| self.lane_at_mut(index))
    }

    pub fn lane_at(&self, index: LaneIndex) -> &Lane {
        self.lanes.get(index.at()).expect("indices are handed out by find_lane")
    }

    pub fn lane_at_mut(&mut self, index: LaneIndex) -> &mut Lane {
        self.lanes.get_mut(index.at()).expect("indices are handed out by find_lane")
    }

    /// All keys with their lanes, by key.
    pub fn lanes(&self) -> impl Iterator<Item = (&PublicKey, &Lane)> {
        self.by_key.iter().map(|(key, index)| (key, self.lane_at(*index)))
    }

    pub fn iter(&self) -> impl Iterator<Item = &Account> {
        self.all.iter()
    }

    /// The positions of all accounts.
    pub fn indices(&self) -> impl Iterator<Item = AccountIndex> + use<> {
        let count = u32::try_from(self.all.len()).expect("fewer than 2^32 accounts");
        (0..count).map(AccountIndex)
    }
}

impl Account {
    /// How much others may let it owe in all: 0 after a default or a fork.
    pub fn limit(&self) -> Amount {
        let worst = self.frozen.iter().any(|reason| !matches!(reason, FreezeReason::Operator));
        if worst { Amount::ZERO } else { self.limit.unwrap_or(self.parts.total) }
    }

    /// What is left of the limit, after open deals and those that were written off.
    pub fn free_limit(&self) -> Amount {
        let used = self.reserved + self.stake.burden;
        let free = u128::from(self.limit().get()).saturating_sub(used);
        Amount::new(u64::try_from(free).unwrap_or(u64::MAX))
    }

    pub fn state(&self, credit_line: Amount) -> AccountState {
        AccountState {
            account: self.id,
            frozen: self.frozen.first().copied(),
            limit: self.limit(),
            reserved: Amount::new(u64::try_from(self.reserved).unwrap_or(u64::MAX)),
            credit_line,
        }
    }
}

impl Lane {
    /// Notes that a block was sequenced.
    pub fn push(&mut self, seq: u64, id: BlockId, record: u64) {
        self.head = Head { seq, id };
        self.blocks.push((id, record));
    }

    /// Whether the key may sign nothing any more: revoked, rotated away from, forked, or its grant has run out.
    pub fn has_ended(&self, now: Timestamp) -> bool {
        let ran_out = match &self.role {
            Role::Session(grant) => grant.expires.is_some_and(|expires| expires <= now),
            Role::Root | Role::Operator => false,
        };
        ran_out || self.status != KeyStatus::Active
    }

    /// The block sequenced at `seq`, and its record.
    pub fn block(&self, seq: u64) -> Option<(BlockId, u64)> {
        let position = usize::try_from(seq.checked_sub(1)?).ok()?;
        self.blocks.get(position).copied()
    }

    pub fn state(&self, key: PublicKey, account: AccountId) -> KeyState {
        let (root, scopes, expires) = match &self.role {
            Role::Root => (true, Scopes::ALL, None),
            Role::Session(grant) => (false, grant.scopes, grant.expires),
            Role::Operator => (false, Scopes::from_bits(0), None),
        };
        KeyState { key, account, root, scopes, status: self.status, expires }
    }
}
