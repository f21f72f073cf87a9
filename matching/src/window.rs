//! The prices around the touch, side by side in memory, with a bit for each that is in use.
//!
//! A word of the upper bits says which words of the lower bits are not zero, so the next price in use is a handful of
//! instructions away, however far it is.

use crate::level::Queue;

const WORD: usize = 64;

/// The queues at the ranks from `base` on.
#[derive(Debug, Clone, Default)]
pub(crate) struct Window {
    base: u64,
    queues: Vec<Queue>,
    /// One bit a queue.
    used: Vec<u64>,
    /// One bit a word of `used`.
    words_used: Vec<u64>,
}

impl Window {
    /// Empty queues for the ranks from `base` on, which must leave room for them below the largest; `size` is 0 or a
    /// multiple of 4096.
    pub fn new(base: u64, size: usize) -> Self {
        let words = size / WORD;
        Self {
            base,
            queues: vec![Queue::default(); size],
            used: vec![0; words],
            words_used: vec![0; words / WORD],
        }
    }

    pub fn len(&self) -> usize {
        self.queues.len()
    }

    pub fn base(&self) -> u64 {
        self.base
    }

    #[inline(always)]
    fn index(&self, rank: u64) -> usize {
        // What does not fit a usize is in no window. A rank below the base comes out larger than every window.
        usize::try_from(rank.wrapping_sub(self.base)).unwrap_or(usize::MAX)
    }

    #[inline(always)]
    pub fn queue(&self, rank: u64) -> Option<&Queue> {
        self.queues.get(self.index(rank))
    }

    #[inline(always)]
    pub fn queue_mut(&mut self, rank: u64) -> Option<&mut Queue> {
        let index = self.index(rank);
        self.queues.get_mut(index)
    }

    /// The queue at a rank has its first order.
    #[inline(always)]
    pub fn set_used(&mut self, rank: u64) {
        let index = self.index(rank);
        let word = index / WORD;
        if let Some(used) = self.used.get_mut(word) {
            *used |= 1 << (index % WORD);
        }
        if let Some(words) = self.words_used.get_mut(word / WORD) {
            *words |= 1 << (word % WORD);
        }
    }

    /// The queue at a rank has lost its last order.
    #[inline(always)]
    pub fn set_unused(&mut self, rank: u64) {
        let index = self.index(rank);
        let word = index / WORD;
        if let Some(used) = self.used.get_mut(word) {
            *used &= !(1 << (index % WORD));
            if *used == 0
                && let Some(words) = self.words_used.get_mut(word / WORD)
            {
                *words &= !(1 << (word % WORD));
            }
        }
    }

    /// The first rank in use at `rank` or after it, if the window reaches that far.
    #[inline(always)]
    pub fn next_used(&self, rank: u64) -> Option<u64> {
        let from = if rank < self.base { 0 } else { self.index(rank) };
        let word = from / WORD;
        let here = self.used.get(word)? & (u64::MAX << (from % WORD));
        if here != 0 {
            return self.rank(word, here);
        }
        self.next_used_word(word + 1)
    }

    fn next_used_word(&self, word: usize) -> Option<u64> {
        let mut upper = word / WORD;
        let mut words = self.words_used.get(upper)? & (u64::MAX << (word % WORD));
        while words == 0 {
            upper += 1;
            words = *self.words_used.get(upper)?;
        }
        let word = upper * WORD + words.trailing_zeros() as usize;
        self.rank(word, *self.used.get(word)?)
    }

    #[inline(always)]
    fn rank(&self, word: usize, bits: u64) -> Option<u64> {
        let index = word * WORD + bits.trailing_zeros() as usize;
        // Within the window, so never past the largest rank.
        Some(self.base.wrapping_add(u64::try_from(index).ok()?))
    }

    /// Takes out the queues in use, each with its rank.
    pub fn drain(&mut self) -> Vec<(u64, Queue)> {
        let mut drained = Vec::new();
        let mut from = self.base;
        while let Some(rank) = self.next_used(from) {
            if let Some(queue) = self.queue_mut(rank) {
                drained.push((rank, std::mem::take(queue)));
            }
            self.set_unused(rank);
            from = rank;
        }
        drained
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_next_rank_in_use_is_found_across_words() {
        for base in [0, 1_000, u64::MAX - 3 * 4_096] {
            let mut window = Window::new(base, 3 * 4_096);
            let mut used = BTreeSet::new();
            let offsets = [0_u64, 1, 63, 64, 65, 127, 4_095, 4_096, 8_191, 8_192, 12_287];
            for offset in offsets {
                window.set_used(base + offset);
                used.insert(base + offset);
            }
            for remove in offsets {
                for offset in 0..12_288 {
                    let expected = used.range(base + offset..).next().copied();
                    assert_eq!(window.next_used(base + offset), expected, "{base} + {offset}");
                }
                assert_eq!(window.next_used(0), used.first().copied(), "from before {base}");
                window.set_unused(base + remove);
                used.remove(&(base + remove));
            }
            assert_eq!(window.next_used(base), None);
        }
        assert_eq!(Window::new(0, 0).next_used(0), None);
    }

    #[test]
    fn a_rank_outside_has_no_queue() {
        let mut window = Window::new(100, 4_096);
        for (rank, inside) in
            [(99, false), (100, true), (4_195, true), (4_196, false), (0, false), (u64::MAX, false)]
        {
            assert_eq!(window.queue(rank).is_some(), inside, "{rank}");
            assert_eq!(window.queue_mut(rank).is_some(), inside, "{rank}");
        }
    }
}
