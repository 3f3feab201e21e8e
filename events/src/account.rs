//! The state of one account: what its events add up to.
//!
//! Laid out for a million live seats in one process. Rows stand in slabs and are named by 32-bit
//! row numbers; indexes hold row numbers only and hash the row itself, so no key is stored twice.
//! A live seat and its holder cost 150 to 210 bytes together, depending on how long names are
//! (`examples/memory.rs` measures it).
//!
//! Every change goes through one of the `put_*` functions, which keep the indexes and the seat
//! counts in step and write what was there before to a journal while one is being kept. Taking the
//! journal back is therefore exact for every event there is or will be.

mod assignment;
#[cfg(test)]
mod audit;
#[cfg(test)]
pub(crate) mod contents;
mod evolve;
mod grounds;
mod groups;
mod holders;
mod journal;
mod keys;
mod license;
mod license_rows;
mod parts;
mod policies;
mod restored;
mod timers;
mod transfers;
mod waitlist;

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher, Hash};

use hashbrown::{DefaultHashBuilder, HashMap, HashSet, HashTable};

use crate::holder::{Holder, HolderKey};
use crate::key::KeyId;
use crate::moment::Moment;
use crate::policy::Policy;
use crate::text::{
    AccountId, AssignmentId, ContainerId, ExternalId, GroupId, LicenseId, ProductId,
};

pub use assignment::Assignment;
pub use evolve::Inconsistent;
pub use groups::Group;
pub use holders::{DirectSet, Known};
use journal::Before;
pub use journal::{Broken, Mark};
pub use keys::Key;
pub use license::{License, LicenseState};
use license_rows::LicenseRows;
pub use parts::Excess;
pub use restored::NotRestored;
pub use timers::Schedule;
use timers::Timer;
pub use transfers::{Given, Hosted, OpenTransfer};
pub use waitlist::Wait;

pub(crate) use assignment::{GroupGround, Kept};
pub(crate) use license::Passed;
pub(crate) use timers::Due;
pub(crate) use waitlist::Terms;

/// The state of one account.
///
/// Invariants: `held` of a license is the number of its live, active assignments; no two live
/// assignments have the same license and holder; no two licenses the same external id; `allocated` of
/// a license is what its parts take of it and what is kept for other accounts. A license with more
/// taken than fits says so, and no other does.
#[derive(Debug, Clone)]
pub struct Account {
    id: AccountId,
    exists: bool,
    policy: Policy,
    licenses: Vec<License>,
    license_ids: HashTable<u32>,
    external_ids: HashTable<u32>,
    license_rows: LicenseRows,
    holders: Vec<Known>,
    holder_keys: HashTable<u32>,
    /// The row of each holder's newest assignment.
    heads: Vec<u32>,
    assignments: Vec<Option<Assignment>>,
    vacant: Vec<u32>,
    assignment_ids: HashTable<u32>,
    seats: HashTable<u32>,
    ended: HashSet<AssignmentId>,
    /// Containers that quantity was ever allocated to, and within which other one each is.
    containers: BTreeMap<ContainerId, Option<ContainerId>>,
    groups: Vec<Group>,
    group_ids: HashMap<GroupId, u32>,
    /// The place of each member, by group and holder.
    members: HashMap<(u32, u32), u64>,
    /// The members of each group, by place.
    orders: Vec<BTreeMap<u64, u32>>,
    /// The groups of each holder who is in one.
    memberships: HashMap<u32, BTreeSet<u32>>,
    /// Live assignments that stand on what a group gives, by group and license.
    leased: HashMap<(u32, u32), i64>,
    /// Those of them that a holder has besides the first of one product, by group and the first
    /// license of the product.
    leased_again: HashMap<(u32, u32), i64>,
    /// Groups with members that are still to be served.
    unfinished: usize,
    keys: BTreeMap<KeyId, Key>,
    schedules: BTreeMap<u64, Schedule>,
    ended_schedules: HashSet<u64>,
    timers: BTreeSet<(Moment, Timer)>,
    /// Whether seats may be free for which somebody waits: when to ask, never what to answer.
    unserved: bool,
    waits: BTreeMap<u64, Wait>,
    /// Places by what is waited for.
    queues: HashMap<ProductId, BTreeSet<u64>>,
    /// Places by who waits.
    waits_of: HashMap<u32, BTreeSet<u64>>,
    /// What other accounts have of each license.
    given: HashMap<u32, BTreeMap<AccountId, Given>>,
    /// Whom a transfer is to begin to, by license and account.
    unsent: BTreeSet<(u32, AccountId)>,
    /// Transfers that have begun and not ended, by number.
    transfers: BTreeMap<u64, (u32, AccountId)>,
    journal: Vec<Before>,
    journaling: bool,
    /// Changes of rows that have begun and not ended: none but inside of `put_*`.
    changing: u32,
    broken: Option<Inconsistent>,
    hasher: DefaultHashBuilder,
}

