//! How large a cap may be drawn on a counterparty's limit, and when two caps are too small to settle with.

use bandex_types::{Amount, Rounding, share};

/// A whole, in the parts per million that shares of limits are given in.
const WHOLE_PPM: u32 = 1_000_000;

/// How much a party may let its counterparty owe in a deal: the least of the deal's value, the party's own cap for
/// that counterparty and a share of the counterparty's free limit, rounded down.
///
/// All amounts are in one unit of value; `share_ppm` is in parts per million, and more than a whole counts as a whole.
pub fn draw_cap(deal_value: Amount, own_cap: Option<Amount>, free_limit: Amount, share_ppm: u32) -> Amount {
    let part = u64::from(share_ppm.min(WHOLE_PPM));
    // A part of a limit fits wherever the limit fits.
    let drawn = match part {
        _ if part == u64::from(WHOLE_PPM) => free_limit,
        _ => share(free_limit, part, u64::from(WHOLE_PPM), Rounding::Down).unwrap_or(Amount::ZERO),
    };
    let wanted = own_cap.map_or(deal_value, |cap| cap.min(deal_value));
    wanted.min(drawn)
}

/// Whether two caps are worth settling with: together at least the smallest tranche, or the whole deal if that is
/// smaller.
///
/// Both caps together is how far a party advances in one move. At least one of them must be above 0 even if the rails
/// know no smallest tranche, unless there is nothing to pay. All amounts are in quote value.
pub fn caps_allow(seller_cap: Amount, buyer_cap: Amount, quote_total: Amount, min_tranche: Amount) -> bool {
    let needed = quote_total.min(min_tranche.max(Amount::new(1)));
    // A sum past 64 bits is more than any total.
    seller_cap.checked_add(buyer_cap).is_none_or(|both| both >= needed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cap_is_the_least_of_three() {
        let check = |value, own: Option<u64>, free, ppm, expected| {
            let found = draw_cap(Amount::new(value), own.map(Amount::new), Amount::new(free), ppm);
            assert_eq!(found, Amount::new(expected), "{value} {own:?} {free} {ppm}");
        };
        check(100, None, 1_000, 500_000, 100);
        check(900, None, 1_000, 500_000, 500);
        check(900, Some(50), 1_000, 500_000, 50);
        check(900, Some(600), 1_000, 500_000, 500);
        check(40, Some(50), 1_000, 500_000, 40);
        check(900, Some(0), 1_000, 500_000, 0);
        check(900, None, 0, 1_000_000, 0);
        check(900, None, 1_000, 0, 0);
        check(900, None, 3, 500_000, 1);
        check(900, None, 100, 2_000_000, 100);
        check(u64::MAX, None, u64::MAX, 1_000_000, u64::MAX);
    }

    #[test]
    fn caps_below_the_smallest_tranche_are_refused() {
        let check = |seller_cap, buyer_cap, total, min, expected| {
            let [seller, buyer, total, min] = [seller_cap, buyer_cap, total, min].map(Amount::new);
            assert_eq!(caps_allow(seller, buyer, total, min), expected, "{seller} {buyer} {total} {min}");
        };
        check(6, 4, 100, 10, true);
        check(5, 4, 100, 10, false);
        check(10, 0, 100, 10, true);
        check(0, 10, 100, 10, true);
        // A deal below the smallest tranche needs only itself.
        check(2, 1, 3, 10, true);
        check(1, 1, 3, 10, false);
        // Without a smallest tranche one unit must still be possible.
        check(0, 0, 3, 0, false);
        check(0, 1, 3, 0, true);
        check(0, 0, 0, 10, true);
        check(u64::MAX, u64::MAX, u64::MAX, u64::MAX, true);
    }
}
