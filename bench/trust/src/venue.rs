//! The engine under recorded order flow: accounts, orders and payments as blocks, without signatures and without a store.

use anyhow::{Result, bail, ensure};
use bandex_engine::{CommandResult, Engine, OperationResult, Outcome};
use bandex_flow as flow;
use bandex_tradechain::body::{
    Acknowledge, Bond, Change, Configure, Operation, Orders, Parameters, Pay, Place, Register,
};
use bandex_tradechain::{Block, Body, Command, Decoded, Genesis, Head, Keypair, SignedBlock};
use bandex_types::{
    AccountId, Amount, BlockId, DealId, OrderRef, PostOnly, PublicKey, SignatureBytes, Timestamp,
};
use std::collections::BTreeMap;

const NETWORK: u32 = 1;
/// How long a due party has to pay, and a payee to acknowledge: a minute.
pub const DEADLINE_US: u64 = 60_000_000;

/// A lane's key and end, and whose it is.
struct Lane {
    key: PublicKey,
    head: Head,
}

/// An exchange without a server.
pub struct Venue {
    pub engine: Engine,
    pub time: Timestamp,
    operator: Lane,
    traders: Vec<Lane>,
    accounts: BTreeMap<AccountId, usize>,
    placed: BTreeMap<u64, (usize, OrderRef)>,
    home: PublicKey,
}

fn key(number: u64) -> PublicKey {
    let mut seed = [5; 32];
    seed[..8].copy_from_slice(&number.to_le_bytes());
    Keypair::from_seed(&seed).public()
}

impl Venue {
    /// With so many traders, of whom each has the limit that `limit` says (none: the dust) and tokens without end.
    pub fn begin(time: Timestamp, traders: u32, limit: impl Fn(u32) -> Option<Amount>) -> Result<Self> {
        let (node, operator) = (key(u64::MAX), key(u64::MAX - 1));
        let genesis = Genesis::new(NETWORK, node, operator, Amount::MAX);
        let operator = Lane { key: operator, head: Head { seq: 0, id: genesis.id() } };
        let mut venue = Self {
            engine: Engine::new(),
            time,
            operator,
            traders: Vec::new(),
            accounts: BTreeMap::new(),
            placed: BTreeMap::new(),
            home: node,
        };
        venue.apply(Command::Genesis(genesis))?;
        if let Some(upgrade) = venue.engine.due_upgrade() {
            venue.apply(upgrade)?;
        }
        let mut changes: Vec<Change> = flow::assets().into_iter().map(Change::ListAsset).collect();
        changes.push(Change::ListMarket(flow::market_listing(DEADLINE_US, DEADLINE_US)));
        let parameters =
            Parameters { bid_multiple: u32::MAX, register_work_bits: 0, ..Parameters::default() };
        changes.push(Change::SetParameters(parameters));
        venue.configure(changes)?;
        let tokens = Amount::new(u64::MAX / (u64::from(traders) + 1));
        for number in 0..traders {
            let account = venue.register(number)?;
            let mut changes = vec![Change::Issue { to: account, amount: tokens }];
            if let Some(limit) = limit(number) {
                changes.push(Change::SetLimit { account, limit: Some(limit) });
            }
            venue.configure(changes)?;
        }
        Ok(venue)
    }

    fn register(&mut self, number: u32) -> Result<AccountId> {
        let mut lane = Lane { key: key(u64::from(number)), head: Head { seq: 0, id: BlockId::ZERO } };
        let block = sign(&mut lane, Register { home: self.home, nonce: 0 }.into(), self.time);
        self.apply(Command::Block(block))?;
        let account = AccountId::from(lane.head.id);
        self.accounts.insert(account, self.traders.len());
        self.traders.push(lane);
        Ok(account)
    }

    /// Lets the operator decide.
    pub fn configure(&mut self, changes: Vec<Change>) -> Result<()> {
        let block = sign(&mut self.operator, Configure { changes }.into(), self.time);
        self.apply(Command::Block(block)).map(drop)
    }

    fn apply(&mut self, command: Command) -> Result<Outcome> {
        let outcome = self.engine.apply(self.time, &Decoded::new(command)?);
        let refused = match &outcome.result {
            CommandResult::Refused(refusal) => Some(refusal),
            CommandResult::Done(results) => results.iter().find_map(|result| match result {
                OperationResult::Refused(refusal) => Some(refusal),
                OperationResult::Done => None,
            }),
        };
        match refused {
            Some(refusal) => bail!("the set-up was refused: {refusal}"),
            None => Ok(outcome),
        }
    }

