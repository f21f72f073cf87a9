//! Counted things: ticks, lots, smallest units. Each is a newtype with checked arithmetic only.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use std::fmt;
use std::str::FromStr;

/// A text was not a count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a whole number from 0 to {max}")]
pub struct NumberError {
    text: String,
    max: u64,
}

macro_rules! counted {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize,
        )]
        pub struct $name($inner);

        impl $name {
            /// The count zero.
            pub const ZERO: Self = Self(0);
            /// The largest count.
            pub const MAX: Self = Self(<$inner>::MAX);

            /// Wraps a raw count.
            pub const fn new(count: $inner) -> Self {
                Self(count)
            }

            /// The raw count.
            pub const fn get(self) -> $inner {
                self.0
            }

            /// Whether the count is zero.
            pub const fn is_zero(self) -> bool {
                self.0 == 0
            }

            /// `self + other`, or `None` past the largest count.
            pub const fn checked_add(self, other: Self) -> Option<Self> {
                match self.0.checked_add(other.0) {
                    Some(sum) => Some(Self(sum)),
                    None => None,
                }
            }

            /// `self - other`, or `None` below zero.
            pub const fn checked_sub(self, other: Self) -> Option<Self> {
                match self.0.checked_sub(other.0) {
                    Some(difference) => Some(Self(difference)),
                    None => None,
                }
            }

            /// `self - other`, stopping at zero: what remains.
            pub const fn saturating_sub(self, other: Self) -> Self {
                Self(self.0.saturating_sub(other.0))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl FromStr for $name {
            type Err = NumberError;
            fn from_str(text: &str) -> Result<Self, NumberError> {
                text.parse()
                    .map(Self)
                    .map_err(|_| NumberError { text: text.to_owned(), max: u64::from(<$inner>::MAX) })
            }
        }
    };
}

macro_rules! as_decimal_text {
    ($name:ident) => {
        /// As decimal text, since a JSON number loses digits past 2^53 in many languages.
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                <String as Deserialize>::deserialize(deserializer)?.parse().map_err(D::Error::custom)
            }
        }
    };
}
pub(crate) use as_decimal_text;

counted! {
    /// A price in ticks of its market; 0 is a legal limit.
    Price(u64)
}
counted! {
    /// A quantity in lots of its market.
    Quantity(u64)
}
counted! {
    /// An amount in the smallest unit of its asset: bytes for BWT, millisatoshi for BTC.
    Amount(u64)
}
counted! {
    /// The number of a market, given by the operator when it is listed.
    MarketId(u32)
}
counted! {
    /// The number of an asset; 0 is the bandwidth token.
    AssetId(u32)
}
as_decimal_text!(Price);
as_decimal_text!(Quantity);
as_decimal_text!(Amount);

impl AssetId {
    /// The bandwidth token (BWT), base unit one byte.
    pub const BWT: Self = Self(0);
    /// Bitcoin, in millisatoshi; also the unit of account of limits.
    pub const BTC: Self = Self(1);
}

macro_rules! as_number {
    ($name:ident) => {
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_u32(self.0)
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                <u32 as Deserialize>::deserialize(deserializer).map(Self)
            }
        }
    };
}
as_number!(MarketId);
as_number!(AssetId);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_checked_at_both_ends() {
        assert_eq!(Amount::MAX.checked_add(Amount::new(1)), None);
        assert_eq!(Amount::new(1).checked_sub(Amount::new(2)), None);
        assert_eq!(Amount::new(1).saturating_sub(Amount::new(2)), Amount::ZERO);
        assert_eq!(Price::new(2).checked_add(Price::new(3)), Some(Price::new(5)));
    }

    #[test]
    fn texts_are_whole_numbers_in_range() {
        assert_eq!(Amount::MAX.to_string().parse::<Amount>(), Ok(Amount::MAX));
        for wrong in ["", "-1", "1.5", "18446744073709551616"] {
            assert!(wrong.parse::<Amount>().is_err(), "{wrong}");
        }
    }
}
