//! Lists as vendors page them: by offset, in an order that is asked for.

use projections::page::PAGE_MAX;
use projections::{Error, Page};

/// All items of a list, as of one sequence: that of the first page.
pub(crate) fn all<T>(
    at: u64,
    mut page: impl FnMut(Option<&str>, usize, u64) -> Result<Page<T>, Error>,
) -> Result<(Vec<T>, u64), Error> {
    let mut found = page(None, PAGE_MAX, at)?;
    let (mut items, sequence) = (found.items, found.sequence);
    while let Some(cursor) = found.next {
        found = page(Some(&cursor), PAGE_MAX, sequence)?;
        items.append(&mut found.items);
    }
    Ok((items, sequence))
}
