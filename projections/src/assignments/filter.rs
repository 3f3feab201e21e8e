//! Which assignments a list is of.

use rusqlite::types::Value;
use serde::Deserialize;
use utoipa::ToSchema;

use super::queries::{COLUMNS, REST};
use crate::as_of::AsOf;
use crate::rows::Query;

/// Which assignments.
#[derive(Debug, Clone, Copy, Default)]
pub struct Filter<'a> {
    /// Those that hold a seat, or those that do not.
    pub active: Option<bool>,
    /// Those that downstream is done with, or those that it is not.
    pub fulfilled: Option<bool>,
    /// Those that have ended, too.
    pub ended: bool,
    /// Those that stand on a ground of this kind, whatever else they stand on.
    pub ground: Option<GroundKind>,
    /// Those that stand on a ground of this group; of this kind, if it is one that groups have.
    pub group: Option<&'a str>,
}

/// Why an assignment stands, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum GroundKind {
    /// Somebody assigned it to this holder.
    Direct,
    /// A group gives it to its members.
    Group,
    /// A group gave it, and does not any more.
    Orphan,
}

/// Adds what is asked for; beside it stand what the assignment is, and was.
pub(super) fn narrow(query: &mut Query, filter: &Filter<'_>, at: i64) {
    let was = "iif(old.until IS NULL, it.active, old.active) = ?";
    query.and(was, filter.active.map(i64::from));
    let was = "iif(old.until IS NULL, it.fulfilled, old.fulfilled) = ?";
    query.and(was, filter.fulfilled.map(i64::from));
    query.and("it.until > ?", (!filter.ended).then_some(at));
    let (stands, group) = match (filter.ground, filter.group) {
        (None, group) => (None, group),
        (Some(GroundKind::Direct), group) => (Some("direct\n".to_owned()), group),
        (Some(GroundKind::Group), None) => (Some("group:".to_owned()), None),
        (Some(GroundKind::Orphan), None) => (Some("orphan:".to_owned()), None),
        (Some(GroundKind::Group), Some(group)) => (Some(format!("group:{group}\n")), None),
        (Some(GroundKind::Orphan), Some(group)) => (Some(format!("orphan:{group}\n")), None),
    };
    let condition = format!("instr({GROUNDS}, char(10) || ?) > 0");
    query.and(&condition, stands);
    // Given or left: what a group has left is looked for as if it gave it.
    let given = format!("replace({GROUNDS}, char(10) || 'orphan:', char(10) || 'group:')");
    let condition = format!("instr({given}, char(10) || ?) > 0");
    query.and(&condition, group.map(|it| format!("group:{it}\n")));
}

/// Grounds as they were, one a line.
const GROUNDS: &str = "(char(10) ||
    coalesce(iif(old.until IS NULL, it.grounds, old.grounds), 'direct') || char(10))";

/// A list by license and number that is shorter than that of all assignments: what a group gives or
/// gave, or all orphans.
pub(super) fn shorter(db: &AsOf<'_>, account: i64, filter: &Filter<'_>) -> Option<Query> {
    let tables = match (filter.group, filter.ground) {
        (Some(_), _) => BY_GROUP,
        (None, Some(GroundKind::Orphan)) => BY_ORPHAN,
        (None, Some(GroundKind::Direct | GroundKind::Group) | None) => return None,
    };
    let sql = [COLUMNS, tables, REST].concat();
    let group = filter.group.map(str::to_owned).map_or(Value::Null, Value::from);
    Some(Query::new(&sql, [Value::from(db.at), account.into(), group]))
}

const BY_GROUP: &str = "
    group_seats AS listed CROSS JOIN assignments AS it
        ON it.number = listed.number AND listed.account = ?2 AND listed.grp = ?3";

const BY_ORPHAN: &str = "
    orphans AS listed CROSS JOIN assignments AS it
        ON it.number = listed.number AND listed.account = ?2 AND ?3 IS NULL";
