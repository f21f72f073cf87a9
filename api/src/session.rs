//! Login: a challenge, a signature, a token.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What to sign: the login statement of docs/tradechain.md with this nonce.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Challenge {
    /// The network.
    pub network: u32,
    /// The node's key, hex.
    pub node: String,
    /// Good for one login, hex.
    pub nonce: String,
    /// Until when.
    pub expires_us: u64,
}

/// A signed challenge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Login {
    /// The key that logs in, hex.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    pub key: String,
    /// The nonce of the challenge, hex.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    pub nonce: String,
    /// The key's signature over the login statement, hex.
    #[schema(pattern = "^[0-9a-f]{128}$")]
    pub signature: String,
}

/// What a login gives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Session {
    /// Goes into `Authorization: Bearer TOKEN`.
    pub token: String,
    /// Whose.
    pub account: String,
    /// Until when.
    pub expires_us: u64,
}
