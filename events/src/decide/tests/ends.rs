//! Seats that are given by name until some day, and what else they stand on.

use serde_json::{Value, json};

use super::story::{Story, members, users};

fn day(days: i64) -> Value {
    json!(super::day(days))
}

fn seat(holder: Value) -> Value {
    json!({"license": "creative", "holders": [holder]})
}

fn until(holder: Value, days: i64) -> Value {
    json!({"license": "creative", "holders": [holder], "ends_at": day(days)})
}

fn user(name: &str) -> Value {
    json!({"user": name})
}

fn address() -> Value {
    json!({"email": "bo@x.org"})
}

fn gives(story: &mut Story, group: &str, holder: Value) {
    let grants = json!([{"product": "P", "mode": "first_come"}]);
    story.does("SetGroupRule", json!({"group": group, "grants": grants}));
    story.does("AddMembers", json!({"group": group, "holders": [holder]}));
}

fn link(story: &mut Story) -> Vec<String> {
    story.does("LinkHolder", json!({"email": "bo@x.org", "user": "bo"}))
}

/// When each live assignment ends.
fn ends(story: &Story) -> Vec<Option<crate::Moment>> {
    story.account.assignments().map(|it| it.ends_at()).collect()
}

#[test]
fn what_is_given_for_some_days_beside_a_group_is_not_for_good() {
    for by in [json!({"license": "creative"}), json!({"product": "P"})] {
        let mut story = Story::of_five_seats();
        gives(&mut story, "g", user("bo"));
        let mut asked = by;
        (asked["holders"], asked["ends_at"]) = (json!([user("bo")]), day(1));
        let told = story.does("AssignSeat", asked);
        assert_eq!(told, ["GroundAdded creative bo direct", "AssignmentEndSet creative bo"]);
        let told = story.after_days(1);
        assert_eq!(told, ["GroundRemoved creative bo direct", "AssignmentEndSet creative bo"]);
        assert_eq!(ends(&story), [None]);
        story.does("RemoveMembers", members("g", &["bo"]));
        assert_eq!(story.seats(), [""; 0]);
    }
}

#[test]
fn who_leaves_the_group_before_has_the_seat_until_then() {
    let mut story = Story::of_five_seats();
    gives(&mut story, "g", user("bo"));
    story.does("AssignSeat", until(user("bo"), 1));
    story.does("RemoveMembers", members("g", &["bo"]));
    assert_eq!(story.seats(), ["bo creative direct"]);
    assert_eq!(story.after_days(1), ["AssignmentRevoked creative bo"]);
}

#[test]
fn what_is_given_for_good_beside_a_group_has_no_end_from_before() {
    let mut story = Story::of_five_seats();
    gives(&mut story, "g", user("bo"));
    let change = json!({"license": "creative", "holder": user("bo"), "ends_at": day(1)});
    story.does("ChangeAssignment", change);
    let told = story.does("AssignSeat", seat(user("bo")));
    assert_eq!(told, ["GroundAdded creative bo direct", "AssignmentEndSet creative bo"]);
    assert_eq!(story.after_days(9), [""; 0]);
}

#[test]
fn who_waits_for_a_seat_for_some_days_has_it_for_as_long() {
    let mut story = Story::of_seats(0);
    let mut asked = until(user("bo"), 2);
    asked["wait"] = json!(true);
    story.does("AssignSeat", asked);
    gives(&mut story, "g", user("bo"));
    assert_eq!(story.queue(), ["bo creative direct", "bo P group:g"]);
    story.does("ChangeLicense", json!({"license": "creative", "quantity": 1}));
    assert_eq!(story.seats(), ["bo creative direct+group:g"]);
    // Another one of the group, whose seat serves the place for the license too.
    let mut story = Story::of_seats(1);
    gives(&mut story, "g", user("cy"));
    let mut asked = until(user("bo"), 2);
    asked["wait"] = json!(true);
    story.does("AssignSeat", asked);
    story.does("ChangeLicense", json!({"license": "creative", "quantity": 2}));
    assert_eq!(story.after_days(2), ["AssignmentRevoked creative bo"]);
}

#[test]
fn a_place_that_a_groups_seat_serves_keeps_its_end() {
    let mut story = Story::of_seats(0);
    let mut asked = until(user("bo"), 2);
    asked["wait"] = json!(true);
    gives(&mut story, "g", user("bo"));
    story.does("AssignSeat", asked);
    story.does("ChangeLicense", json!({"license": "creative", "quantity": 1}));
    assert_eq!(story.seats(), ["bo creative direct+group:g"]);
    story.after_days(2);
    assert_eq!(story.seats(), ["bo creative group:g"]);
}

#[test]
fn who_waits_for_good_and_gets_it_for_some_days_has_it_for_good() {
    let mut story = Story::of_seats(0);
    let product = json!({"product": "P", "holders": [user("bo")], "wait": true});
    story.does("AssignSeat", product);
    let mut asked = until(user("bo"), 2);
    asked["active"] = json!(false);
    story.does("AssignSeat", asked);
    story.does("ChangeLicense", json!({"license": "creative", "quantity": 1}));
    assert_eq!(story.queue(), [""; 0]);
    assert_eq!(story.after_days(9), [""; 0]);
    assert_eq!(story.seats(), ["bo creative direct"]);
}

