//! Who sends a request, as far as that can be known.

use std::net::{IpAddr, SocketAddr};

use axum::http::HeaderMap;

use super::proxies::Proxies;

/// Who sends a request: the address that connects or, where that is a proxy that is trusted, the one
/// that the proxy names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Client {
    address: IpAddr,
}

impl Client {
    pub(super) fn of(peer: SocketAddr, headers: &HeaderMap, proxies: &Proxies) -> Client {
        Client { address: proxies.client(peer.ip().to_canonical(), headers) }
    }

    /// Its address, that of a trusted proxy where the proxy does not say whose it is.
    pub fn address(&self) -> IpAddr {
        self.address
    }

    /// Whether a program of this machine asks, by itself. Whoever asks through a proxy of this machine
    /// comes from loopback, too; the headers of the request give that away, whether the proxy is
    /// trusted or not. A proxy that writes none of them cannot be told from a program.
    pub fn is_local(&self, headers: &HeaderMap) -> bool {
        self.address.is_loopback() && !is_forwarded(headers)
    }
}

/// Whether a proxy has had these headers in its hands.
fn is_forwarded(headers: &HeaderMap) -> bool {
    headers.keys().any(|name| {
        let name = name.as_str();
        name.starts_with("x-forwarded") || FORWARDING.contains(&name)
    })
}

/// What proxies write, besides all that begins with `X-Forwarded`.
const FORWARDING: [&str; 14] = [
    "forwarded",
    "via",
    "x-real-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-original-forwarded-for",
    "x-original-host",
    "x-envoy-external-address",
    "x-envoy-internal",
    "x-amzn-trace-id",
    "x-azure-clientip",
    "true-client-ip",
    "cf-connecting-ip",
    "fastly-client-ip",
];

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn is_local(peer: &str, header: Option<&'static str>) -> bool {
        let headers = header.map(|it| (it.parse().unwrap(), HeaderValue::from_static("192.0.2.1")));
        let headers: HeaderMap = headers.into_iter().collect();
        Client::of(peer.parse().unwrap(), &headers, &Proxies::default()).is_local(&headers)
    }

    #[test]
    fn who_asks_from_this_machine_by_itself_is_local() {
        for peer in ["127.0.0.1:1", "127.9.9.9:1", "[::1]:1", "[::ffff:127.0.0.1]:1"] {
            assert!(is_local(peer, None) && is_local(peer, Some("accept")), "{peer}");
        }
        assert!(!is_local("192.0.2.1:1", None));
    }

    #[test]
    fn who_asks_through_a_proxy_is_not() {
        for header in ["Forwarded", "X-Forwarded-For", "x-forwarded-host", "X-Real-IP", "Via"] {
            assert!(!is_local("127.0.0.1:1", Some(header)), "{header}");
        }
    }
}
