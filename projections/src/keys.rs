//! The read model of keys: which there are, or were, and what each is good for.

use std::collections::BTreeSet;

use events::event::{KeyCreated, KeyUsed};
use events::key::{Facade, KeyId, Role};
use events::moment::Day;
use events::wire::{Commit, Record};
use events::{Event, Moment};
use rusqlite::types::Value;
use rusqlite::{Connection, Row, params, params_from_iter};
use serde::Serialize;
use serde::de::DeserializeOwned;
use utoipa::ToSchema;

use crate::as_of::{AsOf, int, uint};
use crate::error::Error;
use crate::known::{self, Known};
use crate::page::{Page, number_key, numbers_after, rows_for};
use crate::rows::{Query, maybe_moment, moment, to_json};
use crate::store::{Feed, ReadModel, Writer};

/// The model.
pub static MODEL: ReadModel = ReadModel {
    name: "keys",
    version: 2,
    schema: &[known::ACCOUNTS, SCHEMA],
    feed: Feed::Commits(|| Box::<Keys>::default()),
};

/// `days` has a row for each day on which a key was used.
const SCHEMA: &str = "
    CREATE TABLE keys (
        id         INTEGER PRIMARY KEY,
        account    INTEGER NOT NULL,
        key        BLOB    NOT NULL CHECK (length(key) = 8),
        hash       BLOB    NOT NULL CHECK (length(hash) = 32),
        role       TEXT    NOT NULL,
        facades    TEXT,
        expires_at INTEGER,
        every      INTEGER NOT NULL,
        name       TEXT,
        made_by    TEXT    NOT NULL,
        since      INTEGER NOT NULL,
        at         INTEGER NOT NULL,
        until      INTEGER NOT NULL DEFAULT 9223372036854775807,
        ended_at   INTEGER,
        ended_by   TEXT,
        UNIQUE (account, key),
        CHECK (since <= until)
    ) STRICT;

    CREATE TABLE days (
        key   INTEGER NOT NULL,
        since INTEGER NOT NULL,
        day   TEXT    NOT NULL,
        PRIMARY KEY (key, since)
    ) STRICT, WITHOUT ROWID;";

#[derive(Default)]
struct Keys {
    known: Known<()>,
}

impl Writer for Keys {
    fn commit(&mut self, db: &Connection, commit: &Commit) -> Result<(), Error> {
        commit.records.iter().try_for_each(|record| self.record(db, commit, record))
    }

    fn flush(&mut self, _: &Connection) -> Result<(), Error> {
        self.known.trim();
        Ok(())
    }

    fn forget(&mut self) {
        self.known.forget();
    }
}

impl Keys {
    /// Few events are about keys, and an account without one is of no interest here.
    fn record(&mut self, db: &Connection, commit: &Commit, record: &Record) -> Result<(), Error> {
        if let Event::KeyCreated(it) = &record.event {
            let account = self.known.account(db, &record.account, commit)?;
            created(db, account, commit, record, it)?;
        }
        if let Event::KeyRevoked(it) = &record.event {
            let account = self.known.account(db, &record.account, commit)?;
            let changed = revoked(db, account, commit, record, it.key)?;
            one(changed, commit, it.key)?;
        }
        if let Event::KeyUsed(it) = &record.event {
            let account = self.known.account(db, &record.account, commit)?;
            let changed = used(db, account, commit, it)?;
            one(changed, commit, it.key)?;
        }
        Ok(())
    }
}

fn one(changed: usize, commit: &Commit, key: KeyId) -> Result<(), Error> {
    match changed {
        1 => Ok(()),
        _ => Err(Error::inconsistent(commit.sequence, format!("key {key} is not there"))),
    }
}

fn created(
    db: &Connection,
    account: i64,
    commit: &Commit,
    record: &Record,
    it: &KeyCreated,
) -> Result<(), Error> {
    let sql = "INSERT INTO keys (account, key, hash, role, facades, expires_at, every, name,
                                 made_by, since, at)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
    db.prepare_cached(sql)?.execute(params![
        account,
        it.key.0,
        it.hash.0,
        it.role.as_str(),
        it.facades.as_ref().map(to_json).transpose()?,
        it.expires_at.map(Moment::millis),
        it.every_account,
        it.name.as_ref().map(|it| it.as_str()),
        record.actor.as_str(),
        int(commit.sequence),
        commit.header.at.millis()
    ])?;
    Ok(())
}

