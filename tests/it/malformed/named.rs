//! Whose mistake it was: what is told of a malformed document names account and command.

use serde_json::{Value, json};

use crate::Ledger;
use crate::doors::{Door, Doors};

/// An id that stands in a document that is wrong in another way.
const NAMED: [(&str, &[u8]); 5] = [
    ("an unknown field", br#"{"id":"c-1","licens":"x"}"#),
    ("an escaped id", br#"{"id":"c\u002d1"}"#),
    ("a field of the wrong type", br#"{"license":7,"id":"c-1","product":"P","quantity":1}"#),
    ("another type", br#"{"id":"c-1","type":"AssignSeat"}"#),
    ("another account", br#"{"id":"c-1","account":"globex"}"#),
];

/// What has no id that could be read.
const NAMELESS: [(&str, &[u8]); 8] = [
    ("nothing", b""),
    ("half an object", br#"{"id":"c-1""#),
    ("a list", br#"["c-1"]"#),
    ("a number", br#"{"id":7}"#),
    ("null", br#"{"id":null}"#),
    ("no token", br#"{"id":"c.1"}"#),
    ("two ids", br#"{"id":"c-1","id":"c-2"}"#),
    ("no id", br#"{"licens":"x"}"#),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_malformed_document_with_an_id_is_answered_by_account_and_command() {
    let ledger = Ledger::start().await;
    let doors = Doors::of(&ledger).await;
    for (what, body) in NAMED {
        for command in ["AllocateLicense", "Nope"] {
            for door in Door::ALL {
                let told = match door {
                    Door::Post => {
                        let mut outcomes = doors.outcomes("c-1").await;
                        doors.put("acme", command, None, body).await;
                        crate::doors::outcome(&mut outcomes).await
                    }
                    Door::Ask | Door::Http => doors.send(door, ("acme", command), None, body).await,
                };
                let whose = (&told.document["account"], &told.document["command"]);
                assert_eq!(whose, (&json!("acme"), &json!("c-1")), "{what} {door:?}: {told:?}");
                assert_eq!(told.document["outcome"], json!("malformed"), "{what} {door:?}");
            }
        }
    }
    let path = "/v1/accounts/acme/commands/AssignSeat";
    let answer = ledger.post_bytes(path, NAMED[0].1, &[]).await;
    assert_eq!(answer.headers["seatledger-command"], "c-1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_malformed_document_without_an_id_names_no_command() {
    let ledger = Ledger::start().await;
    let doors = Doors::of(&ledger).await;
    for (what, body) in NAMELESS {
        for door in [Door::Ask, Door::Http] {
            let told = doors.send(door, ("acme", "AssignSeat"), None, body).await;
            let whose = (&told.document["account"], &told.document["command"]);
            assert_eq!(whose, (&json!("acme"), &Value::Null), "{what} {door:?}: {told:?}");
        }
    }
    // What is no account is not repeated as one.
    let told = doors.ask("a$b", "AssignSeat", None, br#"{"id":"c-1"}"#).await;
    let whose = (&told.document["account"], &told.document["command"]);
    assert_eq!(whose, (&Value::Null, &json!("c-1")), "{told:?}");
}
