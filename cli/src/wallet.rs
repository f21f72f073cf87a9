//! `bandex wallet`: the trader's own coins on the Bitcoin chain.

use crate::bitcoin::Node;
use crate::output;
use anyhow::{Context, Result};
use bandex_rails::Client;
use bandex_sdk::now;
use bandex_spv::Network;
use bandex_wallet::{History, KeyCost, Passphrase, Policy, Wallet, create};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;

/// What to do with a wallet.
#[derive(Debug, Subcommand)]
pub enum Options {
    /// Make a wallet, and show the words that are the only way back to its coins if the folder is lost.
    New {
        #[command(flatten)]
        place: Place,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Give a fresh address for a deposit.
    Address(Look),
    /// Show what it holds.
    Balance(Look),
    /// Show every transaction with the deal it is for: what came in less what went out is the balance.
    History(Look),
}

/// Which wallet.
#[derive(Debug, Args)]
pub struct Place {
    /// The wallet's folder.
    #[arg(long, value_name = "DIR", env = "BANDEX_WALLET")]
    pub wallet: PathBuf,
    /// Its network: mainnet, testnet4, signet or regtest.
    #[arg(long, value_name = "NAME", env = "BANDEX_BITCOIN_NETWORK")]
    pub network: Network,
    /// A file with the passphrase that its key file is sealed with; it is asked for otherwise.
    #[arg(long, value_name = "FILE", env = "BANDEX_PASSPHRASE_FILE")]
    pub passphrase_file: Option<PathBuf>,
}

/// A wallet and the node that it sees the chain with.
#[derive(Debug, Args)]
pub struct Look {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    node: Node,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// The passphrase from a file, or asked for at the terminal; twice if it is `new`.
///
/// # Errors
/// There is neither, or the two are not the same.
pub fn passphrase(file: Option<&PathBuf>, new: bool) -> Result<Passphrase> {
    if let Some(file) = file {
        return Ok(Passphrase::from_file(file)?);
    }
    if !std::io::stdin().is_terminal() {
        anyhow::bail!("there is no terminal to ask for the passphrase at: name a file by --passphrase-file");
    }
    let typed = rpassword::prompt_password("passphrase of the wallet: ")?;
    if new && rpassword::prompt_password("the same once more: ")? != typed {
        anyhow::bail!("the two are not the same; nothing was made");
    }
    Ok(Passphrase::new(typed))
}

impl Place {
    /// Opens the wallet.
    ///
    /// # Errors
    /// There is none, the passphrase is another one, another process has it, or the node cannot be asked.
    pub async fn open(&self, node: &Node, policy: Policy) -> Result<Wallet<Client>> {
        let node = node.node()?.context("say where a Bitcoin node is: --bitcoin-url")?;
        let client = Client::new(node.options(self.network))?;
        let passphrase = passphrase(self.passphrase_file.as_ref(), false)?;
        let wallet = Wallet::open(&self.wallet, self.network, &passphrase, client, policy).await;
        wallet.with_context(|| {
            format!("the wallet in {} (`bandex wallet new` makes one)", self.wallet.display())
        })
    }
}

impl Look {
    /// The wallet, with the chain read to its end.
    async fn open(&self) -> Result<Wallet<Client>> {
        let mut wallet = self.place.open(&self.node, Policy::default()).await?;
        wallet.sync(now()).await?;
        Ok(wallet)
    }
}

/// Runs `bandex wallet`.
///
/// # Errors
/// See [`Place::open`].
pub async fn run(options: Options) -> Result<ExitCode> {
    match options {
        Options::New { place, json } => new(&place, json)?,
        Options::Address(look) => {
            let address = look.open().await?.new_address().await?.to_string();
            if look.json { output::json(&json!({ "address": address }))? } else { say!("{address}") }
        }
        Options::Balance(look) => balance(&look).await?,
        Options::History(look) => {
            let history = look.open().await?.history();
            if look.json { output::json(&as_json(&history))? } else { show(&history) }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn new(place: &Place, as_json: bool) -> Result<()> {
    let passphrase = passphrase(place.passphrase_file.as_ref(), true)?;
    let words = create(&place.wallet, place.network, &passphrase, KeyCost::default())?;
    if as_json {
        return output::json(
            &json!({ "wallet": place.wallet, "network": place.network.to_string(), "words": &*words }),
        );
    }
    say!("{}", &*words);
    eprintln!("write these words down and keep them away from the machine: they are shown once");
    Ok(())
}

async fn balance(look: &Look) -> Result<()> {
    let wallet = look.open().await?;
    let (balance, (height, _)) = (wallet.balance(), wallet.tip());
    if look.json {
        return output::json(&json!({
            "height": height, "satoshi": balance.total(), "confirmed": balance.confirmed, "change": balance.change,
            "incoming": balance.incoming, "immature": balance.immature,
        }));
    }
    output::table([
        ("height", output::grouped(height.into())),
        ("confirmed", satoshi(balance.confirmed)),
        ("change on its way", satoshi(balance.change)),
        ("incoming", satoshi(balance.incoming)),
        ("immature", satoshi(balance.immature)),
        ("together", satoshi(balance.total())),
    ]);
    Ok(())
}

fn satoshi(amount: u64) -> String {
    format!("{} sat", output::grouped(amount))
}

fn show(history: &History) {
    for movement in &history.movements {
        let height = movement.height.map_or_else(|| "waiting".to_owned(), |height| height.to_string());
        let what = match (&movement.paid, &movement.taken_back, movement.earned.first()) {
            (Some((deal, demand, sum)), _, _) => {
                format!("pays {} for demand {demand} of {deal}", satoshi(*sum))
            }
            (_, Some((deal, demand)), _) => format!("takes back demand {demand} of {deal}"),
            (_, _, Some((deal, sum))) => format!("earned {} in {deal}", satoshi(*sum)),
            _ => "a deposit or a transfer".to_owned(),
        };
        let (came, went, fee) = (satoshi(movement.received), satoshi(movement.sent), satoshi(movement.fee));
        say!("{height:>8}  {}  +{came}  -{went}  fee {fee}  {what}", movement.txid);
    }
    say!("together  {}", satoshi(history.balance.total()));
}

fn as_json(history: &History) -> Value {
    let movements = history.movements.iter().map(|movement| {
        let paid = movement
            .paid
            .map(|(deal, demand, sum)| json!({ "deal": deal, "demand": demand, "satoshi": sum }));
        let back = movement.taken_back.map(|(deal, demand)| json!({ "deal": deal, "demand": demand }));
        let earned = movement.earned.iter().map(|(deal, sum)| json!({ "deal": deal, "satoshi": sum }));
        json!({
            "txid": movement.txid.to_string(), "height": movement.height, "received": movement.received,
            "sent": movement.sent, "fee": movement.fee, "paid": paid, "taken_back": back,
            "earned": earned.collect::<Vec<_>>(),
        })
    });
    let payments = history.payments.iter().map(|payment| {
        json!({
            "deal": payment.deal, "demand": payment.demand, "payee": payment.payee, "satoshi": payment.satoshi,
            "cumulative": payment.cumulative, "deadline_us": payment.deadline.as_micros(),
            "status": format!("{:?}", payment.status),
            "transactions": payment.transactions.iter().map(|one| one.txid.to_string()).collect::<Vec<_>>(),
        })
    });
    json!({
        "movements": movements.collect::<Vec<_>>(), "payments": payments.collect::<Vec<_>>(),
        "satoshi": history.balance.total(),
    })
}
