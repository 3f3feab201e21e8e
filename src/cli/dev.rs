//! `seatledger dev`: everything on one machine with one command.

mod tending;

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use clap::Args;

use super::remote::Ready;
use super::serve::{Signals, refused, stop};
use super::{Admission, Exit, Global, demo, failed, output};
use crate::auth::{Key, Keys, token};
use crate::clock::Clock;
use crate::facades::ibl;
use crate::health::Condition;
use crate::log;
use crate::nats;
use crate::natsd::{self, Found, Natsd, StartError, State, User};
use crate::service::{self, Service};

/// The file of the key in its directory.
const KEY_FILE: &str = "key";

/// The port of HTTP unless another one is asked for.
const HTTP_PORT: u16 = 8640;

/// The log gets this share of what the nats-server may store, so that a disk that fills up
/// otherwise does not take the ledger's room, and never more than [`LOG_BYTES_MAX`].
const LOG_SHARE: u64 = 4;

/// Bytes of a development log at most.
const LOG_BYTES_MAX: u64 = 64 * 1024 * 1024 * 1024;

#[derive(Debug, Args)]
pub(super) struct Dev {
    /// Where HTTP listens, loopback only where keys are optional; port 0 picks one. 127.0.0.1:8640 when absent, or another
    /// port when that is taken
    #[arg(long, value_name = "ADDRESS")]
    http: Option<SocketAddr>,
    /// Whether calls over HTTP need a key
    #[arg(long, env = "SEATLEDGER_KEYS", value_enum, default_value_t = Keys::Optional)]
    keys: Keys,
    #[command(flatten)]
    admission: Admission,
    /// Start with an empty ledger
    #[arg(long)]
    no_demo: bool,
    /// Never fetch a nats-server
    #[arg(long, env = "SEATLEDGER_NO_FETCH", value_parser = clap::builder::FalseyValueParser::new())]
    no_fetch: bool,
    /// Take the nats-server on PATH before the pinned one
    #[arg(long)]
    prefer_path: bool,
    /// Keep the newest commits in --dir too, as `serve` does, so that what the log loses can be
    /// published again
    #[arg(long)]
    journal: bool,
    /// Print one line of JSON on standard output once it serves, and nothing else
    #[arg(long)]
    ready_json: bool,
    #[command(flatten)]
    ibl: ibl::Options,
}

impl Dev {
    pub(super) async fn run(self, global: &Global) -> anyhow::Result<Exit> {
        let mut signals = Signals::new()?;
        let tokens = self.admission.tokens()?;
        // A new directory is made only for a ledger that can be reached there.
        if let Some(http) = self.http.filter(|_| !global.dir.exists()) {
            service::check_http(http, self.keys).map_err(refused)?;
        }
        // Logs for programs are JSON, to the last line.
        let for_people = !self.ready_json && !global.json;
        let (no_fetch, prefer_path) = (self.no_fetch, self.prefer_path);
        let started = async {
            let find = move || natsd::find(no_fetch, prefer_path);
            let found = tokio::task::spawn_blocking(find).await?;
            let found = found.map_err(|it| failed(Exit::Unreachable, it.to_string()))?;
            let settings = natsd::Settings::new(global.dir.join("nats"));
            let natsd = Natsd::start(&found, settings).await.map_err(unstarted)?;
            anyhow::Ok((found, natsd))
        };
        let ended = tokio::select! {
            started = started => {
                let (found, natsd) = started?;
                self.serve_or_mend(global, (found, natsd), tokens, signals).await
            }
            () = signals.next() => Ok(Exit::Done),
        };
        if for_people && ended.is_ok() {
            output::error("stopped");
        }
        ended
    }

