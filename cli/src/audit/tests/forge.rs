//! A small exchange that journals what it is told to, lies included.

use crate::audit::{Claims, Verdict, audit};
use crate::replay::lane::{Lane, test_genesis, test_key};
use crate::replay::moment;
use async_trait::async_trait;
use bandex_engine::{Engine, Outcome, RULES_VERSION};
use bandex_flow as flow;
use bandex_journal::{JournalHead, JournalReader, ReadError, StoredBatch};
use bandex_settlement::Party;
use bandex_tradechain::body::{
    Acknowledge, Batch, Change, Configure, Operation, Orders, Parameters, Pay, Place, TrustTerms,
};
use bandex_tradechain::{
    Block, Body, Command, Decoded, ForkProof, Genesis, Head, Keypair, Leaf, Receipt, Record, SignedBlock,
    deal_id, inclusion_proof, root,
};
use bandex_types::{AccountId, Amount, Hash, OrderRef, Price, Quantity, Side, Timestamp};
use std::collections::BTreeMap;

/// How long a tranche may take in the forged market.
pub const PAY_US: u64 = 1_000_000;
/// How long an epoch of trust lasts in it, long enough for a deal to be settled.
pub const EPOCH_US: u64 = 3_600_000_000;
/// One BWT in lots.
pub const ONE: u64 = 1_000_000;
/// About 39 satoshi a BWT, in ticks.
pub const PRICE: u64 = 7_831_900;

/// A store of plain rows.
#[derive(Debug, Clone, Default)]
pub struct Rows {
    pub records: Vec<Record>,
    pub batches: Vec<StoredBatch>,
}

#[async_trait]
impl JournalReader for Rows {
    async fn head(&self) -> Result<Option<JournalHead>, ReadError> {
        Ok(self.records.last().map(JournalHead::of))
    }

    async fn records(&self, from_seq: u64, limit: usize) -> Result<Vec<Record>, ReadError> {
        let sorted: BTreeMap<u64, &Record> = self.records.iter().map(|record| (record.seq, record)).collect();
        Ok(sorted.range(from_seq..).take(limit).map(|(_, record)| (*record).clone()).collect())
    }

    async fn batches(&self, from_seq: u64, limit: usize) -> Result<Vec<StoredBatch>, ReadError> {
        let sorted: BTreeMap<u64, &StoredBatch> =
            self.batches.iter().map(|batch| (batch.first_seq, batch)).collect();
        let wanted = sorted.values().filter(|batch| batch.last_seq() >= from_seq);
        Ok(wanted.take(limit).map(|batch| (*batch).clone()).collect())
    }

    async fn batch_of(&self, seq: u64) -> Result<Option<StoredBatch>, ReadError> {
        Ok(self.batches(seq, 1).await?.pop().filter(|batch| batch.first_seq <= seq))
    }
}

/// An exchange with two sellers (0 and 1) and a buyer (2).
pub struct Forge {
    pub genesis: Genesis,
    pub engine: Engine,
    pub operator: Lane,
    pub traders: Vec<(Lane, AccountId)>,
    pub rows: Rows,
    pub time: Timestamp,
    outcomes: Vec<Vec<u8>>,
    node: Keypair,
    lane: Head,
    committed: usize,
}

impl Forge {
    /// With nothing but a genesis, not committed yet.
    pub fn new() -> Self {
        let genesis = test_genesis();
        let mut forge = Self {
            engine: Engine::new(),
            operator: Lane::operator(test_key("operator", 0), &genesis),
            traders: Vec::new(),
            rows: Rows::default(),
            time: moment(1_777_689_383_201),
            outcomes: Vec::new(),
            node: test_key("node", 0),
            lane: Head { seq: 0, id: genesis.id() },
            committed: 0,
            genesis: genesis.clone(),
        };
        forge.push(Command::Genesis(genesis));
        if let Some(upgrade) = forge.engine.due_upgrade() {
            forge.push(upgrade);
        }
        forge
    }

    /// With a market, and accounts that have tokens and limits.
    pub fn opened() -> Self {
        let mut forge = Self::new();
        let mut changes: Vec<Change> = flow::assets().into_iter().map(Change::ListAsset).collect();
        changes.push(Change::ListMarket(flow::market_listing(PAY_US, PAY_US)));
        let share_ppm = 500_000;
        changes.push(Change::SetParameters(Parameters { share_ppm, ..Parameters::default() }));
        for number in 0..3 {
            let (lane, account, block) =
                Lane::register(test_key("trader", number), &forge.genesis, 8, forge.time);
            forge.traders.push((lane, account));
            forge.push(Command::Block(block));
            changes.push(Change::SetLimit { account, limit: Some(Amount::new(40_000)) });
            changes.push(Change::Issue { to: account, amount: Amount::new(5_000_000_000) });
        }
        let block = forge.operator.sign(forge.time, Configure { changes });
        forge.push(Command::Block(block));
        forge.commit();
        forge
    }

