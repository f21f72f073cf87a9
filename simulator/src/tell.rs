//! What a node tells: answers with receipts, and the events that belong to an account.

use crate::network::Answer;
use crate::node::{Projections, Waiting, at_once};
use bandex_engine::{Event, Outcome};
use bandex_journal::JournalReader;
use bandex_sequencer::Sealed;
use bandex_tradechain::{Receipt, inclusion_proof};
use bandex_types::{AccountId, DealId, Hash};
use std::rc::Rc;

/// The answer to whoever waits; `sealed` is the batch that was committed, if one was.
pub(crate) fn answer(
    waiting: Waiting,
    sealed: Option<&Sealed>,
    reader: &dyn JournalReader,
    projections: &Projections,
) -> Answer {
    let receipt = match waiting {
        Waiting::Known(answer) => return answer,
        Waiting::Index(index) => sealed.and_then(|sealed| fresh(sealed, index)),
        Waiting::Record(record) => prove(record, reader, projections),
    };
    receipt.map_or(Answer::Later, |receipt| Answer::Receipt(Rc::new(receipt)))
}

/// The receipt of a record of this very batch.
fn fresh(sealed: &Sealed, index: usize) -> Option<Receipt> {
    let applied = sealed.applied.get(index)?;
    let path = inclusion_proof(&sealed.leaves, index).ok()?;
    let (batch, outcome) = (sealed.batch.block.clone(), applied.outcome_bytes.clone());
    Some(Receipt { batch, leaf: applied.leaf, path, outcome })
}

/// The receipt of an old record; none while its outcome is not projected.
fn prove(seq: u64, reader: &dyn JournalReader, projections: &Projections) -> Option<Receipt> {
    let outcome = projections.outcome(seq)?.clone();
    let batch = at_once(reader.batch_of(seq)).ok()??;
    let count = usize::try_from(batch.count).ok()?;
    let records = at_once(reader.records(batch.first_seq, count)).ok()?;
    let leaves: Vec<Hash> = records.iter().map(|record| record.leaf().hash()).collect();
    let index = records.iter().position(|record| record.seq == seq)?;
    let path = inclusion_proof(&leaves, index).ok()?;
    Some(Receipt { batch: batch.block, leaf: records.get(index)?.leaf(), path, outcome })
}

/// The events of an outcome that belong to an account.
pub(crate) fn concerning(outcome: &Outcome, account: &AccountId) -> Vec<Event> {
    let own_deal = |id| {
        outcome.events.iter().any(|event| {
            matches!(event, Event::Deal(deal) if deal.id == id && (deal.seller == *account || deal.buyer == *account))
        })
    };
    let own_deal_id = |id: &DealId| own_deal(*id);
    let own_order = |id| {
        outcome.events.iter().any(
            |event| matches!(event, Event::Order(order) if order.order == id && order.account == *account),
        )
    };
    let concerns = |event: &&Event| match event {
        Event::Account(state) => state.account == *account,
        Event::Key(key) => key.account == *account,
        Event::Order(order) => order.account == *account,
        Event::Trade(trade) => trade.taker_account == *account || trade.maker_account == *account,
        Event::Deal(deal) => deal.seller == *account || deal.buyer == *account,
        Event::Tranche(tranche) => own_deal(tranche.deal),
        Event::Balance(balance) => balance.account == *account,
        Event::Proposal(proposal) => proposal.from == *account || proposal.to == *account,
        Event::Default(notice) => notice.by == *account || notice.victim == *account,
        Event::Fork(fork) => fork.account == *account,
        Event::Terms(terms) => own_order(terms.order),
        Event::Protection { account: whose, .. } => whose == account,
        Event::Trust(state) => state.account == *account,
        Event::Slash(slash) => slash.from == *account || slash.to == *account,
        Event::Netted(netted) => netted.replaced.iter().any(own_deal_id),
        Event::DealFees { deal, .. } => own_deal(*deal),
        Event::Payment(state) => own_deal(state.deal),
        Event::Guard(state) => state.account == *account,
        _ => false,
    };
    outcome.events.iter().filter(concerns).cloned().collect()
}
