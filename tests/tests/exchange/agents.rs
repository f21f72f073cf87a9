//! Agents that settle by themselves, one of which vanishes in the midst of it.

use crate::story::{BWT, TOTAL};
use bandex_agent::{Agent, ChannelSource, Event, Policy};
use bandex_api::{Channel, Deal, DealPage};
use bandex_sdk::{Client, Markets, MemoryLane, Options, Trader};
use bandex_tests::{Server, Setup, soon, units};
use bandex_tradechain::Keypair;
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
    let client = Client::connect(&server.socket_url(), Options::default()).await.unwrap();
    let keypair = Keypair::from_seed(&[seed; 32]);
    let registered = Trader::register(&client, server.rest(), markets, keypair.clone(), MemoryLane).await;
    let trader = registered.unwrap();
    client.login(&keypair).await.unwrap();
    let source = ChannelSource::new(client.subscribe(Channel::Deals, None).await.unwrap());
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
