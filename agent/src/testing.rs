//! An honest exchange's account of a deal, for tests to tell straight or crooked.

use crate::{Found, Stake, Taken};
use bandex_sdk::api::{Asset, Carried, Deal, DealChain, Due, InFlight, Market, Node, Parameters, Payee};
use bandex_sdk::tradechain::{Keypair, deal_id, netted_id};
use bandex_sdk::types::{
    AccountId, Amount, BlockId, DealId, MarketId, OrderRef, Price, PublicKey, Quantity, Rail, Side, Timestamp,
};
use bandex_sdk::{MarketInfo, Markets, OwnOrder, Version};
use bandex_settlement::{ChainTerms, Counted, Deal as Honest, Paid, Party, State, Terms, net};
use std::sync::Arc;

pub const SELLER: AccountId = AccountId::new([1; 32]);
pub const BUYER: AccountId = AccountId::new([2; 32]);
pub const STRANGER: AccountId = AccountId::new([3; 32]);
pub const NOW: Timestamp = Timestamp::from_micros(1_777_689_383_201_000);
/// The buyer's order, which arrived.
pub const TAKER: OrderRef = OrderRef { key: PublicKey::new([8; 32]), seq: 4, op: 0 };
/// The seller's order, which rested.
pub const MAKER: OrderRef = OrderRef { key: PublicKey::new([9; 32]), seq: 7, op: 2 };

/// Where the payee of a deal on the chain wants to be paid.
pub const SCRIPT: [u8; 3] = [1, 2, 3];
/// What the chain's payments must be like.
const CHAIN: ChainTerms = ChainTerms { least: Amount::new(5), confirmations: 2, final_confirmations: 4 };

/// Prices of one tick are one smallest unit of quote a lot; a lot is ten smallest units of base.
pub fn markets() -> Arc<Markets> {
    let asset = |id, symbol: &str, rail: &str| Asset {
        id,
        symbol: symbol.to_owned(),
        decimals: 3,
        rail: rail.to_owned(),
    };
    let market = |id, symbol: &str, base: &str, quote: &str| Market {
        id,
        symbol: symbol.to_owned(),
        base: base.to_owned(),
        quote: quote.to_owned(),
        state: "trading".to_owned(),
        tick: "0.1".to_owned(),
        lot: "0.01".to_owned(),
        lot_units: 10,
        tick_num: 1,
        tick_den: 1,
        least_tranche: "0.001".to_owned(),
        pay_us: 60_000_000,
        acknowledge_us: 60_000_000,
        limits: bandex_sdk::api::MarketLimits::default(),
        rules: bandex_sdk::api::MarketRules::default(),
        fees: bandex_sdk::api::Fees::default(),
        payments: None,
        last_price: None,
        ends_us: None,
        indicative: None,
    };
    let wire = bandex_sdk::api::Markets {
        node: Node {
            network: 7,
            key: Keypair::from_seed(&[9; 32]).public().to_string(),
            genesis: BlockId::ZERO.to_string(),
            rules: 1,
            seq: 1,
            time_us: 1,
        },
        parameters: Parameters {
            dust: "0.01".to_owned(),
            share_ppm: 1,
            bid_multiple: 1,
            register_work_bits: 1,
            proposal_us: 1,
        },
        trust: bandex_sdk::api::TrustTerms::default(),
        rates: Vec::new(),
        rate_limits: Vec::new(),
        assets: vec![
            asset(0, "BWT", "token"),
            asset(1, "BTC", "attested"),
            asset(2, "LTC", "attested"),
            asset(3, "XBT", "bitcoin"),
        ],
        markets: vec![
            market(1, "BWT-BTC", "BWT", "BTC"),
            market(2, "LTC-BTC", "LTC", "BTC"),
            market(3, "BWT-XBT", "BWT", "XBT"),
        ],
    };
    Arc::new(Markets::from_wire(&wire).expect("a sound listing"))
}

/// A deal as an honest exchange keeps it.
#[derive(Debug, Clone)]
pub struct Story {
    pub market: Arc<MarketInfo>,
    pub deal: Honest,
    pub taker: OrderRef,
    pub seq: u64,
    payments: u8,
    now: Timestamp,
}

impl Story {
    /// `lots` at `price`, caps of the seller and the buyer.
    pub fn new(symbol: &str, lots: u64, price: u64, caps: [u64; 2]) -> Self {
        let market = Arc::clone(markets().market(symbol).expect("listed"));
        let (quantity, price) = (Quantity::new(lots), Price::new(price));
        let terms = Terms {
            base_total: market.base_units(quantity).expect("small"),
            quote_total: market.quote_units(quantity, price).expect("small"),
            seller_cap: Amount::new(caps[0]),
            buyer_cap: Amount::new(caps[1]),
            base_rail: market.base.rail,
            quote_rail: market.quote.rail,
            pay_us: market.pay_us,
            acknowledge_us: market.acknowledge_us,
        };
        let deal = if terms.is_on_chain() {
            Honest::open_on_chain(terms, CHAIN, NOW).expect("can be opened")
        } else {
            Honest::open(terms, NOW).expect("can be opened").0
        };
        Self { market, deal, taker: TAKER, seq: 10, payments: 0, now: NOW }
    }

