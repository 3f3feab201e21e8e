//! A ledger under test: started, asked, stopped or killed, and gone at the end.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Method, Request};
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use tempfile::TempDir;

/// How long anything may take before a test gives up on it.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// The binary under test.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_seatledger");

/// A ledger that `seatledger dev` or `serve` runs. Dropped, it is killed, and its nats-server ends
/// with it.
pub struct Ledger {
    child: Child,
    ready: Value,
    dir: PathBuf,
    _own: Option<TempDir>,
    http: HttpClient<HttpConnector, Full<Bytes>>,
}

/// An answer over HTTP.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: hyper::HeaderMap,
    pub body: Bytes,
}

impl Answer {
    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|it| panic!("{it}: {}", String::from_utf8_lossy(&self.body)))
    }

    /// The sequence as of which it answers.
    #[track_caller]
    pub fn sequence(&self) -> u64 {
        self.headers["seatledger-sequence"].to_str().unwrap().parse().unwrap()
    }
}

impl Ledger {
    /// An empty ledger in a folder of its own.
    pub async fn start() -> Ledger {
        let own = tempfile::tempdir().unwrap();
        let mut ledger = Ledger::start_in(own.path()).await;
        ledger._own = Some(own);
        ledger
    }

    /// `seatledger dev` on a folder that outlives it.
    pub async fn start_in(dir: &Path) -> Ledger {
        let arguments = ["dev", "--http", "127.0.0.1:0", "--no-demo", "--ready-json"];
        Ledger::spawn(dir, &arguments).await.unwrap_or_else(|it| panic!("{it}"))
    }

    /// `seatledger serve` as a second process of the ledger of `other`.
    pub async fn serve_beside(other: &Ledger, dir: &Path) -> Ledger {
        let nats = other.serve_arguments();
        let nats = nats.iter().map(String::as_str);
        let arguments: Vec<&str> = nats.chain(["--http", "127.0.0.1:0", "--ready-json"]).collect();
        Ledger::spawn(dir, &arguments).await.unwrap_or_else(|it| panic!("{it}"))
    }

    /// Any way of starting one, where calls need no key; the error is what it printed.
    pub async fn spawn(dir: &Path, arguments: &[&str]) -> Result<Ledger, String> {
        Ledger::spawn_with(dir, arguments, &[("SEATLEDGER_KEYS", "optional")]).await
    }

