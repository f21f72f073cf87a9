//! What goes wrong with payments on the Bitcoin chain: they leave it again, are spent twice, come too late or never.

use super::bitcoin::{MSAT, begun, got, state, statuses, trusted};
use crate::kit::acts::limit;
use crate::kit::chain::{BWT_SAT, NAME_US, PAY_US};
use crate::kit::*;
use bandex_engine::{Event, FreezeReason, Outcome, PaymentStatus};
use bandex_settlement::{Party, State};
use bandex_types::Side::Sell;
use bandex_types::{Amount, AssetId, DealId};

#[test]
fn a_payment_that_leaves_the_chain_is_due_again_until_it_is_back() {
    let (mut world, deal, script) = begun(10_000, 4_000);
    let paid = world.paid_to(&script, 10_000);
    world.wait(PAY_US - SECOND);
    let (held, outcome) = world.reorganise(1, vec![Vec::new(); 2]);
    assert_eq!(held, std::slice::from_ref(&paid));
    assert_eq!(statuses(&outcome), [(PaymentStatus::Reversed, 10_000, false)]);
    let due = world.due(deal).expect("it is due again");
    assert_eq!((due.amount.get(), due.deadline), (10_000 * MSAT, world.now().plus(PAY_US)));
    world.wait(PAY_US - SECOND);
    world.mine(held);
    assert_eq!(statuses(&world.prove(&paid)), [(PaymentStatus::Included, 10_000, false)]);
    assert_eq!(world.due(deal), None);
    world.confirm(5);
    assert_eq!((state(&world, deal), got(&world)), (State::Settled, 1_000));
}

#[test]
fn a_payment_proven_on_two_branches_counts_whichever_leads() {
    let (mut world, deal, script) = begun(10_000, 4_000);
    let paid = world.paid_to(&script, 10_000);
    let first = world.engine.bitcoin().expect("a chain").1.tip().1;
    let (held, _) = world.reorganise(1, vec![Vec::new(); 2]);
    world.mine(held);
    assert_eq!(statuses(&world.prove(&paid)), [(PaymentStatus::Included, 10_000, false)]);
    // The first branch grows longer than the other: the payment is there as it was, without another proof.
    let time = world.engine.bitcoin().expect("a chain").1.time_of(&first).expect("it is known");
    let mut parent = first;
    let headers = (1..=4).map(|later| {
        let header = bandex_spv::regtest::mine(parent, [later; 32], time + 600 * u32::from(later));
        parent = bandex_spv::hash_of(&header);
        header
    });
    let outcome = world.headers(headers.collect(), None);
    assert_eq!(statuses(&outcome), [(PaymentStatus::Paid, 10_000, false)]);
    assert_eq!(world.counted(deal), [10_000, 10_000, 0]);
}

#[test]
fn what_was_delivered_for_a_payment_that_left_is_owed() {
    let (mut world, deal, script) = begun(10_000, 4_000);
    let paid = world.paid_to(&script, 10_000);
    world.confirm(2);
    assert_eq!(got(&world), 400);
    let (held, outcome) = world.reorganise(3, Vec::new());
    assert_eq!(statuses(&outcome), [(PaymentStatus::Reversed, 10_000, false)]);
    assert_eq!((world.counted(deal), got(&world)), ([0; 3], 400), "what is delivered stays delivered");
    assert_eq!(world.deal_state(deal).deal.owed_by(Party::Buyer).get(), 4_000 * MSAT);
    assert_eq!(world.reserved("bob").0, 4_000 * MSAT);
    // It comes back, and only the rest is still to be delivered.
    world.mine(held);
    world.prove(&paid);
    world.confirm(1);
    assert_eq!(got(&world), 400);
    world.confirm(4);
    assert_eq!((state(&world, deal), got(&world)), (State::Settled, 1_000));
}

/// A payment leaves the chain after tokens were delivered for it, and its coins go elsewhere; Bob's bond is worth a
/// satoshi a byte.
fn double_spent(bond: u64) -> (World, DealId, Vec<u8>, Outcome) {
    let (mut world, deal, script) = begun(10_000, 4_000);
    world.set_rate(AssetId::BWT, MSAT, 1);
    world.bond("bob", bond);
    let paid = world.paid_to(&script, 10_000);
    world.confirm(2);
    world.reorganise(3, Vec::new());
    assert_eq!(world.chain.prove(&paid), None);
    world.wait(PAY_US - 1);
    world.mine(Vec::new());
    assert_eq!(state(&world, deal), State::Open, "there is time until then");
    let outcome = world.tick(1);
    (world, deal, script, outcome)
}

