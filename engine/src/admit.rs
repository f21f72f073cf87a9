//! Who is let in: by work, by fees, or by a registrar's certificate; and what each is given once.

use crate::Refusal;
use crate::accounts::AccountIndex;
use crate::apply::{Engine, Signer};
use crate::effects::Effects;
use crate::timers::Timer;
use bandex_tradechain::body::{Admission, Certify, leading_zero_bits};
use bandex_types::{AccountId, Amount};

impl Engine {
    /// Whether an account may order, as far as admission goes. A limit that the operator set admits too.
    pub(crate) fn is_admitted(&self, index: AccountIndex) -> bool {
        let account = self.accounts.get(index);
        let by_terms = match self.trust.terms.admission {
            Admission::Work => true,
            Admission::Fee { amount } => account.stake.paid >= amount,
            Admission::Certificate => {
                account.stake.certificate.is_some_and(|(by, _)| self.trust.registrars.contains(&by))
            }
        };
        by_terms || account.limit.is_some()
    }

    /// Who is not admitted may read and settle, and not order.
    pub(crate) fn refuse_unadmitted(&self, index: AccountIndex) -> Result<(), Refusal> {
        let account = self.accounts.get(index);
        if account.admitted {
            return Ok(());
        }
        let how = match self.trust.terms.admission {
            Admission::Work => return Ok(()),
            Admission::Fee { amount } => {
                format!("pay {} more in fees", amount.saturating_sub(account.stake.paid))
            }
            Admission::Certificate => "have a registrar certify it".to_owned(),
        };
        Err(Refusal::NotAdmitted { how })
    }

    /// Pays free tokens into the issuance account.
    pub(crate) fn fee(
        &mut self,
        signer: Signer<'_>,
        amount: Amount,
        effects: &mut Effects,
    ) -> Result<(), Refusal> {
        self.refuse_frozen(signer.account)?;
        self.ledger.transfer(signer.account, AccountIndex::ISSUANCE, amount)?;
        // From here it is paid.
        effects.balance(signer.account);
        effects.balance(AccountIndex::ISSUANCE);
        self.count_fee(signer.account, amount, effects);
        Ok(())
    }

    /// Gives an account the first grant, against the work in the block that asks for it.
    pub(crate) fn claim(&mut self, signer: Signer<'_>, effects: &mut Effects) -> Result<(), Refusal> {
        let (grant, bits) = (self.trust.terms.first_grant, self.trust.terms.grant_work_bits);
        if grant.is_zero() {
            return Err(Refusal::NoGrant);
        }
        if self.accounts.get(signer.account).stake.granted {
            return Err(Refusal::AlreadyClaimed);
        }
        if leading_zero_bits(&signer.id) < u32::from(bits) {
            return Err(Refusal::TooLittleWork { bits });
        }
        self.refuse_frozen(signer.account)?;
        self.refuse_unadmitted(signer.account)?;
        self.ledger
            .transfer(AccountIndex::ISSUANCE, signer.account, grant)
            .map_err(|short| Refusal::IssuanceCapped { left: short.free })?;
        // From here it is given.
        self.accounts.get_mut(signer.account).stake.granted = true;
        effects.balance(AccountIndex::ISSUANCE);
        effects.balance(signer.account);
        effects.trust(signer.account);
        Ok(())
    }

    /// A registrar vouches for an account.
    pub(crate) fn certify(
        &mut self,
        signer: Signer<'_>,
        certify: &Certify,
        effects: &mut Effects,
    ) -> Result<(), Refusal> {
        let account = self.check_registrar(signer, &certify.account)?;
        self.refuse_frozen(signer.account)?;
        if certify.expires.is_some_and(|expires| expires <= self.time) {
            return Err(Refusal::BadDate);
        }
        // From here it is certified, in place of what it had before.
        let certificate = Some((signer.account, certify.expires));
        let before = std::mem::replace(&mut self.accounts.get_mut(account).stake.certificate, certificate);
        if let Some(expires) = before.and_then(|(_, expires)| expires) {
            self.timers.clear(expires, Timer::Certificate(account));
        }
        if let Some(expires) = certify.expires {
            self.timers.set(expires, Timer::Certificate(account));
        }
        self.stake_changed(account, effects);
        Ok(())
    }

    /// A registrar takes the certificate of an account back, whoever of them gave it.
    pub(crate) fn decertify(
        &mut self,
        signer: Signer<'_>,
        account: &AccountId,
        effects: &mut Effects,
    ) -> Result<(), Refusal> {
        let account = self.check_registrar(signer, account)?;
        // From here it has none.
        self.end_certificate(account, effects);
        Ok(())
    }

    /// A certificate ends: its date has come, or it is taken back.
    pub(crate) fn end_certificate(&mut self, account: AccountIndex, effects: &mut Effects) {
        let Some((_, expires)) = self.accounts.get_mut(account).stake.certificate.take() else { return };
        if let Some(expires) = expires {
            self.timers.clear(expires, Timer::Certificate(account));
        }
        self.stake_changed(account, effects);
    }

    fn check_registrar(&self, signer: Signer<'_>, account: &AccountId) -> Result<AccountIndex, Refusal> {
        if !self.trust.registrars.contains(&signer.account) {
            return Err(Refusal::NotRegistrar);
        }
        self.trader(account)
    }
}
