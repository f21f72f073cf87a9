//! The second opinion: follows the journal record by record and keeps its own, simpler books, to hold the engine's
//! state and every event against them.

mod arrivals;
mod asked;
mod auctions;
mod books;
mod coins;
mod deals;
mod floor;
mod guards;
mod lanes;
mod netting;
mod orders;
mod silence;
mod tokens;
mod trust;
mod worth;

use crate::broken::{Broken, Invariant, hold};
use bandex_engine::{
    AccountState, CommandResult, Engine, Event, FreezeReason, OperationResult, OrderState, Refusal,
    TrustState,
};
use bandex_sequencer::Applied;
use bandex_tradechain::body::MarketListing;
use bandex_tradechain::{Block, Body, Command, Decoded, Leaf, Record};
use bandex_types::{
    AccountId, Amount, AssetId, BlockId, MarketId, Price, Rail, Rounding, Side, Timestamp, quote_amount,
};
use std::collections::{BTreeMap, BTreeSet};

use coins::Coins;
use deals::Beside;
pub(crate) use deals::{Deals, Reckoned};
use lanes::Lanes;
use orders::Orders;
use tokens::Tokens;
pub(crate) use trust::Trust;
pub(crate) use worth::worth_down;
use worth::{units_down, worth_up};

/// A market, as far as it must be known here.
#[derive(Debug, Clone)]
pub(crate) struct Market {
    pub listing: MarketListing,
    pub base_rail: Rail,
    pub quote_rail: Rail,
}

/// Everything that follows from the committed records.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    /// Who keeps to the rules.
    pub honest: BTreeSet<AccountId>,
    /// The sequenced time at which the calm at the end began.
    pub calm_since: Option<Timestamp>,
    pub deals: Deals,
    pub coins: Coins,
    /// Each sequenced block and its record.
    pub blocks: BTreeMap<BlockId, u64>,
    /// What was committed, by seq from 1.
    leaves: Vec<Leaf>,
    rails: BTreeMap<AssetId, Rail>,
    markets: BTreeMap<MarketId, Market>,
    accounts: BTreeMap<AccountId, AccountState>,
    /// What limits were before this record.
    limits_before: BTreeMap<AccountId, Amount>,
    /// The largest limit that each account was ever granted.
    largest: BTreeMap<AccountId, Amount>,
    /// The cures and resolutions that were proposed.
    proposed_ends: BTreeMap<BlockId, Body>,
    pub trust: Trust,
    bid_multiple: u128,
    share_ppm: u128,
    lanes: Lanes,
    pub orders: Orders,
    tokens: Tokens,
}

/// One record on its way through the watch.
pub(crate) struct Seen<'a> {
    pub seq: u64,
    pub time: Timestamp,
    pub block: Option<(&'a Block, BlockId)>,
    /// Whose block it is.
    pub signer: Option<AccountId>,
    pub result: &'a CommandResult,
    pub events: &'a [Event],
}

impl Seen<'_> {
    /// Whether the operation at `index` of the block took effect.
    pub fn is_done(&self, index: usize) -> bool {
        match self.result {
            CommandResult::Done(operations) => operations.get(index) == Some(&OperationResult::Done),
            CommandResult::Refused(_) => false,
        }
    }

    /// Whether the command took effect as a whole.
    pub const fn is_accepted(&self) -> bool {
        matches!(self.result, CommandResult::Done(_))
    }

    /// What an account is told of its trust.
    pub fn trust_of(&self, account: &AccountId) -> Option<&TrustState> {
        self.events.iter().find_map(|event| match event {
            Event::Trust(state) if state.account == *account => Some(&**state),
            _ => None,
        })
    }

    /// Whether the operator decided something.
    pub fn is_configured(&self) -> bool {
        self.block.is_some_and(|(block, _)| matches!(block.body, Body::Configure(_)))
    }
}

impl Watch {
    /// How many records were seen.
    pub fn seq(&self) -> u64 {
        self.leaves.len() as u64
    }

