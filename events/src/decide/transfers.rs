//! Rules about seats that one account gives to another: the host's, the receiver's, and the host's
//! again.

use super::licenses::is_in;
use super::{Case, assignable, find};
use crate::account::LicenseState;
use crate::command::{AllocateToAccount, EndTransfer, Quantity, ReceiveTransfer};
use crate::event::{
    AccountAllocationSet, Event, LicenseAllocated, LicenseTerms, QuantityChanged, TransferBegan,
    TransferEnded, TransferReceived, WindowChanged,
};
use crate::limits::{SERVED_MAX, TRANSFERS_MAX};
use crate::refusal::Refusal;
use crate::text::LicenseId;

impl Case<'_> {
    /// More is kept back at once, less only once the receiver has said that it has less.
    pub(super) fn allocate_to_account(&mut self, it: &AllocateToAccount) -> Result<(), Refusal> {
        let license = find(self.account, &it.license)?;
        self.whole_only(license)?;
        if it.receiver == *self.account.id() {
            return Err(Refusal::SameAccount(it.receiver.clone()));
        }
        let given = self.account.given_to(&it.license, &it.receiver);
        let (wanted, reserved) = given.map_or((0, 0), |it| (it.wanted, it.reserved()));
        if it.quantity.get() == wanted {
            return Ok(());
        }
        let more = it.quantity.get() - reserved;
        if more > 0 {
            assignable(license, self.now)?;
            self.can_share(&it.license, more)?;
        }
        self.cause(Event::AccountAllocationSet(AccountAllocationSet {
            license: it.license.clone(),
            receiver: it.receiver.clone(),
            from: seats(wanted),
            to: it.quantity,
        }));
        Ok(())
    }

    /// Tells receivers what they were not told yet: so many at once, the others as these end.
    pub(super) fn begin_transfers(&mut self) {
        for _ in self.account.open_transfer_count()..TRANSFERS_MAX {
            let Some((license, receiver, given)) = self.account.first_unsent() else { break };
            let (license, terms) = (license.id.clone(), license.terms());
            let (receiver, quantity) = (receiver.clone(), seats(given.wanted));
            let transfer = self.mint.number();
            let event = TransferBegan { transfer, license, receiver, quantity, terms };
            self.cause(Event::TransferBegan(event));
        }
    }

    /// The license is what the host says it is. Seats that are in use are not taken back, or the host
    /// would give them out again; that they are refused is a fact, since nobody is there to be told.
    pub(super) fn receive_transfer(&mut self, it: &ReceiveTransfer) -> Result<(), Refusal> {
        let found = self.account.hosted(&it.host, &it.terms);
        if found.and_then(|it| it.hosted.as_ref()).is_some_and(|last| last.transfer >= it.transfer)
        {
            return Ok(());
        }
        let license = match found {
            Some(found) => found.id.clone(),
            None => self.make_hosted(it),
        };
        let refused = self.set_hosted(&license, it.quantity).err();
        self.follow_terms(&license, &it.terms)?;
        let quantity = find(self.account, &license)?.quantity_before();
        let (refused, detail) = refused.map(|it| (it.code().into(), it.to_string().into())).unzip();
        let (transfer, host) = (it.transfer, it.host.clone());
        self.cause(Event::TransferReceived(TransferReceived {
            transfer,
            host,
            license,
            quantity,
            refused,
            detail,
        }));
        Ok(())
    }

    fn make_hosted(&mut self, it: &ReceiveTransfer) -> LicenseId {
        let license = self.joined_id(&it.host.license, it.host.account.as_str());
        let number = self.mint.number();
        self.cause(Event::LicenseAllocated(LicenseAllocated {
            license: license.clone(),
            number,
            product: it.terms.product.clone(),
            quantity: it.quantity,
            container: None,
            parent: None,
            host: Some(it.host.clone()),
            name: None,
            starts_at: it.terms.starts_at,
            ends_at: it.terms.ends_at,
            grace_days: it.terms.grace_days,
            external_id: None,
            source: None,
            metadata: None,
        }));
        license
    }

    fn set_hosted(&mut self, id: &LicenseId, to: Quantity) -> Result<(), Refusal> {
        let license = find(self.account, id)?;
        self.covers_use(license, to)?;
        let (license, from) = (id.clone(), license.quantity_before());
        if from != to {
            self.cause(Event::QuantityChanged(QuantityChanged { license, from, to }));
        }
        Ok(())
    }

    /// A license of another account has the window and the state that it has there. Where it is
    /// retired there and somebody still has an assignment of it here, it is suspended, and so it is
    /// where very many wait for it.
    fn follow_terms(&mut self, id: &LicenseId, terms: &LicenseTerms) -> Result<(), Refusal> {
        let license = find(self.account, id)?;
        let state = license.state;
        let window = WindowChanged {
            license: id.clone(),
            starts_at: terms.starts_at,
            ends_at: terms.ends_at,
            grace_days: terms.grace_days,
        };
        if !is_in(license, &window) {
            self.move_window(window);
        }
        match (state, terms.state) {
            (LicenseState::Suspended, LicenseState::Active) => self.reinstate_with_parts(id),
            (LicenseState::Active, LicenseState::Suspended) => self.suspend_with_parts(id),
            (LicenseState::Active | LicenseState::Suspended, LicenseState::Retired)
                if self.not_in_use(id).is_ok() && self.few_wait(id) =>
            {
                self.retire_with_parts(id);
            }
            (LicenseState::Active, LicenseState::Retired) => self.suspend_with_parts(id),
            (LicenseState::Active, LicenseState::Active)
            | (LicenseState::Suspended, LicenseState::Suspended | LicenseState::Retired)
            | (LicenseState::Retired, _) => {}
        }
        Ok(())
    }

    /// Whether one commit has room to say of all who wait for a license that they wait no more.
    fn few_wait(&self, id: &LicenseId) -> bool {
        let Some(product) = self.account.license(id).map(|it| &it.product) else { return true };
        self.account.queue(product).take(SERVED_MAX).count() < SERVED_MAX
    }

    /// One that has ended already stays as it ended.
    pub(super) fn end_transfer(&mut self, it: &EndTransfer) {
        let Some((license, receiver, given)) = self.account.open_transfer(it.transfer) else {
            return;
        };
        let told = given.open.as_ref().map_or(given.quantity, |it| it.quantity);
        let quantity = if it.refused.is_none() { told } else { given.quantity };
        let (license, receiver) = (license.id.clone(), receiver.clone());
        self.cause(Event::TransferEnded(TransferEnded {
            transfer: it.transfer,
            license,
            receiver,
            quantity: seats(quantity),
            known_as: it.known_as.clone(),
            refused: it.refused.clone(),
            detail: it.detail.clone(),
        }));
    }
}

/// Seats as commands and events say them.
fn seats(quantity: i64) -> Quantity {
    Quantity::new(quantity).unwrap_or(Quantity::ZERO)
}
