//! Who is known, by which names, and whose an address is.

use serde_json::{Value, json};

use super::model::ACCOUNT;
use super::{all_pages, items, same_after_deleting};
use crate::Ledger;

/// bo is assigned by address, named, and linked; what the address had is bo's since.
async fn linked(ledger: &Ledger) -> [u64; 4] {
    let holders = json!([{"email": "bo@x.org"}, {"user": "ada"}]);
    let mut last = [0; 4];
    for (at, (command, document)) in [
        ("AllocateLicense", json!({"license": "creative", "product": "CREATIVE", "quantity": 5})),
        ("AssignSeat", json!({"license": "creative", "holders": holders})),
        (
            "RegisterHolder",
            json!({"holder": {"user": "bo"}, "user_name": "bo.b", "display_name": "Bo B."}),
        ),
        ("LinkHolder", json!({"email": "bo@x.org", "user": "bo"})),
    ]
    .into_iter()
    .enumerate()
    {
        last[at] = ledger.accepted("acme", command, &document).await;
    }
    last
}

/// By user id, or else by address.
fn names(items: &[Value]) -> Vec<&str> {
    let holders = items.iter().map(|it| &it["holder"]);
    holders.map(|it| it["user"].as_str().or(it["email"].as_str()).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_answers_for_the_user_whom_it_names() {
    let ledger = Ledger::start().await;
    let [_, assigned, registered, link] = linked(&ledger).await;
    let check = format!("{ACCOUNT}/checks?product=CREATIVE");
    for (who, at, allowed) in [
        ("email=bo@x.org", assigned, true),
        ("user=bo", registered, false),
        ("email=bo@x.org", link, true),
        ("user=bo", link, true),
        ("email=BO@x.org", link, true),
    ] {
        let verdict = ledger.get_at_least(&format!("{check}&{who}&at={at}"), link).await.json();
        assert_eq!(verdict["allowed"], json!(allowed), "{who} at {at}: {verdict}");
    }
    for (path, at, wanted) in [
        ("holders/bo@x.org/assignments?by=email", registered, vec!["bo@x.org"]),
        ("holders/bo@x.org/assignments?by=email", link, vec!["bo"]),
        ("holders/bo/assignments?by=user", registered, vec![]),
        ("holders/bo/assignments?by=user", link, vec!["bo"]),
        ("assignments?email=bo@x.org", link, vec!["bo"]),
    ] {
        let found = ledger.get(&format!("{ACCOUNT}/{path}&at={at}")).await.json();
        assert_eq!(names(items(&found)), wanted, "{path} at {at}");
        assert!(items(&found).iter().all(|it| it["assigned_sequence"] == json!(assigned)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn holders_are_told_as_they_were_at_any_sequence() {
    let ledger = Ledger::start().await;
    let [_, assigned, registered, link] = linked(&ledger).await;
    let set = json!({"holders": [{"user": "ada"}], "products": ["CREATIVE"], "external": true});
    let set = ledger.accepted("acme", "DeclareDirectSet", &set).await;
    let group = json!({"group": "staff", "holders": [{"user": "bo"}]});
    let group = ledger.accepted("acme", "AddMembers", &group).await;
    let retired = ledger.accepted("acme", "RetireHolder", &json!({"holder": {"user": "bo"}})).await;
    let asked = &ledger;
    let list = |query: String| {
        let path = format!("{ACCOUNT}/holders?{query}");
        async move { asked.get_at_least(&path, retired).await.json() }
    };
    for (query, at, wanted) in [
        ("", assigned, vec!["bo@x.org", "ada"]),
        ("", link, vec!["bo@x.org", "ada", "bo"]),
        ("registered=true&", assigned, vec![]),
        ("registered=true&", registered, vec!["bo"]),
        ("registered=false&", link, vec!["bo@x.org", "ada"]),
        ("retired=true&", group, vec![]),
        ("retired=true&", retired, vec!["bo"]),
        ("email=bo@x.org&", registered, vec!["bo@x.org"]),
        ("email=Bo@x.org&", link, vec!["bo@x.org", "bo"]),
    ] {
        let found = list(format!("{query}at={at}")).await;
        assert_eq!(names(items(&found)), wanted, "{query}{at}");
    }
    let all = list(String::new()).await;
    let number = &items(&all)[1]["number"];
    let found = list(format!("number={number}")).await;
    assert_eq!(names(items(&found)), ["ada"]);
    assert!(items(&list("number=999999".into()).await).is_empty());
    assert_eq!(all_pages(&ledger, &format!("{ACCOUNT}/holders"), 1).await, items(&all));
    assert_eq!(items(&all)[0]["linked"], json!("bo"));
    let one = |user: &str, at: u64| {
        let path = format!("{ACCOUNT}/holders/{user}?at={at}");
        async move { asked.get(&path).await }
    };
    let ada = one("ada", set).await.json();
    assert_eq!(ada["direct_set"], json!({"products": ["CREATIVE"], "external": true}));
    assert_eq!(one("ada", link).await.json().get("direct_set"), None);
    let bo = one("bo", group).await.json();
    assert_eq!(
        [&bo["display_name"], &bo["groups"], &bo["registered"], &bo["retired"]],
        [&json!("Bo B."), &json!(["staff"]), &json!(true), &json!(false)]
    );
    assert_eq!(one("bo", retired).await.json()["groups"], json!([]));
    let before = one("bo", assigned).await;
    assert_eq!((before.status, &before.json()["code"]), (404, &json!("holder_not_found")));
}

#[tokio::test(flavor = "multi_thread")]
async fn holders_come_back_from_the_log() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::start_in(dir.path()).await;
    let [_, assigned, _, link] = linked(&ledger).await;
    let paths = ["holders", "holders/bo", "holders?email=bo@x.org"].map(str::to_owned);
    let mut paths = paths.to_vec();
    paths.push(format!("holders?at={assigned}"));
    same_after_deleting(ledger, dir.path(), "directory", &paths, link).await;
}
