//! The log read a second way: its bytes over NATS, JSON and SHA-256, and none of the ledger's code.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use async_nats::Client;
use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// Requests under way at the same time while the log is read.
const AT_ONCE: usize = 64;

/// A message as the stream holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Whether it says that the ledger has written it; what does not is foreign.
    pub is_ours: bool,
    pub payload: Vec<u8>,
}

/// What a whole log says.
#[derive(Debug, Default)]
pub struct Replay {
    /// Everything on the stream, the first at sequence 1.
    pub messages: Vec<Message>,
    /// Every event in order, with the sequence of its commit.
    pub events: Vec<(u64, Value)>,
    /// By account and command id: the sequence, and the ids of the events.
    pub commands: BTreeMap<(String, String), (u64, Vec<String>)>,
    /// By account and license.
    pub licenses: BTreeMap<(String, String), License>,
    /// How many of the messages are commits.
    commits: u64,
    /// The hash of the last commit, and the time in its header.
    before: Option<(String, String)>,
    /// What stands behind it and is none: first, last, digest.
    foreign: Option<(u64, u64, String)>,
    ids: BTreeSet<String>,
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
            let messages = messages(client).await;
            let mut replay = Replay::default();
            replay.go_on(messages).unwrap_or_else(|it| panic!("{caller}: {it}"));
            replay
        }
    }

    /// Takes in the messages that follow; the error says where it is not a log, and why.
    pub fn go_on(&mut self, messages: Vec<Message>) -> Result<(), String> {
        for message in messages {
            let sequence = self.last() + 1;
            let taken = match message.is_ours {
                true => self.commit(sequence, &message.payload),
                false => self.pass_over(sequence, &message.payload),
            };
            taken.map_err(|it| format!("sequence {sequence}: {it}"))?;
            self.messages.push(message);
        }
        Ok(())
    }

    /// The first sequence of this one that another does not have, or has otherwise.
    pub fn differs_from(&self, other: &Replay) -> Option<u64> {
        let mut pairs = (0..).zip(&self.messages);
        pairs.find(|(place, it)| other.messages.get(*place) != Some(it)).map(|it| it.0 as u64 + 1)
    }

    /// How many messages of others stand at the end, declared void by nobody.
    pub fn foreign(&self) -> u64 {
        self.foreign.as_ref().map_or(0, |(first, last, _)| last + 1 - first)
    }

    fn pass_over(&mut self, sequence: u64, payload: &[u8]) -> Result<(), String> {
        let (first, _, before) =
            self.foreign.take().unwrap_or_else(|| (sequence, sequence, "0".repeat(64)));
        let bytes = |at: usize| u8::from_str_radix(&before[2 * at..2 * at + 2], 16);
        let before: Result<Vec<u8>, _> = (0..32).map(bytes).collect();
        let before = before.map_err(|it| it.to_string())?;
        self.foreign = Some((first, sequence, hash(&[before.as_slice(), payload].concat())));
        Ok(())
    }

    fn commit(&mut self, sequence: u64, payload: &[u8]) -> Result<(), String> {
        let start = || ("0".repeat(64), String::new());
        let (before, at) = self.before.take().unwrap_or_else(start);
        let wrong = |what: &str| Err(what.to_owned());
        let text = String::from_utf8_lossy(payload);
        let lines: Result<Vec<Value>, _> = text.lines().map(serde_json::from_str).collect();
        let mut lines = lines.map_err(|it| it.to_string())?;
        if lines.is_empty() || !text.ends_with('\n') {
            return wrong("it has no header, or no end");
        }
        let header = lines.remove(0);
        self.commits += 1;
        if header["prev"] != before.as_str() {
            return wrong("the chain is broken");
        }
        if header["n"] != self.commits || header["partition"] != 0 || header["format"] != 1 {
            return wrong("it is another commit than its header says");
        }
        let void = &header["void"];
        let said = (void["first"].as_u64(), void["last"].as_u64(), text_of(&void["digest"]));
        let is_right = match self.foreign.take() {
            Some((first, last, digest)) => said == (Some(first), Some(last), digest),
            None => void.is_null(),
        };
        if !is_right {
            return wrong("it does not declare void what stands before it, and nothing else");
        }
        if header["count"] != lines.len() || lines.is_empty() == void.is_null() {
            return wrong("it has not the lines it counts");
        }
        if text_of(&header["at"]) < at {
            return wrong("time goes back");
        }
        self.before = Some((hash(payload), text_of(&header["at"])));
        for event in lines {
            if !self.ids.insert(text_of(&event["id"])) {
                return wrong("an event has the id of another one");
            }
            self.take(sequence, event)?;
        }
        Ok(())
    }

    pub fn last(&self) -> u64 {
        self.messages.len().try_into().unwrap()
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

/// The whole stream. A sequence that cannot be read ends the test.
pub async fn messages(client: &Client) -> Vec<Message> {
    messages_after(client, 0).await.unwrap()
}

/// What follows a sequence.
pub async fn messages_after(client: &Client, after: u64) -> Result<Vec<Message>, String> {
    let jetstream = async_nats::jetstream::new(client.clone());
    let mut stream = jetstream.get_stream("SEATLEDGER").await.map_err(|it| it.to_string())?;
    let state = stream.info().await.map_err(|it| it.to_string())?.state.clone();
    assert!(state.last_sequence == 0 || state.first_sequence == 1, "it begins late: {state:?}");
    if state.last_sequence < after {
        return Err(format!("it ends at {}, and {after} was read before", state.last_sequence));
    }
    let read = |sequence| {
        let stream = &stream;
        async move {
            let message = stream.get_raw_message(sequence).await;
            let message = message.map_err(|it| format!("sequence {sequence}: {it}"))?;
            let is_ours = message.headers.get("Seatledger").is_some();
            Ok(Message { is_ours, payload: message.payload.to_vec() })
        }
    };
    let read = stream::iter(after + 1..=state.last_sequence).map(read).buffered(AT_ONCE);
    read.try_collect().await
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
