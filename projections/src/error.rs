//! What can go wrong with a read model.

use std::path::PathBuf;

use crate::store::ReadModel;

/// Why a read model could not be opened, fed or asked. Nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file is there, and SQLite cannot read it.
    #[error("{path} is not a read model: delete it, and it is rebuilt from the log")]
    NotADatabase {
        /// Which file.
        path: PathBuf,
    },
    /// The file holds another read model, or another version of it.
    #[error("{path} holds {found}, not {wanted}: delete it, and it is rebuilt from the log")]
    OtherModel {
        /// Which file.
        path: PathBuf,
        /// What it says it is.
        found: String,
        /// What it should be.
        wanted: String,
    },
    /// The commit does not follow: one before it is missing, or another one stands there.
    #[error(
        "{model} stands at commit {checkpoint}: commit {sequence} does not name that one as the \
         one before it"
    )]
    Chain {
        /// Which read model.
        model: &'static str,
        /// The last commit it has.
        checkpoint: u64,
        /// The commit it was given.
        sequence: u64,
    },
    /// The commit says something that cannot follow what was said before.
    #[error("{model}: commit {sequence} cannot follow the ones before it: {reason}")]
    Inconsistent {
        /// Which read model.
        model: &'static str,
        /// The commit.
        sequence: u64,
        /// What does not fit.
        reason: String,
    },
    /// The model is fed by another stream.
    #[error("{model} is not fed by this stream")]
    Feed {
        /// Which read model.
        model: &'static str,
    },
    /// A row says something that was never written.
    #[error("the read model is damaged ({0}): delete its file, and it is rebuilt from the log")]
    Damaged(String),
    /// The cursor was not given out by this query.
    #[error("the cursor is not one that this query gave out")]
    Cursor,
    /// The time asked for has too many buckets. How many it would be is not counted.
    #[error("that makes more than {max} buckets: ask for less time or a larger window")]
    Buckets {
        /// How many it may be.
        max: usize,
    },
    /// A check that names nobody.
    #[error("a check needs a user or an e-mail address")]
    Nobody,
    /// The question took longer than it may, or nobody waits for its answer any more.
    #[error("the question took longer than it may, and was broken off")]
    TooLong,
    /// The file could not be moved or removed.
    #[error("{path} could not be moved or removed")]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// SQLite says no.
    #[error("the read model could not be read or written")]
    Sqlite(#[from] rusqlite::Error),
}

impl Error {
    /// Whether the disk is full: the old state is there, and writing can go on once there is room.
    pub fn is_disk_full(&self) -> bool {
        matches!(self, Error::Sqlite(it)
            if it.sqlite_error_code() == Some(rusqlite::ErrorCode::DiskFull))
    }

    /// Whether the file itself is at fault, so that deleting and rebuilding it helps.
    pub fn is_damage(&self) -> bool {
        use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
        match self {
            Error::Sqlite(it) => {
                matches!(it.sqlite_error_code(), Some(DatabaseCorrupt | NotADatabase))
            }
            Error::NotADatabase { .. } | Error::OtherModel { .. } | Error::Damaged(_) => true,
            Error::Chain { .. }
            | Error::Inconsistent { .. }
            | Error::Feed { .. }
            | Error::Cursor
            | Error::Buckets { .. }
            | Error::Nobody
            | Error::TooLong
            | Error::File { .. } => false,
        }
    }

    /// A commit that cannot follow, seen while it was applied.
    pub(crate) fn inconsistent(sequence: u64, reason: impl ToString) -> Error {
        Error::Inconsistent { model: "", sequence, reason: reason.to_string() }
    }

    /// Says which model it was, and takes a broken constraint for what it is: two facts that
    /// cannot both be.
    pub(crate) fn of(self, of: &ReadModel, at: u64) -> Error {
        let model = of.name;
        if let Error::Inconsistent { sequence, reason, .. } = self {
            return Error::Inconsistent { model, sequence, reason };
        }
        if let Error::Sqlite(it) = &self
            && it.sqlite_error_code() == Some(rusqlite::ErrorCode::ConstraintViolation)
        {
            return Error::Inconsistent { model, sequence: at, reason: it.to_string() };
        }
        self
    }
}
