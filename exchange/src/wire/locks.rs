//! What tokens are locked for: worked out from what is told of orders, deals and bonds, as the engine's own locks are.

use crate::view::{MarketInfo, View};
use bandex_api as api;
use bandex_engine::{DealState, OrderState, OrderTerms};
use bandex_journal::Holdings;
use bandex_settlement::Party;
use bandex_types::{AccountId, Amount, AssetId, Rail, Rounding, Side, quote_amount};

/// What an open or sleeping order locks: what it may still pay, if the ledger keeps what it pays with.
pub(crate) fn lock_of_order(info: &MarketInfo, state: &OrderState, terms: Option<&OrderTerms>) -> Amount {
    let left = state.quantity.saturating_sub(state.filled);
    let units = match state.side {
        // A market order by quote quantity is for as much base as that buys or costs at its price.
        Side::Sell if info.base.rail == Rail::Token => {
            let lots = match terms.and_then(|terms| terms.quote_quantity) {
                Some(budget) => lots_for(info, state, budget),
                None => left.get(),
            };
            lots.checked_mul(info.listing.lot_units).map(Amount::new)
        }
        Side::Buy if info.quote.rail == Rail::Token => {
            let budget = terms.and_then(|terms| terms.quote_quantity);
            // On the ledger what a trade costs is rounded down, so that the lock covers all trades.
            budget.or_else(|| quote_amount(left, state.price, info.listing.tick_value, Rounding::Down))
        }
        _ => None,
    };
    units.unwrap_or_default()
}

/// How many lots a quote amount is worth at an order's price.
fn lots_for(info: &MarketInfo, state: &OrderState, budget: Amount) -> u64 {
    let tick = info.listing.tick_value;
    let ticks = u128::from(budget.get()).checked_mul(u128::from(tick.den()));
    let ticks = ticks.and_then(|ticks| ticks.checked_div(u128::from(tick.num())));
    let lots = ticks.and_then(|ticks| ticks.checked_div(u128::from(state.price.get())));
    lots.and_then(|lots| u64::try_from(lots).ok()).unwrap_or_default()
}

/// What a side of a deal locks: what it has still to deliver on the ledger.
pub(crate) fn lock_of_deal(state: &DealState, party: Party) -> Amount {
    let deal = &state.deal;
    let (left, kept) = match party {
        Party::Seller => (deal.undelivered_base(), deal.kept_base()),
        Party::Buyer => (deal.undelivered_quote(), Amount::ZERO),
    };
    let locks = !deal.state().is_closed() && deal.terms().rail_of(party) == Rail::Token;
    // What arrived on the chain before a default is still delivered for.
    if locks { left } else { kept }
}

/// All locks of an account's tokens: its bond, its orders, its deals.
pub(crate) fn locks(view: &View, account: AccountId, held: &Holdings) -> Vec<api::Lock> {
    let bwt = view.scale(AssetId::BWT);
    let lock = |reason: &str, order: Option<String>, deal: Option<String>, amount: Amount| {
        let told = api::Lock { reason: reason.to_owned(), order, deal, amount: bwt.amount(amount) };
        (!amount.is_zero()).then_some(told)
    };
    let bonds = held.trust.iter().flat_map(|trust| [("bond", trust.bond), ("leaving", trust.leaving)]);
    let bonds = bonds.filter_map(|(reason, amount)| lock(reason, None, None, amount));
    let orders = held.orders.iter().filter_map(|(state, terms)| {
        let info = view.market_info(state.market)?;
        lock("order", Some(state.order.to_string()), None, lock_of_order(&info, state, terms.as_ref()))
    });
    let deals = held.deals.iter().flat_map(|state| {
        let sides = [(Party::Seller, state.seller), (Party::Buyer, state.buyer)];
        sides.into_iter().filter(|(_, of)| *of == account).filter_map(|(party, _)| {
            lock("deal", None, Some(state.id.to_string()), lock_of_deal(state, party))
        })
    });
    bonds.chain(orders).chain(deals).collect()
}
