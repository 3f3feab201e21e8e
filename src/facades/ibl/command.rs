//! Commands that calls become.

use events::request::{Address, Via};
use events::{AccountId, CommandType};
use serde::Deserialize;
use uuid::Uuid;

use super::call::Call;
use super::failure::Failure;
use super::members::Members;
use super::reader::Reader;
use crate::facades::{Accepted, accepted};

/// A command on its way.
#[derive(Debug, Clone)]
pub(super) struct Step {
    pub(super) kind: CommandType,
    pub(super) document: Members,
}

impl Step {
    pub(super) fn new(kind: CommandType, document: Members) -> Step {
        Step { kind, document }
    }
}

/// A command that was accepted.
pub(super) struct Done {
    /// The sequence as of which it is so.
    pub(super) sequence: u64,
    /// Whether this repeats an earlier answer.
    pub(super) replayed: bool,
    /// The first assignment that something happened to.
    pub(super) assignment: Option<Uuid>,
}

/// What matters of the document that answers a command.
#[derive(Default, Deserialize)]
struct Told {
    replayed: bool,
    events: Vec<Event>,
}

#[derive(Deserialize)]
struct Event {
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    assignment: Option<Uuid>,
}

/// Why somebody asks, as bodies say it.
pub(super) fn change(body: &mut Reader, otherwise: Option<&str>) -> Members {
    let given = |it: Option<String>| it.filter(|it| !it.is_empty());
    let kind = given(body.text("change_type")).or_else(|| otherwise.map(str::to_owned));
    Members::default()
        .with_some("source", &given(body.text("source")))
        .with_some("type", &kind)
        .with_some("transaction_id", &given(body.text("transaction_id")))
}

/// Sends what a call becomes as one command: all of its steps or none. It is answered when what it
/// wrote can be read.
pub(super) async fn send(
    call: &Call,
    account: &AccountId,
    change: &Members,
    mut steps: Vec<Step>,
) -> Result<Done, Failure> {
    let (kind, document) = match steps.len() {
        1 => steps.pop().map(|it| (it.kind, it.document)).unwrap_or_else(batch_of_none),
        _ => (CommandType::ApplyBatch, Members::default().with("commands", &as_batch(&steps))),
    };
    let document = match change.is_empty() {
        true => document,
        false => document.with("change", change),
    };
    let key = call.command.as_deref();
    let address = Address { account: account.as_str(), kind: kind.as_str(), key, via: Via::Ibl };
    let document = document.to_raw();
    let sent = accepted(&call.app, call.caller.principal(), &address, document.get().as_bytes());
    let Accepted { sequence, document, .. } = sent.await?;
    let told: Told = serde_json::from_slice(&document).unwrap_or_default();
    let assignment = told.events.into_iter().find_map(|it| it.data.assignment);
    Ok(Done { sequence, replayed: told.replayed, assignment })
}

fn batch_of_none() -> (CommandType, Members) {
    (CommandType::ApplyBatch, Members::default())
}

fn as_batch(steps: &[Step]) -> Vec<Members> {
    let one = |it: &Step| {
        Members::default().with("command", &it.kind.as_str()).with("document", &it.document)
    };
    steps.iter().map(one).collect()
}
