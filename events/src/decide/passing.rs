//! What the ledger does by itself as time passes.

use super::Case;
use super::seats::Of;
use crate::account::{Due, Group, Mark, Passed};
use crate::event::{Event, Ground, GroupRuleApplied, GroupRuleSet, LicenseDue, WaitEnd};
use crate::holder::Holder;
use crate::limits::{FIRED_MAX, SERVED_BYTES_MAX, SERVED_MAX};
use crate::moment::Moment;
use crate::refusal::Refusal;
use crate::rule::{Grant, Mode};
use crate::text::{AssignmentId, GroupId, LicenseId, ProductId};

impl Case<'_> {
    /// What is due comes to pass in the order of its moments, each judged at its moment: what follows
    /// from one, seats for those who wait and for members who are still to be served, follows before
    /// the next. So it makes no difference whether somebody looked at each moment or only after the
    /// last. What one commit has no room for is due in the next one, and comes before anything else.
    pub(super) fn pass_time(&mut self) -> Result<(), Refusal> {
        let until = self.now;
        let first = self.account.first_due(until);
        self.now = first.map_or(until, |(at, _)| at);
        let unserved = self.account.has_unserved();
        self.account.look_for_unserved(false);
        let mark = self.account.mark();
        if !self.follow(mark, 0, unserved)? {
            return Ok(());
        }
        let (mut counted, mut bytes) = (0, 0);
        while self.events.len() < FIRED_MAX && bytes < SERVED_BYTES_MAX {
            bytes += self.bytes_since(counted);
            counted = self.events.len();
            let Some((at, due)) = self.account.first_due(until) else {
                self.now = until;
                let mark = self.account.mark();
                self.follow(mark, counted, true)?;
                return Ok(());
            };
            self.now = at;
            let mark = self.account.mark();
            match due {
                Due::Schedule(kept) => self.fire(&kept),
                due @ (Due::License(_) | Due::Assignment(_) | Due::Place(_)) => {
                    self.come_to_pass(at, due);
                }
            }
            // What changes nothing would be due again.
            let stuck = self.events.len() == counted;
            if !self.follow(mark, counted, false)? || stuck {
                return Ok(());
            }
        }
        self.account.look_for_unserved(true);
        Ok(())
    }

    /// What is due at one moment, scheduled commands aside, comes to pass together.
    fn come_to_pass(&mut self, at: Moment, due: Due) {
        let mut next = Some((at, due));
        while let Some((moment, due)) = next
            && moment == at
            && self.events.len() < FIRED_MAX
        {
            let before = self.events.len();
            match due {
                Due::License(license) => self.pass_license(license, at),
                Due::Assignment(assignment) => self.end_assignment(assignment),
                Due::Place(place) => self.end_wait(place, WaitEnd::Withdrawn),
                Due::Schedule(_) => return,
            }
            if self.events.len() == before {
                return;
            }
            next = self.account.first_due(at);
        }
    }

    /// Serves whoever is to be served after what was caused since the mark, which was when there were
    /// `from` events; says whether that was everybody.
    fn follow(&mut self, mark: Mark, from: usize, everybody: bool) -> Result<bool, Refusal> {
        if self.account.has_unfinished() {
            self.finish_rules(SERVED_MAX.saturating_sub(self.events.len() - from))?;
        }
        self.settle(mark, from, everybody);
        Ok(!self.account.has_unfinished() && !self.account.has_unserved())
    }

    pub(super) fn pass_license(&mut self, license: LicenseId, due: Moment) {
        let Some(it) = self.account.license(&license) else { return };
        let (next, product) = (it.next(), it.product.clone());
        let event = LicenseDue { license, due };
        match next {
            Some((_, Passed::Start)) => self.cause(Event::LicenseStarted(event)),
            Some((_, Passed::End)) => {
                self.cause(Event::LicenseEnded(event));
                self.reopen_rules(&product);
            }
            Some((_, Passed::Grace)) => self.cause(Event::GraceEnded(event)),
            Some((_, Passed::None)) | None => {}
        }
    }

    /// Whoever has lost a product with a license gets it from another one, as far as the rules of
    /// their groups and the seats go.
    fn reopen_rules(&mut self, product: &ProductId) {
        let gives = |it: &Grant| it.product.as_ref() == Some(product);
        let groups: Vec<(GroupId, Vec<Grant>)> = self
            .account
            .groups()
            .iter()
            .filter(|it| !it.unfinished && it.grants.iter().any(gives))
            .map(|it| (it.id.clone(), it.grants.clone()))
            .collect();
        for (group, grants) in groups {
            let (unfinished, withdrawing) = (true, None);
            let again = GroupRuleSet { group, grants, unfinished, withdrawing };
            self.cause(Event::GroupRuleSet(again));
        }
    }

    /// An assignment whose time has come ends as if it were revoked by name.
    fn end_assignment(&mut self, id: AssignmentId) {
        self.remove_grounds(id, |it| match it {
            Ground::Direct | Ground::Orphan(_) => true,
            Ground::Group(_) => false,
        });
        // One that stood on groups alone, of a log of before, had an end all the same.
        self.set_end(id, None);
    }

    fn finish_rules(&mut self, mut left: usize) -> Result<(), Refusal> {
        let groups = self.account.groups().iter().filter(|it| it.unfinished);
        let groups: Vec<Group> = groups.cloned().collect();
        for group in groups {
            if let Some(leaving) = group.withdrawing {
                self.withdraw(&group.id, leaving, &mut left);
            }
            for grant in &group.grants {
                self.serve_members(&group.id, grant, &mut left)?;
            }
            if left == 0 {
                return Ok(());
            }
            self.cause(Event::GroupRuleApplied(GroupRuleApplied { group: group.id }));
        }
        Ok(())
    }

    /// Serves so many of the members that are still to be served, in the order of their places.
    fn serve_members(
        &mut self,
        group: &GroupId,
        grant: &Grant,
        left: &mut usize,
    ) -> Result<(), Refusal> {
        let Some(of) = Of::given(&grant.license, &grant.product) else { return Ok(()) };
        if self.can_be_granted(grant).is_err() {
            return Ok(());
        }
        let due: Vec<Holder> = self
            .account
            .members_of(group)
            .filter(|it| !self.is_served(group, of, it))
            .take(*left)
            .cloned()
            .collect();
        *left -= due.len();
        // Nobody is there to be refused: where there is no room they wait, whatever the mode.
        let grant = Grant { mode: Mode::FirstCome, ..grant.clone() };
        self.apply(group, &grant, &due)
    }

    pub(super) fn is_served(&self, group: &GroupId, of: Of<'_>, holder: &Holder) -> bool {
        let ground = Ground::Group(group.clone());
        let leased = |it: &crate::account::Assignment| self.account.is_leased(it, group);
        let waits = self.account.waits_of(holder.key());
        self.is_denied(holder)
            || self.assignment_of(of, holder, &ground).is_some_and(leased)
            || waits
                .iter()
                .any(|it| it.ground == ground && Of::given(&it.license, &it.product) == Some(of))
    }
}
