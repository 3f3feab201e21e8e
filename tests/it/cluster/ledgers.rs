//! Two `seatledger serve` processes on the cluster, each with files of its own.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::nodes::TOKEN;
use crate::ledger::{Ledger, PATIENCE, signal};

pub const LEDGERS: usize = 2;

/// Bytes of the log's stream.
const MAX_BYTES: &str = "1073741824";

/// How long a ledger that was started or disturbed may take until it is ready again, far above
/// what is measured, so that only one that needs a person reaches it.
pub const BACK: Duration = Duration::from_secs(60);

/// Both of them.
pub struct Ledgers {
    dirs: Vec<PathBuf>,
    /// The addresses of the nodes, as each ledger reaches them.
    urls: Vec<String>,
    running: Vec<Option<Ledger>>,
    starts: usize,
}

impl Ledgers {
    pub fn new(dirs: Vec<PathBuf>, urls: Vec<String>) -> Ledgers {
        Ledgers { dirs, urls, running: (0..LEDGERS).map(|_| None).collect(), starts: 0 }
    }

    pub fn dirs(&self) -> &[PathBuf] {
        &self.dirs
    }

    pub fn get(&self, number: usize) -> &Ledger {
        self.running[number].as_ref().expect("a ledger that runs")
    }

    /// Starts one. The error is what it logged instead of becoming ready.
    pub async fn start(&mut self, number: usize) -> Result<(), String> {
        let (dir, url) = (&self.dirs[number], &self.urls[number]);
        std::fs::create_dir_all(dir).unwrap();
        self.starts += 1;
        // What it logged before is kept.
        let log = dir.join("stderr.log");
        let _ = std::fs::rename(&log, dir.join(format!("stderr-{}.log", self.starts)));
        let arguments = ["serve", "--nats", url, "--nats-token", TOKEN, "--http", "127.0.0.1:0"];
        let more = ["--replicas", "3", "--max-bytes", MAX_BYTES, "--create", "--ready-json"];
        let asked = std::env::var("SEATLEDGER_CLUSTER_SERVE").unwrap_or_default();
        let asked: Vec<&str> = asked.split_whitespace().collect();
        let begin = Instant::now();
        loop {
            match Ledger::spawn(dir, &[&arguments[..], &more[..], &asked].concat()).await {
                Ok(ledger) => {
                    self.running[number] = Some(ledger);
                    return Ok(());
                }
                // A supervisor starts it again; that is no person.
                Err(said) if begin.elapsed() > PATIENCE => return Err(said),
                Err(_) => tokio::time::sleep(Duration::from_millis(500)).await,
            }
        }
    }

    pub fn signal(&self, number: usize, name: &str) {
        signal(self.get(number).pid(), name);
    }

    pub async fn kill(&mut self, number: usize) {
        self.running[number].take().unwrap().kill().await;
    }

    /// SIGTERM. Whether it ended well.
    pub async fn stop(&mut self, number: usize) -> bool {
        self.running[number].take().unwrap().stop().await.success()
    }

    /// Why a ledger has stopped for a person, if it has.
    pub async fn stopped(&self, number: usize) -> Option<String> {
        let ledger = self.running[number].as_ref()?;
        let said = ledger.log().lines().find(|it| it.contains("writing has stopped"))?.to_owned();
        Some(format!("ledger {number}: {said}"))
    }

    /// What one says of itself.
    pub async fn says(&self, number: usize) -> String {
        let Some(ledger) = &self.running[number] else { return "it does not run".to_owned() };
        match ledger.try_request(hyper::Method::GET, "/readyz", "", &[]).await {
            Ok(it) => format!("{} {}", it.status, String::from_utf8_lossy(&it.body)),
            Err(it) => it,
        }
    }

    /// Waits until both are ready; the error names who is not, and what it says.
    pub async fn are_ready(&self) -> Result<(), String> {
        let begin = Instant::now();
        for number in 0..LEDGERS {
            loop {
                let answer = self.get(number).try_request(hyper::Method::GET, "/readyz", "", &[]);
                let said = match answer.await {
                    Ok(it) if it.status == 200 => break,
                    Ok(it) => String::from_utf8_lossy(&it.body).into_owned(),
                    Err(it) => it,
                };
                if let Some(stopped) = self.stopped(number).await {
                    return Err(stopped);
                }
                if begin.elapsed() > BACK {
                    return Err(format!("ledger {number} is not ready: {said}"));
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
        Ok(())
    }
}
