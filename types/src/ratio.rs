//! Exact products of lots, ticks and shares: 128-bit inside, refused when the result does not fit.

use crate::{Amount, Price, Quantity};
use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

/// A positive fraction `num / den`.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    BorshSerialize,
    BorshDeserialize,
    Serialize,
    Deserialize,
)]
pub struct Ratio {
    num: u64,
    den: u64,
}

/// A fraction with a zero in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a ratio needs a numerator and a denominator above 0")]
pub struct RatioError;

/// Which way a product is rounded to whole units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rounding {
    /// Towards zero.
    Down,
    /// Away from zero.
    Up,
}

impl Ratio {
    /// `num / den`.
    ///
    /// # Errors
    /// Either is 0.
    pub const fn new(num: u64, den: u64) -> Result<Self, RatioError> {
        if num == 0 || den == 0 { Err(RatioError) } else { Ok(Self { num, den }) }
    }

    /// Whether both parts are above 0; a decoded ratio may not be.
    pub const fn is_valid(self) -> bool {
        self.num != 0 && self.den != 0
    }

    /// The numerator.
    pub const fn num(self) -> u64 {
        self.num
    }

    /// The denominator.
    pub const fn den(self) -> u64 {
        self.den
    }
}

#[inline]
fn mul_div(a: u128, b: u64, den: u64, rounding: Rounding) -> Option<Amount> {
    // Nearly every product fits 64 bits, where a division costs a fraction of one of 128.
    if let Some(product) = u64::try_from(a).ok().and_then(|a| a.checked_mul(b)) {
        let whole = product.checked_div(den)?;
        let up = u64::from(rounding == Rounding::Up && product.checked_rem(den)? != 0);
        return whole.checked_add(up).map(Amount::new);
    }
    mul_div_wide(a, b, den, rounding)
}

#[cold]
fn mul_div_wide(a: u128, b: u64, den: u64, rounding: Rounding) -> Option<Amount> {
    let product = a.checked_mul(u128::from(b))?;
    let den = u128::from(den);
    let whole = product.checked_div(den)?;
    let up = u128::from(rounding == Rounding::Up && product.checked_rem(den)? != 0);
    u64::try_from(whole.checked_add(up)?).ok().map(Amount::new)
}

/// `quantity × price × num ⁄ den` in smallest units of the quote asset, or `None` if that does not fit 64 bits.
#[inline]
pub fn quote_amount(quantity: Quantity, price: Price, ratio: Ratio, rounding: Rounding) -> Option<Amount> {
    let product = u128::from(quantity.get()).checked_mul(u128::from(price.get()))?;
    mul_div(product, ratio.num, ratio.den, rounding)
}

/// `whole × part ⁄ of`, or `None` if `of` is 0 or the result does not fit 64 bits.
#[inline]
pub fn share(whole: Amount, part: u64, of: u64, rounding: Rounding) -> Option<Amount> {
    mul_div(u128::from(whole.get()), part, of, rounding)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quote_amounts_are_exact_and_rounded_as_asked() {
        // 12.1 BWT at 78,318.00 on BWT-BTC: 12,100,000 lots of 1 kB, 7,831,800 ticks of 1/200 msat a BWT.
        let ratio = Ratio::new(1, 200_000_000).unwrap();
        let amount =
            |lots, ticks, rounding| quote_amount(Quantity::new(lots), Price::new(ticks), ratio, rounding);
        assert_eq!(amount(12_100_000, 7_831_800, Rounding::Down), Some(Amount::new(473_823)));
        assert_eq!(amount(12_100_000, 7_831_800, Rounding::Up), Some(Amount::new(473_824)));
        assert_eq!(amount(12_100_000, 0, Rounding::Up), Some(Amount::ZERO));
        assert_eq!(amount(u64::MAX, u64::MAX, Rounding::Up), None);
    }

    #[test]
    fn shares() {
        assert_eq!(share(Amount::new(10), 1, 3, Rounding::Down), Some(Amount::new(3)));
        assert_eq!(share(Amount::new(10), 1, 3, Rounding::Up), Some(Amount::new(4)));
        assert_eq!(share(Amount::new(10), 1, 0, Rounding::Up), None);
        assert!(Ratio::new(0, 1).is_err());
    }
}
