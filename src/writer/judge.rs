//! Judging the commands of one commit.

use std::collections::HashMap;
use std::sync::Arc;

use events::limits::COMMIT_BYTES_MAX;
use events::request::ContentHash;
use events::wire::{CommandRef, HEADER_BYTES, Record};
use events::{AccountId, CommandId, Mint, Moment, Refusal, Request};
use uuid::Uuid;

use super::recent::Accepted;
use super::start::Records;
use super::{Ask, Outcome, Task, Unavailable};

/// Bytes of event lines that fit beside the header.
const LINES_MAX: usize = COMMIT_BYTES_MAX - HEADER_BYTES;

/// A commit in the making.
#[derive(Debug, Default)]
pub(super) struct Draft {
    /// The lines of all events.
    pub(super) lines: Vec<u8>,
    /// How many.
    pub(super) count: usize,
    /// The records of each accepted command that has any.
    pub(super) records: Vec<Records>,
    /// One verdict for each command, in order; commands beyond the last did not fit.
    pub(super) verdicts: Vec<Verdict>,
}

impl Draft {
    /// Whether any verdict would be another one in another state.
    pub(super) fn rests_on_state(&self) -> bool {
        self.verdicts.iter().any(|it| match it {
            Verdict::Unrecorded { .. } | Verdict::Refused(_) | Verdict::Recorded { .. } => true,
            Verdict::Now(_) => false,
        })
    }
}

/// What judging one command came to.
#[derive(Debug)]
pub(super) enum Verdict {
    /// Its records are these of the draft: what becomes of the commit becomes of it.
    Recorded {
        /// Which of the draft's.
        records: usize,
        /// Whether an earlier command of the draft has the same id and content.
        repeats: bool,
    },
    /// Accepted, and nothing to record: it is so already once the draft is on the log, or it was
    /// only tried out.
    Unrecorded {
        /// What it would cause, for a dry run.
        records: Records,
        /// Whether it was only tried out.
        dry_run: bool,
    },
    /// Judged and not accepted.
    Refused(Refusal),
    /// The answer does not depend on the commit.
    Now(Outcome),
}

impl Task {
    /// Judges commands in order until all are judged or the commit is full. The state is as if the
    /// draft were on the log, until it is settled or rolled back.
    pub(super) fn draft(&mut self, asks: &[Ask], now: Moment) -> Draft {
        let mut draft = Draft::default();
        let mut own: HashMap<(&AccountId, &CommandId), (ContentHash, usize)> = HashMap::new();
        // 74 random bits for the whole commit; each command counts up from a place of its own.
        let random = Uuid::now_v7().as_u128();
        self.ledger.begin();
        for (place, ask) in asks.iter().enumerate() {
            let request = &ask.request;
            let seed = random.wrapping_add((place as u128) << 32);
            let verdict = match own.get(&(&request.account, &request.id)) {
                Some((hash, _)) if *hash != request.hash => {
                    let sequence = self.position.sequence + 1;
                    let refusal = Refusal::CommandIdReused { id: request.id.clone(), sequence };
                    Verdict::Refused(refusal)
                }
                Some((_, records)) if !request.dry_run => {
                    Verdict::Recorded { records: *records, repeats: true }
                }
                Some(_) | None => match self.judge(request, &mut draft, now, seed) {
                    Some(verdict) => verdict,
                    None => break,
                },
            };
            if let Verdict::Recorded { records, repeats: false } = verdict {
                own.insert((&request.account, &request.id), (request.hash, records));
            }
            draft.verdicts.push(verdict);
        }
        draft
    }

    /// Judges one command; `None` when its events do not fit into this commit any more.
    fn judge(
        &mut self,
        request: &Request,
        draft: &mut Draft,
        now: Moment,
        seed: u128,
    ) -> Option<Verdict> {
        match self.accepted_before(request) {
            Ok(None) => {}
            Ok(Some(accepted)) if accepted.hash == request.hash => {
                let sequence = accepted.sequence;
                return Some(Verdict::Now(Outcome::Repeated { sequence }));
            }
            Ok(Some(Accepted { sequence, .. })) => {
                let refusal = Refusal::CommandIdReused { id: request.id.clone(), sequence };
                return Some(Verdict::Refused(refusal));
            }
            Err(unavailable) => return Some(Verdict::Now(Outcome::Unavailable(unavailable))),
        }
        let events = match self.ledger.judge(request, now, seed) {
            Ok(events) => events,
            Err(refusal) => return Some(Verdict::Refused(refusal)),
        };
        #[cfg(test)]
        (self.besides)(request);
        // Events have ids of their own, from the same random bits at a distance.
        let mut mint = Mint::new(now, seed.wrapping_add(1 << 31), 0);
        let record = |event| Record {
            id: mint.id(),
            at: now,
            account: request.account.clone(),
            command: CommandRef { id: request.id.clone(), hash: request.hash },
            actor: request.actor.clone(),
            by: request.by.clone(),
            via: request.via,
            change: request.change.clone(),
            event,
        };
        let records: Vec<Record> = events.into_iter().map(record).collect();
        let before = draft.lines.len();
        records.iter().for_each(|it| it.write(&mut draft.lines));
        let bytes = draft.lines.len() - before;
        if bytes > LINES_MAX {
            self.ledger.take_back();
            draft.lines.truncate(before);
            let refusal = Refusal::CommitTooLarge { bytes, max: LINES_MAX };
            return Some(Verdict::Refused(refusal));
        }
        if request.dry_run || records.is_empty() {
            draft.lines.truncate(before);
            let dry_run = request.dry_run;
            return Some(Verdict::Unrecorded { records: Arc::new(records), dry_run });
        }
        if draft.lines.len() > LINES_MAX {
            self.ledger.take_back();
            draft.lines.truncate(before);
            return None;
        }
        draft.count += records.len();
        draft.records.push(Arc::new(records));
        Some(Verdict::Recorded { records: draft.records.len() - 1, repeats: false })
    }

    /// When a command of this id was accepted, if ever.
    fn accepted_before(&self, request: &Request) -> Result<Option<Accepted>, Unavailable> {
        if let Some(accepted) = self.recent.get(&request.account, &request.id) {
            return Ok(Some(accepted));
        }
        if self.recent.is_full() {
            return Err(Unavailable::Commands("they are too far behind the log".to_owned()));
        }
        if !self.seen.may_hold(&request.account, &request.id) {
            return Ok(None);
        }
        let found = self.views.commands.find_command(&request.account, &request.id);
        match found {
            Ok(found) => Ok(found.map(|(hash, sequence)| Accepted { hash, sequence })),
            Err(error) => Err(Unavailable::Commands(error.to_string())),
        }
    }
}
