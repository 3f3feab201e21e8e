//! What is said of groups: who is in them, what they give, and how much of it.

use events::event::{Ground, GroupNamed, GroupRuleSet, MemberAdded, MemberRemoved};
use events::{AssignmentId, GroupId};
use rusqlite::{OptionalExtension, ToSql, params};

use super::{At, holders};
use crate::as_of::int;
use crate::error::Error;
use crate::rows::to_json;

pub(super) fn named(at: At<'_>, it: &GroupNamed) -> Result<(), Error> {
    let group = match find(at, &it.group)? {
        Some(group) => group,
        None => {
            let sql = "INSERT INTO groups (account, name, number, since, at)
                       VALUES (?1, ?2, ?3, ?4, ?5)";
            let number = int(it.number);
            let row = params![at.account, it.group.as_str(), number, at.sequence, at.moment];
            let group = at.db.prepare_cached(sql)?.insert(row)?;
            let sql = "INSERT INTO group_versions VALUES (?1, ?2, NULL, NULL, 0)";
            at.db.prepare_cached(sql)?.execute([group, at.sequence])?;
            group
        }
    };
    change(at, group, LABEL, &[&it.name.as_ref().map(|it| it.as_str())])
}

pub(super) fn rule_set(at: At<'_>, it: &GroupRuleSet) -> Result<(), Error> {
    let grants = (!it.grants.is_empty()).then(|| to_json(&it.grants)).transpose()?;
    change(at, known(at, &it.group)?, RULE, &[&grants, &it.unfinished])
}

pub(super) fn rule_applied(at: At<'_>, group: &GroupId) -> Result<(), Error> {
    change(at, known(at, group)?, APPLIED, &[])
}

fn find(at: At<'_>, group: &GroupId) -> Result<Option<i64>, Error> {
    let sql = "SELECT id FROM groups WHERE account = ?1 AND name = ?2";
    let mut statement = at.db.prepare_cached(sql)?;
    Ok(statement.query_row(params![at.account, group.as_str()], |row| row.get(0)).optional()?)
}

fn known(at: At<'_>, group: &GroupId) -> Result<i64, Error> {
    let never = || at.inconsistent(format!("group {group} was never named"));
    find(at, group)?.ok_or_else(never)
}

/// Changes a group's version from this commit on, which is a copy of the one before.
fn change(at: At<'_>, group: i64, set: &str, to: &[&dyn ToSql]) -> Result<(), Error> {
    let copy = "INSERT OR IGNORE INTO group_versions
                SELECT grp, ?2, label, grants, unfinished
                FROM group_versions WHERE grp = ?1 ORDER BY since DESC LIMIT 1";
    at.db.prepare_cached(copy)?.execute([group, at.sequence])?;
    let mut row: Vec<&dyn ToSql> = vec![&group, &at.sequence];
    row.extend(to);
    at.db.prepare_cached(set)?.execute(&row[..])?;
    Ok(())
}

const LABEL: &str = "UPDATE group_versions SET label = ?3 WHERE grp = ?1 AND since = ?2";

const RULE: &str = "
    UPDATE group_versions SET grants = ?3, unfinished = ?4 WHERE grp = ?1 AND since = ?2";

const APPLIED: &str = "UPDATE group_versions SET unfinished = 0 WHERE grp = ?1 AND since = ?2";

pub(super) fn added(at: At<'_>, it: &MemberAdded) -> Result<(), Error> {
    let (group, holder) = (known(at, &it.group)?, holders::known(at, &it.holder)?);
    let sql = "INSERT INTO members (grp, place, holder, since, at) VALUES (?1, ?2, ?3, ?4, ?5)";
    let row = [group, int(it.place), holder, at.sequence, at.moment];
    at.db.prepare_cached(sql)?.execute(row)?;
    count(at, group, 1)
}

pub(super) fn removed(at: At<'_>, it: &MemberRemoved) -> Result<(), Error> {
    let (group, holder) = (known(at, &it.group)?, holders::known(at, &it.holder)?);
    let sql = "UPDATE members SET over = 1, until = ?3
               WHERE holder = ?2 AND over = 0 AND grp = ?1";
    match at.db.prepare_cached(sql)?.execute([group, holder, at.sequence])? {
        1 => count(at, group, -1),
        _ => {
            let reason = format!("{} is no member of {}", it.holder, it.group);
            Err(at.inconsistent(reason))
        }
    }
}

