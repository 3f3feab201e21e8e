//! Commands about licenses.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{GraceDays, Patch, Quantity};
use crate::metadata::Metadata;
use crate::moment::Moment;
use crate::text::{ContainerId, ExternalId, Label, LicenseId, ProductId, Source};

/// Gives an account a quantity of one product. Account and container exist from then on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AllocateLicense {
    /// What the license is called from now on.
    pub license: LicenseId,
    /// What its seats are of. Never changes.
    pub product: ProductId,
    /// Seats.
    pub quantity: Quantity,
    /// The container that holds it; the account itself when absent. Never changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<ContainerId>,
    /// A label for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Label>,
    /// From when the license is in force, inclusive; at once when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starts_at: Option<Moment>,
    /// Until when, exclusive; for good when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<Moment>,
    /// Days after the end in which it can still be used; none when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grace_days: Option<GraceDays>,
    /// What another system calls it; unique in the account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<ExternalId>,
    /// Which system it came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
    /// Anything else, kept as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Metadata>,
}

/// Changes what is given and nothing else; `null` takes a value away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChangeLicense {
    /// Which license.
    pub license: LicenseId,
    /// Seats. Refused below what is held and shared out, unless the policy allows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantity: Option<Quantity>,
    /// A label for people.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    #[schema(value_type = Option<Label>)]
    pub name: Patch<Label>,
    /// From when it is in force, inclusive.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    #[schema(value_type = Option<Moment>)]
    pub starts_at: Patch<Moment>,
    /// Until when, exclusive.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    #[schema(value_type = Option<Moment>)]
    pub ends_at: Patch<Moment>,
    /// Days after the end in which it can still be used.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    #[schema(value_type = Option<GraceDays>)]
    pub grace_days: Patch<GraceDays>,
    /// What another system calls it; unique in the account.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    #[schema(value_type = Option<ExternalId>)]
    pub external_id: Patch<ExternalId>,
    /// Which system it came from.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    #[schema(value_type = Option<Source>)]
    pub source: Patch<Source>,
    /// Anything else, replaced as a whole.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    #[schema(value_type = Option<Metadata>)]
    pub metadata: Patch<Metadata>,
}

/// Stops a license from being used or assigned; seats stay held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SuspendLicense {
    /// Which license.
    pub license: LicenseId,
}

/// Ends a suspension.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReinstateLicense {
    /// Which license.
    pub license: LicenseId,
}

/// Ends a license for good. Refused while it has live assignments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RetireLicense {
    /// Which license.
    pub license: LicenseId,
}
