//! Which groups give a license, for clients that see each such group as an assignment.

use events::rule::Grant;
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use super::groups::{GROUPS, Granted, Group, found};
use crate::as_of::{AsOf, int, uint};
use crate::error::Error;
use crate::known;
use crate::rows::{Query, from_json};

/// A group that gives a license, by its name or by its product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Giving {
    /// The group.
    pub group: Group,
    /// What it gives there.
    pub granted: Granted,
    /// By which commit it began to.
    pub since_sequence: u64,
    /// The last commit that changed how it does.
    pub changed_sequence: u64,
}

/// The group with that number.
pub fn group_by_number(
    db: &Connection,
    account: &str,
    number: u64,
    at: u64,
) -> Result<Option<Group>, Error> {
    let db = AsOf::new(db, at)?;
    let Some(account) = known::find(&db, account)? else { return Ok(None) };
    let mut query = Query::new(GROUPS, [Value::from(db.at), account.into()]);
    query.and("who.number = ?", Some(int(number)));
    let mut statement = db.prepare_cached(&query.sql)?;
    let mut rows = statement.query(params_from_iter(&query.values))?;
    rows.next()?.map(|row| found(&db, account, row)).transpose()
}

/// The groups that give a license, by number, and the sequence as of which it is told.
pub fn giving(
    db: &Connection,
    account: &str,
    (license, product): (&str, &str),
    at: u64,
) -> Result<(Vec<Giving>, u64), Error> {
    let db = AsOf::new(db, at)?;
    let Some(account) = known::find(&db, account)? else { return Ok((vec![], db.sequence())) };
    let gives = |it: &Grant| {
        let named = it.license.as_ref().is_some_and(|it| it.as_str() == license);
        named || it.product.as_ref().is_some_and(|it| it.as_str() == product)
    };
    let mut query = Query::new(GROUPS, [Value::from(db.at), account.into()]);
    // Most groups give other things: they are passed over before anything is counted.
    let member = "EXISTS (SELECT 1 FROM json_each(it.grants) AS given
                  WHERE ? = given.value ->> '$.license' OR ? = given.value ->> '$.product')";
    query.and(member, Some(license.to_owned()));
    query.values.push(product.to_owned().into());
    query.sql.push_str(" ORDER BY who.number");
    let mut statement = db.prepare_cached(&query.sql)?;
    let mut rows = statement.query(params_from_iter(&query.values))?;
    let mut all = vec![];
    while let Some(row) = rows.next()? {
        let (id, group) = (row.get(0)?, found(&db, account, row)?);
        let granted = group.grants.iter().find(|it| gives(&it.grant)).cloned();
        let Some(granted) = granted else { continue };
        let (since_sequence, changed_sequence) = stood(&db, id, &granted.grant)?;
        all.push(Giving { group, granted, since_sequence, changed_sequence });
    }
    Ok((all, db.sequence()))
}

/// Since which commit a group has given something, and since which one exactly so.
fn stood(db: &AsOf<'_>, group: i64, grant: &Grant) -> Result<(u64, u64), Error> {
    let sql = "SELECT since, grants FROM group_versions
               WHERE grp = ?1 AND since <= ?2 ORDER BY since DESC";
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query((group, db.at))?;
    let (mut since, mut changed, mut same) = (0, 0, true);
    while let Some(row) = rows.next()? {
        let grants: Vec<Grant> = from_json(row, 1)?;
        let Some(before) = grants.iter().find(|it| it.same_thing(grant)) else { break };
        since = row.get(0)?;
        same &= before == grant;
        if same {
            changed = since;
        }
    }
    Ok((uint(since), uint(changed)))
}
