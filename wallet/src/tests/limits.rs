//! What the wallet refuses, and in which words.

use super::run;
use crate::history::Status;
use crate::pay::Payment;
use crate::policy::Policy;
use crate::testing::{HOUR, NOW, Rig, deal, payment, stranger};
use bandex_types::AccountId;

/// After a payment of 30,000 sat to deal 1, asks for another, and compares with what must be said against it.
fn check(policy: fn(&mut Policy), next: Payment, hours: u64, expected: Option<&str>) {
    run(async {
        let (mut rig, wallet) = Rig::with_coins(3).await;
        policy(&mut rig.policy);
        let mut wallet = rig.reopen(wallet).await;
        wallet.sync(NOW).await.unwrap();
        wallet.pay(&payment(1, 0, 30_000), NOW).await.unwrap();
        rig.net.world().mine_all();
        rig.net.world().mine_empty(6);
        let sent = rig.net.world().ever.len();
        let outcome = wallet.pay(&next, NOW.plus(hours * HOUR)).await;
        let said = outcome.as_ref().err().map(ToString::to_string);
        assert_eq!(said.as_deref(), expected, "{next:?}");
        assert_eq!(rig.net.world().ever.len() > sent, outcome.is_ok(), "sent and signed only if allowed");
    });
}

#[test]
fn a_limit_names_its_rule_and_what_remains() {
    let none: fn(&mut Policy) = |_| ();
    check(none, payment(2, 0, 40_000), 0, None);
    check(
        |policy| policy.largest_tranche = Some(39_999),
        payment(2, 0, 40_000),
        0,
        Some(
            "largest_tranche allows 39999 sat; 0 sat are used, 39999 sat remain, and 40000 sat were asked for",
        ),
    );
    check(|policy| policy.largest_tranche = Some(40_000), payment(2, 0, 40_000), 0, None);
    check(
        |policy| policy.per_day = Some(69_999),
        payment(2, 0, 40_000),
        0,
        Some("per_day allows 69999 sat; 30000 sat are used, 39999 sat remain, and 40000 sat were asked for"),
    );
    check(|policy| policy.per_day = Some(70_000), payment(2, 0, 40_000), 0, None);
    let late = |next: Payment| Payment { deadline: NOW.plus(100 * HOUR), ..next };
    check(|policy| policy.per_day = Some(69_999), late(payment(2, 0, 40_000)), 25, None);
    let same_payee = Payment { payee: AccountId::new([1; 32]), ..payment(2, 0, 40_000) };
    check(
        |policy| policy.per_counterparty = Some(69_999),
        same_payee.clone(),
        0,
        Some(
            "per_counterparty allows 69999 sat; 30000 sat are used, 39999 sat remain, and 40000 sat were asked for",
        ),
    );
    check(|policy| policy.per_counterparty = Some(69_999), late(same_payee), 25, None);
    check(|policy| policy.per_counterparty = Some(69_999), payment(2, 0, 40_000), 0, None);
}

#[test]
fn what_contradicts_an_earlier_payment_is_refused() {
    let none: fn(&mut Policy) = |_| ();
    let to = |script: Vec<u8>, next: Payment| Payment { script, ..next };
    check(none, payment(1, 1, 40_000), 0, None);
    check(
        none,
        payment(1, 0, 40_000),
        0,
        Some("demand 0 was for 30000 sat in all before, now for 40000 sat"),
    );
    check(
        none,
        to(stranger(2), payment(1, 1, 40_000)),
        0,
        Some("the deal was paid to another script before"),
    );
    check(
        none,
        to(stranger(1), payment(2, 0, 40_000)),
        0,
        Some(&format!("the script was paid for the deal {} already", deal(1))),
    );
    check(
        none,
        to(vec![0x6a], payment(2, 0, 40_000)),
        0,
        Some("the script is of no kind that is paid (P2PKH, P2SH, P2WPKH, P2WSH, P2TR)"),
    );
    check(none, payment(2, 0, 293), 0, Some("293 sat are too few: no node relays so small an output"));
    check(
        none,
        payment(2, 0, 40_000),
        24,
        Some("the deadline is too near: a payment that confirms late is lost"),
    );
    check(
        none,
        payment(2, 0, 600),
        0,
        Some(
            "largest_fee_share_ppm allows a fee of 120 sat for 600 sat, and the least that a node takes is 141 sat",
        ),
    );
}

