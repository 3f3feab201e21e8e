//! Groups: what they give, to whom, and what becomes of it.

use serde_json::{Value, json};

use super::story::{Story, members, users};

fn rule(mode: &str) -> Value {
    json!({"group": "g", "grants": [{"product": "P", "mode": mode}]})
}

fn quota(mode: &str, quota: i64) -> Value {
    json!({"group": "g", "grants": [{"product": "P", "mode": mode, "quota": quota}]})
}

#[test]
fn every_member_gets_what_an_eager_rule_gives_or_nobody() {
    let mut story = Story::of_seats(2);
    story.does("AddMembers", members("g", &["a", "b", "c"]));
    assert_eq!(story.refuses("SetGroupRule", rule("eager")), "no_free_seat");
    assert_eq!(story.seats(), [""; 0]);
    story.does("RemoveMembers", members("g", &["c"]));
    let told = story.does("SetGroupRule", rule("eager"));
    let seats = ["SeatAssigned creative a group:g", "SeatAssigned creative b group:g"];
    assert_eq!(told, [&["GroupRuleSet g"][..], &seats].concat());
    // Somebody who joins later too.
    assert_eq!(story.refuses("AddMembers", members("g", &["c"])), "no_free_seat");
    assert!(!story.account.groups()[0].unfinished && story.seats().len() == 2);
}

#[test]
fn a_first_come_rule_reaches_as_far_as_seats_do_and_the_rest_wait() {
    let mut story = Story::of_seats(2);
    story.does("AddMembers", members("g", &["a", "b", "c", "d"]));
    story.does("SetGroupRule", rule("first_come"));
    assert_eq!(story.seats(), ["a creative group:g", "b creative group:g"]);
    assert_eq!(story.queue(), ["c P group:g", "d P group:g"]);
    let told = story.does("RemoveMembers", members("g", &["a"]));
    assert_eq!(
        told,
        [
            "MemberRemoved a g",
            "AssignmentRevoked creative a",
            "WaitlistLeft c group:g served",
            "SeatAssigned creative c group:g",
        ]
    );
    story.does("RemoveMembers", members("g", &["d"]));
    assert_eq!(story.queue(), [""; 0]);
}

#[test]
fn a_seat_on_two_grounds_is_one_seat_and_lives_while_one_stands() {
    let mut story = Story::of_seats(1);
    story.does("AssignSeat", json!({"license": "creative", "holders": users(&["a"])}));
    story.does("AddMembers", members("g", &["a"]));
    story.does("AddMembers", members("h", &["a"]));
    story.does("SetGroupRule", rule("eager"));
    let of_h = json!({"group": "h", "grants": [{"license": "creative", "mode": "eager"}]});
    let told = story.does("SetGroupRule", of_h);
    assert_eq!(told, ["GroupRuleSet h", "GroundAdded creative a group:h"]);
    assert_eq!(story.seats(), ["a creative direct+group:g+group:h"]);
    let revoke = json!({"license": "creative", "holders": users(&["a"])});
    let told = story.does("RevokeAssignment", revoke);
    assert_eq!(told, ["GroundRemoved creative a direct"]);
    story.does("RemoveMembers", members("h", &["a"]));
    assert_eq!(story.seats(), ["a creative group:g"]);
}

#[test]
fn what_a_group_alone_gives_is_not_revoked_by_name() {
    let mut story = Story::of_seats(1);
    story.does("AddMembers", members("g", &["a"]));
    story.does("SetGroupRule", rule("eager"));
    let revoke = json!({"license": "creative", "holders": users(&["a"])});
    assert_eq!(story.refuses("RevokeAssignment", revoke), "held_by_group");
}