    /// With two sellers at one price, the first of them older.
    pub fn with_asks() -> (Self, [OrderRef; 2]) {
        let mut forge = Self::opened();
        let asks = [0, 1].map(|seller| {
            let (order, command) = forge.place(seller, Side::Sell, PRICE, ONE);
            forge.push(command);
            order
        });
        forge.commit();
        (forge, asks)
    }

    /// With everything that a journal may hold: a settled deal, a defaulted one, an open one, a fork, a tick.
    pub fn with_all() -> Self {
        let (mut forge, [first, second]) = Self::with_asks();
        let (taker, command) = forge.place(2, Side::Buy, PRICE, ONE);
        forge.push(command);
        forge.commit();
        forge.settle(taker, first);
        let (taker, command) = forge.place(2, Side::Buy, PRICE + 1, ONE / 2);
        forge.push(command);
        forge.push(Command::Tick);
        forge.commit();
        forge.time = forge.time.plus(10 * PAY_US);
        let proof = forge.fork_of(1);
        forge.push(Command::Fork(proof));
        forge.push(Command::Upgrade { rules: RULES_VERSION });
        forge.commit();
        assert!(forge.engine.deal(&deal_id(&taker, &second)).is_some());
        forge.thaw_and_trade();
        forge
    }

    /// One more deal of the first seller and a fresh buyer, left open.
    fn thaw_and_trade(&mut self) {
        let (lane, account, block) = Lane::register(test_key("trader", 3), &self.genesis, 8, self.time);
        self.traders.push((lane, account));
        self.push(Command::Block(block));
        for (trader, side) in [(0, Side::Sell), (3, Side::Buy)] {
            let (_, command) = self.place(trader, side, PRICE, ONE / 10);
            self.push(command);
        }
        self.commit();
    }

    /// With epochs of trust, walks that begin at the buyer, a settled deal, and the scores of an epoch due.
    pub fn with_epoch() -> Self {
        let (mut forge, [first, _]) = Self::with_asks();
        let terms = TrustTerms { epoch_us: EPOCH_US, ..TrustTerms::default() };
        let seed = Change::SetSeed { account: forge.traders[2].1, seed: true };
        let changes = vec![Change::SetTrust(terms), seed];
        let block = forge.operator.sign(forge.time, Configure { changes });
        forge.push(Command::Block(block));
        let (taker, command) = forge.place(2, Side::Buy, PRICE, ONE);
        forge.push(command);
        forge.commit();
        forge.settle(taker, first);
        forge.end_epoch();
        forge
    }

    /// Lets time pass to the end of an epoch. Gives its number.
    pub fn end_epoch(&mut self) -> u64 {
        self.time = self.time.plus(EPOCH_US);
        self.push(Command::Tick);
        self.commit();
        self.engine.checkpoint().unwrap().epoch
    }

    /// Signs an order.
    pub fn place(&mut self, trader: usize, side: Side, price: u64, lots: u64) -> (OrderRef, Command) {
        let place = Place::limit(flow::MARKET, side, Price::new(price), Quantity::new(lots));
        let lane = &self.traders[trader].0;
        let order = OrderRef { key: lane.key(), seq: lane.next_seq(), op: 0 };
        (order, self.sign(trader, Orders { operations: vec![Operation::Place(Box::new(place))] }))
    }

    /// Signs anything.
    pub fn sign(&mut self, trader: usize, body: impl Into<Body>) -> Command {
        Command::Block(self.traders[trader].0.sign(self.time, body))
    }

    /// Pays and acknowledges a deal to its end, two records a batch.
    fn settle(&mut self, taker: OrderRef, maker: OrderRef) {
        let id = deal_id(&taker, &maker);
        while let Some(due) = self.engine.deal(&id).unwrap().deal.due() {
            let (payer, payee) = if due.party == Party::Seller { (0, 2) } else { (2, 0) };
            let (tranche, cumulative) = (due.tranche, due.cumulative);
            let command = self.sign(payer, Pay { deal: id, tranche, cumulative, reference: String::new() });
            let Command::Block(signed) = &command else { panic!("a payment is a block") };
            let proposal = signed.id();
            self.push(command);
            if self.engine.deal(&id).unwrap().deal.in_flight().is_some() {
                let command = self.sign(payee, Acknowledge { proposal });
                self.push(command);
            }
            self.commit();
        }
    }

