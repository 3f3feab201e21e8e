//! Commands that are to come, and what came of them.

use serde_json::{Value, json};

use super::model::ACCOUNT;
use super::{all_pages, items, same_after_deleting};
use crate::Ledger;

/// Three that are to come: one is dropped, one is accepted when it is due, one refused. The sequence
/// after each step.
async fn scheduled(ledger: &Ledger) -> [u64; 4] {
    let license = json!({"license": "l", "product": "P", "quantity": 2});
    ledger.accepted("acme", "AllocateLicense", &license).await;
    let assign = json!({"license": "l", "holders": [{"user": "ada"}, {"user": "bo"}]});
    ledger.accepted("acme", "AssignSeat", &assign).await;
    let later = |at: &str, quantity: i64| {
        json!({"at": at, "command": "ChangeLicense",
            "document": {"license": "l", "quantity": quantity}})
    };
    let mut asked = later("2030-01-03T00:00:00Z", 9);
    (asked["id"], asked["actor"]) = (json!("in-2030"), json!("hr@example.com"));
    ledger.accepted("acme", "ScheduleCommand", &asked).await;
    ledger.accepted("acme", "ScheduleCommand", &later("2030-01-01T00:00:00Z", 5)).await;
    // Two seats are held by then.
    let kept = ledger.accepted("acme", "ScheduleCommand", &later("2030-01-02T00:00:00Z", 1)).await;
    let path = format!("{ACCOUNT}/schedules");
    let first = ledger.get_at_least(&path, kept).await.json();
    let number = items(&first).iter().find(|it| it["due"] == "2030-01-03T00:00:00.000Z").unwrap();
    let cancel = json!({"schedule": number["schedule"], "actor": "it"});
    let cancelled = ledger.accepted("acme", "CancelSchedule", &cancel).await;
    let to = |at: &str| json!({"to": at}).to_string();
    let mut last = [kept, cancelled, 0, 0];
    for (n, at) in [(2, "2030-01-01T12:00:00Z"), (3, "2030-01-02T12:00:00Z")] {
        let answer = ledger.post_bytes("/v1/clock", to(at).as_bytes(), &[]).await;
        assert_eq!(answer.status, 200, "{}", answer.json());
        last[n] = answer.json()["sequence"].as_u64().unwrap();
    }
    last
}

fn told(items: &[Value]) -> Vec<Value> {
    items.iter().map(|it| json!([&it["due"].as_str().unwrap()[..10], it["state"]])).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn schedules_are_told_as_they_were_at_any_sequence() {
    let ledger = Ledger::start().await;
    let [kept, cancelled, first, last] = scheduled(&ledger).await;
    let it = |day: &str, state: &str| json!([format!("2030-01-{day}"), state]);
    for (state, at, wanted) in [
        ("", kept, vec![it("01", "pending"), it("02", "pending"), it("03", "pending")]),
        ("state=cancelled&", kept, vec![]),
        ("state=pending&", cancelled, vec![it("01", "pending"), it("02", "pending")]),
        ("state=cancelled&", cancelled, vec![it("03", "cancelled")]),
        ("", first, vec![it("02", "pending")]),
        ("state=fired&", first, vec![it("01", "fired")]),
        ("state=all&", first, vec![it("01", "fired"), it("02", "pending"), it("03", "cancelled")]),
        ("", last, vec![]),
        ("state=fired&", last, vec![it("01", "fired"), it("02", "fired")]),
        ("state=all&", last, vec![it("01", "fired"), it("02", "fired"), it("03", "cancelled")]),
    ] {
        let path = format!("{ACCOUNT}/schedules?{state}at={at}");
        let found = ledger.get_at_least(&path, last).await;
        assert_eq!((found.status, found.sequence()), (200, at), "{path}");
        let found = found.json();
        assert_eq!(told(items(&found)), wanted, "{path}");
        assert_eq!(all_pages(&ledger, &path, 1).await, items(&found), "{path}");
    }
    let wrong = ledger.get(&format!("{ACCOUNT}/schedules?state=over")).await;
    assert_eq!((wrong.status, &wrong.json()["parameter"]), (400, &json!("state")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_says_who_asked_for_what_and_what_came_of_it() {
    let ledger = Ledger::start().await;
    let [_, cancelled, first, last] = scheduled(&ledger).await;
    let path = format!("{ACCOUNT}/schedules?state=all");
    let all = ledger.get_at_least(&path, last).await.json();
    let [accepted, refused, dropped] = items(&all) else { panic!("{all}") };
    assert_eq!(accepted["document"], json!({"license": "l", "quantity": 5}));
    assert_eq!(accepted["command"], json!("ChangeLicense"));
    assert_eq!(
        [&accepted["until_sequence"], &accepted["ended_by"]],
        [&json!(first), &json!("clock")]
    );
    assert_eq!((accepted.get("refused"), accepted.get("detail")), (None, None));
    assert_eq!(refused["refused"], json!("quantity_below_use"));
    assert!(refused["detail"].as_str().unwrap().contains('2'), "{refused}");
    assert_eq!(
        [&dropped["asked_by"], &dropped["asked_id"], &dropped["ended_by"]],
        [&json!("hr@example.com"), &json!("in-2030"), &json!("it")]
    );
    assert_eq!(dropped["until_sequence"], json!(cancelled));
    let asked = ledger.get(&format!("{ACCOUNT}/commands/in-2030")).await.json();
    assert_eq!(asked["sequence"], dropped["since_sequence"]);
    let license = ledger.get(&format!("{ACCOUNT}/licenses/l")).await.json();
    assert_eq!(license["quantity"], json!(5), "the refused one changed nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn schedules_come_back_from_the_log() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::start_in(dir.path()).await;
    let [kept, .., last] = scheduled(&ledger).await;
    let paths = ["schedules?state=all".to_owned(), format!("schedules?at={kept}")];
    same_after_deleting(ledger, dir.path(), "waitlists", &paths, last).await;
}
