//! Producers that keep their own account of what they sent and what they were told.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_nats::Client;
use async_nats::client::Request;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::dice::Dice;
use super::replay::{Replay, text_of};
use crate::ledger::Ledger;

/// How long a producer waits before it calls an outcome unknown. Shorter than the ledger's own
/// limit, so that answers get lost.
const WAIT: Duration = Duration::from_secs(2);

/// Pause before the same command is sent again.
const PAUSE: Duration = Duration::from_millis(30);

/// One command: which, for which account, and the document with its id.
#[derive(Debug, Clone)]
pub struct Order {
    pub account: String,
    pub kind: &'static str,
    pub document: Value,
}

impl Order {
    pub fn new(account: &str, kind: &'static str, document: Value) -> Order {
        Order { account: account.to_owned(), kind, document }
    }

    pub fn key(&self) -> (String, String) {
        (self.account.clone(), text_of(&self.document["id"]))
    }
}

/// What a producer was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    Accepted {
        sequence: u64,
        replayed: bool,
        events: Vec<String>,
    },
    Refused(String),
    /// Nobody answered, or the answer was that nobody knows.
    Unknown(String),
}

impl Told {
    fn of(status: u64, body: &[u8]) -> Told {
        let said: Value = serde_json::from_slice(body).unwrap_or_default();
        let code = text_of(&said["code"]);
        match status {
            200 => Told::Accepted {
                sequence: said["sequence"].as_u64().unwrap(),
                replayed: said["replayed"].as_bool().unwrap(),
                events: said["events"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|it| text_of(&it["id"]))
                    .collect(),
            },
            503 => Told::Unknown(code),
            404 | 409 => Told::Refused(code),
            other => panic!("{other}: {said}"),
        }
    }
}

/// Where commands go in.
#[derive(Debug, Clone)]
pub struct Doors {
    pub nats: Client,
    http: HttpClient<HttpConnector, Full<Bytes>>,
    url: String,
}

impl Doors {
    /// Those of a ledger, over a NATS connection of its own.
    pub async fn of(ledger: &Ledger) -> Doors {
        let http = HttpClient::builder(TokioExecutor::new()).build_http();
        Doors { nats: ledger.producer().await, http, url: ledger.http_url() }
    }

    /// Those at addresses.
    pub fn at(nats: Client, url: String) -> Doors {
        let http = HttpClient::builder(TokioExecutor::new()).build_http();
        Doors { nats, http, url }
    }

    /// Sends a command as a NATS request.
    pub async fn ask(&self, order: &Order) -> Told {
        let subject = format!("seatledger.command.{}.{}", order.account, order.kind);
        let request = Request::new().payload(order.document.to_string().into()).timeout(Some(WAIT));
        match self.nats.send_request(subject, request).await {
            Ok(reply) => {
                let code = reply.headers.as_ref().and_then(|it| it.get("Nats-Service-Error-Code"));
                let status = code.map_or(200, |it| it.as_str().parse().unwrap());
                Told::of(status, &reply.payload)
            }
            Err(error) => Told::Unknown(error.to_string()),
        }
    }

    /// Sends a command over HTTP.
    pub async fn post(&self, order: &Order) -> Told {
        let url = format!("{}/v1/accounts/{}/commands/{}", self.url, order.account, order.kind);
        let body = Full::new(Bytes::from(order.document.to_string()));
        let request = hyper::Request::post(url).body(body).unwrap();
        let exchange = async {
            let response = self.http.request(request).await.map_err(|it| it.to_string())?;
            let status = u64::from(response.status().as_u16());
            let body = response.into_body().collect().await.map_err(|it| it.to_string())?;
            Ok::<_, String>(Told::of(status, &body.to_bytes()))
        };
        match tokio::time::timeout(WAIT, exchange).await {
            Ok(told) => told.unwrap_or_else(Told::Unknown),
            Err(late) => Told::Unknown(late.to_string()),
        }
    }
}

/// What all producers of a test were told, by account and command id.
#[derive(Debug, Default)]
pub struct Book {
    pub accepted: BTreeMap<(String, String), (u64, Vec<String>)>,
    /// Refused when they were sent for the first time, with the code.
    pub refused: BTreeMap<(String, String), String>,
    /// Their last outcome is not known.
    pub unknown: BTreeMap<(String, String), Order>,
    pub orders: BTreeMap<(String, String), Order>,
}

pub type SharedBook = Arc<Mutex<Book>>;

