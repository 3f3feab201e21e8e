//! Parts that are lowered under their use, and what is left of the license above them then.

use serde_json::{Value, json};

use super::story::{Story, users};
use super::{
    CREATIVE, ada, allocated, allocated_as, assign, bo, change, described, given, label, license,
    quantity_changed, revoke, revoked, seat, seats,
};
use crate::command::Patch;
use crate::event::{Event, OverallocationBegan};
use crate::refusal::Refusal;
use crate::text::ContainerId;

fn share(within: Option<&str>, of: &[(&str, i64)]) -> Value {
    let one = |(container, quantity): &(&str, i64)| {
        let part = json!({"product": "P", "quantity": quantity});
        match within {
            Some(within) => {
                json!({"container": container, "within": within, "quantities": [part]})
            }
            None => json!({"container": container, "quantities": [part]}),
        }
    };
    json!({"allocations": of.iter().map(one).collect::<Vec<_>>()})
}

fn seats_of(license: &str, names: &[&str]) -> Value {
    json!({"license": license, "holders": users(names)})
}

fn step(from: &str, to: &str, quantity: i64) -> Value {
    json!({"product": "P", "moves": [{"from": from, "to": to, "quantity": quantity}]})
}

/// Quantity, held and allocated of a license.
fn counts(story: &Story, name: &str) -> (i64, i64, i64) {
    let it = story.account.license(&license(name)).unwrap();
    (it.quantity, it.held, it.allocated)
}

/// Seats of `creative`, so many in north, all of them held; every lowering is tolerated.
fn of_north(quantity: i64, names: &[&str]) -> Story {
    let mut story = Story::of_seats(quantity);
    story.does("SetAllocations", share(None, &[("north", names.len() as i64)]));
    story.does("SetPolicy", json!({"lowering": "tolerate"}));
    story.does("AssignSeat", seats_of("creative@north", names));
    story
}

#[test]
fn a_seat_that_is_held_in_a_part_does_not_move_to_another_one() {
    let mut story = of_north(1, &["a"]);
    assert_eq!(story.refuses("MoveQuantity", step("north", "south", 1)), "no_free_quantity");
    let both = share(None, &[("north", 0), ("south", 1)]);
    assert_eq!(story.refuses("SetAllocations", both), "no_free_quantity");
    assert_eq!(counts(&story, "creative@north"), (1, 1, 0));
}

#[test]
fn seats_held_in_a_lowered_part_are_taken_of_its_parent_until_they_are_released() {
    let mut story = of_north(2, &["a", "b"]);
    let told = story.does("SetAllocations", share(None, &[("north", 0)]));
    let began = "OverallocationBegan creative@north 2 of 0";
    assert_eq!(told, ["QuantityChanged creative@north 0", began]);
    assert_eq!(counts(&story, "creative"), (2, 0, 2));
    for asked in [seats_of("creative", &["c"]), seats_of("creative@north", &["c"])] {
        assert_eq!(story.refuses("AssignSeat", asked), "no_free_seat");
    }
    let south = share(None, &[("south", 1)]);
    assert_eq!(story.refuses("SetAllocations", south.clone()), "no_free_quantity");
    let give = json!({"license": "creative", "receiver": "other", "quantity": 1});
    assert_eq!(story.refuses("AllocateToAccount", give.clone()), "no_free_quantity");
    // Released, a seat is the parent's again, and whoever waits there is served.
    let mut waits = seats_of("creative", &["c"]);
    waits["wait"] = true.into();
    story.does("AssignSeat", waits);
    let told = story.does("RevokeAssignment", seats_of("creative@north", &["a"]));
    let served = ["WaitlistLeft creative c direct served", "SeatAssigned creative c direct"];
    assert_eq!(told[0], "AssignmentRevoked creative@north a");
    assert_eq!(told[1..], served);
    let told = story.does("RevokeAssignment", seats_of("creative@north", &["b"]));
    let ended = "OverallocationEnded creative@north";
    assert_eq!(told, ["AssignmentRevoked creative@north b", ended]);
    assert_eq!(counts(&story, "creative"), (2, 1, 0));
    story.does("AllocateToAccount", give);
    assert_eq!(story.refuses("SetAllocations", south), "no_free_quantity");
}

#[test]
fn a_seat_in_the_part_of_a_part_is_taken_of_both_above_it() {
    let mut story = Story::of_seats(2);
    story.does("SetPolicy", json!({"lowering": "tolerate"}));
    story.does("SetAllocations", share(None, &[("tenant", 2)]));
    story.does("SetAllocations", share(Some("tenant"), &[("service", 2)]));
    story.does("AssignSeat", seats_of("creative@tenant@service", &["a", "b"]));
    story.does("SetAllocations", share(Some("tenant"), &[("service", 0)]));
    let told = story.does("SetAllocations", share(None, &[("tenant", 0)]));
    let began = "OverallocationBegan creative@tenant 2 of 0";
    assert_eq!(told, ["QuantityChanged creative@tenant 0", began]);
    assert_eq!(counts(&story, "creative@tenant"), (0, 0, 2));
    assert_eq!(counts(&story, "creative"), (2, 0, 2));
    for name in ["creative", "creative@tenant"] {
        assert_eq!(story.refuses("AssignSeat", seats_of(name, &["c"])), "no_free_seat");
    }
    let told = story.does("RevokeAssignment", seats_of("creative@tenant@service", &["a", "b"]));
    let ended =
        ["OverallocationEnded creative@tenant", "OverallocationEnded creative@tenant@service"];
    assert_eq!(told[2..], ended);
    story.does("AssignSeat", seats_of("creative", &["c", "d"]));
}

