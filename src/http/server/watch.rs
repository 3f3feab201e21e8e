//! Gives up on a connection that takes too long over what it is doing.
//!
//! The protocol library has a deadline of its own, for heads. It costs a timer for every request,
//! does not run before the protocol version is known (a silent connection stays for ever), and
//! makes no difference between an idle connection and a dripped head. Here each connection has one
//! alarm, which is moved when it rings too early and else left alone.

use std::future::poll_fn;
use std::pin::pin;
use std::task::{Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::limits::{LINGER, Limits};
use super::pulse::{Phase, Pulse};
use super::slots::Slots;

/// Where the alarm rests while nothing is due.
const NOTHING_DUE: Duration = Duration::from_secs(3_600);

/// Runs a connection until it ends by itself or has had its time; says whether it had its time.
pub(super) async fn watch(
    connection: impl Future<Output = ()>,
    pulse: &Pulse,
    limits: &Limits,
    slots: &Slots,
) -> bool {
    let mut watch = Watch::new(limits, Instant::now());
    let mut connection = pin!(connection);
    let mut alarm = pin!(sleep_until(watch.due().unwrap_or_else(Instant::now)));
    poll_fn(|cx| {
        if connection.as_mut().poll(cx).is_ready() {
            return Poll::Ready(false);
        }
        // An alarm that is too early is moved when it rings; one that is too late must be moved
        // now.
        if watch.look(pulse, Instant::now)
            && let Some(due) = watch.due().filter(|due| *due < alarm.deadline())
        {
            alarm.as_mut().reset(due);
        }
        loop {
            ready!(alarm.as_mut().poll(cx));
            let now = Instant::now();
            if watch.is_over(now, slots.crowded()) {
                return Poll::Ready(true);
            }
            alarm.as_mut().reset(watch.due().unwrap_or(now + NOTHING_DUE));
        }
    })
    .await
}

/// Since when the connection is doing what it is doing.
#[derive(Debug)]
struct Watch<'a> {
    limits: &'a Limits,
    phase: Phase,
    turns: u32,
    since: Instant,
    /// When an idle connection is looked at again, to see whether others need the room.
    review: Instant,
    /// Since when the client takes no bytes.
    blocked: Option<Instant>,
}

impl<'a> Watch<'a> {
    fn new(limits: &'a Limits, now: Instant) -> Self {
        Self { limits, phase: Phase::Opening, turns: 0, since: now, review: now, blocked: None }
    }

    /// Notes what has changed, and whether anything has. Asks for the time only then.
    fn look(&mut self, pulse: &Pulse, now: impl Fn() -> Instant) -> bool {
        let (phase, turns) = (pulse.phase(), pulse.turns());
        let blocked = pulse.is_write_blocked();
        let moved = (phase, turns) != (self.phase, self.turns);
        if !moved && blocked == self.blocked.is_some() {
            return false;
        }
        let now = now();
        // Some bytes taken between two looks are a new start, though it is blocked at both.
        let since = self.blocked.filter(|_| turns == self.turns).unwrap_or(now);
        self.blocked = blocked.then_some(since);
        if moved {
            (self.phase, self.turns, self.since) = (phase, turns, now);
            self.review = now + self.limits.head.min(self.limits.idle);
        }
        true
    }

    /// When to look at the connection, if nothing happens until then. While the client takes no
    /// bytes that alone counts.
    fn due(&self) -> Option<Instant> {
        match (self.phase, self.blocked) {
            (Phase::Closing, _) => Some(self.since + LINGER),
            (_, Some(since)) => Some(since + self.limits.write_stall),
            (Phase::Opening | Phase::Head, None) => Some(self.since + self.limits.head),
            (Phase::Idle, None) => Some(self.review),
            (Phase::Busy, None) => None,
        }
    }

    /// Whether the connection has had its time. An idle one that may stay gets its next review.
    fn is_over(&mut self, now: Instant, crowded: bool) -> bool {
        if self.due().is_none_or(|due| now < due) {
            return false;
        }
        if self.phase != Phase::Idle || self.blocked.is_some() {
            return true;
        }
        let end = self.since + self.limits.idle;
        if crowded || now >= end {
            return true;
        }
        self.review = (now + self.limits.head).min(end);
        false
    }
}

#[cfg(test)]
mod tests;
