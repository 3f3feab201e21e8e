//! Giving seats and taking them, by name.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Code, Model, Seat, Time, What, text, time};

pub(super) const DIRECT: &str = "direct";

impl Model {
    /// Who has an assignment of a license.
    pub(super) fn seats_of(&self, license: usize) -> impl Iterator<Item = (&String, &Seat)> {
        self.seats[license].iter()
    }

    pub fn held(&self, license: usize) -> i64 {
        self.licenses[license].held
    }

    pub(super) fn has_free(&self, license: usize) -> bool {
        self.limit(license).is_none_or(|it| self.held(license) < it)
    }

    pub(super) fn seat(&self, license: usize, holder: &str) -> Option<&Seat> {
        self.seats[license].get(holder)
    }

    /// The licenses of a product that are in force, the one that ends first before the others.
    pub(super) fn in_force(&self, product: &str) -> Vec<usize> {
        let of = |it: &usize| self.licenses[*it].product == product;
        let licenses = (0..self.licenses.len()).filter(of);
        let mut found: Vec<_> =
            licenses.filter(|it| self.licenses[*it].in_force(self.now)).collect();
        found.sort_by_key(|it| (self.licenses[*it].ends.unwrap_or(Time::MAX), *it));
        found
    }

    /// The licenses of which a seat is what is asked for.
    pub(super) fn meant(&self, what: &What) -> Vec<usize> {
        match what {
            What::License(license) => vec![*license],
            What::Product(product) => self.in_force(product),
        }
    }

    /// The license of which somebody has what is asked for: one that a group gives, for its ground;
    /// or one whose seat they hold, which stands on this ground, or on the orphan of it, or was
    /// allocated first.
    pub(super) fn has(&self, holder: &str, what: &What, ground: &str) -> Option<usize> {
        let orphan = ground.replace("group:", "orphan:");
        let rank = |it: &usize| {
            let seat = self.seat(*it, holder).unwrap();
            let stands = seat.grounds.contains(ground);
            let given = stands && ground != DIRECT;
            (!given, !seat.active, !stands, !seat.grounds.contains(&orphan), *it)
        };
        let licenses = self.meant(what).into_iter();
        licenses.filter(|it| self.seat(*it, holder).is_some()).min_by_key(rank)
    }

    /// The same, where they hold a seat or a group has given it: an idle assignment is none.
    pub(super) fn has_seat(&self, holder: &str, what: &What, ground: &str) -> Option<usize> {
        let license = self.has(holder, what, ground)?;
        let seat = self.seat(license, holder)?;
        let given = ground != DIRECT && seat.grounds.contains(ground);
        (seat.active || given).then_some(license)
    }

    /// The license that a new seat would be of, or why there is none.
    pub(super) fn source(&self, what: &What) -> Result<usize, Code> {
        match what {
            What::License(license) => match self.licenses[*license].closed(self.now) {
                Some(code) => Err(code),
                None => self.has_free(*license).then_some(*license).ok_or("no_free_seat"),
            },
            What::Product(product) => {
                let licenses = self.in_force(product);
                if licenses.is_empty() {
                    return Err("no_license_in_force");
                }
                licenses.into_iter().find(|it| self.has_free(*it)).ok_or("no_free_seat")
            }
        }
    }

    /// Gives somebody what they lack: a ground on the seat they have, or a seat, also of an assignment
    /// that is there without one.
    pub(super) fn give(
        &mut self,
        holder: &str,
        what: &What,
        ground: &str,
        ends: Option<Time>,
    ) -> Result<(), Code> {
        if let Some(license) = self.has_seat(holder, what, ground) {
            self.stand_on(license, holder, ground, ends);
            self.served(license, holder, ground);
            return Ok(());
        }
        let license = self.source(what)?;
        if self.seat(license, holder).is_some() {
            self.reactivate(license, holder);
            self.stand_on(license, holder, ground, ends);
            self.served(license, holder, ground);
            self.has_come(license, holder);
            return Ok(());
        }
        let name = self.licenses[license].name.clone();
        self.say(&["SeatAssigned", &name, holder, ground]);
        self.know(holder);
        let number = self.next_number();
        let grounds = BTreeSet::from([ground.to_owned()]);
        let seat = Seat { number, active: true, fulfilled: false, ends, grounds };
        self.seats[license].insert(holder.to_owned(), seat);
        self.licenses[license].held += 1;
        self.served(license, holder, ground);
        self.has_come(license, holder);
        Ok(())
    }

