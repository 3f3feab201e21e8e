//! As of when: by sequence, by time, by day; and no older than asked for.

use std::time::Instant;

use serde_json::{Value, json};

use super::items;
use super::model::{ACCOUNT, World};
use crate::Ledger;

const LICENSE: &str = "/licenses/creative";

#[tokio::test(flavor = "multi_thread")]
async fn a_moment_is_the_last_sequence_up_to_it() {
    let world = World::with_a_past().await;
    let history = world.get("/history?limit=1000").await;
    for it in items(&history).iter().step_by(7) {
        let at = it["at"].as_str().unwrap();
        // Several commits may be of one millisecond: the last of them counts.
        let same = items(&history).iter().filter(|other| other["at"] == it["at"]);
        let sequence = same.map(|it| it["sequence"].as_u64().unwrap()).max().unwrap();
        let by_time = world.ledger.get(&format!("{ACCOUNT}{LICENSE}?at={at}")).await;
        let by_sequence = world.ledger.get(&format!("{ACCOUNT}{LICENSE}?at={sequence}")).await;
        assert_eq!(by_time.json(), by_sequence.json(), "{at} is {sequence}");
        assert_eq!(by_time.headers["seatledger-at"], at);
        assert_eq!(by_sequence.headers["seatledger-at"], at);
        assert_eq!(by_time.sequence(), sequence);
        let offset = at.replace('Z', "%2B00:00");
        let zoned = world.ledger.get(&format!("{ACCOUNT}{LICENSE}?at={offset}")).await;
        assert_eq!(zoned.json(), by_time.json());
    }
    let now = world.ledger.get(&format!("{ACCOUNT}{LICENSE}")).await;
    assert!(!now.headers.contains_key("seatledger-at"), "the present is no question of time");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_is_its_end_and_today_is_now() {
    let world = World::with_a_past().await;
    let history = world.get("/history?limit=1000").await;
    let first = items(&history)[0]["at"].as_str().unwrap();
    let last = items(&history).last().unwrap()["at"].as_str().unwrap();
    let today = &last[..10];
    let answer = world.ledger.get(&format!("{ACCOUNT}{LICENSE}?at={today}")).await;
    assert_eq!((answer.status, answer.sequence()), (200, world.last), "{}", answer.json());
    let eve = day_before(&first[..10]);
    for path in [LICENSE, "", "/licenses"] {
        let before = world.ledger.get(&format!("{ACCOUNT}{path}?at={eve}")).await;
        assert_eq!(before.status, 404, "{path}: nothing was there yet");
    }
    let check = world.ledger.get(&format!("{ACCOUNT}/checks?user=u1&at={eve}")).await;
    assert_eq!(check.json()["code"], json!("no_such_account"));
    assert_eq!(check.headers["seatledger-at"].to_str().unwrap(), format!("{eve}T23:59:59.999Z"));
}

fn day_before(day: &str) -> String {
    let day: chrono::NaiveDate = day.parse().unwrap();
    day.pred_opt().unwrap().to_string()
}

/// Every question that takes `at`.
const QUESTIONS: [&str; 19] = [
    "/holders/u1",
    "/policies/history",
    "/licenses/creative/waitlist",
    "/schedules",
    "/containers",
    "/groups",
    "/holders",
    "/policies",
    "/waitlists",
    "",
    "/licenses",
    "/licenses/creative",
    "/licenses/creative/usage",
    "/licenses/creative/assignments",
    "/holders/u1/assignments",
    "/assignments",
    "/assignments/01990000-0000-7000-8000-0000000000ff",
    "/checks?user=u1",
    "/history",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_time_that_is_none_or_has_not_come_is_no_answer() {
    let world = World::with_a_past().await;
    for path in
        QUESTIONS.into_iter().map(|it| format!("{ACCOUNT}{it}")).chain(["/v1/accounts".to_owned()])
    {
        let joint = if path.contains('?') { '&' } else { '?' };
        for wrong in [
            "2999-01-01",
            "2999-01-01T00:00:00Z",
            "banana",
            "",
            "-1",
            "1.5",
            "1e3",
            "0x10",
            "99999999999999999999999",
            "2026-13-01",
            "2026-02-30",
            "2026-01-01T25:00:00Z",
            "2026-01",
            "12:00",
            "%00",
            "1;2",
            "now",
        ] {
            let answer = world.ledger.get(&format!("{path}{joint}at={wrong}")).await;
            let told = answer.json();
            assert_eq!(
                (answer.status, &told["code"]),
                (400, &json!("invalid_parameter")),
                "{path} at={wrong}: {told}"
            );
            assert_eq!(told["parameter"], json!("at"), "{path} at={wrong}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_for_more_than_there_is_waits_and_is_told_behind() {
    let world = World::with_a_past().await;
    let far = world.last + 1_000;
    let asked = QUESTIONS.into_iter().map(|path| {
        let joint = if path.contains('?') { '&' } else { '?' };
        format!("{ACCOUNT}{path}{joint}min_sequence={far}")
    });
    let asked = asked.chain([format!("{ACCOUNT}/commands/c0?min_sequence={far}")]);
    let begin = Instant::now();
    let answers = asked.map(|path| async {
        let answer = world.ledger.get(&path).await;
        (path, answer)
    });
    for (path, answer) in futures_util::future::join_all(answers).await {
        let told = answer.json();
        assert_eq!((answer.status, &told["code"]), (503, &json!("behind")), "{path}: {told}");
        let seconds: u64 = answer.headers["retry-after"].to_str().unwrap().parse().unwrap();
        assert!((1..=60).contains(&seconds), "{path}");
        assert_eq!(told["retry_after"], json!(seconds), "{path}");
        let detail = told["detail"].as_str().unwrap();
        assert!(
            detail.contains(&far.to_string()) && detail.contains(&world.last.to_string()),
            "{detail}"
        );
    }
    assert!(begin.elapsed().as_secs() < 20, "they waited one after the other");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_as_of_a_sequence_that_the_log_does_not_have_is_told_so_at_once() {
    let world = World::with_a_past().await;
    world.ledger.caught_up().await;
    for path in QUESTIONS {
        let joint = if path.contains('?') { '&' } else { '?' };
        for beyond in [world.last + 1, world.last + 1_000, u64::MAX] {
            let begin = Instant::now();
            let answer = world.ledger.get(&format!("{ACCOUNT}{path}{joint}at={beyond}")).await;
            assert!(begin.elapsed().as_secs() < 4, "{path}: it waited, which takes five seconds");
            let told = answer.json();
            assert_eq!(
                (answer.status, &told["code"], &told["parameter"]),
                (400, &json!("invalid_parameter"), &json!("at")),
                "{path}: {told}"
            );
            let wanted = format!("at: the log ends at sequence {}", world.last);
            assert_eq!(told["detail"], json!(wanted), "{path}");
            assert!(told["hint"].as_str().unwrap().contains("min_sequence"), "{path}: {told}");
        }
        let last = world.ledger.get(&format!("{ACCOUNT}{path}{joint}at={}", world.last)).await;
        let wanted = if path.contains("0000ff") { 404 } else { 200 };
        assert_eq!(last.status, wanted, "{path}: the last one can be asked about");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_a_sequence_reads_it_as_soon_as_it_is_there() {
    let ledger = Ledger::start().await;
    let license = json!({"license": "l", "product": "P", "quantity": 1});
    ledger.accepted("acme", "AllocateLicense", &license).await;
    let path = format!("{ACCOUNT}/checks?user=ada&license=l");
    let early = ledger.get_at_least(&path, 2);
    let assign = async {
        let assign = json!({"license": "l", "holders": [{"user": "ada"}]});
        ledger.accepted("acme", "AssignSeat", &assign).await
    };
    let (early, sequence) = tokio::join!(early, assign);
    assert_eq!((early.status, early.sequence(), sequence), (200, 2, 2));
    assert_eq!(early.json()["allowed"], json!(true));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_says_as_of_when_it_is() {
    let world = World::with_a_past().await;
    for path in QUESTIONS.into_iter().filter(|it| !it.contains("0000ff")) {
        let answer = world.ledger.get_at_least(&format!("{ACCOUNT}{path}"), world.last).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.json());
        assert_eq!(answer.sequence(), world.last, "{path}");
        assert_eq!(answer.json()["sequence"], json!(world.last), "{path}");
        assert_eq!(answer.headers["content-type"], "application/json", "{path}");
        assert!(!answer.headers.contains_key("seatledger-warning"), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_past_does_not_change() {
    let mut world = World::with_a_past().await;
    let at = world.last;
    let mut before = vec![];
    for path in QUESTIONS.into_iter().filter(|it| !it.contains("0000ff") && !it.contains("usage")) {
        let joint = if path.contains('?') { '&' } else { '?' };
        before.push((format!("{path}{joint}at={at}"), Value::Null));
    }
    for (path, answer) in &mut before {
        *answer = world.get(path).await;
    }
    for (command, document) in [
        ("SuspendLicense", json!({"license": "creative"})),
        (
            "ChangeLicense",
            json!({"license": "creative", "quantity": 900, "name": "other",
                "ends_at": "2020-01-01T00:00:00Z"}),
        ),
        ("AllocateLicense", json!({"license": "aaa", "product": "CREATIVE", "quantity": 1})),
    ] {
        world.last = world.ledger.accepted("acme", command, &document).await;
    }
    for (path, answer) in &before {
        assert_eq!(world.get(path).await, *answer, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_after_a_write_sees_it_without_saying_so() {
    let ledger = Ledger::start().await;
    for n in 1..=40 {
        let license = json!({"license": format!("l{n}"), "product": "P", "quantity": 1});
        let sequence = ledger.accepted("acme", "AllocateLicense", &license).await;
        let read = ledger.get(&format!("{ACCOUNT}/licenses/l{n}")).await;
        assert_eq!((read.status, read.sequence()), (200, sequence), "{}", read.json());
    }
}
