//! Channels that tell the whole each time: best prices, tickers, candles, markets, status, and signs of life.

use super::Bustle;
use bandex_api::{Bbo, Book, Candle, CandlePage, Heartbeat, Market, PushKind, Status, Ticker, TradePage};
use bandex_tests::{Server, Setup, Socket, soon};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// The last state that a topic tells, once `is_there`; every push follows the one before.
async fn told<T: DeserializeOwned>(socket: &mut Socket, topic: Value, is_there: impl Fn(&T) -> bool) -> T {
    let mut push = socket.follow(topic).await;
    loop {
        let state: T = serde_json::from_value(push.data).unwrap();
        if is_there(&state) {
            return state;
        }
        let next = socket.push().await;
        assert_eq!((next.kind, next.prev_seq), (PushKind::Update, push.seq));
        push = next;
    }
}

fn of_market(channel: &str) -> Value {
    json!({ "channel": channel, "market": "BWT-BTC" })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn best_prices_are_those_of_the_book() {
    let server = Server::start(Setup::default()).await;
    let mut bustle = Bustle::new(&server, 31).await;
    let mut socket = server.socket().await;
    let first: Bbo = serde_json::from_value(socket.follow(of_market("bbo")).await.data).unwrap();
    assert_eq!((first.bid, first.ask), (None, None));
    bustle.run(30).await;
    let book: Book = server.get("/v1/book/BWT-BTC?depth=1").await.read();
    let best = |side: &[bandex_api::Level]| {
        side.first().map(|level| (level.price.clone(), level.quantity.clone())).unzip()
    };
    let expected = (best(&book.bids), best(&book.asks));
    soon("the best prices", async {
        loop {
            let now: Bbo = serde_json::from_value(socket.push().await.data).unwrap();
            if ((now.bid, now.bid_quantity), (now.ask, now.ask_quantity)) == expected {
                return;
            }
        }
    })
    .await;
}

/// The numbers of a ticker follow from the trades; they stay over a restart, which reads them from the projections.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ticker_and_candles_sum_up_the_trades() {
    let mut server = Server::start(Setup::default()).await;
    let mut bustle = Bustle::new(&server, 33).await;
    let mut early = server.socket().await;
    let first: Ticker = serde_json::from_value(early.follow(of_market("ticker")).await.data).unwrap();
    assert_eq!((first.last, first.trades, first.volume.as_str()), (None, 0, "0"));
    for _ in 0..2 {
        bustle.run(30).await;
        bustle.trade().await;
        let page: TradePage = server.get("/v1/trades/BWT-BTC?limit=1000").await.read();
        let trades: Vec<_> = page.trades.into_iter().rev().collect();
        let (oldest, newest) = (&trades[0], &trades[trades.len() - 1]);
        let count = trades.len() as u64;
        let mut socket = server.socket().await;
        let ticker: Ticker =
            told(&mut socket, of_market("ticker"), |ticker: &Ticker| ticker.trades == count).await;
        assert_eq!(ticker.last.as_ref(), Some(&newest.price));
        assert_eq!(ticker.last_quantity.as_ref(), Some(&newest.quantity));
        assert_eq!((ticker.last_us, ticker.open.as_ref()), (Some(newest.time_us), Some(&oldest.price)));
        let number = |text: &str| text.parse::<f64>().unwrap();
        let change = number(&newest.price) - number(&oldest.price);
        assert!((number(ticker.change.as_ref().unwrap()) - change).abs() < 1e-12, "{ticker:?}");
        let volume: f64 = trades.iter().map(|trade| number(&trade.quantity)).sum();
        assert!((number(&ticker.volume) - volume).abs() < 1e-6, "{volume} in {ticker:?}");
        let prices = || trades.iter().map(|trade| number(&trade.price));
        assert_eq!(number(ticker.high.as_ref().unwrap()), prices().fold(0.0, f64::max));
        assert_eq!(number(ticker.low.as_ref().unwrap()), prices().fold(f64::MAX, f64::min));
        // Candles of each interval are those of the page.
        for interval in ["1m", "5m", "15m", "1h", "4h", "1d"] {
            let path = format!("/v1/markets/BWT-BTC/candles?interval={interval}");
            let page: CandlePage = server.get(&path).await.read();
            let expected: Vec<Candle> = page.candles.into_iter().rev().collect();
            let topic = json!({ "channel": "candles", "market": "BWT-BTC", "interval": interval });
            let candles: Vec<Candle> = told(&mut socket, topic, |_| true).await;
            assert_eq!(candles, expected, "{interval}");
        }
        server = server.restart(|_| {}).await;
        bustle.move_to(&server).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn candles_that_change_are_told() {
    let server = Server::start(Setup::default()).await;
    let mut bustle = Bustle::new(&server, 35).await;
    let mut socket = server.socket().await;
    let topic = json!({ "channel": "candles", "market": "BWT-BTC", "interval": "1d" });
    let first = socket.follow(topic).await;
    assert_eq!((first.interval.as_deref(), first.data), (Some("1d"), json!([])));
    let seq = bustle.trade().await;
    let push = socket.push().await;
    assert_eq!((push.kind, push.prev_seq, push.seq), (PushKind::Update, first.seq, seq));
    let candles: Vec<Candle> = serde_json::from_value(push.data).unwrap();
    assert_eq!((candles.len(), candles[0].trades), (1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn markets_and_status_tell_what_the_operator_decides() {
    let server = Server::start(Setup::default()).await;
    let mut socket = server.socket().await;
    let markets = socket.follow(json!({ "channel": "markets" })).await;
    let listed: Vec<Market> = serde_json::from_value(markets.data).unwrap();
    assert_eq!(listed.len(), 2);
    let mut other = server.socket().await;
    let status: Status =
        serde_json::from_value(other.follow(json!({ "channel": "status" })).await.data).unwrap();
    let page: Status = server.get("/v1/status").await.read();
    assert_eq!(Status { time_us: page.time_us, ..status }, page);
    server.configure(json!([{ "change": "set_market_state", "market": 2, "state": "halted" }])).await;
    let push = socket.push().await;
    assert_eq!((push.kind, push.prev_seq), (PushKind::Update, markets.seq));
    let changed: Vec<Market> = serde_json::from_value(push.data).unwrap();
    assert_eq!(
        (changed.len(), changed[0].symbol.as_str(), changed[0].state.as_str()),
        (1, "BWT-EUR", "halted")
    );
    let status: Status = serde_json::from_value(other.push().await.data).unwrap();
    assert_eq!((status.state.as_str(), status.markets[1].state.as_str()), ("running", "halted"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signs_of_life_are_counted_without_gaps() {
    let server = Server::start(Setup::default()).await;
    let mut sockets = [server.socket().await, server.socket().await];
    // The second comes later, and its count begins at 1 all the same.
    for socket in &mut sockets {
        assert!(socket.ask("subscribe", json!({ "channel": "heartbeat" })).await.ok);
        let (mut seq, mut time_us) = (0, 0);
        for count in 1..=3 {
            let push = socket.push().await;
            let kind = if count == 1 { PushKind::Snapshot } else { PushKind::Update };
            let beat: Heartbeat = serde_json::from_value(push.data).unwrap();
            assert_eq!((push.kind, push.prev_seq, beat.count), (kind, seq, count));
            assert!(beat.time_us > time_us && beat.seq == push.seq);
            (seq, time_us) = (push.seq, beat.time_us);
        }
    }
}
