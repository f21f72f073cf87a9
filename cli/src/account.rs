//! What the trading commands share: the key file, the connection, the names of things.

use anyhow::{Context, Result};
use bandex_exchange::write_secret;
use bandex_sdk::tradechain::Keypair;
use bandex_sdk::{
    Client, Durability, FileLane, MarketInfo, Markets, Options, Rest, Trader, generate_keypair, lane_path,
    read_keypair,
};
use clap::Args;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Which exchange.
#[derive(Debug, Args)]
pub struct Server {
    /// The exchange.
    #[arg(long, value_name = "URL", env = "BANDEX_URL", default_value = "http://127.0.0.1:8420")]
    pub url: String,
}

/// Which key, at which exchange.
#[derive(Debug, Args)]
pub struct Account {
    #[command(flatten)]
    pub server: Server,
    /// The key file, as `bandex key new` writes it. What was signed with it is kept in FILE.lane beside it.
    #[arg(long, value_name = "FILE", env = "BANDEX_KEY", default_value = "bandex.key")]
    pub key: PathBuf,
}

/// A connection with what it needs to know.
pub struct Session {
    pub rest: Rest,
    pub markets: Markets,
    pub keypair: Keypair,
    pub trader: Trader,
}

/// Writes a new key file.
///
/// # Errors
/// The file exists, or cannot be written.
pub fn new_key(path: &Path) -> Result<Keypair> {
    let keypair = generate_keypair()?;
    write_secret(path, &keypair.seed()).with_context(|| {
        format!("{} cannot be written; an existing key is never overwritten", path.display())
    })?;
    Ok(keypair)
}

/// Reads a key file.
///
/// # Errors
/// There is none, or it holds something else.
pub fn read_key(path: &Path) -> Result<Keypair> {
    read_keypair(path).context("there is no key; `bandex key new` makes one")
}

impl Server {
    /// Asks for what is listed.
    ///
    /// # Errors
    /// Nobody answers there.
    pub async fn ask(&self) -> Result<(Rest, Markets)> {
        let rest = Rest::new(self.url.clone())?;
        let markets = rest.markets().await.with_context(|| format!("asking {}", self.url))?;
        Ok((rest, markets))
    }
}

impl Account {
    fn lane(&self) -> Result<FileLane> {
        Ok(FileLane::open(lane_path(&self.key), Durability::Disk)?)
    }

    /// Connects; with `register` an account is made if the exchange does not know the key.
    ///
    /// # Errors
    /// The key file, the connection, or the exchange does not know the key.
    pub async fn session(&self, register: bool) -> Result<Session> {
        let keypair = read_key(&self.key)?;
        let (rest, markets) = self.server.ask().await?;
        let client = Client::connect(&rest.socket_url(), Options::default()).await?;
        let lane = self.lane()?;
        let trader = if register {
            Trader::register(&client, &rest, &markets, keypair.clone(), lane).await?
        } else {
            Trader::open(&client, &rest, keypair.clone(), lane)
                .await
                .context("use `bandex key register` first if the key is new here")?
        };
        Ok(Session { rest, markets, keypair, trader })
    }
}

/// A market by its name.
///
/// # Errors
/// It is not listed.
pub fn market(markets: &Markets, name: &str) -> Result<Arc<MarketInfo>> {
    let names = || markets.iter().map(|market| market.symbol.clone()).collect::<Vec<_>>().join(", ");
    markets
        .market(name)
        .cloned()
        .with_context(|| format!("there is no market {name}; there are: {}", names()))
}
