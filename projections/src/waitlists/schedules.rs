//! Commands that wait for their time, or waited.

use std::fmt;

use events::Moment;
use events::event::{CommandScheduled, ScheduleCancelled, ScheduleFired};
use events::wire::{Commit, Record};
use rusqlite::types::Value;
use rusqlite::{Connection, Row, params, params_from_iter};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::as_of::{AsOf, int, uint};
use crate::error::Error;
use crate::known;
use crate::page::{Page, number_key, numbers_after, rows_for};
use crate::rows::{self, Query, maybe_moment, moment};

/// `over` keeps those that do not wait any more apart in the index, so that listing those that do
/// does not wade through them.
pub(super) const SCHEMA: &str = "
    CREATE TABLE schedules (
        account  INTEGER NOT NULL,
        schedule INTEGER NOT NULL,
        due      INTEGER NOT NULL,
        command  TEXT    NOT NULL,
        document TEXT    NOT NULL,
        asked_by TEXT    NOT NULL,
        asked_id TEXT    NOT NULL,
        since    INTEGER NOT NULL,
        at       INTEGER NOT NULL,
        over     INTEGER NOT NULL DEFAULT 0,
        until    INTEGER NOT NULL DEFAULT 9223372036854775807,
        ended_at INTEGER,
        ended_by TEXT,
        fired    INTEGER,
        refused  TEXT,
        detail   TEXT,
        PRIMARY KEY (account, schedule),
        CHECK (since <= until)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX schedules_by_due ON schedules (account, over, due, schedule);";

pub(super) fn scheduled(
    db: &Connection,
    account: i64,
    commit: &Commit,
    record: &Record,
    it: &CommandScheduled,
) -> Result<(), Error> {
    let sql =
        "INSERT INTO schedules (account, schedule, due, command, document, asked_by, asked_id,
                                      since, at)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
    db.prepare_cached(sql)?.execute(params![
        account,
        int(it.schedule),
        it.due.millis(),
        it.command.as_str(),
        it.document.as_str(),
        record.actor.as_str(),
        record.command.id.as_str(),
        int(commit.sequence),
        commit.header.at.millis()
    ])?;
    Ok(())
}

pub(super) fn cancelled(
    db: &Connection,
    account: i64,
    commit: &Commit,
    record: &Record,
    it: &ScheduleCancelled,
) -> Result<(), Error> {
    end(db, account, commit, record, it.schedule, None)
}

pub(super) fn fired(
    db: &Connection,
    account: i64,
    commit: &Commit,
    record: &Record,
    it: &ScheduleFired,
) -> Result<(), Error> {
    end(db, account, commit, record, it.schedule, Some(it))
}

fn end(
    db: &Connection,
    account: i64,
    commit: &Commit,
    record: &Record,
    schedule: u64,
    fired: Option<&ScheduleFired>,
) -> Result<(), Error> {
    let sql = "UPDATE schedules SET over = 1, until = ?3, ended_at = ?4, ended_by = ?5, fired = ?6,
                                    refused = ?7, detail = ?8
               WHERE account = ?1 AND schedule = ?2 AND over = 0";
    let changed = db.prepare_cached(sql)?.execute(params![
        account,
        int(schedule),
        int(commit.sequence),
        commit.header.at.millis(),
        record.actor.as_str(),
        fired.is_some(),
        fired.and_then(|it| it.refused.as_deref()),
        fired.and_then(|it| it.detail.as_deref())
    ])?;
    match changed {
        1 => Ok(()),
        _ => {
            let reason = format!("schedule {schedule} is not pending");
            Err(Error::inconsistent(commit.sequence, reason))
        }
    }
}

/// What became of a command that was to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ScheduleState {
    /// It is still to come.
    Pending,
    /// It was judged when it was due.
    Fired,
    /// It was dropped before.
    Cancelled,
}

impl ScheduleState {
    /// As written.
    pub fn as_str(self) -> &'static str {
        match self {
            ScheduleState::Pending => "pending",
            ScheduleState::Fired => "fired",
            ScheduleState::Cancelled => "cancelled",
        }
    }
}

