//! Random histories of accounts that give to each other.

use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::{Ask, Commit, Walk, What, allocation, day, groups, holders};
use crate::command::{
    AllocateToAccount, AssignSeat, ChangeLicense, Command, GraceDays, PassTime, Patch, Quantity,
    ReinstateLicense, RetireLicense, RevokeAssignment, SetPolicy, SuspendLicense,
};
use crate::policy::Lowering;
use crate::text::{AccountId, LicenseId};

/// Two hosts with a license each, and a third account that has none of its own.
pub(in super::super) fn transfer_walks() -> impl Strategy<Value = Walk> {
    let said = |account, command| Ask { account, dry_run: false, what: What::Said(command) };
    prop::collection::vec(commits(), 4..40).prop_map(move |mut walk| {
        let asks =
            vec![said("acme", allocation("a", "P", 9)), said("other", allocation("b", "P", 6))];
        walk.insert(0, Commit { later: 0, asks, lands: true });
        walk
    })
}

fn commits() -> impl Strategy<Value = Commit> {
    let asks = prop::collection::vec(asks(), 1..6);
    (0..12_i64, asks, prop::bool::weighted(0.8)).prop_map(|(later, asks, lands)| Commit {
        later,
        asks,
        lands,
    })
}

fn asks() -> impl Strategy<Value = Ask> {
    // Those who have a license, and now and then others.
    let of = select(vec![
        ("acme", "a"),
        ("acme", "a"),
        ("acme", "a"),
        ("acme", "a"),
        ("other", "b"),
        ("other", "b"),
        ("other", "a@acme"),
        ("other", "a@acme"),
        ("third", "a@acme"),
        ("third", "b@other"),
        ("third", "a@acme"),
        ("acme", "b@other"),
        ("third", "b"),
    ]);
    prop_oneof![
        10 => (any::<Index>(), prop::bool::weighted(0.2)).prop_map(|(transfer, again)| Ask {
            account: "acme",
            dry_run: false,
            what: What::Step(transfer, again),
        }),
        12 => (of, prop::bool::weighted(0.05)).prop_flat_map(|((account, license), dry_run)| {
            let license = LicenseId::new(license).unwrap();
            let ask = move |it| Ask { account, dry_run, what: What::Said(it) };
            commands(license).prop_map(ask)
        }),
    ]
}

fn commands(license: LicenseId) -> impl Strategy<Value = Command> {
    let license = || Just(license.clone());
    prop_oneof![
        18 => gifts(license()),
        8 => (license(), holders()).prop_map(|(license, holders)| {
            Command::AssignSeat(AssignSeat {
                license: Some(license),
                product: None,
                container: None,
                holders,
                active: true,
                fulfilled: false,
                redirect_to: None,
                metadata: None,
                wait: false,
                ends_at: None,
            })
        }),
        3 => (license(), holders()).prop_map(|(license, holders)| {
            Command::RevokeAssignment(RevokeAssignment {
                assignment: None,
                assignments: vec![],
                license: Some(license),
                holders,
            })
        }),
        2 => changes(license()),
        2 => endings(license()),
        1 => select(vec![None, Some(Lowering::Refuse), Some(Lowering::Tolerate)]).prop_map(|it| {
            let lowering = it.map_or(Patch::Clear, Patch::Set);
            Command::SetPolicy(SetPolicy {
                license: None,
                overage: Patch::Keep,
                lowering,
                leaving: Patch::Keep,
                may_hold: Patch::Keep,
                direct_sets: Patch::Keep,
            })
        }),
        1 => groups::commands(),
        1 => Just(Command::PassTime(PassTime {})),
    ]
}

fn gifts(license: Just<LicenseId>) -> impl Strategy<Value = Command> {
    let receiver = select(vec!["acme", "other", "other", "third", "third"]);
    (license, receiver, select(vec![0_i64, 0, 0, 1, 2, 3, 4, 5])).prop_map(
        |(license, receiver, quantity)| {
            let receiver = AccountId::new(receiver).unwrap();
            let quantity = Quantity::new(quantity).unwrap();
            Command::AllocateToAccount(AllocateToAccount { license, receiver, quantity })
        },
    )
}

fn changes(license: Just<LicenseId>) -> impl Strategy<Value = Command> {
    (license, 0..10_i64, 0..6_i64).prop_map(|(license, quantity, which)| {
        let ends_at = if which == 4 { Patch::Clear } else { Patch::Set(day(20 + quantity, 0)) };
        let grace_days = GraceDays::new(2).map_or(Patch::Keep, Patch::Set);
        let is_moved = which > 3;
        Command::ChangeLicense(ChangeLicense {
            license,
            quantity: Quantity::new(quantity).filter(|_| !is_moved),
            name: Patch::Keep,
            starts_at: Patch::Keep,
            ends_at: if is_moved { ends_at } else { Patch::Keep },
            grace_days: if which == 5 { grace_days } else { Patch::Keep },
            external_id: Patch::Keep,
            source: Patch::Keep,
            metadata: Patch::Keep,
        })
    })
}

fn endings(license: Just<LicenseId>) -> impl Strategy<Value = Command> {
    (license, 0..8_u8).prop_map(|(license, which)| match which {
        0..3 => Command::SuspendLicense(SuspendLicense { license }),
        3..6 => Command::ReinstateLicense(ReinstateLicense { license }),
        _ => Command::RetireLicense(RetireLicense { license }),
    })
}
