use events::account::Account;
use events::event::HolderRegistered;
use events::holder::HolderKey;
use events::{Command, Event, GroupId, Holder};
use serde_json::{Value, json};

use super::{Past, all, at_of, json, tried, without_nulls};
use crate::directory::{self, HolderFilter};
use crate::store::Store;
use crate::tests::world::{ACCOUNTS, EMAILS, GROUPS, LICENSES, USERS};

/// The holder that an event makes known, if it does.
fn names(event: &Event) -> Option<&Holder> {
    match event {
        Event::SeatAssigned(it) => Some(&it.holder),
        Event::AssignmentReactivated(it) => Some(&it.holder),
        Event::HolderRegistered(it) => Some(&it.holder),
        Event::MemberAdded(it) => Some(&it.holder),
        _ => None,
    }
}

/// Everybody there has been, in the order in which they were named.
fn everybody(past: &Past<'_>, account: &str) -> Vec<Value> {
    let mut seen: Vec<(Holder, u64)> = vec![];
    for (sequence, _, record) in past.events(account) {
        if let Some(holder) = names(&record.event)
            && !seen.iter().any(|it| it.0.key() == holder.key())
        {
            seen.push((holder.clone(), sequence));
        }
    }
    let known = |(holder, since): (Holder, u64)| {
        let state = past.account(account).unwrap();
        let known = state.known(holder.key()).unwrap();
        let mut it = match known.holder.key() == holder.key() {
            true => somebody(state, &holder),
            false => linked(past, account, &holder, &known.holder),
        };
        it["since"] = json(at_of(past.commits, since));
        it["since_sequence"] = since.into();
        without_nulls(it)
    };
    seen.into_iter().map(known).collect()
}

fn somebody(state: &Account, holder: &Holder) -> Value {
    let it = state.known(holder.key()).unwrap();
    let groups: Vec<_> = state.groups_of(holder.key()).map(|it| &it.id).collect();
    let set = it.direct_set().map(|it| json!({"products": it.products, "external": it.external}));
    json!({
        "holder": it.holder, "number": it.number, "user_name": it.user_name(),
        "display_name": it.display_name(), "registered": it.is_registered(),
        "retired": it.is_retired(), "direct_set": set, "groups": groups,
    })
}

/// An address that names a user: the rules know the user by it, the events what it was.
fn linked(past: &Past<'_>, account: &str, address: &Holder, user: &Holder) -> Value {
    let mut said: Option<&HolderRegistered> = None;
    let mut number = None;
    for (_, _, record) in past.events(account) {
        match &record.event {
            Event::HolderRegistered(it) if it.holder.key() == address.key() => {
                (said, number) = (Some(it), Some(it.number));
            }
            Event::SeatAssigned(it) if it.holder.key() == address.key() => {
                number = it.holder_number.or(number);
            }
            Event::MemberAdded(it) if it.holder.key() == address.key() => {
                number = it.holder_number.or(number);
            }
            _ => {}
        }
    }
    json!({
        "holder": address, "number": number, "user_name": said.map(|it| &it.user_name),
        "display_name": said.map(|it| &it.display_name),
        "registered": said.is_some_and(|it| it.registered), "retired": false,
        "linked": user.user, "groups": [],
    })
}

#[test]
fn holders_agree_with_the_rules() {
    let (world, store, sequences, _dir) = tried(30, 300, &directory::MODEL);
    let (mut links, mut retired, mut sets) = (0, 0, 0);
    for sequence in sequences {
        let past = Past::new(&world.commits, sequence);
        for account in ACCOUNTS {
            let everybody = everybody(&past, account);
            let count = |is: &dyn Fn(&&Value) -> bool| everybody.iter().filter(is).count();
            links += count(&|it| it.get("linked").is_some());
            retired += count(&|it| it["retired"] == true);
            sets += count(&|it| it.get("direct_set").is_some());
            lists_agree(&past, &store, account, &everybody);
            for user in USERS {
                let (found, as_of) =
                    directory::holder(store.db(), account, user, sequence).unwrap();
                let wanted = everybody.iter().find(|it| it["holder"]["user"] == user);
                assert_eq!(json(found), wanted.cloned().unwrap_or_default());
                assert_eq!(as_of, sequence);
            }
        }
    }
    assert!(links > 20 && retired > 20 && sets > 50, "{links} {retired} {sets}");
}

