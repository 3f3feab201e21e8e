//! Read models are built anew while reads and writes go on.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hyper::Method;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::asleep::{MODELS, fill};
use crate::faults::dice::Dice;
use crate::faults::replay::Replay;
use crate::faults::{say, setting, told};
use crate::ledger::Ledger;

async fn rebuild(ledger: &Ledger, model: &str) -> Value {
    let path = format!("/v1/read-models/{model}/rebuild");
    let answer = ledger.request(Method::POST, &path, "", &[]).await;
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    serde_json::from_str(text.lines().last().unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_and_writes_go_on_while_read_models_are_built_anew() {
    let ledger = Arc::new(Ledger::start().await);
    let begin = fill(&ledger).await;
    let (written, read) = (Arc::new(AtomicU64::new(begin)), Arc::new(AtomicU64::new(0)));
    let stop = CancellationToken::new();
    let writer = {
        let (ledger, written, stop) = (ledger.clone(), written.clone(), stop.clone());
        tokio::spawn(async move {
            for n in 0_u64.. {
                if stop.is_cancelled() {
                    return;
                }
                let document = json!({"license": "l0", "quantity": 2_000 + n});
                let sequence = ledger.accepted("acme", "ChangeLicense", &document).await;
                written.store(sequence, Ordering::Release);
            }
        })
    };
    let mut readers = vec![];
    for path in ["licenses/l0", "assignments", "checks?user=u0&product=P", "history", "commands/c2"]
    {
        let (ledger, written, read, stop) =
            (ledger.clone(), written.clone(), read.clone(), stop.clone());
        readers.push(tokio::spawn(async move {
            let path = format!("/v1/accounts/acme/{path}");
            while !stop.is_cancelled() {
                let fresh = written.load(Ordering::Acquire);
                let answer = ledger.get_at_least(&path, fresh).await;
                assert_eq!(answer.status, 200, "{path}: {}", answer.json());
                if path.ends_with("l0") {
                    assert!(answer.sequence() >= fresh, "{path} went back");
                }
                read.fetch_add(1, Ordering::Relaxed);
            }
        }));
    }
    for round in 0..2 {
        for model in MODELS {
            let rebuilt = rebuild(&ledger, model).await;
            assert_eq!(rebuilt["same"], true, "round {round}: {rebuilt}");
            assert!(rebuilt["sequence"].as_u64().unwrap() >= begin, "{rebuilt}");
        }
    }
    stop.cancel();
    writer.await.unwrap();
    for reader in readers {
        reader.await.unwrap();
    }
    say(&format!("{} reads", read.load(Ordering::Relaxed)));
    told::agrees(&ledger, &Replay::of(&ledger.nats().await).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_rebuilds_of_one_read_model_at_once_do_no_harm() {
    let ledger = Arc::new(Ledger::start().await);
    let last = fill(&ledger).await;
    let said = told::everything(&ledger, "acme", last).await;
    for _ in 0..5 {
        let mut rebuilds = vec![];
        for _ in 0..4 {
            let ledger = ledger.clone();
            rebuilds.push(tokio::spawn(async move { rebuild(&ledger, "history").await }));
        }
        let mut done = 0;
        for it in rebuilds {
            let it = it.await.unwrap();
            // Whoever is too many may be told so.
            let same = it["same"] == true && it["sequence"] == last;
            assert!(same || it["code"].is_string(), "{it}");
            done += usize::from(same);
        }
        assert!(done > 0, "none was rebuilt");
        assert_eq!(told::everything(&ledger, "acme", last).await, said);
    }
    let document = json!({"license": "l0", "quantity": 5_000});
    ledger.accepted("acme", "ChangeLicense", &document).await;
    told::agrees(&ledger, &Replay::of(&ledger.nats().await).await).await;
    told::rebuilt_the_same(&ledger);
}

/// Whatever it was doing, the next start has whole read models.
#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_that_is_killed_leaves_the_read_model_as_it_was() {
    let mut dice = Dice::of_test("a killed rebuild", 4);
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::start_in(dir.path()).await;
    let last = fill(&ledger).await;
    let said = told::everything(&ledger, "acme", last).await;
    let mut ledger = Arc::new(ledger);
    for round in 0..setting("SEATLEDGER_KILLED_REBUILDS", 8) {
        let model = MODELS[dice.below(MODELS.len() as u64) as usize];
        let after = dice.millis(0, 60);
        say(&format!("round {round}: {model}, killed after {after:?}"));
        let asked = ledger.clone();
        let path = format!("/v1/read-models/{model}/rebuild");
        let rebuild = tokio::spawn(async move {
            let _ = asked.try_request(Method::POST, &path, "", &[]).await;
        });
        tokio::time::sleep(after).await;
        crate::ledger::signal(ledger.pid(), "KILL");
        rebuild.await.unwrap();
        Arc::into_inner(ledger).unwrap().kill().await;
        ledger = Arc::new(Ledger::start_in(dir.path()).await);
        assert_eq!(told::everything(&ledger, "acme", last).await, said);
    }
    told::rebuilt_the_same(&ledger);
    let left: Vec<_> = std::fs::read_dir(dir.path().join("read"))
        .unwrap()
        .map(|it| it.unwrap().file_name().into_string().unwrap())
        .filter(|it| it.contains("building"))
        .collect();
    assert_eq!(left, Vec::<String>::new(), "what a broken rebuild left is in the way of nothing");
}
