//! What has happened to holders.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::command::is_no;
use crate::holder::Holder;
use crate::text::{Label, ProductId};

/// Who somebody is, all of it, from now on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HolderRegistered {
    /// Who.
    pub holder: Holder,
    /// The number that integer-minded clients know them by: unique over the ledger, never reused.
    pub number: u64,
    /// What they are called where they sign in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_name: Option<Label>,
    /// What they are called by people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<Label>,
    /// Whether somebody said who they are, or they were only named.
    #[serde(default, skip_serializing_if = "is_no")]
    pub registered: bool,
}

/// An e-mail address names a user from now on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HolderLinked {
    /// The holder that was known by the address alone.
    pub from: Holder,
    /// The user.
    pub holder: Holder,
}

/// Somebody gets nothing any more. What they had has ended before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HolderRetired {
    /// Who.
    pub holder: Holder,
}

/// What somebody has directly is this set, and nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DirectSetDeclared {
    /// Who.
    pub holder: Holder,
    /// Which products, each once, in the order given.
    pub products: Vec<ProductId>,
    /// Whether another system looks after these seats.
    #[serde(default, skip_serializing_if = "is_no")]
    pub external: bool,
}

/// Nobody says any more what somebody has directly.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DirectSetCleared {
    /// Who.
    pub holder: Holder,
}
