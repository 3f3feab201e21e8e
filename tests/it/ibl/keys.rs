//! Who may call: keys of this account and of others, of each role, of this dialect and of others.

use hyper::Method;
use serde_json::{Value, json};

use super::calls::CALLS;
use super::{BASE, Client, make_key, number, refused};
use crate::Ledger;
use crate::ledger::Answer;

async fn ask(ledger: &Ledger, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    let body = if method == Method::POST { "{}" } else { "" };
    ledger.request(method, path, body, headers).await
}

/// The calls that need a key.
fn closed() -> impl Iterator<Item = (&'static str, String)> {
    CALLS
        .iter()
        .filter(|it| !it.1.ends_with("check/"))
        .map(|(method, path)| (*method, format!("{BASE}/{path}")))
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_calls_without_a_key_that_is_accepted() {
    let ledger = Ledger::start().await;
    let soon = ledger.get("/v1/clock").await.json()["now"].as_str().unwrap().to_owned();
    let soon = chrono::DateTime::parse_from_rfc3339(&soon).unwrap() + chrono::Duration::days(1);
    let over = json!({"role": "admin", "expires_at": soon.to_utc().to_rfc3339()});
    let over = make_key(&ledger, "acme", &over).await;
    let forward = json!({"forward": "2d"}).to_string();
    assert_eq!(ledger.post_bytes("/v1/clock", forward.as_bytes(), &[]).await.status, 200);
    let elsewhere = json!({"role": "admin", "facades": ["native", "uipath"]});
    let elsewhere = make_key(&ledger, "acme", &elsewhere).await;
    let unknown = crate::keys::written("0123456789abcdef", [7; 32]);
    for (method, path) in closed() {
        let answer = ask(&ledger, method, &path, &[]).await;
        assert_eq!(refused(&answer).0, 401, "{method} {path}");
        assert!(answer.headers.contains_key("www-authenticate"), "{method} {path}");
    }
    let path = format!("{BASE}/user/");
    let mut said = vec![];
    for key in ["x", unknown.as_str(), over.as_str()] {
        let answer = ask(&ledger, "GET", &path, &[("authorization", key)]).await;
        assert_eq!(refused(&answer).0, 401, "{key}");
        said.push(answer.json());
    }
    assert!(said.windows(2).all(|it| it[0] == it[1]), "{said:?}");
    let answer = ask(&ledger, "GET", &path, &[("authorization", &elsewhere)]).await;
    assert_eq!(refused(&answer).0, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_shown_in_each_way_that_clients_do() {
    let ledger = Ledger::start().await;
    let client = Client::of(&ledger, "acme").await;
    let path = format!("{BASE}/user/");
    for scheme in ["Api-Key ", "Api-Token ", "Bearer ", "api-key ", ""] {
        let value = format!("{scheme}{}", client.key);
        let answer = ask(&ledger, "GET", &path, &[("authorization", &value)]).await;
        assert_eq!(answer.status, 200, "{scheme}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_does_what_it_is_for() {
    let ledger = Ledger::start().await;
    let operator = Client::of(&ledger, "acme").await;
    let id = operator.user_license(3).await;
    let name = json!({"license_id": id, "name": "x"});
    let assign = json!({"license_id": id, "email": "a@x.org"});
    let assignments = format!("user/assignment/?license_id={id}");
    for (role, reads, writes) in
        [("reader", 200, 403), ("auditor", 200, 403), ("operator", 200, 200), ("admin", 200, 200)]
    {
        let key = make_key(&ledger, "acme", &json!({"role": role})).await;
        let client = Client { ledger: &ledger, key };
        for (what, answer, wanted) in [
            ("list", client.get("user/").await, reads),
            ("update", client.post("user/update/", &name).await, writes),
            ("create", client.post("user/create/", &json!({})).await, writes),
            ("assign", client.post("user/assignment/", &assign).await, writes),
            ("assignments", client.get(&assignments).await, writes),
        ] {
            let said = String::from_utf8_lossy(&answer.body);
            assert_eq!(answer.status, wanted, "{role}: {what}: {said}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asked_stands_in_the_history() {
    let ledger = Ledger::start().await;
    let named = json!({"role": "operator", "name": "enrolment"});
    let named = Client { ledger: &ledger, key: make_key(&ledger, "acme", &named).await };
    named.user_license(1).await;
    let bare = Client::of(&ledger, "acme").await;
    bare.user_license(1).await;
    let history = ledger.get("/v1/accounts/acme/history?type=LicenseAllocated").await.json();
    let mut actors: Vec<&str> = history["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["actor"].as_str().unwrap())
        .collect();
    actors.sort_unstable();
    let id = &bare.key["slk_".len()..][..16];
    let mut wanted = [id, "enrolment"];
    wanted.sort_unstable();
    assert_eq!(actors, wanted);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_of_another_account_is_as_if_it_were_not_there() {
    let ledger = Ledger::start().await;
    let acme = Client::of(&ledger, "acme").await;
    let other = Client::of(&ledger, "other").await;
    let id = acme.user_license(3).await;
    let made = acme.done("user/assignment/", json!({"license_id": id, "email": "a@x.org"})).await;
    let (assignment, user) = (number(&made, "id"), number(&made, "user_id"));
    let body = json!({"platform_key": "other", "count": 3});
    let own = number(&other.done("user/create/", body).await, "id");
    let nothing = 999_999;
    let bare = |answer: Answer| (answer.status, answer.json());
    for (there, not_there) in [
        (
            format!("user/assignment/?license_id={id}"),
            format!("user/assignment/?license_id={nothing}"),
        ),
        ("user/?platform_key=acme".to_owned(), "user/?platform_key=nowhere".to_owned()),
    ] {
        let there = bare(other.get(&there).await);
        assert_eq!(there, bare(other.get(&not_there).await));
        assert!(there.0 == 400 || there.0 == 403, "{there:?}");
    }
    let posts: [(&str, Value, Value); 4] = [
        ("user/update/", json!({"license_id": id}), json!({"license_id": nothing})),
        (
            "user/assignment/",
            json!({"license_id": id, "email": "b@x.org"}),
            json!({"license_id": nothing, "email": "b@x.org"}),
        ),
        (
            "user/assignment/",
            json!({"license_id": own, "user_id": user}),
            json!({"license_id": own, "user_id": nothing}),
        ),
        ("user/create/", json!({"platform_key": "acme"}), json!({"platform_key": "nowhere"})),
    ];
    for (path, there, not_there) in posts {
        let there = bare(other.post(path, &there).await);
        assert_eq!(there, bare(other.post(path, &not_there).await), "{path}");
        assert!(there.0 == 404 || there.0 == 403, "{path}: {there:?}");
    }
    let gone = |id: u64| format!("user/assignment/?assignment_id={id}");
    let there = bare(other.delete(&gone(assignment)).await);
    assert_eq!(there, bare(other.delete(&gone(nothing)).await));
    assert_eq!(there.0, 404);
    assert_eq!(other.list("user/").await.len(), 1);
    // A key of every account names the platform that it means, or means its home.
    let every = json!({"role": "operator", "every_account": true});
    let every = Client { ledger: &ledger, key: make_key(&ledger, "other", &every).await };
    assert_eq!(number(&every.list("user/").await[0], "id"), own);
    assert_eq!(number(&every.list("user/?platform_key=acme").await[0], "id"), id);
    let history = ledger.get("/v1/accounts/acme/history?type=SeatAssigned").await.json();
    assert_eq!(history["items"].as_array().unwrap().len(), 1, "{history}");
}
