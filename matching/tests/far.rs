//! Prices far from the touch, a touch that wanders, crashes and comes back: whatever the book does to keep near prices
//! close together in memory, nobody can tell it from the naive one.

mod both;

use bandex_types::Side::{Buy, Sell};
use bandex_types::{Price, Side};
use both::Both;

/// The price as far from the worst end of the side as `distance` is from 0: so that one scenario serves both sides.
fn at(side: Side, distance: u64) -> u64 {
    if side == Sell { distance } else { u64::MAX - distance }
}

/// Trades with everything of a side, best first, and finds nothing left.
fn sweep(both: &mut Both, side: Side) -> usize {
    both.same();
    let limit = if side == Sell { u64::MAX } else { 0 };
    let lots = both.book.orders(side).map(|order| order.left.get()).sum();
    let trades = both.limit(1_000, side.opposite(), lots, limit);
    let prices: Vec<u64> = trades.iter().map(|(_, _, price)| at(side, *price)).collect();
    assert!(prices.is_sorted(), "best first");
    assert!(both.book.levels(side).next().is_none());
    trades.len()
}

#[test]
fn prices_of_every_size_trade_in_their_order() {
    for side in [Buy, Sell] {
        let mut both = Both::default();
        // Enough orders at each power of two that a window is laid, in an order that keeps the touch jumping.
        for (exponent, offset) in
            (0..63).flat_map(|exponent| [5, 0, 3].map(|offset| (exponent * 37 % 64, offset)))
        {
            both.limit(1, side, 2, at(side, (1 << exponent) + offset));
        }
        both.limit(2, side, 2, at(side, 0));
        both.limit(2, side, 2, at(side, u64::MAX));
        assert_eq!(sweep(&mut both, side), 63 * 3 + 2);
    }
}

#[test]
fn a_window_at_either_end_of_all_prices() {
    for (side, end) in [(Sell, 0), (Sell, u64::MAX), (Buy, 0), (Buy, u64::MAX)] {
        let mut both = Both::default();
        let near = |offset: u64| end.abs_diff(offset);
        for offset in (0..200).rev() {
            both.limit(1, side, 3, near(offset * 30));
            both.limit(2, side, 1, near(offset * 30));
        }
        // What is best now stands where the window was laid, at its edges and beyond.
        for number in (0..400).step_by(3) {
            assert!(both.cancel(number));
        }
        for offset in [0, 1, 4_095, 4_096, 4_097, 1_023, 1_024, 1_025, 3_071, 3_072, 3_073] {
            both.limit(3, side, 1, near(offset));
        }
        sweep(&mut both, side);
    }
}

#[test]
fn a_crash_and_the_way_back() {
    let mut both = Both::default();
    let fall = (0..60).map(|step| 1_000_000 - step * 16_000);
    let rise = (0..60).map(|step| 60_000 + step * 16_000);
    for (turn, middle) in fall.clone().chain(rise).chain(fall).enumerate() {
        // Somebody takes all that is in the way, and makers quote anew on both sides.
        both.limit(99, Sell, 40, middle);
        both.limit(98, Buy, 40, middle);
        let first = both.names.len();
        for distance in 1..12 {
            both.limit(1, Buy, 3, middle - distance * distance);
            both.limit(2, Sell, 3, middle + distance * distance);
        }
        for number in (first..both.names.len()).step_by(4) {
            both.cancel(number);
        }
        if turn % 20 == 0 {
            both.same();
        }
    }
    sweep(&mut both, Buy);
    sweep(&mut both, Sell);
}

#[test]
fn the_best_is_far_outside() {
    for side in [Buy, Sell] {
        let mut both = Both::default();
        let near: Vec<usize> = (0..300)
            .map(|offset| {
                both.limit(1, side, 1, at(side, 1_000_000 + offset));
                both.names.len() - 1
            })
            .collect();
        both.limit(1, side, 7, at(side, 1 << 60));
        both.limit(1, side, 8, at(side, 1 << 61));
        for number in near.iter().rev() {
            assert!(both.cancel(*number));
        }
        assert_eq!(both.book.best(side), Some(Price::new(at(side, 1 << 60))));
        // A better one far on the other side of the window, and then one in it.
        both.limit(1, side, 1, at(side, 3));
        both.limit(1, side, 1, at(side, 1_000_100));
        assert_eq!(both.book.best(side), Some(Price::new(at(side, 3))));
        assert_eq!(both.limit(99, side.opposite(), 2, at(side, 1 << 59)).len(), 2);
        assert_eq!(both.book.best(side), Some(Price::new(at(side, 1 << 60))));
        // So many come and go there that the window follows.
        for turn in 0..1_500 {
            both.limit(1, side, 1, at(side, (1 << 60) - 1 - turn % 700));
            if turn % 2 == 1 {
                assert!(both.cancel(both.names.len() - 2));
            }
        }
        assert_eq!(sweep(&mut both, side), 750 + 2);
    }
}

#[test]
fn a_crowded_side_makes_its_window_grow() {
    for side in [Buy, Sell] {
        let mut both = Both::default();
        // Prices all over 28,000 ticks, each new, in an order that jumps.
        let count = 1_600;
        for turn in 0..count {
            both.limit(1, side, 1, at(side, 50_000 + turn * 997 % count * 17));
        }
        both.same();
        for number in (0..1_600).rev().step_by(2) {
            assert!(both.cancel(number));
        }
        both.same();
        // Some more far away, which stay outside, and some in between.
        for offset in 0..60 {
            both.limit(1, side, 1, at(side, 10_000_000 + offset));
            both.limit(1, side, 1, at(side, 50_001 + offset * 17));
        }
        assert_eq!(sweep(&mut both, side), 800 + 120);
    }
}
