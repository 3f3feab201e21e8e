//! The read model of history: every event, found by whatever it is about.

mod queries;
mod streams;
mod terms;
mod times;

use events::wire::{Commit, Record};
use events::{Holder, Via};
use rusqlite::{Connection, params};

use crate::as_of::int;
use crate::commands::CommandKey;
use crate::emails::{email_key, holder_key};
use crate::error::Error;
use crate::known;
use crate::position;
use crate::store::{Feed, ReadModel, Writer};

pub use queries::{Entry, Filter, events_after, of_account, of_command};
use terms::{Kind, Terms};
pub use times::{moment_of, sequence_at};

/// The model.
pub static MODEL: ReadModel = ReadModel {
    name: "history",
    version: 3,
    schema: &[known::ACCOUNTS, terms::SCHEMA, SCHEMA],
    feed: Feed::Commits(|| Box::<History>::default()),
};

/// The three lists say at which positions something is to be found: a type, license, group or actor
/// of an account, or who was let in; a holder, by user and by address; a command. One row stands for `count` events in a
/// row, so that what one command causes by the hundred is listed once. All events of an account are
/// those of all its types.
const SCHEMA: &str = "
    CREATE TABLE commits (
        sequence INTEGER PRIMARY KEY,
        at       INTEGER NOT NULL
    ) STRICT;

    CREATE TABLE events (
        position INTEGER PRIMARY KEY,
        id       BLOB    NOT NULL CHECK (length(id) = 16),
        at       INTEGER NOT NULL,
        account  INTEGER NOT NULL,
        type     INTEGER NOT NULL,
        v        INTEGER NOT NULL,
        license  INTEGER,
        actor    INTEGER NOT NULL,
        let_in   INTEGER NOT NULL,
        via      TEXT    NOT NULL,
        command  ANY     NOT NULL,
        change   TEXT,
        data     TEXT    NOT NULL
    ) STRICT;

    CREATE TABLE term_positions (
        term     INTEGER NOT NULL,
        position INTEGER NOT NULL,
        count    INTEGER NOT NULL,
        PRIMARY KEY (term, position)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE holder_positions (
        account  INTEGER NOT NULL,
        holder   TEXT    NOT NULL,
        position INTEGER NOT NULL,
        count    INTEGER NOT NULL,
        PRIMARY KEY (account, holder, position)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE command_positions (
        command  ANY     NOT NULL,
        account  INTEGER NOT NULL,
        position INTEGER NOT NULL,
        count    INTEGER NOT NULL,
        PRIMARY KEY (command, account, position)
    ) STRICT, WITHOUT ROWID;";

/// Rows of the lists are held back until the end of a batch and written in order, so that rows that
/// stand side by side are written side by side.
#[derive(Default)]
struct History {
    terms: Terms,
    of_term: Vec<(i64, Run)>,
    of_holder: Vec<(i64, String, Run)>,
}

/// Events in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Run {
    position: i64,
    count: i64,
}

impl Writer for History {
    fn commit(&mut self, db: &Connection, commit: &Commit) -> Result<(), Error> {
        let sql = "INSERT INTO commits VALUES (?1, ?2)";
        db.prepare_cached(sql)?.execute([int(commit.sequence), commit.header.at.millis()])?;
        self.events(db, commit)?;
        let mut first = 0;
        let same = |one: &Record, next: &Record| {
            one.account == next.account && one.command.id == next.command.id
        };
        for run in commit.records.chunk_by(same) {
            if let Some(record) = run.first() {
                let account = self.terms.account(db, &record.account, commit)?;
                let sql = "INSERT INTO command_positions VALUES (?1, ?2, ?3, ?4)";
                let command = CommandKey::of(record.command.id.as_str());
                let position = position::of(commit.sequence, first)?;
                let row = params![command, account, position, int(run.len() as u64)];
                db.prepare_cached(sql)?.execute(row)?;
            }
            first += run.len();
        }
        Ok(())
    }

    fn flush(&mut self, db: &Connection) -> Result<(), Error> {
        self.of_term.sort_unstable();
        let mut insert = db.prepare_cached("INSERT INTO term_positions VALUES (?1, ?2, ?3)")?;
        for (term, run) in self.of_term.drain(..) {
            insert.execute([term, run.position, run.count])?;
        }
        self.of_holder.sort_unstable();
        let mut insert =
            db.prepare_cached("INSERT INTO holder_positions VALUES (?1, ?2, ?3, ?4)")?;
        for (account, holder, run) in self.of_holder.drain(..) {
            insert.execute(params![account, holder, run.position, run.count])?;
        }
        self.terms.trim();
        Ok(())
    }

    fn forget(&mut self) {
        self.terms.forget();
        self.of_term.clear();
        self.of_holder.clear();
    }
}

impl History {
    fn events(&mut self, db: &Connection, commit: &Commit) -> Result<(), Error> {
        let sql = "INSERT INTO events
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)";
        let mut insert = db.prepare_cached(sql)?;
        // Where the runs at hand stand in the lists: by term, and by holder.
        let mut runs = [usize::MAX; 5];
        let mut holders = [usize::MAX; 2];
        for (index, it) in commit.records.iter().enumerate() {
            let position = position::of(commit.sequence, index)?;
            let account = self.terms.account(db, &it.account, commit)?;
            let about = it.event.about();
            let mut number = |kind: Kind<'_>| self.terms.term(db, &it.account, kind, commit);
            let kind = number(Kind::Type(it.event.kind()))?;
            let actor = number(Kind::Actor(&it.actor))?;
            let by = number(Kind::By(&it.by))?;
            let license = about.license.map(|it| number(Kind::License(it))).transpose()?;
            let group = about.group.map(|it| number(Kind::Group(it))).transpose()?;
            let json = |it: Result<String, serde_json::Error>| {
                it.map_err(|it| Error::inconsistent(commit.sequence, it))
            };
            let data = json(serde_json::to_string(&it.event))?;
            let change = match it.change.is_empty() {
                true => None,
                false => Some(json(serde_json::to_string(&it.change))?),
            };
            insert.execute(params![
                position,
                it.id.as_bytes(),
                it.at.millis(),
                account,
                kind,
                it.event.version(),
                license,
                actor,
                by,
                via(it.via),
                CommandKey::of(it.command.id.as_str()),
                change,
                data
            ])?;
            let terms = [Some(kind), Some(actor), Some(by), license, group];
            for (run, term) in runs.iter_mut().zip(terms) {
                if let Some(term) = term {
                    list_term(&mut self.of_term, run, term, position);
                }
            }
            self.list_holder(&mut holders, account, about.holder, position);
        }
        Ok(())
    }

    /// Lists an event under its holder, and under the holder's address if that is another key.
    fn list_holder(
        &mut self,
        runs: &mut [usize; 2],
        account: i64,
        holder: Option<&Holder>,
        position: i64,
    ) {
        let Some(holder) = holder else { return };
        let address = holder.user.as_ref().and(holder.email.as_ref());
        let keys = [Some(holder_key(holder)), address.map(|it| email_key(it.as_str()))];
        for (run, key) in runs.iter_mut().zip(keys) {
            let Some(key) = key else { continue };
            match self.of_holder.get_mut(*run) {
                Some((of, name, it))
                    if *of == account && *name == key && it.position + it.count == position =>
                {
                    it.count += 1;
                }
                _ => {
                    *run = self.of_holder.len();
                    self.of_holder.push((account, key, Run { position, count: 1 }));
                }
            }
        }
    }
}

/// Lists an event under a term: in the run at hand if that goes on, else in a new one.
fn list_term(list: &mut Vec<(i64, Run)>, run: &mut usize, term: i64, position: i64) {
    match list.get_mut(*run) {
        Some((of, it)) if *of == term && it.position + it.count == position => it.count += 1,
        _ => {
            *run = list.len();
            list.push((term, Run { position, count: 1 }));
        }
    }
}

/// As the log writes it.
pub(crate) fn via(via: Via) -> &'static str {
    match via {
        Via::Nats => "nats",
        Via::Http => "http",
        Via::Uipath => "uipath",
        Via::Ibl => "ibl",
        Via::Aladia => "aladia",
        Via::Clock => "clock",
    }
}
