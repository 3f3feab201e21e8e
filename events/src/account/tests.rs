//! Facts that cannot follow the ones before, and changes taken back.

use super::*;
use crate::command::Quantity;
use crate::event::{
    Assigned, AssignmentDescribed, Event, Ground, LicenseAllocated, LicenseDescribed,
    LicenseSuspended, QuantityChanged, SeatAssigned,
};
use crate::text::Label;
use crate::{Email, UserId};

fn license(name: &str) -> LicenseId {
    LicenseId::new(name).unwrap()
}

fn user(name: &str, email: Option<&str>) -> Holder {
    Holder {
        user: Some(UserId::new(name).unwrap()),
        email: email.map(|it| Email::new(it).unwrap()),
    }
}

fn id(number: u128) -> AssignmentId {
    AssignmentId(uuid::Uuid::from_u128(number))
}

fn allocated(name: &str, external_id: Option<&str>) -> Event {
    Event::LicenseAllocated(LicenseAllocated {
        license: license(name),
        number: 1,
        product: ProductId::new("P").unwrap(),
        quantity: Quantity::new(2).unwrap(),
        container: None,
        parent: None,
        host: None,
        name: None,
        starts_at: None,
        ends_at: None,
        grace_days: None,
        external_id: external_id.map(|it| ExternalId::new(it).unwrap()),
        source: None,
        metadata: None,
    })
}

fn described(name: &str, external_id: Option<&str>) -> Event {
    Event::LicenseDescribed(LicenseDescribed {
        license: license(name),
        name: None,
        external_id: external_id.map(|it| ExternalId::new(it).unwrap()),
        source: None,
        metadata: None,
    })
}

fn seat(number: u128, name: &str, holder: Holder) -> Event {
    Event::SeatAssigned(SeatAssigned {
        assignment: id(number),
        number: 1,
        license: license(name),
        holder,
        holder_number: None,
        grounds: vec![Ground::Direct],
        active: true,
        fulfilled: false,
        redirect_to: None,
        metadata: None,
        ends_at: None,
    })
}

fn said(number: u128, name: &str, holder: Holder) -> Assigned {
    Assigned { assignment: id(number), license: license(name), holder }
}

fn revoked(number: u128, name: &str, holder: Holder) -> Event {
    Event::AssignmentRevoked(said(number, name, holder))
}

fn account<const N: usize>(history: [Event; N]) -> Account {
    let mut account = Account::new(AccountId::new("acme").unwrap());
    for event in &history {
        account.evolve(event).unwrap();
    }
    account.audit();
    account
}

#[track_caller]
fn cannot_follow<const N: usize>(history: [Event; N], event: Event, why: Inconsistent) {
    let mut account = account(history);
    let before = account.contents();
    assert_eq!(account.evolve(&event), Err(why));
    assert_eq!(account.contents(), before, "it left something behind");
    account.audit();
}

#[test]
fn a_license_is_allocated_once() {
    cannot_follow(
        [allocated("a", None)],
        allocated("a", Some("X")),
        Inconsistent::LicenseTwice(license("a")),
    );
}

#[test]
fn nothing_happens_to_a_license_that_is_not_there() {
    let missing = || Inconsistent::LicenseMissing(license("b"));
    let (from, to) = (Quantity::ZERO, Quantity::ZERO);
    for event in [
        described("b", None),
        Event::QuantityChanged(QuantityChanged { license: license("b"), from, to }),
        Event::LicenseSuspended(LicenseSuspended { license: license("b") }),
        seat(1, "b", user("ada", None)),
    ] {
        cannot_follow([allocated("a", None)], event, missing());
    }
}

#[test]
fn a_holder_has_one_assignment_of_a_license() {
    cannot_follow(
        [allocated("a", None), seat(1, "a", user("ada", None))],
        seat(2, "a", user("ada", Some("ada@x.org"))),
        Inconsistent::AssignmentTwice(id(2)),
    );
}

#[test]
fn an_assignment_id_is_never_used_again() {
    let history = || [allocated("a", None), seat(1, "a", user("ada", None))];
    cannot_follow(history(), seat(1, "a", user("bo", None)), Inconsistent::AssignmentTwice(id(1)));
    let [license, assigned] = history();
    cannot_follow(
        [license, assigned, revoked(1, "a", user("ada", None))],
        seat(1, "a", user("bo", None)),
        Inconsistent::AssignmentTwice(id(1)),
    );
}

#[test]
fn nothing_happens_to_an_assignment_that_is_not_live() {
    let ada = || user("ada", Some("ada@x.org"));
    for (missing, event) in [
        (7, Event::AssignmentReactivated(said(7, "a", user("new", None)))),
        (7, Event::AssignmentFulfilled(said(7, "a", ada()))),
        (1, revoked(1, "a", ada())),
    ] {
        cannot_follow(
            [allocated("a", None), seat(1, "a", ada()), revoked(1, "a", ada())],
            event,
            Inconsistent::AssignmentMissing(id(missing)),
        );
    }
}

