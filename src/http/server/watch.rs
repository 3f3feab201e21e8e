//! Gives up on a connection that takes too long over what it is doing.
//!
//! The protocol library has a deadline of its own, for heads. It costs a timer for every request,
//! does not run before the protocol version is known (a silent connection stays for ever), and
//! makes no difference between an idle connection and a dripped head. Here each connection has one
//! alarm, which is moved when it rings too early and else left alone.

use std::future::poll_fn;
use std::pin::pin;
use std::task::{Poll, ready};

use hyper_util::server::graceful::GracefulConnection;
use tokio::time::{Instant, sleep_until};

use super::limits::{LINGER, Limits};
use super::pulse::{Phase, Pulse};
use super::slots::Slots;

/// Runs a connection until it ends by itself, and says how; nothing if it has had its time.
///
/// One that is to leave ([`Pulse::leave`]) ends what it has begun, tells a client of HTTP/2 so, and
/// closes.
pub(super) async fn watch<C: GracefulConnection>(
    connection: C,
    pulse: &Pulse,
    limits: &Limits,
    slots: &Slots,
) -> Option<Result<(), C::Error>> {
    let mut watch = Watch::new(limits, Instant::now());
    let mut connection = pin!(connection);
    let mut alarm = pin!(sleep_until(watch.due()));
    poll_fn(|cx| {
        pulse.watched_by(cx.waker());
        let begins_to_leave = pulse.leaves() && watch.leaving.is_none();
        if begins_to_leave {
            connection.as_mut().graceful_shutdown();
            watch.leaving = Some(Instant::now());
        }
        if let Poll::Ready(ended) = connection.as_mut().poll(cx) {
            return Poll::Ready(Some(ended));
        }
        // An alarm that is too early is moved when it rings; one that is too late must be moved
        // now.
        if (watch.look(pulse, Instant::now) || begins_to_leave) && watch.due() < alarm.deadline() {
            alarm.as_mut().reset(watch.due());
        }
        loop {
            ready!(alarm.as_mut().poll(cx));
            let now = Instant::now();
            // Streams of HTTP/2 end beside the connection's task.
            watch.look(pulse, || now);
            match watch.verdict(now, slots.crowded()) {
                Verdict::Stays => {}
                Verdict::Leaves => {
                    pulse.leave();
                    return Poll::Pending;
                }
                Verdict::Over => return Poll::Ready(None),
            }
            alarm.as_mut().reset(watch.due());
        }
    })
    .await
}

/// What becomes of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Stays,
    /// It is asked to end.
    Leaves,
    /// It is dropped.
    Over,
}

/// Since when the connection is doing what it is doing.
#[derive(Debug)]
struct Watch<'a> {
    limits: &'a Limits,
    phase: Phase,
    mark: u32,
    turns: u32,
    since: Instant,
    /// When an idle connection is looked at again, to see whether others need the room; and one of
    /// HTTP/2 that is busy, to see whether it still is.
    review: Instant,
    /// Since when the client takes no bytes.
    blocked: Option<Instant>,
    /// Since when it is asked to end.
    leaving: Option<Instant>,
}

impl<'a> Watch<'a> {
    fn new(limits: &'a Limits, now: Instant) -> Self {
        let phase = Phase::Opening;
        let (mark, turns, blocked, leaving) = (0, 0, None, None);
        Self { limits, phase, mark, turns, since: now, review: now, blocked, leaving }
    }

    /// Notes what has changed, and whether anything has. Asks for the time only then.
    fn look(&mut self, pulse: &Pulse, now: impl Fn() -> Instant) -> bool {
        let (phase, mark, turns) = (pulse.phase(), pulse.mark(), pulse.turns());
        let blocked = pulse.is_write_blocked();
        let moved = (phase, mark) != (self.phase, self.mark);
        if !moved && blocked == self.blocked.is_some() {
            return false;
        }
        let now = now();
        // Some bytes taken between two looks are a new start, though it is blocked at both.
        let since = self.blocked.filter(|_| turns == self.turns).unwrap_or(now);
        self.blocked = blocked.then_some(since);
        self.turns = turns;
        if moved {
            (self.phase, self.mark, self.since) = (phase, mark, now);
            self.review = now + self.limits.head.min(self.limits.idle);
            pulse.rest(matches!(phase, Phase::Opening | Phase::Idle).then_some(now));
        }
        true
    }

    /// When to look at the connection, if nothing happens until then.
    fn due(&self) -> Instant {
        let due = self.due_by_itself();
        self.leaving.map_or(due, |since| due.min(self.end_of_leaving(since)))
    }

    /// While the client takes no bytes that alone counts.
    fn due_by_itself(&self) -> Instant {
        match (self.phase, self.blocked) {
            (Phase::Closing, _) => self.since + LINGER,
            (_, Some(since)) => since + self.limits.write_stall,
            (Phase::Opening | Phase::Head, None) => self.since + self.limits.head,
            (Phase::Draining, None) => self.since + self.limits.write_stall,
            (Phase::Idle | Phase::Busy, None) => self.review,
        }
    }

    /// When a connection that was asked to end has had its time.
    fn end_of_leaving(&self, since: Instant) -> Instant {
        let end = since + self.limits.request.max(LINGER);
        match self.phase {
            Phase::Opening | Phase::Idle | Phase::Closing => {
                end.min(self.since.max(since) + LINGER)
            }
            Phase::Busy | Phase::Head | Phase::Draining => end,
        }
    }

    /// What becomes of it. One that may stay gets its next review.
    fn verdict(&mut self, now: Instant, crowded: bool) -> Verdict {
        if self.leaving.is_some_and(|since| now >= self.end_of_leaving(since)) {
            return Verdict::Over;
        }
        if now < self.due_by_itself() {
            return Verdict::Stays;
        }
        match (self.phase, self.blocked) {
            (_, Some(_)) => Verdict::Over,
            (Phase::Opening | Phase::Head | Phase::Draining | Phase::Closing, None) => {
                Verdict::Over
            }
            (Phase::Busy, None) => {
                self.review = now + self.limits.head;
                Verdict::Stays
            }
            (Phase::Idle, None) => {
                let end = self.since + self.limits.idle;
                if self.leaving.is_none() && (crowded || now >= end) {
                    return Verdict::Leaves;
                }
                // One that leaves is past its end already.
                self.review = match self.leaving {
                    None => (now + self.limits.head).min(end),
                    Some(_) => now + LINGER,
                };
                Verdict::Stays
            }
        }
    }
}

#[cfg(test)]
mod tests;
