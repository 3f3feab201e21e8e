//! Live assignments of a license for clients that count: by number, page by page with how many there
//! are.

use events::Holder;
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use super::filter::{Filter, narrow};
use super::queries::{Assignment, COLUMNS, REST, ask, query};
use crate::as_of::{AsOf, int, uint};
use crate::emails::holder_key;
use crate::error::Error;
use crate::known;
use crate::page::Listing;
use crate::rows::Query;

/// Which live assignments of a license.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Those that hold a seat, or those that do not.
    pub active: Option<bool>,
    /// Those that downstream is done with, or those that it is not.
    pub fulfilled: Option<bool>,
    /// Those of one of these holders; of anybody when absent.
    pub holders: Option<Vec<Holder>>,
}

/// What a list of assignments is ordered by; the number decides where it does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum By {
    /// The number.
    #[default]
    Number,
    /// When it was made.
    Assigned,
    /// Whether it holds a seat.
    Active,
    /// Whether downstream is done with it.
    Fulfilled,
}

impl By {
    fn column(self) -> &'static str {
        match self {
            By::Number => "it.number",
            By::Assigned => "it.at",
            By::Active => "active",
            By::Fulfilled => "fulfilled",
        }
    }
}

/// The live assignments of a license from the `skip`th on. A license that does not exist has none.
pub fn numbered(
    db: &Connection,
    (account, license): (&str, &str),
    wanted: &Wanted,
    (by, descending): (By, bool),
    (skip, limit): (u64, usize),
    at: u64,
) -> Result<Listing<Assignment>, Error> {
    let db = AsOf::new(db, at)?;
    let mut listing = Listing { items: vec![], count: 0, sequence: db.sequence() };
    let Some(mut query) = of(&db, account, license, wanted)? else { return Ok(listing) };
    let count = format!("SELECT count(*) FROM ({})", query.sql);
    let mut statement = db.prepare_cached(&count)?;
    let count = statement.query_row(params_from_iter(&query.values), |row| row.get(0))?;
    listing.count = uint(count);
    query.order(by.column(), "it.number", descending).page(skip, limit);
    listing.items = ask(&db, &query)?.into_iter().map(|it| it.assignment).collect();
    Ok(listing)
}

/// The live assignment of a license that somebody has: nobody has two of one license.
pub fn held(
    db: &Connection,
    of: (&str, &str),
    holder: &Holder,
    at: u64,
) -> Result<Option<Assignment>, Error> {
    let db = AsOf::new(db, at)?;
    let wanted = Wanted { holders: Some(vec![holder.clone()]), ..Wanted::default() };
    let Some(query) = self::of(&db, of.0, of.1, &wanted)? else { return Ok(None) };
    Ok(ask(&db, &query)?.into_iter().next().map(|it| it.assignment))
}

/// How many live assignments of a license hold a seat, and how many of those downstream is done
/// with.
pub fn fulfilment(
    db: &Connection,
    (account, license): (&str, &str),
    at: u64,
) -> Result<(u64, u64), Error> {
    let db = AsOf::new(db, at)?;
    let wanted = Wanted { active: Some(true), ..Wanted::default() };
    let Some(query) = of(&db, account, license, &wanted)? else { return Ok((0, 0)) };
    let sql = format!("SELECT count(*), coalesce(sum(fulfilled), 0) FROM ({})", query.sql);
    let mut statement = db.prepare_cached(&sql)?;
    let counts = |row: &rusqlite::Row<'_>| Ok((uint(row.get(0)?), uint(row.get(1)?)));
    Ok(statement.query_row(params_from_iter(&query.values), counts)?)
}

/// The last commit that changed an assignment, or made it.
pub fn changed(db: &Connection, number: u64, at: u64) -> Result<Option<u64>, Error> {
    let db = AsOf::new(db, at)?;
    let sql = "SELECT max(it.since, coalesce((SELECT max(until) FROM states
                                              WHERE number = it.number AND until <= ?1), 0))
               FROM assignments AS it WHERE it.number = ?2 AND it.since <= ?1";
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query((db.at, int(number)))?;
    Ok(rows.next()?.map(|row| row.get(0)).transpose()?.map(uint))
}

/// Whose the assignment with that number is: numbers are unique over the ledger.
pub fn account_of(db: &Connection, number: u64, at: u64) -> Result<Option<String>, Error> {
    let db = AsOf::new(db, at)?;
    let sql = "SELECT accounts.account FROM assignments AS it
               CROSS JOIN accounts ON accounts.id = it.account
               WHERE it.number = ?1 AND it.since <= ?2";
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query([int(number), db.at])?;
    Ok(rows.next()?.map(|row| row.get(0)).transpose()?)
}

fn of(
    db: &AsOf<'_>,
    account: &str,
    license: &str,
    wanted: &Wanted,
) -> Result<Option<Query>, Error> {
    let Some(account) = known::find(db, account)? else { return Ok(None) };
    let sql = "SELECT id FROM licenses WHERE account = ?1 AND license = ?2";
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query((account, license))?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let Wanted { active, fulfilled, holders } = wanted;
    let mut query = match holders {
        Some(holders) => of_holders(db, account, holders),
        None => query(db, account),
    };
    query.and("it.license = ?", Some(row.get::<_, i64>(0)?));
    // What is live now is all in one part of the index.
    query.and("it.over = ?", db.now.then_some(0));
    let filter = Filter { active: *active, fulfilled: *fulfilled, ..Filter::default() };
    narrow(&mut query, &filter, db.at);
    Ok(Some(query))
}

/// From the few assignments that these holders have or had: a license may have very many.
fn of_holders(db: &AsOf<'_>, account: i64, holders: &[Holder]) -> Query {
    // The first two values are the sequence and the account.
    let marks: Vec<String> = (0..holders.len()).map(|it| format!("?{}", it + 3)).collect();
    let marks = marks.join(", ");
    let sql = format!(
        "{COLUMNS} (SELECT DISTINCT number FROM holders WHERE account = ?2 AND holder IN ({marks})) AS held
         CROSS JOIN assignments AS it ON it.number = held.number {REST} AND who IN ({marks})"
    );
    let keys = holders.iter().map(|it| Value::from(holder_key(it)));
    Query::new(&sql, [Value::from(db.at), account.into()].into_iter().chain(keys))
}

#[cfg(test)]
mod tests {
    use events::{Email, UserId};

    use super::*;
    use crate::assignments::MODEL;
    use crate::tests::{plan, store_of_a_world};

    #[test]
    fn who_has_a_license_is_found_from_the_holder_and_not_from_the_license() {
        let dir = tempfile::tempdir().unwrap();
        let store = store_of_a_world(dir.path(), &MODEL);
        let ada = Holder::user(UserId::new("ada").unwrap());
        let new = Holder::email(Email::new("new@x.org").unwrap());
        for at in [50, u64::MAX] {
            let db = AsOf::new(store.db(), at).unwrap();
            for holders in [vec![ada.clone()], vec![ada.clone(), new.clone()]] {
                let wanted = Wanted { holders: Some(holders), ..Wanted::default() };
                let query = of(&db, "acme", "creative", &wanted).unwrap().unwrap();
                let plan = plan(&db, &query);
                let is = |words: &str| plan.iter().any(|it| it.contains(words));
                assert!(
                    is("SEARCH holders USING PRIMARY KEY (account=? AND holder=?)"),
                    "{plan:?}"
                );
                assert!(is("SEARCH it USING INTEGER PRIMARY KEY"), "{plan:?}");
            }
        }
    }
}
