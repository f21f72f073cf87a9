//! The walk through the journal, record by record: links, batches, lanes, outcomes, deals. The first thing that is
//! wrong ends it.

use super::blame;
use super::claims::Claims;
use super::feed::{Feed, JudgedBatch, JudgedRecord};
use super::receipts::Receipts;
use super::scores;
use super::verdict::{Check, Conviction, Followed, Head, Report, Root};
use bandex_engine::{Engine, Event, Outcome, Refusal, Standing};
use bandex_journal::JournalReader;
use bandex_settlement::{Party, State};
use bandex_tradechain::body::Batch;
use bandex_tradechain::{self as tradechain, Command, Decoded, Genesis, LaneAnswer, Leaf, SignedBlock, root};
use bandex_types::{Amount, DealId, Hash, Timestamp};
use std::collections::BTreeMap;

/// Balances and locks are summed up each time so many records were replayed, and at the end.
const SUMS_EVERY: u64 = 4_096;

/// Why a walk ends early.
#[derive(Debug)]
pub enum Stop {
    /// The exchange is convicted.
    Convicted(Box<Conviction>),
    /// The store or a claim does not let itself be judged.
    Unreadable(anyhow::Error),
}

impl From<Box<Conviction>> for Stop {
    fn from(conviction: Box<Conviction>) -> Self {
        Self::Convicted(conviction)
    }
}

/// The last record that was checked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Last {
    pub seq: u64,
    pub time: Timestamp,
    pub hash: Hash,
}

/// The batch whose records are being walked.
#[derive(Debug)]
pub(super) struct OpenBatch {
    pub bound: Batch,
    pub signed: SignedBlock,
    /// Of the records walked so far.
    pub leaves: Vec<Leaf>,
}

impl OpenBatch {
    /// The last record that it binds.
    pub fn last_seq(&self) -> u64 {
        self.bound.first_seq.saturating_add(u64::from(self.bound.count)).saturating_sub(1)
    }
}

/// The state of a walk.
pub(super) struct Walk<'a> {
    claims: &'a Claims,
    feed: Feed<'a>,
    engine: Engine,
    last: Last,
    /// The end of the node's lane.
    node: tradechain::Head,
    batch: Option<OpenBatch>,
    receipts: Receipts<'a>,
    head_found: bool,
    deals: BTreeMap<DealId, State>,
    report: Report,
}

impl<'a> Walk<'a> {
    /// At the beginning of the journal that begins with `genesis`.
    ///
    /// # Errors
    /// A receipt or head that is not this node's.
    pub fn new(reader: &'a dyn JournalReader, claims: &'a Claims, genesis: Genesis) -> Result<Self, Stop> {
        if let Some(head) = &claims.head {
            head.check(&genesis.node, genesis.network).map_err(Stop::Unreadable)?;
        }
        Ok(Self {
            claims,
            engine: Engine::new(),
            last: Last { seq: 0, time: Timestamp::ZERO, hash: Hash::ZERO },
            node: tradechain::Head { seq: 0, id: genesis.id() },
            batch: None,
            receipts: Receipts::new(&claims.receipts, &genesis)?,
            head_found: false,
            deals: BTreeMap::new(),
            report: Report { genesis: Some(Root::from(&genesis)), ..Report::default() },
            feed: Feed::new(reader, genesis),
        })
    }

    /// Checks the next record; gives its seq, or none after the last.
    ///
    /// # Errors
    /// What is wrong.
    pub async fn step(&mut self) -> Result<Option<u64>, Stop> {
        let Some(judged) = self.feed.next_record().await? else { return Ok(None) };
        let seq = judged.record.seq;
        self.check_sequence(seq)?;
        if self.batch.is_none() {
            self.open_batch(seq).await?;
        }
        let claimed = self.claimed_hash(seq).await?;
        self.check_link(&judged, claimed)?;
        let (decoded, signatures) =
            judged.command.as_ref().map_err(|(check, why)| Conviction::new(seq, *check, why.clone()))?;
        self.report.signatures += signatures;
        self.check_lane(seq, judged.record.time, decoded)?;
        let due = scores::due(&self.engine, decoded);
        let outcome = self.engine.apply(judged.record.time, decoded);
        self.check_outcome(&judged, decoded, &outcome, claimed)?;
        scores::check(seq, decoded, &outcome, due)?;
        self.count(decoded, &outcome, seq)?;
        self.last = Last { seq, time: judged.record.time, hash: judged.hash };
        self.head_found |= self.claims.head.as_ref().is_some_and(|head| head.hash == judged.hash);
        self.close_batch(&judged)?;
        if seq.is_multiple_of(SUMS_EVERY) {
            self.check_sums()?;
        }
        Ok(Some(seq))
    }

