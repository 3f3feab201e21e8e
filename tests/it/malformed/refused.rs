//! Well-formed, and about nothing that there is.

use serde_json::{Value, json};

use crate::Ledger;
use crate::doors::{Door, Doors};

/// A world with one license of each kind, for refusals to be about.
async fn world(ledger: &Ledger) {
    let known = |name: &str| json!({"license": name, "product": name, "quantity": 2});
    for name in ["full", "suspended", "retired", "used"] {
        ledger.accepted("acme", "AllocateLicense", &known(name)).await;
    }
    let ended = json!({"license": "ended", "product": "ended", "quantity": 2,
        "starts_at": "2020-01-01T00:00:00Z", "ends_at": "2020-02-01T00:00:00Z",
        "external_id": "x-1"});
    ledger.accepted("acme", "AllocateLicense", &ended).await;
    for (license, users) in [("full", &["ada", "bo"][..]), ("used", &["ada"])] {
        let holders: Vec<_> = users.iter().map(|it| json!({"user": it})).collect();
        let assign = json!({"license": license, "holders": holders});
        ledger.accepted("acme", "AssignSeat", &assign).await;
    }
    ledger.accepted("acme", "SuspendLicense", &json!({"license": "suspended"})).await;
    ledger.accepted("acme", "RetireLicense", &json!({"license": "retired"})).await;
}

