//! Restarting the private nats-server where it does not come back by itself: after its disk was
//! full it acknowledges nothing more, whatever room there is again (2.15.1).

use std::convert::Infallible;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::health::{Health, Hold};
use crate::monitor::{ROOM_MIN, room};
use crate::natsd::{Natsd, State};

/// How often it is looked at.
const LOOK_PERIOD: Duration = Duration::from_millis(500);

/// A server that acknowledges nothing for this long is restarted though its disk was never full.
const SILENT_MAX: Duration = Duration::from_secs(30);

/// The time between two restarts: reading a large store takes its time.
const RESTART_PAUSE: Duration = Duration::from_secs(30);

/// Looks after the server for ever.
pub(super) async fn tend(natsd: &Natsd, health: &Health) -> Infallible {
    let mut silence = Silence::default();
    loop {
        tokio::time::sleep(LOOK_PERIOD).await;
        let runs = matches!(*natsd.state().borrow(), State::Running { .. });
        let silent = runs && health.holds(Hold::LogUnavailable);
        let has_room = has_room(natsd.dir()).await;
        if silence.look(silent, has_room, Instant::now()) {
            tracing::warn!("nats-server acknowledges nothing, and is started again");
            natsd.restart();
        }
    }
}

async fn has_room(dir: &Path) -> bool {
    let dir = dir.to_owned();
    let room = tokio::task::spawn_blocking(move || room(&dir)).await;
    // Where it cannot be asked a restart is tried.
    !matches!(room, Ok(Ok(room)) if room < ROOM_MIN)
}

/// How long the server has acknowledged nothing, and whether its disk was full then.
#[derive(Debug, Default)]
struct Silence {
    since: Option<Instant>,
    was_full: bool,
    restarted: Option<Instant>,
}

impl Silence {
    /// Whether it is to be restarted now. Never while its disk is full: it would not start.
    fn look(&mut self, silent: bool, has_room: bool, now: Instant) -> bool {
        self.was_full |= !has_room;
        if !silent {
            self.since = None;
            // A full disk that did no harm: as long as nobody writes that is not known.
            return false;
        }
        let since = *self.since.get_or_insert(now);
        let rests = self.restarted.is_some_and(|it| now.duration_since(it) < RESTART_PAUSE);
        if rests || !has_room || !(self.was_full || now.duration_since(since) >= SILENT_MAX) {
            return false;
        }
        *self = Silence { restarted: Some(now), ..Silence::default() };
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silent_server_is_restarted_once_its_disk_has_room() {
        let begin = Instant::now();
        let at = |seconds| begin + Duration::from_secs(seconds);
        let mut it = Silence::default();
        assert!(!it.look(false, true, at(0)));
        assert!(!it.look(true, false, at(1)), "no room to start with");
        assert!(!it.look(true, false, at(100)));
        assert!(it.look(true, true, at(101)));
        assert!(!it.look(true, true, at(102)), "it is given time");
        assert!(!it.look(false, true, at(103)));
        // Silent without a full disk: only after a while.
        assert!(!it.look(true, true, at(200)));
        assert!(!it.look(true, true, at(229)));
        assert!(it.look(true, true, at(230)));
    }
}
