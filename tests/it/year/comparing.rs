//! What the ledger answers, against what the model says.

use std::collections::BTreeMap;

use chrono::DateTime;
use serde_json::{Value, json};

use super::model::{Model, Place, Seat};
use super::running::{ACCOUNT, Year, written};
use crate::faults::dice::Dice;

/// Checks at one look.
const CHECKS: usize = 400;
/// Holders whose assignments are asked for again later.
const HOLDERS: usize = 12;

/// Everything that was so at one moment, to be asked for again.
pub struct Remembered {
    sequence: u64,
    day: i64,
    licenses: BTreeMap<String, Value>,
    holders: Vec<(String, Vec<Value>)>,
    checks: Vec<(Value, String)>,
}

fn licenses_of(model: &Model) -> BTreeMap<String, Value> {
    let shown = |license: usize| {
        let it = &model.licenses[license];
        let (held, limit) = (model.held(license), model.limit(license));
        let assignments = model.seats[license].len();
        let shown = json!({
            "product": it.product, "quantity": it.quantity, "used": held,
            "limit": limit, "available": limit.map(|it| (it - held).max(0)),
            "over_allocated": limit.is_some_and(|it| it < held), "assignments": assignments,
            "state": it.state(), "starts_at": it.starts.map(written),
            "ends_at": it.ends.map(written), "grace_days": it.grace,
            "policy": (!it.policy.is_empty()).then_some(&it.policy),
        });
        (it.name.clone(), shown)
    };
    (0..model.licenses.len()).map(shown).collect()
}

/// The same fields of what the ledger answers.
fn picked(told: &Value, expected: &Value) -> Value {
    let fields = expected.as_object().unwrap().keys();
    fields.map(|it| (it.clone(), told[it].clone())).collect::<serde_json::Map<_, _>>().into()
}

fn name(holder: &Value) -> String {
    holder["user"].as_str().or_else(|| holder["email"].as_str()).unwrap().to_owned()
}

fn sorted(mut all: Vec<Value>) -> Vec<Value> {
    all.sort_by_key(Value::to_string);
    all
}

/// An assignment as the ledger answers it.
fn told_seat(it: &Value) -> Value {
    json!([
        name(&it["holder"]),
        it["license"],
        it["active"],
        it["fulfilled"],
        it["ends_at"],
        sorted(it["grounds"].as_array().unwrap().clone())
    ])
}

fn seat_of(model: &Model, license: usize, holder: &str, seat: &Seat) -> Value {
    let license = &model.licenses[license].name;
    let ends = seat.ends.map(written);
    json!([holder, license, seat.active, seat.fulfilled, ends, seat.grounds])
}

fn seats_of(model: &Model, who: Option<&str>) -> Vec<Value> {
    let mut found = vec![];
    for (license, seats) in model.seats.iter().enumerate() {
        let of = seats.iter().filter(|it| who.is_none_or(|who| it.0 == who));
        found.extend(of.map(|(holder, seat)| seat_of(model, license, holder, seat)));
    }
    sorted(found)
}

impl Year {
    /// Licenses, assignments, places, groups, and the history since the last look; and checks.
    pub async fn all_is_as_it_should_be(&mut self, dice: &mut Dice) {
        let day = self.day;
        let licenses = self.all_pages("/licenses").await;
        let expected = licenses_of(&self.model);
        assert_eq!(licenses.len(), expected.len());
        for it in licenses {
            let expected = &expected[it["license"].as_str().unwrap()];
            assert_eq!(&picked(&it, expected), expected, "day {day}: {}", it["license"]);
        }
        let told = self.all_pages("/assignments").await;
        let told = sorted(told.iter().map(told_seat).collect());
        let expected = seats_of(&self.model, None);
        same(&format!("day {day}: assignments"), &told, &expected);
        let mut told = self.all_pages("/waitlists").await;
        told.sort_by_key(|it| it["place"].as_u64().unwrap());
        let what = |it: &Value| it.get("license").or_else(|| it.get("product")).cloned();
        let told: Vec<_> =
            told.iter().map(|it| json!([what(it), name(&it["holder"]), it["ground"]])).collect();
        let place = |it: &Place| json!([self.model.name_of(&it.what), it.holder, it.ground]);
        let expected: Vec<_> = self.model.waiting.iter().map(place).collect();
        same(&format!("day {day}: who waits"), &told, &expected);
        self.groups_are_as_they_should_be().await;
        self.history_is_as_it_should_be().await;
        let checks = self.checks(dice, CHECKS);
        self.checks_are(&checks, "").await;
    }

    async fn groups_are_as_they_should_be(&self) {
        for (group, expected) in &self.model.groups {
            let told = self.all_pages(&format!("/groups/{group}/members")).await;
            let told: Vec<_> = told.iter().map(|it| json!(name(&it["holder"]))).collect();
            let expected: Vec<_> = expected.members.iter().map(|it| json!(it)).collect();
            same(&format!("day {}: members of {group}", self.day), &told, &expected);
        }
    }

