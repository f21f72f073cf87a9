//! How features are told: terms on channels, over restarts, and in evidence; the SDK's own ways to ask for them.

use super::floor::{ANNA, BERT, CARL, Floor, buy, lots, order, price, sell};
use bandex_api::{Evidence, Order, Push};
use bandex_sdk::{Client, MemoryLane, Options, Trader, TraderError};
use bandex_tests::{judge, soon};
use bandex_tradechain::body::{Operation, Place, Protection, Trigger, TriggerKind};
use bandex_types::{PostOnly, Ratio, Side};

fn orders(push: &Push) -> Vec<Order> {
    serde_json::from_value(push.data.clone()).unwrap()
}

/// Terms come with every state of an order: fresh, long past, in snapshots, after a restart.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn terms_are_told_with_every_state() {
    let mut floor = Floor::open().await;
    let mut socket = floor.server.socket().await;
    socket.login(&floor.server, &floor.traders[ANNA]).await;
    let from = socket.subscribe("orders", None).await.seq;
    let iceberg = |place: &mut Place| place.display = Some(lots(1));
    let placed = floor.check(ANNA, order(Side::Sell, 10, 3, iceberg), "open").await;
    let plain = floor.check(ANNA, sell(11, 1), "open").await;
    floor.check(BERT, buy(11, 2), "filled").await;
    let stop = |place: &mut Place| {
        place.trigger = Some(Trigger { kind: TriggerKind::StopLoss, price: price(11) });
    };
    let mut told = Vec::new();
    for _ in 0..3 {
        told.extend(orders(&socket.push().await));
    }
    assert!(told.len() >= 3, "{told:?}");
    let shown = |order: &Order| order.terms.as_ref().and_then(|terms| terms.display.clone());
    let check = |told: &[Order]| {
        for found in told {
            let expected = (found.order == placed.to_string()).then(|| "1".to_owned());
            assert_eq!(shown(found), expected, "{found:?}");
            assert!(found.order != plain.to_string() || found.terms.is_none());
        }
    };
    check(&told);
    // As told later to somebody who was away.
    let mut late = floor.server.socket().await;
    late.login(&floor.server, &floor.traders[ANNA]).await;
    late.resume("orders", from).await;
    let mut again = Vec::new();
    while again.len() < told.len() {
        again.extend(orders(&soon("what was missed", late.push()).await));
    }
    assert_eq!(again, told);
    let Floor { server, traders, tokens } = floor;
    let server = server.restart(|_| ()).await;
    let tokens = {
        let mut renewed = Vec::new();
        for lane in &traders {
            renewed.push(server.login(lane).await);
        }
        assert_ne!(renewed, tokens);
        renewed
    };
    let mut floor = Floor { server, traders, tokens };
    check(&floor.open_orders(ANNA).await);
    // The order's last state, told by a server that never saw it placed.
    let mut socket = floor.server.socket().await;
    socket.login(&floor.server, &floor.traders[ANNA]).await;
    check(&orders(&socket.subscribe("orders", None).await));
    floor.check(BERT, order(Side::Buy, 11, 1, stop), "sleeping").await;
    floor.check(CARL, buy(10, 1), "filled").await;
    let last = orders(&socket.push().await);
    assert_eq!((last[0].status.as_str(), shown(&last[0])), ("filled", Some("1".to_owned())));
}

/// Orders that met in an auction, were amended, or woke: their evidence stands by itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn evidence_holds_wherever_orders_met() {
    let mut floor = Floor::open().await;
    let judged = async |floor: &Floor, who: usize, is_elsewhere: bool, amendments: usize| {
        let page: bandex_api::DealPage = floor.server.get_as(&floor.tokens[who], "/v1/deals").await.read();
        let path = format!("/v1/deals/{}/evidence", page.deals[0].deal);
        let evidence: Evidence = floor.server.get_as(&floor.tokens[who], &path).await.read();
        assert_eq!((evidence.matched.is_some(), evidence.amendments.len()), (is_elsewhere, amendments));
        let tick_value = Ratio::new(1, 200_000_000).unwrap();
        judge(&evidence, &floor.server.node(), floor.server.network(), 1_000, tick_value);
    };
    // Where they always met.
    floor.check(ANNA, sell(10, 1), "open").await;
    floor.check(BERT, buy(10, 1), "filled").await;
    judged(&floor, BERT, false, 0).await;
    // By an amendment of one, after another of the other.
    let ask = floor.check(ANNA, sell(20, 2), "open").await;
    let bid = floor.check(BERT, buy(5, 1), "open").await;
    let amend = |order, at, quantity| Operation::Amend { order, price: price(at), quantity: lots(quantity) };
    floor.check(ANNA, amend(ask, 12, 1), "open").await;
    floor.check(BERT, amend(bid, 13, 1), "filled").await;
    judged(&floor, BERT, true, 2).await;
    // By another's trade, which woke one.
    let stop = |place: &mut Place| {
        place.trigger = Some(Trigger { kind: TriggerKind::StopLoss, price: price(15) });
    };
    floor.check(BERT, order(Side::Buy, 16, 1, stop), "sleeping").await;
    floor.check(ANNA, sell(15, 1), "open").await;
    floor.check(ANNA, sell(16, 1), "open").await;
    floor.check(CARL, buy(15, 1), "filled").await;
    judged(&floor, BERT, true, 0).await;
    // In an auction, of quotes too.
    floor.check(ANNA, super::floor::quotes(&[], &[18], false), "done").await;
    floor.set_state("auction").await;
    floor.check(BERT, buy(19, 1), "open").await;
    floor.set_state("trading").await;
    judged(&floor, BERT, true, 0).await;
}

