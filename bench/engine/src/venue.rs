//! An engine with accounts and markets, and the making of its next commands. Nothing here is timed.

use anyhow::{Result, ensure};
use bandex_engine::{CommandResult, Engine, OperationResult, Outcome};
use bandex_tradechain::body::{AssetListing, Change, Configure, MarketListing, Parameters, Register};
use bandex_tradechain::{Block, Body, Command, Decoded, Genesis, Head, Keypair, SignedBlock};
use bandex_types::{AccountId, Amount, AssetId, MarketId, PublicKey, Rail, Ratio, SignatureBytes, Timestamp};

const NETWORK: u32 = 1;
/// A deal's deadlines: beyond the end of every run.
const NEVER_US: u64 = 1_000_000_000_000_000;

/// A lane's key and end.
pub struct Lane {
    key: PublicKey,
    head: Head,
}

/// The engine and what its blocks are made from.
pub struct Venue {
    pub engine: Engine,
    operator: Lane,
    pub traders: Vec<Lane>,
    now: Timestamp,
}

fn test_key(number: u64) -> PublicKey {
    let mut seed = [7; 32];
    seed[..8].copy_from_slice(&number.to_le_bytes());
    Keypair::from_seed(&seed).public()
}

impl Venue {
    /// An engine with so many markets and accounts; the second half of the accounts has tokens to sell.
    pub fn begin(markets: u32, accounts: usize) -> Result<Self> {
        let (node, operator) = (test_key(u64::MAX), test_key(u64::MAX - 1));
        let genesis = Genesis::new(NETWORK, node, operator, Amount::MAX);
        let operator = Lane { key: operator, head: Head { seq: 0, id: genesis.id() } };
        let now = Timestamp::from_micros(1_700_000_000_000_000);
        let mut venue = Self { engine: Engine::new(), operator, traders: Vec::new(), now };
        venue.apply(&Decoded::new(Command::Genesis(genesis))?)?;
        while let Some(upgrade) = venue.engine.due_upgrade() {
            venue.apply(&Decoded::new(upgrade)?)?;
        }
        for some in listing(markets)?.chunks(100) {
            venue.configure(some.to_vec())?;
        }
        let tokens = Amount::new(u64::MAX / (accounts as u64 + 1));
        for number in 0..accounts {
            let mut lane =
                Lane { key: test_key(number as u64), head: Head { seq: 0, id: bandex_types::BlockId::ZERO } };
            let register = block(&mut lane, Register { home: node, nonce: 0 }.into(), venue.now)?;
            venue.apply(&register)?;
            let account = AccountId::new(*lane.head.id.as_bytes());
            venue.traders.push(lane);
            let mut changes = vec![Change::SetLimit { account, limit: Some(Amount::MAX) }];
            if number >= accounts / 2 {
                changes.push(Change::Issue { to: account, amount: tokens });
            }
            venue.configure(changes)?;
        }
        Ok(venue)
    }

    fn configure(&mut self, changes: Vec<Change>) -> Result<()> {
        let block = block(&mut self.operator, Configure { changes }.into(), self.now)?;
        self.apply(&block)
    }

    fn apply(&mut self, decoded: &Decoded) -> Result<()> {
        let outcome = self.engine.apply(self.now, decoded);
        ensure!(refusals(&outcome) == 0, "the set-up was refused: {:?}", outcome.result);
        Ok(())
    }

    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// The next block of a trader's lane, as the writer gets it from the verifier.
    pub fn block(&mut self, lane: usize, body: Body) -> Result<Decoded> {
        match self.traders.get_mut(lane) {
            Some(lane) => block(lane, body, self.now),
            None => anyhow::bail!("there is no lane {lane}"),
        }
    }

    pub fn keys(&self) -> Vec<PublicKey> {
        self.traders.iter().map(|lane| lane.key).collect()
    }

    /// The seqs of the traders' next blocks.
    pub fn next_seqs(&self) -> Vec<u64> {
        self.traders.iter().map(|lane| lane.head.seq + 1).collect()
    }
}

/// Signatures are the verifier's business, before the engine; here they are zeros.
fn block(lane: &mut Lane, body: Body, time: Timestamp) -> Result<Decoded> {
    let (seq, previous) = (lane.head.seq + 1, lane.head.id);
    let block = Block { network: NETWORK, author: lane.key, seq, previous, time, expiry: None, body };
    let signed = SignedBlock { payload: block.encode(), signature: SignatureBytes::new([0; 64]) };
    let decoded = Decoded::new(Command::Block(signed))?;
    lane.head = Head { seq, id: block.id() };
    Ok(decoded)
}

fn listing(markets: u32) -> Result<Vec<Change>> {
    let asset =
        |id, symbol: String, decimals, rail| Change::ListAsset(AssetListing { id, symbol, decimals, rail });
    let mut changes = vec![asset(AssetId::BWT, "BWT".to_owned(), 9, Rail::Token)];
    for market in 1..=markets {
        let quote = AssetId::new(market);
        changes.push(asset(quote, format!("Q{market}"), 3, Rail::Attested));
        changes.push(Change::ListMarket(MarketListing {
            id: MarketId::new(market),
            base: AssetId::BWT,
            quote,
            lot_units: 1,
            tick_value: Ratio::new(1, 1)?,
            least_tranche: Amount::new(1),
            pay_us: NEVER_US,
            acknowledge_us: NEVER_US,
        }));
    }
    let (share_ppm, bid_multiple, register_work_bits) = (1_000_000, u32::MAX, 0);
    changes.push(Change::SetParameters(Parameters {
        share_ppm,
        bid_multiple,
        register_work_bits,
        ..Parameters::default()
    }));
    Ok(changes)
}

/// How many operations of an outcome were refused; all of a block refused as a whole counts as one.
pub fn refusals(outcome: &Outcome) -> u64 {
    match &outcome.result {
        CommandResult::Refused(_) => 1,
        CommandResult::Done(operations) => {
            operations.iter().filter(|done| matches!(done, OperationResult::Refused(_))).map(|_| 1).sum()
        }
    }
}
