use events::Event;
use events::key::KeyId;
use serde_json::Value;

use super::{Past, all, at_of, json};
use crate::keys;
use crate::tests::store;
use crate::tests::world::{ACCOUNTS, World};
use crate::{Error, Store};

const COMMITS: usize = 500;

/// A world of keys, the model of it, and the sequences to look at.
fn tried() -> (World, Store, Vec<u64>, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let mut world = World::of_keys(5, COMMITS);
    let store = store(dir.path(), &keys::MODEL, &world.commits, 50);
    let mut sequences: Vec<u64> = (0..60).map(|_| world.random.below(COMMITS as u64 + 1)).collect();
    sequences.push(COMMITS as u64);
    (world, store, sequences, dir)
}

/// Every key there ever was, by the events about it, in the order in which they were made.
fn expected(past: &Past<'_>, account: &str) -> Vec<Value> {
    let mut all: Vec<Value> = vec![];
    let find = |all: &mut Vec<Value>, key: KeyId| {
        all.iter().position(|it| it["key"] == key.to_string()).unwrap()
    };
    for (sequence, _, record) in past.events(account) {
        let at = json(at_of(past.commits, sequence));
        match &record.event {
            Event::KeyCreated(it) => {
                let mut key = json(it);
                let told = key.as_object_mut().unwrap();
                told.remove("hash").unwrap();
                told.insert("every_account".into(), it.every_account.into());
                told.insert("created_by".into(), json(&record.actor));
                told.insert("since".into(), at);
                told.insert("since_sequence".into(), sequence.into());
                all.push(key);
            }
            Event::KeyRevoked(it) => {
                let place = find(&mut all, it.key);
                all[place]["revoked_by"] = json(&record.actor);
                all[place]["until"] = at;
                all[place]["until_sequence"] = sequence.into();
            }
            Event::KeyUsed(it) => {
                let place = find(&mut all, it.key);
                all[place]["last_used"] = json(it.day);
            }
            _ => {}
        }
    }
    all
}

#[test]
fn keys_agree_with_the_rules() {
    let (world, store, sequences, _dir) = tried();
    let (mut living, mut revoked, mut used) = (0, 0, 0);
    for sequence in sequences {
        let past = Past::new(&world.commits, sequence);
        for account in ACCOUNTS {
            let expected = expected(&past, account);
            revoked += expected.iter().filter(|it| it["until"].is_string()).count();
            living += expected.iter().filter(|it| it["until"].is_null()).count();
            used += expected.iter().filter(|it| it["last_used"].is_string()).count();
            let found =
                all(sequence, |cursor| keys::keys(store.db(), account, cursor, 2, sequence));
            assert_eq!(json(found), json(expected), "{account} at {sequence}");
        }
    }
    assert!(living > 20 && revoked > 20 && used > 20, "{living} {revoked} {used}");
}

#[test]
fn a_hash_is_told_to_nobody() {
    let (_world, store, sequences, _dir) = tried();
    let sequence = *sequences.last().unwrap();
    let page = keys::keys(store.db(), ACCOUNTS[0], None, 100, sequence).unwrap();
    assert!(!page.items.is_empty());
    assert!(!json(page).to_string().contains(&"03".repeat(32)));
}

#[test]
fn a_key_that_is_not_there_is_neither_revoked_nor_used() {
    let world = World::of_keys(5, COMMITS);
    for kind in ["KeyRevoked", "KeyUsed"] {
        let is = |it: &&events::wire::Record| it.event.kind() == kind;
        let found = world.commits.iter().find(|it| it.records.iter().any(|it| is(&it)));
        let record = found.unwrap().records.iter().find(is).unwrap().clone();
        let dir = tempfile::tempdir().unwrap();
        let mut store = store(dir.path(), &keys::MODEL, &[], 1);
        let mut first = (*world.commits[0]).clone();
        first.records = vec![record];
        let error = store.apply(&[std::sync::Arc::new(first)]).unwrap_err();
        assert!(matches!(error, Error::Inconsistent { sequence: 1, .. }), "{error}");
    }
}