    /// What was committed at `seq`.
    pub fn leaf(&self, seq: u64) -> Option<&Leaf> {
        let position = usize::try_from(seq.checked_sub(1)?).ok()?;
        self.leaves.get(position)
    }

    /// Takes in the next committed record.
    pub fn take(&mut self, record: &Record, applied: &Applied) -> Result<(), Broken> {
        let seq = self.seq().saturating_add(1);
        hold(record.seq == seq && applied.seq == seq, Invariant::Published, || {
            format!("record {} is told in the place of record {seq}", record.seq)
        })?;
        hold(record.leaf() == applied.leaf, Invariant::Published, || {
            format!("record {seq} is not what was applied")
        })?;
        let decoded = Decoded::from_bytes(&record.command)
            .map_err(|error| Broken::new(Invariant::Replay, format!("record {seq}: {error}")))?;
        let block = decoded.block().map(|(block, id)| (block, *id));
        let seen = Seen {
            seq,
            time: record.time,
            block,
            signer: block.and_then(|(block, _)| self.lanes.account_of(&block.author)),
            result: &applied.outcome.result,
            events: &applied.outcome.events,
        };
        self.leaves.push(applied.leaf);
        self.see_listings(&seen);
        self.lanes.take(&seen, &mut self.blocks)?;
        self.orders
            .silence
            .take(&seen, decoded.command())
            .map_err(|what| Broken::new(Invariant::Orders, format!("record {seq}: {what}")))?;
        self.orders.take(&seen, &self.markets)?;
        self.coins.take(&seen, &decoded, &self.deals)?;
        let Self { deals, honest, calm_since, orders, markets, trust, coins, .. } = self;
        deals.take(&seen, honest, *calm_since, Beside { orders, markets, trust, coins })?;
        self.see_netting(&seen)?;
        self.tokens.take(&seen, &decoded, &self.deals, &self.accounts, &self.trust, &self.proposed_ends)?;
        self.trust.take(&seen, &decoded, &mut self.deals, &self.markets, &self.accounts)?;
        self.see_ends(&seen);
        self.see_frozen(&seen)?;
        self.see_limits(&seen)?;
        self.see_bids(&seen)?;
        self.see_passed(&seen)?;
        self.see_forks(&seen, decoded.command())?;
        self.see_honest(&seen)
    }

    pub fn account(&self, account: &AccountId) -> Option<&AccountState> {
        self.accounts.get(account)
    }

    /// The largest limit that an account was ever granted.
    pub fn largest_limit(&self, account: &AccountId) -> Amount {
        self.largest.get(account).copied().unwrap_or(Amount::ZERO)
    }

    /// The tokens that an account can spend without credit.
    pub fn free_tokens(&self, account: &AccountId) -> i128 {
        self.tokens.free(account)
    }

    /// The block that proposed how a deal ends.
    pub fn proposed_end(&self, proposal: &BlockId) -> Option<&Body> {
        self.proposed_ends.get(proposal)
    }

    fn see_ends(&mut self, seen: &Seen<'_>) {
        if let Some((block, id)) = seen.block
            && matches!(block.body, Body::Cure(_) | Body::Resolve(_))
            && seen.is_accepted()
        {
            self.proposed_ends.insert(id, block.body.clone());
        }
    }

    /// Nobody is frozen for a deal by a claim alone: only whoever let its deadline pass, and until it is made good.
    fn see_frozen(&self, seen: &Seen<'_>) -> Result<(), Broken> {
        for event in seen.events {
            let Event::Account(state) = event else { continue };
            let Some(FreezeReason::Default(id)) = state.frozen else { continue };
            let deal = self.deals.get(&id);
            let due = deal.is_some_and(|deal| {
                deal.defaulted.is_some_and(|by| deal.account(by) == state.account) && !deal.is_over()
            });
            hold(due, Invariant::Claim, || {
                format!(
                    "record {}: {} is frozen for deal {id}, {:?}",
                    seen.seq,
                    state.account,
                    deal.map(|deal| deal.told.deal.state())
                )
            })?;
        }
        Ok(())
    }

