//! A trader: a key at the exchange, a wallet of its own, an agent that can vanish.

use super::{BURST, Chain, Venue, within};
use bandex_agent::{
    Agent, ChannelSource, DealSource, Event, EvidenceSource, Keeper, Notary, OnChain, Policy,
};
use bandex_api::{AssetScale, Channel};
use bandex_rails::Client as NodeClient;
use bandex_sdk::{AccountRest, Client, LaneStore, MemoryLane, Options, Trader, now};
use bandex_spv::Network;
use bandex_tradechain::Keypair;
use bandex_types::AccountId;
use bandex_wallet::{History, KeyCost, Passphrase, Wallet};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// What of a wallet's policy a test changes.
#[derive(Debug, Clone, Copy)]
pub struct WalletTerms {
    /// How long a payment waits before its fee is raised, in milliseconds.
    pub bump_ms: u64,
    /// Whether what would be late is taken back.
    pub gives_up: bool,
}

impl Default for WalletTerms {
    /// Fees are not raised unless the node refuses; nothing is taken back.
    fn default() -> Self {
        Self { bump_ms: 3_600_000, gives_up: false }
    }
}

/// A trader.
pub struct Party {
    keypair: Keypair,
    trader: Trader,
    rest: AccountRest,
    keeper: Keeper<NodeClient>,
    folder: TempDir,
    /// What the wallet held when the trading began, in satoshi.
    held: Mutex<u64>,
    log: Arc<Mutex<Vec<Event>>>,
    working: Mutex<JoinSet<()>>,
}

/// Opens the wallet in a folder, made if there is none.
///
/// # Panics
/// It does not open.
pub async fn open_wallet(folder: &Path, node: NodeClient, terms: WalletTerms) -> Wallet<NodeClient> {
    let passphrase = Passphrase::new("of the tests");
    if !folder.join("wallet.key").exists() {
        bandex_wallet::create(folder, Network::Regtest, &passphrase, KeyCost::for_tests()).unwrap();
    }
    let policy = bandex_wallet::Policy {
        final_confirmations: 4,
        bump_after_us: terms.bump_ms * 1_000,
        margin_us: 200_000,
        gives_up: terms.gives_up,
        ..bandex_wallet::Policy::default()
    };
    Wallet::open(folder, Network::Regtest, &passphrase, node, policy).await.unwrap()
}

impl Party {
    /// Registers, and opens a wallet that is still empty.
    ///
    /// # Panics
    /// One of them fails.
    pub async fn join(venue: &Venue, chain: &Chain, seed: u8, terms: WalletTerms) -> Self {
        Self::join_with(venue, chain, seed, terms, MemoryLane).await
    }

    /// The same with a lane that others may look into.
    ///
    /// # Panics
    /// One of them fails.
    pub async fn join_with(
        venue: &Venue,
        chain: &Chain,
        seed: u8,
        terms: WalletTerms,
        lane: impl LaneStore + 'static,
    ) -> Self {
        let client = Client::connect(&venue.rest().socket_url(), Options::default()).await.unwrap();
        let keypair = Keypair::from_seed(&[seed; 32]);
        let trader =
            Trader::register(&client, venue.rest(), venue.markets(), keypair.clone(), lane).await.unwrap();
        client.login(&keypair).await.unwrap();
        let rest = venue.rest().login(&keypair, venue.markets()).await.unwrap();
        let folder = TempDir::new().unwrap();
        let wallet = open_wallet(folder.path(), chain.wallet_client(), terms).await;
        let (held, log, working) = (Mutex::default(), Arc::default(), Mutex::default());
        Self { keypair, trader, rest, keeper: Keeper::new(wallet), folder, held, log, working }
    }

    /// The trader.
    pub const fn trader(&self) -> &Trader {
        &self.trader
    }

    /// The key.
    pub const fn keypair(&self) -> &Keypair {
        &self.keypair
    }

    /// The account.
    pub fn account(&self) -> AccountId {
        self.trader.account()
    }

    /// What the account may read.
    pub const fn rest(&self) -> &AccountRest {
        &self.rest
    }

