//! A small HTTP client: the command line asks a running ledger, the ledger asks its NATS server.
//! Plain HTTP, because both ends are the operator's own; TLS belongs to a proxy in front.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, HeaderValue};
use hyper::{Method, Request, Response};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client as Pool, Error as PoolError};
use hyper_util::rt::TokioExecutor;

use crate::http::headers::{ACKNOWLEDGED, SEQUENCE};
use crate::nats::chain;

/// How long an answer may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Bytes of an answer that is read whole.
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The URL is none.
    #[error("{0} is not an http:// address")]
    Url(String),
    /// Nobody listens there, or the connection broke.
    #[error("{url} does not answer: {reason}")]
    Connect {
        /// Where.
        url: String,
        /// What went wrong.
        reason: String,
    },
    /// It took too long.
    #[error("{0} did not answer in time")]
    Timeout(String),
}

/// An HTTP client. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Client {
    pool: Pool<HttpConnector, Full<Bytes>>,
    base: String,
    /// The header by which it shows a key.
    authorization: Option<HeaderValue>,
}

/// An answer, whole.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: Bytes,
    /// The sequence as of which it holds, where it says so.
    pub sequence: Option<u64>,
    /// The sequence up to which the ledger had acknowledged when it was asked, where it says so.
    pub acknowledged: Option<u64>,
}

impl Client {
    /// A client of the server at `base`, such as `http://127.0.0.1:8640`.
    pub fn new(base: &str) -> Client {
        let pool = Pool::builder(TokioExecutor::new()).build_http();
        Client { pool, base: base.trim_end_matches('/').to_owned(), authorization: None }
    }

    /// The same, showing a key with each request. One that no header can hold is not shown.
    #[must_use]
    pub fn with_key(mut self, key: Option<&str>) -> Client {
        self.authorization = key.and_then(|it| {
            let mut value = HeaderValue::from_str(&format!("Bearer {it}")).ok()?;
            value.set_sensitive(true);
            Some(value)
        });
        self
    }

    /// Where it asks.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// The key that it shows, as the value of `Authorization`.
    pub fn authorization(&self) -> Option<&str> {
        self.authorization.as_ref().and_then(|it| it.to_str().ok())
    }

    /// GET, and the whole answer.
    pub async fn get(&self, path: &str) -> Result<Answer, Error> {
        self.whole(Method::GET, path, Bytes::new(), &[]).await
    }

    /// POST of a JSON document, and the whole answer.
    pub async fn post(&self, path: &str, document: Vec<u8>) -> Result<Answer, Error> {
        self.whole(Method::POST, path, Bytes::from(document), &[]).await
    }

    /// The same, of a command that is called so.
    pub async fn post_as(
        &self,
        path: &str,
        document: Vec<u8>,
        command: &str,
    ) -> Result<Answer, Error> {
        let headers = [("idempotency-key", command)];
        self.whole(Method::POST, path, document.into(), &headers).await
    }

    async fn whole(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
        headers: &[(&str, &str)],
    ) -> Result<Answer, Error> {
        let url = format!("{}{path}", self.base);
        let answer = async {
            let response = self.send(method, path, body, headers).await?;
            let status = response.status().as_u16();
            let number = |name| response.headers().get(name)?.to_str().ok()?.parse::<u64>().ok();
            let (sequence, acknowledged) = (number(SEQUENCE), number(ACKNOWLEDGED));
            let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await;
            let broken = |it: Box<dyn std::error::Error + Send + Sync>| Error::Connect {
                url: url.clone(),
                reason: it.to_string(),
            };
            Ok(Answer { status, body: body.map_err(broken)?.to_bytes(), sequence, acknowledged })
        };
        match tokio::time::timeout(TIMEOUT, answer).await {
            Ok(answer) => answer,
            Err(_) => Err(Error::Timeout(url)),
        }
    }

    /// Sends a request and hands out the answer as soon as its head is there.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
        headers: &[(&str, &str)],
    ) -> Result<Response<Incoming>, Error> {
        let url = format!("{}{path}", self.base);
        let mut request = Request::builder().method(method).uri(&url);
        if !body.is_empty() {
            request = request.header("content-type", "application/json");
        }
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(body)).map_err(|_| Error::Url(url.clone()))?;
        self.pool
            .request(request)
            .await
            .map_err(|it: PoolError| Error::Connect { url, reason: chain(&it) })
    }
}
