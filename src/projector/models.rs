//! The read models as files: opened before anything else, because they are witnesses.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use projections::{Checkpoint, ReadModel, Readers, Store};
use tokio::sync::{Notify, watch};

use crate::health::Health;
use crate::log::{Error, Log, Position};
use crate::views::{View, Views};

/// All read models of a directory, open.
pub struct Models {
    pub(super) dir: PathBuf,
    pub(super) models: Vec<Model>,
    pub(super) refused: Model,
    pub(super) views: Views,
    /// Where the one that is furthest behind stands; `None` where the log does not hold what they
    /// have taken in.
    pub(super) lowest: Option<Position>,
    /// Told when a reader waits.
    pub(super) hurry: Arc<Notify>,
}

/// One read model and how it stands.
pub(super) struct Model {
    pub(super) model: &'static ReadModel,
    pub(super) store: Option<Store>,
    /// When one that stands still is tried again.
    pub(super) retry_at: Option<Instant>,
    pub(super) reached: watch::Sender<u64>,
    pub(super) view: Arc<View>,
}

impl Model {
    /// Opens its file again after a rebuild has failed and closed it: whatever stands there now is
    /// what readers see, and it is brought up to date.
    pub(super) fn reopen(&mut self, dir: &Path) {
        match Store::open(dir, self.model) {
            Ok(store) => {
                self.view.readers().replace(store.path().to_owned());
                self.reached.send_replace(store.checkpoint().sequence);
                self.retry_at = Some(Instant::now());
                self.store = Some(store);
            }
            Err(error) => {
                let model = self.model.name;
                tracing::error!(model, %error, "a read model is closed until the next start");
            }
        }
    }
}

impl Models {
    /// Opens all read models in `dir`; those that are missing begin anew.
    pub fn open(dir: PathBuf) -> Result<Models, projections::Error> {
        make_private(&dir)
            .map_err(|source| projections::Error::File { path: dir.clone(), source })?;
        // As many as threads that may ask: the async ones, and some of the blocking ones.
        let slots = 2 * std::thread::available_parallelism().map_or(4, usize::from) + 4;
        let hurry = Arc::new(Notify::new());
        let open = |model: &'static ReadModel| -> Result<Model, projections::Error> {
            let store = open_or_begin_anew(&dir, model)?;
            let (reached, watch) = watch::channel(store.checkpoint().sequence);
            let readers = Readers::new(store.path(), model, slots);
            let view = Arc::new(View::new(model.name, readers, watch, hurry.clone()));
            Ok(Model { model, store: Some(store), retry_at: None, reached, view })
        };
        let mut models = vec![];
        let mut followed = |model: &'static ReadModel| -> Result<Arc<View>, projections::Error> {
            let opened = open(model)?;
            let view = opened.view.clone();
            models.push(opened);
            Ok(view)
        };
        let refused = open(&projections::refusals::MODEL)?;
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
        Ok(Models { dir, models, refused, views, lowest: None, hurry })
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
        self.models.iter().filter_map(|it| it.store.as_ref()).map(Store::checkpoint).collect()
    }

    /// Compares what each of them has taken in with what the log holds. They are witnesses against a
    /// log that went back, each for itself. No answer is no agreement: it is an error, unless
    /// writing has stopped already.
    pub async fn check(&mut self, log: &Log, health: &Health) -> Result<(), Error> {
        let stopped = health.stop_code().is_some();
        match lowest(log, &self.checkpoints(), stopped).await {
            Ok(position) => self.lowest = Some(position),
            Err(Error::Damaged(damage)) => health.damaged(&damage),
            Err(error) if stopped => {
                tracing::warn!(%error, "the read models cannot be compared with the log")
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

/// Makes a directory that nobody but its owner can read: it says who holds what.
fn make_private(dir: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(dir)?;
    #[cfg(unix)]
    std::fs::set_permissions(dir, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
    Ok(())
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

/// Where the lowest of some checkpoints stands, if the log holds all of them.
async fn lowest(log: &Log, checkpoints: &[Checkpoint], once: bool) -> Result<Position, Error> {
    let head = match once {
        true => log.head_now().await?,
        false => log.head().await?,
    };
    let mut lowest = None;
    for at in checkpoints {
        let position = log.position(at.sequence, at.hash, head.last).await?;
        let lower = lowest.is_none_or(|it: Position| position.sequence < it.sequence);
        lowest = if lower { Some(position) } else { lowest };
    }
    Ok(lowest.unwrap_or(Position::START))
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
    async fn a_model_that_a_failed_rebuild_has_closed_is_open_again_and_due() {
        let dir = tempfile::tempdir().unwrap();
        let mut models = Models::open(dir.path().to_owned()).unwrap().models;
        let model = &mut models[0];
        model.store = None;
        model.reached.send_replace(7);
        model.reopen(dir.path());
        assert!(model.store.is_some());
        assert_eq!(model.view.sequence(), 0, "as far as the file is");
        assert!(model.retry_at.is_some_and(|it| it <= Instant::now()));
        // One that cannot be opened stays closed.
        model.store = None;
        model.retry_at = None;
        model.reopen(&dir.path().join("gone"));
        assert!(model.store.is_none() && model.retry_at.is_none());
    }
}
