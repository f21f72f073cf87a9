//! Deals that are paid on the Bitcoin chain: headers, scripts, proofs, confirmations, fees.

use crate::kit::acts::limit;
use crate::kit::chain::{BWT_SAT, LEAST, PAY_US, SAT, bitcoin_asset, bitcoin_terms, chain_listing, script};
use crate::kit::*;
use bandex_engine::{CancelReason, Event, OrderStatus, Outcome, PaymentStatus, Refusal};
use bandex_settlement::{Party, State};
use bandex_spv::Network;
use bandex_spv::NetworkRules as _;
use bandex_tradechain::body::*;
use bandex_tradechain::{Command, Headers, Payment};
use bandex_types::Side::{Buy, Sell};
use bandex_types::{Amount, AssetId, BitcoinNetwork, DealId, MarketId, OrderRef, Rail};

/// Millisatoshi in a satoshi.
pub const MSAT: u64 = 1_000;

/// Alice, whom buyers may let owe `ahead` satoshi, sells Bob 1,000 bytes for 10,000 satoshi, who may owe `owing`; the
/// payee has named its script.
pub fn begun(ahead: u64, owing: u64) -> (World, DealId, Vec<u8>) {
    let mut world = World::on_chain(&["alice", "bob"]);
    trusted(&mut world, ahead, owing);
    let (deal, script) = world.chain_deal(["alice", "bob"], 100, 100, 1);
    (world, deal, script)
}

pub fn trusted(world: &mut World, ahead: u64, owing: u64) {
    world
        .configure(vec![Change::SetParameters(Parameters { share_ppm: 1_000_000, ..Parameters::default() })]);
    world.set_limit("alice", Some(ahead * MSAT));
    world.set_limit("bob", Some((owing * MSAT).max(100_000)));
}

pub fn state(world: &World, deal: DealId) -> State {
    world.deal_state(deal).deal.state()
}

/// What Bob has got, in bytes.
pub fn got(world: &World) -> i128 {
    world.tokens("bob").0 - 100_000
}

pub fn statuses(outcome: &Outcome) -> Vec<(PaymentStatus, u64, bool)> {
    payments(outcome).iter().map(|told| (told.status, told.value.get() / MSAT, told.late)).collect()
}

#[test]
fn a_chain_is_chosen_once_and_before_what_is_paid_on_it() {
    let mut world = World::with(&["alice"]);
    let mut check = |change, expected| {
        let outcome = world.configure(vec![change]);
        assert_eq!(code(&outcome), expected, "{outcome:?}");
    };
    check(Change::ListAsset(bitcoin_asset()), "no_bitcoin");
    let other = Network::Signet.genesis_header();
    check(Change::SetBitcoin(BitcoinTerms { header: other, ..bitcoin_terms() }), "bad_header");
    check(Change::SetBitcoin(BitcoinTerms { height: 7, header: [0; 80], ..bitcoin_terms() }), "bad_header");
    let mainnet = BitcoinTerms { network: BitcoinNetwork::Mainnet, ..bitcoin_terms() };
    check(Change::SetBitcoin(mainnet), "bad_header");
    check(Change::SetBitcoin(bitcoin_terms()), "done");
    check(Change::SetBitcoin(bitcoin_terms()), "already_listed");
    check(Change::ListAsset(AssetListing { decimals: 8, ..bitcoin_asset() }), "bad_listing");
    check(Change::ListMarket(chain_listing()), "bad_listing");
    check(Change::ListAsset(bitcoin_asset()), "done");
    let turned = MarketListing { id: MarketId::new(5), base: SAT, quote: AssetId::BWT, ..chain_listing() };
    check(Change::ListMarket(turned), "bad_listing");
    check(Change::ListMarket(MarketListing { base: EUR, ..chain_listing() }), "bad_listing");
    check(Change::ListMarket(chain_listing()), "done");
    let terms = |confirmations, final_confirmations, fee_share_ppm| PaymentTerms {
        confirmations,
        final_confirmations,
        fee_share_ppm,
    };
    let mut check = |market, terms, expected| {
        let outcome = world.configure(vec![Change::SetPayments { market, terms }]);
        assert_eq!(code(&outcome), expected, "{terms:?}");
    };
    check(MarketId::new(9), terms(1, 1, 1), "unknown_market");
    check(BWT_BTC, terms(1, 1, 1), "bad_listing");
    for bad in [terms(0, 1, 1), terms(2, 1, 1), terms(1, 1_001, 1), terms(1, 1, 0), terms(1, 1, 1_000_001)] {
        check(BWT_SAT, bad, "bad_listing");
    }
    check(BWT_SAT, terms(1_000, 1_000, 1_000_000), "done");
    check(BWT_SAT, terms(1, 1, 1), "done");
}

