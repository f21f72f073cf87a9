//! The graph of trust: how much one account honoured while another was exposed to it, older value counting less.

use bandex_types::Hash;
use borsh::{BorshDeserialize, BorshSerialize, io};
use sha2::{Digest, Sha256};

/// The issuance account: it is everybody's counterparty in fees and grants, and nobody's proof of trust.
const ISSUANCE: u32 = 0;
/// A whole, in the parts per million that shares are given in.
const WHOLE_PPM: u32 = 1_000_000;
/// The binary places of the fixed point in which decay is multiplied up.
const DECAY_BITS: u32 = 62;
/// Comes before what is hashed, so that the digest of a graph is never that of something else.
const TAG: &[u8; 16] = b"bandex:graph:1\0\0";

/// One honoured exposure: `to` delivered what it owed while `from` would have lost it otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub struct Honoured {
    /// The position of the account that was exposed.
    pub from: u32,
    /// The position of the account that honoured it.
    pub to: u32,
    /// What was honoured, in millisatoshi.
    pub value: u64,
}

/// What one account honoured towards another over all epochs, decayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Edge {
    /// The position of the account that was exposed.
    pub from: u32,
    /// The position of the account that honoured it.
    pub to: u32,
    /// What was honoured, in millisatoshi; above 0.
    pub value: u64,
}

/// All edges, sorted by (`from`, `to`), each pair once, no value 0, no edge of an account to itself, and none of the
/// issuance account.
///
/// The order is the canonical one: two graphs with the same edges have the same bytes and the same digest.
#[derive(Debug, Clone, Default, PartialEq, Eq, BorshSerialize)]
pub struct Graph {
    edges: Vec<Edge>,
}

impl Graph {
    /// A graph of one epoch, without a past.
    pub fn new(honoured: Vec<Honoured>) -> Self {
        Self::default().close(honoured, WHOLE_PPM, 0, &[])
    }

    /// The graph after an epoch: old edges decay, what was honoured is added, and who has fallen loses all trust.
    ///
    /// Old edges keep `keep_ppm` parts per million of their value for each of `epochs` epochs, rounded down; more than
    /// a whole counts as a whole, and an edge that comes to 0 is gone. Sums stop at the largest `u64`. Edges *into* an
    /// account of `fallen` are dropped, the new ones too: a default is forgiven by nobody. What it said of others
    /// stays, but no walk reaches it any more unless it is a seed.
    #[must_use]
    pub fn close(&self, honoured: Vec<Honoured>, keep_ppm: u32, epochs: u32, fallen: &[u32]) -> Self {
        let mut fresh = honoured;
        fresh.retain(|one| one.value > 0 && one.from != one.to && one.from != ISSUANCE && one.to != ISSUANCE);
        // The value last, so that the sum of equal pairs does not depend on the order in which they came.
        fresh.sort_unstable();
        let mut fallen = fallen.to_vec();
        fallen.sort_unstable();
        let keep = power(keep_ppm, epochs);
        let mut edges = Vec::with_capacity(self.edges.len().saturating_add(fresh.len()));
        let decayed = self.edges.iter().map(|edge| Edge { value: kept(edge.value, keep), ..*edge });
        let mut old = decayed.filter(|edge| edge.value > 0).peekable();
        let mut new = fresh.into_iter().peekable();
        loop {
            let pair = match (old.peek(), new.peek()) {
                (None, None) => break,
                (Some(edge), None) => (edge.from, edge.to),
                (None, Some(one)) => (one.from, one.to),
                (Some(edge), Some(one)) => (edge.from, edge.to).min((one.from, one.to)),
            };
            let mut value = old.next_if(|edge| (edge.from, edge.to) == pair).map_or(0, |edge| edge.value);
            while let Some(one) = new.next_if(|one| (one.from, one.to) == pair) {
                value = value.saturating_add(one.value);
            }
            let (from, to) = pair;
            if fallen.binary_search(&to).is_err() {
                edges.push(Edge { from, to, value });
            }
        }
        edges.shrink_to_fit();
        Self { edges }
    }