impl fmt::Display for ScheduleState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A command that is, or was, to come.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Scheduled {
    /// Its number, by which it can be cancelled.
    pub schedule: u64,
    /// What became of it.
    pub state: ScheduleState,
    /// When it is due.
    pub due: Moment,
    /// The type of the command.
    #[schema(example = "RevokeAssignment")]
    pub command: String,
    /// Its document.
    #[schema(value_type = Object)]
    pub document: Box<RawValue>,
    /// Who asked for it.
    pub asked_by: String,
    /// By which command, by its id.
    pub asked_id: String,
    /// When.
    pub since: Moment,
    /// In which commit.
    pub since_sequence: u64,
    /// Who cancelled it, or `clock`. This and what follows is absent while it is pending.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_by: Option<String>,
    /// When it was judged or cancelled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Moment>,
    /// In which commit; what it caused stands there too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until_sequence: Option<u64>,
    /// The code with which it was refused; absent when it was accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
    /// The sentence that goes with the code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

const SCHEDULES: &str = "
    SELECT schedule, due, command, document, asked_by, asked_id, since, at, until, ended_at,
           ended_by, fired, refused, detail
    FROM schedules AS it
    WHERE it.since <= ?1 AND it.account = ?2";

fn told(row: &Row<'_>, at: i64) -> Result<Scheduled, Error> {
    let until: i64 = row.get(8)?;
    let over = until <= at;
    let state = match over {
        false => ScheduleState::Pending,
        true if row.get(11)? => ScheduleState::Fired,
        true => ScheduleState::Cancelled,
    };
    let said = |column| Ok::<_, Error>(row.get::<_, Option<String>>(column)?.filter(|_| over));
    Ok(Scheduled {
        schedule: uint(row.get(0)?),
        state,
        due: moment(row, 1)?,
        command: row.get(2)?,
        document: rows::json(row.get(3)?)?,
        asked_by: row.get(4)?,
        asked_id: row.get(5)?,
        since: moment(row, 7)?,
        since_sequence: uint(row.get(6)?),
        ended_by: said(10)?,
        until: maybe_moment(row, 9)?.filter(|_| over),
        until_sequence: over.then_some(uint(until)),
        refused: said(12)?,
        detail: said(13)?,
    })
}

/// Commands of an account that are, or were, to come, in the order in which they are due: those in a
/// state, or all of them.
pub fn schedules(
    db: &Connection,
    account: &str,
    state: Option<ScheduleState>,
    cursor: Option<&str>,
    limit: usize,
    at: u64,
) -> Result<Page<Scheduled>, Error> {
    let [due, after] = numbers_after(cursor, [i64::MIN, 0])?;
    let db = AsOf::new(db, at)?;
    let mut all = vec![];
    if let Some(account) = known::find(&db, account)? {
        // What is over by now was pending once; what is pending was never anything else.
        let whether_over = match state {
            Some(ScheduleState::Pending) if db.now => 0..=0,
            Some(ScheduleState::Pending) | None => 0..=1,
            Some(ScheduleState::Fired | ScheduleState::Cancelled) => 1..=1,
        };
        for over in whether_over {
            let mut query = Query::new(SCHEDULES, [Value::from(db.at), account.into()]);
            query.and("it.over = ?", Some(over));
            query.and("it.due >= ?", Some(due)).values.extend([due.into(), after.into()]);
            query.sql.push_str(" AND (it.due, it.schedule) > (?5, ?6)");
            match state {
                None => {}
                Some(ScheduleState::Pending) => query.sql.push_str(" AND it.until > ?1"),
                Some(ScheduleState::Fired) => {
                    query.sql.push_str(" AND it.until <= ?1 AND it.fired")
                }
                Some(ScheduleState::Cancelled) => {
                    query.sql.push_str(" AND it.until <= ?1 AND NOT it.fired");
                }
            }
            query.limit(" ORDER BY it.due, it.schedule LIMIT ?", rows_for(limit));
            let mut statement = db.prepare_cached(&query.sql)?;
            let mut rows = statement.query(params_from_iter(&query.values))?;
            while let Some(row) = rows.next()? {
                all.push(told(row, db.at)?);
            }
        }
    }
    all.sort_by_key(|it| (it.due, it.schedule));
    let key = |it: &Scheduled| number_key([it.due.millis(), int(it.schedule)]);
    let keyed = all.into_iter().take(rows_for(limit)).map(|it| (key(&it), it));
    Ok(Page::of(keyed.collect(), limit, db.sequence()))
}
