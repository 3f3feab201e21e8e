//! Quantity that one of them shares out or changes, and the others find there.

use serde_json::{Value, json};

use super::{PRODUCT, Said, World, Writer};

const SERVICE: &str = "/lrm/api/account/acme/service-license/t1/courses";

/// What the part of that service is called by Aladia.
const SPACE: &str = "t1/courses";

async fn service(world: &World, quantity: i64) -> Said {
    let body = json!({"products": [{"code": PRODUCT, "quantity": quantity}]});
    Said::of(&world.call(Writer::Uipath, ("PUT", SERVICE), &body, None).await)
}

async fn distribute(world: &World, from: &str, to: &str, licenses: i64) -> Said {
    let path = format!("/v2/spaces/{}/folders/f/courses/license", crate::ledger::encoded(from));
    let targets = json!([{"targetSpaceId": to, "licenses": licenses}]);
    let body = json!({"courseId": "c1", "spaceLicenses": targets});
    Said::of(&world.call(Writer::Aladia, ("PATCH", &path), &body, None).await)
}

async fn count(world: &World, license: u64, count: i64) -> Said {
    let path = "/api/catalog/licenses/course/update/";
    let body = json!({"license_id": license, "count": count});
    Said::of(&world.call(Writer::Ibl, ("POST", path), &body, None).await)
}

