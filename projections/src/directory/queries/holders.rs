//! Questions about who is known.

use events::{Holder, Moment};
use rusqlite::types::Value;
use rusqlite::{Connection, Row, params_from_iter};
use serde::Serialize;
use utoipa::ToSchema;

use super::EMAIL;
use crate::as_of::{AsOf, int, uint};
use crate::emails::{self, holder_key, user_key};
use crate::error::Error;
use crate::known;
use crate::page::{Page, number_key, numbers_after, rows_for};
use crate::rows::{self, Query, from_json, moment};

/// A holder as they were known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct KnownHolder {
    /// Who, with everything known of them.
    pub holder: Holder,
    /// The number that integer-minded clients know them by; absent for one whom only early releases
    /// have named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<u64>,
    /// What they are called where they sign in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_name: Option<String>,
    /// What they are called by people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// Whether somebody said who they are, or they were only named.
    pub registered: bool,
    /// Whether they get nothing any more.
    pub retired: bool,
    /// The user whom this address names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub linked: Option<String>,
    /// Everything that they have directly, if it is a set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub direct_set: Option<DirectSet>,
    /// The groups that they are in, in the order in which the groups came to be.
    pub groups: Vec<String>,
    /// When they were first named.
    pub since: Moment,
    /// By which commit.
    pub since_sequence: u64,
}

/// Everything that somebody has directly.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct DirectSet {
    /// Which products.
    pub products: Vec<String>,
    /// Whether another system looks after these seats.
    pub external: bool,
}

/// Which holders.
#[derive(Debug, Clone, Copy, Default)]
pub struct HolderFilter<'a> {
    /// Those of whom somebody said who they are, or those who were only named.
    pub registered: Option<bool>,
    /// Those who get nothing any more, or those who do.
    pub retired: Option<bool>,
    /// Everybody known by this e-mail address, in lower case: users, and the address itself.
    pub email: Option<&'a str>,
    /// The one with this number.
    pub number: Option<u64>,
    /// Those who are called so where they sign in.
    pub user_name: Option<&'a str>,
}

fn query(db: &AsOf<'_>, account: i64) -> Query {
    let sql = format!(
        "SELECT who.id, who.holder, who.since, who.at, it.number, it.user_name, it.display_name,
                it.registered, it.retired, it.linked, it.products, it.external, {EMAIL}
         FROM holders AS who CROSS JOIN holder_versions AS it ON it.holder = who.id
              AND it.since = (SELECT max(since) FROM holder_versions
                              WHERE holder = who.id AND since <= ?1)
         WHERE who.since <= ?1 AND who.account = ?2"
    );
    Query::new(&sql, [Value::from(db.at), account.into()])
}

fn ask(db: &AsOf<'_>, query: &Query) -> Result<Vec<(i64, KnownHolder)>, Error> {
    let mut statement = db.prepare_cached(&query.sql)?;
    let mut rows = statement.query(params_from_iter(&query.values))?;
    let mut all = vec![];
    while let Some(row) = rows.next()? {
        all.push((row.get(0)?, known_holder(db, row)?));
    }
    Ok(all)
}

fn known_holder(db: &AsOf<'_>, row: &Row<'_>) -> Result<KnownHolder, Error> {
    let key = row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?;
    let products: Option<Vec<String>> = from_json(row, 10)?;
    let external = row.get(11)?;
    Ok(KnownHolder {
        holder: rows::holder(key, row.get::<_, Option<String>>(12)?.as_deref())?,
        number: row.get::<_, Option<i64>>(4)?.map(uint),
        user_name: row.get(5)?,
        display_name: row.get(6)?,
        registered: row.get(7)?,
        retired: row.get(8)?,
        linked: row.get(9)?,
        direct_set: products.map(|products| DirectSet { products, external }),
        groups: groups_of(db, row.get(0)?)?,
        since: moment(row, 3)?,
        since_sequence: uint(row.get(2)?),
    })
}

