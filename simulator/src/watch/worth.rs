//! What units are worth in the unit of account, and which honest arithmetic that takes.

use bandex_types::{AssetId, Ratio};
use std::collections::BTreeMap;

/// What a smallest unit of each asset is worth, as the operator said last.
pub(crate) type Rates = BTreeMap<AssetId, Ratio>;

/// A share of units, rounded up or down. No number here comes near 128 bits.
fn part(units: u128, num: u64, den: u64, up: bool) -> u128 {
    let (product, den) = (units.saturating_mul(u128::from(num)), u128::from(den.max(1)));
    if up { product.div_ceil(den) } else { product.div_euclid(den) }
}

/// What units are worth, rounded up as whoever owes them reserves; without a rate a unit counts as one.
pub(crate) fn worth_up(rate: Option<Ratio>, units: u128) -> u128 {
    rate.map_or(units, |rate| part(units, rate.num(), rate.den(), true))
}

/// The same rounded down.
pub(crate) fn worth_down(rate: Option<Ratio>, units: u128) -> u128 {
    rate.map_or(units, |rate| part(units, rate.num(), rate.den(), false))
}

/// How many units a worth buys, rounded down.
pub(crate) fn units_down(rate: Option<Ratio>, worth: u128) -> u128 {
    rate.map_or(worth, |rate| part(worth, rate.den(), rate.num(), false))
}

/// The same rounded up.
pub(crate) fn units_up(rate: Option<Ratio>, worth: u128) -> u128 {
    rate.map_or(worth, |rate| part(worth, rate.den(), rate.num(), true))
}

/// Parts of a million, rounded down.
pub(crate) fn ppm(whole: u128, parts: u32) -> u128 {
    whole.saturating_mul(u128::from(parts)).div_euclid(1_000_000)
}

/// The lesser of two rates.
pub(crate) fn lesser(one: Option<Ratio>, other: Option<Ratio>) -> Option<Ratio> {
    // Rates in stories are far from where a million units do not tell them apart.
    if worth_down(one, 1_000_000) <= worth_down(other, 1_000_000) { one } else { other }
}
