//! Keeps the read models level with the log.
//!
//! One reader of the log feeds all of them: each commit is read, checked and decoded once. The
//! models take a batch in side by side, each in one transaction with its checkpoint. A model that
//! fails stands still and catches up later, while the others go on.

mod rebuild;
mod refusals;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use events::wire::Commit;
use futures_util::FutureExt;
use projections::{Checkpoint, ReadModel, Readers, Store};
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use crate::health::{Health, Stop};
use crate::log::{Error, Log, Position};
use crate::views::{View, Views};

pub use rebuild::{Progress, Rebuilt};

/// Events that the models take in at once: large enough to share a transaction, small enough to
/// be seen soon.
const BATCH_EVENTS_MAX: usize = 8_192;

/// A model that failed is tried again after this.
const RETRY: Duration = Duration::from_secs(5);

/// Commits that a listener of the live tail may be behind before it has to read history.
const TAIL_COMMITS_MAX: usize = 1_024;

/// The projector, for those who ask it things. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Projector {
    log: Log,
    dir: PathBuf,
    adoptions: mpsc::Sender<Adoption>,
    tail: broadcast::Sender<Arc<Commit>>,
    verified: watch::Receiver<Position>,
}

/// A rebuilt model that wants to take the place of the one in use.
struct Adoption {
    store: Store,
    reply: oneshot::Sender<Result<(bool, u64, u64), String>>,
}

struct Model {
    model: &'static ReadModel,
    store: Option<Store>,
    failed: Option<Instant>,
    reached: watch::Sender<u64>,
    view: Arc<View>,
}

struct Task {
    log: Log,
    dir: PathBuf,
    models: Vec<Model>,
    tail: broadcast::Sender<Arc<Commit>>,
    verified: watch::Sender<Position>,
    health: Health,
}

impl Projector {
    /// Opens all read models in `dir` and starts to follow the log. The tasks end when `stop` is
    /// cancelled.
    pub fn start(
        log: Log,
        dir: PathBuf,
        health: Health,
        stop: CancellationToken,
        tasks: &tokio_util::task::TaskTracker,
    ) -> Result<(Projector, Views), projections::Error> {
        std::fs::create_dir_all(&dir)
            .map_err(|source| projections::Error::File { path: dir.clone(), source })?;
        // As many as threads that may ask: the async ones, and some of the blocking ones.
        let slots = 2 * std::thread::available_parallelism().map_or(4, usize::from) + 4;
        let open = |model: &'static ReadModel| -> Result<Model, projections::Error> {
            let store = open_or_begin_anew(&dir, model)?;
            let (reached, watch) = watch::channel(store.checkpoint().sequence);
            let readers = Readers::new(store.path(), model, slots);
            let view = Arc::new(View::new(model.name, readers, watch));
            Ok(Model { model, store: Some(store), failed: None, reached, view })
        };
        let models: Vec<Model> =
            projections::ALL.iter().map(|it| open(it)).collect::<Result<_, _>>()?;
        let refused = open(&projections::refusals::MODEL)?;
        let view = |name: &str| {
            let found = models.iter().find(|it| it.model.name == name);
            found.map_or_else(|| refused.view.clone(), |it| it.view.clone())
        };
        let views = Views {
            licenses: view("licenses"),
            assignments: view("assignments"),
            checks: view("checks"),
            history: view("history"),
            commands: view("commands"),
            refusals: refused.view.clone(),
        };
        let (tail, _) = broadcast::channel(TAIL_COMMITS_MAX);
        let (verified, verifying) = watch::channel(Position::START);
        let (adoptions, adopting) = mpsc::channel(1);
        tasks.spawn(refusals::follow(log.clone(), refused, stop.clone()));
        let task = Task {
            log: log.clone(),
            dir: dir.clone(),
            models,
            tail: tail.clone(),
            verified,
            health,
        };
        tasks.spawn(task.run(adopting, stop));
        Ok((Projector { log, dir, adoptions, tail, verified: verifying }, views))
    }

    /// Commits as they arrive, from now on.
    pub fn tail(&self) -> broadcast::Receiver<Arc<Commit>> {
        self.tail.subscribe()
    }

    /// How far the log was read and found whole.
    pub fn verified(&self) -> watch::Receiver<Position> {
        self.verified.clone()
    }
}

