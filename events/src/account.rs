//! The state of one account: what its events add up to.
//!
//! Laid out for a million live seats in one process. Rows stand in slabs and are named by 32-bit
//! row numbers; indexes hold row numbers only and hash the row itself, so no key is stored twice.
//! A live seat and its holder cost 130 to 180 bytes together, depending on how long names are
//! (`examples/memory.rs` measures it).
//!
//! Every change goes through one of three `put_*` functions, which keep the indexes and the seat
//! counts in step and write what was there before to a journal while one is being kept. Taking the
//! journal back is therefore exact for every event there is or will be.

#[cfg(test)]
pub(crate) mod contents;
mod evolve;
mod journal;

use std::hash::{BuildHasher, Hash};

use hashbrown::{DefaultHashBuilder, HashMap, HashSet, HashTable};

use crate::command::Quantity;
use crate::holder::{Holder, HolderKey};
use crate::metadata::Metadata;
use crate::moment::Moment;
use crate::text::{
    AccountId, AssignmentId, ContainerId, ExternalId, Label, LicenseId, ProductId, Source,
};

pub use evolve::Inconsistent;
use journal::Before;
pub use journal::{Broken, Mark};

/// Whether a license can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LicenseState {
    /// It can, inside its window.
    Active,
    /// Not for now.
    Suspended,
    /// Never again.
    Retired,
}

impl LicenseState {
    /// As written.
    pub fn as_str(self) -> &'static str {
        match self {
            LicenseState::Active => "active",
            LicenseState::Suspended => "suspended",
            LicenseState::Retired => "retired",
        }
    }
}

/// A license as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct License {
    /// Its name.
    pub id: LicenseId,
    /// Its number.
    pub number: u64,
    /// What its seats are of.
    pub product: ProductId,
    /// Who in the account holds the quantity.
    pub container: Option<ContainerId>,
    /// Seats.
    pub quantity: i64,
    /// Seats that are held: live, active assignments.
    pub held: i64,
    /// Live assignments, inactive ones included.
    pub live: i64,
    /// Whether it can be used.
    pub state: LicenseState,
    /// In force from here, inclusive.
    pub starts_at: Option<Moment>,
    /// In force until here, exclusive.
    pub ends_at: Option<Moment>,
    /// A label.
    pub name: Option<Label>,
    /// What another system calls it.
    pub external_id: Option<ExternalId>,
    /// Which system it came from.
    pub source: Option<Source>,
    /// Anything else.
    pub metadata: Option<Metadata>,
}

impl License {
    /// Seats that nobody holds. Never negative for a command that raises use.
    pub fn free(&self) -> i64 {
        self.quantity - self.held
    }

    /// Its quantity as commands and events say it.
    pub(crate) fn quantity_before(&self) -> Quantity {
        Quantity::new(self.quantity).unwrap_or(Quantity::ZERO)
    }

    /// Whether its window includes `now`.
    pub fn in_window(&self, now: Moment) -> bool {
        self.starts_at.is_none_or(|it| it <= now) && self.ends_at.is_none_or(|it| now < it)
    }
}

/// A live assignment, in 40 bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    /// Its id.
    pub id: AssignmentId,
    pub(crate) kept: Option<Box<Kept>>,
    pub(crate) license: u32,
    pub(crate) holder: u32,
    /// Whether it holds a seat.
    pub active: bool,
    /// Whether downstream provisioning is done.
    pub fulfilled: bool,
}

/// What few assignments have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(crate) redirect_to: Option<Label>,
    pub(crate) metadata: Option<Metadata>,
}

impl Kept {
    pub(crate) fn new(
        redirect_to: &Option<Label>,
        metadata: &Option<Metadata>,
    ) -> Option<Box<Kept>> {
        match (redirect_to, metadata) {
            (None, None) => None,
            _ => Some(Box::new(Kept {
                redirect_to: redirect_to.clone(),
                metadata: metadata.clone(),
            })),
        }
    }
}

