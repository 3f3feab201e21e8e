//! Rules about licenses.

use super::{Case, find, find_living};
use crate::account::{License, LicenseState};
use crate::command::{AllocateLicense, ChangeLicense};
use crate::event::{
    Event, LicenseAllocated, LicenseDescribed, LicenseReinstated, LicenseRetired, LicenseSuspended,
    QuantityChanged, WindowChanged,
};
use crate::refusal::Refusal;
use crate::text::{ExternalId, LicenseId};

impl Case<'_> {
    pub(super) fn allocate(&mut self, it: &AllocateLicense) -> Result<(), Refusal> {
        if let Some(license) = self.account.license(&it.license) {
            return match same_terms(license, it) {
                false => Err(Refusal::LicenseExists(it.license.clone())),
                true => match license.state {
                    LicenseState::Retired => Err(Refusal::LicenseRetired(it.license.clone())),
                    LicenseState::Active | LicenseState::Suspended => Ok(()),
                },
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
            name: it.name.clone(),
            starts_at: it.starts_at,
            ends_at: it.ends_at,
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
        let license = find_living(self.account, &it.license)?;
        let window = WindowChanged {
            license: license.id.clone(),
            starts_at: it.starts_at.over(&license.starts_at),
            ends_at: it.ends_at.over(&license.ends_at),
        };
        if let (Some(starts_at), Some(ends_at)) = (window.starts_at, window.ends_at)
            && ends_at <= starts_at
        {
            return Err(Refusal::WindowEmpty { license: license.id.clone(), starts_at, ends_at });
        }
        let quantity = changed_quantity(license, it)?;
        let labels = (&license.name, &license.external_id, &license.source, &license.metadata);
        let relabelled = labels
            != (&described.name, &described.external_id, &described.source, &described.metadata);
        let moved = (window.starts_at, window.ends_at) != (license.starts_at, license.ends_at);
        if relabelled {
            self.cause(Event::LicenseDescribed(described));
        }
        if moved {
            self.cause(Event::WindowChanged(window));
        }
        if let Some(quantity) = quantity {
            self.cause(quantity);
        }
        Ok(())
    }

    pub(super) fn suspend(&mut self, id: &LicenseId) -> Result<(), Refusal> {
        match find_living(self.account, id)?.state {
            LicenseState::Active => {
                self.cause(Event::LicenseSuspended(LicenseSuspended { license: id.clone() }));
            }
            LicenseState::Suspended | LicenseState::Retired => {}
        }
        Ok(())
    }

    pub(super) fn reinstate(&mut self, id: &LicenseId) -> Result<(), Refusal> {
        match find_living(self.account, id)?.state {
            LicenseState::Suspended => {
                self.cause(Event::LicenseReinstated(LicenseReinstated { license: id.clone() }));
            }
            LicenseState::Active | LicenseState::Retired => {}
        }
        Ok(())
    }

    pub(super) fn retire(&mut self, id: &LicenseId) -> Result<(), Refusal> {
        let license = find(self.account, id)?;
        match license.state {
            LicenseState::Retired => Ok(()),
            LicenseState::Active | LicenseState::Suspended if license.live > 0 => {
                Err(Refusal::LicenseInUse { license: id.clone(), assignments: license.live })
            }
            LicenseState::Active | LicenseState::Suspended => {
                self.cause(Event::LicenseRetired(LicenseRetired { license: id.clone() }));
                Ok(())
            }
        }
    }
}

fn same_terms(license: &License, it: &AllocateLicense) -> bool {
    license.product == it.product
        && license.quantity == it.quantity.get()
        && license.container == it.container
        && license.name == it.name
        && license.starts_at == it.starts_at
        && license.ends_at == it.ends_at
        && license.external_id == it.external_id
        && license.source == it.source
        && license.metadata == it.metadata
}

fn changed_quantity(license: &License, it: &ChangeLicense) -> Result<Option<Event>, Refusal> {
    let Some(to) = it.quantity.filter(|it| it.get() != license.quantity) else { return Ok(None) };
    if to.get() < license.held {
        return Err(Refusal::QuantityBelowUse {
            license: license.id.clone(),
            held: license.held,
            quantity: to.get(),
        });
    }
    let from = license.quantity_before();
    Ok(Some(Event::QuantityChanged(QuantityChanged { license: license.id.clone(), from, to })))
}
