//! Deals whose quote is paid on a chain: what is asked for follows from what was delivered, what is delivered from what
//! is confirmed.
//!
//! Nobody says that a payment was made and nobody confirms it: the caller counts what has arrived, and the locked base
//! follows by itself. Two depths matter. What is *paid* is confirmed often enough for the buyer to go on; what is
//! *buried* lies so deep that it counts as final. Base is delivered for what is buried, and ahead of that as far as the
//! seller's cap goes: so a reorganisation that takes out payments which are not buried costs the seller at most its
//! cap. The buyer is asked for at most its own cap ahead of what was delivered: so a payment that comes too late costs
//! it at most that.

use super::Deal;
use crate::{Due, Move, OpenError, Party, Refusal, Sent, State, Terms};
use bandex_types::{Amount, Rail, Timestamp};
use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

/// What a market asks of payments on a chain, copied into a deal when it is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct ChainTerms {
    /// The smallest payment worth its fee, in quote value.
    pub least: Amount,
    /// How many confirmations make a payment paid; at least 1.
    pub confirmations: u16,
    /// How many make it final; at least as many.
    pub final_confirmations: u16,
}

impl ChainTerms {
    /// Whether a deal can be paid on these terms: no payment need be smaller than the least, and as many of the least as
    /// it comes to can be numbered.
    ///
    /// A cap of twice the least is enough for any total: whatever the rest, it can be cut into pieces that lie between the
    /// two.
    pub fn allow(&self, buyer_cap: Amount, quote_total: Amount) -> bool {
        let twice = self.least.checked_add(self.least).unwrap_or(Amount::MAX).max(Amount::new(1));
        let most = quote_total.get().checked_div(self.least.get().max(1));
        let numbered = most.is_some_and(|most| most < u64::from(u32::MAX));
        numbered && quote_total >= self.least && (buyer_cap >= quote_total || buyer_cap >= twice)
    }
}

/// What was counted of the payments to a deal's script, in quote value. Each includes the next, and may be more than the
/// total.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
pub struct Counted {
    /// In a block of the chain.
    pub included: Amount,
    /// With as many confirmations as make a payment paid.
    pub paid: Amount,
    /// With as many as make it final. What was final once stays so.
    pub buried: Amount,
}

/// How far the payments of a deal on a chain have come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct OnChain {
    /// The market's terms as at the opening.
    pub terms: ChainTerms,
    /// Whether the payee has named where it wants to be paid.
    pub named: bool,
    /// What the buyer is asked to have paid in all, in quote value.
    pub demand: Amount,
    /// The number of that demand, from 1; 0 before the first.
    pub number: u32,
    /// What has arrived.
    pub counted: Counted,
    /// After a default of the buyer: up to which value base is still delivered, for what had arrived before it.
    pub kept: Amount,
    /// What the seller lost by that default, before any bond paid for it.
    pub loss: Amount,
}

impl Deal {
    /// Opens a deal whose base is on the ledger and whose quote is paid on a chain. Nothing moves yet, and the payee has
    /// to name where it wants to be paid.
    ///
    /// # Errors
    /// See [`Terms::check`]; or the rails are others, or the buyer's cap allows no payment worth its fee.
    pub fn open_on_chain(terms: Terms, chain: ChainTerms, now: Timestamp) -> Result<Self, OpenError> {
        terms.check()?;
        if !terms.is_on_chain() {
            return Err(OpenError::NotOnChain);
        }
        if !chain.allow(terms.buyer_cap, terms.quote_total) {
            return Err(OpenError::NoCap);
        }
        // From here the deal opens.
        let (demand, kept, loss) = (Amount::ZERO, Amount::ZERO, Amount::ZERO);
        let counted = Counted::default();
        let chain = OnChain { terms: chain, named: false, demand, number: 0, counted, kept, loss };
        Ok(Self { chain: Some(chain), ..Self::begin(terms, None, now) })
    }

    /// How far its payments have come, if its quote is paid on a chain.
    pub const fn chain(&self) -> Option<&OnChain> {
        self.chain.as_ref()
    }

