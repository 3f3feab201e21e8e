//! A JSON object whose values are kept as they were written.

use std::collections::HashSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap as _, Serializer};
use serde_json::value::{RawValue, to_raw_value};

/// Members in their order, each of another name. Numbers keep their digits.
#[derive(Debug, Clone, Default)]
pub(super) struct Members(Vec<(String, Box<RawValue>)>);

impl Members {
    /// The members of an object; `None` for what is no object.
    pub(super) fn of(json: &RawValue) -> Option<Members> {
        serde_json::from_str(json.get()).ok()
    }

    /// Takes a member out.
    pub(super) fn take(&mut self, name: &str) -> Option<Box<RawValue>> {
        let at = self.0.iter().position(|it| it.0 == name)?;
        Some(self.0.remove(at).1)
    }

    /// With one more member.
    #[must_use]
    pub(super) fn with(mut self, name: &str, value: &impl Serialize) -> Members {
        // Invariant: strings, numbers, lists and members of them serialise without fail.
        let value = to_raw_value(value).unwrap_or_default();
        self.0.push((name.to_owned(), value));
        self
    }

    /// With one more member, if there is a value for it.
    #[must_use]
    pub(super) fn with_some(self, name: &str, value: &Option<impl Serialize>) -> Members {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// As one value.
    pub(super) fn to_raw(&self) -> Box<RawValue> {
        to_raw_value(self).unwrap_or_default()
    }
}

impl IntoIterator for Members {
    type Item = (String, Box<RawValue>);
    type IntoIter = std::vec::IntoIter<Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl Serialize for Members {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            members.serialize_entry(name, value)?;
        }
        members.end()
    }
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Members;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members: Vec<(String, Box<RawValue>)> = vec![];
                let mut names = HashSet::new();
                while let Some((name, value)) = map.next_entry::<String, _>()? {
                    if !names.insert(name.clone()) {
                        return Err(Error::custom(format_args!("{name:?} stands twice")));
                    }
                    members.push((name, value));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Read)
    }
}
