//! Reads JSON for commands: nothing unknown, nothing twice, no number but a 64-bit integer, and an
//! error that says where.
//!
//! serde_json alone lets duplicate keys of a map pass and reports unknown fields as prose. This
//! reader walks raw values, so that what it hands to `Deserialize` implementations is checked at
//! every level and what it reports is a [`Malformed`]. Which fields are known is asked of the types
//! themselves (`deserialize_struct`); there is no second list.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, Visitor};
use serde::{Deserialize, forward_to_deserialize_any};
use serde_json::value::RawValue;

use crate::limits::DEPTH_MAX;
use crate::malformed::{Malformed, MalformedCode, advice, short};

/// One object as it was written: its members in order, values unread.
pub(crate) struct Object<'de>(pub(crate) Vec<(Cow<'de, str>, &'de RawValue)>);

/// Reads the outermost object of a document.
pub(crate) fn object(document: &[u8]) -> Result<Object<'_>, Malformed> {
    let text = std::str::from_utf8(document).map_err(|it| {
        let at = it.valid_up_to();
        Malformed::whole(MalformedCode::MalformedJson, format!("byte {at} is not UTF-8"))
    })?;
    if !text.trim_start().starts_with('{') {
        return Err(Malformed::whole(MalformedCode::MalformedJson, "it is not a JSON object"));
    }
    serde_json::from_str(text).map_err(json)
}

/// Reads the members of an object as one struct, all of them known.
///
/// `elsewhere` are keys that are known at this place too, but not part of the struct: they are
/// offered when somebody misspells one.
pub(crate) fn members<'de, T: Deserialize<'de>>(
    object: Object<'de>,
    elsewhere: &'static [&'static str],
) -> Result<T, Malformed> {
    T::deserialize(Members { object, depth: 0, elsewhere })
}

/// Checks a whole JSON text without keeping anything of it: no duplicate keys, bounded depth, and
/// nothing that other readers choke on (half a surrogate pair, a number beyond double precision).
pub fn check(text: &str) -> Result<(), Malformed> {
    let raw: &RawValue = serde_json::from_str(text).map_err(json)?;
    check_value(raw, 0)
}

fn check_value(raw: &RawValue, depth: usize) -> Result<(), Malformed> {
    match raw.get().as_bytes().first() {
        Some(b'{' | b'[') if depth == DEPTH_MAX => Err(too_deep()),
        Some(b'{') => {
            let object: Object<'_> = serde_json::from_str(raw.get()).map_err(json)?;
            let check = |(key, it): &(Cow<'_, str>, &RawValue)| {
                check_value(it, depth + 1).map_err(|error| error.inside(key))
            };
            object.0.iter().try_for_each(check)
        }
        Some(b'[') => {
            let items: Vec<&RawValue> = serde_json::from_str(raw.get()).map_err(json)?;
            items.iter().try_for_each(|it| check_value(it, depth + 1))
        }
        Some(b'"') => serde_json::from_str::<Key<'_>>(raw.get()).map(drop).map_err(json),
        Some(b'-' | b'0'..=b'9') => match raw.get().parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(()),
            _ => Err(Malformed::whole(
                MalformedCode::MalformedJson,
                format!("{} is beyond double precision", short(raw.get())),
            )),
        },
        _ => Ok(()),
    }
}

fn too_deep() -> Malformed {
    let detail = format!("it is nested more than {DEPTH_MAX} levels deep");
    Malformed::whole(MalformedCode::MalformedJson, detail)
}

fn json(error: serde_json::Error) -> Malformed {
    let detail = error.to_string();
    match detail.split_once(DUPLICATE) {
        Some((_, rest)) => {
            let key = rest.rsplit_once("` at line ").map_or(rest, |(key, _)| key);
            let detail = format!("the key `{key}` stands twice");
            Malformed::whole(MalformedCode::DuplicateKey, detail).inside(key)
        }
        None => Malformed::whole(MalformedCode::MalformedJson, detail),
    }
}

const DUPLICATE: &str = "duplicate key `";

