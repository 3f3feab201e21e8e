//! Random histories of one license that is shared out, two deep, and given on.

use proptest::option;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::{Ask, Commit, Walk, What, allocation, groups, holders};
use crate::command::{
    AllocateToAccount, Allocation, AssignSeat, ChangeLicense, Command, MoveQuantity, Part, Patch,
    Quantity, QuantityMove, RevokeAssignment, SetAllocations, SetPolicy,
};
use crate::policy::{Lowering, Overage};
use crate::text::{AccountId, ContainerId, LicenseId};

/// The license, its parts, and the parts of one of them.
const NAMES: [&str; 5] = ["a", "a@x", "a@y", "a@x@z", "a@x@w"];

pub(in super::super) fn part_walks() -> impl Strategy<Value = Walk> {
    prop::collection::vec(commits(), 4..30).prop_map(|mut walk| {
        let said = |command| Ask { account: "acme", dry_run: false, what: What::Said(command) };
        let within = share("z", Some("x"), false, 2);
        let asks = [allocation("a", "P", 6), groups::share("a", "x", 3), within];
        let asks = asks.map(said).into();
        walk.insert(0, Commit { later: 0, asks, lands: true });
        walk
    })
}

fn commits() -> impl Strategy<Value = Commit> {
    let step = (any::<Index>(), prop::bool::weighted(0.1))
        .prop_map(|(transfer, again)| What::Step(transfer, again));
    let what = prop_oneof![
        12 => commands().prop_map(What::Said),
        1 => step,
    ];
    let ask = (what, prop::bool::weighted(0.05)).prop_map(|(what, dry_run)| Ask {
        account: "acme",
        dry_run,
        what,
    });
    let asks = prop::collection::vec(ask, 1..6);
    (asks, prop::bool::weighted(0.8)).prop_map(|(asks, lands)| Commit { later: 1, asks, lands })
}

fn commands() -> impl Strategy<Value = Command> {
    prop_oneof![
        8 => (license(), holders(), any::<bool>()).prop_map(|(license, holders, wait)| {
            Command::AssignSeat(AssignSeat {
                license: Some(license),
                product: None,
                container: None,
                holders,
                active: true,
                fulfilled: false,
                redirect_to: None,
                metadata: None,
                wait,
                ends_at: None,
            })
        }),
        4 => (license(), holders()).prop_map(|(license, holders)| {
            Command::RevokeAssignment(RevokeAssignment {
                assignment: None,
                assignments: vec![],
                license: Some(license),
                holders,
            })
        }),
        6 => (select(vec!["x", "y"]), 0..5_i64).prop_map(|(it, to)| share(it, None, false, to)),
        6 => (select(vec!["z", "w"]), any::<bool>(), 0..4_i64)
            .prop_map(|(it, through, to)| share(it, Some("x"), through, to)),
        5 => moves(),
        3 => (license(), 0..8_i64).prop_map(|(license, quantity)| change(license, quantity)),
        2 => policies(),
        2 => (select(vec!["other", "third"]), 0..4_i64).prop_map(|(receiver, quantity)| {
            Command::AllocateToAccount(AllocateToAccount {
                license: LicenseId::new("a").unwrap(),
                receiver: AccountId::new(receiver).unwrap(),
                quantity: seats(quantity),
            })
        }),
        1 => groups::commands(),
    ]
}

fn seats(quantity: i64) -> Quantity {
    Quantity::new(quantity).unwrap()
}

fn license() -> impl Strategy<Value = LicenseId> {
    select(NAMES.to_vec()).prop_map(|it| LicenseId::new(it).unwrap())
}

fn share(container: &str, within: Option<&str>, through: bool, quantity: i64) -> Command {
    let name = |it: &str| ContainerId::new(it).unwrap();
    let license = Some(LicenseId::new("a").unwrap());
    let part = Part { license, product: None, quantity: seats(quantity) };
    let (container, within) = (name(container), within.map(name));
    let allocation = Allocation { container, within, through, quantities: vec![part] };
    Command::SetAllocations(SetAllocations { allocations: vec![allocation] })
}

fn moves() -> impl Strategy<Value = Command> {
    let places = prop_oneof![Just((None, ["x", "y"])), Just((Some("x"), ["z", "w"]))];
    let name = |it: &str| ContainerId::new(it).unwrap();
    (places, option::of(any::<bool>()), 1..4_i64).prop_map(
        move |((within, ends), back, quantity)| {
            let [one, other] = ends.map(name);
            let (from, to) = match back {
                None => (None, Some(one)),
                Some(false) => (Some(one), Some(other)),
                Some(true) => (Some(other), None),
            };
            let step = QuantityMove { from, to, quantity: seats(quantity) };
            Command::MoveQuantity(MoveQuantity {
                license: Some(LicenseId::new("a").unwrap()),
                product: None,
                within: within.map(name),
                moves: vec![step],
            })
        },
    )
}

fn change(license: LicenseId, quantity: i64) -> Command {
    Command::ChangeLicense(ChangeLicense {
        license,
        quantity: Some(seats(quantity)),
        name: Patch::Keep,
        starts_at: Patch::Keep,
        ends_at: Patch::Keep,
        grace_days: Patch::Keep,
        external_id: Patch::Keep,
        source: Patch::Keep,
        metadata: Patch::Keep,
    })
}

fn policies() -> impl Strategy<Value = Command> {
    let overage = select(vec![Overage::None, Overage::Percent(50), Overage::Unlimited]);
    let overage = prop_oneof![3 => Just(Patch::Keep), 1 => overage.prop_map(Patch::Set)];
    let tolerate = Patch::Set(Lowering::Tolerate);
    let lowering = select(vec![tolerate.clone(), tolerate, Patch::Set(Lowering::Refuse)]);
    (option::weighted(0.4, license()), overage, lowering).prop_map(
        |(license, overage, lowering)| {
            Command::SetPolicy(SetPolicy {
                license,
                overage,
                lowering,
                leaving: Patch::Keep,
                may_hold: Patch::Keep,
                direct_sets: Patch::Keep,
            })
        },
    )
}
