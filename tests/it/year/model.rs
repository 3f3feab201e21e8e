//! What a ledger has to do, said once more: plain lists, slow, and written from the documents alone.
//!
//! It knows nothing of the code under test. A command goes in as it is sent, and out come the lines
//! that it must cause, or the code with which it must be refused.

mod asking;
mod groups;
mod holders;
mod licenses;
mod queues;
mod seats;
mod sets;
mod time;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// Milliseconds since 1970.
pub type Time = i64;

/// Why not.
pub type Code = &'static str;

/// What was decided, as it was said: `overage`, `lowering`, `leaving`, `may_hold`, `direct_sets`.
pub type Policy = BTreeMap<String, String>;

#[derive(Debug, Clone)]
pub struct License {
    pub name: String,
    pub product: String,
    pub quantity: i64,
    pub starts: Option<Time>,
    pub ends: Option<Time>,
    pub grace: Option<i64>,
    pub suspended: bool,
    pub retired: bool,
    pub policy: Policy,
    /// Active assignments of it.
    pub held: i64,
    /// What the log has said of its window and of its seats.
    pub told: Told,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Told {
    pub started: bool,
    pub ended: bool,
    pub grace_ended: bool,
    pub over: bool,
}

#[derive(Debug, Clone, Default)]
pub struct Person {
    pub registered: bool,
    pub retired: bool,
    pub email: Option<String>,
    pub set: Option<Vec<String>>,
}

#[derive(Debug, Clone)]
pub struct Seat {
    /// When it was made, as a number that rises.
    pub number: u64,
    pub active: bool,
    pub fulfilled: bool,
    pub ends: Option<Time>,
    pub grounds: BTreeSet<String>,
}

/// What is asked for: a license by its place in the list, or a product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    License(usize),
    Product(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    pub what: What,
    pub eager: bool,
    pub quota: Option<usize>,
}

#[derive(Debug, Clone, Default)]
pub struct Group {
    /// When it came to be, as a number that rises.
    pub number: u64,
    /// In the order in which they joined.
    pub members: Vec<String>,
    pub grants: Vec<Grant>,
    /// Members are still to be served, by the ledger itself.
    pub unfinished: bool,
}

#[derive(Debug, Clone)]
pub struct Place {
    pub what: What,
    pub holder: String,
    pub ground: String,
    pub ends: Option<Time>,
}

#[derive(Debug, Clone)]
pub struct Schedule {
    pub due: Time,
    pub command: String,
    pub document: Value,
}

/// An account.
#[derive(Debug, Clone, Default)]
pub struct Model {
    pub now: Time,
    /// In the order in which they were allocated.
    pub licenses: Vec<License>,
    /// Everyone who is known, by user id, or by address without one.
    pub people: BTreeMap<String, Person>,
    /// Whose an address is.
    pub links: BTreeMap<String, String>,
    /// For each license, by holder.
    pub seats: Vec<BTreeMap<String, Seat>>,
    pub groups: BTreeMap<String, Group>,
    /// In the order in which they are served.
    pub waiting: Vec<Place>,
    pub schedules: Vec<Schedule>,
    pub policy: Policy,
    numbers: u64,
    lines: Vec<String>,
}

/// A text of a document that must be there.
fn text<'a>(document: &'a Value, field: &str) -> &'a str {
    document[field].as_str().unwrap_or_else(|| panic!("no {field}: {document}"))
}

/// A time of a document; `None` where it is absent or `null`.
fn time(document: &Value, field: &str) -> Option<Time> {
    let it = chrono::DateTime::parse_from_rfc3339(document[field].as_str()?);
    Some(it.unwrap().timestamp_millis())
}

impl Model {
    /// What a command causes, now and by what the ledger then does itself, or why not. A refused one
    /// leaves everything as it was.
    pub fn judge(&mut self, command: &str, document: &Value) -> Result<Vec<String>, Code> {
        self.lines.clear();
        self.carry_out(command, document)?;
        if self.lines.is_empty() {
            return Ok(vec![]);
        }
        self.settle();
        if self.finish_rules() {
            self.settle();
        }
        Ok(std::mem::take(&mut self.lines))
    }

