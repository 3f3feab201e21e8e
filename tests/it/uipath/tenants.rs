//! The quantity that services of tenants have.

use serde_json::{Value, json};

use super::{client, is_error};

fn service(tenant: &str, service: &str) -> String {
    format!("/lrm/api/account/acme/service-license/{tenant}/{service}")
}

fn products(all: &[(&str, i64)]) -> Value {
    let one = |(code, quantity): &(&str, i64)| json!({"code": code, "quantity": quantity});
    json!({"tenantName": "T", "products": all.iter().map(one).collect::<Vec<_>>()})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_has_what_was_said_last() {
    let client = client().await;
    let terms = json!({"license": "robots", "product": "UNATT", "quantity": 10,
        "starts_at": "2020-01-01T00:00:00Z", "ends_at": "2999-01-01T00:00:00Z", "grace_days": 5});
    client.ledger.accepted("acme", "AllocateLicense", &terms).await;
    client.license("NONPR", 5).await;
    let first = service("t1", "orchestrator");
    let told = client.does("PUT", &first, &products(&[("UNATT", 4), ("NONPR", 2)])).await;
    let product = |code: &str, quantity: i64| json!({"code": code, "quantity": quantity, "type": null, "features": []});
    let license = json!({"licenseCode": null, "bundleCode": null, "subscriptionCode": null,
        "licenseStatus": "Active", "startDate": 1_577_836_800, "endDate": 32_472_144_000_i64, "gracePeriod": 5,
        "products": [product("NONPR", 2), product("UNATT", 4)], "templates": [], "payload": null,
        "boonLicenseCode": null});
    let wanted = json!({"accountId": "acme", "serviceScopeId": "t1", "serviceType": "orchestrator",
        "license": license, "userLicensingEnabled": true, "accountLicenseCode": null});
    assert_eq!(told, wanted);
    // Absolute, and what is left out becomes zero.
    let told = client
        .does("POST", &first, &json!({"productQuantities": [{"code": "UNATT", "quantity": 3}]}))
        .await;
    assert_eq!(told["license"]["products"], json!([product("UNATT", 3)]));
    // Each service for itself; the tenant has what its services have.
    client
        .does("PUT", &service("t1", "dataservice"), &products(&[("UNATT", 2), ("NONPR", 0)]))
        .await;
    let quantity = async |license: &str| {
        client.native(&format!("/licenses/{}", crate::ledger::encoded(license))).await["quantity"]
            .clone()
    };
    assert_eq!(quantity("robots@t1").await, 5);
    assert_eq!(quantity("robots@t1@t1/orchestrator").await, 3);
    assert_eq!(client.native("/licenses/robots").await["available"], 5);
    assert_eq!(client.native("/containers/t1%2Forchestrator").await["within"], "t1");
    let changes = client.history("ContainerPlaced").await;
    assert!(changes.iter().all(|it| it["via"] == "uipath"));
    // Users get what tenants have not.
    let users: Vec<String> = (0..6).map(|it| format!("u{it}")).collect();
    let set = json!({"userIds": users, "userBundleCodes": ["UNATT"]});
    assert_eq!(client.call("PUT", "/lease_/api/account/acme/user-license", &set).await.status, 409);
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_the_organization_has_is_refused() {
    let client = client().await;
    let path = service("t1", "orchestrator");
    let none = client.call("PUT", &path, &products(&[("UNATT", 1)])).await;
    assert_eq!(none.status, 404);
    is_error(&none.json(), 404);
    client.license("UNATT", 5).await;
    client.does("PUT", &path, &products(&[("UNATT", 4)])).await;
    for (path, wanted, code) in [
        (service("t2", "orchestrator"), products(&[("UNATT", 2)]), "no_free_quantity"),
        (service("t1", "orchestrator"), products(&[("UNATT", 6)]), "no_free_quantity"),
        (service("t1", "orchestrator"), products(&[("TYPO", 1)]), "product_not_found"),
    ] {
        let answer = client.call("PUT", &path, &wanted).await;
        assert_eq!((answer.status, &answer.json()["errorCode"]), (409, &json!(code)), "{path}");
        is_error(&answer.json(), 409);
    }
    assert_eq!(client.native("/licenses/UNATT").await["available"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn services_changed_at_once_add_up() {
    let client = client().await;
    client.license("UNATT", 100).await;
    let paths: Vec<String> = (0..4).map(|it| service("t1", &format!("s{it}"))).collect();
    for round in 1..=3 {
        let wanted: Vec<Value> =
            (0..4).map(|it| products(&[("UNATT", round * (it + 1))])).collect();
        let (a, b, c, d) = tokio::join!(
            client.call("PUT", &paths[0], &wanted[0]),
            client.call("PUT", &paths[1], &wanted[1]),
            client.call("PUT", &paths[2], &wanted[2]),
            client.call("PUT", &paths[3], &wanted[3]),
        );
        assert_eq!([a, b, c, d].map(|it| it.status), [200; 4]);
        assert_eq!(client.native("/licenses/UNATT%40t1").await["quantity"], 10 * round);
        assert_eq!(client.native("/licenses/UNATT").await["available"], 100 - 10 * round);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_license_without_a_start_of_its_own_starts_when_it_was_given() {
    let client = client().await;
    client.license("UNATT", 5).await;
    let path = service("t1", "orchestrator");
    let quantity = |it: Value| json!({"products": [{"code": "UNATT", "quantity": it}]});
    let told = client.does("PUT", &path, &quantity(json!(2.0))).await;
    assert_eq!(told["license"]["products"][0]["quantity"], 2);
    let license = client.native("/licenses/UNATT%40t1%40t1%2Forchestrator").await;
    let at = chrono::DateTime::parse_from_rfc3339(license["allocated_at"].as_str().unwrap());
    assert_eq!(told["license"]["startDate"], at.unwrap().timestamp());
    assert_eq!(
        (&told["license"]["endDate"], &told["license"]["gracePeriod"]),
        (&Value::Null, &Value::Null)
    );
    let none = client.does("PUT", &path, &json!({"products": []})).await;
    assert_eq!(none["license"]["startDate"], Value::Null);
    for (quantity, member) in [
        (quantity(json!(1.5)), "products[0].quantity"),
        (json!({"products": [{"code": "UNATT"}]}), "products[0].quantity"),
        (json!({"productQuantities": {}}), "productQuantities"),
        (json!({}), "products"),
    ] {
        let answer = client.call("PUT", &path, &quantity).await;
        let body = answer.json();
        assert_eq!((answer.status, &body["errorCode"]), (400, &json!("invalid_body")));
        assert!(body["message"].as_str().unwrap().starts_with(&format!("{member}: ")), "{body}");
    }
}
