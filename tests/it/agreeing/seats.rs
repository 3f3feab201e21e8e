//! Seats that one of them gives and another one takes, seats given twice, and seats that there are
//! not.

use serde_json::{Value, json};

use super::{LICENSE, PRODUCT, World, Writer, is_shortage};

/// Whoever gives, everybody else sees it, gives the same again to no effect, and takes it back.
#[tokio::test(flavor = "multi_thread")]
async fn what_one_gives_all_the_others_see_and_can_take() {
    let world = World::with(3).await;
    world.gives(Writer::Http, "di").await;
    for giver in Writer::ALL {
        for taker in Writer::ALL {
            let before = world.agree().await;
            world.gives(giver, "ada").await;
            let given = world.agree().await;
            assert_eq!(given.count("SeatAssigned"), before.count("SeatAssigned") + 1);
            let seat = given.licenses[LICENSE].live["ada"].clone();
            assert_eq!(given.licenses[LICENSE].used(), 2, "{giver:?}");
            world.takes(taker, "ada").await;
            let taken = world.agree().await;
            assert_eq!(taken.licenses[LICENSE].used(), 1, "{giver:?} gave, {taker:?} took");
            assert!(taken.licenses[LICENSE].holders().contains("di"));
            let line = taken.events.iter().rfind(|it| it["type"] == "AssignmentRevoked").unwrap();
            assert_eq!(line["data"]["assignment"], seat.assignment.as_str());
            assert_eq!((&line["via"], &line["v"]), (&json!(taker.via()), &json!(1)));
        }
    }
}

/// The same again, through whichever of them: each is told that it is so, and one seat is used.
#[tokio::test(flavor = "multi_thread")]
async fn a_seat_that_is_given_twice_is_one_seat() {
    let world = World::with(2).await;
    for first in Writer::ALL {
        world.gives(first, "ada").await;
        let given = world.agree().await;
        for second in Writer::ALL {
            let again = world.gives(second, "ada").await;
            let now = world.agree().await;
            assert_eq!(now.licenses, given.licenses, "{first:?} gave, {second:?} gave again");
            assert_eq!(now.licenses[LICENSE].used(), 1);
            assert_eq!(now.count("SeatAssigned"), given.count("SeatAssigned"));
            match second {
                Writer::Uipath => assert_eq!(again.body[0]["userBundleCodes"], json!([PRODUCT])),
                Writer::Ibl => {
                    assert_eq!(again.body["id"], now.licenses[LICENSE].live["ada"].number);
                    assert_eq!(again.body["user_id"], now.people["ada"]);
                }
                Writer::Aladia => assert_eq!(again.body, json!({"updated": true})),
                Writer::Http | Writer::Nats => assert_eq!(again.body["events"], json!([])),
            }
        }
        world.takes(first, "ada").await;
    }
}

/// A full license: each refuses in its own words, nothing is written, and all go on as before.
#[tokio::test(flavor = "multi_thread")]
async fn a_shortage_is_told_to_each_in_their_words_and_changes_nothing() {
    let world = World::with(2).await;
    world.gives(Writer::Uipath, "ada").await;
    world.gives(Writer::Aladia, "bo").await;
    let full = world.agree().await;
    let told = world.everything(&full).await;
    for (count, writer) in (1..).zip(Writer::ALL) {
        let id = format!("short-{}", writer.via());
        let said = world.give(writer, "cy", Some(&id)).await;
        is_shortage(writer, &said);
        assert_eq!(said.command.as_deref(), Some(id.as_str()), "{writer:?}: {said:?}");
        let refused = world.ledger.refusals("acme", count).await;
        let newest = &refused[0];
        let whose = [&newest["command"], &newest["via"], &newest["code"]];
        assert_eq!(whose, [&json!(id), &json!(writer.via()), &json!("no_free_seat")]);
        if writer != Writer::Nats {
            assert_eq!(newest["actor"], json!(writer.actor()), "{newest}");
        }
        let about = [&newest["license"], &newest["product"]];
        assert!(about.contains(&&json!(LICENSE)) || about.contains(&&json!(PRODUCT)), "{newest}");
        assert_eq!(newest["holders"], 1, "{newest}");
        let now = world.agree().await;
        assert_eq!(now.events, full.events, "{writer:?} was refused and something was written");
    }
    assert_eq!(world.everything(&full).await, told);
    // One of them gives a seat back, and each of the others can have it.
    world.takes(Writer::Ibl, "ada").await;
    for writer in Writer::ALL {
        world.gives(writer, "cy").await;
        world.agree().await;
        world.takes(writer, "cy").await;
    }
}

