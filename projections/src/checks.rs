//! The read model of checks: may this holder use this product, now or then?
//!
//! Everything the question needs is in this one file. A verdict is derived, never stored.

mod queries;
mod verdict;

use events::event::{Assigned, LicenseAllocated, SeatAssigned};
use events::wire::{Commit, Record};
use events::{AccountId, Event, LicenseId, Moment};
use rusqlite::{Connection, OptionalExtension, params};

use crate::as_of::int;
use crate::emails::{self, holder_key};
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

/// `entitlements` has a row from each sequence on at which what a holder has of a license changed,
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

    CREATE TABLE entitlements (
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

#[derive(Default)]
struct Checks {
    known: Known<License>,
}

impl Writer for Checks {
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

/// Where an assignment stands.
struct Place {
    account: i64,
    product: i64,
    license: i64,
}

impl Checks {
    fn record(&mut self, db: &Connection, commit: &Commit, it: &Record) -> Result<(), Error> {
        let license = it.event.license();
        if let Event::LicenseAllocated(event) = &it.event {
            return self.allocated(db, commit, &it.account, event);
        }
        let load = |account| load(db, account, license);
        let (account, known) = self.known.license(db, &it.account, license, commit, load)?;
        let place = Place { account, product: known.product, license: known.id };
        match &it.event {
            Event::LicenseAllocated(_)
            | Event::LicenseDescribed(_)
            | Event::QuantityChanged(_)
            | Event::AssignmentFulfilled(_)
            | Event::FulfilmentWithdrawn(_)
            | Event::AssignmentDescribed(_) => Ok(()),
            Event::WindowChanged(it) => {
                let (starts_at, ends_at) =
                    (it.starts_at.map(Moment::millis), it.ends_at.map(Moment::millis));
                let sql = "UPDATE licenses SET changed = ?2, starts_at = ?3, ends_at = ?4
                           WHERE id = ?1";
                let row = params![place.license, int(commit.sequence), starts_at, ends_at];
                db.prepare_cached(sql)?.execute(row)?;
                keep_version(db, place.license)
            }
            Event::LicenseSuspended(_) => turn(db, commit, &place, LicenseState::Suspended),
            Event::LicenseReinstated(_) => turn(db, commit, &place, LicenseState::Active),
            Event::LicenseRetired(_) => turn(db, commit, &place, LicenseState::Retired),
            Event::SeatAssigned(it) => assigned(db, commit, &place, it),
            Event::AssignmentDeactivated(it) => change(db, commit, &place, it, Status::Inactive),
            Event::AssignmentReactivated(it) => {
                emails::note(db, account, &it.holder, int(commit.sequence))?;
                change(db, commit, &place, it, Status::Active)
            }
            Event::AssignmentRevoked(it) => revoked(db, commit, &place, it),
        }
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

fn turn(db: &Connection, commit: &Commit, place: &Place, state: LicenseState) -> Result<(), Error> {
    let sql = "UPDATE licenses SET changed = ?2, state = ?3 WHERE id = ?1";
    db.prepare_cached(sql)?.execute(params![place.license, int(commit.sequence), state])?;
    keep_version(db, place.license)
}

/// Keeps how the license is from its last change on; the last one in a commit is what counts.
fn keep_version(db: &Connection, license: i64) -> Result<(), Error> {
    let sql = "INSERT OR REPLACE INTO versions
               SELECT id, changed, state, starts_at, ends_at FROM licenses WHERE id = ?1";
    db.prepare_cached(sql)?.execute([license])?;
    Ok(())
}

/// In one commit an assignment may end and another one begin: the last one is what counts.
const ENTITLE: &str = "INSERT OR REPLACE INTO entitlements
                       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";

fn assigned(
    db: &Connection,
    commit: &Commit,
    place: &Place,
    it: &SeatAssigned,
) -> Result<(), Error> {
    let sequence = int(commit.sequence);
    emails::note(db, place.account, &it.holder, sequence)?;
    let status = if it.active { Status::Active } else { Status::Inactive };
    db.prepare_cached(ENTITLE)?.execute(params![
        place.account,
        holder_key(&it.holder),
        place.product,
        place.license,
        sequence,
        status as i64,
        it.assignment.0.as_bytes(),
        sequence,
        commit.header.at.millis()
    ])?;
    Ok(())
}

fn revoked(db: &Connection, commit: &Commit, place: &Place, it: &Assigned) -> Result<(), Error> {
    let sequence = int(commit.sequence);
    db.prepare_cached(ENTITLE)?.execute(params![
        place.account,
        holder_key(&it.holder),
        place.product,
        place.license,
        sequence,
        Status::Ended as i64,
        it.assignment.0.as_bytes(),
        sequence,
        commit.header.at.millis()
    ])?;
    Ok(())
}

/// The same assignment goes on, with or without a seat.
fn change(
    db: &Connection,
    commit: &Commit,
    place: &Place,
    it: &Assigned,
    status: Status,
) -> Result<(), Error> {
    let sql = "INSERT OR REPLACE INTO entitlements
               SELECT account, holder, product, license, ?5, ?6, assignment, assigned, at
               FROM entitlements
               WHERE account = ?1 AND holder = ?2 AND product = ?3 AND license = ?4
               ORDER BY since DESC LIMIT 1";
    let changed = db.prepare_cached(sql)?.execute(params![
        place.account,
        holder_key(&it.holder),
        place.product,
        place.license,
        int(commit.sequence),
        status as i64
    ])?;
    match changed {
        1 => Ok(()),
        _ => {
            let reason = format!("assignment {} is not live", it.assignment);
            Err(Error::inconsistent(commit.sequence, reason))
        }
    }
}
