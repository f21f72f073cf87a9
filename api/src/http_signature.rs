//! Signed HTTP requests (RFC 9421) as their headers have them: what must be covered, read and written alike by server
//! and SDK. Signing itself is TradeChain's.

use bandex_types::{PublicKey, SignatureBytes};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sfv::{BareItem, Dictionary, FieldType, InnerList, ListEntry, Parser};
use sha2::{Digest, Sha256};

/// The label under which requests are signed here.
const LABEL: &str = "sig1";
/// What every signature covers, in the order in which the SDKs name it.
const COVERED: [&str; 4] = ["@method", "@authority", "@path", "@query"];
/// What it covers besides, if there is a body.
const CONTENT_DIGEST: &str = "content-digest";
/// The longest nonce.
const NONCE_BYTES_MAX: usize = 64;

/// Why a request's signature cannot be read or made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HttpSignatureError {
    /// A header is missing.
    #[error("the header {0} is missing")]
    NoHeader(&'static str),
    /// A header is no dictionary of structured field values (RFC 9651), or its members are of another kind.
    #[error("the header {0} cannot be read as RFC 9421 has it")]
    Unreadable(&'static str),
    /// Several signatures, and none of them is the one that is asked for.
    #[error("the request has several signatures; name the one for this server sig1")]
    NoLabel,
    /// A parameter is missing or wrong.
    #[error("the parameter {0} is missing or wrong: it must be {1}")]
    Parameter(&'static str, &'static str),
    /// Something that must be covered is not.
    #[error("the signature must cover \"{0}\"")]
    NotCovered(&'static str),
    /// Something is covered that is not known here, has parameters, or comes twice.
    #[error("the signature covers {0}, which is not known here or comes twice")]
    Covered(String),
    /// The digest is not that of the body.
    #[error("the header Content-Digest is not the body's: it must be sha-256=:BASE64:")]
    Digest,
}

/// The parts of a request that a signature may cover.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HttpTarget<'a> {
    /// The method, such as `GET`.
    pub method: &'a str,
    /// Host and port as in the header Host.
    pub authority: &'a str,
    /// The path as it is sent.
    pub path: &'a str,
    /// The query as it is sent, without its question mark.
    pub query: Option<&'a str>,
    /// The header Content-Digest.
    pub content_digest: Option<&'a str>,
}

/// What the header Signature-Input says of one signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureInput {
    label: String,
    components: Vec<String>,
    params: String,
    /// When it was signed, in seconds since 1970.
    pub created_s: u64,
    /// Until when it serves, in seconds since 1970, if its signer bounds that.
    pub expires_s: Option<u64>,
    /// Who signed.
    pub key: PublicKey,
    /// Serves once.
    pub nonce: String,
    /// For which node, if the signer says so: its key, hex. Any other node refuses it then.
    pub tag: Option<String>,
}

impl SignatureInput {
    /// For a request that is to be signed.
    ///
    /// # Errors
    /// Nonce or tag cannot stand in a header.
    pub fn new(
        key: PublicKey,
        created_s: u64,
        nonce: &str,
        tag: Option<&str>,
        has_body: bool,
    ) -> Result<Self, HttpSignatureError> {
        let covered = COVERED.iter().chain(has_body.then_some(&CONTENT_DIGEST));
        let covered: Vec<String> = covered.map(|name| format!("\"{name}\"")).collect();
        let tag = tag.map(|tag| format!(";tag=\"{tag}\"")).unwrap_or_default();
        let header = format!(
            "{LABEL}=({});created={created_s};keyid=\"{key}\";alg=\"ed25519\";nonce=\"{nonce}\"{tag}",
            covered.join(" ")
        );
        Self::parse(&header)
    }

