//! From the engine's words to the wire's.

mod bitcoin;
mod book;
mod locks;
mod trust;

pub(crate) use bitcoin::payment;
pub(crate) use book::{bbo, book, book_orders, joined, level, level_checksum, resting, ticker};
pub(crate) use locks::locks;
pub(crate) use trust::{balance, limits, no_stake, rates, score, standing, trust, trust_terms};

use crate::clock;
use crate::shared::Shared;
use crate::view::{MarketBook, MarketInfo, View};
use bandex_api as api;
use bandex_engine::{
    CancelReason, CommandResult, DealState, Event, FreezeReason, GuardState, Indicative, KeyState, KeyStatus,
    OperationResult, OrderState, OrderStatus, OrderTerms, Outcome, Trade,
};
use bandex_journal::{AuctionState, CandleRow, DealExtras, ProtectionState};
use bandex_sequencer::Subject;
use bandex_settlement::{Party, State};
use bandex_tradechain::body::{AssetListing, MarketRules, MarketState, Trigger, TriggerKind};
use bandex_tradechain::{Receipt, SignedBlock};
use bandex_types::{
    AccountId, Amount, AssetId, DealId, OrderRef, OrderType, PostOnly, Price, Quantity, Rail, Ratio,
    SelfTrade, Side, TimeInForce, Timestamp,
};

pub(crate) fn guard(guard: &GuardState) -> api::Guard {
    api::Guard {
        cancel_after_us: guard.cancel_after_us,
        on_disconnect_us: guard.on_disconnect_us,
        due_us: guard.due.map(|due| due.as_micros()),
    }
}

pub(crate) fn signed(signed: &SignedBlock) -> api::SignedBlock {
    api::SignedBlock { payload: hex::encode(&signed.payload), signature: signed.signature.to_string() }
}

pub(crate) fn receipt(receipt: &Receipt) -> api::Receipt {
    api::Receipt {
        batch: signed(&receipt.batch),
        leaf: api::Leaf {
            seq: receipt.leaf.seq,
            time_us: receipt.leaf.time.as_micros(),
            rules: receipt.leaf.rules,
            command_hash: receipt.leaf.command_hash.to_string(),
            outcome_digest: receipt.leaf.outcome_digest.to_string(),
        },
        path: receipt.path.iter().map(ToString::to_string).collect(),
        outcome: hex::encode(&receipt.outcome),
    }
}

pub(crate) const fn side(side: Side) -> &'static str {
    match side {
        Side::Buy => "buy",
        Side::Sell => "sell",
    }
}

pub(crate) const fn rail(rail: Rail) -> &'static str {
    match rail {
        Rail::Token => "token",
        Rail::Attested => "attested",
        Rail::Bitcoin => "bitcoin",
    }
}

pub(crate) const fn party(party: Party) -> &'static str {
    match party {
        Party::Seller => "seller",
        Party::Buyer => "buyer",
    }
}

pub(crate) const fn freeze_reason(reason: FreezeReason) -> &'static str {
    match reason {
        FreezeReason::RootFork(_) => "root_fork",
        FreezeReason::Default(_) => "default",
        FreezeReason::SessionFork(_) => "session_fork",
        FreezeReason::Operator => "operator",
    }
}

const fn cancel_reason(reason: &CancelReason) -> &'static str {
    match reason {
        CancelReason::Requested => "requested",
        CancelReason::Unfilled => "unfilled",
        CancelReason::SelfTrade => "self_trade",
        CancelReason::WouldCross => "would_cross",
        CancelReason::LimitExhausted => "limit_exhausted",
        CancelReason::AccountFrozen => "account_frozen",
        CancelReason::KeyEnded => "key_ended",
        CancelReason::Expired => "expired",
        CancelReason::OutsideBand => "outside_band",
        CancelReason::Protection => "protection",
        CancelReason::AuctionUnfilled => "auction_unfilled",
        CancelReason::Replaced => "replaced",
        CancelReason::WouldTrade => "would_trade",
        CancelReason::NotAdmitted => "not_admitted",
        CancelReason::BelowTranche => "below_tranche",
        CancelReason::Timer => "timer",
        CancelReason::Disconnected => "disconnected",
    }
}