fn revoked(
    db: &Connection,
    account: i64,
    commit: &Commit,
    record: &Record,
    key: KeyId,
) -> Result<usize, Error> {
    let sql = "UPDATE keys SET until = ?3, ended_at = ?4, ended_by = ?5
               WHERE account = ?1 AND key = ?2 AND ended_at IS NULL";
    let (sequence, at) = (int(commit.sequence), commit.header.at.millis());
    let row = params![account, key.0, sequence, at, record.actor.as_str()];
    Ok(db.prepare_cached(sql)?.execute(row)?)
}

fn used(db: &Connection, account: i64, commit: &Commit, it: &KeyUsed) -> Result<usize, Error> {
    let sql = "INSERT INTO days (key, since, day)
               SELECT id, ?3, ?4 FROM keys WHERE account = ?1 AND key = ?2";
    let row = params![account, it.key.0, int(commit.sequence), it.day.to_string()];
    Ok(db.prepare_cached(sql)?.execute(row)?)
}

/// A key as people are told of it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Key {
    /// What it is called: what stands after `slk_`, up to the next `_`.
    #[schema(value_type = String)]
    pub key: KeyId,
    /// What people call it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What it may do.
    pub role: Role,
    /// Which APIs take it; all when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub facades: Option<BTreeSet<Facade>>,
    /// Whether it reaches every account.
    pub every_account: bool,
    /// When it expires; never when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Moment>,
    /// The last day on which it was used, in UTC; absent for one that never was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_used: Option<Day>,
    /// Who made it.
    pub created_by: String,
    /// When.
    pub since: Moment,
    /// In which commit.
    pub since_sequence: u64,
    /// Who revoked it. This and what follows is absent for one that is not revoked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revoked_by: Option<String>,
    /// When.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Moment>,
    /// In which commit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until_sequence: Option<u64>,
}

const KEYS: &str = "
    SELECT it.id, it.key, it.name, it.role, it.facades, it.every, it.expires_at, it.made_by,
           it.since, it.at, it.until, it.ended_at, it.ended_by,
           (SELECT day FROM days WHERE days.key = it.id AND days.since <= ?1
            ORDER BY since DESC LIMIT 1)
    FROM keys AS it WHERE it.since <= ?1 AND it.account = ?2";

fn told(row: &Row<'_>, at: i64) -> Result<Key, Error> {
    let until: i64 = row.get(10)?;
    let over = until <= at;
    Ok(Key {
        key: KeyId(row.get(1)?),
        name: row.get(2)?,
        role: word(row.get(3)?)?,
        facades: maybe_json(row, 4)?,
        every_account: row.get(5)?,
        expires_at: maybe_moment(row, 6)?,
        last_used: row.get::<_, Option<String>>(13)?.map(word).transpose()?,
        created_by: row.get(7)?,
        since: moment(row, 9)?,
        since_sequence: uint(row.get(8)?),
        revoked_by: row.get::<_, Option<String>>(12)?.filter(|_| over),
        until: maybe_moment(row, 11)?.filter(|_| over),
        until_sequence: over.then_some(uint(until)),
    })
}

/// The keys of an account, revoked ones too, in the order in which they were made.
pub fn keys(
    db: &Connection,
    account: &str,
    cursor: Option<&str>,
    limit: usize,
    at: u64,
) -> Result<Page<Key>, Error> {
    let [after] = numbers_after(cursor, [0])?;
    let db = AsOf::new(db, at)?;
    let mut items = vec![];
    if let Some(account) = known::find(&db, account)? {
        let mut query = Query::new(KEYS, [Value::from(db.at), account.into()]);
        query.and("it.id > ?", Some(after));
        query.limit(" ORDER BY it.id LIMIT ?", rows_for(limit));
        let mut statement = db.prepare_cached(&query.sql)?;
        let mut rows = statement.query(params_from_iter(&query.values))?;
        while let Some(row) = rows.next()? {
            items.push((number_key([row.get(0)?]), told(row, db.at)?));
        }
    }
    Ok(Page::of(items, limit, db.sequence()))
}

/// A value that is written as one string.
fn word<T: DeserializeOwned>(text: String) -> Result<T, Error> {
    let text = serde_json::Value::String(text);
    serde_json::from_value(text).map_err(|it| Error::Damaged(it.to_string()))
}

fn maybe_json<T: DeserializeOwned>(row: &Row<'_>, column: usize) -> Result<Option<T>, Error> {
    let text: Option<String> = row.get(column)?;
    let read = |it: String| serde_json::from_str(&it);
    text.map(read).transpose().map_err(|it| Error::Damaged(it.to_string()))
}
