//! The read models as files: opened before anything else, because they are witnesses.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use projections::{Checkpoint, Error, ReadModel, Readers, Store};
use tokio::sync::{Mutex, Notify, watch};

use crate::health::Health;
use crate::log::{self, Log, Position};
use crate::metrics::READ_MODEL_DIFFERED;
use crate::views::{Build, View, Views};

/// All read models of a directory, open.
pub struct Models {
    pub(super) dir: PathBuf,
    pub(super) models: Vec<Model>,
    pub(super) refused: Model,
    pub(super) views: Views,
    /// Where the reader begins that feeds those that are level; `None` where the log does not hold
    /// what they have taken in.
    pub(super) begin: Option<Position>,
    /// Told when a reader waits.
    pub(super) hurry: Arc<Notify>,
}

/// One read model and how it stands. Cheap to clone; all clones are one.
#[derive(Debug, Clone)]
pub(super) struct Model {
    pub(super) model: &'static ReadModel,
    /// Held by whoever writes it; none where its file is closed.
    pub(super) store: Arc<Mutex<Option<Store>>>,
    pub(super) reached: watch::Sender<u64>,
    pub(super) build: watch::Sender<Option<Build>>,
    pub(super) view: Arc<View>,
}

/// Models that stand at most so many commits behind the furthest one are fed with it from the first
/// commit on: that is what a process that was killed leaves behind.
const NEARLY_LEVEL: u64 = 2_048;

impl Model {
    fn open(dir: &Path, model: &'static ReadModel, hurry: &Arc<Notify>) -> Result<Model, Error> {
        // As many as threads that may ask: the async ones, and some of the blocking ones.
        let slots = 2 * std::thread::available_parallelism().map_or(4, usize::from) + 4;
        let store = open_or_begin_anew(dir, model)?;
        let stand_in = match store.is_whole()? {
            true => None,
            false => projections::store::stand_in(dir, model)?,
        };
        let build = (!store.is_whole()?)
            .then_some(Build { last: u64::MAX, has_stand_in: stand_in.is_some() });
        let (path, sequence) = match stand_in {
            Some((path, checkpoint)) => {
                tracing::warn!(model = model.name, file = %path.display(), "a read model is built anew; the version before answers meanwhile");
                (path, checkpoint.sequence)
            }
            None => (store.path().to_owned(), store.checkpoint().sequence),
        };
        let (reached, reaching) = watch::channel(sequence);
        let (build, building) = watch::channel(build);
        let readers = Readers::new(&path, model, slots);
        let view = Arc::new(View::new(model.name, readers, (reaching, building), hurry.clone()));
        Ok(Model { model, store: Arc::new(Mutex::new(Some(store))), reached, build, view })
    }

    /// Takes note of a batch that was taken in, and of how that went. Says whether it went well.
    pub(super) fn keep(&self, store: Option<&mut Store>, applied: Result<(), String>) -> bool {
        // What came before the commit that failed is taken in, and seen.
        let shown = match store {
            Some(store) => self.show(store).map_err(|it| it.to_string()),
            None => Ok(()),
        };
        match applied.and(shown) {
            Ok(()) => true,
            Err(error) => {
                self.stands_still(&error);
                false
            }
        }
    }

    pub(super) fn stands_still(&self, error: &str) {
        tracing::error!(model = self.model.name, %error, "a read model stands still");
    }

    /// Has readers see how far the store is. One that has reached what it was built for is whole.
    pub(super) fn show(&self, store: &mut Store) -> Result<(), Error> {
        let sequence = store.checkpoint().sequence;
        let build = *self.build.borrow();
        if let Some(Build { last, has_stand_in }) = build {
            if sequence < last {
                if !has_stand_in {
                    self.reached.send_replace(sequence);
                }
                return Ok(());
            }
            store.be_whole()?;
            if has_stand_in {
                self.view.readers().replace(store.path().to_owned());
            }
            if last > 0 {
                tracing::info!(model = self.model.name, sequence, "a read model is built");
            }
        }
        self.reached.send_replace(sequence);
        self.build.send_replace(None);
        Ok(())
    }

    /// Has readers see a store that is level with the log: there is nothing more to build.
    pub(super) fn show_whole(&self, store: &mut Store) -> Result<(), Error> {
        store.be_whole()?;
        self.reached.send_replace(store.checkpoint().sequence);
        self.build.send_replace(None);
        Ok(())
    }

    /// Opens its file again after a rebuild has failed and closed it: whatever stands there now is
    /// what readers see, and it is brought up to date.
    pub(super) fn reopen(&self, dir: &Path) -> Option<Store> {
        match Store::open(dir, self.model) {
            Ok(store) => {
                self.view.readers().replace(store.path().to_owned());
                self.reached.send_replace(store.checkpoint().sequence);
                Some(store)
            }
            Err(error) => {
                let model = self.model.name;
                tracing::error!(model, %error, "a read model is closed until the next start");
                None
            }
        }
    }
}

