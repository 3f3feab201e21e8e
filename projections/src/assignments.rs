//! The read model of assignments: who has, or had, a seat of what.

mod queries;

use events::event::SeatAssigned;
use events::wire::{Commit, Record};
use events::{AssignmentId, Event, LicenseId, Moment};
use rusqlite::{Connection, OptionalExtension, params};

use crate::as_of::int;
use crate::emails::{self, Notes, holder_key};
use crate::error::Error;
use crate::known::{self, Known};
use crate::store::{Feed, ReadModel, Writer};

pub use queries::{Assignment, Filter, Who, by_id, by_number, of_account, of_holder, of_license};

/// The model.
pub static MODEL: ReadModel = ReadModel {
    name: "assignments",
    version: 1,
    schema: &[known::ACCOUNTS, emails::SCHEMA, SCHEMA],
    feed: Feed::Commits(|| Box::<Assignments>::default()),
};

/// `assignments` says how each is now, or was when it ended; `states` how it was before, each row
/// up to a sequence, exclusive. Most have no row there. `over` keeps the ended ones apart in the
/// index, so that listing the live ones does not wade through them. `holders` lists the assignments
/// of each holder; it is a table of its own so that it can be written in its own order.
const SCHEMA: &str = "
    CREATE TABLE licenses (
        id      INTEGER PRIMARY KEY,
        account INTEGER NOT NULL,
        license TEXT    NOT NULL,
        product TEXT    NOT NULL,
        UNIQUE (account, license)
    ) STRICT;

    CREATE TABLE assignments (
        number      INTEGER PRIMARY KEY,
        assignment  BLOB    NOT NULL,
        account     INTEGER NOT NULL,
        license     INTEGER NOT NULL,
        holder      TEXT    NOT NULL,
        since       INTEGER NOT NULL,
        at          INTEGER NOT NULL,
        over        INTEGER NOT NULL DEFAULT 0,
        until       INTEGER NOT NULL DEFAULT 9223372036854775807,
        revoked_at  INTEGER,
        active      INTEGER NOT NULL,
        fulfilled   INTEGER NOT NULL,
        redirect_to TEXT,
        metadata    TEXT,
        CHECK (since <= until)
    ) STRICT;
    CREATE UNIQUE INDEX assignments_by_id ON assignments (assignment);
    CREATE INDEX assignments_of_license ON assignments (account, over, license, number);

    CREATE TABLE holders (
        account INTEGER NOT NULL,
        holder  TEXT    NOT NULL,
        number  INTEGER NOT NULL,
        PRIMARY KEY (account, holder, number)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE states (
        number      INTEGER NOT NULL,
        until       INTEGER NOT NULL,
        active      INTEGER NOT NULL,
        fulfilled   INTEGER NOT NULL,
        redirect_to TEXT,
        metadata    TEXT,
        PRIMARY KEY (number, until)
    ) STRICT, WITHOUT ROWID;";

/// New assignments are written at once, in the order of their numbers. Changes to them, and what is
/// listed by name, are held back until the end of a batch and then written in the order of the
/// tables: they come in any order, and neighbours share a page.
#[derive(Default)]
struct Assignments {
    /// Licenses as their numbers.
    known: Known<i64>,
    changes: Vec<Change>,
    holders: Vec<(i64, String, i64)>,
    notes: Notes,
}

struct Change {
    assignment: AssignmentId,
    sequence: u64,
    to: To,
}

enum To {
    Active(bool),
    Fulfilled(bool),
    Described(Option<String>, Option<String>),
    Revoked(Moment),
}

impl Writer for Assignments {
    fn commit(&mut self, db: &Connection, commit: &Commit) -> Result<(), Error> {
        commit.records.iter().try_for_each(|record| self.record(db, commit, record))
    }

    fn flush(&mut self, db: &Connection) -> Result<(), Error> {
        // Stable: what happens to an assignment happens in the order of the log.
        self.changes.sort_by_key(|it| it.assignment);
        self.changes.drain(..).try_for_each(|it| it.write(db))?;
        self.holders.sort_unstable();
        let mut insert = db.prepare_cached("INSERT INTO holders VALUES (?1, ?2, ?3)")?;
        for (account, holder, number) in self.holders.drain(..) {
            insert.execute(params![account, holder, number])?;
        }
        self.notes.flush(db)?;
        self.known.trim();
        Ok(())
    }

    fn forget(&mut self) {
        self.known.forget();
        self.changes.clear();
        self.holders.clear();
        self.notes.forget();
    }
}

impl Assignments {
    fn record(&mut self, db: &Connection, commit: &Commit, it: &Record) -> Result<(), Error> {
        let sequence = commit.sequence;
        let mut change = |assignment, to| self.changes.push(Change { assignment, sequence, to });
        match &it.event {
            Event::LicenseAllocated(event) => {
                let account = self.known.account(db, &it.account, commit)?;
                let sql = "INSERT INTO licenses (account, license, product) VALUES (?1, ?2, ?3)";
                let row = params![account, event.license.as_str(), event.product.as_str()];
                let id = db.prepare_cached(sql)?.insert(row)?;
                self.known.add(&it.account, &event.license, id);
            }
            // Nothing of a license is told here but its name and product, and these never change.
            Event::LicenseDescribed(_)
            | Event::QuantityChanged(_)
            | Event::WindowChanged(_)
            | Event::LicenseSuspended(_)
            | Event::LicenseReinstated(_)
            | Event::LicenseRetired(_) => {}
            Event::SeatAssigned(event) => self.assigned(db, commit, it, event)?,
            Event::AssignmentDeactivated(event) => change(event.assignment, To::Active(false)),
            Event::AssignmentReactivated(event) => {
                change(event.assignment, To::Active(true));
                let account = self.known.account(db, &it.account, commit)?;
                self.notes.add(account, &event.holder, int(sequence));
            }
            Event::AssignmentFulfilled(event) => change(event.assignment, To::Fulfilled(true)),
            Event::FulfilmentWithdrawn(event) => change(event.assignment, To::Fulfilled(false)),
            Event::AssignmentDescribed(event) => {
                let redirect_to = event.redirect_to.as_ref().map(|it| it.as_str().to_owned());
                let metadata = event.metadata.as_ref().map(|it| it.as_str().to_owned());
                change(event.assignment, To::Described(redirect_to, metadata));
            }
            Event::AssignmentRevoked(event) => {
                change(event.assignment, To::Revoked(commit.header.at));
            }
        }
        Ok(())
    }

    fn assigned(
        &mut self,
        db: &Connection,
        commit: &Commit,
        record: &Record,
        it: &SeatAssigned,
    ) -> Result<(), Error> {
        let load = |account| load(db, account, &it.license);
        let (account, license) =
            self.known.license(db, &record.account, &it.license, commit, load)?;
        let holder = holder_key(&it.holder);
        self.notes.add(account, &it.holder, int(commit.sequence));
        let sql =
            "INSERT INTO assignments (number, assignment, account, license, holder, since, at,
                       active, fulfilled, redirect_to, metadata)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
        db.prepare_cached(sql)?.execute(params![
            int(it.number),
            it.assignment.0.as_bytes(),
            account,
            *license,
            holder,
            int(commit.sequence),
            record.at.millis(),
            it.active,
            it.fulfilled,
            it.redirect_to.as_ref().map(|it| it.as_str()),
            it.metadata.as_ref().map(|it| it.as_str())
        ])?;
        self.holders.push((account, holder, int(it.number)));
        Ok(())
    }
}

