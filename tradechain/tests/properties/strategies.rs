//! Arbitrary blocks of every kind, for proptest. Bodies obey the rules that need no state, so that signed they verify.

use bandex_tradechain::body::*;
use bandex_tradechain::{Block, Body, Domain, Keypair, Kind};
use bandex_types::*;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

/// The network of all sound blocks here.
pub const NETWORK: u32 = 1_000;
const SIDES: [Side; 2] = [Side::Buy, Side::Sell];
const TYPES: [OrderType; 2] = [OrderType::Limit, OrderType::Market];
const TIMES_IN_FORCE: [TimeInForce; 4] =
    [TimeInForce::Gtc, TimeInForce::Ioc, TimeInForce::Fok, TimeInForce::Gtd];
const POST_ONLY: [PostOnly; 3] = [PostOnly::Off, PostOnly::Refuse, PostOnly::Slide];
const SELF_TRADE: [SelfTrade; 4] =
    [SelfTrade::CancelOldest, SelfTrade::CancelNewest, SelfTrade::CancelBoth, SelfTrade::Decrement];
const TRIGGERS: [TriggerKind; 2] = [TriggerKind::StopLoss, TriggerKind::TakeProfit];
const RAILS: [Rail; 3] = [Rail::Token, Rail::Attested, Rail::Bitcoin];
const NETWORKS: [BitcoinNetwork; 4] =
    [BitcoinNetwork::Mainnet, BitcoinNetwork::Testnet4, BitcoinNetwork::Signet, BitcoinNetwork::Regtest];
const STATES: [MarketState; 4] =
    [MarketState::Trading, MarketState::CancelOnly, MarketState::Halted, MarketState::Auction];
const PAYERS: [Payer; 2] = [Payer::Author, Payer::Counterparty];

fn of<T: Copy + std::fmt::Debug + 'static>(words: &'static [T]) -> impl Strategy<Value = T> {
    proptest::sample::select(words)
}

fn deal() -> impl Strategy<Value = DealId> {
    any::<[u8; 32]>().prop_map(DealId::new)
}

fn time() -> impl Strategy<Value = Timestamp> {
    (Timestamp::EARLIEST_PLAUSIBLE.as_micros()..=Timestamp::LATEST_PLAUSIBLE.as_micros())
        .prop_map(Timestamp::from_micros)
}

fn key() -> impl Strategy<Value = PublicKey> {
    any::<[u8; 32]>().prop_map(PublicKey::new)
}

fn block_id() -> impl Strategy<Value = BlockId> {
    any::<[u8; 32]>().prop_map(BlockId::new)
}

fn account() -> impl Strategy<Value = AccountId> {
    any::<[u8; 32]>().prop_map(AccountId::new)
}

fn amount() -> impl Strategy<Value = Amount> {
    any::<u64>().prop_map(Amount::new)
}

fn price() -> impl Strategy<Value = Price> {
    any::<u64>().prop_map(Price::new)
}

fn quantity() -> impl Strategy<Value = Quantity> {
    any::<u64>().prop_map(Quantity::new)
}

fn market() -> impl Strategy<Value = MarketId> {
    any::<u32>().prop_map(MarketId::new)
}

fn order() -> impl Strategy<Value = OrderRef> {
    (key(), any::<u64>(), any::<u8>()).prop_map(|(key, seq, op)| OrderRef { key, seq, op })
}

/// Any secret seed.
pub fn seed() -> impl Strategy<Value = [u8; 32]> {
    any::<[u8; 32]>()
}

fn place() -> impl Strategy<Value = Place> {
    let words =
        (of(&SIDES), of(&TYPES), of(&TIMES_IN_FORCE), of(&POST_ONLY), of(&SELF_TRADE), option::of(time()));
    let sizes = (market(), price(), quantity(), option::of(amount()));
    let trigger = (of(&TRIGGERS), price()).prop_map(|(kind, price)| Trigger { kind, price });
    let extras = (
        option::of(quantity()),
        option::of(quantity()),
        option::of(trigger),
        option::of(amount()),
        option::of(any::<u32>()),
        option::of("[ -~ßあ]{1,16}"),
    );
    (words, sizes, extras).prop_map(|(words, sizes, extras)| {
        let (side, order_type, time_in_force, post_only, self_trade, expires) = words;
        let (market, price, quantity, quote_quantity) = sizes;
        let (display, minimum, trigger, own_cap, least_score, client_id) = extras;
        Place {
            market,
            side,
            order_type,
            price,
            quantity,
            quote_quantity,
            time_in_force,
            expires,
            post_only,
            self_trade,
            display,
            minimum,
            trigger,
            own_cap,
            least_score,
            client_id,
        }
    })
}

fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        place().prop_map(|place| Operation::Place(Box::new(place))),
        order().prop_map(|order| Operation::Cancel { order }),
        (market(), "[ -~]{1,64}")
            .prop_map(|(market, client_id)| Operation::CancelClient { market, client_id }),
        (order(), price(), quantity()).prop_map(|(order, price, quantity)| Operation::Amend {
            order,
            price,
            quantity
        }),
        (option::of(market()), option::of(of(&SIDES)))
            .prop_map(|(market, side)| Operation::CancelAll { market, side }),
        quotes().prop_map(Operation::Quote),
        (market(), option::of((quantity(), 1..=u64::MAX))).prop_map(|(market, protection)| {
            let protection = protection.map(|(quantity, window_us)| Protection { quantity, window_us });
            Operation::Protect { market, protection }
        }),
    ]
}

/// Few enough that any block of them is good.
fn quotes() -> impl Strategy<Value = Quotes> {
    let quote =
        (of(&SIDES), price(), quantity()).prop_map(|(side, price, quantity)| Quote { side, price, quantity });
    (market(), any::<bool>(), vec(quote, 0..5)).prop_map(|(market, slide, quotes)| Quotes {
        market,
        slide,
        quotes,
    })
}

fn ratio() -> impl Strategy<Value = Ratio> {
    (1..=u64::MAX, 1..=u64::MAX).prop_map(|(num, den)| Ratio::new(num, den).expect("both above 0"))
}

fn change() -> impl Strategy<Value = Change> {
    let asset = (any::<u32>(), ".{0,8}", any::<u8>(), of(&RAILS)).prop_map(|(id, symbol, decimals, rail)| {
        Change::ListAsset(AssetListing { id: AssetId::new(id), symbol, decimals, rail })
    });
    let listing =
        (market(), any::<u32>(), any::<u32>(), any::<u64>(), ratio(), amount(), any::<u64>(), any::<u64>());
    let listing = listing.prop_map(|(id, base, quote, lot_units, tick_value, least_tranche, pay_us, ack)| {
        let (base, quote) = (AssetId::new(base), AssetId::new(quote));
        let acknowledge_us = ack;
        Change::ListMarket(MarketListing {
            id,
            base,
            quote,
            lot_units,
            tick_value,
            least_tranche,
            pay_us,
            acknowledge_us,
        })
    });
    let parameters = (amount(), any::<u32>(), any::<u32>(), any::<u8>(), any::<u64>()).prop_map(
        |(dust, share_ppm, bid_multiple, register_work_bits, proposal_us)| {
            Change::SetParameters(Parameters {
                dust,
                share_ppm,
                bid_multiple,
                register_work_bits,
                proposal_us,
            })
        },
    );
    prop_oneof![
        asset,
        listing,
        trust(),
        (market(), of(&STATES)).prop_map(|(market, state)| Change::SetMarketState { market, state }),
        (account(), option::of(amount())).prop_map(|(account, limit)| Change::SetLimit { account, limit }),
        (account(), amount()).prop_map(|(account, line)| Change::SetCreditLine { account, line }),
        parameters,
        (account(), amount()).prop_map(|(to, amount)| Change::Issue { to, amount }),
        (account(), any::<bool>()).prop_map(|(account, frozen)| Change::SetFrozen { account, frozen }),
        (market(), any::<u32>(), any::<u64>(), any::<u64>(), any::<u32>()).prop_map(
            |(market, band_ppm, halt_us, auction_us, most_orders)| {
                let rules = MarketRules { band_ppm, halt_us, auction_us, most_orders };
                Change::SetMarketRules { market, rules }
            }
        ),
    ]
}

