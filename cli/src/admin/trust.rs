//! The operator's decisions in words: terms of trust, rates, seeds, registrars, fees, payments on the chain.

use super::bitcoin;
use crate::account::market;
use crate::span::Span;
use crate::trust::{asset, btc, tokens};
use anyhow::{Context, Result, bail};
use bandex_sdk::api;
use bandex_sdk::tradechain::body::{Admission, Change, Fees, TrustTerms};
use bandex_sdk::types::{AccountId, AssetId, Ratio};
use bandex_sdk::{Markets, Rest};
use clap::{Args, Subcommand, ValueEnum};

/// What to decide.
#[derive(Debug, Subcommand)]
pub enum Decision {
    /// Set how limits follow from bonds, fees and scores, and who is admitted. What is not given stays.
    Trust(Box<Trust>),
    /// Say what an asset is worth: a smallest unit is NUM / DEN millisatoshi.
    Rate {
        /// The asset's symbol.
        asset: String,
        /// Millisatoshi ...
        #[arg(required_unless_present = "none")]
        num: Option<u64>,
        /// ... for so many smallest units.
        #[arg(default_value_t = 1)]
        den: u64,
        /// Take the rate away.
        #[arg(long, conflicts_with = "num")]
        none: bool,
    },
    /// Let walks of the trust graph begin at an account.
    Seed {
        /// Which.
        account: AccountId,
        /// No more.
        #[arg(long)]
        off: bool,
    },
    /// Let an account's certificates admit others.
    Registrar {
        /// Which.
        account: AccountId,
        /// No more.
        #[arg(long)]
        off: bool,
    },
    /// Set what a market's trading costs, in parts per million of the tokens delivered. What is not given stays.
    Fees {
        /// The market.
        market: String,
        /// For the maker.
        #[arg(long, value_name = "PPM")]
        maker_ppm: Option<u32>,
        /// For the taker.
        #[arg(long, value_name = "PPM")]
        taker_ppm: Option<u32>,
    },
    /// Choose the Bitcoin chain that payments are looked for on, or what a market asks of them.
    #[command(subcommand)]
    Bitcoin(bitcoin::Decision),
}

/// Terms of trust.
#[derive(Debug, Args)]
pub struct Trust {
    /// How long an epoch of the trust graph lasts, such as 1d; 0: there are none, and no scores.
    #[arg(long, value_name = "SPAN")]
    epoch: Option<Span>,
    /// What edges of the graph and fees keep from one epoch to the next.
    #[arg(long, value_name = "PPM")]
    keep_ppm: Option<u32>,
    /// The most that anybody earns, dust aside, in BTC.
    #[arg(long, value_name = "AMOUNT")]
    largest_limit: Option<String>,
    /// What all scores together may be worth, in BTC.
    #[arg(long, value_name = "AMOUNT")]
    loss_budget: Option<String>,
    /// How much of the loss budget a score of one whole would be given.
    #[arg(long, value_name = "PPM")]
    score_ppm: Option<u32>,
    /// How much of a bond's value counts.
    #[arg(long, value_name = "PPM")]
    bond_ppm: Option<u32>,
    /// How much of the value of paid fees the score may be worth at most.
    #[arg(long, value_name = "PPM")]
    fee_ppm: Option<u32>,
    /// How strangers are let in.
    #[arg(long, value_enum)]
    admission: Option<AdmissionName>,
    /// How much must be paid in all to be admitted by fee, in BWT.
    #[arg(long, value_name = "AMOUNT")]
    admission_fee: Option<String>,
    /// Tokens that an account may claim once, in BWT.
    #[arg(long, value_name = "AMOUNT")]
    first_grant: Option<String>,
    /// Zero bits that the id of a claim must begin with.
    #[arg(long, value_name = "BITS")]
    grant_work_bits: Option<u8>,
    /// The balance below which an account is not served, in BWT; may be below zero.
    #[arg(long, value_name = "AMOUNT", allow_hyphen_values = true)]
    standing_threshold: Option<String>,
}

/// How strangers are let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum AdmissionName {
    /// By the work in the register block.
    Work,
    /// By fees paid.
    Fee,
    /// By a registrar's certificate.
    Certificate,
}

