//! Questions that make no sense are told so, each in the same words.

use serde_json::json;

use super::model::ACCOUNT;
use crate::Ledger;

/// Every question, with what it takes.
const QUESTIONS: [(&str, &[&str]); 17] = [
    ("/v1/accounts", &["cursor", "limit", "at", "min_sequence"]),
    ("/v1/accounts/acme", &["at", "min_sequence"]),
    (
        "/v1/accounts/acme/licenses",
        &[
            "product",
            "container",
            "state",
            "external_id",
            "name",
            "cursor",
            "limit",
            "at",
            "min_sequence",
        ],
    ),
    ("/v1/accounts/acme/licenses/creative", &["at", "min_sequence"]),
    ("/v1/accounts/acme/licenses/creative/usage", &["from", "to", "window", "at", "min_sequence"]),
    (
        "/v1/accounts/acme/licenses/creative/assignments",
        &["active", "fulfilled", "ended", "cursor", "limit", "at", "min_sequence"],
    ),
    (
        "/v1/accounts/acme/holders/ada/assignments",
        &["active", "fulfilled", "ended", "by", "cursor", "limit", "at", "min_sequence"],
    ),
    (
        "/v1/accounts/acme/assignments",
        &["active", "fulfilled", "ended", "user", "email", "cursor", "limit", "at", "min_sequence"],
    ),
    ("/v1/accounts/acme/assignments/01990000-0000-7000-8000-0000000000ff", &["at", "min_sequence"]),
    ("/v1/accounts/acme/checks", &["user", "email", "product", "license", "at", "min_sequence"]),
    (
        "/v1/accounts/acme/history",
        &[
            "license",
            "user",
            "email",
            "type",
            "actor",
            "command",
            "from",
            "to",
            "order",
            "cursor",
            "limit",
            "at",
            "min_sequence",
        ],
    ),
    ("/v1/accounts/acme/refusals", &["license", "code", "actor", "from", "to", "cursor", "limit"]),
    ("/v1/accounts/acme/commands/c1", &["min_sequence"]),
    ("/v1/accounts/acme/events", &["after"]),
    ("/v1/events", &["after"]),
    ("/v1/status", &[]),
    ("/healthz", &[]),
];

async fn acme() -> Ledger {
    let ledger = Ledger::start().await;
    let license = json!({"id": "c1", "license": "creative", "product": "CREATIVE", "quantity": 2});
    ledger.accepted("acme", "AllocateLicense", &license).await;
    ledger.caught_up().await;
    ledger
}

