//! Rules about licenses.

use super::{find, find_living};
use crate::account::{Account, License, LicenseState};
use crate::command::{AllocateLicense, ChangeLicense};
use crate::event::{
    Event, LicenseAllocated, LicenseDescribed, LicenseReinstated, LicenseRetired, LicenseSuspended,
    QuantityChanged, WindowChanged,
};
use crate::mint::Mint;
use crate::refusal::Refusal;
use crate::text::{ExternalId, LicenseId};

pub(super) fn allocate(
    account: &Account,
    it: &AllocateLicense,
    mint: &mut Mint,
) -> Result<Vec<Event>, Refusal> {
    if let Some(license) = account.license(&it.license) {
        return match same_terms(license, it) {
            false => Err(Refusal::LicenseExists(it.license.clone())),
            true => match license.state {
                LicenseState::Retired => Err(Refusal::LicenseRetired(it.license.clone())),
                LicenseState::Active | LicenseState::Suspended => Ok(vec![]),
            },
        };
    }
    external_id_free(account, &it.license, it.external_id.as_ref())?;
    Ok(vec![Event::LicenseAllocated(LicenseAllocated {
        license: it.license.clone(),
        number: mint.number(),
        product: it.product.clone(),
        quantity: it.quantity,
        container: it.container.clone(),
        name: it.name.clone(),
        starts_at: it.starts_at,
        ends_at: it.ends_at,
        external_id: it.external_id.clone(),
        source: it.source.clone(),
        metadata: it.metadata.clone(),
    })])
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

fn external_id_free(
    account: &Account,
    license: &LicenseId,
    external_id: Option<&ExternalId>,
) -> Result<(), Refusal> {
    let owner = external_id.and_then(|id| account.license_by_external_id(id));
    match (owner, external_id) {
        (Some(owner), Some(id)) if owner.id != *license => {
            Err(Refusal::ExternalIdTaken { external_id: id.clone(), license: owner.id.clone() })
        }
        _ => Ok(()),
    }
}

pub(super) fn change(account: &Account, it: &ChangeLicense) -> Result<Vec<Event>, Refusal> {
    let license = find(account, &it.license)?;
    let described = LicenseDescribed {
        license: license.id.clone(),
        name: it.name.over(&license.name),
        external_id: it.external_id.over(&license.external_id),
        source: it.source.over(&license.source),
        metadata: it.metadata.over(&license.metadata),
    };
    external_id_free(account, &license.id, described.external_id.as_ref())?;
    find_living(account, &it.license)?;
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
    let mut events = vec![];
    if (&described.name, &described.external_id, &described.source, &described.metadata)
        != (&license.name, &license.external_id, &license.source, &license.metadata)
    {
        events.push(Event::LicenseDescribed(described));
    }
    if (window.starts_at, window.ends_at) != (license.starts_at, license.ends_at) {
        events.push(Event::WindowChanged(window));
    }
    events.extend(change_quantity(license, it)?);
    Ok(events)
}

fn change_quantity(license: &License, it: &ChangeLicense) -> Result<Option<Event>, Refusal> {
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

pub(super) fn suspend(account: &Account, id: &LicenseId) -> Result<Vec<Event>, Refusal> {
    Ok(match find_living(account, id)?.state {
        LicenseState::Active => {
            vec![Event::LicenseSuspended(LicenseSuspended { license: id.clone() })]
        }
        LicenseState::Suspended | LicenseState::Retired => vec![],
    })
}

pub(super) fn reinstate(account: &Account, id: &LicenseId) -> Result<Vec<Event>, Refusal> {
    Ok(match find_living(account, id)?.state {
        LicenseState::Suspended => {
            vec![Event::LicenseReinstated(LicenseReinstated { license: id.clone() })]
        }
        LicenseState::Active | LicenseState::Retired => vec![],
    })
}

pub(super) fn retire(account: &Account, id: &LicenseId) -> Result<Vec<Event>, Refusal> {
    let license = find(account, id)?;
    match license.state {
        LicenseState::Retired => Ok(vec![]),
        LicenseState::Active | LicenseState::Suspended if license.live > 0 => {
            Err(Refusal::LicenseInUse { license: id.clone(), assignments: license.live })
        }
        LicenseState::Active | LicenseState::Suspended => {
            Ok(vec![Event::LicenseRetired(LicenseRetired { license: id.clone() })])
        }
    }
}
