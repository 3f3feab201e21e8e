//! The log read a second way: its bytes over NATS, JSON and SHA-256, and none of the ledger's code.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use async_nats::Client;
use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// Requests under way at the same time while the log is read.
const AT_ONCE: usize = 64;

/// What a whole log says.
#[derive(Debug, Default)]
pub struct Replay {
    /// The payload of each commit, the first at sequence 1.
    pub payloads: Vec<Vec<u8>>,
    /// Every event in order, with the sequence of its commit.
    pub events: Vec<(u64, Value)>,
    /// By account and command id: the sequence, and the ids of the events.
    pub commands: BTreeMap<(String, String), (u64, Vec<String>)>,
    /// By account and license.
    pub licenses: BTreeMap<(String, String), License>,
}

/// A license as the log leaves it.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct License {
    pub product: String,
    pub quantity: i64,
    /// By user: the assignment, and whether it holds a seat.
    pub live: BTreeMap<String, (String, bool)>,
}

impl License {
    pub fn used(&self) -> i64 {
        self.live.values().filter(|it| it.1).count().try_into().unwrap()
    }
}

impl Replay {
    /// Reads the whole log and demands everything that a log must be.
    #[track_caller]
    pub fn of(client: &Client) -> impl Future<Output = Replay> + '_ {
        let caller = std::panic::Location::caller();
        async move {
            let payloads = payloads(client).await;
            Replay::from(payloads).unwrap_or_else(|it| panic!("{caller}: {it}"))
        }
    }

    /// The same from bytes; the error says where it is not a log, and why.
    pub fn from(payloads: Vec<Vec<u8>>) -> Result<Replay, String> {
        let mut replay = Replay::default();
        let (mut before, mut at, mut ids) = ("0".repeat(64), String::new(), BTreeSet::new());
        for (sequence, payload) in (1..).zip(&payloads) {
            let wrong = |what: &str| Err(format!("sequence {sequence}: {what}"));
            let text = String::from_utf8_lossy(payload);
            let mut lines = text.lines().map(|it| serde_json::from_str::<Value>(it).unwrap());
            let header = lines.next().unwrap();
            let lines: Vec<Value> = lines.collect();
            if header["prev"] != before.as_str() {
                return wrong("the chain is broken");
            }
            if header["n"] != sequence || header["partition"] != 0 || header["format"] != 1 {
                return wrong("it is another commit than its header says");
            }
            if header["count"] != lines.len() || lines.is_empty() || !text.ends_with('\n') {
                return wrong("it has not the lines it counts");
            }
            if text_of(&header["at"]) < at {
                return wrong("time goes back");
            }
            (before, at) = (hash(payload), text_of(&header["at"]));
            for event in lines {
                if !ids.insert(text_of(&event["id"])) {
                    return wrong("an event has the id of another one");
                }
                replay.take(sequence, event).map_err(|it| format!("sequence {sequence}: {it}"))?;
            }
        }
        replay.payloads = payloads;
        Ok(replay)
    }

    pub fn last(&self) -> u64 {
        self.payloads.len().try_into().unwrap()
    }

    fn take(&mut self, sequence: u64, event: Value) -> Result<(), String> {
        let (account, data) = (text_of(&event["account"]), &event["data"]);
        let command = (account.clone(), text_of(&event["command"]["id"]));
        let told = self.commands.entry(command.clone()).or_insert((sequence, vec![]));
        if told.0 != sequence {
            return Err(format!("{command:?} stands in sequence {} already", told.0));
        }
        told.1.push(text_of(&event["id"]));
        let key = (account, text_of(&data["license"]));
        let license = self.licenses.entry(key.clone()).or_default();
        let user = text_of(&data["holder"]["user"]);
        let assignment = text_of(&data["assignment"]);
        let kind = text_of(&event["type"]);
        match kind.as_str() {
            "LicenseAllocated" => {
                license.product = text_of(&data["product"]);
                license.quantity = data["quantity"].as_i64().unwrap();
            }
            "QuantityChanged" => license.quantity = data["to"].as_i64().unwrap(),
            "SeatAssigned" => {
                let active = data["active"].as_bool().unwrap_or(true);
                if license.live.insert(user.clone(), (assignment, active)).is_some() {
                    return Err(format!("{user} has two assignments of {key:?}"));
                }
            }
            "AssignmentRevoked" => match license.live.remove(&user) {
                Some((it, _)) if it == assignment => {}
                other => return Err(format!("{user} had {other:?} of {key:?}, not {assignment}")),
            },
            "AssignmentDeactivated" | "AssignmentReactivated" => {
                let active = kind == "AssignmentReactivated";
                match license.live.insert(user.clone(), (assignment.clone(), active)) {
                    Some((it, was)) if it == assignment && was != active => {}
                    other => return Err(format!("{kind} of {user}: it was {other:?}")),
                }
            }
            other => return Err(format!("the tests do not send anything that causes {other}")),
        }
        if license.used() > license.quantity {
            let (used, quantity) = (license.used(), license.quantity);
            return Err(format!("{key:?} is over its quantity: {used} of {quantity}"));
        }
        self.events.push((sequence, event));
        Ok(())
    }
}

/// The bytes of the whole log. A sequence that cannot be read ends the test.
pub async fn payloads(client: &Client) -> Vec<Vec<u8>> {
    let jetstream = async_nats::jetstream::new(client.clone());
    let mut stream = jetstream.get_stream("SEATLEDGER").await.unwrap();
    let state = stream.info().await.unwrap().state.clone();
    assert!(state.last_sequence == 0 || state.first_sequence == 1, "it begins late: {state:?}");
    let read = |sequence| {
        let stream = &stream;
        async move {
            let message = stream.get_raw_message(sequence).await;
            message.map(|it| it.payload.to_vec()).map_err(|it| format!("sequence {sequence}: {it}"))
        }
    };
    let read = stream::iter(1..=state.last_sequence).map(read).buffered(AT_ONCE);
    read.try_collect().await.unwrap()
}

/// The last sequence that the server counts.
pub async fn last_sequence(client: &Client) -> u64 {
    let jetstream = async_nats::jetstream::new(client.clone());
    let stream = jetstream.get_stream("SEATLEDGER").await.unwrap();
    stream.cached_info().state.last_sequence
}

/// SHA-256 in lower-case hex.
pub fn hash(payload: &[u8]) -> String {
    Sha256::digest(payload).iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

/// The text of a JSON string; nothing for anything else.
pub fn text_of(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
