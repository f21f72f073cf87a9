//! Deals: from dust-sized tranches to one move each, defaults, disputes, and payments that are not what is due.

use crate::kit::acts::limit;
use crate::kit::*;
use bandex_engine::{CancelReason, DefaultNotice, FreezeReason, OrderStatus, Refusal};
use bandex_settlement::{Party, State};
use bandex_types::Side::{Buy, Sell};
use bandex_types::{Amount, BlockId, DealId};

const PAY_US: u64 = 60 * SECOND;
const ACKNOWLEDGE_US: u64 = 30 * SECOND;

/// Alice sells Bob 10,000 bytes for 50,000.
fn strangers() -> (World, DealId) {
    let mut world = World::with(&["alice", "bob"]);
    let deal = world.deal(BWT_BTC, "alice", "bob", 100, 1_000);
    (world, deal)
}

#[test]
fn strangers_settle_dust_by_dust() {
    let (mut world, deal) = strangers();
    let due = world.due(deal).unwrap();
    assert_eq!((due.party, due.tranche, due.value.get(), due.amount.get()), (Party::Seller, 1, 2_500, 500));
    assert_eq!(due.deadline, world.now().plus(PAY_US));
    world.move_on(deal, "alice", "bob");
    let due = world.due(deal).unwrap();
    assert_eq!(
        (due.party, due.tranche, due.value.get()),
        (Party::Buyer, 2, 5_000),
        "its debt and a cap ahead"
    );
    let (proposal, _) = world.pay("bob", deal, 2, 5_000);
    let outcome = world.acknowledge("alice", proposal);
    let moved: Vec<_> =
        tranches(&outcome).iter().map(|moved| (moved.tranche, moved.party, moved.units.get())).collect();
    assert_eq!(moved, [(2, Party::Buyer, 5_000), (3, Party::Seller, 1_000)], "the ledger answers by itself");
    assert_eq!(world.tokens("bob").0, 101_500);
    assert_eq!(world.settle(deal, "alice", "bob"), 9);
    assert_eq!((world.tokens("alice"), world.tokens("bob")), ((90_000, 0), (110_000, 0)));
    assert_eq!(world.engine.next_deadline(), None, "nothing is due any more");
}

#[test]
fn the_trusted_settle_in_one_move_each() {
    let mut world = World::with(&["alice", "bob"]);
    world.set_limit("alice", Some(1_000_000));
    world.set_limit("bob", Some(1_000_000));
    let deal = world.deal(BWT_BTC, "alice", "bob", 100, 1_000);
    assert_eq!(world.move_on(deal, "alice", "bob").party, Party::Seller, "equal caps: the seller first");
    assert_eq!(world.tokens("bob").0, 110_000);
    let due = world.due(deal).unwrap();
    assert_eq!((due.party, due.value.get()), (Party::Buyer, 50_000));
    assert_eq!(world.settle(deal, "alice", "bob"), 1);
    assert_eq!(world.reserved("bob").0, 0);
}

#[test]
fn the_side_that_trusts_more_goes_first() {
    let mut world = World::with(&["alice", "bob"]);
    world.set_limit("alice", Some(1_000_000));
    let deal = world.deal(BWT_BTC, "alice", "bob", 100, 1_000);
    let due = world.due(deal).unwrap();
    assert_eq!((due.party, due.value.get()), (Party::Buyer, 50_000), "Alice is known, so Bob pays ahead");
    assert_eq!(world.settle(deal, "alice", "bob"), 1);
}

#[test]
fn a_deal_outside_the_ledger_takes_two_signatures_a_move() {
    let mut world = World::with(&["alice", "bob"]);
    let deal = world.deal(EUR_BTC, "alice", "bob", 100, 1_000);
    let (proposal, outcome) = world.pay("alice", deal, 1, 500);
    assert_eq!(proposals(&outcome)[0].deal, Some(deal));
    assert!(tranches(&outcome).is_empty());
    world.acknowledge("bob", proposal);
    assert_eq!(world.settle(deal, "alice", "bob"), 20, "50,000 by 5,000 on each leg, less the first half");
}

#[test]
fn the_token_as_quote_is_delivered_by_the_buyer() {
    let mut world = World::with(&["alice", "bob"]);
    world.set_limit("alice", Some(1_000_000));
    let deal = world.deal(BTC_BWT, "alice", "bob", 100, 100);
    let outcome = world.pay("bob", deal, 1, 5_000).1;
    assert_eq!(tranches(&outcome).len(), 1, "on the ledger a payment is final at once");
    assert_eq!((world.tokens("alice").0, world.tokens("bob")), (105_000, (95_000, 0)));
    let due = world.due(deal).unwrap();
    assert_eq!((due.party, due.cumulative.get()), (Party::Seller, 1_000));
    assert_eq!(world.settle(deal, "alice", "bob"), 1);
}

