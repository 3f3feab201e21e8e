//! Whether every index, count and lookup of an account agrees with a look at every row.

use std::collections::{BTreeMap, BTreeSet};

use super::license_rows::LicenseRows;
use super::{Account, Assignment, LicenseState, Timer};
use crate::event::Ground;
use crate::limits::TRANSFERS_MAX;
use crate::text::ProductId;

impl Account {
    /// Panics unless counts, lookups and indexes agree with a look at every row.
    #[track_caller]
    pub(crate) fn audit(&self) {
        self.audit_licenses();
        self.audit_holders();
        self.audit_assignments();
        self.audit_groups();
        self.audit_waits();
        self.audit_timers();
        self.audit_transfers();
    }

    #[track_caller]
    fn audit_transfers(&self) {
        let (mut open, mut unsent) = (BTreeMap::new(), BTreeSet::new());
        for (row, receivers) in &self.given {
            assert!(!receivers.is_empty());
            for (receiver, given) in receivers {
                let license = &self.licenses[*row as usize];
                let told = given.told.as_ref().is_some_and(|it| *it == license.terms());
                let done = given.wanted == given.quantity;
                match &given.open {
                    Some(it) => {
                        open.insert(it.transfer, (*row, receiver.clone()));
                    }
                    None if done && (told || given.told.is_none()) => {}
                    None => drop(unsent.insert((*row, receiver.clone()))),
                }
            }
        }
        assert_eq!((&self.transfers, &self.unsent), (&open, &unsent));
        assert!(unsent.is_empty() || open.len() == TRANSFERS_MAX, "somebody is told next");
    }

    #[track_caller]
    fn audit_timers(&self) {
        let licenses = (0..)
            .zip(&self.licenses)
            .filter_map(|(row, it)| it.next().map(|(at, _)| (at, Timer::License(row))));
        let assignments = (0..).zip(&self.assignments).filter_map(|(row, it)| {
            let at = it.as_ref()?.ends_at()?;
            Some((at, Timer::Assignment(row)))
        });
        let schedules = self.schedules.values().map(|it| (it.due, Timer::Schedule(it.schedule)));
        let ending = self.waits.values().filter_map(|it| Some((it.terms.ends_at?, it.place)));
        let places = ending.map(|(at, place)| (at, Timer::Place(place)));
        let all = licenses.chain(assignments).chain(places).chain(schedules);
        let all: BTreeSet<_> = all.collect();
        assert_eq!(self.timers, all);
        assert_eq!(self.unfinished, self.groups.iter().filter(|it| it.unfinished).count());
    }

    #[track_caller]
    fn audit_licenses(&self) {
        let mut rows = LicenseRows::default();
        let mut external_ids = BTreeSet::new();
        for (row, license) in (0..).zip(&self.licenses) {
            let of_it = |it: &&Assignment| it.license == row;
            let live = self.assignments().filter(of_it).count();
            let held = self.assignments().filter(of_it).filter(|it| it.active).count();
            assert_eq!((license.live, license.held), (live as i64, held as i64), "{license:?}");
            let parts = self.licenses.iter().filter(|it| it.parent.as_ref() == Some(&license.id));
            let parts: i64 = parts.map(|it| it.quantity.max(it.held + it.allocated)).sum();
            let given: i64 = self.given(&license.id).map(|(_, it)| it.reserved()).sum();
            assert_eq!(license.allocated, parts + given, "{license:?}");
            let taken = license.held + license.allocated;
            let over = taken > self.limit(license) || license.allocated > license.quantity;
            assert_eq!(license.over_allocated, over, "{license:?}");
            assert!(license.state != LicenseState::Retired || live == 0, "{license:?}");
            assert_eq!(self.license_row(&license.id), Some(row));
            rows.push(row, license, self.row_above(row));
            if let Some(id) = &license.external_id {
                assert!(external_ids.insert(id), "{id} twice");
                assert_eq!(self.license_by_external_id(id), Some(license));
            }
        }
        assert_eq!(self.license_ids.len(), self.licenses.len());
        assert_eq!(self.external_ids.len(), external_ids.len());
        assert_eq!(self.license_rows, rows);
    }

