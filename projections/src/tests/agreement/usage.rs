use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Datelike, Timelike, Utc};
use events::wire::Commit;
use events::{Event, Moment};

use super::{Past, holding, tried};
use crate::licenses::{self, BUCKETS_MAX, Bucket, Window};
use crate::tests::world::{ACCOUNTS, LICENSES, Random};

const STEP_MS: i64 = 900_000;

/// Use of a license after each event about it: when, seats held, seats, whether the commit is over.
fn changes(past: &Past<'_>, account: &str, license: &str) -> Vec<(i64, i64, i64, bool)> {
    let (mut held, mut quantity) = (BTreeMap::new(), 0);
    let mut all = vec![];
    for (sequence, _, record) in past.events(account) {
        if record.event.about().license.is_none_or(|it| it.as_str() != license) {
            continue;
        }
        match &record.event {
            Event::LicenseAllocated(it) => quantity = it.quantity.get(),
            Event::QuantityChanged(it) => quantity = it.to.get(),
            event => {
                if let Some((assignment, Some(active))) = holding(event) {
                    held.insert(assignment, active);
                }
            }
        }
        let used = held.values().filter(|it| **it).count() as i64;
        all.push((sequence, record.at.millis(), used, quantity));
    }
    let next = all.iter().skip(1).map(|it| Some(it.0)).chain([None]);
    all.iter().zip(next).map(|(it, next)| (it.1, it.2, it.3, next != Some(it.0))).collect()
}

/// A bucket, by walking over every change for every bucket. What lasted counts, and what a commit made
/// of it even if that did not last: for the low its end, for the peak also what it went through.
fn naive(changes: &[(i64, i64, i64, bool)], from: i64, to: i64) -> Bucket {
    let before = changes.iter().rfind(|it| it.0 < from);
    let (mut used, mut quantity) = before.map_or((0, 0), |it| (it.1, it.2));
    let (mut since, mut seat_ms) = (from, 0_i128);
    let (mut begin, mut most) = (used, i64::MIN);
    let (mut peaks, mut lows) = (vec![], vec![]);
    for (at, then, seats, over) in changes.iter().filter(|it| from <= it.0 && it.0 < to) {
        if *at > since {
            peaks.push(used);
            lows.push(used);
        }
        seat_ms += i128::from(used) * i128::from(at - since);
        if *then != used {
            most = most.max(*then);
        }
        (since, used, quantity) = (*at, *then, *seats);
        if *over {
            most = most.max(used);
            if (used, most) != (begin, begin) {
                peaks.push(most);
                lows.push(used);
            }
            (begin, most) = (used, i64::MIN);
        }
    }
    peaks.push(used);
    lows.push(used);
    seat_ms += i128::from(used) * i128::from(to - since);
    Bucket {
        from: Moment::from_millis(from),
        to: Moment::from_millis(to),
        used,
        quantity,
        peak: peaks.into_iter().max().unwrap(),
        low: lows.into_iter().min().unwrap(),
        seat_days: ((seat_ms * 10 + 432) / 864) as f64 / 1e6,
    }
}

/// Whether a bucket begins at this quarter of an hour.
fn is_edge(millis: i64, window: Window) -> bool {
    let time = DateTime::<Utc>::from_timestamp_millis(millis).unwrap();
    let hour = time.minute() == 0 && time.second() == 0;
    let day = hour && time.hour() == 0;
    match window {
        Window::Hour => hour,
        Window::Day => day,
        Window::Week => day && time.weekday() == chrono::Weekday::Mon,
        Window::Month => day && time.day() == 1,
        Window::Whole => false,
    }
}

/// Some time, beginning now and then just when something happens.
fn stretch(random: &mut Random, commits: &[Arc<Commit>]) -> (i64, i64) {
    let then = random.pick(commits).header.at.millis();
    let anywhere = then - random.below(3 * 86_400_000) as i64;
    let from = *random.pick(&[anywhere, then]);
    let hour = from - from % 3_600_000;
    let from = *random.pick(&[from, hour]);
    (from, from + 1 + random.below(80 * 3_600_000) as i64)
}

