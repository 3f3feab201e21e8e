//! Events about policies, grounds, holders, groups and waitlists.

use super::{ada, assigned, creative, known_by_user, label, moment};
use crate::event::{
    Assigned, AssignmentEndSet, AssignmentTransferred, CommandScheduled, ContainerPlaced,
    DirectSetCleared, DirectSetDeclared, Event, Ground, GroundChanged, GroupNamed,
    GroupRuleApplied, GroupRuleSet, HolderLinked, HolderRegistered, HolderRetired, KeyCreated,
    KeyRevoked, KeyUsed, LicenseDue, MemberAdded, MemberRemoved, OverallocationBegan,
    OverallocationEnded, PolicySet, ScheduleCancelled, ScheduleFired, WaitEnd, WaitlistJoined,
    WaitlistLeft,
};
use crate::key::{Facade, KeyId, Role, SecretHash};
use crate::policy::{DirectSets, Leaving, Lowering, MayHold, Overage, Policy};
use crate::rule::{Grant, Mode};
use crate::text::{ContainerId, GroupId, ProductId};
use crate::{Email, Holder, Metadata};

fn key() -> KeyId {
    KeyId::parse("5d1f0c2ab7e94836").unwrap()
}

fn designers() -> GroupId {
    GroupId::new("designers").unwrap()
}

fn product(name: &str) -> ProductId {
    ProductId::new(name).unwrap()
}

fn address() -> Holder {
    Holder::email(Email::new("ada@example.com").unwrap())
}

fn policy() -> Policy {
    Policy {
        overage: Some(Overage::Percent(25)),
        lowering: Some(Lowering::Tolerate),
        leaving: Some(Leaving::Orphan),
        may_hold: Some(MayHold::Members),
        direct_sets: Some(DirectSets::Add),
    }
}

fn ground(ground: Ground) -> GroundChanged {
    let Assigned { assignment, license, holder } = assigned();
    GroundChanged { assignment, license, holder, ground }
}

fn grants() -> Vec<Grant> {
    let product = Some(product("CREATIVE"));
    vec![
        Grant {
            license: Some(creative()),
            product: None,
            mode: Mode::Eager,
            quota: None,
            metadata: None,
        },
        Grant { license: None, product, mode: Mode::FirstCome, quota: Some(10), metadata: None },
    ]
}

fn due() -> LicenseDue {
    LicenseDue { license: creative(), due: moment("2027-05-01T00:00:00Z") }
}

fn end_set() -> AssignmentEndSet {
    let Assigned { assignment, license, holder } = assigned();
    AssignmentEndSet { assignment, license, holder, ends_at: Some(due().due) }
}

/// In the order of [`Event::TYPES`].
pub(super) fn samples() -> Vec<Event> {
    let (user_name, display_name) = (label("ada.l"), label("Ada Lovelace"));
    let products = vec![product("CREATIVE"), product("OFFICE")];
    let (license, group) = (Some(creative()), designers());
    let Assigned { assignment, .. } = assigned();
    let registered = true;
    let number = 4;
    vec![
        Event::PolicySet(PolicySet { license: license.clone(), policy: policy() }),
        Event::OverallocationBegan(OverallocationBegan {
            license: creative(),
            held: 60,
            limit: 50,
        }),
        Event::OverallocationEnded(OverallocationEnded { license: creative() }),
        Event::GroundAdded(ground(Ground::Group(group.clone()))),
        Event::GroundRemoved(ground(Ground::Orphan(group.clone()))),
        Event::AssignmentTransferred(AssignmentTransferred {
            assignment,
            license: creative(),
            from: address(),
            holder: ada(),
        }),
        Event::HolderRegistered(HolderRegistered {
            holder: ada(),
            number,
            user_name,
            display_name,
            registered,
        }),
        Event::HolderLinked(HolderLinked { from: address(), holder: ada() }),
        Event::HolderRetired(HolderRetired { holder: ada() }),
        Event::DirectSetDeclared(DirectSetDeclared { holder: ada(), products, external: true }),
        Event::DirectSetCleared(DirectSetCleared { holder: ada() }),
        Event::GroupNamed(GroupNamed { group: designers(), number, name: label("Design team") }),
        Event::MemberAdded(MemberAdded {
            group: designers(),
            holder: ada(),
            place: 5,
            holder_number: Some(3),
        }),
        Event::MemberRemoved(MemberRemoved { group: designers(), holder: ada() }),
        Event::GroupRuleSet(GroupRuleSet {
            group: designers(),
            grants: grants(),
            unfinished: true,
            withdrawing: Some(Leaving::Orphan),
        }),
        Event::GroupRuleApplied(GroupRuleApplied { group: designers() }),
    ]
    .into_iter()
    .chain(samples_of_waiting())
    .chain(samples_of_time())
    .collect()
}

