//! Ask, post and HTTP: one document, one answer.

mod answering;
mod asking;
mod batches;
mod discovering;
mod dry_run;
mod lines;
mod posting;
mod repeating;

use async_nats::{HeaderMap, Message, Subscriber};
use futures_util::StreamExt as _;
use serde_json::{Value, json};

use crate::Ledger;
use crate::ledger::PATIENCE;

/// The ways in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    Ask,
    Post,
    Http,
}

impl Door {
    pub const ALL: [Door; 3] = [Door::Ask, Door::Post, Door::Http];
}

/// What a sender is told, whatever the door; without the request id that only HTTP has.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    pub status: u16,
    /// The error's code as the headers say it; only over NATS.
    pub error: Option<String>,
    pub sequence: Option<u64>,
    pub kind: String,
    pub document: Value,
}

impl Told {
    pub fn code(&self) -> &str {
        self.document["code"].as_str().unwrap_or_default()
    }

    pub fn events(&self) -> &[Value] {
        self.document["events"].as_array().map(Vec::as_slice).unwrap_or_default()
    }

    fn over_nats(message: &Message) -> Told {
        let header = |name: &str| {
            let headers = message.headers.as_ref().expect("a reply has headers");
            headers.get(name).map(|it| it.as_str().to_owned())
        };
        Told {
            status: header("Nats-Service-Error-Code").map_or(200, |it| it.parse().unwrap()),
            error: header("Nats-Service-Error"),
            sequence: header("Seatledger-Sequence").map(|it| it.parse().unwrap()),
            kind: header("Content-Type").unwrap(),
            document: serde_json::from_slice(&message.payload).unwrap(),
        }
    }

    fn over_http(answer: &crate::ledger::Answer) -> Told {
        let header =
            |name: &str| answer.headers.get(name).map(|it| it.to_str().unwrap().to_owned());
        let mut document = answer.json();
        document.as_object_mut().unwrap().remove("request_id");
        Told {
            status: answer.status,
            error: None,
            sequence: header("seatledger-sequence").map(|it| it.parse().unwrap()),
            kind: header("content-type").unwrap(),
            document,
        }
    }
}

/// All doors of a ledger.
pub struct Doors<'a> {
    pub ledger: &'a Ledger,
    pub nats: async_nats::Client,
}

impl<'a> Doors<'a> {
    pub async fn of(ledger: &'a Ledger) -> Doors<'a> {
        Doors { ledger, nats: ledger.producer().await }
    }

    /// Sends bytes through a door, with the key beside them if there is one.
    pub async fn send(
        &self,
        door: Door,
        (account, command): (&str, &str),
        key: Option<&str>,
        body: &[u8],
    ) -> Told {
        match door {
            Door::Ask => self.ask(account, command, key, body).await,
            Door::Post => self.post(account, command, key, body).await,
            Door::Http => {
                let path = format!("/v1/accounts/{account}/commands/{command}");
                let headers: Vec<_> = key.map(|it| ("idempotency-key", it)).into_iter().collect();
                Told::over_http(&self.ledger.post_bytes(&path, body, &headers).await)
            }
        }
    }

    /// The same with a document that has its id in it.
    pub async fn document(&self, door: Door, to: (&str, &str), document: &Value) -> Told {
        self.send(door, to, None, document.to_string().as_bytes()).await
    }

    pub async fn ask(&self, account: &str, command: &str, key: Option<&str>, body: &[u8]) -> Told {
        self.asked(format!("seatledger.command.{account}.{command}"), key, body).await
    }

    /// Asks as somebody who may publish as an admin.
    pub async fn ask_as_admin(&self, account: &str, command: &str, document: &Value) -> Told {
        let subject = format!("seatledger.admin.{account}.{command}");
        self.asked(subject, None, document.to_string().as_bytes()).await
    }

    async fn asked(&self, subject: String, key: Option<&str>, body: &[u8]) -> Told {
        let asked =
            self.nats.request_with_headers(subject.clone(), keyed(key), body.to_vec().into());
        let reply = tokio::time::timeout(PATIENCE, asked).await.unwrap();
        Told::over_nats(&reply.unwrap_or_else(|it| panic!("{subject}: {it}")))
    }

    /// Posts, and waits for the outcome on the subject of the key or of the id in the document.
    pub async fn post(&self, account: &str, command: &str, key: Option<&str>, body: &[u8]) -> Told {
        let id = match key {
            Some(key) => key.to_owned(),
            None => {
                let document: Value = serde_json::from_slice(body).unwrap();
                document["id"].as_str().expect("an outcome has a subject").to_owned()
            }
        };
        let mut outcomes = self.outcomes_of(account, &id).await;
        self.put(account, command, key, body).await;
        outcome(&mut outcomes).await
    }

    /// Listens for the outcome of a command, in whatever account.
    pub async fn outcomes(&self, id: &str) -> Subscriber {
        self.outcomes_of("*", id).await
    }

    /// Listens for the outcome of a command.
    pub async fn outcomes_of(&self, account: &str, id: &str) -> Subscriber {
        let subject = format!("seatledger.outcome.{account}.{id}");
        let outcomes = self.nats.subscribe(subject).await.unwrap();
        self.nats.flush().await.unwrap();
        outcomes
    }

    /// Puts a command on the durable queue, and sees that it is stored there.
    pub async fn put(&self, account: &str, command: &str, key: Option<&str>, body: &[u8]) {
        let subject = format!("seatledger.post.{account}.{command}");
        let queue = async_nats::jetstream::new(self.nats.clone());
        let put = queue.publish_with_headers(subject, keyed(key), body.to_vec().into());
        let stored = async { put.await.unwrap().await.unwrap() };
        let stored = tokio::time::timeout(PATIENCE, stored).await.unwrap();
        assert_eq!(stored.stream, "SEATLEDGER_POSTS");
    }

    /// The last sequence of the log.
    pub async fn sequence(&self) -> u64 {
        self.ledger.get("/v1/status").await.json()["sequence"].as_u64().unwrap()
    }

    /// A license that is there and has seats.
    pub async fn allocate(&self, account: &str, license: &str, quantity: i64) -> u64 {
        let document = json!({"license": license, "product": "CREATIVE", "quantity": quantity});
        self.ledger.accepted(account, "AllocateLicense", &document).await
    }
}

fn keyed(key: Option<&str>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if let Some(key) = key {
        headers.insert("Nats-Msg-Id", key);
    }
    headers
}

/// The next outcome.
pub async fn outcome(outcomes: &mut Subscriber) -> Told {
    let message = tokio::time::timeout(PATIENCE, outcomes.next()).await;
    Told::over_nats(&message.expect("an outcome is said").unwrap())
}
