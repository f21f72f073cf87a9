//! One side does not answer any more.

use bandex_agent::Event;
use bandex_tests::on_chain::{Terms, WalletTerms, World};

fn is_settled(deal: &bandex_api::Deal) -> bool {
    deal.state == "settled"
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_traders_leave_it_to_their_agents() {
    let world = World::meet(Terms::default(), WalletTerms::default()).await;
    world.attend().await;
    let made = world.trade(100_000).await;
    let deal = world.mine_until("the deal to settle", made, is_settled).await;
    assert_eq!(deal.chain.as_ref().map(|chain| chain.number), Some(4), "a quarter of the limit at a time");
    world.must_be_settled(made).await;
    for party in [&world.seller, &world.buyer] {
        party.tells("the end", |event| *event == Event::Settled { deal: made.id }).await;
    }
    let audited = world.end().await;
    assert_eq!((audited.payments, audited.reorganisations), (4, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_payee_that_names_no_script_costs_the_payer_nothing() {
    let world = World::meet(Terms { name_ms: 1_000, ..Terms::default() }, WalletTerms::default()).await;
    world.buyer.attend(&world.venue, None).await;
    let made = world.trade(100_000).await;
    let deal = world.until("the default", made, |deal| deal.state == "defaulted").await;
    assert_eq!((deal.by.as_deref(), deal.loss.as_deref()), (Some("seller"), Some("0")));
    world.buyer.tells("the default", |event| matches!(event, Event::Defaulted { by_us: false, .. })).await;
    world.must_have(&[(made, 0, 0)]).await;
    assert_eq!(world.buyer.history().await.payments, []);
    let tokens = world.seller.tokens().await;
    assert_eq!((tokens.0 - tokens.1, tokens.1), (1_000_000_000, 200_000_000), "only the bond is locked");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_payee_that_vanishes_after_naming_its_script_is_paid_and_delivers_all_the_same() {
    let world = World::meet(Terms::default(), WalletTerms::default()).await;
    world.seller.attend(&world.venue, Some(1)).await;
    world.buyer.attend(&world.venue, None).await;
    let made = world.trade(100_000).await;
    world.seller.tells("its end", |event| *event == Event::Stopped).await;
    world.seller.vanish().await;
    world.mine_until("the deal to settle", made, is_settled).await;
    world.must_be_settled(made).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_payer_that_vanishes_before_it_pays_costs_the_payee_nothing() {
    let world = World::meet(Terms { pay_ms: 1_000, ..Terms::default() }, WalletTerms::default()).await;
    world.seller.attend(&world.venue, None).await;
    let made = world.trade(100_000).await;
    let deal = world.until("the default", made, |deal| deal.state == "defaulted").await;
    assert_eq!((deal.by.as_deref(), deal.loss.as_deref()), (Some("buyer"), Some("0")));
    assert_eq!(deal.slashed, None, "nothing is owed");
    world.must_have(&[(made, 0, 0)]).await;
    let tokens = world.seller.tokens().await;
    assert_eq!((tokens.0 - tokens.1, tokens.1), (1_000_000_000, 200_000_000), "only the bond is locked");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_payer_that_vanishes_after_a_payment_has_the_tokens_for_just_that() {
    let world = World::meet(Terms { pay_ms: 3_000, ..Terms::default() }, WalletTerms::default()).await;
    world.seller.attend(&world.venue, None).await;
    world.buyer.attend(&world.venue, Some(1)).await;
    let made = world.trade(100_000).await;
    let deal = world.mine_until("the default", made, |deal| deal.state == "defaulted").await;
    assert_eq!((deal.by.as_deref(), deal.loss.as_deref()), (Some("buyer"), Some("0")));
    world.must_have(&[(made, 25_000, 25_000)]).await;
    assert_eq!(world.seller.tokens().await.1, 200_000_000, "only the bond is locked");
    let audited = world.end().await;
    assert_eq!(audited.payments, 1);
}