fn samples_of_waiting() -> Vec<Event> {
    let (license, of) = (Some(creative()), Some(product("CREATIVE")));
    let (group, holder) = (designers(), ada());
    let left = Ground::Group(group);
    vec![
        Event::WaitlistJoined(WaitlistJoined {
            place: 6,
            license,
            product: None,
            holder: ada(),
            ground: Ground::Direct,
            fulfilled: true,
            redirect_to: label("https://example.com/start"),
            metadata: Metadata::new("{}").ok(),
            ends_at: Some(due().due),
        }),
        Event::WaitlistLeft(WaitlistLeft {
            place: 6,
            license: None,
            product: of,
            holder,
            ground: left,
            end: WaitEnd::GivenUp,
        }),
    ]
}

fn samples_of_time() -> Vec<Event> {
    vec![
        Event::LicenseStarted(due()),
        Event::LicenseEnded(due()),
        Event::GraceEnded(due()),
        Event::AssignmentEndSet(end_set()),
        Event::CommandScheduled(CommandScheduled {
            schedule: 7,
            due: due().due,
            command: label("RevokeAssignment").unwrap(),
            document: Metadata::new(r#"{"license":"creative","holders":[{"user":"ada"}]}"#)
                .unwrap(),
        }),
        Event::ScheduleCancelled(ScheduleCancelled { schedule: 7 }),
        Event::ScheduleFired(ScheduleFired {
            schedule: 7,
            due: due().due,
            refused: Some("held_by_group".into()),
            detail: Some("the group designers gives creative to ada".into()),
        }),
        Event::ContainerPlaced(ContainerPlaced {
            container: ContainerId::new("service-2").unwrap(),
            within: Some(ContainerId::new("tenant-1").unwrap()),
        }),
    ]
}

pub(super) fn samples_of_keys() -> Vec<Event> {
    vec![
        Event::KeyCreated(KeyCreated {
            key: key(),
            hash: SecretHash([0xab; 32]),
            role: Role::Operator,
            facades: Some([Facade::Native, Facade::Uipath].into()),
            expires_at: Some(due().due),
            every_account: true,
            name: label("provisioning"),
        }),
        Event::KeyRevoked(KeyRevoked { key: key() }),
        Event::KeyUsed(KeyUsed { key: key(), day: due().due.day() }),
    ]
}

/// The same with nothing that can be left out.
#[expect(clippy::wildcard_enum_match_arm, reason = "all others have nothing to leave out")]
pub(super) fn least(event: Event) -> Event {
    match event {
        Event::PolicySet(_) => {
            Event::PolicySet(PolicySet { license: None, policy: Policy::default() })
        }
        Event::HolderRegistered(it) => Event::HolderRegistered(HolderRegistered {
            holder: known_by_user(it.holder),
            number: it.number,
            user_name: None,
            display_name: None,
            registered: false,
        }),
        Event::DirectSetDeclared(it) => Event::DirectSetDeclared(DirectSetDeclared {
            holder: known_by_user(it.holder),
            products: vec![],
            external: false,
        }),
        Event::GroupNamed(it) => Event::GroupNamed(GroupNamed { name: None, ..it }),
        Event::GroupRuleSet(it) => Event::GroupRuleSet(GroupRuleSet {
            grants: vec![],
            unfinished: false,
            withdrawing: None,
            ..it
        }),
        Event::AssignmentEndSet(it) => {
            Event::AssignmentEndSet(AssignmentEndSet { ends_at: None, ..it })
        }
        Event::ScheduleFired(it) => {
            Event::ScheduleFired(ScheduleFired { refused: None, detail: None, ..it })
        }
        Event::ContainerPlaced(it) => {
            Event::ContainerPlaced(ContainerPlaced { within: None, ..it })
        }
        Event::KeyCreated(it) => Event::KeyCreated(KeyCreated {
            facades: None,
            expires_at: None,
            every_account: false,
            name: None,
            ..it
        }),
        Event::MemberAdded(it) => Event::MemberAdded(MemberAdded { holder_number: None, ..it }),
        Event::WaitlistJoined(it) => Event::WaitlistJoined(WaitlistJoined {
            license: None,
            product: Some(product("CREATIVE")),
            holder: known_by_user(it.holder),
            fulfilled: false,
            redirect_to: None,
            metadata: None,
            ends_at: None,
            ..it
        }),
        other => other,
    }
}
