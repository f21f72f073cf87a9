//! A history taken in batch by batch gives the same view as the engine at its end.

use super::*;
use bandex_journal::{Journal, MemoryJournal, MemoryStore};
use bandex_sequencer::{Ends, Observation, Sealed, Sequencer, Submitted};
use bandex_spv::NetworkRules as _;
use bandex_tradechain::body::{
    BitcoinTerms, Bond, Change, Configure, Fees, Grant, Guard, Heal, Operation, Orders, Place, Quote, Quotes,
    Register, Revoke, Rotate, Scopes, Transfer, Trigger, TriggerKind, TrustTerms, possession_statement,
};
use bandex_tradechain::{Block, Body, Domain, Genesis, Headers, Keypair, Record, Verified, verify};
use bandex_types::{AccountId, Amount, BitcoinNetwork, OrderRef, Quantity, Rail, Ratio, Timestamp};

const NETWORK: u32 = 7;
const START: Timestamp = Timestamp::from_micros(1_777_000_000_000_000);
const MARKET: MarketId = MarketId::new(1);
const NODE: u8 = 1;
const OPERATOR: u8 = 2;

fn pair(name: u8) -> Keypair {
    Keypair::from_seed(&[name; 32])
}

/// A key and where its lane stands.
#[derive(Clone)]
struct Lane {
    pair: Keypair,
    head: Head,
}

impl Lane {
    fn new(name: u8, made_by: BlockId) -> Self {
        Self { pair: pair(name), head: Head { seq: 0, id: made_by } }
    }

    fn key(&self) -> PublicKey {
        self.pair.public()
    }

    fn sign(&mut self, body: impl Into<Body>) -> Verified {
        let Head { seq, id: previous } = self.head;
        let (author, body) = (self.key(), body.into());
        let block =
            Block { network: NETWORK, author, seq: seq + 1, previous, time: START, expiry: None, body };
        let verified = verify(block.sign(&self.pair), NETWORK).unwrap();
        self.head = Head { seq: seq + 1, id: verified.id() };
        verified
    }

    fn register(name: u8) -> (Self, Verified, AccountId) {
        let mut lane = Self::new(name, BlockId::ZERO);
        let block = lane.sign(Register { home: pair(NODE).public(), nonce: 0 });
        let account = block.id().into();
        (lane, block, account)
    }

    /// What the holder of the key `name` signs to be taken in by this key.
    fn possession(&self, name: u8) -> (PublicKey, bandex_types::SignatureBytes) {
        let new = pair(name);
        let statement = possession_statement(NETWORK, &self.key(), &new.public());
        (new.public(), new.sign(Domain::Possession, &statement))
    }

    fn grant(&mut self, name: u8) -> (Verified, Self) {
        let (key, possession) = self.possession(name);
        let (markets, expires) = (Vec::new(), Some(START.plus(1_000_000_000)));
        let grant = Grant { key, scopes: Scopes::ALL, markets, largest_notional: None, expires, possession };
        let block = self.sign(grant);
        let session = Self::new(name, block.id());
        (block, session)
    }

    fn operate(&mut self, operations: Vec<Operation>) -> Verified {
        self.sign(Orders { operations })
    }

    /// A limit order that one of the changes makes special.
    fn special(&mut self, side: Side, price: u64, lots: u64, change: impl FnOnce(&mut Place)) -> Verified {
        let mut place = Place::limit(MARKET, side, Price::new(price), Quantity::new(lots));
        change(&mut place);
        self.operate(vec![Operation::Place(Box::new(place))])
    }

    /// The order with this number in the last block.
    fn last(&self, op: u8) -> OrderRef {
        OrderRef { key: self.key(), seq: self.head.seq, op }
    }

    fn limit(&mut self, side: Side, price: u64, lots: u64) -> Verified {
        let place = Place::limit(MARKET, side, Price::new(price), Quantity::new(lots));
        self.sign(Orders { operations: vec![Operation::Place(Box::new(place))] })
    }

