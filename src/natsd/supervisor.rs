//! The supervisor: the one thread that starts nats-server, watches it and starts it again.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use tokio::sync::{oneshot, watch};

use super::conf::Conf;
use super::directory::{Directory, Ports};
use super::guard::Guard;
use super::restarts::Restarts;
use super::server::{self, Server};
use super::user::Passwords;
use super::{Settings, StartError, State, disk, store};

/// How long a nats-server may take until it serves. It reads its store first, which takes long for
/// a large one. At the limit it is stopped, and the start has failed.
const READY_LIMIT: Duration = Duration::from_secs(300);

/// How often a starting server is asked.
const READY_POLL: Duration = Duration::from_millis(5);

/// How often a running server is looked at, hence how late its end is noticed.
const WATCH_POLL: Duration = Duration::from_millis(20);

/// What a [`Natsd`](super::Natsd) can tell its supervisor. Hanging up means: stop.
pub(super) enum Order {
    Restart,
}

/// What the first start came to.
pub(super) struct Started {
    pub(super) port: u16,
    pub(super) port_changed: Option<(u16, u16)>,
    pub(super) passwords: Passwords,
    pub(super) max_file_bytes: u64,
    pub(super) root: PathBuf,
    pub(super) monitor_port: Arc<AtomicU16>,
    pub(super) state: watch::Receiver<State>,
}

/// The body of the thread. Ends when its [`Natsd`](super::Natsd) hangs up; then no process, no
/// ports file and no lock is left.
pub(super) fn run(
    program: PathBuf,
    settings: &Settings,
    orders: Receiver<Order>,
    ready: oneshot::Sender<Result<Started, StartError>>,
) {
    let started = Supervisor::prepare(program, settings, orders).and_then(|mut supervisor| {
        let (server, started) = supervisor.first_start(settings.port)?;
        Ok((supervisor, server, started))
    });
    match started {
        Ok((supervisor, mut server, started)) => {
            if ready.send(Ok(started)).is_ok() {
                supervisor.watch(server);
            } else {
                // Whoever wanted it has gone away meanwhile.
                server.stop();
                supervisor.directory.remove_ports_files();
            }
        }
        // An error that nobody waits for is nobody's error.
        Err(error) => drop(ready.send(Err(error))),
    }
}

struct Supervisor {
    program: PathBuf,
    guard: Guard,
    directory: Directory,
    passwords: Passwords,
    max_file_bytes: u64,
    /// The client port, the same at each start of the child; `None` before the first.
    port: Option<u16>,
    /// The monitoring port of the last start, 0 before the first. Asked for again.
    monitor_port: Arc<AtomicU16>,
    state: watch::Sender<State>,
    orders: Receiver<Order>,
}

/// What ends a wait early.
enum Interrupt {
    Stop,
    Restart,
}

impl Supervisor {
    fn prepare(
        program: PathBuf,
        settings: &Settings,
        orders: Receiver<Order>,
    ) -> Result<Self, StartError> {
        let directory = Directory::own(&settings.dir)?;
        let passwords = directory.passwords()?;
        let max_file_bytes = disk::store_bytes_max(directory.root(), &directory.store());
        Ok(Self {
            program,
            guard: settings.guard.clone(),
            directory,
            passwords,
            max_file_bytes,
            port: None,
            monitor_port: Arc::new(AtomicU16::new(0)),
            state: watch::Sender::new(State::Restarting),
            orders,
        })
    }

    /// Asks for the port of the settings, else for that of the first run, else for any.
    fn first_start(&mut self, asked: Option<u16>) -> Result<(Server, Started), StartError> {
        let wished = match asked {
            Some(0) => None,
            Some(port) => Some(port),
            None => self.directory.port(),
        };
        // A nats-server that outlived its ledger holds the wished port as well.
        drop(store::lock(&self.directory)?);
        // Tried first, because a server finds its port taken only after reading its whole store.
        self.port = wished.filter(|port| server::is_free(*port));
        let (server, ports) = match self.start_once() {
            // Somebody may have taken it since, be it for the moment of one connection: the system
            // gives connections that go out ports of the same range.
            Err(StartError::Ended { .. }) if self.port.is_some() => {
                self.port = self.port.filter(|port| server::is_free(*port));
                self.start_once()?
            }
            first => first?,
        };
        let got = ports.client;
        self.port = Some(got);
        if asked == Some(got) || self.directory.port().is_none() {
            // A substitute is not kept: the next start asks for the familiar one again.
            self.directory.keep_port(got)?;
        }
        self.state.send_replace(State::Running { pid: server.pid });
        let started = Started {
            port: got,
            port_changed: wished.filter(|wished| *wished != got).map(|wished| (wished, got)),
            passwords: self.passwords.clone(),
            max_file_bytes: self.max_file_bytes,
            root: self.directory.root().to_owned(),
            monitor_port: Arc::clone(&self.monitor_port),
            state: self.state.subscribe(),
        };
        Ok((server, started))
    }

