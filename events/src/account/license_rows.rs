//! Licenses by what they are looked for by.

use hashbrown::HashMap;

use super::{Account, License};
use crate::text::{ContainerId, LicenseId, ProductId};

/// Rows of licenses, each list in the order of their allocation. None of them depends on anything of
/// a license that changes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct LicenseRows {
    /// Those of a product that are no parts.
    whole: HashMap<ProductId, Vec<u32>>,
    /// Those that a container has, parts or not.
    of_container: HashMap<ContainerId, Vec<u32>>,
    /// The parts of a license.
    parts: HashMap<u32, Vec<u32>>,
}

impl LicenseRows {
    /// Adds the newest license, with the row of that which it is a part of.
    pub(super) fn push(&mut self, row: u32, license: &License, parent: Option<u32>) {
        match parent {
            None => self.whole.entry(license.product.clone()).or_default().push(row),
            Some(parent) => self.parts.entry(parent).or_default().push(row),
        }
        if let Some(container) = &license.container {
            self.of_container.entry(container.clone()).or_default().push(row);
        }
    }

    /// Takes away the newest license.
    pub(super) fn pop(&mut self, license: &License, parent: Option<u32>) {
        match parent {
            None => pop(&mut self.whole, &license.product),
            Some(parent) => pop(&mut self.parts, &parent),
        }
        if let Some(container) = &license.container {
            pop(&mut self.of_container, container);
        }
    }

    /// Those of a product that are no parts.
    pub(super) fn whole(&self, product: &ProductId) -> &[u32] {
        self.whole.get(product).map(Vec::as_slice).unwrap_or_default()
    }

    fn of_container(&self, container: &ContainerId) -> &[u32] {
        self.of_container.get(container).map(Vec::as_slice).unwrap_or_default()
    }

    fn parts(&self, row: u32) -> &[u32] {
        self.parts.get(&row).map(Vec::as_slice).unwrap_or_default()
    }
}

fn pop<K: Eq + std::hash::Hash>(rows: &mut HashMap<K, Vec<u32>>, key: &K) {
    if let Some(of_key) = rows.get_mut(key) {
        of_key.pop();
        if of_key.is_empty() {
            rows.remove(key);
        }
    }
}

impl Account {
    /// The licenses of a product that are no parts, in the order of their allocation.
    pub fn licenses_of_product(&self, product: &ProductId) -> impl Iterator<Item = &License> {
        self.licenses_at(self.license_rows.whole(product))
    }

    /// The licenses that a container has, parts or not, in the order of their allocation.
    pub fn licenses_of_container(&self, container: &ContainerId) -> impl Iterator<Item = &License> {
        self.licenses_at(self.license_rows.of_container(container))
    }

    /// The licenses whose quantity is part of this one's, in the order of their allocation.
    pub fn parts_of(&self, license: &LicenseId) -> impl Iterator<Item = &License> + use<'_> {
        let row = self.license_row(license);
        self.licenses_at(row.map(|row| self.license_rows.parts(row)).unwrap_or_default())
    }

    /// Its parts, and theirs.
    pub fn parts_below(&self, license: &LicenseId) -> impl Iterator<Item = &License> + use<'_> {
        let mut rows: Vec<u32> = self.license_row(license).into_iter().collect();
        let mut at = 0;
        while let Some(row) = rows.get(at) {
            rows.extend_from_slice(self.license_rows.parts(*row));
            at += 1;
        }
        rows.into_iter().skip(1).map(|row| &self.licenses[row as usize])
    }

    /// The part of a license that a container has.
    pub fn part_of(&self, license: &LicenseId, container: &ContainerId) -> Option<&License> {
        self.licenses_of_container(container).find(|it| it.parent.as_ref() == Some(license))
    }

    fn licenses_at<'a>(&'a self, rows: &'a [u32]) -> impl Iterator<Item = &'a License> + use<'a> {
        rows.iter().map(|row| &self.licenses[*row as usize])
    }
}
