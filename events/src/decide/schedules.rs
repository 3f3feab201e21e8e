//! Rules about commands to come.

use super::Case;
use crate::account::Schedule;
use crate::command::{CancelSchedule, ScheduleCommand};
use crate::event::{CommandScheduled, Event, ScheduleCancelled, ScheduleFired};
use crate::limits::COMMIT_BYTES_MAX;
use crate::refusal::Refusal;

/// Bytes of the events of one scheduled command, what stands around them not counted. One that
/// causes more is refused: it must fit into a commit beside whatever else is due.
const FIRED_BYTES_MAX: usize = COMMIT_BYTES_MAX / 4;

impl Case<'_> {
    pub(super) fn schedule(&mut self, it: &ScheduleCommand) -> Result<(), Refusal> {
        // What nobody had asked for yet was not due then: it is judged as of now.
        let due = it.at.max(self.now);
        let same = |kept: &Schedule| {
            (kept.due, &kept.command, &kept.document) == (due, &it.command, &it.document)
        };
        if self.account.schedules().any(same) {
            return Ok(());
        }
        let schedule = self.mint.number();
        self.cause(Event::CommandScheduled(CommandScheduled {
            schedule,
            due,
            command: it.command.clone(),
            document: it.document.clone(),
        }));
        Ok(())
    }

    pub(super) fn cancel_schedule(&mut self, it: &CancelSchedule) -> Result<(), Refusal> {
        let schedule = it.schedule;
        if self.account.schedule(schedule).is_some() {
            self.cause(Event::ScheduleCancelled(ScheduleCancelled { schedule }));
            return Ok(());
        }
        match self.account.schedule_has_ended(schedule) {
            true => Ok(()),
            false => Err(Refusal::ScheduleNotFound(schedule)),
        }
    }

    /// Judges a command that was kept until now. A refusal is a fact here: nobody else is there to
    /// be told.
    pub(super) fn fire(&mut self, kept: &Schedule) {
        let (mark, before) = (self.account.mark(), self.events.len());
        let mint = self.mint.clone();
        let judged = match crate::command::read_kept(kept.command.as_str(), &kept.document) {
            Ok(command) => self.decide(&command).and_then(|()| self.fits(before)),
            // It was well-formed when it came; a later release may know better.
            Err(malformed) => {
                return self.fired(kept, Some((malformed.code.as_str(), malformed.to_string())));
            }
        };
        match judged {
            Ok(()) => self.fired(kept, None),
            Err(refusal) => {
                self.account.roll_back_to(mark);
                self.events.truncate(before);
                *self.mint = mint;
                self.fired(kept, Some((refusal.code(), refusal.to_string())));
            }
        }
    }

    fn fits(&self, before: usize) -> Result<(), Refusal> {
        let bytes = self.bytes_since(before);
        match bytes <= FIRED_BYTES_MAX {
            true => Ok(()),
            false => Err(Refusal::CommitTooLarge { bytes, max: FIRED_BYTES_MAX }),
        }
    }

    /// Bytes of the events since so many of them, what stands around them not counted.
    pub(super) fn bytes_since(&self, before: usize) -> usize {
        let size = |it: &Event| serde_json::to_vec(it).map_or(0, |it| it.len());
        self.events[before..].iter().map(size).sum()
    }

    fn fired(&mut self, kept: &Schedule, refused: Option<(&str, String)>) {
        let (code, detail) = refused.unzip();
        self.cause(Event::ScheduleFired(ScheduleFired {
            schedule: kept.schedule,
            due: kept.due,
            refused: code.map(Into::into),
            detail: detail.map(Into::into),
        }));
    }
}
