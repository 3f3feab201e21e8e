//! Somebody has something else written to the stream of the log: the ledger waits, reads go on, and
//! an operator declares it void.

use async_nats::Client;
use serde_json::{Value, json};

use super::strangers::fill;
use crate::faults::nats::Nats;
use crate::faults::replay::{Replay, last_sequence};
use crate::ledger::{Ledger, eventually};

/// Whoever may post a command, or ask JetStream anything, chooses where the answer goes.
const ASKED: [(&str, &str); 3] = [
    (
        "seatledger.post.acme.AllocateLicense",
        r#"{"id":"hostile","license":"x","product":"X","quantity":1}"#,
    ),
    ("$JS.API.STREAM.INFO.SEATLEDGER", ""),
    ("$JS.API.STREAM.MSG.GET.SEATLEDGER", r#"{"seq":1}"#),
];

/// Has JetStream answer on the log.
async fn have_written(client: &Client, asked: usize, last: u64) {
    let (subject, payload) = ASKED[asked];
    client.publish_with_reply(subject, "seatledger.commit.0", payload.into()).await.unwrap();
    client.flush().await.unwrap();
    eventually("JetStream answers on the log", async || last_sequence(client).await == last).await;
}

/// What has to be declared void, once everybody who is asked says that writing waits for it.
async fn told(ledger: &Ledger, last: u64) -> Value {
    let mut fix = String::new();
    eventually("the message is named", async || {
        let ready = ledger.get("/readyz").await;
        fix = ready.json()["fix"].as_str().unwrap_or_default().to_owned();
        ready.status == 503
            && ready.json()["code"] == "foreign_message"
            && fix.contains(&format!("--last {last} "))
    })
    .await;
    let after =
        |what: &str| fix.split(what).nth(1).unwrap().split(['`', ' ']).next().unwrap().to_owned();
    let number = |what: &str| after(what).parse::<u64>().unwrap();
    json!({"first": number("--first "), "last": number("--last "), "digest": after("--digest ")})
}

async fn void(ledger: &Ledger, which: &Value) -> (u16, Value) {
    let answer = ledger.post_bytes("/v1/log/void", which.to_string().as_bytes(), &[]).await;
    (answer.status, answer.json())
}

fn assign(id: &str) -> Value {
    json!({"id": id, "license": "l", "holders": [{"user": id}]})
}

/// Reads answer as of the last commit, commands are told why they wait.
async fn waits(ledger: &Ledger, commits: u64) {
    let read = ledger.get_at_least("/v1/accounts/acme/licenses/l", commits).await;
    assert_eq!((read.status, read.sequence()), (200, commits), "{}", read.json());
    let refused = ledger.send("acme", "AssignSeat", &assign("early")).await;
    let code = refused.json()["code"].clone();
    assert_eq!((refused.status, code), (503, json!("foreign_message")));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_only_produce_cannot_stop_the_ledger_for_good() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::start_in(dir.path()).await;
    fill(&ledger).await;
    let commits = last_sequence(&ledger.nats().await).await;
    let producer = ledger.producer().await;
    have_written(&producer, 0, commits + 1).await;
    told(&ledger, commits + 1).await;
    waits(&ledger, commits).await;
    have_written(&producer, 1, commits + 2).await;
    let first = told(&ledger, commits + 2).await;
    // Also a process that reads the log from its beginning passes over them.
    assert!(ledger.stop().await.success());
    let ledger = Ledger::start_in(dir.path()).await;
    waits(&ledger, commits).await;
    let again = told(&ledger, commits + 2).await;
    assert_eq!(again, first, "the same, whoever reads it");
    let rebuilt = ledger.run(&["rebuild", "licenses"]);
    assert!(rebuilt.status.success(), "{rebuilt:?}");
    // Nobody declares void what they have not seen.
    for (member, value) in [("last", json!(commits + 1)), ("digest", json!("00".repeat(32)))] {
        let mut wrong = first.clone();
        wrong[member] = value;
        let (status, answer) = void(&ledger, &wrong).await;
        assert_eq!((status, answer["code"].clone()), (409, json!("not_foreign")), "{answer}");
    }
    have_written(&ledger.producer().await, 2, commits + 3).await;
    let all = told(&ledger, commits + 3).await;
    let (first, last) = (all["first"].to_string(), all["last"].to_string());
    let digest = all["digest"].as_str().unwrap();
    let arguments = ["void", "--first", &first, "--last", &last, "--digest", digest];
    let done = ledger.run(&[&arguments[..], &["--reason", "a wrong reply subject"]].concat());
    assert!(done.status.success(), "{done:?}");
    let (status, answer) = void(&ledger, &all).await;
    assert_eq!(
        (status, answer["code"].clone()),
        (409, json!("not_foreign")),
        "done once: {answer}"
    );
    // What was posted with the hostile reply is a command like any other, and comes by itself.
    eventually("posted commands are worked on", async || {
        ledger.get("/v1/accounts/acme/licenses/x").await.status == 200
    })
    .await;
    let next = ledger.accepted("acme", "AssignSeat", &assign("late")).await;
    assert!(next > commits + 4, "sequences go on behind all of them: {next}");
    assert_eq!(ledger.get("/readyz").await.status, 200);
    ledger.caught_up().await;
    assert!(ledger.stop().await.success());
    // The next start reads past them, and so does a rebuild.
    let ledger = Ledger::start_in(dir.path()).await;
    assert_eq!(ledger.get("/readyz").await.status, 200);
    for model in ["licenses", "history", "checks"] {
        let rebuilt = ledger.run(&["rebuild", model]);
        let said = String::from_utf8_lossy(&rebuilt.stdout).into_owned();
        assert!(rebuilt.status.success() && said.contains("the same as before"), "{rebuilt:?}");
    }
    let repeated = ledger.send("acme", "AssignSeat", &assign("late")).await.json();
    assert_eq!(
        (repeated["sequence"].clone(), repeated["replayed"].clone()),
        (json!(next), json!(true))
    );
    let replay = Replay::of(&ledger.nats().await).await;
    assert_eq!((replay.last(), replay.foreign()), (next, 0), "read a second way");
}

/// Whoever decides, both go on.
#[tokio::test(flavor = "multi_thread")]
async fn what_one_process_declares_void_the_other_one_passes_over() {
    let dir = tempfile::tempdir().unwrap();
    let nats = Nats::start(dir.path()).await;
    let one = nats.bare_ledger(&dir.path().join("one"), 1 << 30).await;
    let two = nats.bare_ledger(&dir.path().join("two"), 1 << 30).await;
    fill(&one).await;
    let client = nats.client().await;
    let commits = last_sequence(&client).await;
    have_written(&client, 1, commits + 1).await;
    for ledger in [&one, &two] {
        told(ledger, commits + 1).await;
        waits(ledger, commits).await;
    }
    let which = told(&two, commits + 1).await;
    // Both at once: one of them does it.
    let (here, there) = tokio::join!(void(&one, &which), void(&two, &which));
    let mut done = [here.0, there.0];
    done.sort_unstable();
    assert_eq!(done, [200, 409], "{here:?} {there:?}");
    for ledger in [&one, &two] {
        eventually("it is ready again", async || ledger.get("/readyz").await.status == 200).await;
        ledger.accepted("acme", "AssignSeat", &assign(&format!("u{}", ledger.pid()))).await;
    }
}
