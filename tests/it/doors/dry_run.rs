//! Judged, shown, and not written.

use serde_json::{Value, json};

use super::{Door, Doors};
use crate::Ledger;

fn assign(id: &str, user: &str) -> Value {
    json!({"id": id, "license": "creative", "holders": [{"user": user}], "dry_run": true})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_shows_what_would_happen_and_writes_nothing_through_any_door() {
    let ledger = Ledger::start().await;
    let doors = Doors::of(&ledger).await;
    let before = doors.allocate("acme", "creative", 1).await;
    for (number, door) in Door::ALL.into_iter().enumerate() {
        let id = format!("try-{number}");
        let told = doors.document(door, ("acme", "AssignSeat"), &assign(&id, "ada")).await;
        assert_eq!((told.status, told.sequence), (200, Some(before)), "{door:?}: {told:?}");
        assert_eq!(told.document["dry_run"], json!(true), "{door:?}");
        assert_eq!(told.document["replayed"], json!(false), "{door:?}");
        assert_eq!(told.events()[0]["type"], json!("SeatAssigned"), "{door:?}");
        assert_eq!(told.events()[0]["data"]["holder"], json!({"user": "ada"}), "{door:?}");
        assert_eq!(doors.sequence().await, before, "{door:?}");
        let outcome = ledger.get(&format!("/v1/accounts/acme/commands/{id}")).await;
        assert_eq!(outcome.status, 404, "{door:?}: a dry run has no outcome");
    }
    let license = ledger.get_at_least("/v1/accounts/acme/licenses/creative", before).await.json();
    assert_eq!(license["used"], json!(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_id_of_a_dry_run_is_still_free() {
    let ledger = Ledger::start().await;
    let doors = Doors::of(&ledger).await;
    let before = doors.allocate("acme", "creative", 1).await;
    let mut document = assign("c1", "ada");
    doors.document(Door::Http, ("acme", "AssignSeat"), &document).await;
    document["dry_run"] = json!(false);
    let told = doors.document(Door::Http, ("acme", "AssignSeat"), &document).await;
    assert_eq!((told.sequence, &told.document["replayed"]), (Some(before + 1), &json!(false)));
    // A dry run of what was done already tells what was done.
    document["dry_run"] = json!(true);
    let again = doors.document(Door::Http, ("acme", "AssignSeat"), &document).await;
    assert_eq!((again.sequence, again.events()), (told.sequence, told.events()));
    assert_eq!(doors.sequence().await, before + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_dry_run_is_not_kept_as_denied_demand() {
    let ledger = Ledger::start().await;
    let doors = Doors::of(&ledger).await;
    doors.allocate("acme", "creative", 0).await;
    for (number, door) in Door::ALL.into_iter().enumerate() {
        let document = assign(&format!("try-{number}"), "ada");
        let told = doors.document(door, ("acme", "AssignSeat"), &document).await;
        assert_eq!((told.status, told.code()), (409, "no_free_seat"), "{door:?}");
    }
    // Refusals are kept in order: once a later one is there, an earlier one would be.
    let real = json!({"id": "real", "license": "creative", "holders": [{"user": "ada"}]});
    doors.document(Door::Http, ("acme", "AssignSeat"), &real).await;
    let items = ledger.refusals("acme", 1).await;
    assert_eq!(items.iter().map(|it| &it["command"]).collect::<Vec<_>>(), ["real"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_asked_for_in_the_query_writes_nothing_whatever_the_document_holds() {
    let ledger = Ledger::start().await;
    let doors = Doors::of(&ledger).await;
    let before = doors.allocate("acme", "creative", 1).await;
    let path = "/v1/accounts/acme/commands/AllocateLicense?dry_run=true";
    for (name, body) in [
        ("plain", r#"{"license":"x","product":"P","quantity":1}"#),
        ("white space", " \n{ \t\"license\":\"x\",\"product\":\"P\",\"quantity\":1}"),
        ("said twice", r#"{"license":"x","product":"P","quantity":1,"dry_run":true}"#),
        ("metadata", r#"{"license":"x","product":"P","quantity":1,"metadata":{"dry_run":false}}"#),
        ("a name", r#"{"license":"x","product":"P","quantity":1,"name":"\"dry_run\""}"#),
        ("said otherwise", r#"{"license":"x","product":"P","quantity":1,"dry_run":false}"#),
        ("an actor", r#"{"license":"x","product":"P","quantity":1,"actor":"dry_run"}"#),
    ] {
        let told = ledger.post_bytes(path, body.as_bytes(), &[]).await;
        assert_eq!(told.status, 200, "{name}: {}", told.json());
        assert_eq!(told.json()["dry_run"], json!(true), "{name}");
        assert_eq!(doors.sequence().await, before, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_asked_for_in_the_query_does_not_mend_a_broken_document() {
    let ledger = Ledger::start().await;
    let path = "/v1/accounts/acme/commands/AllocateLicense";
    let broken: [&[u8]; 5] = [
        b"",
        b"{",
        b"{,\"license\":\"x\",\"product\":\"P\",\"quantity\":1}",
        b"{\"license\":\"x\xff\",\"product\":\"P\",\"quantity\":1}",
        b"\xef\xbb\xbf{\"license\":\"x\",\"product\":\"P\",\"quantity\":1}",
    ];
    for body in broken {
        let shown = String::from_utf8_lossy(body);
        for query in ["", "?dry_run=false", "?dry_run=true"] {
            let told = ledger.post_bytes(&format!("{path}{query}"), body, &[]).await;
            let code = told.json()["code"].clone();
            assert_eq!((told.status, code), (400, json!("malformed_json")), "{shown} {query}");
        }
    }
}