#[test]
fn a_quota_is_what_the_group_may_have() {
    let mut story = Story::of_seats(5);
    story.does("AddMembers", members("g", &["a", "b", "c"]));
    assert_eq!(story.refuses("SetGroupRule", quota("eager", 2)), "quota_exceeded");
    story.does("SetGroupRule", quota("first_come", 2));
    assert_eq!(story.queue(), ["c P group:g"]);
    assert_eq!(story.refuses("SetGroupRule", quota("first_come", 1)), "quota_below_use");
    // Seats are free; it is the quota that keeps c waiting, and nobody else.
    story.does("AssignSeat", json!({"license": "creative", "holders": users(&["d"])}));
    let told = story.does("SetGroupRule", quota("first_come", 3));
    assert_eq!(
        told,
        ["GroupRuleSet g", "SeatAssigned creative c group:g", "WaitlistLeft c group:g served"]
    );
}

#[test]
fn a_quota_that_is_used_up_comes_before_a_lack_of_seats() {
    let mut story = Story::of_seats(1);
    story.does("AddMembers", members("g", &["a", "b", "c"]));
    assert_eq!(story.refuses("SetGroupRule", quota("eager", 2)), "quota_exceeded");
    assert_eq!(story.refuses("SetGroupRule", quota("eager", 3)), "no_free_seat");
    // What somebody has in the group already counts, and who is denied does not.
    story.does("DeclareDirectSet", json!({"holders": users(&["b"]), "products": []}));
    story.does("RemoveMembers", members("g", &["c"]));
    story.does("SetGroupRule", quota("eager", 1));
    assert_eq!(story.refuses("AddMembers", members("g", &["c", "d"])), "quota_exceeded");
}

#[test]
fn a_license_that_gives_nothing_comes_before_a_lack_of_seats_of_another() {
    let mut story = Story::of_seats(0);
    let office = json!({"license": "office", "product": "O", "quantity": 1});
    story.does("AllocateLicense", office);
    let grants = json!([{"product": "P", "mode": "eager"}, {"license": "office", "mode": "eager"}]);
    story.does("SetGroupRule", json!({"group": "g", "grants": grants}));
    story.does("SuspendLicense", json!({"license": "office"}));
    assert_eq!(story.refuses("AddMembers", members("g", &["a"])), "license_suspended");
}

#[test]
fn a_ground_more_on_a_seat_that_is_held_needs_nothing_of_its_license() {
    let mut story = Story::of_seats(1);
    story.does("AddMembers", members("g", &["a"]));
    story.does("AssignSeat", json!({"license": "creative", "holders": users(&["a"])}));
    story.does("SuspendLicense", json!({"license": "creative"}));
    let of_license = json!({"group": "g", "grants": [{"license": "creative", "mode": "eager"}]});
    story.does("SetGroupRule", of_license);
    assert_eq!(story.seats(), ["a creative direct+group:g"]);
}

#[test]
fn one_who_leaves_keeps_an_orphan_where_that_is_decided() {
    let mut story = Story::of_seats(2);
    story.does("SetPolicy", json!({"leaving": "orphan"}));
    story.does("AddMembers", members("g", &["a", "b"]));
    story.does("SetGroupRule", rule("eager"));
    let told = story.does("RemoveMembers", members("g", &["a"]));
    assert_eq!(told, ["MemberRemoved a g", "GroundAdded creative a orphan:g"]);
    assert_eq!(story.seats(), ["a creative orphan:g", "b creative group:g"]);
    // Whoever comes back has it from the group again.
    story.does("AddMembers", members("g", &["a"]));
    assert_eq!(story.seats(), ["a creative group:g", "b creative group:g"]);
    // An orphan can be revoked by name.
    story.does("RemoveMembers", members("g", &["a"]));
    let revoke = json!({"license": "creative", "holders": users(&["a"])});
    assert_eq!(story.does("RevokeAssignment", revoke), ["AssignmentRevoked creative a"]);
}

