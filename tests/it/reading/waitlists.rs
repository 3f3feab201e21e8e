//! Who waits for a seat, in which order, and what became of it.

use serde_json::{Value, json};

use super::model::ACCOUNT;
use super::{all_pages, items, same_after_deleting};
use crate::Ledger;

/// One seat that ada has and three wait for: bo, an address, and di for the product. The address
/// becomes cy's, bo is served, di gives up.
async fn waiting(ledger: &Ledger) -> [u64; 6] {
    let seat = |who: Value| json!({"license": "creative", "holders": who, "wait": true});
    let product = json!({"product": "CREATIVE", "holders": [{"user": "di"}], "wait": true});
    let give_up = json!({"product": "CREATIVE", "holders": [{"user": "di"}]});
    let mut last = [0; 6];
    for (at, (command, document)) in [
        ("AllocateLicense", json!({"license": "creative", "product": "CREATIVE", "quantity": 1})),
        ("AssignSeat", seat(json!([{"user": "ada"}, {"user": "bo"}, {"email": "cy@x.org"}]))),
        ("AssignSeat", product),
        ("LinkHolder", json!({"email": "cy@x.org", "user": "cy"})),
        ("RevokeAssignment", json!({"license": "creative", "holders": [{"user": "ada"}]})),
        ("LeaveWaitlist", give_up),
    ]
    .into_iter()
    .enumerate()
    {
        last[at] = ledger.accepted("acme", command, &document).await;
    }
    last
}

/// Who, at which position, and how it ended.
fn told(items: &[Value]) -> Vec<Value> {
    let who = |it: &Value| match it["user"].is_string() {
        true => it["user"].clone(),
        false => it["email"].clone(),
    };
    items
        .iter()
        .map(|it| match it["position"].is_number() {
            true => json!([who(&it["holder"]), it["position"]]),
            false => json!([who(&it["holder"]), it["end"], it["until_sequence"]]),
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_waitlist_is_told_as_it_was_at_any_sequence() {
    let ledger = Ledger::start().await;
    let [begun, waited, product, linked, revoked, last] = waiting(&ledger).await;
    let (bo, cy, di) = (json!(["bo", 1]), json!(["cy", 2]), json!(["di", 1]));
    let address = json!(["cy@x.org", 2]);
    for (query, at, wanted) in [
        ("", begun, vec![]),
        ("", waited, vec![bo.clone(), address.clone()]),
        ("", product, vec![bo.clone(), address.clone(), di.clone()]),
        ("license=creative&", product, vec![bo.clone(), address.clone()]),
        ("product=CREATIVE&", product, vec![di.clone()]),
        ("", linked, vec![bo.clone(), cy.clone(), di.clone()]),
        ("email=cy@x.org&", product, vec![address.clone()]),
        ("email=cy@x.org&", linked, vec![cy.clone()]),
        ("user=cy&", linked, vec![cy.clone()]),
        ("user=cy&", product, vec![]),
        ("", revoked, vec![json!(["cy", 1]), di.clone()]),
        ("", last, vec![json!(["cy", 1])]),
        ("user=bo&ended=true&", last, vec![json!(["bo", "served", revoked])]),
        ("user=di&ended=true&", last, vec![json!(["di", "given_up", last])]),
        (
            "email=cy@x.org&ended=true&",
            last,
            vec![json!(["cy@x.org", "withdrawn", linked]), json!(["cy", 1])],
        ),
    ] {
        let path = format!("{ACCOUNT}/waitlists?{query}at={at}");
        let found = ledger.get_at_least(&path, last).await;
        assert_eq!((found.status, found.sequence()), (200, at));
        let found = found.json();
        assert_eq!(told(items(&found)), wanted, "{query}at={at}");
        assert_eq!(all_pages(&ledger, &path, 1).await, items(&found));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_license_has_a_waitlist() {
    let ledger = Ledger::start().await;
    let [_, waited, .., last] = waiting(&ledger).await;
    let path = format!("{ACCOUNT}/licenses/creative/waitlist");
    let now = ledger.get_at_least(&path, last).await.json();
    assert_eq!(told(items(&now)), [json!(["cy", 1])]);
    let it = &items(&now)[0];
    assert_eq!((&it["license"], &it["ground"]), (&json!("creative"), &json!("direct")));
    let then = ledger.get(&format!("{path}?at={waited}")).await.json();
    assert_eq!(told(items(&then)), [json!(["bo", 1]), json!(["cy@x.org", 2])]);
    // The place passes on as it was.
    assert_eq!(items(&then)[1]["place"], it["place"]);
    for (path, code) in [
        (format!("{ACCOUNT}/licenses/nope/waitlist"), "license_not_found"),
        ("/v1/accounts/nobody/waitlists".to_owned(), "account_not_found"),
    ] {
        let answer = ledger.get(&path).await;
        assert_eq!((answer.status, &answer.json()["code"]), (404, &json!(code)));
    }
    let both = ledger.get(&format!("{ACCOUNT}/waitlists?user=a&email=b@x")).await;
    assert_eq!((both.status, &both.json()["parameter"]), (400, &json!("email")));
}

#[tokio::test(flavor = "multi_thread")]
async fn waitlists_come_back_from_the_log() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::start_in(dir.path()).await;
    let [_, waited, .., last] = waiting(&ledger).await;
    let paths = [
        "waitlists?ended=true".to_owned(),
        "licenses/creative/waitlist".to_owned(),
        format!("waitlists?at={waited}"),
    ];
    same_after_deleting(ledger, dir.path(), "waitlists", &paths, last).await;
}
