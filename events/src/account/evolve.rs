//! Taking note of what has happened.

use super::assignment::NONE;
use super::{Account, Assignment, Hosted, Kept, License, LicenseState, Passed, next_row, row_is};
use crate::event::{
    Assigned, AssignmentDescribed, AssignmentEndSet, Event, LicenseAllocated, LicenseDue,
    PolicySet, SeatAssigned,
};
use crate::holder::Holder;
use crate::key::KeyId;
use crate::policy::Policy;
use crate::text::{AssignmentId, GroupId, LicenseId};

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
    /// It adds a ground that is there, or removes one that is not, or the last one.
    #[error("assignment {0} does not stand as the event says")]
    Ground(AssignmentId),
    /// It is about a holder that nobody has named.
    #[error("holder {0} is not known, or not idle")]
    HolderMissing(Holder),
    /// It is about a group that is not there.
    #[error("group {0} was never made")]
    GroupMissing(GroupId),
    /// It adds a member that is there, or removes one that is not.
    #[error("group {0} has, or has not, the member {1}")]
    Member(GroupId, Holder),
    /// It takes a place in a waitlist that is taken, or leaves one that is not the holder's.
    #[error("place {0} in the waitlist is, or is not, taken")]
    Place(u64),
    /// It says that a moment has come which is not the next one of the license.
    #[error("license {0} has no such moment to come")]
    Due(LicenseId),
    /// It schedules what is scheduled, or ends what is not.
    #[error("schedule {0} is, or is not, there")]
    Schedule(u64),
    /// It begins a transfer that cannot begin, or ends or receives one that is not on its way.
    #[error("transfer {0} is, or is not, on its way")]
    Transfer(u64),
    /// It creates a key that is there, revokes one that is not, or tells a use out of its order.
    #[error("key {0} is, or is not, there")]
    Key(KeyId),
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
        self.apply(event)?;
        if !self.exists {
            self.begin_change();
            self.exists = true;
            self.keep(super::Before::Nothing);
        }
        Ok(())
    }

    #[expect(clippy::too_many_lines, reason = "one line an event, so that none is forgotten")]
    fn apply(&mut self, event: &Event) -> Result<(), Inconsistent> {
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
            Event::ContainerPlaced(it) => {
                self.put_container(it.container.clone(), Some(it.within.clone()));
                Ok(())
            }
            Event::WindowChanged(it) => self.change_license(&it.license, |license| {
                license.move_window(it);
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
                self.know(&it.holder, None).map(drop)
            }
            Event::AssignmentFulfilled(it) => self.change_live(it, |it| it.fulfilled = true),
            Event::FulfilmentWithdrawn(it) => self.change_live(it, |it| it.fulfilled = false),
            Event::AssignmentDescribed(it) => self.described(it),
            Event::AssignmentRevoked(it) => self.revoked(it),
            Event::PolicySet(it) => self.policy_set(it),
            Event::OverallocationBegan(it) => {
                self.change_license(&it.license, |it| it.over_allocated = true)
            }
            Event::OverallocationEnded(it) => {
                self.change_license(&it.license, |it| it.over_allocated = false)
            }
            Event::GroundAdded(it) => self.ground_added(it),
            Event::GroundRemoved(it) => self.ground_removed(it),
            Event::AssignmentTransferred(it) => self.transferred(it),
            Event::HolderRegistered(it) => self.holder_registered(it),
            Event::HolderLinked(it) => self.holder_linked(it),
            Event::HolderRetired(it) => self.holder_retired(&it.holder),
            Event::DirectSetDeclared(it) => self.direct_set_declared(it),
            Event::DirectSetCleared(it) => self.direct_set_cleared(&it.holder),
            Event::GroupNamed(it) => self.group_named(it),
            Event::MemberAdded(it) => self.member_added(it),
            Event::MemberRemoved(it) => self.member_removed(it),
            Event::GroupRuleSet(it) => self.group_rule_set(it),
            Event::GroupRuleApplied(it) => self.group_rule_applied(&it.group),
            Event::WaitlistJoined(it) => self.waitlist_joined(it),
            Event::WaitlistLeft(it) => self.waitlist_left(it),
            Event::LicenseStarted(it) => self.passed(it, Passed::Start),
            Event::LicenseEnded(it) => self.passed(it, Passed::End),
            Event::GraceEnded(it) => self.passed(it, Passed::Grace),
            Event::AssignmentEndSet(it) => self.end_set(it),
            Event::CommandScheduled(it) => self.command_scheduled(it),
            Event::ScheduleCancelled(it) => self.schedule_over(it.schedule),
            Event::ScheduleFired(it) => self.schedule_over(it.schedule),
            Event::AccountAllocationSet(it) => self.allocation_set(it),
            Event::TransferBegan(it) => self.transfer_began(it),
            Event::TransferReceived(it) => self.transfer_received(it),
            Event::TransferEnded(it) => self.transfer_ended(it),
            Event::KeyCreated(it) => self.key_created(it),
            Event::KeyRevoked(it) => self.key_revoked(it.key),
            Event::KeyUsed(it) => self.key_used(it),
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
            parent: it.parent.clone(),
            hosted: it.host.clone().map(|host| Box::new(Hosted { host, transfer: 0 })),
            allocated: 0,
            over_allocated: false,
            grace_days: it.grace_days,
            passed: Passed::None,
            policy: Policy::default(),
            state: LicenseState::Active,
            starts_at: it.starts_at,
            ends_at: it.ends_at,
            name: it.name.clone(),
            external_id: it.external_id.clone(),
            source: it.source.clone(),
            metadata: it.metadata.clone(),
        };
        let row = next_row(self.licenses.len())?;
        if let Some(parent) = it.parent.as_ref().filter(|it| self.license_row(it).is_none()) {
            return Err(Inconsistent::LicenseMissing(parent.clone()));
        }
        self.put_license(row, Some(license));
        Ok(())
    }

    fn policy_set(&mut self, it: &PolicySet) -> Result<(), Inconsistent> {
        match &it.license {
            Some(license) => self.change_license(license, |row| row.policy = it.policy.clone()),
            None => {
                self.put_policy(it.policy.clone());
                Ok(())
            }
        }
    }

    fn passed(&mut self, it: &LicenseDue, passed: Passed) -> Result<(), Inconsistent> {
        let row = self.license_row(&it.license);
        let next = row.and_then(|row| self.licenses[row as usize].next());
        match next == Some((it.due, passed)) {
            true => self.change_license(&it.license, |it| it.passed = passed),
            false => Err(Inconsistent::Due(it.license.clone())),
        }
    }

    pub(super) fn change_license(
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
        let known = self.own_row(it.holder.key());
        if used || known.is_some_and(|holder| self.seat_row(license, holder).is_some()) {
            return Err(Inconsistent::AssignmentTwice(it.assignment));
        }
        let (direct, groups) = self.ground_rows(&it.grounds)?;
        let row = self.vacant_row()?;
        let holder = self.know(&it.holder, it.holder_number)?;
        let (redirect_to, metadata) = (it.redirect_to.clone(), it.metadata.clone());
        let assignment = Assignment {
            id: it.assignment,
            kept: Kept { redirect_to, metadata, ends_at: it.ends_at, groups }.boxed(),
            license,
            holder,
            next: NONE,
            active: it.active,
            fulfilled: it.fulfilled,
            direct,
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
        self.change_kept(row, |kept| {
            kept.redirect_to.clone_from(&it.redirect_to);
            kept.metadata.clone_from(&it.metadata);
        });
        Ok(())
    }

    fn revoked(&mut self, it: &Assigned) -> Result<(), Inconsistent> {
        let row = self.live_row(it.assignment, &it.license, &it.holder)?;
        self.put_assignment(row, None);
        self.put_ended(it.assignment);
        Ok(())
    }

    /// The row of a live assignment of this license and this holder.
    pub(super) fn live_row(
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

    fn change_kept(&mut self, row: u32, change: impl FnOnce(&mut Kept)) {
        let assignment = self.assignments[row as usize].clone().map(|it| it.with(change));
        self.put_assignment(row, assignment);
    }

    fn end_set(&mut self, it: &AssignmentEndSet) -> Result<(), Inconsistent> {
        let row = self.live_row(it.assignment, &it.license, &it.holder)?;
        self.change_kept(row, |kept| kept.ends_at = it.ends_at);
        Ok(())
    }

    fn change_row(&mut self, row: u32, change: impl FnOnce(&mut Assignment)) {
        let mut assignment = self.assignments[row as usize].clone();
        if let Some(assignment) = &mut assignment {
            change(assignment);
        }
        self.put_assignment(row, assignment);
    }
}