#[test]
fn a_rule_goes_with_its_seats_or_leaves_orphans() {
    let mut story = Story::of_seats(2);
    story.does("AddMembers", members("g", &["a"]));
    story.does("SetGroupRule", rule("eager"));
    story.does("RemoveGroupRule", json!({"group": "g", "cascade": false}));
    assert_eq!(story.seats(), ["a creative orphan:g"]);
    story.does("SetGroupRule", rule("eager"));
    assert_eq!(story.seats(), ["a creative group:g"]);
    story.does("RemoveGroupRule", json!({"group": "g", "product": "other"}));
    story.does("RemoveGroupRule", json!({"group": "g", "product": "P"}));
    assert_eq!(story.seats(), [""; 0]);
}

#[test]
fn a_grant_more_leaves_the_others_as_they_are() {
    let mut story = Story::of_seats(2);
    let office = json!({"license": "office", "product": "O", "quantity": 1});
    story.does("AllocateLicense", office);
    story.does("AddMembers", members("g", &["a"]));
    story.does("SetGroupRule", rule("eager"));
    let more = json!({"group": "g", "grant": {"license": "office", "mode": "eager"}});
    story.does("GrantToGroup", more);
    assert_eq!(story.seats(), ["a creative group:g", "a office group:g"]);
    // What is left out of the whole rule ends.
    story.does("SetGroupRule", rule("eager"));
    assert_eq!(story.seats(), ["a creative group:g"]);
}

