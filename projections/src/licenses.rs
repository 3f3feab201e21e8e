//! The read model of licenses: what an account has, and how much of it is used, at any moment.

mod above;
mod containers;
mod given;
mod numbered;
mod queries;
mod terms;
mod usage;

use events::account::LicenseState;
use events::event::LicenseAllocated;
use events::wire::{Commit, Record};
use events::{AccountId, AssignmentId, Event, LicenseId, Moment};
use rusqlite::{Connection, OptionalExtension, params};

use crate::as_of::int;
use crate::error::Error;
use crate::known::{self, Known};
use crate::rows::to_json;
use crate::state;
use crate::store::{Feed, ReadModel, Writer};

pub use containers::{Container, HeldLicense, container, containers};
pub use given::{Given, GivenState, given, given_to};
pub use numbered::{By, Wanted, account_of, accounts_of, numbered};
pub use queries::{
    AccountSummary, Filter, License, account, account_exists, accounts, by_external_id, by_number,
    has_license, of_account, one,
};
pub use usage::{BUCKETS_MAX, Bucket, Window, usage};

/// The model.
pub static MODEL: ReadModel = ReadModel {
    name: "licenses",
    version: 6,
    schema: &[known::ACCOUNTS, SCHEMA, containers::SCHEMA, given::SCHEMA],
    feed: Feed::Commits(|| Box::<Licenses>::default()),
};

