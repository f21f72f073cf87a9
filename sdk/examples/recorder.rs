//! A recorder: writes every push of a market's public channels to a file, and can make the book of it again.
//!
//! Nothing is dropped: if the file is slow, the exchange waits. Every book is held against the exchange's checksum, while
//! it is recorded and again when it is replayed.

mod common;

use bandex_sdk::api::{Channel, Depth, Push};
use bandex_sdk::types::Side;
use bandex_sdk::{
    Client, LocalBook, LocalOrders, MarketInfo, OnFull, Options, PushedBook, Subscription, Topic,
};
use clap::Parser;
use common::{Common, Fallible};
use futures_util::StreamExt;
use futures_util::stream::select_all;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::PathBuf;

/// Records the public channels of a market.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(flatten)]
    common: Common,
    /// The file to write, one push a line.
    #[arg(long, value_name = "FILE", default_value = "recorded.jsonl")]
    file: PathBuf,
    /// Connect to nothing but for what is listed: read the file, and make the books of it again.
    #[arg(long)]
    replay: bool,
}

/// What the pushes of a market add up to.
struct Tally {
    book: LocalBook,
    orders: LocalOrders,
    counts: BTreeMap<String, u64>,
    faults: u64,
    seq: u64,
}

impl Tally {
    fn new(market: &MarketInfo) -> Self {
        Self {
            book: LocalBook::new(&market.symbol, market.scale),
            orders: LocalOrders::new(&market.symbol, market.scale),
            counts: BTreeMap::new(),
            faults: 0,
            seq: 0,
        }
    }

    /// Counts a push, and applies it to the book it is about; false if it does not fit the book.
    fn take(&mut self, push: &Push) -> bool {
        let name = serde_json::to_value(push.channel).ok();
        let name = name.as_ref().and_then(Value::as_str).unwrap_or_default().to_owned();
        *self.counts.entry(name).or_default() += 1;
        self.seq = self.seq.max(push.seq);
        let topic = Topic::of_push(push);
        let fits = |book: &mut dyn PushedBook| {
            // What comes between a fault and the snapshot that mends it finds an empty book.
            let was_live = book.is_live();
            let taken = book.apply(push);
            if let Err(error) = &taken
                && was_live
            {
                eprintln!("recorder: record {}: {error}", push.seq);
            }
            taken.is_ok() || !was_live
        };
        let fits = match topic {
            topic if topic == *self.book.topic() => fits(&mut self.book),
            topic if topic == *self.orders.topic() => fits(&mut self.orders),
            _ => true,
        };
        self.faults += u64::from(!fits);
        fits
    }

    fn report(&self, market: &MarketInfo) -> Value {
        let side = |side| {
            let level = |level: bandex_sdk::BookLevel| {
                let (price, quantity) =
                    (market.scale.price(level.price), market.scale.quantity(level.quantity));
                json!({ "price": price, "quantity": quantity, "orders": level.orders })
            };
            self.book.levels(side).map(level).collect::<Vec<_>>()
        };
        json!({
            "seq": self.seq,
            "market": market.symbol,
            "pushes": self.counts,
            "faults": self.faults,
            "checksum": self.book.checksum(),
            "book": { "bids": side(Side::Buy), "asks": side(Side::Sell) },
            "resting_orders": self.orders.len(),
        })
    }
}

/// Everything public about a market.
fn topics(market: &MarketInfo) -> Vec<Topic> {
    let of = |channel| Topic::of(channel, &market.symbol);
    vec![
        of(Channel::Book),
        of(Channel::Book).deep(Depth::Ten),
        of(Channel::BookOrders),
        of(Channel::Bbo),
        of(Channel::Trades),
        of(Channel::Ticker),
        of(Channel::Candles).every("1m"),
        of(Channel::Auction),
        Channel::Markets.into(),
        Channel::Status.into(),
        Channel::Heartbeat.into(),
    ]
}

async fn record(arguments: &Arguments) -> Fallible<Value> {
    let (rest, _, market) = arguments.common.look().await?;
    let options = Options { on_full: OnFull::Wait, ..Options::default() };
    let client = Client::connect(&rest.socket_url(), options).await?;
    let mut all: Vec<Subscription> = Vec::new();
    for topic in topics(&market) {
        all.push(client.subscribe(topic).await?);
    }
    // Whom to ask for a new snapshot when a book does not fit.
    let refresh: BTreeMap<Topic, _> = all.iter().map(|one| (one.topic().clone(), one.refresher())).collect();
    let mut all = select_all(all);
    let mut file = BufWriter::new(File::create(&arguments.file)?);
    let (mut tally, mut end) = (Tally::new(&market), arguments.common.end()?);
    loop {
        let push = tokio::select! {
            push = all.next() => push.ok_or("the exchange ended a channel")?,
            () = end.come() => break,
        };
        writeln!(file, "{}", serde_json::to_string(&push)?)?;
        if !tally.take(&push)
            && let Some(refresh) = refresh.get(&Topic::of_push(&push))
        {
            refresh.refresh();
        }
    }
    file.flush()?;
    Ok(tally.report(&market))
}

async fn replay(arguments: &Arguments) -> Fallible<Value> {
    let (_, _, market) = arguments.common.look().await?;
    let mut tally = Tally::new(&market);
    for line in BufReader::new(File::open(&arguments.file)?).lines() {
        tally.take(&serde_json::from_str(&line?)?);
    }
    Ok(tally.report(&market))
}

#[tokio::main]
async fn main() -> Fallible<()> {
    let arguments = Arguments::parse();
    common::log();
    let report = if arguments.replay { replay(&arguments).await? } else { record(&arguments).await? };
    arguments.common.report(&report)
}
