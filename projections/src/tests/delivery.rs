//! How commits arrive must not matter, and what cannot be right must not be written.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use events::wire::{Commit, CommitHash, Record};
use events::{AccountId, Actor, By, Change, CommandId, Event, LicenseId, Moment, Refused, Via};
use uuid::Uuid;

use super::store;
use super::world::World;
use crate::store::{building_path, drop_file, old_versions, path, read_checkpoint, swap};
use crate::{ALL, Checkpoint, Error, Readers, Store, licenses, refusals};

#[test]
fn the_size_of_batches_does_not_matter() {
    let world = World::new(20, 150);
    for model in ALL {
        let digests: Vec<_> = [1, 7, 512]
            .iter()
            .map(|batch| {
                let dir = tempfile::tempdir().unwrap();
                let store = store(dir.path(), model, &world.commits, *batch);
                (store.content_digest().unwrap(), store.checkpoint())
            })
            .collect();
        assert_eq!(digests[0], digests[1], "{}", model.name);
        assert_eq!(digests[0], digests[2], "{}", model.name);
    }
}

#[test]
fn a_digest_notices_every_event() {
    let world = World::new(21, 60);
    for model in ALL {
        let dir = tempfile::tempdir().unwrap();
        let mut store = Store::open(dir.path(), model).unwrap();
        let mut seen = vec![store.content_digest().unwrap()];
        for commit in &world.commits {
            store.apply(std::slice::from_ref(commit)).unwrap();
            let digest = store.content_digest().unwrap();
            assert!(!seen.contains(&digest), "{}", model.name);
            seen.push(digest);
        }
    }
}

#[test]
fn delivered_twice_is_once() {
    let world = World::new(22, 80);
    for model in ALL {
        let dir = tempfile::tempdir().unwrap();
        let mut store = store(dir.path(), model, &world.commits[..50], 8);
        let once = store.content_digest().unwrap();
        let checkpoint = store.checkpoint();
        assert_eq!(store.apply(&world.commits[..50]).unwrap(), checkpoint);
        assert_eq!(store.apply(&[]).unwrap(), checkpoint);
        assert_eq!(store.content_digest().unwrap(), once, "{}", model.name);
        // A batch that begins before the checkpoint goes on from it.
        assert_eq!(store.apply(&world.commits[20..]).unwrap().sequence, 80);
        let other = tempfile::tempdir().unwrap();
        let straight = super::store(other.path(), model, &world.commits, 80);
        assert_eq!(store.content_digest().unwrap(), straight.content_digest().unwrap());
    }
}

#[test]
fn the_checkpoint_proves_what_was_applied() {
    let world = World::new(23, 40);
    let expected = world.commits.iter().fold(Checkpoint::NONE, |it, commit| it.then(commit));
    for model in ALL {
        let dir = tempfile::tempdir().unwrap();
        let store = store(dir.path(), model, &world.commits, 13);
        assert_eq!(store.checkpoint(), expected);
        assert_eq!(read_checkpoint(store.db()).unwrap(), expected);
    }
    assert_eq!((expected.sequence, expected.commits), (40, 40));
    assert_eq!(expected.hash, world.commits[39].hash);
    let events: usize = world.commits.iter().map(|it| it.records.len()).sum();
    assert_eq!(expected.events, events as u64);
    let mut swapped = (*world.commits[0]).clone();
    swapped.records[0].id = Uuid::nil();
    assert_ne!(
        Checkpoint::NONE.then(&swapped).digest,
        Checkpoint::NONE.then(&world.commits[0]).digest
    );
}

