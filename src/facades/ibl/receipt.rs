//! What every answer to somebody who was admitted says of itself: the sequence that it was judged at,
//! and to which command it is.

use std::future::Future;
use std::sync::{Arc, OnceLock};

use axum::body::Bytes;
use axum::extract::{FromRequest as _, Request, State};
use axum::http::{HeaderMap, Method, Uri};
use axum::response::{IntoResponse as _, Response};
use events::CommandId;

use super::body;
use super::call::{Call, Sent};
use super::failure::Failure;
use crate::http::App;
use crate::http::headers::{SEQUENCE, name_command};
use crate::http::problem::shown;

/// What an answer is to carry besides what it says.
pub(super) struct Receipt {
    app: App,
    /// The command that the call is, or would have been.
    command: Option<String>,
    /// The sequence before the commit that the command is bound by already.
    before: Arc<OnceLock<u64>>,
}

impl Receipt {
    fn of(call: &Call) -> Receipt {
        let command = call.command.clone().filter(|it| CommandId::new(it.as_str()).is_ok());
        Receipt { app: call.app.clone(), command, before: call.before.clone() }
    }

    fn on(self, answered: Result<Response, Failure>) -> Response {
        let mut response = match answered {
            Ok(response) => response,
            // What a bound command named was there: this is another one.
            Err(failure) if failure.status() == 404 && self.before.get().is_some() => {
                reused(self.command.as_deref()).into_response()
            }
            Err(failure) => failure.into_response(),
        };
        let headers = response.headers_mut();
        if !headers.contains_key(SEQUENCE) {
            headers.insert(SEQUENCE, self.app.intake.writer().sequence().into());
        }
        name_command(headers, self.command.as_deref());
        response
    }
}

/// The id was used before, for something else.
pub(super) fn reused(command: Option<&str>) -> Failure {
    let detail = format!("{} was used before, for other content", command.unwrap_or_default());
    Failure::new(400, "command_id_reused", detail)
}

/// Answers a question.
pub(super) async fn asked<R>(app: App, request: Request, handle: impl FnOnce(Call) -> R) -> Response
where
    R: Future<Output = Result<Response, Failure>>,
{
    let (mut parts, _) = request.into_parts();
    match Call::of(&mut parts, &app, false).await {
        Ok(call) => Receipt::of(&call).on(handle(call).await),
        Err(failure) => failure.into_response(),
    }
}

/// Answers a write whose parameters say everything.
pub(super) async fn ordered<R>(
    app: App,
    request: Request,
    handle: impl FnOnce(Call) -> R,
) -> Response
where
    R: Future<Output = Result<Response, Failure>>,
{
    let (mut parts, _) = request.into_parts();
    match Call::of(&mut parts, &app, true).await {
        Ok(call) => Receipt::of(&call).on(handle(call).await),
        Err(failure) => failure.into_response(),
    }
}

/// Answers a write with a body.
pub(super) async fn sent<R>(app: App, request: Request, handle: impl FnOnce(Sent) -> R) -> Response
where
    R: Future<Output = Result<Response, Failure>>,
{
    let (mut parts, body) = request.into_parts();
    let call = match Call::of(&mut parts, &app, true).await {
        Ok(call) => call,
        Err(failure) => return failure.into_response(),
    };
    let receipt = Receipt::of(&call);
    let headers = parts.headers.clone();
    let answered = match read(&app, &headers, Request::from_parts(parts, body)).await {
        Ok(body) => handle(Sent { call, body }).await,
        Err(failure) => Err(failure),
    };
    receipt.on(answered)
}

async fn read(
    app: &App,
    headers: &HeaderMap,
    request: Request,
) -> Result<super::reader::Reader, Failure> {
    let bytes = Bytes::from_request(request, app).await;
    let bytes = bytes.map_err(|it| Failure::new(400, "parse_error", it.body_text()))?;
    body::read(headers, &bytes)
}

/// Nothing is served at this path.
pub(super) async fn not_found(State(app): State<App>, request: Request) -> Response {
    let detail = format!("nothing is served at {}", place(request.method(), request.uri()));
    let said = async |_| Err(Failure::new(404, "not_found", detail));
    asked(app, request, said).await
}

/// Something is served at this path, but not so. The router adds `Allow`.
pub(super) async fn not_allowed(State(app): State<App>, request: Request) -> Response {
    let detail = format!("{} is not served", place(request.method(), request.uri()));
    let said = async |_| Err(Failure::new(405, "method_not_allowed", detail));
    asked(app, request, said).await
}

fn place(method: &Method, uri: &Uri) -> String {
    format!("{method} {}", shown(uri.path()))
}
