//! What groups give, with quotas and without.

use serde_json::{Value, json};

use super::{Client, client, is_error};

const GROUPS: &str = "/acme/lease_/api/account/acme/user-license/groups/with-quota";

fn group(name: &str) -> String {
    format!("/lease_/api/account/acme/user-license/group/{name}")
}

async fn members(client: &Client, group: &str, users: &[&str]) {
    let holders: Vec<Value> = users.iter().map(|it| json!({"user": it})).collect();
    let document = json!({"group": group, "holders": holders});
    client.ledger.accepted("acme", "AddMembers", &document).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn members_get_what_their_group_gives_first_come_first_served() {
    let client = client().await;
    client.license("RPADEVNU", 2).await;
    client.license("TSTNU", 2).await;
    members(&client, "devs", &["ada", "bo", "cy"]).await;
    let rule = json!({"userBundleCodes": ["RPADEVNU"], "useExternalLicense": true});
    let told = client.does("POST", &group("devs"), &rule).await;
    let wanted = json!({"groupId": "devs", "organizationId": "acme", "useExternalLicense": true,
        "userBundleCodes": ["RPADEVNU"]});
    assert_eq!(told, wanted);
    let seats = client.seats().await;
    assert_eq!(seats.iter().map(|it| it.0.as_str()).collect::<Vec<_>>(), ["ada", "bo"]);
    let path = group("devs").replace("lease_", "la");
    let available = client.does("GET", &path, &Value::Null).await;
    let wanted = json!({"availableUserBundles": [
            {"code": "RPADEVNU", "name": "RPA Developer Named User", "allocated": 2, "total": 2, "inUse": 2},
            {"code": "TSTNU", "name": "Tester Named User", "allocated": 0, "total": 2, "inUse": 0}],
        "allocatedUserBundles": ["RPADEVNU"], "useExternalLicense": true});
    assert_eq!(available, wanted);
    // A rule replaces the one before.
    client.does("PUT", &group("devs"), &json!({"userBundleCodes": ["TSTNU"]})).await;
    assert!(client.seats().await.iter().all(|it| it.1 == "TSTNU"));
    client.does("PUT", &group("devs"), &json!({"userBundleCodes": []})).await;
    assert_eq!(client.seats().await.len(), 0);
    assert_eq!(client.native("/groups/devs").await["grants"], json!([]));
    let unknown = client.call("PUT", &group("devs"), &json!({"userBundleCodes": ["TYPO"]})).await;
    assert_eq!((unknown.status, &unknown.json()["errorCode"]), (409, &json!("product_not_found")));
    let none =
        client.call("GET", "/lease_/api/account/none/user-license/group/devs", &Value::Null).await;
    assert_eq!(none.status, 404);
    is_error(&none.json(), 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quota_bounds_what_a_group_has() {
    let client = client().await;
    client.license("RPADEVNU", 9).await;
    client.license("IDU", 9).await;
    members(&client, "devs", &["ada", "bo", "cy"]).await;
    let path = format!("{}/with-quota", group("devs"));
    let rule = |limit: i64| {
        json!({"userBundleCodes": ["RPADEVNU", "IDU"],
            "quotas": [{"userBundleCode": "RPADEVNU", "limit": limit}]})
    };
    let wanted = |limit: i64| {
        json!({"groupRule": {"groupId": "devs", "organizationId": "acme", "useExternalLicense": false,
                "userBundleCodes": ["RPADEVNU", "IDU"]},
            "quotas": [{"userBundleCode": "RPADEVNU", "limit": limit, "currentUsage": 2}]})
    };
    assert_eq!(client.does("PUT", &path, &rule(2)).await, wanted(2));
    assert_eq!(client.does("POST", &path, &rule(2)).await, wanted(2));
    // However it is written, and whether what is absent is said so.
    let mut written = rule(2);
    for (limit, status) in [(json!(2.0), 200), (json!(2.5), 400), (json!("2"), 400)] {
        written["quotas"][0]["limit"] = limit;
        let answer = client.call("PUT", &path, &written).await;
        assert_eq!(answer.status, status, "{}", answer.json());
    }
    assert_eq!(client.does("GET", &path, &Value::Null).await, wanted(2));
    assert_eq!(client.seats().await.len(), 2 + 3);
    let under = client.call("PUT", &path, &rule(1)).await;
    assert_eq!((under.status, &under.json()["errorCode"]), (400, &json!("quota_below_use")));
    is_error(&under.json(), 400);
    // No quotas are no limit.
    let free = json!({"userBundleCodes": ["RPADEVNU", "IDU"]});
    assert_eq!(client.does("PUT", &path, &free).await["quotas"], json!([]));
    let null = json!({"userBundleCodes": ["RPADEVNU", "IDU"], "quotas": null});
    assert_eq!(client.does("PUT", &path, &null).await["quotas"], json!([]));
    assert_eq!(client.seats().await.len(), 3 + 3);
    let nobody = client.call("GET", &path.replace("devs", "nobody"), &Value::Null).await;
    assert_eq!(nobody.status, 404);
    assert_eq!(nobody.json()["message"], "Organization or group does not exist");
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_that_give_something_are_listed_in_pages() {
    let client = client().await;
    client.license("RPADEVNU", 1).await;
    members(&client, "b", &["ada", "bo"]).await;
    members(&client, "quiet", &["cy"]).await;
    let named = json!({"group": "c", "holders": [{"user": "di"}], "name": "A team"});
    client.ledger.accepted("acme", "AddMembers", &named).await;
    let quota = json!({"userBundleCodes": ["RPADEVNU"], "quotas": [{"userBundleCode": "RPADEVNU", "limit": 1}]});
    client.does("PUT", &format!("{}/with-quota", group("b")), &quota).await;
    client.does("PUT", &group("c"), &json!({"userBundleCodes": ["RPADEVNU"]})).await;
    let list = client.does("GET", GROUPS, &Value::Null).await;
    let b = json!({"groupRule": {"id": "b", "name": "b", "userBundleLicenses": ["RPADEVNU"],
            "userBundleLeases": {"RPADEVNU": 1}, "useExternalLicense": false, "orphan": false,
            "userLicenseBundlesUnavailable": ["RPADEVNU"]},
        "quotas": [{"userBundleCode": "RPADEVNU", "limit": 1, "currentUsage": 1}]});
    let c = json!({"groupRule": {"id": "c", "name": "A team", "userBundleLicenses": ["RPADEVNU"],
            "userBundleLeases": {"RPADEVNU": 0}, "useExternalLicense": false, "orphan": false,
            "userLicenseBundlesUnavailable": ["RPADEVNU"]},
        "quotas": []});
    assert_eq!(list, json!({"results": [c, b], "totalCount": 2}));
    let ids = async |query: &str| {
        let list = client.does("GET", &format!("{GROUPS}?{query}"), &Value::Null).await;
        assert_eq!(list["totalCount"], 2, "{query}");
        let id = |it: &Value| it["groupRule"]["id"].as_str().unwrap().to_owned();
        list["results"].as_array().unwrap().iter().map(id).collect::<Vec<_>>()
    };
    for by in ["Id", "UseExternalLicense", "Orphan", "UserBundleLicenses"] {
        assert_eq!(ids(&format!("sortBy={by}")).await, ["b", "c"], "{by}");
    }
    assert_eq!(ids("sortBy=UserLicenseBundlesUnavailable&sortOrder=desc").await, ["c", "b"]);
    assert_eq!(ids("sortBy=UserBundleLeases").await, ["c", "b"]);
    assert_eq!(ids("sortBy=userBundleLeases&sortOrder=desc").await, ["b", "c"]);
    assert_eq!(ids("sortBy=Id&sortOrder=desc").await, ["c", "b"]);
    assert_eq!(ids("sortBy=Id&top=1").await, ["b"]);
    assert_eq!(ids("sortBy=Id&top=1&skip=1").await, ["c"]);
    assert_eq!(ids("skip=99&unknown=1").await, Vec::<String>::new());
    let before = client.call("GET", &format!("{GROUPS}?at=1"), &Value::Null).await;
    assert_eq!(before.json()["results"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_something_from_a_group_is_listed() {
    let client = client().await;
    client.license("RPADEVNU", 5).await;
    client.license("IDU", 5).await;
    client.ledger.accepted("acme", "SetPolicy", &json!({"leaving": "orphan"})).await;
    let ada =
        json!({"holder": {"user": "ada", "email": "ada@example.com"}, "display_name": "Ada L"});
    client.ledger.accepted("acme", "RegisterHolder", &ada).await;
    members(&client, "devs", &["zoe", "ada", "bo"]).await;
    client.does("PUT", &group("devs"), &json!({"userBundleCodes": ["RPADEVNU", "IDU"]})).await;
    let gone = json!({"group": "devs", "holders": [{"user": "bo"}]});
    client.ledger.accepted("acme", "RemoveMembers", &gone).await;
    let path = format!("{}/bulk-users", group("devs"));
    let list = client.does("GET", &path, &Value::Null).await;
    let user = |id: &str, email: Value, name: &str, orphan: bool| {
        json!({"id": id, "email": email, "name": null, "surname": null, "displayName": name,
            "lastInUse": null, "userBundleLicenses": ["RPADEVNU", "IDU"], "orphan": orphan})
    };
    let all = [
        user("ada", json!("ada@example.com"), "Ada L", false),
        user("bo", Value::Null, "bo", true),
        user("zoe", Value::Null, "zoe", false),
    ];
    assert_eq!(list, json!({"results": all, "totalCount": 3}));
    let page = client
        .does(
            "GET",
            &format!("{path}?sortBy=DisplayName&sortOrder=desc&top=1&skip=1"),
            &Value::Null,
        )
        .await;
    assert_eq!(page, json!({"results": [all[1]], "totalCount": 3}));
    for (by, wanted) in [
        ("Name", ["ada", "bo", "zoe"]),
        ("Surname", ["ada", "bo", "zoe"]),
        ("LastInUse", ["ada", "bo", "zoe"]),
        ("UserBundleLicenses", ["ada", "bo", "zoe"]),
        ("Email", ["bo", "zoe", "ada"]),
        ("Orphan", ["ada", "zoe", "bo"]),
    ] {
        let list = client.does("GET", &format!("{path}?sortBy={by}"), &Value::Null).await;
        let ids: Vec<&str> = list["results"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| it["id"].as_str().unwrap())
            .collect();
        assert_eq!(ids, wanted, "{by}");
    }
    let strange = client.call("GET", &format!("{path}?sortBy=Colour"), &Value::Null).await;
    assert_eq!(strange.status, 400);
    let unknown = client.call("GET", &path.replace("devs", "nobody"), &Value::Null).await;
    assert_eq!(unknown.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn use_external_license_is_told_again_wherever_a_rule_is_shown() {
    let client = client().await;
    client.license("RPADEVNU", 5).await;
    let (rule, quota) = (group("devs"), format!("{}/with-quota", group("devs")));
    let external = async || {
        let available = client.does("GET", &rule, &Value::Null).await;
        let shown = client.does("GET", &quota, &Value::Null).await;
        let list = client.does("GET", GROUPS, &Value::Null).await;
        [
            available["useExternalLicense"].clone(),
            shown["groupRule"]["useExternalLicense"].clone(),
            list["results"][0]["groupRule"]["useExternalLicense"].clone(),
        ]
    };
    let wanted =
        |external: bool| json!({"userBundleCodes": ["RPADEVNU"], "useExternalLicense": external});
    for said in [true, false, true] {
        client.does("PUT", &rule, &wanted(said)).await;
        assert_eq!(external().await, [json!(said), json!(said), json!(said)]);
    }
    // A rule is replaced as a whole.
    let told = client.does("PUT", &quota, &json!({"userBundleCodes": ["RPADEVNU"]})).await;
    assert_eq!(told["groupRule"]["useExternalLicense"], false);
    assert_eq!(external().await, [false, false, false].map(Value::from));
    let told = client.does("POST", &quota, &wanted(true)).await;
    assert_eq!(told["groupRule"]["useExternalLicense"], true);
    assert_eq!(external().await, [true, true, true].map(Value::from));
    // One that was made elsewhere does not.
    let grants = json!([{"product": "RPADEVNU", "mode": "first_come", "metadata": {"a": 1}}]);
    let elsewhere = json!({"group": "devs", "grants": grants});
    client.ledger.accepted("acme", "SetGroupRule", &elsewhere).await;
    assert_eq!(external().await, [false, false, false].map(Value::from));
}
