//! Writing a commit, behind a fence.

use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::client::{Request, RequestErrorKind};
use async_nats::header::{
    NATS_EXPECTED_LAST_SEQUENCE, NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, NATS_EXPECTED_STREAM,
    NATS_MESSAGE_ID,
};
use bytes::Bytes;
use events::wire::FORMAT;
use serde::Deserialize;
use uuid::Uuid;

use super::{Log, OURS};

/// How long an acknowledgement is waited for before the outcome counts as unknown.
const ACK_TIMEOUT: Duration = Duration::from_secs(1);

/// What became of a publish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Published {
    /// It is on the log, on disk, at this sequence.
    Stored(u64),
    /// It is not: another commit is where this one wanted to be. `last` is where the server says
    /// the log ends, where it says so.
    Fenced {
        /// The last sequence, if told.
        last: Option<u64>,
    },
    /// It is not: the stream has reached `max_bytes`, or the server its storage limit.
    Full(String),
    /// It is not: the server refuses it for another reason, by its error code.
    Rejected(String),
    /// It may be or become so: nobody answered. Only publishing the same commit again, behind the
    /// same fence, settles it.
    Unknown(String),
}

// Error codes of the server, as measured on 2.15.1; async-nats names only some of them.
const WRONG_LAST_SEQUENCE: u64 = 10071;
const WRONG_LAST_SEQUENCE_CONSTANT: u64 = 10164;
const DUPLICATE_IN_PROCESS: u64 = 10158;
const MAX_BYTES: u64 = 10077;
const STORAGE_EXCEEDED: u64 = 10047;
const ACCOUNT_RESOURCES_EXCEEDED: u64 = 10002;
const INSUFFICIENT_RESOURCES: u64 = 10023;
const NOT_AVAILABLE: u64 = 10008;

#[derive(Deserialize)]
struct Ack {
    #[serde(default)]
    seq: u64,
    #[serde(default)]
    error: Option<AckError>,
}

#[derive(Deserialize)]
struct AckError {
    #[serde(default)]
    code: u16,
    #[serde(default)]
    err_code: u64,
    #[serde(default)]
    description: String,
}

impl Log {
    /// Publishes a commit that follows `last` directly.
    ///
    /// The server stores it only if the whole stream ends at `last` and the partition's subject at
    /// `last_on_subject`, so two writers cannot both win. MUST be repeated with the same arguments while the
    /// outcome is [`Published::Unknown`], and nothing else published before it is known.
    pub async fn publish(
        &self,
        (last, last_on_subject): (u64, u64),
        commit: Uuid,
        payload: Bytes,
    ) -> Published {
        let mut headers = HeaderMap::new();
        headers.insert(OURS, FORMAT.to_string().as_str());
        headers.insert(NATS_EXPECTED_LAST_SEQUENCE, last.to_string().as_str());
        headers.insert(NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, last_on_subject.to_string().as_str());
        headers.insert(NATS_EXPECTED_STREAM, self.settings.stream().as_str());
        headers.insert(NATS_MESSAGE_ID, commit.to_string().as_str());
        self.request(self.settings.commit_subject(), headers, payload).await
    }

    /// Publishes a group of refusals. Losing some is not losing truth, so there is no fence.
    pub async fn publish_refusals(&self, payload: Bytes) -> Published {
        let subject = format!("{}.refusal.0", self.settings.prefix);
        self.request(subject, HeaderMap::new(), payload).await
    }

    async fn request(&self, subject: String, headers: HeaderMap, payload: Bytes) -> Published {
        let request = Request::new().headers(headers).payload(payload).timeout(Some(ACK_TIMEOUT));
        match self.client.send_request(subject, request).await {
            Ok(reply) => answer(&reply.payload),
            Err(error) if error.kind() == RequestErrorKind::MaxPayloadExceeded => {
                Published::Rejected(error.to_string())
            }
            Err(error) => Published::Unknown(error.to_string()),
        }
    }
}

fn answer(reply: &[u8]) -> Published {
    let ack: Ack = match serde_json::from_slice(reply) {
        Ok(ack) => ack,
        Err(error) => return Published::Unknown(format!("an answer that is none: {error}")),
    };
    let Some(error) = ack.error else { return Published::Stored(ack.seq) };
    match error.err_code {
        WRONG_LAST_SEQUENCE | WRONG_LAST_SEQUENCE_CONSTANT => {
            let last = error.description.rsplit(' ').next().and_then(|it| it.parse().ok());
            Published::Fenced { last }
        }
        MAX_BYTES | STORAGE_EXCEEDED | ACCOUNT_RESOURCES_EXCEEDED | INSUFFICIENT_RESOURCES => {
            Published::Full(error.description)
        }
        DUPLICATE_IN_PROCESS | NOT_AVAILABLE => Published::Unknown(error.description),
        _ if error.code >= 500 => Published::Unknown(error.description),
        _ => Published::Rejected(format!("{} ({})", error.description, error.err_code)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_says_is_understood() {
        let stored = r#"{"stream":"SEATLEDGER","seq":7}"#;
        assert_eq!(answer(stored.as_bytes()), Published::Stored(7));
        let again = r#"{"stream":"SEATLEDGER","seq":7,"duplicate":true}"#;
        assert_eq!(answer(again.as_bytes()), Published::Stored(7));
        let error = |code: u16, err_code: u64, text: &str| {
            answer(
                format!(
                    r#"{{"error":{{"code":{code},"err_code":{err_code},"description":"{text}"}}}}"#
                )
                .as_bytes(),
            )
        };
        let fenced = error(400, 10071, "wrong last sequence: 9");
        assert_eq!(fenced, Published::Fenced { last: Some(9) });
        let fenced = error(400, 10164, "wrong last sequence");
        assert_eq!(fenced, Published::Fenced { last: None });
        assert!(matches!(error(400, 10077, "maximum bytes exceeded"), Published::Full(_)));
        assert!(matches!(error(409, 10158, "in process"), Published::Unknown(_)));
        assert!(matches!(error(503, 10008, "unavailable"), Published::Unknown(_)));
        assert!(matches!(error(400, 10060, "expected stream"), Published::Rejected(_)));
        assert!(matches!(answer(b"what"), Published::Unknown(_)));
    }
}
