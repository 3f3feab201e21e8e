//! The answer to a document that is no command, by the account and the id that it came with; so is
//! one answered that nobody can judge now.

use std::borrow::Cow;

use events::malformed::MalformedCode;
use events::request::Address;
use events::{AccountId, CommandId, CommandType, Malformed};

use super::{Answer, Document};
use crate::describe;
use crate::http::problem::Problem;

/// The answer to a document that is no command.
pub(super) fn answer(malformed: &Malformed, address: &Address<'_>, document: &[u8]) -> Answer {
    let mut problem = problem(malformed);
    if malformed.code == MalformedCode::MalformedJson && document.trim_ascii().is_empty() {
        problem.detail = EMPTY.to_owned();
        problem.hint = hint_of_empty(address);
    }
    named(problem, address, document)
}

/// The answer to a document that is not judged. It names the account of its address and the command's
/// id as far as they can be read, so that whoever listens for several commands knows whose answer it
/// is.
pub(super) fn named(mut problem: Problem, address: &Address<'_>, document: &[u8]) -> Answer {
    if let Ok(account) = AccountId::new(address.account) {
        problem = problem.with("account", account.as_str());
    }
    let command = command(address, document);
    if let Some(id) = &command {
        problem = problem.with("command", id.as_str());
    }
    let command = command.map(|it| it.as_str().to_owned());
    Answer {
        status: problem.status,
        sequence: None,
        command,
        document: Document::Problem(problem.into()),
    }
}

/// The problem of a document that is no command. Account and command are still to be named.
pub(crate) fn problem(malformed: &Malformed) -> Problem {
    let code = malformed.code;
    let mut problem =
        Problem::new(code.status(), code.as_str(), code.title(), malformed.detail.clone())
            .with("outcome", "malformed")
            .with("pointer", malformed.pointer.clone());
    problem.hint = malformed.hint.clone();
    problem
}

/// What is wrong with a body that has nothing in it.
pub(crate) const EMPTY: &str = "the body is empty";

/// What would be a command of the type that was asked for.
fn hint_of_empty(address: &Address<'_>) -> Option<String> {
    let kind: CommandType = address.kind.parse().ok()?;
    Some(format!("a command is a JSON object, such as {}", describe::example(kind)))
}

/// The id of what is no command: the key beside it, or else what it has for an id itself, if that
/// can be read and is one.
fn command(address: &Address<'_>, document: &[u8]) -> Option<CommandId> {
    #[derive(serde::Deserialize)]
    struct Id<'a> {
        #[serde(borrow)]
        id: Cow<'a, str>,
    }
    if let Some(id) = address.key.and_then(|it| CommandId::new(it).ok()) {
        return Some(id);
    }
    // A list would be read as the members in their order.
    if !document.trim_ascii_start().starts_with(b"{") {
        return None;
    }
    let given: Id<'_> = serde_json::from_slice(document).ok()?;
    CommandId::new(&*given.id).ok()
}
