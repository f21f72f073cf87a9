//! Epochs of the trust graph: scores from what was honoured, and what follows from them.

use super::{done, meet};
use crate::story::{BWT, LOTS, PRICE, Pair, must_place, nobody};
use bandex_api::{BlockReply, Epoch, Reputation, Trust};
use bandex_tests::{Server, Setup, now, settle, units};
use bandex_tradechain::body::{Fee, Prefer};
use bandex_types::{AccountId, Amount, Side};
use serde_json::json;
use std::time::{Duration, Instant};

/// Long enough for what a test does within one.
const EPOCH_US: u64 = 4_000_000;
/// How long the scores of an epoch may take after its end.
const SCORED_US: u64 = 1_000_000;

/// Waits until an epoch after `after` is scored.
async fn scored(server: &Server, after: u64) -> Epoch {
    let begun = Instant::now();
    loop {
        let trust: Trust = server.get("/v1/trust").await.read();
        if let Some(epoch) = trust.epoch.filter(|epoch| epoch.scored && epoch.epoch > after) {
            return epoch;
        }
        assert!(begun.elapsed() < bandex_tests::PATIENCE, "no epoch was scored");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn score(server: &Server, account: AccountId, from: Option<AccountId>) -> Reputation {
    let from = from.map_or_else(String::new, |from| format!("?from={from}"));
    server.get(&format!("/v1/reputation/{account}{from}")).await.read()
}

fn ppb(reputation: &Reputation) -> u64 {
    bandex_api::AssetScale::new(9).parse(&reputation.score).unwrap().get()
}

/// A seller that has honoured a deal with the buyer, from whom walks begin; and the epoch in which that was.
async fn honoured() -> (Pair, Epoch) {
    let mut pair = meet(Setup::default(), |terms| terms.epoch_us = EPOCH_US).await;
    let seed = json!([{ "change": "set_seed", "account": pair.buyer.account(), "seed": true }]);
    pair.server.configure(seed).await;
    let before = now().as_micros() / EPOCH_US;
    // The buyer lets the seller owe, so it pays first and the seller honours that.
    pair.server.set_limit(pair.seller.account(), 1_000_000).await;
    let id = pair.trade().await;
    settle(&pair.server, &mut pair.seller, &mut pair.buyer, id).await;
    let set = json!([{ "change": "set_limit", "account": pair.seller.account(), "limit": null }]);
    pair.server.configure(set).await;
    let after = now().as_micros() / EPOCH_US;
    // Whichever of the two epochs it fell into, the later one's graph holds it.
    let epoch = scored(&pair.server, after.max(before) - 1).await;
    (pair, epoch)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_honoured_becomes_a_score_within_a_second_of_the_epochs_end() {
    let (mut pair, epoch) = honoured().await;
    // The scores were public by now: they cannot have come later.
    let ended = (epoch.epoch + 1) * EPOCH_US;
    let late = now().as_micros().saturating_sub(ended);
    assert!(late <= SCORED_US, "scored {late} us after the end of the epoch");
    assert_eq!(epoch.edges, 1);
    let (seller, buyer) = (pair.seller.account(), pair.buyer.account());
    let found = score(&pair.server, seller, None).await;
    assert!(ppb(&found) > 0, "{found:?}");
    assert!(ppb(&found) < ppb(&score(&pair.server, buyer, None).await), "walks begin at the buyer");
    assert!(found.epoch >= epoch.epoch && found.from.is_none());
    // As the buyer sees it, the same; as a stranger sees it, or the seller the buyer, nothing.
    let stranger = pair.server.register(7).await.account();
    assert!(ppb(&score(&pair.server, seller, Some(buyer)).await) > 0);
    assert_eq!(ppb(&score(&pair.server, seller, Some(stranger)).await), 0);
    assert_eq!(ppb(&score(&pair.server, buyer, Some(seller)).await), 0, "the buyer honoured nothing");
    assert_eq!(score(&pair.server, seller, Some(buyer)).await.from, Some(buyer.to_string()));
    // A score is worth as much as fees were paid.
    let worthless = pair.server.limits(seller).await;
    assert!(units(&worthless.parts.reputation) > 0);
    assert_eq!(units(&worthless.parts.earned), 0);
    assert!(worthless.raise.contains("pay fees: they bound what the score is worth"), "{}", worthless.raise);
    done(&pair.server, &pair.seller.sign(Fee { amount: Amount::new(BWT) })).await;
    let worth = pair.server.limits(seller).await;
    assert_eq!(units(&worth.parts.earned), units(&worth.parts.reputation).min(units(&worth.parts.fees)));
    assert!(units(&worth.parts.earned) > 0);
    // Nobody else gets an answer.
    let unknown = format!("/v1/reputation/{}", nobody());
    pair.server.get(&unknown).await.must_be(404, "not_found");
    let unknown = format!("/v1/reputation/{seller}?from={}", nobody());
    pair.server.get(&unknown).await.must_be(404, "not_found");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scores_outlive_a_restart_and_go_on_coming() {
    let (pair, epoch) = honoured().await;
    let (seller, buyer) = (pair.seller.account(), pair.buyer.account());
    let server = pair.server.restart(|_| {}).await;
    assert!(ppb(&score(&server, seller, Some(buyer)).await) > 0, "the graph is there");
    // The one that ended meanwhile, or ends next.
    let next = scored(&server, epoch.epoch).await;
    assert!(next.epoch > epoch.epoch);
    assert!(ppb(&score(&server, seller, None).await) > 0, "it fades, and is not gone");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_epochs_nobody_has_a_score() {
    let pair = meet(Setup::default(), |_| {}).await;
    let path = format!("/v1/reputation/{}", pair.seller.account());
    let problem = pair.server.get(&path).await.must_be(409, "no_epoch");
    assert!(problem.detail.contains("keeps no epochs"), "{problem:?}");
    pair.server.set_trust(|terms| terms.epoch_us = 3_600_000_000).await;
    let problem =
        pair.server.get(&format!("{path}?from={}", pair.buyer.account())).await.must_be(409, "no_epoch");
    assert!(problem.detail.contains("3600000000"), "{problem:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trader_that_asks_for_a_score_trades_with_no_stranger() {
    let (mut pair, _) = honoured().await;
    let least = Prefer { largest_exposure: None, least_score: Some(100) };
    done(&pair.server, &pair.buyer.sign(least)).await;
    assert_eq!(pair.server.limits(pair.buyer.account()).await.stake.least_score, Some(100));
    let mut stranger = pair.server.register_with(5, 10 * BWT).await;
    let (ask, _) = stranger.limit(Side::Sell, PRICE, LOTS);
    must_place(pair.server.submit(&ask).await.read(), "open");
    let (bid, _) = pair.buyer.limit(Side::Buy, PRICE, LOTS);
    let reply: BlockReply = pair.server.submit(&bid).await.read();
    assert_eq!(reply.operations[0].status.as_deref(), Some("cancelled"), "it may not rest through the other");
    assert_eq!(reply.operations[0].filled.as_deref(), Some("0"));
    // Whoever has honoured what the buyer was exposed to has a score.
    let (ask, _) = pair.seller.limit(Side::Sell, PRICE - 1_000, LOTS);
    must_place(pair.server.submit(&ask).await.read(), "open");
    let (bid, _) = pair.buyer.limit(Side::Buy, PRICE - 1_000, LOTS);
    must_place(pair.server.submit(&bid).await.read(), "filled");
}
