//! `bandex account`, `deal`, `limits`, `standing`, `reputation`: what an account has at stake, how its deals end, and how
//! far it is trusted.

pub mod account;
pub mod deal;
pub mod look;

use crate::output;
use anyhow::{Context, Result};
use bandex_sdk::api::BlockReply;
use bandex_sdk::types::{Amount, AssetId};
use bandex_sdk::{AssetInfo, Markets};
use std::process::ExitCode;

/// What a listed asset looks like.
///
/// # Errors
/// It is not listed.
pub fn asset(markets: &Markets, id: AssetId) -> Result<&AssetInfo> {
    markets.assets().find(|asset| asset.id == id).with_context(|| format!("asset {id} is not listed"))
}

/// An amount of bandwidth tokens as people write it.
///
/// # Errors
/// It is none.
pub fn tokens(markets: &Markets, text: &str) -> Result<Amount> {
    Ok(asset(markets, AssetId::BWT)?.scale.parse(text)?)
}

/// An amount of the unit of account, in BTC.
///
/// # Errors
/// It is none.
pub fn btc(markets: &Markets, text: &str) -> Result<Amount> {
    Ok(asset(markets, AssetId::BTC)?.scale.parse(text)?)
}

/// Says what became of a block.
///
/// # Errors
/// The reply has no JSON form.
pub fn told(reply: &BlockReply, what: &str, json: bool) -> Result<ExitCode> {
    if json {
        output::json(reply)?;
    } else {
        say!("{what} in record {}", reply.seq);
    }
    Ok(ExitCode::SUCCESS)
}
