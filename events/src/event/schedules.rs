//! What has happened to commands to come.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::metadata::Metadata;
use crate::moment::Moment;
use crate::text::Label;

/// A command is kept until it is due.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CommandScheduled {
    /// The number of the schedule: unique over the ledger, never reused.
    pub schedule: u64,
    /// When it is due.
    pub due: Moment,
    /// The type of the command.
    #[schema(value_type = String)]
    pub command: Label,
    /// Its document.
    pub document: Metadata,
}

/// It is kept no more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ScheduleCancelled {
    /// The number of the schedule.
    pub schedule: u64,
}

/// It was judged. What it caused stands before this event, in the same commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ScheduleFired {
    /// The number of the schedule.
    pub schedule: u64,
    /// When it was due.
    pub due: Moment,
    /// The code with which it was refused; absent when it was accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<Box<str>>,
    /// The sentence that goes with the code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<Box<str>>,
}
