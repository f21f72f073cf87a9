//! Who a client is: its address, also behind proxies that are trusted.

use axum::http::HeaderMap;
use ipnet::IpNet;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// The header in which proxies say for whom they ask, each adding at the right whom it heard.
const FORWARDED_FOR: &str = "x-forwarded-for";

/// Whether an address is one of these proxies.
pub(crate) fn is_trusted(address: IpAddr, proxies: &[IpNet]) -> bool {
    let address = address.to_canonical();
    proxies.iter().any(|proxy| proxy.contains(&address))
}

/// The address of a client: that of the peer, unless it is a trusted proxy. Then it is the right-most address that no
/// trusted proxy has, since everything to the left of that is what a stranger claims.
pub(crate) fn client_address(peer: IpAddr, headers: &HeaderMap, proxies: &[IpNet]) -> IpAddr {
    let mut client = peer.to_canonical();
    if !is_trusted(client, proxies) {
        return client;
    }
    let lines = headers.get_all(FORWARDED_FOR).into_iter().collect::<Vec<_>>();
    let names = lines.into_iter().rev().flat_map(|line| line.to_str().unwrap_or("").rsplit(','));
    for name in names {
        // What cannot be read was not written by a proxy of ours: the last one that could stands for it.
        let Some(address) = read(name.trim()) else { return client };
        client = address.to_canonical();
        if !is_trusted(client, proxies) {
            return client;
        }
    }
    client
}

/// An address, which some proxies write with a port or in brackets.
fn read(name: &str) -> Option<IpAddr> {
    let bare = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    bare.parse().ok().or_else(|| name.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

/// What of an address counts as one client: of IPv6 the first 64 bits, which one household has to itself.
pub(crate) fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn only_trusted_proxies_are_believed() {
        let proxies: Vec<IpNet> =
            ["127.0.0.1/32", "10.0.0.0/8", "fd00::/8"].map(|net| net.parse().unwrap()).to_vec();
        let check = |peer: &str, lines: &[&str], client: &str| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(FORWARDED_FOR, HeaderValue::from_str(line).unwrap());
            }
            let found = client_address(peer.parse().unwrap(), &headers, &proxies);
            assert_eq!(found, client.parse::<IpAddr>().unwrap(), "{peer} {lines:?}");
        };
        check("203.0.113.7", &[], "203.0.113.7");
        check("203.0.113.7", &["198.51.100.1"], "203.0.113.7");
        check("127.0.0.1", &[], "127.0.0.1");
        check("127.0.0.1", &["198.51.100.1"], "198.51.100.1");
        // What the client itself claims stands at the left.
        check("127.0.0.1", &["1.1.1.1, 198.51.100.1"], "198.51.100.1");
        check("127.0.0.1", &["1.1.1.1, 198.51.100.1, 10.2.3.4"], "198.51.100.1");
        check("127.0.0.1", &["1.1.1.1", "198.51.100.1", "10.2.3.4,10.2.3.5"], "198.51.100.1");
        check("127.0.0.1", &["10.9.9.9, 10.2.3.4"], "10.9.9.9");
        check("127.0.0.1", &["198.51.100.1, nonsense"], "127.0.0.1");
        check("127.0.0.1", &["198.51.100.1, nonsense, 10.0.0.2"], "10.0.0.2");
        check("127.0.0.1", &[""], "127.0.0.1");
        check("::ffff:127.0.0.1", &["198.51.100.1:443"], "198.51.100.1");
        check("fd00::1", &["[2001:db8::7]:443"], "2001:db8::7");
        check("fd00::1", &["[2001:db8::7]"], "2001:db8::7");
        check("fd00::1", &["2001:db8::7"], "2001:db8::7");
        check("::ffff:203.0.113.7", &["198.51.100.1"], "203.0.113.7");
    }

    #[test]
    fn a_network_of_ipv6_counts_as_one_client() {
        let check = |address: &str, network: &str| {
            assert_eq!(network_of(address.parse().unwrap()), network.parse::<IpAddr>().unwrap());
        };
        check("203.0.113.7", "203.0.113.7");
        check("::ffff:203.0.113.7", "203.0.113.7");
        check("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::");
        check("2001:db8:1:2:ffff:ffff:ffff:ffff", "2001:db8:1:2::");
    }
}