    /// The same, with this in its environment.
    pub async fn spawn_with(
        dir: &Path,
        arguments: &[&str],
        environment: &[(&str, &str)],
    ) -> Result<Ledger, String> {
        let log = std::fs::File::create(dir.join("stderr.log")).unwrap();
        let mut child = Command::new(PROGRAM)
            .args(arguments)
            .envs(environment.iter().copied())
            .arg("--dir")
            .arg(dir)
            .env("RUST_LOG", "info")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let stdout = child.stdout.take().unwrap();
        let line = tokio::task::spawn_blocking(move || {
            let mut line = String::new();
            BufReader::new(stdout).read_line(&mut line).map(|_| line)
        });
        let line = tokio::time::timeout(PATIENCE, line).await;
        let line = line.map(|it| it.unwrap().unwrap()).unwrap_or_default();
        match serde_json::from_str(&line) {
            Ok(ready) => {
                let http = HttpClient::builder(TokioExecutor::new()).build_http();
                Ok(Ledger { child, ready, dir: dir.to_owned(), _own: None, http })
            }
            Err(_) => {
                let _ = child.kill();
                let _ = child.wait();
                Err(std::fs::read_to_string(dir.join("stderr.log")).unwrap())
            }
        }
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    pub fn ready(&self) -> &Value {
        &self.ready
    }

    pub fn http_url(&self) -> String {
        self.ready["http"].as_str().unwrap().to_owned()
    }

    pub fn nats_url(&self) -> String {
        self.ready["nats"].as_str().unwrap().to_owned()
    }

    /// The password of a user of the nats-server of `dev`, from its directory.
    pub fn nats_password(&self, user: &str) -> String {
        let path = self.dir.join("nats").join(format!("password.{user}"));
        std::fs::read_to_string(path).unwrap().trim().to_owned()
    }

    /// How `serve` is started on the nats-server of this ledger: with the users that it has.
    pub fn serve_arguments(&self) -> Vec<String> {
        let file = |user: &str| format!("{}/nats/password.{user}", self.dir.display());
        let users = [
            ["--nats-user".to_owned(), "ledger".to_owned()],
            ["--nats-password-file".to_owned(), file("ledger")],
            ["--nats-doors-user".to_owned(), "doors".to_owned()],
            ["--nats-doors-password-file".to_owned(), file("doors")],
        ];
        let serve = ["serve".to_owned(), "--nats".to_owned(), self.nats_url()];
        serve.into_iter().chain(users.concat()).collect()
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn nats_pid(&self) -> u32 {
        self.ready["nats_pid"].as_u64().unwrap().try_into().unwrap()
    }

    /// What it has logged so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.dir.join("stderr.log")).unwrap()
    }

    /// A NATS client that may everything, as the ledger itself. A nats-server that is a test's own
    /// takes a token.
    pub async fn nats(&self) -> async_nats::Client {
        if self.dir.join("nats/password.ledger").exists() {
            return self.nats_as("ledger").await;
        }
        let token = crate::faults::nats::TOKEN.to_owned();
        async_nats::ConnectOptions::with_token(token).connect(self.nats_url()).await.unwrap()
    }

    /// A NATS client that may what whoever reads `ready.json` may.
    pub async fn producer(&self) -> async_nats::Client {
        match self.ready["nats_user"].is_string() {
            true => self.nats_as("producer").await,
            false => self.nats().await,
        }
    }

    async fn nats_as(&self, user: &str) -> async_nats::Client {
        let password = self.nats_password(user);
        async_nats::ConnectOptions::with_user_and_password(user.to_owned(), password)
            .connect(self.nats_url())
            .await
            .unwrap()
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.request(Method::GET, path, "", &[]).await
    }

    pub async fn request(
        &self,
        method: Method,
        path: &str,
        body: &str,
        headers: &[(&str, &str)],
    ) -> Answer {
        self.try_request(method, path, body, headers).await.unwrap()
    }

    /// The same, where nobody may be listening.
    pub async fn try_request(
        &self,
        method: Method,
        path: &str,
        body: &str,
        headers: &[(&str, &str)],
    ) -> Result<Answer, String> {
        let mut request =
            Request::builder().method(method).uri(format!("{}{path}", self.http_url()));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(Bytes::copy_from_slice(body.as_bytes()))).unwrap();
        let exchange = async {
            let response = self.http.request(request).await.map_err(|it| it.to_string())?;
            let (status, headers) = (response.status().as_u16(), response.headers().clone());
            let body = response.into_body().collect().await.map_err(|it| it.to_string())?;
            Ok(Answer { status, headers, body: body.to_bytes() })
        };
        tokio::time::timeout(PATIENCE, exchange).await.map_err(|it| it.to_string())?
    }

