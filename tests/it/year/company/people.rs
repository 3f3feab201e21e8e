//! Joiners, leavers, and people who move.

use serde_json::json;

use super::{AT_FIRST, Company, DEPARTMENTS, EVERYONE, NAMED_AT_ONCE, all_named, named};
use crate::year::running::Year;

/// Where somebody is who could not be added to a department.
const NOWHERE: &str = "nowhere";

impl Company {
    pub(super) fn new_user(&mut self) -> String {
        self.users += 1;
        format!("u{:04}", self.users)
    }

    pub(super) fn new_guest(&mut self) -> String {
        self.guests += 1;
        let address = format!("guest{}@example.com", self.guests);
        self.addresses.push(address.clone());
        address
    }

    fn department(&mut self) -> &'static str {
        // Engineering and support are large.
        let many = DEPARTMENTS.len();
        match self.below(many + 4) {
            it if it < many => DEPARTMENTS[it],
            it if it < many + 2 => "engineering",
            _ => "support",
        }
    }

    /// Somebody who is there.
    pub(super) fn somebody(&mut self) -> String {
        let place = self.below(self.people.len());
        self.people[place].0.clone()
    }

    /// People come: they are registered, get a badge, and are in a department.
    pub(super) async fn join(&mut self, year: &mut Year, users: Vec<String>) {
        let mut registered = vec![];
        for user in &users {
            let mut holder = named(user);
            if self.once_in(3) {
                holder["email"] = json!(format!("{user}@example.com"));
            }
            registered.push(("RegisterHolder", json!({"holder": holder})));
        }
        year.many(registered).await;
        let badge =
            |it: &String| ("AssignSeat", json!({"license": "badge", "holders": [named(it)]}));
        year.many(users.iter().map(badge).collect()).await;
        for part in users.chunks(NAMED_AT_ONCE) {
            let holders = all_named(part);
            year.one(("AddMembers", json!({"group": EVERYONE, "holders": holders}))).await;
        }
        let mut placed = vec![];
        for user in users {
            placed.push((user, self.department()));
        }
        for department in DEPARTMENTS {
            let of = placed.iter().filter(|it| it.1 == department).map(|it| it.0.clone());
            let of: Vec<_> = of.collect();
            if of.is_empty() {
                continue;
            }
            let members = json!({"group": department, "holders": all_named(&of)});
            let joined = year.one(("AddMembers", members)).await;
            let department = if joined { department } else { NOWHERE };
            self.people.extend(of.into_iter().map(|it| (it, department)));
        }
    }

    pub(super) async fn joiners_and_leavers(&mut self, year: &mut Year) {
        let many = self.size * (100 - AT_FIRST) / 100 / 52;
        let mut joined = vec![];
        for _ in 0..many + self.dice.below(3) {
            joined.push(self.new_user());
        }
        if !self.left.is_empty() && self.once_in(3) {
            let place = self.below(self.left.len());
            joined.push(self.left.remove(place));
        }
        self.join(year, joined).await;
        for _ in 0..many {
            let user = self.remove_somebody();
            match self.below(4) {
                // Some are retired at a moment that is known before.
                0 => {
                    let (day, hour) = (year.day + 1 + self.day_of(20), self.day_of(6));
                    let document = json!({"at": year.early(day, hour), "command": "RetireHolder",
                        "document": {"holder": named(&user)}});
                    year.one(("ScheduleCommand", document)).await;
                }
                // Some are only taken out of their groups, and keep what they have by name.
                1 => {
                    for group in DEPARTMENTS.into_iter().chain([EVERYONE]) {
                        let document = json!({"group": group, "holders": [named(&user)]});
                        year.one(("RemoveMembers", document)).await;
                    }
                }
                _ => {
                    let document = json!({"holder": named(&user), "reason": "left"});
                    year.one(("RetireHolder", document)).await;
                }
            }
        }
    }

    fn remove_somebody(&mut self) -> String {
        let place = self.below(self.people.len());
        let user = self.people.swap_remove(place).0;
        self.left.push(user.clone());
        user
    }

    /// Somebody goes from one department to another.
    pub(super) async fn move_somebody(&mut self, year: &mut Year) {
        let place = self.below(self.people.len());
        let (user, from) = self.people[place].clone();
        let to = self.department();
        if from != NOWHERE {
            let leaves = json!({"group": from, "holders": [named(&user)], "reason": "moved"});
            year.one(("RemoveMembers", leaves)).await;
        }
        let joins = json!({"group": to, "holders": [named(&user)]});
        let joined = year.one(("AddMembers", joins)).await;
        self.people[place].1 = if joined { to } else { NOWHERE };
    }
}