    #[track_caller]
    fn audit_holders(&self) {
        for (row, holder) in (0..).zip(&self.holders) {
            assert_eq!(self.own_row(holder.holder.key()), Some(row), "{holder:?}");
        }
        assert_eq!(self.holder_keys.len(), self.holders.len());
    }

    #[track_caller]
    fn audit_assignments(&self) {
        let mut vacant = BTreeSet::new();
        for (row, it) in (0..).zip(&self.assignments) {
            let Some(it) = it else {
                vacant.insert(row);
                continue;
            };
            assert_eq!(self.assignment_row(it.id), Some(row), "{it:?}");
            // Two live assignments of a seat would not both be found.
            assert_eq!(self.seat_row(it.license, it.holder), Some(row), "{it:?}");
            assert!(!self.has_ended(it.id) && it.stands(), "{it:?}");
            let of_holder = self.assignments_of(self.holder_of(it).key());
            assert_eq!(of_holder.iter().filter(|other| other.id == it.id).count(), 1, "{it:?}");
        }
        let live = self.assignments.len() - vacant.len();
        assert_eq!((self.assignment_ids.len(), self.seats.len()), (live, live));
        assert_eq!(self.vacant.len(), vacant.len());
        assert_eq!(self.vacant.iter().copied().collect::<BTreeSet<_>>(), vacant);
    }

    #[track_caller]
    fn audit_groups(&self) {
        let mut leased: BTreeMap<(u32, u32), i64> = BTreeMap::new();
        let mut having: BTreeMap<(u32, &ProductId), BTreeSet<u32>> = BTreeMap::new();
        for it in self.assignments() {
            let license = self.license_of(it);
            for ground in it.groups().iter().filter(|it| !it.orphan) {
                *leased.entry((ground.group, it.license)).or_default() += 1;
                assert!(self.members.contains_key(&(ground.group, it.holder)), "{it:?}");
                if license.parent.is_none() {
                    having.entry((ground.group, &license.product)).or_default().insert(it.holder);
                }
            }
        }
        assert_eq!(
            self.leased.iter().map(|(key, it)| (*key, *it)).collect::<BTreeMap<_, _>>(),
            leased
        );
        for (row, group) in (0..).zip(&self.groups) {
            assert_eq!(self.group_ids.get(&group.id), Some(&row));
            for grant in &group.grants {
                let leases = self.leases(&group.id, grant);
                assert!(grant.quota.is_none_or(|quota| leases <= quota), "{group:?} {leases}");
                if let Some(product) = &grant.product {
                    let members = having.get(&(row, product)).map_or(0, BTreeSet::len);
                    assert_eq!(leases, members as i64, "{group:?}: each member once");
                }
            }
            for (place, holder) in &self.orders[row as usize] {
                assert_eq!(self.members.get(&(row, *holder)), Some(place));
                assert!(self.memberships[holder].contains(&row));
            }
        }
        let members: usize = self.orders.iter().map(BTreeMap::len).sum();
        let memberships: usize = self.memberships.values().map(BTreeSet::len).sum();
        assert_eq!((self.members.len(), memberships), (members, members));
    }

    #[track_caller]
    fn audit_waits(&self) {
        for it in self.waits.values() {
            let product = self.product_of(it).unwrap();
            assert!(self.queues[product].contains(&it.place), "{it:?}");
            assert!(self.waits_of[&it.holder].contains(&it.place), "{it:?}");
            if let Ground::Group(group) = &it.ground {
                assert!(self.is_member(group, self.waiting(it).key()), "{it:?}");
            }
        }
        let queued: usize = self.queues.values().map(BTreeSet::len).sum();
        let of_holders: usize = self.waits_of.values().map(BTreeSet::len).sum();
        assert_eq!((queued, of_holders), (self.waits.len(), self.waits.len()));
    }
}