    /// The payee of a deal on the chain has named its script.
    pub fn named(mut self) -> Self {
        self.deal.name_payee(self.now).expect("not yet");
        self.record();
        self
    }

    /// So much has arrived on the chain: included, paid, buried.
    pub fn counted(mut self, [included, paid, buried]: [u64; 3]) -> Self {
        let [included, paid, buried] = [included, paid, buried].map(Amount::new);
        self.deal.observe(Counted { included, paid, buried }, self.now);
        self.record();
        self
    }

    /// Two strangers, outside the exchange on both legs: eight moves.
    pub fn strangers() -> Self {
        Self::new("LTC-BTC", 10, 4, [6, 6])
    }

    /// The same, opened at `now`; nothing may have moved yet.
    pub fn opened_at(self, now: Timestamp) -> Self {
        let (deal, _) = Honest::open(self.deal.terms().clone(), now).expect("can be opened");
        Self { deal, now, ..self }
    }

    pub fn id(&self) -> DealId {
        deal_id(&self.taker, &MAKER)
    }

    pub fn pay(&mut self, by: Party, tranche: u32, cumulative: Amount) -> Result<u64, String> {
        self.payments += 1;
        let proposal = BlockId::new([self.payments; 32]);
        let paid = self.deal.pay(by, tranche, cumulative, proposal, self.now);
        paid.map(|_: Paid| self.record()).map_err(|refusal| refusal.to_string())
    }

    pub fn acknowledge(&mut self, by: Party, proposal: BlockId) -> Result<u64, String> {
        let moves = self.deal.acknowledge(by, proposal, self.now);
        moves.map(|_| self.record()).map_err(|refusal| refusal.to_string())
    }

    pub fn expire(&mut self) {
        let deadline = self.deal.deadline().expect("open");
        self.deal.expire(deadline).expect("expires");
        self.record();
    }

    fn record(&mut self) -> u64 {
        self.seq += 1;
        self.seq
    }

    /// One honest step: what is due is paid, what is in flight is acknowledged. False once nothing is left.
    pub fn step(&mut self) -> bool {
        if let Some(open) = self.deal.in_flight().copied() {
            self.acknowledge(open.party.other(), open.proposal).expect("in flight");
        } else if let Some(due) = self.deal.due() {
            self.pay(due.party, due.tranche, due.cumulative).expect("due");
        } else {
            return false;
        }
        true
    }

    /// The same story after `steps` honest steps.
    pub fn after(mut self, steps: usize) -> Self {
        (0..steps).for_each(|_| assert!(self.step(), "the walk is shorter"));
        self
    }

