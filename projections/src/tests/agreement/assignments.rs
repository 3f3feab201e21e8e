use std::collections::BTreeMap;

use events::account::{Account, Assignment};
use events::event::Ground;
use events::holder::HolderKey;
use events::{AssignmentId, Event, Holder};
use serde_json::{Value, json};

use super::{Past, all, at_of, json, tried, without_nulls};
use crate::assignments::{self, Filter, GroundKind, Who};
use crate::store::Store;
use crate::tests::world::{ACCOUNTS, EMAILS, GROUPS, LICENSES, USERS};

/// Every assignment there has been, by number, as the events say it.
fn expected(past: &Past<'_>, account: &str) -> Vec<Value> {
    let Some(state) = past.account(account) else { return vec![] };
    let mut all: BTreeMap<AssignmentId, Value> = BTreeMap::new();
    for (sequence, _, record) in past.events(account) {
        let at = at_of(past.commits, sequence);
        match &record.event {
            Event::SeatAssigned(it) => {
                let known = as_said(state, &it.holder);
                let license = state.license(&it.license).unwrap();
                all.insert(
                    it.assignment,
                    json!({
                        "assignment": it.assignment, "number": it.number, "license": it.license,
                        "product": license.product, "holder": known, "grounds": it.grounds,
                        "active": it.active, "fulfilled": it.fulfilled,
                        "redirect_to": it.redirect_to, "metadata": it.metadata, "ends_at": it.ends_at,
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
            Event::AssignmentEndSet(it) => {
                all.get_mut(&it.assignment).unwrap()["ends_at"] = json(it.ends_at);
            }
            Event::GroundAdded(it) => {
                let assignment = all.get_mut(&it.assignment).unwrap();
                assignment["grounds"] = with_ground(&assignment["grounds"], &it.ground);
            }
            Event::GroundRemoved(it) => {
                let grounds = &mut all.get_mut(&it.assignment).unwrap()["grounds"];
                grounds.as_array_mut().unwrap().retain(|ground| *ground != json(&it.ground));
            }
            Event::AssignmentTransferred(it) => {
                let known: &Holder = state.holder(it.holder.key()).unwrap();
                all.get_mut(&it.assignment).unwrap()["holder"] = json(known);
            }
            _ => {}
        }
    }
    let mut all: Vec<Value> = all.into_values().map(without_nulls).collect();
    all.sort_by_key(|it| it["number"].as_u64());
    all
}

/// Whom an event names, with what else is known of them; an address that names a user by now is
/// still who had it then.
fn as_said(state: &Account, holder: &Holder) -> Holder {
    let known = state.holder(holder.key()).unwrap();
    if known.key() == holder.key() { known.clone() } else { holder.clone() }
}

/// `direct` first, then what groups gave, in the order in which they did.
fn with_ground(grounds: &Value, ground: &Ground) -> Value {
    let said: Vec<Ground> = serde_json::from_value(grounds.clone()).unwrap();
    let mut all = said.clone();
    match all.iter_mut().find(|it| it.group().is_some() && it.group() == ground.group()) {
        Some(it) => *it = ground.clone(),
        None if *ground == Ground::Direct => all.insert(0, ground.clone()),
        None => all.push(ground.clone()),
    }
    json(all)
}

fn filters() -> Vec<Filter<'static>> {
    let some = [None, Some(true), Some(false)];
    let kinds = [GroundKind::Direct, GroundKind::Group, GroundKind::Orphan].map(Some);
    let mut all = vec![];
    for ended in [false, true] {
        let any = Filter { ended, ..Filter::default() };
        all.extend(some.map(|active| Filter { active, ..any }));
        all.extend(some.map(|fulfilled| Filter { fulfilled, ..any }));
        all.extend(kinds.map(|ground| Filter { ground, ..any }));
        for group in GROUPS.map(Some) {
            all.extend(kinds.map(|ground| Filter { ground, group, ..any }));
            all.push(Filter { group, ..any });
        }
    }
    all
}

/// Whether an assignment stands on such a ground.
fn stands(it: &Value, filter: &Filter<'_>) -> bool {
    let grounds: Vec<Ground> = serde_json::from_value(it["grounds"].clone()).unwrap();
    let of = |it: &Ground| match it {
        Ground::Direct => (GroundKind::Direct, None),
        Ground::Group(group) => (GroundKind::Group, Some(group.to_string())),
        Ground::Orphan(group) => (GroundKind::Orphan, Some(group.to_string())),
    };
    let any = |is: &dyn Fn(GroundKind, Option<&str>) -> bool| {
        grounds.iter().map(of).any(|(kind, group)| is(kind, group.as_deref()))
    };
    match (filter.ground, filter.group) {
        (None, None) => true,
        (Some(wanted), None) => any(&|kind, _| kind == wanted),
        (None, Some(group)) => any(&|_, it| it == Some(group)),
        (Some(GroundKind::Direct), Some(group)) => {
            any(&|kind, _| kind == GroundKind::Direct) && any(&|_, it| it == Some(group))
        }
        (Some(wanted), Some(group)) => any(&|kind, it| kind == wanted && it == Some(group)),
    }
}

fn meant(it: &Value, filter: &Filter<'_>) -> bool {
    (filter.ended || it.get("revoked_at").is_none())
        && stands(it, filter)
        && filter.active.is_none_or(|wanted| it["active"] == wanted)
        && filter.fulfilled.is_none_or(|wanted| it["fulfilled"] == wanted)
}

#[test]
fn assignments_agree_with_a_replay() {
    let (mut world, store, sequences, _dir) = tried(4, 400, &assignments::MODEL);
    let commits = world.commits.clone();
    let (mut seen, mut orphans) = (0, 0);
    for sequence in sequences {
        let past = Past::new(&commits, sequence);
        for account in ACCOUNTS {
            let expected = expected(&past, account);
            live_ones_are_those_of_the_rules(&past, account, &expected);
            for _ in 0..3 {
                let filter = *world.random.pick(&filters());
                seen += expected.iter().filter(|it| meant(it, &filter)).count();
                orphans += expected
                    .iter()
                    .filter(|it| it["grounds"].to_string().contains("orphan:"))
                    .count();
                lists_agree(&past, &store, account, &expected, &filter);
            }
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
    assert!(seen > 1_000 && orphans > 100, "{seen} {orphans}");
}

/// The test's own bookkeeping is held against the rules' state, too.
fn live_ones_are_those_of_the_rules(past: &Past<'_>, account: &str, expected: &[Value]) {
    let live = expected.iter().filter(|it| it.get("revoked_at").is_none());
    let mut live: Vec<_> = live
        .map(|it| {
            json!([
                it["assignment"],
                it["active"],
                it["fulfilled"],
                it["holder"],
                sorted(&it["grounds"])
            ])
        })
        .collect();
    let rules = past.live(account, |_, _, _| true);
    let of = |it: &Assignment| {
        let account = past.account(account).unwrap();
        let (holder, grounds) = (account.holder_of(it), account.grounds_of(it));
        json!([it.id, it.active, it.fulfilled, holder, sorted(&json(grounds))])
    };
    let mut rules: Vec<_> = rules.into_iter().map(of).collect();
    live.sort_by_key(Value::to_string);
    rules.sort_by_key(Value::to_string);
    assert_eq!(live, rules);
}

fn sorted(grounds: &Value) -> Value {
    let mut grounds = grounds.as_array().unwrap().clone();
    grounds.sort_by_key(Value::to_string);
    grounds.into()
}

fn lists_agree(
    past: &Past<'_>,
    store: &Store,
    account: &str,
    expected: &[Value],
    filter: &Filter<'_>,
) {
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
        let state = past.account(account);
        let named = state.and_then(|it| it.holder(HolderKey::Email(email))?.user.as_ref());
        let named = json(named);
        let found = all(at, |cursor| {
            assignments::of_holder(db, account, Who::Email(email), filter, cursor, 2, at)
        });
        assert_eq!(
            json(found),
            those(&|it| it["holder"]["email"] == email
                || !named.is_null() && it["holder"]["user"] == named),
            "{email} {filter:?} {at}"
        );
    }
    let mut found =
        json(all(at, |cursor| assignments::of_account(db, account, filter, cursor, 3, at)));
    found.as_array_mut().unwrap().sort_by_key(|it| it["number"].as_u64());
    assert_eq!(found, those(&|_| true));
}
