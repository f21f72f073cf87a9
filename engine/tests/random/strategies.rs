//! What may happen, as values that proptest can shrink. Picks choose among what is there, modulo its number.

use crate::chain::ChainAct;
use bandex_tradechain::body::{MIN_CANCEL_AFTER_US, MarketState, Payer};
use bandex_types::{PostOnly, Side, TimeInForce};
use proptest::prelude::*;

/// How many accounts there are.
pub const ACTORS: usize = 4;

/// Something happens. `key` 0 is an actor's root key, others are its session keys.
#[derive(Debug, Clone)]
pub enum Act {
    Orders {
        actor: usize,
        key: usize,
        operations: Vec<Op>,
    },
    /// Pays what is due in a deal, or something a little else.
    Pay {
        deal: usize,
        by_due: bool,
        tranche: u32,
        amount: u64,
    },
    Acknowledge {
        proposal: usize,
        by_payee: bool,
        actor: usize,
        key: usize,
    },
    Transfer {
        from: usize,
        key: usize,
        to: usize,
        units: u64,
    },
    Bandwidth {
        from: usize,
        key: usize,
        to: usize,
        payer: Payer,
        units: u64,
    },
    Grant {
        actor: usize,
        scopes: u8,
        largest: Option<u64>,
        lives_us: Option<u64>,
    },
    Revoke {
        actor: usize,
        key: usize,
    },
    Rotate {
        actor: usize,
    },
    Heal {
        actor: usize,
        key: usize,
    },
    /// Another block for a place that is taken, by the same key.
    Fork {
        actor: usize,
        key: usize,
        block: usize,
    },
    /// Two blocks that prove nothing.
    NoFork {
        actor: usize,
        key: usize,
    },
    Wait {
        micros: u64,
    },
    Limit {
        actor: usize,
        limit: Option<u64>,
    },
    Credit {
        actor: usize,
        line: u64,
    },
    Issue {
        actor: usize,
        units: u64,
    },
    Frozen {
        actor: usize,
        frozen: bool,
    },
    State {
        market: usize,
        state: MarketState,
    },
    Parameters {
        dust: u64,
        share_ppm: u32,
        bid_multiple: u32,
    },
    Rules {
        market: usize,
        band_ppm: u32,
        halt_us: u64,
        auction_us: u64,
        most_orders: u32,
    },
    /// A block that leaves out its predecessor, sequenced all the same.
    Gap {
        actor: usize,
        key: usize,
    },
    /// A block that was applied before, sequenced again.
    Again {
        actor: usize,
        key: usize,
        block: usize,
    },
    /// A block whose expiry has passed.
    Late {
        actor: usize,
        key: usize,
    },
    Stranger,
    Guard {
        actor: usize,
        key: usize,
        cancel_after_us: u64,
        on_disconnect_us: Option<u64>,
    },
    /// The node says that a key has been gone for so long.
    Disconnected {
        actor: usize,
        key: usize,
        ago_us: u64,
    },
    /// Something that has to do with trust.
    Trust(TrustAct),
    /// Something that has to do with the Bitcoin chain.
    Chain(ChainAct),
}

/// What traders, registrars and the operator do about trust, and how deals end that went wrong.
#[derive(Debug, Clone)]
pub enum TrustAct {
    Bond {
        actor: usize,
        key: usize,
        units: u64,
    },
    Unbond {
        actor: usize,
        units: u64,
    },
    Fee {
        actor: usize,
        units: u64,
    },
    Claim {
        actor: usize,
        enough: bool,
    },
    Certify {
        actor: usize,
        of: usize,
        lives_us: Option<u64>,
    },
    Decertify {
        actor: usize,
        of: usize,
    },
    Prefer {
        actor: usize,
        largest: Option<u64>,
        least_score: Option<u32>,
    },
    /// Of a deal that went wrong, if there is one; by whoever owes, or by the other side.
    Resolve {
        deal: usize,
        by_debtor: bool,
        deliver: u64,
    },
    WriteOff {
        deal: usize,
        by_debtor: bool,
    },
    Cure {
        deal: usize,
        by_debtor: bool,
    },
    Terms(Terms),
    Rate {
        asset: u32,
        rate: Option<(u64, u64)>,
    },
    Seed {
        actor: usize,
        seed: bool,
    },
    Registrar {
        actor: usize,
        registrar: bool,
    },
    Fees {
        market: usize,
        maker_ppm: u32,
        taker_ppm: u32,
    },
    /// The scores that are due, or others for the same epoch, or for another.
    Scores {
        forged: Option<Vec<(u32, u32)>>,
        right_epoch: bool,
    },
}

