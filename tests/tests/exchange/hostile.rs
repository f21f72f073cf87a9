//! Steps of settlement that somebody should not take: each is refused by a stable code and moves nothing.

use crate::story::{BWT, Pair, TOTAL, bwt};
use bandex_api::{BlockReply, Deal, Evidence};
use bandex_tests::{Answer, RawLane, Server, Setup, judge, settle, settle_until};
use bandex_tradechain::SignedBlock;
use bandex_tradechain::body::{Bandwidth, Payer};
use bandex_types::{Amount, BlockId, DealId, Ratio};
use serde_json::json;

async fn meet() -> Pair {
    Pair::meet(Server::start(Setup::default()).await).await
}

/// Sends a block that must be sequenced and refused so, and checks that nothing moved.
async fn refused(pair: &Pair, signed: &SignedBlock, code: &str) -> Answer {
    let before = pair.state().await;
    let answer = pair.server.submit(signed).await;
    let problem = answer.must_be(422, code);
    assert_eq!((problem.outcome.as_deref(), problem.retryable), (Some("accepted"), false), "{problem:?}");
    assert_eq!(pair.state().await, before, "{code}: something changed");
    answer
}

/// A deal in which the buyer's payment of the first tranche of quote is in flight; gives the proposal.
async fn in_flight(pair: &mut Pair) -> (DealId, BlockId) {
    let id = pair.trade().await;
    let stop = |deal: &Deal| deal.in_flight.is_some();
    settle_until(&pair.server, &mut pair.seller, &mut pair.buyer, id, stop).await;
    let deal = pair.server.deal(&pair.buyer_token, id).await;
    (id, deal.in_flight.unwrap().proposal.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_payment_than_the_one_that_is_due() {
    let mut pair = meet().await;
    let id = pair.trade().await;
    let due = pair.server.deal(&pair.seller_token, id).await.due.unwrap();
    assert_eq!((due.party.as_str(), due.tranche), ("seller", 1));
    let units: u64 = due.cumulative_units.parse().unwrap();
    for wrong in [units - 1, units + 1, 0, u64::MAX] {
        let signed = pair.seller.pay(id, 1, wrong);
        let answer = refused(&pair, &signed, "wrong_amount").await;
        assert_eq!(answer.problem().details.unwrap()["expected"], json!(units.to_string()));
    }
    for wrong in [0, 2, u32::MAX] {
        let signed = pair.seller.pay(id, wrong, units);
        let answer = refused(&pair, &signed, "wrong_tranche").await;
        assert_eq!(answer.problem().details.unwrap()["expected"], json!(1));
    }
    let signed = pair.buyer.pay(id, 1, 2_500);
    refused(&pair, &signed, "not_due").await;
    let signed = pair.buyer.pay(DealId::new([9; 32]), 1, 2_500);
    refused(&pair, &signed, "unknown_deal").await;
    let mut stranger = pair.server.register(3).await;
    let signed = stranger.pay(id, 1, units);
    refused(&pair, &signed, "not_your_deal").await;
    // None of this is in the way of the payment that is due, nor of the evidence.
    settle(&pair.server, &mut pair.seller, &mut pair.buyer, id).await;
    let evidence: Evidence =
        pair.server.get_as(&pair.buyer_token, &format!("/v1/deals/{id}/evidence")).await.read();
    let tick_value = Ratio::new(1, 200_000_000).unwrap();
    let judged = judge(&evidence, &pair.server.node(), pair.server.network(), 1_000, tick_value);
    assert_eq!((judged.base_sent, judged.quote_sent), (BWT, TOTAL));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_payment_twice() {
    let mut pair = meet().await;
    let (id, proposal) = in_flight(&mut pair).await;
    // The same words in a new block, while the first waits.
    let again = pair.buyer.pay(id, 2, 5_000);
    refused(&pair, &again, "payment_in_flight").await;
    let next = pair.buyer.pay(id, 3, 10_000);
    refused(&pair, &next, "payment_in_flight").await;
    let acknowledged = pair.seller.acknowledge(proposal);
    pair.server.submit(&acknowledged).await.read::<BlockReply>();
    // And once it has arrived.
    let again = pair.buyer.pay(id, 2, 5_000);
    refused(&pair, &again, "wrong_tranche").await;
    // The same block is answered as then, and pays nothing anew.
    let before = pair.state().await;
    let due = pair.server.deal(&pair.buyer_token, id).await.due.unwrap();
    let pay = pair.buyer.pay(id, due.tranche, due.cumulative_units.parse().unwrap());
    let first: BlockReply = pair.server.submit(&pay).await.read();
    assert_ne!(pair.state().await, before);
    let after = pair.state().await;
    assert_eq!(pair.server.submit(&pay).await.read::<BlockReply>(), first);
    assert_eq!(pair.state().await, after);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_countersignature_of_something_else() {
    let mut pair = meet().await;
    let (_, proposal) = in_flight(&mut pair).await;
    // A countersignature names the proposal by its id: other content has another id, and nobody proposed that.
    for at in [0, 15, 31] {
        let mut altered = *proposal.as_bytes();
        altered[at] ^= 1;
        let signed = pair.seller.acknowledge(BlockId::new(altered));
        refused(&pair, &signed, "unknown_proposal").await;
    }
    // Neither can a block that proposes nothing be countersigned, nor one's own acknowledgement.
    let signed = pair.seller.acknowledge(BlockId::new(*pair.buyer.account().as_bytes()));
    refused(&pair, &signed, "unknown_proposal").await;
    let acknowledged = pair.seller.acknowledge(proposal);
    pair.server.submit(&acknowledged).await.read::<BlockReply>();
    let twice = pair.seller.acknowledge(proposal);
    refused(&pair, &twice, "unknown_proposal").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_acknowledgement_by_somebody_else() {
    let mut pair = meet().await;
    let (_, proposal) = in_flight(&mut pair).await;
    let mut stranger = pair.server.register(3).await;
    let by_stranger = stranger.acknowledge(proposal);
    refused(&pair, &by_stranger, "not_counterparty").await;
    let by_payer = pair.buyer.acknowledge(proposal);
    refused(&pair, &by_payer, "not_counterparty").await;
    let acknowledged = pair.seller.acknowledge(proposal);
    pair.server.submit(&acknowledged).await.read::<BlockReply>();
}

fn served(to: &RawLane, tokens: u64) -> Bandwidth {
    let (sent_bytes, received_bytes) = (tokens, 0);
    let (payer, tokens) = (Payer::Counterparty, Amount::new(tokens));
    Bandwidth { counterparty: to.account(), sent_bytes, received_bytes, payer, tokens }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bandwidth_counts_when_both_have_signed_and_once() {
    let mut pair = meet().await;
    // The buyer served the seller, who pays in tokens.
    let proposed = pair.buyer.bandwidth(served(&pair.seller, BWT));
    let id = proposed.id();
    pair.server.submit(&proposed).await.read::<BlockReply>();
    assert_eq!(bwt(&pair.server, &pair.buyer_token).await.0, "0", "one signature moves nothing");
    let mut stranger = pair.server.register(3).await;
    let signed = stranger.acknowledge(id);
    refused(&pair, &signed, "not_counterparty").await;
    let signed = pair.buyer.acknowledge(id);
    refused(&pair, &signed, "not_counterparty").await;
    let acknowledged = pair.seller.acknowledge(id);
    pair.server.submit(&acknowledged).await.read::<BlockReply>();
    assert_eq!(bwt(&pair.server, &pair.buyer_token).await.0, "1");
    assert_eq!(bwt(&pair.server, &pair.seller_token).await.0, "9");
    let twice = pair.seller.acknowledge(id);
    refused(&pair, &twice, "unknown_proposal").await;
    // Nobody pays what it does not have.
    let proposed = pair.buyer.bandwidth(served(&pair.seller, 100 * BWT));
    pair.server.submit(&proposed).await.read::<BlockReply>();
    let signed = pair.seller.acknowledge(proposed.id());
    refused(&pair, &signed, "insufficient_free").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_that_are_not_there() {
    let mut pair = meet().await;
    let signed = pair.buyer.transfer(pair.seller.account(), 1);
    refused(&pair, &signed, "insufficient_free").await;
    let signed = pair.seller.transfer(crate::story::nobody(), 1);
    refused(&pair, &signed, "unknown_account").await;
    let signed = pair.seller.transfer(pair.seller.account(), 1);
    refused(&pair, &signed, "to_self").await;
    let sent = pair.seller.transfer(pair.buyer.account(), 3 * BWT);
    pair.server.submit(&sent).await.read::<BlockReply>();
    assert_eq!(bwt(&pair.server, &pair.buyer_token).await, ("3".to_owned(), "0".to_owned()));
}
