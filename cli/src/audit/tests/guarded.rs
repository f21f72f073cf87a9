//! The node's word that a key is gone: it counts where the key asked for it and its grace is over, and an exchange that
//! lets it count elsewhere is convicted.

use super::forge::{Forge, ONE, PRICE, convicted, judge};
use crate::audit::verdict::Check;
use crate::audit::{Claims, Verdict};
use bandex_engine::{CancelReason, Event, OrderStatus, Outcome};
use bandex_tradechain::body::Guard;
use bandex_tradechain::{Command, Disconnected};
use bandex_types::Side;

const SECOND: u64 = 1_000_000;

/// An exchange on which the first trader has an ask, and has guarded it or not.
fn guarded(on_disconnect_us: Option<u64>) -> Forge {
    let mut forge = Forge::opened();
    let (_, ask) = forge.place(0, Side::Sell, PRICE, ONE);
    forge.push(ask);
    let guard = forge.sign(0, Guard { cancel_after_us: 60 * SECOND, on_disconnect_us });
    forge.push(guard);
    forge.commit();
    forge
}

fn gone(forge: &Forge) -> Command {
    Command::Disconnected(Disconnected { key: forge.traders[0].0.key(), since: forge.time })
}

fn takes(outcome: &Outcome, reason: CancelReason) -> bool {
    let is_taken = |event: &Event| matches!(event, Event::Order(state) if state.status == OrderStatus::Cancelled(reason));
    outcome.events.iter().any(is_taken)
}

#[tokio::test]
async fn what_a_key_asked_for_passes() {
    let mut forge = guarded(Some(10 * SECOND));
    let command = gone(&forge);
    forge.time = forge.time.plus(10 * SECOND);
    forge.push(command);
    forge.time = forge.time.plus(60 * SECOND);
    forge.push(Command::Tick);
    forge.commit();
    assert_eq!(forge.engine.open_orders(), 0);
    let verdict = judge(&forge.rows, &Claims::default()).await;
    assert!(matches!(verdict, Verdict::Pass(_)), "{verdict:?}");
}

#[tokio::test]
async fn cancelling_for_a_key_that_did_not_ask_or_too_soon_is_convicted() {
    let mut honest = guarded(Some(10 * SECOND));
    let command = gone(&honest);
    honest.time = honest.time.plus(10 * SECOND);
    let mut told = None;
    honest.lie(command, |outcome| told = Some(outcome.clone()));
    let told = told.unwrap();
    assert!(takes(&told, CancelReason::Disconnected), "{told:?}");
    for (on_disconnect_us, after_us) in [(None, 10 * SECOND), (Some(10 * SECOND), 9 * SECOND)] {
        let mut forge = guarded(on_disconnect_us);
        let command = gone(&forge);
        forge.time = forge.time.plus(after_us);
        let seq = forge.lie(command, |outcome| *outcome = told.clone());
        forge.commit();
        let conviction = convicted(&forge.rows).await;
        assert_eq!((conviction.record, conviction.check), (seq, Check::Digest), "{on_disconnect_us:?}");
    }
}

#[tokio::test]
async fn keeping_an_order_beyond_its_timer_is_convicted() {
    let mut forge = guarded(None);
    forge.time = forge.time.plus(60 * SECOND);
    let seq = forge.lie(Command::Tick, |outcome| {
        assert!(takes(outcome, CancelReason::Timer), "{outcome:?}");
        outcome.events.clear();
    });
    forge.commit();
    let conviction = convicted(&forge.rows).await;
    assert_eq!((conviction.record, conviction.check), (seq, Check::Digest));
}
