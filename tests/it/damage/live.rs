//! The store is damaged while the ledger runs: nats-server is restarted under it.

use std::fs;
use std::path::{Path, PathBuf};

use hyper::Method;
use serde_json::{Value, json};

use super::scene::{Cases, ENDINGS, Ending, readiness};
use super::store::{self, Field};
use crate::faults::nats::Nats;
use crate::faults::producer::{Doors, Order, Told};
use crate::faults::replay::last_sequence;
use crate::faults::{copy, told};
use crate::ledger::Ledger;

const COMMITS: u64 = 12;

fn assign(n: u64) -> Value {
    json!({"id": format!("c{n}"), "license": "l", "holders": [{"user": format!("u{n}")}]})
}

/// A running ledger of [`COMMITS`] commits, and a copy of the store from two commits before.
async fn running(dir: &Path) -> (Nats, Ledger, PathBuf) {
    let nats = Nats::start(dir).await;
    let ledger = nats.bare_ledger(&dir.join("ledger"), 1 << 30).await;
    let license = json!({"id": "c1", "license": "l", "product": "P", "quantity": 100});
    ledger.accepted("acme", "AllocateLicense", &license).await;
    let older = dir.join("older");
    for n in 2..=COMMITS {
        assert_eq!(ledger.accepted("acme", "AssignSeat", &assign(n)).await, n);
        if n == COMMITS - 2 {
            copy(&nats.store(), &older);
        }
    }
    told::settled(&ledger, COMMITS).await;
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

/// The last commits may be younger than the anchor: whatever the process has seen counts.
#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_goes_back_under_a_running_ledger_is_named_without_being_asked() {
    let dir = tempfile::tempdir().unwrap();
    let (mut nats, ledger, older) = running(dir.path()).await;
    nats.kill().await;
    fs::remove_dir_all(nats.store()).unwrap();
    copy(&older, &nats.store());
    nats.again().await;
    let last = (COMMITS - 2).to_string();
    readiness(&ledger, &[("log_went_back", &last)]).await;
    takes_nothing(&nats, &ledger).await;
    let read = ledger.get("/v1/accounts/acme/licenses/l").await;
    assert_eq!(read.json()["used"], COMMITS - 1, "reads go on");
    assert_eq!(read.headers["seatledger-warning"], "log_went_back");
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

/// The writer has read that commit long ago. Whoever needs it again finds that it is gone.
#[tokio::test(flavor = "multi_thread")]
async fn a_bit_that_flips_behind_a_running_ledger_gives_nobody_a_wrong_answer() {
    let mut cases = Cases::default();
    for repeats in [true, false] {
        let what = if repeats { "a repeated command" } else { "a rebuild" };
        cases.run(what, flips_behind_a_running_ledger(repeats)).await;
    }
    cases.end();
}

async fn flips_behind_a_running_ledger(repeats: bool) {
    let dir = tempfile::tempdir().unwrap();
    let (mut nats, ledger, _) = running(dir.path()).await;
    nats.stop().await;
    store::flip(&nats.stream(), 5, Field::Payload);
    nats.again().await;
    let doors = Doors::of(&ledger).await;
    let told = doors.post(&Order::new("acme", "AssignSeat", assign(6))).await;
    assert!(matches!(told, Told::Accepted { sequence: 6, replayed: true, .. }), "{told:?}");
    if repeats {
        // Its outcome cannot be told any more, and it does not happen again either.
        let told = doors.post(&Order::new("acme", "AssignSeat", assign(5))).await;
        assert!(matches!(&told, Told::Unknown(code) if !code.is_empty()), "{told:?}");
    } else {
        let path = "/v1/read-models/licenses/rebuild";
        let rebuilt = ledger.request(Method::POST, path, "", &[]).await;
        let said = String::from_utf8_lossy(&rebuilt.body).into_owned();
        assert!(said.contains("log_damaged") && said.contains("sequence 5"), "{said}");
    }
    readiness(&ledger, &[("log_damaged", "5")]).await;
    let read = ledger.get("/v1/accounts/acme/licenses/l").await;
    assert_eq!(read.json()["used"], COMMITS - 1, "reads go on");
    assert_eq!(read.headers["seatledger-warning"], "log_damaged");
    takes_nothing(&nats, &ledger).await;
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

/// Refusals are not the truth; losing them must not make the next ones invisible.
#[tokio::test(flavor = "multi_thread")]
async fn refusals_are_seen_again_after_their_stream_was_lost() {
    let dir = tempfile::tempdir().unwrap();
    let (mut nats, ledger, _) = running(dir.path()).await;
    let refuse = async |ledger: &Ledger, id: &str| {
        let document = json!({"id": id, "license": "nothing", "holders": [{"user": "u"}]});
        assert_eq!(ledger.send("acme", "AssignSeat", &document).await.status, 404);
        let path = format!("/v1/accounts/acme/commands/{id}");
        let begin = std::time::Instant::now();
        while ledger.get(&path).await.status != 200 {
            assert!(begin.elapsed().as_secs() < 10, "the refusal of {id} is never seen");
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    for n in 0..3 {
        refuse(&ledger, &format!("before-{n}")).await;
    }
    assert!(ledger.stop().await.success());
    nats.stop().await;
    fs::remove_dir_all(nats.store().join("jetstream/$G/streams/SEATLEDGER_REFUSALS")).unwrap();
    nats.again().await;
    let ledger = nats.bare_ledger(&dir.path().join("ledger"), 1 << 30).await;
    refuse(&ledger, "after").await;
}
