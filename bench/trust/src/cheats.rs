//! Everyone cheats: the recorded order flow runs through the engine, and every taker stops at a random tranche.
//!
//! Half of the accounts have posted a bond, the rest are strangers with the dust. A taker signs what is
//! due and acknowledges what it got until a move of its own, drawn at random, and nothing from then on. What its maker
//! is then left with is compared with what it would have lost had the same deal been settled in ten equal tranches, or
//! at once; in those the seller goes first, and whenever a buyer stops it owes for one tranche.

use crate::options::Options;
use crate::plot::{Plot, Scale};
use crate::report::{Goal, Report};
use crate::venue::{DEADLINE_US, Venue};
use anyhow::{Context, Result, ensure};
use bandex_engine::{DealState, Event};
use bandex_flow as flow;
use bandex_settlement::{Party, Sent, State, next_step};
use bandex_tradechain::body::{Change, TrustTerms};
use bandex_types::{AccountId, Amount, AssetId, DealId, Ratio, Side, Timestamp};
use serde::Serialize;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// So many that few takers meet twice: whoever has defaulted trades no more.
const TRADERS: u32 = 20_000;
/// The bond of every other trader, in bytes. Half of its value counts: a limit of 10,000,000 millisatoshi, more than the
/// largest deal of the flow is worth.
const BOND: Amount = Amount::new(510_725_230_000);
/// What tokens are worth: 39 satoshi a gigabyte, as in the recorded flow.
const RATE: (u64, u64) = (39_160, 1_000_000_000);
/// What the tranches at which the takers stop are drawn with.
const SEED: u64 = 1;
/// In how many equal tranches the first of the two other ways settles.
const EQUAL: u64 = 10;

/// What it cost.
#[derive(Debug, Clone, Default, Serialize)]
struct Figures {
    /// Deals that the flow opened.
    pub deals: u64,
    /// Their value, in millisatoshi.
    pub value: u64,
    /// With the band of caps, as the engine settles, before any bond pays.
    pub band: Losses,
    /// The same less what bonds of proven defaulters paid the victims.
    pub band_after_bonds: Losses,
    /// The part of the losses that strangers caused, who have no bond.
    pub by_strangers: Losses,
    /// Deals in which the cheat did not pay in time: proven by the chain.
    pub defaults: u64,
    /// Deals in which it did not acknowledge: a claim against a claim, which slashes nobody.
    pub disputes: u64,
    /// In ten equal tranches.
    pub equal_tranches: Losses,
    /// At once, the seller first.
    pub at_once: Losses,
    /// The largest loss of a victim as a share of its cap in that deal, in parts per million; at most a million.
    pub worst_of_cap_ppm: u64,
    /// The largest loot of a taker as a share of its limit when its first deal opened, in parts per million; at most a million.
    pub worst_of_limit_ppm: u64,
}

/// Losses of all victims, in millisatoshi.
#[derive(Debug, Clone, Default, Serialize)]
struct Losses {
    /// All together.
    pub total: u64,
    /// Of the one trader that lost most.
    pub worst_trader: u64,
    /// Parts per million of the value traded.
    pub of_value_ppm: u64,
}

/// A cheat's plan for one deal.
struct Plan {
    taker: Party,
    /// How many moves of its own it still makes.
    moves: u64,
}

/// Runs the flow.
///
/// # Errors
/// The file cannot be read, or a bound is broken: a victim lost more than its cap, or a cheat took more than its limit.
pub fn run(options: &Options) -> Result<Report> {
    let (file, rows) = options.flow();
    eprintln!("cheats: every taker stops at a random tranche");
    let rows = flow::commands(&file)?.take(rows).collect::<Result<Vec<_>>>()?;
    Ok(report(&play(&rows)?))
}

