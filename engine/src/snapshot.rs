//! The whole state as bytes, to begin from instead of the first record; and one hash over it.
//!
//! The bytes are a shortcut on the machine that wrote them, never an authority: whoever restores them compares their
//! hash with the one noted beside them, and replays the journal if it differs. Their layout belongs to this program's
//! version ([`SNAPSHOT_VERSION`]); they are not exchanged and not kept forever.

use crate::admission::owner_of;
use crate::apply::Engine;
use crate::market::{Market, OpenOrder, OpenOrders};
use bandex_matching::{Book, OrderId, Resting};
use bandex_tradechain::body::{AssetListing, MarketListing, MarketState};
use bandex_types::{AssetId, Hash, Rail, Side};
use borsh::{BorshDeserialize, BorshSerialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::io::{self, Read, Write};

/// The layout of the bytes. Raise it whenever the state's layout changes.
pub const SNAPSHOT_VERSION: u32 = 1;

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

/// What a market is beside its book.
type StoredMarket = (MarketListing, MarketState, u64);
/// The orders of one side of a book, in the order in which they would trade.
type StoredSide = Vec<(u64, OpenOrder)>;

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
        if engine.ledger.sum() != 0 || !engine.ledger.locks_add_up() {
            return Err(RestoreError::new("the ledger does not add up"));
        }
        match engine.deals.iter().find(|(_, entry)| !entry.deal.is_consistent()) {
            Some((id, _)) => Err(RestoreError::new(format!("deal {id} has left its band"))),
            None => Ok(engine),
        }
    }

    fn write_state(&self, out: &mut impl Write) -> io::Result<()> {
        (self.seq, self.time, self.rules, &self.genesis, &self.parameters).serialize(out)?;
        (&self.accounts, &self.ledger, &self.assets, self.next_order).serialize(out)?;
        (&self.deals, &self.proposals, &self.timers).serialize(out)?;
        u64::try_from(self.markets.len()).unwrap_or(u64::MAX).serialize(out)?;
        for market in self.markets.values() {
            (&market.listing, market.state, market.trades).serialize(out)?;
            for side in [Side::Buy, Side::Sell] {
                let resting = market.book.orders(side);
                let orders: Vec<(u64, &OpenOrder)> =
                    resting.filter_map(|one| Some((one.id.get(), self.orders.get(one.id)?))).collect();
                orders.serialize(out)?;
            }
        }
        Ok(())
    }

    fn read_state(from: &mut impl Read) -> io::Result<Self> {
        let (seq, time, rules, genesis, parameters) = BorshDeserialize::deserialize_reader(from)?;
        let (accounts, ledger, assets, next_order) = BorshDeserialize::deserialize_reader(from)?;
        let (deals, proposals, timers) = BorshDeserialize::deserialize_reader(from)?;
        let mut engine = Self {
            seq,
            time,
            rules,
            genesis,
            parameters,
            accounts,
            ledger,
            assets,
            markets: BTreeMap::new(),
            orders: OpenOrders::default(),
            next_order,
            deals,
            proposals,
            timers,
        };
        for _ in 0..u64::deserialize_reader(from)? {
            let market = read_market(from, &engine.assets, &mut engine.orders)?;
            engine.markets.insert(market.listing.id, market);
        }
        Ok(engine)
    }
}

fn damaged(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

fn read_market(
    from: &mut impl Read,
    assets: &BTreeMap<AssetId, AssetListing>,
    orders: &mut OpenOrders,
) -> io::Result<Market> {
    let (listing, state, trades) = StoredMarket::deserialize_reader(from)?;
    let rail = |asset| -> io::Result<Rail> {
        assets
            .get(asset)
            .map(|asset: &AssetListing| asset.rail)
            .ok_or_else(|| damaged("a market of no asset"))
    };
    let (base_rail, quote_rail) = (rail(&listing.base)?, rail(&listing.quote)?);
    let mut resting = Vec::new();
    for side in [Side::Buy, Side::Sell] {
        for (id, order) in StoredSide::deserialize_reader(from)? {
            let id = OrderId::new(id);
            if order.side != side {
                return Err(damaged("an order on the wrong side"));
            }
            resting.push(resting_of(id, &order));
            orders.insert(id, order);
        }
    }
    let book = Book::from_orders(resting).map_err(|error| damaged(&error.to_string()))?;
    Ok(Market { listing, state, base_rail, quote_rail, book, trades })
}

fn resting_of(id: OrderId, order: &OpenOrder) -> Resting {
    Resting { id, owner: owner_of(order.account), side: order.side, price: order.price, left: order.left() }
}
