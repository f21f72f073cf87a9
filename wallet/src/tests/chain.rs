//! Reorganisations, raises, takings back, and the account of it all.

use super::run;
use crate::error::PayError;
use crate::history::Status;
use crate::journal::Purpose;
use crate::testing::Net;
use crate::testing::{HOUR, NOW, Rig, deal, payment, stranger};
use crate::wallet::Wallet;

fn status(wallet: &Wallet<Net>) -> Status {
    wallet.history().payments.last().unwrap().status
}

#[test]
fn what_a_reorganisation_drops_is_sent_again() {
    run(async {
        let (rig, mut wallet) = Rig::with_coins(2).await;
        wallet.pay(&payment(1, 0, 30_000), NOW).await.unwrap();
        assert_eq!(status(&wallet), Status::Broadcast);
        rig.net.world().mine_all();
        wallet.sync(NOW).await.unwrap();
        let height = rig.net.world().height();
        assert_eq!(status(&wallet), Status::Confirmed { height });
        // The chain only gets shorter at first, and the node forgets what waited.
        rig.net.world().cut(1);
        rig.net.world().mempool.clear();
        wallet.sync(NOW).await.unwrap();
        assert_eq!(wallet.tip().0, height - 1);
        assert_eq!(status(&wallet), Status::Broadcast);
        assert_eq!(rig.net.world().mempool.len(), 1, "it was sent again");
        // Then another branch grows past the first.
        rig.net.world().mine_empty(2);
        rig.net.world().mempool.clear();
        let mut wallet = rig.reopen(wallet).await;
        wallet.sync(NOW).await.unwrap();
        rig.net.world().mine_all();
        wallet.sync(NOW).await.unwrap();
        assert_eq!(status(&wallet), Status::Confirmed { height: height + 2 });
        assert_eq!(rig.paid_to(1), 30_000);
    });
}

#[test]
fn a_transaction_that_waits_too_long_is_raised_until_the_limit() {
    run(async {
        let (mut rig, wallet) = Rig::with_coins(2).await;
        rig.policy.largest_fee_rate = 4_000;
        let mut wallet = rig.reopen(wallet).await;
        wallet.sync(NOW).await.unwrap();
        wallet.pay(&payment(1, 0, 30_000), NOW).await.unwrap();
        assert!(wallet.bump(NOW.plus(60_000_000)).await.unwrap().is_empty(), "it does not wait for long yet");
        // The fair rate rises tenfold: raised to the policy's rate, and no further.
        rig.net.world().fee_rate = Some(20_000);
        let first = wallet.bump(NOW.plus(HOUR)).await.unwrap();
        let raised = *first[0].outcome.as_ref().unwrap();
        let second = wallet.bump(NOW.plus(2 * HOUR)).await.unwrap();
        assert!(matches!(second[0].outcome, Err(PayError::FeeLimit { .. })), "{:?}", second[0].outcome);
        let report = &wallet.history().payments[0];
        assert_eq!(report.transactions[0].status, Status::Replaced { by: raised });
        assert_eq!(report.transactions[1].status, Status::Broadcast);
        assert_eq!(rig.net.world().mempool.len(), 1);
        // A miner kept the cheap one: it stands, and the dear one never will.
        let cheap = rig.net.world().ever[0].clone();
        rig.net.world().mine(std::slice::from_ref(&cheap));
        wallet.sync(NOW).await.unwrap();
        let report = &wallet.history().payments[0];
        assert_eq!(report.transactions[1].status, Status::Replaced { by: cheap.compute_txid() });
        assert_eq!(rig.paid_to(1), 30_000);
    });
}