/// `versions` has a row from each sequence on at which a license was something else, `policies` one
/// from each on at which something else was decided for an account; `points` one
/// for each commit with an event about it: seats then, seats held then, the most held in between.
/// `inactive` are the live assignments that hold no seat, because an event that ends an assignment
/// does not say whether it held one.
const SCHEMA: &str = "
    CREATE TABLE licenses (
        id        INTEGER PRIMARY KEY,
        account   INTEGER NOT NULL,
        license   TEXT    NOT NULL,
        number    INTEGER NOT NULL UNIQUE,
        product   TEXT    NOT NULL,
        container TEXT,
        parent    TEXT,
        host      TEXT,
        since     INTEGER NOT NULL,
        at        INTEGER NOT NULL,
        UNIQUE (account, license)
    ) STRICT;
    CREATE INDEX licenses_of_product ON licenses (account, product, license);

    CREATE TABLE versions (
        license     INTEGER NOT NULL,
        since       INTEGER NOT NULL,
        state       INTEGER NOT NULL CHECK (state BETWEEN 0 AND 2),
        starts_at   INTEGER,
        ends_at     INTEGER,
        grace_days  INTEGER,
        name        TEXT,
        external_id TEXT,
        source      TEXT,
        metadata    TEXT,
        policy      TEXT,
        over_allocated INTEGER NOT NULL,
        PRIMARY KEY (license, since),
        CHECK (starts_at < ends_at)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX versions_of_external_id ON versions (external_id)
        WHERE external_id IS NOT NULL;

    CREATE TABLE policies (
        account INTEGER NOT NULL,
        since   INTEGER NOT NULL,
        policy  TEXT    NOT NULL,
        PRIMARY KEY (account, since)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE points (
        license  INTEGER NOT NULL,
        sequence INTEGER NOT NULL,
        at       INTEGER NOT NULL,
        quantity INTEGER NOT NULL CHECK (quantity >= 0),
        used     INTEGER NOT NULL CHECK (used BETWEEN 0 AND live),
        live     INTEGER NOT NULL,
        allocated INTEGER NOT NULL CHECK (allocated >= 0),
        peak     INTEGER NOT NULL CHECK (peak >= used),
        PRIMARY KEY (license, sequence)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE inactive (
        assignment BLOB PRIMARY KEY
    ) STRICT, WITHOUT ROWID;";

/// What the writer remembers of a license: its counts, as they are now.
struct Counts {
    id: i64,
    quantity: i64,
    used: i64,
    live: i64,
    allocated: i64,
    /// The license that it is a part of.
    parent: Option<LicenseId>,
    /// What it takes of that one, as far as that one has been told.
    takes: i64,
    /// Where in `points` the point of the commit at hand is.
    point: usize,
}

impl Counts {
    /// What it takes of the license that it is a part of: what it has, or what is taken of it where
    /// that is more.
    fn takes(&self) -> i64 {
        self.quantity.max(self.used + self.allocated)
    }

    /// By how much more it takes of that one than before, which is told now.
    fn takes_more(&mut self) -> i64 {
        let takes = self.takes();
        takes - std::mem::replace(&mut self.takes, takes)
    }
}

struct Point {
    license: i64,
    sequence: i64,
    at: i64,
    quantity: i64,
    used: i64,
    live: i64,
    allocated: i64,
    peak: i64,
}

/// Points are held back until the end of a batch: one a license and commit, however many events.
#[derive(Default)]
struct Licenses {
    known: Known<Counts>,
    points: Vec<Point>,
}

impl Writer for Licenses {
    fn commit(&mut self, db: &Connection, commit: &Commit) -> Result<(), Error> {
        commit.records.iter().try_for_each(|record| self.record(db, commit, record))
    }

    fn flush(&mut self, db: &Connection) -> Result<(), Error> {
        // In the order of the table: neighbours share a page.
        self.points.sort_unstable_by_key(|it| (it.license, it.sequence));
        let mut insert =
            db.prepare_cached("INSERT INTO points VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")?;
        for it in self.points.drain(..) {
            insert.execute(params![
                it.license,
                it.sequence,
                it.at,
                it.quantity,
                it.used,
                it.live,
                it.allocated,
                it.peak.max(it.used)
            ])?;
        }
        self.known.trim();
        Ok(())
    }

    fn forget(&mut self) {
        self.known.forget();
        self.points.clear();
    }
}

impl Licenses {
    fn record(&mut self, db: &Connection, commit: &Commit, it: &Record) -> Result<(), Error> {
        if let Event::LicenseAllocated(event) = &it.event {
            self.allocated(db, commit, &it.account, event)?;
        }
        let account = self.known.account(db, &it.account, commit)?;
        if let Event::PolicySet(event) = &it.event
            && event.license.is_none()
        {
            terms::decide_account(db, account, commit.sequence, &event.policy)?;
        }
        if let Event::ContainerPlaced(event) = &it.event {
            containers::placed(db, account, commit, event)?;
        }
        let Some(license) = it.event.about().license else { return Ok(()) };
        let Licenses { known, points } = self;
        let load = |account| load_counts(db, account, license);
        let (_, counts) = known.license(db, &it.account, license, commit, load)?;
        let (used, live) = take_note(db, counts, int(commit.sequence), &it.event)?;
        counts.used += used;
        counts.live += live;
        if counts.used < 0 || counts.used > counts.live {
            let (used, live) = (counts.used, counts.live);
            let reason = format!("license {license} would have {used} of {live} seats held");
            return Err(Error::inconsistent(commit.sequence, reason));
        }
        note_point(points, counts, commit, used != 0);
        let (mut more, mut parent) = (counts.takes_more(), counts.parent.clone());
        // Keeps in step how much of a license its parts take, and of the one above that.
        while let Some(id) = parent.filter(|_| more != 0) {
            let Licenses { known, points } = self;
            let above = |account| load_counts(db, account, &id);
            let (_, counts) = known.license(db, &it.account, &id, commit, above)?;
            counts.allocated += more;
            note_point(points, counts, commit, false);
            (more, parent) = (counts.takes_more(), counts.parent.clone());
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
        let sql =
            "INSERT INTO licenses (account, license, number, product, container, since, at, parent, host)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
        let id = db.prepare_cached(sql)?.insert(params![
            account,
            it.license.as_str(),
            int(it.number),
            it.product.as_str(),
            it.container.as_ref().map(|it| it.as_str()),
            int(commit.sequence),
            commit.header.at.millis(),
            it.parent.as_ref().map(|it| it.as_str()),
            it.host.as_ref().map(to_json).transpose()?
        ])?;
        let sql = "INSERT INTO versions VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, NULL, 0)";
        db.prepare_cached(sql)?.execute(params![
            id,
            int(commit.sequence),
            state::number(LicenseState::Active),
            it.starts_at.map(Moment::millis),
            it.ends_at.map(Moment::millis),
            it.grace_days.map(|it| it.get()),
            it.name.as_ref().map(|it| it.as_str()),
            it.external_id.as_ref().map(|it| it.as_str()),
            it.source.as_ref().map(|it| it.as_str()),
            it.metadata.as_ref().map(|it| it.as_str())
        ])?;
        let (quantity, parent) = (it.quantity.get(), it.parent.clone());
        containers::holds(db, account, commit, it)?;
        // Nobody has been told of what it takes, which is its quantity.
        let (used, live, allocated, takes, point) = (0, 0, 0, 0, usize::MAX);
        let counts = Counts { id, quantity, used, live, allocated, parent, takes, point };
        self.known.add(name, &it.license, counts);
        Ok(())
    }
}

/// What the file knows of a license: its last point.
fn load_counts(
    db: &Connection,
    account: i64,
    license: &LicenseId,
) -> Result<Option<Counts>, Error> {
    let sql = "SELECT points.license, quantity, used, live, allocated, parent FROM licenses
               JOIN points ON points.license = licenses.id
               WHERE account = ?1 AND licenses.license = ?2
               ORDER BY sequence DESC LIMIT 1";
    let mut statement = db.prepare_cached(sql)?;
    let counts = statement.query_row(params![account, license.as_str()], |row| {
        let mut counts = Counts {
            id: row.get(0)?,
            quantity: row.get(1)?,
            used: row.get(2)?,
            live: row.get(3)?,
            allocated: row.get(4)?,
            parent: row.get::<_, Option<String>>(5)?.and_then(|it| LicenseId::new(it).ok()),
            takes: 0,
            point: usize::MAX,
        };
        counts.takes_more();
        Ok(counts)
    });
    Ok(counts.optional()?)
}

/// Writes what an event says beside the counts, and gives back how many more seats are held and how
/// many more assignments live.
fn take_note(
    db: &Connection,
    counts: &mut Counts,
    sequence: i64,
    event: &Event,
) -> Result<(i64, i64), Error> {
    match event {
        Event::LicenseAllocated(_)
        | Event::AssignmentFulfilled(_)
        | Event::FulfilmentWithdrawn(_)
        | Event::AssignmentDescribed(_) => {}
        // What these are about stays as it is: a seat that passes on is held as before. Where a
        // container is was noted before.
        Event::GroundAdded(_)
        | Event::GroundRemoved(_)
        | Event::AssignmentTransferred(_)
        | Event::HolderRegistered(_)
        | Event::HolderLinked(_)
        | Event::HolderRetired(_)
        | Event::DirectSetDeclared(_)
        | Event::DirectSetCleared(_)
        | Event::GroupNamed(_)
        | Event::MemberAdded(_)
        | Event::MemberRemoved(_)
        | Event::GroupRuleSet(_)
        | Event::GroupRuleApplied(_)
        | Event::WaitlistJoined(_)
        | Event::WaitlistLeft(_)
        | Event::LicenseStarted(_)
        | Event::LicenseEnded(_)
        | Event::GraceEnded(_)
        | Event::AssignmentEndSet(_)
        | Event::CommandScheduled(_)
        | Event::ScheduleCancelled(_)
        | Event::ScheduleFired(_)
        | Event::ContainerPlaced(_)
        | Event::TransferReceived(_)
        | Event::KeyCreated(_)
        | Event::KeyRevoked(_)
        | Event::KeyUsed(_) => {}
        Event::AccountAllocationSet(it) => {
            counts.allocated += given::set(db, counts.id, sequence, it)?
        }
        Event::TransferBegan(it) => counts.allocated += given::begin(db, counts.id, sequence, it)?,
        Event::TransferEnded(it) => counts.allocated += given::end(db, counts.id, sequence, it)?,
        Event::PolicySet(it) => terms::decide(db, counts.id, sequence, &it.policy)?,
        Event::OverallocationBegan(_) => terms::over_allocate(db, counts.id, sequence, true)?,
        Event::OverallocationEnded(_) => terms::over_allocate(db, counts.id, sequence, false)?,
        Event::LicenseDescribed(it) => terms::describe(db, counts.id, sequence, it)?,
        Event::QuantityChanged(it) => counts.quantity = it.to.get(),
        Event::WindowChanged(it) => terms::move_window(db, counts.id, sequence, it)?,
        Event::LicenseSuspended(_) => {
            terms::turn(db, counts.id, sequence, LicenseState::Suspended)?
        }
        Event::LicenseReinstated(_) => terms::turn(db, counts.id, sequence, LicenseState::Active)?,
        Event::LicenseRetired(_) => terms::turn(db, counts.id, sequence, LicenseState::Retired)?,
        Event::SeatAssigned(it) => {
            if !it.active {
                insert_inactive(db, it.assignment)?;
            }
            return Ok((i64::from(it.active), 1));
        }
        Event::AssignmentDeactivated(it) => {
            insert_inactive(db, it.assignment)?;
            return Ok((-1, 0));
        }
        Event::AssignmentReactivated(it) => {
            delete_inactive(db, it.assignment)?;
            return Ok((1, 0));
        }
        Event::AssignmentRevoked(it) => {
            let held = !delete_inactive(db, it.assignment)?;
            return Ok((-i64::from(held), -1));
        }
    }
    Ok((0, 0))
}

/// Brings the point of a license and commit up to date, or begins it. Seats that were held before the
/// commit are none that it went through.
fn note_point(points: &mut Vec<Point>, counts: &mut Counts, commit: &Commit, changed: bool) {
    let peak = if changed { counts.used } else { 0 };
    let sequence = int(commit.sequence);
    let same = |it: &&mut Point| it.license == counts.id && it.sequence == sequence;
    match points.get_mut(counts.point).filter(same) {
        Some(point) => {
            point.quantity = counts.quantity;
            point.used = counts.used;
            point.live = counts.live;
            point.allocated = counts.allocated;
            point.peak = point.peak.max(peak);
        }
        None => {
            counts.point = points.len();
            points.push(Point {
                license: counts.id,
                sequence,
                at: commit.header.at.millis(),
                quantity: counts.quantity,
                used: counts.used,
                live: counts.live,
                allocated: counts.allocated,
                peak,
            });
        }
    }
}

fn insert_inactive(db: &Connection, it: AssignmentId) -> Result<(), Error> {
    db.prepare_cached("INSERT INTO inactive VALUES (?1)")?.execute([it.0.as_bytes()])?;
    Ok(())
}

/// Whether it was there.
fn delete_inactive(db: &Connection, it: AssignmentId) -> Result<bool, Error> {
    let sql = "DELETE FROM inactive WHERE assignment = ?1";
    Ok(db.prepare_cached(sql)?.execute([it.0.as_bytes()])? == 1)
}
