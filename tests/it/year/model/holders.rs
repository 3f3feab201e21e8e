//! Who somebody is.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Code, Model, Place, What, text};

impl Model {
    pub(super) fn register(&mut self, document: &Value) -> Result<(), Code> {
        let named = &document["holder"];
        let holder = self.holder(named);
        if let (Some(user), Some(email)) = (named["user"].as_str(), named["email"].as_str())
            && self.links.get(email).is_some_and(|it| it != user)
        {
            return Err("already_linked");
        }
        let was = self.people.get(&holder).cloned().unwrap_or_default();
        let mut new = was.clone();
        (new.registered, new.retired) = (true, false);
        if let (Some(_), Some(email)) = (named["user"].as_str(), named["email"].as_str()) {
            new.email = Some(email.to_owned());
        }
        let same = |a: &super::Person, b: &super::Person| {
            (a.registered, a.retired, &a.email) == (b.registered, b.retired, &b.email)
        };
        if !same(&was, &new) {
            self.say(&["HolderRegistered", &holder]);
            self.people.insert(holder, new);
        }
        Ok(())
    }

    pub(super) fn link(&mut self, document: &Value) -> Result<(), Code> {
        let (email, user) = (text(document, "email").to_owned(), text(document, "user").to_owned());
        match self.links.get(&email) {
            Some(linked) if *linked == user => return Ok(()),
            Some(_) => return Err("already_linked"),
            None => {}
        }
        if self.is_retired(&email) || self.is_retired(&user) {
            return Err("holder_retired");
        }
        self.introduce(&email);
        self.introduce(&user);
        self.move_seats(&email, &user);
        self.move_places(&email, &user);
        for group in self.groups.keys().cloned().collect::<Vec<_>>() {
            self.move_member(&group, &email, &user);
        }
        self.move_set(&email, &user);
        self.share_seats(&user);
        self.say(&["HolderLinked", &user, &email]);
        if self.people[&user].email.is_none() {
            self.know(&user).email = Some(email.clone());
            self.say(&["HolderRegistered", &user]);
        }
        self.links.insert(email, user);
        Ok(())
    }

    fn move_seats(&mut self, email: &str, user: &str) {
        for license in 0..self.licenses.len() {
            let Some(moved) = self.seats[license].remove(email) else { continue };
            let name = self.licenses[license].name.clone();
            match self.seat(license, user).cloned() {
                None => {
                    self.seats[license].insert(user.to_owned(), moved);
                    self.say(&["AssignmentTransferred", &name, user, email]);
                }
                Some(own) => {
                    // The one that is used stays; what was given by name lasts as long as the longer.
                    let used = moved.active && !own.active;
                    let by_name =
                        |it: &super::Seat| it.grounds.iter().any(|it| !it.starts_with("group:"));
                    let (stays, goes) = if used { (moved, own) } else { (own, moved) };
                    let ends = match (by_name(&stays), by_name(&goes)) {
                        (true, true) => stays.ends.zip(goes.ends).map(|(a, b)| a.max(b)),
                        (false, true) => goes.ends,
                        (_, false) => stays.ends,
                    };
                    self.licenses[license].held -= i64::from(goes.active);
                    self.say(&["AssignmentRevoked", &name, if used { user } else { email }]);
                    if used {
                        self.say(&["AssignmentTransferred", &name, user, email]);
                    }
                    self.seats[license].insert(user.to_owned(), stays.clone());
                    for ground in goes.grounds {
                        let by_group = format!("group:{}", ground.trim_start_matches("orphan:"));
                        if !ground.starts_with("orphan:") || !stays.grounds.contains(&by_group) {
                            self.add_ground(license, user, &ground);
                        }
                    }
                    self.set_end(license, user, ends);
                }
            }
        }
    }

    /// Of a product one seat is enough for what groups give of it.
    fn share_seats(&mut self, user: &str) {
        let products: BTreeSet<_> = self.licenses.iter().map(|it| it.product.clone()).collect();
        for product in products {
            let mut held = self.in_force(&product);
            held.sort_unstable();
            held.retain(|it| self.seat(*it, user).is_some_and(|it| it.active));
            let by_product = |ground: &String| {
                let Some(group) = ground.strip_prefix("group:") else { return false };
                let what = What::Product(product.clone());
                self.groups[group].grants.iter().any(|it| it.what == what)
            };
            let (moves, stays): (Vec<_>, Vec<_>) = held.iter().copied().partition(|license| {
                self.seat(*license, user).unwrap().grounds.iter().all(by_product)
            });
            let Some(stays) = stays.first().or(held.first()).copied() else { continue };
            for license in moves.into_iter().filter(|it| *it != stays) {
                let grounds = self.seat(license, user).unwrap().grounds.clone();
                self.remove_grounds(license, user, |_| true);
                for ground in grounds {
                    self.add_ground(stays, user, &ground);
                }
            }
        }
    }

    fn move_places(&mut self, email: &str, user: &str) {
        let before = std::mem::take(&mut self.waiting);
        for mut place in before.clone() {
            if place.holder != email {
                self.waiting.push(place);
                continue;
            }
            let name = self.name_of(&place.what);
            let same = |it: &Place| {
                it.holder == user && it.what == place.what && it.ground == place.ground
            };
            let twice = before.iter().any(same);
            self.say(&["WaitlistLeft", &name, email, &place.ground, "withdrawn"]);
            if !twice {
                self.say(&["WaitlistJoined", &name, user, &place.ground]);
                place.holder = user.to_owned();
                self.waiting.push(place);
            }
        }
    }

    fn move_member(&mut self, group: &str, email: &str, user: &str) {
        let members = &mut self.groups.get_mut(group).unwrap().members;
        let Some(place) = members.iter().position(|it| it == email) else { return };
        let twice = members.iter().any(|it| it == user);
        match twice {
            true => drop(members.remove(place)),
            false => user.clone_into(&mut members[place]),
        }
        self.say(&["MemberRemoved", group, email]);
        if !twice {
            self.say(&["MemberAdded", group, user]);
        }
    }

    /// The set of the address is the user's, who may have one; what is not as it says then ends.
    fn move_set(&mut self, email: &str, user: &str) {
        if let Some(set) = self.know(email).set.take() {
            self.say(&["DirectSetCleared", email]);
            if self.people[user].set.is_none() {
                self.know(user).set = Some(set);
                self.say(&["DirectSetDeclared", user]);
            }
        }
        if let Some(set) = self.people[user].set.clone() {
            self.end_beside(user, &set);
        }
    }

    pub(super) fn retire_holder(&mut self, document: &Value) -> Result<(), Code> {
        let holder = self.holder(&document["holder"]);
        let known = self.people.get(&holder).ok_or("holder_not_found")?;
        if known.retired {
            return Ok(());
        }
        let had_set = known.set.is_some();
        self.drop_places("withdrawn", |it| it.holder == holder);
        for group in self.groups.keys().cloned().collect::<Vec<_>>() {
            self.drop_member(&group, &holder);
        }
        for license in 0..self.licenses.len() {
            if self.seat(license, &holder).is_some() {
                self.remove_grounds(license, &holder, |_| true);
            }
        }
        if had_set {
            self.say(&["DirectSetCleared", &holder]);
        }
        let person = self.know(&holder);
        (person.retired, person.registered, person.set) = (true, false, None);
        self.say(&["HolderRetired", &holder]);
        Ok(())
    }
}
