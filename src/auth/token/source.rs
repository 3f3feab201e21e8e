//! Where the keys of an issuer are read: a file, or an address.

use std::fmt;
use std::io::Read as _;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::http::Uri;
use axum::http::header::ACCEPT;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty, LengthLimitError, Limited};
use hyper::Request;
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{Connect, HttpConnector};
use hyper_util::rt::TokioExecutor;

use super::jwks::{Jwks, NoKeys};
use crate::nats;

/// How long an issuer may take to send its keys, from the first look for its address to the last
/// byte.
pub(super) const READ_LIMIT: Duration = Duration::from_secs(5);

/// Bytes of a JWKS. A longer one is not read to its end.
const JWKS_BYTES_MAX: usize = 1024 * 1024;

/// Where the keys of an issuer are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    File(PathBuf),
    Address(Uri),
}

/// Why what was named is no place for keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoSource {
    /// Nothing was named.
    #[error("it names no file and no URL")]
    Empty,
    /// It looks like a URL and is none.
    #[error("it is no URL with a host")]
    Url,
    /// Whoever is on the way could put keys of their own there.
    #[error("keys are taken over https only, or over http from this machine (127.0.0.1, [::1])")]
    Open,
    /// It would be sent along, and logged.
    #[error("a URL with a user or a password in it is not taken")]
    Password,
}

/// Why no keys were read.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unread {
    #[error("{0}")]
    File(#[from] std::io::Error),
    #[error("{0}")]
    Unreachable(String),
    #[error("the answer is {0}, and not 200; redirects are not followed")]
    Status(u16),
    #[error("it did not answer within {} s", READ_LIMIT.as_secs())]
    Slow,
    #[error("it has more than {JWKS_BYTES_MAX} bytes")]
    TooLong,
    #[error(transparent)]
    NoKeys(#[from] NoKeys),
}

impl Source {
    pub(super) fn parse(text: &str) -> Result<Source, NoSource> {
        if text.is_empty() {
            return Err(NoSource::Empty);
        }
        if !text.contains("://") {
            return Ok(Source::File(text.into()));
        }
        let url: Uri = text.parse().map_err(|_| NoSource::Url)?;
        let authority = url.authority().ok_or(NoSource::Url)?;
        if authority.as_str().contains('@') {
            return Err(NoSource::Password);
        }
        match url.scheme_str() {
            Some("https") => Ok(Source::Address(url)),
            Some("http") if is_this_machine(authority.host()) => Ok(Source::Address(url)),
            Some(_) | None => Err(NoSource::Open),
        }
    }

    /// Reads what is there now.
    pub(super) async fn read(&self) -> Result<Jwks, Unread> {
        let read = async {
            match self {
                Source::File(path) => {
                    let path = path.clone();
                    let read = tokio::task::spawn_blocking(move || read_file(&path)).await;
                    read.map_err(|it| Unread::Unreachable(it.to_string()))?
                }
                Source::Address(url) => Ok(Jwks::read(&fetch(url).await?)?),
            }
        };
        tokio::time::timeout(READ_LIMIT, read).await.unwrap_or(Err(Unread::Slow))
    }
}

/// Names are not taken for this machine: who resolves them may say otherwise.
fn is_this_machine(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    address.parse::<IpAddr>().is_ok_and(|it| it.is_loopback())
}

pub(super) fn read_file(path: &Path) -> Result<Jwks, Unread> {
    let mut document = vec![];
    let file = std::fs::File::open(path)?;
    file.take(JWKS_BYTES_MAX as u64 + 1).read_to_end(&mut document)?;
    match document.len() > JWKS_BYTES_MAX {
        true => Err(Unread::TooLong),
        false => Ok(Jwks::read(&document)?),
    }
}

/// Asks an address for its keys. The certificates of the system are read anew each time, so that they
/// may be renewed while the ledger runs.
async fn fetch(url: &Uri) -> Result<Bytes, Unread> {
    match url.scheme_str() {
        Some("https") => {
            let connector = HttpsConnectorBuilder::new().with_native_roots();
            let connector = connector.map_err(|it| unreachable(&it))?;
            ask(connector.https_only().enable_http1().build(), url).await
        }
        Some(_) | None => ask(HttpConnector::new(), url).await,
    }
}

/// One request, over a connection of its own.
async fn ask<C>(connector: C, url: &Uri) -> Result<Bytes, Unread>
where
    C: Connect + Clone + Send + Sync + 'static,
{
    let client: Client<C, Empty<Bytes>> = Client::builder(TokioExecutor::new()).build(connector);
    let request = Request::get(url.clone()).header(ACCEPT, "application/json").body(Empty::new());
    let request = request.map_err(|it| unreachable(&it))?;
    let answer = client.request(request).await.map_err(|it| unreachable(&it))?;
    let status = answer.status().as_u16();
    if status != 200 {
        return Err(Unread::Status(status));
    }
    match Limited::new(answer.into_body(), JWKS_BYTES_MAX).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(Unread::TooLong),
        Err(error) => Err(unreachable(error.as_ref())),
    }
}

fn unreachable(error: &dyn std::error::Error) -> Unread {
    Unread::Unreachable(nats::chain(error))
}

/// What follows a path may be a secret.
impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::File(path) => write!(f, "{}", path.display()),
            Source::Address(url) => {
                let authority = url.authority().map_or("", |it| it.as_str());
                let scheme = url.scheme_str().unwrap_or_default();
                write!(f, "{scheme}://{authority}{}", url.path())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_a_file_or_come_from_where_nobody_on_the_way_can_change_them() {
        let address = |it: &str| Ok(Source::Address(it.parse().unwrap()));
        for good in [
            "https://id.example/keys",
            "https://id.example:8443/a/b?c=d",
            "http://127.0.0.1:8080/keys",
            "http://127.8.9.1/keys",
            "http://[::1]:8080/keys",
        ] {
            assert_eq!(Source::parse(good), address(good), "{good}");
        }
        for (wrong, why) in [
            ("", NoSource::Empty),
            ("https://", NoSource::Url),
            ("https:///keys", NoSource::Url),
            ("http://id.example/keys", NoSource::Open),
            ("http://localhost/keys", NoSource::Open),
            ("http://127.0.0.1.example/keys", NoSource::Open),
            ("http://10.0.0.1/keys", NoSource::Open),
            ("ftp://id.example/keys", NoSource::Open),
            ("file:///keys", NoSource::Url),
            ("https://user:word@id.example/keys", NoSource::Password),
            ("http://127.0.0.1@id.example/keys", NoSource::Password),
        ] {
            assert_eq!(Source::parse(wrong), Err(why), "{wrong}");
        }
        assert_eq!(Source::parse("/etc/keys.json"), Ok(Source::File("/etc/keys.json".into())));
    }

    #[test]
    fn what_is_said_of_an_address_has_no_secret_in_it() {
        let said = Source::parse("https://id.example/keys?token=s3cret").unwrap().to_string();
        assert_eq!(said, "https://id.example/keys");
    }
}
