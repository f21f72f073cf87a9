//! A made-up history: not what an engine would say, but every kind of event, over and over.

use bandex_engine::{
    AccountState, BalanceState, CancelReason, CommandResult, DealState, DefaultNotice, Event, ForkNotice,
    KeyState, KeyStatus, LimitParts, Netted, OrderState, OrderStatus, OrderTerms, Outcome, PaymentState,
    PaymentStatus, ProposalState, ProposalStatus, Slash, Trade, Tranche, TrustState,
};
use bandex_journal::{Projected, ProjectedBlock};
use bandex_settlement::{Deal, Party, Terms};
use bandex_tradechain::body::{Prefer, Protection, Scopes, Trigger, TriggerKind};
use bandex_types::{
    AccountId, Amount, AssetId, BlockId, DealId, Hash, MarketId, OrderRef, OrderType, PostOnly, Price,
    PublicKey, Quantity, Rail, SelfTrade, Side, TimeInForce, Timestamp,
};
use std::collections::BTreeMap;

/// 32 bytes that tell `number`.
fn bytes(number: u64) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes.chunks_exact_mut(8).for_each(|chunk| chunk.copy_from_slice(&number.to_be_bytes()));
    bytes
}

pub fn account(who: u64) -> AccountId {
    AccountId::new(bytes(who))
}

pub fn key(who: u64) -> PublicKey {
    PublicKey::new(bytes(who))
}

pub fn order(who: u64, seq: u64, op: u8) -> OrderRef {
    OrderRef { key: key(who), seq, op }
}

fn block_id(seq: u64) -> BlockId {
    BlockId::new(bytes(seq))
}

pub fn deal_number(number: u64) -> DealId {
    DealId::new(bytes(number))
}

/// 37 seconds from record to record: several trades a candle, and several candles of each length but the longest.
fn at(seq: u64) -> Timestamp {
    Timestamp::EARLIEST_PLAUSIBLE.plus(seq * 37_000_000)
}

fn record(seq: u64, block: Option<ProjectedBlock>, events: Vec<Event>) -> Projected {
    let outcome = Outcome { result: CommandResult::Done(vec![]), events };
    let (time, amended, outcome_bytes) = (at(seq), Vec::new(), outcome.encode());
    Projected { seq, time, block, amended, outcome_bytes, outcome }
}

fn block(who: u64, seq: u64, deal: Option<DealId>) -> Option<ProjectedBlock> {
    Some(ProjectedBlock { id: block_id(seq), author: key(who), lane_seq: seq, deal })
}

fn order_state(who: u64, seq: u64, op: u8, status: OrderStatus) -> Event {
    let market = MarketId::new(1 + u32::from(op % 2));
    Event::Order(OrderState {
        order: order(who, seq, op),
        account: account(who),
        market,
        side: Side::Buy,
        price: Price::new(seq),
        quantity: Quantity::new(10),
        filled: Quantity::ZERO,
        status,
        client_id: Some(format!("{seq}/{op}")),
    })
}

/// What an order with `op` above 1 was placed with.
pub fn order_terms(who: u64, seq: u64, op: u8) -> OrderTerms {
    OrderTerms {
        order: order(who, seq, op),
        order_type: OrderType::Limit,
        time_in_force: TimeInForce::Gtd,
        expires: Some(at(seq + 100)),
        post_only: PostOnly::Slide,
        self_trade: SelfTrade::Decrement,
        display: Some(Quantity::new(seq)),
        minimum: None,
        trigger: Some(Trigger { kind: TriggerKind::TakeProfit, price: Price::new(seq) }),
        quote_quantity: None,
        quote: op == 3,
    }
}

/// The end of an auction; every other one trades nothing.
fn auction(seq: u64) -> Event {
    let price = seq.is_multiple_of(2).then_some(Price::new(seq));
    Event::Auction { market: MarketId::new(2), price, volume: if price.is_some() { 3 * seq } else { 0 } }
}

/// Set by each account in turn; every third ends it.
fn protection(who: u64, seq: u64) -> Event {
    let set = Protection { quantity: Quantity::new(seq), window_us: 1_000 };
    let protection = (!seq.is_multiple_of(3)).then_some(set);
    let (account, market) = (account(who), MarketId::new(1));
    Event::Protection { account, market, protection, tripped: seq.is_multiple_of(2) }
}

