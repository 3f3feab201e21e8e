//! Every answer can be traced: by the sequence that it was judged at, and to a command.

use hyper::Method;
use serde_json::json;

use super::{BASE, Client, make_key, number, refused};
use crate::Ledger;
use crate::ledger::{Answer, eventually, signal};

/// Whether an answer says a sequence, and which command it names.
fn traced(answer: &Answer) -> (bool, Option<String>) {
    let sequence = answer.headers.get("seatledger-sequence");
    let sequence = sequence.map(|it| it.to_str().unwrap().parse::<u64>().unwrap());
    let command = answer.headers.get("seatledger-command");
    (sequence.is_some_and(|it| it > 0), command.map(|it| it.to_str().unwrap().to_owned()))
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_answered_says_the_sequence_and_a_write_its_command() {
    let ledger = Ledger::start().await;
    let client = Client::of(&ledger, "acme").await;
    let id = client.user_license(1).await;
    let body = json!({"license_id": id, "email": "a@x.org"});
    let made = number(&client.done("user/assignment/", body).await, "id");
    let reader = make_key(&ledger, "acme", &json!({"role": "reader"})).await;
    let reader = Client { ledger: &ledger, key: reader };
    let gone = format!("user/assignment/?license_id={id}&assignment_id=999999");
    let there = format!("user/assignment/?license_id={id}&assignment_id={made}");
    let mut place = 0;
    for (client, method, path, body, status) in [
        (&client, Method::GET, "user/", json!(null), 200),
        (&client, Method::GET, "user/?page=0", json!(null), 400),
        (&client, Method::GET, "user/?platform_key=other", json!(null), 403),
        (&client, Method::GET, "user/assignment/", json!(null), 400),
        (&client, Method::GET, "nothing/", json!(null), 404),
        (&client, Method::PUT, "user/create/", json!(null), 405),
        (&reader, Method::POST, "user/create/", json!({"count": 1}), 403),
        (&client, Method::POST, "user/create/", json!({"count": "x"}), 400),
        (&client, Method::POST, "user/create/", json!([]), 400),
        (&client, Method::POST, "course/update/", json!({"license_id": id}), 404),
        (&client, Method::POST, "user/update/", json!({"license_id": id, "name": "x"}), 200),
        (&client, Method::POST, "user/update/", json!({"license_id": id, "name": "x"}), 200),
        (&client, Method::POST, "user/update/", json!({"license_id": id}), 200),
        (&client, Method::POST, "user/update/", json!({"license_id": id, "count": 0}), 400),
        (
            &client,
            Method::POST,
            "user/assignment/",
            json!({"license_id": id, "email": "b@x.org"}),
            400,
        ),
        (
            &client,
            Method::POST,
            "user/assignment/",
            json!({"license_id": id, "user_id": 999_999}),
            404,
        ),
        (
            &client,
            Method::POST,
            "user/assignment/group/",
            json!({"license_id": id, "group_id": 999_999}),
            404,
        ),
        (&client, Method::DELETE, gone.as_str(), json!(null), 404),
        (&client, Method::DELETE, there.as_str(), json!(null), 200),
        (&client, Method::DELETE, there.as_str(), json!(null), 404),
    ] {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        // Nothing is named twice: each of these is told with an id of its own, and without.
        place += 1;
        let key = format!("call-{place}");
        for key in [None, Some(key.as_str())] {
            let more: Vec<(&str, &str)> =
                key.map(|it| ("idempotency-key", it)).into_iter().collect();
            let answer = client.call(method.clone(), path, &body, &more).await;
            let at = format!("{method} {path} {body} {key:?}");
            if key.is_none() {
                assert_eq!(answer.status, status, "{at}");
            }
            let (sequence, command) = traced(&answer);
            assert!(sequence, "{at}: {:?}", answer.headers);
            let writes = [Method::POST, Method::DELETE].contains(&method);
            assert_eq!(command.is_some(), writes, "{at}: {command:?}");
            if let Some(key) = key.filter(|_| writes) {
                assert_eq!(command.as_deref(), Some(key), "{at}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_was_made_is_the_one_on_the_log() {
    let ledger = Ledger::start().await;
    let client = Client::of(&ledger, "acme").await;
    let body = json!({"count": 1}).to_string();
    let answer = client.call(Method::POST, "user/create/", &body, &[]).await;
    let command = traced(&answer).1.unwrap();
    let history = ledger.get("/v1/accounts/acme/history?type=LicenseAllocated").await.json();
    assert_eq!(history["items"][0]["command"], json!(command), "{history}");
    assert_eq!(history["items"][0]["sequence"], json!(answer.sequence()), "{history}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_of_which_the_outcome_is_not_known_names_its_command() {
    let ledger = Ledger::start().await;
    let client = Client::of(&ledger, "acme").await;
    client.user_license(1).await;
    // Until the server goes on, nobody can know.
    signal(ledger.nats_pid(), "STOP");
    let body = json!({"count": 7}).to_string();
    let create = async |key: &str| {
        let more = [("idempotency-key", key)];
        client.call(Method::POST, "user/create/", &body, &more).await
    };
    let answer = create("order-7").await;
    signal(ledger.nats_pid(), "CONT");
    assert_eq!(refused(&answer).0, 500);
    assert_eq!(traced(&answer), (true, Some("order-7".to_owned())), "{:?}", answer.headers);
    // Told again under it, it has happened once.
    eventually("the same call is answered", async || create("order-7").await.status == 200).await;
    assert_eq!(client.list("user/?sort=id").await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_nobody_is_told_neither() {
    let ledger = Ledger::start().await;
    let unknown = crate::keys::written("0123456789abcdef", [7; 32]);
    for (method, path, key) in [
        (Method::GET, "user/", None),
        (Method::POST, "user/create/", None),
        (Method::POST, "user/create/", Some(&unknown)),
        (Method::GET, "user/assignment/check/?email=a@x.org", None),
        (Method::GET, "user/assignment/check/?email=a", None),
    ] {
        let mut headers = vec![("idempotency-key", "order-1")];
        headers.extend(key.map(|it| ("authorization", it.as_str())));
        let answer = ledger.request(method.clone(), &format!("{BASE}/{path}"), "", &headers).await;
        assert!(answer.status >= 400, "{method} {path}");
        assert_eq!(traced(&answer), (false, None), "{method} {path}: {:?}", answer.headers);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_served_is_said_as_everything_is() {
    let ledger = Ledger::start().await;
    let client = Client::of(&ledger, "acme").await;
    for (method, path, status, code) in [
        (Method::GET, "", 404, "not_found"),
        (Method::GET, "user", 404, "not_found"),
        (Method::POST, "platform/assignment/", 404, "not_found"),
        (Method::GET, "user/assignment/bulk/", 404, "not_found"),
        (Method::PUT, "user/", 405, "method_not_allowed"),
        (Method::PATCH, "user/assignment/group/", 405, "method_not_allowed"),
        (Method::GET, "course/create/", 405, "method_not_allowed"),
    ] {
        let answer = client.call(method.clone(), path, "", &[]).await;
        let (said, told, about) = refused(&answer);
        assert_eq!((said, told.as_str(), about), (status, code, vec![]), "{method} {path}");
        assert_eq!(answer.headers["content-type"], "application/json", "{method} {path}");
        assert_eq!(answer.headers.contains_key("allow"), status == 405, "{method} {path}");
    }
    // Who calls comes first.
    let answer = ledger.get(&format!("{BASE}/nothing/")).await;
    assert_eq!(refused(&answer).0, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_prefix_of_the_vendors_gateway_is_served_too() {
    let ledger = Ledger::start().await;
    let client = Client::of(&ledger, "acme").await;
    let id = client.user_license(3).await;
    client.user_license(3).await;
    let headers = [("authorization", client.key.as_str())];
    let path = format!("/dm{BASE}/user/?sort=id&page_size=1");
    let answer = ledger.request(Method::GET, &path, "", &headers).await;
    assert_eq!(answer.status, 200);
    let page = answer.json();
    assert_eq!(number(&page["results"][0], "id"), id);
    let next = page["next"].as_str().unwrap();
    assert!(next.contains(&format!("/dm{BASE}/user/?")), "{next}");
    let answer = ledger.request(Method::GET, &format!("/dm{BASE}/user"), "", &headers).await;
    assert_eq!(refused(&answer).0, 404);
}
