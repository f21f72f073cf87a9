//! Deals that go wrong: who loses what, who is frozen, what is unlocked; and what a third party sees of it.

use crate::story::{BWT, LOTS, PRICE, Pair, TOTAL, bwt, must_place, must_refuse};
use bandex_api::{BlockReply, Deal, Evidence, OrderPage};
use bandex_tests::{Leg, Server, Setup, Socket, judge, settle_until, units};
use bandex_types::{DealId, Ratio, Side};

/// Deadlines that a test can wait for: what is done in one go comes well before, and nobody waits long.
fn short() -> Setup {
    Setup { pay_us: 2_000_000, acknowledge_us: 2_000_000, ..Setup::default() }
}

/// Waits on the channel until the deal is in `state`.
async fn until(deals: &mut Socket, id: DealId, state: &str) -> Deal {
    loop {
        let push = deals.push().await;
        let changed: Vec<Deal> = serde_json::from_value(push.data).unwrap();
        if let Some(deal) =
            changed.into_iter().find(|deal| deal.deal == id.to_string() && deal.state == state)
        {
            return deal;
        }
    }
}

async fn follow(pair: &Pair) -> Socket {
    let mut deals = pair.server.socket().await;
    deals.login(&pair.server, &pair.seller).await;
    deals.subscribe("deals", None).await;
    deals
}

async fn evidence(pair: &Pair, id: DealId) -> Evidence {
    pair.server.get_as(&pair.seller_token, &format!("/v1/deals/{id}/evidence")).await.read()
}

