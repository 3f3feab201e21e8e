//! All accounts of a partition: the state that a writer judges against.

use std::collections::{BTreeSet, HashMap};

use crate::account::{Account, Broken, Inconsistent, Mark, NotRestored};
use crate::decide::decide;
use crate::event::{Event, Host};
use crate::mint::Mint;
use crate::moment::Moment;
use crate::refusal::Refusal;
use crate::request::Request;
use crate::text::AccountId;
use crate::transfer::Transfer;

/// The accounts of a partition.
///
/// A writer calls [`Ledger::begin`], judges the commands of one commit with [`Ledger::judge`], and
/// then either [`Ledger::settle`]s (the commit is on the log) or [`Ledger::roll_back`]s (it is not).
/// What is neither settled nor rolled back has not happened: the next [`Ledger::begin`] or
/// [`Ledger::evolve`] takes it back.
#[derive(Debug, Default)]
pub struct Ledger {
    accounts: Vec<Account>,
    rows: HashMap<AccountId, usize>,
    number: u64,
    /// Accounts changed since `begin`.
    touched: Vec<usize>,
    /// The number as it was at `begin`, while a commit is open.
    number_before: Option<u64>,
    last: Option<Last>,
    /// Accounts of which something is due by itself, by when.
    due: BTreeSet<(Moment, usize)>,
    /// The same by account.
    due_of: HashMap<usize, Moment>,
    /// Accounts with transfers that have begun and not ended.
    transferring: BTreeSet<usize>,
}

/// What it takes to take back the command judged last.
#[derive(Debug)]
struct Last {
    row: usize,
    mark: Mark,
    number: u64,
}

impl Ledger {
    /// The account, if anything has ever been recorded for it.
    pub fn account(&self, id: &AccountId) -> Option<&Account> {
        self.rows.get(id).map(|row| &self.accounts[*row]).filter(|it| it.exists())
    }

    /// All accounts.
    pub fn accounts(&self) -> impl Iterator<Item = &Account> {
        self.accounts.iter().filter(|it| it.exists())
    }

    /// The highest number given to a license or an assignment.
    pub fn last_number(&self) -> u64 {
        self.number
    }

    /// When something is to happen by itself next.
    pub fn next_due(&self) -> Option<Moment> {
        self.due.first().map(|(at, _)| *at)
    }

    /// The same without some accounts.
    pub fn next_due_without(&self, account: impl Fn(&AccountId) -> bool) -> Option<Moment> {
        let others = |row: &usize| !account(self.accounts[*row].id());
        self.due.iter().find(|(_, row)| others(row)).map(|(at, _)| *at)
    }

    /// So many of the accounts for which [`PassTime`](crate::command::PassTime) has something to do
    /// by now, the most overdue first.
    pub fn due(&self, now: Moment, max: usize) -> Vec<AccountId> {
        let by_now = self.due.iter().take_while(|(at, _)| *at <= now).take(max);
        by_now.map(|(_, row)| self.accounts[*row].id().clone()).collect()
    }

    /// So many of the transfers that have begun and not ended, as far as is on the log. Every account
    /// gets its share, so that nobody waits behind an account with very many.
    pub fn transfers(&self, max: usize) -> Vec<Transfer> {
        let share = max.checked_div(self.transferring.len()).unwrap_or(max).max(1);
        let accounts = self.transferring.iter().map(|row| &self.accounts[*row]);
        let of = |account: &Account| -> Vec<Transfer> {
            let open = account.open_transfers().take(share);
            let transfer = open.map(|(license, receiver, open)| {
                let (account, license) = (account.id().clone(), license.id.clone());
                let (host, receiver) = (Host { account, license }, receiver.clone());
                Transfer { host, receiver, open: open.clone() }
            });
            transfer.collect()
        };
        accounts.flat_map(of).take(max).collect()
    }

    /// Whether there is any.
    pub fn has_transfers(&self) -> bool {
        !self.transferring.is_empty()
    }

    /// Takes note of what an account has to be asked for by itself: when something is due, and
    /// whether transfers are on their way.
    fn retime(&mut self, row: usize) {
        match self.accounts[row].open_transfer_count() {
            0 => self.transferring.remove(&row),
            _ => self.transferring.insert(row),
        };
        let after = self.accounts[row].next_due();
        let before = match after {
            Some(at) => self.due_of.insert(row, at),
            None => self.due_of.remove(&row),
        };
        if let Some(at) = before {
            self.due.remove(&(at, row));
        }
        if let Some(at) = after {
            self.due.insert((at, row));
        }
    }