    fn see_listings(&mut self, seen: &Seen<'_>) {
        self.limits_before.clear();
        for event in seen.events {
            match event {
                Event::Asset(asset) => {
                    self.rails.insert(asset.id, asset.rail);
                }
                Event::Market { listing, .. } => {
                    let rail = |asset| self.rails.get(asset).copied().unwrap_or(Rail::Attested);
                    let (base_rail, quote_rail) = (rail(&listing.base), rail(&listing.quote));
                    let market = Market { listing: listing.clone(), base_rail, quote_rail };
                    self.markets.insert(listing.id, market);
                }
                Event::Parameters(parameters) => {
                    self.bid_multiple = u128::from(parameters.bid_multiple);
                    self.share_ppm = u128::from(parameters.share_ppm);
                }
                Event::Account(account) => {
                    let largest = self.largest.entry(account.account).or_default();
                    *largest = account.limit.max(*largest);
                    let before = self.accounts.get(&account.account).map(|before| before.limit);
                    self.limits_before.extend(before.map(|limit| (account.account, limit)));
                    self.accounts.insert(account.account, account.clone());
                }
                _ => {}
            }
        }
    }

    /// Whoever traded has reserved no more than its limit, unless the operator lowered that afterwards, or a default or a
    /// fork took it. Nobody trades after those.
    fn see_limits(&self, seen: &Seen<'_>) -> Result<(), Broken> {
        let ended = |account: &AccountId| {
            seen.events.iter().position(|event| match event {
                Event::Default(notice) => notice.by == *account,
                Event::Fork(fork) => fork.account == *account,
                _ => false,
            })
        };
        for (at, event) in seen.events.iter().enumerate() {
            let Event::Trade(trade) = event else { continue };
            if self.deals.settles_at_once(&trade.deal) {
                continue;
            }
            for account in [trade.taker_account, trade.maker_account] {
                let Some(state) = self.accounts.get(&account) else { continue };
                let within = match ended(&account) {
                    Some(then) => at < then,
                    // What the clock brought about came before what lowered the limit in the same record.
                    None => {
                        let before = self.limits_before.get(&account).copied().unwrap_or(state.limit);
                        let used =
                            u128::from(state.reserved.get()).saturating_add(self.deals.burden(&account));
                        used <= u128::from(state.limit.max(before).get())
                    }
                };
                hold(within, Invariant::Limit, || {
                    format!("record {}: {account} reserves {} of {}", seen.seq, state.reserved, state.limit)
                })?;
            }
        }
        Ok(())
    }

    /// Whoever bid has no more bids and unsettled purchases than a multiple of its limit. Each trade may round up once.
    fn see_bids(&self, seen: &Seen<'_>) -> Result<(), Broken> {
        // Orders that are open keep the rate that they came with.
        if self.trust.money_rated {
            return Ok(());
        }
        let trades = seen.events.iter().filter(|event| matches!(event, Event::Trade(_))).count() as u128;
        for bidder in self.bidders_outside(seen) {
            let Some(state) = self.accounts.get(&bidder) else { continue };
            let bids = self.orders.alive().filter(|(order, _)| {
                order.account == bidder
                    && order.side == Side::Buy
                    && self.markets.get(&order.market).is_some_and(|market| market.quote_rail != Rail::Token)
            });
            let bids: u128 = bids.map(|(order, budget)| self.bid(order, budget)).sum();
            let unsettled: u128 = self.deals.iter().map(|deal| deal.unsettled_by(&bidder)).sum();
            let bound =
                u128::from(state.limit.get()).saturating_mul(self.bid_multiple).saturating_add(trades);
            let (seq, sum) = (seen.seq, bids.saturating_add(unsettled));
            hold(sum <= bound, Invariant::Limit, || {
                format!("record {seq}: {bidder} bids {bids} and owes {unsettled}, above {bound}")
            })?;
        }
        Ok(())
    }

