//! Keeping each commit in the journal while the server writes it, and letting the log be mended from
//! journals before anything else is written.

use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;

use super::Task;
use super::settle::Fate;
use crate::health::{Level, Trouble};
use crate::journal;
use crate::log::Error;

/// Commits before the end of the log that a start takes note of: what is read after a loss of power
/// are a few.
const KEPT_AT_START: u64 = 1_000;

/// How long whoever finds the log as it knows it leaves the others to mend it, after a connection was
/// lost: they may know more. They look every 250 ms.
const OTHERS_FIRST: Duration = Duration::from_secs(1);

/// Pause before a log that does not answer is asked again.
const PAUSE: Duration = Duration::from_millis(50);

impl Task {
    /// Has the journal take note of what is read at a start, from shortly before the end on, and of
    /// what others write later.
    pub(super) fn keep_what_is_read(&mut self, last: u64) {
        self.reader.keep_from(last.saturating_sub(KEPT_AT_START) + 1);
    }

    /// Begins to write a commit to the journal.
    pub(super) fn journaled(
        &self,
        sequence: u64,
        payload: &Bytes,
    ) -> Option<impl Future<Output = Result<(), journal::Error>> + Send + 'static + use<>> {
        self.log.journal().map(|it| it.append(sequence, payload.clone()))
    }

    /// Waits until the journal has what landed, and takes back what did not.
    pub(super) async fn kept(
        &self,
        sequence: u64,
        kept: Option<impl Future<Output = Result<(), journal::Error>>>,
        fate: &Fate,
    ) {
        let (Some(kept), Some(journal)) = (kept, self.log.journal()) else { return };
        let written = match fate {
            Fate::Landed => kept.await,
            // What stands there is noted once it is read; nothing waits for this.
            Fate::Lost => return drop(journal.lost(sequence)),
            Fate::Refused(_) => journal.lost(sequence).await,
            Fate::Unsettled => return,
        };
        match written {
            Ok(()) => self.health.no_trouble(Trouble::JournalNotWritten),
            Err(error) => self.health.trouble(
                Trouble::JournalNotWritten,
                Level::Warn,
                format!("commits are on the log, but not in the journal too: {error}"),
                "have the directory of the ledger writable, with room on its disk; the journal is \
                 tried again with each commit",
            ),
        }
    }

    /// Looks at the log once more if the connection was lost since it was looked at last: all of its
    /// nodes may have lost power, and with it what they had acknowledged. What is missing is
    /// published again from the journal; what is not known here, another ledger may have.
    pub(super) async fn look_after_reconnect(&self) {
        let connects = self.log.connects();
        while self.connects.swap(connects, Ordering::Relaxed) != connects {
            let known = self.position;
            loop {
                match self.log.head_now().await {
                    Ok(head) if head.last >= known.end() => break,
                    Ok(_) => match self.log.position(known.sequence, known.hash).await {
                        Ok(_) => break,
                        Err(Error::Damaged(damage)) => return self.health.damaged(&damage),
                        Err(_) => {}
                    },
                    Err(_) => {}
                }
                let paused = self.stop.run_until_cancelled(tokio::time::sleep(PAUSE)).await;
                if paused.is_none() || self.health.stop_code().is_some() {
                    return;
                }
            }
            if self.log.settings().replicas > 1 {
                self.stop.run_until_cancelled(tokio::time::sleep(OTHERS_FIRST)).await;
            }
        }
    }
}
