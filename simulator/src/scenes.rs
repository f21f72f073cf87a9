//! Scenes: what chance alone brings together too seldom.

use crate::from_seed::{MIDDLE, SECOND, side};
use crate::random::Random;
use crate::setup::Setup;
use crate::story::{Act, Action, Decision, Lives, Op, Special, Wakes};
use bandex_tradechain::body::{Admission, TrustTerms};
use bandex_types::Side;

/// On one market: orders that gather and are matched, orders that wake each other, or quotes that are protected and hit;
/// and where limits are earned, deals that are netted, defaults and disputes with all that may follow, ends of epochs.
pub(crate) fn scene(random: &mut Random, setup: &Setup) -> Vec<Action> {
    let market = random.small(0, setup.markets.saturating_sub(1));
    let mut actions = Vec::new();
    if setup.trust.is_some() && random.percent(60) {
        match random.below(9) {
            0..2 => netting_scene(random, setup, &mut actions),
            2..4 => default_scene(random, setup, &mut actions),
            4..6 => dispute_scene(random, setup, &mut actions),
            6 => closing_scene(random, setup, &mut actions),
            _ => epoch_scene(random, &mut actions),
        }
        return actions;
    }
    match random.below(5) {
        0..2 => auction_scene(random, setup, market, &mut actions),
        2..4 => cascade_scene(random, setup, market, &mut actions),
        _ => quote_scene(random, setup, market, &mut actions),
    }
    arrive(random, &mut actions);
    actions
}

fn arrive(random: &mut Random, actions: &mut Vec<Action>) {
    for _ in 0..3 {
        actions.push(Action::Deliver { count: 30, salt: random.next() });
        actions.push(Action::Work { old: false });
    }
    // The more so if something waits: a market in auction, or orders that sleep.
    if random.percent(20) {
        actions.push(Action::CrashNode { written: random.percent(50) });
        actions.push(Action::Start);
    }
}

fn somebody(random: &mut Random, setup: &Setup) -> u8 {
    random.small(0, u8::try_from(setup.clients.len()).unwrap_or(u8::MAX).saturating_sub(1))
}

fn order(client: u8, operation: Op) -> Action {
    Action::Act { client, act: Act::Orders { key: 0, operations: vec![operation] } }
}

/// A plain order on one side at a price.
fn plain(random: &mut Random, market: u8, side: Side, price: u64) -> Op {
    Op::Place {
        market,
        side,
        price,
        quantity: random.between(1, 9),
        lives: Lives::Gtc,
        post_only: false,
        self_trade: random.small(0, 3),
        own_cap: None,
        least_score: None,
        name: None,
        special: Special::default(),
    }
}

fn auction_scene(random: &mut Random, setup: &Setup, market: u8, actions: &mut Vec<Action>) {
    actions.push(Action::Decide { decision: Decision::SetState { market, state: 3 } });
    actions.push(Action::Work { old: false });
    for _ in 0..random.between(6, 14) {
        let (side, price) = (side(random), MIDDLE.saturating_sub(4).saturating_add(random.below(9)));
        let mut placed = plain(random, market, side, price);
        if let Op::Place { lives, quantity, special, .. } = &mut placed {
            match random.below(6) {
                0 => (*lives, special.market) = (Lives::Ioc, true),
                1 => special.display = Some(random.between(1, *quantity)),
                _ => {}
            }
        }
        actions.push(order(somebody(random, setup), placed));
    }
    actions.push(Action::Deliver { count: 40, salt: random.next() });
    arrive(random, actions);
    actions.push(Action::Decide { decision: Decision::SetState { market, state: 0 } });
}

