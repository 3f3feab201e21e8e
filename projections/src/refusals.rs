//! The read model of refusals: denied demand and denied attempts. Fed by a stream that forgets, so
//! not part of the truth, and without a past to travel to.

use events::{Moment, Refused};
use rusqlite::types::Value;
use rusqlite::{Connection, Row, params, params_from_iter};
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::as_of::{AsOf, int, uint};
use crate::error::Error;
use crate::history::via;
use crate::page::{Page, number_key, numbers_after, rows_for};
use crate::position;
use crate::rows::{Query, id, maybe_json, moment};
use crate::store::{Feed, ReadModel};

/// The model.
pub static MODEL: ReadModel =
    ReadModel { name: "refusals", version: 3, schema: &[SCHEMA], feed: Feed::Refusals };

/// Names stand in full: there are few refusals, and they are dropped again.
const SCHEMA: &str = "
    CREATE TABLE refusals (
        position INTEGER PRIMARY KEY,
        id       BLOB    NOT NULL,
        at       INTEGER NOT NULL,
        account  TEXT    NOT NULL,
        command  TEXT    NOT NULL,
        hash     BLOB    NOT NULL,
        type     TEXT    NOT NULL,
        actor    TEXT    NOT NULL,
        let_in   TEXT    NOT NULL,
        via      TEXT    NOT NULL,
        change   TEXT,
        code     TEXT    NOT NULL,
        detail   TEXT    NOT NULL,
        pointer  TEXT,
        license  TEXT,
        product  TEXT,
        holders  INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX refusals_of_account ON refusals (account, position);
    CREATE INDEX refusals_of_license ON refusals (account, license, at) WHERE license IS NOT NULL;
    CREATE INDEX refusals_of_command ON refusals (command);";

/// A refused command.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Refusal {
    /// The refusal.
    pub id: Uuid,
    /// When it was judged.
    pub at: Moment,
    /// For which account.
    pub account: String,
    /// The command.
    pub command: String,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: String,
    /// Who asked, as the sender said.
    pub actor: String,
    /// Who was let in.
    pub by: String,
    /// Through which door.
    pub via: String,
    /// Why they asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub change: Option<Box<RawValue>>,
    /// The refusal's code.
    pub code: String,
    /// The sentence with the numbers that mattered.
    pub detail: String,
    /// The member of the document that was refused, as a JSON pointer; the whole of it when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
    /// The license that was named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub license: Option<String>,
    /// The product that was named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub product: Option<String>,
    /// Holders that were named.
    pub holders: u64,
}

/// Which refusals of an account. All that is given must hold.
#[derive(Debug, Clone, Copy, Default)]
pub struct Filter<'a> {
    /// That named this license.
    pub license: Option<&'a str>,
    /// With this code.
    pub code: Option<&'a str>,
    /// Of commands of this actor.
    pub actor: Option<&'a str>,
    /// Of commands of whoever was let in so.
    pub by: Option<&'a str>,
    /// From here, inclusive.
    pub from: Option<Moment>,
    /// Until here, exclusive.
    pub to: Option<Moment>,
}

/// How often commands that named a license were refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, ToSchema)]
pub struct Counts {
    /// Commands refused.
    pub refused: u64,
    /// Those among them for want of a free seat.
    pub no_free_seat: u64,
}

/// Writes the refusals of one message.
pub(crate) fn write(db: &Connection, sequence: u64, all: &[Refused]) -> Result<(), Error> {
    let sql = "INSERT INTO refusals VALUES
               (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)";
    let mut insert = db.prepare_cached(sql)?;
    for (index, it) in all.iter().enumerate() {
        let change = (!it.change.is_empty()).then(|| serde_json::to_string(&it.change));
        let change = change.transpose().map_err(|it| Error::inconsistent(sequence, it))?;
        insert.execute(params![
            position::of(sequence, index)?,
            it.id.as_bytes(),
            it.at.millis(),
            it.account.as_str(),
            it.command.as_str(),
            it.hash.0,
            it.kind,
            it.actor.as_str(),
            it.by.as_str(),
            via(it.via),
            change,
            it.code,
            it.detail,
            it.pointer,
            it.license.as_ref().map(|it| it.as_str()),
            it.product.as_ref().map(|it| it.as_str()),
            int(it.holders as u64)
        ])?;
    }
    Ok(())
}