fn trade(number: u64, taker: u64, maker: u64, deal: DealId) -> Event {
    Event::Trade(Trade {
        market: MarketId::new(1),
        number,
        price: Price::new(5 + number * 7 % 11),
        quantity: Quantity::new(1 + number % 4),
        taker_side: Side::Buy,
        taker: order(taker, number, 0),
        maker: order(maker, number, 1),
        taker_account: account(taker),
        maker_account: account(maker),
        deal,
    })
}

fn terms(seller_cap: u64) -> Terms {
    Terms {
        base_total: Amount::new(1_000),
        quote_total: Amount::new(100),
        seller_cap: Amount::new(seller_cap),
        buyer_cap: Amount::new(60),
        base_rail: Rail::Token,
        quote_rail: Rail::Attested,
        pay_us: 1_000,
        acknowledge_us: 1_000,
    }
}

fn deal_state(id: DealId, seller: u64, buyer: u64, deal: Deal) -> Event {
    Event::Deal(Box::new(DealState {
        id,
        market: MarketId::new(1),
        taker: order(buyer, 1, 0),
        maker: order(seller, 1, 1),
        taker_side: Side::Buy,
        seller: account(seller),
        buyer: account(buyer),
        opened: at(1),
        replaces: None,
        payee: None,
        deal,
    }))
}

/// What an account has at stake after its record `seq`.
pub fn trust_state(who: u64, seq: u64) -> TrustState {
    TrustState {
        account: account(who),
        bond: Amount::new(seq),
        leaving: Amount::ZERO,
        fees: Amount::new(2 * seq),
        score_ppb: 7,
        burden: Amount::ZERO,
        admitted: true,
        certificate: None,
        granted: false,
        seed: who == 1,
        registrar: false,
        preference: Prefer::default(),
        limit: LimitParts { total: Amount::new(seq), ..LimitParts::default() },
    }
}

/// What bonds, fees and netting do to deals in every third record.
fn deal_trust(number: u64, deal: DealId) -> Vec<Event> {
    let (tokens, covered) = (Amount::new(number), Amount::new(2 * number));
    let mut events = vec![
        Event::DealFees { deal, maker: Amount::new(1), taker: Amount::new(number) },
        Event::Slash(Slash { deal, from: account(1), to: account(2), tokens, covered }),
    ];
    if number.is_multiple_of(4) {
        let (replaced, deal) = ([deal_number(number / 2), deal], Some(deal_number(1_000 + number)));
        events.push(Event::Netted(Netted { deal, replaced, base: tokens, quote: covered }));
    }
    events
}

/// A payment on the chain for a deal: new in one record, deeper in another, and reversed by the third.
pub fn payment(number: u64, deal: DealId) -> PaymentState {
    let status = [PaymentStatus::Included, PaymentStatus::Paid, PaymentStatus::Reversed];
    PaymentState {
        deal,
        txid: Hash::new(bytes(number / 6)),
        output: 7,
        value: Amount::new(number),
        block: Hash::new(bytes(number)),
        height: u32::try_from(number).unwrap(),
        status: status[(number % 3) as usize],
        late: number.is_multiple_of(2),
    }
}

fn holder_events(who: u64, seq: u64) -> Vec<Event> {
    let amount = Amount::new(seq);
    let balance = |asset| {
        Event::Balance(BalanceState {
            account: account(who),
            asset,
            balance: -i128::from(seq),
            locked: Amount::ZERO,
        })
    };
    vec![
        Event::Account(AccountState {
            account: account(who),
            frozen: None,
            limit: amount,
            reserved: Amount::ZERO,
            credit_line: Amount::ZERO,
        }),
        Event::Key(KeyState {
            key: key(who),
            account: account(who),
            root: true,
            scopes: Scopes::from_bits(1),
            status: KeyStatus::Active,
            expires: None,
        }),
        Event::Trust(Box::new(trust_state(who, seq))),
        balance(AssetId::BTC),
        balance(AssetId::BWT),
    ]
}

/// Records 1 to `count`, by three accounts in turn. Every third closes what earlier ones opened.
pub fn history(count: u64) -> Vec<Projected> {
    (1..=count).map(step).collect()
}