    /// Serves until a signal comes, and ends the nats-server. Where it does not serve a stream because of
    /// a consumer, that is made anew, once.
    async fn serve_or_mend(
        &self,
        global: &Global,
        (found, mut natsd): (Found, Natsd),
        tokens: Option<token::Settings>,
        mut signals: Signals,
    ) -> anyhow::Result<Exit> {
        let mut mended = false;
        let ended = loop {
            let over = (&found, &natsd);
            let error = match self.serve(global, over, tokens.clone(), &mut signals).await {
                Ok(Some(service)) => break stop(service, signals).await,
                Ok(None) => break Ok(Exit::Done),
                Err(error) => error,
            };
            let Some(stream) = without_consumers(&error).filter(|_| !mended) else {
                break Err(error.downcast().map_or_else(|it| it, refused));
            };
            tracing::error!(%error, "the consumers of a stream cannot be read and are made anew: what waits comes again");
            natsd.stop().await;
            let dir = global.dir.join("nats");
            natsd::forget_consumers(&dir, &stream)?;
            let settings = natsd::Settings::new(dir);
            natsd = Natsd::start(&found, settings).await.map_err(unstarted)?;
            mended = true;
        };
        natsd.stop().await;
        ended
    }

    /// Serves until a signal comes. Gives back the service to stop, if it has started.
    async fn serve(
        &self,
        global: &Global,
        (found, natsd): (&Found, &Natsd),
        tokens: Option<token::Settings>,
        signals: &mut Signals,
    ) -> anyhow::Result<Option<Service>> {
        let key = own_key(&global.dir)?;
        let service = tokio::select! {
            service = self.start(global, natsd, &key, tokens) => service?,
            () = signals.next() => return Ok(None),
        };
        let condition = tokio::select! {
            condition = service.ready() => condition,
            () = signals.next() => return Ok(Some(service)),
        };
        let demo = tokio::select! {
            demo = self.demo(&service, &condition) => demo,
            () = signals.next() => return Ok(Some(service)),
        };
        let ready = Ready {
            ready: condition == Condition::Ready,
            http: format!("http://{}", service.http),
            nats: natsd.url(),
            nats_token: None,
            nats_user: Some(User::Producer.name().to_owned()),
            nats_password: Some(natsd.password(User::Producer).to_owned()),
            key: Some(key.reveal()),
            pid: std::process::id(),
            nats_pid: natsd.pid(),
        };
        ready.write(&global.dir)?;
        match self.ready_json || global.json {
            true => output::line(&serde_json::to_string(&ready)?),
            false => banner(global, found, natsd, &service, &key, &condition, demo),
        }
        let health = service.health.clone();
        tokio::select! {
            () = signals.next() => Ok(Some(service)),
            never = tending::tend(natsd, &health) => match never {},
            reason = given_up(natsd) => {
                service.stop().await;
                let log = global.dir.join("nats/nats.log");
                Err(failed(
                    Exit::Unreachable,
                    format!(
                        "nats-server ends again and again and is given up: {reason}\n  look into {}, \
                         then start again; nothing that was acknowledged is lost",
                        log.display()
                    ),
                ))
            }
        }
    }

    /// Loads demo data into a ledger that is empty.
    async fn demo(&self, service: &Service, condition: &Condition) -> Demo {
        let writer = service.intake.writer();
        if self.no_demo {
            return Demo::Unwanted;
        }
        if *condition != Condition::Ready || writer.sequence() > 0 {
            return Demo::Resumed;
        }
        demo::load(&service.intake.on_behalf_of(&service.local)).await;
        // So that what the banner says can be tried at once; it can be tried later too.
        let _ = service.views.reach(writer.sequence()).await;
        Demo::Loaded
    }

