//! All accounts of a partition: the state that a writer judges against.

use std::collections::HashMap;

use crate::account::{Account, Broken, Inconsistent};
use crate::decide::decide;
use crate::event::Event;
use crate::mint::Mint;
use crate::moment::Moment;
use crate::refusal::Refusal;
use crate::request::Request;
use crate::text::AccountId;

/// The accounts of a partition.
///
/// A writer calls [`Ledger::begin`], judges the commands of one commit with [`Ledger::judge`], and
/// then either [`Ledger::settle`]s (the commit is on the log) or [`Ledger::roll_back`]s (it is not).
#[derive(Debug, Default)]
pub struct Ledger {
    accounts: Vec<Account>,
    rows: HashMap<AccountId, usize>,
    number: u64,
    /// Accounts changed since `begin`, and the number as it was then.
    touched: Vec<usize>,
    number_before: u64,
    broken: Option<Broken>,
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

    /// Takes note of a fact that is on the log.
    pub fn evolve(&mut self, account: &AccountId, event: &Event) -> Result<(), Inconsistent> {
        let row = self.row(account);
        self.number = self.number.max(number(event));
        self.accounts[row].evolve(event)
    }

    /// Begins a commit.
    pub fn begin(&mut self) {
        self.touched.clear();
        self.number_before = self.number;
        self.broken = None;
    }

    /// Judges a command against the state as it will be once the commands judged since
    /// [`Ledger::begin`] are recorded, and takes note of what it causes, unless it is a dry run.
    pub fn judge(
        &mut self,
        request: &Request,
        now: Moment,
        seed: u128,
    ) -> Result<Vec<Event>, Refusal> {
        let mut mint = Mint::new(now, seed, self.number);
        let events = match self.rows.get(&request.account) {
            Some(row) => decide(&self.accounts[*row], &request.command, now, &mut mint)?,
            None => {
                let nobody = Account::new(request.account.clone());
                decide(&nobody, &request.command, now, &mut mint)?
            }
        };
        if !request.dry_run && !events.is_empty() {
            self.take_note(request, &events, mint.last_number());
        }
        Ok(events)
    }

    fn take_note(&mut self, request: &Request, events: &[Event], number: u64) {
        let row = self.row(&request.account);
        let account = &mut self.accounts[row];
        if !account.is_journaling() {
            self.touched.push(row);
            account.keep_journal();
        }
        self.number = number;
        for event in events {
            // Invariant: what the rules cause follows from the state they judged.
            if let Err(error) = account.evolve(event) {
                self.broken = Some(Broken::Inconsistent(request.account.clone(), error));
            }
        }
    }

    /// Checks the invariants of everything touched since [`Ledger::begin`]. Whatever does not pass
    /// must not be published.
    pub fn check(&self) -> Result<(), Broken> {
        if let Some(broken) = &self.broken {
            return Err(broken.clone());
        }
        self.touched.iter().try_for_each(|row| self.accounts[*row].check())
    }

    /// The commit is on the log: what was judged has happened.
    pub fn settle(&mut self) {
        for row in self.touched.drain(..) {
            self.accounts[row].settle();
        }
    }

    /// The commit is not on the log: nothing of it has happened.
    pub fn roll_back(&mut self) {
        for row in self.touched.drain(..) {
            self.accounts[row].roll_back();
        }
        self.number = self.number_before;
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

/// The number an event gives out, or 0.
fn number(event: &Event) -> u64 {
    match event {
        Event::LicenseAllocated(it) => it.number,
        Event::SeatAssigned(it) => it.number,
        Event::LicenseDescribed(_)
        | Event::QuantityChanged(_)
        | Event::WindowChanged(_)
        | Event::LicenseSuspended(_)
        | Event::LicenseReinstated(_)
        | Event::LicenseRetired(_)
        | Event::AssignmentDeactivated(_)
        | Event::AssignmentReactivated(_)
        | Event::AssignmentFulfilled(_)
        | Event::FulfilmentWithdrawn(_)
        | Event::AssignmentDescribed(_)
        | Event::AssignmentRevoked(_) => 0,
    }
}
