//! Licenses and policies.

use serde_json::Value;

use super::{Code, License, Model, Time, Told, What, text, time};

const DAY: Time = 24 * 60 * 60 * 1_000;

impl License {
    fn begun(&self, now: Time) -> bool {
        self.starts.is_none_or(|it| it <= now)
    }

    pub fn over(&self, now: Time) -> bool {
        self.ends.is_some_and(|it| it <= now)
    }

    /// When its days of grace are over.
    pub fn grace_ends(&self) -> Option<Time> {
        Some(self.ends? + self.grace? * DAY)
    }

    pub fn in_grace(&self, now: Time) -> bool {
        self.over(now) && self.grace_ends().is_some_and(|it| now < it)
    }

    /// Whether it can be used now.
    pub fn in_force(&self, now: Time) -> bool {
        self.begun(now) && !self.over(now) && !self.suspended && !self.retired
    }

    /// Why no seat of it can be given, whatever is free.
    pub fn closed(&self, now: Time) -> Option<Code> {
        match self {
            it if it.retired => Some("license_retired"),
            it if it.suspended => Some("license_suspended"),
            it if it.over(now) => Some("license_ended"),
            _ => None,
        }
    }

    /// The word that is shown for it.
    pub fn state(&self) -> &'static str {
        match self {
            it if it.retired => "retired",
            it if it.suspended => "suspended",
            _ => "active",
        }
    }
}

impl Model {
    /// What is decided for a license: its own word, that of the account, or what holds otherwise.
    pub(super) fn decided(&self, license: usize, policy: &str) -> &str {
        let own = self.licenses[license].policy.get(policy);
        let otherwise = match policy {
            "overage" => "none",
            "lowering" => "refuse",
            "leaving" => "release",
            "may_hold" => "anyone",
            other => panic!("{other} is not decided for licenses"),
        };
        own.or_else(|| self.policy.get(policy)).map_or(otherwise, String::as_str)
    }

    /// Seats that a license gives out at most; `None` is no end of them.
    pub fn limit(&self, license: usize) -> Option<i64> {
        let quantity = self.licenses[license].quantity;
        match self.decided(license, "overage") {
            "none" => Some(quantity),
            "unlimited" => None,
            percent => {
                let percent: i64 = percent.trim_end_matches('%').parse().unwrap();
                Some(quantity + quantity * percent / 100)
            }
        }
    }

    pub(super) fn allocate(&mut self, document: &Value) -> Result<(), Code> {
        let license = License {
            name: text(document, "license").to_owned(),
            product: text(document, "product").to_owned(),
            quantity: document["quantity"].as_i64().unwrap(),
            starts: time(document, "starts_at"),
            ends: time(document, "ends_at"),
            grace: document["grace_days"].as_i64(),
            suspended: false,
            retired: false,
            policy: super::Policy::new(),
            held: 0,
            told: Told::default(),
        };
        if let Ok(known) = self.license(&license.name) {
            let known = &self.licenses[known];
            let terms =
                |it: &License| (it.product.clone(), it.quantity, it.starts, it.ends, it.grace);
            return match terms(known) == terms(&license) {
                false => Err("license_exists"),
                true if known.retired => Err("license_retired"),
                true => Ok(()),
            };
        }
        let quantity = license.quantity.to_string();
        self.say(&["LicenseAllocated", &license.name, &license.product, &quantity]);
        self.licenses.push(license);
        self.seats.push(std::collections::BTreeMap::new());
        self.tell_window(self.licenses.len() - 1);
        Ok(())
    }

    /// Says what of a window has come already.
    pub(super) fn tell_window(&mut self, license: usize) {
        let now = self.now;
        let it = &mut self.licenses[license];
        let name = it.name.clone();
        if it.starts.is_some() && it.begun(now) && !it.told.started {
            it.told.started = true;
            self.say(&["LicenseStarted", &name]);
        }
        let it = &mut self.licenses[license];
        if it.over(now) && !it.told.ended {
            it.told.ended = true;
            self.say(&["LicenseEnded", &name]);
            self.repeat_rules(license);
        }
    }

