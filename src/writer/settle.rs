//! Publishing a commit, and finding out what became of it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use events::wire::{self, CommitHash, Header};
use events::{Moment, Refusal, Refused, Request};
use tokio::time::Instant;
use uuid::Uuid;

use super::judge::{Draft, Verdict};
use super::{Ask, Outcome, Task, Unavailable};
use crate::health::Hold;
use crate::log::{Damage, Error, Looks, Position, Published};
use crate::metrics as numbers;
use crate::refusals::ToKeep;

/// Pause before an unanswered commit is published again.
const PAUSE: Duration = Duration::from_millis(20);

/// A commit that has not been acknowledged for longer makes writing wait (`log_unavailable`).
const SILENT_MAX: Duration = Duration::from_secs(3);

/// What became of a commit.
pub(super) enum Fate {
    /// It is on the log.
    Landed,
    /// It is not and never will be: another commit stands in its place.
    Lost,
    /// It is not: the log does not take it.
    Refused(Unavailable),
    /// Nobody will know before the next start.
    Unsettled,
}

impl Task {
    /// Judges and publishes until every command has its outcome.
    pub(super) async fn commit(&mut self, mut asks: Vec<Ask>) {
        // So many of the first ones get a commit each.
        let mut alone = 0;
        while !asks.is_empty() {
            self.recent.forget(self.views.commands.sequence());
            // Whoever has gone may have asked another process meanwhile, and been told that the same
            // command is refused. It must not take effect after that.
            asks.retain(|it| !it.reply.is_closed());
            if let Some(why) = Unavailable::of(self.health.condition()) {
                return answer_all(asks, &why);
            }
            let now = self.now();
            let Some(draft) = self.draft_or_put_aside(&mut asks, &mut alone, now) else { continue };
            if draft.count == 0 {
                // No fence proves that the state was current, so the log is asked: an answer that
                // writes nothing must not rest on what another writer has changed meanwhile.
                if draft.rests_on_state() && !self.is_current().await {
                    self.ledger.roll_back();
                    if !self.catch_up().await && self.stop.is_cancelled() {
                        return answer_all(asks, &Unavailable::Stopping);
                    }
                    continue;
                }
                self.ledger.settle();
                asks = self.answer(asks, draft, self.position.sequence, now);
                continue;
            }
            asks = self.publish(asks, draft, now).await;
        }
    }

    /// Publishes a draft; gives back the commands that are still to be judged.
    async fn publish(&mut self, asks: Vec<Ask>, draft: Draft, at: Moment) -> Vec<Ask> {
        let header = self.header(draft.count, at, None);
        let payload = Bytes::from(wire::encode(&header, &draft.lines));
        let hash = CommitHash::of(&payload);
        match self.settle(&header, &payload).await {
            Fate::Landed => {
                self.ledger.settle();
                self.landed(&header, hash);
                let sequence = self.position.sequence;
                for records in &draft.records {
                    self.remember(sequence, records);
                }
                metrics::counter!(numbers::COMMITS).increment(1);
                metrics::counter!(numbers::EVENTS).increment(draft.count as u64);
                self.answer(asks, draft, sequence, at)
            }
            Fate::Lost => {
                metrics::counter!(numbers::FENCED).increment(1);
                self.ledger.roll_back();
                self.catch_up().await;
                asks
            }
            Fate::Refused(unavailable) => {
                self.ledger.roll_back();
                answer_recorded(asks, &draft, &unavailable)
            }
            Fate::Unsettled => {
                self.ledger.roll_back();
                answer_all(asks, &Unavailable::Unknown);
                vec![]
            }
        }
    }

    /// Publishes a commit until its fate is known, and says meanwhile that the log does not answer,
    /// or is full, where that is so.
    pub(super) async fn settle(&self, header: &Header, payload: &Bytes) -> Fate {
        let (begin, sequence) = (Instant::now(), self.position.end() + 1);
        let kept = self.journaled(sequence, payload);
        let mut settling = std::pin::pin!(async {
            let fate = self.publish_until_known(header, payload).await;
            self.kept(sequence, kept, &fate).await;
            fate
        });
        let fate = loop {
            match tokio::time::timeout(SILENT_MAX, &mut settling).await {
                Ok(fate) => break fate,
                Err(_) => self.say_silent(begin.elapsed()),
            }
        };
        self.health.release(Hold::LogUnavailable);
        match &fate {
            Fate::Landed => self.health.release(Hold::LogFull),
            Fate::Refused(Unavailable::Full(reason)) => self.health.hold(
                Hold::LogFull,
                format!("the log takes no more: {reason}"),
                "raise max_bytes of the stream below the disk's size, or make room on it; commands \
                 are tried meanwhile, and are taken as soon as there is room"
                    .to_owned(),
                None,
            ),
            Fate::Lost | Fate::Refused(_) | Fate::Unsettled => {}
        }
        fate
    }

    fn say_silent(&self, silent: Duration) {
        let sequence = self.position.end() + 1;
        self.health.hold(
            Hold::LogUnavailable,
            format!(
                "the commit of sequence {sequence} has not been acknowledged for {} s",
                silent.as_secs()
            ),
            "look whether the stream has a leader and its servers have room on their disks; it is \
             tried again until it is acknowledged"
                .to_owned(),
            None,
        );
    }

