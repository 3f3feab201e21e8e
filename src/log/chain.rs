//! What every reader of the log demands: no gap, commits that can be read, an unbroken chain.

use bytes::Bytes;
use events::Moment;
use events::wire::{self, Commit, CommitHash, DecodeError};
use sha2::{Digest, Sha256};

/// Where a reader stands: everything up to and including `sequence` was read and fits together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// Sequence of the last commit; 0 before the first.
    pub sequence: u64,
    /// Its number in the partition, where the reader has seen it: foreign messages take sequences
    /// and no numbers.
    pub n: Option<u64>,
    /// Hash of its bytes; zeros before the first.
    pub hash: CommitHash,
    /// When it was judged, where the reader has seen it.
    pub at: Option<Moment>,
    /// Foreign messages that follow it.
    pub foreign: Option<Foreign>,
}

/// Messages that stand on the log's stream and are none of the ledger's. Commits go on behind them
/// once one of them declares them void.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Foreign {
    /// The sequence of the first of them.
    pub first: u64,
    /// That of the last.
    pub last: u64,
    /// What they say, as [`wire::Void`] has it.
    pub digest: CommitHash,
    /// The last one on the subject of the partition, which its fence counts.
    pub last_on_subject: Option<u64>,
}

/// A message as the stream holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its sequence.
    pub sequence: u64,
    /// Whether it says that the ledger has written it.
    pub is_ours: bool,
    /// Whether it is on the subject of the partition.
    pub is_on_subject: bool,
    /// Its bytes.
    pub payload: Bytes,
}

