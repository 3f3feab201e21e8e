//! One id, one outcome: through any door, at the same time, and after a restart.

use serde_json::{Value, json};

use super::{Door, Doors, Told};
use crate::Ledger;

fn assign(id: &str, user: &str) -> Value {
    json!({"id": id, "license": "creative", "holders": [{"user": user}]})
}

fn replayed(told: &Told) -> bool {
    told.document["replayed"].as_bool().unwrap_or_else(|| panic!("{told:?}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_command_through_another_door_has_the_same_outcome() {
    let ledger = Ledger::start().await;
    let doors = Doors::of(&ledger).await;
    for first in Door::ALL {
        let account = format!("{first:?}");
        doors.allocate(&account, "creative", 5).await;
        let to = (account.as_str(), "AssignSeat");
        let once = doors.document(first, to, &assign("c1", "ada")).await;
        assert!(!replayed(&once));
        for again in Door::ALL {
            let told = doors.document(again, to, &assign("c1", "ada")).await;
            assert!(replayed(&told), "{first:?}, then {again:?}");
            assert_eq!((told.sequence, told.events()), (once.sequence, once.events()));
        }
        assert_eq!(Some(doors.sequence().await), once.sequence);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outcome_outlives_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::start_in(dir.path()).await;
    let doors = Doors::of(&ledger).await;
    doors.allocate("acme", "creative", 5).await;
    let to = ("acme", "AssignSeat");
    let once = doors.document(Door::Ask, to, &assign("c1", "ada")).await;
    ledger
        .accepted(
            "acme",
            "RevokeAssignment",
            &json!({"license": "creative", "holders": [{"user": "ada"}]}),
        )
        .await;
    drop(doors);
    assert!(ledger.stop().await.success());
    let ledger = Ledger::start_in(dir.path()).await;
    let doors = Doors::of(&ledger).await;
    let last = doors.sequence().await;
    for door in Door::ALL {
        let told = doors.document(door, to, &assign("c1", "ada")).await;
        assert!(replayed(&told), "{door:?}");
        assert_eq!((told.sequence, told.events()), (once.sequence, once.events()), "{door:?}");
        let told = doors.document(door, to, &assign("c1", "eve")).await;
        assert_eq!(told.code(), "command_id_reused", "{door:?}");
    }
    assert_eq!(doors.sequence().await, last);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_used_for_something_else_is_refused_through_every_door() {
    let ledger = Ledger::start().await;
    let doors = Doors::of(&ledger).await;
    doors.allocate("acme", "creative", 5).await;
    doors.allocate("globex", "creative", 5).await;
    let once = doors.document(Door::Http, ("acme", "AssignSeat"), &assign("c1", "ada")).await;
    let last = doors.sequence().await;
    let others = [
        ("AssignSeat", assign("c1", "eve")),
        (
            "AssignSeat",
            json!({"id": "c1", "license": "creative", "holders": [{"user": "ada"}],
                "reason": "why"}),
        ),
        ("SuspendLicense", json!({"id": "c1", "license": "creative"})),
        (
            "RevokeAssignment",
            json!({"id": "c1", "license": "creative", "holders": [{"user": "ada"}]}),
        ),
    ];
    for (command, document) in &others {
        let mut told = vec![];
        for door in Door::ALL {
            told.push(doors.document(door, ("acme", command), document).await.document);
        }
        assert_eq!(
            (&told[0]["status"], &told[0]["code"]),
            (&json!(409), &json!("command_id_reused"))
        );
        assert!(told.iter().all(|it| *it == told[0]), "{told:?}");
    }
    assert_eq!(doors.sequence().await, last);
    // An id belongs to its account.
    let elsewhere =
        doors.document(Door::Http, ("globex", "AssignSeat"), &assign("c1", "eve")).await;
    assert_eq!((elsewhere.status, replayed(&elsewhere)), (200, false));
    assert_ne!(elsewhere.sequence, once.sequence);
}

#[tokio::test(flavor = "multi_thread")]
async fn spelling_is_not_content() {
    let ledger = Ledger::start().await;
    let doors = Doors::of(&ledger).await;
    doors.allocate("acme", "creative", 5).await;
    let to = ("acme", "AssignSeat");
    let once = doors
        .document(
            Door::Http,
            to,
            &json!({"id": "c1", "license": "creative",
        "holders": [{"email": "bo@example.com"}], "actor": "ada"}),
        )
        .await;
    for same in [
        r#"{"holders":[{"email":"bo@example.com"}],"license":"creative","id":"c1"}"#,
        " {\n\"id\" : \"c1\",\t\"license\":\"creative\",
           \"holders\":[ {\"email\":\"bo@example.com\"} ]}\r\n",
        r#"{"id":"c1","license":"cre\u0061tive","holders":[{"email":" BO@Example.com "}]}"#,
        r#"{"id":"c1","license":"creative","holders":[{"email":"bo@example.com"}],
            "active":true,"actor":"eve"}"#,
        r#"{"id":"c1","license":"creative","holders":[{"email":"bo@example.com"}],
            "account":"acme","type":"AssignSeat"}"#,
    ] {
        let told = doors.send(Door::Ask, to, None, same.as_bytes()).await;
        assert_eq!((told.status, told.sequence), (200, once.sequence), "{same}: {told:?}");
        assert!(replayed(&told), "{same}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_id_sent_at_once_through_all_doors_happens_once() {
    const SENDERS: usize = 30;
    let ledger = Ledger::start().await;
    let doors = Doors::of(&ledger).await;
    let last = doors.allocate("acme", "creative", SENDERS as i64).await;
    let sends = (0..SENDERS).map(|number| {
        let doors = &doors;
        async move {
            let door = Door::ALL[number % 2 * 2];
            doors.document(door, ("acme", "AssignSeat"), &assign("c1", "ada")).await
        }
    });
    let told = futures_util::future::join_all(sends).await;
    assert!(told.iter().all(|it| it.status == 200 && it.sequence == Some(last + 1)), "{told:?}");
    assert!(told.iter().all(|it| it.events() == told[0].events()), "{told:?}");
    assert_eq!(told.iter().filter(|it| !replayed(it)).count(), 1);
    let history =
        ledger.get_at_least("/v1/accounts/acme/history?type=SeatAssigned", last + 1).await;
    assert_eq!(history.json()["items"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_commands_with_one_id_and_different_content_one_is_accepted() {
    const SENDERS: usize = 30;
    let ledger = Ledger::start().await;
    let doors = Doors::of(&ledger).await;
    let last = doors.allocate("acme", "creative", SENDERS as i64).await;
    let sends = (0..SENDERS).map(|number| {
        let doors = &doors;
        async move {
            let document = assign("c1", &format!("u{number}"));
            doors.document(Door::Ask, ("acme", "AssignSeat"), &document).await
        }
    });
    let told = futures_util::future::join_all(sends).await;
    assert_eq!(told.iter().filter(|it| it.status == 200).count(), 1, "{told:?}");
    let refused = told.iter().filter(|it| it.code() == "command_id_reused").count();
    assert_eq!(refused, SENDERS - 1);
    assert_eq!(doors.sequence().await, last + 1);
}

/// The same wish under many ids at once, behind a crowd that keeps the writer busy, so that most of
/// them are judged together with the one that is granted.
#[tokio::test(flavor = "multi_thread")]
async fn who_is_told_that_it_is_so_already_can_read_it_at_once() {
    const CROWD: usize = 30;
    const WISHES: usize = 60;
    let ledger = Ledger::start().await;
    let doors = Doors::of(&ledger).await;
    doors.allocate("acme", "creative", 1_000).await;
    for round in 0..5 {
        let sends = (0..CROWD + WISHES).map(|number| {
            let user = match number < CROWD {
                true => format!("crowd-{round}-{number}"),
                false => format!("ada-{round}"),
            };
            let (doors, document) = (&doors, assign(&format!("c{round}-{number}"), &user));
            async move { doors.document(Door::Ask, ("acme", "AssignSeat"), &document).await }
        });
        let told = futures_util::future::join_all(sends).await;
        let wishes = &told[CROWD..];
        let granted = wishes.iter().find(|it| !it.events().is_empty()).unwrap().sequence;
        let early: Vec<_> = wishes.iter().filter(|it| it.sequence < granted).collect();
        assert!(early.is_empty(), "granted at {granted:?}: {} wishes, {:?}", early.len(), early[0]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_beside_the_document_is_its_id() {
    let ledger = Ledger::start().await;
    let doors = Doors::of(&ledger).await;
    doors.allocate("acme", "creative", 5).await;
    let body = br#"{"license":"creative","holders":[{"user":"ada"}]}"#;
    for door in Door::ALL {
        let key = format!("key-{door:?}");
        let to = ("acme", "AssignSeat");
        let told = doors.send(door, to, Some(&key), body).await;
        assert_eq!(told.document["command"], json!(key), "{door:?}");
        // The same id said in both places is one id; two different ones are a mistake.
        let mut document: Value = serde_json::from_slice(body).unwrap();
        document["id"] = json!(key);
        let both = document.to_string();
        let again = doors.send(Door::Ask, to, Some(&key), both.as_bytes()).await;
        assert_eq!(again.document["command"], json!(key), "{door:?}");
        let torn = doors.send(Door::Ask, to, Some("another"), both.as_bytes()).await;
        assert_eq!((torn.status, torn.code()), (400, "contradiction"), "{door:?}");
        assert_eq!(torn.document["pointer"], json!("/id"), "{door:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_without_an_id_is_given_one_of_its_own() {
    let ledger = Ledger::start().await;
    let doors = Doors::of(&ledger).await;
    doors.allocate("acme", "creative", 5).await;
    let mut ids = vec![];
    for (number, door) in [Door::Ask, Door::Http, Door::Ask, Door::Http].into_iter().enumerate() {
        let document = json!({"license": "creative", "holders": [{"user": format!("u{number}")}]});
        let body = document.to_string();
        let told = doors.send(door, ("acme", "AssignSeat"), None, body.as_bytes()).await;
        let id = told.document["command"].as_str().unwrap().to_owned();
        assert_eq!(uuid::Uuid::parse_str(&id).unwrap().get_version_num(), 7);
        assert!(!replayed(&told));
        let path = format!("/v1/accounts/acme/commands/{id}");
        let outcome = ledger.get_at_least(&path, told.sequence.unwrap()).await.json();
        assert_eq!(outcome["events"], told.document["events"]);
        ids.push(id);
    }
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_already_so_is_accepted_and_records_nothing() {
    let ledger = Ledger::start().await;
    let doors = Doors::of(&ledger).await;
    doors.allocate("acme", "creative", 1).await;
    let last = ledger.accepted("acme", "AssignSeat", &assign("c1", "ada")).await;
    let wishes = [
        ("AllocateLicense", json!({"license": "creative", "product": "CREATIVE", "quantity": 1})),
        ("ChangeLicense", json!({"license": "creative", "quantity": 1})),
        ("ReinstateLicense", json!({"license": "creative"})),
        (
            "AssignSeat",
            json!({"license": "creative", "holders": [{"user": "ada"}, {"user": "ada"}]}),
        ),
        ("AssignSeat", json!({"product": "CREATIVE", "holders": [{"user": "ada"}]})),
        (
            "ChangeAssignment",
            json!({"license": "creative", "holder": {"user": "ada"}, "active": true}),
        ),
    ];
    for (number, (command, document)) in wishes.iter().enumerate() {
        for door in Door::ALL {
            let mut document = document.clone();
            document["id"] = json!(format!("w{number}-{door:?}"));
            let told = doors.document(door, ("acme", command), &document).await;
            assert_eq!((told.status, told.sequence), (200, Some(last)), "{door:?} {told:?}");
            assert_eq!(told.document["events"], json!([]), "{door:?} {command}");
            assert!(!replayed(&told), "{door:?} {command}");
        }
    }
    assert_eq!(doors.sequence().await, last);
}

/// A number of the ledger, summed over its labels; 0 where it was never counted.
async fn counted(ledger: &Ledger, name: &str) -> u64 {
    let metrics = ledger.get("/metrics").await;
    let metrics = std::str::from_utf8(&metrics.body).unwrap();
    let samples = metrics.lines().filter(|it| it.starts_with(name));
    samples.map(|it| it.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum()
}

/// Senders that had no answer in time all send again at once.
#[tokio::test(flavor = "multi_thread")]
async fn a_storm_of_repeats_reads_the_commit_once() {
    const SEATS: usize = 200;
    const REPEATS: usize = 400;
    let ledger = Ledger::start().await;
    let doors = Doors::of(&ledger).await;
    doors.allocate("acme", "creative", SEATS as i64 + 10).await;
    let to = ("acme", "AssignSeat");
    let holders: Vec<Value> = (0..SEATS).map(|it| json!({"user": format!("u{it}")})).collect();
    let document = json!({"id": "storm", "license": "creative", "holders": holders});
    let once = doors.document(Door::Ask, to, &document).await;
    assert_eq!((once.status, once.events().len()), (200, SEATS));
    let body = document.to_string();
    let (doors, body) = (&doors, body.as_bytes());
    let storm = (0..REPEATS).map(|it| doors.send(Door::ALL[it % 2 * 2], to, None, body));
    for told in futures_util::future::join_all(storm).await {
        assert!(
            told.sequence == once.sequence && replayed(&told) && told.events() == once.events()
        );
    }
    let told = counted(&ledger, "seatledger_commands_total{type=\"AssignSeat\"").await;
    assert_eq!(told, REPEATS as u64 + 1, "each of them was told");
    for name in ["seatledger_commits_read_again_total", "seatledger_outcomes_decoded_total"] {
        assert_eq!(counted(&ledger, name).await, 1, "{name}");
    }
    // Another one is read by itself, and once too.
    let other = doors.document(Door::Ask, to, &assign("c1", "ada")).await;
    for again in [&other, &other] {
        let told = doors.document(Door::Http, to, &assign("c1", "ada")).await;
        assert_eq!((told.sequence, told.events()), (again.sequence, again.events()));
    }
    assert_eq!(counted(&ledger, "seatledger_commits_read_again_total").await, 2);
    assert_eq!(counted(&ledger, "seatledger_outcomes_decoded_total").await, 2);
}
