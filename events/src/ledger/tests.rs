//! Random histories: commits of several commands that land on the log or do not.

mod batches;
mod giving;
mod passing;
mod seeds;
mod sharing;
mod transferring;
mod walk;

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use uuid::Uuid;

use self::walk::{Ask, Commit, Walk, What, day, walks, walks_of_keys};
use super::*;
use crate::account::contents::Contents;
use crate::command::{AssignSeat, Command, Patch};
use crate::policy::Lowering;
use crate::request::{ContentHash, Via};
use crate::text::AssignmentId;
use crate::transfer::{Received, Transfer};
use crate::wire::{self, CommandRef, CommitHash, Header, Record};
use crate::{Actor, By, CommandId, Holder, LicenseId, UserId};

/// A ledger, and beside it what a reader of the log would know.
#[derive(Default)]
struct World {
    ledger: Ledger,
    now: i64,
    asked: u64,
    log: Vec<Record>,
    ids: BTreeMap<AccountId, Vec<AssignmentId>>,
    /// Codes of the refusals on the way.
    refused: BTreeSet<&'static str>,
    /// Transfers on their way as the commit began, and what is known of them by the log.
    transfers: Vec<Transfer>,
    said: BTreeMap<u64, Received>,
    /// Accounts that have tolerated a quantity under what is in use.
    tolerant: BTreeSet<AccountId>,
}

impl World {
    fn contents(&self) -> (u64, BTreeMap<AccountId, Contents>) {
        let of = |it: &Account| (it.id().clone(), it.contents());
        (self.ledger.last_number(), self.ledger.accounts().map(of).collect())
    }

    /// Indexes, counts and invariants agree with a look at every row.
    fn audit(&self) {
        self.ledger.accounts().for_each(Account::audit);
        transferring::audit(&self.ledger, &self.tolerant);
        assert_eq!(self.ledger.check(), Ok(()));
    }

    fn go(&mut self, walk: &Walk) {
        for commit in walk {
            self.commit(commit);
        }
        self.replay();
    }

    fn commit(&mut self, commit: &Commit) {
        self.now += commit.later;
        let before = self.contents();
        self.transfers = self.ledger.transfers(usize::MAX);
        let mut records = vec![];
        self.ledger.begin();
        for ask in &commit.asks {
            self.ask(ask, &mut records);
            self.audit();
            let now = day(0, self.now);
            self.ledger.accounts().for_each(|it| giving::audit(it, now));
        }
        match commit.lands {
            true => self.land(records),
            false => {
                assert_eq!(self.ledger.restore(), Ok(()));
                assert_eq!(self.contents(), before, "nothing of it has happened");
            }
        }
        self.audit();
    }

    fn land(&mut self, records: Vec<Record>) {
        let judged = self.contents();
        self.ledger.settle();
        assert_eq!(self.contents(), judged);
        self.ledger.roll_back();
        assert_eq!(self.contents(), judged, "nothing is open any more");
        for it in &records {
            if let Event::TransferReceived(received) = &it.event {
                self.said.extend(Received::of(&it.event).map(|it| (received.transfer, it)));
            }
        }
        self.log.extend(records);
    }

    fn ask(&mut self, ask: &Ask, records: &mut Vec<Record>) {
        self.asked += 1;
        if let Some(request) = self.request(ask) {
            self.judge(&request, records);
        }
    }

    fn judge(&mut self, request: &Request, records: &mut Vec<Record>) {
        if let Command::SetPolicy(it) = &request.command
            && it.lowering == Patch::Set(Lowering::Tolerate)
        {
            self.tolerant.insert(request.account.clone());
        }
        let (before, mut used) = (self.contents(), sharing::used(&self.ledger));
        let (now, seed) = (day(0, self.now), u128::from(self.asked) << 32);
        match self.ledger.judge(request, now, seed) {
            Err(refusal) => {
                assert_ne!(request.via, Via::Clock, "{refusal}");
                self.refused.insert(refusal.code());
                assert_eq!(self.contents(), before, "{refusal}");
            }
            Ok(events) if request.dry_run || events.is_empty() => {
                assert_eq!(self.contents(), before, "{events:?}");
            }
            // It moves as much again.
            Ok(events) if matches!(request.command, Command::MoveQuantity(_)) => {
                self.record(request, now, events, records);
            }
            Ok(events) => {
                let again = self.ledger.judge(request, now, seed + (1 << 31));
                match again {
                    // What was given by name is gone; what a group gives as well is not.
                    Err(Refusal::HeldByGroup { .. }) => {}
                    again => assert_eq!(again, Ok(vec![]), "{request:?} asked again"),
                }
                if let Some(account) = self.ledger.account(&request.account) {
                    giving::audit_denial(account, &request.command, &events);
                    giving::audit_ends(account, &request.command, &events);
                }
                sharing::allow(&self.ledger, request, &events, &mut used);
                self.record(request, now, events, records);
            }
        }
        sharing::audit(&self.ledger, &used, &self.tolerant);
    }

