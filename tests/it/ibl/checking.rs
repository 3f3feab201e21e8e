//! The check by e-mail address, which needs no key where it is opened.

use serde_json::json;

use super::{BASE, Client, make_key, number, refused};
use crate::Ledger;

fn path(email: &str) -> String {
    format!("{BASE}/user/assignment/check/?email={email}")
}

async fn start(more: &[&str]) -> (tempfile::TempDir, Ledger) {
    let dir = tempfile::tempdir().unwrap();
    let arguments = ["dev", "--http", "127.0.0.1:0", "--no-demo", "--ready-json"];
    let arguments = [&arguments[..], more].concat();
    let ledger = Ledger::spawn(dir.path(), &arguments).await.unwrap();
    (dir, ledger)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_active_seat_of_a_user_license_in_its_window_counts() {
    let (_dir, ledger) = start(&["--ibl-check-rate", "1000"]).await;
    let client = Client::of(&ledger, "acme").await;
    let make =
        async |body: serde_json::Value| number(&client.done("user/create/", body).await, "id");
    let now = make(json!({"count": 5})).await;
    let later = make(json!({"count": 5, "started": "2099-01-01T00:00:00Z"})).await;
    let off = make(json!({"count": 5})).await;
    let course = client.done("course/create/", json!({"course_id": "c", "count": 5})).await;
    for (id, email) in
        [(now, "a@x.org"), (later, "later@x.org"), (off, "off@x.org"), (now, "idle@x.org")]
    {
        let body = json!({"license_id": id, "email": email, "active": email != "idle@x.org"});
        client.done("user/assignment/", body).await;
    }
    let body = json!({"license_id": course["id"], "email": "course@x.org"});
    client.done("course/assignment/", body).await;
    client.done("user/update/", json!({"license_id": off, "active": false})).await;
    // Of another account, and of a product of another dialect.
    let dev = json!({"license": "dev", "product": "RPADEVNU", "quantity": 5});
    ledger.accepted("other", "AllocateLicense", &dev).await;
    let holders = json!([{"user": "zoe", "email": "zoe@x.org"}]);
    let assign = json!({"license": "dev", "holders": holders});
    ledger.accepted("other", "AssignSeat", &assign).await;
    for (email, status) in [
        ("a@x.org", 200),
        ("A@X.org", 200),
        ("zoe@x.org", 200),
        ("later@x.org", 404),
        ("off@x.org", 404),
        ("idle@x.org", 404),
        ("course@x.org", 404),
        ("nobody@x.org", 404),
        ("nobody", 400),
        ("", 400),
    ] {
        let answer = ledger.get(&path(email)).await;
        assert_eq!(answer.status, status, "{email}");
        if status == 400 {
            assert_eq!(refused(&answer).2, ["email"]);
            continue;
        }
        assert!(answer.body.is_empty(), "{email}: {:?}", answer.body);
        assert_eq!(answer.headers["cache-control"], "no-store", "{email}");
    }
    assert_eq!(ledger.get(&format!("{BASE}/user/assignment/check/")).await.status, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_may_ask_ten_times_a_minute() {
    let ledger = Ledger::start().await;
    let mut statuses = vec![];
    for _ in 0..12 {
        let answer = ledger.get(&path("a@x.org")).await;
        if answer.status == 429 {
            let seconds: u64 = answer.headers["retry-after"].to_str().unwrap().parse().unwrap();
            assert!((1..=60).contains(&seconds), "{seconds}");
            assert_eq!(refused(&answer).1, "throttled");
        }
        statuses.push(answer.status);
    }
    assert_eq!(statuses, [[404; 10].as_slice(), &[429; 2]].concat());
}

#[tokio::test(flavor = "multi_thread")]
async fn all_together_may_ask_so_often() {
    let (_dir, ledger) = start(&["--ibl-check-rate", "5", "--ibl-check-rate-all", "1"]).await;
    assert_eq!(ledger.get(&path("a@x.org")).await.status, 404);
    assert_eq!(ledger.get(&path("a@x.org")).await.status, 429);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_can_be_demanded_and_bounds_what_is_told() {
    let (_dir, ledger) = start(&["--ibl-check", "key", "--ibl-check-rate", "1"]).await;
    let client = Client::of(&ledger, "acme").await;
    let other = make_key(&ledger, "other", &json!({"role": "reader"})).await;
    let every = json!({"role": "reader", "every_account": true});
    let every = make_key(&ledger, "other", &every).await;
    let id = client.user_license(1).await;
    client.done("user/assignment/", json!({"license_id": id, "email": "a@x.org"})).await;
    let missing = ledger.get(&path("a@x.org")).await;
    assert_eq!(refused(&missing).0, 401);
    for (key, status) in [(&client.key, 200), (&other, 404), (&every, 200), (&client.key, 200)] {
        let headers = [("authorization", key.as_str())];
        let answer = ledger.request(hyper::Method::GET, &path("a@x.org"), "", &headers).await;
        assert_eq!(answer.status, status);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_a_key_is_bounded_as_keys_are_and_told_of_what_it_reaches() {
    let (_dir, ledger) = start(&["--ibl-check-rate", "1"]).await;
    let client = Client::of(&ledger, "acme").await;
    let other = make_key(&ledger, "other", &json!({"role": "reader"})).await;
    let every = json!({"role": "reader", "every_account": true});
    let every = make_key(&ledger, "other", &every).await;
    let elsewhere = json!({"role": "admin", "facades": ["uipath"]});
    let elsewhere = make_key(&ledger, "acme", &elsewhere).await;
    let unknown = crate::keys::written("0123456789abcdef", [7; 32]);
    let id = client.user_license(1).await;
    client.done("user/assignment/", json!({"license_id": id, "email": "a@x.org"})).await;
    for (key, status) in [
        (Some(&client.key), 200),
        (Some(&client.key), 200),
        (Some(&other), 404),
        (Some(&every), 200),
        (Some(&elsewhere), 403),
        (Some(&unknown), 401),
        (None, 200),
        (None, 429),
        (Some(&client.key), 200),
    ] {
        let headers: Vec<_> = key.map(|it| ("authorization", it.as_str())).into_iter().collect();
        let answer = ledger.request(hyper::Method::GET, &path("a@x.org"), "", &headers).await;
        assert_eq!(answer.status, status, "{key:?}");
        assert_eq!(answer.headers["cache-control"], "no-store", "{key:?}");
    }
    let headers = [("authorization", client.key.as_str())];
    let answer = ledger.request(hyper::Method::GET, &path("a"), "", &headers).await;
    assert_eq!(
        (answer.status, &answer.headers["cache-control"]),
        (400, &"no-store".parse().unwrap())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn it_can_be_turned_off() {
    let (_dir, ledger) = start(&["--ibl-check", "off"]).await;
    let answer = ledger.get(&path("a@x.org")).await;
    assert_eq!(answer.headers["cache-control"], "no-store");
    assert_eq!((refused(&answer).0, refused(&answer).1.as_str()), (403, "permission_denied"));
}

/// Without a key it tells of every account, so whoever runs one for others says so themselves.
#[tokio::test(flavor = "multi_thread")]
async fn serve_demands_a_key_unless_it_is_opened() {
    let dev = Ledger::start().await;
    let client = Client::of(&dev, "acme").await;
    let id = client.user_license(1).await;
    client.done("user/assignment/", json!({"license_id": id, "email": "a@x.org"})).await;
    let serve = dev.serve_arguments();
    let serve = serve.iter().map(String::as_str);
    let serve: Vec<&str> = serve.chain(["--http", "127.0.0.1:0", "--ready-json"]).collect();
    for (more, status) in [(&[][..], 401), (&["--ibl-check", "public"], 200)] {
        for keys in [&[][..], &[("SEATLEDGER_KEYS", "optional")]] {
            let own = tempfile::tempdir().unwrap();
            let arguments = [&serve[..], more].concat();
            let beside = Ledger::spawn_with(own.path(), &arguments, keys).await;
            let beside = beside.unwrap_or_else(|it| panic!("{it}"));
            crate::ledger::eventually("it has the log", async || {
                let headers = [("authorization", client.key.as_str())];
                let path = path("a@x.org");
                beside.request(hyper::Method::GET, &path, "", &headers).await.status == 200
            })
            .await;
            let answer = beside.get(&path("a@x.org")).await;
            assert_eq!(answer.status, status, "{more:?} {keys:?}");
        }
    }
}