#[test]
fn usage_agrees_with_a_walk_over_every_change() {
    // In the histories of the latter a commit about a part stands in the same millisecond as one
    // that changes what is held of the license.
    let counted = [10, 235, 268].map(usage_agrees);
    let (busy, transient) = counted.into_iter().fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1));
    assert!(busy > 1_500 && transient > 15, "{busy} {transient}");
}

/// Counts buckets in which something was held, and those in which it was more and less than at
/// their end.
fn usage_agrees(seed: u64) -> (usize, usize) {
    let (mut world, store, sequences, _dir) = tried(seed, 500, &licenses::MODEL);
    let commits = world.commits.clone();
    let windows = [Window::Hour, Window::Day, Window::Week, Window::Month, Window::Whole];
    let (mut busy, mut transient) = (0, 0);
    for sequence in sequences.into_iter().skip(20) {
        let past = Past::new(&commits, sequence);
        for (account, license) in ACCOUNTS.iter().flat_map(|a| LICENSES.map(|l| (*a, l))) {
            let changes = changes(&past, account, license);
            let (from, to) = stretch(&mut world.random, &commits);
            let window = *world.random.pick(&windows);
            let first = (from / STEP_MS + 1) * STEP_MS;
            let edges = (first..to).step_by(STEP_MS as usize).filter(|it| is_edge(*it, window));
            let edges: Vec<i64> = [from].into_iter().chain(edges).chain([to]).collect();
            let expected: Vec<_> =
                edges.windows(2).map(|it| naive(&changes, it[0], it[1])).collect();
            busy += expected.iter().filter(|it| it.peak > 0).count();
            transient += expected.iter().filter(|it| it.low < it.used && it.used < it.peak).count();
            let asked = (Moment::from_millis(from), Moment::from_millis(to));
            let (found, as_of) =
                licenses::usage(store.db(), account, license, asked, window, sequence).unwrap();
            assert_eq!(found.is_some(), !changes.is_empty());
            assert_eq!(found.unwrap_or(expected.clone()), expected, "{license} {window:?}");
            assert_eq!(as_of, sequence);
        }
    }
    (busy, transient)
}

#[test]
fn a_commit_counts_with_what_it_went_through() {
    let (world, store, _, _dir) = tried(12, 250, &licenses::MODEL);
    let past = Past::new(&world.commits, 250);
    let all = (Moment::from_millis(0), Moment::from_millis(i64::MAX));
    let mut transient = 0;
    for (account, license) in ACCOUNTS.iter().flat_map(|a| LICENSES.map(|l| (*a, l))) {
        let changes = changes(&past, account, license);
        let (found, _) =
            licenses::usage(store.db(), account, license, all, Window::Whole, u64::MAX).unwrap();
        let Some(found) = found else { continue };
        assert_eq!(found[0].peak, changes.iter().map(|it| it.1).max().unwrap());
        transient += usize::from(changes.iter().any(|it| !it.3 && it.1 > 0));
    }
    assert!(transient > 0);
}

#[test]
fn time_without_end_is_not_cut_into_hours() {
    let (world, store, _, _dir) = tried(13, 20, &licenses::MODEL);
    let account = world.commits[0].records[0].account.as_str();
    let license = world.commits[0].records[0].event.about().license.unwrap().as_str();
    let ask = |from, to, window| {
        let asked = (Moment::from_millis(from), Moment::from_millis(to));
        licenses::usage(store.db(), account, license, asked, window, u64::MAX).map(|it| it.0)
    };
    let hours = |n: usize| n as i64 * 3_600_000;
    assert_eq!(ask(0, hours(BUCKETS_MAX), Window::Hour).unwrap().unwrap().len(), BUCKETS_MAX);
    for many in [BUCKETS_MAX + 1, BUCKETS_MAX * 1_000] {
        let error = ask(0, hours(many), Window::Hour).unwrap_err();
        assert!(matches!(error, crate::Error::Buckets { .. }), "{error}");
        let said = error.to_string();
        assert!(said.starts_with(&format!("that makes more than {BUCKETS_MAX} buckets")), "{said}");
    }
    assert!(ask(i64::MIN, i64::MAX, Window::Month).is_err());
    assert_eq!(ask(i64::MIN, i64::MAX, Window::Whole).unwrap().unwrap().len(), 1);
    for (from, to) in [(5, 5), (7, 5)] {
        assert_eq!(ask(from, to, Window::Day).unwrap().unwrap().len(), 0);
    }
}
