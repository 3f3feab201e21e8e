//! OpenAPI, schemas and problem pages say what the ledger does.

mod answers;
mod examples;
mod openapi;
mod pages;
mod refusing;
pub mod schema;

use std::collections::BTreeMap;

use serde_json::Value;

use crate::Ledger;

/// What the ledger says of its own API.
pub async fn openapi(ledger: &Ledger) -> Value {
    let answer = ledger.get("/openapi.json").await;
    assert_eq!(
        (answer.status, &answer.headers["content-type"]),
        (200, &"application/json".parse().unwrap())
    );
    answer.json()
}

/// Every operation, by method and path.
fn operations(openapi: &Value) -> BTreeMap<(String, String), &Value> {
    let mut all = BTreeMap::new();
    for (path, methods) in openapi["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            all.insert((method.to_uppercase(), path.clone()), operation);
        }
    }
    all
}
