//! Rules about assignments.

use std::collections::HashSet;

use super::{assignable, enough, find};
use crate::account::{Account, Assignment, License, LicenseState};
use crate::command::{AssignSeat, ChangeAssignment, RevokeAssignment};
use crate::event::{Assigned, AssignmentDescribed, Event, Ground, SeatAssigned};
use crate::holder::Holder;
use crate::mint::Mint;
use crate::moment::Moment;
use crate::refusal::Refusal;
use crate::text::{AssignmentId, LicenseId, ProductId};

pub(super) fn assign(
    account: &Account,
    it: &AssignSeat,
    now: Moment,
    mint: &mut Mint,
) -> Result<Vec<Event>, Refusal> {
    match (&it.license, &it.product) {
        (Some(license), _) => assign_license(account, license, it, now, mint),
        (None, Some(product)) => assign_product(account, product, it, now, mint),
        (None, None) => Ok(vec![]),
    }
}

/// What stands between a holder and a seat of one license.
enum Need<'a> {
    /// Nothing: the holder has it.
    Nothing,
    /// The assignment is there and holds no seat.
    Activation(&'a Assignment),
    /// There is no assignment.
    Assignment,
}

fn need<'a>(account: &'a Account, license: &License, it: &AssignSeat, holder: &Holder) -> Need<'a> {
    match account.seat_of(&license.id, holder.key()) {
        Some(assignment) if it.active && !assignment.active => Need::Activation(assignment),
        Some(_) => Need::Nothing,
        None => Need::Assignment,
    }
}

fn assign_license(
    account: &Account,
    license: &LicenseId,
    it: &AssignSeat,
    now: Moment,
    mint: &mut Mint,
) -> Result<Vec<Event>, Refusal> {
    let license = find(account, license)?;
    let mut events = vec![];
    for holder in distinct(&it.holders) {
        match need(account, license, it, holder) {
            Need::Nothing => {}
            Need::Activation(assignment) => events.push(reactivated(account, assignment, holder)),
            Need::Assignment => events.push(seat_assigned(account, license, it, holder, mint)),
        }
    }
    if events.is_empty() {
        return Ok(events);
    }
    assignable(license, now)?;
    let wanted = if it.active { i64::try_from(events.len()).unwrap_or(i64::MAX) } else { 0 };
    enough(license, wanted)?;
    Ok(events)
}

/// Each holder gets a seat of the license in force that ends first and has one free. One who
/// holds a seat of any license in force is already as asked.
fn assign_product(
    account: &Account,
    product: &ProductId,
    it: &AssignSeat,
    now: Moment,
    mint: &mut Mint,
) -> Result<Vec<Event>, Refusal> {
    let mut licenses: Vec<&License> = account.licenses_of_product(product).collect();
    if licenses.is_empty() {
        return Err(Refusal::ProductNotFound(product.clone()));
    }
    licenses.retain(|it| it.state == LicenseState::Active && it.in_window(now));
    if licenses.is_empty() {
        return Err(Refusal::NoLicenseInForce(product.clone()));
    }
    licenses.sort_by_key(|it| (it.ends_at.is_none(), it.ends_at));
    let mut free: Vec<i64> = licenses.iter().map(|it| it.free()).collect();
    let mut events = vec![];
    let mut short = 0;
    for holder in distinct(&it.holders) {
        let needs: Vec<_> = licenses.iter().map(|of| need(account, of, it, holder)).collect();
        if needs.iter().any(|it| matches!(it, Need::Nothing)) {
            continue;
        }
        let Some(pick) = free.iter().position(|free| !it.active || *free > 0) else {
            short += 1;
            continue;
        };
        free[pick] -= i64::from(it.active);
        events.push(match needs[pick] {
            Need::Activation(assignment) => reactivated(account, assignment, holder),
            Need::Assignment | Need::Nothing => {
                seat_assigned(account, licenses[pick], it, holder, mint)
            }
        });
    }
    match short {
        0 => Ok(events),
        _ => Err(Refusal::NoFreeSeat {
            named: product.as_str().into(),
            held: licenses.iter().map(|it| it.held).sum(),
            quantity: licenses.iter().map(|it| it.quantity).sum(),
            wanted: i64::try_from(events.len()).unwrap_or(i64::MAX) + short,
        }),
    }
}

fn seat_assigned(
    account: &Account,
    license: &License,
    it: &AssignSeat,
    holder: &Holder,
    mint: &mut Mint,
) -> Event {
    Event::SeatAssigned(SeatAssigned {
        assignment: AssignmentId(mint.id()),
        number: mint.number(),
        license: license.id.clone(),
        holder: in_full(account, holder),
        grounds: vec![Ground::Direct],
        active: it.active,
        fulfilled: it.fulfilled,
        redirect_to: it.redirect_to.clone(),
        metadata: it.metadata.clone(),
    })
}

fn reactivated(account: &Account, assignment: &Assignment, holder: &Holder) -> Event {
    let holder = in_full(account, holder);
    Event::AssignmentReactivated(Assigned { holder, ..assigned(account, assignment) })
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

pub(super) fn change(
    account: &Account,
    it: &ChangeAssignment,
    now: Moment,
) -> Result<Vec<Event>, Refusal> {
    let assignment = named(account, it)?;
    let license = account.license_of(assignment);
    let mut events = vec![];
    match it.active {
        Some(true) if !assignment.active => {
            assignable(license, now)?;
            enough(license, 1)?;
            events.push(Event::AssignmentReactivated(assigned(account, assignment)));
        }
        Some(false) if assignment.active => {
            events.push(Event::AssignmentDeactivated(assigned(account, assignment)));
        }
        _ => {}
    }
    match it.fulfilled {
        Some(true) if !assignment.fulfilled => {
            events.push(Event::AssignmentFulfilled(assigned(account, assignment)));
        }
        Some(false) if assignment.fulfilled => {
            events.push(Event::FulfilmentWithdrawn(assigned(account, assignment)));
        }
        _ => {}
    }
    let redirect_to = it.redirect_to.over(&assignment.redirect_to().cloned());
    let metadata = it.metadata.over(&assignment.metadata().cloned());
    if (redirect_to.as_ref(), metadata.as_ref())
        != (assignment.redirect_to(), assignment.metadata())
    {
        let Assigned { assignment, license, holder } = assigned(account, assignment);
        events.push(Event::AssignmentDescribed(AssignmentDescribed {
            assignment,
            license,
            holder,
            redirect_to,
            metadata,
        }));
    }
    Ok(events)
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

pub(super) fn revoke(account: &Account, it: &RevokeAssignment) -> Result<Vec<Event>, Refusal> {
    // In the order given, each once.
    let mut live: Vec<&Assignment> = vec![];
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
    Ok(live.into_iter().map(|it| Event::AssignmentRevoked(assigned(account, it))).collect())
}