    /// Two blocks for the same place.
    fn fork(&mut self) -> [Verified; 2] {
        let mut other = self.clone();
        let asset = AssetId::BWT;
        let transfer = |lane: &mut Self, note: &str| {
            let (to, amount, note) = (AccountId::new([9; 32]), Amount::new(1), note.to_owned());
            lane.sign(Transfer { to, asset, amount, note })
        };
        [transfer(self, "one"), transfer(&mut other, "two")]
    }
}

/// A sequencer, its journal, and a view that took in every batch.
struct World {
    sequencer: Sequencer,
    journal: MemoryJournal,
    records: Vec<Record>,
    view: View,
}

impl World {
    async fn new() -> Self {
        let mut sequencer = Sequencer::new(Engine::new(), Ends::EMPTY, pair(NODE), pair(OPERATOR));
        let genesis =
            Genesis::new(NETWORK, pair(NODE).public(), pair(OPERATOR).public(), Amount::new(1_000_000));
        let sealed = sequencer.begin(genesis, &[], START);
        let journal = MemoryStore::new().open();
        let mut world = Self { sequencer, journal, records: Vec::new(), view: View::default() };
        world.publish(sealed).await;
        world
    }

    /// Publishes the batch, and compares with what a restored engine shows.
    async fn publish(&mut self, sealed: Sealed) {
        self.records.extend(sealed.batch.records.iter().cloned());
        let proof = self.journal.append(&sealed.batch).await.unwrap();
        self.view.publish(&Publication::new(proof, sealed));
        let restored = Engine::restore(&self.sequencer.engine().snapshot()).unwrap();
        let mut again = View::of(&restored);
        for (id, book) in &mut again.markets {
            // No engine knows what was traded lately: that comes from the projections.
            book.traded = self.view.markets[id].traded.clone();
        }
        assert_eq!(format!("{:#?}", self.view), format!("{again:#?}"));
        self.check_queues();
    }

    /// The orders of every level stand as the engine would trade them.
    fn check_queues(&self) {
        for (id, book) in &self.view.markets {
            for side in [Side::Buy, Side::Sell] {
                let orders = self.sequencer.engine().book_orders(*id, side);
                let queue: Vec<_> = orders.iter().map(|one| (one.order, one.price, one.shown)).collect();
                let levels = book.best_first(side);
                let seen = levels.flat_map(|level| {
                    level.orders.iter().map(|one| (one.order, level.level.price, one.shown))
                });
                assert_eq!(seen.collect::<Vec<_>>(), queue, "{side:?} of {id}");
            }
        }
    }

    async fn configure(&mut self, changes: Vec<Change>) {
        let mut making = self.sequencer.batch(START);
        making.configure(changes);
        let sealed = making.seal().unwrap();
        self.publish(sealed).await;
    }

    /// One batch of these blocks, each of which is next or proves a fork.
    async fn batch(&mut self, blocks: impl IntoIterator<Item = Verified>) {
        let mut making = self.sequencer.batch(START);
        for block in blocks {
            match making.submit(block) {
                Submitted::Contradicts { record, second } => {
                    let first = self.records.iter().find(|one| one.seq == record).unwrap();
                    making.fork(first, *second).unwrap();
                }
                Submitted::Index(_) | Submitted::Known(bandex_sequencer::Known::Fork { .. }) => {}
                other => panic!("{other:?}"),
            }
        }
        let sealed = making.seal().unwrap();
        self.publish(sealed).await;
    }

    fn check_key(&self, lane: &Lane, status: KeyStatus, forked: bool) {
        let key = lane.key();
        let found = self.view.key(&key).map(|state| state.status);
        assert_eq!((found, self.view.fork(&key).is_some()), (Some(status), forked));
        assert_eq!(self.view.head(&key), Some(lane.head));
    }

    /// How many levels of bids and asks there are.
    fn check_book(&self, bids: usize, asks: usize) {
        let book = self.view.markets.get(&MARKET).unwrap();
        assert_eq!((book.bids.len(), book.asks.len()), (bids, asks));
    }
}

