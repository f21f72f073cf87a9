//! Deals: what the engine adds to the pure state machine of one deal: who, locks, limits, timers.

use crate::Refusal;
use crate::accounts::AccountIndex;
use crate::apply::{Engine, Signer};
use crate::effects::Effects;
use crate::ledger::LockReason;
use crate::market::OpenOrder;
use crate::outcome::{DealState, DefaultNotice, Event, FreezeReason, Tranche};
use crate::proposals::{Proposal, Proposed};
use crate::timers::Timer;
use bandex_settlement::{Deal, Expired, Move, Paid, Party, Refusal as Unpaid, State, Terms};
use bandex_tradechain::Domain;
use bandex_tradechain::body::Pay;
use bandex_types::{Amount, BlockId, DealId, MarketId, OrderRef, Rail, Side, Timestamp};
use borsh::{BorshDeserialize, BorshSerialize};

/// A deal with its parties, and what was counted for it elsewhere.
#[derive(Debug, Clone, BorshSerialize, BorshDeserialize)]
pub(crate) struct DealEntry {
    pub market: MarketId,
    pub taker: OrderRef,
    pub maker: OrderRef,
    pub taker_side: Side,
    pub seller: AccountIndex,
    pub buyer: AccountIndex,
    pub opened: Timestamp,
    pub deal: Deal,
    /// What is reserved of the seller's and of the buyer's limit.
    reserved: [Amount; 2],
    /// What counts as the buyer's unsettled purchase.
    unsettled: Amount,
    /// The timer that is set.
    timer: Option<Timestamp>,
}

/// A fill as the book and the admission made it.
pub(crate) struct Fill<'a> {
    pub taker: &'a OpenOrder,
    pub maker: &'a OpenOrder,
    pub terms: Terms,
}

/// The id of the deal between two orders.
pub fn deal_id(taker: &OrderRef, maker: &OrderRef) -> DealId {
    let mut bytes = Vec::with_capacity(82);
    let written = taker.serialize(&mut bytes).and_then(|()| maker.serialize(&mut bytes));
    debug_assert!(written.is_ok(), "fixed-size fields always fit a Vec");
    DealId::new(*Domain::Deal.hash(&bytes).as_bytes())
}

impl From<Unpaid> for Refusal {
    fn from(unpaid: Unpaid) -> Self {
        match unpaid {
            Unpaid::Closed(_) | Unpaid::TooLate { .. } => Self::DealClosed,
            Unpaid::InFlight { .. } => Self::PaymentInFlight,
            Unpaid::NotDue { .. } => Self::NotDue,
            Unpaid::WrongTranche { expected } => Self::WrongTranche { expected },
            Unpaid::WrongAmount { expected } => Self::WrongAmount { expected },
            Unpaid::UnknownProposal => Self::UnknownProposal,
            Unpaid::NotPayee { .. } => Self::NotCounterparty,
        }
    }
}

impl DealEntry {
    /// Which side of the deal an account is.
    pub fn party(&self, account: AccountIndex) -> Option<Party> {
        match account {
            _ if account == self.seller => Some(Party::Seller),
            _ if account == self.buyer => Some(Party::Buyer),
            _ => None,
        }
    }

    pub fn account(&self, party: Party) -> AccountIndex {
        match party {
            Party::Seller => self.seller,
            Party::Buyer => self.buyer,
        }
    }
}

impl Engine {
    /// A deal as the world sees it.
    pub fn deal(&self, id: &DealId) -> Option<DealState> {
        let entry = self.deals.get(id)?;
        Some(DealState {
            id: *id,
            market: entry.market,
            taker: entry.taker,
            maker: entry.maker,
            taker_side: entry.taker_side,
            seller: self.accounts.get(entry.seller).id,
            buyer: self.accounts.get(entry.buyer).id,
            opened: entry.opened,
            deal: entry.deal.clone(),
        })
    }

    /// Opens the deal of a fill. The admission has judged the terms; the locks of the orders become its own.
    pub(crate) fn open_deal(&mut self, fill: &Fill<'_>, effects: &mut Effects) -> DealId {
        let id = deal_id(&fill.taker.order, &fill.maker.order);
        let (sell, buy) = match fill.taker.side {
            Side::Sell => (fill.taker, fill.maker),
            Side::Buy => (fill.maker, fill.taker),
        };
        let (deal, moves) =
            Deal::open(fill.terms.clone(), self.time).expect("the admission checked the terms");
        for (party, order, units) in
            [(Party::Seller, sell, fill.terms.base_total), (Party::Buyer, buy, fill.terms.quote_total)]
        {
            if fill.terms.rail_of(party) == Rail::Token {
                let beneficiary = if party == Party::Seller { buy.account } else { sell.account };
                let (from, to) = (LockReason::Order(order.order), LockReason::Deal(id, party));
                self.ledger.relock(&from, to, units, beneficiary);
            }
        }
        let entry = DealEntry {
            market: fill.taker.market,
            taker: fill.taker.order,
            maker: fill.maker.order,
            taker_side: fill.taker.side,
            seller: sell.account,
            buyer: buy.account,
            opened: self.time,
            deal,
            reserved: [Amount::ZERO; 2],
            unsettled: Amount::ZERO,
            timer: None,
        };
        self.deals.insert(id, entry);
        self.settle(id, &moves, effects);
        for account in [sell.account, buy.account].map(|index| self.accounts.get(index)) {
            let within = account.reserved <= u128::from(account.limit(&self.parameters).get());
            assert!(fill.terms.settles_at_once() || within, "no reservation is granted beyond the limit");
        }
        id
    }

