//! Rules about ending assignments.

use std::collections::HashSet;

use super::seats::Of;
use super::{Case, find};
use crate::account::{Account, Assignment};
use crate::command::RevokeAssignment;
use crate::event::{Assigned, Event, Ground, GroundChanged, WaitEnd};
use crate::holder::Holder;
use crate::refusal::Refusal;
use crate::text::{AssignmentId, LicenseId};

impl Case<'_> {
    pub(super) fn revoke(&mut self, it: &RevokeAssignment) -> Result<(), Refusal> {
        let named: Vec<AssignmentId> =
            to_revoke(self.account, it)?.into_iter().map(|it| it.id).collect();
        for id in &named {
            let Some(it) = self.account.assignment(*id) else { continue };
            let grounds = self.account.grounds_of(it);
            if let [Ground::Group(group), ..] = &grounds[..]
                && grounds.iter().all(|it| matches!(it, Ground::Group(_)))
            {
                let Assigned { license, holder, .. } = self.about(it);
                return Err(Refusal::HeldByGroup { license, holder, group: group.clone() });
            }
        }
        for id in named {
            if let Some(it) = self.account.assignment(id).map(|it| self.about(it)) {
                self.stop_waiting(&it.license, &it.holder);
            }
            self.remove_grounds(id, |it| match it {
                Ground::Direct | Ground::Orphan(_) => true,
                Ground::Group(_) => false,
            });
        }
        if let Some(license) = &it.license {
            it.holders.iter().for_each(|holder| self.stop_waiting(license, holder));
        }
        Ok(())
    }

    /// One who is not to have a seat does not wait for one either.
    fn stop_waiting(&mut self, license: &LicenseId, holder: &Holder) {
        let Some(license) = self.account.license(license).cloned() else { return };
        self.end_waits(holder, WaitEnd::GivenUp, |wait| {
            let of = Of::given(&wait.license, &wait.product);
            wait.ground == Ground::Direct && of.is_some_and(|it| it.covers(&license))
        });
    }

    /// Takes grounds away from an assignment; without any left it is over.
    pub(super) fn remove_grounds(&mut self, id: AssignmentId, which: impl Fn(&Ground) -> bool) {
        let Some(it) = self.account.assignment(id) else { return };
        let grounds = self.account.grounds_of(it);
        let about = self.about(it);
        match grounds.iter().all(&which) {
            true => self.cause(Event::AssignmentRevoked(about)),
            false => {
                for ground in grounds.into_iter().filter(&which) {
                    let Assigned { assignment, license, holder } = about.clone();
                    let event = GroundChanged { assignment, license, holder, ground };
                    self.cause(Event::GroundRemoved(event));
                }
                self.forget_end(id);
            }
        }
    }
}

/// The live assignments that are named, in the order given, each once.
fn to_revoke<'a>(
    account: &'a Account,
    it: &RevokeAssignment,
) -> Result<Vec<&'a Assignment>, Refusal> {
    let mut live: Vec<&'a Assignment> = vec![];
    let mut seen: HashSet<AssignmentId> = HashSet::new();
    let mut add = |assignment: &Assignment| seen.insert(assignment.id);
    for id in it.assignment.iter().chain(&it.assignments) {
        match account.assignment(*id) {
            Some(assignment) if add(assignment) => live.push(assignment),
            Some(_) => {}
            None if account.has_ended(*id) => {}
            None => return Err(Refusal::AssignmentNotFound(*id)),
        }
    }
    if let Some(license) = &it.license {
        find(account, license)?;
        for holder in &it.holders {
            if account.holder(holder.key()).is_none() {
                return Err(Refusal::HolderNotFound(holder.clone()));
            }
            if let Some(assignment) = account.seat_of(license, holder.key())
                && add(assignment)
            {
                live.push(assignment);
            }
        }
    }
    Ok(live)
}
