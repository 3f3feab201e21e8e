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
