//! Lists, page by page.

use axum::http::HeaderValue;
use axum::response::{IntoResponse as _, Response};
use projections::page::{Listing, PAGE_MAX};
use serde::Serialize;

use super::call::{Call, Place};
use super::failure::Failure;
use super::reader::Reader;
use crate::http::headers::SEQUENCE;
use crate::http::query::{self, AsOf};

/// Items of a page unless asked for.
const PAGE_SIZE: u64 = 100;

/// Which stretch of a list.
#[derive(Debug, Clone, Copy)]
pub(super) struct Paging {
    page: u64,
    size: u64,
}

impl Paging {
    /// As asked for: pages are counted from 1.
    pub(super) fn of(query: &mut Reader) -> Paging {
        let page = query.integer("page").unwrap_or(1);
        let size = query.integer("page_size");
        let max = u64::try_from(PAGE_MAX).unwrap_or(u64::MAX);
        let sizes = 1..=max;
        let size = size.map_or(PAGE_SIZE, |it| u64::try_from(it).unwrap_or(0));
        if !sizes.contains(&size) {
            query.is_wrong("page_size", &format!("it must be 1 to {max}"));
        }
        let page = u64::try_from(page).unwrap_or(0);
        if page == 0 {
            query.is_wrong("page", "it must be 1 or more");
        }
        Paging { page, size }
    }

    /// How many items to step over, and how many to give.
    pub(super) fn stretch(self) -> (u64, usize) {
        let skip = self.page.saturating_sub(1).saturating_mul(self.size);
        (skip, usize::try_from(self.size).unwrap_or(PAGE_MAX))
    }

    /// The stretch of a list that is at hand as a whole.
    pub(super) fn cut<T>(self, all: Vec<T>, sequence: u64) -> Listing<T> {
        let (skip, limit) = self.stretch();
        let count = u64::try_from(all.len()).unwrap_or(u64::MAX);
        let skip = usize::try_from(skip).unwrap_or(usize::MAX);
        let items = all.into_iter().skip(skip).take(limit).collect();
        Listing { items, count, sequence }
    }
}

/// A page as the vendor shows it: by the names of its schema, and by those of its descriptions.
#[derive(Serialize)]
struct Shown<T> {
    count: u64,
    next: Option<String>,
    previous: Option<String>,
    next_page: Option<String>,
    previous_page: Option<String>,
    results: Vec<T>,
}

/// Answers with a page.
pub(super) fn answer<T: Serialize>(
    place: &Place,
    paging: Paging,
    as_of: AsOf,
    listing: Listing<T>,
) -> Result<Response, Failure> {
    let (skip, _) = paging.stretch();
    let shown = u64::try_from(listing.items.len()).unwrap_or(u64::MAX);
    let more = skip.saturating_add(shown) < listing.count && shown > 0;
    let next = more.then(|| place.page(paging.page + 1));
    // Before a page beyond the last one stands the last one.
    let last = listing.count.div_ceil(paging.size).max(1);
    let previous = (paging.page > 1).then(|| place.page(last.min(paging.page - 1)));
    let page = Shown {
        count: listing.count,
        next: next.clone(),
        previous: previous.clone(),
        next_page: next,
        previous_page: previous,
        results: listing.items,
    };
    Ok(query::answer(as_of, listing.sequence, &page)?)
}

/// What a list is ordered by: one of some names, with `-` before it the other way round.
pub(super) fn order<T: Copy>(
    query: &mut Reader,
    names: &[(&str, T)],
    otherwise: &str,
) -> Option<(T, bool)> {
    let said = query.text("sort").filter(|it| !it.is_empty());
    let said = said.unwrap_or_else(|| otherwise.to_owned());
    let (name, descending) = match said.strip_prefix('-') {
        Some(name) => (name, true),
        None => (said.as_str(), false),
    };
    let found = names.iter().find(|it| it.0 == name).map(|it| (it.1, descending));
    if found.is_none() {
        let known = names.iter().map(|it| it.0).collect::<Vec<_>>().join(", ");
        query.is_wrong("sort", &format!("it must be one of {known}, with - before it or not"));
    }
    found
}

/// An answer without a body.
pub(super) fn nothing(sequence: u64) -> Response {
    ([(SEQUENCE, HeaderValue::from(sequence))], ()).into_response()
}

/// The sequence as of which a write is answered, for questions about what it wrote.
pub(super) fn as_of(call: &Call, sequence: u64) -> AsOf {
    let mut as_of = AsOf::now(&call.app);
    as_of.sequence = sequence;
    as_of
}
