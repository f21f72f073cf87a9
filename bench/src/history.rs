//! A journal of any length, made as fast as one core can: real signed blocks through the server's own sequencer into a
//! real store, without a network between.
//!
//! Pairs of traders quote and cancel, trade, and settle their deals tranche by tranche on the attested rail, all pairs
//! at once, so that batches are as full as under load. What is due is read from the engine, as an agent would.

use anyhow::{Context, Result, bail, ensure};
use bandex_engine::{CommandResult, Engine, OperationResult, Outcome, Refusal};
use bandex_exchange::Identity;
use bandex_journal::Journal;
use bandex_sequencer::{Ends, Sealed, Sequencer, Submitted};
use bandex_settlement::Party;
use bandex_tradechain::body::{
    Acknowledge, AssetListing, Bandwidth, Change, MarketListing, Operation, Orders, Parameters, Pay, Payer,
    Place, Register,
};
use bandex_tradechain::{Block, Body, Genesis, Head, Keypair, deal_id, verify};
use bandex_types::{
    AccountId, Amount, AssetId, BlockId, DealId, MarketId, OrderRef, PostOnly, Price, Quantity, Rail, Ratio,
    Side, Timestamp,
};

const NETWORK: u32 = 1;
const MARKET: MarketId = MarketId::new(1);
/// What every deal is over: 1 BWT in lots of 1 kB.
const LOTS: Quantity = Quantity::new(1_000_000);
/// At this price a deal is worth [`VALUE`].
const PRICE: Price = Price::new(8_000_000);
/// In millisatoshi.
const VALUE: u64 = 40_000;
/// What one gives another at first, in bytes.
const GIFT: u64 = 1_000_000_000;
/// Deadlines that no measurement reaches.
const LONG_US: u64 = 1_000 * 365 * 24 * 3_600 * 1_000_000;
/// Time between two batches.
const BATCH_US: u64 = 100_000;

/// What a round of every pair is made of.
#[derive(Debug, Clone, Copy)]
pub struct Mix {
    /// Quotes that are placed and cancelled before each deal.
    pub quotes: u64,
    /// How much of a deal's value one side lets the other owe: 1 part in so many.
    pub parts: u64,
}

struct Lane {
    key: Keypair,
    account: AccountId,
    head: Head,
}

impl Lane {
    fn new(key: Keypair) -> Self {
        let nowhere = BlockId::ZERO;
        Self { key, account: AccountId::new([0; 32]), head: Head { seq: 0, id: nowhere } }
    }
}

/// What a stretch of history held.
#[derive(Debug, Clone, Copy, Default)]
pub struct Counts {
    /// Records.
    pub records: u64,
    /// Transactions.
    pub batches: u64,
    /// Deals opened and settled.
    pub deals: u64,
    /// Blocks that paid or acknowledged.
    pub steps: u64,
}

/// A journal being made.
pub struct History {
    sequencer: Sequencer,
    /// Sellers and buyers by turns.
    lanes: Vec<Lane>,
    now: Timestamp,
    counts: Counts,
}

impl History {
    /// Begins a journal with `pairs` pairs of traders.
    ///
    /// # Errors
    /// The store does not take it.
    pub async fn begin(identity: &Identity, pairs: usize, journal: &mut dyn Journal) -> Result<Self> {
        let (node, operator) = (identity.node.clone(), identity.operator.clone());
        let genesis = Genesis::new(NETWORK, node.public(), operator.public(), Amount::MAX);
        let sequencer = Sequencer::new(Engine::new(), Ends::EMPTY, node, operator);
        let lanes = (0..pairs * 2).map(|number| Lane::new(test_key(number))).collect();
        let now = Timestamp::from_micros(1_700_000_000_000_000);
        let mut history = Self { sequencer, lanes, now, counts: Counts::default() };
        let sealed = history.sequencer.begin(genesis, &listing()?, history.now);
        history.keep(journal, sealed).await?;
        let home = identity.node.public();
        let registers = (0..history.lanes.len()).map(|lane| (lane, Register { home, nonce: 0 }.into()));
        let ids = history.submit(journal, registers.collect()).await?;
        for (lane, id) in history.lanes.iter_mut().zip(ids) {
            lane.account = AccountId::new(*id.as_bytes());
        }
        let endow = |lane: &Lane| {
            let (to, account) = (lane.account, lane.account);
            let limit = Some(Amount::new(1_000_000_000_000));
            [
                Change::Issue { to, amount: Amount::new(1_000_000_000_000_000) },
                Change::SetLimit { account, limit },
            ]
        };
        let changes: Vec<Change> = history.lanes.iter().flat_map(endow).collect();
        for some in changes.chunks(100) {
            let mut making = history.sequencer.batch(history.now);
            making.configure(some.to_vec());
            let sealed = making.seal().context("a configure block was applied")?;
            history.keep(journal, sealed).await?;
        }
        history.counts = Counts::default();
        Ok(history)
    }

