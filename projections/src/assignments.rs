//! The read model of assignments: who has, or had, a seat of what.

mod changes;
mod filter;
mod numbered;
mod queries;

use events::event::{Ground, SeatAssigned};
use events::wire::{Commit, Record};
use events::{Event, LicenseId, Moment};
use rusqlite::{Connection, OptionalExtension, params};

use crate::as_of::int;
use crate::emails::{self, Notes, holder_key};
use crate::error::Error;
use crate::grounds;
use crate::known::{self, Known};
use crate::store::{Feed, ReadModel, Writer};

use changes::{Change, To, list_ground};
pub use filter::{Filter, GroundKind};
pub use numbered::{By, Wanted, account_of, changed, fulfilment, held, numbered};
pub use queries::{Assignment, Who, by_id, by_number, of_account, of_holder, of_license};

/// The model.
pub static MODEL: ReadModel = ReadModel {
    name: "assignments",
    version: 2,
    schema: &[known::ACCOUNTS, emails::SCHEMA, SCHEMA],
    feed: Feed::Commits(|| Box::<Assignments>::default()),
};

/// `assignments` says how each is now, or was when it ended; `states` how it was before, each row
/// up to a sequence, exclusive. Most have no row there. `over` keeps the ended ones apart in the
/// index, so that listing the live ones does not wade through them. `grounds` is nothing for `direct`
/// alone.
///
/// `holders` lists the assignments that each holder has or had; it is a table of its own so that it
/// can be written in its own order. `group_seats` lists what each group gives or gave, `orphans` what
/// is or was one: where to look, not how it was then.
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
        grounds     TEXT,
        redirect_to TEXT,
        metadata    TEXT,
        ends_at     INTEGER,
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

    CREATE TABLE group_seats (
        account INTEGER NOT NULL,
        grp     TEXT    NOT NULL,
        license INTEGER NOT NULL,
        number  INTEGER NOT NULL,
        PRIMARY KEY (account, grp, license, number)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE orphans (
        account INTEGER NOT NULL,
        license INTEGER NOT NULL,
        number  INTEGER NOT NULL,
        PRIMARY KEY (account, license, number)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE states (
        number      INTEGER NOT NULL,
        until       INTEGER NOT NULL,
        holder      TEXT    NOT NULL,
        active      INTEGER NOT NULL,
        fulfilled   INTEGER NOT NULL,
        grounds     TEXT,
        redirect_to TEXT,
        metadata    TEXT,
        ends_at     INTEGER,
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

impl Writer for Assignments {
    fn commit(&mut self, db: &Connection, commit: &Commit) -> Result<(), Error> {
        commit.records.iter().try_for_each(|record| self.record(db, commit, record))
    }

    fn flush(&mut self, db: &Connection) -> Result<(), Error> {
        // Stable: what happens to an assignment happens in the order of the log.
        self.changes.sort_by_key(|it| it.assignment);
        self.changes.drain(..).try_for_each(|it| it.write(db))?;
        self.holders.sort_unstable();
        let mut insert = db.prepare_cached("INSERT OR IGNORE INTO holders VALUES (?1, ?2, ?3)")?;
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
    #[expect(clippy::too_many_lines, reason = "one line an event, so that none is forgotten")]
    fn record(&mut self, db: &Connection, commit: &Commit, it: &Record) -> Result<(), Error> {
        let sequence = commit.sequence;
        self.known.account(db, &it.account, commit)?;
        let mut change = |assignment, to| self.changes.push(Change { assignment, sequence, to });
        match &it.event {
            Event::LicenseAllocated(event) => {
                let account = self.known.account(db, &it.account, commit)?;
                let sql = "INSERT INTO licenses (account, license, product) VALUES (?1, ?2, ?3)";
                let row = params![account, event.license.as_str(), event.product.as_str()];
                let id = db.prepare_cached(sql)?.insert(row)?;
                self.known.add(&it.account, &event.license, id);
            }
            Event::GroundAdded(event) => change(event.assignment, To::With(event.ground.clone())),
            Event::GroundRemoved(event) => {
                change(event.assignment, To::Without(event.ground.clone()));
            }
            Event::AssignmentTransferred(event) => {
                change(event.assignment, To::Transferred(holder_key(&event.holder)));
            }
            Event::HolderRegistered(event) => {
                let account = self.known.account(db, &it.account, commit)?;
                self.notes.add(account, &event.holder, int(sequence));
            }
            Event::MemberAdded(event) => {
                let account = self.known.account(db, &it.account, commit)?;
                self.notes.add(account, &event.holder, int(sequence));
            }
            Event::HolderLinked(event) => {
                let account = self.known.account(db, &it.account, commit)?;
                self.notes.link(account, event, int(sequence));
            }
            // Nothing of a license is told here but its name and product, and these never change.
            // What follows from the others is said by events about assignments.
            Event::LicenseDescribed(_)
            | Event::QuantityChanged(_)
            | Event::WindowChanged(_)
            | Event::LicenseSuspended(_)
            | Event::LicenseReinstated(_)
            | Event::LicenseRetired(_)
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
            Event::AssignmentEndSet(event) => change(event.assignment, To::Ends(event.ends_at)),
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
                       active, fulfilled, grounds, redirect_to, metadata, ends_at)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)";
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
            grounds::text(&it.grounds),
            it.redirect_to.as_ref().map(|it| it.as_str()),
            it.metadata.as_ref().map(|it| it.as_str()),
            it.ends_at.map(Moment::millis)
        ])?;
        self.holders.push((account, holder, int(it.number)));
        for ground in it.grounds.iter().filter(|it| **it != Ground::Direct) {
            list_ground(db, it.assignment, ground)?;
        }
        Ok(())
    }
}

fn load(db: &Connection, account: i64, license: &LicenseId) -> Result<Option<i64>, Error> {
    let sql = "SELECT id FROM licenses WHERE account = ?1 AND license = ?2";
    let mut statement = db.prepare_cached(sql)?;
    Ok(statement.query_row(params![account, license.as_str()], |row| row.get(0)).optional()?)
}
