//! Lists in pages, and cursors to go on from.

use events::wire::{hex, unhex};
use serde::Serialize;
use utoipa::ToSchema;

use crate::error::Error;

/// Items of one page. A query that asks for more gets this many, and a cursor.
pub const PAGE_MAX: usize = 1_000;

/// One page of a list.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Page<T> {
    /// What is on it, in the order of the list.
    pub items: Vec<T>,
    /// Where the next page begins; `null` on the last one.
    pub next: Option<String>,
    /// As of which commit the list is.
    pub sequence: u64,
}

/// A stretch of a list for clients that count: what is on it, and how many there are in all.
#[derive(Debug, Clone)]
pub struct Listing<T> {
    /// What is on it, in the order of the list.
    pub items: Vec<T>,
    /// How many there are in the whole list.
    pub count: u64,
    /// As of which commit the list is.
    pub sequence: u64,
}

impl<T> Listing<T> {
    /// The same with each item as something else.
    pub fn map<U>(self, to: impl FnMut(T) -> U) -> Listing<U> {
        let items = self.items.into_iter().map(to).collect();
        Listing { items, count: self.count, sequence: self.sequence }
    }
}

/// How many rows to ask for: one more than the page has, to see whether there is a next one.
pub(crate) fn rows_for(limit: usize) -> usize {
    limit.clamp(1, PAGE_MAX) + 1
}

impl<T> Page<T> {
    /// Of up to [`rows_for`] items, each with its key.
    pub(crate) fn of(mut rows: Vec<(Vec<u8>, T)>, limit: usize, sequence: u64) -> Page<T> {
        let limit = rows_for(limit) - 1;
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| more).map(|(key, _)| write_cursor(key));
        Page { items: rows.into_iter().map(|(_, item)| item).collect(), next, sequence }
    }
}

/// A key as a cursor: hex, and not to be understood by anyone.
pub(crate) fn write_cursor(key: &[u8]) -> String {
    hex(key)
}

/// The key of a cursor.
pub(crate) fn read_cursor(cursor: &str) -> Result<Vec<u8>, Error> {
    let mut key = vec![0; cursor.len() / 2];
    unhex(cursor, &mut key).map(|()| key).ok_or(Error::Cursor)
}

/// The key of a cursor that is one name; the empty name, before all others, without a cursor.
pub(crate) fn name_after(cursor: Option<&str>) -> Result<String, Error> {
    let Some(cursor) = cursor else { return Ok(String::new()) };
    String::from_utf8(read_cursor(cursor)?).map_err(|_| Error::Cursor)
}

/// The key of a cursor that is `N` numbers.
pub(crate) fn numbers_after<const N: usize>(
    cursor: Option<&str>,
    first: [i64; N],
) -> Result<[i64; N], Error> {
    let Some(cursor) = cursor else { return Ok(first) };
    let key = read_cursor(cursor)?;
    if key.len() != N * 8 {
        return Err(Error::Cursor);
    }
    let mut numbers = first;
    for (number, bytes) in numbers.iter_mut().zip(key.chunks_exact(8)) {
        *number = i64::from_be_bytes(bytes.try_into().map_err(|_| Error::Cursor)?);
    }
    Ok(numbers)
}

/// Numbers as the key of a cursor.
pub(crate) fn number_key<const N: usize>(numbers: [i64; N]) -> Vec<u8> {
    numbers.iter().flat_map(|it| it.to_be_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_as_it_was_written() {
        let key = number_key([7, i64::MAX]);
        assert_eq!(numbers_after(Some(&write_cursor(&key)), [0, 0]).unwrap(), [7, i64::MAX]);
        assert_eq!(name_after(Some(&write_cursor("é".as_bytes()))).unwrap(), "é");
        assert_eq!(numbers_after(None, [1]).unwrap(), [1]);
    }

    #[test]
    fn what_is_no_cursor_is_said_so() {
        for bad in ["x", "0", "0g", "é", "00", "+1+1+1+1+1+1+1+1"] {
            assert!(matches!(numbers_after(Some(bad), [0]), Err(Error::Cursor)), "{bad}");
        }
        assert!(matches!(name_after(Some("ff")), Err(Error::Cursor)));
    }

    #[test]
    fn the_last_page_has_no_next() {
        let rows = |n: i64| (0..n).map(|it| (number_key([it]), it)).collect::<Vec<_>>();
        assert_eq!(Page::of(rows(2), 2, 9).next, None);
        let page = Page::of(rows(3), 2, 9);
        assert_eq!((page.items, page.next), (vec![0, 1], Some(write_cursor(&number_key([1])))));
    }
}
