//! The dialects of other vendors, as their clients see them: what the tests of each share.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta};
use hyper::Method;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::Ledger;
use crate::keys::{creation, written};
use crate::ledger::{Answer, eventually};

/// Makes a key of an account and gives back the whole of it.
pub async fn key(ledger: &Ledger, account: &str, role: &str, more: Value) -> String {
    let secret: [u8; 32] = Sha256::digest(Uuid::now_v7()).into();
    let id: String = secret.iter().rev().take(8).map(|it| format!("{it:02x}")).collect();
    let mut document = creation(&id, secret, role);
    document.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    ledger.accepted(account, "CreateKey", &document).await;
    written(&id, secret)
}

/// A client of a vendor: a ledger, and the key that it shows.
pub struct Client {
    pub ledger: Ledger,
    pub header: &'static str,
    pub key: String,
}

impl Client {
    /// Of a dialect, with an operator's key of `acme` for it and nothing else.
    pub async fn of(facade: &str) -> Client {
        let ledger = Ledger::start().await;
        let key = key(&ledger, "acme", "operator", json!({"facades": [facade]})).await;
        Client { ledger, header: if facade == "aladia" { "apikey" } else { "authorization" }, key }
    }

    /// Gives the account a license that is called like its product.
    pub async fn license(&self, product: &str, quantity: i64) {
        let document = json!({"license": product, "product": product, "quantity": quantity});
        self.ledger.accepted("acme", "AllocateLicense", &document).await;
    }

    pub async fn call(&self, method: &str, path: &str, body: &Value) -> Answer {
        self.call_with(method, path, body, &[]).await
    }

    pub async fn call_with(
        &self,
        method: &str,
        path: &str,
        body: &Value,
        more: &[(&str, &str)],
    ) -> Answer {
        let key = match self.header {
            "apikey" => self.key.clone(),
            _ => format!("Bearer {}", self.key),
        };
        let mut headers = vec![(self.header, key.as_str())];
        headers.extend(more);
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.ledger.request(Method::try_from(method).unwrap(), path, &body, &headers).await
    }

    /// A call that is answered with 200.
    pub async fn does(&self, method: &str, path: &str, body: &Value) -> Value {
        let answer = self.call(method, path, body).await;
        assert_eq!(answer.status, 200, "{method} {path} {body}: {}", answer.json());
        answer.sequence();
        assert_eq!(
            answer.headers.contains_key("seatledger-command"),
            method != "GET" && !path.contains("/entitled")
        );
        answer.json()
    }

    /// What `/v1` says, once everything that was written can be read.
    pub async fn native(&self, path: &str) -> Value {
        let answer = self.ledger.get(&format!("/v1/accounts/acme{path}")).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.json());
        answer.json()
    }

    /// Who holds what, by `/v1`: user and license.
    pub async fn seats(&self) -> BTreeSet<(String, String)> {
        let text = |it: &Value| it.as_str().unwrap_or_default().to_owned();
        let seats = self.native("/assignments?limit=1000").await;
        let seats = seats["items"].as_array().unwrap().clone();
        seats.iter().map(|it| (text(&it["holder"]["user"]), text(&it["license"]))).collect()
    }

    /// Through which doors, and by what types, things happened to the account.
    pub async fn history(&self, kind: &str) -> Vec<Value> {
        let history = self.native(&format!("/history?limit=1000&type={kind}")).await;
        history["items"].as_array().unwrap().clone()
    }
}

/// Walks the printed calls of a vendor, in the order of their files.
pub async fn printed_calls_work(client: &Client, folder: &str) {
    let folder = format!("{}/tests/fixtures/{folder}", env!("CARGO_MANIFEST_DIR"));
    let mut files: Vec<_> =
        std::fs::read_dir(&folder).unwrap().map(|it| it.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty());
    for file in files {
        let page: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        let classes = ["documented", "observed", "our decision"];
        assert!(classes.contains(&page["evidence"].as_str().unwrap()), "{}", file.display());
        for call in page["calls"].as_array().unwrap() {
            // What a page leaves open is said to be ours, call by call.
            let class = call.get("evidence").map_or("documented", |it| it.as_str().unwrap());
            assert!(classes.contains(&class), "{}: {class}", file.display());
            let (method, path) = (call["method"].as_str().unwrap(), call["path"].as_str().unwrap());
            let answer = client.call(method, path, &call["body"]).await;
            let place = format!("{}: {method} {path}: {}", file.display(), answer.json());
            assert_eq!(call["status"], answer.status, "{place}");
            let covered = covers(&call["response"], &answer.json(), call["values"] == true);
            covered.unwrap_or_else(|it| panic!("{it} in {place}"));
        }
    }
}

