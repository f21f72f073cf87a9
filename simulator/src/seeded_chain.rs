//! What of the Bitcoin chain stories out of seeds have in them. It is drawn apart from all else, so that a story without a
//! chain is what it was before there were chains.

use crate::from_seed::{MIDDLE, SECOND};
use crate::random::Random;
use crate::setup::{Kind, OnChain};
use crate::story::{Act, Action, Decision, Lives, Op, Special, Story};
use crate::world::ON_CHAIN;
use bandex_types::Side;

/// How many stories of a hundred have a market that is paid on the chain.
const WITH_CHAIN: u8 = 40;
/// What makes the numbers drawn here others than those of the rest of the story.
const APART: u64 = 0x6269_7463_6f69_6e21;

/// Adds a chain to a story, or not.
pub(crate) fn add_chain(story: &mut Story) {
    let mut random = Random::new(story.seed ^ APART);
    if !random.percent(WITH_CHAIN) {
        return;
    }
    let (confirmations, further) = random.pick(&[(1, 1), (1, 2), (2, 2), (2, 4), (3, 0)], (2, 4));
    let chain = OnChain {
        confirmations,
        final_confirmations: confirmations + further,
        fee_share_ppm: random.pick(&[20_000, 200_000, 1_000_000], 20_000),
        pay_us: random.between(60, 900) * SECOND,
        name_us: random.between(40, 300) * SECOND,
    };
    story.setup.chain = Some(chain);
    for _ in 0..random.between(1, 3) {
        let kind = match random.below(10) {
            0..3 => random.pick(&[Kind::Maker, Kind::Taker], Kind::Maker),
            3..7 => Kind::DoubleSpender,
            _ => random.pick(&Kind::CHAIN, Kind::LatePayer),
        };
        story.setup.clients.push(kind);
    }
    // What takes so many steps as a payment would seldom come to its end in the worst of worlds.
    let setup = &mut story.setup;
    (setup.batch_max, setup.queue_max) = (setup.batch_max.max(16), setup.queue_max.max(8));
    setup.loss_percent = setup.loss_percent.min(10);
    let clients = u8::try_from(setup.clients.len()).unwrap_or(u8::MAX);
    let length = story.actions.len() as u64;
    let place = |random: &mut Random, actions: &mut Vec<Action>, new: Vec<Action>| {
        let at = usize::try_from(random.below((actions.len() as u64).saturating_add(1))).unwrap_or(0);
        actions.splice(at..at, new);
    };
    for _ in 0..length.div_euclid(3) {
        let action = action(&mut random, &chain, clients);
        place(&mut random, &mut story.actions, vec![action]);
    }
    for _ in 0..random.between(4, 8) {
        let scene = scene(&mut random, &chain, &story.setup.clients);
        place(&mut random, &mut story.actions, scene);
    }
}

fn action(random: &mut Random, chain: &OnChain, clients: u8) -> Action {
    match random.below(100) {
        0..38 => Action::Mine { empty: random.percent(15), replaced: random.percent(15) },
        38..74 => Action::Follow { behind: random.pick(&[0, 0, 0, 1, 2, 6], 0) },
        74..80 => reorganise(random, chain),
        80..84 => Action::Fees { rate: random.pick(&[0, 40, 150, 900, 4_000], 0) },
        _ => {
            let client = random.small(0, clients.saturating_sub(1));
            let (side, up) = if random.percent(50) { (Side::Buy, true) } else { (Side::Sell, false) };
            order(random, client, side, up)
        }
    }
}

/// Mostly of blocks that nothing final is in.
fn reorganise(random: &mut Random, chain: &OnChain) -> Action {
    let last = u8::try_from(chain.final_confirmations).unwrap_or(u8::MAX);
    let depth = if random.percent(4) {
        random.small(last, last.saturating_add(2))
    } else {
        random.small(1, last.saturating_sub(1).max(1)).min(last.saturating_sub(1))
    };
    Action::Reorganise { depth, later: random.percent(40), replaced: random.percent(50) }
}

