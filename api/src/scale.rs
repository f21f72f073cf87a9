//! The border between decimal text and integers.

use bandex_types::{Amount, Price, Quantity};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

/// A decimal text did not name a whole number of steps.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScaleError {
    /// Not a decimal number, negative, or too long.
    #[error("{0:?} is not a decimal number of at least 0")]
    NotDecimal(String),
    /// Between two steps.
    #[error("{given} is not a multiple of {step}")]
    NotAStep {
        /// What was given.
        given: Decimal,
        /// The smallest step.
        step: Decimal,
    },
    /// More than 64 bits of steps.
    #[error("{0} is too large")]
    TooLarge(Decimal),
    /// The market's steps have no exact decimal form.
    #[error("the steps of this market have no exact decimal form")]
    NoDecimalStep,
}

/// The most decimals of a price step.
const MOST_TICK_DECIMALS: u32 = 20;

/// How an asset's amounts are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AssetScale {
    decimals: u32,
}

/// How a market's prices and quantities are written: price in whole quote units a whole base unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scale {
    tick: Decimal,
    lot: Decimal,
}

fn parse(text: &str) -> Result<Decimal, ScaleError> {
    let wrong = || ScaleError::NotDecimal(text.to_owned());
    // Digits and a point only: no signs, exponents or separators, which other readers take differently.
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let edged = text.starts_with('.') || text.ends_with('.');
    if !plain || edged {
        return Err(wrong());
    }
    Decimal::from_str_exact(text).map_err(|_| wrong())
}

fn steps(number: Decimal, step: Decimal) -> Result<u64, ScaleError> {
    let count = number.checked_div(step).ok_or(ScaleError::TooLarge(number))?;
    if !count.fract().is_zero() || count.checked_mul(step) != Some(number) {
        return Err(ScaleError::NotAStep { given: number, step: step.normalize() });
    }
    count.to_u64().ok_or(ScaleError::TooLarge(number))
}

/// `count × step`; a product past 28 digits is rounded in its last digit, which no listed market reaches.
fn product(count: u64, step: Decimal) -> Decimal {
    Decimal::from(count).checked_mul(step).unwrap_or(Decimal::MAX).normalize()
}

impl AssetScale {
    /// For an asset of which one whole unit is 10^`decimals` smallest ones; at most 18.
    pub fn new(decimals: u8) -> Self {
        Self { decimals: u32::from(decimals.min(18)) }
    }

    fn step(self) -> Decimal {
        Decimal::new(1, self.decimals)
    }

    /// An amount as text.
    pub fn amount(self, amount: Amount) -> String {
        product(amount.get(), self.step()).to_string()
    }

    /// A balance, which may be below zero, as text.
    pub fn balance(self, balance: i128) -> String {
        Decimal::try_from_i128_with_scale(balance, self.decimals)
            .map_or_else(|_| balance.to_string(), |number| number.normalize().to_string())
    }

    /// An amount from text.
    ///
    /// # Errors
    /// Not a decimal number, finer than the smallest unit, or too large.
    pub fn parse(self, text: &str) -> Result<Amount, ScaleError> {
        steps(parse(text)?, self.step()).map(Amount::new)
    }
}

impl Scale {
    /// From a market's listing: `lot_units` smallest base units a lot; a lot at one tick costs
    /// `tick_num ⁄ tick_den` smallest quote units.
    ///
    /// # Errors
    /// A tick has no exact decimal form.
    pub fn new(
        base_decimals: u8,
        quote_decimals: u8,
        lot_units: u64,
        tick_num: u64,
        tick_den: u64,
    ) -> Result<Self, ScaleError> {
        let lot = product(lot_units, AssetScale::new(base_decimals).step());
        let wrong = ScaleError::NoDecimalStep;
        let tick = Decimal::from(tick_num)
            .checked_mul(AssetScale::new(quote_decimals).step())
            .and_then(|quote| quote.checked_div(Decimal::from(tick_den).checked_mul(lot)?))
            .ok_or(wrong.clone())?;
        let tick = tick.normalize();
        // A quotient without end fills all 28 digits that a decimal has.
        let exact = !tick.is_zero() && !lot.is_zero() && tick.scale() <= MOST_TICK_DECIMALS;
        if exact { Ok(Self { tick, lot: lot.normalize() }) } else { Err(wrong) }
    }