    /// Nothing else is published meanwhile; the fence makes repeating harmless.
    async fn publish_until_known(&self, header: &Header, payload: &Bytes) -> Fate {
        let last = self.position.end();
        let fence = (last, self.position.end_on_subject());
        let stop = self.stop.clone();
        let mut lower = self.log.looks();
        let mut is_told = false;
        loop {
            self.look_after_reconnect().await;
            let published = self.log.publish(fence, header.commit, payload.clone()).await;
            match published {
                Published::Stored(sequence) if sequence == last + 1 => return Fate::Landed,
                Published::Stored(sequence) => {
                    self.health.damaged(&Damage::Changed { sequence });
                    return Fate::Unsettled;
                }
                Published::Full(reason) => return Fate::Refused(Unavailable::Full(reason)),
                Published::Rejected(reason) => {
                    return Fate::Refused(Unavailable::Rejected(reason));
                }
                Published::Fenced { last: Some(now) } if now < last => {
                    if let Err(damage) = self.ends_lower(now, &mut lower).await {
                        self.health.damaged(&damage);
                        return Fate::Unsettled;
                    }
                }
                Published::Fenced { .. } => {
                    if let Some(fate) = self.look(last + 1, payload).await {
                        return fate;
                    }
                }
                Published::Unknown(reason) => {
                    lower.begin_anew();
                    if !std::mem::replace(&mut is_told, true) {
                        tracing::warn!(%reason, sequence = last + 1, "a commit is not acknowledged");
                    }
                }
            }
            let waited = stop.run_until_cancelled(tokio::time::sleep(PAUSE)).await;
            if waited.is_none() || self.health.stop_code().is_some() {
                return Fate::Unsettled;
            }
        }
    }

    /// When a commit is judged now: never before the one before it.
    pub(super) fn now(&self) -> Moment {
        self.clock.now().max(self.position.at.unwrap_or(Moment::from_millis(0)))
    }

    /// Whether the log ends where the state stands.
    async fn is_current(&self) -> bool {
        matches!(self.log.head_now().await, Ok(head) if head.last == self.position.end())
    }

    /// The fence says that the log ends before the state. The log is asked whether it holds what it
    /// did: a leader that was paused answers from its past, and one record that cannot be read makes
    /// a fence say 0.
    async fn ends_lower(&self, now: u64, lower: &mut Looks) -> Result<(), Damage> {
        let Position { sequence, hash, .. } = self.position;
        match self.log.position(sequence, hash).await {
            Ok(_) => lower.wait_or(Damage::WentBack { known: sequence, last: now }).await,
            Err(Error::Damaged(damage)) => Err(damage),
            Err(_) => {
                lower.begin_anew();
                Ok(())
            }
        }
    }

    /// Whose commit stands where ours wanted to be? `None` when the log does not say yet.
    async fn look(&self, sequence: u64, payload: &Bytes) -> Option<Fate> {
        let found = match self.log.message_at(sequence).await {
            Ok(Some(found)) => found,
            Ok(None) => {
                let Position { sequence, hash, .. } = self.position;
                let Err(Error::Damaged(damage)) = self.log.position(sequence, hash).await else {
                    return None;
                };
                self.health.damaged(&damage);
                return Some(Fate::Unsettled);
            }
            Err(Error::Damaged(damage)) => {
                self.health.damaged(&damage);
                return Some(Fate::Unsettled);
            }
            Err(_) => return None,
        };
        match found.payload == payload {
            true => Some(Fate::Landed),
            false => Some(Fate::Lost),
        }
    }
}

impl Task {
    /// Tells every judged command its outcome, now that the draft is on the log or was empty; gives
    /// back those that are still to be judged.
    fn answer(&self, asks: Vec<Ask>, draft: Draft, sequence: u64, at: Moment) -> Vec<Ask> {
        let mut asks = asks.into_iter();
        for (verdict, ask) in draft.verdicts.into_iter().zip(asks.by_ref()) {
            let outcome = match verdict {
                Verdict::Now(outcome) => outcome,
                Verdict::Unrecorded { records, dry_run } => {
                    Outcome::Accepted { sequence, dry_run, records }
                }
                // Made once for all of them, and not on this thread.
                Verdict::Recorded { repeats: true, .. } => Outcome::Repeated { sequence },
                Verdict::Recorded { records, repeats: false } => {
                    let records = draft.records.get(records).map(Arc::clone).unwrap_or_default();
                    Outcome::Accepted { sequence, dry_run: false, records }
                }
                Verdict::Refused(refusal) => {
                    self.keep(&ask.request, &refusal, at);
                    Outcome::Refused(refusal)
                }
            };
            // Nobody waits any more: the outcome can be asked for by id.
            let _ = ask.reply.send(outcome);
        }
        asks.collect()
    }

    /// Keeps what is worth knowing of a refusal. Full or not, the answer does not wait for it.
    pub(super) fn keep(&self, request: &Request, refusal: &Refusal, at: Moment) {
        if request.dry_run {
            return;
        }
        let refused = Refused::new(Uuid::now_v7(), at, request, refusal);
        if self.refusals.try_send(ToKeep::Refused(refused.into())).is_err() {
            tracing::warn!(code = refusal.code(), "a refusal was not kept: too many at once");
        }
    }
}

/// Tells those that would have written that they cannot; gives back the others, which need no room
/// and are judged again without them.
fn answer_recorded(asks: Vec<Ask>, draft: &Draft, unavailable: &Unavailable) -> Vec<Ask> {
    let mut verdicts = draft.verdicts.iter();
    let (recorded, others) =
        asks.into_iter().partition(|_| matches!(verdicts.next(), Some(Verdict::Recorded { .. })));
    answer_all(recorded, unavailable);
    others
}

fn answer_all(asks: Vec<Ask>, unavailable: &Unavailable) {
    for ask in asks {
        let _ = ask.reply.send(Outcome::Unavailable(unavailable.clone()));
    }
}
