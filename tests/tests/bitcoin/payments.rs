//! Payments that are replaced, go elsewhere, or are claimed twice.

use bandex_agent::Event;
use bandex_sdk::now;
use bandex_tests::on_chain::{Made, Terms, WalletTerms, World, within};

fn is_settled(deal: &bandex_api::Deal) -> bool {
    deal.state == "settled"
}

fn included(deal: &bandex_api::Deal) -> u64 {
    bandex_tests::units(&deal.chain.as_ref().expect("it is paid on the chain").included) / 1_000
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_payment_replaced_by_one_with_a_larger_fee_counts_once() {
    let world = World::meet(Terms::default(), WalletTerms { bump_ms: 300, ..WalletTerms::default() }).await;
    world.attend().await;
    let made = world.trade(100_000).await;
    let first = world.chain.until_waiting("the first payment").await;
    let replaced = async || {
        let waiting = world.chain.waiting().await;
        (waiting.len() == 1 && waiting != first).then_some(waiting)
    };
    let second = within("a larger fee", replaced).await;
    world.chain.mine(1).await;
    world.venue.catches_up(&world.chain).await;
    let deal = world.until("the payment", made, |deal| included(deal) > 0).await;
    assert_eq!(included(&deal), 25_000);
    let script = world.script(made).await;
    assert_eq!(world.chain.outputs_to(&script).await, [25_000]);
    world.mine_until("the deal to settle", made, is_settled).await;
    world.must_be_settled(made).await;
    let payments = world.buyer.history().await.payments;
    let of_first = payments.iter().find(|payment| payment.demand == 1).unwrap();
    let ids: Vec<_> = of_first.transactions.iter().map(|one| one.txid).collect();
    assert!(ids.contains(&first[0]) && ids.len() > 1, "{ids:?} {second:?}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_payment_replaced_by_one_to_another_script_never_counts() {
    let world = World::meet(Terms { pay_ms: 3_000, ..Terms::default() }, WalletTerms::default()).await;
    world.seller.attend(&world.venue, None).await;
    world.buyer.attend(&world.venue, Some(1)).await;
    let made = world.trade(100_000).await;
    world.chain.until_waiting("the payment").await;
    world.buyer.vanish().await;
    let back = world.buyer.wallet().await.give_up(made.id, 1, now()).await.unwrap();
    assert_eq!(world.chain.waiting().await, [back]);
    world.mine(2).await;
    world.buyer.holds().await;
    let fees = world.buyer.fees().await;
    assert!((200..400).contains(&fees), "a little more than what it takes the place of: {fees}");
    let deal = world.until("the default", made, |deal| deal.state == "defaulted").await;
    assert_eq!((deal.by.as_deref(), deal.loss.as_deref(), included(&deal)), (Some("buyer"), Some("0"), 0));
    world.must_have(&[(made, 0, 0)]).await;
    let audited = world.end().await;
    assert_eq!(audited.payments, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_payment_to_another_address_of_the_payee_does_not_count() {
    let world = World::meet(Terms::default(), WalletTerms::default()).await;
    world.seller.attend(&world.venue, None).await;
    let made = world.trade(100_000).await;
    let script = world.script(made).await;
    let other = world.seller.wallet().await.new_address().await.unwrap().script_pubkey();
    world.chain.send(&world.chain.gift(&[(other.as_bytes(), 25_000)])).await;
    world.mine(3).await;
    let deal = world.deal(made).await;
    assert_eq!((included(&deal), deal.due.is_some()), (0, true), "it is due as before");
    assert_eq!(world.buyer.rest().payments(made.id).await.unwrap().payments, []);
    // Paid as asked it settles, and the seller has both.
    world.buyer.attend(&world.venue, None).await;
    world.mine_until("the deal to settle", made, is_settled).await;
    assert_eq!(world.chain.paid_to(&script).await, 100_000);
    assert_eq!(world.seller.gained().await, 125_000);
    let gained = world.buyer.gained().await;
    assert_eq!(gained, -(100_000 + i64::try_from(world.buyer.fees().await).unwrap()));
    let audited = world.end().await;
    assert_eq!(audited.payments, 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_script_serves_one_deal_and_one_output_counts_for_one() {
    let world = World::meet(Terms::default(), WalletTerms::default()).await;
    let deals: [Made; 2] = [world.trade(60_000).await, world.trade(40_000).await];
    let script = world.seller.wallet().await.fresh_script(deals[0].id).await.unwrap();
    let named = world.seller.trader().receive(deals[0].id, script.clone()).await;
    assert!(named.is_ok(), "{named:?}");
    let again = world.seller.trader().receive(deals[1].id, script.clone()).await.unwrap_err();
    assert_eq!(again.code(), Some("script_used"));
    let other = world.seller.wallet().await.fresh_script(deals[1].id).await.unwrap();
    world.seller.trader().receive(deals[1].id, other.clone()).await.unwrap();
    // One transaction pays each deal's first demand, and somebody else something.
    let demands = [world.deal(deals[0]).await, world.deal(deals[1]).await]
        .map(|deal| deal.chain.expect("it is paid on the chain").demand_satoshi);
    let stranger = [&[0, 20][..], &[9; 20][..]].concat();
    let gift = world.chain.gift(&[(&script, demands[0]), (&stranger, 50_000), (&other, demands[1])]);
    let txid = world.chain.send(&gift).await.to_string();
    world.mine(1).await;
    for (made, (demand, output)) in deals.into_iter().zip(demands.into_iter().zip([0, 2])) {
        let deal = world.until("the payment", made, |deal| included(deal) > 0).await;
        assert_eq!(included(&deal), demand, "its own output and no other's");
        let told = world.buyer.rest().payments(made.id).await.unwrap().payments;
        let told: Vec<_> = told.iter().map(|one| (one.txid.as_str(), one.output, one.satoshi)).collect();
        assert_eq!(told, [(txid.as_str(), output, demand)]);
    }
    // What somebody else paid counts for the deal; the wallet pays what is asked for in all, less what it has paid itself.
    world.mine(1).await;
    world.attend().await;
    for made in deals {
        let settled = world.mine_until("the deals to settle", made, is_settled).await;
        assert_eq!(settled.base_sent_value, settled.quote_total);
    }
    let on_chain = [world.chain.paid_to(&script).await, world.chain.paid_to(&other).await];
    assert_eq!(demands, [25_000, 18_750]);
    assert_eq!(on_chain, [25_000 + 50_000, 18_750 + 37_500]);
    assert_eq!(world.seller.gained().await, i64::try_from(on_chain[0] + on_chain[1]).unwrap());
    let gained = world.buyer.gained().await;
    assert_eq!(gained, -(50_000 + 37_500 + i64::try_from(world.buyer.fees().await).unwrap()));
    world.buyer.tells("the end", |event| matches!(event, Event::Settled { .. })).await;
    world.end().await;
}
