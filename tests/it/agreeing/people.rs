//! Addresses of people who are no users yet, and groups: what one dialect makes of them, the others
//! find.

use serde_json::{Value, json};

use super::{LICENSE, PRODUCT, Said, World, Writer};

const ADDRESS: &str = "new@example.org";

const ASSIGNMENTS: &str = "/api/catalog/licenses/course/assignment/";

/// ibl.ai assigns to an address; Aladia shows it as a profile, and does with it what it does with any.
#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_one_gave_a_seat_is_a_profile_to_another() {
    let world = World::with(2).await;
    let body = json!({"license_id": world.license, "email": ADDRESS});
    let invite = async || {
        let told = world.call(Writer::Ibl, ("POST", ASSIGNMENTS), &body, None).await;
        assert_eq!(told.status, 200, "{}", told.json());
        told.json()
    };
    let first = invite().await;
    let now = world.agree().await;
    assert_eq!(now.licenses[LICENSE].live[ADDRESS].number, first["id"].as_u64().unwrap());
    // Assigned again under the name that the list shows, it is the same seat.
    world.gives(Writer::Aladia, ADDRESS).await;
    assert_eq!(world.agree().await.events, now.events);
    world.takes(Writer::Aladia, ADDRESS).await;
    assert_eq!(world.agree().await.licenses[LICENSE].used(), 0);
    world.gives(Writer::Aladia, ADDRESS).await;
    let now = world.agree().await;
    assert_eq!(now.licenses[LICENSE].used(), 1);
    let again = invite().await;
    assert_eq!(again["id"], now.licenses[LICENSE].live[ADDRESS].number);
    assert_eq!(again["user_id"], first["user_id"]);
    assert_eq!(world.agree().await.events, now.events);
    // One that nobody has named is a stranger to Aladia, whatever it looks like.
    for profile in ["stranger@example.org", "stranger"] {
        for said in [
            world.give(Writer::Aladia, profile, None).await,
            world.take(Writer::Aladia, profile, None).await,
        ] {
            let code = &said.body["errorCode"];
            assert_eq!((said.status, code), (404, &json!("RECORD_NOT_FOUND")), "{}", said.body);
        }
    }
}

/// Whose the address is is said once, and then all of them know the seat as that user's.
#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_is_linked_is_its_user_to_all_of_them() {
    let world = World::with(2).await;
    let body = json!({"license_id": world.license, "email": ADDRESS});
    let first = world.call(Writer::Ibl, ("POST", ASSIGNMENTS), &body, None).await.json();
    world.accepted("LinkHolder", &json!({"email": ADDRESS, "user": "di"})).await;
    let linked = world.agree().await;
    assert_eq!(linked.licenses[LICENSE].live["di"].number, first["id"].as_u64().unwrap());
    for writer in Writer::ALL {
        world.gives(writer, "di").await;
        let now = world.agree().await;
        assert_eq!(now.licenses, linked.licenses, "{writer:?}");
    }
    let again = world.call(Writer::Ibl, ("POST", ASSIGNMENTS), &body, None).await.json();
    let whose = json!([first["id"], world.numbers["di"], "di"]);
    assert_eq!(json!([again["id"], again["user_id"], again["username"]]), whose);
    // Aladia lists the user; the id that its lists showed before means the same person.
    world.takes(Writer::Aladia, ADDRESS).await;
    assert_eq!(world.agree().await.licenses[LICENSE].used(), 0);
}

/// Who is retired has nothing, wherever one looks, and is given nothing by any of them.
#[tokio::test(flavor = "multi_thread")]
async fn who_is_retired_is_so_for_all_of_them() {
    let world = World::with(2).await;
    world.gives(Writer::Uipath, "di").await;
    world.accepted("RetireHolder", &json!({"holder": {"user": "di"}})).await;
    let retired = world.agree().await;
    assert_eq!(retired.licenses[LICENSE].used(), 0);
    for writer in Writer::ALL {
        let said = world.give(writer, "di", None).await;
        let (status, code) = match writer {
            Writer::Uipath => (409, json!("holder_retired")),
            Writer::Ibl => (400, json!("holder_retired")),
            Writer::Aladia => (404, json!("RECORD_NOT_FOUND")),
            Writer::Http | Writer::Nats => (409, json!("holder_retired")),
        };
        let member =
            if [Writer::Uipath, Writer::Aladia].contains(&writer) { "errorCode" } else { "code" };
        assert_eq!((said.status, &said.body[member]), (status, &code), "{writer:?}: {}", said.body);
        assert_eq!(world.agree().await.events, retired.events);
    }
}

async fn rule(world: &World, codes: Value) {
    let path = "/lease_/api/account/acme/user-license/group/team";
    let body = json!({"userBundleCodes": codes});
    let told = world.call(Writer::Uipath, ("PUT", path), &body, None).await;
    assert_eq!(told.status, 200, "{}", told.json());
}

/// What a group gives, whichever dialect said so, all of them show, and none takes it from one.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_group_gives_all_show_and_nobody_takes_from_one() {
    let world = World::with(3).await;
    let members = json!({"group": "team", "holders": [{"user": "cy"}, {"user": "di"}]});
    world.accepted("AddMembers", &members).await;
    rule(&world, json!([PRODUCT])).await;
    let given = world.agree().await;
    assert_eq!(given.licenses[LICENSE].used(), 2);
    // By name as well: one seat, and what is taken back is the name alone.
    for writer in [Writer::Ibl, Writer::Aladia, Writer::Http, Writer::Nats] {
        world.gives(writer, "cy").await;
        assert_eq!(world.agree().await.licenses[LICENSE].used(), 2, "{writer:?}");
        world.takes(writer, "cy").await;
        assert_eq!(world.agree().await.licenses[LICENSE].used(), 2, "{writer:?}");
        let held = world.take(writer, "cy", None).await;
        let (status, code) = match writer {
            Writer::Ibl => (400, held.body["code"].as_str()),
            Writer::Aladia => (409, held.body["errorCode"].as_str()),
            Writer::Http | Writer::Nats | Writer::Uipath => (409, held.body["code"].as_str()),
        };
        let code = code.unwrap().to_lowercase();
        assert_eq!((held.status, code.as_str()), (status, "held_by_group"), "{writer:?}");
        world.agree().await;
    }
    // ibl.ai finds the group by its number, takes the rule away, and gives it again.
    let listed = format!("{ASSIGNMENTS}group/?license_id={}", world.license);
    let groups = world.read(Writer::Ibl, &listed).await;
    let (id, group) = (&groups["results"][0]["id"], &groups["results"][0]["group_id"]);
    let path = format!("{ASSIGNMENTS}group/?assignment_id={id}");
    let removed = world.call(Writer::Ibl, ("DELETE", &path), &Value::Null, None).await;
    assert_eq!(removed.status, 200);
    assert_eq!(world.agree().await.licenses[LICENSE].used(), 0);
    let path = format!("{ASSIGNMENTS}group/");
    let body = json!({"license_id": world.license, "group_id": group});
    let told = Said::of(&world.call(Writer::Ibl, ("POST", &path), &body, None).await);
    assert_eq!((told.status, &told.body["id"]), (200, id), "{}", told.body);
    assert_eq!(world.agree().await.licenses[LICENSE].used(), 2);
    // UiPath replaces it, and then it gives nothing.
    rule(&world, json!([PRODUCT])).await;
    assert_eq!(world.agree().await.licenses[LICENSE].used(), 2);
    rule(&world, json!([])).await;
    assert_eq!(world.agree().await.licenses[LICENSE].used(), 0);
}
