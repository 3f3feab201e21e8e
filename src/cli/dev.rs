//! `seatledger dev`: everything on one machine with one command.

use std::net::SocketAddr;

use clap::Args;

use super::remote::Ready;
use super::serve::{Signals, refused, stop};
use super::{Exit, Global, demo, failed, output};
use crate::health::Condition;
use crate::log;
use crate::nats;
use crate::natsd::{self, Found, Natsd, State};
use crate::service::{self, Service};

/// The port of HTTP unless another one is asked for.
const HTTP_PORT: u16 = 8640;

/// The log gets this share of what the nats-server may store, so that a disk that fills up
/// otherwise does not take the ledger's room, and never more than [`LOG_BYTES_MAX`].
const LOG_SHARE: u64 = 4;

/// Bytes of a development log at most.
const LOG_BYTES_MAX: u64 = 64 * 1024 * 1024 * 1024;

#[derive(Debug, Args)]
pub(super) struct Dev {
    /// Where HTTP listens, loopback only; port 0 picks one. 127.0.0.1:8640 when absent, or another
    /// port when that is taken
    #[arg(long, value_name = "ADDRESS")]
    http: Option<SocketAddr>,
    /// Start with an empty ledger
    #[arg(long)]
    no_demo: bool,
    /// Never fetch a nats-server
    #[arg(long, env = "SEATLEDGER_NO_FETCH", value_parser = clap::builder::FalseyValueParser::new())]
    no_fetch: bool,
    /// Take the nats-server on PATH before the pinned one
    #[arg(long)]
    prefer_path: bool,
    /// Print one line of JSON on standard output once it serves, and nothing else
    #[arg(long)]
    ready_json: bool,
}

impl Dev {
    pub(super) async fn run(self, global: &Global) -> anyhow::Result<Exit> {
        let mut signals = Signals::new()?;
        let (no_fetch, prefer_path) = (self.no_fetch, self.prefer_path);
        let found = tokio::task::spawn_blocking(move || natsd::find(no_fetch, prefer_path)).await?;
        let found = found.map_err(|it| failed(Exit::Unreachable, it.to_string()))?;
        let natsd = Natsd::start(&found, natsd::Settings::new(global.dir.join("nats"))).await?;
        let ran = self.serve(global, &found, &natsd, &mut signals).await;
        let ended = match ran {
            Ok(Some(service)) => stop(service, signals).await,
            Ok(None) => Ok(Exit::Done),
            Err(error) => Err(error),
        };
        natsd.stop().await;
        ended
    }

    /// Serves until a signal comes. Gives back the service to stop.
    async fn serve(
        &self,
        global: &Global,
        found: &Found,
        natsd: &Natsd,
        signals: &mut Signals,
    ) -> anyhow::Result<Option<Service>> {
        let service = self.start(global, natsd).await?;
        let condition = tokio::select! {
            condition = service.ready() => condition,
            () = signals.next() => return Ok(Some(service)),
        };
        let loaded = match (self.no_demo, &condition) {
            (false, Condition::Ready) => {
                let loaded = demo::load(&service.intake).await;
                // So that what the banner says can be tried at once; it can be tried later too.
                let _ = service.views.reach(service.intake.writer().sequence()).await;
                loaded
            }
            (true, _) | (false, Condition::Starting | Condition::Stopped(_)) => 0,
        };
        let ready = Ready {
            ready: condition == Condition::Ready,
            http: format!("http://{}", service.http),
            nats: natsd.url(),
            nats_token: Some(natsd.token().to_owned()),
            key: None,
            pid: std::process::id(),
            nats_pid: natsd.pid(),
        };
        ready.write(&global.dir)?;
        match self.ready_json || global.json {
            true => output::line(&serde_json::to_string(&ready)?),
            false => banner(global, found, natsd, &service, &condition, loaded),
        }
        tokio::select! {
            () = signals.next() => Ok(Some(service)),
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

    async fn start(&self, global: &Global, natsd: &Natsd) -> anyhow::Result<Service> {
        let options = nats::Options {
            url: Some(natsd.url()),
            nats_token: Some(natsd.token().to_owned()),
            ..nats::Options::default()
        };
        let preferred = SocketAddr::from(([127, 0, 0, 1], HTTP_PORT));
        let mut http = self.http.unwrap_or(preferred);
        loop {
            let bytes = (natsd.max_file_bytes() / LOG_SHARE).min(LOG_BYTES_MAX);
            let settings = service::Settings {
                dir: global.dir.clone(),
                http,
                log: log::Settings {
                    prefix: "seatledger".to_owned(),
                    replicas: 1,
                    max_bytes: i64::try_from(bytes).unwrap_or(i64::MAX),
                },
                monitor: Some(natsd.monitor_url()),
                accept_loss_on_power_cut: false,
            };
            match Service::start(&options, settings).await {
                Ok(service) => return Ok(service),
                // Nobody asked for this very port, so any other will do.
                Err(service::Error::Listen { .. }) if self.http.is_none() && http.port() != 0 => {
                    http.set_port(0);
                }
                Err(error) => return Err(refused(error)),
            }
        }
    }
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

/// What a newcomer sees first: what runs where, and what to try.
fn banner(
    global: &Global,
    found: &Found,
    natsd: &Natsd,
    service: &Service,
    condition: &Condition,
    loaded: usize,
) {
    let http = service.http;
    let dir = global.dir.display();
    let state = match condition {
        Condition::Ready => format!("sequence {}", service.intake.writer().sequence()),
        Condition::Starting => "reading the log".to_owned(),
        Condition::Stopped(stop) => {
            format!("WRITING HAS STOPPED: {}\n  fix           {}", stop.detail, stop.fix)
        }
    };
    let port = match natsd.port_changed() {
        Some((taken, _)) => format!("   another port than before: {taken} is taken"),
        None => String::new(),
    };
    let demo = match loaded {
        0 => "none (--no-demo)".to_owned(),
        _ => "accounts acme, globex and song_one (--no-demo for an empty ledger)".to_owned(),
    };
    output::line(&format!(
        "seatledger {}   dev mode: not for production
  nats-server   {} {}   {}   token in {dir}/ready.json{port}
  event log     stream SEATLEDGER, fsync before every answer, {state}
  read models   {dir}/read
  persistence   on disk in {dir}/ (delete it to start over)
  demo          {demo}
  API           http://{http}/v1   loopback only: there are no keys yet
  docs          http://{http}/docs   http://{http}/openapi.json

  Try           curl 'http://{http}/v1/accounts/acme/licenses'
                curl 'http://{http}/v1/accounts/acme/checks?user=ada&product=CREATIVE'
                seatledger send acme AssignSeat '{{\"license\":\"creative\",\"holders\":[{{\"user\":\"eve\"}}]}}'
                seatledger history acme
Ctrl-C stops everything; events are kept.",
        env!("CARGO_PKG_VERSION"),
        found.version,
        found.origin,
        natsd.url(),
    ));
}
