//! Looks at what can go wrong beside the log itself: connections, read models, the disk.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::health::{Health, Hold, Level, Trouble};
use crate::log::{Log, Position};
use crate::views::Views;

/// How often it looks.
const LOOK_PERIOD: Duration = Duration::from_millis(250);

/// How often a full log is asked whether it has room again.
const FULL_PERIOD: Duration = Duration::from_secs(10);

/// A connection that is away for longer makes writing wait: a server that is started again is back
/// before, and whoever sends meanwhile need not be told.
const AWAY_MAX: Duration = Duration::from_secs(2);

/// A read model that takes in nothing for this long, though there is something, stands still. One
/// that has failed is tried again twice within it.
const STILL_AFTER: Duration = Duration::from_secs(10);

/// Commits behind at which a read model is worth a warning, and those at which the ledger is not
/// ready.
const BEHIND_WARN: u64 = 1_000;
const BEHIND_MAX: u64 = 10_000;

/// Less room than this on a disk is none: the largest commit, a transaction of a read model and
/// their bookkeeping need about as much.
pub const ROOM_MIN: u64 = 4 * 1024 * 1024;

/// What the lookout needs.
#[derive(Debug)]
pub struct Lookout {
    /// The log over each connection that there is.
    pub connections: [Log; 2],
    /// The read models.
    pub views: Views,
    /// How far this process has written or read the log.
    pub written: watch::Receiver<Position>,
    /// Where read models and anchor are.
    pub dir: PathBuf,
    /// Where it says what it sees.
    pub health: Health,
}

impl Lookout {
    /// Looks until `stop` is cancelled.
    pub async fn run(self, stop: CancellationToken) {
        let mut looks = tokio::time::interval(LOOK_PERIOD);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut away = None;
        let mut full = Instant::now();
        let mut models: Vec<_> = self.views.following().map(|it| Progress::new(it.name())).into();
        while stop.run_until_cancelled(looks.tick()).await.is_some() {
            self.look_at_connections(&mut away);
            self.look_at_models(&mut models);
            self.look_at_disk().await;
            if self.health.holds(Hold::LogFull) && full.elapsed() >= FULL_PERIOD {
                full = Instant::now();
                stop.run_until_cancelled(self.look_at_log()).await;
            }
        }
    }

    /// A full log is noticed by trying; that it has room again must be noticed though nobody tries.
    /// Where it is the server that is full, the next command says so again.
    async fn look_at_log(&self) {
        let needed = events::limits::COMMIT_BYTES_MAX as u64;
        if let Ok(head) = self.connections[0].head_now().await
            && let Ok(max) = u64::try_from(head.max_bytes)
            && head.bytes.saturating_add(needed) <= max
        {
            self.health.release(Hold::LogFull);
        }
    }

    fn look_at_connections(&self, away: &mut Option<Instant>) {
        if self.connections.iter().all(Log::is_connected) {
            *away = None;
            return self.health.release(Hold::NatsDisconnected);
        }
        let since = *away.get_or_insert_with(Instant::now);
        if since.elapsed() >= AWAY_MAX {
            self.health.hold(
                Hold::NatsDisconnected,
                format!("there is no connection to NATS for {} s", since.elapsed().as_secs()),
                "look whether the nats-server runs and can be reached; the ledger connects again \
                 by itself"
                    .to_owned(),
                None,
            );
        }
    }

    fn look_at_models(&self, models: &mut [Progress]) {
        let end = self.written.borrow().sequence;
        // Nothing can be read then: that is what is to be said, and it is said.
        let blind = self.health.stop_code().is_some() || self.health.holds(Hold::NatsDisconnected);
        for (progress, view) in models.iter_mut().zip(self.views.following()) {
            let behind = end.saturating_sub(view.sequence());
            let still = progress.look(view.sequence(), behind, Instant::now());
            let (stands, lags) =
                (Trouble::ReadModelStill(progress.name), Trouble::ReadModelBehind(progress.name));
            match still.filter(|it| *it >= STILL_AFTER && !blind) {
                Some(for_) => self.health.trouble(
                    stands,
                    Level::Fail,
                    format!(
                        "the read model {} stands still at sequence {} for {} s, {behind} commits \
                         behind the log",
                        progress.name,
                        view.sequence(),
                        for_.as_secs(),
                    ),
                    "the log of the ledger says why; it is tried again every 5 s, and \
                     `seatledger rebuild` builds it anew",
                ),
                None => self.health.no_trouble(stands),
            }
            match behind {
                ..BEHIND_WARN => self.health.no_trouble(lags),
                _ => self.health.trouble(
                    lags,
                    if behind > BEHIND_MAX { Level::Fail } else { Level::Warn },
                    format!("the read model {} is {behind} commits behind the log", progress.name),
                    "wait while it moves; else the log of the ledger says why it does not",
                ),
            }
        }
    }

    async fn look_at_disk(&self) {
        let dir = self.dir.clone();
        let room = tokio::task::spawn_blocking(move || room(&dir).ok()).await;
        match room.ok().flatten() {
            Some(room) if room < ROOM_MIN => self.health.trouble(
                Trouble::DiskFull,
                Level::Fail,
                format!("the disk of {} has {room} bytes left", self.dir.display()),
                "make room on it; everything goes on by itself then",
            ),
            Some(_) | None => self.health.no_trouble(Trouble::DiskFull),
        }
    }
}

/// How a read model moves on.
#[derive(Debug)]
struct Progress {
    name: &'static str,
    sequence: u64,
    since: Option<Instant>,
}

impl Progress {
    fn new(name: &'static str) -> Progress {
        Progress { name, sequence: 0, since: None }
    }

    /// For how long it has not moved, though it is behind.
    fn look(&mut self, sequence: u64, behind: u64, now: Instant) -> Option<Duration> {
        if behind == 0 || sequence != self.sequence || self.since.is_none() {
            self.sequence = sequence;
            self.since = (behind > 0).then_some(now);
        }
        self.since.map(|it| now.saturating_duration_since(it))
    }
}

/// Bytes that may still be written to the disk of a directory.
#[cfg(unix)]
pub fn room(dir: &std::path::Path) -> std::io::Result<u64> {
    let stat = rustix::fs::statvfs(dir)?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}

#[cfg(not(unix))]
pub fn room(_: &std::path::Path) -> std::io::Result<u64> {
    Err(std::io::ErrorKind::Unsupported.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_read_model_stands_still_only_while_there_is_something_to_take_in() {
        let begin = Instant::now();
        let at = |seconds| begin + Duration::from_secs(seconds);
        let mut it = Progress::new("usage");
        assert_eq!(it.look(5, 0, at(0)), None);
        assert_eq!(it.look(5, 0, at(100)), None);
        assert_eq!(it.look(5, 3, at(101)), Some(Duration::ZERO));
        assert_eq!(it.look(5, 9, at(112)), Some(Duration::from_secs(11)));
        assert_eq!(it.look(6, 9, at(113)), Some(Duration::ZERO));
        assert_eq!(it.look(15, 0, at(114)), None);
    }
}