    fn block(&mut self, trader: usize, body: Body) -> Result<Outcome> {
        let Some(lane) = self.traders.get_mut(trader) else { bail!("there is no trader {trader}") };
        let block = sign(lane, body, self.time);
        Ok(self.engine.apply(self.time, &Decoded::new(Command::Block(block))?))
    }

    /// One row of the file, by the account that `trader_of` deals the order to.
    pub fn row(
        &mut self,
        row: &flow::Command,
        trader_of: impl Fn(u64, bandex_types::Side) -> u32,
    ) -> Result<Option<Outcome>> {
        // Time in the file may run back a little; here it never does.
        self.time = self.time.max(Timestamp::from_micros(row.time_ms.saturating_mul(1_000)));
        match row.action {
            flow::Action::Place { id, side, price, quantity, post_only } => {
                let trader = trader_of(id, side) as usize;
                let mut place = Place::limit(flow::MARKET, side, price, quantity);
                place.post_only = if post_only { PostOnly::Refuse } else { PostOnly::Off };
                let Some(lane) = self.traders.get(trader) else { bail!("there is no trader {trader}") };
                let order = OrderRef { key: lane.key, seq: lane.head.seq + 1, op: 0 };
                self.placed.insert(id, (trader, order));
                self.orders(trader, Operation::Place(Box::new(place))).map(Some)
            }
            flow::Action::Cancel { id } => match self.placed.get(&id).copied() {
                Some((trader, order)) => self.orders(trader, Operation::Cancel { order }).map(Some),
                None => Ok(None),
            },
        }
    }

    fn orders(&mut self, trader: usize, operation: Operation) -> Result<Outcome> {
        self.block(trader, Orders { operations: vec![operation] }.into())
    }

    /// A trader puts tokens at stake.
    pub fn bond(&mut self, trader: u32, amount: Amount) -> Result<()> {
        let outcome = self.block(trader as usize, Bond { amount }.into())?;
        ensure!(matches!(outcome.result, CommandResult::Done(_)), "a bond was refused: {:?}", outcome.result);
        Ok(())
    }

    /// Lets what is due by now happen.
    pub fn tick(&mut self) -> Result<Outcome> {
        self.apply(Command::Tick)
    }

    /// The side that is due pays; on an attested rail the other acknowledges if it `answers`.
    pub fn pay(&mut self, id: DealId, answers: bool) -> Result<()> {
        let Some(state) = self.engine.deal(&id) else { bail!("there is no deal {id}") };
        let Some(due) = state.deal.due() else { bail!("nothing is due in deal {id}") };
        let (payer, payee) = match due.party {
            bandex_settlement::Party::Seller => (state.seller, state.buyer),
            bandex_settlement::Party::Buyer => (state.buyer, state.seller),
        };
        let pay =
            Pay { deal: id, tranche: due.tranche, cumulative: due.cumulative, reference: String::new() };
        let outcome = self.block(self.number(&payer)?, pay.into())?;
        ensure!(
            matches!(outcome.result, CommandResult::Done(_)),
            "a payment was refused: {:?}",
            outcome.result
        );
        let in_flight =
            self.engine.deal(&id).and_then(|state| state.deal.in_flight().map(|open| open.proposal));
        if let Some(proposal) = in_flight.filter(|_| answers) {
            let outcome = self.block(self.number(&payee)?, Acknowledge { proposal }.into())?;
            ensure!(matches!(outcome.result, CommandResult::Done(_)), "{:?}", outcome.result);
        }
        Ok(())
    }

    fn number(&self, account: &AccountId) -> Result<usize> {
        match self.accounts.get(account) {
            Some(number) => Ok(*number),
            None => bail!("there is no account {account}"),
        }
    }
}

/// Signatures are the verifier's business, before the engine; here they are zeros.
fn sign(lane: &mut Lane, body: Body, time: Timestamp) -> SignedBlock {
    let (seq, previous) = (lane.head.seq + 1, lane.head.id);
    let block = Block { network: NETWORK, author: lane.key, seq, previous, time, expiry: None, body };
    lane.head = Head { seq, id: block.id() };
    SignedBlock { payload: block.encode(), signature: SignatureBytes::new([0; 64]) }
}
