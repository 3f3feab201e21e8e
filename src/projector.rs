//! Keeps the read models level with the log, each at its own pace.
//!
//! One reader of the log feeds those that are level: each commit is read, checked and decoded once,
//! and kept for a while in a [`Ring`]. A model takes in what it lacks of the ring, in one transaction
//! with its checkpoint. One that lacks more, because its file is new or it stood still, is brought up
//! by a reader of its own, beside the others ([`behind`]), and joins them once the ring has the rest.

mod behind;
mod models;
mod rebuild;
mod refusals;
mod ring;
mod scrub;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use events::wire::Commit;
use projections::Store;
use tokio::sync::{Notify, OwnedMutexGuard, Semaphore, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::health::Health;
use crate::log::{Log, Position};

use models::Model;
pub use models::Models;
pub use rebuild::{Progress, Rebuilt};
use ring::Ring;

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

/// The projector, for those who ask it things. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Projector {
    models: Arc<[Model]>,
    around: Around,
    /// Cancelled once the models are not fed any more.
    ended: CancellationToken,
    /// Held by the one rebuild that is under way.
    rebuilding: Arc<tokio::sync::Mutex<()>>,
}

/// What everything that brings a model up to date needs.
#[derive(Debug, Clone)]
struct Around {
    log: Log,
    dir: PathBuf,
    health: Health,
    /// How far the log was read and found whole by the common reader.
    lead: watch::Receiver<Position>,
    /// Told when a model is let go of that was held for a rebuild.
    released: Arc<Notify>,
    /// Held by the one that works beside the others: it takes no more than one core.
    beside: Arc<Semaphore>,
}

struct Task {
    around: Around,
    cursors: Vec<Cursor>,
    ring: Ring,
    verified: watch::Sender<Position>,
    hurry: Arc<Notify>,
    /// Those that are brought up beside, by their place among the cursors.
    behind: JoinSet<usize>,
    stop: CancellationToken,
}

/// A model and how it is fed.
struct Cursor {
    model: Model,
    pace: Pace,
}

/// How a model is fed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pace {
    /// From the ring.
    Level,
    /// From the ring, at this moment: it has failed before.
    Resting(Instant),
    /// By a reader of its own.
    Behind,
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
        let Models { dir, models, refused, views: _, begin, hurry } = models;
        let (verified, lead) = watch::channel(Position::START);
        let ended = CancellationToken::new();
        tasks.spawn(refusals::follow(log.clone(), dir.clone(), refused, stop.clone()));
        let (released, beside) = (Arc::default(), Arc::new(Semaphore::new(1)));
        let around = Around { log, dir, health, lead, released, beside };
        let cursor = |it: &Model| Cursor { model: it.clone(), pace: Pace::Level };
        // Models that have seen another log must not take in this one.
        match begin {
            Some(begin) => {
                let task = Task {
                    around: around.clone(),
                    cursors: models.iter().map(cursor).collect(),
                    ring: Ring::after(begin.sequence),
                    verified,
                    hurry,
                    behind: JoinSet::new(),
                    stop: stop.clone(),
                };
                let ended = ended.clone().drop_guard();
                tasks.spawn(async move {
                    task.run(begin).await;
                    drop(ended);
                });
            }
            None => ended.cancel(),
        }
        let rebuilding = Arc::default();
        let projector = Projector { models: models.into(), around, ended, rebuilding };
        tasks.spawn(projector.clone().scrub(stop));
        projector
    }

    /// How far the log was read and found whole.
    pub fn verified(&self) -> watch::Receiver<Position> {
        self.around.lead.clone()
    }
}

impl Task {
    async fn run(mut self, begin: Position) {
        let stop = self.stop.clone();
        let released = self.around.released.clone();
        let mut reader = self.around.log.read(begin);
        self.verified.send_replace(begin);
        // Those that stand further back than the reader begins are found out.
        self.feed().await;
        loop {
            let retry_at = self.retry_at();
            let first = tokio::select! {
                () = stop.cancelled() => break,
                Some(caught_up) = self.behind.join_next() => {
                    // One that panicked has said so, and its model is closed.
                    if let Ok(place) = caught_up {
                        self.cursors[place].pace = Pace::Level;
                    }
                    self.feed().await;
                    continue;
                }
                () = due(retry_at) => {
                    self.feed().await;
                    continue;
                }
                () = released.notified() => {
                    self.feed().await;
                    continue;
                }
                next = reader.next() => next,
            };
            let (mut next, mut events, mut damaged) = (Some(first), 0, None);
            while let Some(commit) = next.take() {
                match commit {
                    Ok(commit) => {
                        events += commit.records.len();
                        self.ring.push(Arc::new(commit));
                    }
                    Err(damage) => {
                        damaged = Some(damage);
                        break;
                    }
                }
                if events < BATCH_EVENTS_MAX {
                    next = reader.next_now().await;
                }
            }
            self.verified.send_replace(reader.position());
            let begin = Instant::now();
            self.feed().await;
            if let Some(damage) = damaged {
                self.around.health.damaged(&damage);
                stop.cancelled().await;
                break;
            }
            if events < BATCH_EVENTS_MAX {
                self.rest(begin.elapsed()).await;
            }
        }
        self.close().await;
    }

