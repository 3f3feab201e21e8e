//! What vendors' clients send: read strictly where it matters, leniently where they differ; and what
//! they are told is wrong with it.

use std::fmt;

use events::text::check_text;
use serde::Deserializer;
use serde::de::{DeserializeOwned, Error, Visitor};
use serde_json::Value;
use serde_path_to_error::Segment;

use crate::http::problem::Problem;
use crate::intake::EMPTY;

/// What is wrong with what was sent, by the vendor's own name of the member.
pub(crate) fn unusable(member: &str, reason: &str) -> Problem {
    let detail = format!("{member}: {reason}");
    Problem::new(400, "invalid_body", "The body is not usable", detail).with("member", member)
}

/// Characters that are repeated of why a body cannot be read.
const REASON_SHOWN: usize = 200;

/// A JSON object. Members that nobody knows are passed over, as clients send more than is documented;
/// one of the wrong type, or that stands twice, is not.
pub(crate) fn object<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    let problem = |detail: String| {
        Problem::new(400, "malformed_json", "The body is not a JSON object", detail)
    };
    match body.trim_ascii() {
        [] => Err(problem(EMPTY.to_owned())),
        [b'{', ..] => {
            let mut reader = serde_json::Deserializer::from_slice(body);
            let wanted = serde_path_to_error::deserialize(&mut reader).map_err(|it| {
                if !it.inner().is_data() {
                    return problem(it.inner().to_string());
                }
                let (member, reason) = said(it.path(), &it.inner().to_string());
                unusable(&member, &reason)
            })?;
            reader.end().map_err(|it| problem(it.to_string()))?;
            Ok(wanted)
        }
        // A list would be read as the members in their order.
        _ => Err(problem("it is no object".to_owned())),
    }
}

/// Which member something is wrong with, and what.
fn said(path: &serde_path_to_error::Path, reason: &str) -> (String, String) {
    let mut member = String::new();
    for segment in path.iter() {
        match segment {
            Segment::Seq { index } => member.push_str(&format!("[{index}]")),
            Segment::Map { key } | Segment::Enum { variant: key } => {
                member.push_str(if member.is_empty() { "" } else { "." });
                member.push_str(key);
            }
            Segment::Unknown => {}
        }
    }
    // Where in the text it stands says less than the member.
    let reason = reason.rsplit_once(" at line ").map_or(reason, |it| it.0);
    let named = |said: &str| Some(reason.strip_prefix(said)?.strip_suffix('`')?.to_owned());
    let (absent, twice) = (named("missing field `"), named("duplicate field `"));
    let reason = match (&absent, &twice) {
        (Some(_), _) => "it is missing".to_owned(),
        (None, Some(_)) => "it stands twice".to_owned(),
        (None, None) => reason.chars().take(REASON_SHOWN).collect(),
    };
    // Both are said of the object that the member is in.
    let last = absent.or_else(|| twice.filter(|it| !is_last(&member, it)));
    match last {
        Some(last) if member.is_empty() => (last, reason),
        Some(last) => (format!("{member}.{last}"), reason),
        None if member.is_empty() => ("the body".to_owned(), reason),
        None => (member, reason),
    }
}

fn is_last(member: &str, name: &str) -> bool {
    member.rsplit('.').next() == Some(name)
}

/// A whole number, however it is written: `10`, `10.0` and `1e1` are the same.
pub(crate) fn whole<'de, D: Deserializer<'de>>(from: D) -> Result<i64, D::Error> {
    from.deserialize_i64(Whole)
}

struct Whole;

impl Visitor<'_> for Whole {
    type Value = i64;

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("a whole number")
    }

    fn visit_i64<E: Error>(self, it: i64) -> Result<i64, E> {
        Ok(it)
    }

    fn visit_u64<E: Error>(self, it: u64) -> Result<i64, E> {
        i64::try_from(it).map_err(|_| E::custom(format!("{it} is too large")))
    }

    fn visit_f64<E: Error>(self, it: f64) -> Result<i64, E> {
        // Beyond this a fraction cannot say every whole number.
        const EXACT: f64 = 9_007_199_254_740_992.0;
        match it.fract() == 0.0 && it.abs() <= EXACT {
            true => Ok(it as i64),
            false => Err(E::custom(format!("{it} is no whole number, or too large"))),
        }
    }
}

/// A refusal of one command of several that a call became: the client knows of one call only. What
/// points at a command of a batch names it first, and then says what is wrong.
pub(crate) fn of_the_call(mut problem: Problem) -> Problem {
    let text = |name: &str| problem.extra.get(name).and_then(Value::as_str);
    let is_refused = text("outcome") == Some("refused");
    let is_of_one = text("pointer").is_some_and(|it| it.starts_with("/commands/"));
    if is_refused
        && is_of_one
        && let Some((_, said)) = problem.detail.split_once(": ")
    {
        problem.detail = said.to_owned();
    }
    problem
}

