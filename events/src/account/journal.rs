//! Changing rows, and taking changes back.

use std::hash::BuildHasher;

use super::assignment::NONE;
use super::timers::{self, Timer};
use super::{
    Account, Assignment, Given, Group, Inconsistent, Key, Known, License, Schedule, Wait, next_row,
};
use crate::key::KeyId;
use crate::policy::Policy;
use crate::text::{AccountId, AssignmentId, ContainerId, LicenseId};

/// What a row was before it changed; `None` where there was no row.
#[derive(Debug, Clone)]
pub(super) enum Before {
    /// The account was not there.
    Nothing,
    License(u32, Option<Box<License>>),
    Holder(u32, Option<Known>),
    Assignment(u32, Option<Assignment>),
    Ended(AssignmentId),
    Policy(Box<Policy>),
    Group(u32, Option<Box<Group>>),
    Member(u32, u32, Option<u64>),
    Wait(u64, Option<Box<Wait>>),
    Schedule(u64, Option<Box<Schedule>>),
    EndedSchedule(u64),
    Container(ContainerId, Option<Option<ContainerId>>),
    Given(u32, AccountId, Option<Box<Given>>),
    Key(KeyId, Option<Box<Key>>),
}

/// A place in the journal of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    changes: usize,
    /// Whether something inconsistent stands before it already.
    broken: bool,
}

impl Mark {
    /// Where a journal begins.
    pub(super) const START: Mark = Mark { changes: 0, broken: false };
}

/// An invariant that does not hold: a bug. Nothing based on this state may be published.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// The counts of a license do not fit together.
    #[error("account {account}, license {license}: {quantity} seats, {held} held, {live} live")]
    Counts {
        /// Of which account.
        account: AccountId,
        /// Which license.
        license: LicenseId,
        /// Its seats.
        quantity: i64,
        /// Seats held.
        held: i64,
        /// Live assignments.
        live: i64,
    },
    /// An event does not follow from the state that caused it.
    #[error("account {0}: {1}")]
    Inconsistent(AccountId, Inconsistent),
}

impl Account {
    /// Whether changes can be taken back at the moment.
    pub fn is_journaling(&self) -> bool {
        self.journaling
    }

    /// From here on changes can be taken back.
    pub fn keep_journal(&mut self) {
        self.journaling = true;
    }

    /// A place in the journal to come back to; holds until the journal is settled or rolled back
    /// beyond it.
    pub fn mark(&mut self) -> Mark {
        self.journaling = true;
        Mark { changes: self.journal.len(), broken: self.broken.is_some() }
    }

    /// Takes back everything since [`Account::keep_journal`].
    pub fn roll_back(&mut self) {
        self.roll_back_to(Mark::START);
        self.journaling = false;
    }

    /// Takes back everything since a mark. The journal goes on.
    pub fn roll_back_to(&mut self, mark: Mark) {
        if !mark.broken {
            self.broken = None;
        }
        let journaling = std::mem::replace(&mut self.journaling, false);
        while self.journal.len() > mark.changes {
            let Some(before) = self.journal.pop() else { break };
            match before {
                Before::Nothing => self.exists = false,
                Before::License(row, before) => self.put_license(row, before.map(|it| *it)),
                Before::Holder(row, before) => self.put_holder(row, before),
                Before::Assignment(row, before) => self.put_assignment(row, before),
                Before::Ended(id) => {
                    self.ended.remove(&id);
                }
                Before::Policy(before) => self.policy = *before,
                Before::Group(row, before) => self.put_group(row, before.map(|it| *it)),
                Before::Member(group, holder, before) => self.put_member(group, holder, before),
                Before::Wait(place, before) => self.put_wait(place, before.map(|it| *it)),
                Before::Schedule(number, before) => {
                    self.put_schedule(number, before.map(|it| *it));
                }
                Before::Container(id, before) => self.put_container(id, before),
                Before::Given(row, receiver, before) => {
                    self.put_given(row, receiver, before.map(|it| *it));
                }
                Before::Key(id, before) => self.put_key(id, before.map(|it| *it)),
                Before::EndedSchedule(number) => {
                    self.ended_schedules.remove(&number);
                }
            }
        }
        self.journaling = journaling;
    }

    /// What has happened stays.
    pub fn settle(&mut self) {
        self.journal.clear();
        self.journaling = false;
        self.broken = None;
    }

    /// Checks the invariants of every license touched since the journal began.
    ///
    /// `held` counts the assignments by construction, so a license that passes here is not
    /// over-assigned without saying so.
    pub fn check(&self) -> Result<(), Broken> {
        if let Some(error) = &self.broken {
            return Err(Broken::Inconsistent(self.id.clone(), error.clone()));
        }
        for row in self.touched(Mark::START) {
            let Some(it) = self.licenses.get(row as usize) else { continue };
            let fits = it.over_allocated == self.excess(it).is_some();
            if it.held < 0 || it.allocated < 0 || it.live < it.held || !fits {
                return Err(Broken::Counts {
                    account: self.id.clone(),
                    license: it.id.clone(),
                    quantity: it.quantity,
                    held: it.held,
                    live: it.live,
                });
            }
        }
        Ok(())
    }

