//! Everything of an account as CSV: it reproduces what the lists say. And markets in short, and books order by order.

use crate::story::{BWT, LOTS, PRICE, Pair, must_place};
use bandex_api::{AssetScale, BlockReply, BookOrders, DealPage, FillPage, Lane, OrderPage, Ticker, Tickers};
use bandex_tests::{MARKET, Server, Setup, place, settle_until};
use bandex_tradechain::body::{Bond, Operation};
use bandex_types::{Amount, Side};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A line by the names of its columns.
type Line = BTreeMap<String, String>;

async fn export(server: &Server, token: &str, page: &str) -> Vec<Line> {
    let answer = server.get_as(token, &format!("/v1/export/{page}")).await;
    assert_eq!((answer.status, answer.kind.as_str()), (200, "text/csv; charset=utf-8"), "{answer:?}");
    let Value::String(text) = answer.body else { panic!("{page} is no text") };
    assert!(text.ends_with("\r\n") && !text.replace("\r\n", "").contains('\n'), "{text:?}");
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    reader.deserialize().map(|line| line.unwrap()).collect()
}

fn number(line: &Line, column: &str) -> u64 {
    line[column].parse().unwrap()
}

/// The last line of each thing.
fn last<'a>(lines: &'a [Line], column: &str) -> BTreeMap<&'a str, &'a Line> {
    lines.iter().map(|line| (line[column].as_str(), line)).collect()
}

/// Below zero too.
fn signed(text: &str) -> i128 {
    let bytes = |text: &str| i128::from(AssetScale::new(9).parse(text).unwrap().get());
    text.strip_prefix('-').map_or_else(|| bytes(text), |rest| -bytes(rest))
}

