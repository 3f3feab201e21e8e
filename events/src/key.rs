//! Keys: what a caller over HTTP shows, and what it may do. The secret of a key is nowhere in here.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use utoipa::ToSchema;

use crate::policy::words;
use crate::text::Given;
use crate::wire::{hex, unhex};

/// The public part of a key: 16 hex digits, chosen by whoever makes the key.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, ToSchema)]
#[schema(value_type = String, pattern = "^[0-9a-f]{16}$")]
pub struct KeyId(pub [u8; 8]);

/// SHA-256 over the 32 bytes of a key's secret; written in hex. The secret has 256 random bits, so
/// nobody finds it from this.
#[derive(Clone, Copy, PartialEq, Eq, Hash, ToSchema)]
#[schema(value_type = String, pattern = "^[0-9a-f]{64}$")]
pub struct SecretHash(pub [u8; 32]);

macro_rules! hex_text {
    ($name:ident, $said:literal) => {
        impl $name {
            /// Reads hex digits in lower case.
            pub fn parse(text: &str) -> Option<$name> {
                let mut bytes = $name(Default::default()).0;
                unhex(text, &mut bytes).map(|()| $name(bytes))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&hex(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let given = Given::deserialize(deserializer)?;
                $name::parse(&given.0)
                    .ok_or_else(|| de::Error::custom(concat!("invalid_value: ", $said)))
            }
        }
    };
}

hex_text!(KeyId, "a key is named by 16 hex digits in lower case");
hex_text!(SecretHash, "a hash is 64 hex digits in lower case");

words! {
    /// What a key may do.
    Role {
        /// Everything.
        Admin = "admin",
        /// Read, audit, and send commands that are not about keys and policies.
        Operator = "operator",
        /// Read and audit.
        Auditor = "auditor",
        /// Read.
        Reader = "reader",
    }
}

words! {
    /// An API that is served.
    Facade {
        /// The ledger's own.
        Native = "native",
        /// The UiPath dialect.
        Uipath = "uipath",
        /// The ibl.ai dialect.
        Ibl = "ibl",
        /// The Aladia dialect.
        Aladia = "aladia",
    }
}

impl Facade {
    /// Every one.
    pub const ALL: [Facade; 4] = [Facade::Native, Facade::Uipath, Facade::Ibl, Facade::Aladia];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_named_by_hex_digits_in_lower_case() {
        let id = KeyId::parse("00ff0123456789ab").unwrap();
        assert_eq!(id.to_string(), "00ff0123456789ab");
        for wrong in
            ["", "00ff0123456789a", "00ff0123456789abc", "00FF0123456789AB", "0xff0123456789ab"]
        {
            assert_eq!(KeyId::parse(wrong), None, "{wrong}");
        }
        let hash = "ab".repeat(32);
        assert_eq!(SecretHash::parse(&hash).unwrap().to_string(), hash);
        assert_eq!(SecretHash::parse(&hash[1..]), None);
    }
}