/// What another dialect says of more at once: a set with more than the course.
#[tokio::test(flavor = "multi_thread")]
async fn a_set_ends_what_others_gave_besides_and_others_end_what_a_set_gave() {
    let world = World::with(2).await;
    let suite = json!({"license": "RPADEVNU", "product": "RPADEVNU", "quantity": 1});
    world.accepted("AllocateLicense", &suite).await;
    world.gives(Writer::Aladia, "ada").await;
    let set = async |codes: Value| {
        let body = json!({"userIds": ["ada"], "userBundleCodes": codes});
        let path = "/lease_/api/account/acme/user-license";
        let answer = world.call(Writer::Uipath, ("PUT", path), &body, None).await;
        assert_eq!(answer.status, 200, "{}", answer.json());
        world.agree().await
    };
    // ibl.ai's check is about everything that is no course: what UiPath gives, by the address.
    let check = async || {
        let path = "/api/catalog/licenses/user/assignment/check/?email=ada@example.com";
        world.ledger.get(path).await.status
    };
    assert_eq!(check().await, 404);
    let now = set(json!(["RPADEVNU"])).await;
    assert_eq!((now.licenses[LICENSE].used(), now.licenses["RPADEVNU"].used()), (0, 1));
    assert_eq!(check().await, 200);
    let now = set(json!(["RPADEVNU", PRODUCT])).await;
    assert_eq!((now.licenses[LICENSE].used(), now.licenses["RPADEVNU"].used()), (1, 1));
    // The same set again gives again what another one took.
    world.takes(Writer::Aladia, "ada").await;
    world.agree().await;
    let now = set(json!(["RPADEVNU", PRODUCT])).await;
    assert_eq!((now.licenses[LICENSE].used(), now.licenses["RPADEVNU"].used()), (1, 1));
    set(json!([PRODUCT])).await;
    assert_eq!(check().await, 404);
}

/// An assignment that one of them has put to sleep is no seat to any of them, and is one again when
/// any of them gives it.
#[tokio::test(flavor = "multi_thread")]
async fn an_inactive_assignment_holds_no_seat_and_each_can_wake_it() {
    let world = World::with(1).await;
    for waker in Writer::ALL {
        world.gives(Writer::Uipath, "ada").await;
        let number = world.numbers["ada"];
        let body = json!({"license_id": world.license, "user_id": number, "active": false});
        let path = "/api/catalog/licenses/course/assignment/";
        let told = world.call(Writer::Ibl, ("POST", path), &body, None).await;
        assert_eq!((told.status, &told.json()["active"]), (200, &json!(false)));
        let asleep = world.agree().await;
        assert_eq!(asleep.licenses[LICENSE].used(), 0);
        assert_eq!(asleep.licenses[LICENSE].live.len(), 1);
        // The seat is free for somebody else, and then not for her.
        world.gives(Writer::Aladia, "bo").await;
        is_shortage(waker, &world.give(waker, "ada", None).await);
        world.agree().await;
        world.takes(Writer::Aladia, "bo").await;
        world.gives(waker, "ada").await;
        let awake = world.agree().await;
        let same = |it: &super::log::Logged| it.licenses[LICENSE].live["ada"].assignment.clone();
        assert_eq!(same(&awake), same(&asleep), "{waker:?}");
        assert_eq!(awake.licenses[LICENSE].used(), 1, "{waker:?}");
        world.takes(waker, "ada").await;
    }
}
