//! What happens to a connection, said once.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use async_nats::{Event, ServerError};
use tokio::sync::{mpsc, watch};

/// Connections of this process that are gone. They go together, so it is said once.
static GONE: AtomicUsize = AtomicUsize::new(0);

/// How often is said what the server does not let us do. It comes with every attempt.
const SAID_EVERY: Duration = Duration::from_secs(60);

/// What the server did not let a connection do, once it has refused something.
#[derive(Debug, Clone, Default)]
pub struct Denied(watch::Sender<Option<String>>);

impl Denied {
    /// Waits until something is refused, and says what.
    pub async fn first(&self) -> String {
        let mut denied = self.0.subscribe();
        let first = denied.wait_for(Option::is_some).await;
        // An error never comes: this holds the other end.
        first.ok().and_then(|it| it.clone()).unwrap_or_default()
    }
}

/// Takes note of what happens to one connection.
#[derive(Debug)]
pub(super) struct Noted {
    name: String,
    told: mpsc::Sender<()>,
    denied: Denied,
    is_gone: AtomicBool,
    said: std::sync::Mutex<Option<std::time::Instant>>,
}

impl Noted {
    pub(super) fn new(name: &str, told: mpsc::Sender<()>, denied: Denied) -> Noted {
        let (is_gone, said) = (AtomicBool::new(false), std::sync::Mutex::new(None));
        Noted { name: name.to_owned(), told, denied, is_gone, said }
    }

    pub(super) fn note(&self, event: &Event) {
        match event {
            Event::Connected => {
                self.is_back();
                // Full means that somebody is about to look anyway.
                let _ = self.told.try_send(());
            }
            Event::Disconnected => {
                if !self.is_gone.swap(true, Ordering::Relaxed)
                    && GONE.fetch_add(1, Ordering::Relaxed) == 0
                {
                    tracing::warn!("the connection to NATS is gone, trying to get it back");
                }
            }
            // This process has closed it.
            Event::Closed => {
                self.is_back();
                tracing::debug!(%event, "nats");
            }
            // Each attempt to get it back that fails.
            Event::ClientError(_) if self.is_gone.load(Ordering::Relaxed) => {
                tracing::debug!(%event, "nats");
            }
            Event::ServerError(ServerError::Other(what)) if is_denial(what) => self.deny(what),
            Event::LameDuckMode
            | Event::Draining
            | Event::SlowConsumer(_)
            | Event::ServerError(_)
            | Event::ClientError(_) => tracing::warn!(connection = self.name, %event, "nats"),
        }
    }

    fn is_back(&self) {
        if self.is_gone.swap(false, Ordering::Relaxed) && GONE.fetch_sub(1, Ordering::Relaxed) == 1
        {
            tracing::info!("the connection to NATS is back");
        }
    }

    fn deny(&self, what: &str) {
        self.denied.0.send_if_modified(|it| {
            let is_first = it.is_none() && !is_of_sender(what);
            if is_first {
                *it = Some(what.to_owned());
            }
            is_first
        });
        let Ok(mut said) = self.said.lock() else { return };
        if said.is_none_or(|it| SAID_EVERY <= it.elapsed()) {
            *said = Some(std::time::Instant::now());
            tracing::warn!(
                connection = self.name,
                what,
                "the NATS server does not allow something"
            );
        }
    }
}

/// Whether the server refuses a right, as against everything else that it says.
fn is_denial(what: &str) -> bool {
    what.to_ascii_lowercase().starts_with("permissions violation")
}

/// Whether the subject of an answer was refused that its sender has chosen. It says nothing of what
/// the ledger needs, whose own inboxes begin with `_INBOX.`: else a sender could end a start.
fn is_of_sender(what: &str) -> bool {
    let subject = what.split('"').nth(1).unwrap_or_default();
    let is_publish = what.to_ascii_lowercase().contains("publish");
    let is_inbox = subject.starts_with("_INBOX") || subject.starts_with("_R_.");
    is_publish && is_inbox && !subject.starts_with("_INBOX.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_denial_is_kept_for_who_waits_and_an_outage_is_none() {
        let (told, mut back) = mpsc::channel(1);
        let noted = Noted::new("test", told, Denied::default());
        noted.note(&Event::Disconnected);
        noted.note(&Event::ClientError(async_nats::ClientError::Other("refused".to_owned())));
        noted.note(&Event::Connected);
        assert!(back.try_recv().is_ok());
        assert!(noted.denied.0.borrow().is_none());
        // What a sender has chosen for its answer ends nothing.
        for reply in ["_R_.abc.def", "_INBOX_other.x"] {
            let what = format!("Permissions Violation for Publish to \"{reply}\"");
            noted.note(&Event::ServerError(ServerError::Other(what)));
        }
        assert!(noted.denied.0.borrow().is_none());
        for what in [r#"Permissions Violation for Publish to "$JS.API.INFO""#, "another"] {
            noted.note(&Event::ServerError(ServerError::Other(what.to_owned())));
        }
        assert!(noted.denied.first().await.contains("$JS.API.INFO"));
    }
}
