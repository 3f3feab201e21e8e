//! Who holds a seat.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, de};
use utoipa::ToSchema;

use crate::limits::EMAIL_BYTES_MAX;
use crate::text::{self, UserId};

/// An e-mail address, trimmed and in lower case, so that two spellings are one address.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = String, format = Email, max_length = 254)]
pub struct Email(Box<str>);

/// Why a text is not an e-mail address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "invalid_email: it must look like name@example.com, without spaces, in at most {EMAIL_BYTES_MAX} bytes"
)]
pub struct InvalidEmail;

impl Email {
    /// Trims, lowers and checks the shape: something, one `@`, something; no white space.
    ///
    /// Whether mail arrives there is not the ledger's business.
    pub fn new(text: &str) -> Result<Email, InvalidEmail> {
        let text = text.trim().to_lowercase();
        let (local, domain) = text.split_once('@').ok_or(InvalidEmail)?;
        let odd = |it: char| it.is_whitespace() || it.is_control() || it == '@';
        if local.is_empty() || domain.is_empty() || text.len() > EMAIL_BYTES_MAX {
            return Err(InvalidEmail);
        }
        match local.contains(odd) || domain.contains(odd) {
            true => Err(InvalidEmail),
            false => Ok(Email(text.into())),
        }
    }

    /// In lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &*self.0)
    }
}

impl<'de> Deserialize<'de> for Email {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Email::new(&text::Given::deserialize(deserializer)?.0).map_err(de::Error::custom)
    }
}

/// A user, or an e-mail address that is not linked to a user yet.
///
/// Invariant: at least one of the two is there. The user, where there is one, says who it is; the
/// e-mail address of a user is what else is known of them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, ToSchema)]
pub struct Holder {
    /// The user id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<UserId>,
    /// The e-mail address; compared trimmed and in lower case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<Email>,
}

/// What makes two holders the same one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum HolderKey<'a> {
    /// The same user id.
    User(&'a str),
    /// No user id, and the same e-mail address.
    Email(&'a str),
}

impl Holder {
    /// A holder known by user id alone.
    pub fn user(user: UserId) -> Holder {
        Holder { user: Some(user), email: None }
    }

    /// A holder known by e-mail address alone.
    pub fn email(email: Email) -> Holder {
        Holder { user: None, email: Some(email) }
    }

    /// What makes two holders the same one.
    pub fn key(&self) -> HolderKey<'_> {
        match (&self.user, &self.email) {
            (Some(user), _) => HolderKey::User(user.as_str()),
            (None, Some(email)) => HolderKey::Email(email.as_str()),
            (None, None) => HolderKey::Email(""),
        }
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.key() {
            HolderKey::User(name) | HolderKey::Email(name) => f.write_str(name),
        }
    }
}

impl<'de> Deserialize<'de> for Holder {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(rename = "Holder")]
        struct Given {
            #[serde(default)]
            user: Option<UserId>,
            #[serde(default)]
            email: Option<Email>,
        }
        let Given { user, email } = Given::deserialize(deserializer)?;
        match user.is_none() && email.is_none() {
            true => Err(de::Error::custom("missing_field: a holder needs user, email or both")),
            false => Ok(Holder { user, email }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_spellings_are_one_address() {
        assert_eq!(Email::new(" Bo@Example.COM ").unwrap(), Email::new("bo@example.com").unwrap());
    }

    proptest::proptest! {
        /// An event says the address as it is kept; reading it again must not make another holder.
        #[test]
        fn an_address_that_is_kept_stays_as_it_is(text in "\\PC{0,6}[Σİ\\PC]@\\PC{1,6}") {
            if let Ok(email) = Email::new(&text) {
                proptest::prop_assert_eq!(Email::new(email.as_str()), Ok(email));
            }
        }
    }

    #[test]
    fn what_is_no_address_is_said_so() {
        for bad in ["", "bo", "@", "bo@", "@x", "a@b@c", "a b@c", "a@b\n.c", "a@b c"] {
            assert_eq!(Email::new(bad), Err(InvalidEmail), "{bad:?}");
        }
        assert!(Email::new(&format!("{}@x", "a".repeat(EMAIL_BYTES_MAX - 2))).is_ok());
        assert!(Email::new(&format!("{}@x", "a".repeat(EMAIL_BYTES_MAX - 1))).is_err());
    }

    #[test]
    fn the_user_says_who_it_is() {
        let ada = |json: &str| serde_json::from_str::<Holder>(json).unwrap();
        assert_eq!(ada(r#"{"user":"ada"}"#).key(), ada(r#"{"user":"ada","email":"a@x"}"#).key());
        assert_ne!(ada(r#"{"user":"a@x"}"#).key(), ada(r#"{"email":"a@x"}"#).key());
        assert!(serde_json::from_str::<Holder>("{}").is_err());
    }
}
