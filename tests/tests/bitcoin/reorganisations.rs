//! Blocks leave the chain again, with payments in them.

use bandex_api::Deal;
use bandex_sdk::now;
use bandex_tests::on_chain::{Made, Terms, WalletTerms, World};

/// What a deal has in blocks, as paid, as final, and delivered, in satoshi.
fn counted(deal: &Deal) -> [u64; 4] {
    let chain = deal.chain.as_ref().expect("it is paid on the chain");
    [&chain.included, &chain.paid, &chain.buried, &chain.delivered]
        .map(|btc| bandex_tests::units(btc) / 1_000)
}

/// A deal whose first payment is so deep in the chain.
async fn paid(world: &World, depth: u32) -> Made {
    let made = world.trade(100_000).await;
    world.chain.until_waiting("the first payment").await;
    world.mine(depth).await;
    made
}

async fn statuses(world: &World, made: Made) -> Vec<String> {
    let told = world.buyer.rest().payments(made.id).await.unwrap();
    told.payments.into_iter().map(|payment| payment.status).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_payment_that_leaves_the_chain_before_it_counts_is_due_again_and_counts_once() {
    let world = World::meet(Terms::default(), WalletTerms::default()).await;
    world.attend().await;
    let made = paid(&world, 1).await;
    let deal = world.until("the payment", made, |deal| counted(deal)[0] > 0).await;
    assert_eq!((counted(&deal), deal.due.is_none()), ([25_000, 0, 0, 0], true));
    world.chain.reorganise(1).await;
    let deal = world.until("the reorganisation", made, |deal| deal.due.is_some()).await;
    assert_eq!(counted(&deal), [0; 4]);
    assert_eq!(deal.due.map(|due| bandex_tests::units(&due.amount)), Some(25_000_000));
    assert_eq!(statuses(&world, made).await, ["reversed"]);
    world.mine_until("the deal to settle", made, |deal| deal.state == "settled").await;
    world.must_be_settled(made).await;
    assert_eq!(statuses(&world, made).await, ["final"; 4]);
    let audited = world.end().await;
    assert_eq!((audited.payments, audited.reorganisations), (5, 1), "one is proven anew");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_payment_that_leaves_the_chain_after_delivery_and_returns_does_no_harm() {
    let world = World::meet(Terms::default(), WalletTerms::default()).await;
    world.attend().await;
    let made = paid(&world, 2).await;
    let deal = world.until("the delivery", made, |deal| counted(deal)[3] > 0).await;
    assert_eq!(counted(&deal), [25_000, 25_000, 0, 25_000]);
    world.chain.reorganise(2).await;
    let deal = world.until("the reorganisation", made, |deal| counted(deal)[0] == 0).await;
    assert_eq!(counted(&deal), [0, 0, 0, 25_000], "the seller's risk, and no more than its cap");
    assert_eq!(deal.state, "open");
    world.mine_until("the deal to settle", made, |deal| deal.state == "settled").await;
    world.must_be_settled(made).await;
    let audited = world.end().await;
    assert_eq!(audited.reorganisations, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_buyer_that_spends_twice_is_convicted_and_its_bond_pays() {
    let world = World::meet(Terms { pay_ms: 3_000, ..Terms::default() }, WalletTerms::default()).await;
    world.seller.attend(&world.venue, None).await;
    world.buyer.attend(&world.venue, Some(1)).await;
    let made = paid(&world, 2).await;
    world.until("the delivery", made, |deal| counted(deal)[3] > 0).await;
    world.buyer.vanish().await;
    // It has the tokens. With the help of miners it takes its coins back.
    let height = world.chain.height().await;
    let block = world.chain.client().block_hash(height - 1).await.unwrap();
    bandex_rails::regtest::invalidate_block(world.chain.client(), &block).await.unwrap();
    let back = {
        let mut wallet = world.buyer.wallet().await;
        wallet.sync(now()).await.unwrap();
        wallet.give_up(made.id, 1, now()).await.unwrap()
    };
    assert_eq!(world.chain.waiting().await, [back], "it is in the payment's place");
    world.mine(3).await;
    let deal = world.until("the reorganisation", made, |deal| counted(deal)[0] == 0).await;
    assert_eq!(counted(&deal), [0, 0, 0, 25_000]);
    let deal = world.until("the default", made, |deal| deal.state == "defaulted").await;
    let units = |btc: &Option<String>| btc.as_deref().map(|btc| bandex_tests::units(btc) / 1_000);
    assert_eq!((deal.by.as_deref(), units(&deal.loss)), (Some("buyer"), Some(25_000)), "E_A and no more");
    assert_eq!(units(&deal.covered), Some(25_000), "the bond is worth more");
    assert_eq!(deal.slashed.as_deref(), Some("0.025"), "at the rate of the operator");
    world.must_have(&[(made, 0, 25_000)]).await;
    world.end().await;
}
