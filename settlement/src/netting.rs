//! Netting: two deals between the same two parties, one each way, become one.
//!
//! What both would deliver cancels. What their prices differ by stays owed: it counts as sent, by whoever is to gain from
//! it, from the first moment of the deal that goes on.

use crate::{Party, Sent, Terms};
use bandex_types::{Amount, Rounding, share};

/// What two deals become.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Netting {
    /// The base that nobody has to deliver any more, in smallest units: so much of either deal.
    pub base: Amount,
    /// The quote that nobody has to pay any more, in smallest units: so much of either deal.
    pub quote: Amount,
    /// The deal that goes on; none if nothing is left of the two.
    pub deal: Option<Replacing>,
}

/// The deal in the place of two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replacing {
    /// Its terms.
    pub terms: Terms,
    /// What counts as sent from the start: the difference of the prices, and what was owed before.
    pub carried: Sent,
    /// What the seller of the older deal is in it.
    pub older_seller: Party,
}

/// How far a deal has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stage<'a> {
    /// Its terms.
    pub terms: &'a Terms,
    /// What each party has sent, with what was carried over, in quote value.
    pub sent: Sent,
    /// What was carried over, in quote value.
    pub carried: Sent,
}

/// What is still to be done in a deal.
struct Left {
    /// Base not yet delivered, in smallest units, and its value.
    base: Amount,
    value: Amount,
    /// Quote not yet paid.
    quote: Amount,
    /// What is reserved against the seller and against the buyer.
    reserved: [Amount; 2],
}

impl Left {
    fn of(stage: &Stage<'_>) -> Self {
        let Stage { terms, sent, carried } = *stage;
        let delivered = terms.units_after(Party::Seller, sent.seller, carried.seller, Rounding::Down);
        Self {
            base: terms.base_total.saturating_sub(delivered),
            value: terms.quote_total.saturating_sub(sent.seller),
            quote: terms.quote_total.saturating_sub(sent.buyer),
            reserved: [Party::Seller, Party::Buyer].map(|party| terms.may_owe(party, sent)),
        }
    }
}

/// What two open deals with nothing in flight become, the seller of each being the buyer of the other, on one market.
///
/// What is left of the deal with more base left keeps its price, rounded down. No reservation rises: each cap is at most
/// what the two deals reserve against the side that may owe. `None` if they cannot be netted so: a deal that delivers
/// base would have its quote paid the wrong way or none for it, or more would be carried over than a cap allows.
pub fn net(older: &Stage<'_>, newer: &Stage<'_>) -> Option<Netting> {
    let rails = |stage: &Stage<'_>| (stage.terms.base_rail, stage.terms.quote_rail);
    if rails(older) != rails(newer) {
        return None;
    }
    let (old, new) = (Left::of(older), Left::of(newer));
    // The first has at least as much base left; its direction is that of the deal that goes on.
    let (stage, first, second, along) = match old.base >= new.base {
        true => (older, old, new, Party::Seller),
        false => (newer, new, old, Party::Buyer),
    };
    let base_total = first.base.saturating_sub(second.base);
    let value =
        share(first.value, base_total.get(), first.base.get(), Rounding::Down).unwrap_or(Amount::ZERO);
    let [seller, buyer] = first.reserved;
    let [seller_too, buyer_too] = second.reserved;
    // Who sells in the one buys in the other.
    let against = |one: Amount, other: Amount| one.checked_add(other).unwrap_or(Amount::MAX);
    let (against_seller, against_buyer) = (against(seller, buyer_too), against(buyer, seller_too));
    let forth = first.quote.checked_sub(second.quote);
    let back = second.quote.saturating_sub(first.quote);
    let (quote, older_seller, against_seller, against_buyer) = match forth {
        Some(quote) => (quote, along, against_seller, against_buyer),
        // Only quote is due, and the other way.
        None if base_total.is_zero() => (back, along.other(), against_buyer, against_seller),
        None => return None,
    };
    let cancelled = (second.base, first.quote.min(second.quote));
    if base_total.is_zero() && quote.is_zero() {
        return Some(Netting { base: cancelled.0, quote: cancelled.1, deal: None });
    }
    let quote_total = value.max(quote);
    let carried =
        Sent { seller: quote_total.saturating_sub(value), buyer: quote_total.saturating_sub(quote) };
    let terms = Terms {
        base_total,
        quote_total,
        seller_cap: quote_total.min(against_buyer),
        buyer_cap: quote_total.min(against_seller),
        ..stage.terms.clone()
    };
    terms.check_carried(carried).ok()?;
    let replacing = Replacing { terms, carried, older_seller };
    Some(Netting { base: cancelled.0, quote: cancelled.1, deal: Some(replacing) })
}