/// The default and its consequences: who, what was lost, and the tokens each has left.
fn check_default(world: &mut World, deal: DealId, by: &str, victim: &str, [loss, cap]: [u64; 2]) {
    assert!(world.tick(PAY_US - 1).events.is_empty(), "not before the deadline");
    let outcome = world.tick(1);
    let (loss, cap) = (Amount::new(loss), Amount::new(cap));
    let [by_account, victim_account] = [by, victim].map(|name| world.account(name));
    let expected = DefaultNotice { deal, by: by_account, victim: victim_account, loss, cap };
    assert_eq!(defaults(&outcome), [expected]);
    let state = world.engine.account(&by_account).expect("it exists");
    assert_eq!((state.frozen, state.limit), (Some(FreezeReason::Default(deal)), Amount::ZERO));
    assert_eq!(state.reserved, loss, "what it still owes stays against it");
    let victim_state = world.engine.account(&victim_account).expect("it exists");
    assert_eq!((victim_state.frozen, victim_state.reserved), (None, Amount::ZERO));
    assert_eq!(world.engine.next_deadline(), None);
    let (_, outcome) = world.place(by, limit(BWT_BTC, Sell, 9, 1));
    assert_eq!(refusal(&outcome), Some(&Refusal::AccountFrozen { reason: FreezeReason::Default(deal) }));
    assert_eq!(code(&world.pay(by, deal, 2, 5_000).1), "deal_closed");
    assert_eq!(code(&world.heal(by, by)), "nothing_to_heal");
    assert_eq!(code(&world.set_frozen(by, false)), "done");
    let state = world.engine.account(&by_account).expect("it exists");
    assert_eq!(state.frozen, Some(FreezeReason::Default(deal)), "the operator thaws only what it froze");
}

#[test]
fn a_buyer_that_does_not_pay_defaults() {
    let (mut world, deal) = strangers();
    let order = world.rest("bob", BWT_BTC, Buy, 1, 10);
    world.move_on(deal, "alice", "bob");
    assert_eq!(world.tokens("alice"), (99_500, 9_500));
    check_default(&mut world, deal, "bob", "alice", [2_500, 2_500]);
    assert_eq!(world.status(order), OrderStatus::Cancelled(CancelReason::AccountFrozen));
    assert_eq!(world.tokens("alice"), (99_500, 0), "what was not delivered is free again");
}

#[test]
fn a_seller_that_takes_tokens_and_does_not_deliver_defaults() {
    let mut world = World::with(&["alice", "bob"]);
    world.set_limit("alice", Some(12_000));
    let deal = world.deal(BTC_BWT, "alice", "bob", 100, 1_000);
    world.pay("bob", deal, 1, 3_000);
    assert_eq!((world.tokens("alice").0, world.tokens("bob")), (103_000, (97_000, 47_000)));
    check_default(&mut world, deal, "alice", "bob", [3_000, 3_000]);
    assert_eq!(world.tokens("bob"), (97_000, 0));
}

#[test]
fn who_does_not_go_ahead_defaults_without_a_loss() {
    let (mut world, deal) = strangers();
    check_default(&mut world, deal, "alice", "bob", [0, 2_500]);
    assert_eq!(world.tokens("alice"), (100_000, 0));
}

#[test]
fn a_deadline_that_passed_unseen_counts_before_the_next_command() {
    let (mut world, deal) = strangers();
    world.wait(PAY_US);
    let (_, outcome) = world.pay("alice", deal, 1, 500);
    assert_eq!((code(&outcome), defaults(&outcome).len()), ("deal_closed", 1));
    let (mut world, _) = strangers();
    world.wait(PAY_US);
    let (_, outcome) = world.place("alice", limit(BWT_BTC, Sell, 9, 1));
    assert_eq!((code(&outcome), defaults(&outcome).len()), ("account_frozen", 1));
}

#[test]
fn every_step_gives_the_next_side_its_full_time() {
    let (mut world, deal) = strangers();
    world.wait(PAY_US - 1);
    world.move_on(deal, "alice", "bob");
    world.wait(PAY_US - 1);
    let (proposal, outcome) = world.pay("bob", deal, 2, 5_000);
    assert_eq!(code(&outcome), "done");
    world.wait(ACKNOWLEDGE_US - 1);
    world.acknowledge("alice", proposal);
    assert_eq!(world.due(deal).unwrap().deadline, world.now().plus(PAY_US));
}

