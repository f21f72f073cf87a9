//! Lists of an account's own, the node's clock and state, and cursors that fit one list only.

use crate::story::{PRICE, Pair, must_place};
use bandex_api::{BlockReply, Fill, FillPage, Order, OrderPage, Status, Time, TradePage};
use bandex_tests::{MARKET, OTHER_MARKET, Server, Setup, now, place, settle};
use bandex_tradechain::body::Operation;
use bandex_types::Side;
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_node_tells_its_clock_and_its_state() {
    let server = Server::start(Setup::default()).await;
    let before = now().as_micros();
    let time: Time = server.get("/v1/time").await.read();
    assert!((before..=now().as_micros()).contains(&time.time_us), "{time:?}");
    let known = server.markets().await.node;
    assert_eq!(time.seq, known.seq);
    let status: Status = server.get("/v1/status").await.read();
    assert_eq!((status.state.as_str(), status.seq, status.rules), ("running", known.seq, known.rules));
    assert_eq!((status.network, &status.node, status.bitcoin.as_str()), (known.network, &known.key, "none"));
    assert!((before..=now().as_micros()).contains(&status.time_us));
    let states = |status: &Status| -> Vec<(String, String)> {
        status.markets.iter().map(|market| (market.market.clone(), market.state.clone())).collect()
    };
    let both = |state: &str| {
        vec![("BWT-BTC".to_owned(), state.to_owned()), ("BWT-EUR".to_owned(), "trading".to_owned())]
    };
    assert_eq!(states(&status), both("trading"));
    server.configure(json!([{ "change": "set_market_state", "market": 1, "state": "halted" }])).await;
    assert_eq!(states(&server.get("/v1/status").await.read()), both("halted"));
}

