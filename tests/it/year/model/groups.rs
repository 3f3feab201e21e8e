//! Groups, their members, and what they give.

use serde_json::Value;

use super::{Code, Grant, Model, Place, What, text};

/// More members times grants than this are served later, by the ledger itself; so are more seats and
/// places than this that a rule takes away.
const AT_ONCE: usize = 1_000;

impl Model {
    /// Members who have what one grant of a group gives, each once, by whichever license.
    fn leases(&self, group: &str, what: &What) -> usize {
        let ground = format!("group:{group}");
        let licenses = (0..self.licenses.len()).filter(|it| self.covers(what, *it));
        let seats = licenses.flat_map(|it| self.seats_of(it));
        let leased = seats.filter(|it| it.1.grounds.contains(&ground)).map(|it| it.0);
        leased.collect::<std::collections::BTreeSet<_>>().len()
    }

    /// Whether somebody has it on this ground, by a license that may be over.
    pub(super) fn has_lease(&self, ground: &str, what: &What, holder: &str) -> bool {
        let seat = |it| self.seat(it, holder).is_some_and(|it| it.grounds.contains(ground));
        (0..self.licenses.len()).any(|it| self.covers(what, it) && seat(it))
    }

    /// Whether a group may give it to somebody, who is counted already if they have it.
    pub(super) fn quota_left(&self, group: &str, what: &What, holder: &str) -> bool {
        let grant = self.groups[group].grants.iter().find(|it| it.what == *what).unwrap();
        let counted = || self.has_lease(&format!("group:{group}"), what, holder);
        grant.quota.is_none_or(|it| self.leases(group, what) < it || counted())
    }

    /// Whether a direct set stands instead of what groups give.
    pub(super) fn denied(&self, holder: &str) -> bool {
        let add = self.policy.get("direct_sets").is_some_and(|it| it == "add");
        !add && self.people.get(holder).is_some_and(|it| it.set.is_some())
    }

    /// Gives members what grants say. Whoever cannot be served waits, or the command is refused:
    /// the second where a grant is eager, unless nobody is to be refused.
    pub(super) fn apply(
        &mut self,
        group: &str,
        members: &[String],
        grants: &[Grant],
        refuse: bool,
    ) -> Result<(), Code> {
        let ground = format!("group:{group}");
        let lacks = |it: &Self, member: &String, what: &What| {
            let has = it.has(member, what, &ground);
            let leased = has.and_then(|license| it.seat(license, member));
            !it.denied(member) && !leased.is_some_and(|it| it.grounds.contains(&ground))
        };
        for grant in grants.iter().filter(|it| it.eager && refuse) {
            let new = |it: &&String| {
                lacks(self, it, &grant.what) && self.has_seat(it, &grant.what, &ground).is_none()
            };
            match self.source(&grant.what) {
                Ok(_) | Err("no_free_seat") => {}
                Err(code) if members.iter().any(|it| new(&it)) => return Err(code),
                Err(_) => {}
            }
        }
        for grant in grants {
            let mut needy: Vec<_> =
                members.iter().filter(|it| lacks(self, it, &grant.what)).cloned().collect();
            // Who waits for it is served in the order of the queue, before the others.
            let place = |member: &String| {
                let same = |it: &Place| {
                    it.holder == *member && it.what == grant.what && it.ground == ground
                };
                self.waiting.iter().position(same).unwrap_or(usize::MAX)
            };
            needy.sort_by_cached_key(place);
            let left = grant.quota.map(|it| it.saturating_sub(self.leases(group, &grant.what)));
            let new = |it: &&String| !self.has_lease(&ground, &grant.what, it);
            let new = needy.iter().filter(new).count();
            if grant.eager && refuse && new > 0 && left.is_some_and(|it| it < new) {
                return Err("quota_exceeded");
            }
            for member in needy {
                let quota = self.quota_left(group, &grant.what, &member);
                let given = match quota {
                    true => self.give(&member, &grant.what, &ground, None),
                    false => Err("quota_exceeded"),
                };
                match given {
                    Err(code) if grant.eager && refuse => return Err(code),
                    Err("license_retired") => {}
                    Err(_) => self.join(&grant.what, &member, &ground, None),
                    Ok(()) => {}
                }
            }
        }
        Ok(())
    }

