//! The read model of waitlists: who waits, or waited, for a seat of what; and which commands wait, or
//! waited, for their time.

mod queries;
mod schedules;

use events::event::{WaitlistJoined, WaitlistLeft};
use events::wire::{Commit, Record};
use events::{Event, LicenseId, ProductId};
use rusqlite::{Connection, params};

use crate::as_of::int;
use crate::emails::{self, Notes, holder_key};
use crate::error::Error;
use crate::known::{self, Known};
use crate::store::{Feed, ReadModel, Writer};

pub use queries::{Filter, Place, places};
pub use schedules::{ScheduleState, Scheduled, schedules};

/// The model.
pub static MODEL: ReadModel = ReadModel {
    name: "waitlists",
    version: 2,
    schema: &[known::ACCOUNTS, emails::SCHEMA, SCHEMA, schedules::SCHEMA],
    feed: Feed::Commits(|| Box::<Waitlists>::default()),
};

/// A place may pass from an address to the user whom it names: a row each. `line` is what is waited
/// for, `l` and the license or `p` and the product. `over` keeps those who do not wait any more apart
/// in the indexes, so that listing those who do does not wade through them.
const SCHEMA: &str = "
    CREATE TABLE places (
        id       INTEGER PRIMARY KEY,
        account  INTEGER NOT NULL,
        place    INTEGER NOT NULL,
        line     TEXT    NOT NULL,
        holder   TEXT    NOT NULL,
        ground   TEXT    NOT NULL,
        over     INTEGER NOT NULL DEFAULT 0,
        since    INTEGER NOT NULL,
        at       INTEGER NOT NULL,
        until    INTEGER NOT NULL DEFAULT 9223372036854775807,
        ended_at INTEGER,
        end      TEXT,
        CHECK (since <= until)
    ) STRICT;
    CREATE INDEX places_of_account ON places (account, over, place);
    CREATE INDEX places_of_line ON places (account, line, over, place);
    CREATE INDEX places_of_holder ON places (account, holder, over, place);";

#[derive(Default)]
struct Waitlists {
    known: Known<()>,
    notes: Notes,
}

impl Writer for Waitlists {
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

impl Waitlists {
    fn record(&mut self, db: &Connection, commit: &Commit, record: &Record) -> Result<(), Error> {
        let account = self.known.account(db, &record.account, commit)?;
        let since = int(commit.sequence);
        match &record.event {
            Event::WaitlistJoined(it) => joined(db, account, commit, it),
            Event::WaitlistLeft(it) => left(db, account, commit, it),
            Event::CommandScheduled(it) => schedules::scheduled(db, account, commit, record, it),
            Event::ScheduleCancelled(it) => schedules::cancelled(db, account, commit, record, it),
            Event::ScheduleFired(it) => schedules::fired(db, account, commit, record, it),
            Event::SeatAssigned(it) => {
                self.notes.add(account, &it.holder, since);
                Ok(())
            }
            Event::AssignmentReactivated(it) => {
                self.notes.add(account, &it.holder, since);
                Ok(())
            }
            Event::HolderRegistered(it) => {
                self.notes.add(account, &it.holder, since);
                Ok(())
            }
            Event::MemberAdded(it) => {
                self.notes.add(account, &it.holder, since);
                Ok(())
            }
            Event::HolderLinked(it) => {
                self.notes.link(account, it, since);
                Ok(())
            }
            // Whatever follows from these for those who wait is said by the events above.
            Event::LicenseAllocated(_)
            | Event::LicenseDescribed(_)
            | Event::QuantityChanged(_)
            | Event::WindowChanged(_)
            | Event::LicenseSuspended(_)
            | Event::LicenseReinstated(_)
            | Event::LicenseRetired(_)
            | Event::AssignmentDeactivated(_)
            | Event::AssignmentFulfilled(_)
            | Event::FulfilmentWithdrawn(_)
            | Event::AssignmentDescribed(_)
            | Event::AssignmentRevoked(_)
            | Event::PolicySet(_)
            | Event::OverallocationBegan(_)
            | Event::OverallocationEnded(_)
            | Event::GroundAdded(_)
            | Event::GroundRemoved(_)
            | Event::AssignmentTransferred(_)
            | Event::HolderRetired(_)
            | Event::DirectSetDeclared(_)
            | Event::DirectSetCleared(_)
            | Event::GroupNamed(_)
            | Event::MemberRemoved(_)
            | Event::GroupRuleSet(_)
            | Event::GroupRuleApplied(_)
            | Event::LicenseStarted(_)
            | Event::LicenseEnded(_)
            | Event::GraceEnded(_)
            | Event::AssignmentEndSet(_)
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
}

/// What is waited for.
pub(crate) fn line(license: &Option<LicenseId>, product: &Option<ProductId>) -> String {
    match (license, product) {
        (Some(license), _) => ["l", license.as_str()].concat(),
        (None, product) => ["p", product.as_ref().map_or("", |it| it.as_str())].concat(),
    }
}

fn joined(
    db: &Connection,
    account: i64,
    commit: &Commit,
    it: &WaitlistJoined,
) -> Result<(), Error> {
    let sql = "INSERT INTO places (account, place, line, holder, ground, since, at)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    db.prepare_cached(sql)?.execute(params![
        account,
        int(it.place),
        line(&it.license, &it.product),
        holder_key(&it.holder),
        it.ground.to_string(),
        int(commit.sequence),
        commit.header.at.millis()
    ])?;
    Ok(())
}

fn left(db: &Connection, account: i64, commit: &Commit, it: &WaitlistLeft) -> Result<(), Error> {
    let sql = "UPDATE places SET over = 1, until = ?4, ended_at = ?5, end = ?6
               WHERE account = ?1 AND holder = ?2 AND over = 0 AND place = ?3";
    let changed = db.prepare_cached(sql)?.execute(params![
        account,
        holder_key(&it.holder),
        int(it.place),
        int(commit.sequence),
        commit.header.at.millis(),
        it.end.as_str()
    ])?;
    match changed {
        1 => Ok(()),
        _ => {
            let reason = format!("{} does not wait at place {}", it.holder, it.place);
            Err(Error::inconsistent(commit.sequence, reason))
        }
    }
}