fn groups_of(db: &AsOf<'_>, holder: i64) -> Result<Vec<String>, Error> {
    let sql = "SELECT groups.name FROM members CROSS JOIN groups ON groups.id = members.grp
               WHERE members.holder = ?2 AND members.over <= ?3
                 AND members.since <= ?1 AND members.until > ?1
               ORDER BY members.grp";
    let mut statement = db.prepare_cached(sql)?;
    let rows = statement.query_map((db.at, holder, !db.now), |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Who is known to an account, in the order in which they were first named.
pub fn holders(
    db: &Connection,
    account: &str,
    filter: &HolderFilter<'_>,
    cursor: Option<&str>,
    limit: usize,
    at: u64,
) -> Result<Page<KnownHolder>, Error> {
    let db = AsOf::new(db, at)?;
    let [after] = numbers_after(cursor, [0])?;
    let mut all = vec![];
    if let Some(account) = known::find(&db, account)? {
        let keys = match filter.email {
            None => vec![None],
            Some(email) => {
                let keys = emails::holders_of(&db, account, email, db.at)?;
                keys.into_iter().map(Some).collect()
            }
        };
        for key in keys {
            let query = listed(&db, account, filter, key, after, limit);
            all.extend(ask(&db, &query)?);
        }
    }
    all.sort_by_key(|it| it.0);
    let keyed = all.into_iter().take(rows_for(limit)).map(|(id, it)| (number_key([id]), it));
    Ok(Page::of(keyed.collect(), limit, db.sequence()))
}

/// Who is meant, after one of that number; only whoever has this key, if there is one.
fn listed(
    db: &AsOf<'_>,
    account: i64,
    filter: &HolderFilter<'_>,
    key: Option<String>,
    after: i64,
    limit: usize,
) -> Query {
    let mut query = query(db, account);
    query.and("who.id > ?", Some(after)).and("who.holder = ?", key);
    query.and("it.registered = ?", filter.registered.map(i64::from));
    query.and("it.retired = ?", filter.retired.map(i64::from));
    // From the few versions that ever had this name, or this number, to their holders.
    let user_name = filter.user_name.map(str::to_owned);
    let named = "who.id IN (SELECT holder FROM holder_versions WHERE user_name = ?)";
    query.and(named, user_name.clone()).and("it.user_name = ?", user_name);
    let number = filter.number.map(int);
    let numbered = "who.id IN (SELECT holder FROM holder_versions WHERE number = ?)";
    query.and(numbered, number).and("it.number = ?", number);
    query.limit(" ORDER BY who.id LIMIT ?", rows_for(limit));
    query
}

/// The user of that id as they were known, and the sequence as of which it is told.
pub fn holder(
    db: &Connection,
    account: &str,
    user: &str,
    at: u64,
) -> Result<(Option<KnownHolder>, u64), Error> {
    let db = AsOf::new(db, at)?;
    let Some(account) = known::find(&db, account)? else { return Ok((None, db.sequence())) };
    let mut query = query(&db, account);
    query.and("who.holder = ?", Some(user_key(user)));
    let found = ask(&db, &query)?.into_iter().next().map(|it| it.1);
    Ok((found, db.sequence()))
}

/// Whoever that is, as they were known.
pub fn person(
    db: &Connection,
    account: &str,
    holder: &Holder,
    at: u64,
) -> Result<Option<KnownHolder>, Error> {
    let db = AsOf::new(db, at)?;
    let Some(account) = known::find(&db, account)? else { return Ok(None) };
    let mut query = query(&db, account);
    query.and("who.holder = ?", Some(holder_key(holder)));
    Ok(ask(&db, &query)?.into_iter().next().map(|it| it.1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::MODEL;
    use crate::tests::{plan, store_of_a_world};

    #[test]
    fn whoever_has_a_name_or_a_number_is_found_from_it_and_not_from_everybody() {
        let dir = tempfile::tempdir().unwrap();
        let store = store_of_a_world(dir.path(), &MODEL);
        let db = AsOf::new(store.db(), u64::MAX).unwrap();
        let (number, user_name) = (Some(7), Some("nobody"));
        for (filter, index) in [
            (HolderFilter { number, ..Default::default() }, "holders_of_number (number=?)"),
            (
                HolderFilter { user_name, ..Default::default() },
                "holders_of_user_name (user_name=?)",
            ),
        ] {
            let plan = plan(&db, &listed(&db, 1, &filter, None, 0, 10));
            let is = |words: &str| plan.iter().any(|it| it.contains(words));
            assert!(is(index), "{filter:?}: {plan:?}");
            assert!(
                is("SEARCH who USING INDEX holders_of_account (account=? AND id=?"),
                "{filter:?}: {plan:?}"
            );
        }
    }
}