const fn order_status(status: &OrderStatus) -> &'static str {
    match status {
        OrderStatus::Open => "open",
        OrderStatus::Filled => "filled",
        OrderStatus::Cancelled(_) => "cancelled",
        OrderStatus::Sleeping => "sleeping",
    }
}

pub(crate) const fn key_status(status: KeyStatus) -> &'static str {
    match status {
        KeyStatus::Active => "active",
        KeyStatus::Revoked => "revoked",
        KeyStatus::Forked => "forked",
    }
}

pub(crate) fn key(key: &KeyState) -> api::Key {
    api::Key {
        key: key.key.to_string(),
        root: key.root,
        scopes: key.scopes.bits(),
        status: key_status(key.status).to_owned(),
    }
}

pub(crate) fn asset(asset: &AssetListing) -> api::Asset {
    let (id, symbol, decimals) = (asset.id.get(), asset.symbol.clone(), asset.decimals);
    api::Asset { id, symbol, decimals, rail: rail(asset.rail).to_owned() }
}

/// An asset's symbol, or its number where it has none.
pub(crate) fn named_asset(view: &View, asset: AssetId) -> String {
    view.assets.get(&asset).map_or_else(|| asset.to_string(), |asset| asset.symbol.clone())
}

pub(crate) const fn market_state(state: MarketState) -> &'static str {
    match state {
        MarketState::Trading => "trading",
        MarketState::CancelOnly => "cancel_only",
        MarketState::Halted => "halted",
        MarketState::Auction => "auction",
    }
}

pub(crate) fn indicative(info: &MarketInfo, indicative: &Indicative) -> api::Indicative {
    api::Indicative {
        price: info.scale.price(indicative.price),
        volume: info.scale.sum(indicative.volume),
        surplus: info.scale.sum(indicative.surplus),
        surplus_side: indicative.surplus_side.map(|of| side(of).to_owned()),
    }
}

pub(crate) fn market(view: &View, book: &MarketBook) -> api::Market {
    let info = &book.market;
    let MarketRules { band_ppm, halt_us, auction_us, most_orders } = book.rules;
    let fees = view.trust.fees.get(&info.listing.id).copied().unwrap_or_default();
    api::Market {
        id: info.listing.id.get(),
        symbol: info.symbol.clone(),
        base: info.base.symbol.clone(),
        quote: info.quote.symbol.clone(),
        state: market_state(info.state).to_owned(),
        tick: info.scale.tick(),
        lot: info.scale.lot(),
        lot_units: info.listing.lot_units,
        tick_num: info.listing.tick_value.num(),
        tick_den: info.listing.tick_value.den(),
        least_tranche: info.quote_scale.amount(info.listing.least_tranche),
        pay_us: info.listing.pay_us,
        acknowledge_us: info.listing.acknowledge_us,
        limits: limits_of(info),
        rules: api::MarketRules { band_ppm, halt_us, auction_us, most_orders },
        fees: trust::fees(fees),
        payments: bitcoin::market_payments(view, book),
        last_price: book.last.map(|price| info.scale.price(price)),
        ends_us: book.ends.map(Timestamp::as_micros),
        indicative: book.indicative.as_ref().map(|found| indicative(info, found)),
    }
}