    async fn start(
        &self,
        global: &Global,
        natsd: &Natsd,
        key: &Key,
        tokens: Option<token::Settings>,
    ) -> anyhow::Result<Service> {
        let of = |user: User| nats::Options {
            url: Some(natsd.url()),
            nats_user: Some(user.name().to_owned()),
            nats_password: Some(natsd.password(user).to_owned()),
            ..nats::Options::default()
        };
        let preferred = SocketAddr::from(([127, 0, 0, 1], HTTP_PORT));
        let mut http = self.http.unwrap_or(preferred);
        let clock = Clock::movable(global.dir.join("clock.json"))
            .map_err(|it| failed(Exit::Usage, it.to_string()))?;
        loop {
            let bytes = (natsd.max_file_bytes() / LOG_SHARE).min(LOG_BYTES_MAX);
            let settings = service::Settings {
                dir: global.dir.clone(),
                http,
                keys: self.keys,
                rate: self.admission.rate,
                own: Some(key.clone()),
                tokens: tokens.clone(),
                doors: Some(of(User::Doors)),
                log: log::Settings {
                    prefix: "seatledger".to_owned(),
                    replicas: 1,
                    max_bytes: i64::try_from(bytes).unwrap_or(i64::MAX),
                    create: true,
                },
                monitors: vec![natsd.monitor_url()],
                clock: clock.clone(),
                accept_loss_on_power_cut: false,
                journal: self.journal,
                ibl: self.ibl.or(ibl::Check::Local),
                front: self.admission.front.clone(),
                wait: Some(Duration::ZERO),
            };
            match Service::start(&of(User::Ledger), settings).await {
                Ok(service) => return Ok(service),
                // Nobody asked for this very port, so any other will do.
                Err(service::Error::Listen { .. }) if self.http.is_none() && http.port() != 0 => {
                    http.set_port(0);
                }
                // It may be mended.
                Err(error @ service::Error::Log(log::Error::Offline { .. })) => {
                    return Err(error.into());
                }
                Err(error) => return Err(refused(error)),
            }
        }
    }
}

/// The stream that is not served because of its consumers, where the ledger may make them anew: never
/// those of the log.
fn without_consumers(error: &anyhow::Error) -> Option<String> {
    match error.downcast_ref() {
        Some(service::Error::Log(log::Error::Offline { stream, reason })) => {
            let may = stream.ends_with("_POSTS") || stream.ends_with("_REFUSALS");
            (may && reason.contains("consumer")).then(|| stream.clone())
        }
        _ => None,
    }
}

/// The key of whoever runs this ledger, made once and kept in its directory. It is not on the log:
/// whoever can read it there can read everything else of this ledger too.
fn own_key(dir: &Path) -> anyhow::Result<Key> {
    let path = dir.join(KEY_FILE);
    match std::fs::read_to_string(&path) {
        Ok(text) => Key::parse(text.trim()).map_err(|it| {
            let mend = "delete the file, and the next start makes another key";
            failed(Exit::Usage, format!("{} holds no key: {it}; {mend}", path.display()))
        }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let key = Key::make()?;
            crate::private_file::replace(&path, key.reveal().as_bytes())?;
            Ok(key)
        }
        Err(error) => Err(failed(Exit::Usage, format!("{}: {error}", path.display()))),
    }
}

/// A nats-server that does not start, with the exit code that says of what kind the reason is.
fn unstarted(error: StartError) -> anyhow::Error {
    let exit = match &error {
        StartError::Locked { .. } | StartError::Directory { .. } | StartError::Spawn { .. } => {
            Exit::Usage
        }
        StartError::Previous { .. }
        | StartError::Random(_)
        | StartError::Thread(_)
        | StartError::Ended { .. }
        | StartError::NotReady { .. }
        | StartError::Cancelled => Exit::Unreachable,
    };
    failed(exit, error.to_string())
}

/// Waits until the nats-server has ended so often that it stays down; says how it ended last.
async fn given_up(natsd: &Natsd) -> String {
    let mut state = natsd.state();
    let down = state.wait_for(|it| matches!(it, State::GaveUp { .. })).await;
    match down.as_deref() {
        Ok(State::GaveUp { reason }) => reason.clone(),
        Ok(State::Running { .. } | State::Restarting) | Err(_) => {
            "nobody looks after it any more".to_owned()
        }
    }
}