#[test]
fn older_rules_refuse_by_name() {
    let mut world = World::with_under(3, &["alice", "bob"]);
    let deal = world.deal(BWT_BTC, "alice", "bob", 100, 100);
    let check = |outcome: &Outcome, expected: &str| match refusal(outcome) {
        Some(Refusal::NotServed { what }) => assert_eq!(what, expected),
        other => panic!("{expected}: {other:?}"),
    };
    let terms = PaymentTerms::default();
    check(&world.configure(vec![Change::SetBitcoin(bitcoin_terms())]), "set_bitcoin");
    check(&world.configure(vec![Change::SetPayments { market: BWT_BTC, terms }]), "set_payments");
    check(&world.configure(vec![Change::ListAsset(bitcoin_asset())]), "the bitcoin rail");
    check(&world.receive("alice", deal, &script(1)), "receive");
    check(&world.headers(vec![Network::Regtest.genesis_header()], None), "headers");
    let payment = Payment { proof: Vec::new(), transaction: Vec::new() };
    check(&world.apply(Command::Payment(payment)), "payment");
    assert_eq!(code(&world.apply(Command::Upgrade { rules: 4 })), "done");
    world.follow_chain();
    world.set_limit("alice", Some(9_000 * MSAT));
    world.set_limit("bob", Some(100_000));
    let (deal, script) = world.chain_deal(["alice", "bob"], 100, 100, 1);
    assert_eq!(world.pay_all(deal, &script), 5, "a quarter of her limit at a time");
}

#[test]
fn headers_build_upon_what_is_known() {
    let mut world = World::with(&["alice"]);
    assert_eq!(code(&world.headers(Vec::new(), Some(1))), "no_bitcoin");
    world.follow_chain();
    let known: Vec<[u8; 80]> = (0..3).map(|_| world.chain.mine(Vec::new())).collect();
    assert_eq!(code(&world.headers(Vec::new(), None)), "bad_header");
    assert_eq!(code(&world.headers(known[1..].to_vec(), None)), "unknown_header");
    assert_eq!(code(&world.headers(vec![known[0]; 2_001], None)), "bad_header");
    assert_eq!(code(&world.headers(vec![known[0], known[2]], None)), "bad_header");
    let mut idle = known[0];
    while bandex_spv::hash_of(&idle)[31] < 0x80 {
        idle[76] = idle[76].wrapping_add(1);
    }
    assert_eq!(code(&world.headers(vec![idle], None)), "bad_header", "no work is in it");
    let outcome = world.headers(known.clone(), Some(1_000));
    let chain = |outcome: &Outcome| {
        outcome.events.iter().find_map(|event| match event {
            Event::Chain(state) => Some((state.height, state.fee_rate, state.disconnected)),
            _ => None,
        })
    };
    assert_eq!((code(&outcome), chain(&outcome)), ("done", Some((3, Some(1_000), 0))));
    let again = world.headers(known, Some(1_000));
    assert_eq!((code(&again), again.events.len()), ("done", 0), "nothing is new");
    let (_, outcome) = world.reorganise(2, vec![Vec::new(); 3]);
    assert_eq!(chain(&outcome), Some((4, Some(1_000), 2)));
    // A branch that is no longer than the one followed changes nothing yet.
    world.chain.undo(1);
    let header = world.chain.mine(Vec::new());
    assert_eq!(world.headers(vec![header], None).events, []);
    let header = world.chain.mine(Vec::new());
    assert_eq!(chain(&world.headers(vec![header], None)), Some((5, Some(1_000), 1)));
}

