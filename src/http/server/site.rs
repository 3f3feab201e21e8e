//! Whether a request was made by a web page that is not this machine's own.
//!
//! Every page that a browser opens can reach a port on loopback, where calls may need no key. What
//! gives such a page away are headers that browsers write and let no page forge.

use std::net::{Ipv4Addr, Ipv6Addr};

use axum::http::header::{HOST, ORIGIN};
use axum::http::{HeaderMap, Uri};

/// What gives a request away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Foreign {
    /// `Sec-Fetch-Site` (Fetch Metadata, W3C): the browser says that another site asks.
    Site,
    /// `Origin`: the page that asks is not on this machine, or does not say where it is.
    Origin,
    /// `Host` or `:authority`: the name that was asked for is not this machine's, so somebody has
    /// made that name lead here (DNS rebinding).
    Host,
}

impl Foreign {
    /// What of the request is not as it must be.
    pub(super) fn detail(self) -> &'static str {
        match self {
            Foreign::Site => {
                "the browser says that a web page of another site asks (Sec-Fetch-Site)"
            }
            Foreign::Origin => {
                "a web page asks that is not on this machine: Origin may be http:// or https:// \
                 with localhost, *.localhost, 127.0.0.0/8 or [::1], on any port"
            }
            Foreign::Host => {
                "the name that was asked for is not one of this machine: Host may be localhost, \
                 *.localhost, 127.0.0.0/8 or [::1], with any port"
            }
        }
    }

    /// What to do about it.
    pub(super) fn hint(self) -> &'static str {
        match self {
            Foreign::Site | Foreign::Origin => {
                "without keys whoever reaches the port is let in, web pages are not: let the page's \
                 own server ask"
            }
            Foreign::Host => {
                "ask for localhost or 127.0.0.1; a proxy in front of the ledger sets Host to the \
                 address that it asks"
            }
        }
    }
}

/// Whether a request is one of another site's page. `loopback` says that the server can be reached
/// from its own machine only: then it has the names of that machine only. Allocates nothing.
pub(super) fn foreign(uri: &Uri, headers: &HeaderMap, loopback: bool) -> Option<Foreign> {
    if headers.get("sec-fetch-site").is_some_and(|it| it == "cross-site") {
        return Some(Foreign::Site);
    }
    if !loopback {
        return None;
    }
    // HTTP/2 has the name in the target, HTTP/1.1 may have it there too.
    let authority = uri.authority().map(|it| it.as_str().as_bytes());
    let hosts = headers.get_all(HOST).iter().map(|it| it.as_bytes());
    if !hosts.chain(authority).all(is_loopback) {
        return Some(Foreign::Host);
    }
    let origins = headers.get_all(ORIGIN).iter().map(|it| it.as_bytes());
    (!origins.into_iter().all(is_own_origin)).then_some(Foreign::Origin)
}

/// Whether an origin is a page that this machine itself serves. `null` is none: any page can have it.
fn is_own_origin(origin: &[u8]) -> bool {
    let http = origin.strip_prefix(b"http://").or_else(|| origin.strip_prefix(b"https://"));
    http.is_some_and(is_loopback)
}

/// Whether a name, with a port or without, can mean nothing but this machine.
fn is_loopback(host: &[u8]) -> bool {
    let Ok(host) = std::str::from_utf8(host) else { return false };
    // An IPv6 address is in brackets, so that its colons are not taken for that of the port.
    if let Some((address, port)) = host.strip_prefix('[').and_then(|it| it.split_once(']')) {
        let own = address.parse::<Ipv6Addr>().is_ok_and(|it| it.is_loopback());
        return own && (port.is_empty() || port.strip_prefix(':').is_some_and(is_port));
    }
    let (name, port) = host.split_once(':').unwrap_or((host, ""));
    is_port(port) && (is_loopback_v4(name) || is_localhost(name))
}

fn is_port(port: &str) -> bool {
    port.bytes().all(|it| it.is_ascii_digit())
}

fn is_loopback_v4(name: &str) -> bool {
    name.parse::<Ipv4Addr>().is_ok_and(|it| it.is_loopback())
}

/// `localhost` and the names below it, which no resolver may look up elsewhere (RFC 6761).
fn is_localhost(name: &str) -> bool {
    const LOCALHOST: &[u8] = b"localhost";
    let name = name.strip_suffix('.').unwrap_or(name).as_bytes();
    let Some(start) = name.len().checked_sub(LOCALHOST.len()) else { return false };
    let (below, last) = name.split_at(start);
    last.eq_ignore_ascii_case(LOCALHOST) && (below.is_empty() || below.ends_with(b"."))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn asked(target: &'static str, headers: &[(&'static str, &'static str)]) -> Option<Foreign> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_static(value));
        }
        foreign(&Uri::from_static(target), &map, true)
    }

    #[test]
    fn the_target_of_http2_counts_like_a_host() {
        assert_eq!(asked("http://localhost:1/", &[]), None);
        assert_eq!(asked("http://evil.example/", &[]), Some(Foreign::Host));
        assert_eq!(asked("http://localhost/", &[("host", "evil.example")]), Some(Foreign::Host));
        assert_eq!(asked("http://user@localhost/", &[]), Some(Foreign::Host));
        assert_eq!(asked("/", &[]), None);
    }

    #[test]
    fn every_origin_must_be_of_this_machine() {
        let own = ("origin", "http://[::1]:3000");
        assert_eq!(asked("/", &[own]), None);
        assert_eq!(asked("/", &[own, ("origin", "https://a.example")]), Some(Foreign::Origin));
        assert_eq!(asked("/", &[("origin", "null")]), Some(Foreign::Origin));
    }

    #[test]
    fn a_server_that_others_reach_has_names_of_its_own() {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, HeaderValue::from_static("ledger.example"));
        headers.insert(ORIGIN, HeaderValue::from_static("https://ledger.example"));
        assert_eq!(foreign(&Uri::from_static("/"), &headers, false), None);
        headers.insert("sec-fetch-site", HeaderValue::from_static("cross-site"));
        assert_eq!(foreign(&Uri::from_static("/"), &headers, false), Some(Foreign::Site));
    }
}
