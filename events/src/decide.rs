//! The rules: what a command causes, or why it is refused.

mod allocations;
mod assignments;
mod batches;
mod direct_sets;
mod groups;
mod holders;
mod keys;
mod licenses;
mod linking;
mod passing;
mod policies;
mod revoking;
mod schedules;
mod seats;
mod settling;
mod transfers;
mod waitlist;

use crate::account::{Account, License, LicenseState};
use crate::command::Command;
use crate::event::Event;
use crate::mint::Mint;
use crate::moment::Moment;
use crate::refusal::Refusal;
use crate::text::LicenseId;

/// Judges one command against one account, at one moment.
///
/// An empty list means that it is already as asked: accepted, and nothing to record. The account is
/// left as it is once the events are recorded; after a refusal it is as it was. The decision
/// depends on the arguments and on nothing else; `mint` is where new ids and numbers come from.
///
/// The account MUST keep its journal ([`Account::mark`]), so that what was taken note of can be
/// taken back.
pub fn decide(
    account: &mut Account,
    command: &Command,
    now: Moment,
    mint: &mut Mint,
) -> Result<Vec<Event>, Refusal> {
    let mark = account.mark();
    let mut case = Case { account, now, mint, events: vec![] };
    match case.decide(command) {
        Ok(()) => {
            // As time passes, what follows from each moment has followed before the next.
            if !matches!(command, Command::PassTime(_)) {
                case.settle(mark, 0, false);
            }
            Ok(case.events)
        }
        Err(refusal) => {
            account.roll_back_to(mark);
            Err(refusal)
        }
    }
}

/// A command being judged: the account as the events caused so far leave it.
struct Case<'a> {
    account: &'a mut Account,
    now: Moment,
    mint: &'a mut Mint,
    events: Vec<Event>,
}

impl Case<'_> {
    /// Takes note of a fact that follows from the command.
    fn cause(&mut self, event: Event) {
        self.account.take_note(&event);
        self.events.push(event);
    }

    fn decide(&mut self, command: &Command) -> Result<(), Refusal> {
        if !may_be_first(command) && !self.account.exists() {
            return Err(Refusal::AccountNotFound(self.account.id().clone()));
        }
        match command {
            Command::AllocateLicense(it) => self.allocate(it),
            Command::ChangeLicense(it) => self.change_license(it),
            Command::SuspendLicense(it) => self.suspend(&it.license),
            Command::ReinstateLicense(it) => self.reinstate(&it.license),
            Command::RetireLicense(it) => self.retire(&it.license),
            Command::AssignSeat(it) => self.assign(it),
            Command::ChangeAssignment(it) => self.change_assignment(it),
            Command::RevokeAssignment(it) => self.revoke(it),
            Command::SetPolicy(it) => self.set_policy(it),
            Command::RegisterHolder(it) => self.register(it),
            Command::LinkHolder(it) => self.link(it),
            Command::RetireHolder(it) => self.retire_holder(it),
            Command::DeclareDirectSet(it) => self.declare_direct_set(it),
            Command::ClearDirectSet(it) => self.clear_direct_set(it),
            Command::AddMembers(it) => self.add_members(it),
            Command::RemoveMembers(it) => self.remove_members(it),
            Command::SetGroupRule(it) => self.set_group_rule(it),
            Command::GrantToGroup(it) => self.grant_to_group(it),
            Command::RemoveGroupRule(it) => self.remove_group_rule(it),
            Command::LeaveWaitlist(it) => self.leave_waitlist(it),
            Command::ScheduleCommand(it) => self.schedule(it),
            Command::CancelSchedule(it) => self.cancel_schedule(it),
            Command::SetAllocations(it) => self.set_allocations(it),
            Command::MoveQuantity(it) => self.move_quantity(it),
            Command::AllocateToAccount(it) => self.allocate_to_account(it),
            Command::CreateKey(it) => self.create_key(it),
            Command::RevokeKey(it) => self.revoke_key(it),
            Command::ApplyBatch(it) => self.apply_batch(it),
            Command::PassTime(_) => self.pass_time(),
            Command::ReceiveTransfer(it) => self.receive_transfer(it),
            Command::EndTransfer(it) => {
                self.end_transfer(it);
                Ok(())
            }
            Command::NoteKeyUse(it) => {
                self.note_key_use(it);
                Ok(())
            }
        }
    }
}

/// Whether an account can begin with this command. The others are about something that must be
/// there already.
fn may_be_first(command: &Command) -> bool {
    match command {
        Command::AllocateLicense(_)
        | Command::RegisterHolder(_)
        | Command::AddMembers(_)
        | Command::ReceiveTransfer(_)
        | Command::CreateKey(_) => true,
        Command::SetPolicy(it) => it.license.is_none(),
        Command::ApplyBatch(it) => it.commands.first().is_some_and(may_be_first),
        Command::ChangeLicense(_)
        | Command::SuspendLicense(_)
        | Command::ReinstateLicense(_)
        | Command::RetireLicense(_)
        | Command::AssignSeat(_)
        | Command::ChangeAssignment(_)
        | Command::RevokeAssignment(_)
        | Command::LinkHolder(_)
        | Command::RetireHolder(_)
        | Command::DeclareDirectSet(_)
        | Command::ClearDirectSet(_)
        | Command::RemoveMembers(_)
        | Command::SetGroupRule(_)
        | Command::GrantToGroup(_)
        | Command::RemoveGroupRule(_)
        | Command::LeaveWaitlist(_)
        | Command::SetAllocations(_)
        | Command::MoveQuantity(_)
        | Command::ScheduleCommand(_)
        | Command::CancelSchedule(_)
        | Command::AllocateToAccount(_)
        | Command::PassTime(_)
        | Command::EndTransfer(_)
        | Command::RevokeKey(_)
        | Command::NoteKeyUse(_) => false,
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

#[cfg(test)]
mod tests;
