//! The SDK's followers against a real exchange: books and accounts that stay true whatever becomes of the connection.

use bandex_api::{Channel, Depth, FillQuery, OrderQuery, Trade};
use bandex_sdk::{
    BookFeed, Client, LocalAccount, LocalBook, LocalOrders, MarketInfo, OnFull, Options, Subscription,
};
use bandex_tests::{RawLane, Server, Setup, soon};
use bandex_types::{OrderRef, Side};
use futures_util::StreamExt;
use futures_util::stream::{SelectAll, select_all};
use std::collections::BTreeMap;

/// In ticks, and in lots.
const PRICE: u64 = 1_000_000;
const LOTS: u64 = 10_000;

/// Price, quantity and number of orders of one side, best first.
type Side1 = Vec<(String, String, u64)>;

/// Everything that is followed.
struct Followers {
    full: BookFeed<LocalBook>,
    ten: BookFeed<LocalBook>,
    orders: BookFeed<LocalOrders>,
    account: LocalAccount,
    news: SelectAll<Subscription>,
}

impl Followers {
    async fn begin(server: &Server, lane: &RawLane, market: &MarketInfo) -> Self {
        let client = Client::connect(&server.socket_url(), Options::default()).await.unwrap();
        // Those who want to be waited for have a connection of their own: they hold it up, and here all the time.
        let patient = Options { unread: 1, on_full: OnFull::Wait, ..Options::default() };
        let own = Client::connect(&server.socket_url(), patient).await.unwrap();
        own.login(lane.keypair()).await.unwrap();
        Self {
            full: client.book(market, Depth::Full).await.unwrap(),
            ten: client.book(market, Depth::Ten).await.unwrap(),
            orders: client.book_orders(market).await.unwrap(),
            account: LocalAccount::new(),
            news: select_all(LocalAccount::follow(&own, 0).await.unwrap()),
        }
    }

    /// Waits until all of it is what the exchange says on its pages.
    async fn become_true(&mut self, server: &Server, lane: &RawLane, market: &MarketInfo) {
        let truth = server.book().await;
        let sides = |levels: &[bandex_api::Level]| -> Side1 {
            let texts = levels.iter();
            texts.map(|level| (level.price.clone(), level.quantity.clone(), level.orders)).collect()
        };
        let expected = [sides(&truth.bids), sides(&truth.asks)];
        while levels(self.full.book(), market) != expected {
            soon("the book", self.full.next()).await.unwrap();
        }
        assert_eq!(self.full.book().checksum(), truth.checksum);
        let best = expected.clone().map(|side| side.into_iter().take(10).collect::<Side1>());
        while levels(self.ten.book(), market) != best {
            soon("the best ten levels", self.ten.next()).await.unwrap();
        }
        while by_price(self.orders.book(), market) != expected {
            soon("the book of orders", self.orders.next()).await.unwrap();
        }
        let reads =
            server.rest().signed(lane.keypair(), &server.rest().markets().await.unwrap()).await.unwrap();
        let orders = reads.orders(&OrderQuery { limit: Some(1_000), ..OrderQuery::default() }).await.unwrap();
        let fills = reads.fills(&FillQuery { limit: Some(1_000), ..FillQuery::default() }).await.unwrap();
        let orders: BTreeMap<_, _> = orders.orders.into_iter().map(|one| (one.order.clone(), one)).collect();
        let fills: BTreeMap<_, _> = fills.fills.into_iter().map(|one| (one.number, one)).collect();
        while !self.account.orders().eq(orders.values()) || !self.account.fills().eq(fills.values()) {
            let push = soon("news of the account", self.news.next()).await.unwrap();
            self.account.apply(&push).unwrap();
        }
    }
}

fn levels(book: &LocalBook, market: &MarketInfo) -> [Side1; 2] {
    [Side::Buy, Side::Sell].map(|side| {
        let text = |level: bandex_sdk::BookLevel| {
            (market.scale.price(level.price), market.scale.quantity(level.quantity), level.orders)
        };
        book.levels(side).map(text).collect()
    })
}

/// A book of orders as one of levels.
fn by_price(book: &LocalOrders, market: &MarketInfo) -> [Side1; 2] {
    [Side::Buy, Side::Sell].map(|side| {
        let mut levels: Vec<(bandex_types::Price, u128, u64)> = Vec::new();
        for order in book.orders(side) {
            let lots = u128::from(order.quantity.get());
            match levels.last_mut() {
                Some((price, sum, count)) if *price == order.price => {
                    *sum += lots;
                    *count += 1;
                }
                _ => levels.push((order.price, lots, 1)),
            }
        }
        let text = |(price, sum, count)| (market.scale.price(price), market.scale.sum(sum), count);
        levels.into_iter().map(text).collect()
    })
}

/// Orders on both sides, some of which trade, and some cancels.
async fn bustle(server: &Server, seller: &mut RawLane, buyer: &mut RawLane, round: u64) {
    let mut resting: Vec<OrderRef> = Vec::new();
    for at in 0..18 {
        let (ask, order) = seller.limit(Side::Sell, PRICE + (at * 7 + round) % 13, LOTS);
        assert_eq!(server.submit(&ask).await.status, 200);
        resting.push(order);
        let (bid, _) = buyer.limit(Side::Buy, PRICE - 1 - at % 12, LOTS);
        assert_eq!(server.submit(&bid).await.status, 200);
        if at % 3 == 2 {
            let (taker, _) = buyer.limit(Side::Buy, PRICE + 2, LOTS * 3 / 2);
            assert_eq!(server.submit(&taker).await.status, 200);
            let cancel = seller.cancel(resting.swap_remove(0));
            assert_eq!(server.submit(&cancel).await.status, 200);
        }
    }
}