/// What a reader finds next.
#[derive(Debug)]
pub enum Found {
    /// The next commit.
    Commit(Box<Commit>),
    /// A message of somebody else; all of them since the last commit.
    Foreign(Foreign),
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
    /// A commit follows foreign messages as if they were not there, or declares others void.
    #[error(
        "log_damaged: sequences {first} to {last} are no commits, and the commit after them does \
         not declare these void"
    )]
    NotVoided {
        /// The first message that is no commit.
        first: u64,
        /// The last one.
        last: u64,
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
            | Damage::NotVoided { .. }
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
            Damage::NotVoided { first, .. } => Some(*first),
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
            | Damage::NotVoided { .. }
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

impl Foreign {
    fn after(before: Option<Foreign>, message: &Message) -> Foreign {
        let (first, digest) = match before {
            Some(it) => (it.first, it.digest),
            None => (message.sequence, CommitHash::NONE),
        };
        let digest = Sha256::new().chain_update(digest.0).chain_update(&message.payload);
        Foreign {
            first,
            last: message.sequence,
            digest: CommitHash(digest.finalize().into()),
            last_on_subject: match message.is_on_subject {
                true => Some(message.sequence),
                false => before.and_then(|it| it.last_on_subject),
            },
        }
    }

    /// Whether these are what is declared void.
    pub fn is(&self, void: &wire::Void) -> bool {
        (self.first, self.last, self.digest) == (void.first, void.last, void.digest)
    }
}

impl Position {
    /// Before the first commit.
    pub const START: Position = Position::at(0, CommitHash::NONE);

    /// After a commit.
    pub fn of(commit: &Commit) -> Position {
        let header = &commit.header;
        let (n, at) = (Some(header.n), Some(header.at));
        Position { n, at, ..Position::at(commit.sequence, commit.hash) }
    }

    /// After a commit of which no more is known.
    pub const fn at(sequence: u64, hash: CommitHash) -> Position {
        let n = if sequence == 0 { Some(0) } else { None };
        Position { sequence, n, hash, at: None, foreign: None }
    }

    /// The last sequence that was read, be it that of a foreign message.
    pub fn end(&self) -> u64 {
        self.foreign.map_or(self.sequence, |it| it.last)
    }

    /// The last sequence on the subject of the partition.
    pub fn end_on_subject(&self) -> u64 {
        self.foreign.and_then(|it| it.last_on_subject).unwrap_or(self.sequence)
    }

    /// Reads the next message of the stream. Moves on only if it is the next commit, or none of the
    /// ledger's.
    pub fn advance(&mut self, message: &Message) -> Result<Found, Damage> {
        let (sequence, expected) = (message.sequence, self.end() + 1);
        if sequence != expected {
            return Err(Damage::Gap { expected, found: sequence });
        }
        if !message.is_ours {
            let foreign = Foreign::after(self.foreign, message);
            self.foreign = Some(foreign);
            return Ok(Found::Foreign(foreign));
        }
        let commit = wire::decode(sequence, &message.payload)
            .map_err(|error| Damage::Unreadable { sequence, error })?;
        self.follows(&commit).map_err(|reason| Damage::Chain { sequence, reason })?;
        match (self.foreign, &commit.header.void) {
            (None, None) => {}
            (Some(foreign), Some(void)) if foreign.is(void) => {}
            (Some(Foreign { first, last, .. }), _) => {
                return Err(Damage::NotVoided { first, last });
            }
            (None, Some(wire::Void { first, last, .. })) => {
                let reason = format!("it declares {first} to {last} void, which are not there");
                return Err(Damage::Chain { sequence, reason });
            }
        }
        *self = Position::of(&commit);
        Ok(Found::Commit(Box::new(commit)))
    }

    fn follows(&self, commit: &Commit) -> Result<(), String> {
        let header = &commit.header;
        if header.prev != self.hash {
            return Err(format!("it names {} before it, that was {}", header.prev, self.hash));
        }
        if header.partition != 0 || self.n.is_some_and(|it| header.n != it + 1) {
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
    use events::wire::{Header, Void, encode};
    use events::{Actor, By};
    use uuid::Uuid;

    fn header(n: u64, prev: CommitHash) -> Header {
        let at = Moment::from_millis(0);
        Header { format: 1, commit: Uuid::nil(), partition: 0, n, prev, count: 0, at, void: None }
    }

    fn ours(sequence: u64, header: &Header) -> Message {
        let payload = encode(header, b"").into();
        Message { sequence, is_ours: true, is_on_subject: true, payload }
    }

    fn foreign(sequence: u64, is_on_subject: bool, payload: &'static [u8]) -> Message {
        let payload = Bytes::from_static(payload);
        Message { sequence, is_ours: false, is_on_subject, payload }
    }

    /// After the first commit.
    fn after_first() -> Position {
        let mut position = Position::START;
        position.advance(&ours(1, &header(1, CommitHash::NONE))).unwrap();
        position
    }

    #[test]
    fn a_chain_is_followed() {
        let mut position = after_first();
        position.advance(&ours(2, &header(2, position.hash))).unwrap();
        assert_eq!((position.sequence, position.n), (2, Some(2)));
    }

    #[test]
    fn a_gap_a_foreign_commit_and_noise_stop_a_reader() {
        let gap = Position::START.clone().advance(&ours(2, &header(1, CommitHash::NONE)));
        assert!(matches!(gap, Err(Damage::Gap { expected: 1, found: 2 })), "{gap:?}");
        let mut position = after_first();
        let at_first = position;
        let alien = position.advance(&ours(2, &header(2, CommitHash([7; 32]))));
        assert!(matches!(alien, Err(Damage::Chain { sequence: 2, .. })));
        let noise = position.advance(&Message { is_ours: true, ..foreign(2, true, b"noise") });
        assert!(matches!(noise, Err(Damage::Unreadable { sequence: 2, .. })));
        let numbered = position.advance(&ours(2, &header(3, position.hash)));
        assert!(matches!(numbered, Err(Damage::Chain { sequence: 2, .. })));
        assert_eq!(position, at_first);
    }

    #[test]
    fn commits_go_on_behind_foreign_messages_once_exactly_these_are_void() {
        let mut position = after_first();
        position.advance(&foreign(2, true, b"{}")).unwrap();
        let found = position.advance(&foreign(3, false, b"{}")).unwrap();
        let Found::Foreign(found) = found else { panic!("{found:?}") };
        assert_eq!((position.end(), position.end_on_subject(), position.sequence), (3, 2, 1));
        let void = |first, last, digest| {
            let (by, actor) = (By::local(), Actor::new("ada").unwrap());
            Some(Void { first, last, digest, by, actor, reason: None })
        };
        let next = header(2, position.hash);
        let wrong = [
            None,
            void(2, 2, found.digest),
            void(3, 3, found.digest),
            void(2, 3, CommitHash::of(b"other")),
        ];
        for void in wrong {
            let refused = position.clone().advance(&ours(4, &Header { void, ..next.clone() }));
            assert!(matches!(refused, Err(Damage::NotVoided { first: 2, last: 3 })), "{refused:?}");
        }
        let right = Header { void: void(2, 3, found.digest), ..next };
        // One that declares void what nobody has seen is none of this log.
        let unseen = after_first().advance(&ours(2, &right));
        assert!(matches!(unseen, Err(Damage::Chain { .. })), "{unseen:?}");
        position.advance(&ours(4, &right)).unwrap();
        assert_eq!((position.end(), position.n, position.foreign), (4, Some(2), None));
        position.advance(&ours(5, &header(3, position.hash))).unwrap();
    }
}
