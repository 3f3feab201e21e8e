//! Keeps the read models level with the log.
//!
//! One reader of the log feeds all of them: each commit is read, checked and decoded once. The
//! models take a batch in, each in one transaction with its checkpoint: a large one side by side, a
//! small one one after the other. A model that fails stands still and catches up later, while the
//! others go on.

mod models;
mod rebuild;
mod refusals;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use events::wire::Commit;
use projections::Store;
use tokio::sync::{Notify, broadcast, mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use crate::health::{Health, Stop};
use crate::log::{Log, Position};

use models::Model;
pub use models::Models;
pub use rebuild::{Progress, Rebuilt};

/// Events that the models take in at once: large enough to share a transaction, small enough to
/// be seen soon.
const BATCH_EVENTS_MAX: usize = 8_192;

/// A batch smaller than this is taken in by one model after the other: waking a thread for each of
/// them would take longer than their work.
const SIDE_BY_SIDE_MIN: usize = 1_024;

/// After a batch that was not full the models rest this many times as long as it took, so that
/// commits gather: each transaction writes whole pages, and many small ones write the same pages
/// again and again (measured: 43 KB an event without a rest). A reader who waits for a sequence
/// ends the rest.
const REST_FACTOR: u32 = 25;

/// Nobody ends a rest before this many times what the batch took: readers among many writers would
/// leave the writers a half of the machine.
const HURRY_FACTOR: u32 = 2;

/// They never rest longer than this: it is how old an answer may be when nobody waits.
const REST_MAX: Duration = Duration::from_millis(250);

/// A model that failed is tried again after this.
const RETRY: Duration = Duration::from_secs(5);

/// How far one that was behind is brought up at a time.
const CATCH_UP_COMMITS: u64 = 2_048;

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
    health: Health,
    /// Held by the one rebuild that is under way.
    rebuilding: Arc<tokio::sync::Mutex<()>>,
}

/// A rebuilt model that wants to take the place of the one in use.
struct Adoption {
    store: Store,
    reply: oneshot::Sender<Result<(bool, u64, u64), String>>,
}

struct Task {
    log: Log,
    dir: PathBuf,
    models: Vec<Model>,
    tail: broadcast::Sender<Arc<Commit>>,
    verified: watch::Sender<Position>,
    hurry: Arc<Notify>,
    health: Health,
}