#[test]
fn what_is_kept_with_a_grant_is_changed_by_itself_and_gives_nothing() {
    let mut story = Story::of_seats(2);
    story.does("AddMembers", members("g", &["a"]));
    let grant = |metadata: Value| {
        let grant = json!({"license": "creative", "mode": "eager", "metadata": metadata});
        json!({"group": "g", "grant": grant})
    };
    let told = story.does("GrantToGroup", grant(json!({"a": 1})));
    assert_eq!(told, ["GroupRuleSet g", "SeatAssigned creative a group:g"]);
    assert_eq!(story.does("GrantToGroup", grant(json!({"a": 1}))), [""; 0]);
    assert_eq!(story.does("GrantToGroup", grant(json!({"a": 2}))), ["GroupRuleSet g"]);
    let kept = story.account.groups()[0].grants[0].metadata.as_ref().unwrap();
    assert_eq!(kept.as_str(), r#"{"a":2}"#);
}

#[test]
fn nothing_is_granted_that_is_not_there() {
    let mut story = Story::of_seats(2);
    let grant = |of: Value| json!({"group": "g", "grants": [of]});
    let product = grant(json!({"product": "X", "mode": "first_come"}));
    assert_eq!(story.refuses("SetGroupRule", product), "product_not_found");
    let license = grant(json!({"license": "x", "mode": "first_come"}));
    assert_eq!(story.refuses("SetGroupRule", license), "license_not_found");
    assert_eq!(story.refuses("RemoveGroupRule", json!({"group": "g"})), "group_not_found");
    assert!(story.account.groups().is_empty(), "a refusal makes no group");
}

#[test]
fn a_rule_for_more_members_than_one_commit_holds_is_finished_later() {
    let mut story = Story::of_seats(5_000);
    let all: Vec<String> = (0..1_001).map(|it| format!("u{it}")).collect();
    for part in all.chunks(1_000) {
        let part: Vec<&str> = part.iter().map(String::as_str).collect();
        story.does("AddMembers", members("g", &part));
    }
    assert_eq!(story.does("SetGroupRule", rule("first_come")), ["GroupRuleSet g"]);
    assert!(story.account.groups()[0].unfinished);
    // Who joins meanwhile is served in their turn.
    assert_eq!(story.does("AddMembers", members("g", &["late"])).len(), 1);
    assert_eq!(story.passes_time().len(), 1_000);
    let told = story.passes_time();
    assert_eq!(
        told,
        [
            "SeatAssigned creative u1000 group:g",
            "SeatAssigned creative late group:g",
            "GroupRuleApplied"
        ]
    );
    assert_eq!(story.passes_time(), [""; 0]);
}

/// A group of many, all of whom have a seat.
fn group_of(count: usize) -> Story {
    let mut story = Story::of_seats(5_000);
    story.does("SetGroupRule", rule("first_come"));
    let all: Vec<String> = (0..count).map(|it| format!("u{it}")).collect();
    for part in all.chunks(1_000) {
        let part: Vec<&str> = part.iter().map(String::as_str).collect();
        story.does("AddMembers", members("g", &part));
    }
    assert_eq!(story.seats().len(), count);
    story
}

#[test]
fn a_rule_is_taken_from_more_members_than_one_commit_holds() {
    let mut story = group_of(3_500);
    let told = story.does("RemoveGroupRule", json!({"group": "g"}));
    assert_eq!((told.len(), told[0].as_str()), (1_001, "GroupRuleSet g"));
    // Who leaves, joins or is assigned meanwhile is treated as anybody is.
    let left = story.does("RemoveMembers", members("g", &["u3000"]));
    assert_eq!(left[1], "AssignmentRevoked creative u3000");
    assert_eq!(story.does("AddMembers", members("g", &["late"])).len(), 1);
    story.does(
        "AssignSeat",
        json!({"license": "creative", "holders": super::story::users(&["u3400"])}),
    );
    assert_eq!(story.passes_time().len(), 1_000);
    assert_eq!(story.passes_time().len(), 1_000);
    let told = story.passes_time();
    assert_eq!((told.len(), told.last().unwrap().as_str()), (500, "GroupRuleApplied"));
    assert_eq!(story.seats(), ["u3400 creative direct"]);
    assert_eq!(story.passes_time(), [""; 0]);
}

#[test]
fn what_is_not_taken_yet_stays_where_the_rule_comes_back() {
    let mut story = group_of(1_500);
    story.does("RemoveGroupRule", json!({"group": "g"}));
    assert_eq!(story.seats().len(), 500);
    story.does("SetGroupRule", rule("first_come"));
    // Those who have lost their seats get new ones, in their turn; the others have kept theirs.
    let told = story.passes_time();
    assert_eq!((told.len(), told[0].as_str()), (1_000, "SeatAssigned creative u0 group:g"));
    story.passes_time();
    assert_eq!(story.seats().len(), 1_500);
}

#[test]
fn without_a_cascade_many_keep_their_seats_as_orphans() {
    let mut story = group_of(1_200);
    story.does("RemoveGroupRule", json!({"group": "g", "cascade": false}));
    assert_eq!(story.passes_time().len(), 201);
    let orphans = story.seats().iter().filter(|it| it.ends_with("orphan:g")).count();
    assert_eq!(orphans, 1_200);
}

/// A member who has a seat from the group, of one license of the product, and one by name, of an
/// older one.
fn one_with_two_seats() -> Story {
    let mut story = Story::of_seats(0);
    let more = json!({"license": "more", "product": "P", "quantity": 2});
    story.does("AllocateLicense", more);
    story.does("AddMembers", members("g", &["a"]));
    story.does("SetGroupRule", rule("first_come"));
    story.does("ChangeLicense", json!({"license": "creative", "quantity": 2}));
    story.does("AssignSeat", json!({"license": "creative", "holders": users(&["a"])}));
    assert_eq!(story.seats(), ["a creative direct", "a more group:g"]);
    story
}

#[test]
fn who_has_it_from_the_group_does_not_get_it_twice() {
    let mut story = one_with_two_seats();
    assert_eq!(story.does("SetGroupRule", quota("first_come", 1)), ["GroupRuleSet g"]);
    assert_eq!(story.does("SetGroupRule", quota("eager", 1)), ["GroupRuleSet g"]);
    assert_eq!(story.seats(), ["a creative direct", "a more group:g"]);
}

#[test]
fn who_comes_back_has_the_seat_again_that_the_group_gave() {
    let mut story = one_with_two_seats();
    story.does("SetPolicy", json!({"leaving": "orphan"}));
    story.does("RemoveMembers", members("g", &["a"]));
    story.does("AddMembers", members("g", &["a"]));
    assert_eq!(story.seats(), ["a creative direct", "a more group:g"]);
}

#[test]
fn a_direct_set_keeps_the_seat_that_is_held_directly() {
    let mut story = one_with_two_seats();
    let set = json!({"holders": users(&["a"]), "products": ["P"]});
    let told = story.does("DeclareDirectSet", set);
    assert_eq!(told, ["DirectSetDeclared a", "AssignmentRevoked more a"]);
    // The other way round it is the younger license that is held directly.
    let mut story = one_with_two_seats();
    story.does("RevokeAssignment", json!({"license": "creative", "holders": users(&["a"])}));
    story.does("AssignSeat", json!({"license": "more", "holders": users(&["a"])}));
    let of_license = json!({"group": "h", "grants": [{"license": "creative", "mode": "eager"}]});
    story.does("SetGroupRule", of_license);
    story.does("AddMembers", members("h", &["a"]));
    assert_eq!(story.seats(), ["a creative group:h", "a more direct+group:g"]);
    let set = json!({"holders": users(&["a"]), "products": ["P"]});
    story.does("DeclareDirectSet", set);
    assert_eq!(story.seats(), ["a more direct"]);
}

#[test]
fn a_member_who_has_it_does_not_wait_for_it_though_the_quota_is_used_up() {
    let mut story = Story::of_seats(2);
    story.does("AddMembers", members("g", &["a", "b"]));
    story.does("SetGroupRule", quota("first_come", 1));
    story.does("AssignSeat", json!({"license": "creative", "holders": users(&["b"])}));
    assert_eq!(story.queue(), ["b P group:g"]);
    story.does("SetGroupRule", quota("first_come", 2));
    assert_eq!(story.queue(), [""; 0]);
    assert_eq!(story.seats(), ["a creative group:g", "b creative direct+group:g"]);
}

#[test]
fn a_license_that_gives_nothing_comes_before_a_quota_for_those_who_wait_too() {
    let mut story = Story::of_seats(0);
    let of_license = |mode: &str, quota: Option<i64>| {
        let grants = json!([{"license": "creative", "mode": mode, "quota": quota}]);
        json!({"group": "g", "grants": grants})
    };
    story.does("AddMembers", members("g", &["a", "b"]));
    story.does("SetGroupRule", of_license("first_come", None));
    story.does("SuspendLicense", json!({"license": "creative"}));
    assert_eq!(story.refuses("SetGroupRule", of_license("eager", Some(1))), "license_suspended");
}

#[test]
fn a_license_that_is_retired_is_not_granted() {
    let mut story = Story::of_five_seats();
    let grant = |mode| json!({"group": "g", "grants": [{"license": "creative", "mode": mode}]});
    story.does("SetGroupRule", grant("eager"));
    story.does("RetireLicense", json!({"license": "creative"}));
    // What a group was granted before it may keep.
    story.does("SetGroupRule", grant("first_come"));
    story.does("SetGroupRule", json!({"group": "g", "grants": []}));
    for mode in ["eager", "first_come"] {
        assert_eq!(story.refuses("SetGroupRule", grant(mode)), "license_retired");
    }
}

#[test]
fn nobody_waits_for_a_license_that_was_retired_after_it_was_granted() {
    let mut story = Story::of_five_seats();
    let grant = json!({"group": "g", "grants": [{"license": "creative", "mode": "first_come"}]});
    story.does("SetGroupRule", grant);
    story.does("RetireLicense", json!({"license": "creative"}));
    assert_eq!(story.does("AddMembers", members("g", &["ada"])), ["MemberAdded ada g"]);
    assert_eq!(story.queue(), [""; 0]);
}
