//! A deal that took the place of two, held against those two: it is what they come to, and nothing else.

use crate::{DealView, Disagreement};
use bandex_sdk::types::{AccountId, DealId, MarketId};
use bandex_settlement::{Party, Replacing, Sent, Stage, Terms, net};

/// A netted deal as it stood when another took its place. It was found in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replaced {
    id: DealId,
    market: MarketId,
    seller: AccountId,
    buyer: AccountId,
    terms: Terms,
    sent: Sent,
    carried: Sent,
}

impl Replaced {
    /// From a deal that was judged.
    pub(crate) fn of(view: &DealView) -> Self {
        Self {
            id: view.id,
            market: view.market.id,
            seller: view.seller,
            buyer: view.buyer,
            terms: view.terms.clone(),
            sent: view.sent,
            carried: view.carried,
        }
    }

    const fn stage(&self) -> Stage<'_> {
        Stage { terms: &self.terms, sent: self.sent, carried: self.carried }
    }
}

/// The name of the deal in the place of two.
pub(crate) fn netted_id([older, newer]: &[DealId; 2]) -> DealId {
    let bytes: Vec<u8> = [older, newer].into_iter().flat_map(|id| *id.as_bytes()).collect();
    DealId::new(*bandex_sdk::tradechain::Domain::Deal.hash(&bytes).as_bytes())
}

/// Works the deal out again from the two that it replaces.
pub(crate) fn check(view: &DealView, replaces: &[DealId; 2], known: &[Replaced]) -> Result<(), Disagreement> {
    let missing = || replaces.iter().find(|id| known.iter().all(|deal| deal.id != **id));
    if let Some(id) = missing() {
        return Err(Disagreement::UnknownReplaced(*id));
    }
    let find = |id: &DealId| known.iter().find(|deal| deal.id == *id);
    let [older, newer] = replaces;
    let (Some(older), Some(newer)) = (find(older), find(newer)) else {
        return Err(Disagreement::WrongNetting);
    };
    let opposite = (older.market, older.seller, older.buyer) == (newer.market, newer.buyer, newer.seller);
    let expected = net(&older.stage(), &newer.stage()).and_then(|netting| netting.deal);
    let Some(Replacing { terms, carried, older_seller }) = expected.filter(|_| opposite) else {
        return Err(Disagreement::WrongNetting);
    };
    let (seller, buyer) = match older_seller {
        Party::Seller => (older.seller, older.buyer),
        Party::Buyer => (older.buyer, older.seller),
    };
    let same = (view.market.id, view.seller, view.buyer) == (older.market, seller, buyer)
        && (&view.terms, view.carried) == (&terms, carried);
    if same { Ok(()) } else { Err(Disagreement::WrongNetting) }
}