#[test]
fn a_lowered_part_is_raised_to_what_is_held_of_it_again() {
    let mut story = of_north(2, &["a", "b"]);
    story.does("SetAllocations", share(None, &[("north", 0)]));
    // It takes as much of the license as before, even while that one is over-allocated.
    let told = story.does("ChangeLicense", json!({"license": "creative", "quantity": 1}));
    assert_eq!(told, ["QuantityChanged creative 1", "OverallocationBegan creative 2 of 1"]);
    let told = story.does("SetAllocations", share(None, &[("north", 2)]));
    let ended = "OverallocationEnded creative@north";
    assert_eq!(told, ["QuantityChanged creative@north 2", ended]);
    assert_eq!(story.refuses("SetAllocations", share(None, &[("north", 3)])), "no_free_quantity");
    assert_eq!(counts(&story, "creative"), (1, 0, 2));
}

#[test]
fn a_part_of_an_over_allocated_license_gives_out_no_seat() {
    let mut story = Story::of_seats(4);
    story.does("SetAllocations", share(None, &[("north", 2)]));
    story.does("SetPolicy", json!({"lowering": "tolerate"}));
    story.does("AssignSeat", seats_of("creative", &["a", "b"]));
    let told = story.does("ChangeLicense", json!({"license": "creative", "quantity": 3}));
    assert_eq!(told, ["QuantityChanged creative 3", "OverallocationBegan creative 4 of 3"]);
    // North has two seats of its own; with them there would be more in use than there are.
    assert_eq!(story.refuses("AssignSeat", seats_of("creative@north", &["c"])), "no_free_seat");
    story.does("RevokeAssignment", seats_of("creative", &["b"]));
    story.does("AssignSeat", seats_of("creative@north", &["c", "d"]));
}

#[test]
fn what_is_shared_out_has_to_fit_into_the_quantity_whatever_an_overage_adds() {
    let mut story = Story::of_seats(4);
    story.does("SetAllocations", share(None, &[("north", 3)]));
    story.does("SetPolicy", json!({"lowering": "tolerate", "overage": "100%"}));
    let told = story.does("ChangeLicense", json!({"license": "creative", "quantity": 2}));
    assert_eq!(told, ["QuantityChanged creative 2", "OverallocationBegan creative 3 of 2"]);
    for name in ["creative", "creative@north"] {
        assert_eq!(story.refuses("AssignSeat", seats_of(name, &["a"])), "no_free_seat");
    }
    let told = story.does("SetAllocations", share(None, &[("north", 2)]));
    assert_eq!(told, ["QuantityChanged creative@north 2", "OverallocationEnded creative"]);
    // Two of the overage, and no more of the quantity.
    story.does("AssignSeat", seats_of("creative", &["a", "b"]));
    assert_eq!(story.refuses("AssignSeat", seats_of("creative", &["c"])), "no_free_seat");
}

#[test]
fn a_part_is_not_lowered_under_what_it_has_shared_out_whatever_its_overage() {
    let mut story = Story::of_seats(4);
    story.does("SetAllocations", share(None, &[("tenant", 4)]));
    story.does("SetAllocations", share(Some("tenant"), &[("service", 3)]));
    story.does("SetPolicy", json!({"license": "creative@tenant", "overage": "100%"}));
    let lower = share(None, &[("tenant", 2)]);
    assert_eq!(story.refuses("SetAllocations", lower), "quantity_below_use");
}

#[test]
fn an_overage_of_an_account_is_had_once_and_that_of_a_part_is_what_its_parent_has_left() {
    let mut story = Story::of_seats(4);
    story.does("SetPolicy", json!({"overage": "100%"}));
    story.does("SetAllocations", share(None, &[("north", 2), ("south", 1)]));
    story.does("AssignSeat", seats_of("creative@north", &["a", "b"]));
    assert_eq!(story.refuses("AssignSeat", seats_of("creative@north", &["c"])), "no_free_seat");
    story.does("SetPolicy", json!({"license": "creative@north", "overage": "unlimited"}));
    story.does("AssignSeat", seats_of("creative@north", &["c"]));
    assert_eq!(counts(&story, "creative"), (4, 0, 4));
    assert_eq!(story.refuses("AssignSeat", seats_of("creative@north", &["d"])), "no_free_seat");
    assert_eq!(story.refuses("SetAllocations", share(None, &[("south", 2)])), "no_free_quantity");
    story.does("AssignSeat", seats_of("creative", &["e", "f", "g", "h"]));
    assert_eq!(story.refuses("AssignSeat", seats_of("creative", &["i"])), "no_free_seat");
}

