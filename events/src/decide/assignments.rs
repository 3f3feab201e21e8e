//! Rules about giving seats by name, and changing assignments.

use super::seats::Of;
use super::{Case, assignable, find};
use crate::account::{Account, Assignment, License, Terms, Wait};
use crate::command::{AssignSeat, ChangeAssignment};
use crate::event::{Assigned, AssignmentDescribed, AssignmentEndSet, Event, Ground};
use crate::holder::Holder;
use crate::refusal::Refusal;
use crate::text::{AssignmentId, LicenseId, ProductId};

/// What stands between a holder and a seat of one license.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Need {
    /// Nothing: the holder has it.
    Nothing,
    /// The assignment is there; it lacks a seat, or the ground `direct`.
    Change { assignment: AssignmentId, seat: bool },
    /// There is no assignment.
    Assignment,
}

impl Need {
    /// Whether a free seat is needed.
    fn seat(self, it: &AssignSeat) -> bool {
        match self {
            Need::Nothing => false,
            Need::Change { seat, .. } => seat,
            Need::Assignment => it.active,
        }
    }
}

impl Case<'_> {
    pub(super) fn assign(&mut self, it: &AssignSeat) -> Result<(), Refusal> {
        match (&it.license, &it.product) {
            (Some(license), _) => self.assign_license(license, it),
            (None, Some(product)) => self.assign_product(product, it),
            (None, None) => Ok(()),
        }
    }

    fn assign_license(&mut self, license: &LicenseId, it: &AssignSeat) -> Result<(), Refusal> {
        let of = find(self.account, license)?;
        let mut needs: Vec<(&Holder, Need)> = self
            .distinct(&it.holders)
            .into_iter()
            .map(|holder| (holder, need(self.account, of, it, holder)))
            .filter(|(_, need)| *need != Need::Nothing)
            .filter(|(holder, need)| {
                !need.seat(it) || !self.waits_as_asked(Of::License(license), it, holder)
            })
            .collect();
        if needs.is_empty() {
            return Ok(());
        }
        self.can_be_given(needs.iter().map(|(holder, _)| *holder))?;
        for (holder, _) in &needs {
            self.may_hold(of, holder)?;
        }
        assignable(of, self.now)?;
        self.still_to_end(it)?;
        let wanted = needs.iter().filter(|(_, need)| need.seat(it)).count();
        let free = usize::try_from(self.account.free(of)).unwrap_or(0);
        let mut waiting = vec![];
        if wanted > free {
            if !it.wait {
                let wanted = i64::try_from(wanted).unwrap_or(i64::MAX);
                return Err(self.no_free_seat(Of::License(license), 0, wanted));
            }
            let mut left = free;
            needs.retain(|(holder, need)| {
                let served = !need.seat(it) || left > 0;
                left -= usize::from(served && need.seat(it));
                if !served {
                    waiting.push(*holder);
                }
                served
            });
        }
        needs.into_iter().for_each(|(holder, need)| self.give(license, it, holder, need));
        for holder in waiting {
            self.wait(Of::License(license), holder, Ground::Direct, &terms(it));
        }
        Ok(())
    }

    /// Each holder gets a seat of the license in force that ends first and has one free. One who
    /// holds a seat of any license in force is already as asked.
    fn assign_product(&mut self, product: &ProductId, it: &AssignSeat) -> Result<(), Refusal> {
        self.has_product(product)?;
        let mut holders = self.distinct(&it.holders);
        holders.retain(|holder| !self.waits_as_asked(Of::Product(product), it, holder));
        if holders.is_empty() {
            return Ok(());
        }
        self.can_be_given(holders.iter().copied())?;
        let licenses = self.in_force(product, it.container.as_ref())?;
        let (mut given, mut new, mut short) = (0, false, vec![]);
        for holder in holders {
            let of = |it: &LicenseId| self.account.license(it);
            let needs: Vec<_> = licenses
                .iter()
                .filter_map(of)
                .map(|of| (of, need(self.account, of, it, holder)))
                .collect();
            if needs.iter().any(|(_, need)| *need == Need::Nothing) {
                continue;
            }
            let has_room =
                |(of, need): &&(&License, Need)| !need.seat(it) || self.account.free(of) > 0;
            // What costs no seat comes first: an assignment that a group has given.
            let costless =
                needs.iter().find(|(_, need)| matches!(need, Need::Change { seat: false, .. }));
            match costless.or_else(|| needs.iter().find(has_room)) {
                Some((of, need)) => {
                    self.may_hold(of, holder)?;
                    let (license, need) = (of.id.clone(), *need);
                    given += i64::from(need.seat(it));
                    new = true;
                    self.give(&license, it, holder, need);
                }
                None => {
                    if let Some((of, _)) = needs.first() {
                        self.may_hold(of, holder)?;
                    }
                    short.push(holder);
                }
            }
        }
        if new || !short.is_empty() {
            self.still_to_end(it)?;
        }
        if !it.wait && !short.is_empty() {
            let wanted = given + i64::try_from(short.len()).unwrap_or(i64::MAX);
            let licenses: Vec<&License> =
                licenses.iter().filter_map(|it| self.account.license(it)).collect();
            let named = match &it.container {
                Some(container) => format!("{product} in container {container}"),
                None => product.to_string(),
            };
            return Err(self.none_free(&named, &licenses, given, wanted));
        }
        let terms = terms(it);
        for holder in short {
            self.wait(Of::Product(product), holder, Ground::Direct, &terms);
        }
        Ok(())
    }

    /// Whether somebody waits already for what they are to have, or to wait for.
    fn waits_as_asked(&self, of: Of<'_>, it: &AssignSeat, holder: &Holder) -> bool {
        let here = |wait: &&Wait| {
            let same = Of::given(&wait.license, &wait.product) == Some(of);
            same && wait.ground == Ground::Direct && !wait.is_over(self.now)
        };
        it.wait && it.active && self.account.waits_of(holder.key()).iter().any(here)
    }

    /// Refuses a seat whose time would be over.
    fn still_to_end(&self, it: &AssignSeat) -> Result<(), Refusal> {
        match it.ends_at {
            Some(ends_at) if ends_at <= self.now => Err(Refusal::AlreadyOver { ends_at }),
            Some(_) | None => Ok(()),
        }
    }

    /// Gives a holder what stands between them and a seat.
    fn give(&mut self, license: &LicenseId, it: &AssignSeat, holder: &Holder, need: Need) {
        match need {
            Need::Nothing => {}
            Need::Change { assignment, seat } => {
                let direct = self.account.assignment(assignment).is_some_and(|it| it.direct);
                if !direct {
                    self.stand_on(assignment, Ground::Direct, it.ends_at);
                }
                let (license, holder) = (license.clone(), self.in_full(holder));
                match seat {
                    true => self.reactivate(Assigned { assignment, license, holder }),
                    false => self.serve_with(&license, &holder),
                }
            }
            Need::Assignment => self.make(license, holder, Ground::Direct, &terms(it)),
        }
    }

    pub(super) fn change_assignment(&mut self, it: &ChangeAssignment) -> Result<(), Refusal> {
        let assignment = named(self.account, it)?;
        let license = self.account.license_of(assignment);
        let about = self.about(assignment);
        let by_name = assignment.direct || assignment.groups().iter().any(|it| it.orphan);
        let reactivated = it.active == Some(true) && !assignment.active;
        let mut events = vec![];
        match it.active {
            Some(true) if !assignment.active => {
                assignable(license, self.now)?;
                if self.account.free(license) < 1 {
                    return Err(self.no_free_seat(Of::License(&license.id), 0, 1));
                }
                events.push(Event::AssignmentReactivated(about.clone()));
            }
            Some(false) if assignment.active => {
                events.push(Event::AssignmentDeactivated(about.clone()));
            }
            _ => {}
        }
        match it.fulfilled {
            Some(true) if !assignment.fulfilled => {
                events.push(Event::AssignmentFulfilled(about.clone()));
            }
            Some(false) if assignment.fulfilled => {
                events.push(Event::FulfilmentWithdrawn(about.clone()));
            }
            _ => {}
        }
        let ends_at = it.ends_at.over(&assignment.ends_at());
        // What it was by name has ended already, and the group goes on.
        let ended = !by_name && ends_at.is_some_and(|it| it <= self.now);
        if ends_at != assignment.ends_at() && !ended {
            let Assigned { assignment, license, holder } = about.clone();
            let event = AssignmentEndSet { assignment, license, holder, ends_at };
            events.push(Event::AssignmentEndSet(event));
        }
        let redirect_to = it.redirect_to.over(&assignment.redirect_to().cloned());
        let metadata = it.metadata.over(&assignment.metadata().cloned());
        if (redirect_to.as_ref(), metadata.as_ref())
            != (assignment.redirect_to(), assignment.metadata())
        {
            let Assigned { assignment, license, holder } = about.clone();
            events.push(Event::AssignmentDescribed(AssignmentDescribed {
                assignment,
                license,
                holder,
                redirect_to,
                metadata,
            }));
        }
        events.into_iter().for_each(|it| self.cause(it));
        if reactivated {
            self.serve_with(&about.license, &about.holder);
        }
        Ok(())
    }
}

