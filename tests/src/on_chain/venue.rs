//! An exchange that follows a Bitcoin node, with a market that is paid on its chain and one that is not.

use super::{Chain, audit::Audited, within};
use bandex_api::{Bitcoin, BlockReply};
use bandex_exchange::{Config, Exchange, Identity};
use bandex_sdk::{Markets, Rest};
use bandex_tradechain::body::{
    AssetListing, BitcoinTerms, Change, MarketListing, Parameters, PaymentTerms, TrustTerms,
};
use bandex_types::{AccountId, Amount, AssetId, BitcoinNetwork, MarketId, Rail, Ratio};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;

/// Bitcoin on the chain, in thousandths of a satoshi.
pub const BTC: AssetId = AssetId::BTC;
const EUR: AssetId = AssetId::new(2);
/// BWT for bitcoin on the chain: at a price of one tick a lot costs a satoshi.
pub const MARKET: MarketId = MarketId::new(1);
/// BWT for euro that are only signed for.
pub const OTHER_MARKET: MarketId = MarketId::new(2);
/// Bytes in a lot.
pub const LOT: u64 = 1_000;
const NETWORK: u32 = 77;

/// How long the sides have, and what of a chain the exchange is told to follow.
#[derive(Debug, Clone, Copy)]
pub struct Terms {
    /// How long the buyer has to get a payment into a block, in milliseconds.
    pub pay_ms: u64,
    /// How long the seller has to name its script, in milliseconds.
    pub name_ms: u64,
    /// The largest share of a payment that its fee may take, in parts per million.
    pub fee_share_ppm: u32,
}

impl Default for Terms {
    /// Deadlines that no test reaches, and fees so large a share that a thousand satoshi are worth a payment.
    fn default() -> Self {
        Self { pay_ms: 600_000, name_ms: 600_000, fee_share_ppm: 154_000 }
    }
}

/// The exchange.
pub struct Venue {
    exchange: Exchange,
    folder: TempDir,
    http: reqwest::Client,
    rest: Rest,
    markets: Arc<Markets>,
}

fn first_changes(terms: Terms, height: u32, header: [u8; 80]) -> Vec<Change> {
    let asset = |id, symbol: &str, decimals, rail| {
        Change::ListAsset(AssetListing { id, symbol: symbol.to_owned(), decimals, rail })
    };
    let market = |id, quote, tick_value, pay_us, acknowledge_us| {
        let (base, lot_units, least_tranche) = (AssetId::BWT, LOT, Amount::new(1));
        Change::ListMarket(MarketListing {
            id,
            base,
            quote,
            lot_units,
            tick_value,
            least_tranche,
            pay_us,
            acknowledge_us,
        })
    };
    let chain = BitcoinTerms { network: BitcoinNetwork::Regtest, height, header };
    let payments =
        PaymentTerms { confirmations: 2, final_confirmations: 4, fee_share_ppm: terms.fee_share_ppm };
    vec![
        Change::SetBitcoin(chain),
        asset(AssetId::BWT, "BWT", 9, Rail::Token),
        asset(BTC, "BTC", 11, Rail::Bitcoin),
        asset(EUR, "EUR", 4, Rail::Attested),
        market(MARKET, BTC, Ratio::new(1_000, 1).unwrap(), terms.pay_ms * 1_000, terms.name_ms * 1_000),
        market(OTHER_MARKET, EUR, Ratio::new(1, 1).unwrap(), 600_000_000, 600_000_000),
        Change::SetPayments { market: MARKET, terms: payments },
        Change::SetParameters(Parameters {
            dust: Amount::ZERO,
            bid_multiple: 1_000,
            ..Parameters::default()
        }),
        // A byte is worth a thousandth of a satoshi, and half of a bond counts.
        Change::SetRate { asset: AssetId::BWT, rate: Some(Ratio::new(1, 1).unwrap()) },
        Change::SetTrust(TrustTerms {
            largest_limit: Amount::new(1_000_000_000_000),
            loss_budget: Amount::new(1_000_000_000_000),
            ..TrustTerms::default()
        }),
    ]
}

impl Venue {
    /// Opens an exchange that follows a chain from where the test began.
    ///
    /// # Panics
    /// It does not start.
    pub async fn open(chain: &Chain, terms: Terms) -> Self {
        let (height, header) = chain.beginning().await;
        Self::begun_at(chain, terms, height, header).await
    }

    /// The same from a header that need not be the node's.
    ///
    /// # Panics
    /// It does not start.
    pub async fn begun_at(chain: &Chain, terms: Terms, height: u32, header: [u8; 80]) -> Self {
        let folder = TempDir::new().unwrap();
        let config = Config {
            network: NETWORK,
            first_changes: first_changes(terms, height, header),
            bitcoin: Some(chain.followed()),
            ..Config::new(folder.path())
        };
        let exchange = Exchange::start(config).await.unwrap();
        let rest = Rest::new(format!("http://{}", exchange.address())).unwrap();
        let markets = Arc::new(rest.markets().await.unwrap());
        Self { exchange, folder, http: reqwest::Client::new(), rest, markets }
    }

    /// The SDK's way to ask.
    pub const fn rest(&self) -> &Rest {
        &self.rest
    }

    /// Where traders connect.
    pub fn url(&self) -> String {
        format!("http://{}", self.exchange.address())
    }

    /// What is listed.
    pub const fn markets(&self) -> &Arc<Markets> {
        &self.markets
    }

    /// The keys of the exchange, for tests in which it lies.
    ///
    /// # Panics
    /// They are not there.
    pub fn identity(&self) -> Identity {
        Identity::load_or_create(self.folder.path()).unwrap()
    }

    /// The network of all blocks.
    pub const fn network(&self) -> u32 {
        NETWORK
    }

    /// Carries out a decision of the operator.
    ///
    /// # Panics
    /// It is refused.
    pub async fn configure(&self, changes: Value) {
        let url = format!("http://{}/admin/v1/configure", self.exchange.admin_address());
        let request = self.http.post(url).bearer_auth(self.exchange.admin_token());
        let reply = request.json(&json!({ "changes": changes })).send().await.unwrap();
        let reply: BlockReply = reply.json().await.unwrap();
        assert!(reply.operations.iter().all(|operation| operation.ok), "{reply:?}");
    }

    /// Grants tokens, in bytes.
    pub async fn issue(&self, to: AccountId, bytes: u64) {
        self.configure(json!([{ "change": "issue", "to": to, "amount": bytes.to_string() }])).await;
    }

    /// How far the chain is followed.
    ///
    /// # Panics
    /// It does not answer.
    pub async fn bitcoin(&self) -> Bitcoin {
        self.rest.bitcoin().await.unwrap()
    }

    /// Waits until the node is said to be in this state.
    pub async fn until_node(&self, state: &str) -> Bitcoin {
        let found = async || Some(self.bitcoin().await).filter(|bitcoin| bitcoin.node.state == state);
        within(&format!("the node to be {state}"), found).await
    }

    /// Waits until the exchange has seen all that the chain has.
    pub async fn catches_up(&self, chain: &Chain) {
        let tip = bandex_spv::shown(&chain.tip().await);
        let look = async || {
            let bitcoin = self.bitcoin().await;
            (bitcoin.tip.as_ref() == Some(&tip) && bitcoin.node.state == "ready").then_some(())
        };
        within("the exchange to see the last block", look).await;
    }

    /// The data folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Stops it, and has its journal audited.
    ///
    /// # Panics
    /// The journal does not hold.
    pub async fn close(self) -> Audited {
        let node = self.exchange.node();
        self.exchange.stop().await;
        super::audit(self.folder.path(), &node).await
    }
}
