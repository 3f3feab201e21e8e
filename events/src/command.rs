//! What may be asked of the ledger.

mod allocations;
mod assignments;
mod batches;
mod check;
mod groups;
mod holders;
mod keys;
mod licenses;
mod policies;
mod schedules;
mod transfers;

use std::fmt;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::ToSchema;

use crate::limits::{GRACE_DAYS_MAX, QUANTITY_MAX};
use crate::malformed::{Malformed, MalformedCode, nearest, short};
use crate::moment::Moment;

pub use allocations::{Allocation, MoveQuantity, Part, QuantityMove, SetAllocations};
pub use assignments::{AssignSeat, ChangeAssignment, RevokeAssignment};
pub use batches::ApplyBatch;
pub use groups::{
    AddMembers, GrantToGroup, LeaveWaitlist, RemoveGroupRule, RemoveMembers, SetGroupRule,
};
pub use holders::{ClearDirectSet, DeclareDirectSet, LinkHolder, RegisterHolder, RetireHolder};
pub use keys::{CreateKey, NoteKeyUse, RevokeKey};
pub use licenses::{
    AllocateLicense, ChangeLicense, ReinstateLicense, RetireLicense, SuspendLicense,
};
pub use policies::SetPolicy;
pub(crate) use schedules::read as read_kept;
pub use schedules::{CancelSchedule, ScheduleCommand};
pub use transfers::{AllocateToAccount, EndTransfer, ReceiveTransfer};

/// Seats of a license: 0 to [`QUANTITY_MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = i64, minimum = 0, maximum = 1_000_000_000)]
pub struct Quantity(i64);

impl Quantity {
    /// No seats.
    pub const ZERO: Quantity = Quantity(0);

    /// The quantity, if it is one.
    pub fn new(seats: i64) -> Option<Quantity> {
        (0..=QUANTITY_MAX).contains(&seats).then_some(Quantity(seats))
    }

    /// Seats.
    pub fn get(self) -> i64 {
        self.0
    }
}

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let seats = i64::deserialize(deserializer)?;
        Quantity::new(seats).ok_or_else(|| {
            D::Error::custom(format!("invalid_quantity: {seats} is not in 0 to {QUANTITY_MAX}"))
        })
    }
}

/// Days after its end in which a license can still be used: 1 to [`GRACE_DAYS_MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = i64, minimum = 1, maximum = 3650)]
pub struct GraceDays(u16);

impl GraceDays {
    /// The days, if they can be.
    pub fn new(days: u16) -> Option<GraceDays> {
        (1..=GRACE_DAYS_MAX).contains(&days).then_some(GraceDays(days))
    }

    /// Days.
    pub fn get(self) -> u16 {
        self.0
    }

    /// The moment so many days later.
    pub fn after(self, moment: Moment) -> Moment {
        Moment::from_millis(moment.millis() + i64::from(self.0) * DAY_MILLIS)
    }
}

const DAY_MILLIS: i64 = 24 * 60 * 60 * 1_000;

impl<'de> Deserialize<'de> for GraceDays {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let days = i64::deserialize(deserializer)?;
        u16::try_from(days).ok().and_then(GraceDays::new).ok_or_else(|| {
            D::Error::custom(format!("invalid_quantity: {days} is not in 1 to {GRACE_DAYS_MAX}"))
        })
    }
}

/// A field of a change: left out, `null`, or a value.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Patch<T> {
    /// Left out: stays as it is.
    #[default]
    Keep,
    /// `null`: there is none from now on.
    Clear,
    /// The value from now on.
    Set(T),
}

impl<T> Patch<T> {
    /// Whether the field was left out.
    pub fn is_keep(&self) -> bool {
        matches!(self, Patch::Keep)
    }

    /// What the field is after the change.
    pub fn over(&self, before: &Option<T>) -> Option<T>
    where
        T: Clone,
    {
        match self {
            Patch::Keep => before.clone(),
            Patch::Clear => None,
            Patch::Set(value) => Some(value.clone()),
        }
    }
}

impl<T: Serialize> Serialize for Patch<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Patch::Keep | Patch::Clear => serializer.serialize_none(),
            Patch::Set(value) => value.serialize(serializer),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Patch<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match Option::<T>::deserialize(deserializer)? {
            None => Patch::Clear,
            Some(value) => Patch::Set(value),
        })
    }
}