#[test]
fn tolerance_of_a_part_is_enough_to_lower_it() {
    let mut story = Story::of_seats(2);
    story.does("SetAllocations", share(None, &[("north", 1)]));
    story.does("AssignSeat", seats_of("creative@north", &["a"]));
    story.does("SetPolicy", json!({"license": "creative", "lowering": "tolerate"}));
    let lower = share(None, &[("north", 0)]);
    assert_eq!(story.refuses("SetAllocations", lower.clone()), "quantity_below_use");
    let of_part = |lowering: &str| json!({"license": "creative@north", "lowering": lowering});
    story.does("SetPolicy", of_part("tolerate"));
    story.does("SetPolicy", json!({"license": "creative", "lowering": "refuse"}));
    story.does("SetAllocations", lower);
}

/// What an earlier release has let happen is counted, and said by the next command about it.
#[test]
fn seats_that_were_given_out_twice_are_told_and_given_out_no_more() {
    let part = |name: &str| {
        allocated_as(&format!("creative@{name}"), 0, |it| {
            it.parent = Some(license("creative"));
            it.container = Some(ContainerId::new(name).unwrap());
        })
    };
    let history = || {
        [
            allocated(CREATIVE, 1),
            part("north"),
            part("south"),
            seat(1, "creative@north", ada()),
            seat(2, "creative@south", bo()),
        ]
    };
    let began = |name: &str, held: i64, limit: i64| {
        Event::OverallocationBegan(OverallocationBegan { license: license(name), held, limit })
    };
    let raised = change(CREATIVE, |it| it.quantity = Some(seats(2)));
    given(history()).when(raised).then([quantity_changed(CREATIVE, 1, 2)]);
    let named = change(CREATIVE, |it| it.name = Patch::Set(label("Suite")));
    let described = described(CREATIVE, |it| it.name = Some(label("Suite")));
    given(history()).when(named).then([described, began(CREATIVE, 2, 1)]);
    given(history()).when(revoke("creative@south", [bo()])).then([revoked(
        2,
        "creative@south",
        bo(),
    )]);
    given(history()).when(assign("creative@north", [bo()])).refused(Refusal::NoFreeSeat {
        named: "creative@north".into(),
        held: 1,
        shared: 0,
        quantity: 0,
        wanted: 1,
    });
}

/// What is said when it is refused.
#[track_caller]
fn told_no(story: &mut Story, kind: &str, document: Value) -> String {
    story.decide(kind, document).unwrap_err().to_string()
}

#[test]
fn a_refusal_says_what_is_held_and_what_is_shared_out() {
    let mut story = Story::of_seats(10);
    story.does("SetAllocations", share(None, &[("north", 7), ("south", 3)]));
    let one_more = "asked for";
    let said = told_no(&mut story, "AssignSeat", seats_of("creative", &["a"]));
    let none = format!("creative: 0 of 10 seats are held and 10 shared out, 1 more was {one_more}");
    assert_eq!(said, none);
    let lower = json!({"license": "creative", "quantity": 9});
    let said = told_no(&mut story, "ChangeLicense", lower);
    assert_eq!(said, "creative: 0 seats are held and 10 shared out, 9 were asked for");
    let names = ["a", "b", "c", "d", "e", "f", "g"];
    story.does("AssignSeat", seats_of("creative@north", &names));
    let in_container =
        |it: &str| json!({"product": "P", "container": it, "holders": users(&["h"])});
    let said = told_no(&mut story, "AssignSeat", in_container("north"));
    assert_eq!(said, format!("P in container north: 7 of 7 seats are held, 1 more was {one_more}"));
    let said = told_no(&mut story, "AssignSeat", in_container("nn"));
    assert_eq!(said, "there is no container nn");
    story.does("SetAllocations", share(None, &[("empty", 0)]));
    let said = told_no(&mut story, "AssignSeat", in_container("empty"));
    assert_eq!(said, "no license of product P in container empty is in force");
    let within = share(Some("north"), &[("service", 1)]);
    let said = told_no(&mut story, "SetAllocations", within);
    let full = "creative@north: 7 of 7 seats are held or allocated, 1 more was asked for";
    assert_eq!(said, full);
}

#[test]
fn where_the_license_above_has_none_left_it_is_named() {
    let mut story = Story::of_seats(4);
    story.does("SetAllocations", share(None, &[("north", 2)]));
    story.does("SetPolicy", json!({"lowering": "tolerate"}));
    story.does("AssignSeat", seats_of("creative", &["a", "b"]));
    story.does("ChangeLicense", json!({"license": "creative", "quantity": 3}));
    let said = told_no(&mut story, "AssignSeat", seats_of("creative@north", &["c"]));
    let above = "creative: 2 of 3 seats are held and 2 shared out, 1 more was asked for";
    assert_eq!(said, above);
    let within = share(Some("north"), &[("service", 1)]);
    let said = told_no(&mut story, "SetAllocations", within);
    assert_eq!(said, "creative: 4 of 3 seats are held or allocated, 1 more was asked for");
}