    /// Whether a group refuses members whom it cannot serve.
    pub(super) fn is_eager(&self, document: &Value) -> bool {
        let group = self.groups.get(text(document, "group"));
        group.is_some_and(|it| it.grants.iter().any(|it| it.eager))
    }

    pub(super) fn add_members(&mut self, document: &Value) -> Result<(), Code> {
        let group = text(document, "group").to_owned();
        let mut new = self.holders(document);
        if let Some(known) = self.groups.get(&group) {
            new.retain(|it| !known.members.contains(it));
        }
        if new.iter().any(|it| self.is_retired(it)) {
            return Err("holder_retired");
        }
        self.open(&group);
        for member in &new {
            self.know(member);
            self.groups.get_mut(&group).unwrap().members.push(member.clone());
            self.say(&["MemberAdded", &group, member]);
        }
        let grants = self.groups[&group].grants.clone();
        self.apply(&group, &new, &grants, true)
    }

    fn open(&mut self, group: &str) {
        if !self.groups.contains_key(group) {
            let number = self.next_number();
            self.groups.insert(group.to_owned(), super::Group { number, ..Default::default() });
            self.say(&["GroupNamed", group]);
        }
    }

    pub(super) fn remove_members(&mut self, document: &Value) -> Result<(), Code> {
        let (group, holders) = (text(document, "group").to_owned(), self.holders(document));
        if !self.groups.contains_key(&group) {
            return Err("group_not_found");
        }
        for holder in holders {
            if self.drop_member(&group, &holder) {
                let ground = format!("group:{group}");
                self.drop_places("withdrawn", |it| it.holder == holder && it.ground == ground);
                for license in 0..self.licenses.len() {
                    let release = self.decided(license, "leaving") == "release";
                    self.withdraw(&group, license, &holder, release);
                }
            }
        }
        Ok(())
    }

    /// Whether they were a member.
    pub(super) fn drop_member(&mut self, group: &str, holder: &str) -> bool {
        let members = &mut self.groups.get_mut(group).unwrap().members;
        let Some(place) = members.iter().position(|it| it == holder) else { return false };
        members.remove(place);
        self.say(&["MemberRemoved", group, holder]);
        true
    }

    /// Ends what a group gave: the seat goes, or becomes an orphan.
    fn withdraw(&mut self, group: &str, license: usize, holder: &str, release: bool) {
        let ground = format!("group:{group}");
        let has = self.seat(license, holder).is_some_and(|it| it.grounds.contains(&ground));
        match (has, release) {
            (false, _) => {}
            (true, true) => self.remove_grounds(license, holder, |it| it == ground),
            (true, false) => self.add_ground(license, holder, &format!("orphan:{group}")),
        }
    }

    fn read_grant(&self, document: &Value) -> Result<Grant, Code> {
        let what = self.what(document)?;
        let quota = document["quota"].as_u64().map(|it| it as usize);
        Ok(Grant { what, eager: document["mode"] == "eager", quota })
    }

    pub(super) fn set_rule(&mut self, document: &Value) -> Result<(), Code> {
        let grants = document["grants"].as_array().unwrap();
        let grants: Vec<_> =
            grants.iter().map(|it| self.read_grant(it)).collect::<Result<_, _>>()?;
        let cascade = document["cascade"] != false;
        self.exchange(text(document, "group"), grants, cascade)
    }

    pub(super) fn grant(&mut self, document: &Value) -> Result<(), Code> {
        let (group, grant) = (text(document, "group"), self.read_grant(&document["grant"])?);
        let mut grants = self.groups.get(group).map(|it| it.grants.clone()).unwrap_or_default();
        match grants.iter_mut().find(|it| it.what == grant.what) {
            Some(it) => *it = grant,
            None => grants.push(grant),
        }
        self.exchange(group, grants, true)
    }

    pub(super) fn remove_rule(&mut self, document: &Value) -> Result<(), Code> {
        let group = text(document, "group");
        let known = self.groups.get(group).ok_or("group_not_found")?;
        let mut grants = known.grants.clone();
        let names_one = document["license"].is_string() || document["product"].is_string();
        match names_one {
            true => {
                let what = self.what(document);
                grants.retain(|it| what.as_ref() != Ok(&it.what));
            }
            false => grants.clear(),
        }
        self.exchange(group, grants, document["cascade"] != false)
    }

