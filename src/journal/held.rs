//! Which sequences are held: runs of records in a segment, and what all segments come to.

use std::collections::BTreeMap;

use super::record::Kind;

/// Records of one kind whose sequences follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) kind: Kind,
    pub(super) first: u64,
    pub(super) last: u64,
}

/// The runs of a segment, in the order of writing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Runs(Vec<Run>);

impl Runs {
    /// Takes note of the next record.
    pub(super) fn push(&mut self, sequence: u64, kind: Kind) {
        match self.0.last_mut() {
            Some(it) if it.kind == kind && it.last.checked_add(1) == Some(sequence) => {
                it.last = sequence;
            }
            Some(_) | None => self.0.push(Run { kind, first: sequence, last: sequence }),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether there is a record of any kind about one of the sequences.
    pub(super) fn touch(&self, first: u64, last: u64) -> bool {
        self.0.iter().any(|it| it.first <= last && first <= it.last)
    }
}

/// Sequences whose latest record is a commit, as ranges that do not touch: first to last.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Held(BTreeMap<u64, u64>);

impl Held {
    /// What segments come to, the oldest one first.
    pub(super) fn of<'a>(segments: impl Iterator<Item = &'a Runs>) -> Held {
        let mut held = Held::default();
        for run in segments.flat_map(|it| &it.0) {
            held.note(run.first, run.last, run.kind);
        }
        held
    }

    /// Takes note of the next records, which are about `first` to `last`.
    pub(super) fn note(&mut self, first: u64, last: u64, kind: Kind) {
        match kind {
            Kind::Commit => self.add(first, last),
            Kind::Lost => self.remove(first, last),
        }
    }

    fn add(&mut self, first: u64, last: u64) {
        let (mut from, mut to) = (first, last);
        // Those that overlap, and those beside.
        let near = self.0.range(..=last.saturating_add(1)).rev();
        let near = near.take_while(|it| it.1.saturating_add(1) >= first);
        let near: Vec<(u64, u64)> = near.map(|it| (*it.0, *it.1)).collect();
        for (begin, end) in near {
            self.0.remove(&begin);
            from = from.min(begin);
            to = to.max(end);
        }
        self.0.insert(from, to);
    }

    fn remove(&mut self, first: u64, last: u64) {
        let over = self.0.range(..=last).rev().take_while(|it| *it.1 >= first);
        let over: Vec<(u64, u64)> = over.map(|it| (*it.0, *it.1)).collect();
        for (begin, end) in over {
            self.0.remove(&begin);
            if begin < first {
                self.0.insert(begin, first - 1);
            }
            if last < end {
                self.0.insert(last + 1, end);
            }
        }
    }

    /// The highest one.
    pub(super) fn last(&self) -> Option<u64> {
        self.0.last_key_value().map(|it| *it.1)
    }

    /// The last one of those that follow `sequence` without a gap; none if that one is not held.
    pub(super) fn end_of(&self, sequence: u64) -> Option<u64> {
        let (_, last) = self.0.range(..=sequence).next_back()?;
        (*last >= sequence).then_some(*last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn ranges_say_what_a_set_of_sequences_says() {
        // Every step of a walk that visits all neighbourhoods of few sequences.
        let (mut held, mut set) = (Held::default(), BTreeSet::new());
        let mut number = 7_u64;
        for _ in 0..20_000 {
            number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let first = (number >> 33) % 24;
            let last = first + (number >> 40) % 4;
            let kind = if (number >> 45).is_multiple_of(2) { Kind::Commit } else { Kind::Lost };
            held.note(first, last, kind);
            for it in first..=last {
                match kind {
                    Kind::Commit => set.insert(it),
                    Kind::Lost => set.remove(&it),
                };
            }
            assert_eq!(held.last(), set.last().copied());
            for it in 0..30 {
                let end = (it..).take_while(|it| set.contains(it)).last();
                assert_eq!(held.end_of(it), end, "{it} in {held:?}");
            }
            let ranges: Vec<_> = held.0.iter().collect();
            assert!(ranges.windows(2).all(|it| it[0].1 + 1 < *it[1].0), "{held:?}");
        }
    }

    #[test]
    fn the_highest_sequence_of_all_has_none_after_it() {
        let mut runs = Runs::default();
        runs.push(u64::MAX, Kind::Commit);
        runs.push(0, Kind::Commit);
        let mut held = Held::of([&runs].into_iter());
        assert_eq!((held.last(), held.end_of(0)), (Some(u64::MAX), Some(0)));
        held.note(u64::MAX, u64::MAX, Kind::Lost);
        assert_eq!(held.last(), Some(0));
    }
}