#[test]
fn what_is_taken_back_is_paid_anew_only_when_that_is_final() {
    run(async {
        let (rig, mut wallet) = Rig::with_coins(2).await;
        let before = wallet.balance().total();
        wallet.pay(&payment(1, 0, 30_000), NOW).await.unwrap();
        let back = wallet.give_up(deal(1), 0, NOW).await.unwrap();
        let undecided = |result: Result<_, PayError>| assert!(matches!(result, Err(PayError::Undecided)));
        undecided(wallet.pay(&payment(1, 0, 30_000), NOW).await);
        undecided(wallet.pay(&payment(1, 1, 50_000), NOW).await);
        rig.net.world().mine_all();
        wallet.sync(NOW).await.unwrap();
        assert_eq!(status(&wallet), Status::Cancelled { height: rig.net.world().height() });
        undecided(wallet.pay(&payment(1, 0, 30_000), NOW).await);
        let history = wallet.history();
        let movement = history.movements.iter().find(|movement| movement.txid == back).unwrap();
        assert_eq!(movement.taken_back, Some((deal(1), 0)));
        assert!(movement.fee < 500, "no more than outbids what is taken back: {movement:?}");
        assert_eq!(wallet.balance().total(), before - movement.fee);
        rig.net.world().mine_empty(5);
        wallet.sync(NOW).await.unwrap();
        wallet.pay(&payment(1, 1, 50_000), NOW).await.unwrap();
        rig.net.world().mine_all();
        assert_eq!(rig.paid_to(1), 50_000);
    });
}

#[test]
fn a_payment_that_wins_over_its_taking_back_counts() {
    run(async {
        let (rig, mut wallet) = Rig::with_coins(2).await;
        wallet.pay(&payment(1, 0, 30_000), NOW).await.unwrap();
        wallet.give_up(deal(1), 0, NOW).await.unwrap();
        let pays = rig.net.world().ever[0].clone();
        rig.net.world().mine(&[pays]);
        wallet.sync(NOW).await.unwrap();
        let paid = wallet.pay(&payment(1, 0, 30_000), NOW).await.unwrap();
        assert_eq!(paid.status, Status::Confirmed { height: rig.net.world().height() });
        wallet.pay(&payment(1, 1, 50_000), NOW).await.unwrap();
        rig.net.world().mine_all();
        assert_eq!(rig.paid_to(1), 50_000);
    });
}

#[test]
fn the_policy_takes_back_before_the_deadline() {
    run(async {
        let (mut rig, wallet) = Rig::with_coins(2).await;
        rig.policy.gives_up = true;
        let mut wallet = rig.reopen(wallet).await;
        wallet.sync(NOW).await.unwrap();
        wallet.pay(&payment(1, 0, 30_000), NOW).await.unwrap();
        let changed = wallet.bump(NOW.plus(24 * HOUR - wallet.policy.margin_us)).await.unwrap();
        assert_eq!(changed[0].purpose, Purpose::GiveUp);
        rig.net.world().mine_all();
        assert_eq!(rig.paid_to(1), 0);
    });
}

/// A chain of two own transactions, of which a reorganisation brings back an older form of the first: the second must
/// not stay, and must not be paid beside the first.
#[test]
fn what_hangs_on_a_replaced_transaction_is_paid_anew_when_that_is_final() {
    run(async {
        let (rig, mut wallet) = Rig::with_coins(1).await;
        wallet.pay(&payment(1, 0, 30_000), NOW).await.unwrap();
        wallet.bump(NOW.plus(HOUR)).await.unwrap();
        rig.net.world().mine_all();
        wallet.sync(NOW).await.unwrap();
        wallet.pay(&payment(2, 0, 40_000), NOW).await.unwrap();
        rig.net.world().mine_all();
        wallet.sync(NOW).await.unwrap();
        assert_eq!((rig.paid_to(1), rig.paid_to(2)), (30_000, 40_000));
        let cheap = rig.net.world().ever[0].clone();
        rig.net.world().cut(2);
        rig.net.world().mine(&[cheap]);
        rig.net.world().mine_empty(2);
        wallet.sync(NOW).await.unwrap();
        assert_eq!((rig.paid_to(1), rig.paid_to(2)), (30_000, 0));
        assert_eq!(status(&wallet), Status::Conflicted);
        let waits = wallet.pay(&payment(2, 0, 40_000), NOW).await.unwrap();
        assert_eq!(waits.status, Status::Conflicted);
        rig.net.world().mine_empty(3);
        wallet.sync(NOW).await.unwrap();
        wallet.pay(&payment(2, 0, 40_000), NOW).await.unwrap();
        rig.net.world().mine_all();
        wallet.sync(NOW).await.unwrap();
        assert_eq!((rig.paid_to(1), rig.paid_to(2)), (30_000, 40_000));
    });
}