#[test]
fn an_end_that_is_over_is_none_for_a_ground_more_either() {
    for by in [json!({"license": "creative"}), json!({"product": "P"})] {
        let mut story = Story::of_five_seats();
        gives(&mut story, "g", user("a"));
        let mut asked = by.clone();
        asked["holders"] = json!(users(&["a"]));
        asked["ends_at"] = json!("2020-01-01T00:00:00Z");
        assert_eq!(story.refuses("AssignSeat", asked.clone()), "already_over", "{by}");
        (asked["holders"], asked["active"]) = (json!(users(&["b"])), json!(false));
        assert_eq!(story.refuses("AssignSeat", asked), "already_over", "{by}");
    }
}

#[test]
fn one_seat_of_two_lasts_as_long_as_the_longer() {
    for (theirs, addresss, expected) in [
        (until(user("bo"), 1), seat(address()), None),
        (seat(user("bo")), until(address(), 1), None),
        (until(user("bo"), 1), until(address(), 3), Some(3)),
        (until(user("bo"), 3), until(address(), 1), Some(3)),
    ] {
        let mut story = Story::of_five_seats();
        story.does("AssignSeat", theirs);
        story.does("AssignSeat", addresss);
        link(&mut story);
        assert_eq!(story.seats(), ["bo creative direct"]);
        assert_eq!(ends(&story), [expected.map(super::day)]);
    }
}

#[test]
fn what_an_address_has_for_some_days_is_the_users_for_as_long() {
    let mut story = Story::of_five_seats();
    gives(&mut story, "g", user("bo"));
    story.does("AssignSeat", until(address(), 1));
    let told = link(&mut story);
    assert!(told.contains(&"AssignmentEndSet creative bo".to_owned()), "{told:?}");
    assert_eq!(story.seats(), ["bo creative direct+group:g"]);
    story.after_days(1);
    assert_eq!(story.seats(), ["bo creative group:g"]);
    // The other way round the end is the user's.
    let mut story = Story::of_five_seats();
    gives(&mut story, "g", address());
    story.does("AssignSeat", until(user("bo"), 1));
    link(&mut story);
    story.after_days(1);
    assert_eq!(story.seats(), ["bo creative group:g"]);
}

#[test]
fn of_two_seats_the_one_that_is_used_stays_as_it_is() {
    let mut story = Story::of_five_seats();
    let mut used = seat(address());
    (used["fulfilled"], used["redirect_to"]) = (json!(true), json!("home"));
    used["metadata"] = json!({"cohort": 7});
    story.does("AssignSeat", used);
    gives(&mut story, "g", user("bo"));
    let idle = json!({"license": "creative", "holder": user("bo"), "active": false});
    story.does("ChangeAssignment", idle);
    let told = link(&mut story);
    let expected = [
        "HolderRegistered bo@x.org",
        "AssignmentRevoked creative bo",
        "AssignmentTransferred creative bo from bo@x.org",
        "GroundAdded creative bo group:g",
        "HolderLinked bo from bo@x.org",
        "HolderRegistered bo",
    ];
    assert_eq!(told, expected[1..]);
    assert_eq!(story.seats(), ["bo creative direct+group:g"]);
    let kept = story.account.assignments().next().unwrap();
    assert!(kept.fulfilled && kept.metadata().is_some());
    assert_eq!(kept.redirect_to().unwrap().as_str(), "home");
}

#[test]
fn an_end_that_has_come_does_not_come_again() {
    let mut story = Story::of_five_seats();
    gives(&mut story, "g", user("bo"));
    story.does("AssignSeat", seat(user("bo")));
    let over = json!({"license": "creative", "holder": user("bo"), "ends_at": day(-1)});
    assert_eq!(story.does("ChangeAssignment", over.clone()), ["AssignmentEndSet creative bo"]);
    let told = story.passes_time();
    assert_eq!(told, ["GroundRemoved creative bo direct", "AssignmentEndSet creative bo"]);
    assert_eq!(story.does("ChangeAssignment", over), [""; 0]);
    // An end that is to come counts for whatever is given by name until then.
    let later = json!({"license": "creative", "holder": user("bo"), "ends_at": day(1)});
    assert_eq!(story.does("ChangeAssignment", later), ["AssignmentEndSet creative bo"]);
}

#[test]
fn an_end_goes_with_what_was_given_by_name() {
    for (kind, document) in [
        ("RevokeAssignment", json!({"license": "creative", "holders": users(&["ada"])})),
        ("DeclareDirectSet", json!({"products": [], "holders": users(&["ada"])})),
    ] {
        let mut story = Story::of_five_seats();
        story.does("SetPolicy", json!({"leaving": "orphan", "direct_sets": "add"}));
        story.does("AddMembers", members("g", &["ada"]));
        let rule = json!({"group": "g", "grants": [{"product": "P", "mode": "eager"}]});
        story.does("SetGroupRule", rule);
        let seat = json!({"license": "creative", "holders": users(&["ada"]), "ends_at": day(2)});
        story.does("AssignSeat", seat);
        let told = story.does(kind, document);
        assert!(told.contains(&"AssignmentEndSet creative ada".to_owned()), "{told:?}");
        story.does("RemoveMembers", members("g", &["ada"]));
        story.after_days(3);
        assert_eq!(story.seats(), ["ada creative orphan:g"]);
    }
}
