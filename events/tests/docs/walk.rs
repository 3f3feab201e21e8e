//! Random commands in a small world, and what came of them, by type of command.

use std::collections::{BTreeMap, BTreeSet};

use events::request::Address;
use events::transfer::Received;
use events::{By, CommandId, CommandType, Ledger, Moment, Request, Via};
use serde_json::{Map, Value, json};

/// What came of the commands of one type.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// Types of events.
    pub(crate) caused: BTreeSet<&'static str>,
    /// Codes of refusals.
    pub(crate) refused: BTreeSet<&'static str>,
}

const WALKS: u64 = 2_500;
const STEPS: u64 = 150;

/// The same walks every time.
pub(crate) fn walk() -> BTreeMap<CommandType, Found> {
    let mut found: BTreeMap<CommandType, Found> = BTreeMap::new();
    for seed in 0..WALKS {
        let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) + 1);
        let mut ledger = Ledger::default();
        let mut now = Moment::parse("2026-05-03T09:00:00Z").unwrap().millis();
        if dice.yes(2) {
            be_given(&mut ledger, Moment::from_millis(now), &mut dice);
        }
        let mut ids: Vec<String> = vec!["019ded10-e280-7000-8000-000000000001".to_owned()];
        for step in 0..STEPS {
            now += 3_600_000;
            let kind = dice.kind();
            let document = dice.document(kind, Moment::from_millis(now), &ids).to_string();
            let address =
                Address { account: "acme", kind: kind.as_str(), key: None, via: Via::Http };
            let id = || CommandId::new(format!("c-{step}")).unwrap();
            let Ok(request) = Request::read(&address, By::local(), document.as_bytes(), id) else {
                continue;
            };
            let found = found.entry(kind).or_default();
            ledger.begin();
            match ledger.judge(&request, Moment::from_millis(now), u128::from(seed * STEPS + step))
            {
                Ok(events) => {
                    ids.extend(events.iter().filter_map(|it| {
                        let data = serde_json::to_value(it).unwrap();
                        Some(data.get("assignment")?.as_str()?.to_owned())
                    }));
                    found.caused.extend(events.iter().map(|it| it.kind()));
                }
                Err(refusal) => drop(found.refused.insert(refusal.code())),
            }
            ledger.check().unwrap();
            ledger.settle();
            pass_time(&mut ledger, Moment::from_millis(now), u128::from(seed * STEPS + step));
            pass_transfers(&mut ledger, Moment::from_millis(now), u128::from(seed * STEPS + step));
        }
    }
    found
}

/// What is due by now comes to pass; most of the time it is late.
fn pass_time(ledger: &mut Ledger, now: Moment, seed: u128) {
    if !seed.is_multiple_of(5) {
        return;
    }
    for account in ledger.due(now, 1) {
        let request = Request::of_clock(account, CommandId::new("clock").unwrap()).unwrap();
        ledger.begin();
        // Ids of its own.
        ledger.judge(&request, now, seed + (1 << 64)).unwrap();
        ledger.check().unwrap();
        ledger.settle();
    }
}

/// Another account gives a license, `a@host`.
fn be_given(ledger: &mut Ledger, now: Moment, dice: &mut Dice) {
    let given = json!({"license": "a", "receiver": "acme", "quantity": 1 + dice.roll(3)});
    for (kind, document) in [
        ("AllocateLicense", json!({"license": "a", "product": "Q", "quantity": 3})),
        ("AllocateToAccount", given),
    ] {
        let address = Address { account: "host", kind, key: None, via: Via::Http };
        let id = || CommandId::new("given").unwrap();
        let request =
            Request::read(&address, By::local(), document.to_string().as_bytes(), id).unwrap();
        ledger.begin();
        ledger.judge(&request, now, 2 << 64).unwrap();
        ledger.settle();
    }
    pass_transfers(ledger, now, 3 << 64);
}

/// What is on its way arrives, most of the time.
fn pass_transfers(ledger: &mut Ledger, now: Moment, seed: u128) {
    for transfer in ledger.transfers(usize::from(!seed.is_multiple_of(3))) {
        ledger.begin();
        let events = ledger.judge(&transfer.to_receive().unwrap(), now, seed + (4 << 64)).unwrap();
        ledger.settle();
        let said = events.iter().find_map(Received::of).unwrap();
        let end = transfer.to_end(CommandId::new("end").unwrap(), &said).unwrap();
        ledger.begin();
        ledger.judge(&end, now, seed + (5 << 64)).unwrap();
        ledger.check().unwrap();
        ledger.settle();
    }
}

