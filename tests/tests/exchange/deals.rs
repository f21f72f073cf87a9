//! Deals that go well: strangers dust by dust, the well-trusted in one move each, and what a third party sees of it.

use crate::story::{BWT, LOTS, Pair, TOTAL, bwt, must_place};
use bandex_api::{Deal, DealPage, Evidence};
use bandex_tests::{Leg, Server, Setup, judge, settle, units};
use bandex_types::{DealId, Ratio, Side};

/// The walk through the band by hand: equal caps, so the seller begins; each move goes to the far edge.
fn walk(total: u64, cap: u64) -> Vec<Leg> {
    let (mut seller, mut buyer) = (0, 0);
    let mut legs = Vec::new();
    while buyer < total {
        let next = total.min(buyer + cap);
        if next > seller {
            legs.push(Leg::Seller(next - seller));
            seller = next;
        }
        let next = total.min(seller + cap);
        legs.push(Leg::Buyer(next - buyer));
        buyer = next;
    }
    if seller < total {
        legs.push(Leg::Seller(total - seller));
    }
    legs
}

async fn evidence(pair: &Pair, deal: DealId) -> Evidence {
    pair.server.get_as(&pair.seller_token, &format!("/v1/deals/{deal}/evidence")).await.read()
}

fn tick_value() -> Ratio {
    Ratio::new(1, 200_000_000).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_settle_dust_by_dust() {
    let mut pair = Pair::meet(Server::start(Setup::default()).await).await;
    let id = pair.trade().await;
    let opened = pair.server.deal(&pair.buyer_token, id).await;
    // A quarter of each other's dust of 10,000 millisatoshi.
    assert_eq!((units(&opened.seller_cap), units(&opened.buyer_cap)), (2_500, 2_500));
    assert_eq!((opened.base_total.as_str(), units(&opened.quote_total)), ("1", TOTAL));
    assert_eq!(
        (opened.state.as_str(), opened.base_rail.as_str(), opened.quote_rail.as_str()),
        ("open", "token", "attested")
    );
    assert_eq!(bwt(&pair.server, &pair.seller_token).await, ("10".to_owned(), "1".to_owned()));
    let reserved = pair.server.balances(&pair.buyer_token).await.reserved;
    assert_eq!(units(&reserved), 2_500, "the seller's cap is drawn on the buyer's limit");

    let legs = settle(&pair.server, &mut pair.seller, &mut pair.buyer, id).await;
    let expected = walk(TOTAL, 2_500);
    assert_eq!(legs, expected);
    assert_eq!(legs.len(), 17);
    let size = |leg: &Leg| match leg {
        Leg::Seller(value) | Leg::Buyer(value) => *value,
    };
    assert!(legs.iter().all(|leg| size(leg) <= 5_000), "no move is longer than both caps together");

    let settled = pair.server.deal(&pair.seller_token, id).await;
    assert_eq!(
        (settled.state.as_str(), settled.due, settled.in_flight, settled.loss),
        ("settled", None, None, None)
    );
    assert_eq!(bwt(&pair.server, &pair.seller_token).await, ("9".to_owned(), "0".to_owned()));
    assert_eq!(bwt(&pair.server, &pair.buyer_token).await, ("1".to_owned(), "0".to_owned()));
    let reserved = pair.server.balances(&pair.buyer_token).await.reserved;
    assert_eq!(units(&reserved), 0);

    let judged =
        judge(&evidence(&pair, id).await, &pair.server.node(), pair.server.network(), 1_000, tick_value());
    // The seller's first move is a payment of its own; later it delivers with each acknowledgement.
    let buyer_moves = legs.iter().filter(|leg| matches!(leg, Leg::Buyer(_))).count();
    assert_eq!((judged.payments, judged.acknowledgements), (buyer_moves + 1, buyer_moves));
    assert_eq!((judged.base_sent, judged.quote_sent, judged.loss), (BWT, TOTAL, None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_well_trusted_settle_in_one_move_each() {
    let mut pair = Pair::meet(Server::start(Setup::default()).await).await;
    pair.server.set_limit(pair.seller.account(), 10 * TOTAL).await;
    pair.server.set_limit(pair.buyer.account(), 10 * TOTAL).await;
    let id = pair.trade().await;
    let legs = settle(&pair.server, &mut pair.seller, &mut pair.buyer, id).await;
    assert_eq!(legs, [Leg::Seller(TOTAL), Leg::Buyer(TOTAL)]);
    let judged =
        judge(&evidence(&pair, id).await, &pair.server.node(), pair.server.network(), 1_000, tick_value());
    assert_eq!((judged.payments, judged.acknowledgements), (2, 1));
    assert_eq!((judged.base_sent, judged.quote_sent), (BWT, TOTAL));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_trusted_more_receives_first() {
    let mut pair = Pair::meet(Server::start(Setup::default()).await).await;
    pair.server.set_limit(pair.seller.account(), 10 * TOTAL).await;
    let id = pair.trade().await;
    // The buyer lets the trusted seller owe the whole deal, and so pays first.
    let opened = pair.server.deal(&pair.buyer_token, id).await;
    assert_eq!((units(&opened.seller_cap), units(&opened.buyer_cap)), (2_500, TOTAL));
    assert_eq!(opened.due.map(|due| due.party).as_deref(), Some("buyer"));
    let legs = settle(&pair.server, &mut pair.seller, &mut pair.buyer, id).await;
    assert_eq!(legs, [Leg::Buyer(TOTAL), Leg::Seller(TOTAL)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn due_payments_are_found_by_who_owes_them() {
    let mut pair = Pair::meet(Server::start(Setup::default()).await).await;
    let first = pair.trade_lots(LOTS).await;
    let second = pair.trade_lots(LOTS / 2).await;
    let due = async |token: &str, who: &str| {
        let page: DealPage = pair.server.get_as(token, &format!("/v1/deals?due_by={who}")).await.read();
        page.deals.into_iter().map(|deal: Deal| deal.deal).collect::<Vec<_>>()
    };
    let both = vec![second.to_string(), first.to_string()];
    assert_eq!(due(&pair.seller_token, "me").await, both, "newest first");
    assert_eq!(due(&pair.buyer_token, "them").await, both);
    assert!(due(&pair.seller_token, "them").await.is_empty());
    assert!(due(&pair.buyer_token, "me").await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_order_may_make_several_deals() {
    let server = Server::start(Setup::default()).await;
    let mut pair = Pair::meet(server).await;
    let (first, one) = pair.seller.limit(Side::Sell, 7_831_800, LOTS);
    let (second, two) = pair.seller.limit(Side::Sell, 7_831_900, LOTS);
    for ask in [first, second] {
        must_place(pair.server.submit(&ask).await.read(), "open");
    }
    let (bid, taker) = pair.buyer.limit(Side::Buy, 7_831_900, LOTS + LOTS / 2);
    must_place(pair.server.submit(&bid).await.read(), "filled");
    let page: DealPage = pair.server.get_as(&pair.buyer_token, "/v1/deals").await.read();
    let makers: Vec<&str> = page.deals.iter().map(|deal| deal.maker.as_str()).collect();
    assert_eq!(makers, [two.to_string(), one.to_string()], "newest first");
    assert!(page.deals.iter().all(|deal| deal.taker == taker.to_string() && deal.taker_side == "buy"));
    for deal in &page.deals {
        let id: DealId = deal.deal.parse().unwrap();
        settle(&pair.server, &mut pair.seller, &mut pair.buyer, id).await;
        judge(&evidence(&pair, id).await, &pair.server.node(), pair.server.network(), 1_000, tick_value());
    }
    assert_eq!(bwt(&pair.server, &pair.buyer_token).await, ("1.5".to_owned(), "0".to_owned()));
    // Half an order rests still, and only its tokens are locked.
    assert_eq!(bwt(&pair.server, &pair.seller_token).await, ("8.5".to_owned(), "0.5".to_owned()));
}