/// Builders, quotes, protection, amendments and the rest by the SDK's own methods.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sdk_does_all_of_it() {
    let floor = Floor::open().await;
    let rest = floor.server.rest();
    let markets = rest.markets().await.unwrap();
    let client = Client::connect(&floor.server.socket_url(), Options::default()).await.unwrap();
    let open = async |who: usize| {
        let keypair = floor.traders[who].keypair().clone();
        let lane = MemoryLane;
        (
            Trader::open(&client, rest, keypair.clone(), lane).await.unwrap(),
            rest.login(&keypair, &markets).await.unwrap(),
        )
    };
    let ((anna, anna_reads), (bert, _)) = (open(ANNA).await, open(BERT).await);
    let info = markets.market("BWT-BTC").unwrap();
    let quotes =
        info.quotes(&[("0.0000004", "1")], &[("0.0000005", "1"), ("0.0000006", "2")], false).unwrap();
    let quoted = anna.quote(quotes).await.unwrap();
    assert_eq!(quoted.orders.len(), 3);
    assert!(quoted.orders.iter().all(|order| anna.own_order(order).is_some()), "own quotes are known");
    let protection = Protection { quantity: lots(5), window_us: 1_000_000 };
    anna.protect(info.id, Some(protection)).await.unwrap();
    assert_eq!(anna_reads.protections().await.unwrap().protections.len(), 1);
    let slide =
        info.order(Side::Buy).limit("0.0000005").quantity("1").post_only(PostOnly::Slide).build().unwrap();
    let placed = bert.place(slide).await.unwrap();
    assert_eq!(placed.outcome.price.as_deref(), Some("0.00000049999995"));
    let amended =
        bert.amend(placed.order, info.scale.parse_price("0.00000045").unwrap(), lots(2)).await.unwrap();
    assert_eq!(amended.operations[0].status.as_deref(), Some("open"));
    let market = info.order(Side::Buy).market("0.0000005").quote_quantity("0.0000002").build().unwrap();
    let bought = bert.place(market).await.unwrap();
    assert_eq!(bought.outcome.status.as_deref(), Some("filled"));
    let found = anna_reads.order(quoted.orders[1]).await.unwrap();
    assert_eq!((found.status.as_str(), found.filled.as_str()), ("open", "0.4"));
    // A refusal of one operation among several forgets only its own orders.
    let too_dear = info.quotes(&[], &[("0.0000007", "9000")], false).unwrap();
    let operations = vec![
        Operation::Place(Box::new(info.order(Side::Sell).limit("0.000001").quantity("1").build().unwrap())),
        Operation::Quote(too_dear),
        Operation::Place(Box::new(info.order(Side::Sell).limit("0.000002").quantity("1").build().unwrap())),
    ];
    let under_way = anna.submit(bandex_tradechain::body::Orders { operations }).await.unwrap();
    let named = [0, 1, 2].map(|op| under_way.order(op));
    let reply = under_way.reply().await.unwrap();
    assert_eq!(
        reply.operations.iter().map(|operation| operation.ok).collect::<Vec<_>>(),
        [true, false, true]
    );
    assert_eq!(named.map(|order| anna.own_order(&order).is_some()), [true, false, true]);
    let refused = anna.amend(placed.order, price(1), lots(1)).await;
    assert!(
        matches!(&refused, Err(error @ TraderError::Operation(_)) if error.code() == Some("not_your_order"))
    );
    bert.cancel_all(Some(info.id), Some(Side::Buy)).await.unwrap();
    anna.cancel_all(None, None).await.unwrap();
    assert!(rest.book("BWT-BTC", None).await.unwrap().bids.is_empty());
    assert_eq!(rest.market("BWT-BTC").await.unwrap().last_price.as_deref(), Some("0.0000005"));
}
