//! What has happened.

mod assignments;
mod ground;
mod groups;
mod holders;
mod keys;
mod licenses;
mod schedules;
mod transfers;

use serde::Serialize;

use crate::holder::Holder;
use crate::text::{GroupId, LicenseId};

pub use assignments::{
    Assigned, AssignmentDescribed, AssignmentEndSet, AssignmentTransferred, GroundChanged,
    SeatAssigned, WaitEnd, WaitlistJoined, WaitlistLeft,
};
pub use ground::Ground;
pub use groups::{GroupNamed, GroupRuleApplied, GroupRuleSet, MemberAdded, MemberRemoved};
pub use holders::{
    DirectSetCleared, DirectSetDeclared, HolderLinked, HolderRegistered, HolderRetired,
};
pub use keys::{KeyCreated, KeyRevoked, KeyUsed};
pub use licenses::{
    ContainerPlaced, LicenseAllocated, LicenseDescribed, LicenseDue, LicenseReinstated,
    LicenseRetired, LicenseSuspended, OverallocationBegan, OverallocationEnded, PolicySet,
    QuantityChanged, WindowChanged,
};

pub use schedules::{CommandScheduled, ScheduleCancelled, ScheduleFired};
pub use transfers::{
    AccountAllocationSet, Host, LicenseTerms, TransferBegan, TransferEnded, TransferReceived,
};

