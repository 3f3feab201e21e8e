//! A key of one account, and everything of another one.

use std::collections::BTreeSet;

use hyper::Method;
use serde_json::{Value, json};

use super::{Keyed, creation};
use crate::ledger::{Answer, eventually};

/// Stands in whatever the other account knows.
const CANARY: &str = "CANARY";

/// The rival's; an address is kept in lower case.
const ADDRESS: &str = "rival@canary.example";

/// And its product.
const PRODUCT: &str = "CANARY-P";

/// The other account, and things of it as they are named; each with a name that nothing has.
const NAMES: [(&str, &str); 8] = [
    (PRODUCT, "NO-P"),
    ("rival", "nobody"),
    ("rival-license", "no-license"),
    ("rival-user", "no-user"),
    ("rival-group", "no-group"),
    ("rival-container", "no-container"),
    ("rival-command", "no-command"),
    (ADDRESS, "nobody@elsewhere.example"),
];

/// Two accounts with the same kinds of things; those of the rival are full of canaries.
async fn furnish(keyed: &Keyed) -> String {
    let mut assignment = String::new();
    for (account, own) in [("acme", "own"), ("rival", "rival")] {
        let said = if own == "rival" { CANARY } else { "plain" };
        let who = json!({"user": format!("{own}-user"), "email": format!("{own}@{}.example", said.to_lowercase())});
        let license = format!("{own}-license");
        let commands = [
            (
                "AllocateLicense",
                json!({"license": license, "product": format!("{said}-P"),
                "quantity": 3, "name": said, "external_id": said, "source": said,
                "metadata": {"m": said}, "id": format!("{own}-command"), "actor": said,
                "reason": said}),
            ),
            ("AssignSeat", json!({"license": license, "holders": [who], "redirect_to": said})),
            ("RegisterHolder", json!({"holder": who, "display_name": said})),
            (
                "AddMembers",
                json!({"group": format!("{own}-group"), "holders": [who],
                "name": said}),
            ),
            (
                "SetGroupRule",
                json!({"group": format!("{own}-group"),
                "grants": [{"product": format!("{said}-P"), "mode": "first_come"}]}),
            ),
            (
                "SetAllocations",
                json!({"allocations": [{"container": format!("{own}-container"),
                "quantities": [{"license": license, "quantity": 1}]}]}),
            ),
            (
                "ScheduleCommand",
                json!({"at": "2099-01-01T00:00:00Z", "command": "ChangeLicense",
                "document": {"license": license, "name": said}}),
            ),
            ("SetPolicy", json!({"overage": "10%", "reason": said})),
        ];
        for (kind, document) in commands {
            let answer = keyed.send(account, kind, &document, &keyed.admin()).await;
            assert_eq!(answer.status, 200, "{kind}: {}", answer.json());
            let seat = &answer.json()["events"][0]["data"]["assignment"];
            if account == "rival" && seat.is_string() {
                assignment = seat.as_str().unwrap().to_owned();
            }
        }
        keyed.key(account, "reader", json!({"name": said})).await;
        let refused = json!({"license": license, "product": "other", "quantity": 1,
            "actor": said, "id": format!("{own}-refused")});
        let refused = keyed.send(account, "AllocateLicense", &refused, &keyed.admin()).await;
        assert_eq!(refused.status, 409);
    }
    let path = "/v1/accounts/rival/refusals";
    eventually("the refusal is kept", async || {
        !keyed.get(path, &keyed.admin()).await.json()["items"].as_array().unwrap().is_empty()
    })
    .await;
    let status = async || keyed.get("/v1/status", &keyed.admin()).await.json();
    eventually("the read models catch up", async || {
        let behind = |it: &Value| it["rebuilds"] == true && it["behind"] != 0;
        !status().await["read_models"].as_array().unwrap().iter().any(behind)
    })
    .await;
    assignment
}

/// Every path of the document that is read with GET.
async fn paths(keyed: &Keyed) -> Vec<String> {
    let document = keyed.request(Method::GET, "/openapi.json", "", &[]).await.json();
    let paths = document["paths"].as_object().unwrap();
    let read = paths.iter().filter(|it| it.1.get("get").is_some());
    read.map(|it| it.0.clone()).filter(|it| it.starts_with("/v1/")).collect()
}

