//! What a resting order costs in memory, as the operating system counts it.

use crate::generate::Random;
use anyhow::{Context, Result, bail};
use bandex_matching::{AdmitAll, Book, NewOrder, Owner, Rest};
use bandex_types::{Price, Quantity, Side};
use clap::ValueEnum;
use std::fs;
use std::hint::black_box;

/// How the orders lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Lie {
    /// Within two thousand ticks, so that many share a price.
    Dense,
    /// Each at a price of its own.
    Apart,
}

/// Places so many orders that do not trade, and returns the bytes that the process holds more of than before.
///
/// # Errors
/// The operating system does not say what the process holds.
pub fn of_book(lie: Lie, orders: u64) -> Result<u64> {
    // Both are there before, so that they are not counted.
    let (mut random, mut events) = (Random::from_seed(1), Vec::new());
    let before = resident_bytes()?;
    let mut book = Book::new();
    for number in 0..orders {
        let side = if number % 2 == 0 { Side::Buy } else { Side::Sell };
        let distance = match lie {
            Lie::Dense => random.below(1_000),
            Lie::Apart => number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 24,
        };
        let middle = 1 << 40;
        let price = match side {
            Side::Buy => middle - 1 - distance,
            Side::Sell => middle + 1 + distance,
        };
        let owner = Owner::new(u32::try_from(number % 4_096).expect("it is below 4,096"));
        let order = NewOrder::limit(owner, side, Price::new(price), Quantity::new(1 + random.below(100)));
        let placed = book.place(&order, &mut AdmitAll, &mut events).context("the book takes it")?;
        if !matches!(placed.rest, Rest::Resting(_)) {
            bail!("an order did not come to rest");
        }
    }
    let after = resident_bytes()?;
    black_box(&book);
    Ok(after.saturating_sub(before))
}

fn resident_bytes() -> Result<u64> {
    let path = "/proc/self/status";
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {path}"))?;
    parse_resident(&text).with_context(|| format!("{path} does not say what is resident"))
}

fn parse_resident(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes = line.trim().strip_suffix("kB")?;
    kibibytes.trim().parse::<u64>().ok()?.checked_mul(1_024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_resident_is_read_from_its_line() {
        let check = |text: &str, bytes: Option<u64>| assert_eq!(parse_resident(text), bytes, "{text}");
        check("Name:\tx\nVmHWM:\t  9 kB\nVmRSS:\t  12 kB\n", Some(12_288));
        check("VmRSS:\t12\n", None);
        check("VmHWM:\t12 kB\n", None);
        check("VmRSS:\t-1 kB\n", None);
    }
}
