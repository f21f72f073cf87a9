//! Where the window of near prices lies, which nobody outside can tell but by the clock.

use super::*;
use crate::Owner;
use crate::arena::Arena;

/// Half a book: a side and its orders.
struct Half {
    side: Side,
    ladder: Ladder,
    arena: Arena,
}

impl Half {
    fn new(side: Side) -> Self {
        Self { side, ladder: Ladder::new(side), arena: Arena::with_capacity(0) }
    }

    /// Puts an order at a rank.
    fn push(&mut self, rank: u64) -> Slot {
        let (price, one) = (self.ladder.price(rank), Quantity::new(1));
        let (slot, _) = self.arena.insert(Owner::new(1), self.side, price, one, false);
        self.ladder.push(self.arena.nodes_mut(), slot, price, one);
        slot
    }

    fn take(&mut self, slot: Slot) {
        self.ladder.unlink(self.arena.nodes_mut(), slot);
        self.arena.remove(slot);
    }

    /// Orders come to a rank and leave it, so often that the ladder has counted so many outside the window.
    fn stray(&mut self, rank: u64, times: u32) {
        for _ in 0..times / 2 {
            let slot = self.push(rank);
            self.take(slot);
        }
        if !times.is_multiple_of(2) {
            self.push(rank);
        }
    }

    /// The window's first rank and its size.
    fn window(&self) -> (u64, usize) {
        (self.ladder.window.base(), self.ladder.window.len())
    }
}

/// The size of the smallest window.
const SMALL: u64 = 4_096;
/// An eighth of it.
const EIGHTH: u32 = 512;
const NO_WINDOW: (u64, usize) = (0, 0);

/// A side whose first window is laid around `best`.
fn with_window(side: Side, best: u64) -> Half {
    let mut one = Half::new(side);
    one.push(best);
    one.stray(best + 10, FIRST_STRAYS - 2);
    assert_eq!(one.window(), NO_WINDOW, "too few for a window");
    one.push(best + 11);
    assert_ne!(one.window(), NO_WINDOW);
    one
}

#[test]
fn the_first_window_has_the_touch_at_a_quarter_and_stays_below_the_largest_rank() {
    let check = |best: u64, base: u64| {
        for side in [Side::Buy, Side::Sell] {
            let one = with_window(side, best);
            assert_eq!(one.window(), (base, SMALLEST), "{side:?} {best}");
            assert!(one.ladder.outside.is_empty(), "what lies in the window lies nowhere else");
            assert_eq!(one.ladder.queues().count(), 2);
        }
    };
    check(1_000_000, 1_000_000 - SMALL / 4);
    check(SMALL / 4, 0);
    check(SMALL / 4 + 1, 1);
    check(5, 0);
    check(u64::MAX - SMALL, u64::MAX - SMALL - SMALL / 4);
    check(u64::MAX - SMALL / 4 * 3, u64::MAX - SMALL);
    check(u64::MAX - 100, u64::MAX - SMALL);
}

#[test]
fn a_touch_that_wanders_a_little_does_not_move_the_window() {
    let check = |touch: u64, moves: bool| {
        let mut one = with_window(Side::Sell, 1_000_000);
        let before = one.window();
        // The touch wanders; what rested before it goes.
        let old: Vec<Slot> = one.ladder.queues().map(|(_, queue)| queue.first()).collect();
        one.push(touch);
        for slot in old.into_iter().filter(|_| touch > 1_000_000) {
            one.take(slot);
        }
        assert_eq!(one.ladder.best(), Some(Price::new(touch)));
        // Others come and go far away, just too few, and then one more.
        one.stray(50_000_000, EIGHTH - 1);
        assert_eq!(one.window(), before, "{touch}: too few");
        one.push(50_000_000);
        let around = if moves { (touch - SMALL / 4, SMALLEST) } else { before };
        assert_eq!(one.window(), around, "{touch}");
        // Then they are counted anew.
        assert!(one.ladder.strays <= 1);
    };
    check(1_000_000, false);
    check(1_000_000 + SMALL / 8, false);
    check(1_000_000 + SMALL / 8 + 1, true);
    check(1_000_000 - SMALL / 8, false);
    check(1_000_000 - SMALL / 8 - 1, true);
    check(1_000_000 + SMALL / 2, true);
}

#[test]
fn a_window_that_moves_takes_along_what_it_held() {
    let mut one = with_window(Side::Sell, 1_000_000);
    // At both edges, and just outside.
    let base = 1_000_000 - SMALL / 4;
    let ranks = [base - 1, base, base + 1, base + SMALL - 1, base + SMALL, base + SMALL + 1, 2 * SMALL];
    for rank in ranks {
        one.push(rank);
    }
    let before: Vec<Price> = one.ladder.queues().map(|(price, _)| price).collect();
    // The best is far below: the window goes there and comes back once that is gone.
    let far = one.push(2 * SMALL);
    one.stray(70_000_000, EIGHTH * 2);
    assert_eq!(one.window(), (2 * SMALL - SMALL / 4, SMALLEST));
    let same = |one: &Half| one.ladder.queues().map(|(price, _)| price).eq(before.iter().copied());
    assert!(same(&one));
    one.take(far);
    assert!(same(&one), "another order rests there");
    let (first, _) = one.ladder.queues().next().expect("they rest");
    let slot = one.ladder.queue(one.ladder.rank(first)).map(Queue::first).expect("they rest");
    one.take(slot);
    one.stray(70_000_000, EIGHTH * 2);
    assert_eq!(one.window(), (base - 1 - SMALL / 4, SMALLEST));
    assert!(one.ladder.queues().map(|(price, _)| price).eq(before.into_iter().skip(1)));
    let inside = |rank: &u64| (base - 1 - SMALL / 4..base - 1 - SMALL / 4 + SMALL).contains(rank);
    assert!(!one.ladder.outside.keys().any(inside), "what lies near lies in the window");
}

#[test]
fn a_crowd_outside_makes_the_window_larger_up_to_the_largest() {
    let mut one = with_window(Side::Sell, 1_000_000);
    let check = |one: &Half, size: u64| {
        let (base, len) = one.window();
        assert_eq!((base, u64::try_from(len)), (1_000_000 - size / 4, Ok(size)));
    };
    check(&one, SMALL);
    // An eighth of the window's size of prices outside is no crowd yet.
    let crowd = |one: &mut Half, from: u64, prices: u32| {
        for offset in 0..u64::from(prices) {
            one.push(from + offset);
        }
    };
    crowd(&mut one, 90_000_000, EIGHTH);
    check(&one, SMALL);
    one.stray(80_000_000, EIGHTH - 1);
    check(&one, SMALL);
    one.push(80_000_000);
    check(&one, SMALL * 4);
    crowd(&mut one, 100_000_000, EIGHTH * 4);
    check(&one, SMALL * 16);
    assert_eq!(SMALLEST * 16, LARGEST, "it is the largest");
    crowd(&mut one, 110_000_000, EIGHTH * 32);
    check(&one, SMALL * 16);
}

#[test]
fn a_side_without_orders_has_no_use_for_a_window() {
    let mut one = Half::new(Side::Buy);
    one.stray(1_000_000, FIRST_STRAYS);
    assert_eq!((one.ladder.best(), one.window()), (None, NO_WINDOW));
    one.push(1_000_000);
    assert_eq!(one.window(), (1_000_000 - SMALL / 4, SMALLEST));
}
