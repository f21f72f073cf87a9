//! Every wallet explained to the satoshi: what was mined to it, what deals paid it and cost it, and what miners took; and
//! each deal's coins held against what the exchange counted.

use super::Chain;
use crate::demo::Stage;
use crate::demo::cast::Cast;
use anyhow::{Context, Result, ensure};
use bandex_sdk::types::DealId;
use bandex_sdk::{AccountRest, now};
use serde::Serialize;
use std::collections::BTreeMap;

/// One wallet's book, in satoshi.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Book {
    /// Whose: the first digits of the account.
    pub account: String,
    /// What was mined to it.
    pub mined: u64,
    /// What deals paid it.
    pub received: u64,
    /// What it paid for deals.
    pub paid: u64,
    /// What miners took.
    pub fees: u64,
    /// How many transactions it signed that are in the chain.
    pub transactions: usize,
    /// What it holds.
    pub balance: u64,
    /// What remains unexplained: what it holds, less mined and received, plus paid and fees.
    pub unexplained: i128,
}

/// All books.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Books {
    pub wallets: Vec<Book>,
    /// Deals that were paid on the chain.
    pub deals: usize,
    /// Payments that the exchange counted, and what they come to in satoshi.
    pub payments: usize,
    pub satoshi: u64,
    /// Deals of which payer, payee and exchange say different sums.
    pub disputed: Vec<String>,
    /// Blocks of the chain.
    pub height: u32,
}

impl Books {
    /// Whether nothing is left unexplained.
    pub fn is_good(&self) -> bool {
        self.disputed.is_empty() && self.wallets.iter().all(|book| book.unexplained == 0)
    }
}

/// What each side says of a deal's coins.
#[derive(Default)]
struct Said {
    paid: u64,
    received: u64,
}

/// Reads all wallets, and asks the exchange about each deal.
pub(super) async fn explain(stage: &Stage, cast: &Cast) -> Result<Books> {
    let chain: &Chain = stage.chain.as_ref().context("there is a chain")?;
    let mut said: BTreeMap<DealId, Said> = BTreeMap::new();
    let mut wallets = Vec::new();
    for member in &cast.members {
        let purse = member.purse.as_ref().context("every trader has a wallet")?;
        let mut wallet = purse.wallet().await;
        wallet.sync(now()).await?;
        let history = wallet.history();
        let account: String = member.trader.account().to_string().chars().take(8).collect();
        let mut book = Book {
            account,
            mined: 0,
            received: 0,
            paid: 0,
            fees: 0,
            transactions: 0,
            balance: 0,
            unexplained: 0,
        };
        book.balance = history.balance.total();
        for movement in &history.movements {
            let earned: u64 = movement.earned.iter().map(|(_, sum)| sum).sum();
            book.received += earned;
            for (deal, sum) in &movement.earned {
                said.entry(*deal).or_default().received += sum;
            }
            if let Some((deal, _, sum)) = movement.paid {
                book.paid += sum;
                said.entry(deal).or_default().paid += sum;
            }
            if movement.sent > 0 {
                book.fees += movement.fee;
                book.transactions += 1;
            } else {
                // What came from nobody's payment was mined.
                book.mined += movement.received - earned;
            }
        }
        let explained = i128::from(book.mined) + i128::from(book.received)
            - i128::from(book.paid)
            - i128::from(book.fees);
        book.unexplained = i128::from(book.balance) - explained;
        wallets.push(book);
    }
    let (mut payments, mut satoshi, mut disputed) = (0, 0, Vec::new());
    let mut readers = Vec::new();
    for member in &cast.members {
        readers.push(stage.rest.login(&member.keypair, &stage.markets).await?);
    }
    for (deal, said) in &said {
        let counted = count(&readers, *deal).await?;
        payments += counted.0;
        satoshi += counted.1;
        if said.paid != said.received || said.paid != counted.1 {
            disputed.push(format!(
                "{deal}: {} paid, {} received, {} counted",
                said.paid, said.received, counted.1
            ));
        }
    }
    let height = u32::try_from(chain.client.blockchain_info().await?.blocks)?;
    ensure!(!wallets.is_empty(), "there are wallets");
    Ok(Books { wallets, deals: said.len(), payments, satoshi, disputed, height })
}

/// How many payments of a deal the exchange counted as final, and their sum.
async fn count(readers: &[AccountRest], deal: DealId) -> Result<(usize, u64)> {
    for reader in readers {
        // Only the deal's sides may read it.
        let Ok(payments) = reader.payments(deal).await else { continue };
        let settled = payments.payments.iter().filter(|payment| payment.status == "final");
        let sums: Vec<u64> = settled.map(|payment| payment.satoshi).collect();
        return Ok((sums.len(), sums.iter().sum()));
    }
    anyhow::bail!("nobody can read deal {deal}")
}