#[test]
fn what_cannot_follow_is_not_written() {
    let world = World::new(24, 30);
    let changed = |index: usize, change: &dyn Fn(&mut Commit)| {
        let mut commit = (*world.commits[index]).clone();
        change(&mut commit);
        Arc::new(commit)
    };
    let other_prev = changed(21, &|it| it.header.prev = CommitHash::of(b"other"));
    let records = world.commits.iter().flat_map(|it| &it.records);
    let seat = records.clone().find(|it| matches!(it.event, Event::SeatAssigned(_))).unwrap();
    let elsewhere = changed(21, &|it| {
        it.records = vec![Record { account: AccountId::new("nobody").unwrap(), ..seat.clone() }];
    });
    let again = changed(21, &|it| it.records = world.commits[0].records.clone());
    for model in ALL {
        let dir = tempfile::tempdir().unwrap();
        let mut store = store(dir.path(), model, &world.commits[..20], 6);
        let before = (store.content_digest().unwrap(), store.checkpoint());
        let mut refuse = |commits: &[&Arc<Commit>]| {
            let commits: Vec<_> = commits.iter().map(|it| Arc::clone(it)).collect();
            let error = store.apply(&commits).unwrap_err();
            assert_eq!((store.content_digest().unwrap(), store.checkpoint()), before);
            error
        };
        let [next, after, third] = [&world.commits[20], &world.commits[21], &world.commits[22]];
        assert!(matches!(refuse(&[after]), Error::Chain { checkpoint: 20, sequence: 22, .. }));
        assert!(matches!(refuse(&[next, third]), Error::Chain { checkpoint: 21, .. }));
        assert!(matches!(refuse(&[next, next]), Error::Chain { checkpoint: 21, sequence: 21, .. }));
        assert!(matches!(refuse(&[next, &other_prev]), Error::Chain { sequence: 22, .. }));
        if !["history", "commands", "waitlists", "keys"].contains(&model.name) {
            let error = refuse(&[next, &elsewhere]);
            assert!(matches!(error, Error::Inconsistent { sequence: 22, .. }), "{error}");
        }
        if !["history", "waitlists", "keys"].contains(&model.name) {
            let error = refuse(&[next, &again]);
            assert!(matches!(error, Error::Inconsistent { sequence: 22, .. }), "{error}");
        }
        // And after all that it goes on as if nothing had been.
        store.apply(&world.commits[20..]).unwrap();
        let other = tempfile::tempdir().unwrap();
        let straight = super::store(other.path(), model, &world.commits, 30);
        assert_eq!(store.content_digest().unwrap(), straight.content_digest().unwrap());
    }
}

/// What is no commit of the ledger takes a sequence too, once it is declared void.
#[test]
fn a_sequence_may_be_left_out_where_the_chain_is_whole() {
    let world = World::new(35, 60);
    let mut last = 0;
    let spread = |commit: &Arc<Commit>| {
        last += if commit.sequence.is_multiple_of(7) { 3 } else { 1 };
        Arc::new(Commit { sequence: last, ..(**commit).clone() })
    };
    let spread: Vec<_> = world.commits.iter().map(spread).collect();
    for model in ALL {
        let dir = tempfile::tempdir().unwrap();
        let mut store = store(dir.path(), model, &spread, 11);
        let checkpoint = store.checkpoint();
        assert_eq!((checkpoint.sequence, checkpoint.commits), (last, 60), "{}", model.name);
        let before = store.content_digest().unwrap();
        assert_eq!(store.apply(&spread[30..]).unwrap(), checkpoint, "delivered twice is once");
        assert_eq!(store.content_digest().unwrap(), before);
        // A commit that is on the chain, at a sequence that was before it.
        let again = Commit { sequence: last + 1, ..(*spread[59]).clone() };
        assert!(matches!(store.apply(&[Arc::new(again)]), Err(Error::Chain { .. })));
    }
    let dir = tempfile::tempdir().unwrap();
    let history = store(dir.path(), &crate::history::MODEL, &spread, 60);
    for (n, it) in spread.iter().enumerate() {
        let before = n.checked_sub(1).map_or(0, |it| spread[it].sequence);
        let at = it.header.at;
        let next_at = spread.get(n + 1).map(|it| it.header.at);
        let moment = |sequence| crate::history::moment_of(history.db(), sequence).unwrap();
        let sequence_at = |at| crate::history::sequence_at(history.db(), at).unwrap();
        assert_eq!(moment(it.sequence), Some(at));
        // A sequence that was left out is of the moment before it.
        if before + 1 < it.sequence {
            assert_eq!(moment(it.sequence - 1), n.checked_sub(1).map(|it| spread[it].header.at));
        }
        if next_at != Some(at) {
            assert_eq!(sequence_at(at), it.sequence);
        }
    }
}