    /// The payee has named where it wants to be paid; the first demand begins.
    ///
    /// # Errors
    /// The deal has ended, is not paid on a chain, or the payee has named that already.
    pub fn name_payee(&mut self, now: Timestamp) -> Result<(), Refusal> {
        if self.state != State::Open {
            return Err(Refusal::Closed(self.state));
        }
        let Some(chain) = self.chain.as_mut().filter(|chain| !chain.named) else {
            return Err(Refusal::NotDue { due: Party::Buyer });
        };
        // From here it is named.
        chain.named = true;
        self.demand_more(now);
        Ok(())
    }

    /// Takes in what was counted of the payments; gives the moves that became final by it. Nothing happens to a deal that
    /// is over, but that its counts are known.
    pub fn observe(&mut self, counted: Counted, now: Timestamp) -> Vec<Move> {
        let was_due = self.due().is_some();
        let Some(chain) = self.chain.as_mut() else { return Vec::new() };
        let buried = counted.buried.max(chain.counted.buried);
        let paid = counted.paid.max(buried);
        let included = counted.included.max(paid);
        chain.counted = Counted { included, paid, buried };
        if self.state.is_over() || matches!(self.state, State::WrittenOff { .. }) {
            return Vec::new();
        }
        if self.state.is_closed() {
            // What left the chain again is not waited for.
            chain.kept = chain.kept.min(included.max(self.sent.seller));
        }
        let ended = self.state.is_closed().then_some(chain.kept);
        let moves = self.deliver(paid, buried, ended);
        if self.state == State::Open {
            self.demand_more(now);
            // What a reorganisation took out is due anew, with all the time there is.
            if !was_due && self.due().is_some() {
                self.due_since = now;
            }
            if self.sent == (Sent { seller: self.terms.quote_total, buyer: self.terms.quote_total }) {
                self.state = State::Settled;
            }
        }
        moves
    }

    /// Brings what is final and what is delivered up to what was counted; after a default, delivers no further than
    /// `kept`.
    fn deliver(&mut self, paid: Amount, buried: Amount, kept: Option<Amount>) -> Vec<Move> {
        let total = self.terms.quote_total;
        let buried = buried.min(total).max(self.sent.buyer);
        let ahead = buried.checked_add(self.terms.seller_cap).unwrap_or(Amount::MAX);
        let within = paid.min(ahead).min(kept.unwrap_or(total)).min(total);
        let delivered = within.max(self.sent.seller);
        let mut moves = Vec::new();
        if buried > self.sent.buyer {
            let value = buried.saturating_sub(self.sent.buyer);
            // The seller was exposed by what it had delivered before.
            let honoured = value.min(self.sent.seller.saturating_sub(self.sent.buyer));
            moves.push(self.reach(Party::Buyer, buried, value, honoured));
        }
        if delivered > self.sent.seller {
            let value = delivered.saturating_sub(self.sent.seller);
            // The lock delivers, not the seller: it honours nothing.
            moves.push(self.reach(Party::Seller, delivered, value, Amount::ZERO));
        }
        moves
    }

    fn reach(&mut self, party: Party, reaches: Amount, value: Amount, honoured: Amount) -> Move {
        let units = self.units(party, reaches).saturating_sub(self.units(party, self.sent.by(party)));
        let tranche = self.tranche;
        self.sent = self.sent.with(party, reaches);
        self.tranche = tranche.saturating_add(1);
        Move { party, tranche, units, value, honoured }
    }

    /// Asks for more for as long as what was asked for is paid.
    fn demand_more(&mut self, now: Timestamp) {
        while let Some(chain) = self.chain
            && chain.named
            && chain.counted.paid >= chain.demand
            && let Some(demand) = self.next_demand(&chain)
        {
            let number = chain.number.saturating_add(1);
            self.chain = Some(OnChain { demand, number, ..chain });
            self.due_since = now;
        }
    }

    /// What is asked for next: as much as the buyer's cap lets the seller owe for, but no less than the least payment and
    /// leaving no less; `None` while too little was delivered for that.
    fn next_demand(&self, chain: &OnChain) -> Option<Amount> {
        let (total, least) = (self.terms.quote_total, chain.terms.least.max(Amount::new(1)));
        let edge = self.sent.seller.checked_add(self.terms.buyer_cap).unwrap_or(Amount::MAX);
        let rest = total.saturating_sub(chain.demand);
        let within = edge.min(total).saturating_sub(chain.demand);
        if rest.is_zero() || within.is_zero() {
            return None;
        }
        if within >= rest {
            return Some(total);
        }
        let step = if rest.saturating_sub(within) < least { rest.saturating_sub(least) } else { within };
        if step < least { None } else { chain.demand.checked_add(step) }
    }

