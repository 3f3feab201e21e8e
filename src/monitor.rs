//! Keeps an eye on the log: writes the anchor, and checks that history and settings stay.

mod lookout;

use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tokio_util::sync::CancellationToken;

use crate::anchor::Anchor;
use crate::durability::{Durability, Nodes};
use crate::health::{Health, Level, Stop, Trouble};
use crate::log::{Error, Head, Known, Log, Position, Republished};

pub use lookout::{Lookout, ROOM_MIN, room};

/// The anchor is never older than this while the log grows.
const ANCHOR_PERIOD: Duration = Duration::from_secs(1);

/// Settings and history are checked at least this often.
const CHECK_PERIOD: Duration = Duration::from_secs(60);

/// A log that did not answer is asked again after this.
const CHECK_AGAIN: Duration = Duration::from_millis(250);

/// A log that is this full is worth a warning.
const FULL_PERCENT_WARN: u64 = 80;

/// What the monitor needs.
#[derive(Debug)]
pub struct Monitor {
    /// What it watches.
    pub log: Log,
    /// What it writes.
    pub anchor: Anchor,
    /// How far the log was read and found whole.
    pub verified: watch::Receiver<Position>,
    /// How far the writer's state stands: what it has read, and what the server has acknowledged.
    pub written: watch::Receiver<Position>,
    /// When the connection was there again.
    pub reconnects: mpsc::Receiver<()>,
    /// The servers whose durability is asked for.
    pub nodes: Nodes,
    /// What they said last.
    pub durability: watch::Sender<Durability>,
    /// Where trouble is said.
    pub health: Health,
}

/// Says whether the log will be full before long.
pub fn tell_how_full(head: &Head, health: &Health) {
    let max = u64::try_from(head.max_bytes).unwrap_or(u64::MAX);
    let percent = head.bytes.saturating_mul(100) / max.max(1);
    match percent < FULL_PERCENT_WARN {
        true => health.no_trouble(Trouble::LogNearlyFull),
        false => health.trouble(
            Trouble::LogNearlyFull,
            Level::Warn,
            format!("the log has {} of {max} bytes ({percent} %)", head.bytes),
            "raise max_bytes of its stream, below the disk's size: at 100 % commands are refused",
        ),
    }
}

/// What is published again next; never where nothing can be.
async fn next(republished: &mut Option<watch::Receiver<Option<Republished>>>) -> Republished {
    if let Some(watch) = republished {
        while watch.changed().await.is_ok() {
            if let Some(it) = *watch.borrow_and_update() {
                return it;
            }
        }
    }
    std::future::pending().await
}

