//! The calls of a dialect: one list, for the router and for the test that holds its document to it.

use axum::Router;
use axum::extract::Request;
use axum::handler::Handler;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode, Uri};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::{MethodFilter, MethodRouter, on};
use serde_json::Value;

use crate::http::App;
use crate::http::headers::{self, SEQUENCE};
use crate::http::problem::{Problem, shown};
use crate::http::server::RequestId;

/// One call.
pub(crate) struct Route {
    /// Its methods, as the document lists them.
    #[cfg_attr(not(test), expect(dead_code, reason = "read by the test of the documents"))]
    pub(crate) methods: &'static [&'static str],
    /// Its path, as the vendor prints it.
    pub(crate) path: &'static str,
    /// Whether it is served, or only known.
    #[cfg_attr(not(test), expect(dead_code, reason = "read by the test of the documents"))]
    pub(crate) served: bool,
    handler: MethodRouter<App>,
}

impl Route {
    /// A call that `handler` serves.
    pub(crate) fn new<H, T>(
        methods: &'static [&'static str],
        path: &'static str,
        handler: H,
    ) -> Route
    where
        H: Handler<T, App>,
        T: 'static,
    {
        let filters = methods.iter().map(|it| match *it {
            "PUT" => MethodFilter::PUT,
            "POST" => MethodFilter::POST,
            "PATCH" => MethodFilter::PATCH,
            "DELETE" => MethodFilter::DELETE,
            _ => MethodFilter::GET,
        });
        let filter = filters.reduce(MethodFilter::or).unwrap_or(MethodFilter::GET);
        Route { methods, path, served: true, handler: on(filter, handler) }
    }

    /// The same, of one that is known and answered with that it is not served.
    pub(crate) fn known<H, T>(
        methods: &'static [&'static str],
        path: &'static str,
        handler: H,
    ) -> Route
    where
        H: Handler<T, App>,
        T: 'static,
    {
        Route { served: false, ..Route::new(methods, path, handler) }
    }
}

/// What is said of a call that the vendor's documents or clients know and this ledger does not serve;
/// `document` says what is served.
pub(crate) fn not_served(uri: &Uri, document: &str) -> Problem {
    let detail = format!("{} is known and not served; {document} says what is", shown(uri.path()));
    Problem::new(501, "not_served", "This call is not served", detail)
}

/// A request that something went wrong with.
pub(crate) struct Asked {
    /// Its id, as the server's log names it.
    pub(crate) id: String,
    /// At which path, without the query.
    pub(crate) path: String,
}

/// How a vendor says what went wrong: status and body.
pub(crate) type Told = fn(&Problem, &Asked) -> (u16, Value);

/// The router of a dialect. `paths` says at which paths a call is served.
pub(crate) fn router(
    app: &App,
    routes: Vec<Route>,
    paths: impl Fn(&'static str) -> Vec<String>,
    told: Told,
) -> Router<App> {
    let mut router = Router::new();
    // Several calls can be at one path: their methods are put together first.
    let mut places: Vec<(&'static str, MethodRouter<App>)> = vec![];
    for route in routes {
        match places.iter().position(|it| it.0 == route.path) {
            Some(at) => {
                let (path, before) = places.swap_remove(at);
                places.push((path, before.merge(route.handler)));
            }
            None => places.push((route.path, route.handler)),
        }
    }
    for (path, handler) in places {
        for path in paths(path) {
            router = router.route(&path, handler.clone());
        }
    }
    let app = app.clone();
    router.layer(from_fn(move |request, next| speak(told, app.clone(), request, next)))
}

/// Says what went wrong in the words of the vendor, and as of which sequence of the log: to whoever was
/// admitted.
async fn speak(told: Told, app: App, request: Request, next: Next) -> Response {
    let id = request.extensions().get::<RequestId>().map(|it| it.0.clone());
    let path = shown(request.uri().path());
    let asked = Asked { id: id.unwrap_or_default(), path };
    let mut response = next.run(request).await;
    let Some(problem) = response.extensions_mut().remove::<Problem>() else { return response };
    let (status, body) = told(&problem, &asked);
    let body = body.to_string();
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(response.status());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CONTENT_LENGTH, body.len().into());
    // The receipt, for whoever was admitted: as of when it was so, and which command it was.
    if !matches!(status, 401 | 429) {
        headers.insert(SEQUENCE, app.intake.writer().sequence().into());
    }
    headers::name_command(headers, problem.extra.get("command").and_then(Value::as_str));
    *response.body_mut() = body.into();
    response
}
