//! Several commands as one, through every door.

use serde_json::{Value, json};

use super::{Door, Doors};
use crate::Ledger;

fn assign(user: &str) -> Value {
    json!({"command": "AssignSeat", "document": {"license": "l", "holders": [{"user": user}]}})
}

fn revoke(user: &str) -> Value {
    json!({"command": "RevokeAssignment", "document": {"license": "l", "holders": [{"user": user}]}})
}

async fn one_seat(doors: &Doors<'_>, account: &str) {
    let license = json!({"license": "l", "product": "P", "quantity": 1});
    doors.ledger.accepted(account, "AllocateLicense", &license).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_of_a_batch_happens_in_one_commit_and_once() {
    let ledger = Ledger::start().await;
    let doors = Doors::of(&ledger).await;
    for (number, door) in Door::ALL.into_iter().enumerate() {
        let account = format!("a{number}");
        one_seat(&doors, &account).await;
        let to = (account.as_str(), "ApplyBatch");
        let batch = json!({"id": "b", "commands": [assign("ada"), revoke("ada"), assign("bo")]});
        let told = doors.document(door, to, &batch).await;
        let types: Vec<_> = told.events().iter().map(|it| it["type"].clone()).collect();
        assert_eq!(types, ["SeatAssigned", "AssignmentRevoked", "SeatAssigned"], "{told:?}");
        let again = doors.document(door, to, &batch).await;
        assert_eq!((again.sequence, &again.document["replayed"]), (told.sequence, &json!(true)));
        assert_eq!(again.events(), told.events());
        let path = format!("/v1/accounts/{account}/history?command=b");
        let history = ledger.get_at_least(&path, told.sequence.unwrap()).await.json();
        let sequences = history["items"].as_array().unwrap().iter().map(|it| &it["sequence"]);
        assert_eq!(sequences.collect::<Vec<_>>(), vec![&json!(told.sequence); 3]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_a_batch_happens_where_one_is_refused() {
    let ledger = Ledger::start().await;
    let doors = Doors::of(&ledger).await;
    for (number, door) in Door::ALL.into_iter().enumerate() {
        let account = format!("a{number}");
        one_seat(&doors, &account).await;
        let before = doors.sequence().await;
        let id = format!("b{number}");
        let batch = json!({"id": id, "commands": [assign("ada"), assign("bo")]});
        let told = doors.document(door, (&account, "ApplyBatch"), &batch).await;
        let pointer = &told.document["pointer"];
        assert_eq!(
            (told.status, told.code(), pointer),
            (409, "no_free_seat", &json!("/commands/1"))
        );
        let said =
            "command 2 of the batch, AssignSeat: l: 1 of 1 seats are held, 1 more was asked for";
        assert_eq!(told.document["detail"], json!(said));
        assert_eq!(doors.sequence().await, before);
        // It is told again in the same words, and counted for the license that was short.
        let refusals = ledger.refusals(&account, 1).await;
        assert_eq!((&refusals[0]["pointer"], &refusals[0]["license"]), (pointer, &json!("l")));
        let again = ledger.get(&format!("/v1/accounts/{account}/commands/{id}")).await.json();
        assert_eq!((&again["detail"], &again["pointer"]), (&json!(said), pointer));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_is_tried_out_as_a_whole() {
    let ledger = Ledger::start().await;
    let doors = Doors::of(&ledger).await;
    one_seat(&doors, "acme").await;
    let before = doors.sequence().await;
    let commands = [assign("ada"), revoke("ada"), assign("bo")];
    let batch = json!({"commands": commands, "dry_run": true});
    let told = doors.document(Door::Ask, ("acme", "ApplyBatch"), &batch).await;
    assert_eq!((told.status, told.events().len()), (200, 3));
    assert_eq!(doors.sequence().await, before);
}