async fn check_all(pair: &Pair, token: &str, lane: &bandex_tests::RawLane) {
    let server = &pair.server;
    let balances = server.balances(token).await;
    let told = export(server, token, "balances").await;
    for balance in &balances.balances {
        let own: Vec<&Line> = told.iter().filter(|line| line["asset"] == balance.asset).collect();
        let sum: i128 = own.iter().map(|line| signed(&line["change"])).sum();
        let end = own.last().unwrap();
        assert_eq!(
            (sum, &end["balance"], &end["locked"]),
            (signed(&balance.balance), &balance.balance, &balance.locked)
        );
    }
    let (orders, told) = (
        server.get_as(token, "/v1/orders?state=all&limit=1000").await.read::<OrderPage>().orders,
        export(server, token, "orders").await,
    );
    let last_of = last(&told, "order");
    assert_eq!(last_of.len(), orders.len());
    for order in &orders {
        let line = last_of[order.order.as_str()];
        assert_eq!(
            (&line["filled"], &line["status"], &line["quantity"]),
            (&order.filled, &order.status, &order.quantity)
        );
        assert_eq!(
            (line["client_id"].as_str(), number(line, "seq")),
            (order.client_id.as_deref().unwrap_or(""), order.seq)
        );
    }
    let (fills, told) = (
        server.get_as(token, "/v1/fills?limit=1000").await.read::<FillPage>().fills,
        export(server, token, "fills").await,
    );
    assert_eq!(told.len(), fills.len());
    for (line, fill) in told.iter().zip(fills.iter().rev()) {
        assert_eq!(
            (number(line, "number"), &line["order"], &line["deal"]),
            (fill.number, &fill.order, &fill.deal)
        );
        assert_eq!(
            (&line["price"], &line["quantity"], &line["side"]),
            (&fill.price, &fill.quantity, &fill.side)
        );
        assert_eq!((number(line, "seq"), number(line, "time_us")), (fill.seq, fill.time_us));
    }
    // What was traded of an order is the sum of its fills.
    for order in &orders {
        let sum: i128 = told
            .iter()
            .filter(|line| line["order"] == order.order)
            .map(|line| signed(&line["quantity"]))
            .sum();
        assert_eq!(sum, signed(&order.filled), "{order:?}");
    }
    let (deals, told) = (
        server.get_as(token, "/v1/deals?closed=true&limit=1000").await.read::<DealPage>().deals,
        export(server, token, "deals").await,
    );
    let tranches = export(server, token, "tranches").await;
    let last_of = last(&told, "deal");
    assert_eq!(last_of.len(), deals.len());
    for deal in &deals {
        let line = last_of[deal.deal.as_str()];
        assert_eq!(
            (&line["state"], &line["base_sent"], &line["quote_sent"]),
            (&deal.state, &deal.base_sent, &deal.quote_sent)
        );
        let sent: i128 = tranches
            .iter()
            .filter(|line| line["deal"] == deal.deal && line["party"] == "seller")
            .map(|line| signed(&line["amount"]))
            .sum();
        assert_eq!(sent, signed(&deal.base_sent));
    }
    let (lane, told): (Lane, _) = (server.lane(lane.key()).await, export(server, token, "blocks").await);
    assert_eq!(told.iter().map(|line| line["block_id"].clone()).collect::<Vec<_>>(), lane.blocks);
    for what in ["orders", "fills", "deals", "tranches", "balances", "blocks"] {
        let all = export(server, token, what).await;
        let from = all.get(all.len() / 2).map_or(1, |line| number(line, "seq"));
        let rest: Vec<Line> = all.iter().filter(|line| number(line, "seq") >= from).cloned().collect();
        assert_eq!(
            export(server, token, &format!("{what}?from_seq={from}")).await,
            rest,
            "{what} from {from}"
        );
        assert!(all.is_sorted_by_key(|line| number(line, "seq")));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_lines_reproduce_balances_and_positions() {
    let mut pair = Pair::meet(Server::start(Setup { dust: 100_000_000, ..Setup::default() }).await).await;
    let fees = json!({ "maker_ppm": 1_000, "taker_ppm": 2_000 });
    pair.server.configure(json!([{ "change": "set_fees", "market": 1, "fees": fees }])).await;
    let Operation::Place(mut named) = place(MARKET, Side::Sell, PRICE + 9, LOTS) else { unreachable!() };
    named.client_id = Some("a \"name\", with; everything".to_owned());
    let mut asks: Vec<Operation> = (0..3).map(|at| place(MARKET, Side::Sell, PRICE + at, LOTS / 2)).collect();
    asks.push(Operation::Place(named));
    let signed = pair.seller.orders(asks);
    pair.server.submit(&signed).await.read::<BlockReply>();
    let (bid, _) = pair.buyer.limit(Side::Buy, PRICE + 1, LOTS * 5 / 4);
    must_place(pair.server.submit(&bid).await.read(), "open");
    let bond = pair.seller.sign(Bond { amount: Amount::new(BWT) });
    pair.server.submit(&bond).await.read::<BlockReply>();
    let transfer = pair.seller.transfer(pair.buyer.account(), 12_345);
    pair.server.submit(&transfer).await.read::<BlockReply>();
    // Refused as a whole, and in the chain all the same.
    let nothing = pair.buyer.transfer(pair.buyer.account(), 1);
    pair.server.submit(&nothing).await.must_be(422, "to_self");
    let page: DealPage = pair.server.get_as(&pair.buyer_token, "/v1/deals").await.read();
    for (deal, whole) in page.deals.iter().zip([true, false]) {
        let id = deal.deal.parse().unwrap();
        let stop = |deal: &bandex_api::Deal| !whole && deal.base_sent != "0";
        settle_until(&pair.server, &mut pair.seller, &mut pair.buyer, id, stop).await;
    }
    check_all(&pair, &pair.seller_token, &pair.seller).await;
    check_all(&pair, &pair.buyer_token, &pair.buyer).await;
    let blocks = export(&pair.server, &pair.buyer_token, "blocks").await;
    let refused: Vec<&str> =
        blocks.iter().map(|line| line["code"].as_str()).filter(|code| !code.is_empty()).collect();
    assert_eq!(refused, ["to_self"]);
    let stranger = pair.server.register(3).await;
    let strange = pair.server.login(&stranger).await;
    assert!(export(&pair.server, &strange, "fills").await.is_empty());
    pair.server.get("/v1/export/fills").await.must_be(401, "not_logged_in");
    pair.server.get_as(&strange, "/v1/export/secrets").await.must_be(404, "not_found");
    pair.server.get_as(&strange, "/v1/export/fills?from_seq=x").await.must_be(400, "bad_request");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tickers_and_orders_of_a_book_are_told() {
    let mut pair = Pair::meet(Server::start(Setup { dust: 100_000_000, ..Setup::default() }).await).await;
    let none: Ticker = pair.server.get("/v1/tickers/BWT-BTC").await.read();
    assert_eq!(
        (none.last, none.open, none.bid, none.trades, none.volume.as_str()),
        (None, None, None, 0, "0")
    );
    let asks = [(2, 5), (1, 7), (2, 6), (0, 4)];
    let asks = asks.map(|(above, lots)| place(MARKET, Side::Sell, PRICE + above, lots * 1_000)).to_vec();
    let signed = pair.seller.orders(asks);
    pair.server.submit(&signed).await.read::<BlockReply>();
    let [third, second, fourth, _] = [0, 1, 2, 3].map(|op| pair.seller.last_order(op).to_string());
    let (bid, _) = pair.buyer.limit(Side::Buy, PRICE, 4_000);
    must_place(pair.server.submit(&bid).await.read(), "filled");
    let (bid, resting) = pair.buyer.limit(Side::Buy, PRICE - 1, 3_000);
    must_place(pair.server.submit(&bid).await.read(), "open");

    let ticker: Ticker = pair.server.get("/v1/tickers/BWT-BTC").await.read();
    let price = Some("0.00000039159".to_owned());
    assert_eq!((&ticker.last, &ticker.open, &ticker.high, &ticker.low), (&price, &price, &price, &price));
    assert_eq!((ticker.volume.as_str(), ticker.trades, ticker.change.as_deref()), ("0.004", 1, Some("0")));
    assert_eq!(
        (ticker.bid.as_deref(), ticker.bid_quantity.as_deref()),
        (Some("0.00000039158995"), Some("0.003"))
    );
    assert_eq!(
        (ticker.ask.as_deref(), ticker.ask_quantity.as_deref()),
        (Some("0.00000039159005"), Some("0.007"))
    );
    let all: Tickers = pair.server.get("/v1/tickers").await.read();
    assert_eq!(all.tickers.iter().map(|of| of.market.as_str()).collect::<Vec<_>>(), ["BWT-BTC", "BWT-EUR"]);
    assert_eq!((all.seq, all.tickers[0].last.as_ref()), (ticker.seq, price.as_ref()));
    pair.server.get("/v1/tickers/BWT-XXX").await.must_be(404, "not_found");

    let book: BookOrders = pair.server.get("/v1/book/BWT-BTC?orders=true").await.read();
    let named = |side: &[bandex_api::RestingOrder]| -> Vec<String> {
        side.iter().map(|order| order.order.clone()).collect()
    };
    assert_eq!(named(&book.asks), [&second, &third, &fourth].map(String::clone), "by price, then by age");
    assert_eq!(named(&book.bids), [resting.to_string()]);
    assert_eq!((book.asks[1].quantity.as_str(), book.bids[0].quantity.as_str()), ("0.005", "0.003"));
    fn texts(side: &[bandex_api::RestingOrder]) -> impl Iterator<Item = (&str, &str, &str)> {
        side.iter().map(|order| (order.order.as_str(), order.price.as_str(), order.quantity.as_str()))
    }
    assert_eq!(book.checksum, bandex_api::checksum::orders(texts(&book.bids), texts(&book.asks)));
    let top: BookOrders = pair.server.get("/v1/book/BWT-BTC?orders=true&depth=2").await.read();
    assert_eq!((named(&top.asks), top.checksum), (named(&book.asks)[..2].to_vec(), book.checksum));
    let levels: bandex_api::Book = pair.server.get("/v1/book/BWT-BTC?orders=false").await.read();
    assert_eq!((levels.asks.len(), levels.asks[1].orders), (2, 2));
    pair.server.get("/v1/book/BWT-BTC?orders=maybe").await.must_be(400, "bad_request");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_spreadsheet_takes_a_name_for_a_formula() {
    let server = Server::start(Setup::default()).await;
    let mut lane = server.register_with(1, 10 * BWT).await;
    let token = server.login(&lane).await;
    let names = ["=1+1", "+1", "-1", "@SUM(A1)", "a=1", "'b"];
    for name in names {
        let Operation::Place(mut named) = place(MARKET, Side::Sell, PRICE, LOTS) else { unreachable!() };
        named.client_id = Some(name.to_owned());
        let signed = lane.orders(vec![Operation::Place(named)]);
        must_place(server.submit(&signed).await.read(), "open");
    }
    let told = export(&server, &token, "orders").await;
    let told: Vec<&str> = told.iter().map(|line| line["client_id"].as_str()).collect();
    assert_eq!(told, ["'=1+1", "'+1", "'-1", "'@SUM(A1)", "a=1", "'b"]);
}
