//! A deal held against the order its owner signed.

use crate::{DealView, Disagreement};
use bandex_sdk::types::{AssetId, OrderRef, Quantity, Side};
use bandex_sdk::{OwnOrder, StoreError, StoredOrders, Trader, Version};
use bandex_settlement::Party;

/// What is known of an own order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// It was signed so.
    Order(OwnOrder),
    /// It was never signed as far as is known here: no deal over it is paid.
    Unknown,
    /// Nobody looked: the exchange's word is taken.
    Trusted,
}

/// Where an agent looks up what its owner signed.
pub trait OwnOrders: Send + Sync {
    /// The order, as signed by a key of the owner.
    fn find(&self, order: &OrderRef) -> Found;
}

/// Takes the exchange's word for every order: for agents that run apart from whoever signs the orders.
#[derive(Debug, Clone, Copy, Default)]
pub struct Trust;

impl OwnOrders for Trust {
    fn find(&self, _order: &OrderRef) -> Found {
        Found::Trusted
    }
}

/// The orders of one lane. Those signed before the process began are known only if the lane's store keeps them.
impl OwnOrders for Trader {
    fn find(&self, order: &OrderRef) -> Found {
        self.own_order(order).map_or(Found::Unknown, Found::Order)
    }
}

/// The orders of several lanes of one account; each lane may amend what another placed.
impl OwnOrders for Vec<Trader> {
    fn find(&self, order: &OrderRef) -> Found {
        let Some(mut found) = self.iter().find_map(|trader| trader.own_order(order)) else {
            return Found::Unknown;
        };
        let others = self.iter().filter(|trader| trader.key() != order.key);
        found.versions.extend(others.flat_map(|trader| trader.own_amendments(order)));
        Found::Order(found)
    }
}

/// The orders in lane files of one account, which other processes sign; each lane may amend what another placed. A file
/// that cannot be read knows no order.
impl OwnOrders for Vec<StoredOrders> {
    fn find(&self, order: &OrderRef) -> Found {
        let Some((place, mut found)) = self.iter().enumerate().find_map(|(place, orders)| {
            let found = read(orders.order(order)).flatten()?;
            Some((place, found))
        }) else {
            return Found::Unknown;
        };
        let others = self.iter().enumerate().filter(|(other, _)| *other != place);
        found
            .versions
            .extend(others.flat_map(|(_, orders)| read(orders.amendments(order)).unwrap_or_default()));
        Found::Order(found)
    }
}

fn read<T>(answer: Result<T, StoreError>) -> Option<T> {
    answer.inspect_err(|error| tracing::warn!(%error, "a lane file cannot be read")).ok()
}

/// What deals have taken of an order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Taken {
    /// In lots.
    pub lots: u128,
    /// What they cost, in smallest quote units.
    pub quote: u128,
    /// How many deals these are: each may cost up to one unit more than exactly, by rounding.
    pub deals: u128,
}

impl Taken {
    /// What one deal takes, as far as it can be told.
    pub(crate) fn by(view: &DealView) -> Self {
        let lots = view.market.lots(view.terms.base_total).map_or(0, |lots| u128::from(lots.get()));
        Self { lots, quote: u128::from(view.terms.quote_total.get()), deals: 1 }
    }

    /// Both together.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self {
            lots: self.lots.saturating_add(other.lots),
            quote: self.quote.saturating_add(other.quote),
            deals: self.deals.saturating_add(other.deals),
        }
    }

    /// Whether the order's size, in lots or in quote, covers it.
    fn is_within(self, version: &Version) -> bool {
        match version.quote_quantity {
            // The exact costs add up to no more than the size; each deal rounds its own up by less than a unit.
            Some(size) => self.quote < u128::from(size.get()).saturating_add(self.deals),
            None => self.lots <= u128::from(version.quantity.get()),
        }
    }
}

/// What an account has at stake in a deal by its own knowledge, apart from what the exchange says.
#[derive(Debug, Clone)]
pub struct Stake {
    /// The order it signed.
    pub order: Found,
    /// What other deals have taken of that order.
    pub elsewhere: Taken,
    /// The last payment it signed in the deal.
    pub last_pay: Option<bandex_sdk::tradechain::body::Pay>,
    /// Of a deal that took the place of two: those two, as far as they are known.
    pub replaced: Vec<crate::Replaced>,
}

/// Checks a deal's totals against the order its owner signed.
pub(crate) fn check(view: &DealView, me: Party, stake: &Stake) -> Result<(), Disagreement> {
    let terms = &view.terms;
    let lots = view.market.lots(terms.base_total).ok_or(Disagreement::NotLots(terms.base_total))?;
    let order = match &stake.order {
        Found::Trusted => return Ok(()),
        Found::Unknown => return Err(Disagreement::UnknownOrder(view.order(me))),
        Found::Order(order) => order,
    };
    let side = match me {
        Party::Seller => Side::Sell,
        Party::Buyer => Side::Buy,
    };
    if order.market != view.market.id || order.side != side {
        return Err(Disagreement::OtherOrder(view.order(me)));
    }
    check_versions(view, order, lots, stake.elsewhere)?;
    match order.own_cap {
        // The unit of account is the smallest unit of BTC; in other quotes it needs a rate that only the exchange has.
        Some(cap) if view.market.quote.id == AssetId::BTC && terms.cap_of(me) > cap => {
            Err(Disagreement::AboveOwnCap { cap, drawn: terms.cap_of(me) })
        }
        _ => Ok(()),
    }
}

/// Price and size must fit one and the same version of the order: which of its amendments the exchange had taken
/// at the match is not known here.
fn check_versions(
    view: &DealView,
    order: &OwnOrder,
    lots: Quantity,
    elsewhere: Taken,
) -> Result<(), Disagreement> {
    let total = view.terms.quote_total;
    let fits = |version: &&Version| {
        let at_limit = view.market.quote_units(lots, version.price);
        match order.side {
            // What does not fit 64 bits is above any total.
            Side::Buy => at_limit.is_none_or(|most| total <= most),
            Side::Sell => at_limit.is_some_and(|least| total >= least),
        }
    };
    let fitting: Vec<&Version> = order.versions.iter().filter(fits).collect();
    let taken = elsewhere.and(Taken::by(view));
    if fitting.iter().any(|version| taken.is_within(version)) {
        return Ok(());
    }
    match fitting.iter().max_by_key(|version| version.quantity) {
        None => Err(Disagreement::WorsePrice { lots, total }),
        Some(Version { quote_quantity: Some(ordered), .. }) => {
            Err(Disagreement::BeyondAmount { ordered: *ordered, taken: taken.quote })
        }
        Some(Version { quantity: ordered, .. }) => {
            Err(Disagreement::BeyondOrder { ordered: *ordered, taken: taken.lots })
        }
    }
}
