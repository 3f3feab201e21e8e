//! Keeps the `refusals` read model level with its stream.

use futures_util::FutureExt;
use tokio_util::sync::CancellationToken;

use super::{BATCH_EVENTS_MAX, Model, RETRY};
use crate::log::Log;

/// Runs until `stop` is cancelled.
pub(super) async fn follow(log: Log, mut model: Model, stop: CancellationToken) {
    let Some(mut store) = model.store.take() else { return };
    let mut reader = log.read_refusals(store.checkpoint().sequence);
    loop {
        let Some(first) = stop.run_until_cancelled(reader.next()).await else { return };
        let mut batch = vec![first];
        while batch.len() < BATCH_EVENTS_MAX {
            match reader.next().now_or_never() {
                Some(group) => batch.push(group),
                None => break,
            }
        }
        loop {
            let work = batch.clone();
            let done = tokio::task::spawn_blocking(move || {
                let applied = store.apply_refusals(&work);
                (store, applied)
            });
            let Ok((back, applied)) = done.await else { return };
            store = back;
            match applied {
                Ok(checkpoint) => {
                    model.reached.send_replace(checkpoint.sequence);
                    break;
                }
                Err(error) => tracing::error!(%error, "the read model refusals stands still"),
            }
            if stop.run_until_cancelled(tokio::time::sleep(RETRY)).await.is_none() {
                return;
            }
        }
    }
}
