//! The read model of the directory: who is known to an account, its groups and what they give, and
//! what is decided.

mod groups;
mod holders;
mod queries;

use events::event::{LicenseAllocated, PolicySet};
use events::wire::{Commit, Record};
use events::{Event, LicenseId};
use rusqlite::{Connection, OptionalExtension, params};

use crate::as_of::int;
use crate::emails::{self, Notes};
use crate::error::Error;
use crate::known::{self, Known};
use crate::rows::to_json;
use crate::store::{Feed, ReadModel, Writer};
use crate::waitlists::line;
use groups::Given;

pub use queries::{
    Decided, DirectSet, Giving, Granted, Group, HolderFilter, KnownHolder, Member,
    decided_over_time, giving, group, group_by_number, groups, holder, holders, members, person,
    policies,
};

/// The model.
pub static MODEL: ReadModel = ReadModel {
    name: "directory",
    version: 4,
    schema: &[known::ACCOUNTS, emails::SCHEMA, LICENSES, HOLDERS, GROUPS],
    feed: Feed::Commits(|| Box::<Directory>::default()),
};

/// `policies` has what was decided in the order in which it was; no license stands for the account.
const LICENSES: &str = "
    CREATE TABLE licenses (
        id      INTEGER PRIMARY KEY,
        account INTEGER NOT NULL,
        license TEXT    NOT NULL,
        product TEXT    NOT NULL,
        part    INTEGER NOT NULL,
        UNIQUE (account, license)
    ) STRICT;
    CREATE INDEX licenses_of_product ON licenses (account, product);

    CREATE TABLE policies (
        id      INTEGER PRIMARY KEY,
        account INTEGER NOT NULL,
        license TEXT    NOT NULL,
        since   INTEGER NOT NULL,
        at      INTEGER NOT NULL,
        policy  TEXT    NOT NULL
    ) STRICT;
    CREATE INDEX policies_of_account ON policies (account, id);
    CREATE INDEX policies_of_license ON policies (account, license, id);";