/// The terms of trust.
#[derive(Debug, Clone)]
pub struct Terms {
    pub epoch_us: u64,
    pub keep_ppm: u32,
    pub largest: u64,
    pub budget: u64,
    pub score_ppm: u32,
    pub bond_ppm: u32,
    pub fee_ppm: u32,
    /// 0 work, 1 certificate, above that a fee of so much.
    pub admission: u64,
    pub first_grant: u64,
}

/// What makes an order more than a plain one. Numbers are picked so that many of them go together.
#[derive(Debug, Clone, Default)]
pub struct Special {
    pub market: bool,
    pub budget: Option<u64>,
    pub self_trade: u8,
    pub display: Option<u64>,
    pub minimum: Option<u64>,
    /// Whether it is a stop-loss, and its price.
    pub trigger: Option<(bool, u64)>,
    /// How long a GTD order lives, in microseconds.
    pub lives_us: u64,
    pub least_score: Option<u32>,
}

/// One operation of a block of orders.
#[derive(Debug, Clone)]
pub enum Op {
    Place {
        market: usize,
        side: Side,
        price: u64,
        quantity: u64,
        time_in_force: TimeInForce,
        post_only: PostOnly,
        own_cap: Option<u64>,
        client_id: Option<u8>,
        special: Special,
    },
    /// Another price and quantity for an open order, sleeping ones included.
    Amend {
        order: usize,
        price: u64,
        quantity: u64,
    },
    CancelAll {
        market: Option<usize>,
        side: Option<Side>,
    },
    /// Side, price and quantity of each.
    Quote {
        market: usize,
        slide: bool,
        quotes: Vec<(Side, u64, u64)>,
    },
    Protect {
        market: usize,
        protection: Option<(u64, u64)>,
    },
    Cancel {
        order: usize,
    },
    CancelClient {
        market: usize,
        client_id: u8,
    },
    CancelUnknown,
}

pub fn side() -> impl Strategy<Value = Side> {
    prop_oneof![Just(Side::Buy), Just(Side::Sell)]
}

fn op() -> impl Strategy<Value = Op> {
    use TimeInForce::{Fok, Gtc, Gtd, Ioc};
    let place = (
        prop_oneof![6 => Just(0usize), 3 => Just(1), 1 => Just(2)],
        side(),
        prop_oneof![30 => 0..9u64, 1 => Just(u64::MAX)],
        prop_oneof![60 => 1..40u64, 1 => Just(0), 1 => Just(u64::MAX), 1 => Just(u64::MAX / 10)],
        prop_oneof![24 => Just(Gtc), 3 => Just(Ioc), 3 => Just(Fok), 1 => Just(Gtd)],
        prop_oneof![24 => Just(PostOnly::Off), 2 => Just(PostOnly::Refuse), 2 => Just(PostOnly::Slide)],
        prop_oneof![6 => Just(None), 1 => (0..40u64).prop_map(Some)],
        prop_oneof![3 => Just(None), 1 => (0..4u8).prop_map(Some)],
        special(),
    )
        .prop_map(
            |(market, side, price, quantity, time_in_force, post_only, own_cap, client_id, special)| {
                Op::Place {
                    market,
                    side,
                    price,
                    quantity,
                    time_in_force,
                    post_only,
                    own_cap,
                    client_id,
                    special,
                }
            },
        );
    let market = || prop_oneof![3 => Just(0usize), 1 => Just(1), 1 => Just(2)];
    let quote = (side(), 0..9u64, prop_oneof![30 => 1..20u64, 1 => Just(0)]);
    prop_oneof![
        20 => place,
        3 => any::<usize>().prop_map(|order| Op::Cancel { order }),
        1 => (0..3usize, 0..4u8).prop_map(|(market, client_id)| Op::CancelClient { market, client_id }),
        1 => Just(Op::CancelUnknown),
        5 => (any::<usize>(), 0..9u64, 0..50u64)
            .prop_map(|(order, price, quantity)| Op::Amend { order, price, quantity }),
        1 => (prop::option::of(0..3usize), prop::option::of(side()))
            .prop_map(|(market, side)| Op::CancelAll { market, side }),
        5 => (market(), any::<bool>(), prop::collection::vec(quote, 0..5))
            .prop_map(|(market, slide, quotes)| Op::Quote { market, slide, quotes }),
        2 => (market(), prop::option::weighted(0.9, (0..8u64, 1..90_000_000u64)))
            .prop_map(|(market, protection)| Op::Protect { market, protection }),
    ]
}

