//! Waiting for a seat.

use serde_json::{Value, json};

use super::story::{Story, users};

fn want(names: &[&str]) -> Value {
    json!({"license": "creative", "holders": users(names), "wait": true})
}

fn revoke(names: &[&str]) -> Value {
    json!({"license": "creative", "holders": users(names)})
}

#[test]
fn a_shortage_is_kept_in_order_and_served_in_order() {
    let mut story = Story::of_seats(2);
    let told = story.does("AssignSeat", want(&["a", "b", "c"]));
    assert_eq!(
        told,
        [
            "SeatAssigned creative a direct",
            "SeatAssigned creative b direct",
            "HolderRegistered c",
            "WaitlistJoined creative c direct",
        ]
    );
    story.does("AssignSeat", want(&["d", "e"]));
    assert_eq!(story.queue(), ["c creative direct", "d creative direct", "e creative direct"]);
    let told = story.does("RevokeAssignment", revoke(&["a"]));
    assert_eq!(
        told,
        [
            "AssignmentRevoked creative a",
            "WaitlistLeft creative c direct served",
            "SeatAssigned creative c direct",
        ]
    );
    story.does("ChangeLicense", json!({"license": "creative", "quantity": 4}));
    assert_eq!(story.queue(), [""; 0]);
    assert_eq!(story.seats().len(), 4);
}

#[test]
fn without_a_word_a_shortage_is_refused_and_nobody_waits() {
    let mut story = Story::of_seats(1);
    let plain = json!({"license": "creative", "holders": users(&["a", "b"])});
    assert_eq!(story.refuses("AssignSeat", plain), "no_free_seat");
    assert_eq!((story.seats(), story.queue()), (vec![], vec![]));
}

#[test]
fn whoever_waits_for_a_product_takes_the_first_license_with_a_seat() {
    let mut story = Story::of_seats(1);
    let by_product = |name: &str| json!({"product": "P", "holders": users(&[name]), "wait": true});
    for name in ["a", "b", "c"] {
        story.does("AssignSeat", by_product(name));
    }
    assert_eq!(story.queue(), ["b P direct", "c P direct"]);
    let more = json!({"license": "more", "product": "P", "quantity": 1});
    let told = story.does("AllocateLicense", more);
    assert_eq!(
        told,
        ["LicenseAllocated more", "WaitlistLeft b direct served", "SeatAssigned more b direct"]
    );
}

#[test]
fn a_seat_that_comes_another_way_ends_the_wait() {
    let mut story = Story::of_seats(1);
    story.does("AssignSeat", want(&["a", "b"]));
    let more = json!({"license": "more", "product": "P", "quantity": 1});
    story.does("AllocateLicense", more);
    // b waits for a seat of `creative`, not of the product.
    assert_eq!(story.queue(), ["b creative direct"]);
    story.does("AssignSeat", json!({"product": "P", "holders": users(&["b"])}));
    assert_eq!(story.queue(), ["b creative direct"], "another license is another thing");
    story.does("LeaveWaitlist", json!({"license": "creative", "holders": users(&["b"])}));
    assert_eq!(story.queue(), [""; 0]);
}

#[test]
fn nobody_is_served_by_a_suspended_license_until_it_is_reinstated() {
    let mut story = Story::of_seats(1);
    story.does("AssignSeat", want(&["a", "b"]));
    story.does("SuspendLicense", json!({"license": "creative"}));
    assert_eq!(story.does("RevokeAssignment", revoke(&["a"])), ["AssignmentRevoked creative a"]);
    let told = story.does("ReinstateLicense", json!({"license": "creative"}));
    assert_eq!(
        told[1..],
        ["WaitlistLeft creative b direct served", "SeatAssigned creative b direct"]
    );
}

#[test]
fn an_over_allocated_license_serves_nobody() {
    let mut story = Story::of_seats(2);
    story.does("AssignSeat", want(&["a", "b", "c"]));
    story.does("SetPolicy", json!({"lowering": "tolerate"}));
    story.does("ChangeLicense", json!({"license": "creative", "quantity": 1}));
    story.does("RevokeAssignment", revoke(&["a"]));
    assert_eq!(story.queue(), ["c creative direct"]);
    story.does("RevokeAssignment", revoke(&["b"]));
    assert_eq!(story.seats(), ["c creative direct"]);
}