    /// A second block beside the last one of a trader's lane.
    fn fork_of(&mut self, trader: usize) -> ForkProof {
        let key = self.traders[trader].0.key();
        let last = self.rows.records.iter().rev().find_map(|record| {
            match Decoded::from_bytes(&record.command).unwrap().command() {
                Command::Block(signed) if signed.author() == Some(key) => Some(signed.clone()),
                _ => None,
            }
        });
        let first = last.unwrap();
        let block = Block::decode(&first.payload).unwrap();
        let other = Block { time: block.time.plus(1), ..block };
        ForkProof { first, second: other.sign(&test_key("trader", u32::try_from(trader).unwrap())) }
    }

    /// Applies and records a command; gives its seq.
    pub fn push(&mut self, command: Command) -> u64 {
        self.lie(command, |_| {})
    }

    /// Applies a command and records a changed outcome.
    pub fn lie(&mut self, command: Command, change: impl FnOnce(&mut Outcome)) -> u64 {
        self.time = self.time.plus(1_000);
        let decoded = Decoded::new(command).unwrap();
        let rules = self.engine.rules();
        let mut outcome = self.engine.apply(self.time, &decoded);
        change(&mut outcome);
        self.record(self.time, rules, decoded.command().encode(), &outcome)
    }

    /// Records anything.
    pub fn record(&mut self, time: Timestamp, rules: u32, command: Vec<u8>, outcome: &Outcome) -> u64 {
        let seq = self.rows.records.len() as u64 + 1;
        let previous = self.rows.records.last().map_or(Hash::ZERO, Record::hash);
        let outcome_digest = outcome.digest();
        self.outcomes.push(outcome.encode());
        self.rows.records.push(Record { seq, time, rules, command, outcome_digest, previous });
        seq
    }

    /// Signs a batch over what is not committed yet.
    pub fn commit(&mut self) {
        let node = self.node.clone();
        self.commit_as(&node, |_| {});
    }

    /// Signs a changed batch.
    pub fn commit_as(&mut self, signer: &Keypair, change: impl FnOnce(&mut Block)) {
        let records = &self.rows.records[self.committed..];
        let (first_seq, count) = (records[0].seq, u32::try_from(records.len()).unwrap());
        let leaves: Vec<Hash> = records.iter().map(|record| record.leaf().hash()).collect();
        let last_record_hash = records.last().unwrap().hash();
        let batch = Batch { first_seq, count, root: root(&leaves), last_record_hash };
        let mut block = Block {
            network: self.genesis.network,
            author: self.node.public(),
            seq: self.lane.seq + 1,
            previous: self.lane.id,
            time: self.time,
            expiry: None,
            body: batch.into(),
        };
        change(&mut block);
        let signed = block.sign(signer);
        self.lane = Head { seq: block.seq, id: signed.batch_id() };
        self.rows.batches.push(StoredBatch { first_seq, count, block: signed });
        self.committed = self.rows.records.len();
    }

    /// The batch that holds a record.
    pub fn batch(&self, seq: u64) -> &StoredBatch {
        self.rows.batches.iter().find(|batch| (batch.first_seq..=batch.last_seq()).contains(&seq)).unwrap()
    }

    /// The receipt that the exchange gives for a record.
    pub fn receipt(&self, seq: u64) -> Receipt {
        let batch = self.batch(seq);
        let bound = self.rows.records.iter().filter(|record| batch.first_seq <= record.seq);
        let leaves: Vec<Leaf> = bound.take(batch.count as usize).map(Record::leaf).collect();
        let index = usize::try_from(seq - batch.first_seq).unwrap();
        let hashes: Vec<Hash> = leaves.iter().map(Leaf::hash).collect();
        Receipt {
            batch: batch.block.clone(),
            leaf: leaves[index],
            path: inclusion_proof(&hashes, index).unwrap(),
            outcome: self.outcomes[usize::try_from(seq).unwrap() - 1].clone(),
        }
    }
}

/// A signed block with one bit of its payload changed.
pub fn flipped(signed: &SignedBlock, at: usize) -> SignedBlock {
    let mut changed = signed.clone();
    changed.payload[at] ^= 1;
    changed
}

/// The verdict over some rows.
pub async fn judge(rows: &Rows, claims: &Claims) -> Verdict {
    audit(rows, claims, &mut |_| {}).await.unwrap()
}

/// The verdict over some rows alone, which must be a conviction: record, check, words.
pub async fn convicted(rows: &Rows) -> crate::audit::verdict::Conviction {
    convicted_by(rows, &Claims::default()).await
}

/// The same with claims.
pub async fn convicted_by(rows: &Rows, claims: &Claims) -> crate::audit::verdict::Conviction {
    match judge(rows, claims).await {
        Verdict::Fail(conviction) => conviction,
        Verdict::Pass(report) => panic!("it passed: {report:?}"),
    }
}
