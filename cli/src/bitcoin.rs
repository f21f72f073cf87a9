//! `bandex bitcoin`, and how commands are told of a Bitcoin node.

use crate::account::Server;
use crate::output;
use anyhow::{Result, bail};
use bandex_exchange::{BitcoinAuth, BitcoinNode};
use bandex_sdk::Rest;
use std::path::PathBuf;
use std::process::ExitCode;

/// The Bitcoin node that payments are seen with. Secrets come from files only.
#[derive(Debug, Clone, clap::Args)]
pub struct Node {
    /// The JSON-RPC address of a Bitcoin Core node, such as http://127.0.0.1:8332.
    #[arg(long, value_name = "URL", env = "BANDEX_BITCOIN_URL")]
    bitcoin_url: Option<String>,
    /// The node's file .cookie, in its data folder.
    #[arg(
        long,
        value_name = "FILE",
        env = "BANDEX_BITCOIN_COOKIE",
        conflicts_with_all = ["bitcoin_user", "bitcoin_password_file"]
    )]
    bitcoin_cookie: Option<PathBuf>,
    /// A user of the node's rpcauth, instead of the cookie.
    #[arg(long, value_name = "NAME", env = "BANDEX_BITCOIN_USER")]
    bitcoin_user: Option<String>,
    /// The file with that user's password.
    #[arg(long, value_name = "FILE", env = "BANDEX_BITCOIN_PASSWORD_FILE")]
    bitcoin_password_file: Option<PathBuf>,
}

impl Node {
    /// The node, if one is named.
    ///
    /// # Errors
    /// It is named in part only.
    pub fn node(&self) -> Result<Option<BitcoinNode>> {
        let auth = match (&self.bitcoin_cookie, &self.bitcoin_user, &self.bitcoin_password_file) {
            (Some(cookie), None, None) => Some(BitcoinAuth::Cookie(cookie.clone())),
            (None, Some(user), Some(file)) => {
                Some(BitcoinAuth::Password { user: user.clone(), file: file.clone() })
            }
            (None, None, None) => None,
            _ => {
                bail!("--bitcoin-user and --bitcoin-password-file go together, and not with --bitcoin-cookie")
            }
        };
        match (&self.bitcoin_url, auth) {
            (Some(url), Some(auth)) => Ok(Some(BitcoinNode::new(url, auth))),
            (None, None) => Ok(None),
            (Some(_), None) => {
                bail!("say how to be let in: --bitcoin-cookie, or --bitcoin-user with its password")
            }
            (None, Some(_)) => bail!("say where the Bitcoin node is: --bitcoin-url"),
        }
    }
}

/// How `bandex bitcoin` is called.
#[derive(Debug, clap::Args)]
pub struct Options {
    #[command(flatten)]
    server: Server,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Runs `bandex bitcoin`: how far the exchange follows the chain, and how it stands with its node.
///
/// # Errors
/// The exchange cannot be reached.
pub async fn run(options: Options) -> Result<ExitCode> {
    let told = Rest::new(options.server.url)?.bitcoin().await?;
    if options.json {
        output::json(&told)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut rows = Vec::new();
    if let (Some(network), Some(start)) = (told.network, told.start_height) {
        rows.extend([("Network", network), ("From height", start.to_string())]);
    }
    if let (Some(height), Some(tip)) = (told.height, told.tip) {
        rows.push(("Tip", format!("{height}, {tip}")));
    }
    let fee = |rate: u64| format!("{rate} satoshi for 1,000 virtual bytes");
    rows.extend(told.fee_rate.map(|rate| ("Fees", fee(rate))));
    rows.push(("Scripts", output::grouped(told.scripts)));
    rows.push(("Node", format!("{}: {}", told.node.state, told.node.detail)));
    output::table(rows);
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_named_whole_or_not_at_all() {
        let check = |url: Option<&str>, cookie: Option<&str>, user: Option<&str>, password: Option<&str>| {
            let node = Node {
                bitcoin_url: url.map(str::to_owned),
                bitcoin_cookie: cookie.map(PathBuf::from),
                bitcoin_user: user.map(str::to_owned),
                bitcoin_password_file: password.map(PathBuf::from),
            };
            node.node().map(|node| node.is_some()).ok()
        };
        let (url, one) = (Some("http://127.0.0.1:8332"), Some("x"));
        assert_eq!(check(None, None, None, None), Some(false));
        assert_eq!(check(url, one, None, None), Some(true));
        assert_eq!(check(url, None, one, one), Some(true));
        for (url, cookie, user, password) in [
            (url, None, None, None),
            (None, one, None, None),
            (url, None, one, None),
            (url, None, None, one),
            (url, one, one, one),
        ] {
            assert_eq!(check(url, cookie, user, password), None);
        }
    }
}
