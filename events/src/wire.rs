//! The bytes of a commit: what the log stores and auditors read.
//!
//! NDJSON in UTF-8: a header line, then one line an event, each ended by a line feed. The chain is
//! over these bytes as they are stored; nobody ever has to write JSON the same way twice.

mod of_command;

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::by::By;
use crate::event::Event;
use crate::malformed::short;
use crate::moment::Moment;
use crate::request::{Change, ContentHash, Via};
use crate::text::{AccountId, Actor, CommandId, Given, Label};

pub use of_command::decode_of;

/// The version of the commit format that this release writes.
pub const FORMAT: u32 = 1;

/// SHA-256 over the bytes of a commit; written in hex.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct CommitHash(pub [u8; 32]);

impl CommitHash {
    /// What the first commit of a partition names as the one before.
    pub const NONE: CommitHash = CommitHash([0; 32]);

    /// The hash of a stored commit.
    pub fn of(payload: &[u8]) -> CommitHash {
        CommitHash(Sha256::digest(payload).into())
    }

    /// Reads 64 hex digits.
    pub fn parse(text: &str) -> Option<CommitHash> {
        let mut bytes = [0; 32];
        unhex(text, &mut bytes).map(|()| CommitHash(bytes))
    }
}

impl fmt::Display for CommitHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl fmt::Debug for CommitHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for CommitHash {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for CommitHash {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        CommitHash::parse(&Given::deserialize(deserializer)?.0)
            .ok_or_else(|| serde::de::Error::custom("a commit hash is 64 hex digits"))
    }
}

/// The bytes in lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    let digits = |it: &u8| [DIGITS[usize::from(it >> 4)], DIGITS[usize::from(it & 15)]];
    bytes.iter().flat_map(digits).collect()
}

/// Fills `bytes` from lower-case hex of exactly that length.
pub fn unhex(text: &str, bytes: &mut [u8]) -> Option<()> {
    if text.len() != bytes.len() * 2 {
        return None;
    }
    let digit = |it: u8| match it {
        b'0'..=b'9' => Some(it - b'0'),
        b'a'..=b'f' => Some(it - b'a' + 10),
        _ => None,
    };
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(())
}

/// The first line of a commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// The format version.
    pub format: u32,
    /// The commit, UUIDv7; also its `Nats-Msg-Id`.
    pub commit: Uuid,
    /// Of which partition.
    pub partition: u32,
    /// The commit's number in its partition, from 1.
    pub n: u64,
    /// SHA-256 of the bytes of the partition's previous commit; zeros for the first.
    pub prev: CommitHash,
    /// Lines that follow.
    pub count: usize,
    /// When its commands were judged, by the writer's clock; never less than the commit before.
    pub at: Moment,
    /// What stands before it on the stream and is no commit. Such a commit has no events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub void: Option<Void>,
}

/// Messages on the log's stream that the ledger has not written, declared void by an operator. They
/// stand directly before the commit that says so, and after the one that it names as the one before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Void {
    /// The sequence of the first of them.
    pub first: u64,
    /// That of the last; all between are void too.
    pub last: u64,
    /// What they say: SHA-256 over the digest of those before (zeros for the first) and the bytes of
    /// the message, one after the other.
    pub digest: CommitHash,
    /// Who was let in that declared it.
    pub by: By,
    /// Who asked, as they say it.
    pub actor: Actor,
    /// A sentence for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Label>,
}

/// Which command caused an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandRef {
    /// Its id.
    pub id: CommandId,
    /// What it asked.
    pub hash: ContentHash,
}

/// One event and what is known around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The event, UUIDv7.
    pub id: Uuid,
    /// When it was judged; the same as its commit's.
    pub at: Moment,
    /// Of which account.
    pub account: AccountId,
    /// By which command.
    pub command: CommandRef,
    /// By whom, as the sender says.
    pub actor: Actor,
    /// Who was let in.
    pub by: By,
    /// Through which door.
    pub via: Via,
    /// Why.
    pub change: Change,
    /// What has happened.
    pub event: Event,
}

/// A commit as it is read back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// The JetStream sequence.
    pub sequence: u64,
    /// The hash of its bytes.
    pub hash: CommitHash,
    /// Its first line.
    pub header: Header,
    /// Its events.
    pub records: Vec<Record>,
}

/// Why a payload is not a commit that this release can read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Not UTF-8, no header line, a last line that does not end, or not the lines that the header
    /// counts.
    #[error("it is not a commit: {0}")]
    Shape(String),
    /// A newer release wrote it.
    #[error("it has format {0}; this release reads format {FORMAT}: upgrade to read on")]
    Format(u32),
    /// A newer release wrote this event.
    #[error(
        "event {line} has type {kind} version {version}, which this release does not know: upgrade to read on"
    )]
    UnknownEvent {
        /// Which event of the commit, from 0.
        line: usize,
        /// Its type.
        kind: String,
        /// Its version.
        version: u32,
    },
    /// The line or its data is not what its type says.
    #[error("event {line}: {reason}")]
    Event {
        /// Which event of the commit, from 0.
        line: usize,
        /// What is wrong.
        reason: String,
    },
}

