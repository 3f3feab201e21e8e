//! What is said of holders.

use events::Holder;
use events::event::{DirectSetDeclared, HolderLinked, HolderRegistered};
use rusqlite::{OptionalExtension, ToSql, params};

use super::At;
use crate::as_of::int;
use crate::emails::holder_key;
use crate::error::Error;
use crate::rows::to_json;

/// The row of a holder, made if this is the first that is said of them.
pub(super) fn know(at: At<'_>, holder: &Holder, number: Option<u64>) -> Result<i64, Error> {
    let key = holder_key(holder);
    let number = number.filter(|it| *it != 0).map(int);
    if let Some(id) = find(at, &key)? {
        if let Some(number) = number {
            change(at, id, NUMBER, &[&number])?;
        }
        return Ok(id);
    }
    let sql = "INSERT INTO holders (account, holder, since, at) VALUES (?1, ?2, ?3, ?4)";
    let row = params![at.account, key, at.sequence, at.moment];
    let id = at.db.prepare_cached(sql)?.insert(row)?;
    let sql = "INSERT INTO holder_versions VALUES (?1, ?2, ?3, NULL, NULL, 0, 0, NULL, NULL, 0)";
    at.db.prepare_cached(sql)?.execute(params![id, at.sequence, number])?;
    Ok(id)
}

/// The row of a holder of whom something was said before.
pub(super) fn known(at: At<'_>, holder: &Holder) -> Result<i64, Error> {
    let found = find(at, &holder_key(holder))?;
    found.ok_or_else(|| at.inconsistent(format!("holder {holder} was never named")))
}

fn find(at: At<'_>, key: &str) -> Result<Option<i64>, Error> {
    let sql = "SELECT id FROM holders WHERE account = ?1 AND holder = ?2";
    let mut statement = at.db.prepare_cached(sql)?;
    Ok(statement.query_row(params![at.account, key], |row| row.get(0)).optional()?)
}

pub(super) fn registered(at: At<'_>, it: &HolderRegistered) -> Result<(), Error> {
    let id = know(at, &it.holder, Some(it.number))?;
    let user_name = it.user_name.as_ref().map(|it| it.as_str());
    let display_name = it.display_name.as_ref().map(|it| it.as_str());
    change(at, id, REGISTER, &[&user_name, &display_name, &it.registered])
}

pub(super) fn linked(at: At<'_>, it: &HolderLinked) -> Result<(), Error> {
    let user = it.holder.user.as_ref().map(|it| it.as_str());
    change(at, known(at, &it.from)?, LINK, &[&user])
}

pub(super) fn retired(at: At<'_>, holder: &Holder) -> Result<(), Error> {
    change(at, known(at, holder)?, RETIRE, &[])
}

pub(super) fn declared(at: At<'_>, it: &DirectSetDeclared) -> Result<(), Error> {
    change(at, known(at, &it.holder)?, DECLARE, &[&to_json(&it.products)?, &it.external])
}

pub(super) fn cleared(at: At<'_>, holder: &Holder) -> Result<(), Error> {
    change(at, known(at, holder)?, CLEAR, &[])
}

/// Changes a holder's version from this commit on, which is a copy of the one before.
fn change(at: At<'_>, holder: i64, set: &str, to: &[&dyn ToSql]) -> Result<(), Error> {
    let copy = "INSERT OR IGNORE INTO holder_versions
                SELECT holder, ?2, number, user_name, display_name, registered, retired, linked,
                       products, external
                FROM holder_versions WHERE holder = ?1 ORDER BY since DESC LIMIT 1";
    at.db.prepare_cached(copy)?.execute([holder, at.sequence])?;
    let mut row: Vec<&dyn ToSql> = vec![&holder, &at.sequence];
    row.extend(to);
    at.db.prepare_cached(set)?.execute(&row[..])?;
    Ok(())
}

const NUMBER: &str = "UPDATE holder_versions SET number = ?3 WHERE holder = ?1 AND since = ?2";

/// One who is only named, and not registered, does not come back by it.
const REGISTER: &str = "
    UPDATE holder_versions
    SET user_name = ?3, display_name = ?4, registered = ?5, retired = retired AND NOT ?5
    WHERE holder = ?1 AND since = ?2";

const LINK: &str = "UPDATE holder_versions SET linked = ?3 WHERE holder = ?1 AND since = ?2";

const RETIRE: &str = "UPDATE holder_versions SET retired = 1 WHERE holder = ?1 AND since = ?2";

const DECLARE: &str = "
    UPDATE holder_versions SET products = ?3, external = ?4 WHERE holder = ?1 AND since = ?2";

const CLEAR: &str = "
    UPDATE holder_versions SET products = NULL, external = 0 WHERE holder = ?1 AND since = ?2";
