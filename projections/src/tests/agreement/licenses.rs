use events::account::{Account, License};
use events::{AccountId, Event, ExternalId, LicenseId};
use serde_json::{Value, json};

use super::containers::shared;
use super::{Past, all, at_of, json, tried, tried_in, without_nulls};
use crate::licenses::{self, Filter};
use crate::tests::world::{ACCOUNTS, LICENSES, PRODUCTS};
use events::account::LicenseState;

/// A license by the rules' own state and by the events about it.
pub(super) fn expected(past: &Past<'_>, account: &str, license: &str) -> Option<Value> {
    let state = past.account(account)?;
    let it = state.license(&LicenseId::new(license).unwrap())?;
    let limit = Some(state.limit(it)).filter(|it| *it < i64::MAX);
    let policy = (!it.policy.is_empty()).then_some(&it.policy);
    let about =
        || past.events(account).filter(|event| event.2.event.about().license == Some(&it.id));
    let (first, _, _) = about().next().unwrap();
    let (last, _, _) = about().next_back().unwrap();
    let last = last.max(shared_last(past, account, it).unwrap_or(0));
    let mut license = without_nulls(json!({
        "license": it.id, "number": it.number, "product": it.product, "container": it.container,
        "parent": it.parent, "host": it.hosted.as_ref().map(|it| &it.host), "allocated": allocated(state, it), "grace_days": it.grace_days,
        "name": it.name, "quantity": it.quantity, "used": it.held,
        "over_allocated": it.over_allocated, "policy": policy, "assignments": it.live, "state": it.state.as_str(),
        "starts_at": it.starts_at, "ends_at": it.ends_at, "external_id": it.external_id,
        "source": it.source, "metadata": it.metadata,
        "allocated_at": at_of(past.commits, first), "changed_sequence": last,
    }));
    license["limit"] = limit.into();
    license["available"] = available(state, it).into();
    Some(license)
}

/// What its parts take of a license, and what is kept for others, by a look at all of them.
pub(super) fn allocated(state: &Account, of: &License) -> i64 {
    let given: i64 = state.given(&of.id).map(|(_, it)| it.reserved()).sum();
    given + in_parts(state, of)
}

fn in_parts(state: &Account, of: &License) -> i64 {
    let parts = state.licenses().iter().filter(|it| it.parent.as_ref() == Some(&of.id));
    parts.map(|it| it.quantity.max(it.held + allocated(state, it))).sum()
}

/// What a license has left; nothing where that is no number, because it gives out any number.
pub(super) fn available(state: &Account, it: &License) -> Option<i64> {
    let any = state.limit(it) == i64::MAX;
    Some(state.free(it)).filter(|it| !any || *it < i64::MAX / 2).map(|it| it.max(0))
}

/// The last commit that changed how much the parts of a license take of it.
fn shared_last(past: &Past<'_>, account: &str, of: &License) -> Option<u64> {
    past.account(account)?.parts_of(&of.id).next()?;
    let mut state = Account::new(AccountId::new(account).unwrap());
    let (mut before, mut last) = (0, None);
    for (sequence, _, record) in past.events(account) {
        state.evolve(&record.event).unwrap();
        let now = state.license(&of.id).map_or(0, |it| in_parts(&state, it));
        if std::mem::replace(&mut before, now) != now {
            last = Some(sequence);
        }
    }
    last
}

#[test]
fn licenses_agree_with_the_rules() {
    let (world, store, sequences, _dir) = tried(3, 300, &licenses::MODEL);
    let (mut seen, mut over, mut unlimited, mut decided) = (0, 0, 0, 0);
    for sequence in sequences {
        let past = Past::new(&world.commits, sequence);
        for account in ACCOUNTS {
            for license in LICENSES {
                let (found, as_of) = licenses::one(store.db(), account, license, sequence).unwrap();
                let found = found.map(json);
                assert_eq!(found, expected(&past, account, license));
                assert_eq!(as_of, sequence);
                if let Some(it) = found {
                    over += usize::from(it["over_allocated"] == true);
                    unlimited += usize::from(it["limit"].is_null());
                    decided += usize::from(it.get("policy").is_some());
                }
                seen += 1;
            }
            lists_agree(&past, &store, account);
        }
    }
    assert_eq!(seen, 31 * ACCOUNTS.len() * LICENSES.len());
    assert!(over > 5 && unlimited > 20 && decided > 50, "{over} {unlimited} {decided}");
}

