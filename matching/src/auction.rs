//! The words of a call auction, and its price.
//!
//! The price is the one at which the most lots trade; of several, where the least is left over; of several, the
//! nearest to a reference; of two, the lower. Demand and supply only change at prices at which orders stand, so it is
//! enough to look at those and, between each two, at the one price nearest to the reference: see [`uniform_price`].

use crate::{OrderId, Owner, Removal};
use bandex_types::{Price, Quantity, Side};
use std::cmp::Reverse;

/// What an auction would do if it ended now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Indicative {
    /// The one price of all its trades, in ticks.
    pub price: Price,
    /// Lots that trade, never 0.
    pub volume: u128,
    /// Lots at this price or better that find no counterparty.
    pub surplus: u128,
    /// The side they are on; `None` if there are none.
    pub surplus_side: Option<Side>,
}

/// A bid and an ask that are about to trade at the price of an auction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cross {
    /// The bid.
    pub buy: OrderId,
    /// Whose it is.
    pub buy_owner: Owner,
    /// The ask.
    pub sell: OrderId,
    /// Whose it is, never the bid's owner.
    pub sell_owner: Owner,
    /// The auction's price in ticks.
    pub price: Price,
    /// Lots they would trade, never 0: the smaller of what both show.
    pub quantity: Quantity,
}

/// What becomes of a bid and an ask in an auction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Crossing<R> {
    /// They trade.
    Admit,
    /// The bid is taken off the book.
    RemoveBuy(R),
    /// The ask is taken off the book.
    RemoveSell(R),
}

/// Judges who may trade with whom when an auction ends.
pub trait Clearing {
    /// Why somebody may not; the caller's own type.
    type Reason: Clone + std::fmt::Debug + PartialEq;

    /// Judges a pair. On [`Crossing::Admit`] the caller reserves what the trade needs: the trade follows at once.
    fn cross(&mut self, cross: &Cross) -> Crossing<Self::Reason>;

    /// The side of the later of two orders.
    fn later(&self, buy: OrderId, sell: OrderId) -> Side;
}

/// Something that happened when an auction ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Crossed<R> {
    /// A bid and an ask traded at the auction's price.
    Trade {
        /// The bid.
        buy: OrderId,
        /// The ask.
        sell: OrderId,
        /// Lots traded, never 0.
        quantity: Quantity,
        /// Lots of the bid still open; at 0 it has left the book.
        buy_left: Quantity,
        /// Lots of the ask still open; at 0 it has left the book.
        sell_left: Quantity,
    },
    /// An order was taken off the book without a trade.
    Removed {
        /// Which.
        order: OrderId,
        /// Lots that were open and are cancelled by this.
        left: Quantity,
        /// Why.
        reason: Removal<R>,
    },
}

/// All lots of one side at one price, what is not shown included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Depth {
    pub price: Price,
    pub lots: u128,
}

/// The auction's price, of bids from the highest down and asks from the lowest up; `None` if they do not cross.
///
/// Takes time linear in the levels at which bids and asks cross. The order of the rules is that of Xetra's and
/// Euronext's opening auctions (most volume, least surplus, reference price), with the lower price as the last.
pub(crate) fn uniform_price(bids: &[Depth], asks: &[Depth], reference: Option<Price>) -> Option<Indicative> {
    let (best_bid, best_ask) = (bids.first()?.price, asks.first()?.price);
    // Outside the crossed prices nothing trades at all.
    let mut bids: Vec<&Depth> = bids.iter().take_while(|bid| bid.price >= best_ask).collect();
    let mut asks: Vec<&Depth> = asks.iter().take_while(|ask| ask.price <= best_bid).collect();
    asks.reverse();
    let mut demand: u128 = bids.iter().map(|bid| bid.lots).sum();
    let mut supply = 0_u128;
    let mut best: Option<Indicative> = None;
    // Both lists are now taken from their ends, at rising prices.
    while let Some(price) = [bids.last(), asks.last()].into_iter().flatten().map(|depth| depth.price).min() {
        supply += asks.pop_if(|ask| ask.price == price).map_or(0, |ask| ask.lots);
        best = better(best, candidate(price, demand, supply), reference);
        demand -= bids.pop_if(|bid| bid.price == price).map_or(0, |bid| bid.lots);
        let next = [bids.last(), asks.last()].into_iter().flatten().map(|depth| depth.price).min();
        let above = price.checked_add(Price::new(1));
        let below = next.and_then(|next| next.checked_sub(Price::new(1)));
        if let (Some(above), Some(below)) = (above, below)
            && above <= below
        {
            let nearest = reference.unwrap_or(above).clamp(above, below);
            best = better(best, candidate(nearest, demand, supply), reference);
        }
    }
    best
}

fn candidate(price: Price, demand: u128, supply: u128) -> Indicative {
    let surplus_side = match demand.cmp(&supply) {
        std::cmp::Ordering::Less => Some(Side::Sell),
        std::cmp::Ordering::Equal => None,
        std::cmp::Ordering::Greater => Some(Side::Buy),
    };
    Indicative { price, volume: demand.min(supply), surplus: demand.abs_diff(supply), surplus_side }
}

/// The better of two by the rules of the auction; `then` has the higher price.
fn better(best: Option<Indicative>, then: Indicative, reference: Option<Price>) -> Option<Indicative> {
    let distance = |price: Price| reference.map(|reference| price.get().abs_diff(reference.get()));
    let rank = |one: &Indicative| (Reverse(one.volume), one.surplus, distance(one.price), one.price);
    match best {
        Some(best) if rank(&best) <= rank(&then) => Some(best),
        _ => Some(then),
    }
}
