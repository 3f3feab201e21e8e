//! The read model of checks: may this holder use this product, now or then?
//!
//! Everything the question needs is in this one file. A verdict is derived, never stored.

mod anywhere;
mod changes;
mod queries;
mod verdict;

use events::account::LicenseState;
use events::command::GraceDays;
use events::event::{
    Assigned, AssignmentTransferred, LicenseAllocated, SeatAssigned, WindowChanged,
};
use events::wire::{Commit, Record};
use events::{AccountId, AssignmentId, Event, Holder, LicenseId, Moment};
use rusqlite::{Connection, OptionalExtension, params};

use crate::as_of::int;
use crate::emails::{self, Notes, holder_key};
use crate::error::Error;
use crate::grounds;
use crate::known::{self, Known};
use crate::state;
use crate::store::{Feed, ReadModel, Writer};

pub use anywhere::anywhere;
use changes::{Change, To, transfer};
pub use queries::{Question, check, check_many};
pub use verdict::{Code, Ended, Ground, Verdict};

/// The model.
pub static MODEL: ReadModel = ReadModel {
    name: "checks",
    version: 4,
    schema: &[known::ACCOUNTS, emails::SCHEMA, SCHEMA],
    feed: Feed::Commits(|| Box::<Checks>::default()),
};

/// `held_seats` has a row from each sequence on at which what a holder has of a license changed,
/// so the last row up to a sequence is how it was then: one descent, and nothing to update. `grounds`
/// is nothing for `direct` alone. `until` is when what is held by name ends.
/// `licenses` says how a license is since `changed`, `versions` how it was from each sequence on. When
/// its grace ends is kept as a moment, so that a check only compares.
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
        grace_ends_at INTEGER,
        UNIQUE (account, license)
    ) STRICT;

    CREATE TABLE versions (
        license   INTEGER NOT NULL,
        since     INTEGER NOT NULL,
        state     INTEGER NOT NULL,
        starts_at INTEGER,
        ends_at   INTEGER,
        grace_ends_at INTEGER,
        PRIMARY KEY (license, since)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE held_seats (
        account    INTEGER NOT NULL,
        holder     TEXT    NOT NULL,
        product    INTEGER NOT NULL,
        license    INTEGER NOT NULL,
        since      INTEGER NOT NULL,
        status     INTEGER NOT NULL CHECK (status BETWEEN 0 AND 3),
        assignment BLOB    NOT NULL,
        assigned   INTEGER NOT NULL,
        at         INTEGER NOT NULL,
        grounds    TEXT,
        until      INTEGER,
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
    /// Nothing any more: what was here is somebody else's.
    Elsewhere = 3,
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

/// An event on its way into the file.
#[derive(Clone, Copy)]
struct At<'a> {
    db: &'a Connection,
    commit: &'a Commit,
    record: &'a Record,
}

/// An assignment, of which license, of whom.
type Named<'a> = (AssignmentId, &'a LicenseId, &'a Holder);

fn named(it: &Assigned) -> Named<'_> {
    (it.assignment, &it.license, &it.holder)
}

impl Writer for Checks {
    fn commit(&mut self, db: &Connection, commit: &Commit) -> Result<(), Error> {
        commit.records.iter().try_for_each(|record| self.record(db, commit, record))
    }

