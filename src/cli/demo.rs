//! Demo data: a few commands with fixed ids, so that loading them again changes nothing.

use events::CommandType;
use events::request::{Address, Via};
use serde_json::{Value, json};

use crate::intake::Sender;

/// Loads the demo. Says how many commands were accepted, now or at an earlier start.
pub(super) async fn load(intake: &Sender) -> usize {
    let mut accepted = 0;
    for (number, (account, kind, document)) in commands().into_iter().enumerate() {
        let key = format!("demo-{}", number + 1);
        let address = Address { account, kind: kind.as_str(), key: Some(&key), via: Via::Nats };
        let answer = intake.send(&address, document.to_string().as_bytes()).await;
        accepted += usize::from(answer.status == 200);
    }
    accepted
}

fn commands() -> Vec<(&'static str, CommandType, Value)> {
    use CommandType::{AllocateLicense, AssignSeat, ChangeAssignment, RevokeAssignment};
    let people =
        |names: &[&str]| -> Vec<Value> { names.iter().map(|it| json!({ "user": it })).collect() };
    vec![
        (
            "acme",
            AllocateLicense,
            json!({"license": "creative", "product": "CREATIVE", "quantity": 5, "name": "Creative suite", "actor": "it-admin"}),
        ),
        (
            "acme",
            AssignSeat,
            json!({"license": "creative", "holders": people(&["ada", "grace", "linus"]), "actor": "it-admin", "reason": "design team"}),
        ),
        (
            "acme",
            AssignSeat,
            json!({"license": "creative", "holders": [{"email": "bo@example.com"}], "actor": "it-admin"}),
        ),
        (
            "acme",
            RevokeAssignment,
            json!({"license": "creative", "holders": people(&["linus"]), "actor": "hr-sync", "reason": "left"}),
        ),
        (
            "acme",
            AllocateLicense,
            json!({"license": "office-2026", "product": "OFFICE", "quantity": 50, "starts_at": "2026-01-01T00:00:00Z", "ends_at": "2027-01-01T00:00:00Z", "external_id": "PO-4711", "actor": "it-admin"}),
        ),
        (
            "acme",
            AssignSeat,
            json!({"license": "office-2026", "holders": people(&["ada", "grace", "tom", "eve"]), "actor": "hr-sync"}),
        ),
        (
            "acme",
            ChangeAssignment,
            json!({"license": "office-2026", "holder": {"user": "ada"}, "fulfilled": true, "actor": "provisioner"}),
        ),
        (
            "globex",
            AllocateLicense,
            json!({"license": "course-rust", "product": "course:rust-101", "quantity": 2, "actor": "academy"}),
        ),
        (
            "globex",
            AssignSeat,
            json!({"license": "course-rust", "holders": [{"user": "u1", "email": "u1@globex.example"}, {"user": "u2"}], "actor": "academy"}),
        ),
        // Every seat is held: this one is refused, and the refusal can be seen.
        (
            "globex",
            AssignSeat,
            json!({"license": "course-rust", "holders": people(&["u3"]), "actor": "academy"}),
        ),
        (
            "song_one",
            AllocateLicense,
            json!({"license": "RPADEVNU", "product": "RPADEVNU", "quantity": 10, "actor": "licensing"}),
        ),
        (
            "song_one",
            AssignSeat,
            json!({"product": "RPADEVNU", "holders": people(&["singer-77", "singer-88"]), "actor": "licensing"}),
        ),
    ]
}
