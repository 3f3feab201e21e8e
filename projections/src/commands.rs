//! The read model of commands: which were accepted, and where in the log what they caused is.

use events::request::ContentHash;
use events::wire::{Commit, Record};
use events::{AccountId, CommandId};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, OptionalExtension, ToSql, params};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::as_of::{AsOf, int};
use crate::error::Error;
use crate::known::{self, Known};
use crate::page::{Page, number_key, numbers_after, rows_for};
use crate::position;
use crate::store::{Feed, ReadModel, Writer};

/// The model.
pub static MODEL: ReadModel = ReadModel {
    name: "commands",
    version: 1,
    schema: &[known::ACCOUNTS, SCHEMA],
    feed: Feed::Commits(|| Box::<Commands>::default()),
};

/// Ids first in the index: those of UUIDv7 rise with time, so new ones, and the question whether
/// one is new, stay at the right edge of the tree, which is in memory.
const SCHEMA: &str = "
    CREATE TABLE commands (
        account  INTEGER NOT NULL,
        position INTEGER NOT NULL,
        id       ANY     NOT NULL,
        hash     BLOB    NOT NULL CHECK (length(hash) = 16),
        count    INTEGER NOT NULL CHECK (count > 0),
        PRIMARY KEY (account, position)
    ) STRICT, WITHOUT ROWID;
    CREATE UNIQUE INDEX commands_by_id ON commands (id, account);";

/// An accepted command that caused something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Accepted {
    /// Its id.
    pub command: String,
    /// What it asked.
    #[schema(value_type = String)]
    pub hash: ContentHash,
    /// The commit that holds what it caused.
    pub sequence: u64,
    /// Which event of the commit is its first, from 0.
    pub first: u32,
    /// How many events of the commit are its own, from `first` on.
    pub count: u32,
}

/// A command id as a key: 16 bytes when it is a UUID in its usual spelling, else its text.
pub(crate) enum CommandKey<'a> {
    Uuid(Uuid),
    Text(&'a str),
}

impl CommandKey<'_> {
    pub(crate) fn of(id: &str) -> CommandKey<'_> {
        let mut buffer = Uuid::encode_buffer();
        match Uuid::try_parse(id) {
            // Only the spelling that it is given back in.
            Ok(uuid) if id == uuid.hyphenated().encode_lower(&mut buffer) => CommandKey::Uuid(uuid),
            _ => CommandKey::Text(id),
        }
    }
}

impl ToSql for CommandKey<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            CommandKey::Uuid(uuid) => ValueRef::Blob(uuid.as_bytes()),
            CommandKey::Text(text) => ValueRef::Text(text.as_bytes()),
        }))
    }
}

/// A command id as it was given.
pub(crate) fn command_id(key: ValueRef<'_>) -> Result<String, Error> {
    let damaged = |_| Error::Damaged("a command id is neither text nor 16 bytes".to_owned());
    match key {
        ValueRef::Blob(bytes) => {
            Ok(Uuid::from_slice(bytes).map_err(|_| damaged(()))?.hyphenated().to_string())
        }
        ValueRef::Null | ValueRef::Integer(_) | ValueRef::Real(_) | ValueRef::Text(_) => {
            Ok(key.as_str().map_err(|_| damaged(()))?.to_owned())
        }
    }
}

#[derive(Default)]
struct Commands {
    known: Known<()>,
}

impl Writer for Commands {
    fn commit(&mut self, db: &Connection, commit: &Commit) -> Result<(), Error> {
        let mut first = 0;
        for of_one in commit.records.chunk_by(same_command) {
            if let Some(record) = of_one.first() {
                self.command(db, commit, first, record, of_one.len())?;
            }
            first += of_one.len();
        }
        Ok(())
    }

    fn flush(&mut self, _: &Connection) -> Result<(), Error> {
        self.known.trim();
        Ok(())
    }

    fn forget(&mut self) {
        self.known.forget();
    }
}

fn same_command(one: &Record, next: &Record) -> bool {
    one.account == next.account && one.command.id == next.command.id
}

impl Commands {
    fn command(
        &mut self,
        db: &Connection,
        commit: &Commit,
        first: usize,
        record: &Record,
        count: usize,
    ) -> Result<(), Error> {
        let account = self.known.account(db, &record.account, commit)?;
        db.prepare_cached("INSERT INTO commands VALUES (?1, ?2, ?3, ?4, ?5)")?.execute(params![
            account,
            position::of(commit.sequence, first)?,
            CommandKey::of(record.command.id.as_str()),
            record.command.hash.0,
            int(count as u64)
        ])?;
        Ok(())
    }
}

/// The command of that id, if it was accepted and caused something. Asked for every new command,
/// so made to say no quickly.
pub fn find(
    db: &Connection,
    account: &AccountId,
    command: &CommandId,
) -> Result<Option<Accepted>, Error> {
    // The id first: when nobody has it, the account is not even looked up.
    let sql = "SELECT commands.position, commands.hash, commands.count
               FROM commands CROSS JOIN accounts
               WHERE commands.id = ?1 AND accounts.id = commands.account
                 AND accounts.account = ?2";
    let mut statement = db.prepare_cached(sql)?;
    let key = CommandKey::of(command.as_str());
    let found = statement.query_row(params![key, account.as_str()], |row| {
        let (sequence, first) = position::split(row.get(0)?);
        let (command, hash) = (command.as_str().to_owned(), ContentHash(row.get(1)?));
        Ok(Accepted { command, hash, sequence, first, count: row.get(2)? })
    });
    Ok(found.optional()?)
}

/// The accepted commands of an account that caused something, newest first.
pub fn recent(
    db: &Connection,
    account: &str,
    cursor: Option<&str>,
    limit: usize,
    at: u64,
) -> Result<Page<Accepted>, Error> {
    let [before] = numbers_after(cursor, [i64::MAX])?;
    let db = AsOf::new(db, at)?;
    let before = before.min(position::after(db.at));
    let sql = "SELECT position, hash, count, id FROM commands
               WHERE account = (SELECT id FROM accounts WHERE account = ?1) AND position < ?2
               ORDER BY position DESC LIMIT ?3";
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query(params![account, before, int(rows_for(limit) as u64)])?;
    let mut items = vec![];
    while let Some(row) = rows.next()? {
        let position = row.get(0)?;
        let (sequence, first) = position::split(position);
        let (command, hash) = (command_id(row.get_ref(3)?)?, ContentHash(row.get(1)?));
        let item = Accepted { command, hash, sequence, first, count: row.get(2)? };
        items.push((number_key([position]), item));
    }
    Ok(Page::of(items, limit, db.sequence()))
}