    /// Checks what can only be told at the end.
    ///
    /// # Errors
    /// What is wrong.
    pub async fn finish(mut self) -> Result<Report, Stop> {
        let missing = self.last.seq.saturating_add(1);
        if let Some(batch) = &self.batch {
            let why = format!("the record is missing: the node signed a batch up to {}", batch.last_seq());
            return Err(Conviction::new(missing, Check::Batch, why).contradicted_by(&[&batch.signed]).into());
        }
        if let Some(batch) = self.feed.next_batch().await? {
            let why = format!("the record is missing: there is a batch from {} on", batch.stored.first_seq);
            let conviction = Conviction::new(missing, Check::Batch, why);
            return Err(conviction.contradicted_by(&[&batch.stored.block]).into());
        }
        if let Some(head) = self.claims.head.as_ref().filter(|_| !self.head_found) {
            return Err(head.missing(self.last.seq).into());
        }
        self.receipts.check_end(self.last.seq)?;
        self.check_sums()?;
        for state in self.deals.values() {
            self.report.deals.count(*state);
        }
        self.report.bitcoin = Followed::by(&self.engine);
        self.report.receipts = self.claims.receipts.len() as u64;
        self.report.head = Some(Head { seq: self.last.seq, hash: self.last.hash });
        self.report.state_digest = Some(self.engine.digest());
        Ok(self.report)
    }

    fn check_sequence(&self, found: u64) -> Result<(), Box<Conviction>> {
        let expected = self.last.seq.saturating_add(1);
        if found == expected {
            return Ok(());
        }
        let why = format!("the record is missing: record {found} stands in its place");
        Err(Conviction::new(expected, Check::Sequence, why))
    }

    async fn open_batch(&mut self, seq: u64) -> Result<(), Stop> {
        let uncovered = || Conviction::new(seq, Check::Batch, "the node signed no batch with this record");
        let JudgedBatch { stored, block } = self.feed.next_batch().await?.ok_or_else(uncovered)?;
        if stored.first_seq != seq {
            return Err(uncovered().into());
        }
        let (block, bound) = block.map_err(|why| Conviction::new(seq, Check::Batch, why))?;
        if (bound.first_seq, bound.count) != (stored.first_seq, stored.count) {
            let why = "the batch is stored under other numbers than the node signed";
            return Err(Conviction::new(seq, Check::Batch, why).expecting(&bound).into());
        }
        if self.node.judge(block.seq, block.previous) != LaneAnswer::Next {
            let why = "the batch block does not continue the node's lane";
            let (number, previous) = (self.node.seq + 1, self.node.id);
            let expected = serde_json::json!({ "seq": number, "previous": previous });
            return Err(Conviction::new(seq, Check::Batch, why).expecting(&expected).finding(&block).into());
        }
        // From here the node stands behind it.
        self.node = tradechain::Head { seq: block.seq, id: stored.block.batch_id() };
        self.report.batches += 1;
        self.report.signatures += 1;
        self.batch = Some(OpenBatch { bound, signed: stored.block, leaves: Vec::new() });
        Ok(())
    }

    /// The hash that a record must have by the word of what comes after it.
    async fn claimed_hash(&mut self, seq: u64) -> Result<Option<Hash>, Stop> {
        let ends = self.batch.as_ref().filter(|batch| batch.last_seq() == seq);
        match ends.map(|batch| batch.bound.last_record_hash) {
            Some(hash) => Ok(Some(hash)),
            None => Ok(self.feed.peek().await?.map(|next| next.previous)),
        }
    }

    fn check_link(&self, judged: &JudgedRecord, claimed: Option<Hash>) -> Result<(), Box<Conviction>> {
        let record = &judged.record;
        if record.previous != self.last.hash {
            return Err(blame::broken_link(&self.last, judged, claimed));
        }
        if record.time < self.last.time {
            let why = "its sequenced time is before that of the record before";
            return Err(Conviction::new(record.seq, Check::Time, why).expecting(&self.last.time));
        }
        // Before the first record is applied, an engine has the rules it begins with.
        if record.rules != self.engine.rules() {
            let why = format!("it was judged by version {} of the rules", record.rules);
            return Err(Conviction::new(record.seq, Check::Rules, why).expecting(&self.engine.rules()));
        }
        Ok(())
    }

