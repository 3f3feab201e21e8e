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
    /// The name of what the list is sorted by: one of these, the first one unless asked for.
    pub(super) fn sorted_by(&self, known: &[&'static str]) -> Result<&'static str, Problem> {
        let first = known.first().copied().unwrap_or_default();
        let Some(asked) = &self.sort_by else { return Ok(first) };
        let found = known.iter().find(|it| it.eq_ignore_ascii_case(asked));
        let reason = format!("it must be one of {}", known.join(", "));
        found.copied().ok_or_else(|| query::invalid("sortBy", &reason))
    }

    /// Items of a page.
    pub(super) fn top(&self) -> Result<usize, Problem> {
        match self.top {
            None => Ok(TOP_MAX),
            Some(top @ 1..=TOP_MAX) => Ok(top),
            Some(top) => Err(query::invalid("top", &format!("{top} is not in 1 to {TOP_MAX}"))),
        }
    }

    /// The page, of a list that is sorted already; how each item is told is asked for its own only.
    pub(super) fn page<T>(
        &self,
        top: usize,
        mut all: Vec<T>,
        told: impl FnMut(T) -> Result<Value, Problem>,
    ) -> Result<Value, Problem> {
        let total = all.len();
        if self.sort_order == Some(Order::Desc) {
            all.reverse();
        }
        let page = all.into_iter().skip(self.skip.unwrap_or_default()).take(top);
        let results: Vec<Value> = page.map(told).collect::<Result<_, _>>()?;
        Ok(json!({"results": results, "totalCount": total}))
    }
}
