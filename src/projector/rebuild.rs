//! Building a read model anew beside the one in use, comparing the two, and swapping them while
//! reads go on.

use std::time::Instant;

use projections::{ALL, ReadModel, Store};
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};
use utoipa::ToSchema;

use super::{Adoption, Applied, Failed, Projector, Task, apply, catch_up, read_batch};
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
        let model = ALL.iter().find(|it| it.name == name);
        let model: &'static ReadModel = model.ok_or_else(|| format!("no read model {name}"))?;
        if self.adoptions.is_closed() {
            let why = self.health.stop_code().unwrap_or("the ledger is stopping");
            return Err(format!("read models are not fed any more: {why}"));
        }
        // They share the name of the file that is built.
        let _one = self.rebuilding.lock().await;
        let begin = Instant::now();
        let last = self.log.head().await.map_err(|it| it.to_string())?.last;
        let dir = self.dir.clone();
        let opened = tokio::task::spawn_blocking(move || {
            // Whatever an earlier rebuild left is not gone on with.
            let path = projections::store::building_path(&dir, model);
            projections::store::drop_file(&path)?;
            Store::open_building(&dir, model)
        })
        .await;
        let opened = opened.map_err(|it| it.to_string())?;
        let mut store = opened.map_err(|it| it.to_string())?;
        let mut reader = self.log.read(Position::START);
        while reader.position().sequence < last {
            let batch = read_batch(&mut reader, &self.health, last).await?;
            match apply(store, batch).await {
                Applied { store: Some(it), error: None } => store = it,
                Applied { error, .. } => return Err(error.unwrap_or_default()),
            }
            let checkpoint = store.checkpoint();
            let said = Progress {
                model: name.to_owned(),
                sequence: checkpoint.sequence,
                last,
                events: checkpoint.events,
            };
            // Whoever asked may have left; the rebuild goes on.
            let _ = progress.try_send(said);
        }
        let (reply, adopted) = oneshot::channel();
        let adoption = Adoption { store, reply };
        self.adoptions.send(adoption).await.map_err(|_| "the ledger is stopping".to_owned())?;
        let (same, sequence, events) =
            adopted.await.map_err(|_| "the ledger is stopping".to_owned())??;
        let seconds = begin.elapsed().as_secs_f64();
        Ok(Rebuilt { model: name.to_owned(), sequence, events, seconds, same })
    }
}

impl Task {
    /// Brings a rebuilt model to where the one in use stands, compares them, and swaps them.
    pub(super) async fn adopt(&mut self, adoption: Adoption, position: Position) {
        let Adoption { store, reply } = adoption;
        let outcome = self.swap(store, position).await;
        // Whoever asked may have left.
        let _ = reply.send(outcome);
    }

    async fn swap(&mut self, store: Store, position: Position) -> Result<(bool, u64, u64), String> {
        let name = store.model().name;
        let model = self.models.iter_mut().find(|it| it.model.name == name);
        let model = model.ok_or_else(|| format!("no read model {name}"))?;
        // Either may be ahead: the rebuild has read what the one in use has not been given yet, or
        // the other way round.
        let to = position.sequence.max(store.checkpoint().sequence);
        let built = catch_up(&self.log, &self.health, store, to).await;
        let built = built.map_err(|it| it.error)?;
        let live = model.store.take().ok_or_else(|| format!("{name} is not open"))?;
        let live = match catch_up(&self.log, &self.health, live, to).await {
            Ok(live) => live,
            // What is wrong with it is why it is rebuilt.
            Err(Failed { store: Some(live), .. }) => live,
            Err(Failed { store: None, error }) => {
                model.reopen(&self.dir);
                return Err(error);
            }
        };
        let (dir, view) = (self.dir.clone(), model.view.clone());
        let swapped = tokio::task::spawn_blocking(move || {
            let level = live.checkpoint().sequence == built.checkpoint().sequence;
            let content = built.content_digest()?;
            // One that SQLite cannot even read through is not the same.
            let same = level && live.content_digest().is_ok_and(|it| it == content);
            // Closed first: the file is about to be another one.
            drop(live);
            let store = projections::store::swap(&dir, built, &[view.readers()])?;
            Ok::<_, projections::Error>((same, store))
        });
        let swapped = swapped.await.map_err(|it| it.to_string());
        let (same, store) = match swapped.and_then(|it| it.map_err(|it| it.to_string())) {
            Ok(swapped) => swapped,
            Err(error) => {
                model.reopen(&self.dir);
                return Err(error);
            }
        };
        let checkpoint = store.checkpoint();
        model.reached.send_replace(checkpoint.sequence);
        model.retry_at = None;
        model.store = Some(store);
        Ok((same, checkpoint.sequence, checkpoint.events))
    }
}
