//! A ledger that is prepared once, copied for each case, damaged, and looked at.

use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use hyper::Method;
use serde_json::json;
use tempfile::TempDir;

use crate::faults::nats::Nats;
use crate::faults::producer::{Doors, Order, Told};
use crate::faults::replay::{Replay, last_sequence, text_of};
use crate::faults::{copy, say, told};
use crate::ledger::{Ledger, PATIENCE};

/// How soon after a start damage is named.
const NAMED_WITHIN: Duration = Duration::from_secs(10);

/// How long an operator waits for the status of a ledger in trouble.
const STATUS_WITHIN: Duration = Duration::from_secs(5);

const LICENSE: &str = "/v1/accounts/acme/licenses/l";

/// How ledger and nats-server ended before the damage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// In order, one after the other.
    Clean,
    /// Both by `kill -9`.
    Killed,
}

pub const ENDINGS: [Ending; 2] = [Ending::Clean, Ending::Killed];

/// How many blocks the log has. JetStream makes them as small as it ever does, 32 KB, for a stream
/// of less than 128 KB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blocks {
    One,
    Several,
}

/// A ledger that has ended, with what it said before.
pub struct World {
    dir: TempDir,
    blocks: Blocks,
    /// The last sequence of its log.
    pub last: u64,
    /// That of the copy of the store that was made earlier.
    pub older: u64,
    said: Vec<String>,
}

impl Blocks {
    fn max_bytes(self) -> u64 {
        match self {
            Blocks::One => 1 << 30,
            Blocks::Several => 127_000,
        }
    }

    fn commits(self) -> (u64, u64) {
        match self {
            Blocks::One => (40, 2),
            Blocks::Several => (24, 11),
        }
    }
}

fn assign(commit: u64, holders: u64) -> Order {
    let holder = |it| json!({"user": format!("u{}", commit * holders + it)});
    let holders: Vec<_> = (0..holders).map(holder).collect();
    let document = json!({"id": format!("c{commit}"), "license": "l", "holders": holders});
    Order::new("acme", "AssignSeat", document)
}

impl World {
    pub async fn prepare(ending: Ending, blocks: Blocks) -> World {
        let dir = tempfile::tempdir().unwrap();
        let mut nats = Nats::start(dir.path()).await;
        let ledger = nats.bare_ledger(&dir.path().join("ledger"), blocks.max_bytes()).await;
        let license = json!({"id": "c1", "license": "l", "product": "P", "quantity": 1_000_000});
        ledger.accepted("acme", "AllocateLicense", &license).await;
        let (commits, holders) = blocks.commits();
        let older = commits - 7;
        for commit in 2..=commits {
            let order = assign(commit, holders);
            let sequence = ledger.accepted("acme", order.kind, &order.document).await;
            assert_eq!(sequence, commit);
            if commit == older {
                copy(&nats.store(), &dir.path().join("older"));
            }
        }
        told::settled(&ledger, commits).await;
        anchored(&ledger, commits).await;
        let said = told::everything(&ledger, "acme", commits).await;
        end(&mut nats, ledger, ending).await;
        World { dir, blocks, last: commits, older, said }
    }

    /// The store as it was a little before the end.
    pub fn older_store(&self) -> PathBuf {
        self.dir.path().join("older")
    }

    /// A copy to damage.
    pub fn scene(&self) -> Scene<'_> {
        let dir = tempfile::tempdir().unwrap();
        copy(self.dir.path(), dir.path());
        Scene { world: self, dir, keep_said: true }
    }
}

