//! Questions about licenses and accounts.

use events::Moment;
use events::account::LicenseState;
use events::event::Host;
use events::policy::Policy;
use rusqlite::types::Value;
use rusqlite::{Connection, Row, params_from_iter};
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::above::Above;
use crate::as_of::{AsOf, int, uint};
use crate::error::Error;
use crate::known;
use crate::page::{self, Page, rows_for};
use crate::rows::{Query, from_json, maybe_json, maybe_moment, moment};
use crate::state;

/// A license as it was.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct License {
    /// What it is called.
    pub license: String,
    /// The number that integer-minded clients know it by.
    pub number: u64,
    /// What its seats are of.
    pub product: String,
    /// The container that holds it; the account itself when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
    /// The license that it is a part of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// Where it comes from, if another account gives it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<Host>,
    /// A label for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Seats.
    pub quantity: i64,
    /// Seats that its parts take of it, and seats that are kept for other accounts. A part takes its
    /// quantity, or what is taken of it where that is more.
    pub allocated: i64,
    /// Seats that are held: live, active assignments.
    pub used: i64,
    /// Seats that it gives out at most: the quantity, and what the policy `overage` adds. `null` where
    /// there is no end to them.
    pub limit: Option<i64>,
    /// Seats that it has left to give out while it can be used: `limit` less `used` and `allocated`, of
    /// a part no more than its parent lets it; `null` where there is no end to them. Whether it can be
    /// used, `state` and the window say.
    pub available: Option<i64>,
    /// Whether more is taken of it than it gives out, or shared out than its quantity, since a quantity
    /// or a limit was lowered.
    pub over_allocated: bool,
    /// Live assignments, inactive ones included.
    pub assignments: i64,
    /// Whether it can be used.
    pub state: LicenseState,
    /// What is decided for it alone; what is not is decided by the account, or by nobody.
    #[serde(skip_serializing_if = "Policy::is_empty")]
    pub policy: Policy,
    /// In force from here, inclusive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub starts_at: Option<Moment>,
    /// In force until here, exclusive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<Moment>,
    /// Days after the end in which it can still be used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grace_days: Option<u16>,
    /// What another system calls it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// Which system it came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Anything else, as it was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub metadata: Option<Box<RawValue>>,
    /// When it was allocated.
    pub allocated_at: Moment,
    /// The last commit with an event about it, about one of its assignments, or that changed how much
    /// its parts take of it.
    pub changed_sequence: u64,
}

/// An account in a list of accounts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct AccountSummary {
    /// What it is called.
    pub account: String,
    /// Licenses that are not retired. Parts are none beside the licenses that they are parts of.
    pub licenses: u64,
    /// Their seats.
    pub quantity: i64,
    /// Their seats that are held, those of their parts included.
    pub used: i64,
    /// What is decided for the whole account; what is not is as if nobody had decided.
    #[serde(skip_serializing_if = "Policy::is_empty")]
    pub policy: Policy,
    /// Since when it exists.
    pub since: Moment,
}

/// Which licenses of an account.
#[derive(Debug, Clone, Default)]
pub struct Filter<'a> {
    /// Those of this product.
    pub product: Option<&'a str>,
    /// Those of this container.
    pub container: Option<&'a str>,
    /// Those that are no part of another one, or those that are.
    pub whole: Option<bool>,
    /// Those in this state.
    pub state: Option<LicenseState>,
    /// The one with this external id.
    pub external_id: Option<&'a str>,
    /// Those whose label, or whose own name where they have no label, contains this; ASCII letters
    /// match in either case.
    pub name: Option<&'a str>,
}

pub(super) const LICENSES: &str = "
    SELECT it.license, it.number, it.product, it.container, versions.name, points.quantity,
           points.used, points.live, versions.state, versions.starts_at, versions.ends_at,
           versions.external_id, versions.source, versions.metadata, it.at, points.sequence,
           versions.policy, versions.over_allocated,
           (SELECT policy FROM policies WHERE account = it.account AND since <= ?1
            ORDER BY since DESC LIMIT 1),
           it.parent, points.allocated, versions.grace_days, it.host
    FROM licenses AS it
    JOIN versions ON versions.license = it.id AND versions.since =
        (SELECT max(since) FROM versions WHERE license = it.id AND since <= ?1)
    JOIN points ON points.license = it.id AND points.sequence =
        (SELECT max(sequence) FROM points WHERE license = it.id AND sequence <= ?1)
    WHERE it.since <= ?1 AND it.account = ?2";