    /// The last record's seq.
    pub fn seq(&self) -> u64 {
        self.sequencer.engine().seq()
    }

    /// Adds whole rounds until the journal has at least `records` records; gives what was added.
    ///
    /// # Errors
    /// The store does not take it, or a block is not taken as it should be.
    pub async fn grow(&mut self, journal: &mut dyn Journal, mix: Mix, records: u64) -> Result<Counts> {
        let before = std::mem::take(&mut self.counts);
        while self.seq() < records {
            self.round(journal, mix).await?;
        }
        Ok(std::mem::replace(&mut self.counts, before))
    }

    /// The accounts, in the order in which they were registered.
    pub fn accounts(&self) -> impl Iterator<Item = AccountId> {
        self.lanes.iter().map(|lane| lane.account)
    }

    /// Carries out decisions of the operator.
    ///
    /// # Errors
    /// The store does not take them, or one of them is refused.
    pub async fn decide(&mut self, journal: &mut dyn Journal, changes: Vec<Change>) -> Result<()> {
        let mut making = self.sequencer.batch(self.now);
        making.configure(changes);
        let sealed = making.seal().context("a configure block was applied")?;
        if let Some(refused) = sealed.applied.iter().find_map(|applied| refusal(&applied.outcome)) {
            bail!("a decision was refused: {refused:?}");
        }
        self.keep(journal, sealed).await
    }

    /// Lets each of these pairs give each other bandwidth on credit and back, three times, so that both honour what they
    /// owed: two edges of the trust graph a pair.
    ///
    /// # Errors
    /// The store does not take it, or a block is not taken as it should be.
    pub async fn serve(&mut self, journal: &mut dyn Journal, pairs: &[(usize, usize)]) -> Result<()> {
        for (round, bytes) in [(0, GIFT), (1, 2 * GIFT), (2, 2 * GIFT)] {
            let mut blocks = Vec::with_capacity(pairs.len());
            let mut others = Vec::with_capacity(pairs.len());
            for (one, other) in pairs {
                let (from, to) = if round == 1 { (other, one) } else { (one, other) };
                let counterparty = self.lanes.get(*to).context("a lane")?.account;
                let (sent_bytes, received_bytes, tokens) = (bytes, 0, Amount::ZERO);
                let payer = Payer::Author;
                let record = Bandwidth { counterparty, sent_bytes, received_bytes, payer, tokens };
                blocks.push((*from, record.into()));
                others.push(*to);
            }
            let ids = self.submit(journal, blocks).await?;
            let acknowledged = others.into_iter().zip(ids);
            let acknowledged = acknowledged.map(|(other, proposal)| (other, Acknowledge { proposal }.into()));
            self.submit(journal, acknowledged.collect()).await?;
        }
        Ok(())
    }

    /// One deal of every pair, with the quotes before it.
    async fn round(&mut self, journal: &mut dyn Journal, mix: Mix) -> Result<()> {
        let mut blocks = Vec::new();
        let mut seqs: Vec<u64> = self.lanes.iter().map(|lane| lane.head.seq).collect();
        let mut deals = Vec::new();
        for pair in 0..self.lanes.len() / 2 {
            let (seller, buyer) = (pair * 2, pair * 2 + 1);
            for quote in 0..mix.quotes {
                let price = Price::new(1 + quote % 1_000);
                let order = self.next_ref(buyer, &mut seqs)?;
                blocks.push((buyer, place(Side::Buy, price, Quantity::new(1), None, PostOnly::Refuse)));
                let cancel = Operation::Cancel { order };
                self.next_ref(buyer, &mut seqs)?;
                blocks.push((buyer, Orders { operations: vec![cancel] }.into()));
            }
            let cap = Some(Amount::new(VALUE / mix.parts));
            let maker = self.next_ref(seller, &mut seqs)?;
            blocks.push((seller, place(Side::Sell, PRICE, LOTS, cap, PostOnly::Off)));
            let taker = self.next_ref(buyer, &mut seqs)?;
            blocks.push((buyer, place(Side::Buy, PRICE, LOTS, cap, PostOnly::Off)));
            deals.push((deal_id(&taker, &maker), seller, buyer));
        }
        self.submit(journal, blocks).await?;
        self.counts.deals += u64::try_from(deals.len())?;
        self.settle(journal, &deals).await
    }

