//! Questions about groups.

use events::rule::Grant;
use events::{Holder, Moment};
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, params, params_from_iter};
use serde::Serialize;
use utoipa::ToSchema;

use super::EMAIL;
use crate::as_of::{AsOf, uint};
use crate::error::Error;
use crate::known;
use crate::page::{self, Page, number_key, numbers_after, rows_for};
use crate::rows::{self, Query, from_json, moment};
use crate::waitlists::line;

/// A group as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Group {
    /// What it is called.
    pub group: String,
    /// The number that integer-minded clients know it by.
    pub number: u64,
    /// A label for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// How many are in it.
    pub members: u64,
    /// What it gives to each of them.
    pub grants: Vec<Granted>,
    /// Whether some of them are still to be served.
    pub unfinished: bool,
    /// Since when it exists.
    pub since: Moment,
    /// By which commit.
    pub since_sequence: u64,
}

/// One thing that a group gives, and how much of it it has given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Granted {
    /// What.
    #[serde(flatten)]
    pub grant: Grant,
    /// Members who have it, each once: of `quota`, where it has one.
    pub leases: i64,
    /// Members who wait for what it gives.
    pub waiting: i64,
}

/// Somebody in a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Member {
    /// Who, with everything known of them.
    pub holder: Holder,
    /// Their place: a lower one is served first.
    pub place: u64,
    /// Since when they are in it.
    pub since: Moment,
    /// By which commit.
    pub since_sequence: u64,
}

pub(super) const GROUPS: &str = "
    SELECT who.id, who.name, who.number, who.since, who.at, it.label, it.grants, it.unfinished,
           coalesce((SELECT members FROM counts WHERE grp = who.id AND since <= ?1
                     ORDER BY since DESC LIMIT 1), 0)
    FROM groups AS who CROSS JOIN group_versions AS it ON it.grp = who.id
         AND it.since = (SELECT max(since) FROM group_versions
                         WHERE grp = who.id AND since <= ?1)
    WHERE who.since <= ?1 AND who.account = ?2";

pub(super) fn found(db: &AsOf<'_>, account: i64, row: &Row<'_>) -> Result<Group, Error> {
    let id = row.get(0)?;
    let grants: Vec<Grant> = from_json(row, 6)?;
    let granted = |grant: Grant| {
        let (leases, waiting) = (leases(db, account, id, &grant)?, waiting(db, id, &grant)?);
        Ok(Granted { grant, leases, waiting })
    };
    Ok(Group {
        group: row.get(1)?,
        number: uint(row.get(2)?),
        name: row.get(5)?,
        members: uint(row.get(8)?),
        grants: grants.into_iter().map(granted).collect::<Result<_, Error>>()?,
        unfinished: row.get(7)?,
        since: moment(row, 4)?,
        since_sequence: uint(row.get(3)?),
    })
}

/// Members who had what a group gives by a grant, each once.
fn leases(db: &AsOf<'_>, account: i64, group: i64, grant: &Grant) -> Result<i64, Error> {
    let count = |row: &Row<'_>| row.get(0);
    let found = match (&grant.license, &grant.product) {
        (Some(license), _) => {
            let sql = "SELECT seats FROM leases
                       WHERE grp = ?2 AND since <= ?1
                         AND license = (SELECT id FROM licenses WHERE account = ?3 AND license = ?4)
                       ORDER BY since DESC LIMIT 1";
            let row = params![db.at, group, account, license.as_str()];
            db.prepare_cached(sql)?.query_row(row, count)
        }
        (None, Some(product)) => {
            let sql = "SELECT members FROM served WHERE grp = ?2 AND product = ?3 AND since <= ?1
                       ORDER BY since DESC LIMIT 1";
            db.prepare_cached(sql)?.query_row(params![db.at, group, product.as_str()], count)
        }
        (None, None) => return Ok(0),
    };
    Ok(found.optional()?.unwrap_or_default())
}

