//! Direct sets: everything that somebody has directly.

use serde_json::{Value, json};

use super::story::{Story, members, users};

fn set(names: &[&str], products: &[&str]) -> Value {
    json!({"holders": users(names), "products": products})
}

/// Two seats of `P`, two of `Q`.
fn story() -> Story {
    let mut story = Story::of_seats(2);
    let other = json!({"license": "other", "product": "Q", "quantity": 2});
    story.does("AllocateLicense", other);
    story
}

#[test]
fn a_set_is_all_that_somebody_has_directly() {
    let mut story = story();
    story.does("DeclareDirectSet", set(&["a", "b"], &["P", "Q"]));
    assert_eq!(story.seats().len(), 4);
    let told = story.does("DeclareDirectSet", set(&["a"], &["Q"]));
    assert_eq!(told, ["DirectSetDeclared a", "AssignmentRevoked creative a"]);
    story.does("AssignSeat", json!({"license": "creative", "holders": users(&["a"])}));
    let told = story.decide("DeclareDirectSet", set(&["a"], &["Q"])).unwrap();
    assert_eq!(told.len(), 1, "what was assigned beside the set ends with it");
}

#[test]
fn users_and_products_are_all_or_nothing() {
    let mut story = story();
    story.does("AssignSeat", json!({"license": "creative", "holders": users(&["x"])}));
    let both = set(&["a", "b"], &["Q", "P"]);
    assert_eq!(story.refuses("DeclareDirectSet", both), "no_free_seat");
    assert_eq!(story.seats(), ["x creative direct"]);
    let unknown = set(&["a"], &["Q", "X"]);
    assert_eq!(story.refuses("DeclareDirectSet", unknown), "product_not_found");
}

#[test]
fn seats_that_end_in_a_set_are_there_for_what_begins() {
    let mut story = story();
    story.does("DeclareDirectSet", set(&["a", "b"], &["P"]));
    story.does("DeclareDirectSet", set(&["c", "d"], &["Q"]));
    story.does("DeclareDirectSet", set(&["a", "b"], &[]));
    story.does("DeclareDirectSet", set(&["c", "d"], &["P"]));
    assert_eq!(story.seats(), ["c creative direct", "d creative direct"]);
}

#[test]
fn a_set_stands_instead_of_what_groups_give_and_an_empty_one_denies_it() {
    let mut story = story();
    story.does("AddMembers", members("g", &["a"]));
    let rule = json!({"group": "g", "grants": [
        {"product": "P", "mode": "first_come"}, {"product": "Q", "mode": "first_come"}]});
    story.does("SetGroupRule", rule);
    story.does("DeclareDirectSet", set(&["a"], &["P"]));
    assert_eq!(story.seats(), ["a creative direct"]);
    story.does("DeclareDirectSet", set(&["a"], &[]));
    assert_eq!(story.seats(), [""; 0]);
    story.does("AddMembers", members("h", &["a"]));
    let of_h = json!({"group": "h", "grants": [{"product": "P", "mode": "eager"}]});
    story.does("SetGroupRule", of_h);
    assert_eq!((story.seats(), story.queue()), (vec![], vec![]), "denied, and does not wait");
    // Cleared, the groups give again.
    story.does("ClearDirectSet", json!({"holders": users(&["a"])}));
    assert_eq!(story.seats(), ["a creative group:g+group:h", "a other group:g"]);
}

#[test]
fn a_set_stands_beside_what_groups_give_where_that_is_decided() {
    let mut story = story();
    story.does("SetPolicy", json!({"direct_sets": "add"}));
    story.does("AddMembers", members("g", &["a"]));
    let rule = json!({"group": "g", "grants": [{"product": "P", "mode": "eager"}]});
    story.does("SetGroupRule", rule);
    story.does("DeclareDirectSet", set(&["a"], &["P", "Q"]));
    assert_eq!(story.seats(), ["a creative direct+group:g", "a other direct"]);
    story.does("DeclareDirectSet", set(&["a"], &[]));
    assert_eq!(story.seats(), ["a creative group:g"]);
}

