//! Stories out of seeds: what is likely, and how likely it is.

use crate::random::Random;
use crate::scenes::scene;
use crate::seeded_chain::add_chain;
use crate::seeded_guards::add_guards;
use crate::seeded_trust;
use crate::setup::{Kind, Rules, Setup};
use crate::story::{Act, Action, Decision, DiskFault, Lives, Op, Special, Story, Wakes};
use bandex_types::Side;

/// One second, in microseconds.
pub(crate) const SECOND: u64 = 1_000_000;
/// How many stories of a hundred have limits that are earned.
const WITH_TRUST: u8 = 40;
/// The price in ticks that all orders lie around.
pub(crate) const MIDDLE: u64 = 100;

impl Story {
    /// The story of a seed: always the same.
    pub fn from_seed(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let setup = setup(&mut random);
        let length = random.between(170, 320);
        let mut actions: Vec<Action> = (0..length).map(|_| action(&mut random, &setup)).collect();
        for _ in 0..random.between(2, 4) {
            let at = usize::try_from(random.below(length)).unwrap_or(0);
            actions.splice(at..at, scene(&mut random, &setup));
        }
        // Whatever else happens, the node dies once, somewhere in the middle.
        let at = usize::try_from(random.between(20, length.saturating_sub(10))).unwrap_or(20);
        let crash = Action::CrashNode { written: random.percent(50) };
        actions.splice(at..at, [crash]);
        let back = at.saturating_add(usize::try_from(random.between(1, 6)).unwrap_or(1));
        actions.insert(back.min(actions.len()), Action::Start);
        let mut story = Self { seed, setup, actions };
        add_chain(&mut story);
        add_guards(&mut story);
        story
    }
}

fn setup(random: &mut Random) -> Setup {
    let mut clients = vec![Kind::Maker, Kind::Taker];
    let trust = random.percent(WITH_TRUST).then(|| seeded_trust::trust(random));
    for _ in 0..random.between(1, 4) {
        let kinds = if trust.is_some() && random.percent(60) { &Kind::TRUST[..] } else { &Kind::PLAIN[..] };
        clients.push(random.pick(kinds, Kind::Maker));
    }
    let pay_us = random.between(20, 120) * SECOND;
    Setup {
        clients,
        late: random.pick(&[0, 0, 1, 2], 0),
        markets: random.small(1, 3),
        lot_units: random.pick(&[1, 7, 10, 1_000], 10),
        tick_den: random.pick(&[1, 2, 3, 10], 2),
        least_tranche: random.pick(&[40, 100, 300], 100),
        pay_us,
        acknowledge_us: random.between(20, 120) * SECOND,
        proposal_us: random.between(30, 300) * SECOND,
        dust: random.pick(&[300, 1_000, 4_000], 1_000),
        share_ppm: random.pick(&[250_000, 500_000, 1_000_000], 250_000),
        bid_multiple: random.pick(&[2, 10, 1_000], 1_000),
        issued: random.pick(&[50, 5_000, 100_000], 5_000),
        batch_max: random.pick(&[1, 4, 16, 200], 16),
        queue_max: random.pick(&[2, 8, 200, 200], 200),
        loss_percent: random.pick(&[0, 2, 10, 20, 30], 10),
        doubling_percent: random.pick(&[0, 5, 20, 50], 5),
        reordering: random.percent(60),
        rules: rules(random),
        trust,
        chain: None,
    }
}

fn rules(random: &mut Random) -> Rules {
    Rules {
        band_ppm: random.pick(&[0, 0, 0, 30_000, 50_000], 0),
        halt_us: random.pick(&[0, 1, 1, 5, 5, 30], 5) * SECOND,
        auction_us: random.pick(&[0, 1, 5, 5, 20], 5) * SECOND,
        most_orders: random.pick(&[0, 0, 3, 8], 0),
    }
}

fn action(random: &mut Random, setup: &Setup) -> Action {
    let client = random.small(0, u8::try_from(setup.clients.len()).unwrap_or(u8::MAX).saturating_sub(1));
    if setup.trust.is_some() && random.percent(3) {
        return Action::Score;
    }
    match random.below(1_000) {
        0..280 => Action::Act { client, act: act(random, setup, client) },
        280..320 if setup.trust.is_some() && random.percent(35) => {
            Action::Decide { decision: seeded_trust::decision(random, client) }
        }
        280..320 => Action::Decide { decision: decision(random, client) },
        320..500 => Action::Deliver { count: random.small(1, 14), salt: random.next() },
        500..660 => Action::Work { old: random.percent(8) },
        660..770 => Action::Settle { client },
        770..850 => Action::Retry { client },
        850..900 => Action::Pass { us: passing(random, setup) },
        900..906 => Action::PassToDeadline,
        906..920 => Action::Jump { skew_us: skew(random) },
        920..926 => Action::CrashNode { written: random.percent(50) },
        926..950 => Action::Start,
        950..956 => Action::TakeOver,
        956..966 => Action::CrashClient { client },
        966..976 => Action::CrashAgent { client },
        _ => Action::Disk { fault: disk_fault(random) },
    }
}

