//! Who waits for a seat, in which order.

use super::{Account, Inconsistent};
use crate::event::{Ground, WaitlistJoined, WaitlistLeft};
use crate::holder::{Holder, HolderKey};
use crate::metadata::Metadata;
use crate::moment::Moment;
use crate::text::{Label, LicenseId, ProductId};

/// A place in a waitlist. Exactly one of `license` and `product`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wait {
    /// A lower one is served first.
    pub place: u64,
    /// A seat of this license.
    pub license: Option<LicenseId>,
    /// A seat of this product.
    pub product: Option<ProductId>,
    /// On which ground the assignment will stand.
    pub ground: Ground,
    /// What the assignment will have besides.
    pub(crate) terms: Terms,
    pub(super) holder: u32,
}

impl Wait {
    /// Whether what it waits for would be over already: such a place is as good as left.
    pub(crate) fn is_over(&self, now: Moment) -> bool {
        self.terms.ends_at.is_some_and(|it| it <= now)
    }
}

/// What a new assignment has besides license, holder and ground.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Terms {
    pub(crate) inactive: bool,
    pub(crate) fulfilled: bool,
    pub(crate) redirect_to: Option<Label>,
    pub(crate) metadata: Option<Metadata>,
    pub(crate) ends_at: Option<Moment>,
}

impl Account {
    /// All places, the one that is served first before the others.
    pub fn waits(&self) -> impl Iterator<Item = &Wait> {
        self.waits.values()
    }

    /// The place of that number.
    pub fn wait(&self, place: u64) -> Option<&Wait> {
        self.waits.get(&place)
    }

    /// Places of a product and of its licenses, the one that is served first before the others.
    pub(crate) fn queue(&self, product: &ProductId) -> impl Iterator<Item = &Wait> {
        let places = self.queues.get(product).into_iter().flatten();
        places.filter_map(|it| self.waits.get(it))
    }

    /// The products that somebody waits for, in order.
    pub(crate) fn queued(&self) -> Vec<ProductId> {
        let mut products: Vec<ProductId> = self.queues.keys().cloned().collect();
        products.sort_unstable();
        products
    }

    /// Places of a holder, in order.
    pub(crate) fn waits_of(&self, key: HolderKey<'_>) -> Vec<&Wait> {
        let places = self.holder_row(key).and_then(|row| self.waits_of.get(&row));
        places.into_iter().flatten().filter_map(|it| self.waits.get(it)).collect()
    }

    /// Who waits at a place.
    pub fn waiting(&self, wait: &Wait) -> &Holder {
        &self.holders[wait.holder as usize].holder
    }

    /// The product of which a place is: of its license, for a place of one.
    pub(crate) fn product_of<'a>(&'a self, wait: &'a Wait) -> Option<&'a ProductId> {
        match &wait.license {
            Some(license) => self.license(license).map(|it| &it.product),
            None => wait.product.as_ref(),
        }
    }

    pub(super) fn waitlist_joined(&mut self, it: &WaitlistJoined) -> Result<(), Inconsistent> {
        let holder = self.known_row(&it.holder)?;
        let wait = Wait {
            place: it.place,
            license: it.license.clone(),
            product: it.product.clone(),
            ground: it.ground.clone(),
            terms: Terms {
                inactive: false,
                fulfilled: it.fulfilled,
                redirect_to: it.redirect_to.clone(),
                metadata: it.metadata.clone(),
                ends_at: it.ends_at,
            },
            holder,
        };
        if self.waits.contains_key(&it.place) || self.product_of(&wait).is_none() {
            return Err(Inconsistent::Place(it.place));
        }
        self.put_wait(it.place, Some(wait));
        Ok(())
    }

    pub(super) fn waitlist_left(&mut self, it: &WaitlistLeft) -> Result<(), Inconsistent> {
        let who = self.waits.get(&it.place).map(|wait| self.waiting(wait).key());
        if who != Some(it.holder.key()) {
            return Err(Inconsistent::Place(it.place));
        }
        self.put_wait(it.place, None);
        Ok(())
    }

    /// Writes a place, in step with both indexes: `None` for one where nobody waits.
    pub(super) fn put_wait(&mut self, place: u64, after: Option<Wait>) {
        self.begin_change();
        let before = self.waits.remove(&place);
        if let Some(it) = &before {
            if let Some(product) = self.product_of(it).cloned() {
                take_out(&mut self.queues, product, place);
            }
            take_out(&mut self.waits_of, it.holder, place);
        }
        let ends_at = |it: &Option<Wait>| it.as_ref().and_then(|it| it.terms.ends_at);
        self.retime(super::timers::Timer::Place(place), ends_at(&before), ends_at(&after));
        if let Some(it) = after {
            if let Some(product) = self.product_of(&it).cloned() {
                self.queues.entry(product).or_default().insert(place);
            }
            self.waits_of.entry(it.holder).or_default().insert(place);
            self.waits.insert(place, it);
        }
        self.keep(super::Before::Wait(place, before.map(Box::new)));
    }
}

fn take_out<K: std::hash::Hash + Eq>(
    queues: &mut hashbrown::HashMap<K, std::collections::BTreeSet<u64>>,
    key: K,
    place: u64,
) {
    if let hashbrown::hash_map::Entry::Occupied(mut queue) = queues.entry(key) {
        queue.get_mut().remove(&place);
        if queue.get().is_empty() {
            queue.remove();
        }
    }
}
