//! The Aladia dialect.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::facades::{
    Client, documented, filled, key, keys_are_held_apart, printed_calls_work, refusal_is_found,
    who_fails_too_often_waits,
};

/// A client whose account has so many licenses of the course `c1`, and knows `ada`, `bo` and `cy`.
async fn client(quantity: i64) -> Client {
    let client = Client::of("aladia").await;
    let course = json!({"license": "stats", "product": "course:c1", "quantity": quantity});
    client.ledger.accepted("acme", "AllocateLicense", &course).await;
    for user in ["ada", "bo", "cy"] {
        let holder = json!({"holder": {"user": user}, "display_name": user.to_uppercase()});
        client.ledger.accepted("acme", "RegisterHolder", &holder).await;
    }
    client
}

/// Gives a space so many licenses of the course.
async fn share(client: &Client, space: &str, quantity: i64) {
    let part = json!([{"license": "stats", "quantity": quantity}]);
    let document = json!({"allocations": [{"container": space, "quantities": part}]});
    client.ledger.accepted("acme", "SetAllocations", &document).await;
}

fn course(profiles: &[&str]) -> Value {
    json!({"courseId": "c1", "profileIds": profiles})
}

/// What every error looks like.
fn is_error(body: &Value, status: u16) {
    assert_eq!(body["statusCode"], status, "{body}");
    for member in ["message", "path", "errorCode"] {
        assert!(body[member].as_str().is_some_and(|it| !it.is_empty()), "{member}: {body}");
    }
    assert!(body["details"][0]["messages"][0].is_string(), "{body}");
}

async fn refused(client: &Client, path: &str, body: &Value) -> (u16, String) {
    let answer = client.call("PATCH", path, body).await;
    is_error(&answer.json(), answer.status);
    (answer.status, answer.json()["errorCode"].as_str().unwrap().to_owned())
}

fn not_enough() -> (u16, String) {
    (403, "LICENSE_NOT_ENOUGH".to_owned())
}

fn not_found() -> (u16, String) {
    (404, "RECORD_NOT_FOUND".to_owned())
}

/// Who holds a seat in a space, by `/v1`.
async fn holders(client: &Client, space: &str) -> BTreeSet<String> {
    let license = format!("stats@{space}");
    client.seats().await.into_iter().filter(|it| it.1 == license).map(|it| it.0).collect()
}

