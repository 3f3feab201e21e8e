//! Rules about groups and what they give.

use super::Case;
use super::seats::Of;
use crate::account::{Assignment, Group, LicenseState, Terms, Wait};
use crate::command::{AddMembers, GrantToGroup, RemoveGroupRule, RemoveMembers, SetGroupRule};
use crate::event::{
    Event, Ground, GroundChanged, GroupNamed, GroupRuleSet, MemberAdded, MemberRemoved, WaitEnd,
};
use crate::holder::Holder;
use crate::limits::SERVED_MAX;
use crate::policy::{DirectSets, Leaving};
use crate::refusal::Refusal;
use crate::rule::{Grant, Mode};
use crate::text::{AssignmentId, GroupId, Label};

impl Case<'_> {
    /// Makes sure that a group exists, and is called so.
    fn meet_group(&mut self, id: &GroupId, name: Option<&Label>) {
        let known = self.account.group(id);
        let name = name.or_else(|| known.and_then(|it| it.name.as_ref())).cloned();
        if known.is_some_and(|it| it.name == name) {
            return;
        }
        let number = known.map(|it| it.number).unwrap_or_else(|| self.mint.number());
        self.cause(Event::GroupNamed(GroupNamed { group: id.clone(), number, name }));
    }

    fn find_group(&self, id: &GroupId) -> Result<&Group, Refusal> {
        self.account.group(id).ok_or_else(|| Refusal::GroupNotFound(id.clone()))
    }

    pub(super) fn add_members(&mut self, it: &AddMembers) -> Result<(), Refusal> {
        self.meet_group(&it.group, it.name.as_ref());
        let mut added = vec![];
        let holders = self.distinct(&it.holders);
        self.can_be_given(holders.iter().copied())?;
        for holder in holders {
            if self.account.is_member(&it.group, holder.key()) {
                continue;
            }
            let holder = self.in_full(holder);
            added.push(holder.clone());
            let (place, holder_number) = (self.mint.number(), self.new_number(&holder));
            let group = it.group.clone();
            self.cause(Event::MemberAdded(MemberAdded { group, holder, place, holder_number }));
        }
        let group = self.find_group(&it.group)?;
        // Members of a rule that is still being applied are served in their turn.
        let (grants, unfinished) = (group.grants.clone(), group.unfinished);
        for grant in grants.iter().filter(|it| it.mode == Mode::Eager) {
            self.can_give(&it.group, grant, &added)?;
        }
        for grant in &grants {
            if !unfinished || grant.mode == Mode::Eager {
                self.apply(&it.group, grant, &added)?;
            }
        }
        Ok(())
    }

    pub(super) fn remove_members(&mut self, it: &RemoveMembers) -> Result<(), Refusal> {
        self.find_group(&it.group)?;
        for holder in self.distinct(&it.holders) {
            let holder = self.in_full(holder);
            if !self.account.is_member(&it.group, holder.key()) {
                continue;
            }
            let group = it.group.clone();
            let left = MemberRemoved { group, holder: holder.clone() };
            self.cause(Event::MemberRemoved(left));
            let ground = Ground::Group(it.group.clone());
            self.end_waits(&holder, WaitEnd::Withdrawn, |wait| wait.ground == ground);
            for id in self.leased_to(&it.group, &holder) {
                let assignment = self.account.assignment(id);
                let license = assignment.map(|it| self.account.license_of(it));
                match license.map(|it| self.account.leaving(it)) {
                    Some(Leaving::Orphan) => self.orphan(id, &it.group),
                    Some(Leaving::Release) | None => {
                        self.remove_grounds(id, |it| *it == ground);
                    }
                }
            }
        }
        Ok(())
    }

    /// The assignments of a holder that stand on what a group gives.
    fn leased_to(&self, group: &GroupId, holder: &Holder) -> Vec<AssignmentId> {
        let all = self.account.assignments_of(holder.key());
        all.into_iter().filter(|it| self.account.is_leased(it, group)).map(|it| it.id).collect()
    }

    /// What a group gave stays, and the group gives it no more.
    fn orphan(&mut self, id: AssignmentId, group: &GroupId) {
        let Some(it) = self.account.assignment(id) else { return };
        let about = self.about(it);
        self.cause(Event::GroundAdded(GroundChanged {
            assignment: about.assignment,
            license: about.license,
            holder: about.holder,
            ground: Ground::Orphan(group.clone()),
        }));
    }

    pub(super) fn set_group_rule(&mut self, it: &SetGroupRule) -> Result<(), Refusal> {
        self.meet_group(&it.group, None);
        self.change_rule(&it.group, it.grants.clone(), it.cascade)
    }

    pub(super) fn grant_to_group(&mut self, it: &GrantToGroup) -> Result<(), Refusal> {
        self.meet_group(&it.group, None);
        let mut grants = self.find_group(&it.group)?.grants.clone();
        match grants.iter_mut().find(|grant| grant.same_thing(&it.grant)) {
            Some(grant) => *grant = it.grant.clone(),
            None => grants.push(it.grant.clone()),
        }
        self.change_rule(&it.group, grants, true)
    }

    pub(super) fn remove_group_rule(&mut self, it: &RemoveGroupRule) -> Result<(), Refusal> {
        let mut grants = self.find_group(&it.group)?.grants.clone();
        match Of::given(&it.license, &it.product) {
            Some(of) => grants.retain(|it| Of::given(&it.license, &it.product) != Some(of)),
            None => grants.clear(),
        }
        self.change_rule(&it.group, grants, it.cascade)
    }

    fn change_rule(
        &mut self,
        group: &GroupId,
        grants: Vec<Grant>,
        cascade: bool,
    ) -> Result<(), Refusal> {
        let before = self.find_group(group)?;
        let (granted, unfinished) = (before.grants.clone(), before.unfinished);
        let of = grants.iter().filter_map(|it| Of::given(&it.license, &it.product));
        of.into_iter().try_for_each(|it| self.is_there(it))?;
        let mut new = grants.iter().filter(|it| !granted.iter().any(|old| old.same_thing(it)));
        new.try_for_each(|it| self.can_be_granted(it))?;
        self.do_not_overlap(group, &grants)?;
        grants.iter().try_for_each(|it| self.quota_fits(group, it))?;
        if granted == grants {
            // Whoever is still to be served is, in their turn; nobody else has to be.
            return Ok(());
        }
        let members: Vec<Holder> = self.account.members_of(group).cloned().collect();
        let first_come = grants.iter().filter(|it| it.mode == Mode::FirstCome).count();
        let too_many = members.len().saturating_mul(first_come) > SERVED_MAX;
        let leaving = if cascade { Leaving::Release } else { Leaving::Orphan };
        let lost = members.iter().map(|it| self.lost(group, &grants, it).count()).sum::<usize>();
        let withdrawing = (lost > SERVED_MAX).then_some(leaving);
        let unfinished = too_many || unfinished && first_come > 0 || withdrawing.is_some();
        self.cause(Event::GroupRuleSet(GroupRuleSet {
            group: group.clone(),
            grants: grants.clone(),
            unfinished,
            withdrawing,
        }));
        self.withdraw(group, leaving, &mut { SERVED_MAX });
        // What was given before and is given as before is not given again.
        let new: Vec<&Grant> = grants.iter().filter(|it| !granted.contains(it)).collect();
        for grant in new.iter().filter(|it| it.mode == Mode::Eager) {
            self.can_give(group, grant, &members)?;
        }
        for grant in new {
            if !unfinished || grant.mode == Mode::Eager {
                self.apply(group, grant, &members)?;
            }
        }
        Ok(())
    }

    /// A seat is a lease of one grant, so that a quota means something.
    fn do_not_overlap(&self, group: &GroupId, grants: &[Grant]) -> Result<(), Refusal> {
        for license in grants.iter().filter_map(|it| it.license.as_ref()) {
            let Some(of) = self.account.license(license) else { continue };
            if grants.iter().any(|it| it.product.as_ref() == Some(&of.product)) {
                let (license, product) = (license.clone(), of.product.clone());
                return Err(Refusal::GrantsOverlap { group: group.clone(), license, product });
            }
        }
        Ok(())
    }

    /// Refuses to give everybody what nobody can have for now, before any shortage is looked at.
    fn can_give(&self, group: &GroupId, grant: &Grant, members: &[Holder]) -> Result<(), Refusal> {
        let Some(of) = Of::given(&grant.license, &grant.product) else { return Ok(()) };
        let ground = Ground::Group(group.clone());
        // A ground more on a seat that somebody has is no new seat.
        let lacks = |it: &Holder| !self.is_denied(it) && self.seat_for(of, it, &ground).is_none();
        match members.iter().any(lacks) {
            true => self.room(of).map(drop),
            false => Ok(()),
        }
    }

    /// Refuses to grant a license that nobody can have any more.
    pub(super) fn can_be_granted(&self, grant: &Grant) -> Result<(), Refusal> {
        let license = grant.license.as_ref().and_then(|it| self.account.license(it));
        match license.filter(|it| it.state == LicenseState::Retired) {
            Some(it) => Err(Refusal::LicenseRetired(it.id.clone())),
            None => Ok(()),
        }
    }

    /// Refuses a quota under what the group has.
    fn quota_fits(&self, group: &GroupId, grant: &Grant) -> Result<(), Refusal> {
        let leases = self.account.leases(group, grant);
        match grant.quota {
            Some(quota) if quota < leases => Err(Refusal::QuotaBelowUse {
                group: group.clone(),
                named: grant.named().into(),
                leases,
                quota,
            }),
            Some(_) | None => Ok(()),
        }
    }

    /// What a group gave to a holder, or the holder waits for, by grants that are none of these.
    fn lost(&self, group: &GroupId, grants: &[Grant], holder: &Holder) -> Lost {
        let ground = Ground::Group(group.clone());
        let given = |it: &AssignmentId| {
            let license = self.account.assignment(*it).map(|it| self.account.license_of(it));
            grants.iter().any(|grant| {
                let of = Of::given(&grant.license, &grant.product);
                of.zip(license).is_some_and(|(of, license)| of.covers(license))
            })
        };
        let mut assignments = self.leased_to(group, holder);
        assignments.retain(|it| !given(it));
        let granted = |wait: &Wait| {
            let of = (&wait.license, &wait.product);
            grants.iter().any(|it| (&it.license, &it.product) == of)
        };
        let waits = self.account.waits_of(holder.key()).into_iter();
        let waits = waits.filter(|it| it.ground == ground && !granted(it)).count();
        Lost { assignments, waits }
    }

    /// Ends what a group gave by grants that are gone, for members in the order of their places, as
    /// far as there is room `left`.
    pub(super) fn withdraw(&mut self, group: &GroupId, leaving: Leaving, left: &mut usize) {
        let ground = Ground::Group(group.clone());
        let grants = self.account.group(group).map(|it| it.grants.clone()).unwrap_or_default();
        let members: Vec<Holder> = self.account.members_of(group).cloned().collect();
        for holder in members {
            let lost = self.lost(group, &grants, &holder);
            if lost.count() > *left {
                *left = 0;
                return;
            }
            *left -= lost.count();
            self.end_waits(&holder, WaitEnd::Withdrawn, |wait| {
                let of = (&wait.license, &wait.product);
                wait.ground == ground && !grants.iter().any(|it| (&it.license, &it.product) == of)
            });
            for id in lost.assignments {
                match leaving {
                    Leaving::Release => self.remove_grounds(id, |it| *it == ground),
                    Leaving::Orphan => self.orphan(id, group),
                }
            }
        }
    }

    /// Gives members what a grant gives: all of them or none, or as far as seats reach.
    pub(super) fn apply(
        &mut self,
        group: &GroupId,
        grant: &Grant,
        members: &[Holder],
    ) -> Result<(), Refusal> {
        let Some(of) = Of::given(&grant.license, &grant.product) else { return Ok(()) };
        let ground = Ground::Group(group.clone());
        let eager = grant.mode == Mode::Eager;
        // Nobody waits for what nobody can have any more.
        if !eager && self.can_be_granted(grant).is_err() {
            return Ok(());
        }
        let members = &self.by_place(of, &ground, members);
        if eager {
            self.quota_reaches(group, grant, of, members)?;
        }
        let (mut given, mut short) = (0, 0);
        for holder in members {
            if self.is_denied(holder) {
                continue;
            }
            let held = self.seat_for(of, holder, &ground);
            if held.is_some_and(|it| self.account.is_leased(it, group)) {
                continue;
            }
            let held = held.map(|it| it.id);
            if !self.quota_allows(group, of, holder) {
                self.wait(of, holder, ground.clone(), &Terms::default());
                continue;
            }
            match (held, self.room(of)) {
                (Some(assignment), _) => {
                    self.add_ground(assignment, ground.clone());
                    let license = self.account.assignment(assignment);
                    let license = license.map(|it| self.account.license_of(it).id.clone());
                    license.iter().for_each(|it| self.serve_with(it, holder));
                }
                (None, Ok(Some(license))) => {
                    given += 1;
                    self.seat(&license, holder, ground.clone(), &Terms::default());
                }
                (None, Ok(None)) if eager => short += 1,
                (None, Err(refusal)) if eager => return Err(refusal),
                (None, Ok(None) | Err(_)) => {
                    self.wait(of, holder, ground.clone(), &Terms::default())
                }
            }
        }
        match short {
            0 => Ok(()),
            short => Err(self.no_free_seat(of, given, given + short)),
        }
    }

    /// Members in the order in which they are served: who waits by their place, then the others.
    fn by_place(&self, of: Of<'_>, ground: &Ground, members: &[Holder]) -> Vec<Holder> {
        let place = |it: &Holder| {
            let waits = self.account.waits_of(it.key());
            let same = |it: &&&Wait| {
                it.ground == *ground && Of::given(&it.license, &it.product) == Some(of)
            };
            waits.iter().find(same).map_or(u64::MAX, |it| it.place)
        };
        let mut members = members.to_vec();
        members.sort_by_cached_key(place);
        members
    }

    /// Refuses to give all of these members more than the quota leaves, whatever seats are free.
    fn quota_reaches(
        &self,
        group: &GroupId,
        grant: &Grant,
        of: Of<'_>,
        members: &[Holder],
    ) -> Result<(), Refusal> {
        let Some(quota) = grant.quota else { return Ok(()) };
        let lacks = |it: &&Holder| !self.is_denied(it) && !self.has_lease(group, of, it);
        let lacking = members.iter().filter(lacks).count();
        let wanted = i64::try_from(lacking).unwrap_or(i64::MAX);
        let leases = self.account.leases(group, grant);
        match leases.saturating_add(wanted) > quota && wanted > 0 {
            true => Err(Refusal::QuotaExceeded {
                group: group.clone(),
                named: grant.named().into(),
                leases,
                quota,
                wanted,
            }),
            false => Ok(()),
        }
    }

    /// Whether a group has given it to a holder, by a license that may be over by now.
    fn has_lease(&self, group: &GroupId, of: Of<'_>, holder: &Holder) -> bool {
        let leased = |it: &&Assignment| {
            of.covers(self.account.license_of(it)) && self.account.is_leased(it, group)
        };
        self.account.assignments_of(holder.key()).iter().any(leased)
    }

    /// Whether a group may give it to a holder. One who has it from the group is counted already,
    /// also where it is another license that gives it to them from now on.
    fn quota_allows(&self, group: &GroupId, of: Of<'_>, holder: &Holder) -> bool {
        let Some(group) = self.account.group(group) else { return false };
        let same = |it: &&Grant| Of::given(&it.license, &it.product) == Some(of);
        let Some(grant) = group.grants.iter().find(same) else { return false };
        let leases = || self.account.leases(&group.id, grant);
        grant.quota.is_none_or(|it| leases() < it || self.has_lease(&group.id, of, holder))
    }

    /// Whether a group may give it to a holder now: its quota and the holder's direct set let it.
    pub(super) fn may_give(&self, group: &GroupId, of: Of<'_>, holder: &Holder) -> bool {
        !self.is_denied(holder) && self.quota_allows(group, of, holder)
    }

    /// Whether a direct set keeps a holder from what groups give.
    pub(super) fn is_denied(&self, holder: &Holder) -> bool {
        let known = self.account.known(holder.key());
        known.is_some_and(|it| it.direct_set().is_some())
            && self.account.direct_sets() == DirectSets::Replace
    }
}

/// What a member of a group loses with its rule.
struct Lost {
    assignments: Vec<AssignmentId>,
    waits: usize,
}

impl Lost {
    fn count(&self) -> usize {
        self.assignments.len() + self.waits
    }
}
