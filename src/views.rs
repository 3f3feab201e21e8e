//! The read models as readers see them: where each stands, and connections to ask it.

use std::sync::Arc;
use std::time::Duration;

use events::request::ContentHash;
use events::{AccountId, CommandId};
use projections::readers::LONG_SLOTS;
use projections::{Readers, commands};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, watch};

/// How long a reader waits for a read model to reach the sequence it asked for. Then it is told
/// `behind`, with `Retry-After`.
const REACH_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a reader who asked for no sequence waits for what this process has acknowledged.
const SOON_TIMEOUT: Duration = Duration::from_millis(100);

/// One read model.
pub struct View {
    name: &'static str,
    readers: Readers,
    /// Places for long questions: whoever waits for one waits here, on no thread.
    long: Arc<Semaphore>,
    reached: watch::Receiver<u64>,
    build: watch::Receiver<Option<Build>>,
    hurry: Arc<Notify>,
}

/// That the file of a read model has never been level with the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Build {
    /// The sequence at which it is; `u64::MAX` while that is not known.
    pub last: u64,
    /// Whether a file of an earlier version answers meanwhile.
    pub has_stand_in: bool,
}

/// The read model cannot answer yet: it is still being built.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Building {
    /// Which one.
    pub model: &'static str,
    /// How far it is.
    pub sequence: u64,
    /// How far it goes, where that is known.
    pub last: Option<u64>,
}

impl std::fmt::Display for Building {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Building { model, sequence, last } = self;
        write!(f, "the read model {model} is built from the log: it is at sequence {sequence}")?;
        last.map_or(Ok(()), |it| write!(f, " of {it}"))
    }
}

impl std::fmt::Debug for View {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} at {}", self.name, self.sequence())
    }
}

/// The read model has not got that far.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the read model {model} is at sequence {sequence}, {wanted} was asked for")]
pub struct Behind {
    /// Which one.
    pub model: &'static str,
    /// Where it is.
    pub sequence: u64,
    /// Where it was asked to be.
    pub wanted: u64,
}

impl View {
    /// A view of the read model that `readers` read, that has `reached` a sequence and may be under
    /// `build`. `hurry` is told when somebody waits for more.
    pub fn new(
        name: &'static str,
        readers: Readers,
        (reached, build): (watch::Receiver<u64>, watch::Receiver<Option<Build>>),
        hurry: Arc<Notify>,
    ) -> View {
        let long = Arc::new(Semaphore::new(LONG_SLOTS));
        View { name, readers, long, reached, build, hurry }
    }

    /// How far it is, while it is being built and nothing answers in its place. What it holds then is
    /// right as of its sequence, and much may be missing.
    pub fn building(&self) -> Option<Building> {
        let build = (*self.build.borrow()).filter(|it| !it.has_stand_in)?;
        let last = (build.last < u64::MAX).then_some(build.last);
        Some(Building { model: self.name, sequence: self.sequence(), last })
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Connections to ask it.
    pub fn readers(&self) -> &Readers {
        &self.readers
    }

    /// A place for a long question; none where those before take longer than `patience`.
    pub async fn place(&self, patience: Duration) -> Option<OwnedSemaphorePermit> {
        let place = self.long.clone().acquire_owned();
        tokio::time::timeout(patience, place).await.ok()?.ok()
    }

    /// The sequence up to which it has taken in the log.
    pub fn sequence(&self) -> u64 {
        *self.reached.borrow()
    }

    /// To be told whenever it has taken in more.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.reached.clone()
    }

    /// Waits until it has taken in `sequence`, at most [`REACH_TIMEOUT`].
    pub async fn reach(&self, sequence: u64) -> Result<(), Behind> {
        match self.reached_within(sequence, REACH_TIMEOUT).await {
            true => Ok(()),
            false => Err(Behind { model: self.name, sequence: self.sequence(), wanted: sequence }),
        }
    }

    /// Waits a little for `sequence`, at most [`SOON_TIMEOUT`]: whoever asks after a write expects to
    /// see it, and whoever asks of a read model that lags is answered all the same.
    pub async fn reach_soon(&self, sequence: u64) {
        self.reached_within(sequence, SOON_TIMEOUT).await;
    }

    async fn reached_within(&self, sequence: u64, patience: Duration) -> bool {
        if self.sequence() >= sequence {
            return true;
        }
        self.hurry.notify_one();
        let mut reached = self.reached.clone();
        let waited = tokio::time::timeout(patience, reached.wait_for(|it| *it >= sequence)).await;
        matches!(waited, Ok(Ok(_)))
    }

    /// What the `commands` read model knows of a command id.
    pub fn find_command(
        &self,
        account: &AccountId,
        id: &CommandId,
    ) -> Result<Option<(ContentHash, u64)>, projections::Error> {
        let found = self.readers.with(|db| commands::find(db, account, id))?;
        Ok(found.map(|it| (it.hash, it.sequence)))
    }
}

/// All read models. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Views {
    /// Licenses, and their usage now and over time.
    pub licenses: Arc<View>,
    /// Assignments, now and ever.
    pub assignments: Arc<View>,
    /// Who may use what.
    pub checks: Arc<View>,
    /// Who is known, groups, and what is decided.
    pub directory: Arc<View>,
    /// Who waits for a seat.
    pub waitlists: Arc<View>,
    /// Everything that happened.
    pub history: Arc<View>,
    /// Which keys there are.
    pub keys: Arc<View>,
    /// Which commands were accepted.
    pub commands: Arc<View>,
    /// Which were not. Its sequence is that of the stream of refusals.
    pub refusals: Arc<View>,
}

impl Views {
    /// Those that follow the log: as many as there are models that are fed by it.
    pub fn following(&self) -> [&View; projections::ALL.len()] {
        // Named one by one, so that none is forgotten.
        let Views {
            licenses,
            assignments,
            checks,
            directory,
            waitlists,
            history,
            commands,
            keys,
            refusals: _,
        } = self;
        [licenses, assignments, checks, directory, waitlists, history, commands, keys]
    }

    /// All of them, the refusals last.
    pub fn all(&self) -> impl Iterator<Item = &View> {
        self.following().into_iter().chain([&*self.refusals])
    }

    /// Waits until all that follow the log have taken in `sequence`, as [`View::reach`] does. One that
    /// is being built is not waited for: it says so itself when it is asked.
    pub async fn reach(&self, sequence: u64) -> Result<(), Behind> {
        for view in self.following().into_iter().filter(|it| it.building().is_none()) {
            view.reach(sequence).await?;
        }
        Ok(())
    }

    /// The lowest sequence among those that follow the log.
    pub fn lowest(&self) -> u64 {
        self.following().iter().map(|it| it.sequence()).min().unwrap_or_default()
    }
}
