//! The private nats-server of `seatledger dev` and of the tests: found or fetched, started, watched
//! and stopped.
//!
//! [`find()`] names a program that may be run; [`Natsd::start`] runs it on a directory of its own,
//! on loopback, with users of its own, with an fsync before each acknowledgement. Restarted or not,
//! the server keeps its port, its passwords and its store.
//!
//! Invariant: at most one nats-server runs on a directory. nats-server does not lock its store, so
//! it gets a lock from us, see `store`.
//! Invariant: the thread that starts the child lives as long as the [`Natsd`], because the kernel
//! ends the child when that thread ends.

mod cache;
mod conf;
mod directory;
mod disk;
mod fetch;
mod find;
mod guard;
mod mend;
mod not_found;
mod pin;
mod program;
mod restarts;
mod server;
mod start_error;
mod store;
mod supervisor;
mod user;
mod version;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::thread;

use tokio::sync::{oneshot, watch};

pub use find::{Found, Origin, find};
pub use guard::{GUARD_WORD, Guard, guard};
pub use mend::forget_consumers;
pub use not_found::{NotFound, Place, Reason, Tried};
pub use start_error::StartError;
pub use user::User;
pub use version::{NotAVersion, Version};

use supervisor::{Order, Started};

/// How a nats-server is to be run.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Its directory, created where it is missing. Everything it keeps is in there.
    pub dir: PathBuf,
    /// The client port to ask for; `None` asks for that of the first run, `Some(0)` for any.
    /// Where the port is taken another one is used, see [`Natsd::port_changed`].
    pub port: Option<u16>,
    /// What makes the child end with us.
    pub guard: Guard,
}

impl Settings {
    /// The settings of the product: the port of the first run, and a guarded child.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into(), port: None, guard: Guard::OwnProgram }
    }
}

/// Whether the nats-server runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// It serves.
    Running {
        /// Its process id.
        pid: u32,
    },
    /// It ended or is being restarted, and comes back on the same port.
    Restarting,
    /// It ended too often and stays down until [`Natsd::restart`].
    GaveUp {
        /// How it ended last, with the end of its log.
        reason: String,
    },
}

/// A running nats-server. [`stop`](Self::stop) ends it and waits; dropping ends it in the
/// background.
pub struct Natsd {
    started: Started,
    /// Hanging up tells the supervisor to stop.
    orders: mpsc::Sender<Order>,
    /// Answers when the supervisor has ended.
    ended: oneshot::Receiver<()>,
}

impl Natsd {
    /// Starts `found` on the directory of `settings` and waits until it serves.
    ///
    /// Waits for a nats-server of an earlier run to leave the directory first: at most 15 s.
    pub async fn start(found: &Found, settings: Settings) -> Result<Self, StartError> {
        let (orders, inbox) = mpsc::channel();
        let (ready, answer) = oneshot::channel();
        let (end, ended) = oneshot::channel();
        let program = found.path.clone();
        thread::Builder::new()
            .name("natsd".to_owned())
            .spawn(move || {
                supervisor::run(program, &settings, inbox, ready);
                // Nobody may be waiting for the end.
                let _ = end.send(());
            })
            .map_err(StartError::Thread)?;
        let started = answer.await.unwrap_or(Err(StartError::Cancelled))?;
        Ok(Self { started, orders, ended })
    }

    /// Ends the nats-server in order, by force after 5 s. Afterwards its process is gone and its
    /// directory is free.
    pub async fn stop(self) {
        drop(self.orders);
        // An error means that the thread is gone already, which is what is waited for.
        let _ = self.ended.await;
    }

    /// Ends the nats-server and starts it again on the same port: what it needs when a disk that
    /// was full has space again. [`state`](Self::state) tells how it goes.
    pub fn restart(&self) {
        // Without a supervisor there is nothing to restart, and the state says so.
        let _ = self.orders.send(Order::Restart);
    }

    /// Where clients connect. The same as long as this value lives.
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.started.port)
    }

    /// The password of a user. The same at each start on this directory.
    pub fn password(&self, user: User) -> &str {
        self.started.passwords.of(user)
    }

    /// Where the server tells about itself (`/varz`, `/healthz`). The same after a restart, unless
    /// somebody took the port meanwhile.
    pub fn monitor_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.started.monitor_port.load(Ordering::Relaxed))
    }

    /// The process id of the nats-server while it runs.
    pub fn pid(&self) -> Option<u32> {
        match *self.started.state.borrow() {
            State::Running { pid } => Some(pid),
            State::Restarting | State::GaveUp { .. } => None,
        }
    }

    /// Whether it runs, and every change of that.
    pub fn state(&self) -> watch::Receiver<State> {
        self.started.state.clone()
    }

    /// What all streams together may store; `max_bytes` of the streams must stay below it.
    pub fn max_file_bytes(&self) -> u64 {
        self.started.max_file_bytes
    }

    /// The directory, absolute.
    pub fn dir(&self) -> &Path {
        &self.started.root
    }

    /// The port that was asked for and the one that was used, where they differ.
    pub fn port_changed(&self) -> Option<(u16, u16)> {
        self.started.port_changed
    }
}

/// Leaves the passwords out.
impl fmt::Debug for Natsd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Natsd")
            .field("url", &self.url())
            .field("dir", &self.dir())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests;
