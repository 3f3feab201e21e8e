//! What other accounts have of the licenses of this one, and what is on its way to them.
//!
//! The host is the one who remembers. What a receiver is to have, what it has as far as it has said
//! so, and the transfer that is to make the one the other stand here; the receiver keeps no more
//! than the license it was given, and the last transfer that it was told of.

use super::{Account, Before, Inconsistent, License};
use crate::event::{
    AccountAllocationSet, Host, LicenseTerms, TransferBegan, TransferEnded, TransferReceived,
};
use crate::text::{AccountId, LicenseId};

/// What another account is to have of a license, and has.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Given {
    /// Seats that it is to have.
    pub wanted: i64,
    /// Seats that it has, as far as it has said.
    pub quantity: i64,
    /// What is on its way to it.
    pub open: Option<OpenTransfer>,
    /// What it was told last that the license is like.
    pub(crate) told: Option<LicenseTerms>,
}

/// A transfer that has begun, and of which nobody knows yet what becomes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenTransfer {
    /// Its number.
    pub transfer: u64,
    /// Seats that the receiver is told.
    pub quantity: i64,
    /// What it is told that the license is like.
    pub terms: LicenseTerms,
}

impl Given {
    /// Seats that nobody else gets: whatever becomes of a transfer, the receiver has no more.
    pub fn reserved(&self) -> i64 {
        let open = self.open.as_ref().map_or(0, |it| it.quantity);
        self.wanted.max(self.quantity).max(open)
    }

    /// Whether the receiver is to be told something that it was not.
    fn is_unsent(&self, license: &License) -> bool {
        match (&self.open, &self.told) {
            (Some(_), _) => false,
            (None, None) => self.wanted > 0,
            (None, Some(told)) => self.wanted != self.quantity || *told != license.terms(),
        }
    }
}

/// Where a license comes from that another account gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hosted {
    /// Whose license it is.
    pub host: Host,
    /// The number of the last transfer that was received.
    pub transfer: u64,
}

impl License {
    /// What it is like for whoever has seats of it.
    pub(crate) fn terms(&self) -> LicenseTerms {
        LicenseTerms {
            product: self.product.clone(),
            state: self.state,
            starts_at: self.starts_at,
            ends_at: self.ends_at,
            grace_days: self.grace_days,
        }
    }
}

impl Account {
    /// What other accounts have of a license, or are to have, or had, by account.
    pub fn given(&self, license: &LicenseId) -> impl Iterator<Item = (&AccountId, &Given)> {
        let row = self.license_row(license);
        row.and_then(|row| self.given.get(&row)).into_iter().flatten()
    }

    /// What one other account has of a license.
    pub fn given_to(&self, license: &LicenseId, receiver: &AccountId) -> Option<&Given> {
        self.given.get(&self.license_row(license)?)?.get(receiver)
    }

    /// The license that another account gives.
    pub fn hosted(&self, host: &Host, terms: &LicenseTerms) -> Option<&License> {
        let is = |it: &&License| it.hosted.as_ref().is_some_and(|it| it.host == *host);
        self.licenses_of_product(&terms.product).find(is)
    }

    /// Transfers that have begun and not ended, the oldest first.
    pub fn open_transfers(&self) -> impl Iterator<Item = (&License, &AccountId, &OpenTransfer)> {
        self.transfers.values().filter_map(|(row, receiver)| {
            let open = self.given.get(row)?.get(receiver)?.open.as_ref()?;
            Some((&self.licenses[*row as usize], receiver, open))
        })
    }

    /// How many those are.
    pub fn open_transfer_count(&self) -> usize {
        self.transfers.len()
    }

    /// The license and the receiver of a transfer that has begun and not ended.
    pub(crate) fn open_transfer(&self, number: u64) -> Option<(&License, &AccountId, &Given)> {
        let (row, receiver) = self.transfers.get(&number)?;
        let given = self.given.get(row)?.get(receiver)?;
        Some((&self.licenses[*row as usize], receiver, given))
    }

    /// Whom to tell something next that they were not told.
    pub(crate) fn first_unsent(&self) -> Option<(&License, &AccountId, &Given)> {
        let (row, receiver) = self.unsent.first()?;
        let given = self.given.get(row)?.get(receiver)?;
        Some((&self.licenses[*row as usize], receiver, given))
    }