    /// From the header Signature-Input.
    ///
    /// # Errors
    /// See [`HttpSignatureError`].
    pub fn parse(header: &str) -> Result<Self, HttpSignatureError> {
        const NAME: &str = "Signature-Input";
        let (label, entry) = one(header, NAME)?;
        let ListEntry::InnerList(list) = entry else {
            return Err(HttpSignatureError::Unreadable(NAME));
        };
        let text = |name: &str| list.params.get(name).and_then(BareItem::as_string).map(|text| text.as_str());
        let number = |name: &str| {
            list.params.get(name).and_then(BareItem::as_integer).and_then(|number| u64::try_from(number).ok())
        };
        let created_s = number("created")
            .ok_or(HttpSignatureError::Parameter("created", "a time in whole seconds since 1970"))?;
        let expires_s = number("expires");
        if expires_s.is_none() && list.params.contains_key("expires") {
            return Err(HttpSignatureError::Parameter("expires", "a time in whole seconds since 1970"));
        }
        let key = text("keyid").and_then(|key| key.parse().ok());
        let key = key.ok_or(HttpSignatureError::Parameter("keyid", "the public key, 64 hex digits"))?;
        if list.params.contains_key("alg") && text("alg") != Some("ed25519") {
            return Err(HttpSignatureError::Parameter("alg", "ed25519"));
        }
        let nonce = text("nonce").filter(|nonce| (1..=NONCE_BYTES_MAX).contains(&nonce.len()));
        let nonce = nonce.ok_or(HttpSignatureError::Parameter("nonce", "a text of 1 to 64 characters"))?;
        let (nonce, tag) = (nonce.to_owned(), text("tag").map(str::to_owned));
        if tag.is_none() && list.params.contains_key("tag") {
            return Err(HttpSignatureError::Parameter("tag", "the node's key, 64 hex digits"));
        }
        let components = components_of(&list)?;
        let params = vec![ListEntry::InnerList(list)].serialize();
        let params = params.ok_or(HttpSignatureError::Unreadable(NAME))?;
        Ok(Self { label, components, params, created_s, expires_s, key, nonce, tag })
    }

    /// The header Signature-Input.
    pub fn header(&self) -> String {
        format!("{}={}", self.label, self.params)
    }

    /// The covered names with the parameters: the last line of what is signed.
    pub fn params(&self) -> &str {
        &self.params
    }

    /// Whether the body is covered, by its digest.
    pub fn covers_body(&self) -> bool {
        self.components.iter().any(|name| name == CONTENT_DIGEST)
    }

    /// The covered components of a request, in the order in which they are signed.
    ///
    /// # Errors
    /// The digest is covered and the request has none.
    pub fn values(&self, target: &HttpTarget<'_>) -> Result<Vec<(String, String)>, HttpSignatureError> {
        let value = |name: &String| {
            let value = match name.as_str() {
                "@method" => target.method.to_owned(),
                "@authority" => normal_authority(target.authority),
                "@path" if target.path.is_empty() => "/".to_owned(),
                "@path" => target.path.to_owned(),
                "@query" => format!("?{}", target.query.unwrap_or_default()),
                _ => {
                    let digest = target.content_digest;
                    digest.ok_or(HttpSignatureError::NoHeader("Content-Digest"))?.trim().to_owned()
                }
            };
            Ok((name.clone(), value))
        };
        self.components.iter().map(value).collect()
    }

    /// The signature of this label out of the header Signature.
    ///
    /// # Errors
    /// There is none, or it has not 64 bytes.
    pub fn signature(&self, header: &str) -> Result<SignatureBytes, HttpSignatureError> {
        let unreadable = || HttpSignatureError::Unreadable("Signature");
        let all: Dictionary = Parser::new(header).parse().map_err(|_| unreadable())?;
        let Some(ListEntry::Item(item)) = all.get(self.label.as_str()) else { return Err(unreadable()) };
        let bytes = item.bare_item.as_byte_sequence().and_then(|bytes| <[u8; 64]>::try_from(bytes).ok());
        bytes.map(SignatureBytes::new).ok_or_else(unreadable)
    }

    /// The header Signature.
    pub fn signature_header(&self, signature: &SignatureBytes) -> String {
        format!("{}=:{}:", self.label, STANDARD.encode(signature.as_bytes()))
    }
}

