//! Where answers go: to inboxes, and nowhere else that a sender names.

use async_nats::HeaderMap;
use serde_json::{Value, json};

use super::{Door, Doors, outcome};
use crate::Ledger;
use crate::faults::replay::last_sequence;
use crate::ledger::{PATIENCE, eventually};

/// What a sender must not have the ledger write to.
const HOSTILE: [&str; 6] = [
    "seatledger.commit.0",
    "seatledger.refusal.0",
    "seatledger.post.acme.AllocateLicense",
    "seatledger.command.acme.AllocateLicense",
    "$JS.API.STREAM.DELETE.SEATLEDGER_POSTS",
    "orders.cancel",
];

/// Everything that is answered, with a document that would be accepted where it is a command.
const ANSWERED: [&str; 7] = [
    "seatledger.command.acme.AllocateLicense",
    "seatledger.admin.acme.AllocateLicense",
    "seatledger.command.acme.Nope",
    "seatledger.command.acme",
    "$SRV.PING",
    "$SRV.INFO.seatledger",
    "$SRV.STATS.seatledger",
];

async fn waiting(doors: &Doors<'_>) -> u64 {
    let queue = async_nats::jetstream::new(doors.nats.clone());
    let mut stream = queue.get_stream("SEATLEDGER_POSTS").await.unwrap();
    stream.info().await.unwrap().state.messages
}

fn allocate(id: &str, license: &str) -> Value {
    json!({"id": id, "license": license, "product": "P", "quantity": 1})
}

