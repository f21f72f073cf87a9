//! Golden vectors: `tests/vectors/*.json` at the root of the repository hold bytes, hashes and signatures that other
//! languages check themselves against. [`made`] compares the files with what the code makes today, so no byte changes
//! unseen; [`read`] starts from the files alone. `BANDEX_UPDATE_VECTORS=1 cargo test -p bandex-tradechain --test
//! vectors` writes them anew.

mod blocks;
mod files;
mod made;
mod proofs;
mod read;
mod refused;
