//! What a deal that is paid on the Bitcoin chain asks of its account.
//!
//! How much has arrived the exchange only tells; what may follow from that is worked out here. So it cannot ask for more
//! than the buyer's cap ahead of what it says it delivered, nor for more than was agreed, nor ask twice for one demand.

use super::{Disagreement, Followed, Task};
use crate::DealView;
use crate::view::ChainView;
use bandex_sdk::types::Amount;
use bandex_settlement::{Party, State};

fn says(sound: bool, otherwise: &'static str) -> Result<(), Disagreement> {
    if sound { Ok(()) } else { Err(Disagreement::OnChain(otherwise)) }
}

fn up_to(one: Amount, other: Amount) -> Amount {
    one.checked_add(other).unwrap_or(Amount::MAX)
}

/// Judges a deal on the chain whose orders and terms are in order.
pub(super) fn on_chain(
    view: &DealView,
    me: Party,
    chain: &ChainView,
    before: Option<&Followed>,
) -> Result<(Followed, Task), Disagreement> {
    check_counts(view, chain)?;
    check_demand(view, chain, before)?;
    let base = view.units(Party::Seller, view.sent.seller);
    if base != view.base_sent {
        return Err(Disagreement::WrongBase { found: view.base_sent, expected: base });
    }
    let followed = Followed {
        terms: view.terms.clone(),
        sent: view.sent,
        carried: view.carried,
        tranche: 1,
        demand: (chain.number, chain.demand),
    };
    let settled = view.sent.seller == view.terms.quote_total && view.sent.buyer == view.terms.quote_total;
    let task = match view.state {
        State::Open if !settled => due(view, me, chain)?,
        State::Settled if settled => Task::Settled,
        State::Defaulted { by } => Task::Defaulted { by, loss: view.loss },
        state @ (State::Cured { .. } | State::WrittenOff { .. } | State::Resolved) => Task::Ended { state },
        state => return Err(Disagreement::WrongState(state)),
    };
    Ok((followed, task))
}

/// What is final is paid, what is paid is included, and base was delivered for what is paid, no further ahead of what is
/// final than the seller's cap.
fn check_counts(view: &DealView, chain: &ChainView) -> Result<(), Disagreement> {
    let (delivered, total) = (view.sent.seller, view.terms.quote_total);
    says(
        chain.buried <= chain.paid && chain.paid <= chain.included,
        "what is final or paid is not in the chain",
    )?;
    says(view.sent.buyer == chain.buried.min(total), "what counts as sent is not what is final")?;
    says(
        delivered <= up_to(chain.buried, view.terms.seller_cap),
        "more was delivered than the seller's cap allows",
    )
}

/// The buyer is asked for no more than its cap ahead of what was delivered, and never for less than before.
fn check_demand(view: &DealView, chain: &ChainView, before: Option<&Followed>) -> Result<(), Disagreement> {
    let (delivered, terms) = (view.sent.seller, &view.terms);
    says(chain.demand <= terms.quote_total, "more is asked for than was agreed")?;
    says(chain.demand <= up_to(delivered, terms.buyer_cap), "more is asked for than the buyer's cap allows")?;
    says((chain.number == 0) == chain.demand.is_zero(), "a demand of nothing, or without a number")?;
    says(
        chain.number == 0 || chain.payee.is_some(),
        "something is asked for, and nobody has named a script",
    )?;
    let Some(before) = before else { return Ok(()) };
    if before.terms != view.terms && before.demand.0 > 0 {
        return Err(Disagreement::TermsChanged);
    }
    let (number, demand) = before.demand;
    let sound = match chain.number.cmp(&number) {
        std::cmp::Ordering::Less => false,
        std::cmp::Ordering::Equal => chain.demand == demand,
        std::cmp::Ordering::Greater => chain.demand > demand,
    };
    says(sound, "a demand has changed, or one has gone")
}

fn due(view: &DealView, me: Party, chain: &ChainView) -> Result<Task, Disagreement> {
    let Some(due) = view.due else {
        let waits = chain.number > 0 && chain.included >= chain.demand;
        return if waits {
            Ok(Task::Wait)
        } else {
            Err(Disagreement::OnChain("nothing is due, though something is"))
        };
    };
    let Some(payee) = &chain.payee else {
        says(
            (due.party, due.tranche) == (Party::Seller, 0),
            "nobody but the payee can be due before it named a script",
        )?;
        return Ok(if me == Party::Seller { Task::Name { deadline: due.deadline } } else { Task::Wait });
    };
    let asked = (due.party, due.tranche, due.cumulative) == (Party::Buyer, chain.number, chain.demand);
    let missing = due.amount == chain.demand.saturating_sub(chain.included) && !due.amount.is_zero();
    says(asked && missing, "what is due is not what is asked for and missing")?;
    if me == Party::Seller {
        return Ok(Task::Wait);
    }
    Ok(Task::PayOnChain {
        number: chain.number,
        cumulative: chain.demand,
        deadline: due.deadline,
        payee: payee.clone(),
    })
}
