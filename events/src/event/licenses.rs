//! What has happened to licenses.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Host;
use crate::command::{GraceDays, Quantity};
use crate::metadata::Metadata;
use crate::moment::Moment;
use crate::policy::Policy;
use crate::text::{ContainerId, ExternalId, Label, LicenseId, ProductId, Source};

/// A license exists, and its account and container with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LicenseAllocated {
    /// Which license.
    pub license: LicenseId,
    /// The number that integer-minded clients know it by: unique over the ledger, never reused.
    pub number: u64,
    /// What its seats are of.
    pub product: ProductId,
    /// Seats.
    pub quantity: Quantity,
    /// The container that holds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<ContainerId>,
    /// The license whose quantity it is a part of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<LicenseId>,
    /// Where it comes from, if another account gives it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<Host>,
    /// A label for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Label>,
    /// From when it is in force, inclusive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starts_at: Option<Moment>,
    /// Until when, exclusive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<Moment>,
    /// Days after the end in which it can still be used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grace_days: Option<GraceDays>,
    /// What another system calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<ExternalId>,
    /// Which system it came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
    /// Anything else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Metadata>,
}

/// The labels of a license, all of them, as they are from now on. No rule but the uniqueness of
/// `external_id` looks at them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LicenseDescribed {
    /// Which license.
    pub license: LicenseId,
    /// A label for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Label>,
    /// What another system calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<ExternalId>,
    /// Which system it came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
    /// Anything else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Metadata>,
}

/// A license has more or fewer seats.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct QuantityChanged {
    /// Which license.
    pub license: LicenseId,
    /// Seats before.
    pub from: Quantity,
    /// Seats from now on.
    pub to: Quantity,
}

/// A license is in force at other times.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WindowChanged {
    /// Which license.
    pub license: LicenseId,
    /// From when, inclusive; from ever when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starts_at: Option<Moment>,
    /// Until when, exclusive; for good when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<Moment>,
    /// Days after the end in which it can still be used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grace_days: Option<GraceDays>,
}

/// A moment that matters to a license has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LicenseDue {
    /// Which license.
    pub license: LicenseId,
    /// Which moment. The event may be later, when the ledger was down at that moment.
    pub due: Moment,
}

/// A license cannot be used or assigned; its seats stay held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LicenseSuspended {
    /// Which license.
    pub license: LicenseId,
}

/// A suspension is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LicenseReinstated {
    /// Which license.
    pub license: LicenseId,
}

/// A license is over for good. It had no live assignment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LicenseRetired {
    /// Which license.
    pub license: LicenseId,
}

/// What is decided for an account or a license, all of it, from now on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PolicySet {
    /// For which license; for the whole account when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub license: Option<LicenseId>,
    /// What is decided.
    pub policy: Policy,
}

/// A container is there, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ContainerPlaced {
    /// Which container.
    pub container: ContainerId,
    /// Within which other one; in the account itself when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<ContainerId>,
}

/// More is taken of a license than it gives out, or shared out than its quantity: it and its parts
/// give out nothing until it is not so any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OverallocationBegan {
    /// Which license.
    pub license: LicenseId,
    /// Seats that are held, and those that are shared out; the latter alone where they are too many.
    pub held: i64,
    /// Seats that it gives out at most: the quantity, and what the policy `overage` adds. The quantity
    /// alone where too many are shared out.
    pub limit: i64,
}

/// What is taken of a license fits again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OverallocationEnded {
    /// Which license.
    pub license: LicenseId,
}
