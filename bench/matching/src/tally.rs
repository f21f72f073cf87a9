//! What came of commands, small enough to compare: counts, and a hash over every trade in its order.

/// Trades, lots traded, refusals, and the hash of the trades.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many trades there were.
    pub trades: u64,
    /// Lots traded.
    pub quantity: u64,
    /// Of makers, takers, prices and quantities in the order of the trades.
    pub hash: u64,
    /// How many commands named an order that did not rest.
    pub refusals: u64,
}

impl Tally {
    /// Counts a trade of two orders by their numbers in the file.
    #[inline]
    pub fn trade(&mut self, maker: u32, taker: u32, price: u64, quantity: u64) {
        self.trades += 1;
        self.quantity = self.quantity.wrapping_add(quantity);
        let pair = u64::from(maker).wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(u64::from(taker));
        let hash = (self.hash ^ pair).wrapping_mul(0xD6E8_FEB8_6659_FD93);
        let hash = (hash ^ ((price << 32) | quantity)).wrapping_mul(0xA076_1D64_78BD_642F);
        self.hash = hash ^ (hash >> 29);
    }

    /// Counts a command for an order that does not rest.
    #[inline]
    pub fn refuse(&mut self) {
        self.refusals += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_depends_on_every_part_and_on_the_order() {
        let of = |trades: &[(u32, u32, u64, u64)]| {
            let mut tally = Tally::default();
            trades.iter().for_each(|trade| tally.trade(trade.0, trade.1, trade.2, trade.3));
            tally
        };
        let first = of(&[(1, 2, 100, 5), (3, 2, 101, 7)]);
        assert_eq!((first.trades, first.quantity), (2, 12));
        // Worked out by hand with numbers of any size, reduced to 64 bits after each step.
        assert_eq!(of(&[(1, 2, 100, 5)]).hash, 0x8CF9_E0B0_3D14_0972);
        let others: [&[(u32, u32, u64, u64)]; 5] = [
            &[(3, 2, 101, 7), (1, 2, 100, 5)],
            &[(2, 1, 100, 5), (3, 2, 101, 7)],
            &[(1, 2, 101, 5), (3, 2, 101, 7)],
            &[(1, 2, 100, 6), (3, 2, 101, 7)],
            &[(1, 2, 100, 5)],
        ];
        for other in others {
            assert_ne!(of(other).hash, first.hash, "{other:?}");
        }
    }
}
