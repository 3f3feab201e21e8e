//! Many commands in one request, each for itself.

use std::convert::Infallible;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use events::malformed::MalformedCode;
use events::request::{Address, Via};
use events::{CommandId, Malformed};
use futures_util::future::maybe_done;
use futures_util::stream::FuturesOrdered;
use futures_util::{StreamExt, stream};
use serde::Deserialize;
use tokio::sync::mpsc;
use utoipa::IntoParams;

use super::App;
use super::headers;
use super::native::Caller;
use super::problem::Problem;
use super::query::Params;
use crate::auth::Access;
use crate::intake::{EMPTY, Sender, malformed_problem};

/// Commands in one request. More are refused whole (`too_many_items`).
pub(super) const LINES_MAX: usize = 10_000;

/// Commands of one request that wait for their outcome at the same time.
const AT_ONCE_MAX: usize = 256;

/// Answers that wait for a slow reader. Then no further command of the request is begun.
const ANSWERS_WAITING: usize = 256;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct LinesParams {
    /// Judge only: the events each would cause, nothing written
    #[serde(default)]
    dry_run: bool,
    /// The number of the first line; 1 when absent. For a file that is sent in parts
    first_line: Option<u32>,
}

/// Send many commands, each for itself, in order
///
/// A command a line, complete with `account` and `type`. Each is judged after the one before it and
/// answered by a line of its own, in the same order, as soon as it is durable.
#[utoipa::path(
    post, path = "/v1/commands",
    tag = "commands", operation_id = "send_commands",
    params(
        ("Idempotency-Key" = Option<String>, Header, description = "What the commands without an id are called: this, a hyphen and the number of the line"),
        LinesParams
    ),
    request_body(content = String, content_type = "application/x-ndjson", description = "JSON lines: command documents with account and type"),
    responses(
        (status = 200, description = "JSON lines: for each command its number as `line`, and what its sender would be told alone", content_type = "application/x-ndjson", body = String),
        (status = 400, description = "No lines, or too many of them, or a key that cannot be one", body = super::ProblemDocument),
        (status = 413, description = "Too large", body = super::ProblemDocument)
    )
)]
pub(super) async fn send(
    caller: Caller,
    State(app): State<App>,
    Params(params): Params<LinesParams>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    caller.may(Access::Command)?;
    let key = headers::key(&headers);
    let first = params.first_line.map_or(1, u64::from);
    let lines = lines(&body, first, key)?;
    let (answers, answered) = mpsc::channel(ANSWERS_WAITING);
    // On its own: what was begun is finished when whoever asked leaves.
    let intake = app.intake.on_behalf_of(caller.principal());
    tokio::spawn(answer_all(intake, lines, params.dry_run, answers));
    let answered =
        stream::unfold(
            answered,
            |mut answered| async move { Some((answered.recv().await?, answered)) },
        );
    let headers = [(header::CONTENT_TYPE, "application/x-ndjson")];
    Ok((headers, Body::from_stream(answered.map(Ok::<Bytes, Infallible>))).into_response())
}

/// One command as it came.
struct Line {
    number: u64,
    document: Bytes,
    /// Its id, unless it has one itself.
    made: Option<CommandId>,
}

/// The lines that have something in them.
fn lines(body: &Bytes, first: u64, key: Option<&str>) -> Result<Vec<Line>, Problem> {
    let mut lines = vec![];
    for (number, text) in (first..).zip(body.split(|it| *it == b'\n')) {
        let document = body.slice_ref(text.trim_ascii());
        if document.is_empty() {
            continue;
        }
        let made = key.map(|key| made_id(key, number)).transpose()?;
        lines.push(Line { number, document, made });
    }
    match lines.len() {
        0 => {
            let empty = Malformed::whole(MalformedCode::MalformedJson, EMPTY);
            Err(malformed_problem(&empty.hint("send a command a line, each with account and type")))
        }
        1..=LINES_MAX => Ok(lines),
        count => {
            let detail = format!("{count} commands came, one request takes at most {LINES_MAX}");
            let many = Malformed::whole(MalformedCode::TooManyItems, detail);
            Err(malformed_problem(&many.hint("send them in several requests, in order")))
        }
    }
}

fn made_id(key: &str, number: u64) -> Result<CommandId, Problem> {
    CommandId::new(format!("{key}-{number}")).map_err(|_| {
        let detail = format!(
            "{:?}, a hyphen and the number of a line must match [A-Za-z0-9_-]{{1,64}} together",
            events::malformed::short(key)
        );
        malformed_problem(&Malformed::whole(MalformedCode::InvalidCommandId, detail))
    })
}

/// Has all lines judged, in order, and answers them in order.
async fn answer_all(intake: Sender, lines: Vec<Line>, dry_run: bool, answers: mpsc::Sender<Bytes>) {
    let mut under_way = FuturesOrdered::new();
    for line in lines {
        if under_way.len() == AT_ONCE_MAX
            && let Some(Some(answer)) = under_way.next().await
            && answers.send(answer).await.is_err()
        {
            break;
        }
        let mut judged = Box::pin(maybe_done(answer(intake.clone(), line, dry_run)));
        // With this the writer has it, before the next one.
        let _ = futures_util::poll!(judged.as_mut());
        under_way.push_back(async move {
            judged.as_mut().await;
            judged.as_mut().take_output()
        });
    }
    while let Some(answer) = under_way.next().await {
        if let Some(answer) = answer {
            // Nobody may be there to be told any more; what was begun is finished all the same.
            let _ = answers.send(answer).await;
        }
    }
}

/// What the sender of a line is told, as a line.
async fn answer(intake: Sender, line: Line, dry_run: bool) -> Bytes {
    let json = match addressed(&line.document) {
        Ok((account, kind)) => {
            let address = Address { account: &account, kind: &kind, key: None, via: Via::Http };
            intake.judge(&address, &line.document, line.made, dry_run).await.to_json()
        }
        Err(malformed) => malformed_problem(&malformed).to_json().into(),
    };
    // Every answer is an object; the number stands first in it.
    let mut told = format!("{{\"line\":{},", line.number).into_bytes();
    told.extend_from_slice(json.strip_prefix(b"{").unwrap_or(&json));
    told.push(b'\n');
    told.into()
}

/// The account and the type that a line names.
fn addressed(document: &[u8]) -> Result<(String, String), Malformed> {
    #[derive(Deserialize)]
    struct Named {
        account: Option<serde_json::Value>,
        r#type: Option<serde_json::Value>,
    }
    let wrong = |detail: String| Malformed::whole(MalformedCode::MalformedJson, detail);
    if !document.starts_with(b"{") {
        return Err(wrong("it is not a JSON object".to_owned()));
    }
    let named: Named = serde_json::from_slice(document).map_err(|it| wrong(it.to_string()))?;
    let text = |name: &str, given: Option<serde_json::Value>| {
        match given {
            Some(serde_json::Value::String(text)) => Ok(text),
            Some(_) => Err((MalformedCode::WrongType, "it must be a string")),
            None => Err((MalformedCode::MissingField, "a line needs it")),
        }
        .map_err(|(code, detail)| Malformed::at(code, &format!("/{name}"), detail))
    };
    Ok((text("account", named.account)?, text("type", named.r#type)?))
}