#[test]
fn nobody_leaves_a_waitlist_of_what_is_not_there() {
    let mut story = Story::of_seats(2);
    let leave = |of: Value| {
        let mut document = json!({"holders": users(&["a"])});
        document.as_object_mut().unwrap().extend(of.as_object().unwrap().clone());
        document
    };
    let refused = story.refuses("LeaveWaitlist", leave(json!({"license": "x"})));
    assert_eq!(refused, "license_not_found");
    let refused = story.refuses("LeaveWaitlist", leave(json!({"product": "X"})));
    assert_eq!(refused, "product_not_found");
    let refused = story.refuses("LeaveWaitlist", leave(json!({"product": "P"})));
    assert_eq!(refused, "holder_not_found");
}

#[test]
fn a_wait_keeps_what_the_assignment_will_have() {
    let mut story = Story::of_seats(1);
    story.does("AssignSeat", want(&["a"]));
    let mut until = want(&["b", "c"]);
    until["ends_at"] = json!(super::day(9));
    story.does("AssignSeat", until);
    story.does("RevokeAssignment", revoke(&["a"]));
    let ends = story.account.assignments().next().unwrap().ends_at();
    assert_eq!(ends, Some(super::day(9)));
    // Nobody is served for a time that is over.
    let told = story.after_days(9);
    let over = ["AssignmentRevoked creative b", "WaitlistLeft creative c direct withdrawn"];
    assert_eq!(told, over);
}

#[test]
fn more_than_one_commit_serves_are_served_in_the_next_ones() {
    let mut story = Story::of_seats(0);
    let names: Vec<String> = (0..900).map(|it| format!("u{it}")).collect();
    for part in names.chunks(300) {
        let part: Vec<&str> = part.iter().map(String::as_str).collect();
        story.does("AssignSeat", want(&part));
    }
    let raise = json!({"license": "creative", "quantity": 2_000});
    let told = story.decide("ChangeLicense", raise).unwrap();
    assert_eq!(told.len(), 1 + 1_000);
    assert!(story.account.next_due().is_some(), "the rest is due");
    assert_eq!(story.passes_time().len(), 800);
    assert_eq!((story.account.next_due(), story.queue().len()), (None, 0));
}

#[test]
fn whoever_may_hold_by_now_is_served() {
    let mut story = Story::of_seats(1);
    story.does("AssignSeat", want(&["a"]));
    story.does("RegisterHolder", json!({"holder": {"user": "b"}}));
    story.does("AssignSeat", want(&["b", "c"]));
    story.does("SetPolicy", json!({"may_hold": "members"}));
    story.does("ChangeLicense", json!({"license": "creative", "quantity": 3}));
    assert_eq!(story.queue(), ["c creative direct"]);
    let by_product = json!({"product": "P", "holders": users(&["d"]), "wait": true});
    assert_eq!(story.refuses("AssignSeat", by_product), "holder_not_member");
    let told = story.does("RegisterHolder", json!({"holder": {"user": "c"}}));
    assert_eq!(told[2], "SeatAssigned creative c direct");
}

#[test]
fn whoever_waits_already_waits_whatever_has_become_of_the_license() {
    for by in [json!({"license": "creative"}), json!({"product": "P"})] {
        let mut story = Story::of_seats(0);
        let mut asked = by.clone();
        asked["holders"] = json!(users(&["a"]));
        asked["wait"] = json!(true);
        story.does("AssignSeat", asked.clone());
        story.does("SuspendLicense", json!({"license": "creative"}));
        story.does("SetPolicy", json!({"may_hold": "members"}));
        assert_eq!(story.does("AssignSeat", asked.clone()), [""; 0], "{by}");
        asked["holders"] = json!(users(&["a", "b"]));
        let code =
            if by["license"].is_string() { "holder_not_member" } else { "no_license_in_force" };
        assert_eq!(story.refuses("AssignSeat", asked), code);
    }
}

