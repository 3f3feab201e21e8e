//! From times to sequences and back. Commits are in the order of time, so halving finds them
//! without an index.

use events::Moment;
use rusqlite::{Connection, OptionalExtension};

use crate::as_of::{AsOf, int, uint};
use crate::error::Error;

/// The last commit at or before a moment; 0 when all are after it.
pub fn sequence_at(db: &Connection, moment: Moment) -> Result<u64, Error> {
    let db = AsOf::new(db, u64::MAX)?;
    Ok(uint(first_where(&db, |at| at > moment.millis())? - 1))
}

/// When the last commit up to a sequence was made; `None` where there is none, and for a sequence that
/// is not there yet.
pub fn moment_of(db: &Connection, sequence: u64) -> Result<Option<Moment>, Error> {
    let sql = "SELECT at FROM commits
               WHERE sequence <= ?1 AND ?1 <= (SELECT sequence FROM checkpoint)
               ORDER BY sequence DESC LIMIT 1";
    let mut statement = db.prepare_cached(sql)?;
    let at = statement.query_row([int(sequence)], |row| row.get(0)).optional()?;
    Ok(at.map(Moment::from_millis))
}

/// A sequence may have no commit: then the next one is meant.
const NEXT: &str = "SELECT sequence, at FROM commits WHERE sequence >= ?1
                    ORDER BY sequence LIMIT 1";

/// The first commit at or after a moment; the one after the last when all are before it.
pub(super) fn first_from(db: &AsOf<'_>, moment: Moment) -> Result<i64, Error> {
    first_where(db, |at| at >= moment.millis())
}

/// The first commit of which something is true that stays true.
fn first_where(db: &AsOf<'_>, is: impl Fn(i64) -> bool) -> Result<i64, Error> {
    let mut statement = db.prepare_cached(NEXT)?;
    let (mut low, mut high) = (1, db.at + 1);
    while low < high {
        let middle = low + (high - low) / 2;
        let (next, at) = statement
            .query_row([middle], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)))?;
        match is(at) {
            true => high = middle,
            false => low = next + 1,
        }
    }
    Ok(low)
}
