//! The UiPath dialect.

mod groups;
mod hosts;
mod tenants;
mod users;

use serde_json::{Value, json};

use crate::facades::{
    Client, documented, filled, key, keys_are_held_apart, printed_calls_work,
    who_fails_too_often_waits,
};

/// A client with an operator's key of `acme`.
async fn client() -> Client {
    Client::of("uipath").await
}

/// What every error looks like.
fn is_error(body: &Value, _: u16) {
    for member in ["errorCode", "message", "traceId"] {
        assert!(body[member].as_str().is_some_and(|it| !it.is_empty()), "{member}: {body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_their_documents_print_works() {
    let mut client = client().await;
    let more = json!({"every_account": true});
    client.key = key(&client.ledger, "1234", "admin", more).await;
    for (code, quantity) in [
        ("RPADEVNU", 3),
        ("ATTUNU", 3),
        ("TSTNU", 3),
        ("RPADEVPRONU", 3),
        ("IDU", 2),
        ("string", 5),
        ("UNATT", 2),
        ("AIG", 5),
        ("NONPR", 1),
    ] {
        let license = json!({"license": code, "product": code, "quantity": quantity});
        client.ledger.accepted("1234", "AllocateLicense", &license).await;
    }
    let members = json!({"group": "group-01", "holders": [
        {"user": "m1", "email": "m1@example.com"}, {"user": "m2"}, {"user": "m3"}]});
    client.ledger.accepted("1234", "AddMembers", &members).await;
    // The pages are read in this order: what is given out by one is there for the others.
    let set = json!({"userIds": ["singer-77"], "userBundleCodes": ["RPADEVNU"]});
    client.does("PUT", "/lease_/api/account/1234/user-license", &set).await;
    printed_calls_work(&client, "uipath").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_served_wherever_their_pages_print_it() {
    let client = client().await;
    client.license("RPADEVNU", 5).await;
    let body = json!({"userIds": ["ada"], "userBundleCodes": ["RPADEVNU"]});
    let below = "lease_/api/account/acme/user-license";
    for method in ["PUT", "POST"] {
        for path in [
            below.to_owned(),
            format!("song-one/{below}"),
            format!("/song-one/{below}"),
            below.replace("lease_", "la"),
        ] {
            client.does(method, &format!("/{path}"), &body).await;
        }
    }
    // The same set each time.
    assert_eq!(client.history("DirectSetDeclared").await.len(), 1);
    for (method, path, served) in documented("uipath") {
        let path = format!("/song-one{}", filled(&path, "acme"));
        let answer = client.call(&method, &path, &json!({})).await;
        assert_eq!(answer.status == 501, !served, "{method} {path}: {}", answer.json());
        assert!(
            ![404, 405].contains(&answer.status)
                || path.contains("with-quota")
                || path.contains("bulk-users"),
            "{method} {path}"
        );
    }
    assert_eq!(client.call("PUT", "/lease_/api/nothing", &json!({})).await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_fails_too_often_is_told_when_to_try_again() {
    who_fails_too_often_waits(&client().await, "uipath", is_error).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_held_apart_from_each_other() {
    let client = client().await;
    client.license("RPADEVNU", 5).await;
    keys_are_held_apart(&client, "uipath", is_error).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_body_is_said_so_in_their_shape() {
    let client = client().await;
    client.license("RPADEVNU", 5).await;
    let long = "x".repeat(257);
    let many: Vec<String> = (0..1001).map(|it| format!("u{it}")).collect();
    let user = "/lease_/api/account/acme/user-license";
    let group = "/lease_/api/account/acme/user-license/group/g";
    let quota = "/lease_/api/account/acme/user-license/group/g/with-quota";
    let service = "/lrm/api/account/acme/service-license/t/s";
    let entitled = "/lease_/api/entitlements/acme/entitled?userId=ada";
    for (method, path, body) in [
        ("PUT", user, json!({})),
        ("PUT", user, json!([["ada"], ["RPADEVNU"]])),
        ("PUT", user, json!({"userIds": [], "userBundleCodes": []})),
        ("PUT", user, json!({"userIds": ["ada"]})),
        ("PUT", user, json!({"userIds": "ada", "userBundleCodes": []})),
        ("PUT", user, json!({"userIds": [7], "userBundleCodes": []})),
        ("PUT", user, json!({"userIds": [""], "userBundleCodes": []})),
        ("PUT", user, json!({"userIds": [long], "userBundleCodes": []})),
        ("PUT", user, json!({"userIds": ["a\u{0}b"], "userBundleCodes": []})),
        ("PUT", user, json!({"userIds": many, "userBundleCodes": []})),
        ("PUT", user, json!({"userIds": ["ada"], "userBundleCodes": many[..101]})),
        ("PUT", user, json!({"userIds": ["ada"], "userBundleCodes": [], "useExternalLicense": 1})),
        ("PUT", group, json!({"userBundleCodes": null})),
        (
            "PUT",
            quota,
            json!({"userBundleCodes": ["RPADEVNU"], "quotas": [{"userBundleCode": "IDU", "limit": 1}]}),
        ),
        (
            "PUT",
            quota,
            json!({"userBundleCodes": ["RPADEVNU"], "quotas": [{"userBundleCode": "RPADEVNU", "limit": 0}]}),
        ),
        (
            "PUT",
            quota,
            json!({"userBundleCodes": ["RPADEVNU"], "quotas": [{"userBundleCode": "RPADEVNU", "limit": 1.5}]}),
        ),
        (
            "PUT",
            quota,
            json!({"userBundleCodes": ["RPADEVNU"], "quotas": [
            {"userBundleCode": "RPADEVNU", "limit": 1}, {"userBundleCode": "RPADEVNU", "limit": 2}]}),
        ),
        ("PUT", service, json!({})),
        ("PUT", service, json!({"products": [], "productQuantities": []})),
        ("PUT", service, json!({"products": [{"code": "RPADEVNU", "quantity": -1}]})),
        (
            "PUT",
            service,
            json!({"products": [{"code": "RPADEVNU", "quantity": 1}, {"code": "RPADEVNU", "quantity": 1}]}),
        ),
        ("POST", entitled, json!({"EntitlementNames": "X"})),
        ("POST", "/lease_/api/entitlements/acme/entitled", json!({"EntitlementNames": ["X"]})),
        ("GET", "/lease_/api/account/acme/user-license/groups/with-quota?top=51", Value::Null),
        (
            "GET",
            "/lease_/api/account/acme/user-license/groups/with-quota?sortBy=Colour",
            Value::Null,
        ),
        (
            "GET",
            "/lease_/api/account/acme/user-license/groups/with-quota?sortOrder=up",
            Value::Null,
        ),
        ("GET", "/lease_/api/account/acme/user-license/groups/with-quota?skip=-1", Value::Null),
    ] {
        let answer = client.call(method, path, &body).await;
        assert_eq!(answer.status, 400, "{method} {path} {}: {}", body, answer.json());
        is_error(&answer.json(), 400);
    }
    let twice = r#"{"userIds":["ada"],"userIds":["bo"],"userBundleCodes":[]}"#;
    let key = [("authorization", client.key.as_str())];
    for body in [twice, "", "{", "nonsense"] {
        let answer = client.ledger.post_bytes(user, body.as_bytes(), &key).await;
        assert_eq!(answer.status, 400, "{body}");
        is_error(&answer.json(), 400);
    }
    assert_eq!(client.seats().await.len(), 0);
}