impl Monitor {
    /// Runs until `stop` is cancelled, and writes the anchor once more then.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut anchor = interval_at(Instant::now() + ANCHOR_PERIOD, ANCHOR_PERIOD);
        let mut check = interval_at(Instant::now() + CHECK_PERIOD, CHECK_PERIOD);
        anchor.set_missed_tick_behavior(MissedTickBehavior::Delay);
        check.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut connected = true;
        let mut republished = self.log.republished();
        let mut written = self.written.clone();
        loop {
            let first = self.anchor.known().is_none();
            tokio::select! {
                () = stop.cancelled() => break,
                // The first commit is anchored at once: from then on the stream has to exist.
                true = async { written.wait_for(|it| it.sequence > 0).await.is_ok() }, if first => {
                    self.write().await;
                }
                _ = anchor.tick() => self.write().await,
                // A server that does not answer must not keep the anchor from being written.
                _ = check.tick() => {
                    if stop.run_until_cancelled(self.check()).await == Some(false) {
                        check.reset_after(CHECK_AGAIN);
                    }
                }
                it = next(&mut republished) => self.tell_republished(it),
                again = self.reconnects.recv(), if connected => match again {
                    Some(()) => check.reset_immediately(),
                    None => connected = false,
                },
            }
        }
        self.write().await;
    }

    /// Said for as long as this process runs: somebody has to look at the disks.
    fn tell_republished(&self, Republished { first, last }: Republished) {
        self.health.trouble(
            Trouble::CommitsRepublished,
            Level::Warn,
            format!(
                "the log ended before the commits {first} to {last}, which the journal has; they were \
                 published again"
            ),
            "nothing is lost; look at why the log was: a power cut of all nodes, or a disk that does \
             not keep what it has said to have (docs/operating.md, When all nodes lose power)",
        );
    }

    /// The newest that this process knows of the log.
    fn newest(&self) -> Position {
        let (verified, written) = (*self.verified.borrow(), *self.written.borrow());
        if written.sequence > verified.sequence { written } else { verified }
    }

    async fn write(&mut self) {
        let position = self.newest();
        // A reader that begins anew is behind for a while, and a log that went back stays so: the
        // anchor only ever moves on.
        let known = self.anchor.known().map_or(0, |it| it.sequence);
        if position.sequence == 0 || position.sequence < known || self.health.stop_code().is_some()
        {
            return;
        }
        let known = Known {
            created: self.log.created().to_owned(),
            sequence: position.sequence,
            hash: position.hash,
        };
        let (mut anchor, stream) = (self.anchor.clone(), self.log.settings().stream());
        let written = tokio::task::spawn_blocking(move || {
            let outcome = anchor.write(&stream, known);
            (anchor, outcome)
        });
        match written.await {
            Ok((anchor, Ok(()))) => {
                self.anchor = anchor;
                self.health.no_trouble(Trouble::AnchorNotWritten);
            }
            Ok((_, Err(error))) => self.not_written(&error.to_string()),
            Err(error) => self.not_written(&error.to_string()),
        }
    }

    fn not_written(&self, why: &str) {
        self.health.trouble(
            Trouble::AnchorNotWritten,
            Level::Fail,
            format!("the anchor is not written, so a log that goes back is noticed late: {why}"),
            "have the directory of the ledger writable, with room on its disk",
        );
    }

    /// Says whether the log has answered.
    async fn check(&mut self) -> bool {
        // First: what a log has lost must be on it again before others write in its place.
        let has_answered = self.check_log().await;
        let durability = self.nodes.ask(&self.log.nodes().await).await;
        self.nodes.tell(&durability, &self.health);
        self.durability.send_replace(durability);
        has_answered
    }

    async fn check_log(&self) -> bool {
        // What this process knows itself is newer than the anchor, most of the time.
        let position = self.newest();
        let anchored = self.anchor.known().map_or(0, |it| it.sequence);
        let read = Known {
            created: self.log.created().to_owned(),
            sequence: position.sequence,
            hash: position.hash,
        };
        let known = match position.sequence > anchored {
            true => Some(&read),
            false => self.anchor.known(),
        };
        match self.log.check(known).await {
            Ok(head) => tell_how_full(&head, &self.health),
            Err(Error::Damaged(damage)) => self.health.damaged(&damage),
            Err(error @ Error::Settings { .. }) => self.health.stop(Stop {
                code: "log_settings",
                detail: error.to_string(),
                fix: "set them back, then start the ledger again".to_owned(),
                sequence: None,
            }),
            Err(
                error @ (Error::NoJetStream(_)
                | Error::Offline { .. }
                | Error::Missing(_)
                | Error::Create { .. }
                | Error::Unavailable(_)),
            ) => {
                match self.log.is_connected() {
                    true => tracing::warn!(%error, "the log cannot be checked"),
                    false => tracing::debug!(%error, "the log cannot be checked"),
                }
                return false;
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use events::wire::CommitHash;

    use super::*;

    /// Far above what any step takes here, so that only a hang reaches it.
    const PATIENCE: Duration = Duration::from_secs(20);

    #[tokio::test]
    async fn a_stop_breaks_a_check_off_and_the_anchor_is_written() {
        let dir = tempfile::tempdir().unwrap();
        let (natsd, log) = crate::log::tests::opened(dir.path()).await;
        let stream = log.settings().stream();
        let position = watch::Sender::new(Position::START);
        let (reconnected, reconnects) = mpsc::channel(1);
        let monitor = Monitor {
            log,
            anchor: Anchor::open(dir.path(), &stream).unwrap(),
            verified: position.subscribe(),
            written: position.subscribe(),
            reconnects,
            nodes: Nodes { monitors: vec![], replicas: 1, accepts_loss: false },
            durability: watch::Sender::new(Durability::Always),
            health: Health::new(),
        };
        natsd.stop().await;
        let stop = CancellationToken::new();
        let running = tokio::spawn(monitor.run(stop.clone()));
        // With room for one, the second is there once the first has been taken and is looked into.
        reconnected.send(()).await.unwrap();
        reconnected.send(()).await.unwrap();
        position.send_replace(Position::at(3, CommitHash::of(b"x")));
        stop.cancel();
        tokio::time::timeout(PATIENCE, running).await.unwrap().unwrap();
        let anchor = Anchor::open(dir.path(), &stream).unwrap();
        assert_eq!(anchor.known().map(|it| it.sequence), Some(3));
    }
}
