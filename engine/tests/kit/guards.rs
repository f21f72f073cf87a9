//! What a reader of commands and outcomes knows of guards: which timers run, whose orders they took, and that none outlives
//! its timer.

use super::books::Orders;
use bandex_engine::{CancelReason, CommandResult, Engine, Event, GuardState, OrderStatus, Outcome, Refusal};
use bandex_tradechain::body::Guard;
use bandex_tradechain::{Body, Command, Decoded, Disconnected};
use bandex_types::{PublicKey, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// What a key asked for last.
struct Kept {
    guard: Guard,
    set: Timestamp,
    due: Option<Timestamp>,
}

/// The guards of all keys.
#[derive(Default)]
pub struct Guards {
    kept: BTreeMap<PublicKey, Kept>,
}

impl Guards {
    /// Follows a command; `orders` is how all orders stand after it.
    pub fn check(&mut self, engine: &Engine, decoded: &Decoded, outcome: &Outcome, orders: &Orders) {
        let now = engine.time();
        let fired: BTreeSet<PublicKey> = self
            .kept
            .iter_mut()
            .filter_map(|(key, kept)| kept.due.take_if(|due| *due <= now).map(|_| *key))
            .collect();
        let mut told: Vec<GuardState> =
            fired.iter().map(|key| state_of(engine, *key, &self.kept[key])).collect();
        let gone = self.disconnected(decoded, outcome, now);
        if let (Some((block, _)), CommandResult::Done(_)) = (decoded.block(), &outcome.result)
            && let Body::Guard(guard) = &block.body
        {
            let due = (guard.cancel_after_us > 0).then(|| now.plus(guard.cancel_after_us));
            let kept = Kept { guard: *guard, set: now, due };
            told.push(state_of(engine, block.author, &kept));
            self.kept.insert(block.author, kept);
        }
        let mut events: Vec<GuardState> = outcome
            .events
            .iter()
            .filter_map(|event| if let Event::Guard(state) = event { Some(*state) } else { None })
            .collect();
        // Of several that are due together the engine takes the older key first; here the order does not matter.
        for states in [&mut told, &mut events] {
            states.sort_by_key(|state| (state.key, state.due));
        }
        assert_eq!(events, told, "guards are told when they are set and when they fire, and never else");
        self.check_orders(decoded, outcome, orders, &fired, gone);
        for (key, kept) in &self.kept {
            let expected = (kept.guard != Guard::OFF).then(|| state_of(engine, *key, kept));
            assert_eq!(engine.guard_of(key), expected);
        }
    }

    /// The key whose orders the node's word takes, if the command is that and may.
    fn disconnected(&self, decoded: &Decoded, outcome: &Outcome, now: Timestamp) -> Option<PublicKey> {
        let Command::Disconnected(Disconnected { key, since }) = decoded.command() else { return None };
        let kept = self.kept.get(key);
        let due = kept.and_then(|kept| Some((*since).max(kept.set).plus(kept.guard.on_disconnect_us?)));
        match (due, &outcome.result) {
            (Some(due), CommandResult::Done(_)) => {
                assert!(due <= now, "no grace is cut short");
                Some(*key)
            }
            (Some(due), refused) => {
                assert!(due > now, "a grace that is over is over");
                assert_eq!(*refused, CommandResult::Refused(Refusal::GraceRuns { due }));
                None
            }
            (None, refused) => {
                let code = match refused {
                    CommandResult::Refused(refusal) => refusal.code(),
                    CommandResult::Done(_) => "done",
                };
                let right = ["not_guarded", "unknown_key", "not_served"].contains(&code);
                assert!(right, "nobody asked for it: {refused:?}");
                None
            }
        }
    }

    fn check_orders(
        &self,
        decoded: &Decoded,
        outcome: &Outcome,
        orders: &Orders,
        fired: &BTreeSet<PublicKey>,
        gone: Option<PublicKey>,
    ) {
        for event in &outcome.events {
            let Event::Order(state) = event else { continue };
            let key = state.order.key;
            match state.status {
                OrderStatus::Cancelled(CancelReason::Timer) => assert!(fired.contains(&key), "{state:?}"),
                OrderStatus::Cancelled(CancelReason::Disconnected) => {
                    assert_eq!(gone, Some(key), "{state:?}");
                }
                _ => {}
            }
        }
        let placed_now = |key: PublicKey, seq: u64| {
            decoded.block().is_some_and(|(block, _)| block.author == key && block.seq == seq)
        };
        for state in orders.alive() {
            let (key, seq) = (state.order.key, state.order.seq);
            let goes = fired.contains(&key) || gone == Some(key);
            assert!(!goes || placed_now(key, seq), "it outlives its key's guard: {state:?}");
        }
    }
}

fn state_of(engine: &Engine, key: PublicKey, kept: &Kept) -> GuardState {
    let account = engine.key(&key).expect("the key signed").account;
    let Guard { cancel_after_us, on_disconnect_us } = kept.guard;
    GuardState { key, account, cancel_after_us, on_disconnect_us, due: kept.due }
}
