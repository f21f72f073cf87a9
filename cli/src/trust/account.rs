//! `bandex account`: puts tokens at stake, pays for admission, claims the first grant, says whom it trades with, and
//! vouches for others.

use super::{btc, tokens, told};
use crate::account::{Account, Session};
use anyhow::Result;
use bandex_sdk::tradechain::body::Prefer;
use bandex_sdk::types::{AccountId, Timestamp};
use clap::{Args, Subcommand};
use std::process::ExitCode;

/// What to do with the account.
#[derive(Debug, Subcommand)]
pub enum Options {
    /// Put tokens at stake: they raise the limit, and go to the victim of a default.
    Bond(Tokens),
    /// Ask for bonded tokens back. They stop counting at once and return when every deal is over that is open now.
    Unbond(Tokens),
    /// Pay tokens to the exchange, for admission or to let the limit grow.
    Fee(Tokens),
    /// Claim the first grant of tokens, which an account gets once, against a proof of work.
    Claim {
        #[command(flatten)]
        account: Account,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Say whom the account trades with, in place of what was said before; what is not given is not bounded. By the root
    /// key.
    Prefer {
        #[command(flatten)]
        account: Account,
        /// The most that any one counterparty may owe over all its deals, in BTC.
        #[arg(long, value_name = "AMOUNT")]
        largest_exposure: Option<String>,
        /// The least score of a counterparty, in parts per million.
        #[arg(long, value_name = "PPM")]
        least_score: Option<u32>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Vouch for an account, as a registrar; again to change when it ends.
    Certify {
        #[command(flatten)]
        account: Account,
        /// For whom.
        subject: AccountId,
        /// When the certificate ends by itself, in microseconds since 1970 UTC.
        #[arg(long, value_name = "TIME")]
        expires_us: Option<u64>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Take a certificate back, as a registrar.
    Decertify {
        #[command(flatten)]
        account: Account,
        /// From whom.
        subject: AccountId,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

/// An amount of the account's tokens.
#[derive(Debug, Args)]
pub struct Tokens {
    #[command(flatten)]
    account: Account,
    /// How much, in BWT.
    amount: String,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Runs `bandex account`.
///
/// # Errors
/// The exchange refuses, or cannot be reached.
pub async fn run(options: Options) -> Result<ExitCode> {
    match options {
        Options::Bond(Tokens { account, amount, json }) => {
            let Session { trader, markets, .. } = account.session(false).await?;
            told(&trader.bond(tokens(&markets, &amount)?).await?, "bonded", json)
        }
        Options::Unbond(Tokens { account, amount, json }) => {
            let Session { trader, markets, .. } = account.session(false).await?;
            told(&trader.unbond(tokens(&markets, &amount)?).await?, "asked back", json)
        }
        Options::Fee(Tokens { account, amount, json }) => {
            let Session { trader, markets, .. } = account.session(false).await?;
            told(&trader.fee(tokens(&markets, &amount)?).await?, "paid", json)
        }
        Options::Claim { account, json } => {
            let Session { trader, rest, .. } = account.session(false).await?;
            let bits = rest.trust().await?.terms.grant_work_bits;
            told(&trader.claim(bits).await?, "granted", json)
        }
        Options::Prefer { account, largest_exposure, least_score, json } => {
            let Session { trader, markets, .. } = account.session(false).await?;
            let largest_exposure = largest_exposure.map(|text| btc(&markets, &text)).transpose()?;
            told(&trader.prefer(Prefer { largest_exposure, least_score }).await?, "preferred", json)
        }
        Options::Certify { account, subject, expires_us, json } => {
            let trader = account.session(false).await?.trader;
            let expires = expires_us.map(Timestamp::from_micros);
            told(&trader.certify(subject, expires).await?, "certified", json)
        }
        Options::Decertify { account, subject, json } => {
            let trader = account.session(false).await?.trader;
            told(&trader.decertify(subject).await?, "taken back", json)
        }
    }
}
