//! What an account holds, in one order, whatever its rows are; the same by the plainest road there
//! is; and whether every index agrees.

use std::collections::{BTreeMap, BTreeSet};

use super::{Account, Assignment, Kept, License, LicenseState};
use crate::event::{Event, LicenseAllocated, SeatAssigned};
use crate::holder::Holder;
use crate::text::{AssignmentId, LicenseId, ProductId};

/// Two accounts with the same contents answer every question alike.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Contents {
    licenses: Vec<License>,
    holders: BTreeMap<String, Holder>,
    assignments: BTreeMap<AssignmentId, Live>,
    ended: BTreeSet<AssignmentId>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Live {
    license: LicenseId,
    holder: Holder,
    active: bool,
    fulfilled: bool,
    kept: Option<Box<Kept>>,
}

impl Contents {
    /// The second road: what an event means, without rows, indexes or counts kept in step.
    pub(crate) fn evolve(&mut self, event: &Event) {
        match event {
            Event::LicenseAllocated(it) => self.licenses.push(license(it)),
            Event::LicenseDescribed(it) => {
                let row = self.license(&it.license);
                row.name = it.name.clone();
                row.external_id = it.external_id.clone();
                row.source = it.source.clone();
                row.metadata = it.metadata.clone();
            }
            Event::QuantityChanged(it) => self.license(&it.license).quantity = it.to.get(),
            Event::WindowChanged(it) => {
                let row = self.license(&it.license);
                (row.starts_at, row.ends_at) = (it.starts_at, it.ends_at);
            }
            Event::LicenseSuspended(it) => {
                self.license(&it.license).state = LicenseState::Suspended;
            }
            Event::LicenseReinstated(it) => self.license(&it.license).state = LicenseState::Active,
            Event::LicenseRetired(it) => self.license(&it.license).state = LicenseState::Retired,
            Event::SeatAssigned(it) => {
                self.know(&it.holder);
                self.assignments.insert(it.assignment, live(it));
            }
            Event::AssignmentDeactivated(it) => self.live(it.assignment).active = false,
            Event::AssignmentReactivated(it) => {
                self.know(&it.holder);
                self.live(it.assignment).active = true;
            }
            Event::AssignmentFulfilled(it) => self.live(it.assignment).fulfilled = true,
            Event::FulfilmentWithdrawn(it) => self.live(it.assignment).fulfilled = false,
            Event::AssignmentDescribed(it) => {
                self.live(it.assignment).kept = Kept::new(&it.redirect_to, &it.metadata);
            }
            Event::AssignmentRevoked(it) => {
                self.assignments.remove(&it.assignment).unwrap();
                self.ended.insert(it.assignment);
            }
        }
        self.count();
    }

    fn count(&mut self) {
        for license in &mut self.licenses {
            let of_it = self.assignments.values().filter(|it| it.license == license.id);
            license.live = of_it.clone().count() as i64;
            license.held = of_it.filter(|it| it.active).count() as i64;
        }
    }

    fn license(&mut self, id: &LicenseId) -> &mut License {
        self.licenses.iter_mut().find(|it| it.id == *id).unwrap()
    }

    fn live(&mut self, id: AssignmentId) -> &mut Live {
        self.assignments.get_mut(&id).unwrap()
    }

    /// What was said of a holder last is what is known of them, wherever they stand.
    fn know(&mut self, holder: &Holder) {
        self.holders.insert(format!("{:?}", holder.key()), holder.clone());
        for it in self.assignments.values_mut().filter(|it| it.holder.key() == holder.key()) {
            it.holder = holder.clone();
        }
    }
}

fn license(it: &LicenseAllocated) -> License {
    License {
        id: it.license.clone(),
        number: it.number,
        product: it.product.clone(),
        container: it.container.clone(),
        quantity: it.quantity.get(),
        held: 0,
        live: 0,
        state: LicenseState::Active,
        starts_at: it.starts_at,
        ends_at: it.ends_at,
        name: it.name.clone(),
        external_id: it.external_id.clone(),
        source: it.source.clone(),
        metadata: it.metadata.clone(),
    }
}

fn live(it: &SeatAssigned) -> Live {
    Live {
        license: it.license.clone(),
        holder: it.holder.clone(),
        active: it.active,
        fulfilled: it.fulfilled,
        kept: Kept::new(&it.redirect_to, &it.metadata),
    }
}

impl Account {
    pub(crate) fn contents(&self) -> Contents {
        let live = |it: &Assignment| {
            let live = Live {
                license: self.license_of(it).id.clone(),
                holder: self.holder_of(it).clone(),
                active: it.active,
                fulfilled: it.fulfilled,
                kept: it.kept.clone(),
            };
            (it.id, live)
        };
        Contents {
            licenses: self.licenses.clone(),
            holders: self
                .holders
                .iter()
                .map(|it| (format!("{:?}", it.key()), it.clone()))
                .collect(),
            assignments: self.assignments().map(live).collect(),
            ended: self.ended.iter().copied().collect(),
        }
    }

    /// Panics unless counts, lookups and indexes agree with a look at every row.
    #[track_caller]
    pub(crate) fn audit(&self) {
        self.audit_licenses();
        self.audit_holders();
        self.audit_assignments();
    }

    #[track_caller]
    fn audit_licenses(&self) {
        let mut products: BTreeMap<&ProductId, Vec<u32>> = BTreeMap::new();
        let mut external_ids = BTreeSet::new();
        for (row, license) in (0..).zip(&self.licenses) {
            let of_it = |it: &&Assignment| it.license == row;
            let live = self.assignments().filter(of_it).count();
            let held = self.assignments().filter(of_it).filter(|it| it.active).count();
            assert_eq!((license.live, license.held), (live as i64, held as i64), "{license:?}");
            assert!(license.held <= license.quantity, "{license:?}");
            assert!(license.state != LicenseState::Retired || live == 0, "{license:?}");
            assert_eq!(self.license_row(&license.id), Some(row));
            products.entry(&license.product).or_default().push(row);
            if let Some(id) = &license.external_id {
                assert!(external_ids.insert(id), "{id} twice");
                assert_eq!(self.license_by_external_id(id), Some(license));
            }
        }
        assert_eq!(self.license_ids.len(), self.licenses.len());
        assert_eq!(self.external_ids.len(), external_ids.len());
        let kept: BTreeMap<_, _> =
            self.products.iter().map(|(id, rows)| (id, rows.clone())).collect();
        assert_eq!(kept, products);
    }

    #[track_caller]
    fn audit_holders(&self) {
        for (row, holder) in (0..).zip(&self.holders) {
            assert_eq!(self.holder_row(holder.key()), Some(row), "{holder:?}");
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
            assert!(!self.has_ended(it.id), "{it:?}");
        }
        let live = self.assignments.len() - vacant.len();
        assert_eq!((self.assignment_ids.len(), self.seats.len()), (live, live));
        assert_eq!(self.vacant.len(), vacant.len());
        assert_eq!(self.vacant.iter().copied().collect::<BTreeSet<_>>(), vacant);
    }
}
