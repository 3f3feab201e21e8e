//! Commands about keys.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::is_no;
use crate::key::{Facade, KeyId, Role, SecretHash};
use crate::moment::Moment;
use crate::text::Label;

/// Makes a key known, so that whoever has its secret may call. The secret itself is made where the
/// key is made, and never sent here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CreateKey {
    /// What the key is called in public: 16 hex digits in lower case, made at random.
    pub key: KeyId,
    /// SHA-256 of the 32 bytes of the secret: 64 hex digits in lower case.
    pub hash: SecretHash,
    /// What it may do: `admin`, `operator`, `auditor` or `reader`.
    pub role: Role,
    /// Which APIs take it, out of `native`, `uipath`, `ibl` and `aladia`; all when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub facades: Option<BTreeSet<Facade>>,
    /// When it expires; never when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Moment>,
    /// Whether it reaches every account. The account of the command is then the one that is meant
    /// where a call names none.
    #[serde(default, skip_serializing_if = "is_no")]
    pub every_account: bool,
    /// What people call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Label>,
}

/// Ends a key for good. One that was revoked already is already as asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RevokeKey {
    /// Which key.
    pub key: KeyId,
}

/// Keeps that a key was used today. Asked by the ledger itself, and by nobody else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NoteKeyUse {
    /// Which key.
    pub key: KeyId,
}
