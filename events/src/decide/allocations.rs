//! Rules about parts of a license's quantity.

use super::seats::Of;
use super::{Case, assignable, find};
use crate::account::{License, LicenseState};
use crate::command::{Allocation, MoveQuantity, Quantity, SetAllocations};
use crate::event::{ContainerPlaced, Event, LicenseAllocated, QuantityChanged};
use crate::limits::TEXT_BYTES_MAX;
use crate::refusal::Refusal;
use crate::text::{ContainerId, LicenseId};

impl Case<'_> {
    /// First what is lowered is, in all containers, so that it is there for what is raised. Within a
    /// container it is lowered before what that one has is, and raised after it.
    pub(super) fn set_allocations(&mut self, it: &SetAllocations) -> Result<(), Refusal> {
        let named = it.allocations.iter().flat_map(|it| &it.quantities);
        let mut named = named.filter_map(|it| Of::given(&it.license, &it.product));
        named.try_for_each(|it| self.is_there(it))?;
        let mut all: Vec<&Allocation> = it.allocations.iter().collect();
        all.sort_by_key(|it| it.within.is_some());
        for allocation in &all {
            if allocation.through
                && let Some(within) = &allocation.within
            {
                self.place(within, None)?;
            }
            self.place(&allocation.container, allocation.within.as_ref())?;
        }
        for allocation in &all {
            // What the container above is to have by now need not be there yet.
            if !all.iter().any(|it| Some(&it.container) == allocation.within.as_ref()) {
                self.wanted(allocation).try_for_each(|it| it.map(drop))?;
            }
        }
        for allocation in all.iter().rev() {
            let there: Vec<_> = self.wanted(allocation).filter_map(Result::ok).collect();
            for (parent, to) in self.left_out(allocation, &there).into_iter().chain(there) {
                if to < self.allocated(&parent, allocation) {
                    self.give_quantity(&parent, allocation, to)?;
                }
            }
        }
        for allocation in all {
            let whole = self.whole(allocation)?;
            // A product may be another license by now: the container above has got one that ends first.
            for (parent, to) in self.left_out(allocation, &whole).into_iter().chain(whole) {
                if to != self.allocated(&parent, allocation) {
                    self.give_quantity(&parent, allocation, to)?;
                }
            }
        }
        Ok(())
    }

    /// What a container is to have of each license above it that is named. Where it comes through the
    /// container above, the licenses are those of the account.
    fn wanted(&self, it: &Allocation) -> impl Iterator<Item = Result<(LicenseId, i64), Refusal>> {
        let within = it.within.as_ref().filter(|_| !it.through);
        it.quantities.iter().filter_map(move |part| {
            let of = Of::given(&part.license, &part.product)?;
            let quantity = part.quantity.get();
            Some(self.above(of, within, quantity).map(|parent| (parent, quantity)))
        })
    }

    /// The same, each license once.
    fn whole(&self, it: &Allocation) -> Result<Vec<(LicenseId, i64)>, Refusal> {
        let wanted: Vec<_> = self.wanted(it).collect::<Result<_, _>>()?;
        for (row, (license, _)) in wanted.iter().enumerate() {
            if wanted[..row].iter().any(|(id, _)| id == license) {
                let product = find(self.account, license)?.product.clone();
                let (container, license) = (it.container.clone(), license.clone());
                return Err(Refusal::QuantitiesOverlap { container, license, product });
            }
        }
        Ok(wanted)
    }

    /// Zero of each license that a container has and that is not named, unless it is over: nobody can
    /// use what it has of that one.
    fn left_out(&self, it: &Allocation, wanted: &[(LicenseId, i64)]) -> Vec<(LicenseId, i64)> {
        let parts = self.account.licenses_of_container(&it.container).filter(|license| {
            license.quantity > 0
                && license.state != LicenseState::Retired
                && license.ends_at.is_none_or(|it| self.now < it)
        });
        let whole = |it: LicenseId| self.account.license(&it)?.parent.clone().or(Some(it));
        parts
            .filter_map(|it| it.parent.clone())
            .filter_map(|parent| if it.through { whole(parent) } else { Some(parent) })
            .filter(|parent| !wanted.iter().any(|(id, _)| id == parent))
            .map(|parent| (parent, 0))
            .collect()
    }

    /// How much of a license a container has.
    fn allocated(&self, parent: &LicenseId, it: &Allocation) -> i64 {
        let parent = self.shared_out(parent, it);
        let part = parent.and_then(|parent| self.account.part_of(&parent, &it.container));
        part.map_or(0, |it| it.quantity)
    }

    /// The license that is shared out: what the container above has of it, if it comes through there.
    fn shared_out(&self, license: &LicenseId, it: &Allocation) -> Option<LicenseId> {
        let Some(within) = it.within.as_ref().filter(|_| it.through) else {
            return Some(license.clone());
        };
        let own = |it: &&License| it.container.as_ref() == Some(within);
        let found = self.account.license(license).filter(own);
        found.or_else(|| self.account.part_of(license, within)).map(|it| it.id.clone())
    }

    /// Makes a container have so much of a license. Where it comes through the container above, that
    /// one has as much more, or less, of it.
    fn give_quantity(
        &mut self,
        parent: &LicenseId,
        it: &Allocation,
        to: i64,
    ) -> Result<(), Refusal> {
        let more = to - self.allocated(parent, it);
        if more > 0 {
            self.pass_through(parent, it, more)?;
        }
        if let Some(shared_out) = self.shared_out(parent, it) {
            self.set_part(&shared_out, &it.container, to)?;
        }
        if more < 0 {
            self.pass_through(parent, it, more)?;
        }
        Ok(())
    }

    fn pass_through(
        &mut self,
        license: &LicenseId,
        it: &Allocation,
        more: i64,
    ) -> Result<(), Refusal> {
        let Some(within) = it.within.as_ref().filter(|_| it.through) else { return Ok(()) };
        // What the container above was given as its own is shared out as it is.
        if self.shared_out(license, it).as_ref() == Some(license) {
            return Ok(());
        }
        let has = self.account.part_of(license, within).map_or(0, |it| it.quantity);
        self.set_part(license, within, (has + more).max(0))
    }

    pub(super) fn move_quantity(&mut self, it: &MoveQuantity) -> Result<(), Refusal> {
        let Some(of) = Of::given(&it.license, &it.product) else { return Ok(()) };
        // Taking back is always possible; giving is not.
        let gives = it.moves.iter().filter(|it| it.to.is_some());
        let given: i64 = gives.map(|it| it.quantity.get()).sum();
        let parent = self.above(of, it.within.as_ref(), given)?;
        for step in &it.moves {
            for (container, by) in
                [(&step.from, -step.quantity.get()), (&step.to, step.quantity.get())]
            {
                let Some(container) = container else { continue };
                if by < 0 {
                    self.is_container(container)?;
                }
                self.place(container, it.within.as_ref())?;
                let quantity = self.account.part_of(&parent, container).map_or(0, |it| it.quantity);
                if quantity + by < 0 {
                    let (container, license, wanted) = (container.clone(), parent, -by);
                    return Err(Refusal::ContainerHasLess { container, license, quantity, wanted });
                }
                self.set_part(&parent, container, quantity + by)?;
            }
        }
        Ok(())
    }

    /// Makes sure that a container is where it is said to be: in the account, or one deep.
    fn place(
        &mut self,
        container: &ContainerId,
        within: Option<&ContainerId>,
    ) -> Result<(), Refusal> {
        let containers = self.account.containers();
        if let Some(placed) = containers.get(container) {
            let (container, within) = (container.clone(), within.cloned());
            return match *placed == within {
                true => Ok(()),
                false => {
                    let placed = placed.clone();
                    Err(Refusal::ContainerElsewhere { container, placed, within })
                }
            };
        }
        let (container, within) = (container.clone(), within.cloned());
        // What another one is within has to be there, and in the account itself.
        if let Some(within) = &within {
            match containers.get(within) {
                None => return Err(Refusal::ContainerNotFound(within.clone())),
                Some(Some(_)) => {
                    let within = within.clone();
                    return Err(Refusal::ContainerTooDeep { container, within });
                }
                Some(None) => {}
            }
        }
        self.cause(Event::ContainerPlaced(ContainerPlaced { container, within }));
        Ok(())
    }

    /// Refuses a container that is neither placed nor has a license.
    pub(super) fn is_container(&self, container: &ContainerId) -> Result<(), Refusal> {
        let there = self.account.containers().contains_key(container)
            || self.account.licenses_of_container(container).next().is_some();
        match there {
            true => Ok(()),
            false => Err(Refusal::ContainerNotFound(container.clone())),
        }
    }

    /// The license that is shared out: of the account itself, or of the container above. Nothing is
    /// given of one that is not in force; taking back is always possible.
    fn above(
        &self,
        of: Of<'_>,
        within: Option<&ContainerId>,
        quantity: i64,
    ) -> Result<LicenseId, Refusal> {
        match of {
            Of::License(id) => {
                let license = find(self.account, id)?;
                let part = within.and_then(|it| self.account.part_of(id, it));
                let license = part.unwrap_or(license);
                let is_there = match within {
                    Some(_) => license.container.as_ref() == within,
                    None => license.parent.is_none(),
                };
                if !is_there {
                    return Err(self.not_above(license, within, quantity));
                }
                if quantity > 0 {
                    assignable(license, self.now)?;
                }
                Ok(license.id.clone())
            }
            Of::Product(product) => {
                self.has_product(product)?;
                within.map_or(Ok(()), |it| self.is_container(it))?;
                let first = self.of_product(product, within).first().map(|it| it.id.clone());
                let (product, container) = (product.clone(), within.cloned());
                first.ok_or(Refusal::NoLicenseInForce { product, container })
            }
        }
    }

    /// Why nothing of a license can be shared out there.
    fn not_above(&self, license: &License, within: Option<&ContainerId>, wanted: i64) -> Refusal {
        let id = license.id.clone();
        match (within, &license.parent) {
            (None, Some(parent)) => Refusal::LicenseIsPart { license: id, parent: parent.clone() },
            (None, None) => Refusal::LicenseNotFound(id),
            (Some(container), _) => match self.is_container(container) {
                Err(refusal) => refusal,
                Ok(()) => Refusal::ContainerHasLess {
                    container: container.clone(),
                    license: id,
                    quantity: 0,
                    wanted: wanted.max(1),
                },
            },
        }
    }

    /// Makes a part have so many seats.
    fn set_part(
        &mut self,
        parent: &LicenseId,
        container: &ContainerId,
        to: i64,
    ) -> Result<(), Refusal> {
        let Some(part) = self.account.part_of(parent, container) else {
            return self.make_part(parent, container, to);
        };
        let (license, before) = (part.id.clone(), part.quantity_before());
        if to == part.quantity {
            return Ok(());
        }
        self.can_raise(part, to)?;
        // A parent has a quantity, and so has whatever fits into it.
        let Some(to) = Quantity::new(to) else { return Ok(()) };
        self.can_lower(part, to)?;
        let from = before;
        self.cause(Event::QuantityChanged(QuantityChanged { license, from, to }));
        Ok(())
    }

    /// Refuses to raise a part by more than its parent has left. What is taken of it already, beyond
    /// what it has, it takes of its parent anyway.
    pub(super) fn can_raise(&self, part: &License, to: i64) -> Result<(), Refusal> {
        let more = to - part.takes();
        match part.parent.as_ref().filter(|_| more > 0) {
            Some(parent) => self.can_share(parent, more),
            None => Ok(()),
        }
    }

    /// Refuses to share out more of a license than it has left.
    pub(super) fn can_share(&self, parent: &LicenseId, wanted: i64) -> Result<(), Refusal> {
        let license = find(self.account, parent)?;
        let left = self.account.unshared(license);
        let license = self.account.scarce_to_share(license);
        match wanted <= left {
            true => Ok(()),
            false => Err(Refusal::NoFreeQuantity {
                license: license.id.clone(),
                taken: license.taken(),
                quantity: license.quantity,
                wanted,
            }),
        }
    }

    fn make_part(
        &mut self,
        parent: &LicenseId,
        container: &ContainerId,
        quantity: i64,
    ) -> Result<(), Refusal> {
        if quantity > 0 {
            self.can_share(parent, quantity)?;
        }
        let Some(quantity) = Quantity::new(quantity).filter(|it| *it > Quantity::ZERO) else {
            return Ok(());
        };
        let license = self.joined_id(parent, container.as_str());
        let number = self.mint.number();
        let whole = find(self.account, parent)?;
        let event = LicenseAllocated {
            license,
            number,
            product: whole.product.clone(),
            quantity,
            container: Some(container.clone()),
            parent: Some(parent.clone()),
            host: None,
            name: whole.name.clone(),
            starts_at: whole.starts_at,
            ends_at: whole.ends_at,
            grace_days: whole.grace_days,
            external_id: None,
            source: whole.source.clone(),
            metadata: None,
        };
        self.cause(Event::LicenseAllocated(event));
        Ok(())
    }

    /// What a license is called that comes from another one: by both names where that is one nobody
    /// has, else by an id.
    pub(super) fn joined_id(&mut self, license: &LicenseId, at: &str) -> LicenseId {
        let both = format!("{license}@{at}");
        let named = (both.len() <= TEXT_BYTES_MAX).then(|| LicenseId::new(both).ok()).flatten();
        match named.filter(|it| self.account.license(it).is_none()) {
            Some(named) => named,
            None => loop {
                let id = LicenseId::new(self.mint.id().to_string());
                if let Ok(id) = id {
                    break id;
                }
            },
        }
    }

    /// The parts of a license, and theirs.
    pub(super) fn parts_below(&self, license: &LicenseId) -> Vec<LicenseId> {
        self.account.parts_below(license).map(|it| it.id.clone()).collect()
    }

    /// Refuses what only the license decides that this one is a part of, or the account that gives
    /// it.
    pub(super) fn whole_only(&self, license: &License) -> Result<(), Refusal> {
        match &license.parent {
            None => not_hosted(license),
            Some(parent) => {
                Err(Refusal::LicenseIsPart { license: license.id.clone(), parent: parent.clone() })
            }
        }
    }
}

/// Refuses what only the account decides that gives the license.
pub(super) fn not_hosted(license: &License) -> Result<(), Refusal> {
    match &license.hosted {
        None => Ok(()),
        Some(it) => {
            let (license, host) = (license.id.clone(), it.host.account.clone());
            Err(Refusal::LicenseIsHosted { license, host })
        }
    }
}
