//! Waiting for a NATS server that is not there yet.

use std::time::Duration;

use tokio::time::Instant;

use super::Error;
use crate::health::Health;

/// Pause between two attempts.
const PAUSE: Duration = Duration::from_millis(500);

/// How long a start waits, and where it says for what.
#[derive(Debug)]
pub(super) struct Patience {
    until: Option<Instant>,
    health: Health,
}

impl Patience {
    /// Beginning now; without end where there is no limit.
    pub(super) fn new(limit: Option<Duration>, health: Health) -> Patience {
        // A limit that no clock can show is none.
        let until = limit.and_then(|it| Instant::now().checked_add(it));
        Patience { until, health }
    }

    /// Tries until it works, or fails in a way that does not pass, or the time is over: then it fails
    /// as the last attempt did. What is waited for is logged once.
    pub(super) async fn until<T, F: Future<Output = Result<T, Error>>>(
        &self,
        attempt: impl Fn() -> F,
    ) -> Result<T, Error> {
        let mut said = None;
        loop {
            let error = match attempt().await {
                Err(error) if error.passes() => error,
                done => return done,
            };
            let pause = match self.until {
                Some(until) => PAUSE.min(until.saturating_duration_since(Instant::now())),
                None => PAUSE,
            };
            if pause.is_zero() {
                return Err(error);
            }
            let what = error.to_string();
            if said.as_ref() != Some(&what) {
                tracing::warn!(waits_for = what, "the start waits, and goes on by itself");
                self.health.waits_for(Some(what.clone()));
                said = Some(what);
            }
            tokio::time::sleep(pause).await;
        }
    }

    /// There is nothing more to wait for.
    pub(super) fn over(&self) {
        self.health.waits_for(None);
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::log;

    async fn tried(limit: Option<u64>, works_after: u32) -> (Result<u32, Error>, u32) {
        let health = Health::new();
        let patience = Patience::new(limit.map(Duration::from_secs), health.clone());
        let tries = Cell::new(0);
        let attempt = async || {
            tries.set(tries.get() + 1);
            match tries.get() > works_after {
                true => Ok(tries.get()),
                false => Err(log::Error::Unavailable("silent".to_owned()).into()),
            }
        };
        let done = patience.until(attempt).await;
        if tries.get() > 1 {
            let said = health.judgement().failure().unwrap().detail.clone();
            assert!(said.contains("silent"), "{said}");
        }
        (done, tries.get())
    }

    #[tokio::test(start_paused = true)]
    async fn what_passes_is_waited_for_as_long_as_there_is_patience() {
        assert_eq!(tried(None, 10_000).await.0.unwrap(), 10_001);
        assert_eq!(tried(Some(5), 8).await.0.unwrap(), 9);
        let (done, tries) = tried(Some(5), u32::MAX).await;
        assert!(done.is_err() && (10..13).contains(&tries), "{tries}");
        assert_eq!(tried(Some(0), u32::MAX).await.1, 1);
        assert!(tried(Some(u64::MAX), 3).await.0.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn what_does_not_pass_is_not_waited_for() {
        let patience = Patience::new(None, Health::new());
        let attempt = async || Err::<(), _>(Error::NotDurable("m".to_owned()));
        assert!(patience.until(attempt).await.is_err());
    }
}
