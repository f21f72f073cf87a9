//! What the example programs share: arguments, a connection that is logged in, and how they end.

// Each example uses its own part of this.
#![allow(dead_code)]

use bandex_sdk::tradechain::Keypair;
use bandex_sdk::{
    Client, Durability, FileLane, MarketInfo, Markets, Options, Rest, Trader, lane_path, read_keypair,
};
use clap::Args;
use serde_json::Value;
use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// What an example gives, or why it gave up.
pub type Fallible<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// How often the end is looked for.
const LOOK: Duration = Duration::from_millis(100);

/// Arguments of all examples.
#[derive(Debug, Args)]
pub struct Common {
    /// The exchange.
    #[arg(long, value_name = "URL", env = "BANDEX_URL", default_value = "http://127.0.0.1:8420")]
    pub url: String,
    /// The market.
    #[arg(long, default_value = "BWT-BTC")]
    pub market: String,
    /// End after so many seconds.
    #[arg(long = "for", value_name = "SECONDS")]
    pub seconds: Option<u64>,
    /// End once this file exists.
    #[arg(long, value_name = "FILE")]
    pub until_file: Option<PathBuf>,
    /// Where to write the final state as JSON; standard output if absent.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
}

/// The argument of those that sign.
#[derive(Debug, Args)]
pub struct KeyFile {
    /// The key file, as `bandex key new` writes it.
    #[arg(long, value_name = "FILE", env = "BANDEX_KEY", default_value = "bandex.key")]
    pub key: PathBuf,
}

/// A trader at an exchange.
pub struct Desk {
    /// To ask once.
    pub rest: Rest,
    /// What is listed.
    pub markets: Markets,
    /// The market of the arguments.
    pub market: Arc<MarketInfo>,
    /// The connection, logged in.
    pub client: Client,
    /// The key.
    pub keypair: Keypair,
    /// To sign and send with.
    pub trader: Trader,
}

/// Logs to standard error what the SDK warns of.
pub fn log() {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
}

impl Common {
    /// What is listed, and the market of the arguments.
    ///
    /// # Errors
    /// Nobody answers, or there is no such market.
    pub async fn look(&self) -> Fallible<(Rest, Markets, Arc<MarketInfo>)> {
        let rest = Rest::new(&self.url)?;
        let markets = rest.markets().await?;
        let market = markets.market(&self.market).cloned().ok_or("there is no such market")?;
        Ok((rest, markets, market))
    }

    /// Connects and logs in with a key; the account is made if the exchange does not know the key. What is signed is
    /// kept in KEY.lane beside the key, and what was pending when the program last ended is sent again first.
    ///
    /// # Errors
    /// The key, the connection, or the exchange says no.
    pub async fn desk(&self, KeyFile { key }: &KeyFile, options: Options) -> Fallible<Desk> {
        let keypair = read_keypair(key)?;
        let (rest, markets, market) = self.look().await?;
        let client = Client::connect(&rest.socket_url(), options).await?;
        let lane = FileLane::open(lane_path(key), Durability::Disk)?;
        let trader = Trader::register(&client, &rest, &markets, keypair.clone(), lane).await?;
        client.login(&keypair).await?;
        Ok(Desk { rest, markets, market, client, keypair, trader })
    }

    /// When to end.
    ///
    /// # Errors
    /// Signals cannot be heard.
    pub fn end(&self) -> Fallible<End> {
        let at = self.seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds));
        Ok(End { at, file: self.until_file.clone(), terminate: signal(SignalKind::terminate())? })
    }

    /// Writes what the program came to.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn report(&self, value: &Value) -> Fallible<()> {
        let text = serde_json::to_string_pretty(value)?;
        match &self.json {
            Some(path) => Ok(std::fs::write(path, text)?),
            None => {
                println!("{text}");
                Ok(())
            }
        }
    }
}

/// When a program ends: after its time, once a file exists, or when it is told to.
pub struct End {
    at: Option<Instant>,
    file: Option<PathBuf>,
    terminate: Signal,
}

impl End {
    /// Waits for the end; may be dropped while it waits.
    pub async fn come(&mut self) {
        loop {
            let is_over = self.at.is_some_and(|at| Instant::now() >= at);
            if is_over || self.file.as_ref().is_some_and(|file| file.exists()) {
                return;
            }
            tokio::select! {
                _ = self.terminate.recv() => return,
                _ = tokio::signal::ctrl_c() => return,
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }
}