impl Task {
    async fn run(mut self, mut adopting: mpsc::Receiver<Adoption>, stop: CancellationToken) {
        let checkpoints: Vec<_> =
            self.models.iter().filter_map(|it| it.store.as_ref()).map(Store::checkpoint).collect();
        let checked = check(&self.log, &self.health, &checkpoints);
        match stop.run_until_cancelled(checked).await {
            Some(true) => {}
            Some(false) | None => return,
        }
        let mut reader = self.log.read(self.lowest());
        loop {
            let first = tokio::select! {
                () = stop.cancelled() => return,
                Some(adoption) = adopting.recv() => {
                    self.adopt(adoption, reader.position()).await;
                    continue;
                }
                () = tokio::time::sleep(RETRY), if self.models.iter().any(|it| it.failed.is_some()) => {
                    self.retry(reader.position().sequence).await;
                    continue;
                }
                next = reader.next() => next,
            };
            let mut batch = vec![];
            let mut next = Some(first);
            let mut events = 0;
            while let Some(commit) = next.take() {
                match commit {
                    Ok(commit) => {
                        events += commit.records.len();
                        batch.push(Arc::new(commit));
                    }
                    Err(damage) => {
                        self.take_in(&batch).await;
                        return self.health.damaged(&damage);
                    }
                }
                if events < BATCH_EVENTS_MAX {
                    next = reader.next().now_or_never();
                }
            }
            self.verified.send_replace(reader.position());
            self.take_in(&batch).await;
        }
    }

    /// The position of the model that is furthest behind.
    fn lowest(&self) -> Position {
        let checkpoints = self.models.iter().filter_map(|it| it.store.as_ref());
        let lowest = checkpoints.map(Store::checkpoint).min_by_key(|it| it.sequence);
        lowest.map_or(Position::START, |it| Position {
            sequence: it.sequence,
            hash: it.hash,
            at: None,
        })
    }

    /// Has every model take in a batch, side by side, and tells whoever listens.
    async fn take_in(&mut self, batch: &[Arc<Commit>]) {
        for commit in batch {
            // Nobody listening is fine.
            let _ = self.tail.send(commit.clone());
        }
        let Some(first) = batch.first().map(|it| it.sequence) else { return };
        let mut running = vec![];
        for model in &mut self.models {
            if model.failed.is_some_and(|it| it.elapsed() < RETRY) {
                continue;
            }
            let Some(store) = model.store.take() else { continue };
            let batch = batch.to_vec();
            let log = self.log.clone();
            running.push(async move {
                let store = match store.checkpoint().sequence + 1 < first {
                    true => catch_up(&log, store, first - 1).await,
                    false => Ok(store),
                };
                match store {
                    Ok(store) => apply(store, batch).await,
                    Err(failed) => failed.into(),
                }
            });
        }
        let results = futures_util::future::join_all(running).await;
        for applied in results.into_iter() {
            self.keep(applied);
        }
    }

    /// Has models that failed catch up, whether or not anything new arrives.
    async fn retry(&mut self, to: u64) {
        for place in 0..self.models.len() {
            let model = &mut self.models[place];
            if model.failed.is_none() {
                continue;
            }
            let Some(store) = model.store.take() else { continue };
            let applied = match catch_up(&self.log, store, to).await {
                Ok(store) => Applied { store: Some(store), error: None },
                Err(failed) => failed.into(),
            };
            self.keep(applied);
        }
    }

