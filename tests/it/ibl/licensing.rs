//! Licenses of the four kinds: made, and changed.

use hyper::Method;
use serde_json::{Value, json};

use super::{Client, number, refused};
use crate::Ledger;

#[tokio::test(flavor = "multi_thread")]
async fn a_license_of_each_kind_is_made_as_it_is_said() {
    let ledger = Ledger::start().await;
    let client = Client::of(&ledger, "acme").await;
    for (kind, of, product) in [
        ("user", json!({}), "user"),
        ("course", json!({"course_id": "course-v1:a+b+c"}), "course:course-v1:a+b+c"),
        ("program", json!({"program_key": "p1"}), "program:p1"),
        ("platform", json!({}), "platform"),
    ] {
        let mut body = json!({"platform_key": "acme", "name": "Spring", "count": 7,
            "started": "2026-01-01T00:00:00Z", "expired": "2099-01-01T00:00:00+01:00",
            "metadata": {"cost": 1.50}, "source": "billing", "external_id": format!("x-{kind}"),
            "transaction_id": "TX-1"});
        for (name, value) in of.as_object().unwrap() {
            body[name] = value.clone();
        }
        let made = client.done(&format!("{kind}/create/"), body.clone()).await;
        for name in ["name", "count", "metadata", "source", "external_id", "platform_key"] {
            assert_eq!(made[name], body[name], "{kind}: {name}");
        }
        assert_eq!(made["started"], "2026-01-01T00:00:00.000Z");
        assert_eq!(made["expired"], "2098-12-31T23:00:00.000Z");
        assert_eq!(made["active"], true);
        assert_eq!(made.get("usage_count").is_some(), kind != "platform", "{kind}");
        for (name, value) in of.as_object().unwrap() {
            assert_eq!(made[name], *value);
        }
        let listed = client.list(&format!("{kind}/")).await;
        assert_eq!(listed, vec![made.clone()], "{kind}");
        let path =
            format!("/v1/accounts/acme/licenses?product={}", crate::ledger::encoded(product));
        let own = ledger.get(&path).await.json();
        assert_eq!(own["items"][0]["number"], made["id"], "{kind}: {own}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_said_is_as_documented() {
    let ledger = Ledger::start().await;
    let client = Client::of(&ledger, "acme").await;
    let made = client.done("user/create/", json!({"platform_key": "acme"})).await;
    assert_eq!((&made["count"], &made["active"]), (&json!(0), &json!(true)));
    assert_eq!((&made["metadata"], &made["source"]), (&json!({}), &json!("")));
    assert_eq!((&made["expired"], &made["external_id"]), (&Value::Null, &Value::Null));
    assert_eq!(made["started"], made["created"]);
    let program = client.done("program/create/", json!({"program_id": "p", "active": false})).await;
    assert_eq!((&program["source"], &program["program_key"]), (&json!("api"), &json!("p")));
    assert_eq!((&program["active"], &program["program_id"]), (&json!(false), &json!("p")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_create_that_makes_no_sense_says_what_is_wrong() {
    let ledger = Ledger::start().await;
    let client = Client::of(&ledger, "acme").await;
    client.done("user/create/", json!({"external_id": "taken"})).await;
    for (path, body, about) in [
        ("user/create/", json!({"count": "many"}), "count"),
        ("user/create/", json!({"count": -1}), "count"),
        ("user/create/", json!({"count": 10_000_000_000_u64}), "count"),
        ("user/create/", json!({"started": "soon"}), "started"),
        ("user/create/", json!({"active": "perhaps"}), "active"),
        ("user/create/", json!({"metadata": [1]}), "metadata"),
        ("user/create/", json!({"metadata": {"a": "x".repeat(9000)}}), "metadata"),
        ("user/create/", json!({"name": "x".repeat(300)}), "name"),
        ("user/create/", json!({"name": {}}), "name"),
        ("user/create/", json!({"external_id": "taken"}), "external_id"),
        ("user/create/", json!({"change_type": "x\u{7}"}), "change_type"),
        ("user/create/", json!({"platform_key": "acme", "platform_org": "other"}), "platform_key"),
        (
            "user/create/",
            json!({"started": "2026-01-02T00:00:00Z", "expired": "2026-01-01T00:00:00Z"}),
            "expired",
        ),
        ("course/create/", json!({}), "course_id"),
        ("program/create/", json!({"program_key": ""}), "program_key"),
    ] {
        let answer = client.post(path, &body).await;
        let (status, _, members) = refused(&answer);
        assert_eq!((status, members), (400, vec![about.to_owned()]), "{path} {body}");
    }
    for (kind, body) in [
        ("application/json", "[]"),
        ("application/json", "{"),
        ("text/plain", "{}"),
        ("multipart/form-data; boundary=x", "--x"),
    ] {
        let answer =
            client.call(Method::POST, "user/create/", body, &[("content-type", kind)]).await;
        assert_eq!(refused(&answer).0, 400, "{kind}: {body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_come_in_each_documented_media_type() {
    let ledger = Ledger::start().await;
    let client = Client::of(&ledger, "acme").await;
    let json = r#"{"name": "A & B", "count": 3, "metadata": {"a": 1}}"#;
    let form = "name=A+%26+B&count=3&metadata=%7B%22a%22%3A1%7D";
    let parts = "--x\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\nA & B\r\n--x\r\n\
        Content-Disposition: form-data; name=\"count\"\r\n\r\n3\r\n--x\r\n\
        Content-Disposition: form-data; name=\"metadata\"\r\n\r\n{\"a\":1}\r\n--x--\r\n";
    for (kind, body) in [
        ("application/json", json),
        ("application/scim+json", json),
        ("*/*", json),
        ("application/x-www-form-urlencoded", form),
        ("multipart/form-data; boundary=x", parts),
    ] {
        let answer =
            client.call(Method::POST, "user/create/", body, &[("content-type", kind)]).await;
        let made = answer.json();
        assert_eq!(answer.status, 200, "{kind}: {made}");
        let said = [&made["name"], &made["count"], &made["metadata"]];
        assert_eq!(said, [&json!("A & B"), &json!(3), &json!({"a": 1})], "{kind}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_changes_what_is_given_and_stands_in_the_history() {
    let ledger = Ledger::start().await;
    let client = Client::of(&ledger, "acme").await;
    let body = json!({"course_id": "c", "name": "One", "count": 5, "external_id": "ext",
        "metadata": {"a": 1}, "enrollment_config": {"mode": "honor"}});
    let made = client.done("course/create/", body).await;
    let id = number(&made, "id");
    let body = json!({"license_id": id, "name": "Two", "count": 9, "expired": "2099-01-01T00:00:00Z",
        "source": "crm", "transaction_id": "TX-7", "change_type": "renewal"});
    let changed = client.done("course/update/", body).await;
    assert_eq!((&changed["name"], &changed["count"]), (&json!("Two"), &json!(9)));
    assert_eq!((&changed["metadata"], &changed["external_id"]), (&json!({"a": 1}), &json!("ext")));
    assert_eq!((&changed["created"], &changed["source"]), (&made["created"], &json!("crm")));
    let history = ledger.get("/v1/accounts/acme/history?type=LicenseDescribed").await.json();
    let last = history["items"].as_array().unwrap().first().unwrap().clone();
    let why = json!({"source": "crm", "type": "renewal", "transaction_id": "TX-7"});
    assert_eq!((&last["change"], &last["via"]), (&why, &json!("ibl")));
    // By the other id, back again, and nothing else.
    let body = json!({"external_id": "ext", "name": "", "expired": null, "course_id": "c"});
    let changed = client.done("course/update/", body).await;
    assert_eq!((&changed["expired"], &changed["count"]), (&Value::Null, &json!(9)));
    let (status, _, about) = refused(
        &client.post("course/update/", &json!({"license_id": id, "course_id": "other"})).await,
    );
    assert_eq!((status, about), (400, vec!["course_id".to_owned()]));
    // What is kept for the enrolment is shown to nobody, and survives.
    let own = |answer: Value| answer["items"][0]["metadata"].clone();
    let kept = json!({"a": 1, "ibl:enrollment_config": {"mode": "honor"}});
    assert_eq!(own(ledger.get("/v1/accounts/acme/licenses").await.json()), kept);
    let body = json!({"license_id": id, "metadata": {"b": 2}});
    assert_eq!(client.done("course/update/", body).await["metadata"], json!({"b": 2}));
    let body = json!({"license_id": id, "enrollment_config": {"mode": "audit"}});
    assert_eq!(client.done("course/update/", body).await["metadata"], json!({"b": 2}));
    let kept = json!({"b": 2, "ibl:enrollment_config": {"mode": "audit"}});
    assert_eq!(own(ledger.get("/v1/accounts/acme/licenses").await.json()), kept);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_of_what_is_not_there_says_so() {
    let ledger = Ledger::start().await;
    let client = Client::of(&ledger, "acme").await;
    let id = client.user_license(1).await;
    let name = "license_id".to_owned();
    for (path, body, status) in [
        ("user/update/", json!({"license_id": 999_999, "name": "x"}), 404),
        ("user/update/", json!({"license_id": -1, "name": "x"}), 404),
        ("user/update/", json!({"external_id": "nope", "name": "x"}), 404),
        ("course/update/", json!({"license_id": id, "name": "x"}), 404),
        ("user/update/", json!({"name": "x"}), 400),
    ] {
        let answer = client.post(path, &body).await;
        let (said, _, about) = refused(&answer);
        assert_eq!((said, about), (status, vec![name.clone()]), "{path} {body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_count_is_not_lowered_under_its_assignments_and_inactive_ends_none() {
    let ledger = Ledger::start().await;
    let client = Client::of(&ledger, "acme").await;
    let id = client.user_license(3).await;
    for email in ["a@x.org", "b@x.org"] {
        client.done("user/assignment/", json!({"license_id": id, "email": email})).await;
    }
    let lowered = client.post("user/update/", &json!({"license_id": id, "count": 1})).await;
    assert_eq!(refused(&lowered), (400, "quantity_below_use".to_owned(), vec!["count".to_owned()]));
    let body = json!({"license_id": id, "count": 2, "active": false});
    let changed = client.done("user/update/", body).await;
    assert_eq!([&changed["count"], &changed["usage_count"]], [&json!(2), &json!(2)]);
    assert_eq!(changed["active"], false);
    let listed = client.list(&format!("user/assignment/?license_id={id}")).await;
    assert!(listed.len() == 2 && listed.iter().all(|it| it["active"] == true), "{listed:?}");
    // What is there can still be told to be fulfilled; nothing new is given.
    let body = json!({"license_id": id, "email": "a@x.org", "fulfilled": true});
    assert_eq!(client.done("user/assignment/", body).await["fulfilled"], true);
    let body = json!({"license_id": id, "email": "c@x.org"});
    let refusal = client.post("user/assignment/", &body).await;
    assert_eq!(refused(&refusal).1, "license_suspended");
    let body = json!({"license_id": id, "active": true});
    assert_eq!(client.done("user/update/", body).await["active"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_call_under_the_same_key_happens_once() {
    let ledger = Ledger::start().await;
    let client = Client::of(&ledger, "acme").await;
    let call = async |path: &str, key: &str, body: &Value| {
        let answer =
            client.call(Method::POST, path, &body.to_string(), &[("idempotency-key", key)]).await;
        assert_eq!(answer.headers["seatledger-command"], key, "{}", answer.json());
        (answer.status, answer.json(), answer.headers["seatledger-sequence"].clone())
    };
    let body = json!({"name": "Once", "count": 2, "active": false});
    let first = call("user/create/", "order-1", &body).await;
    assert_eq!(call("user/create/", "order-1", &body).await, first);
    assert_eq!(client.list("user/").await.len(), 1);
    let id = number(&first.1, "id");
    let body = json!({"license_id": id, "active": true, "count": 3});
    let second = call("user/update/", "order-2", &body).await;
    assert_eq!(call("user/update/", "order-2", &body).await, second);
    let body = json!({"license_id": id, "email": "a@x.org", "metadata": {"n": 1}});
    let third = call("user/assignment/", "order-3", &body).await;
    assert_eq!(call("user/assignment/", "order-3", &body).await, third);
    let body = json!({"license_id": id, "email": "b@x.org"});
    let answer = client
        .call(
            Method::POST,
            "user/assignment/",
            &body.to_string(),
            &[("idempotency-key", "order-3")],
        )
        .await;
    assert_eq!(refused(&answer).1, "command_id_reused");
    // Ended under a key, and told again under it.
    let path = format!("user/assignment/?license_id={id}&assignment_id={}", third.1["id"]);
    for (key, status) in [("order-4", 200), ("order-4", 200), ("order-5", 404)] {
        let answer = client.call(Method::DELETE, &path, "", &[("idempotency-key", key)]).await;
        assert_eq!(answer.status, status, "{key}");
    }
    // The first outcome is told for ever, whatever came after.
    let body = json!({"license_id": id, "email": "a@x.org", "metadata": {"n": 1}});
    assert_eq!(call("user/assignment/", "order-3", &body).await, third);
}