/// The least and the largest that an order may name: what the numbers can hold.
fn limits_of(info: &MarketInfo) -> api::MarketLimits {
    let (scale, tick) = (info.scale, info.listing.tick_value);
    let largest_lots = u64::MAX.checked_div(info.listing.lot_units).unwrap_or_default();
    // A lot at this price costs 64 bits of quote units.
    let largest_ticks = u128::from(u64::MAX).saturating_mul(u128::from(tick.den()));
    let largest_ticks = largest_ticks.checked_div(u128::from(tick.num())).unwrap_or_default();
    let largest_ticks = u64::try_from(largest_ticks).unwrap_or(u64::MAX);
    api::MarketLimits {
        least_quantity: scale.lot(),
        largest_quantity: scale.quantity(Quantity::new(largest_lots)),
        least_price: scale.tick(),
        largest_price: scale.price(Price::new(largest_ticks)),
    }
}

/// How the node and its markets stand.
pub(crate) fn status(shared: &Shared, view: &View) -> api::Status {
    let state = if shared.switch.is_stopping() { "stopping" } else { "running" };
    api::Status {
        state: state.to_owned(),
        seq: view.seq,
        time_us: clock::now().as_micros(),
        rules: view.rules,
        network: shared.network,
        node: shared.node.to_string(),
        markets: view.markets.values().map(market_status).collect(),
        bitcoin: shared.bitcoin_node.borrow().health.name().to_owned(),
    }
}

/// What a market does.
fn market_status(book: &MarketBook) -> api::MarketStatus {
    api::MarketStatus {
        market: book.market.symbol.clone(),
        state: market_state(book.market.state).to_owned(),
        ends_us: book.ends.map(Timestamp::as_micros),
    }
}

/// What an auction gave.
pub(crate) fn auction_result(
    info: &MarketInfo,
    state: AuctionState,
    seq: u64,
    time: Timestamp,
) -> api::AuctionResult {
    let price = state.price.map(|price| info.scale.price(price));
    let volume = info.scale.sum(u128::from(state.volume));
    api::AuctionResult { seq, time_us: time.as_micros(), price, volume }
}

pub(crate) fn trade(info: &MarketInfo, trade: &Trade, seq: u64, time: Timestamp) -> api::Trade {
    api::Trade {
        market: info.symbol.clone(),
        number: trade.number,
        seq,
        time_us: time.as_micros(),
        price: info.scale.price(trade.price),
        quantity: info.scale.quantity(trade.quantity),
        taker_side: side(trade.taker_side).to_owned(),
        taker: trade.taker.to_string(),
        maker: trade.maker.to_string(),
    }
}

/// `notional × tick_value`, rounded down; 2¹²⁸ − 1 if it is more. Taken apart so that no product on the way is larger
/// than the result.
fn quote_volume(notional: u128, tick_value: Ratio) -> u128 {
    let (num, den) = (u128::from(tick_value.num()), u128::from(tick_value.den()));
    let (whole, rest) = (notional.checked_div(den), notional.checked_rem(den));
    let (whole, rest) = (whole.unwrap_or_default(), rest.unwrap_or_default());
    // Both factors are below 2⁶⁴.
    let part = rest.saturating_mul(num).checked_div(den).unwrap_or_default();
    whole.saturating_mul(num).saturating_add(part)
}

pub(crate) fn candle(info: &MarketInfo, row: &CandleRow) -> api::Candle {
    let candle = &row.candle;
    let quote = quote_volume(candle.notional, info.listing.tick_value);
    api::Candle {
        start_us: row.start.as_micros(),
        open: info.scale.price(candle.open),
        high: info.scale.price(candle.high),
        low: info.scale.price(candle.low),
        close: info.scale.price(candle.close),
        volume: info.scale.sum(candle.volume),
        quote_volume: info.quote_scale.balance(i128::try_from(quote).unwrap_or(i128::MAX)),
        trades: candle.trades,
    }
}

const fn order_type(order_type: OrderType) -> &'static str {
    match order_type {
        OrderType::Limit => "limit",
        OrderType::Market => "market",
    }
}

const fn time_in_force(time_in_force: TimeInForce) -> &'static str {
    match time_in_force {
        TimeInForce::Gtc => "gtc",
        TimeInForce::Ioc => "ioc",
        TimeInForce::Fok => "fok",
        TimeInForce::Gtd => "gtd",
    }
}

