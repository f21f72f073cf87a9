//! What a deal asks of its account, worked out from the deal's own numbers and not from what the exchange says is due.
//!
//! A walk through the band has one course only: from the terms follow every move, its number and its amount. So a
//! state the walk never reaches is a lie or an error, and so is a payment due other than the next move.

use self::chain::on_chain;
use crate::netted::check as check_replaced;
use crate::order::check as check_order;
use crate::view::PayeeView;
use crate::{DealView, DueView, InFlightView, Stake, ViewError};
use bandex_sdk::tradechain::{deal_id, netted_id};
use bandex_sdk::types::{AccountId, Amount, BlockId, DealId, OrderRef, Quantity, Rail, Timestamp};
use bandex_settlement::{OpenError, Party, Sent, State, Step, Terms, next_step};

/// Where the exchange and the account's own reckoning part. Nothing is paid then.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Disagreement {
    /// The deal cannot be read.
    #[error(transparent)]
    View(#[from] ViewError),
    /// The account is no side of it, or both.
    #[error("the account is not one side of the deal")]
    NotOurs,
    /// The id is not that of the two orders, or of the two deals that it replaces; this is.
    #[error("the deal between these orders has another id")]
    WrongId(DealId),
    /// The own order was never signed.
    #[error("order {0} was never signed here")]
    UnknownOrder(OrderRef),
    /// The own order is on another market or side.
    #[error("order {0} is for another market or the other side")]
    OtherOrder(OrderRef),
    /// The price is worse than the order allows.
    #[error("the order does not allow {lots} lots for {total} smallest units of quote")]
    WorsePrice {
        /// The deal's quantity.
        lots: Quantity,
        /// The deal's total.
        total: Amount,
    },
    /// The order's deals add up to more than was ordered.
    #[error("{taken} lots were taken of an order over {ordered}")]
    BeyondOrder {
        /// What was ordered.
        ordered: Quantity,
        /// What all its deals take.
        taken: u128,
    },
    /// The order's deals cost more than it was placed for.
    #[error("{taken} smallest units of quote were taken of an order for {ordered}")]
    BeyondAmount {
        /// What was ordered.
        ordered: Amount,
        /// What all its deals cost.
        taken: u128,
    },
    /// The counterparty may owe more than the order allows.
    #[error("the counterparty may owe {drawn}; the order allows {cap}")]
    AboveOwnCap {
        /// The order's cap.
        cap: Amount,
        /// The deal's.
        drawn: Amount,
    },
    /// The base total is no whole number of lots.
    #[error("{0} smallest units of base are no whole number of lots")]
    NotLots(Amount),
    /// A leg is paid otherwise than its asset is.
    #[error("the deal's rails are not those of its assets")]
    WrongRail,
    /// On these terms no deal can be walked to its end.
    #[error("the terms: {0}")]
    Terms(#[from] OpenError),
    /// A deal that it is said to take the place of was never found in order here.
    #[error("it takes the place of deal {0}, which is not known here")]
    UnknownReplaced(DealId),
    /// The deals that it is said to take the place of come to something else.
    #[error("the two deals that it takes the place of come to something else")]
    WrongNetting,
    /// The terms are not those of before.
    #[error("the terms changed after a tranche was paid")]
    TermsChanged,
    /// What was sent is no stage of the walk.
    #[error("the deal cannot come to a state where the seller has sent {} and the buyer {}", .0.seller, .0.buyer)]
    OffTheWalk(Sent),
    /// The base sent is not the share of the total that its value is.
    #[error("{found} smallest units of base were sent for a value that buys {expected}")]
    WrongBase {
        /// The exchange's.
        found: Amount,
        /// The share.
        expected: Amount,
    },
    /// Another payment is due than the exchange says.
    #[error("due is {expected:?}, not {found:?}")]
    WrongDue {
        /// What the exchange says.
        found: Option<DueView>,
        /// What follows from the walk.
        expected: Next,
    },
    /// Another payment could be in flight than the exchange says.
    #[error("in flight can be {expected:?}, not {found:?}")]
    WrongInFlight {
        /// What the exchange says.
        found: Option<InFlightView>,
        /// What follows from the walk.
        expected: Next,
    },
    /// What was delivered, counted and asked for does not follow from what is paid on the chain.
    #[error("on chain: {0}")]
    OnChain(&'static str),
    /// The state does not fit what was sent.
    #[error("{0}, says the exchange, but what was sent says otherwise")]
    WrongState(State),
    /// The exchange does not know of a payment that was made.
    #[error("tranche {tranche} was paid, up to {cumulative} in all, and the exchange has lost it")]
    PaymentLost {
        /// The tranche that was paid.
        tranche: u32,
        /// What has been paid in all.
        cumulative: Amount,
    },
}

/// The next move of a deal as it follows from the walk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Next {
    /// Who moves.
    pub party: Party,
    /// The tranche.
    pub tranche: u32,
    /// What the mover will have sent in all, in smallest units of its leg.
    pub cumulative: Amount,
    /// This move alone, in smallest units of the mover's leg.
    pub amount: Amount,
    /// This move alone, in quote value.
    pub value: Amount,
}

/// How far a deal has been followed: the last stage that was found in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Followed {
    terms: Terms,
    sent: Sent,
    carried: Sent,
    tranche: u32,
    /// What was asked for on the chain, and as which demand.
    demand: (u32, Amount),
}

