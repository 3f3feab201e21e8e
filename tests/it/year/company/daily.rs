//! What happens on any day.

use serde_json::{Value, json};

use super::{Company, DEPARTMENTS, all_named, named};
use crate::year::running::Year;

/// What is given out by the name of a license, and by that of a product.
const LICENSES: [&str; 6] = ["vpn", "train", "crm", "bi-1", "cad-b", "edit"];
const PRODUCTS: [&str; 5] = ["BI", "CAD", "EDIT", "VPN", "MAIL"];

impl Company {
    pub(super) async fn anything(&mut self, year: &mut Year) {
        match self.below(40) {
            0..6 => self.move_somebody(year).await,
            6..10 => self.assign(year, "license").await,
            10..14 => self.assign(year, "product").await,
            14..16 => self.guest(year).await,
            16 => self.guest_is_somebody(year).await,
            17..23 => self.revoke(year).await,
            23..25 => self.change_quantity(year).await,
            25 => self.decide(year).await,
            26..28 => self.say_everything(year).await,
            28..30 => self.schedule(year).await,
            30..33 => self.change_assignment(year).await,
            33 => self.suspend(year).await,
            34..36 => self.change_rule(year).await,
            36 => self.leave_waitlist(year).await,
            37 => self.race(year).await,
            38 => self.come_back(year).await,
            _ => {
                let (which, changed) = (self.below(64), self.once_in(2));
                year.repeat(which, changed).await;
            }
        }
    }