fn listings() -> Vec<Change> {
    let asset = |id, symbol: &str, rail| {
        Change::ListAsset(AssetListing { id, symbol: symbol.to_owned(), decimals: 9, rail })
    };
    let market = MarketListing {
        id: MARKET,
        base: AssetId::BWT,
        quote: AssetId::BTC,
        lot_units: 10,
        tick_value: Ratio::new(1, 2).unwrap(),
        least_tranche: Amount::new(10),
        pay_us: 60_000_000,
        acknowledge_us: 30_000_000,
    };
    vec![
        asset(AssetId::BWT, "BWT", Rail::Token),
        asset(AssetId::BTC, "BTC", Rail::Attested),
        Change::ListMarket(market),
        Change::SetParameters(Parameters { register_work_bits: 0, ..Parameters::default() }),
    ]
}

#[tokio::test]
async fn guards_are_shown_until_they_end() {
    let mut world = World::new().await;
    world.configure(listings()).await;
    let (mut anna, one, seller) = Lane::register(10);
    world.batch([one]).await;
    world.configure(vec![Change::Issue { to: seller, amount: Amount::new(10_000) }]).await;
    let guard = |cancel_after_us, on_disconnect_us| Guard { cancel_after_us, on_disconnect_us };
    let shown = |world: &World, key| world.view.guard(key).map(|guard| (guard.cancel_after_us, guard.due));
    let key = anna.key();
    world.batch([anna.limit(Side::Sell, 110, 5), anna.sign(guard(2_000_000, Some(5)))]).await;
    assert_eq!(shown(&world, &key), Some((2_000_000, Some(START.plus(2_000_000)))));
    let mut making = world.sequencer.batch(START.plus(2_000_000));
    making.tick_if_due();
    let sealed = making.seal().unwrap();
    world.publish(sealed).await;
    assert_eq!(shown(&world, &key), Some((2_000_000, None)));
    world.check_book(0, 0);
    world.batch([anna.sign(guard(0, Some(5)))]).await;
    assert_eq!(shown(&world, &key), Some((0, None)));
    world.batch([anna.sign(guard(0, None))]).await;
    assert_eq!(shown(&world, &key), None);
}

#[tokio::test]
async fn every_batch_leads_to_the_view_of_the_engine() {
    let mut world = World::new().await;
    assert_eq!(
        (world.view.seq, world.view.rules),
        (2, bandex_engine::RULES_VERSION),
        "genesis, and the newest rules"
    );
    world.configure(listings()).await;
    let (mut anna, one, seller) = Lane::register(10);
    let (mut bert, two, _) = Lane::register(11);
    world.batch([one, two]).await;
    world.configure(vec![Change::Issue { to: seller, amount: Amount::new(10_000) }]).await;
    // Orders that rest, trade in part and in whole, and are cancelled.
    world.batch([anna.limit(Side::Sell, 110, 5), anna.limit(Side::Sell, 120, 5)]).await;
    let cancelled = OrderRef { key: anna.key(), seq: anna.head.seq, op: 0 };
    world.batch([bert.limit(Side::Buy, 110, 2), bert.limit(Side::Buy, 100, 1)]).await;
    world.check_book(1, 2);
    let cancel = Orders { operations: vec![Operation::Cancel { order: cancelled }] };
    world.batch([bert.limit(Side::Buy, 110, 3), anna.sign(cancel)]).await;
    world.check_book(1, 0);
    // A session key that is revoked, in the batch that made it and in another.
    let (granted, mut session) = anna.grant(20);
    world.batch([granted, session.limit(Side::Sell, 130, 1)]).await;
    world.check_book(1, 1);
    world.batch([anna.sign(Revoke { key: session.key() }), session.limit(Side::Sell, 130, 1)]).await;
    world.check_book(1, 0);
    world.check_key(&session, KeyStatus::Revoked, false);
    let (granted, unused) = anna.grant(21);
    world.batch([granted, anna.sign(Revoke { key: unused.key() })]).await;
    world.check_key(&unused, KeyStatus::Revoked, false);
    // A fork of a revoked key is evidence only.
    let [kept, other] = session.fork();
    world.batch([kept]).await;
    world.batch([other]).await;
    world.check_key(&session, KeyStatus::Revoked, true);
    // A new root key.
    let (key, possession) = anna.possession(12);
    let rotated = anna.sign(Rotate { key, possession });
    let mut root = Lane::new(12, rotated.id());
    world.batch([rotated]).await;
    world.check_key(&anna, KeyStatus::Revoked, false);
    world.check_key(&root, KeyStatus::Active, false);
    // A session key forks, within a batch, and the account is healed.
    let (granted, mut session) = root.grant(22);
    world.batch([granted, session.limit(Side::Sell, 140, 2)]).await;
    world.check_book(1, 1);
    let forked = session.fork();
    let keep = forked[0].id();
    world.batch(forked).await;
    world.check_book(1, 0);
    world.check_key(&session, KeyStatus::Forked, true);
    world.batch([root.sign(Heal { key: session.key(), keep }), root.limit(Side::Sell, 150, 1)]).await;
    world.check_book(1, 1);
    // A root key forks: its account is frozen, and stays so.
    let [kept, other] = bert.fork();
    world.batch([kept]).await;
    world.batch([other]).await;
    world.check_book(0, 1);
    world.check_key(&bert, KeyStatus::Forked, true);
    world.batch([bert.limit(Side::Buy, 100, 1)]).await;
    // What the operator decides, and what is refused of it.
    let state = MarketState::CancelOnly;
    let mut changes = vec![Change::SetMarketState { market: MARKET, state }];
    changes.extend(listings());
    changes.push(Change::SetFrozen { account: seller, frozen: true });
    world.configure(changes).await;
    world.check_book(0, 0);
    assert_eq!(world.view.markets.get(&MARKET).unwrap().market.state, state);
    // The operator's key forks as well.
    let mut operator = Lane::new(OPERATOR, BlockId::ZERO);
    operator.head = world.view.head(&operator.key()).unwrap();
    let mut twin = operator.clone();
    let configure = |line| {
        let change = Change::SetCreditLine { account: seller, line: Amount::new(line) };
        Configure { changes: vec![change] }
    };
    world.batch([operator.sign(configure(1)), twin.sign(configure(2))]).await;
    world.check_key(&operator, KeyStatus::Forked, true);
}

