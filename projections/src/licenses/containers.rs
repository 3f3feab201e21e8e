//! Containers: where each is, and what it holds.

use events::Moment;
use events::account::LicenseState;
use events::event::{ContainerPlaced, LicenseAllocated};
use events::wire::Commit;
use rusqlite::types::Value;
use rusqlite::{Connection, Row, params, params_from_iter};
use serde::Serialize;
use utoipa::ToSchema;

use super::above::Above;
use super::queries::{LICENSES, License};
use crate::as_of::{AsOf, int, uint};
use crate::error::Error;
use crate::known;
use crate::page::{PAGE_MAX, Page, read_cursor, rows_for, write_cursor};
use crate::rows::{Query, moment};

/// A container is known from when it was placed, or from when a license was first allocated for it;
/// `within` says where it is from `placed` on.
pub(super) const SCHEMA: &str = "
    CREATE TABLE containers (
        account   INTEGER NOT NULL,
        container TEXT    NOT NULL,
        since     INTEGER NOT NULL,
        at        INTEGER NOT NULL,
        placed    INTEGER,
        within    TEXT,
        PRIMARY KEY (account, container)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX licenses_of_container ON licenses (account, container, license);";

/// Notes who holds a license, if it is not the account itself.
pub(super) fn holds(
    db: &Connection,
    account: i64,
    commit: &Commit,
    it: &LicenseAllocated,
) -> Result<(), Error> {
    let Some(container) = &it.container else { return Ok(()) };
    let sql = "INSERT OR IGNORE INTO containers (account, container, since, at)
               VALUES (?1, ?2, ?3, ?4)";
    let (sequence, at) = (int(commit.sequence), commit.header.at.millis());
    db.prepare_cached(sql)?.execute(params![account, container.as_str(), sequence, at])?;
    Ok(())
}

/// A container stays where it was first placed.
pub(super) fn placed(
    db: &Connection,
    account: i64,
    commit: &Commit,
    it: &ContainerPlaced,
) -> Result<(), Error> {
    let sql = "INSERT INTO containers VALUES (?1, ?2, ?3, ?4, ?3, ?5)
               ON CONFLICT DO UPDATE SET placed = ?3, within = ?5";
    let (sequence, at) = (int(commit.sequence), commit.header.at.millis());
    let within = it.within.as_ref().map(|it| it.as_str());
    let row = params![account, it.container.as_str(), sequence, at, within];
    db.prepare_cached(sql)?.execute(row)?;
    Ok(())
}

/// A container as it was, or the account itself.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Container {
    /// What it is called; the account itself when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
    /// The container that it is in; the account itself when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub within: Option<String>,
    /// What it holds, by name.
    pub licenses: Vec<HeldLicense>,
    /// Whether it holds more than are listed here.
    pub more: bool,
    /// Since when it is known.
    pub since: Moment,
    /// By which commit.
    pub since_sequence: u64,
}

/// A license, or a part of one, as its container holds it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct HeldLicense {
    /// What it is called.
    pub license: String,
    /// What its seats are of.
    pub product: String,
    /// The license that it is a part of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// Whether it can be used.
    pub state: LicenseState,
    /// Seats.
    pub quantity: i64,
    /// Seats that are held.
    pub used: i64,
    /// Seats that its parts take of it, held by containers within this one.
    pub allocated: i64,
    /// Seats that it has left to give out while it can be used; `null` where there is no end to them.
    pub available: Option<i64>,
    /// Whether more is taken of it than it gives out, or shared out than its quantity.
    pub over_allocated: bool,
}

impl From<License> for HeldLicense {
    fn from(it: License) -> HeldLicense {
        HeldLicense {
            license: it.license,
            product: it.product,
            parent: it.parent,
            state: it.state,
            quantity: it.quantity,
            used: it.used,
            allocated: it.allocated,
            available: it.available,
            over_allocated: it.over_allocated,
        }
    }
}

/// Where a container stands in the list: after the one that it is in, which stands by its own name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Place {
    top: String,
    deep: bool,
    name: String,
}

impl Place {
    fn of(it: &Container) -> Place {
        let name = it.container.clone().unwrap_or_default();
        let top = it.within.clone().unwrap_or_else(|| name.clone());
        Place { top, deep: it.within.is_some(), name }
    }

    /// As a cursor, after a license of it. No name has the character that stands between them.
    fn cursor(&self, license: &str) -> String {
        let deep = if self.deep { "1" } else { "" };
        write_cursor([&self.top, deep, &self.name, license].join("\0").as_bytes())
    }

    fn read(cursor: &str) -> Result<(Place, String), Error> {
        let text = String::from_utf8(read_cursor(cursor)?).map_err(|_| Error::Cursor)?;
        let parts: Vec<&str> = text.split('\0').collect();
        let [top, deep, name, license] = parts[..] else { return Err(Error::Cursor) };
        let place = Place { top: top.into(), deep: deep == "1", name: name.into() };
        Ok((place, license.into()))
    }
}

