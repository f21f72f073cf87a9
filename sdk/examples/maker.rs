//! A market maker: quotes both sides around the last price, and knows at every moment what it has.
//!
//! It keeps the book, its orders, fills and balances by the channels alone, over lost connections and restarts of the
//! exchange and of itself. The exchange cancels its quotes if it falls silent: a guard, wound up again and again, says
//! so. At the end it takes the guard away, leaves its quotes, and prints what it holds.

mod common;

use bandex_sdk::api::{Channel, Depth, Scale};
use bandex_sdk::tradechain::body::{Guard, Quote, Quotes};
use bandex_sdk::types::{Price, Quantity, Side};
use bandex_sdk::{
    BookFeed, LocalAccount, LocalBook, MarketInfo, News, Options, Subscription, Topic, Trader, TraderError,
};
use clap::Parser;
use common::{Common, Desk, Fallible, KeyFile};
use futures_util::StreamExt;
use futures_util::stream::{SelectAll, select_all};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};

/// How often it looks whether to quote anew.
const LOOK: Duration = Duration::from_millis(100);
/// How often it quotes anew though nothing has changed, so that what others took is there again.
const RENEW: Duration = Duration::from_secs(2);
/// Its quotes are cancelled if it is not heard of for so long ...
const CANCEL_AFTER: Duration = Duration::from_secs(30);
/// ... or so long after its last connection broke.
const ON_DISCONNECT: Duration = Duration::from_secs(15);
/// How often the guard is wound up.
const WIND: Duration = Duration::from_secs(5);
/// How long nothing may be pushed before the end counts as reached.
const QUIET: Duration = Duration::from_secs(2);

/// A two-sided market maker.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    key: KeyFile,
    /// Quotes a side.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=50))]
    levels: u64,
    /// The size of each quote, in base.
    #[arg(long, default_value = "1")]
    quantity: String,
    /// How far the best quote is from the price it is made around, and each quote from the next; in parts per million.
    #[arg(long, default_value_t = 500)]
    spread_ppm: u64,
    /// The price to quote around while nobody has traded and the book has no middle.
    #[arg(long)]
    price: Option<String>,
}

/// What quotes are made by.
struct Plan {
    levels: u64,
    lots: Quantity,
    spread_ppm: u64,
    /// In ticks.
    first_price: Option<u64>,
}

/// Everything the maker knows.
struct Maker {
    plan: Plan,
    trader: Trader,
    market: std::sync::Arc<MarketInfo>,
    book: BookFeed<LocalBook>,
    account: LocalAccount,
    news: SelectAll<Subscription>,
    /// In ticks.
    last_price: Option<u64>,
    /// What the resting quotes were made around, and when.
    quoted: Option<(u64, Instant)>,
    /// Fills that were known then.
    fills_then: usize,
    quoting: Option<JoinHandle<Result<(), TraderError>>>,
    /// When the guard was wound up.
    wound: Option<Instant>,
    /// When anything but a sign of life was heard, and how many signs of life since.
    heard: Instant,
    beats: u64,
}

fn guard() -> Guard {
    let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    Guard { cancel_after_us: micros(CANCEL_AFTER), on_disconnect_us: Some(micros(ON_DISCONNECT)) }
}

impl Plan {
    fn new(arguments: &Arguments, scale: &Scale) -> Fallible<Self> {
        let price = arguments.price.as_deref().map(|price| scale.parse_price(price)).transpose()?;
        Ok(Self {
            levels: arguments.levels,
            lots: scale.parse_quantity(&arguments.quantity)?,
            spread_ppm: arguments.spread_ppm,
            first_price: price.map(Price::get),
        })
    }

    /// How far apart quotes around a price are, in ticks.
    fn step(&self, around: u64) -> u64 {
        let step = u128::from(around) * u128::from(self.spread_ppm) / 1_000_000;
        u64::try_from(step).unwrap_or(u64::MAX).max(1)
    }

    /// Quotes on both sides of a price. Those that would trade slide away from the market.
    fn quotes(&self, market: &MarketInfo, around: u64) -> Quotes {
        let step = self.step(around);
        let quote = |side, ticks| Quote { side, price: Price::new(ticks), quantity: self.lots };
        let below = (1..=self.levels).filter_map(|level| around.checked_sub(step.checked_mul(level)?));
        let above = (1..=self.levels).filter_map(|level| around.checked_add(step.checked_mul(level)?));
        let bids = below.filter(|ticks| *ticks > 0).map(|ticks| quote(Side::Buy, ticks));
        let quotes = bids.chain(above.map(|ticks| quote(Side::Sell, ticks))).collect();
        Quotes { market: market.id, slide: true, quotes }
    }
}

impl Maker {
    async fn begin(arguments: &Arguments, desk: Desk) -> Fallible<Self> {
        let Desk { market, client, trader, .. } = desk;
        let plan = Plan::new(arguments, &market.scale)?;
        let book = client.book(&market, Depth::Full).await?;
        // All fills ever: what happened while the maker was away as well.
        let mut news = LocalAccount::follow(&client, 0).await?;
        news.push(client.subscribe(Topic::of(Channel::Trades, &market.symbol)).await?);
        news.push(client.subscribe(Channel::Heartbeat).await?);
        Ok(Self {
            plan,
            trader,
            market,
            book,
            account: LocalAccount::new(),
            news: select_all(news),
            last_price: None,
            quoted: None,
            fills_then: 0,
            quoting: None,
            wound: None,
            heard: Instant::now(),
            beats: 0,
        })
    }