/// A path with the names of an account in it, `rival` or `own`.
fn filled(path: &str, account: &str, whose: &str, assignment: &str) -> String {
    let mut path = path.replace("{account}", account).replace("{assignment}", assignment);
    for part in ["license", "group", "container", "command"] {
        path = path.replace(&format!("{{{part}}}"), &format!("{whose}-{part}"));
    }
    path.replace("{holder}", &format!("{whose}-user")).replace("{name}", "licenses")
}

/// What an answer says, but for what names the request.
fn told(answer: &Answer) -> (u16, String, BTreeSet<String>) {
    let mut body = String::from_utf8(answer.body.to_vec()).unwrap();
    if let Ok(mut document) = serde_json::from_str::<Value>(&body)
        && let Some(members) = document.as_object_mut()
    {
        members.remove("request_id");
        body = document.to_string();
    }
    let named = ["x-request-id", "date", "content-length"];
    let header = |(name, value): (&hyper::header::HeaderName, &hyper::header::HeaderValue)| {
        format!("{name}: {}", value.to_str().unwrap())
    };
    let headers = answer.headers.iter().filter(|it| !named.contains(&it.0.as_str()));
    (answer.status, body, headers.map(header).collect())
}

/// The same as if nothing of the other account were there: status, headers and body, but for the
/// names that were asked for.
#[track_caller]
fn is_as_nobody(path: &str, rival: &Answer, nobody: &Answer, assignment: &str) {
    let said = String::from_utf8_lossy(&rival.body);
    let mut said = said.to_uppercase();
    // What was asked for may be repeated.
    for name in [ADDRESS, PRODUCT].into_iter().filter(|it| path.contains(it)) {
        said = said.replace(&name.to_uppercase(), "");
    }
    assert!(!said.contains(CANARY), "{path}: {said}");
    let (status, mut body, headers) = told(rival);
    for (name, other) in NAMES.iter().rev() {
        body = body.replace(name, other);
    }
    let body = body.replace(assignment, NO_ASSIGNMENT);
    assert_eq!((status, body, headers), told(nobody), "{path}");
}

const NO_ASSIGNMENT: &str = "01990000-0000-7000-8000-0000000000ff";

/// The path with names that nothing has.
fn as_nobody(path: &str, assignment: &str) -> String {
    let mut path = path.replace(assignment, NO_ASSIGNMENT);
    for (name, other) in NAMES.iter().rev() {
        path = path.replace(name, other);
    }
    path
}

#[tokio::test(flavor = "multi_thread")]
async fn no_route_tells_one_account_of_another() {
    let keyed = Keyed::start().await;
    let assignment = furnish(&keyed).await;
    let every = json!({"every_account": true});
    let omniscient = keyed.key("ops", "auditor", every).await;
    let key = keyed.key("acme", "admin", json!({})).await;
    // That they are used is on the log, and changes nothing any more.
    keyed.used("ops", &omniscient).await;
    keyed.used("acme", &key).await;
    let mut asked = 0;
    let mut canaries = 0;
    for path in paths(&keyed).await.into_iter().filter(|it| it.contains("{account}")) {
        // Everything of the other account; what is its own under the name of this one; and what the
        // other one has, asked of this one.
        let mut rivals = vec![
            filled(&path, "rival", "rival", &assignment),
            filled(&path, "rival", "own", &assignment),
            filled(&path, "acme", "rival", &assignment),
        ];
        if path.ends_with("/checks") {
            rivals = rivals
                .iter()
                .flat_map(|it| {
                    ["user=rival-user", "email=rival@canary.example", "license=rival-license"]
                        .map(|more| format!("{it}?{more}&user=rival-user"))
                })
                .map(|it| it.replace("user=rival-user&user=rival-user", "user=rival-user"))
                .map(|it| {
                    it.replace(
                        "email=rival@canary.example&user=rival-user",
                        "email=rival@canary.example",
                    )
                })
                .collect();
        }
        let plain = rivals.clone();
        for it in &plain {
            let joint = if it.contains('?') { '&' } else { '?' };
            for more in [
                "at=5",
                "min_sequence=1",
                "limit=1",
                "license=rival-license",
                "user=rival-user",
                "email=rival@canary.example",
                "group=rival-group",
                "product=CANARY-P",
                "command=rival-command",
                "after=0",
            ] {
                rivals.push(format!("{it}{joint}{more}"));
            }
        }
        for rival in rivals {
            // The same of this account's own things would be another question.
            let nobody = as_nobody(&rival, &assignment);
            let (answer, other) = (keyed.get(&rival, &key).await, keyed.get(&nobody, &key).await);
            is_as_nobody(&rival, &answer, &other, &assignment);
            asked += 1;
            let seen = keyed.get(&rival, &omniscient).await;
            canaries += usize::from(String::from_utf8_lossy(&seen.body).contains(CANARY));
        }
    }
    assert!(asked > 500 && canaries > 50, "{asked} asked, {canaries} would have told");
}

