//! A wallet that ends at each step of a payment, and goes on after.

use super::run;
use crate::error::PayError;
use crate::history::Status;
use crate::journal::Purpose;
use crate::testing::{Fault, HOUR, NOW, Rig, STEPS, deal, payment};

#[test]
fn a_payment_is_made_once_whatever_step_it_stops_at() {
    for step in STEPS {
        for asked_again in [true, false] {
            run(async {
                let (rig, mut wallet) = Rig::with_coins(2).await;
                wallet.stop = Some(step);
                let stopped = wallet.pay(&payment(1, 0, 30_000), NOW).await;
                assert!(matches!(stopped, Err(PayError::Stopped)), "{step:?}: {stopped:?}");
                let mut wallet = rig.reopen(wallet).await;
                if asked_again {
                    wallet.pay(&payment(1, 0, 30_000), NOW).await.unwrap();
                } else {
                    wallet.sync(NOW).await.unwrap();
                }
                rig.net.world().mine_all();
                wallet.sync(NOW).await.unwrap();
                let again = wallet.pay(&payment(1, 0, 30_000), NOW).await.unwrap();
                assert_eq!(again.status, Status::Confirmed { height: rig.net.world().height() }, "{step:?}");
                rig.net.world().mine_all();
                assert_eq!(rig.paid_to(1), 30_000, "{step:?}");
                assert_eq!(rig.net.world().ever.len(), 1, "{step:?}: the same bytes were sent each time");
            });
        }
    }
}

#[test]
fn a_bump_is_made_once_whatever_step_it_stops_at() {
    for step in STEPS.into_iter().skip(1) {
        run(async {
            let (rig, mut wallet) = Rig::with_coins(2).await;
            wallet.pay(&payment(1, 0, 30_000), NOW).await.unwrap();
            wallet.stop = Some(step);
            let later = NOW.plus(HOUR);
            let changed = wallet.bump(later).await.unwrap();
            assert!(matches!(changed[0].outcome, Err(PayError::Stopped)), "{step:?}");
            let mut wallet = rig.reopen(wallet).await;
            wallet.sync(later).await.unwrap();
            wallet.bump(later.plus(1)).await.unwrap();
            rig.net.world().mine_all();
            wallet.sync(later).await.unwrap();
            assert_eq!(rig.paid_to(1), 30_000, "{step:?}");
            let report = &wallet.history().payments[0];
            assert_eq!(report.transactions.len(), 2, "{step:?}");
            assert_eq!(report.transactions[1].purpose, Purpose::Bump);
        });
    }
}

#[test]
fn an_answer_that_is_lost_is_no_second_payment() {
    run(async {
        let (rig, mut wallet) = Rig::with_coins(2).await;
        rig.net.world().fault = Fault::LoseAnswers;
        let paid = wallet.pay(&payment(1, 0, 30_000), NOW).await.unwrap();
        assert_eq!(paid.status, Status::Signed, "the wallet cannot know more");
        assert_eq!(paid.refused.as_deref(), Some("the Bitcoin node: the line broke"));
        rig.net.world().fault = Fault::None;
        rig.net.world().mine_all();
        let again = wallet.pay(&payment(1, 0, 30_000), NOW).await.unwrap();
        assert_eq!((again.txid, again.refused), (paid.txid, paid.refused.clone()));
        assert_eq!(rig.paid_to(1), 30_000);
    });
}

#[test]
fn two_processes_cannot_open_one_wallet() {
    run(async {
        let (rig, wallet) = Rig::with_coins(0).await;
        let second = crate::Wallet::open(
            rig.folder.path(),
            bandex_spv::Network::Regtest,
            &crate::Passphrase::new("p"),
            rig.net.clone(),
            crate::Policy::default(),
        )
        .await;
        let error = second.map(drop).unwrap_err();
        assert!(error.to_string().contains("open in another process"), "{error}");
        rig.reopen(wallet).await;
    });
}

/// What is read back is what was in memory, and the rows of the chain's view stay few.
#[test]
fn a_wallet_comes_back_as_it_was() {
    run(async {
        let (rig, mut wallet) = Rig::with_coins(2).await;
        let script = wallet.fresh_script(deal(9)).await.unwrap();
        wallet.pay(&payment(1, 0, 30_000), NOW).await.unwrap();
        for _ in 0..600 {
            rig.net.world().mine_empty(1);
            wallet.sync(NOW).await.unwrap();
        }
        let (journal, balance, tip) = (wallet.journal.clone(), wallet.balance(), wallet.tip());
        drop(wallet);
        let mut wallet = rig.open().await;
        assert_eq!((&wallet.journal, wallet.balance(), wallet.tip()), (&journal, balance, tip));
        assert_eq!(wallet.fresh_script(deal(9)).await.unwrap(), script);
        assert_ne!(wallet.fresh_script(deal(8)).await.unwrap(), script);
        wallet.sync(NOW).await.unwrap();
    });
}
