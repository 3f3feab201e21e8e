//! Assignments that hold no seat, and those who are to have one: by name, from a waitlist, from a
//! group. All three find the same.

use serde_json::{Value, json};

use super::story::{Story, members, users};

fn rule(mode: &str) -> Value {
    json!({"group": "g", "grants": [{"product": "P", "mode": mode}]})
}

fn by_product(name: &str, wait: bool) -> Value {
    json!({"product": "P", "holders": users(&[name]), "wait": wait})
}

/// `a` is full, of `b` there are some seats, and ada has an assignment of `a` without one.
fn story(b: i64) -> Story {
    let mut story = Story::new();
    for (license, quantity) in [("a", 1), ("b", b)] {
        let license = json!({"license": license, "product": "P", "quantity": quantity});
        story.does("AllocateLicense", license);
    }
    story.does("AssignSeat", json!({"license": "a", "holders": users(&["bo"])}));
    let idle = json!({"license": "a", "holders": users(&["ada"]), "active": false});
    story.does("AssignSeat", idle);
    story
}

const BOTH: [&str; 3] = ["ada a direct inactive", "ada b direct", "bo a direct"];

#[test]
fn who_waits_is_not_passed_over_for_an_assignment_without_a_seat() {
    let mut story = story(0);
    story.does("AssignSeat", by_product("ada", true));
    let told = story.does("ChangeLicense", json!({"license": "b", "quantity": 5}));
    assert_eq!(
        told,
        ["QuantityChanged b 5", "WaitlistLeft ada direct served", "SeatAssigned b ada direct"]
    );
    assert_eq!(story.seats(), BOTH);
    let told = story.does("AssignSeat", by_product("zed", true));
    assert_eq!(told, ["SeatAssigned b zed direct"]);
}

#[test]
fn who_is_named_gets_the_same_as_who_waits() {
    let mut story = story(5);
    story.does("AssignSeat", by_product("ada", false));
    assert_eq!(story.seats(), BOTH);
}

#[test]
fn all_members_get_a_seat_or_nobody_does() {
    let mut story = story(0);
    story.does("AddMembers", members("g", &["ada"]));
    assert_eq!(story.refuses("SetGroupRule", rule("eager")), "no_free_seat");
    story.does("ChangeLicense", json!({"license": "b", "quantity": 5}));
    let told = story.does("SetGroupRule", rule("eager"));
    assert_eq!(told, ["GroupRuleSet g", "SeatAssigned b ada group:g"]);
}

#[test]
fn a_member_whose_assignment_has_no_seat_waits_for_one() {
    let mut story = story(0);
    story.does("AddMembers", members("g", &["ada"]));
    story.does("SetGroupRule", rule("first_come"));
    assert_eq!(story.queue(), ["ada P group:g"]);
    let told = story.does("RevokeAssignment", json!({"license": "a", "holders": users(&["bo"])}));
    assert_eq!(
        told,
        [
            "AssignmentRevoked a bo",
            "WaitlistLeft ada group:g served",
            "GroundAdded a ada group:g",
            "AssignmentReactivated a ada",
        ]
    );
    assert_eq!(story.seats(), ["ada a direct+group:g"]);
}

#[test]
fn a_grant_of_a_license_gives_the_seat_of_the_assignment_that_is_there() {
    let mut story = story(5);
    story.does("AddMembers", members("g", &["ada"]));
    let of_license = json!({"group": "g", "grants": [{"license": "a", "mode": "eager"}]});
    assert_eq!(story.refuses("SetGroupRule", of_license.clone()), "no_free_seat");
    story.does("ChangeLicense", json!({"license": "a", "quantity": 2}));
    story.does("SetGroupRule", of_license);
    assert_eq!(story.seats(), ["ada a direct+group:g", "bo a direct"]);
}

#[test]
fn a_seat_that_is_held_comes_before_an_assignment_without_one() {
    let mut story = story(5);
    story.does("AssignSeat", json!({"license": "b", "holders": users(&["ada"])}));
    story.does("AddMembers", members("g", &["ada"]));
    story.does("SetGroupRule", rule("eager"));
    assert_eq!(story.seats(), ["ada a direct inactive", "ada b direct+group:g", "bo a direct"]);
}

#[test]
fn what_a_group_has_given_is_not_given_again_for_want_of_a_seat() {
    let mut story = Story::of_five_seats();
    story.does("AddMembers", members("g", &["ada"]));
    story.does("SetGroupRule", rule("eager"));
    let idle = json!({"license": "creative", "holder": {"user": "ada"}, "active": false});
    story.does("ChangeAssignment", idle);
    story.does("SetGroupRule", rule("first_come"));
    story.does("AssignSeat", json!({"license": "creative", "holders": users(&["zed"])}));
    assert_eq!(story.seats(), ["ada creative group:g inactive", "zed creative direct"]);
    assert_eq!(story.queue(), [""; 0]);
}

#[test]
fn one_who_is_given_the_seat_back_does_not_wait_for_it() {
    let mut story = Story::of_seats(0);
    let idle = json!({"license": "creative", "holders": users(&["ada"]), "active": false});
    story.does("AssignSeat", idle);
    story.does("AssignSeat", by_product("ada", true));
    story.does("SetPolicy", json!({"license": "creative", "may_hold": "members"}));
    story.does("ChangeLicense", json!({"license": "creative", "quantity": 1}));
    assert_eq!(story.queue(), ["ada P direct"]);
    let back = json!({"license": "creative", "holder": {"user": "ada"}, "active": true});
    let told = story.does("ChangeAssignment", back);
    assert_eq!(told, ["AssignmentReactivated creative ada", "WaitlistLeft ada direct served"]);
}