/// A license without what it has left, which [`Above`] tells.
pub(super) fn license(row: &Row<'_>) -> Result<License, Error> {
    let (quantity, used): (i64, i64) = (row.get(5)?, row.get(6)?);
    let allocated: i64 = row.get(20)?;
    let (policy, of_account) = (from_json::<Policy>(row, 16)?, from_json::<Policy>(row, 18)?);
    // What the account decides counts once: for the license, not for its parts as well.
    let parent: Option<String> = row.get(19)?;
    let of_account = of_account.overage.filter(|_| parent.is_none());
    let overage = policy.overage.or(of_account).unwrap_or_default();
    let limit = Some(overage.limit(quantity)).filter(|it| *it < i64::MAX);
    Ok(License {
        license: row.get(0)?,
        number: uint(row.get(1)?),
        product: row.get(2)?,
        container: row.get(3)?,
        parent,
        host: from_json::<Option<Host>>(row, 22)?,
        allocated,
        grace_days: row.get(21)?,
        name: row.get(4)?,
        quantity,
        used,
        limit,
        available: None,
        over_allocated: row.get(17)?,
        policy,
        assignments: row.get(7)?,
        state: state::of(row, 8)?,
        starts_at: maybe_moment(row, 9)?,
        ends_at: maybe_moment(row, 10)?,
        external_id: row.get(11)?,
        source: row.get(12)?,
        metadata: maybe_json(row, 13)?,
        allocated_at: moment(row, 14)?,
        changed_sequence: uint(row.get(15)?),
    })
}

/// The licenses of an account, by name. An account that does not exist has none.
pub fn of_account(
    db: &Connection,
    account: &str,
    filter: &Filter<'_>,
    cursor: Option<&str>,
    limit: usize,
    at: u64,
) -> Result<Page<License>, Error> {
    let after = page::name_after(cursor)?;
    let db = AsOf::new(db, at)?;
    let mut items = vec![];
    if let Some(account) = known::find(&db, account)? {
        let query = listed(&db, account, filter, after, limit);
        let mut statement = db.prepare_cached(&query.sql)?;
        let mut rows = statement.query(params_from_iter(&query.values))?;
        let mut above = Above::new(&db, account);
        while let Some(row) = rows.next()? {
            let license = above.told(row)?;
            items.push((license.license.clone().into_bytes(), license));
        }
    }
    Ok(Page::of(items, limit, db.sequence()))
}

/// The licenses that are meant, after one of that name.
fn listed(db: &AsOf<'_>, account: i64, filter: &Filter<'_>, after: String, limit: usize) -> Query {
    let mut query = Query::new(LICENSES, [Value::from(db.at), account.into()]);
    query.and("it.license > ?", Some(after));
    query.and("it.product = ?", filter.product.map(str::to_owned));
    query.and("it.container = ?", filter.container.map(str::to_owned));
    query.and("(it.parent IS NULL) = ?", filter.whole.map(i64::from));
    query.and("versions.state = ?", filter.state.map(state::number));
    query.and("versions.external_id = ?", filter.external_id.map(str::to_owned));
    let named = "instr(lower(coalesce(versions.name, it.license)), lower(?)) > 0";
    query.and(named, filter.name.map(str::to_owned));
    query.limit(" ORDER BY it.license LIMIT ?", rows_for(limit));
    query
}

/// The license of that name, and the sequence as of which it is told.
pub fn one(
    db: &Connection,
    account: &str,
    license: &str,
    at: u64,
) -> Result<(Option<License>, u64), Error> {
    find(db, account, "it.license = ?3", Value::from(license.to_owned()), at)
}

/// The license with that number.
pub fn by_number(
    db: &Connection,
    account: &str,
    number: u64,
    at: u64,
) -> Result<(Option<License>, u64), Error> {
    find(db, account, "it.number = ?3", Value::from(int(number)), at)
}

/// The license that another system calls so.
pub fn by_external_id(
    db: &Connection,
    account: &str,
    external_id: &str,
    at: u64,
) -> Result<(Option<License>, u64), Error> {
    // From the few versions that ever had this id to their licenses, not the other way round.
    let condition = "it.id IN (SELECT license FROM versions WHERE external_id = ?3)
                     AND versions.external_id = ?3";
    find(db, account, condition, Value::from(external_id.to_owned()), at)
}

fn find(
    db: &Connection,
    account: &str,
    condition: &str,
    value: Value,
    at: u64,
) -> Result<(Option<License>, u64), Error> {
    let db = AsOf::new(db, at)?;
    let Some(account) = known::find(&db, account)? else { return Ok((None, db.sequence())) };
    let mut query = Query::new(LICENSES, [Value::from(db.at), account.into()]);
    query.and(condition, Some(value));
    let mut statement = db.prepare_cached(&query.sql)?;
    let mut rows = statement.query(params_from_iter(&query.values))?;
    let found = rows.next()?.map(|row| Above::new(&db, account).told(row)).transpose()?;
    Ok((found, db.sequence()))
}

