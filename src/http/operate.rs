//! What operators ask: is it alive, is it ready, how far is it, and building read models anew.

use std::convert::Infallible;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use events::Refusal;
use events::malformed::MalformedCode;
use futures_util::{StreamExt, stream};
use serde::Serialize;
use tokio::sync::mpsc;
use utoipa::ToSchema;

use super::App;
use super::problem::Problem;
use super::query::{self, Segments};
use crate::durability::{self, Durability};
use crate::health::Condition;
use crate::metrics as numbers;
use crate::projector::Projector;

/// Progress reports that wait for a slow reader; more are left out.
const PROGRESS_WAITING: usize = 16;

/// How a running ledger is.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Status {
    /// The release
    version: &'static str,
    /// The nats-server's release
    nats: String,
    /// `starting`, `ready` or `stopped`
    condition: &'static str,
    /// Why writing has stopped
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
    /// The same in a sentence
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// What to do about it
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<String>,
    /// The last sequence of the log
    sequence: u64,
    /// Bytes of the log
    bytes: u64,
    /// Bytes at which it refuses more
    max_bytes: i64,
    /// `always`, `later` or `unknown`: when the server writes to disk
    durability: &'static str,
    /// The read models
    read_models: Vec<ModelStatus>,
}

/// How far a read model is.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ModelStatus {
    /// Its name
    name: &'static str,
    /// The sequence it has taken in
    sequence: u64,
    /// Commits it is behind the log
    behind: u64,
    /// Whether it can be rebuilt from the log
    rebuilds: bool,
}

/// How the ledger is
#[utoipa::path(
    get, path = "/v1/status",
    tag = "operate", operation_id = "get_status",
    responses((status = 200, description = "How it is", body = Status))
)]
pub(super) async fn status(State(app): State<App>) -> Result<Json<Status>, Problem> {
    let head = app.log.head_now().await;
    let (sequence, bytes, max_bytes) = match &head {
        Ok(head) => (head.last, head.bytes, head.max_bytes),
        Err(_) => (app.intake.writer().sequence(), 0, 0),
    };
    let (condition, stop) = match app.health.condition() {
        Condition::Starting => ("starting", None),
        Condition::Ready => ("ready", None),
        Condition::Stopped(stop) => ("stopped", Some(stop)),
    };
    let rebuilds: Vec<&str> = Projector::models().collect();
    let model = |view: &crate::views::View| {
        let (name, at) = (view.name(), view.sequence());
        let rebuilds = rebuilds.contains(&name);
        let behind = if rebuilds { sequence.saturating_sub(at) } else { 0 };
        ModelStatus { name, sequence: at, behind, rebuilds }
    };
    let durability = match durability::ask(app.operator.monitor.as_deref()).await {
        Durability::Always => "always",
        Durability::Later => "later",
        Durability::Unknown(_) => "unknown",
    };
    Ok(Json(Status {
        version: env!("CARGO_PKG_VERSION"),
        nats: app.log.server_version(),
        condition,
        code: stop.as_ref().map(|it| it.code),
        detail: stop.as_ref().map(|it| it.detail.clone()),
        fix: stop.as_ref().map(|it| it.fix.clone()),
        sequence,
        bytes,
        max_bytes,
        durability,
        read_models: app.views.all().into_iter().map(model).collect(),
    }))
}

/// Build a read model anew beside the one in use, compare the two, and swap them
#[utoipa::path(
    post, path = "/v1/read-models/{name}/rebuild",
    tag = "operate", operation_id = "rebuild_read_model",
    params(("name" = String, Path, description = "Which read model")),
    responses(
        (status = 200, description = "JSON lines: progress, then what came of it", content_type = "application/x-ndjson", body = String),
        (status = 400, description = "The name is not UTF-8", body = super::ProblemDocument),
        (status = 404, description = "There is no such read model", body = super::ProblemDocument)
    )
)]
pub(super) async fn rebuild(
    State(app): State<App>,
    Segments(name): Segments<String>,
) -> Result<Response, Problem> {
    if !Projector::models().any(|it| it == name) {
        let known = Projector::models().collect::<Vec<_>>().join(", ");
        let detail = format!("there is no read model {name} that is built from the log");
        return Err(query::not_found(
            "read_model_not_found",
            "There is no such read model",
            detail,
        )
        .hint(format!("known: {known}")));
    }
    let (progress, reports) = mpsc::channel(PROGRESS_WAITING);
    let projector = app.projector.clone();
    // On its own: the rebuild goes on when whoever asked leaves.
    let done = tokio::spawn(async move { projector.rebuild(&name, progress).await });
    let reports = stream::unfold(reports, |mut reports| async move {
        let line = line(&reports.recv().await?);
        Some((line, reports))
    });
    let end = stream::once(async move {
        match done.await {
            Ok(Ok(rebuilt)) => line(&rebuilt),
            Ok(Err(reason)) => line(&failed(reason)),
            Err(error) => line(&failed(error.to_string())),
        }
    });
    let lines = reports.chain(end).map(Ok::<Bytes, Infallible>);
    let headers = [(header::CONTENT_TYPE, "application/x-ndjson")];
    Ok((headers, Body::from_stream(lines)).into_response())
}

