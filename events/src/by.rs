//! Who was let in: what the ledger itself writes of whoever sent a command.
//!
//! An actor is what a sender says; this is what the ledger knows. It counts for no decision.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, de};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use crate::key::KeyId;
use crate::limits::{BY_BYTES_MAX, TEXT_BYTES_MAX};
use crate::text::{InvalidText, check_bounded, check_text};
use crate::wire::hex;

/// What stands for a name that cannot be written: its hash.
const HASHED: &str = "sha256:";

/// Who was let in: `key:<id>`, `token:<issuer>#<subject>`, `nats:command`, `nats:admin`, `local` or
/// `clock`. What a later release writes is read as it stands.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = String, min_length = 1, max_length = 520, example = "key:5d1f0c2ab7e94836")]
pub struct By(Box<str>);

impl By {
    /// As it was written: 1 to [`BY_BYTES_MAX`] bytes, no control characters.
    pub fn new(text: impl Into<Box<str>>) -> Result<By, InvalidText> {
        let text = text.into();
        check_bounded(&text, BY_BYTES_MAX)?;
        Ok(By(text))
    }

    /// Whoever showed this key.
    pub fn key(key: KeyId) -> By {
        By(format!("key:{key}").into())
    }

    /// Whoever showed a token of this issuer for this subject. An issuer or a subject that is no
    /// text of 256 bytes at most, or could be taken for a hash, is told by its SHA-256.
    pub fn token(issuer: &str, subject: &str) -> By {
        By(format!("token:{}#{}", named(issuer), named(subject)).into())
    }

    /// Whoever the NATS server lets publish commands.
    pub fn nats_command() -> By {
        By("nats:command".into())
    }

    /// Whoever the NATS server lets publish commands of admins.
    pub fn nats_admin() -> By {
        By("nats:admin".into())
    }

    /// Whoever sits at the machine, where no key is asked for.
    pub fn local() -> By {
        By("local".into())
    }

    /// Nobody: the ledger asked for it itself.
    pub fn clock() -> By {
        By("clock".into())
    }

    /// Whether a text is what some release up to this one could have written.
    pub fn could_be(text: &str) -> bool {
        match text.split_once(':') {
            Some(("key", id)) => KeyId::parse(id).is_some(),
            Some(("token", whose)) => whose.contains('#'),
            Some(("nats", subject)) => ["command", "admin"].contains(&subject),
            Some(_) => false,
            None => ["local", "clock"].contains(&text),
        }
    }

    /// As written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn named(name: &str) -> String {
    match check_text(name).is_ok() && !name.starts_with(HASHED) {
        true => name.to_owned(),
        false => format!("{HASHED}{}", hex(&Sha256::digest(name))),
    }
}

// The longest there is: `token:`, two names and what stands between them.
const _: () = assert!("token:#".len() + 2 * TEXT_BYTES_MAX <= BY_BYTES_MAX);

impl fmt::Display for By {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for By {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &*self.0)
    }
}

impl<'de> Deserialize<'de> for By {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        By::new(Box::<str>::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_was_let_in_is_one_text() {
        let key = By::key(KeyId::parse("5d1f0c2ab7e94836").unwrap());
        let token = By::token("https://id.example.com", "ada@example.com");
        for (by, text) in [
            (key, "key:5d1f0c2ab7e94836"),
            (token, "token:https://id.example.com#ada@example.com"),
            (By::nats_command(), "nats:command"),
            (By::nats_admin(), "nats:admin"),
            (By::local(), "local"),
            (By::clock(), "clock"),
        ] {
            assert_eq!(by.as_str(), text);
            assert_eq!(By::new(text), Ok(by));
            assert!(By::could_be(text), "{text}");
        }
        for text in ["", "hr", "nats", "nats:post", "key:", "key:5D1F0C2AB7E94836", "token:i"] {
            assert!(!By::could_be(text), "{text}");
        }
    }

    #[test]
    fn every_subject_has_a_text_of_its_own_that_is_read_back() {
        let hash = hex(&Sha256::digest("a\nb"));
        let pretended = format!("sha256:{hash}");
        assert_eq!(By::token("i", "a\nb").as_str(), format!("token:i#sha256:{hash}"));
        assert_ne!(By::token("i", &pretended), By::token("i", "a\nb"));
        let long = "x".repeat(TEXT_BYTES_MAX);
        let longer = "x".repeat(TEXT_BYTES_MAX + 1);
        for (issuer, subject) in [("i", "a\nb"), (&long, &long), (&longer, &longer), ("", "")] {
            let by = By::token(issuer, subject);
            assert_eq!(By::new(by.as_str()), Ok(by));
        }
        assert_ne!(By::token("i", &longer), By::token("i", &long));
    }

    #[test]
    fn it_is_bounded_and_printable() {
        assert!(By::new("later:release").is_ok());
        assert_eq!(By::new(""), Err(InvalidText::Empty));
        assert_eq!(By::new("a\nb"), Err(InvalidText::Control('\n')));
        let (bytes, max) = (BY_BYTES_MAX + 1, BY_BYTES_MAX);
        assert_eq!(By::new("x".repeat(bytes)), Err(InvalidText::TooLong { bytes, max }));
    }
}
