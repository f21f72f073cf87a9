//! Deals that are paid on the Bitcoin chain, in stories told by hand: how they end by what their sides are like, and by what
//! happens to the chain.

use bandex_simulator::{
    Act, Action, Decision, Kind, Lives, OnChain, Op, Rules, Setup, Special, Stats, Story, run,
};
use bandex_types::Side;

const CHAIN: OnChain = OnChain {
    confirmations: 2,
    final_confirmations: 4,
    fee_share_ppm: 20_000,
    pay_us: 600_000_000,
    name_us: 100_000_000,
};

fn setup(clients: Vec<Kind>) -> Setup {
    Setup {
        clients,
        late: 0,
        markets: 1,
        lot_units: 10,
        tick_den: 1,
        least_tranche: 100,
        pay_us: 60_000_000,
        acknowledge_us: 60_000_000,
        dust: 4_000,
        share_ppm: 1_000_000,
        bid_multiple: 1_000,
        issued: 5_000,
        batch_max: 16,
        queue_max: 200,
        loss_percent: 0,
        doubling_percent: 0,
        reordering: false,
        rules: Rules::default(),
        trust: None,
        chain: Some(CHAIN),
        ..Story::from_seed(1).setup
    }
}

fn order(client: u8, side: Side, quantity: u64) -> Action {
    let operation = Op::Place {
        market: 3,
        side,
        price: 100,
        quantity,
        lives: Lives::Gtc,
        post_only: false,
        self_trade: 0,
        own_cap: None,
        least_score: None,
        name: None,
        special: Special::default(),
    };
    Action::Act { client, act: Act::Orders { key: 0, operations: vec![operation] } }
}

fn arrive() -> [Action; 2] {
    [Action::Deliver { count: 200, salt: 0 }, Action::Work { old: false }]
}

/// Everybody hears and answers, once for each of the two.
fn talk(actions: &mut Vec<Action>) {
    for _ in 0..3 {
        actions.extend(arrive());
        actions.extend([0, 1].map(|client| Action::Settle { client }));
        actions.extend(arrive());
    }
}

fn mine(actions: &mut Vec<Action>, blocks: usize, replaced: bool) {
    for _ in 0..blocks {
        actions.push(Action::Mine { empty: false, replaced });
        actions.extend([Action::Follow { behind: 0 }, Action::Work { old: false }]);
    }
    talk(actions);
}

/// The first sells the second ten lots for ten of the smallest payments, with what happens then.
fn story(kinds: [Kind; 2], lots: u64, then: &[Action]) -> Story {
    let mut actions: Vec<Action> = [0, 1].map(|client| Action::Retry { client }).to_vec();
    actions.extend(arrive());
    actions.push(order(0, Side::Sell, lots));
    actions.extend(arrive());
    actions.push(order(1, Side::Buy, lots));
    talk(&mut actions);
    actions.extend_from_slice(then);
    Story { seed: 21, setup: setup(kinds.to_vec()), actions }
}

fn told(kinds: [Kind; 2], then: &[Action]) -> Stats {
    run(&story(kinds, 10, then)).expect("every invariant holds")
}

#[test]
fn deals_on_the_chain_end_as_their_sides_are() {
    let check = |kinds: [Kind; 2], [settled, defaulted, lost]: [u64; 3]| {
        let stats = told(kinds, &[]);
        let found = [stats.chain_settled, stats.defaulted, stats.chain_lost];
        assert_eq!((stats.chain_deals, found), (1, [settled, defaulted, lost]), "{kinds:?}: {stats:?}");
    };
    let (fine, lapsed) = ([1, 0, 0], [0, 1, 0]);
    check([Kind::Maker, Kind::Taker], fine);
    check([Kind::Bot, Kind::Bot], fine);
    check([Kind::Reuser, Kind::Taker], fine);
    check([Kind::Maker, Kind::DoubleSpender], fine);
    check([Kind::Maker, Kind::DoublePayer], fine);
    check([Kind::Nameless, Kind::Taker], lapsed);
    for buyer in [Kind::NonPayer, Kind::Underpayer, Kind::WrongPayer, Kind::LatePayer, Kind::Liar] {
        check([Kind::Maker, buyer], lapsed);
    }
}

#[test]
fn who_pays_too_late_or_twice_is_told_so() {
    let late = told([Kind::Maker, Kind::LatePayer], &[]);
    assert!(late.late_payments > 0, "{late:?}");
    // A script that is named twice is a default of its payee: the buyer of the second deal loses nothing.
    let mut more = vec![order(0, Side::Sell, 8)];
    more.extend(arrive());
    more.push(order(1, Side::Buy, 8));
    let mut twice = story([Kind::Reuser, Kind::Taker], 10, &[]);
    twice.actions.extend(more);
    let stats = run(&twice).unwrap();
    assert_eq!((stats.chain_deals, stats.chain_settled, stats.defaulted), (2, 1, 1), "{stats:?}");
}

