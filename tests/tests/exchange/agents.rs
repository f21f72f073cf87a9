//! Agents that settle by themselves, one of which vanishes in the midst of it.

use crate::story::{BWT, TOTAL};
use bandex_agent::{Agent, ChannelSource, Event, Policy};
use bandex_api::{Channel, Deal, DealPage};
use bandex_sdk::{Client, Markets, MemoryLane, Options, Trader};
use bandex_tests::{Server, Setup, soon, units};
use bandex_tradechain::Keypair;
use bandex_tradechain::body::Operation;
use bandex_types::Side;
use std::sync::Arc;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// A trader with an agent at work.
struct Party {
    trader: Trader,
    keypair: Keypair,
    news: UnboundedReceiver<Event>,
}

async fn party(server: &Server, markets: &Arc<Markets>, seed: u8, policy: Policy) -> Party {
    let (trader, keypair) = trader(server, markets, seed).await;
    attended(server, markets, trader, keypair, policy).await
}

/// A trader alone.
async fn trader(server: &Server, markets: &Markets, seed: u8) -> (Trader, Keypair) {
    let client = Client::connect(&server.socket_url(), Options::default()).await.unwrap();
    let keypair = Keypair::from_seed(&[seed; 32]);
    let registered = Trader::register(&client, server.rest(), markets, keypair.clone(), MemoryLane).await;
    let trader = registered.unwrap();
    client.login(&keypair).await.unwrap();
    (trader, keypair)
}

/// Puts an agent beside a trader.
async fn attended(
    server: &Server,
    markets: &Arc<Markets>,
    trader: Trader,
    keypair: Keypair,
    policy: Policy,
) -> Party {
    let deals = trader.client().subscribe(Channel::Deals).await.unwrap();
    let rest = server.rest().login(&keypair, markets).await.unwrap();
    let source = ChannelSource::new(deals).with_rest(rest);
    let (events, news) = unbounded_channel();
    let agent = Agent::new(trader.clone(), trader.clone(), trader.account(), Arc::clone(markets));
    tokio::spawn(agent.with_policy(policy).run(source, events));
    Party { trader, keypair, news }
}

/// What an agent tells until it has told something that `ends` says is the last.
async fn told(party: &mut Party, ends: impl Fn(&Event) -> bool) -> Vec<Event> {
    let mut events = Vec::new();
    loop {
        let event = soon("an event", party.news.recv()).await.expect("the agent is at work");
        let over = ends(&event);
        events.push(event);
        if over {
            return events;
        }
    }
}

async fn trade(server: &Server, markets: &Markets, seller: &Party, buyer: &Party) {
    server.issue(seller.trader.account(), 10 * BWT).await;
    let market = markets.market("BWT-BTC").unwrap();
    let limit = |side| market.limit(side, "0.00000039159", "1").unwrap();
    seller.trader.place(limit(Side::Sell)).await.unwrap();
    let taken = buyer.trader.place(limit(Side::Buy)).await.unwrap();
    assert_eq!(taken.outcome.status.as_deref(), Some("filled"));
}

