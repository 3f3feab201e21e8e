//! What may be asked of the ledger.

use std::fmt;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::ToSchema;

use crate::holder::Holder;
use crate::limits::{ITEMS_MAX, QUANTITY_MAX};
use crate::malformed::{Malformed, MalformedCode, nearest, short};
use crate::metadata::Metadata;
use crate::moment::Moment;
use crate::text::{AssignmentId, ContainerId, ExternalId, Label, LicenseId, ProductId, Source};

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

/// Gives an account a quantity of one product. Account and container exist from then on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AllocateLicense {
    /// What the license is called from now on.
    pub license: LicenseId,
    /// What its seats are of. Never changes.
    pub product: ProductId,
    /// Seats.
    pub quantity: Quantity,
    /// The container that holds it; the account itself when absent. Never changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<ContainerId>,
    /// A label for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Label>,
    /// From when the license is in force, inclusive; at once when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starts_at: Option<Moment>,
    /// Until when, exclusive; for good when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<Moment>,
    /// What another system calls it; unique in the account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<ExternalId>,
    /// Which system it came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
    /// Anything else, kept as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Metadata>,
}

/// Changes what is given and nothing else; `null` takes a value away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChangeLicense {
    /// Which license.
    pub license: LicenseId,
    /// Seats. Refused below the seats that are held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantity: Option<Quantity>,
    /// A label for people.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    #[schema(value_type = Option<Label>)]
    pub name: Patch<Label>,
    /// From when it is in force, inclusive.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    #[schema(value_type = Option<Moment>)]
    pub starts_at: Patch<Moment>,
    /// Until when, exclusive.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    #[schema(value_type = Option<Moment>)]
    pub ends_at: Patch<Moment>,
    /// What another system calls it; unique in the account.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    #[schema(value_type = Option<ExternalId>)]
    pub external_id: Patch<ExternalId>,
    /// Which system it came from.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    #[schema(value_type = Option<Source>)]
    pub source: Patch<Source>,
    /// Anything else, replaced as a whole.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    #[schema(value_type = Option<Metadata>)]
    pub metadata: Patch<Metadata>,
}

/// Stops a license from being used or assigned; seats stay held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SuspendLicense {
    /// Which license.
    pub license: LicenseId,
}

/// Ends a suspension.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReinstateLicense {
    /// Which license.
    pub license: LicenseId,
}

/// Ends a license for good. Refused while it has live assignments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RetireLicense {
    /// Which license.
    pub license: LicenseId,
}

/// Gives each holder a seat: all of them or none.
///
/// A holder who has a live assignment of the license already keeps it as it is (inactive ones
/// become active). Exactly one of `license` and `product` is needed; with `product` each holder
/// gets a seat of the license in force that ends first and has one free.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AssignSeat {
    /// Which license.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub license: Option<LicenseId>,
    /// Which product, where the license does not matter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<ProductId>,
    /// Who gets a seat, 1 to 1,000; the same holder twice counts once.
    #[schema(min_items = 1, max_items = 1000)]
    pub holders: Vec<Holder>,
    /// Whether new assignments are active (hold a seat); yes when absent.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    #[schema(default = true)]
    pub active: bool,
    /// Whether downstream provisioning is done already; no when absent.
    #[serde(default, skip_serializing_if = "is_no")]
    #[schema(default = false)]
    pub fulfilled: bool,
    /// Where the holder is sent once it is fulfilled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redirect_to: Option<Label>,
    /// Kept with each new assignment, as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Metadata>,
}

/// Changes what is given of one live assignment; `null` takes a value away.
///
/// The assignment is named by its id, or by `license` and `holder`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChangeAssignment {
    /// Which assignment, by id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assignment: Option<AssignmentId>,
    /// Which assignment, by license and holder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub license: Option<LicenseId>,
    /// Which assignment, by license and holder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<Holder>,
    /// An inactive assignment holds no seat; becoming active needs a free one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active: Option<bool>,
    /// Whether downstream provisioning is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fulfilled: Option<bool>,
    /// Where the holder is sent once it is fulfilled.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    #[schema(value_type = Option<Label>)]
    pub redirect_to: Patch<Label>,
    /// Anything else, replaced as a whole.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    #[schema(value_type = Option<Metadata>)]
    pub metadata: Patch<Metadata>,
}

/// Ends assignments: all of them or none.
///
/// They are named by id (`assignment` or `assignments`), or by `license` and `holders`. One that
/// has ended already, or a known holder who has none, is already as asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RevokeAssignment {
    /// One assignment, by id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assignment: Option<AssignmentId>,
    /// Several assignments, by id, at most 1,000.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 1000)]
    pub assignments: Vec<AssignmentId>,
    /// By license and holders.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub license: Option<LicenseId>,
    /// By license and holders, at most 1,000.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 1000)]
    pub holders: Vec<Holder>,
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

