//! Keys and roles: who is let in, and what they get to see.

mod accounts;
mod command_line;
mod doors;
mod let_in;
mod roles;
mod secrets;
mod showing;
mod tokens;

use std::path::Path;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Method, Request};
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::Ledger;
use crate::ledger::{Answer, PATIENCE, eventually};

/// A ledger that demands keys.
pub struct Keyed {
    pub ledger: Ledger,
    http: HttpClient<HttpConnector, Full<Bytes>>,
    own: Option<TempDir>,
}

/// A key as it is written down by hand: so a test knows what one looks like by itself.
pub fn written(id: &str, secret: [u8; 32]) -> String {
    let secret: String = secret.iter().map(|it| format!("{it:02x}")).collect();
    let body = format!("slk_{id}_{secret}");
    format!("{body}_{:08x}", crc32fast::hash(body.as_bytes()))
}

/// The command that makes a key known.
pub fn creation(id: &str, secret: [u8; 32], role: &str) -> Value {
    let hash: String = Sha256::digest(secret).iter().map(|it| format!("{it:02x}")).collect();
    json!({"key": id, "hash": hash, "role": role})
}

/// What a key is called in public.
pub fn id_of(key: &str) -> &str {
    key.split('_').nth(1).unwrap()
}

impl Keyed {
    pub async fn start() -> Keyed {
        let own = tempfile::tempdir().unwrap();
        let mut keyed = Keyed::start_in(own.path(), &[]).await;
        keyed.own = Some(own);
        keyed
    }

    pub async fn start_in(dir: &Path, more: &[&str]) -> Keyed {
        let own = ["dev", "--http", "127.0.0.1:0", "--no-demo", "--ready-json"];
        let arguments = [&own[..], &["--keys", "required"], more].concat();
        let ledger = Ledger::spawn(dir, &arguments).await.unwrap_or_else(|it| panic!("{it}"));
        Keyed::of(ledger)
    }

    pub fn of(ledger: Ledger) -> Keyed {
        let http = HttpClient::builder(TokioExecutor::new()).build_http();
        Keyed { ledger, http, own: None }
    }

    /// The key of whoever runs it: admin of every account.
    pub fn admin(&self) -> String {
        self.ledger.ready()["key"].as_str().unwrap().to_owned()
    }

    /// Any request. Of an answer that does not end, its head.
    pub async fn request(
        &self,
        method: Method,
        path: &str,
        body: &str,
        headers: &[(&str, &str)],
    ) -> Answer {
        let mut request =
            Request::builder().method(method).uri(format!("{}{path}", self.ledger.http_url()));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(Bytes::copy_from_slice(body.as_bytes()))).unwrap();
        let exchange = async {
            let response = self.http.request(request).await.unwrap();
            let (status, headers) = (response.status().as_u16(), response.headers().clone());
            let endless = headers.get("content-type").is_some_and(|it| it == "text/event-stream");
            let body = match endless {
                true => Bytes::new(),
                false => response.into_body().collect().await.unwrap().to_bytes(),
            };
            Answer { status, headers, body }
        };
        tokio::time::timeout(PATIENCE, exchange).await.unwrap()
    }

    pub async fn get(&self, path: &str, key: &str) -> Answer {
        self.request(Method::GET, path, "", &[("authorization", &format!("Bearer {key}"))]).await
    }

    pub async fn post(&self, path: &str, body: &str, key: &str) -> Answer {
        let shown = format!("Bearer {key}");
        self.request(Method::POST, path, body, &[("authorization", &shown)]).await
    }

    pub async fn send(&self, account: &str, command: &str, document: &Value, key: &str) -> Answer {
        let path = format!("/v1/accounts/{account}/commands/{command}");
        self.post(&path, &document.to_string(), key).await
    }

    /// Sends a command as the admin; it is accepted. Gives back its sequence.
    pub async fn accepted(&self, account: &str, command: &str, document: Value) -> u64 {
        let answer = self.send(account, command, &document, &self.admin()).await;
        assert_eq!(answer.status, 200, "{}", answer.json());
        answer.json()["sequence"].as_u64().unwrap()
    }

    /// Uses a key, and waits until the log has it that it was.
    pub async fn used(&self, account: &str, key: &str) {
        let path = format!("/v1/accounts/{account}/keys");
        eventually("its use is kept", async || {
            assert_eq!(self.get("/v1/accounts", key).await.status, 200);
            let listed = self.get(&path, &self.admin()).await.json();
            let mut keys = listed["items"].as_array().unwrap().iter();
            keys.any(|it| it["key"] == id_of(key) && it["last_used"].is_string())
        })
        .await;
    }

    /// A new key of an account, with more terms.
    pub async fn key(&self, account: &str, role: &str, more: Value) -> String {
        let (mut random, mut secret) = ([0; 8], [0; 32]);
        getrandom::fill(&mut random).unwrap();
        getrandom::fill(&mut secret).unwrap();
        let id: String = random.iter().map(|it| format!("{it:02x}")).collect();
        let mut document = creation(&id, secret, role);
        for (member, value) in more.as_object().unwrap() {
            document[member] = value.clone();
        }
        self.accepted(account, "CreateKey", document).await;
        written(&id, secret)
    }
}
