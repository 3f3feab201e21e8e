//! A ledger with a history that was stopped, so that its files can be meddled with.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::faults::replay::Replay;
use crate::faults::{say, told};
use crate::ledger::Ledger;

/// The read models that are built from the log.
pub const MODELS: [&str; 7] =
    ["licenses", "assignments", "checks", "directory", "waitlists", "history", "commands"];

/// Puts a history behind a ledger, and gives back where it ends.
pub async fn fill(ledger: &Ledger) -> u64 {
    let license = json!({"id": "c1", "license": "l0", "product": "P", "quantity": 1_000});
    let mut last = ledger.accepted("acme", "AllocateLicense", &license).await;
    for n in 2..=30 {
        let holder = |it| json!({"user": format!("u{}", (n * 3 + it) % 40)});
        let holders: Vec<Value> = (0..3).map(holder).collect();
        let document = json!({"id": format!("c{n}"), "license": "l0", "holders": holders});
        let command = if n % 4 == 0 { "RevokeAssignment" } else { "AssignSeat" };
        ledger.send("acme", command, &document).await;
        let next = json!({"license": "l0", "quantity": 1_000 + n});
        last = ledger.accepted("acme", "ChangeLicense", &next).await;
    }
    last
}

/// A ledger that was stopped, and what it said before.
pub struct Asleep {
    pub dir: TempDir,
    last: u64,
    said: Vec<String>,
    c2: Value,
    /// As file names say them.
    versions: HashMap<String, String>,
}

impl Asleep {
    pub async fn new(killed: bool) -> Asleep {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::start_in(dir.path()).await;
        let last = fill(&ledger).await;
        let said = told::everything(&ledger, "acme", last).await;
        let c2 = ledger.get_at_least("/v1/accounts/acme/commands/c2", last).await.json();
        match killed {
            false => assert!(ledger.stop().await.success()),
            true => ledger.kill().await,
        }
        let versions = versions(&dir.path().join("read"));
        Asleep { dir, last, said, c2, versions }
    }

    /// The folder of the read models.
    pub fn read(&self) -> PathBuf {
        self.dir.path().join("read")
    }

    /// The file of a read model, or what SQLite keeps beside it.
    pub fn file(&self, model: &str, beside: &str) -> PathBuf {
        let version = &self.versions[model];
        self.read().join(format!("{model}.{version}.db{beside}"))
    }

    /// Brings a read model into one file, as a clean end of SQLite does, and gives back which.
    pub fn one_file(&self, model: &str) -> PathBuf {
        let file = self.file(model, "");
        let db = rusqlite::Connection::open(&file).unwrap();
        db.pragma_update(None, "journal_mode", "DELETE").unwrap();
        db.close().unwrap();
        assert!(!self.file(model, "-wal").exists());
        file
    }

    /// Demands that it starts, and says what it said before.
    pub async fn wakes_up_as_before(&self, after: &str) {
        say(&format!("after: {after}"));
        let ledger = Ledger::start_in(self.dir.path()).await;
        assert_eq!(ledger.get("/readyz").await.status, 200, "{after}");
        told::settled(&ledger, self.last).await;
        assert_eq!(told::everything(&ledger, "acme", self.last).await, self.said, "{after}");
        assert_eq!(ledger.get("/v1/accounts/acme/commands/c2").await.json(), self.c2, "{after}");
        told::agrees(&ledger, &Replay::of(&ledger.nats().await).await).await;
        told::rebuilt_the_same(&ledger);
        assert!(ledger.stop().await.success());
    }
}

fn versions(read: &Path) -> HashMap<String, String> {
    let names = std::fs::read_dir(read).unwrap();
    let names = names.map(|it| it.unwrap().file_name().into_string().unwrap());
    let model = |name: String| {
        let (model, version) = name.strip_suffix(".db")?.split_once('.')?;
        Some((model.to_owned(), version.to_owned()))
    };
    names.filter_map(model).collect()
}
