//! Assignments of users and addresses.

use hyper::Method;
use serde_json::{Value, json};

use super::{Client, number, refused};
use crate::Ledger;

#[tokio::test(flavor = "multi_thread")]
async fn who_is_assigned_is_named_by_number_or_by_address() {
    let ledger = Ledger::start().await;
    let client = Client::of(&ledger, "acme").await;
    let id = client.user_license(5).await;
    let ada = client.user("ada").await;
    let path = format!("user/assignment/?license_id={id}");
    // The number wins over the address.
    let body = json!({"license_id": id, "user_id": ada, "email": "other@x.org",
        "metadata": {"n": 1.10}, "redirect_to": "https://example.com/go"});
    let first = client.done(&path, body).await;
    assert_eq!(
        first,
        json!({"id": first["id"], "user_id": ada, "username": "ada", "email": "ada@example.com",
            "active": true, "fulfilled": false, "redirect_to": "https://example.com/go",
            "metadata": {"n": 1.10}, "license_id": id, "license_name": "Seats",
            "platform_key": "acme"})
    );
    // An address that a user is known by is theirs; one that nobody is known by is somebody new.
    let known = client.done(&path, json!({"license_id": id, "email": "ADA@example.com "})).await;
    assert_eq!(known["id"], first["id"]);
    let new = client.done(&path, json!({"license_id": id, "email": "new@x.org"})).await;
    assert_eq!((&new["username"], &new["email"]), (&json!("new@x.org"), &json!("new@x.org")));
    let by_number = json!({"license_id": id, "user_id": new["user_id"]});
    assert_eq!(client.done(&path, by_number).await["id"], new["id"]);
    // Whose the address turns out to be has what it had, under either number.
    let link = json!({"email": "new@x.org", "user": "zoe"});
    ledger.accepted("acme", "LinkHolder", &link).await;
    for who in [json!({"user_id": new["user_id"]}), json!({"email": "new@x.org"})] {
        let mut body = who;
        body["license_id"] = id.into();
        let linked = client.done(&path, body).await;
        assert_eq!((&linked["id"], &linked["username"]), (&new["id"], &json!("zoe")));
    }
    for (body, status, about) in [
        (json!({"license_id": id, "user_id": 999_999}), 404, "user_id"),
        (json!({"license_id": id}), 400, "user_id"),
        (json!({"license_id": id, "email": "nobody"}), 400, "email"),
        (json!({"license_id": id + 1, "user_id": ada}), 400, "license_id"),
        (json!({"license_id": id, "user_id": ada, "redirect_to": "here"}), 400, "redirect_to"),
        (json!({"license_id": id, "user_id": "ada"}), 400, "user_id"),
    ] {
        let (said, _, members) = refused(&client.post(&path, &body).await);
        assert_eq!((said, members), (status, vec![about.to_owned()]), "{body}");
    }
    let (status, code, _) =
        refused(&client.post("user/assignment/", &json!({"license_id": 9, "user_id": ada})).await);
    assert_eq!((status, code.as_str()), (404, "license_not_found"));
    let elsewhere = json!({"license_id": id, "user_id": ada});
    assert_eq!(client.post("course/assignment/", &elsewhere).await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn assigning_again_changes_what_is_said() {
    let ledger = Ledger::start().await;
    let client = Client::of(&ledger, "acme").await;
    let id = client.user_license(1).await;
    let send = async |more: Value| {
        let mut body = json!({"license_id": id, "email": "a@x.org"});
        more.as_object().unwrap().iter().for_each(|(name, it)| body[name] = it.clone());
        client.done("user/assignment/", body).await
    };
    let first = send(json!({"metadata": {"a": 1}})).await;
    let fulfilled = send(json!({"fulfilled": true, "redirect_to": "https://x.org"})).await;
    assert_eq!(fulfilled["id"], first["id"]);
    assert_eq!((&fulfilled["fulfilled"], &fulfilled["metadata"]), (&json!(true), &json!({"a": 1})));
    let other = send(json!({"metadata": {}, "redirect_to": null})).await;
    assert_eq!((&other["metadata"], &other["redirect_to"]), (&json!({}), &Value::Null));
    assert_eq!(other["fulfilled"], true);
    // One that is not active holds no seat, and needs a free one to be active again.
    assert_eq!(send(json!({"active": false})).await["active"], false);
    assert_eq!(client.list("user/").await[0]["usage_count"], 0);
    let second = json!({"license_id": id, "email": "b@x.org"});
    client.done("user/assignment/", second).await;
    let body = json!({"license_id": id, "email": "a@x.org"});
    let (status, code, _) = refused(&client.post("user/assignment/", &body).await);
    assert_eq!((status, code.as_str()), (400, "no_seats_available"));
    let listed = client.list(&format!("user/assignment/?license_id={id}&sort=-active")).await;
    let actives: Vec<&Value> = listed.iter().map(|it| &it["active"]).collect();
    assert_eq!(actives, [true, false]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_assignment_of_a_program_says_more() {
    let ledger = Ledger::start().await;
    let client = Client::of(&ledger, "acme").await;
    let ada = client.user("ada").await;
    let body = json!({"program_key": "p", "name": "P", "count": 5});
    let id = number(&client.done("program/create/", body).await, "id");
    let path = "program/assignment/";
    let by_name = client.done(path, json!({"license_id": id, "username": "ada"})).await;
    assert_eq!(
        by_name,
        json!({"id": by_name["id"], "user_id": ada, "username": "ada", "name": "ada",
            "email": "ada@example.com", "active": true, "fulfilled": false, "direct": true,
            "metadata": {}, "created": by_name["created"], "modified": by_name["created"],
            "license_id": id, "license_name": "P", "program_key": "p"})
    );
    let changed = client.done(path, json!({"license_id": id, "user_id": ada, "fulfilled": true}));
    let changed = changed.await;
    assert_eq!(changed["created"], by_name["created"]);
    assert!(changed["modified"].as_str() >= by_name["modified"].as_str());
    let email = client.done(path, json!({"license_id": id, "email": "n@x.org"})).await;
    assert_eq!([&email["username"], &email["name"]], [&Value::Null; 2]);
    // Who is nothing but an address has a number all the same, and is found by it.
    let by_number = json!({"license_id": id, "user_id": email["user_id"]});
    assert_eq!(client.done(path, by_number).await, email);
    let found = client.list(&format!("{path}?license_id={id}&user_id={}", email["user_id"])).await;
    assert_eq!(found, vec![email]);
    let body = json!({"license_id": id, "username": "nobody"});
    assert_eq!(refused(&client.post(path, &body).await).0, 404);
    for (filter, wanted) in [
        ("", 2),
        ("&fulfilled=true", 1),
        ("&active=false", 0),
        ("&email=n@x.org", 1),
        ("&email=ada@example.com", 1),
        ("&email=nobody", 0),
        (&format!("&user_id={ada}"), 1),
        ("&user_id=999999", 0),
        ("&sort=-created&page_size=1", 1),
    ] {
        let path = format!("{path}?license_id={id}{filter}");
        assert_eq!(client.list(&path).await.len(), wanted, "{path}");
    }
    // Documented without 404.
    for path in [path.to_owned(), format!("{path}?license_id=999999")] {
        let (status, _, about) = refused(&client.get(&path).await);
        assert_eq!((status, about), (400, vec!["license_id".to_owned()]), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_is_said_of_the_call_and_not_of_what_it_became() {
    let ledger = Ledger::start().await;
    let client = Client::of(&ledger, "acme").await;
    let id = client.user_license(0).await;
    let body = json!({"license_id": id, "email": "a@x.org"});
    let answer = client.post("user/assignment/", &body).await;
    assert_eq!(refused(&answer).1, "no_seats_available");
    let said = answer.json()["detail"].as_str().unwrap().to_owned();
    assert!(!said.contains("batch") && !said.contains("AssignSeat"), "{said}");
    assert_eq!(answer.json()["license_id"], json!([said]));
    let answer = client.get("user/?at=zz").await;
    let said = answer.json()["at"][0].as_str().unwrap().to_owned();
    assert!(said.starts_with("it must be"), "{said}");
    assert_eq!(answer.json()["detail"], json!(format!("at: {said}")));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_assignment_is_removed_once() {
    let ledger = Ledger::start().await;
    let client = Client::of(&ledger, "acme").await;
    let body = json!({"course_id": "c", "count": 5});
    let id = number(&client.done("course/create/", body).await, "id");
    let other = client.user_license(5).await;
    let made =
        client.done("course/assignment/", json!({"license_id": id, "email": "a@x.org"})).await;
    assert_eq!(made["course_id"], "c");
    let assignment = number(&made, "id");
    for (query, status) in [
        (String::new(), 400),
        ("assignment_id=x".to_owned(), 400),
        ("assignment_id=999999".to_owned(), 404),
        (format!("assignment_id={assignment}&license_id={other}"), 404),
        (format!("assignment_id={assignment}&license_id=999999"), 404),
        (format!("assignment_id={assignment}"), 200),
        (format!("assignment_id={assignment}"), 404),
    ] {
        let answer = client.delete(&format!("course/assignment/?{query}")).await;
        assert_eq!(answer.status, status, "{query}");
    }
    let path = format!("user/assignment/?assignment_id={assignment}");
    assert_eq!(client.delete(&path).await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_who_want_the_last_seat_one_has_it() {
    let ledger = Ledger::start().await;
    let client = Client::of(&ledger, "acme").await;
    let id = client.user_license(1).await;
    let send = async |email: &str| {
        let body = json!({"license_id": id, "email": email});
        client.post("user/assignment/", &body).await.status
    };
    let (a, b, c) = tokio::join!(send("a@x.org"), send("b@x.org"), send("c@x.org"));
    let mut statuses = [a, b, c];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 400, 400]);
    // The same one twice at once is one assignment.
    client.done("user/update/", json!({"license_id": id, "count": 9})).await;
    let body = json!({"license_id": id, "email": "d@x.org", "metadata": {"n": 1}}).to_string();
    let send = async || client.call(Method::POST, "user/assignment/", &body, &[]).await;
    let (first, second) = tokio::join!(send(), send());
    assert_eq!((first.status, second.status), (200, 200));
    assert_eq!(first.json()["id"], second.json()["id"]);
    assert_eq!(client.list(&format!("user/assignment/?license_id={id}")).await.len(), 2);
}
