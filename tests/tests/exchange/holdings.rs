//! What an account has promised: locks of its tokens, tranches of its deals, its keys; for everybody, who broke a word.

use crate::story::{BWT, Dice, LOTS, PRICE, Pair, must_place};
use bandex_api::{
    AssetScale, Balances, BlockReply, DealPage, DefaultPage, ForkPage, GrantPage, Lock, Tranche, TranchePage,
};
use bandex_tests::{MARKET, Server, Setup, place, settle_until, until};
use bandex_tradechain::body::{Bond, Operation, Scopes, Trigger, TriggerKind, Unbond};
use bandex_types::{Amount, DealId, MarketId, OrderType, Price, Side, TimeInForce, Timestamp};
use serde_json::json;
use std::collections::BTreeMap;

fn bytes(text: &str) -> u64 {
    AssetScale::new(9).parse(text).unwrap().get()
}

/// The locks of an account's tokens, which add up to what is locked.
async fn locks(server: &Server, token: &str) -> Vec<Lock> {
    let balances: Balances = server.get_as(token, "/v1/balances").await.read();
    for balance in &balances.balances {
        let sum: u64 = balance.locks.iter().map(|lock| bytes(&lock.amount)).sum();
        assert_eq!(bytes(&balance.locked), sum, "{balance:?}");
        assert!(balance.locks.iter().all(|lock| bytes(&lock.amount) > 0), "{balance:?}");
    }
    let bwt = balances.balances.into_iter().find(|balance| balance.asset == "BWT");
    bwt.map(|balance| balance.locks).unwrap_or_default()
}

fn sums(locks: &[Lock]) -> BTreeMap<&str, u64> {
    let mut sums = BTreeMap::new();
    for lock in locks {
        *sums.entry(lock.reason.as_str()).or_default() += bytes(&lock.amount);
    }
    sums
}

