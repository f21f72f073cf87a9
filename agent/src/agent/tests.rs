//! Two agents settle with each other over an exchange that keeps the deal and tells both.

use super::*;
use crate::Trust;
use crate::testing::{BUYER, SELLER, Story, markets};
use bandex_sdk::types::{Amount, BlockId};
use bandex_settlement::{Party, State};
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout;

/// An exchange with one deal.
struct Exchange {
    story: Story,
    listeners: Vec<UnboundedSender<News>>,
    /// How many payments are refused before one is accepted.
    refuse: u32,
}

/// A party's access to it.
#[derive(Clone)]
struct Double {
    exchange: Arc<Mutex<Exchange>>,
    party: Party,
    paid: Arc<Mutex<Option<Pay>>>,
}

impl Exchange {
    fn tell(&mut self, whole: bool) {
        let news = News { whole, deals: vec![self.story.told()] };
        self.listeners.retain(|listener| listener.send(news.clone()).is_ok());
    }
}

impl Double {
    fn act(&self, act: impl FnOnce(&mut Story) -> Result<u64, String>) -> Result<u64, HandError> {
        let mut exchange = self.exchange.lock().unwrap();
        let done = act(&mut exchange.story);
        exchange.tell(false);
        done.map_err(|detail| HandError::Refused { code: "refused".to_owned(), detail })
    }
}

impl Hand for Double {
    async fn pay(&self, pay: Pay) -> Result<u64, HandError> {
        *self.paid.lock().unwrap() = Some(pay.clone());
        let refuse = {
            let mut exchange = self.exchange.lock().unwrap();
            let refuse = exchange.refuse > 0;
            exchange.refuse = exchange.refuse.saturating_sub(1);
            refuse
        };
        self.act(|story| {
            if refuse {
                // The refused block is recorded, so the deal is told anew.
                story.seq += 1;
                return Err("not this time".to_owned());
            }
            story.pay(self.party, pay.tranche, pay.cumulative)
        })
    }

    async fn acknowledge(&self, proposal: BlockId) -> Result<u64, HandError> {
        self.act(|story| story.acknowledge(self.party, proposal))
    }

    async fn receive(&self, _: Receive) -> Result<u64, HandError> {
        Err(HandError::Broken("no deal here is paid on the chain".to_owned()))
    }

    fn last_pay(&self, _: &DealId) -> Option<Pay> {
        self.paid.lock().unwrap().clone()
    }
}

/// Coins that are counted, and a rail that is down for a while.
#[derive(Clone, Default)]
struct Coins {
    moved: Arc<Mutex<BTreeMap<(AccountId, u32), Amount>>>,
    down: Arc<AtomicU32>,
}

impl Payer for Coins {
    async fn pay(&self, payment: &Payment) -> Result<String, RailError> {
        if self.down.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok() {
            return Err(RailError::Later("down".to_owned()));
        }
        let twice = self.moved.lock().unwrap().insert((payment.payee, payment.tranche), payment.amount);
        assert_eq!(twice, None, "tranche {} was paid twice", payment.tranche);
        Ok(format!("coin {}", payment.tranche))
    }
}

impl Payee for Coins {
    async fn arrived(&self, incoming: &Incoming) -> Result<bool, RailError> {
        let moved = self.moved.lock().unwrap();
        let me = if incoming.payer == SELLER { BUYER } else { SELLER };
        Ok(moved.get(&(me, incoming.tranche)) == Some(&incoming.amount))
    }
}

struct Party2 {
    events: UnboundedReceiver<Event>,
    run: tokio::task::JoinHandle<Result<(), AgentError>>,
}

impl Party2 {
    /// All that was told until the deal ended or the agent stopped.
    async fn told(&mut self) -> Vec<Event> {
        let mut told = Vec::new();
        loop {
            let event = timeout(Duration::from_secs(20), self.events.recv()).await.expect("an end");
            let Some(event) = event else { return told };
            let over = matches!(event, Event::Settled { .. } | Event::Stopped | Event::Defaulted { .. });
            told.push(event);
            if over {
                return told;
            }
        }
    }
}

fn policy() -> Policy {
    Policy { recheck: Duration::from_millis(1), ..Policy::default() }
}

fn start(exchange: &Arc<Mutex<Exchange>>, party: Party, coins: &Coins, policy: Policy) -> Party2 {
    let (listener, source) = unbounded_channel();
    exchange.lock().unwrap().listeners.push(listener);
    let hand = Double { exchange: Arc::clone(exchange), party, paid: Arc::default() };
    let account = if party == Party::Seller { SELLER } else { BUYER };
    let (tell, events) = unbounded_channel();
    let agent = Agent::new(hand, Trust, account, markets()).with_rails(coins.clone(), coins.clone());
    let run = tokio::spawn(agent.with_policy(policy).run(source, tell));
    Party2 { events, run }
}

/// A story whose deadlines lie ahead of the real clock.
fn exchange(story: Story, refuse: u32) -> Arc<Mutex<Exchange>> {
    let story = story.opened_at(now());
    Arc::new(Mutex::new(Exchange { story, listeners: Vec::new(), refuse }))
}

