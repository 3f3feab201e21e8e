//! Rules about direct sets.

use super::seats::Of;
use super::{Case, find};
use crate::account::{Assignment, DirectSet, Terms, Wait};
use crate::command::{ClearDirectSet, DeclareDirectSet};
use crate::event::{DirectSetCleared, DirectSetDeclared, Event, Ground, WaitEnd};
use crate::holder::Holder;
use crate::policy::DirectSets;
use crate::refusal::Refusal;
use crate::text::{AssignmentId, ProductId};

impl Case<'_> {
    /// First what ends ends, for all holders, so that the seats are there for what begins.
    pub(super) fn declare_direct_set(&mut self, it: &DeclareDirectSet) -> Result<(), Refusal> {
        let mut products: Vec<ProductId> = vec![];
        for product in &it.products {
            self.has_product(product)?;
            if !products.contains(product) {
                products.push(product.clone());
            }
        }
        let holders: Vec<Holder> = self.distinct(&it.holders).into_iter().cloned().collect();
        self.can_be_given(holders.iter())?;
        let holders: Vec<Holder> = holders.iter().map(|it| self.meet(it)).collect();
        for holder in &holders {
            self.declare(holder, &products, it.external);
        }
        self.can_fill(&holders, &products)?;
        for product in &products {
            self.fill(&holders, product)?;
        }
        Ok(())
    }

    /// Refuses who may not hold what is in the set, and what nobody can have for now, before any
    /// shortage is looked at.
    fn can_fill(&self, holders: &[Holder], products: &[ProductId]) -> Result<(), Refusal> {
        let mut closed = None;
        for product in products {
            let of = Of::Product(product);
            let lacking =
                holders.iter().filter(|it| self.assignment_of(of, it, &Ground::Direct).is_none());
            for holder in lacking {
                match self.room(of) {
                    Ok(Some(license)) => self.may_hold(find(self.account, &license)?, holder)?,
                    Ok(None) => {}
                    Err(refusal) => closed = closed.or(Some(refusal)),
                }
            }
        }
        closed.map_or(Ok(()), Err)
    }

    pub(super) fn declare(&mut self, holder: &Holder, products: &[ProductId], external: bool) {
        let set = DirectSet { products: products.into(), external };
        let known = self.account.known(holder.key());
        if known.and_then(|it| it.direct_set()) != Some(&set) {
            let (holder, products) = (holder.clone(), products.to_vec());
            let declared = DirectSetDeclared { holder, products, external };
            self.cause(Event::DirectSetDeclared(declared));
        }
        let instead = self.account.direct_sets() == DirectSets::Replace;
        let whole = |it: &Wait| {
            let license = it.license.as_ref().and_then(|it| self.account.license(it));
            license.is_none_or(|it| it.parent.is_none())
        };
        let of_holder = self.account.waits_of(holder.key());
        let over = |it: &&&Wait| match it.ground {
            Ground::Direct => whole(it),
            Ground::Group(_) | Ground::Orphan(_) => instead,
        };
        let places: Vec<u64> = of_holder.iter().filter(over).map(|it| it.place).collect();
        places.into_iter().for_each(|it| self.end_wait(it, WaitEnd::Withdrawn));
        for product in products {
            // A seat that is there already only needs the ground.
            let held =
                self.assignment_of(Of::Product(product), holder, &Ground::Direct).map(|it| it.id);
            if let Some(assignment) = held {
                self.stand_in_set(assignment);
            }
        }
        for id in self.assignment_ids(holder) {
            let license = self.account.assignment(id).map(|it| self.account.license_of(it));
            let Some(license) = license else { continue };
            // What a container gives by name is not the account's to exchange.
            let in_set = license.parent.is_some() || products.contains(&license.product);
            self.remove_grounds(id, |ground| match ground {
                Ground::Direct => !in_set,
                Ground::Group(_) | Ground::Orphan(_) => instead,
            });
        }
    }

    /// An assignment is in a direct set from now on; one that stands by name already stays as it is.
    fn stand_in_set(&mut self, id: AssignmentId) {
        if self.account.assignment(id).is_some_and(|it| !it.direct) {
            self.stand_on(id, Ground::Direct, None);
        }
    }

    /// Gives each holder a seat of a product, or, where it holds none, the one they have back.
    fn fill(&mut self, holders: &[Holder], product: &ProductId) -> Result<(), Refusal> {
        let of = Of::Product(product);
        let (mut given, mut short) = (0, 0);
        for holder in holders {
            let all = self.account.assignments_of(holder.key());
            let has = |it: &&&Assignment| of.covers(self.account.license_of(it));
            let in_force = |it: &&&Assignment| self.is_in_force(self.account.license_of(it));
            let found: Vec<&&Assignment> = all.iter().filter(has).filter(in_force).collect();
            if found.iter().any(|it| it.active) {
                continue;
            }
            let idle = found.iter().find(|it| self.account.free(self.account.license_of(it)) > 0);
            if let Some(about) = idle.map(|it| self.about(it)) {
                given += 1;
                self.stand_in_set(about.assignment);
                self.reactivate(about);
                continue;
            }
            match self.room(of)? {
                Some(license) => {
                    if let Some(license) = self.account.license(&license) {
                        self.may_hold(license, holder)?;
                    }
                    given += 1;
                    self.seat(&license, holder, Ground::Direct, &Terms::default());
                }
                None => short += 1,
            }
        }
        match short {
            0 => Ok(()),
            short => Err(self.no_free_seat(of, given, given + short)),
        }
    }

    pub(super) fn clear_direct_set(&mut self, it: &ClearDirectSet) -> Result<(), Refusal> {
        for holder in &it.holders {
            if self.account.holder(holder.key()).is_none() {
                return Err(Refusal::HolderNotFound(holder.clone()));
            }
        }
        let holders: Vec<Holder> =
            self.distinct(&it.holders).into_iter().map(|it| self.in_full(it)).collect();
        let has_set =
            |it: &&Holder| self.account.known(it.key()).is_some_and(|it| it.direct_set().is_some());
        let cleared: Vec<Holder> = holders.iter().filter(has_set).cloned().collect();
        for holder in &cleared {
            let event = DirectSetCleared { holder: holder.clone() };
            self.cause(Event::DirectSetCleared(event));
            self.regain(holder)?;
            for id in self.assignment_ids(holder) {
                let license = self.account.assignment(id).map(|it| self.account.license_of(it));
                if license.is_some_and(|it| it.parent.is_none()) {
                    self.remove_grounds(id, |it| *it == Ground::Direct);
                }
            }
        }
        Ok(())
    }

    /// Gives a holder what their groups give again. Nobody is refused over it: where there is no
    /// room they wait, whatever the mode.
    fn regain(&mut self, holder: &Holder) -> Result<(), Refusal> {
        let groups: Vec<_> = self
            .account
            .groups_of(holder.key())
            .map(|it| (it.id.clone(), it.grants.clone()))
            .collect();
        for (group, grants) in groups {
            for grant in grants {
                let grant = crate::rule::Grant { mode: crate::rule::Mode::FirstCome, ..grant };
                self.apply(&group, &grant, std::slice::from_ref(holder))?;
            }
        }
        Ok(())
    }
}