/// What the operator decides about trust.
fn trust() -> impl Strategy<Value = Change> {
    let admission = prop_oneof![
        Just(Admission::Work),
        amount().prop_map(|amount| Admission::Fee { amount }),
        Just(Admission::Certificate),
    ];
    let shares = (any::<u32>(), any::<u32>(), any::<u32>(), any::<u32>());
    let terms = (any::<u64>(), shares, amount(), amount(), admission, amount(), any::<u8>(), any::<i64>());
    let terms =
        terms.prop_map(|(epoch_us, shares, largest_limit, loss_budget, admission, first_grant, bits, at)| {
            let (keep_ppm, score_ppm, bond_ppm, fee_ppm) = shares;
            let (grant_work_bits, standing_threshold) = (bits, at);
            Change::SetTrust(TrustTerms {
                epoch_us,
                keep_ppm,
                largest_limit,
                loss_budget,
                score_ppm,
                bond_ppm,
                fee_ppm,
                admission,
                first_grant,
                grant_work_bits,
                standing_threshold,
            })
        });
    prop_oneof![
        terms,
        (any::<u32>(), option::of(ratio()))
            .prop_map(|(asset, rate)| Change::SetRate { asset: AssetId::new(asset), rate }),
        (account(), any::<bool>()).prop_map(|(account, seed)| Change::SetSeed { account, seed }),
        (account(), any::<bool>())
            .prop_map(|(account, registrar)| Change::SetRegistrar { account, registrar }),
        (market(), any::<u32>(), any::<u32>()).prop_map(|(market, maker_ppm, taker_ppm)| {
            Change::SetFees { market, fees: Fees { maker_ppm, taker_ppm } }
        }),
        (of(&NETWORKS), any::<u32>(), proptest::array::uniform16(any::<[u8; 5]>())).prop_map(
            |(network, height, parts)| {
                let header = parts.concat().try_into().expect("sixteen times five bytes");
                Change::SetBitcoin(BitcoinTerms { network, height, header })
            }
        ),
        (market(), any::<u16>(), any::<u16>(), any::<u32>()).prop_map(
            |(market, confirmations, final_confirmations, fee_share_ppm)| {
                let terms = PaymentTerms { confirmations, final_confirmations, fee_share_ppm };
                Change::SetPayments { market, terms }
            }
        ),
    ]
}

/// A grant whose possession is signed for the root key `root`.
fn grant(root: PublicKey) -> impl Strategy<Value = Grant> {
    let markets = proptest::collection::btree_set(any::<u32>(), 0..5)
        .prop_map(|numbers| numbers.into_iter().map(MarketId::new).collect());
    (seed(), 1..=7u8, markets, option::of(amount()), option::of(time())).prop_map(
        move |(seed, bits, markets, largest_notional, expires)| {
            let (key, possession) = holder(&seed, &root);
            let scopes = Scopes::from_bits(bits);
            Grant { key, scopes, markets, largest_notional, expires, possession }
        },
    )
}

fn holder(seed: &[u8; 32], root: &PublicKey) -> (PublicKey, SignatureBytes) {
    let pair = Keypair::from_seed(seed);
    let statement = possession_statement(NETWORK, root, &pair.public());
    (pair.public(), pair.sign(Domain::Possession, &statement))
}

fn bandwidth() -> impl Strategy<Value = Bandwidth> {
    (account(), 1..=u64::MAX, any::<u64>(), of(&PAYERS), amount()).prop_map(
        |(counterparty, sent_bytes, received_bytes, payer, tokens)| Bandwidth {
            counterparty,
            sent_bytes,
            received_bytes,
            payer,
            tokens,
        },
    )
}

fn batch() -> impl Strategy<Value = Batch> {
    (1..u64::MAX / 2, 1..=u32::MAX, any::<[u8; 32]>(), any::<[u8; 32]>()).prop_map(
        |(first_seq, count, root, last)| Batch {
            first_seq,
            count,
            root: Hash::new(root),
            last_record_hash: Hash::new(last),
        },
    )
}

