//! Who is connected, and what becomes of the orders of those who asked that they go when they are not.
//!
//! A connection on which a key has logged in is that key's presence. When the last one ends, the grace of the key's guard
//! runs; when it is over, the writer is asked to sequence that the key is gone. A key whose connections ended before the
//! server began counts as gone since then. What nobody connected has said once is not said again, until the key comes
//! back or guards its orders anew. A root key that was rotated away can never come back, so the connections of the root
//! key behind it count for it. The timers of guards are none of this: they are the engine's own.

use crate::clock;
use crate::exchange::{Switch, stopped};
use crate::writer::{Answer, Input};
use bandex_engine::{Engine, Event, GuardState, KeyStatus};
use bandex_sequencer::Applied;
use bandex_tradechain::Disconnected;
use bandex_types::{PublicKey, Timestamp};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::time::sleep;

/// How long to wait before saying again what the engine did not take: its time may be a little behind this clock.
const AGAIN: Duration = Duration::from_millis(200);
/// Of how many keys the writer is told at a time, so that its queue has room for blocks.
const TOLD_AT_ONCE: usize = 256;

/// Who is connected.
pub(crate) struct Presence {
    /// When the server began.
    began: Timestamp,
    keys: Mutex<Keys>,
    /// Something may be due sooner than before.
    changed: Notify,
}

#[derive(Default)]
struct Keys {
    /// How many connections a key has; only those with one are here.
    present: BTreeMap<PublicKey, u32>,
    /// The keys that ask for it.
    guarded: BTreeMap<PublicKey, Guarded>,
    /// Of a root key: the guarded root keys before it.
    before: BTreeMap<PublicKey, Vec<PublicKey>>,
}

/// A key that asks that its orders go when it is gone.
struct Guarded {
    grace_us: u64,
    /// Its grace does not begin before this: when it asked, or when its last connection ended if that was later.
    since: Timestamp,
    /// The engine was told.
    told: bool,
    /// The root key that it was rotated to in the end, whose connections are its own.
    root: Option<PublicKey>,
}

/// A connection of a key, for as long as it is held.
pub(crate) struct Present {
    presence: Arc<Presence>,
    key: PublicKey,
}

impl Guarded {
    const fn new(grace_us: u64, since: Timestamp) -> Self {
        Self { grace_us, since, told: false, root: None }
    }
}

impl Keys {
    /// Whether a guarded key, or the root key behind it, has a connection.
    fn is_here(&self, key: &PublicKey, state: &Guarded) -> bool {
        let has_one = |key: &PublicKey| self.present.contains_key(key);
        has_one(key) || state.root.as_ref().is_some_and(has_one)
    }

    /// Lets the grace run, from `now` on, of those for whom the last connection of `key` was the last there was. Gives
    /// whether there are any.
    fn note_absence(&mut self, key: PublicKey, now: Timestamp) -> bool {
        let before = self.before.get(&key).into_iter().flatten();
        let has_one = |key: &PublicKey| self.present.contains_key(key);
        let mut any = false;
        for gone in before.copied().chain([key]) {
            let Some(state) = self.guarded.get_mut(&gone) else { continue };
            if !has_one(&gone) && !state.root.as_ref().is_some_and(has_one) {
                (state.since, state.told, any) = (now, false, true);
            }
        }
        any
    }

    /// A root key was rotated: what it guarded, and those before it, goes by the connections of the new one too.
    fn hand_over(&mut self, ended: PublicKey, root: PublicKey) {
        let mut before = self.before.remove(&ended).unwrap_or_default();
        before.push(ended);
        before.retain(|key| self.guarded.contains_key(key));
        for key in &before {
            if let Some(state) = self.guarded.get_mut(key) {
                state.root = Some(root);
            }
        }
        if !before.is_empty() {
            self.before.entry(root).or_default().extend(before);
        }
    }
}

impl Presence {
    /// Nobody is connected yet.
    pub fn of(engine: &Engine) -> Arc<Self> {
        let began = clock::now();
        let asks = engine.guards().filter_map(|guard| Some((guard.key, guard.on_disconnect_us?)));
        let guarded = asks.map(|(key, grace_us)| (key, Guarded::new(grace_us, began)));
        let mut keys = Keys { guarded: guarded.collect(), ..Keys::default() };
        let roots = engine.keys().map(|(state, _)| state).filter(|state| state.root);
        let (ended, roots): (Vec<_>, Vec<_>) = roots.partition(|state| state.status == KeyStatus::Revoked);
        let roots: BTreeMap<_, _> = roots.into_iter().map(|state| (state.account, state.key)).collect();
        for state in ended {
            if let Some(root) = roots.get(&state.account) {
                keys.hand_over(state.key, *root);
            }
        }
        Arc::new(Self { began, keys: Mutex::new(keys), changed: Notify::new() })
    }

    fn keys(&self) -> MutexGuard<'_, Keys> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A connection on which `key` has logged in.
    pub fn arrive(self: &Arc<Self>, key: PublicKey) -> Present {
        *self.keys().present.entry(key).or_default() += 1;
        Present { presence: Arc::clone(self), key }
    }