/// A command, its document, and what stands in its way.
type Case = (&'static str, &'static str, u16, &'static str);

/// Where nothing of that name is known.
const UNKNOWN: &[Case] = &[
    ("AssignSeat", r#"{"license":"nope","holders":[{"user":"eve"}]}"#, 404, "license_not_found"),
    ("ChangeLicense", r#"{"license":"nope"}"#, 404, "license_not_found"),
    ("SuspendLicense", r#"{"license":"nope"}"#, 404, "license_not_found"),
    ("ReinstateLicense", r#"{"license":"nope"}"#, 404, "license_not_found"),
    ("RetireLicense", r#"{"license":"nope"}"#, 404, "license_not_found"),
    (
        "RevokeAssignment",
        r#"{"license":"nope","holders":[{"user":"ada"}]}"#,
        404,
        "license_not_found",
    ),
    ("AssignSeat", r#"{"product":"nope","holders":[{"user":"eve"}]}"#, 404, "product_not_found"),
    (
        "ChangeAssignment",
        r#"{"assignment":"01990000-0000-7000-8000-0000000000ff","active":true}"#,
        404,
        "assignment_not_found",
    ),
    (
        "RevokeAssignment",
        r#"{"assignment":"01990000-0000-7000-8000-0000000000ff"}"#,
        404,
        "assignment_not_found",
    ),
    (
        "RevokeAssignment",
        r#"{"assignments":["01990000-0000-7000-8000-0000000000ff"]}"#,
        404,
        "assignment_not_found",
    ),
    (
        "ChangeAssignment",
        r#"{"license":"full","holder":{"user":"who"},"active":true}"#,
        404,
        "holder_not_found",
    ),
    (
        "RevokeAssignment",
        r#"{"license":"full","holders":[{"user":"who"}]}"#,
        404,
        "holder_not_found",
    ),
    (
        "RevokeAssignment",
        r#"{"license":"full","holders":[{"user":"ada"},{"user":"who"}]}"#,
        404,
        "holder_not_found",
    ),
];

/// Where all names are known, and the state of the world is another.
const IN_THE_WAY: &[Case] = &[
    (
        "AllocateLicense",
        r#"{"license":"full","product":"other","quantity":2}"#,
        409,
        "license_exists",
    ),
    (
        "AllocateLicense",
        r#"{"license":"new","product":"P","quantity":1,"external_id":"x-1"}"#,
        409,
        "external_id_taken",
    ),
    ("ChangeLicense", r#"{"license":"full","external_id":"x-1"}"#, 409, "external_id_taken"),
    ("AssignSeat", r#"{"license":"retired","holders":[{"user":"eve"}]}"#, 409, "license_retired"),
    ("ReinstateLicense", r#"{"license":"retired"}"#, 409, "license_retired"),
    (
        "AssignSeat",
        r#"{"license":"suspended","holders":[{"user":"eve"}]}"#,
        409,
        "license_suspended",
    ),
    ("AssignSeat", r#"{"license":"ended","holders":[{"user":"eve"}]}"#, 409, "license_ended"),
    ("AssignSeat", r#"{"product":"ended","holders":[{"user":"eve"}]}"#, 409, "no_license_in_force"),
    (
        "ChangeAssignment",
        r#"{"license":"used","holder":{"user":"bo"},"active":true}"#,
        409,
        "not_assigned",
    ),
    (
        "ChangeLicense",
        r#"{"license":"ended","starts_at":"2020-03-01T00:00:00Z"}"#,
        409,
        "window_empty",
    ),
    ("ChangeLicense", r#"{"license":"full","quantity":1}"#, 409, "quantity_below_use"),
    ("RetireLicense", r#"{"license":"full"}"#, 409, "license_in_use"),
    ("AssignSeat", r#"{"license":"full","holders":[{"user":"eve"}]}"#, 409, "no_free_seat"),
    (
        "AssignSeat",
        r#"{"license":"used","holders":[{"user":"x"},{"user":"y"}]}"#,
        409,
        "no_free_seat",
    ),
];

/// Each case with an id of its own.
fn cases() -> impl Iterator<Item = (&'static str, Value, u16, &'static str)> {
    let all = UNKNOWN.iter().chain(IN_THE_WAY).enumerate();
    all.map(|(number, (command, document, status, code))| {
        let mut document: Value = serde_json::from_str(document).unwrap();
        document["id"] = json!(format!("no-{number}"));
        (*command, document, *status, *code)
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_unknown_or_in_the_way_is_told_alike_through_every_door() {
    let ledger = Ledger::start().await;
    world(&ledger).await;
    let doors = Doors::of(&ledger).await;
    let before = doors.sequence().await;
    let mut refused = 0;
    for (command, document, status, code) in cases() {
        let mut told = vec![];
        for door in Door::ALL {
            let said = doors.document(door, ("acme", command), &document).await;
            assert_eq!((said.status, said.code()), (status, code), "{door:?} {document}: {said:?}");
            assert_eq!(said.document["outcome"], json!("refused"), "{document}");
            assert!(said.document["hint"].is_string(), "{document}");
            told.push(said.document);
            refused += 1;
        }
        assert!(told.iter().all(|it| *it == told[0]), "{told:#?}");
    }
    assert_eq!(doors.sequence().await, before, "something was written");
    let kept = ledger.refusals("acme", refused).await;
    assert_eq!(kept.len(), refused);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_unknown_until_it_has_a_license() {
    let ledger = Ledger::start().await;
    let doors = Doors::of(&ledger).await;
    for (command, document, ..) in cases().filter(|it| it.0 != "AllocateLicense") {
        for door in Door::ALL {
            let told = doors.document(door, ("acme", command), &document).await;
            assert_eq!(
                (told.status, told.code()),
                (404, "account_not_found"),
                "{door:?} {document}"
            );
        }
    }
    assert_eq!(doors.sequence().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ended_assignment_stays_ended() {
    let ledger = Ledger::start().await;
    world(&ledger).await;
    let last = ledger
        .accepted(
            "acme",
            "RevokeAssignment",
            &json!({"license": "used", "holders": [{"user": "ada"}]}),
        )
        .await;
    let path = "/v1/accounts/acme/licenses/used/assignments?ended=true";
    let assignment = ledger.get_at_least(path, last).await.json()["items"][0]["assignment"].clone();
    let doors = Doors::of(&ledger).await;
    for door in Door::ALL {
        let change = json!({"id": format!("c-{door:?}"), "assignment": assignment, "active": true});
        let told = doors.document(door, ("acme", "ChangeAssignment"), &change).await;
        assert_eq!((told.status, told.code()), (409, "assignment_ended"), "{door:?}");
        let revoke = json!({"id": format!("r-{door:?}"), "assignment": assignment});
        let told = doors.document(door, ("acme", "RevokeAssignment"), &revoke).await;
        assert_eq!((told.status, &told.document["events"]), (200, &json!([])), "{door:?}");
    }
    assert_eq!(doors.sequence().await, last);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_whose_events_fit_no_commit_is_refused() {
    let ledger = Ledger::start().await;
    let doors = Doors::of(&ledger).await;
    let before = doors.allocate("acme", "creative", 10_000).await;
    let metadata = json!({"a": "x".repeat(8_000)});
    let holders: Vec<_> = (0..1_000).map(|it| json!({"user": format!("u{it}")})).collect();
    let document =
        json!({"id": "big", "license": "creative", "holders": holders, "metadata": metadata});
    let mut told = vec![];
    for door in Door::ALL {
        let said = doors.document(door, ("acme", "AssignSeat"), &document).await;
        assert_eq!((said.status, said.code()), (409, "commit_too_large"), "{door:?}");
        // How many bytes it would have depends on who was let in: each event says so.
        let mut document = said.document;
        document["detail"] = json!(null);
        told.push(document);
    }
    assert!(told.iter().all(|it| *it == told[0]), "{told:#?}");
    assert_eq!(doors.sequence().await, before);
    // What fits is taken, and all of it is there.
    let document = json!({"license": "creative", "holders": holders});
    let last = ledger.accepted("acme", "AssignSeat", &document).await;
    let license = ledger.get_at_least("/v1/accounts/acme/licenses/creative", last).await.json();
    assert_eq!(license["used"], json!(1_000));
}
