//! Given what has happened, when something is asked, then this happens or that stands in the way.
//!
//! Whatever is accepted is asked a second time here, and must then be so already.

mod allocating;
mod assigning;
mod batches;
mod by_product;
mod changing_assignments;
mod changing_licenses;
mod direct_sets;
mod ending_licenses;
mod ends;
mod groups;
mod holders;
mod idle;
mod keys;
mod lowered_parts;
mod policies;
mod precedence;
mod quotas;
mod revoking;
mod sharing;
mod story;
mod time;
mod transferring;
mod waiting;

use super::decide;
use crate::account::Account;
use crate::command::{
    AllocateLicense, AssignSeat, ChangeAssignment, ChangeLicense, Command, Quantity,
    ReinstateLicense, RetireLicense, RevokeAssignment, SuspendLicense,
};
use crate::event::{
    Assigned, AssignmentDescribed, Event, Ground, LicenseAllocated, LicenseDescribed,
    LicenseReinstated, LicenseRetired, LicenseSuspended, QuantityChanged, SeatAssigned,
    WindowChanged,
};
use crate::mint::Mint;
use crate::refusal::Refusal;
use crate::text::{AccountId, AssignmentId, ContainerId, ExternalId, Label, LicenseId, ProductId};
use crate::{Email, Holder, Metadata, Moment, UserId};

const CREATIVE: &str = "creative";
const OFFICE: &str = "office";

/// What has happened before.
fn given<const N: usize>(history: [Event; N]) -> Given {
    let mut account = Account::new(AccountId::new("acme").unwrap());
    let mut seats = 0;
    for event in &history {
        account.evolve(event).unwrap();
        if let Event::SeatAssigned(it) = event {
            seats = seats.max(it.number);
        }
    }
    Given { account, now: day(0), seats }
}

struct Given {
    account: Account,
    now: Moment,
    /// Assignments made before, for their numbers.
    seats: u64,
}

impl Given {
    /// It is another moment than [`day`] 0.
    fn at(self, now: Moment) -> Given {
        Given { now, ..self }
    }

    fn when(self, command: Command) -> Decided {
        // The mint counts ids and numbers in step, so that `assignment` can tell them in advance.
        let mut mint = Mint::new(day(0), self.seats.into(), self.seats);
        let mut account = self.account.clone();
        let outcome = decide(&mut account, &command, self.now, &mut mint);
        assert_eq!(account.check(), Ok(()));
        if outcome.is_err() {
            assert_eq!(account.contents(), self.account.contents(), "a refusal changes nothing");
        }
        Decided { given: self, command, outcome }
    }
}

struct Decided {
    given: Given,
    command: Command,
    outcome: Result<Vec<Event>, Refusal>,
}

impl Decided {
    /// It is accepted and causes exactly this. Asked again, it causes nothing.
    #[track_caller]
    fn then<const N: usize>(self, events: [Event; N]) {
        // That a window has begun or ended with the command is told elsewhere (`time`).
        let told = |it: &Event| !matches!(it, Event::LicenseStarted(_) | Event::LicenseEnded(_));
        let plain =
            |events: Vec<Event>| events.into_iter().filter(told).map(plain).collect::<Vec<_>>();
        assert_eq!(self.outcome.clone().map(plain), Ok(events.to_vec()));
        let mut account = self.given.account;
        for event in &self.outcome.unwrap() {
            account.evolve(event).unwrap();
        }
        let mut mint = Mint::new(day(0), 0, 0);
        let again = decide(&mut account, &self.command, self.given.now, &mut mint);
        assert_eq!(again, Ok(vec![]), "asked again");
    }

    #[track_caller]
    fn refused(self, why: Refusal) {
        assert_eq!(self.outcome, Err(why));
    }
}

/// A seat as the tests write it: its number is that of its assignment, and its holder's is not said.
#[expect(clippy::wildcard_enum_match_arm, reason = "all others are as they are")]
fn plain(event: Event) -> Event {
    match event {
        Event::SeatAssigned(it) => {
            let count = (it.assignment.0.as_u128() & u128::from(u32::MAX)) as u64;
            Event::SeatAssigned(SeatAssigned { number: count, holder_number: None, ..it })
        }
        other => other,
    }
}

/// Moments are days before and after the day of judging.
fn day(days: i64) -> Moment {
    let zero = Moment::parse("2026-05-03T09:00:00Z").unwrap();
    Moment::from_millis(zero.millis() + days * 86_400_000)
}

