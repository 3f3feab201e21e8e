use events::command::{
    AllocateLicense, Allocation, AssignSeat, ChangeLicense, Part, Patch, Quantity,
    RevokeAssignment, SetAllocations, SetPolicy,
};
use events::policy::{Lowering, Overage};
use events::{Command, ContainerId, Event, Holder, LicenseId, ProductId, UserId};
use serde_json::{Value, json};

use super::licenses::{allocated, available, expected as expected_license};
use super::{Past, all, at_of, json, store, without_nulls};
use crate::page::PAGE_MAX;
use crate::tests::world::{ACCOUNTS, World};
use crate::{Store, licenses};

fn seats(quantity: i64) -> Quantity {
    Quantity::new(quantity).unwrap()
}

fn container(name: &str) -> ContainerId {
    ContainerId::new(name).unwrap()
}

fn whole(license: &str, held_by: Option<&str>, quantity: i64) -> Command {
    Command::AllocateLicense(AllocateLicense {
        license: LicenseId::new(license).unwrap(),
        product: ProductId::new("SHARED").unwrap(),
        quantity: seats(quantity),
        container: held_by.map(container),
        name: None,
        starts_at: None,
        ends_at: None,
        grace_days: None,
        external_id: None,
        source: None,
        metadata: None,
    })
}

fn share(name: &str, within: Option<&str>, quantity: i64) -> Command {
    let license = Some(LicenseId::new("shared").unwrap());
    let part = Part { license, product: None, quantity: seats(quantity) };
    let (container, within) = (container(name), within.map(container));
    let allocation = Allocation { container, within, through: false, quantities: vec![part] };
    Command::SetAllocations(SetAllocations { allocations: vec![allocation] })
}

fn seat(license: &str, user: &str) -> Command {
    Command::AssignSeat(AssignSeat {
        license: Some(LicenseId::new(license).unwrap()),
        product: None,
        container: None,
        holders: vec![Holder::user(UserId::new(user).unwrap())],
        active: true,
        fulfilled: false,
        redirect_to: None,
        metadata: None,
        wait: false,
        ends_at: None,
    })
}

/// A world in which one license is shared out, two deep.
pub(super) fn shared() -> World {
    let mut world = World::new(60, 120);
    for command in [
        whole("shared", None, 50),
        whole("aside", Some("west"), 3),
        share("south", None, 10),
        share("a-robot", Some("south"), 4),
        share("east", None, 6),
        seat("shared@east", "zed"),
        seat("shared@south@a-robot", "zed"),
        seat("aside", "zed"),
        // Placed only now, and not in the account.
        share("west", Some("south"), 2),
        share("south", None, 7),
        share("empty", None, 1),
        share("empty", None, 0),
    ] {
        world.told(command);
    }
    world.told(Command::ChangeLicense(ChangeLicense {
        license: LicenseId::new("shared").unwrap(),
        quantity: Some(seats(60)),
        name: Patch::Keep,
        starts_at: Patch::Keep,
        ends_at: Patch::Keep,
        grace_days: Patch::Keep,
        external_id: Patch::Keep,
        source: Patch::Keep,
        metadata: Patch::Keep,
    }));
    // Lowered under their use, from the inside out, and held by fewer then.
    for part in ["shared@east", "shared@south", "shared@south@a-robot"] {
        world.told(decided(part, Patch::Keep, Patch::Set(Lowering::Tolerate)));
    }
    for command in [
        share("a-robot", Some("south"), 0),
        share("west", Some("south"), 0),
        share("south", None, 0),
        share("east", None, 0),
        revoked("shared@south@a-robot", "zed"),
        share("east", None, 1),
        decided("shared@east", Patch::Set(Overage::Unlimited), Patch::Keep),
        seat("shared@east", "yan"),
        revoked("shared@east", "zed"),
        seat("shared@east", "zed"),
    ] {
        world.told(command);
    }
    world
}

fn decided(license: &str, overage: Patch<Overage>, lowering: Patch<Lowering>) -> Command {
    Command::SetPolicy(SetPolicy {
        license: Some(LicenseId::new(license).unwrap()),
        overage,
        lowering,
        leaving: Patch::Keep,
        may_hold: Patch::Keep,
        direct_sets: Patch::Keep,
    })
}

fn revoked(license: &str, user: &str) -> Command {
    Command::RevokeAssignment(RevokeAssignment {
        assignment: None,
        assignments: vec![],
        license: Some(LicenseId::new(license).unwrap()),
        holders: vec![Holder::user(UserId::new(user).unwrap())],
    })
}