impl Account {
    /// An account for which nothing has happened: it does not exist yet.
    pub fn new(id: AccountId) -> Account {
        Account {
            id,
            exists: false,
            policy: Policy::default(),
            licenses: Vec::new(),
            license_ids: HashTable::new(),
            external_ids: HashTable::new(),
            license_rows: LicenseRows::default(),
            holders: Vec::new(),
            holder_keys: HashTable::new(),
            heads: Vec::new(),
            assignments: Vec::new(),
            vacant: Vec::new(),
            assignment_ids: HashTable::new(),
            seats: HashTable::new(),
            ended: HashSet::new(),
            containers: BTreeMap::new(),
            groups: Vec::new(),
            group_ids: HashMap::new(),
            members: HashMap::new(),
            orders: Vec::new(),
            memberships: HashMap::new(),
            leased: HashMap::new(),
            leased_again: HashMap::new(),
            unfinished: 0,
            keys: BTreeMap::new(),
            schedules: BTreeMap::new(),
            ended_schedules: HashSet::new(),
            timers: BTreeSet::new(),
            unserved: false,
            waits: BTreeMap::new(),
            queues: HashMap::new(),
            waits_of: HashMap::new(),
            given: HashMap::new(),
            unsent: BTreeSet::new(),
            transfers: BTreeMap::new(),
            journal: Vec::new(),
            journaling: false,
            changing: 0,
            broken: None,
            hasher: DefaultHashBuilder::default(),
        }
    }

    /// Its id.
    pub fn id(&self) -> &AccountId {
        &self.id
    }

    /// Whether a command was ever accepted for it.
    pub fn exists(&self) -> bool {
        self.exists
    }

    /// All its licenses, in the order of their allocation.
    pub fn licenses(&self) -> &[License] {
        &self.licenses
    }

    /// The license of that name.
    pub fn license(&self, id: &LicenseId) -> Option<&License> {
        self.license_row(id).map(|row| &self.licenses[row as usize])
    }

    /// Containers that quantity was ever allocated to, and within which other one each is.
    pub fn containers(&self) -> &BTreeMap<ContainerId, Option<ContainerId>> {
        &self.containers
    }

    /// The license that has this external id.
    pub fn license_by_external_id(&self, id: &ExternalId) -> Option<&License> {
        let same = |row: &u32| self.licenses[*row as usize].external_id.as_ref() == Some(id);
        let row = self.external_ids.find(self.hash(Some(id)), same)?;
        Some(&self.licenses[*row as usize])
    }

    /// Live assignments, in no particular order.
    pub fn assignments(&self) -> impl Iterator<Item = &Assignment> {
        self.assignments.iter().flatten()
    }

    /// The live assignment of that id.
    pub fn assignment(&self, id: AssignmentId) -> Option<&Assignment> {
        self.assignment_row(id).and_then(|row| self.assignments[row as usize].as_ref())
    }

    /// The live assignment of a license to a holder.
    pub fn seat_of(&self, license: &LicenseId, holder: HolderKey<'_>) -> Option<&Assignment> {
        let license = self.license_row(license)?;
        let holder = self.holder_row(holder)?;
        let row = self.seat_row(license, holder)?;
        self.assignments[row as usize].as_ref()
    }

    /// Whether an assignment of that id has been and is over.
    pub fn has_ended(&self, id: AssignmentId) -> bool {
        self.ended.contains(&id)
    }

    /// The license of an assignment of this account.
    pub fn license_of(&self, assignment: &Assignment) -> &License {
        &self.licenses[assignment.license as usize]
    }

    /// The holder of an assignment of this account.
    pub fn holder_of(&self, assignment: &Assignment) -> &Holder {
        &self.holders[assignment.holder as usize].holder
    }

    fn hash(&self, key: impl Hash) -> u64 {
        self.hasher.hash_one(key)
    }

    fn license_row(&self, id: &LicenseId) -> Option<u32> {
        let same = |row: &u32| self.licenses[*row as usize].id == *id;
        self.license_ids.find(self.hash(id), same).copied()
    }

    fn assignment_row(&self, id: AssignmentId) -> Option<u32> {
        let same = |row: &u32| row_is(&self.assignments, *row, |it| it.id == id);
        self.assignment_ids.find(self.hash(id), same).copied()
    }

    fn seat_row(&self, license: u32, holder: u32) -> Option<u32> {
        let same = |row: &u32| {
            row_is(&self.assignments, *row, |it| it.license == license && it.holder == holder)
        };
        self.seats.find(self.hash((license, holder)), same).copied()
    }
}

/// The number of the row after so many. The highest number is not given out, so that a full account
/// is a stop and never a row written twice.
fn next_row(rows: usize) -> Result<u32, Inconsistent> {
    u32::try_from(rows).ok().filter(|row| *row < u32::MAX).ok_or(Inconsistent::Full)
}

fn row_is(rows: &[Option<Assignment>], row: u32, is: impl FnOnce(&Assignment) -> bool) -> bool {
    rows[row as usize].as_ref().is_some_and(is)
}

#[cfg(test)]
mod tests;
