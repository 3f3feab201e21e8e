//! Killed before it has even started.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::faults::dice::Dice;
use crate::faults::replay::Replay;
use crate::faults::{say, setting, told};
use crate::ledger::{Ledger, PATIENCE, PROGRAM};

/// Starts a ledger, does not wait for it, and kills it after a while.
async fn killed_after(dir: &Path, after: Duration) {
    let log = std::fs::File::create(dir.join("stderr.log")).unwrap();
    let mut child = Command::new(PROGRAM)
        .args(["dev", "--http", "127.0.0.1:0", "--no-demo", "--ready-json", "--dir"])
        .arg(dir)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .unwrap();
    tokio::time::sleep(after).await;
    child.kill().unwrap();
    child.wait().unwrap();
}

/// Processes that have this folder among their arguments.
fn processes_of(dir: &Path) -> Vec<String> {
    let name = dir.file_name().unwrap().to_str().unwrap();
    let all = std::fs::read_dir("/proc").unwrap().filter_map(|it| {
        let line = std::fs::read(it.ok()?.path().join("cmdline")).ok()?;
        Some(String::from_utf8_lossy(&line).replace('\0', " "))
    });
    all.filter(|it| it.contains(name)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_start_killed_at_any_moment_leaves_nothing_half_made() {
    let mut dice = Dice::of_test("first starts", 10);
    for _ in 0..setting("SEATLEDGER_KILLED_FIRST_STARTS", 6) {
        let dir = tempfile::tempdir().unwrap();
        let after = dice.millis(0, 500);
        say(&format!("killed after {after:?}"));
        killed_after(dir.path(), after).await;
        let ledger = Ledger::start_in(dir.path()).await;
        let license = json!({"license": "l", "product": "P", "quantity": 1});
        assert_eq!(ledger.accepted("acme", "AllocateLicense", &license).await, 1);
        assert!(ledger.stop().await.success());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn starts_killed_at_any_moment_change_nothing_and_leave_no_process() {
    let mut dice = Dice::of_test("starts", 11);
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::start_in(dir.path()).await;
    let mut last = 0;
    for n in 0..30 {
        let license = json!({"license": format!("l{n}"), "product": "P", "quantity": 1});
        last = ledger.accepted("acme", "AllocateLicense", &license).await;
    }
    let said = told::everything(&ledger, "acme", last).await;
    ledger.kill().await;
    for _ in 0..setting("SEATLEDGER_KILLED_STARTS", 15) {
        let after = dice.millis(0, 500);
        say(&format!("killed after {after:?}"));
        killed_after(dir.path(), after).await;
    }
    let begin = Instant::now();
    while !processes_of(dir.path()).is_empty() {
        let left = processes_of(dir.path());
        assert!(begin.elapsed() < PATIENCE, "left behind: {left:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let ledger = Ledger::start_in(dir.path()).await;
    assert_eq!(Replay::of(&ledger.nats().await).await.last(), last);
    assert_eq!(told::everything(&ledger, "acme", last).await, said);
    told::rebuilt_the_same(&ledger);
}
