//! Rebuilding the state from the log, at the start and after losing to another writer.

use std::sync::Arc;
use std::time::{Duration, Instant};

use events::wire::Commit;

use super::Task;
use super::recent::Accepted;
use crate::health::Stop;
use crate::log::{Error, Found};

/// A start that takes longer says how far it is, or what it waits for, this often.
const PROGRESS: Duration = Duration::from_secs(1);

/// Pause before the log is asked again for what it should hold.
const PAUSE: Duration = Duration::from_millis(50);

impl Task {
    /// Reads the log up to where it ends now. Says `false` when writing has stopped.
    pub(super) async fn read_log(&mut self) -> bool {
        let begin = Instant::now();
        let mut said = begin;
        let last = loop {
            match self.log.head().await {
                Ok(head) => break head.last,
                Err(error) => tracing::warn!(%error, "the log does not say where it ends"),
            }
        };
        self.keep_what_is_read(last);
        while self.position.end() < last {
            match self.reader.found().await {
                Ok(found) if self.take_in(&found, self.reader.position()) => {}
                Ok(_) => return false,
                Err(damage) => {
                    self.health.damaged(&damage);
                    return false;
                }
            }
            if said.elapsed() > PROGRESS {
                said = Instant::now();
                let percent = self.position.sequence * 100 / last.max(1);
                tracing::info!(sequence = self.position.sequence, last, percent, "reading the log");
            }
            self.wait_for_commands().await;
        }
        let (sequence, millis) = (self.position.sequence, begin.elapsed().as_millis());
        match said == begin {
            true => tracing::debug!(sequence, %millis, "the log is read"),
            false => tracing::info!(sequence, %millis, "the log is read"),
        }
        true
    }

    /// Waits while the read model that remembers old commands is too far behind.
    async fn wait_for_commands(&mut self) {
        let mut said = Instant::now();
        while self.recent.is_full() {
            self.recent.forget(self.views.commands.sequence());
            tokio::time::sleep(PAUSE).await;
            if said.elapsed() > PROGRESS {
                said = Instant::now();
                let commands = self.views.commands.sequence();
                tracing::warn!(
                    sequence = self.position.sequence,
                    commands,
                    "reading the log waits for the read model commands"
                );
            }
        }
    }

    /// Reads what other writers wrote since. `false` when writing has stopped.
    pub(super) async fn catch_up(&mut self) -> bool {
        while self.health.stop_code().is_none() {
            match self.read_on().await {
                Ok(true) => {}
                Ok(false) => return true,
                Err(Error::Damaged(damage)) => {
                    self.health.damaged(&damage);
                    return false;
                }
                Err(error) => {
                    tracing::warn!(%error, "the log cannot be read, trying again");
                    if self.stop.run_until_cancelled(tokio::time::sleep(PAUSE)).await.is_none() {
                        return false;
                    }
                }
            }
        }
        false
    }

    /// Reads the next message from whoever leads, and then what the reader's node hands out, which
    /// may be less. Says whether there was anything.
    async fn read_on(&mut self) -> Result<bool, Error> {
        let next = self.position.end() + 1;
        let Some(message) = self.log.message_at(next).await? else { return Ok(false) };
        let mut position = self.position;
        let found = position.advance(&message)?;
        if let (Found::Commit(_), Some(journal)) = (&found, self.log.journal()) {
            journal.note(next, message.payload.clone());
        }
        let mut taken = self.take_in(&found, position);
        while taken && let Some(found) = self.reader.found_now().await {
            taken = self.take_in(&found?, self.reader.position());
        }
        Ok(taken)
    }

    /// Takes in what a reader has found, which stands at `position` now. Says `false` when it cannot
    /// have happened.
    pub(super) fn take_in(&mut self, found: &Found, position: crate::log::Position) -> bool {
        match found {
            Found::Commit(commit) => self.take_note(commit),
            Found::Foreign(_) => {
                self.move_to(position);
                true
            }
        }
    }

    /// Brings the state up to date with a commit that follows directly. Says `false` when it cannot
    /// have happened, which stops writing: the state stays before it.
    pub(super) fn take_note(&mut self, commit: &Commit) -> bool {
        for record in &commit.records {
            if let Err(error) = self.ledger.evolve(&record.account, &record.event) {
                self.health.stop(Stop {
                    code: "log_damaged",
                    detail: format!("log_damaged: sequence {}: {error}", commit.sequence),
                    fix: "the log contradicts itself: keep a copy of it and report it".to_owned(),
                    sequence: Some(commit.sequence),
                });
                return false;
            }
        }
        self.remember(commit.sequence, &commit.records);
        self.move_to(crate::log::Position::of(commit));
        true
    }

    /// Remembers the commands of a commit, and what it says of keys.
    pub(super) fn remember(&mut self, sequence: u64, records: &[events::wire::Record]) {
        let mut last = None;
        for record in records {
            self.keys.take_note(record);
            let command = (&record.account, &record.command.id);
            if last != Some(command) {
                let accepted = Accepted { hash: record.command.hash, sequence };
                self.recent.insert(&record.account, &record.command.id, accepted);
                self.seen.insert(&record.account, &record.command.id);
                last = Some(command);
            }
        }
        self.recent.forget(self.views.commands.sequence());
    }

    pub(super) fn move_to(&mut self, position: crate::log::Position) {
        if self.position.foreign != position.foreign {
            self.hold_for(position.foreign);
        }
        self.position = position;
        self.reader.move_to(position);
        self.reached.send_replace(position);
    }
}

/// Shared records of one command.
pub(super) type Records = Arc<Vec<events::wire::Record>>;
