//! What has happened to assignments.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Ground;
use crate::command::{is_no, is_yes, yes};
use crate::holder::Holder;
use crate::metadata::Metadata;
use crate::moment::Moment;
use crate::text::{AssignmentId, Label, LicenseId, ProductId};

/// A holder has an assignment of a license, and a seat of it if the assignment is active.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SeatAssigned {
    /// The assignment; never reused.
    pub assignment: AssignmentId,
    /// The number that integer-minded clients know it by: unique over the ledger, never reused.
    pub number: u64,
    /// Of which license.
    pub license: LicenseId,
    /// Who, with everything known of them.
    pub holder: Holder,
    /// The number that integer-minded clients know the holder by, where this is the first that is
    /// said of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder_number: Option<u64>,
    /// Why it stands.
    #[schema(value_type = Vec<String>, example = json!(["direct"]))]
    pub grounds: Vec<Ground>,
    /// Whether it holds a seat.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub active: bool,
    /// Whether downstream provisioning is done.
    #[serde(default, skip_serializing_if = "is_no")]
    pub fulfilled: bool,
    /// Where the holder is sent once it is fulfilled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redirect_to: Option<Label>,
    /// Anything else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Metadata>,
    /// When it ends by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<Moment>,
}

/// An assignment ends by itself at another moment, or not any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AssignmentEndSet {
    /// The assignment.
    pub assignment: AssignmentId,
    /// Of which license.
    pub license: LicenseId,
    /// Who.
    pub holder: Holder,
    /// When; never when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<Moment>,
}

/// One assignment, said in full, so that a line of the log is understood without the lines before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Assigned {
    /// The assignment.
    pub assignment: AssignmentId,
    /// Of which license.
    pub license: LicenseId,
    /// Who.
    pub holder: Holder,
}

/// Where a holder is sent, and what else is kept with an assignment, all of it, from now on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AssignmentDescribed {
    /// The assignment.
    pub assignment: AssignmentId,
    /// Of which license.
    pub license: LicenseId,
    /// Who.
    pub holder: Holder,
    /// Where the holder is sent once it is fulfilled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redirect_to: Option<Label>,
    /// Anything else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Metadata>,
}

/// An assignment stands on one ground more or less, and goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GroundChanged {
    /// The assignment.
    pub assignment: AssignmentId,
    /// Of which license.
    pub license: LicenseId,
    /// Who.
    pub holder: Holder,
    /// Which ground.
    #[schema(value_type = String, example = "group:designers")]
    pub ground: Ground,
}

/// An assignment is somebody else's: the e-mail address it was made for is a user's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AssignmentTransferred {
    /// The assignment.
    pub assignment: AssignmentId,
    /// Of which license.
    pub license: LicenseId,
    /// Who had it.
    pub from: Holder,
    /// Who has it.
    pub holder: Holder,
}

/// Somebody waits for a seat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WaitlistJoined {
    /// The place: unique over the ledger, never reused. A lower one is served first.
    pub place: u64,
    /// A seat of this license; exactly one of `license` and `product`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub license: Option<LicenseId>,
    /// A seat of this product.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<ProductId>,
    /// Who.
    pub holder: Holder,
    /// On which ground the assignment will stand.
    #[schema(value_type = String, example = "direct")]
    pub ground: Ground,
    /// Whether downstream provisioning is done.
    #[serde(default, skip_serializing_if = "is_no")]
    pub fulfilled: bool,
    /// Where the holder will be sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redirect_to: Option<Label>,
    /// Kept with the assignment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Metadata>,
    /// When the assignment will end by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<Moment>,
}

crate::policy::words! {
    /// Why a place in a waitlist ended.
    WaitEnd {
        /// Its holder has what they waited for.
        Served = "served",
        /// They, or somebody for them, gave it up.
        GivenUp = "given_up",
        /// Nothing gives it to them any more.
        Withdrawn = "withdrawn",
    }
}

/// Somebody does not wait any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WaitlistLeft {
    /// The place.
    pub place: u64,
    /// A seat of this license.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub license: Option<LicenseId>,
    /// A seat of this product.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<ProductId>,
    /// Who.
    pub holder: Holder,
    /// On which ground.
    #[schema(value_type = String, example = "direct")]
    pub ground: Ground,
    /// Why.
    pub end: WaitEnd,
}
