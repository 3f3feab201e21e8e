//! Keeps the `refusals` read model level with its stream.

use std::path::PathBuf;
use std::time::Duration;

use events::Refused;
use events::wire::CommitHash;
use futures_util::FutureExt;
use projections::{Checkpoint, Error, Store, store};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::{BATCH_EVENTS_MAX, Model, RETRY};
use crate::log::{Log, RefusalsReader};

/// What the stream has forgotten is forgotten here this often.
const FORGET_PERIOD: Duration = Duration::from_secs(3600);

/// Messages of the stream, each with its sequence.
type Batch = Vec<(u64, Vec<Refused>)>;

/// Runs until `stop` is cancelled. Where the stream is another one than the model was fed from, the
/// model begins anew: it holds what its stream holds.
pub(super) async fn follow(log: Log, dir: PathBuf, model: Model, stop: CancellationToken) {
    let Some(store) = model.store.lock().await.take() else { return };
    let Some(Some(mut task)) = stop.run_until_cancelled(begin(log, dir, model, store)).await else {
        return;
    };
    // A batch under way is finished: only waiting is broken off.
    while let Some(batch) = stop.run_until_cancelled(task.next()).await {
        if task.take_in(batch, &stop).await.is_none() {
            return;
        }
    }
    if let Some(store) = task.store {
        let sealed = tokio::task::spawn_blocking(move || super::seal(&store)).await;
        sealed.unwrap_or_else(|error| closed(&error.to_string()));
    }
}

struct Task {
    log: Log,
    model: Model,
    /// Taken while a batch is written.
    store: Option<Store>,
    stream: CommitHash,
    reader: RefusalsReader,
    forget_at: Instant,
}

/// Finds out which stream there is, and where to go on.
async fn begin(log: Log, dir: PathBuf, model: Model, mut store: Store) -> Option<Task> {
    let stream = loop {
        match log.refusals().await {
            Ok(found) => break found.stream,
            Err(error) => tracing::warn!(%error, "refusals cannot be read, trying again"),
        }
        sleep(RETRY).await;
    };
    let checkpoint = store.checkpoint();
    if checkpoint.sequence > 0 && checkpoint.hash != stream {
        tracing::warn!("refusals are read anew: their stream is another one than it was");
        let view = model.view.clone();
        let anew = tokio::task::spawn_blocking(move || {
            let kind = store.model();
            drop(store);
            store::drop_file(&store::building_path(&dir, kind))?;
            store::swap(&dir, Store::open_building(&dir, kind)?, &[view.readers()])
        });
        let anew = anew.await.map_err(|it| it.to_string());
        match anew.and_then(|it| it.map_err(|it| it.to_string())) {
            Ok(it) => store = it,
            Err(error) => {
                closed(&error);
                return None;
            }
        }
        model.reached.send_replace(0);
    }
    let reader = log.read_refusals(store.checkpoint().sequence);
    Some(Task { log, model, store: Some(store), stream, reader, forget_at: Instant::now() })
}

impl Task {
    /// What has arrived, once there is any; an empty batch when it is time to forget.
    async fn next(&mut self) -> Batch {
        let Ok(first) = tokio::time::timeout_at(self.forget_at, self.reader.next()).await else {
            return vec![];
        };
        let mut batch = vec![first];
        while batch.len() < BATCH_EVENTS_MAX {
            match self.reader.next().now_or_never() {
                Some(group) => batch.push(group),
                None => break,
            }
        }
        batch
    }

    /// Writes a batch, however often that takes, and drops what the stream has forgotten. `None`
    /// when it is time to stop, or the file is closed.
    async fn take_in(&mut self, batch: Batch, stop: &CancellationToken) -> Option<()> {
        let mut first = None;
        if self.forget_at <= Instant::now() {
            self.forget_at = Instant::now() + FORGET_PERIOD;
            first = self.log.refusals().await.ok().map(|it| it.first);
        }
        let stream = self.stream;
        loop {
            let (mut store, work) = (self.store.take()?, batch.clone());
            let written = tokio::task::spawn_blocking(move || {
                let written = write(&mut store, stream, &work, first);
                (store, written)
            });
            let (store, written) = match written.await {
                Ok(it) => it,
                Err(error) => {
                    closed(&error.to_string());
                    return None;
                }
            };
            self.store = Some(store);
            match written {
                Ok(checkpoint) => {
                    self.model.reached.send_replace(checkpoint.sequence);
                    return Some(());
                }
                Err(error) => tracing::error!(%error, "the read model refusals stands still"),
            }
            stop.run_until_cancelled(sleep(RETRY)).await?;
        }
    }
}

fn closed(error: &str) {
    tracing::error!(%error, "the read model refusals is closed until the next start");
}

fn write(
    store: &mut Store,
    stream: CommitHash,
    batch: &Batch,
    first: Option<u64>,
) -> Result<Checkpoint, Error> {
    if let Some(first) = first {
        store.forget_refusals(first)?;
    }
    store.apply_refusals(stream, batch)
}
