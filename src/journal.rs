//! The ledger's own journal: the newest commits, kept outside of the log.
//!
//! Replicas were seen to lose the newest commit that they had acknowledged when all of them lost power
//! at once. So each commit is also written here, and fsynced, while the server writes it; what the
//! log then lacks at its end can be published again as it was (decision 0042).
//!
//! A directory `journal` of files that are written one after the other and deleted oldest first. The
//! bytes are described in `journal/record.rs`. The latest record about a sequence counts.

mod held;
mod queue;
mod read;
mod record;
mod segment;
mod store;
#[cfg(test)]
mod tests;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use bytes::Bytes;

use queue::{Entry, Queue};
use record::Kind;
use store::{Sizes, Store};

/// The name of its directory, in that of the ledger.
pub const DIRECTORY: &str = "journal";
/// Bytes of one file. A full one is followed by the next.
pub const SEGMENT_BYTES: u64 = 16 * 1024 * 1024;
/// Bytes of all files. The oldest one is deleted before there would be more.
pub const KEPT_BYTES: u64 = 256 * 1024 * 1024;
/// Bytes of payloads that one page has at most, unless a single one is larger.
pub const PAGE_BYTES: usize = 4 * 1024 * 1024;

/// The journal. Clones are the same one; when the last one is dropped, what was given to it is
/// written first, so that drop waits for the disk. One process at a time may have it open: whoever
/// opens it has the lock of the ledger's directory.
#[derive(Debug, Clone)]
pub struct Journal {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    store: Arc<Store>,
    queue: Arc<Queue>,
    damage: Vec<Damage>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// A place behind which a file is not used: what stands there was written whole and is not what it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// Which file.
    pub path: PathBuf,
    /// Where, in bytes from its beginning.
    pub offset: u64,
}

/// Why something is not in the journal, or cannot be read from it.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// A file cannot be used.
    #[error("the journal {path} cannot be used: {source}")]
    Io {
        /// Which file, or directory.
        path: PathBuf,
        /// Why not.
        source: Arc<io::Error>,
    },
    /// There is no space.
    #[error(
        "the journal {path} cannot be written, the disk is full: free some space, then it goes on \
         by itself"
    )]
    Full {
        /// Which file.
        path: PathBuf,
    },
    /// A record is not what it was when the journal was opened.
    #[error("the journal {path} is damaged at byte {offset}: check the disk")]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// Where.
        offset: u64,
    },
    /// Another release wrote it.
    #[error(
        "the journal {path} has format {version} at byte {offset}, which this release cannot read: \
         start the release that wrote it; or, if the log is known to be whole, move the directory \
         of the journal away"
    )]
    Version {
        /// Which file.
        path: PathBuf,
        /// Where.
        offset: u64,
        /// What stands there as version.
        version: u8,
    },
    /// It fits no file.
    #[error("a commit of {bytes} bytes does not fit the journal, which takes {most} at most")]
    TooLarge {
        /// How large it is.
        bytes: usize,
        /// How large it might be.
        most: u64,
    },
    /// The thread that writes, or the runtime, is gone.
    #[error("the journal has stopped: start the ledger again")]
    Stopped,
}

impl Error {
    fn io(path: &Path) -> impl FnOnce(io::Error) -> Error {
        move |source| {
            let path = path.to_owned();
            let full = [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded];
            match full.contains(&source.kind()) {
                true => Error::Full { path },
                false => Error::Io { path, source: Arc::new(source) },
            }
        }
    }
}

impl Journal {
    /// Opens the journal in a ledger's directory, or makes it. Blocks: reads all of it. A torn end
    /// is cut off; damage is logged, and told by [`Journal::damage`].
    pub fn open(dir: &Path) -> Result<Journal, Error> {
        Journal::sized(dir, Sizes { segment: SEGMENT_BYTES, kept: KEPT_BYTES })
    }

    fn sized(dir: &Path, sizes: Sizes) -> Result<Journal, Error> {
        let dir = dir.join(DIRECTORY);
        let (store, damage) = Store::open(&dir, sizes)?;
        let store = Arc::new(store);
        let queue = Arc::new(Queue::default());
        let writer = store::Writer::new(Arc::clone(&store))?;
        let work = queue::work(Arc::clone(&queue), writer);
        let thread = thread::Builder::new().name(DIRECTORY.to_owned()).spawn(work);
        let thread = Mutex::new(Some(thread.map_err(Error::io(&dir))?));
        Ok(Journal { inner: Arc::new(Inner { store, queue, damage, thread }) })
    }

    /// What was found damaged when it was opened.
    pub fn damage(&self) -> &[Damage] {
        &self.inner.damage
    }

    /// Writes a commit. The writing begins with the call, whether or not the future is polled; when
    /// that resolves, the commit survives a loss of power. After an error it may be there or not.
    pub fn append(
        &self,
        sequence: u64,
        payload: Bytes,
    ) -> impl Future<Output = Result<(), Error>> + Send + 'static + use<> {
        self.durable(sequence, Kind::Commit, payload)
    }

    /// Writes that the commit appended last at `sequence` did not land: from then on it is as if it
    /// were not there. In all else like [`Journal::append`].
    pub fn lost(
        &self,
        sequence: u64,
    ) -> impl Future<Output = Result<(), Error>> + Send + 'static + use<> {
        self.durable(sequence, Kind::Lost, Bytes::new())
    }

    fn durable(
        &self,
        sequence: u64,
        kind: Kind,
        payload: Bytes,
    ) -> impl Future<Output = Result<(), Error>> + Send + 'static + use<> {
        let (answer, answered) = tokio::sync::oneshot::channel();
        let fits = self.inner.store.fits(payload.len());
        if fits.is_ok() {
            self.inner.queue.push(Entry { sequence, kind, payload, answer: Some(answer) });
        }
        async move {
            fits?;
            answered.await.unwrap_or(Err(Error::Stopped))
        }
    }

    /// Takes note of somebody else's commit, without waiting and without blocking: on disk within
    /// a second, or with what is appended before. When the disk does not keep up it is
    /// dropped, which is logged and counted; the journal then has a gap.
    pub fn note(&self, sequence: u64, payload: Bytes) {
        let fits = self.inner.store.fits(payload.len());
        let entry = Entry { sequence, kind: Kind::Commit, payload, answer: None };
        match fits {
            Ok(()) => self.inner.queue.note(entry),
            Err(error) => {
                tracing::warn!(sequence, %error, "the journal has a gap: a commit does not fit it")
            }
        }
    }

    /// The highest sequence of which it has the commit on disk.
    pub fn last(&self) -> Option<u64> {
        self.inner.store.last()
    }

    /// The commit at a sequence, if it is on disk and was not lost.
    pub async fn get(&self, sequence: u64) -> Result<Option<Bytes>, Error> {
        let store = Arc::clone(&self.inner.store);
        let found = tokio::task::spawn_blocking(move || store.page(sequence, sequence));
        let found = found.await.map_err(|_| Error::Stopped)??;
        Ok(found.into_iter().next().map(|it| it.1))
    }

    /// The commits at `sequence` and after it, up to the first that it has not, a page of them: ask
    /// for the one after the last again until nothing comes.
    pub async fn from(&self, sequence: u64) -> Result<Vec<(u64, Bytes)>, Error> {
        let store = Arc::clone(&self.inner.store);
        let found = tokio::task::spawn_blocking(move || store.page(sequence, u64::MAX));
        found.await.map_err(|_| Error::Stopped)?
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.queue.close();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if thread.is_some_and(|it| it.join().is_err()) {
            tracing::error!("the thread of the journal has panicked");
        }
    }
}
