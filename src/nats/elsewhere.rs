//! Leaving a node that is there and leads nowhere: one that is cut off from the others answers pings
//! for as long as the cut lasts, and nothing of JetStream.

use std::time::Duration;

use async_nats::Client;
use tokio_util::sync::CancellationToken;

use crate::health::{Condition, Health, Hold};

/// How long the log may stay silent over one node before another one is tried.
const PATIENCE: Duration = Duration::from_secs(4);

/// Connects each client anew, to the next server of its list, as long as the log does not answer.
/// For ledgers that have several servers; ends with `stop`.
pub async fn move_on(clients: Vec<Client>, health: Health, stop: CancellationToken) {
    let mut condition = health.watch();
    loop {
        let silent =
            condition.wait_for(|it| matches!(it, Condition::Waiting(Hold::LogUnavailable, _)));
        if !matches!(stop.run_until_cancelled(silent).await, Some(Ok(_))) {
            return;
        }
        tracing::warn!("the log does not answer over this server, the next one is tried");
        for client in &clients {
            if let Err(error) = client.force_reconnect().await {
                tracing::debug!(%error, "a client is gone");
            }
        }
        if stop.run_until_cancelled(tokio::time::sleep(PATIENCE)).await.is_none() {
            return;
        }
    }
}
