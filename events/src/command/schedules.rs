//! Commands about commands to come.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Command, CommandType};
use crate::malformed::{Malformed, MalformedCode};
use crate::metadata::Metadata;
use crate::moment::Moment;
use crate::strict;
use crate::text::Label;

/// Keeps a command until it is due, and judges it then: once, in order with whatever else is due,
/// also when the ledger was down at that moment. What came of it is an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ScheduleCommand {
    /// When it is due; at once for a moment that has passed.
    pub at: Moment,
    /// The type of the command. One that schedules or cancels, or is about keys, cannot be
    /// scheduled.
    #[schema(value_type = String, example = "RevokeAssignment")]
    pub command: Label,
    /// Its document, without what stands around a command; at most 8 KiB.
    pub document: Metadata,
}

impl ScheduleCommand {
    /// The command as it will be judged.
    pub fn scheduled(&self) -> Result<Command, Malformed> {
        read(self.command.as_str(), &self.document)
    }
}

/// Reads a document that is kept for later.
pub(crate) fn read(kind: &str, document: &Metadata) -> Result<Command, Malformed> {
    let kind: CommandType = kind.parse().map_err(|it: Malformed| it.inside("command"))?;
    if !waits(kind) {
        let detail = format!("{kind} cannot be scheduled");
        return Err(Malformed::at(MalformedCode::InvalidValue, "/command", detail));
    }
    let inside = |it: Malformed| it.inside("document");
    let members = strict::object(document.as_str().as_bytes()).map_err(inside)?;
    let command = super::read(kind, members, &[]).map_err(inside)?;
    command.check().map_err(inside)?;
    if let Command::ApplyBatch(batch) = &command
        && let Some(place) = batch.commands.iter().position(|it| !waits(it.kind()))
    {
        let detail = format!("{} cannot be scheduled", batch.commands[place].kind());
        let pointer = format!("/document/commands/{place}/command");
        return Err(Malformed::at(MalformedCode::InvalidValue, &pointer, detail));
    }
    Ok(command)
}

/// Whether a command can be kept for later. One about commands to come cannot, and one about keys
/// neither: a key that was revoked would otherwise leave others behind.
fn waits(kind: CommandType) -> bool {
    !matches!(
        kind,
        CommandType::ScheduleCommand
            | CommandType::CancelSchedule
            | CommandType::CreateKey
            | CommandType::RevokeKey
    )
}

/// Drops a scheduled command. One that was dropped already is already as asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CancelSchedule {
    /// Its number, as `CommandScheduled` says it.
    pub schedule: u64,
}
