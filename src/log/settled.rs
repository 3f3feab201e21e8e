//! When what the server says of the log proves damage.
//!
//! On a stream of one replica there is one truth, if the questions are asked in the right order:
//! where the log ends first, what stands there afterwards. A second look is enough. A replicated stream
//! can be asked of the wrong node: a leader that was paused answers from its past until it hears of
//! the one that was elected meanwhile, and a new one may count a commit before it can hand it out.
//! There only what is repeated for longer than such a leader can live proves anything.

use std::time::Duration;

use tokio::time::Instant;

use super::{Damage, Error, Log};

/// How long a replicated stream has to say the same before it is believed. A leader that woke up is
/// told of the other one by the next heartbeat. One that is cut off from the others believes in itself
/// for up to 20 s: it looks every 10 s whether it has heard of nobody for 10 s (19 s were seen on
/// 2.15.1, and a ledger that believed it after 12).
const SETTLED_AFTER: Duration = Duration::from_secs(30);

/// Pause between two looks.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// How often a stream of one replica is looked at: the second time, all that was under way at the
/// first has happened.
const LOOKS_AT_ONE: u32 = 2;

/// Looks that lead to the same verdict.
#[derive(Debug)]
pub struct Looks {
    since: Instant,
    looks: u32,
    replicas: usize,
}

impl Log {
    /// Looks at what may be damage: none so far.
    pub fn looks(&self) -> Looks {
        Looks { since: Instant::now(), looks: 0, replicas: self.settings.replicas }
    }

    /// Asks until the answer is not damage, or damage that is settled and cannot be mended. No
    /// answer is given back as it is: whoever asks again begins anew.
    pub(super) async fn settled<T, F: Future<Output = Result<T, Error>>>(
        &self,
        look: impl Fn() -> F,
    ) -> Result<T, Error> {
        let mut looks = self.looks();
        loop {
            match look().await {
                Err(Error::Damaged(damage)) if self.mended(&damage).await => looks.begin_anew(),
                Err(Error::Damaged(damage)) => looks.wait_or(damage).await?,
                answer => return answer,
            }
        }
    }
}

impl Looks {
    /// Takes note of one more look that says the same. Waits before the next one, or is settled: then
    /// it is the damage.
    pub async fn wait_or(&mut self, damage: Damage) -> Result<(), Damage> {
        if self.is_settled() {
            return Err(damage);
        }
        if self.looks == 1 {
            tracing::warn!(%damage, "the log is looked at again before this is believed");
        }
        tokio::time::sleep(LOOK_AGAIN).await;
        Ok(())
    }

    fn is_settled(&mut self) -> bool {
        self.looks += 1;
        match self.replicas {
            0 | 1 => self.looks >= LOOKS_AT_ONE,
            _ => self.looks > LOOKS_AT_ONE && self.since.elapsed() >= SETTLED_AFTER,
        }
    }

    /// The log does not answer: whatever it said before was said by nobody who still leads.
    pub fn begin_anew(&mut self) {
        (self.since, self.looks) = (Instant::now(), 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn one_replica_is_believed_at_the_second_look_three_when_they_have_settled() {
        let damage = Damage::WentBack { known: 9, last: 3 };
        for (replicas, most) in [(1, LOOK_AGAIN), (3, SETTLED_AFTER + LOOK_AGAIN)] {
            let mut looks = Looks { since: Instant::now(), looks: 0, replicas };
            let begin = Instant::now();
            while looks.wait_or(damage.clone()).await.is_ok() {}
            let took = begin.elapsed();
            assert!(took <= most && took + LOOK_AGAIN >= most, "{replicas}: {took:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_silence_in_between_begins_anew() {
        let damage = Damage::WentBack { known: 9, last: 3 };
        let mut looks = Looks { since: Instant::now(), looks: 0, replicas: 3 };
        while looks.since.elapsed() + LOOK_AGAIN < SETTLED_AFTER {
            looks.wait_or(damage.clone()).await.unwrap();
        }
        looks.begin_anew();
        let begin = Instant::now();
        while looks.wait_or(damage.clone()).await.is_ok() {}
        assert!(begin.elapsed() >= SETTLED_AFTER);
    }
}
