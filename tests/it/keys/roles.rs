//! Every role against every route of the OpenAPI document.

use std::collections::BTreeMap;

use hyper::Method;
use serde_json::{Value, json};

use super::{Keyed, creation};
use crate::ledger::Answer;

/// What a route takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Takes {
    /// No key.
    Nothing,
    /// Any key.
    Read,
    /// An auditor's, or a greater one.
    Audit,
    /// An operator's.
    Command,
    /// An admin's, of every account.
    Operate,
}

/// What each route takes. One that is not in here fails the test.
const ROUTES: &[(&str, Takes)] = &[
    ("GET /healthz", Takes::Nothing),
    ("GET /readyz", Takes::Nothing),
    ("GET /v1/accounts", Takes::Read),
    ("GET /v1/accounts/{account}", Takes::Read),
    ("GET /v1/accounts/{account}/assignments", Takes::Read),
    ("GET /v1/accounts/{account}/assignments/{assignment}", Takes::Read),
    ("GET /v1/accounts/{account}/checks", Takes::Read),
    ("POST /v1/accounts/{account}/checks", Takes::Read),
    ("GET /v1/accounts/{account}/commands/{command}", Takes::Audit),
    ("POST /v1/accounts/{account}/commands/{command}", Takes::Command),
    ("GET /v1/accounts/{account}/containers", Takes::Read),
    ("GET /v1/accounts/{account}/containers/{container}", Takes::Read),
    ("GET /v1/accounts/{account}/events", Takes::Audit),
    ("GET /v1/accounts/{account}/groups", Takes::Read),
    ("GET /v1/accounts/{account}/groups/{group}", Takes::Read),
    ("GET /v1/accounts/{account}/groups/{group}/members", Takes::Read),
    ("GET /v1/accounts/{account}/history", Takes::Audit),
    ("GET /v1/accounts/{account}/holders", Takes::Read),
    ("GET /v1/accounts/{account}/holders/{holder}", Takes::Read),
    ("GET /v1/accounts/{account}/holders/{holder}/assignments", Takes::Read),
    ("GET /v1/accounts/{account}/keys", Takes::Audit),
    ("GET /v1/accounts/{account}/licenses", Takes::Read),
    ("GET /v1/accounts/{account}/licenses/{license}", Takes::Read),
    ("GET /v1/accounts/{account}/licenses/{license}/allocations", Takes::Read),
    ("GET /v1/accounts/{account}/licenses/{license}/assignments", Takes::Read),
    ("GET /v1/accounts/{account}/licenses/{license}/usage", Takes::Read),
    ("GET /v1/accounts/{account}/licenses/{license}/waitlist", Takes::Read),
    ("GET /v1/accounts/{account}/policies", Takes::Read),
    ("GET /v1/accounts/{account}/policies/history", Takes::Read),
    ("GET /v1/accounts/{account}/refusals", Takes::Audit),
    ("GET /v1/accounts/{account}/schedules", Takes::Read),
    ("GET /v1/accounts/{account}/waitlists", Takes::Read),
    ("GET /v1/clock", Takes::Operate),
    ("POST /v1/clock", Takes::Operate),
    ("POST /v1/commands", Takes::Command),
    ("GET /v1/events", Takes::Audit),
    ("POST /v1/read-models/{name}/rebuild", Takes::Operate),
    ("POST /v1/log/void", Takes::Operate),
    ("GET /v1/status", Takes::Operate),
];

/// The commands that take an admin; every other one takes an operator.
const OF_ADMINS: [&str; 3] = ["CreateKey", "RevokeKey", "SetPolicy"];

/// Every key that there can be, by what it may at most.
const KEYS: [(&str, bool, Takes); 8] = [
    ("reader", false, Takes::Read),
    ("auditor", false, Takes::Audit),
    ("operator", false, Takes::Command),
    ("admin", false, Takes::Command),
    ("reader", true, Takes::Read),
    ("auditor", true, Takes::Audit),
    ("operator", true, Takes::Command),
    ("admin", true, Takes::Operate),
];