impl Models {
    /// Opens all read models in `dir`; those that are missing begin anew.
    pub fn open(dir: PathBuf) -> Result<Models, Error> {
        make_private(&dir).map_err(|source| Error::File { path: dir.clone(), source })?;
        drop_rotten(&dir)?;
        let hurry = Arc::new(Notify::new());
        let refused = Model::open(&dir, &projections::refusals::MODEL, &hurry)?;
        let mut models = vec![];
        let mut followed = |model: &'static ReadModel| -> Result<Arc<View>, Error> {
            let opened = Model::open(&dir, model, &hurry)?;
            let view = opened.view.clone();
            models.push(opened);
            Ok(view)
        };
        let views = Views {
            licenses: followed(&projections::licenses::MODEL)?,
            assignments: followed(&projections::assignments::MODEL)?,
            checks: followed(&projections::checks::MODEL)?,
            directory: followed(&projections::directory::MODEL)?,
            waitlists: followed(&projections::waitlists::MODEL)?,
            history: followed(&projections::history::MODEL)?,
            commands: followed(&projections::commands::MODEL)?,
            keys: followed(&projections::keys::MODEL)?,
            refusals: refused.view.clone(),
        };
        // It holds what its stream holds, and is never built from the log.
        refused.build.send_replace(None);
        Ok(Models { dir, models, refused, views, begin: None, hurry })
    }

    /// The models as readers see them.
    pub fn views(&self) -> Views {
        self.views.clone()
    }

    /// The highest sequence that any of them has taken in from the log.
    pub fn highest(&self) -> u64 {
        self.checkpoints().iter().map(|it| it.sequence).max().unwrap_or_default()
    }

    fn checkpoints(&self) -> Vec<Checkpoint> {
        let of = |it: &Model| it.store.try_lock().ok()?.as_ref().map(Store::checkpoint);
        self.models.iter().filter_map(of).collect()
    }

    /// Compares what each of them has taken in with what the log holds. They are witnesses against a
    /// log that went back, each for itself. No answer is no agreement: it is an error, unless
    /// writing has stopped already.
    pub async fn check(&mut self, log: &Log, health: &Health) -> Result<(), log::Error> {
        let stopped = health.stop_code().is_some();
        match compare(log, &self.checkpoints(), stopped).await {
            Ok((begin, last)) => {
                self.begin = Some(begin);
                for model in &self.models {
                    let goal = |it: &mut Option<Build>| match it {
                        Some(build) => std::mem::replace(&mut build.last, last) != last,
                        None => false,
                    };
                    model.build.send_if_modified(goal);
                }
            }
            Err(log::Error::Damaged(damage)) => health.damaged(&damage),
            Err(error) if stopped => {
                tracing::warn!(%error, "the read models cannot be compared with the log")
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

/// Throws away what is not what it was when it was closed in order: it is a copy of the log. All
/// files are read for that, side by side.
fn drop_rotten(dir: &Path) -> Result<(), Error> {
    use projections::store;
    let look = |model: &'static ReadModel| -> Result<(), Error> {
        if !store::unseal(dir, model)? {
            let file = store::path(dir, model);
            tracing::error!(file = %file.display(), "a read model is not what was written: the disk has changed it; it is built anew");
            metrics::counter!(READ_MODEL_DIFFERED).increment(1);
            store::drop_file(&file)?;
        }
        Ok(())
    };
    std::thread::scope(|threads| {
        let refusals = &projections::refusals::MODEL;
        let models = projections::ALL.iter().copied().chain([refusals]);
        let looking: Vec<_> = models.map(|it| threads.spawn(move || look(it))).collect();
        looking.into_iter().try_for_each(|it| it.join().unwrap_or(Ok(())))
    })
}

/// Makes a directory that nobody but its owner can read: it says who holds what.
fn make_private(dir: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(dir)?;
    #[cfg(unix)]
    std::fs::set_permissions(dir, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
    Ok(())
}

/// Opens a read model. A file that is none, or another one, is thrown away: it is a copy of the log.
fn open_or_begin_anew(dir: &Path, model: &'static ReadModel) -> Result<Store, Error> {
    use projections::store;
    match Store::open(dir, model) {
        Err(error @ (Error::NotADatabase { .. } | Error::OtherModel { .. })) => {
            tracing::warn!(%error, "a read model is built anew");
            store::drop_file(&store::path(dir, model))?;
            Store::open(dir, model)
        }
        opened => opened,
    }
}

/// Where the common reader begins, if the log holds all of some checkpoints, and where the log ends.
/// It begins with those that are [`NEARLY_LEVEL`]; the others are brought up beside.
async fn compare(
    log: &Log,
    checkpoints: &[Checkpoint],
    once: bool,
) -> Result<(Position, u64), log::Error> {
    let last = match once {
        true => log.head_now().await?.last,
        false => log.last_commit().await?,
    };
    let highest = checkpoints.iter().map(|it| it.sequence).max().unwrap_or_default();
    let mut begin = None;
    for at in checkpoints {
        let position = log.position(at.sequence, at.hash).await?;
        let is_lower = begin.is_none_or(|it: Position| position.sequence < it.sequence);
        if is_lower && at.sequence.saturating_add(NEARLY_LEVEL) >= highest {
            begin = Some(position);
        }
    }
    Ok((begin.unwrap_or(Position::START), last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_model_is_followed_and_seen_by_readers() {
        let dir = tempfile::tempdir().unwrap();
        let models = Models::open(dir.path().join("read")).unwrap();
        let all: Vec<_> = projections::ALL.iter().map(|it| it.name).collect();
        assert_eq!(models.models.iter().map(|it| it.model.name).collect::<Vec<_>>(), all);
        let views = models.views();
        assert_eq!(views.following().map(View::name).as_slice(), all);
        assert_eq!(views.all().last().map(View::name), Some("refusals"));
    }

    #[tokio::test]
    async fn a_model_that_a_failed_rebuild_has_closed_is_opened_again() {
        let dir = tempfile::tempdir().unwrap();
        let models = Models::open(dir.path().to_owned()).unwrap().models;
        let model = &models[0];
        *model.store.lock().await = None;
        model.reached.send_replace(7);
        assert!(model.reopen(dir.path()).is_some());
        assert_eq!(model.view.sequence(), 0, "as far as the file is");
        // One that cannot be opened stays closed.
        assert!(model.reopen(&dir.path().join("gone")).is_none());
    }

    #[tokio::test]
    async fn a_file_that_is_new_is_whole_once_it_has_what_it_is_built_for() {
        let dir = tempfile::tempdir().unwrap();
        let models = Models::open(dir.path().to_owned()).unwrap().models;
        let model = &models[0];
        assert_eq!(model.view.building().map(|it| it.sequence), Some(0));
        let mut store = model.store.lock().await;
        assert!(model.keep(store.as_mut(), Ok(())));
        assert!(model.view.building().is_some(), "nobody knows yet how long the log is");
        model.build.send_replace(Some(Build { last: 0, has_stand_in: false }));
        assert!(model.keep(store.as_mut(), Ok(())));
        assert_eq!(model.view.building(), None);
        drop(store.take());
        drop(store);
        let again = Models::open(dir.path().to_owned()).unwrap().models;
        assert_eq!(again[0].view.building(), None, "the file says so itself");
        assert!(again[1].view.building().is_some());
    }

    /// The file of a version before, as a start of the next release finds it.
    fn leave_behind(dir: &Path, model: &'static ReadModel, change: &str) {
        let mut store = Store::open(dir, model).unwrap();
        store.be_whole().unwrap();
        let version = model.version - 1;
        let sql = format!("UPDATE checkpoint SET version = {version}, sequence = 7; {change}");
        store.db().execute_batch(&sql).unwrap();
        store.settle().unwrap();
        let path = store.path().to_owned();
        drop(store);
        let before = dir.join(format!("{}.v{version}.db", model.name));
        std::fs::rename(path, before).unwrap();
    }

    #[tokio::test]
    async fn the_version_before_answers_until_the_new_one_is_built_where_it_can() {
        let dir = tempfile::tempdir().unwrap();
        let other_schema = "UPDATE checkpoint SET schema = x'00'";
        leave_behind(dir.path(), &projections::licenses::MODEL, "");
        leave_behind(dir.path(), &projections::assignments::MODEL, other_schema);
        let models = Models::open(dir.path().to_owned()).unwrap().models;
        let [licenses, assignments] = [&models[0], &models[1]];
        let sequence = |it: &Model| {
            let read = |db: &projections::Connection| projections::store::read_checkpoint(db);
            it.view.readers().with(read).unwrap().sequence
        };
        assert_eq!((licenses.view.building(), licenses.view.sequence()), (None, 7));
        assert_eq!(sequence(licenses), 7, "the old file answers");
        assert!(assignments.view.building().is_some(), "its schema is another one");
        let mut store = licenses.store.lock().await;
        licenses.build.send_replace(Some(Build { last: 9, has_stand_in: true }));
        assert!(licenses.keep(store.as_mut(), Ok(())));
        assert_eq!((licenses.view.sequence(), sequence(licenses)), (7, 7), "not there yet");
        licenses.build.send_replace(Some(Build { last: 0, has_stand_in: true }));
        assert!(licenses.keep(store.as_mut(), Ok(())));
        assert_eq!((licenses.view.sequence(), sequence(licenses)), (0, 0), "the new one does");
    }
}
