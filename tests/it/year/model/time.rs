//! What comes to pass by itself.

use serde_json::Value;

use super::{Code, Model, Schedule, Time, text, time};

/// What is due, and when. At one moment licenses come first, then assignments, then commands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    Started(usize),
    Ended(usize),
    GraceEnded(usize),
    Assignment(u64),
    Command(usize),
}

impl Model {
    pub(super) fn schedule(&mut self, document: &Value) -> Result<(), Code> {
        let (command, due) = (text(document, "command").to_owned(), time(document, "at").unwrap());
        let document = document["document"].clone();
        let same =
            |it: &Schedule| it.due == due && it.command == command && it.document == document;
        if !self.schedules.iter().any(same) {
            self.say(&["CommandScheduled"]);
            self.schedules.push(Schedule { due, command, document });
        }
        Ok(())
    }

    /// Lets everything come to pass that is due by then, and says the lines of it.
    pub fn pass(&mut self, to: Time) -> Vec<String> {
        self.lines.clear();
        loop {
            let mut due = self.due();
            due.retain(|it| it.0 <= to);
            due.sort();
            let Some(first) = due.first().cloned() else { break };
            // Each moment by itself, and each scheduled command: what follows comes before the next.
            self.now = first.0;
            self.come_to_pass(first.1);
            let more = due.get(1).is_some_and(|it| it.0 == self.now);
            if !more || matches!(due[1].1, Due::Command(_)) {
                self.finish_rules();
                self.settle();
            }
        }
        self.now = to;
        self.finish_rules();
        self.settle();
        std::mem::take(&mut self.lines)
    }

    fn due(&self) -> Vec<(Time, Due)> {
        let mut due = vec![];
        for (place, it) in self.licenses.iter().enumerate().filter(|it| !it.1.retired) {
            let told = it.told;
            due.extend(it.starts.filter(|_| !told.started).map(|at| (at, Due::Started(place))));
            due.extend(it.ends.filter(|_| !told.ended).map(|at| (at, Due::Ended(place))));
            let grace = it.grace_ends().filter(|_| !told.grace_ended);
            due.extend(grace.map(|at| (at, Due::GraceEnded(place))));
        }
        for seat in self.seats.iter().flat_map(|it| it.values()) {
            due.extend(seat.ends.map(|at| (at, Due::Assignment(seat.number))));
        }
        let schedules = self.schedules.iter().enumerate();
        due.extend(schedules.map(|(place, it)| (it.due, Due::Command(place))));
        due
    }

    fn come_to_pass(&mut self, due: Due) {
        match due {
            Due::Started(license) | Due::Ended(license) => {
                let _ = due;
                self.tell_window(license);
            }
            Due::GraceEnded(license) => {
                self.licenses[license].told.grace_ended = true;
                let name = self.licenses[license].name.clone();
                self.say(&["GraceEnded", &name]);
            }
            Due::Assignment(number) => {
                let (license, holder) = self.numbered(number);
                self.revoke_one(license, &holder);
            }
            Due::Command(place) => {
                let it = self.schedules.remove(place);
                match self.carry_out(&it.command, &it.document) {
                    Ok(()) => self.say(&["ScheduleFired"]),
                    Err(code) => self.say(&["ScheduleFired", code]),
                }
            }
        }
    }

    /// Whose seat has a number, and of which license.
    fn numbered(&self, number: u64) -> (usize, String) {
        let mut all = (0..self.licenses.len())
            .flat_map(|license| self.seats_of(license).map(move |it| (license, it.0, it.1)));
        let (license, holder, _) = all.find(|it| it.2.number == number).unwrap();
        (license, holder.clone())
    }
}