fn load(db: &Connection, account: i64, license: &LicenseId) -> Result<Option<i64>, Error> {
    let sql = "SELECT id FROM licenses WHERE account = ?1 AND license = ?2";
    let mut statement = db.prepare_cached(sql)?;
    Ok(statement.query_row(params![account, license.as_str()], |row| row.get(0)).optional()?)
}

impl Change {
    fn write(&self, db: &Connection) -> Result<(), Error> {
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

    /// Keeps how an assignment was before this commit: once a commit, and not if it was not there.
    fn keep_state(&self, db: &Connection) -> Result<(), Error> {
        let sql = "INSERT OR IGNORE INTO states
                   SELECT number, ?2, active, fulfilled, redirect_to, metadata FROM assignments
                   WHERE assignment = ?1 AND since < ?2";
        let row = params![self.assignment.0.as_bytes(), int(self.sequence)];
        db.prepare_cached(sql)?.execute(row)?;
        Ok(())
    }
}

const ACTIVATE: &str = "UPDATE assignments SET active = ?2 WHERE assignment = ?1 AND over = 0";

const FULFIL: &str = "UPDATE assignments SET fulfilled = ?2 WHERE assignment = ?1 AND over = 0";

const DESCRIBE: &str = "UPDATE assignments SET redirect_to = ?2, metadata = ?3
                        WHERE assignment = ?1 AND over = 0";

const REVOKE: &str = "UPDATE assignments SET over = 1, until = ?2, revoked_at = ?3
                      WHERE assignment = ?1 AND over = 0";
