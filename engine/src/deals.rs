//! Deals: what the engine adds to the pure state machine of one deal: who, locks, limits, timers.

use crate::DealState;
use crate::Refusal;
use crate::accounts::AccountIndex;
use crate::apply::{Engine, Signer};
use crate::deal_table::DealIndex;
use crate::effects::Effects;
use crate::outcome::{Event, Payee, Tranche};
use crate::proposals::{Proposal, Proposed};
use crate::trust::worth_at;
use bandex_settlement::{ChainTerms, Deal, Expired, Move, Paid, Party, Refusal as Unpaid, State, Terms};
use bandex_tradechain::body::Pay;
use bandex_tradechain::deal_id;
use bandex_types::{Amount, BlockId, DealId, MarketId, OrderRef, Rail, Ratio, Rounding, Side, Timestamp};
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
    /// What a quote unit counts for against limits: as at the opening, so that all that is reserved is released again.
    pub rate: Option<Ratio>,
    /// What is reserved of the seller's and of the buyer's limit, in the unit of account.
    reserved: [Amount; 2],
    /// What the seller and the buyer have still locked for it, in units of their legs.
    locked: [Amount; 2],
    /// What counts as the buyer's unsettled purchase, in the unit of account.
    unsettled: Amount,
    /// The timer that is set.
    timer: Option<Timestamp>,
    /// Where it is among the deals whose timers are set to the same moment.
    pub timer_place: u32,
    /// Whether it is among the open deals between its accounts.
    pub listed: bool,
    /// What of the maker's and the taker's fee was less than a unit so far, in millionths of one.
    pub fee_rest: [u64; 2],
    rare: Option<Box<Rare>>,
}

/// What few deals have.
#[derive(Debug, Clone, Default, BorshSerialize, BorshDeserialize)]
pub(crate) struct Rare {
    /// The deals whose place it took.
    pub replaces: Option<[DealId; 2]>,
    /// What it holds of the seller's and the buyer's limit since it was written off, in the unit of account.
    pub burden: [Amount; 2],
    /// The cure that waits for its acknowledgement.
    pub cure: Option<BlockId>,
    /// Where its payee wants to be paid on the chain.
    pub payee: Option<Payee>,
}

/// The first fill between two orders, with the terms of the deal that it opens: those of all fills between the two.
pub(crate) struct Fill {
    pub market: MarketId,
    pub taker_side: Side,
    pub taker: Filled,
    pub maker: Filled,
    pub terms: Terms,
}

/// One of the two orders of a fill.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Filled {
    pub order: OrderRef,
    pub account: AccountIndex,
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
            Unpaid::OnChain => Self::PaidOnChain,
        }
    }
}

impl DealEntry {
    /// A new deal, and what must be delivered at once; `chain` is what is asked of payments, if the quote is paid on one.
    fn open(fill: Fill, chain: Option<ChainTerms>, now: Timestamp) -> (Self, Vec<Move>) {
        let (taker, maker) = (fill.taker, fill.maker);
        let (sell, buy) = match fill.taker_side {
            Side::Sell => (taker, maker),
            Side::Buy => (maker, taker),
        };
        let opened = match chain.filter(|_| fill.terms.is_on_chain()) {
            Some(chain) => Deal::open_on_chain(fill.terms, chain, now).map(|deal| (deal, Vec::new())),
            None => Deal::open(fill.terms, now),
        };
        let (deal, moves) = opened.expect("the admission checked the terms");
        let orders = [taker.order, maker.order];
        let accounts = [sell.account, buy.account];
        (Self::new(fill.market, orders, fill.taker_side, accounts, now, deal), moves)
    }

    /// The entry of a deal for which nothing is counted yet.
    pub fn new(
        market: MarketId,
        [taker, maker]: [OrderRef; 2],
        taker_side: Side,
        [seller, buyer]: [AccountIndex; 2],
        opened: Timestamp,
        deal: Deal,
    ) -> Self {
        Self {
            market,
            taker,
            maker,
            taker_side,
            seller,
            buyer,
            opened,
            deal,
            rate: None,
            reserved: [Amount::ZERO; 2],
            locked: [Amount::ZERO; 2],
            unsettled: Amount::ZERO,
            timer: None,
            timer_place: 0,
            listed: false,
            fee_rest: [0; 2],
            rare: None,
        }
    }

