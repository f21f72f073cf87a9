//! What the engine has of the Bitcoin chain, as far as it is durable: for the follower, which tells what is missing.
//!
//! Headers are copied once, when the chain is chosen or the server starts. From then on the copy grows by what the
//! follower sends, since nothing else brings headers in: so it never is copied again.

use bandex_engine::{DealState, Engine, Event};
use bandex_sequencer::Applied;
use bandex_spv::Headers;
use bandex_types::Hash;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use tokio::sync::watch;

/// The scripts that payments may come to, each with the lowest height of a block that may hold one.
type Scripts = BTreeMap<Vec<u8>, u32>;

/// The headers; none before the operator has chosen a chain.
pub(crate) type KnownHeaders = Arc<RwLock<Headers>>;

/// What the engine has.
#[derive(Debug)]
pub(crate) struct Known {
    /// Whether anybody follows: if not, the headers are not copied.
    is_followed: bool,
    chain: watch::Sender<Option<KnownHeaders>>,
    scripts: Mutex<Arc<Scripts>>,
    /// Transactions with the blocks that they were proven to be in.
    payments: Mutex<BTreeSet<(Hash, Hash)>>,
}

/// How far below the height at which a script was named it may be paid, after a reorganisation: deeper ones the public
/// networks have not seen for years.
const REORGANISED: u32 = 20;

/// The lowest height of a block that may pay a script named when the chain was so high.
const fn lowest(named_at: u32) -> u32 {
    named_at.saturating_sub(REORGANISED)
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Known {
    /// What an engine has, all of it durable.
    pub fn of(engine: &Engine, is_followed: bool) -> Arc<Self> {
        let above = |(script, height): (Vec<u8>, u32)| (script, lowest(height));
        let scripts: Scripts = engine.watched_scripts().into_iter().map(above).collect();
        let known = Self {
            is_followed,
            chain: watch::Sender::default(),
            scripts: Mutex::new(Arc::new(scripts)),
            payments: Mutex::new(engine.proven_payments().collect()),
        };
        known.begin(engine);
        Arc::new(known)
    }

    /// Takes in what has become durable.
    pub fn commit(&self, engine: &Engine, applied: &[Applied]) {
        for event in applied.iter().flat_map(|applied| &applied.outcome.events) {
            match event {
                Event::Bitcoin(_) => self.begin(engine),
                Event::Deal(deal) => self.watch(deal),
                Event::Payment(state) => {
                    locked(&self.payments).insert((state.txid, state.block));
                }
                _ => {}
            }
        }
    }

    fn begin(&self, engine: &Engine) {
        if let Some((_, headers)) = engine.bitcoin().filter(|_| self.is_followed) {
            self.chain.send_replace(Some(Arc::new(RwLock::new(headers.clone()))));
        }
    }

    fn watch(&self, deal: &DealState) {
        let Some(payee) = &deal.payee else { return };
        let mut scripts = locked(&self.scripts);
        let is_watched = scripts.contains_key(&payee.script);
        match deal.deal.state().is_over() {
            true if is_watched => {
                Arc::make_mut(&mut scripts).remove(&payee.script);
            }
            false if !is_watched => {
                Arc::make_mut(&mut scripts).insert(payee.script.clone(), lowest(payee.height));
            }
            _ => {}
        }
    }

    /// The scripts that payments may come to.
    pub fn scripts(&self) -> Arc<Scripts> {
        Arc::clone(&locked(&self.scripts))
    }

    /// Whether a transaction was proven to be in a block.
    pub fn has_payment(&self, txid: &[u8; 32], block: &[u8; 32]) -> bool {
        locked(&self.payments).contains(&(Hash::new(*txid), Hash::new(*block)))
    }

    /// The headers, once there is a chain to follow; whoever brings headers in extends them.
    pub fn chain(&self) -> watch::Receiver<Option<KnownHeaders>> {
        self.chain.subscribe()
    }
}