#[test]
fn an_unacknowledged_payment_is_disputed_and_nobody_is_frozen() {
    let (mut world, deal) = strangers();
    let order = world.rest("alice", BWT_BTC, Sell, 200, 10);
    world.move_on(deal, "alice", "bob");
    let (proposal, _) = world.pay("bob", deal, 2, 5_000);
    assert!(world.tick(ACKNOWLEDGE_US - 1).events.is_empty());
    world.tick(1);
    assert_eq!(world.deal_state(deal).deal.state(), State::Disputed { by: Party::Seller });
    assert_eq!(world.tokens("alice"), (99_500, 9_500 + 100), "undelivered locks stay");
    assert_eq!(world.status(order), OrderStatus::Open);
    for name in ["alice", "bob"] {
        let state = world.engine.account(&world.account(name)).unwrap();
        assert_eq!((state.frozen, state.limit.get()), (None, 10_000));
        assert!(state.reserved > Amount::ZERO);
    }
    assert!(world.tick(1_000 * PAY_US).events.is_empty(), "a dispute has no deadline");
    assert_eq!(code(&world.pay("bob", deal, 2, 5_000).1), "payment_in_flight");
    assert_eq!(code(&world.acknowledge("bob", proposal)), "not_counterparty");
    assert_eq!(code(&world.acknowledge("alice", proposal)), "done", "late is better than never");
    assert_eq!(world.deal_state(deal).deal.state(), State::Open);
    world.settle(deal, "alice", "bob");
    assert_eq!(world.tokens("alice"), (90_000, 100));
}

#[test]
fn only_exactly_what_is_due_is_taken() {
    let (mut world, deal) = strangers();
    world.register("carol");
    let mut pay = |name: &str, tranche, cumulative, expected: Refusal| {
        let before = world.deal_state(deal);
        let (_, outcome) = world.pay(name, deal, tranche, cumulative);
        assert_eq!(refusal(&outcome), Some(&expected), "{name} {tranche} {cumulative}");
        assert_eq!(world.deal_state(deal), before);
    };
    pay("carol", 1, 500, Refusal::NotYourDeal);
    pay("bob", 1, 500, Refusal::NotDue);
    pay("alice", 0, 500, Refusal::WrongTranche { expected: 1 });
    pay("alice", 2, 500, Refusal::WrongTranche { expected: 1 });
    for wrong in [0, 499, 501, u64::MAX] {
        pay("alice", 1, wrong, Refusal::WrongAmount { expected: Amount::new(500) });
    }
    world.move_on(deal, "alice", "bob");
    let (proposal, _) = world.pay("bob", deal, 2, 5_000);
    for name in ["alice", "bob"] {
        assert_eq!(code(&world.pay(name, deal, 2, 5_000).1), "payment_in_flight");
    }
    for name in ["bob", "carol"] {
        assert_eq!(code(&world.acknowledge(name, proposal)), "not_counterparty");
    }
    assert_eq!(code(&world.acknowledge("alice", BlockId::ZERO)), "unknown_proposal");
    assert_eq!(code(&world.acknowledge("alice", proposal)), "done");
    assert_eq!(code(&world.acknowledge("alice", proposal)), "unknown_proposal");
    assert_eq!(code(&world.pay("bob", deal, 2, 5_000).1), "wrong_tranche", "a tranche is paid once");
}

#[test]
fn deals_of_a_defaulter_go_on() {
    let (mut world, first) = strangers();
    let carol = world.register("carol");
    world.issue("carol", 10_000);
    world.wait(SECOND);
    let second = world.deal(BWT_BTC, "carol", "bob", 100, 1_000);
    world.move_on(first, "alice", "bob");
    world.move_on(second, "carol", "bob");
    world.wait(PAY_US / 2);
    let due = world.due(second).unwrap();
    let (proposal, _) = world.pay("bob", second, due.tranche, due.cumulative.get());
    assert_eq!(defaults(&world.tick(PAY_US / 2)).len(), 1);
    // Bob is frozen, and the payment that was in flight became a dispute meanwhile; it still counts.
    assert_eq!(world.deal_state(second).deal.state(), State::Disputed { by: Party::Seller });
    assert_eq!(code(&world.acknowledge("carol", proposal)), "done");
    world.settle(second, "carol", "bob");
    assert_eq!(world.engine.balance(&carol).unwrap().balance, 0);
}
