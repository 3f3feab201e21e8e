//! Who holders are: registered, linked, retired.

use serde_json::json;

use super::story::{Story, members, users};

#[test]
fn somebody_is_known_from_their_registration_on() {
    let mut story = Story::new();
    let ada = json!({"holder": {"user": "ada", "email": "a@x.org"}, "display_name": "Ada"});
    assert_eq!(story.does("RegisterHolder", ada), ["HolderRegistered ada"]);
    let more = json!({"holder": {"user": "ada"}, "user_name": "ada.l"});
    assert_eq!(story.does("RegisterHolder", more), ["HolderRegistered ada"]);
    let ada = crate::Holder::user(crate::UserId::new("ada").unwrap());
    let known = story.account.known(ada.key()).unwrap();
    assert_eq!(known.display_name().unwrap().as_str(), "Ada");
    assert_eq!(known.holder.email.as_ref().unwrap().as_str(), "a@x.org");
    assert_eq!(known.number, 1, "the number stays");
}

#[test]
fn what_an_address_has_is_the_users_once_it_is_linked() {
    let mut story = Story::of_five_seats();
    let mail = json!({"license": "creative", "holders": [{"email": "a@x.org"}]});
    story.does("AssignSeat", mail.clone());
    let told = story.does("LinkHolder", json!({"email": "A@x.org", "user": "ada"}));
    assert_eq!(
        told,
        [
            "HolderRegistered ada",
            "AssignmentTransferred creative ada from a@x.org",
            "HolderLinked ada from a@x.org",
            "HolderRegistered ada",
        ]
    );
    assert_eq!(story.seats(), ["ada creative direct"]);
    // The address names the user from now on.
    assert_eq!(story.does("AssignSeat", mail.clone()), [""; 0]);
    let both = json!({"license": "creative", "holders": [{"email": "a@x.org"}, {"user": "ada"}]});
    assert_eq!(story.does("RevokeAssignment", both), ["AssignmentRevoked creative ada"]);
    assert_eq!(story.does("AssignSeat", mail), ["SeatAssigned creative ada direct"]);
}

#[test]
fn two_seats_of_one_license_become_one_with_the_grounds_of_both() {
    let mut story = Story::of_five_seats();
    story.does("AddMembers", json!({"group": "g", "holders": [{"email": "a@x.org"}]}));
    let rule = json!({"group": "g", "grants": [{"product": "P", "mode": "eager"}]});
    story.does("SetGroupRule", rule);
    story.does("AssignSeat", json!({"license": "creative", "holders": users(&["ada"])}));
    assert_eq!(story.seats(), ["a@x.org creative group:g", "ada creative direct"]);
    let told = story.does("LinkHolder", json!({"email": "a@x.org", "user": "ada"}));
    assert!(told.contains(&"AssignmentRevoked creative a@x.org".to_owned()), "{told:?}");
    assert!(told.contains(&"GroundAdded creative ada group:g".to_owned()), "{told:?}");
    assert_eq!(story.seats(), ["ada creative direct+group:g"]);
    assert_eq!(story.account.licenses()[0].held, 1);
    let told = story.does("RemoveMembers", members("g", &["ada"]));
    assert_eq!(told, ["MemberRemoved ada g", "GroundRemoved creative ada group:g"]);
}

/// One seat of `creative`, which ada has, and a license `late` of the same product, of which the
/// address has one from the group h.
fn two_licenses_of_one_product(ada: (&str, serde_json::Value)) -> Story {
    let mut story = Story::of_seats(1);
    story.does(ada.0, ada.1);
    let late = json!({"license": "late", "product": "P", "quantity": 5});
    story.does("AllocateLicense", late);
    story.does("AddMembers", json!({"group": "h", "holders": [{"email": "a@x.org"}]}));
    story
}

#[test]
fn what_groups_gave_of_one_product_is_one_seat_after_a_link_whatever_licenses_it_was_of() {
    let mut story = two_licenses_of_one_product(("AddMembers", members("g", &["ada"])));
    let grant = json!({"product": "P", "mode": "eager"});
    for group in ["g", "h"] {
        story.does("GrantToGroup", json!({"group": group, "grant": grant}));
    }
    assert_eq!(story.seats(), ["a@x.org late group:h", "ada creative group:g"]);
    let told = story.does("LinkHolder", json!({"email": "a@x.org", "user": "ada"}));
    assert_eq!(
        told[told.len() - 4..],
        [
            "AssignmentRevoked late ada",
            "GroundAdded creative ada group:h",
            "HolderLinked ada from a@x.org",
            "HolderRegistered ada"
        ]
    );
    assert_eq!(story.seats(), ["ada creative group:g+group:h"]);
}

#[test]
fn what_a_group_gave_of_a_product_goes_on_the_seat_that_is_given_by_name() {
    let by_name = json!({"license": "creative", "holders": users(&["ada"])});
    let mut story = two_licenses_of_one_product(("AssignSeat", by_name));
    story.does("GrantToGroup", json!({"group": "h", "grant": {"product": "P", "mode": "eager"}}));
    story.does("LinkHolder", json!({"email": "a@x.org", "user": "ada"}));
    assert_eq!(story.seats(), ["ada creative direct+group:h"]);
}

#[test]
fn a_license_that_is_given_as_such_is_a_seat_of_its_own_after_a_link() {
    let by_name = json!({"license": "creative", "holders": users(&["ada"])});
    let mut story = two_licenses_of_one_product(("AssignSeat", by_name.clone()));
    story
        .does("GrantToGroup", json!({"group": "h", "grant": {"license": "late", "mode": "eager"}}));
    story.does("LinkHolder", json!({"email": "a@x.org", "user": "ada"}));
    assert_eq!(story.seats(), ["ada creative direct", "ada late group:h"]);
    // The same by name.
    let mut story = two_licenses_of_one_product(("AssignSeat", by_name));
    let late = json!({"license": "late", "holders": [{"email": "a@x.org"}]});
    story.does("AssignSeat", late);
    story.does("LinkHolder", json!({"email": "a@x.org", "user": "ada"}));
    assert_eq!(story.seats(), ["ada creative direct", "ada late direct"]);
}