macro_rules! events {
    ($($(#[$doc:meta])* $name:ident($data:ty), v $version:literal;)+) => {
        /// A fact, in the newest spelling.
        #[derive(Debug, Clone, PartialEq, Eq, Serialize)]
        #[serde(untagged)]
        pub enum Event {
            $($(#[$doc])* $name($data)),+
        }

        impl Event {
            /// The names of all types.
            pub const TYPES: &'static [&'static str] = &[$(stringify!($name)),+];

            /// The type, as it stands in the log.
            pub fn kind(&self) -> &'static str {
                match self {
                    $(Event::$name(_) => stringify!($name)),+
                }
            }

            /// The version of the spelling that this release writes.
            pub fn version(&self) -> u32 {
                match self {
                    $(Event::$name(_) => $version),+
                }
            }

            /// Reads the data of a type and version; `None` for a pair that no release has written.
            pub(crate) fn read(
                kind: &str,
                version: u32,
                data: &str,
            ) -> Option<Result<Event, serde_json::Error>> {
                match (kind, version) {
                    $((stringify!($name), $version) => {
                        Some(serde_json::from_str(data).map(Event::$name))
                    })+
                    _ => None,
                }
            }
        }
    };
}

events! {
    /// A license exists.
    LicenseAllocated(LicenseAllocated), v 1;
    /// Its labels have changed.
    LicenseDescribed(LicenseDescribed), v 1;
    /// It has more or fewer seats.
    QuantityChanged(QuantityChanged), v 1;
    /// It is in force at other times.
    WindowChanged(WindowChanged), v 1;
    /// It cannot be used or assigned.
    LicenseSuspended(LicenseSuspended), v 1;
    /// It can again.
    LicenseReinstated(LicenseReinstated), v 1;
    /// It is over for good.
    LicenseRetired(LicenseRetired), v 1;
    /// A holder has an assignment.
    SeatAssigned(SeatAssigned), v 1;
    /// An assignment holds no seat for now.
    AssignmentDeactivated(Assigned), v 1;
    /// It holds one again.
    AssignmentReactivated(Assigned), v 1;
    /// Downstream provisioning is done.
    AssignmentFulfilled(Assigned), v 1;
    /// Downstream provisioning is not done after all.
    FulfilmentWithdrawn(Assigned), v 1;
    /// What is kept with an assignment is something else.
    AssignmentDescribed(AssignmentDescribed), v 1;
    /// An assignment is over, and its seat is free.
    AssignmentRevoked(Assigned), v 1;
    /// What an account or a license does where rules could be one or another.
    PolicySet(PolicySet), v 1;
    /// More seats are held than a license gives out.
    OverallocationBegan(OverallocationBegan), v 1;
    /// Not any more.
    OverallocationEnded(OverallocationEnded), v 1;
    /// An assignment stands on one ground more. A ground of a group takes the place of the orphan
    /// that the same group has left.
    GroundAdded(GroundChanged), v 1;
    /// It stands on one ground less, and goes on.
    GroundRemoved(GroundChanged), v 1;
    /// An assignment is somebody else's.
    AssignmentTransferred(AssignmentTransferred), v 1;
    /// Who somebody is.
    HolderRegistered(HolderRegistered), v 1;
    /// An e-mail address names a user.
    HolderLinked(HolderLinked), v 1;
    /// Somebody gets nothing any more.
    HolderRetired(HolderRetired), v 1;
    /// What somebody has directly is a set.
    DirectSetDeclared(DirectSetDeclared), v 1;
    /// It is a set no more.
    DirectSetCleared(DirectSetCleared), v 1;
    /// A group exists, or is called something else.
    GroupNamed(GroupNamed), v 1;
    /// Somebody is in a group.
    MemberAdded(MemberAdded), v 1;
    /// Somebody is in a group no more.
    MemberRemoved(MemberRemoved), v 1;
    /// What a group gives.
    GroupRuleSet(GroupRuleSet), v 1;
    /// Its last members have been served.
    GroupRuleApplied(GroupRuleApplied), v 1;
    /// Somebody waits for a seat.
    WaitlistJoined(WaitlistJoined), v 1;
    /// They do not wait any more.
    WaitlistLeft(WaitlistLeft), v 1;
    /// The window of a license has begun.
    LicenseStarted(LicenseDue), v 1;
    /// It is over.
    LicenseEnded(LicenseDue), v 1;
    /// So are the days after it in which the license could still be used.
    GraceEnded(LicenseDue), v 1;
    /// An assignment ends by itself at another moment.
    AssignmentEndSet(AssignmentEndSet), v 1;
    /// A command is kept until it is due.
    CommandScheduled(CommandScheduled), v 1;
    /// It is kept no more.
    ScheduleCancelled(ScheduleCancelled), v 1;
    /// It was judged.
    ScheduleFired(ScheduleFired), v 1;
    /// A container is there, and where.
    ContainerPlaced(ContainerPlaced), v 1;
    /// Another account is to have so many seats of a license.
    AccountAllocationSet(AccountAllocationSet), v 1;
    /// It is about to be told.
    TransferBegan(TransferBegan), v 1;
    /// It has been told.
    TransferReceived(TransferReceived), v 1;
    /// The account that gives knows what became of it.
    TransferEnded(TransferEnded), v 1;
    /// Whoever has the secret of a key may call.
    KeyCreated(KeyCreated), v 1;
    /// Not any more.
    KeyRevoked(KeyRevoked), v 1;
    /// A key was used on a day.
    KeyUsed(KeyUsed), v 1;
}

/// What an event is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct About<'a> {
    /// A license.
    pub license: Option<&'a LicenseId>,
    /// A holder.
    pub holder: Option<&'a Holder>,
    /// A group.
    pub group: Option<&'a GroupId>,
}

impl Event {
    /// What it is about.
    pub fn about(&self) -> About<'_> {
        let license = |it| About { license: Some(it), ..About::default() };
        let holder = |it| About { holder: Some(it), ..About::default() };
        let group = |it| About { group: Some(it), ..About::default() };
        fn seat<'a>(
            license: &'a LicenseId,
            holder: &'a Holder,
            ground: Option<&'a Ground>,
        ) -> About<'a> {
            let group = ground.and_then(Ground::group);
            About { license: Some(license), holder: Some(holder), group }
        }
        match self {
            Event::LicenseAllocated(it) => license(&it.license),
            Event::LicenseDescribed(it) => license(&it.license),
            Event::QuantityChanged(it) => license(&it.license),
            Event::WindowChanged(it) => license(&it.license),
            Event::LicenseSuspended(it) => license(&it.license),
            Event::LicenseReinstated(it) => license(&it.license),
            Event::LicenseRetired(it) => license(&it.license),
            Event::PolicySet(it) => About { license: it.license.as_ref(), ..About::default() },
            Event::OverallocationBegan(it) => license(&it.license),
            Event::OverallocationEnded(it) => license(&it.license),
            Event::SeatAssigned(it) => seat(&it.license, &it.holder, it.grounds.first()),
            Event::AssignmentDescribed(it) => seat(&it.license, &it.holder, None),
            Event::AssignmentDeactivated(it)
            | Event::AssignmentReactivated(it)
            | Event::AssignmentFulfilled(it)
            | Event::FulfilmentWithdrawn(it)
            | Event::AssignmentRevoked(it) => seat(&it.license, &it.holder, None),
            Event::AssignmentTransferred(it) => seat(&it.license, &it.holder, None),
            Event::GroundAdded(it) | Event::GroundRemoved(it) => {
                seat(&it.license, &it.holder, Some(&it.ground))
            }
            Event::LicenseStarted(it) | Event::LicenseEnded(it) | Event::GraceEnded(it) => {
                license(&it.license)
            }
            Event::AssignmentEndSet(it) => seat(&it.license, &it.holder, None),
            Event::AccountAllocationSet(it) => license(&it.license),
            Event::TransferBegan(it) => license(&it.license),
            Event::TransferReceived(it) => license(&it.license),
            Event::TransferEnded(it) => license(&it.license),
            Event::CommandScheduled(_)
            | Event::ScheduleCancelled(_)
            | Event::ScheduleFired(_)
            | Event::ContainerPlaced(_)
            | Event::KeyCreated(_)
            | Event::KeyRevoked(_)
            | Event::KeyUsed(_) => About::default(),
            Event::HolderRegistered(it) => holder(&it.holder),
            Event::HolderLinked(it) => holder(&it.holder),
            Event::HolderRetired(it) => holder(&it.holder),
            Event::DirectSetDeclared(it) => holder(&it.holder),
            Event::DirectSetCleared(it) => holder(&it.holder),
            Event::GroupNamed(it) => group(&it.group),
            Event::GroupRuleSet(it) => group(&it.group),
            Event::GroupRuleApplied(it) => group(&it.group),
            Event::MemberAdded(it) => About { holder: Some(&it.holder), ..group(&it.group) },
            Event::MemberRemoved(it) => About { holder: Some(&it.holder), ..group(&it.group) },
            Event::WaitlistJoined(it) => About {
                license: it.license.as_ref(),
                holder: Some(&it.holder),
                group: it.ground.group(),
            },
            Event::WaitlistLeft(it) => About {
                license: it.license.as_ref(),
                holder: Some(&it.holder),
                group: it.ground.group(),
            },
        }
    }

    /// The highest number that it gives out, or 0.
    pub fn number(&self) -> u64 {
        match self {
            Event::LicenseAllocated(it) => it.number,
            Event::SeatAssigned(it) => it.number.max(it.holder_number.unwrap_or_default()),
            Event::HolderRegistered(it) => it.number,
            Event::GroupNamed(it) => it.number,
            Event::MemberAdded(it) => it.place.max(it.holder_number.unwrap_or_default()),
            Event::WaitlistJoined(it) => it.place,
            Event::CommandScheduled(it) => it.schedule,
            Event::TransferBegan(it) => it.transfer,
            // The number of a transfer is given out where it begins.
            Event::AccountAllocationSet(_)
            | Event::TransferReceived(_)
            | Event::TransferEnded(_) => 0,
            Event::LicenseStarted(_)
            | Event::LicenseEnded(_)
            | Event::GraceEnded(_)
            | Event::AssignmentEndSet(_)
            | Event::ScheduleCancelled(_)
            | Event::ScheduleFired(_)
            | Event::ContainerPlaced(_)
            | Event::KeyCreated(_)
            | Event::KeyRevoked(_)
            | Event::KeyUsed(_) => 0,
            Event::LicenseDescribed(_)
            | Event::QuantityChanged(_)
            | Event::WindowChanged(_)
            | Event::LicenseSuspended(_)
            | Event::LicenseReinstated(_)
            | Event::LicenseRetired(_)
            | Event::PolicySet(_)
            | Event::OverallocationBegan(_)
            | Event::OverallocationEnded(_)
            | Event::AssignmentDeactivated(_)
            | Event::AssignmentReactivated(_)
            | Event::AssignmentFulfilled(_)
            | Event::FulfilmentWithdrawn(_)
            | Event::AssignmentDescribed(_)
            | Event::AssignmentRevoked(_)
            | Event::AssignmentTransferred(_)
            | Event::GroundAdded(_)
            | Event::GroundRemoved(_)
            | Event::HolderLinked(_)
            | Event::HolderRetired(_)
            | Event::DirectSetDeclared(_)
            | Event::DirectSetCleared(_)
            | Event::MemberRemoved(_)
            | Event::GroupRuleSet(_)
            | Event::GroupRuleApplied(_)
            | Event::WaitlistLeft(_) => 0,
        }
    }
}
