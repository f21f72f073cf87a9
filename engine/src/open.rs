//! Every order that rests or sleeps, found without a search: by the book's name for it, by its reference, by its
//! account, and where it has one by its client id.
//!
//! Orders live in one vector and are known inside by their place in it. A reference (key, seq, operation) leads there
//! by plain indexing: the lane's blocks in order of seq, in each the orders by their number. An account's orders are a
//! chain in order of age. Nothing here is hashed, so nobody can choose references that are slow to find.

use crate::accounts::{AccountIndex, LaneIndex};
use crate::outcome::{OrderState, OrderStatus, OrderTerms};
use bandex_matching::{NewOrder, OrderId, Owner, prefetch};
use bandex_tradechain::body::{Place, Trigger};
use bandex_types::{
    AccountId, Amount, MarketId, OrderRef, OrderType, PostOnly, Price, Quantity, SelfTrade, Side,
    TimeInForce, Timestamp,
};
use borsh::{BorshDeserialize, BorshSerialize};
use std::collections::{BTreeMap, VecDeque};
use std::num::NonZeroU32;

/// The place of an open order in the engine's memory, counted from 1 so that "none" costs no room. It is used again once
/// the order has ended, and says nothing about age: that is what [`OpenOrder::number`] is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OrderIndex(NonZeroU32);

/// Where an open order is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Spot {
    /// It is arriving.
    #[default]
    Nowhere,
    /// It rests on its market's book under this name.
    Book(OrderId),
    /// It waits for its trigger.
    Asleep,
}

/// The terms that few orders have.
#[derive(Debug, Clone, Copy, Default, BorshSerialize, BorshDeserialize)]
pub(crate) struct RareTerms {
    pub expires: Option<Timestamp>,
    pub display: Quantity,
    pub minimum: Quantity,
    pub trigger: Option<Trigger>,
    pub quote_quantity: Option<Amount>,
    /// In parts per million.
    pub least_score: Option<u32>,
}

/// An order that rests or sleeps, or is arriving.
#[derive(Debug, Clone, BorshSerialize, BorshDeserialize)]
pub(crate) struct OpenOrder {
    /// Orders are numbered in the order of their arrival and keep their number: it decides whenever age does.
    pub number: u64,
    pub order: OrderRef,
    pub account: AccountIndex,
    pub market: MarketId,
    pub side: Side,
    pub price: Price,
    pub quantity: Quantity,
    pub filled: Quantity,
    /// What it locks on the ledger, in units of the asset it pays with; none if it pays elsewhere or all was promised
    /// to deals.
    pub lock: Option<Amount>,
    /// What it adds to its account's open bids, in the unit of account.
    pub bid_notional: Amount,
    pub own_cap: Option<Amount>,
    pub order_type: OrderType,
    pub time_in_force: TimeInForce,
    pub post_only: PostOnly,
    pub self_trade: SelfTrade,
    /// Whether it is one of its account's quotes.
    pub quote: bool,
    pub rare: Option<Box<RareTerms>>,
    pub client_id: Option<Box<str>>,
    #[borsh(skip)]
    pub spot: Spot,
    #[borsh(skip)]
    pub lane: LaneIndex,
    #[borsh(skip)]
    older: Option<OrderIndex>,
    #[borsh(skip)]
    newer: Option<OrderIndex>,
}

impl OpenOrder {
    /// An order as it was asked for; it locks nothing yet.
    pub fn new(number: u64, order: OrderRef, lane: LaneIndex, account: AccountIndex, place: &Place) -> Self {
        let rare = RareTerms {
            expires: place.expires,
            display: place.display.unwrap_or_default(),
            minimum: place.minimum.unwrap_or_default(),
            trigger: place.trigger,
            quote_quantity: place.quote_quantity,
            least_score: place.least_score,
        };
        Self {
            number,
            order,
            account,
            market: place.market,
            side: place.side,
            price: place.price,
            quantity: place.quantity,
            filled: Quantity::ZERO,
            lock: None,
            bid_notional: Amount::ZERO,
            own_cap: place.own_cap,
            order_type: place.order_type,
            time_in_force: place.time_in_force,
            post_only: place.post_only,
            self_trade: place.self_trade,
            quote: false,
            rare: rare.is_some().then(|| Box::new(rare)),
            client_id: place.client_id.as_deref().map(Box::from),
            spot: Spot::Nowhere,
            lane,
            older: None,
            newer: None,
        }
    }