fn sums(coins: &Coins) -> [u64; 2] {
    let moved = coins.moved.lock().unwrap();
    [BUYER, SELLER]
        .map(|payee| moved.iter().filter(|((to, _), _)| *to == payee).map(|(_, sum)| sum.get()).sum())
}

#[tokio::test]
async fn two_agents_settle_a_deal() {
    // Base and quote that must move outside: both legs, or only the buyer's where tokens are locked.
    for (symbol, moved) in [("LTC-BTC", [100, 40]), ("BWT-BTC", [0, 40])] {
        for refuse in [0, 1, 2] {
            let exchange = exchange(Story::new(symbol, 10, 4, [6, 7]), refuse);
            let coins = Coins::default();
            coins.down.store(3, Ordering::SeqCst);
            let mut parties =
                [Party::Seller, Party::Buyer].map(|party| start(&exchange, party, &coins, policy()));
            exchange.lock().unwrap().tell(true);
            let mut failed = 0;
            for party in &mut parties {
                let told = party.told().await;
                failed += told.iter().filter(|event| matches!(event, Event::Failed { .. })).count();
                assert!(matches!(told.last(), Some(Event::Settled { .. })), "{told:?}");
                let odd = told.iter().find(|event| {
                    matches!(
                        event,
                        Event::Disagreement { .. } | Event::Declined { .. } | Event::Closed { .. }
                    )
                });
                assert_eq!(odd, None);
            }
            assert_eq!(failed, refuse as usize, "refused payments are told");
            assert_eq!(sums(&coins), moved, "{symbol}");
            assert_eq!(exchange.lock().unwrap().story.deal.state(), State::Settled);
        }
    }
}

#[tokio::test]
async fn an_agent_vanishes_after_so_many_steps() {
    for steps in [0, 1, 3] {
        let exchange = exchange(Story::strangers(), 0);
        let coins = Coins::default();
        let mut stays = start(&exchange, Party::Buyer, &coins, policy());
        let mut goes =
            start(&exchange, Party::Seller, &coins, Policy { stop_after: Some(steps), ..policy() });
        exchange.lock().unwrap().tell(true);
        let told = goes.told().await;
        assert_eq!(told.last(), Some(&Event::Stopped));
        assert_eq!(told.len(), steps as usize + 1, "{told:?}");
        assert!(goes.run.await.unwrap().is_ok());
        assert!(!stays.run.is_finished());
        stays.run.abort();
        assert_eq!(stays.events.recv().await.is_some(), steps > 0);
    }
}

#[tokio::test]
async fn a_lie_stops_payment_and_the_truth_resumes_it() {
    let exchange = exchange(Story::strangers(), 0);
    let coins = Coins::default();
    let mut seller = start(&exchange, Party::Seller, &coins, policy());
    let (lie, truth) = {
        let exchange = exchange.lock().unwrap();
        let mut lie = exchange.story.told();
        lie.due.as_mut().unwrap().cumulative_units = "99".to_owned();
        (News { whole: false, deals: vec![lie] }, exchange.listeners[0].clone())
    };
    truth.send(lie).unwrap();
    let told = seller.events.recv().await.unwrap();
    assert!(
        matches!(told, Event::Disagreement { what: crate::Disagreement::WrongDue { .. }, .. }),
        "{told:?}"
    );
    assert_eq!(sums(&coins), [0, 0]);
    {
        let mut exchange = exchange.lock().unwrap();
        exchange.story.seq += 1;
        exchange.tell(false);
    }
    let told = seller.events.recv().await.unwrap();
    assert!(matches!(told, Event::Paid { tranche: 1, .. }), "{told:?}");
    assert_eq!(sums(&coins), [15, 0]);
    drop(truth);
    exchange.lock().unwrap().listeners.clear();
    let ended = seller.run.await.unwrap();
    assert!(matches!(ended, Err(AgentError::Source(SourceError::Ended))), "{ended:?}");
}

/// The process died between paying and reporting: the payment is reported under its old reference.
#[tokio::test]
async fn a_payment_that_was_not_reported_is_reported_not_repeated() {
    let exchange = exchange(Story::strangers(), 0);
    let (listener, source) = unbounded_channel();
    exchange.lock().unwrap().listeners.push(listener);
    let deal = exchange.lock().unwrap().story.id();
    let reference = "coin of yesterday".to_owned();
    let before = Pay { deal, tranche: 1, cumulative: Amount::new(15), reference: reference.clone() };
    let paid = Arc::new(Mutex::new(Some(before)));
    let hand = Double { exchange: Arc::clone(&exchange), party: Party::Seller, paid };
    let (tell, mut events) = unbounded_channel();
    let coins = Coins::default();
    let agent = Agent::new(hand, Trust, SELLER, markets()).with_rails(coins.clone(), coins.clone());
    let run = tokio::spawn(agent.run(source, tell));
    exchange.lock().unwrap().tell(true);
    let told = events.recv().await.unwrap();
    assert!(
        matches!(&told, Event::Paid { tranche: 1, reference: found, .. } if *found == reference),
        "{told:?}"
    );
    assert_eq!(sums(&coins), [0, 0]);
    run.abort();
}