fn lists_agree(past: &Past<'_>, store: &Store, account: &str, everybody: &[Value]) {
    let mut filters = vec![HolderFilter::default()];
    for is in [Some(true), Some(false)] {
        filters.push(HolderFilter { registered: is, ..HolderFilter::default() });
        filters.push(HolderFilter {
            retired: is,
            registered: Some(true),
            ..HolderFilter::default()
        });
    }
    filters.extend(EMAILS.map(|it| HolderFilter { email: Some(it), ..HolderFilter::default() }));
    let numbers = everybody.iter().map(|it| it["number"].as_u64()).chain([Some(1)]);
    filters.extend(numbers.map(|number| HolderFilter { number, ..HolderFilter::default() }));
    let state = past.account(account);
    for filter in filters {
        let named = |email: &str| state.and_then(|it| it.holder(HolderKey::Email(email)));
        let meant = |it: &&Value| {
            let of = |email: &str| {
                it["holder"]["email"] == email
                    || named(email).is_some_and(|named| json(named) == it["holder"])
            };
            filter.registered.is_none_or(|wanted| it["registered"] == wanted)
                && filter.retired.is_none_or(|wanted| it["retired"] == wanted)
                && filter.number.is_none_or(|wanted| it["number"] == wanted)
                && filter.email.is_none_or(of)
        };
        let expected: Vec<_> = everybody.iter().filter(meant).collect();
        let found = all(past.sequence, |cursor| {
            directory::holders(store.db(), account, &filter, cursor, 2, past.sequence)
        });
        assert_eq!(json(found), json(expected), "{filter:?} of {account} at {}", past.sequence);
    }
}

/// A group by the rules' own state, and who is in it.
fn expected_group(past: &Past<'_>, account: &str, name: &str) -> Option<(Value, Vec<Value>)> {
    let (state, id) = (past.account(account)?, GroupId::new(name).unwrap());
    let it = state.group(&id)?;
    let (mut first, mut places) = (None, vec![]);
    for (sequence, _, record) in past.events(account) {
        match &record.event {
            Event::GroupNamed(it) if it.group == id => drop(first.get_or_insert(sequence)),
            Event::MemberAdded(it) if it.group == id => {
                places.push((it.holder.clone(), it.place, sequence));
            }
            _ => {}
        }
    }
    let members: Vec<Value> = state
        .members_of(&id)
        .map(|holder| {
            let (_, place, since) = places.iter().rfind(|it| it.0.key() == holder.key()).unwrap();
            json!({
                "holder": holder, "place": place, "since": at_of(past.commits, *since),
                "since_sequence": since,
            })
        })
        .collect();
    let grants: Vec<Value> = it
        .grants
        .iter()
        .map(|grant| {
            let mut given = json(grant);
            given["leases"] = state.leases(&id, grant).into();
            let waits = state.waits().filter(|it| {
                it.ground.group() == Some(&id)
                    && (&it.license, &it.product) == (&grant.license, &grant.product)
            });
            given["waiting"] = waits.count().into();
            given
        })
        .collect();
    let group = without_nulls(json!({
        "group": name, "number": it.number, "name": it.name, "members": members.len(),
        "grants": grants, "unfinished": it.unfinished,
        "since": at_of(past.commits, first.unwrap()), "since_sequence": first,
    }));
    Some((group, members))
}

#[test]
fn groups_agree_with_the_rules() {
    let (world, store, sequences, _dir) = tried(31, 300, &directory::MODEL);
    let (mut leases, mut waiting, mut in_groups) = (0, 0, 0);
    for sequence in sequences {
        let past = Past::new(&world.commits, sequence);
        for account in ACCOUNTS {
            let mut names = GROUPS;
            names.sort_unstable();
            let mut groups = vec![];
            for name in names {
                let expected = expected_group(&past, account, name);
                let (found, as_of) = directory::group(store.db(), account, name, sequence).unwrap();
                assert_eq!(found.map(json), expected.clone().map(|it| it.0), "{name} {sequence}");
                assert_eq!(as_of, sequence);
                let found = all(sequence, |cursor| {
                    directory::members(store.db(), account, name, cursor, 2, sequence)
                });
                let (group, members) = expected.unzip();
                assert_eq!(json(found), json(members.clone().unwrap_or_default()));
                in_groups += members.map_or(0, |it| it.len());
                groups.extend(group);
            }
            for given in groups.iter().flat_map(|it| it["grants"].as_array().unwrap()) {
                leases += given["leases"].as_u64().unwrap();
                waiting += given["waiting"].as_u64().unwrap();
            }
            let found =
                all(sequence, |cursor| directory::groups(store.db(), account, cursor, 1, sequence));
            assert_eq!(json(found), json(groups));
        }
    }
    assert!(leases > 100 && waiting > 20 && in_groups > 100, "{leases} {waiting} {in_groups}");
}