#[test]
fn the_first_commit_is_the_first() {
    let world = World::new(25, 2);
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open(dir.path(), &licenses::MODEL).unwrap();
    assert!(matches!(store.apply(&world.commits[1..]), Err(Error::Chain { checkpoint: 0, .. })));
    let mut commit = (*world.commits[0]).clone();
    commit.header.prev = CommitHash::of(b"something");
    assert!(matches!(store.apply(&[Arc::new(commit)]), Err(Error::Chain { sequence: 1, .. })));
    assert_eq!(store.apply(&world.commits).unwrap().sequence, 2);
}

#[test]
fn a_store_that_was_closed_goes_on() {
    let world = World::new(26, 120);
    for model in ALL {
        let dir = tempfile::tempdir().unwrap();
        for batch in world.commits.chunks(11) {
            Store::open(dir.path(), model).unwrap().apply(batch).unwrap();
        }
        let reopened = Store::open(dir.path(), model).unwrap();
        assert_eq!(reopened.checkpoint().sequence, 120);
        let straight = tempfile::tempdir().unwrap();
        let straight = store(straight.path(), model, &world.commits, 120);
        assert_eq!(reopened.content_digest().unwrap(), straight.content_digest().unwrap());
    }
}

#[test]
fn a_deleted_file_is_rebuilt_the_same() {
    let world = World::new(27, 60);
    for model in ALL {
        let dir = tempfile::tempdir().unwrap();
        let first = store(dir.path(), model, &world.commits, 9).content_digest().unwrap();
        drop_file(&path(dir.path(), model)).unwrap();
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
        let again = store(dir.path(), model, &world.commits, 60).content_digest().unwrap();
        assert_eq!(first, again, "{}", model.name);
    }
}

#[test]
fn a_file_that_is_something_else_is_said_so() {
    let dir = tempfile::tempdir().unwrap();
    let file = path(dir.path(), &licenses::MODEL);
    std::fs::write(&file, "this is not a database, and long enough to be taken for none").unwrap();
    let open = || Store::open(dir.path(), &licenses::MODEL).map(|_| ());
    let error = open().unwrap_err();
    assert!(matches!(error, Error::NotADatabase { .. }) && error.is_damage(), "{error:?}");
    drop_file(&file).unwrap();
    drop(Store::open(dir.path(), &crate::checks::MODEL).unwrap());
    std::fs::rename(path(dir.path(), &crate::checks::MODEL), &file).unwrap();
    let error = open().unwrap_err();
    assert!(
        error.to_string().contains(&format!(
            "holds checks version {}, not licenses version {}",
            crate::checks::MODEL.version,
            licenses::MODEL.version
        )),
        "{error}"
    );
    let readers = Readers::new(&file, &licenses::MODEL, 1);
    assert!(matches!(readers.with(|_| Ok(())), Err(Error::OtherModel { .. })));
    drop_file(&file).unwrap();
    let store = Store::open(dir.path(), &licenses::MODEL).unwrap();
    store.db().execute_batch("UPDATE checkpoint SET schema = x'00'").unwrap();
    drop(store);
    assert!(open().unwrap_err().to_string().contains("with another schema"));
    drop_file(&file).unwrap();
    rusqlite::Connection::open(&file).unwrap().execute_batch("CREATE TABLE t (a)").unwrap();
    assert!(open().unwrap_err().to_string().contains("holds no read model"));
}

