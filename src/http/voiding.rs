//! Declaring foreign messages on the log void: an operator's decision about the log itself.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use events::Actor;
use events::request::ANONYMOUS;
use events::text::Label;
use events::wire::{CommitHash, Void};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::App;
use super::native::Caller;
use super::problem::Problem;
use crate::writer::NotVoided;

/// Which messages, exactly as `/readyz` and the log of the ledger name them.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Declared {
    /// The sequence of the first
    first: u64,
    /// That of the last
    last: u64,
    /// SHA-256 over the digest of those before and the bytes of the message, one after the other
    #[schema(value_type = String, example = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")]
    digest: CommitHash,
    /// Who asks; the name of the key when absent
    #[schema(value_type = Option<String>)]
    actor: Option<Actor>,
    /// A sentence for people
    #[schema(value_type = Option<String>)]
    reason: Option<Label>,
}

/// That they are void.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Voided {
    /// The sequence of the commit that says so
    sequence: u64,
}

/// Declare messages void that stand on the log's stream and are none of the ledger's
#[utoipa::path(
    post, path = "/v1/log/void", tag = "operate", operation_id = "declare_void",
    request_body = Declared,
    responses(
        (status = 200, description = "They are void, and writing goes on", body = Voided),
        (status = 400, description = "It does not say which messages", body = super::ProblemDocument),
        (status = 409, description = "These are not the messages there are", body = super::ProblemDocument),
        (status = 503, description = "It is not known what came of it", body = super::ProblemDocument)
    )
)]
pub(super) async fn declare(
    caller: Caller,
    State(app): State<App>,
    body: Bytes,
) -> Result<Json<Voided>, Problem> {
    caller.may_operate()?;
    let it: Declared = serde_json::from_slice(&body).map_err(|it| {
        Problem::new(400, "malformed_json", "The body is not usable", it.to_string())
            .hint("first, last and digest are needed; /readyz says them")
    })?;
    let who = caller.principal();
    let actor = it.actor.or_else(|| who.actor()).map_or_else(|| Actor::new(ANONYMOUS), Ok);
    let actor = actor.map_err(|it| {
        Problem::new(400, "invalid_text", "The actor is not usable", it.to_string())
    })?;
    let void = Void {
        first: it.first,
        last: it.last,
        digest: it.digest,
        by: who.by(),
        actor,
        reason: it.reason,
    };
    match app.intake.writer().void(void).await {
        Ok(sequence) => Ok(Json(Voided { sequence })),
        Err(why @ (NotVoided::Nothing | NotVoided::Others { .. })) => Err(Problem::new(
            409,
            "not_foreign",
            "These are not the messages there are",
            why.to_string(),
        )
        .hint("look at /readyz again: it names what is to be declared void, if anything is")),
        Err(NotVoided::Unavailable(why)) => Err(crate::intake::unavailable_problem(&why)),
    }
}
