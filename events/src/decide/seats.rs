//! Giving a seat to a holder, whatever the reason.

use std::collections::HashSet;

use super::{Case, assignable, find};
use crate::account::{Assignment, License, LicenseState, Terms, Wait};
use crate::event::{
    Assigned, AssignmentEndSet, Event, Ground, GroundChanged, HolderRegistered, SeatAssigned,
    WaitEnd,
};
use crate::holder::Holder;
use crate::moment::Moment;
use crate::policy::MayHold;
use crate::refusal::Refusal;
use crate::text::{AssignmentId, ContainerId, LicenseId, ProductId};

/// What somebody is to have a seat of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Of<'a> {
    License(&'a LicenseId),
    Product(&'a ProductId),
}

impl<'a> Of<'a> {
    /// The one that is given; `None` where neither is.
    pub(super) fn given(
        license: &'a Option<LicenseId>,
        product: &'a Option<ProductId>,
    ) -> Option<Of<'a>> {
        match (license, product) {
            (Some(license), _) => Some(Of::License(license)),
            (None, Some(product)) => Some(Of::Product(product)),
            (None, None) => None,
        }
    }

    pub(super) fn named(self) -> &'a str {
        match self {
            Of::License(license) => license.as_str(),
            Of::Product(product) => product.as_str(),
        }
    }

    /// Whether a seat of this license is one of it. One of a part is its container's product alone.
    pub(super) fn covers(self, license: &License) -> bool {
        match self {
            Of::License(id) => license.id == *id,
            Of::Product(product) => license.product == *product && license.parent.is_none(),
        }
    }
}