#[test]
fn reorganisations_are_survived_and_double_spends_cost_the_cap_at_most() {
    let reorganised = |blocks: usize, depth: u8, replaced: bool| {
        let mut then = Vec::new();
        mine(&mut then, blocks, false);
        then.push(Action::Reorganise { depth, later: false, replaced });
        then.extend([Action::Follow { behind: 0 }, Action::Work { old: false }, Action::Work { old: false }]);
        then
    };
    for (blocks, depth) in [(1, 1), (2, 2), (3, 3)] {
        let honest = told([Kind::Maker, Kind::Taker], &reorganised(blocks, depth, true));
        assert_eq!((honest.chain_settled, honest.chain_lost), (1, 0), "{honest:?}");
        assert!(honest.reversed > 0, "{blocks}: {honest:?}");
        let thief = told([Kind::Maker, Kind::DoubleSpender], &reorganised(blocks, depth, true));
        // Nothing is delivered for one confirmation; for two, as much as the seller lets the buyer owe.
        assert_eq!(
            (thief.chain_settled, thief.chain_lost),
            (0, u64::from(blocks > 1)),
            "{blocks}: {thief:?}"
        );
    }
    let deep = told([Kind::Maker, Kind::DoubleSpender], &reorganised(6, 6, true));
    assert_eq!((deep.chain_settled, deep.deep, deep.reversed), (1, 1, 0), "what is final stays so: {deep:?}");
}

#[test]
fn what_came_in_time_is_delivered_after_a_default_unless_it_leaves_the_chain() {
    let mut lapsed = Vec::new();
    mine(&mut lapsed, 1, false);
    lapsed.extend([Action::Pass { us: CHAIN.pay_us }, Action::Work { old: false }]);
    let stats = told([Kind::Maker, Kind::Underpayer], &lapsed);
    assert_eq!((stats.defaulted, stats.final_payments, stats.late_payments), (1, 1, 2), "{stats:?}");
    lapsed.push(Action::Reorganise { depth: 1, later: true, replaced: false });
    lapsed.extend([Action::Follow { behind: 0 }, Action::Work { old: false }]);
    let stats = told([Kind::Maker, Kind::Underpayer], &lapsed);
    assert_eq!((stats.defaulted, stats.final_payments, stats.reversed), (1, 1, 1), "{stats:?}");
}

#[test]
fn a_payment_that_is_made_twice_is_a_gift() {
    // Paid twice, a block apart: the deal is settled before the second payment is final.
    let mut twice = Vec::new();
    for _ in 0..2 {
        twice.push(Action::Mine { empty: false, replaced: false });
        talk(&mut twice);
    }
    for _ in 0..5 {
        twice.push(Action::Mine { empty: true, replaced: false });
        twice.extend([Action::Follow { behind: 0 }, Action::Work { old: false }]);
    }
    let stats = told([Kind::Maker, Kind::DoublePayer], &twice);
    assert_eq!((stats.chain_settled, stats.defaulted, stats.final_payments), (1, 0, 2), "{stats:?}");
}

#[test]
fn a_node_that_hears_late_or_dies_tells_all_in_the_end() {
    let mut then = Vec::new();
    mine(&mut then, 1, false);
    then.push(Action::CrashNode { written: false });
    then.push(Action::Mine { empty: false, replaced: false });
    then.push(Action::Start);
    for behind in [3, 2, 1] {
        then.extend([Action::Follow { behind }, Action::Work { old: false }]);
    }
    then.push(Action::TakeOver);
    let stats = told([Kind::Maker, Kind::Taker], &then);
    assert_eq!((stats.chain_settled, stats.defaulted, stats.lagging), (1, 0, 3), "{stats:?}");
}

#[test]
fn fees_keep_small_deals_off_the_chain() {
    let mut high = story([Kind::Maker, Kind::Taker], 10, &[]);
    let fees = [Action::Fees { rate: 4_000 }, Action::Follow { behind: 0 }, Action::Work { old: false }];
    high.actions.splice(0..0, fees);
    let stats = run(&high).unwrap();
    assert_eq!((stats.chain_deals, stats.below_tranche), (0, 2), "{stats:?}");
    let limit = Action::Decide { decision: Decision::SetLimit { client: 0, limit: Some(60) } };
    let mut poor = story([Kind::Maker, Kind::Taker], 10, &[]);
    poor.actions.splice(0..0, [limit, Action::Work { old: false }]);
    let stats = run(&poor).unwrap();
    assert_eq!(
        (stats.chain_deals, stats.below_tranche),
        (0, 1),
        "its limit lets nobody pay ahead: {stats:?}"
    );
}
