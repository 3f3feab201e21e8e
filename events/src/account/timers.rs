//! What is to happen to an account by itself, and when.

use super::{Account, Assignment, Inconsistent, License};
use crate::event::CommandScheduled;
use crate::metadata::Metadata;
use crate::moment::Moment;
use crate::text::{AssignmentId, Label, LicenseId};

/// A command that is kept until it is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// Its number.
    pub schedule: u64,
    /// When it is due.
    pub due: Moment,
    /// The type of the command.
    pub command: Label,
    /// Its document.
    pub document: Metadata,
}

/// Something that is due, by its row or number. In this order where several are at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Timer {
    License(u32),
    Assignment(u32),
    Place(u64),
    Schedule(u64),
}

/// Something that is due, by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Due {
    License(LicenseId),
    Assignment(AssignmentId),
    Place(u64),
    Schedule(Schedule),
}

impl Account {
    /// When something is to happen by itself next; the beginning of time for what is overdue
    /// whatever the moment.
    pub fn next_due(&self) -> Option<Moment> {
        match self.unfinished > 0 || self.unserved {
            false => self.timers.first().map(|(at, _)| *at),
            true => Some(Moment::from_millis(i64::MIN)),
        }
    }

    /// Says whether it is to be looked whether seats are free for those who wait. That is so after
    /// more were freed than one commit gives out, and whenever it is not known.
    pub(crate) fn look_for_unserved(&mut self, look: bool) {
        self.unserved = look && !self.waits.is_empty();
    }

    /// Whether it is to be looked for those who could be served.
    pub(crate) fn has_unserved(&self) -> bool {
        self.unserved
    }

    /// Whether there are rules of groups whose members are still to be served.
    pub(crate) fn has_unfinished(&self) -> bool {
        self.unfinished > 0
    }

    /// Commands that are kept until they are due, in the order of their numbers.
    pub fn schedules(&self) -> impl Iterator<Item = &Schedule> {
        self.schedules.values()
    }

    /// The schedule of that number, while it is kept.
    pub fn schedule(&self, number: u64) -> Option<&Schedule> {
        self.schedules.get(&number)
    }

    /// Whether a schedule of that number has been and is over.
    pub fn schedule_has_ended(&self, number: u64) -> bool {
        self.ended_schedules.contains(&number)
    }

    /// What is due first, if that is by now.
    pub(crate) fn first_due(&self, now: Moment) -> Option<(Moment, Due)> {
        let (at, timer) = self.timers.first().filter(|(at, _)| *at <= now)?;
        let due = match timer {
            Timer::License(row) => Due::License(self.licenses.get(*row as usize)?.id.clone()),
            Timer::Assignment(row) => {
                Due::Assignment(self.assignments.get(*row as usize)?.as_ref()?.id)
            }
            Timer::Place(place) => Due::Place(*place),
            Timer::Schedule(number) => Due::Schedule(self.schedules.get(number)?.clone()),
        };
        Some((*at, due))
    }

    /// Keeps the timers in step with a row that was one thing and is another.
    pub(super) fn retime(&mut self, timer: Timer, before: Option<Moment>, after: Option<Moment>) {
        if before == after {
            return;
        }
        if let Some(at) = before {
            self.timers.remove(&(at, timer));
        }
        if let Some(at) = after {
            self.timers.insert((at, timer));
        }
    }

    pub(super) fn command_scheduled(&mut self, it: &CommandScheduled) -> Result<(), Inconsistent> {
        let number = it.schedule;
        if self.schedules.contains_key(&number) || self.schedule_has_ended(number) {
            return Err(Inconsistent::Schedule(number));
        }
        let schedule = Schedule {
            schedule: number,
            due: it.due,
            command: it.command.clone(),
            document: it.document.clone(),
        };
        self.put_schedule(number, Some(schedule));
        Ok(())
    }

    pub(super) fn schedule_over(&mut self, number: u64) -> Result<(), Inconsistent> {
        if !self.schedules.contains_key(&number) {
            return Err(Inconsistent::Schedule(number));
        }
        self.put_schedule(number, None);
        self.put_ended_schedule(number);
        Ok(())
    }

    /// Writes a schedule: `None` for one that is kept no more.
    pub(super) fn put_schedule(&mut self, number: u64, after: Option<Schedule>) {
        self.begin_change();
        let due = after.as_ref().map(|it| it.due);
        let before = match after {
            Some(after) => self.schedules.insert(number, after),
            None => self.schedules.remove(&number),
        };
        self.retime(Timer::Schedule(number), before.as_ref().map(|it| it.due), due);
        self.keep(super::Before::Schedule(number, before.map(Box::new)));
    }

    fn put_ended_schedule(&mut self, number: u64) {
        if !self.ended_schedules.contains(&number) {
            self.begin_change();
            self.ended_schedules.insert(number);
            self.keep(super::Before::EndedSchedule(number));
        }
    }
}

pub(super) fn of_license(it: &License) -> Option<Moment> {
    it.next().map(|(at, _)| at)
}

pub(super) fn of_assignment(it: &Assignment) -> Option<Moment> {
    it.ends_at()
}
