//! Every figure, now and at past sequences, against a replay.

mod assignments;
mod checks;
mod containers;
mod directory;
mod given;
mod history;
mod keys;
mod licenses;
mod numbered;
mod schedules;
mod usage;
mod waitlists;

use std::sync::Arc;

use events::account::{Account, Assignment};
use events::wire::{Commit, Record};
use events::{AccountId, Event, Holder, Ledger, Moment};
use serde::Serialize;
use serde_json::Value;

use super::store;
use super::world::World;
use crate::{Error, Page, ReadModel, Store};

/// What the first commits add up to, by the rules' own state and by reading every event.
struct Past<'a> {
    sequence: u64,
    ledger: Ledger,
    commits: &'a [Arc<Commit>],
}

impl<'a> Past<'a> {
    fn new(commits: &'a [Arc<Commit>], sequence: u64) -> Past<'a> {
        let commits = &commits[..usize::try_from(sequence).unwrap()];
        let mut ledger = Ledger::default();
        for record in commits.iter().flat_map(|it| &it.records) {
            ledger.evolve(&record.account, &record.event).unwrap();
        }
        Past { sequence, ledger, commits }
    }

    fn account(&self, account: &str) -> Option<&Account> {
        self.ledger.account(&AccountId::new(account).unwrap())
    }

    /// Every event of an account, with where it stands.
    fn events(&self, account: &str) -> impl DoubleEndedIterator<Item = (u64, usize, &'a Record)> {
        let commits = self.commits;
        commits
            .iter()
            .flat_map(|it| {
                it.records.iter().enumerate().map(|(n, record)| (it.sequence, n, record))
            })
            .filter(move |it| it.2.account.as_str() == account)
    }

    /// The live assignments whose license and holder are meant.
    fn live(
        &self,
        account: &str,
        is: impl Fn(&str, &Holder, &Assignment) -> bool,
    ) -> Vec<&Assignment> {
        let Some(account) = self.account(account) else { return vec![] };
        let live = account
            .assignments()
            .filter(|it| is(account.license_of(it).id.as_str(), account.holder_of(it), it));
        live.collect()
    }
}

/// A world, one model of it, and the sequences to look at: the last one and random ones before.
fn tried(
    seed: u64,
    commits: usize,
    model: &'static ReadModel,
) -> (World, Store, Vec<u64>, tempfile::TempDir) {
    tried_in(World::new(seed, commits), model)
}

fn tried_in(
    mut world: World,
    model: &'static ReadModel,
) -> (World, Store, Vec<u64>, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let commits = world.commits.len();
    let store = store(dir.path(), model, &world.commits, 50);
    let mut sequences: Vec<u64> = (0..30).map(|_| world.random.below(commits as u64 + 1)).collect();
    sequences.push(commits as u64);
    (world, store, sequences, dir)
}

/// Reads a list page by page; each page tells of the same sequence.
fn all<T>(sequence: u64, page: impl Fn(Option<&str>) -> Result<Page<T>, Error>) -> Vec<T> {
    let (mut items, mut cursor) = (vec![], None::<String>);
    loop {
        let page = page(cursor.as_deref()).unwrap();
        assert_eq!(page.sequence, sequence);
        items.extend(page.items);
        cursor = page.next;
        if cursor.is_none() {
            return items;
        }
    }
}

fn json(it: impl Serialize) -> Value {
    serde_json::to_value(it).unwrap()
}

/// What `serde` leaves out is not there.
fn without_nulls(mut it: Value) -> Value {
    if let Value::Object(members) = &mut it {
        members.retain(|_, value| !value.is_null());
    }
    it
}

fn at_of(commits: &[Arc<Commit>], sequence: u64) -> Moment {
    commits[usize::try_from(sequence).unwrap() - 1].header.at
}

/// The assignment an event is about, and what it says of its being held.
fn holding(event: &Event) -> Option<(events::AssignmentId, Option<bool>)> {
    match event {
        Event::SeatAssigned(it) => Some((it.assignment, Some(it.active))),
        Event::AssignmentReactivated(it) => Some((it.assignment, Some(true))),
        Event::AssignmentDeactivated(it) | Event::AssignmentRevoked(it) => {
            Some((it.assignment, Some(false)))
        }
        Event::AssignmentFulfilled(it) | Event::FulfilmentWithdrawn(it) => {
            Some((it.assignment, None))
        }
        Event::AssignmentDescribed(it) => Some((it.assignment, None)),
        _ => None,
    }
}