#[test]
fn a_stranger_buys_from_a_seller_of_means_piece_by_piece() {
    let (mut world, deal, script) = begun(3_000, 0);
    assert_eq!(world.deal_state(deal).deal.terms().seller_cap.get(), 100_000, "next to nothing");
    assert_eq!(world.asked(deal), Some(3_000));
    assert_eq!(world.tokens("alice").1, 1_000);
    world.paid_to(&script, 3_000);
    assert_eq!((world.counted(deal), world.asked(deal)), ([3_000, 0, 0], None), "blocks are waited for");
    world.confirm(1);
    assert_eq!((world.counted(deal), got(&world)), ([3_000, 3_000, 0], 10), "a hundred satoshi of trust");
    world.confirm(3);
    assert_eq!((world.counted(deal), got(&world)), ([3_000, 3_000, 0], 10));
    let outcome = world.confirm(1).expect("a block");
    assert_eq!((world.counted(deal), got(&world)), ([3_000; 3], 300));
    assert_eq!(statuses(&outcome), [(PaymentStatus::Final, 3_000, false)]);
    assert_eq!(world.asked(deal), Some(6_000));
    assert_eq!(world.pay_all(deal, &script), 3);
    assert_eq!((state(&world, deal), got(&world)), (State::Settled, 1_000));
    assert_eq!(
        (world.tokens("alice"), world.reserved("alice").0, world.reserved("bob").0),
        ((99_000, 0), 0, 0)
    );
}

#[test]
fn the_trusted_wait_for_few_blocks_only() {
    // How long until 1,000 bytes are delivered, by how much Bob may owe.
    let check = |owing: u64, expected: [i128; 6]| {
        let (mut world, deal, script) = begun(10_000, owing);
        assert_eq!(world.asked(deal), Some(10_000));
        let paid = world.transaction(&[(script, 10_000)]);
        world.mine(vec![paid.clone()]);
        world.prove(&paid);
        let mut found = [got(&world); 6];
        for after in &mut found[1..] {
            world.confirm(1);
            *after = got(&world);
        }
        assert_eq!((found, state(&world, deal)), (expected, State::Settled), "{owing}");
    };
    check(10_000, [0, 1_000, 1_000, 1_000, 1_000, 1_000]);
    check(4_000, [0, 400, 400, 400, 400, 1_000]);
    check(0, [0, 10, 10, 10, 10, 1_000]);
    let mut world = World::on_chain(&["alice", "bob"]);
    trusted(&mut world, 10_000, 4_000);
    world.set_payments(1, 3, 20_000);
    let (deal, script) = world.chain_deal(["alice", "bob"], 100, 100, 1);
    // What is decided later holds for later deals.
    world.set_payments(5, 9, 20_000);
    world.paid_to(&script, 10_000);
    assert_eq!(got(&world), 400);
    world.confirm(2);
    assert_eq!((got(&world), state(&world, deal)), (1_000, State::Settled));
}

#[test]
fn only_the_payee_names_a_script_and_only_once() {
    let mut world = World::on_chain(&["alice", "bob", "carol"]);
    trusted(&mut world, 30_000, 30_000);
    let mut deals = [(); 2].map(|()| {
        world.wait(1);
        world.deal(BWT_SAT, "alice", "bob", 100, 100)
    });
    deals.sort();
    let [one, other] = deals;
    let attested = world.deal(BWT_BTC, "alice", "bob", 100, 100);
    let mut check = |name: &str, deal, script: &[u8], expected: &str| {
        let outcome = world.receive(name, deal, script);
        assert_eq!(code(&outcome), expected, "{outcome:?}");
    };
    check("alice", DealId::new([1; 32]), &script(1), "unknown_deal");
    check("carol", one, &script(1), "not_your_deal");
    check("bob", one, &script(1), "not_due");
    check("alice", attested, &script(1), "not_due");
    check("alice", one, &[0x6a, 1, 1], "bad_script");
    check("alice", one, &[0x51; 34], "bad_script");
    check("alice", one, &script(1), "done");
    check("alice", one, &script(2), "not_due");
    check("alice", other, &script(1), "script_used");
    check("alice", other, &script(2), "done");
    assert_eq!(world.engine.watched_scripts(), [(script(1), 0), (script(2), 0)]);
    let payee = world.deal_state(one).payee.expect("it was named");
    assert_eq!((payee.script, payee.height), (script(1), 0));
    assert_eq!(code(&world.pay("bob", one, 1, 1_000).1), "paid_on_chain");
    world.tick(PAY_US);
    check_closed(&mut world, one);
}

