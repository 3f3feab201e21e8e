//! Keeps refusals: groups what the writer refuses and publishes it, apart from the log.

use std::time::Duration;

use bytes::Bytes;
use events::Refused;
use tokio::sync::mpsc;

use crate::log::{Log, Published};

/// Refusals that may wait to be published. More are not kept, and the log says so.
pub const WAITING_MAX: usize = 8_192;

/// Refusals in one message.
const GROUP_MAX: usize = 256;

/// How often a group is published again when nobody acknowledges it, before it is given up.
const ATTEMPTS_MAX: u32 = 5;

/// Pause between attempts.
const PAUSE: Duration = Duration::from_millis(200);

/// Publishes refusals until the writer is gone.
pub async fn publish(log: Log, mut refused: mpsc::Receiver<Refused>) {
    let mut group = Vec::with_capacity(GROUP_MAX);
    while refused.recv_many(&mut group, GROUP_MAX).await > 0 {
        let mut payload = vec![];
        for refused in group.drain(..) {
            match serde_json::to_writer(&mut payload, &refused) {
                Ok(()) => payload.push(b'\n'),
                Err(error) => tracing::warn!(%error, "a refusal cannot be written"),
            }
        }
        put(&log, Bytes::from(payload)).await;
    }
}

async fn put(log: &Log, payload: Bytes) {
    for _ in 0..ATTEMPTS_MAX {
        match log.publish_refusals(payload.clone()).await {
            Published::Stored(_) => return,
            outcome @ (Published::Fenced { .. }
            | Published::Full(_)
            | Published::Rejected(_)
            | Published::Unknown(_)) => {
                tracing::debug!(?outcome, "refusals are not acknowledged");
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
    tracing::warn!("refusals were not kept: nobody acknowledges them");
}