    /// The wallet's folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The wallet, when nobody else uses it.
    pub async fn wallet(&self) -> tokio::sync::MutexGuard<'_, Wallet<NodeClient>> {
        self.keeper.wallet().await
    }

    /// Remembers what the wallet holds: from here on it is accounted for.
    ///
    /// # Panics
    /// The wallet cannot follow the chain.
    pub async fn begin(&self) {
        let held = self.holds().await;
        *self.held.lock().unwrap() = held;
    }

    /// What the wallet holds now, in satoshi.
    pub async fn holds(&self) -> u64 {
        let mut wallet = self.wallet().await;
        let look = wallet.sync(now()).await;
        look.unwrap();
        wallet.balance().total()
    }

    /// By how much the wallet is richer than when the trading began, in satoshi.
    pub async fn gained(&self) -> i64 {
        let now = i64::try_from(self.holds().await).unwrap();
        now - i64::try_from(*self.held.lock().unwrap()).unwrap()
    }

    /// All that the wallet did.
    pub async fn history(&self) -> History {
        self.wallet().await.history()
    }

    /// What its transactions in the chain cost it, in satoshi.
    pub async fn fees(&self) -> u64 {
        let history = self.history().await;
        history.movements.iter().filter(|movement| movement.height.is_some()).map(|one| one.fee).sum()
    }

    /// Its tokens in bytes: all of them, and those locked.
    ///
    /// # Panics
    /// The exchange does not answer.
    pub async fn tokens(&self) -> (u64, u64) {
        let balances = self.rest.balances().await.unwrap();
        let bytes = |text: &str| AssetScale::new(9).parse(text).unwrap().get();
        let found = balances.balances.iter().find(|balance| balance.asset == "BWT");
        found.map_or((0, 0), |found| (bytes(&found.balance), bytes(&found.locked)))
    }

    /// Puts an agent to work on what the exchange says.
    pub async fn attend(&self, venue: &Venue, stop_after: Option<u32>) {
        let source = self.source().await;
        self.attend_with(venue, source, Arc::new(self.rest_again(venue).await), stop_after);
    }

    /// What the exchange tells the account of its deals.
    ///
    /// # Panics
    /// It tells nothing.
    pub async fn source(&self) -> ChannelSource {
        ChannelSource::new(self.trader.client().subscribe(Channel::Deals).await.unwrap())
    }

    /// A session of its own for reads.
    ///
    /// # Panics
    /// The exchange does not answer.
    pub async fn rest_again(&self, venue: &Venue) -> AccountRest {
        venue.rest().login(&self.keypair, venue.markets()).await.unwrap()
    }

    /// Puts an agent to work on these sources, and the wallet with it. After `stop_after` steps the agent is gone; the
    /// wallet stays, as the one of somebody who only does not answer any more.
    pub fn attend_with(
        &self,
        venue: &Venue,
        source: impl DealSource + 'static,
        evidence: Arc<dyn EvidenceSource>,
        stop_after: Option<u32>,
    ) {
        let notary = Notary { node: venue.markets().node, network: venue.network() };
        let coins = OnChain { coins: Arc::new(self.keeper.clone()), evidence, notary };
        let millis = Duration::from_millis;
        let policy = Policy { stop_after, margin: millis(200), recheck: BURST, ..Policy::default() };
        let agent =
            Agent::new(self.trader.clone(), self.trader.clone(), self.account(), Arc::clone(venue.markets()));
        let agent = agent.with_policy(policy).with_coins(coins);
        let (events, mut news) = mpsc::unbounded_channel();
        let (log, keeper) = (Arc::clone(&self.log), self.keeper.clone());
        let mut working = self.working.lock().unwrap();
        working.spawn(async move {
            let _ = agent.run(source, events).await;
        });
        working.spawn(async move {
            while let Some(event) = news.recv().await {
                log.lock().unwrap().push(event);
            }
        });
        working.spawn(async move { keeper.keep(BURST * 4).await });
    }

    /// Agent and wallet are gone from one moment to the next, though not while the wallet writes: it would refuse all
    /// else until it is opened again, and what a kill does is tried elsewhere.
    pub async fn vanish(&self) {
        let _idle = self.wallet().await;
        let mut working = std::mem::take(&mut *self.working.lock().unwrap());
        working.shutdown().await;
    }

    /// What the agents told so far.
    pub fn told(&self) -> Vec<Event> {
        self.log.lock().unwrap().clone()
    }

    /// Forgets what they told.
    pub fn forget(&self) {
        self.log.lock().unwrap().clear();
    }

    /// Waits until an agent tells something.
    pub async fn tells(&self, what: &str, wanted: impl Fn(&Event) -> bool) -> Event {
        within(what, async || self.told().into_iter().find(|event| wanted(event))).await
    }
}