/// An order with a name of the trader's own.
fn named(side: Side, price: u64, lots: u64, name: &str) -> Operation {
    let Operation::Place(mut order) = place(MARKET, side, price, lots) else { unreachable!() };
    order.client_id = Some(name.to_owned());
    Operation::Place(order)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orders_are_found_by_state_and_by_the_traders_own_name() {
    let mut pair = Pair::meet(Server::start(Setup::default()).await).await;
    pair.server.set_limit(pair.seller.account(), 1_000_000_000_000).await;
    pair.server.set_limit(pair.buyer.account(), 1_000_000_000_000).await;
    let asks = ["a", "b", "a b&c=\u{e9}"].into_iter().zip(0..);
    let asks = asks.map(|(name, at)| named(Side::Sell, PRICE + at, 1_000, name)).collect();
    let signed = pair.seller.orders(asks);
    pair.server.submit(&signed).await.read::<BlockReply>();
    let [first, second, third] = [0, 1, 2].map(|op| pair.seller.last_order(op).to_string());
    let (signed, _) = pair.buyer.limit(Side::Buy, PRICE, 1_000);
    must_place(pair.server.submit(&signed).await.read(), "filled");
    let again = pair.seller.orders(vec![named(Side::Sell, PRICE + 9, 1_000, "a")]);
    pair.server.submit(&again).await.read::<BlockReply>();
    let last = pair.seller.last_order(0).to_string();

    let check = async |query: &str, expected: &[&String]| {
        let page: OrderPage =
            pair.server.get_as(&pair.seller_token, &format!("/v1/orders{query}")).await.read();
        let found: Vec<&String> = page.orders.iter().map(|order| &order.order).collect();
        assert_eq!((found, page.next_cursor), (expected.to_vec(), None), "{query}");
    };
    check("", &[&last, &third, &second]).await;
    check("?state=open", &[&last, &third, &second]).await;
    check("?state=closed", &[&first]).await;
    check("?state=all", &[&last, &third, &second, &first]).await;
    check("?client_id=a", &[&last, &first]).await;
    check("?client_id=a&state=open", &[&last]).await;
    check("?client_id=a&state=all", &[&last, &first]).await;
    check("?client_id=a&state=closed", &[&first]).await;
    check("?client_id=a%20b%26c%3D%C3%A9&market=BWT-BTC", &[&third]).await;
    check("?client_id=a%20b%26c%3D%C3%A9&market=BWT-EUR", &[]).await;
    check("?client_id=", &[]).await;
    // Names are each account's own.
    let of_other = pair.server.get_as(&pair.buyer_token, "/v1/orders?state=all&client_id=a").await;
    assert!(of_other.read::<OrderPage>().orders.is_empty());
    let one: Order = pair.server.get_as(&pair.seller_token, &format!("/v1/orders/{third}")).await.read();
    assert_eq!(one.client_id.as_deref(), Some("a b&c=\u{e9}"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fills_come_in_pages_with_the_fees_taken_so_far() {
    let mut pair = Pair::meet(Server::start(Setup { dust: 100_000, ..Setup::default() }).await).await;
    pair.server.set_limit(pair.seller.account(), 1_000_000_000_000).await;
    pair.server.set_limit(pair.buyer.account(), 1_000_000_000_000).await;
    let fees =
        json!([{ "change": "set_fees", "market": 1, "fees": { "maker_ppm": 1_000, "taker_ppm": 2_000 } }]);
    pair.server.configure(fees).await;
    let asks = (0..3).map(|at| place(MARKET, Side::Sell, PRICE + at, 500_000)).collect();
    let signed = pair.seller.orders(asks);
    pair.server.submit(&signed).await.read::<BlockReply>();
    let makers = [0, 1, 2].map(|op| pair.seller.last_order(op).to_string());
    let (signed, taker) = pair.buyer.limit(Side::Buy, PRICE + 2, 1_500_000);
    let reply: BlockReply = pair.server.submit(&signed).await.read();
    must_place(reply.clone(), "filled");

    let all = async |token: &str, query: &str| -> Vec<Fill> {
        let mut found = Vec::new();
        let mut path = format!("/v1/fills?limit=2{query}");
        loop {
            let page: FillPage = pair.server.get_as(token, &path).await.read();
            assert!(!page.fills.is_empty() || found.is_empty());
            found.extend(page.fills);
            let Some(cursor) = page.next_cursor else { return found };
            path = format!("/v1/fills?limit=2&cursor={cursor}{query}");
        }
    };
    let (bought, sold) = (all(&pair.buyer_token, "").await, all(&pair.seller_token, "").await);
    assert_eq!((bought.len(), sold.len()), (3, 3));
    let trades: TradePage = pair.server.get("/v1/trades/BWT-BTC").await.read();
    for (((buy, sell), trade), maker) in bought.iter().zip(&sold).zip(&trades.trades).zip(makers.iter().rev())
    {
        let told =
            |fill: &Fill| (fill.market.clone(), fill.number, fill.price.clone(), fill.quantity.clone());
        let expected = (trade.market.clone(), trade.number, trade.price.clone(), trade.quantity.clone());
        assert_eq!((told(buy), told(sell)), (expected.clone(), expected));
        assert_eq!((buy.seq, sell.seq, buy.time_us), (reply.seq, reply.seq, reply.time_us));
        assert_eq!(
            (buy.order.as_str(), buy.role.as_str(), buy.side.as_str()),
            (taker.to_string().as_str(), "taker", "buy")
        );
        assert_eq!((&sell.order, sell.role.as_str(), sell.side.as_str()), (maker, "maker", "sell"));
        assert_eq!((&buy.fee, &sell.fee, &buy.receipt), (&None, &None, &None), "nothing was delivered yet");
    }
    assert_eq!(all(&pair.buyer_token, &format!("&order={taker}")).await, bought);
    assert_eq!(all(&pair.seller_token, &format!("&order={}", makers[1])).await, sold[1..2]);
    assert_eq!(all(&pair.seller_token, "&market=BWT-BTC").await, sold);
    assert!(all(&pair.seller_token, "&market=BWT-EUR").await.is_empty());
    let others = format!("/v1/fills?order={}", makers[0]);
    pair.server.get_as(&pair.buyer_token, &others).await.must_be(403, "not_yours");
    let nothing = format!("/v1/fills?order={}:99:0", pair.buyer.key());
    pair.server.get_as(&pair.buyer_token, &nothing).await.must_be(404, "not_found");

    let deal = bought[0].deal.parse().unwrap();
    settle(&pair.server, &mut pair.seller, &mut pair.buyer, deal).await;
    let fee = async |token: &str| all(token, "").await.into_iter().map(|fill| fill.fee).collect::<Vec<_>>();
    // A thousandth and two of half a BWT, out of the buyer's tokens.
    assert_eq!(fee(&pair.buyer_token).await, [Some("0.0015".to_owned()), None, None]);
    assert_eq!(fee(&pair.seller_token).await, [None, None, None]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cursor_fits_the_list_that_gave_it() {
    let mut pair = Pair::meet(Server::start(Setup::default()).await).await;
    let mut asks: Vec<_> = (0..3).map(|at| place(MARKET, Side::Sell, PRICE + at, 1_000)).collect();
    asks.push(place(OTHER_MARKET, Side::Sell, 1_000, 1_000));
    let signed = pair.seller.orders(asks);
    pair.server.submit(&signed).await.read::<BlockReply>();
    let page: OrderPage = pair.server.get_as(&pair.seller_token, "/v1/orders?limit=1").await.read();
    let cursor = page.next_cursor.unwrap();
    let next: OrderPage =
        pair.server.get_as(&pair.seller_token, &format!("/v1/orders?cursor={cursor}")).await.read();
    assert!(
        next.next_cursor.is_none() && next.orders.iter().all(|order| order.order != page.orders[0].order)
    );
    let key = pair.seller.key();
    let lane: bandex_api::Lane = pair.server.get(&format!("/v1/lanes/{key}?limit=1")).await.read();
    let of_lane = lane.next_cursor.unwrap();
    let rest: bandex_api::Lane = pair.server.get(&format!("/v1/lanes/{key}?cursor={of_lane}")).await.read();
    assert_eq!((rest.blocks.len(), rest.next_cursor), (1, None));
    assert_eq!(pair.server.lane(key).await.blocks, [&lane.blocks[..], &rest.blocks[..]].concat());
    for list in [
        "/v1/fills?",
        "/v1/deals?",
        "/v1/trades/BWT-BTC?",
        "/v1/markets/BWT-BTC/candles?interval=1m&",
        "/v1/markets/BWT-BTC/auctions?",
        &format!("/v1/lanes/{key}?"),
    ] {
        let answer = pair.server.get_as(&pair.seller_token, &format!("{list}cursor={cursor}")).await;
        let problem = answer.must_be(400, "bad_cursor");
        assert!(problem.detail.contains("next_cursor"), "{list}: {problem:?}");
    }
    pair.server
        .get_as(&pair.seller_token, &format!("/v1/orders?cursor={of_lane}"))
        .await
        .must_be(400, "bad_cursor");
}