#[test]
fn a_place_in_the_waitlist_passes_to_the_user_as_it_is() {
    let mut story = Story::of_seats(1);
    story.does("AssignSeat", json!({"license": "creative", "holders": users(&["bo"])}));
    let wait = |holder| json!({"license": "creative", "holders": [holder], "wait": true});
    story.does("AssignSeat", wait(json!({"email": "a@x.org"})));
    story.does("AssignSeat", wait(json!({"user": "cy"})));
    story.does("LinkHolder", json!({"email": "a@x.org", "user": "ada"}));
    assert_eq!(story.queue(), ["ada creative direct", "cy creative direct"]);
    story.does("RevokeAssignment", json!({"license": "creative", "holders": users(&["bo"])}));
    assert_eq!(story.seats(), ["ada creative direct"]);
}

#[test]
fn one_who_is_retired_has_nothing_and_gets_nothing() {
    let mut story = Story::of_seats(2);
    story.does("AddMembers", members("g", &["ada"]));
    story
        .does("SetGroupRule", json!({"group": "g", "grants": [{"product": "P", "mode": "eager"}]}));
    story.does("AssignSeat", json!({"license": "creative", "holders": users(&["ada", "bo"])}));
    let wait = json!({"license": "creative", "holders": users(&["cy"]), "wait": true});
    story.does("AssignSeat", wait);
    let told = story.does("RetireHolder", json!({"holder": {"user": "ada"}}));
    assert_eq!(
        told,
        [
            "MemberRemoved ada g",
            "AssignmentRevoked creative ada",
            "HolderRetired ada",
            "WaitlistLeft creative cy direct served",
            "SeatAssigned creative cy direct",
        ]
    );
    let ada = json!({"license": "creative", "holders": users(&["ada"]), "wait": true});
    assert_eq!(story.refuses("AssignSeat", ada.clone()), "holder_retired");
    assert_eq!(story.refuses("AddMembers", members("g", &["ada"])), "holder_retired");
    story.does("RegisterHolder", json!({"holder": {"user": "ada"}}));
    assert_eq!(story.does("AssignSeat", ada), ["WaitlistJoined creative ada direct"]);
}

#[test]
fn nobody_is_retired_whom_nobody_knows() {
    let nobody = json!({"holder": {"user": "nobody"}});
    assert_eq!(Story::of_five_seats().refuses("RetireHolder", nobody), "holder_not_found");
}

#[test]
fn nothing_is_given_to_a_user_under_the_address_of_another() {
    let mut story = Story::of_five_seats();
    story.does("LinkHolder", json!({"email": "a@x.org", "user": "ada"}));
    let bo = json!([{"user": "cy"}, {"user": "bo", "email": "a@x.org"}]);
    for (command, document) in [
        ("AssignSeat", json!({"license": "creative", "holders": bo})),
        ("AssignSeat", json!({"product": "P", "holders": bo})),
        ("AddMembers", json!({"group": "g", "holders": bo})),
        ("DeclareDirectSet", json!({"products": ["P"], "holders": bo})),
    ] {
        assert_eq!(story.refuses(command, document.clone()), "already_linked", "{document}");
    }
    assert_eq!(story.seats(), [""; 0]);
}

#[test]
fn an_address_that_is_anothers_by_now_stands_in_nobodys_way() {
    let mut story = Story::of_five_seats();
    let bo = json!({"holder": {"user": "bo", "email": "x@x.org"}});
    story.does("RegisterHolder", bo.clone());
    story.does("LinkHolder", json!({"email": "x@x.org", "user": "ada"}));
    story.does("DeclareDirectSet", json!({"holders": users(&["bo"]), "products": []}));
    story.does("RetireHolder", json!({"holder": {"user": "bo"}}));
    story.does("RegisterHolder", json!({"holder": {"user": "bo"}}));
    assert_eq!(story.refuses("RegisterHolder", bo), "already_linked");
}

#[test]
fn who_was_registered_by_an_address_is_registered_as_the_user() {
    let mut story = Story::of_five_seats();
    story.does("SetPolicy", json!({"may_hold": "members"}));
    let names = json!({"holder": {"email": "a@x.org"}, "display_name": "Ada", "user_name": "a"});
    story.does("RegisterHolder", names);
    story.does("RegisterHolder", json!({"holder": {"user": "ada"}, "user_name": "ada.l"}));
    story.does("LinkHolder", json!({"email": "a@x.org", "user": "ada"}));
    let ada = crate::Holder::user(crate::UserId::new("ada").unwrap());
    let known = story.account.known(ada.key()).unwrap();
    let names = (known.user_name().unwrap().as_str(), known.display_name().unwrap().as_str());
    assert_eq!(names, ("ada.l", "Ada"), "what was said of the user comes first");
    let mut story = Story::of_five_seats();
    story.does("SetPolicy", json!({"may_hold": "members"}));
    story.does("RegisterHolder", json!({"holder": {"email": "a@x.org"}}));
    story.does("LinkHolder", json!({"email": "a@x.org", "user": "ada"}));
    let mail = json!({"license": "creative", "holders": [{"email": "a@x.org"}]});
    assert_eq!(story.does("AssignSeat", mail), ["SeatAssigned creative ada direct"]);
}