    /// Lots not yet traded.
    pub fn left(&self) -> Quantity {
        self.quantity.saturating_sub(self.filled)
    }

    /// What it locks, in units of the asset it pays with.
    pub fn locked(&self) -> Amount {
        self.lock.unwrap_or_default()
    }

    /// Takes units out of what it locks, to free them or to promise them to a deal.
    pub fn take_locked(&mut self, units: Amount) {
        if !units.is_zero() {
            let left = self.locked().checked_sub(units).expect("an order locks what its trades promise");
            self.lock = (!left.is_zero()).then_some(left);
        }
    }

    pub fn rare(&self) -> RareTerms {
        self.rare.as_deref().copied().unwrap_or_default()
    }

    /// The quote amount that says how large it is, instead of its lots.
    pub fn budget(&self) -> Option<Amount> {
        self.rare.as_ref().and_then(|rare| rare.quote_quantity)
    }

    pub fn trigger(&self) -> Option<Trigger> {
        self.rare.as_ref().and_then(|rare| rare.trigger)
    }

    pub fn expires(&self) -> Option<Timestamp> {
        self.rare.as_ref().and_then(|rare| rare.expires)
    }

    /// The least score of whom it trades with, in parts per million.
    pub fn least_score(&self) -> Option<u32> {
        self.rare.as_ref().and_then(|rare| rare.least_score)
    }

    pub fn is_iceberg(&self) -> bool {
        self.rare.as_ref().is_some_and(|rare| !rare.display.is_zero())
    }

    /// What arrives at the book: all that is open of it.
    pub fn arriving(&self) -> NewOrder {
        let (display, minimum) =
            self.rare.as_ref().map_or_else(Default::default, |rare| (rare.display, rare.minimum));
        NewOrder {
            owner: Owner::new(self.account.get()),
            side: self.side,
            price: self.price,
            quantity: self.left(),
            time_in_force: self.time_in_force,
            post_only: self.post_only,
            self_trade: self.self_trade,
            display,
            minimum,
        }
    }

    pub fn state(&self, account: AccountId, status: OrderStatus) -> OrderState {
        OrderState {
            order: self.order,
            account,
            market: self.market,
            side: self.side,
            price: self.price,
            quantity: self.quantity,
            filled: self.filled,
            status,
            client_id: self.client_id.as_deref().map(str::to_owned),
        }
    }

    /// The terms that make it more than a plain limit order; `None` if it is one.
    pub fn special_terms(&self) -> Option<Box<OrderTerms>> {
        let plain = self.order_type == OrderType::Limit
            && self.time_in_force == TimeInForce::Gtc
            && self.post_only == PostOnly::Off
            && self.self_trade == SelfTrade::CancelOldest
            && !self.quote
            && self.rare.as_ref().is_none_or(|rare| !rare.is_told());
        let some = |quantity: Quantity| (!quantity.is_zero()).then_some(quantity);
        (!plain).then(|| {
            let rare = self.rare();
            Box::new(OrderTerms {
                order: self.order,
                order_type: self.order_type,
                time_in_force: self.time_in_force,
                expires: rare.expires,
                post_only: self.post_only,
                self_trade: self.self_trade,
                display: some(rare.display),
                minimum: some(rare.minimum),
                trigger: rare.trigger,
                quote_quantity: rare.quote_quantity,
                quote: self.quote,
            })
        })
    }
}

impl RareTerms {
    fn is_some(&self) -> bool {
        self.is_told() || self.least_score.is_some()
    }

