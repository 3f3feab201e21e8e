//! Questions about what is decided.

use events::Moment;
use events::policy::Policy;
use rusqlite::types::Value;
use rusqlite::{Connection, Row, params_from_iter};
use serde::Serialize;
use utoipa::ToSchema;

use crate::as_of::{AsOf, uint};
use crate::error::Error;
use crate::known;
use crate::page::{self, Page, number_key, numbers_after, rows_for};
use crate::rows::{Query, from_json, moment};

/// What was decided for an account, or for one of its licenses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Decided {
    /// For which license; for the whole account when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub license: Option<String>,
    /// What. What is absent is decided further up: by the account, or by nobody.
    pub policy: Policy,
    /// Since when.
    pub since: Moment,
    /// By which commit.
    pub since_sequence: u64,
}

const POLICIES: &str = "
    SELECT it.id, it.license, it.since, it.at, it.policy FROM policies AS it
    WHERE it.since <= ?1 AND it.account = ?2";

fn decided(row: &Row<'_>) -> Result<Decided, Error> {
    let license: String = row.get(1)?;
    Ok(Decided {
        license: (!license.is_empty()).then_some(license),
        policy: from_json(row, 4)?,
        since: moment(row, 3)?,
        since_sequence: uint(row.get(2)?),
    })
}

fn ask(
    db: &AsOf<'_>,
    query: &Query,
    key: impl Fn(i64, &Decided) -> Vec<u8>,
) -> Result<Vec<(Vec<u8>, Decided)>, Error> {
    let mut statement = db.prepare_cached(&query.sql)?;
    let mut rows = statement.query(params_from_iter(&query.values))?;
    let mut all = vec![];
    while let Some(row) = rows.next()? {
        let it = decided(row)?;
        all.push((key(row.get(0)?, &it), it));
    }
    Ok(all)
}

/// What is decided: for the account first, then for its licenses by name. Where nothing is, nothing
/// is said.
pub fn policies(
    db: &Connection,
    account: &str,
    cursor: Option<&str>,
    limit: usize,
    at: u64,
) -> Result<Page<Decided>, Error> {
    let after = cursor.map(|_| page::name_after(cursor)).transpose()?;
    let db = AsOf::new(db, at)?;
    let mut items = vec![];
    if let Some(account) = known::find(&db, account)? {
        let mut query = Query::new(POLICIES, [Value::from(db.at), account.into()]);
        query.sql.push_str(
            " AND it.policy <> '{}'
              AND it.id = (SELECT max(id) FROM policies
                           WHERE account = it.account AND license = it.license AND since <= ?1)",
        );
        query.and("it.license > ?", after);
        query.limit(" ORDER BY it.license LIMIT ?", rows_for(limit));
        let key = |_, it: &Decided| it.license.clone().unwrap_or_default().into_bytes();
        items = ask(&db, &query, key)?;
    }
    Ok(Page::of(items, limit, db.sequence()))
}

/// Everything that was decided for an account and its licenses, or for one license, in the order in
/// which it was.
pub fn decided_over_time(
    db: &Connection,
    account: &str,
    license: Option<&str>,
    cursor: Option<&str>,
    limit: usize,
    at: u64,
) -> Result<Page<Decided>, Error> {
    let [after] = numbers_after(cursor, [0])?;
    let db = AsOf::new(db, at)?;
    let mut items = vec![];
    if let Some(account) = known::find(&db, account)? {
        let mut query = Query::new(POLICIES, [Value::from(db.at), account.into()]);
        query.and("it.license = ?", license.map(str::to_owned));
        query.and("it.id > ?", Some(after));
        query.limit(" ORDER BY it.id LIMIT ?", rows_for(limit));
        items = ask(&db, &query, |id, _| number_key([id]))?;
    }
    Ok(Page::of(items, limit, db.sequence()))
}
