//! A nats-server that belongs to the test, so that it can be stopped, killed and started without
//! the ledger's help.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tokio::sync::OnceCell;

use crate::ledger::{Ledger, PATIENCE, signal};

pub const TOKEN: &str = "test";

/// Where the stream of commits is in a store.
const STREAM: &str = "jetstream/$G/streams/SEATLEDGER";

/// A nats-server on a folder; killed when it is dropped.
pub struct Nats {
    child: Option<Child>,
    dir: PathBuf,
    port: u16,
}

impl Nats {
    /// Starts one on `dir/nats`, on a port from the system.
    pub async fn start(dir: &Path) -> Nats {
        let mut nats = Nats { child: None, dir: dir.join("nats"), port: 0 };
        std::fs::create_dir_all(&nats.dir).unwrap();
        nats.again().await;
        nats
    }

    /// Starts it again, on the port that it had.
    pub async fn again(&mut self) {
        static PROGRAM: OnceCell<PathBuf> = OnceCell::const_new();
        let find = || async {
            let found = tokio::task::spawn_blocking(|| seatledger::natsd::find(false, false));
            found.await.unwrap().unwrap().path
        };
        let program = PROGRAM.get_or_init(find).await;
        let begin = Instant::now();
        loop {
            self.write_conf();
            let ports = self.dir.join("ports");
            let _ = std::fs::remove_dir_all(&ports);
            std::fs::create_dir_all(&ports).unwrap();
            let mut log = std::fs::File::options();
            let log = log.create(true).append(true).open(self.dir.join("log")).unwrap();
            let mut command = Command::new(program);
            command.arg("-c").arg(self.dir.join("conf")).stdin(Stdio::null()).stdout(Stdio::null());
            let child = command.stderr(log).spawn().unwrap();
            let ports = ports.join(format!("nats-server_{}.ports", child.id()));
            self.child = Some(child);
            if self.serves(&ports).await {
                return;
            }
            // Between two starts any outgoing connection of this machine may be given the port. It
            // is gone soon.
            assert!(self.log().contains("address already in use"), "{}", self.log());
            assert!(begin.elapsed() < PATIENCE, "the port stays taken: {}", self.log());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Whether it came up. Its port is known from then on.
    async fn serves(&mut self, ports: &Path) -> bool {
        let begin = Instant::now();
        loop {
            if let Ok(text) = std::fs::read_to_string(ports)
                && let Ok(said) = serde_json::from_str::<serde_json::Value>(&text)
            {
                let url = said["nats"][0].as_str().unwrap();
                self.port = url.rsplit(':').next().unwrap().parse().unwrap();
                return true;
            }
            if self.child.as_mut().unwrap().try_wait().unwrap().is_some() {
                return false;
            }
            assert!(begin.elapsed() < PATIENCE, "nats-server does not come up: {}", self.log());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    fn write_conf(&self) {
        let port = if self.port == 0 { -1 } else { i32::from(self.port) };
        let (ports, store) = (self.dir.join("ports"), self.store());
        let conf = format!(
            "listen: \"127.0.0.1:{port}\"\nports_file_dir: {ports:?}\n\
             authorization {{ token: {TOKEN} }}\n\
             jetstream {{ store_dir: {store:?}, max_file: 4GB, sync_interval: always }}\n"
        );
        std::fs::write(self.dir.join("conf"), conf).unwrap();
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.dir.join("log")).unwrap_or_default()
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// The folder of everything JetStream keeps.
    pub fn store(&self) -> PathBuf {
        self.dir.join("js")
    }

    /// The folder of the stream of commits.
    pub fn stream(&self) -> PathBuf {
        self.store().join(STREAM)
    }

    pub async fn client(&self) -> async_nats::Client {
        async_nats::ConnectOptions::with_token(TOKEN.to_owned()).connect(self.url()).await.unwrap()
    }

    /// Stops it in order; it writes its index then.
    pub async fn stop(&mut self) {
        self.end("TERM").await;
    }

    /// `kill -9`.
    pub async fn kill(&mut self) {
        self.end("KILL").await;
    }

    /// Has it stand still, as a machine does that is asleep.
    pub fn pause(&self) {
        signal(self.child.as_ref().expect("a nats-server that runs").id(), "STOP");
    }

    /// Wakes it.
    pub fn resume(&self) {
        signal(self.child.as_ref().expect("a nats-server that runs").id(), "CONT");
    }

    async fn end(&mut self, how: &str) {
        let mut child = self.child.take().expect("a nats-server that runs");
        signal(child.id(), how);
        let begin = Instant::now();
        while child.try_wait().unwrap().is_none() {
            assert!(begin.elapsed() < PATIENCE, "nats-server does not end: {}", self.log());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// A ledger on it, with its own files in `dir`. `max_bytes` is the size of the log where this
    /// creates it; a small one makes JetStream cut it into small blocks.
    pub async fn ledger(&self, dir: &Path, max_bytes: u64) -> Ledger {
        self.try_ledger(dir, max_bytes, &[]).await.unwrap_or_else(|it| panic!("{it}"))
    }

    /// One without a journal: what the log has lost it cannot publish again.
    pub async fn bare_ledger(&self, dir: &Path, max_bytes: u64) -> Ledger {
        let bare = self.try_ledger(dir, max_bytes, &["--no-journal"]).await;
        bare.unwrap_or_else(|it| panic!("{it}"))
    }

    /// One that may refuse to start.
    pub async fn try_ledger(
        &self,
        dir: &Path,
        max_bytes: u64,
        more: &[&str],
    ) -> Result<Ledger, String> {
        std::fs::create_dir_all(dir).unwrap();
        let (url, max_bytes) = (self.url(), max_bytes.to_string());
        let arguments = ["serve", "--nats", &url, "--nats-token", TOKEN, "--http", "127.0.0.1:0"];
        let arguments =
            [&arguments[..], &["--max-bytes", &max_bytes, "--create", "--ready-json"], more]
                .concat();
        Ledger::spawn(dir, &arguments).await
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
