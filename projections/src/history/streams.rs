//! Positions that are on several lists at once, without reading any list to the end.
//!
//! Each list is asked for its next position at or beyond the furthest that another list has named,
//! until all name the same: what is rare on one list is skipped on all others.

use std::collections::VecDeque;

use rusqlite::{Connection, Row, ToSql};

use super::Run;
use crate::commands::CommandKey;
use crate::error::Error;

/// In which direction a list is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    OldestFirst,
    NewestFirst,
}

impl Order {
    /// Whether a position has been reached or passed.
    fn reaches(self, position: i64, target: i64) -> bool {
        match self {
            Order::OldestFirst => position >= target,
            Order::NewestFirst => position <= target,
        }
    }

    /// The position after this one.
    pub(super) fn next(self, position: i64) -> i64 {
        match self {
            Order::OldestFirst => position.saturating_add(1),
            Order::NewestFirst => position.saturating_sub(1),
        }
    }
}

/// Of what a list is.
#[derive(Debug, Clone)]
pub(super) enum List<'a> {
    Term(i64),
    Holder(i64, String),
    Command(i64, &'a str),
}

/// Runs read at a time.
const RUNS: i64 = 32;

/// One list, read on demand.
pub(super) struct Stream<'a> {
    db: &'a Connection,
    list: List<'a>,
    order: Order,
    read: VecDeque<Run>,
    over: bool,
}

impl<'a> Stream<'a> {
    pub(super) fn new(db: &'a Connection, list: List<'a>, order: Order) -> Stream<'a> {
        Stream { db, list, order, read: VecDeque::new(), over: false }
    }

    /// The first position of the list at or beyond `target`. Targets must go one way.
    fn seek(&mut self, target: i64) -> Result<Option<i64>, Error> {
        loop {
            while let Some(run) = self.read.front() {
                let (first, last) = (run.position, run.position + run.count - 1);
                match self.order {
                    Order::OldestFirst if last >= target => return Ok(Some(first.max(target))),
                    Order::NewestFirst if first <= target => return Ok(Some(last.min(target))),
                    Order::OldestFirst | Order::NewestFirst => self.read.pop_front(),
                };
            }
            if self.over {
                return Ok(None);
            }
            self.fill(target)?;
        }
    }

    fn fill(&mut self, target: i64) -> Result<(), Error> {
        if self.order == Order::OldestFirst {
            // A run that began before may reach beyond.
            self.read_runs("position < ?1 ORDER BY position DESC", target, 1)?;
        }
        let (condition, before) = match self.order {
            Order::OldestFirst => ("position >= ?1 ORDER BY position", self.read.len()),
            Order::NewestFirst => ("position <= ?1 ORDER BY position DESC", 0),
        };
        self.read_runs(condition, target, RUNS)?;
        self.over = self.read.len() - before < usize::try_from(RUNS).unwrap_or_default();
        Ok(())
    }

    fn read_runs(&mut self, condition: &str, target: i64, limit: i64) -> Result<(), Error> {
        let run = |row: &Row<'_>| Ok(Run { position: row.get(0)?, count: row.get(1)? });
        let (from, of): (_, Vec<Box<dyn ToSql>>) = match &self.list {
            List::Term(term) => ("term_positions WHERE term = ?3", vec![Box::new(*term)]),
            List::Holder(account, holder) => (
                "holder_positions WHERE account = ?3 AND holder = ?4",
                vec![Box::new(*account), Box::new(holder.clone())],
            ),
            List::Command(account, command) => (
                "command_positions WHERE account = ?3 AND command = ?4",
                vec![Box::new(*account), Box::new(CommandKey::of(command))],
            ),
        };
        let sql = format!("SELECT position, count FROM {from} AND {condition} LIMIT ?2");
        let mut values: Vec<&dyn ToSql> = vec![&target, &limit];
        values.extend(of.iter().map(|it| &**it));
        let mut statement = self.db.prepare_cached(&sql)?;
        for found in statement.query_map(values.as_slice(), run)? {
            self.read.push_back(found?);
        }
        Ok(())
    }
}

/// Positions on any of some lists.
pub(super) struct Any<'a>(pub(super) Vec<Stream<'a>>);

impl Any<'_> {
    fn seek(&mut self, target: i64) -> Result<Option<i64>, Error> {
        let mut nearest: Option<i64> = None;
        for stream in &mut self.0 {
            let order = stream.order;
            if let Some(found) = stream.seek(target)? {
                nearest = Some(nearest.filter(|it| order.reaches(found, *it)).unwrap_or(found));
            }
        }
        Ok(nearest)
    }
}

/// The first position at or beyond `target` that is on one list of each.
pub(super) fn seek_all(all: &mut [Any<'_>], target: i64) -> Result<Option<i64>, Error> {
    let mut goal = target;
    loop {
        let before = goal;
        for any in &mut *all {
            match any.seek(goal)? {
                Some(found) => goal = found,
                None => return Ok(None),
            }
        }
        if goal == before {
            return Ok(Some(goal));
        }
    }
}
