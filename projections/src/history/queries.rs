//! Questions about what has happened.

use events::{Holder, Moment};
use rusqlite::{Connection, Row};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;
use uuid::Uuid;

use super::streams::{Any, List, Order, Stream, seek_all};
use super::terms::{self, ACTOR, BY, GROUP, LICENSE, TYPE};
use super::times::first_from;
use crate::as_of::{AsOf, int};
use crate::commands::command_id;
use crate::emails::{email_key, user_key};
use crate::error::Error;
use crate::known;
use crate::page::{PAGE_MAX, Page, number_key, numbers_after, rows_for};
use crate::position;
use crate::rows::{id, json, maybe_json, moment};

/// One event, with everything known around it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Entry {
    /// The commit it is in.
    pub sequence: u64,
    /// Which event of the commit it is, from 0.
    pub index: u32,
    /// Its id.
    pub id: Uuid,
    /// When it was judged.
    pub at: Moment,
    /// Of which account.
    pub account: String,
    /// What kind of event it is.
    #[serde(rename = "type")]
    pub kind: String,
    /// The version of its spelling.
    pub v: u32,
    /// By whom, as the sender said.
    pub actor: String,
    /// Who was let in.
    pub by: String,
    /// Through which door.
    pub via: String,
    /// By which command.
    pub command: String,
    /// The license it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub license: Option<String>,
    /// The holder it is about, as known then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub holder: Option<Holder>,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub change: Option<Box<RawValue>>,
    /// What the event says.
    #[schema(value_type = Object)]
    pub data: Box<RawValue>,
}

/// Which events of an account. All that is given must hold.
#[derive(Debug, Clone, Copy, Default)]
pub struct Filter<'a> {
    /// About this license.
    pub license: Option<&'a str>,
    /// About a holder named with this user id.
    pub user: Option<&'a str>,
    /// About a holder named with this e-mail address, in lower case.
    pub email: Option<&'a str>,
    /// About this group.
    pub group: Option<&'a str>,
    /// Of this type.
    pub kind: Option<&'a str>,
    /// By this actor.
    pub actor: Option<&'a str>,
    /// By whoever was let in so.
    pub by: Option<&'a str>,
    /// By this command.
    pub command: Option<&'a str>,
    /// From here, inclusive.
    pub from: Option<Moment>,
    /// Until here, exclusive.
    pub to: Option<Moment>,
}

const EVENT: &str = "
    SELECT it.position, it.id, it.at, accounts.account, type.name, it.v, actor.name, let_in.name,
           it.via, it.command, license.name, it.change, it.data
    FROM events AS it
    CROSS JOIN accounts ON accounts.id = it.account
    CROSS JOIN terms AS type ON type.id = it.type
    CROSS JOIN terms AS actor ON actor.id = it.actor
    CROSS JOIN terms AS let_in ON let_in.id = it.let_in
    LEFT JOIN terms AS license ON license.id = it.license";

fn entry(row: &Row<'_>) -> Result<Entry, Error> {
    #[derive(Deserialize)]
    struct Named {
        #[serde(default)]
        holder: Option<Holder>,
    }
    let (sequence, index) = position::split(row.get(0)?);
    let data = json(row.get(12)?)?;
    let damaged = |it: serde_json::Error| Error::Damaged(it.to_string());
    let holder = serde_json::from_str::<Named>(data.get()).map_err(damaged)?.holder;
    Ok(Entry {
        sequence,
        index,
        id: id(row, 1)?,
        at: moment(row, 2)?,
        account: row.get(3)?,
        kind: row.get(4)?,
        v: row.get(5)?,
        actor: row.get(6)?,
        by: row.get(7)?,
        via: row.get(8)?,
        command: command_id(row.get_ref(9)?)?,
        license: row.get(10)?,
        holder,
        change: maybe_json(row, 11)?,
        data,
    })
}

