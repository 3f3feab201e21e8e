//! Random histories of accounts that give to each other: steps of transfers at any moment, between
//! whatever else is asked.

use super::walk::transfer_walks;
use super::*;
use crate::account::{License, LicenseState};
use crate::event::Host;

/// What holds at every moment between a host and those who have its licenses. A host that tolerates
/// it may lower a quantity under what it has given.
pub(super) fn audit(ledger: &Ledger, tolerant: &BTreeSet<AccountId>) {
    for host in ledger.accounts() {
        for license in host.licenses() {
            let given: i64 = host.given(&license.id).map(|(_, it)| it.reserved()).sum();
            let tolerates = tolerant.contains(host.id());
            assert!(given <= license.quantity || tolerates, "{given} given of {license:?}");
            for (receiver, given) in host.given(&license.id) {
                let theirs = ledger.account(receiver).and_then(|it| received(it, host, license));
                let quantity = theirs.map_or(0, |it| it.quantity);
                assert!(quantity <= given.reserved(), "{receiver} has {quantity}: {given:?}");
                if given.open.is_none() {
                    assert_eq!(quantity, given.quantity, "{receiver}: {given:?}");
                }
            }
        }
    }
}

/// The license that one account has of another one's.
fn received<'a>(receiver: &'a Account, host: &Account, license: &License) -> Option<&'a License> {
    let of = Host { account: host.id().clone(), license: license.id.clone() };
    receiver.hosted(&of, &license.terms())
}

impl World {
    /// Steps until nothing is on its way. Each pass ends all transfers there are.
    fn comes_to_rest(&mut self) {
        for pass in 0.. {
            assert!(pass < 100, "transfers without end: {:?}", self.transfers);
            if !self.ledger.has_transfers() {
                break;
            }
            self.every_step();
            self.every_step();
        }
        for host in self.ledger.accounts() {
            for license in host.licenses() {
                for (receiver, given) in host.given(&license.id) {
                    assert_eq!((given.wanted, &given.open), (given.quantity, &None));
                    let theirs = self.ledger.account(receiver);
                    let Some(theirs) = theirs.and_then(|it| received(it, host, license)) else {
                        assert_eq!(given.quantity, 0);
                        continue;
                    };
                    assert_eq!(theirs.quantity, given.quantity);
                    let window = |it: &License| (it.starts_at, it.ends_at, it.grace_days);
                    assert_eq!(window(theirs), window(license));
                    let retired = license.state == LicenseState::Retired;
                    // Somebody had an assignment of it there, or of a part of it, when it was.
                    let in_use = retired && theirs.state == LicenseState::Suspended;
                    assert!(in_use || theirs.state == license.state, "{theirs:?}");
                }
            }
        }
    }

    /// The next step of each transfer, all in one commit.
    fn every_step(&mut self) {
        self.transfers = self.ledger.transfers(usize::MAX);
        let mut records = vec![];
        self.ledger.begin();
        for transfer in self.transfers.clone() {
            self.asked += 1;
            let id = CommandId::new(format!("c-{}", self.asked)).unwrap();
            let request = self.step(&transfer, id, false);
            self.judge(&request, &mut records);
            self.audit();
        }
        self.land(records);
    }
}

#[test]
fn what_is_given_is_never_more_than_there_is_and_ends_the_same_on_both_sides() {
    seeds::each(0..1_000, &transfer_walks(), |walk| {
        let mut world = World::default();
        for commit in &walk {
            world.commit(commit);
        }
        world.comes_to_rest();
        world.replay();
    });
}

/// The walks are about something.
#[test]
fn random_transfers_get_everywhere() {
    let mut runner = TestRunner::deterministic();
    let (mut refused, mut ended, mut retired) = (0, 0, 0);
    for _ in 0..200 {
        let mut world = World::default();
        for commit in &transfer_walks().new_tree(&mut runner).unwrap().current() {
            world.commit(commit);
        }
        world.comes_to_rest();
        for it in &world.log {
            if let Event::TransferEnded(it) = &it.event {
                ended += 1;
                refused += usize::from(it.refused.is_some());
            }
        }
        let is_retired = |it: &License| it.hosted.is_some() && it.state == LicenseState::Retired;
        let mut all = world.ledger.accounts().flat_map(Account::licenses);
        retired += usize::from(all.any(is_retired));
    }
    assert!(ended > 500 && refused > 20 && retired > 0, "{ended} {refused} {retired}");
}
