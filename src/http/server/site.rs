//! Whether a request was made by a web page that is not this machine's own.
//!
//! Every page that a browser opens can reach a port on loopback, where calls may need no key. What
//! gives such a page away are headers that browsers write and let no page forge.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

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
                "a web page asks that is neither on this machine nor of the public URL: Origin may be \
                 http:// or https:// with localhost, *.localhost, 127.0.0.0/8 or [::1], on any port, \
                 where the ledger is asked for by such a name, or what --public-url says"
            }
            Foreign::Host => {
                "the name that was asked for is not one of this machine: Host may be localhost, \
                 *.localhost, 127.0.0.0/8 or [::1], with any port, or the name in --public-url"
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
                "ask for localhost or 127.0.0.1; where a proxy stands before the ledger, say with \
                 --public-url how it is called from outside"
            }
        }
    }
}

/// What the server is called.
#[derive(Debug, Clone, Default)]
pub(super) struct Names {
    /// Whether it can be reached from its own machine only: then it has the names of that machine.
    pub(super) loopback: bool,
    /// What others call it, who reach it through a proxy.
    pub(super) public: Option<PublicUrl>,
}

/// Whether a request is one of another site's page. Allocates nothing.
pub(super) fn foreign(uri: &Uri, headers: &HeaderMap, names: &Names) -> Option<Foreign> {
    if headers.get_all("sec-fetch-site").iter().any(|it| it == "cross-site") {
        return Some(Foreign::Site);
    }
    let public = names.public.as_ref();
    let is_public = |it: &[u8]| public.is_some_and(|public| public.is_name(it));
    // HTTP/2 has the name in the target, HTTP/1.1 may have it there too.
    let authority = uri.authority().map(|it| it.as_str().as_bytes());
    let hosts = || headers.get_all(HOST).iter().map(|it| it.as_bytes()).chain(authority);
    if names.loopback && !hosts().all(|it| is_loopback(it) || is_public(it)) {
        return Some(Foreign::Host);
    }
    if !names.loopback && public.is_none() {
        return None;
    }
    let origins = headers.get_all(ORIGIN).iter().map(|it| it.as_bytes());
    let is_own = |it: &[u8]| {
        public.is_some_and(|public| public.is_origin(it))
            // A page of the client's machine is not one of this machine.
            || names.loopback && is_own_origin(it) && hosts().all(is_loopback)
    };
    (!origins.into_iter().all(is_own)).then_some(Foreign::Origin)
}

/// How a ledger is called from outside: scheme, name and port, as a browser writes them in `Origin`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicUrl {
    scheme: &'static str,
    host: String,
    port: u16,
}

/// Why a text is no such URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "it must be http:// or https:// with a host and, if it is another one, a port, and nothing after that: \
         https://ledger.example"
)]
pub struct NoPublicUrl;

impl FromStr for PublicUrl {
    type Err = NoPublicUrl;

    fn from_str(text: &str) -> Result<PublicUrl, NoPublicUrl> {
        let url: Uri = text.parse().map_err(|_| NoPublicUrl)?;
        let (scheme, usual) = match url.scheme_str() {
            Some("http") => ("http", 80),
            Some("https") => ("https", 443),
            Some(_) | None => return Err(NoPublicUrl),
        };
        let authority = url.authority().ok_or(NoPublicUrl)?;
        let is_bare =
            matches!(url.path(), "" | "/") && url.query().is_none() && !text.contains('#');
        if !is_bare || authority.as_str().contains('@') || authority.host().is_empty() {
            return Err(NoPublicUrl);
        }
        let (host, port) = name_and_port(authority.as_str(), usual).ok_or(NoPublicUrl)?;
        Ok(PublicUrl { scheme, host: host.to_ascii_lowercase(), port })
    }
}

impl PublicUrl {
    /// Whether a `Host` has its name, on whatever port: proxies leave the port out, and rebinding
    /// takes a name.
    fn is_name(&self, host: &[u8]) -> bool {
        let parts = std::str::from_utf8(host).ok().and_then(|it| name_and_port(it, self.port));
        parts.is_some_and(|(name, _)| name.eq_ignore_ascii_case(&self.host))
    }