const fn post_only(post_only: PostOnly) -> &'static str {
    match post_only {
        PostOnly::Off => "off",
        PostOnly::Refuse => "refuse",
        PostOnly::Slide => "slide",
    }
}

const fn self_trade(mode: SelfTrade) -> &'static str {
    match mode {
        SelfTrade::CancelOldest => "cancel_oldest",
        SelfTrade::CancelNewest => "cancel_newest",
        SelfTrade::CancelBoth => "cancel_both",
        SelfTrade::Decrement => "decrement",
    }
}

fn trigger(info: &MarketInfo, trigger: Trigger) -> api::Trigger {
    let kind = match trigger.kind {
        TriggerKind::StopLoss => "stop_loss",
        TriggerKind::TakeProfit => "take_profit",
    };
    api::Trigger { kind: kind.to_owned(), price: info.scale.price(trigger.price) }
}

fn terms(info: &MarketInfo, terms: &OrderTerms) -> api::OrderTerms {
    let lots = |quantity| info.scale.quantity(quantity);
    api::OrderTerms {
        order_type: order_type(terms.order_type).to_owned(),
        time_in_force: time_in_force(terms.time_in_force).to_owned(),
        expires_us: terms.expires.map(Timestamp::as_micros),
        post_only: post_only(terms.post_only).to_owned(),
        self_trade: self_trade(terms.self_trade).to_owned(),
        display: terms.display.map(lots),
        minimum: terms.minimum.map(lots),
        trigger: terms.trigger.map(|wakes| trigger(info, wakes)),
        quote_quantity: terms.quote_quantity.map(|amount| info.quote_scale.amount(amount)),
        quote: terms.quote,
    }
}

/// The protection of an account's quotes on a market.
pub(crate) fn protection(
    info: &MarketInfo,
    state: ProtectionState,
    seq: u64,
    time: Timestamp,
) -> api::Protection {
    api::Protection {
        market: info.symbol.clone(),
        quantity: state.protection.map(|set| info.scale.quantity(set.quantity)),
        window_us: state.protection.map(|set| set.window_us),
        tripped: state.tripped,
        seq,
        time_us: time.as_micros(),
    }
}

pub(crate) fn order(
    info: &MarketInfo,
    order: &OrderState,
    special: Option<&OrderTerms>,
    seq: u64,
    time: Timestamp,
) -> api::Order {
    let reason = match &order.status {
        OrderStatus::Cancelled(reason) => Some(cancel_reason(reason).to_owned()),
        _ => None,
    };
    api::Order {
        order: order.order.to_string(),
        account: order.account.to_string(),
        market: info.symbol.clone(),
        side: side(order.side).to_owned(),
        price: info.scale.price(order.price),
        quantity: info.scale.quantity(order.quantity),
        filled: info.scale.quantity(order.filled),
        status: order_status(&order.status).to_owned(),
        reason,
        client_id: order.client_id.clone(),
        terms: special.map(|special| terms(info, special)),
        placed_us: None,
        seq,
        time_us: time.as_micros(),
    }
}

/// The fill that a trade is for one of its accounts.
pub(crate) fn fill(
    info: &MarketInfo,
    trade: &Trade,
    account: AccountId,
    seq: u64,
    time: Timestamp,
    receipt: Option<api::Receipt>,
) -> api::Fill {
    let taker = trade.taker_account == account;
    let (order, own_side) =
        if taker { (trade.taker, trade.taker_side) } else { (trade.maker, trade.taker_side.opposite()) };
    api::Fill {
        market: info.symbol.clone(),
        number: trade.number,
        order: order.to_string(),
        role: if taker { "taker" } else { "maker" }.to_owned(),
        side: side(own_side).to_owned(),
        price: info.scale.price(trade.price),
        quantity: info.scale.quantity(trade.quantity),
        deal: trade.deal.to_string(),
        seq,
        time_us: time.as_micros(),
        fee: None,
        receipt,
    }
}

