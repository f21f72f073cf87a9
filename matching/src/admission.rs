//! The question the book asks before two orders trade, answered by whoever knows balances and limits.

use crate::{NewOrder, OrderId, Owner};
use bandex_types::{Price, Quantity, Side};
use std::convert::Infallible;
use std::fmt::Debug;

/// Judges who may trade with whom.
///
/// The book relies on one promise: the answers depend only on the questions since some state, and
/// [`trial_ends`](Self::trial_ends) brings back the state at [`trial_begins`](Self::trial_begins). So the questions of
/// a trial, asked again in the same order, get the same answers.
pub trait Admission {
    /// Why somebody is not admitted; the caller's own type.
    type Reason: Clone + Debug + PartialEq;

    /// Judges the taker, once, before anything happens on the book. Asked only if at least one maker of another owner
    /// stands at an acceptable price. It should reserve nothing: whether a trade follows is not known yet.
    ///
    /// # Errors
    /// The taker may not trade; its whole quantity is cancelled with this reason.
    fn taker(&mut self, taker: &NewOrder) -> Result<(), Self::Reason>;

    /// Judges one pair. On [`Verdict::Admit`] the caller reserves what the trade needs: the trade follows at once, or,
    /// in a trial, what is reserved is kept aside until the trial ends.
    fn pair(&mut self, pair: &Pair) -> Verdict<Self::Reason>;

    /// A trial begins: an order that must trade all or a minimum asks for every maker it would use before it trades. What
    /// [`pair`](Self::pair) reserves from here is undone by [`trial_ends`](Self::trial_ends). Trials do not nest.
    fn trial_begins(&mut self);

    /// The trial ends, and with it every reservation made since it began.
    fn trial_ends(&mut self);
}

/// Two orders that are about to trade.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pair {
    /// Whose the arriving order is.
    pub taker_owner: Owner,
    /// The resting order.
    pub maker: OrderId,
    /// Whose it is, never the taker's owner.
    pub maker_owner: Owner,
    /// Which way the taker trades; the maker trades the other way.
    pub taker_side: Side,
    /// The maker's price in ticks.
    pub price: Price,
    /// Lots they would trade, never 0: the smaller of what the taker has open and the maker shows. A maker that shows
    /// only a part may be asked about again in the same sweep, when its next part's turn comes.
    pub quantity: Quantity,
}

/// What becomes of a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict<R> {
    /// They trade.
    Admit,
    /// The taker may trade no further; the rest of it is cancelled.
    RefuseTaker(R),
    /// The maker is taken off the book, and the next one is asked.
    RemoveMaker(R),
    /// These two do not trade; the maker keeps its place, and the next one is asked.
    Skip,
}

/// Admits everything: for tests and benchmarks.
#[derive(Debug, Clone, Copy, Default)]
pub struct AdmitAll;

impl Admission for AdmitAll {
    type Reason = Infallible;

    fn taker(&mut self, _: &NewOrder) -> Result<(), Infallible> {
        Ok(())
    }

    fn pair(&mut self, _: &Pair) -> Verdict<Infallible> {
        Verdict::Admit
    }

    fn trial_begins(&mut self) {}

    fn trial_ends(&mut self) {}
}