/// What a deal asks of its account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Task {
    /// Pay a tranche.
    Pay {
        /// Exactly this.
        next: Next,
        /// Before this.
        deadline: Timestamp,
        /// The reference of the payment, if it was made before and only its block did not count: then nothing must be
        /// moved again.
        paid_as: Option<String>,
    },
    /// Say where to be paid on the chain.
    Name {
        /// Before this.
        deadline: Timestamp,
    },
    /// Pay on the chain.
    PayOnChain {
        /// The demand.
        number: u32,
        /// What must have been paid in all, in quote units.
        cumulative: Amount,
        /// In a block before this.
        deadline: Timestamp,
        /// Where to, if the payee signed that.
        payee: PayeeView,
    },
    /// See whether the counterparty's payment arrived, and say so.
    Acknowledge {
        /// What should have arrived.
        next: Next,
        /// The block to acknowledge.
        proposal: BlockId,
    },
    /// Nothing now.
    Wait,
    /// Nothing any more: both have sent everything.
    Settled,
    /// Nothing any more: another deal may have taken its place.
    Netted,
    /// Nothing any more: after a dispute or a default it came to another end.
    Ended {
        /// Which.
        state: State,
    },
    /// Nothing any more: a party did not pay in time.
    Defaulted {
        /// Who.
        by: Party,
        /// What the other lost, in quote, as the exchange has it.
        loss: Amount,
    },
}

/// Stages after which a walk is not followed any further in one go; a deal of dust that long is refused instead.
const MOST_STAGES: u32 = 10_000_000;

/// Judges a deal for `account`. `before` is how far it was followed, from an earlier call.
///
/// # Errors
/// The first point on which exchange and reckoning part.
pub fn judge(
    view: &DealView,
    account: AccountId,
    stake: &Stake,
    before: Option<&Followed>,
) -> Result<(Followed, Task), Disagreement> {
    let me = side_of(view, account)?;
    let id = match &view.replaces {
        None => deal_id(&view.taker, &view.maker),
        Some([older, newer]) => netted_id(older, newer),
    };
    if id != view.id {
        return Err(Disagreement::WrongId(id));
    }
    if (view.terms.base_rail, view.terms.quote_rail) != (view.market.base.rail, view.market.quote.rail) {
        return Err(Disagreement::WrongRail);
    }
    match &view.replaces {
        None => {
            check_order(view, me, stake)?;
            view.terms.check()?;
        }
        Some(_) if before.is_some() => {}
        Some(replaces) => {
            check_replaced(view, replaces, &stake.replaced)?;
            view.terms.check_carried(view.carried)?;
        }
    }
    if view.chain.is_some() != view.terms.is_on_chain() {
        return Err(Disagreement::OnChain("a deal is paid on the chain exactly if its rails say so"));
    }
    if let Some(chain) = &view.chain {
        return on_chain(view, me, chain, before);
    }
    let followed = follow(view, before)?;
    let base = view.units(Party::Seller, view.sent.seller);
    if base != view.base_sent {
        return Err(Disagreement::WrongBase { found: view.base_sent, expected: base });
    }
    let task = task_of(view, me, followed.tranche)?;
    let task = check_paid(view, me, stake, task)?;
    Ok((followed, task))
}

fn side_of(view: &DealView, account: AccountId) -> Result<Party, Disagreement> {
    match (view.seller == account, view.buyer == account) {
        (true, false) => Ok(Party::Seller),
        (false, true) => Ok(Party::Buyer),
        _ => Err(Disagreement::NotOurs),
    }
}

/// Walks from the last stage that was found in order to the one the exchange shows.
fn follow(view: &DealView, before: Option<&Followed>) -> Result<Followed, Disagreement> {
    let carried = view.carried;
    let start = Followed { terms: view.terms.clone(), sent: carried, carried, tranche: 1, demand: NO_DEMAND };
    let mut stage = match before {
        Some(before) if before.terms == view.terms && before.carried == carried => before.clone(),
        // No fill enlarges what took the place of others.
        Some(_) if view.replaces.is_some() => return Err(Disagreement::TermsChanged),
        // Further fills between the same orders enlarge a deal, but only before anything moves.
        Some(before) if before.tranche > 1 => return Err(Disagreement::TermsChanged),
        _ => start,
    };
    if view.terms.settles_at_once() && view.replaces.is_none() {
        let all = Sent { seller: view.terms.quote_total, buyer: view.terms.quote_total };
        let settled = view.sent == all && view.state == State::Settled;
        return if settled { Ok(stage) } else { Err(Disagreement::WrongState(view.state)) };
    }
    let target = view.sent;
    for _ in 0..MOST_STAGES {
        if stage.sent == target {
            return Ok(stage);
        }
        let Some(Step { party, reaches }) = next_step(&view.terms, stage.sent) else { break };
        if reaches > target.by(party) {
            break;
        }
        stage.sent = stage.sent.with(party, reaches);
        stage.tranche = stage.tranche.saturating_add(1);
    }
    Err(Disagreement::OffTheWalk(target))
}

