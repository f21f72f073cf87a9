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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::judge;
    use crate::testing::{BUYER, SCRIPT, SELLER, Story, markets};
    use bandex_sdk::api::Deal;
    use bandex_sdk::types::AccountId;

    /// Ten lots at ten: 100 in all; the buyer pays at most 40 ahead, the seller delivers at most 10 ahead.
    fn story() -> Story {
        Story::new("BWT-XBT", 10, 10, [10, 40])
    }

    fn task(told: &Deal, me: Party, before: Option<&Followed>) -> Result<(Followed, Task), Disagreement> {
        let account: AccountId = if me == Party::Seller { SELLER } else { BUYER };
        let view = DealView::read(told, &markets()).expect("readable");
        judge(&view, account, &story().stake(me, 10, 10), before)
    }

    fn told(story: &Story, me: Party) -> Task {
        task(&story.told(), me, None).expect("an honest exchange").1
    }

    #[test]
    fn each_side_does_its_part() {
        use Party::{Buyer, Seller};
        let opened = story();
        assert!(matches!(told(&opened, Seller), Task::Name { .. }));
        assert_eq!(told(&opened, Buyer), Task::Wait);
        let named = opened.named();
        let Task::PayOnChain { number: 1, cumulative, payee, .. } = told(&named, Buyer) else {
            panic!("the buyer is asked to pay")
        };
        assert_eq!((cumulative, payee.script), (Amount::new(40), SCRIPT.to_vec()));
        assert_eq!(told(&named, Seller), Task::Wait);
        // In a block, then paid, then buried: the next demand reaches as far ahead of what was delivered.
        assert_eq!(told(&named.clone().counted([40, 0, 0]), Buyer), Task::Wait);
        let next = told(&named.clone().counted([40, 40, 0]), Buyer);
        assert!(
            matches!(next, Task::PayOnChain { number: 2, cumulative, .. } if cumulative == Amount::new(50))
        );
        let settled = named.counted([100, 100, 100]);
        assert_eq!([Seller, Buyer].map(|me| told(&settled, me)), [Task::Settled, Task::Settled]);
    }

    #[test]
    fn what_does_not_follow_is_a_lie() {
        let named = story().named();
        let honest = named.told();
        let (followed, _) = task(&honest, Party::Buyer, None).expect("honest");
        let check = |what: &str, change: &dyn Fn(&mut Deal)| {
            let mut told = honest.clone();
            change(&mut told);
            let judged = task(&told, Party::Buyer, Some(&followed));
            assert!(judged.is_err(), "{what}: {judged:?}");
        };
        let chain = |told: &mut Deal, change: &dyn Fn(&mut bandex_sdk::api::DealChain)| {
            change(told.chain.as_mut().expect("on the chain"));
        };
        let due = |told: &mut Deal, amount: &str| {
            let due = told.due.as_mut().expect("due");
            (due.cumulative, due.amount) = (amount.to_owned(), amount.to_owned());
        };
        check("more than the cap", &|told| {
            chain(told, &|chain| chain.demand = "0.041".to_owned());
            due(told, "0.041");
        });
        check("more than was agreed", &|told| {
            chain(told, &|chain| chain.demand = "0.101".to_owned());
            due(told, "0.101");
        });
        check("another sum under the same number", &|told| {
            chain(told, &|chain| chain.demand = "0.039".to_owned());
            due(told, "0.039");
        });
        check("a demand less", &|told| chain(told, &|chain| chain.number = 0));
        check("no payee", &|told| told.payee = None);
        check("due is not what is asked for", &|told| due(told, "0.03"));
        check("the seller is due", &|told| told.due.as_mut().expect("due").party = "seller".to_owned());
        check("nothing is due", &|told| told.due = None);
        check("paid and in no block", &|told| chain(told, &|chain| chain.paid = "0.04".to_owned()));
        check("final and not sent", &|told| {
            chain(told, &|chain| {
                (chain.included, chain.paid, chain.buried) =
                    ("0.04".to_owned(), "0.04".to_owned(), "0.04".to_owned());
            });
        });
        check("delivered beyond the seller's cap", &|told| {
            told.base_sent_value = "0.011".to_owned();
            told.base_sent = "0.011".to_owned();
        });
        check("settled", &|told| told.state = "settled".to_owned());
        check("not on the chain", &|told| told.chain = None);
    }
}
