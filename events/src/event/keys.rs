//! What has happened to keys.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::command::is_no;
use crate::key::{Facade, KeyId, Role, SecretHash};
use crate::moment::{Day, Moment};
use crate::text::Label;

/// Whoever has the secret of a key may call with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KeyCreated {
    /// What it is called in public.
    pub key: KeyId,
    /// SHA-256 of the 32 bytes of its secret.
    pub hash: SecretHash,
    /// What it may do.
    pub role: Role,
    /// Which APIs take it; all when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub facades: Option<BTreeSet<Facade>>,
    /// When it expires; never when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Moment>,
    /// Whether it reaches every account, and not this one alone.
    #[serde(default, skip_serializing_if = "is_no")]
    pub every_account: bool,
    /// What people call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Label>,
}

/// It is revoked, and stays so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KeyRevoked {
    /// Which key.
    pub key: KeyId,
}

/// It was used on that day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KeyUsed {
    /// Which key.
    pub key: KeyId,
    /// The day, in UTC. Later calls of the day are not told.
    pub day: Day,
}
