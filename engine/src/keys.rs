//! Accounts and keys: register, rotate, grant, revoke, heal; and what freezing means.

use crate::Refusal;
use crate::accounts::{AccountIndex, Role};
use crate::apply::{Engine, Signer};
use crate::effects::Effects;
use crate::outcome::{CancelReason, Event, FreezeReason, KeyStatus};
use bandex_tradechain::Block;
use bandex_tradechain::body::{Grant, Heal, Register, Revoke, Rotate, leading_zero_bits};
use bandex_types::{AccountId, BlockId, PublicKey, Timestamp};

impl Engine {
    pub(crate) fn register(
        &mut self,
        register: &Register,
        block: &Block,
        id: BlockId,
        effects: &mut Effects,
    ) -> Result<(), Refusal> {
        self.check_register(register, block, id, self.time)?;
        // From here the account exists.
        let index = self.accounts.add(AccountId::from(id));
        let record = self.seq;
        self.add_key(block.author, index, Role::Root, BlockId::ZERO, effects);
        if let Some(lane) = self.accounts.lane_mut(&block.author) {
            lane.push(block.seq, id, record);
        }
        self.refresh(index, effects);
        effects.account(index);
        effects.balance(index);
        self.tell_trust(index, effects);
        Ok(())
    }

    /// The rules of a register block; the writer asks them too, before it gives the block a place in the journal.
    pub(crate) fn check_register(
        &self,
        register: &Register,
        block: &Block,
        id: BlockId,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        if self.key_is_taken(&block.author) {
            return Err(Refusal::KeyTaken);
        }
        if self.genesis.as_ref().is_none_or(|genesis| genesis.node != register.home) {
            return Err(Refusal::OtherHome);
        }
        if let Some(expiry) = block.expiry.filter(|expiry| *expiry < now) {
            return Err(Refusal::Expired { expiry, sequenced: now });
        }
        let bits = self.parameters.register_work_bits;
        if leading_zero_bits(&id) < u32::from(bits) {
            return Err(Refusal::TooLittleWork { bits });
        }
        Ok(())
    }

    fn add_key(
        &mut self,
        key: PublicKey,
        account: AccountIndex,
        role: Role,
        made_by: BlockId,
        effects: &mut Effects,
    ) {
        self.accounts.add_lane(key, account, role, made_by);
        self.describe_key(key, effects);
    }

    fn describe_key(&self, key: PublicKey, effects: &mut Effects) {
        if let Some(lane) = self.accounts.lane(&key) {
            effects.push(Event::Key(lane.state(key, self.accounts.get(lane.account).id)));
        }
    }

    pub(crate) fn end_key(&mut self, key: PublicKey, status: KeyStatus, effects: &mut Effects) {
        if let Some(lane) = self.accounts.lane_mut(&key) {
            lane.status = status;
        }
        self.describe_key(key, effects);
    }

    pub(crate) fn rotate(
        &mut self,
        signer: Signer<'_>,
        rotate: &Rotate,
        effects: &mut Effects,
    ) -> Result<(), Refusal> {
        if self.key_is_taken(&rotate.key) {
            return Err(Refusal::KeyTaken);
        }
        // From here the new key is the root.
        self.end_key(signer.block.author, KeyStatus::Revoked, effects);
        self.add_key(rotate.key, signer.account, Role::Root, signer.id, effects);
        Ok(())
    }

    fn key_is_taken(&self, key: &PublicKey) -> bool {
        // The node's key signs batches: a lane of traders' blocks under it would blur the two.
        self.accounts.lane(key).is_some() || self.genesis.as_ref().is_some_and(|genesis| genesis.node == *key)
    }

    pub(crate) fn grant(
        &mut self,
        signer: Signer<'_>,
        grant: &Grant,
        effects: &mut Effects,
    ) -> Result<(), Refusal> {
        if self.key_is_taken(&grant.key) {
            return Err(Refusal::KeyTaken);
        }
        // From here the session key has a lane.
        self.add_key(grant.key, signer.account, Role::Session(grant.clone()), signer.id, effects);
        Ok(())
    }

    pub(crate) fn revoke(
        &mut self,
        signer: Signer<'_>,
        revoke: &Revoke,
        effects: &mut Effects,
    ) -> Result<(), Refusal> {
        let lane = self.accounts.lane(&revoke.key).ok_or(Refusal::UnknownKey)?;
        if lane.account != signer.account || !matches!(lane.role, Role::Session(_)) {
            return Err(Refusal::UnknownKey);
        }
        if lane.status == KeyStatus::Revoked {
            return Err(Refusal::KeyRevoked);
        }
        // From here the key is ended, and what it left on the book with it. A forked key stays forked.
        if lane.status == KeyStatus::Active {
            self.end_key(revoke.key, KeyStatus::Revoked, effects);
        }
        self.cancel_where(signer.account, CancelReason::KeyEnded, effects, |order| {
            order.order.key == revoke.key
        });
        Ok(())
    }

    pub(crate) fn heal(
        &mut self,
        signer: Signer<'_>,
        heal: &Heal,
        effects: &mut Effects,
    ) -> Result<(), Refusal> {
        let account = self.accounts.get_mut(signer.account);
        if !account.frozen.remove(&FreezeReason::SessionFork(heal.key)) {
            return Err(Refusal::NothingToHeal);
        }
        effects.account(signer.account);
        self.tell_trust(signer.account, effects);
        Ok(())
    }

    /// A frozen account may only read and settle: it neither orders nor gives tokens away.
    pub(crate) fn refuse_frozen(&self, account: AccountIndex) -> Result<(), Refusal> {
        match self.accounts.get(account).frozen.first() {
            Some(reason) => Err(Refusal::AccountFrozen { reason: *reason }),
            None => Ok(()),
        }
    }

    /// From now on the account may only read and settle; its open orders are cancelled.
    pub(crate) fn freeze(&mut self, account: AccountIndex, reason: FreezeReason, effects: &mut Effects) {
        self.accounts.get_mut(account).frozen.insert(reason);
        effects.account(account);
        self.tell_trust(account, effects);
        self.cancel_where(account, CancelReason::AccountFrozen, effects, |_| true);
    }
}
