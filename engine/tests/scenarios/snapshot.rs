//! Snapshots: the bytes are the state, and bytes that are not one are refused. That an engine goes on from them as if
//! nothing had happened is tested by the kit, which restores again and again when it replays.

use crate::kit::acts::limit;
use crate::kit::*;
use bandex_engine::Engine;
use bandex_types::Side::{Buy, Sell};
use sha2::{Digest, Sha256};

/// A world with resting orders on both sides, an open deal, a proposal and a fork.
fn busy() -> World {
    let mut world = World::with(&["alice", "bob"]);
    world.rest("alice", BWT_BTC, Sell, 7, 10);
    world.rest("alice", BWT_BTC, Sell, 7, 3);
    world.rest("bob", BWT_BTC, Buy, 5, 4);
    world.place("bob", limit(BWT_BTC, Buy, 7, 2));
    world.fork("bob");
    world
}

#[test]
fn the_digest_is_the_hash_of_the_snapshot() {
    let world = busy();
    let hash: [u8; 32] = Sha256::digest(world.engine.snapshot()).into();
    assert_eq!(world.engine.digest().as_bytes(), &hash);
}

#[test]
fn a_restored_engine_is_the_same() {
    let world = busy();
    let restored = Engine::restore(&world.engine.snapshot()).expect("it restores");
    assert_eq!(restored.digest(), world.engine.digest());
    assert_eq!(restored.keys().collect::<Vec<_>>(), world.engine.keys().collect::<Vec<_>>());
    assert_eq!(restored.fork_record(&key("bob")), Some(world.engine.seq()));
    for side in [Buy, Sell] {
        assert_eq!(restored.levels(BWT_BTC, side), world.engine.levels(BWT_BTC, side));
        assert_eq!(restored.book_orders(BWT_BTC, side), world.engine.book_orders(BWT_BTC, side));
    }
}

#[test]
fn what_is_no_state_is_refused() {
    let bytes = busy().engine.snapshot();
    assert!(Engine::restore(&[]).is_err());
    for cut in [1, bytes.len() / 2, bytes.len() - 1] {
        assert!(Engine::restore(&bytes[..cut]).is_err(), "cut at {cut}");
    }
    let longer = [bytes.as_slice(), &[0]].concat();
    assert!(Engine::restore(&longer).is_err());
}
