//! From which address somebody asks.

use super::problem::Fault;
use crate::edge::Client;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use std::net::IpAddr;

/// The address from which somebody asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Asker(pub IpAddr);

impl<S: Sync> FromRequestParts<S> for Asker {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Fault> {
        // Every request of a trader comes with its client; one that does not must not look like one address.
        let client = parts.extensions.get::<Client>();
        client.map(|client| Self(client.address)).ok_or_else(Fault::internal)
    }
}
