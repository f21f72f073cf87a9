//! How the traders' listener meets the world: TLS, proxies, origins, caps, rate limits.

use super::origin::Origin;
use super::quota::RateLimits;
use ipnet::IpNet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Where certificate and key for TLS lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate and those between it and an authority, in PEM, the server's own first.
    pub certificates: PathBuf,
    /// Its private key, in PEM.
    pub key: PathBuf,
}

/// How the traders' listener meets the world.
#[derive(Debug, Clone)]
pub struct EdgeOptions {
    /// Certificate and key, if the listener itself speaks TLS.
    pub tls: Option<TlsFiles>,
    /// The proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// The origins of web pages that may use the API from a browser.
    pub origins: Vec<Origin>,
    /// The most connections, those of WebSockets included.
    pub connections_max: usize,
    /// The most connections of one address; proxies that are trusted may have more.
    pub connections_per_address_max: usize,
    /// The most WebSockets of one client, also through a proxy that is trusted.
    pub sockets_per_address_max: usize,
    /// How long a client may take to send the head of a request, or to make up its mind for the next one; and how long
    /// to send its body.
    pub header_time: Duration,
    /// The most requests worked on at once; more are shed. Whether the node is there is told beside them.
    pub requests_max: usize,
    /// How much a client may ask in what time.
    pub rate_limits: RateLimits,
    /// Where metrics are served without a token, if anywhere; the admin listener serves them with its token.
    pub metrics_listen: Option<SocketAddr>,
}

impl Default for EdgeOptions {
    /// No TLS, no proxy, no foreign origins, and caps and limits that no program of one's own meets.
    fn default() -> Self {
        Self {
            tls: None,
            trusted_proxies: Vec::new(),
            origins: Vec::new(),
            connections_max: 16_384,
            connections_per_address_max: 16_384,
            sockets_per_address_max: 16_384,
            header_time: Duration::from_secs(10),
            requests_max: 1_024,
            rate_limits: RateLimits::unreachable(),
            metrics_listen: None,
        }
    }
}
