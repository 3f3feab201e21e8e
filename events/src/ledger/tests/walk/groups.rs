//! Commands about policies, holders, groups, direct sets and waitlists.

use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::{holder, holders, label, license, patch, product};
use crate::command::{
    AddMembers, AllocateToAccount, Allocation, AssignSeat, CancelSchedule, ClearDirectSet, Command,
    DeclareDirectSet, GrantToGroup, LeaveWaitlist, LinkHolder, MoveQuantity, Part, PassTime, Patch,
    Quantity, QuantityMove, RegisterHolder, RemoveGroupRule, RemoveMembers, RetireHolder,
    ScheduleCommand, SetAllocations, SetGroupRule, SetPolicy,
};
use crate::policy::{DirectSets, Leaving, Lowering, MayHold, Overage};
use crate::rule::{Grant, Mode};
use crate::text::{AccountId, ContainerId, GroupId, Label, LicenseId, ProductId};
use crate::{Email, Metadata, UserId};

pub(super) fn commands() -> impl Strategy<Value = Command> {
    let of_groups = prop_oneof![
        4 => (group(), holders(), option::weighted(0.2, label())).prop_map(
            |(group, holders, name)| Command::AddMembers(AddMembers { group, holders, name })
        ),
        2 => (group(), holders()).prop_map(
            |(group, holders)| Command::RemoveMembers(RemoveMembers { group, holders })
        ),
        4 => (group(), prop::collection::vec(grant(), 0..3), any::<bool>()).prop_map(
            |(group, grants, cascade)| {
                Command::SetGroupRule(SetGroupRule { group, grants, cascade })
            }
        ),
        1 => (group(), grant())
            .prop_map(|(group, grant)| Command::GrantToGroup(GrantToGroup { group, grant })),
        1 => (group(), option::of(of()), any::<bool>()).prop_map(|(group, of, cascade)| {
            let (license, product) = of.unwrap_or_default();
            Command::RemoveGroupRule(RemoveGroupRule { group, license, product, cascade })
        }),
    ];
    let of_holders = prop_oneof![
        1 => (holder(), patch(label()), patch(label())).prop_map(
            |(holder, user_name, display_name)| {
                Command::RegisterHolder(RegisterHolder { holder, user_name, display_name })
            }
        ),
        1 => (select(vec!["a@x.org", "b@x.org"]), select(vec!["ada", "bo"])).prop_map(
            |(email, user)| {
                let (email, user) = (Email::new(email).unwrap(), UserId::new(user).unwrap());
                Command::LinkHolder(LinkHolder { email, user })
            }
        ),
        1 => holder().prop_map(|holder| Command::RetireHolder(RetireHolder { holder })),
        4 => (holders(), prop::collection::vec(product(), 0..3), any::<bool>()).prop_map(
            |(holders, products, external)| {
                Command::DeclareDirectSet(DeclareDirectSet { holders, products, external })
            }
        ),
        2 => holders()
            .prop_map(|holders| Command::ClearDirectSet(ClearDirectSet { holders })),
        1 => (of(), holders()).prop_map(|((license, product), holders)| {
            Command::LeaveWaitlist(LeaveWaitlist { license, product, holders })
        }),
    ];
    prop_oneof![
        6 => of_groups,
        5 => of_holders,
        5 => policies(),
        4 => Just(Command::PassTime(PassTime {})),
        3 => schedules(),
        5 => allocations(),
        3 => accounts(),
    ]
    .prop_filter("it is well-formed", |it| it.check().is_ok())
}

/// A part of a license for a container.
pub(super) fn share(license: &str, container: &str, quantity: i64) -> Command {
    let part = Part {
        license: Some(LicenseId::new(license).unwrap()),
        product: None,
        quantity: Quantity::new(quantity).unwrap(),
    };
    let container = ContainerId::new(container).unwrap();
    let allocation = Allocation { container, within: None, through: false, quantities: vec![part] };
    Command::SetAllocations(SetAllocations { allocations: vec![allocation] })
}

pub(super) fn accounts() -> impl Strategy<Value = Command> {
    let receiver = select(vec!["other", "other", "acme", "third"]);
    (license(), receiver, 0..4_i64).prop_map(|(license, receiver, quantity)| {
        let receiver = AccountId::new(receiver).unwrap();
        let quantity = Quantity::new(quantity).unwrap();
        Command::AllocateToAccount(AllocateToAccount { license, receiver, quantity })
    })
}