fn ids(list: &Value) -> Vec<String> {
    let items = list["data"].as_array().unwrap().iter();
    items.map(|it| it["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_their_documents_print_works() {
    let client = Client::of("aladia").await;
    let (space, course) = ("66479aa5905bfd0cb5377619", "course:672d82ad1adbd4482345c9d8");
    let license = json!({"license": "l", "product": course, "quantity": 5, "container": space});
    client.ledger.accepted("acme", "AllocateLicense", &license).await;
    for profile in ["66d0233c1681058994bce488", "66aee615cb8241i23nfsdfkj"] {
        let holder = json!({"holder": {"user": profile}});
        client.ledger.accepted("acme", "RegisterHolder", &holder).await;
    }
    printed_calls_work(&client, "aladia").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_fails_too_often_is_told_when_to_try_again() {
    who_fails_too_often_waits(&client(5).await, "aladia", is_error).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_held_apart_from_each_other() {
    let client = client(5).await;
    keys_are_held_apart(&client, "aladia", is_error).await;
    // The account is the key's own: what another one has is nowhere.
    share(&client, "north", 2).await;
    let globex = json!({"license": "l", "product": "course:c1", "quantity": 1});
    client.ledger.accepted("globex", "AllocateLicense", &globex).await;
    let foreign = key(&client.ledger, "globex", "admin", json!({})).await;
    let other = Client { ledger: client.ledger, header: "apikey", key: foreign };
    let path = "/v2/spaces/north/members/assign-license";
    assert_eq!(refused(&other, path, &course(&["ada"])).await, not_found());
    let list = other.call("GET", "/spaces/north/members/search", &Value::Null).await;
    assert_eq!(list.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn licenses_of_a_space_are_assigned_to_all_of_them_or_none() {
    let client = client(10).await;
    share(&client, "north", 2).await;
    let (assign, updated) = ("/v2/spaces/north/members/assign-license", json!({"updated": true}));
    assert_eq!(client.does("PATCH", assign, &course(&["ada"])).await, updated);
    // Who has one keeps it.
    assert_eq!(client.does("PATCH", assign, &course(&["ada", "ada"])).await, updated);
    assert_eq!(client.history("SeatAssigned").await.len(), 1);
    assert_eq!(refused(&client, assign, &course(&["bo", "cy"])).await, not_enough());
    assert_eq!(holders(&client, "north").await, BTreeSet::from(["ada".to_owned()]));
    let one = "/spaces/north/members/bo/assign-license";
    assert_eq!(client.does("PATCH", one, &json!({"courseId": "c1"})).await, updated);
    assert_eq!(
        refused(&client, &one.replace("/bo/", "/cy/"), &json!({"courseId": "c1"})).await,
        not_enough()
    );
    let answer = client.call("PATCH", assign, &course(&["bo", "cy"])).await;
    refusal_is_found(&client, &answer).await;
    let remove = "/v2/spaces/north/members/remove-license";
    for _ in 0..2 {
        assert_eq!(client.does("PATCH", remove, &course(&["ada"])).await, updated);
    }
    assert_eq!(holders(&client, "north").await, BTreeSet::from(["bo".to_owned()]));
    assert!(client.history("SeatAssigned").await.iter().all(|it| it["via"] == "aladia"));
    for path in [assign, remove] {
        let nobody = course(&["ada", "nobody"]);
        assert_eq!(refused(&client, path, &nobody).await, not_found());
        assert_eq!(
            refused(&client, &path.replace("north", "nowhere"), &course(&["ada"])).await,
            not_found()
        );
        let strange = json!({"courseId": "c2", "profileIds": ["ada"]});
        assert_eq!(refused(&client, path, &strange).await, not_found());
    }
    assert_eq!(holders(&client, "north").await, BTreeSet::from(["bo".to_owned()]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_named_like_the_space_says_who_is_in_it() {
    let client = client(5).await;
    share(&client, "north", 3).await;
    let members = json!({"group": "north", "holders": [{"user": "ada"}, {"user": "bo"}]});
    client.ledger.accepted("acme", "AddMembers", &members).await;
    let assign = "/spaces/north/members/assign-license";
    assert_eq!(refused(&client, assign, &course(&["ada", "cy"])).await, not_found());
    client.does("PATCH", assign, &course(&["ada"])).await;
    let search = async |query: &str| {
        ids(&client
            .does("GET", &format!("/v2/spaces/north/members/search?{query}"), &Value::Null)
            .await)
    };
    assert_eq!(search("").await, ["ada", "bo"]);
    assert_eq!(search("licensed=true&courseId=c1").await, ["ada"]);
    assert_eq!(search("licensed=false&courseId=c1").await, ["bo"]);
    assert_eq!(search("licensed=true").await, ["ada"]);
    assert_eq!(search("roles=space-member&roles=space-owner").await, ["ada", "bo"]);
    assert_eq!(search("roles[]=space-owner").await, Vec::<String>::new());
    assert_eq!(search("roles[0]=space-owner").await, Vec::<String>::new());
    assert_eq!(search("roles[0]=space-owner&roles[1]=space-member").await, ["ada", "bo"]);
    assert_eq!(search("roles=space-coordinator,%20space-member").await, ["ada", "bo"]);
    assert_eq!(search("roles=&licensed=&next=&prev=&sortBy=").await, ["ada", "bo"]);
    assert_eq!(search("alreadyMember=false").await, Vec::<String>::new());
    assert_eq!(search("username=B&sortDirection=desc").await, ["bo"]);
    assert_eq!(search("username=B&sortDirection=desc").await, ["bo"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_assigned_is_listed_in_pages_of_one_state() {
    let client = client(5).await;
    share(&client, "north", 3).await;
    client
        .does("PATCH", "/spaces/north/members/assign-license", &course(&["ada", "bo", "cy"]))
        .await;
    let path = "/v2/spaces/north/members/license-assigned?courseId=c1";
    let all = client.does("GET", path, &Value::Null).await;
    let one = json!({"id": "ada", "fullName": "ADA", "picture": null, "role": "space-member", "online": false});
    assert_eq!((ids(&all), &all["data"][0]), (vec!["ada".into(), "bo".into(), "cy".into()], &one));
    assert_eq!(all["cursor"], json!({"next": null, "prev": null, "totalItems": 3}));
    let page =
        client.does("GET", &format!("{path}&limit=2&sortDirection=desc"), &Value::Null).await;
    assert_eq!(ids(&page), ["cy", "bo"]);
    // What changes meanwhile does not shift the pages.
    client.does("PATCH", "/spaces/north/members/remove-license", &course(&["cy"])).await;
    let next = page["cursor"]["next"].as_str().unwrap();
    let rest = client
        .does("GET", &format!("{path}&limit=2&sortDirection=desc&next={next}"), &Value::Null)
        .await;
    assert_eq!((ids(&rest), &rest["cursor"]["totalItems"]), (vec!["ada".into()], &json!(3)));
    let back = rest["cursor"]["prev"].as_str().unwrap();
    let back = client
        .does("GET", &format!("{path}&limit=2&sortDirection=desc&prev={back}"), &Value::Null)
        .await;
    assert_eq!(back["data"], page["data"]);
    assert_eq!(ids(&client.does("GET", path, &Value::Null).await), ["ada", "bo"]);
    assert_eq!(
        ids(&client.does("GET", &format!("{path}&username=D"), &Value::Null).await),
        ["ada"]
    );
    // Groups that give it.
    let grant = json!({"group": "g", "grant": {"license": "stats@north", "mode": "first_come"}});
    client.ledger.accepted("acme", "GrantToGroup", &grant).await;
    let groups = client.does("GET", &format!("{path}&type=group"), &Value::Null).await;
    assert_eq!(ids(&groups), ["g"]);
    for bad in [
        "",
        "?courseId=c1&type=robot",
        "?courseId=c1&limit=0",
        "?courseId=c1&next=x",
        "?courseId=c1&sortDirection=up",
    ] {
        let answer = client
            .call("GET", &format!("/spaces/north/members/license-assigned{bad}"), &Value::Null)
            .await;
        assert_eq!(answer.status, 400, "{bad}");
        is_error(&answer.json(), 400);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn licenses_are_distributed_to_all_spaces_or_none() {
    let client = client(10).await;
    let path = |space: &str| format!("/v2/spaces/{space}/folders/f1/courses/license");
    let targets = |all: &[(&str, i64)]| {
        let one = |(space, n): &(&str, i64)| json!({"targetSpaceId": space, "licenses": n});
        json!({"courseId": "c1", "spaceLicenses": all.iter().map(one).collect::<Vec<_>>()})
    };
    let moved = json!({"moved": true, "updated": true});
    // What was bought lies in the account: the space that is named like it.
    let told = client.does("PATCH", &path("acme"), &targets(&[("north", 4), ("south", 3)])).await;
    assert_eq!(told, moved);
    let quantity = async |license: &str| {
        client.native(&format!("/licenses/{license}")).await["quantity"].clone()
    };
    assert_eq!(
        (quantity("stats@north").await, quantity("stats@south").await),
        (json!(4), json!(3))
    );
    assert_eq!(
        refused(&client, &path("acme"), &targets(&[("north", 2), ("west", 2)])).await,
        not_enough()
    );
    assert_eq!(client.ledger.get("/v1/accounts/acme/licenses/stats@west").await.status, 404);
    // From space to space, but nothing that is assigned.
    client.does("PATCH", "/spaces/north/members/assign-license", &course(&["ada", "bo"])).await;
    assert_eq!(refused(&client, &path("north"), &targets(&[("south", 3)])).await, not_enough());
    client.does("PATCH", &path("north"), &targets(&[("south", 1), ("acme", 1)])).await;
    assert_eq!(
        (quantity("stats@north").await, quantity("stats@south").await),
        (json!(2), json!(4))
    );
    assert_eq!(client.native("/licenses/stats").await["available"], 4);
    assert_eq!(refused(&client, &path("nowhere"), &targets(&[("south", 1)])).await, not_found());
    for bad in [
        targets(&[]),
        targets(&[("south", 0)]),
        targets(&[("south", -1)]),
        targets(&[("north", 1)]),
        targets(&[("", 1)]),
        json!({"courseId": "c1", "spaceLicenses": [{"targetSpaceId": "south", "licenses": "1"}]}),
    ] {
        assert_eq!(refused(&client, &path("north"), &bad).await.0, 400, "{bad}");
    }
    assert!(client.history("QuantityChanged").await.iter().all(|it| it["via"] == "aladia"));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_at_once_for_the_last_license_one_gets_it() {
    let client = client(1).await;
    share(&client, "north", 1).await;
    let path = "/spaces/north/members/assign-license";
    let (a, b) = (course(&["ada"]), course(&["bo"]));
    let (a, b) = tokio::join!(client.call("PATCH", path, &a), client.call("PATCH", path, &b));
    let mut told = [a.status, b.status];
    told.sort_unstable();
    assert_eq!(told, [200, 403]);
    assert_eq!(holders(&client, "north").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_call_under_the_same_key_happens_once() {
    let client = client(9).await;
    let body =
        json!({"courseId": "c1", "spaceLicenses": [{"targetSpaceId": "north", "licenses": 2}]});
    let path = "/spaces/acme/folders/f1/courses/license";
    let once = [("idempotency-key", "move-1")];
    for _ in 0..3 {
        let answer = client.call_with("PATCH", path, &body, &once).await;
        assert_eq!(
            (answer.status, answer.headers["seatledger-command"].to_str().unwrap()),
            (200, "move-1")
        );
    }
    assert_eq!(client.native("/licenses/stats@north").await["quantity"], 2);
}

/// An id that a list hands out means the same person when it is sent back.
#[tokio::test(flavor = "multi_thread")]
async fn who_is_known_by_an_address_alone_is_assigned_by_it() {
    let client = client(5).await;
    share(&client, "north", 3).await;
    let members = json!({"group": "north", "holders": [{"email": "mm@x.co"}, {"user": "ada"}]});
    client.ledger.accepted("acme", "AddMembers", &members).await;
    // A user of the same address, who was known before, is another person.
    let stranger = json!({"holder": {"user": "mo", "email": "mm@x.co"}});
    client.ledger.accepted("acme", "RegisterHolder", &stranger).await;
    let search = "/v2/spaces/north/members/search?username=mm&courseId=c1";
    let found = client.does("GET", search, &Value::Null).await;
    assert_eq!(
        (ids(&found), &found["data"][0]["assigned"]),
        (vec!["mm@x.co".into()], &json!(false))
    );
    let (assign, remove) =
        ("/v2/spaces/north/members/assign-license", "/v2/spaces/north/members/remove-license");
    client.does("PATCH", assign, &course(&["mm@x.co", "MM@x.co"])).await;
    let held = client.native("/assignments").await["items"].clone();
    assert_eq!(
        (held.as_array().unwrap().len(), &held[0]["holder"]),
        (1, &json!({"email": "mm@x.co"}))
    );
    let found = client.does("GET", search, &Value::Null).await;
    assert_eq!(found["data"][0]["assigned"], true);
    client.does("PATCH", remove, &course(&["mm@x.co"])).await;
    assert_eq!(client.native("/assignments").await["items"], json!([]));
    let one = "/v2/spaces/north/members/mm%40x.co/assign-license";
    client.does("PATCH", one, &json!({"courseId": "c1"})).await;
    // Once the address is linked to a user, it means that user.
    client.ledger.accepted("acme", "LinkHolder", &json!({"email": "mm@x.co", "user": "cy"})).await;
    assert_eq!(holders(&client, "north").await, BTreeSet::from(["cy".to_owned()]));
    client.does("PATCH", assign, &course(&["mm@x.co"])).await;
    client.does("PATCH", remove, &course(&["mm@x.co"])).await;
    assert_eq!(holders(&client, "north").await, BTreeSet::new());
    for path in [assign, remove] {
        assert_eq!(refused(&client, path, &course(&["nobody@x.co"])).await, not_found());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_are_known_and_not_served_say_so() {
    let client = client(5).await;
    share(&client, "north", 3).await;
    for (method, path, served) in documented("aladia") {
        for before in ["", "/v2"] {
            let answer = client
                .call(&method, &format!("{before}{}", filled(&path, "acme")), &json!({}))
                .await;
            assert_eq!(answer.status == 501, !served, "{method} {path}: {}", answer.json());
            is_error(&answer.json(), answer.status);
        }
    }
    let invite = client.call("POST", "/v2/spaces/north/members/invite", &json!({})).await;
    assert_eq!((invite.status, &invite.json()["errorCode"]), (501, &json!("NOT_SERVED")));
    let said = invite.json()["details"][0]["messages"][0].as_str().unwrap().to_owned();
    assert!(said.contains("docs/compat/aladia.md"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_is_said_of_the_space_and_in_its_own_words() {
    let client = client(5).await;
    share(&client, "north", 2).await;
    let said = async |method: &str, path: &str, body: &Value| {
        let answer = client.call(method, path, body).await;
        (answer.status, answer.json()["details"][0]["messages"][0].as_str().unwrap().to_owned())
    };
    let assign = "/v2/spaces/north/members/assign-license";
    client.does("PATCH", assign, &course(&["ada"])).await;
    let short = (
        403,
        "course:c1 in container north: 1 of 2 seats are held, 2 more were asked for".to_owned(),
    );
    assert_eq!(said("PATCH", assign, &course(&["bo", "cy"])).await, short);
    let missing = (400, "profileIds: it is missing".to_owned());
    assert_eq!(said("PATCH", assign, &json!({"courseId": "c1"})).await, missing);
    // Of several licenses of the course the call is one command for each.
    let more = json!({"license": "more", "product": "course:c1", "quantity": 1});
    client.ledger.accepted("acme", "AllocateLicense", &more).await;
    let parts = json!([{"license": "stats", "quantity": 2}, {"license": "more", "quantity": 1}]);
    let document = json!({"allocations": [{"container": "north", "quantities": parts}]});
    client.ledger.accepted("acme", "SetAllocations", &document).await;
    let remove = assign.replace("assign", "remove");
    let (status, nobody) = said("PATCH", &remove, &course(&["nobody"])).await;
    assert_eq!((status, nobody.contains("batch")), (404, false), "{nobody}");
    let headers = [("content-type", "application/json")];
    let missing = client.ledger.request(hyper::Method::PATCH, assign, "{}", &headers).await;
    assert_eq!(missing.status, 401);
    assert_eq!(missing.headers["www-authenticate"], "ApiKey header=\"apikey\", Bearer");
}