    /// One ground more; what is given by name ends when it was asked for, or at the later time where
    /// it was given by name before.
    pub(super) fn stand_on(
        &mut self,
        license: usize,
        holder: &str,
        ground: &str,
        ends: Option<Time>,
    ) {
        if ground == DIRECT {
            let seat = self.seat(license, holder).unwrap();
            let later = seat.ends.zip(ends).map(|(one, other)| one.max(other));
            let ends = if seat.grounds.contains(DIRECT) { later } else { ends };
            self.set_end(license, holder, ends);
        }
        self.add_ground(license, holder, ground);
    }

    pub(super) fn set_end(&mut self, license: usize, holder: &str, ends: Option<Time>) {
        let seat = self.seats[license].get_mut(holder).unwrap();
        if seat.ends != ends {
            seat.ends = ends;
            let name = self.licenses[license].name.clone();
            self.say(&["AssignmentEndSet", &name, holder]);
        }
    }

    pub(super) fn add_ground(&mut self, license: usize, holder: &str, ground: &str) {
        let seat = self.seats[license].get_mut(holder).unwrap();
        if !seat.grounds.insert(ground.to_owned()) {
            return;
        }
        if let Some(group) = ground.strip_prefix("group:") {
            seat.grounds.remove(&format!("orphan:{group}"));
        }
        if let Some(group) = ground.strip_prefix("orphan:") {
            seat.grounds.remove(&format!("group:{group}"));
        }
        let name = self.licenses[license].name.clone();
        self.say(&["GroundAdded", &name, holder, ground]);
        self.forget_end(license, holder);
        self.served(license, holder, ground);
    }

    /// An end is of what was given by name.
    fn forget_end(&mut self, license: usize, holder: &str) {
        let grounds = &self.seats[license][holder].grounds;
        if grounds.iter().all(|it| it.starts_with("group:")) {
            self.set_end(license, holder, None);
        }
    }

    /// Ends some grounds of a seat, and the seat with the last of them.
    pub(super) fn remove_grounds(
        &mut self,
        license: usize,
        holder: &str,
        goes: impl Fn(&str) -> bool,
    ) {
        let seat = self.seats[license].get_mut(holder).unwrap();
        let name = self.licenses[license].name.clone();
        let (gone, left): (BTreeSet<_>, BTreeSet<_>) =
            seat.grounds.iter().cloned().partition(|it| goes(it));
        if left.is_empty() {
            let seat = self.seats[license].remove(holder).unwrap();
            self.licenses[license].held -= i64::from(seat.active);
            self.say(&["AssignmentRevoked", &name, holder]);
            return;
        }
        seat.grounds = left;
        for ground in gone {
            self.say(&["GroundRemoved", &name, holder, &ground]);
        }
        self.forget_end(license, holder);
    }

    pub(super) fn may_hold(&self, license: usize, holder: &str) -> bool {
        self.decided(license, "may_hold") == "anyone" || self.is_member(holder)
    }

    fn is_member(&self, holder: &str) -> bool {
        let registered = self.people.get(holder).is_some_and(|it| it.registered);
        registered || self.groups.values().any(|it| it.members.iter().any(|it| it == holder))
    }

    /// Whether somebody may have the seat that would be given, or that they would wait for.
    pub(super) fn may_have(&self, what: &What, holder: &str) -> bool {
        let first = match what {
            What::License(license) => Some(*license),
            What::Product(product) => {
                self.source(what).ok().or_else(|| self.in_force(product).first().copied())
            }
        };
        first.is_none_or(|it| self.may_hold(it, holder))
    }

    pub(super) fn assign(&mut self, document: &Value) -> Result<(), Code> {
        let what = self.what(document)?;
        let (holders, ends) = (self.holders(document), time(document, "ends_at"));
        let wait = document["wait"] == true;
        // Who lacks a ground alone, and who lacks a seat.
        let (mut lacking, mut needy) = (vec![], vec![]);
        for holder in holders {
            let has = self.has_seat(&holder, &what, DIRECT);
            match has.map(|it| self.seat(it, &holder).unwrap()) {
                Some(seat) if seat.grounds.contains(DIRECT) => {}
                Some(_) => lacking.push(holder),
                None if wait && self.waits(&holder, &what, DIRECT) => {}
                None => needy.push(holder),
            }
        }
        let asked: Vec<&String> = lacking.iter().chain(&needy).collect();
        self.may_be_given(&what, &asked, ends)?;
        let free: i64 = self.meant(&what).into_iter().map(|it| self.free(it)).sum();
        if needy.len() as i64 > free && !wait {
            return Err("no_free_seat");
        }
        for holder in lacking {
            let license = self.ends_first(&holder, &what);
            self.stand_on(license, &holder, DIRECT, ends);
            self.has_come(license, &holder);
        }
        for holder in needy {
            // An assignment that was given by name before keeps its end.
            let idle = self.source(&what).ok().and_then(|it| self.seat(it, &holder));
            let kept = idle.filter(|it| it.grounds.contains(DIRECT)).map(|it| it.ends);
            if self.give(&holder, &what, DIRECT, kept.unwrap_or(ends)).is_err() {
                self.introduce(&holder);
                self.join(&what, &holder, DIRECT, ends);
            }
        }
        Ok(())
    }

