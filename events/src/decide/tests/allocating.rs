use super::*;

#[test]
fn a_license_is_allocated_with_everything_said_of_it() {
    let full = |it: &mut AllocateLicense| {
        it.product = product("Q");
        it.container = Some(ContainerId::new("tenant-1").unwrap());
        it.name = Some(label("Creative suite"));
        it.starts_at = Some(day(1));
        it.ends_at = Some(day(2));
        it.external_id = Some(external("X-1"));
        it.source = Some(crate::Source::new("billing").unwrap());
        it.metadata = Some(metadata(r#"{"cost":1.50}"#));
    };
    given([]).when(allocate_as(CREATIVE, 50, full)).then([allocated_as(CREATIVE, 50, |it| {
        it.product = product("Q");
        it.container = Some(ContainerId::new("tenant-1").unwrap());
        it.name = Some(label("Creative suite"));
        it.starts_at = Some(day(1));
        it.ends_at = Some(day(2));
        it.external_id = Some(external("X-1"));
        it.source = Some(crate::Source::new("billing").unwrap());
        it.metadata = Some(metadata(r#"{"cost":1.50}"#));
    })]);
}

#[test]
fn an_account_may_hold_a_license_of_no_seats() {
    given([]).when(allocate(CREATIVE, 0)).then([allocated(CREATIVE, 0)]);
}

#[test]
fn a_license_that_is_over_already_can_be_allocated_for_the_record() {
    given([]).when(allocate_as(CREATIVE, 1, |it| it.ends_at = Some(day(-1)))).then([allocated_as(
        CREATIVE,
        1,
        |it| it.ends_at = Some(day(-1)),
    )]);
}

#[test]
fn licenses_of_one_product_stand_beside_each_other() {
    given([allocated(CREATIVE, 1)]).when(allocate(OFFICE, 1)).then([allocated(OFFICE, 1)]);
}

#[test]
fn a_license_with_the_same_terms_is_there_already() {
    given([allocated(CREATIVE, 2)]).when(allocate(CREATIVE, 2)).then([]);
}

#[test]
fn a_license_keeps_being_there_while_it_is_suspended() {
    given([allocated(CREATIVE, 2), suspended(CREATIVE)]).when(allocate(CREATIVE, 2)).then([]);
}

#[test]
fn a_license_with_other_terms_is_another_license() {
    let asked = |term, more: fn(&mut AllocateLicense)| {
        let exists = Refusal::LicenseExists { license: license(CREATIVE), terms: vec![term] };
        given([allocated(CREATIVE, 2)]).when(allocate_as(CREATIVE, 2, more)).refused(exists);
    };
    asked("quantity", |it| it.quantity = seats(3));
    asked("product", |it| it.product = product("Q"));
    asked("container", |it| it.container = Some(ContainerId::new("t").unwrap()));
    asked("name", |it| it.name = Some(label("n")));
    asked("starts_at", |it| it.starts_at = Some(day(0)));
    asked("ends_at", |it| it.ends_at = Some(day(9)));
    asked("external_id", |it| it.external_id = Some(external("X")));
    asked("source", |it| it.source = Some(crate::Source::new("s").unwrap()));
    asked("metadata", |it| it.metadata = Some(metadata("{}")));
}

#[test]
fn each_term_that_is_another_one_is_named() {
    let refusal =
        Refusal::LicenseExists { license: license(CREATIVE), terms: vec!["quantity", "ends_at"] };
    assert_eq!(refusal.to_string(), "creative exists already, with another quantity, ends_at");
    given([allocated(CREATIVE, 2)])
        .when(allocate_as(CREATIVE, 3, |it| it.ends_at = Some(day(9))))
        .refused(refusal);
}

#[test]
fn a_license_that_changed_since_is_no_longer_as_asked() {
    given([allocated(CREATIVE, 2), quantity_changed(CREATIVE, 2, 3)])
        .when(allocate(CREATIVE, 2))
        .refused(Refusal::LicenseExists { license: license(CREATIVE), terms: vec!["quantity"] });
}

#[test]
fn a_retired_license_does_not_come_back() {
    given([allocated(CREATIVE, 2), retired(CREATIVE)])
        .when(allocate(CREATIVE, 2))
        .refused(Refusal::LicenseRetired(license(CREATIVE)));
}

#[test]
fn an_external_id_belongs_to_one_license() {
    let taken =
        || Refusal::ExternalIdTaken { external_id: external("X"), license: license(CREATIVE) };
    let first = || allocated_as(CREATIVE, 1, |it| it.external_id = Some(external("X")));
    let second = || allocate_as(OFFICE, 1, |it| it.external_id = Some(external("X")));
    given([first()]).when(second()).refused(taken());
    // Retired or not: an id that other systems know is not given to something else.
    given([first(), retired(CREATIVE)]).when(second()).refused(taken());
}

#[test]
fn an_external_id_that_was_given_up_is_free() {
    given([
        allocated_as(CREATIVE, 1, |it| it.external_id = Some(external("X"))),
        described(CREATIVE, |it| it.external_id = Some(external("Y"))),
    ])
    .when(allocate_as(OFFICE, 1, |it| it.external_id = Some(external("X"))))
    .then([allocated_as(OFFICE, 1, |it| it.external_id = Some(external("X")))]);
}