fn play(rows: &[flow::Command]) -> Result<Figures> {
    let begin = rows.first().context("the file is empty")?.time_ms.saturating_mul(1_000);
    let mut venue = Venue::begin(Timestamp::from_micros(begin), TRADERS, |_| None)?;
    venue.configure(vec![
        Change::SetRate { asset: AssetId::BWT, rate: Some(Ratio::new(RATE.0, RATE.1)?) },
        Change::SetTrust(TrustTerms { largest_limit: Amount::MAX, ..TrustTerms::default() }),
    ])?;
    for trader in (1..TRADERS).step_by(2) {
        venue.bond(trader, BOND)?;
    }
    let mut run = Run { random: SEED, ..Run::default() };
    for row in rows {
        if let Some(outcome) = venue.row(row, |id, side| flow::trader_for(id, side, TRADERS))? {
            let opened = outcome.events.iter().filter_map(|event| match event {
                Event::Deal(state) if state.deal.state() == State::Open && state.deal.tranche() == 1 => {
                    Some(state)
                }
                _ => None,
            });
            for state in opened {
                run.open(&mut venue, state)?;
            }
        }
    }
    venue.time = venue.time.plus(3 * DEADLINE_US);
    venue.tick()?;
    run.count(&venue)
}

fn report(figures: &Figures) -> Report {
    let row = |name: &str, losses: &Losses| {
        let share = losses.of_value_ppm as f64 / 10_000.0;
        format!(
            "{name:34} {:>12} msat, {share:>5.2} % of the value; one trader at most {}",
            losses.total, losses.worst_trader
        )
    };
    let lines = vec![
        format!(
            "{} deals worth {} msat; {} cheats proven, {} claims against claims",
            figures.deals, figures.value, figures.defaults, figures.disputes
        ),
        row("band of caps", &figures.band),
        row("  of that by strangers", &figures.by_strangers),
        row("  after bonds paid the victims", &figures.band_after_bonds),
        row("ten equal tranches", &figures.equal_tranches),
        row("at once, seller first", &figures.at_once),
    ];
    let share = |ppm: u64| ppm as f64 / 1_000_000.0;
    let places = ["band", "by strangers", "after bonds", "ten tranches", "at once"];
    let all = [
        &figures.band,
        &figures.by_strangers,
        &figures.band_after_bonds,
        &figures.equal_tranches,
        &figures.at_once,
    ];
    let plot = Plot {
        title: "Every taker cheats: what its makers lose".to_owned(),
        up: "% of the value traded".to_owned(),
        right: "how deals settle".to_owned(),
        places: places.map(str::to_owned).to_vec(),
        series: vec![("lost".to_owned(), all.map(|one| Some(share(one.of_value_ppm) * 100.0)).to_vec())],
        mark: None,
        scale: Scale::Linear,
    };
    Report {
        name: "cheats",
        goals: vec![
            Goal::bound("loss of a victim by its cap, the largest", share(figures.worst_of_cap_ppm), 1.0),
            Goal::bound("loot of a cheat by its limit, the largest", share(figures.worst_of_limit_ppm), 1.0),
        ],
        figures: json!(figures),
        lines,
        plots: vec![("cheats.svg", plot.bars())],
    }
}

#[derive(Default)]
struct Run {
    random: u64,
    deals: Vec<(DealId, Party)>,
    /// The limit of each taker when its first deal opened.
    limits: BTreeMap<AccountId, u64>,
    strangers: BTreeSet<AccountId>,
    equal: BTreeMap<AccountId, u64>,
    once: BTreeMap<AccountId, u64>,
}