pub(crate) fn yes() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the shape serde asks for")]
pub(crate) fn is_yes(it: &bool) -> bool {
    *it
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the shape serde asks for")]
pub(crate) fn is_no(it: &bool) -> bool {
    !*it
}

/// Does what is due: windows begin and end, assignments end, scheduled commands are judged, members
/// that are still to be served are. Asked by the ledger's own clock, and
/// by nobody else.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct PassTime {}

macro_rules! commands {
    (
        $($name:ident),+ $(,)?;
        of commands: $batch:ident;
        of the ledger itself: $($own:ident),+ $(,)?
    ) => {
        /// One command, of any type.
        #[derive(Debug, Clone, PartialEq, Eq, Serialize)]
        #[serde(untagged)]
        #[expect(missing_docs, reason = "each variant is documented at its struct")]
        pub enum Command {
            $($name($name),)+
            $batch($batch),
            $($own($own)),+
        }

        /// The types of commands.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[expect(missing_docs, reason = "each variant is documented at its struct")]
        pub enum CommandType {
            $($name,)+
            $batch,
            $($own),+
        }

        impl CommandType {
            /// Every type that may be asked for, in the order in which a license lives through them.
            /// What the ledger asks itself is not among them.
            pub const ALL: &'static [CommandType] = &[$(CommandType::$name,)+ CommandType::$batch];

            /// As it stands in a subject or a path.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(CommandType::$name => stringify!($name),)+
                    CommandType::$batch => stringify!($batch),
                    $(CommandType::$own => stringify!($own)),+
                }
            }
        }

        impl Command {
            /// Its type.
            pub fn kind(&self) -> CommandType {
                match self {
                    $(Command::$name(_) => CommandType::$name,)+
                    Command::$batch(_) => CommandType::$batch,
                    $(Command::$own(_) => CommandType::$own),+
                }
            }
        }

        /// Reads the members of a document as a command of the given type; `around` are the members
        /// that every document may have.
        pub(crate) fn read(
            kind: CommandType,
            object: crate::strict::Object<'_>,
            around: &'static [&'static str],
        ) -> Result<Command, Malformed> {
            match kind {
                $(CommandType::$name => {
                    crate::strict::members(object, around).map(Command::$name)
                })+
                CommandType::$batch => batches::read(object, around).map(Command::$batch),
                $(CommandType::$own => {
                    crate::strict::members(object, around).map(Command::$own)
                })+
            }
        }
    };
}

commands!(
    AllocateLicense,
    ChangeLicense,
    SuspendLicense,
    ReinstateLicense,
    RetireLicense,
    AssignSeat,
    ChangeAssignment,
    RevokeAssignment,
    SetPolicy,
    RegisterHolder,
    LinkHolder,
    RetireHolder,
    DeclareDirectSet,
    ClearDirectSet,
    AddMembers,
    RemoveMembers,
    SetGroupRule,
    GrantToGroup,
    RemoveGroupRule,
    LeaveWaitlist,
    ScheduleCommand,
    CancelSchedule,
    SetAllocations,
    MoveQuantity,
    AllocateToAccount,
    CreateKey,
    RevokeKey;
    of commands: ApplyBatch;
    of the ledger itself: PassTime, ReceiveTransfer, EndTransfer, NoteKeyUse,
);

impl fmt::Display for CommandType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for CommandType {
    type Err = Malformed;

    fn from_str(name: &str) -> Result<CommandType, Malformed> {
        let names = || CommandType::ALL.iter().map(|it| it.as_str());
        CommandType::ALL.iter().copied().find(|it| it.as_str() == name).ok_or_else(|| {
            let shown = short(name);
            let detail = format!("there is no command `{}`", shown.escape_debug());
            let known = names().collect::<Vec<_>>().join(", ");
            Malformed::whole(MalformedCode::UnknownCommandType, detail).hint(
                match nearest(&shown, names()) {
                    Some(meant) => format!("did you mean {meant}? known: {known}"),
                    None => format!("known: {known}"),
                },
            )
        })
    }
}