/// Whether an answer has every member that was printed: with its value, or of its type. Of a list
/// that was printed for its type, one item has to.
fn covers(printed: &Value, found: &Value, values: bool) -> Result<(), String> {
    match (printed, found) {
        (Value::Object(members), Value::Object(_)) => members.iter().try_for_each(|(name, it)| {
            let found = found.get(name).ok_or_else(|| format!("{name} is missing"))?;
            covers(it, found, values).map_err(|it| format!("{name}: {it}"))
        }),
        (Value::Array(items), Value::Array(all)) if values => match items.len() == all.len() {
            true => items.iter().zip(all).try_for_each(|(a, b)| covers(a, b, values)),
            false => Err(format!("{} and not {} items", all.len(), items.len())),
        },
        (Value::Array(items), Value::Array(all)) => {
            let Some(first) = items.first() else { return Ok(()) };
            let one = all.iter().map(|it| covers(first, it, values));
            one.reduce(Result::or).unwrap_or(Err("an empty list proves nothing".to_owned()))
        }
        // What is not known is `null`, whatever it would be.
        (_, Value::Null) if !values => Ok(()),
        _ if values && printed == found => Ok(()),
        _ if !values && std::mem::discriminant(printed) == std::mem::discriminant(found) => Ok(()),
        _ => Err(format!("{found} and not {printed}")),
    }
}

/// Every call of a dialect's document: method, path, and whether it is served.
pub fn documented(name: &str) -> Vec<(String, String, bool)> {
    let path = format!("{}/docs/compat/{name}.md", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).unwrap();
    let mut calls = vec![];
    for row in text.lines().filter(|it| it.starts_with("| ") && it.contains("| `/")) {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        for method in cells[0].split(", ") {
            calls.push((
                method.to_owned(),
                cells[1].trim_matches('`').to_owned(),
                cells[2] == "yes",
            ));
        }
    }
    assert!(!calls.is_empty());
    calls
}

/// A path of a document with something in each of its places.
pub fn filled(path: &str, account: &str) -> String {
    let mut filled = String::new();
    for part in path.split('/').skip(1) {
        filled.push('/');
        filled.push_str(match part {
            "{accountId}" | "{hostAccountID}" => account,
            "entitled" => "entitled?userId=x",
            _ if part.starts_with('{') => "x",
            _ => part,
        });
    }
    filled
}