#[test]
fn a_full_disk_leaves_the_old_state() {
    let world = World::new(28, 400);
    // No disk is full of keys.
    for model in ALL.iter().filter(|it| it.name != "keys") {
        let dir = tempfile::tempdir().unwrap();
        let mut store = store(dir.path(), model, &world.commits[..50], 50);
        let before = (store.content_digest().unwrap(), store.checkpoint());
        let pages: i64 = store.db().query_row("PRAGMA page_count", [], |it| it.get(0)).unwrap();
        let limit = |pages: i64| {
            let sql = format!("PRAGMA max_page_count = {pages}");
            store.db().query_row(&sql, [], |_| Ok(())).unwrap();
        };
        limit(pages);
        let error = store.apply(&world.commits[50..]).unwrap_err();
        assert!(error.is_disk_full(), "{error:?}");
        assert_eq!((store.content_digest().unwrap(), store.checkpoint()), before);
        let sql = "PRAGMA max_page_count = 100000";
        store.db().query_row(sql, [], |_| Ok(())).unwrap();
        assert_eq!(store.apply(&world.commits[50..]).unwrap().sequence, 400);
    }
}

#[test]
fn reads_go_on_while_a_file_is_swapped() {
    let world = World::new(29, 200);
    let dir = tempfile::tempdir().unwrap();
    let model = &licenses::MODEL;
    let mut live = store(dir.path(), model, &world.commits[..100], 10);
    let readers = Readers::new(&path(dir.path(), model), model, 3);
    let (stop, reads, newest) = (AtomicBool::new(false), AtomicU64::new(0), AtomicU64::new(100));
    let account = world.commits[0].records[0].account.as_str();
    let license = world.commits[0].records[0].event.about().license.unwrap().as_str();
    let read = || {
        while !stop.load(Ordering::Relaxed) {
            let at_least = newest.load(Ordering::SeqCst);
            let (found, sequence) =
                readers.with(|db| licenses::one(db, account, license, u64::MAX)).unwrap();
            assert!(found.is_some() && sequence >= at_least, "{sequence} of {at_least}");
            reads.fetch_add(1, Ordering::Relaxed);
        }
    };
    std::thread::scope(|scope| {
        (0..5).for_each(|_| drop(scope.spawn(read)));
        for round in 1..=10 {
            let upto = 100 + round * 10;
            let mut building = Store::open_building(dir.path(), model).unwrap();
            building.apply(&world.commits[..upto - 5]).unwrap();
            drop(std::mem::replace(&mut live, swap(dir.path(), building, &[&readers]).unwrap()));
            newest.store(upto as u64 - 5, Ordering::SeqCst);
            live.apply(&world.commits[..upto]).unwrap();
            newest.store(upto as u64, Ordering::SeqCst);
            let before = reads.load(Ordering::Relaxed);
            while reads.load(Ordering::Relaxed) < before + 20 {
                std::thread::yield_now();
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
    let straight = tempfile::tempdir().unwrap();
    let straight = store(straight.path(), model, &world.commits, 200);
    assert_eq!(live.content_digest().unwrap(), straight.content_digest().unwrap());
    assert!(!building_path(dir.path(), model).exists());
}

#[test]
fn readers_cannot_write() {
    let dir = tempfile::tempdir().unwrap();
    let model = &licenses::MODEL;
    drop(Store::open(dir.path(), model).unwrap());
    let readers = Readers::new(&path(dir.path(), model), model, 1);
    let write = |db: &rusqlite::Connection| Ok(db.execute("DELETE FROM checkpoint", [])?);
    assert!(matches!(readers.with(write), Err(Error::Sqlite(_))));
}

#[test]
fn old_versions_are_found() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(path(dir.path(), &licenses::MODEL), "").unwrap();
    for name in ["licenses.v0.db", "licenses.v9.db.building", "checks.v0.db", "x"] {
        std::fs::write(dir.path().join(name), "").unwrap();
    }
    let found = old_versions(dir.path(), &licenses::MODEL).unwrap();
    let names: Vec<_> = found.iter().filter_map(|it| it.file_name()?.to_str()).collect();
    assert_eq!(names, ["licenses.v0.db", "licenses.v9.db.building"]);
}

fn refused(n: u64, code: &str, license: Option<&str>) -> Refused {
    Refused {
        id: Uuid::from_u64_pair(n, n),
        at: Moment::from_millis(n as i64 * 1_000),
        account: AccountId::new("acme").unwrap(),
        command: CommandId::new(format!("c{}", n / 2)).unwrap(),
        hash: events::request::ContentHash([7; 16]),
        kind: "AssignSeat".to_owned(),
        actor: Actor::new(["hr", "it"][n as usize % 2]).unwrap(),
        by: [By::nats_command(), By::local()][n as usize / 2 % 2].clone(),
        via: Via::Nats,
        change: Change::default(),
        code: code.to_owned(),
        detail: "no".to_owned(),
        pointer: n.is_multiple_of(2).then(|| "/commands/1".to_owned()),
        license: license.map(|it| LicenseId::new(it).unwrap()),
        product: None,
        holders: 1,
    }
}

/// The stream that refusals come from.
const STREAM: CommitHash = CommitHash([7; 32]);

#[test]
fn refusals_are_listed_counted_and_forgotten() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open(dir.path(), &refusals::MODEL).unwrap();
    // The stream begins anywhere and has gaps.
    let batch: Vec<_> = (3..13)
        .map(|n| {
            (
                n * 2,
                vec![
                    refused(n, "no_free_seat", Some("creative")),
                    refused(n + 20, "license_ended", None),
                ],
            )
        })
        .collect();
    store.apply_refusals(STREAM, &batch[..6]).unwrap();
    let once = store.content_digest().unwrap();
    store.apply_refusals(STREAM, &batch[..6]).unwrap();
    assert_eq!(store.content_digest().unwrap(), once, "twice is once");
    let checkpoint = store.apply_refusals(STREAM, &batch).unwrap();
    assert_eq!((checkpoint.sequence, checkpoint.commits, checkpoint.events), (24, 10, 20));
    assert_eq!(checkpoint.hash, STREAM);
    let ids = |filter: refusals::Filter<'_>| {
        let page =
            |cursor: Option<&str>| refusals::of_account(store.db(), "acme", &filter, cursor, 3);
        let (mut ids, mut next) = (vec![], None::<String>);
        loop {
            let page = page(next.as_deref()).unwrap();
            assert_eq!(page.sequence, 24);
            ids.extend(page.items.iter().map(|it| it.id.as_u64_pair().0));
            next = page.next;
            if next.is_none() {
                return ids;
            }
        }
    };
    let all: Vec<u64> = (3..13).rev().flat_map(|n| [n + 20, n]).collect();
    let those =
        |is: &dyn Fn(u64) -> bool| all.iter().copied().filter(|it| is(*it)).collect::<Vec<_>>();
    let filter = refusals::Filter::default();
    assert_eq!(ids(filter), all);
    assert_eq!(ids(refusals::Filter { license: Some("creative"), ..filter }), those(&|it| it < 20));
    assert_eq!(
        ids(refusals::Filter { code: Some("license_ended"), ..filter }),
        those(&|it| it > 20)
    );
    assert_eq!(ids(refusals::Filter { actor: Some("it"), ..filter }), those(&|it| it % 2 == 1));
    let local = refusals::Filter { by: Some("local"), ..filter };
    assert_eq!(ids(local), those(&|it| it / 2 % 2 == 1));
    let (from, to) = (Moment::from_millis(5_000), Moment::from_millis(25_000));
    let some = ids(refusals::Filter { from: Some(from), to: Some(to), ..filter });
    assert_eq!(some, those(&|it| (5..25).contains(&it)));
    let by_command = refusals::by_command(store.db(), "acme", "c3").unwrap();
    let pointers: Vec<_> = by_command.iter().map(|it| it.pointer.as_deref()).collect();
    assert_eq!(pointers, [Some("/commands/1"), None]);
    let bucket = |from: i64, to: i64| (Moment::from_millis(from), Moment::from_millis(to));
    let counts =
        refusals::counts(store.db(), "acme", "creative", &[bucket(0, 4_000), bucket(4_000, 9_000)]);
    let counts: Vec<_> = counts.unwrap().iter().map(|it| (it.refused, it.no_free_seat)).collect();
    assert_eq!(counts, [(1, 1), (5, 5)]);
    store.forget_refusals(8).unwrap();
    assert_eq!(refusals::by_command(store.db(), "acme", "c1").unwrap().len(), 0);
    assert!(matches!(store.apply(&[]), Err(Error::Feed { .. })));
}
