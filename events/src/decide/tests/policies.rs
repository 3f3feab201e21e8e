//! What an account or a license does where rules could be one or another.

use serde_json::json;

use super::story::{Story, users};

fn seats_for(names: &[&str]) -> serde_json::Value {
    json!({"license": "creative", "holders": users(names)})
}

#[test]
fn an_overage_gives_out_seats_beyond_the_quantity() {
    let mut story = Story::of_seats(4);
    story.does("AssignSeat", seats_for(&["a", "b", "c", "d"]));
    assert_eq!(story.refuses("AssignSeat", seats_for(&["e"])), "no_free_seat");
    story.does("SetPolicy", json!({"overage": "49%"}));
    story.does("AssignSeat", seats_for(&["e"]));
    assert_eq!(story.refuses("AssignSeat", seats_for(&["f"])), "no_free_seat");
    // The license's own word counts before the account's.
    story.does("SetPolicy", json!({"license": "creative", "overage": "50%"}));
    story.does("AssignSeat", seats_for(&["f"]));
    assert_eq!(story.refuses("AssignSeat", seats_for(&["g"])), "no_free_seat");
    story.does("SetPolicy", json!({"license": "creative", "overage": "unlimited"}));
    story.does("AssignSeat", seats_for(&["g", "h", "i"]));
    assert!(story.account.licenses().iter().all(|it| !it.over_allocated));
}

#[test]
fn a_limit_is_not_lowered_under_use_unless_that_is_tolerated() {
    let mut story = Story::of_seats(2);
    story.does("AssignSeat", seats_for(&["a", "b"]));
    let lower = json!({"license": "creative", "quantity": 1});
    assert_eq!(story.refuses("ChangeLicense", lower.clone()), "quantity_below_use");
    story.does("SetPolicy", json!({"overage": "unlimited"}));
    story.does("ChangeLicense", json!({"license": "creative", "quantity": 0}));
    // Less overage is a lower limit too.
    assert_eq!(story.refuses("SetPolicy", json!({"overage": null})), "quantity_below_use");
    let told = story.does("SetPolicy", json!({"overage": null, "lowering": "tolerate"}));
    assert_eq!(told, ["PolicySet", "OverallocationBegan creative 2 of 0"]);
}

#[test]
fn an_over_allocated_license_says_so_and_gives_out_nothing_until_it_is_not() {
    let mut story = Story::of_seats(3);
    story.does("AssignSeat", seats_for(&["a", "b", "c"]));
    story.does("SetPolicy", json!({"license": "creative", "lowering": "tolerate"}));
    let told = story.does("ChangeLicense", json!({"license": "creative", "quantity": 1}));
    assert_eq!(told, ["QuantityChanged creative 1", "OverallocationBegan creative 3 of 1"]);
    assert_eq!(story.refuses("AssignSeat", seats_for(&["d"])), "no_free_seat");
    // Raised, and still too low: nothing is said again.
    let told = story.does("ChangeLicense", json!({"license": "creative", "quantity": 2}));
    assert_eq!(told, ["QuantityChanged creative 2"]);
    let told = story.does("RevokeAssignment", seats_for(&["a"]));
    assert_eq!(told, ["AssignmentRevoked creative a", "OverallocationEnded creative"]);
    assert_eq!(story.refuses("AssignSeat", seats_for(&["d"])), "no_free_seat");
}

#[test]
fn only_members_hold_seats_where_that_is_decided() {
    let mut story = Story::of_five_seats();
    story.does("SetPolicy", json!({"may_hold": "members"}));
    assert_eq!(story.refuses("AssignSeat", seats_for(&["ada"])), "holder_not_member");
    story.does("RegisterHolder", json!({"holder": {"user": "ada"}}));
    story.does("AddMembers", json!({"group": "g", "holders": users(&["bo"])}));
    story.does("AssignSeat", seats_for(&["ada", "bo"]));
    story.does("SetPolicy", json!({"license": "creative", "may_hold": "anyone"}));
    story.does("AssignSeat", seats_for(&["cy"]));
}

#[test]
fn a_policy_that_says_nothing_new_is_already_so() {
    let mut story = Story::new();
    // An account may begin with what is decided for it.
    assert_eq!(story.does("SetPolicy", json!({"leaving": "orphan"})), ["PolicySet"]);
    assert_eq!(story.does("SetPolicy", json!({"leaving": "release"})), ["PolicySet"]);
    assert_eq!(story.does("SetPolicy", json!({"leaving": null})), ["PolicySet"]);
    assert_eq!(story.does("SetPolicy", json!({})), [""; 0]);
    let of_license = json!({"license": "creative", "leaving": "orphan"});
    story.does("RegisterHolder", json!({"holder": {"user": "ada"}}));
    assert_eq!(story.refuses("SetPolicy", of_license), "license_not_found");
}
