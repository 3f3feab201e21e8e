//! The store is damaged while the ledger runs: nats-server is restarted under it.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::scene::{Cases, ENDINGS, Ending, readiness};
use super::store::{self, Field};
use crate::faults::copy;
use crate::faults::nats::Nats;
use crate::faults::producer::{Doors, Order, Told};
use crate::faults::replay::last_sequence;
use crate::ledger::Ledger;

const COMMITS: u64 = 12;

fn assign(n: u64) -> Value {
    json!({"id": format!("c{n}"), "license": "l", "holders": [{"user": format!("u{n}")}]})
}

/// A running ledger of [`COMMITS`] commits, and a copy of the store from two commits before.
async fn running(dir: &Path) -> (Nats, Ledger, PathBuf) {
    let nats = Nats::start(dir).await;
    let ledger = nats.ledger(&dir.join("ledger"), 1 << 30).await;
    let license = json!({"id": "c1", "license": "l", "product": "P", "quantity": 100});
    ledger.accepted("acme", "AllocateLicense", &license).await;
    let older = dir.join("older");
    for n in 2..=COMMITS {
        assert_eq!(ledger.accepted("acme", "AssignSeat", &assign(n)).await, n);
        if n == COMMITS - 2 {
            copy(&nats.store(), &older);
        }
    }
    (nats, ledger, older)
}

async fn end(nats: &mut Nats, ending: Ending) {
    match ending {
        Ending::Clean => nats.stop().await,
        Ending::Killed => nats.kill().await,
    }
}

/// Nobody may be told that anything was accepted, and the log stays as it is.
async fn takes_nothing(nats: &Nats, ledger: &Ledger) {
    let client = nats.client().await;
    let last = last_sequence(&client).await;
    let doors = Doors::of(ledger).await;
    for n in COMMITS + 1..COMMITS + 6 {
        let order = Order::new("acme", "AssignSeat", assign(n));
        let told = doors.post(&order).await;
        assert!(matches!(told, Told::Unknown(_)), "{told:?}");
    }
    assert_eq!(last_sequence(&client).await, last, "a commit was accepted");
}

/// With its newest record unreadable the server says that the subject is empty, and would take a
/// publish that expects that.
#[tokio::test(flavor = "multi_thread")]
async fn a_fence_that_is_fooled_lets_nothing_through() {
    let mut cases = Cases::default();
    for ending in ENDINGS {
        cases
            .run(&format!("{ending:?}"), async {
                let dir = tempfile::tempdir().unwrap();
                let (mut nats, ledger, _) = running(dir.path()).await;
                end(&mut nats, ending).await;
                store::flip(&nats.stream(), COMMITS, Field::Payload);
                nats.again().await;
                takes_nothing(&nats, &ledger).await;
                let (gone, before) = (COMMITS.to_string(), (COMMITS - 1).to_string());
                let names = [
                    ("log_damaged", gone.as_str()),
                    ("log_went_back", &before),
                    ("log_went_back", &gone),
                ];
                readiness(&ledger, &names).await;
            })
            .await;
    }
    cases.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_goes_back_under_a_running_ledger_takes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (mut nats, ledger, older) = running(dir.path()).await;
    nats.kill().await;
    fs::remove_dir_all(nats.store()).unwrap();
    copy(&older, &nats.store());
    nats.again().await;
    takes_nothing(&nats, &ledger).await;
    let last = (COMMITS - 2).to_string();
    readiness(&ledger, &[("log_went_back", &last)]).await;
}

/// A server without the stream says so; nobody makes it anew.
#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_goes_under_a_running_ledger_is_named_and_not_made_anew() {
    let dir = tempfile::tempdir().unwrap();
    let (mut nats, ledger, _) = running(dir.path()).await;
    nats.kill().await;
    fs::remove_dir_all(nats.store()).unwrap();
    nats.again().await;
    let last = COMMITS.to_string();
    readiness(&ledger, &[("log_went_back", &last)]).await;
    let told = Doors::of(&ledger).await.post(&Order::new("acme", "AssignSeat", assign(99))).await;
    assert_eq!(told, Told::Unknown("log_went_back".to_owned()));
    let jetstream = async_nats::jetstream::new(nats.client().await);
    assert!(jetstream.get_stream("SEATLEDGER").await.is_err(), "it was made anew");
}
