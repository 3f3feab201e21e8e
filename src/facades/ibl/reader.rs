//! What a call says, member by member or parameter by parameter: strictly enough to say what is
//! wrong, and leniently where clients of the vendor differ.

use std::collections::BTreeMap;

use events::Moment;
use events::command::Patch;
use serde_json::value::RawValue;

use super::failure::Failure;
use super::members::Members;

/// A value as it came.
#[derive(Debug, Clone)]
pub(super) enum Given {
    /// Of a query or a form.
    Text(String),
    /// Of a JSON object.
    Json(Box<RawValue>),
}

impl Given {
    fn is_null(&self) -> bool {
        matches!(self, Given::Json(json) if json.get() == "null")
    }

    /// A text, whether it is written as one or stands in a form.
    fn text(&self) -> Option<String> {
        match self {
            Given::Text(text) => Some(text.clone()),
            Given::Json(json) => serde_json::from_str(json.get()).ok(),
        }
    }

    /// What a number or a word is written as, with quotes or without.
    fn word(&self) -> String {
        match self {
            Given::Text(text) => text.trim().to_owned(),
            Given::Json(json) => self.text().unwrap_or_else(|| json.get().to_owned()),
        }
    }
}

/// Reads what a call says, and gathers everything that is wrong with it.
#[derive(Debug, Default)]
pub(super) struct Reader {
    given: Vec<(String, Given)>,
    wrong: BTreeMap<String, Vec<String>>,
}

impl Reader {
    /// Of a query or a form.
    pub(super) fn of_pairs(pairs: impl IntoIterator<Item = (String, String)>) -> Reader {
        let given = pairs.into_iter().map(|(name, text)| (name, Given::Text(text))).collect();
        Reader { given, wrong: BTreeMap::new() }
    }

    /// Of a JSON object.
    pub(super) fn of_members(members: Members) -> Reader {
        let given = members.into_iter().map(|(name, json)| (name, Given::Json(json))).collect();
        Reader { given, wrong: BTreeMap::new() }
    }

    /// All names, in their order.
    pub(super) fn texts(&self) -> impl Iterator<Item = (&str, String)> {
        self.given.iter().map(|(name, it)| (name.as_str(), it.word()))
    }

    /// Of two values of one name the last one counts.
    fn get(&self, name: &str) -> Option<&Given> {
        self.given.iter().rev().find(|it| it.0 == name).map(|it| &it.1)
    }

    /// What is there and is not `null`.
    fn some(&self, name: &str) -> Option<&Given> {
        self.get(name).filter(|it| !it.is_null())
    }

    /// Takes note that something is wrong.
    pub(super) fn is_wrong(&mut self, name: &str, said: &str) {
        self.wrong.entry(name.to_owned()).or_default().push(said.to_owned());
    }

    /// A value that is nothing but `null` or absent, or what it is read as.
    fn read<T>(&mut self, name: &str, read: impl Fn(&Given) -> Option<T>, said: &str) -> Option<T> {
        let value = read(self.some(name)?);
        if value.is_none() {
            self.is_wrong(name, said);
        }
        value
    }

    pub(super) fn text(&mut self, name: &str) -> Option<String> {
        self.read(name, Given::text, "it must be a string")
    }

    /// A text that may be taken away: `null` and the empty one stand for none.
    pub(super) fn label(&mut self, name: &str) -> Patch<String> {
        match self.get(name) {
            None => Patch::Keep,
            Some(it) if it.is_null() => Patch::Clear,
            Some(_) => match self.text(name) {
                Some(text) if !text.is_empty() => Patch::Set(text),
                Some(_) | None => Patch::Clear,
            },
        }
    }

    pub(super) fn integer(&mut self, name: &str) -> Option<i64> {
        self.read(name, |it| whole(&it.word()), "it must be a whole number")
    }

    /// A number that something is known by. One that nothing can have is as good as any other.
    pub(super) fn number(&mut self, name: &str) -> Option<u64> {
        self.integer(name).map(|it| u64::try_from(it).unwrap_or_default())
    }

    pub(super) fn boolean(&mut self, name: &str) -> Option<bool> {
        let read = |it: &Given| match it.word().to_ascii_lowercase().as_str() {
            "true" | "1" | "on" | "yes" => Some(true),
            "false" | "0" | "off" | "no" => Some(false),
            _ => None,
        };
        self.read(name, read, "it must be true or false")
    }

