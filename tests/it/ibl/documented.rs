//! What the vendor's documents print is taken, and answered in the shape that they print.

use std::collections::BTreeMap;

use hyper::Method;
use serde_json::{Map, Value, json};

use super::calls::CALLS;
use super::{BASE, Client, number};
use crate::Ledger;

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/ibl");

/// What is printed of each call, by method and path.
fn printed() -> BTreeMap<String, Value> {
    let files = std::fs::read_dir(FIXTURES).unwrap().map(|it| it.unwrap().path());
    let files = files.filter(|it| it.extension().is_some_and(|it| it == "json"));
    let documents =
        files.map(|it| -> Value { serde_json::from_slice(&std::fs::read(it).unwrap()).unwrap() });
    let named = |it: Value| it["call"].as_str().map(str::to_owned).map(|call| (call, it));
    documents.filter_map(named).collect()
}

/// Whether a value is of the kind of a printed one. Where an example is printed, `null` is printed
/// for nothing, so whatever may be nothing may be something.
fn alike(printed: &Value, answered: &Value, at: &str) {
    match (printed, answered) {
        (Value::Object(printed), Value::Object(answered)) if printed.contains_key("id") => {
            for (name, it) in printed {
                let of = answered.get(name);
                let is_optional = ["redirect_to", "assignments"].contains(&name.as_str());
                assert!(of.is_some() || is_optional, "{at}: {name} is missing: {answered:?}");
                alike(it, of.unwrap_or(&Value::Null), &format!("{at}/{name}"));
            }
            for name in answered.keys() {
                assert!(printed.contains_key(name), "{at}: {name} is not printed");
            }
        }
        (Value::Array(printed), Value::Array(answered)) => {
            answered.iter().for_each(|it| alike(&printed[0], it, at));
        }
        (Value::Null, _) | (_, Value::Null) => {}
        (printed, answered) => {
            let kind = |it: &Value| match it {
                Value::Bool(_) => "boolean",
                Value::Number(_) => "number",
                Value::String(_) => "string",
                Value::Array(_) => "list",
                Value::Object(_) | Value::Null => "object",
            };
            assert_eq!(kind(printed), kind(answered), "{at}: {answered}");
        }
    }
}

#[test]
fn every_call_is_printed() {
    let printed = printed();
    for (method, path) in CALLS {
        assert!(printed.contains_key(&format!("{method} {BASE}/{path}")), "{method} {path}");
    }
    assert_eq!(printed.len(), CALLS.len());
}

/// A printed body with values that mean something here.
fn with(printed: &Value, real: &Value) -> Value {
    let mut body = printed.as_object().cloned().unwrap_or_else(Map::new);
    // Printed are a start and an end that are the same.
    body.remove("expired");
    for (name, value) in real.as_object().unwrap() {
        if body.contains_key(name) {
            body.insert(name.clone(), value.clone());
        }
    }
    Value::Object(body)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_printed_is_taken_and_answered() {
    let ledger = Ledger::start().await;
    let client = Client::of(&ledger, "acme").await;
    let user = client.user("ada").await;
    let members = json!({"group": "staff", "holders": [{"user": "bo"}]});
    let sequence = ledger.accepted("acme", "AddMembers", &members).await;
    let group = ledger.get_at_least("/v1/accounts/acme/groups/staff", sequence).await;
    let group = number(&group.json(), "number");
    let printed = printed();
    for kind in ["user", "course", "program", "platform"] {
        let call = |method: &str, rest: &str| &printed[&format!("{method} {BASE}/{kind}/{rest}")];
        let send = async |rest: &str, real: &Value| {
            let printed = call("POST", rest);
            let mut path = format!("{kind}/{rest}");
            if !real["license_id"].is_null() && rest.starts_with("assignment") {
                path = format!("{path}?license_id={}&page=1&page_size=10", real["license_id"]);
            }
            let answer = client.done(&path, with(&printed["request"], real)).await;
            alike(&printed["response"], &answer, &path);
            answer
        };
        let real = json!({"platform_key": "acme", "platform_org": "acme", "count": 5,
            "external_id": format!("ext-{kind}")});
        let made = send("create/", &real).await;
        let mut real = json!({"platform_key": "acme", "platform_org": "acme", "user_id": user,
            "license_id": made["id"], "external_id": format!("ext-{kind}"), "count": 6,
            "group_id": group, "username": "ada", "redirect_to": "https://x.org/"});
        for name in ["course_id", "program_key"] {
            if !made[name].is_null() {
                real[name] = made[name].clone();
            }
        }
        send("update/", &real).await;
        if kind != "platform" {
            send("assignment/", &real).await;
            send("assignment/group/", &real).await;
        }
        let lists = ["", "assignment/", "assignment/group/"];
        for rest in lists.into_iter().filter(|it| it.is_empty() || kind != "platform") {
            let path = format!("{kind}/{rest}?license_id={}&verbose=true", made["id"]);
            let path = if rest.is_empty() { format!("{kind}/?verbose=true") } else { path };
            let page = client.get(&path).await.json();
            assert_eq!(page["count"], 1 + u64::from(rest == "assignment/"), "{path}");
            for name in ["count", "next_page", "previous_page", "results"] {
                assert!(page.get(name).is_some(), "{path}: {name}");
            }
            alike(&call("GET", rest)["response"]["results"], &page["results"], &path);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_descriptions_of_programs_print_comes_back_as_printed() {
    let ledger = Ledger::start().await;
    let client = Client::of(&ledger, "platform1").await;
    let path = format!("{FIXTURES}/printed.json");
    let printed: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let same = |printed: &Value, answered: &Value| {
        for (name, it) in printed.as_object().unwrap() {
            let found = &answered[name];
            match name.as_str() {
                "id" | "created" => {}
                "started" | "expired" if !it.is_null() => {
                    let second = |it: &Value| it.as_str().unwrap()[..19].to_owned();
                    assert_eq!(second(found), second(it), "{name}");
                }
                _ => assert_eq!(found, it, "{name}: {answered}"),
            }
        }
    };
    let created = &printed["created program"];
    let mut body = created.clone();
    for name in ["id", "created"] {
        body.as_object_mut().unwrap().remove(name);
    }
    let answer = client.done("program/create/", body).await;
    same(created, &answer);
    let updated = &printed["updated program"];
    let body = json!({"external_id": "ext-123", "name": updated["name"], "count": 150,
        "expired": updated["expired"], "metadata": {"updated": true}, "source": "updated-source"});
    same(updated, &client.done("program/update/", body).await);
    let page = client.call(Method::GET, "program/?verbose=true", "", &[]).await.json();
    for name in printed["list of programs"].as_object().unwrap().keys() {
        assert!(page.get(name).is_some(), "{name}");
    }
    let counts = json!({"total": 0, "active": 0, "pending": 0});
    assert_eq!(page["results"][0]["assignments"], counts);
}
