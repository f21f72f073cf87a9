//! The oracle: a walk through the band that sends unit by unit and knows nothing of edges and formulas.

use bandex_settlement::{Party, Terms};
use bandex_types::{Amount, Rail};

/// One move of the walk: who, the units of its leg, the quote value.
pub type Sent = (Party, u64, u64);

/// Everything of a deal that the walk depends on.
#[derive(Debug, Clone, Copy)]
pub struct Small {
    pub base: u64,
    pub quote: u64,
    pub seller_cap: u64,
    pub buyer_cap: u64,
    pub base_rail: Rail,
    pub quote_rail: Rail,
}

pub const PAY_US: u64 = 100;
pub const ACKNOWLEDGE_US: u64 = 50;

impl Small {
    pub fn terms(self) -> Terms {
        Terms {
            base_total: Amount::new(self.base),
            quote_total: Amount::new(self.quote),
            seller_cap: Amount::new(self.seller_cap),
            buyer_cap: Amount::new(self.buyer_cap),
            base_rail: self.base_rail,
            quote_rail: self.quote_rail,
            pay_us: PAY_US,
            acknowledge_us: ACKNOWLEDGE_US,
        }
    }

    pub fn rail_of(self, party: Party) -> Rail {
        match party {
            Party::Seller => self.base_rail,
            Party::Buyer => self.quote_rail,
        }
    }

    /// The moves of the deal in their order. The parties take turns; the one whose turn it is sends single units of
    /// value until it has nothing left or the other would come to owe more than it may.
    pub fn walk(self) -> Vec<Sent> {
        let mut moves = Vec::new();
        let (mut base_value, mut quote_value, mut base_units) = (0u64, 0u64, 0u64);
        let mut sellers_turn = self.seller_cap >= self.buyer_cap;
        while base_value < self.quote || quote_value < self.quote {
            let mut value = 0;
            if sellers_turn {
                while base_value < self.quote && base_value < quote_value + self.seller_cap {
                    base_value += 1;
                    value += 1;
                }
                let mut units = 0;
                // As many whole units as that value pays for.
                while u128::from(base_units + 1) * u128::from(self.quote)
                    <= u128::from(self.base) * u128::from(base_value)
                {
                    base_units += 1;
                    units += 1;
                }
                moves.push((Party::Seller, units, value));
            } else {
                while quote_value < self.quote && quote_value < base_value + self.buyer_cap {
                    quote_value += 1;
                    value += 1;
                }
                moves.push((Party::Buyer, value, value));
            }
            sellers_turn = !sellers_turn;
        }
        moves
    }
}
