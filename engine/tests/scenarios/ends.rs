//! Deals that went wrong: what a default costs, how it is made good, given up, or ended as both agree.

use crate::kit::acts::limit;
use crate::kit::*;
use bandex_engine::{FreezeReason, ProposalStatus};
use bandex_settlement::{Party, State};
use bandex_tradechain::body::{Bond, Change, Unbond};
use bandex_types::Side::{Buy, Sell};
use bandex_types::{Amount, AssetId, BlockId, DealId, MarketId, Ratio};

const PAY_US: u64 = 60 * SECOND;
const ACKNOWLEDGE_US: u64 = 30 * SECOND;

/// Alice sells Bob 10,000 bytes for 50,000, or what the market has instead, in tranches of 2,500 and 5,000; `moves` are
/// made, and then Bob, or Alice, lets the time pass.
fn defaulted(market: MarketId, moves: usize) -> (World, DealId) {
    let mut world = World::with(&["alice", "bob"]);
    let deal = world.deal(market, "alice", "bob", 100, 1_000);
    for _ in 0..moves {
        world.move_on(deal, "alice", "bob");
    }
    assert_eq!(defaults(&world.tick(PAY_US)).len(), 1);
    (world, deal)
}

/// The same where Bob paid the second tranche, and Alice does not acknowledge it.
fn disputed() -> (World, DealId, BlockId) {
    let mut world = World::with(&["alice", "bob"]);
    let deal = world.deal(BWT_BTC, "alice", "bob", 100, 1_000);
    world.move_on(deal, "alice", "bob");
    let (proposal, _) = world.pay("bob", deal, 2, 5_000);
    world.tick(ACKNOWLEDGE_US);
    assert_eq!(state(&world, deal), State::Disputed { by: Party::Seller });
    (world, deal, proposal)
}

fn state(world: &World, deal: DealId) -> State {
    world.deal_state(deal).deal.state()
}

fn frozen(world: &World, name: &str) -> Option<FreezeReason> {
    world.engine.account(&world.account(name)).expect("it exists").frozen
}

fn burden(world: &World, name: &str) -> u64 {
    world.engine.trust(&world.account(name)).expect("it exists").burden.get()
}

/// What is reserved against two, in their order.
fn reserved(world: &World, names: [&str; 2]) -> [u64; 2] {
    names.map(|name| world.reserved(name).0)
}

#[test]
fn a_default_outside_is_made_good_when_the_victim_says_so() {
    let (mut world, deal) = defaulted(BWT_BTC, 1);
    assert_eq!(frozen(&world, "bob"), Some(FreezeReason::Default(deal)));
    assert_eq!(code(&world.cure("alice", deal).1), "wrong_state", "the victim has nothing to make good");
    let (cure, outcome) = world.cure("bob", deal);
    assert_eq!(proposals(&outcome)[0].deal, Some(deal));
    assert_eq!(state(&world, deal), State::Defaulted { by: Party::Buyer }, "nobody has confirmed it");
    assert_eq!(code(&world.cure("bob", deal).1), "payment_in_flight");
    assert_eq!(code(&world.acknowledge("bob", cure)), "not_counterparty");
    assert_eq!(code(&world.acknowledge("alice", cure)), "done");
    assert_eq!(state(&world, deal), State::Cured { by: Party::Buyer });
    assert_eq!((frozen(&world, "bob"), world.reserved("bob")), (None, (0, 10_000)));
    assert_eq!(code(&world.cure("bob", deal).1), "wrong_state");
    assert_eq!(code(&world.write_off("alice", deal)), "wrong_state");
    assert_eq!(code(&world.resolve("alice", deal, 0).1), "wrong_state");
    world.rest("bob", BWT_BTC, Buy, 1, 10);
}

#[test]
fn a_cure_that_nobody_confirms_may_be_proposed_again() {
    let (mut world, deal) = defaulted(BWT_BTC, 1);
    let (first, _) = world.cure("bob", deal);
    let outcome = world.tick(world.engine.parameters().proposal_us);
    assert_eq!(proposals(&outcome)[0].status, ProposalStatus::Expired);
    assert_eq!(code(&world.acknowledge("alice", first)), "unknown_proposal");
    let (second, _) = world.cure("bob", deal);
    // The victim would rather give it up; then there is nothing to confirm.
    assert_eq!(code(&world.write_off("alice", deal)), "done");
    assert_eq!(code(&world.acknowledge("alice", second)), "wrong_state");
    world.tick(world.engine.parameters().proposal_us);
}

