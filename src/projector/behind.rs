//! Bringing one model up to where the others stand, beside them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use events::wire::Commit;
use projections::Store;
use tokio_util::sync::CancellationToken;

use super::models::Model;
use super::{Around, BATCH_EVENTS_MAX, RETRY, Work, apply, apply_each};
use crate::log::{Position, Reader};

/// While others take in new commits it rests this many times as long as a batch took: a machine of
/// two cores has more to do than to build.
const REST_FACTOR: u32 = 1;

/// It never rests longer than this.
const REST_MAX: Duration = Duration::from_millis(500);

/// Returns once the model has reached the common reader, or is closed, or `stop` is cancelled. One
/// that fails is tried again. A batch that is being written is finished.
pub(super) async fn follow(model: Model, around: Around, stop: CancellationToken) {
    let mut reader = None;
    let mut lead = *around.lead.borrow();
    loop {
        let Some(at) = model.store.lock().await.as_ref().map(Store::checkpoint) else { return };
        let to = *around.lead.borrow();
        if at.sequence >= to.sequence || stop.is_cancelled() {
            return;
        }
        let at = Position::at(at.sequence, at.hash);
        let began = Instant::now();
        let read = read(&around, &mut reader, at, to.sequence);
        let Some(batch) = stop.run_until_cancelled(read).await else { return };
        let applied = match batch {
            Ok(batch) => {
                // Others that are behind have their turn.
                let Ok(_turn) = around.beside.acquire().await else { return };
                let held = model.store.clone().lock_owned().await;
                let work = Work { of: (), model: model.clone(), held, batch };
                apply_each(vec![work]).await.pop().is_some_and(|it| it.1)
            }
            Err(error) => {
                model.stands_still(&error);
                false
            }
        };
        let pause = match applied {
            true if to == lead => Duration::ZERO,
            true => (began.elapsed() * REST_FACTOR).min(REST_MAX),
            false => {
                reader = None;
                RETRY
            }
        };
        lead = to;
        stop.run_until_cancelled(tokio::time::sleep(pause)).await;
    }
}

/// The next batch after a position, with the reader of before where it stands there.
async fn read(
    around: &Around,
    reader: &mut Option<Reader>,
    at: Position,
    to: u64,
) -> Result<Vec<Arc<Commit>>, String> {
    let fits = reader.as_ref().map(Reader::position);
    if fits.is_none_or(|it| (it.sequence, it.hash) != (at.sequence, at.hash)) {
        *reader = None;
    }
    let reader = reader.get_or_insert_with(|| around.log.read(at));
    read_batch(reader, around, to).await
}

/// Commits up to a sequence, as many as one batch takes.
pub(super) async fn read_batch(
    reader: &mut Reader,
    around: &Around,
    to: u64,
) -> Result<Vec<Arc<Commit>>, String> {
    let (mut batch, mut events) = (vec![], 0);
    while reader.position().sequence < to && events < BATCH_EVENTS_MAX {
        let commit = reader.next().await.map_err(|damage| {
            around.health.damaged(&damage);
            damage.to_string()
        })?;
        events += commit.records.len();
        batch.push(Arc::new(commit));
    }
    Ok(batch)
}

/// Has a store take in the log up to a sequence. Gives it back, unless it had to be closed, with the
/// reason why it could not get any further.
pub(super) async fn catch_up(
    around: &Around,
    mut store: Store,
    to: u64,
) -> (Option<Store>, Option<String>) {
    let at = store.checkpoint();
    let mut reader = around.log.read(Position::at(at.sequence, at.hash));
    while store.checkpoint().sequence < to {
        let batch = match read_batch(&mut reader, around, to).await {
            Ok(batch) => batch,
            Err(error) => return (Some(store), Some(error)),
        };
        let applied = tokio::task::spawn_blocking(move || {
            let mut held = Some(store);
            let applied = apply(&mut held, &batch);
            (held, applied.err())
        });
        match applied.await {
            Ok((Some(it), None)) => store = it,
            Ok(ended) => return ended,
            Err(error) => return (None, Some(error.to_string())),
        }
    }
    (Some(store), None)
}
