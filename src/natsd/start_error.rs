//! Why a nats-server could not be started.

use std::io;
use std::path::PathBuf;

/// Why a nats-server could not be started. Nothing runs afterwards.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Another living process owns the directory.
    #[error(
        "{} is in use by {}; use that ledger, stop it, or choose another directory",
        path.display(), owner(*pid)
    )]
    Locked {
        /// The directory.
        path: PathBuf,
        /// The owner, where it could be read.
        pid: Option<u32>,
    },
    /// A file of the directory cannot be read or written.
    #[error(
        "{}: {error}; the nats-server needs a directory of its own that it can write",
        path.display()
    )]
    Directory {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// A nats-server of an earlier run could not be ended.
    #[error(
        "{} of an earlier run still has the store in {} and cannot be ended; \
         end it by hand",
        previous(*pid), path.display()
    )]
    Previous {
        /// Its process id, where it could be found.
        pid: Option<u32>,
        /// The directory.
        path: PathBuf,
    },
    /// The system gives no random numbers for the passwords.
    #[error("no random numbers for the passwords: {0}; give the process access to the system's")]
    Random(String),
    /// The system did not give us a thread.
    #[error("no thread for the nats-server: {0}; raise the limit of threads")]
    Thread(io::Error),
    /// The program cannot be run.
    #[error(
        "{} cannot be run: {error}; name another one in SEATLEDGER_NATS_SERVER",
        program.display()
    )]
    Spawn {
        /// The program.
        program: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// The nats-server ended before it served.
    #[error(
        "nats-server ended before it served ({status}); its whole log is {}, the end:\n{tail}",
        log.display()
    )]
    Ended {
        /// Its exit status or signal.
        status: String,
        /// Its last lines.
        tail: String,
        /// Where they come from.
        log: PathBuf,
    },
    /// The nats-server did not serve in time and was stopped.
    #[error(
        "nats-server did not serve within {seconds} s and was stopped; \
         its whole log is {}, the end:\n{tail}",
        log.display()
    )]
    NotReady {
        /// The limit.
        seconds: u64,
        /// Its last lines.
        tail: String,
        /// Where they come from.
        log: PathBuf,
    },
    /// The start was abandoned by its caller.
    #[error("the start was abandoned; start again")]
    Cancelled,
}

fn previous(pid: Option<u32>) -> String {
    pid.map_or_else(|| "a nats-server".to_owned(), |pid| format!("nats-server {pid}"))
}

fn owner(pid: Option<u32>) -> String {
    pid.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"))
}
