//! The walk through the band: who moves next and how far, as a function of what has been sent and nothing else.

use crate::{Party, Terms};
use bandex_types::Amount;
use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;

/// What each party has finally sent, in quote value: both run from 0 to the deal's total.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
pub struct Sent {
    /// The quote value of the base delivered.
    pub seller: Amount,
    /// The quote that arrived.
    pub buyer: Amount,
}

impl Sent {
    /// What `party` has sent.
    pub const fn by(self, party: Party) -> Amount {
        match party {
            Party::Seller => self.seller,
            Party::Buyer => self.buyer,
        }
    }

    /// The same after `party` has sent up to `value`.
    pub const fn with(self, party: Party, value: Amount) -> Self {
        match party {
            Party::Seller => Self { seller: value, ..self },
            Party::Buyer => Self { buyer: value, ..self },
        }
    }
}

/// One move of the walk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Step {
    /// Who moves.
    pub party: Party,
    /// What that party will have sent after the move, in quote value.
    pub reaches: Amount,
}

/// The move that follows, or `None` when both parties have sent everything.
///
/// Who owes pays; while neither owes, the side with the larger cap goes ahead. A move goes to the far edge of the
/// band: until the other owes as much as the mover's cap lets it, or nothing is left to send. No move is empty as
/// long as one cap is above 0: a debtor has at least its debt to send, and the larger cap is above 0. So the walk
/// always ends, and since a mover never stays behind, the parties take turns.
pub fn next_step(terms: &Terms, sent: Sent) -> Option<Step> {
    let party = match sent.seller.cmp(&sent.buyer) {
        Ordering::Greater => Party::Buyer,
        Ordering::Less => Party::Seller,
        Ordering::Equal if sent.seller >= terms.quote_total => return None,
        Ordering::Equal => terms.first_mover(),
    };
    let edge = sent.by(party.other()).checked_add(terms.cap_of(party));
    // An edge past 64 bits lies past the total.
    let reaches = edge.map_or(terms.quote_total, |edge| edge.min(terms.quote_total));
    Some(Step { party, reaches })
}

#[cfg(test)]
mod tests {
    use super::*;
    use Party::{Buyer, Seller};
    use bandex_types::Rail;

    #[test]
    fn the_next_move_follows_from_what_was_sent() {
        let check = |[total, seller_cap, buyer_cap]: [u64; 3], [seller, buyer]: [u64; 2], expected| {
            let terms = Terms {
                base_total: Amount::new(1),
                quote_total: Amount::new(total),
                seller_cap: Amount::new(seller_cap),
                buyer_cap: Amount::new(buyer_cap),
                base_rail: Rail::Attested,
                quote_rail: Rail::Attested,
                pay_us: 1,
                acknowledge_us: 1,
            };
            let sent = Sent { seller: Amount::new(seller), buyer: Amount::new(buyer) };
            let found = next_step(&terms, sent).map(|step| (step.party, step.reaches.get()));
            assert_eq!(found, expected, "{terms:?} {sent:?}");
        };
        // Level: the larger cap goes ahead, equal caps mean the seller.
        check([100, 7, 7], [0, 0], Some((Seller, 7)));
        check([100, 7, 8], [0, 0], Some((Buyer, 8)));
        check([100, 8, 7], [40, 40], Some((Seller, 48)));
        check([100, 0, 8], [40, 40], Some((Buyer, 48)));
        check([100, 8, 0], [40, 40], Some((Seller, 48)));
        // One owes: it pays up to the other edge, whatever the caps.
        check([100, 8, 7], [48, 40], Some((Buyer, 55)));
        check([100, 8, 0], [48, 40], Some((Buyer, 48)));
        check([100, 8, 7], [48, 55], Some((Seller, 63)));
        check([100, 0, 7], [48, 55], Some((Seller, 55)));
        check([100, 3, 7], [47, 48], Some((Seller, 51)));
        // The total stops it.
        check([100, 8, 7], [96, 96], Some((Seller, 100)));
        check([100, 8, 7], [100, 96], Some((Buyer, 100)));
        check([100, 8, 7], [96, 100], Some((Seller, 100)));
        check([5, 8, 7], [0, 0], Some((Seller, 5)));
        check([u64::MAX, u64::MAX, 1], [1, 2], Some((Seller, u64::MAX)));
        // Nothing left.
        check([100, 8, 7], [100, 100], None);
        check([0, 8, 7], [0, 0], None);
    }
}
