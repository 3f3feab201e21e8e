//! What stands around every request: its id, its limits, its deadline, and a net for panics.

use std::any::Any;
use std::convert::Infallible;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Poll, ready};

use axum::Router;
use axum::body::Body;
use axum::extract::DefaultBodyLimit;
use axum::http::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderValue, Method, Request, Version};
use axum::response::{IntoResponse as _, Response};
use axum::routing::future::RouteFuture;
use hyper::body::{Body as _, Incoming};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tower::Service as _;

use super::body::{Limited, Progress, Streamed, Told};
use super::client::Client;
use super::limits::{Limits, RETRY_AFTER};
use super::proxies::Proxies;
use super::pulse::{Pulse, Stream};
use super::request_id::{RequestId, RequestIds, X_REQUEST_ID};
use super::site::{Foreign, Names, foreign};
use crate::http::problem::Problem;

/// What the requests of all connections share.
pub(super) struct Guard {
    pub(super) app: Router,
    pub(super) limits: Arc<Limits>,
    pub(super) stop: CancellationToken,
    pub(super) ids: RequestIds,
    /// What it is called by whoever reaches it.
    pub(super) names: Names,
    /// Who is believed about whom a request is from.
    pub(super) proxies: Proxies,
}

impl Guard {
    /// Answers one request. Written as one future instead of a stack of layers, because each layer
    /// boxes the request's future and body again.
    pub(super) fn answer(
        self: Arc<Self>,
        peer: SocketAddr,
        pulse: Arc<Pulse>,
        request: Request<Incoming>,
    ) -> impl Future<Output = Result<Response, Infallible>> + use<> {
        let (id, id_value) = self.ids.of(request.headers());
        let http2 = request.version() == Version::HTTP_2;
        let head_only = request.method() == Method::HEAD;
        let body = (!request.body().is_end_stream()).then(Progress::default);
        let stream = http2.then(|| Stream::begin(Arc::clone(&pulse)));
        let called = self.call(peer, id, body.as_ref(), request);
        async move {
            let answered = match called {
                Ok(called) => self.wait(pin!(called), body.as_ref()).await,
                Err(refusal) => Err(refusal),
            };
            if body.is_some_and(|body| !body.is_complete()) {
                pulse.body_unread();
            }
            let mut response = match answered {
                Ok(response) => response,
                Err(refusal) => refusal.into_response(&id_value, http2),
            };
            if let Some(problem) = response.extensions_mut().remove::<Problem>() {
                name_request(&mut response, problem, &id_value);
            }
            if head_only {
                *response.body_mut() = Body::empty();
            }
            response.headers_mut().insert(&X_REQUEST_ID, id_value);
            let is_whole = response.body().size_hint().exact().is_some();
            let told = match stream {
                // It is open until the client has taken the answer, however short that is.
                Some(stream) => Told::Stream(stream),
                None if is_whole => {
                    pulse.answered();
                    return Ok(response);
                }
                None => Told::Connection(pulse),
            };
            let stop = is_event_stream(&response).then(|| self.stop.clone());
            Ok(response.map(|body| Body::new(Streamed::new(body, stop, told))))
        }
    }

    /// Hands the request to the router, unless it is over a limit by its head already.
    fn call(
        &self,
        peer: SocketAddr,
        id: RequestId,
        body: Option<&Progress>,
        request: Request<Incoming>,
    ) -> Result<RouteFuture<Infallible>, Refusal> {
        let limits = &self.limits;
        if let Some(foreign) = foreign(request.uri(), request.headers(), &self.names) {
            return Err(Refusal::CrossSite(foreign));
        }
        if request.headers().len() > limits.headers {
            return Err(Refusal::TooManyHeaders(limits.headers));
        }
        if request.body().size_hint().lower() > limits.body as u64 {
            return Err(Refusal::BodyTooLarge(limits.body));
        }
        let mut request = request.map(|incoming| match body {
            Some(progress) => Body::new(Limited::new(incoming, limits.body, progress.clone())),
            None => Body::empty(),
        });
        if body.is_some() {
            // Ours stands instead of the framework's own 2 MB.
            DefaultBodyLimit::disable().apply(&mut request);
        }
        request.extensions_mut().insert(id);
        let client = Client::of(peer, request.headers(), &self.proxies);
        request.extensions_mut().insert(client);
        let mut app = self.app.clone();
        // Nothing of a handler runs in this: the router only makes the future that will.
        Ok(app.call(request))
    }