    /// Starts the child and waits until it serves. On an error no process is left.
    fn start_once(&self) -> Result<(Server, Ports), StartError> {
        let store_lock = store::lock(&self.directory)?;
        self.directory.remove_ports_files();
        let last_monitor_port = self.monitor_port.load(Ordering::Relaxed);
        let conf = Conf {
            port: self.port,
            monitor_port: Some(last_monitor_port)
                .filter(|port| *port != 0 && server::is_free(*port)),
            passwords: &self.passwords,
            max_file_bytes: self.max_file_bytes,
        };
        self.directory.write("nats.conf", &conf.text(&self.directory))?;
        let mut server = Server::spawn(&self.program, &self.guard, &self.directory, store_lock)?;
        let ports = self.until_it_serves(&mut server)?;
        self.monitor_port.store(ports.monitor, Ordering::Relaxed);
        Ok((server, ports))
    }

    fn until_it_serves(&self, server: &mut Server) -> Result<Ports, StartError> {
        let deadline = Instant::now() + READY_LIMIT;
        let log = self.directory.log();
        loop {
            if let Some(status) = server.ended() {
                let tail = self.directory.tail(server.pid);
                return Err(StartError::Ended { status, tail, log });
            }
            if let Some(ports) = server.serving(&self.directory) {
                return Ok(ports);
            }
            if deadline <= Instant::now() {
                let tail = self.directory.tail(server.pid);
                return Err(StartError::NotReady { seconds: READY_LIMIT.as_secs(), tail, log });
            }
            match self.pause(READY_POLL) {
                Some(Interrupt::Stop) => return Err(StartError::Cancelled),
                // It is starting afresh already.
                Some(Interrupt::Restart) | None => {}
            }
        }
    }

    /// Keeps the server running until told to stop.
    fn watch(self, mut server: Server) {
        let mut restarts = Restarts::default();
        loop {
            let ended = self.until_it_ends(&mut server);
            let again = match ended {
                Ended::Crashed(reason) => {
                    tracing::error!(pid = server.pid, reason, "nats-server ended by itself");
                    self.state.send_replace(State::Restarting);
                    self.start_again(reason, &mut restarts)
                }
                Ended::ToRestart => {
                    self.state.send_replace(State::Restarting);
                    server.stop();
                    match self.start_once() {
                        Ok((server, _)) => Some(server),
                        Err(error) => self.start_again(error.to_string(), &mut restarts),
                    }
                }
                Ended::ToStop => {
                    server.stop();
                    None
                }
            };
            let Some(next) = again else { break };
            server = next;
            tracing::info!(pid = server.pid, "nats-server runs again");
            self.state.send_replace(State::Running { pid: server.pid });
        }
        self.directory.remove_ports_files();
    }

    fn until_it_ends(&self, server: &mut Server) -> Ended {
        loop {
            if let Some(status) = server.ended() {
                return Ended::Crashed(describe(&status, &self.directory.tail(server.pid)));
            }
            match self.pause(WATCH_POLL) {
                Some(Interrupt::Stop) => return Ended::ToStop,
                Some(Interrupt::Restart) => return Ended::ToRestart,
                None => {}
            }
        }
    }

    /// Starts the server until it serves, or `None` once told to stop. Out of restarts, it waits:
    /// an order to restart begins anew.
    fn start_again(&self, mut reason: String, restarts: &mut Restarts) -> Option<Server> {
        loop {
            let interrupt = match restarts.next(Instant::now()) {
                Some(backoff) => self.pause(backoff),
                None => {
                    tracing::error!(reason, "nats-server is given up");
                    self.state.send_replace(State::GaveUp { reason: reason.clone() });
                    let interrupt = self.wait();
                    restarts.clear();
                    self.state.send_replace(State::Restarting);
                    Some(interrupt)
                }
            };
            if let Some(Interrupt::Stop) = interrupt {
                return None;
            }
            match self.start_once() {
                Ok((server, _)) => return Some(server),
                Err(StartError::Cancelled) => return None,
                Err(error) => reason = error.to_string(),
            }
            tracing::error!(reason, "nats-server could not be started again");
        }
    }

    fn pause(&self, time: Duration) -> Option<Interrupt> {
        match self.orders.recv_timeout(time) {
            Ok(Order::Restart) => Some(Interrupt::Restart),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => Some(Interrupt::Stop),
        }
    }

    fn wait(&self) -> Interrupt {
        self.orders.recv().map_or(Interrupt::Stop, |Order::Restart| Interrupt::Restart)
    }
}

enum Ended {
    Crashed(String),
    ToRestart,
    ToStop,
}

fn describe(status: &str, tail: &str) -> String {
    format!("nats-server ended ({status}); the end of its log:\n{tail}")
}
