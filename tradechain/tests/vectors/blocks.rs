//! The blocks of the vectors: several cases a kind, so that every option, word and variant is in some bytes.

use bandex_tradechain::body::*;
use bandex_tradechain::{Block, Body, Domain, Genesis, Keypair, Kind};
use bandex_types::*;

pub const NETWORK: u32 = 1_000;
/// 2026-05-02 02:36:23.201 UTC.
pub const TIME: Timestamp = Timestamp::from_micros(1_777_689_383_201_000);
/// Secret seeds of test vectors, 32 times one byte. Nothing of worth may ever be signed with them.
pub const ROOT: u8 = 1;
pub const SESSION: u8 = 2;
pub const NODE: u8 = 3;
pub const OPERATOR: u8 = 4;
pub const NEW_ROOT: u8 = 5;
pub const PEER: u8 = 6;

pub fn pair(seed: u8) -> Keypair {
    Keypair::from_seed(&[seed; 32])
}

pub fn key(seed: u8) -> PublicKey {
    pair(seed).public()
}

pub fn genesis() -> Genesis {
    Genesis::new(NETWORK, key(NODE), key(OPERATOR), Amount::new(1_000_000_000_000_000))
}

/// A block by the key of `seed`, without expiry.
pub fn block(seed: u8, seq: u64, previous: BlockId, body: impl Into<Body>) -> Block {
    let (author, body) = (key(seed), body.into());
    Block { network: NETWORK, author, seq, previous, time: TIME, expiry: None, body }
}

/// The block that makes the account of all vectors, with the first nonce that gives 8 zero bits.
pub fn register() -> Block {
    (0..)
        .map(|nonce| block(ROOT, 1, BlockId::ZERO, Register { home: key(NODE), nonce }))
        .find(|block| leading_zero_bits(&block.id()) >= 8)
        .expect("one id in 256 begins with 8 zero bits")
}

pub fn possession(root: u8, new: u8) -> SignatureBytes {
    pair(new).sign(Domain::Possession, &possession_statement(NETWORK, &key(root), &key(new)))
}

/// The block that admits the session key of all vectors.
pub fn grant() -> Block {
    let grant = Grant {
        key: key(SESSION),
        scopes: Scopes::ORDERS.and(Scopes::SETTLE),
        markets: vec![MarketId::new(1), MarketId::new(258)],
        largest_notional: Some(Amount::new(5_000_000)),
        expires: Some(TIME.plus(86_400_000_000)),
        possession: possession(ROOT, SESSION),
    };
    block(ROOT, 2, register().id(), grant)
}

/// Name, author's seed and block of every case of `kind`.
pub fn cases(kind: Kind) -> Vec<(&'static str, u8, Block)> {
    match kind {
        Kind::Register | Kind::Rotate | Kind::Grant | Kind::Revoke | Kind::Heal => keys(kind),
        Kind::Orders => orders(),
        Kind::Configure => configure(),
        Kind::Batch => vec![("three_records", NODE, batch())],
        _ => values(kind),
    }
}

fn keys(kind: Kind) -> Vec<(&'static str, u8, Block)> {
    let after = |body: Body| block(ROOT, 2, register().id(), body);
    match kind {
        Kind::Register => vec![
            ("eight_zero_bits", ROOT, register()),
            (
                "with_expiry",
                PEER,
                Block {
                    expiry: Some(TIME.plus(60_000_000)),
                    ..block(
                        PEER,
                        1,
                        BlockId::ZERO,
                        Register { home: key(NODE), nonce: 0x0001_0203_0405_0607 },
                    )
                },
            ),
        ],
        Kind::Rotate => {
            let rotate = Rotate { key: key(NEW_ROOT), possession: possession(ROOT, NEW_ROOT) };
            vec![("to_a_new_root_key", ROOT, after(rotate.into()))]
        }
        Kind::Grant => {
            let bare = Grant {
                key: key(SESSION),
                scopes: Scopes::ALL,
                markets: Vec::new(),
                largest_notional: None,
                expires: None,
                possession: possession(ROOT, SESSION),
            };
            vec![("all_limits_set", ROOT, grant()), ("no_limits", ROOT, after(bare.into()))]
        }
        Kind::Revoke => vec![("the_session_key", ROOT, after(Revoke { key: key(SESSION) }.into()))],
        _ => {
            let heal = Heal { key: key(SESSION), keep: BlockId::new([0xa5; 32]) };
            vec![("a_session_fork", ROOT, after(heal.into()))]
        }
    }
}