    async fn rest(&self, took: Duration) {
        let rest = tokio::time::sleep((took * REST_FACTOR).min(REST_MAX));
        let hurry = async {
            tokio::time::sleep(took * HURRY_FACTOR).await;
            self.hurry.notified().await;
        };
        tokio::select! {
            () = self.stop.cancelled() => {}
            () = rest => {}
            () = hurry => {}
        }
    }

    /// Has every model that is level take in what it lacks of the ring. One that lacks more is brought
    /// up beside the others from now on.
    async fn feed(&mut self) {
        let mut work = vec![];
        let mut events = 0;
        for (place, cursor) in self.cursors.iter_mut().enumerate() {
            let due = match cursor.pace {
                Pace::Level => true,
                Pace::Resting(until) => until <= Instant::now(),
                Pace::Behind => false,
            };
            if !due {
                continue;
            }
            let model = cursor.model.clone();
            // Whoever holds it writes it: a rebuild that is about to end.
            let Ok(held) = model.store.clone().try_lock_owned() else { continue };
            let Some(at) = held.as_ref().map(|it| it.checkpoint().sequence) else { continue };
            match self.ring.since(at) {
                Some(batch) => {
                    events += batch.iter().map(|it| it.records.len()).sum::<usize>();
                    work.push(Work { of: place, model, held, batch });
                }
                None => {
                    cursor.pace = Pace::Behind;
                    let follow = behind::follow(model, self.around.clone(), self.stop.clone());
                    self.behind.spawn(async move {
                        follow.await;
                        place
                    });
                }
            }
        }
        let applied = match events / work.len().max(1) < SIDE_BY_SIDE_MIN {
            true => apply_each(work).await,
            false => {
                let running = work.into_iter().map(|it| apply_each(vec![it]));
                futures_util::future::join_all(running).await.into_iter().flatten().collect()
            }
        };
        for (place, is_level) in applied {
            let cursor = &mut self.cursors[place];
            cursor.pace = match is_level {
                true => Pace::Level,
                false => Pace::Resting(Instant::now() + RETRY),
            };
        }
    }

    /// Leaves files that are whole in themselves, sealed, without a WAL beside them.
    async fn close(mut self) {
        while self.behind.join_next().await.is_some() {}
        let mut sealing = JoinSet::new();
        for cursor in &self.cursors {
            if let Some(store) = cursor.model.store.lock().await.take() {
                sealing.spawn_blocking(move || seal(&store));
            }
        }
        sealing.join_all().await;
    }

    /// When the next model that failed is to be tried again.
    fn retry_at(&self) -> Option<Instant> {
        let at = |it: &Cursor| match it.pace {
            Pace::Resting(until) => Some(until),
            Pace::Level | Pace::Behind => None,
        };
        self.cursors.iter().filter_map(at).min()
    }
}

/// Leaves a file sealed, and without a WAL, as far as readers let it.
fn seal(store: &Store) {
    if let Err(error) = store.seal() {
        tracing::debug!(model = store.model().name, %error, "a WAL is left behind");
    }
}

/// Waits until a moment; for ever where there is none.
async fn due(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}

/// A batch for a model, which is held meanwhile.
struct Work<T> {
    of: T,
    model: Model,
    held: OwnedMutexGuard<Option<Store>>,
    batch: Vec<Arc<Commit>>,
}

/// Has some models take in what each lacks, one after the other, off the async threads. Says of which
/// it was not possible.
async fn apply_each<T: Send + 'static>(all: Vec<Work<T>>) -> Vec<(T, bool)> {
    if all.is_empty() {
        return vec![];
    }
    let each = |Work { of, model, mut held, batch }: Work<T>| {
        let applied = apply(&mut held, &batch);
        (of, model.keep(held.as_mut(), applied))
    };
    let done = tokio::task::spawn_blocking(move || all.into_iter().map(each).collect());
    // It does not panic: what could is caught.
    done.await.unwrap_or_default()
}

/// Has a store take in a batch. One that fails is taken in as far as it goes: what comes before a
/// commit that contradicts the log is sound. A panic closes the file.
fn apply(held: &mut Option<Store>, batch: &[Arc<Commit>]) -> Result<(), String> {
    let Some(store) = held.as_mut() else { return Err("its file is closed".to_owned()) };
    let applied = catch_unwind(AssertUnwindSafe(|| {
        let one_by_one =
            |store: &mut Store| batch.chunks(1).try_for_each(|it| store.apply(it).map(|_| ()));
        store.apply(batch).map(|_| ()).or_else(|_| one_by_one(store))
    }));
    match applied {
        Ok(applied) => applied.map_err(|it| it.to_string()),
        Err(_) => {
            // Half a transaction may be open on it.
            *held = None;
            Err("it ended unexpectedly".to_owned())
        }
    }
}
