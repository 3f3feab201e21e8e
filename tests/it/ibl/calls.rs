//! Which calls are served, and that the document says so.

use hyper::Method;

use super::{BASE, Client};
use crate::Ledger;

/// Every call of the dialect: 31 at 19 paths.
pub const CALLS: [(&str, &str); 31] = [
    ("GET", "user/"),
    ("POST", "user/create/"),
    ("POST", "user/update/"),
    ("GET", "user/assignment/"),
    ("POST", "user/assignment/"),
    ("DELETE", "user/assignment/"),
    ("GET", "user/assignment/group/"),
    ("POST", "user/assignment/group/"),
    ("DELETE", "user/assignment/group/"),
    ("GET", "user/assignment/check/"),
    ("GET", "course/"),
    ("POST", "course/create/"),
    ("POST", "course/update/"),
    ("GET", "course/assignment/"),
    ("POST", "course/assignment/"),
    ("DELETE", "course/assignment/"),
    ("GET", "course/assignment/group/"),
    ("POST", "course/assignment/group/"),
    ("DELETE", "course/assignment/group/"),
    ("GET", "program/"),
    ("POST", "program/create/"),
    ("POST", "program/update/"),
    ("GET", "program/assignment/"),
    ("POST", "program/assignment/"),
    ("DELETE", "program/assignment/"),
    ("GET", "program/assignment/group/"),
    ("POST", "program/assignment/group/"),
    ("DELETE", "program/assignment/group/"),
    ("GET", "platform/"),
    ("POST", "platform/create/"),
    ("POST", "platform/update/"),
];

const METHODS: [Method; 5] =
    [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];

#[tokio::test(flavor = "multi_thread")]
async fn every_call_is_served_at_its_path_and_no_other_is() {
    let ledger = Ledger::start().await;
    let client = Client::of(&ledger, "acme").await;
    let mut paths: Vec<&str> = CALLS.iter().map(|it| it.1).collect();
    paths.dedup();
    assert_eq!(paths.len(), 19);
    for path in paths {
        for method in METHODS {
            let served = CALLS.contains(&(method.as_str(), path));
            let body = if method == Method::POST { "{}" } else { "" };
            let answer = client.call(method.clone(), path, body, &[]).await;
            assert_eq!(answer.status != 405, served, "{method} {path}: {}", answer.status);
            assert!(answer.status < 500, "{method} {path}: {}", answer.status);
        }
        let cut = client.get(path.trim_end_matches('/')).await;
        assert_eq!(cut.status, 404, "{path}: the slash at the end is a part of it");
    }
    for path in ["", "platform/assignment/", "group/", "user/assignment/bulk/", "user/1/"] {
        assert_eq!(client.get(path).await.status, 404, "{path}");
    }
}

#[test]
fn the_document_lists_every_call() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/compat/ibl.md");
    let page = std::fs::read_to_string(page).unwrap();
    let rows = page.lines().filter(|it| it.starts_with("| `") && it.contains(" /api/"));
    let call = |it: &str| it.split('`').nth(1).unwrap().to_owned();
    let listed: Vec<String> = rows.map(call).collect();
    let served: Vec<String> = CALLS.iter().map(|it| format!("{} {BASE}/{}", it.0, it.1)).collect();
    assert_eq!(listed, served);
}
