//! What has happened to groups.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::holder::Holder;
use crate::policy::Leaving;
use crate::rule::Grant;
use crate::text::{GroupId, Label};

/// A group exists, or is called something else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GroupNamed {
    /// Which group.
    pub group: GroupId,
    /// The number that integer-minded clients know it by: unique over the ledger, never reused.
    pub number: u64,
    /// A label for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Label>,
}

/// Somebody is in a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MemberAdded {
    /// Which group.
    pub group: GroupId,
    /// Who.
    pub holder: Holder,
    /// The order in which members are served: unique over the ledger, never given to somebody else,
    /// except that the place of an address passes to its user.
    pub place: u64,
    /// The number that integer-minded clients know the holder by, where this is the first that is
    /// said of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder_number: Option<u64>,
}

/// Somebody is in a group no more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MemberRemoved {
    /// Which group.
    pub group: GroupId,
    /// Who.
    pub holder: Holder,
}

/// What a group gives to its members, all of it, from now on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GroupRuleSet {
    /// Which group.
    pub group: GroupId,
    /// What it gives; nothing when empty.
    pub grants: Vec<Grant>,
    /// Whether the members that this commit has no room for are still to be served.
    #[serde(default, skip_serializing_if = "crate::command::is_no")]
    pub unfinished: bool,
    /// What becomes of what the group gave before and gives no more, where this commit has no room
    /// for all of it; the rest follows in later ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub withdrawing: Option<Leaving>,
}

/// The last members of a group have been served.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GroupRuleApplied {
    /// Which group.
    pub group: GroupId,
}