/// A bid for 12.1 BWT at 78,318.00 ticks, as in a first order.
pub fn first_order() -> Block {
    let place = Place::limit(MarketId::new(1), Side::Buy, Price::new(7_831_800), Quantity::new(12_100_000));
    orders_block(vec![Operation::Place(Box::new(place))])
}

pub fn orders_block(operations: Vec<Operation>) -> Block {
    block(SESSION, 1, grant().id(), Orders { operations })
}

fn orders() -> Vec<(&'static str, u8, Block)> {
    let plain = Place::limit(MarketId::new(1), Side::Sell, Price::new(u64::MAX), Quantity::new(1));
    let full = Place {
        order_type: OrderType::Limit,
        quote_quantity: Some(Amount::new(473_824)),
        time_in_force: TimeInForce::Gtd,
        expires: Some(TIME.plus(3_600_000_000)),
        post_only: PostOnly::Slide,
        self_trade: SelfTrade::Decrement,
        display: Some(Quantity::new(100)),
        minimum: Some(Quantity::new(10)),
        trigger: Some(Trigger { kind: TriggerKind::TakeProfit, price: Price::new(7_900_000) }),
        own_cap: Some(Amount::new(20_000)),
        least_score: Some(1_500),
        client_id: Some("grün-1".to_owned()),
        ..plain.clone()
    };
    let order = OrderRef { key: key(SESSION), seq: 1, op: 0 };
    let others = vec![
        Operation::Cancel { order },
        Operation::CancelClient { market: MarketId::new(1), client_id: "grün-1".to_owned() },
        Operation::Amend { order, price: Price::new(0), quantity: Quantity::new(11_000_000) },
    ];
    let place = |place: Place| Operation::Place(Box::new(place));
    let words = vec![
        place(Place { order_type: OrderType::Market, time_in_force: TimeInForce::Ioc, ..plain.clone() }),
        place(Place {
            time_in_force: TimeInForce::Fok,
            self_trade: SelfTrade::CancelNewest,
            ..plain.clone()
        }),
        place(Place { post_only: PostOnly::Refuse, self_trade: SelfTrade::CancelBoth, ..plain.clone() }),
        place(Place {
            side: Side::Buy,
            trigger: Some(Trigger { kind: TriggerKind::StopLoss, price: Price::new(1) }),
            ..plain
        }),
    ];
    let expiring = Block { expiry: Some(TIME.plus(5_000_000)), ..orders_block(others) };
    let quote = |side, ticks, lots| Quote { side, price: Price::new(ticks), quantity: Quantity::new(lots) };
    let quotes = |slide, quotes| Operation::Quote(Quotes { market: MarketId::new(1), slide, quotes });
    let two_sides = vec![quote(Side::Buy, 7_831_800, 100), quote(Side::Sell, 7_831_900, 200)];
    let protection = Protection { quantity: Quantity::new(5_000), window_us: 1_000_000 };
    let protect = |protection| Operation::Protect { market: MarketId::new(258), protection };
    let makers = vec![
        quotes(false, two_sides.clone()),
        quotes(true, two_sides),
        quotes(false, Vec::new()),
        protect(Some(protection)),
        protect(None),
        Operation::CancelAll { market: Some(MarketId::new(258)), side: Some(Side::Sell) },
        Operation::CancelAll { market: None, side: None },
    ];
    vec![
        ("place_a_limit_order", SESSION, first_order()),
        ("place_with_every_option", SESSION, orders_block(vec![place(full)])),
        ("place_every_word", SESSION, orders_block(words)),
        ("cancel_cancel_client_amend_with_expiry", SESSION, expiring),
        ("quote_protect_cancel_all", SESSION, orders_block(makers)),
    ]
}

