//! What a test did, as a plain list, and what follows from it, by counting.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::Ledger;

/// One event that must have happened.
#[derive(Debug, Clone)]
pub struct Fact {
    pub sequence: u64,
    pub index: u64,
    pub kind: &'static str,
    pub license: String,
    pub user: Option<String>,
    pub actor: &'static str,
    pub command: String,
    /// Seats that the license has from now on.
    pub quantity: Option<i64>,
}

/// An assignment as it was at some moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seat {
    pub license: String,
    pub user: String,
    pub active: bool,
    pub fulfilled: bool,
    pub since: u64,
    pub until: Option<u64>,
}

/// A ledger with a past, and the list of what happened in it.
pub struct World {
    pub ledger: Ledger,
    pub facts: Vec<Fact>,
    /// Commands that were refused, each with its code and license.
    pub refused: Vec<(String, &'static str, String)>,
    pub last: u64,
    commands: usize,
    dice: u64,
}

pub const ACCOUNT: &str = "/v1/accounts/acme";
pub const LICENSES: [(&str, &str, i64); 4] = [
    ("creative", "CREATIVE", 4),
    ("creative-2", "CREATIVE", 2),
    ("office", "OFFICE", 6),
    ("zoom", "ZOOM", 1),
];
const USERS: u64 = 8;
const ACTORS: [&str; 3] = ["it-admin", "hr-sync", "ada"];

impl World {
    /// A ledger in which much has happened.
    pub async fn with_a_past() -> World {
        let mut world = World::empty().await;
        for (license, product, quantity) in LICENSES {
            let document = json!({"license": license, "product": product, "quantity": quantity});
            let event = ("LicenseAllocated", None, Some(quantity));
            world.accepted("AllocateLicense", document, license, vec![event]).await;
        }
        for _ in 0..110 {
            world.step().await;
        }
        world.is_rich();
        world
    }

    /// A past in which something never happened would prove nothing about it.
    fn is_rich(&self) {
        for kind in [
            "SeatAssigned",
            "AssignmentRevoked",
            "QuantityChanged",
            "AssignmentFulfilled",
            "AssignmentDeactivated",
            "AssignmentReactivated",
            "FulfilmentWithdrawn",
        ] {
            assert!(self.facts.iter().any(|it| it.kind == kind), "{kind} never happened");
        }
        for code in ["no_free_seat", "quantity_below_use", "holder_not_found"] {
            assert!(self.refused.iter().any(|it| it.1 == code), "nothing was refused with {code}");
        }
        assert!(self.facts.iter().any(|it| it.index > 0), "no commit has several events");
    }

    pub async fn empty() -> World {
        let ledger = Ledger::start().await;
        World { ledger, facts: vec![], refused: vec![], last: 0, commands: 0, dice: 7 }
    }

    /// Something that does not repeat soon, below `sides`.
    fn roll(&mut self, sides: u64) -> u64 {
        self.dice = self
            .dice
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.dice >> 33) % sides
    }

    fn user(&mut self) -> String {
        format!("u{}", self.roll(USERS))
    }

    async fn step(&mut self) {
        let place = self.roll(LICENSES.len() as u64);
        let license = LICENSES[usize::try_from(place).unwrap()].0;
        match self.roll(10) {
            0..4 => self.assign(license).await,
            4..6 => self.revoke(license).await,
            6 => self.change_quantity(license).await,
            _ => self.change_assignment(license).await,
        }
    }

    async fn assign(&mut self, license: &str) {
        let count = 1 + self.roll(3);
        let mut users: Vec<String> = vec![];
        for _ in 0..count {
            let user = self.user();
            if !users.contains(&user) {
                users.push(user);
            }
        }
        let mut events = vec![];
        for user in &users {
            match self.live(license, user) {
                None => events.push(("SeatAssigned", Some(user.clone()), None)),
                Some(it) if !it.active => {
                    events.push(("AssignmentReactivated", Some(user.clone()), None));
                }
                Some(_) => {}
            }
        }
        let holders: Vec<Value> = users.iter().map(|it| json!({"user": it})).collect();
        let document = json!({"license": license, "holders": holders});
        let free = self.quantity(license, self.last) - self.used(license, self.last);
        match events.len() as i64 <= free || events.is_empty() {
            true => self.accepted("AssignSeat", document, license, events).await,
            false => self.refused("AssignSeat", document, license, "no_free_seat").await,
        }
    }

    async fn revoke(&mut self, license: &str) {
        let user = self.user();
        let document = json!({"license": license, "holders": [{"user": user}]});
        let event = ("AssignmentRevoked", Some(user.clone()), None);
        match (
            self.live(license, &user),
            self.facts.iter().any(|it| it.user.as_ref() == Some(&user)),
        ) {
            (Some(_), _) => self.accepted("RevokeAssignment", document, license, vec![event]).await,
            (None, true) => self.accepted("RevokeAssignment", document, license, vec![]).await,
            (None, false) => {
                self.refused("RevokeAssignment", document, license, "holder_not_found").await;
            }
        }
    }

    async fn change_quantity(&mut self, license: &str) {
        let quantity = i64::try_from(1 + self.roll(6)).unwrap();
        let document = json!({"license": license, "quantity": quantity});
        let event = ("QuantityChanged", None, Some(quantity));
        if quantity == self.quantity(license, self.last) {
            self.accepted("ChangeLicense", document, license, vec![]).await;
        } else if quantity < self.used(license, self.last) {
            self.refused("ChangeLicense", document, license, "quantity_below_use").await;
        } else {
            self.accepted("ChangeLicense", document, license, vec![event]).await;
        }
    }

