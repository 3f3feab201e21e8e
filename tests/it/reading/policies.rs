//! What is decided, what becomes of seats by it, and what was decided before.

use serde_json::{Value, json};

use super::model::ACCOUNT;
use super::{all_pages, items, same_after_deleting};
use crate::Ledger;

/// One seat more than there are is given out, then no seat more than there are.
async fn decided(ledger: &Ledger) -> [u64; 6] {
    let holders = json!([{"user": "a"}, {"user": "b"}, {"user": "c"}]);
    let mut last = [0; 6];
    for (at, (command, document)) in [
        ("AllocateLicense", json!({"license": "creative", "product": "CREATIVE", "quantity": 2})),
        ("SetPolicy", json!({"overage": "50%", "lowering": "tolerate"})),
        ("AssignSeat", json!({"license": "creative", "holders": holders})),
        ("SetPolicy", json!({"license": "creative", "overage": "none"})),
        ("SetPolicy", json!({"license": "creative", "overage": "unlimited"})),
        ("SetPolicy", json!({"license": "creative", "overage": null})),
    ]
    .into_iter()
    .enumerate()
    {
        last[at] = ledger.accepted("acme", command, &document).await;
    }
    last
}

#[tokio::test(flavor = "multi_thread")]
async fn a_license_gives_out_what_policies_make_of_its_quantity() {
    let ledger = Ledger::start().await;
    let [begun, account, assigned, none, unlimited, last] = decided(&ledger).await;
    for (at, limit, available, over, policy) in [
        (begun, json!(2), json!(2), false, None),
        (account, json!(3), json!(3), false, None),
        (assigned, json!(3), json!(0), false, None),
        (none, json!(2), json!(0), true, Some(json!({"overage": "none"}))),
        (unlimited, Value::Null, Value::Null, false, Some(json!({"overage": "unlimited"}))),
        (last, json!(3), json!(0), false, None),
    ] {
        let path = format!("{ACCOUNT}/licenses/creative?at={at}");
        let license = ledger.get_at_least(&path, last).await.json();
        let told = [&license["limit"], &license["available"], &license["over_allocated"]];
        assert_eq!(told, [&limit, &available, &json!(over)], "at {at}");
        assert!(license.get("limit").is_some() && license.get("available").is_some());
        assert_eq!(license.get("policy"), policy.as_ref(), "at {at}");
        assert_eq!(license["quantity"], json!(2));
    }
    let path = format!("{ACCOUNT}?at={begun}");
    assert_eq!(ledger.get(&path).await.json().get("policy"), None);
    let policy = &ledger.get(ACCOUNT).await.json()["policy"];
    assert_eq!(*policy, json!({"overage": "50%", "lowering": "tolerate"}));
}

#[tokio::test(flavor = "multi_thread")]
async fn policies_are_told_as_they_were_at_any_sequence() {
    let ledger = Ledger::start().await;
    let [begun, account, _, none, unlimited, last] = decided(&ledger).await;
    let of_account = json!({"overage": "50%", "lowering": "tolerate"});
    let rows = |items: &[Value]| -> Vec<Value> {
        items.iter().map(|it| json!([it["license"], it["policy"], it["since_sequence"]])).collect()
    };
    let of_account = json!([null, of_account, account]);
    let of_license = |overage: &str, at: u64| json!(["creative", {"overage": overage}, at]);
    for (at, wanted) in [
        (begun, vec![]),
        (account, vec![of_account.clone()]),
        (none, vec![of_account.clone(), of_license("none", none)]),
        (unlimited, vec![of_account.clone(), of_license("unlimited", unlimited)]),
        (last, vec![of_account.clone()]),
    ] {
        let path = format!("{ACCOUNT}/policies?at={at}");
        let found = ledger.get_at_least(&path, last).await.json();
        assert_eq!(rows(items(&found)), wanted, "at {at}");
        assert_eq!(all_pages(&ledger, &path, 1).await, items(&found));
    }
    let path = format!("{ACCOUNT}/policies/history");
    let history = ledger.get(&path).await.json();
    let wanted = [
        of_account,
        of_license("none", none),
        of_license("unlimited", unlimited),
        json!(["creative", {}, last]),
    ];
    assert_eq!(rows(items(&history)), wanted);
    assert_eq!(all_pages(&ledger, &path, 2).await, items(&history));
    let found = ledger.get(&format!("{path}?license=creative&at={none}")).await.json();
    assert_eq!(rows(items(&found)), wanted[1..2]);
    assert_eq!(ledger.get("/v1/accounts/nobody/policies").await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn policies_come_back_from_the_log() {
    for model in ["directory", "licenses"] {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::start_in(dir.path()).await;
        let [.., none, _, last] = decided(&ledger).await;
        let mut paths: Vec<_> =
            ["policies", "policies/history", "licenses"].map(str::to_owned).into();
        paths.extend([format!("policies?at={none}"), format!("licenses/creative?at={none}")]);
        same_after_deleting(ledger, dir.path(), model, &paths, last).await;
    }
}