#[test]
fn tokens_make_a_default_good_at_once() {
    let mut world = World::with(&["alice", "bob"]);
    world.deal(BWT_BTC, "alice", "bob", 100, 1_000);
    // Bob sells 4,000 of the 10,000 back, dearer: Alice owes him the difference of 2,000, in tokens.
    world.rest("alice", BWT_BTC, Buy, 110, 400);
    let (_, outcome) = world.place("bob", limit(BWT_BTC, Sell, 110, 400));
    let deal = nettings(&outcome)[0].deal.expect("something is left");
    // And he lets her go on to owe what both deals let her: 2,500, and 1,875 of what was then left of her limit.
    assert_eq!(world.due(deal).map(|due| (due.party, due.value.get())), Some((Party::Seller, 6_375)));
    assert_eq!(defaults(&world.tick(PAY_US))[0].loss, Amount::new(2_000));
    assert_eq!(world.tokens("alice"), (100_000, 0));
    // 2,000 of 30,000 for 6,000 bytes.
    assert_eq!(code(&world.cure("alice", deal).1), "done");
    assert_eq!((state(&world, deal), frozen(&world, "alice")), (State::Cured { by: Party::Seller }, None));
    assert_eq!((world.tokens("alice").0, world.tokens("bob").0), (99_600, 100_400));
}

#[test]
fn who_only_had_to_go_ahead_is_thawed_for_nothing() {
    let (mut world, deal) = defaulted(BWT_BTC, 0);
    assert_eq!(frozen(&world, "alice"), Some(FreezeReason::Default(deal)));
    let (_, outcome) = world.cure("alice", deal);
    assert!(proposals(&outcome).is_empty(), "nothing is owed");
    assert_eq!((state(&world, deal), frozen(&world, "alice")), (State::Cured { by: Party::Seller }, None));
}

#[test]
fn a_dispute_that_is_given_up_burdens_whoever_may_have_owed() {
    for by in ["alice", "bob"] {
        let (mut world, deal, proposal) = disputed();
        // At worst Bob's money came and Alice owes 2,500, or it did not and Bob does.
        assert_eq!(reserved(&world, ["alice", "bob"]), [2_500, 2_500]);
        let outcome = world.write_off(by, deal);
        assert_eq!(code(&outcome), "done");
        assert_eq!(proposals(&outcome)[0].status, ProposalStatus::Expired);
        let party = if by == "alice" { Party::Seller } else { Party::Buyer };
        assert_eq!(state(&world, deal), State::WrittenOff { by: party });
        assert_eq!(reserved(&world, ["alice", "bob"]), [0, 0]);
        assert_eq!(["alice", "bob"].map(|name| burden(&world, name)), [2_500, 2_500]);
        assert_eq!(["alice", "bob"].map(|name| frozen(&world, name)), [None, None], "a claim proves nothing");
        assert_eq!(world.tokens("alice"), (99_500, 0), "what was not delivered is free again");
        assert_eq!(code(&world.acknowledge("alice", proposal)), "unknown_proposal");
        // What is left of the limit is what it was: the next cap is drawn on 7,500.
        world.wait(SECOND);
        let next = world.deal(BWT_BTC, "alice", "bob", 100, 1_000);
        let terms = world.deal_state(next).deal.terms().clone();
        assert_eq!([terms.seller_cap, terms.buyer_cap], [Amount::new(1_875); 2]);
        // Both agree after all.
        let (resolution, _) = world.resolve("bob", deal, 0);
        assert_eq!(code(&world.acknowledge("alice", resolution)), "done");
        assert_eq!(state(&world, deal), State::Resolved);
        assert_eq!(["alice", "bob"].map(|name| burden(&world, name)), [0, 0]);
    }
}

#[test]
fn a_default_that_is_given_up_keeps_the_defaulter_frozen_until_both_agree() {
    let (mut world, deal) = defaulted(BWT_BTC, 1);
    assert_eq!(code(&world.write_off("bob", deal)), "wrong_state", "only the victim gives up");
    assert_eq!(code(&world.write_off("alice", deal)), "done");
    assert_eq!((burden(&world, "alice"), burden(&world, "bob")), (0, 2_500));
    assert_eq!(frozen(&world, "bob"), Some(FreezeReason::Default(deal)));
    assert_eq!(code(&world.cure("bob", deal).1), "wrong_state");
    let (resolution, _) = world.resolve("alice", deal, 0);
    assert_eq!(code(&world.acknowledge("bob", resolution)), "done");
    assert_eq!((burden(&world, "bob"), frozen(&world, "bob")), (0, None));
}