    /// What few deals have; none if it has nothing of it.
    pub fn rare(&self) -> Option<&Rare> {
        self.rare.as_deref()
    }

    pub fn rare_mut(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

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

    /// What a party has still locked for it.
    pub fn locked(&self, party: Party) -> Amount {
        let [seller, buyer] = self.locked;
        match party {
            Party::Seller => seller,
            Party::Buyer => buyer,
        }
    }

    /// What it reserves of a party's limit, in the unit of account.
    pub fn reserved(&self, party: Party) -> Amount {
        let [seller, buyer] = self.reserved;
        match party {
            Party::Seller => seller,
            Party::Buyer => buyer,
        }
    }

    pub fn set_locked(&mut self, locked: [Amount; 2]) {
        self.locked = locked;
    }

    /// So much of what a party has locked is no more.
    pub fn take_lock(&mut self, party: Party, units: Amount) {
        let [seller, buyer] = &mut self.locked;
        let locked = match party {
            Party::Seller => seller,
            Party::Buyer => buyer,
        };
        *locked = locked.checked_sub(units).expect("a deal's lock holds what it still has to deliver");
    }
}

impl Engine {
    /// A deal as the world sees it.
    pub fn deal(&self, id: &DealId) -> Option<DealState> {
        self.deals.find(id).map(|index| self.deal_state(index))
    }

    pub(crate) fn deal_state(&self, index: DealIndex) -> DealState {
        let entry = self.deals.at(index);
        DealState {
            id: self.deals.id(index),
            market: entry.market,
            taker: entry.taker,
            maker: entry.maker,
            taker_side: entry.taker_side,
            seller: self.accounts.get(entry.seller).id,
            buyer: self.accounts.get(entry.buyer).id,
            opened: entry.opened,
            deal: entry.deal.clone(),
            replaces: entry.rare().and_then(|rare| rare.replaces),
            payee: entry.rare().and_then(|rare| rare.payee.clone()),
        }
    }

    /// Opens a deal. The admission has judged the terms; what the orders locked for it becomes the deal's: how much that
    /// is of the seller's and of the buyer's order is given with the id.
    pub(crate) fn open_deal(
        &mut self,
        fill: Fill,
        effects: &mut Effects,
    ) -> (DealIndex, DealId, [Amount; 2]) {
        let id = deal_id(&fill.taker.order, &fill.maker.order);
        let terms = &fill.terms;
        let at_once = terms.settles_at_once();
        let locks = [(Party::Seller, terms.base_total), (Party::Buyer, terms.quote_total)]
            .map(|(party, units)| if terms.rail_of(party) == Rail::Token { units } else { Amount::ZERO });
        let market = self.markets.get(&fill.market);
        let (rate, chain) = market.map_or((None, None), |market| (market.rate, market.chain_terms()));
        let (mut entry, moves) = DealEntry::open(fill, chain, self.time);
        entry.locked = locks;
        entry.rate = rate;
        self.deal_begins([entry.seller, entry.buyer]);
        let index = self.deals.insert(id, entry);
        self.settle(index, &moves, effects);
        let entry = self.deals.at(index);
        for account in [entry.seller, entry.buyer].map(|index| self.accounts.get(index)) {
            let within = account.reserved <= u128::from(account.limit().get());
            assert!(at_once || within, "no reservation is granted beyond the limit");
        }
        (index, id, locks)
    }

