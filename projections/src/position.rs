//! Where an event stands in the log, as one number that rises: its commit, then its place in it.

use crate::error::Error;

/// Bits for the place in a commit. An event has more than 100 bytes and a commit less than a
/// mebibyte, so no commit has as many; one that had would be refused as inconsistent.
const INDEX_BITS: u32 = 16;

/// The position of an event.
pub(crate) fn of(sequence: u64, index: usize) -> Result<i64, Error> {
    let position = i64::try_from(sequence).ok().and_then(|it| it.checked_mul(1 << INDEX_BITS));
    let index = u16::try_from(index).ok();
    position
        .zip(index)
        .map(|(position, index)| position + i64::from(index))
        .ok_or_else(|| Error::inconsistent(sequence, "a commit has fewer than 65,536 events"))
}

/// Commit and place.
pub(crate) fn split(position: i64) -> (u64, u32) {
    let sequence = u64::try_from(position >> INDEX_BITS).unwrap_or_default();
    (sequence, u32::try_from(position & 0xFFFF).unwrap_or_default())
}

/// The first position of a commit.
pub(crate) fn first(sequence: i64) -> i64 {
    sequence.saturating_mul(1 << INDEX_BITS)
}

/// The first position after a commit.
pub(crate) fn after(sequence: i64) -> i64 {
    first(sequence.saturating_add(1))
}
