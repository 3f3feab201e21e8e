//! What HTTP says while a start waits for NATS: that the process lives, and what it waits for.

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::problem::Problem;
use super::server::{self, Front, Limits};
use super::{BODY_BYTES_MAX, operate};
use crate::health::Health;

/// Serves until `stop` is cancelled: `/healthz`, `/readyz`, and to everything else why not.
pub async fn serve_while_waiting(
    listener: TcpListener,
    health: Health,
    front: Front,
    stop: CancellationToken,
) {
    let limits = Limits { body: BODY_BYTES_MAX, ..Limits::default() };
    let router = Router::new()
        .route("/healthz", get(operate::health))
        .route("/readyz", get(operate::ready_while_waiting))
        .fallback(not_yet)
        .with_state(health);
    server::serve(listener, router, limits, front, stop).await;
}

async fn not_yet(State(health): State<Health>) -> Problem {
    let judged = health.judgement();
    let detail = judged.failure().map(|it| it.detail.clone()).unwrap_or_default();
    Problem::new(503, "starting", "The ledger is starting", detail).retry_after(1)
}
