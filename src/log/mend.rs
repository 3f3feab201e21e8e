//! Publishing again what the log has lost at its end.
//!
//! A replicated stream was seen to lose the commit it had acknowledged last when all of its nodes lost
//! power at once. The ledger has it in its journal (decision 0042). It is published again as it was:
//! the same bytes at the same sequence, behind the same fence, so that it lands only where nothing
//! else does, and however often this is repeated.

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::stream::Info;
use bytes::Bytes;
use events::wire;
use tokio::sync::{Mutex, watch};

use super::{Damage, Error, FOREIGN_MAX, Found, Log, Message, Position, Published};
use crate::journal::Journal;
use crate::metrics::JOURNAL_REPUBLISHED;

/// A leader that has heard from a majority within this is no leader of the past: nobody else is
/// elected before it has been silent for 4 s (measured on 2.15.1).
const HEARD_WITHIN: Duration = Duration::from_secs(3);

/// How often one commit is published before it is left to the next look.
const TRIES: u32 = 3;

/// The journal, and what came of it.
#[derive(Debug, Clone)]
pub(super) struct Mender {
    journal: Journal,
    /// One at a time. Has why it was not mended last, which is said once.
    turn: Arc<Mutex<String>>,
    republished: watch::Sender<Option<Republished>>,
}

/// Commits that the log had lost and has again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Republished {
    /// The sequence of the first of them.
    pub first: u64,
    /// That of the last.
    pub last: u64,
}

/// Why the log is not mended.
#[derive(Debug, thiserror::Error)]
enum Unmended {
    #[error("the journal does not have what the log lacks")]
    NotKept,
    #[error("the journal has damage of its own at byte {offset} of {path}")]
    Journal { path: String, offset: u64 },
    #[error("the log is empty: whether it is the one of the journal cannot be told")]
    Empty,
    #[error("what the journal has does not follow what the log holds: {0}")]
    Elsewhere(Damage),
    #[error("somebody else's commit stands at sequence {0}")]
    Taken(u64),
    #[error("nobody leads the log who has heard of a majority")]
    Leaderless,
    #[error("{0}")]
    Unavailable(String),
}

impl Mender {
    pub(super) fn new(journal: Journal) -> Mender {
        Mender { journal, turn: Arc::default(), republished: watch::Sender::new(None) }
    }
}

impl Log {
    /// The journal, where this ledger keeps one.
    pub fn journal(&self) -> Option<&Journal> {
        self.mender.as_ref().map(|it| &it.journal)
    }

    /// To be told what is published again, and first what was last; `None` where no journal is kept.
    pub fn republished(&self) -> Option<watch::Receiver<Option<Republished>>> {
        let mut republished = self.mender.as_ref()?.republished.subscribe();
        republished.mark_changed();
        Some(republished)
    }

    /// Mends what can be mended of a log that is said to be damaged. `true`: it is worth another
    /// look.
    pub(super) async fn mended(&self, damage: &Damage) -> bool {
        let (Some(mender), Damage::WentBack { .. }) = (&self.mender, damage) else { return false };
        let mut said = mender.turn.lock().await;
        match self.mend(&mender.journal).await {
            Ok(None) => false,
            Ok(Some(done @ Republished { first, last })) => {
                tracing::error!(
                    first,
                    last,
                    "the log ended before commits that the journal has, as after a power cut of all \
                     its nodes; they are published again"
                );
                metrics::counter!(JOURNAL_REPUBLISHED).increment(last + 1 - first);
                mender.republished.send_replace(Some(done));
                said.clear();
                true
            }
            Err(why) => {
                let why = why.to_string();
                if *said != why {
                    tracing::warn!(%damage, %why, "the log is not mended from the journal");
                    *said = why;
                }
                false
            }
        }
    }

