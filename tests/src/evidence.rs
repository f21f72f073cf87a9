//! A third party that judges a deal from the JSON of its evidence alone.
//!
//! It knows the node's key and the network from elsewhere, and nothing else of the exchange.

use bandex_api::{Evidence, ProvenRecord};
use bandex_engine::{CommandResult, DealState, Event, OperationResult, Outcome, Trade, Tranche};
use bandex_sdk::receipt_from_wire;
use bandex_settlement::Party;
use bandex_tradechain::body::{Operation, Place};
use bandex_tradechain::{Block, Body, Command, Decoded, Domain, verify};
use bandex_types::{
    Amount, BlockId, DealId, OrderRef, PostOnly, PublicKey, Quantity, Ratio, Rounding, Side, quote_amount,
};
use std::collections::BTreeMap;

/// What the evidence proves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// How many payments were signed and took effect.
    pub payments: usize,
    /// How many acknowledgements.
    pub acknowledgements: usize,
    /// What the seller has sent, in smallest base units.
    pub base_sent: u64,
    /// What the buyer has sent, in smallest quote units.
    pub quote_sent: u64,
    /// What the victim of a default lost.
    pub loss: Option<u64>,
}

/// A record whose proof holds.
struct Proven {
    seq: u64,
    block: Option<(Block, BlockId)>,
    outcome: Outcome,
}

/// Checks one record: the receipt is the node's, is about this command, and shows this outcome; a block's signature
/// is its author's.
fn proven(record: &ProvenRecord, node: &PublicKey, network: u32) -> Proven {
    let receipt = receipt_from_wire(&record.receipt).unwrap();
    receipt.check(node, network).unwrap();
    let command = hex::decode(&record.command).unwrap();
    assert_eq!(Domain::Command.hash(&command), receipt.leaf.command_hash);
    assert_eq!((record.seq, record.time_us), (receipt.leaf.seq, receipt.leaf.time.as_micros()));
    let decoded = Decoded::from_bytes(&command).unwrap();
    let block = match decoded.command() {
        Command::Block(signed) => {
            let verified = verify(signed.clone(), network).unwrap();
            assert_eq!(record.block_id.as_deref(), Some(verified.id().to_string().as_str()));
            assert_eq!(record.block, serde_json::to_value(verified.block()).ok());
            Some((verified.block().clone(), verified.id()))
        }
        _ => None,
    };
    let outcome: Outcome = borsh::from_slice(&receipt.outcome).unwrap();
    assert_eq!(record.outcome, serde_json::to_value(&outcome).unwrap());
    Proven { seq: record.seq, block, outcome }
}

fn placed(proven: &Proven, order: OrderRef) -> Place {
    let (block, _) = proven.block.as_ref().expect("an order is a signed block");
    assert_eq!((block.author, block.seq), (order.key, order.seq));
    let Body::Orders(orders) = &block.body else { panic!("an order is in a block of orders") };
    // The last operation with a number up to the order's: a quote may be further on in it.
    let named = orders.numbered().take_while(|(number, _)| *number <= order.op).last();
    match named.expect("numbers begin at 0") {
        (number, Operation::Place(place)) if number == order.op => (**place).clone(),
        (first, Operation::Quote(quotes)) => {
            let quote = quotes.quotes[usize::from(order.op - first)];
            Place::limit(quotes.market, quote.side, quote.price, quote.quantity)
        }
        other => panic!("{other:?} does not place {order}"),
    }
}

fn events(proven: &Proven) -> impl Iterator<Item = &Event> {
    proven.outcome.events.iter()
}

fn must_be_done(proven: &Proven) {
    assert!(matches!(proven.outcome.result, CommandResult::Done(_)), "{:?}", proven.outcome.result);
}

/// The order as it was at the match: as placed, or as last amended.
fn agreed(proven: &Proven, amendments: &[Proven], order: OrderRef) -> Place {
    let mut place = placed(proven, order);
    for amendment in amendments {
        let (block, _) = amendment.block.as_ref().expect("an amendment is a signed block");
        let Body::Orders(orders) = &block.body else { panic!("an amendment is in a block of orders") };
        let CommandResult::Done(results) = &amendment.outcome.result else { continue };
        for (operation, result) in orders.operations.iter().zip(results) {
            if let (Operation::Amend { order: named, price, quantity }, OperationResult::Done) =
                (operation, result)
                && *named == order
            {
                (place.price, place.quantity) = (*price, *quantity);
            }
        }
    }
    place
}

/// Judges a deal. `lot_units` and `tick_value` are the market's.
///
/// # Panics
/// Something does not hold.
pub fn judge(
    evidence: &Evidence,
    node: &PublicKey,
    network: u32,
    lot_units: u64,
    tick_value: Ratio,
) -> Judged {
    assert_eq!((evidence.network, evidence.node.as_str()), (network, node.to_string().as_str()));
    let prove = |record: &ProvenRecord| proven(record, node, network);
    let id: DealId = evidence.deal.deal.parse().unwrap();
    let (taker, maker) = (prove(&evidence.taker_order), prove(&evidence.maker_order));
    let elsewhere = evidence.matched.as_ref().map(prove);
    let matched = elsewhere.as_ref().unwrap_or(&taker);
    assert!(maker.seq <= matched.seq && taker.seq <= matched.seq, "both were there when they met");
    let trade = the_trade(matched, id);
    let amendments: Vec<Proven> = evidence.amendments.iter().map(prove).collect();
    assert!(amendments.iter().all(|amendment| amendment.seq <= matched.seq), "before the match");
    let [taken, made] =
        [(&taker, trade.taker), (&maker, trade.maker)].map(|(of, order)| agreed(of, &amendments, order));
    let is_auction = events(matched).any(|event| matches!(event, Event::Auction { .. }));
    judge_trade(&trade, taken, made, is_auction);
    let opened = events(matched).find_map(|event| match event {
        Event::Deal(deal) if deal.id == id => Some(deal),
        _ => None,
    });
    let opened = opened.expect("the match opens the deal");
    judge_terms(evidence, &trade, opened, lot_units, tick_value);
    judge_steps(evidence, opened, &prove)
}

