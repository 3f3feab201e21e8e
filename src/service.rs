//! One running ledger: everything put together, started and stopped in order.

mod connections;
mod error;
mod listening;
mod patience;

use std::fs::File;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use events::AccountId;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::anchor::Anchor;
use crate::auth::{self, Auth, Key, Keys, Principal, token};
use crate::clock::Clock;
use crate::durability::{Durability, Nodes};
use crate::facades::ibl;
use crate::health::{Condition, Health, Stop};
use crate::intake::{Intake, Keeper, Recall, ask, post};
use crate::journal::Journal;
use crate::log::{self, Log};
use crate::monitor::{Lookout, Monitor};
use crate::nats::{self, RoundTrip};
use crate::projector::{Models, Projector};
use crate::views::Views;
use crate::write_thread::WriteThread;
use crate::writer::{self, Writer};
use crate::{file_lock, http, refusals};

pub use error::Error;
pub use listening::check_http;

use connections::{AnyDenied, Connections};
use listening::{be_loopback, listen};
use patience::Patience;

/// How long a stop waits for what the doors have taken.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// How long it waits, after that, for what else is in flight.
const STOP_TIMEOUT: Duration = Duration::from_secs(8);

/// How long it waits, after that, for the last answers to be on their way.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);

/// How a ledger is run.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where read models and the anchor are kept. One process a directory.
    pub dir: PathBuf,
    /// Where HTTP listens; loopback only where calls need no key.
    pub http: SocketAddr,
    /// Whether calls need a key.
    pub keys: Keys,
    /// Calls a second of one key, or of the subject of tokens.
    pub rate: NonZeroU32,
    /// A key that is not on the log: that of whoever runs `dev`.
    pub own: Option<Key>,
    /// How tokens are taken, where they are.
    pub tokens: Option<token::Settings>,
    /// As whom the doors answer, where not as the ledger itself.
    pub doors: Option<nats::Options>,
    /// The streams.
    pub log: log::Settings,
    /// The monitoring addresses of the NATS servers.
    pub monitors: Vec<String>,
    /// What the time is.
    pub clock: Clock,
    /// Run although the server acknowledges before it writes to disk.
    pub accept_loss_on_power_cut: bool,
    /// Keep the newest commits outside of the log too, and publish again what the log has lost.
    pub journal: bool,
    /// How the dialect of ibl.ai is served.
    pub ibl: ibl::Options,
    /// How HTTP is reached from outside.
    pub front: http::server::Front,
    /// How long a start waits for NATS; for ever where there is none.
    pub wait: Option<Duration>,
}

impl Settings {
    fn nodes(&self) -> Nodes {
        Nodes {
            monitors: self.monitors.clone(),
            replicas: self.log.replicas,
            accepts_loss: self.accept_loss_on_power_cut,
        }
    }
}

/// A running ledger.
#[derive(Debug)]
pub struct Service {
    /// Where HTTP listens.
    pub http: SocketAddr,
    /// Where commands go in.
    pub intake: Intake,
    /// Whoever sits at the machine.
    pub local: Arc<Principal>,
    /// What can be read.
    pub views: Views,
    /// How it is.
    pub health: Health,
    stop: CancellationToken,
    tasks: TaskTracker,
    doors: Doors,
    denied: AnyDenied,
    client: async_nats::Client,
    _writing: WriteThread,
    _lock: File,
}

impl Service {
    /// Starts everything and returns when NATS is there and HTTP serves. Commands are taken once the
    /// log is read ([`Service::ready`]). Until NATS is there HTTP says what is waited for.
    ///
    /// Dropped, or failed, it leaves nothing behind that runs.
    pub async fn start(server: &nats::Options, settings: Settings) -> Result<Service, Error> {
        be_loopback(settings.http, settings.keys)?;
        // First: what is counted before is counted nowhere.
        crate::metrics::install();
        let lock = lock(&settings.dir)?;
        let running = Running::default();
        let unless_it_works = running.stop.clone().drop_guard();
        let started = Service::begin(server, settings, lock, running.clone()).await;
        match &started {
            Ok(_) => {
                unless_it_works.disarm();
            }
            Err(_) => {
                drop(unless_it_works);
                running.tasks.close();
                let _ = tokio::time::timeout(STOP_TIMEOUT, running.tasks.wait()).await;
            }
        }
        started
    }