    /// The edges in canonical order.
    pub fn edges(&self) -> impl ExactSizeIterator<Item = Edge> + '_ {
        self.edges.iter().copied()
    }

    /// How many edges there are.
    pub const fn edge_count(&self) -> usize {
        self.edges.len()
    }

    /// SHA-256 over a tag and the canonical bytes.
    pub fn digest(&self) -> Hash {
        let mut hasher = Sha256::new().chain_update(TAG);
        // In pieces, since a hash takes a few bytes at a time far more slowly.
        let mut bytes = Vec::with_capacity(64 * 1_024);
        bytes.extend_from_slice(&count_bytes(self.edges.len()));
        for chunk in self.edges.chunks(4_096) {
            for edge in chunk {
                bytes.extend_from_slice(&edge.from.to_le_bytes());
                bytes.extend_from_slice(&edge.to.to_le_bytes());
                bytes.extend_from_slice(&edge.value.to_le_bytes());
            }
            hasher.update(&bytes);
            bytes.clear();
        }
        hasher.update(&bytes);
        Hash::new(hasher.finalize().into())
    }

    pub(crate) fn as_slice(&self) -> &[Edge] {
        &self.edges
    }
}

/// Only the canonical form is read: anything else has been made by other hands.
impl BorshDeserialize for Graph {
    fn deserialize_reader<R: io::Read>(reader: &mut R) -> io::Result<Self> {
        let edges = Vec::<Edge>::deserialize_reader(reader)?;
        let sound = |edge: &Edge| {
            edge.value > 0 && edge.from != edge.to && edge.from != ISSUANCE && edge.to != ISSUANCE
        };
        let pair = |edge: &Edge| (edge.from, edge.to);
        if !edges.iter().all(sound) || !edges.is_sorted_by(|a, b| pair(a) < pair(b)) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the edges are not in canonical form"));
        }
        Ok(Self { edges })
    }
}

/// The length as borsh writes it; a graph past 32 bits of edges could not be written at all.
fn count_bytes(count: usize) -> [u8; 4] {
    u32::try_from(count).unwrap_or(u32::MAX).to_le_bytes()
}

/// `keep_ppm` to the power of `epochs`, as a fraction of 2⁶², each product rounded down. By squaring.
fn power(keep_ppm: u32, epochs: u32) -> u128 {
    let times = |a: u128, b: u128| a.saturating_mul(b) >> DECAY_BITS;
    let mut base = (u128::from(keep_ppm.min(WHOLE_PPM)) << DECAY_BITS) / u128::from(WHOLE_PPM);
    let mut result = 1_u128 << DECAY_BITS;
    let mut left = epochs;
    while left > 0 {
        if left & 1 == 1 {
            result = times(result, base);
        }
        base = times(base, base);
        left >>= 1;
    }
    result
}

/// What a value is after so many epochs, of which each keeps `keep_ppm` parts per million, rounded down; more than a whole
/// counts as a whole. As the edges of a [`Graph`] decay.
pub fn decayed(value: u64, keep_ppm: u32, epochs: u32) -> u64 {
    kept(value, power(keep_ppm, epochs))
}