    /// Makes a group give this, and nothing else.
    fn exchange(&mut self, group: &str, grants: Vec<Grant>, cascade: bool) -> Result<(), Code> {
        let was = self.groups.get(group).map(|it| it.grants.clone());
        if was.as_ref() == Some(&grants) || (was.is_none() && grants.is_empty()) {
            return Ok(());
        }
        let was = was.unwrap_or_default();
        for grant in grants.iter().filter(|it| !was.iter().any(|old| old.what == it.what)) {
            if let What::License(license) = grant.what
                && self.licenses[license].retired
            {
                return Err("license_retired");
            }
        }
        for grant in &grants {
            if let What::License(license) = grant.what {
                let product = What::Product(self.licenses[license].product.clone());
                if grants.iter().any(|it| it.what == product) {
                    return Err("grants_overlap");
                }
            }
        }
        let low = |it: &&Grant| it.quota.is_some_and(|quota| quota < self.leases(group, &it.what));
        let mut changed: Vec<_> = grants.iter().filter(|it| !was.contains(it)).cloned().collect();
        if changed.iter().any(|it| low(&it)) {
            return Err("quota_below_use");
        }
        self.open(group);
        self.say(&["GroupRuleSet", group]);
        let members = self.groups[group].members.clone();
        let mut lost = self.waiting.len();
        for gone in was.iter().filter(|it| !grants.iter().any(|new| new.what == it.what)) {
            let ground = format!("group:{group}");
            self.drop_places("withdrawn", |it| it.ground == ground && it.what == gone.what);
            for license in 0..self.licenses.len() {
                let kept = grants.iter().any(|it| self.covers(&it.what, license));
                if kept || !self.covers(&gone.what, license) {
                    continue;
                }
                let holders: Vec<_> = self.seats_of(license).map(|it| it.0.clone()).collect();
                for holder in holders {
                    let leased = |it: &Self| {
                        let seat = it.seat(license, &holder);
                        seat.is_some_and(|it| it.grounds.contains(&ground))
                    };
                    lost += usize::from(leased(self));
                    self.withdraw(group, license, &holder, cascade);
                }
            }
        }
        lost -= self.waiting.len();
        let first_come = grants.iter().filter(|it| !it.eager).count();
        let entry = self.groups.get_mut(group).unwrap();
        entry.grants = grants;
        entry.unfinished = members.len() * first_come > AT_ONCE || lost > AT_ONCE;
        if entry.unfinished {
            changed.retain(|it| it.eager);
        }
        self.apply(group, &members, &changed, true)
    }

    /// The groups, the oldest first.
    pub(super) fn groups_in_order(&self) -> Vec<(String, super::Group)> {
        let mut groups: Vec<_> = self.groups.clone().into_iter().collect();
        groups.sort_by_key(|it| it.1.number);
        groups
    }

    /// Has every group that gives the product of a license give what it gives again.
    pub(super) fn repeat_rules(&mut self, license: usize) {
        let product = What::Product(self.licenses[license].product.clone());
        for (name, group) in self.groups_in_order() {
            if !group.unfinished && group.grants.iter().any(|it| it.what == product) {
                self.say(&["GroupRuleSet", &name]);
                self.groups.get_mut(&name).unwrap().unfinished = true;
            }
        }
    }

    /// Serves the members that are still to be served: those who neither have it nor wait for it.
    /// Nobody is refused: they wait.
    pub(super) fn finish_rules(&mut self) -> bool {
        if !self.groups.values().any(|it| it.unfinished) {
            return false;
        }
        let unfinished = self.groups_in_order().into_iter().filter(|it| it.1.unfinished);
        let unfinished: Vec<_> = unfinished.collect();
        for (name, group) in &unfinished {
            let ground = format!("group:{name}");
            for grant in &group.grants {
                let mut members = group.members.clone();
                members.retain(|it| !self.waits(it, &grant.what, &ground));
                self.apply(name, &members, std::slice::from_ref(grant), false).unwrap();
            }
            self.say(&["GroupRuleApplied", name]);
            self.groups.get_mut(name).unwrap().unfinished = false;
        }
        !unfinished.is_empty()
    }
}