fn passing(random: &mut Random, setup: &Setup) -> u64 {
    match random.below(20) {
        0..12 => random.between(1, SECOND),
        12..19 => random.between(1, setup.pay_us / 4),
        _ => random.between(1, 4 * setup.pay_us),
    }
}

fn skew(random: &mut Random) -> i64 {
    let far = random.pick(&[1, 30, 600], 1) * SECOND;
    let skew = i64::try_from(random.between(0, far)).unwrap_or(0);
    match random.below(3) {
        0 => 0,
        1 => skew,
        _ => -skew,
    }
}

fn disk_fault(random: &mut Random) -> DiskFault {
    match random.below(10) {
        0 => DiskFault::Fail,
        1 => DiskFault::UnknownLost,
        2 => DiskFault::UnknownKept,
        3 => DiskFault::Torn,
        _ => DiskFault::Slow,
    }
}

fn act(random: &mut Random, setup: &Setup, client: u8) -> Act {
    let kind = setup.clients.get(usize::from(client)).copied().unwrap_or(Kind::Maker);
    if !kind.is_honest() && random.percent(30) {
        return Act::Misbehave { how: random.next() };
    }
    let key = random.small(0, 3);
    if setup.trust.is_some() && random.percent(30) {
        return seeded_trust::act(random, key);
    }
    match random.below(100) {
        0..4 => Act::Grant {
            scopes: random.small(1, 7),
            market: random.percent(30).then(|| random.small(0, 2)),
            largest: random.percent(30).then(|| random.between(100, 2_000)),
            lasts_us: random.percent(30).then(|| random.between(1, 300 * SECOND)),
        },
        4..6 => Act::Revoke { key },
        6..8 => Act::Rotate,
        8..9 => Act::Heal { key },
        9..15 => Act::Transfer {
            key,
            to: random.small(0, 7),
            amount: random.between(1, 2_000),
            lasts_us: random.percent(20).then(|| random.between(1, 10 * SECOND)),
        },
        15..22 => Act::Bandwidth {
            key,
            to: random.small(0, 7),
            tokens: random.between(0, 500),
            pays: random.percent(50),
            on_credit: setup.trust.is_some() && random.percent(60),
        },
        _ => {
            let count = random.pick(&[1, 1, 1, 2, 4], 1);
            let scored = setup.trust.is_some();
            let operations = (0..count).map(|_| operation(random, kind, scored)).collect();
            Act::Orders { key, operations }
        }
    }
}

fn operation(random: &mut Random, kind: Kind, scored: bool) -> Op {
    let market = random.pick(&[0, 0, 0, 1, 2], 0);
    let makes = matches!(kind, Kind::Maker | Kind::Bot);
    match random.below(100) {
        0..9 => Op::Cancel { order: random.small(0, 20) },
        9..11 => Op::CancelNamed { market, name: random.small(0, 3) },
        11..21 => Op::Amend {
            order: random.small(0, 12),
            ticks: random.pick(&[0, 0, 0, 1, -1, 2, -3, 6, -6], 0),
            lots: random.pick(&[0, -1, -2, -5, -20, 1, 4, 9], 0),
        },
        21..23 => Op::CancelAll {
            market: random.percent(60).then_some(market),
            side: random.percent(40).then(|| side(random)),
        },
        23..25 => Op::Protect {
            market,
            most: random
                .percent(80)
                .then(|| (random.between(0, 12), random.pick(&[5, 60, 600], 60) * SECOND)),
        },
        25..33 if makes => quote(random, market),
        25..26 => quote(random, market),
        _ => {
            let rests = makes || random.percent(20);
            place(random, market, rests, scored)
        }
    }
}

pub(crate) fn side(random: &mut Random) -> Side {
    if random.percent(50) { Side::Buy } else { Side::Sell }
}

