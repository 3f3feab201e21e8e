//! The quantity that a host gives to organizations.

use serde_json::{Value, json};

use super::is_error;
use crate::facades::{Client, key};

/// A client of the host, whose key reaches the organizations as well.
async fn client() -> Client {
    let mut client = super::client().await;
    let more = json!({"facades": ["uipath"], "every_account": true});
    client.key = key(&client.ledger, "acme", "operator", more).await;
    client
}

fn wanted(all: &[(&str, i64)]) -> Value {
    let one = |(code, quantity): &(&str, i64)| json!({"code": code, "quantity": quantity});
    json!({"productQuantities": all.iter().map(one).collect::<Vec<_>>()})
}

const PATH: &str = "/lrm/api/host/acme/organization/globex/license";

#[tokio::test(flavor = "multi_thread")]
async fn an_organization_has_what_the_host_gives_when_the_call_is_answered() {
    let client = client().await;
    client.license("UNATT", 10).await;
    client.license("NONPR", 5).await;
    for _ in 0..2 {
        let told = client.does("PUT", PATH, &wanted(&[("UNATT", 4), ("NONPR", 5)])).await;
        let product = |code: &str, quantity: i64| json!({"code": code, "quantity": quantity, "type": null, "features": []});
        assert_eq!(told["accountId"], "globex");
        assert_eq!(told["products"], json!([product("UNATT", 4), product("NONPR", 5)]));
    }
    let seats = async |account: &str, license: &str| {
        let path = format!("/v1/accounts/{account}/licenses/{license}");
        client.ledger.get(&path).await.json()["quantity"].clone()
    };
    assert_eq!(seats("globex", "UNATT%40acme").await, 4);
    assert_eq!(client.native("/licenses/UNATT").await["available"], 6);
    // What is left out stays.
    client.does("POST", PATH, &wanted(&[("UNATT", 1)])).await;
    assert_eq!(
        (seats("globex", "UNATT%40acme").await, seats("globex", "NONPR%40acme").await),
        (json!(1), json!(5))
    );
    assert!(client.history("AccountAllocationSet").await.iter().all(|it| it["via"] == "uipath"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_gives_no_more_than_it_has_and_takes_nothing_that_is_in_use() {
    let client = client().await;
    let refused = async |path: &str, body: &Value| {
        let answer = client.call("PUT", path, body).await;
        is_error(&answer.json(), answer.status);
        (answer.status, answer.json()["errorCode"].as_str().unwrap().to_owned())
    };
    let none = client.call("PUT", PATH, &wanted(&[("UNATT", 1)])).await;
    assert_eq!(none.status, 404);
    assert!(
        none.json()["message"].as_str().unwrap().starts_with("The host license does not exist")
    );
    client.license("UNATT", 3).await;
    assert_eq!(refused(PATH, &wanted(&[("UNATT", 4)])).await, (409, "no_free_quantity".to_owned()));
    assert_eq!(
        refused(PATH, &wanted(&[("TYPO", 1)])).await,
        (409, "no_license_in_force".to_owned())
    );
    assert_eq!(
        refused(&PATH.replace("globex", "acme"), &wanted(&[("UNATT", 1)])).await,
        (409, "same_account".to_owned())
    );
    assert_eq!(refused(&PATH.replace("globex", "a.b"), &wanted(&[("UNATT", 1)])).await.0, 400);
    assert_eq!(refused(PATH, &wanted(&[])).await.0, 400);
    client.does("PUT", PATH, &wanted(&[("UNATT", 2)])).await;
    let assign = json!({"product": "UNATT", "holders": [{"user": "ada"}, {"user": "bo"}]});
    client.ledger.accepted("globex", "AssignSeat", &assign).await;
    assert_eq!(
        refused(PATH, &wanted(&[("UNATT", 1)])).await,
        (409, "quantity_below_use".to_owned())
    );
    assert_eq!(client.native("/licenses/UNATT").await["available"], 1);
}

/// Nobody gives something to an account that is out of their reach.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_of_the_host_alone_gives_nothing_away() {
    let client = super::client().await;
    client.license("UNATT", 3).await;
    let answer = client.call("PUT", PATH, &wanted(&[("UNATT", 1)])).await;
    assert_eq!((answer.status, &answer.json()["errorCode"]), (404, &json!("account_not_found")));
    assert_eq!(client.native("/licenses/UNATT").await["available"], 3);
}

/// A call is answered with what becomes of its own wish, and not with what was refused before.
#[tokio::test(flavor = "multi_thread")]
async fn an_organization_that_has_what_is_asked_for_is_not_told_of_an_old_refusal() {
    let client = client().await;
    client.license("AIG", 5).await;
    client.license("UNATT", 5).await;
    client.does("PUT", PATH, &wanted(&[("AIG", 2)])).await;
    let assign = json!({"product": "AIG", "holders": [{"user": "ada"}, {"user": "bo"}]});
    client.ledger.accepted("globex", "AssignSeat", &assign).await;
    let refused = client.call("PUT", PATH, &wanted(&[("AIG", 1)])).await;
    assert_eq!((refused.status, &refused.json()["errorCode"]), (409, &json!("quantity_below_use")));
    for _ in 0..2 {
        let told = client.does("PUT", PATH, &wanted(&[("AIG", 2)])).await;
        assert_eq!(told["products"][0]["quantity"], 2);
    }
    let told = client.does("PUT", PATH, &wanted(&[("AIG", 2), ("UNATT", 1)])).await;
    assert_eq!(told["products"][1]["quantity"], 1);
    // What is asked for now is refused for itself, beside what is given.
    let refused = client.call("PUT", PATH, &wanted(&[("UNATT", 2), ("AIG", 0)])).await;
    let message = refused.json()["message"].as_str().unwrap().to_owned();
    assert_eq!((refused.status, message.ends_with("0 were asked for")), (409, true), "{message}");
    let more = client.does("PUT", PATH, &wanted(&[("AIG", 3)])).await;
    assert_eq!(more["products"][0]["quantity"], 3);
    // None of what there never was any of is what it has.
    client.license("NONPR", 5).await;
    let none = client.does("PUT", PATH, &wanted(&[("NONPR", 0)])).await;
    assert_eq!(none["products"][0]["quantity"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_call_is_said_in_its_own_words() {
    let client = client().await;
    client.license("UNATT", 3).await;
    let told = async |path: &str, body: &Value| client.call("PUT", path, body).await.json();
    let missing = told(PATH, &json!({})).await;
    assert_eq!(missing["message"], "productQuantities: it is missing");
    let short = told(PATH, &wanted(&[("UNATT", 4)])).await;
    assert!(short["detail"].as_str().unwrap().starts_with("UNATT: 0 of 3"), "{short}");
    let before = client.does("PUT", PATH, &wanted(&[("UNATT", 1)])).await;
    assert!(before["startDate"].as_i64().unwrap() > 1_577_836_800, "{before}");
    // The organization, and not the host, is out of reach.
    let only = json!({"facades": ["uipath"]});
    let key = key(&client.ledger, "acme", "operator", only).await;
    let host = Client { key, ..client };
    let told = host.call("PUT", PATH, &wanted(&[("UNATT", 1)])).await;
    let wanted = (404, json!("account_not_found"), json!("The organization does not exist"));
    let body = told.json();
    assert_eq!((told.status, body["errorCode"].clone(), body["message"].clone()), wanted);
}
