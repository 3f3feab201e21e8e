//! What the log says of the account: its lines read one after the other, with none of the ledger's
//! code.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::faults::replay::{messages, text_of};

/// A seat, or an assignment that holds none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seat {
    pub assignment: String,
    pub number: u64,
    pub active: bool,
    pub grounds: BTreeSet<String>,
}

/// A license, or a part of one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct License {
    pub number: u64,
    pub product: String,
    pub quantity: i64,
    pub container: Option<String>,
    pub parent: Option<String>,
    pub suspended: bool,
    /// By who has it: a user id, or the address of one who is no user.
    pub live: BTreeMap<String, Seat>,
}

impl License {
    /// Who holds a seat of it.
    pub fn holders(&self) -> BTreeSet<String> {
        let held = self.live.iter().filter(|it| it.1.active);
        held.map(|it| it.0.clone()).collect()
    }

    pub fn used(&self) -> i64 {
        i64::try_from(self.holders().len()).unwrap()
    }
}

/// What a whole log says of `acme`.
#[derive(Debug, Default)]
pub struct Logged {
    pub last: u64,
    pub licenses: BTreeMap<String, License>,
    /// Everybody with a number, and it.
    pub people: BTreeMap<String, u64>,
    /// Those of them who are nobody any more: addresses that are a user's by now, and who is retired.
    pub gone: BTreeSet<String>,
    /// The user whom an address names by now.
    pub linked: BTreeMap<String, String>,
    pub containers: BTreeSet<String>,
    /// By group, what it gives.
    pub groups: BTreeMap<String, Vec<Value>>,
    /// Every event, except that keys were used: that comes when it comes.
    pub events: Vec<Value>,
}

impl Logged {
    pub async fn of(client: &async_nats::Client) -> Logged {
        let mut logged = Logged::default();
        for message in messages(client).await {
            logged.last += 1;
            assert!(message.is_ours, "{}: nobody else writes there", logged.last);
            let text = String::from_utf8(message.payload).unwrap();
            for line in text.lines().skip(1) {
                let mut event: Value = serde_json::from_str(line).unwrap();
                if event["account"] == "acme" && event["type"] != "KeyUsed" {
                    logged.take(&event);
                    event["sequence"] = logged.last.into();
                    logged.events.push(event);
                }
            }
        }
        logged
    }

    /// What the parts of a license have of it.
    pub fn allocated(&self, license: &str) -> i64 {
        let parts = self.licenses.values().filter(|it| it.parent.as_deref() == Some(license));
        parts.map(|it| it.quantity).sum()
    }

    /// Events of a type.
    pub fn count(&self, kind: &str) -> usize {
        self.events.iter().filter(|it| it["type"] == kind).count()
    }

    fn take(&mut self, event: &Value) {
        let (data, kind) = (&event["data"], event["type"].as_str().unwrap());
        let text = |it: &Value| it.as_str().map(str::to_owned);
        let who = who(&data["holder"]);
        for number in [&data["holder_number"], &data["number"]] {
            if (kind == "HolderRegistered" || number == &data["holder_number"])
                && let Some(number) = number.as_u64()
            {
                self.people.insert(who.clone(), number);
            }
        }
        let license = self.licenses.entry(text_of(&data["license"])).or_default();
        match kind {
            "LicenseAllocated" => {
                license.number = data["number"].as_u64().unwrap();
                license.product = text_of(&data["product"]);
                license.quantity = data["quantity"].as_i64().unwrap();
                license.container = text(&data["container"]);
                license.parent = text(&data["parent"]);
                self.containers.extend(text(&data["container"]));
            }
            "QuantityChanged" => license.quantity = data["to"].as_i64().unwrap(),
            "LicenseSuspended" => license.suspended = true,
            "LicenseReinstated" => license.suspended = false,
            "SeatAssigned" => {
                let grounds = data["grounds"].as_array().unwrap().iter().map(text_of).collect();
                let seat = Seat {
                    assignment: text_of(&data["assignment"]),
                    number: data["number"].as_u64().unwrap(),
                    active: data["active"] != false,
                    grounds,
                };
                assert_eq!(license.live.insert(who, seat), None, "two of one: {event}");
            }
            "AssignmentRevoked" => assert!(license.live.remove(&who).is_some(), "none: {event}"),
            "AssignmentDeactivated" => license.live.get_mut(&who).unwrap().active = false,
            "AssignmentReactivated" => license.live.get_mut(&who).unwrap().active = true,
            "GroundAdded" => {
                let grounds = &mut license.live.get_mut(&who).unwrap().grounds;
                assert!(grounds.insert(text_of(&data["ground"])), "{event}");
            }
            "GroundRemoved" => {
                let grounds = &mut license.live.get_mut(&who).unwrap().grounds;
                assert!(grounds.remove(&text_of(&data["ground"])), "{event}");
            }
            "AssignmentTransferred" => {
                let seat = license.live.remove(&self::who(&data["from"])).unwrap();
                assert_eq!(license.live.insert(who, seat), None, "two of one: {event}");
            }
            "HolderLinked" => {
                let from = self::who(&data["from"]);
                self.linked.insert(from.clone(), who);
                self.gone.insert(from);
            }
            "HolderRetired" => drop(self.gone.insert(who)),
            "ContainerPlaced" => drop(self.containers.insert(text_of(&data["container"]))),
            "GroupRuleSet" => {
                let grants = data["grants"].as_array().unwrap().clone();
                self.groups.insert(text_of(&data["group"]), grants);
            }
            "HolderRegistered"
            | "DirectSetDeclared"
            | "DirectSetCleared"
            | "KeyCreated"
            | "MemberAdded"
            | "GroupNamed"
            | "GroupRuleApplied"
            | "AssignmentDescribed"
            | "LicenseDescribed" => {}
            other => panic!("these tests send nothing that causes {other}"),
        }
        self.licenses.remove("");
    }
}

/// What somebody is called.
pub fn who(holder: &Value) -> String {
    match &holder["user"] {
        Value::Null => text_of(&holder["email"]),
        user => text_of(user),
    }
}