/// The events of an account, in the order of the log or against it.
pub fn of_account(
    db: &Connection,
    account: &str,
    filter: &Filter<'_>,
    cursor: Option<&str>,
    limit: usize,
    newest_first: bool,
    at: u64,
) -> Result<Page<Entry>, Error> {
    let order = if newest_first { Order::NewestFirst } else { Order::OldestFirst };
    let cursor = match cursor {
        Some(_) => Some(numbers_after(cursor, [0])?[0]),
        None => None,
    };
    let db = AsOf::new(db, at)?;
    let (first, end) = range(&db, filter)?;
    let mut next = match (order, cursor) {
        (_, Some(cursor)) => order.next(cursor),
        (Order::OldestFirst, None) => first,
        (Order::NewestFirst, None) => end - 1,
    };
    next = match order {
        Order::OldestFirst => next.max(first),
        Order::NewestFirst => next.min(end - 1),
    };
    let mut found = vec![];
    if let Some(mut lists) = lists(&db, account, filter, order)? {
        while found.len() < rows_for(limit)
            && let Some(position) = seek_all(&mut lists, next)?
            && (first..end).contains(&position)
        {
            found.push(position);
            next = order.next(position);
        }
    }
    let mut items = Vec::with_capacity(found.len());
    for position in found {
        items.push((number_key([position]), event_at(&db, position)?));
    }
    Ok(Page::of(items, limit, db.sequence()))
}

fn event_at(db: &Connection, position: i64) -> Result<Entry, Error> {
    let mut statement = db.prepare_cached(&format!("{EVENT} WHERE it.position = ?1"))?;
    let mut rows = statement.query([position])?;
    match rows.next()? {
        Some(row) => entry(row),
        None => Err(Error::Damaged(format!("the event at {position} is listed and not there"))),
    }
}

/// Positions inside the time asked for, the end excluded.
fn range(db: &AsOf<'_>, filter: &Filter<'_>) -> Result<(i64, i64), Error> {
    let first = match filter.from {
        Some(from) => position::first(first_from(db, from)?),
        None => 0,
    };
    let end = match filter.to {
        Some(to) => position::first(first_from(db, to)?),
        None => position::after(db.at),
    };
    Ok((first, end))
}

/// The lists that an event must be on; `None` when one of them has never had an event.
fn lists<'a>(
    db: &'a Connection,
    account: &str,
    filter: &Filter<'a>,
    order: Order,
) -> Result<Option<Vec<Any<'a>>>, Error> {
    let Some(account) = known::find(db, account)? else { return Ok(None) };
    let mut lists = vec![];
    if let Some(command) = filter.command {
        lists.push(List::Command(account, command));
    }
    lists.extend(filter.user.map(|it| List::Holder(account, user_key(it))));
    lists.extend(filter.email.map(|it| List::Holder(account, email_key(it))));
    let terms = [
        (LICENSE, filter.license),
        (GROUP, filter.group),
        (ACTOR, filter.actor),
        (BY, filter.by),
        (TYPE, filter.kind),
    ];
    for (kind, name) in terms {
        let Some(name) = name else { continue };
        let Some(term) = terms::find(db, account, kind, name)? else { return Ok(None) };
        lists.push(List::Term(term));
    }
    let stream = |list| Stream::new(db, list, order);
    if lists.is_empty() {
        let all = terms::types(db, account)?.into_iter().map(|it| stream(List::Term(it)));
        return Ok(Some(vec![Any(all.collect())]));
    }
    Ok(Some(lists.into_iter().map(|it| Any(vec![stream(it)])).collect()))
}

/// What a command of an account caused, in order. Empty for one that caused nothing.
pub fn of_command(
    db: &Connection,
    account: &str,
    command: &str,
    at: u64,
) -> Result<Vec<Entry>, Error> {
    let filter = Filter { command: Some(command), ..Filter::default() };
    let db = AsOf::new(db, at)?;
    let (mut all, mut cursor) = (vec![], None);
    loop {
        let page =
            of_account(&db, account, &filter, cursor.as_deref(), PAGE_MAX, false, db.sequence())?;
        all.extend(page.items);
        cursor = page.next;
        if cursor.is_none() {
            return Ok(all);
        }
    }
}

/// The events after a place in the log, of one account or of all, for whoever follows along.
pub fn events_after(
    db: &Connection,
    account: Option<&str>,
    sequence: u64,
    index: u32,
    limit: usize,
) -> Result<Vec<Entry>, Error> {
    let after = position::first(int(sequence)).saturating_add(i64::from(index));
    if let Some(account) = account {
        let cursor = crate::page::write_cursor(&number_key([after]));
        let all = Filter::default();
        return Ok(of_account(db, account, &all, Some(&cursor), limit, false, u64::MAX)?.items);
    }
    let sql = format!("{EVENT} WHERE it.position > ?1 ORDER BY it.position LIMIT ?2");
    let mut statement = db.prepare_cached(&sql)?;
    let mut rows = statement.query([after, int(limit.clamp(1, PAGE_MAX) as u64)])?;
    let mut all = vec![];
    while let Some(row) = rows.next()? {
        all.push(entry(row)?);
    }
    Ok(all)
}
