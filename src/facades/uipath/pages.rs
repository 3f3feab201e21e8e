//! Pages by offset, as their lists have them.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::http::problem::Problem;
use crate::http::query;

/// Items of one page, at most and unless asked for.
const TOP_MAX: usize = 50;

/// Which page, in which order, as of when. Parameters that nobody knows are passed over.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Paged {
    skip: Option<usize>,
    top: Option<usize>,
    sort_by: Option<String>,
    sort_order: Option<Order>,
    pub(super) at: Option<String>,
    #[serde(rename = "min_sequence")]
    pub(super) min_sequence: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Order {
    Asc,
    Desc,
}

impl Paged {
    /// The member that the list is sorted by: one of these, the first one unless asked for. Theirs are
    /// asked for in `UpperCamelCase`.
    pub(super) fn sorted_by(&self, known: &[&'static str]) -> Result<&'static str, Problem> {
        let first = known.first().copied().unwrap_or_default();
        let Some(asked) = &self.sort_by else { return Ok(first) };
        let found = known.iter().find(|it| it.eq_ignore_ascii_case(asked));
        let reason = || format!("it must be one of {}, in UpperCamelCase", known.join(", "));
        found.copied().ok_or_else(|| query::invalid("sortBy", &reason()))
    }

    /// Items of a page.
    pub(super) fn top(&self) -> Result<usize, Problem> {
        match self.top {
            None => Ok(TOP_MAX),
            Some(top @ 1..=TOP_MAX) => Ok(top),
            Some(top) => Err(query::invalid("top", &format!("{top} is not in 1 to {TOP_MAX}"))),
        }
    }

    /// The page of a list, by a member of what `shown` finds in an item, and by `id` where that is the
    /// same.
    pub(super) fn page(
        &self,
        top: usize,
        mut all: Vec<Value>,
        shown: impl Fn(&Value) -> &Value,
        by: &str,
    ) -> Value {
        let total = all.len();
        all.sort_by_cached_key(|it| {
            let it = shown(it);
            (place(&it[by]), it["id"].as_str().unwrap_or_default().to_owned())
        });
        if self.sort_order == Some(Order::Desc) {
            all.reverse();
        }
        let page = all.into_iter().skip(self.skip.unwrap_or_default()).take(top);
        json!({"results": page.collect::<Vec<_>>(), "totalCount": total})
    }
}

/// Where a value stands among others of its member: nothing first, numbers by code by their sum, and
/// everything else by its text, whatever the case.
fn place(value: &Value) -> (u64, String) {
    match value {
        Value::Null => (0, String::new()),
        Value::String(text) => (0, text.to_lowercase()),
        Value::Object(numbers) => (numbers.values().filter_map(Value::as_u64).sum(), String::new()),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) => {
            (0, value.to_string().to_lowercase())
        }
    }
}
