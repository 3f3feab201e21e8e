//! `seatledger serve`: a ledger on the operator's own NATS server.

use std::net::SocketAddr;
use std::time::Duration;

use clap::Args;

use super::remote::Ready;
use super::{Admission, Exit, Global, failed, output};
use crate::auth::Keys;
use crate::clock::Clock;
use crate::facades::ibl;
use crate::health::Condition;
use crate::service::{self, Service};
use crate::{log, nats};

/// Bytes of the log's stream unless configured.
const MAX_BYTES_DEFAULT: i64 = 16 * 1024 * 1024 * 1024;

#[derive(Debug, Args)]
pub(super) struct Serve {
    #[command(flatten)]
    nats: nats::Options,
    #[command(flatten)]
    doors: nats::Doors,
    /// Where HTTP listens; loopback only where keys are optional
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8640")]
    http: SocketAddr,
    /// Whether calls over HTTP need a key
    #[arg(long, env = "SEATLEDGER_KEYS", value_enum, default_value_t = Keys::Required)]
    keys: Keys,
    #[command(flatten)]
    admission: Admission,
    /// What all subjects begin with, and in capitals all streams
    #[arg(long, default_value = "seatledger", value_parser = prefix)]
    prefix: String,
    /// Make the streams where nothing is known of them: the first start of a new ledger
    #[arg(long)]
    create: bool,
    /// Copies of each stream in the NATS cluster
    #[arg(long, default_value_t = 1)]
    replicas: usize,
    /// Bytes at which the log refuses commits, when it is created; must fit the server's disk
    #[arg(long, value_name = "BYTES", default_value_t = MAX_BYTES_DEFAULT)]
    max_bytes: i64,
    /// The monitoring address of the NATS server, to see whether it fsyncs; once for each of a
    /// cluster
    #[arg(long, env = "NATS_MONITOR", value_name = "URL", value_delimiter = ',')]
    nats_monitor: Vec<String>,
    /// Run although the server acknowledges before it writes to disk
    #[arg(long)]
    accept_loss_on_power_cut: bool,
    /// Do not keep the newest commits in --dir too: what a log loses in a power cut of all its nodes
    /// cannot be published again then
    #[arg(long)]
    no_journal: bool,
    /// How long a start waits for NATS; 0 ends it at once where nobody is there. For ever when absent
    #[arg(long, value_name = "SECONDS")]
    wait: Option<u64>,
    /// Print one line of JSON on standard output once it serves, and nothing else
    #[arg(long)]
    ready_json: bool,
    #[command(flatten)]
    ibl: ibl::Options,
}

/// A prefix that is one token of a subject and makes a stream's name.
fn prefix(text: &str) -> Result<String, String> {
    let safe = |it: char| it.is_ascii_lowercase() || it.is_ascii_digit() || it == '_' || it == '-';
    if text.is_empty() || text.len() > 32 || !text.chars().all(safe) {
        return Err("it must match [a-z0-9_-]{1,32}".to_owned());
    }
    // The names of the other streams of a ledger whose prefix is the rest.
    match text.ends_with("_posts") || text.ends_with("_refusals") {
        true => Err("it must not end in _posts or _refusals".to_owned()),
        false => Ok(text.to_owned()),
    }
}

