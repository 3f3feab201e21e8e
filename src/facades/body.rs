//! What vendors' clients send: read strictly where it matters, leniently where they differ.

use events::text::check_text;
use serde::de::DeserializeOwned;

use crate::http::problem::Problem;
use crate::intake::EMPTY;

/// What is wrong with what was sent, by the vendor's own name of the member.
pub(crate) fn unusable(member: &str, reason: &str) -> Problem {
    let detail = format!("{member}: {reason}");
    Problem::new(400, "invalid_body", "The body is not usable", detail).with("member", member)
}

/// A JSON object. Members that nobody knows are passed over, as clients send more than is documented;
/// one of the wrong type, or that stands twice, is not.
pub(crate) fn object<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    let problem = |detail: String| {
        Problem::new(400, "malformed_json", "The body is not a JSON object", detail)
    };
    match body.trim_ascii() {
        [] => Err(problem(EMPTY.to_owned())),
        [b'{', ..] => serde_json::from_slice(body).map_err(|it| problem(it.to_string())),
        // A list would be read as the members in their order.
        _ => Err(problem("it is no object".to_owned())),
    }
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
