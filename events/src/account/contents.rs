//! What an account holds, in one order, whatever its rows are; and whether every index agrees.

use std::collections::{BTreeMap, BTreeSet};

use super::{Account, Assignment, Kept, License, LicenseState};
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