impl Projector {
    /// Starts to follow the log, if the models agree with it. The tasks end when `stop` is cancelled.
    pub fn start(
        log: Log,
        models: Models,
        health: Health,
        stop: CancellationToken,
        tasks: &tokio_util::task::TaskTracker,
    ) -> Projector {
        let Models { dir, models, refused, views: _, lowest, hurry } = models;
        let (tail, _) = broadcast::channel(TAIL_COMMITS_MAX);
        let (verified, verifying) = watch::channel(Position::START);
        let (adoptions, adopting) = mpsc::channel(1);
        tasks.spawn(refusals::follow(log.clone(), dir.clone(), refused, stop.clone()));
        let task = Task {
            log: log.clone(),
            dir: dir.clone(),
            models,
            tail: tail.clone(),
            verified,
            hurry,
            health: health.clone(),
        };
        // Models that have seen another log must not take in this one.
        if let Some(lowest) = lowest {
            tasks.spawn(task.run(lowest, adopting, stop));
        }
        Projector {
            log,
            dir,
            adoptions,
            tail,
            verified: verifying,
            health,
            rebuilding: Arc::default(),
        }
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
    async fn run(
        mut self,
        lowest: Position,
        mut adopting: mpsc::Receiver<Adoption>,
        stop: CancellationToken,
    ) {
        let mut reader = self.log.read(lowest);
        loop {
            let first = tokio::select! {
                () = stop.cancelled() => return self.close(),
                Some(adoption) = adopting.recv() => {
                    self.adopt(adoption, reader.position()).await;
                    continue;
                }
                () = due(self.retry_at()) => {
                    let retry = self.retry(reader.position().sequence);
                    if stop.run_until_cancelled(retry).await.is_none() {
                        return self.close();
                    }
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
                    next = reader.next_now().await;
                }
            }
            self.verified.send_replace(reader.position());
            let begin = Instant::now();
            self.take_in(&batch).await;
            if events < BATCH_EVENTS_MAX {
                let took = begin.elapsed();
                let rest = tokio::time::sleep((took * REST_FACTOR).min(REST_MAX));
                let hurry = async {
                    tokio::time::sleep(took * HURRY_FACTOR).await;
                    self.hurry.notified().await;
                };
                tokio::select! {
                    () = stop.cancelled() => return self.close(),
                    () = rest => {}
                    () = hurry => {}
                }
            }
        }
    }

    /// Has every model that is level take in a batch, and tells whoever listens.
    async fn take_in(&mut self, batch: &[Arc<Commit>]) {
        for commit in batch {
            // Nobody listening is fine.
            let _ = self.tail.send(commit.clone());
        }
        let events: usize = batch.iter().map(|it| it.records.len()).sum();
        // One that failed is behind, and is brought up by `retry`.
        let level = self.models.iter_mut().filter(|it| it.retry_at.is_none());
        let stores: Vec<Store> = level.filter_map(|it| it.store.take()).collect();
        let applied = match events < SIDE_BY_SIDE_MIN {
            true => apply_each(stores, batch.to_vec()).await,
            false => {
                let running = stores.into_iter().map(|it| apply(it, batch.to_vec()));
                futures_util::future::join_all(running).await
            }
        };
        applied.into_iter().for_each(|it| self.keep(it));
    }

    /// Leaves files that are whole in themselves, without a WAL beside them.
    fn close(self) {
        for store in self.models.iter().filter_map(|it| it.store.as_ref()) {
            if let Err(error) = store.settle() {
                tracing::debug!(model = store.model().name, %error, "a WAL is left behind");
            }
        }
    }

    /// When the next model that failed is to be tried again.
    fn retry_at(&self) -> Option<Instant> {
        self.models.iter().filter_map(|it| it.retry_at).min()
    }

    /// Has models that failed catch up with `to`, whether or not anything new arrives: a part of the
    /// way each time, so that the others are not kept waiting.
    async fn retry(&mut self, to: u64) {
        for place in 0..self.models.len() {
            let model = &mut self.models[place];
            if model.retry_at.is_none_or(|it| it > Instant::now()) {
                continue;
            }
            let Some(store) = model.store.take() else { continue };
            let part = to.min(store.checkpoint().sequence + CATCH_UP_COMMITS);
            let applied = match catch_up(&self.log, &self.health, store, part).await {
                Ok(store) => Applied { store: Some(store), error: None },
                Err(failed) => failed.into(),
            };
            self.keep(applied);
            let model = &mut self.models[place];
            if model.retry_at.is_none() && part < to {
                model.retry_at = Some(Instant::now());
            }
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
        model.reached.send_replace(store.checkpoint().sequence);
        model.retry_at = error.map(|error| {
            tracing::error!(model = model.model.name, %error, "a read model stands still");
            Instant::now() + RETRY
        });
        model.store = Some(store);
    }
}

/// Waits until a moment; for ever where there is none.
async fn due(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
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
async fn apply(store: Store, batch: Vec<Arc<Commit>>) -> Applied {
    let applied = apply_each(vec![store], batch).await.pop();
    applied.unwrap_or(Applied { store: None, error: None })
}

/// Has some models take a batch in, one after the other, off the async threads.
async fn apply_each(stores: Vec<Store>, batch: Vec<Arc<Commit>>) -> Vec<Applied> {
    if stores.is_empty() {
        return vec![];
    }
    let apply = move |mut store: Store| {
        // A batch that fails is taken in as far as it goes: what comes before a commit that
        // contradicts the log is sound.
        let each =
            |store: &mut Store| batch.chunks(1).try_for_each(|it| store.apply(it).map(|_| ()));
        let applied = catch_unwind(AssertUnwindSafe(|| {
            store.apply(&batch).map(|_| ()).or_else(|_| each(&mut store))
        }));
        match applied {
            Ok(applied) => {
                Applied { store: Some(store), error: applied.err().map(|it| it.to_string()) }
            }
            // Half a transaction may be open on it.
            Err(_) => Applied { store: None, error: None },
        }
    };
    let done = tokio::task::spawn_blocking(move || stores.into_iter().map(apply).collect());
    done.await.unwrap_or_else(|it| vec![Applied { store: None, error: Some(it.to_string()) }])
}

/// Has one model take in the log up to a sequence, by itself.
async fn catch_up(log: &Log, health: &Health, mut store: Store, to: u64) -> Result<Store, Failed> {
    let at = store.checkpoint();
    let mut reader = log.read(Position { sequence: at.sequence, hash: at.hash, at: None });
    while store.checkpoint().sequence < to {
        let batch = match read_batch(&mut reader, health, to).await {
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
async fn read_batch(
    reader: &mut crate::log::Reader,
    health: &Health,
    to: u64,
) -> Result<Vec<Arc<Commit>>, String> {
    let (mut batch, mut events) = (vec![], 0);
    while reader.position().sequence < to && events < BATCH_EVENTS_MAX {
        let commit = reader.next().await.map_err(|damage| {
            health.damaged(&damage);
            damage.to_string()
        })?;
        events += commit.records.len();
        batch.push(Arc::new(commit));
    }
    Ok(batch)
}
