//! A nats-server of the operator's, as this or that operator configures it.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::OnceCell;

use crate::Ledger;
use crate::ledger::{eventually, signal};

/// Stopped when dropped.
pub struct NatsServer {
    child: Child,
    ports: Value,
    _dir: TempDir,
}

/// What a ledger wants: JetStream that writes before it acknowledges.
pub const JETSTREAM: &str =
    "jetstream { store_dir: \"js\", max_mem: 16MB, max_file: 1GB, sync_interval: always }";

impl NatsServer {
    /// On ports of its own, with this in its configuration.
    pub async fn start(config: &str) -> NatsServer {
        let program = program().await;
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().display();
        let config = config.replace("\"js\"", &format!("\"{place}/js\""));
        let whole = format!(
            "listen: \"127.0.0.1:-1\"\nhttp: \"127.0.0.1:-1\"\nports_file_dir: \"{place}\"\n\
             log_file: \"{place}/nats.log\"\n{config}\n"
        );
        std::fs::write(dir.path().join("nats.conf"), whole).unwrap();
        let child = Command::new(program)
            .arg("--config")
            .arg(dir.path().join("nats.conf"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let file = dir.path().join(format!("nats-server_{}.ports", child.id()));
        let read = || serde_json::from_slice::<Value>(&std::fs::read(&file).ok()?).ok();
        eventually("the nats-server says its ports", async || read().is_some()).await;
        NatsServer { child, ports: read().unwrap(), _dir: dir }
    }

    pub fn url(&self) -> String {
        self.ports["nats"][0].as_str().unwrap().to_owned()
    }

    pub fn monitor(&self) -> String {
        self.ports["monitoring"][0].as_str().unwrap().to_owned()
    }

    pub async fn client(&self) -> async_nats::Client {
        async_nats::connect(self.url()).await.unwrap()
    }

    /// `seatledger serve` on this server, with more arguments.
    pub async fn serve(&self, dir: &Path, more: &[&str]) -> Result<Ledger, String> {
        let (nats, monitor) = (self.url(), self.monitor());
        let own = [
            "serve",
            "--nats",
            &nats,
            "--nats-monitor",
            &monitor,
            "--http",
            "127.0.0.1:0",
            "--ready-json",
            "--max-bytes",
            "100000000",
            "--create",
        ];
        Ledger::spawn(dir, &[&own[..], more].concat()).await
    }
}

impl Drop for NatsServer {
    fn drop(&mut self) {
        signal(self.child.id(), "TERM");
        let _ = self.child.wait();
    }
}

/// The nats-server that `dev` runs, whichever that is here.
pub async fn program() -> &'static PathBuf {
    static PROGRAM: OnceCell<PathBuf> = OnceCell::const_new();
    PROGRAM
        .get_or_init(async || {
            let ledger = Ledger::start().await;
            let pid = ledger.nats_pid().to_string();
            let listed = Command::new("ps").args(["-o", "args=", "-p", &pid]).output().unwrap();
            let line = String::from_utf8(listed.stdout).unwrap();
            let (program, _) = line.split_once(" --config").expect("it runs a configuration");
            assert!(ledger.stop().await.success());
            PathBuf::from(program)
        })
        .await
}