fn cascade_scene(random: &mut Random, setup: &Setup, market: u8, actions: &mut Vec<Action>) {
    let rising = random.percent(50);
    let (takes, makes) = if rising { (Side::Buy, Side::Sell) } else { (Side::Sell, Side::Buy) };
    let price = |step: u64| {
        if rising { MIDDLE.saturating_add(step) } else { MIDDLE.saturating_sub(step) }
    };
    actions.push(Action::Decide { decision: Decision::SetState { market, state: 0 } });
    for step in 1..=random.between(2, 5) {
        let mut sleeper = plain(random, market, takes, price(8));
        if let Op::Place { special, .. } = &mut sleeper {
            special.trigger = Some((Wakes::StopLoss, price(step)));
        }
        actions.push(order(somebody(random, setup), plain(random, market, makes, price(step))));
        actions.push(order(somebody(random, setup), sleeper));
    }
    arrive(random, actions);
    actions.push(order(somebody(random, setup), plain(random, market, takes, price(2))));
}

fn quote_scene(random: &mut Random, setup: &Setup, market: u8, actions: &mut Vec<Action>) {
    let maker = somebody(random, setup);
    let protection = (random.between(0, 6), 600 * SECOND);
    actions.push(Action::Decide { decision: Decision::SetState { market, state: 0 } });
    actions.push(order(maker, Op::Protect { market, most: Some(protection) }));
    let quotes = |random: &mut Random| {
        let mut lots = |price: u64| (price, random.between(1, 6));
        let bids = (1..4).map(|step| lots(MIDDLE.saturating_sub(step))).collect();
        let asks = (1..4).map(|step| lots(MIDDLE.saturating_add(step))).collect();
        Op::Quote { market, slide: true, bids, asks }
    };
    actions.push(order(maker, quotes(random)));
    arrive(random, actions);
    for _ in 0..random.between(1, 3) {
        let side = side(random);
        let price = if side == Side::Buy { MIDDLE.saturating_add(5) } else { MIDDLE.saturating_sub(5) };
        let mut hit = plain(random, market, side, price);
        if let Op::Place { quantity, .. } = &mut hit {
            *quantity = random.between(8, 20);
        }
        actions.push(order(somebody(random, setup), hit));
    }
    arrive(random, actions);
    actions.push(order(maker, quotes(random)));
}

/// Two trade with each other, one way and then the other, before anything moves.
fn netting_scene(random: &mut Random, setup: &Setup, actions: &mut Vec<Action>) {
    let market = random.small(0, setup.markets.saturating_sub(1));
    let (one, other) = (somebody(random, setup), somebody(random, setup));
    actions.push(Action::Decide { decision: Decision::SetState { market, state: 0 } });
    let forth = random.percent(50);
    for turn in 0..random.between(2, 4) {
        let (makes, takes) =
            if turn.is_multiple_of(2) == forth { (Side::Sell, Side::Buy) } else { (Side::Buy, Side::Sell) };
        let price = MIDDLE.saturating_sub(3).saturating_add(random.below(7));
        actions.push(order(one, plain(random, market, makes, price)));
        actions.push(order(other, plain(random, market, takes, price)));
        actions.push(Action::Deliver { count: 20, salt: random.next() });
        // In one record's time or in several, with a move between them or without.
        if random.percent(70) {
            actions.push(Action::Work { old: false });
        }
        if random.percent(20) {
            actions.push(Action::Settle { client: one });
        }
    }
    arrive(random, actions);
}

/// Somebody with a bond trades, and time passes until it has defaulted; then it may be made good.
fn default_scene(random: &mut Random, setup: &Setup, actions: &mut Vec<Action>) {
    let market = random.small(0, setup.markets.saturating_sub(1));
    let (one, other) = (somebody(random, setup), somebody(random, setup));
    actions.push(Action::Act { client: one, act: Act::Bond { key: 0, amount: random.between(1, 3_000) } });
    arrive(random, actions);
    let takes = side(random);
    actions.push(order(other, plain(random, market, takes.opposite(), MIDDLE)));
    actions.push(order(one, plain(random, market, takes, MIDDLE)));
    arrive(random, actions);
    if random.percent(60) {
        actions
            .push(Action::Act { client: one, act: Act::Unbond { key: 0, amount: random.between(1, 3_000) } });
    }
    for _ in 0..random.between(1, 4) {
        actions.push(Action::Settle { client: if random.percent(70) { other } else { one } });
        arrive(random, actions);
    }
    for _ in 0..random.below(4) {
        actions.push(Action::Pass { us: setup.pay_us });
        actions.push(Action::Work { old: false });
    }
    troubled(random, one, other, actions);
}

