//! An address that turns out to be a user's: the two become one holder.

use std::collections::BTreeSet;

use super::Case;
use super::seats::{Of, later};
use crate::account::Known;
use crate::command::LinkHolder;
use crate::event::{
    Assigned, AssignmentTransferred, DirectSetCleared, DirectSetDeclared, Event, Ground,
    HolderLinked, HolderRegistered, MemberAdded, MemberRemoved, WaitEnd,
};
use crate::holder::{Email, Holder};
use crate::moment::Moment;
use crate::refusal::Refusal;
use crate::text::{AssignmentId, ProductId};

impl Case<'_> {
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
        let said = self.account.known(address.key()).cloned();
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
        self.share_seats(&to);
        self.cause(Event::HolderLinked(HolderLinked { from, holder: to.clone() }));
        self.introduce(said, to, &it.email);
        Ok(())
    }

    /// What was said of the address is said of the user, as far as the user's own was not.
    fn introduce(&mut self, said: Option<Known>, user: Holder, email: &Email) {
        let Some(known) = self.account.known(user.key()) else { return };
        let said = said.as_ref();
        let now = HolderRegistered {
            holder: Holder { email: user.email.clone().or(Some(email.clone())), ..user },
            number: known.number,
            user_name: known.user_name().or(said.and_then(Known::user_name)).cloned(),
            display_name: known.display_name().or(said.and_then(Known::display_name)).cloned(),
            registered: known.is_registered() || said.is_some_and(Known::is_registered),
        };
        let same = (&now.holder, now.registered) == (&known.holder, known.is_registered())
            && (now.user_name.as_ref(), now.display_name.as_ref())
                == (known.user_name(), known.display_name());
        if !same {
            self.cause(Event::HolderRegistered(now));
        }
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
                    self.merge(id, grounds);
                    self.set_end(id, ends_at);
                }
                Some((theirs, false)) => {
                    let (grounds, ends_at) = self.merged(theirs, id);
                    self.remove_grounds(id, |_| true);
                    self.merge(theirs, grounds);
                    self.set_end(theirs, ends_at);
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

    fn merge(&mut self, stays: AssignmentId, more: Vec<Ground>) {
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
    }

    /// What groups give of a product is one seat, also where the address had it of one license and
    /// the user of another: what is given by name, or of a license as such, stays where it is.
    fn share_seats(&mut self, holder: &Holder) {
        let all = self.account.assignments_of(holder.key()).into_iter();
        let of: BTreeSet<_> = all.map(|it| self.account.license_of(it).product.clone()).collect();
        for product in of {
            let held = self.held_of(&product, holder);
            let moves: Vec<_> =
                held.iter().copied().filter(|it| self.is_by_product(*it, &product)).collect();
            let stays = held.iter().find(|it| !moves.contains(it)).or(held.first()).copied();
            for id in moves {
                if let Some(stays) = stays.filter(|stays| *stays != id) {
                    let grounds = self.account.assignment(id).map(|it| self.account.grounds_of(it));
                    self.remove_grounds(id, |_| true);
                    self.merge(stays, grounds.unwrap_or_default());
                }
            }
        }
    }

    /// The seats that somebody holds of a product's licenses in force, in the order in which these
    /// were allocated.
    fn held_of(&self, product: &ProductId, holder: &Holder) -> Vec<AssignmentId> {
        let all = self.account.assignments_of(holder.key()).into_iter().filter(|it| {
            let license = self.account.license_of(it);
            it.active && Of::Product(product).covers(license) && self.is_in_force(license)
        });
        all.map(|it| it.id).collect()
    }

    /// Whether an assignment stands on nothing but what groups give of a product, of whichever of
    /// its licenses.
    fn is_by_product(&self, id: AssignmentId, product: &ProductId) -> bool {
        let Some(it) = self.account.assignment(id) else { return false };
        self.account.grounds_of(it).iter().all(|it| match it {
            Ground::Group(group) => self
                .account
                .group(group)
                .is_some_and(|it| it.grants.iter().any(|it| it.product.as_ref() == Some(product))),
            Ground::Direct | Ground::Orphan(_) => false,
        })
    }

    /// A place passes to the user as it is.
    fn transfer_waits(&mut self, from: &Holder, to: &Holder) {
        let waits: Vec<_> = self.account.waits_of(from.key()).into_iter().cloned().collect();
        for wait in waits {
            let (place, license, product) = (wait.place, wait.license, wait.product);
            self.end_wait(place, WaitEnd::Withdrawn);
            let same = |it: &&crate::account::Wait| {
                it.ground == wait.ground && (&it.license, &it.product) == (&license, &product)
            };
            if !self.account.waits_of(to.key()).iter().any(same) {
                self.join((place, license, product), to.clone(), wait.ground, wait.terms);
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
}