#[test]
fn a_double_spender_defaults_and_its_bond_pays() {
    let (world, deal, _, outcome) = double_spent(9_000);
    let notice = &defaults(&outcome)[0];
    assert_eq!((notice.by, notice.loss.get()), (world.account("bob"), 4_000 * MSAT));
    let slashed = slashes(&outcome);
    assert_eq!((slashed[0].tokens.get(), slashed[0].covered.get()), (4_000, 4_000 * MSAT));
    assert_eq!(state(&world, deal), State::Defaulted { by: Party::Buyer });
    assert_eq!(world.tokens("alice"), (100_000 - 400 + 4_000, 0), "what was not delivered is hers again");
    assert_eq!(
        world.engine.account(&world.account("bob")).expect("it exists").frozen,
        Some(FreezeReason::Default(deal))
    );
}

#[test]
fn a_default_that_the_chain_makes_good_is_cured_by_itself() {
    let (mut world, deal, script, _) = double_spent(0);
    assert_eq!(world.reserved("bob").0, 4_000 * MSAT, "no bond paid");
    assert_eq!(code(&world.cure("bob", deal).1), "paid_on_chain");
    world.paid_to(&script, 3_999);
    world.confirm(2);
    assert_eq!(state(&world, deal), State::Defaulted { by: Party::Buyer });
    world.paid_to(&script, 1);
    assert_eq!(state(&world, deal), State::Defaulted { by: Party::Buyer }, "not paid yet");
    let outcome = world.confirm(1).expect("a block");
    assert_eq!(state(&world, deal), State::Cured { by: Party::Buyer }, "{outcome:?}");
    let account = world.engine.account(&world.account("bob")).expect("it exists");
    assert_eq!((account.frozen, account.reserved), (None, Amount::ZERO));
    // Nobody waits for anything any more; what still comes is told.
    world.paid_to(&script, 5);
    assert_eq!(statuses(&world.confirm(5).expect("a block")), [(PaymentStatus::Final, 5, true)]);
    assert_eq!(got(&world), 400);
}

#[test]
fn what_a_bond_has_paid_for_already_is_owed_back_when_it_arrives_after_all() {
    let (mut world, deal, script, _) = double_spent(9_000);
    world.paid_to(&script, 4_000);
    world.confirm(5);
    // Alice has 4,000 from the bond and 4,000 from the chain for what is worth 4,000.
    let after = world.deal_state(deal).deal;
    assert_eq!((after.owed_by(Party::Seller).get(), after.owed_by(Party::Buyer).get()), (4_000 * MSAT, 0));
    assert_eq!(
        (after.state(), world.reserved("alice").0),
        (State::Defaulted { by: Party::Buyer }, 4_000 * MSAT)
    );
    let (resolution, _) = world.resolve("bob", deal, 0);
    assert_eq!(code(&world.acknowledge("alice", resolution)), "done");
    assert_eq!((state(&world, deal), world.reserved("alice").0), (State::Resolved, 0));
}

#[test]
fn what_comes_too_late_is_held_against_the_payee_until_both_agree() {
    let (mut world, deal, script) = begun(4_000, 0);
    let outcome = world.tick(PAY_US);
    let notice = &defaults(&outcome)[0];
    assert_eq!((notice.by, notice.loss), (world.account("bob"), Amount::ZERO));
    assert_eq!(world.tokens("alice"), (100_000, 0));
    let paid = world.transaction(&[(script.clone(), 4_000)]);
    world.mine(vec![paid.clone()]);
    assert_eq!(statuses(&world.prove(&paid)), [(PaymentStatus::Included, 4_000, true)]);
    assert_eq!(world.reserved("alice").0, 0, "it may still leave");
    world.confirm(1);
    assert_eq!(world.reserved("alice").0, 4_000 * MSAT);
    world.register("carol");
    world.set_limit("carol", Some(100_000));
    let (_, refused) = world.place("alice", limit(BWT_SAT, Sell, 100, 100));
    assert_eq!(code(&refused), "below_tranche", "nothing of her limit is left");
    world.confirm(4);
    assert_eq!((got(&world), world.reserved("alice").0), (0, 4_000 * MSAT));
    // She sends the coins back, outside, and both say so.
    let (resolution, _) = world.resolve("alice", deal, 0);
    assert_eq!(code(&world.acknowledge("bob", resolution)), "done");
    assert_eq!((state(&world, deal), world.reserved("alice").0), (State::Resolved, 0));
    world.rest("alice", BWT_SAT, Sell, 100, 100);
}