    /// Takes note of a fact that is on the log.
    pub fn evolve(&mut self, account: &AccountId, event: &Event) -> Result<(), Inconsistent> {
        self.roll_back();
        let row = self.row(account);
        self.accounts[row].evolve(event)?;
        // Whether everybody is served who can be is known once somebody has looked.
        self.accounts[row].look_for_unserved(true);
        self.retime(row);
        self.number = self.number.max(event.number());
        Ok(())
    }

    /// Begins a commit.
    pub fn begin(&mut self) {
        self.roll_back();
        self.number_before = Some(self.number);
    }

    /// Judges a command against the state as it will be once the commands judged since
    /// [`Ledger::begin`] are recorded, and takes note of what it causes. One that is refused, or
    /// only tried out, changes nothing.
    pub fn judge(
        &mut self,
        request: &Request,
        now: Moment,
        seed: u128,
    ) -> Result<Vec<Event>, Refusal> {
        // What is refused, or tried out, leaves nothing to take back.
        self.last = None;
        let mut mint = Mint::new(now, seed, self.number);
        let Some(row) = self.rows.get(&request.account).copied() else {
            let mut account = Account::new(request.account.clone());
            account.keep_journal();
            let mark = account.mark();
            let events = decide(&mut account, &request.command, now, &mut mint)?;
            if !request.dry_run && !events.is_empty() {
                self.last = Some(Last { row: self.accounts.len(), mark, number: self.number });
                self.number = mint.last_number();
                self.touched.push(self.accounts.len());
                self.rows.insert(request.account.clone(), self.accounts.len());
                self.accounts.push(account);
            }
            return Ok(events);
        };
        let account = &mut self.accounts[row];
        if !account.is_journaling() {
            self.touched.push(row);
        }
        let mark = account.mark();
        let events = decide(account, &request.command, now, &mut mint)?;
        if request.dry_run {
            account.roll_back_to(mark);
            return Ok(events);
        }
        self.last = Some(Last { row, mark, number: self.number });
        self.number = mint.last_number();
        Ok(events)
    }

    /// The command judged last, if it was accepted, has not happened: its events found no room.
    pub fn take_back(&mut self) {
        if let Some(Last { row, mark, number }) = self.last.take() {
            self.accounts[row].roll_back_to(mark);
            self.number = number;
        }
    }

    /// Checks the invariants of everything touched since [`Ledger::begin`]. Whatever does not pass
    /// must not be published.
    pub fn check(&self) -> Result<(), Broken> {
        self.touched.iter().try_for_each(|row| self.accounts[*row].check())
    }

    /// The commit is on the log: what was judged has happened.
    pub fn settle(&mut self) {
        for row in std::mem::take(&mut self.touched) {
            self.accounts[row].settle();
            self.retime(row);
        }
        self.number_before = None;
        self.last = None;
    }

    /// The commit is not on the log: nothing of it has happened.
    pub fn roll_back(&mut self) {
        for row in std::mem::take(&mut self.touched) {
            self.accounts[row].roll_back();
            self.accounts[row].look_for_unserved(true);
            self.retime(row);
        }
        self.number = self.number_before.take().unwrap_or(self.number);
        self.last = None;
    }

    /// The same after judging has failed, where it is not certain that all of it can be taken back:
    /// an error says that it could not, and then nothing more may be judged.
    pub fn restore(&mut self) -> Result<(), NotRestored> {
        let rows = |row: &usize| (*row, self.accounts[*row].touched_rows());
        let touched: Vec<_> = self.touched.iter().map(rows).collect();
        self.roll_back();
        touched.iter().try_for_each(|(row, touched)| self.accounts[*row].is_restored(touched))
    }

    fn row(&mut self, account: &AccountId) -> usize {
        if let Some(row) = self.rows.get(account) {
            return *row;
        }
        self.accounts.push(Account::new(account.clone()));
        self.rows.insert(account.clone(), self.accounts.len() - 1);
        self.accounts.len() - 1
    }
}

#[cfg(test)]
mod tests;
