//! The simulator at work: a short form of what `bandex simulate` does at length, and that a failing story is made short
//! and happens again.

use bandex_simulator::{
    Act, Action, DiskFault, Kind, Lives, Op, Rules, Setup, Special, Stats, Story, Trust, run, shrink,
};
use bandex_tradechain::body::{Fees, TrustTerms};
use bandex_types::{Amount, Side};
use std::time::{Duration, Instant};

/// How many seeds are run, unless time is up before.
const SEEDS: u64 = 300;
/// How long they may take; at least a third of them are run, however slow the machine.
const TIME: Duration = Duration::from_secs(8);

/// How often everything that is counted happens at least.
const OFTEN: u64 = 3;

#[test]
fn seeds_run_clean() {
    let (begun, mut stats, mut runs) = (Instant::now(), Stats::default(), 0_u64);
    // Other seeds than those that people try first.
    for seed in 1_000_000..1_000_000 + SEEDS {
        if runs >= SEEDS / 3 && begun.elapsed() > TIME {
            break;
        }
        match run(&Story::from_seed(seed)) {
            Ok(one) => stats.add(&one),
            Err(failure) => panic!("seed {seed}: {failure}"),
        }
        runs += 1;
    }
    // Every part of the world had its turn.
    assert!(stats.node_crashes >= runs, "a crash in every run: {stats:?}");
    for (name, count) in stats.figures() {
        assert!(count >= OFTEN, "{count} {name} in {runs} runs");
    }
}

#[test]
fn a_story_always_ends_the_same_way() {
    for seed in [3, 4, 5] {
        let story = Story::from_seed(seed);
        assert_eq!(story, Story::from_seed(seed));
        let text = serde_json::to_string(&story).unwrap();
        assert_eq!(serde_json::from_str::<Story>(&text).unwrap(), story);
        assert_eq!(run(&story), run(&story), "seed {seed}");
    }
    assert_ne!(Story::from_seed(3).actions, Story::from_seed(4).actions);
}

/// A world without faults.
fn plain(clients: Vec<Kind>) -> Setup {
    Setup {
        clients,
        loss_percent: 0,
        doubling_percent: 0,
        reordering: false,
        late: 0,
        rules: Rules::default(),
        trust: None,
        chain: None,
        ..Story::from_seed(1).setup
    }
}

fn place(client: u8, side: Side, lives: Lives) -> Action {
    place_at(client, side, 100, lives)
}

fn place_at(client: u8, side: Side, price: u64, lives: Lives) -> Action {
    let op = Op::Place {
        market: 0,
        side,
        price,
        quantity: 10,
        lives,
        post_only: false,
        self_trade: 0,
        own_cap: None,
        least_score: None,
        name: None,
        special: Special::default(),
    };
    Action::Act { client, act: Act::Orders { key: 0, operations: vec![op] } }
}

fn arrive() -> [Action; 2] {
    [Action::Deliver { count: 100, salt: 0 }, Action::Work { old: false }]
}

/// Two clients trade, with what goes wrong in between.
fn trade(kinds: [Kind; 2], between: &[Action]) -> Story {
    let mut actions = vec![place(0, Side::Sell, Lives::Gtc)];
    actions.extend(arrive());
    actions.extend_from_slice(between);
    actions.push(place(1, Side::Buy, Lives::Gtc));
    actions.extend(arrive());
    let setup = Setup {
        markets: 1,
        lot_units: 10,
        tick_den: 1,
        least_tranche: 100,
        dust: 4_000,
        share_ppm: 250_000,
        bid_multiple: 1_000,
        issued: 5_000,
        batch_max: 16,
        queue_max: 200,
        ..plain(kinds.to_vec())
    };
    Story { seed: 9, setup, actions }
}

#[test]
fn deals_end_as_their_sides_are() {
    let check = |kinds: [Kind; 2], between: &[Action], ends: [u64; 3]| {
        let stats = run(&trade(kinds, between)).unwrap();
        assert_eq!(stats.deals, 1, "{kinds:?}");
        assert_eq!([stats.settled, stats.defaulted, stats.disputed], ends, "{kinds:?} {between:?}");
    };
    let (settled, defaulted, disputed) = ([1, 0, 0], [0, 1, 0], [0, 0, 1]);
    check([Kind::Maker, Kind::Taker], &[], settled);
    check([Kind::Bot, Kind::Bot], &[], settled);
    check([Kind::Maker, Kind::NonPayer], &[], defaulted);
    check([Kind::Maker, Kind::WrongPayer], &[], defaulted);
    check([Kind::Maker, Kind::Liar], &[], disputed);
    check([Kind::NonAcknowledger, Kind::Taker], &[], disputed);
    for fault in
        [DiskFault::Fail, DiskFault::UnknownLost, DiskFault::UnknownKept, DiskFault::Torn, DiskFault::Slow]
    {
        let crash = [Action::Disk { fault }, place(0, Side::Sell, Lives::Ioc)];
        let mut between = crash.to_vec();
        between.extend(arrive());
        between.push(Action::Start);
        check([Kind::Maker, Kind::Taker], &between, settled);
    }
}