/// An iceberg that shows its next part stands behind those that waited.
#[tokio::test]
async fn queues_are_those_of_the_engine() {
    let mut world = World::new().await;
    world.configure(listings()).await;
    let (mut anna, one, seller) = Lane::register(10);
    let (mut bert, two, _) = Lane::register(11);
    world.batch([one, two]).await;
    world.configure(vec![Change::Issue { to: seller, amount: Amount::new(1_000_000) }]).await;
    let display = |place: &mut Place| place.display = Some(Quantity::new(2));
    let iceberg = anna.special(Side::Sell, 110, 6, display);
    let first = anna.last(0);
    let plain = anna.limit(Side::Sell, 110, 4);
    let second = anna.last(0);
    world.batch([iceberg, plain]).await;
    let queue = |world: &World| -> Vec<(OrderRef, u64)> {
        let level = &world.view.markets[&MARKET].asks[&Price::new(110)];
        level.orders.iter().map(|one| (one.order, one.shown.get())).collect()
    };
    assert_eq!(queue(&world), [(first, 2), (second, 4)]);
    world.batch([bert.limit(Side::Buy, 110, 3)]).await;
    assert_eq!(queue(&world), [(second, 3), (first, 2)]);
}

/// What the view tells besides levels: special orders, amended ones, market rules, a band that halts, an auction.
#[tokio::test]
async fn special_orders_and_auctions_lead_to_the_view_of_the_engine() {
    let mut world = World::new().await;
    world.configure(listings()).await;
    let (mut anna, one, seller) = Lane::register(10);
    let (mut bert, two, _) = Lane::register(11);
    world.batch([one, two]).await;
    world.configure(vec![Change::Issue { to: seller, amount: Amount::new(1_000_000) }]).await;
    let terms = |world: &World| world.view.terms.len();
    // An iceberg rests, refills and is filled; a plain order beside it has no terms.
    let display = |place: &mut Place| place.display = Some(Quantity::new(2));
    world.batch([anna.special(Side::Sell, 110, 6, display), anna.limit(Side::Sell, 115, 1)]).await;
    assert_eq!(terms(&world), 1);
    world.batch([bert.limit(Side::Buy, 110, 3)]).await;
    assert_eq!((terms(&world), world.view.markets[&MARKET].last), (1, Some(Price::new(110))));
    world.batch([bert.limit(Side::Buy, 110, 3)]).await;
    assert_eq!(terms(&world), 0, "what is closed is forgotten");
    // Orders move by amendment, and within one block over another price.
    world.batch([bert.limit(Side::Buy, 90, 5)]).await;
    let order = bert.last(0);
    let amend = |price| Operation::Amend { order, price: Price::new(price), quantity: Quantity::new(5) };
    world.batch([bert.operate(vec![amend(91)])]).await;
    world.batch([bert.operate(vec![amend(92), amend(93), amend(80)])]).await;
    world.check_book(1, 1);
    // A stop sleeps, and wakes by a trade.
    let stop = |place: &mut Place| {
        place.trigger = Some(Trigger { kind: TriggerKind::StopLoss, price: Price::new(115) });
    };
    world.batch([bert.special(Side::Buy, 130, 2, stop)]).await;
    assert_eq!(terms(&world), 1);
    world.batch([bert.limit(Side::Buy, 115, 1)]).await;
    world.check_book(2, 0);
    assert_eq!(terms(&world), 1, "it rests now, with its terms");
    world.batch([bert.operate(vec![Operation::CancelAll { market: None, side: None }])]).await;
    assert_eq!(terms(&world), 0);
    // Quotes replace each other.
    let quote = |side, price| Quote { side, price: Price::new(price), quantity: Quantity::new(2) };
    let quotes = |quotes| Operation::Quote(Quotes { market: MARKET, slide: false, quotes });
    world.batch([anna.operate(vec![quotes(vec![quote(Side::Sell, 120), quote(Side::Sell, 121)])])]).await;
    world.batch([anna.operate(vec![quotes(vec![quote(Side::Sell, 122)])])]).await;
    world.check_book(0, 1);
    assert_eq!(terms(&world), 1);
    // A trade outside the band halts the market; then orders gather, cross, and trade at one price.
    let rules = MarketRules { band_ppm: 10_000, ..MarketRules::default() };
    world.configure(vec![Change::SetMarketRules { market: MARKET, rules }]).await;
    world.batch([bert.limit(Side::Buy, 122, 1)]).await;
    let state = |world: &World| world.view.markets[&MARKET].market.state;
    assert_eq!(state(&world), MarketState::Halted);
    let set = |state| vec![Change::SetMarketState { market: MARKET, state }];
    world.configure(set(MarketState::Auction)).await;
    world.batch([bert.limit(Side::Buy, 123, 3), bert.limit(Side::Buy, 121, 3)]).await;
    let indicative = world.view.markets[&MARKET].indicative.unwrap();
    assert_eq!((indicative.volume, indicative.surplus), (2, 1));
    assert_eq!(indicative.surplus_side, Some(Side::Buy));
    world.configure(set(MarketState::Trading)).await;
    assert_eq!((world.view.markets[&MARKET].indicative, terms(&world)), (None, 0));
    world.check_book(2, 0);
}