impl<'de> Deserialize<'de> for Object<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Object<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members: Vec<(Cow<'de, str>, &'de RawValue)> = Vec::new();
                let mut seen: HashSet<Cow<'de, str>> = HashSet::new();
                while let Some((Key(key), raw)) = map.next_entry::<Key<'de>, &'de RawValue>()? {
                    // Small objects are scanned, large ones indexed: a document of many keys must
                    // not cost their square.
                    let twice = match members.len() {
                        ..16 => members.iter().any(|(it, _)| *it == key),
                        16 => {
                            seen.extend(members.iter().map(|(it, _)| it.clone()));
                            !seen.insert(key.clone())
                        }
                        _ => !seen.insert(key.clone()),
                    };
                    if twice {
                        return Err(de::Error::custom(format!("{DUPLICATE}{}`", short(&key))));
                    }
                    members.push((key, raw));
                }
                Ok(Object(members))
            }
        }
        deserializer.deserialize_map(Read)
    }
}

/// A key, borrowed where it has no escapes.
struct Key<'de>(Cow<'de, str>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Key<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }
            fn visit_borrowed_str<E>(self, key: &'de str) -> Result<Self::Value, E> {
                Ok(Key(Cow::Borrowed(key)))
            }
            fn visit_str<E>(self, key: &str) -> Result<Self::Value, E> {
                Ok(Key(Cow::Owned(key.to_owned())))
            }
        }
        deserializer.deserialize_str(Read)
    }
}

/// One unread value as a serde deserializer.
struct Value<'de> {
    raw: &'de RawValue,
    depth: usize,
}

impl<'de> Value<'de> {
    fn object(&self) -> Result<Object<'de>, Malformed> {
        if self.depth == DEPTH_MAX {
            return Err(too_deep());
        }
        serde_json::from_str(self.raw.get()).map_err(json)
    }
}