fn check_closed(world: &mut World, deal: DealId) {
    assert_eq!(state(world, deal), State::Defaulted { by: Party::Buyer });
    assert_eq!(code(&world.receive("alice", deal, &script(3))), "deal_closed");
}

#[test]
fn a_session_key_that_settles_may_name_a_script() {
    let mut world = World::on_chain(&["alice", "bob"]);
    trusted(&mut world, 10_000, 0);
    let deal = world.deal(BWT_SAT, "alice", "bob", 100, 100);
    let grants = |scopes| crate::kit::acts::Grants { scopes, ..Default::default() };
    world.grant("alice", "trader", grants(Scopes::ORDERS));
    world.grant("alice", "agent", grants(Scopes::SETTLE));
    assert_eq!(code(&world.receive("trader", deal, &script(1))), "out_of_scope");
    assert_eq!(code(&world.receive("agent", deal, &script(1))), "done");
}

#[test]
fn what_proves_nothing_is_refused() {
    let (mut world, deal, script) = begun(10_000, 0);
    let paid = world.transaction(&[(vec![0x51], 7), (script.clone(), 4_000)]);
    let (other, stranger) =
        (world.transaction(&[(script.clone(), 1)]), world.transaction(&[(vec![0x51], 9)]));
    // The chain that the node follows knows of the block only later.
    let block = world.chain.mine(vec![other.clone(), paid.clone(), stranger.clone()]);
    let good = world.chain.prove(&paid).expect("it is in the block");
    let wrong = world.chain.prove(&other).expect("it is in the block");
    let mut check = |payment: &Payment, expected: &str| {
        let outcome = world.apply(Command::Payment(payment.clone()));
        assert_eq!((code(&outcome), outcome.events.len()), (expected, 0), "{outcome:?}");
    };
    check(&good, "unknown_header");
    let cut = |payment: &Payment, bytes: usize| {
        let (mut proof, mut transaction) = (payment.proof.clone(), payment.transaction.clone());
        proof.truncate(payment.proof.len() - bytes);
        transaction.push(0);
        [Payment { proof, ..payment.clone() }, Payment { transaction, ..payment.clone() }]
    };
    world.headers(vec![block], None);
    let mut check = |payment: &Payment, expected: &str| {
        let outcome = world.apply(Command::Payment(payment.clone()));
        assert_eq!(
            (code(&outcome), outcome.events.is_empty()),
            (expected, expected != "done"),
            "{outcome:?}"
        );
    };
    check(&Payment { proof: wrong.proof, ..good.clone() }, "bad_proof");
    let [proof, transaction] = cut(&good, 1);
    check(&proof, "bad_proof");
    check(&transaction, "bad_proof");
    check(&Payment { proof: Vec::new(), ..good.clone() }, "bad_proof");
    let mut other_root = good.clone();
    other_root.proof[100] ^= 1;
    check(&other_root, "bad_proof");
    check(&good, "done");
    check(&good, "unknown_payment");
    assert_eq!(code(&world.prove(&stranger)), "unknown_payment", "nobody named that script");
    assert_eq!(
        world.counted(deal),
        [4_000, 0, 0],
        "each output once, and the other transaction was not proven"
    );
    world.confirm(5);
    assert_eq!(code(&world.apply(Command::Payment(good))), "unknown_payment", "it is final");
    assert_eq!(world.counted(deal), [4_000; 3]);
}