async fn document(keyed: &Keyed) -> Value {
    keyed.request(Method::GET, "/openapi.json", "", &[]).await.json()
}

/// Every operation, as `METHOD path`.
fn operations(document: &Value) -> BTreeMap<String, &Value> {
    let paths = document["paths"].as_object().unwrap();
    let of = |(path, methods): (&String, &'_ Value)| {
        let methods: Vec<String> =
            methods.as_object().unwrap().keys().map(|it| it.to_uppercase()).collect();
        methods.into_iter().map(|it| format!("{it} {path}")).collect::<Vec<_>>()
    };
    let names: Vec<String> = paths.iter().flat_map(of).collect();
    names
        .into_iter()
        .map(|it| {
            let (method, path) = it.split_once(' ').unwrap();
            let operation = &document["paths"][path][method.to_lowercase()];
            (it.clone(), operation)
        })
        .collect()
}

/// A path with names in it that are there.
fn concrete(path: &str) -> String {
    let named = path.replace("{account}", "acme").replace("{license}", "creative");
    let named = named.replace("{holder}", "ada").replace("{name}", "licenses");
    let named = named.replace("{assignment}", "01990000-0000-7000-8000-0000000000ff");
    let named = named.replace("{group}", "staff").replace("{container}", "north");
    named.replace("commands/{command}", "commands/SuspendLicense")
}