#[test]
fn a_resolution_delivers_what_both_agree_on() {
    let (mut world, deal, proposal) = disputed();
    assert_eq!(world.tokens("alice"), (99_500, 9_500));
    let too_much = refusal(&world.resolve("bob", deal, 9_501).1).cloned();
    assert_eq!(too_much, Some(bandex_engine::Refusal::WrongAmount { expected: Amount::new(9_500) }));
    let (resolution, outcome) = world.resolve("bob", deal, 4_000);
    assert_eq!(proposals(&outcome)[0].to, world.account("alice"));
    world.register("carol");
    assert_eq!(code(&world.resolve("carol", deal, 0).1), "not_your_deal");
    assert_eq!(code(&world.acknowledge("carol", resolution)), "not_counterparty");
    let outcome = world.acknowledge("alice", resolution);
    let ended: Vec<_> = proposals(&outcome).iter().map(|state| (state.proposal, state.status)).collect();
    let expected = [(proposal, ProposalStatus::Expired), (resolution, ProposalStatus::Acknowledged)];
    assert_eq!(ended, expected, "the claim ends with the dispute");
    assert_eq!((world.tokens("alice"), world.tokens("bob")), ((95_500, 0), (104_500, 0)));
    assert_eq!(reserved(&world, ["alice", "bob"]), [0, 0]);
    assert_eq!(world.engine.next_deadline(), None);
}

#[test]
fn a_resolution_is_judged_again_when_it_is_signed() {
    let (mut world, deal, proposal) = disputed();
    let (resolution, _) = world.resolve("alice", deal, 9_500);
    assert_eq!(code(&world.acknowledge("alice", proposal)), "done");
    assert_eq!(code(&world.acknowledge("bob", resolution)), "wrong_state", "the dispute is over");
    let due = world.due(deal).expect("bob is due");
    world.pay("bob", deal, due.tranche, due.cumulative.get());
    world.tick(ACKNOWLEDGE_US);
    let locked = world.tokens("alice").1;
    assert_eq!(code(&world.acknowledge("bob", resolution)), "wrong_amount", "{locked} are left");
    assert_eq!(code(&world.resolve("bob", DealId::new([0; 32]), 0).1), "unknown_deal");
    assert_eq!(code(&world.write_off("bob", DealId::new([0; 32]))), "unknown_deal");
    world.tick(world.engine.parameters().proposal_us);
}

#[test]
fn a_bond_pays_the_victim_and_waits_for_what_it_may_have_to_pay() {
    // 2 msat a byte: 2,500 msat are 1,250 bytes.
    let check = |bonded: u64, paid: u64, owing: u64| {
        let mut world = World::with(&["alice", "bob"]);
        let rate = Ratio::new(2, 1).ok();
        world.configure(vec![Change::SetRate { asset: AssetId::BWT, rate }]);
        assert_eq!(code(&world.send("bob", Bond { amount: Amount::new(bonded) })), "done");
        let deal = world.deal(BWT_BTC, "alice", "bob", 100, 1_000);
        world.move_on(deal, "alice", "bob");
        world.send("bob", Unbond { amount: Amount::new(bonded) });
        let before = world.tokens("alice").0;
        let outcome = world.tick(PAY_US);
        assert_eq!(slashes(&outcome).len(), usize::from(paid > 0), "{outcome:?}");
        assert_eq!(world.tokens("alice").0, before + i128::from(paid));
        assert_eq!(
            (world.reserved("bob").0, state(&world, deal)),
            (owing, State::Defaulted { by: Party::Buyer })
        );
        assert_eq!(world.tokens("bob").1, bonded - paid, "the rest waits for the end of the deal");
        let (cure, _) = world.cure("bob", deal);
        if owing > 0 {
            assert_eq!(code(&world.acknowledge("alice", cure)), "done");
        }
        assert_eq!((state(&world, deal), world.tokens("bob").1), (State::Cured { by: Party::Buyer }, 0));
        assert_eq!(frozen(&world, "bob"), None);
        let trust = world.engine.trust(&world.account("bob")).expect("it exists");
        assert_eq!((trust.fees, trust.score_ppb, trust.bond), (Amount::ZERO, 0, Amount::ZERO));
    };
    check(0, 0, 2_500);
    check(1_000, 1_000, 500);
    check(1_250, 1_250, 0);
    check(4_000, 1_250, 0);
}

#[test]
fn older_rules_know_none_of_it() {
    let mut world = World::with_under(2, &["alice", "bob"]);
    let deal = world.deal(BWT_BTC, "alice", "bob", 100, 1_000);
    world.move_on(deal, "alice", "bob");
    world.tick(PAY_US);
    assert_eq!(code(&world.cure("bob", deal).1), "not_served");
    assert_eq!(code(&world.write_off("alice", deal)), "not_served");
    assert_eq!(code(&world.resolve("alice", deal, 0).1), "not_served");
    assert_eq!(code(&world.set_fees(BWT_BTC, 1, 1)), "not_served");
    // What defaulted under them is made good under the newer ones.
    world.apply(bandex_tradechain::Command::Upgrade { rules: 3 });
    let (cure, _) = world.cure("bob", deal);
    assert_eq!(code(&world.acknowledge("alice", cure)), "done");
    assert_eq!(frozen(&world, "bob"), None);
}