impl Decision {
    /// As a change in the form that the exchange takes.
    ///
    /// # Errors
    /// The exchange cannot be asked what is listed, or a text is no amount.
    pub async fn change(self, exchange: &str) -> Result<Change> {
        let rest = Rest::new(exchange)?;
        let markets = rest.markets().await.with_context(|| format!("asking {exchange}"))?;
        Ok(match self {
            Self::Trust(set) => {
                let now = read_terms(&rest.trust().await?.terms, &markets)?;
                Change::SetTrust(set.over(now, &markets)?)
            }
            Self::Rate { asset: symbol, num, den, .. } => {
                let found = markets.asset(&symbol).with_context(|| format!("{symbol} is not listed"))?;
                let rate = num.map(|num| Ratio::new(num, den)).transpose()?;
                Change::SetRate { asset: found.id, rate }
            }
            Self::Seed { account, off } => Change::SetSeed { account, seed: !off },
            Self::Registrar { account, off } => Change::SetRegistrar { account, registrar: !off },
            Self::Fees { market: symbol, maker_ppm, taker_ppm } => {
                let info = market(&markets, &symbol)?;
                let now = rest.market(&symbol).await?.fees;
                let fees = Fees {
                    maker_ppm: maker_ppm.unwrap_or(now.maker_ppm),
                    taker_ppm: taker_ppm.unwrap_or(now.taker_ppm),
                };
                Change::SetFees { market: info.id, fees }
            }
            Self::Bitcoin(decision) => decision.change(&rest, &markets).await?,
        })
    }
}

/// The terms that hold, in smallest units.
fn read_terms(terms: &api::TrustTerms, markets: &Markets) -> Result<TrustTerms> {
    Ok(TrustTerms {
        epoch_us: terms.epoch_us,
        keep_ppm: terms.keep_ppm,
        largest_limit: btc(markets, &terms.largest_limit)?,
        loss_budget: btc(markets, &terms.loss_budget)?,
        score_ppm: terms.score_ppm,
        bond_ppm: terms.bond_ppm,
        fee_ppm: terms.fee_ppm,
        admission: match (terms.admission.by.as_str(), &terms.admission.amount) {
            ("work", _) => Admission::Work,
            ("certificate", _) => Admission::Certificate,
            ("fee", Some(amount)) => Admission::Fee { amount: tokens(markets, amount)? },
            (other, _) => bail!("admission by {other} is not known to this version"),
        },
        first_grant: tokens(markets, &terms.first_grant)?,
        grant_work_bits: terms.grant_work_bits,
        standing_threshold: signed_tokens(markets, &terms.standing_threshold)?,
    })
}

/// Tokens that may be below zero.
fn signed_tokens(markets: &Markets, text: &str) -> Result<i64> {
    let (sign, amount) = text.strip_prefix('-').map_or((1, text), |amount| (-1, amount));
    let amount = asset(markets, AssetId::BWT)?.scale.parse(amount)?.get();
    i64::try_from(amount)
        .ok()
        .and_then(|amount| amount.checked_mul(sign))
        .with_context(|| format!("{text} is too much"))
}

impl Trust {
    fn over(&self, now: TrustTerms, markets: &Markets) -> Result<TrustTerms> {
        let in_btc = |text: &Option<String>, now| text.as_deref().map_or(Ok(now), |text| btc(markets, text));
        let in_bwt =
            |text: &Option<String>, now| text.as_deref().map_or(Ok(now), |text| tokens(markets, text));
        let threshold = self.standing_threshold.as_deref();
        Ok(TrustTerms {
            epoch_us: self.epoch.map_or(now.epoch_us, |Span(us)| us),
            keep_ppm: self.keep_ppm.unwrap_or(now.keep_ppm),
            largest_limit: in_btc(&self.largest_limit, now.largest_limit)?,
            loss_budget: in_btc(&self.loss_budget, now.loss_budget)?,
            score_ppm: self.score_ppm.unwrap_or(now.score_ppm),
            bond_ppm: self.bond_ppm.unwrap_or(now.bond_ppm),
            fee_ppm: self.fee_ppm.unwrap_or(now.fee_ppm),
            admission: self.admission(now.admission, markets)?,
            first_grant: in_bwt(&self.first_grant, now.first_grant)?,
            grant_work_bits: self.grant_work_bits.unwrap_or(now.grant_work_bits),
            standing_threshold: threshold
                .map_or(Ok(now.standing_threshold), |text| signed_tokens(markets, text))?,
        })
    }

    fn admission(&self, now: Admission, markets: &Markets) -> Result<Admission> {
        let amount = self.admission_fee.as_deref().map(|text| tokens(markets, text)).transpose()?;
        Ok(match (self.admission, now, amount) {
            (Some(AdmissionName::Work), _, None) => Admission::Work,
            (Some(AdmissionName::Certificate), _, None) => Admission::Certificate,
            (Some(AdmissionName::Fee), _, Some(amount)) | (None, Admission::Fee { .. }, Some(amount)) => {
                Admission::Fee { amount }
            }
            (Some(AdmissionName::Fee), Admission::Fee { amount }, None) => Admission::Fee { amount },
            (Some(AdmissionName::Fee), _, None) => bail!("say how much with --admission-fee"),
            (None, now, None) => now,
            (_, _, Some(_)) => bail!("--admission-fee goes with --admission fee"),
        })
    }
}
