//! Parts of a license's quantity, held by containers.

use serde_json::{Value, json};

use super::story::{Story, users};

/// The whole allocation of containers: of each so many seats of `P`.
fn share(of: &[(&str, i64)]) -> Value {
    let one = |(container, quantity): &(&str, i64)| json!({"container": container, "quantities": [{"product": "P", "quantity": quantity}]});
    json!({"allocations": of.iter().map(one).collect::<Vec<_>>()})
}

fn quantities(story: &Story) -> Vec<String> {
    let of = |it: &crate::account::License| format!("{} {}", it.id, it.quantity);
    story.account.licenses().iter().map(of).collect()
}

#[test]
fn a_container_has_what_it_was_given_and_no_more_than_there_is() {
    let mut story = Story::of_seats(10);
    let told = story.does("SetAllocations", share(&[("north", 4), ("south", 6)]));
    assert_eq!(
        told,
        [
            "ContainerPlaced",
            "ContainerPlaced",
            "LicenseAllocated creative@north",
            "LicenseAllocated creative@south",
        ]
    );
    assert_eq!(story.refuses("SetAllocations", share(&[("north", 5)])), "no_free_quantity");
    // What is lowered is there for what is raised.
    story.does("SetAllocations", share(&[("north", 7), ("south", 3)]));
    assert_eq!(quantities(&story), ["creative 10", "creative@north 7", "creative@south 3"]);
    let seat = json!({"license": "creative", "holders": users(&["a"])});
    assert_eq!(story.refuses("AssignSeat", seat), "no_free_seat");
}

#[test]
fn what_is_left_out_of_a_whole_allocation_becomes_zero() {
    let mut story = Story::of_seats(10);
    let office = json!({"license": "office", "product": "O", "quantity": 5});
    story.does("AllocateLicense", office);
    let both = json!({"allocations": [{"container": "north", "quantities": [
        {"product": "P", "quantity": 4}, {"license": "office", "quantity": 5}]}]});
    story.does("SetAllocations", both);
    let told = story.does("SetAllocations", share(&[("north", 4)]));
    assert_eq!(told, ["QuantityChanged office@north 0"]);
}

#[test]
fn seats_of_a_part_are_given_out_by_the_container_alone() {
    let mut story = Story::of_seats(2);
    story.does("SetAllocations", share(&[("north", 1)]));
    story.does("AssignSeat", json!({"product": "P", "holders": users(&["a"])}));
    let one_more = json!({"product": "P", "holders": users(&["b"])});
    assert_eq!(story.refuses("AssignSeat", one_more), "no_free_seat");
    let in_north =
        |name: &str| json!({"product": "P", "container": "north", "holders": users(&[name])});
    story.does("AssignSeat", in_north("b"));
    assert_eq!(story.refuses("AssignSeat", in_north("c")), "no_free_seat");
    assert_eq!(story.seats(), ["a creative direct", "b creative@north direct"]);
}

#[test]
fn a_part_is_not_lowered_under_its_use_unless_that_is_tolerated() {
    let mut story = Story::of_seats(4);
    story.does("SetAllocations", share(&[("north", 2)]));
    let holders = users(&["a", "b"]);
    let seats = json!({"product": "P", "container": "north", "holders": holders});
    story.does("AssignSeat", seats);
    assert_eq!(story.refuses("SetAllocations", share(&[("north", 1)])), "quantity_below_use");
    story.does("SetPolicy", json!({"lowering": "tolerate"}));
    let told = story.does("SetAllocations", share(&[("north", 1)]));
    assert_eq!(
        told,
        ["QuantityChanged creative@north 1", "OverallocationBegan creative@north 2 of 1"]
    );
}

