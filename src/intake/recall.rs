//! What was accepted before is told again: from the log, and never on the thread of the write path.
//!
//! A sender that had no answer in time sends again, and thousands of them do so together. Reading a
//! commit back and taking it apart costs more than judging a command; on the write thread all other
//! senders would wait for it. So it runs where questions are answered, once for all who ask at the
//! same time, and what was told is kept for a while.

mod kept;

use std::sync::Arc;

use bytes::Bytes;
use events::wire::{self, Record};
use events::{AccountId, CommandId};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use self::kept::Kept;
use super::accepted_json;
use crate::health::{Condition, Health};
use crate::log::{self, Damage, Log};
use crate::metrics as numbers;
use crate::writer::{OUTCOME_TIMEOUT, Unavailable};

/// Bytes of commits that are kept as the log has them. Those read longest ago are forgotten first.
const COMMIT_BYTES_MAX: usize = 16 << 20;

/// Bytes of answers that are kept. Those given longest ago are forgotten first.
const ANSWER_BYTES_MAX: usize = 16 << 20;

/// Commits that are read from the log at once. Others wait.
const READS_MAX: usize = 8;

/// Commits that are taken apart at once. Others wait.
const DECODES_MAX: usize = 2;

/// An accepted command, and the commit that it stands in.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Accepted {
    account: AccountId,
    command: CommandId,
    sequence: u64,
}

/// Tells outcomes again. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Recall(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    log: Log,
    health: Health,
    commits: Kept<u64>,
    answers: Kept<Accepted>,
    reads: Semaphore,
    decodes: Semaphore,
}

impl Recall {
    /// Reads from this log, on the runtime that this is called on: not the one of the write path.
    pub fn new(log: &Log, health: &Health) -> Recall {
        let runtime = Handle::current();
        Recall(Arc::new(Shared {
            log: log.clone(),
            health: health.clone(),
            commits: Kept::new(runtime.clone(), COMMIT_BYTES_MAX),
            answers: Kept::new(runtime, ANSWER_BYTES_MAX),
            reads: Semaphore::new(READS_MAX),
            decodes: Semaphore::new(DECODES_MAX),
        }))
    }

    /// The document that answers a command which the commit at `sequence` holds. It is looked up
    /// for at most [`OUTCOME_TIMEOUT`]; what cannot be looked up is looked up again when it is asked
    /// for again.
    pub(super) async fn document(
        &self,
        account: &AccountId,
        command: &CommandId,
        sequence: u64,
    ) -> Result<Bytes, Unavailable> {
        let accepted = Accepted { account: account.clone(), command: command.clone(), sequence };
        let (shared, of) = (self.0.clone(), accepted.clone());
        let found = self.0.answers.get(accepted, async move { shared.answer(of).await });
        let in_time = tokio::time::timeout(OUTCOME_TIMEOUT, found).await;
        in_time.unwrap_or_else(|_| Err(unreadable(sequence, "the log does not answer in time")))
    }
}

impl Shared {
    async fn answer(self: Arc<Self>, of: Accepted) -> Result<Bytes, Unavailable> {
        let sequence = of.sequence;
        let shared = self.clone();
        let payload =
            self.commits.get(sequence, async move { shared.read(sequence).await }).await?;
        let _place = self.decodes.acquire().await;
        metrics::counter!(numbers::OUTCOMES_DECODED).increment(1);
        let decoded = tokio::task::spawn_blocking(move || {
            let records = wire::decode_of(&payload, &of.account, &of.command)?;
            Ok((!records.is_empty()).then(|| told(&of, &records)))
        });
        match decoded.await {
            Ok(Ok(Some(document))) => Ok(document),
            // Only a commit that holds the command is ever named for it.
            Ok(Ok(None)) => Err(self.damaged(&Damage::Changed { sequence })),
            Ok(Err(error)) => Err(self.damaged(&Damage::Unreadable { sequence, error })),
            Err(error) => Err(unreadable(sequence, &error.to_string())),
        }
    }

    async fn read(&self, sequence: u64) -> Result<Bytes, Unavailable> {
        let _place = self.reads.acquire().await;
        metrics::counter!(numbers::COMMITS_READ_AGAIN).increment(1);
        match self.log.message_at(sequence).await {
            Ok(Some(found)) => Ok(found.payload),
            Ok(None) => Err(unreadable(sequence, "the log ends before it")),
            // It was on the log once: the command's id says so.
            Err(log::Error::Damaged(damage)) => Err(self.damaged(&damage)),
            Err(error) => Err(unreadable(sequence, &error.to_string())),
        }
    }

    /// Writing stops, and whoever asked is told why.
    fn damaged(&self, damage: &Damage) -> Unavailable {
        self.health.damaged(damage);
        match self.health.condition() {
            Condition::Stopped(stop) => Unavailable::Stopped(stop),
            Condition::Starting
            | Condition::Ready
            | Condition::Waiting(..)
            | Condition::Stopping => Unavailable::Commands(damage.to_string()),
        }
    }
}

fn told(of: &Accepted, records: &[Record]) -> Bytes {
    accepted_json((of.account.as_str(), of.command.as_str()), of.sequence, true, false, records)
}

fn unreadable(sequence: u64, why: &str) -> Unavailable {
    Unavailable::Commands(format!("sequence {sequence}: {why}"))
}