    /// What is due of a deal on a chain: the payee's word where to pay, as tranche 0 of nothing; or what is asked for and has
    /// not arrived. Nothing is while blocks are waited for.
    pub(super) fn due_on_chain(&self, chain: &OnChain) -> Option<Due> {
        if !chain.named {
            return Some(Due {
                party: Party::Seller,
                tranche: 0,
                cumulative: Amount::ZERO,
                amount: Amount::ZERO,
                value: Amount::ZERO,
                deadline: self.due_since.plus(self.terms.acknowledge_us),
            });
        }
        let amount = chain.demand.saturating_sub(chain.counted.included);
        (!amount.is_zero()).then(|| Due {
            party: Party::Buyer,
            tranche: chain.number,
            cumulative: chain.demand,
            amount,
            value: amount,
            deadline: self.due_since.plus(self.terms.pay_us),
        })
    }

    /// How far `party` of a deal on a chain is behind the other at worst.
    ///
    /// While the deal is open nothing counts that could still be taken out of the chain, and all that is asked for counts
    /// as paid. Afterwards what has arrived counts, and what came too late is owed by the payee, as far as the buyer's
    /// cap goes.
    pub(super) fn behind_on_chain(&self, chain: &OnChain, party: Party) -> Amount {
        let Sent { seller: delivered, buyer: buried } = self.sent;
        match (party, self.state.is_closed()) {
            (Party::Buyer, false) => delivered.saturating_sub(buried),
            (Party::Buyer, true) => delivered.saturating_sub(chain.counted.included),
            (Party::Seller, false) => chain.demand.saturating_sub(delivered),
            (Party::Seller, true) => self.late(chain).min(self.terms.buyer_cap),
        }
    }

    /// What was paid after the deal had ended, or after its base had gone back, or what a bond had paid for already: the
    /// payee has it for nothing.
    fn late(&self, chain: &OnChain) -> Amount {
        let paid = chain.counted.paid.min(self.terms.quote_total);
        let has = paid.checked_add(self.covered).unwrap_or(Amount::MAX);
        has.saturating_sub(chain.kept.max(self.sent.seller))
    }

    /// What has arrived beyond the total, in quote value: a gift to the payee, since nobody asked for it.
    pub fn surplus(&self) -> Amount {
        self.chain.map_or(Amount::ZERO, |chain| chain.counted.included.saturating_sub(self.terms.quote_total))
    }

    /// The value up to which base stays locked after a default, if the deal is paid on a chain: what arrived before the
    /// default is still delivered for, once it is confirmed.
    pub fn kept(&self) -> Option<Amount> {
        let defaulted = matches!(self.state, State::Defaulted { .. });
        self.chain.filter(|_| defaulted).map(|chain| chain.kept.max(self.sent.seller))
    }

    /// The base that stays locked then, in smallest units.
    pub fn kept_base(&self) -> Amount {
        let kept = self.kept().map_or(Amount::ZERO, |kept| self.units(Party::Seller, kept));
        kept.saturating_sub(self.sent_units(Party::Seller))
    }

    /// Whether a default of the buyer has been made good on the chain: it owed something, and as much is paid by now. If
    /// more is, or a bond has paid already, the payee owes that back, so the deal does not end by itself.
    pub fn is_made_good(&self) -> bool {
        let defaulted = self.state == State::Defaulted { by: Party::Buyer };
        self.chain
            .filter(|chain| defaulted && !chain.loss.is_zero())
            .is_some_and(|chain| chain.counted.paid >= self.sent.seller && self.late(&chain).is_zero())
    }
}

impl Terms {
    /// Whether the base is on the ledger and the quote is paid on a chain.
    pub fn is_on_chain(&self) -> bool {
        self.base_rail == Rail::Token && self.quote_rail == Rail::Bitcoin && !self.quote_total.is_zero()
    }
}