async fn assign(world: &World, space: &str, profile: &str, call: &str) -> Said {
    let path = format!("/v2/spaces/{}/members/{call}", crate::ledger::encoded(space));
    let body = json!({"courseId": "c1", "profileIds": [profile]});
    Said::of(&world.call(Writer::Aladia, ("PATCH", &path), &body, None).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_shares_out_the_others_find_there() {
    let world = World::with(10).await;
    // UiPath gives to a service, and Aladia finds a space with licenses of the course.
    assert_eq!(service(&world, 3).await.status, 200);
    let now = world.agree().await;
    let part = now.licenses.values().find(|it| it.container.as_deref() == Some(SPACE)).unwrap();
    assert_eq!((part.quantity, part.product.as_str()), (3, PRODUCT));
    assert_eq!(assign(&world, SPACE, "ada", "assign-license").await.status, 200);
    world.agree().await;
    // Which ibl.ai knows as a license of its own.
    let said = count_of(&world, part.number).await;
    assert_eq!(said, (3, 1));
    // Aladia moves some of it elsewhere, and what is left is too little for nobody.
    assert_eq!(distribute(&world, SPACE, "north", 2).await.status, 200);
    let now = world.agree().await;
    assert_eq!(now.licenses.values().map(|it| it.quantity).sum::<i64>(), 10 + 1 + 1 + 2);
    // What is left is held, so each refuses to take it away, in their words.
    let gone = service(&world, 0).await;
    assert_eq!((gone.status, &gone.body["errorCode"]), (409, &json!("quantity_below_use")));
    let gone = distribute(&world, SPACE, "north", 1).await;
    assert_eq!((gone.status, &gone.body["errorCode"]), (403, &json!("LICENSE_NOT_ENOUGH")));
    let gone = count(&world, world.license, 2).await;
    assert_eq!((gone.status, &gone.body["code"]), (400, &json!("quantity_below_use")));
    assert!(gone.body["count"][0].is_string(), "{}", gone.body);
    world.agree().await;
    // ibl.ai has more of the whole, and the others can share it out.
    let more = count(&world, world.license, 12).await;
    assert_eq!((more.status, &more.body["count"]), (200, &json!(12)));
    assert_eq!(service(&world, 9).await.status, 200);
    world.agree().await;
    let much = service(&world, 11).await;
    assert_eq!((much.status, &much.body["errorCode"]), (409, &json!("no_free_quantity")));
    let much = distribute(&world, "acme", "north", 2).await;
    assert_eq!((much.status, &much.body["errorCode"]), (403, &json!("LICENSE_NOT_ENOUGH")));
    let now = world.agree().await;
    // A seat in the space is none of the account's, and each can take it back.
    let seat = now.licenses.values().find(|it| it.live.contains_key("ada")).unwrap();
    let (license, number) = (seat.number, seat.live["ada"].number);
    let path = format!(
        "/api/catalog/licenses/course/assignment/?license_id={license}&assignment_id={number}"
    );
    let ended = world.call(Writer::Ibl, ("DELETE", &path), &Value::Null, None).await;
    assert_eq!(ended.status, 200, "{}", String::from_utf8_lossy(&ended.body));
    assert!(world.agree().await.licenses.values().all(|it| it.live.is_empty()));
    assert_eq!(service(&world, 0).await.status, 200);
    world.agree().await;
}

async fn count_of(world: &World, license: u64) -> (i64, i64) {
    let listed = world.read(Writer::Ibl, "/api/catalog/licenses/course/").await;
    let all = listed["results"].as_array().unwrap();
    let one = all.iter().find(|it| it["id"] == license).unwrap();
    (one["count"].as_i64().unwrap(), one["usage_count"].as_i64().unwrap())
}

/// A license that ibl.ai makes is there for the others, and so is that it rests.
#[tokio::test(flavor = "multi_thread")]
async fn a_license_that_one_makes_and_suspends_is_so_for_the_others() {
    let world = World::with(0).await;
    let body = json!({"platform_key": "acme", "course_id": "c1", "name": "Statistics", "count": 1});
    let path = "/api/catalog/licenses/course/create/";
    let made = world.call(Writer::Ibl, ("POST", path), &body, None).await.json();
    let license = made["id"].as_u64().unwrap();
    world.agree().await;
    world.gives(Writer::Aladia, "ada").await;
    world.agree().await;
    assert_eq!(world.take(Writer::Uipath, "ada", None).await.status, 200);
    world.gives(Writer::Uipath, "bo").await;
    world.agree().await;
    let path = "/api/catalog/licenses/course/update/";
    let set = async |active: bool| {
        let body = json!({"license_id": license, "active": active, "count": 2});
        let told = world.call(Writer::Ibl, ("POST", path), &body, None).await;
        assert_eq!((told.status, &told.json()["active"]), (200, &json!(active)));
        world.agree().await
    };
    // Who has a seat keeps it and may not use it; nobody is given another one.
    set(false).await;
    let user = json!({"license_id": license, "user_id": world.numbers["cy"]});
    let path = "/api/catalog/licenses/course/assignment/";
    let refused = world.call(Writer::Ibl, ("POST", path), &user, None).await;
    assert_eq!((refused.status, &refused.json()["code"]), (400, &json!("license_suspended")));
    // The other license of the course is in force and has none: a shortage, as they say it.
    super::is_shortage(Writer::Aladia, &world.give(Writer::Aladia, "cy", None).await);
    super::is_shortage(Writer::Uipath, &world.give(Writer::Uipath, "cy", None).await);
    world.agree().await;
    set(true).await;
    world.gives(Writer::Aladia, "cy").await;
    let now = world.agree().await;
    let made = now.licenses.values().find(|it| it.number == license).unwrap();
    assert_eq!((made.used(), made.quantity), (2, 2));
}

/// A service is within its tenant. Aladia knows both as spaces, and moves licenses into, out of and
/// between them and those of the account.
#[tokio::test(flavor = "multi_thread")]
async fn spaces_within_others_are_moved_between_as_any_are() {
    let world = World::with(10).await;
    let moved = json!({"moved": true, "updated": true});
    let other = SERVICE.replace("courses", "robots");
    let body = json!({"products": [{"code": PRODUCT, "quantity": 1}]});
    assert_eq!(world.call(Writer::Uipath, ("PUT", &other), &body, None).await.status, 200);
    assert_eq!(service(&world, 4).await.status, 200);
    for (from, to, licenses, left) in [
        // Up and across, across and down, between two of one tenant, to the tenant and back, home.
        (SPACE, "north", 2, [2, 3, 1, 2]),
        ("north", SPACE, 1, [3, 4, 1, 1]),
        (SPACE, "t1/robots", 1, [2, 4, 2, 1]),
        (SPACE, "t1", 1, [1, 4, 2, 1]),
        ("t1", SPACE, 1, [2, 4, 2, 1]),
        ("acme", SPACE, 3, [5, 7, 2, 1]),
        (SPACE, "acme", 5, [0, 2, 2, 1]),
    ] {
        let told = distribute(&world, from, to, licenses).await;
        assert_eq!((told.status, &told.body), (200, &moved), "{from} to {to}: {}", told.body);
        let now = world.agree().await;
        let of = |space: &str| {
            let held = |it: &&super::log::License| it.container.as_deref() == Some(space);
            now.licenses.values().filter(held).map(|it| it.quantity).sum::<i64>()
        };
        assert_eq!([SPACE, "t1", "t1/robots", "north"].map(of), left, "{from} to {to}");
        let line = now.events.last().unwrap();
        assert_eq!(json!(told.command), line["command"]["id"], "it is one command");
    }
    // To several at once: all of them or none.
    let path = "/v2/spaces/t1%2Frobots/folders/f/courses/license";
    let targets = |n: i64| {
        let one = |space: &str| json!({"targetSpaceId": space, "licenses": n});
        json!({"courseId": "c1", "spaceLicenses": [one("north"), one(SPACE)]})
    };
    let before = world.agree().await;
    let much = Said::of(&world.call(Writer::Aladia, ("PATCH", path), &targets(2), None).await);
    assert_eq!((much.status, &much.body["errorCode"]), (403, &json!("LICENSE_NOT_ENOUGH")));
    assert_eq!(world.agree().await.events, before.events);
    let some = Said::of(&world.call(Writer::Aladia, ("PATCH", path), &targets(1), None).await);
    assert_eq!((some.status, &some.body), (200, &moved));
    world.agree().await;
}
