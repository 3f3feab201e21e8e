//! What a producer wants kept beside a license or an assignment, untouched.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::limits::METADATA_BYTES_MAX;

/// A JSON object, kept as the bytes that came: numbers keep their digits, members their order.
/// Only white space between tokens is left out, so that an event stays one line.
///
/// Invariant: an object that any JSON reader can read, without duplicate keys at any level, of at
/// most [`METADATA_BYTES_MAX`] bytes.
#[derive(Clone, PartialEq, Eq, ToSchema)]
#[schema(value_type = Object)]
pub struct Metadata(Box<str>);

/// Why a document cannot be metadata.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMetadata {
    /// Not an object.
    #[error("invalid_metadata: it must be a JSON object")]
    NotAnObject,
    /// Larger than [`METADATA_BYTES_MAX`].
    #[error("invalid_metadata: it has {0} bytes, at most {METADATA_BYTES_MAX} are allowed")]
    TooLarge(usize),
    /// Not JSON, or nested too deeply, or with a duplicate key, half a surrogate pair or a number
    /// beyond double precision: what some reader of the log could not read.
    #[error("invalid_metadata: {0}")]
    Json(String),
}

impl Metadata {
    /// Checks a JSON text and keeps it, without its insignificant white space.
    pub fn new(json: &str) -> Result<Metadata, InvalidMetadata> {
        let compact = without_white_space(json);
        if !compact.starts_with('{') {
            return Err(InvalidMetadata::NotAnObject);
        }
        if compact.len() > METADATA_BYTES_MAX {
            return Err(InvalidMetadata::TooLarge(compact.len()));
        }
        // The text as it came: without its white space `1 2` would pass as 12.
        crate::strict::check(json).map_err(|it| InvalidMetadata::Json(it.to_string()))?;
        Ok(Metadata(compact.into()))
    }

    /// The JSON text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Drops white space outside strings; anything else stays as it is.
fn without_white_space(json: &str) -> String {
    let mut kept = String::with_capacity(json.len());
    let (mut in_string, mut escaped) = (false, false);
    for it in json.chars() {
        if in_string {
            in_string = escaped || it != '"';
            escaped = !escaped && it == '\\';
        } else if matches!(it, ' ' | '\t' | '\n' | '\r') {
            continue;
        } else {
            in_string = it == '"';
        }
        kept.push(it);
    }
    kept
}

impl fmt::Debug for Metadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Metadata {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Invariant: the text was checked when it was made, so this borrow cannot fail.
        let raw: &RawValue = serde_json::from_str(&self.0).map_err(serde::ser::Error::custom)?;
        raw.serialize(serializer)
    }
}

/// Reads the raw text, from serde_json and from the strict reader alike.
impl<'de> Deserialize<'de> for Metadata {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(deserializer)?;
        Metadata::new(raw.get()).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_keeps_its_bytes() {
        let given =
            "{ \"n\" : 123456789012345678901234567890,\n \"s\":\"a \\\" b\", \"z\":[1, 2] }";
        let kept = Metadata::new(given).unwrap();
        assert_eq!(kept.as_str(), r#"{"n":123456789012345678901234567890,"s":"a \" b","z":[1,2]}"#);
        assert_eq!(serde_json::to_string(&kept).unwrap(), kept.as_str());
        assert_eq!(serde_json::from_str::<Metadata>(given).unwrap(), kept);
    }

    #[test]
    fn metadata_can_be_read_by_any_json_reader() {
        for odd in
            [r#"{"a":"\ud800"}"#, r#"{"a":["\udc00x"]}"#, r#"{"a":1e999}"#, r#"{"a":-1e999}"#]
        {
            assert!(matches!(Metadata::new(odd), Err(InvalidMetadata::Json(_))), "{odd}");
        }
        for even in [r#"{"a":"\ud83d\ude00"}"#, r#"{"a":1e-999}"#, r#"{"a":-0.10E+2}"#] {
            assert_eq!(Metadata::new(even).unwrap().as_str(), even);
        }
    }

    #[test]
    fn metadata_is_a_bounded_object_without_duplicates() {
        assert_eq!(Metadata::new("[1]"), Err(InvalidMetadata::NotAnObject));
        assert!(matches!(Metadata::new(r#"{"a":{"b":1,"b":2}}"#), Err(InvalidMetadata::Json(_))));
        assert!(matches!(Metadata::new(r#"{"a":1"#), Err(InvalidMetadata::Json(_))));
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(100), "]".repeat(100));
        assert!(matches!(Metadata::new(&deep), Err(InvalidMetadata::Json(_))));
        for broken in [r#"{"a":1 2}"#, r#"{"a":tr ue}"#, "{\"a\":1}\u{a0}", "{}{}", " "] {
            assert!(Metadata::new(broken).is_err(), "{broken}");
        }
        let sized = |n: usize| format!("{{\"a\":\"{}\"}}", "x".repeat(n - 8));
        assert!(Metadata::new(&sized(METADATA_BYTES_MAX)).is_ok());
        assert_eq!(
            Metadata::new(&sized(METADATA_BYTES_MAX + 1)),
            Err(InvalidMetadata::TooLarge(METADATA_BYTES_MAX + 1))
        );
    }
}