async fn metric(ledger: &Ledger, name: &str) -> u64 {
    let text = String::from_utf8(ledger.get("/metrics").await.body.to_vec()).unwrap();
    let lines = text.lines().filter(|it| it.starts_with(name));
    lines.map(|it| it.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_wants_its_answer_on_a_subject_of_the_ledger_gets_none_and_harms_nobody() {
    let ledger = Ledger::start().await;
    let doors = Doors::of(&ledger).await;
    let (mut heard, all) = (vec![], ledger.nats().await);
    for reply in HOSTILE {
        heard.push((reply, all.subscribe(reply).await.unwrap()));
    }
    all.flush().await.unwrap();
    let mut sent = 0;
    for (n, subject) in ANSWERED.into_iter().enumerate() {
        for (m, reply) in HOSTILE.into_iter().enumerate() {
            let document = allocate(&format!("c{n}-{m}"), &format!("l{n}-{m}")).to_string();
            let sending = doors.nats.publish_with_reply(subject, reply, document.into());
            sending.await.unwrap();
            sent += 1;
        }
    }
    doors.nats.flush().await.unwrap();
    let refused = async || metric(&ledger, "seatledger_refused_replies_total").await;
    eventually("each is counted", async || refused().await == sent).await;
    assert_eq!(last_sequence(&doors.nats).await, 0, "something is on the log");
    assert_eq!(waiting(&doors).await, 0, "something was posted");
    for (reply, mut messages) in heard {
        // What was sent to the subject itself is no answer.
        use futures_util::{FutureExt as _, StreamExt as _};
        while let Some(Some(message)) = messages.next().now_or_never() {
            assert!(message.reply.is_some(), "{reply} got {message:?}");
        }
    }
    // Whoever asks properly is answered, through every door.
    for (n, door) in Door::ALL.into_iter().enumerate() {
        let document = allocate(&format!("good-{n}"), &format!("good-{n}"));
        let told = doors.document(door, ("acme", "AllocateLicense"), &document).await;
        assert_eq!(told.status, 200, "{door:?}: {:?}", told.document);
    }
    let log = ledger.log();
    let said = log.lines().filter(|it| it.contains("no inbox is")).count();
    assert_eq!(said, 1, "it is said once in a while: {log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_as_an_administrator_is_answered_as_every_door_answers() {
    let ledger = Ledger::start().await;
    let doors = Doors::of(&ledger).await;
    for (n, word) in ["command", "admin"].into_iter().enumerate() {
        let document = allocate(&format!("c{n}"), &format!("l{n}")).to_string();
        let subject = format!("seatledger.{word}.acme.AllocateLicense");
        let asked = doors.nats.request(subject, document.into());
        let reply = tokio::time::timeout(PATIENCE, asked).await.unwrap().unwrap();
        let told: Value = serde_json::from_slice(&reply.payload).unwrap();
        assert_eq!((&told["outcome"], &told["sequence"]), (&json!("accepted"), &json!(n + 1)));
        let asked = doors.nats.request(format!("seatledger.{word}.a.b.c"), "{}".into());
        let reply = tokio::time::timeout(PATIENCE, asked).await.unwrap().unwrap();
        let told: Value = serde_json::from_slice(&reply.payload).unwrap();
        let form = format!("seatledger.{word}.<account>.<Type>");
        assert!(told["hint"].as_str().unwrap().contains(&form), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outcome_is_said_under_its_account_alone() {
    let ledger = Ledger::start().await;
    let doors = Doors::of(&ledger).await;
    let mut acme = doors.nats.subscribe("seatledger.outcome.acme.>").await.unwrap();
    let mut globex = doors.nats.subscribe("seatledger.outcome.globex.>").await.unwrap();
    doors.nats.flush().await.unwrap();
    for account in ["acme", "globex"] {
        let document = allocate("order-1", "l").to_string();
        doors.put(account, "AllocateLicense", None, document.as_bytes()).await;
    }
    for (account, outcomes) in [("acme", &mut acme), ("globex", &mut globex)] {
        let told = outcome(outcomes).await;
        assert_eq!((told.status, &told.document["account"]), (200, &json!(account)));
    }
    eventually("both are done", async || waiting(&doors).await == 0).await;
    use futures_util::{FutureExt as _, StreamExt as _};
    assert!(acme.next().now_or_never().is_none() && globex.next().now_or_never().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_is_delivered_once() {
    let ledger = Ledger::start().await;
    let doors = Doors::of(&ledger).await;
    doors.document(Door::Ask, ("acme", "AllocateLicense"), &allocate("c1", "l")).await;
    let mut files =
        std::fs::read_dir(ledger.dir().join("nats")).unwrap().map(|it| it.unwrap().path());
    let ports = files.find(|it| it.extension().is_some_and(|it| it == "ports")).unwrap();
    let ports: Value = serde_json::from_slice(&std::fs::read(ports).unwrap()).unwrap();
    let monitor = seatledger::client::Client::new(ports["monitoring"][0].as_str().unwrap());
    let asked = monitor.get("/connz?subs=1").await.unwrap();
    let asked: Value = serde_json::from_slice(&asked.body).unwrap();
    let subscriptions: Vec<&str> = asked["connections"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|it| it["name"].as_str().is_some_and(|it| it.starts_with("seatledger")))
        .flat_map(|it| it["subscriptions_list"].as_array().unwrap())
        .map(|it| it.as_str().unwrap())
        .filter(|it| it.starts_with("seatledger."))
        .collect();
    let mut found = subscriptions.clone();
    found.sort_unstable();
    assert_eq!(found, ["seatledger.admin.>", "seatledger.command.>"], "{asked}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_header_without_an_inbox_is_taken_all_the_same() {
    let ledger = Ledger::start().await;
    let doors = Doors::of(&ledger).await;
    let mut headers = HeaderMap::new();
    headers.insert("Nats-Msg-Id", "fire-and-forget");
    let document = json!({"license": "l", "product": "P", "quantity": 1}).to_string();
    let subject = "seatledger.command.acme.AllocateLicense";
    doors.nats.publish_with_headers(subject, headers, document.into()).await.unwrap();
    let path = "/v1/accounts/acme/commands/fire-and-forget";
    eventually("it is done", async || ledger.get(path).await.status == 200).await;
}
