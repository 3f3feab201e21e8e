//! Several commands as one.

use serde::ser::{SerializeSeq, SerializeStruct};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::{Command, CommandType};
use crate::malformed::{Malformed, MalformedCode};
use crate::strict::{self, Object};
use crate::text::Label;

/// Does several commands, one after the other, as if each had been sent alone: all of them, or, where
/// one is refused, none.
#[derive(Debug, Clone, PartialEq, Eq, ToSchema)]
pub struct ApplyBatch {
    /// What is asked, in order: 1 to [`ITEMS_MAX`](crate::limits::ITEMS_MAX).
    #[schema(value_type = Vec<Batched>, min_items = 1, max_items = 1_000)]
    pub commands: Vec<Command>,
}

/// One command of a batch.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct Batched<'a> {
    /// The type of the command. `ApplyBatch` itself is none here.
    #[schema(value_type = String, example = "AssignSeat")]
    command: Label,
    /// Its document, without what stands around a command.
    #[serde(borrow)]
    #[schema(value_type = Object)]
    document: &'a RawValue,
}

#[derive(Deserialize)]
struct Written<'a> {
    #[serde(borrow)]
    commands: Vec<Batched<'a>>,
}

/// Reads the members of a document as a batch.
pub(super) fn read(
    object: Object<'_>,
    around: &'static [&'static str],
) -> Result<ApplyBatch, Malformed> {
    let written: Written<'_> = strict::members(object, around)?;
    match written.commands.len() {
        0 => return Err(super::check::missing("/commands", "at least one command is needed")),
        count => super::check::check_count("/commands", count)?,
    }
    let read = |(place, it): (usize, &Batched<'_>)| {
        read_one(it).map_err(|it| it.inside(&place.to_string()).inside("commands"))
    };
    let commands = written.commands.iter().enumerate().map(read).collect::<Result<_, _>>()?;
    Ok(ApplyBatch { commands })
}

fn read_one(it: &Batched<'_>) -> Result<Command, Malformed> {
    let kind: CommandType =
        it.command.as_str().parse().map_err(|it: Malformed| it.inside("command"))?;
    if kind == CommandType::ApplyBatch {
        let detail = "a batch has no batch in it";
        return Err(Malformed::at(MalformedCode::InvalidValue, "/command", detail));
    }
    let inside = |it: Malformed| it.inside("document");
    let members = strict::object(it.document.get().as_bytes()).map_err(inside)?;
    let command = super::read(kind, members, &[]).map_err(inside)?;
    command.check().map_err(inside)?;
    Ok(command)
}

/// What counts as the content of a batch: every type and every document, in order.
impl Serialize for ApplyBatch {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut batch = serializer.serialize_struct("ApplyBatch", 1)?;
        batch.serialize_field("commands", &All(&self.commands))?;
        batch.end()
    }
}

struct All<'a>(&'a [Command]);

impl Serialize for All<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut all = serializer.serialize_seq(Some(self.0.len()))?;
        for it in self.0 {
            all.serialize_element(&One { command: it.kind().as_str(), document: it })?;
        }
        all.end()
    }
}

#[derive(Serialize)]
struct One<'a> {
    command: &'static str,
    document: &'a Command,
}
