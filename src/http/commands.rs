//! Commands in, and their outcomes.

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use events::request::{Address, Via};
use events::{CommandId, CommandType, Moment};
use projections::refusals;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::{IntoParams, ToSchema};

use super::App;
use super::headers::{self, SEQUENCE};
use super::native::{self, Caller};
use super::problem::Problem;
use super::query::{self, Params, Segments};
use crate::auth::Access;
use crate::intake::{Document, refusal_problem};

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct SendParams {
    /// Judge only: the events it would cause, nothing written
    #[serde(default)]
    dry_run: bool,
}

/// An accepted command.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(super) struct Accepted {
    /// `accepted`
    outcome: String,
    /// For which account
    account: String,
    /// The command's id
    command: String,
    /// The sequence of the commit that holds its events
    sequence: u64,
    /// Whether this repeats an earlier answer
    replayed: bool,
    /// Whether nothing was written because nothing was meant to be
    dry_run: Option<bool>,
    /// What it caused; empty when it was so already
    #[schema(value_type = Vec<Object>)]
    events: Vec<serde_json::Value>,
}

/// A refused command, told again: the problem that was told first, and what else is kept of it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Refused {
    #[serde(flatten)]
    #[schema(value_type = super::ProblemDocument)]
    problem: Problem,
    /// When it was judged
    at: Moment,
    /// Who asked, as the sender said
    actor: String,
    /// Who was let in
    by: String,
    /// Through which door
    via: String,
    /// Why they asked
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    change: Option<Box<RawValue>>,
    /// The license that was named
    #[serde(skip_serializing_if = "Option::is_none")]
    license: Option<String>,
    /// The product that was named
    #[serde(skip_serializing_if = "Option::is_none")]
    product: Option<String>,
    /// Holders that were named
    holders: u64,
}

impl From<refusals::Refusal> for Refused {
    fn from(kept: refusals::Refusal) -> Refused {
        let problem = refusal_problem(&kept.code, kept.detail, kept.pointer);
        Refused {
            problem: problem.with("account", kept.account).with("command", kept.command),
            at: kept.at,
            actor: kept.actor,
            by: kept.by,
            via: kept.via,
            change: kept.change,
            license: kept.license,
            product: kept.product,
            holders: kept.holders,
        }
    }
}

/// The outcome of a command, told again: what its sender was told.
#[derive(ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "each is written by itself; this is how the two are described")]
pub(super) enum Outcome {
    Accepted(Accepted),
    Refused(Refused),
}

/// Send a command and wait until its outcome is durable
#[utoipa::path(
    post, path = "/v1/accounts/{account}/commands/{command}",
    tag = "commands", operation_id = "send_command",
    params(
        ("account" = String, Path, description = "For which account"),
        ("command" = String, Path, description = "Which command, such as AssignSeat"),
        ("Idempotency-Key" = Option<String>, Header, description = "The command id, unless the document has it"),
        SendParams
    ),
    request_body(content = Object, description = "The command document; see docs/commands.md"),
    responses(
        (status = 200, description = "Accepted, and durable", body = Accepted),
        (status = 400, description = "Not a command", body = super::ProblemDocument),
        (status = 404, description = "Something it names is unknown", body = super::ProblemDocument),
        (status = 409, description = "Judged and refused", body = super::ProblemDocument),
        (status = 413, description = "Too large", body = super::ProblemDocument),
        (status = 422, description = "The ledger fails to judge it", body = super::ProblemDocument),
        (status = 503, description = "Not now; the same command may be sent again", body = super::ProblemDocument)
    )
)]
pub(super) async fn send(
    caller: Caller,
    State(app): State<App>,
    Segments((account, kind)): Segments<(String, String)>,
    Params(params): Params<SendParams>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let key = headers::key(&headers);
    let address = Address { account: &account, kind: &kind, key, via: Via::Http };
    caller.may(Access::Command)?;
    let intake = app.intake.on_behalf_of(caller.principal());
    let answer = intake.judge(&address, &body, None, params.dry_run).await;
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = match answer.document {
        Document::Accepted(json) => {
            (status, [("content-type", "application/json")], json).into_response()
        }
        Document::Problem(problem) => problem.into_response(),
    };
    let out = response.headers_mut();
    if let Some(sequence) = answer.sequence {
        out.insert(SEQUENCE, HeaderValue::from(sequence));
    }
    headers::name_command(out, answer.command.as_deref());
    Ok(response)
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct OutcomeParams {
    /// Wait until the read models have taken in this sequence
    min_sequence: Option<u64>,
}

/// The outcome of an earlier command
#[utoipa::path(
    get, path = "/v1/accounts/{account}/commands/{command}",
    tag = "commands", operation_id = "get_command",
    params(
        ("account" = String, Path, description = "Of which account"),
        ("command" = String, Path, description = "The command's id"),
        OutcomeParams
    ),
    responses(
        (status = 200, description = "What its sender was told: accepted, or refused with the problem", body = Outcome),
        (status = 400, description = "A parameter is not usable", body = super::ProblemDocument),
        (status = 404, description = "No outcome is known", body = super::ProblemDocument),
        (status = 503, description = "Not there yet", body = super::ProblemDocument)
    )
)]
pub(super) async fn outcome(
    caller: Caller,
    State(app): State<App>,
    Segments((account, command)): Segments<(String, String)>,
    Params(params): Params<OutcomeParams>,
) -> Result<Response, Problem> {
    let account = native::account(&caller, &account, Access::Audit)?;
    let unknown = || {
        query::not_found(
            "command_not_found",
            "No outcome is known for this id",
            format!("no command {command} of {account} is known"),
        )
        .hint(match command.parse::<CommandType>() {
            Ok(kind) => format!("{kind} is a type of command, not an id: send it with POST"),
            Err(_) => {
                "refusals are kept for a while only; commands that changed nothing are not kept"
                    .to_owned()
            }
        })
    };
    let id = CommandId::new(command.as_str()).map_err(|_| unknown())?;
    let commands = &app.views.commands;
    let as_of = query::as_of(&app, commands, None, params.min_sequence).await?;
    let found = query::ask(commands, |db| projections::commands::find(db, &account, &id))?;
    if let Some(found) = found {
        let answer = app.intake.recall(&account, &id, found.sequence).await;
        return match answer.document {
            Document::Accepted(json) => Ok(query::answer_json(as_of, found.sequence, json)),
            Document::Problem(problem) => Err(*problem),
        };
    }
    let refused = query::ask(&app.views.refusals, |db| {
        projections::refusals::by_command(db, account.as_str(), id.as_str())
    })?;
    let refused = refused.into_iter().next_back().ok_or_else(unknown)?;
    query::answer(as_of, commands.sequence(), &Refused::from(refused))
}