#[test]
fn one_transaction_may_pay_two_deals_and_none_is_paid_by_the_others() {
    let mut world = World::on_chain(&["alice", "bob", "carol"]);
    trusted(&mut world, 40_000, 0);
    world.set_limit("carol", Some(100_000));
    let (bobs, first) = world.chain_deal(["alice", "bob"], 100, 100, 1);
    let (carols, second) = world.chain_deal(["alice", "carol"], 100, 50, 2);
    let paid = world.transaction(&[(second.clone(), 5_000), (first.clone(), 4_000), (first.clone(), 6_000)]);
    world.mine(vec![paid.clone()]);
    let outcome = world.prove(&paid);
    assert_eq!(payments(&outcome).len(), 3, "an output each");
    assert_eq!((world.counted(bobs), world.counted(carols)), ([10_000, 0, 0], [5_000, 0, 0]));
    assert_eq!(code(&world.prove(&paid)), "unknown_payment", "it counts once");
    world.confirm(5);
    assert_eq!([bobs, carols].map(|deal| state(&world, deal)), [State::Settled; 2]);
    assert_eq!((got(&world), world.tokens("carol").0), (1_000, 100_500));
}

#[test]
fn what_is_missing_stays_due_and_what_is_more_counts_on() {
    let (mut world, deal, script) = begun(4_000, 10_000);
    world.paid_to(&script, 3_999);
    world.confirm(6);
    assert_eq!((world.asked(deal), got(&world)), (Some(4_000), 399), "what came is delivered for");
    assert_eq!(world.due(deal).map(|due| due.amount.get()), Some(MSAT));
    // A payment of the rest, and by mistake the next one with it, twice.
    world.paid_to(&script, 1);
    world.paid_to(&script, 2_500);
    world.paid_to(&script, 2_500);
    world.confirm(6);
    assert_eq!((world.counted(deal), got(&world)), ([9_000; 3], 900));
    assert_eq!(world.asked(deal), Some(10_000));
    // The last payment is too large, and another comes: nobody gets more than was agreed.
    world.paid_to(&script, 5_000);
    world.confirm(6);
    assert_eq!((state(&world, deal), got(&world)), (State::Settled, 1_000));
    assert_eq!(world.deal_state(deal).deal.surplus(), Amount::new(4_000 * MSAT));
    world.paid_to(&script, 700);
    let outcome = world.confirm(5).expect("a block");
    assert_eq!(statuses(&outcome), [(PaymentStatus::Final, 700, true)]);
    assert_eq!(world.deal_state(deal).deal.surplus(), Amount::new(4_700 * MSAT));
    assert_eq!(
        (state(&world, deal), got(&world), world.tokens("alice")),
        (State::Settled, 1_000, (99_000, 0))
    );
    // Bonds that wait for deals still know which are over.
    world.bond("bob", 50);
    assert_eq!(code(&world.unbond("bob", 50)), "done");
    assert_eq!(world.trust("bob").leaving, Amount::ZERO);
}

fn dies_of(world: &World, order: OrderRef, reason: CancelReason) {
    assert_eq!(world.status(order), OrderStatus::Cancelled(reason));
}

