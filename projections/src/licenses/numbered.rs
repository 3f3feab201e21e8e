//! Licenses for clients that count: by number, in any order, page by page with how many there are.

use events::account::LicenseState;
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use super::above::Above;
use super::queries::{LICENSES, License};
use crate::as_of::{AsOf, int, uint};
use crate::error::Error;
use crate::known;
use crate::page::Listing;
use crate::rows::Query;
use crate::state;

/// Which licenses of an account. Texts are compared as they are.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Those that are no part of another one.
    pub whole: bool,
    /// Of this product.
    pub product: Option<String>,
    /// Of products that begin like this.
    pub within: Option<String>,
    /// Of no product that begins like one of these.
    pub outside: Vec<String>,
    /// Of another product than this one.
    pub without: Option<String>,
    /// Those that can be used, or those that cannot.
    pub active: Option<bool>,
    /// The one with this external id.
    pub external_id: Option<String>,
    /// From this system.
    pub source: Option<String>,
    /// Those that are called so; what has no label is called by its own name.
    pub name: Option<String>,
    /// Those with this in what they are called; ASCII letters match in either case.
    pub search: Option<String>,
    /// Those with these members of their metadata, each compared as text.
    pub metadata: Vec<(String, String)>,
}

/// What a list of licenses is ordered by; the number decides where it does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum By {
    /// The number.
    #[default]
    Number,
    /// When it was allocated.
    Allocated,
    /// When it starts; when it was allocated if nothing else is said.
    Starts,
    /// When it ends.
    Ends,
    /// What it is called.
    Name,
    /// Seats.
    Quantity,
    /// Seats that are held.
    Used,
    /// Whether it can be used.
    Active,
    /// The external id.
    ExternalId,
    /// Which system it came from.
    Source,
}

impl By {
    fn column(self) -> &'static str {
        match self {
            By::Number => "it.number",
            By::Allocated => "it.at",
            By::Starts => "coalesce(versions.starts_at, it.at)",
            By::Ends => "versions.ends_at",
            By::Name => "coalesce(versions.name, it.license)",
            By::Quantity => "points.quantity",
            By::Used => "points.used",
            By::Active => "versions.state = 0",
            By::ExternalId => "versions.external_id",
            By::Source => "versions.source",
        }
    }
}

/// A member of an object of JSON, compared as text.
const MEMBER: &str = "
    EXISTS (SELECT 1 FROM json_each(versions.metadata) AS member
            WHERE member.key = ? AND ? = CASE member.type
                WHEN 'true' THEN 'true' WHEN 'false' THEN 'false' WHEN 'null' THEN 'null'
                ELSE CAST(member.value AS TEXT) END)";

/// The licenses of an account from the `skip`th on. An account that does not exist has none.
pub fn numbered(
    db: &Connection,
    account: &str,
    wanted: &Wanted,
    (by, descending): (By, bool),
    (skip, limit): (u64, usize),
    at: u64,
) -> Result<Listing<License>, Error> {
    let db = AsOf::new(db, at)?;
    let mut listing = Listing { items: vec![], count: 0, sequence: db.sequence() };
    let Some(account) = known::find(&db, account)? else { return Ok(listing) };
    let mut query = Query::new(LICENSES, [Value::from(db.at), account.into()]);
    narrow(&mut query, wanted);
    let count = format!("SELECT count(*) FROM ({})", query.sql);
    let mut statement = db.prepare_cached(&count)?;
    let count = statement.query_row(params_from_iter(&query.values), |row| row.get(0))?;
    listing.count = uint(count);
    query.order(by.column(), "it.number", descending).page(skip, limit);
    let mut statement = db.prepare_cached(&query.sql)?;
    let mut rows = statement.query(params_from_iter(&query.values))?;
    let mut above = Above::new(&db, account);
    while let Some(row) = rows.next()? {
        listing.items.push(above.told(row)?);
    }
    Ok(listing)
}

/// Whose the license with that number is: numbers are unique over the ledger.
pub fn account_of(db: &Connection, number: u64, at: u64) -> Result<Option<String>, Error> {
    let db = AsOf::new(db, at)?;
    let sql = "SELECT accounts.account FROM licenses AS it
               CROSS JOIN accounts ON accounts.id = it.account
               WHERE it.number = ?1 AND it.since <= ?2";
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query([int(number), db.at])?;
    Ok(rows.next()?.map(|row| row.get(0)).transpose()?)
}

/// Where there is a license that another system calls so: account and product of each, in the order
/// in which they were allocated.
pub fn accounts_of(
    db: &Connection,
    external_id: &str,
    at: u64,
) -> Result<Vec<(String, String)>, Error> {
    let db = AsOf::new(db, at)?;
    let sql = "SELECT DISTINCT accounts.account, it.product FROM versions
               CROSS JOIN licenses AS it ON it.id = versions.license
               CROSS JOIN accounts ON accounts.id = it.account
               WHERE versions.external_id = ?1 AND versions.since =
                   (SELECT max(since) FROM versions WHERE license = it.id AND since <= ?2)
               ORDER BY it.id";
    let mut statement = db.prepare_cached(sql)?;
    let rows = statement.query_map((external_id, db.at), |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn narrow(query: &mut Query, wanted: &Wanted) {
    if wanted.whole {
        query.sql.push_str(" AND it.parent IS NULL");
    }
    query.and("it.product = ?", wanted.product.clone());
    query.and("instr(it.product, ?) = 1", wanted.within.clone());
    for prefix in &wanted.outside {
        query.and("instr(it.product, ?) <> 1", Some(prefix.clone()));
    }
    query.and("it.product <> ?", wanted.without.clone());
    let usable = state::number(LicenseState::Active);
    let state = |active: bool| if active { "versions.state = ?" } else { "versions.state <> ?" };
    if let Some(active) = wanted.active {
        query.and(state(active), Some(usable));
    }
    query.and("versions.external_id = ?", wanted.external_id.clone());
    query.and("versions.source = ?", wanted.source.clone());
    query.and("coalesce(versions.name, it.license) = ?", wanted.name.clone());
    let named = "instr(lower(coalesce(versions.name, it.license)), lower(?)) > 0";
    query.and(named, wanted.search.clone());
    for (key, value) in &wanted.metadata {
        query.and(MEMBER, Some(key.clone()));
        query.values.push(value.clone().into());
    }
}
