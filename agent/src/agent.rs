//! The agent at work: hears news, has the desk judge them, carries out what it finds due.

use crate::coins::ChainError;
use crate::desk::{Act, Desk};
use crate::view::PayeeView;
use crate::{
    ChainPayment, DealSource, DealView, Event, Hand, HandError, Incoming, News, OnChain, OwnOrders, Payee,
    Payer, Payment, Policy, RailError, SignedOnly, SourceError,
};
use bandex_sdk::tradechain::body::{Pay, Receive};
use bandex_sdk::types::{AccountId, Amount, DealId, Timestamp};
use bandex_sdk::{Markets, now};
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::sleep;

/// Why an agent gave up.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// No more news of deals.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// Nothing can be signed any more.
    #[error("the agent can sign nothing any more: {0}")]
    Hand(String),
}

/// Settles the deals of one account.
///
/// Each deal is dealt with one step at a time, different deals at the same time. What was signed is known to the
/// [`Hand`] before it is sent, so that after a crash a tranche that was paid is reported, never paid again.
pub struct Agent<H, P = SignedOnly, R = SignedOnly> {
    hand: H,
    account: AccountId,
    markets: Arc<Markets>,
    orders: Box<dyn OwnOrders>,
    payer: Arc<P>,
    payee: Arc<R>,
    on_chain: Option<OnChain>,
    policy: Policy,
}

/// One step that was carried out, or was not.
struct Done {
    deal: DealId,
    tranche: u32,
    result: Result<(u64, Event), Failure>,
    /// The demand on the chain that the wallet has taken on by it.
    taken_on: Option<u32>,
}

enum Failure {
    /// This step did not succeed.
    Step(String),
    /// No step will.
    Hand(String),
}

impl From<HandError> for Failure {
    fn from(error: HandError) -> Self {
        match error {
            HandError::Refused { .. } => Self::Step(error.to_string()),
            HandError::Broken(why) => Self::Hand(why),
        }
    }
}

/// What a rail says if it did not do what it was asked.
enum Attempt {
    /// Ask again.
    Later(String),
    /// It will not.
    Failed(String),
}

impl From<RailError> for Attempt {
    fn from(error: RailError) -> Self {
        match error {
            RailError::Later(why) => Self::Later(why),
            error => Self::Failed(error.to_string()),
        }
    }
}

impl From<ChainError> for Attempt {
    fn from(error: ChainError) -> Self {
        match error {
            ChainError::Rail(error) => error.into(),
            error => Self::Failed(error.to_string()),
        }
    }
}

/// What carries out steps, shared by all that are under way.
struct Arm<H, P, R> {
    hand: H,
    payer: Arc<P>,
    payee: Arc<R>,
    on_chain: Option<OnChain>,
    policy: Policy,
}

impl<H: Hand> Agent<H> {
    /// An agent that signs with `hand` for `account`, knows the account's own orders from `orders`, and moves no coin
    /// outside the exchange.
    pub fn new(hand: H, orders: impl OwnOrders + 'static, account: AccountId, markets: Arc<Markets>) -> Self {
        let (payer, payee) = (Arc::new(SignedOnly), Arc::new(SignedOnly));
        let (orders, policy) = (Box::new(orders), Policy::default());
        Self { hand, account, markets, orders, payer, payee, on_chain: None, policy }
    }
}

impl<H: Hand, P: Payer, R: Payee> Agent<H, P, R> {
    /// The same with limits.
    #[must_use]
    pub fn with_policy(self, policy: Policy) -> Self {
        Self { policy, ..self }
    }

    /// The same, moving coins.
    #[must_use]
    pub fn with_rails<Q: Payer, S: Payee>(self, payer: Q, payee: S) -> Agent<H, Q, S> {
        let Self { hand, account, markets, orders, on_chain, policy, .. } = self;
        let (payer, payee) = (Arc::new(payer), Arc::new(payee));
        Agent { hand, account, markets, orders, payer, payee, on_chain, policy }
    }

    /// The same, settling on the Bitcoin chain. Without, such deals run into their deadlines.
    #[must_use]
    pub fn with_coins(self, on_chain: OnChain) -> Self {
        Self { on_chain: Some(on_chain), ..self }
    }

