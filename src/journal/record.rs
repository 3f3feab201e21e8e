//! The bytes of a record.
//!
//! | bytes | what |
//! |---|---|
//! | 0..3 | `SLJ` |
//! | 3 | the version of the format: 1 |
//! | 4 | the kind: 1 a commit, 2 the commit at this sequence did not land |
//! | 5..8 | zero |
//! | 8..12 | length of the payload |
//! | 12..16 | CRC-32 of everything else of the record, payload included |
//! | 16..24 | sequence |
//! | 24.. | the payload |
//!
//! Numbers are little-endian. Records follow each other without a gap. What follows the last one is
//! zero up to the end of the file: space that was made ahead.

use std::ops::Range;

/// Bytes before the payload.
pub(super) const HEAD_BYTES: usize = 24;

const MAGIC: [u8; 3] = *b"SLJ";
const VERSION: u8 = 1;

/// What a record says about its sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// This is the commit.
    Commit,
    /// What was written before did not land there.
    Lost,
}

impl Kind {
    fn byte(self) -> u8 {
        match self {
            Kind::Commit => 1,
            Kind::Lost => 2,
        }
    }

    fn of(byte: u8) -> Option<Kind> {
        [Kind::Commit, Kind::Lost].into_iter().find(|it| it.byte() == byte)
    }
}

/// A record in the bytes of a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) sequence: u64,
    pub(super) kind: Kind,
    /// Where its payload is.
    pub(super) payload: Range<usize>,
}

/// What stands at an offset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found {
    Record(Record),
    /// The end: nothing but zeros, or nothing.
    End,
    /// Neither.
    Unreadable,
    /// A record of another version of the format, whole.
    Foreign(u8),
}

/// Adds a record to `to`. The payload fits a segment, and so fits 32 bits.
pub(super) fn write(to: &mut Vec<u8>, sequence: u64, kind: Kind, payload: &[u8]) {
    let mut head = [0; HEAD_BYTES];
    head[..3].copy_from_slice(&MAGIC);
    head[3] = VERSION;
    head[4] = kind.byte();
    head[8..12].copy_from_slice(&(payload.len() as u32).to_le_bytes());
    head[16..24].copy_from_slice(&sequence.to_le_bytes());
    let crc = checksum(&head, payload);
    head[12..16].copy_from_slice(&crc.to_le_bytes());
    to.extend_from_slice(&head);
    to.extend_from_slice(payload);
}

/// Of everything but the place of the checksum.
fn checksum(head: &[u8], payload: &[u8]) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    crc.update(&head[..12]);
    crc.update(&head[16..]);
    crc.update(payload);
    crc.finalize()
}

/// What stands at `offset`.
pub(super) fn read(bytes: &[u8], offset: usize) -> Found {
    let rest = bytes.get(offset..).unwrap_or_default();
    let Some(head) = rest.first_chunk::<HEAD_BYTES>() else { return end_or_not(rest) };
    if head[..3] != MAGIC {
        return end_or_not(rest);
    }
    let length = u32::from_le_bytes([head[8], head[9], head[10], head[11]]) as usize;
    let Some(payload) = rest.get(HEAD_BYTES..HEAD_BYTES.saturating_add(length)) else {
        return Found::Unreadable;
    };
    let crc = u32::from_le_bytes([head[12], head[13], head[14], head[15]]);
    if crc != checksum(head, payload) {
        return Found::Unreadable;
    }
    if head[3] != VERSION {
        return Found::Foreign(head[3]);
    }
    let (Some(kind), Some(sequence)) = (Kind::of(head[4]), head.last_chunk()) else {
        return Found::Unreadable;
    };
    let start = offset + HEAD_BYTES;
    let sequence = u64::from_le_bytes(*sequence);
    Found::Record(Record { sequence, kind, payload: start..start + length })
}

fn end_or_not(rest: &[u8]) -> Found {
    if rest.iter().all(|it| *it == 0) { Found::End } else { Found::Unreadable }
}

/// Whether a whole record stands anywhere behind `offset`: what is unreadable there is damage, and
/// not the torn end of a write.
pub(super) fn any_behind(bytes: &[u8], offset: usize) -> bool {
    let rest = bytes.get(offset + 1..).unwrap_or_default();
    let mut starts = rest.windows(MAGIC.len()).enumerate().filter(|it| it.1 == MAGIC);
    starts.any(|it| matches!(read(rest, it.0), Found::Record(_) | Found::Foreign(_)))
}