/// The one member of a dictionary, or among several the one of our label.
fn one(header: &str, name: &'static str) -> Result<(String, ListEntry), HttpSignatureError> {
    let mut all: Dictionary =
        Parser::new(header).parse().map_err(|_| HttpSignatureError::Unreadable(name))?;
    let found = if all.len() == 1 { all.pop() } else { all.swap_remove_entry(LABEL) };
    found.map(|(label, entry)| (label.as_str().to_owned(), entry)).ok_or(HttpSignatureError::NoLabel)
}

/// The covered names: all that must be, and nothing that is not known here.
fn components_of(list: &InnerList) -> Result<Vec<String>, HttpSignatureError> {
    let mut names: Vec<String> = Vec::new();
    for item in &list.items {
        let name = item.bare_item.as_string().map(|name| name.as_str()).unwrap_or_default();
        let known = COVERED.contains(&name) || name == CONTENT_DIGEST;
        if !known || !item.params.is_empty() || names.iter().any(|known| known == name) {
            return Err(HttpSignatureError::Covered(format!("{name:?}")));
        }
        names.push(name.to_owned());
    }
    match COVERED.iter().find(|needed| !names.iter().any(|name| name == *needed)) {
        Some(missing) => Err(HttpSignatureError::NotCovered(missing)),
        None => Ok(names),
    }
}

/// Host and port, lower case, without a port that the scheme means anyway (RFC 9421, 2.2.3).
fn normal_authority(authority: &str) -> String {
    let lower = authority.to_ascii_lowercase();
    let bare = lower.strip_suffix(":443").or_else(|| lower.strip_suffix(":80"));
    bare.map(str::to_owned).unwrap_or(lower)
}

/// The header Content-Digest of a body (RFC 9530).
pub fn content_digest(body: &[u8]) -> String {
    format!("sha-256=:{}:", STANDARD.encode(Sha256::digest(body)))
}

