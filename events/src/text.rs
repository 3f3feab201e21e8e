//! What things are called: bounded, printable strings, one type for each kind of thing.
//!
//! Licenses, products, containers and users are named by the producer; the ledger never looks
//! inside a name. Assignments are named by the ledger (UUIDv7).

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, de};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::limits::{TEXT_BYTES_MAX, TOKEN_BYTES_MAX};

/// Why a string is not a name. `Display` begins with the stable code and a colon, which is how the
/// code travels through serde's error.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidText {
    /// Nothing is named by the empty string.
    #[error("invalid_text: it is empty")]
    Empty,
    /// Longer than it may be: than [`TEXT_BYTES_MAX`], for most.
    #[error("invalid_text: it has {bytes} bytes, at most {max} are allowed")]
    TooLong {
        /// Bytes it has.
        bytes: usize,
        /// Bytes it may have.
        max: usize,
    },
    /// A control character, NUL and line breaks included.
    #[error("invalid_text: it contains the control character U+{:04X}", u32::from(*.0))]
    Control(char),
    /// Not safe as one token of a NATS subject and of a URL.
    #[error("{0}: it must match [A-Za-z0-9_-]{{1,{TOKEN_BYTES_MAX}}}")]
    NotAToken(&'static str),
}

/// Whether `text` may name something: 1 to [`TEXT_BYTES_MAX`] bytes, no control characters.
pub fn check_text(text: &str) -> Result<(), InvalidText> {
    check_bounded(text, TEXT_BYTES_MAX)
}

/// The same with another bound.
pub(crate) fn check_bounded(text: &str, max: usize) -> Result<(), InvalidText> {
    if text.is_empty() {
        return Err(InvalidText::Empty);
    }
    if text.len() > max {
        return Err(InvalidText::TooLong { bytes: text.len(), max });
    }
    match text.chars().find(|it| it.is_control()) {
        Some(control) => Err(InvalidText::Control(control)),
        None => Ok(()),
    }
}

fn check_token(text: &str, code: &'static str) -> Result<(), InvalidText> {
    let safe = |it: u8| it.is_ascii_alphanumeric() || it == b'_' || it == b'-';
    match (1..=TOKEN_BYTES_MAX).contains(&text.len()) && text.bytes().all(safe) {
        true => Ok(()),
        false => Err(InvalidText::NotAToken(code)),
    }
}

/// A string on its way to become something else: borrowed where it has no escapes.
#[derive(Deserialize)]
pub(crate) struct Given<'a>(#[serde(borrow)] pub(crate) Cow<'a, str>);

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $check:expr, $($schema:tt)*) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, ToSchema)]
        #[serde(transparent)]
        #[schema(value_type = String, $($schema)*)]
        pub struct $name(Box<str>);

        impl $name {
            /// The name itself, or why it is none.
            pub fn new(text: impl Into<Box<str>>) -> Result<Self, InvalidText> {
                let text = text.into();
                $check(&text)?;
                Ok(Self(text))
            }

            /// As written.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", &*self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Self::new(Box::<str>::deserialize(deserializer)?).map_err(de::Error::custom)
            }
        }
    };
}

name!(
    /// The tenancy and consistency boundary.
    AccountId, |it: &str| check_token(it, "invalid_account"), pattern = "^[A-Za-z0-9_-]{1,64}$"
);
name!(
    /// The idempotency key of a command, chosen by the producer.
    CommandId, |it: &str| check_token(it, "invalid_command_id"), pattern = "^[A-Za-z0-9_-]{1,64}$"
);
name!(
    /// A license, within its account.
    LicenseId, check_text, min_length = 1, max_length = 256
);
name!(
    /// What a seat is of. Opaque, never a closed list.
    ProductId, check_text, min_length = 1, max_length = 256
);
name!(
    /// A sub-scope of an account that can hold quantity.
    ContainerId, check_text, min_length = 1, max_length = 256
);
name!(
    /// A person, as the producer's directory calls them.
    UserId, check_text, min_length = 1, max_length = 256
);
name!(
    /// A named set of holders, within its account.
    GroupId, check_text, min_length = 1, max_length = 256
);
name!(
    /// What another system calls the license. Unique within the account.
    ExternalId, check_text, min_length = 1, max_length = 256
);
name!(
    /// Which system a license or a change came from.
    Source, check_text, min_length = 1, max_length = 256
);
name!(
    /// Who sent a command.
    Actor, check_text, min_length = 1, max_length = 256
);
name!(
    /// A sentence or a label for people.
    Label, check_text, min_length = 1, max_length = 256
);

/// The fact that a holder has a seat of a license. A UUIDv7 made by the ledger, never reused.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema,
)]
#[serde(transparent)]
#[schema(value_type = String, format = Uuid)]
pub struct AssignmentId(pub Uuid);

impl fmt::Display for AssignmentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_printable_and_bounded() {
        assert!(LicenseId::new("course:66ae…").is_ok());
        assert_eq!(LicenseId::new(""), Err(InvalidText::Empty));
        assert_eq!(LicenseId::new("a\0b"), Err(InvalidText::Control('\0')));
        assert_eq!(LicenseId::new("a\u{85}"), Err(InvalidText::Control('\u{85}')));
        assert!(LicenseId::new("x".repeat(TEXT_BYTES_MAX)).is_ok());
        assert_eq!(
            LicenseId::new("x".repeat(TEXT_BYTES_MAX + 1)),
            Err(InvalidText::TooLong { bytes: TEXT_BYTES_MAX + 1, max: TEXT_BYTES_MAX })
        );
    }

    #[test]
    fn an_account_is_one_token_of_a_subject() {
        for good in ["acme", "A-1_b", &"x".repeat(TOKEN_BYTES_MAX)] {
            assert!(AccountId::new(good).is_ok(), "{good}");
        }
        for bad in ["", "a.b", "a b", "*", ">", "é", &"x".repeat(TOKEN_BYTES_MAX + 1)] {
            assert!(AccountId::new(bad).is_err(), "{bad}");
        }
    }
}
