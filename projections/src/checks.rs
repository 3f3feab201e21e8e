//! The read model of checks: may this holder use this product, now or then?
//!
//! Everything the question needs is in this one file. A verdict is derived, never stored.

mod queries;
mod verdict;

use events::event::{Assigned, LicenseAllocated, WindowChanged};
use events::wire::{Commit, Record};
use events::{AccountId, AssignmentId, Event, LicenseId, Moment};
use rusqlite::{Connection, OptionalExtension, params};

use crate::as_of::int;
use crate::emails::{self, Notes, holder_key};
use crate::error::Error;
use crate::known::{self, Known};
use crate::state::LicenseState;
use crate::store::{Feed, ReadModel, Writer};

pub use queries::{Question, check, check_many};
pub use verdict::{Code, Ended, Ground, Verdict};

/// The model.
pub static MODEL: ReadModel = ReadModel {
    name: "checks",
    version: 1,
    schema: &[known::ACCOUNTS, emails::SCHEMA, SCHEMA],
    feed: Feed::Commits(|| Box::<Checks>::default()),
};

/// `held_seats` has a row from each sequence on at which what a holder has of a license changed,
/// so the last row up to a sequence is how it was then: one descent, and nothing to update.
/// `licenses` says how a license is since `changed`, `versions` how it was from each sequence on.
const SCHEMA: &str = "
    CREATE TABLE products (
        id      INTEGER PRIMARY KEY,
        account INTEGER NOT NULL,
        product TEXT    NOT NULL,
        since   INTEGER NOT NULL,
        UNIQUE (account, product)
    ) STRICT;

    CREATE TABLE licenses (
        id        INTEGER PRIMARY KEY,
        account   INTEGER NOT NULL,
        license   TEXT    NOT NULL,
        product   INTEGER NOT NULL,
        since     INTEGER NOT NULL,
        changed   INTEGER NOT NULL,
        state     INTEGER NOT NULL CHECK (state BETWEEN 0 AND 2),
        starts_at INTEGER,
        ends_at   INTEGER,
        UNIQUE (account, license)
    ) STRICT;

    CREATE TABLE versions (
        license   INTEGER NOT NULL,
        since     INTEGER NOT NULL,
        state     INTEGER NOT NULL,
        starts_at INTEGER,
        ends_at   INTEGER,
        PRIMARY KEY (license, since)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE held_seats (
        account    INTEGER NOT NULL,
        holder     TEXT    NOT NULL,
        product    INTEGER NOT NULL,
        license    INTEGER NOT NULL,
        since      INTEGER NOT NULL,
        status     INTEGER NOT NULL CHECK (status BETWEEN 0 AND 2),
        assignment BLOB    NOT NULL,
        assigned   INTEGER NOT NULL,
        at         INTEGER NOT NULL,
        PRIMARY KEY (account, holder, product, license, since)
    ) STRICT, WITHOUT ROWID;";

/// What a holder has of a license from a sequence on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    /// Nothing any more. `at` of the row is when it ended.
    Ended = 0,
    /// An assignment that holds no seat. `at` of the row is when it was made.
    Inactive = 1,
    /// An assignment that holds a seat. `at` of the row is when it was made.
    Active = 2,
}

struct License {
    id: i64,
    product: i64,
}

/// Changes to `held_seats` and addresses are held back until the end of a batch and then made in
/// the order of the tables: holders come in any order, and neighbours share a page.
#[derive(Default)]
struct Checks {
    known: Known<License>,
    changes: Vec<Change>,
    notes: Notes,
}

/// A change to what a holder has of a license.
struct Change {
    account: i64,
    holder: String,
    product: i64,
    license: i64,
    sequence: u64,
    at: Moment,
    assignment: AssignmentId,
    to: To,
}

enum To {
    /// Another assignment than before, or none.
    New(Status),
    /// The same assignment goes on, with or without a seat.
    Same(Status),
}

impl Writer for Checks {
    fn commit(&mut self, db: &Connection, commit: &Commit) -> Result<(), Error> {
        commit.records.iter().try_for_each(|record| self.record(db, commit, record))
    }

    fn flush(&mut self, db: &Connection) -> Result<(), Error> {
        self.notes.flush(db)?;
        // Stable: what a holder has of a license changes in the order of the log.
        self.changes.sort_by(|a, b| a.place().cmp(&b.place()));
        self.changes.drain(..).try_for_each(|it| it.write(db))?;
        self.known.trim();
        Ok(())
    }

    fn forget(&mut self) {
        self.known.forget();
        self.changes.clear();
        self.notes.forget();
    }
}

