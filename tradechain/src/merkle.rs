//! Merkle trees as in RFC 6962, section 2.1: leaf hashes start with 0x00, inner nodes with 0x01.

use bandex_types::Hash;
use sha2::{Digest, Sha256};

/// A proof does not fit its position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MerkleError {
    /// The leaf is not in a tree of that size.
    #[error("leaf {index} is outside a tree of {size} leaves")]
    Outside {
        /// The leaf's position, from 0.
        index: u64,
        /// The number of leaves.
        size: u64,
    },
    /// Too short or too long a path for that position.
    #[error("the path has the wrong length for its position")]
    WrongLength,
}

/// The hash of a leaf.
pub(crate) fn leaf_hash(leaf: &[u8]) -> Hash {
    Hash::new(Sha256::new().chain_update([0]).chain_update(leaf).finalize().into())
}

fn node_hash(left: Hash, right: Hash) -> Hash {
    let digest = Sha256::new().chain_update([1]).chain_update(left.as_bytes()).chain_update(right.as_bytes());
    Hash::new(digest.finalize().into())
}

/// The largest power of two below `size` (for `size` above 1).
fn split(size: usize) -> usize {
    size.next_power_of_two() / 2
}

/// The root over leaf hashes; of no leaves, SHA-256 of nothing.
pub fn root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => Hash::new(Sha256::digest([]).into()),
        [only] => *only,
        more => {
            let (left, right) = more.split_at(split(more.len()));
            node_hash(root(left), root(right))
        }
    }
}

/// The path from leaf `index` to the root: the sibling hashes, nearest first.
///
/// # Errors
/// There is no such leaf.
pub fn inclusion_proof(leaves: &[Hash], index: usize) -> Result<Vec<Hash>, MerkleError> {
    if index >= leaves.len() {
        return Err(MerkleError::Outside { index: index as u64, size: leaves.len() as u64 });
    }
    if leaves.len() == 1 {
        return Ok(Vec::new());
    }
    let at = split(leaves.len());
    let (left, right) = leaves.split_at(at);
    let (mut path, sibling) = if index < at {
        (inclusion_proof(left, index)?, root(right))
    } else {
        (inclusion_proof(right, index - at)?, root(left))
    };
    path.push(sibling);
    Ok(path)
}

/// The root, and the path of every leaf in order, at the cost of hashing the tree once.
///
/// [`inclusion_proof`] hashes all leaves for one path, so a node that proves every record of a batch uses this.
pub fn inclusion_proofs(leaves: &[Hash]) -> (Hash, Vec<Vec<Hash>>) {
    let mut paths = vec![Vec::new(); leaves.len()];
    let root = grow(leaves, &mut paths);
    (root, paths)
}

/// The root over `leaves`, adding to each leaf's path the siblings within this part of the tree, nearest first.
fn grow(leaves: &[Hash], paths: &mut [Vec<Hash>]) -> Hash {
    if leaves.len() < 2 {
        return root(leaves);
    }
    let at = split(leaves.len());
    let (left, right) = leaves.split_at(at);
    let (left_paths, right_paths) = paths.split_at_mut(at);
    let (left_root, right_root) = (grow(left, left_paths), grow(right, right_paths));
    left_paths.iter_mut().for_each(|path| path.push(right_root));
    right_paths.iter_mut().for_each(|path| path.push(left_root));
    node_hash(left_root, right_root)
}

/// The root that a leaf hash at `index` of `size` leaves and its path lead to.
///
/// # Errors
/// The position is outside the tree, or the path does not fit it.
pub fn root_from_proof(leaf: Hash, index: u64, size: u64, path: &[Hash]) -> Result<Hash, MerkleError> {
    if index >= size {
        return Err(MerkleError::Outside { index, size });
    }
    // RFC 9162, section 2.1.3.2: walk up, `fn` the node's position and `sn` the last position of its row.
    let (mut fn_, mut sn, mut hash) = (index, size - 1, leaf);
    for sibling in path {
        if sn == 0 {
            return Err(MerkleError::WrongLength);
        }
        if fn_ & 1 == 1 || fn_ == sn {
            hash = node_hash(*sibling, hash);
            while fn_ & 1 == 0 && fn_ != 0 {
                fn_ >>= 1;
                sn >>= 1;
            }
        } else {
            hash = node_hash(hash, *sibling);
        }
        fn_ >>= 1;
        sn >>= 1;
    }
    if sn == 0 { Ok(hash) } else { Err(MerkleError::WrongLength) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaves(count: u8) -> Vec<Hash> {
        (0..count).map(|byte| leaf_hash(&[byte])).collect()
    }

    #[test]
    fn the_empty_tree_is_the_hash_of_nothing() {
        // RFC 6962, section 2.1: MTH({}) = SHA-256().
        let expected = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(root(&[]).to_string(), expected);
    }

    #[test]
    fn every_leaf_of_every_size_is_proved_and_nothing_else() {
        for size in 1..40u8 {
            let leaves = leaves(size);
            let whole = root(&leaves);
            for index in 0..size {
                let path = inclusion_proof(&leaves, usize::from(index)).unwrap();
                let at = |leaf: u8, index: u8, path: &[Hash]| {
                    root_from_proof(leaf_hash(&[leaf]), u64::from(index), u64::from(size), path)
                };
                assert_eq!(at(index, index, &path), Ok(whole), "{index} of {size}");
                assert_ne!(at(index + 1, index, &path), Ok(whole));
                if size > 1 {
                    assert_ne!(at(index, (index + 1) % size, &path), Ok(whole));
                    assert_ne!(at(index, index, &path[1..]), Ok(whole));
                }
            }
            assert!(inclusion_proof(&leaves, usize::from(size)).is_err());
            let (root, paths) = inclusion_proofs(&leaves);
            let one_by_one = (0..leaves.len()).map(|index| inclusion_proof(&leaves, index).unwrap());
            assert_eq!((root, paths), (whole, one_by_one.collect()));
        }
    }
}