impl Assignment {
    /// Where the holder is sent.
    pub fn redirect_to(&self) -> Option<&Label> {
        self.kept.as_ref()?.redirect_to.as_ref()
    }

    /// Anything else.
    pub fn metadata(&self) -> Option<&Metadata> {
        self.kept.as_ref()?.metadata.as_ref()
    }
}

/// The state of one account.
///
/// Invariants: `held` of a license is the number of its live, active assignments; no two live
/// assignments have the same license and holder; no two licenses the same external id.
#[derive(Debug, Clone)]
pub struct Account {
    id: AccountId,
    licenses: Vec<License>,
    license_ids: HashTable<u32>,
    external_ids: HashTable<u32>,
    products: HashMap<ProductId, Vec<u32>>,
    holders: Vec<Holder>,
    holder_keys: HashTable<u32>,
    assignments: Vec<Option<Assignment>>,
    vacant: Vec<u32>,
    assignment_ids: HashTable<u32>,
    seats: HashTable<u32>,
    ended: HashSet<AssignmentId>,
    journal: Vec<Before>,
    journaling: bool,
    broken: Option<Inconsistent>,
    hasher: DefaultHashBuilder,
}

impl Account {
    /// An account for which nothing has happened: it does not exist yet.
    pub fn new(id: AccountId) -> Account {
        Account {
            id,
            licenses: Vec::new(),
            license_ids: HashTable::new(),
            external_ids: HashTable::new(),
            products: HashMap::new(),
            holders: Vec::new(),
            holder_keys: HashTable::new(),
            assignments: Vec::new(),
            vacant: Vec::new(),
            assignment_ids: HashTable::new(),
            seats: HashTable::new(),
            ended: HashSet::new(),
            journal: Vec::new(),
            journaling: false,
            broken: None,
            hasher: DefaultHashBuilder::default(),
        }
    }

    /// Its id.
    pub fn id(&self) -> &AccountId {
        &self.id
    }

    /// Whether a command was ever accepted for it. The first one allocates a license.
    pub fn exists(&self) -> bool {
        !self.licenses.is_empty()
    }

    /// All its licenses, in the order of their allocation.
    pub fn licenses(&self) -> &[License] {
        &self.licenses
    }

    /// The license of that name.
    pub fn license(&self, id: &LicenseId) -> Option<&License> {
        self.license_row(id).map(|row| &self.licenses[row as usize])
    }

    /// The license that has this external id.
    pub fn license_by_external_id(&self, id: &ExternalId) -> Option<&License> {
        let same = |row: &u32| self.licenses[*row as usize].external_id.as_ref() == Some(id);
        let row = self.external_ids.find(self.hash(Some(id)), same)?;
        Some(&self.licenses[*row as usize])
    }

    /// The licenses of a product, in the order of their allocation.
    pub fn licenses_of_product(&self, product: &ProductId) -> impl Iterator<Item = &License> {
        let rows = self.products.get(product).map(Vec::as_slice).unwrap_or_default();
        rows.iter().map(|row| &self.licenses[*row as usize])
    }

    /// The holder as known here: with everything that was ever said of them.
    pub fn holder(&self, key: HolderKey<'_>) -> Option<&Holder> {
        self.holder_row(key).map(|row| &self.holders[row as usize])
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
        &self.holders[assignment.holder as usize]
    }

    fn hash(&self, key: impl Hash) -> u64 {
        self.hasher.hash_one(key)
    }

    fn license_row(&self, id: &LicenseId) -> Option<u32> {
        let same = |row: &u32| self.licenses[*row as usize].id == *id;
        self.license_ids.find(self.hash(id), same).copied()
    }

    fn holder_row(&self, key: HolderKey<'_>) -> Option<u32> {
        let same = |row: &u32| self.holders[*row as usize].key() == key;
        self.holder_keys.find(self.hash(key), same).copied()
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