async fn call(keyed: &Keyed, route: &str, key: Option<&str>) -> Answer {
    let (method, path) = route.split_once(' ').unwrap();
    let method: Method = method.parse().unwrap();
    // What is no command, no clock and no list of checks: nothing comes of it.
    let body = if method == Method::POST { "{}" } else { "" };
    let shown = key.map(|it| ("apikey", it));
    keyed.request(method, &concrete(path), body, shown.as_slice()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_role_gets_to_what_it_may_and_to_nothing_else() {
    let keyed = Keyed::start().await;
    let license = json!({"license": "creative", "product": "P", "quantity": 2});
    keyed.accepted("acme", "AllocateLicense", license).await;
    let document = document(&keyed).await;
    let operations = operations(&document);
    let listed: BTreeMap<String, Takes> =
        ROUTES.iter().map(|(route, takes)| ((*route).to_owned(), *takes)).collect();
    let names: Vec<_> = operations.keys().collect();
    assert_eq!(names, listed.keys().collect::<Vec<_>>(), "a route, and what it takes");
    for (route, takes) in &listed {
        let answer = call(&keyed, route, None).await;
        let operation = operations[route];
        match takes {
            Takes::Nothing => {
                assert_eq!(answer.status, 200, "{route}");
                assert_eq!(operation.get("security"), None, "{route}");
            }
            Takes::Read | Takes::Audit | Takes::Command | Takes::Operate => {
                assert_eq!(answer.status, 401, "{route}");
                assert_eq!(answer.json()["code"], "key_missing", "{route}");
                assert!(
                    operation["security"].is_array(),
                    "{route} does not say that it takes a key"
                );
            }
        }
    }
    for (role, every_account, most) in KEYS {
        let key = keyed.key("acme", role, json!({"every_account": every_account})).await;
        for (route, takes) in &listed {
            let answer = call(&keyed, route, Some(&key)).await;
            let what = format!("{role}, every account {every_account}: {route}");
            match *takes <= most {
                true => assert!(![401, 403, 429].contains(&answer.status), "{what}"),
                false => {
                    assert_eq!(answer.status, 403, "{what}");
                    assert_eq!(answer.json()["code"], "role_not_sufficient", "{what}");
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_role_sends_the_commands_it_may_and_no_others() {
    let keyed = Keyed::start().await;
    let license = json!({"license": "creative", "product": "CREATIVE", "quantity": 50});
    keyed.accepted("acme", "AllocateLicense", license).await;
    let schema = document(&keyed).await;
    let send = &schema["paths"]["/v1/accounts/{account}/commands/{command}"]["post"];
    let kinds = send["requestBody"]["content"]["application/json"]["schema"]["anyOf"].as_array();
    let kinds: Vec<&str> = kinds
        .unwrap()
        .iter()
        .map(|it| it["$ref"].as_str().unwrap().rsplit('/').next().unwrap())
        .collect();
    assert!(kinds.len() > 25, "{kinds:?}");
    for (role, every_account, _) in KEYS {
        let key = keyed.key("acme", role, json!({"every_account": every_account})).await;
        for kind in &kinds {
            let mut document = seatledger::describe::example(kind.parse().unwrap());
            document["dry_run"] = json!(true);
            let may = match role {
                "admin" => true,
                "operator" => !OF_ADMINS.contains(kind),
                _ => false,
            };
            let refused = json!("role_not_sufficient");
            let alone = keyed.send("acme", kind, &document, &key).await.json();
            assert_eq!(alone["code"] != refused, may, "{role}: {kind} {alone}");
            // As a line, in a batch, and for later, it is the same command.
            let mut line = document.clone();
            (line["account"], line["type"]) = (json!("acme"), json!(kind));
            let answer = keyed.post("/v1/commands", &line.to_string(), &key).await;
            assert_eq!(answer.json()["code"] != refused, may, "{role}: {kind} as a line");
            document.as_object_mut().unwrap().remove("dry_run");
            let inside = json!({"command": kind, "document": document});
            let batch = json!({"commands": [inside], "dry_run": true});
            let answer = keyed.send("acme", "ApplyBatch", &batch, &key).await.json();
            let is_one = answer["outcome"] != "malformed";
            assert!(!is_one || (answer["code"] != refused) == may, "{role}: {kind} in a batch");
            let mut later = inside.clone();
            (later["at"], later["dry_run"]) = (json!("2099-01-01T00:00:00Z"), json!(true));
            let answer = keyed.send("acme", "ScheduleCommand", &later, &key).await.json();
            let is_one = answer["outcome"] != "malformed";
            assert!(!is_one || (answer["code"] != refused) == may, "{role}: {kind} for later");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_makes_a_key_that_has_more_than_their_own() {
    let keyed = Keyed::start().await;
    let admin = keyed.key("acme", "admin", json!({})).await;
    let narrow = keyed.key("acme", "admin", json!({"facades": ["native"]})).await;
    let make = async |id: &str, more: Value, key: &str| {
        let mut document = creation(id, [5; 32], "admin");
        for (member, value) in more.as_object().unwrap() {
            document[member] = value.clone();
        }
        keyed.send("acme", "CreateKey", &document, key).await.status
    };
    let every = json!({"every_account": true});
    assert_eq!(make("00000000000000a1", json!({}), &admin).await, 200);
    assert_eq!(make("00000000000000a2", every.clone(), &admin).await, 403);
    assert_eq!(make("00000000000000a2", every, &keyed.admin()).await, 200);
    assert_eq!(make("00000000000000a3", json!({}), &narrow).await, 403);
    assert_eq!(make("00000000000000a3", json!({"facades": ["uipath"]}), &narrow).await, 403);
    assert_eq!(make("00000000000000a3", json!({"facades": ["native"]}), &narrow).await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asked_is_the_key_where_a_command_does_not_say() {
    let keyed = Keyed::start().await;
    let named = keyed.key("acme", "operator", json!({"name": "provisioning"})).await;
    let nameless = keyed.key("acme", "operator", json!({})).await;
    let actor = async |user: &str, more: Value, key: &str| {
        let mut document = json!({"holder": {"user": user}});
        if more.is_string() {
            document["actor"] = more;
        }
        let sent = keyed.send("acme", "RegisterHolder", &document, key).await;
        let sequence = sent.json()["sequence"].as_u64().unwrap();
        let path = format!("/v1/accounts/acme/history?user={user}&min_sequence={sequence}");
        let history = keyed.get(&path, &keyed.admin()).await.json();
        history["items"][0]["actor"].as_str().unwrap().to_owned()
    };
    assert_eq!(actor("ada", json!(null), &named).await, "provisioning");
    assert_eq!(actor("bo", json!("hr"), &named).await, "hr");
    assert_eq!(actor("cy", json!(null), &nameless).await, super::id_of(&nameless));
}
