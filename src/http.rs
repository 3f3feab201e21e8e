//! HTTP: the ledger's own API, and what operators ask.
//!
//! One list of routes makes the router and the OpenAPI document ([`router`]). Handlers read; the
//! only one that writes hands its document to the [`Intake`], like every door.

mod accounts;
mod assignments;
mod checks;
mod clock;
mod commands;
mod containers;
mod document;
mod groups;
pub(crate) mod headers;
mod history;
mod holders;
mod keys;
mod licenses;
mod lines;
mod native;
mod operate;
mod pages;
mod policies;
pub mod problem;
pub(crate) mod query;
mod schedules;
pub mod server;
mod tail;
mod voiding;
mod waiting;
mod waitlists;

use std::sync::Arc;

use axum::middleware::map_response_with_state;
use axum::routing::get;
use events::limits::COMMAND_BYTES_MAX;
use metrics_exporter_prometheus::PrometheusHandle;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::Auth;
use crate::clock::Clock;
use crate::durability::Durability;
use crate::facades::ibl::{self, Checking};
use crate::health::Health;
use crate::intake::Intake;
use crate::log::Log;
use crate::projector::Projector;
use crate::views::Views;
pub use waiting::serve_while_waiting;

use document::ProblemDocument;
use server::{Front, Limits};

/// Bytes of a request's body. Above what a command may have, so that a command that is too large is
/// told so in the same words as over NATS.
const BODY_BYTES_MAX: usize = 4 * COMMAND_BYTES_MAX;

/// What handlers work with. Cheap to clone.
#[derive(Clone)]
pub struct App {
    pub(crate) intake: Intake,
    pub(crate) views: Views,
    health: Health,
    log: Log,
    projector: Projector,
    pub(crate) clock: Clock,
    pub(crate) auth: Auth,
    pub(crate) ibl: Checking,
    operator: Arc<Operator>,
}

/// What only the operator's routes need.
struct Operator {
    metrics: Option<PrometheusHandle>,
    durability: watch::Receiver<Durability>,
    openapi: Value,
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("App")
    }
}

impl App {
    /// What handlers work with.
    pub fn new(parts: Parts) -> App {
        let Parts { intake, views, health, log, projector, durability, clock, auth, ibl } = parts;
        let (metrics, openapi) = (crate::metrics::install(), openapi());
        let operator = Arc::new(Operator { metrics, durability, openapi });
        let ibl = Checking::new(&ibl);
        App { intake, views, health, log, projector, clock, auth, ibl, operator }
    }
}

/// What an [`App`] is made of.
pub struct Parts {
    /// Where commands go.
    pub intake: Intake,
    /// What is asked.
    pub views: Views,
    /// How the ledger is.
    pub health: Health,
    /// The log.
    pub log: Log,
    /// What builds read models.
    pub projector: Projector,
    /// What is known of the servers' durability.
    pub durability: watch::Receiver<Durability>,
    /// What the time is.
    pub clock: Clock,
    /// Who may call.
    pub auth: Auth,
    /// How the dialect of ibl.ai is served.
    pub ibl: ibl::Options,
}

/// Serves until `stop` is cancelled.
pub async fn serve(listener: TcpListener, app: App, front: Front, stop: CancellationToken) {
    let limits = Limits { body: BODY_BYTES_MAX, ..Limits::default() };
    let (router, _) = router().split_for_parts();
    let router = router
        .route("/metrics", get(operate::metrics))
        .route("/openapi.json", get(operate::openapi))
        .route("/", get(pages::root))
        .route("/docs", get(pages::docs))
        .route("/problems/{code}", get(pages::problem_page))
        .merge(crate::facades::uipath::router(&app))
        .merge(crate::facades::aladia::router(&app))
        .merge(crate::facades::ibl::router())
        .fallback(problem::not_found)
        .method_not_allowed_fallback(problem::method_not_allowed)
        .layer(map_response_with_state(app.clone(), query::warn))
        .with_state(app);
    server::serve(listener, router, limits, front, stop).await;
}

/// All routes of the API, once: for the router and for the document.
fn router() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(document::begun())
        .routes(routes!(commands::send, commands::outcome))
        .routes(routes!(lines::send))
        .routes(routes!(accounts::list))
        .routes(routes!(accounts::one))
        .routes(routes!(licenses::list))
        .routes(routes!(licenses::one))
        .routes(routes!(licenses::usage))
        .routes(routes!(licenses::given))
        .routes(routes!(assignments::of_license))
        .routes(routes!(assignments::of_holder))
        .routes(routes!(assignments::of_account))
        .routes(routes!(assignments::one))
        .routes(routes!(checks::one, checks::many))
        .routes(routes!(containers::list))
        .routes(routes!(containers::one))
        .routes(routes!(groups::list))
        .routes(routes!(groups::one))
        .routes(routes!(groups::members))
        .routes(routes!(holders::list))
        .routes(routes!(holders::one))
        .routes(routes!(policies::list))
        .routes(routes!(policies::history))
        .routes(routes!(waitlists::of_account))
        .routes(routes!(waitlists::of_license))
        .routes(routes!(schedules::list))
        .routes(routes!(keys::list))
        .routes(routes!(history::list))
        .routes(routes!(history::refusals))
        .routes(routes!(tail::of_account))
        .routes(routes!(tail::of_all))
        .routes(routes!(clock::show, clock::forward))
        .routes(routes!(voiding::declare))
        .routes(routes!(operate::status))
        .routes(routes!(operate::rebuild))
        .routes(routes!(operate::health))
        .routes(routes!(operate::ready))
}

/// The OpenAPI document of all routes.
fn openapi() -> Value {
    let (_, openapi) = router().split_for_parts();
    document::completed(&openapi)
}