#[test]
fn a_license_is_not_lowered_under_its_parts() {
    let mut story = Story::of_seats(5);
    story.does("SetAllocations", share(&[("north", 3)]));
    let lower = json!({"license": "creative", "quantity": 2});
    assert_eq!(story.refuses("ChangeLicense", lower.clone()), "quantity_below_use");
    story.does("SetPolicy", json!({"overage": "unlimited"}));
    assert_eq!(story.refuses("ChangeLicense", lower), "quantity_below_use");
    // Parts are parts of the quantity, whatever an overage adds.
    assert_eq!(story.refuses("SetAllocations", share(&[("north", 6)])), "no_free_quantity");
    let part = json!({"license": "creative@north", "quantity": 6});
    assert_eq!(story.refuses("ChangeLicense", part), "no_free_quantity");
}

#[test]
fn quantity_moves_between_containers() {
    let mut story = Story::of_seats(5);
    let step = |from: Value, to: Value, quantity: i64| json!({"product": "P", "moves": [{"from": from, "to": to, "quantity": quantity}]});
    story.decide("MoveQuantity", step(Value::Null, json!("north"), 4)).unwrap();
    story.decide("MoveQuantity", step(json!("north"), json!("south"), 3)).unwrap();
    story.decide("MoveQuantity", step(json!("south"), Value::Null, 1)).unwrap();
    assert_eq!(quantities(&story), ["creative 5", "creative@north 1", "creative@south 2"]);
    let more = step(json!("north"), json!("south"), 2);
    let told = story.decide("MoveQuantity", more).unwrap_err();
    assert_eq!(told.code(), "container_has_less");
    assert_eq!(told.to_string(), "north has 1 seat of creative, 2 were to be taken from it");
    let nowhere = step(json!("nowhere"), Value::Null, 1);
    assert_eq!(story.refuses("MoveQuantity", nowhere), "container_not_found");
    let more = step(Value::Null, json!("south"), 3);
    assert_eq!(story.refuses("MoveQuantity", more), "no_free_quantity");
}

#[test]
fn no_quantity_is_beyond_what_a_quantity_can_be() {
    let mut story = Story::of_seats(5);
    let most = crate::limits::QUANTITY_MAX;
    let into = |quantity: i64| json!({"license": "creative", "moves": [{"to": "north", "quantity": quantity}]});
    assert_eq!(story.refuses("MoveQuantity", into(most)), "no_free_quantity");
    story.decide("MoveQuantity", into(3)).unwrap();
    assert_eq!(story.refuses("MoveQuantity", into(most)), "no_free_quantity");
    assert_eq!(quantities(&story), ["creative 5", "creative@north 3"]);
}

#[test]
fn a_container_has_one_quantity_of_a_license() {
    let mut story = Story::of_seats(5);
    let both = json!({"allocations": [{"container": "north", "quantities": [
        {"license": "creative", "quantity": 1}, {"product": "P", "quantity": 2}]}]});
    assert_eq!(story.refuses("SetAllocations", both), "quantities_overlap");
}

#[test]
fn what_cannot_be_shared_out_there_is_named() {
    let mut story = Story::of_seats(5);
    story.does("SetAllocations", share(&[("north", 2)]));
    story.does("AllocateLicense", json!({"license": "other", "product": "Q", "quantity": 2}));
    let moves = json!([{"to": "lab", "quantity": 1}]);
    let part = json!({"license": "creative@north", "moves": moves});
    assert_eq!(story.refuses("MoveQuantity", part), "license_is_part");
    let nowhere = json!({"license": "creative", "within": "nowhere", "moves": moves});
    assert_eq!(story.refuses("MoveQuantity", nowhere), "container_not_found");
    let none = json!({"license": "other", "within": "north", "moves": moves});
    assert_eq!(story.refuses("MoveQuantity", none), "container_has_less");
    let nowhere = json!({"product": "P", "container": "nowhere", "holders": users(&["ada"])});
    assert_eq!(story.refuses("AssignSeat", nowhere), "container_not_found");
}