    fn bid(&self, order: &OrderState, budget: Option<Amount>) -> u128 {
        let left = order.quantity.saturating_sub(order.filled);
        let worth = self.markets.get(&order.market).and_then(|market| {
            budget.or_else(|| quote_amount(left, order.price, market.listing.tick_value, Rounding::Up))
        });
        // What is paid on a chain has a rate from the beginning, and always the same.
        let rate = self.markets.get(&order.market).filter(|market| market.quote_rail == Rail::Bitcoin);
        let rate = rate.and_then(|market| self.trust.rates.get(&market.listing.quote).copied());
        worth.map_or(0, |amount| worth_up(rate, u128::from(amount.get())))
    }

    /// Who asked for a bid that came or grew, where money pays for it: tokens are locked instead, and not bounded.
    fn bidders_outside(&self, seen: &Seen<'_>) -> BTreeSet<AccountId> {
        let outside = |market: &Market| market.quote_rail != Rail::Token;
        let asked = |event: &Event| match event {
            Event::Order(order) => {
                let is_bid = self.orders.bidders.contains(&order.order) && self.orders.asks_for(&order.order);
                let paid_outside = self.markets.get(&order.market).is_some_and(outside);
                (is_bid && paid_outside).then_some(order.account)
            }
            _ => None,
        };
        seen.events.iter().filter_map(asked).collect()
    }

    /// A better order is passed over only where limits or the orders' own caps leave too little room: at least, not if
    /// what is left of them at the end of the record were room enough.
    fn see_passed(&self, seen: &Seen<'_>) -> Result<(), Broken> {
        let moved = |event: &Event| matches!(event, Event::Tranche(_) | Event::Default(_) | Event::Netted(_));
        let ordered = seen.block.is_some_and(|(block, _)| matches!(block.body, Body::Orders(_)));
        if !ordered || seen.events.iter().any(moved) {
            return Ok(());
        }
        for (taker, maker) in &self.orders.passed {
            let Some([one, other]) = self.orders.both(taker, maker) else { continue };
            if !self.wants(one, other) || !self.wants(other, one) {
                continue;
            }
            let least = self.markets.get(&one.market).map_or(0, |market| market.listing.least_tranche.get());
            let quote = self.markets.get(&one.market).map(|market| market.listing.quote);
            let rate = quote.and_then(|quote| self.trust.rates.get(&quote).copied());
            let drawn = |own: &OrderState, other: &OrderState| {
                let free = self.accounts.get(&other.account).map_or(0, |account| {
                    let used =
                        u128::from(account.reserved.get()).saturating_add(self.deals.burden(&other.account));
                    u128::from(account.limit.get()).saturating_sub(used)
                });
                let part = units_down(rate, free).saturating_mul(self.share_ppm).div_euclid(1_000_000);
                let cap = self.deals.own_cap(&self.orders, &self.trust, &own.order, &own.account);
                let owed = self.deals.owed(&other.account, &own.account);
                let cap = cap.map(|cap| units_down(rate, cap.saturating_sub(owed)));
                part.min(cap.unwrap_or(u128::MAX))
            };
            if self.markets.get(&one.market).is_some_and(|market| market.quote_rail == Rail::Bitcoin) {
                self.check_payable(seen, [one, other], drawn)?;
                continue;
            }
            let room = drawn(one, other).saturating_add(drawn(other, one));
            hold(room < u128::from(least.max(1)) || other.price == Price::new(0), Invariant::Orders, || {
                format!("record {}: {one:?} passed over {other:?}, there is room for {room}", seen.seq)
            })?;
        }
        Ok(())
    }

