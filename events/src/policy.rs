//! Policies: what an account, or one of its licenses, does where rules could be one or another.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use utoipa::ToSchema;

use crate::limits::OVERAGE_PERCENT_MAX;
use crate::text::Given;

/// A closed list of words, each written as one string.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$word_doc:meta])* $word:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, utoipa::ToSchema)]
        pub enum $name {
            $($(#[$word_doc])* #[schema(rename = $text)]
            $word),+
        }

        impl $name {
            /// As written.
            pub fn as_str(self) -> &'static str {
                match self {
                    $($name::$word => $text),+
                }
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(
                &self,
                serializer: S,
            ) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(
                deserializer: D,
            ) -> Result<Self, D::Error> {
                let given = <$crate::text::Given<'_> as serde::Deserialize>::deserialize(deserializer)?;
                match &*given.0 {
                    $($text => Ok($name::$word),)+
                    other => {
                        let said = $crate::policy::unknown_word(other, &[$($text),+]);
                        Err(serde::de::Error::custom(said))
                    }
                }
            }
        }
    };
}
pub(crate) use words;

/// What is said of a word that is none of these.
pub(crate) fn unknown_word(given: &str, known: &[&str]) -> String {
    let shown = crate::malformed::short(given);
    format!("invalid_value: {shown:?} is none of {}", known.join(", "))
}

/// How many seats beyond its quantity a license gives out. Written `none`, `unlimited`, or percent
/// of the quantity such as `25%`; a fraction of a seat is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Overage {
    /// None.
    #[default]
    None,
    /// So many percent of the quantity, 1 to [`OVERAGE_PERCENT_MAX`].
    Percent(u16),
    /// As many as are asked for.
    Unlimited,
}

impl utoipa::PartialSchema for Overage {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        String::schema()
    }
}

impl ToSchema for Overage {}

impl Overage {
    /// Seats that a license of this quantity gives out at most.
    pub fn limit(self, quantity: i64) -> i64 {
        match self {
            Overage::None => quantity,
            Overage::Percent(percent) => quantity + quantity * i64::from(percent) / 100,
            Overage::Unlimited => i64::MAX,
        }
    }
}

impl fmt::Display for Overage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Overage::None => f.write_str("none"),
            Overage::Percent(percent) => write!(f, "{percent}%"),
            Overage::Unlimited => f.write_str("unlimited"),
        }
    }
}

impl Serialize for Overage {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Overage {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let given = Given::deserialize(deserializer)?.0;
        let percent = given.strip_suffix('%').filter(|it| !it.starts_with(['0', '+']));
        match (&*given, percent.and_then(|it| it.parse().ok())) {
            ("none", _) => Ok(Overage::None),
            ("unlimited", _) => Ok(Overage::Unlimited),
            (_, Some(percent)) if (1..=OVERAGE_PERCENT_MAX).contains(&percent) => {
                Ok(Overage::Percent(percent))
            }
            (other, _) => {
                Err(de::Error::custom(unknown_word(other, &["none", "unlimited", "1% to 900%"])))
            }
        }
    }
}

words! {
    /// Whether a quantity may be lowered under the seats that are held.
    Lowering {
        /// It is refused.
        Refuse = "refuse",
        /// It is done: the license is over-allocated, visibly, and gives out no seat until it is
        /// not any more.
        Tolerate = "tolerate",
    }
}

words! {
    /// What becomes of a seat that a group gave when its holder leaves the group.
    Leaving {
        /// It is released, unless another ground stands.
        Release = "release",
        /// It stays, on a ground that says so: an orphan.
        Orphan = "orphan",
    }
}

words! {
    /// Who may be given a seat.
    MayHold {
        /// Anyone.
        Anyone = "anyone",
        /// Who was registered, or is in a group of the account.
        Members = "members",
    }
}

words! {
    /// What a direct set does to what groups give.
    DirectSets {
        /// It stands instead: whoever has one gets nothing from groups, an empty one included.
        Replace = "replace",
        /// It stands beside.
        Add = "add",
    }
}

/// What is decided for an account or a license; what is absent is decided further up: by the
/// account for a license, by the ledger's defaults for an account.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct Policy {
    /// Seats beyond the quantity. `none` where nobody has decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overage: Option<Overage>,
    /// Lowering under use. `refuse` where nobody has decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lowering: Option<Lowering>,
    /// Leaving a group. `release` where nobody has decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leaving: Option<Leaving>,
    /// Who may hold a seat. `anyone` where nobody has decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub may_hold: Option<MayHold>,
    /// Direct sets; of accounts only. `replace` where nobody has decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub direct_sets: Option<DirectSets>,
}

impl Policy {
    /// Whether nothing is decided.
    pub fn is_empty(&self) -> bool {
        *self == Policy::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_overage_is_written_as_it_is_read() {
        for (text, limit) in [("none", 10), ("25%", 12), ("100%", 20), ("unlimited", i64::MAX)] {
            let overage: Overage = serde_json::from_value(text.into()).unwrap();
            assert_eq!((overage.to_string().as_str(), overage.limit(10)), (text, limit));
        }
        for wrong in ["", "0%", "901%", "-5%", "+5%", "05%", "5", "None", "5 %"] {
            assert!(serde_json::from_value::<Overage>(wrong.into()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_largest_limit_is_a_number() {
        let most = Overage::Percent(OVERAGE_PERCENT_MAX).limit(crate::limits::QUANTITY_MAX);
        assert_eq!(most, 10 * crate::limits::QUANTITY_MAX);
    }
}