#[test]
fn a_container_shares_out_what_it_has_and_not_deeper() {
    let mut story = Story::of_seats(10);
    story.does("SetAllocations", share(&[("tenant", 6)]));
    let within = |container: &str, within: &str, quantity: i64| {
        json!({"allocations": [{"container": container, "within": within,
            "quantities": [{"product": "P", "quantity": quantity}]}]})
    };
    story.does("SetAllocations", within("service", "tenant", 5));
    let names = ["creative 10", "creative@tenant 6", "creative@tenant@service 5"];
    assert_eq!(quantities(&story), names);
    assert_eq!(story.refuses("SetAllocations", within("service", "tenant", 7)), "no_free_quantity");
    let deeper = within("robot", "service", 1);
    let told = story.decide("SetAllocations", deeper).unwrap_err();
    let sentence = "robot cannot be within service, which is itself within another container";
    assert_eq!((told.code(), told.to_string().as_str()), ("container_elsewhere", sentence));
    let nowhere = within("robot", "nowhere", 1);
    assert_eq!(story.refuses("SetAllocations", nowhere), "container_not_found");
    assert_eq!(story.refuses("SetAllocations", share(&[("service", 1)])), "container_elsewhere");
    // The tenant keeps what its service has.
    assert_eq!(story.refuses("SetAllocations", share(&[("tenant", 4)])), "quantity_below_use");
}

#[test]
fn a_part_goes_with_the_license_it_is_a_part_of() {
    let mut story = Story::of_seats(3);
    story.does("SetAllocations", share(&[("north", 2)]));
    let told = story.does("SuspendLicense", json!({"license": "creative"}));
    assert_eq!(told, ["LicenseSuspended creative", "LicenseSuspended creative@north"]);
    let part = json!({"license": "creative@north"});
    assert_eq!(story.refuses("ReinstateLicense", part), "license_is_part");
    story.does("ReinstateLicense", json!({"license": "creative"}));
    let ends = json!({"license": "creative", "ends_at": super::day(9)});
    let told = story.does("ChangeLicense", ends);
    assert_eq!(told, ["WindowChanged creative@north", "WindowChanged creative"]);
    let ends = json!({"license": "creative@north", "ends_at": null});
    assert_eq!(story.refuses("ChangeLicense", ends), "license_is_part");
    let seat = json!({"license": "creative@north", "holders": users(&["a"])});
    story.does("AssignSeat", seat.clone());
    let retire = json!({"license": "creative"});
    assert_eq!(story.refuses("RetireLicense", retire.clone()), "license_in_use");
    story.does("RevokeAssignment", seat);
    let told = story.does("RetireLicense", retire);
    assert_eq!(told, ["LicenseRetired creative@north", "LicenseRetired creative"]);
}

/// The whole allocation of `tenant/service`, through `tenant`.
fn through(quantities: &Value) -> Value {
    json!({"allocations": [{"container": "tenant/service", "within": "tenant", "through": true,
        "quantities": quantities}]})
}

#[test]
fn what_comes_through_a_container_raises_and_lowers_it_by_as_much() {
    let mut story = Story::of_seats(10);
    let five = json!([{"product": "P", "quantity": 5}]);
    let told = story.does("SetAllocations", through(&five));
    assert_eq!(
        told,
        [
            "ContainerPlaced",
            "ContainerPlaced",
            "LicenseAllocated creative@tenant",
            "LicenseAllocated creative@tenant@tenant/service",
        ]
    );
    // What the tenant has beside it stays.
    let beside = json!({"product": "P", "moves": [{"to": "tenant", "quantity": 2}]});
    story.decide("MoveQuantity", beside).unwrap();
    let three = json!([{"license": "creative", "quantity": 3}]);
    let told = story.does("SetAllocations", through(&three));
    assert_eq!(
        told,
        ["QuantityChanged creative@tenant@tenant/service 3", "QuantityChanged creative@tenant 5"]
    );
    let more = json!([{"product": "P", "quantity": 9}]);
    assert_eq!(story.refuses("SetAllocations", through(&more)), "no_free_quantity");
    // Left out: all of it goes back.
    story.does("SetAllocations", through(&json!([])));
    let all = ["creative 10", "creative@tenant 2", "creative@tenant@tenant/service 0"];
    assert_eq!(quantities(&story), all);
}

