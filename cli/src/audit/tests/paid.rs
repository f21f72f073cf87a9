//! Deals paid on the Bitcoin chain: what the journal proves of it, and exchanges that count what was never paid.

use super::forge::{Forge, convicted, judge};
use crate::audit::verdict::{Check, Deals};
use crate::audit::{Claims, Verdict};
use bandex_engine::{DealState, Event, PaymentStatus};
use bandex_spv::NetworkRules as _;
use bandex_spv::{Network, hash_of, prove, regtest, shown, strip};
use bandex_tradechain::body::{
    AssetListing, BitcoinTerms, Change, Configure, MarketListing, Operation, Orders, PaymentTerms, Place,
    Receive,
};
use bandex_tradechain::{Command, Headers, Payment, deal_id};
use bandex_types::{
    Amount, AssetId, BitcoinNetwork, DealId, MarketId, OrderRef, Price, Quantity, Rail, Ratio, Side,
};

const XBT: AssetId = AssetId::new(5);
const MARKET: MarketId = MarketId::new(5);
/// A millisatoshi for each lot and tick.
const PRICE: u64 = 100;
const LOTS: u64 = 100_000;
/// What that comes to.
const SATOSHI: u64 = 10_000;
/// When the blocks begin, in seconds since 1970, and how far they are apart.
const BEGIN_S: u32 = 1_700_000_000;
const BLOCK_S: u32 = 600;

/// An exchange that follows a chain, with one deal on it.
struct Paid {
    forge: Forge,
    deal: DealId,
    script: Vec<u8>,
    /// The headers behind the first, from the lowest up.
    headers: Vec<[u8; 80]>,
}

/// Chooses the chain, lists what is paid on it, and lets the first seller owe much.
fn chain_changes(forge: &Forge) -> Vec<Change> {
    let header = Network::Regtest.genesis_header();
    let listing = MarketListing {
        id: MARKET,
        base: AssetId::BWT,
        quote: XBT,
        lot_units: 1_000,
        tick_value: Ratio::new(1, 1).unwrap(),
        least_tranche: Amount::new(1),
        pay_us: 3_600_000_000,
        acknowledge_us: 3_600_000_000,
    };
    let terms = PaymentTerms { confirmations: 1, final_confirmations: 2, ..PaymentTerms::default() };
    vec![
        Change::SetBitcoin(BitcoinTerms { network: BitcoinNetwork::Regtest, height: 0, header }),
        Change::ListAsset(AssetListing {
            id: XBT,
            symbol: "XBT".to_owned(),
            decimals: 11,
            rail: Rail::Bitcoin,
        }),
        Change::ListMarket(listing),
        Change::SetPayments { market: MARKET, terms },
        Change::SetLimit { account: forge.traders[0].1, limit: Some(Amount::new(1_000_000_000)) },
    ]
}

impl Paid {
    fn begun() -> Self {
        let mut forge = Forge::opened();
        let changes = chain_changes(&forge);
        let block = forge.operator.sign(forge.time, Configure { changes });
        forge.push(Command::Block(block));
        let [maker, taker] = [(0, Side::Sell), (2, Side::Buy)].map(|(trader, side)| {
            let lane = &forge.traders[trader].0;
            let order = OrderRef { key: lane.key(), seq: lane.next_seq(), op: 0 };
            let place = Place::limit(MARKET, side, Price::new(PRICE), Quantity::new(LOTS));
            let command = forge.sign(trader, Orders { operations: vec![Operation::Place(Box::new(place))] });
            forge.push(command);
            order
        });
        let deal = deal_id(&taker, &maker);
        let mut script = vec![0, 20];
        script.extend([3; 20]);
        let command = forge.sign(0, Receive { deal, script: script.clone() });
        forge.push(command);
        forge.commit();
        Self { forge, deal, script, headers: Vec::new() }
    }

    /// Mines a block that pays the script, tells its header, and gives the payment with its proof.
    fn mine(&mut self, satoshi: u64) -> Payment {
        let parent = self.headers.last().map_or(Network::Regtest.genesis_hash(), hash_of);
        let height = u32::try_from(self.headers.len()).unwrap() + 1;
        let transaction = regtest::payment(([9; 32], height), &[(self.script.clone(), satoshi)]);
        let block =
            regtest::block(parent, height, BEGIN_S + height * BLOCK_S, height, vec![transaction.clone()]);
        let proof = prove(&block, 1).unwrap();
        let header: [u8; 80] = proof[..80].try_into().unwrap();
        self.headers.push(header);
        self.forge.push(Command::Headers(Headers { headers: vec![header], fee_rate: Some(1_000) }));
        Payment { proof, transaction: strip(&transaction) }
    }

    fn state(&self) -> DealState {
        self.forge.engine.deal(&self.deal).unwrap()
    }
}

#[tokio::test]
async fn payments_on_the_chain_are_proven_again() {
    let mut paid = Paid::begun();
    let payment = paid.mine(SATOSHI);
    paid.forge.push(Command::Payment(payment));
    paid.forge.commit();
    assert_eq!(paid.state().deal.due(), None, "what was asked for is in a block");
    let gift = paid.mine(SATOSHI);
    paid.forge.push(Command::Payment(gift));
    paid.forge.commit();
    let Verdict::Pass(report) = judge(&paid.forge.rows, &Claims::default()).await else { panic!() };
    assert_eq!(report.deals, Deals { settled: 1, ..Deals::default() });
    let followed = report.bitcoin.unwrap();
    assert_eq!((followed.network.as_str(), followed.from_height, followed.to_height), ("regtest", 0, 2));
    assert_eq!((followed.tip, followed.payments), (shown(&hash_of(&paid.headers[1])), 2));
}

#[tokio::test]
async fn an_exchange_without_a_chain_says_so() {
    let Verdict::Pass(report) = judge(&Forge::opened().rows, &Claims::default()).await else { panic!() };
    assert_eq!(report.bitcoin, None);
}

/// An exchange that records what an honest payment would have done for one that is not in the block.
#[tokio::test]
async fn counting_what_was_never_paid_is_convicted() {
    let check = async |lie: &str, change: fn(&mut Payment)| {
        let mut honest = Paid::begun();
        let payment = honest.mine(SATOSHI);
        let mut told = None;
        honest.forge.lie(Command::Payment(payment), |outcome| told = Some(outcome.clone()));
        let told = told.unwrap();
        let is_counted =
            |event: &Event| matches!(event, Event::Payment(state) if state.status == PaymentStatus::Paid);
        assert!(told.events.iter().any(is_counted), "{told:?}");

        let mut paid = Paid::begun();
        let mut payment = paid.mine(SATOSHI);
        change(&mut payment);
        let seq = paid.forge.lie(Command::Payment(payment), |outcome| *outcome = told.clone());
        paid.forge.commit();
        let conviction = convicted(&paid.forge.rows).await;
        assert_eq!((conviction.record, conviction.check), (seq, Check::Digest), "{lie}");
    };
    check("another transaction", |payment| *payment.transaction.last_mut().unwrap() ^= 1).await;
    check("another block", |payment| payment.proof[40] ^= 1).await;
    check("no proof", |payment| payment.proof.clear()).await;
}
