//! Market states and rules: auctions, bands that halt, halts and auctions that end by themselves.

use super::floor::{
    ANNA, BERT, CARL, Floor, buy, in_units, lots, order, price, price_in_units, quotes, scale, sell,
};
use bandex_api::{Auction, AuctionPage, Bbo, Indicative, Push, Ticker};
use bandex_sdk::LocalBook;
use bandex_tests::soon;
use bandex_tradechain::body::{Operation, Place, Trigger, TriggerKind};
use bandex_types::{OrderType, PostOnly, Side, TimeInForce};
use serde_json::json;

/// What makes an order special.
type Change<'a> = &'a dyn Fn(&mut Place);

fn said(found: Option<&Indicative>) -> String {
    found.map_or_else(
        || "nothing".to_owned(),
        |found| {
            let side = found.surplus_side.as_deref().unwrap_or("nobody");
            let (volume, surplus) = (in_units(&found.volume), in_units(&found.surplus));
            format!("{volume}@{}, {surplus} left to {side}", price_in_units(&found.price))
        },
    )
}

fn told(push: &Push) -> Auction {
    serde_json::from_value(push.data.clone()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_auction_gathers_tells_and_trades_at_one_price() {
    let mut floor = Floor::open().await;
    let mut socket = floor.server.socket().await;
    let first = told(&socket.subscribe("auction", Some("BWT-BTC")).await);
    assert_eq!((first.state.as_str(), first.ended.len()), ("trading", 0));
    let mut books = floor.server.socket().await;
    let mut local = LocalBook::new("BWT-BTC", scale());
    local.apply(&books.subscribe("book", Some("BWT-BTC")).await).unwrap();
    floor.set_state("auction").await;
    assert_eq!(told(&socket.push().await).state, "auction");
    let market = |place: &mut Place| {
        (place.order_type, place.time_in_force) = (OrderType::Market, TimeInForce::Ioc);
    };
    let resting = floor.check(ANNA, sell(10, 3), "open").await;
    let asked = floor.check(BERT, buy(12, 2), "open").await;
    let waits = floor.check(CARL, order(Side::Buy, 11, 4, market), "open").await;
    let behind = floor.check(ANNA, sell(13, 1), "open").await;
    floor.check_book("2@12 4@11 | 3@10 1@13").await;
    let found = floor.market().await;
    assert_eq!((found.state.as_str(), found.ends_us), ("auction", None));
    // From 10 to 11 the same volume and surplus: with no price before, the lower.
    assert_eq!(said(found.indicative.as_ref()), "3@10, 3 left to buy");
    // Each batch tells what it would give then.
    let expected = ["nothing", "2@10, 1 left to sell", "3@10, 3 left to buy", "3@10, 3 left to buy"];
    for words in expected {
        assert_eq!(said(told(&socket.push().await).indicative.as_ref()), words);
    }
    // Who follows the book sees it crossed, and knows why.
    for _ in 0..5 {
        local.apply(&books.push().await).unwrap();
    }
    assert_eq!((local.state(), local.best_bid().unwrap().price), ("auction", price(12)));
    assert_eq!(local.best_ask().unwrap().price, price(10));
    // What an auction does not gather.
    let changes: [(&str, Change<'_>); 6] = [
        ("not_in_auction", &|place| place.time_in_force = TimeInForce::Ioc),
        ("not_in_auction", &|place| place.time_in_force = TimeInForce::Fok),
        ("not_in_auction", &|place| place.post_only = PostOnly::Slide),
        ("not_in_auction", &|place| place.minimum = Some(lots(1))),
        ("not_in_auction", &|place| {
            place.trigger = Some(Trigger { kind: TriggerKind::StopLoss, price: price(20) })
        }),
        ("insufficient_free", &|place| (place.side, place.quantity) = (Side::Sell, lots(2_000))),
    ];
    for (code, change) in changes {
        floor.check(CARL, order(Side::Buy, 20, 2, change), code).await;
    }
    floor.check(CARL, quotes(&[9], &[], false), "not_in_auction").await;
    // Own orders that would meet are kept apart on entry.
    floor.check(BERT, sell(12, 1), "open").await;
    floor.check_order(BERT, asked, "cancelled: self_trade, 0 of 2 at 12").await;
    floor.check_book("4@11 | 3@10 1@12 1@13").await;
    assert_eq!(said(told(&socket.push().await).indicative.as_ref()), "3@10, 1 left to buy");
    floor.set_state("trading").await;
    let ended = told(&socket.push().await);
    assert_eq!((ended.state.as_str(), ended.indicative, ended.ended.len()), ("trading", None, 1));
    assert_eq!(ended.ended[0].price.as_deref().map(price_in_units).as_deref(), Some("10"));
    assert_eq!(floor.trades().await, ["3@10"]);
    floor.check_order(ANNA, resting, "filled, 3 of 3 at 10").await;
    floor.check_order(CARL, waits, "cancelled: auction_unfilled, 3 of 4 at 11").await;
    floor.check_order(ANNA, behind, "open, 0 of 1 at 13").await;
    floor.check_book("| 1@12 1@13").await;
    let page: AuctionPage = floor.server.get("/v1/markets/BWT-BTC/auctions").await.read();
    assert_eq!(page.auctions, ended.ended);
    assert_eq!(floor.market().await.last_price.as_deref().map(price_in_units).as_deref(), Some("10"));
    // The followed book is whole again, and a late comer hears of the auction that ended last.
    while !local.trades() {
        local.apply(&books.push().await).unwrap();
    }
    assert_eq!((local.best_bid(), local.best_ask().unwrap().price), (None, price(12)));
    let late = told(&floor.server.socket().await.subscribe("auction", Some("BWT-BTC")).await);
    assert_eq!((late.state.as_str(), late.ended), ("trading", page.auctions));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trade_outside_the_band_halts_and_an_auction_follows_by_itself() {
    let mut floor = Floor::open().await;
    let rules = json!({ "band_ppm": 100_000, "halt_us": 200_000, "auction_us": 300_000 });
    floor.set_rules(rules).await;
    let rules = floor.market().await.rules;
    assert_eq!(
        (rules.band_ppm, rules.halt_us, rules.auction_us, rules.most_orders),
        (100_000, 200_000, 300_000, 0)
    );
    floor.check(ANNA, sell(100, 1), "open").await;
    floor.check(BERT, buy(100, 1), "filled").await;
    for at in [105, 110, 111] {
        floor.check(ANNA, sell(at, 1), "open").await;
    }
    let mut socket = floor.server.socket().await;
    socket.subscribe("auction", Some("BWT-BTC")).await;
    // 110 is just inside; the rest of the order is cancelled.
    let cut = floor.check(BERT, buy(120, 3), "cancelled 2").await;
    floor.check_order(BERT, cut, "cancelled: outside_band, 2 of 3 at 120").await;
    let halted = told(&socket.push().await);
    assert_eq!(halted.state, "halted");
    assert!(halted.ends_us.is_some());
    let auction = told(&socket.push().await);
    assert_eq!((auction.state.as_str(), auction.ends_us.is_some()), ("auction", true));
    floor.check(BERT, buy(111, 1), "open").await;
    assert_eq!(said(told(&socket.push().await).indicative.as_ref()), "1@111, 0 left to nobody");
    let ended = soon("the end of the auction", socket.push()).await;
    let ended = told(&ended);
    assert_eq!((ended.state.as_str(), ended.ends_us, ended.ended.len()), ("trading", None, 1));
    assert_eq!(floor.trades().await, ["1@100", "1@105", "1@110", "1@111"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn states_and_rules_take_what_they_take() {
    let mut floor = Floor::open().await;
    floor.set_rules(json!({ "most_orders": 2 })).await;
    let open = floor.check(ANNA, sell(10, 2), "open").await;
    let stop = |place: &mut Place| {
        place.trigger = Some(Trigger { kind: TriggerKind::StopLoss, price: price(5) });
    };
    floor.check(ANNA, order(Side::Sell, 5, 1, stop), "sleeping").await;
    floor.check(ANNA, sell(11, 1), "too_many_orders").await;
    floor.check(ANNA, quotes(&[3], &[12], false), "too_many_orders").await;
    // What does not rest is not counted, and others are not touched.
    let at_once = |place: &mut Place| place.time_in_force = TimeInForce::Ioc;
    floor.check(ANNA, order(Side::Sell, 11, 1, at_once), "cancelled").await;
    floor.check(BERT, sell(11, 1), "open").await;
    let amend = |at, quantity| Operation::Amend { order: open, price: price(at), quantity: lots(quantity) };
    let all = Operation::CancelAll { market: None, side: None };
    floor.set_state("cancel_only").await;
    floor.check(ANNA, amend(10, 1), "open").await;
    floor.check(ANNA, amend(10, 2), "market_closed").await;
    floor.check(ANNA, quotes(&[3], &[], false), "market_closed").await;
    floor.set_state("halted").await;
    floor.check(ANNA, amend(10, 1), "market_closed").await;
    floor.check(ANNA, Operation::Cancel { order: open }, "market_closed").await;
    floor.check(ANNA, all.clone(), "done").await;
    floor.check_order(ANNA, open, "open, 0 of 1 at 10").await;
    floor.set_state("cancel_only").await;
    floor.check(ANNA, all, "done").await;
    floor.check_order(ANNA, open, "cancelled: requested, 0 of 1 at 10").await;
    let answer = floor.server.get("/v1/markets/BWT-XXX").await;
    answer.must_be(404, "not_found");
    floor.server.get("/v1/markets/BWT-XXX/auctions").await.must_be(404, "not_found");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn best_prices_and_tickers_say_why_they_are_crossed() {
    let mut floor = Floor::open().await;
    let mut socket = floor.server.socket().await;
    let first: Bbo = serde_json::from_value(socket.subscribe("bbo", Some("BWT-BTC")).await.data).unwrap();
    assert_eq!((first.state.as_str(), first.bid), ("trading", None));
    floor.set_state("auction").await;
    floor.check(ANNA, sell(10, 2), "open").await;
    floor.check(BERT, buy(12, 2), "open").await;
    let ticker: Ticker = floor.server.get("/v1/tickers/BWT-BTC").await.read();
    assert_eq!((ticker.state.as_str(), ticker.bid > ticker.ask), ("auction", true), "{ticker:?}");
    floor.set_state("trading").await;
    let (mut states, mut crossed) = (Vec::new(), 0);
    loop {
        let best: Bbo = serde_json::from_value(socket.push().await.data).unwrap();
        let is_crossed = best.bid.is_some() && best.ask.is_some();
        assert!(!is_crossed || best.state == "auction", "{best:?}");
        crossed += u32::from(is_crossed);
        if states.last() != Some(&best.state) {
            states.push(best.state);
        }
        if best.bid.is_none() && best.ask.is_none() && states.len() > 1 {
            break;
        }
    }
    assert_eq!((states.as_slice(), crossed), (["auction".to_owned(), "trading".to_owned()].as_slice(), 1));
    let ticker: Ticker = floor.server.get("/v1/tickers/BWT-BTC").await.read();
    assert_eq!((ticker.state.as_str(), ticker.bid), ("trading", None));
}
