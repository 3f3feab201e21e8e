//! Who was let in stands on every line, written by the ledger, whatever a sender says of itself.

use http_body_util::BodyExt as _;
use serde_json::{Value, json};

use super::{Keyed, id_of};
use crate::Ledger;
use crate::doors::{Door, Doors};
use crate::ledger::{PATIENCE, encoded};

/// Somebody who says to be somebody else.
fn forged(user: &str) -> Value {
    json!({"id": format!("for-{user}"), "holder": {"user": user}, "actor": "clock"})
}

/// What was ever registered, by whom as it was said, and who was let in.
fn told(history: &Value) -> Vec<Value> {
    let items = history["items"].as_array().unwrap().iter();
    items.map(|it| json!([it["data"]["holder"]["user"], it["actor"], it["by"]])).collect()
}

/// The lines of the log itself.
async fn logged(ledger: &Ledger) -> Vec<Value> {
    let jetstream = async_nats::jetstream::new(ledger.nats().await);
    let stream = jetstream.get_stream("SEATLEDGER").await.unwrap();
    let last = stream.get_info().await.unwrap().state.last_sequence;
    let mut lines = vec![];
    for sequence in 1..=last {
        let message = stream.get_raw_message(sequence).await.unwrap();
        let text = std::str::from_utf8(&message.payload).unwrap();
        lines.extend(text.lines().skip(1).map(|it| serde_json::from_str::<Value>(it).unwrap()));
    }
    lines
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_let_in_is_on_the_log_and_in_history_whatever_the_actor_says() {
    let keyed = Keyed::start().await;
    let doors = Doors::of(&keyed.ledger).await;
    let key = keyed.key("acme", "operator", json!({"name": "provisioning"})).await;
    let send = async |user: &str, shown: &str| {
        let sent = keyed.send("acme", "RegisterHolder", &forged(user), shown).await;
        assert_eq!(sent.status, 200, "{}", sent.json());
    };
    let mut last = 0;
    send("by-key", &key).await;
    send("by-owner", &keyed.admin()).await;
    for (door, user) in [(Door::Ask, "by-ask"), (Door::Post, "by-post")] {
        let told = doors.document(door, ("acme", "RegisterHolder"), &forged(user)).await;
        assert_eq!(told.status, 200, "{told:?}");
        last = told.sequence.unwrap();
    }
    let (key, own) = (format!("key:{}", id_of(&key)), format!("key:{}", id_of(&keyed.admin())));
    let all = [
        json!(["by-key", "clock", key]),
        json!(["by-owner", "clock", own]),
        json!(["by-ask", "clock", "nats:command"]),
        json!(["by-post", "clock", "nats:command"]),
    ];
    let lines = logged(&keyed.ledger).await;
    let lines = lines.iter().filter(|it| it["type"] == "HolderRegistered");
    let lines: Vec<_> =
        lines.map(|it| json!([it["data"]["holder"]["user"], it["actor"], it["by"]])).collect();
    assert_eq!(lines, all);
    let path = "/v1/accounts/acme/history?type=HolderRegistered";
    let history = keyed.get(&format!("{path}&min_sequence={last}"), &keyed.admin()).await.json();
    assert_eq!(told(&history), all);
    for (by, wanted) in [
        (key.as_str(), &all[..1]),
        (&own, &all[1..2]),
        ("nats:command", &all[2..]),
        ("clock", &[]),
        ("key:0000000000000000", &[]),
    ] {
        let asked = format!("{path}&actor=clock&by={}", encoded(by));
        let found = keyed.get(&asked, &keyed.admin()).await.json();
        assert_eq!(told(&found), wanted, "{by}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_refused_is_kept_and_the_tail_says_who_was_let_in() {
    let ledger = Ledger::start().await;
    let doors = Doors::of(&ledger).await;
    let seat = |id: &str| json!({"id": id, "license": "none", "holders": [{"user": "ada"}], "actor": "hr"});
    for (door, id) in [(Door::Ask, "a"), (Door::Http, "b")] {
        let told = doors.document(door, ("acme", "RegisterHolder"), &forged(id)).await;
        assert_eq!(told.status, 200, "{told:?}");
        assert_eq!(doors.document(door, ("acme", "AssignSeat"), &seat(id)).await.status, 404);
    }
    let refusals = ledger.refusals("acme", 2).await;
    let of = |it: &Value| json!([it["command"], it["actor"], it["by"]]);
    let all = [json!(["b", "hr", "local"]), json!(["a", "hr", "nats:command"])];
    assert_eq!(refusals.iter().map(of).collect::<Vec<_>>(), all);
    let path = "/v1/accounts/acme/refusals";
    let local = ledger.get(&format!("{path}?by=local")).await.json();
    assert_eq!(local["items"].as_array().unwrap().iter().map(of).collect::<Vec<_>>(), all[..1]);
    let outcome = ledger.get("/v1/accounts/acme/commands/a").await.json();
    assert_eq!((&outcome["actor"], &outcome["by"]), (&json!("hr"), &json!("nats:command")));
    let mut tail = ledger.stream("/v1/accounts/acme/events?after=0", &[]).await;
    let mut text = String::new();
    while !text.contains("nats:command") || !text.contains("\"by\":\"local\"") {
        let frame = tokio::time::timeout(PATIENCE, tail.frame()).await;
        let data = frame.expect("the tail goes on").unwrap().unwrap().into_data().unwrap();
        text.push_str(std::str::from_utf8(&data).unwrap());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_by_itself_says_so_and_its_schedule_says_who_asked() {
    let keyed = Keyed::start().await;
    let key = keyed.key("acme", "operator", json!({})).await;
    let license = json!({"license": "l", "product": "P", "quantity": 5});
    keyed.accepted("acme", "AllocateLicense", license).await;
    let clock = keyed.get("/v1/clock", &keyed.admin()).await.json();
    let now: chrono::DateTime<chrono::Utc> = clock["now"].as_str().unwrap().parse().unwrap();
    let tomorrow = (now + chrono::Duration::days(1)).to_rfc3339();
    let later = json!({"at": tomorrow, "command": "SuspendLicense",
        "document": {"license": "l"}, "actor": "clock"});
    let sent = keyed.send("acme", "ScheduleCommand", &later, &key).await;
    assert_eq!(sent.status, 200, "{}", sent.json());
    let give = json!({"license": "l", "receiver": "globex", "quantity": 2});
    let last = keyed.accepted("acme", "AllocateToAccount", give).await;
    let moved = keyed.post("/v1/clock", r#"{"forward":"2d"}"#, &keyed.admin()).await;
    assert_eq!(moved.status, 200, "{}", moved.json());
    let last = moved.json()["sequence"].as_u64().unwrap().max(last);
    let (key, own) = (format!("key:{}", id_of(&key)), format!("key:{}", id_of(&keyed.admin())));
    for (account, kind, by) in [
        ("acme", "CommandScheduled", key.as_str()),
        ("acme", "ScheduleFired", "clock"),
        ("acme", "LicenseSuspended", "clock"),
        ("acme", "AccountAllocationSet", &own),
        ("acme", "TransferBegan", &own),
        ("acme", "TransferEnded", "clock"),
        ("globex", "LicenseAllocated", "clock"),
        ("globex", "TransferReceived", "clock"),
    ] {
        let path = format!("/v1/accounts/{account}/history?type={kind}&min_sequence={last}");
        let history = keyed.get(&path, &keyed.admin()).await.json();
        assert_eq!(history["items"][0]["by"], json!(by), "{account} {kind}: {history}");
    }
}
