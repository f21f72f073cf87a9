//! Public pages and an account's own: shapes, pages of many, and complaints.

use crate::story::{BWT, PRICE, Pair, must_place};
use bandex_api::{Book, Candle, CandlePage, Lane, OrderPage, Scale, StoredBlock, Trade, TradePage};
use bandex_sdk::{receipt_from_wire, signed_from_wire};
use bandex_tests::{MARKET, Server, Setup, place, settle};
use bandex_tradechain::verify;
use bandex_types::Side;
use reqwest::Method;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn markets_say_what_a_client_must_know() {
    let server = Server::start(Setup {
        pay_us: 3_000_000,
        acknowledge_us: 4_000_000,
        dust: 7_000,
        ..Setup::default()
    })
    .await;
    let found = server.markets().await;
    assert_eq!(
        (found.node.network, found.node.key, found.node.rules),
        (server.network(), server.node().to_string(), 5)
    );
    assert!(found.node.seq >= 2 && found.node.time_us > 1_577_836_800_000_000);
    assert_eq!((found.parameters.dust.as_str(), found.parameters.share_ppm), ("0.00000007", 250_000));
    let assets: Vec<(&str, u8, &str)> = found
        .assets
        .iter()
        .map(|asset| (asset.symbol.as_str(), asset.decimals, asset.rail.as_str()))
        .collect();
    assert_eq!(assets, [("BWT", 9, "token"), ("BTC", 11, "attested"), ("EUR", 4, "attested")]);
    let market = &found.markets[0];
    assert_eq!((market.symbol.as_str(), market.id, market.state.as_str()), ("BWT-BTC", 1, "trading"));
    assert_eq!((market.tick.as_str(), market.lot.as_str()), ("0.00000000000005", "0.000001"));
    assert_eq!((market.lot_units, market.tick_num, market.tick_den), (1_000, 1, 200_000_000));
    assert_eq!(
        (market.least_tranche.as_str(), market.pay_us, market.acknowledge_us),
        ("0.00000001", 3_000_000, 4_000_000)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn books_show_levels_best_first() {
    let mut pair = Pair::meet(Server::start(Setup::default()).await).await;
    for (side, price, lots) in [
        (Side::Sell, PRICE + 2, 5),
        (Side::Sell, PRICE + 1, 7),
        (Side::Sell, PRICE + 2, 6),
        (Side::Buy, PRICE - 2, 3),
        (Side::Buy, PRICE - 1, 4),
    ] {
        let lane = if side == Side::Sell { &mut pair.seller } else { &mut pair.buyer };
        let (signed, _) = lane.limit(side, price, lots);
        must_place(pair.server.submit(&signed).await.read(), "open");
    }
    let levels = |levels: &[bandex_api::Level]| -> Vec<(String, String, u64)> {
        levels.iter().map(|level| (level.price.clone(), level.quantity.clone(), level.orders)).collect()
    };
    let level = |price: &str, quantity: &str, orders| (price.to_owned(), quantity.to_owned(), orders);
    let book = pair.server.book().await;
    assert_eq!((book.market.as_str(), book.seq), ("BWT-BTC", pair.server.markets().await.node.seq));
    let asks = [level("0.00000039159005", "0.000007", 1), level("0.0000003915901", "0.000011", 2)];
    assert_eq!(levels(&book.asks), asks);
    let bids = [level("0.00000039158995", "0.000004", 1), level("0.0000003915899", "0.000003", 1)];
    assert_eq!(levels(&book.bids), bids);
    let top: Book = pair.server.get("/v1/book/BWT-BTC?depth=1").await.read();
    assert_eq!((levels(&top.asks), levels(&top.bids)), (asks[..1].to_vec(), bids[..1].to_vec()));
    let other: Book = pair.server.get("/v1/book/BWT-EUR").await.read();
    assert!(other.asks.is_empty() && other.bids.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orders_trades_and_lanes_come_in_pages() {
    let mut pair = Pair::meet(Server::start(Setup::default()).await).await;
    pair.server.set_limit(pair.seller.account(), 1_000_000_000_000).await;
    pair.server.set_limit(pair.buyer.account(), 1_000_000_000_000).await;
    let asks = (0..7).map(|at| place(MARKET, Side::Sell, PRICE + at, 1_000)).collect();
    let signed = pair.seller.orders(asks);
    pair.server.submit(&signed).await.read::<bandex_api::BlockReply>();
    // Takes five of the seven.
    let (signed, taker) = pair.buyer.limit(Side::Buy, PRICE + 4, 5_000);
    must_place(pair.server.submit(&signed).await.read(), "filled");

    let mut trades = Vec::new();
    let mut path = "/v1/trades/BWT-BTC?limit=2".to_owned();
    loop {
        let page: TradePage = pair.server.get(&path).await.read();
        assert!(page.trades.len() <= 2);
        assert!(page.trades.iter().all(|trade| trade.seq <= page.seq));
        trades.extend(page.trades);
        let Some(cursor) = page.next_cursor else { break };
        path = format!("/v1/trades/BWT-BTC?limit=2&cursor={cursor}");
    }
    assert_eq!(trades.iter().map(|trade| trade.number).collect::<Vec<_>>(), [5, 4, 3, 2, 1]);
    for trade in &trades {
        assert_eq!((trade.taker.as_str(), trade.taker_side.as_str()), (taker.to_string().as_str(), "buy"));
        assert_eq!((trade.quantity.as_str(), trade.market.as_str()), ("0.001", "BWT-BTC"));
    }

    let page =
        async |query: &str| -> OrderPage { pair.server.get_as(&pair.seller_token, query).await.read() };
    let open = page("/v1/orders").await;
    assert_eq!((open.orders.len(), open.next_cursor), (2, None), "open ones only");
    assert!(open.orders.iter().all(|order| order.status == "open" && order.filled == "0"));
    let mut all = Vec::new();
    let mut path = "/v1/orders?state=all&limit=3&market=BWT-BTC".to_owned();
    loop {
        let found = page(&path).await;
        all.extend(found.orders);
        let Some(cursor) = found.next_cursor else { break };
        path = format!("/v1/orders?state=all&limit=3&market=BWT-BTC&cursor={cursor}");
    }
    let expected: Vec<String> = (0..7).rev().map(|op| pair.seller.last_order(op).to_string()).collect();
    assert_eq!(all.iter().map(|order| order.order.clone()).collect::<Vec<_>>(), expected);
    assert_eq!(all.iter().filter(|order| order.status == "filled" && order.filled == "0.001").count(), 5);
    assert!(page("/v1/orders?state=all&market=BWT-EUR").await.orders.is_empty());

    let key = pair.seller.key();
    let lane: Lane = pair.server.lane(key).await;
    assert_eq!(
        (lane.key.as_str(), lane.account.clone()),
        (key.to_string().as_str(), pair.seller.account().to_string())
    );
    assert_eq!((lane.root, lane.scopes, lane.status.as_str(), lane.head_seq), (true, 7, "active", 2));
    assert_eq!(lane.blocks, [pair.seller.account().to_string(), pair.seller.head().id.to_string()]);
    assert!(lane.seq >= trades[0].seq, "it holds what was answered before");
    let rest: Lane = pair.server.get(&format!("/v1/lanes/{key}?from=2&limit=1")).await.read();
    assert_eq!((rest.blocks.as_slice(), rest.head_seq), (&lane.blocks[1..], 2));
}

/// One candle from its trades, oldest first.
fn candle(scale: &Scale, start_us: u64, trades: &[&Trade]) -> Candle {
    let price = |trade: &&Trade| scale.parse_price(&trade.price).unwrap();
    let lots = |trade: &&Trade| scale.parse_quantity(&trade.quantity).unwrap().get();
    let text = |found: Option<bandex_types::Price>| scale.price(found.unwrap());
    let cost: u64 = trades.iter().map(|trade| lots(trade) * price(trade).get()).sum();
    Candle {
        start_us,
        open: text(trades.first().map(price)),
        high: text(trades.iter().map(price).max()),
        low: text(trades.iter().map(price).min()),
        close: text(trades.last().map(price)),
        volume: scale.quantity(bandex_types::Quantity::new(trades.iter().map(lots).sum())),
        // A tick of a lot is 1/200,000,000 msat.
        quote_volume: bandex_api::AssetScale::new(11).amount(bandex_types::Amount::new(cost / 200_000_000)),
        trades: trades.len() as u64,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn candles_tell_what_was_traded_in_each_interval() {
    let mut pair = Pair::meet(Server::start(Setup::default()).await).await;
    pair.server.set_limit(pair.seller.account(), 1_000_000_000_000).await;
    pair.server.set_limit(pair.buyer.account(), 1_000_000_000_000).await;
    let path = "/v1/markets/BWT-BTC/candles";
    let none: CandlePage = pair.server.get(path).await.read();
    assert_eq!((none.candles.len(), none.next_cursor, none.interval.as_str()), (0, None, "1m"));
    let asks = (0..5).map(|at| place(MARKET, Side::Sell, PRICE + at, 1_000 + at)).collect();
    let signed = pair.seller.orders(asks);
    pair.server.submit(&signed).await.read::<bandex_api::BlockReply>();
    let mut told = none.seq;
    for (price, lots) in [(PRICE + 2, 2_500), (PRICE + 3, 1_500), (PRICE + 9, 700)] {
        let (signed, _) = pair.buyer.limit(Side::Buy, price, lots);
        let reply: bandex_api::BlockReply = pair.server.submit(&signed).await.read();
        // Whoever has the answer finds the trade in every later page.
        let page: CandlePage = pair.server.get(path).await.read();
        assert!(page.seq >= reply.seq && page.seq > told);
        told = page.seq;
    }
    let market = &pair.server.markets().await.markets[0];
    let scale = Scale::from_steps(&market.tick, &market.lot).unwrap();
    let mut trades = pair.server.get("/v1/trades/BWT-BTC").await.read::<TradePage>().trades;
    trades.reverse();
    assert_eq!(trades.len(), 7);
    let minutes = [("1m", 1), ("5m", 5), ("15m", 15), ("1h", 60), ("4h", 240), ("1d", 1_440)];
    for (interval, minutes) in minutes {
        let start = |trade: &&Trade| trade.time_us - trade.time_us % (minutes * 60_000_000);
        let all: Vec<&Trade> = trades.iter().collect();
        let mut expected: Vec<Candle> =
            all.chunk_by(|a, b| start(a) == start(b)).map(|of| candle(&scale, start(&of[0]), of)).collect();
        expected.reverse();
        let page: CandlePage = pair.server.get(&format!("{path}?interval={interval}")).await.read();
        assert_eq!((page.market.as_str(), page.interval.as_str()), ("BWT-BTC", interval));
        assert_eq!((page.candles, page.next_cursor), (expected.clone(), None));
        let mut found = Vec::new();
        let mut next = format!("{path}?interval={interval}&limit=1");
        loop {
            let page: CandlePage = pair.server.get(&next).await.read();
            assert_eq!(page.candles.len(), 1, "a cursor is given only if something follows");
            found.extend(page.candles);
            let Some(cursor) = page.next_cursor else { break };
            next = format!("{path}?interval={interval}&limit=1&cursor={cursor}");
        }
        assert_eq!(found, expected);
    }
    let problem = pair.server.get(&format!("{path}?interval=2m")).await.must_be(400, "bad_request");
    assert_eq!(problem.detail, "interval: \"2m\" is none of 1m, 5m, 15m, 1h, 4h, 1d");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn blocks_are_public_and_proven() {
    let mut pair = Pair::meet(Server::start(Setup::default()).await).await;
    let id = pair.trade().await;
    settle(&pair.server, &mut pair.seller, &mut pair.buyer, id).await;
    let mut checked = 0;
    for lane in [&pair.seller, &pair.buyer] {
        let on_node = pair.server.lane(lane.key()).await;
        let mut previous = "0".repeat(64);
        for (block, seq) in on_node.blocks.iter().zip(1_u64..) {
            let stored: StoredBlock = pair.server.get(&format!("/v1/blocks/{block}")).await.read();
            let signed = signed_from_wire(&stored.signed).unwrap();
            let verified = verify(signed.clone(), pair.server.network()).unwrap();
            assert_eq!((verified.id().to_string(), &stored.block_id), (block.clone(), block));
            assert_eq!((verified.block().author, verified.block().seq), (lane.key(), seq));
            assert_eq!(verified.block().previous.to_string(), previous, "each block names the one before");
            assert_eq!(stored.block, serde_json::to_value(verified.block()).unwrap());
            let receipt = receipt_from_wire(&stored.receipt).unwrap();
            receipt.check_for(&signed, &pair.server.node(), pair.server.network()).unwrap();
            assert_eq!((receipt.leaf.seq, receipt.leaf.time.as_micros()), (stored.seq, stored.time_us));
            previous.clone_from(block);
            checked += 1;
        }
        assert_eq!(on_node.head_id, previous);
    }
    assert!(checked > 15, "{checked}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn complaints_are_problem_documents() {
    let server = Server::start(Setup::default()).await;
    let lane = server.register_with(1, BWT).await;
    let token = server.login(&lane).await;
    for (page, status, code) in [
        ("/v1/book/BWT-XXX", 404, "not_found"),
        ("/v1/trades/BWT-XXX", 404, "not_found"),
        ("/v1/book/BWT-BTC?depth=0", 400, "bad_request"),
        ("/v1/book/BWT-BTC?depth=1001", 400, "bad_request"),
        ("/v1/book/BWT-BTC?depth=x", 400, "bad_request"),
        ("/v1/trades/BWT-BTC?limit=0", 400, "bad_request"),
        ("/v1/trades/BWT-BTC?limit=1001", 400, "bad_request"),
        ("/v1/trades/BWT-BTC?before=1", 400, "bad_request"),
        ("/v1/trades/BWT-BTC?cursor=-1", 400, "bad_cursor"),
        ("/v1/markets/BWT-XXX/candles", 404, "not_found"),
        ("/v1/markets/BWT-BTC/candles?interval=", 400, "bad_request"),
        ("/v1/markets/BWT-BTC/candles?limit=0", 400, "bad_request"),
        ("/v1/markets/BWT-BTC/candles?cursor=-1", 400, "bad_cursor"),
        ("/v1/lanes/zz?from=0", 400, "bad_request"),
        ("/v1/blocks/zz", 400, "bad_request"),
        ("/v1/lanes/zz", 400, "bad_request"),
        ("/v1/orders?market=BWT-XXX", 404, "not_found"),
        ("/v1/orders?cursor=zz", 400, "bad_cursor"),
        ("/v1/orders?state=some", 400, "bad_request"),
        ("/v1/orders?closed=true", 400, "bad_request"),
        ("/v1/fills?market=BWT-XXX", 404, "not_found"),
        ("/v1/fills?order=zz", 400, "bad_request"),
        ("/v1/orders?limit=0", 400, "bad_request"),
        ("/v1/deals?due_by=us", 400, "bad_request"),
        ("/v1/nothing", 404, "not_found"),
        ("/docs/nothing", 404, "not_found"),
    ] {
        let problem = server.get_as(&token, page).await.must_be(status, code);
        assert!(!problem.detail.is_empty() && !problem.title.is_empty(), "{page}: {problem:?}");
    }
    let unknown = "ab".repeat(32);
    server.get(&format!("/v1/blocks/{unknown}")).await.must_be(404, "not_found");
    server.get(&format!("/v1/lanes/{unknown}")).await.must_be(404, "unknown_key");
    server.ask(Method::DELETE, "/v1/markets", None, None).await.must_be(405, "method_not_allowed");
    // A WebSocket's page asked for in the plain way.
    let problem = server.get("/v1/ws").await.problem();
    assert!(problem.status < 500, "{problem:?}");
}