    /// Rows of the licenses touched since a mark, in order, each once: those whose terms, policy or
    /// seats are, or were, other ones, and those that these are parts of.
    pub(super) fn touched(&self, mark: Mark) -> Vec<u32> {
        let mut rows = vec![];
        for before in &self.journal[mark.changes.min(self.journal.len())..] {
            match before {
                Before::License(row, _) | Before::Given(row, ..) => rows.push(*row),
                // The row may be another assignment's by now.
                Before::Assignment(row, before) => {
                    let now = self.assignments.get(*row as usize).and_then(Option::as_ref);
                    rows.extend([now, before.as_ref()].into_iter().flatten().map(|it| it.license));
                }
                Before::Policy(_) => rows.extend((0..).take(self.licenses.len())),
                Before::Nothing
                | Before::Holder(..)
                | Before::Ended(_)
                | Before::Group(..)
                | Before::Member(..)
                | Before::Wait(..)
                | Before::Schedule(..)
                | Before::EndedSchedule(_)
                | Before::Container(..)
                | Before::Key(..) => {}
            }
        }
        rows.sort_unstable();
        rows.dedup();
        let above: Vec<u32> = rows.iter().flat_map(|row| self.rows_above(*row)).collect();
        if !above.is_empty() {
            rows.extend(above);
            rows.sort_unstable();
            rows.dedup();
        }
        rows
    }

    /// The licenses touched since a mark; see [`Account::check`].
    pub(crate) fn touched_licenses(&self, mark: Mark) -> impl Iterator<Item = &License> {
        self.touched(mark).into_iter().filter_map(|row| self.licenses.get(row as usize))
    }

    /// Begins a change of a row and of all that is in step with it; [`Account::keep`] ends it. One
    /// that has begun and not ended cannot be taken back.
    pub(super) fn begin_change(&mut self) {
        self.changing += 1;
    }

    /// Keeps what was before, while a journal is kept.
    pub(super) fn keep(&mut self, before: Before) {
        self.end_change();
        if self.journaling {
            self.journal.push(before);
        }
    }

    pub(super) fn end_change(&mut self) {
        self.changing = self.changing.saturating_sub(1);
    }

    /// Writes where a container is: `None` for one that is nowhere.
    pub(super) fn put_container(&mut self, id: ContainerId, after: Option<Option<ContainerId>>) {
        self.begin_change();
        let before = match after {
            Some(within) => self.containers.insert(id.clone(), within),
            None => self.containers.remove(&id),
        };
        self.keep(Before::Container(id, before));
    }

    /// Writes what is decided for the account.
    pub(super) fn put_policy(&mut self, after: Policy) {
        self.begin_change();
        let before = std::mem::replace(&mut self.policy, after);
        self.keep(Before::Policy(Box::new(before)));
    }

    /// Writes a license row: `None` takes away the newest one.
    pub(super) fn put_license(&mut self, row: u32, after: Option<License>) {
        self.begin_change();
        let takes = |it: Option<&License>| it.map_or(0, License::takes);
        let more = takes(after.as_ref()) - takes(self.licenses.get(row as usize));
        if after.is_none() {
            self.take_of_parent(row, more);
        }
        let due = after.as_ref().and_then(timers::of_license);
        let was_due = self.licenses.get(row as usize).and_then(timers::of_license);
        self.retime(Timer::License(row), was_due, due);
        let before = match after {
            Some(after) if row as usize == self.licenses.len() => {
                self.licenses.push(after);
                self.index_license(row);
                self.take_of_parent(row, more);
                None
            }
            Some(after) => {
                self.unindex_external_id(row);
                let before = std::mem::replace(&mut self.licenses[row as usize], after);
                self.index_external_id(row);
                self.index_unsent_of(row, &before);
                self.take_of_parent(row, more);
                Some(Box::new(before))
            }
            None => {
                self.unindex_license(row);
                self.licenses.pop().map(Box::new)
            }
        };
        self.keep(Before::License(row, before));
    }

    /// Writes a holder row: `None` takes away the newest one. What makes the holder the same one
    /// must not change.
    pub(super) fn put_holder(&mut self, row: u32, after: Option<Known>) {
        self.begin_change();
        let hasher = &self.hasher;
        let before = match after {
            Some(after) if row as usize == self.holders.len() => {
                self.holders.push(after);
                self.heads.push(NONE);
                let rows = &self.holders;
                let hash = |row: &u32| hasher.hash_one(rows[*row as usize].holder.key());
                self.holder_keys.insert_unique(hash(&row), row, hash);
                None
            }
            Some(after) => Some(std::mem::replace(&mut self.holders[row as usize], after)),
            None => {
                let hash = hasher.hash_one(self.holders[row as usize].holder.key());
                if let Ok(entry) = self.holder_keys.find_entry(hash, |it| *it == row) {
                    entry.remove();
                }
                self.heads.pop();
                self.holders.pop()
            }
        };
        self.keep(Before::Holder(row, before));
    }

