use super::*;

fn two() -> [Event; 3] {
    [allocated(CREATIVE, 2), seat(1, CREATIVE, ada()), seat(2, CREATIVE, bo())]
}

fn one_over() -> [Event; 4] {
    let [license, ada_s, bo_s] = two();
    [license, ada_s, bo_s, revoked(1, CREATIVE, ada())]
}

#[test]
fn assignments_end_by_id() {
    given(two()).when(revoke_ids([1])).then([revoked(1, CREATIVE, ada())]);
    given(two())
        .when(revoke_ids([2, 1]))
        .then([revoked(2, CREATIVE, bo()), revoked(1, CREATIVE, ada())]);
}

#[test]
fn one_id_and_a_list_of_ids_are_one_list() {
    given(two())
        .when(Command::RevokeAssignment(RevokeAssignment {
            assignment: Some(assignment(2)),
            assignments: vec![assignment(1), assignment(2)],
            license: None,
            holders: vec![],
        }))
        .then([revoked(2, CREATIVE, bo()), revoked(1, CREATIVE, ada())]);
}

#[test]
fn assignments_end_by_license_and_holder() {
    given(two())
        .when(revoke(CREATIVE, [bo(), ada()]))
        .then([revoked(2, CREATIVE, bo()), revoked(1, CREATIVE, ada())]);
}

#[test]
fn ids_of_several_licenses_end_in_one_command() {
    given([
        allocated(CREATIVE, 1),
        allocated(OFFICE, 1),
        seat(1, CREATIVE, ada()),
        seat(2, OFFICE, ada()),
    ])
    .when(revoke_ids([1, 2]))
    .then([revoked(1, CREATIVE, ada()), revoked(2, OFFICE, ada())]);
}

#[test]
fn an_assignment_named_twice_ends_once() {
    given(two()).when(revoke_ids([1, 1])).then([revoked(1, CREATIVE, ada())]);
    given(two()).when(revoke(CREATIVE, [ada(), user_with("ada", "a@x.org")])).then([revoked(
        1,
        CREATIVE,
        ada(),
    )]);
}

#[test]
fn an_inactive_assignment_ends_too() {
    given([allocated(CREATIVE, 1), inactive_seat(1, CREATIVE, ada())])
        .when(revoke_ids([1]))
        .then([revoked(1, CREATIVE, ada())]);
}

#[test]
fn what_is_over_is_over() {
    given(one_over()).when(revoke_ids([1])).then([]);
    given(one_over()).when(revoke_ids([1, 2])).then([revoked(2, CREATIVE, bo())]);
}

#[test]
fn a_known_holder_without_an_assignment_has_none() {
    given(one_over()).when(revoke(CREATIVE, [ada()])).then([]);
    given([allocated(CREATIVE, 1), allocated(OFFICE, 1), seat(1, OFFICE, ada())])
        .when(revoke(CREATIVE, [ada()]))
        .then([]);
}

#[test]
fn seats_of_a_suspended_or_ended_license_can_be_given_back() {
    given([
        allocated_as(CREATIVE, 1, |it| it.ends_at = Some(day(1))),
        seat(1, CREATIVE, ada()),
        suspended(CREATIVE),
    ])
    .at(day(2))
    .when(revoke(CREATIVE, [ada()]))
    .then([revoked(1, CREATIVE, ada())]);
}

#[test]
fn an_unknown_id_ends_nothing_at_all() {
    given(two()).when(revoke_ids([1, 7])).refused(Refusal::AssignmentNotFound(assignment(7)));
}

#[test]
fn an_unknown_holder_ends_nothing_at_all() {
    given(two())
        .when(revoke(CREATIVE, [ada(), user("cy")]))
        .refused(Refusal::HolderNotFound(user("cy")));
    // The address of a user is not the user.
    given([allocated(CREATIVE, 1), seat(1, CREATIVE, user_with("ada", "a@x.org"))])
        .when(revoke(CREATIVE, [mail("a@x.org")]))
        .refused(Refusal::HolderNotFound(mail("a@x.org")));
}

#[test]
fn assignments_of_a_license_that_nobody_allocated_cannot_end() {
    given(two()).when(revoke(OFFICE, [ada()])).refused(Refusal::LicenseNotFound(license(OFFICE)));
}