/// The next move, if the walk has not ended.
fn next_of(view: &DealView, tranche: u32) -> Option<Next> {
    let Step { party, reaches } = next_step(&view.terms, view.sent)?;
    let before = view.sent.by(party);
    let cumulative = view.units(party, reaches);
    let amount = cumulative.saturating_sub(view.units(party, before));
    Some(Next { party, tranche, cumulative, amount, value: reaches.saturating_sub(before) })
}

fn task_of(view: &DealView, me: Party, tranche: u32) -> Result<Task, Disagreement> {
    let next = next_of(view, tranche);
    match (view.state, next) {
        (State::Settled, None) => Ok(Task::Settled),
        (State::Defaulted { by }, Some(_)) => Ok(Task::Defaulted { by, loss: view.loss }),
        (State::Netted, Some(_)) => Ok(Task::Netted),
        (state @ (State::Cured { .. } | State::WrittenOff { .. } | State::Resolved), Some(_)) => {
            Ok(Task::Ended { state })
        }
        (State::Open, Some(next)) if view.in_flight.is_none() => due_task(view, me, next),
        (State::Open | State::Disputed { .. }, Some(next)) => in_flight_task(view, me, next),
        (state, _) => Err(Disagreement::WrongState(state)),
    }
}

fn due_task(view: &DealView, me: Party, next: Next) -> Result<Task, Disagreement> {
    let Some(due) = view.due.filter(|due| {
        let same = (due.party, due.tranche, due.amount) == (next.party, next.tranche, next.amount);
        same && due.account == view.account(next.party)
            && [due.cumulative, due.cumulative_units] == [next.cumulative; 2]
    }) else {
        return Err(Disagreement::WrongDue { found: view.due, expected: next });
    };
    if next.party == me {
        Ok(Task::Pay { next, deadline: due.deadline, paid_as: None })
    } else {
        Ok(Task::Wait)
    }
}

fn in_flight_task(view: &DealView, me: Party, next: Next) -> Result<Task, Disagreement> {
    if view.due.is_some() {
        return Err(Disagreement::WrongDue { found: view.due, expected: next });
    }
    let Some(paid) = view.in_flight.filter(|paid| {
        let same = (paid.party, paid.tranche, paid.amount) == (next.party, next.tranche, next.amount);
        same && paid.cumulative == next.cumulative
    }) else {
        return Err(Disagreement::WrongInFlight { found: view.in_flight, expected: next });
    };
    let by_payee = !matches!(view.state, State::Disputed { by } if by == next.party);
    match (by_payee, next.party == me) {
        (false, _) => Err(Disagreement::WrongState(view.state)),
        (true, true) => Ok(Task::Wait),
        (true, false) => Ok(Task::Acknowledge { next, proposal: paid.proposal }),
    }
}

/// Holds the own payments against what the exchange says was sent, so that no tranche is paid twice.
fn check_paid(view: &DealView, me: Party, stake: &Stake, task: Task) -> Result<Task, Disagreement> {
    let Some(last) = &stake.last_pay else { return Ok(task) };
    let sent = view.units(me, view.sent.by(me));
    let (tranche, cumulative) = (last.tranche, last.cumulative);
    if cumulative <= sent && !matches!(&task, Task::Pay { next, .. } if next.tranche <= tranche) {
        return Ok(task);
    }
    let same = |found: u32, amount: Amount| (found, amount) == (tranche, cumulative);
    match task {
        // The block that named the payment was refused: the money has moved, only the word is missing.
        Task::Pay { next, deadline, .. } if same(next.tranche, next.cumulative) => {
            Ok(Task::Pay { next, deadline, paid_as: Some(last.reference.clone()) })
        }
        Task::Wait
            if view.in_flight.is_some_and(|paid| paid.party == me && same(paid.tranche, paid.cumulative)) =>
        {
            Ok(Task::Wait)
        }
        Task::Defaulted { .. } | Task::Ended { .. } => Ok(task),
        // What was signed on the ledger and came too late has moved nothing.
        Task::Netted if view.terms.rail_of(me) == Rail::Token => Ok(task),
        _ => Err(Disagreement::PaymentLost { tranche, cumulative }),
    }
}

/// Before the first demand.
const NO_DEMAND: (u32, Amount) = (0, Amount::ZERO);

mod chain;
#[cfg(test)]
mod tests;
