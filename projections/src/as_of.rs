//! One state of a read model, held still while several questions are asked of it.

use std::ops::Deref;

use rusqlite::Connection;

use crate::error::Error;

/// A read transaction, and the sequence as of which it answers.
pub(crate) struct AsOf<'a> {
    db: &'a Connection,
    began: bool,
    /// The sequence asked for, or the last one that the model has, as SQLite counts.
    pub(crate) at: i64,
    /// Whether `at` is the last sequence that the model has.
    pub(crate) now: bool,
}

impl<'a> AsOf<'a> {
    /// Begins to read, unless the caller has.
    pub(crate) fn new(db: &'a Connection, at: u64) -> Result<AsOf<'a>, Error> {
        let began = db.is_autocommit();
        if began {
            db.prepare_cached("BEGIN")?.execute([])?;
        }
        let mut view = AsOf { db, began, at: 0, now: false };
        let last: i64 = db
            .prepare_cached("SELECT sequence FROM checkpoint")?
            .query_row([], |row| row.get(0))?;
        view.at = i64::try_from(at).unwrap_or(i64::MAX).min(last);
        view.now = view.at == last;
        Ok(view)
    }

    /// The sequence as of which it answers.
    pub(crate) fn sequence(&self) -> u64 {
        u64::try_from(self.at).unwrap_or_default()
    }
}

impl Deref for AsOf<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.db
    }
}

impl Drop for AsOf<'_> {
    fn drop(&mut self) {
        if self.began {
            // Nothing was written, so there is nothing to lose; should even this fail, the next
            // `BEGIN` says so.
            let _ = self.db.prepare_cached("COMMIT").and_then(|mut it| it.execute([]));
        }
    }
}

/// As SQLite counts. Sequences, numbers and positions of a log that fits on this planet do.
pub(crate) fn int(it: u64) -> i64 {
    i64::try_from(it).unwrap_or(i64::MAX)
}

/// As the API counts.
pub(crate) fn uint(it: i64) -> u64 {
    u64::try_from(it).unwrap_or_default()
}
