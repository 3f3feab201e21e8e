//! The bundles that users have directly.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Client, client, is_error};
use crate::facades::{key, refusal_is_found};

const USERS: &str = "/lease_/api/account/acme/user-license";

fn set(users: &[&str], codes: &[&str]) -> Value {
    json!({"userIds": users, "userBundleCodes": codes, "useExternalLicense": false})
}

fn seats(all: &[(&str, &str)]) -> BTreeSet<(String, String)> {
    all.iter().map(|(user, code)| ((*user).to_owned(), (*code).to_owned())).collect()
}

async fn refused(client: &Client, path: &str, body: &Value) -> (u16, Value) {
    let answer = client.call("PUT", path, body).await;
    is_error(&answer.json(), answer.status);
    (answer.status, answer.json())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_says_all_that_users_have() {
    let client = client().await;
    client.license("RPADEVNU", 2).await;
    client.license("TSTNU", 2).await;
    let told = client
        .does("PUT", USERS, &set(&["bo", "ada", "bo"], &["RPADEVNU", "TSTNU", "RPADEVNU"]))
        .await;
    let one = |user: &str| {
        json!({"userId": user, "organizationId": "acme", "useExternalLicense": false,
            "userBundleCodes": ["RPADEVNU", "TSTNU"]})
    };
    assert_eq!(told, json!([one("bo"), one("ada")]), "each once, in the order of the request");
    let both = seats(&[("ada", "RPADEVNU"), ("ada", "TSTNU"), ("bo", "RPADEVNU"), ("bo", "TSTNU")]);
    assert_eq!(client.seats().await, both);
    // It replaces.
    client.does("PUT", USERS, &set(&["ada"], &["TSTNU"])).await;
    let left = seats(&[("ada", "TSTNU"), ("bo", "RPADEVNU"), ("bo", "TSTNU")]);
    assert_eq!(client.seats().await, left);
    // Sent again, nothing happens.
    let before = client.native("/history?limit=1000").await;
    client.does("POST", USERS, &set(&["ada"], &["TSTNU"])).await;
    assert_eq!(client.native("/history?limit=1000").await["items"], before["items"]);
    // What /v1 knows of it: the door, the grounds, the set.
    let declared = client.history("DirectSetDeclared").await;
    assert_eq!(declared.len(), 3);
    assert!(declared.iter().all(|it| it["via"] == "uipath"), "{declared:?}");
    let holder = client.native("/holders/ada").await;
    assert_eq!(holder["direct_set"], json!({"products": ["TSTNU"], "external": false}));
    assert_eq!(client.native("/checks?user=ada&product=TSTNU").await["allowed"], true);
    assert_eq!(client.native("/checks?user=ada&product=RPADEVNU").await["allowed"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_codes_at_all_is_a_denial() {
    let client = client().await;
    client.license("RPADEVNU", 2).await;
    let group = "/lease_/api/account/acme/user-license/group/g";
    let members = json!({"group": "g", "holders": [{"user": "ada"}, {"user": "bo"}]});
    client.ledger.accepted("acme", "AddMembers", &members).await;
    client.does("PUT", group, &json!({"userBundleCodes": ["RPADEVNU"]})).await;
    assert_eq!(client.seats().await, seats(&[("ada", "RPADEVNU"), ("bo", "RPADEVNU")]));
    let mut none = set(&["ada"], &[]);
    none["useExternalLicense"] = true.into();
    let told = client.does("PUT", USERS, &none).await;
    let denied = json!({"userId": "ada", "organizationId": "acme", "useExternalLicense": true,
        "userBundleCodes": []});
    assert_eq!(told, json!([denied]));
    assert_eq!(client.seats().await, seats(&[("bo", "RPADEVNU")]));
    let kept = client.native("/holders/ada").await["direct_set"].clone();
    assert_eq!(kept, json!({"products": [], "external": true}));
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_was_bought_is_refused_as_a_whole() {
    let client = client().await;
    client.license("RPADEVNU", 2).await;
    client.license("TSTNU", 5).await;
    client.does("PUT", USERS, &set(&["ada"], &["RPADEVNU"])).await;
    let before = client.seats().await;
    let sentence =
        "The license allocation is not allowed because it exceeds the account license quantities.";
    for (users, codes, code) in [
        (vec!["bo", "cy"], vec!["TSTNU", "RPADEVNU"], "no_free_seat"),
        // None was ever bought of it.
        (vec!["bo"], vec!["TSTNU", "TYPO"], "product_not_found"),
    ] {
        let (status, body) = refused(&client, USERS, &set(&users, &codes)).await;
        assert_eq!((status, &body["message"]), (409, &json!(sentence)));
        assert_eq!(body["errorCode"], code);
        assert!(body["detail"].as_str().unwrap().contains(codes[1]), "{body}");
        assert_eq!(client.seats().await, before);
    }
    let answer = client.call("PUT", USERS, &set(&["bo", "cy"], &["RPADEVNU"])).await;
    assert_eq!(answer.status, 409);
    refusal_is_found(&client, &answer).await;
    // What the same call gives back is there for it.
    client.does("PUT", USERS, &set(&["ada"], &["TSTNU"])).await;
    client.does("PUT", USERS, &set(&["bo", "cy"], &["RPADEVNU"])).await;
    assert_eq!(client.ledger.refusals("acme", 3).await[0]["via"], "uipath");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_organization_without_a_license_has_none_to_allocate() {
    let client = client().await;
    for codes in [&["RPADEVNU"][..], &[]] {
        let (status, body) = refused(&client, USERS, &set(&["ada"], codes)).await;
        let sentence = "No account license is allocated for the indicated organization.";
        assert_eq!((status, &body["message"]), (404, &json!(sentence)));
    }
    client.license("RPADEVNU", 1).await;
    client.does("PUT", USERS, &set(&["ada"], &["RPADEVNU"])).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_call_under_the_same_key_happens_once() {
    let client = client().await;
    client.license("RPADEVNU", 5).await;
    let first = [("idempotency-key", "call-1")];
    let ada = set(&["ada"], &["RPADEVNU"]);
    let answers = [
        client.call_with("PUT", USERS, &ada, &first).await,
        client.call_with("POST", USERS, &ada, &first).await,
    ];
    client.does("PUT", USERS, &set(&["ada"], &[])).await;
    let late = client.call_with("PUT", USERS, &ada, &first).await;
    for it in answers.iter().chain([&late]) {
        assert_eq!((it.status, it.sequence()), (200, answers[0].sequence()));
        assert_eq!(it.headers["seatledger-command"], "call-1");
        assert_eq!(it.json(), answers[0].json());
    }
    assert_eq!(client.seats().await.len(), 0, "the late one is the first one again");
    let other = client.call_with("PUT", USERS, &set(&["bo"], &[]), &first).await;
    assert_eq!((other.status, &other.json()["errorCode"]), (409, &json!("command_id_reused")));
    let bad = client.call_with("PUT", USERS, &ada, &[("idempotency-key", "not a token")]).await;
    assert_eq!((bad.status, &bad.json()["errorCode"]), (400, &json!("invalid_command_id")));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_at_once_for_the_last_seat_one_gets_it() {
    let client = client().await;
    client.license("RPADEVNU", 1).await;
    for _ in 0..5 {
        let (a, b) = (set(&["ada"], &["RPADEVNU"]), set(&["bo"], &["RPADEVNU"]));
        let (a, b) = tokio::join!(client.call("PUT", USERS, &a), client.call("POST", USERS, &b));
        let mut told = [a.status, b.status];
        told.sort_unstable();
        assert_eq!(told, [200, 409]);
        assert_eq!(client.seats().await.len(), 1);
        client.does("PUT", USERS, &set(&["ada", "bo"], &[])).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_may_use_what_they_were_allocated() {
    let client = client().await;
    client.license("RPADEVNU", 1).await;
    client.license("TSTNU", 1).await;
    client.does("PUT", USERS, &set(&["ada"], &["RPADEVNU"])).await;
    let asked = json!({"EntitlementNames": ["RPADEVNU", "TSTNU", "TYPO", "RPADEVNU"]});
    let path = "/lease_/api/entitlements/acme/entitled?userId=ada";
    let told = client.does("POST", path, &asked).await;
    assert_eq!(told, json!({"isEntitled": {"RPADEVNU": true, "TSTNU": false, "TYPO": false}}));
    let past = client.call("POST", &format!("{path}&at=1"), &asked).await;
    assert_eq!(past.json()["isEntitled"]["RPADEVNU"], false, "as of before it was");
    assert_eq!(past.sequence(), 1);
    let nobody = path.replace("ada", "nobody");
    assert_eq!(client.does("POST", &nobody, &asked).await["isEntitled"]["RPADEVNU"], false);
}

/// An id that a list hands out means the same person when it is sent back.
#[tokio::test(flavor = "multi_thread")]
async fn who_is_known_by_an_address_alone_is_called_by_it() {
    let client = client().await;
    client.license("RPADEVNU", 5).await;
    client.license("TSTNU", 5).await;
    let members = json!({"group": "g", "holders": [{"email": "eo@x.co"}]});
    client.ledger.accepted("acme", "AddMembers", &members).await;
    let group = "/lease_/api/account/acme/user-license/group/g";
    client.does("PUT", group, &json!({"userBundleCodes": ["RPADEVNU"]})).await;
    let list = client.does("GET", &format!("{group}/bulk-users"), &Value::Null).await;
    assert_eq!(list["results"][0]["id"], "eo@x.co");
    let entitled = async |user: &str| {
        let path = format!("/lease_/api/entitlements/acme/entitled?userId={user}");
        let asked = json!({"EntitlementNames": ["RPADEVNU", "TSTNU"]});
        let told = client.does("POST", &path, &asked).await["isEntitled"].clone();
        [told["RPADEVNU"].as_bool().unwrap(), told["TSTNU"].as_bool().unwrap()]
    };
    assert_eq!(entitled("eo@x.co").await, [true, false]);
    let told = client.does("PUT", USERS, &set(&["eo@x.co", "EO@x.co"], &["TSTNU"])).await;
    assert_eq!((&told[0]["userId"], &told[1]["userId"]), (&json!("eo@x.co"), &json!("EO@x.co")));
    assert_eq!(entitled("eo@x.co").await, [false, true], "a set replaces what a group gives");
    let held = client.native("/assignments").await["items"].clone();
    assert_eq!(held.as_array().unwrap().len(), 1, "{held}");
    assert_eq!(held[0]["holder"], json!({"email": "eo@x.co"}));
    // A user who has that address is another person.
    let ada = json!({"holder": {"user": "ada", "email": "eo@x.co"}});
    client.ledger.accepted("acme", "RegisterHolder", &ada).await;
    client.does("PUT", USERS, &set(&["ada"], &["RPADEVNU"])).await;
    assert_eq!(entitled("eo@x.co").await, [false, true]);
    // Once the address is linked to a user, it means that user.
    client.does("PUT", USERS, &set(&["ada"], &[])).await;
    client.ledger.accepted("acme", "LinkHolder", &json!({"email": "eo@x.co", "user": "ada"})).await;
    client.does("PUT", USERS, &set(&["eo@x.co"], &["RPADEVNU"])).await;
    assert_eq!(client.seats().await, seats(&[("ada", "RPADEVNU")]));
    assert_eq!(entitled("eo@x.co").await, [true, false]);
    // An address that nobody is known by is the id of a new user.
    client.does("PUT", USERS, &set(&["new@x.co"], &["TSTNU"])).await;
    assert!(client.seats().await.contains(&("new@x.co".to_owned(), "TSTNU".to_owned())));
    assert_eq!(entitled("new@x.co").await, [false, true]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_organization_without_a_license_entitles_nobody() {
    let mut client = client().await;
    let more = json!({"facades": ["uipath"], "every_account": true});
    client.key = key(&client.ledger, "acme", "reader", more).await;
    let asked = json!({"EntitlementNames": ["X"]});
    for account in ["none", "acme"] {
        let path = format!("/lease_/api/entitlements/{account}/entitled?userId=ada");
        let answer = client.call("POST", &path, &asked).await;
        let sentence = "No account license is allocated for the indicated organization.";
        assert_eq!((answer.status, &answer.json()["message"]), (404, &json!(sentence)));
        let groups = format!("/lease_/api/account/{account}/user-license/groups/with-quota");
        assert_eq!(client.call("GET", &groups, &Value::Null).await.status, 404, "{account}");
    }
    client.license("Y", 1).await;
    let path = "/lease_/api/entitlements/acme/entitled?userId=ada";
    assert_eq!(client.does("POST", path, &asked).await, json!({"isEntitled": {"X": false}}));
}