impl Book {
    /// Writes down what was told. An outcome once told never changes.
    pub fn note(&mut self, order: &Order, told: Told, first: bool) {
        let key = order.key();
        match told {
            Told::Accepted { sequence, events, replayed } => {
                self.unknown.remove(&key);
                assert!(!(first && replayed), "{key:?} is new, and is said to be a repeat");
                if events.is_empty() {
                    return;
                }
                self.orders.insert(key.clone(), order.clone());
                let now = (sequence, events);
                let before = self.accepted.entry(key.clone()).or_insert_with(|| now.clone());
                assert_eq!(*before, now, "{key:?} has got another outcome");
            }
            Told::Refused(code) => {
                self.unknown.remove(&key);
                let before = self.accepted.get(&key);
                assert_eq!(before, None, "{key:?} was accepted and is refused now: {code}");
                if first {
                    self.refused.insert(key, code);
                }
            }
            Told::Unknown(_) => {
                self.unknown.insert(key, order.clone());
            }
        }
    }

    /// Everything accepted is on the log exactly once with just those events, nothing refused is,
    /// and nothing that nobody sent.
    pub fn agrees(&self, replay: &Replay) {
        for (key, told) in &self.accepted {
            assert_eq!(replay.commands.get(key), Some(told), "{key:?} was accepted");
        }
        for (key, code) in &self.refused {
            assert_eq!(replay.commands.get(key), None, "{key:?} was refused: {code}");
        }
        let strange = replay
            .commands
            .keys()
            .find(|it| !self.accepted.contains_key(*it) && !self.unknown.contains_key(*it));
        assert_eq!(strange, None, "on the log, and not accounted for");
    }
}

/// What producers do: commands about few seats of few licenses, so that they get in each other's
/// way.
#[derive(Debug, Clone)]
pub struct Play {
    pub accounts: Vec<String>,
    pub licenses: u64,
    pub users: u64,
}

impl Play {
    pub fn small() -> Play {
        Play { accounts: vec!["acme".into(), "globex".into()], licenses: 3, users: 12 }
    }

    /// The commands that make its licenses: `l0`, `l1` and so on, all of the product `P`.
    pub fn licenses(&self, quantity: u64) -> Vec<Order> {
        let of_account = |account: &String| {
            let license = |n: u64| {
                let document = json!({
                    "id": format!("allocate-{n}"), "license": format!("l{n}"), "product": "P",
                    "quantity": quantity,
                });
                Order::new(account, "AllocateLicense", document)
            };
            (0..self.licenses).map(license).collect::<Vec<_>>()
        };
        self.accounts.iter().flat_map(of_account).collect()
    }

    /// Any command, with this id.
    pub fn order(&self, dice: &mut Dice, id: &str) -> Order {
        let account = &self.accounts[dice.below(self.accounts.len() as u64) as usize];
        let license = format!("l{}", dice.below(self.licenses));
        let user = json!({"user": format!("u{}", dice.below(self.users))});
        let other = json!({"user": format!("u{}", dice.below(self.users))});
        let (kind, document) = match dice.below(100) {
            0..30 => ("AssignSeat", json!({"license": license, "holders": [user]})),
            30..40 => ("AssignSeat", json!({"license": license, "holders": [user, other]})),
            40..55 => ("AssignSeat", json!({"product": "P", "holders": [user]})),
            55..80 => ("RevokeAssignment", json!({"license": license, "holders": [user]})),
            80..90 => ("ChangeLicense", json!({"license": license, "quantity": 2 + dice.below(6)})),
            _ => {
                let active = dice.below(2) == 0;
                ("ChangeAssignment", json!({"license": license, "holder": user, "active": active}))
            }
        };
        let mut document = document;
        document["id"] = json!(id);
        Order::new(account, kind, document)
    }
}

/// One producer: sends until told to stop, the same command with the same id while its outcome is
/// unknown, and now and then one again that was accepted long ago.
pub async fn produce(
    name: String,
    mut dice: Dice,
    play: Play,
    doors: watch::Receiver<Doors>,
    book: SharedBook,
    stop: CancellationToken,
) {
    for n in 0_u64.. {
        let order = play.order(&mut dice, &format!("{name}-{n}"));
        let mut first = true;
        while !stop.is_cancelled() {
            let door = doors.borrow().clone();
            let told = match dice.below(2) {
                0 => door.ask(&order).await,
                _ => door.post(&order).await,
            };
            let unknown = matches!(told, Told::Unknown(_));
            book.lock().unwrap().note(&order, told, first);
            // Some producers give up, and nobody ever asks again.
            if !unknown || dice.below(8) == 0 {
                break;
            }
            first = false;
            tokio::time::sleep(PAUSE).await;
        }
        if stop.is_cancelled() {
            return;
        }
        if dice.below(20) == 0 {
            again(&mut dice, &doors, &book).await;
        }
    }
}

/// Sends a command again that was accepted before.
async fn again(dice: &mut Dice, doors: &watch::Receiver<Doors>, book: &SharedBook) {
    let order = {
        let book = book.lock().unwrap();
        let place = dice.below(book.orders.len().max(1) as u64) as usize;
        book.orders.values().nth(place).cloned()
    };
    if let Some(order) = order {
        let door = doors.borrow().clone();
        match door.ask(&order).await {
            Told::Unknown(_) => {}
            told => book.lock().unwrap().note(&order, told, false),
        }
    }
}