    /// Whether others are told more of it than of a plain order: whom its owner trades with is told to nobody.
    fn is_told(&self) -> bool {
        self.expires.is_some()
            || self.trigger.is_some()
            || self.quote_quantity.is_some()
            || !self.display.is_zero()
            || !self.minimum.is_zero()
    }
}

/// The ends of an account's chain.
#[derive(Debug, Clone, Copy, Default)]
struct Chain {
    oldest: Option<OrderIndex>,
    newest: Option<OrderIndex>,
}

/// The open orders of one lane, block by block.
#[derive(Debug, Clone, Default)]
struct LaneOrders {
    /// The seq of the first block here.
    first: u64,
    blocks: VecDeque<BlockOrders>,
}

/// The open orders of one block, by their number in it.
#[derive(Debug, Clone, Default)]
struct BlockOrders {
    open: u32,
    at: Vec<Option<OrderIndex>>,
}

/// All open orders.
#[derive(Debug, Clone, Default)]
pub(crate) struct OpenOrders {
    all: Vec<Option<OpenOrder>>,
    free: Vec<OrderIndex>,
    lanes: Vec<LaneOrders>,
    accounts: Vec<Chain>,
    client_ids: BTreeMap<(LaneIndex, MarketId, Box<str>), OrderIndex>,
    /// Those that timers and triggers call by their number.
    numbered: BTreeMap<u64, OrderIndex>,
}

const NO_ORDER: &str = "an index is only held as long as its order is open";

impl OrderIndex {
    fn at(self) -> usize {
        // Lossless: the targets this builds for have pointers of at least 32 bits.
        self.0.get() as usize - 1
    }
}

impl OpenOrders {
    /// Takes an order in. Its number must be above all others of its account.
    pub fn add(&mut self, order: OpenOrder) -> OrderIndex {
        let (account, lane, market, reference) = (order.account, order.lane, order.market, order.order);
        let client_id = order.client_id.clone();
        let called = order.expires().is_some() || order.trigger().is_some();
        let number = order.number;
        let index = self.store(order);
        self.lane_mut(lane).set(reference, index);
        self.link(index, account);
        if let Some(client_id) = client_id {
            self.client_ids.insert((lane, market, client_id), index);
        }
        if called {
            self.numbered.insert(number, index);
        }
        index
    }

    fn store(&mut self, order: OpenOrder) -> OrderIndex {
        if let Some(index) = self.free.pop() {
            *self.all.get_mut(index.at()).expect(NO_ORDER) = Some(order);
            return index;
        }
        self.all.push(Some(order));
        let count = u32::try_from(self.all.len()).ok().and_then(NonZeroU32::new);
        OrderIndex(count.expect("a book takes fewer than 2^32 orders"))
    }

    fn lane_mut(&mut self, lane: LaneIndex) -> &mut LaneOrders {
        let at = lane.at();
        if at >= self.lanes.len() {
            self.lanes.resize_with(at + 1, LaneOrders::default);
        }
        self.lanes.get_mut(at).expect("it was made room for")
    }

    fn chain_mut(&mut self, account: AccountIndex) -> &mut Chain {
        let at = account.at();
        if at >= self.accounts.len() {
            self.accounts.resize(at + 1, Chain::default());
        }
        self.accounts.get_mut(at).expect("it was made room for")
    }

    fn link(&mut self, index: OrderIndex, account: AccountIndex) {
        let chain = self.chain_mut(account);
        let older = chain.newest.replace(index);
        match older {
            Some(older) => self.get_mut(older).newer = Some(index),
            None => chain.oldest = Some(index),
        }
        self.get_mut(index).older = older;
    }

    fn unlink(&mut self, account: AccountIndex, older: Option<OrderIndex>, newer: Option<OrderIndex>) {
        match older {
            Some(older) => self.get_mut(older).newer = newer,
            None => self.chain_mut(account).oldest = newer,
        }
        match newer {
            Some(newer) => self.get_mut(newer).older = older,
            None => self.chain_mut(account).newest = older,
        }
    }