/// A plain order on the chain's market, somewhere about the middle; `up`: at a price that is reached sooner.
fn order(random: &mut Random, client: u8, side: Side, up: bool) -> Action {
    let away = random.below(5);
    let price = if up { MIDDLE.saturating_add(away) } else { MIDDLE.saturating_sub(away) };
    let special = Special { display: random.percent(6).then(|| random.between(1, 6)), ..Special::default() };
    let op = Op::Place {
        market: ON_CHAIN,
        side,
        price,
        quantity: random.between(1, 16),
        lives: if random.percent(12) { Lives::Ioc } else { Lives::Gtc },
        post_only: false,
        self_trade: random.small(0, 3),
        own_cap: random.percent(12).then(|| random.between(0, 400)),
        least_score: None,
        name: None,
        special,
    };
    Action::Act { client, act: Act::Orders { key: random.small(0, 3), operations: vec![op] } }
}

fn arrive(random: &mut Random, actions: &mut Vec<Action>) {
    for _ in 0..3 {
        actions.push(Action::Deliver { count: 150, salt: random.next() });
        actions.push(Action::Work { old: false });
    }
}

/// The node looks, and has time for what it sees.
fn look(behind: u8, actions: &mut Vec<Action>) {
    actions.push(Action::Follow { behind });
    actions.extend([(); 3].map(|()| Action::Work { old: false }));
}

/// Two clients trade on the chain, and what they owe each other goes its way for a while.
fn scene(random: &mut Random, chain: &OnChain, kinds: &[Kind]) -> Vec<Action> {
    let mut actions = Vec::new();
    let clients = u8::try_from(kinds.len()).unwrap_or(u8::MAX);
    let spender = kinds.iter().position(|kind| *kind == Kind::DoubleSpender);
    let steals = random.percent(if spender.is_some() { 75 } else { 30 });
    let seller = random.small(0, clients.saturating_sub(1));
    // Those who were added for the chain come last.
    let least = if random.percent(50) { clients.saturating_sub(2) } else { 0 };
    let buyer = random.small(least, clients.saturating_sub(1));
    let buyer = spender.filter(|_| steals).and_then(|spender| u8::try_from(spender).ok()).unwrap_or(buyer);
    for (client, chance) in [(seller, 85), (buyer, if steals { 100 } else { 60 })] {
        if random.percent(chance) {
            let limit = Some(random.pick(&[400, 2_000, 50_000], 2_000));
            actions.push(Action::Decide { decision: Decision::SetLimit { client, limit } });
        }
    }
    actions.push(Action::Work { old: false });
    actions.push(order(random, seller, Side::Sell, false));
    arrive(random, &mut actions);
    for _ in 0..random.between(1, 2) {
        actions.push(order(random, buyer, Side::Buy, true));
    }
    arrive(random, &mut actions);
    for round in 0..random.between(2, 9) {
        for client in [seller, buyer] {
            actions.push(Action::Retry { client });
            arrive(random, &mut actions);
            actions.push(Action::Settle { client });
        }
        arrive(random, &mut actions);
        let deepest = u8::try_from(chain.final_confirmations).unwrap_or(u8::MAX).saturating_sub(1);
        let paid = u8::try_from(chain.confirmations).unwrap_or(u8::MAX);
        let mined =
            if steals { random.small(paid, paid.saturating_add(1)).min(deepest) } else { random.small(1, 3) };
        for _ in 0..mined {
            actions.push(Action::Mine { empty: false, replaced: random.percent(10) });
        }
        look(random.pick(&[0, 0, 0, 1], 0), &mut actions);
        if steals && round > 0 {
            let (depth, later) = (mined.min(deepest), random.percent(40));
            actions.push(Action::Reorganise { depth, later, replaced: random.percent(85) });
            look(0, &mut actions);
        }
        match random.below(12) {
            0 => actions.push(Action::CrashNode { written: random.percent(50) }),
            1..4 => actions.push(Action::Pass { us: random.between(1, 30 * SECOND) }),
            4 => actions.push(Action::Pass { us: chain.pay_us }),
            _ => {}
        }
        actions.push(Action::Start);
    }
    if steals {
        actions.push(Action::Pass { us: chain.pay_us });
        actions.push(Action::Work { old: false });
    }
    actions
}
