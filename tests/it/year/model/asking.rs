//! Questions.

use super::{Model, Seat, What};

impl Model {
    /// May they? The code of the verdict.
    pub fn check(
        &self,
        holder: &str,
        product: Option<&str>,
        license: Option<&str>,
    ) -> &'static str {
        let asked = |it: &usize| {
            let it = &self.licenses[*it];
            product.is_none_or(|name| it.product == name)
                && license.is_none_or(|name| it.name == name)
        };
        let licenses: Vec<usize> = (0..self.licenses.len()).filter(asked).collect();
        if licenses.is_empty() {
            return if license.is_some() { "no_such_license" } else { "no_such_product" };
        }
        let mut found = vec![];
        for license in licenses {
            if let Some(seat) = self.seat(license, holder) {
                found.push(self.verdict(license, seat));
            }
        }
        let first = VERDICTS.into_iter().find(|it| found.contains(it));
        first.unwrap_or("not_assigned")
    }

    fn known(&self, license: &str) -> usize {
        self.license(license).unwrap()
    }

    pub fn holders_of(&self, license: &str) -> Vec<String> {
        self.seats_of(self.known(license)).map(|it| it.0.clone()).collect()
    }

    pub fn held_of(&self, license: &str) -> i64 {
        self.held(self.known(license))
    }

    pub fn quantity(&self, license: &str) -> i64 {
        self.licenses[self.known(license)].quantity
    }

    pub fn is_suspended(&self, license: &str) -> bool {
        self.licenses[self.known(license)].suspended
    }

    pub fn members_of(&self, group: &str) -> Vec<String> {
        self.groups.get(group).map(|it| it.members.clone()).unwrap_or_default()
    }

    /// Somebody who waits by name: `license` or `product`, its name, and who.
    pub fn somebody_who_waits(&self, which: usize) -> Option<(&'static str, String, String)> {
        let by_name: Vec<_> = self.waiting.iter().filter(|it| it.ground == "direct").collect();
        let place = by_name.get(which % by_name.len().max(1))?;
        let by = match place.what {
            What::License(_) => "license",
            What::Product(_) => "product",
        };
        Some((by, self.name_of(&place.what), place.holder.clone()))
    }

    /// Whether an address is more than the name of one holder.
    pub fn is_somebodys(&self, email: &str) -> bool {
        let known = |it: &super::Person| it.email.as_deref() == Some(email);
        self.links.contains_key(email) || self.people.values().any(known)
    }

    /// What one seat lets its holder do: the first reason that stands in the way.
    fn verdict(&self, license: usize, seat: &Seat) -> &'static str {
        let it = &self.licenses[license];
        match () {
            () if !seat.active => "assignment_inactive",
            () if it.suspended => "license_suspended",
            () if it.starts.is_some_and(|at| at > self.now) => "license_not_started",
            () if it.in_grace(self.now) => "in_grace",
            () if it.over(self.now) => "license_ended",
            () if it.retired => "license_retired",
            () => "allowed",
        }
    }
}

/// The verdicts about somebody who has a seat; of several seats the first of these counts.
const VERDICTS: [&str; 7] = [
    "allowed",
    "in_grace",
    "assignment_inactive",
    "license_suspended",
    "license_not_started",
    "license_ended",
    "license_retired",
];