fn values(kind: Kind) -> Vec<(&'static str, u8, Block)> {
    let session = |body: Body| block(SESSION, 2, first_order().id(), body);
    let root = |body: Body| block(ROOT, 2, register().id(), body);
    let peer = AccountId::new([0xbb; 32]);
    let pay = |reference: &str| Pay {
        deal: deal_id(),
        tranche: 2,
        cumulative: Amount::new(20_000),
        reference: reference.to_owned(),
    };
    let bandwidth = |payer, tokens| Bandwidth {
        counterparty: peer,
        sent_bytes: 3_000_000_000,
        received_bytes: 250_000,
        payer,
        tokens: Amount::new(tokens),
    };
    let transfer = |asset, amount, note: &str| Transfer {
        to: peer,
        asset,
        amount: Amount::new(amount),
        note: note.to_owned(),
    };
    let certify = |expires| Certify { account: peer, expires };
    match kind {
        Kind::Pay => vec![
            ("with_reference", SESSION, session(pay("txid:2b0e…:1").into())),
            ("without_reference", SESSION, session(pay("").into())),
        ],
        Kind::Acknowledge => {
            vec![("a_proposal", SESSION, session(Acknowledge { proposal: BlockId::new([0xc3; 32]) }.into()))]
        }
        Kind::Transfer => vec![
            ("bandwidth_tokens", ROOT, root(transfer(AssetId::BWT, 1_000_000_000, "thanks").into())),
            ("without_note", ROOT, root(transfer(AssetId::new(258), u64::MAX, "").into())),
        ],
        Kind::Bandwidth => vec![
            ("the_counterparty_pays", ROOT, root(bandwidth(Payer::Counterparty, 2_900_000_000).into())),
            ("the_author_pays_nothing", ROOT, root(bandwidth(Payer::Author, 0).into())),
        ],
        Kind::Fee => vec![("for_admission", ROOT, root(Fee { amount: Amount::new(2_000_000) }.into()))],
        Kind::Claim => vec![("any_nonce", ROOT, root(Claim { nonce: 0x0706_0504_0302_0100 }.into()))],
        Kind::Certify => vec![
            ("for_a_year", ROOT, root(certify(Some(TIME.plus(365 * 86_400_000_000))).into())),
            ("without_end", ROOT, root(certify(None).into())),
        ],
        Kind::Decertify => vec![("an_account", ROOT, root(Decertify { account: peer }.into()))],
        Kind::Prefer => vec![
            (
                "both",
                ROOT,
                root(Prefer { largest_exposure: Some(Amount::new(50_000)), least_score: Some(20) }.into()),
            ),
            ("neither", ROOT, root(Prefer::default().into())),
        ],
        Kind::Resolve => vec![(
            "half_is_delivered",
            SESSION,
            session(Resolve { deal: deal_id(), deliver: Amount::new(500_000_000) }.into()),
        )],
        Kind::WriteOff => vec![("a_deal", SESSION, session(WriteOff { deal: deal_id() }.into()))],
        Kind::Cure => vec![(
            "with_reference",
            SESSION,
            session(Cure { deal: deal_id(), reference: "txid:2b0e…:2".to_owned() }.into()),
        )],
        Kind::Receive => vec![(
            "pay_to_witness_key_hash",
            SESSION,
            session(Receive { deal: deal_id(), script: [&[0, 20], [7; 20].as_slice()].concat() }.into()),
        )],
        Kind::Guard => {
            let guard = |cancel_after_us, on_disconnect_us| {
                session(Guard { cancel_after_us, on_disconnect_us }.into())
            };
            vec![
                ("both", SESSION, guard(30_000_000, Some(10_000_000))),
                ("a_timer", SESSION, guard(1_000_000, None)),
                ("without_grace", SESSION, guard(0, Some(0))),
                ("off", SESSION, guard(0, None)),
            ]
        }
        Kind::Bond => vec![("a_bond", ROOT, root(Bond { amount: Amount::new(5_000_000_000) }.into()))],
        _ => vec![("part_of_it_back", ROOT, root(Unbond { amount: Amount::new(1_000_000_000) }.into()))],
    }
}

/// The deal of two orders.
pub fn deal_id() -> DealId {
    let (taker, maker) = deal_orders();
    let bytes = [borsh::to_vec(&taker), borsh::to_vec(&maker)].map(|bytes| bytes.expect("fixed size"));
    DealId::new(*Domain::Deal.hash(&bytes.concat()).as_bytes())
}

/// Taker and maker of that deal.
pub fn deal_orders() -> (OrderRef, OrderRef) {
    (OrderRef { key: key(SESSION), seq: 1, op: 0 }, OrderRef { key: key(PEER), seq: 258, op: 99 })
}

