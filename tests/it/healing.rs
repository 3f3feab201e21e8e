//! Read models are only read models: whatever happens to their files, the log makes them again.

mod asleep;
mod behind;
mod rebuilding;
mod rotting;

use std::fs;

use serde_json::json;

use crate::ledger::Ledger;
use asleep::{Asleep, MODELS};

/// What SQLite keeps beside a file.
const PARTS: [&str; 3] = ["", "-wal", "-shm"];

/// It comes from a stream of its own, as far as that reaches.
#[tokio::test(flavor = "multi_thread")]
async fn refusals_deleted_while_stopped_are_there_again_at_the_next_start() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::start_in(dir.path()).await;
    let license = json!({"license": "l", "product": "P", "quantity": 1});
    ledger.accepted("acme", "AllocateLicense", &license).await;
    for n in 0..5 {
        let two = json!({"id": format!("c{n}"), "license": "l", "holders": [{"user": "a"}, {"user": "b"}]});
        assert_eq!(ledger.send("acme", "AssignSeat", &two).await.status, 409);
    }
    let before = ledger.refusals("acme", 5).await;
    assert!(ledger.stop().await.success());
    std::fs::remove_file(dir.path().join("read/refusals.v3.db")).unwrap();
    for suffix in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(dir.path().join(format!("read/refusals.v3.db{suffix}")));
    }
    let ledger = Ledger::start_in(dir.path()).await;
    assert_eq!(ledger.refusals("acme", 5).await, before);
    let told = ledger.get("/v1/accounts/acme/commands/c3").await.json();
    assert_eq!((&told["code"], &told["outcome"]), (&json!("no_free_seat"), &json!("refused")));
    let path = "/v1/accounts/acme/licenses/l/usage?window=whole";
    assert_eq!(ledger.get(path).await.json()["items"][0]["refusals"], 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn all_read_models_deleted_while_stopped_are_there_again_at_the_next_start() {
    for killed in [false, true] {
        let asleep = Asleep::new(killed).await;
        fs::remove_dir_all(asleep.read()).unwrap();
        asleep.wakes_up_as_before("the whole folder is deleted").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn any_read_model_deleted_while_stopped_is_there_again_at_the_next_start() {
    let asleep = Asleep::new(false).await;
    for model in MODELS {
        for beside in PARTS {
            let _ = fs::remove_file(asleep.file(model, beside));
        }
        asleep.wakes_up_as_before(&format!("{model} is deleted")).await;
    }
}

/// SQLite must not take the log of one file for that of another.
#[tokio::test(flavor = "multi_thread")]
async fn a_part_of_a_read_model_deleted_after_kill_9_harms_nothing() {
    for parts in [&PARTS[..1], &PARTS[1..2], &PARTS[2..], &PARTS[1..]] {
        let asleep = Asleep::new(true).await;
        for (model, part) in MODELS.iter().flat_map(|model| parts.iter().map(move |it| (model, it)))
        {
            fs::remove_file(asleep.file(model, part)).unwrap();
        }
        asleep.wakes_up_as_before(&format!("{parts:?} of all are deleted")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_model_that_is_cut_short_is_made_again() {
    let asleep = Asleep::new(false).await;
    for (model, keep) in MODELS.iter().zip([0, 100, 4_096, 8_192, 12_000, 100, 0]) {
        let file = fs::File::options().write(true).open(asleep.one_file(model)).unwrap();
        assert!(file.metadata().unwrap().len() > keep);
        file.set_len(keep).unwrap();
        asleep.wakes_up_as_before(&format!("{model} is cut to {keep} bytes")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_model_that_is_full_of_noise_is_made_again() {
    let asleep = Asleep::new(false).await;
    for model in MODELS {
        fs::write(asleep.one_file(model), "noise ".repeat(2_000)).unwrap();
    }
    asleep.wakes_up_as_before("all read models are noise").await;
}

/// Another model's file, or another version's, under this name.
#[tokio::test(flavor = "multi_thread")]
async fn a_read_model_that_is_another_one_is_made_again() {
    let asleep = Asleep::new(false).await;
    fs::copy(asleep.one_file("history"), asleep.one_file("licenses")).unwrap();
    let db = rusqlite::Connection::open(asleep.one_file("checks")).unwrap();
    db.execute("UPDATE checkpoint SET version = 999", []).unwrap();
    db.close().unwrap();
    let db = rusqlite::Connection::open(asleep.one_file("assignments")).unwrap();
    db.execute("DROP TABLE checkpoint", []).unwrap();
    db.close().unwrap();
    asleep.wakes_up_as_before("three read models are others").await;
}

/// What an interrupted rebuild left beside them, whatever is in it.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_broken_rebuild_left_behind_harms_nothing() {
    let asleep = Asleep::new(false).await;
    for model in MODELS {
        for beside in PARTS {
            let left = asleep.file(model, &format!(".building{beside}"));
            fs::write(left, "noise ".repeat(2_000)).unwrap();
        }
    }
    asleep.wakes_up_as_before("half built files are lying about").await;
}
