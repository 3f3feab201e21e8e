use std::collections::BTreeMap;

use events::{AssignmentId, Event, Holder};
use serde_json::{Value, json};

use super::{Past, all, at_of, json, tried, without_nulls};
use crate::assignments::{self, Filter, Who};
use crate::store::Store;
use crate::tests::world::{ACCOUNTS, EMAILS, LICENSES, USERS};

/// Every assignment there has been, by number, as the events say it.
fn expected(past: &Past<'_>, account: &str) -> Vec<Value> {
    let Some(state) = past.account(account) else { return vec![] };
    let mut all: BTreeMap<AssignmentId, Value> = BTreeMap::new();
    for (sequence, _, record) in past.events(account) {
        let at = at_of(past.commits, sequence);
        match &record.event {
            Event::SeatAssigned(it) => {
                let known: &Holder = state.holder(it.holder.key()).unwrap();
                let license = state.license(&it.license).unwrap();
                all.insert(
                    it.assignment,
                    json!({
                        "assignment": it.assignment, "number": it.number, "license": it.license,
                        "product": license.product, "holder": known, "grounds": it.grounds,
                        "active": it.active, "fulfilled": it.fulfilled,
                        "redirect_to": it.redirect_to, "metadata": it.metadata,
                        "assigned_at": at, "assigned_sequence": sequence,
                    }),
                );
            }
            Event::AssignmentDeactivated(it) => {
                all.get_mut(&it.assignment).unwrap()["active"] = false.into()
            }
            Event::AssignmentReactivated(it) => {
                all.get_mut(&it.assignment).unwrap()["active"] = true.into()
            }
            Event::AssignmentFulfilled(it) => {
                all.get_mut(&it.assignment).unwrap()["fulfilled"] = true.into()
            }
            Event::FulfilmentWithdrawn(it) => {
                all.get_mut(&it.assignment).unwrap()["fulfilled"] = false.into()
            }
            Event::AssignmentDescribed(it) => {
                let assignment = all.get_mut(&it.assignment).unwrap();
                assignment["redirect_to"] = json(&it.redirect_to);
                assignment["metadata"] = json(&it.metadata);
            }
            Event::AssignmentRevoked(it) => {
                let assignment = all.get_mut(&it.assignment).unwrap();
                assignment["revoked_at"] = json(at);
                assignment["revoked_sequence"] = sequence.into();
            }
            Event::LicenseAllocated(_)
            | Event::LicenseDescribed(_)
            | Event::QuantityChanged(_)
            | Event::WindowChanged(_)
            | Event::LicenseSuspended(_)
            | Event::LicenseReinstated(_)
            | Event::LicenseRetired(_) => {}
        }
    }
    let mut all: Vec<Value> = all.into_values().map(without_nulls).collect();
    all.sort_by_key(|it| it["number"].as_u64());
    all
}

fn filters() -> Vec<Filter> {
    let some = [None, Some(true), Some(false)];
    let mut all = vec![];
    for ended in [false, true] {
        all.extend(some.map(|active| Filter { active, ended, fulfilled: None }));
        all.extend(some.map(|fulfilled| Filter { fulfilled, ended, active: None }));
    }
    all
}

fn meant(it: &Value, filter: &Filter) -> bool {
    (filter.ended || it.get("revoked_at").is_none())
        && filter.active.is_none_or(|wanted| it["active"] == wanted)
        && filter.fulfilled.is_none_or(|wanted| it["fulfilled"] == wanted)
}

#[test]
fn assignments_agree_with_a_replay() {
    let (mut world, store, sequences, _dir) = tried(4, 300, &assignments::MODEL);
    let commits = world.commits.clone();
    for sequence in sequences {
        let past = Past::new(&commits, sequence);
        for account in ACCOUNTS {
            let expected = expected(&past, account);
            live_ones_are_those_of_the_rules(&past, account, &expected);
            let filter = *world.random.pick(&filters());
            lists_agree(&past, &store, account, &expected, &filter);
            for it in &expected {
                let id = it["assignment"].as_str().unwrap().parse().unwrap();
                let (found, _) = assignments::by_id(store.db(), account, id, sequence).unwrap();
                assert_eq!(&json(found), it);
                let number = it["number"].as_u64().unwrap();
                let (found, _) =
                    assignments::by_number(store.db(), account, number, sequence).unwrap();
                assert_eq!(&json(found), it);
                let (other, _) = assignments::by_id(store.db(), "nobody", id, sequence).unwrap();
                assert!(other.is_none());
            }
        }
    }
}

/// The test's own bookkeeping is held against the rules' state, too.
fn live_ones_are_those_of_the_rules(past: &Past<'_>, account: &str, expected: &[Value]) {
    let live = expected.iter().filter(|it| it.get("revoked_at").is_none());
    let mut live: Vec<_> =
        live.map(|it| json!([it["assignment"], it["active"], it["fulfilled"]])).collect();
    let rules = past.live(account, |_, _, _| true);
    let mut rules: Vec<_> =
        rules.into_iter().map(|it| json!([it.id, it.active, it.fulfilled])).collect();
    live.sort_by_key(Value::to_string);
    rules.sort_by_key(Value::to_string);
    assert_eq!(live, rules);
}

fn lists_agree(past: &Past<'_>, store: &Store, account: &str, expected: &[Value], filter: &Filter) {
    let (db, at) = (store.db(), past.sequence);
    let those = |is: &dyn Fn(&Value) -> bool| {
        json(expected.iter().filter(|it| meant(it, filter) && is(it)).collect::<Vec<_>>())
    };
    for license in LICENSES {
        let found =
            all(at, |cursor| assignments::of_license(db, account, license, filter, cursor, 3, at));
        assert_eq!(json(found), those(&|it| it["license"] == license), "{license} {filter:?} {at}");
    }
    for user in USERS {
        let found = all(at, |cursor| {
            assignments::of_holder(db, account, Who::User(user), filter, cursor, 2, at)
        });
        assert_eq!(
            json(found),
            those(&|it| it["holder"]["user"] == user),
            "{user} {filter:?} {at}"
        );
    }
    for email in EMAILS {
        let found = all(at, |cursor| {
            assignments::of_holder(db, account, Who::Email(email), filter, cursor, 2, at)
        });
        assert_eq!(
            json(found),
            those(&|it| it["holder"]["email"] == email),
            "{email} {filter:?} {at}"
        );
    }
    let mut found =
        json(all(at, |cursor| assignments::of_account(db, account, filter, cursor, 3, at)));
    found.as_array_mut().unwrap().sort_by_key(|it| it["number"].as_u64());
    assert_eq!(found, those(&|_| true));
}
