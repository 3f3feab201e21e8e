//! What is given to whom: nobody waits for what is there for them, nobody is given what a direct set
//! keeps from them, and what is given until some day is not given for good.

use crate::account::{Account, Assignment, License, LicenseState, Wait};
use crate::command::Command;
use crate::event::{Event, Ground};
use crate::holder::Holder;
use crate::moment::Moment;
use crate::policy::{DirectSets, MayHold};
use crate::rule::Grant;
use crate::text::GroupId;

/// Panics if somebody waits for what they could have. While something is due, or members are still
/// to be served, nobody can say.
#[track_caller]
pub(super) fn audit(account: &Account, now: Moment) {
    if account.next_due().is_some_and(|it| it <= now) {
        return;
    }
    for wait in account.waits() {
        assert!(!could_be_served(account, wait, now), "{wait:?} waits for nothing");
    }
}

fn could_be_served(account: &Account, wait: &Wait, now: Moment) -> bool {
    let holder = account.waiting(wait);
    let given = match &wait.ground {
        Ground::Group(group) => !is_denied(account, holder) && has_quota(account, group, wait),
        Ground::Direct | Ground::Orphan(_) => true,
    };
    let usable = |it: &&License| {
        let in_time = match wait.license {
            Some(_) => it.ends_at.is_none_or(|at| now < at),
            None => it.in_window(now),
        };
        in_time && it.state == LicenseState::Active && account.free(it) > 0
    };
    let all = account.licenses().iter().filter(|it| is_of(wait, it)).filter(usable);
    let first = all.min_by_key(|it| (wait.license.is_some(), it.ends_at.is_none(), it.ends_at));
    given && first.is_some_and(|it| may_hold(account, it, holder))
}

fn is_of(wait: &Wait, license: &License) -> bool {
    match &wait.license {
        Some(id) => license.id == *id,
        None => wait.product.as_ref() == Some(&license.product) && license.parent.is_none(),
    }
}

fn may_hold(account: &Account, license: &License, holder: &Holder) -> bool {
    let registered = account.known(holder.key()).is_some_and(|it| it.is_registered());
    account.may_hold(license) == MayHold::Anyone
        || registered
        || account.groups_of(holder.key()).next().is_some()
}

fn is_denied(account: &Account, holder: &Holder) -> bool {
    let has_set = account.known(holder.key()).is_some_and(|it| it.direct_set().is_some());
    has_set && account.direct_sets() == DirectSets::Replace
}

/// Whether the members who have it leave room for this one, each counted once.
fn has_quota(account: &Account, group: &GroupId, wait: &Wait) -> bool {
    let grants = account.group(group).map(|it| it.grants.as_slice()).unwrap_or_default();
    let same = |it: &&Grant| (&it.license, &it.product) == (&wait.license, &wait.product);
    let Some(grant) = grants.iter().find(same) else { return false };
    let leased = |it: &&Assignment| {
        let ground = Ground::Group(group.clone());
        is_of(wait, account.license_of(it)) && account.grounds_of(it).contains(&ground)
    };
    let having = account.assignments().filter(leased).map(|it| account.holder_of(it).key());
    let having: std::collections::HashSet<_> = having.collect();
    let counted = having.contains(&account.waiting(wait).key());
    counted || grant.quota.is_none_or(|it| (having.len() as i64) < it)
}

/// Panics if a command has given somebody what their direct set stands instead of.
#[expect(clippy::wildcard_enum_match_arm, reason = "few events give something")]
#[track_caller]
pub(super) fn audit_denial(account: &Account, command: &Command, events: &[Event]) {
    // What was an address's is the user's for a moment, then as their set says.
    let linked = matches!(command, Command::LinkHolder(_));
    for event in events.iter().filter(|_| !linked) {
        let (holder, grounds) = match event {
            Event::SeatAssigned(it) => (&it.holder, it.grounds.as_slice()),
            Event::GroundAdded(it) => (&it.holder, std::slice::from_ref(&it.ground)),
            _ => continue,
        };
        let of_group = grounds.iter().any(|it| matches!(it, Ground::Group(_)));
        assert!(!of_group || !is_denied(account, holder), "{event:?} to one who is denied");
    }
    if let Command::DeclareDirectSet(it) = command {
        for holder in it.holders.iter().filter(|it| is_denied(account, it)) {
            for it in account.assignments_of(holder.key()) {
                let grounds = account.grounds_of(it);
                assert_eq!(grounds, [Ground::Direct], "of {holder} who is denied");
            }
        }
    }
}

/// Panics if what a command gives by name beside a group ends at another time than it says.
#[track_caller]
pub(super) fn audit_ends(account: &Account, command: &Command, events: &[Event]) {
    let Command::AssignSeat(asked) = command else { return };
    let served = |it: &Event| matches!(it, Event::WaitlistLeft(_));
    // Places bring ends of their own.
    if events.iter().any(served) {
        return;
    }
    for event in events {
        if let Event::GroundAdded(it) = event
            && it.ground == Ground::Direct
        {
            let seat = account.assignment(it.assignment).unwrap();
            assert_eq!(seat.ends_at(), asked.ends_at, "{it:?}");
        }
    }
}
