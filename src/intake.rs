//! Commands that come in, through any door, and the one document that answers them.

pub mod ask;
mod dead_letter;
mod discovery;
mod door;
mod malformed;
pub mod post;
mod recall;
mod reply;
mod room;

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use events::malformed::MalformedCode;
use events::request::{ANONYMOUS, Address};
use events::wire::Record;
use events::{AccountId, By, CommandId, CommandType, Event, Malformed, Refusal, Request};
use serde::Serialize;
use uuid::Uuid;

use crate::auth::principal::Proof;
use crate::auth::{Access, AuthError, Principal};
use crate::http::problem::Problem;
use crate::metrics as numbers;
use crate::writer::{Outcome, Unavailable, Writer};

pub use door::{Door, Keeper};
use room::Room;

pub(crate) use malformed::{EMPTY, problem as malformed_problem};
pub use recall::Recall;

/// Where every door hands its commands. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Intake {
    writer: Writer,
    recall: Recall,
    room: Room,
}

/// The intake for somebody who was let in: there is no other way to send.
#[derive(Debug, Clone)]
pub struct Sender {
    intake: Intake,
    who: Arc<Principal>,
}

/// What a sender is told, whatever the door.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The HTTP status that says the same.
    pub status: u16,
    /// The sequence of the commit, for what was accepted.
    pub sequence: Option<u64>,
    /// The command's id, where the document had one or was given one.
    pub command: Option<String>,
    /// The document.
    pub document: Document,
}

/// The answering document: the outcome of an accepted command, or a problem.
#[derive(Debug, Clone)]
pub enum Document {
    /// JSON bytes.
    Accepted(Bytes),
    /// What went wrong.
    Problem(Box<Problem>),
}

impl Answer {
    /// The document's bytes.
    pub fn to_json(&self) -> Bytes {
        match &self.document {
            Document::Accepted(json) => json.clone(),
            Document::Problem(problem) => problem.to_json().into(),
        }
    }

    /// Whether the outcome is final: sending the same command again can only repeat it, or judge it
    /// again.
    pub fn is_final(&self) -> bool {
        // Who comes too often may come again.
        self.status < 500 && self.status != 429
    }
}

/// An accepted command as its sender is told.
#[derive(Serialize)]
struct Accepted<'a> {
    outcome: &'static str,
    account: &'a str,
    command: &'a str,
    sequence: u64,
    replayed: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    dry_run: bool,
    events: Vec<Told<'a>>,
}

/// One event as the sender of its command is told.
#[derive(Serialize)]
struct Told<'a> {
    id: Uuid,
    #[serde(rename = "type")]
    kind: &'static str,
    v: u32,
    data: &'a Event,
}

impl Intake {
    /// An intake in front of a writer.
    pub fn new(writer: Writer, recall: Recall) -> Intake {
        Intake { writer, recall, room: Room::new() }
    }

    /// The way in for a caller: they are the actor where a document names none, and what they may not
    /// send is not judged.
    #[must_use]
    pub fn on_behalf_of(&self, who: &Arc<Principal>) -> Sender {
        Sender { intake: self.clone(), who: who.clone() }
    }

    /// The writer behind it.
    pub fn writer(&self) -> &Writer {
        &self.writer
    }

    /// The outcome of a command that was accepted by an old commit, from the log itself.
    pub async fn recall(&self, account: &AccountId, command: &CommandId, sequence: u64) -> Answer {
        match self.recall.document(account, command, sequence).await {
            Ok(document) => accepted(command.as_str(), sequence, document),
            Err(why) => answer(account.as_str(), command.as_str(), &Outcome::Unavailable(why)),
        }
    }
}

impl Sender {
    /// Who was let in.
    pub(crate) fn by(&self) -> By {
        self.who.by()
    }

    /// Reads a document, has it judged, and answers when the outcome is durable.
    pub async fn send(&self, address: &Address<'_>, document: &[u8]) -> Answer {
        self.judge(address, document, None, false).await
    }

    /// The same. A document without an id is given `made`, so that it has the same one each time it
    /// is delivered; with `dry_run` nothing is written, whatever the document says.
    pub async fn judge(
        &self,
        address: &Address<'_>,
        document: &[u8],
        made: Option<CommandId>,
        dry_run: bool,
    ) -> Answer {
        let begin = Instant::now();
        let answer = self.outcome(address, document, made, dry_run).await;
        let outcome = match &answer.document {
            Document::Accepted(_) => "accepted",
            Document::Problem(_) if !answer.is_final() => "unavailable",
            Document::Problem(it) if it.is_malformed() => "malformed",
            Document::Problem(_) => "refused",
        };
        // Only known types become a label: a label is memory for good.
        let kind = address.kind.parse().map_or("unknown", CommandType::as_str);
        metrics::counter!(numbers::COMMANDS, "type" => kind, "outcome" => outcome).increment(1);
        metrics::histogram!(numbers::COMMAND_SECONDS).record(begin.elapsed().as_secs_f64());
        answer
    }