fn tick_value() -> Ratio {
    Ratio::new(1, 200_000_000).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_buyer_that_stops_costs_the_seller_at_most_its_cap() {
    let mut pair = Pair::meet(Server::start(short()).await).await;
    let mut deals = follow(&pair).await;
    let (resting, resting_bid) = pair.buyer.limit(Side::Buy, PRICE - 1_000, LOTS);
    must_place(pair.server.submit(&resting).await.read(), "open");
    let id = pair.trade().await;
    // The buyer pays twice and then no more.
    let paid_twice = |deal: &Deal| units(&deal.quote_sent) == 10_000 && deal.due.is_some();
    let legs = settle_until(&pair.server, &mut pair.seller, &mut pair.buyer, id, paid_twice).await;
    assert_eq!(
        legs,
        [2_500, 5_000, 5_000, 5_000, 5_000]
            .iter()
            .zip(0..)
            .map(|(value, turn)| { if turn % 2 == 0 { Leg::Seller(*value) } else { Leg::Buyer(*value) } })
            .collect::<Vec<_>>()
    );
    let deadline = pair.server.deal(&pair.seller_token, id).await.due.unwrap().deadline_us;

    let closed = until(&mut deals, id, "defaulted").await;
    assert_eq!(closed.by.as_deref(), Some("buyer"));
    let (given, received) = (units(&closed.base_sent_value), units(&closed.quote_sent));
    assert_eq!((given, received), (12_500, 10_000));
    assert_eq!(closed.loss.as_deref().map(units), Some(given - received));
    assert!(given - received <= units(&closed.seller_cap));

    // The victim's tokens that were not delivered are its own again; the others are the buyer's.
    let scale = bandex_api::AssetScale::new(9);
    let bytes = scale.parse(&closed.base_sent).unwrap().get();
    assert_eq!(bytes, given * BWT / TOTAL);
    let text = |units: u64| scale.balance(i128::from(units));
    assert_eq!(bwt(&pair.server, &pair.seller_token).await, (text(10 * BWT - bytes), "0".to_owned()));
    assert_eq!(bwt(&pair.server, &pair.buyer_token).await, (text(bytes), "0".to_owned()));

    // The defaulter is frozen: no limit, no open orders, no new ones. Its victim goes on.
    let buyer = pair.server.balances(&pair.buyer_token).await;
    assert_eq!(
        (buyer.frozen.as_deref(), buyer.limit.as_str(), buyer.reserved.as_str()),
        (Some("default"), "0", "0.000000025"),
        "the debt stays reserved"
    );
    let orders: OrderPage = pair.server.get_as(&pair.buyer_token, "/v1/orders?state=all").await.read();
    let bid = orders.orders.iter().find(|order| order.order == resting_bid.to_string()).unwrap();
    assert_eq!((bid.status.as_str(), bid.reason.as_deref()), ("cancelled", Some("account_frozen")));
    assert!(pair.server.book().await.bids.is_empty());
    let (again, _) = pair.buyer.limit(Side::Buy, PRICE, LOTS);
    must_refuse(&pair.server.submit(&again).await.read(), "account_frozen");
    let late = pair.buyer.pay(id, 6, 15_000);
    pair.server.submit(&late).await.must_be(422, "deal_closed");
    let (ask, _) = pair.seller.limit(Side::Sell, PRICE, LOTS);
    must_place(pair.server.submit(&ask).await.read(), "open");
    assert_eq!(pair.server.balances(&pair.seller_token).await.frozen, None);

    let evidence = evidence(&pair, id).await;
    let close = evidence.close.as_ref().expect("the default is on record");
    assert!(close.time_us >= deadline, "it came by sequenced time, not before the deadline");
    let judged = judge(&evidence, &pair.server.node(), pair.server.network(), 1_000, tick_value());
    assert_eq!((judged.payments, judged.acknowledgements), (3, 2), "what was refused is no payment");
    assert_eq!((judged.base_sent, judged.quote_sent, judged.loss), (bytes, 10_000, Some(2_500)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_seller_that_never_begins_costs_the_buyer_nothing() {
    let mut pair = Pair::meet(Server::start(short()).await).await;
    let mut deals = follow(&pair).await;
    let id = pair.trade().await;
    let closed = until(&mut deals, id, "defaulted").await;
    assert_eq!((closed.by.as_deref(), closed.loss.as_deref()), (Some("seller"), Some("0")));
    assert_eq!(bwt(&pair.server, &pair.seller_token).await, ("10".to_owned(), "0".to_owned()));
    assert_eq!(pair.server.balances(&pair.seller_token).await.frozen.as_deref(), Some("default"));
    assert_eq!(pair.server.balances(&pair.buyer_token).await.frozen, None);
    let judged =
        judge(&evidence(&pair, id).await, &pair.server.node(), pair.server.network(), 1_000, tick_value());
    assert_eq!((judged.payments, judged.base_sent, judged.quote_sent, judged.loss), (0, 0, 0, Some(0)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_payment_that_is_not_acknowledged_is_disputed_and_can_be_acknowledged_late() {
    let mut pair = Pair::meet(Server::start(short()).await).await;
    let mut deals = follow(&pair).await;
    let id = pair.trade().await;
    let in_flight = |deal: &Deal| deal.in_flight.is_some();
    settle_until(&pair.server, &mut pair.seller, &mut pair.buyer, id, in_flight).await;
    let disputed = until(&mut deals, id, "disputed").await;
    assert_eq!((disputed.by.as_deref(), disputed.loss.as_deref()), (Some("seller"), None));
    // Nobody is frozen, and what was promised stays locked.
    for token in [&pair.seller_token, &pair.buyer_token] {
        assert_eq!(pair.server.balances(token).await.frozen, None);
    }
    let (_, locked) = bwt(&pair.server, &pair.seller_token).await;
    assert_ne!(locked, "0");
    let proposal = disputed.in_flight.unwrap().proposal.parse().unwrap();
    let acknowledged = pair.seller.acknowledge(proposal);
    pair.server.submit(&acknowledged).await.read::<BlockReply>();
    let open = pair.server.deal(&pair.seller_token, id).await;
    assert_eq!(
        (open.state.as_str(), units(&open.quote_sent), units(&open.base_sent_value)),
        ("open", 5_000, 7_500)
    );
}
