//! The whole state as bytes, to begin from instead of the first record; and one hash over it.
//!
//! The bytes are a shortcut on the machine that wrote them, never an authority: whoever restores them compares their
//! hash with the one noted beside them, and replays the journal if it differs. Their layout belongs to this program's
//! version ([`SNAPSHOT_VERSION`]); they are not exchanged and not kept forever.

use crate::apply::Engine;
use crate::effects::Effects;
use crate::market::Market;
use crate::open::{OpenOrder, Spot};
use bandex_matching::{NewOrder, OrderId, Resting};
use bandex_tradechain::body::{AssetListing, Fees, MarketListing, MarketRules, MarketState, PaymentTerms};
use bandex_types::{AssetId, Hash, Price, Quantity, Rail, Side};
use borsh::{BorshDeserialize, BorshSerialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::io::{self, Read, Write};

/// The layout of the bytes. Raise it whenever the state's layout changes.
pub const SNAPSHOT_VERSION: u32 = 6;

/// Bytes are no state of an engine.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("these bytes are no state of the engine: {0}")]
pub struct RestoreError(String);

impl RestoreError {
    fn new(what: impl ToString) -> Self {
        Self(what.to_string())
    }
}

/// Hashes what is written to it.
struct Hasher(Sha256);

impl Write for Hasher {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What a market is beside its book: listing, rules, state, how many trades, fees, the last price, whether it gathers,
/// timer, terms of payments.
type StoredMarket = (
    MarketListing,
    MarketRules,
    MarketState,
    u64,
    Fees,
    Option<Price>,
    bool,
    Option<bandex_types::Timestamp>,
    PaymentTerms,
);
/// The orders of one side of a book, in the order in which they would trade, each with what it shows.
type StoredSide = Vec<(Quantity, OpenOrder)>;

impl Engine {
    /// A digest of everything the next outcomes depend on: SHA-256 of [`Engine::snapshot`]. Walks all of it: meant for
    /// checks, not for each command.
    pub fn digest(&self) -> Hash {
        let mut hasher = Hasher(Sha256::new());
        let written = self.write_state(&mut hasher);
        assert!(written.is_ok(), "a hasher takes everything");
        Hash::new(hasher.0.finalize().into())
    }

    /// The state's bytes: all that the next outcomes depend on.
    pub fn snapshot(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let written = self.write_state(&mut bytes);
        assert!(written.is_ok(), "a vector takes everything");
        bytes
    }

    /// The engine whose [`Engine::snapshot`] these bytes are; it goes on exactly as that one would.
    ///
    /// # Errors
    /// The bytes are cut, are of another layout, or break what always holds of a state. That they are the right ones is
    /// for the caller to know, by their hash.
    pub fn restore(bytes: &[u8]) -> Result<Self, RestoreError> {
        let mut rest = bytes;
        let engine = Self::read_state(&mut rest).map_err(RestoreError::new)?;
        if !rest.is_empty() {
            return Err(RestoreError::new("bytes are left over"));
        }
        if engine.ledger.sum() != 0 || !engine.locks_add_up() {
            return Err(RestoreError::new("the ledger does not add up"));
        }
        let broken = engine.deals.iter().find(|(_, entry)| !entry.deal.is_consistent());
        if let Some((id, _)) = broken {
            return Err(RestoreError::new(format!("deal {id} has left its band")));
        }
        Ok(engine)
    }

    fn write_state(&self, out: &mut impl Write) -> io::Result<()> {
        (self.seq, self.time, self.rules, &self.genesis, &self.parameters).serialize(out)?;
        (&self.accounts, &self.ledger, &self.assets, self.next_order).serialize(out)?;
        (&self.guards, &self.deals, &self.proposals, &self.timers, &self.trust).serialize(out)?;
        self.bitcoin.serialize(out)?;
        u64::try_from(self.markets.len()).unwrap_or(u64::MAX).serialize(out)?;
        for market in self.markets.values() {
            (&market.listing, market.rules, market.state, market.trades, market.fees).serialize(out)?;
            (market.last, market.gathers, market.timer, market.payments).serialize(out)?;
            for side in [Side::Buy, Side::Sell] {
                let resting = market.book.orders(side);
                let orders: Vec<(Quantity, &OpenOrder)> =
                    resting.map(|one| (one.shown, self.orders.get(market.order(one.id)))).collect();
                orders.serialize(out)?;
            }
        }
        let sleepers = self.orders.numbered().filter(|order| order.spot == Spot::Asleep);
        sleepers.collect::<Vec<&OpenOrder>>().serialize(out)
    }

    fn read_state(from: &mut impl Read) -> io::Result<Self> {
        let (seq, time, rules, genesis, parameters) = BorshDeserialize::deserialize_reader(from)?;
        let (accounts, ledger, assets, next_order) = BorshDeserialize::deserialize_reader(from)?;
        let (guards, deals, proposals, timers, trust) = BorshDeserialize::deserialize_reader(from)?;
        let bitcoin = BorshDeserialize::deserialize_reader(from)?;
        let mut engine = Self {
            seq,
            time,
            rules,
            genesis,
            parameters,
            accounts,
            ledger,
            assets,
            next_order,
            guards,
            deals,
            proposals,
            timers,
            trust,
            bitcoin,
            ..Self::default()
        };
        let mut open = Vec::new();
        for _ in 0..u64::deserialize_reader(from)? {
            let market = read_market(from, &engine.assets, &mut open)?;
            engine.markets.insert(market.listing.id, market);
        }
        open.extend(Vec::<OpenOrder>::deserialize_reader(from)?);
        engine.take_back(open)?;
        engine.set_market_rates();
        engine.set_least_payments();
        // No account changes by this: it had the same parts when it was put away.
        engine.refresh_all(&mut Effects::default());
        Ok(engine)
    }

    /// Takes in the open orders, oldest first, as they once came.
    fn take_back(&mut self, mut open: Vec<OpenOrder>) -> io::Result<()> {
        open.sort_unstable_by_key(|order| order.number);
        if !open.is_sorted_by(|one, next| one.number < next.number) {
            return Err(damaged("two orders of one number"));
        }
        for mut order in open {
            let lane =
                self.accounts.find_lane(&order.order.key).map(|lane| (lane, self.accounts.lane_at(lane)));
            let Some((lane, _)) = lane.filter(|(_, found)| found.account == order.account) else {
                return Err(damaged("an order of no key"));
            };
            order.lane = lane;
            let (spot, market) = (order.spot, order.market);
            let index = self.orders.add(order);
            match (spot, self.markets.get_mut(&market)) {
                (Spot::Book(id), Some(market)) => market.rests(id, index),
                (_, Some(_)) if self.orders.get(index).trigger().is_some() => self.fall_asleep(index),
                _ => return Err(damaged("an order on no market")),
            }
        }
        Ok(())
    }
}

fn damaged(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// Reads a market; its orders are added to `open`, each with its name on the book.
fn read_market(
    from: &mut impl Read,
    assets: &BTreeMap<AssetId, AssetListing>,
    open: &mut Vec<OpenOrder>,
) -> io::Result<Market> {
    let (listing, rules, state, trades, fees, last, gathers, timer, payments) =
        StoredMarket::deserialize_reader(from)?;
    let rail = |asset| -> io::Result<Rail> {
        assets
            .get(asset)
            .map(|asset: &AssetListing| asset.rail)
            .ok_or_else(|| damaged("a market of no asset"))
    };
    let (base_rail, quote_rail) = (rail(&listing.base)?, rail(&listing.quote)?);
    let mut market = Market::new(listing, base_rail, quote_rail);
    (market.rules, market.state, market.trades, market.fees) = (rules, state, trades, fees);
    (market.last, market.gathers, market.timer, market.payments) = (last, gathers, timer, payments);
    for side in [Side::Buy, Side::Sell] {
        for (shown, mut order) in StoredSide::deserialize_reader(from)? {
            if order.side != side || order.market != market.listing.id {
                return Err(damaged("an order in the wrong place"));
            }
            let restored = market.book.restore(&resting_of(&order, shown), gathers);
            order.spot = Spot::Book(restored.map_err(|error| damaged(&error.to_string()))?);
            open.push(order);
        }
    }
    Ok(market)
}

fn resting_of(order: &OpenOrder, shown: Quantity) -> Resting {
    let NewOrder { owner, side, price, quantity, display, .. } = order.arriving();
    Resting { id: OrderId::NONE, owner, side, price, left: quantity, display, shown }
}
