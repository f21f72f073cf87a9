//! Deals that go wrong: what a bond pays, how a defaulter comes back, how a dispute ends.

use super::{done, follow, meet, short, until};
use crate::story::{BWT, LOTS, PRICE, Pair, TOTAL, bwt, must_place, must_refuse};
use bandex_api::{BlockReply, OrderPage};
use bandex_tests::{Setup, settle_until, units};
use bandex_tradechain::body::{Bond, Cure, Resolve, WriteOff};
use bandex_types::{Amount, DealId, Side};

/// Lets the buyer owe `loss` in a deal and go no further, until it is in default.
async fn default(pair: &mut Pair, loss: u64) -> (DealId, bandex_api::Deal) {
    let mut deals = follow(pair).await;
    let id = pair.trade().await;
    let owes = |deal: &bandex_api::Deal| units(&deal.base_sent_value) == loss && deal.due.is_some();
    settle_until(&pair.server, &mut pair.seller, &mut pair.buyer, id, owes).await;
    let told = until(&mut deals, id, "defaulted").await;
    (id, told)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bond_pays_the_victim_and_the_defaulter_comes_back() {
    let mut pair = meet(short(), |_| {}).await;
    let buyer = pair.buyer.account();
    pair.server.issue(buyer, 5 * BWT).await;
    done(&pair.server, &pair.buyer.sign(Bond { amount: Amount::new(BWT) })).await;
    assert_eq!(units(&pair.server.limits(buyer).await.limit), 30_000);
    let (bid, resting) = pair.buyer.limit(Side::Buy, PRICE - 1_000, LOTS);
    must_place(pair.server.submit(&bid).await.read(), "open");
    // A quarter of the buyer's limit: the seller moves first, and loses as much.
    let (id, told) = default(&mut pair, 7_500).await;
    assert_eq!((told.by.as_deref(), told.loss.as_deref().map(units)), (Some("buyer"), Some(7_500)));
    assert_eq!((told.covered.as_deref().map(units), told.slashed.as_deref()), (Some(7_500), Some("0.1875")));
    let listed = pair.server.deal(&pair.seller_token, id).await;
    assert_eq!((listed.slashed, listed.covered), (told.slashed, told.covered), "lists say the same");
    // The victim has the tokens of the bond beside what it had not delivered.
    let delivered = 7_500 * BWT / TOTAL;
    let scale = bandex_api::AssetScale::new(9);
    let text = |bytes: u64| scale.amount(Amount::new(bytes));
    let seller = bwt(&pair.server, &pair.seller_token).await;
    assert_eq!(seller, (text(10 * BWT - delivered + 187_500_000), "0".to_owned()));
    // The limit is 0 at once, and so are its orders.
    let limits = pair.server.limits(buyer).await;
    assert_eq!((units(&limits.limit), limits.frozen.as_deref()), (0, Some("default")));
    assert_eq!((limits.stake.bond.as_str(), units(&limits.reserved)), ("0.8125", 0));
    assert!(limits.raise.contains(&format!("cure deal {id}")), "{}", limits.raise);
    let orders: OrderPage = pair.server.get_as(&pair.buyer_token, "/v1/orders?state=all").await.read();
    let order = orders.orders.iter().find(|order| order.order == resting.to_string()).unwrap();
    assert_eq!((order.status.as_str(), order.reason.as_deref()), ("cancelled", Some("account_frozen")));
    // Nothing is left to pay: the cure is done at once.
    let cure = Cure { deal: id, reference: String::new() };
    done(&pair.server, &pair.buyer.sign(cure.clone())).await;
    assert_eq!(pair.server.deal(&pair.buyer_token, id).await.state, "cured");
    let thawed = pair.server.limits(buyer).await;
    assert_eq!((units(&thawed.limit), thawed.frozen), (10_000 + 16_250, None));
    pair.server.submit(&pair.buyer.sign(cure)).await.must_be(422, "wrong_state");
    let (bid, _) = pair.buyer.limit(Side::Buy, PRICE - 1_000, LOTS);
    must_place(pair.server.submit(&bid).await.read(), "open");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_default_without_a_bond_is_made_good_outside() {
    let mut pair = meet(short(), |_| {}).await;
    let (id, told) = default(&mut pair, 2_500).await;
    assert_eq!((told.loss.as_deref().map(units), told.slashed), (Some(2_500), None));
    let cure = pair.buyer.sign(Cure { deal: id, reference: "paid after all".to_owned() });
    let proposal = cure.id();
    done(&pair.server, &cure).await;
    let limits = pair.server.limits(pair.buyer.account()).await;
    assert_eq!((units(&limits.limit), units(&limits.reserved)), (0, 2_500), "nobody has confirmed it");
    pair.server.submit(&pair.buyer.acknowledge(proposal)).await.must_be(422, "not_counterparty");
    done(&pair.server, &pair.seller.acknowledge(proposal)).await;
    let deal = pair.server.deal(&pair.seller_token, id).await;
    assert_eq!((deal.state.as_str(), deal.by.as_deref()), ("cured", Some("buyer")));
    let limits = pair.server.limits(pair.buyer.account()).await;
    assert_eq!((units(&limits.limit), units(&limits.reserved), limits.frozen), (10_000, 0, None));
}

/// A deal whose buyer has paid and whose seller does not say so.
async fn disputed() -> (Pair, DealId) {
    let setup = Setup { acknowledge_us: 2_000_000, ..Setup::default() };
    let mut pair = meet(setup, |_| {}).await;
    done(&pair.server, &pair.seller.sign(Bond { amount: Amount::new(BWT) })).await;
    let mut deals = follow(&pair).await;
    let id = pair.trade().await;
    let paid = |deal: &bandex_api::Deal| deal.in_flight.is_some();
    settle_until(&pair.server, &mut pair.seller, &mut pair.buyer, id, paid).await;
    let told = until(&mut deals, id, "disputed").await;
    assert_eq!(told.by.as_deref(), Some("seller"));
    (pair, id)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_claim_alone_takes_nothing_from_anybody() {
    let (mut pair, id) = disputed().await;
    let (seller, buyer) = (pair.seller.account(), pair.buyer.account());
    let before = pair.server.limits(seller).await;
    assert_eq!((before.stake.bond.as_str(), before.frozen.as_deref()), ("1", None), "nobody is slashed");
    let held = units(&before.reserved);
    assert!(held > 0);
    pair.server
        .submit(&pair.buyer.sign(Cure { deal: id, reference: String::new() }))
        .await
        .must_be(422, "wrong_state");
    // The buyer gives up: locks return, and what was owed at worst goes on counting.
    done(&pair.server, &pair.buyer.sign(WriteOff { deal: id })).await;
    let deal = pair.server.deal(&pair.seller_token, id).await;
    assert_eq!((deal.state.as_str(), deal.by.as_deref()), ("written_off", Some("buyer")));
    assert_eq!(
        bwt(&pair.server, &pair.seller_token).await,
        ("10".to_owned(), "1".to_owned()),
        "but for the bond"
    );
    let burdened = pair.server.limits(seller).await;
    assert_eq!((units(&burdened.burden), units(&burdened.reserved)), (7_500, 0));
    assert_eq!((units(&burdened.limit), units(&burdened.free)), (30_000, 22_500));
    assert!(burdened.raise.contains("resolve deals that were written off"), "{}", burdened.raise);
    assert!(burdened.frozen.is_none() && pair.server.limits(buyer).await.frozen.is_none());
    // Both agree after all.
    let resolve = |deliver| Resolve { deal: id, deliver: Amount::new(deliver) };
    pair.server.submit(&pair.buyer.sign(resolve(1))).await.must_be(422, "wrong_amount");
    let proposal = pair.buyer.sign(resolve(0));
    done(&pair.server, &proposal).await;
    assert_eq!(units(&pair.server.limits(seller).await.burden), 7_500, "one alone does not lift it");
    done(&pair.server, &pair.seller.acknowledge(proposal.id())).await;
    assert_eq!(pair.server.deal(&pair.buyer_token, id).await.state, "resolved");
    let lifted = pair.server.limits(seller).await;
    assert_eq!((units(&lifted.burden), units(&lifted.free)), (0, 30_000));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dispute_is_resolved_by_both_and_what_is_locked_delivered() {
    let (mut pair, id) = disputed().await;
    let half = BWT / 2;
    let resolve = pair.seller.sign(Resolve { deal: id, deliver: Amount::new(half) });
    done(&pair.server, &resolve).await;
    assert_eq!(pair.server.deal(&pair.buyer_token, id).await.state, "disputed");
    done(&pair.server, &pair.buyer.acknowledge(resolve.id())).await;
    assert_eq!(pair.server.deal(&pair.buyer_token, id).await.state, "resolved");
    assert_eq!(bwt(&pair.server, &pair.buyer_token).await.0, "0.5");
    assert_eq!(bwt(&pair.server, &pair.seller_token).await, ("9.5".to_owned(), "1".to_owned()));
    for account in [pair.seller.account(), pair.buyer.account()] {
        let limits = pair.server.limits(account).await;
        assert_eq!((units(&limits.reserved), units(&limits.burden)), (0, 0));
    }
    let stranger = pair.server.register(9).await;
    let mut stranger = stranger;
    pair.server.submit(&stranger.sign(WriteOff { deal: id })).await.must_be(422, "not_your_deal");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deals_the_other_way_are_netted_and_name_each_other() {
    let mut pair = meet(Setup::default(), |_| {}).await;
    pair.server.issue(pair.buyer.account(), 10 * BWT).await;
    let mut deals = follow(&pair).await;
    let first = pair.trade().await;
    // Now the other way: what the first buyer bought it sells again, half of it.
    let (ask, _) = pair.buyer.limit(Side::Sell, PRICE, LOTS / 2);
    must_place(pair.server.submit(&ask).await.read(), "open");
    let (bid, _) = pair.seller.limit(Side::Buy, PRICE, LOTS / 2);
    must_place(pair.server.submit(&bid).await.read(), "filled");
    let told = until(&mut deals, first, "netted").await;
    let (second, third) = (told.netted_with.clone().unwrap(), told.replaced_by.clone().unwrap());
    let of = async |id: &str| pair.server.deal(&pair.seller_token, id.parse().unwrap()).await;
    let goes_on = of(&third).await;
    assert_eq!((goes_on.state.as_str(), goes_on.base_total.as_str()), ("open", "0.5"));
    assert_eq!(goes_on.replaces, [first.to_string(), second.clone()]);
    let other = of(&second).await;
    assert_eq!((other.state.as_str(), other.netted_with), ("netted", Some(first.to_string())));
    assert_eq!(other.replaced_by, Some(third));
    assert_eq!(of(&first.to_string()).await.replaced_by, told.replaced_by);
    assert_eq!(bwt(&pair.server, &pair.seller_token).await.1, "0.5", "locked for half a BWT only");
    assert_eq!(bwt(&pair.server, &pair.buyer_token).await.1, "0");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_defaulted_may_not_order() {
    let mut pair = meet(short(), |_| {}).await;
    default(&mut pair, 2_500).await;
    let (bid, _) = pair.buyer.limit(Side::Buy, PRICE, LOTS);
    let reply: BlockReply = pair.server.submit(&bid).await.read();
    must_refuse(&reply, "account_frozen");
}
