//! Blocks become dear while payments wait.

use bandex_api::Deal;
use bandex_sdk::TraderError;
use bandex_tests::on_chain::{Chain, MARKET, Terms, WalletTerms, World, within};
use bandex_tradechain::body::Place;
use bandex_types::{Amount, Price, Quantity, Side};

/// Fees of a fiftieth at most, which makes payments below 7,700 satoshi too small as fees begin.
const A_FIFTIETH: Terms = Terms { pay_ms: 600_000, name_ms: 600_000, fee_share_ppm: 20_000 };

/// A node of our own, which takes what costs a satoshi for each virtual byte.
async fn begin(terms: Terms, wallets: WalletTerms) -> World {
    let chain = Chain::own(bandex_regtest::Settings::default()).await;
    chain.set_fees(1_000, 0).await;
    let world = World::meet_on(chain, terms, wallets).await;
    least_payment(&world, "0.000077").await;
    world.attend().await;
    world
}

/// Waits until the smallest payment is this.
async fn least_payment(world: &World, btc: &str) {
    let look = async || {
        let market = world.venue.rest().market("BWT-BTC").await.unwrap();
        market.payments.filter(|payments| payments.least_payment == btc)
    };
    within(&format!("the smallest payment to be {btc}"), look).await;
}

fn is_defaulted(deal: &Deal) -> bool {
    deal.state == "defaulted"
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_payment_put_out_of_the_mempool_is_sent_again_with_a_larger_fee() {
    let world = begin(A_FIFTIETH, WalletTerms::default()).await;
    let made = world.trade(100_000).await;
    let first = world.chain.until_waiting("the first payment").await;
    // Five times the fee: within the wallet's limits, and too much for small payments.
    world.chain.set_fees(5_000, 5_000).await;
    assert!(!world.chain.waiting().await.contains(&first[0]), "the node has put it out");
    let second = world.chain.until_waiting("a larger fee").await;
    assert_ne!(first, second);
    least_payment(&world, "0.000385").await;
    let order = |side, satoshi| Place::limit(MARKET, side, Price::new(1), Quantity::new(satoshi));
    for (trader, order) in [
        (world.buyer.trader(), order(Side::Buy, 38_499)),
        // Who is trusted with half as much cannot sell any more, however large the order.
        (world.seller.trader(), order(Side::Sell, 200_000)),
    ] {
        match trader.place(order).await {
            Err(TraderError::Operation(reply)) => assert_eq!(reply.code.as_deref(), Some("below_tranche")),
            other => panic!("{other:?}"),
        }
    }
    // The deal that is open has its own terms, and goes on.
    world.mine(1).await;
    let script = world.script(made).await;
    assert_eq!(world.chain.outputs_to(&script).await, [25_000]);
    world.chain.set_fees(1_000, 0).await;
    world.mine_until("the deal to settle", made, |deal| deal.state == "settled").await;
    world.must_be_settled(made).await;
    least_payment(&world, "0.000077").await;
    let history = world.buyer.history().await;
    let of_first = history.payments.iter().find(|payment| payment.demand == 1).unwrap();
    assert!(of_first.transactions.len() > 1, "{of_first:?}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_payment_that_comes_too_late_is_held_against_the_payee_until_both_resolve_it() {
    let world = begin(Terms { pay_ms: 6_000, ..A_FIFTIETH }, WalletTerms::default()).await;
    let made = world.trade(100_000).await;
    world.chain.until_waiting("the first payment").await;
    // Beyond what the buyer's wallet may spend on fees.
    world.chain.set_fees(100_000, 100_000).await;
    let deal = world.until("the default", made, is_defaulted).await;
    assert_eq!((deal.by.as_deref(), deal.loss.as_deref()), (Some("buyer"), Some("0")));
    world.chain.set_fees(1_000, 0).await;
    world.chain.until_waiting("the payment once more").await;
    world.mine(2).await;
    let payments = world.buyer.rest().payments(made.id).await.unwrap().payments;
    let told: Vec<_> = payments.iter().map(|one| (one.satoshi, one.status.as_str(), one.late)).collect();
    assert_eq!(told, [(25_000, "paid", true)]);
    world.must_have(&[(made, 25_000, 0)]).await;
    let reserved = async || world.venue.rest().limits(world.seller.account()).await.unwrap().reserved;
    assert_eq!(reserved().await, "0.00025", "the payee has it for nothing");
    let proposed = world.seller.trader().resolve(made.id, Amount::ZERO).await.unwrap();
    let proposal = proposed.block_id.parse().unwrap();
    world.buyer.trader().acknowledge(proposal).await.unwrap();
    let deal = world.until("the resolution", made, |deal| deal.state == "resolved").await;
    assert_eq!((deal.base_sent.as_str(), reserved().await.as_str()), ("0", "0"));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wallet_that_takes_back_what_would_be_late_loses_the_fee_alone() {
    let wallets = WalletTerms { gives_up: true, ..WalletTerms::default() };
    let world = begin(Terms { pay_ms: 6_000, ..A_FIFTIETH }, wallets).await;
    let made = world.trade(100_000).await;
    let first = world.chain.until_waiting("the first payment").await;
    world.chain.set_fees(50_000, 50_000).await;
    let second = world.chain.until_waiting("the taking back").await;
    assert_ne!(first, second);
    world.mine(2).await;
    world.until("the default", made, is_defaulted).await;
    world.must_have(&[(made, 0, 0)]).await;
    assert!(world.buyer.fees().await > 0);
    world.end().await;
}
