//! What an answer of any API says beside its body: the sequence that it is of, which command it is, and what to know of it.

use axum::http::{HeaderMap, HeaderName, HeaderValue};

/// The sequence as of which an answer holds; of a write, the one it was judged or kept at.
pub(crate) const SEQUENCE: HeaderName = HeaderName::from_static("seatledger-sequence");

/// The id of the command that a call is, with which it can be sent again.
pub(crate) const COMMAND: HeaderName = HeaderName::from_static("seatledger-command");

/// Of an answer to a question about the past: the moment that it resolved to.
pub(crate) const AT: HeaderName = HeaderName::from_static("seatledger-at");

/// Of every answer while writing has stopped: the code of the reason.
pub(crate) const WARNING: HeaderName = HeaderName::from_static("seatledger-warning");

/// Says which command an answer is to. An id that cannot stand in a header is refused as an id, too:
/// such an answer goes without.
pub(crate) fn name_command(headers: &mut HeaderMap, command: Option<&str>) {
    if let Some(command) = command.and_then(|it| HeaderValue::from_str(it).ok()) {
        headers.insert(COMMAND, command);
    }
}