    /// A time that may be taken away. One without a zone is in UTC.
    pub(super) fn time(&mut self, name: &str) -> Patch<Moment> {
        match self.get(name) {
            None => Patch::Keep,
            Some(it) if it.is_null() || matches!(it, Given::Text(text) if text.is_empty()) => {
                Patch::Clear
            }
            Some(_) => {
                let said = "it must be a time such as 2026-05-03T09:00:00Z";
                self.read(name, |it| moment(&it.text()?), said).map_or(Patch::Keep, Patch::Set)
            }
        }
    }

    /// A JSON object; in a form it stands as text.
    pub(super) fn object(&mut self, name: &str) -> Option<Members> {
        let read = |it: &Given| match it {
            Given::Text(text) => serde_json::from_str(text).ok(),
            Given::Json(json) => Members::of(json),
        };
        self.read(name, read, "it must be a JSON object")
    }

    /// What has to be there.
    pub(super) fn needed<T>(&mut self, name: &str, value: Option<T>) -> Option<T> {
        if value.is_none() && !self.wrong.contains_key(name) {
            self.is_wrong(name, "it is needed");
        }
        value
    }

    /// Whether everything that was read could be.
    pub(super) fn done(&mut self) -> Result<(), Failure> {
        match self.wrong.is_empty() {
            true => Ok(()),
            false => Err(Failure::invalid(std::mem::take(&mut self.wrong))),
        }
    }
}

/// Whole numbers from here on cannot be told apart where they are written with a fraction.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// A whole number however it is written: `2`, `2.0`, `2e0`.
#[expect(clippy::cast_possible_truncation, reason = "it has no fraction, and is exact")]
fn whole(text: &str) -> Option<i64> {
    let written = |it: f64| (it.fract() == 0.0 && it.abs() < EXACT).then_some(it as i64);
    text.parse().ok().or_else(|| text.parse().ok().and_then(written))
}

/// RFC 3339, or the same without a zone, or with a space between date and time.
fn moment(text: &str) -> Option<Moment> {
    let text = text.trim().replacen(' ', "T", 1);
    Moment::parse(&text).or_else(|_| Moment::parse(&format!("{text}Z"))).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reader(json: &str) -> Reader {
        Reader::of_members(serde_json::from_str(json).unwrap())
    }

    #[test]
    fn values_are_read_from_json_and_from_forms() {
        let mut json = reader(
            r#"{"n":7,"m":"8","b":true,"c":"False","t":"2026-05-03T09:00:00","o":{"a":1.50}}"#,
        );
        assert_eq!((json.integer("n"), json.integer("m")), (Some(7), Some(8)));
        assert_eq!((json.boolean("b"), json.boolean("c")), (Some(true), Some(false)));
        let at = Moment::parse("2026-05-03T09:00:00Z").unwrap();
        assert_eq!(json.time("t"), Patch::Set(at));
        assert_eq!(json.object("o").unwrap().to_raw().get(), r#"{"a":1.50}"#);
        assert_eq!(json.integer("absent"), None);
        assert_eq!(json.done(), Ok(()));
        let pair = |name: &str, text: &str| (name.to_owned(), text.to_owned());
        let mut form = Reader::of_pairs([
            pair("n", "7"),
            pair("b", "1"),
            pair("t", "2026-05-03 09:00:00+00:00"),
            pair("o", r#"{"a":1}"#),
        ]);
        assert_eq!((form.integer("n"), form.boolean("b")), (Some(7), Some(true)));
        assert_eq!(form.time("t"), Patch::Set(at));
        assert_eq!(form.object("o").unwrap().to_raw().get(), r#"{"a":1}"#);
        assert_eq!(form.done(), Ok(()));
    }

    #[test]
    fn everything_that_is_wrong_is_said_at_once() {
        let mut json = reader(r#"{"n":"x","b":2,"t":"soon","o":[1],"s":{}}"#);
        json.integer("n");
        json.boolean("b");
        json.time("t");
        json.object("o");
        json.text("s");
        json.needed::<i64>("gone", None);
        let failure = json.done().unwrap_err();
        let body = format!("{failure:?}");
        for name in ["\"n\"", "\"b\"", "\"t\"", "\"o\"", "\"s\"", "\"gone\""] {
            assert!(body.contains(name), "{name}: {body}");
        }
    }

    #[test]
    fn null_takes_away_and_absent_keeps() {
        let mut json = reader(r#"{"a":null,"b":"","c":"x","t":null,"n":null}"#);
        assert_eq!((json.label("a"), json.label("b")), (Patch::Clear, Patch::Clear));
        assert_eq!((json.label("c"), json.label("d")), (Patch::Set("x".into()), Patch::Keep));
        assert_eq!((json.time("t"), json.time("u")), (Patch::Clear, Patch::Keep));
        assert_eq!((json.integer("n"), json.done()), (None, Ok(())));
    }
}