fn failed(reason: String) -> Problem {
    Problem::new(503, "rebuild_failed", "The rebuild was broken off", reason)
        .hint("the read model in use is as it was")
}

fn line(value: &impl Serialize) -> Bytes {
    let mut line = serde_json::to_vec(value).unwrap_or_default();
    line.push(b'\n');
    line.into()
}

/// Whether the process is alive
#[utoipa::path(
    get, path = "/healthz",
    tag = "operate", operation_id = "get_health",
    responses((status = 200, description = "It is", body = String))
)]
pub(super) async fn health() -> &'static str {
    "ok\n"
}

/// What has to hold for a ledger to be ready.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Readiness {
    /// Whether commands are taken and the read models are near the log
    ready: bool,
    /// `starting`, `ready`, `nats_disconnected`, or the code of why writing has stopped
    writing: &'static str,
    /// Commits that the slowest read model is behind what this process has written or read
    behind: u64,
    /// Why not
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// What to do about it
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<String>,
}

/// Commits that a read model may be behind a ledger that is ready.
const BEHIND_MAX: u64 = 10_000;

/// Whether the ledger is ready for work
#[utoipa::path(
    get, path = "/readyz",
    tag = "operate", operation_id = "get_readiness",
    responses(
        (status = 200, description = "It is", body = Readiness),
        (status = 503, description = "It is not", body = Readiness)
    )
)]
pub(super) async fn ready(State(app): State<App>) -> Response {
    let behind = app.intake.writer().sequence().saturating_sub(app.views.lowest());
    let (writing, stop) = match app.health.condition() {
        Condition::Starting => ("starting", None),
        Condition::Ready if !app.is_connected() => ("nats_disconnected", None),
        Condition::Ready => ("ready", None),
        Condition::Stopped(stop) => (stop.code, Some(stop)),
    };
    let ready = writing == "ready" && behind <= BEHIND_MAX;
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body = Readiness {
        ready,
        writing,
        behind,
        detail: stop.as_ref().map(|it| it.detail.clone()),
        fix: stop.as_ref().map(|it| it.fix.clone()),
    };
    (status, Json(body)).into_response()
}

/// Numbers for Prometheus. Not part of the API.
pub(super) async fn metrics(State(app): State<App>) -> Response {
    let sequence = app.intake.writer().sequence();
    metrics::gauge!(numbers::LOG_SEQUENCE).set(sequence as f64);
    let writing = matches!(app.health.condition(), Condition::Ready) && app.is_connected();
    metrics::gauge!(numbers::WRITING).set(f64::from(u8::from(writing)));
    for view in app.views.all().into_iter().filter(|it| it.name() != "refusals") {
        let behind = sequence.saturating_sub(view.sequence());
        metrics::gauge!(numbers::BEHIND, "read_model" => view.name()).set(behind as f64);
    }
    match &app.operator.metrics {
        Some(handle) => {
            let headers = [(header::CONTENT_TYPE, "text/plain; version=0.0.4")];
            (headers, handle.render()).into_response()
        }
        None => Problem::new(
            503,
            "metrics_unavailable",
            "There are no metrics",
            "another recorder is installed",
        )
        .into_response(),
    }
}

/// The OpenAPI document.
pub(super) async fn openapi(State(app): State<App>) -> Response {
    Json(&app.operator.openapi).into_response()
}