    fn leave(&self, key: PublicKey) {
        let mut keys = self.keys();
        if let Some(count) = keys.present.get_mut(&key) {
            *count -= 1;
            if *count > 0 {
                return;
            }
        }
        // From here the key has no connection.
        keys.present.remove(&key);
        if keys.note_absence(key, clock::now()) {
            self.changed.notify_one();
        }
    }

    /// Takes in what was committed.
    pub fn commit(&self, applied: &[Applied]) {
        for record in applied {
            let mut ended = None;
            for event in &record.outcome.events {
                match event {
                    Event::Guard(guard) => self.set(guard, record.time),
                    // A rotation tells of the root key that ends, and then of the one in its place.
                    Event::Key(key) if key.root && key.status == KeyStatus::Revoked => ended = Some(key.key),
                    Event::Key(key) if key.root => {
                        if let Some(ended) = ended.take() {
                            self.keys().hand_over(ended, key.key);
                        }
                    }
                    _ => {}
                }
            }
        }
    }

    fn set(&self, guard: &GuardState, time: Timestamp) {
        let mut keys = self.keys();
        match guard.on_disconnect_us {
            // A timer that runs down is told by the same event, and changes nothing of this.
            Some(grace_us) if guard.due.is_some() || guard.cancel_after_us == 0 => {
                keys.guarded.insert(guard.key, Guarded::new(grace_us, time.max(self.began)));
                self.changed.notify_one();
            }
            Some(_) => {}
            None => drop(keys.guarded.remove(&guard.key)),
        }
    }

    /// The keys that are gone and of which the engine was not told, each with when its grace ends.
    fn absent(&self) -> Vec<(Timestamp, Disconnected)> {
        let keys = self.keys();
        let absent = keys.guarded.iter().filter(|(key, state)| !state.told && !keys.is_here(key, state));
        absent
            .map(|(key, state)| {
                (state.since.plus(state.grace_us), Disconnected { key: *key, since: state.since })
            })
            .collect()
    }

    /// Whether a key is still gone as it was said to be: it has not come back since, nor come and gone again.
    pub fn is_absent(&self, gone: &Disconnected) -> bool {
        let keys = self.keys();
        let is_as_then = |state: &&Guarded| !state.told && state.since == gone.since;
        let state = keys.guarded.get(&gone.key).filter(is_as_then);
        state.is_some_and(|state| !keys.is_here(&gone.key, state))
    }

    /// Notes that the engine was told, unless something has changed since.
    fn told(&self, gone: &Disconnected) {
        if let Some(state) = self.keys().guarded.get_mut(&gone.key).filter(|state| state.since == gone.since)
        {
            state.told = true;
        }
    }

    /// Tells the writer whose grace is over, until the server stops.
    pub async fn watch(self: Arc<Self>, queue: mpsc::Sender<Input>, switch: Arc<Switch>) {
        let mut stopping = switch.stopping();
        loop {
            let next = self.absent().into_iter().map(|(due, _)| due).min();
            tokio::select! {
                // Connections that end because the server does are nobody's absence.
                biased;
                () = stopped(&mut stopping) => return,
                () = until(next) => {}
                () = self.changed.notified() => continue,
            }
            match self.say_who_is_gone(&queue, &mut stopping).await {
                Some(true) => {}
                Some(false) => sleep(AGAIN).await,
                None => return,
            }
        }
    }

    /// Tells the writer of those whose grace is over, all at once: whoever waits for the commit of one could come back
    /// meanwhile. False if one of them was not taken; none if the server stops.
    async fn say_who_is_gone(
        &self,
        queue: &mpsc::Sender<Input>,
        stopping: &mut watch::Receiver<bool>,
    ) -> Option<bool> {
        let now = clock::now();
        let due = self.absent().into_iter().filter(|(due, _)| *due <= now).map(|(_, gone)| gone);
        let mut asked = Vec::new();
        for gone in due.take(TOLD_AT_ONCE) {
            if !self.is_absent(&gone) {
                continue;
            }
            let (reply, answer) = oneshot::channel();
            tokio::select! {
                biased;
                () = stopped(stopping) => return None,
                sent = queue.send(Input::Gone(gone, reply)) => sent.ok()?,
            }
            asked.push((gone, answer));
        }
        let mut are_taken = true;
        for (gone, answer) in asked {
            let answer = tokio::select! {
                biased;
                () = stopped(stopping) => return None,
                answer = answer => answer.ok()?,
            };
            match answer {
                Answer::Committed(..) => self.told(&gone),
                _ => are_taken = false,
            }
        }
        Some(are_taken)
    }
}

impl Present {
    /// Whether orders go when this key, or the root key that it stands behind, has no connection.
    pub fn is_guarded(&self) -> bool {
        let keys = self.presence.keys();
        keys.guarded.contains_key(&self.key) || keys.before.contains_key(&self.key)
    }
}

impl Drop for Present {
    fn drop(&mut self) {
        self.presence.leave(self.key);
    }
}

/// Waits for a moment; forever if there is none.
async fn until(moment: Option<Timestamp>) {
    match moment {
        Some(moment) => sleep(Duration::from_micros(moment.since(clock::now()))).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;
