//! A wallet that pays one deal, tranche after tranche, until it is killed: what `tests/kills.rs` kills.
//!
//! `wallet_pays FOLDER URL COOKIE SCRIPT LAST` goes on where its folder says it was, and ends when the demand `LAST` is
//! in a block. It opens the wallet with the passphrase of the tests; never for coins of worth.

use bandex_rails::{Auth, Client, NodeOptions};
use bandex_spv::Network;
use bandex_types::{AccountId, DealId, Timestamp};
use bandex_wallet::{Passphrase, PayError, Payment, Policy, Status, Wallet};
use std::error::Error;
use std::time::{Duration, SystemTime};

/// What each demand adds, in satoshi.
const TRANCHE: u64 = 25_000;
const HOUR_US: u64 = 60 * 60 * 1_000_000;
/// How long to wait before the chain is looked at again.
const PAUSE: Duration = Duration::from_millis(5);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, url, cookie, script, last] = arguments.as_slice() else {
        return Err("wallet_pays FOLDER URL COOKIE SCRIPT LAST".into());
    };
    let node = Client::new(NodeOptions {
        url: url.clone(),
        auth: Auth::Cookie(cookie.into()),
        network: Network::Regtest,
        timeout: NodeOptions::TIMEOUT,
    })?;
    // Impatient, so that raises happen between kills.
    let policy = Policy { bump_after_us: 200_000, largest_fee_share_ppm: 200_000, ..Policy::default() };
    let passphrase = Passphrase::new("test");
    let mut wallet = Wallet::open(folder.as_ref(), Network::Regtest, &passphrase, node, policy).await?;
    let (script, last) = (hex::decode(script)?, last.parse::<u32>()?);
    loop {
        wallet.sync(now()?).await?;
        let payments = wallet.history().payments;
        // The last one that was begun is asked for again: a crash may have come in between.
        let begun = payments.iter().map(|payment| payment.demand).max().unwrap_or_default();
        for demand in
            [begun, begun.saturating_add(1)].into_iter().filter(|demand| (1..=last).contains(demand))
        {
            match wallet.pay(&payment(&script, demand)?, now()?).await {
                Ok(_) | Err(PayError::Insufficient { .. }) => println!("{demand}"),
                Err(other) => return Err(other.into()),
            }
        }
        for changed in wallet.bump(now()?).await? {
            println!("{changed:?}");
        }
        let is_done = |status: Status| matches!(status, Status::Confirmed { .. } | Status::Lapsed);
        if begun == last && wallet.history().payments.iter().all(|payment| is_done(payment.status)) {
            return Ok(());
        }
        tokio::time::sleep(PAUSE).await;
    }
}

fn payment(script: &[u8], demand: u32) -> Result<Payment, Box<dyn Error>> {
    Ok(Payment {
        deal: DealId::new([1; 32]),
        demand,
        payee: AccountId::new([2; 32]),
        script: script.to_vec(),
        cumulative: u64::from(demand) * TRANCHE,
        deadline: now()?.plus(24 * HOUR_US),
    })
}

fn now() -> Result<Timestamp, Box<dyn Error>> {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
    Ok(Timestamp::from_micros(u64::try_from(since.as_micros())?))
}