    /// The response, or what came instead of it.
    async fn wait(
        &self,
        mut called: Pin<&mut RouteFuture<Infallible>>,
        body: Option<&Progress>,
    ) -> Result<Response, Refusal> {
        // Most handlers are done at once: they are not charged for a timer.
        let mut deadline = None;
        poll_fn(|cx| {
            match catch_unwind(AssertUnwindSafe(|| called.as_mut().poll(cx))) {
                Ok(Poll::Ready(Ok(_))) if body.is_some_and(Progress::is_too_large) => {
                    return Poll::Ready(Err(Refusal::BodyTooLarge(self.limits.body)));
                }
                Ok(Poll::Ready(Ok(response))) => return Poll::Ready(Ok(response)),
                Ok(Poll::Ready(Err(never))) => match never {},
                Ok(Poll::Pending) => {}
                Err(panic) => return Poll::Ready(Err(Refusal::Panicked(panic))),
            }
            let deadline = deadline.get_or_insert_with(|| Box::pin(sleep(self.limits.request)));
            ready!(deadline.as_mut().poll(cx));
            Poll::Ready(Err(if body.is_some_and(Progress::is_waiting) {
                Refusal::BodyTooSlow
            } else {
                Refusal::TimedOut
            }))
        })
        .await
    }
}

/// Why the guard answers instead of the handler.
enum Refusal {
    CrossSite(Foreign),
    TooManyHeaders(usize),
    BodyTooLarge(usize),
    BodyTooSlow,
    TimedOut,
    Panicked(Box<dyn Any + Send>),
}

impl Refusal {
    fn into_response(self, id: &HeaderValue, http2: bool) -> Response {
        // The rest of the body would have to be read first: a client that is too big or too slow is
        // let go.
        let closes = matches!(self, Self::BodyTooLarge(_) | Self::BodyTooSlow) && !http2;
        if let Self::Panicked(panic) = &self {
            tracing::error!(
                request_id = id.to_str().unwrap_or_default(),
                panic = panic_text(panic.as_ref()),
                "a handler panicked"
            );
        }
        let mut response = self.problem().into_response();
        if closes {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }

    fn problem(&self) -> Problem {
        match self {
            Self::CrossSite(foreign) => {
                Problem::new(403, "cross_site", "Asked by a page of another site", foreign.detail())
                    .hint(foreign.hint())
            }
            Self::TooManyHeaders(limit) => Problem::new(
                431,
                "too_many_headers",
                "Too many headers",
                format!("a request may have {limit} headers"),
            ),
            Self::BodyTooLarge(limit) => Problem::new(
                413,
                "body_too_large",
                "Body too large",
                format!("a request's body may have {limit} bytes"),
            )
            .hint("send it in several requests"),
            Self::BodyTooSlow => Problem::new(
                408,
                "body_too_slow",
                "Body too slow",
                "the request's body did not arrive in time",
            )
            .hint("send it again; with a command id that is safe"),
            Self::TimedOut => Problem::new(
                503,
                "timeout",
                "Timeout",
                "the request was not answered in time; whether it took effect is not known",
            )
            .hint("send it again; with a command id that is safe")
            .retry_after(RETRY_AFTER),
            Self::Panicked(_) => Problem::new(
                500,
                "internal_error",
                "Internal error",
                "the server failed on this request; whether it took effect is not known",
            )
            .hint("tell the operator the request_id: the server's log has the cause under it"),
        }
    }
}

/// Writes a problem's document again, with the request's id.
fn name_request(response: &mut Response, problem: Problem, id: &HeaderValue) {
    let document = problem.request_id(String::from_utf8_lossy(id.as_bytes())).to_json();
    response.headers_mut().insert(CONTENT_LENGTH, document.len().into());
    *response.body_mut() = Body::from(document);
}

fn is_event_stream(response: &Response) -> bool {
    response
        .headers()
        .get(CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"))
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("not a text")
}
