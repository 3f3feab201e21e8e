//! Names that try to be more than names: in SQL, in logs, on a terminal, in a page.

use serde_json::{Value, json};

use crate::Ledger;
use crate::ledger::encoded;

/// Printable, so that they are names; none of them may mean anything.
const ODD: &[&str] = &[
    "'",
    "\"",
    "' OR '1'='1",
    "'; DROP TABLE licenses; --",
    "1; DELETE FROM events WHERE 1=1",
    "\") OR 1=1 --",
    "%' UNION SELECT 1,2,3,4 --",
    "x' AND sleep(5)#",
    "%",
    "_",
    "a%b_c",
    "\\",
    "\\'; --",
    "?1",
    ":account",
    "@x",
    "$(touch pwned)",
    "`id`",
    "../../etc/passwd",
    "<script>alert(1)</script>",
    "{\"level\":\"ERROR\",\"fields\":{\"message\":\"forged\"}}",
    "\\n{\"level\":\"ERROR\"}",
    "\u{2028}\u{2029}",
    "\u{202e}evil",
    "\u{feff}bom",
    "%00",
    "%0d%0aSet-Cookie: a=b",
    "NULL",
    "null",
    "true",
    "-1",
    "0x41",
    "名前",
    "e\u{301}",
    "\u{e9}",
    " leading and trailing ",
    "a/b?c=d&e=f#g",
    "+",
    "😀",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_name_is_nothing_but_a_name() {
    let ledger = Ledger::start().await;
    let mut last = 0;
    for (number, name) in ODD.iter().enumerate() {
        let allocate = json!({"license": name, "product": name, "quantity": 1, "name": name,
            "container": name, "external_id": name, "source": name, "actor": name, "reason": name,
            "change": {"source": name, "type": name, "transaction_id": name},
            "metadata": {*name: name}});
        ledger.accepted("acme", "AllocateLicense", &allocate).await;
        let assign = json!({"id": format!("a{number}"), "license": name, "actor": name,
            "holders": [{"user": name}], "redirect_to": name});
        last = ledger.accepted("acme", "AssignSeat", &assign).await;
    }
    // A name finds itself and nothing else.
    for name in ODD {
        found_alone(&ledger, name, last).await;
    }
    let licenses = ledger.get_at_least("/v1/accounts/acme/licenses?limit=1000", last).await.json();
    let mut names: Vec<_> = licenses["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["license"].as_str().unwrap())
        .collect();
    let mut wanted = ODD.to_vec();
    names.sort_unstable();
    wanted.sort_unstable();
    assert_eq!(names, wanted);
    assert_eq!(licenses["items"].as_array().unwrap().len(), ODD.len());
}

async fn found_alone(ledger: &Ledger, name: &str, last: u64) {
    let it = encoded(name);
    let one = |answer: Value| -> Value {
        let items = answer["items"].as_array().unwrap_or_else(|| panic!("{name}: {answer}"));
        assert_eq!(items.len(), 1, "{name:?}: {items:?}");
        items[0].clone()
    };
    let get = async |path: &str| {
        let answer = ledger.get_at_least(&format!("/v1/accounts/acme/{path}"), last).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.json());
        answer.json()
    };
    let license = get(&format!("licenses/{it}")).await;
    for member in ["license", "product", "name", "container", "external_id", "source"] {
        assert_eq!(license[member], json!(name), "{member}");
    }
    assert_eq!(license["metadata"], json!({name: name}));
    for filter in ["product", "container", "external_id"] {
        assert_eq!(one(get(&format!("licenses?{filter}={it}")).await)["license"], json!(name));
    }
    let assignment = one(get(&format!("licenses/{it}/assignments")).await);
    assert_eq!(
        (&assignment["holder"]["user"], &assignment["redirect_to"]),
        (&json!(name), &json!(name))
    );
    assert_eq!(one(get(&format!("holders/{it}/assignments")).await)["license"], json!(name));
    assert_eq!(one(get(&format!("assignments?user={it}")).await)["license"], json!(name));
    let history = get(&format!("history?user={it}")).await;
    assert_eq!(one(history)["actor"], json!(name));
    for filter in ["license", "actor"] {
        let items = get(&format!("history?{filter}={it}")).await["items"].clone();
        assert_eq!(items.as_array().unwrap().len(), 2, "{filter}={name}");
        assert_eq!(items[0]["change"]["reason"], json!(name));
    }
    // There is no such type of event, and it is told so.
    let told = ledger.get(&format!("/v1/accounts/acme/history?type={it}")).await;
    assert_eq!((told.status, &told.json()["parameter"]), (400, &json!("type")));
    for filter in ["license", "product"] {
        let verdict = get(&format!("checks?user={it}&{filter}={it}")).await;
        assert_eq!(verdict["allowed"], json!(true), "{filter}={name}");
    }
    let usage = get(&format!("licenses/{it}/usage?window=whole")).await;
    assert_eq!((&usage["license"], &usage["items"][0]["used"]), (&json!(name), &json!(1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_sent_each_line_of_the_log_is_one_document() {
    let dir = tempfile::tempdir().unwrap();
    let arguments = [
        "dev",
        "--http",
        "127.0.0.1:0",
        "--no-demo",
        "--ready-json",
        "--log",
        "trace,hyper=info,h2=info,mio=info",
    ];
    let mut ledger = Ledger::spawn(dir.path(), &arguments).await.unwrap();
    let forged = "x\r\n{\"level\":\"ERROR\"}\u{1b}[31m\u{85}\u{2028}\0";
    for command in ["AllocateLicense", "AssignSeat", "Nope"] {
        for member in ["license", "actor", "id", "reason", forged] {
            ledger.send("acme", command, &json!({member: forged})).await;
        }
        let path = format!("/v1/accounts/{}/commands/{command}", encoded(forged));
        ledger.post_bytes(&path, forged.as_bytes(), &[]).await;
    }
    let encoded = encoded(forged);
    for path in [
        format!("/v1/accounts/{encoded}"),
        format!("/v1/accounts/acme/licenses/{encoded}"),
        format!("/v1/accounts/acme/licenses?cursor={encoded}"),
        format!("/v1/accounts/acme/checks?user={encoded}&at={encoded}"),
        format!("/{encoded}"),
    ] {
        ledger
            .request(
                hyper::Method::GET,
                &path,
                "",
                &[("x-request-id", "a\tb"), ("user-agent", "\u{e9}\t\"}{")],
            )
            .await;
    }
    let nats = ledger.nats().await;
    for subject in ["seatledger.command.acme.{\"level\":1}", "seatledger.post.acme.\u{1b}[31m"] {
        nats.publish(subject, forged.into()).await.unwrap();
    }
    nats.flush().await.unwrap();
    ledger
        .accepted(
            "acme",
            "AllocateLicense",
            &json!({"license": "x", "product": "P", "quantity": 1}),
        )
        .await;
    assert!(ledger.stop_in_place().await.success());
    let log = ledger.log();
    assert!(log.lines().count() > 3, "the log is silent: {log}");
    for line in log.lines() {
        let document: Value =
            serde_json::from_str(line).unwrap_or_else(|it| panic!("{it}: {line:?}"));
        assert!(document["level"].is_string() && document["timestamp"].is_string(), "{line}");
        assert!(!line.contains('\u{1b}'), "{line:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_problem_shows_odd_text_without_being_steered_by_it() {
    let ledger = Ledger::start().await;
    for name in ODD {
        let path = format!("/v1/accounts/acme/licenses/{}", encoded(name));
        let answer = ledger.get(&path).await;
        assert_eq!(
            (answer.status, answer.json()["code"].clone()),
            (404, json!("license_not_found")),
            "{name}"
        );
        assert_eq!(answer.headers["content-type"], "application/problem+json");
    }
    // Pages for people hold nothing that came with the request.
    let page = ledger.get(&format!("/problems/{}", encoded("<script>alert(1)</script>"))).await;
    assert!(!String::from_utf8_lossy(&page.body).contains("<script>alert"), "{page:?}");
}
