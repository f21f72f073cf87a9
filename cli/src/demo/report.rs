//! The report at the end.

use super::board::{self, Shared};
use super::play::Pace;
use super::trial::Trial;
use super::trust::Scored;
use super::vanish::Vanished;
use super::{Flow, Options};
use crate::output::{self, grouped, table};
use bandex_flow::VenueTrade;
use serde::Serialize;
use std::collections::BTreeMap;
use std::net::SocketAddr;

/// Trades of the bundled file that a book with price-time priority reproduces, and makes in all.
const WHOLE_FILE: (usize, usize) = (230, 231);

/// What was played.
pub(crate) struct Played {
    pub pace: Pace,
    pub scored: Scored,
    pub vanished: Vanished,
    pub trades: Vec<VenueTrade>,
}

/// What the demo ends with.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    traders: u32,
    orders: u64,
    cancels: u64,
    /// Cancels of orders that the file never placed: there is nothing that a block could name.
    cancels_of_unknown: u64,
    refused: BTreeMap<String, u64>,
    trades: usize,
    reproduced: usize,
    venue: usize,
    deals: usize,
    settled: usize,
    /// Movements within deals that became final.
    tranches: u64,
    payments: u64,
    acknowledgements: u64,
    /// The most that anybody was owed in one deal at any moment, in millisatoshi.
    largest_exposure_msat: u64,
    blocks: u64,
    records: u64,
    signatures: u64,
    replay_seconds: f64,
    commands_per_second: u64,
    seconds: f64,
    scored: Scored,
    vanished: Vanished,
    audit: &'static str,
    audit_seconds: f64,
    flipped_record: u64,
    forgery: &'static str,
    forgery_why: Option<String>,
    settlement: &'static str,
    store: Option<String>,
    /// Where the server goes on, with `--keep`.
    address: Option<String>,
    #[serde(skip)]
    good: bool,
}

impl Report {
    pub fn new(
        options: &Options,
        flow: &Flow,
        board: &Shared,
        played: Played,
        trial: Trial,
        address: SocketAddr,
    ) -> Self {
        let board = board::lock(board);
        let audited = trial.report().cloned().unwrap_or_default();
        let reproduced = board::reproduced(&flow.trades, &played.trades);
        let settled = board.deals.iter().filter(|deal| board.settled.contains(deal)).count();
        let elapsed = played.pace.elapsed;
        let all_settled = settled + 1 == board.deals.len();
        // Of the whole file the right trades are known; of a part of it, that each is one of the venue's.
        let matched = match options.first {
            None => (reproduced, played.trades.len()) == WHOLE_FILE,
            Some(_) => reproduced == played.trades.len(),
        };
        Self {
            traders: options.traders(),
            orders: board.orders,
            cancels: board.cancels,
            cancels_of_unknown: (flow.commands.len() as u64).saturating_sub(played.pace.commands),
            refused: board.refused.clone(),
            trades: played.trades.len(),
            reproduced,
            venue: flow.trades.len(),
            deals: board.deals.len(),
            settled,
            tranches: audited.tranches,
            payments: board.payments,
            acknowledgements: board.acknowledgements,
            largest_exposure_msat: audited.largest_exposure.get(),
            blocks: audited.blocks,
            records: audited.records,
            signatures: audited.signatures,
            replay_seconds: output::seconds(elapsed),
            commands_per_second: output::rate(played.pace.commands, elapsed),
            seconds: output::seconds(board.begun.elapsed()),
            audit: if trial.report().is_some() { "pass" } else { "fail" },
            audit_seconds: audited.seconds,
            flipped_record: trial.flipped,
            forgery: if trial.conviction().is_some() { "convicted" } else { "not convicted" },
            forgery_why: trial.conviction().map(|conviction| conviction.why.clone()),
            settlement: "BWT on the exchange's ledger; BTC attested: signed by both sides, no coin moved",
            store: options.data.as_ref().map(|data| data.display().to_string()),
            address: options.keep.then(|| format!("http://{address}")),
            good: trial.is_good() && played.vanished.within_cap && all_settled && matched,
            scored: played.scored,
            vanished: played.vanished,
        }
    }

    /// Whether everything came out as it should.
    pub const fn is_good(&self) -> bool {
        self.good
    }

    /// Prints it for people.
    pub fn print(&self) {
        let share = format!(
            "{} of the venue's {}, {} made in all",
            grouped(self.reproduced as u64),
            grouped(self.venue as u64),
            grouped(self.trades as u64)
        );
        let refused: Vec<String> =
            self.refused.iter().map(|(code, count)| format!("{} {code}", grouped(*count))).collect();
        let rate = format!("{} signed blocks a second", grouped(self.commands_per_second));
        say!("");
        table([
            ("traders", format!("{}, half buyers, half sellers; every other one with a bond", self.traders)),
            ("orders", format!("{}, and {} cancels", grouped(self.orders), grouped(self.cancels))),
            ("refused", refused.join(", ")),
            ("trades", share),
            ("deals", format!("{}, {} settled, 1 in default", self.deals, self.settled)),
            (
                "tranches",
                format!(
                    "{}, by {} payments and {} acknowledgements",
                    grouped(self.tranches),
                    grouped(self.payments),
                    grouped(self.acknowledgements)
                ),
            ),
            ("exposure", format!("{} msat at most in one deal", grouped(self.largest_exposure_msat))),
            (
                "scores",
                format!(
                    "{} accounts, out of {} edges of honoured value; the highest {}",
                    self.scored.accounts, self.scored.edges, self.scored.score
                ),
            ),
            ("its limit", self.scored.why.clone()),
            ("", self.scored.raise.clone()),
            ("fees", format!("{} BWT, taken out of what was delivered", self.scored.fees)),
            (
                "default",
                format!(
                    "the victim lost {} BTC; its cap was {} BTC; the bond paid {} BTC of it, {} BWT",
                    self.vanished.loss, self.vanished.cap, self.vanished.covered, self.vanished.slashed
                ),
            ),
            ("blocks", format!("{} in {} records", grouped(self.blocks), grouped(self.records))),
            ("rate", format!("{rate}, durable and answered, over {:.1} s", self.replay_seconds)),
            (
                "audit",
                format!(
                    "{}: {} signatures in {:.1} s",
                    self.audit,
                    grouped(self.signatures),
                    self.audit_seconds
                ),
            ),
            (
                "forgery",
                format!("one byte of record {} flipped: {}", grouped(self.flipped_record), self.forgery),
            ),
            ("", self.forgery_why.clone().unwrap_or_default()),
            ("settled in", self.settlement.to_owned()),
            ("time", format!("{:.1} s", self.seconds)),
        ]);
        if let Some(store) = &self.store {
            say!("\nThe store is kept in {store}; check it with: bandex audit --data {store}");
        }
    }
}
