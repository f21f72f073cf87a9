//! The prices at which trades may happen.

use bandex_types::Price;

/// Trades happen only at prices from `low` to `high`, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Band {
    /// In ticks.
    pub low: Price,
    /// In ticks.
    pub high: Price,
}

impl Band {
    /// Every price.
    pub const ALL: Self = Self { low: Price::ZERO, high: Price::MAX };

    /// Whether a trade may happen at this price.
    pub fn holds(self, price: Price) -> bool {
        self.low <= price && price <= self.high
    }
}