async fn invalid(ledger: &Ledger, path: &str) {
    let answer = ledger.get(path).await;
    assert_eq!(answer.status, 400, "{path}: {}", String::from_utf8_lossy(&answer.body));
    assert_eq!(answer.headers["content-type"], "application/problem+json", "{path}");
    let told = answer.json();
    assert_eq!(told["code"], json!("invalid_parameter"), "{path}: {told}");
    assert_eq!(
        (&told["status"], told["detail"].is_string()),
        (&json!(400), true),
        "{path}: {told}"
    );
    assert_eq!(told["request_id"], json!(answer.headers["x-request-id"].to_str().unwrap()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parameter_that_a_question_does_not_have_is_no_answer() {
    let ledger = acme().await;
    let mut all: Vec<&str> = QUESTIONS.iter().flat_map(|it| it.1.iter().copied()).collect();
    all.extend(["bogus", "dry_run", "page", "At", "limit%20", "", "%F0%9F%98%80"]);
    all.sort_unstable();
    all.dedup();
    for (path, takes) in QUESTIONS {
        if takes.is_empty() {
            continue;
        }
        for name in all.iter().filter(|it| !takes.contains(it)) {
            invalid(&ledger, &format!("{path}?{name}=1")).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parameter_of_the_wrong_kind_is_no_answer() {
    let ledger = acme().await;
    for (path, takes) in QUESTIONS {
        for name in takes {
            let wrong: &[&str] = match *name {
                "limit" => &["0", "-1", "x", "", "1.5", "99999999999999999999", "1%00"],
                "min_sequence" | "after" => &["-1", "x", "", "1.5", "99999999999999999999"],
                "cursor" => &["x", "zz", "0", "%C3%A9"],
                "active" | "fulfilled" | "ended" => &["yes", "1", "", "TRUE"],
                "state" => &["Active", "gone", ""],
                "window" => &["fortnight", "", "Day"],
                "order" => &["up", ""],
                "by" => &["name", ""],
                "from" | "to" | "at" => &["x", "", "2026-13-01", "1e3"],
                "email" => &["nonsense", ""],
                _ => &[],
            };
            for value in wrong {
                invalid(&ledger, &format!("{path}?{name}={value}")).await;
            }
            invalid(&ledger, &format!("{path}?{name}=1&{name}=1")).await;
            invalid(&ledger, &format!("{path}?{name}=%FF")).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_of_another_list_is_no_answer_or_a_harmless_one() {
    let ledger = acme().await;
    for cursor in ["00", "ff", "00000000000000000000000000000000", &"0".repeat(2_000), "6372"] {
        for path in
            ["licenses", "assignments", "history", "refusals", "licenses/creative/assignments"]
        {
            let answer = ledger.get(&format!("{ACCOUNT}/{path}?cursor={cursor}")).await;
            assert!([200, 400].contains(&answer.status), "{path} {cursor}: {}", answer.json());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_told_so() {
    let ledger = acme().await;
    for (path, code) in [
        ("/v1/accounts/globex", "account_not_found"),
        ("/v1/accounts/globex/licenses", "account_not_found"),
        ("/v1/accounts/globex/assignments", "account_not_found"),
        ("/v1/accounts/globex/holders/ada/assignments", "account_not_found"),
        ("/v1/accounts/globex/history", "account_not_found"),
        ("/v1/accounts/globex/events", "account_not_found"),
        ("/v1/accounts/globex/licenses/creative", "license_not_found"),
        ("/v1/accounts/globex/licenses/creative/usage", "license_not_found"),
        ("/v1/accounts/globex/licenses/creative/assignments", "license_not_found"),
        ("/v1/accounts/acme/licenses/nope", "license_not_found"),
        ("/v1/accounts/acme/licenses/nope/usage", "license_not_found"),
        ("/v1/accounts/acme/licenses/nope/assignments", "license_not_found"),
        ("/v1/accounts/acme/licenses/Creative", "license_not_found"),
        ("/v1/accounts/acme/licenses/%20", "license_not_found"),
        ("/v1/accounts/acme/commands/nope", "command_not_found"),
        ("/v1/accounts/acme/nope", "not_found"),
        ("/v1", "not_found"),
        ("/", "not_found"),
        ("/v2/accounts", "not_found"),
        ("/v1/accounts/", "not_found"),
        ("/v1/accounts/acme/", "not_found"),
    ] {
        let answer = ledger.get(path).await;
        let told = answer.json();
        assert_eq!((answer.status, &told["code"]), (404, &json!(code)), "{path}: {told}");
        assert_eq!(answer.headers["content-type"], "application/problem+json", "{path}");
        assert_eq!(told["type"], json!(format!("/problems/{code}")), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_cannot_be_is_told_so_on_every_path() {
    let ledger = acme().await;
    for (path, _) in QUESTIONS.into_iter().filter(|it| it.0.contains("acme")) {
        for (wrong, shown) in [
            ("a.b", "a.b"),
            ("%20", " "),
            ("%C3%A9", "é"),
            (&"a".repeat(65), "aaa"),
            ("%00", "\\0"),
        ] {
            let answer = ledger.get(&path.replace("acme", wrong)).await;
            let told = answer.json();
            assert_eq!(
                (answer.status, &told["code"]),
                (400, &json!("invalid_account")),
                "{path}: {told}"
            );
            assert!(told["detail"].as_str().unwrap().contains(shown), "{told}");
        }
        let answer = ledger.get(&path.replace("acme", "%FF")).await;
        assert_eq!(answer.status, 400, "{path}");
        assert_eq!(answer.headers["content-type"], "application/problem+json", "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_is_served_with_its_own_methods_only() {
    let ledger = acme().await;
    for (path, _) in QUESTIONS {
        for method in [hyper::Method::PUT, hyper::Method::DELETE, hyper::Method::PATCH] {
            let answer = ledger.request(method.clone(), path, "", &[]).await;
            assert_eq!(answer.status, 405, "{method} {path}");
            assert_eq!(answer.json()["code"], json!("method_not_allowed"));
            assert!(answer.headers["allow"].to_str().unwrap().contains("GET"), "{method} {path}");
        }
        if !path.ends_with("/events") && path != "/v1/accounts/acme/checks" {
            let head = ledger.request(hyper::Method::HEAD, path, "", &[]).await;
            let get = ledger.get(path).await;
            assert_eq!((head.status, head.body.len()), (get.status, 0), "HEAD {path}");
        }
    }
}