#[test]
fn what_arrived_in_time_is_delivered_though_the_rest_never_came() {
    let (mut world, deal, script) = begun(10_000, 0);
    let paid = world.transaction(&[(script.clone(), 6_000)]);
    world.wait(PAY_US - SECOND);
    world.mine(vec![paid.clone()]);
    world.prove(&paid);
    world.tick(SECOND);
    assert_eq!(state(&world, deal), State::Defaulted { by: Party::Buyer });
    assert_eq!(world.tokens("alice").1, 600, "the rest is hers again");
    for outcome in [world.cure("bob", deal).1, world.write_off("alice", deal)] {
        assert_eq!(code(&outcome), "payment_in_flight");
    }
    world.confirm(4);
    assert_eq!((got(&world), world.tokens("alice").1), (10, 590));
    world.confirm(1);
    assert_eq!((got(&world), world.tokens("alice").1), (600, 0));
    assert_eq!(world.reserved("alice").0, 0);
    assert_eq!(code(&world.cure("bob", deal).1), "done", "nothing is owed any more");
    // If it leaves the chain instead, nobody waits for it.
    let (mut world, deal, script) = begun(10_000, 0);
    let paid = world.paid_to(&script, 6_000);
    world.tick(PAY_US);
    let (held, _) = world.reorganise(1, Vec::new());
    assert_eq!(world.tokens("alice"), (100_000, 0));
    world.mine(held);
    assert_eq!(statuses(&world.prove(&paid)), [(PaymentStatus::Included, 6_000, true)]);
    world.confirm(5);
    assert_eq!((got(&world), world.reserved("alice").0), (0, 6_000 * MSAT), "it is too late by now");
    assert_eq!(state(&world, deal), State::Defaulted { by: Party::Buyer });
}

#[test]
fn a_payee_that_names_no_script_defaults_and_nothing_is_lost() {
    let mut world = World::on_chain(&["alice", "bob"]);
    trusted(&mut world, 10_000, 0);
    let deal = world.deal(BWT_SAT, "alice", "bob", 100, 100);
    let due = world.due(deal).expect("a script is due");
    assert_eq!(
        (due.party, due.tranche, due.amount, due.deadline),
        (Party::Seller, 0, Amount::ZERO, world.now().plus(NAME_US))
    );
    assert!(world.tick(NAME_US - 1).events.is_empty());
    let outcome = world.tick(1);
    let notice = &defaults(&outcome)[0];
    assert_eq!((notice.by, notice.loss), (world.account("alice"), Amount::ZERO));
    assert_eq!((world.tokens("alice"), world.reserved("bob").0), ((100_000, 0), 0));
    assert_eq!(code(&world.cure("alice", deal).1), "done");
}

#[test]
fn a_reorganisation_below_the_final_depth_undoes_nothing() {
    let (mut world, deal, script) = begun(10_000, 0);
    world.paid_to(&script, 10_000);
    world.confirm(5);
    assert_eq!(state(&world, deal), State::Settled);
    let (_, outcome) = world.reorganise(6, Vec::new());
    assert_eq!(statuses(&outcome), [], "what was final stays so");
    let told =
        outcome.events.iter().any(|event| matches!(event, Event::Chain(state) if state.disconnected == 6));
    assert!(told && world.counted(deal) == [10_000; 3]);
}

#[test]
fn all_that_was_delivered_may_be_paid_for_after_a_default() {
    for bond in [0, 20_000] {
        let (mut world, deal, script) = begun(10_000, 10_000);
        world.set_rate(AssetId::BWT, MSAT, 1);
        world.bond("bob", bond);
        let paid = world.paid_to(&script, 10_000);
        world.confirm(1);
        assert_eq!(got(&world), 1_000, "all of it, on trust");
        let (held, _) = world.reorganise(2, Vec::new());
        assert_eq!(defaults(&world.tick(PAY_US)).len(), 1);
        // The node tells of all blocks at once, and only then of what is in the first.
        let header = world.chain.mine(held);
        let headers = (0..6).map(|_| world.chain.mine(Vec::new()));
        let headers = [header].into_iter().chain(headers.collect::<Vec<_>>()).collect();
        assert_eq!(code(&world.headers(headers, None)), "done");
        let outcome = world.prove(&paid);
        assert_eq!(statuses(&outcome), [(PaymentStatus::Final, 10_000, true)]);
        let owed = world.deal_state(deal).deal.owed_by(Party::Seller).get();
        let by = Party::Buyer;
        let expected =
            if bond == 0 { (State::Cured { by }, 0) } else { (State::Defaulted { by }, 10_000 * MSAT) };
        assert_eq!((state(&world, deal), owed), expected, "what the bond paid is owed back");
    }
}
