//! Pages as their lists have them: cursors both ways, all pages of one state.

use axum::extract::FromRequestParts;
use axum::extract::Query;
use axum::http::request::Parts;
use projections::page::PAGE_MAX;
use serde_json::{Value, json};

use crate::http::problem::Problem;
use crate::http::query;

/// Items of a page unless asked for.
const LIMIT: usize = 50;

/// The parameters of a list. Those that nobody knows are passed over.
pub(super) struct Listed {
    pairs: Vec<(String, String)>,
    limit: usize,
    offset: usize,
    /// As of which sequence the pages before were.
    sequence: Option<u64>,
    pub(super) min_sequence: Option<u64>,
}

impl<S: Send + Sync> FromRequestParts<S> for Listed {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Listed, Problem> {
        let pairs = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri);
        Listed::of(pairs.map_err(|it| query::invalid("the query", &it.body_text()))?.0)
    }
}

impl Listed {
    fn of(pairs: Vec<(String, String)>) -> Result<Listed, Problem> {
        let mut listed =
            Listed { pairs, limit: LIMIT, offset: 0, sequence: None, min_sequence: None };
        if let Some(limit) = listed.number("limit")? {
            if !(1..=PAGE_MAX as u64).contains(&limit) {
                let reason = format!("{limit} is not in 1 to {PAGE_MAX}");
                return Err(query::invalid("limit", &reason));
            }
            listed.limit = usize::try_from(limit).unwrap_or(PAGE_MAX);
        }
        listed.min_sequence = listed.number("min_sequence")?;
        let cursor = match (listed.text("next"), listed.text("prev")) {
            (Some(_), Some(_)) => return Err(query::invalid("prev", "next is given too")),
            (cursor @ Some(_), None) | (None, cursor) => cursor,
        };
        if let Some(cursor) = cursor {
            let parts = cursor.split_once('.');
            let parts = parts.and_then(|(a, b)| Some((a.parse().ok()?, b.parse().ok()?)));
            let unknown = || query::invalid("next", "it is no cursor of this list");
            let (offset, sequence) = parts.ok_or_else(unknown)?;
            (listed.offset, listed.sequence) = (offset, Some(sequence));
        }
        Ok(listed)
    }

    /// A parameter, where it is given and not empty.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        let found = self.pairs.iter().find(|it| it.0 == name).map(|it| it.1.as_str());
        found.filter(|it| !it.is_empty())
    }

    /// All values of a parameter that is a list, however clients write one: several times, with
    /// brackets, numbered, or in one text between commas, as their page prints it.
    pub(super) fn texts(&self, name: &str) -> Vec<&str> {
        let all = self.pairs.iter().filter(|it| is_of_list(&it.0, name));
        let values = all.flat_map(|it| it.1.split(',')).map(str::trim);
        values.filter(|it| !it.is_empty()).collect()
    }

    fn number(&self, name: &str) -> Result<Option<u64>, Problem> {
        let Some(text) = self.text(name) else { return Ok(None) };
        text.parse().map(Some).map_err(|_| query::invalid(name, "it must be a whole number"))
    }

    /// A parameter that is true or false.
    pub(super) fn flag(&self, name: &str) -> Result<Option<bool>, Problem> {
        let Some(text) = self.text(name) else { return Ok(None) };
        text.parse().map(Some).map_err(|_| query::invalid(name, "it must be true or false"))
    }

    /// As of when: the state that the pages before were of, or what is asked for.
    pub(super) fn at(&self) -> Option<String> {
        self.sequence.map(|it| it.to_string()).or_else(|| self.text("at").map(str::to_owned))
    }

    /// Whether the list is asked for backwards.
    pub(super) fn backwards(&self) -> Result<bool, Problem> {
        match self.text("sortDirection") {
            None | Some("asc") => Ok(false),
            Some("desc") => Ok(true),
            Some(_) => Err(query::invalid("sortDirection", "it must be asc or desc")),
        }
    }

    /// The page, of a list that is whole.
    pub(super) fn page(&self, all: Vec<Value>, sequence: u64) -> Value {
        let total = all.len();
        let cursor = |offset: usize| format!("{offset}.{sequence}");
        let after = self.offset.saturating_add(self.limit);
        let next = (after < total).then(|| cursor(after));
        let prev = (self.offset > 0).then(|| cursor(self.offset.saturating_sub(self.limit)));
        let data: Vec<Value> = all.into_iter().skip(self.offset).take(self.limit).collect();
        json!({"data": data, "cursor": {"next": next, "prev": prev, "totalItems": total}})
    }
}

/// Whether a parameter is one of a list: `name`, `name[]` or `name[0]`.
fn is_of_list(parameter: &str, name: &str) -> bool {
    let Some(behind) = parameter.strip_prefix(name) else { return false };
    let place = behind.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
    behind.is_empty() || place.is_some_and(|it| it.bytes().all(|it| it.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(query: &[(&str, &str)]) -> Result<Listed, Problem> {
        Listed::of(query.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect())
    }

    #[test]
    fn pages_lead_to_each_other() {
        let all = || (0..5).map(Value::from).collect::<Vec<_>>();
        let first = listed(&[("limit", "2")]).unwrap().page(all(), 7);
        assert_eq!(first["data"], json!([0, 1]));
        assert_eq!(first["cursor"], json!({"next": "2.7", "prev": null, "totalItems": 5}));
        let second = listed(&[("limit", "2"), ("next", "2.7")]).unwrap();
        assert_eq!(second.at().as_deref(), Some("7"));
        let second = second.page(all(), 7);
        assert_eq!(second["data"], json!([2, 3]));
        assert_eq!(second["cursor"], json!({"next": "4.7", "prev": "0.7", "totalItems": 5}));
        let last = listed(&[("limit", "2"), ("next", "4.7")]).unwrap().page(all(), 7);
        assert_eq!((&last["data"], &last["cursor"]["next"]), (&json!([4]), &Value::Null));
    }

    #[test]
    fn what_is_no_parameter_is_said_so() {
        for bad in [
            ("limit", "0"),
            ("limit", "1001"),
            ("limit", "x"),
            ("next", "x"),
            ("prev", "1.x"),
            ("min_sequence", "-1"),
        ] {
            assert_eq!(listed(&[bad]).map(drop).unwrap_err().status, 400, "{bad:?}");
        }
        assert_eq!(listed(&[("next", "0.1"), ("prev", "0.1")]).map(drop).unwrap_err().status, 400);
        let roles = listed(&[("roles[]", "a"), ("roles", "b"), ("other", "c")]).unwrap();
        assert_eq!(roles.texts("roles"), ["a", "b"]);
        let roles = [("roles[0]", "a"), ("roles[12]", "b, c"), ("roles[x]", "d"), ("rolesd", "e")];
        assert_eq!(listed(&roles).unwrap().texts("roles"), ["a", "b", "c"]);
        assert_eq!(listed(&[("roles", "")]).unwrap().texts("roles"), Vec::<&str>::new());
    }
}
