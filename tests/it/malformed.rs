//! What is no command is told so, with a stable code, and nothing is written.

mod limits;
mod named;
mod names;
mod refused;
mod table;

use serde_json::{Value, json};

use crate::Ledger;
use crate::doors::{Door, Doors, Told};
use crate::ledger::eventually;

/// A document that is wrong, and what is said about it.
pub struct Case {
    /// What is wrong, for whoever reads a failed test.
    pub what: &'static str,
    pub command: &'static str,
    pub body: Vec<u8>,
    pub code: &'static str,
    pub pointer: &'static str,
}

/// Sends each case through each door, and sees that all are told the same and nothing is written.
pub async fn all_doors_say_the_same(ledger: &Ledger, cases: Vec<Case>) {
    let doors = Doors::of(ledger).await;
    let before = doors.sequence().await;
    for (number, case) in cases.iter().enumerate() {
        // Beside the document, so that what is not even JSON has an outcome to listen for.
        let key = format!("case-{number}");
        let mut told = vec![];
        for door in Door::ALL {
            let said = doors.send(door, ("acme", case.command), Some(&key), &case.body).await;
            fits(case, door, &said);
            let whose = (&said.document["account"], &said.document["command"]);
            assert_eq!(whose, (&json!("acme"), &json!(key)), "{} through {door:?}", case.what);
            told.push(said.document);
        }
        assert!(told.iter().all(|it| *it == told[0]), "{}: {told:#?}", case.what);
    }
    assert_eq!(doors.sequence().await, before, "something was written");
    let kept = codes_kept(ledger, cases.len()).await;
    let mut wrong: Vec<_> = cases.iter().map(|it| it.code.to_owned()).collect();
    wrong.sort();
    assert_eq!(kept, wrong, "what was posted is kept, and nothing else");
    let alive = json!({"license": "alive", "product": "P", "quantity": 1});
    assert_eq!(ledger.accepted("acme", "AllocateLicense", &alive).await, before + 1);
}

/// The codes of what is kept of documents that are no command, once there are so many.
async fn codes_kept(ledger: &Ledger, count: usize) -> Vec<String> {
    let mut codes = vec![];
    eventually("what was posted is kept", async || {
        let kept = ledger.get("/v1/accounts/acme/refusals?limit=1000").await.json();
        let kept = kept["items"].as_array().unwrap().clone();
        codes = kept.iter().map(|it| it["code"].as_str().unwrap().to_owned()).collect();
        codes.len() >= count
    })
    .await;
    codes.sort();
    codes
}

fn fits(case: &Case, door: Door, told: &Told) {
    let what = format!("{} through {door:?}: {told:?}", case.what);
    assert_eq!(told.code(), case.code, "{what}");
    let status = match case.code {
        "payload_too_large" => 413,
        "unknown_command_type" => 404,
        _ => 400,
    };
    assert_eq!((told.status, &told.document["status"]), (status, &json!(status)), "{what}");
    assert_eq!(told.document["outcome"], json!("malformed"), "{what}");
    assert_eq!(told.document["pointer"], json!(case.pointer), "{what}");
    assert_eq!(told.document["type"], json!(format!("/problems/{}", case.code)), "{what}");
    for sentence in ["title", "detail"] {
        assert!(is_sentence(&told.document[sentence]), "{what}");
    }
    assert!(told.document.to_string().len() < 2_000, "{what}: a page of it");
    assert_eq!(told.kind, "application/problem+json", "{what}");
    assert_eq!(told.sequence, None, "{what}");
    let named = (door != Door::Http).then(|| case.code.to_owned());
    assert_eq!(told.error, named, "{what}");
}

/// Something to read: words, nothing that steers a terminal, and no names of our own types.
fn is_sentence(it: &Value) -> bool {
    it.as_str().is_some_and(|it| {
        it.contains(' ') && !it.contains(char::is_control) && !it.contains("struct ")
    })
}