    fn keep(&mut self, applied: Applied) {
        let Applied { store, error } = applied;
        let Some(store) = store else {
            return self.health.stop(Stop {
                code: "projector_failed",
                detail: "a projector ended unexpectedly; see the log of this process".to_owned(),
                fix: "start the ledger again; the read model heals itself".to_owned(),
                sequence: None,
            });
        };
        let found = self.models.iter_mut().find(|it| it.model.name == store.model().name);
        let Some(model) = found else { return };
        match error {
            None => {
                model.failed = None;
                model.reached.send_replace(store.checkpoint().sequence);
            }
            Some(error) => {
                let model_name = model.model.name;
                tracing::error!(model = model_name, %error, "a read model stands still");
                model.failed = Some(Instant::now());
            }
        }
        model.store = Some(store);
    }
}

/// Opens a read model. A file that is none, or another one, is thrown away: it is a copy of the log.
fn open_or_begin_anew(dir: &Path, model: &'static ReadModel) -> Result<Store, projections::Error> {
    use projections::{Error, store};
    match Store::open(dir, model) {
        Err(error @ (Error::NotADatabase { .. } | Error::OtherModel { .. })) => {
            tracing::warn!(%error, "a read model is built anew");
            store::drop_file(&store::path(dir, model))?;
            Store::open(dir, model)
        }
        opened => opened,
    }
}

/// Whether the log still holds what the models have taken in. They are witnesses against a log that
/// went back, each for itself.
async fn check(log: &Log, health: &Health, checkpoints: &[Checkpoint]) -> bool {
    let last = loop {
        match log.head().await {
            Ok(head) => break head.last,
            Err(error) => tracing::warn!(%error, "the log does not say where it ends"),
        }
    };
    for at in checkpoints {
        match log.check_commit(at.sequence, at.hash, last).await {
            Ok(()) => {}
            Err(Error::Damaged(damage)) => {
                health.damaged(&damage);
                return false;
            }
            Err(error) => tracing::warn!(%error, "a checkpoint cannot be compared with the log"),
        }
    }
    true
}

/// A store after a batch, and what went wrong with it.
struct Applied {
    store: Option<Store>,
    error: Option<String>,
}

/// A store that could not get any further.
struct Failed {
    store: Option<Store>,
    error: String,
}

impl From<Failed> for Applied {
    fn from(failed: Failed) -> Applied {
        Applied { store: failed.store, error: Some(failed.error) }
    }
}

/// Takes a batch in, off the async threads.
async fn apply(mut store: Store, batch: Vec<Arc<Commit>>) -> Applied {
    let done = tokio::task::spawn_blocking(move || {
        let error = store.apply(&batch).err().map(|it| it.to_string());
        Applied { store: Some(store), error }
    });
    done.await.unwrap_or_else(|it| Applied { store: None, error: Some(it.to_string()) })
}

/// Has one model take in the log up to a sequence, by itself.
async fn catch_up(log: &Log, mut store: Store, to: u64) -> Result<Store, Failed> {
    let at = store.checkpoint();
    let mut reader = log.read(Position { sequence: at.sequence, hash: at.hash, at: None });
    while store.checkpoint().sequence < to {
        let batch = match read_batch(&mut reader, to).await {
            Ok(batch) => batch,
            Err(error) => return Err(Failed { store: Some(store), error }),
        };
        match apply(store, batch).await {
            Applied { store: Some(it), error: None } => store = it,
            Applied { store, error } => {
                return Err(Failed { store, error: error.unwrap_or_default() });
            }
        }
    }
    Ok(store)
}

/// Commits up to a sequence, as many as one batch takes.
async fn read_batch(reader: &mut crate::log::Reader, to: u64) -> Result<Vec<Arc<Commit>>, String> {
    let (mut batch, mut events) = (vec![], 0);
    while reader.position().sequence < to && events < BATCH_EVENTS_MAX {
        let commit = reader.next().await.map_err(|it| it.to_string())?;
        events += commit.records.len();
        batch.push(Arc::new(commit));
    }
    Ok(batch)
}