#[test]
fn nothing_is_paid_when_the_sum_was_reached_before() {
    run(async {
        let (rig, mut wallet) = Rig::with_coins(1).await;
        wallet.pay(&payment(1, 0, 30_000), NOW).await.unwrap();
        let paid = wallet.pay(&payment(1, 1, 30_000), NOW).await.unwrap();
        assert_eq!((paid.status, paid.txid), (Status::NothingDue, None));
        assert_eq!(rig.net.world().ever.len(), 1);
    });
}

#[test]
fn the_own_script_is_not_paid() {
    run(async {
        let (_rig, mut wallet) = Rig::with_coins(1).await;
        let script = wallet.fresh_script(deal(1)).await.unwrap();
        let error = wallet.pay(&Payment { script, ..payment(1, 0, 30_000) }, NOW).await.unwrap_err();
        assert_eq!(error.to_string(), "the script belongs to this wallet");
    });
}

/// Too few coins: it is written down, and made when they come, or lapses.
#[test]
fn an_intent_waits_for_coins_until_its_deadline() {
    for coins_come in [true, false] {
        run(async {
            let (rig, mut wallet) = Rig::with_coins(1).await;
            let error = wallet.pay(&payment(1, 0, 300_000), NOW).await.unwrap_err();
            let text = error.to_string();
            assert!(text.ends_with("and 200000 sat can be spent (coins need 1 confirmations)"), "{text}");
            if coins_come {
                let script = wallet.new_address().await.unwrap().script_pubkey();
                rig.net.world().deposit(script.as_bytes(), 200_000);
                wallet.sync(NOW).await.unwrap();
                rig.net.world().mine_all();
                assert_eq!(rig.paid_to(1), 300_000);
            } else {
                let synced = wallet.sync(NOW).await.unwrap();
                assert_eq!(synced.troubles.len(), 1, "{synced:?}");
                wallet.sync(NOW.plus(24 * HOUR)).await.unwrap();
                assert_eq!(wallet.history().payments[0].status, Status::Lapsed);
                assert_eq!(rig.net.world().ever.len(), 0);
            }
        });
    }
}

/// A fee above the share that is allowed is cut down to it.
#[test]
fn a_fee_spike_is_borne_up_to_the_share_only() {
    run(async {
        let (rig, mut wallet) = Rig::with_coins(1).await;
        rig.net.world().fee_rate = Some(400_000);
        let paid = wallet.pay(&payment(1, 0, 30_000), NOW).await.unwrap();
        assert_eq!(paid.fee, 6_000, "a fifth, as this policy allows");
    });
}

/// A node that takes nothing below its own least rate: the raise follows at once, without a wait.
#[test]
fn what_is_refused_for_its_fee_is_raised_at_once_and_for_nothing_else() {
    run(async {
        let (rig, mut wallet) = Rig::with_coins(1).await;
        rig.net.world().least_fee_rate = 4;
        let paid = wallet.pay(&payment(1, 0, 30_000), NOW).await.unwrap();
        assert_eq!((paid.status, paid.refused.as_deref()), (Status::Signed, Some("min relay fee not met")));
        rig.net.world().fee_rate = Some(5_000);
        wallet.bump(NOW).await.unwrap();
        assert_eq!(rig.net.world().mempool.len(), 1);
        rig.net.world().fault = crate::testing::Fault::Down;
        assert!(wallet.bump(NOW.plus(HOUR)).await.is_err());
        rig.net.world().fault = crate::testing::Fault::LoseAnswers;
        wallet.pay(&payment(1, 1, 50_000), NOW).await.unwrap_err();
        rig.net.world().mine_all();
        wallet.pay(&payment(1, 1, 50_000), NOW).await.unwrap();
        assert!(wallet.bump(NOW.plus(HOUR)).await.unwrap().is_empty(), "nobody says that the fee is too low");
    });
}

/// An agent runs on several threads, and carries these futures from one to another.
#[test]
fn the_futures_can_move_between_threads() {
    fn moves(_: impl Send) {}
    run(async {
        let (_rig, mut wallet) = Rig::with_coins(0).await;
        moves(wallet.sync(NOW));
        moves(wallet.bump(NOW));
        moves(wallet.give_up(deal(1), 0, NOW));
        let asked = payment(1, 0, 30_000);
        moves(wallet.pay(&asked, NOW));
        moves(wallet.fresh_script(deal(1)));
    });
}
