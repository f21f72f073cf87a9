//! The proof of work of `register` and `claim` blocks.

use bandex_tradechain::body::{Claim, Register, leading_zero_bits};
use bandex_tradechain::{Block, Body, Domain};
use bandex_types::BlockId;

/// Searches the nonce that gives a `register` or `claim` block an id with at least `bits` leading zero bits.
///
/// `None` if the block is of another kind or no nonce does it.
pub(crate) fn search(mut block: Block, bits: u8) -> Option<Block> {
    let with: Box<dyn Fn(u64) -> Body> = match &block.body {
        Body::Register(register) => {
            let home = register.home;
            Box::new(move |nonce| Register { home, nonce }.into())
        }
        Body::Claim(_) => Box::new(|nonce| Claim { nonce }.into()),
        _ => return None,
    };
    let bits = u32::from(bits);
    // The nonce is the last field, so only the last eight bytes differ between attempts.
    let mut payload = block.encode();
    let stem = payload.len().checked_sub(8)?;
    let enough = |nonce: &u64| {
        payload.truncate(stem);
        payload.extend_from_slice(&nonce.to_le_bytes());
        leading_zero_bits(&BlockId::new(*Domain::Block.hash(&payload).as_bytes())) >= bits
    };
    let nonce = (0..=u64::MAX).find(enough)?;
    block.body = with(nonce);
    // Counted on the block itself: should the layout ever change, this says so at the first attempt.
    (leading_zero_bits(&block.id()) >= bits).then_some(block)
}
