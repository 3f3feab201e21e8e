//! Declaring foreign messages void: what an operator decides, as a commit.

use bytes::Bytes;
use events::wire::{self, CommitHash, FORMAT, Header, Void};
use tokio::sync::oneshot;
use uuid::Uuid;

use super::settle::Fate;
use super::{Task, Unavailable};
use crate::health::Hold;
use crate::log::{Foreign, Position};

/// An operator's decision on its way to what came of it.
#[derive(Debug)]
pub(super) struct Decision {
    pub(super) void: Void,
    pub(super) reply: oneshot::Sender<Result<u64, NotVoided>>,
}

/// Why messages are not declared void.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotVoided {
    /// The log has no foreign messages at its end.
    #[error("the log has no messages at its end that are none of the ledger's")]
    Nothing,
    /// It has others than these.
    #[error("sequences {first} to {last} are no commits, with the digest {digest}")]
    Others {
        /// The first that there is.
        first: u64,
        /// The last.
        last: u64,
        /// What they say.
        digest: CommitHash,
    },
    /// It is not known what came of it, or it cannot be written now.
    #[error(transparent)]
    Unavailable(Unavailable),
}

impl Task {
    /// Declares the foreign messages at the end of the log void, if they are those that the operator
    /// has seen. The commit that says so has no events.
    pub(super) async fn void(&mut self, void: Void) -> Result<u64, NotVoided> {
        loop {
            let foreign = self.position.foreign.ok_or(NotVoided::Nothing)?;
            if !foreign.is(&void) {
                let Foreign { first, last, digest, .. } = foreign;
                return Err(NotVoided::Others { first, last, digest });
            }
            if let Some(stop) = self.health.stop_code() {
                tracing::warn!(code = stop, "nothing is declared void: writing has stopped");
                return Err(NotVoided::Unavailable(Unavailable::Unknown));
            }
            let header = self.header(0, self.now(), Some(void.clone()));
            let payload = Bytes::from(wire::encode(&header, b""));
            match self.settle(&header, &payload).await {
                Fate::Landed => {
                    let hash = CommitHash::of(&payload);
                    self.landed(&header, hash);
                    let Void { first, last, by, actor, .. } = &void;
                    tracing::warn!(
                        first,
                        last,
                        by = by.as_str(),
                        actor = actor.as_str(),
                        "messages of the log are declared void"
                    );
                    return Ok(self.position.sequence);
                }
                // More of them may have come, or another process has done it.
                Fate::Lost => {
                    self.catch_up().await;
                }
                Fate::Refused(why) => return Err(NotVoided::Unavailable(why)),
                Fate::Unsettled => return Err(NotVoided::Unavailable(Unavailable::Unknown)),
            }
        }
    }

    /// The header of the next commit.
    pub(super) fn header(&self, count: usize, at: events::Moment, void: Option<Void>) -> Header {
        Header {
            format: FORMAT,
            commit: Uuid::now_v7(),
            partition: 0,
            // Invariant: the writer has read the log from its beginning, so that the number is known.
            n: self.position.n.unwrap_or(self.position.sequence) + 1,
            prev: self.position.hash,
            count,
            at,
            void,
        }
    }

    /// Takes note that a commit of our own is on the log, behind everything that was.
    pub(super) fn landed(&mut self, header: &Header, hash: CommitHash) {
        let (n, at) = (Some(header.n), Some(header.at));
        self.move_to(Position { n, at, ..Position::at(self.position.end() + 1, hash) });
        self.follow_from = tokio::time::Instant::now() + super::FOLLOW_AFTER;
    }

    /// Has writing wait while foreign messages stand at the end of the log, and go on once they do
    /// not.
    pub(super) fn hold_for(&self, foreign: Option<Foreign>) {
        let Some(Foreign { first, last, digest, .. }) = foreign else {
            return self.health.release(Hold::ForeignMessage);
        };
        let subjects = format!("{}.commit.>", self.log.settings().prefix);
        self.health.hold(
            Hold::ForeignMessage,
            format!(
                "sequences {first} to {last} of the log's stream are none of the ledger's: whoever \
                 may publish to {subjects} can have written them, or have had JetStream answer there"
            ),
            format!(
                "look at them (`nats stream get {} {first}`) and at who may publish what \
                 (docs/operating.md, Users and permissions); then declare them void: `seatledger \
                 void --first {first} --last {last} --digest {digest}`",
                self.log.settings().stream()
            ),
            Some(first),
        );
    }
}