    /// What is asked; nothing where there is no transfer whose step it could be.
    fn request(&mut self, ask: &Ask) -> Option<Request> {
        let id = CommandId::new(format!("c-{}", self.asked)).unwrap();
        if let What::Step(which, again) = &ask.what {
            let place = which.index(self.transfers.len().max(1));
            return self.transfers.get(place).map(|it| self.step(it, id, *again));
        }
        let account = AccountId::new(ask.account).unwrap();
        let ids = self.ids.entry(account.clone()).or_default();
        Some(Request {
            id,
            actor: Actor::new("somebody").unwrap(),
            by: By::nats_command(),
            via: Via::Nats,
            change: Default::default(),
            dry_run: ask.dry_run,
            command: ask.what.command(ids),
            hash: ContentHash([7; 16]),
            account,
        })
    }

    fn step(&self, transfer: &Transfer, id: CommandId, again: bool) -> Request {
        let said = self.said.get(&transfer.open.transfer).filter(|_| !again);
        let step = said.map_or_else(|| transfer.to_receive(), |it| transfer.to_end(id, it));
        step.unwrap()
    }

    fn record(
        &mut self,
        request: &Request,
        at: Moment,
        events: Vec<Event>,
        records: &mut Vec<Record>,
    ) {
        for event in events {
            if let Event::SeatAssigned(it) = &event {
                self.ids.entry(request.account.clone()).or_default().push(it.assignment);
            }
            records.push(Record {
                id: Uuid::from_u128(records.len() as u128),
                at,
                account: request.account.clone(),
                command: CommandRef { id: request.id.clone(), hash: request.hash },
                actor: request.actor.clone(),
                by: request.by.clone(),
                via: request.via,
                change: request.change.clone(),
                event,
            });
        }
    }

    /// The log, written and read back, adds up to the same ledger, and so it does by another road.
    fn replay(&self) {
        let mut lines = vec![];
        self.log.iter().for_each(|it| it.write(&mut lines));
        let header = Header {
            format: wire::FORMAT,
            commit: Uuid::nil(),
            partition: 0,
            n: 1,
            prev: CommitHash::NONE,
            count: self.log.len(),
            at: day(0, self.now),
            void: None,
        };
        let commit = wire::decode(1, &wire::encode(&header, &lines)).unwrap();
        assert_eq!(commit.records, self.log);
        let mut replayed = World::default();
        let mut plainly: BTreeMap<AccountId, Contents> = BTreeMap::new();
        for it in &commit.records {
            replayed.ledger.evolve(&it.account, &it.event).unwrap();
            plainly.entry(it.account.clone()).or_default().evolve(&it.event);
        }
        replayed.tolerant.clone_from(&self.tolerant);
        replayed.audit();
        assert_eq!(replayed.contents(), self.contents());
        assert_eq!(plainly, self.contents().1);
        // A number names one thing, over all accounts.
        let mut things: BTreeMap<u64, String> = BTreeMap::new();
        for it in &self.log {
            for (number, thing) in numbered(&it.event) {
                let thing = format!("{} {thing}", it.account);
                assert_eq!(*things.entry(number).or_insert(thing.clone()), thing);
            }
        }
    }
}