/// What became of the demo data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Demo {
    /// It was not asked for.
    Unwanted,
    /// The ledger was empty, and has it now.
    Loaded,
    /// The ledger has a past of its own.
    Resumed,
}

/// What a newcomer sees first: what runs where, and what to try.
fn banner(
    global: &Global,
    found: &Found,
    natsd: &Natsd,
    service: &Service,
    key: &Key,
    condition: &Condition,
    demo: Demo,
) {
    let (http, dir) = (service.http, global.dir.display());
    let sequence = service.intake.writer().sequence();
    let state = match (condition, demo) {
        (Condition::Ready, Demo::Resumed) => format!("resumed at sequence {sequence}"),
        (Condition::Ready, Demo::Unwanted | Demo::Loaded) => format!("sequence {sequence}"),
        (Condition::Starting, _) => "reading the log".to_owned(),
        (Condition::Stopping, _) => "stopping".to_owned(),
        (Condition::Waiting(_, why), _) => {
            format!("writing waits: {}\n  fix           {}", why.detail, why.fix)
        }
        (Condition::Stopped(stop), _) => {
            format!("WRITING HAS STOPPED: {}\n  fix           {}", stop.detail, stop.fix)
        }
    };
    let demo_line = match demo {
        Demo::Unwanted => "none (--no-demo)",
        Demo::Loaded => "accounts acme, globex and song_one (--no-demo for an empty ledger)",
        Demo::Resumed => "not loaded: the ledger is not empty",
    };
    let port = match natsd.port_changed() {
        Some((taken, _)) => format!("   another port than before: {taken} is taken"),
        None => String::new(),
    };
    let taken = match http.port() {
        HTTP_PORT => String::new(),
        _ => format!("   (not {HTTP_PORT}: taken, or --http)"),
    };
    output::line(&format!(
        "seatledger {}   dev mode: not for production
  nats-server   {} {}   {}   user and password in {dir}/ready.json{port}
  event log     stream SEATLEDGER, fsync before every answer, {state}
  read models   {dir}/read
  persistence   on disk in {dir}/ (delete it to start over)
  demo          {demo_line}
  API           http://{http}/v1   loopback only{taken}
  key           {}   admin of every account
  docs          http://{http}/docs   http://{http}/openapi.json

{}
Ctrl-C stops everything; events are kept.",
        env!("CARGO_PKG_VERSION"),
        found.version,
        found.origin,
        natsd.url(),
        key.reveal(),
        to_try(global, &http, demo),
    ));
}

/// Lines that can be pasted as they stand.
fn to_try(global: &Global, http: &SocketAddr, demo: Demo) -> String {
    let program = std::env::args_os().next().unwrap_or_else(|| "seatledger".into());
    let program = program.to_string_lossy();
    let mut dir = String::new();
    if global.dir != std::path::Path::new(super::DIR_DEFAULT) {
        dir = format!(" --dir '{}'", global.dir.display());
    }
    let allocate = r#"'{"license":"creative","product":"CREATIVE","quantity":5}'"#;
    let assign = r#"'{"license":"creative","holders":[{"user":"eve"}]}'"#;
    let first = match demo {
        Demo::Loaded | Demo::Resumed => vec![],
        Demo::Unwanted => vec![format!("{program} send acme AllocateLicense {allocate}{dir}")],
    };
    let then = [
        format!("{program} send acme AssignSeat {assign}{dir}"),
        format!("curl 'http://{http}/v1/accounts/acme/licenses'"),
        format!("curl 'http://{http}/v1/accounts/acme/checks?user=eve&product=CREATIVE'"),
        format!("{program} history acme{dir}"),
    ];
    let lines: Vec<String> = first.into_iter().chain(then).collect();
    format!("  Try           {}", lines.join("\n                "))
}