#[test]
fn an_event_is_about_the_license_and_the_holder_it_says() {
    let history = || [allocated("a", None), allocated("b", None), seat(1, "a", user("ada", None))];
    let others = [said(1, "b", user("ada", None)), said(1, "a", user("bo", None))];
    for other in others {
        for event in [
            Event::AssignmentDeactivated(other.clone()),
            Event::AssignmentReactivated(other.clone()),
            Event::AssignmentFulfilled(other.clone()),
            Event::FulfilmentWithdrawn(other.clone()),
            Event::AssignmentRevoked(other.clone()),
            Event::AssignmentDescribed(AssignmentDescribed {
                assignment: other.assignment,
                license: other.license.clone(),
                holder: other.holder.clone(),
                redirect_to: None,
                metadata: None,
            }),
        ] {
            cannot_follow(history(), event, Inconsistent::AssignmentOther(id(1)));
        }
    }
}

#[test]
fn rows_end_before_their_numbers_do() {
    assert_eq!(next_row(0), Ok(0));
    assert_eq!(next_row(u32::MAX as usize - 1), Ok(u32::MAX - 1));
    assert_eq!(next_row(u32::MAX as usize), Err(Inconsistent::Full));
    assert_eq!(next_row(usize::MAX), Err(Inconsistent::Full));
}

#[test]
fn an_address_that_changed_is_taken_back() {
    let mut account = account([allocated("a", None), seat(1, "a", user("ada", Some("a@x")))]);
    let before = account.contents();
    account.keep_journal();
    account.evolve(&Event::AssignmentReactivated(said(1, "a", user("ada", Some("a@y"))))).unwrap();
    assert_ne!(account.contents(), before);
    account.roll_back();
    assert_eq!(account.contents(), before);
    account.audit();
}

#[test]
fn external_ids_that_change_places_change_back() {
    let mut account = account([allocated("a", Some("X")), allocated("b", Some("Y"))]);
    let before = account.contents();
    account.keep_journal();
    for event in [described("a", None), described("b", Some("X")), described("a", Some("Y"))] {
        account.evolve(&event).unwrap();
        account.audit();
    }
    account.roll_back();
    assert_eq!(account.contents(), before);
    account.audit();
}

#[test]
fn a_first_license_that_is_taken_back_leaves_no_account() {
    let mut account = account([]);
    account.keep_journal();
    for event in [
        allocated("a", Some("X")),
        seat(1, "a", user("ada", None)),
        revoked(1, "a", user("ada", None)),
        seat(2, "a", user("ada", None)),
    ] {
        account.evolve(&event).unwrap();
    }
    assert!(account.exists());
    account.roll_back();
    account.audit();
    assert!(!account.exists());
    assert_eq!(account.contents(), contents::Contents::default());
}

#[test]
fn what_has_settled_is_not_taken_back() {
    let mut account = account([allocated("a", None)]);
    account.keep_journal();
    account.evolve(&seat(1, "a", user("ada", None))).unwrap();
    account.settle();
    let before = account.contents();
    account.roll_back();
    assert_eq!(account.contents(), before);
}

#[test]
fn counts_that_do_not_fit_are_broken() {
    let mut account = account([allocated("a", None)]);
    account.keep_journal();
    for number in 1..=2 {
        account.evolve(&seat(number, "a", user(&format!("u{number}"), None))).unwrap();
        assert_eq!(account.check(), Ok(()));
    }
    account.evolve(&seat(3, "a", user("u3", None))).unwrap();
    let counts = Broken::Counts {
        account: AccountId::new("acme").unwrap(),
        license: license("a"),
        quantity: 2,
        held: 3,
        live: 3,
    };
    assert_eq!(account.check(), Err(counts));
    account.roll_back();
    assert_eq!(account.check(), Ok(()));
}

#[test]
fn what_is_not_as_it_was_after_it_was_taken_back_is_noticed() {
    let begun = || {
        let mut account = account([allocated("a", None), seat(1, "a", user("ada", None))]);
        account.keep_journal();
        account.take_note(&described("a", Some("X")));
        account.take_note(&seat(2, "a", user("bo", None)));
        account.take_note(&revoked(1, "a", user("ada", None)));
        account
    };
    let restored = |mut account: Account, change: fn(&mut Account)| {
        let touched = account.touched_rows();
        account.roll_back();
        change(&mut account);
        account.is_restored(&touched).map_err(|it| it.what)
    };
    let is_not = |what: &str| Err(what.to_owned());
    assert_eq!(restored(begun(), |_| {}), Ok(()));
    assert_eq!(
        restored(begun(), |it| it.licenses[0].name = Some(Label::new("A").unwrap())),
        is_not("license 0")
    );
    assert_eq!(restored(begun(), |it| it.licenses[0].held = 2), is_not("the seats of a"));
    assert_eq!(restored(begun(), |it| it.assignments[0] = None), is_not("assignment 0"));
    let ended = format!("ended assignment 0 {}", id(1));
    assert_eq!(restored(begun(), |it| it.ended.extend([id(1)])), is_not(&ended));
    // A change that panics in the middle, of a row that nothing says anything of.
    let mut half = begun();
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        half.put_member(99, 0, Some(1));
    }));
    assert!(panicked.is_err());
    assert_eq!(restored(half, |_| {}), is_not("a change is half done"));
}
