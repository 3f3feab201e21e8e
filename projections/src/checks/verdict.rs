//! What a check answers.

use std::borrow::Cow;
use std::fmt;

use events::Moment;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// Why, in one word. When several reasons stand in the way, the first of this list is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// The holder has a live, active assignment of a license that is in force.
    Allowed,
    /// The same, but the window of the license is over: it is used in its days of grace.
    InGrace,
    /// No command was ever accepted for this account.
    NoSuchAccount,
    /// No license of the account has this name.
    NoSuchLicense,
    /// No license of the account is of this product.
    NoSuchProduct,
    /// The holder has no live assignment, or its end has come.
    NotAssigned,
    /// The assignment holds no seat for now.
    AssignmentInactive,
    /// The license cannot be used for now.
    LicenseSuspended,
    /// The window of the license is still to come.
    LicenseNotStarted,
    /// The window of the license is over, and so are its days of grace.
    LicenseEnded,
    /// The license is over for good.
    LicenseRetired,
}

impl Code {
    /// Whether the holder may.
    pub fn is_allowed(self) -> bool {
        matches!(self, Code::Allowed | Code::InGrace)
    }

    /// As written.
    pub fn as_str(self) -> &'static str {
        match self {
            Code::Allowed => "allowed",
            Code::InGrace => "in_grace",
            Code::NoSuchAccount => "no_such_account",
            Code::NoSuchLicense => "no_such_license",
            Code::NoSuchProduct => "no_such_product",
            Code::NotAssigned => "not_assigned",
            Code::AssignmentInactive => "assignment_inactive",
            Code::LicenseSuspended => "license_suspended",
            Code::LicenseNotStarted => "license_not_started",
            Code::LicenseEnded => "license_ended",
            Code::LicenseRetired => "license_retired",
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The answer to a check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Verdict {
    /// Whether the holder may.
    pub allowed: bool,
    /// Why.
    pub code: Code,
    /// What it rests on. When it is denied: the live assignments that would have carried it.
    pub grounds: Vec<Ground>,
    /// The last assignment that has ended, when there is no live one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<Ended>,
    /// A sentence for people, when it is denied or in grace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// As of which commit.
    pub sequence: u64,
}

/// An assignment that a verdict rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Ground {
    /// Of which license.
    pub license: String,
    /// The assignment.
    pub assignment: Uuid,
    /// Why the assignment stands: the first of `grounds`.
    #[schema(value_type = String, example = "direct")]
    pub ground: Cow<'static, str>,
    /// Everything that the assignment stands on.
    #[schema(value_type = Vec<String>, example = json!(["direct", "group:designers"]))]
    pub grounds: Vec<Cow<'static, str>>,
    /// Since when it was made.
    pub since: Moment,
    /// By which commit.
    pub since_sequence: u64,
    /// When the license ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<Moment>,
    /// When the days of grace after that are over; absent where there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grace_ends_at: Option<Moment>,
    /// When what is held by name of the assignment ends; what a group gives goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assignment_ends_at: Option<Moment>,
}

/// An assignment that was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Ended {
    /// The assignment.
    pub assignment: Uuid,
    /// Of which license.
    pub license: String,
    /// When it ended.
    pub revoked_at: Moment,
    /// By which commit.
    pub revoked_sequence: u64,
}
