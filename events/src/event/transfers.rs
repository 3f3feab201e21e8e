//! What has happened to seats that one account gives to another.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::account::LicenseState;
use crate::command::{GraceDays, Quantity};
use crate::moment::Moment;
use crate::text::{AccountId, LicenseId, ProductId};

/// The account that a license is given by, and what the license is called there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
pub struct Host {
    /// Which account.
    pub account: AccountId,
    /// Which of its licenses.
    pub license: LicenseId,
}

/// What a license is like for whoever has seats of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LicenseTerms {
    /// What its seats are of.
    pub product: ProductId,
    /// Whether it can be used.
    pub state: LicenseState,
    /// From when it is in force, inclusive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starts_at: Option<Moment>,
    /// Until when, exclusive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<Moment>,
    /// Days after the end in which it can still be used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grace_days: Option<GraceDays>,
}

/// Another account is to have so many seats of a license. They are kept back from now on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AccountAllocationSet {
    /// Which license.
    pub license: LicenseId,
    /// Which account.
    pub receiver: AccountId,
    /// Seats that it was to have before.
    pub from: Quantity,
    /// Seats that it is to have.
    pub to: Quantity,
}

/// The receiver is about to be told what it has of a license, and what the license is like.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TransferBegan {
    /// The number of the transfer: unique over the ledger, never reused.
    pub transfer: u64,
    /// Which license.
    pub license: LicenseId,
    /// Which account.
    pub receiver: AccountId,
    /// Seats, altogether.
    pub quantity: Quantity,
    /// What the license is like by now.
    pub terms: LicenseTerms,
}

/// The receiver has been told. What it caused there stands before this event, in the same commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TransferReceived {
    /// The number of the transfer.
    pub transfer: u64,
    /// Whose license it is.
    pub host: Host,
    /// What it is called here.
    pub license: LicenseId,
    /// Seats that it has here from now on.
    pub quantity: Quantity,
    /// The code with which the quantity was refused; absent when it was taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<Box<str>>,
    /// The sentence that goes with the code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<Box<str>>,
}

/// The host knows what became of a transfer. What need not be kept back any more is free.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TransferEnded {
    /// The number of the transfer.
    pub transfer: u64,
    /// Which license.
    pub license: LicenseId,
    /// Which account.
    pub receiver: AccountId,
    /// Seats that the receiver has.
    pub quantity: Quantity,
    /// What the license is called there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known_as: Option<LicenseId>,
    /// The code with which the receiver refused the quantity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<Box<str>>,
    /// The sentence that goes with the code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<Box<str>>,
}