#[derive(Serialize)]
struct WrittenLine<'a> {
    id: Uuid,
    at: Moment,
    account: &'a AccountId,
    command: &'a CommandRef,
    actor: &'a Actor,
    by: &'a By,
    via: Via,
    #[serde(skip_serializing_if = "Change::is_empty")]
    change: &'a Change,
    #[serde(rename = "type")]
    kind: &'static str,
    v: u32,
    data: &'a Event,
}

#[derive(Deserialize)]
struct ReadLine<'a> {
    id: Uuid,
    at: Moment,
    account: AccountId,
    command: CommandRef,
    actor: Actor,
    by: By,
    via: Via,
    #[serde(default)]
    change: Change,
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    v: u32,
    #[serde(borrow)]
    data: &'a RawValue,
}

impl Record {
    /// Appends the event's line, line feed included.
    pub fn write(&self, line: &mut Vec<u8>) {
        let written = WrittenLine {
            id: self.id,
            at: self.at,
            account: &self.account,
            command: &self.command,
            actor: &self.actor,
            by: &self.by,
            via: self.via,
            change: &self.change,
            kind: self.event.kind(),
            v: self.event.version(),
            data: &self.event,
        };
        write_line(&written, line);
    }

    fn read(line: usize, text: &str) -> Result<Record, DecodeError> {
        let wrong = |it: serde_json::Error| DecodeError::Event { line, reason: it.to_string() };
        let it: ReadLine<'_> = serde_json::from_str(text).map_err(wrong)?;
        let event = Event::read(&it.kind, it.v, it.data.get())
            .ok_or_else(|| DecodeError::UnknownEvent {
                line,
                kind: short(&it.kind),
                version: it.v,
            })?
            .map_err(wrong)?;
        Ok(Record {
            id: it.id,
            at: it.at,
            account: it.account,
            command: it.command,
            actor: it.actor,
            by: it.by,
            via: it.via,
            change: it.change,
            event,
        })
    }
}

/// The bytes of a commit: the header line, then the lines of the events as they were written.
pub fn encode(header: &Header, lines: &[u8]) -> Vec<u8> {
    let mut payload = Vec::with_capacity(lines.len() + HEADER_BYTES);
    write_line(header, &mut payload);
    payload.extend_from_slice(lines);
    payload
}

/// More bytes than a header line has.
pub const HEADER_BYTES: usize = 320;

fn write_line(value: &impl Serialize, line: &mut Vec<u8>) {
    // Invariant: these types serialise without fail: they are made of text, numbers and JSON that was
    // checked when it came in. A test writes and reads every one of them.
    let _ = serde_json::to_writer(&mut *line, value);
    line.push(b'\n');
}

/// Reads a stored commit. Unknown fields are ignored; unknown types and versions are not.
///
/// Every line ends with a line feed, the last one too: a payload that was cut short at any byte is
/// an error.
pub fn decode(sequence: u64, payload: &[u8]) -> Result<Commit, DecodeError> {
    let (header, lines) = open(payload)?;
    let records: Vec<Record> =
        lines.enumerate().map(|(line, text)| Record::read(line, text)).collect::<Result<_, _>>()?;
    has_all(&header, records.len())?;
    Ok(Commit { sequence, hash: CommitHash::of(payload), header, records })
}

/// The header of a payload, and its other lines.
fn open(payload: &[u8]) -> Result<(Header, std::str::Split<'_, char>), DecodeError> {
    let text = std::str::from_utf8(payload).map_err(|_| shape("it is not UTF-8"))?;
    if text.is_empty() {
        return Err(shape("it is empty"));
    }
    let text = text.strip_suffix('\n').ok_or_else(|| shape("its last line does not end"))?;
    let mut lines = text.split('\n');
    let first = lines.next().unwrap_or_default();
    #[derive(Deserialize)]
    struct Format {
        format: u32,
    }
    let format = serde_json::from_str::<Format>(first).map_err(|it| shape(&it.to_string()))?;
    if format.format != FORMAT {
        return Err(DecodeError::Format(format.format));
    }
    let header = serde_json::from_str(first).map_err(|it| shape(&it.to_string()))?;
    Ok((header, lines))
}

/// Whether there are as many lines as the header counts.
fn has_all(header: &Header, lines: usize) -> Result<(), DecodeError> {
    let count = header.count;
    match lines == count {
        true => Ok(()),
        false => Err(shape(&format!("it has {lines} events, its header counts {count}"))),
    }
}

fn shape(it: &str) -> DecodeError {
    DecodeError::Shape(it.to_owned())
}

#[cfg(test)]
mod tests;
