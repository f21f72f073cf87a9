//! The operator's decisions about payments on the Bitcoin chain.

use crate::account::market;
use crate::bitcoin::Node;
use anyhow::{Context, Result};
use bandex_rails::{Client, check};
use bandex_sdk::tradechain::body::{BitcoinTerms, Change, PaymentTerms};
use bandex_sdk::{Markets, Rest};
use bandex_spv::Network;
use bandex_spv::NetworkRules as _;
use clap::Subcommand;

/// After so many blocks the difficulty changes: from such a height on, every later one can be checked.
const PERIOD: u32 = 2_016;

/// What to decide.
#[derive(Debug, Subcommand)]
pub enum Decision {
    /// Choose the chain, once and for all: its network is that of the node, and all later headers must build upon the one
    /// at this height. Best is a multiple of 2,016.
    Set {
        #[command(flatten)]
        node: Box<Node>,
        /// The height of the first header.
        #[arg(long, required_unless_present = "from_tip")]
        height: Option<u32>,
        /// Begin at the highest multiple of 2,016 that the node has.
        #[arg(long, conflicts_with = "height")]
        from_tip: bool,
    },
    /// Set what a market asks of payments, for deals that are opened from then on. What is not given stays.
    Payments {
        /// The market.
        market: String,
        /// How many confirmations make a payment paid.
        #[arg(long, value_name = "N")]
        confirmations: Option<u16>,
        /// How many make any payment final.
        #[arg(long, value_name = "N")]
        final_confirmations: Option<u16>,
        /// The largest share of a payment that its fee may take.
        #[arg(long, value_name = "PPM")]
        fee_share_ppm: Option<u32>,
    },
}

impl Decision {
    /// As a change in the form that the exchange takes.
    ///
    /// # Errors
    /// The node or the exchange cannot be asked, or the market's quote is not paid on the chain.
    pub async fn change(self, rest: &Rest, markets: &Markets) -> Result<Change> {
        match self {
            Self::Set { node, height, from_tip: _ } => Ok(Change::SetBitcoin(begin(&node, height).await?)),
            Self::Payments { market: symbol, confirmations, final_confirmations, fee_share_ppm } => {
                let info = market(markets, &symbol)?;
                let now = rest.market(&symbol).await?.payments;
                let now = now.with_context(|| format!("{symbol} is not paid on the Bitcoin chain"))?;
                let terms = PaymentTerms {
                    confirmations: confirmations.unwrap_or(now.confirmations),
                    final_confirmations: final_confirmations.unwrap_or(now.final_confirmations),
                    fee_share_ppm: fee_share_ppm.unwrap_or(now.fee_share_ppm),
                };
                Ok(Change::SetPayments { market: info.id, terms })
            }
        }
    }
}

/// Where the exchange's chain begins, as the node has it.
async fn begin(node: &Node, height: Option<u32>) -> Result<BitcoinTerms> {
    let node = node.node()?.context("say where the Bitcoin node is: --bitcoin-url")?;
    // Which network it is on decides what it is held to.
    let asked = Client::new(node.options(Network::Regtest))?.blockchain_info().await?;
    let network = Network::of_chain(&asked.chain)
        .with_context(|| format!("the node is on network {}, which is not served", asked.chain))?;
    let client = Client::new(node.options(network))?;
    check(&client, network).await?;
    let tip = u32::try_from(asked.blocks).context("the node's height")?;
    let height = height.unwrap_or_else(|| tip - tip % PERIOD);
    let header = client.block_header(&client.block_hash(height).await?).await?;
    Ok(BitcoinTerms { network, height, header })
}
