//! What failed rests by itself for a while, the longer the more often, and nobody rests with it.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

use tokio::time::Instant;

/// How long it rests after the first failure; after each further one twice as long.
const FIRST: Duration = Duration::from_secs(1);

/// How long it rests at most.
const LONGEST: Duration = Duration::from_secs(600);

/// Those that have failed last time.
#[derive(Debug)]
pub(super) struct Resting<K> {
    until: HashMap<K, (Instant, Duration)>,
}

impl<K> Default for Resting<K> {
    fn default() -> Resting<K> {
        Resting { until: HashMap::new() }
    }
}

impl<K: Eq + Hash> Resting<K> {
    /// One has failed.
    pub(super) fn failed(&mut self, key: K) {
        let again = self.until.get(&key).map(|(_, pause)| (*pause * 2).min(LONGEST));
        let pause = again.unwrap_or(FIRST);
        self.until.insert(key, (Instant::now() + pause, pause));
    }

    /// One has not failed, this time.
    pub(super) fn succeeded(&mut self, key: &K) {
        self.until.remove(key);
    }

    /// Those that need not be asked any more have not failed.
    pub(super) fn retain(&mut self, still: impl Fn(&K) -> bool) {
        self.until.retain(|key, _| still(key));
    }

    /// Whether one is left alone now.
    pub(super) fn rests(&self, key: &K) -> bool {
        self.until.get(key).is_some_and(|(until, _)| Instant::now() < *until)
    }

    /// When the next one may be tried again.
    pub(super) fn next(&self) -> Option<Instant> {
        self.until.values().map(|(until, _)| *until).min()
    }

    pub(super) fn len(&self) -> usize {
        self.until.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn each_rests_by_itself_and_longer_each_time() {
        let mut resting = Resting::default();
        let begin = Instant::now();
        for seconds in [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 600, 600] {
            resting.failed("acme");
            assert!(resting.rests(&"acme") && !resting.rests(&"globex"));
            tokio::time::advance(Duration::from_secs(seconds) - Duration::from_millis(1)).await;
            assert!(resting.rests(&"acme"), "{seconds}");
            tokio::time::advance(Duration::from_millis(1)).await;
            assert!(!resting.rests(&"acme"), "{seconds}");
            assert_eq!(resting.next(), Some(Instant::now()));
        }
        assert!(begin.elapsed() > LONGEST);
        resting.succeeded(&"acme");
        resting.failed("acme");
        assert_eq!(resting.next(), Some(Instant::now() + FIRST));
    }
}
