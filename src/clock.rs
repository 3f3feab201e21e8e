//! The one place that reads the wall clock, and the clock of `dev`, which can be moved forward.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use events::Moment;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

/// How long a wait lasts at most before the clock is looked at again: the wall clock may be set.
const LOOK: Duration = Duration::from_secs(10);

/// What the time is. Rules and read models get it as an argument. Cheap to clone; all clones show
/// the same time.
#[derive(Debug, Clone)]
pub struct Clock {
    /// Milliseconds by which it is ahead of the wall clock.
    ahead: watch::Sender<i64>,
    /// Where that is kept, for a clock that can be moved.
    kept: Option<Arc<PathBuf>>,
}

/// As it stands in the file.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Kept {
    ahead_ms: i64,
}

/// Why a clock is not moved.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It shows the real time.
    #[error("the clock of a ledger that is not in dev mode cannot be moved")]
    Fixed,
    /// It only goes forward.
    #[error("it is {now} already: the clock goes forward only")]
    Backward {
        /// What it shows.
        now: Moment,
    },
    /// Where it stands cannot be kept.
    #[error("{path} cannot be used: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
}

impl Clock {
    /// The wall clock.
    pub fn real() -> Clock {
        Clock { ahead: watch::Sender::new(0), kept: None }
    }

    /// A clock that can be moved forward, and goes on from where this file says it was.
    pub fn movable(path: PathBuf) -> Result<Clock, Error> {
        let kept: Kept = match std::fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map_err(|it| Error::File { path: path.clone(), source: it.into() })?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Kept::default(),
            Err(source) => return Err(Error::File { path, source }),
        };
        Ok(Clock { ahead: watch::Sender::new(kept.ahead_ms), kept: Some(Arc::new(path)) })
    }

    /// The time now.
    #[expect(clippy::disallowed_methods, reason = "this is the place that may")]
    pub fn now(&self) -> Moment {
        Moment::from_millis(chrono::Utc::now().timestamp_millis() + *self.ahead.borrow())
    }

    /// How far it is ahead of the wall clock; `None` for one that cannot be moved.
    pub fn ahead(&self) -> Option<Duration> {
        let millis = u64::try_from(*self.ahead.borrow()).unwrap_or_default();
        self.kept.as_ref().map(|_| Duration::from_millis(millis))
    }

    /// Moves it to a later moment, and keeps that it was: a time that has been does not come again.
    pub fn move_to(&self, moment: Moment) -> Result<(), Error> {
        let Some(path) = &self.kept else { return Err(Error::Fixed) };
        let now = self.now();
        if moment < now {
            return Err(Error::Backward { now });
        }
        let ahead_ms = *self.ahead.borrow() + moment.millis() - now.millis();
        let file = |source| Error::File { path: path.to_path_buf(), source };
        let kept = serde_json::to_vec(&Kept { ahead_ms }).map_err(|it| file(it.into()))?;
        crate::private_file::replace(path, &kept).map_err(file)?;
        self.ahead.send_replace(ahead_ms);
        Ok(())
    }

    /// Waits until a moment has come.
    pub async fn until(&self, moment: Moment) {
        let mut moved = self.ahead.subscribe();
        loop {
            let left = moment.millis() - self.now().millis();
            let Ok(left) = u64::try_from(left) else { return };
            if left == 0 {
                return;
            }
            tokio::select! {
                () = tokio::time::sleep(Duration::from_millis(left).min(LOOK)) => {}
                _ = moved.changed() => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_goes_on_from_where_it_was_moved_to() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("clock.json");
        let clock = Clock::movable(path.clone()).unwrap();
        let later = Moment::from_millis(clock.now().millis() + 86_400_000);
        clock.move_to(later).unwrap();
        assert!(clock.now() >= later);
        assert!(matches!(clock.move_to(Moment::from_millis(0)), Err(Error::Backward { .. })));
        assert!(Clock::movable(path).unwrap().now() >= later);
        assert!(matches!(Clock::real().move_to(later), Err(Error::Fixed)));
    }

    #[tokio::test]
    async fn whoever_waits_for_a_moment_is_woken_when_the_clock_is_moved() {
        let dir = tempfile::tempdir().unwrap();
        let clock = Clock::movable(dir.path().join("clock.json")).unwrap();
        let tomorrow = Moment::from_millis(clock.now().millis() + 86_400_000);
        let waiting = clock.clone();
        let woken = tokio::spawn(async move { waiting.until(tomorrow).await });
        tokio::task::yield_now().await;
        assert!(!woken.is_finished());
        clock.move_to(tomorrow).unwrap();
        tokio::time::timeout(Duration::from_secs(5), woken).await.unwrap().unwrap();
    }
}