    /// Two orders on the chain pass each other over only where no payment could be small and large enough.
    fn check_payable(
        &self,
        seen: &Seen<'_>,
        [one, other]: [&OrderState; 2],
        drawn: impl Fn(&OrderState, &OrderState) -> u128,
    ) -> Result<(), Broken> {
        let Some(market) = self.markets.get(&one.market) else { return Ok(()) };
        // The part that is shown may be too small for a payment.
        if [one, other].into_iter().any(|order| self.orders.is_iceberg(&order.order)) {
            return Ok(());
        }
        let left = |order: &OrderState| order.quantity.saturating_sub(order.filled);
        let lots = left(one).min(left(other));
        let total = quote_amount(lots, other.price, market.listing.tick_value, Rounding::Up);
        let total = total.map_or(0, |total| u128::from(total.get()));
        let [sell, buy] = if one.side == Side::Sell { [one, other] } else { [other, one] };
        let cap = drawn(buy, sell).min(total);
        let least = self.coins.least(&one.market, market.listing.least_tranche.get());
        // Nothing at all may be drawn on who has no limit left.
        let exhausted = drawn(sell, buy) == 0 || cap == 0;
        let payable = total >= least && (cap >= total || cap >= least.saturating_mul(2)) && !exhausted;
        hold(!payable, Invariant::Orders, || {
            format!("record {}: {one:?} passed over {other:?}, {cap} of {total} could be paid", seen.seq)
        })
    }

    /// Whether a counterparty has the score that an order and its account ask for.
    fn wants(&self, own: &OrderState, other: &OrderState) -> bool {
        let preferred = self.trust.preference(&own.account).least_score;
        let least = self.orders.least_score(&own.order).max(preferred).unwrap_or(0);
        u64::from(self.trust.score_ppb(&other.account)) >= u64::from(least).saturating_mul(1_000)
    }

    fn see_forks(&self, seen: &Seen<'_>, command: &Command) -> Result<(), Broken> {
        for event in seen.events {
            let Event::Fork(fork) = event else { continue };
            hold(!self.honest.contains(&fork.account), Invariant::HonestFork, || {
                format!("record {}: key {} of {}", seen.seq, fork.key, fork.account)
            })?;
        }
        let refused = matches!(seen.result, CommandResult::Refused(_));
        hold(!(refused && matches!(command, Command::Fork(_))), Invariant::Lane, || {
            format!("record {}: a fork proof that proves nothing", seen.seq)
        })
    }

    /// What an honest agent pays or acknowledges counts, unless its deal had ended.
    fn see_honest(&self, seen: &Seen<'_>) -> Result<(), Broken> {
        let (Some((block, _)), CommandResult::Refused(refusal)) = (seen.block, seen.result) else {
            return Ok(());
        };
        let account = self.lanes.account_of(&block.author);
        if account.is_none_or(|account| !self.honest.contains(&account)) {
            return Ok(());
        }
        let excused = match &block.body {
            // That the deal had not ended too soon is held elsewhere.
            Body::Pay(_) | Body::Receive(_) => matches!(
                refusal,
                Refusal::DealClosed
                    | Refusal::KeyRevoked
                    | Refusal::GrantExpired { .. }
                    | Refusal::OutOfScope
            ),
            Body::Acknowledge(acknowledge) => {
                // A dispute may have been given up meanwhile.
                !self.deals.is_payment(&acknowledge.proposal)
                    || matches!(
                        refusal,
                        Refusal::KeyRevoked | Refusal::GrantExpired { .. } | Refusal::OutOfScope
                    )
                    || self.deals.is_given_up(&acknowledge.proposal)
            }
            _ => true,
        };
        hold(excused, Invariant::HonestRefused, || {
            format!("record {}: {:?} is refused: {refusal}", seen.seq, block.body)
        })
    }

    /// Holds the engine against all this; it must have applied exactly what was seen.
    pub fn compare(&mut self, engine: &Engine) -> Result<(), Broken> {
        self.lanes.compare(engine)?;
        self.orders.compare(engine, &self.markets)?;
        self.deals.compare(engine, &self.accounts)?;
        self.trust.compare(engine, &self.deals, &self.accounts)?;
        self.tokens.compare(engine, &self.orders, &self.deals, &self.markets, &self.trust)
    }
}