    /// Waits for news and takes them in; may be dropped while it waits.
    async fn hear(&mut self) -> Fallible<()> {
        let push = tokio::select! {
            book = self.book.next() => {
                book.ok_or("the exchange ended the book")?;
                (self.heard, self.beats) = (Instant::now(), 0);
                return Ok(());
            }
            push = self.news.next() => push.ok_or("the exchange ended a channel")?,
        };
        match News::try_from(&push)? {
            News::Heartbeat(_) => {
                self.beats += 1;
                return Ok(());
            }
            News::Trades(trades) => {
                if let Some(last) = trades.last() {
                    self.last_price = Some(self.market.scale.parse_price(&last.price)?.get());
                }
            }
            _ => self.account.apply(&push)?,
        }
        (self.heard, self.beats) = (Instant::now(), 0);
        Ok(())
    }

    /// The price to quote around: the last trade's, else the middle of the book, else what the arguments say.
    fn around(&self) -> Option<u64> {
        let book = self.book.book();
        let middle = || {
            let (bid, ask) = (book.best_bid()?.price.get(), book.best_ask()?.price.get());
            Some(bid / 2 + ask / 2)
        };
        self.last_price.or_else(middle).or(self.plan.first_price)
    }

    /// Winds up the guard, or quotes anew if the price has moved, somebody has taken a quote, or it was long ago. One
    /// block is under way at a time; while there is no connection it waits, and with it every other.
    fn act(&mut self) {
        if self.quoting.is_some() {
            return;
        }
        if self.wound.is_none_or(|when| when.elapsed() > WIND) {
            self.wound = Some(Instant::now());
            self.guard(guard());
            return;
        }
        let Some(around) = self.around() else { return };
        let fills = self.account.fill_count();
        let is_stale = self.quoted.is_none_or(|(before, when)| {
            before.abs_diff(around) > self.plan.step(around) / 4
                || fills > self.fills_then
                || when.elapsed() > RENEW
        });
        if is_stale {
            (self.quoted, self.fills_then) = (Some((around, Instant::now())), fills);
            let (trader, quotes) = (self.trader.clone(), self.plan.quotes(&self.market, around));
            self.quoting = Some(tokio::spawn(async move { trader.quote(quotes).await.map(|_| ()) }));
        }
    }

    fn guard(&mut self, guard: Guard) {
        let trader = self.trader.clone();
        self.quoting = Some(tokio::spawn(async move { trader.guard(guard).await.map(|_| ()) }));
    }

    /// What became of the last block; a refusal is no reason to end, since the next quotes may be taken.
    async fn look(&mut self) -> Fallible<()> {
        if let Some(quoting) = self.quoting.take_if(|quoting| quoting.is_finished()) {
            match quoting.await? {
                Ok(()) => {}
                Err(error @ (TraderError::Operation(_) | TraderError::Submit(_))) => {
                    eprintln!("maker: {error}");
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn is_quiet(&self) -> bool {
        // Signs of life say that the connection is there and that nothing else came through it.
        self.quoting.is_none() && self.beats >= 2 && self.heard.elapsed() >= QUIET
    }

    fn report(&self) -> Value {
        let (book, scale) = (self.book.book(), self.market.scale);
        let side = |side| {
            let level = |level: bandex_sdk::BookLevel| {
                let (price, quantity) = (scale.price(level.price), scale.quantity(level.quantity));
                json!({ "price": price, "quantity": quantity, "orders": level.orders })
            };
            book.levels(side).map(level).collect::<Vec<_>>()
        };
        json!({
            "seq": self.account.seq().max(book.seq().unwrap_or_default()),
            "account": self.trader.account(),
            "market": self.market.symbol,
            "book": { "bids": side(Side::Buy), "asks": side(Side::Sell) },
            "orders": self.account.orders().collect::<Vec<_>>(),
            "fills": self.account.fills().collect::<Vec<_>>(),
            "balances": self.account.balances().collect::<Vec<_>>(),
            "faults": self.book.faults(),
        })
    }
}

#[tokio::main]
async fn main() -> Fallible<()> {
    let arguments = Arguments::parse();
    common::log();
    let desk = arguments.common.desk(&arguments.key, Options::default()).await?;
    let mut maker = Maker::begin(&arguments, desk).await?;
    let mut end = arguments.common.end()?;
    let mut tick = interval(LOOK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            heard = maker.hear() => heard?,
            _ = tick.tick() => {
                maker.look().await?;
                maker.act();
            }
            () = end.come() => break,
        }
    }
    // From here nothing new is quoted. The quotes stay, which nobody guards any more; all that is on its way is heard.
    while maker.quoting.is_some() {
        tokio::select! {
            heard = maker.hear() => heard?,
            _ = tick.tick() => maker.look().await?,
        }
    }
    maker.guard(Guard::OFF);
    while !maker.is_quiet() {
        tokio::select! {
            heard = maker.hear() => heard?,
            _ = tick.tick() => maker.look().await?,
        }
    }
    arguments.common.report(&maker.report())
}