    /// Works until the policy says stop. Events nobody reads are lost.
    ///
    /// # Errors
    /// There are no more news, or nothing can be signed any more. What was begun is finished first.
    pub async fn run(
        self,
        source: impl DealSource + 'static,
        events: mpsc::UnboundedSender<Event>,
    ) -> Result<(), AgentError> {
        let Self { hand, account, markets, orders, payer, payee, on_chain, policy } = self;
        let left = policy.stop_after;
        let desk = Desk::new(account, markets, orders, policy.clone());
        let arm = Arc::new(Arm { hand, payer, payee, on_chain, policy });
        let (mut news, _listener) = listen(source);
        let mut work = Work { desk, arm, steps: JoinSet::new(), left, events };
        let outcome = work.until_stopped(&mut news).await;
        while let Some(step) = work.steps.join_next().await {
            if let Ok(done) = step {
                let _ = work.finish(done);
            }
        }
        if outcome.is_ok() {
            work.tell([Event::Stopped]);
        }
        outcome
    }
}

type Heard = Result<News, SourceError>;

/// Listens in a task of its own, so that a question under way is not dropped whenever a step is done. The task ends
/// with the guard.
fn listen(mut source: impl DealSource + 'static) -> (mpsc::Receiver<Heard>, JoinSet<()>) {
    let (heard, news) = mpsc::channel(16);
    let mut guard = JoinSet::new();
    guard.spawn(async move {
        loop {
            let next = source.next().await;
            let over = next.is_err();
            if heard.send(next).await.is_err() || over {
                return;
            }
        }
    });
    (news, guard)
}

struct Work<H, P, R> {
    desk: Desk,
    arm: Arc<Arm<H, P, R>>,
    steps: JoinSet<Done>,
    /// How many more steps the policy allows.
    left: Option<u32>,
    events: mpsc::UnboundedSender<Event>,
}

impl<H: Hand, P: Payer, R: Payee> Work<H, P, R> {
    async fn until_stopped(&mut self, news: &mut mpsc::Receiver<Heard>) -> Result<(), AgentError> {
        while self.left != Some(0) {
            let changed = tokio::select! {
                heard = news.recv() => self.hear(heard.unwrap_or(Err(SourceError::Ended))?),
                Some(step) = self.steps.join_next() => match step {
                    Ok(done) => self.finish(done)?,
                    // A rail that panicked: its deal rests, the others go on.
                    Err(error) => {
                        tracing::error!(%error, "a step of the agent was lost");
                        BTreeSet::new()
                    }
                },
            };
            changed.into_iter().for_each(|deal| self.look_at(deal));
        }
        Ok(())
    }

    fn tell(&self, events: impl IntoIterator<Item = Event>) {
        for event in events {
            // Whoever does not listen does not want to know.
            let _ = self.events.send(event);
        }
    }

    fn hear(&mut self, news: News) -> BTreeSet<DealId> {
        let mut events = Vec::new();
        let changed = self.desk.hear(news, &mut events);
        self.tell(events);
        changed
    }

    fn finish(&mut self, done: Done) -> Result<BTreeSet<DealId>, AgentError> {
        let Done { deal, tranche, result, taken_on } = done;
        if let Some(number) = taken_on {
            self.desk.taken_on(deal, number);
        }
        let changed = match result {
            Ok((seq, event)) => {
                self.tell([event]);
                self.desk.done(deal, Some(seq))
            }
            Err(Failure::Step(why)) => {
                self.tell([Event::Failed { deal, tranche, why }]);
                self.desk.done(deal, None)
            }
            Err(Failure::Hand(why)) => return Err(AgentError::Hand(why)),
        };
        Ok(changed)
    }

    fn look_at(&mut self, deal: DealId) {
        if self.left == Some(0) {
            return;
        }
        let mut events = Vec::new();
        let hand = &self.arm.hand;
        let act = self.desk.consider(deal, &|deal| hand.last_pay(deal), now(), &mut events);
        self.tell(events);
        if let Some(act) = act {
            self.left = self.left.map(|left| left.saturating_sub(1));
            let arm = Arc::clone(&self.arm);
            self.steps.spawn(async move { arm.carry_out(act).await });
        }
    }
}

impl<H: Hand, P: Payer, R: Payee> Arm<H, P, R> {
    async fn carry_out(&self, act: Act) -> Done {
        match act {
            Act::Pay { payment, outside, paid_as } => {
                let (deal, tranche) = (payment.deal, payment.tranche);
                Done { deal, tranche, result: self.pay(payment, outside, paid_as).await, taken_on: None }
            }
            Act::Acknowledge(incoming) => {
                let (deal, tranche) = (incoming.deal, incoming.tranche);
                Done { deal, tranche, result: self.acknowledge(incoming).await, taken_on: None }
            }
            Act::Name(deal) => Done { deal, tranche: 0, result: self.name(deal).await, taken_on: None },
            Act::PayOnChain { view, payee, payment, amount } => {
                let (deal, tranche) = (payment.deal, payment.number);
                let result = self.pay_on_chain(&view, &payee, payment, amount).await;
                let taken_on = result.is_ok().then_some(tranche);
                Done { deal, tranche, result, taken_on }
            }
        }
    }

