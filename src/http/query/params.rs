//! The parameters of a query: each known, each once, each of its type.

use std::error::Error as _;

use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRequestParts, Query};
use axum::http::Uri;
use axum::http::request::Parts;
use events::malformed::{advice, short};
use serde::Deserialize;
use serde::de::value::Error;
use serde::de::{DeserializeOwned, Deserializer, Error as _, Visitor};
use serde::forward_to_deserialize_any;
use utoipa::IntoParams;

use super::{invalid, unusable};
use crate::http::problem::Problem;

/// The parameters of a query, each known, each of its type.
pub(crate) struct Params<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        // Decoding would put U+FFFD in its place and ask for something else.
        if decodes_to_noise(parts.uri.query().unwrap_or_default()) {
            return Err(invalid("the query", "it is not UTF-8 once it is decoded"));
        }
        match Query::<T>::try_from_uri(&parts.uri) {
            Ok(Query(params)) => Ok(Params(params)),
            Err(rejection) => Err(wrong(&parts.uri, fields::<T>(), &rejection)),
        }
    }
}

/// As of when, for questions that ask nothing else.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct AsOfParams {
    /// As of a sequence, an RFC 3339 time, or the end of a day (UTC)
    pub(crate) at: Option<String>,
    /// Wait until this sequence is taken in
    pub(crate) min_sequence: Option<u64>,
}

/// Which page, and as of when, for lists without filters.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PageParams {
    /// Where to go on: `next` of the page before
    pub(crate) cursor: Option<String>,
    /// Items of the page, 1 to 1,000; 100 when absent
    pub(crate) limit: Option<usize>,
    /// As of a sequence, an RFC 3339 time, or the end of a day (UTC)
    pub(crate) at: Option<String>,
    /// Wait until this sequence is taken in
    pub(crate) min_sequence: Option<u64>,
}

/// Whether the percent-encoded bytes of a query are no text.
fn decodes_to_noise(query: &str) -> bool {
    let mut bytes = Vec::with_capacity(query.len());
    let mut rest = query.as_bytes();
    while let [first, after @ ..] = rest {
        let hex = |it: u8| char::from(it).to_digit(16).and_then(|it| u8::try_from(it).ok());
        let (byte, next) = match (first, after) {
            (b'%', [high, low, next @ ..]) => match (hex(*high), hex(*low)) {
                (Some(high), Some(low)) => (high << 4 | low, next),
                _ => (*first, after),
            },
            _ => (*first, after),
        };
        bytes.push(byte);
        rest = next;
    }
    std::str::from_utf8(&bytes).is_err()
}

/// What is wrong with a query: a name that is unknown before one that stands twice, that before a
/// value. `known` are the names that it may have.
fn wrong(uri: &Uri, known: &[&'static str], rejection: &QueryRejection) -> Problem {
    let pairs = Query::<Vec<(String, String)>>::try_from_uri(uri).map(|it| it.0);
    let names: Vec<String> = pairs.unwrap_or_default().into_iter().map(|it| it.0).collect();
    if let Some(name) = names.iter().find(|it| !known.contains(&it.as_str())) {
        return unknown(name, known);
    }
    let twice = |(at, name): &(usize, &String)| names[..*at].contains(name);
    if let Some((_, name)) = names.iter().enumerate().find(twice) {
        return invalid(name, "it stands twice");
    }
    // The rejection itself begins with a word about deserialising; its cause, with the name.
    let cause = rejection.source().map_or_else(|| rejection.to_string(), ToString::to_string);
    match cause.split_once(": ") {
        Some((name, reason)) if known.contains(&name) => invalid(name, &in_words(reason)),
        _ => invalid("the query", &cause),
    }
}

/// Why a value is not usable, in the words of the API and not of the parser.
fn in_words(reason: &str) -> String {
    if let Some((_, names)) = reason.split_once("expected ") {
        return format!("it must be {}", names.replace('`', ""));
    }
    match reason {
        it if it.contains("digit") || it.contains("integer") || it.contains("number") => {
            "it must be a whole number".to_owned()
        }
        it if it.contains("`true` or `false`") => "it must be true or false".to_owned(),
        it => it.to_owned(),
    }
}

/// A parameter that the question does not have, in the words of an unknown field of a command.
fn unknown(name: &str, known: &[&'static str]) -> Problem {
    let shown = short(name);
    let detail = format!("there is no parameter `{}`", shown.escape_debug());
    unusable(&shown, detail).hint(advice(&shown, known))
}

/// The names of a struct's fields, asked of the struct itself: there is no second list.
fn fields<'de, T: Deserialize<'de>>() -> &'static [&'static str] {
    let mut names: &'static [&'static str] = &[];
    // It notes the names and fails: there is nothing to deserialise.
    let _failed = T::deserialize(Fields(&mut names));
    names
}

/// Notes which fields it is asked for.
struct Fields<'a>(&'a mut &'static [&'static str]);

impl<'de> Deserializer<'de> for Fields<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        Err(Error::custom("only the names of a struct's fields are asked for"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        *self.0 = fields;
        self.deserialize_any(visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}