fn allocations() -> impl Strategy<Value = Command> {
    let container = || select(vec!["x", "y"]).prop_map(|it| ContainerId::new(it).unwrap());
    let quantity = || (0..4_i64).prop_map(|it| Quantity::new(it).unwrap());
    let part = (of(), quantity()).prop_map(|((license, product), quantity)| Part {
        license,
        product,
        quantity,
    });
    let parts = prop::collection::vec(part, 0..3);
    let allocation = (container(), option::weighted(0.3, container()), any::<bool>(), parts)
        .prop_map(|(container, within, through, quantities)| {
            let through = through && within.is_some();
            Allocation { container, within, through, quantities }
        });
    let step = (option::of(container()), option::of(container()), quantity())
        .prop_map(|(from, to, quantity)| QuantityMove { from, to, quantity });
    let moves = prop::collection::vec(step, 1..3);
    prop_oneof![
        prop::collection::vec(allocation, 1..3)
            .prop_map(|allocations| Command::SetAllocations(SetAllocations { allocations })),
        (of(), option::weighted(0.2, container()), moves).prop_map(
            |((license, product), within, moves)| {
                Command::MoveQuantity(MoveQuantity { license, product, within, moves })
            }
        ),
        (product(), container(), holders()).prop_map(|(product, container, holders)| {
            Command::AssignSeat(AssignSeat {
                license: None,
                product: Some(product),
                container: Some(container),
                holders,
                active: true,
                fulfilled: false,
                redirect_to: None,
                metadata: None,
                ends_at: None,
                wait: false,
            })
        }),
    ]
}

/// Commands to come, some of them malformed by then or refused.
fn schedules() -> impl Strategy<Value = Command> {
    let documents = select(vec![
        ("RetireHolder", r#"{"holder":{"user":"ada"}}"#),
        ("RevokeAssignment", r#"{"license":"a","holders":[{"user":"bo"}]}"#),
        ("AssignSeat", r#"{"license":"a","holders":[{"user":"bo"},{"user":"cy"}],"wait":true}"#),
        ("SetGroupRule", r#"{"group":"g","grants":[{"product":"P","mode":"eager"}]}"#),
        ("ChangeLicense", r#"{"license":"a","quantity":1}"#),
    ]);
    prop_oneof![
        3 => (documents, super::moment()).prop_map(|((command, document), at)| {
            Command::ScheduleCommand(ScheduleCommand {
                at,
                command: Label::new(command).unwrap(),
                document: Metadata::new(document).unwrap(),
            })
        }),
        1 => (1..25_u64).prop_map(|schedule| {
            Command::CancelSchedule(CancelSchedule { schedule })
        }),
    ]
}

fn group() -> impl Strategy<Value = GroupId> {
    select(vec!["g", "h"]).prop_map(|it| GroupId::new(it).unwrap())
}

fn of() -> impl Strategy<Value = (Option<LicenseId>, Option<ProductId>)> {
    prop_oneof![
        license().prop_map(|it| (Some(it), None)),
        product().prop_map(|it| (None, Some(it))),
    ]
}

fn grant() -> impl Strategy<Value = Grant> {
    let mode = select(vec![Mode::Eager, Mode::FirstCome, Mode::FirstCome]);
    (of(), mode, option::weighted(0.4, 1..4_i64)).prop_map(|((license, product), mode, quota)| {
        Grant { license, product, mode, quota, metadata: None }
    })
}

fn policies() -> impl Strategy<Value = Command> {
    let overage = select(vec![Overage::None, Overage::Percent(50), Overage::Unlimited]);
    let tolerate = Patch::Set(Lowering::Tolerate);
    let refuse = Patch::Set(Lowering::Refuse);
    let lowering = select(vec![Patch::Keep, tolerate.clone(), tolerate, refuse, Patch::Clear]);
    let leaving = select(vec![Leaving::Release, Leaving::Orphan]);
    let may_hold = select(vec![MayHold::Anyone, MayHold::Members]);
    let direct_sets = select(vec![DirectSets::Replace, DirectSets::Add]);
    let terms = (patch(overage), lowering, patch(leaving), patch(may_hold));
    (option::of(license()), terms, patch(direct_sets)).prop_map(
        |(license, (overage, lowering, leaving, may_hold), direct_sets)| {
            Command::SetPolicy(SetPolicy {
                license,
                overage,
                lowering,
                leaving,
                may_hold,
                direct_sets,
            })
        },
    )
}