    fn one_of(&mut self, names: &[&'static str]) -> &'static str {
        names[self.below(names.len())]
    }

    /// Somebody who has a seat of a license, or anybody.
    fn holder_of(&mut self, year: &Year, license: &str) -> String {
        let holders = year.model.holders_of(license);
        match holders.is_empty() || self.once_in(8) {
            true => self.somebody(),
            false => holders[self.below(holders.len())].clone(),
        }
    }

    async fn assign(&mut self, year: &mut Year, by: &str) {
        let name = match by {
            "license" => self.one_of(&LICENSES),
            _ => self.one_of(&PRODUCTS),
        };
        let mut holders = vec![];
        for _ in 0..=self.below(3) {
            holders.push(named(&self.somebody()));
        }
        let mut document = json!({by: name, "holders": holders});
        if self.once_in(2) {
            document["wait"] = json!(true);
        }
        if self.once_in(4) {
            // Now and then it is over already. What is waited for is not over within the year.
            let first = if document.get("wait").is_some() { 400 } else { year.day - 2 };
            let (day, hour) = (first + self.day_of(40), self.day_of(6));
            document["ends_at"] = json!(year.early(day, hour));
        }
        year.one(("AssignSeat", document)).await;
    }

    /// Somebody of whom only an address is known.
    async fn guest(&mut self, year: &mut Year) {
        let address = match self.addresses.is_empty() || self.once_in(2) {
            true => self.new_guest(),
            false => {
                let place = self.below(self.addresses.len());
                self.addresses[place].clone()
            }
        };
        let holders = json!([{"email": address.to_uppercase()}]);
        let asked = match self.below(4) {
            0 => ("AddMembers", json!({"group": "contractors", "holders": holders})),
            1 => ("AssignSeat", json!({"product": "BI", "holders": holders, "wait": true})),
            _ => ("AssignSeat", json!({"license": "vpn", "holders": holders, "wait": true})),
        };
        year.one(asked).await;
    }

    async fn guest_is_somebody(&mut self, year: &mut Year) {
        if self.addresses.is_empty() {
            return;
        }
        let place = self.below(self.addresses.len());
        let address = self.addresses[place].clone();
        let user = match self.below(3) {
            0 => self.new_user(),
            _ => self.somebody(),
        };
        let linked = year.one(("LinkHolder", json!({"email": address, "user": user}))).await;
        // Some stay in the list: then somebody else cannot have them.
        if linked && !self.once_in(4) {
            self.addresses.remove(place);
        }
    }

    async fn revoke(&mut self, year: &mut Year) {
        let license = self.one_of(&LICENSES);
        let holder = self.holder_of(year, license);
        let document = json!({"license": license, "holders": [named(&holder)]});
        year.one(("RevokeAssignment", document)).await;
    }

    async fn change_quantity(&mut self, year: &mut Year) {
        let license = self.one_of(&LICENSES);
        let was = year.model.quantity(license);
        let to = match self.below(3) {
            0 => was - 1 - self.day_of(4),
            1 => year.model.held_of(license) - self.day_of(2),
            _ => was + self.day_of(4),
        };
        let document = json!({"license": license, "quantity": to.max(0)});
        year.one(("ChangeLicense", document)).await;
    }

    async fn decide(&mut self, year: &mut Year) {
        let license = self.one_of(&LICENSES);
        let decided = [
            json!({"overage": "10%"}),
            json!({"overage": null}),
            json!({"overage": "none"}),
            json!({"may_hold": "members"}),
            json!({"may_hold": null}),
            json!({"leaving": "orphan"}),
            json!({"leaving": "release"}),
            json!({"lowering": "tolerate"}),
            json!({"lowering": null}),
        ];
        let mut document = decided[self.below(decided.len())].clone();
        document["license"] = json!(license);
        year.one(("SetPolicy", document)).await;
    }

    /// Direct sets of one or two contractors.
    async fn say_everything(&mut self, year: &mut Year) {
        let members = year.model.members_of("contractors");
        let mut holders = vec![];
        for _ in 0..=self.below(2) {
            if !members.is_empty() {
                holders.push(members[self.below(members.len())].clone());
            }
        }
        if holders.is_empty() {
            return;
        }
        let holders = all_named(&holders);
        let asked = match self.below(4) {
            0 => ("ClearDirectSet", json!({"holders": holders})),
            1 => ("DeclareDirectSet", json!({"holders": holders, "products": []})),
            _ => {
                let products = [self.one_of(&PRODUCTS), self.one_of(&PRODUCTS), "BADGE"];
                let products = &products[..=self.below(3)];
                ("DeclareDirectSet", json!({"holders": holders, "products": products}))
            }
        };
        year.one(asked).await;
    }

    async fn schedule(&mut self, year: &mut Year) {
        let license = self.one_of(&LICENSES);
        let holder = self.holder_of(year, license);
        let (command, document) = match self.below(3) {
            0 => ("RevokeAssignment", json!({"license": license, "holders": [named(&holder)]})),
            1 => {
                let quantity = (year.model.quantity(license) - 3 + self.day_of(8)).max(0);
                ("ChangeLicense", json!({"license": license, "quantity": quantity}))
            }
            _ => (
                "AssignSeat",
                json!({"license": license, "holders": [named(&holder)], "wait": true}),
            ),
        };
        let (day, hour) = (year.day + 1 + self.day_of(25), self.day_of(6));
        let at = year.early(day, hour);
        let document = json!({"at": at, "command": command, "document": document});
        year.one(("ScheduleCommand", document)).await;
    }

    async fn change_assignment(&mut self, year: &mut Year) {
        // Idle seats are of a license that no group and no product gives.
        let license = self.one_of(&["train", "vpn", "bi-1"]);
        let holder = named(&self.holder_of(year, license));
        let mut document = json!({"license": license, "holder": holder});
        match self.below(4) {
            0 if license == "train" => document["active"] = json!(false),
            1 if license == "train" => document["active"] = json!(true),
            2 => {
                let (day, hour) = (year.day + 1 + self.day_of(30), self.day_of(6));
                document["ends_at"] = json!(year.early(day, hour));
            }
            _ => document["fulfilled"] = json!(self.once_in(2)),
        }
        year.one(("ChangeAssignment", document)).await;
    }

    async fn suspend(&mut self, year: &mut Year) {
        let license = self.one_of(&LICENSES);
        let command = match year.model.is_suspended(license) {
            true => "ReinstateLicense",
            false => "SuspendLicense",
        };
        year.one((command, json!({"license": license}))).await;
    }

    async fn change_rule(&mut self, year: &mut Year) {
        let group = self.one_of(&DEPARTMENTS);
        let mode = self.one_of(&["eager", "first_come", "first_come"]);
        let mut grant = match self.below(3) {
            0 => json!({"license": self.one_of(&["vpn", "crm"]), "mode": mode}),
            _ => json!({"product": self.one_of(&["BI", "CAD", "EDIT"]), "mode": mode}),
        };
        if self.once_in(2) {
            grant["quota"] = json!(1 + self.below(40));
        }
        let asked = match self.below(4) {
            0 => ("RemoveGroupRule", self.ended(group, &grant)),
            1 => {
                let other = json!({"license": "vpn", "mode": "first_come", "quota": 5});
                let grants = match grant.get("license") {
                    Some(_) => json!([grant]),
                    None => json!([grant, other]),
                };
                ("SetGroupRule", json!({"group": group, "grants": grants}))
            }
            _ => ("GrantToGroup", json!({"group": group, "grant": grant})),
        };
        year.one(asked).await;
    }

    fn ended(&mut self, group: &str, grant: &Value) -> Value {
        let mut document = json!({"group": group, "cascade": self.once_in(2)});
        for what in ["license", "product"] {
            if let Some(name) = grant.get(what) {
                document[what] = name.clone();
            }
        }
        document
    }

    async fn leave_waitlist(&mut self, year: &mut Year) {
        let Some((by, name, holder)) = year.model.somebody_who_waits(self.below(1_000)) else {
            return;
        };
        let document = json!({by: name, "holders": [named(&holder)]});
        year.one(("LeaveWaitlist", document)).await;
    }

    /// Some guests of a day want the last seats of one license at the same time.
    async fn race(&mut self, year: &mut Year) {
        let license = self.one_of(&["vpn", "crm", "badge"]);
        let mut guests = vec![];
        for _ in 0..12 {
            guests.push(self.new_user());
        }
        let wanted =
            |it: &String| ("AssignSeat", json!({"license": license, "holders": [named(it)]}));
        year.race(guests.iter().map(wanted).collect()).await;
        for guest in guests {
            year.one(("RetireHolder", json!({"holder": named(&guest)}))).await;
        }
    }

    /// Who has left is named, or comes back.
    async fn come_back(&mut self, year: &mut Year) {
        if self.left.is_empty() {
            return;
        }
        let place = self.below(self.left.len());
        let user = self.left[place].clone();
        let holders = json!([named(&user)]);
        year.one(("AssignSeat", json!({"license": "badge", "holders": holders}))).await;
        year.one(("AddMembers", json!({"group": "support", "holders": holders}))).await;
        if self.once_in(3) {
            year.one(("RegisterHolder", json!({"holder": named(&user)}))).await;
        }
    }

    /// What must be refused, whatever the day.
    pub(super) async fn somebody_is_refused(&mut self, year: &mut Year) {
        let user = self.somebody();
        let holders = all_named(std::slice::from_ref(&user));
        let nobody = json!([{"user": "nobody"}]);
        for asked in [
            ("AssignSeat", json!({"license": "nothing", "holders": holders})),
            ("AssignSeat", json!({"product": "NOTHING", "holders": holders, "wait": true})),
            ("RevokeAssignment", json!({"license": "vpn", "holders": nobody})),
            ("RemoveMembers", json!({"group": "nobody", "holders": holders})),
            ("RetireHolder", json!({"holder": {"user": "nobody"}})),
            ("ChangeLicense", json!({"license": "cad-b", "ends_at": year.early(90, 0)})),
            ("AllocateLicense", json!({"license": "badge", "product": "BADGE", "quantity": 1})),
            (
                "GrantToGroup",
                json!({"group": "finance", "grant": {"license": "bi-2", "mode": "first_come"}}),
            ),
        ] {
            year.one(asked).await;
        }
    }
}