/// The containers of an account as a tree: first the account itself with its own licenses, then each
/// container, followed by those within it. A page has [`PAGE_MAX`] licenses at most; a container that
/// has more comes again on the next one, with the rest.
pub fn containers(
    db: &Connection,
    account: &str,
    cursor: Option<&str>,
    limit: usize,
    at: u64,
) -> Result<Page<Container>, Error> {
    let after = cursor.map(Place::read).transpose()?;
    let db = AsOf::new(db, at)?;
    let mut page = Page { items: vec![], next: None, sequence: db.sequence() };
    let Some(account) = known::find(&db, account)? else { return Ok(page) };
    let (limit, mut room) = (rows_for(limit) - 1, PAGE_MAX);
    let (begin, seen) = after.clone().unwrap_or_default();
    let mut last = None;
    // One more than the page has, and the one that the page before ended with.
    for mut it in list(&db, account, &begin, limit + 2)? {
        if room == 0 || page.items.len() == limit {
            page.next = last;
            return Ok(page);
        }
        let place = Place::of(&it);
        let again = after.is_some() && place == begin;
        fill(&db, account, &mut it, if again { &seen } else { "" }, room)?;
        if again && it.licenses.is_empty() {
            continue;
        }
        last = Some(place.cursor(it.licenses.last().map_or("", |it| &it.license)));
        room -= it.licenses.len();
        page.items.push(it);
        if page.items.last().is_some_and(|it| it.more) {
            page.next = last;
            return Ok(page);
        }
    }
    Ok(page)
}

/// The container of that name with what it holds, up to [`PAGE_MAX`] licenses, and the sequence as of
/// which it is told.
pub fn container(
    db: &Connection,
    account: &str,
    container: &str,
    at: u64,
) -> Result<(Option<Container>, u64), Error> {
    let db = AsOf::new(db, at)?;
    let Some(account) = known::find(&db, account)? else { return Ok((None, db.sequence())) };
    let sql = format!("{CONTAINERS} AND container = ?3");
    let mut statement = db.prepare_cached(&sql)?;
    let mut rows = statement.query(params![db.at, account, container])?;
    let mut found = rows.next()?.map(told).transpose()?;
    if let Some(it) = &mut found {
        fill(&db, account, it, "", PAGE_MAX)?;
    }
    Ok((found, db.sequence()))
}

const CONTAINERS: &str = "
    SELECT container, CASE WHEN placed <= ?1 THEN within END AS above, since, at
    FROM containers WHERE since <= ?1 AND account = ?2";

fn told(row: &Row<'_>) -> Result<Container, Error> {
    Ok(Container {
        container: row.get(0)?,
        within: row.get(1)?,
        licenses: vec![],
        more: false,
        since: moment(row, 3)?,
        since_sequence: uint(row.get(2)?),
    })
}

/// The account itself and its containers, from this place on.
fn list(db: &AsOf<'_>, account: i64, from: &Place, rows: usize) -> Result<Vec<Container>, Error> {
    let sql = format!(
        "SELECT container, above, since, at FROM (
             SELECT NULL AS container, NULL AS above, since, at
             FROM accounts WHERE since <= ?1 AND id = ?2
             UNION ALL {CONTAINERS})
         WHERE (coalesce(above, container, ''), above IS NOT NULL, coalesce(container, ''))
               >= (?3, ?4, ?5)
         ORDER BY coalesce(above, container, ''), above IS NOT NULL, coalesce(container, '')
         LIMIT ?6"
    );
    let mut statement = db.prepare_cached(&sql)?;
    let rows = int(rows as u64);
    let mut rows =
        statement.query(params![db.at, account, from.top, from.deep, from.name, rows])?;
    let mut all = vec![];
    while let Some(row) = rows.next()? {
        all.push(told(row)?);
    }
    Ok(all)
}

/// Says what a container holds after this license, so many at most.
fn fill(
    db: &AsOf<'_>,
    account: i64,
    container: &mut Container,
    after: &str,
    room: usize,
) -> Result<(), Error> {
    let mut query = Query::new(LICENSES, [Value::from(db.at), account.into()]);
    query.sql.push_str(" AND it.container IS ?");
    query.values.push(container.container.clone().into());
    query.and("it.license > ?", Some(after.to_owned()));
    query.limit(" ORDER BY it.license LIMIT ?", room + 1);
    let mut statement = db.prepare_cached(&query.sql)?;
    let mut rows = statement.query(params_from_iter(&query.values))?;
    let mut above = Above::new(db, account);
    while let Some(row) = rows.next()? {
        if container.licenses.len() == room {
            container.more = true;
            break;
        }
        container.licenses.push(above.told(row)?.into());
    }
    Ok(())
}
