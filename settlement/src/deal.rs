//! One deal: its birth, its growth by further fills, and what can be read from it.

mod bytes;
mod chain;
mod ends;
mod exposure;
mod steps;

pub use chain::{ChainTerms, Counted, OnChain};
#[cfg(test)]
mod tests;

use crate::{Due, FillError, InFlight, Move, OpenError, Party, Sent, Stage, State, Terms, next_step};
use bandex_types::{Amount, Rail, Rounding, Timestamp};

/// Two parties' exchange of a base for a quote, from its fills to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deal {
    terms: Terms,
    state: State,
    sent: Sent,
    /// The number of the next tranche.
    tranche: u32,
    /// When the present move became due.
    due_since: Timestamp,
    /// The payment that waits to be acknowledged; after a write-off the one that did.
    in_flight: Option<InFlight>,
    /// Of a deal that took the place of others: what counted as sent from the start, though neither base nor quote moved
    /// for it here.
    carried: Option<Sent>,
    /// How much of the loss by a default a bond has covered, in quote value.
    covered: Amount,
    /// Of a deal whose quote is paid on a chain: how far its payments have come.
    chain: Option<OnChain>,
}

impl Deal {
    /// Opens a deal and names what must be delivered at once.
    ///
    /// Where the ledger holds both legs everything changes hands in this step, and at price 0 the whole base does;
    /// otherwise nothing moves yet. At price 0 a base that is not on the ledger is a gift the exchange can neither
    /// deliver nor enforce: the deal is settled without a move.
    ///
    /// # Errors
    /// See [`Terms::check`].
    pub fn open(terms: Terms, now: Timestamp) -> Result<(Self, Vec<Move>), OpenError> {
        terms.check()?;
        if terms.is_on_chain() {
            return Err(OpenError::NoChainTerms);
        }
        // From here the deal opens.
        let mut deal = Self::begin(terms, None, now);
        let (base, quote) = (deal.terms.base_total, deal.terms.quote_total);
        let moves = if deal.terms.settles_at_once() { deal.exchange(base, quote) } else { Vec::new() };
        Ok((deal, moves))
    }

    /// Opens a deal that takes the place of others and begins where `carried` counts as sent already.
    ///
    /// # Errors
    /// See [`Terms::check_carried`].
    pub fn open_carried(terms: Terms, carried: Sent, now: Timestamp) -> Result<Self, OpenError> {
        terms.check_carried(carried)?;
        Ok(Self::begin(terms, Some(carried), now))
    }

    fn begin(terms: Terms, carried: Option<Sent>, now: Timestamp) -> Self {
        Self {
            terms,
            state: State::Open,
            sent: carried.unwrap_or_default(),
            tranche: 1,
            due_since: now,
            in_flight: None,
            carried,
            covered: Amount::ZERO,
            chain: None,
        }
    }

    /// Takes in one more fill between the same two orders: `terms` are those of the whole grown deal, with caps drawn
    /// anew if the caller likes. Names what must be delivered at once, as [`Deal::open`] does.
    ///
    /// The time to pay begins again. See [`Terms::grown_by`] for the sums.
    ///
    /// # Errors
    /// The deal has ended or something has moved (unless it settles at once, where each fill is delivered as it
    /// comes), a total would shrink, a rail would change, or the grown terms cannot be opened.
    pub fn add_fill(&mut self, terms: Terms, now: Timestamp) -> Result<Vec<Move>, FillError> {
        let (base_total, quote_total) = (self.terms.base_total, self.terms.quote_total);
        let more = (terms.base_total.checked_sub(base_total), terms.quote_total.checked_sub(quote_total));
        let (Some(base), Some(quote)) = more else {
            return Err(FillError::Shrunk { base_total, quote_total });
        };
        if (terms.base_rail, terms.quote_rail) != (self.terms.base_rail, self.terms.quote_rail) {
            return Err(FillError::RailChanged);
        }
        terms.check()?;
        // Rails do not change and totals do not shrink, so a deal that will settle at once has done so before.
        let at_once = terms.settles_at_once();
        if !at_once {
            self.refuse_moved()?;
        }
        if self.carried.is_some() || self.chain.is_some() {
            return Err(FillError::Carried);
        }
        // From here the fill is taken in.
        self.terms = terms;
        self.due_since = now;
        Ok(if at_once { self.exchange(base, quote) } else { Vec::new() })
    }

