//! The traders' wallets: made, filled with coins that were mined to them, and looked after.

use super::miner::Miner;
use anyhow::{Context, Result};
use bandex_agent::Keeper;
use bandex_rails::{Client, NodeOptions};
use bandex_sdk::now;
use bandex_spv::Network;
use bandex_wallet::{KeyCost, Passphrase, Policy, Wallet, create};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::task::JoinSet;

/// How many blocks are mined to a buyer: as many payments can wait side by side.
const COINS: u32 = 6;
/// How deep mined coins must lie before they can be spent.
const MATURITY: u32 = 100;
/// How often a wallet looks at the chain.
const LOOK: Duration = Duration::from_secs(1);

/// All wallets of the show.
pub(crate) struct Purses {
    folder: PathBuf,
    client: Client,
    options: NodeOptions,
    kept: std::sync::Mutex<JoinSet<()>>,
}

/// A trader's wallet.
pub(crate) type Purse = Keeper<Client>;

fn policy() -> Policy {
    let final_confirmations = u32::from(super::PAYMENTS.final_confirmations);
    Policy { final_confirmations, bump_after_us: 30_000_000, margin_us: 15_000_000, ..Policy::default() }
}

impl Purses {
    pub fn new(folder: &Path, options: NodeOptions) -> Result<Self> {
        let (folder, client) = (folder.to_owned(), Client::new(options.clone())?);
        Ok(Self { folder, client, options, kept: std::sync::Mutex::new(JoinSet::new()) })
    }

    /// Makes a wallet, each with a passphrase of its own that nobody needs to remember.
    pub async fn open(&self, number: usize) -> Result<Purse> {
        let folder = self.folder.join(number.to_string());
        std::fs::create_dir_all(&folder)?;
        let secret = hex::encode(bandex_sdk::generate_keypair()?.seed());
        let (passphrase, made_at) = (Passphrase::new(secret), folder.clone());
        let sealed = passphrase.clone();
        let making = move || create(&made_at, Network::Regtest, &sealed, KeyCost::default()).map(drop);
        tokio::task::spawn_blocking(making).await??;
        let wallet = Wallet::open(
            &folder,
            Network::Regtest,
            &passphrase,
            Client::new(self.options.clone())?,
            policy(),
        )
        .await;
        let purse = Keeper::new(wallet.context("opening a wallet")?);
        let keeper = purse.clone();
        let mut kept = self.kept.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        kept.spawn(async move { keeper.keep(LOOK).await });
        Ok(purse)
    }

    /// Mines coins to wallets, and then as many blocks as make them good to spend.
    pub async fn fill(&self, purses: &[&Purse]) -> Result<()> {
        for purse in purses {
            for _ in 0..COINS {
                let address = purse.wallet().await.new_address().await?.to_string();
                Miner::mine(&self.client, 1, Some(&address)).await?;
            }
        }
        Miner::mine(&self.client, MATURITY, None).await?;
        for purse in purses {
            purse.wallet().await.sync(now()).await?;
        }
        Ok(())
    }
}
