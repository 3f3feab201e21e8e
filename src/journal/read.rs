//! Reading commits back.

use std::collections::BTreeMap;
use std::{fs, io};

use bytes::Bytes;

use super::record::{Found, Kind};
use super::segment::{self, Segment};
use super::store::Store;
use super::{Error, PAGE_BYTES};

/// Sequences of a page, at most.
const PAGE_SEQUENCES: u64 = 4096;

/// The latest payload of each sequence.
type Payloads = BTreeMap<u64, Bytes>;

impl Store {
    /// The commits from `first` on that follow each other, up to `last` and as a page has room.
    /// Blocks.
    pub(super) fn page(&self, first: u64, last: u64) -> Result<Vec<(u64, Bytes)>, Error> {
        let (segments, last) = {
            let state = self.lock();
            let Some(end) = state.held.end_of(first) else { return Ok(vec![]) };
            let last = end.min(last).min(first.saturating_add(PAGE_SEQUENCES - 1));
            let about = state.segments.iter().filter(|it| it.runs.touch(first, last));
            (about.cloned().collect::<Vec<Segment>>(), last)
        };
        let mut found = Payloads::new();
        for it in segments {
            gather(&it, first, last, &mut found)?;
        }
        let (mut page, mut bytes) = (vec![], 0);
        for (sequence, payload) in found {
            bytes += payload.len();
            let full = bytes > PAGE_BYTES && !page.is_empty();
            // A file that was deleted meanwhile leaves a gap.
            if full || sequence != first + page.len() as u64 {
                break;
            }
            page.push((sequence, payload));
        }
        Ok(page)
    }
}

fn gather(segment: &Segment, first: u64, last: u64, found: &mut Payloads) -> Result<(), Error> {
    let bytes = match fs::read(&segment.path) {
        Ok(bytes) => bytes,
        // The oldest ones are deleted at any time.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(Error::io(&segment.path)(error)),
    };
    // What is behind may be half written at this moment.
    let end = usize::try_from(segment.end).unwrap_or(usize::MAX).min(bytes.len());
    let mut offset = 0;
    let stopped = segment::each(&bytes[..end], &mut offset, |it| {
        if !(first..=last).contains(&it.sequence) {
            return;
        }
        match it.kind {
            Kind::Commit => {
                let payload = Bytes::copy_from_slice(&bytes[it.payload.clone()]);
                found.insert(it.sequence, payload)
            }
            Kind::Lost => found.remove(&it.sequence),
        };
    });
    match stopped {
        Found::Record(_) | Found::End if offset as u64 == segment.end => Ok(()),
        Found::Record(_) | Found::End | Found::Unreadable | Found::Foreign(_) => {
            Err(Error::Damaged { path: segment.path.clone(), offset: offset as u64 })
        }
    }
}