    pub(super) fn allocation_set(&mut self, it: &AccountAllocationSet) -> Result<(), Inconsistent> {
        self.change_given(&it.license, &it.receiver, |given| given.wanted = it.to.get())
    }

    pub(super) fn transfer_began(&mut self, it: &TransferBegan) -> Result<(), Inconsistent> {
        let given = self.given_to(&it.license, &it.receiver);
        if given.is_none_or(|it| it.open.is_some()) || self.transfers.contains_key(&it.transfer) {
            return Err(Inconsistent::Transfer(it.transfer));
        }
        let (transfer, quantity) = (it.transfer, it.quantity.get());
        let open = OpenTransfer { transfer, quantity, terms: it.terms.clone() };
        self.change_given(&it.license, &it.receiver, |given| given.open = Some(open))
    }

    /// What was refused is wanted no more, unless something else is by now.
    pub(super) fn transfer_ended(&mut self, it: &TransferEnded) -> Result<(), Inconsistent> {
        let found = self.open_transfer(it.transfer);
        if found.is_none_or(|(license, to, _)| (&license.id, to) != (&it.license, &it.receiver)) {
            return Err(Inconsistent::Transfer(it.transfer));
        }
        self.change_given(&it.license, &it.receiver, |given| {
            let Some(open) = given.open.take() else { return };
            if given.wanted == open.quantity {
                given.wanted = it.quantity.get();
            }
            given.quantity = it.quantity.get();
            given.told = Some(open.terms);
        })
    }

    pub(super) fn transfer_received(&mut self, it: &TransferReceived) -> Result<(), Inconsistent> {
        let hosted = self.license(&it.license).and_then(|it| it.hosted.as_deref());
        let follows = |last: &Hosted| last.host == it.host && last.transfer < it.transfer;
        if !hosted.is_some_and(follows) {
            return Err(Inconsistent::Transfer(it.transfer));
        }
        self.change_license(&it.license, |license| {
            if let Some(hosted) = &mut license.hosted {
                hosted.transfer = it.transfer;
            }
        })
    }

    fn change_given(
        &mut self,
        license: &LicenseId,
        receiver: &AccountId,
        change: impl FnOnce(&mut Given),
    ) -> Result<(), Inconsistent> {
        let missing = || Inconsistent::LicenseMissing(license.clone());
        let row = self.license_row(license).ok_or_else(missing)?;
        let mut given = self.given_to(license, receiver).cloned().unwrap_or_default();
        change(&mut given);
        self.put_given(row, receiver.clone(), Some(given));
        Ok(())
    }

    /// Writes what an account has of a license, in step with what the license has left and with
    /// both indexes: `None` for one that was never given anything.
    pub(super) fn put_given(&mut self, row: u32, receiver: AccountId, after: Option<Given>) {
        self.begin_change();
        let receivers = self.given.entry(row).or_default();
        let before = match after.clone() {
            Some(after) => receivers.insert(receiver.clone(), after),
            None => receivers.remove(&receiver),
        };
        if receivers.is_empty() {
            self.given.remove(&row);
        }
        let reserved = |it: &Option<Given>| it.as_ref().map_or(0, Given::reserved);
        let more = reserved(&after) - reserved(&before);
        self.change_counts(row, |license| license.allocated += more);
        let open = |it: &Option<Given>| it.as_ref()?.open.as_ref().map(|it| it.transfer);
        if let Some(number) = open(&before) {
            self.transfers.remove(&number);
        }
        if let Some(number) = open(&after) {
            self.transfers.insert(number, (row, receiver.clone()));
        }
        self.index_unsent(row, &receiver);
        self.keep(Before::Given(row, receiver, before.map(Box::new)));
    }

    /// A license that is another one is told to whoever has seats of it.
    pub(super) fn index_unsent_of(&mut self, row: u32, before: &License) {
        let Some(receivers) = self.given.get(&row) else { return };
        if before.terms() != self.licenses[row as usize].terms() {
            let receivers: Vec<AccountId> = receivers.keys().cloned().collect();
            receivers.iter().for_each(|it| self.index_unsent(row, it));
        }
    }

    fn index_unsent(&mut self, row: u32, receiver: &AccountId) {
        let given = self.given.get(&row).and_then(|it| it.get(receiver));
        let license = &self.licenses[row as usize];
        match given.is_some_and(|it| it.is_unsent(license)) {
            true => self.unsent.insert((row, receiver.clone())),
            false => self.unsent.remove(&(row, receiver.clone())),
        };
    }
}