/// A sell that sleeps until the price falls to its trigger: by lots, or by what it is to bring.
fn stop(lots: u64, quote: Option<u64>) -> Operation {
    let Operation::Place(mut order) = place(MARKET, Side::Sell, PRICE / 2, lots) else { unreachable!() };
    order.trigger = Some(Trigger { kind: TriggerKind::StopLoss, price: Price::new(PRICE / 2 + 10) });
    if let Some(quote) = quote {
        (order.order_type, order.time_in_force) = (OrderType::Market, TimeInForce::Ioc);
        order.quote_quantity = Some(Amount::new(quote));
    }
    Operation::Place(order)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn locks_add_up_to_what_is_locked() {
    let mut pair = Pair::meet(Server::start(Setup { dust: 1_000_000, ..Setup::default() }).await).await;
    assert!(locks(&pair.server, &pair.seller_token).await.is_empty());
    let asks = vec![place(MARKET, Side::Sell, PRICE + 1, LOTS), stop(LOTS, None), stop(0, Some(10_000))];
    let signed = pair.seller.orders(asks);
    let reply: BlockReply = pair.server.submit(&signed).await.read();
    assert!(reply.operations.iter().all(|operation| operation.ok), "{reply:?}");
    assert_eq!(reply.operations.iter().map(|operation| operation.op_index).collect::<Vec<_>>(), [0, 1, 2]);
    let bond = pair.seller.sign(Bond { amount: Amount::new(2 * BWT) });
    pair.server.submit(&bond).await.read::<BlockReply>();
    let told = locks(&pair.server, &pair.seller_token).await;
    let named: Vec<(&str, Option<String>)> =
        told.iter().map(|lock| (lock.reason.as_str(), lock.order.clone())).collect();
    // The first block's three orders, oldest first, behind the bond.
    let placed = reply.operations.iter().map(|operation| ("order", operation.order.clone()));
    assert_eq!(named, std::iter::once(("bond", None)).chain(placed).collect::<Vec<_>>());
    // A deal takes over what its order had locked, and gives it away tranche by tranche.
    let (bid, _) = pair.buyer.limit(Side::Buy, PRICE + 1, LOTS / 2);
    must_place(pair.server.submit(&bid).await.read(), "filled");
    let page: DealPage = pair.server.get_as(&pair.seller_token, "/v1/deals").await.read();
    let deal: DealId = page.deals[0].deal.parse().unwrap();
    let told = locks(&pair.server, &pair.seller_token).await;
    let of_deal: Vec<&Lock> = told.iter().filter(|lock| lock.reason == "deal").collect();
    assert_eq!((of_deal.len(), of_deal[0].deal.as_deref()), (1, Some(page.deals[0].deal.as_str())));
    assert!(bytes(&of_deal[0].amount) <= BWT / 2);
    // Asked back while a deal is open, a bond only leaves.
    let unbond = pair.seller.sign(Unbond { amount: Amount::new(BWT) });
    pair.server.submit(&unbond).await.read::<BlockReply>();
    let told = locks(&pair.server, &pair.seller_token).await;
    assert_eq!((sums(&told)["bond"], sums(&told)["leaving"]), (BWT, BWT));
    settle_until(&pair.server, &mut pair.seller, &mut pair.buyer, deal, |_| false).await;
    let told = locks(&pair.server, &pair.seller_token).await;
    assert_eq!(sums(&told).keys().copied().collect::<Vec<_>>(), ["bond", "order"]);
    assert!(locks(&pair.server, &pair.buyer_token).await.is_empty(), "its quote is not on the ledger");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn locks_add_up_whatever_an_account_does() {
    let mut pair = Pair::meet(Server::start(Setup { dust: 100_000_000, ..Setup::default() }).await).await;
    let (mut dice, mut seen) = (Dice(7), BTreeMap::new());
    for _ in 0..60 {
        let price = PRICE + dice.roll(5);
        let signed = match dice.roll(8) {
            0 | 1 => pair.seller.limit(Side::Sell, price, 1 + dice.roll(LOTS)).0,
            2 | 3 => pair.buyer.limit(Side::Buy, price, 1 + dice.roll(LOTS)).0,
            4 => pair.seller.orders(vec![Operation::CancelAll { market: None, side: None }]),
            5 => pair.seller.sign(Bond { amount: Amount::new(1 + dice.roll(BWT / 4)) }),
            6 => pair.seller.sign(Unbond { amount: Amount::new(1 + dice.roll(BWT / 4)) }),
            _ => pair.seller.orders(vec![stop(1 + dice.roll(LOTS), None)]),
        };
        // Some are refused, which changes nothing.
        pair.server.submit(&signed).await;
        let page: DealPage = pair.server.get_as(&pair.seller_token, "/v1/deals?limit=1").await.read();
        if let Some(deal) = page.deals.first().filter(|_| dice.roll(3) == 0) {
            let (id, sent): (DealId, _) = (deal.deal.parse().unwrap(), deal.base_sent.clone());
            let moved = |deal: &bandex_api::Deal| deal.base_sent != sent;
            settle_until(&pair.server, &mut pair.seller, &mut pair.buyer, id, moved).await;
        }
        for token in [&pair.seller_token, &pair.buyer_token] {
            for lock in locks(&pair.server, token).await {
                *seen.entry(lock.reason).or_insert(0) += 1;
            }
        }
    }
    assert!(seen.len() == 4 && seen.values().all(|count| *count > 3), "every reason was there: {seen:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tranches_tell_what_was_moved_and_who_signed() {
    let mut pair = Pair::meet(Server::start(Setup::default()).await).await;
    let fees = json!({ "maker_ppm": 1_000, "taker_ppm": 2_000 });
    pair.server.configure(json!([{ "change": "set_fees", "market": 1, "fees": fees }])).await;
    let id = pair.trade().await;
    settle_until(&pair.server, &mut pair.seller, &mut pair.buyer, id, |_| false).await;
    let all = async |limit: u32| -> Vec<Tranche> {
        let (mut found, mut path) = (Vec::new(), format!("/v1/deals/{id}/tranches?limit={limit}"));
        loop {
            let page: TranchePage = pair.server.get_as(&pair.buyer_token, &path).await.read();
            assert!(page.tranches.len() <= limit as usize && page.deal == id.to_string());
            found.extend(page.tranches);
            let Some(cursor) = page.next_cursor else { return found };
            path = format!("/v1/deals/{id}/tranches?limit={limit}&cursor={cursor}");
        }
    };
    let tranches = all(1_000).await;
    assert!(tranches.len() > 5, "{tranches:?}");
    for limit in [1, 2, 3] {
        assert_eq!(all(limit).await, tranches, "by {limit}");
    }
    assert!(tranches.is_sorted_by_key(|tranche| tranche.seq));
    let deal = pair.server.deal(&pair.buyer_token, id).await;
    let (mut base, mut quote, mut arrived) = (0, 0, 0);
    let units = bandex_tests::units;
    for tranche in &tranches {
        if tranche.party == "seller" {
            base += bytes(&tranche.amount);
            arrived += bytes(tranche.delivered.as_ref().unwrap());
            assert_eq!(bytes(&tranche.cumulative), base);
            continue;
        }
        quote += units(&tranche.amount);
        assert_eq!((units(&tranche.cumulative), &tranche.delivered), (quote, &None));
        let (proposal, acknowledged) = (tranche.proposal.as_ref(), tranche.acknowledged_by.as_ref());
        for (block, author) in [(proposal.unwrap(), &pair.buyer), (acknowledged.unwrap(), &pair.seller)] {
            let stored: bandex_api::StoredBlock =
                pair.server.get(&format!("/v1/blocks/{block}")).await.read();
            assert_eq!(stored.block["author"].as_str(), Some(author.key().to_string().as_str()));
        }
    }
    assert_eq!((base, quote), (bytes(&deal.base_sent), units(&deal.quote_sent)));
    let fees = deal.fees.unwrap();
    assert_eq!(base - arrived, bytes(&fees.maker) + bytes(&fees.taker));
    let stranger = pair.server.register(3).await;
    let (strange, page) = (pair.server.login(&stranger).await, format!("/v1/deals/{id}/tranches"));
    pair.server.get_as(&strange, &page).await.must_be(403, "not_yours");
    pair.server.get(&page).await.must_be(401, "not_logged_in");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn grants_say_what_each_key_may_do() {
    let server = Server::start(Setup::default()).await;
    let mut root = server.register(1).await;
    let token = server.login(&root).await;
    let (narrow, session) = root.grant(11, |grant| {
        grant.scopes = Scopes::ORDERS;
        grant.markets = vec![MarketId::new(2)];
        grant.largest_notional = Some(Amount::new(77));
        grant.expires = Some(Timestamp::from_micros(bandex_tests::now().as_micros() + 600_000_000));
    });
    server.submit(&narrow).await.read::<BlockReply>();
    let (wide, other) = root.grant(12, |_| {});
    server.submit(&wide).await.read::<BlockReply>();
    let revoke = root.revoke(other.key());
    server.submit(&revoke).await.read::<BlockReply>();
    let page: GrantPage = server.get_as(&token, "/v1/grants").await.read();
    assert_eq!((page.grants.len(), &page.next_cursor), (3, &None));
    let of = |key: bandex_types::PublicKey| {
        page.grants.iter().find(|grant| grant.key == key.to_string()).unwrap().clone()
    };
    let (whole, narrow, ended) = (of(root.key()), of(session.key()), of(other.key()));
    assert_eq!((whole.root, whole.status.as_str(), whole.markets), (true, "active", None));
    assert_eq!(whole.scopes, ["orders", "settle", "tokens"]);
    assert_eq!((narrow.root, narrow.scopes.as_slice()), (false, &["orders".to_owned()][..]));
    assert_eq!(narrow.markets, Some(vec!["BWT-EUR".to_owned()]));
    assert_eq!((narrow.largest_notional.as_deref(), narrow.status.as_str()), (Some("77"), "active"));
    assert!(narrow.expires_us.is_some_and(|expires| expires > bandex_tests::now().as_micros()));
    assert_eq!((ended.status.as_str(), ended.markets, ended.largest_notional), ("revoked", None, None));
    // Page by page, and to nobody else.
    let first: GrantPage = server.get_as(&token, "/v1/grants?limit=2").await.read();
    let next = format!("/v1/grants?limit=2&cursor={}", first.next_cursor.unwrap());
    let rest: GrantPage = server.get_as(&token, &next).await.read();
    assert_eq!([first.grants, rest.grants].concat(), page.grants);
    let stranger = server.register(3).await;
    let own: GrantPage = server.get_as(&server.login(&stranger).await, "/v1/grants").await.read();
    assert_eq!(own.grants.len(), 1);
    server.get("/v1/grants").await.must_be(401, "not_logged_in");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forks_and_defaults_are_told_to_everybody() {
    let setup = Setup { pay_us: 1_000_000, acknowledge_us: 1_000_000, ..Setup::default() };
    let mut pair = Pair::meet(Server::start(setup).await).await;
    let none: ForkPage = pair.server.get("/v1/forks").await.read();
    assert!(none.forks.is_empty() && none.next_cursor.is_none());
    let none: DefaultPage = pair.server.get("/v1/defaults").await.read();
    assert!(none.defaults.is_empty() && none.next_cursor.is_none());

    let id = pair.trade().await;
    // Nobody pays: the one whose turn it is has defaulted.
    let page = until("a default is told", async || {
        let page: DefaultPage = pair.server.get("/v1/defaults").await.read();
        (!page.defaults.is_empty()).then_some(page)
    })
    .await;
    let deal = pair.server.deal(&pair.seller_token, id).await;
    let told = &page.defaults[0];
    assert_eq!((page.defaults.len(), &told.deal, &told.market), (1, &deal.deal, &deal.market));
    assert_eq!((Some(&told.by), Some(&told.loss)), (deal.by.as_ref(), deal.loss.as_ref()));
    let (by, victim) =
        if told.by == "seller" { (&deal.seller, &deal.buyer) } else { (&deal.buyer, &deal.seller) };
    assert_eq!((&told.account, &told.victim, told.seq), (by, victim, deal.seq));
    assert_eq!((told.state.as_str(), &told.covered), ("defaulted", &deal.covered));

    let mut lanes = [pair.server.register(5).await, pair.server.register(6).await];
    for lane in &mut lanes {
        let before = lane.head();
        let second = lane.orders(vec![place(MARKET, Side::Buy, 1, 1)]);
        lane.rewind(before);
        let first = lane.orders(vec![place(MARKET, Side::Buy, 2, 1)]);
        pair.server.submit(&first).await.read::<BlockReply>();
        pair.server.submit(&second).await.must_be(409, "fork");
        // The proof is a record of its own, which comes a moment later.
        let key = lane.key().to_string();
        let told = until("the fork is told", async || {
            let page: ForkPage = pair.server.get("/v1/forks").await.read();
            page.forks.into_iter().find(|fork| fork.key == key)
        })
        .await;
        let ids = (first.id().to_string(), second.id().to_string());
        assert_eq!((told.lane_seq, told.first, told.second), (2, ids.0, ids.1));
        assert_eq!(told.account, lane.account().to_string());
        assert_eq!(pair.server.lane(lane.key()).await.fork.unwrap().seq, told.seq);
    }
    let first: ForkPage = pair.server.get("/v1/forks?limit=1").await.read();
    let next = format!("/v1/forks?limit=1&cursor={}", first.next_cursor.unwrap());
    let rest: ForkPage = pair.server.get(&next).await.read();
    assert_eq!((rest.forks[0].key.clone(), rest.next_cursor), (lanes[0].key().to_string(), None));
    pair.server.get("/v1/defaults?cursor=AA").await.must_be(400, "bad_cursor");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_markets_limits_are_what_its_numbers_hold() {
    let mut pair = Pair::meet(Server::start(Setup::default()).await).await;
    let market = pair.server.markets().await.markets[0].clone();
    let limits = market.limits.clone();
    assert_eq!((&limits.least_quantity, &limits.least_price), (&market.lot, &market.tick));
    let scale = bandex_api::Scale::from_steps(&market.tick, &market.lot).unwrap();
    let largest = scale.parse_quantity(&limits.largest_quantity).unwrap().get();
    assert_eq!(largest, u64::MAX / 1_000);
    // One lot more is past 64 bits.
    for (lots, code) in [(largest, "insufficient_free"), (largest + 1, "too_large")] {
        let (signed, _) = pair.seller.limit(Side::Sell, 1, lots);
        let reply: BlockReply = pair.server.submit(&signed).await.read();
        assert_eq!(reply.operations[0].code.as_deref(), Some(code), "{lots}");
    }
    let highest = scale.parse_price(&limits.largest_price).unwrap().get();
    assert_eq!(highest, u64::MAX, "a lot at the highest price costs less than 64 bits");
}
