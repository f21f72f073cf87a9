//! Who is let in: by work, by a fee, by a certificate; and the first grant.

use super::trust::{earning, terms};
use crate::kit::acts::limit;
use crate::kit::*;
use bandex_engine::{CancelReason, OrderStatus};
use bandex_tradechain::body::*;
use bandex_types::Side::{Buy, Sell};
use bandex_types::{Amount, AssetId};

const CANCELLED: OrderStatus = OrderStatus::Cancelled(CancelReason::NotAdmitted);

fn by(admission: Admission) -> TrustTerms {
    TrustTerms { admission, ..terms() }
}

#[test]
fn a_fee_admits_for_good() {
    let mut world = earning(&["alice", "bob"]);
    let order = world.rest("alice", BWT_BTC, Sell, 5, 10);
    let kept = world.rest("bob", BWT_BTC, Sell, 6, 10);
    world.set_limit("bob", Some(500));
    world.set_trust(by(Admission::Fee { amount: Amount::new(30) }));
    assert_eq!(
        (world.status(order), world.status(kept)),
        (CANCELLED, OrderStatus::Open),
        "the operator vouches for bob"
    );
    assert_eq!(world.trust("alice").limit.total, Amount::ZERO, "no dust without admission");
    let (_, outcome) = world.place("alice", limit(BWT_BTC, Sell, 5, 10));
    let told = refusal(&outcome).expect("it is refused").to_string();
    assert!(code(&outcome) == "not_admitted" && told.contains("pay 30 more in fees"), "{told}");
    world.fee("alice", 29);
    assert_eq!(code(&world.place("alice", limit(BWT_BTC, Sell, 5, 10)).1), "not_admitted");
    assert_eq!(world.tokens("alice").0, 100_000 - 29);
    world.fee("alice", 1);
    assert_eq!(world.trust("alice").limit.total, Amount::new(100));
    world.rest("alice", BWT_BTC, Sell, 5, 10);
    // The operator's limit gone, so is the admission that came with it.
    world.set_limit("bob", None);
    assert_eq!(world.status(kept), CANCELLED);
    assert_eq!(code(&world.fee("bob", 100_001)), "insufficient_free");
    world.set_frozen("bob", true);
    assert_eq!(code(&world.fee("bob", 1)), "account_frozen");
}

#[test]
fn a_certificate_admits_as_long_as_it_holds() {
    let mut world = earning(&["alice", "bob", "ca"]);
    world.set_trust(by(Admission::Certificate));
    assert_eq!(code(&world.certify("ca", "alice", None)), "not_registrar");
    assert_eq!(code(&world.set_registrar("ca", true)), "done");
    let place = |world: &mut World| world.place("alice", limit(BWT_BTC, Sell, 5, 10));
    assert_eq!(code(&place(&mut world).1), "not_admitted");
    assert_eq!(code(&world.certify("ca", "alice", None)), "done");
    let (order, _) = place(&mut world);
    assert_eq!(code(&world.decertify("ca", "alice")), "done");
    assert_eq!(world.status(order), CANCELLED, "revoked");
    assert_eq!(code(&place(&mut world).1), "not_admitted");

    let soon = world.now().plus(SECOND);
    let now = world.now();
    assert_eq!(code(&world.certify("ca", "alice", Some(now))), "bad_date");
    assert_eq!(code(&world.certify("ca", "alice", Some(soon))), "done");
    let (order, _) = place(&mut world);
    world.tick(SECOND - 1);
    assert_eq!(world.status(order), OrderStatus::Open);
    world.tick(1);
    assert_eq!((world.status(order), world.trust("alice").certificate), (CANCELLED, None), "run out");

    // A later certificate takes the place of an earlier one, its end too.
    let soon = world.now().plus(SECOND);
    world.certify("ca", "alice", Some(soon));
    world.certify("ca", "alice", None);
    let (order, _) = place(&mut world);
    world.tick(2 * SECOND);
    assert_eq!(world.status(order), OrderStatus::Open);
    world.set_registrar("ca", false);
    assert_eq!(world.status(order), CANCELLED, "its registrar is none any more");
    assert_eq!(code(&world.decertify("ca", "alice")), "not_registrar");
    world.set_registrar("ca", true);
    assert_eq!(code(&place(&mut world).1), "done", "and is one again");
    world.set_frozen("ca", true);
    assert_eq!(code(&world.certify("ca", "bob", None)), "account_frozen");
    assert_eq!(code(&world.decertify("ca", "alice")), "done", "a frozen registrar may take back");
}

/// Permissioned: whoever is not admitted reads, settles, transfers and cancels, and does not order.
#[test]
fn who_is_not_admitted_settles() {
    let mut world = earning(&["alice", "bob"]);
    let deal = world.deal(BWT_BTC, "alice", "bob", 100, 100);
    world.set_trust(by(Admission::Certificate));
    world.settle(deal, "alice", "bob");
    assert_eq!(code(&world.transfer("alice", "bob", 5)), "done");
    let quotes = Quotes { market: BWT_BTC, slide: false, quotes: Vec::new() };
    assert_eq!(code(&world.operations("alice", vec![Operation::Quote(quotes)])), "not_admitted");
    assert_eq!(
        code(&world.operations("alice", vec![Operation::CancelAll { market: None, side: None }])),
        "done"
    );
    world.set_trust(by(Admission::Work));
    world.rest("alice", BWT_BTC, Sell, 5, 10);
}

#[test]
fn sleeping_orders_end_with_admission_too() {
    let mut world = earning(&["alice"]);
    let trigger = Some(Trigger { kind: TriggerKind::StopLoss, price: bandex_types::Price::new(9) });
    let (order, _) = world.place("alice", Place { trigger, ..limit(BWT_BTC, Buy, 9, 5) });
    world.set_trust(by(Admission::Certificate));
    assert_eq!(world.status(order), CANCELLED);
}

#[test]
fn the_first_grant_is_given_once_against_work() {
    let mut world = earning(&["alice", "bob"]);
    assert_eq!(code(&world.claim("alice", true)), "no_grant");
    let grant = TrustTerms { first_grant: Amount::new(500), grant_work_bits: 6, ..terms() };
    world.set_trust(grant.clone());
    assert_eq!(code(&world.claim("alice", false)), "too_little_work");
    assert_eq!(code(&world.claim("alice", true)), "done");
    assert_eq!((world.tokens("alice").0, world.trust("alice").granted), (100_500, true));
    assert_eq!(code(&world.claim("alice", true)), "already_claimed");
    world.set_trust(TrustTerms { admission: Admission::Certificate, ..grant.clone() });
    assert_eq!(code(&world.claim("bob", true)), "not_admitted");
    world.set_trust(grant.clone());
    world.set_frozen("bob", true);
    assert_eq!(code(&world.claim("bob", true)), "account_frozen");
    world.set_frozen("bob", false);
    world.set_trust(TrustTerms { first_grant: Amount::new(CAP), ..grant });
    assert_eq!(code(&world.claim("bob", true)), "issuance_capped");
    assert!(!world.trust("bob").granted);
    assert_eq!(world.engine.rate(AssetId::BWT).map(|rate| rate.num()), Some(10));
}