/// Whether the header Content-Digest is that of a body.
///
/// # Errors
/// It has no sha-256, or that of another body.
pub fn check_content_digest(header: &str, body: &[u8]) -> Result<(), HttpSignatureError> {
    let all: Dictionary = Parser::new(header).parse().map_err(|_| HttpSignatureError::Digest)?;
    match all.get("sha-256") {
        Some(ListEntry::Item(item))
            if item.bare_item.as_byte_sequence() == Some(Sha256::digest(body).as_slice()) =>
        {
            Ok(())
        }
        _ => Err(HttpSignatureError::Digest),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "26b40b8f93fff3d897112f7ebc582b232dbd72517d082fe83cfb30ddce43d1bb";

    fn key() -> PublicKey {
        KEY.parse().unwrap()
    }

    #[test]
    fn what_is_written_is_read_again() {
        let made = SignatureInput::new(key(), 1_618_884_473, "n-1", None, false).unwrap();
        let params = format!(
            "(\"@method\" \"@authority\" \"@path\" \"@query\");created=1618884473;keyid=\"{KEY}\";alg=\"ed25519\";nonce=\"n-1\""
        );
        assert_eq!((made.params(), made.header()), (params.as_str(), format!("sig1={params}")));
        assert_eq!(SignatureInput::parse(&made.header()), Ok(made.clone()));
        let target = HttpTarget {
            method: "GET",
            authority: "Exchange.example:443",
            path: "/v1/orders",
            query: Some("limit=2&cursor=a"),
            content_digest: None,
        };
        let values: Vec<String> = made.values(&target).unwrap().into_iter().map(|(_, value)| value).collect();
        assert_eq!(values, ["GET", "exchange.example", "/v1/orders", "?limit=2&cursor=a"]);
        let bare = HttpTarget { query: None, path: "", authority: "[::1]:8080", ..target };
        let values: Vec<String> = made.values(&bare).unwrap().into_iter().map(|(_, value)| value).collect();
        assert_eq!(values, ["GET", "[::1]:8080", "/", "?"]);
        let signature = SignatureBytes::new([7; 64]);
        assert_eq!(made.signature(&made.signature_header(&signature)), Ok(signature));
        let with_body = SignatureInput::new(key(), 1, "n", Some(KEY), true).unwrap();
        assert!(with_body.covers_body() && !made.covers_body());
        assert_eq!(with_body.tag.as_deref(), Some(KEY));
        assert_eq!(with_body.values(&target), Err(HttpSignatureError::NoHeader("Content-Digest")));
    }

    /// RFC 9530, appendix B.1: `{"hello": "world"}` and a line feed.
    #[test]
    fn digests_are_the_standards_own() {
        let digest = "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:";
        assert_eq!(content_digest(b"{\"hello\": \"world\"}\n"), digest);
        let check = |header: &str, body: &[u8]| check_content_digest(header, body).is_ok();
        assert!(check(digest, b"{\"hello\": \"world\"}\n"));
        assert!(!check(digest, b"{\"hello\": \"world\"}"));
        assert!(check(&format!("sha-512=:AAAA:, {digest}"), b"{\"hello\": \"world\"}\n"));
        assert!(!check("sha-512=:AAAA:", b""));
        assert!(!check("sha-256=RK", b""));
    }

    #[test]
    fn what_does_not_protect_enough_is_refused() {
        let all = "\"@method\" \"@authority\" \"@path\" \"@query\"";
        let rest = format!(";created=1;keyid=\"{KEY}\";nonce=\"n\"");
        assert!(SignatureInput::parse(&format!("a=({all}){rest}")).is_ok(), "any label, alg left out");
        assert!(SignatureInput::parse(&format!("a=(), sig1=({all}){rest}")).is_ok());
        let check = |header: String, part: &str| {
            let error = SignatureInput::parse(&header).expect_err(&header).to_string();
            assert!(error.contains(part), "{header}: {error}");
        };
        check(String::new(), "several");
        check("sig1".to_owned(), "cannot be read");
        check("sig1=((".to_owned(), "cannot be read");
        check(format!("a=({all}){rest}, b=({all}){rest}"), "several");
        check(format!("sig1=(\"@method\" \"@authority\" \"@path\"){rest}"), "@query");
        check(format!("sig1=({all} \"@path\"){rest}"), "@path");
        check(format!("sig1=({all} \"date\"){rest}"), "date");
        check(format!("sig1=({all} \"content-digest\";req){rest}"), "content-digest");
        check(format!("sig1=({all} token){rest}"), "not known");
        for (wrong, part) in [
            (format!(";keyid=\"{KEY}\";nonce=\"n\""), "created"),
            (format!(";created=-1;keyid=\"{KEY}\";nonce=\"n\""), "created"),
            (format!(";created=1.5;keyid=\"{KEY}\";nonce=\"n\""), "created"),
            (";created=1;keyid=\"me\";nonce=\"n\"".to_owned(), "keyid"),
            (";created=1;nonce=\"n\"".to_owned(), "keyid"),
            (format!(";created=1;keyid=\"{KEY}\""), "nonce"),
            (format!(";created=1;keyid=\"{KEY}\";nonce=\"\""), "nonce"),
            (format!(";created=1;keyid=\"{KEY}\";nonce=\"{KEY}0\""), "nonce"),
            (format!("{rest};alg=\"rsa-v1_5-sha256\""), "alg"),
            (format!("{rest};alg=ed25519"), "alg"),
            (format!("{rest};expires=\"soon\""), "expires"),
            (format!("{rest};tag=1"), "tag"),
        ] {
            check(format!("sig1=({all}){wrong}"), part);
        }
        let good = SignatureInput::new(key(), 1, "n", None, false).unwrap();
        for wrong in ["", "sig1", "sig1=:AAAA:", "sig1=\"AAAA\"", "other=:AAAA:"] {
            assert_eq!(good.signature(wrong), Err(HttpSignatureError::Unreadable("Signature")), "{wrong}");
        }
        assert!(SignatureInput::new(key(), 1, "a\"b", None, false).is_err());
    }
}