/// The numbers that an event gives out, and to what.
#[expect(clippy::wildcard_enum_match_arm, reason = "all others are asked for theirs")]
fn numbered(event: &Event) -> Vec<(u64, String)> {
    match event {
        Event::LicenseAllocated(it) => vec![(it.number, format!("license {}", it.license))],
        Event::SeatAssigned(it) => {
            let holder = it.holder_number.map(|number| (number, format!("{:?}", it.holder.key())));
            let seat = (it.number, format!("assignment {}", it.assignment));
            std::iter::once(seat).chain(holder).collect()
        }
        Event::CommandScheduled(it) => vec![(it.schedule, "schedule".to_owned())],
        Event::TransferBegan(it) => vec![(it.transfer, "transfer".to_owned())],
        Event::HolderRegistered(it) => vec![(it.number, format!("{:?}", it.holder.key()))],
        Event::GroupNamed(it) => vec![(it.number, format!("group {}", it.group))],
        // A place passes from an address to its user.
        Event::MemberAdded(it) => {
            let holder = it.holder_number.map(|number| (number, format!("{:?}", it.holder.key())));
            let member = (it.place, format!("member of {}", it.group));
            std::iter::once(member).chain(holder).collect()
        }
        Event::WaitlistJoined(it) => vec![(it.place, "place".to_owned())],
        it => {
            assert_eq!(it.number(), 0, "{it:?}");
            vec![]
        }
    }
}

#[test]
fn no_history_breaks_an_invariant() {
    seeds::each(0..2_000, &walks(), |walk| World::default().go(&walk));
    seeds::each(0..200, &walks_of_keys(), |walk| World::default().go(&walk));
}

#[test]
fn random_histories_get_everywhere() {
    let mut runner = TestRunner::deterministic();
    let (mut happened, mut refused) = (BTreeSet::new(), BTreeSet::new());
    let all = (0..900).map(|_| walks().new_tree(&mut runner).unwrap().current());
    let mut walked: Vec<_> = all.collect();
    walked.extend((0..100).map(|_| walks_of_keys().new_tree(&mut runner).unwrap().current()));
    for walk in walked {
        let mut world = World::default();
        world.go(&walk);
        happened.extend(world.log.iter().map(|it| it.event.kind()));
        refused.extend(world.refused);
    }
    let missing = |all: Vec<&'static str>, found: &BTreeSet<&str>| {
        all.into_iter().filter(|it| !found.contains(it)).collect::<Vec<_>>()
    };
    assert_eq!(missing(Event::TYPES.to_vec(), &happened), [""; 0]);
    // The writer alone knows about these.
    let others = ["command_id_reused", "commit_too_large", "poison"];
    let all = Refusal::TABLE.iter().map(|it| it.0).filter(|it| !others.contains(it));
    assert_eq!(missing(all.collect(), &refused), [""; 0]);
}

fn allocate(account: &str) -> Request {
    request(account, walk::allocation("a", "P", 1))
}

fn request(account: &str, command: Command) -> Request {
    Request {
        id: CommandId::new("c").unwrap(),
        account: AccountId::new(account).unwrap(),
        actor: Actor::new("somebody").unwrap(),
        by: By::nats_command(),
        via: Via::Nats,
        change: Default::default(),
        dry_run: false,
        command,
        hash: ContentHash([7; 16]),
    }
}

fn first_license(ledger: &mut Ledger, account: &str) {
    ledger.begin();
    ledger.judge(&allocate(account), day(0, 0), 0).unwrap();
}

/// What a command would cause.
fn tried(ledger: &mut Ledger, mut request: Request, seed: u128) -> Vec<Event> {
    request.dry_run = true;
    ledger.judge(&request, day(0, 0), seed).unwrap()
}

/// Takes note of facts that nobody has judged.
fn note(ledger: &mut Ledger, account: &AccountId, events: &[Event]) {
    let row = ledger.row(account);
    ledger.touched.push(row);
    ledger.accounts[row].mark();
    events.iter().for_each(|it| ledger.accounts[row].take_note(it));
}

#[test]
fn what_is_taken_back_has_not_happened_and_the_rest_has() {
    let mut ledger = Ledger::default();
    ledger.begin();
    ledger.judge(&allocate("acme"), day(0, 0), 0).unwrap();
    ledger.judge(&allocate("other"), day(0, 0), 1 << 32).unwrap();
    ledger.take_back();
    ledger.take_back();
    let accounts: Vec<_> = ledger.accounts().map(|it| it.id().as_str()).collect();
    assert_eq!((accounts, ledger.last_number()), (vec!["acme"], 1));
    ledger.judge(&allocate("other"), day(0, 0), 2 << 32).unwrap();
    ledger.settle();
    assert_eq!((ledger.accounts().count(), ledger.last_number()), (2, 2));
}

