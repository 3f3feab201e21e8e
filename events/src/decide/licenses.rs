//! Rules about licenses.

use super::allocations::not_hosted;
use super::{Case, find, find_living};
use crate::account::{License, LicenseState};
use crate::command::{AllocateLicense, ChangeLicense, Quantity};
use crate::event::{
    Event, LicenseAllocated, LicenseDescribed, LicenseReinstated, LicenseRetired, LicenseSuspended,
    QuantityChanged, WaitEnd, WindowChanged,
};
use crate::policy::Lowering;
use crate::refusal::Refusal;
use crate::text::{ExternalId, LicenseId};

impl Case<'_> {
    pub(super) fn allocate(&mut self, it: &AllocateLicense) -> Result<(), Refusal> {
        if let Some(license) = self.account.license(&it.license) {
            let terms = other_terms(license, it);
            if !terms.is_empty() {
                return Err(Refusal::LicenseExists { license: it.license.clone(), terms });
            }
            return match license.state {
                LicenseState::Retired => Err(Refusal::LicenseRetired(it.license.clone())),
                LicenseState::Active | LicenseState::Suspended => Ok(()),
            };
        }
        self.external_id_free(&it.license, it.external_id.as_ref())?;
        let number = self.mint.number();
        self.cause(Event::LicenseAllocated(LicenseAllocated {
            license: it.license.clone(),
            number,
            product: it.product.clone(),
            quantity: it.quantity,
            container: it.container.clone(),
            parent: None,
            host: None,
            name: it.name.clone(),
            starts_at: it.starts_at,
            ends_at: it.ends_at,
            grace_days: it.grace_days,
            external_id: it.external_id.clone(),
            source: it.source.clone(),
            metadata: it.metadata.clone(),
        }));
        Ok(())
    }

    fn external_id_free(
        &self,
        license: &LicenseId,
        external_id: Option<&ExternalId>,
    ) -> Result<(), Refusal> {
        let owner = external_id.and_then(|id| self.account.license_by_external_id(id));
        match (owner, external_id) {
            (Some(owner), Some(id)) if owner.id != *license => {
                Err(Refusal::ExternalIdTaken { external_id: id.clone(), license: owner.id.clone() })
            }
            _ => Ok(()),
        }
    }

    pub(super) fn change_license(&mut self, it: &ChangeLicense) -> Result<(), Refusal> {
        let license = find(self.account, &it.license)?;
        let described = LicenseDescribed {
            license: license.id.clone(),
            name: it.name.over(&license.name),
            external_id: it.external_id.over(&license.external_id),
            source: it.source.over(&license.source),
            metadata: it.metadata.over(&license.metadata),
        };
        self.external_id_free(&license.id, described.external_id.as_ref())?;
        let window = WindowChanged {
            license: license.id.clone(),
            starts_at: it.starts_at.over(&license.starts_at),
            ends_at: it.ends_at.over(&license.ends_at),
            grace_days: it.grace_days.over(&license.grace_days),
        };
        let moved = !is_in(license, &window);
        if moved {
            self.whole_only(license)?;
        }
        if it.quantity.is_some_and(|it| it.get() != license.quantity) {
            not_hosted(license)?;
        }
        let license = find_living(self.account, &it.license)?;
        if let (Some(starts_at), Some(ends_at)) = (window.starts_at, window.ends_at)
            && ends_at <= starts_at
        {
            return Err(Refusal::WindowEmpty { license: license.id.clone(), starts_at, ends_at });
        }
        let quantity = self.changed_quantity(license, it)?;
        let labels = (&license.name, &license.external_id, &license.source, &license.metadata);
        let relabelled = labels
            != (&described.name, &described.external_id, &described.source, &described.metadata);
        if relabelled {
            self.cause(Event::LicenseDescribed(described));
        }
        if moved {
            self.move_window(window);
        }
        if let Some(quantity) = quantity {
            self.cause(quantity);
        }
        Ok(())
    }

    pub(super) fn suspend(&mut self, id: &LicenseId) -> Result<(), Refusal> {
        self.whole_only(find(self.account, id)?)?;
        let license = find_living(self.account, id)?;
        match license.state {
            LicenseState::Active => self.suspend_with_parts(id),
            LicenseState::Suspended | LicenseState::Retired => {}
        }
        Ok(())
    }

    /// A license is in force at other times, and its parts with it.
    pub(super) fn move_window(&mut self, window: WindowChanged) {
        for license in self.parts_below(&window.license) {
            let window = WindowChanged { license, ..window.clone() };
            self.cause(Event::WindowChanged(window));
        }
        self.cause(Event::WindowChanged(window));
    }

    pub(super) fn suspend_with_parts(&mut self, id: &LicenseId) {
        for license in std::iter::once(id.clone()).chain(self.parts_below(id)) {
            self.cause(Event::LicenseSuspended(LicenseSuspended { license }));
        }
    }

    pub(super) fn reinstate_with_parts(&mut self, id: &LicenseId) {
        for license in std::iter::once(id.clone()).chain(self.parts_below(id)) {
            self.cause(Event::LicenseReinstated(LicenseReinstated { license }));
        }
    }

    pub(super) fn reinstate(&mut self, id: &LicenseId) -> Result<(), Refusal> {
        self.whole_only(find(self.account, id)?)?;
        let license = find_living(self.account, id)?;
        match license.state {
            LicenseState::Suspended => self.reinstate_with_parts(id),
            LicenseState::Active | LicenseState::Retired => {}
        }
        Ok(())
    }

    /// A license goes with its parts; none of them may have a live assignment, and no other account
    /// seats of it.
    pub(super) fn retire(&mut self, id: &LicenseId) -> Result<(), Refusal> {
        let license = find(self.account, id)?;
        self.whole_only(license)?;
        if license.state == LicenseState::Retired {
            return Ok(());
        }
        self.not_in_use(id)?;
        let quantity: i64 = self.account.given(id).map(|(_, it)| it.reserved()).sum();
        if quantity > 0 {
            return Err(Refusal::LicenseGiven { license: id.clone(), quantity });
        }
        self.retire_with_parts(id);
        Ok(())
    }

    /// Refuses to end a license while somebody has an assignment of it, or of a part of it.
    pub(super) fn not_in_use(&self, id: &LicenseId) -> Result<(), Refusal> {
        let all = self.parts_below(id).into_iter().chain(std::iter::once(id.clone()));
        let live = all.filter_map(|it| self.account.license(&it)).find(|it| it.live > 0);
        match live {
            None => Ok(()),
            Some(it) => Err(Refusal::LicenseInUse { license: it.id.clone(), assignments: it.live }),
        }
    }

    pub(super) fn retire_with_parts(&mut self, id: &LicenseId) {
        for license in self.parts_below(id).into_iter().chain(std::iter::once(id.clone())) {
            let waiting: Vec<u64> = self
                .account
                .waits()
                .filter(|it| it.license.as_ref() == Some(&license))
                .map(|it| it.place)
                .collect();
            waiting.into_iter().for_each(|it| self.end_wait(it, WaitEnd::Withdrawn));
            self.cause(Event::LicenseRetired(LicenseRetired { license }));
        }
    }
}