fn license(name: &str) -> LicenseId {
    LicenseId::new(name).unwrap()
}

fn product(name: &str) -> ProductId {
    ProductId::new(name).unwrap()
}

fn seats(quantity: i64) -> Quantity {
    Quantity::new(quantity).unwrap()
}

fn label(text: &str) -> Label {
    Label::new(text).unwrap()
}

fn external(text: &str) -> ExternalId {
    ExternalId::new(text).unwrap()
}

fn metadata(json: &str) -> Metadata {
    Metadata::new(json).unwrap()
}

fn user(name: &str) -> Holder {
    Holder::user(UserId::new(name).unwrap())
}

fn mail(address: &str) -> Holder {
    Holder::email(Email::new(address).unwrap())
}

fn user_with(name: &str, address: &str) -> Holder {
    Holder { email: mail(address).email, ..user(name) }
}

fn ada() -> Holder {
    user("ada")
}

fn bo() -> Holder {
    user("bo")
}

/// The id of the assignment with this number.
fn assignment(number: u64) -> AssignmentId {
    AssignmentId(Mint::new(day(0), u128::from(number) - 1, 0).id())
}

// What has happened.

fn allocated(name: &str, quantity: i64) -> Event {
    allocated_as(name, quantity, |_| {})
}

fn allocated_as(name: &str, quantity: i64, more: impl FnOnce(&mut LicenseAllocated)) -> Event {
    let mut it = LicenseAllocated {
        license: license(name),
        number: 1,
        product: product("P"),
        quantity: seats(quantity),
        container: None,
        parent: None,
        host: None,
        name: None,
        starts_at: None,
        ends_at: None,
        grace_days: None,
        external_id: None,
        source: None,
        metadata: None,
    };
    more(&mut it);
    Event::LicenseAllocated(it)
}

fn described(name: &str, more: impl FnOnce(&mut LicenseDescribed)) -> Event {
    let mut it = LicenseDescribed {
        license: license(name),
        name: None,
        external_id: None,
        source: None,
        metadata: None,
    };
    more(&mut it);
    Event::LicenseDescribed(it)
}

fn quantity_changed(name: &str, from: i64, to: i64) -> Event {
    let (license, from, to) = (license(name), seats(from), seats(to));
    Event::QuantityChanged(QuantityChanged { license, from, to })
}

fn window_changed(name: &str, starts_at: Option<Moment>, ends_at: Option<Moment>) -> Event {
    Event::WindowChanged(WindowChanged {
        license: license(name),
        starts_at,
        ends_at,
        grace_days: None,
    })
}

fn suspended(name: &str) -> Event {
    Event::LicenseSuspended(LicenseSuspended { license: license(name) })
}

fn reinstated(name: &str) -> Event {
    Event::LicenseReinstated(LicenseReinstated { license: license(name) })
}

fn retired(name: &str) -> Event {
    Event::LicenseRetired(LicenseRetired { license: license(name) })
}

fn seat(number: u64, name: &str, holder: Holder) -> Event {
    seat_as(number, name, holder, |_| {})
}

fn inactive_seat(number: u64, name: &str, holder: Holder) -> Event {
    seat_as(number, name, holder, |it| it.active = false)
}

fn seat_as(number: u64, name: &str, holder: Holder, more: impl FnOnce(&mut SeatAssigned)) -> Event {
    let mut it = SeatAssigned {
        assignment: assignment(number),
        number,
        license: license(name),
        holder,
        holder_number: None,
        grounds: vec![Ground::Direct],
        active: true,
        fulfilled: false,
        redirect_to: None,
        metadata: None,
        ends_at: None,
    };
    more(&mut it);
    Event::SeatAssigned(it)
}

fn said(number: u64, name: &str, holder: Holder) -> Assigned {
    Assigned { assignment: assignment(number), license: license(name), holder }
}

fn deactivated(number: u64, name: &str, holder: Holder) -> Event {
    Event::AssignmentDeactivated(said(number, name, holder))
}

fn reactivated(number: u64, name: &str, holder: Holder) -> Event {
    Event::AssignmentReactivated(said(number, name, holder))
}

fn fulfilled(number: u64, name: &str, holder: Holder) -> Event {
    Event::AssignmentFulfilled(said(number, name, holder))
}

