//! By which e-mail address a user is known, and since when.
//!
//! An event names its holder with everything known then, so a user's address is what the last
//! event before a sequence said. Holders without a user id are found by their address itself.

use events::Holder;
use events::holder::HolderKey;
use rusqlite::{Connection, OptionalExtension, params};

use crate::error::Error;

/// One row from each sequence on at which a user was named with another address than before.
pub(crate) const SCHEMA: &str = "
    CREATE TABLE emails (
        account INTEGER NOT NULL,
        user    TEXT    NOT NULL,
        since   INTEGER NOT NULL,
        email   TEXT    NOT NULL,
        PRIMARY KEY (account, user, since)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX emails_of_address ON emails (account, email);";

/// What makes two holders the same one, as a key of tables: `u` and the user, or `e` and the
/// address of a holder who is no user yet.
pub(crate) fn holder_key(holder: &Holder) -> String {
    match holder.key() {
        HolderKey::User(user) => user_key(user),
        HolderKey::Email(email) => email_key(email),
    }
}

pub(crate) fn user_key(user: &str) -> String {
    ["u", user].concat()
}

pub(crate) fn email_key(email: &str) -> String {
    ["e", email].concat()
}

/// Takes note of what an event says of its holder.
pub(crate) fn note(
    db: &Connection,
    account: i64,
    holder: &Holder,
    sequence: i64,
) -> Result<(), Error> {
    let (Some(user), Some(email)) = (&holder.user, &holder.email) else { return Ok(()) };
    if of_user(db, account, user.as_str(), i64::MAX)?.as_deref() != Some(email.as_str()) {
        let sql = "INSERT OR REPLACE INTO emails VALUES (?1, ?2, ?3, ?4)";
        let row = params![account, user.as_str(), sequence, email.as_str()];
        db.prepare_cached(sql)?.execute(row)?;
    }
    Ok(())
}

/// The address a user was known by.
pub(crate) fn of_user(
    db: &Connection,
    account: i64,
    user: &str,
    at: i64,
) -> Result<Option<String>, Error> {
    let sql = "SELECT email FROM emails WHERE account = ?1 AND user = ?2 AND since <= ?3
               ORDER BY since DESC LIMIT 1";
    let mut statement = db.prepare_cached(sql)?;
    Ok(statement.query_row(params![account, user, at], |row| row.get(0)).optional()?)
}

/// The keys of all holders known by an address: the one who is nothing but the address, and users.
pub(crate) fn holders_of(
    db: &Connection,
    account: i64,
    email: &str,
    at: i64,
) -> Result<Vec<String>, Error> {
    let sql = "SELECT DISTINCT user FROM emails AS it
               WHERE account = ?1 AND email = ?2 AND since <= ?3
                 AND since = (SELECT max(since) FROM emails
                              WHERE account = ?1 AND user = it.user AND since <= ?3)";
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query(params![account, email, at])?;
    let mut keys = vec![email_key(email)];
    while let Some(row) = rows.next()? {
        keys.push(user_key(row.get_ref(0)?.as_str().map_err(rusqlite::Error::from)?));
    }
    Ok(keys)
}
