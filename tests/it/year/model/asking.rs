//! Questions.

use super::{Model, Seat, What};

impl Model {
    /// May they? The code of the verdict, or nothing where a license is in its days of grace.
    pub fn check(
        &self,
        holder: &str,
        product: Option<&str>,
        license: Option<&str>,
    ) -> Option<&str> {
        let asked = |it: &usize| {
            let it = &self.licenses[*it];
            product.is_none_or(|name| it.product == name)
                && license.is_none_or(|name| it.name == name)
        };
        let licenses: Vec<usize> = (0..self.licenses.len()).filter(asked).collect();
        if licenses.is_empty() {
            return Some(if license.is_some() { "no_such_license" } else { "no_such_product" });
        }
        let mut worst: Option<usize> = None;
        for license in licenses {
            let Some(seat) = self.seat(license, holder) else { continue };
            if self.licenses[license].in_grace(self.now) {
                return None;
            }
            match self.in_the_way(license, seat) {
                None => return Some("allowed"),
                Some(place) => worst = Some(worst.map_or(place, |it| it.min(place))),
            }
        }
        Some(worst.map_or("not_assigned", |it| IN_THE_WAY[it]))
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

    /// The first reason that stands in the way of one seat.
    fn in_the_way(&self, license: usize, seat: &Seat) -> Option<usize> {
        let it = &self.licenses[license];
        let reasons = [
            !seat.active,
            it.suspended,
            it.starts.is_some_and(|at| at > self.now),
            it.over(self.now),
            it.retired,
        ];
        reasons.into_iter().position(|it| it)
    }
}

/// Why not, in the order in which it is said.
const IN_THE_WAY: [&str; 5] = [
    "assignment_inactive",
    "license_suspended",
    "license_not_started",
    "license_ended",
    "license_retired",
];
