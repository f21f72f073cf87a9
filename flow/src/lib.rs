//! Recorded order flow: files of commands and trades, and how they stand for orders of BWT-BTC.
//!
//! The venue's flow is in bitcoin and dollars; here it trades bandwidth tokens. One lot, 10⁻⁸ of the venue's base, stands
//! for 1 kB, and one tick, 0.01 of the venue's quote, for 1/200 millisatoshi per BWT. So 78,319.00 is 7,831,900 ticks,
//! about 39 satoshi a gigabyte, and 1.53453667 is 153,453,667 lots, about 153 BWT.
//!
//! Orders are dealt to accounts by a fixed rule, so that everybody who replays a file with as many accounts gets the
//! same chain of trades, and the same accounts owe each other.

mod decimal;
mod read;

pub use read::{Commands, commands, trades};

use bandex_tradechain::body::{AssetListing, MarketListing};
use bandex_types::{Amount, AssetId, MarketId, Price, Quantity, Rail, Ratio, Side};

/// Decimals of a price: one tick is 0.01.
pub const PRICE_DECIMALS: u8 = 2;
/// Decimals of a quantity: one lot is 0.00000001.
pub const QUANTITY_DECIMALS: u8 = 8;
/// The number of the market BWT-BTC.
pub const MARKET: MarketId = MarketId::new(1);
/// The fewest accounts that orders can be dealt to: one buyer, one seller.
pub const LEAST_TRADERS: u32 = 2;

/// Smallest units of BWT, bytes, in a lot.
const LOT_UNITS: u64 = 1_000;
/// A tick is 1/200 millisatoshi per BWT, and a BWT has 10⁶ lots.
const TICKS_TIMES_LOTS_PER_MSAT: u64 = 200_000_000;

/// One row of a file of commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Command {
    /// When it reached the venue, in milliseconds since 1970.
    pub time_ms: u64,
    /// What it asks for.
    pub action: Action,
}

/// What a command asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// A limit order, good till cancelled.
    Place {
        /// The venue's number for it.
        id: u64,
        /// Buy or sell.
        side: Side,
        /// In ticks of 0.01; 0 is legal.
        price: Price,
        /// In lots of 10⁻⁸; 0 is to be refused.
        quantity: Quantity,
        /// Whether it is to be refused if it would trade on arrival.
        post_only: bool,
    },
    /// Takes an order off the book.
    Cancel {
        /// The venue's number for it.
        id: u64,
    },
}

/// One trade of the venue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct VenueTrade {
    /// The venue's number of the order that arrived.
    pub taker: u64,
    /// The venue's number of the order that rested.
    pub maker: u64,
    /// Which way the taker traded.
    pub side: Side,
    /// In ticks.
    pub price: Price,
    /// In lots.
    pub quantity: Quantity,
}

impl VenueTrade {
    /// The price as the venue writes it.
    pub fn price_text(&self) -> String {
        decimal::text(self.price.get(), PRICE_DECIMALS)
    }

    /// The quantity as the venue writes it.
    pub fn quantity_text(&self) -> String {
        decimal::text(self.quantity.get(), QUANTITY_DECIMALS)
    }
}

/// The two assets of the market: list them before it.
pub fn assets() -> [AssetListing; 2] {
    [
        AssetListing { id: AssetId::BWT, symbol: "BWT".to_owned(), decimals: 9, rail: Rail::Token },
        AssetListing { id: AssetId::BTC, symbol: "BTC".to_owned(), decimals: 11, rail: Rail::Attested },
    ]
}

/// BWT-BTC, with a millisatoshi as the smallest unit of the quote and as the smallest tranche.
///
/// `pay_us` is how long the due party has to pay a tranche, `acknowledge_us` how long a payee has to acknowledge one.
pub fn market_listing(pay_us: u64, acknowledge_us: u64) -> MarketListing {
    let tick_value = Ratio::new(1, TICKS_TIMES_LOTS_PER_MSAT).expect("both parts are above 0");
    MarketListing {
        id: MARKET,
        base: AssetId::BWT,
        quote: AssetId::BTC,
        lot_units: LOT_UNITS,
        tick_value,
        least_tranche: Amount::new(1),
        pay_us,
        acknowledge_us,
    }
}

/// Which of `traders` accounts, counted from 0, signs the order that the venue numbered `order_id`.
///
/// The first half of the accounts, [`buyers`], only buys and the rest only sells, so that nobody meets himself. Within
/// its half an order goes to the account at the remainder of the mixed order number (the finaliser of SplitMix64;
/// Steele, Lea, Flood: Fast splittable pseudorandom number generators, OOPSLA 2014) divided by the size of the half.
/// The numbers of a venue may share their low bits, hence the mixing. `traders` is at least [`LEAST_TRADERS`].
pub fn trader_for(order_id: u64, side: Side, traders: u32) -> u32 {
    let buyers = buyers(traders);
    let (first, count) = match side {
        Side::Buy => (0, buyers),
        Side::Sell => (buyers, traders - buyers),
    };
    let place = mixed(order_id) % u64::from(count);
    first + u32::try_from(place).expect("a remainder is below its divisor")
}

/// How many of `traders` accounts are buyers: half of them, rounded up.
pub fn buyers(traders: u32) -> u32 {
    traders.div_ceil(2)
}

/// Wrapping is meant: this is mixing, not money.
fn mixed(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bandex_types::{Rounding, quote_amount};
    use std::collections::BTreeMap;

    #[test]
    fn a_price_stands_for_39_satoshi_a_gigabyte() {
        // 1 BWT = 10⁹ bytes = 10⁶ lots at 78,319.00.
        let market = market_listing(1, 1);
        let lots = Quantity::new(1_000_000_000 / market.lot_units);
        let paid = quote_amount(lots, Price::new(7_831_900), market.tick_value, Rounding::Up);
        assert_eq!(paid, Some(Amount::new(39_160)));
    }

    #[test]
    fn orders_are_dealt_evenly_and_never_across() {
        for traders in [2, 3, 50, 51] {
            let buyers = buyers(traders);
            let mut dealt: BTreeMap<u32, u32> = BTreeMap::new();
            for number in 0..20_000 {
                // The venue's numbers come in steps.
                let order = 2_002_347_637_329_922 + number * 4_096;
                let (buyer, seller) =
                    (trader_for(order, Side::Buy, traders), trader_for(order, Side::Sell, traders));
                assert!(buyer < buyers && (buyers..traders).contains(&seller));
                *dealt.entry(buyer).or_default() += 1;
                *dealt.entry(seller).or_default() += 1;
            }
            assert_eq!(dealt.len(), traders as usize, "everybody trades");
            let fair = 40_000 / traders;
            assert!(dealt.values().all(|orders| (fair / 2..fair * 2).contains(orders)), "{dealt:?}");
        }
    }

    #[test]
    fn the_rule_never_changes() {
        // Reports of different programs compare only as long as these stay.
        let check = |order, side, traders, expected| assert_eq!(trader_for(order, side, traders), expected);
        check(2_002_347_637_329_922, Side::Buy, 50, 19);
        check(2_002_347_637_329_922, Side::Sell, 50, 44);
        check(2_002_347_659_919_360, Side::Buy, 50, 14);
        check(0, Side::Sell, 3, 2);
    }
}
