//! `bandex deal`: ends deals that went wrong.

use super::told;
use crate::account::{Account, Session, market};
use anyhow::{Context, Result, bail};
use bandex_sdk::tradechain::body::Cure;
use bandex_sdk::types::{Amount, BlockId, DealId, Rail};
use bandex_spv::{Network, script_of};
use clap::Subcommand;
use std::process::ExitCode;

/// What to do with a deal.
#[derive(Debug, Subcommand)]
pub enum Options {
    /// Propose to end a deal that is disputed, defaulted or written off. The reply names the proposal; the other side
    /// acknowledges it.
    Resolve {
        #[command(flatten)]
        account: Account,
        /// Which.
        deal: DealId,
        /// How much of what is still locked is delivered, in that asset; the rest returns.
        #[arg(long, value_name = "AMOUNT", default_value = "0")]
        deliver: String,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Give up what the other side owes, after a dispute or as the victim of a default.
    WriteOff {
        #[command(flatten)]
        account: Account,
        /// Which.
        deal: DealId,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Pay what is still owed after a default: tokens at once, anything else as a proposal that the victim acknowledges.
    Cure {
        #[command(flatten)]
        account: Account,
        /// Which.
        deal: DealId,
        /// Where a payment outside can be seen.
        #[arg(long, value_name = "TEXT", default_value = "")]
        reference: String,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Say where the account wants to be paid in a deal on the Bitcoin chain: an address that was never named before.
    Receive {
        #[command(flatten)]
        account: Account,
        /// Which.
        deal: DealId,
        /// An address of the exchange's network.
        address: String,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Acknowledge a proposal of the other side: a payment, a resolution, a cure.
    Acknowledge {
        #[command(flatten)]
        account: Account,
        /// The proposal's block.
        proposal: BlockId,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

/// Runs `bandex deal`.
///
/// # Errors
/// The exchange refuses, or cannot be reached.
pub async fn run(options: Options) -> Result<ExitCode> {
    match options {
        Options::Resolve { account, deal, deliver, json } => {
            let session = account.session(false).await?;
            let deliver = locked_units(&session, deal, &deliver).await?;
            let reply = session.trader.resolve(deal, deliver).await?;
            told(&reply, &format!("proposed as {}", reply.block_id), json)
        }
        Options::WriteOff { account, deal, json } => {
            let trader = account.session(false).await?.trader;
            told(&trader.write_off(deal).await?, "written off", json)
        }
        Options::Cure { account, deal, reference, json } => {
            let trader = account.session(false).await?.trader;
            let reply = trader.cure(Cure { deal, reference }).await?;
            told(&reply, &format!("cured, or proposed as {},", reply.block_id), json)
        }
        Options::Receive { account, deal, address, json } => {
            let session = account.session(false).await?;
            let network = session.rest.bitcoin().await?.network;
            let network: Network = network.context("the exchange follows no Bitcoin chain")?.parse()?;
            let reply = session.trader.receive(deal, script_of(network, &address)?).await?;
            told(&reply, "named", json)
        }
        Options::Acknowledge { account, proposal, json } => {
            let trader = account.session(false).await?.trader;
            told(&trader.acknowledge(proposal).await?, "acknowledged", json)
        }
    }
}

/// An amount of the leg that the ledger has locked, in smallest units.
async fn locked_units(session: &Session, deal: DealId, text: &str) -> Result<Amount> {
    let reads = session.rest.login(&session.keypair, &session.markets).await?;
    let info = market(&session.markets, &reads.deal(deal).await?.market)?;
    let locked = [&info.base, &info.quote].into_iter().find(|asset| asset.rail == Rail::Token);
    match locked {
        Some(asset) => Ok(asset.scale.parse(text)?),
        None if text == "0" => Ok(Amount::ZERO),
        None => bail!("nothing is locked for deals of {}", info.symbol),
    }
}