    /// From the texts that a market's description gives.
    ///
    /// # Errors
    /// They are no decimal numbers above 0.
    pub fn from_steps(tick: &str, lot: &str) -> Result<Self, ScaleError> {
        let (tick, lot) = (parse(tick)?, parse(lot)?);
        if tick.is_zero() || lot.is_zero() { Err(ScaleError::NoDecimalStep) } else { Ok(Self { tick, lot }) }
    }

    /// The price step as text.
    pub fn tick(&self) -> String {
        self.tick.to_string()
    }

    /// The quantity step as text.
    pub fn lot(&self) -> String {
        self.lot.to_string()
    }

    /// A price as text.
    pub fn price(&self, price: Price) -> String {
        product(price.get(), self.tick).to_string()
    }

    /// A quantity as text.
    pub fn quantity(&self, quantity: Quantity) -> String {
        product(quantity.get(), self.lot).to_string()
    }

    /// A sum of quantities, which may be above 64 bits, as text.
    pub fn sum(&self, lots: u128) -> String {
        let lots = i128::try_from(lots).ok().and_then(|lots| Decimal::try_from_i128_with_scale(lots, 0).ok());
        let sum = lots.and_then(|lots| lots.checked_mul(self.lot)).unwrap_or(Decimal::MAX);
        sum.normalize().to_string()
    }

    /// A price from text.
    ///
    /// # Errors
    /// Not a decimal number, between two ticks, or too large.
    pub fn parse_price(&self, text: &str) -> Result<Price, ScaleError> {
        steps(parse(text)?, self.tick).map(Price::new)
    }

    /// A quantity from text.
    ///
    /// # Errors
    /// Not a decimal number, between two lots, or too large.
    pub fn parse_quantity(&self, text: &str) -> Result<Quantity, ScaleError> {
        steps(parse(text)?, self.lot).map(Quantity::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// BWT-BTC as the demo lists it: 1 lot = 1 kB, 1 tick = 1/200 msat a BWT.
    fn scale() -> Scale {
        Scale::new(9, 11, 1_000, 1, 200_000_000).unwrap()
    }

    #[test]
    fn the_market_of_the_demo() {
        assert_eq!(scale().tick(), "0.00000000000005");
        assert_eq!(scale().lot(), "0.000001");
        let price = Price::new(7_831_900);
        assert_eq!(scale().price(price), "0.000000391595");
        assert_eq!(scale().parse_price("0.000000391595"), Ok(price));
        assert_eq!(scale().quantity(Quantity::new(12_100_000)), "12.1");
        assert_eq!(scale().parse_quantity("12.10"), Ok(Quantity::new(12_100_000)));
        assert_eq!(Scale::from_steps(&scale().tick(), &scale().lot()), Ok(scale()));
    }

    #[test]
    fn texts_between_steps_are_refused() {
        assert!(matches!(scale().parse_quantity("0.0000005"), Err(ScaleError::NotAStep { .. })));
        assert!(matches!(scale().parse_price("0.00000000000001"), Err(ScaleError::NotAStep { .. })));
        for wrong in ["", "-1", "+1", ".5", "1.", "1_0", "1e5", "one", "1,5", "0x10"] {
            assert!(scale().parse_quantity(wrong).is_err(), "{wrong}");
        }
        assert!(Scale::new(9, 11, 1_000, 1, 3).is_err());
    }

    #[test]
    fn amounts_round_trip() {
        let btc = AssetScale::new(11);
        for amount in [0, 1, 99_999_999_999, 2_100_000_000_000_000_000, u64::MAX] {
            let text = btc.amount(Amount::new(amount));
            assert_eq!(btc.parse(&text), Ok(Amount::new(amount)), "{text}");
        }
        assert_eq!(btc.amount(Amount::new(473_824)), "0.00000473824");
        assert_eq!(AssetScale::new(9).balance(-1_500_000_000), "-1.5");
        assert!(btc.parse("0.000000000001").is_err());
    }
}
