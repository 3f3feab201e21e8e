//! Many commands in one request, each for itself.

use serde_json::{Value, json};

use crate::Ledger;
use crate::ledger::Answer;

async fn send(ledger: &Ledger, query: &str, key: Option<&str>, lines: &str) -> Answer {
    let headers: Vec<_> = key.map(|it| ("idempotency-key", it)).into_iter().collect();
    ledger.post_bytes(&format!("/v1/commands{query}"), lines.as_bytes(), &headers).await
}

fn told(answer: &Answer) -> Vec<Value> {
    assert_eq!(answer.headers["content-type"], "application/x-ndjson");
    let lines = answer.body.split(|it| *it == b'\n').filter(|it| !it.is_empty());
    lines.map(|it| serde_json::from_slice(it).unwrap()).collect()
}

fn license(account: &str, license: &str, quantity: i64) -> Value {
    json!({"account": account, "type": "AllocateLicense", "license": license, "product": "P",
        "quantity": quantity})
}

fn assign(account: &str, user: &str) -> Value {
    json!({"account": account, "type": "AssignSeat", "license": "l", "holders": [{"user": user}]})
}

fn lines(documents: &[Value]) -> String {
    documents.iter().map(|it| format!("{it}\n")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_line_is_judged_after_those_before_it_and_answered_by_itself() {
    let ledger = Ledger::start().await;
    let text = [
        license("acme", "l", 1).to_string(),
        assign("acme", "ada").to_string(),
        "  ".to_owned(),
        assign("acme", "bo").to_string(),
        "{".to_owned(),
        r#"{"account":"acme"}"#.to_owned(),
        r#"{"account":7,"type":"AssignSeat"}"#.to_owned(),
        r#"{"account":"acme","type":"AsignSeat"}"#.to_owned(),
        r#"{"account":"acme","type":"AssignSeat","license":"l","holders":[{"usr":"x"}]}"#
            .to_owned(),
        license("other", "l", 1).to_string(),
    ];
    let answer = send(&ledger, "", None, &text.join("\r\n")).await;
    assert_eq!(answer.status, 200);
    let told = told(&answer);
    let what = |it: &Value| {
        let code = it["code"].as_str().unwrap_or_default().to_owned();
        (it["line"].as_u64().unwrap(), it["outcome"].as_str().unwrap().to_owned(), code)
    };
    let wanted = [
        (1, "accepted", ""),
        (2, "accepted", ""),
        (4, "refused", "no_free_seat"),
        (5, "malformed", "malformed_json"),
        (6, "malformed", "missing_field"),
        (7, "malformed", "wrong_type"),
        (8, "malformed", "unknown_command_type"),
        (9, "malformed", "unknown_field"),
        (10, "accepted", ""),
    ];
    let wanted = wanted.map(|(line, outcome, code)| (line, outcome.to_owned(), code.to_owned()));
    assert_eq!(told.iter().map(what).collect::<Vec<_>>(), wanted);
    assert_eq!(told[7]["pointer"], json!("/holders/0/usr"));
    assert_eq!(told[8]["account"], json!("other"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_request_again_changes_nothing() {
    let ledger = Ledger::start().await;
    let mut documents = vec![license("acme", "l", 600)];
    documents.extend((0..600).map(|it| assign("acme", &format!("u{it}"))));
    documents[7]["id"] = json!("own");
    let text = lines(&documents);
    let first = told(&send(&ledger, "", Some("import"), &text).await);
    assert_eq!(first.len(), 601);
    assert!(first.iter().all(|it| it["outcome"] == "accepted" && it["replayed"] == false));
    let ids = [&first[0]["command"], &first[7]["command"], &first[600]["command"]];
    assert_eq!(ids, [&json!("import-1"), &json!("own"), &json!("import-601")]);
    let sequences: Vec<_> = first.iter().map(|it| it["sequence"].as_u64().unwrap()).collect();
    assert!(sequences.is_sorted(), "{sequences:?}");
    let before = ledger.get("/v1/status").await.json()["sequence"].clone();
    let mut again = told(&send(&ledger, "", Some("import"), &text).await);
    assert_eq!(ledger.get("/v1/status").await.json()["sequence"], before);
    for it in &mut again {
        assert_eq!(it["replayed"].take(), json!(true));
        it["replayed"] = json!(false);
    }
    assert_eq!(again, first);
    // Parts of a file are numbered by where they stand in it.
    let (_, rest) = text.split_once('\n').unwrap();
    let part = told(&send(&ledger, "?first_line=2", Some("import"), rest).await);
    assert_eq!((&part[0]["line"], &part[0]["command"]), (&json!(2), &json!("import-2")));
    let others: Vec<_> = part.iter().filter(|it| it["replayed"] != true).collect();
    assert!(others.is_empty(), "{others:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_lines_are_tried_out_one_by_one() {
    let ledger = Ledger::start().await;
    ledger
        .accepted(
            "acme",
            "AllocateLicense",
            &json!({"license": "l", "product": "P", "quantity": 1}),
        )
        .await;
    let before = ledger.get("/v1/status").await.json()["sequence"].clone();
    let text = lines(&[assign("acme", "ada"), assign("acme", "bo")]);
    let told = told(&send(&ledger, "?dry_run=true", None, &text).await);
    assert!(told.iter().all(|it| it["outcome"] == "accepted" && it["dry_run"] == true), "{told:?}");
    assert_eq!(ledger.get("/v1/status").await.json()["sequence"], before);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_lines_is_refused_whole() {
    let ledger = Ledger::start().await;
    let many = "{}\n".repeat(10_001);
    let key = "k".repeat(64);
    let large = " ".repeat(2 * 1024 * 1024);
    for (query, key, text, status, code) in [
        ("", None, "", 400, "malformed_json"),
        ("", None, "\n \r\n", 400, "malformed_json"),
        ("", None, many.as_str(), 400, "too_many_items"),
        ("", Some(key.as_str()), "{}", 400, "invalid_command_id"),
        ("", Some("a b"), "{}", 400, "invalid_command_id"),
        ("?first_line=x", None, "{}", 400, "invalid_parameter"),
        ("?bogus=1", None, "{}", 400, "invalid_parameter"),
        ("", None, large.as_str(), 413, "body_too_large"),
    ] {
        let answer = send(&ledger, query, key, text).await;
        let told = answer.json();
        assert_eq!((answer.status, &told["code"]), (status, &json!(code)), "{query} {told}");
    }
    let last = told(&send(&ledger, "?first_line=4294967295", None, "{}\n{}").await);
    assert_eq!((&last[0]["line"], &last[1]["line"]), (&json!(u32::MAX), &json!(1_u64 << 32)));
}
