//! Commands about policies.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Patch;
use crate::policy::{DirectSets, Leaving, Lowering, MayHold, Overage};
use crate::text::LicenseId;

/// Decides what an account, or one of its licenses, does where rules could be one or another.
/// Changes what is given and nothing else; `null` leaves the decision to whoever is above.
///
/// A policy holds for what is asked from then on: it takes nothing away by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SetPolicy {
    /// For which license; for the whole account when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub license: Option<LicenseId>,
    /// Seats beyond the quantity: `none`, `unlimited`, or percent such as `25%`.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    #[schema(value_type = Option<Overage>)]
    pub overage: Patch<Overage>,
    /// Lowering a quantity under use: `refuse` or `tolerate`.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    #[schema(value_type = Option<Lowering>)]
    pub lowering: Patch<Lowering>,
    /// What a group gave when its holder leaves: `release` or `orphan`.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    #[schema(value_type = Option<Leaving>)]
    pub leaving: Patch<Leaving>,
    /// Who may hold a seat: `anyone` or `members`.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    #[schema(value_type = Option<MayHold>)]
    pub may_hold: Patch<MayHold>,
    /// Whether a direct set stands instead of what groups give (`replace`) or beside it (`add`); of
    /// the account only.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    #[schema(value_type = Option<DirectSets>)]
    pub direct_sets: Patch<DirectSets>,
}