/// Each price's orders stand in the order in which they came, and each knows what is ahead of it.
fn stand_in_order(book: &LocalOrders) {
    for side in [Side::Buy, Side::Sell] {
        let mut before: Option<(bandex_sdk::BookOrder, u64, u128)> = None;
        for order in book.orders(side) {
            let place = book.place(&order.order).unwrap();
            let (ahead, lots) = match &before {
                Some((other, ahead, lots)) if other.price == order.price => {
                    // A side is one account's here, whose blocks came in the order of their numbers.
                    assert!(other.order.seq < order.order.seq, "{other:?} stands before {order:?}");
                    (ahead + 1, lots + u128::from(other.quantity.get()))
                }
                _ => (0, 0),
            };
            assert_eq!((place.side, place.orders_ahead, place.quantity_ahead), (side, ahead, lots));
            before = Some((order, ahead, lots));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn books_and_accounts_stay_true_over_restarts() {
    let mut server = Server::start(Setup::default()).await;
    let mut seller = server.register_with(1, 10_000_000_000).await;
    let mut buyer = server.register(2).await;
    for lane in [&seller, &buyer] {
        server.set_limit(lane.account(), 1_000_000_000).await;
    }
    let markets = server.rest().markets().await.unwrap();
    let market = markets.market("BWT-BTC").unwrap();
    let mut followers = Followers::begin(&server, &seller, market).await;
    for round in 0..3 {
        bustle(&server, &mut seller, &mut buyer, round).await;
        followers.become_true(&server, &seller, market).await;
        let meanwhile = async {};
        (server, ()) = server.restart_in_place(meanwhile).await;
        bustle(&server, &mut seller, &mut buyer, round + 1).await;
        followers.become_true(&server, &seller, market).await;
        stand_in_order(followers.orders.book());
    }
    assert!(followers.account.fill_count() > 20);
    assert_eq!([followers.full.faults(), followers.ten.faults(), followers.orders.faults()], [0; 3]);
}

#[tokio::test]
async fn an_account_is_read_by_login_or_by_signature() {
    let server = Server::start(Setup::default()).await;
    let lane = server.register_with(1, 5_000_000).await;
    let markets = server.rest().markets().await.unwrap();
    let by_login = server.rest().login(lane.keypair(), &markets).await.unwrap();
    let by_signature = server.rest().signed(lane.keypair(), &markets).await.unwrap();
    assert_eq!((by_login.account(), by_signature.account()), (lane.account(), lane.account()));
    let (one, other) = (by_login.balances().await.unwrap(), by_signature.balances().await.unwrap());
    assert_eq!(one, other);
    // Each nonce serves once, so signing must make a new one each time; and queries are signed as they are sent.
    let query = OrderQuery { market: Some("BWT-BTC".to_owned()), limit: Some(3), ..OrderQuery::default() };
    for _ in 0..3 {
        assert_eq!(by_signature.orders(&query).await.unwrap().orders, []);
    }
    let text = by_signature.fetch("/v1/balances").await.unwrap().text().await.unwrap();
    assert_eq!(serde_json::from_str::<bandex_api::Balances>(&text).unwrap(), one);
    assert_eq!((by_login.token().is_some(), by_signature.token()), (true, None));
}

#[tokio::test]
async fn a_program_that_remembers_where_it_was_hears_what_came_behind() {
    let server = Server::start(Setup::default()).await;
    let mut seller = server.register_with(1, 10_000_000_000).await;
    let mut buyer = server.register(2).await;
    for lane in [&seller, &buyer] {
        server.set_limit(lane.account(), 1_000_000_000).await;
    }
    let mut trade = async |price: u64| {
        let (ask, _) = seller.limit(Side::Sell, price, LOTS);
        let (bid, _) = buyer.limit(Side::Buy, price, LOTS);
        assert_eq!(server.submit(&ask).await.status, 200);
        server.submit(&bid).await.read::<bandex_api::BlockReply>().seq
    };
    let first = trade(PRICE).await;
    let second = trade(PRICE + 1).await;
    let client = Client::connect(&server.socket_url(), Options::default()).await.unwrap();
    let topic = bandex_sdk::Topic::of(Channel::Trades, "BWT-BTC");
    // What was missed comes in one push or in several; what counts is that each trade comes once, in order.
    let check = async |from: u64, expected: &[u64]| {
        let mut news = client.subscribe_from(topic.clone(), from).await.unwrap();
        let mut seqs: Vec<u64> = Vec::new();
        while seqs.last() != Some(&second) {
            let push = soon("what was missed", news.next()).await.unwrap();
            let trades: Vec<Trade> = serde_json::from_value(push.data).unwrap();
            seqs.extend(trades.iter().map(|trade| trade.seq));
        }
        assert_eq!(seqs, expected, "from record {from}");
    };
    check(0, &[first, second]).await;
    check(first, &[second]).await;
}
