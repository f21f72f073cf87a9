//! `bandex watch`: follows a channel, or the best prices and the trades of a market.

use crate::account::{Server, market, read_key};
use crate::{output, serve};
use anyhow::{Context, Result, ensure};
use bandex_sdk::api::{Channel, Depth, Push, PushKind, Trade};
use bandex_sdk::{
    BookLevel, Client, LocalBook, MarketInfo, Markets, News, Options as ClientOptions, PushedBook, Rest,
    Topic,
};
use bandex_sdk::{LocalOrders, Subscription};
use clap::Args;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

/// How `bandex watch` is called.
#[derive(Debug, Args)]
pub struct Options {
    #[command(flatten)]
    server: Server,
    /// A channel, such as book, `book_orders`, bbo, trades, ticker, candles, markets, status, heartbeat, auction, orders,
    /// fills, deals, protections, balances, limits, lane; or a market, for its best prices and its trades.
    #[arg(value_name = "CHANNEL|MARKET", default_value = "BWT-BTC")]
    what: String,
    /// The market of the channel; BWT-BTC if the channel is of one and none is named.
    market: Option<String>,
    /// How many levels a side of the channel book: 10, 50, 500 or full.
    #[arg(long, default_value_t)]
    depth: Depth,
    /// How long each candle is: 1m, 5m, 15m, 1h, 4h or 1d.
    #[arg(long)]
    interval: Option<String>,
    /// The key file, for channels of the account.
    #[arg(long, value_name = "FILE", env = "BANDEX_KEY", default_value = "bandex.key")]
    key: PathBuf,
    /// Go on behind this record; 0 for all there is, of channels that tell of records.
    #[arg(long, value_name = "SEQ")]
    from: Option<u64>,
    /// Stop after so many pushes.
    #[arg(long, value_name = "N")]
    count: Option<u64>,
    /// Print every push as a line of JSON.
    #[arg(long)]
    json: bool,
}

/// A channel by its name.
fn channel(name: &str) -> Option<Channel> {
    serde_json::from_value(name.into()).ok()
}

/// What to follow: a channel, or book and trades of a market.
fn topics(options: &Options) -> Result<Vec<Topic>> {
    let Some(channel) = channel(&options.what) else {
        ensure!(options.market.is_none(), "{} is no channel; --help names them", options.what);
        return Ok(vec![Topic::of(Channel::Book, &options.what), Topic::of(Channel::Trades, &options.what)]);
    };
    let mut topic = Topic::from(channel);
    if channel.is_of_a_market() {
        topic.market = Some(options.market.clone().unwrap_or_else(|| "BWT-BTC".to_owned()));
    }
    match channel {
        Channel::Book => topic = topic.deep(options.depth),
        Channel::Candles => topic = topic.every(options.interval.as_deref().unwrap_or("1m")),
        _ => {}
    }
    Ok(vec![topic])
}

/// Follows everything that was asked for.
async fn follow(options: &Options, rest: &Rest) -> Result<Vec<Subscription>> {
    let client = Client::connect(&rest.socket_url(), ClientOptions::default()).await?;
    let mut followed = Vec::new();
    for topic in topics(options)? {
        if topic.channel.is_private() {
            client.login(&read_key(&options.key)?).await?;
        }
        followed.push(match options.from {
            Some(seq) => client.subscribe_from(topic, seq).await?,
            None => client.subscribe(topic).await?,
        });
    }
    Ok(followed)
}

