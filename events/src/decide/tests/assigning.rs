use super::*;

fn full(held: i64, quantity: i64, wanted: i64) -> Refusal {
    Refusal::NoFreeSeat { named: CREATIVE.into(), held, shared: 0, quantity, wanted }
}

#[test]
fn a_free_seat_is_assigned() {
    given([allocated(CREATIVE, 1)]).when(assign(CREATIVE, [ada()])).then([seat(
        1,
        CREATIVE,
        ada(),
    )]);
}

#[test]
fn the_last_seat_is_the_last() {
    given([allocated(CREATIVE, 1), seat(1, CREATIVE, ada())])
        .when(assign(CREATIVE, [bo()]))
        .refused(full(1, 1, 1));
}

#[test]
fn a_license_of_no_seats_has_none_to_give() {
    given([allocated(CREATIVE, 0)]).when(assign(CREATIVE, [ada()])).refused(full(0, 0, 1));
}

#[test]
fn a_revoked_seat_can_be_assigned_again_under_a_new_id() {
    given([allocated(CREATIVE, 1), seat(1, CREATIVE, ada()), revoked(1, CREATIVE, ada())])
        .when(assign(CREATIVE, [ada()]))
        .then([seat(2, CREATIVE, ada())]);
}

#[test]
fn several_holders_get_seats_in_the_order_given() {
    given([allocated(CREATIVE, 3)]).when(assign(CREATIVE, [bo(), ada(), mail("Cy@X.org")])).then([
        seat(1, CREATIVE, bo()),
        seat(2, CREATIVE, ada()),
        seat(3, CREATIVE, mail("cy@x.org")),
    ]);
}

#[test]
fn all_holders_get_a_seat_or_none_does() {
    given([allocated(CREATIVE, 2), seat(1, CREATIVE, ada())])
        .when(assign(CREATIVE, [bo(), user("cy")]))
        .refused(full(1, 2, 2));
}

#[test]
fn who_has_a_seat_keeps_it_as_it_is() {
    given([allocated(CREATIVE, 1), seat(1, CREATIVE, ada())])
        .when(assign_as(CREATIVE, [ada()], |it| {
            it.fulfilled = true;
            it.redirect_to = Some(label("/elsewhere"));
            it.metadata = Some(metadata("{}"));
        }))
        .then([]);
}

#[test]
fn only_those_without_a_seat_need_one() {
    given([allocated(CREATIVE, 2), seat(1, CREATIVE, ada())])
        .when(assign(CREATIVE, [ada(), bo()]))
        .then([seat(2, CREATIVE, bo())]);
}

#[test]
fn a_holder_named_twice_gets_one_seat() {
    given([allocated(CREATIVE, 1)])
        .when(assign(CREATIVE, [ada(), ada(), user_with("ada", "a@x.org")]))
        .then([seat(1, CREATIVE, ada())]);
    given([allocated(CREATIVE, 1)])
        .when(assign(CREATIVE, [mail("Bo@x.org"), mail(" bo@X.org ")]))
        .then([seat(1, CREATIVE, mail("bo@x.org"))]);
}

#[test]
fn a_user_and_an_address_are_two_holders_until_somebody_links_them() {
    given([allocated(CREATIVE, 2), seat(1, CREATIVE, user_with("ada", "a@x.org"))])
        .when(assign(CREATIVE, [mail("a@x.org")]))
        .then([seat(2, CREATIVE, mail("a@x.org"))]);
}