impl<'de> Deserializer<'de> for Value<'de> {
    type Error = Malformed;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Malformed> {
        let text = self.raw.get();
        match text.as_bytes().first() {
            Some(b'{') => {
                let object = self.object()?;
                visitor.visit_map(Walk::new(object, self.depth))
            }
            Some(b'[') if self.depth == DEPTH_MAX => Err(too_deep()),
            Some(b'[') => {
                let items: Vec<&RawValue> = serde_json::from_str(text).map_err(json)?;
                visitor.visit_seq(Items { items: items.into_iter(), index: 0, depth: self.depth })
            }
            Some(b'"') => {
                let string: Key<'de> = serde_json::from_str(text).map_err(json)?;
                match string.0 {
                    Cow::Borrowed(it) => visitor.visit_borrowed_str(it),
                    Cow::Owned(it) => visitor.visit_string(it),
                }
            }
            Some(b't' | b'f') => visitor.visit_bool(text == "true"),
            Some(b'n') => visitor.visit_unit(),
            _ => match text.parse::<i64>() {
                Ok(integer) => visitor.visit_i64(integer),
                Err(_) => Err(Malformed::whole(
                    MalformedCode::WrongType,
                    format!("{} is not a whole number of 64 bits", short(text)),
                )),
            },
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Malformed> {
        match self.raw.get() {
            "null" => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Malformed> {
        match self.raw.get().as_bytes().first() {
            Some(b'{') => {
                let (object, depth) = (self.object()?, self.depth);
                Members { object, depth, elsewhere: &[] }.deserialize_struct(name, fields, visitor)
            }
            // What is derived for a struct would take its values in order, without their names.
            Some(b'[') => Err(de::Error::invalid_type(de::Unexpected::Seq, &visitor)),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Malformed> {
        // serde_json's raw values announce themselves by this name; hand the text over as it is.
        match name {
            RAW_VALUE => visitor.visit_map(Raw(Some(self.raw))),
            _ => visitor.visit_newtype_struct(self),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

/// How serde_json's `RawValue` names itself to a deserializer. A private detail of that crate; the
/// test `metadata_passes_unread` fails should it change.
const RAW_VALUE: &str = "$serde_json::private::RawValue";

struct Raw<'de>(Option<&'de RawValue>);

impl<'de> MapAccess<'de> for Raw<'de> {
    type Error = Malformed;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Malformed> {
        match self.0 {
            Some(_) => seed.deserialize(RAW_VALUE.into_deserializer()).map(Some),
            None => Ok(None),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Malformed> {
        let text = self.0.take().map(RawValue::get).unwrap_or_default();
        seed.deserialize(de::value::BorrowedStrDeserializer::new(text))
    }
}

/// The members of an object as a serde deserializer for a struct.
struct Members<'de> {
    object: Object<'de>,
    depth: usize,
    elsewhere: &'static [&'static str],
}

impl<'de> Deserializer<'de> for Members<'de> {
    type Error = Malformed;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Malformed> {
        visitor.visit_map(Walk::new(self.object, self.depth))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Malformed> {
        match self.object.0.iter().find(|(key, _)| !fields.contains(&&**key)) {
            Some((key, _)) => Err(unknown_field(key, &[fields, self.elsewhere].concat())),
            None => self.deserialize_any(visitor),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

fn unknown_field(given: &str, fields: &[&'static str]) -> Malformed {
    let shown = short(given);
    let detail = format!("there is no field `{}`", shown.escape_debug());
    Malformed::whole(MalformedCode::UnknownField, detail)
        .inside(&shown)
        .hint(advice(&shown, fields))
}

/// Hands out members one by one and adds the key to what goes wrong inside.
struct Walk<'de> {
    members: std::vec::IntoIter<(Cow<'de, str>, &'de RawValue)>,
    value: Option<(Cow<'de, str>, &'de RawValue)>,
    depth: usize,
}

impl<'de> Walk<'de> {
    fn new(object: Object<'de>, depth: usize) -> Walk<'de> {
        Walk { members: object.0.into_iter(), value: None, depth }
    }
}

impl<'de> MapAccess<'de> for Walk<'de> {
    type Error = Malformed;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Malformed> {
        self.value = self.members.next();
        match &self.value {
            Some((key, _)) => seed.deserialize((&**key).into_deserializer()).map(Some),
            None => Ok(None),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Malformed> {
        let (key, raw) =
            self.value.take().ok_or_else(|| de::Error::custom("a value before its key"))?;
        seed.deserialize(Value { raw, depth: self.depth + 1 }).map_err(|it| it.inside(&key))
    }
}

/// Hands out items one by one and adds the index to what goes wrong inside.
struct Items<'de> {
    items: std::vec::IntoIter<&'de RawValue>,
    index: usize,
    depth: usize,
}

impl<'de> de::SeqAccess<'de> for Items<'de> {
    type Error = Malformed;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Malformed> {
        let Some(raw) = self.items.next() else { return Ok(None) };
        let index = self.index;
        self.index += 1;
        let item = Value { raw, depth: self.depth + 1 };
        seed.deserialize(item).map(Some).map_err(|it| it.inside(&index.to_string()))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len())
    }
}

/// What `Deserialize` implementations report. A message that begins with a code of
/// [`MalformedCode`] and a colon is about that code; any other is about the type.
impl de::Error for Malformed {
    fn custom<T: fmt::Display>(message: T) -> Malformed {
        let message = message.to_string();
        let coded = message.split_once(": ").and_then(|(code, detail)| {
            let code = MalformedCode::ALL.into_iter().find(|it| it.as_str() == code)?;
            Some(Malformed::whole(code, detail))
        });
        coded.unwrap_or_else(|| Malformed::whole(MalformedCode::WrongType, message))
    }

    fn invalid_type(found: de::Unexpected<'_>, wanted: &dyn de::Expected) -> Malformed {
        // What this code and its libraries call a thing is not what a document calls it.
        let wanted = match wanted.to_string() {
            it if it.starts_with("struct ") || it == "a map" => "an object".to_owned(),
            it if it == "a sequence" => "a list".to_owned(),
            it if matches!(it.as_str(), "i64" | "u64" | "u32") => "a whole number".to_owned(),
            it if it == "a boolean" => "true or false".to_owned(),
            it => it,
        };
        let detail = format!("{wanted} was expected, not {}", shown(found));
        Malformed::whole(MalformedCode::WrongType, detail)
    }

    fn missing_field(field: &'static str) -> Malformed {
        let detail = format!("the field `{field}` is missing");
        Malformed::whole(MalformedCode::MissingField, detail).inside(field)
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "serde's enum, which says itself what it is")]
fn shown(found: de::Unexpected<'_>) -> String {
    match found {
        de::Unexpected::Str(it) if it.len() > 64 => "a long string".to_owned(),
        de::Unexpected::Unit => "null".to_owned(),
        de::Unexpected::Seq => "a list".to_owned(),
        de::Unexpected::Map => "an object".to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests;
