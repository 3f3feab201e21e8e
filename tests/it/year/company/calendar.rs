//! What is bought when, what runs out, and what departments give.

use serde_json::{Value, json};

use super::Company;
use crate::year::running::{Asked, Year};

impl Company {
    /// A license, with a window in days of the year.
    fn license(
        &self,
        year: &Year,
        name: &str,
        product: &str,
        thousandths: u64,
        window: (Option<i64>, Option<i64>),
    ) -> Value {
        let quantity = self.share(thousandths);
        let mut document = json!({"license": name, "product": product, "quantity": quantity});
        if let Some(day) = window.0 {
            document["starts_at"] = json!(year.early(day, 0));
        }
        if let Some(day) = window.1 {
            document["ends_at"] = json!(year.early(day, 0));
        }
        document
    }

    pub(super) async fn buy(&mut self, year: &mut Year) {
        let bought = [
            self.license(year, "badge", "BADGE", 1_500, (None, None)),
            self.license(year, "mail", "MAIL", 1_100, (None, Some(120))),
            self.license(year, "cad-a", "CAD", 40, (None, Some(90))),
            self.license(year, "cad-b", "CAD", 45, (Some(90), Some(240))),
            self.license(year, "cad-c", "CAD", 60, (Some(230), None)),
            self.license(year, "crm", "CRM", 100, (None, None)),
            self.license(year, "bi-1", "BI", 10, (None, Some(180))),
            self.license(year, "bi-2", "BI", 8, (Some(20), Some(330))),
            self.license(year, "vpn", "VPN", 40, (None, None)),
            self.license(year, "edit", "EDIT", 90, (None, Some(300))),
            self.license(year, "train", "TRAIN", 20, (Some(60), Some(310))),
        ];
        for mut document in bought {
            match document["license"].as_str().unwrap() {
                "mail" => document["grace_days"] = json!(14),
                "bi-1" => document["grace_days"] = json!(7),
                "edit" => document["grace_days"] = json!(3),
                _ => {}
            }
            year.one(("AllocateLicense", document)).await;
        }
    }

    pub(super) async fn rules(&mut self, year: &mut Year) {
        let rule = |group: &str, grants: Value| -> Asked {
            ("SetGroupRule", json!({"group": group, "grants": grants}))
        };
        for asked in [
            rule("everyone", json!([{"product": "MAIL", "mode": "first_come"}])),
            rule("engineering", json!([{"product": "CAD", "mode": "first_come", "quota": 60}])),
            rule("design", json!([{"product": "CAD", "mode": "first_come"}])),
            rule("sales", json!([{"license": "crm", "mode": "eager"}])),
            rule("marketing", json!([{"product": "EDIT", "mode": "eager"}])),
            rule(
                "finance",
                json!([{"product": "BI", "mode": "first_come", "quota": 15},
                    {"license": "vpn", "mode": "first_come", "quota": 10}]),
            ),
            rule("contractors", json!([{"product": "EDIT", "mode": "first_come"}])),
        ] {
            year.one(asked).await;
        }
    }

    /// What stands in the calendar of the company.
    pub(super) async fn calendar(&mut self, year: &mut Year) {
        for asked in self.entries(year) {
            year.one(asked).await;
        }
        self.trials(year).await;
    }

    fn entries(&mut self, year: &Year) -> Vec<Asked> {
        let change = |document: Value| ("ChangeLicense", document);
        let policy = |document: Value| ("SetPolicy", document);
        match year.day {
            // Renewed while it is in its days of grace.
            125 => vec![change(json!({"license": "mail", "ends_at": year.early(500, 0)}))],
            50 => vec![policy(json!({"license": "crm", "lowering": "tolerate"}))],
            // A plan that shrinks under what is held, and grows again.
            60 => vec![change(json!({"license": "crm", "quantity": self.share(40)}))],
            95 => vec![change(json!({"license": "crm", "quantity": self.share(90)}))],
            110 => vec![policy(json!({"license": "crm", "lowering": null}))],
            111 => vec![change(json!({"license": "crm", "quantity": self.share(20)}))],
            // Renewed before it ends, at a moment that was known.
            150 => vec![(
                "ScheduleCommand",
                json!({"at": year.early(178, 3), "command": "ChangeLicense",
                    "document": {"license": "bi-1", "ends_at": year.early(400, 0)}}),
            )],
            200 => vec![policy(json!({"leaving": "orphan"}))],
            240 => vec![policy(json!({"leaving": null, "direct_sets": "add"}))],
            270 => vec![policy(json!({"direct_sets": "replace"}))],
            // The next one is another license.
            290 => vec![(
                "AllocateLicense",
                self.license(year, "edit-2", "EDIT", 100, (Some(300), None)),
            )],
            312 => vec![change(json!({"license": "train", "ends_at": year.early(340, 0),
                "grace_days": 5}))],
            _ => vec![],
        }
    }

    /// Licenses to try something, which are retired once nobody has them any more.
    async fn trials(&mut self, year: &mut Year) {
        let (day, number) = (year.day, year.day / 40);
        let name = format!("trial-{number}");
        match day % 40 {
            5 => {
                let mut trial = self.license(year, &name, "TRIAL", 5, (None, Some(day + 20)));
                trial["name"] = json!("To try");
                year.one(("AllocateLicense", trial)).await;
            }
            8 => {
                let mut holders = vec![];
                for _ in 0..6 {
                    holders.push(super::named(&self.somebody()));
                }
                let assigned = json!({"license": name, "holders": holders, "wait": true});
                year.one(("AssignSeat", assigned)).await;
            }
            30 => {
                year.one(("RetireLicense", json!({"license": name}))).await;
                let holders = year.model.holders_of(&name);
                if !holders.is_empty() {
                    let revoked = json!({"license": name, "holders": super::all_named(&holders)});
                    year.one(("RevokeAssignment", revoked)).await;
                }
                year.one(("RetireLicense", json!({"license": name}))).await;
            }
            _ => {}
        }
    }
}