fn the_trade(taker: &Proven, deal: DealId) -> Trade {
    let mut trades = events(taker).filter_map(|event| match event {
        Event::Trade(trade) if trade.deal == deal => Some(trade.clone()),
        _ => None,
    });
    let trade = trades.next().expect("the match is in the outcome of the taker's block");
    assert_eq!(trades.next(), None, "one fill between two orders");
    assert_eq!(bandex_tradechain::deal_id(&trade.taker, &trade.maker), deal);
    trade
}

/// The trade is within what both signed.
fn judge_trade(trade: &Trade, taker: Place, maker: Place, is_auction: bool) {
    assert_eq!((taker.side, maker.side), (trade.taker_side, trade.taker_side.opposite()));
    assert_eq!((taker.market, maker.market), (trade.market, trade.market));
    // An order that slid, and an auction, trade at another price than was signed, which is never worse.
    let slid = maker.post_only == PostOnly::Slide;
    assert!(is_auction || slid || trade.price == maker.price, "a trade is at the maker's price");
    let (bid, ask) = match taker.side {
        Side::Buy => (taker.price, maker.price),
        Side::Sell => (maker.price, taker.price),
    };
    assert!(bid >= trade.price && trade.price >= ask, "the orders cross");
    let covers = |order: &Place| order.quote_quantity.is_some() || trade.quantity <= order.quantity;
    assert!(covers(&taker) && covers(&maker));
}

fn judge_terms(evidence: &Evidence, trade: &Trade, opened: &DealState, lot_units: u64, tick_value: Ratio) {
    let terms = opened.deal.terms();
    let base = trade.quantity.get() * lot_units;
    let quote =
        quote_amount(Quantity::new(trade.quantity.get()), trade.price, tick_value, Rounding::Up).unwrap();
    assert_eq!((terms.base_total, terms.quote_total), (Amount::new(base), quote));
    let (seller, buyer) = match trade.taker_side {
        Side::Buy => (trade.maker_account, trade.taker_account),
        Side::Sell => (trade.taker_account, trade.maker_account),
    };
    assert_eq!((opened.seller, opened.buyer), (seller, buyer));
    assert_eq!((&evidence.deal.seller, &evidence.deal.buyer), (&seller.to_string(), &buyer.to_string()));
}

/// The payments are those of the two sides, each acknowledged by the other, and add up to what the deal says.
fn judge_steps(evidence: &Evidence, opened: &DealState, prove: &dyn Fn(&ProvenRecord) -> Proven) -> Judged {
    let mut tranches: BTreeMap<u32, Tranche> = BTreeMap::new();
    let mut proposals = BTreeMap::new();
    let mut take = |proven: &Proven| {
        for event in events(proven) {
            if let Event::Tranche(tranche) = event
                && tranche.deal == opened.id
            {
                tranches.insert(tranche.tranche, tranche.clone());
            }
        }
    };
    for record in &evidence.payments {
        let payment = prove(record);
        must_be_done(&payment);
        take(&payment);
        let (block, block_id) = payment.block.as_ref().expect("a payment is a signed block");
        let Body::Pay(pay) = &block.body else { panic!("{:?} is no payment", block.body) };
        assert_eq!(pay.deal, opened.id);
        proposals.insert(*block_id, pay.clone());
    }
    for record in &evidence.acknowledgements {
        let acknowledgement = prove(record);
        must_be_done(&acknowledgement);
        take(&acknowledgement);
        let (block, _) = acknowledgement.block.as_ref().expect("an acknowledgement is a signed block");
        let Body::Acknowledge(acknowledge) = &block.body else {
            panic!("{:?} acknowledges nothing", block.body)
        };
        assert!(proposals.contains_key(&acknowledge.proposal), "it acknowledges one of the payments");
    }
    let sent = |party| {
        tranches
            .values()
            .filter(|tranche| tranche.party == party)
            .map(|tranche| tranche.units.get())
            .sum::<u64>()
    };
    let numbers: Vec<u32> = tranches.keys().copied().collect();
    assert!(
        (1..).zip(&numbers).all(|(expected, found)| expected == *found),
        "a tranche is missing: {numbers:?}"
    );
    let (base_sent, quote_sent) = (sent(Party::Seller), sent(Party::Buyer));
    let btc = bandex_api::AssetScale::new(11).parse(&evidence.deal.quote_sent).unwrap();
    let bwt = bandex_api::AssetScale::new(9).parse(&evidence.deal.base_sent).unwrap();
    assert_eq!((bwt.get(), btc.get()), (base_sent, quote_sent), "the tranches add up to what the deal says");
    let loss = evidence.close.as_ref().map(prove).and_then(|close| {
        events(&close).find_map(|event| match event {
            Event::Default(notice) if notice.deal == opened.id => Some(notice.loss.get()),
            _ => None,
        })
    });
    let (payments, acknowledgements) = (evidence.payments.len(), evidence.acknowledgements.len());
    Judged { payments, acknowledgements, base_sent, quote_sent, loss }
}