    async fn begin(
        server: &nats::Options,
        settings: Settings,
        lock: File,
        running: Running,
    ) -> Result<Service, Error> {
        let ([listener, meanwhile], http) = listen(settings.http).await?;
        let patience = Patience::new(settings.wait, running.health.clone());
        let waiting = running.stop.child_token();
        let (health, front) = (running.health.clone(), settings.front.clone());
        let telling = http::serve_while_waiting(meanwhile, health, front, waiting.clone());
        running.tasks.spawn(telling);
        let writing = WriteThread::start().map_err(Error::Thread)?;
        let connecting = || Connections::make(&writing, server, &settings);
        let connections = patience.until(connecting).await?;
        let denied = connections.denied.clone();
        let nodes = settings.nodes();
        be_durable(&nodes).await?;
        let bound = Bound { listener, http, waiting, patience };
        let parts = (connections, (writing, lock), nodes);
        tokio::select! {
            service = Service::over(parts, bound, settings, running) => service,
            error = denied.first() => Err(error.into()),
        }
    }

    async fn over(
        (connections, (writing, lock), nodes): (Connections, (WriteThread, File), Nodes),
        Bound { listener, http, waiting, patience }: Bound,
        settings: Settings,
        Running { health, stop, tasks }: Running,
    ) -> Result<Service, Error> {
        let Connections { commands, reconnects, answers, client, denied } = connections;
        let anchor = Anchor::open(&settings.dir, &settings.log.stream())?;
        let mut models = Models::open(settings.dir.join("read"))?;
        let clients = vec![commands.clone(), answers.clone(), client.clone()];
        let seen = (&anchor, models.highest());
        let (log, damage) = open(&client, &settings, seen, &patience).await?;
        if settings.log.replicas > 1 {
            tasks.spawn(nats::elsewhere::move_on(clients, health.clone(), stop.clone()));
        }
        let durability = nodes.ask(&log.nodes().await).await;
        nodes.tell(&durability, &health);
        if let Some(damage) = damage {
            health.damaged(&damage);
        }
        // Before anything can be written: a log that went back must not be taken for a new one.
        models.check(&log, &health).await?;
        let views = models.views();
        let projector = Projector::start(log.clone(), models, health.clone(), stop.clone(), &tasks);
        let commits = log.over(commands.clone()).await?;
        let parts = writer::Parts {
            log: commits.clone(),
            views: views.clone(),
            refusals: keep_refusals(&log, &tasks),
            health: health.clone(),
            clock: settings.clock.clone(),
        };
        let over = (&writing, answers.clone());
        let (Keeper { intake, auth }, local, doors) =
            begin(&settings, http, (parts, &log), over, (&stop, &tasks)).await?;
        let monitor = Monitor {
            log: log.clone(),
            anchor,
            verified: projector.verified(),
            written: intake.writer().position(),
            reconnects,
            nodes,
            durability: watch::Sender::new(durability),
            health: health.clone(),
        };
        let durability = monitor.durability.subscribe();
        watch_over(monitor, commits, &views, &settings.dir, (&stop, &tasks));
        let app = http::App::new(http::Parts {
            intake: intake.clone(),
            views: views.clone(),
            health: health.clone(),
            log,
            projector,
            durability,
            clock: settings.clock.clone(),
            auth,
            ibl: settings.ibl.clone(),
        });
        waiting.cancel();
        tasks.spawn(http::serve(listener, app, settings.front.clone(), stop.clone()));
        let (client, _writing, _lock) = (answers, writing, lock);
        Ok(Service {
            http,
            intake,
            local,
            views,
            health,
            stop,
            tasks,
            doors,
            denied,
            client,
            _writing,
            _lock,
        })
    }

    /// Waits until the NATS server refuses what the ledger has to do.
    pub async fn denied(&self) -> Error {
        self.denied.first().await.into()
    }

