//! The same call under the same key, told again after the world has changed.

use hyper::Method;
use serde_json::{Value, json};

use super::{Client, number, refused};
use crate::Ledger;
use crate::ledger::Answer;

struct Caller<'a>(Client<'a>);

impl Caller<'_> {
    async fn told(&self, method: Method, path: &str, key: &str, body: &Value) -> Answer {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.0.call(method, path, &body, &[("idempotency-key", key)]).await
    }

    async fn post(&self, path: &str, key: &str, body: &Value) -> (u16, Value, u64) {
        let answer = self.told(Method::POST, path, key, body).await;
        (answer.status, answer.json(), answer.sequence())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_told_again_as_it_was_whatever_names_mean_by_now() {
    let ledger = Ledger::start().await;
    let caller = Caller(Client::of(&ledger, "acme").await);
    let body = json!({"count": 5, "external_id": "EX"});
    let id = number(&caller.0.done("user/create/", body).await, "id");
    let assign = json!({"license_id": id, "email": "a@x.org", "metadata": {"n": 1}});
    let assigned = caller.post("user/assignment/", "assign", &assign).await;
    let rename = json!({"external_id": "EX", "name": "One", "metadata": {"n": 1}});
    let renamed = caller.post("user/update/", "rename", &rename).await;
    let config = json!({"license_id": id, "enrollment_config": {"mode": "audit"}});
    let configured = caller.post("user/update/", "configure", &config).await;
    assert_eq!([assigned.0, renamed.0, configured.0], [200; 3]);
    // The address is somebody's now, the license is called otherwise, and its metadata are others.
    let user = json!({"holder": {"user": "ada", "email": "a@x.org"}});
    ledger.accepted("acme", "RegisterHolder", &user).await;
    let own = ledger.get("/v1/accounts/acme/licenses").await.json()["items"][0]["license"].clone();
    let other = json!({"license": own, "external_id": "NEW"});
    ledger.accepted("acme", "ChangeLicense", &other).await;
    caller.0.done("user/update/", json!({"license_id": id, "metadata": {"n": 2}})).await;
    caller.0.done("user/update/", json!({"license_id": id, "enrollment_config": {}})).await;
    assert_eq!(caller.post("user/assignment/", "assign", &assign).await, assigned);
    assert_eq!(caller.post("user/update/", "rename", &rename).await, renamed);
    assert_eq!(caller.post("user/update/", "configure", &config).await, configured);
    assert_eq!(caller.0.list("user/").await[0]["usage_count"], 1);
    // Something else under the same key is not it, also if it is about what was not there then.
    let later = caller.0.user_license(1).await;
    for (path, key, body) in [
        ("user/assignment/", "assign", json!({"license_id": id, "email": "b@x.org"})),
        ("user/assignment/", "assign", json!({"license_id": later, "email": "b@x.org"})),
        ("user/update/", "rename", json!({"license_id": later, "name": "x"})),
        ("user/create/", "rename", json!({"count": 1})),
    ] {
        let answer = caller.told(Method::POST, path, key, &body).await;
        let (status, code, _) = refused(&answer);
        assert_eq!((status, code.as_str()), (400, "command_id_reused"), "{path} {key} {body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_ended_under_a_key_is_told_again_under_it() {
    let ledger = Ledger::start().await;
    let caller = Caller(Client::of(&ledger, "acme").await);
    let id = caller.0.user_license(5).await;
    let members = json!({"group": "staff", "holders": [{"user": "ada"}, {"user": "bo"}]});
    let sequence = ledger.accepted("acme", "AddMembers", &members).await;
    let group = ledger.get_at_least("/v1/accounts/acme/groups/staff", sequence).await.json();
    let give = json!({"license_id": id, "group_id": group["number"]});
    let made = caller.0.done("user/assignment/group/", give.clone()).await;
    let gone = format!("user/assignment/group/?license_id={id}&assignment_id={}", made["id"]);
    let kept = format!("{gone}&remove_user_assignments=false");
    for (path, key) in [(&kept, "kept"), (&gone, "gone")] {
        caller.0.done("user/assignment/group/", give.clone()).await;
        let first = caller.told(Method::DELETE, path, key, &Value::Null).await;
        let again = caller.told(Method::DELETE, path, key, &Value::Null).await;
        assert_eq!([first.status, again.status], [200; 2], "{path}");
        assert_eq!(first.sequence(), again.sequence(), "{path}");
        // Given again, it is not ended again under the old key.
        caller.0.done("user/assignment/group/", give.clone()).await;
        let late = caller.told(Method::DELETE, path, key, &Value::Null).await;
        assert_eq!((late.status, late.sequence()), (200, first.sequence()), "{path}");
        let listed = caller.0.list(&format!("user/assignment/group/?license_id={id}")).await;
        assert_eq!(listed.len(), 1, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_changed_nothing_is_judged_again() {
    let ledger = Ledger::start().await;
    let caller = Caller(Client::of(&ledger, "acme").await);
    let id = caller.0.user_license(5).await;
    let same = json!({"license_id": id, "name": "Seats"});
    assert_eq!(caller.post("user/update/", "same", &same).await.1["name"], "Seats");
    caller.0.done("user/update/", json!({"license_id": id, "name": "Other"})).await;
    // It bound nothing: what it asks for is done now.
    assert_eq!(caller.post("user/update/", "same", &same).await.1["name"], "Seats");
    assert_eq!(caller.0.list("user/").await[0]["name"], "Seats");
}