/// Mostly nothing special; else some of it, whether it goes together or not.
fn special() -> impl Strategy<Value = Special> {
    let some = (
        prop::bool::weighted(0.2),
        prop::option::weighted(0.1, 0..200u64),
        prop_oneof![3 => Just(0u8), 2 => 1..4u8],
        prop::option::weighted(0.3, 1..12u64),
        prop::option::weighted(0.1, 1..12u64),
        prop::option::weighted(0.4, (any::<bool>(), 0..9u64)),
        prop_oneof![9 => 1..20_000_000u64, 1 => Just(0)],
        prop::option::weighted(0.1, 0..900_000u32),
    );
    let some =
        some.prop_map(|(market, budget, self_trade, display, minimum, trigger, lives_us, least_score)| {
            Special { market, budget, self_trade, display, minimum, trigger, lives_us, least_score }
        });
    prop_oneof![2 => Just(Special { lives_us: 5_000_000, ..Special::default() }), 1 => some]
}

fn units() -> impl Strategy<Value = u64> {
    prop_oneof![20 => 1..3_000u64, 1 => Just(u64::MAX)]
}

/// Of traders.
pub fn trading() -> impl Strategy<Value = Act> {
    let (who, key) = (|| 0..ACTORS, || prop_oneof![3 => Just(0usize), 1 => 1..4usize]);
    prop_oneof![
        60 => (who(), key(), prop::collection::vec(op(), 1..4))
            .prop_map(|(actor, key, operations)| Act::Orders { actor, key, operations }),
        60 => (any::<usize>(), prop::bool::weighted(0.95), prop_oneof![12 => Just(0u32), 1 => 1..3u32],
                prop_oneof![12 => Just(0u64), 1 => 1..9u64])
            .prop_map(|(deal, by_due, tranche, amount)| Act::Pay { deal, by_due, tranche, amount }),
        60 => (any::<usize>(), prop::bool::weighted(0.9), who(), key())
            .prop_map(|(proposal, by_payee, actor, key)| Act::Acknowledge { proposal, by_payee, actor, key }),
        4 => (who(), key(), who(), units()).prop_map(|(from, key, to, units)| Act::Transfer { from, key, to, units }),
        4 => (who(), key(), who(), prop_oneof![Just(Payer::Author), Just(Payer::Counterparty)], units())
            .prop_map(|(from, key, to, payer, units)| Act::Bandwidth { from, key, to, payer, units }),
        1 => Just(Act::Stranger),
    ]
}

/// Of keys and lanes.
fn lanes() -> impl Strategy<Value = Act> {
    let (who, key) = (|| 0..ACTORS, || 0..4usize);
    let after = prop_oneof![1 => Just(0), 3 => MIN_CANCEL_AFTER_US..20_000_000];
    prop_oneof![
        6 => (who(), 1..8u8, prop::option::weighted(0.3, 0..99u64), prop::option::weighted(0.3, 0..99_000_000u64))
            .prop_map(|(actor, scopes, largest, lives_us)| Act::Grant { actor, scopes, largest, lives_us }),
        2 => (who(), key()).prop_map(|(actor, key)| Act::Revoke { actor, key }),
        1 => who().prop_map(|actor| Act::Rotate { actor }),
        3 => (who(), key()).prop_map(|(actor, key)| Act::Heal { actor, key }),
        3 => (who(), prop_oneof![1 => Just(0usize), 6 => 1..4usize], any::<usize>())
            .prop_map(|(actor, key, block)| Act::Fork { actor, key, block }),
        1 => (who(), key()).prop_map(|(actor, key)| Act::NoFork { actor, key }),
        1 => (who(), key()).prop_map(|(actor, key)| Act::Gap { actor, key }),
        1 => (who(), key(), any::<usize>()).prop_map(|(actor, key, block)| Act::Again { actor, key, block }),
        1 => (who(), key()).prop_map(|(actor, key)| Act::Late { actor, key }),
        4 => (who(), key(), after, prop::option::of(0..20_000_000u64)).prop_map(
            |(actor, key, cancel_after_us, on_disconnect_us)| {
                Act::Guard { actor, key, cancel_after_us, on_disconnect_us }
            }
        ),
        3 => (who(), key(), 0..40_000_000u64)
            .prop_map(|(actor, key, ago_us)| Act::Disconnected { actor, key, ago_us }),
    ]
}

