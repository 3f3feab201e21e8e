//! Questions about assignments.

use std::borrow::Cow;

use events::{Holder, Moment};
use rusqlite::types::Value;
use rusqlite::{Connection, Row, params_from_iter};
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;
use uuid::Uuid;

use super::filter::{Filter, narrow, shorter};
use crate::as_of::{AsOf, int, uint};
use crate::emails::{self, user_key};
use crate::error::Error;
use crate::grounds;
use crate::known;
use crate::page::{Page, number_key, numbers_after, rows_for};
use crate::rows::{Query, holder, id, maybe_json, maybe_moment, moment};

/// An assignment as it was.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Assignment {
    /// Its id.
    pub assignment: Uuid,
    /// The number that integer-minded clients know it by.
    pub number: u64,
    /// Of which license.
    pub license: String,
    /// What the seat is of.
    pub product: String,
    /// Who, with everything known of them.
    pub holder: Holder,
    /// Why it stands.
    #[schema(value_type = Vec<String>, example = json!(["direct", "group:designers"]))]
    pub grounds: Vec<Cow<'static, str>>,
    /// Whether it holds a seat.
    pub active: bool,
    /// Whether downstream provisioning is done.
    pub fulfilled: bool,
    /// Where the holder is sent once it is fulfilled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redirect_to: Option<String>,
    /// Anything else, as it was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub metadata: Option<Box<RawValue>>,
    /// When it ends by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<Moment>,
    /// When it was made.
    pub assigned_at: Moment,
    /// By which commit.
    pub assigned_sequence: u64,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Moment>,
    /// By which commit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revoked_sequence: Option<u64>,
}

