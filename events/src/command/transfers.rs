//! Commands about seats that one account gives to another.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Quantity;
use crate::event::{Host, LicenseTerms};
use crate::text::{AccountId, LicenseId};

/// Says how many seats of a license another account has, altogether. None takes all of them back.
///
/// Accepted means that the seats are kept back. The receiver has them once the transfer that begins
/// with this has ended, which the ledger does by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AllocateToAccount {
    /// Of which license.
    pub license: LicenseId,
    /// Which other account; it is there once it has been given something.
    pub receiver: AccountId,
    /// Seats, altogether.
    pub quantity: Quantity,
}

/// Has what another account gives. Asked by the ledger itself, for a transfer that has begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReceiveTransfer {
    /// The number of the transfer.
    pub transfer: u64,
    /// Whose license it is.
    pub host: Host,
    /// Seats, altogether.
    pub quantity: Quantity,
    /// What the license is like.
    pub terms: LicenseTerms,
}

/// Takes note of what a receiver has said. Asked by the ledger itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EndTransfer {
    /// The number of the transfer.
    pub transfer: u64,
    /// What the license is called there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known_as: Option<LicenseId>,
    /// The code with which the quantity was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<Box<str>>,
    /// The sentence that goes with the code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<Box<str>>,
}
