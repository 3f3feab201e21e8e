//! Posted, and worked on whenever the ledger is there.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::{Doors, outcome};
use crate::Ledger;
use crate::ledger::{eventually, signal};

fn assign(id: &str, user: &str) -> Value {
    json!({"id": id, "license": "creative", "holders": [{"user": user}]})
}

async fn put(doors: &Doors<'_>, command: &str, document: &Value) {
    doors.put("acme", command, None, document.to_string().as_bytes()).await;
}

/// Posted commands that are still on the queue.
async fn waiting(doors: &Doors<'_>) -> u64 {
    let queue = async_nats::jetstream::new(doors.nats.clone());
    let mut stream = queue.get_stream("SEATLEDGER_POSTS").await.unwrap();
    stream.info().await.unwrap().state.messages
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_posted_while_the_ledger_sleeps_is_done_when_it_wakes() {
    let ledger = Ledger::start().await;
    let doors = Doors::of(&ledger).await;
    doors.allocate("acme", "creative", 1).await;
    let mut first = doors.outcomes("p1").await;
    let mut second = doors.outcomes("p2").await;
    signal(ledger.pid(), "STOP");
    put(&doors, "AssignSeat", &assign("p1", "ada")).await;
    assert_eq!(waiting(&doors).await, 1);
    signal(ledger.pid(), "CONT");
    let told = outcome(&mut first).await;
    assert_eq!((told.status, told.sequence), (200, Some(2)), "{told:?}");
    put(&doors, "AssignSeat", &assign("p2", "eve")).await;
    let told = outcome(&mut second).await;
    assert_eq!((told.status, told.code()), (409, "no_free_seat"), "{told:?}");
    eventually("the queue is empty", async || waiting(&doors).await == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outcome_that_nobody_listened_for_can_be_asked_for() {
    let ledger = Ledger::start().await;
    let doors = Doors::of(&ledger).await;
    doors.allocate("acme", "creative", 1).await;
    put(&doors, "AssignSeat", &assign("p1", "ada")).await;
    let path = |id: &str| format!("/v1/accounts/acme/commands/{id}");
    eventually("p1 has an outcome", async || ledger.get(&path("p1")).await.status == 200).await;
    let told = ledger.get(&path("p1")).await.json();
    assert_eq!((&told["outcome"], &told["sequence"]), (&json!("accepted"), &json!(2)));
    assert_eq!(told["events"][0]["data"]["holder"], json!({"user": "ada"}));
    put(&doors, "AssignSeat", &assign("p2", "eve")).await;
    eventually("p2 has an outcome", async || ledger.get(&path("p2")).await.status == 200).await;
    let told = ledger.get(&path("p2")).await.json();
    assert_eq!((&told["outcome"], &told["code"]), (&json!("refused"), &json!("no_free_seat")));
}

#[tokio::test(flavor = "multi_thread")]
async fn posted_twice_is_done_once() {
    let ledger = Ledger::start().await;
    let doors = Doors::of(&ledger).await;
    doors.allocate("acme", "creative", 5).await;
    let mut outcomes = doors.outcomes("p1").await;
    put(&doors, "AssignSeat", &assign("p1", "ada")).await;
    put(&doors, "AssignSeat", &assign("p1", "ada")).await;
    let (one, two) = (outcome(&mut outcomes).await, outcome(&mut outcomes).await);
    assert_eq!((one.sequence, two.sequence), (Some(2), Some(2)));
    assert_eq!(one.events(), two.events());
    let replayed = [&one.document["replayed"], &two.document["replayed"]];
    assert!(replayed.contains(&&json!(true)) && replayed.contains(&&json!(false)));
    // The other content is told so, and changes nothing.
    put(&doors, "AssignSeat", &assign("p1", "eve")).await;
    assert_eq!(outcome(&mut outcomes).await.code(), "command_id_reused");
    assert_eq!(doors.sequence().await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_is_answered_and_does_not_come_back() {
    let ledger = Ledger::start().await;
    let doors = Doors::of(&ledger).await;
    let before = doors.sequence().await;
    for (number, body) in [&b"{"[..], b"\xff", b"[]", b"{\"id\":7}"].into_iter().enumerate() {
        let key = format!("bad-{number}");
        let told = doors.post("acme", "AssignSeat", Some(&key), body).await;
        assert_eq!((told.status, &told.document["outcome"]), (400, &json!("malformed")));
    }
    // Without an id there is nowhere to say it; the queue goes on all the same.
    doors.put("acme", "AssignSeat", None, b"{").await;
    doors.put("acme", "Nope", None, b"{}").await;
    eventually("the queue is empty", async || waiting(&doors).await == 0).await;
    assert_eq!(doors.sequence().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_command_can_be_looked_up_later() {
    let ledger = Ledger::start().await;
    let doors = Doors::of(&ledger).await;
    doors.put("acme", "AssignSeat", Some("named"), b"{").await;
    doors.put("acme", "AssignSeat", None, br#"{"licence":"secret-name"}"#).await;
    doors.put("acme", "Nope", None, b"{}").await;
    eventually("the queue is empty", async || waiting(&doors).await == 0).await;
    let kept = ledger.refusals("acme", 3).await;
    let mut said: Vec<_> = kept
        .iter()
        .map(|it| ["command", "type", "code", "by"].map(|name| it[name].as_str().unwrap()))
        .collect();
    said.sort_by_key(|it| it[2]);
    assert_eq!(said[0], ["named", "AssignSeat", "malformed_json", "nats:command"]);
    assert_eq!(said[1][1..], ["Nope", "unknown_command_type", "nats:command"]);
    assert_eq!(said[2][1..], ["AssignSeat", "unknown_field", "nats:command"]);
    assert!(said[2][0].starts_with("post-") && said[2][0].ends_with("-2"), "{said:?}");
    assert!(!format!("{kept:?}").contains("secret-name"), "what was posted is nobody's business");
    // Its id finds it, as what its sender was told.
    for ([command, _, code, _], status) in said.into_iter().zip([400, 404, 400]) {
        let told = ledger.get(&format!("/v1/accounts/acme/commands/{command}")).await.json();
        assert_eq!((&told["status"], &told["code"]), (&json!(status), &json!(code)), "{told}");
        assert_eq!(told["outcome"], "malformed");
    }
    // Of an account that cannot be one there is no list.
    doors.put("no!account", "AssignSeat", Some("lost"), b"{}").await;
    eventually("the queue is empty", async || waiting(&doors).await == 0).await;
    assert_eq!(ledger.refusals("acme", 3).await.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_answered_leaves_a_line_in_the_log() {
    let ledger = Ledger::start().await;
    let doors = Doors::of(&ledger).await;
    doors.put("acme", "AssignSeat", Some("named"), b"{").await;
    doors.put("acme", "AssignSeat", None, br#"{"licence":"secret-name"}"#).await;
    doors.put("acme", "Nope", None, b"{}").await;
    let warnings = || -> Vec<Value> {
        let log = ledger.log();
        let lines = log.lines().map(|it| serde_json::from_str::<Value>(it).unwrap());
        lines.filter(|it| it["level"] == "WARN").map(|it| it["fields"].clone()).collect()
    };
    eventually("both are warned of", async || warnings().len() >= 2).await;
    eventually("the queue is empty", async || waiting(&doors).await == 0).await;
    let mut told = warnings();
    told.sort_by_key(|it| it["sequence"].as_u64());
    let said = |it: &Value| (it["sequence"].clone(), it["subject"].clone(), it["code"].clone());
    let (field, kind) = ("seatledger.post.acme.AssignSeat", "seatledger.post.acme.Nope");
    assert_eq!(
        told.iter().map(said).collect::<Vec<_>>(),
        [
            (json!(2), json!(field), json!("unknown_field")),
            (json!(3), json!(kind), json!("unknown_command_type")),
        ],
        "what could be answered needs no line"
    );
    assert!(told[0]["detail"].as_str().unwrap().contains("licence"), "{told:?}");
    assert!(!ledger.log().contains("secret-name"), "what was posted is nobody's business");
    let metrics = ledger.get("/metrics").await;
    let metrics = String::from_utf8(metrics.body.to_vec()).unwrap();
    for (kind, count) in [("AssignSeat", 2), ("unknown", 1)] {
        let sample =
            format!("seatledger_commands_total{{type=\"{kind}\",outcome=\"malformed\"}} {count}\n");
        assert!(metrics.contains(&sample), "{sample}: {metrics}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_posts_is_answered_one_by_one_and_never_over_quantity() {
    const SEATS: usize = 40;
    const POSTS: usize = 150;
    let ledger = Ledger::start().await;
    let doors = Doors::of(&ledger).await;
    doors.allocate("acme", "creative", SEATS as i64).await;
    let mut outcomes = doors.outcomes("*").await;
    for number in 0..POSTS {
        let document = assign(&format!("p{number}"), &format!("u{number}"));
        put(&doors, "AssignSeat", &document).await;
    }
    let mut told = HashMap::new();
    while told.len() < POSTS {
        let outcome = outcome(&mut outcomes).await;
        told.insert(outcome.document["command"].as_str().unwrap().to_owned(), outcome.status);
    }
    assert_eq!(told.values().filter(|it| **it == 200).count(), SEATS);
    assert_eq!(told.values().filter(|it| **it == 409).count(), POSTS - SEATS);
    let last = doors.sequence().await;
    let license = ledger.get_at_least("/v1/accounts/acme/licenses/creative", last).await.json();
    assert_eq!((&license["used"], &license["available"]), (&json!(SEATS), &json!(0)));
    eventually("the queue is empty", async || waiting(&doors).await == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_id_in_another_account_is_another_command() {
    let ledger = Ledger::start().await;
    let doors = Doors::of(&ledger).await;
    let body = br#"{"id":"order-1","license":"creative","product":"CREATIVE","quantity":1}"#;
    for account in ["acme", "globex"] {
        let told = doors.post(account, "AllocateLicense", None, body).await;
        assert_eq!((told.status, &told.document["account"]), (200, &json!(account)));
    }
    assert_eq!(doors.sequence().await, 2);
}