impl Case<'_> {
    /// The holder with what the account knows and the command did not say. What the command says
    /// wins, except that an address that names a user is that user.
    pub(super) fn in_full(&self, holder: &Holder) -> Holder {
        let known = self.account.holder(holder.key());
        match known {
            Some(known) if known.key() != holder.key() => known.clone(),
            Some(known) => {
                let email = holder.email.as_ref().or(known.email.as_ref());
                Holder { user: holder.user.clone(), email: email.cloned() }
            }
            None => holder.clone(),
        }
    }

    /// Refuses one who gets nothing any more.
    pub(super) fn not_retired(&self, holder: &Holder) -> Result<(), Refusal> {
        match self.account.known(holder.key()).is_some_and(|it| it.is_retired()) {
            true => Err(Refusal::HolderRetired(self.in_full(holder))),
            false => Ok(()),
        }
    }

    /// Refuses holders, as a command names them, to whom nothing can be given: the address is another
    /// user's, or they are retired.
    pub(super) fn can_be_given<'b>(
        &self,
        mut holders: impl Iterator<Item = &'b Holder> + Clone,
    ) -> Result<(), Refusal> {
        holders.clone().try_for_each(|it| self.address_is_free(it))?;
        holders.try_for_each(|it| self.not_retired(it))
    }

    /// Refuses one who may not hold a seat of a license.
    pub(super) fn may_hold(&self, license: &License, holder: &Holder) -> Result<(), Refusal> {
        self.not_retired(holder)?;
        match self.account.may_hold(license) {
            MayHold::Anyone => Ok(()),
            MayHold::Members => {
                let known = self.account.known(holder.key());
                let in_group = self.account.groups_of(holder.key()).next().is_some();
                match in_group || known.is_some_and(|it| it.is_registered()) {
                    true => Ok(()),
                    false => Err(Refusal::HolderNotMember {
                        holder: self.in_full(holder),
                        license: license.id.clone(),
                    }),
                }
            }
        }
    }

    /// Makes sure that somebody is known, and under which number; gives them back in full.
    pub(super) fn meet(&mut self, holder: &Holder) -> Holder {
        let holder = self.in_full(holder);
        if let Some(number) = self.new_number(&holder) {
            let (user_name, display_name) = (None, None);
            let holder = holder.clone();
            self.cause(Event::HolderRegistered(HolderRegistered {
                holder,
                number,
                user_name,
                display_name,
                registered: false,
            }));
        }
        holder
    }

    /// A number for a holder who has none.
    pub(super) fn new_number(&mut self, holder: &Holder) -> Option<u64> {
        let known = self.account.known(holder.key());
        known.is_none_or(|it| it.number == 0).then(|| self.mint.number())
    }

    /// The live assignment by which a holder has it already, on a ground: one that holds a seat, or
    /// one that a group has given, whoever took its seat.
    pub(super) fn seat_for(
        &self,
        of: Of<'_>,
        holder: &Holder,
        ground: &Ground,
    ) -> Option<&Assignment> {
        let found = self.assignment_of(of, holder, ground)?;
        (found.active || is_given(&self.account.grounds_of(found), ground)).then_some(found)
    }

    /// The live assignment that a holder has of it. Of several licenses of a product it is the one
    /// that a group has given, on its ground, or else one that holds a seat; of these one that
    /// stands on the ground, or stood on it as an orphan does, or else that of the license that was
    /// allocated first.
    pub(super) fn assignment_of(
        &self,
        of: Of<'_>,
        holder: &Holder,
        ground: &Ground,
    ) -> Option<&Assignment> {
        match of {
            Of::License(license) => self.account.seat_of(license, holder.key()),
            Of::Product(_) => {
                let mut all = self.account.assignments_of(holder.key());
                all.retain(|it| {
                    let license = self.account.license_of(it);
                    of.covers(license) && self.is_in_force(license)
                });
                let orphan = ground.group().map(|it| Ground::Orphan(it.clone()));
                all.into_iter().min_by_key(|it| {
                    let grounds = self.account.grounds_of(it);
                    let stands = grounds.contains(ground);
                    let stood = orphan.as_ref().is_some_and(|it| grounds.contains(it));
                    (!is_given(&grounds, ground), !it.active, !stands, !stood)
                })
            }
        }
    }

    pub(super) fn is_in_force(&self, license: &License) -> bool {
        license.state == LicenseState::Active && license.in_window(self.now)
    }

    /// The license of which a seat is free; `None` when none is. Refused where there is no such
    /// license, or none whose seats can be given out.
    pub(super) fn room(&self, of: Of<'_>) -> Result<Option<LicenseId>, Refusal> {
        let licenses = match of {
            Of::License(license) => {
                assignable(find(self.account, license)?, self.now)?;
                vec![license.clone()]
            }
            Of::Product(product) => self.in_force(product, None)?,
        };
        let free = |it: &LicenseId| self.account.license(it).map(|it| self.account.free(it));
        Ok(licenses.into_iter().find(|it| free(it) > Some(0)))
    }

    /// Refuses a license that there is none, and a product of which there is none.
    pub(super) fn is_there(&self, of: Of<'_>) -> Result<(), Refusal> {
        match of {
            Of::License(license) => find(self.account, license).map(drop),
            Of::Product(product) => self.has_product(product),
        }
    }

    /// Refuses a product of which there is no license.
    pub(super) fn has_product(&self, product: &ProductId) -> Result<(), Refusal> {
        match self.account.licenses_of_product(product).next() {
            Some(_) => Ok(()),
            None => Err(Refusal::ProductNotFound(product.clone())),
        }
    }

    /// The licenses of a product that are in force, the one that ends first before the others. With a
    /// container those that it holds; without one all but parts, which their containers give out.
    pub(super) fn in_force(
        &self,
        product: &ProductId,
        container: Option<&ContainerId>,
    ) -> Result<Vec<LicenseId>, Refusal> {
        self.has_product(product)?;
        container.map_or(Ok(()), |it| self.is_container(it))?;
        let licenses = self.of_product(product, container);
        match licenses.is_empty() {
            true => Err(Refusal::NoLicenseInForce {
                product: product.clone(),
                container: container.cloned(),
            }),
            false => Ok(licenses.into_iter().map(|it| it.id.clone()).collect()),
        }
    }

    /// The licenses of a product that are in force, the one that ends first before the others: with a
    /// container those that it has, without one all but parts.
    pub(super) fn of_product(
        &self,
        product: &ProductId,
        container: Option<&ContainerId>,
    ) -> Vec<&License> {
        let mut licenses: Vec<&License> = match container {
            Some(container) => {
                let all = self.account.licenses_of_container(container);
                all.filter(|it| it.product == *product).collect()
            }
            None => self.account.licenses_of_product(product).collect(),
        };
        licenses.retain(|it| self.is_in_force(it));
        licenses.sort_by_key(|it| (it.ends_at.is_none(), it.ends_at));
        licenses
    }

    /// Refuses for want of seats: `given` of those `wanted` were given out on the way.
    pub(super) fn no_free_seat(&self, of: Of<'_>, given: i64, wanted: i64) -> Refusal {
        let licenses: Vec<&License> = match of {
            Of::License(license) => self.account.license(license).into_iter().collect(),
            Of::Product(product) => {
                let all = self.account.licenses_of_product(product);
                all.filter(|it| self.is_in_force(it)).collect()
            }
        };
        self.none_free(of.named(), &licenses, given, wanted)
    }

    /// The same where it is known which licenses could have given them.
    pub(super) fn none_free(
        &self,
        named: &str,
        licenses: &[&License],
        given: i64,
        wanted: i64,
    ) -> Refusal {
        // A part may have seats while the license above it has none left.
        if let [license] = licenses {
            let above = self.account.scarce(license);
            if above.id != license.id {
                return Refusal::NoFreeSeat {
                    named: above.id.as_str().into(),
                    held: above.held,
                    shared: above.allocated,
                    quantity: above.quantity,
                    wanted,
                };
            }
        }
        let gives = |it: &&License| match self.account.excess(it) {
            Some(it) => it.limit,
            None => self.account.limit(it),
        };
        Refusal::NoFreeSeat {
            named: named.into(),
            held: licenses.iter().map(|it| it.held).sum::<i64>() - given,
            shared: licenses.iter().map(|it| it.allocated).sum(),
            quantity: licenses.iter().map(gives).fold(0, i64::saturating_add),
            wanted,
        }
    }

    /// Gives a holder a seat of a license: of the assignment that has none, or of a new one.
    pub(super) fn seat(
        &mut self,
        license: &LicenseId,
        holder: &Holder,
        ground: Ground,
        terms: &Terms,
    ) {
        let there = self.account.seat_of(license, holder.key()).filter(|it| !it.active);
        match there.map(|it| self.about(it)) {
            Some(about) => {
                self.stand_on(about.assignment, ground, terms.ends_at);
                self.reactivate(about);
            }
            None => self.make(license, holder, ground, terms),
        }
    }

    /// Gives an assignment its seat back. Whatever the holder has waited for by then is served.
    pub(super) fn reactivate(&mut self, about: Assigned) {
        self.cause(Event::AssignmentReactivated(about.clone()));
        self.serve_with(&about.license, &about.holder);
    }

    /// Makes an assignment. Whatever the holder has waited for by then is served with it.
    pub(super) fn make(
        &mut self,
        license: &LicenseId,
        holder: &Holder,
        ground: Ground,
        terms: &Terms,
    ) {
        let assignment = AssignmentId(self.mint.id());
        let number = self.mint.number();
        let holder = self.in_full(holder);
        let holder_number = self.new_number(&holder);
        self.cause(Event::SeatAssigned(SeatAssigned {
            assignment,
            number,
            license: license.clone(),
            holder: holder.clone(),
            holder_number,
            grounds: vec![ground],
            active: !terms.inactive,
            fulfilled: terms.fulfilled,
            redirect_to: terms.redirect_to.clone(),
            metadata: terms.metadata.clone(),
            ends_at: terms.ends_at,
        }));
        self.serve_with(license, &holder);
    }

    /// Ends the places of a holder for a seat that they have by now: each becomes a ground.
    pub(super) fn serve_with(&mut self, license: &LicenseId, holder: &Holder) {
        let Some(license) = self.account.license(license) else { return };
        let served: Vec<u64> = self
            .account
            .waits_of(holder.key())
            .iter()
            .filter(|it| self.is_due(it, license))
            .map(|it| it.place)
            .collect();
        let license = license.id.clone();
        for place in served {
            let asked = self.account.wait(place).map(|it| (it.ground.clone(), it.terms.ends_at));
            self.end_wait(place, WaitEnd::Served);
            let held = self.account.seat_of(&license, holder.key()).map(|it| it.id);
            if let (Some((ground, ends_at)), Some(assignment)) = (asked, held) {
                self.stand_on(assignment, ground, ends_at);
            }
        }
    }

    /// Whether a seat of this license is what somebody waits for. A group may have to wait for its
    /// quota all the same. They wait for a seat, and an inactive assignment holds none.
    fn is_due(&self, wait: &Wait, license: &License) -> bool {
        let Some(of) = Of::given(&wait.license, &wait.product) else { return false };
        let seat = self.account.seat_of(&license.id, self.account.waiting(wait).key());
        let active = seat.is_some_and(|it| it.active);
        let allowed = match &wait.ground {
            Ground::Group(group) => {
                seat.is_some_and(|it| self.account.is_leased(it, group))
                    || active && self.may_give(group, of, self.account.waiting(wait))
            }
            Ground::Direct | Ground::Orphan(_) => active,
        };
        // Any license in force will do for a product, and none that cannot be used.
        let usable = matches!(of, Of::License(_)) || self.is_in_force(license);
        allowed && usable && of.covers(license)
    }

    /// Gives an assignment one ground more, or, of one that it has by name, the later end.
    pub(super) fn stand_on(
        &mut self,
        assignment: AssignmentId,
        ground: Ground,
        ends_at: Option<Moment>,
    ) {
        let Some(it) = self.account.assignment(assignment) else { return };
        if ground == Ground::Direct {
            let ends_at = if it.direct { later(it.ends_at(), ends_at) } else { ends_at };
            self.add_ground(assignment, ground);
            self.set_end(assignment, ends_at);
        } else {
            self.add_ground(assignment, ground);
        }
    }

    /// Says when what an assignment is by name ends, unless that is when it does.
    pub(super) fn set_end(&mut self, assignment: AssignmentId, ends_at: Option<Moment>) {
        let Some(it) = self.account.assignment(assignment) else { return };
        if it.ends_at() != ends_at {
            let Assigned { assignment, license, holder } = self.about(it);
            let event = AssignmentEndSet { assignment, license, holder, ends_at };
            self.cause(Event::AssignmentEndSet(event));
        }
    }

    /// Gives an assignment one ground more, unless it has it.
    pub(super) fn add_ground(&mut self, assignment: AssignmentId, ground: Ground) {
        let Some(it) = self.account.assignment(assignment) else { return };
        if self.account.grounds_of(it).contains(&ground) {
            return;
        }
        let Assigned { assignment, license, holder } = self.about(it);
        let event = GroundChanged { assignment, license, holder, ground };
        self.cause(Event::GroundAdded(event));
        self.forget_end(assignment);
    }

    /// What groups give goes on without an end once nothing of it is held by name.
    pub(super) fn forget_end(&mut self, assignment: AssignmentId) {
        let Some(it) = self.account.assignment(assignment) else { return };
        if self.account.grounds_of(it).iter().all(|it| matches!(it, Ground::Group(_))) {
            self.set_end(assignment, None);
        }
    }

    /// An assignment, said in full.
    pub(super) fn about(&self, it: &Assignment) -> Assigned {
        Assigned {
            assignment: it.id,
            license: self.account.license_of(it).id.clone(),
            holder: self.account.holder_of(it).clone(),
        }
    }

    /// The holders, each once, in the order given.
    pub(super) fn distinct<'b>(&self, holders: &'b [Holder]) -> Vec<&'b Holder> {
        if let [one] = holders {
            return vec![one];
        }
        let full: Vec<Holder> = holders.iter().map(|it| self.in_full(it)).collect();
        let mut seen = HashSet::with_capacity(full.len());
        let first = full.iter().map(|it| seen.insert(it.key()));
        holders.iter().zip(first).filter(|(_, first)| *first).map(|(it, _)| it).collect()
    }
}

/// Whether an assignment on these grounds stands on this one of a group. By name somebody asks for
/// a seat, and a group gives what it has given.
fn is_given(grounds: &[Ground], ground: &Ground) -> bool {
    matches!(ground, Ground::Group(_)) && grounds.contains(ground)
}

/// The later of two ends. Never is later than any.
pub(super) fn later(one: Option<Moment>, other: Option<Moment>) -> Option<Moment> {
    one.zip(other).map(|(one, other)| one.max(other))
}