/// The tree by the rules' own state, and by who was named first.
fn expected(past: &Past<'_>, account: &str) -> Vec<Value> {
    let Some(state) = past.account(account) else { return vec![] };
    let (first, _, _) = past.events(account).next().unwrap();
    let mut places = vec![((String::new(), false, String::new()), None, first)];
    for (sequence, _, record) in past.events(account) {
        let named = match &record.event {
            Event::ContainerPlaced(it) => Some(&it.container),
            Event::LicenseAllocated(it) => it.container.as_ref(),
            _ => None,
        };
        let Some(named) = named.filter(|it| places.iter().all(|at| at.0.2 != it.as_str())) else {
            continue;
        };
        let within = state.containers().get(named).cloned().flatten();
        let top = within.as_ref().unwrap_or(named).to_string();
        places.push(((top, within.is_some(), named.to_string()), within, sequence));
    }
    places.sort();
    let told = |((_, _, name), within, since): (
        (String, bool, String),
        Option<ContainerId>,
        u64,
    )| {
        let name = (!name.is_empty()).then_some(name);
        let mut licenses: Vec<_> = state.licenses().iter().collect();
        licenses.retain(|it| it.container.as_ref().map(ContainerId::as_str) == name.as_deref());
        licenses.sort_by(|a, b| a.id.as_str().cmp(b.id.as_str()));
        let licenses = licenses.into_iter().map(|it| {
            let mut license = without_nulls(json!({
                "license": it.id, "product": it.product, "parent": it.parent,
                "state": it.state.as_str(), "quantity": it.quantity, "used": it.held,
                "allocated": allocated(state, it), "over_allocated": it.over_allocated,
            }));
            license["available"] = available(state, it).into();
            license
        });
        without_nulls(json!({
            "container": name, "within": within, "licenses": licenses.collect::<Vec<_>>(), "more": false,
            "since": at_of(past.commits, since), "since_sequence": since,
        }))
    };
    places.into_iter().map(told).collect()
}

#[test]
fn containers_agree_with_the_rules() {
    let world = shared();
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path(), &licenses::MODEL, &world.commits, 50);
    let last = world.commits.len() as u64;
    let (mut deep, mut moved, mut beyond) = (0, 0, 0);
    for sequence in (0..last).step_by(9).chain(last - 27..=last) {
        let past = Past::new(&world.commits, sequence);
        for account in ACCOUNTS {
            let expected = expected(&past, account);
            deep += expected.iter().filter(|it| it.get("within").is_some()).count();
            beyond += beyond_agree(&past, &store, account);
            let west = expected.iter().find(|it| it["container"] == "west");
            moved += usize::from(west.is_some_and(|it| it.get("within").is_none()));
            for limit in [1, 2, PAGE_MAX] {
                let found = all(sequence, |cursor| {
                    licenses::containers(store.db(), account, cursor, limit, sequence)
                });
                assert_eq!(json(found), json(&expected), "{account} at {sequence}");
            }
            for name in ["north", "south", "west", "a-robot", "empty", "nowhere", ""] {
                let (found, as_of) =
                    licenses::container(store.db(), account, name, sequence).unwrap();
                let expected = expected.iter().find(|it| it["container"] == name);
                assert_eq!((json(found), as_of), (json(expected), sequence), "{name}");
            }
        }
    }
    assert!(deep > 10 && moved > 3 && beyond > 10, "{deep} {moved} {beyond}");
}

/// Every shared license and part by itself; how many of them have more taken than they were given.
fn beyond_agree(past: &Past<'_>, store: &Store, account: &str) -> usize {
    let Some(state) = past.account(account) else { return 0 };
    let product = ProductId::new("SHARED").unwrap();
    let whole = state.licenses_of_product(&product);
    let shared = whole.flat_map(|it| std::iter::once(it).chain(state.parts_below(&it.id)));
    let beyond = shared.map(|it| {
        let name = it.id.as_str();
        let (found, _) = licenses::one(store.db(), account, name, past.sequence).unwrap();
        let expected = expected_license(past, account, name);
        assert_eq!(found.map(json), expected, "{name} at {}", past.sequence);
        usize::from(it.held + allocated(state, it) > it.quantity)
    });
    beyond.sum()
}

#[test]
fn a_container_with_more_licenses_than_a_page_has_goes_on_on_the_next_one() {
    let mut world = World::new(61, 20);
    for n in 0..PAGE_MAX + 5 {
        world.told(whole(&format!("held-{n:04}"), Some("big"), 1));
    }
    world.told(whole("small", Some("small"), 1));
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path(), &licenses::MODEL, &world.commits, 500);
    let sequence = world.commits.len() as u64;
    let found = all(sequence, |cursor| {
        licenses::containers(store.db(), "acme", cursor, PAGE_MAX, sequence)
    });
    let own = found[0].licenses.len();
    let names: Vec<_> = found.iter().map(|it| it.container.as_deref().unwrap_or("")).collect();
    assert_eq!(names, ["", "big", "big", "small"]);
    let (first, rest) = (&found[1], &found[2]);
    assert_eq!((first.more, first.licenses.len()), (true, PAGE_MAX - own));
    assert_eq!((rest.more, rest.licenses.len()), (false, 5 + own));
    assert_eq!(rest.licenses[0].license, format!("held-{:04}", PAGE_MAX - own));
    let (one, _) = licenses::container(store.db(), "acme", "big", sequence).unwrap();
    let one = one.unwrap();
    assert_eq!((one.more, one.licenses.len()), (true, PAGE_MAX));
}
