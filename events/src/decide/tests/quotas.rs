//! Quotas: how many members have what a group gives, each once.

use serde_json::{Value, json};

use super::story::{Story, members, users};

fn day(days: i64) -> Value {
    json!(super::day(days))
}

fn quota(mode: &str, quota: i64) -> Value {
    json!({"group": "g", "grants": [{"product": "P", "mode": mode, "quota": quota}]})
}

/// Licenses `a`, which ends in a day, and `b`, of one product; a rule, and its members.
fn story(seats: [i64; 2], rule: Value, names: &[&str]) -> Story {
    let mut story = Story::new();
    let ending = json!({"license": "a", "product": "P", "quantity": seats[0], "ends_at": day(1)});
    story.does("AllocateLicense", ending);
    story.does("AllocateLicense", json!({"license": "b", "product": "P", "quantity": seats[1]}));
    story.does("SetGroupRule", rule);
    story.does("AddMembers", members("g", names));
    story
}

#[test]
fn members_go_on_with_another_license_within_their_quota() {
    let mut story = story([3, 3], quota("eager", 2), &["ada", "bo"]);
    assert_eq!(story.seats(), ["ada a group:g", "bo a group:g"]);
    let told = story.after_days(2);
    let expected = [
        "LicenseEnded a",
        "GroupRuleSet g",
        "SeatAssigned b ada group:g",
        "SeatAssigned b bo group:g",
        "GroupRuleApplied",
    ];
    assert_eq!((told, story.queue()), (expected.map(str::to_owned).to_vec(), vec![]));
    // Who leaves and comes back finds the place that they have left.
    story.does("RemoveMembers", members("g", &["ada"]));
    let told = story.does("AddMembers", members("g", &["ada"]));
    assert_eq!(told, ["MemberAdded ada g", "SeatAssigned b ada group:g"]);
    assert_eq!(story.refuses("AddMembers", members("g", &["cy"])), "quota_exceeded");
    story.does("SetGroupRule", quota("eager", 3));
    assert_eq!(story.refuses("SetGroupRule", quota("eager", 1)), "quota_below_use");
}

#[test]
fn the_one_who_had_the_quota_goes_on_and_the_other_waits() {
    let mut story = story([3, 3], quota("first_come", 1), &["ada", "bo"]);
    assert_eq!(story.queue(), ["bo P group:g"]);
    story.after_days(2);
    assert_eq!(story.seats(), ["ada a group:g", "ada b group:g"]);
    assert_eq!(story.queue(), ["bo P group:g"]);
    story.does("RemoveMembers", members("g", &["ada"]));
    assert_eq!((story.seats(), story.queue()), (vec!["bo b group:g".to_owned()], vec![]));
}

#[test]
fn a_license_that_is_renewed_does_not_break_the_quota() {
    let mut story = story([2, 1], quota("first_come", 2), &["ada", "bo", "cy"]);
    story.after_days(2);
    assert_eq!(story.queue(), ["cy P group:g", "bo P group:g"]);
    // A seat more is not for who came in when the quota was used up already.
    story.does("ChangeLicense", json!({"license": "b", "quantity": 5}));
    assert_eq!(story.queue(), ["cy P group:g"]);
    story.does("ChangeLicense", json!({"license": "a", "ends_at": day(9)}));
    assert_eq!(story.queue(), ["cy P group:g"]);
    story.does("RemoveMembers", members("g", &["bo"]));
    assert_eq!(story.queue(), [""; 0]);
}

#[test]
fn who_waits_has_it_again_when_the_license_is_renewed() {
    let mut story = story([2, 0], quota("first_come", 2), &["ada", "bo"]);
    story.after_days(2);
    assert_eq!(story.queue(), ["ada P group:g", "bo P group:g"]);
    story.does("ChangeLicense", json!({"license": "a", "ends_at": day(9)}));
    assert_eq!(story.queue(), [""; 0]);
    assert_eq!(story.seats(), ["ada a group:g", "bo a group:g"]);
}

#[test]
fn two_members_who_are_one_by_now_count_once() {
    let mut story = Story::of_seats(0);
    story.does("SetGroupRule", quota("first_come", 2));
    let address = json!({"group": "g", "holders": [{"email": "a@x.org"}]});
    story.does("ChangeLicense", json!({"license": "creative", "quantity": 1}));
    story.does("AddMembers", members("g", &["ada"]));
    story.does("AddMembers", address);
    let more = json!({"license": "more", "product": "P", "quantity": 5});
    story.does("AllocateLicense", more);
    story.does("AddMembers", members("g", &["bo"]));
    assert_eq!(story.seats(), ["a@x.org more group:g", "ada creative group:g"]);
    story.does("LinkHolder", json!({"email": "a@x.org", "user": "ada"}));
    assert_eq!(story.seats(), ["ada creative group:g", "bo more group:g"], "the place is bo's");
    assert_eq!(story.queue(), [""; 0]);
}

#[test]
fn a_seat_of_another_group_is_no_lease_of_this_one() {
    let mut story = Story::of_seats(5);
    story.does("SetGroupRule", quota("eager", 1));
    let other = json!({"group": "h", "grants": [{"product": "P", "mode": "eager"}]});
    story.does("SetGroupRule", other);
    story.does("AddMembers", members("h", &["ada"]));
    story.does("AddMembers", members("g", &["ada"]));
    story.does("AssignSeat", json!({"license": "creative", "holders": users(&["bo"])}));
    assert_eq!(story.refuses("AddMembers", members("g", &["bo"])), "quota_exceeded");
}

#[test]
fn a_license_that_is_over_comes_before_a_quota() {
    let mut story = story([3, 3], quota("eager", 2), &["ada", "bo"]);
    story.does("SuspendLicense", json!({"license": "b"}));
    story.after_days(2);
    assert_eq!(story.queue(), ["ada P group:g", "bo P group:g"]);
    assert_eq!(story.refuses("AddMembers", members("g", &["cy"])), "no_license_in_force");
    story.does("ReinstateLicense", json!({"license": "b"}));
    assert_eq!(story.queue(), [""; 0]);
    assert_eq!(story.refuses("AddMembers", members("g", &["cy"])), "quota_exceeded");
}

#[test]
fn a_quota_that_is_raised_serves_by_place() {
    let mut story = Story::of_seats(5);
    story.does("AddMembers", members("g", &["z", "a", "b"]));
    story.does("SetGroupRule", quota("first_come", 1));
    story.does("DeclareDirectSet", json!({"products": [], "holders": users(&["a"])}));
    story.does("ClearDirectSet", json!({"holders": users(&["a"])}));
    assert_eq!(story.queue(), ["b P group:g", "a P group:g"]);
    story.does("SetGroupRule", quota("first_come", 2));
    assert_eq!(story.queue(), ["a P group:g"]);
}