/// All accounts, or one of them, by name, each with what its licenses add up to.
pub fn accounts(
    db: &Connection,
    only: Option<&str>,
    after: Option<&str>,
    limit: usize,
    at: u64,
) -> Result<Page<AccountSummary>, Error> {
    let after = page::name_after(after)?;
    let db = AsOf::new(db, at)?;
    let sql = "SELECT id, account, at FROM accounts WHERE account > ?1 AND since <= ?2 AND (?4 IS NULL OR account = ?4)
               ORDER BY account LIMIT ?3";
    let sums = sums();
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query((after, db.at, int(rows_for(limit) as u64), only))?;
    let mut items = vec![];
    while let Some(row) = rows.next()? {
        let (id, account, since) =
            (row.get::<_, i64>(0)?, row.get::<_, String>(1)?, moment(row, 2)?);
        let sums = db
            .prepare_cached(&sums)?
            .query_row((db.at, id), |row| Ok((uint(row.get(0)?), row.get(1)?, row.get(2)?)))?;
        let (licenses, quantity, used) = sums;
        let policy = policy_of(&db, id)?;
        let summary = AccountSummary { account, licenses, quantity, used, policy, since };
        items.push((summary.account.clone().into_bytes(), summary));
    }
    Ok(Page::of(items, limit, db.sequence()))
}

/// One account with what its licenses add up to, and the sequence as of which it is told.
pub fn account(
    db: &Connection,
    account: &str,
    at: u64,
) -> Result<(Option<AccountSummary>, u64), Error> {
    let db = AsOf::new(db, at)?;
    let sql = "SELECT id, at FROM accounts WHERE account = ?1 AND since <= ?2";
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query((account, db.at))?;
    let Some(row) = rows.next()? else { return Ok((None, db.sequence())) };
    let (id, since) = (row.get::<_, i64>(0)?, moment(row, 1)?);
    let sums = sums();
    let (licenses, quantity, used) = db
        .prepare_cached(&sums)?
        .query_row((db.at, id), |row| Ok((uint(row.get(0)?), row.get(1)?, row.get(2)?)))?;
    let (account, policy) = (account.to_owned(), policy_of(&db, id)?);
    let summary = AccountSummary { account, licenses, quantity, used, policy, since };
    Ok((Some(summary), db.sequence()))
}

/// Whether there is an account of that name.
pub fn account_exists(db: &Connection, account: &str, at: u64) -> Result<bool, Error> {
    let db = AsOf::new(db, at)?;
    let sql = "SELECT EXISTS (SELECT 1 FROM accounts WHERE account = ?1 AND since <= ?2)";
    Ok(db.prepare_cached(sql)?.query_row((account, db.at), |row| row.get(0))?)
}

/// Whether an account has a license that is not retired. A part is none.
pub fn has_license(db: &Connection, account: &str, at: u64) -> Result<bool, Error> {
    let db = AsOf::new(db, at)?;
    let sql = "SELECT EXISTS (
                   SELECT 1 FROM licenses AS it
                   WHERE it.account = (SELECT id FROM accounts WHERE account = ?1)
                     AND it.since <= ?2 AND it.parent IS NULL
                     AND (SELECT state FROM versions WHERE license = it.id AND since <= ?2
                          ORDER BY since DESC LIMIT 1) < 2)";
    Ok(db.prepare_cached(sql)?.query_row((account, db.at), |row| row.get(0))?)
}

/// What the licenses of an account add up to. A part is no license and no seat more, and a seat of it
/// is held once.
fn sums() -> String {
    format!(
        "SELECT count(*) FILTER (WHERE parent IS NULL),
                coalesce(sum(quantity) FILTER (WHERE parent IS NULL), 0), coalesce(sum(used), 0)
         FROM ({LICENSES} AND versions.state < 2)"
    )
}

/// What is decided for an account.
fn policy_of(db: &AsOf<'_>, account: i64) -> Result<Policy, Error> {
    let sql = "SELECT policy FROM policies WHERE account = ?1 AND since <= ?2
               ORDER BY since DESC LIMIT 1";
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query((account, db.at))?;
    rows.next()?.map_or(Ok(Policy::default()), |row| from_json(row, 0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::licenses::MODEL;
    use crate::tests::{plan, store_of_a_world};

    #[test]
    fn what_a_container_has_is_found_from_the_container_and_what_a_product_has_from_the_product() {
        let dir = tempfile::tempdir().unwrap();
        let store = store_of_a_world(dir.path(), &MODEL);
        let db = AsOf::new(store.db(), u64::MAX).unwrap();
        let (container, product) = (Some("north"), Some("CREATIVE"));
        let of_container = "licenses_of_container (account=? AND container=? AND license>?)";
        for (container, product, index) in [
            (container, None, of_container),
            (container, product, of_container),
            (None, product, "licenses_of_product (account=? AND product=? AND license>?)"),
        ] {
            let filter = Filter { container, product, ..Filter::default() };
            let plan = plan(&db, &listed(&db, 1, &filter, String::new(), 10));
            let is = |words: &str| plan.iter().any(|it| it.contains(words));
            assert!(is(index), "{filter:?}: {plan:?}");
            // The index has them in their order.
            assert!(!is("TEMP B-TREE"), "{filter:?}: {plan:?}");
        }
    }
}
