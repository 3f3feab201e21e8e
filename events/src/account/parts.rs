//! What parts take of the license they are parts of, and what that leaves.

use super::{Account, License};

/// Seats that do not fit, and what they would have to fit into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Excess {
    /// Seats taken, or those of them that are shared out.
    pub taken: i64,
    /// What the license gives out, or its quantity.
    pub limit: i64,
}

impl Account {
    /// By how much a license is over-allocated. What is taken has to fit into its limit, and what is
    /// shared out into its quantity, whatever an overage adds.
    pub fn excess(&self, license: &License) -> Option<Excess> {
        let (taken, limit) = (license.taken(), self.limit(license));
        if taken > limit {
            return Some(Excess { taken, limit });
        }
        let (taken, limit) = (license.allocated, license.quantity);
        (taken > limit).then_some(Excess { taken, limit })
    }

    /// Seats of a license that it would still give out; negative while it is over-allocated, or the
    /// license is that it is a part of.
    pub fn free(&self, license: &License) -> i64 {
        let own = self.own(license);
        let parent = license.parent.as_ref().and_then(|it| self.license(it));
        match parent.map(|it| self.unshared(it)) {
            None => own,
            Some(left) if left < 0 => own.min(left),
            // What it gives out beyond its quantity is what its parent has left.
            Some(left) => own.min((license.quantity - license.taken()).max(0).saturating_add(left)),
        }
    }

    /// Seats of a license that it could still share out: an overage is none.
    pub fn unshared(&self, license: &License) -> i64 {
        self.free(license).min(license.quantity - license.allocated)
    }

    /// The license that has too few seats when this one gives out no more: itself, or one that it is a
    /// part of.
    pub(crate) fn scarce<'a>(&'a self, license: &'a License) -> &'a License {
        let parent = license.parent.as_ref().and_then(|it| self.license(it));
        match parent.filter(|_| self.free(license) < self.own(license)) {
            None => license,
            Some(parent) => self.scarce_to_share(parent),
        }
    }

    /// The same where this one shares out no more.
    pub(crate) fn scarce_to_share<'a>(&'a self, license: &'a License) -> &'a License {
        match self.free(license) < license.quantity - license.allocated {
            true => self.scarce(license),
            false => license,
        }
    }

    /// Seats of a license that it would give out if it were no part; negative while over-allocated.
    fn own(&self, license: &License) -> i64 {
        match self.excess(license) {
            Some(it) => it.limit.saturating_sub(it.taken),
            None => self.limit(license).saturating_sub(license.taken()),
        }
    }

    /// The rows of the license that this one is a part of, and of the one above that.
    pub(super) fn rows_above(&self, row: u32) -> impl Iterator<Item = u32> {
        std::iter::successors(self.row_above(row), |row| self.row_above(*row))
    }

    pub(super) fn row_above(&self, row: u32) -> Option<u32> {
        self.license_row(self.licenses.get(row as usize)?.parent.as_ref()?)
    }

    /// Changes what is counted of a license, in step with what its parent has left.
    pub(super) fn change_counts(&mut self, row: u32, change: impl FnOnce(&mut License)) {
        let license = &mut self.licenses[row as usize];
        let before = license.takes();
        change(license);
        let more = license.takes() - before;
        self.take_of_parent(row, more);
    }

    /// Keeps what is allocated of the license above in step with what one of its parts takes.
    pub(super) fn take_of_parent(&mut self, row: u32, more: i64) {
        if let Some(above) = self.row_above(row).filter(|_| more != 0) {
            self.change_counts(above, |it| it.allocated += more);
        }
    }
}
