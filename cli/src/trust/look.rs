//! `bandex limits`, `standing`, `reputation`: what everybody may know of an account.

use crate::account::{Server, read_key};
use crate::output;
use anyhow::{Context, Result};
use bandex_sdk::api::{LaneQuery, Limits, Standing};
use bandex_sdk::types::{AccountId, PublicKey};
use bandex_sdk::{Rest, check_standing};
use clap::Args;
use std::path::PathBuf;
use std::process::ExitCode;

/// Whom to look at.
#[derive(Debug, Args)]
pub struct Subject {
    #[command(flatten)]
    server: Server,
    /// Whose; without it the account of the key.
    account: Option<AccountId>,
    /// The key file that says whose, if no account is named.
    #[arg(long, value_name = "FILE", env = "BANDEX_KEY", default_value = "bandex.key")]
    key: PathBuf,
}

/// How `bandex limits` is called.
#[derive(Debug, Args)]
pub struct LimitsOptions {
    #[command(flatten)]
    subject: Subject,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// How `bandex standing` is called.
#[derive(Debug, Args)]
pub struct StandingOptions {
    #[command(flatten)]
    subject: Subject,
    /// The node's key, as you know it from elsewhere; without it the exchange's own word for it is taken.
    #[arg(long, value_name = "KEY")]
    node: Option<PublicKey>,
    /// Check a statement in this file, as the exchange or `--json` gave it, and ask nobody.
    #[arg(long, value_name = "FILE", requires = "node", requires = "network")]
    file: Option<PathBuf>,
    /// The network that a statement in a file must be of.
    #[arg(long, value_name = "N")]
    network: Option<u32>,
    /// Print JSON: the statement as the exchange gave it, once it is checked.
    #[arg(long)]
    json: bool,
}

/// How `bandex reputation` is called.
#[derive(Debug, Args)]
pub struct ReputationOptions {
    #[command(flatten)]
    subject: Subject,
    /// The account from whose own circle it is seen; without it from the seeds.
    #[arg(long, value_name = "ACCOUNT")]
    from: Option<AccountId>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Subject {
    async fn find(&self) -> Result<(Rest, AccountId)> {
        let rest = Rest::new(self.server.url.clone())?;
        if let Some(account) = self.account {
            return Ok((rest, account));
        }
        let key = read_key(&self.key).context("name an account, or a key file with --key")?.public();
        let lane = rest.lane(key, &LaneQuery { limit: Some(1), ..LaneQuery::default() }).await?;
        Ok((rest, lane.account.parse()?))
    }
}

/// Runs `bandex limits`.
///
/// # Errors
/// The exchange cannot be reached, or has no such account.
pub async fn limits(options: LimitsOptions) -> Result<ExitCode> {
    let (rest, account) = options.subject.find().await?;
    let limits = rest.limits(account).await?;
    if options.json {
        output::json(&limits)?;
        return Ok(ExitCode::SUCCESS);
    }
    print_limits(&limits);
    Ok(ExitCode::SUCCESS)
}

fn print_limits(limits: &Limits) {
    let btc = |amount: &str| format!("{amount} BTC");
    let bwt = |amount: &str| format!("{amount} BWT");
    let (parts, stake) = (&limits.parts, &limits.stake);
    let mut rows = vec![("Account", limits.account.clone()), ("Limit", btc(&limits.limit))];
    match &parts.operator {
        Some(limit) => rows.push(("  by the operator", btc(limit))),
        None => rows.extend([
            ("  for the bond", btc(&parts.bond)),
            ("  for the score", btc(&parts.reputation)),
            ("  bounded by fees", btc(&parts.fees)),
            ("  for admission", btc(&parts.dust)),
        ]),
    }
    rows.extend([
        ("In use", btc(&limits.reserved)),
        ("Written off", btc(&limits.burden)),
        ("Free", btc(&limits.free)),
        ("Admitted", if limits.admitted { "yes" } else { "no" }.to_owned()),
        ("Frozen", limits.frozen.clone().unwrap_or_else(|| "no".to_owned())),
        ("Bond", bwt(&stake.bond)),
        ("  leaving", bwt(&stake.leaving)),
        ("Fees paid", bwt(&stake.fees)),
        ("Score", stake.score.clone()),
        ("Why", limits.why.clone()),
        ("To raise it", limits.raise.clone()),
    ]);
    output::table(rows);
}

/// Runs `bandex standing`: exit code 0 if the account is served, 1 if not.
///
/// # Errors
/// The exchange cannot be reached, or has no such account; or the statement is not the node's.
pub async fn standing(options: StandingOptions) -> Result<ExitCode> {
    let (standing, node, network) = match (&options.file, options.node, options.network) {
        (Some(file), Some(node), Some(network)) => {
            let text = std::fs::read_to_string(file)
                .with_context(|| format!("{} cannot be read", file.display()))?;
            let standing: Standing = serde_json::from_str(&text).context("the file holds no statement")?;
            (standing, node, network)
        }
        _ => {
            let (rest, account) = options.subject.find().await?;
            let markets = rest.markets().await?;
            (rest.standing(account).await?, options.node.unwrap_or(markets.node), markets.network)
        }
    };
    let said = check_standing(&standing, &node, network)?;
    if options.json {
        output::json(&standing)?;
    } else {
        output::table([
            ("Account", said.account.to_string()),
            ("Served", if said.served { "yes" } else { "no" }.to_owned()),
            ("Balance", format!("{} bytes", said.balance)),
            ("Threshold", format!("{} bytes", said.threshold)),
            ("Cure", format!("{} bytes", said.cure)),
            ("As of", format!("record {}, {} us", said.seq, said.time.as_micros())),
            ("Signed by", node.to_string()),
        ]);
    }
    Ok(if said.served { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// Runs `bandex reputation`.
///
/// # Errors
/// The exchange cannot be reached, has no such account, or no epoch has ended.
pub async fn reputation(options: ReputationOptions) -> Result<ExitCode> {
    let (rest, account) = options.subject.find().await?;
    let found = rest.reputation(account, options.from).await?;
    if options.json {
        output::json(&found)?;
        return Ok(ExitCode::SUCCESS);
    }
    let seen = found.from.clone().unwrap_or_else(|| "the seeds".to_owned());
    output::table([
        ("Account", found.account.clone()),
        ("Score", found.score.clone()),
        ("Seen from", seen),
        ("Epoch", found.epoch.to_string()),
        ("Checkpoint", found.checkpoint.clone()),
    ]);
    Ok(ExitCode::SUCCESS)
}
