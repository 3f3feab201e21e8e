//! Seats of a product, where the caller does not mind which license they are of.

use super::*;

const EARLY: &str = "early";
const LATE: &str = "late";

fn until(name: &str, quantity: i64, ends: i64) -> Event {
    allocated_as(name, quantity, |it| it.ends_at = Some(day(ends)))
}

fn full(held: i64, quantity: i64, wanted: i64) -> Refusal {
    Refusal::NoFreeSeat { named: "P".into(), held, shared: 0, quantity, wanted }
}

#[test]
fn the_license_that_ends_first_is_used_up_first() {
    given([allocated(OFFICE, 1), until(LATE, 1, 20), until(EARLY, 1, 10)])
        .when(assign_product("P", [ada()]))
        .then([seat(1, EARLY, ada())]);
    given([allocated(OFFICE, 1), until(LATE, 1, 20), until(EARLY, 1, 10), seat(1, EARLY, ada())])
        .when(assign_product("P", [bo()]))
        .then([seat(2, LATE, bo())]);
}

#[test]
fn a_license_without_an_end_is_used_last() {
    given([allocated(OFFICE, 1), until(LATE, 1, 20), until(EARLY, 0, 10), seat(1, LATE, ada())])
        .when(assign_product("P", [bo()]))
        .then([seat(2, OFFICE, bo())]);
}

#[test]
fn of_licenses_that_end_together_the_older_one_is_used_first() {
    given([until(LATE, 1, 10), until(EARLY, 1, 10)])
        .when(assign_product("P", [ada()]))
        .then([seat(1, LATE, ada())]);
}

#[test]
fn one_command_may_draw_on_several_licenses() {
    given([until(EARLY, 1, 10), until(LATE, 2, 20)])
        .when(assign_product("P", [ada(), bo(), user("cy")]))
        .then([seat(1, EARLY, ada()), seat(2, LATE, bo()), seat(3, LATE, user("cy"))]);
}

#[test]
fn all_holders_get_a_seat_of_the_product_or_none_does() {
    given([until(EARLY, 1, 10), until(LATE, 1, 20), seat(1, EARLY, user("dee"))])
        .when(assign_product("P", [ada(), bo()]))
        .refused(full(1, 2, 2));
}

#[test]
fn only_licenses_in_force_count() {
    let from = |at| allocated_as(LATE, 1, |it| it.starts_at = Some(at));
    let edge = Moment::from_millis(day(0).millis() + 1);
    given([from(day(0))]).when(assign_product("P", [ada()])).then([seat(1, LATE, ada())]);
    for history in [
        vec![from(edge)],
        vec![until(EARLY, 1, 0)],
        vec![allocated(OFFICE, 1), suspended(OFFICE)],
        vec![allocated(OFFICE, 1), retired(OFFICE)],
    ] {
        let history: [Event; 2] = match <[Event; 2]>::try_from(history) {
            Ok(two) => two,
            Err(one) => [one[0].clone(), allocated_as("q", 1, |it| it.product = product("Q"))],
        };
        given(history)
            .when(assign_product("P", [ada()]))
            .refused(Refusal::NoLicenseInForce { product: product("P"), container: None });
    }
}

#[test]
fn a_product_that_nobody_allocated_is_not_known() {
    given([allocated(OFFICE, 1)])
        .when(assign_product("Q", [ada()]))
        .refused(Refusal::ProductNotFound(product("Q")));
}

#[test]
fn who_holds_a_seat_of_any_license_in_force_has_the_product() {
    given([until(EARLY, 1, 10), until(LATE, 1, 20), seat(1, LATE, ada())])
        .when(assign_product("P", [ada()]))
        .then([]);
}

#[test]
fn a_seat_of_a_license_that_is_not_in_force_is_not_the_product() {
    given([until(EARLY, 1, 10), until(LATE, 1, 20), seat(1, EARLY, ada()), suspended(EARLY)])
        .when(assign_product("P", [ada()]))
        .then([seat(2, LATE, ada())]);
}

#[test]
fn an_inactive_assignment_of_the_license_picked_becomes_active() {
    given([until(EARLY, 1, 10), until(LATE, 1, 20), inactive_seat(1, EARLY, ada())])
        .when(assign_product("P", [ada()]))
        .then([reactivated(1, EARLY, ada())]);
}

#[test]
fn an_inactive_assignment_of_another_license_stays_as_it_is() {
    // Early is picked because it ends first, not because of what she has of the late one.
    given([until(EARLY, 1, 10), until(LATE, 1, 20), inactive_seat(1, LATE, ada())])
        .when(assign_product("P", [ada()]))
        .then([seat(2, EARLY, ada())]);
    // Early is full, so it cannot be picked although she has an assignment of it.
    given([
        until(EARLY, 1, 10),
        until(LATE, 1, 20),
        inactive_seat(1, EARLY, ada()),
        seat(2, EARLY, bo()),
    ])
    .when(assign_product("P", [ada()]))
    .then([seat(3, LATE, ada())]);
}

#[test]
fn an_inactive_assignment_of_a_product_needs_no_seat() {
    let inactive = || {
        assign_as(CREATIVE, [ada()], |it| {
            (it.license, it.product, it.active) = (None, Some(product("P")), false);
        })
    };
    given([until(LATE, 0, 20), until(EARLY, 0, 10)]).when(inactive()).then([inactive_seat(
        1,
        EARLY,
        ada(),
    )]);
    given([until(LATE, 0, 20), until(EARLY, 0, 10), inactive_seat(1, LATE, ada())])
        .when(inactive())
        .then([]);
}

#[test]
fn a_holder_named_twice_gets_one_seat_of_the_product() {
    given([until(EARLY, 1, 10), until(LATE, 1, 20)])
        .when(assign_product("P", [ada(), user_with("ada", "a@x.org")]))
        .then([seat(1, EARLY, ada())]);
}
