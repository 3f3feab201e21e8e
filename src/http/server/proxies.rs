//! Whom a trusted proxy passes a request on for.
//!
//! Each proxy adds the address that it was asked from on the right. So the list is read from there:
//! what is left of the first address that is no trusted proxy's was written by whoever that is, and
//! is nobody's business. What cannot be read ends the list, too: the request counts as that of the
//! proxy that passed it on, and never as that of somebody whom a client has made up.

use std::net::IpAddr;
use std::str::FromStr;

use axum::http::header::FORWARDED;
use axum::http::{HeaderMap, HeaderName, HeaderValue};

/// Proxies that a request may have come through. The list is read no further.
const HOPS_MAX: usize = 32;

/// Proxies that are believed, and in which header.
#[derive(Debug, Clone, Default)]
pub(super) struct Proxies(Vec<Trusted>);

/// A network whose proxies are believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trusted {
    network: Network,
    header: Header,
}

/// Where they say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Header {
    /// RFC 7239.
    Forwarded,
    XForwardedFor,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Network {
    address: IpAddr,
    /// Bits that its addresses have in common.
    prefix: u8,
}

/// Why a text names no proxy that is trusted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoProxy {
    /// There is no `=`.
    #[error("it must say which header is believed, such as {0}=x-forwarded-for")]
    HeaderMissing(String),
    /// The header is another one.
    #[error("{0:?} is no header that is understood: it may be x-forwarded-for or forwarded")]
    Header(String),
    /// The network cannot be read.
    #[error("{0:?} is no address and no network: write 127.0.0.1, 10.0.0.0/8 or fd00::/8")]
    Network(String),
    /// Bits are set that are not of the network.
    #[error("{0} has bits beyond its prefix: the network is {1}")]
    Beyond(String, String),
    /// It is everybody.
    #[error("{0} is everybody: then any client could say that it is another one")]
    Everybody(String),
}

impl Proxies {
    pub(super) fn new(all: Vec<Trusted>) -> Proxies {
        Proxies(all)
    }

    /// Whether an address is that of a trusted proxy.
    pub(super) fn trust(&self, address: IpAddr) -> bool {
        self.header_of(address).is_some()
    }

    /// Who has sent a request that came from `peer`.
    pub(super) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let Some(header) = self.header_of(peer) else { return peer };
        let mut nearest = peer;
        for hop in hops(header, headers).into_iter().rev().take(HOPS_MAX) {
            let Some(address) = hop else { return nearest };
            nearest = address;
            if !self.trust(address) {
                break;
            }
        }
        nearest
    }

    fn header_of(&self, address: IpAddr) -> Option<Header> {
        let address = address.to_canonical();
        self.0.iter().find(|it| it.network.contains(address)).map(|it| it.header)
    }
}

/// The addresses of a header, in order; none where one cannot be read.
fn hops(header: Header, headers: &HeaderMap) -> Vec<Option<IpAddr>> {
    let mut hops = Vec::new();
    // A header that stands there several times is one list.
    for value in headers.get_all(header.name()) {
        match header {
            Header::Forwarded => forwarded(value, &mut hops),
            Header::XForwardedFor => x_forwarded_for(value, &mut hops),
        }
    }
    hops
}

fn x_forwarded_for(value: &HeaderValue, hops: &mut Vec<Option<IpAddr>>) {
    match value.to_str() {
        Ok(text) => hops.extend(text.split(',').map(|it| node(it.trim()))),
        Err(_) => hops.push(None),
    }
}

/// Reads one line of `Forwarded`. One with a quote that does not close is not read at all: where its
/// elements end cannot be known.
fn forwarded(value: &HeaderValue, hops: &mut Vec<Option<IpAddr>>) {
    let parts = value.to_str().ok().and_then(|text| split(text, ','));
    match parts {
        Some(parts) => hops.extend(parts.into_iter().map(element)),
        None => hops.push(None),
    }
}

