//! Groups that give a license to all of their members.

use serde_json::{Value, json};

use super::{Client, number, refused};
use crate::Ledger;

/// A group of users, and the number that the dialect knows it by.
async fn group(ledger: &Ledger, name: &str, users: &[&str]) -> u64 {
    let holders: Vec<Value> = users.iter().map(|it| json!({"user": it})).collect();
    let document = json!({"group": name, "holders": holders, "name": format!("The {name}")});
    let sequence = ledger.accepted("acme", "AddMembers", &document).await;
    let path = format!("/v1/accounts/acme/groups/{name}");
    number(&ledger.get_at_least(&path, sequence).await.json(), "number")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_gives_to_all_of_its_members_or_to_none() {
    let ledger = Ledger::start().await;
    let client = Client::of(&ledger, "acme").await;
    let body = json!({"program_key": "p", "name": "P", "count": 2});
    let id = number(&client.done("program/create/", body).await, "id");
    let staff = group(&ledger, "staff", &["ada", "bo", "cy"]).await;
    let path = "program/assignment/group/";
    let body = json!({"license_id": id, "group_id": staff, "fulfilled": true,
        "metadata": {"a": 1}, "redirect_to": "https://x.org/"});
    let (status, code, about) = refused(&client.post(path, &body).await);
    let wanted = (400, "no_seats_available", vec!["license_id".to_owned()]);
    assert_eq!((status, code.as_str(), about), wanted);
    assert!(client.list(&format!("program/assignment/?license_id={id}")).await.is_empty());
    // Who has it by name already needs no seat.
    client.done("program/assignment/", json!({"license_id": id, "username": "ada"})).await;
    client.done("program/update/", json!({"license_id": id, "count": 3})).await;
    let made = client.done(path, body).await;
    assert_eq!(
        made,
        json!({"id": made["id"], "group_id": staff, "group_name": "The staff", "active": true,
            "fulfilled": true, "redirect_to": "https://x.org/", "metadata": {"a": 1},
            "created": made["created"], "modified": made["created"], "license_id": id,
            "license_name": "P", "program_key": "p", "program_name": "p", "user_count": 3,
            "assigned_count": 3})
    );
    let directs = async || {
        let path = format!("program/assignment/?license_id={id}");
        let all = client.list(&path).await;
        let shown =
            |it: &Value| (it["username"].as_str().unwrap().to_owned(), it["direct"] == true);
        let mut all: Vec<(String, bool)> = all.iter().map(shown).collect();
        all.sort();
        all
    };
    let named = |all: &[(&str, bool)]| -> Vec<(String, bool)> {
        all.iter().map(|it| (it.0.to_owned(), it.1)).collect()
    };
    assert_eq!(directs().await, named(&[("ada", true), ("bo", false), ("cy", false)]));
    // Again, with something else said of it: the same one.
    let body = json!({"license_id": id, "group_id": staff, "fulfilled": false});
    let again = client.done(path, body).await;
    assert_eq!((&again["id"], &again["metadata"]), (&made["id"], &json!({"a": 1})));
    assert_eq!(again["fulfilled"], false);
    for (filter, wanted) in [
        (String::new(), 1),
        ("&active=true".to_owned(), 1),
        ("&active=false".to_owned(), 0),
        ("&fulfilled=true".to_owned(), 0),
        (format!("&group_id={staff}"), 1),
        ("&group_id=999999&sort=-created".to_owned(), 0),
    ] {
        let path = format!("{path}?license_id={id}{filter}");
        assert_eq!(client.list(&path).await.len(), wanted, "{path}");
    }
    // What the group alone gives is not taken from one of them.
    let bo = client.list(&format!("program/assignment/?license_id={id}&sort=id")).await;
    let bo = bo.iter().find(|it| it["username"] == "bo").unwrap();
    let one = client.delete(&format!("program/assignment/?assignment_id={}", bo["id"])).await;
    assert_eq!(refused(&one).1, "held_by_group");
    let path = format!("{path}?license_id={id}&assignment_id={}", made["id"]);
    assert_eq!(client.delete(&path).await.status, 200);
    assert_eq!(directs().await, named(&[("ada", true)]));
    assert_eq!(client.delete(&path).await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_group_made_can_stay() {
    let ledger = Ledger::start().await;
    let client = Client::of(&ledger, "acme").await;
    let body = json!({"program_key": "p", "name": "P", "count": 5});
    let id = number(&client.done("program/create/", body).await, "id");
    let staff = group(&ledger, "staff", &["ada", "bo"]).await;
    let path = "program/assignment/group/";
    let made = client.done(path, json!({"license_id": id, "group_id": staff})).await;
    let gone = format!(
        "{path}?license_id={id}&assignment_id={}&remove_user_assignments=false",
        made["id"]
    );
    assert_eq!(client.delete(&gone).await.status, 200);
    let left = client.list(&format!("program/assignment/?license_id={id}")).await;
    assert!(left.len() == 2 && left.iter().all(|it| it["direct"] == true), "{left:?}");
    // They are their holders' now, and end like any other.
    for it in &left {
        let path = format!("program/assignment/?assignment_id={}", it["id"]);
        assert_eq!(client.delete(&path).await.status, 200);
    }
    assert_eq!(client.list("program/").await[0]["usage_count"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stayed_is_its_holders_whatever_the_group_does_later() {
    let ledger = Ledger::start().await;
    let client = Client::of(&ledger, "acme").await;
    let id = client.user_license(5).await;
    let staff = group(&ledger, "staff", &["ada", "bo"]).await;
    let give = json!({"license_id": id, "group_id": staff});
    let gone = async |made: &Value, more: &str| {
        let path = format!("user/assignment/group/?assignment_id={}{more}", made["id"]);
        assert_eq!(client.delete(&path).await.status, 200, "{path}");
    };
    let made = client.done("user/assignment/group/", give.clone()).await;
    // What does not hold a seat then does not hold one after.
    let idle = json!({"license_id": id, "user_id": client.user("bo").await, "active": false});
    let _ = client.done("user/assignment/", idle).await;
    gone(&made, "&remove_user_assignments=false").await;
    let path = format!("user/assignment/?license_id={id}&sort=id");
    let left = client.list(&path).await;
    assert_eq!(left.len(), 2, "{left:?}");
    let grounds = async |user: &str| {
        let path = format!("/v1/accounts/acme/holders/{user}/assignments");
        ledger.get(&path).await.json()["items"][0]["grounds"].clone()
    };
    for user in ["ada", "bo"] {
        let grounds = grounds(user).await;
        assert!(grounds.as_array().unwrap().contains(&json!("direct")), "{user}: {grounds}");
    }
    // Given once more and taken away with everything that the group made: it did not make these. What
    // held no seat does since the group gave it one.
    let made = client.done("user/assignment/group/", give).await;
    gone(&made, "").await;
    let mut held = left;
    held.iter_mut().for_each(|it| it["active"] = true.into());
    assert_eq!(client.list(&path).await, held);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stays_of_a_license_that_nobody_is_assigned_to_stays_all_the_same() {
    let ledger = Ledger::start().await;
    let client = Client::of(&ledger, "acme").await;
    let id = client.user_license(5).await;
    let staff = group(&ledger, "staff", &["ada", "bo"]).await;
    let give = json!({"license_id": id, "group_id": staff});
    let made = client.done("user/assignment/group/", give).await;
    client.done("user/update/", json!({"license_id": id, "active": false})).await;
    let path = format!(
        "user/assignment/group/?assignment_id={}&remove_user_assignments=false",
        made["id"]
    );
    assert_eq!(client.delete(&path).await.status, 200);
    assert_eq!(client.list(&format!("user/assignment/?license_id={id}")).await.len(), 2);
    assert!(client.list(&format!("user/assignment/group/?license_id={id}")).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn users_and_courses_have_groups_too() {
    let ledger = Ledger::start().await;
    let client = Client::of(&ledger, "acme").await;
    let user = client.user_license(5).await;
    let body = json!({"course_id": "c", "name": "C", "count": 5});
    let course = number(&client.done("course/create/", body).await, "id");
    let staff = group(&ledger, "staff", &["ada"]).await;
    let mut ids = vec![];
    for (kind, id, of, value) in
        [("user", user, "platform_key", "acme"), ("course", course, "course_id", "c")]
    {
        let path = format!("{kind}/assignment/group/");
        let made = client.done(&path, json!({"license_id": id, "group_id": staff})).await;
        assert_eq!((&made[of], &made["redirect_to"]), (&json!(value), &Value::Null));
        assert_eq!((&made["metadata"], made.get("user_count")), (&json!({}), None));
        assert_eq!(client.list(&format!("{path}?license_id={id}")).await, vec![made.clone()]);
        ids.push(number(&made, "id"));
        for (body, status, about) in [
            (json!({"license_id": id, "group_id": 999_999}), 404, "group_id"),
            (json!({"license_id": id}), 400, "group_id"),
            (json!({"group_id": staff}), 400, "license_id"),
            (json!({"license_id": 999_999, "group_id": staff}), 404, "license_id"),
            (json!({"license_id": id, "group_id": staff, "active": false}), 400, "active"),
        ] {
            let (said, _, members) = refused(&client.post(&path, &body).await);
            assert_eq!((said, members), (status, vec![about.to_owned()]), "{kind} {body}");
        }
    }
    assert_ne!(ids[0], ids[1]);
    // Whoever joins later has it too.
    let joins = json!({"group": "staff", "holders": [{"user": "bo"}]});
    let sequence = ledger.accepted("acme", "AddMembers", &joins).await;
    let path = format!("course/assignment/?license_id={course}&min_sequence={sequence}");
    assert_eq!(client.list(&path).await.len(), 2);
    // A number of one kind is nothing to another.
    let path = format!("course/assignment/group/?assignment_id={}", ids[0]);
    assert_eq!(client.delete(&path).await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_by_product_is_seen_and_ended_here() {
    let ledger = Ledger::start().await;
    let client = Client::of(&ledger, "acme").await;
    let license = json!({"license": "dev", "product": "RPADEVNU", "quantity": 4});
    ledger.accepted("acme", "AllocateLicense", &license).await;
    let staff = group(&ledger, "staff", &["ada", "bo"]).await;
    let rule = json!({"group": "staff", "grants": [{"product": "RPADEVNU", "mode": "first_come"}]});
    let sequence = ledger.accepted("acme", "SetGroupRule", &rule).await;
    let id = client.list(&format!("user/?min_sequence={sequence}")).await[0]["id"].clone();
    let path = format!("user/assignment/group/?license_id={id}");
    let listed = client.list(&path).await;
    assert_eq!((listed.len(), number(&listed[0], "group_id")), (1, staff));
    let gone = client.delete(&format!("{path}&assignment_id={}", listed[0]["id"])).await;
    assert_eq!(gone.status, 200);
    assert!(client.list(&path).await.is_empty());
    assert!(client.list(&format!("user/assignment/?license_id={id}")).await.is_empty());
}