    pub(crate) fn pay(
        &mut self,
        signer: Signer<'_>,
        pay: &Pay,
        effects: &mut Effects,
    ) -> Result<(), Refusal> {
        let now = self.time;
        let index = self.deals.find(&pay.deal).ok_or(Refusal::UnknownDeal)?;
        let entry = self.deals.at_mut(index);
        let party = entry.party(signer.account).ok_or(Refusal::NotYourDeal)?;
        let payee = entry.account(party.other());
        match entry.deal.pay(party, pay.tranche, pay.cumulative, signer.id, now)? {
            Paid::Delivered(moves) => self.settle(index, &moves, effects),
            Paid::InFlight => {
                let what = Proposed::Payment(pay.deal);
                self.propose(signer.id, Proposal { from: signer.account, to: payee, what }, effects);
                self.settle(index, &[], effects);
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
        let index = self.deals.find(&id).ok_or(Refusal::UnknownDeal)?;
        let entry = self.deals.at_mut(index);
        let party = entry.party(by).ok_or(Refusal::NotYourDeal)?;
        let moves = entry.deal.acknowledge(party, proposal, now)?;
        self.settle(index, &moves, effects);
        Ok(())
    }

    pub(crate) fn expire_deal(&mut self, index: DealIndex, effects: &mut Effects) {
        let now = self.time;
        let entry = self.deals.at_mut(index);
        entry.timer = None;
        let expired = entry.deal.expire(now);
        self.settle(index, &[], effects);
        if let Some(Expired::Defaulted { by, loss }) = expired {
            self.defaulted(index, by, loss, effects);
        }
    }

    /// Carries out moves that are final, and brings limits and timer into line with the deal.
    pub(crate) fn settle(&mut self, index: DealIndex, moves: &[Move], effects: &mut Effects) {
        effects.deal(index);
        let id = self.deals.id(index);
        for step in moves {
            let entry = self.deals.at(index);
            let locks = entry.deal.terms().rail_of(step.party) == Rail::Token;
            let (owner, beneficiary) = (entry.account(step.party), entry.account(step.party.other()));
            // It was exposed in what its deals are counted in.
            let honoured = worth_at(entry.rate, step.honoured, Rounding::Down);
            // A move of a coarse base may carry no unit at all.
            if locks && !(entry.locked(step.party).is_zero() && step.units.is_zero()) {
                self.hand_over(index, step.party, step.units, effects);
            }
            self.honour(beneficiary, owner, honoured);
            let (tranche, party, units, value) = (step.tranche, step.party, step.units, step.value);
            effects.push(Event::Tranche(Tranche { deal: id, tranche, party, units, value }));
        }
        self.recount(index, effects);
    }

    /// Brings what is counted for a deal elsewhere into line with it.
    pub(crate) fn recount(&mut self, index: DealIndex, effects: &mut Effects) {
        let entry = self.deals.at_mut(index);
        let deal = &entry.deal;
        assert!(
            deal.is_consistent(),
            "a deal's net stays in its band and nobody pays beyond what was agreed"
        );
        let unsettled = match (deal.state(), deal.terms().quote_rail) {
            (State::Open | State::Disputed { .. }, Rail::Attested | Rail::Bitcoin) => {
                deal.terms().quote_total.saturating_sub(deal.sent(Party::Buyer))
            }
            _ => Amount::ZERO,
        };
        let worth = |units| worth_at(entry.rate, units, Rounding::Up);
        let unsettled = worth(unsettled);
        let reserved = [deal.reserved(Party::Seller), deal.reserved(Party::Buyer)].map(worth);
        let deadline = deal.deadline();
        let before = (entry.reserved, entry.unsettled, entry.timer);
        let accounts = [entry.seller, entry.buyer];
        (entry.reserved, entry.unsettled, entry.timer) = (reserved, unsettled, deadline);
        let (open, over) = (!entry.deal.state().is_closed(), entry.deal.state().is_over());
        let listed = std::mem::replace(&mut entry.listed, open);
        for ((account, now), then) in accounts.into_iter().zip(reserved).zip(before.0) {
            if now != then {
                let held = self.accounts.get_mut(account);
                held.reserved = held.reserved - u128::from(then.get()) + u128::from(now.get());
                effects.account(account);
            }
        }
        let [_, buyer] = accounts;
        let account = self.accounts.get_mut(buyer);
        account.unsettled = account.unsettled - u128::from(before.1.get()) + u128::from(unsettled.get());
        if before.2 != deadline {
            before.2.inspect(|at| self.timers.clear_deal(*at, index, &mut self.deals));
            deadline.inspect(|at| self.timers.set_deal(*at, index, &mut self.deals));
        }
        match (listed, open) {
            (false, true) => self.deals.note_open(index),
            (true, false) => self.deals.note_closed(index),
            _ => {}
        }
        // Nothing of a deal is counted anew after that.
        if over {
            accounts.into_iter().for_each(|account| self.deal_over(account, index.get(), effects));
        }
    }
}
