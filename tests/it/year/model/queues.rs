//! Who waits, and what follows from every command.

use serde_json::Value;

use super::seats::DIRECT;
use super::{Code, Model, Place, Time, What};

impl Model {
    pub(super) fn waits(&self, holder: &str, what: &What, ground: &str) -> bool {
        let is = |it: &Place| it.holder == holder && it.what == *what && it.ground == ground;
        self.waiting.iter().any(is)
    }

    /// Gives a place at the end, one for each thing and ground.
    pub(super) fn join(&mut self, what: &What, holder: &str, ground: &str, ends: Option<Time>) {
        if self.waits(holder, what, ground) {
            return;
        }
        let (what, holder, ground) = (what.clone(), holder.to_owned(), ground.to_owned());
        let name = self.name_of(&what);
        self.say(&["WaitlistJoined", &name, &holder, &ground]);
        self.waiting.push(Place { what, holder, ground, ends });
    }

    pub(super) fn drop_places(&mut self, end: &str, goes: impl Fn(&Place) -> bool) {
        let (gone, left): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.waiting).into_iter().partition(|it| goes(it));
        self.waiting = left;
        for it in gone {
            let name = self.name_of(&it.what);
            self.say(&["WaitlistLeft", &name, &it.holder, &it.ground, end]);
        }
    }

    /// Who has what they waited for, on the same ground, does not wait any more.
    pub(super) fn served(&mut self, license: usize, holder: &str, ground: &str) {
        let product = self.licenses[license].product.clone();
        let in_force = self.licenses[license].in_force(self.now);
        let meant = |it: &Place| {
            let meant = match &it.what {
                What::License(it) => *it == license,
                What::Product(it) => *it == product && in_force,
            };
            it.holder == holder && it.ground == ground && meant
        };
        let places: Vec<_> = self.waiting.iter().filter(|it| meant(it)).cloned().collect();
        self.drop_places("served", meant);
        // What was waited for by name lasts as long.
        for place in places.iter().filter(|_| ground == DIRECT) {
            let seat = self.seat(license, holder).unwrap();
            let later = seat.ends.zip(place.ends).map(|(one, other)| one.max(other));
            self.set_end(license, holder, later);
        }
    }

    /// Who gets a seat does not wait for it any more, whatever ground they waited on: each of their
    /// places becomes a ground, as far as quotas go.
    pub(super) fn has_come(&mut self, license: usize, holder: &str) {
        let usable = self.licenses[license].in_force(self.now);
        let meant = |it: &&Place| match &it.what {
            What::License(it) => *it == license,
            What::Product(_) => usable && self.covers(&it.what, license),
        };
        let places = self.waiting.iter().filter(|it| it.holder == holder).filter(meant);
        for place in places.cloned().collect::<Vec<_>>() {
            let seat = self.seat(license, holder).unwrap();
            let may = match place.ground.strip_prefix("group:") {
                Some(group) => {
                    let may = !self.denied(holder) && self.quota_left(group, &place.what, holder);
                    seat.grounds.contains(&place.ground) || seat.active && may
                }
                None => seat.active,
            };
            if may {
                self.stand_on(license, holder, &place.ground, place.ends);
                self.served(license, holder, &place.ground);
            }
        }
    }

    pub(super) fn leave_waitlist(&mut self, document: &Value) -> Result<(), Code> {
        let (what, holders) = (self.what(document)?, self.holders(document));
        if holders.iter().any(|it| !self.people.contains_key(it)) {
            return Err("holder_not_found");
        }
        self.drop_places("given_up", |it| {
            it.what == what && it.ground == DIRECT && holders.contains(&it.holder)
        });
        Ok(())
    }

    /// What follows: seats for those who wait, and a word where more are held than there are.
    pub(super) fn settle(&mut self) {
        let (mut turn, mut used_up, mut shut) = (0, vec![], vec![]);
        while let Some(place) = self.waiting.get(turn) {
            if self.is_in_vain(place, &used_up, &shut) {
                turn += 1;
                continue;
            }
            let (place, many) = (place.clone(), self.waiting.len());
            if self.source(&place.what).is_err() {
                shut.push((place.what.clone(), self.meant(&place.what)));
            }
            self.serve(&place, &mut used_up);
            if self.waiting.len() == many {
                turn += 1;
            } else {
                (turn, used_up, shut) = (0, vec![], vec![]);
            }
        }
        for license in 0..self.licenses.len() {
            let (held, limit) = (self.held(license), self.limit(license));
            let over = limit.is_some_and(|it| it < held);
            let it = &mut self.licenses[license];
            if it.retired || over == it.told.over {
                continue;
            }
            it.told.over = over;
            let (name, limit) = (it.name.clone(), limit.unwrap_or_default().to_string());
            match over {
                true => self.say(&["OverallocationBegan", &name, &held.to_string(), &limit]),
                false => self.say(&["OverallocationEnded", &name]),
            }
        }
    }

    /// Whether a place needs no look: a quota that is used up is so for everybody who waits on that
    /// ground and has nothing of it, and what has no seat free is so for everybody who has none.
    fn is_in_vain(
        &self,
        place: &Place,
        used_up: &[(What, String)],
        shut: &[(What, Vec<usize>)],
    ) -> bool {
        let none =
            |licenses: &[usize]| licenses.iter().all(|it| self.seat(*it, &place.holder).is_none());
        let counted = |it: &(What, String)| self.has_lease(&it.1, &it.0, &place.holder);
        let of = |it: &&(What, String)| it.0 == place.what && it.1 == place.ground;
        used_up.iter().find(of).is_some_and(|it| !counted(it))
            || shut.iter().any(|it| it.0 == place.what && none(&it.1))
    }

    /// Serves a place if that can be done now.
    fn serve(&mut self, place: &Place, used_up: &mut Vec<(What, String)>) {
        let has = self.has_seat(&place.holder, &place.what, &place.ground).is_some();
        if !has && self.source(&place.what).is_err() {
            return;
        }
        if place.ends.is_some_and(|it| it <= self.now) {
            let (what, holder, ground) = (&place.what, &place.holder, &place.ground);
            let is = |it: &Place| it.holder == *holder && it.what == *what && it.ground == *ground;
            self.drop_places("withdrawn", is);
            return;
        }
        let group = place.ground.strip_prefix("group:");
        if group.is_some() && self.denied(&place.holder) {
            return;
        }
        if let Some(group) = group
            && !self.quota_left(group, &place.what, &place.holder)
        {
            used_up.push((place.what.clone(), place.ground.clone()));
            return;
        }
        if !has && !self.may_have(&place.what, &place.holder) {
            return;
        }
        self.give(&place.holder, &place.what, &place.ground, place.ends).unwrap();
    }
}