    /// Writes an assignment row, in step with both indexes and the counts of its license. Id,
    /// license and holder of a row that stays must not change.
    pub(super) fn put_assignment(&mut self, row: u32, mut after: Option<Assignment>) {
        self.begin_change();
        if row as usize == self.assignments.len() {
            self.assignments.push(None);
        }
        self.count_leases(row, -1);
        let before = self.assignments[row as usize].take();
        let due = after.as_ref().and_then(timers::of_assignment);
        let was_due = before.as_ref().and_then(timers::of_assignment);
        self.retime(Timer::Assignment(row), was_due, due);
        match (&before, &mut after) {
            (Some(before), Some(after)) => after.next = before.next,
            (Some(before), None) => self.unlink(row, before.holder, before.next),
            (None, Some(after)) => {
                let head = &mut self.heads[after.holder as usize];
                after.next = std::mem::replace(head, row);
            }
            (None, None) => {}
        }
        if let Some(it) = &before {
            self.count(it, -1);
        }
        if let Some(it) = &after {
            self.count(it, 1);
        }
        match (&before, &after) {
            (Some(it), None) => {
                let (by_id, by_seat) = (self.hash(it.id), self.hash((it.license, it.holder)));
                if let Ok(entry) = self.assignment_ids.find_entry(by_id, |it| *it == row) {
                    entry.remove();
                }
                if let Ok(entry) = self.seats.find_entry(by_seat, |it| *it == row) {
                    entry.remove();
                }
                self.vacant.push(row);
            }
            // A row is taken from the end of the vacant ones, and given back in reverse order.
            (None, Some(_)) if self.vacant.last() == Some(&row) => {
                self.vacant.pop();
            }
            (None, Some(_)) => {}
            (Some(_), Some(_)) | (None, None) => {}
        }
        let appears = before.is_none() && after.is_some();
        self.assignments[row as usize] = after;
        if appears {
            self.index_assignment(row);
        }
        self.count_leases(row, 1);
        self.keep(Before::Assignment(row, before));
    }

    /// Remembers that an assignment is over.
    pub(super) fn put_ended(&mut self, id: AssignmentId) {
        if !self.ended.contains(&id) {
            self.begin_change();
            self.ended.insert(id);
            self.keep(Before::Ended(id));
        }
    }

    /// A row number for a new assignment.
    pub(super) fn vacant_row(&self) -> Result<u32, Inconsistent> {
        match self.vacant.last() {
            Some(row) => Ok(*row),
            None => next_row(self.assignments.len()),
        }
    }

    /// Takes an assignment out of its holder's list.
    fn unlink(&mut self, row: u32, holder: u32, next: u32) {
        let mut at = self.heads[holder as usize];
        if at == row {
            self.heads[holder as usize] = next;
            return;
        }
        while let Some(it) = self.assignments.get_mut(at as usize).and_then(Option::as_mut) {
            if it.next == row {
                it.next = next;
                return;
            }
            at = it.next;
        }
    }

    fn count(&mut self, assignment: &Assignment, by: i64) {
        self.change_counts(assignment.license, |license| {
            license.live += by;
            license.held += if assignment.active { by } else { 0 };
        });
    }

    fn index_assignment(&mut self, row: u32) {
        let (hasher, rows) = (&self.hasher, &self.assignments);
        let by_id = |row: &u32| rows[*row as usize].as_ref().map_or(0, |it| hasher.hash_one(it.id));
        self.assignment_ids.insert_unique(by_id(&row), row, by_id);
        let by_seat = |row: &u32| {
            let it = rows[*row as usize].as_ref();
            it.map_or(0, |it| hasher.hash_one((it.license, it.holder)))
        };
        self.seats.insert_unique(by_seat(&row), row, by_seat);
    }

    fn index_license(&mut self, row: u32) {
        let (hasher, rows) = (&self.hasher, &self.licenses);
        let by_id = |row: &u32| hasher.hash_one(&rows[*row as usize].id);
        self.license_ids.insert_unique(by_id(&row), row, by_id);
        let parent = self.row_above(row);
        self.license_rows.push(row, &self.licenses[row as usize], parent);
        self.index_external_id(row);
    }

    fn unindex_license(&mut self, row: u32) {
        self.unindex_external_id(row);
        let license = &self.licenses[row as usize];
        let hash = self.hasher.hash_one(&license.id);
        if let Ok(entry) = self.license_ids.find_entry(hash, |it| *it == row) {
            entry.remove();
        }
        let parent = self.row_above(row);
        self.license_rows.pop(license, parent);
    }

    fn index_external_id(&mut self, row: u32) {
        let (hasher, rows) = (&self.hasher, &self.licenses);
        let hash = |row: &u32| hasher.hash_one(rows[*row as usize].external_id.as_ref());
        if rows[row as usize].external_id.is_some() {
            self.external_ids.insert_unique(hash(&row), row, hash);
        }
    }

    fn unindex_external_id(&mut self, row: u32) {
        let Some(id) = &self.licenses[row as usize].external_id else { return };
        let hash = self.hasher.hash_one(Some(id));
        if let Ok(entry) = self.external_ids.find_entry(hash, |it| *it == row) {
            entry.remove();
        }
    }
}
