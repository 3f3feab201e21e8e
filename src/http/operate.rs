//! What operators ask: is it alive, is it ready, how far is it, and building read models anew.

use std::convert::Infallible;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::{StreamExt, stream};
use serde::Serialize;
use tokio::sync::mpsc;
use utoipa::ToSchema;

use super::App;
use super::native::Caller;
use super::problem::Problem;
use super::query::{self, Segments};
use super::server::Client;
use crate::health::{Finding, Health, Judgement};
use crate::metrics as numbers;
use crate::monitor;
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
    /// `starting`, `ready`, `waiting`, `stopped` or `stopping`
    condition: &'static str,
    /// Whether nothing has failed: the same as `ready` of `/readyz`
    sound: bool,
    /// The first thing that has failed
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
    /// Bytes of the log; absent while NATS does not answer
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<u64>,
    /// Bytes at which it refuses more; absent while NATS does not answer
    #[serde(skip_serializing_if = "Option::is_none")]
    max_bytes: Option<i64>,
    /// `always`, `later` or `unknown`: when the server writes to disk
    durability: &'static str,
    /// All that is not as it should be, the worst first
    findings: Vec<Finding>,
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
pub(super) async fn status(
    caller: Caller,
    State(app): State<App>,
) -> Result<Json<Status>, Problem> {
    caller.may_operate()?;
    let head = app.log.head_now().await;
    let (sequence, bytes, max_bytes) = match &head {
        Ok(head) => (head.last, Some(head.bytes), Some(head.max_bytes)),
        Err(_) => (app.intake.writer().sequence(), None, None),
    };
    if let Ok(head) = &head {
        monitor::tell_how_full(head, &app.health);
    }
    let judged = app.health.judgement();
    let failed = judged.failure();
    let rebuilds: Vec<&str> = Projector::models().collect();
    let model = |view: &crate::views::View| {
        let (name, at) = (view.name(), view.sequence());
        let rebuilds = rebuilds.contains(&name);
        let behind = if rebuilds { sequence.saturating_sub(at) } else { 0 };
        ModelStatus { name, sequence: at, behind, rebuilds }
    };
    Ok(Json(Status {
        version: env!("CARGO_PKG_VERSION"),
        nats: app.log.server_version(),
        condition: judged.condition,
        sound: judged.is_ready(),
        code: failed.map(|it| it.code),
        detail: failed.map(|it| it.detail.clone()),
        fix: failed.map(|it| it.fix.clone()),
        sequence,
        bytes,
        max_bytes,
        durability: app.operator.durability.borrow().as_str(),
        findings: judged.findings,
        read_models: app.views.all().map(model).collect(),
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
    caller: Caller,
    State(app): State<App>,
    Segments(name): Segments<String>,
) -> Result<Response, Problem> {
    caller.may_operate()?;
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
    /// Whether commands are taken and nothing else has failed
    ready: bool,
    /// `ready`, or the code of why commands are not taken
    writing: &'static str,
    /// Commits that the slowest read model is behind what this process has written or read
    behind: u64,
    /// The first thing that has failed
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
    /// The same in a sentence
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// What to do about it
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<String>,
}

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
    readiness(&app.health.judgement(), behind)
}

/// The same of a start that has no log yet, nor anything that could be behind it.
pub(super) async fn ready_while_waiting(State(health): State<Health>) -> Response {
    readiness(&health.judgement(), 0)
}

fn readiness(judged: &Judgement, behind: u64) -> Response {
    let failed = judged.failure();
    let ready = failed.is_none();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body = Readiness {
        ready,
        writing: judged.writing,
        behind,
        code: failed.map(|it| it.code),
        detail: failed.map(|it| it.detail.clone()),
        fix: failed.map(|it| it.fix.clone()),
    };
    (status, Json(body)).into_response()
}

/// Numbers for Prometheus. Not part of the API.
pub(super) async fn metrics(
    State(app): State<App>,
    client: Option<Extension<Client>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let client = client.map(|it| it.0);
    if !app.auth.is_local(&headers, client) {
        app.auth.operator(&headers, client).await?;
    }
    let sequence = app.intake.writer().sequence();
    metrics::gauge!(numbers::LOG_SEQUENCE).set(sequence as f64);
    count(&app.health.judgement());
    for view in app.views.following() {
        let behind = sequence.saturating_sub(view.sequence());
        metrics::gauge!(numbers::BEHIND, "read_model" => view.name()).set(behind as f64);
    }
    match &app.operator.metrics {
        Some(handle) => {
            let headers = [(header::CONTENT_TYPE, "text/plain; version=0.0.4")];
            Ok((headers, handle.render()).into_response())
        }
        None => Err(Problem::new(
            503,
            "metrics_unavailable",
            "There are no metrics",
            "another recorder is installed",
        )),
    }
}

/// What the judgement is in numbers: each code that there is, so that one that is over says so.
fn count(judged: &Judgement) {
    let is = |it: bool| f64::from(u8::from(it));
    metrics::gauge!(numbers::WRITING).set(is(judged.writing == "ready"));
    metrics::gauge!(numbers::READY).set(is(judged.is_ready()));
    for code in crate::health::codes() {
        let found = judged.findings.iter().any(|it| it.code == code);
        metrics::gauge!(numbers::FINDING, "code" => code).set(is(found));
    }
}

/// The OpenAPI document.
pub(super) async fn openapi(State(app): State<App>) -> Response {
    Json(&app.operator.openapi).into_response()
}
