//! What every reader of the log demands: no gap, commits that can be read, an unbroken chain.

use events::Moment;
use events::wire::{self, Commit, CommitHash, DecodeError};

/// Where a reader stands: everything up to and including `sequence` was read and fits together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// Sequence of the last commit; 0 before the first.
    pub sequence: u64,
    /// Hash of its bytes; zeros before the first.
    pub hash: CommitHash,
    /// When it was judged, where the reader has seen it.
    pub at: Option<Moment>,
}

/// The log is not what it was, or not what a log can be. Nobody reads past it or writes after it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// A commit is missing: its record cannot be read, or was removed.
    #[error("log_damaged: sequence {expected} is missing, {found} follows")]
    Gap {
        /// The first missing sequence.
        expected: u64,
        /// What came instead.
        found: u64,
    },
    /// The server counts commits that it does not hand out.
    #[error("log_damaged: sequence {missing} is missing, the log is said to end at {last}")]
    Hole {
        /// The first missing sequence.
        missing: u64,
        /// The last sequence the server counts.
        last: u64,
    },
    /// A commit cannot be read.
    #[error("log_damaged: sequence {sequence}: {error}")]
    Unreadable {
        /// Which one.
        sequence: u64,
        /// What is wrong with it.
        error: DecodeError,
    },
    /// A commit does not follow the one before it.
    #[error("log_damaged: sequence {sequence} does not follow the commit before it: {reason}")]
    Chain {
        /// Which one.
        sequence: u64,
        /// What does not fit.
        reason: String,
    },
    /// The log ends before something that was on it.
    #[error("log_went_back: sequence {known} was on the log, it ends at {last} now")]
    WentBack {
        /// What was there.
        known: u64,
        /// Where it ends now.
        last: u64,
    },
    /// Another commit stands where one was.
    #[error("log_went_back: sequence {sequence} is another commit than it was")]
    Changed {
        /// Where.
        sequence: u64,
    },
    /// The stream was made again.
    #[error("log_went_back: the stream {stream} was created {created}, the ledger's at {known}")]
    Replaced {
        /// Its name.
        stream: String,
        /// When the one that is there was created.
        created: String,
        /// When the ledger's was.
        known: String,
    },
    /// There is no stream where one was.
    #[error("log_went_back: the stream {stream} is gone, it held {known} commits")]
    Missing {
        /// Its name.
        stream: String,
        /// The last sequence known.
        known: u64,
    },
    /// The stream has lost its beginning.
    #[error("log_damaged: the log begins at sequence {first}, not at 1")]
    Beheaded {
        /// Its first sequence.
        first: u64,
    },
}

impl Damage {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Damage::Gap { .. }
            | Damage::Hole { .. }
            | Damage::Unreadable { .. }
            | Damage::Chain { .. }
            | Damage::Beheaded { .. } => "log_damaged",
            Damage::WentBack { .. }
            | Damage::Changed { .. }
            | Damage::Replaced { .. }
            | Damage::Missing { .. } => "log_went_back",
        }
    }

    /// The first sequence that is not as it must be, as far as is known.
    pub fn sequence(&self) -> Option<u64> {
        match self {
            Damage::Gap { expected, .. } => Some(*expected),
            Damage::Hole { missing, .. } => Some(*missing),
            Damage::Unreadable { sequence, .. }
            | Damage::Chain { sequence, .. }
            | Damage::Changed { sequence } => Some(*sequence),
            Damage::WentBack { last, .. } => Some(last + 1),
            Damage::Beheaded { .. } => Some(1),
            Damage::Replaced { .. } | Damage::Missing { .. } => None,
        }
    }

    /// What an operator does about it.
    pub fn fix(&self) -> &'static str {
        match self {
            Damage::Unreadable { error: DecodeError::Format(_), .. }
            | Damage::Unreadable { error: DecodeError::UnknownEvent { .. }, .. } => {
                "a newer release wrote this: run that release or a later one"
            }
            Damage::Gap { .. }
            | Damage::Hole { .. }
            | Damage::Unreadable { .. }
            | Damage::Chain { .. }
            | Damage::WentBack { .. }
            | Damage::Changed { .. }
            | Damage::Replaced { .. }
            | Damage::Missing { .. }
            | Damage::Beheaded { .. } => {
                "stop writing, keep a copy of the JetStream store and of the ledger's directory, \
                 and restore the stream from a backup that contains everything up to the anchor; \
                 see docs/operating.md"
            }
        }
    }
}

impl Position {
    /// Before the first commit.
    pub const START: Position = Position { sequence: 0, hash: CommitHash::NONE, at: None };

    /// After a commit.
    pub fn of(commit: &Commit) -> Position {
        Position { sequence: commit.sequence, hash: commit.hash, at: Some(commit.header.at) }
    }

    /// Reads the next message of the stream. Moves on only if it is the next commit.
    pub fn advance(&mut self, sequence: u64, payload: &[u8]) -> Result<Commit, Damage> {
        let expected = self.sequence + 1;
        if sequence != expected {
            return Err(Damage::Gap { expected, found: sequence });
        }
        let commit = wire::decode(sequence, payload)
            .map_err(|error| Damage::Unreadable { sequence, error })?;
        self.follows(&commit).map_err(|reason| Damage::Chain { sequence, reason })?;
        *self = Position::of(&commit);
        Ok(commit)
    }

    fn follows(&self, commit: &Commit) -> Result<(), String> {
        let header = &commit.header;
        if header.prev != self.hash {
            return Err(format!("it names {} before it, that was {}", header.prev, self.hash));
        }
        // One partition is in use, so a commit's number in its partition is its sequence.
        if (header.partition, header.n) != (0, commit.sequence) {
            return Err(format!("it is commit {} of partition {}", header.n, header.partition));
        }
        if self.at.is_some_and(|at| header.at < at) {
            return Err(format!("it was judged at {}, before it", header.at));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use events::wire::{Header, encode};
    use uuid::Uuid;

    fn commit(n: u64, prev: CommitHash) -> Vec<u8> {
        let at = Moment::from_millis(0);
        encode(&Header { format: 1, commit: Uuid::nil(), partition: 0, n, prev, count: 0, at }, b"")
    }

    #[test]
    fn a_chain_is_followed() {
        let mut position = Position::START;
        let first = commit(1, CommitHash::NONE);
        position.advance(1, &first).unwrap();
        position.advance(2, &commit(2, CommitHash::of(&first))).unwrap();
        assert_eq!(position.sequence, 2);
    }

    #[test]
    fn a_gap_a_foreign_commit_and_noise_stop_a_reader() {
        let mut position = Position::START;
        let first = commit(1, CommitHash::NONE);
        assert_eq!(position.advance(2, &first), Err(Damage::Gap { expected: 1, found: 2 }));
        position.advance(1, &first).unwrap();
        let at_first = position;
        let foreign = position.advance(2, &commit(2, CommitHash([7; 32])));
        assert!(matches!(foreign, Err(Damage::Chain { sequence: 2, .. })));
        let noise = position.advance(2, b"noise");
        assert!(matches!(noise, Err(Damage::Unreadable { sequence: 2, .. })));
        let numbered = position.advance(2, &commit(3, position.hash));
        assert!(matches!(numbered, Err(Damage::Chain { sequence: 2, .. })));
        assert_eq!(position, at_first);
    }
}