    async fn pay(
        &self,
        payment: Payment,
        outside: bool,
        paid_as: Option<String>,
    ) -> Result<(u64, Event), Failure> {
        let reference = match paid_as {
            Some(reference) => reference,
            None if outside => self.move_money(&payment).await?,
            None => String::new(),
        };
        let Payment { deal, tranche, asset, amount, cumulative, .. } = payment;
        let mut pay = Pay { deal, tranche, cumulative, reference };
        if pay.check().is_err() {
            // The money has moved: a reference that fits no block must not keep the payment from being reported.
            tracing::warn!(reference = pay.reference, "the rail's reference does not fit a block");
            pay.reference.clear();
        }
        let reference = pay.reference.clone();
        let seq = self.hand.pay(pay).await?;
        Ok((seq, Event::Paid { deal, tranche, asset: asset.symbol, amount, cumulative, reference }))
    }

    async fn move_money(&self, payment: &Payment) -> Result<String, Failure> {
        loop {
            match self.payer.pay(payment).await {
                Ok(reference) => return Ok(reference),
                Err(error) => self.wait(payment.deal, Some(payment.deadline), error.into()).await?,
            }
        }
    }

    /// Waits before a rail is asked again, if it said "later" and the deadline, if there is one, leaves time for it.
    async fn wait(&self, deal: DealId, deadline: Option<Timestamp>, attempt: Attempt) -> Result<(), Failure> {
        let why = match attempt {
            Attempt::Later(why) => why,
            Attempt::Failed(why) => return Err(Failure::Step(why)),
        };
        tracing::warn!(why, %deal, "a rail asks for patience");
        sleep(self.policy.recheck).await;
        let margin = u64::try_from(self.policy.margin.as_micros()).unwrap_or(u64::MAX);
        match deadline {
            Some(deadline) if now().plus(margin) >= deadline => {
                Err(Failure::Step("the rail did not pay in time".to_owned()))
            }
            _ => Ok(()),
        }
    }

    fn coins(&self) -> Result<&OnChain, Failure> {
        let missing = || Failure::Step("there is no wallet here for payments on the chain".to_owned());
        self.on_chain.as_ref().ok_or_else(missing)
    }

    async fn name(&self, deal: DealId) -> Result<(u64, Event), Failure> {
        let script = loop {
            match self.coins()?.coins.script(deal).await {
                Ok(script) => break script,
                Err(error) => self.wait(deal, None, error.into()).await?,
            }
        };
        let seq = self.hand.receive(Receive { deal, script: script.clone() }).await?;
        Ok((seq, Event::Named { deal, script: hex::encode(script) }))
    }

    async fn pay_on_chain(
        &self,
        view: &DealView,
        payee: &PayeeView,
        payment: ChainPayment,
        amount: Amount,
    ) -> Result<(u64, Event), Failure> {
        let reference = loop {
            match self.coins()?.pay(view, payee, &payment).await {
                Ok(reference) => break reference,
                Err(error) => self.wait(payment.deal, Some(payment.deadline), error.into()).await?,
            }
        };
        let ChainPayment { deal, number: tranche, cumulative, .. } = payment;
        let asset = view.market.quote.symbol.clone();
        // No record says so: the exchange sees it for itself.
        Ok((view.seq, Event::Paid { deal, tranche, asset, amount, cumulative, reference }))
    }

    async fn acknowledge(&self, incoming: Incoming) -> Result<(u64, Event), Failure> {
        loop {
            match self.payee.arrived(&incoming).await {
                Ok(true) => break,
                // Late is better than never: an acknowledgement ends a dispute too.
                Ok(false) | Err(RailError::Later(_)) => sleep(self.policy.recheck).await,
                Err(error) => return Err(Failure::Step(error.to_string())),
            }
        }
        let Incoming { deal, tranche, asset, amount, proposal, .. } = incoming;
        let seq = self.hand.acknowledge(proposal).await?;
        Ok((seq, Event::Acknowledged { deal, tranche, asset: asset.symbol, amount, proposal }))
    }
}

#[cfg(test)]
mod tests;
