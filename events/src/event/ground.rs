//! Why an assignment stands.

use std::fmt;

use crate::text::{Given, GroupId};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Why an assignment stands. It lives while one ground stands. Written `direct`, `group:` or
/// `orphan:` and the name of the group.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Ground {
    /// Somebody assigned it to this holder by name, or the product is in their direct set.
    Direct,
    /// The rule of a group gives it to its members.
    Group(GroupId),
    /// The rule of a group gave it; the holder has left the group, or the rule has gone.
    Orphan(GroupId),
}

impl Ground {
    /// The group it is about.
    pub fn group(&self) -> Option<&GroupId> {
        match self {
            Ground::Direct => None,
            Ground::Group(group) | Ground::Orphan(group) => Some(group),
        }
    }
}

impl fmt::Display for Ground {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ground::Direct => f.write_str("direct"),
            Ground::Group(group) => write!(f, "group:{group}"),
            Ground::Orphan(group) => write!(f, "orphan:{group}"),
        }
    }
}

impl Serialize for Ground {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Ground {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let given = Given::deserialize(deserializer)?.0;
        let group = |name: &str| GroupId::new(name).map_err(de::Error::custom);
        match (&*given, given.split_once(':')) {
            ("direct", _) => Ok(Ground::Direct),
            (_, Some(("group", name))) => group(name).map(Ground::Group),
            (_, Some(("orphan", name))) => group(name).map(Ground::Orphan),
            (other, _) => Err(de::Error::custom(format!("unknown ground {other:?}"))),
        }
    }
}