    /// Lets an order go.
    pub fn remove(&mut self, index: OrderIndex) {
        let place = self.all.get_mut(index.at()).expect(NO_ORDER);
        let order = place.as_mut().expect(NO_ORDER);
        let (lane, market, reference) = (order.lane, order.market, order.order);
        if let Some(client_id) = order.client_id.take() {
            self.client_ids.remove(&(lane, market, client_id));
        }
        if order.rare.is_some() {
            self.numbered.remove(&order.number);
        }
        let (account, older, newer) = (order.account, order.older, order.newer);
        *place = None;
        self.free.push(index);
        self.lane_mut(lane).clear(&reference);
        self.unlink(account, older, newer);
    }

    pub fn get(&self, index: OrderIndex) -> &OpenOrder {
        self.all.get(index.at()).and_then(Option::as_ref).expect(NO_ORDER)
    }

    pub fn get_mut(&mut self, index: OrderIndex) -> &mut OpenOrder {
        self.all.get_mut(index.at()).and_then(Option::as_mut).expect(NO_ORDER)
    }

    /// Asks for the memory of an order without reading it.
    pub fn prefetch(&self, index: OrderIndex) {
        if let Some(place) = self.all.get(index.at()) {
            prefetch(place);
        }
    }

    /// The open order with this reference, in this lane.
    pub fn find(&self, lane: LaneIndex, order: &OrderRef) -> Option<OrderIndex> {
        let lane = self.lanes.get(lane.at())?;
        let block = usize::try_from(order.seq.checked_sub(lane.first)?).ok()?;
        *lane.blocks.get(block)?.at.get(usize::from(order.op))?
    }

    pub fn find_client_id(&self, lane: LaneIndex, market: MarketId, client_id: &str) -> Option<OrderIndex> {
        self.client_ids.get(&(lane, market, Box::from(client_id))).copied()
    }

    /// The order that timers and triggers call by this number.
    pub fn find_number(&self, number: u64) -> Option<OrderIndex> {
        self.numbered.get(&number).copied()
    }

    /// An account's open orders, oldest first.
    pub fn of_account(&self, account: AccountIndex) -> impl Iterator<Item = OrderIndex> {
        let oldest = self.accounts.get(account.at()).and_then(|chain| chain.oldest);
        std::iter::successors(oldest, |index| self.get(*index).newer)
    }

    /// Those that sleep or have a date, oldest first.
    pub fn numbered(&self) -> impl Iterator<Item = &OpenOrder> {
        self.numbered.values().map(|index| self.get(*index))
    }

    pub fn len(&self) -> usize {
        self.all.len() - self.free.len()
    }

    /// All of them, in no order that means anything.
    pub fn iter(&self) -> impl Iterator<Item = &OpenOrder> {
        self.all.iter().flatten()
    }
}

impl LaneOrders {
    fn set(&mut self, order: OrderRef, index: OrderIndex) {
        if self.blocks.is_empty() {
            self.first = order.seq;
        }
        while order.seq < self.first {
            self.blocks.push_front(BlockOrders::default());
            self.first -= 1;
        }
        let block = usize::try_from(order.seq - self.first).expect("a lane's blocks are in memory");
        if block >= self.blocks.len() {
            self.blocks.resize_with(block + 1, BlockOrders::default);
        }
        let block = self.blocks.get_mut(block).expect("it was made room for");
        let at = usize::from(order.op);
        if at >= block.at.len() {
            block.at.resize(at + 1, None);
        }
        *block.at.get_mut(at).expect("it was made room for") = Some(index);
        block.open += 1;
    }

    fn clear(&mut self, order: &OrderRef) {
        let block = usize::try_from(order.seq - self.first).expect("a lane's blocks are in memory");
        let block = self.blocks.get_mut(block).expect(NO_ORDER);
        *block.at.get_mut(usize::from(order.op)).expect(NO_ORDER) = None;
        block.open -= 1;
        if block.open == 0 {
            block.at = Vec::new();
        }
        while self.blocks.front().is_some_and(|block| block.open == 0) {
            self.blocks.pop_front();
            self.first += 1;
        }
    }
}