/// Of the operator and of time.
fn ruling() -> impl Strategy<Value = Act> {
    let who = || 0..ACTORS;
    let limit = prop_oneof![Just(0u64), 1..40u64, 40..2_000u64, Just(u64::MAX)];
    let state = prop_oneof![
        8 => Just(MarketState::Trading), 1 => Just(MarketState::CancelOnly), 1 => Just(MarketState::Halted),
        4 => Just(MarketState::Auction)
    ];
    let often = |bound: u64| prop_oneof![1 => Just(0u64), 2 => 1..bound];
    let line = prop_oneof![9 => 0..2_000u64, 1 => Just(u64::MAX)];
    prop_oneof![
        9 => prop_oneof![9 => 1..9_000_000u64, 2 => 9_000_000..70_000_000u64].prop_map(|micros| Act::Wait { micros }),
        4 => (who(), prop::option::weighted(0.8, limit)).prop_map(|(actor, limit)| Act::Limit { actor, limit }),
        2 => (who(), line).prop_map(|(actor, line)| Act::Credit { actor, line }),
        2 => (who(), units()).prop_map(|(actor, units)| Act::Issue { actor, units }),
        1 => (who(), prop::bool::weighted(0.3)).prop_map(|(actor, frozen)| Act::Frozen { actor, frozen }),
        2 => (0..3usize, prop_oneof![1 => Just(0u32), 2 => 1..1_500_000u32], often(9_000_000), often(9_000_000),
                prop_oneof![3 => Just(0u32), 1 => 1..12u32])
            .prop_map(|(market, band_ppm, halt_us, auction_us, most_orders)| {
                Act::Rules { market, band_ppm, halt_us, auction_us, most_orders }
            }),
        6 => (0..3usize, state).prop_map(|(market, state)| Act::State { market, state }),
        1 => (0..500u64, prop_oneof![Just(250_000u32), Just(1_000_000), 0..1_000_000u32], 0..50u32)
            .prop_map(|(dust, share_ppm, bid_multiple)| Act::Parameters { dust, share_ppm, bid_multiple }),
    ]
}

/// Of traders and registrars, about trust.
fn trusting() -> impl Strategy<Value = TrustAct> {
    let who = || 0..ACTORS;
    let key = prop_oneof![3 => Just(0usize), 1 => 1..4usize];
    let cap = prop::option::weighted(0.6, 0..600u64);
    let least = prop::option::weighted(0.2, 0..900_000u32);
    let deliver = prop_oneof![3 => Just(0u64), 2 => 1..200u64];
    prop_oneof![
        6 => (who(), key, units()).prop_map(|(actor, key, units)| TrustAct::Bond { actor, key, units }),
        4 => (who(), units()).prop_map(|(actor, units)| TrustAct::Unbond { actor, units }),
        3 => (who(), units()).prop_map(|(actor, units)| TrustAct::Fee { actor, units }),
        1 => (who(), prop::bool::weighted(0.8)).prop_map(|(actor, enough)| TrustAct::Claim { actor, enough }),
        3 => (who(), who(), prop::option::of(0..40_000_000u64))
            .prop_map(|(actor, of, lives_us)| TrustAct::Certify { actor, of, lives_us }),
        1 => (who(), who()).prop_map(|(actor, of)| TrustAct::Decertify { actor, of }),
        3 => (who(), cap, least)
            .prop_map(|(actor, largest, least_score)| TrustAct::Prefer { actor, largest, least_score }),
        3 => (any::<usize>(), any::<bool>(), deliver)
            .prop_map(|(deal, by_debtor, deliver)| TrustAct::Resolve { deal, by_debtor, deliver }),
        2 => (any::<usize>(), prop::bool::weighted(0.2))
            .prop_map(|(deal, by_debtor)| TrustAct::WriteOff { deal, by_debtor }),
        4 => (any::<usize>(), prop::bool::weighted(0.9)).prop_map(|(deal, by_debtor)| TrustAct::Cure { deal, by_debtor }),
    ]
}

