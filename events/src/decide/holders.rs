//! Rules about who holders are.

use super::Case;
use super::seats::later;
use crate::command::{LinkHolder, RegisterHolder, RetireHolder};
use crate::event::{
    Assigned, AssignmentTransferred, DirectSetCleared, DirectSetDeclared, Event, Ground,
    HolderLinked, HolderRegistered, HolderRetired, MemberAdded, MemberRemoved, WaitEnd,
    WaitlistJoined, WaitlistLeft,
};
use crate::holder::Holder;
use crate::moment::Moment;
use crate::refusal::Refusal;
use crate::text::AssignmentId;

impl Case<'_> {
    pub(super) fn register(&mut self, it: &RegisterHolder) -> Result<(), Refusal> {
        let holder = self.in_full(&it.holder);
        self.address_is_free(&holder)?;
        let known = self.account.known(holder.key());
        let user_name = it.user_name.over(&known.and_then(|it| it.user_name()).cloned());
        let display_name = it.display_name.over(&known.and_then(|it| it.display_name()).cloned());
        let as_asked = known.is_some_and(|it| {
            it.holder == holder
                && it.number != 0
                && it.is_registered()
                && !it.is_retired()
                && (it.user_name(), it.display_name())
                    == (user_name.as_ref(), display_name.as_ref())
        });
        if as_asked {
            return Ok(());
        }
        let number = match known.map(|it| it.number) {
            Some(number) if number != 0 => number,
            Some(_) | None => self.mint.number(),
        };
        self.cause(Event::HolderRegistered(HolderRegistered {
            holder,
            number,
            user_name,
            display_name,
            registered: true,
        }));
        Ok(())
    }

    /// Refuses an address that names another user.
    pub(super) fn address_is_free(&self, holder: &Holder) -> Result<(), Refusal> {
        let (Some(_), Some(email)) = (&holder.user, &holder.email) else { return Ok(()) };
        let named = self.account.holder(Holder::email(email.clone()).key());
        match named.and_then(|it| it.user.as_ref()) {
            Some(user) if holder.user.as_ref() != Some(user) => {
                let (email, user) = (email.clone(), user.clone());
                Err(Refusal::AlreadyLinked { email, user })
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Everything that stands for the address is moved to the user, one fact each; then the address
    /// is the user's.
    pub(super) fn link(&mut self, it: &LinkHolder) -> Result<(), Refusal> {
        let address = Holder::email(it.email.clone());
        let user = Holder::user(it.user.clone());
        if let Some(named) = self.account.holder(address.key()).and_then(|it| it.user.as_ref()) {
            return match *named == it.user {
                true => Ok(()),
                false => {
                    let (email, user) = (it.email.clone(), named.clone());
                    Err(Refusal::AlreadyLinked { email, user })
                }
            };
        }
        self.not_retired(&address)?;
        self.not_retired(&user)?;
        let from = self.meet(&address);
        // What was said of the user last wins; without an address, this one is theirs.
        let to = self.meet(&user);
        self.transfer_assignments(&from, &to);
        self.transfer_waits(&from, &to);
        self.transfer_groups(&from, &to);
        // What the two have together may be what one of them waits for.
        let held: Vec<_> = self.account.assignments_of(to.key());
        let held: Vec<_> =
            held.into_iter().map(|it| self.account.license_of(it).id.clone()).collect();
        held.iter().for_each(|it| self.serve_with(it, &to));
        self.transfer_direct_set(&from, &to);
        let set = self.account.known(to.key()).and_then(|it| it.direct_set()).cloned();
        if let Some(set) = set {
            // What has come from the address and is not in the set ends, as it would have.
            self.declare(&to, &set.products, set.external);
        }
        self.cause(Event::HolderLinked(HolderLinked { from, holder: to.clone() }));
        if to.email.is_none() {
            self.give_address(it, to);
        }
        Ok(())
    }

    fn give_address(&mut self, it: &LinkHolder, user: Holder) {
        let Some(known) = self.account.known(user.key()) else { return };
        let event = HolderRegistered {
            holder: Holder { email: Some(it.email.clone()), ..user },
            number: known.number,
            user_name: known.user_name().cloned(),
            display_name: known.display_name().cloned(),
            registered: known.is_registered(),
        };
        self.cause(Event::HolderRegistered(event));
    }

    fn transfer_assignments(&mut self, from: &Holder, to: &Holder) {
        for id in self.assignment_ids(from) {
            let Some(it) = self.account.assignment(id) else { continue };
            let theirs = self.account.seat_of(&self.account.license_of(it).id, to.key());
            match theirs.map(|theirs| (theirs.id, it.active && !theirs.active)) {
                None => self.transfer_assignment(id, from, to),
                // The one that is used stays, with everything that is kept with it.
                Some((theirs, true)) => {
                    let (grounds, ends_at) = self.merged(id, theirs);
                    self.remove_grounds(theirs, |_| true);
                    self.transfer_assignment(id, from, to);
                    self.merge(id, grounds, ends_at);
                }
                Some((theirs, false)) => {
                    let (grounds, ends_at) = self.merged(theirs, id);
                    self.remove_grounds(id, |_| true);
                    self.merge(theirs, grounds, ends_at);
                }
            }
        }
    }

    fn transfer_assignment(&mut self, id: AssignmentId, from: &Holder, to: &Holder) {
        let Some(it) = self.account.assignment(id) else { return };
        let Assigned { assignment, license, .. } = self.about(it);
        let (from, holder) = (from.clone(), to.clone());
        let event = AssignmentTransferred { assignment, license, from, holder };
        self.cause(Event::AssignmentTransferred(event));
    }

    /// What the one of two seats of a license that stays has from the one that goes: its grounds, and
    /// when what either is by name ends: the later of both.
    fn merged(&self, stays: AssignmentId, goes: AssignmentId) -> (Vec<Ground>, Option<Moment>) {
        let grounds = |id| self.account.assignment(id).map(|it| self.account.grounds_of(it));
        let end = |id| self.account.assignment(id).and_then(|it| it.ends_at());
        let (has, more) = (grounds(stays).unwrap_or_default(), grounds(goes).unwrap_or_default());
        let by_name = |all: &[Ground]| all.iter().any(|it| !matches!(it, Ground::Group(_)));
        let ends_at = match (by_name(&has), by_name(&more)) {
            (true, true) => later(end(stays), end(goes)),
            (true, false) | (false, false) => end(stays),
            (false, true) => end(goes),
        };
        (more, ends_at)
    }

    fn merge(&mut self, stays: AssignmentId, more: Vec<Ground>, ends_at: Option<Moment>) {
        for ground in more {
            // What a group gives is no orphan, whatever it was for the other one.
            let given = ground.group().is_some_and(|group| {
                let stays = self.account.assignment(stays);
                stays.is_some_and(|it| self.account.is_leased(it, group))
            });
            if !given {
                self.add_ground(stays, ground);
            }
        }
        self.set_end(stays, ends_at);
    }

    /// A place passes to the user as it is.
    fn transfer_waits(&mut self, from: &Holder, to: &Holder) {
        let waits: Vec<_> = self.account.waits_of(from.key()).into_iter().cloned().collect();
        for wait in waits {
            let (place, license, product) = (wait.place, wait.license, wait.product);
            self.cause(Event::WaitlistLeft(WaitlistLeft {
                place,
                license: license.clone(),
                product: product.clone(),
                holder: from.clone(),
                ground: wait.ground.clone(),
                end: WaitEnd::Withdrawn,
            }));
            let same = |it: &&crate::account::Wait| {
                it.ground == wait.ground && (&it.license, &it.product) == (&license, &product)
            };
            if !self.account.waits_of(to.key()).iter().any(same) {
                let (holder, ground) = (to.clone(), wait.ground.clone());
                let terms = wait.terms.clone();
                self.cause(Event::WaitlistJoined(WaitlistJoined {
                    place,
                    license,
                    product,
                    holder,
                    ground,
                    fulfilled: terms.fulfilled,
                    redirect_to: terms.redirect_to,
                    metadata: terms.metadata,
                    ends_at: terms.ends_at,
                }));
            }
        }
    }

    fn transfer_groups(&mut self, from: &Holder, to: &Holder) {
        let groups: Vec<_> = self.account.groups_of(from.key()).map(|it| it.id.clone()).collect();
        for group in groups {
            let Some(place) = self.account.place_of(&group, from.key()) else { continue };
            let holder = from.clone();
            self.cause(Event::MemberRemoved(MemberRemoved { group: group.clone(), holder }));
            if !self.account.is_member(&group, to.key()) {
                let holder = to.clone();
                self.cause(Event::MemberAdded(MemberAdded {
                    group,
                    holder,
                    place,
                    holder_number: None,
                }));
            }
        }
    }

    fn transfer_direct_set(&mut self, from: &Holder, to: &Holder) {
        let set_of = |it: &Holder| self.account.known(it.key()).and_then(|it| it.direct_set());
        let (Some(set), theirs) = (set_of(from).cloned(), set_of(to).is_some()) else { return };
        self.cause(Event::DirectSetCleared(DirectSetCleared { holder: from.clone() }));
        if !theirs {
            self.cause(Event::DirectSetDeclared(DirectSetDeclared {
                holder: to.clone(),
                products: set.products.to_vec(),
                external: set.external,
            }));
        }
    }

    pub(super) fn retire_holder(&mut self, it: &RetireHolder) -> Result<(), Refusal> {
        let Some(known) = self.account.known(it.holder.key()) else {
            return Err(Refusal::HolderNotFound(it.holder.clone()));
        };
        if known.is_retired() {
            return Ok(());
        }
        let (holder, has_set) = (known.holder.clone(), known.direct_set().is_some());
        self.end_waits(&holder, WaitEnd::Withdrawn, |_| true);
        let groups: Vec<_> = self.account.groups_of(holder.key()).map(|it| it.id.clone()).collect();
        for group in groups {
            let holder = holder.clone();
            self.cause(Event::MemberRemoved(MemberRemoved { group, holder }));
        }
        for id in self.assignment_ids(&holder) {
            self.remove_grounds(id, |_| true);
        }
        if has_set {
            self.cause(Event::DirectSetCleared(DirectSetCleared { holder: holder.clone() }));
        }
        self.cause(Event::HolderRetired(HolderRetired { holder }));
        Ok(())
    }

    pub(super) fn assignment_ids(&self, holder: &Holder) -> Vec<AssignmentId> {
        self.account.assignments_of(holder.key()).into_iter().map(|it| it.id).collect()
    }
}
