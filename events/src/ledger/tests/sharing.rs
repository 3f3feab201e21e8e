//! Random histories of licenses that are shared out, two deep: what is in use of the whole is never
//! more than the whole may give out.

use super::walk::part_walks;
use super::*;
use crate::account::License;

/// Seats in use of a license and of all its parts, by account and license.
pub(super) type Used = BTreeMap<(AccountId, LicenseId), i64>;

fn parts<'a>(account: &'a Account, of: &'a License) -> impl Iterator<Item = &'a License> {
    account.licenses().iter().filter(|it| it.parent.as_ref() == Some(&of.id))
}

fn used_of(account: &Account, license: &License) -> i64 {
    license.held + parts(account, license).map(|it| used_of(account, it)).sum::<i64>()
}

pub(super) fn used(ledger: &Ledger) -> Used {
    let of = |account: &Account| {
        let of = |it: &License| ((account.id().clone(), it.id.clone()), used_of(account, it));
        account.licenses().iter().map(of).collect::<Vec<_>>()
    };
    ledger.accounts().flat_map(of).collect()
}

/// What is due at one moment, and what one batch asks for, may give out a seat first and then lower
/// the quantity under it: what was given out before that had room.
pub(super) fn allow(ledger: &Ledger, request: &Request, events: &[Event], before: &mut Used) {
    if !matches!(request.command, Command::PassTime(_) | Command::ApplyBatch(_)) {
        return;
    }
    let after = used(ledger);
    for event in events {
        if let Event::QuantityChanged(it) = event
            && it.to < it.from
        {
            let key = (request.account.clone(), it.license.clone());
            let now = after.get(&key).copied().unwrap_or_default();
            before.insert(key, now);
        }
    }
}

/// What holds of a whole and its parts after each command. A quantity that was lowered under its use
/// leaves more in use than there is, and as long as it does that does not grow.
pub(super) fn audit(ledger: &Ledger, before: &Used, tolerant: &BTreeSet<AccountId>) {
    for account in ledger.accounts() {
        for it in account.licenses() {
            let used = used_of(account, it);
            let in_parts = used - it.held;
            let given: i64 = account.given(&it.id).map(|(_, it)| it.reserved()).sum();
            let key = (account.id().clone(), it.id.clone());
            let grown = used > before.get(&key).copied().unwrap_or_default();
            let room = account.limit(it);
            assert!(!grown || used + given <= room, "{used} and {given} of {room}: {it:?}");
            let tolerated = tolerant.contains(account.id());
            assert!(tolerated || used + given <= room, "{used} and {given} of {room}: {it:?}");
            let shared: i64 = parts(account, it).map(|it| it.quantity.max(it.taken())).sum();
            let fits = shared + given <= it.quantity;
            assert!(fits || tolerated, "{shared} and {given} shared out: {it:?}");
            assert!(in_parts <= shared, "{in_parts} in use of {shared}: {it:?}");
            // A license that has too much taken of it lets its parts give out nothing either.
            let over = it.taken() > room || !fits;
            assert!(!(over && grown), "{it:?}");
            assert_eq!(it.over_allocated, over, "{it:?}");
        }
    }
}

#[test]
fn what_is_in_use_of_a_shared_license_is_never_more_than_it_gives_out() {
    seeds::each(0..1_000, &part_walks(), |walk| World::default().go(&walk));
}

/// The walks are about something.
#[test]
fn random_shares_get_everywhere() {
    let mut runner = TestRunner::deterministic();
    let (mut over, mut ended, mut beyond, mut deep, mut refused) = (0, 0, 0, 0, 0);
    for _ in 0..100 {
        let mut world = World::default();
        for commit in &part_walks().new_tree(&mut runner).unwrap().current() {
            world.commit(commit);
            let all = world.ledger.accounts().flat_map(|it| it.licenses());
            let parts: Vec<_> = all.filter(|it| it.parent.is_some()).collect();
            beyond += parts.iter().filter(|it| it.takes() > it.quantity).count();
            let within = |it: &&&License| it.id.as_str().matches('@').count() == 2 && it.held > 0;
            deep += parts.iter().filter(within).count();
        }
        over += world.log.iter().filter(|it| it.event.kind() == "OverallocationBegan").count();
        ended += world.log.iter().filter(|it| it.event.kind() == "OverallocationEnded").count();
        refused += usize::from(world.refused.contains("no_free_quantity"));
    }
    let counts = (over, ended, beyond, deep, refused);
    let wanted = over > 60 && ended > 30 && beyond > 200 && deep > 200 && refused > 50;
    assert!(wanted, "{counts:?}");
}
