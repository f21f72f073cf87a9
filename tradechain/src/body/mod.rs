//! The kinds of body, one file each: what it says, and the rules it must meet without any state.

mod admission;
mod bandwidth;
mod batch;
mod bitcoin;
mod bond;
mod configure;
mod guard;
mod keys;
mod orders;
mod prefer;
mod receive;
mod settle;
mod transfer;
mod trust;

/// Whether a text holds a control character: a zero byte is refused by some databases, an escape sequence rewrites
/// a terminal, and a line break forges a line of a log.
fn has_control(text: &str) -> bool {
    text.chars().any(char::is_control)
}

pub use admission::{Certify, Claim, Decertify, Fee};
pub use bandwidth::{Bandwidth, Payer};
pub use batch::Batch;
pub use bitcoin::{BitcoinTerms, HEADER_BYTES, PaymentTerms};
pub use bond::{Bond, Unbond};
pub use configure::{
    AssetListing, Change, Configure, MAX_CHANGES, MarketListing, MarketRules, MarketState, Parameters,
};
pub use guard::{Guard, MAX_GUARD_US, MIN_CANCEL_AFTER_US};
pub use keys::{Grant, Heal, Register, Revoke, Rotate, Scopes, leading_zero_bits, possession_statement};
pub use orders::{
    MAX_CLIENT_ID_BYTES, MAX_OPERATIONS, MAX_QUOTES, Operation, Orders, Place, Protection, Quote, Quotes,
    Trigger, TriggerKind,
};
pub use prefer::Prefer;
pub use receive::{MAX_SCRIPT_BYTES, Receive};
pub use settle::{Acknowledge, Cure, MAX_REFERENCE_BYTES, Pay, Resolve, WriteOff};
pub use transfer::{MAX_NOTE_BYTES, Transfer};
pub use trust::{Admission, Fees, TrustTerms};