    /// POST of a body that need not be text.
    pub async fn post_bytes(&self, path: &str, body: &[u8], headers: &[(&str, &str)]) -> Answer {
        let mut request = Request::post(format!("{}{path}", self.http_url()));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(Bytes::copy_from_slice(body))).unwrap();
        let exchange = async {
            let response = self.http.request(request).await.unwrap();
            let (status, headers) = (response.status().as_u16(), response.headers().clone());
            let body = response.into_body().collect().await.unwrap().to_bytes();
            Answer { status, headers, body }
        };
        tokio::time::timeout(PATIENCE, exchange).await.unwrap()
    }

    /// A GET whose body comes bit by bit.
    pub async fn stream(&self, path: &str, headers: &[(&str, &str)]) -> hyper::body::Incoming {
        let mut request = Request::get(format!("{}{path}", self.http_url()));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = self.http.request(request.body(Full::default()).unwrap()).await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
        response.into_body()
    }

    /// Sends a command over HTTP.
    pub async fn send(&self, account: &str, command: &str, document: &Value) -> Answer {
        let path = format!("/v1/accounts/{account}/commands/{command}");
        self.request(Method::POST, &path, &document.to_string(), &[]).await
    }

    /// Sends a command that must be accepted, and gives back its sequence.
    #[track_caller]
    pub fn accepted<'a>(
        &'a self,
        account: &'a str,
        command: &'a str,
        document: &'a Value,
    ) -> impl Future<Output = u64> + 'a {
        let caller = std::panic::Location::caller();
        async move {
            let answer = self.send(account, command, document).await;
            assert_eq!(answer.status, 200, "{caller}: {}", answer.json());
            answer.json()["sequence"].as_u64().unwrap()
        }
    }

    /// Reads once every read model has taken in a sequence.
    pub async fn get_at_least(&self, path: &str, sequence: u64) -> Answer {
        let joint = if path.contains('?') { '&' } else { '?' };
        self.get(&format!("{path}{joint}min_sequence={sequence}")).await
    }

    /// Waits until every read model has taken in the whole log.
    pub async fn caught_up(&self) {
        eventually("the read models catch up", async || {
            let status = self.get("/v1/status").await.json();
            let behind = |it: &Value| it["rebuilds"] == true && it["behind"] != 0;
            !status["read_models"].as_array().unwrap().iter().any(behind)
        })
        .await;
    }

    /// The refusals of an account, the newest first, once there are that many.
    pub async fn refusals(&self, account: &str, count: usize) -> Vec<Value> {
        let path = format!("/v1/accounts/{account}/refusals");
        let items = async || self.get(&path).await.json()["items"].as_array().unwrap().clone();
        eventually("the refusals are kept", async || items().await.len() >= count).await;
        items().await
    }

    /// Runs the binary against this ledger.
    pub fn run(&self, arguments: &[&str]) -> Output {
        Command::new(PROGRAM)
            .args(arguments)
            .arg("--dir")
            .arg(&self.dir)
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    /// The same, with something on its standard input.
    pub fn run_on(&self, arguments: &[&str], input: &str) -> Output {
        use std::io::Write as _;
        let mut child = Command::new(PROGRAM)
            .args(arguments)
            .arg("--dir")
            .arg(&self.dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    }

    /// Asks it to stop, and waits until it has.
    pub async fn stop(mut self) -> ExitStatus {
        signal(self.child.id(), "TERM");
        self.wait().await
    }

    /// The same, where what it has left behind is looked at afterwards.
    pub async fn stop_in_place(&mut self) -> ExitStatus {
        signal(self.child.id(), "TERM");
        self.wait().await
    }

    /// `kill -9`, and waits until it is gone.
    pub async fn kill(mut self) {
        self.child.kill().unwrap();
        self.wait().await;
    }

    async fn wait(&mut self) -> ExitStatus {
        let begin = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(begin.elapsed() < PATIENCE, "it does not end: {}", self.log());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let log = std::fs::read_to_string(self.dir.join("stderr.log")).unwrap_or_default();
            let tail: Vec<_> = log.lines().rev().take(40).collect();
            eprintln!("--- the ledger's log in {}, newest first", self.dir.display());
            tail.iter().for_each(|it| eprintln!("{it}"));
        }
    }
}

/// Sends a signal to a process that this test started.
pub fn signal(pid: u32, name: &str) {
    let sent = Command::new("kill").arg(format!("-{name}")).arg(pid.to_string()).status();
    assert!(sent.unwrap().success());
}

/// Waits until something holds that comes by itself.
pub async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let begin = Instant::now();
    while !holds().await {
        assert!(begin.elapsed() < PATIENCE, "in vain: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Text as one segment of a path or one value of a query.
pub fn encoded(text: &str) -> String {
    text.bytes().map(|it| format!("%{it:02X}")).collect()
}
