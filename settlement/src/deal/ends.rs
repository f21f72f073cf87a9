//! How a deal ends otherwise than by its last payment: a default made good, a loss given up, an end that both agreed on,
//! another deal in its place.

use super::Deal;
use crate::{EndError, Party, State};
use bandex_types::{Amount, Rounding};

impl Deal {
    /// A bond pays the victim of a default for `value` more of its loss, in quote value; what is above the loss is
    /// nothing to the deal. Nothing happens in any other state.
    pub fn cover(&mut self, value: Amount) {
        if let State::Defaulted { by } = self.state {
            let covered = self.covered.checked_add(value).unwrap_or(Amount::MAX);
            self.covered = covered.min(self.owed_by(by));
        }
    }

    /// What the defaulter must send to make its default good, in units of its own leg; base is rounded up, for the
    /// victim, and never more than what it had left to send.
    ///
    /// # Errors
    /// Nobody defaulted, or it was not `by`.
    pub fn cure_units(&self, by: Party) -> Result<Amount, EndError> {
        match self.state {
            State::Defaulted { by: party } if party == by => {}
            State::Defaulted { by: party } => {
                return Err(EndError::NotThisParty { state: self.state, party });
            }
            state => return Err(EndError::WrongState(state)),
        }
        if self.owing(by).is_zero() {
            return Ok(Amount::ZERO);
        }
        let (terms, carried) = (&self.terms, self.carried.unwrap_or_default().by(by));
        let paid = self.sent.by(by).checked_add(self.covered).unwrap_or(Amount::MAX);
        let owed = terms.units_after(by, self.sent.by(by.other()), carried, Rounding::Up);
        Ok(owed.saturating_sub(terms.units_after(by, paid, carried, Rounding::Down)))
    }

    /// The defaulter has sent [`Deal::cure_units`].
    ///
    /// # Errors
    /// Nobody defaulted, or it was not `by`.
    pub fn cure(&mut self, by: Party) -> Result<(), EndError> {
        self.cure_units(by)?;
        // From here the default is made good.
        self.state = State::Cured { by };
        Ok(())
    }

    /// Gives up what the other owes. Of a disputed deal either side may, of a defaulted one the victim.
    ///
    /// What each owed then, [`Deal::owing`], can still be read: giving up is no proof that nothing was owed.
    ///
    /// # Errors
    /// The deal is in another state, or it is the defaulter's.
    pub fn write_off(&mut self, by: Party) -> Result<(), EndError> {
        match self.state {
            State::Disputed { .. } => {}
            State::Defaulted { by: party } if party == by.other() => {}
            State::Defaulted { by: party } => {
                return Err(EndError::NotThisParty { state: self.state, party: party.other() });
            }
            state => return Err(EndError::WrongState(state)),
        }
        // From here it is given up.
        self.state = State::WrittenOff { by };
        Ok(())
    }

    /// Whether both parties may agree on an end.
    ///
    /// # Errors
    /// The deal is neither disputed nor defaulted nor written off.
    pub fn check_resolve(&self) -> Result<(), EndError> {
        match self.state {
            State::Disputed { .. } | State::Defaulted { .. } | State::WrittenOff { .. } => Ok(()),
            state => Err(EndError::WrongState(state)),
        }
    }

    /// Both parties have agreed on an end: nothing is owed any more.
    ///
    /// # Errors
    /// See [`Deal::check_resolve`].
    pub fn resolve(&mut self) -> Result<(), EndError> {
        self.check_resolve()?;
        // From here it is resolved.
        self.state = State::Resolved;
        self.in_flight = None;
        Ok(())
    }

    /// Another deal takes its place.
    ///
    /// # Errors
    /// The deal is not open, or a payment is in flight.
    pub fn replace(&mut self) -> Result<(), EndError> {
        if self.state != State::Open || self.in_flight.is_some() {
            return Err(EndError::WrongState(self.state));
        }
        // From here it is replaced.
        self.state = State::Netted;
        Ok(())
    }
}
