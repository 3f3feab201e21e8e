//! What happens to an assignment after it was made.

use events::event::Ground;
use events::{AssignmentId, Moment};
use rusqlite::{Connection, OptionalExtension, params};

use crate::as_of::int;
use crate::error::Error;
use crate::grounds;

pub(super) struct Change {
    pub(super) assignment: AssignmentId,
    pub(super) sequence: u64,
    pub(super) to: To,
}

pub(super) enum To {
    Active(bool),
    Fulfilled(bool),
    Described(Option<String>, Option<String>),
    /// By itself, then.
    Ends(Option<Moment>),
    With(Ground),
    Without(Ground),
    /// The holder's, by key.
    Transferred(String),
    Revoked(Moment),
}

impl Change {
    pub(super) fn write(&self, db: &Connection) -> Result<(), Error> {
        let id = self.assignment.0.as_bytes();
        let sequence = int(self.sequence);
        let changed = match &self.to {
            To::Active(active) => {
                self.keep_state(db)?;
                db.prepare_cached(ACTIVATE)?.execute(params![id, active])?
            }
            To::Fulfilled(fulfilled) => {
                self.keep_state(db)?;
                db.prepare_cached(FULFIL)?.execute(params![id, fulfilled])?
            }
            To::Described(redirect_to, metadata) => {
                self.keep_state(db)?;
                db.prepare_cached(DESCRIBE)?.execute(params![id, redirect_to, metadata])?
            }
            To::Ends(at) => {
                self.keep_state(db)?;
                db.prepare_cached(END)?.execute(params![id, at.map(Moment::millis)])?
            }
            To::With(ground) => {
                list_ground(db, self.assignment, ground)?;
                self.stand(db, |text| grounds::with(text, ground))?
            }
            To::Without(ground) => self.stand(db, |text| grounds::without(text, ground))?,
            To::Transferred(holder) => {
                self.keep_state(db)?;
                db.prepare_cached(LIST_HOLDER)?.execute(params![id, holder])?;
                db.prepare_cached(TRANSFER)?.execute(params![id, holder])?
            }
            To::Revoked(at) => {
                db.prepare_cached(REVOKE)?.execute(params![id, sequence, at.millis()])?
            }
        };
        match changed {
            1 => Ok(()),
            _ => {
                let reason = format!("assignment {} is not live", self.assignment);
                Err(Error::inconsistent(self.sequence, reason))
            }
        }
    }

    /// Changes what it stands on.
    fn stand(
        &self,
        db: &Connection,
        change: impl FnOnce(Option<&str>) -> Option<String>,
    ) -> Result<usize, Error> {
        self.keep_state(db)?;
        let id = self.assignment.0.as_bytes();
        let sql = "SELECT grounds FROM assignments WHERE assignment = ?1 AND over = 0";
        let before: Option<Option<String>> =
            db.prepare_cached(sql)?.query_row([id], |row| row.get(0)).optional()?;
        let Some(before) = before else { return Ok(0) };
        Ok(db.prepare_cached(STAND)?.execute(params![id, change(before.as_deref())])?)
    }

    /// Keeps how an assignment was before this commit: once a commit, and not if it was not there.
    fn keep_state(&self, db: &Connection) -> Result<(), Error> {
        let sql = "INSERT OR IGNORE INTO states
                   SELECT number, ?2, holder, active, fulfilled, grounds, redirect_to, metadata,
                          ends_at
                   FROM assignments WHERE assignment = ?1 AND since < ?2";
        let row = params![self.assignment.0.as_bytes(), int(self.sequence)];
        db.prepare_cached(sql)?.execute(row)?;
        Ok(())
    }
}

/// Lists an assignment that is there under the group that gave it, and under the orphans.
pub(super) fn list_ground(
    db: &Connection,
    assignment: AssignmentId,
    ground: &Ground,
) -> Result<(), Error> {
    let id = assignment.0.as_bytes();
    if let Some(group) = ground.group() {
        db.prepare_cached(LIST_GROUP)?.execute(params![id, group.as_str()])?;
    }
    if let Ground::Orphan(_) = ground {
        db.prepare_cached(LIST_ORPHAN)?.execute([id])?;
    }
    Ok(())
}

const ACTIVATE: &str = "UPDATE assignments SET active = ?2 WHERE assignment = ?1 AND over = 0";

const FULFIL: &str = "UPDATE assignments SET fulfilled = ?2 WHERE assignment = ?1 AND over = 0";

const DESCRIBE: &str = "UPDATE assignments SET redirect_to = ?2, metadata = ?3
                        WHERE assignment = ?1 AND over = 0";

const END: &str = "UPDATE assignments SET ends_at = ?2 WHERE assignment = ?1 AND over = 0";

const STAND: &str = "UPDATE assignments SET grounds = ?2 WHERE assignment = ?1 AND over = 0";

const TRANSFER: &str = "UPDATE assignments SET holder = ?2 WHERE assignment = ?1 AND over = 0";

const REVOKE: &str = "UPDATE assignments SET over = 1, until = ?2, revoked_at = ?3
                      WHERE assignment = ?1 AND over = 0";

const LIST_HOLDER: &str = "INSERT OR IGNORE INTO holders
                           SELECT account, ?2, number FROM assignments WHERE assignment = ?1";

const LIST_GROUP: &str = "INSERT OR IGNORE INTO group_seats
                          SELECT account, ?2, license, number FROM assignments
                          WHERE assignment = ?1";

const LIST_ORPHAN: &str = "INSERT OR IGNORE INTO orphans
                           SELECT account, license, number FROM assignments
                           WHERE assignment = ?1";
