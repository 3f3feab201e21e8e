//! Reading one file from many threads at once, each question within its time.
//!
//! Short questions and long ones have connections of their own, so that a check never waits for a
//! list. SQLite asks every so many steps whether the time of a question is over, and ends it where it
//! is: the connection is free for the next one at once.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::error::Error;
use crate::store::{ReadModel, expect_readable, plan_once};

/// A pool of read-only connections of one file. Cheap enough to be asked from an asynchronous
/// handler: no channel, no thread, one lock that nobody waits for while there are as many slots as
/// threads that ask. Long questions have [`LONG_SLOTS`] more.
///
/// Connections are opened when they are first needed, and opened anew after [`Readers::replace`].
pub struct Readers {
    model: &'static ReadModel,
    short: Box<[Mutex<Slot>]>,
    long: Box<[Mutex<Slot>]>,
    source: Mutex<PathBuf>,
    generation: AtomicU64,
}

#[derive(Default)]
struct Slot {
    db: Option<Connection>,
    generation: u64,
    asked: Arc<Asked>,
}

/// What a connection is asked, as SQLite's steps see it.
#[derive(Default)]
struct Asked {
    /// Goes up with every question.
    number: AtomicU64,
    /// For how long, where it is a long one.
    patience: Mutex<Option<Patience>>,
}

/// How long somebody waits for the answer to a long question. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Patience {
    until: Instant,
    lost: Arc<AtomicBool>,
}

impl Patience {
    /// It ends then.
    pub fn until(until: Instant) -> Patience {
        Patience { until, lost: Arc::default() }
    }

    /// Nobody waits any more.
    pub fn lose(&self) {
        self.lost.store(true, Ordering::Relaxed);
    }

    fn is_over(&self) -> bool {
        self.lost.load(Ordering::Relaxed) || Instant::now() >= self.until
    }
}

/// Long questions that one file is asked at once. More wait before they take a thread.
pub const LONG_SLOTS: usize = 4;

/// How long a short question may take. Those who ask them do so on threads that others need.
const SHORT_LIMIT: Duration = Duration::from_secs(1);

/// Steps of SQLite's machine after which a question is looked at: some ten microseconds.
const STEPS: i32 = 1_000;

/// Prepared statements a connection keeps: more than all queries of one model together.
const STATEMENTS_MAX: usize = 128;

/// Memory for pages of the file, a connection. Small, because the file is mapped as well.
const CACHE_KIB: u32 = 8 * 1024;

/// How much of the file is mapped into memory. After each batch of the writer a connection forgets
/// the pages it has; mapped ones are there again without a system call.
const MAPPED_BYTES: i64 = 1 << 30;

impl Readers {
    /// A pool of `slots` connections at most for short questions: as many as threads that ask. The
    /// file need not be there yet.
    pub fn new(path: &Path, model: &'static ReadModel, slots: usize) -> Readers {
        Readers {
            model,
            short: (0..slots.max(1)).map(|_| Mutex::default()).collect(),
            long: (0..LONG_SLOTS).map(|_| Mutex::default()).collect(),
            source: Mutex::new(path.to_owned()),
            generation: AtomicU64::new(0),
        }
    }

    /// Lends a connection for a short question: one that takes microseconds, and is broken off after
    /// a second. The queries of this crate read in one transaction each; a caller that asks several
    /// questions of one state begins one around them.
    pub fn with<T>(&self, ask: impl FnOnce(&Connection) -> Result<T, Error>) -> Result<T, Error> {
        self.ask(&self.short, None, ask)
    }

    /// Lends a connection for a question that may take longer, as long as somebody waits for it.
    /// With more than [`LONG_SLOTS`] at once it waits for one of them.
    pub fn with_long<T>(
        &self,
        patience: &Patience,
        ask: impl FnOnce(&Connection) -> Result<T, Error>,
    ) -> Result<T, Error> {
        if patience.is_over() {
            return Err(Error::TooLong);
        }
        self.ask(&self.long, Some(patience), ask)
    }