/// `holder_versions` has a row from each sequence on at which something else was said of a holder.
const HOLDERS: &str = "
    CREATE TABLE holders (
        id      INTEGER PRIMARY KEY,
        account INTEGER NOT NULL,
        holder  TEXT    NOT NULL,
        since   INTEGER NOT NULL,
        at      INTEGER NOT NULL,
        UNIQUE (account, holder)
    ) STRICT;
    CREATE INDEX holders_of_account ON holders (account, id);

    CREATE TABLE holder_versions (
        holder       INTEGER NOT NULL,
        since        INTEGER NOT NULL,
        number       INTEGER,
        user_name    TEXT,
        display_name TEXT,
        registered   INTEGER NOT NULL,
        retired      INTEGER NOT NULL,
        linked       TEXT,
        products     TEXT,
        external     INTEGER NOT NULL,
        PRIMARY KEY (holder, since)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX holders_of_number ON holder_versions (number) WHERE number IS NOT NULL;
    CREATE INDEX holders_of_user_name ON holder_versions (user_name)
        WHERE user_name IS NOT NULL;";

/// `group_versions` has a row from each sequence on at which a group was something else, `counts` one
/// from each on at which it had more or fewer members, `leases` one from each on at which it gave
/// more or fewer seats of a license, `served` one from each on at which more or fewer members had a
/// product from it, `waiting` one from each on at which more or fewer waited for what
/// it gives: for `l` and a license, or `p` and a product. `leased` is what it gives now, assignment by assignment, because
/// an event that ends one does not say what it stood on. `over` keeps those who are no members any
/// more apart, so that listing the members does not wade through them.
const GROUPS: &str = "
    CREATE TABLE groups (
        id      INTEGER PRIMARY KEY,
        account INTEGER NOT NULL,
        name    TEXT    NOT NULL,
        number  INTEGER NOT NULL,
        since   INTEGER NOT NULL,
        at      INTEGER NOT NULL,
        UNIQUE (account, name)
    ) STRICT;

    CREATE TABLE group_versions (
        grp        INTEGER NOT NULL,
        since      INTEGER NOT NULL,
        label      TEXT,
        grants     TEXT,
        unfinished INTEGER NOT NULL,
        PRIMARY KEY (grp, since)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE members (
        grp    INTEGER NOT NULL,
        over   INTEGER NOT NULL DEFAULT 0,
        place  INTEGER NOT NULL,
        holder INTEGER NOT NULL,
        since  INTEGER NOT NULL,
        at     INTEGER NOT NULL,
        until  INTEGER NOT NULL DEFAULT 9223372036854775807,
        PRIMARY KEY (grp, over, place, holder)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX members_of_holder ON members (holder, over, grp);

    CREATE TABLE counts (
        grp     INTEGER NOT NULL,
        since   INTEGER NOT NULL,
        members INTEGER NOT NULL CHECK (members >= 0),
        PRIMARY KEY (grp, since)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE leases (
        grp     INTEGER NOT NULL,
        license INTEGER NOT NULL,
        since   INTEGER NOT NULL,
        seats   INTEGER NOT NULL CHECK (seats >= 0),
        PRIMARY KEY (grp, license, since)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE served (
        grp     INTEGER NOT NULL,
        product TEXT    NOT NULL,
        since   INTEGER NOT NULL,
        members INTEGER NOT NULL CHECK (members >= 0),
        PRIMARY KEY (grp, product, since)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE waiting (
        grp    INTEGER NOT NULL,
        line   TEXT    NOT NULL,
        since  INTEGER NOT NULL,
        places INTEGER NOT NULL CHECK (places >= 0),
        PRIMARY KEY (grp, line, since)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE leased (
        assignment BLOB    NOT NULL,
        grp        INTEGER NOT NULL,
        holder     INTEGER NOT NULL,
        license    INTEGER NOT NULL,
        PRIMARY KEY (assignment, grp)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX leased_to ON leased (holder, grp);";

/// What is written at once is written in the order of the log; addresses are held back, see
/// [`Notes`].
#[derive(Default)]
struct Directory {
    /// Licenses as their numbers.
    known: Known<i64>,
    notes: Notes,
}

/// An event on its way into the file.
#[derive(Clone, Copy)]
struct At<'a> {
    db: &'a Connection,
    account: i64,
    sequence: i64,
    /// When it was judged, in milliseconds.
    moment: i64,
}

impl At<'_> {
    fn inconsistent(&self, reason: impl ToString) -> Error {
        Error::inconsistent(u64::try_from(self.sequence).unwrap_or_default(), reason)
    }
}

impl Writer for Directory {
    fn commit(&mut self, db: &Connection, commit: &Commit) -> Result<(), Error> {
        commit.records.iter().try_for_each(|record| self.record(db, commit, record))
    }

    fn flush(&mut self, db: &Connection) -> Result<(), Error> {
        self.notes.flush(db)?;
        self.known.trim();
        Ok(())
    }

    fn forget(&mut self) {
        self.known.forget();
        self.notes.forget();
    }
}

impl Directory {
    #[expect(clippy::too_many_lines, reason = "one line an event, so that none is forgotten")]
    fn record(&mut self, db: &Connection, commit: &Commit, record: &Record) -> Result<(), Error> {
        let account = self.known.account(db, &record.account, commit)?;
        let (sequence, moment) = (int(commit.sequence), commit.header.at.millis());
        let at = At { db, account, sequence, moment };
        match &record.event {
            Event::LicenseAllocated(it) => self.allocated(at, record, it),
            Event::PolicySet(it) => decided(at, it),
            Event::SeatAssigned(it) => {
                let license = self.license(at, commit, record, &it.license)?;
                self.notes.add(account, &it.holder, sequence);
                let holder = holders::know(at, &it.holder, it.holder_number)?;
                let given = Given { assignment: it.assignment, license, holder };
                it.grounds.iter().try_for_each(|ground| groups::ground_added(at, ground, given))
            }
            Event::AssignmentReactivated(it) => {
                self.notes.add(account, &it.holder, sequence);
                holders::know(at, &it.holder, None).map(drop)
            }
            Event::AssignmentRevoked(it) => {
                let license = self.license(at, commit, record, &it.license)?;
                let holder = holders::known(at, &it.holder)?;
                groups::end_leases(at, Given { assignment: it.assignment, license, holder })
            }
            Event::GroundAdded(it) => {
                let license = self.license(at, commit, record, &it.license)?;
                let holder = holders::known(at, &it.holder)?;
                let given = Given { assignment: it.assignment, license, holder };
                groups::ground_added(at, &it.ground, given)
            }
            Event::GroundRemoved(it) => {
                let license = self.license(at, commit, record, &it.license)?;
                let holder = holders::known(at, &it.holder)?;
                let given = Given { assignment: it.assignment, license, holder };
                groups::ground_removed(at, &it.ground, given)
            }
            Event::HolderRegistered(it) => {
                self.notes.add(account, &it.holder, sequence);
                holders::registered(at, it)
            }
            Event::HolderLinked(it) => {
                self.notes.link(account, it, sequence);
                holders::linked(at, it)
            }
            Event::HolderRetired(it) => holders::retired(at, &it.holder),
            Event::DirectSetDeclared(it) => holders::declared(at, it),
            Event::DirectSetCleared(it) => holders::cleared(at, &it.holder),
            Event::GroupNamed(it) => groups::named(at, it),
            Event::MemberAdded(it) => {
                self.notes.add(account, &it.holder, sequence);
                holders::know(at, &it.holder, it.holder_number)?;
                groups::added(at, it)
            }
            Event::MemberRemoved(it) => groups::removed(at, it),
            Event::GroupRuleSet(it) => groups::rule_set(at, it),
            Event::GroupRuleApplied(it) => groups::rule_applied(at, &it.group),
            Event::WaitlistJoined(it) => {
                groups::wait(at, &it.ground, &line(&it.license, &it.product), 1)
            }
            Event::WaitlistLeft(it) => {
                groups::wait(at, &it.ground, &line(&it.license, &it.product), -1)
            }
            Event::AssignmentTransferred(it) => {
                let license = self.license(at, commit, record, &it.license)?;
                let holder = holders::known(at, &it.from)?;
                let given = Given { assignment: it.assignment, license, holder };
                groups::transferred(at, given, holders::known(at, &it.holder)?)
            }
            Event::LicenseDescribed(_)
            | Event::QuantityChanged(_)
            | Event::WindowChanged(_)
            | Event::LicenseSuspended(_)
            | Event::LicenseReinstated(_)
            | Event::LicenseRetired(_)
            | Event::OverallocationBegan(_)
            | Event::OverallocationEnded(_)
            | Event::AssignmentDeactivated(_)
            | Event::AssignmentFulfilled(_)
            | Event::FulfilmentWithdrawn(_)
            | Event::AssignmentDescribed(_)
            | Event::LicenseStarted(_)
            | Event::LicenseEnded(_)
            | Event::GraceEnded(_)
            | Event::AssignmentEndSet(_)
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
            | Event::KeyUsed(_) => Ok(()),
        }
    }

    fn allocated(
        &mut self,
        at: At<'_>,
        record: &Record,
        it: &LicenseAllocated,
    ) -> Result<(), Error> {
        let sql = "INSERT INTO licenses (account, license, product, part) VALUES (?1, ?2, ?3, ?4)";
        let part = it.parent.is_some();
        let row = params![at.account, it.license.as_str(), it.product.as_str(), part];
        let id = at.db.prepare_cached(sql)?.insert(row)?;
        self.known.add(&record.account, &it.license, id);
        Ok(())
    }

    /// The number of a license.
    fn license(
        &mut self,
        at: At<'_>,
        commit: &Commit,
        record: &Record,
        license: &LicenseId,
    ) -> Result<i64, Error> {
        let load = |account| {
            let sql = "SELECT id FROM licenses WHERE account = ?1 AND license = ?2";
            let mut statement = at.db.prepare_cached(sql)?;
            let row = params![account, license.as_str()];
            Ok(statement.query_row(row, |row| row.get(0)).optional()?)
        };
        let (_, id) = self.known.license(at.db, &record.account, license, commit, load)?;
        Ok(*id)
    }
}

fn decided(at: At<'_>, it: &PolicySet) -> Result<(), Error> {
    let sql = "INSERT INTO policies (account, license, since, at, policy)
               VALUES (?1, ?2, ?3, ?4, ?5)";
    let license = it.license.as_ref().map_or("", |it| it.as_str());
    let row = params![at.account, license, at.sequence, at.moment, to_json(&it.policy)?];
    at.db.prepare_cached(sql)?.execute(row)?;
    Ok(())
}