#[test]
fn what_is_cleared_and_cannot_be_had_from_a_group_is_waited_for() {
    let mut story = story();
    story.does("AddMembers", members("g", &["a", "b"]));
    let rule = json!({"group": "g", "grants": [{"product": "P", "mode": "eager"}]});
    story.does("SetGroupRule", rule);
    story.does("DeclareDirectSet", set(&["a"], &["Q"]));
    story.does("AssignSeat", json!({"product": "P", "holders": users(&["c"])}));
    let told = story.does("ClearDirectSet", json!({"holders": users(&["a"])}));
    assert_eq!(
        told,
        ["DirectSetCleared a", "WaitlistJoined a group:g", "AssignmentRevoked other a"]
    );
}

#[test]
fn a_set_keeps_whether_another_system_looks_after_it() {
    let mut story = story();
    let mut external = set(&["a"], &["P"]);
    story.does("DeclareDirectSet", external.clone());
    external["external"] = true.into();
    assert_eq!(story.does("DeclareDirectSet", external), ["DirectSetDeclared a"]);
}

/// A part of the license, of which a group gives the seats.
fn part_given(story: &mut Story, quantity: i64) {
    let allocation = json!({"container": "x", "quantities": [
        {"license": "creative", "quantity": quantity}]});
    story.does("SetAllocations", json!({"allocations": [allocation]}));
    let grants = json!([{"license": "creative@x", "mode": "eager"}]);
    story.does("SetGroupRule", json!({"group": "g", "grants": grants}));
}

#[test]
fn a_set_denies_what_groups_give_of_parts_too_in_either_order() {
    let set_first = |it: &mut Story| {
        it.does("DeclareDirectSet", set(&["a"], &[]));
        it.does("AddMembers", members("g", &["a"]));
    };
    let member_first = |it: &mut Story| {
        it.does("AddMembers", members("g", &["a"]));
        assert_eq!(it.seats(), ["a creative@x group:g"]);
        let told = it.does("DeclareDirectSet", set(&["a"], &[]));
        assert_eq!(told, ["DirectSetDeclared a", "AssignmentRevoked creative@x a"]);
    };
    for in_order in [set_first, member_first as fn(&mut Story)] {
        let mut story = story();
        part_given(&mut story, 1);
        in_order(&mut story);
        assert_eq!((story.seats(), story.queue()), (vec![], vec![]));
        story.does("ClearDirectSet", json!({"holders": users(&["a"])}));
        assert_eq!(story.seats(), ["a creative@x group:g"]);
    }
}

#[test]
fn a_set_leaves_what_is_given_of_parts_by_name() {
    let mut story = story();
    part_given(&mut story, 1);
    story.does("AssignSeat", json!({"license": "creative@x", "holders": users(&["a"])}));
    let wait = json!({"license": "creative@x", "holders": users(&["b"]), "wait": true});
    story.does("AssignSeat", wait);
    story.does("AddMembers", members("g", &["a"]));
    assert_eq!(story.seats(), ["a creative@x direct+group:g"]);
    story.does("DeclareDirectSet", set(&["a", "b"], &["Q"]));
    assert_eq!(story.seats(), ["a creative@x direct", "a other direct", "b other direct"]);
    assert_eq!(story.queue(), ["b creative@x direct"]);
    story.does("ClearDirectSet", json!({"holders": users(&["a", "b"])}));
    assert_eq!(story.seats(), ["a creative@x direct+group:g"]);
    assert_eq!(story.queue(), ["b creative@x direct"]);
}

#[test]
fn where_sets_stand_beside_groups_a_part_that_a_group_gives_stays() {
    let mut story = story();
    story.does("SetPolicy", json!({"direct_sets": "add"}));
    part_given(&mut story, 1);
    story.does("AddMembers", members("g", &["a"]));
    story.does("DeclareDirectSet", set(&["a"], &[]));
    assert_eq!(story.seats(), ["a creative@x group:g"]);
}
