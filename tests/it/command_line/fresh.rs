//! What was acknowledged is read, however far a read model is behind.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::json;

use super::{code, document, err, out, small};
use crate::Ledger;

/// Longer than an answer waits for a read model by itself.
const BEHIND: Duration = Duration::from_secs(1);

fn file_of(ledger: &Ledger, model: &str) -> PathBuf {
    let mut files =
        std::fs::read_dir(ledger.dir().join("read")).unwrap().map(|it| it.unwrap().path());
    let is_it = |it: &PathBuf| {
        let name = it.file_name().unwrap().to_str().unwrap();
        name.starts_with(&format!("{model}.v")) && name.ends_with(".db")
    };
    files.find(is_it).unwrap()
}

/// Runs a question while a read model cannot take in what was written just before.
async fn run_behind(ledger: &Ledger, models: &[&str], arguments: &[&str]) -> std::process::Output {
    ledger.caught_up().await;
    let held: Vec<_> = models
        .iter()
        .map(|it| {
            let db = rusqlite::Connection::open(file_of(ledger, it)).unwrap();
            db.execute_batch("BEGIN IMMEDIATE").unwrap();
            db
        })
        .collect();
    let more = json!({"license": "office", "holders": [{"user": "late"}]});
    ledger.accepted("acme", "AssignSeat", &more).await;
    let let_go = tokio::task::spawn_blocking(move || {
        std::thread::sleep(BEHIND);
        drop(held);
    });
    let output = tokio::task::block_in_place(|| ledger.run(arguments));
    let_go.await.unwrap();
    output
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_is_in_the_answer() {
    let ledger = small().await;
    let usage = ["usage", "acme", "office", "--json"];
    let told = run_behind(&ledger, &["licenses"], &usage).await;
    assert_eq!((code(&told), document(&told)["used"].clone()), (0, json!(2)), "{}", err(&told));
    let ledger = small().await;
    let check = ["check", "acme", "--user", "late", "--license", "office"];
    let told = run_behind(&ledger, &["checks"], &check).await;
    assert_eq!(code(&told), 0, "{} {}", out(&told), err(&told));
    let ledger = small().await;
    let told = run_behind(&ledger, &["history"], &["history", "acme", "--user", "late"]).await;
    assert!(out(&told).contains("SeatAssigned"), "{} {}", out(&told), err(&told));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_later_sequence_can_be_waited_for_and_is_said() {
    let ledger = small().await;
    let members = json!({"group": "g", "holders": [{"user": "ada"}]});
    let now = ledger.accepted("acme", "AddMembers", &members).await;
    for list in ["usage", "history", "groups", "holders", "policies", "waitlist", "containers"] {
        let told = ledger.run(&[list, "acme"]);
        let said = format!("as of sequence {now}\n");
        assert_eq!((code(&told), err(&told)), (0, said), "{list}: {}", out(&told));
        assert!(!out(&told).contains("as of"), "rows are rows");
    }
    let next = (now + 1).to_string();
    let waiting = ["usage", "acme", "office", "--json", "--min-sequence", &next];
    let told = ledger.run(&waiting);
    let said = err(&told);
    assert_eq!(code(&told), 3, "{said}");
    assert!(said.contains("behind") && said.contains(&next), "{said}");
    let more = json!({"license": "office", "holders": [{"user": "late"}]});
    assert_eq!(ledger.accepted("acme", "AssignSeat", &more).await.to_string(), next);
    let told = document(&ledger.run(&waiting));
    assert_eq!((&told["used"], &told["sequence"]), (&json!(2), &json!(now + 1)));
}