impl Run {
    /// SplitMix64 (Steele, Lea, Flood, OOPSLA 2014).
    fn below(&mut self, bound: u64) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound.max(1)
    }

    /// A deal has opened: both sides act until the taker stops.
    fn open(&mut self, venue: &mut Venue, state: &DealState) -> Result<()> {
        let taker = if state.taker_side == Side::Sell { Party::Seller } else { Party::Buyer };
        let (cheat, victim) = match taker {
            Party::Seller => (state.seller, state.buyer),
            Party::Buyer => (state.buyer, state.seller),
        };
        let limit = venue.engine.account(&cheat).context("an account")?.limit;
        if limit == venue.engine.parameters().dust {
            self.strangers.insert(cheat);
        }
        self.limits.entry(cheat).or_insert(limit.get());
        self.deals.push((state.id, taker));
        let value = state.deal.terms().quote_total.get();
        *self.equal.entry(victim).or_default() += elsewhere(taker, value, EQUAL);
        *self.once.entry(victim).or_default() += elsewhere(taker, value, 1);
        let moves = own_moves(state, taker);
        let mut plan = Plan { taker, moves: self.below(moves) };
        loop {
            let now = venue.engine.deal(&state.id).context("a deal")?.deal;
            let Some(due) = now.due() else { return Ok(()) };
            if due.party == plan.taker {
                if plan.moves == 0 {
                    return Ok(());
                }
                plan.moves -= 1;
            }
            // Where the taker's leg is on the ledger, its acknowledgement delivers its next tranche too: it withholds it
            // if it has made all moves it wants to make.
            let answers = due.party == plan.taker || plan.moves > 0;
            venue.pay(state.id, answers)?;
            if due.party != plan.taker && answers {
                let then = venue.engine.deal(&state.id).context("a deal")?.deal;
                plan.moves = plan.moves.saturating_sub(u64::from(then.tranche() > now.tranche() + 1));
            }
        }
    }

    fn count(self, venue: &Venue) -> Result<Figures> {
        let mut report = Figures::default();
        let (mut lost, mut loot) = (BTreeMap::<AccountId, u64>::new(), BTreeMap::<AccountId, u64>::new());
        let (mut unpaid, mut by_strangers) =
            (BTreeMap::<AccountId, u64>::new(), BTreeMap::<AccountId, u64>::new());
        for (id, taker) in &self.deals {
            let state = venue.engine.deal(id).context("a deal")?;
            let (cheat, victim) = match taker {
                Party::Seller => (state.seller, state.buyer),
                Party::Buyer => (state.buyer, state.seller),
            };
            let loss = state.deal.owed_by(*taker).get();
            let cap = state.deal.terms().cap_of(taker.other()).get();
            ensure!(loss <= cap, "deal {id}: the victim lost {loss}, above its cap of {cap}");
            match state.deal.state() {
                State::Defaulted { .. } => report.defaults += 1,
                State::Disputed { .. } => report.disputes += 1,
                _ => {}
            }
            *unpaid.entry(victim).or_default() += loss.saturating_sub(state.deal.covered().get());
            if self.strangers.contains(&cheat) {
                *by_strangers.entry(victim).or_default() += loss;
            }
            report.deals += 1;
            report.value += state.deal.terms().quote_total.get();
            report.worst_of_cap_ppm = report.worst_of_cap_ppm.max(ppm(loss, cap));
            *lost.entry(victim).or_default() += loss;
            *loot.entry(cheat).or_default() += loss;
        }
        for (cheat, taken) in &loot {
            let limit = self.limits.get(cheat).copied().unwrap_or_default();
            ensure!(*taken <= limit, "{cheat} took {taken}, above its limit of {limit}");
            report.worst_of_limit_ppm = report.worst_of_limit_ppm.max(ppm(*taken, limit));
        }
        report.band = losses(&lost, report.value);
        report.by_strangers = losses(&by_strangers, report.value);
        report.band_after_bonds = losses(&unpaid, report.value);
        report.equal_tranches = losses(&self.equal, report.value);
        report.at_once = losses(&self.once, report.value);
        Ok(report)
    }
}

/// What the maker loses if the deal settles in equal tranches, the seller first: a buyer owes for one tranche whenever it
/// is its turn, a seller never owes when it is its.
fn elsewhere(taker: Party, value: u64, tranches: u64) -> u64 {
    match taker {
        Party::Buyer => value.div_ceil(tranches),
        Party::Seller => 0,
    }
}

/// How many moves of the walk to the end are the party's own.
fn own_moves(state: &DealState, party: Party) -> u64 {
    let terms = state.deal.terms();
    let mut sent = Sent { seller: state.deal.sent(Party::Seller), buyer: state.deal.sent(Party::Buyer) };
    let mut own = 0;
    while let Some(step) = next_step(terms, sent) {
        own += u64::from(step.party == party);
        sent = sent.with(step.party, step.reaches);
    }
    own
}

fn ppm(part: u64, whole: u64) -> u64 {
    u64::try_from(u128::from(part) * 1_000_000 / u128::from(whole.max(1))).unwrap_or(u64::MAX)
}

fn losses(by: &BTreeMap<AccountId, u64>, value: u64) -> Losses {
    let total = by.values().sum();
    Losses {
        total,
        worst_trader: by.values().copied().max().unwrap_or_default(),
        of_value_ppm: ppm(total, value),
    }
}