/// Drops refusals of messages before this one.
pub(crate) fn forget(db: &Connection, first: u64) -> Result<(), Error> {
    let sql = "DELETE FROM refusals WHERE position < ?1";
    db.prepare_cached(sql)?.execute([position::first(int(first))])?;
    Ok(())
}

const REFUSALS: &str = "
    SELECT position, id, at, account, command, type, actor, let_in, via, change, code, detail,
           pointer, license, product, holders
    FROM refusals WHERE";

fn ask(db: &Connection, query: &Query) -> Result<Vec<(Vec<u8>, Refusal)>, Error> {
    let mut statement = db.prepare_cached(&query.sql)?;
    let mut rows = statement.query(params_from_iter(&query.values))?;
    let mut all = vec![];
    while let Some(row) = rows.next()? {
        all.push((number_key([row.get(0)?]), refusal(row)?));
    }
    Ok(all)
}

fn refusal(row: &Row<'_>) -> Result<Refusal, Error> {
    Ok(Refusal {
        id: id(row, 1)?,
        at: moment(row, 2)?,
        account: row.get(3)?,
        command: row.get(4)?,
        kind: row.get(5)?,
        actor: row.get(6)?,
        by: row.get(7)?,
        via: row.get(8)?,
        change: maybe_json(row, 9)?,
        code: row.get(10)?,
        detail: row.get(11)?,
        pointer: row.get(12)?,
        license: row.get(13)?,
        product: row.get(14)?,
        holders: uint(row.get(15)?),
    })
}

/// The refusals of an account, newest first. The page's sequence is that of the stream of refusals.
pub fn of_account(
    db: &Connection,
    account: &str,
    filter: &Filter<'_>,
    cursor: Option<&str>,
    limit: usize,
) -> Result<Page<Refusal>, Error> {
    let [before] = numbers_after(cursor, [i64::MAX])?;
    let db = AsOf::new(db, u64::MAX)?;
    let mut query = Query::new(
        &format!("{REFUSALS} account = ?1 AND position < ?2"),
        [Value::from(account.to_owned()), before.into()],
    );
    query.and("license = ?", filter.license.map(str::to_owned));
    query.and("code = ?", filter.code.map(str::to_owned));
    query.and("actor = ?", filter.actor.map(str::to_owned));
    query.and("let_in = ?", filter.by.map(str::to_owned));
    query.and("at >= ?", filter.from.map(Moment::millis));
    query.and("at < ?", filter.to.map(Moment::millis));
    query.limit(" ORDER BY position DESC LIMIT ?", rows_for(limit));
    Ok(Page::of(ask(&db, &query)?, limit, db.sequence()))
}

/// The refusals of one command, oldest first: the same command may be refused more than once.
pub fn by_command(db: &Connection, account: &str, command: &str) -> Result<Vec<Refusal>, Error> {
    let query = Query::new(
        &format!("{REFUSALS} command = ?1 AND account = ?2 ORDER BY position"),
        [Value::from(command.to_owned()), account.to_owned().into()],
    );
    Ok(ask(db, &query)?.into_iter().map(|it| it.1).collect())
}

/// How often commands that named a license were refused, for each stretch of time: from,
/// inclusive, to, exclusive.
pub fn counts(
    db: &Connection,
    account: &str,
    license: &str,
    buckets: &[(Moment, Moment)],
) -> Result<Vec<Counts>, Error> {
    let db = AsOf::new(db, u64::MAX)?;
    let sql = "SELECT count(*), coalesce(sum(code = 'no_free_seat'), 0) FROM refusals
               WHERE account = ?1 AND license = ?2 AND at >= ?3 AND at < ?4";
    let mut statement = db.prepare_cached(sql)?;
    let mut counts = Vec::with_capacity(buckets.len());
    for (from, to) in buckets {
        let bucket = params![account, license, from.millis(), to.millis()];
        counts.push(statement.query_row(bucket, |row| {
            Ok(Counts { refused: uint(row.get(0)?), no_free_seat: uint(row.get(1)?) })
        })?);
    }
    Ok(counts)
}
