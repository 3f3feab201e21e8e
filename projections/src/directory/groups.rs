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

/// An assignment that groups may give.
#[derive(Clone, Copy)]
pub(super) struct Given {
    pub(super) assignment: AssignmentId,
    pub(super) license: i64,
    pub(super) holder: i64,
}

/// An assignment stands on one ground more: what a group gives takes the place of what it left, and
/// the other way round.
pub(super) fn ground_added(at: At<'_>, ground: &Ground, given: Given) -> Result<(), Error> {
    match ground {
        Ground::Direct => Ok(()),
        Ground::Group(group) => lease(at, known(at, group)?, given),
        Ground::Orphan(group) => end_lease(at, known(at, group)?, given),
    }
}

pub(super) fn ground_removed(at: At<'_>, ground: &Ground, given: Given) -> Result<(), Error> {
    match ground {
        Ground::Direct | Ground::Orphan(_) => Ok(()),
        Ground::Group(group) => end_lease(at, known(at, group)?, given),
    }
}

/// A group gives a seat.
fn lease(at: At<'_>, group: i64, given: Given) -> Result<(), Error> {
    if !has_it(at, group, given)? {
        have_more(at, group, given.license, 1)?;
    }
    let sql = "INSERT INTO leased VALUES (?1, ?2, ?3, ?4)";
    let row = params![given.assignment.0.as_bytes(), group, given.holder, given.license];
    at.db.prepare_cached(sql)?.execute(row)?;
    lease_more(at, group, given.license, 1)
}

/// A group gives a seat no more, if it did.
fn end_lease(at: At<'_>, group: i64, given: Given) -> Result<(), Error> {
    let sql = "DELETE FROM leased WHERE assignment = ?1 AND grp = ?2";
    let row = params![given.assignment.0.as_bytes(), group];
    if at.db.prepare_cached(sql)?.execute(row)? == 0 {
        return Ok(());
    }
    if !has_it(at, group, given)? {
        have_more(at, group, given.license, -1)?;
    }
    lease_more(at, group, given.license, -1)
}

/// An assignment is over, and whatever groups gave it.
pub(super) fn end_leases(at: At<'_>, given: Given) -> Result<(), Error> {
    giving(at, given)?.into_iter().try_for_each(|group| end_lease(at, group, given))
}

/// What one holder had is another one's, and groups give it to them.
pub(super) fn transferred(at: At<'_>, given: Given, to: i64) -> Result<(), Error> {
    for group in giving(at, given)? {
        end_lease(at, group, given)?;
        lease(at, group, Given { holder: to, ..given })?;
    }
    Ok(())
}

/// The groups that give an assignment.
fn giving(at: At<'_>, given: Given) -> Result<Vec<i64>, Error> {
    let sql = "SELECT grp FROM leased WHERE assignment = ?1";
    let mut statement = at.db.prepare_cached(sql)?;
    let rows = statement.query_map([given.assignment.0.as_bytes()], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Whether a holder has the product of a license from a group. Parts are no product's.
fn has_it(at: At<'_>, group: i64, given: Given) -> Result<bool, Error> {
    let sql = "SELECT EXISTS (
                   SELECT 1 FROM leased CROSS JOIN licenses ON licenses.id = leased.license
                   WHERE leased.holder = ?1 AND leased.grp = ?2 AND licenses.part = 0
                     AND licenses.product = (SELECT product FROM licenses WHERE id = ?3))";
    let row = [given.holder, group, given.license];
    Ok(at.db.prepare_cached(sql)?.query_row(row, |row| row.get(0))?)
}

/// More members have the product of a license from a group, unless it is a part.
fn have_more(at: At<'_>, group: i64, license: i64, more: i64) -> Result<(), Error> {
    let sql = "INSERT OR REPLACE INTO served
               SELECT ?1, product, ?3, ?4 + coalesce((SELECT members FROM served AS before
                                                      WHERE grp = ?1
                                                        AND before.product = licenses.product
                                                      ORDER BY since DESC LIMIT 1), 0)
               FROM licenses WHERE id = ?2 AND part = 0";
    at.db.prepare_cached(sql)?.execute([group, license, at.sequence, more])?;
    Ok(())
}

fn lease_more(at: At<'_>, group: i64, license: i64, more: i64) -> Result<(), Error> {
    let sql = "INSERT OR REPLACE INTO leases
               SELECT ?1, ?2, ?3, ?4 + coalesce((SELECT seats FROM leases
                                                 WHERE grp = ?1 AND license = ?2
                                                 ORDER BY since DESC LIMIT 1), 0)";
    at.db.prepare_cached(sql)?.execute([group, license, at.sequence, more])?;
    Ok(())
}