    /// Waits until commands are taken, through every door, or are known not to be.
    pub async fn ready(&self) -> Condition {
        let mut health = self.health.watch();
        loop {
            let settled = health.wait_for(|it| !matches!(it, Condition::Starting)).await;
            let settled = settled.map(|it| it.clone()).unwrap_or(Condition::Starting);
            if !settled.takes_commands() {
                return settled;
            }
            tokio::select! {
                () = self.doors.opened.all() => return settled,
                _ = health.changed() => {}
            }
        }
    }

    /// Stops everything: the doors close and what they have taken is finished, then the rest ends,
    /// and the anchor is written.
    pub async fn stop(self) {
        self.doors.closing.cancel();
        self.doors.tasks.close();
        if tokio::time::timeout(CLOSE_TIMEOUT, self.doors.tasks.wait()).await.is_err() {
            tracing::warn!("not everything that the doors had taken was finished in time");
        }
        self.health.stopping();
        self.stop.cancel();
        self.tasks.close();
        if tokio::time::timeout(STOP_TIMEOUT, self.tasks.wait()).await.is_err() {
            tracing::warn!("not everything ended in time");
        }
        // Without a connection this would wait for one.
        match tokio::time::timeout(FLUSH_TIMEOUT, self.client.flush()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(%error, "the connection is gone"),
            Err(_) => tracing::debug!("the connection is gone"),
        }
    }
}

/// Opens the log once it is there, with the journal if there is to be one.
async fn open(
    client: &async_nats::Client,
    settings: &Settings,
    (anchor, seen): (&Anchor, u64),
    patience: &Patience,
) -> Result<(Log, Option<log::Damage>), Error> {
    let journal = open_journal(settings).await?;
    let opening = async || {
        let kept = log::Kept { anchor: anchor.known(), seen, journal: journal.clone() };
        Ok(Log::open(client.clone(), settings.log.clone(), kept).await?)
    };
    let opened = patience.until(opening).await?;
    patience.over();
    Ok(opened)
}

/// Opens the journal, if there is to be one.
async fn open_journal(settings: &Settings) -> Result<Option<Journal>, Error> {
    if !settings.journal {
        return Ok(None);
    }
    let dir = settings.dir.clone();
    let opened = tokio::task::spawn_blocking(move || Journal::open(&dir)).await;
    Ok(Some(opened.map_err(|it| Error::Service(it.to_string()))??))
}

/// Begins to keep what is refused.
fn keep_refusals(log: &Log, tasks: &TaskTracker) -> mpsc::Sender<refusals::ToKeep> {
    let (refused, refusing) = mpsc::channel(refusals::WAITING_MAX);
    tasks.spawn(refusals::publish(log.clone(), refusing));
    refused
}

/// What runs, and what ends it.
#[derive(Debug, Clone, Default)]
struct Running {
    health: Health,
    stop: CancellationToken,
    tasks: TaskTracker,
}

/// Where HTTP listens, and who answers there until there is a log.
struct Bound {
    listener: TcpListener,
    http: SocketAddr,
    waiting: CancellationToken,
    patience: Patience,
}

/// The doors over NATS, and how they are closed.
#[derive(Debug)]
struct Doors {
    opened: ask::Opened,
    closing: CancellationToken,
    tasks: TaskTracker,
}

/// Starts the writer and, once it is known who is let in, opens the doors over NATS. All of that runs
/// on the thread of the write path but the reading of an issuer's keys, and of old commits.
async fn begin(
    settings: &Settings,
    http: SocketAddr,
    (parts, reading): (writer::Parts, &Log),
    (writing, answers): (&WriteThread, async_nats::Client),
    (stop, tasks): (&CancellationToken, &TaskTracker),
) -> Result<(Keeper, Arc<Principal>, Doors), Error> {
    let (log, refusals) = (parts.log.clone(), parts.refusals.downgrade());
    let recall = Recall::new(reading, &parts.health);
    let begun = begin_writing(parts, recall, stop.clone(), tasks.clone());
    let intake = writing.run(begun).await.map_err(Error::Thread)?;
    let (auth, local) = admission(settings, http, &intake, (stop, tasks))?;
    let keeper = Keeper { intake, auth };
    let opened = open_doors(answers, log, keeper.clone(), refusals);
    let doors = writing.run(opened).await.map_err(Error::Thread)?;
    Ok((keeper, local, doors))
}