    async fn outcome(
        &self,
        address: &Address<'_>,
        document: &[u8],
        made: Option<CommandId>,
        dry_run: bool,
    ) -> Answer {
        let made = made.map_or_else(|| CommandId::new(Uuid::now_v7().to_string()), Ok);
        // Invariant: a UUID is a token, so the fallback is never taken.
        let Ok(made) = made else { return unjudged(&Unavailable::Starting, address, document) };
        // Held until it is answered.
        let Some(_room) = self.intake.room.take(document) else {
            return unjudged(&Unavailable::Overloaded, address, document);
        };
        let mut request = match Request::read(address, self.who.by(), document, || made) {
            Ok(request) => request,
            Err(it) => return malformed::answer(&it, address, document),
        };
        request.dry_run |= dry_run;
        if let Err(answer) = admit(&self.who, &mut request) {
            return answer;
        }
        let (account, command) = (request.account.clone(), request.id.clone());
        let outcome = match self.intake.writer.ask(request).await {
            Outcome::Repeated { sequence } => {
                return self.intake.recall(&account, &command, sequence).await;
            }
            outcome
            @ (Outcome::Accepted { .. } | Outcome::Refused(_) | Outcome::Unavailable(_)) => outcome,
        };
        answer(account.as_str(), command.as_str(), &outcome)
    }
}

/// What to do where a subject is worth too little.
const BY_ADMIN: &str = "keys and policies go over the subject <prefix>.admin.<account>.<Type>, for those whom \
                        the NATS server lets publish there";

/// Has a caller send what they may send.
fn admit(sender: &Principal, request: &mut Request) -> Result<(), Answer> {
    let (account, command) = (request.account.as_str(), request.id.as_str());
    let not_sufficient = || {
        let mut problem = Problem::from(AuthError::RoleNotSufficient);
        if sender.proof == Proof::NatsCommand {
            problem = problem.hint(BY_ADMIN);
        }
        problem_answer(problem, account, command)
    };
    if !sender.may(Access::Command) {
        return Err(not_sufficient());
    }
    // As it is told of an account that is not there: nobody learns which there are.
    let own = Some(&request.account).filter(|it| !sender.reaches(it)).cloned();
    if let Some(unreached) = own.or_else(|| sender.out_of_reach(&request.command)) {
        let refusal = Refusal::AccountNotFound(unreached);
        return Err(answer(account, command, &Outcome::Refused(refusal)));
    }
    if !sender.may_send(&request.command) {
        return Err(not_sufficient());
    }
    if request.actor.as_str() == ANONYMOUS
        && let Some(actor) = sender.actor()
    {
        request.actor = actor;
    }
    Ok(())
}

/// The answer where a door hands a document to nobody.
fn unjudged(unavailable: &Unavailable, address: &Address<'_>, document: &[u8]) -> Answer {
    malformed::named(unavailable_problem(unavailable), address, document)
}

fn answer(account: &str, command: &str, outcome: &Outcome) -> Answer {
    let problem = match outcome {
        Outcome::Accepted { sequence, dry_run, records } => {
            let document = accepted_json((account, command), *sequence, false, *dry_run, records);
            return accepted(command, *sequence, document);
        }
        // `send` has resolved it; whoever has not is told where to look.
        Outcome::Repeated { sequence } => Problem::new(
            503,
            "outcome_unknown",
            "The outcome is not known yet",
            format!("the command was accepted at sequence {sequence}"),
        ),
        Outcome::Refused(refusal) => {
            refusal_problem(refusal.code(), refusal.to_string(), refusal.pointer())
        }
        Outcome::Unavailable(unavailable) => unavailable_problem(unavailable),
    };
    problem_answer(problem, account, command)
}

fn accepted(command: &str, sequence: u64, document: Bytes) -> Answer {
    let (command, document) = (Some(command.to_owned()), Document::Accepted(document));
    Answer { status: 200, sequence: Some(sequence), command, document }
}

/// The document that answers an accepted command.
fn accepted_json(
    (account, command): (&str, &str),
    sequence: u64,
    replayed: bool,
    dry_run: bool,
    records: &[Record],
) -> Bytes {
    let told = records.iter().map(|Record { id, event, .. }| {
        let (id, kind, v) = (*id, event.kind(), event.version());
        Told { id, kind, v, data: event }
    });
    let events = told.collect();
    let outcome = "accepted";
    let document = Accepted { outcome, account, command, sequence, replayed, dry_run, events };
    // Invariant: strings, numbers and events serialise without fail.
    serde_json::to_vec(&document).unwrap_or_default().into()
}

