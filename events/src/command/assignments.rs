//! Commands about assignments.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Patch, is_no, is_yes, yes};
use crate::holder::Holder;
use crate::metadata::Metadata;
use crate::moment::Moment;
use crate::text::{AssignmentId, ContainerId, Label, LicenseId, ProductId};

/// Gives each holder a seat: all of them or none.
///
/// A holder who has a live assignment of the license already keeps it as it is (inactive ones
/// become active). Exactly one of `license` and `product` is needed; with `product` each holder
/// gets a seat of the license in force that ends first and has one free.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AssignSeat {
    /// Which license.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub license: Option<LicenseId>,
    /// Which product, where the license does not matter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<ProductId>,
    /// Only licenses that this container holds; with `product` alone. Parts of a license are given out
    /// in no other way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<ContainerId>,
    /// Who gets a seat, 1 to 1,000; the same holder twice counts once.
    #[schema(min_items = 1, max_items = 1000)]
    pub holders: Vec<Holder>,
    /// Whether new assignments are active (hold a seat); yes when absent.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    #[schema(default = true)]
    pub active: bool,
    /// Whether downstream provisioning is done already; no when absent.
    #[serde(default, skip_serializing_if = "is_no")]
    #[schema(default = false)]
    pub fulfilled: bool,
    /// Where the holder is sent once it is fulfilled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redirect_to: Option<Label>,
    /// Kept with each new assignment, as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Metadata>,
    /// When the assignment ends by itself; never when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<Moment>,
    /// Whether those for whom no seat is free wait for one; the whole command is refused when not.
    #[serde(default, skip_serializing_if = "is_no")]
    #[schema(default = false)]
    pub wait: bool,
}

/// Changes what is given of one live assignment; `null` takes a value away.
///
/// The assignment is named by its id, or by `license` and `holder`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChangeAssignment {
    /// Which assignment, by id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assignment: Option<AssignmentId>,
    /// Which assignment, by license and holder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub license: Option<LicenseId>,
    /// Which assignment, by license and holder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<Holder>,
    /// An inactive assignment holds no seat; becoming active needs a free one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active: Option<bool>,
    /// Whether downstream provisioning is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fulfilled: Option<bool>,
    /// When it ends by itself: what stands on the ground `direct`, or is an orphan, is revoked then.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    #[schema(value_type = Option<Moment>)]
    pub ends_at: Patch<Moment>,
    /// Where the holder is sent once it is fulfilled.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    #[schema(value_type = Option<Label>)]
    pub redirect_to: Patch<Label>,
    /// Anything else, replaced as a whole.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    #[schema(value_type = Option<Metadata>)]
    pub metadata: Patch<Metadata>,
}

/// Ends assignments: all of them or none.
///
/// They are named by id (`assignment` or `assignments`), or by `license` and `holders`. One that
/// has ended already, or a known holder who has none, is already as asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RevokeAssignment {
    /// One assignment, by id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assignment: Option<AssignmentId>,
    /// Several assignments, by id, at most 1,000.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 1000)]
    pub assignments: Vec<AssignmentId>,
    /// By license and holders.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub license: Option<LicenseId>,
    /// By license and holders, at most 1,000.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 1000)]
    pub holders: Vec<Holder>,
}