#[test]
fn only_the_command_judged_last_is_taken_back() {
    let mut ledger = Ledger::default();
    ledger.begin();
    ledger.judge(&allocate("acme"), day(0, 0), 0).unwrap();
    // One that is tried out, of an account that is there and of one that is not.
    for account in ["acme", "other"] {
        let mut license = allocate(account);
        license.dry_run = true;
        if let Command::AllocateLicense(it) = &mut license.command {
            it.license = LicenseId::new("another").unwrap();
        }
        ledger.judge(&license, day(0, 0), 1 << 32).unwrap();
        ledger.take_back();
    }
    // One that is refused.
    let mut license = allocate("acme");
    if let Command::AllocateLicense(it) = &mut license.command {
        it.quantity = crate::command::Quantity::ZERO;
    }
    ledger.judge(&license, day(0, 0), 2 << 32).unwrap_err();
    ledger.take_back();
    assert_eq!((ledger.accounts().count(), ledger.last_number()), (1, 1));
}

#[test]
fn an_account_is_there_from_its_first_license_on_and_not_before() {
    let mut ledger = Ledger::default();
    first_license(&mut ledger, "acme");
    assert_eq!(ledger.accounts().count(), 1);
    ledger.roll_back();
    let acme = AccountId::new("acme").unwrap();
    assert!(ledger.account(&acme).is_none() && ledger.accounts().next().is_none());
    first_license(&mut ledger, "acme");
    ledger.settle();
    assert!(ledger.account(&acme).is_some());
}

#[test]
fn numbers_are_never_given_out_again() {
    let mut ledger = Ledger::default();
    first_license(&mut ledger, "acme");
    ledger.settle();
    assert_eq!(ledger.last_number(), 1);
    // Nothing is open: there is nothing to take back.
    ledger.roll_back();
    assert_eq!(ledger.last_number(), 1);
    first_license(&mut ledger, "other");
    assert_eq!(ledger.last_number(), 2);
    ledger.roll_back();
    assert_eq!(ledger.last_number(), 1);
}

#[test]
fn what_was_never_settled_has_not_happened() {
    let mut ledger = Ledger::default();
    first_license(&mut ledger, "acme");
    first_license(&mut ledger, "other");
    ledger.settle();
    let accounts: Vec<_> = ledger.accounts().map(|it| it.id().as_str()).collect();
    assert_eq!((accounts, ledger.last_number()), (vec!["other"], 1));
}

#[test]
fn a_fact_on_the_log_takes_the_place_of_what_was_judged() {
    let mut ledger = Ledger::default();
    first_license(&mut ledger, "acme");
    let fact = tried(&mut ledger, allocate("other"), 0).remove(0);
    let other = AccountId::new("other").unwrap();
    ledger.evolve(&other, &fact).unwrap();
    ledger.roll_back();
    let accounts: Vec<_> = ledger.accounts().map(|it| it.id().as_str()).collect();
    assert_eq!((accounts, ledger.last_number()), (vec!["other"], fact.number()));
}

#[test]
fn what_cannot_follow_is_not_published() {
    let mut ledger = Ledger::default();
    let acme = AccountId::new("acme").unwrap();
    let events = tried(&mut ledger, allocate("acme"), 0);
    ledger.begin();
    note(&mut ledger, &acme, &events);
    assert_eq!(ledger.check(), Ok(()));
    note(&mut ledger, &acme, &events);
    assert!(matches!(ledger.check(), Err(Broken::Inconsistent(..))));
    ledger.roll_back();
    assert_eq!(ledger.check(), Ok(()));
}

#[test]
fn a_seat_given_away_twice_is_not_published() {
    let seat = |user: &str| {
        let command = Command::AssignSeat(AssignSeat {
            license: Some(LicenseId::new("a").unwrap()),
            product: None,
            container: None,
            holders: vec![Holder::user(UserId::new(user).unwrap())],
            active: true,
            fulfilled: false,
            redirect_to: None,
            metadata: None,
            wait: false,
            ends_at: None,
        });
        request("acme", command)
    };
    let mut ledger = Ledger::default();
    first_license(&mut ledger, "acme");
    ledger.settle();
    // Both are judged before either is taken note of: what the writer must never do.
    let ada = tried(&mut ledger, seat("ada"), 1 << 32);
    let bo = tried(&mut ledger, seat("bo"), 2 << 32);
    let acme = AccountId::new("acme").unwrap();
    ledger.begin();
    note(&mut ledger, &acme, &ada);
    assert_eq!(ledger.check(), Ok(()));
    note(&mut ledger, &acme, &bo);
    assert!(matches!(ledger.check(), Err(Broken::Counts { held: 2, quantity: 1, .. })));
}
