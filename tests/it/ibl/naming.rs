//! What a call is about, and on which platform: by its numbers, by the id of another system, and by
//! nothing else.

use hyper::Method;
use serde_json::{Value, json};

use super::{Client, make_key, number, refused};
use crate::Ledger;

const KINDS: [&str; 4] = ["user", "course", "program", "platform"];

/// What is said to make a license of a kind.
fn creation(kind: &str, external_id: &str) -> Value {
    let mut body = json!({"count": 5, "name": "Seats", "external_id": external_id});
    match kind {
        "course" => body["course_id"] = "c".into(),
        "program" => body["program_key"] = "p".into(),
        _ => {}
    }
    body
}

async fn of_every_account<'a>(ledger: &'a Ledger, home: &str) -> Client<'a> {
    let every = json!({"role": "operator", "every_account": true});
    Client { ledger, key: make_key(ledger, home, &every).await }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_external_id_says_which_license_and_never_changes() {
    let ledger = Ledger::start().await;
    let client = Client::of(&ledger, "acme").await;
    for kind in KINDS {
        let (own, other) = (format!("{kind}-1"), format!("{kind}-2"));
        let path = format!("{kind}/create/");
        let id = number(&client.done(&path, creation(kind, &own)).await, "id");
        client.done(&path, creation(kind, &other)).await;
        let path = format!("{kind}/update/");
        for differs in ["does-not-exist", other.as_str()] {
            let body = json!({"license_id": id, "external_id": differs, "name": "zz"});
            let (status, _, about) = refused(&client.post(&path, &body).await);
            assert_eq!((status, about), (400, vec!["external_id".to_owned()]), "{kind} {differs}");
        }
        for same in [json!(own), Value::Null, json!("")] {
            let body = json!({"license_id": id, "external_id": same, "name": "Renamed"});
            let changed = client.done(&path, body).await;
            let said = (&changed["external_id"], &changed["name"]);
            assert_eq!(said, (&json!(own), &json!("Renamed")), "{kind} {same}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_of_every_account_says_where_something_is_made() {
    let ledger = Ledger::start().await;
    let every = of_every_account(&ledger, "home").await;
    for kind in KINDS {
        let mut body = creation(kind, kind);
        let path = format!("{kind}/create/");
        let (status, _, about) = refused(&every.post(&path, &body).await);
        assert_eq!((status, about), (400, vec!["platform_key".to_owned()]), "{kind}");
        body["platform_org"] = "there".into();
        assert_eq!(every.done(&path, body).await["platform_key"], "there", "{kind}");
    }
    assert_eq!(every.list("user/").await, Vec::<Value>::new());
    // A key of one account means its home.
    let one = Client::of(&ledger, "home").await;
    assert_eq!(one.done("user/create/", json!({})).await["platform_key"], "home");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_cannot_be_read_writes_nothing() {
    let ledger = Ledger::start().await;
    let client = Client::of(&ledger, "acme").await;
    let form = "application/x-www-form-urlencoded";
    let parts = "multipart/form-data; boundary=x";
    let twice = "--x\r\nContent-Disposition: form-data; name=\"count\"\r\n\r\n1\r\n--x\r\n\
        Content-Disposition: form-data; name=\"count\"\r\n\r\n2\r\n--x--\r\n";
    for (kind, body) in [
        ("application/json", ""),
        ("application/json", " "),
        (form, ""),
        (form, "a=%zz"),
        (form, "a=%4"),
        (form, "name=%ff"),
        (form, "count=1&count=2"),
        (parts, twice),
        ("application/json", r#"{"count": 1, "count": 2}"#),
        ("application/json", r#"{"count": 1, "\u0063ount": 2}"#),
        ("application/json", r#"{"metadata": {"a": 1, "a": 2}}"#),
        ("application/json", r#"{"metadata": {"a": {"b": 1, "b": 2}}}"#),
    ] {
        let more = [("content-type", kind)];
        let answer = client.call(Method::POST, "user/create/", body, &more).await;
        assert_eq!(refused(&answer).0, 400, "{kind}: {body}");
    }
    assert_eq!(client.list("user/").await, Vec::<Value>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_number_is_one_however_it_is_written() {
    let ledger = Ledger::start().await;
    let client = Client::of(&ledger, "acme").await;
    let kind = "application/json";
    for (count, made) in [
        ("2", Some(2)),
        ("2.0", Some(2)),
        ("2e1", Some(20)),
        ("\"3.00\"", Some(3)),
        ("2.5", None),
        ("\"2.5\"", None),
        ("1e300", None),
        ("\"NaN\"", None),
        ("9007199254740993.0", None),
    ] {
        let body = format!(r#"{{"count": {count}}}"#);
        let answer =
            client.call(Method::POST, "user/create/", &body, &[("content-type", kind)]).await;
        match made {
            Some(made) => assert_eq!(number(&answer.json(), "count"), made, "{count}"),
            None => {
                let (status, _, about) = refused(&answer);
                assert_eq!((status, about), (400, vec!["count".to_owned()]), "{count}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_of_every_account_need_not_say_whose_a_number_is() {
    let ledger = Ledger::start().await;
    let acme = Client::of(&ledger, "acme").await;
    let every = of_every_account(&ledger, "home").await;
    let id = acme.user_license(3).await;
    let members = json!({"group": "staff", "holders": [{"user": "bo"}]});
    let sequence = ledger.accepted("acme", "AddMembers", &members).await;
    let group = ledger.get_at_least("/v1/accounts/acme/groups/staff", sequence).await.json();
    let body = json!({"license_id": id, "email": "a@x.org"});
    let one = number(&every.done("user/assignment/", body).await, "id");
    let body = json!({"license_id": id, "group_id": group["number"]});
    let all = number(&every.done("user/assignment/group/", body).await, "id");
    for path in [
        format!("user/assignment/?assignment_id={one}"),
        format!("user/assignment/group/?assignment_id={all}"),
    ] {
        assert_eq!(every.delete(&path).await.status, 200, "{path}");
        assert_eq!(every.delete(&path).await.status, 404, "{path}");
    }
    let nothing = "user/assignment/?assignment_id=999999";
    assert_eq!(refused(&every.delete(nothing).await).1, "assignment_not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_external_id_says_the_platform_if_it_is_of_one() {
    let ledger = Ledger::start().await;
    let every = of_every_account(&ledger, "home").await;
    let make = async |platform: &str, kind: &str, external_id: &str| {
        let mut body = creation(kind, external_id);
        body["platform_key"] = platform.into();
        number(&every.done(&format!("{kind}/create/"), body).await, "id")
    };
    let one = make("acme", "program", "PX").await;
    let both = [make("acme", "user", "EX").await, make("other", "user", "EX").await];
    // Of another kind it is another license.
    make("other", "course", "PX").await;
    let body = json!({"external_id": "PX", "name": "zz"});
    let changed = every.done("program/update/", body).await;
    assert_eq!((number(&changed, "id"), &changed["name"]), (one, &json!("zz")));
    let body = json!({"external_id": "EX", "name": "zz"});
    let (status, _, about) = refused(&every.post("user/update/", &body).await);
    assert_eq!((status, about), (400, vec!["platform_key".to_owned()]));
    for (platform, id) in ["acme", "other"].into_iter().zip(both) {
        let body = json!({"external_id": "EX", "name": platform, "platform_key": platform});
        assert_eq!(number(&every.done("user/update/", body).await, "id"), id);
    }
    let body = json!({"external_id": "none", "name": "zz"});
    assert_eq!(refused(&every.post("user/update/", &body).await).0, 404);
    // A key of one account means what is there.
    let acme = Client::of(&ledger, "acme").await;
    let body = json!({"external_id": "EX", "name": "own"});
    assert_eq!(number(&acme.done("user/update/", body).await, "id"), both[0]);
}
