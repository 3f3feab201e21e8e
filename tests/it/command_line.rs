//! The command line: every subcommand, its exit codes, and JSON on request.

mod asking;
mod fresh;
mod lists;
mod sending;
mod shape;
mod terminal;

use std::process::Output;

use serde_json::{Value, json};

use crate::Ledger;

/// The code with which a run ended.
fn code(output: &Output) -> i32 {
    output.status.code().expect("it ends by itself")
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// The one document that a run has printed.
#[track_caller]
fn document(output: &Output) -> Value {
    let out = out(output);
    assert_eq!(
        out.trim_end().lines().count(),
        1,
        "one document in one line: {out} {}",
        err(output)
    );
    serde_json::from_str(&out).unwrap_or_else(|it| panic!("{it}: {out}"))
}

/// The documents that a run has printed, one a line.
#[track_caller]
fn documents(output: &Output) -> Vec<Value> {
    let out = out(output);
    out.lines().map(|it| serde_json::from_str(it).unwrap_or_else(|e| panic!("{e}: {it}"))).collect()
}

/// A ledger with two licenses, three seats and a refusal.
async fn small() -> Ledger {
    let ledger = Ledger::start().await;
    for (license, quantity) in [("creative", 2), ("office", 5)] {
        let document =
            json!({"license": license, "product": license.to_uppercase(), "quantity": quantity});
        ledger.accepted("acme", "AllocateLicense", &document).await;
    }
    let holders = json!([{"user": "ada"}, {"email": "bo@example.com"}]);
    let assign = json!({"license": "creative", "holders": holders, "actor": "it", "reason": "new"});
    ledger.accepted("acme", "AssignSeat", &assign).await;
    let assign = json!({"license": "office", "holders": [{"user": "ada"}]});
    ledger.accepted("acme", "AssignSeat", &assign).await;
    let one_more = json!({"license": "creative", "holders": [{"user": "eve"}]});
    assert_eq!(ledger.send("acme", "AssignSeat", &one_more).await.status, 409);
    ledger.caught_up().await;
    ledger
}

/// Somebody new a line, without ids.
fn hires(numbers: std::ops::Range<u32>) -> impl Iterator<Item = String> {
    numbers.map(|it| {
        let holder = json!({"user": format!("hire-{it}")});
        let line = json!({"account": "acme", "type": "RegisterHolder", "holder": holder});
        format!("{line}\n")
    })
}