/// A world in which limits are earned, with two honest makers and one that is not.
fn earning(kind: Kind) -> Setup {
    let terms = TrustTerms {
        epoch_us: 20_000_000,
        largest_limit: Amount::new(100_000),
        loss_budget: Amount::new(100_000),
        ..TrustTerms::default()
    };
    let fees = Fees { maker_ppm: 1_000, taker_ppm: 20_000 };
    let trust = Trust { terms, rate: Some((1, 1)), fees, seeds: 2 };
    let (proposal_us, pay_us, acknowledge_us) = (300_000_000, 20_000_000, 20_000_000);
    let setup = trade([kind, kind], &[]).setup;
    let clients = vec![Kind::Maker, Kind::Maker, kind];
    Setup { clients, trust: Some(trust), proposal_us, pay_us, acknowledge_us, issued: 50_000, ..setup }
}

/// Honest makers rest on both sides, somebody goes on with its scheme, and everybody settles.
fn scheme(kind: Kind) -> Story {
    let mut actions = Vec::new();
    for turn in 0..12_u64 {
        let maker = u8::from(turn % 3 == 0);
        actions.push(place_at(maker, Side::Sell, 101, Lives::Gtc));
        actions.push(place_at(maker, Side::Buy, 99, Lives::Gtc));
        actions.extend(arrive());
        actions.push(Action::Act { client: 2, act: Act::Misbehave { how: turn | 402 << 16 } });
        for _ in 0..4 {
            actions.extend(arrive());
            actions.extend((0..3).map(|client| Action::Retry { client }));
            actions.extend((0..3).map(|client| Action::Settle { client }));
        }
        actions.extend([Action::Pass { us: 4_000_000 }, Action::Score]);
    }
    Story { seed: 77, setup: earning(kind), actions }
}

#[test]
fn schemes_are_carried_out_and_do_not_pay() {
    let check = |kind: Kind, count: fn(&Stats) -> u64| {
        let story = scheme(kind);
        let stats = run(&story).unwrap_or_else(|failure| panic!("{kind:?}: {failure}"));
        assert!(count(&stats) > 0, "{kind:?}: {stats:?}");
        assert!(stats.deals > 0 && stats.epochs > 0 && stats.scores > 0, "{kind:?}: {stats:?}");
    };
    check(Kind::CycleFeeder, |stats| stats.accounts_added);
    check(Kind::SerialFeeder, |stats| stats.accounts_added);
    check(Kind::ParallelFeeder, |stats| stats.accounts_added);
    check(Kind::Colluder, |stats| stats.accounts_added);
    check(Kind::Whitewasher, |stats| stats.accounts_added.min(stats.defaulted.saturating_sub(1)));
    check(Kind::BustOut, |stats| stats.settled.min(stats.defaulted));
    check(Kind::WashTrader, |stats| stats.settled.min(stats.deal_fees));
    check(Kind::FalseClaimant, |stats| stats.written_off);
    check(Kind::BondRunner, |stats| stats.slashed.min(stats.unbonded));
    check(Kind::Griefer, |stats| stats.written_off);
    check(Kind::Netter, |stats| stats.netted);
}

#[test]
fn a_planted_failure_is_made_short_and_happens_again() {
    let mut story = Story::from_seed(12);
    run(&story).expect("without the plant it is clean");
    let middle = story.actions.len() / 2;
    story.actions.insert(middle, Action::Disk { fault: DiskFault::Decay });
    let failure = run(&story).expect_err("a damaged record");
    let shrunk = shrink(&story, &failure);
    assert_eq!(shrunk.failure.invariant, failure.invariant, "{failure}");
    assert!(shrunk.story.actions.len() <= 3, "{}", shrunk.story);
    assert!(shrunk.story.to_string().contains("the last committed record is damaged"));
    assert_eq!(run(&shrunk.story), Err(shrunk.failure.clone()), "it fails the same way again");
    let text = serde_json::to_string(&shrunk.story).unwrap();
    let read: Story = serde_json::from_str(&text).unwrap();
    assert_eq!(run(&read), Err(shrunk.failure), "the file tells the same story");
    // In words, the world and the end have a line each, and every action.
    assert_eq!(shrunk.story.to_string().lines().count(), shrunk.story.actions.len() + 2);
}

#[test]
fn every_list_of_actions_is_a_story() {
    // A world with nobody in it, numbers far out, and parts left out of a good story.
    let story = Story::from_seed(20);
    let nobody = Story { setup: plain(Vec::new()), ..story.clone() };
    run(&nobody).unwrap();
    let far = Action::Act {
        client: 255,
        act: Act::Grant { scopes: 255, market: Some(255), largest: None, lasts_us: Some(0) },
    };
    let extremes = Setup {
        batch_max: 0,
        queue_max: 0,
        lot_units: 0,
        tick_den: 0,
        share_ppm: u32::MAX,
        ..plain(vec![Kind::Maker])
    };
    run(&Story { seed: 1, setup: extremes, actions: vec![far, Action::Jump { skew_us: i64::MIN }] }).unwrap();
    for part in 0..4 {
        let actions = story.actions.iter().enumerate().filter(|(index, _)| index % 4 != part);
        let actions = actions.map(|(_, action)| action.clone()).collect();
        run(&Story { actions, ..story.clone() }).unwrap();
    }
}

#[test]
fn a_story_without_what_was_added_later_is_read() {
    let text = serde_json::to_string(&trade([Kind::Maker, Kind::Taker], &[])).unwrap();
    let mut told: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert!(told["setup"].as_object_mut().unwrap().remove("rules").is_some());
    let placed = &mut told["actions"][0]["act"]["operations"][0];
    assert!(placed.as_object_mut().unwrap().remove("special").is_some());
    let read: Story = serde_json::from_value(told).unwrap();
    assert_eq!(serde_json::to_string(&read).unwrap(), text);
}