fn problem_answer(problem: Problem, account: &str, command: &str) -> Answer {
    let problem = problem.with("account", account).with("command", command);
    let (status, command) = (problem.status, Some(command.to_owned()));
    Answer { status, sequence: None, command, document: Document::Problem(problem.into()) }
}

/// The problem of a refused command, from what is kept of it: the same when it is refused and
/// whenever it is asked for again. Account and command are still to be named.
pub fn refusal_problem(code: &str, detail: String, pointer: Option<String>) -> Problem {
    if let Some(code) = MalformedCode::ALL.into_iter().find(|it| it.as_str() == code) {
        let pointer = pointer.unwrap_or_default();
        return malformed::problem(&Malformed { code, pointer, detail, hint: None });
    }
    let row = Refusal::TABLE.iter().find(|it| it.0 == code);
    // Codes are never renamed: one that is not there was kept by a newer release.
    let (status, title, hint) =
        row.map_or((409, "The command was refused", None), |it| (it.1, it.2, Some(it.3)));
    let mut problem = Problem::new(status, code, title, detail).with("outcome", "refused");
    problem.hint = hint.map(str::to_owned);
    match pointer {
        Some(pointer) => problem.with("pointer", pointer),
        None => problem,
    }
}

/// Seconds after which trying again makes sense.
const RETRY_SECONDS: u64 = 1;

/// The problem of what is not judged, or of which it is not known what became.
pub(crate) fn unavailable_problem(unavailable: &Unavailable) -> Problem {
    let (code, title) = match unavailable {
        Unavailable::Starting => ("starting", "The ledger is starting"),
        Unavailable::Overloaded => ("overloaded", "Too many commands are waiting"),
        Unavailable::Full(_) => ("log_full", "The log is full"),
        Unavailable::Rejected(_) => ("log_rejects", "The log does not take the commit"),
        Unavailable::Unknown => ("outcome_unknown", "The outcome is not known yet"),
        Unavailable::Waiting(why) => (why.code, "Writing waits"),
        Unavailable::Stopped(stop) => (stop.code, "Writing has stopped"),
        Unavailable::Commands(_) => ("commands_unavailable", "Old commands cannot be looked up"),
        Unavailable::Stopping => ("stopping", "The ledger is stopping"),
    };
    let hint = match unavailable {
        Unavailable::Waiting(why) | Unavailable::Stopped(why) => why.fix.clone(),
        Unavailable::Full(_) => {
            "raise max_bytes of the stream below the disk's size, then send the same command again"
                .to_owned()
        }
        Unavailable::Starting
        | Unavailable::Overloaded
        | Unavailable::Rejected(_)
        | Unavailable::Unknown
        | Unavailable::Commands(_)
        | Unavailable::Stopping => {
            "send the same command again with the same id: it happens at most once".to_owned()
        }
    };
    Problem::new(503, code, title, unavailable.to_string())
        .hint(hint)
        .with("outcome", "unavailable")
        .retry_after(RETRY_SECONDS)
}

#[cfg(test)]
mod tests {
    use events::request::Via;

    use super::*;

    #[test]
    fn what_is_not_judged_names_whose_it_is_as_far_as_that_is_known() {
        let told = |account, key, document: &str| {
            let address = Address { account, kind: "AssignSeat", key, via: Via::Nats };
            let answer = unjudged(&Unavailable::Overloaded, &address, document.as_bytes());
            let json: serde_json::Value = serde_json::from_slice(&answer.to_json()).unwrap();
            assert_eq!((answer.status, json["code"].as_str()), (503, Some("overloaded")));
            assert_eq!(json.get("command").and_then(|it| it.as_str()), answer.command.as_deref());
            (json.get("account").cloned(), answer.command)
        };
        let acme = Some("acme".into());
        assert_eq!(told("acme", None, r#"{"id":"c1"}"#), (acme.clone(), Some("c1".to_owned())));
        assert_eq!(told("acme", Some("c2"), "{}"), (acme.clone(), Some("c2".to_owned())));
        assert_eq!(told("acme", None, "{}"), (acme, None));
        assert_eq!(told("", None, "{"), (None, None));
    }

    #[test]
    fn a_refusal_is_told_from_its_code_be_it_of_a_newer_release() {
        let known = refusal_problem("account_not_found", "there is no account a".to_owned(), None);
        assert_eq!((known.status, known.title.as_str()), (404, "There is no such account"));
        assert!(known.hint.is_some());
        let newer = refusal_problem("over_the_moon", "too far".to_owned(), None);
        assert_eq!((newer.status, newer.code.as_str()), (409, "over_the_moon"));
        assert_eq!((newer.detail.as_str(), newer.hint.as_deref()), ("too far", None));
    }
}