/// Whose assignments.
#[derive(Debug, Clone, Copy)]
pub enum Who<'a> {
    /// Of this user.
    User(&'a str),
    /// Of everybody known by this e-mail address, in lower case: users, and the holder who is no
    /// user yet.
    Email(&'a str),
}

/// Ends where the tables begin.
pub(super) const COLUMNS: &str = "
    SELECT it.license, it.number, it.assignment, licenses.license, licenses.product,
           iif(old.until IS NULL, it.holder, old.holder) AS who,
           it.since, it.at, it.until, it.revoked_at,
           iif(old.until IS NULL, it.active, old.active) AS active,
           iif(old.until IS NULL, it.fulfilled, old.fulfilled) AS fulfilled,
           iif(old.until IS NULL, it.redirect_to, old.redirect_to),
           iif(old.until IS NULL, it.metadata, old.metadata),
           (SELECT email FROM emails
            WHERE account = it.account
              AND user = substr(iif(old.until IS NULL, it.holder, old.holder), 2)
              AND iif(old.until IS NULL, it.holder, old.holder) >= 'u'
              AND since <= ?1 ORDER BY since DESC LIMIT 1),
           iif(old.until IS NULL, it.grounds, old.grounds),
           iif(old.until IS NULL, it.ends_at, old.ends_at)
    FROM ";

const BY_ITSELF: &str = "assignments AS it";

const BY_HOLDER: &str = "
    holders CROSS JOIN assignments AS it
        ON it.number = holders.number AND holders.account = ?2 AND holders.holder = ?3";

/// Goes on where the tables have been named; `?1` is the sequence and `?2` the account.
pub(super) const REST: &str = "
    CROSS JOIN licenses ON licenses.id = it.license
    LEFT JOIN states AS old ON old.number = it.number AND old.until =
        (SELECT min(until) FROM states WHERE number = it.number AND until > ?1)
    WHERE it.since <= ?1 AND it.account = ?2";

pub(super) fn query(db: &AsOf<'_>, account: i64) -> Query {
    let sql = [COLUMNS, BY_ITSELF, REST].concat();
    Query::new(&sql, [Value::from(db.at), account.into()])
}

/// An assignment, and what lists are ordered by.
pub(super) struct Found {
    license: i64,
    number: i64,
    pub(super) assignment: Assignment,
}

fn found(row: &Row<'_>, at: i64) -> Result<Found, Error> {
    let (license, number) = (row.get(0)?, row.get(1)?);
    let key = row.get_ref(5)?.as_str().map_err(rusqlite::Error::from)?;
    let email: Option<String> = row.get(14)?;
    let until = row.get::<_, i64>(8)?;
    let over = until <= at;
    let assignment = Assignment {
        assignment: id(row, 2)?,
        number: uint(number),
        license: row.get(3)?,
        product: row.get(4)?,
        holder: holder(key, email.as_deref())?,
        grounds: grounds::list(row.get_ref(15)?.as_str_or_null().map_err(rusqlite::Error::from)?),
        active: row.get(10)?,
        fulfilled: row.get(11)?,
        redirect_to: row.get(12)?,
        metadata: maybe_json(row, 13)?,
        ends_at: maybe_moment(row, 16)?,
        assigned_at: moment(row, 7)?,
        assigned_sequence: uint(row.get(6)?),
        revoked_at: maybe_moment(row, 9)?.filter(|_| over),
        revoked_sequence: over.then_some(uint(until)),
    };
    Ok(Found { license, number, assignment })
}

pub(super) fn ask(db: &AsOf<'_>, query: &Query) -> Result<Vec<Found>, Error> {
    let mut statement = db.prepare_cached(&query.sql)?;
    let mut rows = statement.query(params_from_iter(&query.values))?;
    let mut all = vec![];
    while let Some(row) = rows.next()? {
        all.push(found(row, db.at)?);
    }
    Ok(all)
}

/// The assignments of a license, in the order in which they were made.
pub fn of_license(
    db: &Connection,
    account: &str,
    license: &str,
    filter: &Filter<'_>,
    cursor: Option<&str>,
    limit: usize,
    at: u64,
) -> Result<Page<Assignment>, Error> {
    let db = AsOf::new(db, at)?;
    let [after] = numbers_after(cursor, [0])?;
    let Some(account) = known::find(&db, account)? else {
        return Ok(Page::of(vec![], limit, db.sequence()));
    };
    let sql = "SELECT id FROM licenses WHERE account = ?1 AND license = ?2";
    let license = db.prepare_cached(sql)?.query_row((account, license), |row| row.get::<_, i64>(0));
    let license = match license {
        Err(rusqlite::Error::QueryReturnedNoRows) => {
            return Ok(Page::of(vec![], limit, db.sequence()));
        }
        other => other?,
    };
    let mut all = vec![];
    if let Some(mut query) = shorter(&db, account, filter) {
        query.and("listed.license = ?", Some(license)).and("listed.number > ?", Some(after));
        narrow(&mut query, filter, db.at);
        query.limit(" ORDER BY listed.number LIMIT ?", rows_for(limit));
        let all = ask(&db, &query)?;
        return Ok(page(all, limit, db.sequence(), |it| number_key([it.number])));
    }
    for over in overs(&db, filter) {
        let mut query = query(&db, account);
        query.and("it.over = ?", Some(over)).and("it.license = ?", Some(license));
        query.and("it.number > ?", Some(after));
        narrow(&mut query, filter, db.at);
        query.limit(" ORDER BY it.number LIMIT ?", rows_for(limit));
        all.extend(ask(&db, &query)?);
    }
    all.sort_by_key(|it| it.number);
    Ok(page(all, limit, db.sequence(), |it| number_key([it.number])))
}

/// The assignments of an account, license by license, in the order in which they were made.
pub fn of_account(
    db: &Connection,
    account: &str,
    filter: &Filter<'_>,
    cursor: Option<&str>,
    limit: usize,
    at: u64,
) -> Result<Page<Assignment>, Error> {
    let db = AsOf::new(db, at)?;
    let [license, number] = numbers_after(cursor, [0, 0])?;
    let Some(account) = known::find(&db, account)? else {
        return Ok(Page::of(vec![], limit, db.sequence()));
    };
    let key = |it: &Found| number_key([it.license, it.number]);
    if let Some(mut query) = shorter(&db, account, filter) {
        query.values.extend([license.into(), number.into()]);
        query.sql.push_str(" AND (listed.license, listed.number) > (?4, ?5)");
        narrow(&mut query, filter, db.at);
        query.limit(" ORDER BY listed.license, listed.number LIMIT ?", rows_for(limit));
        return Ok(page(ask(&db, &query)?, limit, db.sequence(), key));
    }
    let mut all = vec![];
    for over in overs(&db, filter) {
        let mut query = query(&db, account);
        query.and("it.over = ?", Some(over));
        query.and("it.license >= ?", Some(license));
        query.values.push(number.into());
        query.sql.push_str(" AND (it.license, it.number) > (?4, ?5)");
        narrow(&mut query, filter, db.at);
        query.limit(" ORDER BY it.license, it.number LIMIT ?", rows_for(limit));
        all.extend(ask(&db, &query)?);
    }
    all.sort_by_key(|it| (it.license, it.number));
    Ok(page(all, limit, db.sequence(), key))
}

/// The assignments of a holder, in the order in which they were made.
pub fn of_holder(
    db: &Connection,
    account: &str,
    who: Who<'_>,
    filter: &Filter<'_>,
    cursor: Option<&str>,
    limit: usize,
    at: u64,
) -> Result<Page<Assignment>, Error> {
    let db = AsOf::new(db, at)?;
    let [after] = numbers_after(cursor, [0])?;
    let mut all = vec![];
    if let Some(account) = known::find(&db, account)? {
        let holders = match who {
            Who::User(user) => vec![user_key(user)],
            Who::Email(email) => emails::holders_of(&db, account, email, db.at)?,
        };
        for holder in holders {
            let sql = [COLUMNS, BY_HOLDER, REST].concat();
            let values = [Value::from(db.at), account.into(), holder.into()];
            let mut query = Query::new(&sql, values);
            query.sql.push_str(" AND who = ?3");
            query.and("holders.number > ?", Some(after));
            narrow(&mut query, filter, db.at);
            query.limit(" ORDER BY holders.number LIMIT ?", rows_for(limit));
            all.extend(ask(&db, &query)?);
        }
    }
    all.sort_by_key(|it| it.number);
    Ok(page(all, limit, db.sequence(), |it| number_key([it.number])))
}

/// Which parts of the index to look into: now and without the ended ones, only one of two.
fn overs(db: &AsOf<'_>, filter: &Filter<'_>) -> std::ops::RangeInclusive<i64> {
    0..=i64::from(!db.now || filter.ended)
}

fn page(
    all: Vec<Found>,
    limit: usize,
    sequence: u64,
    key: impl Fn(&Found) -> Vec<u8>,
) -> Page<Assignment> {
    let keyed = all.into_iter().take(rows_for(limit)).map(|it| (key(&it), it.assignment));
    Page::of(keyed.collect(), limit, sequence)
}

/// The assignment with that id, ended or not, and the sequence as of which it is told.
pub fn by_id(
    db: &Connection,
    account: &str,
    assignment: Uuid,
    at: u64,
) -> Result<(Option<Assignment>, u64), Error> {
    one(db, account, "it.assignment = ?", Value::from(assignment.as_bytes().to_vec()), at)
}

/// The assignment with that number, ended or not.
pub fn by_number(
    db: &Connection,
    account: &str,
    number: u64,
    at: u64,
) -> Result<(Option<Assignment>, u64), Error> {
    one(db, account, "it.number = ?", Value::from(int(number)), at)
}

fn one(
    db: &Connection,
    account: &str,
    condition: &str,
    value: Value,
    at: u64,
) -> Result<(Option<Assignment>, u64), Error> {
    let db = AsOf::new(db, at)?;
    let Some(account) = known::find(&db, account)? else { return Ok((None, db.sequence())) };
    let mut query = query(&db, account);
    query.and(condition, Some(value));
    let found = ask(&db, &query)?.into_iter().next().map(|it| it.assignment);
    Ok((found, db.sequence()))
}
