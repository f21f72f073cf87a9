//! One account stops paying: with a small bond it buys, pays a few tranches and is gone. What its victim loses is its cap
//! at most, and the bond pays for that as far as it goes.

use super::Stage;
use super::board;
use super::cast::{Cast, enlist, hire, post, short};
use anyhow::{Context, Result, bail, ensure};
use bandex_agent::Policy;
use bandex_sdk::MarketInfo;
use bandex_sdk::api::{Deal, DealQuery};
use bandex_sdk::tradechain::body::Place;
use bandex_sdk::types::{Amount, PostOnly, Price, Quantity, Side, TimeInForce};
use serde::Serialize;
use std::time::{Duration, Instant};

/// After how many payments and acknowledgements the account is gone.
const ACTIONS: u32 = 5;
/// What it buys at most, in lots: 5 BWT.
const LOTS: u64 = 5_000_000;
/// Its bond, in bytes: worth 2,000 millisatoshi.
const BOND: Amount = Amount::new(51_072_523);
/// How long the exchange may take to convict it, after the deadline.
const PATIENCE: Duration = Duration::from_secs(60);

/// What became of the deal.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Vanished {
    /// The deal.
    pub deal: String,
    /// Who stopped paying.
    pub defaulter: String,
    /// Who lost.
    pub victim: String,
    /// How much, in quote.
    pub loss: String,
    /// The most that it could have been.
    pub cap: String,
    /// Tokens of the bond that the victim got.
    pub slashed: String,
    /// How much of the loss they cover, in quote.
    pub covered: String,
    /// What was paid before, in quote, of how much.
    pub paid: String,
    /// The whole price.
    pub quote_total: String,
    /// Base that was delivered; the rest was unlocked.
    pub delivered: String,
    /// Base that was sold.
    pub base_total: String,
    /// Why the defaulter may not order any more.
    pub frozen: Option<String>,
    /// Whether the loss stayed within the cap.
    pub within_cap: bool,
}

/// Lets a new account buy from a seller who is a stranger too, and waits for its default.
pub(crate) async fn stage_left(stage: &Stage, cast: &Cast) -> Result<Vanished> {
    board::lock(&stage.board).phase = "one stops paying";
    let market = stage.markets.market("BWT-BTC").context("the market is not listed")?;
    let vanisher = enlist(stage).await?;
    post(stage, &vanisher, BOND).await?;
    hire(stage, &vanisher, Policy::stop_after(ACTIONS)).await?;
    let (price, quantity) = (inside_price(stage, market).await?, Quantity::new(LOTS));
    let mut ask = Place::limit(market.id, Side::Sell, price, quantity);
    ask.post_only = PostOnly::Refuse;
    cast.strange_seller().context("no seller is a stranger")?.trader.place(ask).await?;
    let mut bid = Place::limit(market.id, Side::Buy, price, quantity);
    bid.time_in_force = TimeInForce::Ioc;
    vanisher.trader.place(bid).await?;
    board::lock(&stage.board).note(format!(
        "somebody with a small bond buys {} BWT, pays a few tranches and vanishes",
        market.scale.quantity(quantity)
    ));
    let reads = stage.rest.login(&vanisher.keypair, &stage.markets).await?;
    let begun = Instant::now();
    let mut shown = String::new();
    loop {
        let query = DealQuery { closed: Some(true), ..DealQuery::default() };
        let deals = reads.deals(&query).await?.deals;
        let deal = deals.last().context("nothing was traded")?;
        tell(stage, deal, &mut shown);
        if deal.state == "defaulted" {
            let frozen = reads.balances().await?.frozen;
            return finish(stage, deal, frozen);
        }
        if begun.elapsed() > PATIENCE {
            bail!("the deal is {} after {} s", deal.state, PATIENCE.as_secs());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// A price between the best bid and the best ask, so that nobody else is met.
async fn inside_price(stage: &Stage, market: &MarketInfo) -> Result<Price> {
    let book = stage.rest.book(&market.symbol, Some(1)).await?;
    let best = |levels: &[bandex_sdk::api::Level]| -> Result<Price> {
        let level = levels.first().context("one side of the book is empty")?;
        Ok(market.scale.parse_price(&level.price)?)
    };
    let (bid, ask) = (best(&book.bids)?, best(&book.asks)?);
    let middle = Price::new(bid.get() + ask.get().saturating_sub(bid.get()) / 2);
    ensure!(bid < middle && middle < ask, "there is no price between the best bid and the best ask");
    Ok(middle)
}

/// Says how far the deal has come, whenever it moves.
fn tell(stage: &Stage, deal: &Deal, shown: &mut String) {
    let paid = format!("{} of {} BTC paid", deal.quote_sent, deal.quote_total);
    if *shown != paid && deal.state == "open" {
        board::lock(&stage.board)
            .note(format!("the buyer: {paid}, the victim's cap is {} BTC", deal.seller_cap));
        *shown = paid;
    }
}

fn finish(stage: &Stage, deal: &Deal, frozen: Option<String>) -> Result<Vanished> {
    let market = stage.markets.market(&deal.market).context("the market is not listed")?;
    let loss = deal.loss.clone().unwrap_or_else(|| "0".to_owned());
    let within_cap = market.quote.scale.parse(&loss)? <= market.quote.scale.parse(&deal.seller_cap)?;
    let vanished = Vanished {
        deal: deal.deal.clone(),
        defaulter: deal.buyer.clone(),
        victim: deal.seller.clone(),
        loss,
        cap: deal.seller_cap.clone(),
        slashed: deal.slashed.clone().unwrap_or_else(|| "0".to_owned()),
        covered: deal.covered.clone().unwrap_or_else(|| "0".to_owned()),
        paid: deal.quote_sent.clone(),
        quote_total: deal.quote_total.clone(),
        delivered: deal.base_sent.clone(),
        base_total: deal.base_total.clone(),
        frozen,
        within_cap,
    };
    let id = deal.deal.parse().map(short).unwrap_or_default();
    board::lock(&stage.board).note(format!(
        "deal {id}: default. The victim loses {} BTC; its cap was {} BTC. The bond pays {} BTC of it, in tokens",
        vanished.loss, vanished.cap, vanished.covered
    ));
    Ok(vanished)
}
