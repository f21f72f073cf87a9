//! Bonds: at stake, asked back, waiting for deals, paid to a victim.

use super::trust::earning;
use crate::kit::acts::Grants;
use crate::kit::*;
use bandex_engine::{Event, Outcome, Slash};
use bandex_tradechain::body::Scopes;
use bandex_types::{Amount, AssetId};

fn slashes(outcome: &Outcome) -> Vec<Slash> {
    let pick = |event: &Event| match event {
        Event::Slash(slash) => Some(slash.clone()),
        _ => None,
    };
    outcome.events.iter().filter_map(pick).collect()
}

fn staked(world: &World, name: &str) -> (u64, u64) {
    let state = world.trust(name);
    (state.bond.get(), state.leaving.get())
}

#[test]
fn a_bond_is_of_free_tokens_and_locks_them() {
    let mut world = earning(&["alice"]);
    assert_eq!(code(&world.bond("alice", 100_001)), "insufficient_free");
    assert_eq!(code(&world.bond("alice", 60_000)), "done");
    assert_eq!(code(&world.bond("alice", 40_001)), "insufficient_free");
    assert_eq!(world.tokens("alice"), (100_000, 60_000));
    assert_eq!(code(&world.transfer("alice", "alice", 1)), "to_self");
    world.register("bob");
    assert_eq!(code(&world.transfer("alice", "bob", 40_001)), "insufficient_free", "they are at stake");
    assert_eq!(code(&world.unbond("alice", 60_001)), "insufficient_bond");
    assert_eq!(code(&world.unbond("alice", 59_999)), "done");
    assert_eq!((world.tokens("alice"), staked(&world, "alice")), ((100_000, 1), (1, 0)));
    world.set_frozen("alice", true);
    assert_eq!(code(&world.bond("alice", 1)), "account_frozen");
    assert_eq!(code(&world.unbond("alice", 1)), "done", "what is free of deals is nobody's");
}

#[test]
fn a_session_key_bonds_with_the_scope_of_tokens() {
    let mut world = earning(&["alice"]);
    world.grant("alice", "bot", Grants { scopes: Scopes::TOKENS, ..Grants::default() });
    world.grant("alice", "trader", Grants { scopes: Scopes::ORDERS, ..Grants::default() });
    assert_eq!(code(&world.bond("bot", 1)), "done");
    assert_eq!(code(&world.unbond("trader", 1)), "out_of_scope");
}

#[test]
fn a_bond_leaves_when_every_deal_is_over_that_could_cost_it() {
    let mut world = earning(&["alice", "bob", "carol"]);
    for name in ["alice", "bob", "carol"] {
        world.bond(name, 10_000);
    }
    let first = world.deal(BWT_BTC, "alice", "bob", 100, 100);
    let second = world.deal(BWT_BTC, "alice", "carol", 100, 100);
    let before = world.trust("alice").limit.total;
    world.unbond("alice", 6_000);
    assert_eq!(staked(&world, "alice"), (4_000, 6_000));
    assert!(world.trust("alice").limit.total < before, "what leaves counts no more");
    let later = world.deal(BWT_BTC, "alice", "carol", 100, 10);
    world.settle(later, "alice", "carol");
    assert_eq!(staked(&world, "alice"), (4_000, 6_000), "that was opened later, and counts for nothing here");
    let third = world.deal(BWT_BTC, "alice", "bob", 100, 10);
    world.unbond("alice", 1_000);
    world.settle(first, "alice", "bob");
    assert_eq!(staked(&world, "alice"), (3_000, 7_000), "the second could still cost it");
    world.settle(second, "alice", "carol");
    assert_eq!(staked(&world, "alice"), (3_000, 1_000), "the third was opened later");
    world.settle(third, "alice", "bob");
    assert_eq!((staked(&world, "alice"), world.tokens("alice").1), ((3_000, 0), 3_000));
}

/// Tokens are worth ten each: a loss of 250 costs 25 of them.
#[test]
fn a_default_costs_the_bond() {
    let check =
        |bond: u64, unbond: u64, rate: Option<u64>, expected: Option<(u64, u64)>, left: (u64, u64)| {
            let mut world = earning(&["alice", "bob"]);
            world.set_limit("alice", Some(1_000));
            world.set_limit("bob", Some(1_000));
            world.bond("bob", bond);
            let deal = world.deal(BWT_BTC, "alice", "bob", 100, 100);
            world.unbond("bob", unbond);
            match rate {
                Some(msat) => world.set_rate(AssetId::BWT, msat, 1),
                None => {
                    let change = bandex_tradechain::body::Change::SetRate { asset: AssetId::BWT, rate: None };
                    assert_eq!(code(&world.configure(vec![change])), "done");
                }
            }
            world.move_on(deal, "alice", "bob");
            let before = world.tokens("alice").0;
            let outcome = world.tick(60 * SECOND);
            assert_eq!(defaults(&outcome).first().expect("bob owes").loss, Amount::new(250));
            let found: Vec<_> =
                slashes(&outcome).iter().map(|slash| (slash.tokens.get(), slash.covered.get())).collect();
            assert_eq!(found, expected.into_iter().collect::<Vec<_>>(), "{bond} {unbond} {rate:?}");
            let paid = expected.map_or(0, |(tokens, _)| i128::from(tokens));
            assert_eq!(world.tokens("alice").0, before + paid, "the victim has it");
            assert_eq!(staked(&world, "bob"), left);
            assert_eq!(world.trust("bob").limit.total, Amount::ZERO);
        };
    check(100, 0, Some(10), Some((25, 250)), (75, 0));
    check(100, 90, Some(10), Some((25, 250)), (0, 75));
    check(100, 0, Some(9), Some((28, 250)), (72, 0));
    check(10, 0, Some(10), Some((10, 100)), (0, 0));
    check(10, 10, Some(1_000), Some((1, 250)), (0, 9));
    check(0, 0, Some(10), None, (0, 0));
    check(100, 0, None, None, (100, 0));
}
