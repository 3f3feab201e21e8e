use events::wire::Record;
use events::{AccountId, CommandId, Moment};
use serde_json::{Value, json};

use super::{Past, all, json, tried, without_nulls};
use crate::tests::world::{ACCOUNTS, ACTORS, BYS, EMAILS, GROUPS, LICENSES, Random, USERS};
use crate::{commands, history};

fn expected(sequence: u64, index: usize, it: &Record) -> Value {
    let change = (!it.change.is_empty()).then(|| json(&it.change));
    without_nulls(json!({
        "sequence": sequence, "index": index, "id": it.id, "at": it.at, "account": it.account,
        "type": it.event.kind(), "v": it.event.version(), "actor": it.actor, "by": it.by, "via": it.via,
        "command": it.command.id, "license": it.event.about().license, "holder": it.event.about().holder,
        "change": change, "data": it.event,
    }))
}

fn meant(it: &Record, filter: &history::Filter<'_>) -> bool {
    let is = |wanted: Option<&str>, found: Option<&str>| wanted.is_none() || wanted == found;
    let about = it.event.about();
    let holder = about.holder;
    is(filter.license, about.license.map(|it| it.as_str()))
        && is(filter.group, about.group.map(|it| it.as_str()))
        && is(filter.user, holder.and_then(|it| it.user.as_ref()).map(|it| it.as_str()))
        && is(filter.email, holder.and_then(|it| it.email.as_ref()).map(|it| it.as_str()))
        && is(filter.kind, Some(it.event.kind()))
        && is(filter.actor, Some(it.actor.as_str()))
        && is(filter.by, Some(it.by.as_str()))
        && is(filter.command, Some(it.command.id.as_str()))
        && filter.from.is_none_or(|from| from <= it.at)
        && filter.to.is_none_or(|to| it.at < to)
}

fn filter<'a>(random: &mut Random, past: &Past<'a>, commands: &[&'a str]) -> history::Filter<'a> {
    let few = 1 + random.below(6);
    let mut one = |of: &[&'a str]| {
        let it = *random.pick(of);
        random.one_in(few).then_some(it)
    };
    let types = events::Event::TYPES;
    let mut filter = history::Filter {
        license: one(&LICENSES),
        user: one(&USERS),
        email: None,
        group: one(&GROUPS),
        kind: one(types),
        actor: one(&ACTORS),
        by: one(&BYS),
        command: None,
        from: None,
        to: None,
    };
    filter.email = random.one_in(6).then(|| *random.pick(&EMAILS));
    filter.command = random.one_in(8).then(|| *random.pick(commands));
    let mut moment = |one_in| {
        let commit = past.commits.get(random.below(past.commits.len() as u64 + 1) as usize)?;
        let off = random.below(3) as i64 - 1;
        random.one_in(one_in).then(|| Moment::from_millis(commit.header.at.millis() + off))
    };
    (filter.from, filter.to) = (moment(4), moment(4));
    filter
}

#[test]
fn history_agrees_with_a_scan() {
    let (mut world, store, sequences, _dir) = tried(7, 300, &history::MODEL);
    let commits = world.commits.clone();
    let names: Vec<&str> = commits
        .iter()
        .flat_map(|it| it.records.iter().map(|it| it.command.id.as_str()))
        .chain(["unknown"])
        .collect();
    let mut found_some = 0;
    for sequence in sequences {
        let past = Past::new(&commits, sequence);
        for _ in 0..60 {
            let filter = filter(&mut world.random, &past, &names);
            let account = *world.random.pick(&ACCOUNTS);
            let newest_first = world.random.one_in(2);
            let limit = 1 + world.random.below(40) as usize;
            let scan = past.events(account).filter(|it| meant(it.2, &filter));
            let mut scan: Vec<_> = scan.map(|it| expected(it.0, it.1, it.2)).collect();
            if newest_first {
                scan.reverse();
            }
            found_some += usize::from(!scan.is_empty());
            let found = all(sequence, |cursor| {
                let db = store.db();
                history::of_account(db, account, &filter, cursor, limit, newest_first, sequence)
            });
            assert_eq!(json(found), json(scan), "{filter:?} at {sequence}");
        }
    }
    assert!(found_some > 300, "{found_some}");
}

#[test]
fn the_tail_goes_on_anywhere() {
    let (world, store, _, _dir) = tried(8, 120, &history::MODEL);
    let past = Past::new(&world.commits, 120);
    for account in [None, Some("acme"), Some("nobody")] {
        let mut scan: Vec<(u64, usize, Value)> = ACCOUNTS
            .iter()
            .filter(|it| account.is_none_or(|wanted| wanted == **it))
            .flat_map(|it| past.events(it))
            .map(|it| (it.0, it.1, expected(it.0, it.1, it.2)))
            .collect();
        scan.sort_by_key(|it| (it.0, it.1));
        let (mut tail, mut sequence, mut index) = (vec![], 0, 0);
        loop {
            let next = history::events_after(store.db(), account, sequence, index, 7).unwrap();
            let Some(last) = next.last() else { break };
            (sequence, index) = (last.sequence, last.index);
            tail.extend(next.into_iter().map(json));
        }
        assert_eq!(tail, scan.into_iter().map(|it| it.2).collect::<Vec<_>>());
    }
}

#[test]
fn commands_are_found_where_they_are() {
    let (world, store, _, dir) = tried(9, 200, &commands::MODEL);
    let told = crate::tests::store(dir.path(), &history::MODEL, &world.commits, 9);
    for account in ACCOUNTS {
        let id = AccountId::new(account).unwrap();
        let mut all_of_account = vec![];
        for commit in &world.commits {
            for (index, record) in commit.records.iter().enumerate() {
                let command = &record.command.id;
                let found = commands::find(store.db(), &id, command).unwrap();
                assert_eq!(found.is_some(), record.account == id);
                let Some(found) = found else { continue };
                assert_eq!((found.sequence, found.hash), (commit.sequence, record.command.hash));
                let own = found.first as usize..(found.first + found.count) as usize;
                assert!(own.contains(&index));
                let caused = history::of_command(told.db(), account, command.as_str(), u64::MAX);
                let records = commit.records.iter().enumerate().filter(|it| own.contains(&it.0));
                let records: Vec<_> =
                    records.map(|it| expected(commit.sequence, it.0, it.1)).collect();
                assert_eq!(json(caused.unwrap()), json(records));
                if index == own.start {
                    all_of_account.push(found);
                }
            }
        }
        all_of_account.reverse();
        let recent = all(200, |cursor| commands::recent(store.db(), account, cursor, 3, u64::MAX));
        assert_eq!(recent, all_of_account);
    }
    let unknown = CommandId::new("unknown").unwrap();
    let found = commands::find(store.db(), &AccountId::new("acme").unwrap(), &unknown).unwrap();
    assert_eq!(found, None);
}

#[test]
fn times_are_sequences() {
    let (world, store, _, _dir) = tried(10, 100, &history::MODEL);
    for commit in &world.commits {
        let at = commit.header.at;
        assert_eq!(history::moment_of(store.db(), commit.sequence).unwrap(), Some(at));
        for off in [-1, 0, 1] {
            let moment = Moment::from_millis(at.millis() + off);
            let last = world.commits.iter().rfind(|it| it.header.at <= moment);
            let expected = last.map_or(0, |it| it.sequence);
            assert_eq!(history::sequence_at(store.db(), moment).unwrap(), expected);
        }
    }
    assert_eq!(history::moment_of(store.db(), 0).unwrap(), None);
    assert_eq!(history::moment_of(store.db(), 101).unwrap(), None);
}
