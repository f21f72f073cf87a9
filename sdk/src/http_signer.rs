//! Requests that are signed one by one (RFC 9421), instead of a login: the same authority, for reading only.

use bandex_api::{HttpSignatureError, HttpTarget, SignatureInput, content_digest};
use bandex_tradechain::{HttpRequest, Keypair};
use bandex_types::{PublicKey, Timestamp};

/// The bytes of chance in a nonce, which makes each signature serve once.
const NONCE_BYTES: usize = 16;
const SECOND_US: u64 = 1_000_000;

/// A key that signs HTTP requests for one node.
///
/// ```
/// use bandex_sdk::{HttpSigner, api::HttpTarget, tradechain::Keypair, types::Timestamp};
/// let (keypair, node) = (Keypair::from_seed(&[1; 32]), Keypair::from_seed(&[9; 32]).public());
/// let signer = HttpSigner::new(keypair, node);
/// let request = HttpTarget {
///     method: "GET",
///     authority: "exchange.example",
///     path: "/v1/orders",
///     query: Some("state=open"),
///     content_digest: None,
/// };
/// let now = Timestamp::from_micros(1_777_689_383_201_000);
/// let headers = signer.headers(now, "n-1", &request, None)?;
/// assert!(headers[0].1.contains("created=1777689383") && headers[1].0 == "Signature");
/// # Ok::<(), bandex_sdk::api::HttpSignatureError>(())
/// ```
#[derive(Debug, Clone)]
pub struct HttpSigner {
    keypair: Keypair,
    node: PublicKey,
}

impl HttpSigner {
    /// Signs with a key of an account, for `node` only: another node that is shown the request refuses it.
    pub const fn new(keypair: Keypair, node: PublicKey) -> Self {
        Self { keypair, node }
    }

    /// Who signs.
    pub fn key(&self) -> PublicKey {
        self.keypair.public()
    }

    /// The headers by which a request is signed: Signature-Input, Signature, and Content-Digest if there is a body. The
    /// node takes them within half a minute of `now`, and each `nonce` of a key once.
    ///
    /// # Errors
    /// The nonce cannot stand in a header: it is a text of 1 to 64 characters.
    pub fn headers(
        &self,
        now: Timestamp,
        nonce: &str,
        request: &HttpTarget<'_>,
        body: Option<&[u8]>,
    ) -> Result<Vec<(&'static str, String)>, HttpSignatureError> {
        let (created_s, tag) = (now.as_micros() / SECOND_US, self.node.to_string());
        let input = SignatureInput::new(self.key(), created_s, nonce, Some(&tag), body.is_some())?;
        let digest = body.map(content_digest);
        let request = HttpTarget { content_digest: digest.as_deref(), ..*request };
        let components = input.values(&request)?;
        let signature = HttpRequest { components: &components, params: input.params() }.sign(&self.keypair);
        let mut headers =
            vec![("Signature-Input", input.header()), ("Signature", input.signature_header(&signature))];
        headers.extend(digest.map(|digest| ("Content-Digest", digest)));
        Ok(headers)
    }

    /// A nonce from the system's randomness.
    ///
    /// # Errors
    /// The system gives none.
    pub fn nonce() -> std::io::Result<String> {
        let mut bytes = [0; NONCE_BYTES];
        getrandom::fill(&mut bytes).map_err(|error| std::io::Error::other(error.to_string()))?;
        Ok(hex::encode(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{NOW, keypair};

    #[test]
    fn what_is_signed_is_what_the_server_reads() {
        let check = |body: Option<&[u8]>| {
            let signer = HttpSigner::new(keypair(1), keypair(9).public());
            let target = HttpTarget {
                method: "GET",
                authority: "127.0.0.1:8420",
                path: "/v1/fills",
                query: None,
                content_digest: None,
            };
            let headers = signer.headers(NOW, "n", &target, body).unwrap();
            let header =
                |name| headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str());
            let input = SignatureInput::parse(header("Signature-Input").unwrap()).unwrap();
            assert_eq!((input.key, input.created_s), (keypair(1).public(), NOW.as_micros() / 1_000_000));
            assert_eq!(input.tag, Some(keypair(9).public().to_string()));
            assert_eq!(
                (input.covers_body(), header("Content-Digest").is_some()),
                (body.is_some(), body.is_some())
            );
            let signature = input.signature(header("Signature").unwrap()).unwrap();
            let seen = |path| {
                let seen = HttpTarget { path, content_digest: header("Content-Digest"), ..target };
                let components = input.values(&seen).unwrap();
                HttpRequest { components: &components, params: input.params() }.check(&input.key, &signature)
            };
            assert_eq!(seen("/v1/fills"), Ok(()));
            assert!(seen("/v1/orders").is_err(), "another page");
        };
        check(None);
        check(Some(b"{}"));
        let signer = HttpSigner::new(keypair(1), keypair(9).public());
        let target =
            HttpTarget { method: "GET", authority: "a", path: "/", query: None, content_digest: None };
        assert!(signer.headers(NOW, "", &target, None).is_err());
        assert_ne!(HttpSigner::nonce().unwrap(), HttpSigner::nonce().unwrap());
    }
}
