//! The log loses what it has acknowledged last, and has it again from the ledger's journal.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::scene::readiness;
use crate::faults::nats::Nats;
use crate::faults::producer::{Doors, Order, Told};
use crate::faults::replay::{Replay, last_sequence};
use crate::faults::{copy, told};
use crate::ledger::{Ledger, eventually};

const COMMITS: u64 = 12;

/// Commits that the log loses.
const LOST: u64 = 5;

fn assign(n: u64) -> Order {
    let document =
        json!({"id": format!("c{n}"), "license": "l", "holders": [{"user": format!("u{n}")}]});
    Order::new("acme", "AssignSeat", document)
}

/// A ledger with a journal, and the store as it was [`LOST`] commits ago.
async fn running(dir: &Path) -> (Nats, Ledger, PathBuf) {
    let nats = Nats::start(dir).await;
    let ledger = nats.ledger(&dir.join("ledger"), 1 << 30).await;
    let license = json!({"id": "c1", "license": "l", "product": "P", "quantity": 100});
    ledger.accepted("acme", "AllocateLicense", &license).await;
    let older = dir.join("older");
    for n in 2..=COMMITS {
        let order = assign(n);
        assert_eq!(ledger.accepted("acme", order.kind, &order.document).await, n);
        if n == COMMITS - LOST {
            copy(&nats.store(), &older);
        }
    }
    told::settled(&ledger, COMMITS).await;
    (nats, ledger, older)
}

/// Ledger and server are killed, and the server comes back with the older store.
async fn lose(mut nats: Nats, ledger: Ledger, older: &Path) -> Nats {
    ledger.kill().await;
    nats.kill().await;
    put_back(&nats, older);
    nats.again().await;
    nats
}

fn put_back(nats: &Nats, older: &Path) {
    fs::remove_dir_all(nats.store()).unwrap();
    copy(older, &nats.store());
}

/// Nothing is missing, the ledger says what was, and it goes on.
async fn is_mended(nats: &Nats, ledger: &Ledger, before: &[String]) {
    let client = nats.client().await;
    eventually("the log is mended", async || last_sequence(&client).await == COMMITS).await;
    eventually("it is said", async || {
        let status = ledger.get("/v1/status").await.json();
        let findings = status["findings"].as_array().unwrap().clone();
        let said = findings.iter().find(|it| it["code"] == "commits_republished");
        said.is_some_and(|it| {
            let detail = it["detail"].as_str().unwrap();
            it["level"] == "warn"
                && detail.contains(&format!("{} to {COMMITS}", COMMITS - LOST + 1))
        })
    })
    .await;
    assert_eq!(republished(ledger).await, LOST);
    assert_eq!(told::everything(ledger, "acme", COMMITS).await, before);
    let doors = Doors::of(ledger).await;
    for n in [2, COMMITS - LOST + 1, COMMITS] {
        let told = doors.ask(&assign(n)).await;
        let same = matches!(told, Told::Accepted { sequence, replayed: true, .. } if sequence == n);
        assert!(same, "c{n}: {told:?}");
    }
    let new = assign(COMMITS + 1);
    assert_eq!(ledger.accepted("acme", new.kind, &new.document).await, COMMITS + 1);
    assert_eq!(ledger.get("/readyz").await.status, 200);
    told::agrees(ledger, &Replay::of(&client).await).await;
}