    fn flush(&mut self, db: &Connection) -> Result<(), Error> {
        self.notes.flush(db)?;
        self.write_changes(db)?;
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
    #[expect(clippy::too_many_lines, reason = "one line an event, so that none is forgotten")]
    fn record(&mut self, db: &Connection, commit: &Commit, record: &Record) -> Result<(), Error> {
        let account = self.known.account(db, &record.account, commit)?;
        let (at, since) = (At { db, commit, record }, int(commit.sequence));
        match &record.event {
            Event::LicenseAllocated(it) => self.allocated(db, commit, &record.account, it)?,
            Event::WindowChanged(it) => {
                let (_, license) = self.license(at, &it.license)?;
                move_window(db, commit, license, it)?;
            }
            Event::LicenseSuspended(it) => self.turn(at, &it.license, LicenseState::Suspended)?,
            Event::LicenseReinstated(it) => self.turn(at, &it.license, LicenseState::Active)?,
            Event::LicenseRetired(it) => self.turn(at, &it.license, LicenseState::Retired)?,
            Event::SeatAssigned(it) => {
                self.notes.add(account, &it.holder, since);
                self.assigned(at, it)?;
            }
            Event::AssignmentDeactivated(it) => {
                self.change(at, named(it), To::Same(Status::Inactive))?;
            }
            Event::AssignmentReactivated(it) => {
                self.notes.add(account, &it.holder, since);
                self.change(at, named(it), To::Same(Status::Active))?;
            }
            Event::AssignmentRevoked(it) => {
                self.change(at, named(it), To::New(Status::Ended, None, None))?;
            }
            Event::AssignmentEndSet(it) => {
                let what = (it.assignment, &it.license, &it.holder);
                self.change(at, what, To::Until(it.ends_at))?;
            }
            Event::GroundAdded(it) => {
                let what = (it.assignment, &it.license, &it.holder);
                self.change(at, what, To::With(it.ground.clone()))?;
            }
            Event::GroundRemoved(it) => {
                let what = (it.assignment, &it.license, &it.holder);
                self.change(at, what, To::Without(it.ground.clone()))?;
            }
            Event::AssignmentTransferred(it) => self.transferred(at, it)?,
            Event::HolderRegistered(it) => self.notes.add(account, &it.holder, since),
            Event::MemberAdded(it) => self.notes.add(account, &it.holder, since),
            Event::HolderLinked(it) => self.notes.link(account, it, since),
            // These change nothing that a check asks.
            Event::LicenseDescribed(_)
            | Event::QuantityChanged(_)
            | Event::AssignmentFulfilled(_)
            | Event::FulfilmentWithdrawn(_)
            | Event::AssignmentDescribed(_)
            | Event::PolicySet(_)
            | Event::OverallocationBegan(_)
            | Event::OverallocationEnded(_)
            | Event::HolderRetired(_)
            | Event::DirectSetDeclared(_)
            | Event::DirectSetCleared(_)
            | Event::GroupNamed(_)
            | Event::MemberRemoved(_)
            | Event::GroupRuleSet(_)
            | Event::GroupRuleApplied(_)
            | Event::WaitlistJoined(_)
            | Event::WaitlistLeft(_)
            | Event::LicenseStarted(_)
            | Event::LicenseEnded(_)
            | Event::GraceEnded(_)
            | Event::CommandScheduled(_)
            | Event::ScheduleCancelled(_)
            | Event::ScheduleFired(_)
            | Event::ContainerPlaced(_)
            | Event::AccountAllocationSet(_)
            | Event::TransferBegan(_)
            | Event::TransferReceived(_)
            | Event::TransferEnded(_)
            | Event::KeyCreated(_)
            | Event::KeyRevoked(_)
            | Event::KeyUsed(_) => {}
        }
        Ok(())
    }

    /// The product and the license, as numbers.
    fn license(&mut self, at: At<'_>, license: &LicenseId) -> Result<(i64, i64), Error> {
        let load = |account| load(at.db, account, license);
        let (_, known) = self.known.license(at.db, &at.record.account, license, at.commit, load)?;
        Ok((known.product, known.id))
    }

    fn turn(&mut self, at: At<'_>, license: &LicenseId, state: LicenseState) -> Result<(), Error> {
        let (_, license) = self.license(at, license)?;
        turn(at.db, at.commit, license, state)
    }

    fn assigned(&mut self, at: At<'_>, it: &SeatAssigned) -> Result<(), Error> {
        let status = if it.active { Status::Active } else { Status::Inactive };
        let to = To::New(status, grounds::text(&it.grounds), it.ends_at);
        self.change(at, (it.assignment, &it.license, &it.holder), to)
    }

    /// Notes a change to what a holder has of a license.
    fn change(&mut self, at: At<'_>, what: Named<'_>, to: To) -> Result<(), Error> {
        let change = self.place(at, what, to)?;
        self.changes.push(change);
        Ok(())
    }

    fn place(
        &mut self,
        at: At<'_>,
        (assignment, license, holder): Named<'_>,
        to: To,
    ) -> Result<Change, Error> {
        let account = self.known.account(at.db, &at.record.account, at.commit)?;
        let (product, license) = self.license(at, license)?;
        Ok(Change {
            account,
            holder: holder_key(holder),
            product,
            license,
            sequence: at.commit.sequence,
            at: at.commit.header.at,
            assignment,
            to,
        })
    }

    /// What one holder has passes to another as it is by then, so what is held back comes first.
    fn transferred(&mut self, at: At<'_>, it: &AssignmentTransferred) -> Result<(), Error> {
        self.write_changes(at.db)?;
        let to = To::New(Status::Elsewhere, None, None);
        let from = self.place(at, (it.assignment, &it.license, &it.from), to)?;
        transfer(at.db, &from, &holder_key(&it.holder))
    }

    fn write_changes(&mut self, db: &Connection) -> Result<(), Error> {
        // Stable: what a holder has of a license changes in the order of the log.
        self.changes.sort_by(|a, b| a.place().cmp(&b.place()));
        self.changes.drain(..).try_for_each(|it| it.write(db))
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
                   (account, license, product, since, changed, state, starts_at, ends_at,
                    grace_ends_at)
                   VALUES (?1, ?2, ?3, ?4, ?4, ?5, ?6, ?7, ?8)";
        let id = db.prepare_cached(sql)?.insert(params![
            account,
            it.license.as_str(),
            product,
            sequence,
            state::number(LicenseState::Active),
            it.starts_at.map(Moment::millis),
            it.ends_at.map(Moment::millis),
            grace_ends_at(it.ends_at, it.grace_days)
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
    let sql = "UPDATE licenses SET changed = ?2, starts_at = ?3, ends_at = ?4, grace_ends_at = ?5
               WHERE id = ?1";
    let (starts_at, ends_at) = (it.starts_at.map(Moment::millis), it.ends_at.map(Moment::millis));
    let grace_ends_at = grace_ends_at(it.ends_at, it.grace_days);
    let row = params![license, int(commit.sequence), starts_at, ends_at, grace_ends_at];
    db.prepare_cached(sql)?.execute(row)?;
    keep_version(db, license)
}

/// When the grace ends, as the rules count it.
fn grace_ends_at(ends_at: Option<Moment>, days: Option<GraceDays>) -> Option<i64> {
    ends_at.zip(days).map(|(at, days)| days.after(at).millis())
}

fn turn(db: &Connection, commit: &Commit, license: i64, state: LicenseState) -> Result<(), Error> {
    let sql = "UPDATE licenses SET changed = ?2, state = ?3 WHERE id = ?1";
    db.prepare_cached(sql)?.execute(params![
        license,
        int(commit.sequence),
        state::number(state)
    ])?;
    keep_version(db, license)
}

/// Keeps how the license is from its last change on; the last one in a commit is what counts.
fn keep_version(db: &Connection, license: i64) -> Result<(), Error> {
    let sql = "INSERT OR REPLACE INTO versions
               SELECT id, changed, state, starts_at, ends_at, grace_ends_at FROM licenses
               WHERE id = ?1";
    db.prepare_cached(sql)?.execute([license])?;
    Ok(())
}
