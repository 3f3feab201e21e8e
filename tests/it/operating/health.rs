//! How it is, for probes, for Prometheus and for people.

use std::collections::BTreeMap;

use serde_json::json;

use crate::Ledger;
use crate::doors::{Door, Doors};

#[tokio::test(flavor = "multi_thread")]
async fn probes_are_answered() {
    let ledger = Ledger::start().await;
    let alive = ledger.get("/healthz").await;
    assert_eq!((alive.status, &alive.body[..]), (200, &b"ok\n"[..]));
    let ready = ledger.get("/readyz").await;
    assert_eq!(ready.status, 200);
    assert_eq!(ready.json(), json!({"ready": true, "writing": "ready", "behind": 0}));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_status_says_how_far_everything_is() {
    let ledger = Ledger::start().await;
    let license = json!({"license": "l", "product": "P", "quantity": 5});
    ledger.accepted("acme", "AllocateLicense", &license).await;
    ledger.caught_up().await;
    let status = ledger.get("/v1/status").await.json();
    assert_eq!(status["version"], json!(env!("CARGO_PKG_VERSION")));
    assert_eq!((&status["condition"], &status["sequence"]), (&json!("ready"), &json!(1)));
    assert_eq!(status["durability"], json!("always"), "dev fsyncs before every answer");
    assert!(status["bytes"].as_u64().unwrap() > 0 && status["max_bytes"].as_u64().unwrap() > 0);
    assert!(status["nats"].as_str().unwrap().starts_with("2."), "{status}");
    let models = status["read_models"].as_array().unwrap();
    let names: Vec<_> = models.iter().map(|it| it["name"].as_str().unwrap()).collect();
    assert_eq!(
        names,
        [
            "licenses",
            "assignments",
            "checks",
            "directory",
            "waitlists",
            "history",
            "commands",
            "keys",
            "refusals"
        ]
    );
    for it in &models[..5] {
        assert_eq!((&it["sequence"], &it["behind"]), (&json!(1), &json!(0)), "{it}");
    }
}

/// The samples of a Prometheus text; panics where it is none.
fn samples(text: &str) -> BTreeMap<String, f64> {
    let (mut samples, mut types) = (BTreeMap::new(), BTreeMap::new());
    for line in text.lines().filter(|it| !it.is_empty()) {
        if let Some(comment) = line.strip_prefix("# ") {
            let mut words = comment.splitn(3, ' ');
            let (word, name, rest) = (words.next(), words.next().unwrap(), words.next().unwrap());
            match word {
                Some("TYPE") => {
                    assert!(["counter", "gauge", "histogram", "summary"].contains(&rest), "{line}");
                    assert_eq!(types.insert(name.to_owned(), rest.to_owned()), None, "{line}");
                }
                Some("HELP") => {}
                _ => panic!("no comment of Prometheus: {line}"),
            }
            continue;
        }
        let (key, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("no sample: {line}"));
        let name = key.split('{').next().unwrap();
        let base = ["_bucket", "_sum", "_count"].iter().find_map(|it| name.strip_suffix(it));
        assert!(
            types.contains_key(name) || base.is_some_and(|it| types.contains_key(it)),
            "{line} has no type"
        );
        assert!(name.chars().all(|it| it.is_ascii_alphanumeric() || it == '_'), "{line}");
        assert!(!key.contains('{') || key.ends_with('}'), "{line}");
        let value = if value == "+Inf" { f64::INFINITY } else { value.parse().unwrap() };
        assert_eq!(samples.insert(key.to_owned(), value), None, "{line} stands twice");
    }
    samples
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_count_what_was_done() {
    let ledger = Ledger::start().await;
    let doors = Doors::of(&ledger).await;
    let mut last = 0;
    for (number, door) in Door::ALL.into_iter().enumerate() {
        let (license, id) = (format!("l{number}"), format!("c{number}"));
        let document = json!({"id": id, "license": license, "product": "P", "quantity": 1});
        last = doors.document(door, ("acme", "AllocateLicense"), &document).await.sequence.unwrap();
        let document = json!({"id": format!("a{number}"), "license": license,
            "holders": [{"user": "a"}, {"user": "b"}]});
        doors.document(door, ("acme", "AssignSeat"), &document).await;
        doors.send(door, ("acme", "AssignSeat"), Some(&format!("m{number}")), b"{").await;
    }
    ledger.get_at_least("/v1/accounts/acme/history", last).await;
    let answer = ledger.get("/metrics").await;
    assert!(
        answer.headers["content-type"].to_str().unwrap().starts_with("text/plain; version=0.0.4")
    );
    let samples = samples(std::str::from_utf8(&answer.body).unwrap());
    let of = |key: &str| *samples.get(key).unwrap_or_else(|| panic!("no {key} in {samples:#?}"));
    assert_eq!(of("seatledger_writing"), 1.0);
    assert_eq!(of("seatledger_log_sequence"), 3.0);
    for model in
        ["licenses", "assignments", "checks", "directory", "waitlists", "history", "commands"]
    {
        let behind = of(&format!("seatledger_read_model_behind_commits{{read_model=\"{model}\"}}"));
        assert!(behind <= 3.0, "{model}");
    }
    let commands = |kind: &str, outcome: &str| -> f64 {
        let is = |key: &&String| {
            key.starts_with("seatledger_commands_total")
                && key.contains(&format!("type=\"{kind}\""))
                && key.contains(&format!("outcome=\"{outcome}\""))
        };
        samples.keys().filter(is).map(|it| samples[it]).sum()
    };
    assert_eq!(commands("AllocateLicense", "accepted"), 3.0);
    assert_eq!(commands("AssignSeat", "refused"), 3.0);
    assert_eq!(commands("AssignSeat", "malformed"), 3.0);
    assert_eq!((of("seatledger_commits_total"), of("seatledger_events_total")), (3.0, 3.0));
    assert!(of("seatledger_command_seconds_count") >= 6.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_senders_write_cannot_make_metrics_without_end() {
    let ledger = Ledger::start().await;
    for number in 0..20 {
        let command = format!("Nope{number}%0A%22%7D");
        ledger.send(&format!("acme{number}"), &command, &json!({})).await;
    }
    let answer = ledger.get("/metrics").await;
    let text = String::from_utf8(answer.body.to_vec()).unwrap();
    samples(&text);
    assert!(!text.contains("Nope") && !text.contains("acme"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_web_page_of_another_site_is_not_let_in() {
    let ledger = Ledger::start().await;
    let license = json!({"license": "l", "product": "P", "quantity": 5}).to_string();
    let path = "/v1/accounts/acme/commands/AllocateLicense";
    for (site, status) in [("cross-site", 403), ("same-origin", 200), ("none", 200)] {
        let headers = [("sec-fetch-site", site), ("content-type", "text/plain")];
        let answer = ledger.post_bytes(path, license.as_bytes(), &headers).await;
        assert_eq!(answer.status, status, "{site}: {}", answer.json());
        if status == 403 {
            assert_eq!(answer.json()["code"], json!("cross_site"));
            assert_eq!(ledger.get("/v1/status").await.json()["sequence"], json!(0));
        }
    }
}
