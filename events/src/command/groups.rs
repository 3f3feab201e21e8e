//! Commands about groups.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{is_yes, yes};
use crate::holder::Holder;
use crate::rule::Grant;
use crate::text::{GroupId, Label, LicenseId, ProductId};

/// Adds holders to a group, which exists from then on: all of them or none. Each gets what the
/// group's rule gives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AddMembers {
    /// Which group.
    pub group: GroupId,
    /// Who, 1 to 1,000; one who is a member stays one.
    #[schema(min_items = 1, max_items = 1000)]
    pub holders: Vec<Holder>,
    /// A label of the group for people; stays as it is when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Label>,
}

/// Takes holders out of a group. What the group gave them is released or becomes an orphan, by the
/// policy `leaving`; their places in waitlists end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RemoveMembers {
    /// Which group.
    pub group: GroupId,
    /// Who, 1 to 1,000; one who is no member stays none.
    #[schema(min_items = 1, max_items = 1000)]
    pub holders: Vec<Holder>,
}

/// Says everything that a group gives to its members. A grant that is left out ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SetGroupRule {
    /// Which group; it exists from then on.
    pub group: GroupId,
    /// What it gives, at most 100; each license or product once.
    #[schema(max_items = 100)]
    pub grants: Vec<Grant>,
    /// Whether seats of a grant that is left out are released; they become orphans when not.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    #[schema(default = true)]
    pub cascade: bool,
}

/// Adds one grant to what a group gives, or changes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GrantToGroup {
    /// Which group; it exists from then on.
    pub group: GroupId,
    /// What it gives.
    pub grant: Grant,
}

/// Ends one grant of a group, or all of them where neither `license` nor `product` is given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RemoveGroupRule {
    /// Which group.
    pub group: GroupId,
    /// Only the grant of this license.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub license: Option<LicenseId>,
    /// Only the grant of this product.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<ProductId>,
    /// Whether the seats that the group gave are released; they become orphans when not.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    #[schema(default = true)]
    pub cascade: bool,
}

/// Gives up places in a waitlist.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LeaveWaitlist {
    /// Of which license; exactly one of `license` and `product`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub license: Option<LicenseId>,
    /// Of which product.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<ProductId>,
    /// Who, 1 to 1,000; one who does not wait is already as asked.
    #[schema(min_items = 1, max_items = 1000)]
    pub holders: Vec<Holder>,
}