    fn carry_out(&mut self, command: &str, document: &Value) -> Result<(), Code> {
        // These find out midway that they cannot be done.
        let midway = match command {
            "AddMembers" => self.is_eager(document),
            "SetGroupRule" | "GrantToGroup" | "DeclareDirectSet" => true,
            _ => false,
        };
        let before = midway.then(|| self.clone());
        let done = self.rule(command, document);
        if let (Err(_), Some(before)) = (done, before) {
            *self = before;
        }
        done
    }

    fn rule(&mut self, command: &str, document: &Value) -> Result<(), Code> {
        match command {
            "AllocateLicense" => self.allocate(document),
            "ChangeLicense" => self.change_license(document),
            "SuspendLicense" => self.suspend(document),
            "ReinstateLicense" => self.reinstate(document),
            "RetireLicense" => self.retire_license(document),
            "SetPolicy" => self.set_policy(document),
            "AssignSeat" => self.assign(document),
            "ChangeAssignment" => self.change_assignment(document),
            "RevokeAssignment" => self.revoke(document),
            "LeaveWaitlist" => self.leave_waitlist(document),
            "RegisterHolder" => self.register(document),
            "LinkHolder" => self.link(document),
            "RetireHolder" => self.retire_holder(document),
            "AddMembers" => self.add_members(document),
            "RemoveMembers" => self.remove_members(document),
            "SetGroupRule" => self.set_rule(document),
            "GrantToGroup" => self.grant(document),
            "RemoveGroupRule" => self.remove_rule(document),
            "DeclareDirectSet" => self.declare_set(document),
            "ClearDirectSet" => self.clear_set(document),
            "ScheduleCommand" => self.schedule(document),
            other => panic!("the model does not know {other}"),
        }
    }

    fn say(&mut self, parts: &[&str]) {
        self.lines.push(parts.join(" "));
    }

    fn next_number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    fn license(&self, name: &str) -> Result<usize, Code> {
        self.licenses.iter().position(|it| it.name == name).ok_or("license_not_found")
    }

    fn product(&self, name: &str) -> Result<String, Code> {
        let known = self.licenses.iter().any(|it| it.product == name);
        known.then(|| name.to_owned()).ok_or("product_not_found")
    }

    /// The license or the product that a document names.
    fn what(&self, document: &Value) -> Result<What, Code> {
        match document["license"].as_str() {
            Some(name) => self.license(name).map(What::License),
            None => self.product(text(document, "product")).map(What::Product),
        }
    }

    /// What is asked for, in words.
    pub fn name_of(&self, what: &What) -> String {
        match what {
            What::License(license) => self.licenses[*license].name.clone(),
            What::Product(product) => product.clone(),
        }
    }

    /// Whether seats of a license are what is asked for.
    fn covers(&self, what: &What, license: usize) -> bool {
        match what {
            What::License(it) => *it == license,
            What::Product(product) => self.licenses[license].product == *product,
        }
    }

    /// The holder whom `{"user": …, "email": …}` names.
    fn holder(&self, named: &Value) -> String {
        if let Some(user) = named["user"].as_str() {
            return user.to_owned();
        }
        let email = text(named, "email").trim().to_lowercase();
        self.links.get(&email).cloned().unwrap_or(email)
    }

    /// Each of some holders once.
    fn holders(&self, document: &Value) -> Vec<String> {
        let mut all: Vec<String> = vec![];
        for named in document["holders"].as_array().unwrap() {
            let holder = self.holder(named);
            if !all.contains(&holder) {
                all.push(holder);
            }
        }
        all
    }

    /// Somebody, who is known from now on.
    fn know(&mut self, holder: &str) -> &mut Person {
        self.people.entry(holder.to_owned()).or_default()
    }

    fn is_retired(&self, holder: &str) -> bool {
        self.people.get(holder).is_some_and(|it| it.retired)
    }

    /// Says somebody's name who was never named before.
    fn introduce(&mut self, holder: &str) {
        if !self.people.contains_key(holder) {
            self.know(holder);
            self.say(&["HolderRegistered", holder]);
        }
    }
}