impl Serve {
    pub(super) async fn run(self, global: &Global) -> anyhow::Result<Exit> {
        let mut signals = Signals::new()?;
        let tokens = self.admission.tokens()?;
        let settings = service::Settings {
            dir: global.dir.clone(),
            http: self.http,
            keys: self.keys,
            rate: self.admission.rate,
            own: None,
            tokens,
            doors: self.doors.beside(&self.nats),
            log: log::Settings {
                prefix: self.prefix.clone(),
                replicas: self.replicas,
                max_bytes: self.max_bytes,
                create: self.create,
            },
            monitors: self.nats_monitor.clone(),
            clock: Clock::real(),
            accept_loss_on_power_cut: self.accept_loss_on_power_cut,
            journal: !self.no_journal,
            ibl: self.ibl.or(ibl::Check::Key),
            front: self.admission.front.clone(),
            wait: self.wait.map(Duration::from_secs),
        };
        let service = tokio::select! {
            service = Service::start(&self.nats, settings) => service.map_err(refused)?,
            () = signals.next() => {
                tracing::info!("stopped before it was started");
                return Ok(Exit::Done);
            }
        };
        let url = self.nats.url.unwrap_or_else(|| "nats://127.0.0.1:4222".to_owned());
        let mut ready = Ready {
            ready: true,
            http: format!("http://{}", service.http),
            nats: nats::without_password(&url),
            nats_token: None,
            nats_user: None,
            nats_password: None,
            key: None,
            pid: std::process::id(),
            nats_pid: None,
        };
        tokio::select! {
            // First: what a door was refused is known before it counts as open.
            biased;
            error = service.denied() => return Err(refused(error)),
            condition = service.ready() => ready.ready = condition == Condition::Ready,
            () = signals.next() => return stop(service, signals).await,
        }
        ready.write(&global.dir)?;
        match self.ready_json || global.json {
            true => output::line(&serde_json::to_string(&ready)?),
            false => {
                tracing::info!(http = %ready.http, nats = %nats::without_password(&ready.nats), "serving")
            }
        }
        signals.next().await;
        stop(service, signals).await
    }
}

/// Stops in order; a second signal does not wait.
pub(super) async fn stop(service: Service, mut signals: Signals) -> anyhow::Result<Exit> {
    tracing::info!("stopping");
    tokio::select! {
        () = service.stop() => Ok(Exit::Done),
        () = signals.next() => Err(failed(Exit::Refused, "stopped before everything ended")),
    }
}

/// A service that does not start, with the exit code that says of what kind the reason is.
pub(super) fn refused(error: service::Error) -> anyhow::Error {
    let exit = match &error {
        service::Error::Nats(it) if it.is_usage() => Exit::Usage,
        service::Error::Nats(_) => Exit::Unreachable,
        service::Error::Log(log::Error::Unavailable(_) | log::Error::NoJetStream(_))
        | service::Error::Service(_)
        | service::Error::Thread(_) => Exit::Unreachable,
        service::Error::Log(
            log::Error::Damaged(_) | log::Error::Settings { .. } | log::Error::Offline { .. },
        )
        | service::Error::NotDurable(_)
        | service::Error::Anchor(_)
        | service::Error::Journal(_) => Exit::Unsound,
        service::Error::Dir { .. }
        | service::Error::Locked(_)
        | service::Error::NotLoopback(_)
        | service::Error::Listen { .. }
        | service::Error::ReadModel(_)
        | service::Error::Log(log::Error::Missing(_) | log::Error::Create { .. }) => Exit::Usage,
    };
    failed(exit, error.to_string())
}

/// What asks a process to stop: Ctrl-C, or SIGTERM.
pub(super) struct Signals {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

impl Signals {
    pub(super) fn new() -> std::io::Result<Signals> {
        #[cfg(unix)]
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Signals {
            // Kept from the start: `ctrl_c()` would miss one that comes while nobody waits for it.
            #[cfg(unix)]
            interrupt: signal(SignalKind::interrupt())?,
            #[cfg(unix)]
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// The next one.
    pub(super) async fn next(&mut self) {
        #[cfg(unix)]
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
        #[cfg(not(unix))]
        let _ = tokio::signal::ctrl_c().await;
    }
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rustix::process::{Signal, getpid, kill_process};

    use super::*;

    #[tokio::test]
    async fn a_signal_that_comes_while_nobody_waits_is_heard() {
        for signal in [Signal::INT, Signal::TERM] {
            let mut signals = Signals::new().unwrap();
            // Somebody has waited, and waits no more.
            let waited = tokio::time::timeout(Duration::from_millis(20), signals.next()).await;
            assert!(waited.is_err());
            kill_process(getpid(), signal).unwrap();
            tokio::time::sleep(Duration::from_millis(50)).await;
            let heard = tokio::time::timeout(Duration::from_secs(5), signals.next()).await;
            assert!(heard.is_ok(), "{signal:?} was missed");
        }
    }
}