    /// Whether an `Origin` is a page of it.
    fn is_origin(&self, origin: &[u8]) -> bool {
        let usual = if self.scheme == "https" { 443 } else { 80 };
        let parts = std::str::from_utf8(origin)
            .ok()
            .and_then(|it| it.strip_prefix(self.scheme)?.strip_prefix("://"))
            .and_then(|it| name_and_port(it, usual));
        parts.is_some_and(|(name, port)| name.eq_ignore_ascii_case(&self.host) && port == self.port)
    }
}

/// A name, brackets included, without the dot that may end it, and its port.
fn name_and_port(host: &str, usual: u16) -> Option<(&str, u16)> {
    let (name, port) = match host.rsplit_once(':') {
        // A colon in brackets is one of an address.
        Some((name, port)) if !port.contains(']') => (name, Some(port)),
        Some(_) | None => (host, None),
    };
    let port = match port {
        Some(port) if is_port(port) => port.parse().ok()?,
        Some(_) => return None,
        None => usual,
    };
    let name = name.strip_suffix('.').unwrap_or(name);
    (!name.is_empty()).then_some((name, port))
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
        foreign(&Uri::from_static(target), &map, &Names { loopback: true, public: None })
    }

    fn behind(loopback: bool, url: &str, host: &str, origin: Option<&str>) -> Option<Foreign> {
        let names = Names { loopback, public: Some(url.parse().unwrap()) };
        let mut map = HeaderMap::new();
        map.append(HOST, HeaderValue::from_str(host).unwrap());
        map.append("sec-fetch-site", HeaderValue::from_static("same-origin"));
        if let Some(origin) = origin {
            map.append(ORIGIN, HeaderValue::from_str(origin).unwrap());
        }
        foreign(&Uri::from_static("/"), &map, &names)
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
        let names = Names { loopback: false, public: None };
        assert_eq!(foreign(&Uri::from_static("/"), &headers, &names), None);
        headers.insert("sec-fetch-site", HeaderValue::from_static("cross-site"));
        assert_eq!(foreign(&Uri::from_static("/"), &headers, &names), Some(Foreign::Site));
    }

    #[test]
    fn behind_a_proxy_its_public_name_and_pages_are_its_own() {
        const URL: &str = "https://Ledger.example";
        for loopback in [true, false] {
            for host in
                ["ledger.example", "LEDGER.example:443", "ledger.example.", "127.0.0.1:8640"]
            {
                for origin in
                    [None, Some("https://ledger.example"), Some("https://ledger.example:443")]
                {
                    assert_eq!(behind(loopback, URL, host, origin), None, "{host} {origin:?}");
                }
                for origin in [
                    "http://ledger.example",
                    "https://ledger.example:8443",
                    "https://evil.example",
                    "https://ledger.example.evil.example",
                    "null",
                ] {
                    let told = behind(loopback, URL, host, Some(origin));
                    assert_eq!(told, Some(Foreign::Origin), "{host} {origin}");
                }
            }
        }
        assert_eq!(behind(true, URL, "evil.example", None), Some(Foreign::Host));
        // Whoever may ask for any name is not led here by one.
        assert_eq!(behind(false, URL, "10.0.0.7:8640", None), None);
        // A page of the client's own machine is no page of this one.
        let local = Some("http://localhost:3000");
        assert_eq!(behind(true, URL, "localhost:8640", local), None);
        assert_eq!(behind(true, URL, "ledger.example", local), Some(Foreign::Origin));
        assert_eq!(behind(false, URL, "ledger.example", local), Some(Foreign::Origin));
        let other = "https://ledger.example:8443/";
        assert_eq!(behind(true, other, "ledger.example", Some(&other[..other.len() - 1])), None);
        let usual = Some("https://ledger.example");
        assert_eq!(behind(true, other, "ledger.example:8443", usual), Some(Foreign::Origin));
        let v6 = "http://[2001:db8::1]:8640";
        assert_eq!(behind(true, v6, "[2001:db8::1]:8640", Some(v6)), None);
    }

    #[test]
    fn a_public_url_is_a_scheme_and_a_name() {
        for url in [
            "ledger.example",
            "https://",
            "ftp://ledger.example",
            "https://ledger.example/base",
            "https://ledger.example/?x",
            "https://me@ledger.example",
            "https://ledger.example:x",
            "",
        ] {
            assert!(url.parse::<PublicUrl>().is_err(), "{url}");
        }
    }
}