/// What is left of a value, rounded down.
fn kept(value: u64, keep: u128) -> u64 {
    let left = u128::from(value).saturating_mul(keep) >> DECAY_BITS;
    // A share of at most a whole fits wherever the value fits.
    u64::try_from(left).unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use proptest::test_runner::Config;

    fn honoured(list: &[(u32, u32, u64)]) -> Vec<Honoured> {
        list.iter().map(|&(from, to, value)| Honoured { from, to, value }).collect()
    }

    fn list(graph: &Graph) -> Vec<(u32, u32, u64)> {
        graph.edges().map(|edge| (edge.from, edge.to, edge.value)).collect()
    }

    #[test]
    fn an_epoch_decays_adds_and_drops() {
        let old = Graph::new(honoured(&[(1, 2, 1_000), (2, 3, 1), (3, 1, 10)]));
        let check = |new: &[(u32, u32, u64)], keep, epochs, fallen: &[u32], expected: &[(u32, u32, u64)]| {
            assert_eq!(
                list(&old.close(honoured(new), keep, epochs, fallen)),
                expected,
                "{new:?} {keep} {epochs}"
            );
        };
        check(&[], 1_000_000, 7, &[], &[(1, 2, 1_000), (2, 3, 1), (3, 1, 10)]);
        check(&[], 2_000_000, 7, &[], &[(1, 2, 1_000), (2, 3, 1), (3, 1, 10)]);
        check(&[], 0, 0, &[], &[(1, 2, 1_000), (2, 3, 1), (3, 1, 10)]);
        check(&[], 0, 1, &[], &[]);
        check(&[], 500_000, 1, &[], &[(1, 2, 500), (3, 1, 5)]);
        check(&[], 500_000, 2, &[], &[(1, 2, 250), (3, 1, 2)]);
        check(&[], 900_000, 10, &[], &[(1, 2, 348), (3, 1, 3)]);
        check(&[], 999_999, u32::MAX, &[], &[]);
        check(
            &[(2, 3, 9), (1, 3, 4), (1, 3, 5)],
            500_000,
            1,
            &[],
            &[(1, 2, 500), (1, 3, 9), (2, 3, 9), (3, 1, 5)],
        );
        // A pair that has decayed to nothing begins anew; one that is still there adds up.
        check(&[(1, 2, 1)], 500_000, 1, &[], &[(1, 2, 501), (3, 1, 5)]);
        check(&[(1, 2, u64::MAX), (1, 2, 5)], 1_000_000, 1, &[2], &[(2, 3, 1), (3, 1, 10)]);
        check(&[(3, 1, u64::MAX)], 1_000_000, 1, &[3, 2], &[(3, 1, u64::MAX)]);
        check(&[(1, 1, 5), (0, 2, 5), (2, 0, 5), (2, 4, 0)], 0, 1, &[], &[]);
    }

    #[test]
    fn only_the_canonical_bytes_are_read() {
        let check = |edges: &[(u32, u32, u64)], readable: bool| {
            let edges: Vec<Edge> = edges.iter().map(|&(from, to, value)| Edge { from, to, value }).collect();
            let read = Graph::try_from_slice(&borsh::to_vec(&edges).unwrap());
            assert_eq!(read.is_ok(), readable, "{edges:?}");
        };
        check(&[], true);
        check(&[(1, 2, 1), (1, 3, 1), (2, 1, 1)], true);
        check(&[(1, 3, 1), (1, 2, 1)], false);
        check(&[(1, 2, 1), (1, 2, 1)], false);
        check(&[(1, 2, 0)], false);
        check(&[(1, 1, 1)], false);
        check(&[(0, 1, 1)], false);
        check(&[(1, 0, 1)], false);
    }

    #[test]
    fn the_digest_is_over_the_bytes() {
        let graph = Graph::new((1..5_000).map(|at| Honoured { from: at, to: at + 1, value: 7 }).collect());
        let bytes = borsh::to_vec(&graph).unwrap();
        let expected = Sha256::new().chain_update(TAG).chain_update(&bytes).finalize();
        assert_eq!(graph.digest(), Hash::new(expected.into()));
        assert_eq!(Graph::try_from_slice(&bytes).unwrap(), graph);
        assert_ne!(graph.digest(), Graph::default().digest());
    }

    fn some_honoured() -> impl Strategy<Value = Vec<Honoured>> {
        let one = (0_u32..6, 0_u32..6, 0_u64..100);
        prop::collection::vec(one.prop_map(|(from, to, value)| Honoured { from, to, value }), 0..12)
    }

    proptest! {
        #![proptest_config(Config::with_cases(10_000))]

        /// The order in which exposures were honoured does not matter, nor in how many pieces.
        #[test]
        fn a_graph_depends_on_sums_only(
            (given, other) in some_honoured().prop_flat_map(|all| (Just(all.clone()), Just(all).prop_shuffle())),
            cut in 0_usize..12,
        ) {
            let whole = Graph::new(given.clone());
            prop_assert_eq!(&whole, &Graph::new(other));
            let (first, second) = given.split_at(cut.min(given.len()));
            let pieces = Graph::new(first.to_vec()).close(second.to_vec(), 1_000_000, 9, &[]);
            prop_assert_eq!(&whole, &pieces);
            let sum: u64 = given.iter().filter(|h| h.from != h.to && h.from * h.to > 0).map(|h| h.value).sum();
            prop_assert_eq!(whole.edges().map(|edge| edge.value).sum::<u64>(), sum);
            prop_assert_eq!(Graph::try_from_slice(&borsh::to_vec(&whole).unwrap()).unwrap(), whole);
        }

        /// Decay never adds, and loses at most one unit more than the exact power.
        #[test]
        fn decay_is_the_power_rounded_down(value in 1_u64..1 << 40, keep in 0_u32..=1_000_000, epochs in 0_u32..64) {
            let graph = Graph::new(honoured(&[(1, 2, value)])).close(Vec::new(), keep, epochs, &[]);
            let found = graph.edges().next().map_or(0, |edge| edge.value);
            let exact = value as f64 * (f64::from(keep) / 1e6).powi(epochs.cast_signed());
            prop_assert!((exact.floor() - 1.0..=exact * (1.0 + 1e-9)).contains(&(found as f64)), "{found} {exact}");
        }
    }
}
