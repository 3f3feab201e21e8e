//! Calls that are made at once: each is told what it left itself.

use std::future::Future;

use serde_json::{Value, json};

use super::{Client, number};
use crate::Ledger;

/// How many at once, and how often.
const WRITERS: usize = 16;
const ROUNDS: usize = 4;

async fn at_once<T>(calls: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    futures_util::future::join_all(calls).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_is_told_what_it_left_and_not_what_the_next_one_did() {
    let ledger = Ledger::start().await;
    let client = Client::of(&ledger, "acme").await;
    let id = client.user_license(1).await;
    for round in 0..ROUNDS {
        let update = async |n: usize| {
            let body = json!({"license_id": id, "name": format!("n{round}-{n}"), "count": 10 + n,
                "metadata": {"n": n}, "source": format!("s{n}"), "active": n.is_multiple_of(2),
                "expired": format!("20{}-01-01T00:00:00.000Z", 50 + n)});
            let told = client.done("user/update/", body.clone()).await;
            (body, told)
        };
        for (asked, told) in at_once((0..WRITERS).map(update)).await {
            for name in ["name", "count", "metadata", "source", "active", "expired"] {
                assert_eq!(told[name], asked[name], "{name}: {asked} {told}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_assignment_is_told_as_the_call_left_it() {
    let ledger = Ledger::start().await;
    let client = Client::of(&ledger, "acme").await;
    let id = client.user_license(1).await;
    for _ in 0..ROUNDS {
        let update = async |n: usize| {
            let body = json!({"license_id": id, "email": "a@x.org", "active": n.is_multiple_of(2),
                "fulfilled": n.is_multiple_of(3), "metadata": {"n": n},
                "redirect_to": format!("https://x.org/{n}")});
            let told = client.done("user/assignment/", body.clone()).await;
            (body, told)
        };
        let mut numbers = vec![];
        for (asked, told) in at_once((0..WRITERS).map(update)).await {
            for name in ["active", "fulfilled", "metadata", "redirect_to"] {
                assert_eq!(told[name], asked[name], "{name}: {asked} {told}");
            }
            numbers.push(number(&told, "id"));
        }
        numbers.dedup();
        assert_eq!(numbers.len(), 1, "it is one assignment");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_assignment_is_told_as_the_call_left_it() {
    let ledger = Ledger::start().await;
    let client = Client::of(&ledger, "acme").await;
    let id = client.user_license(5).await;
    let members = json!({"group": "staff", "holders": [{"user": "ada"}]});
    let sequence = ledger.accepted("acme", "AddMembers", &members).await;
    let group = ledger.get_at_least("/v1/accounts/acme/groups/staff", sequence).await.json();
    let group: Value = group["number"].clone();
    for _ in 0..ROUNDS {
        let update = async |n: usize| {
            let body = json!({"license_id": id, "group_id": group, "fulfilled": n.is_multiple_of(2),
                "metadata": {"n": n}, "redirect_to": format!("https://x.org/{n}")});
            let told = client.done("user/assignment/group/", body.clone()).await;
            (body, told)
        };
        for (asked, told) in at_once((0..WRITERS).map(update)).await {
            for name in ["fulfilled", "metadata", "redirect_to"] {
                assert_eq!(told[name], asked[name], "{name}: {asked} {told}");
            }
        }
    }
}