/// How tokens are written: nine decimals, wherever a deal is told of.
const BWT: u8 = 9;

/// What netting, bonds and fees did to a deal, of which `extras` tell.
fn add_extras(deal: &mut api::Deal, extras: &DealExtras) {
    let bwt = |amount| api::AssetScale::new(BWT).amount(amount);
    let text = |id: DealId| id.to_string();
    deal.slashed = (!extras.slashed.is_zero()).then(|| bwt(extras.slashed));
    deal.fees = (!extras.maker_fee.is_zero() || !extras.taker_fee.is_zero())
        .then(|| api::DealFees { maker: bwt(extras.maker_fee), taker: bwt(extras.taker_fee) });
    deal.netted_with = extras.netted_with.map(text);
    deal.replaced_by = extras.replaced_by.map(text);
}

/// How a deal stands, and which side that is about.
pub(crate) const fn deal_state(state: State) -> (&'static str, Option<Party>) {
    match state {
        State::Open => ("open", None),
        State::Disputed { by } => ("disputed", Some(by)),
        State::Defaulted { by } => ("defaulted", Some(by)),
        State::Settled => ("settled", None),
        State::Cured { by } => ("cured", Some(by)),
        State::WrittenOff { by } => ("written_off", Some(by)),
        State::Resolved => ("resolved", None),
        State::Netted => ("netted", None),
    }
}

/// A deal; `seq` is the record that last changed it.
pub(crate) fn deal(info: &MarketInfo, state: &DealState, extras: Option<&DealExtras>, seq: u64) -> api::Deal {
    let (deal, terms) = (&state.deal, state.deal.terms());
    let units = |of: Party, amount: Amount| match of {
        Party::Seller => info.base_scale.amount(amount),
        Party::Buyer => info.quote_scale.amount(amount),
    };
    let account = |of: Party| match of {
        Party::Seller => state.seller.to_string(),
        Party::Buyer => state.buyer.to_string(),
    };
    let (name, by) = deal_state(deal.state());
    let loss = match deal.state() {
        State::Defaulted { by } => Some(info.quote_scale.amount(deal.loss_of(by.other()))),
        _ => None,
    };
    let due = deal.due().map(|due| api::Due {
        party: party(due.party).to_owned(),
        account: account(due.party),
        tranche: due.tranche,
        cumulative: units(due.party, due.cumulative),
        cumulative_units: due.cumulative.to_string(),
        amount: units(due.party, due.amount),
        deadline_us: due.deadline.as_micros(),
    });
    let in_flight = deal.in_flight().map(|open| api::InFlight {
        proposal: open.proposal.to_string(),
        party: party(open.party).to_owned(),
        tranche: open.tranche,
        cumulative: units(open.party, open.cumulative),
        amount: units(open.party, open.amount),
        since_us: open.since.as_micros(),
    });
    let value = |amount: Amount| info.quote_scale.amount(amount);
    let mut told = api::Deal {
        deal: state.id.to_string(),
        market: info.symbol.clone(),
        taker: state.taker.to_string(),
        maker: state.maker.to_string(),
        taker_side: side(state.taker_side).to_owned(),
        seller: state.seller.to_string(),
        buyer: state.buyer.to_string(),
        base_total: units(Party::Seller, terms.base_total),
        quote_total: value(terms.quote_total),
        seller_cap: value(terms.seller_cap),
        buyer_cap: value(terms.buyer_cap),
        base_rail: rail(terms.base_rail).to_owned(),
        quote_rail: rail(terms.quote_rail).to_owned(),
        base_sent: units(Party::Seller, deal.sent_units(Party::Seller)),
        quote_sent: value(deal.sent_units(Party::Buyer)),
        base_sent_value: value(deal.sent(Party::Seller)),
        state: name.to_owned(),
        by: by.map(|by| party(by).to_owned()),
        loss,
        covered: (!deal.covered().is_zero()).then(|| value(deal.covered())),
        slashed: None,
        fees: None,
        carried: deal
            .carried()
            .map(|carried| api::Carried { seller: value(carried.seller), buyer: value(carried.buyer) }),
        replaces: state.replaces.into_iter().flatten().map(|id| id.to_string()).collect(),
        netted_with: None,
        replaced_by: None,
        due,
        in_flight,
        payee: state.payee.as_ref().map(|payee| bitcoin::payee(info, payee)),
        chain: deal.chain().map(|chain| bitcoin::chain(info, deal, chain)),
        payments: Vec::new(),
        opened_us: state.opened.as_micros(),
        seq,
    };
    if let Some(extras) = extras {
        add_extras(&mut told, extras);
    }
    told
}