/// Every call is refused to whoever may not make it, in the vendor's shape, and nothing is written.
pub async fn keys_are_held_apart(client: &Client, name: &str, shape: fn(&Value, u16)) {
    let ledger = &client.ledger;
    let other = if name == "aladia" { "uipath" } else { "aladia" };
    let only = |facade: &str| json!({"facades": [facade]});
    let reader = key(ledger, "acme", "reader", only(name)).await;
    let foreign = key(ledger, "acme", "admin", only(other)).await;
    let mut over = only(name);
    let now = ledger.get("/v1/clock").await.json()["now"].as_str().unwrap().to_owned();
    let now = DateTime::parse_from_rfc3339(&now).unwrap();
    over["expires_at"] = (now + TimeDelta::days(1)).to_utc().to_rfc3339().into();
    let over = key(ledger, "acme", "admin", over).await;
    let days = ledger.post_bytes("/v1/clock", br#"{"forward": "2d"}"#, &[]).await;
    assert_eq!(days.status, 200);
    let globex = key(ledger, "globex", "admin", only(name)).await;
    let revoked = key(ledger, "acme", "admin", only(name)).await;
    let id = revoked.split('_').nth(1).unwrap();
    ledger.accepted("acme", "RevokeKey", &json!({"key": id})).await;
    let (most, last) = client.key.split_at(client.key.len() - 1);
    let garbled = format!("{most}{}", if last == "0" { "1" } else { "0" });
    ledger.caught_up().await;
    let before = happened(client).await;
    let strange = [vec![over.as_str(), "slk_x"], vec![&garbled, "nonsense"], vec![&revoked]];
    let mut strange = strange.into_iter();
    for (method, path, served) in documented(name) {
        let ask = async |key: Option<&str>, account: &str| {
            let mut headers = vec![];
            if let Some(key) = key {
                headers.push((client.header, key));
            }
            let method = Method::try_from(method.as_str()).unwrap();
            let answer = ledger.request(method, &filled(&path, account), "{}", &headers).await;
            shape(&answer.json(), answer.status);
            // As of when, for whoever was admitted.
            let told = answer.headers.contains_key("seatledger-sequence");
            assert_eq!(told, answer.status != 401, "{path}: {}", answer.status);
            answer
        };
        let place = format!("{method} {path}");
        let missing = ask(None, "acme").await;
        assert_eq!(missing.status, 401, "{place}");
        assert!(missing.headers.contains_key("www-authenticate"), "{place}");
        // Of the first calls only: whoever fails too often has to wait.
        for key in strange.next().unwrap_or_default() {
            assert_eq!(ask(Some(key), "acme").await.status, 401, "{place} {key}");
        }
        assert_eq!(ask(Some(&foreign), "acme").await.status, 403, "{place}");
        if !served {
            assert_eq!(ask(Some(&client.key), "acme").await.status, 501, "{place}");
            continue;
        }
        if method != "GET" && !path.ends_with("/entitled") {
            assert_eq!(ask(Some(&reader), "acme").await.status, 403, "{place}");
        }
        if path.contains("{accountId}") || path.contains("{hostAccountID}") {
            // What another account has and what is nowhere are the same.
            let (there, nowhere) =
                (ask(Some(&globex), "acme").await, ask(Some(&globex), "none").await);
            assert_eq!((there.status, nowhere.status), (404, 404), "{place}");
            let text = |it: &Answer, account: &str| {
                let mut body = it.json();
                body.as_object_mut().unwrap().remove("traceId");
                body.to_string().replace(account, "x")
            };
            assert_eq!(text(&there, "acme"), text(&nowhere, "none"), "{place}");
        }
    }
    assert_eq!(happened(client).await, before, "something was written");
}

/// A call that the ledger refused says under which id, and the ledger knows it by that.
pub async fn refusal_is_found(client: &Client, answer: &Answer) {
    answer.sequence();
    let id = answer.headers["seatledger-command"].to_str().unwrap();
    let is_kept = async || {
        let kept = client.ledger.refusals("acme", 1).await;
        kept.iter().any(|it| it["command"] == id)
    };
    eventually("the refusal is kept by its id", is_kept).await;
}

/// Whoever shows wrong keys too often is told in the vendor's shape when to try again, and whoever
/// has a good one is served meanwhile.
pub async fn who_fails_too_often_waits(client: &Client, name: &str, shape: fn(&Value, u16)) {
    let calls = documented(name);
    let (method, path, _) = calls.iter().find(|it| it.2).unwrap();
    let wrong = written("0123456789abcdef", [7; 32]);
    let mut waits = 0;
    for _ in 0..40 {
        let method = Method::try_from(method.as_str()).unwrap();
        let headers = [(client.header, wrong.as_str())];
        let answer = client.ledger.request(method, &filled(path, "acme"), "{}", &headers).await;
        shape(&answer.json(), answer.status);
        if answer.status == 429 {
            let seconds: u64 = answer.headers["retry-after"].to_str().unwrap().parse().unwrap();
            assert!((1..=60).contains(&seconds), "{seconds}");
            waits += 1;
            continue;
        }
        assert_eq!((answer.status, waits), (401, 0), "{}", answer.json());
    }
    assert!((20..=30).contains(&waits), "{waits} of 40 had to wait");
    let good = client.call(method, &filled(path, "acme"), &json!({})).await;
    assert!(![401, 429].contains(&good.status), "{}", good.json());
}

/// How many things have happened to the account, besides that keys were used.
async fn happened(client: &Client) -> usize {
    let history = client.native("/history?limit=1000").await;
    history["items"].as_array().unwrap().iter().filter(|it| it["type"] != "KeyUsed").count()
}