    pub(super) fn change_license(&mut self, document: &Value) -> Result<(), Code> {
        let license = self.license(text(document, "license"))?;
        let was = self.licenses[license].clone();
        if was.retired {
            return Err("license_retired");
        }
        let mut new = was.clone();
        let given = document.as_object().unwrap();
        if given.contains_key("starts_at") {
            new.starts = time(document, "starts_at");
        }
        if given.contains_key("ends_at") {
            new.ends = time(document, "ends_at");
        }
        if given.contains_key("grace_days") {
            new.grace = document["grace_days"].as_i64();
        }
        if let (Some(starts), Some(ends)) = (new.starts, new.ends)
            && ends <= starts
        {
            return Err("window_empty");
        }
        if let Some(quantity) = document["quantity"].as_i64() {
            new.quantity = quantity;
            self.licenses[license].quantity = quantity;
            let limit = self.limit(license);
            self.licenses[license].quantity = was.quantity;
            let too_low =
                quantity < was.quantity && limit.is_some_and(|it| it < self.held(license));
            if too_low && self.decided(license, "lowering") == "refuse" {
                return Err("quantity_below_use");
            }
        }
        if (was.starts, was.ends, was.grace) != (new.starts, new.ends, new.grace) {
            self.say(&["WindowChanged", &was.name]);
            new.told.started &= new.begun(self.now);
            new.told.ended &= new.over(self.now);
            new.told.grace_ended &= new.grace_ends().is_some_and(|it| it <= self.now);
        }
        if was.quantity != new.quantity {
            let (from, to) = (was.quantity.to_string(), new.quantity.to_string());
            self.say(&["QuantityChanged", &was.name, &from, &to]);
        }
        self.licenses[license] = new;
        self.tell_window(license);
        Ok(())
    }

    pub(super) fn suspend(&mut self, document: &Value) -> Result<(), Code> {
        self.set_suspended(document, true, "LicenseSuspended")
    }

    pub(super) fn reinstate(&mut self, document: &Value) -> Result<(), Code> {
        self.set_suspended(document, false, "LicenseReinstated")
    }

    fn set_suspended(&mut self, document: &Value, to: bool, line: &str) -> Result<(), Code> {
        let license = self.license(text(document, "license"))?;
        let it = &mut self.licenses[license];
        if it.retired {
            return Err("license_retired");
        }
        if it.suspended != to {
            it.suspended = to;
            let name = it.name.clone();
            self.say(&[line, &name]);
        }
        Ok(())
    }

    pub(super) fn retire_license(&mut self, document: &Value) -> Result<(), Code> {
        let license = self.license(text(document, "license"))?;
        if self.seats_of(license).next().is_some() {
            return Err("license_in_use");
        }
        if !self.licenses[license].retired {
            self.licenses[license].retired = true;
            let name = self.licenses[license].name.clone();
            self.say(&["LicenseRetired", &name]);
            self.drop_places("withdrawn", |it| it.what == What::License(license));
        }
        Ok(())
    }

    pub(super) fn set_policy(&mut self, document: &Value) -> Result<(), Code> {
        let license = document["license"].as_str().map(|it| self.license(it)).transpose()?;
        if license.is_some_and(|it| self.licenses[it].retired) {
            return Err("license_retired");
        }
        let mut policy = match license {
            Some(license) => self.licenses[license].policy.clone(),
            None => self.policy.clone(),
        };
        for name in ["overage", "lowering", "leaving", "may_hold", "direct_sets"] {
            match &document[name] {
                Value::String(it) => drop(policy.insert(name.to_owned(), it.clone())),
                Value::Null if document.as_object().unwrap().contains_key(name) => {
                    policy.remove(name);
                }
                _ => {}
            }
        }
        let licenses = 0..self.licenses.len();
        let limits: Vec<_> = licenses.clone().map(|it| self.limit(it)).collect();
        let was = std::mem::replace(self.policy_of(license), policy);
        if was == *self.policy_of(license) {
            return Ok(());
        }
        let too_low = |it: usize| {
            let limit = self.limit(it).unwrap_or(i64::MAX);
            let lowered = limit < limits[it].unwrap_or(i64::MAX);
            let refuse = self.decided(it, "lowering") == "refuse";
            lowered && limit < self.held(it) && refuse && !self.licenses[it].retired
        };
        if licenses.clone().any(too_low) {
            *self.policy_of(license) = was;
            return Err("quantity_below_use");
        }
        match license {
            Some(license) => {
                let name = self.licenses[license].name.clone();
                self.say(&["PolicySet", &name]);
            }
            None => self.say(&["PolicySet"]),
        }
        Ok(())
    }

    fn policy_of(&mut self, license: Option<usize>) -> &mut super::Policy {
        match license {
            Some(license) => &mut self.licenses[license].policy,
            None => &mut self.policy,
        }
    }
}
