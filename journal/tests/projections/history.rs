//! A made-up history: not what an engine would say, but every kind of event, over and over.

use bandex_engine::{
    AccountState, BalanceState, CancelReason, CommandResult, DealState, DefaultNotice, Event, KeyState,
    KeyStatus, OrderState, OrderStatus, Outcome, ProposalState, ProposalStatus, Trade, Tranche,
};
use bandex_journal::{Projected, ProjectedBlock};
use bandex_settlement::{Deal, Party, Terms};
use bandex_tradechain::body::Scopes;
use bandex_types::{
    AccountId, Amount, AssetId, BlockId, DealId, MarketId, OrderRef, Price, PublicKey, Quantity, Rail, Side,
    Timestamp,
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

fn deal_number(number: u64) -> DealId {
    DealId::new(bytes(number))
}

/// 37 seconds from record to record: several trades a candle, and several candles of each length but the longest.
fn at(seq: u64) -> Timestamp {
    Timestamp::EARLIEST_PLAUSIBLE.plus(seq * 37_000_000)
}

fn record(seq: u64, block: Option<ProjectedBlock>, events: Vec<Event>) -> Projected {
    let outcome = Outcome { result: CommandResult::Done(vec![]), events };
    Projected { seq, time: at(seq), block, outcome_bytes: outcome.encode(), outcome }
}

fn block(who: u64, seq: u64, deal: Option<DealId>) -> Option<ProjectedBlock> {
    Some(ProjectedBlock {
        id: block_id(seq),
        author: key(who),
        lane_seq: seq,
        account: Some(account(who)),
        deal,
    })
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
        deal,
    }))
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
        events.extend((0..4).map(|op| order_state(who, seq, op, OrderStatus::Open)));
        return record(seq, block(who, seq, None), events);
    }
    let (cancelled, filled) = (OrderStatus::Cancelled(CancelReason::Requested), OrderStatus::Filled);
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
    state.status == OrderStatus::Open
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