#[test]
fn a_place_for_a_product_is_not_served_by_a_license_that_cannot_be_used() {
    let mut story = Story::of_seats(1);
    let by_product = json!({"product": "P", "holders": users(&["a"]), "wait": true});
    story.does("AssignSeat", json!({"license": "creative", "holders": users(&["a"])}));
    story.does("SuspendLicense", json!({"license": "creative"}));
    let more = json!({"license": "more", "product": "P", "quantity": 0});
    story.does("AllocateLicense", more);
    story.does("AssignSeat", by_product);
    assert_eq!(story.queue(), ["a P direct"]);
    story.does("LinkHolder", json!({"email": "a@x.org", "user": "a"}));
    assert_eq!(story.queue(), ["a P direct"]);
    story.does("ReinstateLicense", json!({"license": "creative"}));
    assert_eq!(story.queue(), [""; 0]);
}

#[test]
fn an_address_that_is_a_members_by_now_is_served() {
    let mut story = Story::of_seats(0);
    let address = json!({"product": "P", "holders": [{"email": "a@x.org"}], "wait": true});
    story.does("AssignSeat", address);
    let user = json!({"holder": {"user": "a", "email": "a@y.org"}});
    story.does("RegisterHolder", user);
    story.does("SetPolicy", json!({"may_hold": "members"}));
    story.does("ChangeLicense", json!({"license": "creative", "quantity": 1}));
    assert_eq!(story.queue(), ["a@x.org P direct"]);
    story.does("LinkHolder", json!({"email": "a@x.org", "user": "a"}));
    assert_eq!(story.seats(), ["a creative direct"]);
}

#[test]
fn a_place_ends_when_what_it_waits_for_would_be_over() {
    let mut story = Story::of_seats(0);
    let mut until = want(&["a", "b"]);
    until["ends_at"] = json!(super::day(2));
    story.does("AssignSeat", until);
    let left =
        ["WaitlistLeft creative a direct withdrawn", "WaitlistLeft creative b direct withdrawn"];
    assert_eq!(story.after_days(2), left);
    assert_eq!(story.queue(), [""; 0]);
}

#[test]
fn whoever_asks_again_after_that_waits_anew() {
    for by in [json!({"license": "creative"}), json!({"product": "P"})] {
        let mut story = Story::of_seats(0);
        let mut asked = by.clone();
        (asked["holders"], asked["wait"]) = (json!(users(&["a"])), json!(true));
        asked["ends_at"] = json!(super::day(2));
        story.does("AssignSeat", asked.clone());
        // Nobody has told the ledger yet that the time has come.
        story.now = super::day(2);
        asked["holders"] = json!(users(&["a", "b"]));
        asked["ends_at"] = json!(super::day(3));
        story.does("AssignSeat", asked);
        let by = by["license"].as_str().unwrap_or("P");
        assert_eq!(story.queue(), [format!("a {by} direct"), format!("b {by} direct")]);
    }
}

#[test]
fn who_waits_for_a_group_and_is_denied_by_then_is_passed_over() {
    let mut story = Story::of_seats(0);
    story.does("SetPolicy", json!({"direct_sets": "add"}));
    let grants = json!([{"product": "P", "mode": "first_come"}]);
    story.does("SetGroupRule", json!({"group": "g", "grants": grants}));
    story.does("AddMembers", json!({"group": "g", "holders": users(&["a", "b"])}));
    story.does("DeclareDirectSet", json!({"holders": users(&["a"]), "products": []}));
    assert_eq!(story.queue(), ["a P group:g", "b P group:g"]);
    story.does("SetPolicy", json!({"direct_sets": "replace"}));
    story.does("ChangeLicense", json!({"license": "creative", "quantity": 2}));
    assert_eq!(story.seats(), ["b creative group:g"]);
    story.does("ClearDirectSet", json!({"holders": users(&["a"])}));
    assert_eq!((story.seats().len(), story.queue()), (2, vec![]));
}