/// Quotes about the middle; now and then they cross, or one is over nothing.
fn quote(random: &mut Random, market: u8) -> Op {
    let mut quotes = |up: bool| -> Vec<(u64, u64)> {
        let count = random.pick(&[0, 1, 1, 2, 3], 1);
        let one = |_| {
            let away = random.below(7).saturating_sub(1);
            let price = if up { MIDDLE.saturating_add(away) } else { MIDDLE.saturating_sub(away) };
            (price, if random.percent(2) { 0 } else { random.between(1, 10) })
        };
        (0..count).map(one).collect()
    };
    let (bids, asks) = (quotes(false), quotes(true));
    Op::Quote { market, slide: random.percent(50), bids, asks }
}

fn place(random: &mut Random, market: u8, resting: bool, scored: bool) -> Op {
    let side = side(random);
    // A maker quotes away from the middle, a taker reaches across it.
    let away = random.below(6);
    let down = (side == Side::Buy) == resting;
    let price = if down { MIDDLE.saturating_sub(away) } else { MIDDLE.saturating_add(away) };
    let lives = match random.below(20) {
        0..2 => Lives::Gtd,
        2 => Lives::Fok,
        3..7 if !resting => Lives::Ioc,
        _ => Lives::Gtc,
    };
    let quantity = if random.percent(1) { 0 } else { random.between(1, 16) };
    let post_only = resting && random.percent(20);
    let special = special(random, quantity, post_only);
    let at_market = special.market && !random.percent(3);
    Op::Place {
        market,
        side,
        price: if random.percent(1) { 0 } else { price },
        quantity: if special.quote_quantity.is_some() && !random.percent(3) { 0 } else { quantity },
        lives: match lives {
            Lives::Gtc | Lives::Gtd if at_market => Lives::Ioc,
            Lives::Fok if special.quote_quantity.is_some() => Lives::Ioc,
            lives => lives,
        },
        post_only,
        self_trade: if random.percent(25) { random.small(1, 3) } else { 0 },
        own_cap: random.percent(20).then(|| random.between(0, 400)),
        least_score: (scored && random.percent(4)).then(|| random.pick(&[0, 1_000, 100_000], 0)),
        name: random.percent(20).then(|| random.small(0, 3)),
        special,
    }
}

/// What few orders have; seldom what does not go together.
fn special(random: &mut Random, quantity: u64, post_only: bool) -> Special {
    let mut special = Special { slide: random.percent(50), ..Special::default() };
    if !post_only || random.percent(5) {
        match random.below(100) {
            0..6 => special.market = true,
            6..12 => {
                special.market = random.percent(95);
                special.quote_quantity = Some(random.between(0, 3_000));
            }
            12..20 => special.minimum = Some(random.between(1, quantity.max(1))),
            _ => {}
        }
    }
    if random.percent(15) && !special.market {
        special.display = Some(random.between(1, quantity.div_euclid(2).saturating_add(1)));
    }
    if random.percent(14) {
        let wakes = if random.percent(60) { Wakes::StopLoss } else { Wakes::TakeProfit };
        let away = random.below(7);
        let up = random.percent(50);
        let price = if up { MIDDLE.saturating_add(away) } else { MIDDLE.saturating_sub(away) };
        special.trigger = Some((wakes, price));
    }
    if random.percent(50) {
        special.lasts_us = Some(random.pick(&[0, 10, 60, 60, 600], 60) * SECOND);
    }
    special
}

fn decision(random: &mut Random, client: u8) -> Decision {
    match random.below(26) {
        0 => Decision::ListMarket { market: random.small(0, 2) },
        // The first market is where most happens.
        20..24 | 1..3 => Decision::SetState {
            market: random.pick(&[0, 0, 1, 2], 0),
            state: random.pick(&[0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 3], 0),
        },
        24..26 => Decision::SetRules { market: random.small(0, 2), rules: rules(random) },
        3..9 => Decision::SetLimit {
            client,
            limit: random.percent(80).then(|| random.pick(&[0, 200, 1_000, 5_000, 50_000], 1_000)),
        },
        9..12 => Decision::SetCreditLine { client, line: random.pick(&[0, 100, 1_000], 0) },
        12..14 => Decision::SetFrozen { client, frozen: random.percent(40) },
        14..16 => Decision::SetParameters {
            dust: random.pick(&[300, 1_000, 4_000], 1_000),
            share_ppm: random.pick(&[250_000, 500_000, 1_000_000], 250_000),
        },
        _ => Decision::Issue { client, amount: random.between(1, 20_000) },
    }
}
