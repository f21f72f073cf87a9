//! What orders can be: each feature as a short story with its refusals.

use super::floor::{ANNA, BERT, CARL, Floor, buy, lots, order, price, sell};
use crate::story::must_refuse;
use bandex_api::BlockReply;
use bandex_tests::{MARKET, OTHER_MARKET, now, soon};
use bandex_tradechain::body::{Operation, Place, Trigger, TriggerKind};
use bandex_types::{Amount, OrderType, PostOnly, SelfTrade, Side, TimeInForce};
use std::time::Duration;

fn market(place: &mut Place) {
    (place.order_type, place.time_in_force) = (OrderType::Market, TimeInForce::Ioc);
}

/// A market order for this many units of quote: one unit of base at one unit of price costs one.
fn for_quote(units: u64) -> impl Fn(&mut Place) {
    move |place: &mut Place| {
        market(place);
        place.quantity = lots(0);
        // 10⁶ ticks × 10⁶ lots ⁄ 2·10⁸.
        place.quote_quantity = Some(Amount::new(units * 5_000));
    }
}

fn stop(at: u64) -> impl Fn(&mut Place) {
    move |place: &mut Place| place.trigger = Some(Trigger { kind: TriggerKind::StopLoss, price: price(at) })
}

fn profit(at: u64) -> impl Fn(&mut Place) {
    move |place: &mut Place| {
        place.trigger = Some(Trigger { kind: TriggerKind::TakeProfit, price: price(at) });
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn market_orders_stop_at_their_protection_or_their_amount() {
    let mut floor = Floor::open().await;
    for (at, quantity) in [(10, 2), (11, 2), (12, 2)] {
        floor.check(ANNA, sell(at, quantity), "open").await;
    }
    let cut = floor.check(BERT, order(Side::Buy, 11, 5, market), "cancelled 4").await;
    floor.check_order(BERT, cut, "cancelled: unfilled, 4 of 5 at 11").await;
    floor.check_book("| 2@12").await;
    floor.check(BERT, order(Side::Buy, 12, 1, market), "filled").await;
    let fok =
        |place: &mut Place| (place.order_type, place.time_in_force) = (OrderType::Market, TimeInForce::Fok);
    floor.check(BERT, order(Side::Buy, 12, 2, fok), "fok_unfilled").await;
    // By amount: 12 buys one at 12; what is left of 50 finds nothing at its protection.
    floor.check(ANNA, sell(13, 10), "open").await;
    let bought = floor.check(BERT, order(Side::Buy, 12, 0, for_quote(50)), "filled").await;
    floor.check_order(BERT, bought, "filled, 1 of 1 at 12").await;
    floor.check(BERT, order(Side::Buy, 12, 0, for_quote(50)), "cancelled").await;
    let bought = floor.check(BERT, order(Side::Buy, 20, 0, for_quote(27)), "filled").await;
    let found = floor.order(BERT, bought).await;
    // 27 ⁄ 13 of a unit, rounded down to lots, is what it came to.
    assert_eq!((found.filled.as_str(), found.quantity.as_str()), ("2.076923", "2.076923"));
    let terms = found.terms.unwrap();
    assert_eq!((terms.order_type.as_str(), terms.time_in_force.as_str()), ("market", "ioc"));
    assert_eq!(terms.quote_quantity.as_deref(), Some("0.00000135"));
    floor.check(CARL, buy(9, 10), "open").await;
    floor.check(ANNA, order(Side::Sell, 9, 0, for_quote(18)), "filled").await;
    floor.check_book("8@9 | 8-76923@13").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orders_with_a_date_end_by_themselves() {
    let mut floor = Floor::open().await;
    let until = |us| {
        move |place: &mut Place| {
            (place.time_in_force, place.expires) = (TimeInForce::Gtd, Some(now().plus(us)));
        }
    };
    floor.check(ANNA, order(Side::Sell, 9, 1, until(0)), "bad_date").await;
    let dateless = |place: &mut Place| place.time_in_force = TimeInForce::Gtd;
    floor.check(ANNA, order(Side::Sell, 9, 1, dateless), "bad_date").await;
    let dated = |place: &mut Place| place.expires = Some(now().plus(60_000_000));
    floor.check(ANNA, order(Side::Sell, 9, 1, dated), "bad_date").await;
    let long = floor.check(ANNA, order(Side::Sell, 12, 1, until(60_000_000)), "open").await;
    let short = floor.check(ANNA, order(Side::Sell, 11, 1, until(400_000)), "open").await;
    let asleep = |place: &mut Place| {
        until(400_000)(place);
        stop(5)(place);
    };
    let asleep = floor.check(ANNA, order(Side::Sell, 4, 1, asleep), "sleeping").await;
    // Nobody sends anything more.
    let ended = async {
        while floor.open_orders(ANNA).await.len() > 1 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    soon("the end of two orders", ended).await;
    for order in [short, asleep] {
        assert_eq!(floor.order(ANNA, order).await.reason.as_deref(), Some("expired"));
    }
    let found = floor.order(ANNA, long).await;
    assert_eq!(found.status, "open");
    assert!(found.terms.unwrap().expires_us.is_some_and(|at| at > now().as_micros()));
    floor.check_book("| 1@12").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn post_only_orders_slide_to_the_next_tick() {
    let mut floor = Floor::open().await;
    let slide = |place: &mut Place| place.post_only = PostOnly::Slide;
    let refuse = |place: &mut Place| place.post_only = PostOnly::Refuse;
    floor.check(ANNA, sell(10, 1), "open").await;
    floor.check(BERT, order(Side::Buy, 10, 1, refuse), "post_only_would_trade").await;
    let replies = floor.operate(BERT, vec![order(Side::Buy, 12, 1, slide)]).await;
    assert_eq!(replies[0].price.as_deref(), Some("0.00000049999995"), "one tick below");
    floor.check_book("1@10-1 | 1@10").await;
    floor.check(CARL, order(Side::Sell, 8, 1, slide), "open").await;
    floor.check(CARL, order(Side::Sell, 11, 1, slide), "open").await;
    floor.check_book("1@10-1 | 2@10 1@11").await;
    assert!(floor.trades().await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn icebergs_show_a_part_and_go_behind_when_they_refill() {
    let mut floor = Floor::open().await;
    let display = |shown| move |place: &mut Place| place.display = Some(lots(shown));
    let iceberg = floor.check(ANNA, order(Side::Sell, 10, 5, display(2)), "open").await;
    let plain = floor.check(BERT, sell(10, 2), "open").await;
    floor.check_book("| 4@10").await;
    floor.check(CARL, buy(10, 3), "filled").await;
    floor.check_order(ANNA, iceberg, "open, 2 of 5 at 10").await;
    floor.check_order(BERT, plain, "open, 1 of 2 at 10").await;
    floor.check_book("| 3@10").await;
    floor.check(CARL, buy(10, 4), "filled").await;
    floor.check_order(ANNA, iceberg, "filled, 5 of 5 at 10").await;
    // Shares between a hundredth and all of it.
    floor.check(ANNA, order(Side::Sell, 10, 5, display(5)), "open").await;
    floor.check(ANNA, order(Side::Sell, 10, 5, display(6)), "bad_terms").await;
    floor.check(ANNA, order(Side::Sell, 10, 5, display(0)), "bad_terms").await;
    floor.check(ANNA, order(Side::Sell, 10, 101, display(1)), "bad_terms").await;
    let at_once = |place: &mut Place| {
        display(1)(place);
        place.time_in_force = TimeInForce::Ioc;
    };
    floor.check(ANNA, order(Side::Sell, 10, 5, at_once), "bad_terms").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_minimum_trades_on_arrival_or_nothing_does() {
    let mut floor = Floor::open().await;
    let minimum = |least| move |place: &mut Place| place.minimum = Some(lots(least));
    floor.check(ANNA, sell(10, 2), "open").await;
    floor.check(BERT, order(Side::Buy, 10, 5, minimum(3)), "minimum_unfilled").await;
    floor.check(BERT, order(Side::Buy, 10, 5, minimum(2)), "open 2").await;
    floor.check_book("3@10 |").await;
    let post_only = |place: &mut Place| {
        minimum(1)(place);
        place.post_only = PostOnly::Slide;
    };
    for change in
        [Box::new(post_only) as Box<dyn FnOnce(&mut Place)>, Box::new(minimum(0)), Box::new(minimum(6))]
    {
        floor.check(BERT, order(Side::Buy, 10, 5, change), "bad_terms").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sleeping_orders_wake_by_the_last_trade() {
    let mut floor = Floor::open().await;
    // Before any trade there is nothing to be reached.
    let fall = floor.check(ANNA, order(Side::Sell, 7, 2, stop(8)), "sleeping").await;
    floor.check(BERT, buy(10, 1), "open").await;
    floor.check(CARL, sell(10, 1), "filled").await;
    let rise = floor.check(ANNA, order(Side::Sell, 12, 1, profit(12)), "sleeping").await;
    floor.check(BERT, order(Side::Buy, 20, 1, stop(10)), "trigger_reached").await;
    floor.check(BERT, order(Side::Buy, 20, 1, profit(10)), "trigger_reached").await;
    floor.check(BERT, order(Side::Sell, 20, 1, profit(9)), "trigger_reached").await;
    floor.check_book("|").await;
    assert_eq!(floor.open_orders(ANNA).await.len(), 2, "who sleeps is listed among the open");
    let found = floor.order(ANNA, fall).await.terms.unwrap().trigger.unwrap();
    assert_eq!((found.kind.as_str(), found.price.as_str()), ("stop_loss", "0.0000004"));
    // The price falls to 8: the stop wakes, and takes what bids there are down to 7.
    for at in [8, 7, 6] {
        floor.check(BERT, buy(at, 1), "open").await;
    }
    floor.check(CARL, sell(8, 1), "filled").await;
    floor.check_order(ANNA, fall, "open, 1 of 2 at 7").await;
    floor.check_book("1@6 | 1@7").await;
    // A market order asleep is gone when it finds nothing, and one that is cancelled never wakes.
    let gone = |place: &mut Place| {
        market(place);
        stop(5)(place);
    };
    let gone = floor.check(ANNA, order(Side::Sell, 5, 1, gone), "sleeping").await;
    let kept = floor.check(ANNA, order(Side::Sell, 5, 1, stop(5)), "sleeping").await;
    floor.check(ANNA, Operation::Cancel { order: kept }, "done").await;
    floor.check(BERT, buy(7, 1), "filled").await;
    floor.check(CARL, sell(6, 1), "filled").await;
    floor.check(BERT, buy(5, 1), "open").await;
    floor.check(CARL, sell(5, 1), "filled").await;
    floor.check_order(ANNA, gone, "cancelled: unfilled, 0 of 1 at 5").await;
    floor.check_order(ANNA, kept, "cancelled: requested, 0 of 1 at 5").await;
    floor.check_order(ANNA, rise, "sleeping, 0 of 1 at 12").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_amended_order_keeps_its_name_and_its_place_if_it_only_shrinks() {
    let mut floor = Floor::open().await;
    let amend = |order, at, quantity| Operation::Amend { order, price: price(at), quantity: lots(quantity) };
    let first = floor.check(ANNA, sell(10, 5), "open").await;
    let second = floor.check(BERT, sell(10, 5), "open").await;
    floor.check(ANNA, amend(first, 10, 4), "open").await;
    floor.check(CARL, buy(10, 1), "filled").await;
    floor.check_order(ANNA, first, "open, 1 of 4 at 10").await;
    floor.check(ANNA, amend(first, 10, 6), "open 1").await;
    floor.check(CARL, buy(10, 1), "filled").await;
    floor.check_order(BERT, second, "open, 1 of 5 at 10").await;
    let replies = floor.operate(ANNA, vec![amend(first, 12, 6)]).await;
    assert_eq!(
        (replies[0].order.clone(), replies[0].price.as_deref()),
        (Some(first.to_string()), Some("0.0000006"))
    );
    floor.check_book("| 4@10 5@12").await;
    // It arrives anew, and trades.
    floor.check(CARL, buy(9, 2), "open").await;
    floor.check(ANNA, amend(first, 9, 6), "open 3").await;
    floor.check_order(ANNA, first, "open, 3 of 6 at 9").await;
    floor.check(BERT, amend(first, 9, 5), "not_your_order").await;
    let missing = bandex_types::OrderRef { op: 77, ..first };
    floor.check(ANNA, amend(missing, 9, 5), "unknown_order").await;
    floor.check(ANNA, amend(first, 9, 1_200), "insufficient_free").await;
    floor.check_order(ANNA, first, "open, 3 of 6 at 9").await;
    floor.check(ANNA, amend(first, 9, 3), "cancelled 3").await;
    floor.check_order(ANNA, first, "cancelled: requested, 3 of 6 at 9").await;
    floor.check(ANNA, amend(first, 9, 9), "unknown_order").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orders_of_one_account_never_trade_with_each_other() {
    let mut floor = Floor::open().await;
    let with = |mode| move |place: &mut Place| place.self_trade = mode;
    for (mode, rests, arrives, book) in [
        (SelfTrade::CancelOldest, "cancelled: self_trade, 0 of 3 at 10", "open, 0 of 2 at 10", "2@10 |"),
        (SelfTrade::CancelNewest, "open, 0 of 3 at 10", "cancelled: self_trade, 0 of 2 at 10", "| 3@10"),
        (
            SelfTrade::CancelBoth,
            "cancelled: self_trade, 0 of 3 at 10",
            "cancelled: self_trade, 0 of 2 at 10",
            "|",
        ),
        (SelfTrade::Decrement, "open, 0 of 1 at 10", "cancelled: self_trade, 0 of 0 at 10", "| 1@10"),
    ] {
        floor.check(ANNA, sell(10, 3), "open").await;
        let resting = floor.traders[ANNA].last_order(0);
        floor.operate(ANNA, vec![order(Side::Buy, 10, 2, with(mode))]).await;
        let arriving = floor.traders[ANNA].last_order(0);
        floor.check_order(ANNA, resting, rests).await;
        floor.check_order(ANNA, arriving, arrives).await;
        floor.check_book(book).await;
        floor.check(ANNA, Operation::CancelAll { market: None, side: None }, "done").await;
    }
    assert!(floor.trades().await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orders_are_cancelled_by_name_or_all_at_once() {
    let mut floor = Floor::open().await;
    let named = |id: &str| {
        let id = id.to_owned();
        move |place: &mut Place| place.client_id = Some(id)
    };
    let by_name = |id: &str| Operation::CancelClient { market: MARKET, client_id: id.to_owned() };
    let all = |market, side| Operation::CancelAll { market, side };
    floor.check(ANNA, order(Side::Sell, 12, 1, named("x")), "open").await;
    floor.check(ANNA, order(Side::Sell, 12, 1, named("x")), "duplicate_client_id").await;
    floor.check(BERT, by_name("x"), "unknown_order").await;
    floor.check(ANNA, by_name("x"), "done").await;
    floor.check(ANNA, by_name("x"), "unknown_order").await;
    // Three on one market, one on the other; one of them sleeps.
    floor.check(ANNA, sell(12, 1), "open").await;
    floor.check(ANNA, order(Side::Buy, 30, 1, stop(30)), "sleeping").await;
    floor.check(ANNA, buy(8, 1), "open").await;
    let elsewhere = bandex_tests::place(OTHER_MARKET, Side::Buy, 10, 1_000_000);
    floor.check(ANNA, elsewhere, "open").await;
    floor.check(BERT, buy(7, 1), "open").await;
    let left = async |floor: &Floor| floor.open_orders(ANNA).await.len();
    floor.check(ANNA, all(Some(MARKET), Some(Side::Sell)), "done").await;
    assert_eq!(left(&floor).await, 3);
    floor.check_book("1@8 1@7 |").await;
    floor.check(ANNA, all(Some(MARKET), None), "done").await;
    assert_eq!(left(&floor).await, 1);
    floor.check(ANNA, all(None, None), "done").await;
    floor.check(ANNA, all(None, None), "done").await;
    assert_eq!(left(&floor).await, 0);
    floor.check_book("1@7 |").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn terms_that_do_not_go_together_are_refused_by_rule() {
    let mut floor = Floor::open().await;
    let mut check = async |change: &dyn Fn(&mut Place), code: &str, words: &str| {
        let signed = floor.traders[ANNA].orders(vec![order(Side::Sell, 10, 2, change)]);
        let reply: BlockReply = floor.server.submit(&signed).await.read();
        must_refuse(&reply, code);
        let detail = reply.operations[0].detail.as_ref().unwrap();
        assert!(detail.contains(words), "{detail}");
    };
    check(&|place| place.order_type = OrderType::Market, "bad_terms", "a market order").await;
    check(&|place| place.quote_quantity = Some(Amount::new(1)), "bad_terms", "only a market order").await;
    let both = |place: &mut Place| {
        market(place);
        place.quote_quantity = Some(Amount::new(1));
    };
    check(&both, "bad_terms", "quantity 0").await;
    let free = |place: &mut Place| {
        for_quote(1)(place);
        place.price = price(0);
    };
    check(&free, "bad_terms", "above 0").await;
    let nothing = |place: &mut Place| for_quote(0)(place);
    check(&nothing, "bad_terms", "above 0").await;
    let fleeting = |place: &mut Place| {
        (place.time_in_force, place.post_only) = (TimeInForce::Ioc, PostOnly::Refuse);
    };
    check(&fleeting, "bad_terms", "post-only").await;
    check(&|place| place.quantity = lots(0), "zero_quantity", "above 0").await;
    assert!(floor.open_orders(ANNA).await.is_empty());
}
