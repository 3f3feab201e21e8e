//! Rules about waiting for a seat.

use super::seats::Of;
use super::{Case, assignable};
use crate::account::{License, Terms, Wait};
use crate::command::LeaveWaitlist;
use crate::event::{Event, Ground, WaitEnd, WaitlistJoined, WaitlistLeft};
use crate::holder::Holder;
use crate::limits::{SERVED_BYTES_MAX, SERVED_MAX};
use crate::refusal::Refusal;
use crate::text::{LicenseId, ProductId};

impl Case<'_> {
    /// Puts a holder at the end of a waitlist, unless they wait there on that ground.
    pub(super) fn wait(&mut self, of: Of<'_>, holder: &Holder, ground: Ground, terms: &Terms) {
        let holder = self.meet(holder);
        let (license, product) = match of {
            Of::License(license) => (Some(license.clone()), None),
            Of::Product(product) => (None, Some(product.clone())),
        };
        let same =
            |it: &&Wait| it.ground == ground && (&it.license, &it.product) == (&license, &product);
        let place = self.account.waits_of(holder.key()).into_iter().find(same);
        match place.map(|it| (it.place, it.is_over(self.now))) {
            Some((_, false)) => return,
            Some((place, true)) => self.end_wait(place, WaitEnd::Withdrawn),
            None => {}
        }
        let place = self.mint.number();
        self.join((place, license, product), holder, ground, terms.clone());
    }

    /// Gives a holder a place for a license or a product.
    pub(super) fn join(
        &mut self,
        (place, license, product): (u64, Option<LicenseId>, Option<ProductId>),
        holder: Holder,
        ground: Ground,
        Terms { fulfilled, redirect_to, metadata, ends_at, .. }: Terms,
    ) {
        let joined = WaitlistJoined {
            place,
            license,
            product,
            holder,
            ground,
            fulfilled,
            redirect_to,
            metadata,
            ends_at,
        };
        self.cause(Event::WaitlistJoined(joined));
    }

    /// Ends a place.
    pub(super) fn end_wait(&mut self, place: u64, end: WaitEnd) {
        let Some(wait) = self.account.wait(place) else { return };
        let left = WaitlistLeft {
            place,
            license: wait.license.clone(),
            product: wait.product.clone(),
            holder: self.account.waiting(wait).clone(),
            ground: wait.ground.clone(),
            end,
        };
        self.cause(Event::WaitlistLeft(left));
    }

    /// Ends the places of a holder that are like this.
    pub(super) fn end_waits(
        &mut self,
        holder: &Holder,
        end: WaitEnd,
        which: impl Fn(&Wait) -> bool,
    ) {
        let of_holder = self.account.waits_of(holder.key());
        let places: Vec<u64> = of_holder.iter().filter(|it| which(it)).map(|it| it.place).collect();
        places.into_iter().for_each(|it| self.end_wait(it, end));
    }

    pub(super) fn leave_waitlist(&mut self, it: &LeaveWaitlist) -> Result<(), Refusal> {
        let of = Of::given(&it.license, &it.product);
        of.map_or(Ok(()), |it| self.is_there(it))?;
        for holder in &it.holders {
            if self.account.holder(holder.key()).is_none() {
                return Err(Refusal::HolderNotFound(holder.clone()));
            }
        }
        for holder in self.distinct(&it.holders) {
            self.end_waits(holder, WaitEnd::GivenUp, |wait| {
                let same = (&wait.license, &wait.product) == (&it.license, &it.product);
                same && wait.ground == Ground::Direct
            });
        }
        Ok(())
    }

    /// Gives the free seats of products to those who wait for them, in the order of their places, as
    /// far as one commit has room for it; says whether that was all. One who cannot have one now,
    /// because their license or their group's quota does not let them, keeps the place. Where no
    /// seat is free it looks for those who need none only when it is told to.
    pub(super) fn drain(&mut self, products: &[ProductId], without_seats: bool) -> bool {
        let before = self.events.len();
        let mut bytes = 0;
        for product in products {
            let places: Vec<u64> = self.account.queue(product).map(|it| it.place).collect();
            let without_seats = without_seats || self.waits_for_quota(product);
            for place in places {
                if !without_seats && !self.has_free_seat(product) {
                    break;
                }
                let served = self.events.len();
                if served - before >= SERVED_MAX || bytes >= SERVED_BYTES_MAX {
                    return false;
                }
                self.serve(place);
                bytes += self.bytes_since(served);
            }
        }
        true
    }

    /// Whether a license of a product, or a part of one, has a seat that can be given now.
    fn has_free_seat(&self, product: &ProductId) -> bool {
        let free = |it: &License| assignable(it, self.now).is_ok() && self.account.free(it) > 0;
        let mut licenses = self.account.licenses_of_product(product);
        licenses.any(|it| free(it) || self.account.parts_below(&it.id).any(free))
    }

    /// Whether a quota keeps somebody waiting for a product who may need no seat.
    fn waits_for_quota(&self, product: &ProductId) -> bool {
        self.account.queue(product).any(|wait| {
            let group = wait.ground.group().and_then(|it| self.account.group(it));
            let of = (&wait.license, &wait.product);
            let grants = group.into_iter().flat_map(|it| &it.grants);
            grants.filter(|it| (&it.license, &it.product) == of).any(|it| it.quota.is_some())
        })
    }

    /// Serves one place, if there is room.
    fn serve(&mut self, place: u64) {
        let Some(wait) = self.account.wait(place).cloned() else { return };
        let Some(of) = Of::given(&wait.license, &wait.product) else { return };
        if wait.is_over(self.now) {
            return self.end_wait(place, WaitEnd::Withdrawn);
        }
        let holder = self.account.waiting(&wait).clone();
        if let Ground::Group(group) = &wait.ground
            && !self.may_give(group, of, &holder)
        {
            return;
        }
        if let Some(held) = self.seat_for(of, &holder, &wait.ground).map(|it| it.id) {
            self.end_wait(place, WaitEnd::Served);
            self.stand_on(held, wait.ground, wait.terms.ends_at);
            return;
        }
        let Ok(Some(license)) = self.room(of) else { return };
        let license = self.account.license(&license);
        if let Some(it) = license.filter(|it| self.may_hold(it, &holder).is_ok()) {
            let license = it.id.clone();
            self.end_wait(place, WaitEnd::Served);
            self.seat(&license, &holder, wait.ground, &wait.terms);
        }
    }
}
