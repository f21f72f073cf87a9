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

/// Works the deal out again from the two that it replaces.
pub(crate) fn check(view: &DealView, replaces: &[DealId; 2], known: &[Replaced]) -> Result<(), Disagreement> {
    let find =
        |id: &DealId| known.iter().find(|deal| deal.id == *id).ok_or(Disagreement::UnknownReplaced(*id));
    let [older, newer] = replaces;
    let (older, newer) = (find(older)?, find(newer)?);
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
