//! Reading one file from many threads at once.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

use rusqlite::{Connection, OpenFlags};

use crate::error::Error;
use crate::store::{ReadModel, expect_readable, plan_once};

/// A pool of read-only connections of one file. Cheap enough to be asked from an asynchronous
/// handler: no channel, no thread, one lock that nobody waits for while there are as many slots as
/// threads.
///
/// Connections are opened when they are first needed, and opened anew after [`Readers::replace`].
pub struct Readers {
    model: &'static ReadModel,
    slots: Box<[Mutex<Slot>]>,
    source: Mutex<PathBuf>,
    generation: AtomicU64,
}

#[derive(Default)]
struct Slot {
    db: Option<Connection>,
    generation: u64,
}

/// Prepared statements a connection keeps: more than all queries of one model together.
const STATEMENTS_MAX: usize = 128;

/// Memory for pages of the file, a connection. Small, because the file is mapped as well.
const CACHE_KIB: u32 = 8 * 1024;

/// How much of the file is mapped into memory. After each batch of the writer a connection forgets
/// the pages it has; mapped ones are there again without a system call.
const MAPPED_BYTES: i64 = 1 << 30;

impl Readers {
    /// A pool of `slots` connections at most: as many as threads that ask. The file need not be
    /// there yet.
    pub fn new(path: &Path, model: &'static ReadModel, slots: usize) -> Readers {
        Readers {
            model,
            slots: (0..slots.max(1)).map(|_| Mutex::default()).collect(),
            source: Mutex::new(path.to_owned()),
            generation: AtomicU64::new(0),
        }
    }

    /// Lends a connection. The queries of this crate read in one transaction each; a caller that
    /// asks several questions of one state begins one around them.
    pub fn with<T>(&self, ask: impl FnOnce(&Connection) -> Result<T, Error>) -> Result<T, Error> {
        let mut slot = self.slot();
        let generation = self.generation.load(Ordering::Acquire);
        if slot.generation != generation {
            slot.db = None;
        }
        if let Some(db) = &slot.db {
            return ask(db);
        }
        // Held while opening: `swap` moves files under this lock.
        let source = lock(&self.source);
        slot.generation = self.generation.load(Ordering::Acquire);
        let db = self.open(&source)?;
        drop(source);
        ask(slot.db.insert(db))
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

    /// The slot this thread used last, if it is free; else any free one; else it waits.
    fn slot(&self) -> MutexGuard<'_, Slot> {
        let home = HOME.get() % self.slots.len();
        for offset in 0..self.slots.len() {
            let index = (home + offset) % self.slots.len();
            match self.slots[index].try_lock() {
                Ok(slot) => return slot,
                Err(TryLockError::Poisoned(slot)) => return slot.into_inner(),
                Err(TryLockError::WouldBlock) => {}
            }
        }
        lock(&self.slots[home])
    }
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