/// Runs `bandex watch` until it is interrupted.
///
/// # Errors
/// The exchange cannot be reached, or has no such market.
pub async fn run(options: Options) -> Result<ExitCode> {
    let (rest, markets) = options.server.ask().await?;
    let mut followed = follow(&options, &rest).await?;
    let mut screen = Screen::new(&followed, &markets)?;
    let mut left = options.count.unwrap_or(u64::MAX);
    while left > 0 {
        let (first, second) = followed.split_at_mut(1);
        let push = tokio::select! {
            push = next(first) => push,
            push = next(second) => push,
            () = serve::wait_for_signal() => return Ok(ExitCode::SUCCESS),
        };
        let push = push.context("the exchange ended the channel")?;
        left -= 1;
        match options.json {
            true => output::json(&push)?,
            false => screen.show(&push, &followed)?,
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The next push of the one there is; nothing ever if there is none.
async fn next(followed: &mut [Subscription]) -> Option<Push> {
    match followed.first_mut() {
        Some(one) => one.next().await,
        None => std::future::pending().await,
    }
}

/// What people see.
struct Screen {
    book: Option<(Arc<MarketInfo>, LocalBook)>,
    orders: Option<(Arc<MarketInfo>, LocalOrders)>,
}

impl Screen {
    fn new(followed: &[Subscription], markets: &Markets) -> Result<Self> {
        let mut screen = Self { book: None, orders: None };
        for topic in followed.iter().map(Subscription::topic) {
            let Some(name) = &topic.market else { continue };
            let info = market(markets, name)?;
            let (symbol, scale) = (info.symbol.clone(), info.scale);
            match topic.channel {
                Channel::Book => {
                    let book = LocalBook::new(symbol, scale).with_depth(topic.depth.unwrap_or_default());
                    screen.book = Some((info, book));
                }
                Channel::BookOrders => screen.orders = Some((info, LocalOrders::new(symbol, scale))),
                _ => {}
            }
        }
        Ok(screen)
    }

    fn show(&mut self, push: &Push, followed: &[Subscription]) -> Result<()> {
        match (push.channel, &mut self.book, &mut self.orders) {
            (Channel::Book, Some((info, book)), _) => {
                if take(book, push, followed) {
                    let best = |level: Option<BookLevel>| {
                        level.map_or_else(|| "-".to_owned(), |level| info.scale.price(level.price))
                    };
                    say!("{:>10}  {} / {}", push.seq, best(book.best_bid()), best(book.best_ask()));
                }
            }
            (Channel::BookOrders, _, Some((_, orders))) => {
                if take(orders, push, followed) {
                    say!("{:>10}  {} orders, checksum {}", push.seq, orders.len(), orders.checksum());
                }
            }
            (Channel::Trades, ..) => show_trades(push)?,
            _ => say!("{:>10}  {}", push.seq, push.data),
        }
        Ok(())
    }
}

fn show_trades(push: &Push) -> Result<()> {
    if let (PushKind::Update, News::Trades(trades)) = (push.kind, News::try_from(push)?) {
        for Trade { seq, taker_side, quantity, price, .. } in trades {
            say!("{seq:>10}  {taker_side} {quantity} at {price}");
        }
    }
    Ok(())
}

/// Lets a book take a push, and asks for the book anew if it does not fit; false then.
fn take(book: &mut impl PushedBook, push: &Push, followed: &[Subscription]) -> bool {
    let was_live = book.is_live();
    let taken = book.apply(push);
    if let Err(error) = &taken
        && was_live
    {
        eprintln!("bandex: {error}");
        let about = followed.iter().find(|one| *one.topic() == Topic::of_push(push));
        about.into_iter().for_each(Subscription::refresh);
    }
    taken.is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Called {
        #[command(flatten)]
        options: Options,
    }

    #[test]
    fn a_channel_or_a_market_is_followed() {
        let check = |words: &str, expected: &[Topic]| {
            let called = Called::try_parse_from(std::iter::once("watch").chain(words.split_whitespace()));
            assert_eq!(topics(&called.unwrap().options).unwrap(), expected, "{words}");
        };
        let of = |channel, market: &str| Topic::of(channel, market);
        check("", &[of(Channel::Book, "BWT-BTC"), of(Channel::Trades, "BWT-BTC")]);
        check("BWT-EUR", &[of(Channel::Book, "BWT-EUR"), of(Channel::Trades, "BWT-EUR")]);
        check("bbo", &[of(Channel::Bbo, "BWT-BTC")]);
        check("book BWT-EUR --depth 10", &[of(Channel::Book, "BWT-EUR").deep(Depth::Ten)]);
        check("book", &[of(Channel::Book, "BWT-BTC")]);
        check("candles --interval 1h", &[of(Channel::Candles, "BWT-BTC").every("1h")]);
        check("fills", &[Channel::Fills.into()]);
        check("status", &[Channel::Status.into()]);
        let called = Called::try_parse_from(["watch", "weather", "BWT-BTC"]).unwrap();
        assert!(topics(&called.options).is_err());
    }
}
