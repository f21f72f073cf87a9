//! Time in microseconds since 1970-01-01 UTC.

use crate::number::as_decimal_text;
use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use std::fmt;
use std::str::FromStr;

/// A count of microseconds since 1970-01-01 UTC.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize,
)]
pub struct Timestamp(u64);

/// A number was no plausible count of microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "{given} is not a time in microseconds between the years 2020 and 2200; it looks like {guess} since 1970"
)]
pub struct TimestampError {
    given: u64,
    guess: &'static str,
}

impl Timestamp {
    /// 1970-01-01 itself.
    pub const ZERO: Self = Self(0);
    /// 2020-01-01 UTC.
    pub const EARLIEST_PLAUSIBLE: Self = Self(1_577_836_800_000_000);
    /// 2200-01-01 UTC.
    pub const LATEST_PLAUSIBLE: Self = Self(7_258_118_400_000_000);

    /// Wraps a count of microseconds.
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// Microseconds since 1970-01-01 UTC.
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// `self + micros`, stopping at the end of time.
    pub const fn plus(self, micros: u64) -> Self {
        Self(self.0.saturating_add(micros))
    }

    /// Microseconds from `earlier` to `self`, 0 if `earlier` is later.
    pub const fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Refuses a number that is plausible only in another unit.
    ///
    /// # Errors
    /// Outside the years 2020 to 2200; the message guesses the unit that was meant.
    pub fn plausible(self) -> Result<Self, TimestampError> {
        if self >= Self::EARLIEST_PLAUSIBLE && self <= Self::LATEST_PLAUSIBLE {
            return Ok(self);
        }
        let guess = match self.0 {
            0..1_577_836_800 => "nothing",
            1_577_836_800..1_577_836_800_000 => "seconds",
            1_577_836_800_000..1_577_836_800_000_000 => "milliseconds",
            _ => "nanoseconds",
        };
        Err(TimestampError { given: self.0, guess })
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl FromStr for Timestamp {
    type Err = std::num::ParseIntError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

as_decimal_text!(Timestamp);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_units_are_named() {
        let now: u64 = 1_777_689_383_201_000;
        assert!(Timestamp(now).plausible().is_ok());
        let check = |given: u64, guess: &str| {
            let error = Timestamp(given).plausible().expect_err("out of range");
            assert!(error.to_string().contains(guess), "{error}");
        };
        check(now / 1_000_000, "seconds");
        check(now / 1_000, "milliseconds");
        check(now * 1_000, "nanoseconds");
        check(3, "nothing");
    }
}
