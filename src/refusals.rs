//! Keeps refusals: groups what the writer refuses and publishes it, apart from the log.

use std::time::Duration;

use bytes::Bytes;
use events::Refused;
use tokio::sync::{mpsc, oneshot};

use crate::log::{Log, Published};

/// Refusals that may wait to be published. More are not kept, and the log says so.
pub const WAITING_MAX: usize = 8_192;

/// Refusals in one message.
const GROUP_MAX: usize = 256;

/// How often a group is published again when nobody acknowledges it, before it is given up.
const ATTEMPTS_MAX: u32 = 5;

/// Pause between attempts.
const PAUSE: Duration = Duration::from_millis(200);

/// What is to be kept, in the order in which it came.
#[derive(Debug)]
pub enum ToKeep {
    /// A refusal.
    Refused(Box<Refused>),
    /// Somebody who wants to know when all before it are kept; dropped where they are not.
    Told(oneshot::Sender<()>),
}

/// Publishes refusals until the writer is gone.
pub async fn publish(log: Log, mut waiting: mpsc::Receiver<ToKeep>) {
    let mut group = Vec::with_capacity(GROUP_MAX);
    while waiting.recv_many(&mut group, GROUP_MAX).await > 0 {
        let (mut payload, mut asked) = (vec![], vec![]);
        for it in group.drain(..) {
            match it {
                ToKeep::Refused(refused) => match serde_json::to_writer(&mut payload, &refused) {
                    Ok(()) => payload.push(b'\n'),
                    Err(error) => tracing::warn!(%error, "a refusal cannot be written"),
                },
                ToKeep::Told(asks) => asked.push(asks),
            }
        }
        if payload.is_empty() || put(&log, Bytes::from(payload)).await {
            for ask in asked {
                let _ = ask.send(());
            }
        }
    }
}

/// Waits until every refusal that was handed over so far is kept; `false` where it is not known.
pub async fn kept(refusals: &mpsc::WeakSender<ToKeep>) -> bool {
    let Some(refusals) = refusals.upgrade() else { return false };
    let (told, kept) = oneshot::channel();
    refusals.send(ToKeep::Told(told)).await.is_ok() && kept.await.is_ok()
}

/// Whether they are kept.
async fn put(log: &Log, payload: Bytes) -> bool {
    for _ in 0..ATTEMPTS_MAX {
        match log.publish_refusals(payload.clone()).await {
            Published::Stored(_) => return true,
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
    false
}
