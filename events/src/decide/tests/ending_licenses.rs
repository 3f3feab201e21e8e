//! Suspending, reinstating and retiring.

use super::*;

#[test]
fn a_license_is_suspended_and_reinstated() {
    given([allocated(CREATIVE, 1)]).when(suspend(CREATIVE)).then([suspended(CREATIVE)]);
    given([allocated(CREATIVE, 1), suspended(CREATIVE)])
        .when(reinstate(CREATIVE))
        .then([reinstated(CREATIVE)]);
}

#[test]
fn a_suspended_license_is_suspended_and_an_active_one_is_active() {
    given([allocated(CREATIVE, 1), suspended(CREATIVE)]).when(suspend(CREATIVE)).then([]);
    given([allocated(CREATIVE, 1)]).when(reinstate(CREATIVE)).then([]);
}

#[test]
fn seats_stay_held_through_a_suspension() {
    given([allocated(CREATIVE, 1), seat(1, CREATIVE, ada())])
        .when(suspend(CREATIVE))
        .then([suspended(CREATIVE)]);
    given([
        allocated(CREATIVE, 1),
        seat(1, CREATIVE, ada()),
        suspended(CREATIVE),
        reinstated(CREATIVE),
    ])
    .when(assign(CREATIVE, [bo()]))
    .refused(Refusal::NoFreeSeat {
        named: CREATIVE.into(),
        held: 1,
        shared: 0,
        quantity: 1,
        wanted: 1,
    });
}

#[test]
fn a_license_is_retired_once_nobody_has_an_assignment_of_it() {
    given([allocated(CREATIVE, 1)]).when(retire(CREATIVE)).then([retired(CREATIVE)]);
    given([allocated(CREATIVE, 1), suspended(CREATIVE)])
        .when(retire(CREATIVE))
        .then([retired(CREATIVE)]);
    given([allocated(CREATIVE, 1), seat(1, CREATIVE, ada()), revoked(1, CREATIVE, ada())])
        .when(retire(CREATIVE))
        .then([retired(CREATIVE)]);
}

#[test]
fn a_retired_license_is_retired() {
    given([allocated(CREATIVE, 1), retired(CREATIVE)]).when(retire(CREATIVE)).then([]);
}

#[test]
fn a_license_in_use_is_not_retired() {
    let in_use = |assignments| Refusal::LicenseInUse { license: license(CREATIVE), assignments };
    given([allocated(CREATIVE, 2), seat(1, CREATIVE, ada()), inactive_seat(2, CREATIVE, bo())])
        .when(retire(CREATIVE))
        .refused(in_use(2));
    // An assignment without a seat is an assignment.
    given([allocated(CREATIVE, 2), inactive_seat(1, CREATIVE, ada())])
        .when(retire(CREATIVE))
        .refused(in_use(1));
}

#[test]
fn a_retired_license_is_neither_suspended_nor_reinstated() {
    for command in [suspend(CREATIVE), reinstate(CREATIVE)] {
        given([allocated(CREATIVE, 1), retired(CREATIVE)])
            .when(command)
            .refused(Refusal::LicenseRetired(license(CREATIVE)));
    }
}

#[test]
fn a_license_that_nobody_allocated_does_not_end() {
    for command in [suspend(OFFICE), reinstate(OFFICE), retire(OFFICE)] {
        given([allocated(CREATIVE, 1)])
            .when(command)
            .refused(Refusal::LicenseNotFound(license(OFFICE)));
    }
}
