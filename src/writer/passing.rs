//! What happens by itself: the writer asks for it when it is due, as any command.

use std::time::Duration;

use events::{CommandId, Moment, Request};
use tokio::sync::oneshot;
use tokio::time::Instant;
use uuid::Uuid;

use super::{Ask, Outcome, Task};
use crate::clock::Clock;

/// Accounts that one commit passes time for. The others are due in the next one.
const ACCOUNTS_MAX: usize = 64;

/// How long the clock rests after the log did not take what was due, or nothing came of it.
const REST: Duration = Duration::from_secs(1);

/// Waits until something is due; for ever when nothing is.
pub(super) async fn due(clock: &Clock, next: Option<Moment>, rest: Option<Instant>) {
    match next {
        Some(moment) => clock.until(moment).await,
        None => std::future::pending().await,
    }
    if let Some(rest) = rest {
        tokio::time::sleep_until(rest).await;
    }
}

impl Task {
    /// Whether something is due by now, and the clock does not rest.
    pub(super) fn is_due(&self) -> bool {
        let rests = self.rest.is_some_and(|it| Instant::now() < it);
        let by_now = |it| it <= self.clock.now();
        !rests && self.ledger.next_due().is_some_and(by_now)
    }

    /// Asks for what is due. It is judged and published like everything else, so another writer
    /// that has been faster leaves nothing to do.
    pub(super) async fn pass_time(&mut self) {
        let now = self.clock.now();
        let mut told = vec![];
        let mut asks = vec![];
        for account in self.ledger.due(now, ACCOUNTS_MAX) {
            let made = CommandId::new(Uuid::now_v7().to_string()).ok();
            let request = made.and_then(|id| Request::of_clock(account.clone(), id).ok());
            let Some(request) = request else { continue };
            let (reply, outcome) = oneshot::channel();
            asks.push(Ask { request, reply });
            told.push((account, outcome));
        }
        self.commit(asks).await;
        let still_due = self.ledger.due(now, ACCOUNTS_MAX);
        let mut done = !told.is_empty();
        for (account, mut outcome) in told {
            match outcome.try_recv() {
                // Nothing to record is fine, unless it would be asked for again at once.
                Ok(Outcome::Accepted { records, .. }) => {
                    done &= !records.is_empty() || !still_due.contains(&account);
                }
                Ok(Outcome::Repeated { .. }) => {}
                Ok(Outcome::Refused(refusal)) => {
                    tracing::error!(code = refusal.code(), %refusal, "what is due is refused");
                    done = false;
                }
                Ok(Outcome::Unavailable(why)) => {
                    tracing::warn!(%why, "what is due waits");
                    done = false;
                }
                Err(_) => done = false,
            }
        }
        self.rest = (!done).then(|| Instant::now() + REST);
    }
}