macro_rules! commands {
    ($($name:ident),+ $(,)?) => {
        /// One command, of any type.
        #[derive(Debug, Clone, PartialEq, Eq, Serialize)]
        #[serde(untagged)]
        #[expect(missing_docs, reason = "each variant is documented at its struct")]
        pub enum Command {
            $($name($name)),+
        }

        /// The types of commands.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[expect(missing_docs, reason = "each variant is documented at its struct")]
        pub enum CommandType {
            $($name),+
        }

        impl CommandType {
            /// Every type, in the order in which a license lives through them.
            pub const ALL: &'static [CommandType] = &[$(CommandType::$name),+];

            /// As it stands in a subject or a path.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(CommandType::$name => stringify!($name)),+
                }
            }
        }

        impl Command {
            /// Its type.
            pub fn kind(&self) -> CommandType {
                match self {
                    $(Command::$name(_) => CommandType::$name),+
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

impl Command {
    /// Checks what a field alone cannot say: that the right fields came together, and within limits.
    pub fn check(&self) -> Result<(), Malformed> {
        match self {
            Command::AllocateLicense(it) => check_window(it.starts_at, it.ends_at),
            Command::ChangeLicense(it) => match (&it.starts_at, &it.ends_at) {
                (Patch::Set(starts), Patch::Set(ends)) => check_window(Some(*starts), Some(*ends)),
                _ => Ok(()),
            },
            Command::SuspendLicense(_)
            | Command::ReinstateLicense(_)
            | Command::RetireLicense(_) => Ok(()),
            Command::AssignSeat(it) => {
                check_count("/holders", it.holders.len())?;
                match (&it.license, &it.product) {
                    (Some(_), None) | (None, Some(_)) if it.holders.is_empty() => {
                        Err(missing("/holders", "at least one holder is needed"))
                    }
                    (Some(_), None) | (None, Some(_)) => Ok(()),
                    (None, None) => Err(missing("/license", "a license or a product is needed")),
                    (Some(_), Some(_)) => {
                        Err(both("/product", "give a license or a product, not both"))
                    }
                }
            }
            Command::ChangeAssignment(it) => match (&it.assignment, &it.license, &it.holder) {
                (Some(_), None, None) | (None, Some(_), Some(_)) => Ok(()),
                (None, Some(_), None) => Err(missing("/holder", "a holder is needed too")),
                (None, None, Some(_)) => Err(missing("/license", "a license is needed too")),
                (None, None, None) => Err(missing("/assignment", "which assignment is not said")),
                (Some(_), _, _) => {
                    Err(both("/assignment", "give an assignment, or license and holder, not both"))
                }
            },
            Command::RevokeAssignment(it) => check_revoke(it),
        }
    }
}

fn check_revoke(it: &RevokeAssignment) -> Result<(), Malformed> {
    check_count("/holders", it.holders.len())?;
    let named = it.assignments.len() + usize::from(it.assignment.is_some());
    check_count("/assignments", named)?;
    let by_id = it.assignment.is_some() || !it.assignments.is_empty();
    let by_holder = it.license.is_some() || !it.holders.is_empty();
    match (by_id, by_holder) {
        (true, true) => {
            Err(both("/assignment", "give assignments, or license and holders, not both"))
        }
        (true, false) => Ok(()),
        (false, false) => Err(missing("/assignment", "which assignments is not said")),
        (false, true) if it.license.is_none() => {
            Err(missing("/license", "a license is needed too"))
        }
        (false, true) if it.holders.is_empty() => {
            Err(missing("/holders", "at least one holder is needed too"))
        }
        (false, true) => Ok(()),
    }
}

fn check_window(starts: Option<Moment>, ends: Option<Moment>) -> Result<(), Malformed> {
    match (starts, ends) {
        (Some(starts), Some(ends)) if ends <= starts => Err(Malformed::at(
            MalformedCode::InvalidWindow,
            "/ends_at",
            format!("it ends at {ends}, and starts at {starts}"),
        )),
        _ => Ok(()),
    }
}

fn check_count(pointer: &str, count: usize) -> Result<(), Malformed> {
    match count {
        0..=ITEMS_MAX => Ok(()),
        _ => Err(Malformed::at(
            MalformedCode::TooManyItems,
            pointer,
            format!("{count} are named, one command takes at most {ITEMS_MAX}"),
        )
        .hint("send several commands, each with its own id")),
    }
}

fn missing(pointer: &str, detail: &str) -> Malformed {
    Malformed::at(MalformedCode::MissingField, pointer, detail)
}

fn both(pointer: &str, detail: &str) -> Malformed {
    Malformed::at(MalformedCode::Contradiction, pointer, detail)
}
