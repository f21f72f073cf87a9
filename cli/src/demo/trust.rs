//! Limits out of bonds, fees and scores: what the demo's operator decides, and what an epoch's end makes of the deals that
//! were settled.

use super::cast::{Cast, Casting, Member};
use super::{Stage, board};
use anyhow::{Context, Result, bail};
use bandex_flow as flow;
use bandex_sdk::tradechain::body::{Change, Fees, TrustTerms};
use bandex_sdk::types::{Amount, AssetId, Ratio};
use serde::Serialize;
use std::time::{Duration, Instant};

/// What tokens are worth, in millisatoshi for bytes: 39 satoshi a gigabyte, as in the recorded flow.
pub(crate) const RATE: (u64, u64) = (39_160, 1_000_000_000);
/// A thousandth for the maker, two for the taker.
const FEES: Fees = Fees { maker_ppm: 1_000, taker_ppm: 2_000 };
/// What all scores together may be worth: 0.01 bitcoin.
pub(crate) const LOSS_BUDGET: Amount = Amount::new(1_000_000_000);
/// How many accounts the walks begin at.
const SEEDS: usize = 3;
/// An epoch that ends at once, to be seen; and an epoch as it would be.
const SHORT_US: u64 = 1_000_000;
const DAY_US: u64 = 24 * 3_600 * 1_000_000;
/// How long scores may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// What an epoch's end brought.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Scored {
    /// Pairs of accounts of which one honoured what it owed the other.
    pub edges: u64,
    /// Accounts with a score.
    pub accounts: usize,
    /// The account with the highest score, seeds aside.
    pub best: String,
    /// Its score, from 0 to 1.
    pub score: String,
    /// Its limit in words.
    pub why: String,
    /// What would raise it.
    pub raise: String,
    /// Tokens that trading cost, in BWT.
    pub fees: String,
}

fn terms(epoch_us: u64, budget: Amount) -> Change {
    let (largest_limit, loss_budget) = (budget, budget);
    Change::SetTrust(TrustTerms { epoch_us, largest_limit, loss_budget, ..TrustTerms::default() })
}

/// The operator decides what tokens are worth, what trading costs, and where the walks begin.
pub(crate) async fn begin(stage: &Stage, bonded: &[&Member], casting: &Casting) -> Result<()> {
    let rate = Some(Ratio::new(casting.rate.0, casting.rate.1)?);
    let mut changes = vec![Change::SetRate { asset: AssetId::BWT, rate }, terms(DAY_US, casting.budget)];
    changes.push(Change::SetFees { market: flow::MARKET, fees: FEES });
    let seeds = bonded.iter().rev().take(SEEDS);
    changes.extend(seeds.map(|member| Change::SetSeed { account: member.trader.account(), seed: true }));
    stage.configure(changes).await
}

/// Ends an epoch and waits for its scores.
pub(crate) async fn score(stage: &Stage, cast: &Cast) -> Result<Scored> {
    board::lock(&stage.board).phase = "scores are computed";
    stage.configure(vec![terms(SHORT_US, cast.budget)]).await?;
    let begun = Instant::now();
    let edges = loop {
        match stage.rest.trust().await?.epoch {
            Some(epoch) if epoch.scored && epoch.edges > 0 => break epoch.edges,
            _ if begun.elapsed() > PATIENCE => bail!("no scores after {} s", PATIENCE.as_secs()),
            _ => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    };
    stage.configure(vec![terms(DAY_US, cast.budget)]).await?;
    let mut limits = Vec::new();
    for member in &cast.members {
        limits.push(stage.rest.limits(member.trader.account()).await?);
    }
    let number = |text: &str| text.parse::<f64>().unwrap_or(0.0);
    let accounts = limits.iter().filter(|limits| number(&limits.stake.score) > 0.0).count();
    let fees = limits.iter().map(|limits| number(&limits.stake.fees)).sum::<f64>();
    let others = limits.into_iter().filter(|limits| !limits.stake.seed);
    let best = others.max_by(|one, other| number(&one.stake.score).total_cmp(&number(&other.stake.score)));
    let best = best.context("everybody is a seed")?;
    board::lock(&stage.board)
        .note(format!("an epoch ended: {edges} edges of honoured value, {accounts} accounts scored"));
    Ok(Scored {
        edges,
        accounts,
        best: best.account,
        score: best.stake.score,
        why: best.why,
        raise: best.raise,
        fees: format!("{fees:.6}"),
    })
}