    async fn settle(&mut self, journal: &mut dyn Journal, deals: &[(DealId, usize, usize)]) -> Result<()> {
        let mut proposals: Vec<(usize, BlockId)> = Vec::new();
        loop {
            let acknowledged =
                proposals.drain(..).map(|(seller, proposal)| (seller, Acknowledge { proposal }.into()));
            let mut blocks: Vec<(usize, Body)> = acknowledged.collect();
            let mut payers = Vec::new();
            if blocks.is_empty() {
                for (id, seller, buyer) in deals {
                    let state = self.sequencer.engine().deal(id).context("the orders have traded")?;
                    let Some(due) = state.deal.due() else { continue };
                    let pay = Pay {
                        deal: *id,
                        tranche: due.tranche,
                        cumulative: due.cumulative,
                        reference: String::new(),
                    };
                    blocks.push((if due.party == Party::Seller { *seller } else { *buyer }, pay.into()));
                    payers.push((due.party == Party::Buyer).then_some(*seller));
                }
            }
            if blocks.is_empty() {
                return Ok(());
            }
            self.counts.steps += u64::try_from(blocks.len())?;
            let ids = self.submit(journal, blocks).await?;
            proposals.extend(payers.into_iter().zip(ids).filter_map(|(payee, id)| Some((payee?, id))));
        }
    }

    /// The reference of the next block's first operation.
    fn next_ref(&self, lane: usize, seqs: &mut [u64]) -> Result<OrderRef> {
        let seq = seqs.get_mut(lane).context("a lane")?;
        *seq += 1;
        let key = self.lanes.get(lane).context("a lane")?.key.public();
        Ok(OrderRef { key, seq: *seq, op: 0 })
    }

    /// Signs, verifies and sequences blocks in one batch; gives their ids.
    async fn submit(
        &mut self,
        journal: &mut dyn Journal,
        blocks: Vec<(usize, Body)>,
    ) -> Result<Vec<BlockId>> {
        self.now = self.now.plus(BATCH_US);
        let mut making = self.sequencer.batch(self.now);
        let mut ids = Vec::with_capacity(blocks.len());
        for (lane, body) in blocks {
            let lane = self.lanes.get_mut(lane).context("a lane")?;
            let block = Block {
                network: NETWORK,
                author: lane.key.public(),
                seq: lane.head.seq + 1,
                previous: lane.head.id,
                time: self.now,
                expiry: None,
                body,
            };
            let verified = verify(block.sign(&lane.key), NETWORK)?;
            lane.head = Head { seq: block.seq, id: verified.id() };
            ids.push(verified.id());
            let submitted = making.submit(verified);
            ensure!(matches!(submitted, Submitted::Index(_)), "a block was not sequenced: {submitted:?}");
        }
        let sealed = making.seal().context("there were blocks")?;
        if let Some(refused) = sealed.applied.iter().find_map(|applied| refusal(&applied.outcome)) {
            bail!("a block was refused: {refused:?}");
        }
        self.keep(journal, sealed).await?;
        Ok(ids)
    }

    async fn keep(&mut self, journal: &mut dyn Journal, sealed: Sealed) -> Result<()> {
        journal.append(&sealed.batch).await?;
        self.counts.records += u64::try_from(sealed.batch.records.len())?;
        self.counts.batches += 1;
        Ok(())
    }
}

/// The first refusal in an outcome.
fn refusal(outcome: &Outcome) -> Option<&Refusal> {
    match &outcome.result {
        CommandResult::Refused(refusal) => Some(refusal),
        CommandResult::Done(operations) => operations.iter().find_map(|operation| match operation {
            OperationResult::Refused(refusal) => Some(refusal),
            OperationResult::Done => None,
        }),
    }
}

fn place(side: Side, price: Price, lots: Quantity, own_cap: Option<Amount>, post_only: PostOnly) -> Body {
    let place = Place { own_cap, post_only, ..Place::limit(MARKET, side, price, lots) };
    Orders { operations: vec![Operation::Place(Box::new(place))] }.into()
}

fn listing() -> Result<Vec<Change>> {
    let asset = |id, symbol: &str, decimals, rail| {
        Change::ListAsset(AssetListing { id, symbol: symbol.to_owned(), decimals, rail })
    };
    let market = MarketListing {
        id: MARKET,
        base: AssetId::BWT,
        quote: AssetId::BTC,
        lot_units: 1_000,
        tick_value: Ratio::new(1, 200_000_000)?,
        least_tranche: Amount::new(1),
        pay_us: LONG_US,
        acknowledge_us: LONG_US,
    };
    let whole = 1_000_000;
    let parameters = Parameters {
        bid_multiple: u32::MAX,
        share_ppm: whole,
        register_work_bits: 0,
        ..Parameters::default()
    };
    Ok(vec![
        asset(AssetId::BWT, "BWT", 9, Rail::Token),
        asset(AssetId::BTC, "BTC", 11, Rail::Attested),
        Change::ListMarket(market),
        Change::SetParameters(parameters),
    ])
}

/// A key for measurements: everybody knows its seed.
fn test_key(number: usize) -> Keypair {
    let mut seed = *b"bandex bench: a key without use.";
    for (byte, of) in seed.iter_mut().zip(number.to_le_bytes()) {
        *byte ^= of;
    }
    Keypair::from_seed(&seed)
}