/// Any sound body of `kind` by the author `root`.
pub fn body(kind: Kind, root: PublicKey) -> BoxedStrategy<Body> {
    match kind {
        Kind::Register => {
            (key(), any::<u64>()).prop_map(|(home, nonce)| Register { home, nonce }.into()).boxed()
        }
        Kind::Rotate => seed()
            .prop_map(move |seed| {
                let (key, possession) = holder(&seed, &root);
                Rotate { key, possession }.into()
            })
            .boxed(),
        Kind::Grant => grant(root).prop_map_into().boxed(),
        Kind::Revoke => key().prop_map(|key| Revoke { key }.into()).boxed(),
        Kind::Orders => vec(operation(), 1..6).prop_map(|operations| Orders { operations }.into()).boxed(),
        Kind::Pay => (deal(), any::<u32>(), amount(), "[ -~]{0,256}")
            .prop_map(|(deal, tranche, cumulative, reference)| {
                Pay { deal, tranche, cumulative, reference }.into()
            })
            .boxed(),
        Kind::Acknowledge => block_id().prop_map(|proposal| Acknowledge { proposal }.into()).boxed(),
        Kind::Transfer => (account(), any::<u32>(), 1..=u64::MAX, "[ -~]{0,64}")
            .prop_map(|(to, asset, amount, note)| {
                Transfer { to, asset: AssetId::new(asset), amount: Amount::new(amount), note }.into()
            })
            .boxed(),
        Kind::Bandwidth => bandwidth().prop_map_into().boxed(),
        Kind::Bond => amount().prop_map(|amount| Bond { amount }.into()).boxed(),
        Kind::Unbond => amount().prop_map(|amount| Unbond { amount }.into()).boxed(),
        Kind::Heal => (key(), block_id()).prop_map(|(key, keep)| Heal { key, keep }.into()).boxed(),
        Kind::Batch => batch().prop_map_into().boxed(),
        Kind::Fee => (1..=u64::MAX).prop_map(|units| Fee { amount: Amount::new(units) }.into()).boxed(),
        Kind::Claim => any::<u64>().prop_map(|nonce| Claim { nonce }.into()).boxed(),
        Kind::Certify => (account(), option::of(time()))
            .prop_map(|(account, expires)| Certify { account, expires }.into())
            .boxed(),
        Kind::Decertify => account().prop_map(|account| Decertify { account }.into()).boxed(),
        Kind::Prefer => (option::of(amount()), option::of(any::<u32>()))
            .prop_map(|(largest_exposure, least_score)| Prefer { largest_exposure, least_score }.into())
            .boxed(),
        Kind::Resolve => {
            (deal(), amount()).prop_map(|(deal, deliver)| Resolve { deal, deliver }.into()).boxed()
        }
        Kind::WriteOff => deal().prop_map(|deal| WriteOff { deal }.into()).boxed(),
        Kind::Cure => {
            (deal(), "[ -~]{0,256}").prop_map(|(deal, reference)| Cure { deal, reference }.into()).boxed()
        }
        Kind::Receive => (deal(), vec(any::<u8>(), 1..=MAX_SCRIPT_BYTES))
            .prop_map(|(deal, script)| Receive { deal, script }.into())
            .boxed(),
        Kind::Guard => {
            let after = prop_oneof![Just(0), MIN_CANCEL_AFTER_US..=MAX_GUARD_US];
            (after, option::of(0..=MAX_GUARD_US))
                .prop_map(|(cancel_after_us, on_disconnect_us)| {
                    Guard { cancel_after_us, on_disconnect_us }.into()
                })
                .boxed()
        }
        Kind::Configure => vec(change(), 1..6).prop_map(|changes| Configure { changes }.into()).boxed(),
    }
}

/// A sound block of `kind` and the key pair of its author.
pub fn block_of(kind: Kind) -> impl Strategy<Value = (Keypair, Block)> {
    (seed(), 1..=u64::MAX, block_id(), time(), option::of(time())).prop_flat_map(
        move |(seed, seq, previous, time, expiry)| {
            let pair = Keypair::from_seed(&seed);
            let author = pair.public();
            let (seq, previous) = if kind == Kind::Register { (1, BlockId::ZERO) } else { (seq, previous) };
            body(kind, author).prop_map(move |body| {
                (pair.clone(), Block { network: NETWORK, author, seq, previous, time, expiry, body })
            })
        },
    )
}

/// A sound block of any kind and the key pair of its author.
pub fn block() -> impl Strategy<Value = (Keypair, Block)> {
    of(Kind::ALL).prop_flat_map(block_of)
}