fn step(seq: u64) -> Projected {
    // Record 1 is by account 1, record 2 by account 2, record 3 by account 3, record 4 by account 1 again.
    let (who, next) = ((seq - 1) % 3 + 1, seq % 3 + 1);
    let mut events = holder_events(who, seq);
    if who != 3 {
        let status = |op| if op == 2 { OrderStatus::Sleeping } else { OrderStatus::Open };
        events.extend((0..4).map(|op| order_state(who, seq, op, status(op))));
        events.extend((2..4).map(|op| Event::Terms(Box::new(order_terms(who, seq, op)))));
        // Beside what it placed two records before, if that was it.
        let amended =
            if who == 1 && seq > 3 { vec![order(1, seq - 3, 3), order(1, seq, 3)] } else { Vec::new() };
        return Projected { amended, ..record(seq, block(who, seq, None), events) };
    }
    let (cancelled, filled) = (OrderStatus::Cancelled(CancelReason::Requested), OrderStatus::Filled);
    events.extend([auction(seq), protection(seq / 3 % 2 + 1, seq / 3)]);
    events.push(order_state(1, seq - 2, 0, cancelled));
    events.push(order_state(2, seq - 1, 1, filled));
    let number = seq / 3;
    let deal = deal_number(number / 2 + 1);
    let (seller, buyer) = match number / 2 % 3 {
        0 => (1, 2),
        1 => (2, 3),
        _ => (3, 1),
    };
    events.push(trade(number, buyer, seller, deal));
    let (mut opened, _) = Deal::open(terms(40 + number % 5 * 15), at(seq)).unwrap();
    if number.is_multiple_of(5) {
        opened.expire(at(seq + 1));
    }
    events.push(deal_state(deal, seller, buyer, opened));
    events.extend(deal_trust(number, deal));
    events.push(Event::Payment(payment(number, deal_number(500 + number / 6))));
    events.push(Event::Proposal(ProposalState {
        proposal: block_id(seq),
        from: account(who),
        to: account(next),
        deal: Some(deal),
        status: ProposalStatus::Waiting,
    }));
    // Ticks have no block.
    let block = if number.is_multiple_of(4) { None } else { block(who, seq, Some(deal)) };
    record(seq, block, events)
}

/// The events of a history and of [`one_deal`], each in a record of its own: none can stand in for another.
pub fn one_event_each() -> Vec<Projected> {
    let records = history(12).into_iter().chain(one_deal().into_iter().skip(4));
    let events = records.flat_map(|record| record.outcome.events);
    (1..).zip(events).map(|(seq, event)| record(seq, None, vec![event])).collect()
}

/// The last state of every order of a history, by reference.
pub fn last_orders(records: &[Projected]) -> Vec<OrderState> {
    let mut states = BTreeMap::new();
    for event in records.iter().flat_map(|record| &record.outcome.events) {
        if let Event::Order(state) = event {
            states.insert(state.order, state.clone());
        }
    }
    states.into_values().collect()
}

pub fn is_open(state: &OrderState) -> bool {
    matches!(state.status, OrderStatus::Open | OrderStatus::Sleeping)
}

pub fn due_by(state: &DealState) -> Option<AccountId> {
    let due = state.deal.due()?;
    Some(if due.party == Party::Seller { state.seller } else { state.buyer })
}

pub fn deal_id() -> DealId {
    deal_number(1)
}

/// A match, a payment and its acknowledgement, a stranger's proposal between them, and a default found by a tick.
pub fn one_deal() -> Vec<Projected> {
    let deal = deal_id();
    let (opened, _) = Deal::open(terms(70), at(2)).unwrap();
    let proposal = |seq, deal, status| {
        let (proposal, from, to) = (block_id(seq), account(3), account(1));
        Event::Proposal(ProposalState { proposal, from, to, deal, status })
    };
    let units = Amount::new(3);
    let tranche = Event::Tranche(Tranche { deal, tranche: 1, party: Party::Buyer, units, value: units });
    let notice = DefaultNotice { deal, by: account(1), victim: account(2), loss: units, cap: units };
    vec![
        record(1, None, vec![Event::Genesis { network: 1 }]),
        record(2, block(2, 2, None), vec![trade(1, 2, 1, deal), deal_state(deal, 1, 2, opened)]),
        record(3, block(3, 3, Some(deal)), vec![proposal(3, Some(deal), ProposalStatus::Waiting)]),
        record(4, block(3, 4, None), vec![proposal(4, None, ProposalStatus::Waiting)]),
        record(
            5,
            block(1, 5, Some(deal)),
            vec![proposal(3, Some(deal), ProposalStatus::Acknowledged), tranche],
        ),
        record(6, None, vec![Event::Default(notice)]),
    ]
}

/// The record of a fork for the place `seq` of account 1's lane.
pub fn fork(seq: u64) -> Projected {
    let (account, key) = (account(1), key(1));
    let (first, second) = (block_id(seq), block_id(1_000 + seq));
    record(seq, None, vec![Event::Fork(ForkNotice { account, key, seq, first, second })])
}
