//! What the ledger says of itself to those who look for NATS services (`nats micro`), and how much
//! it has done.
//!
//! async-nats can serve this too. It answers to whatever subject it is told to, and has one
//! subscription an endpoint; see decision 0030.

use std::sync::Mutex;
use std::time::Duration;

use bytes::Bytes;
use events::CommandType;
use serde_json::{Value, json};
use uuid::Uuid;

use super::ask::QUEUE;
use super::door::Door;
use super::{Answer, Document};
use crate::clock::Clock;
use crate::describe;

/// The name of the service.
const NAME: &str = "seatledger";

/// The service of this process.
#[derive(Debug)]
pub(super) struct Discovery {
    id: String,
    info: Bytes,
    prefix: String,
    started: String,
    /// What was done, by type in the order of all types.
    done: Vec<Mutex<Done>>,
}

/// What was done of one type.
#[derive(Debug, Default, Clone)]
struct Done {
    requests: u64,
    errors: u64,
    last_error: String,
    nanos: u64,
}

impl Discovery {
    pub(super) fn new(prefix: &str) -> Discovery {
        let id = Uuid::now_v7().simple().to_string();
        let endpoints: Vec<Value> = CommandType::ALL
            .iter()
            .map(|kind| {
                let mut endpoint = endpoint(prefix, *kind);
                endpoint["metadata"] = json!({
                    "schema": describe::schema(*kind).to_string(),
                    "example": describe::example(*kind).to_string(),
                    "idempotent": "by the member id or the header Nats-Msg-Id",
                    "doc": format!("/openapi.json#/components/schemas/{kind}"),
                });
                endpoint
            })
            .collect();
        let mut info = described(&id, "info");
        info["description"] =
            json!("seatledger: commands of the license ledger, answered once they are durable");
        info["endpoints"] = endpoints.into();
        let info = Bytes::from(info.to_string());
        let done = CommandType::ALL.iter().map(|_| Mutex::default()).collect();
        let started = Clock::real().now().to_string();
        Discovery { id, info, prefix: prefix.to_owned(), started, done }
    }

    /// Everything that asks for it.
    pub(super) fn subjects(&self) -> [String; 3] {
        ["$SRV.*".to_owned(), format!("$SRV.*.{NAME}"), format!("$SRV.*.{NAME}.{}", self.id)]
    }

    /// Takes note of a command that was answered.
    pub(super) fn note(&self, kind: CommandType, answer: &Answer, took: Duration) {
        let index = CommandType::ALL.iter().position(|it| *it == kind);
        let Some(Ok(mut done)) = index.and_then(|it| self.done.get(it)).map(Mutex::lock) else {
            return;
        };
        done.requests += 1;
        done.nanos += u64::try_from(took.as_nanos()).unwrap_or_default();
        if let Document::Problem(problem) = &answer.document {
            done.errors += 1;
            done.last_error = format!("{}:{}", problem.status, problem.code);
        }
    }

    /// What is answered to a question; nothing to one that is none.
    pub(super) fn answer(&self, subject: &str) -> Option<Bytes> {
        match subject.split('.').nth(1)? {
            "PING" => Some(described(&self.id, "ping").to_string().into()),
            "INFO" => Some(self.info.clone()),
            "STATS" => Some(self.stats().to_string().into()),
            _ => None,
        }
    }

    fn stats(&self) -> Value {
        let endpoints: Vec<Value> = CommandType::ALL
            .iter()
            .zip(&self.done)
            .map(|(kind, done)| {
                let done = done.lock().map(|it| it.clone()).unwrap_or_default();
                let mut endpoint = endpoint(&self.prefix, *kind);
                endpoint["num_requests"] = done.requests.into();
                endpoint["num_errors"] = done.errors.into();
                endpoint["last_error"] = done.last_error.into();
                endpoint["processing_time"] = done.nanos.into();
                endpoint["average_processing_time"] =
                    done.nanos.checked_div(done.requests).unwrap_or_default().into();
                endpoint
            })
            .collect();
        let mut stats = described(&self.id, "stats");
        stats["started"] = json!(self.started);
        stats["endpoints"] = endpoints.into();
        stats
    }
}

fn described(id: &str, what: &str) -> Value {
    json!({
        "type": format!("io.nats.micro.v1.{what}_response"),
        "name": NAME,
        "id": id,
        "version": env!("CARGO_PKG_VERSION"),
        "metadata": {},
    })
}

fn endpoint(prefix: &str, kind: CommandType) -> Value {
    let subject = format!("{prefix}.{}.*.{kind}", Door::Command.word());
    json!({"name": kind.as_str(), "subject": subject, "queue_group": QUEUE})
}