    /// What the exchange tells of it.
    pub fn told(&self) -> Deal {
        let terms = self.deal.terms();
        let (base, quote) = (self.market.base.scale, self.market.quote.scale);
        let scale = |party| if party == Party::Seller { base } else { quote };
        let rail = |rail| match rail {
            Rail::Token => "token".to_owned(),
            Rail::Attested => "attested".to_owned(),
            Rail::Bitcoin => "bitcoin".to_owned(),
        };
        let account = |party| if party == Party::Seller { SELLER } else { BUYER };
        let (state, by) = match self.deal.state() {
            State::Open => ("open", None),
            State::Disputed { by } => ("disputed", Some(by)),
            State::Defaulted { by } => ("defaulted", Some(by)),
            State::Settled => ("settled", None),
            State::Cured { by } => ("cured", Some(by)),
            State::WrittenOff { by } => ("written_off", Some(by)),
            State::Resolved => ("resolved", None),
            State::Netted => ("netted", None),
        };
        let due = self.deal.due().map(|due| Due {
            party: due.party.to_string(),
            account: account(due.party).to_string(),
            tranche: due.tranche,
            cumulative: scale(due.party).amount(due.cumulative),
            cumulative_units: due.cumulative.to_string(),
            amount: scale(due.party).amount(due.amount),
            deadline_us: due.deadline.as_micros(),
        });
        let in_flight = self.deal.in_flight().map(|open| InFlight {
            proposal: open.proposal.to_string(),
            party: open.party.to_string(),
            tranche: open.tranche,
            cumulative: scale(open.party).amount(open.cumulative),
            amount: scale(open.party).amount(open.amount),
            since_us: open.since.as_micros(),
        });
        let loss = by.map(|by: Party| quote.amount(self.deal.loss_of(by.other())));
        Deal {
            deal: self.id().to_string(),
            market: self.market.symbol.clone(),
            taker: self.taker.to_string(),
            maker: MAKER.to_string(),
            taker_side: "buy".to_owned(),
            seller: SELLER.to_string(),
            buyer: BUYER.to_string(),
            base_total: base.amount(terms.base_total),
            quote_total: quote.amount(terms.quote_total),
            seller_cap: quote.amount(terms.seller_cap),
            buyer_cap: quote.amount(terms.buyer_cap),
            base_rail: rail(terms.base_rail),
            quote_rail: rail(terms.quote_rail),
            base_sent: base.amount(self.deal.sent_units(Party::Seller)),
            quote_sent: quote.amount(self.deal.sent_units(Party::Buyer)),
            base_sent_value: quote.amount(self.deal.sent(Party::Seller)),
            state: state.to_owned(),
            by: by.map(|by| by.to_string()),
            loss,
            covered: None,
            slashed: None,
            fees: None,
            carried: None,
            replaces: Vec::new(),
            netted_with: None,
            replaced_by: None,
            due,
            in_flight,
            payee: self.deal.chain().filter(|chain| chain.named).map(|_| Payee {
                script: hex::encode(SCRIPT),
                address: String::new(),
                block_id: BlockId::new([77; 32]).to_string(),
                height: 1,
            }),
            chain: self.deal.chain().map(|chain| DealChain {
                demand: quote.amount(chain.demand),
                demand_satoshi: chain.demand.get().div_ceil(1_000),
                number: chain.number,
                included: quote.amount(chain.counted.included),
                paid: quote.amount(chain.counted.paid),
                buried: quote.amount(chain.counted.buried),
                delivered: quote.amount(self.deal.sent(Party::Seller)),
                surplus: None,
                least_payment: quote.amount(chain.terms.least),
                confirmations: chain.terms.confirmations,
                final_confirmations: chain.terms.final_confirmations,
            }),
            payments: Vec::new(),
            opened_us: NOW.as_micros(),
            seq: self.seq,
        }
    }

    /// What the exchange tells when this deal is netted with one the other way, of orders of the same two: both deals,
    /// and the one in their place.
    pub fn netted_with(&self, mut newer: Self) -> [Deal; 3] {
        let mut older = self.clone();
        let (one, other) = (older.deal.stage().expect("idle"), newer.deal.stage().expect("idle"));
        let left = net(&one, &other).and_then(|netting| netting.deal).expect("something is left");
        let replaced = [older.id(), newer.id()];
        let along = left.older_seller == Party::Seller;
        let deal = Honest::open_carried(left.terms, left.carried, self.now).expect("can be opened");
        older.seq = newer.seq;
        older.deal.replace().expect("idle");
        newer.deal.replace().expect("idle");
        let swapped = |told: Deal, along: bool| {
            let [seller, buyer] = if along { [SELLER, BUYER] } else { [BUYER, SELLER] };
            let taker_side = if along { "buy" } else { "sell" }.to_owned();
            Deal { seller: seller.to_string(), buyer: buyer.to_string(), taker_side, ..told }
        };
        let whole = Self { deal, seq: newer.seq, ..newer.clone() };
        let mut told = swapped(whole.told(), along);
        told.deal = netted_id(&replaced[0], &replaced[1]).to_string();
        told.replaces = replaced.iter().map(ToString::to_string).collect();
        let scale = self.market.quote.scale;
        let carried = left.carried;
        told.carried =
            Some(Carried { seller: scale.amount(carried.seller), buyer: scale.amount(carried.buyer) });
        if let Some(due) = &mut told.due {
            let seller_is_due = due.party == Party::Seller.to_string();
            due.account = if seller_is_due == along { SELLER } else { BUYER }.to_string();
        }
        [older.told(), swapped(newer.told(), false), told]
    }

    /// What a party knows by itself: it signed an order for `lots` at `price`.
    pub fn stake(&self, me: Party, lots: u64, price: u64) -> Stake {
        Stake {
            order: Found::Order(self.order(me, lots, price)),
            elsewhere: Taken::default(),
            last_pay: None,
            replaced: Vec::new(),
        }
    }

    pub fn order(&self, me: Party, lots: u64, price: u64) -> OwnOrder {
        let side = if me == Party::Seller { Side::Sell } else { Side::Buy };
        let version =
            Version { price: Price::new(price), quantity: Quantity::new(lots), quote_quantity: None };
        OwnOrder { market: MarketId::new(self.market.id.get()), side, versions: vec![version], own_cap: None }
    }
}