async fn republished(ledger: &Ledger) -> u64 {
    let metrics = String::from_utf8(ledger.get("/metrics").await.body.to_vec()).unwrap();
    let line = metrics.lines().find(|it| it.starts_with("seatledger_journal_republished_total"));
    line.map_or(0, |it| it.rsplit(' ').next().unwrap().parse().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_log_lost_is_published_again_at_a_start() {
    let dir = tempfile::tempdir().unwrap();
    let (nats, ledger, older) = running(dir.path()).await;
    let before = told::everything(&ledger, "acme", COMMITS).await;
    let nats = lose(nats, ledger, &older).await;
    let ledger = nats.ledger(&dir.path().join("ledger"), 1 << 30).await;
    is_mended(&nats, &ledger, &before).await;
    // It is so for good: another start has nothing to mend.
    assert!(ledger.stop().await.success());
    let ledger = nats.ledger(&dir.path().join("ledger"), 1 << 30).await;
    assert_eq!((ledger.get("/readyz").await.status, republished(&ledger).await), (200, 0));
}

/// The anchor says less than the journal then: it is written once a second.
#[tokio::test(flavor = "multi_thread")]
async fn the_journal_alone_knows_what_the_log_lost() {
    let dir = tempfile::tempdir().unwrap();
    let (nats, ledger, older) = running(dir.path()).await;
    let before = told::everything(&ledger, "acme", COMMITS).await;
    let nats = lose(nats, ledger, &older).await;
    let folder = dir.path().join("ledger");
    fs::remove_file(folder.join("anchor.json")).unwrap();
    fs::remove_dir_all(folder.join("read")).unwrap();
    let ledger = nats.ledger(&folder, 1 << 30).await;
    is_mended(&nats, &ledger, &before).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_log_lost_under_a_running_ledger_is_published_again_though_nobody_writes() {
    let dir = tempfile::tempdir().unwrap();
    let (mut nats, ledger, older) = running(dir.path()).await;
    let before = told::everything(&ledger, "acme", COMMITS).await;
    nats.kill().await;
    put_back(&nats, &older);
    nats.again().await;
    is_mended(&nats, &ledger, &before).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_comes_while_the_log_lacks_commits_lands_behind_them() {
    let dir = tempfile::tempdir().unwrap();
    let (mut nats, ledger, older) = running(dir.path()).await;
    let doors = Doors::of(&ledger).await;
    nats.kill().await;
    put_back(&nats, &older);
    let order = assign(COMMITS + 1);
    let (told, ()) = tokio::join!(doors.post(&order), async { nats.again().await });
    let behind = COMMITS + 1;
    let landed = matches!(told, Told::Accepted { sequence, .. } if sequence == behind);
    assert!(landed, "{told:?}");
    assert_eq!(Replay::of(&nats.client().await).await.last(), behind);
}

/// What another ledger has read it has kept as well.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_read_a_commit_can_publish_it_again() {
    let dir = tempfile::tempdir().unwrap();
    let (nats, ledger, older) = running(dir.path()).await;
    let before = told::everything(&ledger, "acme", COMMITS).await;
    let folder = dir.path().join("other");
    let other = nats.ledger(&folder, 1 << 30).await;
    told::settled(&other, COMMITS).await;
    assert!(other.stop().await.success());
    let nats = lose(nats, ledger, &older).await;
    let other = nats.ledger(&folder, 1 << 30).await;
    is_mended(&nats, &other, &before).await;
}

/// Somebody went on where the log ended: what was there cannot come back to its place.
#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_went_on_without_what_it_lost_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let (mut nats, ledger, older) = running(dir.path()).await;
    assert!(ledger.stop().await.success());
    nats.kill().await;
    put_back(&nats, &older);
    nats.again().await;
    // Another process that knows of nothing.
    let stranger = nats.ledger(&dir.path().join("stranger"), 1 << 30).await;
    let new = assign(99);
    let at = stranger.accepted("acme", new.kind, &new.document).await;
    assert_eq!(at, COMMITS - LOST + 1);
    let ledger = nats.ledger(&dir.path().join("ledger"), 1 << 30).await;
    readiness(&ledger, &[("log_went_back", &at.to_string())]).await;
    assert_eq!(last_sequence(&nats.client().await).await, at, "nothing is written");
}

/// A new stream is no log that lost everything: nobody asked for what was in the old one.
#[tokio::test(flavor = "multi_thread")]
async fn an_empty_log_is_not_filled_from_a_journal() {
    let dir = tempfile::tempdir().unwrap();
    let (mut nats, ledger, _) = running(dir.path()).await;
    assert!(ledger.stop().await.success());
    nats.kill().await;
    fs::remove_dir_all(nats.store()).unwrap();
    nats.again().await;
    let folder = dir.path().join("ledger");
    let ledger = nats.ledger(&folder, 1 << 30).await;
    readiness(&ledger, &[("log_went_back", &COMMITS.to_string())]).await;
    assert!(ledger.stop().await.success());
    // Whoever takes the log as it is moves all witnesses away; one that is left is heard.
    fs::remove_file(folder.join("anchor.json")).unwrap();
    fs::remove_dir_all(folder.join("read")).unwrap();
    let ledger = nats.ledger(&folder, 1 << 30).await;
    readiness(&ledger, &[("log_went_back", "0")]).await;
    assert_eq!(last_sequence(&nats.client().await).await, 0);
    assert!(ledger.stop().await.success());
    fs::remove_dir_all(folder.join("journal")).unwrap();
    let ledger = nats.ledger(&folder, 1 << 30).await;
    assert_eq!(ledger.get("/readyz").await.status, 200);
}

/// The log is the truth: commands go on, and it is said that one witness fewer is kept.
#[tokio::test(flavor = "multi_thread")]
async fn a_journal_that_cannot_be_written_is_said_and_keeps_nothing_up() {
    let dir = tempfile::tempdir().unwrap();
    let nats = Nats::start(dir.path()).await;
    let folder = dir.path().join("ledger");
    // A file stands where the next segment goes to.
    let ledger = nats.ledger(&folder, 1 << 30).await;
    fs::remove_dir_all(folder.join("journal")).unwrap();
    fs::write(folder.join("journal"), "").unwrap();
    let license = json!({"id": "c1", "license": "l", "product": "P", "quantity": 100});
    ledger.accepted("acme", "AllocateLicense", &license).await;
    let code = async || -> Vec<Value> {
        let status = ledger.get("/v1/status").await.json();
        status["findings"].as_array().unwrap().iter().map(|it| it["code"].clone()).collect()
    };
    let unwritten = Value::from("journal_not_written");
    assert!(code().await.contains(&unwritten), "{:?}", code().await);
    assert_eq!(ledger.get("/readyz").await.status, 200);
    fs::remove_file(folder.join("journal")).unwrap();
    fs::create_dir(folder.join("journal")).unwrap();
    let order = assign(2);
    ledger.accepted("acme", order.kind, &order.document).await;
    assert!(!code().await.contains(&unwritten), "it goes on by itself");
}