fn count(at: At<'_>, group: i64, more: i64) -> Result<(), Error> {
    let sql = "INSERT OR REPLACE INTO counts
               SELECT ?1, ?2, ?3 + coalesce((SELECT members FROM counts WHERE grp = ?1
                                             ORDER BY since DESC LIMIT 1), 0)";
    at.db.prepare_cached(sql)?.execute([group, at.sequence, more])?;
    Ok(())
}

/// So many more wait for what a group gives, if that is why they do.
pub(super) fn wait(at: At<'_>, ground: &Ground, line: &str, more: i64) -> Result<(), Error> {
    let Some(group) = ground.group() else { return Ok(()) };
    let sql = "INSERT OR REPLACE INTO waiting
               SELECT ?1, ?2, ?3, ?4 + coalesce((SELECT places FROM waiting
                                                 WHERE grp = ?1 AND line = ?2
                                                 ORDER BY since DESC LIMIT 1), 0)";
    let row = params![known(at, group)?, line, at.sequence, more];
    at.db.prepare_cached(sql)?.execute(row)?;
    Ok(())
}

/// An assignment stands on one ground more: what a group gives takes the place of what it left, and
/// the other way round.
pub(super) fn ground_added(
    at: At<'_>,
    ground: &Ground,
    license: i64,
    assignment: AssignmentId,
) -> Result<(), Error> {
    match ground {
        Ground::Direct => Ok(()),
        Ground::Group(group) => lease(at, group, license, assignment),
        Ground::Orphan(group) => end_lease(at, group, license, assignment),
    }
}

pub(super) fn ground_removed(
    at: At<'_>,
    ground: &Ground,
    license: i64,
    assignment: AssignmentId,
) -> Result<(), Error> {
    match ground {
        Ground::Direct | Ground::Orphan(_) => Ok(()),
        Ground::Group(group) => end_lease(at, group, license, assignment),
    }
}

/// A group gives a seat.
pub(super) fn lease(
    at: At<'_>,
    group: &GroupId,
    license: i64,
    assignment: AssignmentId,
) -> Result<(), Error> {
    let group = known(at, group)?;
    let sql = "INSERT INTO leased VALUES (?1, ?2)";
    at.db.prepare_cached(sql)?.execute(params![assignment.0.as_bytes(), group])?;
    lease_more(at, group, license, 1)
}

/// A group gives a seat no more, if it did.
fn end_lease(
    at: At<'_>,
    group: &GroupId,
    license: i64,
    assignment: AssignmentId,
) -> Result<(), Error> {
    let group = known(at, group)?;
    let sql = "DELETE FROM leased WHERE assignment = ?1 AND grp = ?2";
    let row = params![assignment.0.as_bytes(), group];
    match at.db.prepare_cached(sql)?.execute(row)? {
        0 => Ok(()),
        _ => lease_more(at, group, license, -1),
    }
}

/// An assignment is over, and whatever groups gave it.
pub(super) fn end_leases(at: At<'_>, license: i64, assignment: AssignmentId) -> Result<(), Error> {
    let sql = "DELETE FROM leased WHERE assignment = ?1 RETURNING grp";
    let mut statement = at.db.prepare_cached(sql)?;
    let rows = statement.query_map([assignment.0.as_bytes()], |row| row.get(0))?;
    let groups: Vec<i64> = rows.collect::<Result<_, _>>()?;
    groups.into_iter().try_for_each(|group| lease_more(at, group, license, -1))
}

fn lease_more(at: At<'_>, group: i64, license: i64, more: i64) -> Result<(), Error> {
    let sql = "INSERT OR REPLACE INTO leases
               SELECT ?1, ?2, ?3, ?4 + coalesce((SELECT seats FROM leases
                                                 WHERE grp = ?1 AND license = ?2
                                                 ORDER BY since DESC LIMIT 1), 0)";
    at.db.prepare_cached(sql)?.execute([group, license, at.sequence, more])?;
    Ok(())
}