/// The address of `for` in one element.
fn element(text: &str) -> Option<IpAddr> {
    let mut found = None;
    for pair in split(text, ';')? {
        let (name, value) = pair.split_once('=')?;
        if !name.trim().eq_ignore_ascii_case("for") {
            continue;
        }
        if found.is_some() {
            return None;
        }
        let value = value.trim();
        let quoted = value.strip_prefix('"').map(|it| it.strip_suffix('"'));
        found = match quoted {
            // An address needs no escapes, so what has some is none.
            Some(inner) => node(inner?),
            None => node(value),
        };
        found?;
    }
    found
}

/// Splits where a separator is not in quotes; nothing if a quote does not close.
fn split(text: &str, separator: char) -> Option<Vec<&str>> {
    let (mut parts, mut start, mut quoted, mut escaped) = (Vec::new(), 0, false, false);
    for (at, it) in text.char_indices() {
        match it {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ if it == separator && !quoted => {
                parts.push(&text[start..at]);
                start = at + separator.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    (!quoted).then_some(parts)
}

/// An address, with a port or without; one of IPv6 in brackets or, without a port, bare.
fn node(text: &str) -> Option<IpAddr> {
    if let Some(rest) = text.strip_prefix('[') {
        let (address, port) = rest.split_once(']')?;
        let is_whole = port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
        let address: std::net::Ipv6Addr = address.parse().ok()?;
        return is_whole.then(|| IpAddr::V6(address).to_canonical());
    }
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(address.to_canonical());
    }
    let (address, port) = text.split_once(':')?;
    let address: std::net::Ipv4Addr = address.parse().ok()?;
    is_port(port).then_some(IpAddr::V4(address))
}

fn is_port(text: &str) -> bool {
    text.parse::<u16>().is_ok()
}

impl Header {
    fn name(self) -> HeaderName {
        match self {
            Header::Forwarded => FORWARDED,
            Header::XForwardedFor => HeaderName::from_static("x-forwarded-for"),
        }
    }
}

impl FromStr for Trusted {
    type Err = NoProxy;

    fn from_str(text: &str) -> Result<Trusted, NoProxy> {
        let missing = || NoProxy::HeaderMissing(text.to_owned());
        let (network, header) = text.split_once('=').ok_or_else(missing)?;
        let header = match header.trim().to_ascii_lowercase().as_str() {
            "forwarded" => Header::Forwarded,
            "x-forwarded-for" => Header::XForwardedFor,
            _ => return Err(NoProxy::Header(header.to_owned())),
        };
        Ok(Trusted { network: network.trim().parse()?, header })
    }
}

impl FromStr for Network {
    type Err = NoProxy;

    fn from_str(text: &str) -> Result<Network, NoProxy> {
        let unreadable = || NoProxy::Network(text.to_owned());
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| unreadable())?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            Some(it) => it.parse().ok().filter(|it| *it <= most).ok_or_else(unreadable)?,
            None => most,
        };
        if prefix == 0 {
            return Err(NoProxy::Everybody(text.to_owned()));
        }
        let first = masked(address, prefix);
        match first == address {
            true => Ok(Network { address, prefix }),
            false => Err(NoProxy::Beyond(text.to_owned(), format!("{first}/{prefix}"))),
        }
    }
}

impl Network {
    fn contains(&self, address: IpAddr) -> bool {
        address.is_ipv4() == self.address.is_ipv4() && masked(address, self.prefix) == self.address
    }
}

/// The first address of the network that an address is in. `prefix` is not 0.
fn masked(address: IpAddr, prefix: u8) -> IpAddr {
    match address {
        IpAddr::V4(it) => {
            let mask = u32::MAX.checked_shl(32_u32.saturating_sub(prefix.into())).unwrap_or(0);
            IpAddr::V4((u32::from(it) & mask).into())
        }
        IpAddr::V6(it) => {
            let mask = u128::MAX.checked_shl(128_u32.saturating_sub(prefix.into())).unwrap_or(0);
            IpAddr::V6((u128::from(it) & mask).into())
        }
    }
}

#[cfg(test)]
mod tests;
