//! Building a read model anew beside the one in use, comparing the two, and swapping them while
//! reads go on.

use std::time::Instant;

use projections::{ALL, ReadModel, Store};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use utoipa::ToSchema;

use super::behind::{catch_up, read_batch};
use super::models::Model;
use super::{Projector, apply};
use crate::log::Position;

/// How far a rebuild is.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Progress {
    /// The read model.
    pub model: String,
    /// The sequence it has taken in.
    pub sequence: u64,
    /// The sequence it goes to.
    pub last: u64,
    /// Events it has taken in.
    pub events: u64,
}

/// What came of a rebuild.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Rebuilt {
    /// The read model.
    pub model: String,
    /// The sequence at which the two were compared and swapped.
    pub sequence: u64,
    /// Events taken in.
    pub events: u64,
    /// Seconds it took.
    pub seconds: f64,
    /// Whether the model that was in use held exactly the same.
    pub same: bool,
}

impl Projector {
    /// The read models that can be rebuilt.
    pub fn models() -> impl Iterator<Item = &'static str> {
        ALL.iter().map(|it| it.name)
    }

    /// Rebuilds one read model from the log and says how far it is. One rebuild at a time, others
    /// wait; one that is broken off leaves the model in use as it is.
    pub async fn rebuild(
        &self,
        name: &str,
        progress: mpsc::Sender<Progress>,
    ) -> Result<Rebuilt, String> {
        let model = self.models.iter().find(|it| it.model.name == name);
        let model = model.ok_or_else(|| format!("no read model {name}"))?;
        if self.ended.is_cancelled() {
            let why = self.around.health.stop_code().unwrap_or("the ledger is stopping");
            return Err(format!("read models are not fed any more: {why}"));
        }
        // They share the name of the file that is built.
        let _one = self.rebuilding.lock().await;
        let begin = Instant::now();
        let built = self.build(model.model, progress).await?;
        let (same, built) = self.compare(model, built).await?;
        let (sequence, events) = self.swap(model, built).await?;
        let seconds = begin.elapsed().as_secs_f64();
        Ok(Rebuilt { model: name.to_owned(), sequence, events, seconds, same })
    }

    /// Builds a file beside the one in use, up to where the log ends.
    async fn build(
        &self,
        model: &'static ReadModel,
        progress: mpsc::Sender<Progress>,
    ) -> Result<Store, String> {
        let last = self.around.log.last_commit().await.map_err(|it| it.to_string())?;
        let dir = self.around.dir.clone();
        let mut store = off_the_loop(move || {
            // Whatever an earlier rebuild left is not gone on with.
            let path = projections::store::building_path(&dir, model);
            projections::store::drop_file(&path)?;
            Store::open_building(&dir, model)
        })
        .await?;
        let mut reader = self.around.log.read(Position::START);
        while reader.position().sequence < last {
            let batch = read_batch(&mut reader, &self.around, last).await?;
            let applied = tokio::task::spawn_blocking(move || {
                let mut held = Some(store);
                let applied = apply(&mut held, &batch);
                (held, applied)
            });
            store = match applied.await.map_err(|it| it.to_string())? {
                (Some(it), Ok(())) => it,
                (_, applied) => return Err(applied.err().unwrap_or_default()),
            };
            let checkpoint = store.checkpoint();
            let said = Progress {
                model: model.name.to_owned(),
                sequence: checkpoint.sequence,
                last,
                events: checkpoint.events,
            };
            // Whoever asked may have left; the rebuild goes on.
            let _ = progress.try_send(said);
        }
        Ok(store)
    }

    /// Brings both files to one sequence, which takes the one in use from the projector for a moment,
    /// and compares them as they are then, beside the projector that goes on.
    async fn compare(&self, model: &Model, built: Store) -> Result<(bool, Store), String> {
        let mut held = model.store.lock().await;
        let lead = self.around.lead.borrow().sequence;
        let live_at = held.as_ref().map_or(0, |it| it.checkpoint().sequence);
        let to = lead.max(built.checkpoint().sequence).max(live_at);
        let (built, failed) = catch_up(&self.around, built, to).await;
        let (Some(mut built), None) = (built, failed.clone()) else {
            return Err(failed.unwrap_or_default());
        };
        if let Some(live) = held.take() {
            // What is wrong with it is why it is rebuilt.
            *held = catch_up(&self.around, live, to).await.0;
        }
        let live_as_it_is = held.as_ref().map(Store::as_it_is).transpose();
        let level = held.as_ref().map(Store::checkpoint) == Some(built.checkpoint());
        drop(held);
        self.around.released.notify_one();
        off_the_loop(move || {
            built.be_whole()?;
            let content = built.content_digest()?;
            // One that SQLite cannot even read through is not the same.
            let same = match live_as_it_is {
                Ok(Some(live)) => live.content_digest().is_ok_and(|it| it == content),
                Ok(None) | Err(_) => false,
            };
            // What the swap would have to do else, while nobody writes.
            built.settle()?;
            Ok((level && same, built))
        })
        .await
    }

    /// Has the built file take the place of the one in use, which is as far as that is.
    async fn swap(&self, model: &Model, built: Store) -> Result<(u64, u64), String> {
        let lead = self.around.lead.borrow().sequence;
        let (built, failed) = catch_up(&self.around, built, lead).await;
        let (Some(built), None) = (built, failed.clone()) else {
            return Err(failed.unwrap_or_default());
        };
        let mut held = model.store.lock().await;
        let to = held.as_ref().map_or(0, |it| it.checkpoint().sequence);
        let (built, failed) = catch_up(&self.around, built, to).await;
        let (Some(built), None) = (built, failed.clone()) else {
            return Err(failed.unwrap_or_default());
        };
        let live = held.take();
        let (dir, view) = (self.around.dir.clone(), model.view.clone());
        let swapped = off_the_loop(move || {
            // Closed first: the file is about to be another one.
            drop(live);
            projections::store::swap(&dir, built, &[view.readers()])
        })
        .await;
        let swapped = match swapped {
            Ok(mut store) => {
                let checkpoint = store.checkpoint();
                // It is as far as the one before was.
                let shown = model.show_whole(&mut store);
                *held = Some(store);
                let at = (checkpoint.sequence, checkpoint.events);
                shown.map(|()| at).map_err(|it| it.to_string())
            }
            Err(error) => {
                *held = model.reopen(&self.around.dir);
                Err(error)
            }
        };
        drop(held);
        self.around.released.notify_one();
        swapped
    }
}

/// Work with files, off the async threads.
async fn off_the_loop<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, projections::Error> + Send + 'static,
) -> Result<T, String> {
    let done = tokio::task::spawn_blocking(work).await.map_err(|it| it.to_string())?;
    done.map_err(|it| it.to_string())
}
