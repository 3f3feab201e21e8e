//! Who has, or had, a seat of what.

use serde_json::{Value, json};

use super::model::{ACCOUNT, LICENSES, Seat, World};
use super::{all_pages, items};
use crate::Ledger;

fn seat(it: &Value) -> Seat {
    let text = |it: &Value| it.as_str().unwrap().to_owned();
    Seat {
        license: text(&it["license"]),
        user: text(&it["holder"]["user"]),
        active: it["active"].as_bool().unwrap(),
        fulfilled: it["fulfilled"].as_bool().unwrap(),
        since: it["assigned_sequence"].as_u64().unwrap(),
        until: it["revoked_sequence"].as_u64(),
    }
}

fn seats(answer: &Value) -> Vec<Seat> {
    items(answer).iter().map(seat).collect()
}

/// The model's seats, those of a list in its order: by license, then as they were made.
fn wanted(world: &World, at: u64, is: impl Fn(&Seat) -> bool) -> Vec<Seat> {
    let mut wanted = world.seats(at);
    wanted.retain(is);
    wanted
}

#[tokio::test(flavor = "multi_thread")]
async fn a_license_lists_its_assignments_as_they_were_at_any_sequence() {
    let world = World::with_a_past().await;
    for at in (4..=world.last).step_by(3) {
        for (license, ..) in LICENSES {
            let of = |it: &Seat| it.license == license;
            let path = format!("/licenses/{license}/assignments?at={at}");
            let live = world.get(&path).await;
            assert_eq!(
                seats(&live),
                wanted(&world, at, |it| of(it) && it.until.is_none()),
                "{path}"
            );
            assert_eq!((&live["sequence"], &live["next"]), (&json!(at), &Value::Null));
            let all = world.get(&format!("{path}&ended=true")).await;
            assert_eq!(seats(&all), wanted(&world, at, of), "{path}, ended ones too");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn assignments_are_filtered_by_what_became_of_them() {
    let world = World::with_a_past().await;
    for at in [world.last / 3, world.last / 2, world.last] {
        for (query, is) in [
            ("", (|it| it.until.is_none()) as fn(&Seat) -> bool),
            ("&active=true", |it| it.until.is_none() && it.active),
            ("&active=false", |it| it.until.is_none() && !it.active),
            ("&fulfilled=true", |it| it.until.is_none() && it.fulfilled),
            ("&fulfilled=false&active=true", |it| it.until.is_none() && !it.fulfilled && it.active),
            ("&ended=true", |_| true),
            ("&ended=true&active=false", |it| !it.active),
            ("&ended=false", |it| it.until.is_none()),
        ] {
            let found = seats(&world.get(&format!("/assignments?at={at}{query}")).await);
            assert_eq!(sorted(found), sorted(wanted(&world, at, is)), "{query} at {at}");
            let path = format!("/licenses/office/assignments?at={at}{query}");
            let found = seats(&world.get(&path).await);
            assert_eq!(found, wanted(&world, at, |it| it.license == "office" && is(it)), "{path}");
        }
    }
    assert!(world.seats(world.last).iter().any(|it| !it.active), "no seat was ever inactive");
}

/// The order of an account's list is its own business.
fn sorted(mut seats: Vec<Seat>) -> Vec<Seat> {
    seats.sort_by(|a, b| (a.since, &a.license, &a.user).cmp(&(b.since, &b.license, &b.user)));
    seats
}

#[tokio::test(flavor = "multi_thread")]
async fn a_holder_lists_what_they_have_and_had() {
    let world = World::with_a_past().await;
    for number in 0..8 {
        let user = format!("u{number}");
        for at in [world.last / 2, world.last] {
            let of = |it: &Seat| it.user == user;
            for path in
                [format!("/holders/{user}/assignments?"), format!("/assignments?user={user}&")]
            {
                let live = seats(&world.get(&format!("{path}at={at}")).await);
                assert_eq!(live, wanted(&world, at, |it| of(it) && it.until.is_none()), "{path}");
                let all = seats(&world.get(&format!("{path}at={at}&ended=true")).await);
                assert_eq!(all, wanted(&world, at, of), "{path}");
            }
        }
    }
    assert_eq!(items(&world.get("/holders/stranger/assignments").await).len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_of_assignments_come_in_pages_that_miss_nothing() {
    let world = World::with_a_past().await;
    for path in [
        "/assignments?ended=true",
        "/licenses/creative/assignments?ended=true",
        "/holders/u1/assignments?ended=true",
    ] {
        let whole = world.get(path).await;
        for limit in [1, 2, 7, 1_000] {
            let paged = all_pages(&world.ledger, &format!("{ACCOUNT}{path}"), limit).await;
            assert_eq!(paged, items(&whole), "{path} in pages of {limit}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_assignment_is_told_by_its_id_ended_or_not() {
    let world = World::with_a_past().await;
    let listed = world.get("/assignments?ended=true").await;
    for it in items(&listed) {
        let id = it["assignment"].as_str().unwrap();
        let mut one = world.get(&format!("/assignments/{id}")).await;
        assert_eq!(one["sequence"], json!(world.last));
        one.as_object_mut().unwrap().remove("sequence");
        assert_eq!(one, *it);
        let since = it["assigned_sequence"].as_u64().unwrap();
        let before =
            world.ledger.get(&format!("{ACCOUNT}/assignments/{id}?at={}", since - 1)).await;
        assert_eq!(before.status, 404, "it was not there yet");
        let then = world.get(&format!("/assignments/{id}?at={since}")).await;
        assert_eq!((&then["active"], then.get("revoked_at")), (&json!(true), None));
    }
    for nobody in ["01990000-0000-7000-8000-0000000000ff", "nonsense", "%00", "1"] {
        let answer = world.ledger.get(&format!("{ACCOUNT}/assignments/{nobody}")).await;
        let code = answer.json()["code"].clone();
        assert_eq!((answer.status, code), (404, json!("assignment_not_found")), "{nobody}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_finds_who_is_known_by_it() {
    let ledger = Ledger::start().await;
    let license = json!({"license": "l", "product": "P", "quantity": 9});
    ledger.accepted("acme", "AllocateLicense", &license).await;
    let holders = json!([{"email": "Bo@Example.com"}, {"user": "ada", "email": "ada@x.org"},
        {"user": "eve"}]);
    let assign = json!({"license": "l", "holders": holders, "redirect_to": "https://x.org/a",
        "metadata": {"cost": 1}, "fulfilled": true});
    let last = ledger.accepted("acme", "AssignSeat", &assign).await;
    let get = async |path: &str| {
        let answer = ledger.get_at_least(&format!("{ACCOUNT}/{path}"), last).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.json());
        items(&answer.json()).iter().map(|it| it["holder"].clone()).collect::<Vec<_>>()
    };
    let bo = json!({"email": "bo@example.com"});
    let ada = json!({"user": "ada", "email": "ada@x.org"});
    for path in [
        "holders/bo@example.com/assignments?by=email",
        "holders/%20BO%40EXAMPLE.COM/assignments?by=email",
        "assignments?email=bo@EXAMPLE.com",
    ] {
        assert_eq!(get(path).await, std::slice::from_ref(&bo), "{path}");
    }
    for path in [
        "holders/ada@x.org/assignments?by=email",
        "assignments?email=ADA@x.org",
        "holders/ada/assignments",
        "assignments?user=ada",
    ] {
        assert_eq!(get(path).await, std::slice::from_ref(&ada), "{path}");
    }
    assert_eq!(
        get("holders/bo@example.com/assignments").await,
        [] as [Value; 0],
        "no user is called so"
    );
    let all = ledger.get_at_least(&format!("{ACCOUNT}/assignments"), last).await.json();
    for it in items(&all) {
        assert_eq!(it["redirect_to"], json!("https://x.org/a"));
        assert_eq!((&it["metadata"], &it["fulfilled"]), (&json!({"cost": 1}), &json!(true)));
        assert_eq!(it["product"], json!("P"));
    }
}
