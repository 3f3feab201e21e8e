//! The rules: what a command causes, or why it is refused.

mod assignments;
mod licenses;

use crate::account::{Account, License, LicenseState};
use crate::command::Command;
use crate::event::Event;
use crate::mint::Mint;
use crate::moment::Moment;
use crate::refusal::Refusal;
use crate::text::LicenseId;

/// Judges one command against one account, at one moment.
///
/// An empty list means that it is already as asked: accepted, and nothing to record. The decision
/// depends on the arguments and on nothing else; `mint` is where new ids and numbers come from.
pub fn decide(
    account: &Account,
    command: &Command,
    now: Moment,
    mint: &mut Mint,
) -> Result<Vec<Event>, Refusal> {
    match command {
        Command::AllocateLicense(it) => licenses::allocate(account, it, mint),
        Command::ChangeLicense(it) => licenses::change(known(account)?, it),
        Command::SuspendLicense(it) => licenses::suspend(known(account)?, &it.license),
        Command::ReinstateLicense(it) => licenses::reinstate(known(account)?, &it.license),
        Command::RetireLicense(it) => licenses::retire(known(account)?, &it.license),
        Command::AssignSeat(it) => assignments::assign(known(account)?, it, now, mint),
        Command::ChangeAssignment(it) => assignments::change(known(account)?, it, now),
        Command::RevokeAssignment(it) => assignments::revoke(known(account)?, it),
    }
}

fn known(account: &Account) -> Result<&Account, Refusal> {
    match account.exists() {
        true => Ok(account),
        false => Err(Refusal::AccountNotFound(account.id().clone())),
    }
}

fn find<'a>(account: &'a Account, id: &LicenseId) -> Result<&'a License, Refusal> {
    account.license(id).ok_or_else(|| Refusal::LicenseNotFound(id.clone()))
}

/// The license, if it is not over for good.
fn find_living<'a>(account: &'a Account, id: &LicenseId) -> Result<&'a License, Refusal> {
    let license = find(account, id)?;
    match license.state {
        LicenseState::Active | LicenseState::Suspended => Ok(license),
        LicenseState::Retired => Err(Refusal::LicenseRetired(id.clone())),
    }
}

/// Refuses to give out seats of a license that is retired, suspended or over. One that has not
/// started yet can be assigned ahead of its time.
fn assignable(license: &License, now: Moment) -> Result<(), Refusal> {
    match license.state {
        LicenseState::Retired => return Err(Refusal::LicenseRetired(license.id.clone())),
        LicenseState::Suspended => return Err(Refusal::LicenseSuspended(license.id.clone())),
        LicenseState::Active => {}
    }
    match license.ends_at {
        Some(ends_at) if ends_at <= now => {
            Err(Refusal::LicenseEnded { license: license.id.clone(), ends_at })
        }
        _ => Ok(()),
    }
}

/// Refuses when a license has fewer free seats than wanted.
fn enough(license: &License, wanted: i64) -> Result<(), Refusal> {
    match wanted == 0 || wanted <= license.free() {
        true => Ok(()),
        false => Err(Refusal::NoFreeSeat {
            named: license.id.as_str().into(),
            held: license.held,
            quantity: license.quantity,
            wanted,
        }),
    }
}

#[cfg(test)]
mod tests;