/// Starts the writer on the thread that this runs on.
async fn begin_writing(
    parts: writer::Parts,
    recall: Recall,
    stop: CancellationToken,
    tasks: TaskTracker,
) -> Intake {
    let health = parts.health.clone();
    let (writer, task) = Writer::start(parts, stop);
    tasks.spawn(async move {
        if task.await.is_err() {
            health.stop(Stop {
                code: "writer_failed",
                detail: "the writer ended unexpectedly; see the log of this process".to_owned(),
                fix: "start the ledger again: the log says what was written; report this"
                    .to_owned(),
                sequence: None,
            });
        }
    });
    Intake::new(writer, recall)
}

/// Opens the doors over NATS, on the thread that this runs on. Answers go out over `client`.
async fn open_doors(
    client: async_nats::Client,
    log: Log,
    keeper: Keeper,
    refusals: mpsc::WeakSender<refusals::ToKeep>,
) -> Doors {
    let (closing, tasks) = (CancellationToken::new(), TaskTracker::new());
    let sent = RoundTrip::over(client.clone());
    let over = (client.clone(), sent.clone());
    let opened = ask::serve(over, &log.settings().prefix, &keeper, &closing, &tasks);
    let posted = post::Parts { client, sent, log, keeper, refusals };
    tasks.spawn(post::serve(posted, closing.clone(), tasks.clone()));
    Doors { opened, closing, tasks }
}

/// Starts all that looks whether something goes wrong.
fn watch_over(
    monitor: Monitor,
    commits: Log,
    views: &Views,
    dir: &Path,
    (stop, tasks): (&CancellationToken, &TaskTracker),
) {
    let lookout = Lookout {
        connections: [monitor.log.clone(), commits],
        views: views.clone(),
        written: monitor.written.clone(),
        dir: dir.to_owned(),
        health: monitor.health.clone(),
    };
    tasks.spawn(monitor.run(stop.clone()));
    tasks.spawn(lookout.run(stop.clone()));
    tasks.spawn(crate::metrics::upkeep(stop.clone()));
}

/// Who may call over HTTP, which listens at `http`, and whoever sits at the machine.
fn admission(
    settings: &Settings,
    http: SocketAddr,
    intake: &Intake,
    (stop, tasks): (&CancellationToken, &TaskTracker),
) -> Result<(Auth, Arc<Principal>), Error> {
    let home = AccountId::new(auth::LOCAL_HOME).map_err(|it| Error::Service(it.to_string()))?;
    let local = Principal::local(home);
    let admission = auth::Settings {
        keys: settings.keys,
        rate: settings.rate,
        local: local.clone(),
        own: settings.own.clone(),
        tokens: settings.tokens.clone(),
        loopback: http.ip().is_loopback(),
    };
    let known = (intake.writer().clone(), settings.clock.clone());
    Ok((Auth::new(admission, known, stop, tasks), Arc::new(local)))
}

fn lock(dir: &Path) -> Result<File, Error> {
    let unusable = |source| Error::Dir { dir: dir.to_owned(), source };
    std::fs::create_dir_all(dir).map_err(unusable)?;
    let lock = File::create(dir.join("lock")).map_err(unusable)?;
    match file_lock::within(&lock, file_lock::OWNER_LIMIT).map_err(unusable)? {
        true => Ok(lock),
        false => Err(Error::Locked(dir.to_owned())),
    }
}

/// Refuses a server that is known not to be durable, unless the operator accepts that.
async fn be_durable(nodes: &Nodes) -> Result<(), Error> {
    match nodes.ask(&[]).await {
        Durability::Later(monitor) if !nodes.accepts_loss => Err(Error::NotDurable(monitor)),
        Durability::Always | Durability::Later(_) | Durability::Unknown(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_had_once_who_has_its_lock_for_a_moment_is_gone() {
        let dir = tempfile::tempdir().unwrap();
        let first = lock(dir.path()).unwrap();
        assert!(matches!(lock(dir.path()), Err(Error::Locked(_))));
        // As a process that was killed while it started another one leaves it behind.
        let gone = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(300));
            drop(first);
        });
        assert!(lock(dir.path()).is_ok());
        gone.join().unwrap();
    }
}
