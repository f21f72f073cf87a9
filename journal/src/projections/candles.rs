//! Candles: what was traded in each interval of a market.
//!
//! Folding is associative: trades folded one by one, or in any groups that keep their order, give the same candle.

use bandex_engine::Trade;
use bandex_types::{Price, Timestamp};
use borsh::{BorshDeserialize, BorshSerialize};
use std::fmt;
use std::str::FromStr;

const MINUTE_US: u64 = 60_000_000;

/// How long a candle is. Intervals begin at whole multiples of their length since 1970 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CandleInterval {
    /// `1m`
    Minute,
    /// `5m`
    FiveMinutes,
    /// `15m`
    QuarterHour,
    /// `1h`
    Hour,
    /// `4h`
    FourHours,
    /// `1d`
    Day,
}

impl CandleInterval {
    /// All there are, shortest first.
    pub const ALL: [Self; 6] =
        [Self::Minute, Self::FiveMinutes, Self::QuarterHour, Self::Hour, Self::FourHours, Self::Day];

    /// The length, in microseconds.
    pub const fn length_us(self) -> u64 {
        MINUTE_US
            * match self {
                Self::Minute => 1,
                Self::FiveMinutes => 5,
                Self::QuarterHour => 15,
                Self::Hour => 60,
                Self::FourHours => 240,
                Self::Day => 1_440,
            }
    }

    /// The name, as in `1m`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Minute => "1m",
            Self::FiveMinutes => "5m",
            Self::QuarterHour => "15m",
            Self::Hour => "1h",
            Self::FourHours => "4h",
            Self::Day => "1d",
        }
    }

    /// Where the interval begins that holds `time`.
    pub const fn start_of(self, time: Timestamp) -> Timestamp {
        let time_us = time.as_micros();
        Timestamp::from_micros(time_us - time_us % self.length_us())
    }
}

impl fmt::Display for CandleInterval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A text was no interval's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is none of {known}", known = CandleInterval::ALL.map(CandleInterval::name).join(", "))]
pub struct CandleIntervalError(String);

impl FromStr for CandleInterval {
    type Err = CandleIntervalError;
    fn from_str(text: &str) -> Result<Self, CandleIntervalError> {
        let named = Self::ALL.into_iter().find(|interval| interval.name() == text);
        named.ok_or_else(|| CandleIntervalError(text.to_owned()))
    }
}

/// The trades of one interval, in short.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Candle {
    /// The first price, in ticks.
    pub open: Price,
    /// The highest.
    pub high: Price,
    /// The lowest.
    pub low: Price,
    /// The last.
    pub close: Price,
    /// The sum of quantities, in lots.
    pub volume: u128,
    /// The sum of quantity × price, in lots × ticks: times the market's `tick_value` it is in smallest quote units. Kept
    /// so because it is exact; only whoever shows it rounds, and once. It stops at 2¹²⁸ − 1, which no market reaches
    /// whose trades' amounts fit 64 bits.
    pub notional: u128,
    /// How many trades.
    pub trades: u64,
}

impl Candle {
    /// Of one trade.
    pub fn of(trade: &Trade) -> Self {
        let (price, lots) = (trade.price, u128::from(trade.quantity.get()));
        let notional = lots.saturating_mul(u128::from(price.get()));
        Self { open: price, high: price, low: price, close: price, volume: lots, notional, trades: 1 }
    }

    /// With the trades of a later candle of the same interval.
    #[must_use]
    pub fn then(self, later: Self) -> Self {
        Self {
            open: self.open,
            high: self.high.max(later.high),
            low: self.low.min(later.low),
            close: later.close,
            volume: self.volume.saturating_add(later.volume),
            notional: self.notional.saturating_add(later.notional),
            trades: self.trades.saturating_add(later.trades),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_named_and_begin_at_whole_multiples() {
        // 2023-11-14 22:13:20.5 UTC.
        let time = Timestamp::from_micros(1_700_000_000_500_000);
        let check = |name: &str, start_s: u64| {
            let interval: CandleInterval = name.parse().unwrap();
            assert_eq!(interval.to_string(), name);
            let start = Timestamp::from_micros(start_s * 1_000_000);
            assert_eq!(interval.start_of(time), start, "{name}");
            assert_eq!(interval.start_of(start), start, "{name}: a start is its own");
            let last = Timestamp::from_micros(start.as_micros() - 1);
            assert!(interval.start_of(last) < start, "{name}: what is before it is not in it");
        };
        check("1m", 1_699_999_980);
        check("5m", 1_699_999_800);
        check("15m", 1_699_999_200);
        check("1h", 1_699_999_200);
        check("4h", 1_699_992_000);
        check("1d", 1_699_920_000);
    }

    #[test]
    fn other_names_are_refused_and_the_known_ones_told() {
        for wrong in ["", "1", "2m", "1M", " 1m", "60"] {
            let error = wrong.parse::<CandleInterval>().expect_err(wrong).to_string();
            assert_eq!(error, format!("{wrong:?} is none of 1m, 5m, 15m, 1h, 4h, 1d"));
        }
    }

    #[test]
    fn sums_stop_at_their_ends_however_they_are_grouped() {
        let price = Price::MAX;
        let notional = u128::MAX - 1;
        let one =
            Candle { open: price, high: price, low: price, close: price, volume: 3, notional, trades: 1 };
        let (left, right) = (one.then(one).then(one), one.then(one.then(one)));
        assert_eq!(left, right);
        assert_eq!((left.volume, left.notional, left.trades), (9, u128::MAX, 3));
    }
}