    pub(crate) fn pay(
        &mut self,
        signer: Signer<'_>,
        pay: &Pay,
        effects: &mut Effects,
    ) -> Result<(), Refusal> {
        let now = self.time;
        let entry = self.deals.get_mut(&pay.deal).ok_or(Refusal::UnknownDeal)?;
        let party = entry.party(signer.account).ok_or(Refusal::NotYourDeal)?;
        let payee = entry.account(party.other());
        match entry.deal.pay(party, pay.tranche, pay.cumulative, signer.id, now)? {
            Paid::Delivered(moves) => self.settle(pay.deal, &moves, effects),
            Paid::InFlight => {
                let what = Proposed::Payment(pay.deal);
                self.propose(signer.id, Proposal { from: signer.account, to: payee, what }, effects);
                self.settle(pay.deal, &[], effects);
            }
        }
        Ok(())
    }

    pub(crate) fn acknowledge_payment(
        &mut self,
        id: DealId,
        by: AccountIndex,
        proposal: BlockId,
        effects: &mut Effects,
    ) -> Result<(), Refusal> {
        let now = self.time;
        let entry = self.deals.get_mut(&id).ok_or(Refusal::UnknownDeal)?;
        let party = entry.party(by).ok_or(Refusal::NotYourDeal)?;
        let moves = entry.deal.acknowledge(party, proposal, now)?;
        self.settle(id, &moves, effects);
        Ok(())
    }

    pub(crate) fn expire_deal(&mut self, id: DealId, effects: &mut Effects) {
        let now = self.time;
        let Some(entry) = self.deals.get_mut(&id) else { return };
        entry.timer = None;
        let expired = entry.deal.expire(now);
        self.settle(id, &[], effects);
        if let Some(Expired::Defaulted { by, loss }) = expired {
            self.default(id, by, loss, effects);
        }
    }

    fn default(&mut self, id: DealId, by: Party, loss: Amount, effects: &mut Effects) {
        let Some(entry) = self.deals.get(&id) else { return };
        let (defaulter, victim) = (entry.account(by), entry.account(by.other()));
        let cap = entry.deal.terms().cap_of(by.other());
        // What was not delivered yet goes back to whoever had promised it.
        for party in [Party::Seller, Party::Buyer] {
            if let Some(owner) = self.ledger.unlock_all(&LockReason::Deal(id, party)) {
                effects.balance(owner);
            }
        }
        let name = |index| self.accounts.get(index).id;
        let notice = DefaultNotice { deal: id, by: name(defaulter), victim: name(victim), loss, cap };
        effects.push(Event::Default(notice));
        self.freeze(defaulter, FreezeReason::Default(id), effects);
    }

    /// Carries out moves that are final, and brings limits and timer into line with the deal.
    fn settle(&mut self, id: DealId, moves: &[Move], effects: &mut Effects) {
        effects.deal(id);
        for step in moves {
            let rail = self.deals.get(&id).map(|entry| entry.deal.terms().rail_of(step.party));
            if rail == Some(Rail::Token)
                && let Some((owner, beneficiary)) =
                    self.ledger.deliver(&LockReason::Deal(id, step.party), step.units)
            {
                effects.balance(owner);
                effects.balance(beneficiary);
            }
            let (tranche, party, units, value) = (step.tranche, step.party, step.units, step.value);
            effects.push(Event::Tranche(Tranche { deal: id, tranche, party, units, value }));
        }
        self.recount(id, effects);
    }

    fn recount(&mut self, id: DealId, effects: &mut Effects) {
        let Some(entry) = self.deals.get_mut(&id) else { return };
        let deal = &entry.deal;
        assert!(
            deal.is_consistent(),
            "a deal's net stays in its band and nobody pays beyond what was agreed"
        );
        let unsettled = match (deal.state(), deal.terms().quote_rail) {
            (State::Open | State::Disputed { .. }, Rail::Attested) => {
                deal.terms().quote_total.saturating_sub(deal.sent(Party::Buyer))
            }
            _ => Amount::ZERO,
        };
        let reserved = [deal.reserved(Party::Seller), deal.reserved(Party::Buyer)];
        let deadline = deal.deadline();
        let before = (entry.reserved, entry.unsettled, entry.timer);
        let accounts = [entry.seller, entry.buyer];
        (entry.reserved, entry.unsettled, entry.timer) = (reserved, unsettled, deadline);
        for ((index, now), then) in accounts.into_iter().zip(reserved).zip(before.0) {
            if now != then {
                let account = self.accounts.get_mut(index);
                account.reserved = account.reserved - u128::from(then.get()) + u128::from(now.get());
                effects.account(index);
            }
        }
        let [_, buyer] = accounts;
        let account = self.accounts.get_mut(buyer);
        account.unsettled = account.unsettled - u128::from(before.1.get()) + u128::from(unsettled.get());
        if before.2 != deadline {
            before.2.inspect(|at| self.timers.clear(*at, Timer::Deal(id)));
            deadline.inspect(|at| self.timers.set(*at, Timer::Deal(id)));
        }
    }
}
