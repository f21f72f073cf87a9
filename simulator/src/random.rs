//! Numbers that look random and follow from a seed alone.

/// SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014): small, fast, and the
/// same everywhere. Nothing here needs more.
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

impl Random {
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// From 0 up to and without `bound`; 0 if that is 0. The slight preference for small numbers does no harm here.
    pub const fn below(&mut self, bound: u64) -> u64 {
        let number = self.next();
        match number.checked_rem(bound) {
            Some(rest) => rest,
            None => 0,
        }
    }

    /// From `least` to `most`, both included.
    pub const fn between(&mut self, least: u64, most: u64) -> u64 {
        least.saturating_add(self.below(most.saturating_sub(least).saturating_add(1)))
    }

    /// A number of eight bits, from `least` to `most`.
    pub fn small(&mut self, least: u8, most: u8) -> u8 {
        u8::try_from(self.between(u64::from(least), u64::from(most))).unwrap_or(most)
    }

    /// True so many times in a hundred.
    pub const fn percent(&mut self, chance: u8) -> bool {
        self.below(100) < chance as u64
    }

    /// One of these.
    pub fn pick<T: Copy>(&mut self, of: &[T], otherwise: T) -> T {
        let at = usize::try_from(self.below(of.len() as u64)).unwrap_or(0);
        of.get(at).copied().unwrap_or(otherwise)
    }
}