/// Somebody with a bond asks for it back while it trades; it pays, and maybe nobody acknowledges in time.
fn dispute_scene(random: &mut Random, setup: &Setup, actions: &mut Vec<Action>) {
    let market = random.small(0, setup.markets.saturating_sub(1));
    let (one, other) = (somebody(random, setup), somebody(random, setup));
    let (takes, amount) = (side(random), random.between(1, 900));
    actions.push(Action::Decide { decision: Decision::SetState { market, state: 0 } });
    actions.push(Action::Act { client: one, act: Act::Bond { key: 0, amount } });
    actions.push(order(other, plain(random, market, takes.opposite(), MIDDLE)));
    arrive(random, actions);
    actions.push(order(one, plain(random, market, takes, MIDDLE)));
    arrive(random, actions);
    actions.push(Action::Act { client: one, act: Act::Unbond { key: 0, amount } });
    for client in [one, other, one] {
        arrive(random, actions);
        actions.push(Action::Retry { client });
        arrive(random, actions);
        actions.push(Action::Settle { client });
    }
    arrive(random, actions);
    actions.push(Action::Pass { us: setup.acknowledge_us });
    actions.push(Action::Work { old: false });
    troubled(random, one, other, actions);
}

/// Two ways in which a deal that went wrong may go on.
fn troubled(random: &mut Random, one: u8, other: u8, actions: &mut Vec<Action>) {
    for _ in 0..2 {
        let (key, deal) = (0, random.small(0, 3));
        let client = if random.percent(50) { one } else { other };
        let act = match random.below(5) {
            0 => Act::WriteOff { key, deal },
            1..4 => Act::Resolve { key, deal, deliver: random.below(200) },
            _ => Act::Cure { deal },
        };
        actions.push(Action::Act { client, act });
        arrive(random, actions);
        actions.extend([one, other].map(|client| Action::Retry { client }));
        arrive(random, actions);
        actions.push(Action::Settle { client: one });
        actions.push(Action::Settle { client: other });
    }
    arrive(random, actions);
}

/// While orders rest, whoever has no certificate is let in no more; and then all are again.
fn closing_scene(random: &mut Random, setup: &Setup, actions: &mut Vec<Action>) {
    let market = random.small(0, setup.markets.saturating_sub(1));
    let Some(terms) = setup.trust.as_ref().map(|trust| trust.terms.clone()) else { return };
    for price in [2, 4] {
        let (low, high) = (MIDDLE.saturating_sub(price), MIDDLE.saturating_add(price));
        actions.push(order(somebody(random, setup), plain(random, market, Side::Buy, low)));
        actions.push(order(somebody(random, setup), plain(random, market, Side::Sell, high)));
    }
    for admission in [Admission::Certificate, Admission::Work] {
        arrive(random, actions);
        let terms = TrustTerms { admission, ..terms.clone() };
        actions.push(Action::Decide { decision: Decision::SetTrust { terms } });
    }
    actions.push(Action::Work { old: false });
}

/// An epoch ends, and its scores come at once, late, or after the node has died.
fn epoch_scene(random: &mut Random, actions: &mut Vec<Action>) {
    actions.push(Action::PassToDeadline);
    actions.push(Action::Work { old: false });
    actions.push(Action::Score);
    arrive(random, actions);
    actions.push(Action::Score);
    arrive(random, actions);
}
