//! The document by itself: whole, and about what there is.

use std::collections::BTreeSet;

use hyper::Method;
use serde_json::{Value, json};

use super::{openapi, operations, schema};
use crate::Ledger;

/// What is served besides the API: for machines and people who look at the process.
const BESIDE: [&str; 4] = ["/metrics", "/openapi.json", "/docs", "/problems/no_free_seat"];

#[tokio::test(flavor = "multi_thread")]
async fn the_document_is_whole() {
    let ledger = Ledger::start().await;
    let whole = openapi(&ledger).await;
    assert!(whole["openapi"].as_str().unwrap().starts_with("3.1."));
    assert_eq!(whole["info"]["title"], json!("seatledger"));
    assert_eq!(whole["info"]["version"], json!(env!("CARGO_PKG_VERSION")));
    references(&whole, &whole);
    let mut names = BTreeSet::new();
    for ((method, path), operation) in operations(&whole) {
        let place = format!("{method} {path}");
        assert!(path.starts_with('/') && operation["summary"].is_string(), "{place}");
        let name = operation["operationId"].as_str().unwrap();
        assert!(names.insert(name.to_owned()), "{place}: two operations are called {name}");
        parameters(&place, &path, operation);
        let responses = operation["responses"].as_object().unwrap();
        assert!(responses.contains_key("200"), "{place}: it never goes well");
        for (status, response) in responses {
            assert!(response["description"].is_string(), "{place} {status}");
            assert!(
                status.parse::<u16>().is_ok_and(|it| (200..600).contains(&it)),
                "{place} {status}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_problem_is_described_as_one() {
    let ledger = Ledger::start().await;
    let whole = openapi(&ledger).await;
    let mut problems = 0;
    for ((method, path), operation) in operations(&whole) {
        for (status, response) in operation["responses"].as_object().unwrap() {
            // A probe is answered alike whether all is well or not.
            if status.starts_with('2') || path == "/readyz" {
                continue;
            }
            let content = response["content"].as_object().unwrap();
            let kinds: Vec<&str> = content.keys().map(String::as_str).collect();
            assert_eq!(kinds, ["application/problem+json"], "{method} {path} {status}");
            let schema = &content["application/problem+json"]["schema"];
            assert_eq!(schema["$ref"], json!("#/components/schemas/Problem"));
            problems += 1;
        }
    }
    assert!(problems > 40, "there are only {problems}");
}

/// Every `$ref` names something.
fn references(whole: &Value, it: &Value) {
    match it {
        Value::Object(members) => {
            if members.contains_key("$ref") {
                schema::resolved(whole, it).unwrap();
            }
            members.values().for_each(|it| references(whole, it));
        }
        Value::Array(items) => items.iter().for_each(|it| references(whole, it)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Each part of a path that varies is a parameter, and the other way round.
fn parameters(place: &str, path: &str, operation: &Value) {
    let varies: BTreeSet<&str> =
        path.split('/').filter_map(|it| it.strip_prefix('{')?.strip_suffix('}')).collect();
    let mut named = BTreeSet::new();
    let mut seen = BTreeSet::new();
    for it in operation["parameters"].as_array().into_iter().flatten() {
        let (name, place_of) = (it["name"].as_str().unwrap(), it["in"].as_str().unwrap());
        assert!(seen.insert((name, place_of)), "{place}: {name} stands twice");
        assert!(it["schema"].is_object() && it["description"].is_string(), "{place}: {name}");
        if place_of == "path" {
            assert_eq!(it["required"], json!(true), "{place}: {name}");
            named.insert(name);
        }
    }
    assert_eq!(named, varies, "{place}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_path_of_the_document_is_served() {
    let ledger = Ledger::start().await;
    let license = json!({"id": "c1", "license": "creative", "product": "P", "quantity": 1});
    ledger.accepted("acme", "AllocateLicense", &license).await;
    ledger.caught_up().await;
    let whole = openapi(&ledger).await;
    for (method, path) in operations(&whole).into_keys() {
        let concrete = concrete(&path);
        if path.ends_with("/events") {
            let _served = ledger.stream(&concrete, &[]).await;
            continue;
        }
        let method: Method = method.parse().unwrap();
        let answer = ledger.request(method.clone(), &concrete, "{}", &[]).await;
        assert_ne!(answer.status, 405, "{method} {path}");
        let missed = answer.status == 404 && answer.json()["code"] == "not_found";
        assert!(!missed, "{method} {path} is nowhere");
        assert!(answer.status < 500, "{method} {path}: {}", answer.status);
        let documented = &whole["paths"][&path][method.as_str().to_lowercase()]["responses"];
        let status = answer.status.to_string();
        assert!(documented.get(&status).is_some(), "{method} {path}: {status} is not described");
    }
}

/// A path with names in it that there are.
fn concrete(path: &str) -> String {
    let named = path.replace("{account}", "acme").replace("{license}", "creative");
    let named = named.replace("{holder}", "ada").replace("{name}", "licenses");
    let named = named.replace("{assignment}", "01990000-0000-7000-8000-0000000000ff");
    named.replace("{command}", "c1").replace("{group}", "staff").replace("{container}", "north")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_document_lists_every_route_that_there_is() {
    let ledger = Ledger::start().await;
    let whole = openapi(&ledger).await;
    let listed: Vec<String> =
        operations(&whole).into_keys().map(|(method, path)| format!("{method} {path}")).collect();
    let account = "/v1/accounts/{account}";
    let mut wanted = vec![
        "GET /healthz".to_owned(),
        "GET /readyz".to_owned(),
        "GET /v1/accounts".to_owned(),
        format!("GET {account}"),
        "GET /v1/events".to_owned(),
        "GET /v1/clock".to_owned(),
        "POST /v1/clock".to_owned(),
        "GET /v1/status".to_owned(),
        "POST /v1/read-models/{name}/rebuild".to_owned(),
        "POST /v1/log/void".to_owned(),
        "POST /v1/commands".to_owned(),
        format!("POST {account}/checks"),
        format!("POST {account}/commands/{{command}}"),
    ];
    for below in [
        "assignments",
        "assignments/{assignment}",
        "checks",
        "commands/{command}",
        "containers",
        "containers/{container}",
        "events",
        "groups",
        "groups/{group}",
        "groups/{group}/members",
        "history",
        "holders",
        "holders/{holder}",
        "holders/{holder}/assignments",
        "keys",
        "licenses",
        "licenses/{license}",
        "licenses/{license}/allocations",
        "licenses/{license}/assignments",
        "licenses/{license}/usage",
        "licenses/{license}/waitlist",
        "policies",
        "policies/history",
        "refusals",
        "schedules",
        "waitlists",
    ] {
        wanted.push(format!("GET {account}/{below}"));
    }
    wanted.sort_unstable();
    assert_eq!(listed, wanted);
    for path in BESIDE {
        assert_eq!(ledger.get(path).await.status, 200, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parameter_that_is_described_is_taken_and_no_other() {
    let ledger = Ledger::start().await;
    let license = json!({"id": "c1", "license": "creative", "product": "P", "quantity": 1});
    ledger.accepted("acme", "AllocateLicense", &license).await;
    ledger.caught_up().await;
    let whole = openapi(&ledger).await;
    for ((method, path), operation) in operations(&whole) {
        if method != "GET" || path.ends_with("/events") || !path.starts_with("/v1/accounts") {
            continue;
        }
        for it in operation["parameters"].as_array().into_iter().flatten() {
            if it["in"] != "query" {
                continue;
            }
            let name = it["name"].as_str().unwrap();
            let value = value(&whole, name, &it["schema"]);
            let answer = ledger.get(&format!("{}?{name}={value}", concrete(&path))).await;
            let told = String::from_utf8_lossy(&answer.body).into_owned();
            let wrong = ["there is no parameter", "unknown"].iter().any(|it| told.contains(it));
            let unknown = answer.status == 400 && wrong;
            assert!(!unknown, "{path} does not take {name}={value}: {told}");
        }
        let other = ledger.get(&format!("{}?bogus=1", concrete(&path))).await;
        assert_eq!(other.json()["detail"], json!("there is no parameter `bogus`"), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_is_as_long_as_described_and_no_longer() {
    let ledger = Ledger::start().await;
    let license = json!({"id": "c1", "license": "creative", "product": "P", "quantity": 1});
    ledger.accepted("acme", "AllocateLicense", &license).await;
    ledger.caught_up().await;
    let whole = openapi(&ledger).await;
    let mut lists = 0;
    for ((_, path), operation) in operations(&whole) {
        let mut parameters = operation["parameters"].as_array().into_iter().flatten();
        let Some(limit) = parameters.find(|it| it["name"] == "limit") else { continue };
        let bound = |name: &str| limit["schema"][name].as_u64().unwrap();
        let (least, most) = (bound("minimum"), bound("maximum"));
        for (asked, too) in [(least, false), (most, false), (least - 1, true), (most + 1, true)] {
            let answer = ledger.get(&format!("{}?limit={asked}", concrete(&path))).await.json();
            assert_eq!(answer["parameter"] == "limit", too, "{path} {asked}: {answer}");
        }
        lists += 1;
    }
    assert!(lists > 10, "there are only {lists}");
}

/// Some value that a parameter may have.
fn value(whole: &Value, name: &str, of: &Value) -> String {
    let of = schema::resolved(whole, of).unwrap();
    let of = of["oneOf"].as_array().map_or(of, |it| schema::resolved(whole, &it[0]).unwrap());
    match (name, of["enum"][0].as_str()) {
        (_, Some(first)) => first.to_owned(),
        ("email", _) => "ada@example.com".to_owned(),
        ("from" | "at" | "to", _) => "2020-01-01".to_owned(),
        _ if of["type"].to_string().contains("boolean") => "true".to_owned(),
        _ => "1".to_owned(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_is_described_with_everything_it_may_have() {
    let ledger = Ledger::start().await;
    let whole = openapi(&ledger).await;
    let body = &whole["paths"]["/v1/accounts/{account}/commands/{command}"]["post"]["requestBody"];
    let described = &body["content"]["application/json"]["schema"];
    let around = json!({"id": "c1", "account": "acme", "actor": "it", "dry_run": true,
        "reason": "why", "change": {"source": "erp"}});
    for (command, own) in [
        ("AllocateLicense", json!({"license": "l", "product": "P", "quantity": 1})),
        ("SuspendLicense", json!({"license": "l"})),
        ("AssignSeat", json!({"license": "l", "holders": [{"user": "ada"}]})),
        ("RevokeAssignment", json!({"license": "l", "holders": [{"email": "a@x.org"}]})),
    ] {
        schema::check(&whole, described, &own).unwrap_or_else(|it| panic!("{command}: {it}"));
        let mut all = own;
        all.as_object_mut().unwrap().extend(around.as_object().unwrap().clone());
        schema::check(&whole, described, &all).unwrap_or_else(|it| panic!("{command}: {it}"));
        for place in ["", "/change"] {
            let mut more = all.clone();
            more.pointer_mut(place).unwrap()["bogus"] = json!(1);
            assert!(schema::check(&whole, described, &more).is_err(), "{command}{place}: bogus");
        }
    }
}
