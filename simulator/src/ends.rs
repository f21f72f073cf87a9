//! What must hold in the end, when everything has calmed down; and what the run is counted as.

use crate::broken::{Broken, Invariant, hold};
use crate::client::Client;
use crate::node::{Committed, at_once, replay};
use crate::tell::concerning;
use crate::watch::Reckoned;
use crate::world::{ON_CHAIN, World};
use bandex_engine::{CommandResult, Engine, Event};
use bandex_journal::JournalReader;
use bandex_settlement::{Party, State};
use bandex_tradechain::{Body, Decoded};

impl World<'_> {
    /// What must hold in the end.
    pub fn end(&mut self) -> Result<(), Broken> {
        for deal in self.watch.deals.iter() {
            let state = deal.told.deal.state();
            let over = deal.is_over() || state != State::Open;
            hold(over, Invariant::Settled, || format!("deal {}: {state}", deal.told.id))?;
        }
        self.end_chain()?;
        let due = self.node.as_ref().and_then(|node| node.sequencer.engine().checkpoint());
        hold(due.is_none(), Invariant::Score, || "the scores of an epoch never came".to_owned())?;
        let (engine, _, committed) = replay(&self.store, &[])?;
        self.end_journal(&engine, &committed)?;
        for client in &self.clients {
            // A cheat may have registered its key by another block than the one it kept.
            if client.disk.account.is_some_and(|account| engine.account(&account).is_some()) {
                end_client(client, &committed)?;
            }
        }
        self.count(&committed);
        Ok(())
    }

    /// All that really came to deals that anybody still waits for was counted, and all that are settled were paid.
    fn end_chain(&self) -> Result<(), Broken> {
        for deal in self.watch.deals.iter().filter(|deal| deal.is_on_chain() && !self.is_spoiled(deal)) {
            let (counted, came) = (deal.sums().included, self.moved_outside(deal, Party::Buyer));
            let state = deal.told.deal.state();
            hold(deal.is_over() || counted == came, Invariant::Payments, || {
                format!("{came} came for deal {}, {counted} are counted", deal.told.id)
            })?;
            let paid = came >= u128::from(deal.terms().quote_total.get());
            hold(state != State::Settled || paid, Invariant::Coins, || {
                format!("deal {} is settled, and {came} came", deal.told.id)
            })?;
        }
        Ok(())
    }

    /// The journal is what was published and projected, and replays to the live state.
    fn end_journal(&self, engine: &Engine, committed: &Committed) -> Result<(), Broken> {
        let live = self.node.as_ref().map(|node| node.sequencer.engine().digest());
        hold(live == Some(engine.digest()), Invariant::Digest, || {
            "a replay from record 1 ends in another state".to_owned()
        })?;
        hold(committed.len() as u64 == self.watch.seq(), Invariant::Published, || {
            format!("{} records are in the journal, {} were told", committed.len(), self.watch.seq())
        })?;
        for (record, applied) in committed {
            let same = self.watch.leaf(record.seq) == Some(&record.leaf());
            hold(same, Invariant::Published, || format!("record {} was told otherwise", record.seq))?;
            let projected = self.projections.outcome(record.seq);
            hold(
                projected.is_none_or(|bytes| *bytes == applied.outcome_bytes),
                Invariant::Published,
                || format!("record {} is projected otherwise", record.seq),
            )?;
        }
        Ok(())
    }

    fn count(&mut self, committed: &Committed) {
        let counts = self.watch.deals.counts;
        let disputed = |deal: &&Reckoned| matches!(deal.told.deal.state(), State::Disputed { .. });
        let disputed = self.watch.deals.iter().filter(disputed).count() as u64;
        let events = committed.iter().flat_map(|(_, applied)| &applied.outcome.events);
        let stats = &mut self.stats;
        for (record, applied) in committed {
            stats.count_events(&applied.outcome.events);
            let CommandResult::Done(results) = &applied.outcome.result else { continue };
            stats.count_results(results);
            let Ok(decoded) = Decoded::from_bytes(&record.command) else { continue };
            match decoded.block().map(|(block, _)| &block.body) {
                Some(Body::Orders(orders)) => stats.count_operations(orders, results),
                Some(body) => stats.count_block(body),
                None => {}
            }
        }
        let orders = self.watch.orders.counts;
        (stats.refreshed, stats.slid, stats.decremented) = (orders.refreshed, orders.slid, orders.reduced);
        (stats.woken, stats.cascades, stats.moved) = (orders.woken, orders.cascades, orders.moved);
        (stats.passed_over, stats.grown) = (orders.passed, counts.grown);
        // Those of the beginning are the setup's.
        stats.rules = stats.rules.saturating_sub(u64::from(self.setup.markets.clamp(1, ON_CHAIN)));
        (stats.deals, stats.settled) = (counts.opened, counts.settled);
        let [opened, settled, lost] = counts.on_chain;
        (stats.chain_deals, stats.chain_settled, stats.chain_lost) = (opened, settled, lost);
        (stats.defaulted, stats.disputed) = (counts.defaulted, disputed);
        (stats.cured, stats.written_off, stats.resolved) =
            (counts.cured, counts.written_off, counts.resolved);
        stats.returned = self.watch.trust.returned;
        stats.accounts_added = self.clients.len().saturating_sub(self.setup.clients.len()) as u64;
        stats.forks = events.filter(|event| matches!(event, Event::Fork(_))).count() as u64;
        stats.records = committed.len() as u64;
        let batches = at_once(self.store.reader().batches(1, usize::MAX));
        stats.batches = batches.map_or(0, |batches| batches.len() as u64);
    }
}

/// What the private channel told is the journal's events, of an honest client all of them; and every block of an honest
/// client has its receipt.
fn end_client(client: &Client, committed: &Committed) -> Result<(), Broken> {
    let Some(account) = client.disk.account else { return Ok(()) };
    let expected = committed.iter().filter_map(|(record, applied)| {
        let events = concerning(&applied.outcome, &account);
        (!events.is_empty()).then_some((record.seq, events))
    });
    let expected: Vec<_> = expected.collect();
    let told = &client.disk.stream;
    let same = expected.iter().zip(told).all(|(one, other)| one.0 == other.0 && one.1 == *other.1);
    let complete = told.len() == expected.len() || !client.kind.is_honest();
    hold(same && complete && told.len() <= expected.len(), Invariant::Stream, || {
        format!("client {} heard of {} records of {}", client.index, told.len(), expected.len())
    })?;
    let entries = client.disk.lanes.iter().flat_map(|lane| &lane.entries);
    let open = entries.filter(|entry| !entry.answered).count();
    hold(open == 0 || !client.kind.is_honest(), Invariant::Answered, || {
        format!("{open} blocks of client {} have no receipt", client.index)
    })
}