fn withdrawn(number: u64, name: &str, holder: Holder) -> Event {
    Event::FulfilmentWithdrawn(said(number, name, holder))
}

fn seat_described(
    number: u64,
    name: &str,
    holder: Holder,
    more: impl FnOnce(&mut AssignmentDescribed),
) -> Event {
    let Assigned { assignment, license, holder } = said(number, name, holder);
    let (redirect_to, metadata) = (None, None);
    let mut it = AssignmentDescribed { assignment, license, holder, redirect_to, metadata };
    more(&mut it);
    Event::AssignmentDescribed(it)
}

fn revoked(number: u64, name: &str, holder: Holder) -> Event {
    Event::AssignmentRevoked(said(number, name, holder))
}

// What is asked.

fn allocate(name: &str, quantity: i64) -> Command {
    allocate_as(name, quantity, |_| {})
}

fn allocate_as(name: &str, quantity: i64, more: impl FnOnce(&mut AllocateLicense)) -> Command {
    let mut it = AllocateLicense {
        license: license(name),
        product: product("P"),
        quantity: seats(quantity),
        container: None,
        name: None,
        starts_at: None,
        ends_at: None,
        grace_days: None,
        external_id: None,
        source: None,
        metadata: None,
    };
    more(&mut it);
    Command::AllocateLicense(it)
}

fn change(name: &str, more: impl FnOnce(&mut ChangeLicense)) -> Command {
    let mut it = ChangeLicense {
        license: license(name),
        quantity: None,
        name: Default::default(),
        starts_at: Default::default(),
        ends_at: Default::default(),
        grace_days: Default::default(),
        external_id: Default::default(),
        source: Default::default(),
        metadata: Default::default(),
    };
    more(&mut it);
    Command::ChangeLicense(it)
}

fn suspend(name: &str) -> Command {
    Command::SuspendLicense(SuspendLicense { license: license(name) })
}

fn reinstate(name: &str) -> Command {
    Command::ReinstateLicense(ReinstateLicense { license: license(name) })
}

fn retire(name: &str) -> Command {
    Command::RetireLicense(RetireLicense { license: license(name) })
}

fn assign<const N: usize>(name: &str, holders: [Holder; N]) -> Command {
    assign_as(name, holders, |_| {})
}

fn assign_as<const N: usize>(
    name: &str,
    holders: [Holder; N],
    more: impl FnOnce(&mut AssignSeat),
) -> Command {
    let mut it = AssignSeat {
        license: Some(license(name)),
        product: None,
        container: None,
        holders: holders.into(),
        active: true,
        fulfilled: false,
        redirect_to: None,
        metadata: None,
        wait: false,
        ends_at: None,
    };
    more(&mut it);
    Command::AssignSeat(it)
}

fn assign_product<const N: usize>(name: &str, holders: [Holder; N]) -> Command {
    assign_as(CREATIVE, holders, |it| (it.license, it.product) = (None, Some(product(name))))
}

fn change_seat(number: u64, more: impl FnOnce(&mut ChangeAssignment)) -> Command {
    change_any_seat(|it| {
        it.assignment = Some(assignment(number));
        more(it);
    })
}

fn change_seat_of(name: &str, holder: Holder, more: impl FnOnce(&mut ChangeAssignment)) -> Command {
    change_any_seat(|it| {
        (it.license, it.holder) = (Some(license(name)), Some(holder));
        more(it);
    })
}

fn change_any_seat(more: impl FnOnce(&mut ChangeAssignment)) -> Command {
    let mut it = ChangeAssignment {
        assignment: None,
        license: None,
        holder: None,
        active: None,
        fulfilled: None,
        ends_at: Default::default(),
        redirect_to: Default::default(),
        metadata: Default::default(),
    };
    more(&mut it);
    Command::ChangeAssignment(it)
}

fn revoke<const N: usize>(name: &str, holders: [Holder; N]) -> Command {
    Command::RevokeAssignment(RevokeAssignment {
        assignment: None,
        assignments: vec![],
        license: Some(license(name)),
        holders: holders.into(),
    })
}

fn revoke_ids<const N: usize>(numbers: [u64; N]) -> Command {
    Command::RevokeAssignment(RevokeAssignment {
        assignment: None,
        assignments: numbers.map(assignment).into(),
        license: None,
        holders: vec![],
    })
}