/// Whether the window of a license is this one already.
pub(super) fn is_in(license: &License, window: &WindowChanged) -> bool {
    (license.starts_at, license.ends_at, license.grace_days)
        == (window.starts_at, window.ends_at, window.grace_days)
}

/// What of a license is not as it is asked for.
fn other_terms(license: &License, it: &AllocateLicense) -> Vec<&'static str> {
    let all = [
        ("host", license.hosted.is_none()),
        ("product", license.product == it.product),
        ("quantity", license.quantity == it.quantity.get()),
        ("container", license.container == it.container),
        ("name", license.name == it.name),
        ("starts_at", license.starts_at == it.starts_at),
        ("ends_at", license.ends_at == it.ends_at),
        ("grace_days", license.grace_days == it.grace_days),
        ("external_id", license.external_id == it.external_id),
        ("source", license.source == it.source),
        ("metadata", license.metadata == it.metadata),
    ];
    all.into_iter().filter(|(_, same)| !same).map(|(term, _)| term).collect()
}

impl Case<'_> {
    fn changed_quantity(
        &self,
        license: &License,
        it: &ChangeLicense,
    ) -> Result<Option<Event>, Refusal> {
        let Some(to) = it.quantity.filter(|it| it.get() != license.quantity) else {
            return Ok(None);
        };
        self.can_raise(license, to.get())?;
        self.can_lower(license, to)?;
        let from = license.quantity_before();
        Ok(Some(Event::QuantityChanged(QuantityChanged { license: license.id.clone(), from, to })))
    }

    /// Refuses to lower a quantity under what is held and shared out of it, unless a policy
    /// tolerates that.
    pub(super) fn can_lower(&self, license: &License, to: Quantity) -> Result<(), Refusal> {
        match self.account.lowering(license) {
            Lowering::Tolerate => Ok(()),
            Lowering::Refuse => self.covers_use(license, to),
        }
    }

    /// Refuses to lower a quantity under what is held and shared out of it.
    pub(super) fn covers_use(&self, license: &License, to: Quantity) -> Result<(), Refusal> {
        let after = License { quantity: to.get(), ..license.clone() };
        match to.get() < license.quantity && self.account.excess(&after).is_some() {
            false => Ok(()),
            true => Err(Refusal::QuantityBelowUse {
                license: license.id.clone(),
                held: license.held,
                shared: license.allocated,
                quantity: to.get(),
            }),
        }
    }
}