impl Checks {
    fn record(&mut self, db: &Connection, commit: &Commit, it: &Record) -> Result<(), Error> {
        let license = it.event.license();
        if let Event::LicenseAllocated(event) = &it.event {
            return self.allocated(db, commit, &it.account, event);
        }
        let load = |account| load(db, account, license);
        let (account, known) = self.known.license(db, &it.account, license, commit, load)?;
        let (id, product) = (known.id, known.product);
        let change = |it: &Assigned, to| Change {
            account,
            holder: holder_key(&it.holder),
            product,
            license: id,
            sequence: commit.sequence,
            at: commit.header.at,
            assignment: it.assignment,
            to,
        };
        match &it.event {
            Event::LicenseAllocated(_)
            | Event::LicenseDescribed(_)
            | Event::QuantityChanged(_)
            | Event::AssignmentFulfilled(_)
            | Event::FulfilmentWithdrawn(_)
            | Event::AssignmentDescribed(_) => {}
            Event::WindowChanged(it) => move_window(db, commit, id, it)?,
            Event::LicenseSuspended(_) => turn(db, commit, id, LicenseState::Suspended)?,
            Event::LicenseReinstated(_) => turn(db, commit, id, LicenseState::Active)?,
            Event::LicenseRetired(_) => turn(db, commit, id, LicenseState::Retired)?,
            Event::SeatAssigned(it) => {
                let to = To::New(if it.active { Status::Active } else { Status::Inactive });
                let (holder, assignment) = (holder_key(&it.holder), it.assignment);
                let (sequence, at) = (commit.sequence, commit.header.at);
                self.notes.add(account, &it.holder, int(sequence));
                let license = id;
                self.changes.push(Change {
                    account,
                    holder,
                    product,
                    license,
                    sequence,
                    at,
                    assignment,
                    to,
                });
            }
            Event::AssignmentDeactivated(it) => {
                self.changes.push(change(it, To::Same(Status::Inactive)));
            }
            Event::AssignmentReactivated(it) => {
                self.notes.add(account, &it.holder, int(commit.sequence));
                self.changes.push(change(it, To::Same(Status::Active)));
            }
            Event::AssignmentRevoked(it) => self.changes.push(change(it, To::New(Status::Ended))),
        }
        Ok(())
    }

    fn allocated(
        &mut self,
        db: &Connection,
        commit: &Commit,
        name: &AccountId,
        it: &LicenseAllocated,
    ) -> Result<(), Error> {
        let account = self.known.account(db, name, commit)?;
        let sequence = int(commit.sequence);
        let product = product(db, account, it.product.as_str(), sequence)?;
        let sql = "INSERT INTO licenses
                   (account, license, product, since, changed, state, starts_at, ends_at)
                   VALUES (?1, ?2, ?3, ?4, ?4, ?5, ?6, ?7)";
        let id = db.prepare_cached(sql)?.insert(params![
            account,
            it.license.as_str(),
            product,
            sequence,
            LicenseState::Active,
            it.starts_at.map(Moment::millis),
            it.ends_at.map(Moment::millis)
        ])?;
        keep_version(db, id)?;
        self.known.add(name, &it.license, License { id, product });
        Ok(())
    }
}

fn product(db: &Connection, account: i64, product: &str, since: i64) -> Result<i64, Error> {
    let sql = "SELECT id FROM products WHERE account = ?1 AND product = ?2";
    let found = db.prepare_cached(sql)?.query_row(params![account, product], |row| row.get(0));
    if let Some(id) = found.optional()? {
        return Ok(id);
    }
    let sql = "INSERT INTO products (account, product, since) VALUES (?1, ?2, ?3)";
    Ok(db.prepare_cached(sql)?.insert(params![account, product, since])?)
}

fn load(db: &Connection, account: i64, license: &LicenseId) -> Result<Option<License>, Error> {
    let sql = "SELECT id, product FROM licenses WHERE account = ?1 AND license = ?2";
    let mut statement = db.prepare_cached(sql)?;
    let found = statement.query_row(params![account, license.as_str()], |row| {
        Ok(License { id: row.get(0)?, product: row.get(1)? })
    });
    Ok(found.optional()?)
}

fn move_window(
    db: &Connection,
    commit: &Commit,
    license: i64,
    it: &WindowChanged,
) -> Result<(), Error> {
    let sql = "UPDATE licenses SET changed = ?2, starts_at = ?3, ends_at = ?4 WHERE id = ?1";
    let (starts_at, ends_at) = (it.starts_at.map(Moment::millis), it.ends_at.map(Moment::millis));
    db.prepare_cached(sql)?.execute(params![license, int(commit.sequence), starts_at, ends_at])?;
    keep_version(db, license)
}

fn turn(db: &Connection, commit: &Commit, license: i64, state: LicenseState) -> Result<(), Error> {
    let sql = "UPDATE licenses SET changed = ?2, state = ?3 WHERE id = ?1";
    db.prepare_cached(sql)?.execute(params![license, int(commit.sequence), state])?;
    keep_version(db, license)
}

/// Keeps how the license is from its last change on; the last one in a commit is what counts.
fn keep_version(db: &Connection, license: i64) -> Result<(), Error> {
    let sql = "INSERT OR REPLACE INTO versions
               SELECT id, changed, state, starts_at, ends_at FROM licenses WHERE id = ?1";
    db.prepare_cached(sql)?.execute([license])?;
    Ok(())
}

impl Change {
    fn place(&self) -> (i64, &str, i64, i64) {
        (self.account, &self.holder, self.product, self.license)
    }

    /// In one commit an assignment may end and another one begin: the last one is what counts.
    fn write(&self, db: &Connection) -> Result<(), Error> {
        let sequence = int(self.sequence);
        let changed = match self.to {
            To::New(status) => {
                let sql = "INSERT OR REPLACE INTO held_seats
                           VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?5, ?8)";
                db.prepare_cached(sql)?.execute(params![
                    self.account,
                    self.holder,
                    self.product,
                    self.license,
                    sequence,
                    status as i64,
                    self.assignment.0.as_bytes(),
                    self.at.millis()
                ])?
            }
            To::Same(status) => {
                let sql = "INSERT OR REPLACE INTO held_seats
                           SELECT account, holder, product, license, ?5, ?6, assignment, assigned, at
                           FROM held_seats
                           WHERE account = ?1 AND holder = ?2 AND product = ?3 AND license = ?4
                           ORDER BY since DESC LIMIT 1";
                db.prepare_cached(sql)?.execute(params![
                    self.account,
                    self.holder,
                    self.product,
                    self.license,
                    sequence,
                    status as i64
                ])?
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
}