/// What a new assignment has, as it was asked for.
fn terms(it: &AssignSeat) -> Terms {
    Terms {
        inactive: !it.active,
        fulfilled: it.fulfilled,
        redirect_to: it.redirect_to.clone(),
        metadata: it.metadata.clone(),
        ends_at: it.ends_at,
    }
}

fn need(account: &Account, license: &License, it: &AssignSeat, holder: &Holder) -> Need {
    match account.seat_of(&license.id, holder.key()) {
        Some(found) => match it.active && !found.active {
            false if found.direct => Need::Nothing,
            seat => Need::Change { assignment: found.id, seat },
        },
        None => Need::Assignment,
    }
}

/// The live assignment a change is about.
fn named<'a>(account: &'a Account, it: &ChangeAssignment) -> Result<&'a Assignment, Refusal> {
    match (it.assignment, &it.license, &it.holder) {
        (Some(id), ..) => account.assignment(id).ok_or_else(|| match account.has_ended(id) {
            true => Refusal::AssignmentEnded(id),
            false => Refusal::AssignmentNotFound(id),
        }),
        (None, Some(license), Some(holder)) => {
            find(account, license)?;
            if account.holder(holder.key()).is_none() {
                return Err(Refusal::HolderNotFound(holder.clone()));
            }
            account.seat_of(license, holder.key()).ok_or_else(|| Refusal::NotAssigned {
                license: license.clone(),
                holder: holder.clone(),
            })
        }
        // Not well-formed; `Command::check` has said so to whoever sent it.
        (None, ..) => Err(Refusal::AssignmentNotFound(AssignmentId(uuid::Uuid::nil()))),
    }
}
