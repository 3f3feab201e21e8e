//! What has happened.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::command::Quantity;
use crate::holder::Holder;
use crate::metadata::Metadata;
use crate::moment::Moment;
use crate::text::{
    AssignmentId, ContainerId, ExternalId, Given, Label, LicenseId, ProductId, Source,
};

/// Why an assignment stands. It lives while one ground stands.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Ground {
    /// Somebody assigned it to this holder by name. Written `direct`.
    Direct,
}

impl Ground {
    /// As written.
    pub fn as_str(&self) -> &str {
        match self {
            Ground::Direct => "direct",
        }
    }
}

impl Serialize for Ground {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Ground {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match &*Given::deserialize(deserializer)?.0 {
            "direct" => Ok(Ground::Direct),
            other => Err(serde::de::Error::custom(format!("unknown ground {other:?}"))),
        }
    }
}

/// A license exists, and its account and container with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LicenseAllocated {
    /// Which license.
    pub license: LicenseId,
    /// The number that integer-minded clients know it by: unique over the ledger, never reused.
    pub number: u64,
    /// What its seats are of.
    pub product: ProductId,
    /// Seats.
    pub quantity: Quantity,
    /// The container that holds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<ContainerId>,
    /// A label for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Label>,
    /// From when it is in force, inclusive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starts_at: Option<Moment>,
    /// Until when, exclusive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<Moment>,
    /// What another system calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<ExternalId>,
    /// Which system it came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
    /// Anything else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Metadata>,
}

/// The labels of a license, all of them, as they are from now on. No rule but the uniqueness of
/// `external_id` looks at them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LicenseDescribed {
    /// Which license.
    pub license: LicenseId,
    /// A label for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Label>,
    /// What another system calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<ExternalId>,
    /// Which system it came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
    /// Anything else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Metadata>,
}

/// A license has more or fewer seats.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct QuantityChanged {
    /// Which license.
    pub license: LicenseId,
    /// Seats before.
    pub from: Quantity,
    /// Seats from now on.
    pub to: Quantity,
}

/// A license is in force at other times.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WindowChanged {
    /// Which license.
    pub license: LicenseId,
    /// From when, inclusive; from ever when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starts_at: Option<Moment>,
    /// Until when, exclusive; for good when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<Moment>,
}

/// A license cannot be used or assigned; its seats stay held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LicenseSuspended {
    /// Which license.
    pub license: LicenseId,
}

/// A suspension is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LicenseReinstated {
    /// Which license.
    pub license: LicenseId,
}

/// A license is over for good. It had no live assignment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LicenseRetired {
    /// Which license.
    pub license: LicenseId,
}

/// A holder has an assignment of a license, and a seat of it if the assignment is active.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SeatAssigned {
    /// The assignment; never reused.
    pub assignment: AssignmentId,
    /// The number that integer-minded clients know it by: unique over the ledger, never reused.
    pub number: u64,
    /// Of which license.
    pub license: LicenseId,
    /// Who, with everything known of them.
    pub holder: Holder,
    /// Why it stands.
    #[schema(value_type = Vec<String>, example = json!(["direct"]))]
    pub grounds: Vec<Ground>,
    /// Whether it holds a seat.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub active: bool,
    /// Whether downstream provisioning is done.
    #[serde(default, skip_serializing_if = "is_no")]
    pub fulfilled: bool,
    /// Where the holder is sent once it is fulfilled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redirect_to: Option<Label>,
    /// Anything else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Metadata>,
}

/// One assignment, said in full, so that a line of the log is understood without the lines before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Assigned {
    /// The assignment.
    pub assignment: AssignmentId,
    /// Of which license.
    pub license: LicenseId,
    /// Who.
    pub holder: Holder,
}

/// Where a holder is sent, and what else is kept with an assignment, all of it, from now on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AssignmentDescribed {
    /// The assignment.
    pub assignment: AssignmentId,
    /// Of which license.
    pub license: LicenseId,
    /// Who.
    pub holder: Holder,
    /// Where the holder is sent once it is fulfilled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redirect_to: Option<Label>,
    /// Anything else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Metadata>,
}

fn yes() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the shape serde asks for")]
fn is_yes(it: &bool) -> bool {
    *it
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the shape serde asks for")]
fn is_no(it: &bool) -> bool {
    !*it
}

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
    /// Its labels are others.
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
}

impl Event {
    /// The license it is about.
    pub fn license(&self) -> &LicenseId {
        match self {
            Event::LicenseAllocated(it) => &it.license,
            Event::LicenseDescribed(it) => &it.license,
            Event::QuantityChanged(it) => &it.license,
            Event::WindowChanged(it) => &it.license,
            Event::LicenseSuspended(it) => &it.license,
            Event::LicenseReinstated(it) => &it.license,
            Event::LicenseRetired(it) => &it.license,
            Event::SeatAssigned(it) => &it.license,
            Event::AssignmentDescribed(it) => &it.license,
            Event::AssignmentDeactivated(it)
            | Event::AssignmentReactivated(it)
            | Event::AssignmentFulfilled(it)
            | Event::FulfilmentWithdrawn(it)
            | Event::AssignmentRevoked(it) => &it.license,
        }
    }

    /// The holder it is about, if it is about one.
    pub fn holder(&self) -> Option<&Holder> {
        match self {
            Event::LicenseAllocated(_)
            | Event::LicenseDescribed(_)
            | Event::QuantityChanged(_)
            | Event::WindowChanged(_)
            | Event::LicenseSuspended(_)
            | Event::LicenseReinstated(_)
            | Event::LicenseRetired(_) => None,
            Event::SeatAssigned(it) => Some(&it.holder),
            Event::AssignmentDescribed(it) => Some(&it.holder),
            Event::AssignmentDeactivated(it)
            | Event::AssignmentReactivated(it)
            | Event::AssignmentFulfilled(it)
            | Event::FulfilmentWithdrawn(it)
            | Event::AssignmentRevoked(it) => Some(&it.holder),
        }
    }
}
