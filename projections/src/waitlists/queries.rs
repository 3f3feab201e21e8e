//! Questions about who waits.

use std::collections::HashMap;

use events::{Holder, Moment};
use rusqlite::types::Value;
use rusqlite::{Connection, Row, params_from_iter};
use serde::Serialize;
use utoipa::ToSchema;

use crate::as_of::{AsOf, uint};
use crate::emails::{self, user_key};
use crate::error::Error;
use crate::known;
use crate::page::{Page, number_key, numbers_after, rows_for};
use crate::rows::{self, Query, maybe_moment, moment};

/// A place in a waitlist as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Place {
    /// Its number: a lower one is served first.
    pub place: u64,
    /// Waits for a seat of this license.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub license: Option<String>,
    /// Waits for a seat of this product, of whichever license.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub product: Option<String>,
    /// Who, with everything known of them.
    pub holder: Holder,
    /// On which ground the assignment will stand.
    #[schema(example = "direct")]
    pub ground: String,
    /// How many wait for the same license, or the same product, up to this one. Absent when it is
    /// over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<u64>,
    /// Since when they wait.
    pub since: Moment,
    /// By which commit.
    pub since_sequence: u64,
    /// Why it is over: `served`, `given_up` or `withdrawn`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "served")]
    pub end: Option<String>,
    /// Since when.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Moment>,
    /// By which commit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until_sequence: Option<u64>,
}

/// Which places. All that is given must hold.
#[derive(Debug, Clone, Copy, Default)]
pub struct Filter<'a> {
    /// Those for a seat of this license, by its name.
    pub license: Option<&'a str>,
    /// Those for a seat of this product, of whichever license.
    pub product: Option<&'a str>,
    /// Those of this user.
    pub user: Option<&'a str>,
    /// Those of everybody known by this e-mail address, in lower case.
    pub email: Option<&'a str>,
    /// Those that are over, too.
    pub ended: bool,
}

const PLACES: &str = "
    SELECT it.id, it.place, it.line, it.holder,
           (SELECT email FROM emails
            WHERE account = it.account AND user = substr(it.holder, 2) AND it.holder >= 'u'
              AND since <= ?1 ORDER BY since DESC LIMIT 1),
           it.ground, it.since, it.at, it.until, it.ended_at, it.end
    FROM places AS it
    WHERE it.since <= ?1 AND it.account = ?2";

/// A place, what lists are ordered by, and which line it is in.
struct Found {
    key: (i64, i64),
    line: String,
    place: Place,
}

fn found(row: &Row<'_>, at: i64) -> Result<Found, Error> {
    let (id, order, line): (i64, i64, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
    let key = row.get_ref(3)?.as_str().map_err(rusqlite::Error::from)?;
    let until: i64 = row.get(8)?;
    let over = until <= at;
    let place = Place {
        place: uint(order),
        license: line.strip_prefix('l').map(str::to_owned),
        product: line.strip_prefix('p').map(str::to_owned),
        holder: rows::holder(key, row.get::<_, Option<String>>(4)?.as_deref())?,
        ground: row.get(5)?,
        position: None,
        since: moment(row, 7)?,
        since_sequence: uint(row.get(6)?),
        end: row.get::<_, Option<String>>(10)?.filter(|_| over),
        until: maybe_moment(row, 9)?.filter(|_| over),
        until_sequence: over.then_some(uint(until)),
    };
    Ok(Found { key: (order, id), line, place })
}

/// Who waits in an account, the one who is served first before the others.
pub fn places(
    db: &Connection,
    account: &str,
    filter: &Filter<'_>,
    cursor: Option<&str>,
    limit: usize,
    at: u64,
) -> Result<Page<Place>, Error> {
    let db = AsOf::new(db, at)?;
    let after = numbers_after(cursor, [-1, 0])?;
    let mut all = vec![];
    if let Some(account) = known::find(&db, account)? {
        let mut holders = vec![];
        match (filter.user, filter.email) {
            (None, None) => holders.push(None),
            (Some(user), _) => holders.push(Some(user_key(user))),
            (None, Some(email)) => {
                let known = emails::holders_of(&db, account, email, db.at)?;
                holders.extend(known.into_iter().map(Some));
            }
        }
        for holder in holders {
            for over in 0..=i64::from(!db.now || filter.ended) {
                all.extend(ask(&db, account, filter, holder.as_deref(), over, after, limit)?);
            }
        }
        all.sort_by_key(|it| it.key);
        all.truncate(rows_for(limit));
        // A list of somebody's places leaves out those in between.
        let whole = filter.user.is_none() && filter.email.is_none();
        number(&db, account, &mut all, whole)?;
    }
    let keyed = all.into_iter().map(|it| (number_key([it.key.0, it.key.1]), it.place));
    Ok(Page::of(keyed.collect(), limit, db.sequence()))
}

fn ask(
    db: &AsOf<'_>,
    account: i64,
    filter: &Filter<'_>,
    holder: Option<&str>,
    over: i64,
    [place, id]: [i64; 2],
    limit: usize,
) -> Result<Vec<Found>, Error> {
    let mut query = Query::new(PLACES, [Value::from(db.at), account.into()]);
    query.and("it.over = ?", Some(over));
    query.and("it.place >= ?", Some(place)).values.extend([place.into(), id.into()]);
    query.sql.push_str(" AND (it.place, it.id) > (?5, ?6)");
    query.and("it.holder = ?", holder.map(str::to_owned));
    query.and("it.line = ?", filter.license.map(|it| ["l", it].concat()));
    query.and("it.line = ?", filter.product.map(|it| ["p", it].concat()));
    query.and("it.until > ?", (!filter.ended).then_some(db.at));
    query.limit(" ORDER BY it.place, it.id LIMIT ?", rows_for(limit));
    let mut statement = db.prepare_cached(&query.sql)?;
    let mut rows = statement.query(params_from_iter(&query.values))?;
    let mut all = vec![];
    while let Some(row) = rows.next()? {
        all.push(found(row, db.at)?);
    }
    Ok(all)
}

/// Says the position of each that is not over. In a whole list everybody in a line follows those of
/// the line before: only the first is counted.
fn number(db: &AsOf<'_>, account: i64, all: &mut [Found], whole: bool) -> Result<(), Error> {
    let sql = "SELECT count(*) FROM places
               WHERE account = ?2 AND line = ?3 AND over = ?4 AND place <= ?5
                 AND since <= ?1 AND until > ?1";
    let mut statement = db.prepare_cached(sql)?;
    let mut last: HashMap<String, u64> = HashMap::new();
    for it in all.iter_mut().filter(|it| it.place.until_sequence.is_none()) {
        let position = match last.get(&it.line).filter(|_| whole) {
            Some(before) => before + 1,
            None => {
                let mut before = 0;
                for over in 0..=i64::from(!db.now) {
                    let row = (db.at, account, &it.line, over, it.key.0);
                    before += statement.query_row(row, |row| row.get::<_, i64>(0))?;
                }
                uint(before)
            }
        };
        last.insert(it.line.clone(), position);
        it.place.position = Some(position);
    }
    Ok(())
}
