//! What happens by itself: the writer asks for it when it is due, as any command.

use std::time::Duration;

use events::{AccountId, CommandId, Moment, Request};
use tokio::sync::oneshot;
use tokio::time::Instant;
use uuid::Uuid;

use super::{Ask, Outcome, Task};
use crate::clock::Clock;

/// Accounts that one commit passes time for. The others are due in the next one.
const ACCOUNTS_MAX: usize = 64;

/// How long the clock rests after the log did not take what was due, or nothing came of it.
const REST: Duration = Duration::from_secs(1);

/// Waits until something is due, or an account has rested; for ever when neither is to come.
pub(super) async fn due(
    clock: &Clock,
    next: Option<Moment>,
    rested: Option<Instant>,
    rest: Option<Instant>,
) {
    let due = async {
        match next {
            Some(moment) => clock.until(moment).await,
            None => std::future::pending().await,
        }
    };
    let rested = async {
        match rested {
            Some(rested) => tokio::time::sleep_until(rested).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = due => {}
        () = rested => {}
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
        !rests && self.next_due().is_some_and(by_now)
    }

    /// When something is due next, without the accounts that rest.
    pub(super) fn next_due(&self) -> Option<Moment> {
        match self.resting.len() {
            0 => self.ledger.next_due(),
            _ => self.ledger.next_due_without(|it| self.resting.rests(it)),
        }
    }

    /// So many of the accounts for which time is to pass, without those that rest.
    fn due(&mut self, now: Moment) -> Vec<AccountId> {
        let mut due = self.ledger.due(now, ACCOUNTS_MAX + self.resting.len());
        self.resting.retain(|it| due.contains(it));
        due.retain(|it| !self.resting.rests(it));
        due.truncate(ACCOUNTS_MAX);
        due
    }

    /// Asks for what is due. It is judged and published like everything else, so another writer
    /// that has been faster leaves nothing to do.
    pub(super) async fn pass_time(&mut self) {
        let now = self.clock.now();
        let mut told = vec![];
        let mut asks = vec![];
        for account in self.due(now) {
            let made = CommandId::new(Uuid::now_v7().to_string()).ok();
            let request = made.and_then(|id| Request::of_clock(account.clone(), id).ok());
            let Some(request) = request else { continue };
            let (reply, outcome) = oneshot::channel();
            asks.push(Ask { request, reply });
            told.push((account, outcome));
        }
        self.commit(asks).await;
        let still_due = self.ledger.due(now, ACCOUNTS_MAX + self.resting.len());
        let mut done = !told.is_empty() || self.resting.len() > 0;
        for (account, mut outcome) in told {
            match outcome.try_recv() {
                // Nothing to record is fine, unless it would be asked for again at once.
                Ok(Outcome::Accepted { records, .. }) => {
                    self.resting.succeeded(&account);
                    done &= !records.is_empty() || !still_due.contains(&account);
                }
                Ok(Outcome::Repeated { .. }) => self.resting.succeeded(&account),
                // Its own clock rests, and nobody else's.
                Ok(Outcome::Refused(refusal)) => {
                    tracing::error!(code = refusal.code(), %refusal, %account, "what is due is refused");
                    self.resting.failed(account);
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
