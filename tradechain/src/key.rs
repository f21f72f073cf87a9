//! Ed25519 keys: which are fit to register, how to sign, how to check.

use crate::Domain;
use bandex_types::{PublicKey, SignatureBytes};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};

/// Why a key or a signature is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The 32 bytes are no point of the curve, or a second spelling of one.
    #[error("the key is not the canonical encoding of a point of the curve; make a new one")]
    NotCanonical,
    /// A point of small order: anyone could sign for it.
    #[error("the key is weak (a point of small order); make a new one")]
    Weak,
    /// The signature does not belong to these bytes and this key.
    #[error("the signature does not match the bytes, the key and the purpose")]
    BadSignature,
}

impl KeyError {
    /// The stable code that programs test for, when the key is the author's.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotCanonical => "key_not_canonical",
            Self::Weak => "weak_key",
            Self::BadSignature => "bad_signature",
        }
    }
}

/// The field prime 2^255 − 19, little-endian.
const FIELD_PRIME: [u8; 32] = {
    let mut prime = [0xff; 32];
    prime[0] = 0xed;
    prime[31] = 0x7f;
    prime
};

/// Checks that a key is canonical and not weak, and gives the form that verifies.
fn checked(key: &PublicKey) -> Result<VerifyingKey, KeyError> {
    let mut y = *key.as_bytes();
    if let Some(last) = y.last_mut() {
        *last &= 0x7f;
    }
    // Little-endian numbers compare from the last byte: y must be below the prime, or it has a second spelling.
    if y.iter().rev().ge(FIELD_PRIME.iter().rev()) {
        return Err(KeyError::NotCanonical);
    }
    let verifying = VerifyingKey::from_bytes(key.as_bytes()).map_err(|_| KeyError::NotCanonical)?;
    if verifying.is_weak() { Err(KeyError::Weak) } else { Ok(verifying) }
}

/// Whether a key is fit to sign anything.
///
/// # Errors
/// It is a second spelling, no point, or of small order.
pub(crate) fn check_fit(key: &PublicKey) -> Result<(), KeyError> {
    checked(key).map(drop)
}

/// Checks `signature` over the tag of `domain` and `bytes`, by the strict rule: no malleable or small-order forms.
pub(crate) fn check_signature(
    key: &PublicKey,
    domain: Domain,
    bytes: &[u8],
    signature: &SignatureBytes,
) -> Result<(), KeyError> {
    check_plain(key, &domain.preimage(bytes), signature)
}

/// The same over bytes that no tag precedes.
pub(crate) fn check_plain(key: &PublicKey, bytes: &[u8], signature: &SignatureBytes) -> Result<(), KeyError> {
    checked(key)?
        .verify_strict(bytes, &Signature::from_bytes(signature.as_bytes()))
        .map_err(|_| KeyError::BadSignature)
}

/// A signing key with its public half.
pub struct Keypair(SigningKey);

impl Keypair {
    /// From a 32-byte secret seed; the caller brings the randomness.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    /// The secret seed, to store it. Never log it.
    pub fn seed(&self) -> [u8; 32] {
        self.0.to_bytes()
    }

    /// The public half.
    pub fn public(&self) -> PublicKey {
        PublicKey::new(self.0.verifying_key().to_bytes())
    }

    /// Signs `bytes` for one purpose.
    pub fn sign(&self, domain: Domain, bytes: &[u8]) -> SignatureBytes {
        self.sign_plain(&domain.preimage(bytes))
    }

    /// Signs bytes that no tag precedes: only those whose first byte no tag begins with.
    pub(crate) fn sign_plain(&self, bytes: &[u8]) -> SignatureBytes {
        SignatureBytes::new(self.0.sign(bytes).to_bytes())
    }
}

impl Clone for Keypair {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl std::fmt::Debug for Keypair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Keypair({})", self.public())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Test vector: a key of all sevens.
    fn pair() -> Keypair {
        Keypair::from_seed(&[7; 32])
    }

    #[test]
    fn a_signature_serves_one_purpose_one_text_one_key() {
        let signature = pair().sign(Domain::Block, b"text");
        let check = |key: &PublicKey, domain, bytes: &[u8]| check_signature(key, domain, bytes, &signature);
        assert_eq!(check(&pair().public(), Domain::Block, b"text"), Ok(()));
        assert_eq!(check(&pair().public(), Domain::Login, b"text"), Err(KeyError::BadSignature));
        assert_eq!(check(&pair().public(), Domain::Block, b"test"), Err(KeyError::BadSignature));
        let other = Keypair::from_seed(&[8; 32]).public();
        assert_eq!(check(&other, Domain::Block, b"text"), Err(KeyError::BadSignature));
    }

    #[test]
    fn weak_and_second_spellings_are_refused() {
        let refusal = |bytes: [u8; 32]| checked(&PublicKey::new(bytes)).err();
        let mut identity = [0; 32];
        identity[0] = 1;
        assert_eq!(refusal(identity), Some(KeyError::Weak));
        assert_eq!(refusal([0; 32]), Some(KeyError::Weak), "a point of order 4");
        // p + 1 is a second spelling of 1.
        let mut second_spelling = FIELD_PRIME;
        second_spelling[0] = 0xee;
        assert_eq!(refusal(second_spelling), Some(KeyError::NotCanonical));
        assert_eq!(refusal([0xff; 32]), Some(KeyError::NotCanonical));
        let mut no_point = [0; 32];
        no_point[0] = 2;
        assert_eq!(refusal(no_point), Some(KeyError::NotCanonical));
    }
}