    /// As many lines of each type as the model has said since the last look.
    async fn history_is_as_it_should_be(&mut self) {
        let told = self.history_since(self.since).await;
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for it in &told {
            *counts.entry(it["type"].as_str().unwrap().to_owned()).or_default() += 1;
        }
        assert_eq!(counts, self.lines, "day {}: history of the month", self.day);
        self.lines.clear();
        let last = told.last().map(|it| it["at"].as_str().unwrap());
        let last = last.map(|it| DateTime::parse_from_rfc3339(it).unwrap().timestamp_millis());
        self.since = last.map_or(self.since, |it| it + 1);
    }

    /// Some checks, and what they must say.
    fn checks(&self, dice: &mut Dice, count: usize) -> Vec<(Value, String)> {
        let model = &self.model;
        let people: Vec<&String> = model.people.keys().collect();
        let mut checks = vec![];
        for _ in 0..count {
            let holder = people[dice.below(people.len() as u64) as usize];
            let license = &model.licenses[dice.below(model.licenses.len() as u64) as usize];
            let (product, license) = match dice.below(10) {
                0 => (Some("NOTHING"), None),
                1 => (None, Some("nothing")),
                2..6 => (None, Some(license.name.as_str())),
                _ => (Some(license.product.as_str()), None),
            };
            // An address that is a user's, or known of one, is a question about several holders.
            let by = if holder.contains('@') { "email" } else { "user" };
            if by == "email" && model.is_somebodys(holder) {
                continue;
            }
            let mut check = json!({by: holder});
            if let Some(product) = product {
                check["product"] = json!(product);
            }
            if let Some(license) = license {
                check["license"] = json!(license);
            }
            let code = model.check(holder, product, license).to_owned();
            checks.push((check, code));
        }
        checks
    }

    async fn checks_are(&self, checks: &[(Value, String)], at: &str) {
        let asked: Vec<_> = checks.iter().map(|it| it.0.clone()).collect();
        let body = json!({"checks": asked}).to_string();
        let path = format!("{ACCOUNT}/checks?min_sequence={}{at}", self.sequence);
        let answer = self.ledger.post_bytes(&path, body.as_bytes(), &[]).await.json();
        for ((check, expected), told) in checks.iter().zip(answer["items"].as_array().unwrap()) {
            let allowed = expected == "allowed" || expected == "in_grace";
            let said = (&told["code"], &told["allowed"]);
            assert_eq!(said, (&json!(expected), &json!(allowed)), "{check}{at}: {told}");
        }
    }

    /// Keeps what is so now.
    pub fn remember(&mut self, dice: &mut Dice) {
        let people: Vec<String> = self.model.people.keys().cloned().collect();
        let mut holders = vec![];
        while holders.len() < HOLDERS {
            let holder = people[dice.below(people.len() as u64) as usize].clone();
            if !self.model.is_somebodys(&holder) {
                let seats = seats_of(&self.model, Some(&holder));
                holders.push((holder, seats));
            }
        }
        let checks = self.checks(dice, HOLDERS * 4);
        let licenses = licenses_of(&self.model);
        let (sequence, day) = (self.sequence, self.day);
        self.remembered.push(Remembered { sequence, day, licenses, holders, checks });
    }

    /// Every moment that was kept, asked for again.
    pub async fn the_past_is_as_it_was(&self) {
        for it in &self.remembered {
            let day = it.day;
            let told = self.all_pages(&format!("/licenses?at={}", it.sequence)).await;
            assert_eq!(told.len(), it.licenses.len(), "day {day}");
            for told in told {
                let expected = &it.licenses[told["license"].as_str().unwrap()];
                assert_eq!(&picked(&told, expected), expected, "day {day}: {}", told["license"]);
            }
            for (holder, expected) in &it.holders {
                let by = if holder.contains('@') { "email" } else { "user" };
                let path = format!("/assignments?{by}={holder}&at={}", it.sequence);
                let told = self.all_pages(&path).await;
                let told = sorted(told.iter().map(told_seat).collect());
                same(&format!("day {day}: assignments of {holder}"), &told, expected);
            }
            self.checks_are(&it.checks, &format!("&at={}", it.sequence)).await;
        }
    }
}

/// Two lists are the same; what is only in one of them is said.
#[track_caller]
fn same(what: &str, told: &[Value], expected: &[Value]) {
    if told == expected {
        return;
    }
    let only = |a: &[Value], b: &[Value]| {
        let only = a.iter().filter(|it| !b.contains(it)).take(20);
        only.map(|it| format!("\n    {it}")).collect::<String>()
    };
    let (more, less) = (only(told, expected), only(expected, told));
    panic!("{what}:\n  only the ledger says:{more}\n  only the model says:{less}");
}