/// Of the operator, about trust; and the scores that come back.
fn weighing() -> impl Strategy<Value = TrustAct> {
    let who = || 0..ACTORS;
    let share = || prop_oneof![30 => 0..=1_000_000u32, 10 => Just(1_000_000), 1 => Just(1_000_001)];
    let epoch = prop_oneof![20 => 5_000_000..40_000_000u64, 1 => Just(0), 1 => 1..200_000u64];
    let admission = prop_oneof![8 => Just(0u64), 1 => Just(1), 2 => 2..2_000u64];
    let budget = prop_oneof![3 => 0..100_000u64, 1 => Just(u64::MAX)];
    let terms =
        (epoch, share(), budget.clone(), budget, 0..2_000_000u32, share(), share(), admission, 0..300u64)
            .prop_map(
                |(
                    epoch_us,
                    keep_ppm,
                    largest,
                    budget,
                    score_ppm,
                    bond_ppm,
                    fee_ppm,
                    admission,
                    first_grant,
                )| Terms {
                    epoch_us,
                    keep_ppm,
                    largest,
                    budget,
                    score_ppm,
                    bond_ppm,
                    fee_ppm,
                    admission,
                    first_grant,
                },
            );
    let rate =
        prop_oneof![5 => (1..30u64, 1..9u64), 1 => (Just(u64::MAX), 1..9u64), 1 => (1..9u64, Just(u64::MAX))];
    let forged = prop::collection::vec((0..6u32, 0..=1_000_000_000u32), 0..4);
    prop_oneof![
        6 => terms.prop_map(TrustAct::Terms),
        4 => (0..4u32, prop::option::weighted(0.9, rate)).prop_map(|(asset, rate)| TrustAct::Rate { asset, rate }),
        3 => (who(), prop::bool::weighted(0.8)).prop_map(|(actor, seed)| TrustAct::Seed { actor, seed }),
        3 => (who(), prop::bool::weighted(0.7)).prop_map(|(actor, registrar)| TrustAct::Registrar { actor, registrar }),
        2 => (0..3usize, 0..400_000u32, 0..700_000u32)
            .prop_map(|(market, maker_ppm, taker_ppm)| TrustAct::Fees { market, maker_ppm, taker_ppm }),
        8 => (prop::option::weighted(0.4, forged), prop::bool::weighted(0.9))
            .prop_map(|(forged, right_epoch)| TrustAct::Scores { forged, right_epoch }),
    ]
}

pub fn trust() -> impl Strategy<Value = Act> {
    prop_oneof![3 => trusting(), 2 => weighing()].prop_map(Act::Trust)
}

/// A story of about a hundred acts.
pub fn acts() -> impl Strategy<Value = Vec<Act>> {
    prop::collection::vec(prop_oneof![20 => trading(), 2 => lanes(), 4 => ruling(), 4 => trust()], 80..130)
}

/// Two plain orders of two accounts that mostly trade.
fn meeting() -> impl Strategy<Value = [Act; 2]> {
    let cap = || prop_oneof![5 => Just(None), 1 => (0..400u64).prop_map(Some)];
    let least = || prop_oneof![9 => Just(None), 1 => (0..900_000u32).prop_map(Some)];
    let market = prop_oneof![5 => Just(0usize), 1 => Just(1), 2 => Just(2)];
    let terms = || (cap(), least());
    (0..ACTORS, 1..ACTORS, market, side(), 3..7u64, 4..40u64, terms(), terms()).prop_map(
        |(actor, further, market, side, price, quantity, makers, takers)| {
            let order = |actor, side, (own_cap, least_score)| {
                let special = Special { lives_us: 5_000_000, least_score, ..Special::default() };
                let operations = vec![Op::Place {
                    market,
                    side,
                    price,
                    quantity,
                    time_in_force: TimeInForce::Gtc,
                    post_only: PostOnly::Off,
                    own_cap,
                    client_id: None,
                    special,
                }];
                Act::Orders { actor, key: 0, operations }
            };
            [order(actor, side, makers), order((actor + further) % ACTORS, side.opposite(), takers)]
        },
    )
}

/// A short story in which trust and trading take turns.
pub fn trust_acts() -> impl Strategy<Value = Vec<Act>> {
    let one = |act: Act| vec![act];
    let settling = prop_oneof![
        (any::<usize>(), prop::bool::weighted(0.98)).prop_map(|(deal, by_due)| Act::Pay {
            deal,
            by_due,
            tranche: 0,
            amount: 0
        }),
        any::<usize>().prop_map(|proposal| Act::Acknowledge { proposal, by_payee: true, actor: 0, key: 0 }),
    ];
    let time = prop_oneof![9 => 1..15_000_000u64, 1 => 60_000_000..70_000_000u64];
    let some = prop_oneof![
        4 => meeting().prop_map(Vec::from),
        8 => settling.prop_map(one),
        1 => time.prop_map(|micros| vec![Act::Wait { micros }]),
        1 => prop_oneof![2 => trading(), 1 => ruling()].prop_map(one),
        6 => trust().prop_map(one),
    ];
    prop::collection::vec(some, 20..50).prop_map(|acts| acts.concat())
}