    /// Publishes what the log lacks. `None`: it lacks nothing that the journal has.
    async fn mend(&self, journal: &Journal) -> Result<Option<Republished>, Unmended> {
        let info = self.info().await?;
        let last = info.state.last_sequence;
        if journal.last().is_none_or(|it| it <= last) {
            return Ok(None);
        }
        if !leads(&info) {
            return Err(Unmended::Leaderless);
        }
        if last == 0 {
            return Err(Unmended::Empty);
        }
        // Behind it a record may be missing that says that a commit did not land.
        if let Some(damage) = journal.damage().first() {
            let (path, offset) = (damage.path.display().to_string(), damage.offset);
            return Err(Unmended::Journal { path, offset });
        }
        let mut position = self.end_at(last).await?;
        loop {
            let page = journal.from(position.end() + 1).await;
            let page = page.map_err(|it| Unmended::Unavailable(it.to_string()))?;
            if page.is_empty() {
                break;
            }
            for (sequence, payload) in page {
                self.republish(&mut position, sequence, payload).await?;
            }
        }
        match position.end() > last {
            true => Ok(Some(Republished { first: last + 1, last: position.end() })),
            false => Err(Unmended::NotKept),
        }
    }

    /// Where the log stands at its end, as it says itself.
    async fn end_at(&self, last: u64) -> Result<Position, Unmended> {
        let (mut behind, mut sequence) = (vec![], last);
        let mut position = loop {
            let message = self.get(sequence).await?.ok_or(Unmended::NotKept)?;
            if message.is_ours {
                let commit = wire::decode(sequence, &message.payload);
                let commit = commit.map_err(|error| Damage::Unreadable { sequence, error });
                break Position::of(&commit.map_err(Unmended::Elsewhere)?);
            }
            behind.push(message);
            sequence -= 1;
            if sequence == 0 || last - sequence > FOREIGN_MAX {
                return Err(Unmended::Empty);
            }
        };
        for message in behind.iter().rev() {
            position.advance(message).map_err(Unmended::Elsewhere)?;
        }
        Ok(position)
    }

    /// Publishes the commit that follows `position`, and moves it on.
    async fn republish(
        &self,
        position: &mut Position,
        sequence: u64,
        payload: Bytes,
    ) -> Result<(), Unmended> {
        let fence = (position.end(), position.end_on_subject());
        let ours =
            Message { sequence, is_ours: true, is_on_subject: true, payload: payload.clone() };
        let commit = match position.advance(&ours).map_err(Unmended::Elsewhere)? {
            Found::Commit(commit) => commit,
            // The journal has commits only.
            Found::Foreign(_) => return Err(Unmended::NotKept),
        };
        let mut said = String::new();
        for _ in 0..TRIES {
            match self.publish(fence, commit.header.commit, payload.clone()).await {
                Published::Stored(_) | Published::Fenced { .. } => {}
                Published::Full(reason) | Published::Rejected(reason) => {
                    return Err(Unmended::Unavailable(reason));
                }
                Published::Unknown(reason) => {
                    said = reason;
                    continue;
                }
            }
            // Asked rather than believed: an answer may be about an earlier publish of the same id.
            match self.get(sequence).await? {
                Some(found) if found.payload == payload => return Ok(()),
                Some(_) => return Err(Unmended::Taken(sequence)),
                None => said = format!("sequence {sequence} is still not there"),
            }
        }
        Err(Unmended::Unavailable(said))
    }
}

/// Whether the leader that has answered still is one: it hears from a majority.
fn leads(info: &Info) -> bool {
    let Some(cluster) = &info.cluster else { return true };
    let others = &cluster.replicas;
    let heard = others.iter().filter(|it| !it.offline && it.active < HEARD_WITHIN).count();
    cluster.leader.is_some() && 2 * (heard + 1) > others.len() + 1
}

impl From<Error> for Unmended {
    fn from(error: Error) -> Unmended {
        match error {
            Error::Damaged(damage) => Unmended::Elsewhere(damage),
            error @ (Error::Settings { .. }
            | Error::NoJetStream(_)
            | Error::Create { .. }
            | Error::Unavailable(_)
            | Error::Offline { .. }
            | Error::Missing(_)) => Unmended::Unavailable(error.to_string()),
        }
    }
}
