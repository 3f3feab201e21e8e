//! Groups, their members, what they give and what they leave.

use serde_json::{Value, json};

use super::model::ACCOUNT;
use super::{all_pages, items, same_after_deleting};
use crate::Ledger;

/// Designers get the product, two of them at most: ada and bo at first, then ada and cy, and what bo
/// had is an orphan. Each step and the sequence it has.
async fn designers(ledger: &Ledger) -> [u64; 6] {
    let users = |names: &[&str]| -> Value {
        names.iter().map(|it| json!({"user": it})).collect::<Vec<_>>().into()
    };
    let license = json!({"license": "creative", "product": "CREATIVE", "quantity": 5});
    let named =
        json!({"group": "designers", "name": "All designers", "holders": users(&["ada", "bo"])});
    let grants = json!([{"product": "CREATIVE", "mode": "first_come", "quota": 2}]);
    let mut last = [0; 6];
    for (at, (command, document)) in [
        ("AllocateLicense", license),
        ("SetPolicy", json!({"leaving": "orphan"})),
        ("AddMembers", named),
        ("SetGroupRule", json!({"group": "designers", "grants": grants})),
        ("AddMembers", json!({"group": "designers", "holders": users(&["cy"])})),
        ("RemoveMembers", json!({"group": "designers", "holders": users(&["bo"])})),
    ]
    .into_iter()
    .enumerate()
    {
        last[at] = ledger.accepted("acme", command, &document).await;
    }
    last
}

fn users(answer: &Value) -> Vec<&str> {
    items(answer).iter().map(|it| it["holder"]["user"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_is_told_as_it_was_at_any_sequence() {
    let ledger = Ledger::start().await;
    let [_, before, named, ruled, third, left] = designers(&ledger).await;
    let path = format!("{ACCOUNT}/groups/designers");
    let missing = ledger.get_at_least(&format!("{path}?at={before}"), left).await;
    assert_eq!((missing.status, &missing.json()["code"]), (404, &json!("group_not_found")));
    for (at, members, given) in [
        (named, vec!["ada", "bo"], None),
        (ruled, vec!["ada", "bo"], Some((2, 0))),
        // Two are given, and cy waits.
        (third, vec!["ada", "bo", "cy"], Some((2, 1))),
        // Whoever waits for the seat that bo leaves is served in the same commit.
        (left, vec!["ada", "cy"], Some((2, 0))),
    ] {
        let answer = ledger.get(&format!("{path}?at={at}")).await;
        assert_eq!((answer.status, answer.sequence()), (200, at));
        let group = answer.json();
        assert_eq!(
            [&group["group"], &group["name"], &group["members"], &group["unfinished"]],
            [&json!("designers"), &json!("All designers"), &json!(members.len()), &json!(false)]
        );
        let given = given.map(|(leases, waiting)| {
            json!({"product": "CREATIVE", "mode": "first_come", "quota": 2, "leases": leases,
                "waiting": waiting})
        });
        assert_eq!(group["grants"], json!(given.into_iter().collect::<Vec<_>>()), "at {at}");
        assert_eq!(group["since_sequence"], json!(named));
        let list = ledger.get(&format!("{path}/members?at={at}")).await.json();
        assert_eq!(users(&list), members, "at {at}");
        let paged = all_pages(&ledger, &format!("{path}/members?at={at}"), 1).await;
        assert_eq!(paged, items(&list));
        let groups = ledger.get(&format!("{ACCOUNT}/groups?at={at}")).await.json();
        assert_eq!(items(&groups)[0]["members"], json!(members.len()));
    }
    let joined = ledger.get(&format!("{path}/members")).await.json();
    assert_eq!(items(&joined)[1]["since_sequence"], json!(third));
    let none = ledger.get(&format!("{ACCOUNT}/groups?at={before}")).await;
    assert_eq!((none.status, none.json()["items"].clone()), (200, json!([])));
}

#[tokio::test(flavor = "multi_thread")]
async fn assignments_are_found_by_what_they_stand_on() {
    let ledger = Ledger::start().await;
    let [.., ruled, third, left] = designers(&ledger).await;
    let direct = json!({"license": "creative", "holders": [{"user": "ada"}, {"user": "di"}]});
    let last = ledger.accepted("acme", "AssignSeat", &direct).await;
    for (query, at, wanted) in [
        ("group=designers", ruled, vec!["ada", "bo"]),
        ("group=designers&ground=group", third, vec!["ada", "bo"]),
        ("ground=orphan", third, vec![]),
        ("ground=orphan", left, vec!["bo"]),
        ("ground=orphan&group=designers", last, vec!["bo"]),
        ("ground=group", last, vec!["ada", "cy"]),
        ("ground=direct", left, vec![]),
        ("ground=direct", last, vec!["ada", "di"]),
        ("ground=direct&group=designers", last, vec!["ada"]),
        ("group=designers", last, vec!["ada", "bo", "cy"]),
        ("group=others", last, vec![]),
    ] {
        for list in ["assignments", "licenses/creative/assignments"] {
            let path = format!("{ACCOUNT}/{list}?{query}&at={at}");
            let found = ledger.get_at_least(&path, last).await.json();
            assert_eq!(users(&found), wanted, "{path}");
        }
    }
    let path = format!("{ACCOUNT}/holders/ada/assignments");
    let found = ledger.get(&path).await.json();
    assert_eq!(items(&found)[0]["grounds"], json!(["direct", "group:designers"]));
    let check = format!("{ACCOUNT}/checks?user=ada&product=CREATIVE");
    let ground = &ledger.get(&check).await.json()["grounds"][0];
    assert_eq!(
        (&ground["ground"], &ground["grounds"]),
        (&json!("direct"), &json!(["direct", "group:designers"]))
    );
    let ground = &ledger.get(&format!("{check}&at={left}")).await.json()["grounds"][0];
    assert_eq!(
        (&ground["ground"], &ground["grounds"]),
        (&json!("group:designers"), &json!(["group:designers"]))
    );
    let wrong = ledger.get(&format!("{ACCOUNT}/assignments?ground=other")).await;
    assert_eq!((wrong.status, &wrong.json()["parameter"]), (400, &json!("ground")));
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_come_back_from_the_log() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::start_in(dir.path()).await;
    let [.., ruled, _, _] = designers(&ledger).await;
    // The same by another door.
    let nats = ledger.nats().await;
    let more = json!({"group": "staff", "holders": [{"email": "eve@x.org"}]}).to_string();
    let told = nats.request("seatledger.command.acme.AddMembers", more.into()).await.unwrap();
    let told: Value = serde_json::from_slice(&told.payload).unwrap();
    let last = told["sequence"].as_u64().unwrap();
    let paths = [
        "groups".to_owned(),
        format!("groups?at={ruled}"),
        "groups/designers/members".to_owned(),
        format!("groups/designers/members?at={ruled}"),
        "groups/staff/members".to_owned(),
    ];
    same_after_deleting(ledger, dir.path(), "directory", &paths, last).await;
}