#[test]
fn the_history_explains_the_balance() {
    run(async {
        let (rig, mut wallet) = Rig::with_coins(3).await;
        let earned = wallet.fresh_script(deal(7)).await.unwrap();
        rig.net.world().deposit(&earned, 12_345);
        wallet.sync(NOW).await.unwrap();
        wallet.pay(&payment(1, 0, 30_000), NOW).await.unwrap();
        rig.net.world().mine_all();
        wallet.pay(&payment(1, 1, 90_000), NOW).await.unwrap();
        wallet.pay(&payment(2, 0, 70_000), NOW).await.unwrap();
        let history = wallet.history();
        let sum = |of: fn(&crate::Movement) -> u64| history.movements.iter().map(of).sum::<u64>();
        let (received, sent, fees) = (sum(|one| one.received), sum(|one| one.sent), sum(|one| one.fee));
        assert_eq!(received - sent, history.balance.total());
        let paid = sum(|one| one.paid.map_or(0, |(.., satoshi)| satoshi));
        assert_eq!(paid, 160_000);
        assert_eq!(600_000 + 12_345 - paid - fees, history.balance.total());
        assert!(history.movements.iter().any(|one| one.earned == [(deal(7), 12_345)]));
        assert_eq!(rig.net.world().paid_to(&stranger(1)), 30_000);
    });
}

/// A payment of two coins, of which one vanishes in a reorganisation. Is the other the one that all its transactions
/// spend, it is signed anew at once with that; else it waits until the first can never come back. Which of the two it
/// is lies in the transactions' ids, so both come up in a few tries.
#[test]
fn a_payment_that_lost_a_coin_is_signed_anew_with_the_one_in_common() {
    let mut seen = [false; 2];
    for _ in 0..64 {
        run(async {
            let (rig, mut wallet) = Rig::with_coins(2).await;
            wallet.pay(&payment(1, 0, 30_000), NOW).await.unwrap();
            wallet.bump(NOW.plus(HOUR)).await.unwrap();
            rig.net.world().mine_all();
            wallet.sync(NOW).await.unwrap();
            wallet.pay(&payment(2, 0, 300_000), NOW).await.unwrap();
            rig.net.world().mine_all();
            let (cheap, dear, first) = {
                let ever = rig.net.world().ever.clone();
                (ever[0].clone(), ever[1].clone(), ever[2].clone())
            };
            assert_eq!(first.input.len(), 2);
            let anchor = first.input.iter().map(|input| input.previous_output).min().unwrap();
            let vanishes = anchor.txid == dear.compute_txid();
            seen[usize::from(vanishes)] = true;
            // A coin that would do alone, so that nothing but the rule makes it spend the one in common.
            let script = wallet.new_address().await.unwrap().script_pubkey();
            rig.net.world().cut(2);
            rig.net.world().mine(&[cheap]);
            rig.net.world().deposit(script.as_bytes(), 400_000);
            rig.net.world().mine_empty(1);
            wallet.sync(NOW).await.unwrap();
            assert_eq!(status(&wallet) == Status::Conflicted, vanishes);
            if vanishes {
                return;
            }
            let again = rig.net.world().ever.last().unwrap().clone();
            assert!(again != first && again.input.iter().any(|input| input.previous_output == anchor));
            rig.net.world().mine_all();
            assert_eq!(rig.paid_to(2), 300_000);
            // The first branch comes back, and a miner has both.
            let mut world = rig.net.world();
            world.cut(4);
            world.mine(&[dear, first]);
            world.mine(&[again]);
            drop(world);
            assert_eq!(rig.paid_to(2), 300_000);
        });
        if seen == [true; 2] {
            return;
        }
    }
    panic!("only one of the two cases came up: {seen:?}");
}
