//! To which subjects an answer goes: the sender chooses them, so they are looked at.
//!
//! Whoever may send a command could otherwise have the ledger write wherever the ledger may: to its
//! own log, to the interface of JetStream, to the subjects of another application. That the doors
//! have a user of their own is the wall; this holds where an operator has not built it.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::metrics as numbers;

/// Bytes of a reply subject. Those of clients have about fifty.
const BYTES_MAX: usize = 256;

/// How often refused replies are said in the log. The metric counts each.
const SAID_EVERY: Duration = Duration::from_secs(10);

/// Whether an answer may go there: to an inbox of a client (`_INBOX`, or what a client is set to use
/// instead, which begins the same), or to what the server makes of one that is in another account
/// (`_R_`).
pub(super) fn is_inbox(reply: &str) -> bool {
    let is_plain = |it: &str| {
        !it.is_empty() && it.bytes().all(|it| it.is_ascii_graphic() && it != b'*' && it != b'>')
    };
    let (first, rest) = reply.split_once('.').unwrap_or((reply, ""));
    (first.starts_with("_INBOX") || first == "_R_")
        && reply.len() <= BYTES_MAX
        && rest.split('.').all(is_plain)
        && is_plain(first)
}

/// Replies that were refused since this was last said.
#[derive(Debug, Default)]
pub(super) struct Refused(Mutex<(Option<Instant>, u64)>);

impl Refused {
    /// Counts one, and says it unless one was said just now.
    pub(super) fn count(&self, door: &'static str, subject: &str, reply: &str) {
        metrics::counter!(numbers::REFUSED_REPLIES, "door" => door).increment(1);
        let Ok(mut state) = self.0.lock() else { return };
        let (said, count) = &mut *state;
        *count += 1;
        if said.is_some_and(|it| it.elapsed() < SAID_EVERY) {
            return;
        }
        tracing::warn!(
            count,
            subject = %subject.escape_debug(),
            reply = %reply.escape_debug(),
            "a message wants its answer where no inbox is: it is neither judged nor answered; look \
             who may publish there"
        );
        (*said, *count) = (Some(Instant::now()), 0);
    }
}

/// The door of what asks for the ledger's description.
pub(super) const DISCOVERY: &str = "discovery";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_inboxes_are_answered() {
        for inbox in ["_INBOX.a.b", "_INBOX_acme.x1", "_R_.abc.def", "_INBOX.x"] {
            assert!(is_inbox(inbox), "{inbox}");
        }
        let long = format!("_INBOX.{}", "x".repeat(BYTES_MAX));
        for other in [
            "seatledger.commit.0",
            "seatledger.post.acme.AssignSeat",
            "$JS.API.STREAM.DELETE.SEATLEDGER",
            "$SYS.REQ.SERVER.PING",
            "orders.cancel",
            "_GR_.x.y.z",
            "_INBOX",
            "_INBOX.",
            "_INBOX..x",
            "_INBOX.*",
            "_INBOX.>",
            "_INBOX.a b",
            "",
            &long,
        ] {
            assert!(!is_inbox(other), "{other}");
        }
    }
}
