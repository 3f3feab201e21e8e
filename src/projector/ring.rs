//! The newest commits, for every model that is nearly level.

use std::collections::VecDeque;
use std::sync::Arc;

use events::wire::Commit;

use super::BATCH_EVENTS_MAX;

/// Events that are kept: two batches. A model that lacks more reads the log itself.
const EVENTS_MAX: usize = 2 * BATCH_EVENTS_MAX;

/// The newest commits of the log, as they were read.
#[derive(Debug)]
pub(super) struct Ring {
    commits: VecDeque<Arc<Commit>>,
    events: usize,
    /// The sequence before the first of them.
    before: u64,
}

impl Ring {
    /// None yet, after a sequence.
    pub(super) fn after(sequence: u64) -> Ring {
        Ring { commits: VecDeque::new(), events: 0, before: sequence }
    }

    /// Takes the next commit in. The newest one is kept, however large.
    pub(super) fn push(&mut self, commit: Arc<Commit>) {
        self.events += weight(&commit);
        self.commits.push_back(commit);
        while self.events > EVENTS_MAX && self.commits.len() > 1 {
            let Some(oldest) = self.commits.pop_front() else { return };
            self.events -= weight(&oldest);
            self.before = oldest.sequence;
        }
    }

    /// All commits after a sequence; `None` where older ones are lacking too.
    pub(super) fn since(&self, sequence: u64) -> Option<Vec<Arc<Commit>>> {
        if sequence < self.before {
            return None;
        }
        let begin = self.commits.partition_point(|it| it.sequence <= sequence);
        Some(self.commits.range(begin..).cloned().collect())
    }
}

/// A commit without events takes room as well.
fn weight(commit: &Commit) -> usize {
    commit.records.len().max(1)
}

#[cfg(test)]
mod tests {
    use events::Moment;
    use events::wire::{CommitHash, FORMAT, Header};
    use uuid::Uuid;

    use super::*;

    fn commit(sequence: u64) -> Arc<Commit> {
        let (hash, prev, at) = (CommitHash::NONE, CommitHash::NONE, Moment::from_millis(0));
        let header = Header {
            format: FORMAT,
            commit: Uuid::nil(),
            partition: 0,
            n: sequence,
            prev,
            count: 0,
            at,
            void: None,
        };
        Arc::new(Commit { sequence, hash, header, records: vec![] })
    }

    #[test]
    fn what_is_lacking_is_told_or_that_more_is() {
        let mut ring = Ring::after(4);
        // A sequence may be left out.
        [5, 6, 9].into_iter().for_each(|it| ring.push(commit(it)));
        let since = |ring: &Ring, sequence| {
            ring.since(sequence).map(|it| it.iter().map(|it| it.sequence).collect::<Vec<_>>())
        };
        assert_eq!(since(&ring, 3), None);
        assert_eq!(since(&ring, 4), Some(vec![5, 6, 9]));
        assert_eq!(since(&ring, 6), Some(vec![9]));
        assert_eq!(since(&ring, 12), Some(vec![]), "one that is further lacks nothing");
        (10..10 + EVENTS_MAX as u64).for_each(|it| ring.push(commit(it)));
        assert_eq!(ring.commits.len(), EVENTS_MAX);
        assert_eq!(since(&ring, 8), None);
        assert_eq!(since(&ring, 9).map(|it| it.len()), Some(EVENTS_MAX));
    }
}
