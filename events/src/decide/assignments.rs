//! Rules about assignments.

use std::collections::HashSet;

use super::{Case, assignable, enough, find};
use crate::account::{Account, Assignment, License, LicenseState};
use crate::command::{AssignSeat, ChangeAssignment, RevokeAssignment};
use crate::event::{Assigned, AssignmentDescribed, Event, Ground, SeatAssigned};
use crate::holder::Holder;
use crate::refusal::Refusal;
use crate::text::{AssignmentId, LicenseId, ProductId};

/// What stands between a holder and a seat of one license.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Need {
    /// Nothing: the holder has it.
    Nothing,
    /// The assignment is there and holds no seat.
    Activation(AssignmentId),
    /// There is no assignment.
    Assignment,
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
        let license = find(self.account, license)?;
        let needs: Vec<(&Holder, Need)> = distinct(&it.holders)
            .map(|holder| (holder, need(self.account, license, it, holder)))
            .filter(|(_, need)| *need != Need::Nothing)
            .collect();
        if needs.is_empty() {
            return Ok(());
        }
        assignable(license, self.now)?;
        let wanted = if it.active { i64::try_from(needs.len()).unwrap_or(i64::MAX) } else { 0 };
        enough(license, wanted)?;
        let license = license.id.clone();
        needs.into_iter().for_each(|(holder, need)| self.meet(&license, it, holder, need));
        Ok(())
    }

    /// Each holder gets a seat of the license in force that ends first and has one free. One who
    /// holds a seat of any license in force is already as asked.
    fn assign_product(&mut self, product: &ProductId, it: &AssignSeat) -> Result<(), Refusal> {
        let licenses = self.in_force(product)?;
        let (mut wanted, mut short) = (0, 0);
        for holder in distinct(&it.holders) {
            let of = |it: &LicenseId| self.account.license(it);
            let needs: Vec<_> = licenses
                .iter()
                .filter_map(of)
                .map(|of| (need(self.account, of, it, holder), !it.active || of.free() > 0))
                .collect();
            if needs.iter().any(|(need, _)| *need == Need::Nothing) {
                continue;
            }
            wanted += 1;
            match needs.iter().position(|(_, has_room)| *has_room) {
                Some(pick) => self.meet(&licenses[pick], it, holder, needs[pick].0),
                None => short += 1,
            }
        }
        let licenses = licenses.iter().filter_map(|it| self.account.license(it));
        match short {
            0 => Ok(()),
            // As it was before this command: it has given away what there was.
            _ => Err(Refusal::NoFreeSeat {
                named: product.as_str().into(),
                held: licenses.clone().map(|it| it.held).sum::<i64>() - (wanted - short),
                quantity: licenses.map(|it| it.quantity).sum(),
                wanted,
            }),
        }
    }

    /// The licenses of a product that are in force, the one that ends first before the others.
    fn in_force(&self, product: &ProductId) -> Result<Vec<LicenseId>, Refusal> {
        let mut licenses: Vec<&License> = self.account.licenses_of_product(product).collect();
        if licenses.is_empty() {
            return Err(Refusal::ProductNotFound(product.clone()));
        }
        licenses.retain(|it| it.state == LicenseState::Active && it.in_window(self.now));
        if licenses.is_empty() {
            return Err(Refusal::NoLicenseInForce(product.clone()));
        }
        licenses.sort_by_key(|it| (it.ends_at.is_none(), it.ends_at));
        Ok(licenses.into_iter().map(|it| it.id.clone()).collect())
    }

    /// Gives a holder what stands between them and a seat.
    fn meet(&mut self, license: &LicenseId, it: &AssignSeat, holder: &Holder, need: Need) {
        match need {
            Need::Nothing => {}
            Need::Activation(assignment) => {
                let holder = in_full(self.account, holder);
                let license = license.clone();
                let event = Assigned { assignment, license, holder };
                self.cause(Event::AssignmentReactivated(event));
            }
            Need::Assignment => {
                let event = SeatAssigned {
                    assignment: AssignmentId(self.mint.id()),
                    number: self.mint.number(),
                    license: license.clone(),
                    holder: in_full(self.account, holder),
                    grounds: vec![Ground::Direct],
                    active: it.active,
                    fulfilled: it.fulfilled,
                    redirect_to: it.redirect_to.clone(),
                    metadata: it.metadata.clone(),
                };
                self.cause(Event::SeatAssigned(event));
            }
        }
    }

    pub(super) fn change_assignment(&mut self, it: &ChangeAssignment) -> Result<(), Refusal> {
        let assignment = named(self.account, it)?;
        let license = self.account.license_of(assignment);
        let about = assigned(self.account, assignment);
        let mut events = vec![];
        match it.active {
            Some(true) if !assignment.active => {
                assignable(license, self.now)?;
                enough(license, 1)?;
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
        let redirect_to = it.redirect_to.over(&assignment.redirect_to().cloned());
        let metadata = it.metadata.over(&assignment.metadata().cloned());
        if (redirect_to.as_ref(), metadata.as_ref())
            != (assignment.redirect_to(), assignment.metadata())
        {
            let Assigned { assignment, license, holder } = about;
            events.push(Event::AssignmentDescribed(AssignmentDescribed {
                assignment,
                license,
                holder,
                redirect_to,
                metadata,
            }));
        }
        events.into_iter().for_each(|it| self.cause(it));
        Ok(())
    }

    pub(super) fn revoke(&mut self, it: &RevokeAssignment) -> Result<(), Refusal> {
        let live: Vec<Assigned> =
            to_revoke(self.account, it)?.into_iter().map(|it| assigned(self.account, it)).collect();
        live.into_iter().for_each(|it| self.cause(Event::AssignmentRevoked(it)));
        Ok(())
    }
}

fn need(account: &Account, license: &License, it: &AssignSeat, holder: &Holder) -> Need {
    match account.seat_of(&license.id, holder.key()) {
        Some(assignment) if it.active && !assignment.active => Need::Activation(assignment.id),
        Some(_) => Need::Nothing,
        None => Need::Assignment,
    }
}

/// The holder with what the account knows and the command did not say. What the command says wins.
fn in_full(account: &Account, holder: &Holder) -> Holder {
    let known = account.holder(holder.key());
    let email = holder.email.as_ref().or_else(|| known.and_then(|it| it.email.as_ref()));
    Holder { user: holder.user.clone(), email: email.cloned() }
}

fn assigned(account: &Account, assignment: &Assignment) -> Assigned {
    Assigned {
        assignment: assignment.id,
        license: account.license_of(assignment).id.clone(),
        holder: account.holder_of(assignment).clone(),
    }
}

/// The holders, each once, in the order given.
fn distinct(holders: &[Holder]) -> impl Iterator<Item = &Holder> {
    let mut seen = HashSet::with_capacity(if holders.len() > 1 { holders.len() } else { 0 });
    let one = holders.len() == 1;
    holders.iter().filter(move |it| one || seen.insert(it.key()))
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
