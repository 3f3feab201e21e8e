//! One read model that has far to go is nobody else's trouble.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags};
use serde_json::{Value, json};

use crate::ledger::{Ledger, PATIENCE};

/// In which what was written is read, of a model that is level. One that were held up by another one
/// would take as long as that is behind.
const SOON: Duration = Duration::from_secs(3);

/// Fills a ledger so that a read model takes some time to build.
async fn fill(ledger: &Ledger) {
    let license = json!({"license": "l", "product": "P", "quantity": 100_000});
    ledger.accepted("acme", "AllocateLicense", &license).await;
    for block in 0..30 {
        let holder = |it| json!({"user": format!("u{block}-{it}")});
        let holders: Vec<Value> = (0..1_000).map(holder).collect();
        let seats = json!({"license": "l", "holders": holders});
        ledger.accepted("acme", "AssignSeat", &seats).await;
    }
}

/// Keeps a read model from being written, as soon as a start has made its file.
fn hold(file: &Path) -> Connection {
    let begin = Instant::now();
    loop {
        let db = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_WRITE);
        let held = db.and_then(|db| {
            db.query_row("SELECT COUNT(*) FROM checkpoint", [], |_| Ok(()))?;
            db.execute_batch("BEGIN IMMEDIATE")?;
            Ok(db)
        });
        if let Ok(db) = held {
            return db;
        }
        assert!(begin.elapsed() < PATIENCE, "the file is not made");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_model_that_is_built_anew_says_so_and_keeps_nobody_waiting() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::start_in(dir.path()).await;
    fill(&ledger).await;
    assert!(ledger.stop().await.success());
    let read = dir.path().join("read");
    let mut history = None;
    for file in fs::read_dir(&read).unwrap().map(|it| it.unwrap().path()) {
        if file.file_name().unwrap().to_str().unwrap().starts_with("history.v") {
            fs::remove_file(&file).unwrap();
            history =
                Some(file).filter(|it| it.extension().is_some_and(|it| it == "db")).or(history);
        }
    }
    let held = std::thread::spawn(move || hold(&history.unwrap()));
    let ledger = Ledger::start_in(dir.path()).await;
    let mut held = Some(held.join().unwrap());
    let begin = Instant::now();
    let mut rounds = 0;
    loop {
        let told = ledger.get("/v1/accounts/acme/history?limit=1").await;
        if told.status == 200 {
            break;
        }
        // It was seen while it is built: it may go on.
        drop(held.take());
        let document = told.json();
        assert_eq!((told.status, &document["code"]), (503, &json!("read_model_building")));
        let said = document["detail"].as_str().unwrap();
        assert!(said.contains("the read model history is built from the log"), "{said}");
        assert!(told.headers.contains_key("retry-after"));
        rounds += 1;
        let (asked, quantity) = (Instant::now(), 100_000 + rounds);
        let change = json!({"license": "l", "quantity": quantity});
        let sequence = ledger.accepted("acme", "ChangeLicense", &change).await;
        let told = ledger.get_at_least("/v1/accounts/acme/licenses/l", sequence).await;
        assert_eq!((told.status, &told.json()["quantity"]), (200, &json!(quantity)));
        assert!(asked.elapsed() < SOON, "{:?} after {rounds} rounds", asked.elapsed());
        assert!(begin.elapsed() < PATIENCE, "history is not built");
    }
    assert!(rounds > 0, "it was never seen while it was built");
    let sequence = ledger.get("/v1/accounts/acme/licenses/l").await.sequence();
    let told =
        ledger.get_at_least("/v1/accounts/acme/history?type=QuantityChanged", sequence).await;
    assert_eq!(told.json()["items"].as_array().unwrap().len(), rounds.min(100));
}
