//! Changes to what a holder has of a license.

use events::event::Ground;
use events::{AssignmentId, Moment};
use rusqlite::{Connection, OptionalExtension, params};

use super::Status;
use crate::as_of::int;
use crate::error::Error;
use crate::grounds;

pub(super) struct Change {
    pub(super) account: i64,
    pub(super) holder: String,
    pub(super) product: i64,
    pub(super) license: i64,
    pub(super) sequence: u64,
    pub(super) at: Moment,
    pub(super) assignment: AssignmentId,
    pub(super) to: To,
}

pub(super) enum To {
    /// Another assignment than before, on these grounds and until then, or none.
    New(Status, Option<String>, Option<Moment>),
    /// The same assignment goes on, with or without a seat.
    Same(Status),
    /// What is held of it by name ends at another moment.
    Until(Option<Moment>),
    /// It stands on one ground more.
    With(Ground),
    /// It stands on one ground less.
    Without(Ground),
}

impl Change {
    /// In one commit an assignment may end and another one begin: the last one is what counts.
    pub(super) fn place(&self) -> (i64, &str, i64, i64) {
        (self.account, &self.holder, self.product, self.license)
    }

    pub(super) fn write(&self, db: &Connection) -> Result<(), Error> {
        let sequence = int(self.sequence);
        let (account, holder, product, license) = self.place();
        let changed = match &self.to {
            To::New(status, grounds, until) => {
                let sql = "INSERT OR REPLACE INTO held_seats
                           VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?5, ?8, ?9, ?10)";
                let id = self.assignment.0.as_bytes();
                let (status, at) = (*status as i64, self.at.millis());
                let until = until.map(Moment::millis);
                let row = params![
                    account, holder, product, license, sequence, status, id, at, grounds, until
                ];
                db.prepare_cached(sql)?.execute(row)?
            }
            To::Same(status) => {
                let row = params![account, holder, product, license, sequence, *status as i64];
                db.prepare_cached(GO_ON)?.execute(row)?
            }
            To::Until(until) => {
                let until = until.map(Moment::millis);
                let row = params![account, holder, product, license, sequence, until];
                db.prepare_cached(LAST)?.execute(row)?
            }
            To::With(ground) => self.stand(db, |text| grounds::with(text, ground))?,
            To::Without(ground) => self.stand(db, |text| grounds::without(text, ground))?,
        };
        self.changed_one(changed)
    }

    /// The same assignment goes on, on other grounds.
    fn stand(
        &self,
        db: &Connection,
        change: impl FnOnce(Option<&str>) -> Option<String>,
    ) -> Result<usize, Error> {
        let (account, holder, product, license) = self.place();
        let sql = "SELECT grounds FROM held_seats
                   WHERE account = ?1 AND holder = ?2 AND product = ?3 AND license = ?4
                   ORDER BY since DESC LIMIT 1";
        let before = db
            .prepare_cached(sql)?
            .query_row(params![account, holder, product, license], |row| row.get(0))
            .optional()?;
        let Some(before) = before else { return Ok(0) };
        let before: Option<String> = before;
        let after = change(before.as_deref());
        let row = params![account, holder, product, license, int(self.sequence), after];
        Ok(db.prepare_cached(STAND)?.execute(row)?)
    }

    fn changed_one(&self, rows: usize) -> Result<(), Error> {
        match rows {
            1 => Ok(()),
            _ => {
                let reason = format!("assignment {} is not live", self.assignment);
                Err(Error::inconsistent(self.sequence, reason))
            }
        }
    }
}

/// What `from` was about is another holder's now, as it was; made when it was made.
pub(super) fn transfer(db: &Connection, from: &Change, to: &str) -> Result<(), Error> {
    let (account, holder, product, license) = from.place();
    let sequence = int(from.sequence);
    let row = params![account, holder, product, license, sequence, to];
    from.changed_one(db.prepare_cached(TRANSFER)?.execute(row)?)?;
    from.write(db)
}

const GO_ON: &str = "
    INSERT OR REPLACE INTO held_seats
    SELECT account, holder, product, license, ?5, ?6, assignment, assigned, at, grounds, until
    FROM held_seats
    WHERE account = ?1 AND holder = ?2 AND product = ?3 AND license = ?4
    ORDER BY since DESC LIMIT 1";

const STAND: &str = "
    INSERT OR REPLACE INTO held_seats
    SELECT account, holder, product, license, ?5, status, assignment, assigned, at, ?6, until
    FROM held_seats
    WHERE account = ?1 AND holder = ?2 AND product = ?3 AND license = ?4
    ORDER BY since DESC LIMIT 1";

const LAST: &str = "
    INSERT OR REPLACE INTO held_seats
    SELECT account, holder, product, license, ?5, status, assignment, assigned, at, grounds, ?6
    FROM held_seats
    WHERE account = ?1 AND holder = ?2 AND product = ?3 AND license = ?4
    ORDER BY since DESC LIMIT 1";

const TRANSFER: &str = "
    INSERT OR REPLACE INTO held_seats
    SELECT account, ?6, product, license, ?5, status, assignment, assigned, at, grounds, until
    FROM held_seats
    WHERE account = ?1 AND holder = ?2 AND product = ?3 AND license = ?4
    ORDER BY since DESC LIMIT 1";