    /// Gaps, duplicates and unknown keys never enter an honest journal.
    fn check_lane(&self, seq: u64, time: Timestamp, decoded: &Decoded) -> Result<(), Box<Conviction>> {
        let Some((block, id)) = decoded.block() else { return Ok(()) };
        let why = match self.engine.standing(block, *id, time) {
            Standing::Next => return Ok(()),
            // Refusals that are a matter of the rules are outcomes like any other.
            Standing::Refused(refusal) if refusal != Refusal::UnknownKey => return Ok(()),
            Standing::Refused(refusal) => refusal.to_string(),
            Standing::Duplicate { record } => format!("the same block is record {record} already"),
            Standing::Fork { record } => format!("record {record} holds the block of this place in the lane"),
            Standing::Gap(head) => format!("it does not continue its lane, which ends at {}", head.seq),
        };
        Err(Conviction::new(seq, Check::Lane, why).finding(block))
    }

    fn check_outcome(
        &self,
        judged: &JudgedRecord,
        decoded: &Decoded,
        outcome: &Outcome,
        claimed: Option<Hash>,
    ) -> Result<(), Box<Conviction>> {
        if outcome.digest() == judged.record.outcome_digest {
            return Ok(());
        }
        let recorded = self.receipts.outcome(&judged.record);
        Err(blame::other_outcome(judged, decoded, outcome, claimed, recorded))
    }

    fn count(&mut self, decoded: &Decoded, outcome: &Outcome, seq: u64) -> Result<(), Box<Conviction>> {
        self.report.records += 1;
        match decoded.command() {
            Command::Block(_) => self.report.blocks += 1,
            Command::Fork(_) => self.report.forks += 1,
            Command::Genesis(_) | Command::Tick | Command::Upgrade { .. } | Command::Scores(_) => {}
            Command::Headers(_) | Command::Payment(_) | Command::Disconnected(_) => {}
        }
        for event in &outcome.events {
            match event {
                Event::Trade(_) => self.report.trades += 1,
                Event::Tranche(_) => self.report.tranches += 1,
                Event::Epoch { epoch, .. } => self.report.epochs.end(*epoch),
                Event::Scored { epoch } => self.report.epochs.score(*epoch),
                Event::Deal(state) => {
                    check_band(seq, state)?;
                    let owed = [Party::Seller, Party::Buyer].map(|party| state.deal.owed_by(party));
                    self.report.largest_exposure =
                        owed.into_iter().fold(self.report.largest_exposure, Amount::max);
                    self.deals.insert(state.id, state.deal.state());
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// At the last record of a batch: whether the node signed just these records.
    fn close_batch(&mut self, judged: &JudgedRecord) -> Result<(), Box<Conviction>> {
        let Some(batch) = &mut self.batch else { return Ok(()) };
        batch.leaves.push(judged.record.leaf());
        let seq = judged.record.seq;
        if batch.last_seq() != seq {
            return Ok(());
        }
        if batch.bound.last_record_hash != judged.hash {
            let why = "the record was altered: the node signed another hash for it in its batch";
            return Err(Conviction::new(seq, Check::Link, why).expecting(&batch.bound.last_record_hash));
        }
        let root = root(&batch.leaves.iter().map(Leaf::hash).collect::<Vec<_>>());
        if batch.bound.root != root {
            let why = "the batch that begins here is signed over other records than these";
            return Err(Conviction::new(batch.bound.first_seq, Check::Batch, why).expecting(&root));
        }
        self.receipts.check(batch)?;
        self.batch = None;
        Ok(())
    }

    fn check_sums(&self) -> Result<(), Box<Conviction>> {
        let ledger = self.engine.ledger();
        if ledger.sum() == 0 && self.engine.locks_add_up() {
            return Ok(());
        }
        let why = format!("balances sum to {}, or locks do not add up", ledger.sum());
        Err(Conviction::new(self.last.seq, Check::Sums, why))
    }
}

/// What the seller has sent less what the buyer has stays between the caps. Of a deal on the chain what is asked for stays
/// within the buyer's cap: what it pays beyond that, or too late, is its own affair.
fn check_band(seq: u64, state: &bandex_engine::DealState) -> Result<(), Box<Conviction>> {
    let terms = state.deal.terms();
    let [seller, buyer] = [Party::Seller, Party::Buyer].map(|party| state.deal.sent(party));
    let lead = |one: bandex_types::Amount, other| one.saturating_sub(other);
    let ahead = match state.deal.chain() {
        None => lead(buyer, seller),
        Some(_) if state.deal.state().is_closed() => Amount::ZERO,
        Some(chain) => lead(chain.demand, seller),
    };
    if lead(seller, buyer) <= terms.seller_cap && ahead <= terms.buyer_cap {
        return Ok(());
    }
    Err(Conviction::new(seq, Check::Deals, "a deal leaves its band").finding(state))
}
