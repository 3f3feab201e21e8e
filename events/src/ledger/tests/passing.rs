//! It makes no difference when somebody looks what is due.

use super::batches::{plain, replayed};
use super::walk::{Walk, day, walks};
use super::{World, request, seeds};
use crate::command::{Command, PassTime};
use crate::{AccountId, Event, Ledger, Moment};

/// Days after a history in which everything that it made due comes to pass.
const DAYS: i64 = 40;

/// What time brings to an account by a moment, commit after commit, until nothing is left.
fn passes(ledger: &mut Ledger, account: &AccountId, now: Moment, caused: &mut Vec<Event>) {
    while ledger.account(account).and_then(crate::Account::next_due).is_some_and(|it| it <= now) {
        ledger.begin();
        let seed = (caused.len() as u128) << 40;
        let passed = request(account.as_str(), Command::PassTime(PassTime {}));
        caused.extend(ledger.judge(&passed, now, seed).unwrap());
        ledger.settle();
    }
}

fn holds(walk: Walk) {
    let mut world = World::default();
    world.go(&walk);
    let before = format!("{:?}", world.contents());
    let (now, until) = (day(0, world.now), day(DAYS, world.now));
    let accounts: Vec<AccountId> = world.ledger.accounts().map(|it| it.id().clone()).collect();
    for account in &accounts {
        let (mut jumping, mut stepping) = (replayed(&world), replayed(&world));
        let (mut at_once, mut step_by_step) = (vec![], vec![]);
        // Who waits for a seat that was free before has it before anything else comes.
        passes(&mut jumping, account, now, &mut at_once);
        passes(&mut stepping, account, now, &mut step_by_step);
        passes(&mut jumping, account, until, &mut at_once);
        let next = |ledger: &Ledger| ledger.account(account).and_then(crate::Account::next_due);
        while let Some(at) = next(&stepping).filter(|it| *it <= until) {
            passes(&mut stepping, account, at, &mut step_by_step);
        }
        assert_eq!(plain(Ok(at_once), &before), plain(Ok(step_by_step), &before));
    }
}

#[test]
fn whoever_looks_late_sees_what_would_have_been_seen_in_time() {
    seeds::each(0..1_000, &walks(), holds);
}