fn batch() -> Block {
    let body = Batch {
        first_seq: 258,
        count: 3,
        root: Hash::new([0xd2; 32]),
        last_record_hash: Hash::new([0xe1; 32]),
    };
    block(NODE, 1, genesis().id(), body)
}

fn configure() -> Vec<(&'static str, u8, Block)> {
    let account = AccountId::from(register().id());
    let asset = |id, symbol: &str, decimals, rail| {
        Change::ListAsset(AssetListing { id, symbol: symbol.to_owned(), decimals, rail })
    };
    let listing = MarketListing {
        id: MarketId::new(1),
        base: AssetId::BWT,
        quote: AssetId::BTC,
        lot_units: 1_000,
        tick_value: Ratio::new(1, 200_000_000).expect("both above 0"),
        least_tranche: Amount::new(1_000),
        pay_us: 600_000_000,
        acknowledge_us: 3_600_000_000,
    };
    let state = |state| Change::SetMarketState { market: MarketId::new(258), state };
    let listings = vec![
        asset(AssetId::BWT, "BWT", 9, Rail::Token),
        asset(AssetId::BTC, "BTC", 11, Rail::Attested),
        Change::ListMarket(listing),
        Change::SetParameters(Parameters::default()),
    ];
    let accounts = vec![
        Change::SetLimit { account, limit: Some(Amount::new(1_000_000)) },
        Change::SetLimit { account, limit: None },
        Change::SetCreditLine { account, line: Amount::new(10_000_000_000) },
        Change::Issue { to: account, amount: Amount::new(50_000_000_000) },
        Change::SetFrozen { account, frozen: true },
        Change::SetFrozen { account, frozen: false },
    ];
    let states = [MarketState::Trading, MarketState::CancelOnly, MarketState::Halted].map(state).to_vec();
    let rules =
        MarketRules { band_ppm: 50_000, halt_us: 60_000_000, auction_us: 300_000_000, most_orders: 200 };
    let set_rules = |rules| Change::SetMarketRules { market: MarketId::new(258), rules };
    let trading = vec![set_rules(rules), set_rules(MarketRules::default()), state(MarketState::Auction)];
    let rate = Ratio::new(1, 50_000).expect("both above 0");
    let terms = TrustTerms {
        epoch_us: 86_400_000_000,
        largest_limit: Amount::new(10_000_000_000),
        loss_budget: Amount::new(100_000_000_000),
        first_grant: Amount::new(1_000_000_000),
        standing_threshold: -1_000_000_000,
        ..TrustTerms::default()
    };
    let fee = Admission::Fee { amount: Amount::new(2_000_000) };
    let trust = vec![
        Change::SetTrust(terms.clone()),
        Change::SetTrust(TrustTerms { admission: fee, ..terms.clone() }),
        Change::SetTrust(TrustTerms { admission: Admission::Certificate, ..terms }),
        Change::SetRate { asset: AssetId::BWT, rate: Some(rate) },
        Change::SetRate { asset: AssetId::BWT, rate: None },
        Change::SetSeed { account, seed: true },
        Change::SetRegistrar { account, registrar: false },
        Change::SetFees { market: MarketId::new(258), fees: Fees { maker_ppm: 1_000, taker_ppm: 2_000 } },
        Change::SetBitcoin(BitcoinTerms { network: BitcoinNetwork::Regtest, height: 258, header: [7; 80] }),
        Change::SetPayments {
            market: MarketId::new(258),
            terms: PaymentTerms { confirmations: 3, final_confirmations: 258, fee_share_ppm: 20_000 },
        },
    ];
    let first = block(OPERATOR, 1, genesis().id(), Configure { changes: listings });
    let second = block(OPERATOR, 2, first.id(), Configure { changes: accounts });
    let third = block(OPERATOR, 3, second.id(), Configure { changes: states });
    let fourth = block(OPERATOR, 4, third.id(), Configure { changes: trading });
    let fifth = block(OPERATOR, 5, fourth.id(), Configure { changes: trust });
    vec![
        ("listings_and_parameters", OPERATOR, first),
        ("accounts", OPERATOR, second),
        ("market_states", OPERATOR, third),
        ("market_rules_and_auction", OPERATOR, fourth),
        ("trust", OPERATOR, fifth),
    ]
}