/// Waits until the anchor says so, too.
async fn anchored(ledger: &Ledger, last: u64) {
    let begin = Instant::now();
    loop {
        let text = std::fs::read(ledger.dir().join("anchor.json")).unwrap_or_default();
        let anchor: serde_json::Value = serde_json::from_slice(&text).unwrap_or_default();
        if anchor["sequence"] == last {
            return;
        }
        assert!(begin.elapsed() < PATIENCE, "the anchor stays at {anchor}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn end(nats: &mut Nats, ledger: Ledger, ending: Ending) {
    match ending {
        Ending::Clean => {
            assert!(ledger.stop().await.success());
            nats.stop().await;
        }
        Ending::Killed => {
            ledger.kill().await;
            nats.kill().await;
        }
    }
}

/// Cases of one test. Each is run, also after one that fails; the end says which failed.
#[derive(Default)]
pub struct Cases(Vec<String>);

impl Cases {
    pub async fn run(&mut self, name: &str, case: impl Future<Output = ()>) {
        say(&format!("case: {name}"));
        if AssertUnwindSafe(case).catch_unwind().await.is_err() {
            self.0.push(name.to_owned());
        }
    }

    #[track_caller]
    pub fn end(self) {
        assert!(self.0.is_empty(), "{} cases failed: {:#?}", self.0.len(), self.0);
    }
}

/// A copy of a world.
pub struct Scene<'a> {
    world: &'a World,
    dir: TempDir,
    keep_said: bool,
}

impl Scene<'_> {
    /// The folder of everything JetStream keeps.
    pub fn store(&self) -> PathBuf {
        self.dir.path().join("nats/js")
    }

    /// The folder of the stream of commits.
    pub fn stream(&self) -> PathBuf {
        self.store().join("jetstream/$G/streams/SEATLEDGER")
    }

    /// The ledger's own folder.
    pub fn ledger_dir(&self) -> PathBuf {
        self.dir.path().join("ledger")
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    pub fn remove_anchor(&self) {
        std::fs::remove_file(self.ledger_dir().join("anchor.json")).unwrap();
    }

    pub fn remove_read_models(&mut self) {
        std::fs::remove_dir_all(self.ledger_dir().join("read")).unwrap();
        // What they say now is another question.
        self.keep_said = false;
    }

    /// Starts it on the damaged store.
    async fn start(&self) -> (Nats, Ledger) {
        let nats = Nats::start(self.dir.path()).await;
        let ledger = self.ledger(&nats).await;
        (nats, ledger)
    }

    async fn ledger(&self, nats: &Nats) -> Ledger {
        nats.bare_ledger(&self.ledger_dir(), self.world.blocks.max_bytes()).await
    }

    /// Demands that nothing is missing and everything works, now and after another restart.
    pub async fn must_be_whole(self) {
        for round in 0..2 {
            let (mut nats, ledger) = self.start().await;
            let ready = ledger.get("/readyz").await;
            assert_eq!(ready.status, 200, "{}", ready.json());
            let client = nats.client().await;
            let replay = Replay::of(&client).await;
            assert_eq!(replay.last(), self.world.last + round);
            let doors = Doors::of(&ledger).await;
            let (commits, holders) = self.world.blocks.commits();
            for commit in 2..=commits {
                let told = doors.ask(&assign(commit, holders)).await;
                assert!(
                    matches!(told, Told::Accepted { sequence, replayed: true, .. } if sequence == commit),
                    "c{commit}: {told:?}"
                );
            }
            let new = assign(commits + 1 + round, holders);
            assert_eq!(
                ledger.accepted("acme", new.kind, &new.document).await,
                self.world.last + 1 + round
            );
            told::agrees(&ledger, &Replay::of(&client).await).await;
            end(&mut nats, ledger, Ending::Clean).await;
        }
    }

    /// Demands that whatever it says is right, or that it says by name that something is wrong.
    /// Gives back which.
    pub async fn must_be_right_or_named(self) -> &'static str {
        let mut nats = Nats::start(self.dir.path()).await;
        let started = nats
            .try_ledger(&self.ledger_dir(), self.world.blocks.max_bytes(), &["--no-journal"])
            .await;
        let ledger = match started {
            Ok(ledger) => ledger,
            Err(said) => {
                assert!(said.contains("error: "), "it does not say why it does not start: {said}");
                return "it does not start";
            }
        };
        let begin = Instant::now();
        while ledger.get("/readyz").await.json()["writing"] == "starting" {
            assert!(begin.elapsed() < NAMED_WITHIN, "it does not get ready");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let ready = ledger.get("/readyz").await;
        if ready.status != 200 {
            let code = text_of(&ready.json()["writing"]);
            assert!(["log_damaged", "log_went_back", "log_settings"].contains(&code.as_str()));
            self.commands_are_refused(&ledger, &code).await;
            self.reads_go_on(&ledger, &code).await;
            return "it is named";
        }
        let (commits, holders) = self.world.blocks.commits();
        let replay = Replay::of(&nats.client().await).await;
        assert_eq!(replay.last(), commits, "it is not what it was");
        let said = told::everything(&ledger, "acme", commits).await;
        assert_eq!(said, self.world.said, "reads answer as before");
        let doors = Doors::of(&ledger).await;
        for commit in [2, commits / 2, commits] {
            let told = doors.ask(&assign(commit, holders)).await;
            assert!(matches!(told, Told::Accepted { replayed: true, .. }), "c{commit}: {told:?}");
        }
        end(&mut nats, ledger, Ending::Clean).await;
        "it is right"
    }

    /// Demands that writing has stopped with this code and names this sequence, over every door,
    /// that reads go on with a warning, that nothing is written, and that it stays so over restarts.
    pub async fn must_name(self, code: &str, sequence: u64) {
        self.must_name_one_of(&[(code, &sequence.to_string())]).await;
    }

    /// The same, where the server itself says one thing now and another after a restart.
    pub async fn must_name_one_of(self, names: &[(&str, &str)]) {
        for ending in [Ending::Clean, Ending::Killed, Ending::Clean] {
            let mut nats = Nats::start(self.dir.path()).await;
            let client = nats.client().await;
            let before = last_or_none(&client).await;
            let ledger = self.ledger(&nats).await;
            let code = readiness(&ledger, names).await;
            status(&ledger, &code).await;
            self.commands_are_refused(&ledger, &code).await;
            self.reads_go_on(&ledger, &code).await;
            assert_eq!(last_or_none(&client).await, before, "it was written to, or made");
            end(&mut nats, ledger, ending).await;
        }
    }

    async fn commands_are_refused(&self, ledger: &Ledger, code: &str) {
        let doors = Doors::of(ledger).await;
        let (commits, holders) = self.world.blocks.commits();
        for order in [assign(commits + 1, holders), assign(commits, holders), assign(2, holders)] {
            assert_eq!(doors.post(&order).await, Told::Unknown(code.to_owned()), "{order:?}");
            // The door over NATS is closed: another process could answer.
            let asked = doors.ask(&order).await;
            let is_closed = matches!(&asked, Told::Unknown(it) if it.contains("no responders"));
            assert!(is_closed, "{order:?}: {asked:?}");
        }
    }

    async fn reads_go_on(&self, ledger: &Ledger, code: &str) {
        let nobody = "/v1/accounts/acme/licenses/nobody";
        let check = "/v1/accounts/acme/checks?user=u4&license=l";
        for path in [LICENSE, nobody, check, "/v1/accounts/acme/history"] {
            let answer = ledger.get(path).await;
            // A read model whose file is gone cannot be built from a log that is not whole.
            let is_building =
                answer.status == 503 && answer.json()["code"] == "read_model_building";
            let is_answered = [200, 404].contains(&answer.status);
            assert!(is_answered || is_building && !self.keep_said, "{path}: {}", answer.json());
            let warning = answer.headers.get("seatledger-warning").map(|it| it.to_str().unwrap());
            assert_eq!(warning, Some(code), "{path}: {}", answer.json());
        }
        if self.keep_said {
            let said = told::everything(ledger, "acme", self.world.last).await;
            assert_eq!(said, self.world.said, "reads answer as before");
        }
    }
}

/// The last sequence; `None` without a stream.
async fn last_or_none(client: &async_nats::Client) -> Option<u64> {
    let jetstream = async_nats::jetstream::new(client.clone());
    match jetstream.get_stream("SEATLEDGER").await {
        Ok(_) => Some(last_sequence(client).await),
        Err(_) => None,
    }
}

/// `/readyz` says what it is, soon: one of these. Gives back which.
pub async fn readiness(ledger: &Ledger, names: &[(&str, &str)]) -> String {
    let begin = Instant::now();
    let ready = loop {
        let ready = ledger.get("/readyz").await;
        let passing = ["starting", "nats_disconnected"];
        if ready.status == 503 && !passing.contains(&text_of(&ready.json()["writing"]).as_str()) {
            break ready.json();
        }
        assert!(begin.elapsed() < NAMED_WITHIN, "{names:?} is not named: {}", ready.json());
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    let (code, detail) = (text_of(&ready["writing"]), text_of(&ready["detail"]));
    let words: Vec<&str> = detail.split(|it: char| !it.is_ascii_alphanumeric()).collect();
    let named = names.iter().any(|it| it.0 == code && words.contains(&it.1));
    assert!(named, "it should name {names:?}: {ready}");
    assert!(!text_of(&ready["fix"]).is_empty(), "{ready}");
    code
}

/// `seatledger status --json` says it, and its exit code that something is unsound.
async fn status(ledger: &Ledger, code: &str) {
    let begin = Instant::now();
    let status = ledger.run(&["status", "--json"]);
    assert!(begin.elapsed() < STATUS_WITHIN, "the status took {:?}", begin.elapsed());
    let said = String::from_utf8_lossy(&status.stdout).into_owned();
    assert_eq!(status.status.code(), Some(4), "{said}");
    let said: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!(said["code"], code, "{said}");
    let ready = ledger.request(Method::GET, "/healthz", "", &[]).await;
    assert_eq!(ready.status, 200, "the process is alive");
}