/// Names: so many at most, each usable, each once, in the order in which they were given.
pub(crate) fn names(member: &str, given: &[String], max: usize) -> Result<Vec<String>, Problem> {
    if given.len() > max {
        return Err(unusable(member, &format!("it has {}, at most {max} are taken", given.len())));
    }
    let mut names: Vec<String> = Vec::with_capacity(given.len());
    let mut seen = std::collections::HashSet::with_capacity(given.len());
    for (place, it) in given.iter().enumerate() {
        name(&format!("{member}[{place}]"), it)?;
        if seen.insert(it.as_str()) {
            names.push(it.clone());
        }
    }
    Ok(names)
}

/// One name.
pub(crate) fn name(member: &str, given: &str) -> Result<(), Problem> {
    check_text(given).map_err(|it| {
        let reason = it.to_string();
        unusable(member, reason.split_once(": ").map_or(reason.as_str(), |it| it.1))
    })
}

#[cfg(test)]
mod tests {
    use events::{AccountId, CommandType, Refusal};
    use serde::Deserialize;

    use super::*;
    use crate::intake::refusal_problem;

    #[derive(Debug, Deserialize)]
    struct Sent {
        names: Vec<String>,
        #[serde(default)]
        items: Vec<Item>,
    }

    #[derive(Debug, Deserialize)]
    struct Item {
        #[serde(deserialize_with = "whole")]
        limit: i64,
    }

    #[test]
    fn a_whole_number_is_one_however_it_is_written() {
        for (text, number) in [("10", 10), ("10.0", 10), ("1e1", 10), ("-0.0", 0), ("-2.0", -2)] {
            let body = format!(r#"{{"names":[],"items":[{{"limit":{text}}}]}}"#);
            let sent = object::<Sent>(body.as_bytes()).unwrap();
            assert_eq!((sent.names.len(), sent.items[0].limit), (0, number), "{text}");
        }
        for text in ["1.5", "1e300", "9223372036854775808", "9007199254740994.0", "\"1\"", "null"] {
            let body = format!(r#"{{"names":[],"items":[{{"limit":{text}}}]}}"#);
            let problem = object::<Sent>(body.as_bytes()).unwrap_err();
            assert_eq!(problem.extra["member"], "items[0].limit", "{text}: {problem:?}");
        }
    }

    #[test]
    fn the_member_that_something_is_wrong_with_is_named() {
        for (body, detail) in [
            (r#"{}"#, "names: it is missing"),
            (r#"{"names":[],"names":[]}"#, "names: it stands twice"),
            (r#"{"names":[],"items":[{}]}"#, "items[0].limit: it is missing"),
            (r#"{"names":[],"items":[{"limit":1,"limit":1}]}"#, "items[0].limit: it stands twice"),
            (r#"{"names":["a",7]}"#, "names[1]: invalid type: integer `7`, expected a string"),
            (r#"{"names":"a"}"#, "names: invalid type: string \"a\", expected a sequence"),
        ] {
            let problem = object::<Sent>(body.as_bytes()).unwrap_err();
            assert_eq!((problem.code.as_str(), problem.detail.as_str()), ("invalid_body", detail));
        }
        for body in
            ["", "[]", "null", "{", "{\"names\":[]} x", "{\"names\":[],}", "{\"names\":\"\u{1}\"}"]
        {
            let problem = object::<Sent>(body.as_bytes()).unwrap_err();
            assert_eq!(problem.code, "malformed_json", "{body}");
        }
        let long = format!(r#"{{"names":"{}"}}"#, "x".repeat(5_000));
        assert!(object::<Sent>(long.as_bytes()).unwrap_err().detail.len() < 300);
    }

    #[test]
    fn a_refusal_of_one_command_of_several_is_one_of_the_call() {
        let told = |refusal: &Refusal| {
            refusal_problem(refusal.code(), refusal.to_string(), refusal.pointer())
        };
        let of = |refusal: &Refusal| of_the_call(told(refusal)).detail;
        let account = AccountId::new("acme").unwrap();
        // What is said of it alone has two parts, too.
        let alone =
            Refusal::NoFreeSeat { named: "c1".into(), held: 2, shared: 0, quantity: 2, wanted: 1 };
        for refusal in [alone, Refusal::AccountNotFound(account)] {
            let said = refusal.to_string();
            assert_eq!(of(&refusal), said);
            let kind = CommandType::AssignSeat;
            let refusal = Refusal::InBatch { place: 1, kind, refusal: Box::new(refusal) };
            assert_ne!(told(&refusal).detail, said);
            assert_eq!(of(&refusal), said);
        }
    }
}
