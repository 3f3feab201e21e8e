//! Questions that make no sense are told so, each in the same words.

use serde_json::json;

use super::model::ACCOUNT;
use crate::Ledger;

/// Every question, with what it takes.
const QUESTIONS: [(&str, &[&str]); 29] = [
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
        &[
            "active",
            "fulfilled",
            "ended",
            "ground",
            "group",
            "cursor",
            "limit",
            "at",
            "min_sequence",
        ],
    ),
    (
        "/v1/accounts/acme/holders/ada/assignments",
        &[
            "active",
            "fulfilled",
            "ended",
            "ground",
            "group",
            "by",
            "cursor",
            "limit",
            "at",
            "min_sequence",
        ],
    ),
    (
        "/v1/accounts/acme/assignments",
        &[
            "active",
            "fulfilled",
            "ended",
            "ground",
            "group",
            "user",
            "email",
            "cursor",
            "limit",
            "at",
            "min_sequence",
        ],
    ),
    ("/v1/accounts/acme/assignments/01990000-0000-7000-8000-0000000000ff", &["at", "min_sequence"]),
    ("/v1/accounts/acme/checks", &["user", "email", "product", "license", "at", "min_sequence"]),
    (
        "/v1/accounts/acme/history",
        &[
            "license",
            "user",
            "email",
            "group",
            "type",
            "actor",
            "by",
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
    ("/v1/accounts/acme/containers", &["cursor", "limit", "at", "min_sequence"]),
    ("/v1/accounts/acme/containers/north", &["at", "min_sequence"]),
    ("/v1/accounts/acme/groups", &["cursor", "limit", "at", "min_sequence"]),
    ("/v1/accounts/acme/groups/staff", &["at", "min_sequence"]),
    ("/v1/accounts/acme/groups/staff/members", &["cursor", "limit", "at", "min_sequence"]),
    (
        "/v1/accounts/acme/holders",
        &["registered", "retired", "email", "number", "cursor", "limit", "at", "min_sequence"],
    ),
    ("/v1/accounts/acme/holders/ada", &["at", "min_sequence"]),
    ("/v1/accounts/acme/policies", &["cursor", "limit", "at", "min_sequence"]),
    ("/v1/accounts/acme/policies/history", &["license", "cursor", "limit", "at", "min_sequence"]),
    (
        "/v1/accounts/acme/waitlists",
        &["license", "product", "user", "email", "ended", "cursor", "limit", "at", "min_sequence"],
    ),
    (
        "/v1/accounts/acme/licenses/creative/waitlist",
        &["user", "email", "ended", "cursor", "limit", "at", "min_sequence"],
    ),
    ("/v1/accounts/acme/schedules", &["state", "cursor", "limit", "at", "min_sequence"]),
    (
        "/v1/accounts/acme/refusals",
        &["license", "code", "actor", "by", "from", "to", "cursor", "limit"],
    ),
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
async fn an_unknown_parameter_is_told_with_the_one_that_was_meant() {
    let ledger = acme().await;
    for (question, name, meant) in [
        ("checks?usr=ada", "usr", Some("user")),
        ("checks?user=ada&Product=P", "Product", Some("product")),
        ("licenses?limits=1", "limits", Some("limit")),
        ("history?typ=x&limit=1", "typ", Some("type")),
        ("licenses/creative/usage?form=2026-01-01", "form", Some("from")),
        ("commands/c1?min-sequence=1", "min-sequence", Some("min_sequence")),
        ("events?zzz=1", "zzz", None),
        ("licenses?%F0%9F%98%80=1", "😀", None),
        ("licenses?a%0Ab=1", "a\\nb", None),
        ("licenses?=1", "", None),
        // What is unknown is told before what is wrong.
        ("licenses?limit=x&stat=active", "stat", Some("state")),
    ] {
        let path = format!("{ACCOUNT}/{question}");
        invalid(&ledger, &path).await;
        let told = ledger.get(&path).await.json();
        assert_eq!(told["detail"], json!(format!("there is no parameter `{name}`")), "{question}");
        assert_eq!(told["parameter"], json!(name.replace("\\n", "\n")), "{question}");
        let hint = told["hint"].as_str().unwrap();
        let guess = meant.map(|it| format!("did you mean `{it}`? "));
        let asked = path.split('?').next().unwrap();
        let takes = QUESTIONS.iter().find(|it| it.0 == asked).unwrap().1;
        let (before, known) = hint.split_at(guess.as_ref().map_or(0, String::len));
        assert_eq!(before, guess.unwrap_or_default(), "{question}");
        let mut known: Vec<&str> =
            known.strip_prefix("known here: ").unwrap().split(", ").collect();
        let mut takes = takes.to_vec();
        known.sort_unstable();
        takes.sort_unstable();
        assert_eq!(known, takes, "{question}");
    }
    let long = ledger.get(&format!("{ACCOUNT}/checks?{}=1", "x".repeat(2_000))).await;
    assert!(long.body.len() < 1_000, "a name is repeated in full");
    let path = format!("{ACCOUNT}/commands/AssignSeat?dryrun=1");
    let sent = ledger.post_bytes(&path, b"{}", &[]).await;
    assert_eq!(sent.json()["hint"], json!("did you mean `dry_run`? known here: dry_run"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_that_is_not_usable_is_told_by_its_parameter() {
    let ledger = acme().await;
    for (question, name) in [
        ("licenses?limit=x", "limit"),
        ("licenses?limit=0", "limit"),
        ("licenses?state=gone", "state"),
        ("licenses?limit=1&limit=1", "limit"),
        ("assignments?ended=yes", "ended"),
        ("history?order=up", "order"),
        ("history?at=x", "at"),
        ("history?type=seatassigned", "type"),
        ("history?from=2026-12-01&to=2026-11-01", "from"),
        ("history?by=hr", "by"),
        ("refusals?by=key:nope", "by"),
        ("refusals?code=nope", "code"),
        ("refusals?from=2026-12-01&to=2026-11-01", "from"),
        ("licenses/creative/usage?window=fortnight", "window"),
    ] {
        let told = ledger.get(&format!("{ACCOUNT}/{question}")).await.json();
        assert_eq!(told["parameter"], json!(name), "{question}: {told}");
        let detail = told["detail"].as_str().unwrap();
        assert!(detail.starts_with(&format!("{name}: ")), "{question}: {detail}");
        assert!(!detail.contains("deserialize"), "{question}: {detail}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_time_is_told_what_would_be_one() {
    let ledger = acme().await;
    let time = "a date such as 2026-05-03, or an RFC 3339 time";
    for (question, wanted) in [
        ("history?from=1", format!("from: it must be {time}")),
        ("history?to=x", format!("to: it must be {time}")),
        ("refusals?from=12", format!("from: it must be {time}")),
        ("licenses/creative/usage?to=17", format!("to: it must be {time}")),
        ("history?at=x", format!("at: it must be a sequence, {time}")),
    ] {
        let told = ledger.get(&format!("{ACCOUNT}/{question}")).await.json();
        assert_eq!(told["detail"], json!(wanted), "{question}");
    }
    let usage = "licenses/creative/usage?from=1900-01-01&window=hour";
    let told = ledger.get(&format!("{ACCOUNT}/{usage}")).await.json();
    let detail = told["detail"].as_str().unwrap();
    assert!(detail.contains("more than 1000 buckets"), "{detail}");
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
async fn a_cursor_at_the_end_of_all_numbers_ends_the_list() {
    let ledger = acme().await;
    for (cursor, order) in [("7fffffffffffffff", "oldest"), ("8000000000000000", "newest")] {
        let path = format!("{ACCOUNT}/history?cursor={cursor}&order={order}");
        let answer = ledger.get(&path).await;
        assert_eq!((answer.status, &answer.json()["items"]), (200, &json!([])), "{cursor}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tail_beyond_the_log_is_told_so_and_does_not_wait_for_ever() {
    let ledger = acme().await;
    for after in ["99", "18446744073709551615"] {
        let answer = ledger.get(&format!("{ACCOUNT}/events?after={after}")).await;
        assert_eq!((answer.status, &answer.json()["code"]), (503, &json!("behind")), "{after}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_of_another_list_is_no_answer_or_a_harmless_one() {
    let ledger = acme().await;
    for cursor in ["00", "ff", "00000000000000000000000000000000", &"0".repeat(2_000), "6372"] {
        for path in [
            "licenses",
            "assignments",
            "containers",
            "groups",
            "holders",
            "policies",
            "policies/history",
            "schedules",
            "waitlists",
            "history",
            "refusals",
            "licenses/creative/assignments",
        ] {
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
        ("/v1/accounts/globex/containers", "account_not_found"),
        ("/v1/accounts/globex/containers/north", "container_not_found"),
        ("/v1/accounts/globex/groups", "account_not_found"),
        ("/v1/accounts/globex/holders", "account_not_found"),
        ("/v1/accounts/globex/policies", "account_not_found"),
        ("/v1/accounts/globex/policies/history", "account_not_found"),
        ("/v1/accounts/globex/schedules", "account_not_found"),
        ("/v1/accounts/globex/waitlists", "account_not_found"),
        ("/v1/accounts/globex/groups/staff", "group_not_found"),
        ("/v1/accounts/acme/groups/staff/members", "group_not_found"),
        ("/v1/accounts/acme/holders/nobody", "holder_not_found"),
        ("/v1/accounts/acme/licenses/nope/waitlist", "license_not_found"),
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