/// What became of each operation of a block, given what each was about.
pub(crate) fn operations(view: &View, subjects: &[Subject], outcome: &Outcome) -> Vec<api::OperationReply> {
    let CommandResult::Done(results) = &outcome.result else { return Vec::new() };
    let subjects = subjects.iter().copied().chain(std::iter::repeat(Subject::Other));
    let reply = |(result, subject): (&OperationResult, Subject)| match result {
        OperationResult::Refused(refusal) => {
            let (code, detail) = (Some(refusal.code().to_owned()), Some(refusal.to_string()));
            let details = serde_json::to_value(refusal).ok();
            api::OperationReply { code, detail, details, ..answered(false) }
        }
        OperationResult::Done => done(view, subject, outcome),
    };
    let replies = results.iter().zip(subjects).map(reply);
    replies.zip(0..).map(|(reply, op_index)| api::OperationReply { op_index, ..reply }).collect()
}

fn answered(ok: bool) -> api::OperationReply {
    api::OperationReply { ok, ..api::OperationReply::default() }
}

/// The reply to an operation that took effect, with the states of the orders that it was about.
fn done(view: &View, subject: Subject, outcome: &Outcome) -> api::OperationReply {
    let last = |order: OrderRef| {
        let state = outcome.events.iter().rev().find_map(|event| match event {
            Event::Order(state) if state.order == order => Some(state),
            _ => None,
        })?;
        Some((state, view.market_info(state.market)?))
    };
    match subject {
        Subject::Placed(order) | Subject::Amended(order) => {
            let Some((state, info)) = last(order) else { return answered(true) };
            api::OperationReply {
                order: Some(order.to_string()),
                status: Some(order_status(&state.status).to_owned()),
                price: Some(info.scale.price(state.price)),
                filled: Some(info.scale.quantity(state.filled)),
                ..answered(true)
            }
        }
        Subject::Quoted { first, count } => {
            let orders = (first.op..=u8::MAX).take(count).map(|op| OrderRef { op, ..first });
            let quotes = orders.filter_map(|order| {
                let (state, info) = last(order)?;
                Some(api::QuoteReply { order: order.to_string(), price: info.scale.price(state.price) })
            });
            api::OperationReply { quotes: quotes.collect(), ..answered(true) }
        }
        Subject::Other => answered(true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quote_volumes_are_exact_and_rounded_once() {
        let check = |notional, num, den, expected: u128| {
            let ratio = Ratio::new(num, den).unwrap();
            assert_eq!(quote_volume(notional, ratio), expected, "{notional} × {num} ⁄ {den}");
        };
        check(0, 1, 200_000_000, 0);
        check(199_999_999, 1, 200_000_000, 0);
        // Twice 0.6 is 1.2: rounded apart it would be 0.
        check(240_000_000, 1, 200_000_000, 1);
        check(10, 7, 3, 23);
        check(u128::MAX, u64::MAX, u64::MAX, u128::MAX);
        check(u128::MAX, 3, 2, u128::MAX);
        check(u128::MAX, 1, 2, u128::MAX / 2);
    }
}
