//! Which web pages may use the API from somebody's browser: CORS for requests, the Origin check for WebSockets.

use crate::http::problem::Fault;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;
use tower_http::cors::{AllowOrigin, CorsLayer};

/// Headers of answers that pages may read.
const EXPOSED: [HeaderName; 3] =
    [HeaderName::from_static("ratelimit"), HeaderName::from_static("ratelimit-policy"), header::RETRY_AFTER];
/// Headers that pages may send.
const ALLOWED: [HeaderName; 5] = [
    header::AUTHORIZATION,
    header::CONTENT_TYPE,
    HeaderName::from_static("content-digest"),
    HeaderName::from_static("signature"),
    HeaderName::from_static("signature-input"),
];
/// How long a browser may remember what it was told.
const REMEMBERED: Duration = Duration::from_secs(3_600);

/// Where a web page comes from: a scheme and a host with its port, or anywhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Any page, for public reads.
    Any,
    /// Pages of this origin, as browsers write it.
    Of(String),
}

/// What is no origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "an origin is `*`, or a scheme and a host such as https://example.org, in small letters and without a path"
)]
pub struct OriginError;

impl FromStr for Origin {
    type Err = OriginError;

    fn from_str(text: &str) -> Result<Self, OriginError> {
        if text == "*" {
            return Ok(Self::Any);
        }
        let host =
            text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).ok_or(OriginError)?;
        let is_plain = !host.contains(['/', '?', '#', '@']) && host.to_lowercase() == host;
        let has_host = text.parse::<Uri>().is_ok_and(|uri| uri.host().is_some());
        if is_plain && has_host { Ok(Self::Of(text.to_owned())) } else { Err(OriginError) }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("*"),
            Self::Of(origin) => f.write_str(origin),
        }
    }
}

fn is_listed(origins: &[Origin], origin: &[u8]) -> bool {
    origins.iter().any(|listed| matches!(listed, Origin::Of(listed) if listed.as_bytes() == origin))
}

/// What browsers are told about pages of other origins.
pub(crate) fn cors(origins: Vec<Origin>) -> CorsLayer {
    let allowed = move |origin: &HeaderValue, request: &Parts| {
        is_listed(&origins, origin.as_bytes()) || (origins.contains(&Origin::Any) && is_public_read(request))
    };
    CorsLayer::new()
        .allow_origin(AllowOrigin::predicate(allowed))
        .allow_methods([Method::GET, Method::POST])
        .allow_headers(ALLOWED)
        .expose_headers(EXPOSED)
        .max_age(REMEMBERED)
}

/// Whether a request, or the one that a browser asks leave for, reads what everybody may read.
fn is_public_read(request: &Parts) -> bool {
    let headers = &request.headers;
    let method = match headers.get(header::ACCESS_CONTROL_REQUEST_METHOD) {
        Some(method) if request.method == Method::OPTIONS => method.as_bytes(),
        _ => request.method.as_str().as_bytes(),
    };
    let asks_for_headers = headers.contains_key(header::ACCESS_CONTROL_REQUEST_HEADERS);
    let is_authorised = headers.contains_key(header::AUTHORIZATION) || headers.contains_key("signature");
    (method == b"GET" || method == b"HEAD") && !asks_for_headers && !is_authorised
}

/// Checks where the page comes from that opens a WebSocket: browsers let any page do so, and say which it was. Programs
/// send no origin.
///
/// # Errors
/// The page is neither the server's own nor of a listed origin.
pub(crate) fn check(origins: &[Origin], headers: &HeaderMap) -> Result<(), Fault> {
    let Some(origin) = headers.get(header::ORIGIN) else { return Ok(()) };
    let own = headers.get(header::HOST).is_some_and(|host| is_of_host(origin.as_bytes(), host.as_bytes()));
    if own || is_listed(origins, origin.as_bytes()) { Ok(()) } else { Err(Fault::bad_origin()) }
}

fn is_of_host(origin: &[u8], host: &[u8]) -> bool {
    let bare = origin.strip_prefix(b"https://").or_else(|| origin.strip_prefix(b"http://"));
    bare.is_some_and(|bare| !host.is_empty() && bare.eq_ignore_ascii_case(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_as_browsers_write_them() {
        let check = |text: &str, good: bool| assert_eq!(text.parse::<Origin>().is_ok(), good, "{text:?}");
        check("*", true);
        check("https://example.org", true);
        check("http://localhost:3000", true);
        check("https://[::1]:3000", true);
        for bad in
            ["", "null", "example.org", "https://", "https://example.org/", "https://Example.org", "ftp://a"]
        {
            check(bad, false);
        }
        for bad in ["https://a@b", "https://a?b", "https://a#b", "https://a b", "* "] {
            check(bad, false);
        }
    }

    #[test]
    fn a_socket_is_opened_by_programs_own_pages_and_listed_ones() {
        let origins = ["https://example.org".parse().unwrap(), Origin::Any];
        let check_one = |origin: Option<&str>, host: &str, good: bool| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, HeaderValue::from_str(host).unwrap());
            if let Some(origin) = origin {
                headers.insert(header::ORIGIN, HeaderValue::from_str(origin).unwrap());
            }
            assert_eq!(check(&origins, &headers).is_ok(), good, "{origin:?} at {host}");
        };
        check_one(None, "bandex.example", true);
        check_one(Some("https://example.org"), "bandex.example", true);
        check_one(Some("https://bandex.example"), "bandex.example", true);
        check_one(Some("http://127.0.0.1:8420"), "127.0.0.1:8420", true);
        check_one(Some("http://127.0.0.1:8421"), "127.0.0.1:8420", false);
        check_one(Some("https://example.org.evil"), "bandex.example", false);
        check_one(Some("https://evil"), "bandex.example", false);
        check_one(Some("http://example.org"), "bandex.example", false);
        check_one(Some("null"), "bandex.example", false);
        check_one(Some("https://"), "", false);
    }
}