/// What can be told of any call that takes a key, before anything else is looked at.
const OF_KEYS: [&str; 5] = ["400", "401", "403", "429", "503"];

#[tokio::test(flavor = "multi_thread")]
async fn what_is_told_of_keys_and_of_accounts_out_of_reach_is_described() {
    let keyed = Keyed::start().await;
    let license = json!({"license": "rival-license", "product": "P", "quantity": 1});
    keyed.accepted("rival", "AllocateLicense", license).await;
    let key = keyed.key("acme", "admin", json!({})).await;
    let document = keyed.request(Method::GET, "/openapi.json", "", &[]).await.json();
    let mut out_of_reach = 0;
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let described = |status: &str| operation["responses"].get(status).is_some();
            if operation.get("security").is_some() {
                assert!(OF_KEYS.into_iter().all(described), "{method} {path}");
            }
            if !path.contains("{account}") {
                continue;
            }
            let path = filled(path, "rival", "rival", NO_ASSIGNMENT);
            let path = path.replace("rival-command", "SuspendLicense");
            let (asked, body) = match method.as_str() {
                "post" => (Method::POST, r#"{"license":"rival-license"}"#),
                _ => (Method::GET, ""),
            };
            let answer = keyed.request(asked, &path, body, &[("apikey", &key)]).await;
            assert_eq!(answer.status, 404, "{method} {path}");
            assert_eq!(answer.json()["code"], "account_not_found", "{method} {path}");
            assert!(described("404"), "{method} {path}: that is not described");
            out_of_reach += 1;
        }
    }
    assert!(out_of_reach > 25, "there are only {out_of_reach}");
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_over_all_accounts_show_what_is_reached() {
    let keyed = Keyed::start().await;
    furnish(&keyed).await;
    let key = keyed.key("acme", "auditor", json!({})).await;
    let listed = keyed.get("/v1/accounts", &key).await.json();
    let names: Vec<_> =
        listed["items"].as_array().unwrap().iter().map(|it| &it["account"]).collect();
    assert_eq!(names, ["acme"]);
    assert_eq!(listed["next"], Value::Null);
    // A page that another key was given leads nowhere.
    let first = keyed.get("/v1/accounts?limit=1", &keyed.admin()).await.json();
    let cursor = first["next"].as_str().unwrap();
    let rest = keyed.get(&format!("/v1/accounts?cursor={cursor}"), &key).await.json();
    assert_eq!(rest["items"], json!([]));
    let rivals = keyed.get("/v1/accounts/rival/history?limit=1", &keyed.admin()).await.json();
    let cursor = rivals["next"].as_str().unwrap();
    let path = format!("/v1/accounts/acme/history?cursor={cursor}");
    let history = keyed.get(&path, &key).await;
    assert!(!String::from_utf8_lossy(&history.body).contains(CANARY));
    // The live tail over all accounts is that of this one.
    let shown = [("authorization", key.as_str())];
    let mut tail = keyed.ledger.stream("/v1/events?after=0", &shown).await;
    let begin = [("authorization", key.as_str()), ("last-event-id", "1/0")];
    let mut again = keyed.ledger.stream("/v1/events", &begin).await;
    let end = json!({"license": "own-license", "name": "the-end"});
    keyed
        .accepted("rival", "ChangeLicense", json!({"license": "rival-license", "name": "x"}))
        .await;
    keyed.accepted("acme", "ChangeLicense", end).await;
    for tail in [&mut tail, &mut again] {
        let mut told = String::new();
        while !told.contains("the-end") {
            use http_body_util::BodyExt;
            let frame = tokio::time::timeout(crate::ledger::PATIENCE, tail.frame()).await;
            let frame = frame.unwrap().unwrap().unwrap();
            told.push_str(&String::from_utf8_lossy(frame.data_ref().unwrap()));
        }
        assert!(told.contains("own-user") && !told.contains("rival"), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_for_another_account_is_answered_as_for_one_that_is_not_there() {
    let keyed = Keyed::start().await;
    furnish(&keyed).await;
    let key = keyed.key("acme", "admin", json!({})).await;
    keyed.used("acme", &key).await;
    let before = keyed.get("/v1/status", &keyed.admin()).await.json()["sequence"].clone();
    let allocate = json!({"license": "rival-license", "product": "P", "quantity": 1, "id": "c"});
    let revoke =
        json!({"license": "rival-license", "holders": [{"user": "rival-user"}], "id": "c"});
    let again = json!({"license": "rival-license", "product": "CANARY-P", "quantity": 3,
        "id": "rival-command"});
    let cases = [
        ("AllocateLicense", allocate),
        ("RevokeAssignment", revoke),
        ("AllocateLicense", again),
        ("CreateKey", creation("00000000000000aa", [1; 32], "admin")),
    ];
    for (kind, document) in cases {
        let mut document = document;
        document["id"] = document.get("id").cloned().unwrap_or(json!("c"));
        for dry_run in [false, true] {
            document["dry_run"] = json!(dry_run);
            let rival = keyed.send("rival", kind, &document, &key).await;
            let nobody = keyed.send("nobody", kind, &document, &key).await;
            assert_eq!((rival.status, &rival.json()["code"]), (404, &json!("account_not_found")));
            let (status, body, headers) = told(&rival);
            assert_eq!((status, body.replace("rival", "nobody"), headers), {
                let (status, body, headers) = told(&nobody);
                (status, body.replace("rival", "nobody"), headers)
            });
            let mut line = document.clone();
            (line["account"], line["type"]) = (json!("rival"), json!(kind));
            let answer = keyed.post("/v1/commands", &line.to_string(), &key).await.json();
            assert_eq!(answer["code"], "account_not_found", "{answer}");
        }
    }
    // What an unknown account says to a command about something of it.
    let unknown = json!({"license": "x", "id": "c"});
    let true_one = keyed.send("nobody", "SuspendLicense", &unknown, &keyed.admin()).await;
    let told_one = keyed.send("rival", "SuspendLicense", &unknown, &key).await;
    let (status, body, headers) = told(&told_one);
    assert_eq!((status, body.replace("rival", "nobody"), headers), told(&true_one));
    let after = keyed.get("/v1/status", &keyed.admin()).await.json()["sequence"].clone();
    assert_eq!(before, after, "nothing is written");
}

#[tokio::test(flavor = "multi_thread")]
async fn seats_are_given_to_accounts_in_reach() {
    let keyed = Keyed::start().await;
    furnish(&keyed).await;
    let one = keyed.key("acme", "admin", json!({})).await;
    let every = keyed.key("acme", "operator", json!({"every_account": true})).await;
    keyed.used("acme", &one).await;
    keyed.used("acme", &every).await;
    let before = keyed.get("/v1/status", &keyed.admin()).await.json()["sequence"].clone();
    let gift = |to: &str| json!({"license": "own-license", "receiver": to, "quantity": 1});
    for to in ["rival", "nobody"] {
        let inside = json!({"command": "AllocateToAccount", "document": gift(to)});
        let batch = json!({"commands": [inside]});
        let mut later = inside.clone();
        later["at"] = json!("2099-01-01T00:00:00Z");
        let both = json!({"at": "2099-01-01T00:00:00Z", "command": "ApplyBatch",
            "document": batch});
        for (kind, document) in [
            ("AllocateToAccount", gift(to)),
            ("ApplyBatch", batch),
            ("ScheduleCommand", later),
            ("ScheduleCommand", both),
        ] {
            let answer = keyed.send("acme", kind, &document, &one).await;
            let said = answer.json();
            assert_eq!((answer.status, &said["code"]), (404, &json!("account_not_found")));
            assert_eq!(said["detail"], json!(format!("there is no account {to}")));
        }
    }
    let after = keyed.get("/v1/status", &keyed.admin()).await.json()["sequence"].clone();
    assert_eq!(before, after, "nothing is written");
    let given = keyed.send("acme", "AllocateToAccount", &gift("rival"), &every).await;
    assert_eq!(given.status, 200, "{}", given.json());
}