/// What the view tells of trust: terms, rates, fees, who is a seed, balances, freezes, epochs and their scores.
#[tokio::test]
async fn trust_leads_to_the_view_of_the_engine() {
    let mut world = World::new().await;
    world.configure(listings()).await;
    let (mut anna, one, seller) = Lane::register(10);
    let (_, two, buyer) = Lane::register(11);
    world.batch([one, two]).await;
    let person = |world: &World, account| world.view.trust.person(&account).unwrap();
    assert_eq!((person(&world, seller).position, person(&world, buyer).position), (1, 2));
    world.configure(vec![Change::Issue { to: seller, amount: Amount::new(500) }]).await;
    assert_eq!(person(&world, seller).balance, 500);
    const EPOCH_US: u64 = 1_000_000;
    let terms = TrustTerms { epoch_us: EPOCH_US, standing_threshold: -5, ..TrustTerms::default() };
    let rate = Some(Ratio::new(1, 3).unwrap());
    let fees = Fees { maker_ppm: 1, taker_ppm: 2 };
    world
        .configure(vec![
            Change::SetTrust(terms.clone()),
            Change::SetRate { asset: AssetId::BWT, rate },
            Change::SetRate { asset: AssetId::BTC, rate },
            Change::SetSeed { account: seller, seed: true },
            Change::SetRegistrar { account: buyer, registrar: true },
            Change::SetFees { market: MARKET, fees },
            Change::SetFrozen { account: buyer, frozen: true },
        ])
        .await;
    assert_eq!((&world.view.trust.terms, world.view.trust.rates.len()), (&terms, 2));
    assert_eq!(world.view.trust.fees.get(&MARKET), Some(&fees));
    assert!(world.view.trust.seeds.contains(&seller) && world.view.trust.registrars.contains(&buyer));
    assert!(person(&world, buyer).frozen);
    world.batch([anna.sign(Bond { amount: Amount::new(400) })]).await;
    world
        .configure(vec![
            Change::SetRate { asset: AssetId::BTC, rate: None },
            Change::SetRegistrar { account: buyer, registrar: false },
            Change::SetFees { market: MARKET, fees: Fees::default() },
            Change::SetFrozen { account: buyer, frozen: false },
        ])
        .await;
    assert_eq!((world.view.trust.rates.len(), world.view.trust.fees.len()), (1, 0));
    // An epoch ends, and is scored.
    let tick = |world: &mut World, at: u64| {
        let mut making = world.sequencer.batch(START.plus(at));
        making.tick_if_due();
        making.seal().unwrap()
    };
    let sealed = tick(&mut world, EPOCH_US);
    world.publish(sealed).await;
    let end = world.view.trust.epoch.unwrap();
    assert!(!end.scored);
    let scores = world.sequencer.engine().checkpoint().unwrap().scores();
    let mut making = world.sequencer.batch(START.plus(EPOCH_US));
    making.scores(scores);
    let sealed = making.seal().unwrap();
    world.publish(sealed).await;
    assert!(world.view.trust.epoch.unwrap().scored);
    assert_eq!(person(&world, seller).score_ppb, 1_000_000_000, "all walks begin there");
}