#[test]
fn what_a_container_has_of_its_own_is_shared_out_as_it_is() {
    let mut story = Story::of_seats(10);
    let own = json!({"license": "own", "product": "O", "quantity": 4, "container": "tenant"});
    story.does("AllocateLicense", own);
    let asked = |quantity: i64| through(&json!([{"product": "O", "quantity": quantity}]));
    story.does("SetAllocations", asked(3));
    assert_eq!(story.refuses("SetAllocations", asked(5)), "no_free_quantity");
    story.does("SetAllocations", through(&json!([])));
    assert_eq!(quantities(&story), ["creative 10", "own 4", "own@tenant/service 0"]);
}

#[test]
fn nothing_comes_through_a_container_that_is_not_above() {
    let mut story = Story::of_seats(10);
    story.does("SetAllocations", share(&[("tenant/service", 1)]));
    let five = json!([{"product": "P", "quantity": 5}]);
    assert_eq!(story.refuses("SetAllocations", through(&five)), "container_elsewhere");
}

#[test]
fn what_is_left_out_becomes_zero_unless_the_license_is_over() {
    let none = json!({"allocations": [{"container": "north", "quantities": []}]});
    for (change, left) in [
        (("SuspendLicense", json!({"license": "creative"})), 0),
        (("ChangeLicense", json!({"license": "creative", "starts_at": "2030-01-01T00:00:00Z"})), 0),
        (("ChangeLicense", json!({"license": "creative", "ends_at": "2021-01-01T00:00:00Z"})), 4),
    ] {
        let mut story = Story::of_seats(10);
        story.does("SetAllocations", share(&[("north", 4)]));
        story.does(change.0, change.1);
        story.does("SetAllocations", none.clone());
        assert_eq!(
            quantities(&story),
            ["creative 10".to_owned(), format!("creative@north {left}")]
        );
    }
}

#[test]
fn two_steps_of_containers_are_set_by_one_command() {
    let mut story = Story::of_seats(9);
    let deep = |tenant: i64, service: i64| {
        let of = |quantity: i64| json!([{"license": "creative", "quantity": quantity}]);
        json!({"allocations": [
            {"container": "service", "within": "tenant", "quantities": of(service)},
            {"container": "tenant", "quantities": of(tenant)}]})
    };
    story.does("SetAllocations", deep(5, 3));
    let names = ["creative 9", "creative@tenant 5", "creative@tenant@service 3"];
    assert_eq!(quantities(&story), names);
    story.does("SetAllocations", deep(8, 7));
    story.does("SetAllocations", deep(2, 1));
    let names = ["creative 9", "creative@tenant 2", "creative@tenant@service 1"];
    assert_eq!(quantities(&story), names);
    assert_eq!(story.refuses("SetAllocations", deep(2, 3)), "no_free_quantity");
    // The tenant gets one that ends first, and so the service has its seats of that one.
    let sooner = json!({"license": "sooner", "product": "P", "quantity": 9, "ends_at": "2026-12-31T00:00:00Z"});
    story.does("AllocateLicense", sooner);
    let of = |license: &str| json!({"license": license, "quantity": 2});
    story.does(
        "SetAllocations",
        json!({"allocations": [
            {"container": "tenant", "quantities": [of("creative"), of("sooner")]},
            {"container": "service", "within": "tenant",
                "quantities": [{"product": "P", "quantity": 1}]}]}),
    );
    let parts = quantities(&story);
    assert!(parts.contains(&"creative@tenant@service 0".to_owned()), "{parts:?}");
    assert!(parts.contains(&"sooner@tenant@service 1".to_owned()), "{parts:?}");
}
