//! What happens by itself, and the clock of dev mode, which can be moved forward.

use serde_json::{Value, json};

use super::nats_server::{JETSTREAM, NatsServer};
use crate::Ledger;
use crate::ledger::eventually;

async fn moved(ledger: &Ledger, forward: &str) -> Value {
    let body = json!({"forward": forward}).to_string();
    let answer = ledger.post_bytes("/v1/clock", body.as_bytes(), &[]).await;
    assert_eq!(answer.status, 200, "{}", answer.json());
    answer.json()
}

/// The moment so many days from what the ledger's clock shows.
async fn in_days(ledger: &Ledger, days: i64) -> String {
    let now = ledger.get("/v1/clock").await.json()["now"].as_str().unwrap().to_owned();
    let now = chrono::DateTime::parse_from_rfc3339(&now).unwrap();
    (now + chrono::Duration::days(days)).to_utc().to_rfc3339()
}

async fn types(ledger: &Ledger) -> Vec<String> {
    ledger.caught_up().await;
    let history = ledger.get("/v1/accounts/acme/history?limit=1000").await.json();
    let items = history["items"].as_array().unwrap();
    items.iter().map(|it| it["type"].as_str().unwrap().to_owned()).collect()
}

async fn license(ledger: &Ledger) {
    let license = json!({"license": "l", "product": "P", "quantity": 1,
        "starts_at": in_days(ledger, 2).await, "ends_at": in_days(ledger, 10).await});
    ledger.accepted("acme", "AllocateLicense", &license).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_begins_and_ends_by_itself_and_once() {
    let ledger = Ledger::start().await;
    license(&ledger).await;
    moved(&ledger, "1d").await;
    assert_eq!(types(&ledger).await, ["LicenseAllocated"]);
    moved(&ledger, "1d").await;
    assert_eq!(types(&ledger).await, ["LicenseAllocated", "LicenseStarted"]);
    let shown = moved(&ledger, "30d").await;
    assert_eq!(types(&ledger).await, ["LicenseAllocated", "LicenseStarted", "LicenseEnded"]);
    assert_eq!(shown["next_due"], Value::Null);
    let history = ledger.get("/v1/accounts/acme/history?type=LicenseEnded").await.json();
    let ended = &history["items"][0];
    assert_eq!([&ended["via"], &ended["actor"], &ended["by"]], ["clock"; 3]);
    assert_eq!(ended["sequence"], shown["sequence"], "it had happened when the clock was shown");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_license_is_used_in_its_grace_and_not_from_its_end_on() {
    let ledger = Ledger::start().await;
    let license = json!({"license": "l", "product": "P", "quantity": 1,
        "ends_at": in_days(&ledger, 1).await, "grace_days": 3});
    ledger.accepted("acme", "AllocateLicense", &license).await;
    let assign = json!({"license": "l", "holders": [{"user": "ada"}]});
    ledger.accepted("acme", "AssignSeat", &assign).await;
    let check = async |more: &str| {
        ledger.caught_up().await;
        let path = format!("/v1/accounts/acme/checks?user=ada{more}");
        let verdict = ledger.get(&path).await.json();
        let said = |it: &str| verdict[it].as_str().unwrap_or_default().to_owned();
        assert_eq!(verdict["allowed"], json!(said("code") != "license_ended"), "{verdict}");
        (said("code"), said("detail"), verdict["grounds"][0].clone())
    };
    let (code, _, ground) = check("&product=P").await;
    assert_eq!(code, "allowed");
    let (ends_at, grace_ends_at) = (ground["ends_at"].clone(), ground["grace_ends_at"].clone());
    let (ends, grace_ends) = (ends_at.as_str().unwrap(), grace_ends_at.as_str().unwrap());
    moved(&ledger, "2d").await;
    // By the quick way and by the long one.
    for what in ["&product=P", "&license=l", "", "&email=ada@x.org"] {
        let (code, detail, ground) = check(what).await;
        assert_eq!(code, "in_grace", "{what}");
        assert!(detail.contains(ends) && detail.contains(grace_ends), "{detail}");
        assert_eq!(ground["grace_ends_at"], grace_ends_at);
    }
    let seen = ledger.run(&["check", "acme", "--user", "ada", "--product", "P"]);
    let told = String::from_utf8_lossy(&seen.stdout).into_owned();
    assert!(seen.status.success() && told.contains("allowed  in_grace"), "{told}");
    assert!(told.contains(grace_ends), "{told}");
    // The ledger says that the grace is over at the moment from which on the verdict does.
    moved(&ledger, "2d").await;
    let history = ledger.get("/v1/accounts/acme/history?type=GraceEnded").await.json();
    assert_eq!(history["items"][0]["data"]["due"], grace_ends_at);
    for (at, code) in [
        (a_moment_before(ends), "allowed"),
        (ends.to_owned(), "in_grace"),
        (a_moment_before(grace_ends), "in_grace"),
        (grace_ends.to_owned(), "license_ended"),
    ] {
        assert_eq!(check(&format!("&product=P&at={at}")).await.0, code, "{at}");
        assert_eq!(check(&format!("&at={at}")).await.0, code, "{at}");
    }
    let (code, detail, _) = check("&product=P").await;
    assert_eq!(code, "license_ended");
    assert!(detail.contains(ends) && detail.contains(grace_ends), "{detail}");
}

/// The moment of the ledger before this one.
fn a_moment_before(at: &str) -> String {
    let at = chrono::DateTime::parse_from_rfc3339(at).unwrap() - chrono::Duration::milliseconds(1);
    at.to_utc().to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_due_while_the_ledger_was_down_happens_at_its_start() {
    let dir = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::start_in(dir.path()).await;
    license(&ledger).await;
    let retire = json!({"at": in_days(&ledger, 5).await, "command": "RetireHolder",
        "document": {"holder": {"user": "ada"}}});
    ledger.accepted("acme", "RegisterHolder", &json!({"holder": {"user": "ada"}})).await;
    ledger.accepted("acme", "ScheduleCommand", &retire).await;
    ledger.stop_in_place().await;
    // The clock of dev goes on from where its file says it is.
    let file = dir.path().join("clock.json");
    assert!(!file.exists(), "it was never moved");
    std::fs::write(&file, json!({"ahead_ms": 20 * 86_400_000_i64}).to_string()).unwrap();
    let ledger = Ledger::start_in(dir.path()).await;
    eventually("what was due has happened", async || types(&ledger).await.len() == 7).await;
    let due = ["LicenseStarted", "HolderRetired", "ScheduleFired", "LicenseEnded"];
    assert_eq!(types(&ledger).await[3..], due);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_for_many_members_is_finished_by_the_ledger_itself() {
    let ledger = Ledger::start().await;
    let license = json!({"license": "l", "product": "P", "quantity": 1_500});
    ledger.accepted("acme", "AllocateLicense", &license).await;
    for part in 0..2 {
        let holders: Vec<Value> =
            (0..1_000).map(|it| json!({"user": format!("u{part}-{it}")})).collect();
        let members = json!({"group": "g", "holders": holders});
        ledger.accepted("acme", "AddMembers", &members).await;
    }
    let rule = json!({"group": "g", "grants": [{"product": "P", "mode": "first_come"}]});
    ledger.accepted("acme", "SetGroupRule", &rule).await;
    eventually("all seats are held", async || {
        let license = ledger.get("/v1/accounts/acme/licenses/l").await.json();
        license["used"] == json!(1_500)
    })
    .await;
    eventually("the rule is applied", async || {
        let applied = "/v1/accounts/acme/history?type=GroupRuleApplied";
        !ledger.get(applied).await.json()["items"].as_array().unwrap().is_empty()
    })
    .await;
    let waiting = "/v1/accounts/acme/history?type=WaitlistJoined&limit=1000";
    let waiting = ledger.get(waiting).await.json();
    assert_eq!(waiting["items"].as_array().unwrap().len(), 500);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_is_moved_forward_only_and_in_dev_mode_only() {
    let ledger = Ledger::start().await;
    for wrong in [
        json!({}),
        json!({"forward": "1 week"}),
        json!({"forward": "1d", "to": "2030-01-01T00:00:00Z"}),
        json!({"to": "2020-01-01T00:00:00Z"}),
        json!({"backward": "1d"}),
        json!({"forward": "1831d"}),
        json!({"forward": "999999d"}),
        json!({"to": "4764-01-01T00:00:00Z"}),
    ] {
        let answer = ledger.post_bytes("/v1/clock", wrong.to_string().as_bytes(), &[]).await;
        assert_eq!((answer.status, &answer.json()["code"]), (400, &json!("invalid_parameter")));
    }
    let far = ledger.run(&["clock", "--forward", "999999d"]);
    let said = String::from_utf8_lossy(&far.stderr);
    assert!(!far.status.success() && said.contains("at most 1830 days at once"), "{said}");
    assert_eq!(ledger.get("/v1/clock").await.json()["ahead_seconds"], json!(0));
    let server = NatsServer::start(JETSTREAM).await;
    let dir = tempfile::tempdir().unwrap();
    let serving = server.serve(dir.path(), &[]).await.unwrap();
    let answer = serving.post_bytes("/v1/clock", br#"{"forward": "1d"}"#, &[]).await;
    assert_eq!((answer.status, &answer.json()["code"]), (409, &json!("clock_fixed")));
    assert_eq!(serving.get("/v1/clock").await.json().get("ahead_seconds"), None);
    // Nobody but the clock may ask for what the clock asks for.
    let pass = ledger.send("acme", "PassTime", &json!({})).await;
    assert_eq!((pass.status, &pass.json()["code"]), (404, &json!("unknown_command_type")));
    let moved = ledger.run(&["clock", "--forward", "2d", "--json"]);
    assert!(moved.status.success(), "{}", String::from_utf8_lossy(&moved.stderr));
    let shown: Value = serde_json::from_slice(&moved.stdout).unwrap();
    assert!(shown["ahead_seconds"].as_u64().unwrap() >= 2 * 86_400 - 1, "{shown}");
}
