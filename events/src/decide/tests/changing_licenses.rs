use super::*;
use crate::command::Patch;

fn rich() -> Event {
    allocated_as(CREATIVE, 2, |it| {
        it.name = Some(label("old"));
        it.starts_at = Some(day(-1));
        it.ends_at = Some(day(9));
        it.external_id = Some(external("X"));
        it.source = Some(crate::Source::new("billing").unwrap());
        it.metadata = Some(metadata(r#"{"a":1}"#));
    })
}

/// The labels of [`rich`], as an event says them: all of them.
fn rich_labels(more: impl FnOnce(&mut LicenseDescribed)) -> Event {
    described(CREATIVE, |it| {
        it.name = Some(label("old"));
        it.external_id = Some(external("X"));
        it.source = Some(crate::Source::new("billing").unwrap());
        it.metadata = Some(metadata(r#"{"a":1}"#));
        more(it);
    })
}

#[test]
fn what_is_left_out_stays_as_it_is() {
    given([rich()]).when(change(CREATIVE, |_| {})).then([]);
    given([rich()])
        .when(change(CREATIVE, |it| it.name = Patch::Set(label("new"))))
        .then([rich_labels(|it| it.name = Some(label("new")))]);
}

#[test]
fn null_takes_a_label_away() {
    given([rich()])
        .when(change(CREATIVE, |it| it.name = Patch::Clear))
        .then([rich_labels(|it| it.name = None)]);
    given([rich()])
        .when(change(CREATIVE, |it| it.external_id = Patch::Clear))
        .then([rich_labels(|it| it.external_id = None)]);
    given([rich()])
        .when(change(CREATIVE, |it| it.source = Patch::Clear))
        .then([rich_labels(|it| it.source = None)]);
    given([rich()])
        .when(change(CREATIVE, |it| it.metadata = Patch::Clear))
        .then([rich_labels(|it| it.metadata = None)]);
}

#[test]
fn metadata_is_replaced_as_a_whole() {
    given([rich()])
        .when(change(CREATIVE, |it| it.metadata = Patch::Set(metadata(r#"{"b":2}"#))))
        .then([rich_labels(|it| it.metadata = Some(metadata(r#"{"b":2}"#)))]);
}

#[test]
fn a_label_that_is_so_already_is_no_change() {
    given([rich()])
        .when(change(CREATIVE, |it| {
            it.name = Patch::Set(label("old"));
            it.external_id = Patch::Set(external("X"));
            it.ends_at = Patch::Set(day(9));
            it.quantity = Some(seats(2));
        }))
        .then([]);
    given([allocated(CREATIVE, 1)]).when(change(CREATIVE, |it| it.name = Patch::Clear)).then([]);
}

#[test]
fn a_window_is_moved_opened_and_closed() {
    given([rich()])
        .when(change(CREATIVE, |it| it.ends_at = Patch::Set(day(20))))
        .then([window_changed(CREATIVE, Some(day(-1)), Some(day(20)))]);
    given([rich()]).when(change(CREATIVE, |it| it.ends_at = Patch::Clear)).then([window_changed(
        CREATIVE,
        Some(day(-1)),
        None,
    )]);
    given([rich()])
        .when(change(CREATIVE, |it| it.starts_at = Patch::Clear))
        .then([window_changed(CREATIVE, None, Some(day(9)))]);
    given([rich()])
        .when(change(CREATIVE, |it| {
            (it.starts_at, it.ends_at) = (Patch::Set(day(10)), Patch::Set(day(11)));
        }))
        .then([window_changed(CREATIVE, Some(day(10)), Some(day(11)))]);
}

#[test]
fn a_window_never_ends_before_it_starts() {
    let empty = |starts_at, ends_at| Refusal::WindowEmpty {
        license: license(CREATIVE),
        starts_at,
        ends_at,
    };
    given([rich()])
        .when(change(CREATIVE, |it| it.starts_at = Patch::Set(day(10))))
        .refused(empty(day(10), day(9)));
    given([rich()])
        .when(change(CREATIVE, |it| it.ends_at = Patch::Set(day(-1))))
        .refused(empty(day(-1), day(-1)));
}

#[test]
fn seats_are_added() {
    given([allocated(CREATIVE, 1), seat(1, CREATIVE, ada())])
        .when(change(CREATIVE, |it| it.quantity = Some(seats(2))))
        .then([quantity_changed(CREATIVE, 1, 2)]);
}

#[test]
fn seats_are_taken_away_down_to_those_that_are_held() {
    let history = || {
        [
            allocated(CREATIVE, 5),
            seat(1, CREATIVE, ada()),
            seat(2, CREATIVE, bo()),
            inactive_seat(3, CREATIVE, user("cy")),
        ]
    };
    given(history())
        .when(change(CREATIVE, |it| it.quantity = Some(seats(2))))
        .then([quantity_changed(CREATIVE, 5, 2)]);
    given(history()).when(change(CREATIVE, |it| it.quantity = Some(seats(1)))).refused(
        Refusal::QuantityBelowUse { license: license(CREATIVE), held: 2, shared: 0, quantity: 1 },
    );
}

#[test]
fn labels_window_and_quantity_change_together_or_not_at_all() {
    let all = |quantity| {
        change(CREATIVE, |it| {
            it.name = Patch::Set(label("new"));
            it.ends_at = Patch::Set(day(20));
            it.quantity = Some(seats(quantity));
        })
    };
    given([rich()]).when(all(3)).then([
        rich_labels(|it| it.name = Some(label("new"))),
        window_changed(CREATIVE, Some(day(-1)), Some(day(20))),
        quantity_changed(CREATIVE, 2, 3),
    ]);
    given([rich(), seat(1, CREATIVE, ada())]).when(all(0)).refused(Refusal::QuantityBelowUse {
        license: license(CREATIVE),
        held: 1,
        shared: 0,
        quantity: 0,
    });
}

#[test]
fn a_license_can_change_while_it_is_suspended_or_over() {
    given([rich(), suspended(CREATIVE)])
        .at(day(100))
        .when(change(CREATIVE, |it| it.ends_at = Patch::Set(day(200))))
        .then([window_changed(CREATIVE, Some(day(-1)), Some(day(200)))]);
}

#[test]
fn a_retired_license_stays_as_it_was() {
    let name = |text| change(CREATIVE, |it| it.name = Patch::Set(label(text)));
    for text in ["old", "new"] {
        given([rich(), retired(CREATIVE)])
            .when(name(text))
            .refused(Refusal::LicenseRetired(license(CREATIVE)));
    }
}

#[test]
fn an_external_id_of_another_license_cannot_be_taken() {
    given([rich(), allocated(OFFICE, 1)])
        .when(change(OFFICE, |it| it.external_id = Patch::Set(external("X"))))
        .refused(Refusal::ExternalIdTaken {
            external_id: external("X"),
            license: license(CREATIVE),
        });
}

#[test]
fn a_license_that_nobody_allocated_cannot_change() {
    given([allocated(CREATIVE, 1)])
        .when(change(OFFICE, |_| {}))
        .refused(Refusal::LicenseNotFound(license(OFFICE)));
}