    fn ask<T>(
        &self,
        slots: &[Mutex<Slot>],
        patience: Option<&Patience>,
        ask: impl FnOnce(&Connection) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut slot = free(slots);
        if let Some(patience) = patience {
            *lock(&slot.asked.patience) = Some(patience.clone());
        }
        slot.asked.number.fetch_add(1, Ordering::Relaxed);
        let answer = ask(self.connection(&mut slot)?);
        let code = match &answer {
            Err(Error::Sqlite(error)) => error.sqlite_error_code(),
            Ok(_) | Err(_) => None,
        };
        match code {
            Some(ErrorCode::OperationInterrupted) => Err(Error::TooLong),
            Some(_) | None => answer,
        }
    }

    fn connection<'a>(&self, slot: &'a mut Slot) -> Result<&'a Connection, Error> {
        let generation = self.generation.load(Ordering::Acquire);
        if slot.generation != generation {
            slot.db = None;
        }
        if slot.db.is_none() {
            // Held while opening: `swap` moves files under this lock.
            let source = lock(&self.source);
            slot.generation = self.generation.load(Ordering::Acquire);
            let mut db = self.open(&source)?;
            interrupt_in_time(&mut db, slot.asked.clone())?;
            slot.db = Some(db);
        }
        slot.db.as_ref().ok_or(Error::TooLong)
    }

    /// From now on reads see this file. Those under way end on the one before.
    pub fn replace(&self, path: PathBuf) {
        self.hold().replace(path);
    }

    /// Keeps connections from being opened while files are moved. Reads go on.
    pub(crate) fn hold(&self) -> Held<'_> {
        Held { source: lock(&self.source), generation: &self.generation }
    }

    fn open(&self, path: &Path) -> Result<Connection, Error> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let db = Connection::open_with_flags(path, flags)?;
        db.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
        plan_once(&db)?;
        // A second lock on the door: no query of this crate writes.
        db.pragma_update(None, "query_only", true)?;
        db.pragma_update(None, "trusted_schema", false)?;
        db.pragma_update(None, "temp_store", "MEMORY")?;
        db.pragma_update(None, "cache_size", -i64::from(CACHE_KIB))?;
        db.pragma_update(None, "mmap_size", MAPPED_BYTES)?;
        expect_readable(&db, path, self.model)?;
        Ok(db)
    }
}

/// The slot this thread used last, if it is free; else any free one; else it waits.
fn free(slots: &[Mutex<Slot>]) -> MutexGuard<'_, Slot> {
    let home = HOME.get() % slots.len();
    for offset in 0..slots.len() {
        match slots[(home + offset) % slots.len()].try_lock() {
            Ok(slot) => return slot,
            Err(TryLockError::Poisoned(slot)) => return slot.into_inner(),
            Err(TryLockError::WouldBlock) => {}
        }
    }
    lock(&slots[home])
}

/// Has SQLite break off what takes too long. A short question is timed from the first time that
/// anybody looks, so that most of them never ask for the time.
fn interrupt_in_time(db: &mut Connection, asked: Arc<Asked>) -> Result<(), Error> {
    let (mut number, mut since) = (0, Instant::now());
    let is_over = move || {
        if let Some(patience) = &*lock(&asked.patience) {
            return patience.is_over();
        }
        let now = asked.number.load(Ordering::Relaxed);
        if now != number {
            (number, since) = (now, Instant::now());
        }
        since.elapsed() >= SHORT_LIMIT
    };
    Ok(db.progress_handler(STEPS, Some(is_over))?)
}

static THREADS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// Threads are dealt to slots in turn.
    static HOME: Cell<usize> = Cell::new(THREADS.fetch_add(1, Ordering::Relaxed));
}

/// A pool that opens no connection.
pub(crate) struct Held<'a> {
    source: MutexGuard<'a, PathBuf>,
    generation: &'a AtomicU64,
}

impl Held<'_> {
    pub(crate) fn replace(mut self, path: PathBuf) {
        *self.source = path;
        self.generation.fetch_add(1, Ordering::Release);
    }
}

/// A reader that panicked has left a connection behind that reads as well as before.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