    /// By name a ground goes on the seat of the license that ends first.
    fn ends_first(&self, holder: &str, what: &What) -> usize {
        let held = |it: &usize| self.seat(*it, holder).is_some_and(|it| it.active);
        let first = self.meant(what).into_iter().find(held);
        first.unwrap()
    }

    /// What stands in the way of seats by name, but for want of them.
    fn may_be_given(
        &self,
        what: &What,
        holders: &[&String],
        ends: Option<Time>,
    ) -> Result<(), Code> {
        if holders.is_empty() {
            return Ok(());
        }
        if holders.iter().any(|it| self.is_retired(it)) {
            return Err("holder_retired");
        }
        if holders.iter().any(|it| !self.may_have(what, it)) {
            return Err("holder_not_member");
        }
        match self.source(what) {
            Ok(_) | Err("no_free_seat") => {}
            Err(code) => return Err(code),
        }
        match ends.is_some_and(|it| it <= self.now) {
            true => Err("already_over"),
            false => Ok(()),
        }
    }

    /// Seats that are free; so many that there is no end of them where there is none.
    pub fn free(&self, license: usize) -> i64 {
        self.limit(license).map_or(1_000_000, |it| (it - self.held(license)).max(0))
    }

    pub(super) fn reactivate(&mut self, license: usize, holder: &str) {
        self.seats[license].get_mut(holder).unwrap().active = true;
        self.licenses[license].held += 1;
        let name = self.licenses[license].name.clone();
        self.say(&["AssignmentReactivated", &name, holder]);
    }

    pub(super) fn change_assignment(&mut self, document: &Value) -> Result<(), Code> {
        let license = self.license(text(document, "license"))?;
        let holder = self.holder(&document["holder"]);
        if !self.people.contains_key(&holder) {
            return Err("holder_not_found");
        }
        let Some(seat) = self.seat(license, &holder).cloned() else { return Err("not_assigned") };
        let name = self.licenses[license].name.clone();
        if document["active"] == true && !seat.active {
            match self.source(&What::License(license)) {
                Err("license_retired") | Ok(_) => {}
                Err(code) => return Err(code),
            }
            self.reactivate(license, &holder);
        }
        if document["active"] == false && seat.active {
            self.seats[license].get_mut(&holder).unwrap().active = false;
            self.licenses[license].held -= 1;
            self.say(&["AssignmentDeactivated", &name, &holder]);
        }
        if let Some(fulfilled) = document["fulfilled"].as_bool()
            && fulfilled != seat.fulfilled
        {
            self.seats[license].get_mut(&holder).unwrap().fulfilled = fulfilled;
            let line = if fulfilled { "AssignmentFulfilled" } else { "FulfilmentWithdrawn" };
            self.say(&[line, &name, &holder]);
        }
        let ends = time(document, "ends_at");
        let by_name = seat.grounds.iter().any(|it| !it.starts_with("group:"));
        // What was given by name has ended by then.
        let over = !by_name && ends.is_some_and(|it| it <= self.now);
        if document.as_object().unwrap().contains_key("ends_at") && !over {
            self.set_end(license, &holder, ends);
        }
        if document["active"] == true && !seat.active {
            self.has_come(license, &holder);
        }
        Ok(())
    }

    pub(super) fn revoke(&mut self, document: &Value) -> Result<(), Code> {
        let license = self.license(text(document, "license"))?;
        let holders = self.holders(document);
        if holders.iter().any(|it| !self.people.contains_key(it)) {
            return Err("holder_not_found");
        }
        let by_group = |it: &String| {
            let seat = self.seat(license, it);
            seat.is_some_and(|it| it.grounds.iter().all(|it| it.starts_with("group:")))
        };
        if holders.iter().any(by_group) {
            return Err("held_by_group");
        }
        for holder in holders {
            self.revoke_one(license, &holder);
            let product = What::Product(self.licenses[license].product.clone());
            self.drop_places("given_up", |it| {
                let meant = it.what == What::License(license) || it.what == product;
                it.holder == holder && it.ground == DIRECT && meant
            });
        }
        Ok(())
    }

    /// Takes away what was given by name.
    pub(super) fn revoke_one(&mut self, license: usize, holder: &str) {
        if self.seat(license, holder).is_some() {
            self.remove_grounds(license, holder, |it| !it.starts_with("group:"));
        }
    }
}