    /// Turns whatever a seat is to its other way.
    async fn change_assignment(&mut self, license: &str) {
        let Some(seat) = self
            .seats(self.last)
            .into_iter()
            .find(|it| it.license == license && it.until.is_none())
        else {
            return;
        };
        let holder = json!({"user": seat.user});
        let user = Some(seat.user.clone());
        let document = match (seat.active, seat.fulfilled) {
            (true, false) => json!({"license": license, "holder": holder, "fulfilled": true}),
            (true, true) => json!({"license": license, "holder": holder, "active": false}),
            (false, _) => {
                json!({"license": license, "holder": holder, "fulfilled": !seat.fulfilled})
            }
        };
        let kind = match (seat.active, seat.fulfilled) {
            (_, false) => "AssignmentFulfilled",
            (true, true) => "AssignmentDeactivated",
            (false, true) => "FulfilmentWithdrawn",
        };
        self.accepted("ChangeAssignment", document, license, vec![(kind, user, None)]).await;
    }

    async fn accepted(
        &mut self,
        command: &str,
        document: Value,
        license: &str,
        events: Vec<(&'static str, Option<String>, Option<i64>)>,
    ) {
        let (id, actor, answer) = self.send(command, document).await;
        assert_eq!(answer.status, 200, "{command}: {}", answer.json());
        let told: Vec<_> = answer.json()["events"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| it["type"].clone())
            .collect();
        assert_eq!(told, events.iter().map(|it| json!(it.0)).collect::<Vec<_>>(), "{id}");
        self.last += u64::from(!events.is_empty());
        assert_eq!(answer.json()["sequence"], json!(self.last), "{id}");
        for (index, (kind, user, quantity)) in events.into_iter().enumerate() {
            let (license, command) = (license.to_owned(), id.clone());
            let (sequence, index) = (self.last, index as u64);
            self.facts.push(Fact {
                sequence,
                index,
                kind,
                license,
                user,
                actor,
                command,
                quantity,
            });
        }
    }

    async fn refused(&mut self, command: &str, document: Value, license: &str, code: &'static str) {
        let (id, _, answer) = self.send(command, document).await;
        assert_eq!(answer.json()["code"], json!(code), "{id}");
        self.refused.push((id, code, license.to_owned()));
    }

    async fn send(
        &mut self,
        command: &str,
        mut document: Value,
    ) -> (String, &'static str, crate::ledger::Answer) {
        let id = format!("c{}", self.commands);
        let actor = ACTORS[self.commands % ACTORS.len()];
        self.commands += 1;
        document["id"] = json!(id);
        document["actor"] = json!(actor);
        let answer = self.ledger.send("acme", command, &document).await;
        (id, actor, answer)
    }

    /// Reads once everything is taken in.
    pub async fn get(&self, path: &str) -> Value {
        let answer = self.ledger.get_at_least(&format!("{ACCOUNT}{path}"), self.last).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.json());
        answer.json()
    }

    /// Takes note of allocations that were made beside the list.
    pub fn adopt(&mut self, history: &Value) {
        let known = self.facts.len();
        for it in &super::items(history)[known..] {
            assert_eq!(it["type"], json!("LicenseAllocated"));
            self.facts.push(Fact {
                sequence: it["sequence"].as_u64().unwrap(),
                index: 0,
                kind: "LicenseAllocated",
                license: it["license"].as_str().unwrap().to_owned(),
                user: None,
                actor: "anonymous",
                command: it["command"].as_str().unwrap().to_owned(),
                quantity: it["data"]["quantity"].as_i64(),
            });
        }
    }

    pub fn quantity(&self, license: &str, at: u64) -> i64 {
        let of = self.facts.iter().filter(|it| it.license == license && it.sequence <= at);
        of.filter_map(|it| it.quantity).next_back().unwrap_or_default()
    }

    pub fn used(&self, license: &str, at: u64) -> i64 {
        let held = |it: &Seat| it.license == license && it.until.is_none() && it.active;
        self.seats(at).iter().filter(|it| held(it)).count() as i64
    }

    fn live(&self, license: &str, user: &str) -> Option<Seat> {
        let is = |it: &Seat| it.license == license && it.user == user && it.until.is_none();
        self.seats(self.last).into_iter().find(is)
    }

    /// Every assignment up to a sequence, in the order in which they were made.
    pub fn seats(&self, at: u64) -> Vec<Seat> {
        let mut seats: Vec<Seat> = vec![];
        let mut live: BTreeMap<(String, String), usize> = BTreeMap::new();
        for it in self.facts.iter().filter(|it| it.sequence <= at) {
            let Some(user) = &it.user else { continue };
            let key = (it.license.clone(), user.clone());
            if it.kind == "SeatAssigned" {
                live.insert(key, seats.len());
                let (license, user, since) = (it.license.clone(), user.clone(), it.sequence);
                seats.push(Seat {
                    license,
                    user,
                    active: true,
                    fulfilled: false,
                    since,
                    until: None,
                });
                continue;
            }
            let seat = &mut seats[live[&key]];
            match it.kind {
                "AssignmentRevoked" => seat.until = Some(it.sequence),
                "AssignmentDeactivated" => seat.active = false,
                "AssignmentReactivated" => seat.active = true,
                "AssignmentFulfilled" => seat.fulfilled = true,
                "FulfilmentWithdrawn" => seat.fulfilled = false,
                other => panic!("{other} is not about a seat"),
            }
        }
        seats
    }
}