#[test]
fn policies_agree_with_the_rules() {
    let (world, store, sequences, _dir) = tried(32, 300, &directory::MODEL);
    let mut names = LICENSES;
    names.sort_unstable();
    let mut of_licenses = 0;
    for sequence in sequences {
        let past = Past::new(&world.commits, sequence);
        for account in ACCOUNTS {
            let mut said = vec![];
            for (sequence, _, record) in past.events(account) {
                if let Event::PolicySet(it) = &record.event {
                    said.push(without_nulls(json!({
                        "license": it.license, "policy": it.policy,
                        "since": at_of(past.commits, sequence), "since_sequence": sequence,
                    })));
                }
            }
            let found = all(sequence, |cursor| {
                directory::decided_over_time(store.db(), account, None, cursor, 2, sequence)
            });
            assert_eq!(json(found), json(&said));
            let of = |license: &str| -> Vec<&Value> {
                said.iter().filter(|it| it["license"] == license).collect()
            };
            let found = all(sequence, |cursor| {
                let license = Some("creative");
                directory::decided_over_time(store.db(), account, license, cursor, 2, sequence)
            });
            assert_eq!(json(found), json(of("creative")));
            let last = said.iter().rfind(|it| it.get("license").is_none());
            let mut in_force: Vec<_> = last.into_iter().collect();
            in_force.extend(names.iter().filter_map(|name| of(name).pop()));
            in_force.retain(|it| it["policy"] != json!({}));
            of_licenses += in_force.iter().filter(|it| it.get("license").is_some()).count();
            let found = all(sequence, |cursor| {
                directory::policies(store.db(), account, cursor, 1, sequence)
            });
            assert_eq!(json(&found), json(in_force), "{account} at {sequence}");
            let Some(state) = past.account(account) else { continue };
            let of_account = found.first().filter(|it| it.license.is_none());
            let of_account = of_account.map(|it| it.policy.clone()).unwrap_or_default();
            assert_eq!(of_account, *state.policy());
        }
    }
    assert!(of_licenses > 50, "{of_licenses}");
}

fn of<T: serde::de::DeserializeOwned>(document: Value) -> T {
    serde_json::from_value(document).unwrap()
}

#[test]
fn a_rule_for_many_is_unfinished_until_the_last_member_is_served() {
    let (mut world, _, _, _dir) = tried(33, 1, &directory::MODEL);
    let holders = |from: usize, to: usize| -> Vec<Value> {
        (from..to).map(|it| json!({"user": format!("m{it}")})).collect()
    };
    for (from, to) in [(0, 600), (600, 1_100)] {
        let document = json!({"group": "all", "holders": holders(from, to)});
        world.told(Command::AddMembers(of(document)));
    }
    let document = json!({"license": "many", "product": "P", "quantity": 1_050});
    world.told(Command::AllocateLicense(of(document)));
    let grants = json!([{"product": "P", "mode": "first_come"}]);
    world.told(Command::SetGroupRule(of(json!({"group": "all", "grants": grants}))));
    let begun = world.commits.len() as u64;
    world.told(Command::PassTime(of(json!({}))));
    world.told(Command::PassTime(of(json!({}))));
    let dir = tempfile::tempdir().unwrap();
    let store = crate::tests::store(dir.path(), &directory::MODEL, &world.commits, 3);
    let told: Vec<_> = (begun..=world.commits.len() as u64)
        .map(|at| {
            let (group, _) = directory::group(store.db(), "acme", "all", at).unwrap();
            let group = group.unwrap();
            (group.members, group.unfinished, group.grants[0].leases)
        })
        .collect();
    assert_eq!(told, [(1_100, true, 0), (1_100, true, 1_000), (1_100, false, 1_050)]);
}
