//! Showing a key: what is accepted, what is not, and what is said of it.

use std::time::Duration;

use http_body_util::BodyExt;
use hyper::Method;
use serde_json::{Value, json};

use super::{Keyed, creation, id_of, written};
use crate::Ledger;
use crate::ledger::{Answer, PATIENCE, eventually};

/// In which a key that was revoked is taken no more, by the contract.
const A_SECOND: Duration = Duration::from_secs(1);

#[track_caller]
fn is_problem(answer: &Answer, status: u16, code: &str) {
    let said = answer.json();
    assert_eq!((answer.status, said["code"].as_str().unwrap()), (status, code), "{said}");
    assert_eq!(answer.headers["content-type"], "application/problem+json");
    let asks = answer.headers.get("www-authenticate").map(|it| it.to_str().unwrap());
    assert_eq!(asks, (status == 401).then_some("Bearer"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_shown_in_any_of_the_usual_ways() {
    let keyed = Keyed::start().await;
    let key = keyed.key("acme", "reader", json!({})).await;
    let path = "/v1/accounts/acme";
    for shown in ["Bearer ", "bearer ", "Api-Key ", "API-TOKEN ", ""] {
        let header = format!("{shown}{key}");
        let answer = keyed.request(Method::GET, path, "", &[("authorization", &header)]).await;
        assert_eq!(answer.status, 200, "{shown}");
    }
    let answer = keyed.request(Method::GET, path, "", &[("apikey", &key)]).await;
    assert_eq!(answer.status, 200);
    let twice = [("apikey", key.as_str()), ("authorization", key.as_str())];
    assert_eq!(keyed.request(Method::GET, path, "", &twice).await.status, 200);
    let admin = keyed.admin();
    let two = [("apikey", key.as_str()), ("authorization", admin.as_str())];
    is_problem(&keyed.request(Method::GET, path, "", &two).await, 400, "key_contradiction");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_shows_none_or_a_wrong_one_is_told_no_more_than_that() {
    let keyed = Keyed::start().await;
    let path = "/v1/accounts/acme";
    let good = keyed.key("acme", "admin", json!({})).await;
    let now = keyed.get("/v1/clock", &keyed.admin()).await.json()["now"].clone();
    let now = events::Moment::parse(now.as_str().unwrap()).unwrap();
    let soon = events::Moment::from_millis(now.millis() + 60_000);
    let soon = json!({"expires_at": soon});
    let expired = keyed.key("acme", "admin", soon).await;
    let revoked = keyed.key("acme", "admin", json!({})).await;
    keyed.accepted("acme", "RevokeKey", json!({"key": id_of(&revoked)})).await;
    keyed.accepted("acme", "RegisterHolder", json!({"holder": {"user": "ada"}})).await;
    let none = keyed.request(Method::GET, path, "", &[]).await;
    is_problem(&none, 401, "key_missing");
    assert_eq!(keyed.get(path, &expired).await.status, 200);
    let moved = keyed.post("/v1/clock", r#"{"forward":"1h"}"#, &keyed.admin()).await;
    assert_eq!(moved.status, 200);
    let id = id_of(&good);
    let last = if good.ends_with('0') { "1" } else { "0" };
    let mistyped = format!("{}{last}", &good[..good.len() - 1]);
    let cases = [
        ("mistyped", mistyped),
        ("wrong_secret", written(id, [7; 32])),
        ("unknown", written("0123456789abcdef", [7; 32])),
        ("garbled", "slk_nonsense".to_owned()),
        ("revoked", revoked),
        ("expired", expired),
    ];
    let mut told: Vec<Value> = vec![];
    for (reason, key) in &cases {
        let answer = keyed.get(path, key).await;
        is_problem(&answer, 401, "key_not_accepted");
        let mut said = answer.json();
        said.as_object_mut().unwrap().remove("request_id").unwrap();
        told.push(said);
        let metrics = keyed.request(Method::GET, "/metrics", "", &[]).await;
        let metrics = String::from_utf8(metrics.body.to_vec()).unwrap();
        let counted = format!("seatledger_refused_calls_total{{reason=\"{reason}\"}} 1");
        assert!(metrics.contains(&counted), "{counted} is not in {metrics}");
    }
    assert!(told.iter().all(|it| *it == told[0]), "one answer for all: {told:?}");
    // The log says which, and not the secret.
    let log = keyed.ledger.log();
    for said in ["checksum", "another one", "called so", "does not look like", "revoked", "over"] {
        assert!(log.contains(said), "the log does not say {said}");
    }
    for (_, key) in &cases[..5] {
        let secret = key.split('_').nth(2).unwrap_or(key);
        assert!(!log.contains(secret), "{secret} is in the log");
    }
    assert_eq!(keyed.get(path, &good).await.status, 200);
}

/// Whatever a file says, the log decides who gets in, and from the answer on.
#[tokio::test(flavor = "multi_thread")]
async fn a_read_model_has_no_say_in_who_gets_in() {
    let dir = tempfile::tempdir().unwrap();
    let keyed = Keyed::start_in(dir.path(), &[]).await;
    let good = keyed.key("acme", "reader", json!({})).await;
    let revoked = keyed.key("acme", "reader", json!({})).await;
    let license = json!({"license": "l", "product": "P", "quantity": 1});
    keyed.accepted("acme", "AllocateLicense", license).await;
    let path = "/v1/accounts/acme/licenses/l";
    assert_eq!(keyed.get(path, &revoked).await.status, 200);
    keyed.accepted("acme", "RevokeKey", json!({"key": id_of(&revoked)})).await;
    assert_eq!(keyed.get(path, &revoked).await.status, 401, "from the answer on");
    assert_eq!(keyed.get(path, &good).await.status, 200);
    assert!(keyed.ledger.stop().await.success());
    let file = std::fs::read_dir(dir.path().join("read")).unwrap().map(|it| it.unwrap().path());
    let is_it = |it: &std::path::PathBuf| {
        let name = it.file_name().unwrap().to_str().unwrap();
        name.starts_with("keys.v") && name.ends_with(".db")
    };
    let db = rusqlite::Connection::open(file.into_iter().find(is_it).unwrap()).unwrap();
    let sql = "UPDATE keys SET until = CASE WHEN ended_at IS NULL THEN since
                                            ELSE 9223372036854775807 END,
                               ended_at = CASE WHEN ended_at IS NULL THEN at END";
    assert_eq!(db.execute(sql, []).unwrap(), 2);
    db.close().unwrap();
    let keyed = Keyed::start_in(dir.path(), &[]).await;
    assert_eq!(keyed.get(path, &good).await.status, 200);
    assert_eq!(keyed.get(path, &revoked).await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_was_revoked_is_taken_by_nobody_a_second_later() {
    let keyed = Keyed::start().await;
    let dir = tempfile::tempdir().unwrap();
    let nats = keyed.ledger.serve_arguments();
    let nats = nats.iter().map(String::as_str);
    let arguments: Vec<&str> = nats.chain(["--http", "127.0.0.1:0", "--ready-json"]).collect();
    // Keys are what `serve` demands unless told otherwise.
    let beside = Ledger::spawn_with(dir.path(), &arguments, &[]).await;
    let beside = beside.unwrap_or_else(|it| panic!("{it}"));
    let beside = Keyed::of(beside);
    let key = keyed.key("acme", "reader", json!({})).await;
    let path = "/v1/accounts/acme/checks?user=ada";
    eventually("both take it", async || {
        keyed.get(path, &key).await.status == 200 && beside.get(path, &key).await.status == 200
    })
    .await;
    keyed.accepted("acme", "RevokeKey", json!({"key": id_of(&key)})).await;
    tokio::time::sleep(A_SECOND).await;
    for process in [&keyed, &beside] {
        for call in 0..1_000 {
            let answer = process.get(path, &key).await;
            // Whoever goes on for long is told to wait.
            assert!([401, 429].contains(&answer.status), "call {call}: {}", answer.status);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_tail_ends_with_its_key() {
    let keyed = Keyed::start().await;
    let key = keyed.key("acme", "auditor", json!({})).await;
    let shown = [("authorization", key.as_str())];
    let mut tail = keyed.ledger.stream("/v1/accounts/acme/events?after=0", &shown).await;
    let first = tokio::time::timeout(PATIENCE, tail.frame()).await.unwrap();
    assert!(first.unwrap().is_ok(), "it begins");
    keyed.accepted("acme", "RevokeKey", json!({"key": id_of(&key)})).await;
    let ended = async { while let Some(Ok(_)) = tail.frame().await {} };
    tokio::time::timeout(2 * A_SECOND, ended).await.expect("it ends");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_for_the_apis_that_it_names() {
    let keyed = Keyed::start().await;
    let vendor = keyed.key("acme", "admin", json!({"facades": ["uipath"]})).await;
    is_problem(&keyed.get("/v1/accounts/acme", &vendor).await, 403, "facade_not_allowed");
    let both = keyed.key("acme", "admin", json!({"facades": ["uipath", "native"]})).await;
    assert_eq!(keyed.get("/v1/accounts/acme", &both).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_accounts_may_have_a_key_of_one_name() {
    let keyed = Keyed::start().await;
    let id = "00112233445566aa";
    keyed.accepted("acme", "CreateKey", creation(id, [1; 32], "reader")).await;
    keyed.accepted("globex", "CreateKey", creation(id, [2; 32], "reader")).await;
    // Whoever saw the hash of another account's key gets nowhere with it.
    keyed.accepted("initech", "CreateKey", creation(id, [1; 32], "reader")).await;
    let (acme, globex) = (written(id, [1; 32]), written(id, [2; 32]));
    assert_eq!(keyed.get("/v1/accounts/acme", &acme).await.status, 200);
    assert_eq!(keyed.get("/v1/accounts/globex", &globex).await.status, 200);
    assert_eq!(keyed.get("/v1/accounts/globex", &acme).await.status, 404);
    assert_eq!(keyed.get("/v1/accounts/initech", &acme).await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn that_a_key_is_used_is_on_the_log_once_a_day() {
    let keyed = Keyed::start().await;
    let key = keyed.key("acme", "reader", json!({"name": "ci"})).await;
    let admin = keyed.admin();
    let last_used = async || {
        let listed = keyed.get("/v1/accounts/acme/keys", &admin).await.json();
        listed["items"][0]["last_used"].as_str().map(str::to_owned)
    };
    assert_eq!(last_used().await, None);
    let path = "/v1/accounts/acme";
    for _ in 0..50 {
        assert_eq!(keyed.get(path, &key).await.status, 200);
    }
    eventually("its use is kept", async || last_used().await.is_some()).await;
    let used = async || {
        let history = keyed.get("/v1/accounts/acme/history?type=KeyUsed", &admin).await.json();
        history["items"].as_array().unwrap().clone()
    };
    assert_eq!(used().await.len(), 1, "{:?}", used().await);
    assert_eq!(used().await[0]["via"], "clock");
    // The next day it is used again.
    let moved = keyed.post("/v1/clock", r#"{"forward":"1d"}"#, &admin).await;
    assert_eq!(moved.status, 200);
    eventually("it is kept again", async || {
        keyed.get(path, &key).await.status == 200 && used().await.len() == 2
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_loopback_dev_takes_calls_without_a_key_and_looks_at_one_that_is_shown() {
    let keyed = Keyed::of(Ledger::start().await);
    keyed.accepted("acme", "RegisterHolder", json!({"holder": {"user": "ada"}})).await;
    let plain = keyed.request(Method::GET, "/v1/accounts/acme", "", &[]).await;
    assert_eq!(plain.status, 200);
    let reader = keyed.key("acme", "reader", json!({})).await;
    let document = json!({"holder": {"user": "bo"}});
    let answer = keyed.send("acme", "RegisterHolder", &document, &reader).await;
    is_problem(&answer, 403, "role_not_sufficient");
    let wrong = written("0123456789abcdef", [7; 32]);
    is_problem(&keyed.get("/v1/accounts/acme", &wrong).await, 401, "key_not_accepted");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_fails_too_often_waits_and_who_has_a_good_key_does_not() {
    let keyed = Keyed::start().await;
    let good = keyed.key("acme", "reader", json!({})).await;
    let wrong = written("0123456789abcdef", [7; 32]);
    let mut statuses = vec![];
    for _ in 0..40 {
        let answer = keyed.get("/v1/accounts/acme", &wrong).await;
        if answer.status == 429 {
            is_problem(&answer, 429, "too_many_requests");
            let wait: u64 = answer.headers["retry-after"].to_str().unwrap().parse().unwrap();
            assert!((1..=60).contains(&wait), "{wait}");
        }
        statuses.push(answer.status);
    }
    let failed = statuses.iter().filter(|it| **it == 401).count();
    assert!((10..=20).contains(&failed), "{statuses:?}");
    assert_eq!(statuses.len() - failed, statuses.iter().filter(|it| **it == 429).count());
    assert_eq!(keyed.get("/v1/accounts/acme", &good).await.status, 200);
    let said = keyed.ledger.log().matches("a key is not accepted").count();
    assert!(said <= failed, "each is said once at most: {said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_refused_is_in_the_log_without_the_key() {
    let keyed = Keyed::start().await;
    let reader = keyed.key("acme", "reader", json!({"facades": ["native"]})).await;
    let document = json!({"holder": {"user": "bo"}});
    assert_eq!(keyed.send("acme", "RegisterHolder", &document, &reader).await.status, 403);
    assert_eq!(keyed.get("/v1/accounts/globex", &reader).await.status, 404);
    assert_eq!(keyed.request(Method::GET, "/v1/accounts/acme", "", &[]).await.status, 401);
    let uipath = "/lease_/api/account/acme/user-license/group/g";
    assert_eq!(keyed.get(uipath, &reader).await.status, 403);
    let log = keyed.ledger.log();
    let refused: Vec<&str> = log.lines().filter(|it| it.contains("a call is refused")).collect();
    for reason in ["role", "reach", "missing", "facade"] {
        let reason = format!("\"reason\":\"{reason}\"");
        assert!(refused.iter().any(|it| it.contains(&reason)), "{reason}: {refused:?}");
    }
    assert!(refused.iter().any(|it| it.contains(id_of(&reader))), "{refused:?}");
    assert!(!log.contains(reader.split('_').nth(2).unwrap()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_calls_as_often_as_it_may() {
    let own = tempfile::tempdir().unwrap();
    let keyed = Keyed::start_in(own.path(), &["--rate", "20"]).await;
    let key = keyed.key("acme", "reader", json!({})).await;
    let calls = (0..200).map(|_| keyed.get("/v1/accounts/acme", &key));
    let begin = std::time::Instant::now();
    let answers = futures_util::future::join_all(calls).await;
    let taken = answers.iter().filter(|it| it.status == 200).count();
    let most = 20.0 + 20.0 * begin.elapsed().as_secs_f64() + 1.0;
    assert!(taken >= 20 && (taken as f64) <= most, "{taken} of 200, at most {most}");
    let refused = answers.iter().find(|it| it.status != 200).unwrap();
    is_problem(refused, 429, "too_many_requests");
}

#[tokio::test(flavor = "multi_thread")]
async fn with_keys_any_address_is_served_and_its_numbers_take_one_too() {
    let own = tempfile::tempdir().unwrap();
    let arguments = ["dev", "--http", "0.0.0.0:0", "--no-demo", "--ready-json"];
    let arguments = [&arguments[..], &["--keys", "required"]].concat();
    let ledger = Ledger::spawn(own.path(), &arguments).await.unwrap_or_else(|it| panic!("{it}"));
    let keyed = Keyed::of(ledger);
    for path in ["/healthz", "/readyz", "/openapi.json", "/docs", "/problems/no_free_seat"] {
        assert_eq!(keyed.request(Method::GET, path, "", &[]).await.status, 200, "{path}");
    }
    is_problem(&keyed.request(Method::GET, "/metrics", "", &[]).await, 401, "key_missing");
    let one = keyed.key("acme", "admin", json!({})).await;
    is_problem(&keyed.get("/metrics", &one).await, 403, "role_not_sufficient");
    assert_eq!(keyed.get("/metrics", &keyed.admin()).await.status, 200);
}
