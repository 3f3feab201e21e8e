//! What waits to be written, and the thread that writes it in groups.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::oneshot;

use super::Error;
use super::record::{HEAD_BYTES, Kind};
use super::store::Writer;
use crate::metrics::JOURNAL_FAILURES;

/// How long a note waits for a group that somebody waits for. Then it is one of its own.
const NOTE_LIMIT: Duration = Duration::from_secs(1);
/// Bytes that wait. A note that would make it more is dropped; commits that are waited for are not,
/// their number is bounded by those who wait.
const WAITING_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Bytes of one group, if it has more than one record.
const GROUP_BYTES_MAX: usize = 4 * 1024 * 1024;

/// A record to write.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) sequence: u64,
    pub(super) kind: Kind,
    pub(super) payload: Bytes,
    /// Who waits for it.
    pub(super) answer: Option<oneshot::Sender<Result<(), Error>>>,
}

impl Entry {
    pub(super) fn bytes(&self) -> usize {
        HEAD_BYTES + self.payload.len()
    }

    /// Tells how it went.
    pub(super) fn settle(self, result: Result<(), Error>) {
        if let Some(answer) = self.answer {
            // An error is that nobody waits any more.
            let _ = answer.send(result);
        }
    }
}

/// What waits, in the order of arrival.
#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    arrived: Condvar,
}

#[derive(Debug, Default)]
struct Waiting {
    entries: VecDeque<Entry>,
    bytes: usize,
    /// How many are waited for.
    urgent: usize,
    /// When the oldest group of notes began to wait.
    since: Option<Instant>,
    /// Notes dropped since the last group.
    dropped: u64,
    closing: bool,
    /// Nothing is written any more.
    ended: bool,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a record. If nothing is written any more, it is dropped with its answer.
    pub(super) fn push(&self, entry: Entry) {
        let mut waiting = self.lock();
        if waiting.ended {
            return;
        }
        waiting.bytes += entry.bytes();
        waiting.urgent += usize::from(entry.answer.is_some());
        waiting.since.get_or_insert_with(Instant::now);
        waiting.entries.push_back(entry);
        self.arrived.notify_one();
    }

    /// Adds a record that nobody waits for, if there is room.
    pub(super) fn note(&self, entry: Entry) {
        let mut waiting = self.lock();
        if waiting.bytes + entry.bytes() <= WAITING_BYTES_MAX {
            drop(waiting);
            return self.push(entry);
        }
        waiting.dropped += 1;
        metrics::counter!(JOURNAL_FAILURES).increment(1);
        if waiting.dropped == 1 {
            let sequence = entry.sequence;
            tracing::warn!(sequence, "the disk does not keep up, the journal will have a gap");
        }
    }

    /// Lets the thread end when everything is written.
    pub(super) fn close(&self) {
        self.lock().closing = true;
        self.arrived.notify_one();
    }

    /// The next group, as soon as there is one to write. None when it is closed and empty.
    pub(super) fn take(&self) -> Option<Vec<Entry>> {
        let mut waiting = self.lock();
        loop {
            let rest = waiting.since.map(|it| NOTE_LIMIT.saturating_sub(it.elapsed()));
            let many = waiting.bytes >= WAITING_BYTES_MAX / 2;
            if waiting.urgent > 0 || many || waiting.closing || rest == Some(Duration::ZERO) {
                break;
            }
            // Without a note there is nothing to be late for: any wait will do.
            let rest = rest.unwrap_or(NOTE_LIMIT);
            let woken = self.arrived.wait_timeout(waiting, rest);
            waiting = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
        if waiting.dropped > 0 {
            let notes = std::mem::take(&mut waiting.dropped);
            tracing::warn!(notes, "the journal has a gap");
        }
        let (mut group, mut bytes) = (vec![], 0);
        while let Some(entry) = waiting.entries.front() {
            bytes += entry.bytes();
            if bytes > GROUP_BYTES_MAX && !group.is_empty() {
                break;
            }
            group.extend(waiting.entries.pop_front());
        }
        waiting.bytes -= group.iter().map(Entry::bytes).sum::<usize>();
        waiting.urgent -= group.iter().filter(|it| it.answer.is_some()).count();
        if waiting.entries.is_empty() {
            waiting.since = None;
        }
        (!group.is_empty()).then_some(group)
    }
}

/// Ends the queue with the thread, however that ends: nobody may wait for ever.
struct End(Arc<Queue>);

impl Drop for End {
    fn drop(&mut self) {
        let mut waiting = self.0.lock();
        waiting.ended = true;
        waiting.entries.clear();
    }
}

/// What the thread does.
pub(super) fn work(queue: Arc<Queue>, mut writer: Writer) -> impl FnOnce() + Send + 'static {
    move || {
        let end = End(queue);
        while let Some(group) = end.0.take() {
            writer.write(group);
        }
    }
}