fn lists_agree(past: &Past<'_>, store: &crate::Store, account: &str) {
    let mut names = LICENSES;
    names.sort_unstable();
    let states = [LicenseState::Active, LicenseState::Suspended, LicenseState::Retired];
    let mut filters = vec![Filter::default()];
    filters.extend(PRODUCTS.map(|it| Filter { product: Some(it), ..Filter::default() }));
    filters.extend(states.map(|it| Filter { state: Some(it), ..Filter::default() }));
    filters.extend(["x-1", "x-2", "x-3"].map(|it| Filter {
        external_id: Some(it),
        product: Some(PRODUCTS[0]),
        ..Filter::default()
    }));
    filters
        .extend(["SUITE", "of", "é", ""].map(|it| Filter { name: Some(it), ..Filter::default() }));
    filters.extend([true, false].map(|it| Filter { whole: Some(it), ..Filter::default() }));
    filters.extend([None, Some(PRODUCTS[0])].map(|product| Filter {
        container: Some("north"),
        product,
        ..Filter::default()
    }));
    for filter in filters {
        let meant = |it: &Value| {
            let is =
                |field: &str, wanted: Option<&str>| wanted.is_none_or(|wanted| it[field] == wanted);
            let name = it.get("name").unwrap_or(&it["license"]).as_str().unwrap().to_lowercase();
            is("product", filter.product)
                && is("container", filter.container)
                && filter.whole.is_none_or(|whole| it.get("parent").is_none() == whole)
                && is("state", filter.state.map(LicenseState::as_str))
                && is("external_id", filter.external_id)
                && filter.name.is_none_or(|it| name.contains(&it.to_lowercase()))
        };
        let expected: Vec<Value> =
            names.iter().filter_map(|it| expected(past, account, it)).filter(meant).collect();
        let found = all(past.sequence, |cursor| {
            licenses::of_account(store.db(), account, &filter, cursor, 2, past.sequence)
        });
        assert_eq!(json(found), json(expected), "{filter:?} at {}", past.sequence);
    }
}

#[test]
fn accounts_add_up() {
    let (world, store, sequences, _dir) = tried_in(shared(), &licenses::MODEL);
    let mut parts = 0;
    for sequence in sequences {
        let past = Past::new(&world.commits, sequence);
        let expected: Vec<Value> = ACCOUNTS
            .iter()
            .filter_map(|account| {
                let licenses = past.account(account)?.licenses();
                let living = || licenses.iter().filter(|it| it.state != LicenseState::Retired);
                let (first, _, _) = past.events(account).next().unwrap();
                let policy = past.account(account)?.policy();
                let policy = (!policy.is_empty()).then_some(policy);
                let own = || living().filter(|it| it.parent.is_none());
                parts += living().count() - own().count();
                Some(without_nulls(json!({
                    "policy": policy, "account": account, "licenses": own().count(),
                    "quantity": own().map(|it| it.quantity).sum::<i64>(),
                    "used": living().map(|it| it.held).sum::<i64>(),
                    "since": at_of(past.commits, first),
                })))
            })
            .collect();
        let found =
            all(sequence, |cursor| licenses::accounts(store.db(), None, cursor, 1, sequence));
        assert_eq!(json(found), json(&expected));
        for it in expected {
            let name = it["account"].as_str().unwrap();
            let (found, _) = licenses::account(store.db(), name, sequence).unwrap();
            assert_eq!(json(found), it);
        }
    }
    assert!(parts > 10, "{parts}");
}

#[test]
fn whether_an_account_is_there_and_has_a_license_is_as_its_summary_says() {
    let mut seen = [0; 3];
    for seed in 0..20 {
        let (_world, store, _, _dir) = tried(seed, 20, &licenses::MODEL);
        for (sequence, account) in (0..=20).flat_map(|it| ACCOUNTS.map(|of| (it, of))) {
            let (summary, _) = licenses::account(store.db(), account, sequence).unwrap();
            let exists = licenses::account_exists(store.db(), account, sequence).unwrap();
            let has = licenses::has_license(store.db(), account, sequence).unwrap();
            let expected = summary.as_ref().map(|it| it.licenses > 0);
            assert_eq!(exists.then_some(has), expected, "{account} at {sequence} of {seed}");
            seen[usize::from(exists) + usize::from(has)] += 1;
        }
    }
    assert!(seen.iter().all(|it| *it > 20), "{seen:?}");
}

#[test]
fn licenses_are_found_by_number_and_by_external_id() {
    let (world, store, sequences, _dir) = tried(3, 300, &licenses::MODEL);
    let mut by_id = 0;
    for sequence in sequences {
        let past = Past::new(&world.commits, sequence);
        for account in ACCOUNTS {
            for (_, _, record) in Past::new(&world.commits, 300).events(account) {
                let Event::LicenseAllocated(it) = &record.event else { continue };
                let (found, _) =
                    licenses::by_number(store.db(), account, it.number, sequence).unwrap();
                assert_eq!(found.map(json), expected(&past, account, it.license.as_str()));
            }
            for id in ["x-1", "x-2", "x-3"] {
                let (found, _) =
                    licenses::by_external_id(store.db(), account, id, sequence).unwrap();
                let owner = past
                    .account(account)
                    .and_then(|it| it.license_by_external_id(&ExternalId::new(id).unwrap()));
                by_id += usize::from(owner.is_some());
                let owner = owner.and_then(|it| expected(&past, account, it.id.as_str()));
                assert_eq!(found.map(json), owner);
            }
        }
    }
    assert!(by_id > 10, "{by_id}");
}
