//! The wire, as it is promised by example.

use serde_json::{Value, json};

use super::{Door, Doors};
use crate::Ledger;
use crate::ledger::PATIENCE;

const ID: &str = "01990000-0000-7000-8000-000000000001";

fn assign(id: &str) -> Value {
    json!({"id": id, "license": "creative",
           "holders": [{"user": "ada"}, {"email": "bo@example.com"}]})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_license_is_allocated_over_nats_as_the_example_shows() {
    let ledger = Ledger::start().await;
    let doors = Doors::of(&ledger).await;
    let document = json!({"id": ID, "license": "creative", "product": "CREATIVE", "quantity": 50});
    let told = doors.document(Door::Ask, ("acme", "AllocateLicense"), &document).await;
    assert_eq!((told.status, told.error.clone(), told.sequence), (200, None, Some(1)));
    assert_eq!(told.kind, "application/json");
    let event = &told.events()[0];
    let event_id = uuid::Uuid::parse_str(event["id"].as_str().unwrap()).unwrap();
    assert_eq!(event_id.get_version_num(), 7);
    assert_eq!(
        told.document,
        json!({
            "outcome": "accepted", "account": "acme", "command": ID, "sequence": 1,
            "replayed": false,
            "events": [{
                "id": event["id"], "type": "LicenseAllocated", "v": 1,
                "data": {"license": "creative", "number": 1, "product": "CREATIVE", "quantity": 50},
            }],
        })
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn seats_are_assigned_to_a_user_and_an_address_in_one_commit_through_any_door() {
    let ledger = Ledger::start().await;
    let doors = Doors::of(&ledger).await;
    for (number, door) in Door::ALL.into_iter().enumerate() {
        let account = format!("acme-{number}");
        let before = doors.allocate(&account, "creative", 50).await;
        let told = doors.document(door, (&account, "AssignSeat"), &assign(ID)).await;
        assert_eq!((told.status, told.sequence), (200, Some(before + 1)), "{door:?}: {told:?}");
        let events: Vec<_> = told.events().iter().map(|it| (&it["type"], &it["data"])).collect();
        let [(first, ada), (second, bo)] = events[..] else { panic!("{door:?}: {events:?}") };
        assert_eq!((first, second), (&json!("SeatAssigned"), &json!("SeatAssigned")));
        assert_eq!(
            (&ada["holder"], &bo["holder"]),
            (&json!({"user": "ada"}), &json!({"email": "bo@example.com"}))
        );
        assert_eq!((&ada["grounds"], &ada["license"]), (&json!(["direct"]), &json!("creative")));
        assert_ne!(ada["assignment"], bo["assignment"]);
        assert_ne!(ada["number"], bo["number"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_the_same_document_through_every_door() {
    let ledger = Ledger::start().await;
    let doors = Doors::of(&ledger).await;
    doors.allocate("acme", "creative", 1).await;
    ledger
        .accepted(
            "acme",
            "AssignSeat",
            &json!({"license": "creative", "holders": [{"user": "eve"}]}),
        )
        .await;
    let mut documents = vec![];
    for door in Door::ALL {
        let told = doors.document(door, ("acme", "AssignSeat"), &assign(ID)).await;
        assert_eq!((told.status, told.sequence), (409, None), "{door:?}");
        assert_eq!(told.kind, "application/problem+json", "{door:?}");
        let named = (door != Door::Http).then(|| "no_free_seat".to_owned());
        assert_eq!(told.error, named, "{door:?}");
        documents.push(told.document);
    }
    assert_eq!(documents[0], documents[1]);
    assert_eq!(documents[0], documents[2]);
    assert_eq!(
        documents[0],
        json!({
            "outcome": "refused", "account": "acme", "command": ID,
            "type": "/problems/no_free_seat", "title": "No free seat", "status": 409,
            "code": "no_free_seat",
            "detail": "creative: 1 of 1 seats are held, 2 more were asked for",
            "hint": "revoke an assignment, take back what is shared out, or raise the quantity with ChangeLicense",
        })
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn over_http_a_problem_names_its_request_and_an_answer_its_command() {
    let ledger = Ledger::start().await;
    let doors = Doors::of(&ledger).await;
    doors.allocate("acme", "creative", 1).await;
    let refused = ledger.send("acme", "AssignSeat", &assign("too-many")).await;
    let request = refused.headers["x-request-id"].to_str().unwrap();
    assert_eq!(refused.json()["request_id"], json!(request));
    assert_eq!(refused.headers["content-type"], "application/problem+json");
    let change = json!({"id": "more", "license": "creative", "quantity": 2});
    let accepted = ledger.send("acme", "ChangeLicense", &change).await;
    assert_eq!(accepted.headers["seatledger-command"], "more");
    assert_eq!(accepted.headers["seatledger-sequence"], "2");
    assert_eq!(accepted.sequence(), accepted.json()["sequence"].as_u64().unwrap());
    assert_eq!(accepted.headers["content-type"], "application/json");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_goes_through_every_door() {
    let ledger = Ledger::start().await;
    let doors = Doors::of(&ledger).await;
    let allocate = json!({"license": "l", "product": "P", "quantity": 2, "container": "tenant-1",
        "name": "L", "external_id": "x-1", "source": "erp", "metadata": {"a": [1, {"b": null}]},
        "starts_at": "2020-01-01T00:00:00Z", "ends_at": "2999-01-01T00:00:00+01:00"});
    let life = [
        ("AllocateLicense", allocate, "LicenseAllocated"),
        ("ChangeLicense", json!({"license": "l", "quantity": 3}), "QuantityChanged"),
        ("ChangeLicense", json!({"license": "l", "name": null}), "LicenseDescribed"),
        ("ChangeLicense", json!({"license": "l", "ends_at": null}), "WindowChanged"),
        ("SuspendLicense", json!({"license": "l"}), "LicenseSuspended"),
        ("ReinstateLicense", json!({"license": "l"}), "LicenseReinstated"),
        ("AssignSeat", json!({"product": "P", "holders": [{"user": "ada"}]}), "SeatAssigned"),
        (
            "ChangeAssignment",
            json!({"license": "l", "holder": {"user": "ada"}, "active": false}),
            "AssignmentDeactivated",
        ),
        (
            "ChangeAssignment",
            json!({"license": "l", "holder": {"user": "ada"}, "fulfilled": true}),
            "AssignmentFulfilled",
        ),
        (
            "RevokeAssignment",
            json!({"license": "l", "holders": [{"user": "ada"}]}),
            "AssignmentRevoked",
        ),
        ("RetireLicense", json!({"license": "l"}), "LicenseRetired"),
    ];
    let mut last = 0;
    for (number, door) in Door::ALL.into_iter().enumerate() {
        let account = format!("acme-{number}");
        for (step, (command, document, event)) in life.iter().enumerate() {
            let mut document = document.clone();
            document["id"] = json!(format!("step-{step}"));
            let told = doors.document(door, (&account, command), &document).await;
            assert_eq!(told.status, 200, "{door:?} {command}: {:?}", told.document);
            assert_eq!(told.sequence, Some(last + 1), "{door:?} {command}");
            last += 1;
            let kinds: Vec<_> = told.events().iter().map(|it| &it["type"]).collect();
            assert_eq!(kinds[0], event, "{door:?} {command}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_door_and_the_reason_are_recorded() {
    let ledger = Ledger::start().await;
    let doors = Doors::of(&ledger).await;
    let mut last = 0;
    for (number, door) in Door::ALL.into_iter().enumerate() {
        let document = json!({"id": format!("c{number}"), "license": format!("l{number}"),
            "product": "P", "quantity": 1, "actor": "it-admin", "reason": "new team",
            "change": {"source": "jira", "type": "order", "transaction_id": "T-1"}});
        last = doors.document(door, ("acme", "AllocateLicense"), &document).await.sequence.unwrap();
    }
    let history = ledger.get_at_least("/v1/accounts/acme/history", last).await.json();
    let items = history["items"].as_array().unwrap();
    let via: Vec<_> = items.iter().map(|it| it["via"].as_str().unwrap()).collect();
    assert_eq!(via, ["nats", "nats", "http"]);
    let change = json!({"source": "jira", "type": "order", "transaction_id": "T-1",
        "reason": "new team"});
    assert!(
        items.iter().all(|it| it["actor"] == "it-admin" && it["change"] == change),
        "{items:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_waits_in_vain_for_a_stray_subject() {
    let ledger = Ledger::start().await;
    let doors = Doors::of(&ledger).await;
    for (account, command, code) in [
        ("acme", "Nope", "unknown_command_type"),
        ("acme.x", "AssignSeat", "invalid_account"),
        ("a$b", "AssignSeat", "invalid_account"),
        ("é", "AssignSeat", "invalid_account"),
    ] {
        let told = doors.ask(account, command, None, b"{}").await;
        assert_eq!((told.code(), told.error.as_deref()), (code, Some(code)), "{account} {command}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subject_with_too_few_or_too_many_tokens_is_told_its_form() {
    let ledger = Ledger::start().await;
    let doors = Doors::of(&ledger).await;
    let form = "seatledger.command.<account>.<Type>";
    for subject in ["AssignSeat", "acme", "acme.x.AssignSeat", "acme.AssignSeat.x", "a.b.c.d"] {
        let asked = doors.nats.request(format!("seatledger.command.{subject}"), "{}".into());
        let reply = tokio::time::timeout(PATIENCE, asked).await.unwrap().unwrap();
        let told: Value = serde_json::from_slice(&reply.payload).unwrap();
        assert_eq!(told["outcome"], json!("malformed"), "{subject}");
        assert!(told["hint"].as_str().is_some_and(|it| it.contains(form)), "{subject}: {told}");
    }
    // Where only the type is wrong, the nearest one helps more.
    let told = doors.ask("acme", "AssignSaet", None, b"{}").await;
    let hint = told.document["hint"].as_str().unwrap();
    assert!(hint.contains("AssignSeat") && !hint.contains(form), "{hint}");
}
