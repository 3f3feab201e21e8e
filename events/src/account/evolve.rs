//! Taking note of what has happened.

use super::{Account, Assignment, Kept, License, LicenseState, next_row, row_is};
use crate::event::{Assigned, AssignmentDescribed, Event, LicenseAllocated, SeatAssigned};
use crate::holder::Holder;
use crate::text::{AssignmentId, LicenseId};

/// An event that cannot follow the ones before it. The rules never cause one, so the log was
/// damaged, forged, or written by a release with a bug; a reader must stop at it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Inconsistent {
    /// It allocates a license that is there.
    #[error("license {0} is allocated twice")]
    LicenseTwice(LicenseId),
    /// It is about a license that is not there.
    #[error("license {0} was never allocated")]
    LicenseMissing(LicenseId),
    /// It gives a second live assignment of one license to one holder, or an id a second time.
    #[error("assignment {0} is made twice")]
    AssignmentTwice(AssignmentId),
    /// It is about an assignment that is not live.
    #[error("assignment {0} is not live")]
    AssignmentMissing(AssignmentId),
    /// It is about a live assignment and says another license or another holder.
    #[error("assignment {0} is of another license or another holder")]
    AssignmentOther(AssignmentId),
    /// One account cannot hold more rows of a kind than 32 bits can count.
    #[error("the account is full")]
    Full,
}

impl Account {
    /// [`Account::evolve`] for what the rules have caused; one that cannot follow is a bug, which
    /// [`Account::check`] tells until it is rolled back.
    pub(crate) fn take_note(&mut self, event: &Event) {
        if let Err(error) = self.evolve(event) {
            self.broken.get_or_insert(error);
        }
    }

    /// Takes note of one fact. It never judges: that was done once, before the fact was recorded.
    /// One that cannot follow changes nothing.
    pub fn evolve(&mut self, event: &Event) -> Result<(), Inconsistent> {
        match event {
            Event::LicenseAllocated(it) => self.allocated(it),
            Event::LicenseDescribed(it) => self.change_license(&it.license, |license| {
                license.name.clone_from(&it.name);
                license.external_id.clone_from(&it.external_id);
                license.source.clone_from(&it.source);
                license.metadata.clone_from(&it.metadata);
            }),
            Event::QuantityChanged(it) => {
                self.change_license(&it.license, |license| license.quantity = it.to.get())
            }
            Event::WindowChanged(it) => self.change_license(&it.license, |license| {
                license.starts_at = it.starts_at;
                license.ends_at = it.ends_at;
            }),
            Event::LicenseSuspended(it) => {
                self.change_license(&it.license, |it| it.state = LicenseState::Suspended)
            }
            Event::LicenseReinstated(it) => {
                self.change_license(&it.license, |it| it.state = LicenseState::Active)
            }
            Event::LicenseRetired(it) => {
                self.change_license(&it.license, |it| it.state = LicenseState::Retired)
            }
            Event::SeatAssigned(it) => self.seat_assigned(it),
            Event::AssignmentDeactivated(it) => self.change_live(it, |it| it.active = false),
            Event::AssignmentReactivated(it) => {
                self.change_live(it, |it| it.active = true)?;
                self.know(&it.holder).map(drop)
            }
            Event::AssignmentFulfilled(it) => self.change_live(it, |it| it.fulfilled = true),
            Event::FulfilmentWithdrawn(it) => self.change_live(it, |it| it.fulfilled = false),
            Event::AssignmentDescribed(it) => self.described(it),
            Event::AssignmentRevoked(it) => self.revoked(it),
        }
    }

    fn allocated(&mut self, it: &LicenseAllocated) -> Result<(), Inconsistent> {
        if self.license_row(&it.license).is_some() {
            return Err(Inconsistent::LicenseTwice(it.license.clone()));
        }
        let license = License {
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
        };
        self.put_license(next_row(self.licenses.len())?, Some(license));
        Ok(())
    }

    fn change_license(
        &mut self,
        id: &LicenseId,
        change: impl FnOnce(&mut License),
    ) -> Result<(), Inconsistent> {
        let row = self.license_row(id).ok_or_else(|| Inconsistent::LicenseMissing(id.clone()))?;
        let mut license = self.licenses[row as usize].clone();
        change(&mut license);
        self.put_license(row, Some(license));
        Ok(())
    }

    fn seat_assigned(&mut self, it: &SeatAssigned) -> Result<(), Inconsistent> {
        let license = self
            .license_row(&it.license)
            .ok_or_else(|| Inconsistent::LicenseMissing(it.license.clone()))?;
        let used = self.ended.contains(&it.assignment) || self.assignment(it.assignment).is_some();
        let known = self.holder_row(it.holder.key());
        if used || known.is_some_and(|holder| self.seat_row(license, holder).is_some()) {
            return Err(Inconsistent::AssignmentTwice(it.assignment));
        }
        let row = self.vacant_row()?;
        let holder = self.know(&it.holder)?;
        let assignment = Assignment {
            id: it.assignment,
            kept: Kept::new(&it.redirect_to, &it.metadata),
            license,
            holder,
            active: it.active,
            fulfilled: it.fulfilled,
        };
        self.put_assignment(row, Some(assignment));
        Ok(())
    }

    fn change_live(
        &mut self,
        it: &Assigned,
        change: impl FnOnce(&mut Assignment),
    ) -> Result<(), Inconsistent> {
        let row = self.live_row(it.assignment, &it.license, &it.holder)?;
        self.change_row(row, change);
        Ok(())
    }

    fn described(&mut self, it: &AssignmentDescribed) -> Result<(), Inconsistent> {
        let row = self.live_row(it.assignment, &it.license, &it.holder)?;
        self.change_row(row, |row| row.kept = Kept::new(&it.redirect_to, &it.metadata));
        Ok(())
    }

    fn revoked(&mut self, it: &Assigned) -> Result<(), Inconsistent> {
        let row = self.live_row(it.assignment, &it.license, &it.holder)?;
        self.put_assignment(row, None);
        self.put_ended(it.assignment);
        Ok(())
    }

    /// The row of a live assignment of this license and this holder.
    fn live_row(
        &self,
        id: AssignmentId,
        license: &LicenseId,
        holder: &Holder,
    ) -> Result<u32, Inconsistent> {
        let row = self.assignment_row(id).ok_or(Inconsistent::AssignmentMissing(id))?;
        let as_said = |it: &Assignment| {
            self.license_of(it).id == *license && self.holder_of(it).key() == holder.key()
        };
        match row_is(&self.assignments, row, as_said) {
            true => Ok(row),
            false => Err(Inconsistent::AssignmentOther(id)),
        }
    }

    fn change_row(&mut self, row: u32, change: impl FnOnce(&mut Assignment)) {
        let mut assignment = self.assignments[row as usize].clone();
        if let Some(assignment) = &mut assignment {
            change(assignment);
        }
        self.put_assignment(row, assignment);
    }

    /// The row of a holder, made or brought up to date with what the event says of them.
    fn know(&mut self, holder: &Holder) -> Result<u32, Inconsistent> {
        let row = match self.holder_row(holder.key()) {
            Some(row) => row,
            None => next_row(self.holders.len())?,
        };
        if self.holders.get(row as usize) != Some(holder) {
            self.put_holder(row, Some(holder.clone()));
        }
        Ok(row)
    }
}
