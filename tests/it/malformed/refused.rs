//! Well-formed, and about nothing that there is.

use serde_json::{Value, json};

use crate::Ledger;
use crate::doors::{Door, Doors};

const NOBODY: &str = "01990000-0000-7000-8000-0000000000ff";

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

fn assign(license: &str) -> Value {
    json!({"license": license, "holders": [{"user": "eve"}]})
}

fn cases() -> Vec<(&'static str, Value, u16, &'static str)> {
    let one = |license: &str| json!({"license": license});
    let holders =
        |license: &str, user: &str| json!({"license": license, "holders": [{"user": user}]});
    vec![
        ("AssignSeat", assign("nope"), 404, "license_not_found"),
        ("ChangeLicense", one("nope"), 404, "license_not_found"),
        ("SuspendLicense", one("nope"), 404, "license_not_found"),
        ("ReinstateLicense", one("nope"), 404, "license_not_found"),
        ("RetireLicense", one("nope"), 404, "license_not_found"),
        ("RevokeAssignment", holders("nope", "ada"), 404, "license_not_found"),
        (
            "AssignSeat",
            json!({"product": "nope", "holders": [{"user": "eve"}]}),
            404,
            "product_not_found",
        ),
        (
            "ChangeAssignment",
            json!({"assignment": NOBODY, "active": true}),
            404,
            "assignment_not_found",
        ),
        ("RevokeAssignment", json!({"assignment": NOBODY}), 404, "assignment_not_found"),
        ("RevokeAssignment", json!({"assignments": [NOBODY]}), 404, "assignment_not_found"),
        (
            "ChangeAssignment",
            json!({"license": "full", "holder": {"user": "who"}, "active": true}),
            404,
            "holder_not_found",
        ),
        ("RevokeAssignment", holders("full", "who"), 404, "holder_not_found"),
        (
            "RevokeAssignment",
            json!({"license": "full", "holders": [{"user": "ada"}, {"user": "who"}]}),
            404,
            "holder_not_found",
        ),
        (
            "AllocateLicense",
            json!({"license": "full", "product": "other", "quantity": 2}),
            409,
            "license_exists",
        ),
        (
            "AllocateLicense",
            json!({"license": "new", "product": "P", "quantity": 1, "external_id": "x-1"}),
            409,
            "external_id_taken",
        ),
        (
            "ChangeLicense",
            json!({"license": "full", "external_id": "x-1"}),
            409,
            "external_id_taken",
        ),
        ("AssignSeat", assign("retired"), 409, "license_retired"),
        ("ReinstateLicense", one("retired"), 409, "license_retired"),
        ("AssignSeat", assign("suspended"), 409, "license_suspended"),
        ("AssignSeat", assign("ended"), 409, "license_ended"),
        (
            "AssignSeat",
            json!({"product": "ended", "holders": [{"user": "eve"}]}),
            409,
            "no_license_in_force",
        ),
        (
            "ChangeAssignment",
            json!({"license": "used", "holder": {"user": "bo"}, "active": true}),
            409,
            "not_assigned",
        ),
        (
            "ChangeLicense",
            json!({"license": "ended", "starts_at": "2020-03-01T00:00:00Z"}),
            409,
            "window_empty",
        ),
        ("ChangeLicense", json!({"license": "full", "quantity": 1}), 409, "quantity_below_use"),
        ("RetireLicense", one("full"), 409, "license_in_use"),
        ("AssignSeat", assign("full"), 409, "no_free_seat"),
        (
            "AssignSeat",
            json!({"license": "used", "holders": [{"user": "x"}, {"user": "y"}]}),
            409,
            "no_free_seat",
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_unknown_or_in_the_way_is_told_alike_through_every_door() {
    let ledger = Ledger::start().await;
    world(&ledger).await;
    let doors = Doors::of(&ledger).await;
    let before = doors.sequence().await;
    let mut refused = 0;
    for (number, (command, mut document, status, code)) in cases().into_iter().enumerate() {
        document["id"] = json!(format!("no-{number}"));
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
    for (number, (command, mut document, ..)) in cases().into_iter().enumerate() {
        if command == "AllocateLicense" {
            continue;
        }
        document["id"] = json!(format!("no-{number}"));
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
        told.push(said.document);
    }
    assert!(told.iter().all(|it| *it == told[0]), "{told:#?}");
    assert_eq!(doors.sequence().await, before);
    // What fits is taken, and all of it is there.
    let document = json!({"license": "creative", "holders": holders});
    let last = ledger.accepted("acme", "AssignSeat", &document).await;
    let license = ledger.get_at_least("/v1/accounts/acme/licenses/creative", last).await.json();
    assert_eq!(license["used"], json!(1_000));
}
