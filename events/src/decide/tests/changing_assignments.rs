use super::*;
use crate::command::Patch;

fn held() -> [Event; 2] {
    [allocated(CREATIVE, 1), seat(1, CREATIVE, ada())]
}

fn rich() -> Event {
    seat_as(1, CREATIVE, ada(), |it| {
        it.redirect_to = Some(label("/a"));
        it.metadata = Some(metadata(r#"{"a":1}"#));
    })
}

#[test]
fn an_assignment_is_named_by_id_or_by_license_and_holder() {
    given(held()).when(change_seat(1, |it| it.fulfilled = Some(true))).then([fulfilled(
        1,
        CREATIVE,
        ada(),
    )]);
    given(held())
        .when(change_seat_of(CREATIVE, user_with("ada", "a@x.org"), |it| it.fulfilled = Some(true)))
        .then([fulfilled(1, CREATIVE, ada())]);
}

#[test]
fn what_is_left_out_stays_as_it_is() {
    given(held()).when(change_seat(1, |_| {})).then([]);
    given(held())
        .when(change_seat(1, |it| (it.active, it.fulfilled) = (Some(true), Some(false))))
        .then([]);
}

#[test]
fn fulfilment_is_noted_and_withdrawn() {
    given([allocated(CREATIVE, 1), seat(1, CREATIVE, ada()), fulfilled(1, CREATIVE, ada())])
        .when(change_seat(1, |it| it.fulfilled = Some(false)))
        .then([withdrawn(1, CREATIVE, ada())]);
}

#[test]
fn an_assignment_can_be_fulfilled_from_the_start() {
    let done = || seat_as(1, CREATIVE, ada(), |it| it.fulfilled = true);
    given([allocated(CREATIVE, 1), done()])
        .when(change_seat(1, |it| it.fulfilled = Some(true)))
        .then([]);
    given([allocated(CREATIVE, 1), done()])
        .when(change_seat(1, |it| it.fulfilled = Some(false)))
        .then([withdrawn(1, CREATIVE, ada())]);
}

#[test]
fn what_is_kept_with_an_assignment_is_said_in_full() {
    let seat = || [allocated(CREATIVE, 1), rich()];
    given(seat()).when(change_seat(1, |it| it.redirect_to = Patch::Set(label("/b")))).then([
        seat_described(1, CREATIVE, ada(), |it| {
            it.redirect_to = Some(label("/b"));
            it.metadata = Some(metadata(r#"{"a":1}"#));
        }),
    ]);
    given(seat()).when(change_seat(1, |it| it.redirect_to = Patch::Clear)).then([seat_described(
        1,
        CREATIVE,
        ada(),
        |it| {
            it.metadata = Some(metadata(r#"{"a":1}"#));
        },
    )]);
    given(seat()).when(change_seat(1, |it| it.metadata = Patch::Set(metadata("{}")))).then([
        seat_described(1, CREATIVE, ada(), |it| {
            it.redirect_to = Some(label("/a"));
            it.metadata = Some(metadata("{}"));
        }),
    ]);
    given(seat())
        .when(change_seat(1, |it| {
            (it.redirect_to, it.metadata) = (Patch::Clear, Patch::Clear);
        }))
        .then([seat_described(1, CREATIVE, ada(), |_| {})]);
}

#[test]
fn what_is_kept_already_is_no_change() {
    given([allocated(CREATIVE, 1), rich()])
        .when(change_seat(1, |it| {
            it.redirect_to = Patch::Set(label("/a"));
            it.metadata = Patch::Set(metadata(r#"{ "a": 1 }"#));
        }))
        .then([]);
    given(held())
        .when(change_seat(1, |it| (it.redirect_to, it.metadata) = (Patch::Clear, Patch::Clear)))
        .then([]);
}

#[test]
fn a_deactivated_assignment_frees_its_seat() {
    given(held()).when(change_seat(1, |it| it.active = Some(false))).then([deactivated(
        1,
        CREATIVE,
        ada(),
    )]);
    given([allocated(CREATIVE, 1), seat(1, CREATIVE, ada()), deactivated(1, CREATIVE, ada())])
        .when(assign(CREATIVE, [bo()]))
        .then([seat(2, CREATIVE, bo())]);
}

#[test]
fn a_reactivated_assignment_needs_a_free_seat() {
    let activate = || change_seat(1, |it| it.active = Some(true));
    given([allocated(CREATIVE, 1), inactive_seat(1, CREATIVE, ada())])
        .when(activate())
        .then([reactivated(1, CREATIVE, ada())]);
    given([allocated(CREATIVE, 1), inactive_seat(1, CREATIVE, ada()), seat(2, CREATIVE, bo())])
        .when(activate())
        .refused(Refusal::NoFreeSeat {
            named: CREATIVE.into(),
            held: 1,
            shared: 0,
            quantity: 1,
            wanted: 1,
        });
}

#[test]
fn an_assignment_is_not_reactivated_while_its_license_cannot_be_assigned() {
    let activate = || change_seat_of(CREATIVE, ada(), |it| it.active = Some(true));
    given([allocated(CREATIVE, 1), inactive_seat(1, CREATIVE, ada()), suspended(CREATIVE)])
        .when(activate())
        .refused(Refusal::LicenseSuspended(license(CREATIVE)));
    let ending = || allocated_as(CREATIVE, 1, |it| it.ends_at = Some(day(5)));
    given([ending(), inactive_seat(1, CREATIVE, ada())])
        .at(day(5))
        .when(activate())
        .refused(Refusal::LicenseEnded { license: license(CREATIVE), ends_at: day(5) });
    let later = || allocated_as(CREATIVE, 1, |it| it.starts_at = Some(day(5)));
    given([later(), inactive_seat(1, CREATIVE, ada())]).when(activate()).then([reactivated(
        1,
        CREATIVE,
        ada(),
    )]);
}

#[test]
fn an_assignment_of_a_suspended_license_can_change_in_every_other_way() {
    given([allocated(CREATIVE, 1), seat(1, CREATIVE, ada()), suspended(CREATIVE)])
        .when(change_seat(1, |it| {
            (it.active, it.fulfilled) = (Some(false), Some(true));
            it.redirect_to = Patch::Set(label("/b"));
        }))
        .then([
            deactivated(1, CREATIVE, ada()),
            fulfilled(1, CREATIVE, ada()),
            seat_described(1, CREATIVE, ada(), |it| it.redirect_to = Some(label("/b"))),
        ]);
}

#[test]
fn an_assignment_changes_altogether_or_not_at_all() {
    given([allocated(CREATIVE, 0), inactive_seat(1, CREATIVE, ada())])
        .when(change_seat(1, |it| (it.active, it.fulfilled) = (Some(true), Some(true))))
        .refused(Refusal::NoFreeSeat {
            named: CREATIVE.into(),
            held: 0,
            shared: 0,
            quantity: 0,
            wanted: 1,
        });
}

#[test]
fn an_assignment_that_nobody_made_cannot_change() {
    given(held())
        .when(change_seat(7, |it| it.fulfilled = Some(true)))
        .refused(Refusal::AssignmentNotFound(assignment(7)));
}

#[test]
fn an_ended_assignment_stays_ended() {
    given([allocated(CREATIVE, 1), seat(1, CREATIVE, ada()), revoked(1, CREATIVE, ada())])
        .when(change_seat(1, |_| {}))
        .refused(Refusal::AssignmentEnded(assignment(1)));
}

#[test]
fn a_stranger_has_no_assignment_to_change() {
    given(held())
        .when(change_seat_of(CREATIVE, bo(), |_| {}))
        .refused(Refusal::HolderNotFound(bo()));
}

#[test]
fn a_holder_without_an_assignment_of_the_license_has_none_to_change() {
    let not_assigned = |name| Refusal::NotAssigned { license: license(name), holder: ada() };
    given([allocated(CREATIVE, 1), seat(1, CREATIVE, ada()), allocated(OFFICE, 1)])
        .when(change_seat_of(OFFICE, ada(), |_| {}))
        .refused(not_assigned(OFFICE));
    given([allocated(CREATIVE, 1), seat(1, CREATIVE, ada()), revoked(1, CREATIVE, ada())])
        .when(change_seat_of(CREATIVE, ada(), |_| {}))
        .refused(not_assigned(CREATIVE));
}

#[test]
fn an_assignment_of_a_license_that_nobody_allocated_cannot_change() {
    given(held())
        .when(change_seat_of(OFFICE, ada(), |_| {}))
        .refused(Refusal::LicenseNotFound(license(OFFICE)));
}
