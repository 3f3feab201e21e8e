//! What clients that count are told: lists by number with how many there are, groups that give a
//! license, and whether an address has something anywhere.

use std::collections::BTreeMap;

use events::rule::Grant;
use events::{Event, Holder, LicenseId, UserId};
use serde_json::{Value, json};

use super::{Past, at_of, json, tried};
use crate::checks::{self, Question};
use crate::page::Listing;
use crate::tests::world::{ACCOUNTS, EMAILS, LICENSES, PRODUCTS, USERS};
use crate::{assignments, directory, licenses};

/// Every stretch of a list, one after the other.
fn stretches<T>(ask: impl Fn(u64, usize) -> Listing<T>) -> (Vec<T>, u64) {
    let (mut items, mut count) = (vec![], 0);
    loop {
        let listing = ask(items.len() as u64, 2);
        count = count.max(listing.count);
        assert_eq!(listing.count, count);
        if listing.items.is_empty() {
            return (items, count);
        }
        items.extend(listing.items);
    }
}

/// A member of metadata, compared as text.
fn member(it: &Value, name: &str) -> Option<String> {
    match it.get("metadata")?.get(name)? {
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

/// Lists that are asked for.
fn some_wanted() -> Vec<licenses::Wanted> {
    use licenses::Wanted;
    let text = |it: &str| Some(it.to_owned());
    vec![
        Wanted::default(),
        Wanted { product: text(PRODUCTS[0]), ..Wanted::default() },
        Wanted { within: text("course:"), ..Wanted::default() },
        Wanted { outside: vec!["course:".into(), "C".into()], ..Wanted::default() },
        Wanted { without: text(PRODUCTS[1]), ..Wanted::default() },
        Wanted { active: Some(true), ..Wanted::default() },
        Wanted { active: Some(false), ..Wanted::default() },
        Wanted { external_id: text("x-1"), ..Wanted::default() },
        Wanted { name: text("creative"), ..Wanted::default() },
        Wanted { search: text("OF"), ..Wanted::default() },
        Wanted { metadata: vec![("n".into(), "1".into())], ..Wanted::default() },
    ]
}

/// Whether a license is meant.
fn is_meant(it: &Value, wanted: &licenses::Wanted) -> bool {
    let is = |field: &str, of: &Option<String>| of.as_ref().is_none_or(|of| it[field] == **of);
    let product = it["product"].as_str().unwrap();
    let name = it.get("name").unwrap_or(&it["license"]).as_str().unwrap();
    let begins = |prefix: &String| product.starts_with(prefix.as_str());
    let lower = name.to_ascii_lowercase();
    is("product", &wanted.product)
        && wanted.within.as_ref().is_none_or(begins)
        && !wanted.outside.iter().any(begins)
        && wanted.without.as_ref().is_none_or(|it| *it != product)
        && wanted.active.is_none_or(|active| (it["state"] == "active") == active)
        && is("external_id", &wanted.external_id)
        && wanted.name.as_ref().is_none_or(|it| *it == name)
        && wanted.search.as_ref().is_none_or(|it| lower.contains(&it.to_ascii_lowercase()))
        && wanted.metadata.iter().all(|(name, text)| member(it, name).as_ref() == Some(text))
}

#[test]
fn licenses_by_number_are_those_of_the_other_list() {
    use licenses::By;
    let (world, store, sequences, _dir) = tried(3, 300, &licenses::MODEL);
    let mut seen = [0; 2];
    for sequence in sequences {
        for account in ACCOUNTS {
            let filter = licenses::Filter::default();
            let page = licenses::of_account(store.db(), account, &filter, None, 100, sequence);
            let every: Vec<Value> = page.unwrap().items.into_iter().map(json).collect();
            for it in &every {
                let owner =
                    licenses::account_of(store.db(), it["number"].as_u64().unwrap(), sequence);
                assert_eq!(owner.unwrap().as_deref(), Some(account));
            }
            for wanted in some_wanted() {
                let meant = |it: &&Value| is_meant(it, &wanted);
                let mut expected: Vec<Value> = every.iter().filter(meant).cloned().collect();
                for (by, field) in [(By::Number, "number"), (By::Quantity, "quantity")] {
                    let key = |it: &Value| (it[field].as_i64(), it["number"].as_i64());
                    expected.sort_by_key(key);
                    for descending in [false, true] {
                        let (found, count) = stretches(|skip, limit| {
                            let order = (by, descending);
                            let stretch = (skip, limit);
                            licenses::numbered(
                                store.db(),
                                account,
                                &wanted,
                                order,
                                stretch,
                                sequence,
                            )
                            .unwrap()
                        });
                        let mut found: Vec<Value> = found.into_iter().map(json).collect();
                        if descending {
                            found.reverse();
                        }
                        assert_eq!(found, expected, "{wanted:?} at {sequence}");
                        assert_eq!(count, expected.len() as u64);
                        seen[usize::from(found.is_empty())] += 1;
                    }
                }
            }
        }
    }
    assert!(seen[0] > 300 && world.commits.len() == 300, "{seen:?}");
}

#[test]
fn assignments_by_number_are_those_of_the_other_list() {
    use assignments::{By, Wanted};
    let (_world, store, sequences, _dir) = tried(5, 300, &assignments::MODEL);
    let some = [None, Some(true), Some(false)];
    let (mut seen, mut changed) = (0, 0);
    for sequence in sequences {
        for account in ACCOUNTS {
            for license in LICENSES {
                for (active, fulfilled) in some.iter().flat_map(|a| some.map(|b| (*a, b))) {
                    let filter = assignments::Filter { active, fulfilled, ..Default::default() };
                    let page = assignments::of_license(
                        store.db(),
                        account,
                        license,
                        &filter,
                        None,
                        100,
                        sequence,
                    );
                    let expected: Vec<Value> = page.unwrap().items.into_iter().map(json).collect();
                    let ask = |holders: Option<Vec<Holder>>| {
                        let wanted = Wanted { active, fulfilled, holders };
                        let (found, count) = stretches(|skip, limit| {
                            let (of, order) = ((account, license), (By::Number, false));
                            assignments::numbered(
                                store.db(),
                                of,
                                &wanted,
                                order,
                                (skip, limit),
                                sequence,
                            )
                            .unwrap()
                        });
                        assert_eq!(count, found.len() as u64);
                        found
                    };
                    let found = ask(None);
                    seen += found.len();
                    for it in &found {
                        let mine = |other: &&Value| other["holder"] == json(&it.holder);
                        let expected: Vec<Value> = expected.iter().filter(mine).cloned().collect();
                        assert_eq!(json(ask(Some(vec![it.holder.clone()]))), json(expected));
                        let last = assignments::changed(store.db(), it.number, sequence).unwrap();
                        let last = last.unwrap();
                        assert!((it.assigned_sequence..=sequence).contains(&last));
                        changed += usize::from(last > it.assigned_sequence);
                    }
                    assert_eq!(json(found), json(&expected));
                    assert!(ask(Some(vec![])).is_empty());
                    if (active, fulfilled) == (Some(true), None) {
                        let done = expected.iter().filter(|it| it["fulfilled"] == true).count();
                        let counts =
                            assignments::fulfilment(store.db(), (account, license), sequence);
                        assert_eq!(counts.unwrap(), (expected.len() as u64, done as u64));
                    }
                }
            }
        }
    }
    assert!(seen > 300 && changed > 50, "{seen} {changed}");
}

#[test]
fn what_somebody_has_of_a_license_is_in_the_list_of_the_license() {
    let (_world, store, sequences, _dir) = tried(5, 300, &assignments::MODEL);
    let mut seen = 0;
    for (sequence, account) in sequences.iter().flat_map(|it| ACCOUNTS.map(|of| (*it, of))) {
        for license in LICENSES {
            let held = |user: &&str| {
                let holder = Holder::user(UserId::new(*user).unwrap());
                assignments::held(store.db(), (account, license), &holder, sequence).unwrap()
            };
            let mut found: Vec<_> = USERS.iter().filter_map(held).collect();
            found.sort_by_key(|it| it.number);
            let filter = assignments::Filter::default();
            let page =
                assignments::of_license(store.db(), account, license, &filter, None, 100, sequence);
            let mut expected = page.unwrap().items;
            expected.retain(|it| it.holder.user.is_some());
            seen += expected.len();
            assert_eq!(json(found), json(expected), "{license} of {account} at {sequence}");
        }
    }
    assert!(seen > 50, "{seen}");
}

/// Since when a group has given something, and since when exactly so, by reading every event. What a
/// commit takes away and gives again it has given all the time.
fn stood(past: &Past<'_>, account: &str, group: &str, grant: &Grant) -> (u64, u64) {
    let mut given: BTreeMap<u64, Option<Grant>> = BTreeMap::new();
    for (sequence, _, record) in past.events(account) {
        if let Event::GroupRuleSet(it) = &record.event
            && it.group.as_str() == group
        {
            given.insert(sequence, it.grants.iter().find(|it| it.same_thing(grant)).cloned());
        }
    }
    let (mut since, mut changed, mut before) = (0, 0, None);
    for (sequence, now) in given {
        if now.is_some() && before.is_none() {
            since = sequence;
        }
        if now != before {
            changed = sequence;
        }
        before = now;
    }
    (since, changed)
}

#[test]
fn groups_that_give_a_license_are_those_whose_rule_says_so() {
    let (world, store, sequences, _dir) = tried(7, 400, &directory::MODEL);
    let (mut seen, mut several) = (0, 0);
    for sequence in sequences {
        let past = Past::new(&world.commits, sequence);
        for account in ACCOUNTS {
            for license in LICENSES {
                let id = LicenseId::new(license).unwrap();
                let known = past.account(account).and_then(|it| it.license(&id));
                let Some(known) = known else { continue };
                let of = (license, known.product.as_str());
                let (found, as_of) = directory::giving(store.db(), account, of, sequence).unwrap();
                assert_eq!(as_of, sequence);
                let gives = |it: &Grant| {
                    it.license.as_ref() == Some(&id) || it.product.as_ref() == Some(&known.product)
                };
                let page = directory::groups(store.db(), account, None, 100, sequence).unwrap();
                let mut groups = page.items;
                groups.retain(|it| it.grants.iter().any(|it| gives(&it.grant)));
                groups.sort_by_key(|it| it.number);
                several += usize::from(groups.len() > 1);
                let names = found.iter().map(|it| &it.group).collect::<Vec<_>>();
                assert_eq!(names, groups.iter().collect::<Vec<_>>());
                for it in &found {
                    assert!(gives(&it.granted.grant));
                    let times = (it.since_sequence, it.changed_sequence);
                    assert_eq!(times, stood(&past, account, &it.group.group, &it.granted.grant));
                    let number = it.group.number;
                    let same = directory::group_by_number(store.db(), account, number, sequence);
                    assert_eq!(same.unwrap().as_ref(), Some(&it.group));
                    seen += 1;
                }
            }
        }
    }
    assert!(seen > 50 && several > 5, "{seen} {several}");
}

#[test]
fn whoever_is_known_is_found_by_who_they_are_and_by_name() {
    let (_world, store, sequences, _dir) = tried(4, 300, &directory::MODEL);
    let (mut seen, mut named) = (0, 0);
    for sequence in sequences {
        for account in ACCOUNTS {
            let ask = |filter: &directory::HolderFilter<'_>| {
                directory::holders(store.db(), account, filter, None, 100, sequence).unwrap().items
            };
            let all = ask(&directory::HolderFilter::default());
            for it in &all {
                let found = directory::person(store.db(), account, &it.holder, sequence).unwrap();
                assert_eq!(found.as_ref(), Some(it));
                seen += 1;
                if let Some(name) = &it.user_name {
                    let user_name = Some(name.as_str());
                    let filter = directory::HolderFilter { user_name, ..Default::default() };
                    let mine = |it: &&directory::KnownHolder| it.user_name.as_ref() == Some(name);
                    let expected: Vec<_> = all.iter().filter(mine).cloned().collect();
                    assert_eq!(ask(&filter), expected);
                    named += 1;
                }
            }
        }
    }
    assert!(seen > 300 && named > 5, "{seen} {named}");
}

#[test]
fn an_address_has_something_anywhere_if_it_has_it_in_some_account() {
    let (world, store, _, _dir) = tried(6, 400, &checks::MODEL);
    let now = at_of(&world.commits, 400);
    let mut answers = [0; 2];
    for email in EMAILS {
        for products in [&PRODUCTS[..], &PRODUCTS[..1], &[]] {
            let mut expected = json!([]);
            for account in ACCOUNTS {
                let allowed = products.iter().any(|product| {
                    let question = Question {
                        email: Some(email),
                        product: Some(product),
                        ..Default::default()
                    };
                    checks::check(store.db(), account, &question, 400, now).unwrap().allowed
                });
                let wanted = |it: &str| products.contains(&it);
                let one = checks::anywhere(store.db(), Some(account), email, wanted, now);
                assert_eq!(one.unwrap(), (allowed, 400), "{email} in {account}");
                expected.as_array_mut().unwrap().push(allowed.into());
            }
            let any = expected.as_array().unwrap().contains(&json!(true));
            let wanted = |it: &str| products.contains(&it);
            let found = checks::anywhere(store.db(), None, email, wanted, now).unwrap();
            assert_eq!(found, (any, 400), "{email} of {products:?}");
            answers[usize::from(any)] += 1;
        }
    }
    assert!(answers.iter().all(|it| *it > 3), "{answers:?}");
}
