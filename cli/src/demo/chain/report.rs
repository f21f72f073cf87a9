//! The report of the demo on the chain.

use super::books::Books;
use crate::demo::Options;
use crate::demo::board::{self, Shared};
use crate::demo::play::Pace;
use crate::demo::trial::Trial;
use crate::demo::trust::Scored;
use crate::output::{self, grouped, table};
use serde::Serialize;
use std::collections::BTreeMap;

/// What the demo ends with.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    traders: u32,
    orders: u64,
    cancels: u64,
    refused: BTreeMap<String, u64>,
    trades: usize,
    deals: usize,
    settled: usize,
    blocks: u64,
    replay_seconds: f64,
    seconds: f64,
    scored: Scored,
    books: Books,
    audit: &'static str,
    audit_seconds: f64,
    forgery: &'static str,
    forgery_why: Option<String>,
    #[serde(skip)]
    good: bool,
}

impl Report {
    pub fn new(
        options: &Options,
        board: &Shared,
        (pace, trades): (Pace, usize),
        books: Books,
        scored: Scored,
        trial: &Trial,
    ) -> Self {
        let board = board::lock(board);
        let audited = trial.report().cloned().unwrap_or_default();
        let settled = board.deals.iter().filter(|deal| board.settled.contains(deal)).count();
        let all_paid = books.deals == board.deals.len() && settled == board.deals.len() && settled > 0;
        Self {
            traders: options.traders(),
            orders: board.orders,
            cancels: board.cancels,
            refused: board.refused.clone(),
            trades,
            deals: board.deals.len(),
            settled,
            blocks: board.blocks,
            replay_seconds: output::seconds(pace.elapsed),
            seconds: output::seconds(board.begun.elapsed()),
            audit: if trial.report().is_some() { "pass" } else { "fail" },
            audit_seconds: audited.seconds,
            forgery: if trial.conviction().is_some() { "convicted" } else { "not convicted" },
            forgery_why: trial.conviction().map(|conviction| conviction.why.clone()),
            good: trial.is_good() && books.is_good() && all_paid,
            scored,
            books,
        }
    }

    /// Whether everything came out as it should.
    pub const fn is_good(&self) -> bool {
        self.good
    }

    /// Prints it for people.
    pub fn print(&self) {
        let refused: Vec<String> =
            self.refused.iter().map(|(code, count)| format!("{} {code}", grouped(*count))).collect();
        say!("");
        say!(
            "{:>10}  {:>15}  {:>13}  {:>13}  {:>8}  {:>4}  {:>15}  unexplained",
            "wallet",
            "mined",
            "received",
            "paid",
            "fees",
            "txs",
            "balance"
        );
        for book in &self.books.wallets {
            say!(
                "{:>10}  {:>15}  {:>13}  {:>13}  {:>8}  {:>4}  {:>15}  {}",
                book.account,
                grouped(book.mined),
                grouped(book.received),
                grouped(book.paid),
                grouped(book.fees),
                book.transactions,
                grouped(book.balance),
                book.unexplained
            );
        }
        say!("");
        table([
            (
                "traders",
                format!("{}, half buyers, half sellers with a bond; each with a wallet", self.traders),
            ),
            ("orders", format!("{}, and {} cancels", grouped(self.orders), grouped(self.cancels))),
            ("refused", refused.join(", ")),
            (
                "deals",
                format!("{} of {} trades, {} settled on the chain", self.deals, self.trades, self.settled),
            ),
            (
                "payments",
                format!(
                    "{} final, {} satoshi; payer, payee and exchange agree on each deal{}",
                    grouped(self.books.payments as u64),
                    grouped(self.books.satoshi),
                    if self.books.disputed.is_empty() { "" } else { ", but for those below" }
                ),
            ),
            ("", self.books.disputed.join("\n    ")),
            (
                "blocks",
                format!("{} mined while deals waited; the chain ends at {}", self.blocks, self.books.height),
            ),
            (
                "scores",
                format!(
                    "{} accounts, out of {} edges of honoured value",
                    self.scored.accounts, self.scored.edges
                ),
            ),
            ("audit", format!("{}: every payment proven again in {:.1} s", self.audit, self.audit_seconds)),
            ("forgery", format!("{}: {}", self.forgery, self.forgery_why.clone().unwrap_or_default())),
            ("time", format!("{:.1} s", self.seconds)),
        ]);
    }
}
