//! By which e-mail address a user is known, and since when.
//!
//! An event names its holder with everything known then, so a user's address is what the last
//! event before a sequence said. Holders without a user id are found by their address itself.

use events::Holder;
use events::event::HolderLinked;
use events::holder::HolderKey;
use rusqlite::{Connection, OptionalExtension, params};

use crate::error::Error;

/// One row from each sequence on at which a user was named with another address than before, twice:
/// by user, and by address. `links` says which user an address names, for good, from a sequence on.
pub(crate) const SCHEMA: &str = "
    CREATE TABLE emails (
        account INTEGER NOT NULL,
        user    TEXT    NOT NULL,
        since   INTEGER NOT NULL,
        email   TEXT    NOT NULL,
        PRIMARY KEY (account, user, since)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE addresses (
        account INTEGER NOT NULL,
        email   TEXT    NOT NULL,
        user    TEXT    NOT NULL,
        since   INTEGER NOT NULL,
        PRIMARY KEY (account, email, user, since)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE links (
        account INTEGER NOT NULL,
        email   TEXT    NOT NULL,
        user    TEXT    NOT NULL,
        since   INTEGER NOT NULL,
        PRIMARY KEY (account, email)
    ) STRICT, WITHOUT ROWID;";

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

/// What events say of their holders, held back until the end of a batch and then written in the
/// order of the tables: names come in any order, and neighbours share a page.
#[derive(Default)]
pub(crate) struct Notes {
    named: Vec<Note>,
    linked: Vec<Note>,
}

struct Note {
    account: i64,
    user: String,
    since: i64,
    email: String,
}

impl Notes {
    /// Takes note of what an event says of its holder.
    pub(crate) fn add(&mut self, account: i64, holder: &Holder, since: i64) {
        if let (Some(user), Some(email)) = (&holder.user, &holder.email) {
            let (user, email) = (user.as_str().to_owned(), email.as_str().to_owned());
            self.named.push(Note { account, user, since, email });
        }
    }

    /// Takes note of whose an address is from now on.
    pub(crate) fn link(&mut self, account: i64, it: &HolderLinked, since: i64) {
        if let (Some(user), Some(email)) = (&it.holder.user, &it.from.email) {
            let (user, email) = (user.as_str().to_owned(), email.as_str().to_owned());
            self.linked.push(Note { account, user, since, email });
        }
    }

    /// Writes those that say something new.
    pub(crate) fn flush(&mut self, db: &Connection) -> Result<(), Error> {
        // Stable: of two notes of one commit the last one counts.
        self.named
            .sort_by(|a, b| (a.account, &a.user, a.since).cmp(&(b.account, &b.user, b.since)));
        let sql = "INSERT OR REPLACE INTO emails VALUES (?1, ?2, ?3, ?4)";
        let mut insert = db.prepare_cached(sql)?;
        let mut news = vec![];
        for it in self.named.drain(..) {
            let known = of_user(db, it.account, &it.user, i64::MAX)?;
            if known.as_deref() != Some(it.email.as_str()) {
                insert.execute(params![it.account, it.user, it.since, it.email])?;
                news.push(it);
            }
        }
        news.sort_unstable_by(|a, b| {
            (a.account, &a.email, &a.user, a.since).cmp(&(b.account, &b.email, &b.user, b.since))
        });
        let sql = "INSERT OR IGNORE INTO addresses VALUES (?1, ?2, ?3, ?4)";
        let mut insert = db.prepare_cached(sql)?;
        for it in news {
            insert.execute(params![it.account, it.email, it.user, it.since])?;
        }
        let mut insert = db.prepare_cached("INSERT INTO links VALUES (?1, ?2, ?3, ?4)")?;
        for it in self.linked.drain(..) {
            insert.execute(params![it.account, it.email, it.user, it.since])?;
        }
        Ok(())
    }

    /// Forgets everything.
    pub(crate) fn forget(&mut self) {
        self.named.clear();
        self.linked.clear();
    }
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

/// The user whom an address names.
pub(crate) fn linked_user(
    db: &Connection,
    account: i64,
    email: &str,
    at: i64,
) -> Result<Option<String>, Error> {
    let sql = "SELECT user FROM links WHERE account = ?1 AND email = ?2 AND since <= ?3";
    let mut statement = db.prepare_cached(sql)?;
    Ok(statement.query_row(params![account, email, at], |row| row.get(0)).optional()?)
}

/// The keys of all holders known by an address: the one who is nothing but the address, the user
/// whom it names, and users of whom it is said.
pub(crate) fn holders_of(
    db: &Connection,
    account: i64,
    email: &str,
    at: i64,
) -> Result<Vec<String>, Error> {
    let sql = "SELECT DISTINCT user FROM addresses
               WHERE account = ?1 AND email = ?2 AND since <= ?3";
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query(params![account, email, at])?;
    let mut keys = vec![email_key(email)];
    let linked = linked_user(db, account, email, at)?;
    keys.extend(linked.iter().map(|it| user_key(it)));
    while let Some(row) = rows.next()? {
        let user = row.get_ref(0)?.as_str().map_err(rusqlite::Error::from)?;
        // Known by it once; by another one since, perhaps.
        let linked = linked.as_deref() == Some(user);
        if !linked && of_user(db, account, user, at)?.as_deref() == Some(email) {
            keys.push(user_key(user));
        }
    }
    Ok(keys)
}