/// Places in waitlists that were there because of a grant.
fn waiting(db: &AsOf<'_>, group: i64, grant: &Grant) -> Result<i64, Error> {
    let sql = "SELECT places FROM waiting WHERE grp = ?2 AND line = ?3 AND since <= ?1
               ORDER BY since DESC LIMIT 1";
    let row = params![db.at, group, line(&grant.license, &grant.product)];
    let found = db.prepare_cached(sql)?.query_row(row, |row| row.get(0));
    Ok(found.optional()?.unwrap_or_default())
}

/// The groups of an account, by name.
pub fn groups(
    db: &Connection,
    account: &str,
    cursor: Option<&str>,
    limit: usize,
    at: u64,
) -> Result<Page<Group>, Error> {
    let after = page::name_after(cursor)?;
    let db = AsOf::new(db, at)?;
    let mut items = vec![];
    if let Some(account) = known::find(&db, account)? {
        let mut query = Query::new(GROUPS, [Value::from(db.at), account.into()]);
        query.and("who.name > ?", Some(after));
        query.limit(" ORDER BY who.name LIMIT ?", rows_for(limit));
        let mut statement = db.prepare_cached(&query.sql)?;
        let mut rows = statement.query(params_from_iter(&query.values))?;
        while let Some(row) = rows.next()? {
            let group = found(&db, account, row)?;
            items.push((group.group.clone().into_bytes(), group));
        }
    }
    Ok(Page::of(items, limit, db.sequence()))
}

/// The group of that name, and the sequence as of which it is told.
pub fn group(
    db: &Connection,
    account: &str,
    group: &str,
    at: u64,
) -> Result<(Option<Group>, u64), Error> {
    let db = AsOf::new(db, at)?;
    let Some(account) = known::find(&db, account)? else { return Ok((None, db.sequence())) };
    let mut query = Query::new(GROUPS, [Value::from(db.at), account.into()]);
    query.and("who.name = ?", Some(group.to_owned()));
    let mut statement = db.prepare_cached(&query.sql)?;
    let mut rows = statement.query(params_from_iter(&query.values))?;
    let group = rows.next()?.map(|row| found(&db, account, row)).transpose()?;
    Ok((group, db.sequence()))
}

/// The members of a group, in the order in which they are served.
pub fn members(
    db: &Connection,
    account: &str,
    group: &str,
    cursor: Option<&str>,
    limit: usize,
    at: u64,
) -> Result<Page<Member>, Error> {
    let db = AsOf::new(db, at)?;
    let [after] = numbers_after(cursor, [-1])?;
    let mut all = vec![];
    let sql = "SELECT groups.id FROM accounts CROSS JOIN groups ON groups.account = accounts.id
               WHERE accounts.account = ?1 AND groups.name = ?2";
    let id = db.prepare_cached(sql)?.query_row((account, group), |row| row.get::<_, i64>(0));
    if let Some(group) = id.optional()? {
        let sql = format!(
            "SELECT it.place, who.holder, {EMAIL}, it.since, it.at
             FROM members AS it CROSS JOIN holders AS who ON who.id = it.holder
             WHERE it.grp = ?2 AND it.over = ?3 AND it.place > ?4
               AND it.since <= ?1 AND it.until > ?1
             ORDER BY it.place LIMIT ?5"
        );
        let mut statement = db.prepare_cached(&sql)?;
        for over in 0..=i64::from(!db.now) {
            let rows = i64::try_from(rows_for(limit)).unwrap_or(i64::MAX);
            let mut rows = statement.query((db.at, group, over, after, rows))?;
            while let Some(row) = rows.next()? {
                all.push((row.get::<_, i64>(0)?, member(row)?));
            }
        }
    }
    all.sort_by_key(|it| it.0);
    let keyed = all.into_iter().take(rows_for(limit)).map(|(place, it)| (number_key([place]), it));
    Ok(Page::of(keyed.collect(), limit, db.sequence()))
}

fn member(row: &Row<'_>) -> Result<Member, Error> {
    let key = row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?;
    Ok(Member {
        holder: rows::holder(key, row.get::<_, Option<String>>(2)?.as_deref())?,
        place: uint(row.get(0)?),
        since: moment(row, 4)?,
        since_sequence: uint(row.get(3)?),
    })
}