#[test]
fn fees_make_the_smallest_payment_larger() {
    let mut world = World::on_chain(&["alice", "bob"]);
    trusted(&mut world, 2_500, 0);
    world.set_limit("bob", Some(1_000_000));
    let below = |outcome: &Outcome, expected: [u64; 2], help: &str| match refusal(outcome) {
        Some(refused @ Refusal::BelowTranche { least, cap, .. }) => {
            assert_eq!([least.get() / MSAT, cap.get() / MSAT], expected);
            assert!(refused.to_string().contains(help), "{refused}");
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(LEAST, 1_000 * MSAT);
    below(&world.place("bob", limit(BWT_SAT, Buy, 9, 100)).1, [1_000, 900], "order more at once");
    below(&world.place("alice", limit(BWT_SAT, Sell, 9, 100)).1, [1_000, 900], "order more at once");
    // Her limit carries twice the least, or a sale that is paid at once.
    let small = world.rest("alice", BWT_SAT, Sell, 100, 10);
    let large = world.rest("alice", BWT_SAT, Sell, 101, 1_000);
    world.set_payments(2, 6, 20_000);
    // 8 satoshi for a virtual byte: 154 of them are a fiftieth of 61,600.
    let outcome = world.headers(Vec::new(), Some(8_000));
    assert_eq!(code(&outcome), "done");
    below(&world.place("bob", limit(BWT_SAT, Buy, 100, 600)).1, [61_600, 60_000], "order more at once");
    below(&world.place("alice", limit(BWT_SAT, Sell, 100, 1_000)).1, [61_600, 2_500], "raise the limit");
    // What rests leaves when somebody meets it.
    let (bid, outcome) = world.place("bob", limit(BWT_SAT, Buy, 101, 1_000));
    assert_eq!((code(&outcome), trades(&outcome).len()), ("done", 0));
    dies_of(&world, small, CancelReason::BelowTranche);
    dies_of(&world, large, CancelReason::BelowTranche);
    assert_eq!(world.status(bid), OrderStatus::Open);
    world.headers(Vec::new(), Some(1));
    world.set_payments(2, 6, 154_000);
    let ask = limit(BWT_SAT, Sell, 101, 1_000);
    assert_eq!(trades(&world.place("alice", ask).1).len(), 1, "fees are low again");
    // A larger share of fees does as well.
    world.headers(Vec::new(), Some(8_000));
    world.set_payments(2, 6, 1_000_000);
    let outcome = world.place("bob", limit(BWT_SAT, Buy, 12, 100)).1;
    below(&outcome, [1_232, 1_200], "order more at once");
}

#[test]
fn an_own_cap_bounds_what_is_paid_ahead() {
    let mut world = World::on_chain(&["alice", "bob"]);
    trusted(&mut world, 10_000, 0);
    world.rest("alice", BWT_SAT, Sell, 100, 100);
    let own = |sat: u64| Place { own_cap: Some(Amount::new(sat * MSAT)), ..limit(BWT_SAT, Buy, 100, 100) };
    let (_, outcome) =
        world.place("bob", Place { time_in_force: bandex_types::TimeInForce::Ioc, ..own(1_999) });
    assert!(trades(&outcome).is_empty(), "less than twice the least, and it is the buyer's own wish");
    let (_, outcome) = world.place("bob", own(2_000));
    let deal = trades(&outcome)[0].deal;
    world.receive("alice", deal, &script(1));
    assert_eq!(world.asked(deal), Some(2_000));
    assert_eq!(world.pay_all(deal, &script(1)), 5);
}

#[test]
fn a_chain_at_work_is_put_away_and_restored() {
    let (mut world, deal, script) = begun(4_000, 2_000);
    world.paid_to(&script, 4_000);
    world.confirm(1);
    world.headers(Vec::new(), Some(3));
    world.reorganise(1, Vec::new());
    let restored = bandex_engine::Engine::restore(&world.engine.snapshot()).expect("it restores");
    assert_eq!(restored.digest(), world.engine.digest());
    assert_eq!(restored.watched_scripts(), world.engine.watched_scripts());
    assert_eq!(restored.bitcoin().map(|(terms, _)| terms), Some(&bitcoin_terms()));
    let tips = [&restored, &world.engine].map(|engine| engine.bitcoin().map(|(_, headers)| headers.tip()));
    assert_eq!(tips[0], tips[1]);
    assert_eq!(restored.deal(&deal), world.engine.deal(&deal));
    // The kit replays it all from there, restoring again and again.
    assert_eq!(world.pay_all(deal, &script), 2);
    assert_eq!(
        AssetListing { rail: Rail::Bitcoin, ..bitcoin_asset() },
        *world.engine.asset(SAT).expect("listed")
    );
    assert_eq!(
        code(&world.apply(Command::Headers(Headers { headers: Vec::new(), fee_rate: None }))),
        "bad_header"
    );
}