/// The one deal of an account, open or not.
async fn only_deal(server: &Server, markets: &Markets, party: &Party) -> Deal {
    let own = server.rest().login(&party.keypair, markets).await.unwrap();
    let query = bandex_api::DealQuery { closed: Some(true), ..Default::default() };
    let DealPage { mut deals, .. } = own.deals(&query).await.unwrap();
    assert_eq!(deals.len(), 1);
    deals.remove(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_strangers_leave_it_to_their_agents() {
    let server = Server::start(Setup::default()).await;
    let markets = Arc::new(server.rest().markets().await.unwrap());
    let mut seller = party(&server, &markets, 1, Policy::default()).await;
    let mut buyer = party(&server, &markets, 2, Policy::default()).await;
    trade(&server, &markets, &seller, &buyer).await;
    let settled = |event: &Event| matches!(event, Event::Settled { .. });
    let (of_seller, of_buyer) = tokio::join!(told(&mut seller, settled), told(&mut buyer, settled));
    let paid: Vec<u64> = of_buyer
        .iter()
        .filter_map(|event| match event {
            Event::Paid { amount, .. } => Some(amount.get()),
            _ => None,
        })
        .collect();
    assert_eq!((paid.len(), paid.iter().sum::<u64>()), (8, TOTAL), "{of_buyer:?}");
    assert!(paid.iter().all(|amount| *amount <= 5_000), "{paid:?}");
    let acknowledged = of_seller.iter().filter(|event| matches!(event, Event::Acknowledged { .. })).count();
    assert_eq!(acknowledged, 8, "{of_seller:?}");
    let deal = only_deal(&server, &markets, &buyer).await;
    assert_eq!(
        (deal.state.as_str(), deal.base_sent.as_str(), units(&deal.quote_sent)),
        ("settled", "1", TOTAL)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_that_vanishes_costs_the_other_side_its_cap_at_most() {
    let server = Server::start(Setup { pay_us: 2_000_000, ..Setup::default() }).await;
    let markets = Arc::new(server.rest().markets().await.unwrap());
    let mut seller = party(&server, &markets, 1, Policy::default()).await;
    let mut buyer = party(&server, &markets, 2, Policy::stop_after(3)).await;
    trade(&server, &markets, &seller, &buyer).await;
    let defaulted = |event: &Event| matches!(event, Event::Defaulted { .. });
    let stopped = |event: &Event| matches!(event, Event::Stopped);
    let (of_seller, of_buyer) = tokio::join!(told(&mut seller, defaulted), told(&mut buyer, stopped));
    assert_eq!(
        of_buyer.iter().filter(|event| matches!(event, Event::Paid { .. })).count(),
        3,
        "{of_buyer:?}"
    );
    let Some(Event::Defaulted { by_us: false, loss, .. }) = of_seller.last() else { panic!("{of_seller:?}") };
    let deal = only_deal(&server, &markets, &seller).await;
    assert_eq!((deal.state.as_str(), deal.by.as_deref()), ("defaulted", Some("buyer")));
    assert_eq!(deal.loss.as_deref().map(units), Some(loss.get()));
    assert!(loss.get() > 0 && loss.get() <= units(&deal.seller_cap), "{deal:?}");
}

/// One takes an ask and a bid of the other's in one block: two deals, which are netted at once.
async fn trade_both_ways(server: &Server, markets: &Markets, maker: &Trader, taker: &Trader) {
    for trader in [maker, taker] {
        server.issue(trader.account(), 10 * BWT).await;
    }
    let market = markets.market("BWT-BTC").unwrap();
    let ask = market.limit(Side::Sell, "0.0000004", "1").unwrap();
    let bid = market.limit(Side::Buy, "0.00000038", "0.6").unwrap();
    for place in [ask, bid] {
        maker.place(place).await.unwrap();
    }
    let buy = market.limit(Side::Buy, "0.0000004", "1").unwrap();
    let sell = market.limit(Side::Sell, "0.00000038", "0.6").unwrap();
    let both = [buy, sell].map(|place| Operation::Place(Box::new(place)));
    let reply = taker.orders(both.into()).await.unwrap();
    assert!(reply.operations.iter().all(|done| done.status.as_deref() == Some("filled")), "{reply:?}");
}

async fn must_settle_what_is_left(server: &Server, markets: &Markets, maker: &mut Party, taker: &mut Party) {
    let settled = |event: &Event| matches!(event, Event::Settled { .. } | Event::Disagreement { .. });
    let (of_maker, of_taker) = tokio::join!(told(maker, settled), told(taker, settled));
    for events in [&of_maker, &of_taker] {
        assert!(matches!(events.last(), Some(Event::Settled { .. })), "{events:?}");
        let netted = |event: &&Event| matches!(event, Event::Netted { .. });
        assert_eq!(events.iter().filter(netted).count(), 2, "{events:?}");
    }
    let own = server.rest().login(&taker.keypair, markets).await.unwrap();
    let query = bandex_api::DealQuery { closed: Some(true), ..Default::default() };
    let DealPage { deals, .. } = own.deals(&query).await.unwrap();
    assert_eq!(deals.len(), 3);
    let left = deals.iter().find(|deal| !deal.replaces.is_empty()).unwrap();
    assert_eq!((left.state.as_str(), left.base_sent.as_str()), ("settled", "0.4"));
    // 1 BWT for 40,000 less 0.6 for 22,800: of that 16,000 are for the 0.4, and 1,200 the difference of the prices.
    assert_eq!((units(&left.quote_total), units(&left.quote_sent)), (17_200, 17_200));
    let carried = left.carried.as_ref().unwrap();
    assert_eq!((units(&carried.seller), units(&carried.buyer)), (1_200, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn agents_settle_what_is_left_of_deals_both_ways() {
    let server = Server::start(Setup::default()).await;
    let markets = Arc::new(server.rest().markets().await.unwrap());
    let mut maker = party(&server, &markets, 1, Policy::default()).await;
    let mut taker = party(&server, &markets, 2, Policy::default()).await;
    trade_both_ways(&server, &markets, &maker.trader, &taker.trader).await;
    must_settle_what_is_left(&server, &markets, &mut maker, &mut taker).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn agents_that_come_later_learn_what_a_deal_replaces() {
    let server = Server::start(Setup::default()).await;
    let markets = Arc::new(server.rest().markets().await.unwrap());
    let (maker, maker_key) = trader(&server, &markets, 1).await;
    let (taker, taker_key) = trader(&server, &markets, 2).await;
    trade_both_ways(&server, &markets, &maker, &taker).await;
    let mut maker = attended(&server, &markets, maker, maker_key, Policy::default()).await;
    let mut taker = attended(&server, &markets, taker, taker_key, Policy::default()).await;
    must_settle_what_is_left(&server, &markets, &mut maker, &mut taker).await;
}
