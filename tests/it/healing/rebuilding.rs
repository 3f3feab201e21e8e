//! Read models are built anew while reads and writes go on.

use std::sync::Arc;

use hyper::Method;
use serde_json::{Value, json};

use super::asleep::{MODELS, fill};
use crate::faults::dice::Dice;
use crate::faults::replay::Replay;
use crate::faults::{setting, told};
use crate::ledger::Ledger;

async fn rebuild(ledger: &Ledger, model: &str) -> Value {
    let path = format!("/v1/read-models/{model}/rebuild");
    let answer = ledger.request(Method::POST, &path, "", &[]).await;
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    serde_json::from_str(text.lines().last().unwrap()).unwrap()
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
        let model = MODELS[dice.below(5) as usize];
        let after = dice.millis(0, 60);
        println!("round {round}: {model}, killed after {after:?}");
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
