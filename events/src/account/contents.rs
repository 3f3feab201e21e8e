//! What an account holds, in one order, whatever its rows are; the same by the plainest road there
//! is; and whether every index agrees.

mod keys;

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Account, Assignment, DirectSet, Given, Hosted, Key, License, LicenseState, OpenTransfer,
    Passed, Schedule,
};
use crate::event::{
    Event, Ground, LicenseAllocated, ScheduleCancelled, ScheduleFired, SeatAssigned,
};
use crate::holder::Holder;
use crate::key::KeyId;
use crate::metadata::Metadata;
use crate::moment::Moment;
use crate::policy::{Leaving, Policy};
use crate::rule::Grant;
use crate::text::{AccountId, AssignmentId, ContainerId, GroupId, Label, LicenseId, ProductId};

/// Two accounts with the same contents answer every question alike.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Contents {
    policy: Policy,
    containers: BTreeMap<ContainerId, Option<ContainerId>>,
    licenses: Vec<License>,
    holders: BTreeMap<String, Who>,
    assignments: BTreeMap<AssignmentId, Live>,
    ended: BTreeSet<AssignmentId>,
    groups: BTreeMap<GroupId, Gives>,
    members: BTreeMap<(GroupId, u64), String>,
    waits: BTreeMap<u64, Waits>,
    schedules: BTreeMap<u64, Schedule>,
    ended_schedules: BTreeSet<u64>,
    given: BTreeMap<(LicenseId, AccountId), Given>,
    keys: BTreeMap<KeyId, Key>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Who {
    holder: Holder,
    number: u64,
    names: (Option<Label>, Option<Label>),
    registered: bool,
    retired: bool,
    direct_set: Option<DirectSet>,
    /// The user whom the address names.
    named: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Gives {
    number: u64,
    name: Option<Label>,
    grants: Vec<Grant>,
    unfinished: bool,
    withdrawing: Option<Leaving>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Waits {
    terms: super::Terms,
    of: (Option<LicenseId>, Option<ProductId>),
    ground: Ground,
    holder: String,
}

/// A holder as a key.
fn key(holder: &Holder) -> String {
    format!("{:?}", holder.key())
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Live {
    license: LicenseId,
    holder: String,
    grounds: BTreeSet<Ground>,
    active: bool,
    fulfilled: bool,
    kept: (Option<Label>, Option<Metadata>),
    ends_at: Option<Moment>,
}

impl Contents {
    /// The second road: what an event means, without rows, indexes or counts kept in step.
    pub(crate) fn evolve(&mut self, event: &Event) {
        match event {
            Event::LicenseAllocated(it) => self.licenses.push(license(it)),
            Event::LicenseDescribed(it) => {
                let row = self.license(&it.license);
                row.name = it.name.clone();
                row.external_id = it.external_id.clone();
                row.source = it.source.clone();
                row.metadata = it.metadata.clone();
            }
            Event::QuantityChanged(it) => self.license(&it.license).quantity = it.to.get(),
            Event::WindowChanged(it) => {
                self.license(&it.license).move_window(it);
            }
            Event::LicenseSuspended(_) | Event::LicenseReinstated(_) | Event::LicenseRetired(_) => {
                self.evolve_state(event)
            }
            Event::SeatAssigned(_)
            | Event::AssignmentDeactivated(_)
            | Event::AssignmentReactivated(_)
            | Event::AssignmentFulfilled(_)
            | Event::FulfilmentWithdrawn(_)
            | Event::AssignmentDescribed(_)
            | Event::AssignmentRevoked(_) => self.evolve_seats(event),
            Event::PolicySet(it) => match &it.license {
                Some(license) => self.license(license).policy = it.policy.clone(),
                None => self.policy = it.policy.clone(),
            },
            Event::OverallocationBegan(it) => self.license(&it.license).over_allocated = true,
            Event::OverallocationEnded(it) => self.license(&it.license).over_allocated = false,
            Event::LicenseStarted(_)
            | Event::LicenseEnded(_)
            | Event::GraceEnded(_)
            | Event::AssignmentEndSet(_)
            | Event::CommandScheduled(_)
            | Event::ScheduleCancelled(_)
            | Event::ScheduleFired(_) => self.evolve_time(event),
            Event::ContainerPlaced(it) => {
                self.containers.insert(it.container.clone(), it.within.clone());
            }
            Event::AccountAllocationSet(_)
            | Event::TransferBegan(_)
            | Event::TransferReceived(_)
            | Event::TransferEnded(_) => self.evolve_transfers(event),
            Event::KeyCreated(_) | Event::KeyRevoked(_) | Event::KeyUsed(_) => {
                self.evolve_keys(event)
            }
            Event::GroundAdded(_) | Event::GroundRemoved(_) | Event::AssignmentTransferred(_) => {
                self.evolve_grounds(event)
            }
            Event::HolderRegistered(_)
            | Event::HolderLinked(_)
            | Event::HolderRetired(_)
            | Event::DirectSetDeclared(_)
            | Event::DirectSetCleared(_) => self.evolve_holders(event),
            Event::GroupNamed(_)
            | Event::MemberAdded(_)
            | Event::MemberRemoved(_)
            | Event::GroupRuleSet(_)
            | Event::GroupRuleApplied(_)
            | Event::WaitlistJoined(_)
            | Event::WaitlistLeft(_) => self.evolve_groups(event),
        }
        self.count();
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "`evolve` sends each event here once")]
    fn evolve_seats(&mut self, event: &Event) {
        match event {
            Event::SeatAssigned(it) => {
                self.know(&it.holder, it.holder_number);
                self.assignments.insert(it.assignment, live(it));
            }
            Event::AssignmentDeactivated(it) => self.live(it.assignment).active = false,
            Event::AssignmentReactivated(it) => {
                self.know(&it.holder, None);
                self.live(it.assignment).active = true;
            }
            Event::AssignmentFulfilled(it) => self.live(it.assignment).fulfilled = true,
            Event::FulfilmentWithdrawn(it) => self.live(it.assignment).fulfilled = false,
            Event::AssignmentDescribed(it) => {
                self.live(it.assignment).kept = (it.redirect_to.clone(), it.metadata.clone());
            }
            Event::AssignmentRevoked(it) => {
                self.assignments.remove(&it.assignment).unwrap();
                self.ended.insert(it.assignment);
            }
            other => panic!("{other:?}"),
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "`evolve` sends each event here once")]
    fn evolve_state(&mut self, event: &Event) {
        let license = self.license(event.about().license.unwrap());
        license.state = match event {
            Event::LicenseSuspended(_) => LicenseState::Suspended,
            Event::LicenseReinstated(_) => LicenseState::Active,
            Event::LicenseRetired(_) => LicenseState::Retired,
            other => panic!("{other:?}"),
        };
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "`evolve` sends each event here once")]
    fn evolve_time(&mut self, event: &Event) {
        match event {
            Event::LicenseStarted(it) => self.license(&it.license).passed = Passed::Start,
            Event::LicenseEnded(it) => self.license(&it.license).passed = Passed::End,
            Event::GraceEnded(it) => self.license(&it.license).passed = Passed::Grace,
            Event::AssignmentEndSet(it) => self.live(it.assignment).ends_at = it.ends_at,
            Event::CommandScheduled(it) => {
                let (schedule, due) = (it.schedule, it.due);
                let (command, document) = (it.command.clone(), it.document.clone());
                let kept = Schedule { schedule, due, command, document };
                assert_eq!(self.schedules.insert(schedule, kept), None);
            }
            Event::ScheduleCancelled(ScheduleCancelled { schedule })
            | Event::ScheduleFired(ScheduleFired { schedule, .. }) => {
                self.schedules.remove(schedule).unwrap();
                self.ended_schedules.insert(*schedule);
            }
            other => panic!("{other:?}"),
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "`evolve` sends each event here once")]
    fn evolve_transfers(&mut self, event: &Event) {
        let of = |license: &LicenseId, receiver: &AccountId| (license.clone(), receiver.clone());
        match event {
            Event::AccountAllocationSet(it) => {
                let given = self.given.entry(of(&it.license, &it.receiver)).or_default();
                assert_eq!(given.wanted, it.from.get());
                given.wanted = it.to.get();
            }
            Event::TransferBegan(it) => {
                let given = self.given.get_mut(&of(&it.license, &it.receiver)).unwrap();
                let (transfer, quantity) = (it.transfer, it.quantity.get());
                let open = OpenTransfer { transfer, quantity, terms: it.terms.clone() };
                assert_eq!(given.open.replace(open), None);
            }
            Event::TransferReceived(it) => {
                let last = self.license(&it.license).hosted.as_mut().unwrap();
                assert!(last.host == it.host && last.transfer < it.transfer);
                last.transfer = it.transfer;
                assert_eq!(self.license(&it.license).quantity, it.quantity.get());
            }
            Event::TransferEnded(it) => {
                let given = self.given.get_mut(&of(&it.license, &it.receiver)).unwrap();
                let open = given.open.take().unwrap();
                assert_eq!(open.transfer, it.transfer);
                if it.refused.is_none() {
                    given.quantity = open.quantity;
                } else if given.wanted == open.quantity {
                    given.wanted = given.quantity;
                }
                assert_eq!(given.quantity, it.quantity.get());
                given.told = Some(open.terms);
            }
            other => panic!("{other:?}"),
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "`evolve` sends each event here once")]
    fn evolve_grounds(&mut self, event: &Event) {
        match event {
            Event::GroundAdded(it) => {
                let grounds = &mut self.live(it.assignment).grounds;
                let group = it.ground.group();
                grounds.retain(|other| group.is_none() || other.group() != group);
                grounds.insert(it.ground.clone());
            }
            Event::GroundRemoved(it) => {
                assert!(self.live(it.assignment).grounds.remove(&it.ground));
            }
            Event::AssignmentTransferred(it) => {
                self.live(it.assignment).holder = key(&it.holder);
            }
            other => panic!("{other:?}"),
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "`evolve` sends each event here once")]
    fn evolve_holders(&mut self, event: &Event) {
        match event {
            Event::HolderRegistered(it) => {
                self.know(&it.holder, Some(it.number));
                let who = self.who(&it.holder);
                who.names = (it.user_name.clone(), it.display_name.clone());
                who.registered = it.registered;
                who.retired &= !it.registered;
            }
            Event::HolderLinked(it) => self.who(&it.from).named = Some(key(&it.holder)),
            Event::HolderRetired(it) => self.who(&it.holder).retired = true,
            Event::DirectSetDeclared(it) => {
                let products = it.products.clone().into();
                let set = DirectSet { products, external: it.external };
                self.who(&it.holder).direct_set = Some(set);
            }
            Event::DirectSetCleared(it) => self.who(&it.holder).direct_set = None,
            other => panic!("{other:?}"),
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "`evolve` sends each event here once")]
    fn evolve_groups(&mut self, event: &Event) {
        match event {
            Event::GroupNamed(it) => {
                let (number, name) = (it.number, it.name.clone());
                let (grants, unfinished, withdrawing) = (vec![], false, None);
                let new = Gives { number, name: None, grants, unfinished, withdrawing };
                self.groups.entry(it.group.clone()).or_insert(new).name = name;
            }
            Event::GroupRuleSet(it) => {
                let group = self.groups.get_mut(&it.group).unwrap();
                (group.grants, group.unfinished) = (it.grants.clone(), it.unfinished);
                group.withdrawing = it.withdrawing;
            }
            Event::GroupRuleApplied(it) => {
                let group = self.groups.get_mut(&it.group).unwrap();
                (group.unfinished, group.withdrawing) = (false, None);
            }
            Event::MemberAdded(it) => {
                self.know(&it.holder, it.holder_number);
                let place = (it.group.clone(), it.place);
                assert_eq!(self.members.insert(place, key(&it.holder)), None);
            }
            Event::MemberRemoved(it) => {
                let (before, gone) = (self.members.len(), key(&it.holder));
                self.members.retain(|(group, _), who| *group != it.group || *who != gone);
                assert_eq!(self.members.len(), before - 1);
            }
            Event::WaitlistJoined(it) => {
                let of = (it.license.clone(), it.product.clone());
                let terms = super::Terms {
                    inactive: false,
                    fulfilled: it.fulfilled,
                    redirect_to: it.redirect_to.clone(),
                    metadata: it.metadata.clone(),
                    ends_at: it.ends_at,
                };
                let (ground, holder) = (it.ground.clone(), key(&it.holder));
                let wait = Waits { terms, of, ground, holder };
                assert_eq!(self.waits.insert(it.place, wait), None);
            }
            Event::WaitlistLeft(it) => {
                assert_eq!(self.waits.remove(&it.place).unwrap().holder, key(&it.holder));
            }
            other => panic!("{other:?}"),
        }
    }

    fn who(&mut self, holder: &Holder) -> &mut Who {
        self.holders.get_mut(&key(holder)).unwrap()
    }

    fn count(&mut self) {
        for license in &mut self.licenses {
            let of_it = self.assignments.values().filter(|it| it.license == license.id);
            license.live = of_it.clone().count() as i64;
            license.held = of_it.filter(|it| it.active).count() as i64;
        }
        let all: Vec<i64> = self.licenses.iter().map(|it| self.allocated(it)).collect();
        self.licenses.iter_mut().zip(all).for_each(|(it, allocated)| it.allocated = allocated);
    }

    /// What the parts of a license take of it, and theirs of them, and what is kept for others.
    fn allocated(&self, license: &License) -> i64 {
        let parts = self.licenses.iter().filter(|it| it.parent.as_ref() == Some(&license.id));
        let take = |it: &License| it.quantity.max(it.held + self.allocated(it));
        let given = self.given.iter().filter(|((of, _), _)| *of == license.id);
        parts.map(take).sum::<i64>() + given.map(|(_, it)| it.reserved()).sum::<i64>()
    }

    fn license(&mut self, id: &LicenseId) -> &mut License {
        self.licenses.iter_mut().find(|it| it.id == *id).unwrap()
    }

    fn live(&mut self, id: AssignmentId) -> &mut Live {
        self.assignments.get_mut(&id).unwrap()
    }

    /// What was said of a holder last is what is known of them.
    fn know(&mut self, holder: &Holder, number: Option<u64>) {
        let who = self.holders.entry(key(holder)).or_insert(Who {
            holder: holder.clone(),
            number: 0,
            names: (None, None),
            registered: false,
            retired: false,
            direct_set: None,
            named: None,
        });
        who.holder = holder.clone();
        who.number = number.unwrap_or(who.number);
    }
}

fn license(it: &LicenseAllocated) -> License {
    License {
        id: it.license.clone(),
        number: it.number,
        product: it.product.clone(),
        container: it.container.clone(),
        quantity: it.quantity.get(),
        held: 0,
        live: 0,
        parent: it.parent.clone(),
        hosted: it.host.clone().map(|host| Box::new(Hosted { host, transfer: 0 })),
        allocated: 0,
        over_allocated: false,
        grace_days: it.grace_days,
        passed: Passed::None,
        policy: Policy::default(),
        state: LicenseState::Active,
        starts_at: it.starts_at,
        ends_at: it.ends_at,
        name: it.name.clone(),
        external_id: it.external_id.clone(),
        source: it.source.clone(),
        metadata: it.metadata.clone(),
    }
}

fn live(it: &SeatAssigned) -> Live {
    Live {
        license: it.license.clone(),
        holder: key(&it.holder),
        grounds: it.grounds.iter().cloned().collect(),
        active: it.active,
        fulfilled: it.fulfilled,
        kept: (it.redirect_to.clone(), it.metadata.clone()),
        ends_at: it.ends_at,
    }
}

impl Account {
    pub(crate) fn contents(&self) -> Contents {
        let live = |it: &Assignment| {
            let live = Live {
                license: self.license_of(it).id.clone(),
                holder: key(self.holder_of(it)),
                grounds: self.grounds_of(it).into_iter().collect(),
                active: it.active,
                fulfilled: it.fulfilled,
                kept: (it.redirect_to().cloned(), it.metadata().cloned()),
                ends_at: it.ends_at(),
            };
            (it.id, live)
        };
        let groups = self.groups.iter().map(|it| {
            let gives = Gives {
                number: it.number,
                name: it.name.clone(),
                grants: it.grants.clone(),
                unfinished: it.unfinished,
                withdrawing: it.withdrawing,
            };
            (it.id.clone(), gives)
        });
        let members = self.groups.iter().zip(&self.orders).flat_map(|(group, order)| {
            let of = |(place, holder): (&u64, &u32)| {
                ((group.id.clone(), *place), key(&self.holders[*holder as usize].holder))
            };
            order.iter().map(of)
        });
        let waits = self.waits().map(|it| {
            let of = (it.license.clone(), it.product.clone());
            let holder = key(self.waiting(it));
            let (terms, ground) = (it.terms.clone(), it.ground.clone());
            (it.place, Waits { terms, of, ground, holder })
        });
        let given = self.given.iter().flat_map(|(row, receivers)| {
            let license = &self.licenses[*row as usize].id;
            receivers.iter().map(|(to, given)| ((license.clone(), to.clone()), given.clone()))
        });
        Contents {
            policy: self.policy.clone(),
            containers: self.containers.clone(),
            licenses: self.licenses.clone(),
            holders: self.holders.iter().map(|it| (key(&it.holder), self.who(it))).collect(),
            assignments: self.assignments().map(live).collect(),
            ended: self.ended.iter().copied().collect(),
            groups: groups.collect(),
            members: members.collect(),
            waits: waits.collect(),
            schedules: self.schedules.clone(),
            ended_schedules: self.ended_schedules.iter().copied().collect(),
            given: given.collect(),
            keys: self.keys.clone(),
        }
    }

    fn who(&self, it: &super::Known) -> Who {
        let resolved = self.holder(it.holder.key()).unwrap();
        let named = (resolved.key() != it.holder.key()).then(|| key(resolved));
        Who {
            holder: it.holder.clone(),
            number: it.number,
            names: (it.user_name().cloned(), it.display_name().cloned()),
            registered: it.is_registered(),
            retired: it.is_retired(),
            direct_set: it.direct_set().cloned(),
            named,
        }
    }
}