/// A sequence of numbers that looks like chance (xorshift64*).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let high = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(high).unwrap() % sides
    }

    fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.roll(of.len())]
    }

    fn yes(&mut self, once_in: usize) -> bool {
        self.roll(once_in) == 0
    }

    /// The rare ones end much, or are about little.
    fn kind(&mut self) -> CommandType {
        use CommandType as C;
        let often = [
            C::AssignSeat,
            C::ChangeAssignment,
            C::AddMembers,
            C::SetGroupRule,
            C::DeclareDirectSet,
            C::SetAllocations,
        ];
        match self.yes(3) {
            true => self.one(&often),
            false => self.one(CommandType::ALL),
        }
    }

    fn holder(&mut self) -> Value {
        match self.roll(8) {
            0 => json!({"email": "ada@x.org"}),
            1 => json!({"email": "bo@x.org"}),
            2 => json!({"user": "ada", "email": "ada@x.org"}),
            3 | 4 => json!({"user": "ada"}),
            5 => json!({"user": "bo"}),
            6 => json!({"user": "cy"}),
            _ => json!({"user": "di"}),
        }
    }

    fn holders(&mut self) -> Value {
        (0..=self.roll(3)).map(|_| self.holder()).collect()
    }

    /// The last ones are parts of licenses, and the license of another account.
    fn license(&mut self) -> &'static str {
        self.one(&["a", "a", "a", "b", "b", "b", "c", "d", "d", "d", "e", "a@x", "d@y", "a@host"])
    }

    fn container(&mut self) -> &'static str {
        self.one(&["x", "x", "y"])
    }

    fn product(&mut self) -> &'static str {
        self.one(&["P", "P", "P", "P", "Q", "Q", "R"])
    }

    /// A license or a product.
    fn of(&mut self) -> Map<String, Value> {
        let of = match self.yes(2) {
            true => json!({"license": self.license()}),
            false => json!({"product": self.product()}),
        };
        of.as_object().unwrap().clone()
    }

    fn grant(&mut self) -> Value {
        let mut grant = self.of();
        grant.insert("mode".to_owned(), self.one(&["eager", "first_come"]).into());
        if self.yes(3) {
            grant.insert("quota".to_owned(), (1 + self.roll(3)).into());
        }
        grant.into()
    }

    fn document(&mut self, kind: CommandType, now: Moment, ids: &[String]) -> Value {
        use CommandType as C;
        let group = self.one(&["g", "g", "h"]);
        let mut of = self.of();
        match kind {
            C::AllocateLicense => self.allocation(now),
            C::ChangeLicense => self.license_change(now),
            C::SuspendLicense | C::ReinstateLicense | C::RetireLicense => {
                json!({"license": self.license()})
            }
            C::AssignSeat => self.seat(of, now),
            C::ChangeAssignment => self.assignment_change(now, ids),
            C::RevokeAssignment => match self.yes(2) {
                true => json!({"assignment": self.id(ids)}),
                false => json!({"license": self.license(), "holders": self.holders()}),
            },
            C::SetPolicy => self.policy(),
            C::RegisterHolder => {
                json!({"holder": self.holder(), "display_name": self.one(&["A", "B"])})
            }
            C::LinkHolder => {
                let email = self.one(&["ada@x.org", "bo@x.org"]);
                json!({"email": email, "user": self.one(&["ada", "bo", "cy", "di"])})
            }
            C::RetireHolder => json!({"holder": self.holder()}),
            C::DeclareDirectSet => self.direct_set(),
            C::ClearDirectSet => json!({"holders": self.holders()}),
            C::AddMembers => match self.yes(5) {
                true => json!({"group": group, "holders": self.holders(), "name": "G"}),
                false => json!({"group": group, "holders": self.holders()}),
            },
            C::RemoveMembers => json!({"group": group, "holders": self.holders()}),
            C::SetGroupRule => {
                let grants: Vec<_> = (0..self.roll(3)).map(|_| self.grant()).collect();
                json!({"group": group, "grants": grants, "cascade": !self.yes(3)})
            }
            C::GrantToGroup => json!({"group": group, "grant": self.grant()}),
            C::RemoveGroupRule => {
                let mut of = if self.yes(3) { Map::new() } else { of };
                of.insert("group".to_owned(), group.into());
                of.insert("cascade".to_owned(), (!self.yes(3)).into());
                of.into()
            }
            C::LeaveWaitlist => {
                of.insert("holders".to_owned(), self.holders());
                of.into()
            }
            C::ScheduleCommand => self.schedule(now),
            C::CancelSchedule => json!({"schedule": 1 + self.roll(60)}),
            C::SetAllocations => self.allocations(),
            C::MoveQuantity => self.moves(of),
            C::ApplyBatch => self.batch(now, ids),
            C::AllocateToAccount => self.gift(),
            C::CreateKey => self.new_key(now),
            C::RevokeKey => json!({"key": self.key()}),
            C::PassTime | C::ReceiveTransfer | C::EndTransfer | C::NoteKeyUse => {
                unreachable!("nobody asks for it")
            }
        }
    }

    fn seat(&mut self, mut of: Map<String, Value>, now: Moment) -> Value {
        of.insert("holders".to_owned(), self.holders());
        of.insert("active".to_owned(), (!self.yes(4)).into());
        of.insert("wait".to_owned(), self.yes(2).into());
        if of.contains_key("product") && self.yes(2) {
            of.insert("container".to_owned(), self.container().into());
        }
        if self.yes(6) {
            of.insert("ends_at".to_owned(), self.later(now));
        }
        of.into()
    }

    fn gift(&mut self) -> Value {
        let receiver = self.one(&["other", "other", "third", "acme"]);
        json!({"license": self.license(), "receiver": receiver, "quantity": self.roll(3)})
    }

    fn schedule(&mut self, now: Moment) -> Value {
        let document = json!({"license": self.license(), "quantity": self.roll(5)});
        let at = self.later(now);
        json!({"at": at, "command": "ChangeLicense", "document": document})
    }

    fn new_key(&mut self, now: Moment) -> Value {
        let mut it = json!({"key": self.key(), "hash": "ab".repeat(32)});
        it["role"] = self.one(&["admin", "admin", "reader"]).into();
        if self.yes(3) {
            it["expires_at"] = self.later(now);
        }
        it
    }

    fn key(&mut self) -> &'static str {
        self.one(&["00000000000000aa", "00000000000000bb", "00000000000000cc"])
    }

    fn direct_set(&mut self) -> Value {
        let products: Vec<_> = (0..self.roll(3)).map(|_| self.product()).collect();
        json!({"holders": self.holders(), "products": products})
    }

    fn batch(&mut self, now: Moment, ids: &[String]) -> Value {
        let kinds = [self.kind(), self.kind()].into_iter();
        let kinds = kinds.filter(|it| *it != CommandType::ApplyBatch);
        let one = |it: CommandType| json!({"command": it.as_str(), "document": self.document(it, now, ids)});
        json!({"commands": kinds.map(one).collect::<Vec<_>>()})
    }

    fn id<'a>(&mut self, ids: &'a [String]) -> &'a str {
        &ids[self.roll(ids.len())]
    }

    fn later(&mut self, now: Moment) -> Value {
        let hours = self.one(&[-20, 5, 10, 40, 80]);
        Moment::from_millis(now.millis() + hours * 3_600_000).to_string().into()
    }

    fn allocation(&mut self, now: Moment) -> Value {
        let license = self.license();
        let product = if matches!(license, "a" | "b") { "P" } else { "Q" };
        let mut it = json!({"license": license, "product": product, "quantity": self.roll(4)});
        if self.yes(6) {
            it["external_id"] = "X".into();
        }
        if self.yes(4) {
            it[self.one(&["starts_at", "ends_at"])] = self.later(now);
        }
        it
    }

    fn license_change(&mut self, now: Moment) -> Value {
        // A part is what a quantity most often does not reach.
        let license = if self.yes(4) { self.one(&["a@x", "d@y"]) } else { self.license() };
        let mut it = json!({"license": license});
        match self.roll(6) {
            0 => it["name"] = self.one(&["N", "M"]).into(),
            1 => it["external_id"] = "X".into(),
            2 => it["starts_at"] = self.later(now),
            3 => it["ends_at"] = self.later(now),
            4 => it["ends_at"] = Value::Null,
            _ => it["quantity"] = self.roll(5).into(),
        }
        it
    }

    fn part(&mut self) -> Value {
        let mut part = self.of();
        part.insert("quantity".to_owned(), self.roll(3).into());
        part.into()
    }

    fn allocations(&mut self) -> Value {
        let parts: Vec<_> = (0..=self.roll(2)).map(|_| self.part()).collect();
        let mut it = json!({"container": self.container(), "quantities": parts});
        if self.yes(4) {
            it["within"] = self.container().into();
        }
        json!({"allocations": [it]})
    }

    fn moves(&mut self, mut of: Map<String, Value>) -> Value {
        let mut step = json!({"quantity": 1 + self.roll(2)});
        let ends: &[&str] = self.one(&[&["from"], &["from"], &["to"], &["to"], &["from", "to"]]);
        for end in ends {
            step[*end] = self.container().into();
        }
        if self.yes(4) {
            of.insert("within".to_owned(), self.container().into());
        }
        of.insert("moves".to_owned(), json!([step]));
        of.into()
    }

    fn assignment_change(&mut self, now: Moment, ids: &[String]) -> Value {
        let mut it = match self.yes(2) {
            true => json!({"assignment": self.id(ids)}),
            false => json!({"license": self.license(), "holder": self.holder()}),
        };
        match self.roll(6) {
            0 => it["fulfilled"] = self.yes(2).into(),
            1 => it["redirect_to"] = self.one(&["x", "y"]).into(),
            2 => it["ends_at"] = self.later(now),
            _ => it["active"] = self.yes(2).into(),
        }
        it
    }

    fn policy(&mut self) -> Value {
        let (policy, values) = self.one(&[
            ("overage", ["none", "50%", "unlimited"]),
            ("lowering", ["refuse", "tolerate", "tolerate"]),
            ("leaving", ["release", "orphan", "orphan"]),
            ("may_hold", ["anyone", "members", "members"]),
            ("direct_sets", ["replace", "add", "replace"]),
        ]);
        let mut it = json!({});
        it[policy] = self.one(&values).into();
        if policy != "direct_sets" && self.yes(2) {
            it["license"] = self.license().into();
        }
        it
    }
}
