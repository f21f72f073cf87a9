//! Orders that sleep until the last trade's price reaches theirs.

use bandex_types::Price;
use std::collections::{BTreeSet, VecDeque};

/// Which way the price moves towards a trigger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Direction {
    /// Reached by a trade at the price or above it.
    Rising,
    /// Reached by a trade at the price or below it.
    Falling,
}

impl Direction {
    /// Whether a trade at `last` reaches a trigger at `price`.
    pub fn reaches(self, last: Price, price: Price) -> bool {
        match self {
            Self::Rising => last >= price,
            Self::Falling => last <= price,
        }
    }
}

/// The sleeping orders of one market by the caller's numbers, which grow with age: the oldest has the least.
#[derive(Debug, Clone, Default)]
pub struct Triggers {
    rising: BTreeSet<(Price, u64)>,
    falling: BTreeSet<(Price, u64)>,
    reached: VecDeque<u64>,
}

impl Triggers {
    /// None sleeps.
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets an order sleep. Its number must be new.
    pub fn add(&mut self, number: u64, direction: Direction, price: Price) {
        self.of(direction).insert((price, number));
    }

    /// Takes a sleeping order away; says whether it slept. One that was reached sleeps no more.
    pub fn remove(&mut self, number: u64, direction: Direction, price: Price) -> bool {
        self.of(direction).remove(&(price, number))
    }

    /// A trade happened: all whose price it reaches stop sleeping and wait, the oldest first, behind those that wait
    /// already.
    pub fn reach(&mut self, last: Price) {
        if self.rising.first().is_none_or(|(price, _)| *price > last)
            && self.falling.last().is_none_or(|(price, _)| *price < last)
        {
            return;
        }
        let above = last.checked_add(Price::new(1)).map(|price| (price, 0));
        let sleeping = above.map(|above| self.rising.split_off(&above)).unwrap_or_default();
        let risen = std::mem::replace(&mut self.rising, sleeping);
        let fallen = self.falling.split_off(&(last, 0));
        let reached: BTreeSet<u64> = risen.into_iter().chain(fallen).map(|(_, number)| number).collect();
        self.reached.extend(reached);
    }

    /// Takes the next that was reached.
    pub fn next_reached(&mut self) -> Option<u64> {
        self.reached.pop_front()
    }

    /// How many sleep.
    pub fn len(&self) -> usize {
        self.rising.len() + self.falling.len()
    }

    /// Whether none sleeps.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn of(&mut self, direction: Direction) -> &mut BTreeSet<(Price, u64)> {
        match direction {
            Direction::Rising => &mut self.rising,
            Direction::Falling => &mut self.falling,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Direction::{Falling, Rising};

    /// The sleepers with their numbers in order of age, and who wakes at each trade.
    fn check(sleepers: &[(Direction, u64)], trades: &[(u64, &[u64])]) {
        let mut triggers = Triggers::new();
        for ((direction, price), number) in sleepers.iter().zip(0..) {
            triggers.add(number, *direction, Price::new(*price));
        }
        for (last, expected) in trades {
            triggers.reach(Price::new(*last));
            let reached: Vec<u64> = std::iter::from_fn(|| triggers.next_reached()).collect();
            assert_eq!(&reached, expected, "{sleepers:?} at {last}");
        }
    }

    #[test]
    fn a_trade_wakes_all_it_reaches_oldest_first() {
        check(&[(Rising, 10), (Rising, 12)], &[(9, &[]), (10, &[0]), (11, &[]), (12, &[1]), (99, &[])]);
        check(&[(Falling, 10), (Falling, 8)], &[(11, &[]), (10, &[0]), (9, &[]), (0, &[1])]);
        check(&[(Rising, 10), (Falling, 10), (Rising, 5)], &[(10, &[0, 1, 2])]);
        check(&[(Rising, u64::MAX), (Falling, 0)], &[(u64::MAX, &[0]), (0, &[1])]);
        check(&[(Rising, 12), (Rising, 10), (Rising, 11)], &[(11, &[1, 2]), (12, &[0])]);
    }

    #[test]
    fn who_is_taken_away_does_not_wake() {
        let mut triggers = Triggers::new();
        triggers.add(1, Rising, Price::new(5));
        triggers.add(2, Rising, Price::new(5));
        assert_eq!((triggers.len(), triggers.is_empty()), (2, false));
        assert!(triggers.remove(1, Rising, Price::new(5)));
        assert!(!triggers.remove(1, Rising, Price::new(5)));
        assert!(!triggers.remove(2, Falling, Price::new(5)));
        triggers.reach(Price::new(5));
        assert!(!triggers.remove(2, Rising, Price::new(5)));
        assert_eq!([triggers.next_reached(), triggers.next_reached()], [Some(2), None]);
        assert!(triggers.is_empty());
    }
}