#[tokio::test]
async fn a_chain_leads_to_the_view_of_the_engine() {
    let mut world = World::new().await;
    world.configure(listings()).await;
    let (sats, on_chain) = (AssetId::new(5), MarketId::new(5));
    let header = Network::Regtest.genesis_header();
    let terms = PaymentTerms { confirmations: 1, final_confirmations: 3, fee_share_ppm: 10_000 };
    let listing = world.view.market_info(MARKET).unwrap().listing.clone();
    let tick_value = Ratio::new(1, 1).unwrap();
    let list_asset = |id, decimals| {
        Change::ListAsset(AssetListing { id, symbol: "SAT".to_owned(), decimals, rail: Rail::Bitcoin })
    };
    let changes = [
        Change::SetBitcoin(BitcoinTerms { network: BitcoinNetwork::Regtest, height: 0, header }),
        list_asset(sats, 11),
        Change::ListMarket(MarketListing { id: on_chain, quote: sats, tick_value, ..listing }),
    ];
    world.configure(changes.to_vec()).await;
    let payments = |world: &World, market| world.view.markets.get(&market).and_then(|book| book.payments);
    assert_eq!(payments(&world, on_chain), Some(PaymentTerms::default()));
    world.configure(vec![Change::SetPayments { market: on_chain, terms }]).await;
    assert_eq!((payments(&world, on_chain), payments(&world, MARKET)), (Some(terms), None));
    assert_eq!(world.view.market_info(on_chain).unwrap().network, Some(Network::Regtest));
    let genesis = Network::Regtest.genesis_hash();
    let mined = bandex_spv::regtest::mine(genesis, [1; 32], 1_700_000_000);
    for (headers, fee_rate) in [(vec![mined], Some(3_000)), (Vec::new(), Some(4_000)), (vec![mined], None)] {
        let mut making = world.sequencer.batch(START);
        making.observe(Observation::Headers(Headers { headers, fee_rate }));
        let sealed = making.seal().unwrap();
        world.publish(sealed).await;
    }
    let chain = world.view.bitcoin.chain.unwrap();
    assert_eq!((chain.height, *chain.tip.as_bytes()), (1, bandex_spv::hash_of(&mined)));
    assert_eq!((chain.fee_rate, world.view.bitcoin.network()), (Some(4_000), Some(Network::Regtest)));
}
