//! What an answer of any API says beside its body: the sequence that it is of, which command it is to,
//! and what to know of it. And what a request names its command with.

use axum::http::{HeaderMap, HeaderName, HeaderValue};

/// The sequence as of which an answer holds; of a write, the one it was judged or kept at.
pub(crate) const SEQUENCE: HeaderName = HeaderName::from_static("seatledger-sequence");

/// Of an answer to a question: up to where the ledger had acknowledged when it was asked. Where it is
/// above the sequence of the answer, the read model was behind.
pub(crate) const ACKNOWLEDGED: HeaderName = HeaderName::from_static("seatledger-acknowledged");

/// The id of the command that a call is, with which it can be sent again.
pub(crate) const COMMAND: HeaderName = HeaderName::from_static("seatledger-command");

/// Of an answer to a question about the past: the moment that it resolved to.
pub(crate) const AT: HeaderName = HeaderName::from_static("seatledger-at");

/// Of every answer while writing has stopped: the code of the reason.
pub(crate) const WARNING: HeaderName = HeaderName::from_static("seatledger-warning");

/// The header that a client names its command with.
const KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// What a request names its command with. What is no text becomes U+FFFD, which no command id may
/// have in it: it is refused as an id, where passing it over would make another command at each
/// attempt.
pub(crate) fn key(headers: &HeaderMap) -> Option<&str> {
    headers.get(KEY).map(|it| it.to_str().unwrap_or("\u{fffd}"))
}

/// Says which command an answer is to. An id that cannot stand in a header is refused as an id, too:
/// such an answer goes without.
pub(crate) fn name_command(headers: &mut HeaderMap, command: Option<&str>) {
    if let Some(command) = command.and_then(|it| HeaderValue::from_str(it).ok()) {
        headers.insert(COMMAND, command);
    }
}

#[cfg(test)]
mod tests {
    use events::CommandId;

    use super::*;

    #[test]
    fn a_key_that_is_no_text_is_no_command_id_and_yet_a_key() {
        let of = |value: &[u8]| {
            let value = HeaderValue::from_bytes(value).unwrap();
            let headers = HeaderMap::from_iter([(KEY, value)]);
            key(&headers).map(|it| CommandId::new(it).map(|it| it.to_string()).ok())
        };
        assert_eq!(of(b"k-1"), Some(Some("k-1".to_owned())));
        assert_eq!(of(b"k-\xff"), Some(None));
        assert_eq!(key(&HeaderMap::new()), None);
    }
}