/// A page for people, made from the OpenAPI document, without a script from elsewhere.
pub(super) async fn docs(State(app): State<App>) -> Html<String> {
    let mut page = String::from(
        "<!doctype html><html lang=en><meta charset=utf-8><title>seatledger API</title>\
         <style>body{font:16px/1.5 system-ui;max-width:60rem;margin:2rem auto;padding:0 1rem}\
         code{background:#eee;padding:.1em .3em}dt{margin-top:1em}</style>\
         <h1>seatledger API</h1><p>The whole of it is in <a href=/openapi.json>openapi.json</a>; \
         commands are described in docs/commands.md of the source.</p><dl>",
    );
    let paths = app.operator.openapi["paths"].as_object().cloned().unwrap_or_default();
    for (path, methods) in paths {
        for (method, it) in methods.as_object().into_iter().flatten() {
            let summary = it["summary"].as_str().unwrap_or_default();
            let method = method.to_uppercase();
            page.push_str(&format!("<dt><code>{method} {path}</code><dd>{summary}"));
        }
    }
    page.push_str("</dl></html>");
    Html(page)
}

/// Codes that are neither refusals nor malformed documents, each with what it means.
const OTHER_CODES: &[(&str, &str)] = &[
    ("behind", "The read model has not taken in the sequence that was asked for. Ask again."),
    ("body_too_large", "The body has more bytes than the server takes."),
    ("body_too_slow", "The body did not arrive in time."),
    ("command_not_found", "No outcome is known for this command id."),
    (
        "commands_unavailable",
        "Old commands cannot be looked up, so none can be judged. Send it again.",
    ),
    (
        "cross_site",
        "A web page of another site asks, or the Host that was asked for is not localhost, 127.0.0.1 or [::1]. Ask from the page's own server; a proxy sets Host to the address that it asks.",
    ),
    ("internal_error", "A bug. The request id finds it in the server's log."),
    ("invalid_parameter", "A parameter of the query or the path is not usable."),
    ("invariant_broken", "A bug was noticed before it was published. Writing has stopped."),
    (
        "log_damaged",
        "The log has a commit that is missing or cannot be read. Writing has stopped; see docs/operating.md.",
    ),
    ("log_full", "The log has reached max_bytes. Raise it, below the disk's size."),
    ("log_rejects", "The NATS server does not take the commit."),
    (
        "log_settings",
        "A setting of the stream would let history be lost. Writing has stopped; see docs/operating.md.",
    ),
    ("log_went_back", "The log is not the one it was. Writing has stopped; see docs/operating.md."),
    ("method_not_allowed", "The path is served, but not with this method."),
    ("metrics_unavailable", "This process keeps no metrics."),
    ("not_found", "Nothing is served at this path."),
    (
        "outcome_unknown",
        "It is not known yet whether the command was accepted. Send it again with the same id.",
    ),
    ("overloaded", "Too many commands are waiting. Send it again a little later."),
    ("projector_failed", "A projector ended unexpectedly. Start the ledger again."),
    ("read_model_not_found", "There is no such read model."),
    ("read_model_unavailable", "A read model does not answer. Ask again."),
    ("rebuild_failed", "The rebuild was broken off; the read model in use is as it was."),
    ("starting", "The ledger is still reading its log. Send it again."),
    ("stopping", "The ledger is stopping."),
    ("timeout", "The handler took too long."),
    ("too_many_headers", "The request has more headers than the server takes."),
    ("writer_failed", "The writer ended unexpectedly. Start the ledger again."),
    ("too_many_connections", "The server has as many connections as it takes."),
];

/// What a problem's `type` links to: what its code means and what to do about it.
pub(super) async fn problem_page(Segments(code): Segments<String>) -> Response {
    let refusal = Refusal::TABLE.iter().find(|it| it.0 == code);
    let malformed = MalformedCode::ALL.into_iter().find(|it| it.as_str() == code);
    let other = OTHER_CODES.iter().find(|it| it.0 == code);
    let (code, title, text) = match (refusal, malformed, other) {
        (Some((code, status, title, hint)), _, _) => {
            (*code, *title, format!("HTTP status {status}. What to do: {hint}."))
        }
        (None, Some(it), _) => (
            it.as_str(),
            it.title(),
            "The document is not a command; nothing was judged.".to_owned(),
        ),
        (None, None, Some((code, text))) => (*code, *code, (*text).to_owned()),
        (None, None, None) => {
            let detail = "no page is kept for this code".to_owned();
            return query::not_found("not_found", "Not found", detail).into_response();
        }
    };
    Html(format!(
        "<!doctype html><html lang=en><meta charset=utf-8><title>{code}</title>\
         <h1>{title}</h1><p>Code <code>{code}</code>. {text}</html>"
    ))
    .into_response()
}
