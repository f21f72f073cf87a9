//! Chance that everybody can repeat: the key of a checkpoint, and the numbers that one walk draws.

use crate::Graph;
use bandex_types::Hash;
use sha2::{Digest, Sha256};

/// Comes before what is hashed, so that the key is never a hash made for another purpose.
const TAG: &[u8; 16] = b"bandex:walks:1\0\0";
/// The step of SplitMix64: 2⁶⁴ divided by the golden ratio, made odd.
const STEP: u64 = 0x9E37_79B9_7F4A_7C15;

/// The key of an epoch's walks: SHA-256 over a tag, the genesis, the epoch, the graph's digest and the seeds.
///
/// Nobody knows it before the graph is closed, so nobody can place an edge where it knows a walk will pass. The order
/// and repetition of seeds do not matter.
pub fn checkpoint_key(genesis: &Hash, epoch: u64, graph: &Graph, seeds: &[u32]) -> Hash {
    let mut seeds = seeds.to_vec();
    seeds.sort_unstable();
    seeds.dedup();
    let mut hasher = Sha256::new().chain_update(TAG).chain_update(genesis.as_bytes());
    hasher.update(epoch.to_le_bytes());
    hasher.update(graph.digest().as_bytes());
    for seed in seeds {
        hasher.update(seed.to_le_bytes());
    }
    Hash::new(hasher.finalize().into())
}

/// The key as the four words that a walk's numbers begin from.
pub fn words(key: &Hash) -> [u64; 4] {
    let mut words = [0_u64; 4];
    let (eights, _) = key.as_bytes().as_chunks::<8>();
    for (word, bytes) in words.iter_mut().zip(eights) {
        *word = u64::from_le_bytes(*bytes);
    }
    words
}

/// SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014), begun from a key
/// and the number of a walk: each walk's numbers depend on no other walk, nor on who computes it.
#[derive(Debug, Clone, Copy)]
pub struct Draws {
    state: u64,
}

impl Draws {
    /// The numbers of walk `number`.
    pub const fn of_walk(key: &[u64; 4], number: u64) -> Self {
        let [first, second, third, fourth] = *key;
        let state = mix(first.wrapping_add(number.wrapping_mul(STEP))) ^ second;
        let state = mix(state.wrapping_add(third)) ^ fourth;
        Self { state }
    }

    /// The next number below `bound`: the upper half of a product (Lemire, "Fast random integer generation in an
    /// interval", 2019), without his rejection: no number is favoured by more than `bound` ⁄ 2⁶⁴.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.state = self.state.wrapping_add(STEP);
        let product = u128::from(mix(self.state)).saturating_mul(u128::from(bound));
        // The upper half of 128 bits is 64 bits.
        u64::try_from(product >> 64).unwrap_or(u64::MAX)
    }
}

const fn mix(word: u64) -> u64 {
    let word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    word ^ (word >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Honoured;

    #[test]
    fn the_generator_is_splitmix64() {
        // The first numbers of the reference implementation from state 1234567.
        let mut draws = Draws { state: 1_234_567 };
        let mut next = || {
            draws.state = draws.state.wrapping_add(STEP);
            mix(draws.state)
        };
        let found = [next(), next(), next()];
        assert_eq!(found, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }

    #[test]
    fn draws_fill_their_range_evenly() {
        let key = words(&Hash::new([7; 32]));
        let mut counts = [0_u32; 10];
        for number in 0..100_000 {
            let drawn = Draws::of_walk(&key, number).below(10);
            counts[usize::try_from(drawn).unwrap()] += 1;
        }
        // Ten thousand each; four standard deviations are 380.
        assert!(counts.iter().all(|count| count.abs_diff(10_000) < 380), "{counts:?}");
        assert_eq!(Draws::of_walk(&key, 1).below(0), 0);
        assert_eq!(Draws::of_walk(&key, 1).below(1), 0);
    }

    #[test]
    fn everything_that_matters_changes_the_key() {
        let graph = Graph::new(vec![Honoured { from: 1, to: 2, value: 3 }]);
        let genesis = Hash::new([1; 32]);
        let key = checkpoint_key(&genesis, 5, &graph, &[2, 1]);
        assert_eq!(key, checkpoint_key(&genesis, 5, &graph, &[1, 2, 2]));
        let others = [
            checkpoint_key(&Hash::new([2; 32]), 5, &graph, &[1, 2]),
            checkpoint_key(&genesis, 6, &graph, &[1, 2]),
            checkpoint_key(&genesis, 5, &Graph::default(), &[1, 2]),
            checkpoint_key(&genesis, 5, &graph, &[1]),
        ];
        assert!(others.iter().all(|other| *other != key));
        let [first, second, third, fourth] = words(&key);
        assert!(first != second && third != fourth);
    }
}
