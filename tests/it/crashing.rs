//! Ledger and nats-server are killed in the middle of the work: everything acknowledged is there
//! exactly once, everything else can be asked again.

mod starting;
mod workload;

use crate::faults::dice::Dice;
use crate::faults::{say, setting, told};
use crate::ledger::Ledger;
use workload::{Victim, Workload};

/// Producers that are never told that anything is wrong, and `kill -9` at any moment.
#[tokio::test(flavor = "multi_thread")]
async fn everything_acknowledged_survives_kill_9_exactly_once() {
    let mut dice = Dice::of_test("crashing", 7);
    let cycles = setting("SEATLEDGER_CRASH_CYCLES", 12);
    let mut workload = Workload::start(&dice, setting("SEATLEDGER_CRASH_PRODUCERS", 12)).await;
    for cycle in 0..cycles {
        let victim = [Victim::Ledger, Victim::Nats, Victim::Both][dice.below(3) as usize];
        let after = dice.millis(20, 500);
        say(&format!("cycle {cycle}: {victim:?} after {after:?}"));
        tokio::time::sleep(after).await;
        workload.kill(victim).await;
        workload.is_all_there().await;
    }
    workload.end().await;
}

/// A stop is no crash: what is in flight is finished or told to be unknown.
#[tokio::test(flavor = "multi_thread")]
async fn a_stop_under_load_loses_nothing_acknowledged() {
    let mut dice = Dice::of_test("stopping", 8);
    let mut workload = Workload::start(&dice, 12).await;
    for cycle in 0..setting("SEATLEDGER_STOP_CYCLES", 4) {
        let after = dice.millis(50, 400);
        say(&format!("cycle {cycle}: SIGTERM after {after:?}"));
        tokio::time::sleep(after).await;
        workload.stop_and_start().await;
        workload.is_all_there().await;
    }
    workload.end().await;
}

/// What a rebuild of everything says, and what a ledger without any read model makes of the log, is
/// what the one that was killed says.
#[tokio::test(flavor = "multi_thread")]
async fn read_models_that_were_killed_again_and_again_equal_fresh_ones() {
    let mut dice = Dice::of_test("killed read models", 9);
    let mut workload = Workload::start(&dice, 8).await;
    for _ in 0..5 {
        tokio::time::sleep(dice.millis(50, 250)).await;
        workload.kill(Victim::Ledger).await;
    }
    let (dir, last) = workload.end().await;
    let ledger = Ledger::start_in(dir.path()).await;
    told::settled(&ledger, last).await;
    let before = told::everything(&ledger, "acme", last).await;
    told::rebuilt_the_same(&ledger);
    assert!(ledger.stop().await.success());
    std::fs::remove_dir_all(dir.path().join("read")).unwrap();
    let ledger = Ledger::start_in(dir.path()).await;
    told::settled(&ledger, last).await;
    assert_eq!(told::everything(&ledger, "acme", last).await, before);
}
