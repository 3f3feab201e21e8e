//! The read model of assignments: who has, or had, a seat of what.

mod queries;

use events::event::{Assigned, AssignmentDescribed, SeatAssigned};
use events::wire::{Commit, Record};
use events::{AssignmentId, Event, LicenseId};
use rusqlite::{Connection, OptionalExtension, params};

use crate::as_of::int;
use crate::emails::{self, holder_key};
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
/// index, so that listing the live ones does not wade through them.
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
    CREATE INDEX assignments_of_holder ON assignments (account, holder, number);

    CREATE TABLE states (
        number      INTEGER NOT NULL,
        until       INTEGER NOT NULL,
        active      INTEGER NOT NULL,
        fulfilled   INTEGER NOT NULL,
        redirect_to TEXT,
        metadata    TEXT,
        PRIMARY KEY (number, until)
    ) STRICT, WITHOUT ROWID;";

#[derive(Default)]
struct Assignments {
    /// Licenses as their numbers.
    known: Known<i64>,
}

impl Writer for Assignments {
    fn commit(&mut self, db: &Connection, commit: &Commit) -> Result<(), Error> {
        commit.records.iter().try_for_each(|record| self.record(db, commit, record))
    }

    fn flush(&mut self, _: &Connection) -> Result<(), Error> {
        self.known.trim();
        Ok(())
    }

    fn forget(&mut self) {
        self.known.forget();
    }
}

impl Assignments {
    fn record(&mut self, db: &Connection, commit: &Commit, it: &Record) -> Result<(), Error> {
        match &it.event {
            Event::LicenseAllocated(event) => {
                let account = self.known.account(db, &it.account, commit)?;
                let sql = "INSERT INTO licenses (account, license, product) VALUES (?1, ?2, ?3)";
                let row = params![account, event.license.as_str(), event.product.as_str()];
                let id = db.prepare_cached(sql)?.insert(row)?;
                self.known.add(&it.account, &event.license, id);
                Ok(())
            }
            // Nothing of a license is told here but its name and product, and these never change.
            Event::LicenseDescribed(_)
            | Event::QuantityChanged(_)
            | Event::WindowChanged(_)
            | Event::LicenseSuspended(_)
            | Event::LicenseReinstated(_)
            | Event::LicenseRetired(_) => Ok(()),
            Event::SeatAssigned(event) => self.assigned(db, commit, it, event),
            Event::AssignmentDeactivated(event) => change(db, commit, event, "active = 0"),
            Event::AssignmentReactivated(event) => {
                let account = self.known.account(db, &it.account, commit)?;
                emails::note(db, account, &event.holder, int(commit.sequence))?;
                change(db, commit, event, "active = 1")
            }
            Event::AssignmentFulfilled(event) => change(db, commit, event, "fulfilled = 1"),
            Event::FulfilmentWithdrawn(event) => change(db, commit, event, "fulfilled = 0"),
            Event::AssignmentDescribed(event) => describe(db, commit, event),
            Event::AssignmentRevoked(event) => revoke(db, commit, event),
        }
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
        emails::note(db, account, &it.holder, int(commit.sequence))?;
        let sql =
            "INSERT INTO assignments (number, assignment, account, license, holder, since, at,
                       active, fulfilled, redirect_to, metadata)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
        db.prepare_cached(sql)?.execute(params![
            int(it.number),
            it.assignment.0.as_bytes(),
            account,
            *license,
            holder_key(&it.holder),
            int(commit.sequence),
            record.at.millis(),
            it.active,
            it.fulfilled,
            it.redirect_to.as_ref().map(|it| it.as_str()),
            it.metadata.as_ref().map(|it| it.as_str())
        ])?;
        Ok(())
    }
}

fn load(db: &Connection, account: i64, license: &LicenseId) -> Result<Option<i64>, Error> {
    let sql = "SELECT id FROM licenses WHERE account = ?1 AND license = ?2";
    let mut statement = db.prepare_cached(sql)?;
    Ok(statement.query_row(params![account, license.as_str()], |row| row.get(0)).optional()?)
}

fn change(db: &Connection, commit: &Commit, it: &Assigned, set: &str) -> Result<(), Error> {
    keep_state(db, commit, it.assignment)?;
    let sql = format!("UPDATE assignments SET {set} WHERE assignment = ?1 AND over = 0");
    let changed = db.prepare_cached(&sql)?.execute([it.assignment.0.as_bytes()])?;
    expect_one(changed, commit, it.assignment)
}

fn describe(db: &Connection, commit: &Commit, it: &AssignmentDescribed) -> Result<(), Error> {
    keep_state(db, commit, it.assignment)?;
    let sql = "UPDATE assignments SET redirect_to = ?2, metadata = ?3
               WHERE assignment = ?1 AND over = 0";
    let changed = db.prepare_cached(sql)?.execute(params![
        it.assignment.0.as_bytes(),
        it.redirect_to.as_ref().map(|it| it.as_str()),
        it.metadata.as_ref().map(|it| it.as_str())
    ])?;
    expect_one(changed, commit, it.assignment)
}

fn revoke(db: &Connection, commit: &Commit, it: &Assigned) -> Result<(), Error> {
    let sql = "UPDATE assignments SET over = 1, until = ?2, revoked_at = ?3
               WHERE assignment = ?1 AND over = 0";
    let row = params![it.assignment.0.as_bytes(), int(commit.sequence), commit.header.at.millis()];
    expect_one(db.prepare_cached(sql)?.execute(row)?, commit, it.assignment)
}

/// Keeps how an assignment was before this commit: once a commit, and not if it was not there.
fn keep_state(db: &Connection, commit: &Commit, it: AssignmentId) -> Result<(), Error> {
    let sql = "INSERT OR IGNORE INTO states
               SELECT number, ?2, active, fulfilled, redirect_to, metadata FROM assignments
               WHERE assignment = ?1 AND since < ?2";
    db.prepare_cached(sql)?.execute(params![it.0.as_bytes(), int(commit.sequence)])?;
    Ok(())
}

fn expect_one(changed: usize, commit: &Commit, it: AssignmentId) -> Result<(), Error> {
    match changed {
        1 => Ok(()),
        _ => Err(Error::inconsistent(commit.sequence, format!("assignment {it} is not live"))),
    }
}