#[test]
fn a_seat_comes_with_what_was_said_of_it() {
    given([allocated(CREATIVE, 1)])
        .when(assign_as(CREATIVE, [ada()], |it| {
            it.fulfilled = true;
            it.redirect_to = Some(label("/start"));
            it.metadata = Some(metadata(r#"{"cohort":7}"#));
        }))
        .then([seat_as(1, CREATIVE, ada(), |it| {
            it.fulfilled = true;
            it.redirect_to = Some(label("/start"));
            it.metadata = Some(metadata(r#"{"cohort":7}"#));
        })]);
}

#[test]
fn an_inactive_assignment_holds_no_seat() {
    given([allocated(CREATIVE, 0)])
        .when(assign_as(CREATIVE, [ada()], |it| it.active = false))
        .then([inactive_seat(1, CREATIVE, ada())]);
    given([allocated(CREATIVE, 1), inactive_seat(1, CREATIVE, ada())])
        .when(assign(CREATIVE, [bo()]))
        .then([seat(2, CREATIVE, bo())]);
}

#[test]
fn an_active_assignment_is_more_than_an_inactive_one() {
    given([allocated(CREATIVE, 1), seat(1, CREATIVE, ada())])
        .when(assign_as(CREATIVE, [ada()], |it| it.active = false))
        .then([]);
}

#[test]
fn an_inactive_assignment_becomes_active_if_a_seat_is_free() {
    given([allocated(CREATIVE, 1), inactive_seat(1, CREATIVE, ada())])
        .when(assign(CREATIVE, [ada()]))
        .then([reactivated(1, CREATIVE, ada())]);
    given([allocated(CREATIVE, 1), inactive_seat(1, CREATIVE, ada()), seat(2, CREATIVE, bo())])
        .when(assign(CREATIVE, [ada()]))
        .refused(full(1, 1, 1));
}

#[test]
fn a_deactivated_assignment_is_reactivated_and_not_doubled() {
    given([allocated(CREATIVE, 2), seat(1, CREATIVE, ada()), deactivated(1, CREATIVE, ada())])
        .when(assign(CREATIVE, [ada(), bo()]))
        .then([reactivated(1, CREATIVE, ada()), seat(2, CREATIVE, bo())]);
}

#[test]
fn new_seats_and_reactivated_ones_are_counted_together() {
    given([allocated(CREATIVE, 1), inactive_seat(1, CREATIVE, ada())])
        .when(assign(CREATIVE, [ada(), bo()]))
        .refused(full(0, 1, 2));
}

#[test]
fn the_address_of_a_known_user_is_filled_in() {
    given([
        allocated(CREATIVE, 1),
        allocated(OFFICE, 1),
        seat(1, OFFICE, user_with("ada", "ada@x.org")),
    ])
    .when(assign(CREATIVE, [ada()]))
    .then([seat(2, CREATIVE, user_with("ada", "ada@x.org"))]);
}

#[test]
fn the_address_of_a_user_outlives_their_assignments() {
    given([
        allocated(CREATIVE, 1),
        seat(1, CREATIVE, user_with("ada", "ada@x.org")),
        revoked(1, CREATIVE, user_with("ada", "ada@x.org")),
    ])
    .when(assign(CREATIVE, [ada()]))
    .then([seat(2, CREATIVE, user_with("ada", "ada@x.org"))]);
}

#[test]
fn an_address_said_anew_replaces_the_known_one() {
    let known = || user_with("ada", "ada@x.org");
    let moved = || user_with("ada", "ada@y.org");
    given([allocated(CREATIVE, 1), allocated(OFFICE, 1), seat(1, OFFICE, known())])
        .when(assign(CREATIVE, [moved()]))
        .then([seat(2, CREATIVE, moved())]);
    given([allocated(CREATIVE, 1), inactive_seat(1, CREATIVE, known())])
        .when(assign(CREATIVE, [moved()]))
        .then([reactivated(1, CREATIVE, moved())]);
    // From then on the other assignments say the new one too.
    given([
        allocated(CREATIVE, 1),
        allocated(OFFICE, 1),
        seat(1, OFFICE, known()),
        inactive_seat(2, CREATIVE, known()),
        reactivated(2, CREATIVE, moved()),
    ])
    .when(revoke(OFFICE, [ada()]))
    .then([revoked(1, OFFICE, moved())]);
}

#[test]
fn a_license_is_assigned_ahead_of_its_time() {
    let later = || allocated_as(CREATIVE, 1, |it| it.starts_at = Some(day(5)));
    given([later()]).when(assign(CREATIVE, [ada()])).then([seat(1, CREATIVE, ada())]);
}

#[test]
fn a_license_is_assigned_until_just_before_its_end() {
    let ending = |at| allocated_as(CREATIVE, 1, |it| it.ends_at = Some(at));
    let before = Moment::from_millis(day(5).millis() - 1);
    given([ending(day(5))]).at(before).when(assign(CREATIVE, [ada()])).then([seat(
        1,
        CREATIVE,
        ada(),
    )]);
    for now in [day(5), day(6)] {
        given([ending(day(5))])
            .at(now)
            .when(assign(CREATIVE, [ada()]))
            .refused(Refusal::LicenseEnded { license: license(CREATIVE), ends_at: day(5) });
    }
}

#[test]
fn a_suspended_or_retired_license_gives_no_seats() {
    given([allocated(CREATIVE, 1), suspended(CREATIVE)])
        .when(assign(CREATIVE, [ada()]))
        .refused(Refusal::LicenseSuspended(license(CREATIVE)));
    given([allocated(CREATIVE, 1), retired(CREATIVE)])
        .when(assign(CREATIVE, [ada()]))
        .refused(Refusal::LicenseRetired(license(CREATIVE)));
}

#[test]
fn inactive_assignments_of_a_suspended_license_are_not_made_either() {
    given([allocated(CREATIVE, 1), suspended(CREATIVE)])
        .when(assign_as(CREATIVE, [ada()], |it| it.active = false))
        .refused(Refusal::LicenseSuspended(license(CREATIVE)));
}

#[test]
fn who_has_a_seat_has_it_whatever_became_of_the_license() {
    let until = |at| allocated_as(CREATIVE, 1, |it| it.ends_at = Some(at));
    given([until(day(5)), seat(1, CREATIVE, ada()), suspended(CREATIVE)])
        .at(day(6))
        .when(assign(CREATIVE, [ada()]))
        .then([]);
}

#[test]
fn seats_of_a_license_that_nobody_allocated_cannot_be_assigned() {
    given([allocated(CREATIVE, 1)])
        .when(assign(OFFICE, [ada()]))
        .refused(Refusal::LicenseNotFound(license(OFFICE)));
}
