//! How `bandex serve` meets the world: TLS, proxies, web pages, caps and rate limits.

use anyhow::{Context, Result};
use bandex_exchange::{EdgeOptions, IpNet, Origin, RateLimits, TlsFiles};
use clap::Args;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::span::Span;

/// Descriptors for all but the connections: store, listeners, logs.
const OTHER_DESCRIPTORS: u64 = 256;

/// How the traders' listener meets the world.
#[derive(Debug, Args)]
#[command(next_help_heading = "The traders' listener")]
// Without a name of its own this group would have that of the options it stands among.
#[group(id = "edge")]
pub struct Options {
    /// A certificate in PEM, with those between it and an authority: traders connect by TLS.
    #[arg(long, value_name = "FILE", env = "BANDEX_TLS_CERT", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// Its private key in PEM.
    #[arg(long, value_name = "FILE", env = "BANDEX_TLS_KEY", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// A proxy, or a network of them, whose X-Forwarded-For is believed; may be given several times.
    #[arg(long, value_name = "CIDR", env = "BANDEX_TRUSTED_PROXY", value_delimiter = ',', value_parser = network)]
    trusted_proxy: Vec<IpNet>,
    /// An origin of web pages that may use the API from a browser, such as https://example.org; `*` lets any page read
    /// what is public; may be given several times.
    #[arg(long, value_name = "ORIGIN", env = "BANDEX_CORS_ORIGIN", value_delimiter = ',')]
    cors_origin: Vec<Origin>,
    /// The most connections, those of WebSockets included.
    #[arg(long, value_name = "NUMBER", env = "BANDEX_CONNECTIONS_MAX", default_value_t = 16_384)]
    connections_max: usize,
    /// The most connections of one address; trusted proxies may have more.
    #[arg(long, value_name = "NUMBER", env = "BANDEX_CONNECTIONS_PER_ADDRESS_MAX", default_value_t = 256)]
    connections_per_address_max: usize,
    /// The most WebSockets of one client, also behind a trusted proxy.
    #[arg(long, value_name = "NUMBER", env = "BANDEX_SOCKETS_PER_ADDRESS_MAX", default_value_t = 128)]
    sockets_per_address_max: usize,
    /// How long a client may take to send the head of a request, and how long to send its body.
    #[arg(long, value_name = "SPAN", default_value = "10s")]
    header_timeout: Span,
    /// A JSON file with other rate limits, such as {"account": {"quota": 20000, "window_s": 10}}; there are address,
    /// account, cancels and registrations.
    #[arg(long, value_name = "FILE", env = "BANDEX_LIMITS")]
    limits: Option<PathBuf>,
    /// Where metrics are served without a token; the operator's listener serves them with its token at /metrics.
    #[arg(long, value_name = "ADDRESS", env = "BANDEX_METRICS_LISTEN")]
    metrics_listen: Option<SocketAddr>,
}

impl Options {
    /// The same in the server's words.
    ///
    /// # Errors
    /// The file of rate limits cannot be read.
    pub fn edge(&self) -> Result<EdgeOptions> {
        let Span(header_us) = self.header_timeout;
        let tls = self.tls_cert.clone().zip(self.tls_key.clone());
        Ok(EdgeOptions {
            tls: tls.map(|(certificates, key)| TlsFiles { certificates, key }),
            trusted_proxies: self.trusted_proxy.clone(),
            origins: self.cors_origin.clone(),
            connections_max: self.connections_max,
            connections_per_address_max: self.connections_per_address_max,
            sockets_per_address_max: self.sockets_per_address_max,
            header_time: Duration::from_micros(header_us.max(1)),
            rate_limits: self.limits.as_deref().map_or(Ok(RateLimits::default()), read_limits)?,
            metrics_listen: self.metrics_listen,
            ..EdgeOptions::default()
        })
    }
}

/// A network, or one address.
fn network(text: &str) -> Result<IpNet, String> {
    let of_one = text.parse::<IpAddr>().map(IpNet::from).ok();
    of_one
        .or_else(|| text.parse().ok())
        .ok_or_else(|| "not an address or a network such as 10.0.0.0/8".to_owned())
}

fn read_limits(file: &Path) -> Result<RateLimits> {
    let text = std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
    let limits: RateLimits = serde_json::from_str(&text)
        .with_context(|| format!("{} holds no JSON of rate limits", file.display()))?;
    limits.check().with_context(|| file.display().to_string())?;
    Ok(limits)
}

/// Lets the process have as many descriptors as its connections may take, as far as the system lets it, and complains
/// if that is not far enough.
pub fn raise_descriptors(connections_max: usize) {
    let wanted = u64::try_from(connections_max).unwrap_or(u64::MAX).saturating_add(OTHER_DESCRIPTORS);
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let may_have = maximum.map_or(wanted, |maximum| maximum.min(wanted));
    if current.is_some_and(|current| current < may_have) {
        let _ = setrlimit(Resource::Nofile, Rlimit { current: Some(may_have), maximum });
    }
    let has = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    if has < wanted {
        tracing::warn!(
            has,
            wanted,
            "fewer descriptors than connections: raise the limit (ulimit -n, LimitNOFILE)"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proxies_are_networks_or_single_addresses() {
        let check = |text: &str, net: Option<&str>| {
            let net = net.map(|net| net.parse::<IpNet>().unwrap());
            assert_eq!(network(text).ok(), net, "{text}");
        };
        check("10.0.0.0/8", Some("10.0.0.0/8"));
        check("127.0.0.1", Some("127.0.0.1/32"));
        check("fd00::1", Some("fd00::1/128"));
        check("10.0.0.0/33", None);
        check("proxy", None);
    }
}
