//! How often a nats-server that ends by itself is started again.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How many restarts one [`RESTARTS_WINDOW`] allows. A server that ends once more is given up.
const RESTARTS_MAX: usize = 5;

/// The time over which restarts are counted.
const RESTARTS_WINDOW: Duration = Duration::from_secs(60);

/// The wait before the first restart; it doubles with each further one in the window.
const BACKOFF_MIN: Duration = Duration::from_millis(100);

/// When the server was started again lately.
#[derive(Default)]
pub(super) struct Restarts(VecDeque<Instant>);

impl Restarts {
    /// The wait before one more restart, which is counted; `None` when there were too many.
    pub(super) fn next(&mut self, now: Instant) -> Option<Duration> {
        while self.0.front().is_some_and(|then| RESTARTS_WINDOW <= now.duration_since(*then)) {
            self.0.pop_front();
        }
        if self.0.len() == RESTARTS_MAX {
            return None;
        }
        let backoff = BACKOFF_MIN * (1 << self.0.len());
        self.0.push_back(now);
        Some(backoff)
    }

    /// Forgets the past.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_restarts_a_minute_with_growing_waits_and_then_none() {
        let start = Instant::now();
        let mut restarts = Restarts::default();
        let waits: Vec<_> = (0..6).map(|_| restarts.next(start)).collect();
        let ms = |ms| Some(Duration::from_millis(ms));
        assert_eq!(waits, [ms(100), ms(200), ms(400), ms(800), ms(1600), None]);
        assert_eq!(restarts.next(start + Duration::from_millis(59_999)), None);
        assert_eq!(restarts.next(start + Duration::from_secs(60)), ms(100));
    }

    #[test]
    fn a_crash_an_hour_is_never_too_many() {
        let start = Instant::now();
        let mut restarts = Restarts::default();
        for hour in 0..100 {
            let now = start + Duration::from_secs(3600 * hour);
            assert_eq!(restarts.next(now), Some(BACKOFF_MIN));
        }
    }
}
