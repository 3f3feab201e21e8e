//! Locks on files: who has the directory, who has the store.
//!
//! The system frees a lock when the last process is gone that has the file open as the one did that
//! locked it, however that one ended.

use std::fs::{File, TryLockError};
use std::io;
use std::thread;
use std::time::{Duration, Instant};

/// How long the lock of a directory is tried. Afterwards the directory counts as somebody else's.
/// Not zero: a process has our open files for the moment in which we start it, and on a busy machine
/// that moment is long. Who is killed in it leaves the lock behind until it is over.
pub const OWNER_LIMIT: Duration = Duration::from_secs(1);

/// How often a lock is tried.
const POLL: Duration = Duration::from_millis(5);

/// Whether the lock could be had within `limit`. Blocks.
pub fn within(file: &File, limit: Duration) -> io::Result<bool> {
    let deadline = Instant::now() + limit;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(true),
            Err(TryLockError::WouldBlock) if deadline <= Instant::now() => return Ok(false),
            Err(TryLockError::WouldBlock) => thread::sleep(POLL),
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
}