    fn refuse_moved(&self) -> Result<(), FillError> {
        if self.state.is_closed() {
            return Err(FillError::Closed(self.state));
        }
        match self.in_flight {
            Some(InFlight { tranche, .. }) => Err(FillError::Moved { tranche }),
            None if self.tranche > 1 => Err(FillError::Moved { tranche: self.tranche.saturating_sub(1) }),
            None => Ok(()),
        }
    }

    /// Hands over `base` and `quote` in one step and settles the deal.
    fn exchange(&mut self, base: Amount, quote: Amount) -> Vec<Move> {
        let mut moves = Vec::new();
        for (party, units) in [(Party::Seller, base), (Party::Buyer, quote)] {
            if units.is_zero() || self.terms.rail_of(party) != Rail::Token {
                continue;
            }
            // Nobody is ever exposed, so nothing is honoured.
            let honoured = Amount::ZERO;
            moves.push(Move { party, tranche: self.tranche, units, value: quote, honoured });
            self.tranche = self.tranche.saturating_add(1);
        }
        self.sent = Sent { seller: self.terms.quote_total, buyer: self.terms.quote_total };
        self.state = State::Settled;
        moves
    }

    /// The terms, fills included.
    pub const fn terms(&self) -> &Terms {
        &self.terms
    }

    /// Where the deal stands.
    pub const fn state(&self) -> State {
        self.state
    }

    /// What `party` has finally sent, in quote value, with what was carried over.
    pub const fn sent(&self, party: Party) -> Amount {
        self.sent.by(party)
    }

    /// What `party` has finally sent, in units of its own leg.
    pub fn sent_units(&self, party: Party) -> Amount {
        self.units(party, self.sent.by(party))
    }

    /// Of a deal that took the place of others: what counted as sent from the start, in quote value; maybe nothing.
    pub const fn carried(&self) -> Option<Sent> {
        self.carried
    }

    /// How far the deal has come, if it could be netted: it is open and nothing is in flight.
    pub fn stage(&self) -> Option<Stage<'_>> {
        let (terms, sent, carried) = (&self.terms, self.sent, self.carried.unwrap_or_default());
        // Somebody may be paying on the chain at any time.
        let idle = self.state == State::Open && self.in_flight.is_none() && self.chain.is_none();
        idle.then_some(Stage { terms, sent, carried })
    }

    /// How much of the loss by a default a bond has covered, in quote value.
    pub const fn covered(&self) -> Amount {
        self.covered
    }

    /// The units of its own leg that `party` has sent once it has sent `value`.
    fn units(&self, party: Party, value: Amount) -> Amount {
        self.terms.units_after(party, value, self.carried.unwrap_or_default().by(party), Rounding::Down)
    }

    /// The number of the tranche that is due or in flight; once the deal has ended, of the one that would follow.
    pub const fn tranche(&self) -> u32 {
        self.tranche
    }

    /// The payment that waits to be acknowledged, disputed or not.
    pub const fn in_flight(&self) -> Option<&InFlight> {
        if self.state.is_closed() { None } else { self.in_flight.as_ref() }
    }

    /// The payment that was claimed and never acknowledged, of a deal that was written off.
    pub const fn claim(&self) -> Option<&InFlight> {
        if self.state.is_closed() { self.in_flight.as_ref() } else { None }
    }

    /// The payment that is due; `None` while one is in flight or once the deal has ended.
    pub fn due(&self) -> Option<Due> {
        if self.in_flight.is_some() || self.state.is_closed() {
            return None;
        }
        if let Some(chain) = &self.chain {
            return self.due_on_chain(chain);
        }
        let step = next_step(&self.terms, self.sent)?;
        let cumulative = self.units(step.party, step.reaches);
        Some(Due {
            party: step.party,
            tranche: self.tranche,
            cumulative,
            amount: cumulative.saturating_sub(self.sent_units(step.party)),
            value: step.reaches.saturating_sub(self.sent.by(step.party)),
            deadline: self.due_since.plus(self.terms.pay_us),
        })
    }

    /// The next moment at which [`Deal::expire`] changes something; `None` once the deal is disputed or has ended.
    pub fn deadline(&self) -> Option<Timestamp> {
        if self.state != State::Open {
            return None;
        }
        match self.in_flight {
            Some(open) => Some(open.since.plus(self.terms.acknowledge_us)),
            None => self.due().map(|due| due.deadline),
        }
    }
}
